#!/bin/sh
# drizzle-orm 0.45.4 with sql.js 1.17.0: in a column of blob({ mode: "bigint" }), 100n is less than 50n, and the highest is 9n.
#
# Expected: blob({ mode: "bigint" }), the column that drizzle's types show for BigInt in SQLite, orders and compares numbers, or
#           lt(), between(), max() and orderBy() refuse it; the type of max() of it is bigint.
# Seen:     a BigInt is stored as the bytes of its digits, and SQLite compares bytes from the left: orderBy() gives 1000n, 100n,
#           9n downwards as 9n, 1000n, 100n, lt(50n) finds 100n and 1000n, between(5n, 50n) finds nothing of 9n, and max() is 9n,
#           decoded as a bigint. eq() and inArray() are right, but find nothing of what another program has written as an integer.
#           Tests with numbers of one length pass. No error. numeric({ mode: "bigint" }) orders rightly.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps --prefix "$work" drizzle-orm@0.45.4 sql.js@1.17.0
cat > ask.js <<'JS'
const assert = require("assert");
const { between, desc, eq, gt, inArray, lt, max } = require("drizzle-orm");
const { drizzle } = require("drizzle-orm/sql-js");
const { blob, integer, numeric, sqliteTable } = require("drizzle-orm/sqlite-core");
const start = require("sql.js");

const share = sqliteTable("share", {
    id: integer().primaryKey(),
    held: blob({ mode: "bigint" }),
    plain: numeric({ mode: "bigint" }),
});
const NUMBERS = [9n, 100n, 1000n, -2n, -10n];

async function main() {
    const engine = await start();
    const file = new engine.Database();
    file.run("CREATE TABLE share (id INTEGER PRIMARY KEY, held BLOB, plain NUMERIC)");
    const base = drizzle(file);
    await base.insert(share).values(NUMBERS.map((number, id) => ({ id, held: number, plain: number })));
    const rows = (query) => query.then((found) => found.map((row) => row.x));
    const ask = async (column) => ({
        downwards: await rows(base.select({ x: column }).from(share).orderBy(desc(column))),
        below50: await rows(base.select({ x: column }).from(share).where(lt(column, 50n)).orderBy(share.id)),
        above50: await rows(base.select({ x: column }).from(share).where(gt(column, 50n)).orderBy(share.id)),
        from5to50: await rows(base.select({ x: column }).from(share).where(between(column, 5n, 50n)).orderBy(share.id)),
        highest: await rows(base.select({ x: max(column) }).from(share)),
        equal: await rows(base.select({ x: column }).from(share).where(inArray(column, [9n, 100n])).orderBy(share.id)),
    });
    const held = await ask(share.held);
    const plain = await ask(share.plain);
    console.log("blob:", held, "numeric:", plain);
    assert.deepStrictEqual(plain.downwards.map(Number), [1000, 100, 9, -2, -10]);
    assert.deepStrictEqual(held.downwards, [9n, 1000n, 100n, -2n, -10n], "this has changed");
    assert.deepStrictEqual(held.below50, [100n, 1000n, -2n, -10n], "this has changed");
    assert.deepStrictEqual(held.above50, [9n], "this has changed");
    assert.deepStrictEqual(held.from5to50, [], "this has changed");
    assert.deepStrictEqual(held.highest, [9n], "this has changed");
    assert.deepStrictEqual(held.equal, [9n, 100n]);
    file.run("INSERT INTO share VALUES (10, 77, 77)");
    assert.deepStrictEqual(await rows(base.select({ x: share.id }).from(share).where(eq(share.held, 77n))), [], "this has changed");
    console.log("stored:", file.exec("SELECT typeof(held), CAST(held AS TEXT) FROM share")[0].values.join("; "));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
JS
node ask.js
echo "as described"
