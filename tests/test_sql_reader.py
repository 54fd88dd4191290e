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
from sqlagent.sql import tree
from sqlagent.sql.edit import Edits, spliced
from sqlagent.sql.lexer import tokens
from sqlagent.sql.parser import Unreadable, parse, parse_expression
from sqlagent.sql.scope import Reference, Scopes, resolve
from sqlagent.sql.statement import Statement
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
    for node in tree.walk(statement.query):
        at = node.start
        for child in tree.children(node):
            assert at <= child.start < child.end <= node.end, (node, child)
            assert statement.parent(child) is node
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
    for node in tree.walk(statement.query):
        if isinstance(node, tree.Expr.__args__) and not isinstance(node, (tree.Star, tree.Row)):  # type: ignore[attr-defined]
            text = statement.text(node)
            assert shape(parse_expression(text), text) == shape(node, sql)


def shape(node: tree.Node, sql: str) -> object:
    """A tree without its places."""
    inner = [shape(child, sql) for child in tree.children(node)]
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
    assert seen[True] > 1000 and seen[False] > 1000, seen
