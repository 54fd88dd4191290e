"""Columns under a collation that only their application knows answer as the application would."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlagent.base.errors import QueryError
from sqlagent.database import schema
from sqlagent.sandbox import standins
from sqlagent.sandbox.sandbox import Sandbox

WORDS = (  # noqa: SIM905 - a list of forty quoted words reads worse
    "Zebra zebra ZEBRA apfel Apfel Äpfel äpfel ÄPFEL Öl öl Olive éclair ÉCLAIR Eclair straße STRASSE ñandú Nandu "
    "Čaj čaj caj Ωmega ωmega Жук жук ärger Ärger B a b A ı I i İ ﬁne fine"
).split()


def unicase(first: str, second: str) -> int:
    """As Anki compares."""
    one, other = first.casefold(), second.casefold()
    return (one > other) - (one < other)


def foreign(first: str, second: str) -> int:
    """An order that no stand-in has: the last character first. What it ordered must not be searched."""
    one, other = first[::-1], second[::-1]
    return (one > other) - (one < other)


def make(path: Path, collation: str, compare: Callable[[str, str], int]) -> Path:
    """A file whose indexes, and one table itself, are ordered by `compare`."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_collation(collation, compare)
    connection.executescript(
        f"""
        CREATE TABLE tags (tag TEXT NOT NULL PRIMARY KEY COLLATE {collation}, n INTEGER) WITHOUT ROWID;
        CREATE TABLE decks (id INTEGER PRIMARY KEY, name TEXT COLLATE {collation}, kind INTEGER, plain TEXT);
        CREATE INDEX deck_name ON decks (name);
        CREATE INDEX deck_kind ON decks (kind, name);
        CREATE INDEX deck_plain ON decks (plain COLLATE {collation});
        CREATE TABLE fields (n INTEGER, name TEXT COLLATE {collation}, w INTEGER, PRIMARY KEY (n, name)) WITHOUT ROWID;
        CREATE INDEX field_w ON fields (w);
        CREATE VIEW counted AS SELECT name, count(*) AS n FROM decks GROUP BY name;
        """
    )
    connection.execute("BEGIN")
    for number, word in enumerate(WORDS):
        connection.execute("INSERT OR IGNORE INTO tags VALUES (?, ?)", (word, number))
        connection.execute("INSERT INTO decks VALUES (?, ?, ?, ?)", (number, word, number % 3, word))
        connection.execute("INSERT OR IGNORE INTO fields VALUES (?, ?, ?)", (number % 4, word, number % 5))
    connection.execute("COMMIT")
    connection.execute("ANALYZE")  # or else the order of an index is not worth skipping through
    connection.close()
    return path


STATEMENTS = [
    "SELECT * FROM tags WHERE tag = 'ÄPFEL'",
    "SELECT * FROM tags WHERE tag > 'öl' AND tag <= 'ZEBRA'",
    "SELECT tag FROM tags ORDER BY tag DESC, n LIMIT 9",
    "SELECT count(*) FROM tags",
    "SELECT id FROM decks WHERE name = 'éclair'",
    "SELECT id FROM decks WHERE name IN ('жук', 'ΩMEGA', 'b')",
    "SELECT id FROM decks WHERE name BETWEEN 'b' AND 'č'",
    "SELECT id FROM decks WHERE kind = 1 AND name = 'Öl'",
    "SELECT id, name FROM decks ORDER BY name, id",
    "SELECT name FROM decks WHERE kind = 2 ORDER BY name LIMIT 3",
    "SELECT count(*) FROM decks GROUP BY name ORDER BY 1",
    "SELECT count(DISTINCT name) FROM decks",
    "SELECT min(name), max(name) FROM decks",
    "SELECT max(name) FROM decks WHERE kind = 0",
    "SELECT count(*) FROM decks AS d JOIN tags AS t ON d.name = t.tag",
    "SELECT d.id, t.n FROM decks AS d LEFT JOIN tags AS t ON t.tag = d.name WHERE d.kind = 1",
    "SELECT id FROM decks WHERE name IN (SELECT tag FROM tags WHERE n < 20)",
    "SELECT id FROM decks AS d WHERE EXISTS (SELECT 1 FROM tags WHERE tag = d.name AND n > 9)",
    "SELECT name FROM decks UNION SELECT tag FROM tags ORDER BY 1",
    "SELECT id FROM decks EXCEPT SELECT id FROM decks WHERE name > 'm' ORDER BY id",
    "SELECT n FROM counted WHERE name = 'ärger'",
    "SELECT id, row_number() OVER (PARTITION BY name ORDER BY id) FROM decks",
    "SELECT id, rank() OVER (ORDER BY name) FROM decks",
    "SELECT * FROM fields WHERE w = 2 ORDER BY n, name",
    "SELECT n FROM fields WHERE n = 1 AND name = 'zebra'",
    "SELECT w, max(name) FROM fields GROUP BY w",
    "SELECT id FROM decks WHERE plain = 'Öl'",
    "SELECT id FROM decks WHERE plain = name",
    "SELECT id FROM decks WHERE name LIKE 'z%' OR name IS NULL",
    "SELECT id FROM decks WHERE name = 'a' OR kind = 2 ORDER BY name DESC, id",
    "WITH w AS (SELECT name, kind FROM decks) SELECT kind, count(DISTINCT name) FROM w"
    " GROUP BY kind HAVING max(name) > 'z'",
    "SELECT CASE name WHEN 'ZEBRA' THEN 1 ELSE 0 END FROM decks",
]


def expected(path: Path, sql: str) -> list[object]:
    """What the statement gives over the same rows without any index, in the stand-in's order."""
    plain = sqlite3.connect(":memory:", isolation_level=None)
    plain.create_collation("c", unicase)
    plain.executescript(
        "CREATE TABLE tags (tag TEXT COLLATE c, n INTEGER);"
        "CREATE TABLE decks (id INTEGER, name TEXT COLLATE c, kind INTEGER, plain TEXT);"
        "CREATE TABLE fields (n INTEGER, name TEXT COLLATE c, w INTEGER);"
        "CREATE VIEW counted AS SELECT name, count(*) AS n FROM decks GROUP BY name;"
    )
    source = sqlite3.connect(path)
    source.create_collation("unicase", unicase)
    for table, places in (("tags", "?, ?"), ("decks", "?, ?, ?, ?"), ("fields", "?, ?, ?")):
        plain.executemany(
            f"INSERT INTO {table} VALUES ({places})", source.execute(f"SELECT * FROM {table} NOT INDEXED")
        )
    source.close()
    found = plain.execute(sql).fetchall()
    plain.close()
    return found


def folded(rows: list[object]) -> object:
    """Rows with texts told apart as the collation does: which of two equal ones comes is SQLite's choice."""
    return [
        tuple(cell.casefold() if isinstance(cell, str) else cell for cell in row)  # type: ignore[attr-defined]
        for row in rows
    ]


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same rows, once in the application's order and once in one that nobody can guess."""
    folder = tmp_path_factory.mktemp("ordered")
    return {one.__name__: make(folder / f"{one.__name__}.db", "unicase", one) for one in (unicase, foreign)}


@pytest.mark.parametrize("order", ["unicase", "foreign"])
@pytest.mark.parametrize("sql", STATEMENTS)
def test_rows_are_those_of_the_collation_whatever_order_the_indexes_have(
    ordered: dict[str, Path], sql: str, order: str
) -> None:
    path = ordered[order]
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    made = standins.install(connection)
    assert made.views == {"tags", "decks", "fields", "counted"}
    made.begin()
    found = connection.execute(sql).fetchall()
    assert made.tripped is None
    connection.close()
    wanted = expected(path, sql)
    in_order = "ORDER BY" in sql and "OVER" not in sql
    assert folded(found) == folded(wanted) if in_order else sorted(folded(found)) == sorted(folded(wanted))  # type: ignore[type-var,call-overload]


def test_a_plan_that_would_search_the_real_order_is_refused_not_answered(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "unicase", foreign)
    with Sandbox(path) as box:
        assert box.execute("SELECT n FROM tags WHERE tag = 'öL'").rows == [
            (WORDS.index("Öl"),),
            (WORDS.index("öl"),),
        ]
        with pytest.raises(QueryError, match="collation unicase"):
            box.execute("SELECT n FROM main.tags WHERE tag = 'Öl'")
        assert len(box.execute("SELECT n FROM tags").rows) == len(WORDS)


def test_a_schema_with_such_columns_is_read_whole_with_its_samples(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "icu_root", unicase)
    found = schema.read(path)
    assert not found.unreadable and [t.name for t in found.tables] == ["tags", "decks", "fields", "counted"]
    tags, decks, _, _ = found.tables
    assert tags.primary_key == ("tag",) and decks.row_count == len(WORDS)
    assert all(column.samples for column in decks.columns)


def test_a_column_added_later_by_another_program_is_seen(tmp_path: Path) -> None:
    path = make(tmp_path / "x.db", "unicase", unicase)
    with Sandbox(path) as box:
        assert box.execute("SELECT count(*) FROM decks").rows == [(len(WORDS),)]
        writer = sqlite3.connect(path, isolation_level=None)
        writer.create_collation("unicase", unicase)
        writer.execute("ALTER TABLE decks ADD COLUMN late TEXT COLLATE unicase DEFAULT 'Öl'")
        writer.close()
        assert box.execute("SELECT count(*) FROM decks WHERE late = 'öL'").rows == [(len(WORDS),)]


@pytest.mark.parametrize("name", ["unicase", "icu_root", "LOCALIZED", "somebody's own"])
def test_stand_ins_order_any_texts_totally(name: str) -> None:
    compare = standins._collation(name.lower())
    draw = random.Random(1)
    texts = [*WORDS, "", " ", *("".join(chr(draw.randrange(1, 0x2FFF)) for _ in range(3)) for _ in range(60))]
    for first in texts:
        assert compare(first, first) == 0
        for second in texts:
            assert compare(first, second) == -compare(second, first)
            third = draw.choice(texts)
            if compare(first, second) <= 0 and compare(second, third) <= 0:
                assert compare(first, third) <= 0


def test_ordinary_files_get_no_stand_ins(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    connection.executescript(
        "CREATE TABLE t (a TEXT COLLATE NOCASE, b TEXT COLLATE \"rtrim\", c DEFAULT 'collate unicase');"
        "CREATE VIEW v AS SELECT a FROM t ORDER BY a COLLATE BINARY;"
    )
    made = standins.install(connection)
    assert not made.views and not made.functions
    connection.close()
