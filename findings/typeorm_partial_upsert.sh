#!/bin/sh
# typeorm 1.1.1 with sql.js 1.17.0: upsert() of two partial objects empties the columns that the other one names.
#
# Expected: upsert() updates the columns that an object has, as it does for one object, and as save() does for any number; the
#           highest of a column of dates is a date, or is refused; find({where: {tags}}) finds what was saved as tags.
# Seen:     one INSERT is made of all objects, with NULL where an object says nothing, and every column that any of them names is
#           updated: after {id: 1, name} and {id: 2, qty}, the quantity of 1 and the name of 2 are gone, although both were
#           there. maximum("day") of dates is the number 2020, sum("day") 6060, maximum("name") NaN, since parseFloat() reads
#           what the database says. A simple-array ["a", "b"] is saved and not found by ["a", "b"]. No error. (null in where,
#           checked here as well, is refused.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" typeorm@1.1.1 sql.js@1.17.0 reflect-metadata@0.2.2
cat > ask.js <<'JS'
require("reflect-metadata");
const assert = require("assert");
const { DataSource, EntitySchema } = require("typeorm");

const Item = new EntitySchema({
    name: "item",
    columns: {
        id: { type: "integer", primary: true },
        name: { type: "varchar", nullable: true },
        qty: { type: "integer", nullable: true },
        day: { type: "date", nullable: true },
        tags: { type: "simple-array", nullable: true },
    },
});

async function main() {
    const source = new DataSource({ type: "sqljs", entities: [Item], synchronize: true });
    await source.initialize();
    const items = source.getRepository("item");
    const stock = async () => (await items.find({ order: { id: "ASC" } })).map((row) => [row.id, row.name, row.qty]);
    await items.insert([
        { id: 1, name: "tea", qty: 5, day: "2020-01-02", tags: ["a", "b"] },
        { id: 2, name: "pen", qty: 6, day: "2020-03-04", tags: ["c"] },
        { id: 3, name: "ink", qty: 7, day: "2020-05-06", tags: null },
    ]);

    await items.upsert({ id: 3, name: "Ink" }, ["id"]);
    console.log("one object:", await stock());
    assert.deepStrictEqual((await stock())[2], [3, "Ink", 7]);
    await items.upsert([{ id: 1, name: "Tea" }, { id: 2, qty: 60 }], ["id"]);
    console.log("two objects:", await stock());
    assert.deepStrictEqual(await stock(), [[1, "Tea", null], [2, null, 60], [3, "Ink", 7]], "this has changed");
    await items.save([{ id: 1, qty: 5 }, { id: 2, name: "pen" }]);
    assert.deepStrictEqual(await stock(), [[1, "Tea", 5], [2, "pen", 60], [3, "Ink", 7]]);

    const found = [await items.maximum("day"), await items.sum("day"), await items.maximum("name"), await items.maximum("qty")];
    console.log("maximum and sum of days, maximum of names and quantities:", ...found);
    assert.deepStrictEqual(found, [2020, 6060, NaN, 60], "this has changed");
    const tagged = await items.find({ where: { tags: ["a", "b"] } });
    console.log("by tags:", tagged, "read:", (await items.findOneBy({ id: 1 })).tags);
    assert.deepStrictEqual(tagged, [], "this has changed");
    assert.deepStrictEqual((await items.findOneBy({ id: 1 })).tags, ["a", "b"]);
    await assert.rejects(() => items.find({ where: { name: null } }));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
JS
node ask.js
echo "as described"
