"""The canonical form of SQL: what it looks like, and that it means what the original meant."""

from __future__ import annotations

import random
import sqlite3

import pytest

pytest.importorskip("sqlglot")

from bench.gold.canonical import CanonicalError, Style, canonicalise
from sqlagent.database.schema import Column, ForeignKey, Schema, Table
from sqlagent.sql.names import KEYWORDS, is_bare, quote

DDL = """
CREATE TABLE singer (id INTEGER PRIMARY KEY, Name TEXT, country TEXT, age INTEGER, boss INTEGER);
CREATE TABLE concert (cid INTEGER PRIMARY KEY, title TEXT, year INTEGER, "order" TEXT, "Full Name" TEXT);
CREATE TABLE sings (singer_id INTEGER, concert_id INTEGER, fee REAL, PRIMARY KEY (singer_id, concert_id));
"""


def _table(name: str, *columns: str, keys: tuple[ForeignKey, ...] = ()) -> Table:
    return Table(name, "table", tuple(Column(column) for column in columns), keys)


SCHEMA = Schema(
    "",
    (
        _table("singer", "id", "Name", "country", "age", "boss"),
        _table("concert", "cid", "title", "year", "order", "Full Name"),
        _table("sings", "singer_id", "concert_id", "fee"),
    ),
)


@pytest.fixture(scope="module")
def database() -> sqlite3.Connection:
    """The schema's database with rows that have ties, nulls and texts that look like numbers."""
    connection = sqlite3.connect(":memory:")
    connection.executescript(DDL)
    source = random.Random(5)
    for i in range(1, 9):
        row = (i, source.choice("abAB"), source.choice(["FR", "US", None]), source.choice([20, 30, None]))
        connection.execute("INSERT INTO singer VALUES (?, ?, ?, ?, ?)", (*row, source.choice([1, 2, None])))
        row = (i, source.choice("xyz"), source.choice([2014, 2015]), "1", source.choice("ab"))
        connection.execute("INSERT INTO concert VALUES (?, ?, ?, ?, ?)", row)
    for _ in range(14):
        row = (source.randint(1, 8), source.randint(1, 8), source.choice([1.5, 2.0, None]))
        connection.execute("INSERT OR IGNORE INTO sings VALUES (?, ?, ?)", row)
    return connection


def names(sql: str) -> str:
    """The form in the style "names"."""
    return canonicalise(sql, SCHEMA)


SPELLING = [
    ("select count( * ) from SINGER ;", "SELECT COUNT(*) FROM singer"),
    (
        "SELECT NAME , AGE FROM singer s WHERE s.AGE<>3 ORDER BY age asc",
        "SELECT Name, age FROM singer WHERE age != 3 ORDER BY age",
    ),
    ('select name from singer where country == "FR"', "SELECT Name FROM singer WHERE country = 'FR'"),
    ('select name from singer where name = "country"', "SELECT Name FROM singer WHERE Name = country"),
    ("select `Full Name`, [order] from concert", 'SELECT "Full Name", "order" FROM concert'),
    ("select name as n from singer", "SELECT Name FROM singer"),
    ("select age * 2 twice from singer order by twice", "SELECT age * 2 AS twice FROM singer ORDER BY twice"),
    ("select name as n from singer order by n", "SELECT Name FROM singer ORDER BY Name"),
    ("select name, age from singer order by 2 desc", "SELECT Name, age FROM singer ORDER BY age DESC"),
    ("select name from singer limit 3, 5", "SELECT Name FROM singer LIMIT 5 OFFSET 3"),
    ("select .5, 1e3, 007, 1.0, -3", "SELECT 0.5, 1000.0, 7, 1.0, -3"),
    ("select 'it''s', \"it's\"", "SELECT 'it''s', 'it''s'"),
    ("select - -1", "SELECT -(-1)"),
    (
        "select cast(age as float), cast(age as varchar(9)) from singer",
        "SELECT CAST(age AS REAL), CAST(age AS TEXT) FROM singer",
    ),
    (
        "select substr(name,1,2), ifnull(age,0), iif(age>1,'a','b') from singer",
        "SELECT SUBSTR(Name, 1, 2), IFNULL(age, 0), IIF(age > 1, 'a', 'b') FROM singer",
    ),
    ("select group_concat(distinct name) from singer", "SELECT GROUP_CONCAT(DISTINCT Name) FROM singer"),
    ("select name from singer where not age in (1,2)", "SELECT Name FROM singer WHERE age NOT IN (1, 2)"),
    ("select name from singer where not name like 'a'", "SELECT Name FROM singer WHERE Name NOT LIKE 'a'"),
    ("select name from singer where age notnull", "SELECT Name FROM singer WHERE age IS NOT NULL"),
    (
        "select name from singer where ((age)>(1)) and (1=1)",
        "SELECT Name FROM singer WHERE age > 1 AND 1 = 1",
    ),
    ("select (age+1)*2 from singer", "SELECT (age + 1) * 2 FROM singer"),
    ("select (age*1)+2 from singer", "SELECT age * 1 + 2 FROM singer"),
    ("select age-(1-2) from singer", "SELECT age - (1 - 2) FROM singer"),
    (
        "select name from singer where (age=1 or age=2) and id=1",
        "SELECT Name FROM singer WHERE (age = 1 OR age = 2) AND id = 1",
    ),
]


@pytest.mark.parametrize(("sql", "expected"), SPELLING)
def test_one_spelling(sql: str, expected: str) -> None:
    assert names(sql) == expected


JOINS = [
    (
        "comma joins become JOIN … ON, the earlier table first",
        "select name from singer, sings where singer_id = id and fee > 1",
        "SELECT singer.Name FROM singer JOIN sings ON singer.id = sings.singer_id WHERE sings.fee > 1",
        "SELECT T1.Name FROM singer AS T1 JOIN sings AS T2 ON T1.id = T2.singer_id WHERE T2.fee > 1",
    ),
    (
        "tables without a link are a CROSS JOIN",
        "select name from singer, concert",
        "SELECT singer.Name FROM singer CROSS JOIN concert",
        "SELECT T1.Name FROM singer AS T1 CROSS JOIN concert AS T2",
    ),
    (
        "an ON that comes late is given to the joins it completes, in an order without CROSS JOIN",
        "select name from singer a join concert b join sings c "
        "on a.id = c.singer_id and b.cid = c.concert_id",
        "SELECT singer.Name FROM singer JOIN sings ON singer.id = sings.singer_id "
        "JOIN concert ON sings.concert_id = concert.cid",
        "SELECT T1.Name FROM singer AS T1 JOIN sings AS T2 ON T1.id = T2.singer_id "
        "JOIN concert AS T3 ON T2.concert_id = T3.cid",
    ),
    (
        "a table that occurs twice has aliases in both styles",
        "select a.name, b.name from singer a inner join singer b on b.id = a.boss",
        "SELECT T1.Name, T2.Name FROM singer AS T1 JOIN singer AS T2 ON T1.boss = T2.id",
        "SELECT T1.Name, T2.Name FROM singer AS T1 JOIN singer AS T2 ON T1.boss = T2.id",
    ),
    (
        "a RIGHT JOIN of two tables is turned",
        "select title from singer right join concert on cid = id",
        "SELECT concert.title FROM concert LEFT JOIN singer ON concert.cid = singer.id",
        "SELECT T1.title FROM concert AS T1 LEFT JOIN singer AS T2 ON T1.cid = T2.id",
    ),
    (
        "a condition on one table leaves the ON of an inner join, but not that of an outer join",
        "select name from singer join sings on id = singer_id and age = 1 left join concert on cid = 2",
        "SELECT singer.Name FROM singer JOIN sings ON singer.id = sings.singer_id "
        "LEFT JOIN concert ON concert.cid = 2 WHERE singer.age = 1",
        "SELECT T1.Name FROM singer AS T1 JOIN sings AS T2 ON T1.id = T2.singer_id "
        "LEFT JOIN concert AS T3 ON T3.cid = 2 WHERE T1.age = 1",
    ),
    (
        "a derived table whose columns are used goes to WITH, its columns under their own names",
        "select n, c from (select name n, count(*) c from singer group by name) where c > 1",
        "WITH sub AS (SELECT Name, COUNT(*) AS c FROM singer GROUP BY Name) SELECT Name, c FROM sub WHERE c > 1",
        "WITH sub AS (SELECT Name, COUNT(*) AS c FROM singer GROUP BY Name) SELECT Name, c FROM sub WHERE c > 1",
    ),
    (
        "derived tables keep a good alias, and the inner one comes first",
        "select avg(n) from (select max(f) n from (select fee f, singer_id s from sings) per group by s) r",
        "WITH per AS (SELECT fee, singer_id FROM sings), r AS (SELECT MAX(fee) AS n FROM per GROUP BY singer_id) "
        "SELECT AVG(n) FROM r",
        "WITH per AS (SELECT fee, singer_id FROM sings), r AS (SELECT MAX(fee) AS n FROM per GROUP BY singer_id) "
        "SELECT AVG(n) FROM r",
    ),
    (
        "a derived table whose columns nobody names stays in FROM",
        "select count(*) from (select distinct country from singer)",
        "SELECT COUNT(*) FROM (SELECT DISTINCT country FROM singer) AS T1",
        "SELECT COUNT(*) FROM (SELECT DISTINCT country FROM singer) AS T1",
    ),
]


@pytest.mark.parametrize("case", JOINS, ids=[case[0] for case in JOINS])
def test_joins_have_one_form_in_each_style(case: tuple[str, str, str, str]) -> None:
    _, sql, by_name, by_alias = case
    assert canonicalise(sql, SCHEMA, style="names") == by_name
    assert canonicalise(sql, SCHEMA, style="aliases") == by_alias


def test_a_reference_to_the_outer_query_is_qualified() -> None:
    form = names("select name from singer where exists (select 1 from sings where singer_id = id)")
    assert form == "SELECT Name FROM singer WHERE EXISTS (SELECT 1 FROM sings WHERE singer_id = singer.id)"


def test_the_inner_of_two_equal_tables_gets_the_alias() -> None:
    form = names(
        "select name from singer a where age = (select max(age) from singer b where b.country = a.country)"
    )
    assert form == (
        "SELECT Name FROM singer WHERE age = "
        "(SELECT MAX(age) FROM singer AS T1 WHERE country = singer.country)"
    )


def test_a_correlated_subquery_hides_no_alias_that_it_needs() -> None:
    sql = (
        "select a.name from singer a, singer b where a.boss = b.id and a.age > "
        "(select avg(x.age) from singer x, singer y where x.boss = y.id and y.country = b.country)"
    )
    assert names(sql).count("singer AS T2") == 1
    assert "singer AS T1 JOIN singer AS T3" in names(sql)


def test_no_alias_is_a_name_of_the_schema() -> None:
    schema = Schema("", (_table("a", "T1", "k"), _table("b", "k")))
    assert canonicalise("select x.k from a x, a y", schema) == "SELECT T2.k FROM a AS T2 CROSS JOIN a AS T3"


def test_an_alias_that_hides_a_column_in_order_by_stays_apart_from_it() -> None:
    form = names("select max(age) as country from singer group by name order by country, singer.country")
    assert form.endswith("GROUP BY Name ORDER BY country, singer.country")


REFUSED = [
    ("delete from singer", "not a SELECT"),
    ("select 1; select 2", "more than one statement"),
    ("select name from singer where", "parse error"),
    ("select nope from singer", "unknown column"),
    ("select name from nope", "unknown table"),
    ("select [nope] from singer", "unknown column"),
    ("select id from singer a, singer b", "ambiguous column"),
    ("select * from singer right join concert on id = cid", "RIGHT JOIN with *"),
    ("select * from singer join concert using (id)", "unknown column"),
    ("select * from singer natural join singer b", "* over USING or NATURAL"),
    ("select rowid from singer", "rowid"),
    ("select +age from singer", "unary plus"),
    ("select age = name like 'a' from singer", "operator beside a comparison without parentheses"),
]


@pytest.mark.parametrize(("sql", "reason"), REFUSED)
def test_what_is_outside_the_dialect_is_refused_with_its_reason(sql: str, reason: str) -> None:
    with pytest.raises(CanonicalError) as caught:
        names(sql)
    assert caught.value.reason == reason


MEANINGS = [
    "select name as n, age + 1 as n from singer union select title, year from concert order by 2 desc, 1",
    "select name, count(*) n from singer join sings on id=singer_id group by 1 having n > 1 order by n, 1",
    "select distinct s.country from singer s where s.age > (select avg(age) from singer) or s.age is null",
    "select title from concert where cid not in (select concert_id from sings where fee isnull)",
    "select name from singer union select title from concert except select 'x' order by 1 desc",
    "select a.age + 1 as age, b.* from singer a left join sings b on b.singer_id = a.id order by age, b.fee",
    "with r as (select singer_id s, sum(fee) f from sings group by 1) select f from singer join r on s = id",
    "with recursive n(x) as (select 1 union all select x + 1 from n where x < 5) select x from n",
    "select (select count(*) from sings where singer_id = s.id) c, name from singer s order by c, name",
    "select year, title from concert natural join (select 2014 as year) order by title, 1",
    "select count(*) from singer where not (age = 20 and country = 'FR' or name glob 'A*')",
    "select name, rank() over (partition by country order by age desc) from singer",
    "select sum(fee) filter (where fee > 2), count(distinct year) from sings, concert where concert_id = cid",
    "select name from singer where id in (select singer_id from sings where fee in (select 2 from concert))",
    "select x.a, y.a from (select age a, id from singer) x, (select id a, boss b from singer) y where id = b",
    "select name from singer where id in (select s from (select singer_id s, fee f from sings) where f > 1)",
    "select name from singer o where exists (select 1 from (select fee f from sings where singer_id = o.id) "
    "where f > 1)",
    "select a.n, b.n from (select count(*) n from singer) a, (select count(*) n from sings) b",
    "select n from (select age n from singer union select year from concert) x order by n",
    "select q, a from (select id as q, age as id, boss as a from singer) where id = 20",
    "select case country when 'FR' then age else -age end from singer where name between 'a' and 'b'",
    "select country from singer group by country having count(*) > 1 order by max(age) desc nulls last",
]


@pytest.mark.parametrize("style", ["names", "aliases"])
@pytest.mark.parametrize("sql", MEANINGS)
def test_the_form_returns_the_same_rows_and_is_its_own_form(
    sql: str, style: Style, database: sqlite3.Connection
) -> None:
    rows = database.execute(sql).fetchall()
    form = canonicalise(sql, SCHEMA, style=style)
    ours = database.execute(form).fetchall()
    assert sorted(map(repr, ours)) == sorted(map(repr, rows))
    assert canonicalise(form, SCHEMA, style=style) == form


def test_random_expressions_keep_their_value(database: sqlite3.Connection) -> None:
    source = random.Random(11)
    operators = [
        "+",
        "-",
        "*",
        "/",
        "%",
        "||",
        "&",
        "|",
        "<<",
        ">>",
        "=",
        "==",
        "<>",
        "<",
        "<=",
        ">",
        ">=",
        "IS",
    ]
    operators += ["AND", "OR"]

    def expression(depth: int) -> str:
        if depth == 0 or source.random() < 0.15:
            return source.choice(["age", "id", "Name", "1", "2.5", "'x'", '"y"', "NULL", "-1", ".5"])
        kind = source.random()
        if kind < 0.65:
            return f"{expression(depth - 1)} {source.choice(operators)} {expression(depth - 1)}"
        if kind < 0.8:
            return f"({expression(depth - 1)})"
        if kind < 0.9:
            return f"CASE WHEN {expression(depth - 1)} THEN {expression(depth - 1)} ELSE 0 END"
        return f"(NOT {expression(depth - 1)})"

    checked = 0
    for _ in range(600):
        sql = f"SELECT {expression(4)} FROM singer"
        try:
            form = names(sql)
        except CanonicalError:
            continue
        rows = database.execute(sql).fetchall()
        assert list(map(repr, database.execute(form).fetchall())) == list(map(repr, rows)), (sql, form)
        checked += 1
    assert checked > 300


def test_the_keyword_list_is_sqlites() -> None:
    assert len(KEYWORDS) == 147


@pytest.mark.parametrize(
    "name", ["plain", "_x9", "order", "two words", 'a"b', "é", "9lives", "Group", "a.b", "[x]"]
)
def test_a_quoted_name_reads_back_as_itself(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    cursor = connection.execute(f"SELECT {quote(name)} FROM (SELECT 1 AS {quote(name)})")
    assert cursor.description[0][0] == name
    assert is_bare(name) == (quote(name) == name)
