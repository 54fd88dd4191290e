"""A list of objects in the JSON of a cell is asked for as a table, and gives what such a table would give."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.agent.agent import Agent
from sqlagent.agent.column_meaning import ColumnMeaning
from sqlagent.database import schema
from sqlagent.database.column_facts import kept
from sqlagent.database.column_facts.json_fields import read_fields
from sqlagent.linking.prompt import table_line
from sqlagent.sandbox.file_state import file_state
from sqlagent.ui.repl_commands import fields_shown

THINGS = ("lamp", "chair", "Shelf", "it's")


def items(order: int) -> list[dict[str, Any]]:
    """What an order of the tests holds: none to three things."""
    return [
        {
            "thing": THINGS[(order + place) % 4],
            "count": order % 5 + place,
            "price": {"amount": order + 0.5, "currency": "EUR" if order % 2 else "SEK"},
            "code": f"0{order}",
            **({"gift": True} if place else {}),
        }
        for place in range(order % 4)
    ]


def build(path: Path, orders: int = 24) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer TEXT, items TEXT)")
    connection.execute("CREATE TABLE trips (no TEXT PRIMARY KEY, log TEXT)")
    for order in range(orders):
        text: str | None = json.dumps(items(order))
        if order % 11 == 7:
            text = ("[{'oops", None)[order // 11 % 2]
        connection.execute("INSERT INTO orders VALUES (?, ?, ?)", (order, f"buyer {order % 3}", text))
        log = {"km": order, "stops": [{"town": f"town {n}", "minutes": n} for n in range(order % 3 + 1)]}
        connection.execute("INSERT INTO trips VALUES (?, ?)", (f"t{order}", json.dumps(log)))
    connection.commit()
    connection.close()
    return path


def held(orders: int = 24) -> list[tuple[int, dict[str, Any]]]:
    return [(order, one) for order in range(orders) if order % 11 != 7 for one in items(order)]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("lists") / "shop.sqlite")


def meaning(path: Path) -> ColumnMeaning:
    with Agent(path, FakeModel(["SELECT 1"])) as asked:
        found = asked.meaning()
        assert found is not None
        return found


@pytest.fixture(scope="module")
def meant(file: Path) -> ColumnMeaning:
    return meaning(file)


def rows_of(path: Path, found: ColumnMeaning, sql: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(found.lower(sql, lambda _: True).sql).fetchall()
    finally:
        connection.close()


def test_a_list_of_objects_is_shown_as_a_table_that_refers_to_its_rows(meant: ColumnMeaning) -> None:
    table = meant.meant.table("orders_items")
    assert table is not None
    assert table_line(table) == (
        "CREATE TABLE orders_items (orders_id INTEGER REFERENCES orders(id), thing TEXT /* 'chair' */, count INTEGER,"
        " price_amount REAL, price_currency TEXT /* 'EUR' */, code TEXT /* '01' */, gift INTEGER);"
    )


def test_the_list_itself_is_not_shown_where_all_of_it_is_in_the_table(meant: ColumnMeaning) -> None:
    orders, trips = meant.meant.table("orders"), meant.meant.table("trips")
    assert orders is not None and [c.name for c in orders.columns] == ["id", "buyer", "items", "items_count"]
    assert trips is not None and [c.name for c in trips.columns] == ["no", "log_km", "log_stops_count"]


def test_a_list_within_an_object_is_a_table_too(file: Path, meant: ColumnMeaning) -> None:
    sql = "SELECT town, COUNT(*), MAX(minutes) FROM trips_log_stops GROUP BY town ORDER BY town"
    assert rows_of(file, meant, sql) == [("town 0", 24, 0), ("town 1", 16, 1), ("town 2", 8, 2)]


def test_d_says_which_lists_are_tables(file: Path, meant: ColumnMeaning) -> None:
    table = meant.schema.table("orders")
    assert table is not None
    assert fields_shown(meant, table)[-1] == (
        "orders_items", "table", "JSON in items", "",
        "a row for each: orders_id, thing, count, price_amount, price_currency, code, gift",
    )  # fmt: skip


def test_a_question_is_answered_from_the_members_of_lists(file: Path) -> None:
    sql = (
        "SELECT orders.buyer, SUM(orders_items.count * orders_items.price_amount) FROM orders JOIN orders_items"
        " ON orders_items.orders_id = orders.id WHERE orders_items.thing = 'chair' GROUP BY orders.buyer"
    )
    with Agent(file, FakeModel([sql])) as asked:
        answer = asked.ask("How much did each buyer pay for chairs?")
    wanted: dict[str, float] = {}
    for order, one in held():
        if one["thing"] == "chair":
            buyer = f"buyer {order % 3}"
            wanted[buyer] = wanted.get(buyer, 0) + one["count"] * one["price"]["amount"]
    assert sorted(answer.rows) == sorted(wanted.items())
    assert "orders_items is read from the JSON in orders.items." in answer.note


def test_what_is_no_list_of_objects_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "plain.sqlite"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, texts TEXT, mixed TEXT, empty TEXT, one TEXT)"
    )
    for i in range(20):
        cells = (["a", "b"], [1, {"x": i}, "c"], [], {"x": {"y": i}})
        connection.execute(
            "INSERT INTO t (texts, mixed, empty, one) VALUES (?, ?, ?, ?)", tuple(map(json.dumps, cells))
        )
    connection.commit()
    connection.close()
    assert [table.name for table in meaning(path).meant.tables] == ["t"]


def test_a_table_that_is_called_so_keeps_its_name(tmp_path: Path) -> None:
    path = build(tmp_path / "named.sqlite")
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE Orders_Items (id INTEGER PRIMARY KEY, own TEXT)")
    connection.close()
    found = meaning(path).meant.table("orders_items")
    assert found is not None and [column.name for column in found.columns] == ["id", "own"]


def test_names_that_need_quotes_are_quoted(tmp_path: Path) -> None:
    path = tmp_path / "odd.sqlite"
    connection = sqlite3.connect(path)
    connection.execute('CREATE TABLE "my orders" ("no." INTEGER PRIMARY KEY, "the items" TEXT)')
    for i in range(6):
        cell = [{"it's": i, "first name": "Ann", 'q"q': 1}, {"it's": 1}]
        connection.execute('INSERT INTO "my orders" VALUES (?, ?)', (i, json.dumps(cell)))
    connection.commit()
    connection.close()
    found = meaning(path)
    sql = 'SELECT SUM(it_s), MAX(first_name), COUNT(DISTINCT "no.") FROM "my orders_the items"'
    assert rows_of(path, found, sql) == [(21, "Ann", 6)]


def test_lists_are_kept_beside_the_schema(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))
    monkeypatch.setattr(kept, "_SETTLED_NS", 0)
    connection = sqlite3.connect(file)
    found = read_fields(lambda sql: connection.execute(sql).fetchall(), schema.read(file).tables)
    connection.close()
    assert found.tables
    state = file_state(str(file))
    kept.save(str(file), state, {}, {}, found, 1.0)
    loaded = kept.load(str(file), state)
    assert loaded is not None and loaded[2].tables == found.tables


# ---- drawn statements ----

_COLUMNS = ("orders_id", "thing", "count", "price_amount", "price_currency", "code", "gift")
_COLUMN = st.sampled_from(_COLUMNS)
_NUMBER = st.sampled_from(["1", "3.5", "NULL", "12", "5"])
_CONSTANT = st.sampled_from(["1", "'chair'", "'01'", "3.5", "NULL", "'EUR'", "12", "5"])
_TEXTS = ("thing", "price_currency", "code")


@pytest.fixture(scope="module")
def plain() -> sqlite3.Connection:
    """A database in which the members of the lists are rows of a table."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, buyer TEXT)")
    connection.execute(
        "CREATE TABLE orders_items (orders_id INTEGER, thing TEXT, count INTEGER, price_amount REAL,"
        " price_currency TEXT, code TEXT, gift INTEGER)"
    )
    connection.executemany("INSERT INTO orders VALUES (?, ?)", [(n, f"buyer {n % 3}") for n in range(24)])
    for order, one in held():
        values = (one["thing"], one["count"], *one["price"].values(), one["code"], one.get("gift"))
        connection.execute("INSERT INTO orders_items VALUES (?, ?, ?, ?, ?, ?, ?)", (order, *values))
    return connection


@st.composite
def statements(draw: st.DrawFn) -> str:
    source = draw(
        st.sampled_from(
            [
                "orders_items AS i",
                "orders JOIN orders_items AS i ON i.orders_id = orders.id",
                "orders LEFT JOIN orders_items AS i ON i.orders_id = orders.id",
                "(SELECT * FROM orders_items WHERE count > 1) AS i",
            ]
        )
    )
    one, two = (f"i.{draw(_COLUMN)}" for _ in range(2))
    operator = draw(st.sampled_from(["=", "<", ">=", "!=", "IS NOT"]))
    constant = _CONSTANT if one.removeprefix("i.") in _TEXTS else _NUMBER
    condition = draw(
        st.sampled_from(
            [
                f"{one} {operator} {draw(constant)}",
                f"{one} IN ({draw(constant)}, {draw(constant)})",
                f"{one} > (SELECT AVG(count) FROM orders_items)",
                f"NOT EXISTS (SELECT 1 FROM orders_items AS o WHERE o.orders_id = i.orders_id AND o.thing < {two})",
                f"i.orders_id IN (SELECT orders_id FROM orders_items WHERE code = {draw(_CONSTANT)})",
            ]
        )
    )
    return draw(
        st.sampled_from(
            [
                f"SELECT {one}, {two} FROM {source} WHERE {condition}",
                f"SELECT {one}, COUNT(*), MAX({two}) FROM {source} WHERE {condition} GROUP BY {one}",
                f"SELECT COUNT(DISTINCT {one}), SUM({two}) FROM {source}",
                f"WITH k AS (SELECT {one} AS v FROM {source}) SELECT v, COUNT(*) FROM k GROUP BY v",
                f"SELECT {one} FROM {source} UNION SELECT {two} FROM {source} WHERE {condition}",
            ]
        )
    )


@settings(max_examples=200, deadline=None)
@given(sql=statements())
def test_a_statement_over_lists_gives_what_it_gives_over_a_table(
    file: Path, meant: ColumnMeaning, plain: sqlite3.Connection, sql: str
) -> None:
    assert sorted(map(repr, rows_of(file, meant, sql))) == sorted(map(repr, plain.execute(sql).fetchall()))
