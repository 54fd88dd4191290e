"""Stored values that a question mentions, the index they are found in, and literals put right."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sqlagent.base import word_forms
from sqlagent.database import schema
from sqlagent.linking import value_index, value_store
from sqlagent.linking.prompt import Hint
from sqlagent.linking.value_index import ValueIndex
from sqlagent.sandbox.sandbox import Sandbox

SHOP = """
CREATE TABLE customer (
    id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, city TEXT, country TEXT,
    gender TEXT, status TEXT, -- A = active, L = locked out
    account TEXT, notes TEXT
);
CREATE TABLE product (id INTEGER PRIMARY KEY, title TEXT, colour TEXT, code TEXT, price REAL);
INSERT INTO customer VALUES
    (1, 'Zoë', 'Turcotte', 'São Paulo', 'Brazil', 'F', 'A', '162', 'x'),
    (2, 'Aaron', 'Edwards', 'New York', 'USA', 'M', 'L', '338', 'y'),
    (3, 'Nancy', 'Edward', 'York', 'United Kingdom', 'F', 'A', '337', 'z');
INSERT INTO product VALUES
    (1, 'Columbus Crew Scarf', 'black', 'ACCT-211', 1.5), (2, 'Tomato', 'red', 'ACCT-212', 2),
    (3, 'Balls to the Wall', 'red', 'QM-261', 3), (4, 'Two', 'dark blue', 'U.S.A.', 4);
"""


def make(path: Path, script: str = SHOP) -> Path:
    """A database that was last written a while ago."""
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.commit()
    connection.close()
    past = time.time() - 60
    os.utime(path, (past, past))
    return path


@pytest.fixture
def shop(tmp_path: Path) -> ValueIndex:
    path = make(tmp_path / "shop.db")
    return ValueIndex(path, schema.read(path), tmp_path / "values")


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every index is kept on disk, however quickly it was built."""
    monkeypatch.setattr(value_store, "WORTH_SECONDS", 0.0)


# ---- words ----


def test_words_do_not_depend_on_case_accents_width_and_punctuation() -> None:
    assert word_forms.key("São-PAULO") == word_forms.key("sao paulo") == word_forms.key("Ｓão　Paulo")
    assert word_forms.key("U.S.A.") == word_forms.key("usa")
    assert word_forms.key("Kyle's") == word_forms.key("kyle")
    assert word_forms.key("Łódź Straße") == "lodz strasse"


@pytest.mark.parametrize(
    ("plural", "singular"),
    [
        ("cities", "city"),
        ("herbs", "herb"),
        ("classes", "class"),
        ("boxes", "box"),
        ("tomatoes", "tomato"),
        ("areas", "area"),
        ("people", "person"),
    ],
)
def test_a_plural_has_the_stem_of_its_singular(plural: str, singular: str) -> None:
    assert word_forms.stem(plural) == word_forms.stem(singular)


@pytest.mark.parametrize("word", ["status", "analysis", "bus", "class", "162", "as"])
def test_words_that_only_look_like_plurals_stay(word: str) -> None:
    assert word_forms.stem(word) == word


def test_names_are_split_where_their_parts_meet() -> None:
    assert word_forms.name_words("customerID") == ["customer", "id"]
    assert word_forms.name_words("CRS_CODE") == ["crs", "code"]
    assert word_forms.name_words("HTTPServer2") == ["http", "server", "2"]
    assert word_forms.name_words("straßenName") == ["strassen", "name"]


def test_an_apostrophe_in_a_word_opens_no_quotation() -> None:
    question = "What's the players' rank in 'O'Neil's Bar' and \"New York\"?"
    assert [question[a:b] for a, b in word_forms.quotes(question)] == ["O'Neil's Bar", "New York"]


# ---- finding ----


@pytest.mark.parametrize(
    ("question", "hint"),
    [
        ("Who lives in sao paulo?", Hint("customer", "city", "São Paulo")),
        ("Which customers live in NEW YORK?", Hint("customer", "city", "New York")),
        ("How many tomatos do we sell?", Hint("product", "title", "Tomato")),
        ("Who lives in New Yrok?", Hint("customer", "city", "New York")),
        ("Which customers are called Turcote?", Hint("customer", "last_name", "Turcotte")),
        ("How much is the Columbus Crew scarf?", Hint("product", "title", "Columbus Crew Scarf")),
        ("What does 'Columbus Crew' merchandise cost?", Hint("product", "title", "Columbus Crew Scarf")),
        ("What does acct 211 cost?", Hint("product", "code", "ACCT-211")),
        ("Who owns account 162?", Hint("customer", "account", "162")),
        ("How many products are red?", Hint("product", "colour", "red")),
        ("Which song is called balls to the wall?", Hint("product", "title", "Balls to the Wall")),
        ("customers from brazil", Hint("customer", "country", "Brazil")),
        ("How many female customers are there?", Hint("customer", "gender", "F")),
        ("Which customers are locked out?", Hint("customer", "status", "L")),
        ("What costs the product with code USA?", Hint("product", "code", "U.S.A.")),
    ],
)
def test_a_value_is_found_however_it_is_written(shop: ValueIndex, question: str, hint: Hint) -> None:
    assert hint in shop.find(question)


@pytest.mark.parametrize(
    "question",
    [
        "How many customers are there?",
        "Who lives in the United States?",  # no column says that USA means this
        "List the two cheapest products.",
        "Show the top 162 products.",
        "Show accounts with more than 162 orders.",
        "Which product titles contain the word 'Tomato'?",
        "What is an active volcano's account of a city?",
        "",
        "?",
    ],
)
def test_no_hint_without_evidence(shop: ValueIndex, question: str) -> None:
    known = {Hint("customer", "status", "A")}  # "active" is what the comment says A means
    assert set(shop.find(question)) <= known


def test_the_longer_value_wins_over_one_inside_it(shop: ValueIndex) -> None:
    found = shop.find("Who lives in New York?")
    assert Hint("customer", "city", "New York") in found
    assert Hint("customer", "city", "York") not in found


def test_the_value_as_it_is_spelled_wins_over_its_singular(shop: ValueIndex) -> None:
    found = [hint.value for hint in shop.find("What is the city of Nancy Edwards?")]
    assert "Edwards" in found and "Edward" not in found


def test_a_single_letter_is_that_letter_and_nothing_like_it(tmp_path: Path) -> None:
    path = make(
        tmp_path / "g.db",
        "CREATE TABLE enrolled (grade TEXT); INSERT INTO enrolled VALUES ('A'), ('A-'), ('A+'), ('B')",
    )
    found = ValueIndex(path, schema.read(path), tmp_path / "values").find("Who got grade A?")
    assert found == [Hint("enrolled", "grade", "A")]


def test_hints_keep_to_a_part_of_the_schema(shop: ValueIndex, tmp_path: Path) -> None:
    part = schema.read(tmp_path / "shop.db").subset({"product": None})
    question = "Do customers in New York buy ACCT-211?"
    assert {hint.table for hint in shop.find(question)} == {"customer", "product"}
    assert {hint.table for hint in shop.find(question, within=part)} == {"product"}


def test_words_without_blanks_between_them_are_found(tmp_path: Path) -> None:
    path = make(
        tmp_path / "c.db", "CREATE TABLE 城市 (名称 TEXT); INSERT INTO 城市 VALUES ('北京'), ('上海')"
    )
    found = ValueIndex(path, schema.read(path), tmp_path / "values").find("住在上海的人有多少?")
    assert found == [Hint("城市", "名称", "上海")]


def test_the_same_question_finds_the_same(shop: ValueIndex) -> None:
    question = "Do Zoë Turcotte and Aaron Edwards in New York buy red ACCT-211?"
    first = shop.find(question)
    shop.close()
    assert len(first) == 5 and shop.find(question) == first


def test_a_very_long_question_is_answered_quickly(shop: ValueIndex) -> None:
    shop.build()
    started = time.monotonic()
    shop.find("Does Turcote of New Yrok like Tomatto? " * 300)
    assert time.monotonic() - started < 2


# ---- the index ----


def test_views_prose_and_binary_are_left_out(tmp_path: Path) -> None:
    path = make(
        tmp_path / "p.db",
        "CREATE TABLE t (a TEXT, prose TEXT, b BLOB, broken TEXT); CREATE VIEW v AS SELECT a AS seen FROM t;"
        f"INSERT INTO t VALUES ('Alpha', '{'Beta ' * 40}', x'476166', CAST(x'47ff61' AS TEXT))",
    )
    index = ValueIndex(path, schema.read(path), tmp_path / "values")
    assert index.find("Show 'Alpha', 'Beta', 'Gaf', 'G a' and 'Ga'") == [Hint("t", "a", "Alpha")]


def test_the_index_is_private_and_outlives_the_process(
    shop: ValueIndex, tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.find("Who lives in New York?")
    (file,) = (tmp_path / "values").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    again = ValueIndex(tmp_path / "shop.db", schema.read(tmp_path / "shop.db"), tmp_path / "values")
    monkeypatch.setattr(value_store.ValueStore, "build", None)  # a second building would fail
    assert again.find("Who lives in New York?") == [Hint("customer", "city", "New York")]


def test_a_changed_file_is_read_again(shop: ValueIndex, tmp_path: Path, eager: None) -> None:
    assert shop.find("Who lives in Springfield?") == []
    connection = sqlite3.connect(tmp_path / "shop.db")
    connection.execute("UPDATE customer SET city = 'Springfield' WHERE id = 3")
    connection.commit()
    connection.close()
    assert shop.find("Who lives in Springfield?") == [Hint("customer", "city", "Springfield")]
    fresh = ValueIndex(tmp_path / "shop.db", schema.read(tmp_path / "shop.db"), tmp_path / "values")
    assert fresh.find("Who lives in Springfield?") == [Hint("customer", "city", "Springfield")]


def change_quietly(file: Path) -> None:
    """One letter of a stored value: the pages stay sound, size and times as they were."""
    before, content = file.stat(), file.read_bytes()
    assert b"New York" in content
    file.write_bytes(content.replace(b"New York", b"New Yorx").replace(b"new york", b"new yorx"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.write_bytes(b"no database at all"),
        lambda file: file.write_bytes(file.read_bytes()[:5000]),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:4096] + os.urandom(len(file.read_bytes()) - 4096)),
        change_quietly,
    ],
    ids=["foreign", "cut", "empty", "scrambled", "changed quietly"],
)
def test_a_damaged_index_is_built_again(
    shop: ValueIndex, tmp_path: Path, eager: None, damage: Callable[[Path], object]
) -> None:
    expected = shop.find("Who lives in New York?")
    shop.close()
    (file,) = (tmp_path / "values").iterdir()
    file.chmod(0o600)
    damage(file)
    again = ValueIndex(tmp_path / "shop.db", schema.read(tmp_path / "shop.db"), tmp_path / "values")
    assert again.find("Who lives in New York?") == expected != []


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path: Path, eager: None) -> None:
    path = make(tmp_path / "shop.db")
    (tmp_path / "file").write_text("in the way")
    index = ValueIndex(path, schema.read(path), tmp_path / "file" / "values")
    assert index.find("Who lives in New York?") == [Hint("customer", "city", "New York")]


def test_the_database_is_not_changed_and_nothing_appears_beside_it(tmp_path: Path, eager: None) -> None:
    (tmp_path / "data").mkdir()
    path = make(tmp_path / "data" / "shop.db")
    before = path.read_bytes(), path.stat().st_mtime_ns
    index = ValueIndex(path, schema.read(path), tmp_path / "values")
    index.find("Who lives in New York?")
    index.nearest("customer", "city", "New Yrok")
    index.close()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert os.listdir(path.parent) == ["shop.db"]


def test_building_stops_in_time_and_goes_on_where_it_stopped(
    tmp_path: Path, eager: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_store, "_STEP_ROWS", 10)
    path = make(
        tmp_path / "n.db",
        "CREATE TABLE t (name TEXT);"
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
        " INSERT INTO t SELECT 'Person' || i || ' Name' || i FROM n",
    )
    whole = schema.read(path)
    calls = 0
    box = Sandbox(path)
    while True:
        index = ValueIndex(path, whole, tmp_path / "values", sandbox=lambda: box)  # as the next process would
        calls += 1
        done = index.build(0.02)
        index.close()
        if done:
            break
        assert calls < 200
    box.close()
    assert calls > 1
    index = ValueIndex(path, whole, tmp_path / "values")
    assert index.find("Where is Person2999 Name2999?") == [Hint("t", "name", "Person2999 Name2999")]
    assert index.find("Where is Person1 Name1?") == [Hint("t", "name", "Person1 Name1")]


def test_the_cost_does_not_grow_with_the_table(tmp_path: Path) -> None:
    def cost(rows: int) -> int:
        path = make(
            tmp_path / f"{rows}.db",
            "CREATE TABLE t (name TEXT, kind TEXT); WITH RECURSIVE n(i) AS "
            f"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
            " INSERT INTO t SELECT 'Person ' || i, 'kind ' || (i % 7) FROM n",
        )
        index = ValueIndex(path, schema.read(path), tmp_path / "values", seconds=60)
        assert index.find("Which are of kind 3?") == [Hint("t", "kind", "kind 3")]
        assert index.complete
        return int(index._values.ready().execute("SELECT count(*) FROM val").fetchone()[0])

    assert cost(120_000) <= value_store.COLUMN_VALUES + 7


def test_values_of_a_locked_database_come_from_a_private_copy(shop: ValueIndex, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert shop.find("Who lives in New York?") == [Hint("customer", "city", "New York")]
    finally:
        other.close()
        shop.close()


# ---- correcting ----


@pytest.mark.parametrize(
    ("column", "literal", "stored"),
    [
        ("city", "new york", "New York"),
        ("city", "Sao Paulo", "São Paulo"),
        ("city", "New Yrok", "New York"),
        ("country", "united  kingdom", "United Kingdom"),
        ("country", "Kingdom United", "United Kingdom"),
        ("last_name", "Turcote", "Turcotte"),
    ],
)
def test_a_literal_with_one_clear_near_match_is_put_right(
    shop: ValueIndex, column: str, literal: str, stored: str
) -> None:
    assert shop.nearest("Customer", column.upper(), literal) == stored


@pytest.mark.parametrize(
    ("column", "literal"),
    [
        ("city", "New York"),  # it is there
        ("city", "Berlin"),
        ("account", "163"),  # a number is another one, not a misspelt one
        ("last_name", "Edwardz"),  # Edward or Edwards?
        ("country", "United States"),
        ("city", ""),
        ("id", "1"),
        ("nothing", "New York"),
    ],
)
def test_a_literal_is_left_alone_when_nothing_clear_is_near(
    shop: ValueIndex, column: str, literal: str
) -> None:
    assert shop.nearest("customer", column, literal) is None


def test_a_literal_is_looked_for_in_the_file_where_the_index_is_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(value_store, "COLUMN_VALUES", 5)
    path = make(
        tmp_path / "n.db",
        "CREATE TABLE t (name TEXT); INSERT INTO t VALUES ('Abel'), ('Bertha'), ('Carla'), ('Dora'),"
        " ('Emil'), ('Karla'), ('Dorothea')",
    )
    index = ValueIndex(path, schema.read(path), tmp_path / "values")
    assert index.nearest("t", "name", "Karla") is None  # stored, though not in the index
    assert index.nearest("t", "name", "bertha") == "Bertha"
    assert index.nearest("t", "name", "Dorothee") is None  # what is nearest cannot be told


def test_the_default_folder_is_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eager: None
) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))
    path = make(tmp_path / "shop.db")
    value_index.ValueIndex(path, schema.read(path)).find("Who lives in New York?")
    assert [file.suffix for file in (tmp_path / "home" / "values").iterdir()] == [".db"]


DEVICES = """
CREATE TABLE devices_meta (metadata_id INTEGER PRIMARY KEY, entity TEXT);
CREATE TABLE device_states (id INTEGER PRIMARY KEY, metadata_id INTEGER REFERENCES devices_meta, state TEXT);
INSERT INTO devices_meta VALUES (1, 'sensor.bedroom_temperature'), (2, 'sensor.attic_temperature'),
    (3, 'light.kitchen'), (4, 'binary_sensor.front_door'), (5, 'media-player/living-room'), (6, 'Attic window open'),
    (7, 'switch.pump_1'), (8, 'switch.pump_2'), (9, 'switch.pump_3'), (10, 'switch.pump_4');
INSERT INTO device_states VALUES (1, 1, '20.5'), (2, 2, '9.1'), (3, 3, 'on');
"""


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What is the average attic temperature?", "sensor.attic_temperature"),
        ("highest temperature in the bedroom", "sensor.bedroom_temperature"),
        ("When was the kitchen light last on?", "light.kitchen"),
        ("how often was the front door opened?", "binary_sensor.front_door"),
        ("when did the living room play?", "media-player/living-room"),
        ("how long did pump 2 run?", "switch.pump_2"),
    ],
)
def test_an_identifier_is_found_by_its_parts(tmp_path: Path, question: str, value: str) -> None:
    path = tmp_path / "home.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(DEVICES)
    index = ValueIndex(path, schema.read(path), tmp_path / "values")
    found = index.find(question)
    assert [(hint.column, hint.value) for hint in found][:1] == [("entity", value)]
    assert index.find("the state of each device") == []
    assert index.find("how long did the pumps run?") == [], "four are alike"
    index.close()


def test_a_category_is_found_by_another_form_of_its_word(tmp_path: Path) -> None:
    path = tmp_path / "forms.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE activity (kind TEXT, state TEXT, grade TEXT)")
        connection.executemany(
            "INSERT INTO activity VALUES (?, ?, ?)",
            [("Swim", "cancelled", "A-"), ("Ride", "planned", "A"), ("Run", "planned", "B+")],
        )
    connection.close()
    index = ValueIndex(path, schema.read(str(path)), tmp_path / "values")
    for question, value in (
        ("total time swimming", "Swim"),
        ("how far did I go riding", "Ride"),
        ("activities that we had to cancel", "cancelled"),
        ("how many A- grades are there", "A-"),
        ("how many B+ grades are there", "B+"),
    ):
        assert value in [hint.value for hint in index.find(question)], question
    assert [hint.value for hint in index.find("how many A- grades are there")] == ["A-"]
    assert index.find("how many of the kind are there") == []
    index.close()
