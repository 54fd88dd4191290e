#!/bin/sh
# alasql 4.19.1: a null passed as a parameter is stored as 0, and ROW_NUMBER() OVER (ORDER BY price) does not order.
#
# Expected: INSERT INTO t VALUES (?, ?) with null stores NULL, which IS NULL finds and avg() leaves out; a window function keeps to
#           its OVER, or is refused, as LAG() is.
# Seen:     in a column INT or FLOAT the null is 0, and the word NULL a NaN (in one of texts both are nothing), so the mean of 4, 6
#           and a null is 3.33, IS NULL finds nothing, and < 5 finds it. ROW_NUMBER() counts the rows as they stand, under ORDER
#           BY price and under DESC alike, so the dearest of each shop is its first. SUM() OVER (PARTITION BY shop) is 0 in
#           every row. ORDER BY max(price) leaves groups unsorted, and a NULL joins a NULL. No error. (That max() of texts is
#           undefined was reported long ago.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work" alasql@4.19.1
cat > ask.js <<'JS'
const assert = require("assert");
const alasql = require("alasql");

alasql("CREATE TABLE item (name VARCHAR(9), shop INT, price FLOAT)");
for (const row of [["tea", 1, 4], ["pen", 1, 6], ["ink", 2, null]]) alasql("INSERT INTO item VALUES (?, ?, ?)", row);
alasql("CREATE TABLE word (name VARCHAR(9), price FLOAT)");
alasql("INSERT INTO word VALUES ('ink', NULL)");
console.log("stored:", alasql("SELECT name, price FROM item"), "the word NULL:", alasql("SELECT name, price FROM word"));

function ask(sql, found, data) {
    const rows = alasql(sql, data).map(Object.values);
    const values = rows.map((row) => (row.length === 1 ? row[0] : row.join(" ")));
    console.log(sql, "->", values);
    assert.deepStrictEqual(values, found, "this has changed");
}

assert.ok(Number.isNaN(alasql("SELECT VALUE price FROM word")), "this has changed");
ask("SELECT price FROM item WHERE name = 'ink'", [0]);
ask("SELECT avg(price) FROM item", [10 / 3]);
ask("SELECT name FROM item WHERE price IS NULL", []);
ask("SELECT name FROM item WHERE price < 5", ["tea", "ink"]);

const sale = [
    { item: "tea", shop: 1, price: 4 },
    { item: "pen", shop: 1, price: 6 },
    { item: "ink", shop: 2, price: 9 },
    { item: "cup", shop: 2, price: 5 },
];
ask("SELECT item, ROW_NUMBER() OVER (ORDER BY price) AS n FROM ?", ["tea 1", "pen 2", "ink 3", "cup 4"], [sale]);
ask("SELECT item, ROW_NUMBER() OVER (ORDER BY price DESC) AS n FROM ?", ["tea 1", "pen 2", "ink 3", "cup 4"], [sale]);
ask("SELECT item, SUM(price) OVER (PARTITION BY shop) AS s FROM ?", ["tea 0", "pen 0", "ink 0", "cup 0"], [sale]);
ask("SELECT shop FROM ? GROUP BY shop ORDER BY max(price) DESC", [1, 2], [sale]);
assert.throws(() => alasql("SELECT LAG(price) OVER (ORDER BY price) AS p FROM ?", [sale]));
const some = [{ k: null, a: 1 }, { k: 1, a: 2 }];
ask("SELECT l.a, r.a AS b FROM ? l JOIN ? r ON l.k = r.k", ["1 1", "2 2"], [some, some]);
JS
node ask.js
echo "as described"
