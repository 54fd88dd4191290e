"""What JSON in a cell holds is asked for as columns, and gives what columns of those values would give."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.agent.agent import Agent
from sqlagent.agent.column_meaning import ColumnMeaning
from sqlagent.base import paths
from sqlagent.database import schema
from sqlagent.database.column_facts import kept
from sqlagent.database.column_facts.json_fields import read_fields, with_fields
from sqlagent.database.column_facts.json_members import MOST
from sqlagent.linking.prompt import table_line
from sqlagent.lowering.computed import ComputedColumns
from sqlagent.ui.repl_commands import fields_shown

MAY = 1_714_694_400
ROOMS = ("attic", "bedroom", "Living Room")


def cell(i: int) -> dict[str, Any]:
    """What the cells of the tests hold."""
    found: dict[str, Any] = {
        "temperature": 15 + i % 9 + 0.5,
        "humidity": 40 + i % 7,
        "room": ROOMS[i % 3],
        "on": i % 2 == 0,
        "place": {"floor": i % 4, "zip code": f"0{i % 5}123"},
        "tags": ["art", "artist", "new"][: i % 4],
        "seen_at": MAY + i * 86_400,
        "room_id": i % 3,
        "day": f"{i % 28 + 1:02}/05/2024",
        "price": f"{i},500.50",
    }
    if i % 5 == 0:
        del found["humidity"]
    return found


def build(path: Path, rows: int = 40, *, broken: bool = True) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute(
        "CREATE TABLE readings (id INTEGER PRIMARY KEY, room_id INTEGER, payload TEXT, labels TEXT)"
    )
    connection.executemany("INSERT INTO rooms VALUES (?, ?)", list(enumerate(ROOMS)))
    for i in range(rows):
        text: str | None = json.dumps(cell(i))
        if broken and i % 10 == 3:
            text = ("{'oops", "", None, "[1]")[i // 10 % 4]
        labels = json.dumps(["a", "b", "abc"][: i % 3 + 1])
        connection.execute("INSERT INTO readings VALUES (?, ?, ?, ?)", (i, i % 3, text, labels))
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return build(tmp_path / "home.sqlite")


def meaning(path: Path) -> ColumnMeaning:
    with Agent(path, FakeModel(["SELECT 1"])) as asked:
        found = asked.meaning()
        assert found is not None
        return found


def line(path: Path, table: str = "readings") -> str:
    found = meaning(path).meant.table(table)
    assert found is not None
    return table_line(found)


def rows_of(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a statement gives as it is lowered, in the names of fields."""
    lowered = meaning(path).lower(sql, lambda _: True)
    connection = sqlite3.connect(path)
    try:
        return connection.execute(lowered.sql).fetchall()
    finally:
        connection.close()


# ---- what is shown ----


def test_fields_are_shown_as_columns_by_what_their_values_are(file: Path) -> None:
    shown = line(file)
    for words in (
        "payload TEXT, payload_temperature REAL",
        "payload_humidity INTEGER",
        "payload_room TEXT /* 'attic' */",
        "payload_on boolean",
        "payload_place_floor INTEGER",
        "payload_place_zip_code TEXT /* '00123' */",
        "payload_tags TEXT",
        "payload_tags_count INTEGER",
        "payload_seen_at date",
        "payload_day date /* '2024-05-01' */",
        "payload_price REAL",
        "labels_count INTEGER",
        "payload_room_id INTEGER REFERENCES rooms(id)",
    ):
        assert words in shown, words


def test_json_of_which_all_is_shown_is_not_shown_itself(tmp_path: Path) -> None:
    path = tmp_path / "logs.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE logs (id INTEGER PRIMARY KEY, meta TEXT, rest TEXT, partly TEXT)")
    for i in range(30):
        meta = {
            "level": ("info", "warn")[i % 2],
            "tags": ["a", "b", "c"][: i % 4],
            "by": {"user": f"u{i % 3}"},
        }
        rest = {"level": i, "parts": [{"x": i}]}
        partly: Any = {"level": i} if i % 7 else [i]
        cells = (json.dumps(meta), json.dumps(rest), json.dumps(partly))
        connection.execute("INSERT INTO logs (meta, rest, partly) VALUES (?, ?, ?)", cells)
    connection.commit()
    connection.close()
    names = [c.name for c in meaning(path).meant.tables[0].columns]
    assert names == [
        "id", "meta_level", "meta_tags", "meta_tags_count", "meta_by_user", "rest_level", "rest_parts_count",
        "partly", "partly_level",
    ]  # fmt: skip
    assert rows_of(path, "SELECT COUNT(*) FROM logs WHERE meta_by_user = 'u1'") == [(10,)]
    assert len(rows_of(path, "SELECT * FROM logs LIMIT 1")[0]) == 4


def test_a_view_that_hands_json_on_has_its_fields(file: Path) -> None:
    connection = sqlite3.connect(file)
    connection.execute(
        "CREATE VIEW warm AS SELECT r.id, r.payload AS held, rooms.name FROM readings AS r"
        " JOIN rooms ON r.room_id = rooms.id WHERE r.id > 20"
    )
    connection.close()
    shown = line(file, "warm")
    assert (
        "held_temperature REAL" in shown
        and "held_seen_at date" in shown
        and "held_tags_count INTEGER" in shown
    )
    found = rows_of(file, "SELECT COUNT(*), MAX(held_temperature) FROM warm WHERE held_day >= '2024-05-10'")
    wanted = [cell(i) for i in range(21, 40) if i % 10 != 3 and i % 28 + 1 >= 10]
    assert found == [(len(wanted), max(one["temperature"] for one in wanted))]


def test_a_question_names_a_member_of_a_list(file: Path) -> None:
    model = FakeModel(["SELECT COUNT(*) FROM readings WHERE payload_tags = 'artist'"])
    with Agent(file, model) as asked:
        answer = asked.ask("How many readings are tagged artist?")
    assert "readings.payload_tags = 'artist'" in model.prompts[0].request
    assert answer.rows == [(sum("artist" in c["tags"] for c in CELLS),)]


def test_a_schema_without_json_is_shown_as_before(tmp_path: Path) -> None:
    path = tmp_path / "plain.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT)")
    connection.executemany(
        "INSERT INTO notes (body) VALUES (?)", [("[sic] a note",), ("{draft} another",), ("x",)]
    )
    connection.commit()
    connection.close()
    found = meaning(path)
    assert found.meant is found.schema


def test_many_fields_are_bounded_and_the_frequent_ones_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "wide.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, extra TEXT)")
    draw = random.Random(1)
    for i in range(60):
        always = {"kind": ("click", "view")[i % 2], "size": i}
        rare = {f"k{draw.randrange(500)}": i for _ in range(10)}
        connection.execute("INSERT INTO events (extra) VALUES (?)", (json.dumps(rare | always),))
    connection.commit()
    connection.close()
    columns = [c.name for c in meaning(path).meant.tables[0].columns]
    assert {"extra_kind", "extra_size"} <= set(columns) and len(columns) <= 2 + MOST


def test_names_that_clash_or_that_no_path_names_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "odd.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, a_x TEXT)")
    odd = {"x": 1, 'q"q': 2, "b\\s": 3, "7": 4, "": 5, "it's": 6, "größe": 7, "d-e": 8, "d e": 9, "nl\n": 1}
    for i in range(20):
        connection.execute("INSERT INTO t (a) VALUES (?)", (json.dumps(odd | {"x": i}, ensure_ascii=False),))
    connection.commit()
    connection.close()
    names = [c.name for c in meaning(path).meant.tables[0].columns]
    assert names == ["id", "a", "a_it_s", "a_größe", "a_d_e", "a_x"]
    assert rows_of(path, 'SELECT a_it_s, "a_größe", a_d_e FROM t LIMIT 1') == [(6, 7, 8)]


def test_without_json_functions_no_fields_are_offered(file: Path) -> None:
    connection = sqlite3.connect(file)

    def run(sql: str) -> Any:
        return None if "json" in sql else connection.execute(sql).fetchall()

    assert not read_fields(run, schema.read(file).tables).columns


def test_looking_for_fields_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    steps = []
    for rows in (1_000, 20_000):
        connection = sqlite3.connect(build(tmp_path / f"{rows}.sqlite", rows))
        found = schema.read(tmp_path / f"{rows}.sqlite")
        counted = [0]

        def tick(counted: list[int] = counted) -> int:
            counted[0] += 1
            return 0

        connection.set_progress_handler(tick, 100)
        fields = read_fields(lambda sql: connection.execute(sql).fetchall(), found.tables)  # noqa: B023
        assert len(fields.columns["readings"]) > MOST
        steps.append(counted[0])
        connection.close()
    assert steps[1] < 1.2 * steps[0]


def test_d_says_which_json_a_field_is_in(file: Path) -> None:
    found = meaning(file)
    table = found.schema.table("readings")
    assert table is not None
    shown = {name: (kind, where, stored) for name, kind, where, _, stored in fields_shown(found, table)}
    assert shown["payload_temperature"] == ("REAL", "JSON in payload", "")
    assert "dd/mm/yyyy" in shown["payload_day"][2]


# ---- what is written ----


@pytest.mark.parametrize(
    ("logical", "physical"),
    [
        (
            "SELECT AVG(payload_temperature) FROM readings",
            "SELECT AVG(CASE WHEN json_valid(payload) THEN json_extract(payload, '$.temperature') END)"
            ' AS "AVG(payload_temperature)" FROM readings',
        ),
        (
            "SELECT payload_room, COUNT(*) FROM readings GROUP BY payload_room ORDER BY COUNT(*) DESC",
            "SELECT CASE WHEN json_valid(payload) THEN json_extract(payload, '$.room') END AS payload_room, COUNT(*)"
            " FROM readings GROUP BY payload_room ORDER BY COUNT(*) DESC",
        ),
        (
            "SELECT id FROM readings WHERE payload_place_zip_code = 123",
            "SELECT id FROM readings WHERE CASE WHEN json_valid(payload) THEN"
            " json_extract(payload, '$.place.\"zip code\"') END = '00123'",
        ),
    ],
)
def test_a_field_is_written_as_json_extract(file: Path, logical: str, physical: str) -> None:
    assert meaning(file).lower(logical, lambda _: True).sql == physical


def test_where_every_cell_is_json_nothing_asks_whether_it_is(tmp_path: Path) -> None:
    path = build(tmp_path / "whole.sqlite", broken=False)
    lowered = meaning(path).lower("SELECT MAX(payload_humidity) AS m FROM readings", lambda _: True)
    assert lowered.sql == "SELECT MAX(json_extract(payload, '$.humidity')) AS m FROM readings"
    assert lowered.notes == ("payload_humidity is read from the JSON in payload.",)


def test_a_statement_without_fields_stays_the_same_text(file: Path) -> None:
    for sql in (
        "SELECT payload FROM readings",
        "SELECT * FROM readings WHERE room_id = 1",
        "SELECT name FROM rooms",
    ):
        assert meaning(file).lower(sql, lambda _: True).sql == sql


CELLS = [cell(i) for i in range(40) if i % 10 != 3]


@pytest.mark.parametrize(
    ("condition", "number"),
    [
        ("payload_on = 'true'", sum(c["on"] for c in CELLS)),
        ("payload_on = 1", sum(c["on"] for c in CELLS)),
        ("NOT payload_on", sum(not c["on"] for c in CELLS)),
        ("payload_humidity = '41'", sum(c.get("humidity") == 41 for c in CELLS)),
        ("payload_humidity IN ('41', 42)", sum(c.get("humidity") in (41, 42) for c in CELLS)),
        ("payload_humidity IS NULL", sum("humidity" not in c for c in CELLS) + 4),
        ("payload_place_zip_code = 123", sum(c["place"]["zip code"] == "00123" for c in CELLS)),
        ("payload_tags = 'art'", sum("art" in c["tags"] for c in CELLS)),
        ("payload_tags LIKE '%art%'", sum("art" in c["tags"] for c in CELLS)),
        ("payload_tags NOT LIKE '%new%'", sum("new" not in c["tags"] for c in CELLS)),
        ("payload_tags LIKE '%rtis%'", sum("artist" in c["tags"] for c in CELLS)),
        ("payload_tags LIKE '%, %'", 0),
        ("payload_tags_count = 0", sum(not c["tags"] for c in CELLS)),
        ("labels = 'a'", 40),
        ("labels LIKE '%b%'", sum(i % 3 >= 1 for i in range(40))),
        ("labels_count > 2", sum(i % 3 == 2 for i in range(40))),
        ("payload_seen_at = '2024-05-05'", 1),
        ("payload_seen_at < '2024-05-05'", 2),
        ("payload_day = '2024-05-05'", sum(c["day"] == "05/05/2024" for c in CELLS)),
        ("payload_price > 30000", sum(float(c["price"].replace(",", "")) > 30000 for c in CELLS)),
    ],
)
def test_fields_are_compared_as_what_they_are(file: Path, condition: str, number: int) -> None:
    assert rows_of(file, f"SELECT COUNT(*) FROM readings WHERE {condition}") == [(number,)]
    if "tags" not in condition:
        inner = f"SELECT COUNT(*) FROM (SELECT * FROM readings) AS r WHERE {condition}"
        assert rows_of(file, inner) == [(number,)]


def test_the_members_of_a_list_in_a_field_are_counted_one_by_one(file: Path) -> None:
    found = rows_of(file, "SELECT payload_tags, COUNT(*) FROM readings GROUP BY payload_tags")
    assert sorted(found) == sorted(
        (tag, sum(tag in c["tags"] for c in CELLS)) for tag in ("art", "artist", "new")
    )


def test_a_field_that_holds_a_key_joins(file: Path) -> None:
    sql = "SELECT rooms.name, COUNT(*) FROM readings JOIN rooms ON readings.payload_room_id = rooms.id GROUP BY 1"
    cells = [ROOMS[c["room_id"]] for c in CELLS]
    assert sorted(rows_of(file, sql)) == sorted((name, cells.count(name)) for name in ROOMS)


# ---- drawn statements ----

_FIELDS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "payload_temperature": ("REAL", lambda c: c.get("temperature")),
    "payload_humidity": ("INTEGER", lambda c: c.get("humidity")),
    "payload_room": ("TEXT", lambda c: c.get("room")),
    "payload_place_floor": ("INTEGER", lambda c: (c.get("place") or {}).get("floor")),
    "payload_place_zip_code": ("TEXT", lambda c: (c.get("place") or {}).get("zip code")),
    "payload_tags_count": ("INTEGER", lambda c: len(c["tags"]) if "tags" in c else None),
}


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[ComputedColumns, sqlite3.Connection, sqlite3.Connection]:
    """The schema's computed columns, the file, and a copy with the fields in columns of their own."""
    path = build(tmp_path_factory.mktemp("pair") / "home.sqlite")
    stored, plain = sqlite3.connect(path), sqlite3.connect(":memory:")
    names = ", ".join(f"{name} {type_}" for name, (type_, _) in _FIELDS.items())
    plain.execute("CREATE TABLE rooms (id INTEGER PRIMARY KEY, name TEXT)")
    plain.execute(
        f"CREATE TABLE readings (id INTEGER PRIMARY KEY, room_id, payload TEXT, labels TEXT, {names})"
    )
    plain.executemany("INSERT INTO rooms VALUES (?, ?)", stored.execute("SELECT * FROM rooms").fetchall())
    for row in stored.execute("SELECT * FROM readings").fetchall():
        try:
            held = json.loads(row[2])
        except (TypeError, ValueError):
            held = {}
        held = held if isinstance(held, dict) else {}
        values = [get(held) for _, get in _FIELDS.values()]
        plain.execute(f"INSERT INTO readings VALUES (?, ?, ?, ?{', ?' * len(_FIELDS)})", (*row, *values))
    found = schema.read(path)
    fields = read_fields(lambda sql: stored.execute(sql).fetchall(), found.tables)
    return ComputedColumns(with_fields(found, fields)), stored, plain


_NUMBERS = [name for name, (kind, _) in _FIELDS.items() if kind != "TEXT"] + ["id"]
_TEXTS = [name for name, (kind, _) in _FIELDS.items() if kind == "TEXT"]
_COLUMN = st.sampled_from(_NUMBERS + _TEXTS)
_CONSTANT = st.sampled_from(["41", "'41'", "17.5", "'attic'", "'00123'", "2", "'2'", "NULL", "'x'", "-1"])


@st.composite
def statements(draw: st.DrawFn) -> str:
    source = draw(
        st.sampled_from(
            [
                "readings AS r",
                "readings AS r JOIN rooms AS m ON m.id = r.room_id",
                "(SELECT * FROM readings) AS r",
                "(SELECT * FROM (SELECT * FROM readings WHERE id > 3) AS q) AS r",
            ]
        )
    )
    qualifier = draw(st.sampled_from(["r.", ""])) if "rooms" not in source else "r."
    one, two, three = (qualifier + draw(_COLUMN) for _ in range(3))
    alike = st.sampled_from(_TEXTS if one.removeprefix("r.") in _TEXTS else _NUMBERS)
    condition = draw(
        st.sampled_from(
            [
                f"{one} {draw(st.sampled_from(['=', '<', '>=', '!=', 'IS', 'IS NOT']))} {draw(_CONSTANT)}",
                f"{one} IN ({draw(_CONSTANT)}, {draw(_CONSTANT)})",
                f"{one} BETWEEN {draw(_CONSTANT)} AND {draw(_CONSTANT)}",
                f"NOT ({one} = {draw(_CONSTANT)} OR {two} IS NULL)",
                f"{one} LIKE '%{draw(st.sampled_from(['t', '1', 'room']))}%'",
                f"{one} > (SELECT MIN(x.{draw(alike)}) FROM readings AS x)",
                f"{one} = (SELECT MAX(x.{one.removeprefix('r.')}) FROM readings AS x WHERE x.room_id = r.room_id)",
                f"EXISTS (SELECT 1 FROM rooms AS o WHERE o.name = {two} AND o.id != r.room_id)",
                f"{one} IN (SELECT {draw(alike)} FROM readings WHERE payload_room = 'attic')",
            ]
        )
    )
    return draw(
        st.sampled_from(
            [
                f"SELECT {one}, {two} FROM {source} WHERE {condition}",
                f"SELECT {one}, COUNT(*), MAX({two}) FROM {source} WHERE {condition} GROUP BY {one}",
                f"SELECT {two} AS a, COUNT(DISTINCT {one}) FROM {source} GROUP BY a HAVING COUNT(*) > 2",
                f"SELECT DISTINCT {three} FROM {source} WHERE {condition} OR {two} > 3",
                f"SELECT ({one}), AVG({two}) FROM {source} GROUP BY {one} ORDER BY AVG({two}) DESC, {one}",
                f"SELECT CASE WHEN {condition} THEN {two} ELSE 0 END FROM {source} ORDER BY {three}, {two}",
                f"WITH k AS (SELECT {one} AS v, {two} FROM {source}) SELECT v, COUNT(*) FROM k GROUP BY v",
                f"SELECT {one} FROM {source} UNION SELECT {two} FROM {source} WHERE {condition}",
                f"SELECT {one}, RANK() OVER (PARTITION BY {two} ORDER BY {three}) FROM {source}",
            ]
        )
    )


@settings(max_examples=400, deadline=None)
@given(sql=statements())
def test_a_statement_over_fields_gives_what_it_gives_over_columns_with_those_values(
    pair: tuple[ComputedColumns, sqlite3.Connection, sqlite3.Connection], sql: str
) -> None:
    computed, stored, plain = pair
    written, _ = computed.written_out(sql)
    got, wanted = stored.execute(written), plain.execute(sql)
    assert [name for name, *_ in got.description] == [name for name, *_ in wanted.description], written
    assert sorted(got.fetchall(), key=repr) == sorted(wanted.fetchall(), key=repr), written


# ---- the whole way ----


def test_the_model_sees_fields_its_statement_runs_and_says_where_they_are(file: Path) -> None:
    logical = "SELECT AVG(payload_temperature) FROM readings WHERE payload_room = 'living room'"
    model = FakeModel([logical])
    with Agent(file, model) as asked:
        answer = asked.ask("What is the average temperature in the living room?")
        assert asked.run_sql(answer.sql).rows == answer.rows
    rooms = [cell(i)["temperature"] for i in range(40) if i % 10 != 3 and i % 3 == 2]
    assert answer.rows == [(sum(rooms) / len(rooms),)], "the stored spelling is found in the field"
    assert "payload_room = 'Living Room'" in model.prompts[0].request
    assert answer.columns == ("AVG(payload_temperature)",)
    assert "payload_temperature is read from the JSON in payload" in answer.note


def test_fields_are_kept_with_the_facts(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(kept, "WORTH_SECONDS", 0.0)
    os.utime(file, (1_700_000_000, 1_700_000_000))
    first = meaning(file)

    def never(*_: object, **__: object) -> object:
        raise AssertionError("it was read again")

    monkeypatch.setattr("sqlagent.agent.column_meaning.read_fields", never)
    again = meaning(file)
    assert again.meant == first.meant and again.facts == first.facts
