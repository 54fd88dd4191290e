#!/bin/sh
# node-sql-parser 5.4.0 for SQLite: NATURAL JOIN becomes a table called "natural" that is joined with every row of the other.
#
# Expected: sqlify(astify(sql)), which its README shows, writes a statement of the same meaning, or astify() raises, as it does
#           for OVER, FILTER and NULLS LAST in this dialect.
# Seen:     NATURAL is read as the first table's alias, so `shop NATURAL JOIN sale` is `"shop" AS "NATURAL" INNER JOIN "sale"`
#           without a condition: 5 rows are 24, and a LEFT one's 6 are 24, too. The tree says as: "NATURAL". `INTEGER PRIMARY KEY
#           AUTOINCREMENT` is written AUTOINCREMENT PRIMARY KEY, a syntax error, and `- -5` becomes --5, a comment. No error from
#           the parser. USING, ON, parentheses and precedence are kept.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" node-sql-parser@5.4.0 sql.js@1.17.0
cat > ask.js <<'JS'
const assert = require("assert");
const { Parser } = require("node-sql-parser");
const start = require("sql.js");

async function main() {
    const engine = await start();
    const file = new engine.Database();
    file.run(`
        CREATE TABLE shop (name TEXT, city TEXT);
        INSERT INTO shop VALUES ('a', 'Oslo'), ('b', 'Rome'), ('c', 'Rome'), ('d', 'Paris');
        CREATE TABLE sale (id INTEGER PRIMARY KEY, city TEXT);
        INSERT INTO sale VALUES (1, 'Oslo'), (2, 'Rome'), (3, 'oslo'), (4, NULL), (5, 'Bergen'), (6, 'Rome');`);
    const parser = new Parser();
    const dialect = { database: "sqlite" };
    const count = (sql) => file.exec(sql)[0].values.length;

    function written(sql) {
        const tree = parser.astify(sql, dialect);
        const made = parser.sqlify(tree, dialect);
        console.log(sql, "\n  ", made);
        return [tree, made];
    }

    for (const [sql, right, held] of [
        ["SELECT name, id FROM shop NATURAL JOIN sale", 5, 24],
        ["SELECT name, id FROM shop NATURAL LEFT JOIN sale", 6, 24],
        ["SELECT name, id FROM shop JOIN sale USING (city)", 5, 5],
        ["SELECT name, id FROM shop JOIN sale ON shop.city = sale.city AND NOT (id = 2 OR name = 'b')", 2, 2],
    ]) {
        const [tree, made] = written(sql);
        console.log("   rows:", count(sql), count(made));
        assert.strictEqual(count(sql), right);
        assert.strictEqual(count(made), held, "this has changed");
        assert.strictEqual(tree.from[0].as, held === 24 ? "NATURAL" : null, "this has changed");
    }
    for (const sql of ["CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT)", "SELECT - -5"]) {
        const [, made] = written(sql);
        file.run(sql);
        assert.throws(() => file.run(made.replace('"t"', '"u"')), "this has changed");
    }
    assert.throws(() => parser.astify("SELECT sum(id) OVER (ORDER BY id) FROM sale", dialect));
}

main().catch((error) => {
    console.error(error);
    process.exit(1);
});
JS
node ask.js
echo "as described"
