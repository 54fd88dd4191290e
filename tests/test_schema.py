"""What `schema.read` finds, and what it does not let in."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hostile
import pytest

from sqlagent.base.errors import DatabaseError, QueryTimeout
from sqlagent.database import ddl_comments, introspect, sample_rows, schema, survey
from sqlagent.database.schema import Column, ForeignKey, Schema, Table
from sqlagent.sandbox.sandbox import Sandbox

can_limit = pytest.mark.skipif(
    not hasattr(sqlite3.Connection, "setlimit"), reason="before Python 3.11, expressions are not sampled"
)


def read(path: Path, *statements: str, **options: float) -> Schema:
    """The schema of a new database made of `statements`."""
    path = path / "x.db"
    path.unlink(missing_ok=True)
    hostile.build(list(statements), path).close()
    return schema.read(path, **options)  # type: ignore[arg-type]


def table(path: Path, *statements: str) -> Table:
    found = read(path, *statements)
    assert not found.skipped
    return found.tables[0]


def test_columns_carry_what_was_declared(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE, untyped, b AS (id + 1))",
        "INSERT INTO t (id, name) VALUES (1, 'x'), (2, 'y')",
    )
    id_, name, untyped, b = found.columns
    assert id_ == Column("id", "INTEGER", pk=1, samples=(1, 2), unique=True)
    assert name == Column("name", "VARCHAR(20)", not_null=True, samples=("x", "y"), unique=True)
    assert untyped == Column("untyped")
    assert b.generated and not name.generated
    assert found.kind == "table" and found.row_count == 2 and found.row_count_exact


def test_a_composite_key_keeps_its_own_order(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "CREATE TABLE t (a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID",
        "INSERT INTO t VALUES (1, 2, 3)",
    )
    assert [column.pk for column in found.columns] == [2, 0, 1]
    assert found.primary_key == ("c", "a")
    assert not any(column.unique for column in found.columns)
    assert [column.samples for column in found.columns] == [(1,), (2,), (3,)]


def test_only_whole_single_column_unique_indexes_make_a_column_unique(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        "CREATE TABLE t (a, b, c, d, e)",
        "CREATE UNIQUE INDEX one ON t (a)",
        "CREATE UNIQUE INDEX two ON t (b, c)",
        "CREATE UNIQUE INDEX part ON t (d) WHERE d > 0",
        "CREATE UNIQUE INDEX expression ON t (abs(e))",
    )
    assert [column.name for column in found.columns if column.unique] == ["a"]


def test_foreign_keys_are_resolved_to_declared_names_and_broken_ones_dropped(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        'CREATE TABLE "Parent" ("Key A", "KeyB", "Other" UNIQUE, PRIMARY KEY ("KeyB", "Key A"))',
        """CREATE TABLE child (
            p, q, r REFERENCES PARENT(OTHER), s REFERENCES missing, t REFERENCES parent(missing),
            FOREIGN KEY (p, q) REFERENCES parent, FOREIGN KEY (r) REFERENCES parent)""",
    )
    child = found.table("child")
    assert child is not None
    assert child.foreign_keys == (
        ForeignKey(("r",), "Parent", ("Other",)),
        ForeignKey(("p", "q"), "Parent", ("KeyB", "Key A")),
    )


def test_a_table_may_refer_to_itself(tmp_path: Path) -> None:
    found = table(tmp_path, "CREATE TABLE t (id INTEGER PRIMARY KEY, boss REFERENCES t)")
    assert found.foreign_keys == (ForeignKey(("boss",), "t", ("id",)),)


def test_names_are_looked_up_as_sqlite_does(tmp_path: Path) -> None:
    found = read(
        tmp_path, "CREATE TABLE Äpfel (Größe, GRÖSSE)", "CREATE TABLE äpfel (x)", "CREATE TABLE Birnen (X)"
    )
    assert found.table("bIRNEN") is not None and found.table("ÄPFEL") is found.table("Äpfel")
    assert found.table("Äpfel") is not found.table("äpfel")
    assert found.table("Äpfel").column("gröSSe") is None  # type: ignore[union-attr]
    assert found.table("nothing") is None


def test_views_that_do_not_compile_are_skipped_with_the_reason(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "CREATE TABLE t (a)",
        "CREATE VIEW good AS SELECT a AS x, a AS x FROM t",
        "CREATE VIEW bad AS SELECT * FROM missing",
        "CREATE VIEW unsafe AS SELECT load_extension('evil.so') FROM t",
    )
    assert [t.name for t in found.tables] == ["t", "good"]
    assert found.tables[1].kind == "view" and found.tables[1].row_count is None
    assert [column.name for column in found.tables[1].columns] == ["x", "x:1"]
    reasons = dict(found.skipped)
    assert "no such table" in reasons["bad"] and "load_extension" in reasons["unsafe"]


def test_a_virtual_table_without_its_module_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = hostile.build(["CREATE TABLE t (a)"], path)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute(
        "INSERT INTO sqlite_master VALUES ('table', 'v', 'v', 0, 'CREATE VIRTUAL TABLE v USING no_such(a)')"
    )
    connection.close()
    found = schema.read(path)
    assert [t.name for t in found.tables] == ["t"]
    assert found.skipped == (("v", "it needs the module no_such, which this SQLite does not have"),)


@pytest.mark.skipif(not hostile.supported("CREATE VIRTUAL TABLE f USING fts5(a)"), reason="no fts5")
def test_a_full_text_table_shows_its_columns_and_hides_its_shadow_tables(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        'CREATE VIRTUAL TABLE "my notes" USING fts5(title, "the body")',
        "INSERT INTO \"my notes\" VALUES ('a', 'b')",
        "CREATE TABLE other_data (x)",
    )
    assert [t.name for t in found.tables] == ["my notes", "other_data"]
    notes = found.tables[0]
    assert notes.kind == "virtual" and [column.name for column in notes.columns] == ["title", "the body"]
    if hasattr(sqlite3.Connection, "setlimit"):
        assert notes.row_count == 1 and notes.columns[0].samples == ("a",)


@pytest.mark.skipif(not hostile.supported("CREATE VIRTUAL TABLE r USING rtree(a, b, c)"), reason="no rtree")
def test_an_r_tree_can_be_read(tmp_path: Path) -> None:
    found = read(
        tmp_path, "CREATE VIRTUAL TABLE box USING rtree(id, x0, x1)", "INSERT INTO box VALUES (1, 0, 1)"
    )
    assert [t.name for t in found.tables] == ["box"] and not found.skipped


def test_a_database_without_tables_has_an_empty_schema(tmp_path: Path) -> None:
    found = read(tmp_path, "CREATE TABLE gone (x)", "DROP TABLE gone")
    assert found.tables == () and found.skipped == ()


def test_internal_tables_are_left_out(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT)",
        "CREATE INDEX i ON t (id)",
        "ANALYZE",
    )
    assert [t.name for t in found.tables] == ["t"]


def test_every_listed_name_resolves_on_a_read_only_connection(tmp_path: Path) -> None:
    for number, (label, statements) in enumerate(hostile.hostile_schemas(3, large=False)):
        if "doubles" in label:  # takes all of the time budget; it has its own test
            continue
        path = tmp_path / f"{number}.db"
        hostile.build(statements, path).close()
        found = schema.read(path)
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        listed = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        ]
        assert {t.name for t in found.tables if t.kind == "table"} <= set(listed), label
        for t in found.tables[:100]:
            name = hostile.quote(t.name)
            connection.execute(f"EXPLAIN SELECT * FROM {name}")
            for column in t.columns:
                connection.execute(f"EXPLAIN SELECT {name}.{hostile.quote(column.name)} FROM {name}")
            for key in t.foreign_keys:
                target = found.table(key.ref_table)
                assert target is not None and target.name == key.ref_table, label
                assert {c.name for c in target.columns} >= set(key.ref_columns), label
        connection.close()


def test_hostile_names_come_back_exactly(tmp_path: Path) -> None:
    found = read(tmp_path, hostile.table("t", list(hostile.NAMES)))
    assert [column.name for column in found.tables[0].columns] == list(hostile.NAMES)
    found = read(tmp_path, *(hostile.table(name, ["x"]) for name in hostile.NAMES))
    assert [t.name for t in found.tables] == list(hostile.NAMES)


def test_comments_beside_columns_are_kept(tmp_path: Path) -> None:
    found = table(
        tmp_path,
        """CREATE TABLE t ( -- people; and ( more
            "a b" TEXT, -- the name, as 'written'
            -- not about a column of its own line
            [c] DECIMAL(10, 2) /* in euro */,
            d INTEGER CHECK (d > 0 -- inside
            ), e, -- last
            f
            -- below
            , PRIMARY KEY (d) -- no column
        )""",
    )
    assert found.comment == "people; and ( more"
    assert [column.comment for column in found.columns] == [
        "the name, as 'written'", "in euro", "inside", "last", "below"
    ]  # fmt: skip


def test_text_that_cannot_be_followed_gives_no_comments_and_no_error() -> None:
    for text in ("", "--", "CREATE TABLE", "/* open", "CREATE TABLE t (a -- x", ")))((( -- y", '"open -- z'):
        ddl_comments.comments(text)
    assert ddl_comments.comments("CREATE TABLE t (a)") == ("", {})


def test_samples_are_few_distinct_short_and_spread(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = hostile.build(["CREATE TABLE t (id INTEGER PRIMARY KEY, kind, story, rare, blob)"], path)
    connection.executemany(
        "INSERT INTO t VALUES (?, ?, ?, ?, ?)",
        [
            (
                i,
                "ab"[i % 2] if i % 10 else "c",
                "long " * 100 + str(i),
                "seen" if i == 900 else None,
                bytes(1000),
            )
            for i in range(1, 1001)
        ],
    )
    connection.close()
    id_, kind, story, rare, blob = schema.read(path).tables[0].columns
    assert len(id_.samples) == 3 and id_.samples[0] == 1 and max(id_.samples) > 900  # type: ignore[type-var,operator]
    assert set(kind.samples) == {"a", "b", "c"}
    assert all(len(str(sample)) == sample_rows.TEXT_CHARACTERS for sample in story.samples)
    assert rare.samples == ("seen",)
    assert blob.samples == ()
    assert [len(column.samples) for column in schema.read(path, samples=1).tables[0].columns] == [
        1,
        1,
        1,
        1,
        0,
    ]
    assert not any(column.samples for column in schema.read(path, samples=0).tables[0].columns)


def test_choice_prefers_frequent_then_spread_and_short_values() -> None:
    assert sample_rows.choose(["a", "b", "b", "b", "c", "a"], 2) == ("b", "a")
    assert sample_rows.choose(list(range(10)), 3) == (0, 4, 9)
    assert sample_rows.choose(["x" * 50, "short", ""], 3) == ("short", "x" * 50)
    assert sample_rows.choose([1, 1.0, "1"], 3) == (1, 1.0, "1")
    assert sample_rows.choose([], 3) == ()


def test_text_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    found = table(tmp_path, "CREATE TABLE t (a)", "INSERT INTO t VALUES (CAST(x'61ff62' AS TEXT))")
    assert found.columns[0].samples == ("a\ufffdb",)


def test_names_that_are_not_utf_8_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    hostile.build(
        ["CREATE TABLE aaaa (x)", "CREATE TABLE column (x, qqqq)", "CREATE TABLE plain (x)"], path
    ).close()
    path.write_bytes(path.read_bytes().replace(b"aaaa", b"a\xffaa").replace(b"qqqq", b"q\xfeqq"))
    found = schema.read(path)
    assert [t.name for t in found.tables] == ["plain"]
    assert [one.name for one in found.unreadable] == ["a\ufffdaa", "column"]
    assert "not valid UTF-8" in found.skipped[1][1]


@can_limit
def test_huge_values_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    connection = hostile.build(["CREATE TABLE t (a, b)"], path)
    connection.execute("INSERT INTO t VALUES ('first', CAST(zeroblob(40000000) AS TEXT))")
    connection.execute("INSERT INTO t VALUES (zeroblob(40000000), 'short')")
    connection.close()
    started = time.perf_counter()
    a, b = schema.read(path).tables[0].columns
    assert time.perf_counter() - started < 1
    assert a.samples == ("first",)
    assert b.samples in ((), ("short",))


def test_expressions_of_strangers_cannot_hold_the_reader_up(tmp_path: Path) -> None:
    counter = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT "
    path = tmp_path / "x.db"
    hostile.build(
        [
            "CREATE TABLE t (a)",
            "INSERT INTO t VALUES (1)",
            "ALTER TABLE t ADD COLUMN b AS (printf('%.*c', 900000000, 'x'))",
            "ALTER TABLE t ADD COLUMN c AS (zeroblob(900000000))",
            f"CREATE VIEW endless AS {counter} count(*) FROM r",
            "CREATE VIEW padded AS SELECT printf('%.*c', 900000000, 'x') AS x",
            "CREATE VIEW noise AS SELECT length(randomblob(900000000)) AS x",
            "CREATE VIEW zeros AS SELECT hex(zeroblob(400000000)) AS x",
            f"CREATE VIEW doubled AS {counter.replace('n + 1', 'n || n')} n FROM r",
            f"CREATE VIEW crossed AS {counter} count(*) FROM r a, r b, r c",
        ],
        path,
    ).close()
    started = time.perf_counter()
    found = schema.read(path)
    assert time.perf_counter() - started < 1.5
    assert len(found.tables) == 7 and not found.skipped
    assert found.tables[0].columns[0].samples == (1,)
    assert not any(column.samples for t in found.tables for column in t.columns[1:])


@can_limit
def test_views_and_generated_columns_are_sampled_when_that_is_cheap(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "CREATE TABLE t (a, b AS (a || '!'))",
        "INSERT INTO t (a) VALUES (1), (2)",
        "CREATE VIEW v AS SELECT a * 2 AS x FROM t",
    )
    assert found.tables[0].columns[1].samples == ("1!", "2!")
    assert found.tables[1].columns[0].samples == (2, 4)


def test_views_that_multiply_use_the_time_budget_only(tmp_path: Path) -> None:
    statements = dict(hostile.hostile_schemas(0))["a view that doubles forty times"]
    started = time.perf_counter()
    found = read(tmp_path, *statements, time_budget=0.5)
    assert time.perf_counter() - started < 2.5
    assert found.tables[0].name == "base" and len(found.tables) + len(found.skipped) == 41


def test_without_time_names_still_come(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "CREATE TABLE t (a)",
        "INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT a FROM t",
        time_budget=0,
    )
    assert [t.name for t in found.tables] == ["t"]
    assert found.tables[0].row_count is None and found.tables[0].columns[0].samples == ()
    assert found.skipped[0][0] == "v"


def read_here(path: Path, *statements: str, trace: list[str] | None = None) -> Schema:
    """As `read`, in this process as in the worker, so that a test can look at how it is done."""

    class Here:
        notice = ""

        def task(
            self, function: str, arguments: dict[str, Any], tell: Callable[[Any], object], **_: object
        ) -> dict[str, Any]:
            assert function == introspect._SURVEY
            connection = sqlite3.connect(path / "x.db", isolation_level=None)
            if trace is not None:
                connection.set_trace_callback(trace.append)
            found = survey.survey(connection, {**arguments, "refused": {}}, tell)
            connection.close()
            return found

    (path / "x.db").unlink(missing_ok=True)
    hostile.build(list(statements), path / "x.db").close()
    return schema.read(path / "x.db", sandbox=Here())  # type: ignore[arg-type]


def test_reading_is_flat_in_the_number_of_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in steps of SQLite's virtual machine, so that a busy machine does not matter."""
    monkeypatch.setattr(sample_rows, "SMALL_FILE", 0)
    monkeypatch.setattr(sample_rows, "_TICK", 10)
    ticks: list[int] = []
    tick = sample_rows.Limiter._tick
    monkeypatch.setattr(sample_rows.Limiter, "_tick", lambda self: (ticks.append(1), tick(self))[1])
    steps = []
    for count in (20_000, 200_000):
        ticks.clear()
        found = read_here(
            tmp_path,
            "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT, n)",
            "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT "
            f"{count}) INSERT INTO t SELECT i, 'value ' || i, NULL FROM r",
            "CREATE TABLE w (k PRIMARY KEY) WITHOUT ROWID",
            "INSERT INTO w SELECT id FROM t",
        )
        steps.append(len(ticks))
        t, w = found.tables
        assert t.row_count == count and not t.row_count_exact
        assert max(t.columns[0].samples) > count * 0.9  # type: ignore[type-var,operator]
        assert w.row_count is None and len(w.columns[0].samples) == 3
    assert steps[1] <= steps[0] * 1.1


def test_row_counts_in_large_files_are_exact_or_estimated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_rows, "SMALL_FILE", 0)
    series = "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r LIMIT 30000)"
    found = read_here(
        tmp_path,
        "CREATE TABLE few (id INTEGER PRIMARY KEY)",
        "INSERT INTO few VALUES (1), (9000000000000000000)",
        "CREATE TABLE sparse (id INTEGER PRIMARY KEY, x)",
        f"{series} INSERT INTO sparse SELECT i * 1000000, i FROM r",
        "CREATE TABLE noted (id INTEGER PRIMARY KEY, x)",
        f"{series} INSERT INTO noted SELECT i * 1000000, i FROM r",
        "CREATE INDEX i ON noted (x)",
        "ANALYZE noted",
        "CREATE TABLE empty (x)",
    )
    few, sparse, noted, empty = found.tables
    assert (few.row_count, few.row_count_exact) == (2, True)
    assert sparse.row_count is not None and 30_000 <= sparse.row_count <= (tmp_path / "x.db").stat().st_size
    assert (noted.row_count, noted.row_count_exact) == (30_000, False)
    assert (empty.row_count, empty.row_count_exact) == (0, True)


def test_the_fingerprint_follows_what_the_model_is_shown(tmp_path: Path) -> None:
    base = ["CREATE TABLE t (a INTEGER, b TEXT)", "INSERT INTO t VALUES (1, 'x')"]
    first = read(tmp_path, *base)
    assert len(first.fingerprint) == 64 and read(tmp_path, *base).fingerprint == first.fingerprint
    others = [
        ["CREATE TABLE t (a INTEGER, b INTEGER)", base[1]],
        ["CREATE TABLE t (a INTEGER, c TEXT)", base[1]],
        ["CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)", base[1]],
        ["CREATE TABLE t (a INTEGER, b TEXT) -- c", base[1]],
        ["CREATE TABLE t (a INTEGER, b TEXT -- c\n)", base[1]],
        [base[0], "INSERT INTO t VALUES (1, 'y')"],
        [base[0], "INSERT INTO t VALUES ('1', 'x')".replace("t VALUES", "t VALUES")],
        [*base, "CREATE TABLE u (a)"],
    ]
    prints = {read(tmp_path, *statements).fingerprint for statements in others}
    assert (
        first.fingerprint in prints
    )  # two of the others say the same: '1' becomes 1; a comment outside goes
    assert len(prints) == len(others) - 1


def test_a_subset_keeps_order_and_whole_foreign_keys(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x)",
        "CREATE TABLE b (id INTEGER PRIMARY KEY, a REFERENCES a, y)",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, b REFERENCES b)",
    )
    some = found.subset({"B": None, "A": ["ID"], "c": [], "unknown": None})
    assert [(t.name, [c.name for c in t.columns]) for t in some.tables] == [
        ("a", ["id"]),
        ("b", ["id", "a", "y"]),
    ]
    assert some.tables[1].foreign_keys == (ForeignKey(("a",), "a", ("id",)),)
    assert found.subset({"a": ["x"], "b": None}).tables[1].foreign_keys == ()
    assert some.fingerprint != found.fingerprint
    assert found.subset({t.name: None for t in found.tables}) == found


def test_ddl_makes_the_schema_that_a_database_would() -> None:
    found = schema.from_ddl(
        "INSERT INTO x VALUES (1); CREATE TABLE a (id INTEGER PRIMARY KEY, t TEXT DEFAULT ';'); -- ;\n"
        'CREATE TABLE "b c" (a_id INTEGER, FOREIGN KEY (a_id) REFERENCES A (ID))'
    )
    assert [t.name for t in found.tables] == ["a", "b c"]
    assert found.tables[1].foreign_keys == (ForeignKey(("a_id",), "a", ("id",)),)
    assert found.path == "" and found.tables[0].row_count is None


@pytest.mark.parametrize(
    "text", ["", "SELECT 1", "CREATE TABLE t (a, a)", "CREATE TABLE (x)", "create table t (\0)"]
)
def test_ddl_that_sqlite_refuses_is_an_error(text: str) -> None:
    with pytest.raises(DatabaseError):
        schema.from_ddl(text)


def test_no_table_of_a_large_file_is_counted_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite counts a b-tree in one step that no progress handler sees, so the statements are looked at."""
    monkeypatch.setattr(sample_rows, "SMALL_FILE", 0)
    ran: list[str] = []
    read_here(
        tmp_path,
        "CREATE TABLE t (id INTEGER PRIMARY KEY)",
        "CREATE TABLE w (k PRIMARY KEY) WITHOUT ROWID",
        "CREATE VIEW v AS SELECT count(*) AS n FROM t",
        trace=ran,
    )
    counts = [statement for statement in ran if "count(*)" in statement]
    assert len(counts) >= 2 and all("LIMIT" in statement for statement in counts)
    assert not any(
        "v" in statement and not statement.startswith(("EXPLAIN", "PRAGMA")) for statement in counts
    )


def test_a_file_written_between_two_looks_is_read_from_the_start(tmp_path: Path) -> None:
    hostile.build(["CREATE TABLE t (a)", "CREATE VIEW v AS SELECT a FROM t"], tmp_path / "x.db").close()
    calls: list[int] = []

    class Disturbed(Sandbox):
        def task(self, *arguments: Any, **options: Any) -> dict[str, Any]:
            calls.append(1)
            found = super().task(*arguments, **options)
            if len(calls) == 1:  # as if the worker had ended over the view
                hostile.build(["CREATE TABLE late (x)"], tmp_path / "x.db").close()
                raise QueryTimeout("too late")
            return found

    with Disturbed(tmp_path / "x.db") as box:
        found = schema.read(tmp_path / "x.db", sandbox=box)
    assert [t.name for t in found.tables] == ["t", "v", "late"] and not found.unreadable
