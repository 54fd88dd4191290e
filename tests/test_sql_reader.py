"""The one reader of SQL: it reads what SQLite reads, loses nothing, and agrees with sqlglot on what names mean."""

from __future__ import annotations

import json
import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.database import schema as db
from sqlagent.database.schema import fold
from sqlagent.grammar import Acceptor
from sqlagent.sandbox.functions import register
from sqlagent.sql import tree
from sqlagent.sql.edit import Edits, spliced
from sqlagent.sql.functions import ADDITIVE, AGGREGATES, EXTREMES, is_aggregate
from sqlagent.sql.lexer import tokens
from sqlagent.sql.parser import Unreadable, parse, parse_expression
from sqlagent.sql.resolver import resolve
from sqlagent.sql.scope import Reference
from sqlagent.sql.statement import Statement
from sqlagent.sql.walk import children, walk
from sqlagent.ui import demo_database

DDL = """
CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c INT, "order" TEXT, "two words" TEXT, [select] INT);
CREATE TABLE s (id INTEGER PRIMARY KEY, t_id INT REFERENCES t(id), a TEXT, d TEXT, j TEXT);
CREATE TABLE "odd ""one" (x INT, y INT);
CREATE INDEX i ON t (c);
"""
SCHEMA = db.from_ddl(DDL.replace("CREATE INDEX i ON t (c);", ""))
STATEMENTS = [
    "SELECT 1",
    "select a , b as bee, c cee, 'x' AS 'label', t.*, * from t;",
    "SELECT ALL a FROM main.t AS x WHERE x.a = 'it''s' -- a comment\n AND /* in line */ main.t.b <> 1.5e-3 OR c==.5",
    'SELECT "a", `b`, [c], "two words", "order", \'a\' FROM "t" AS "T ""1"',
    "SELECT DISTINCT a FROM t ORDER BY a COLLATE NOCASE DESC NULLS LAST, 1 ASC LIMIT 5 OFFSET 2",
    "SELECT a FROM t LIMIT 2, 5",
    "SELECT t.a FROM t JOIN s ON t.id = s.t_id LEFT OUTER JOIN s AS s2 USING (id, a) NATURAL JOIN \"odd \"\"one\"",
    "SELECT * FROM t, s CROSS JOIN s AS z, (SELECT 1 AS one) q INNER JOIN (t AS k JOIN s AS l ON k.id = l.t_id) ON 1",
    "SELECT * FROM t FULL JOIN s ON t.id = s.t_id RIGHT JOIN s AS z ON z.id = t.id",
    "SELECT * FROM t INDEXED BY i WHERE c = 3 UNION ALL SELECT * FROM t NOT INDEXED",
    "SELECT a FROM t WHERE a IN ('x', \"y\", 3) AND b NOT IN (SELECT b FROM t) AND c IN (1) AND a IN s AND b IN ()",
    "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM s WHERE s.t_id = t.id) AND NOT EXISTS (VALUES (1))",
    "SELECT a FROM t WHERE (a, b) = (1, 2) AND (a, b) IN (SELECT a, id FROM s) OR (a) IS NOT NULL",
    "SELECT CASE a WHEN 'x' THEN 1 WHEN 'y' THEN 2 ELSE 0 END, CASE WHEN b > 1 AND c < 2 THEN NULL END FROM t",
    "SELECT CAST(a AS INTEGER), CAST(b AS VARCHAR(10, -2)), CAST(c AS unsigned big int) FROM t",
    "SELECT COUNT(*), COUNT(DISTINCT a), SUM(b) FILTER (WHERE c > 1), GROUP_CONCAT(a, ', ') FROM t",
    "SELECT a, RANK() OVER (PARTITION BY a ORDER BY b DESC), SUM(b) OVER w, AVG(b) OVER (w ROWS BETWEEN 1 PRECEDING "
    "AND UNBOUNDED FOLLOWING EXCLUDE TIES) FROM t WINDOW w AS (PARTITION BY a ORDER BY c), v AS (ORDER BY a)",
    "SELECT SUM(b) OVER (ORDER BY c RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), "
    "SUM(b) FILTER (WHERE c) OVER (GROUPS 2 PRECEDING) FROM t",
    "SELECT a FROM t WHERE a LIKE 'x%' ESCAPE '\\' AND a NOT LIKE '_' AND b GLOB '*' AND NOT a NOT GLOB 'q'",
    "SELECT a FROM t WHERE a IS NOT DISTINCT FROM b AND a IS DISTINCT FROM 3 AND a IS NOT b AND b ISNULL "
    "AND b NOTNULL AND c NOT NULL",
    "SELECT a FROM t WHERE b BETWEEN 1 AND 2 AND c NOT BETWEEN a = 3 AND 2 + 5 AND NOT b BETWEEN 1 AND 2",
    "SELECT j -> '$.a' ->> 'b', j ->> 1 || 'x', -b * +c / ~c % 3 << 2 & 1 | 4 >> 1 FROM s, t",
    "SELECT - a COLLATE NOCASE, NOT NOT a = b, 1 - -1, a || b || c, a < b < c = 1 FROM t",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9) SELECT i FROM n",
    "WITH x AS (SELECT a FROM t), y AS NOT MATERIALIZED (SELECT * FROM x), z AS MATERIALIZED (SELECT 1) "
    "SELECT * FROM y, z ORDER BY a",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT * FROM (VALUES (1, 2)) AS v WHERE column1 = 1",
    "SELECT a FROM t UNION SELECT d FROM s INTERSECT SELECT j FROM s EXCEPT SELECT 'x' ORDER BY a LIMIT 3",
    "SELECT value, key FROM json_each('[1,2]') AS e, json_tree(e.value)",
    "SELECT (SELECT MAX(b) FROM t AS u WHERE u.a = t.a) AS top FROM t WHERE top > 1 GROUP BY top HAVING COUNT(*) > 1",
    "SELECT x'0aFF', 0x1F, 1., .5, 1e3, NULL, TRUE, false, CURRENT_DATE, CURRENT_TIMESTAMP, ?, ?1, :n, @n, $n",
    "SELECT rowid, _rowid_, t.oid FROM t WHERE replace(a, 'x', 'y') = left OR if = 3",
    "SELECT key, desc, \"end\", offset, row, temp, glob.plan FROM (SELECT 1 key, 2 desc, 3 AS end, 4 offset, "
    "5 row, 6 temp, 7 plan) AS glob",
    "SELECT a FROM t GROUP BY a, b HAVING MIN(c) > 3 ORDER BY COUNT(*) DESC, a LIMIT 1",
    "SELECT * FROM ((SELECT 1 AS one)), ((t))",
    "SELECT iif(a IS b, 1, 2), printf('%d', 3), count() FROM t;;",
]  # fmt: skip


def connection() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.executescript(DDL)
    return made


SYNTAX = ("syntax error", "unrecognized token", "incomplete input", "unknown join type")


def is_syntax(sql: str, to: sqlite3.Connection) -> bool | None:
    """Whether SQLite reads a text, whatever else it thinks of it; None where it can't be told."""
    if ";" in sql.rstrip("; "):
        return None  # SQLite reads the first statement alone
    try:
        to.execute("EXPLAIN " + sql)
    except sqlite3.Warning:
        return None
    except sqlite3.ProgrammingError as error:
        return None if "one statement" in str(error) else True  # parameters without values
    except sqlite3.Error as error:
        text = str(error)
        if any(phrase in text for phrase in SYNTAX):
            return False
        return None if "should come before" in text or "overflow" in text else True
    return True


# ---- the text and its tree -----------------------------------------------------------------------------------


def check(sql: str) -> Statement:
    """Reads a statement and holds the tree against the invariants of `tree`."""
    statement = parse(sql)
    assert statement.text() == sql
    for node in walk(statement.query):
        at = node.start
        for child in children(node):
            assert at <= child.start < child.end <= node.end, (node, child)
            assert statement.parent(child) is (None if isinstance(child, tree.Name) else node)
            at = child.end
        assert statement.text(node) == statement.text(node).strip()
    return statement


@pytest.mark.parametrize("sql", STATEMENTS)
def test_it_reads_what_sqlite_reads(sql: str) -> None:
    assert is_syntax(sql, connection()) in (True, None)
    check(sql)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_every_expression_reads_alone_as_it_reads_in_its_place(sql: str) -> None:
    statement = parse(sql)
    for node in walk(statement.query):
        if isinstance(node, tree.Expr.__args__) and not isinstance(node, (tree.Star, tree.Row)):  # type: ignore[attr-defined]
            text = statement.text(node)
            assert shape(parse_expression(text), text) == shape(node, sql)


def shape(node: tree.Node, sql: str) -> object:
    """A tree without its places."""
    inner = [shape(child, sql) for child in children(node)]
    return type(node).__name__, getattr(node, "operator", ""), inner or sql[node.start : node.end]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\"`[]-/*.:?$x0 \n"), max_size=60))
def test_tokens_and_the_blanks_between_them_are_the_text(text: str) -> None:
    at = 0
    for token in tokens(text):
        assert text[at : token.start].strip(" \t\n\f\r\ufeff") == ""
        assert text[token.start : token.end] == token.text != ""
        at = token.end
    assert text[at:].strip(" \t\n\f\r\ufeff") == ""


WORDS = sorted({token.text for sql in STATEMENTS for token in tokens(sql) if token.kind != "comment"})


def damaged(sql: str, rng: random.Random) -> str:
    """A statement with a token or two lost, doubled, swapped or put in."""
    words = [token.text for token in tokens(sql) if token.kind != "comment" and token.text != ";"]
    for _ in range(rng.choice((1, 1, 2))):
        place = rng.randrange(len(words))
        kind = rng.randrange(4)
        if kind == 0 and len(words) > 1:
            del words[place]
        elif kind == 1:
            words.insert(place, words[place])
        elif kind == 2:
            other = rng.randrange(len(words))
            words[place], words[other] = words[other], words[place]
        else:
            words.insert(place, rng.choice(WORDS))
    return " ".join(words)


def test_what_is_damaged_is_read_where_sqlite_reads_it_and_only_there() -> None:
    rng, place = random.Random(11), connection()
    seen: Counter[bool] = Counter()
    for n in range(6000):
        sql = damaged(STATEMENTS[n % len(STATEMENTS)], rng)
        theirs = is_syntax(sql, place) if tokens(sql)[0].key in ("SELECT", "WITH", "VALUES") else None
        if theirs is None:
            continue
        seen[theirs] += 1
        try:
            check(sql)
            ours = True
        except Unreadable:
            ours = False
        assert ours == theirs, sql
    assert seen[True] > 500 and seen[False] > 500, seen


def test_a_depth_without_end_is_refused_and_a_long_chain_is_read() -> None:
    with pytest.raises(Unreadable, match="deep"):
        parse("SELECT " + "(" * 5000 + "1" + ")" * 5000)
    statement = parse("SELECT 1 WHERE " + " AND ".join(f"a = {n}" for n in range(3000)))
    select = statement.select
    assert select is not None and len(statement.conjuncts(select)) == 3000


def test_an_error_names_its_place() -> None:
    with pytest.raises(Unreadable, match="FROM") as caught:
        parse("SELECT a, FROM t")
    assert caught.value.at == 10


# ---- what names mean -----------------------------------------------------------------------------------------


def meanings(sql: str, schema: db.Schema = SCHEMA) -> list[str]:
    """Each column of a statement and what it means, in order."""
    statement = check(sql)
    scopes = resolve(statement, schema)
    return [f"{statement.text(node)}: {said(scopes.of(node))}" for node in statement.find(tree.Column)]


def said(found: Reference) -> str:
    if found.item is not None:
        return "alias"
    out = "^" * found.depth
    if found.output is not None and found.bound is not None:
        return f"{out}{found.bound.label}.{found.output.name}"
    if found.column is not None and found.bound is not None and found.table is not None:
        return f"{out}{found.bound.label}={found.table.name}.{found.column.name}"
    return out + found.kind


@pytest.mark.parametrize(
    ("sql", "meant"),
    [
        ("SELECT a FROM t", ["a: t=t.a"]),
        ("SELECT A, x.[B] FROM T AS x", ["A: x=t.a", "x.[B]: x=t.b"]),
        ("SELECT b AS a FROM t ORDER BY a", ["b: t=t.b", "a: alias"]),
        ("SELECT b AS a FROM t ORDER BY a + 1", ["b: t=t.b", "a: t=t.a"]),
        ("SELECT b AS a FROM t GROUP BY a", ["b: t=t.b", "a: t=t.a"]),
        ("SELECT b AS q FROM t WHERE q > 1 GROUP BY q HAVING q < 3", ["b: t=t.b"] + ["q: alias"] * 3),
        ("SELECT a AS q, q FROM t", ["a: t=t.a", "q: unknown"]),
        ("SELECT d FROM s WHERE a = (SELECT a FROM t WHERE t_id = s.id)",
         ["d: s=s.d", "a: s=s.a", "a: t=t.a", "t_id: ^s=s.t_id", "s.id: ^s=s.id"]),
        ("SELECT q.a FROM (SELECT * FROM t) AS q", ["q.a: q.a"]),
        ("WITH q(k) AS (SELECT a FROM t) SELECT k FROM q AS z WHERE z.k = 1", ["a: t=t.a", "k: z.k", "z.k: z.k"]),
        ("SELECT id FROM t JOIN s", ["id: ambiguous"]),
        ("SELECT id FROM t JOIN s USING (id)", ["id: t=t.id"]),
        ("SELECT id, a FROM t NATURAL JOIN s", ["id: t=t.id", "a: t=t.a"]),
        ('SELECT "nobody" FROM t WHERE a = "x" AND \'b\'.c',
         ['"nobody": text', "a: t=t.a", '"x": text', "'b'.c: unknown"]),
        ("SELECT rowid, oid FROM t", ["rowid: t=t.id", "oid: t=t.id"]),
        ('SELECT _rowid_ FROM "odd ""one"', ["_rowid_: rowid"]),
        ("SELECT a FROM t UNION SELECT d FROM s ORDER BY d", ["a: t=t.a", "d: s=s.d", "d: alias"]),
        ("SELECT e.value FROM s, json_each(s.j) AS e", ["e.value: e.value", "s.j: s=s.j"]),
        ("SELECT a FROM t WHERE EXISTS (SELECT 1 FROM (SELECT c) WHERE c = b)",
         ["a: t=t.a", "c: ^t=t.c", "c: .c", "b: ^t=t.b"]),
        ("WITH RECURSIVE n(i) AS (SELECT c FROM t UNION SELECT i + 1 FROM n) SELECT i FROM n",
         ["c: t=t.c", "i: n.i", "i: n.i"]),
    ],
)  # fmt: skip
def test_a_name_means_what_sqlite_takes_it_for(sql: str, meant: list[str]) -> None:
    assert meanings(sql) == meant


@pytest.mark.parametrize("name", sorted(AGGREGATES - {"GROUP_CONCAT", "PERCENTILE", "PERCENTILE_CONT"}))
def test_functions_are_sorted_by_what_they_give(name: str) -> None:
    connection = sqlite3.connect(":memory:")
    register(connection)
    connection.execute("CREATE TABLE t (part INT, number REAL)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, 2.0), (1, 4.0), (2, 9.0), (2, 9.0)])
    [(whole,)] = connection.execute(f"SELECT {name}(number) FROM t")
    parts = [part for (part,) in connection.execute(f"SELECT {name}(number) FROM t GROUP BY part")]
    assert (whole == sum(parts)) == (name in ADDITIVE)
    [(once,)] = connection.execute(f"SELECT {name}(number) FROM (SELECT DISTINCT number FROM t)")
    assert (whole == once) == (name in EXTREMES)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("COUNT(*)", True),
        ("max(a)", True),
        ("MAX(a, b)", False),
        ("PERCENTILE(a, 90)", True),
        ("SUM(a) OVER (ORDER BY b)", False),
        ("ROUND(a)", False),
    ],
)
def test_an_aggregate_makes_one_value_of_a_groups_rows(call: str, expected: bool) -> None:
    value = parse_expression(call)
    assert isinstance(value, tree.Call) and is_aggregate(value) == expected


@pytest.mark.parametrize(
    ("sql", "base"),
    [
        ("SELECT x FROM (SELECT a AS x FROM t)", {("t", "a")}),
        (
            "WITH q AS (SELECT * FROM t), z AS (SELECT a AS n FROM q) SELECT (n) COLLATE NOCASE FROM z",
            {("t", "a")},
        ),
        ("SELECT n FROM (SELECT a AS n FROM t UNION ALL SELECT d FROM s)", {("t", "a"), ("s", "d")}),
        ("SELECT (SELECT MAX(a) FROM t)", set()),
        ("SELECT (SELECT a FROM t LIMIT 1)", {("t", "a")}),
        ("WITH RECURSIVE n AS (SELECT a AS i FROM t UNION SELECT i FROM n) SELECT i FROM n", {("t", "a")}),
        ("SELECT a || 'x' FROM t", set()),
    ],
)
def test_values_are_followed_to_the_columns_they_come_from(sql: str, base: set[tuple[str, str]]) -> None:
    statement = parse(sql)
    arm = statement.query.arms[0]
    assert isinstance(arm, tree.Select)
    assert resolve(statement, SCHEMA).bases(arm.items[0].value) == base


# ---- edits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        ("SELECT a FROM t", "SELECT a FROM t WHERE c = 1 AND d = 2"),
        ("SELECT a FROM t  ORDER BY a", "SELECT a FROM t WHERE c = 1 AND d = 2  ORDER BY a"),
        ("SELECT a FROM t WHERE b OR c /* ! */ LIMIT 1",
         "SELECT a FROM t WHERE (b OR c) AND c = 1 AND d = 2 /* ! */ LIMIT 1"),
        ("SELECT a FROM t WHERE (b OR c)", "SELECT a FROM t WHERE (b OR c) AND c = 1 AND d = 2"),
        ("SELECT 1", "SELECT 1 WHERE c = 1 AND d = 2"),
    ],
)  # fmt: skip
def test_conditions_are_added(sql: str, made: str) -> None:
    statement = parse(sql)
    edits = Edits(statement)
    assert statement.select is not None
    edits.add_condition(statement.select, "c = 1")
    edits.add_condition(statement.select, "d = 2")
    assert edits.sql() == made


def test_edits_change_nothing_else() -> None:
    sql = "SELECT  a -- first\n , b FROM t\n WHERE a=1 GROUP  BY a ORDER BY a LIMIT 3"
    statement = parse(sql)
    select = statement.select
    assert select is not None
    edits = Edits(statement)
    edits.replace(select.items[1].value, "SUM(b)")
    edits.add_join(select, "JOIN s ON s.a = t.a")
    edits.drop(select, "limit")
    edits.drop(select, "where")
    edits.wrap(select.group[0], "LOWER(", ")")
    assert edits.sql() == (
        "SELECT  a -- first\n , SUM(b) FROM t JOIN s ON s.a = t.a GROUP  BY LOWER(a) ORDER BY a"
    )
    with pytest.raises(ValueError, match="overlap"):
        spliced("abc", [(0, 2, "x"), (1, 3, "y")])


# ---- the second opinion --------------------------------------------------------------------------------------


Meant = tuple[Counter[str], set[tuple[str, str]], set[str]]
"""The tables that FROM names; the columns with the table that each belongs to, "" for a subquery's or a CTE's; and
the names that USING joins by (ours) or that were not looked up (theirs)."""


def ours(sql: str, schema: db.Schema) -> Meant:
    scopes = resolve(check(sql), schema)
    tables = Counter(fold(table.name) for table in scopes.tables.values() if table is not None)
    columns = {
        (fold(found.table.name) if found.table else "", fold(node.name.text))
        for node, found in scopes.references.items()
        if found.kind == "column"
    }
    joined = {fold(name.text) for join in scopes.statement.find(tree.Joined) for name in join.using}
    return tables, columns, joined


def theirs(sql: str, schema: db.Schema) -> Meant | None:
    """The same by sqlglot; None where it reads nothing."""
    sqlglot = pytest.importorskip("sqlglot")
    from sqlglot import exp
    from sqlglot.errors import SqlglotError
    from sqlglot.optimizer.qualify_columns import qualify_columns
    from sqlglot.optimizer.scope import traverse_scope

    tables: Counter[str] = Counter()
    columns: set[tuple[str, str]] = set()
    seen: set[int] = set()
    try:
        parsed = sqlglot.parse_one(sql, dialect="sqlite")
        known = {fold(t.name): {fold(c.name): "TEXT" for c in t.columns} for t in schema.tables}
        for identifier in parsed.find_all(exp.Identifier):
            identifier.set("this", fold(identifier.this))
        parsed = qualify_columns(parsed, known, expand_alias_refs=False, expand_stars=False, dialect="sqlite")
        for scope in traverse_scope(parsed):
            for source in scope.sources.values():
                if isinstance(source, exp.Table) and id(source) not in seen:
                    seen.add(id(source))
                    tables[source.name] += 1
            for column in scope.columns:
                around, source = scope, scope.sources.get(column.table)
                while source is None and around.parent is not None:
                    around = around.parent
                    source = around.sources.get(column.table)
                if column.table:
                    columns.add((source.name if isinstance(source, exp.Table) else "", column.name))
    except (SqlglotError, RecursionError):
        return None
    return tables, columns, {column.name for column in parsed.find_all(exp.Column) if not column.table}


def agree(mine: Meant, other: Meant) -> bool:
    """Whether both readers found the same, but for what sqlglot leaves alone in ORDER BY, and makes of USING."""
    more, less = ({name for _, name in one - two} for one, two in ((mine[1], other[1]), (other[1], mine[1])))
    return mine[0] == other[0] and more <= other[2] and less <= mine[2]


def test_sqlglot_reads_random_statements_the_same_way() -> None:
    bench = pytest.importorskip("bench.walk")
    schema = db.from_ddl(demo_database.SCHEMA)
    acceptor, rng = Acceptor(schema), random.Random(5)
    compared = 0
    for _ in range(150):
        sql = bench.walk(acceptor, rng, budget=160, stop=0.3, temper="clauses")
        other = theirs(sql, schema)
        if other is not None:
            compared += 1
            assert agree(ours(sql, schema), other), sql
    assert compared > 100


def gold() -> Iterator[tuple[str, str, Path]]:
    """(set, statement, database) of the data sets in the folder that SQLAGENT_TEST_DATA names."""
    folder = Path(os.environ["SQLAGENT_TEST_DATA"])
    for name, databases in (("spider", "database"), ("bird", "database_synthetic")):
        for path in sorted((folder / name).glob("*.json")):
            for row in json.loads(path.read_text()):
                if isinstance(row, dict) and ("query" in row or "SQL" in row) and "db_id" in row:
                    database = folder / name / databases / row["db_id"] / f"{row['db_id']}.sqlite"
                    yield name, row.get("query") or row["SQL"], database


@pytest.mark.slow
@pytest.mark.skipif(
    "SQLAGENT_TEST_DATA" not in os.environ, reason="SQLAGENT_TEST_DATA names no folder of data sets"
)
def test_sqlglot_reads_gold_statements_the_same_way() -> None:
    schemas: dict[Path, tuple[db.Schema, sqlite3.Connection]] = {}
    counts: Counter[str] = Counter()
    for _, sql, path in gold():
        if path not in schemas:
            schemas[path] = db.read(path, samples=0), sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        schema, place = schemas[path]
        try:
            place.execute("EXPLAIN " + sql)
        except sqlite3.Error:
            counts["does not run"] += 1
            continue
        counts["runs"] += 1
        mine = ours(sql, schema)
        other = theirs(sql, schema)
        if other is None:
            counts["not read by sqlglot"] += 1
        elif agree(mine, other):
            counts["the same"] += 1
        else:
            counts["otherwise"] += 1
            print(sql, mine, other, sep="\n  ")
    assert counts["runs"] and not counts["otherwise"], counts
