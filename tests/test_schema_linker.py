"""The part of a large schema that a question is about."""

from __future__ import annotations

import sqlite3
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from bench.united import wide
from sqlagent.database import schema
from sqlagent.database.schema import Column, ForeignKey, Schema, Table
from sqlagent.linking import prompt, table_costs
from sqlagent.linking.focus import Focus, _as_written
from sqlagent.linking.prompt import Hint
from sqlagent.linking.schema_linker import Linker
from sqlagent.sandbox.sandbox import Sandbox
from tests.hostile import build, hostile_schemas

COLLEGE = """
CREATE TABLE department (dept_code TEXT PRIMARY KEY, dept_name TEXT, school_code TEXT);
CREATE TABLE professor (emp_num INTEGER PRIMARY KEY, dept_code TEXT REFERENCES department, office TEXT);
CREATE TABLE course (crs_code TEXT PRIMARY KEY, title TEXT, dept_code TEXT REFERENCES department);
CREATE TABLE class (class_code TEXT PRIMARY KEY, crs_code TEXT REFERENCES course, room TEXT,
    prof_num INTEGER REFERENCES professor (emp_num));
CREATE TABLE student (stu_num INTEGER PRIMARY KEY, lname TEXT, fname TEXT, gpa REAL);
CREATE TABLE enroll (class_code TEXT REFERENCES class, stu_num INTEGER REFERENCES student, grade TEXT,
    PRIMARY KEY (class_code, stu_num));
CREATE TABLE shop (shop_id INTEGER PRIMARY KEY, city TEXT, opened TEXT -- when the store began to sell
);
CREATE TABLE rainfall (station TEXT, millimetres REAL);
"""


def college(noise: int = 60) -> Schema:
    """The college among tables about nothing."""
    real = schema.from_ddl(COLLEGE)
    others = wide(noise, 10, 3).tables
    half = noise // 2
    return Schema("", (*others[:half], *real.tables, *others[half:]))


def size(part: Schema) -> int:
    return sum(table_costs.tokens(prompt.table_line(table)) for table in part.tables)


def names(part: Schema) -> set[str]:
    return {table.name for table in part.tables}


def test_a_schema_that_fits_comes_back_as_it_is() -> None:
    whole = schema.from_ddl(COLLEGE)
    assert Linker(whole).link("How many students are there?") is whole


VIEWS = """
CREATE VIEW "students of 1997" AS SELECT * FROM student;
CREATE VIEW rooms AS SELECT room, crs_code FROM class;
CREATE VIEW everything AS SELECT * FROM student, class, professor, course, department;
"""


@pytest.mark.parametrize(
    ("question", "views"),
    [
        ("", set()),
        ("Which students had courses in 1997?", set()),
        ("How many students of 1997 are there?", {"students of 1997"}),
        ("List the rooms of the students of 1997", {"students of 1997", "rooms"}),
    ],
)
def test_tables_that_fit_are_all_shown_and_views_by_their_names(
    tmp_path: Path, question: str, views: set[str]
) -> None:
    place = tmp_path / "college.sqlite"
    with sqlite3.connect(place) as connection:
        connection.executescript(COLLEGE + VIEWS)
    whole, tables = schema.read(str(place)), schema.from_ddl(COLLEGE)
    budget = size(whole) - 1
    part = Linker(whole).link(question, budget=budget)
    assert names(part) == names(tables) | views
    assert names(Linker(whole).usual(budget=budget, whole=budget) or whole) == names(tables)
    assert Linker(whole).usual(budget=Linker(whole).total) is whole
    assert Linker(whole).usual(budget=1, whole=size(tables) - 1) is None
    # Room for all tables is no reason to show the views.
    usual = Linker(whole).usual(question, budget=size(tables) // 2, whole=budget)
    assert usual is not None and names(usual) == names(part)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How many students are there?", {"student"}),
        ("What is the office of each professor?", {"professor"}),
        ("Which departments are in school 7?", {"department"}),  # dept
        ("Show the first and last names with the best GPA.", {"student"}),  # fname, lname
        ("When did the store begin to sell?", {"shop"}),  # in a comment
        ("In which towns are the shops?", {"shop"}),
        ("How much rain fell at the station?", {"rainfall"}),
    ],
)
def test_a_table_is_found_by_the_words_of_its_names_and_comments(question: str, wanted: set[str]) -> None:
    assert wanted <= names(Linker(college()).link(question, budget=150))


def test_a_stored_value_brings_its_table() -> None:
    hint = Hint("rainfall", "station", "Amersham")
    assert "rainfall" in names(Linker(college()).link("What about Amersham?", budget=150, hints=[hint]))


def test_chosen_tables_can_be_joined() -> None:
    part = Linker(college()).link("Which students does each professor teach?", budget=250)
    assert {"student", "enroll", "class", "professor"} <= names(part)
    enroll, taught = part.table("enroll"), part.table("class")
    assert enroll is not None and taught is not None
    assert {key.ref_table for key in enroll.foreign_keys} == {"class", "student"}
    assert "professor" in {key.ref_table for key in taught.foreign_keys}


@pytest.mark.parametrize("budget", [60, 100, 200, 400, 800, 1500])
@pytest.mark.parametrize(
    "question", ["How many students are there?", "xyzzy", "", "Which rooms does Ann teach in?"]
)
def test_the_part_fits_the_budget(budget: int, question: str) -> None:
    part = Linker(college(200)).link(question, budget=budget)
    assert part.tables and size(part) <= budget


def test_a_budget_too_small_for_anything_still_gives_a_table() -> None:
    part = Linker(college()).link("How many students are there?", budget=1)
    assert names(part) == {"student"}


def test_a_wide_table_gives_up_columns_but_no_keys() -> None:
    columns = tuple(Column(name=f"measure_{i}", type="REAL") for i in range(400))
    table = Table(
        "reading",
        "table",
        (Column(name="reading_id", type="INTEGER", pk=1), *columns, Column(name="sensor", type="INTEGER")),
        (ForeignKey(("sensor",), "sensor", ("number",)),),
    )
    other = Table(
        "sensor", "table", (Column(name="number", type="INTEGER"), Column(name="label", type="TEXT"))
    )
    part = Linker(Schema("", (table, other))).link("What is measure 377 of each sensor?", budget=300)
    reading = part.table("reading")
    assert reading is not None and size(part) <= 300
    assert {"reading_id", "measure_377", "sensor"} <= {column.name for column in reading.columns}
    assert len(reading.columns) < 100
    assert reading.foreign_keys and "sensor" in names(part)


def test_the_same_question_gives_the_same_part() -> None:
    whole = college()
    question = "Which students of the history department got grade C?"
    linker = Linker(whole)
    assert linker.link(question, budget=400) == linker.link(question, budget=400)
    assert Linker(whole).link(question, budget=400) == linker.link(question, budget=400)


def test_a_thousand_tables_take_milliseconds() -> None:
    linker = Linker(wide(1000, 20, 1))
    question = (
        "What are the first names and date of birth of professors teaching course ACCT-211 in Orange county?"
    )
    linker.link(question)
    started = time.perf_counter()
    for _ in range(5):
        linker.link(question)
    assert (time.perf_counter() - started) / 5 < 0.2  # 0.01 on an idle machine


@pytest.mark.parametrize(
    "text", ["\x00", "'\"[]();--", "ſtudent İstanbul", "🎉" * 50, "a" * 5000, "名 " * 500]
)
def test_any_question_gets_a_part(text: str) -> None:
    assert Linker(college()).link(text, budget=200).tables


def test_names_that_are_no_words_do_no_harm() -> None:
    tables = tuple(
        Table(name, "table", tuple(Column(name=c) for c in ("", "1", "a b", '"', "ß", "列")))
        for name in ("", " ", "123", "select", "Ünï", "🎉")
    )
    assert Linker(Schema("", tables)).link("select 123 from Ünï", budget=40).tables


def test_the_estimate_is_near_what_a_vocabulary_says() -> None:
    # Token counts of Qwen2.5's vocabulary.
    line = "Album(AlbumId int pk, Title text 'Restless and Wild', ArtistId -> Artist.ArtistId)"
    assert table_costs.tokens(line) == pytest.approx(23, abs=4)


# ---- the linker and the values together ----


@pytest.mark.parametrize("seed", [1, 2])
def test_hostile_databases_get_a_part_and_hints_or_none(tmp_path: Path, seed: int) -> None:
    for number, (name, statements) in enumerate(hostile_schemas(seed)):
        path = tmp_path / f"{number}.sqlite"
        connection = build(statements, path)
        connection.commit()
        connection.close()
        with Sandbox(path) as sandbox:  # one process for all that is asked of a file, as an Agent has
            whole = schema.read(path, sandbox=sandbox)
            focus = Focus(
                path, budget=40, whole=40, cache_dir=tmp_path / "values", sandbox=partial(_same, sandbox)
            )
            question = "Which 'a' of the select table's \"x\" is 1 or Ünï, ' -- ?"
            part = focus(whole, question)
            assert bool(part.tables) == bool(whole.tables), name
            for hint in focus.hints(whole, part, question):
                table = part.table(hint.table)
                assert table is not None and table.column(hint.column) is not None, name
            for table in whole.tables:
                for column in table.columns:
                    focus.nearest(whole, table.name, column.name, "a'b")
            focus.close()


def _same(sandbox: Sandbox) -> Sandbox:
    return sandbox


def database(path: Path, noise: int = 80) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(COLLEGE)
    for table in wide(noise, 10, 3).tables:
        columns = ", ".join(f"{column.name} TEXT" for column in table.columns)
        connection.execute(f"CREATE TABLE {table.name} ({columns})")
    connection.execute("INSERT INTO rainfall VALUES ('Amersham', 3)")
    connection.execute("INSERT INTO department VALUES ('HIST', 'History', 'A')")
    connection.commit()
    connection.close()
    return path


def test_a_value_in_a_large_database_brings_its_table_and_a_hint(tmp_path: Path) -> None:
    path = database(tmp_path / "c.db")
    whole, focus = schema.read(path), Focus(path, budget=300, whole=300, cache_dir=tmp_path / "values")
    question = "How wet was Amersham?"
    part = focus(whole, question)
    assert "rainfall" in names(part) and size(part) <= 300
    assert focus.hints(whole, part, question) == [Hint("rainfall", "station", "Amersham")]
    assert focus.nearest(whole, "rainfall", "station", "amersam") == "Amersham"


def test_a_file_that_is_held_has_its_part_and_its_values_from_a_copy(tmp_path: Path) -> None:
    path = database(tmp_path / "c.db")
    whole, focus = schema.read(path), Focus(path, budget=300, whole=300, cache_dir=tmp_path / "values")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        part = focus.part(whole, "How many students are in the History department?")
        assert {"student", "department"} <= names(part)
        (hint,) = focus.hints(whole, part, "How many students are in the History department?")
        assert hint == Hint("department", "dept_name", "History")
        assert focus.nearest(whole, "department", "dept_name", "history") == "History"
    finally:
        focus.close()
        other.close()


def test_values_can_be_left_alone(tmp_path: Path) -> None:
    path = database(tmp_path / "c.db", 0)
    whole, focus = schema.read(path), Focus(path, cache_dir=tmp_path / "values", values=False)
    assert focus.part(whole, "How wet was Amersham?") is whole
    assert focus.hints(whole, whole, "How wet was Amersham?") == []


def test_a_changed_schema_gets_a_linker_of_its_own(tmp_path: Path) -> None:
    path = database(tmp_path / "c.db")
    focus = Focus(path, budget=120, whole=120, cache_dir=tmp_path / "values")
    assert "volcano" not in names(focus(schema.read(path), "List the volcanoes."))
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE volcano (height REAL)")
    connection.commit()
    connection.close()
    assert "volcano" in names(focus(schema.read(path), "List the volcanoes."))


def test_the_spelling_of_the_question_decides_between_columns() -> None:
    capital, small = Hint("department", "name", "Sales"), Hint("assignment", "role", "sales")
    assert _as_written([small, capital], "Who works in Sales?") == [capital]
    assert _as_written([small, capital], "who does sales?") == [small]
    assert _as_written([small, capital], "Who works in SALES?") == [small, capital]


def test_a_small_context_shows_the_chosen_part_only(tmp_path: Path) -> None:
    path = tmp_path / "college.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(COLLEGE)
    whole = schema.read(str(path))
    total = Linker(whole).total
    focus = Focus(path, budget=total // 2, whole=total, cache_dir=tmp_path / "values")
    question = "How many students are there?"
    assert names(focus.part(whole, question)) == names(whole)
    assert names(focus.part(whole, question, n_ctx=total + 1200)) == names(whole)
    part = focus.part(whole, question, n_ctx=total - 1 + 1200)
    assert "student" in names(part)
    assert size(part) <= total // 2
    assert names(focus.usual(whole, n_ctx=total + 1200) or part) == names(whole)
    assert focus.usual(whole, n_ctx=total - 1 + 1200) is None


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("What is the mean value of an order?", "orders"),
        ("How long is each show?", "shows"),
        ("Which return was refunded?", "returns"),
        ("How many lists are there?", "lists"),
    ],
)
def test_a_table_named_like_a_common_word_is_found(question: str, wanted: str) -> None:
    tables = [*(f"filler_{n}" for n in range(30)), "orders", "shows", "returns", "lists"]
    ddl = ";".join(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, x{n} TEXT)" for n, name in enumerate(tables)
    )
    assert Linker(schema.from_ddl(ddl)).ranked(question)[:1] == [wanted]


@pytest.mark.parametrize(
    "question",
    [
        "Show all cities in the order of their size",
        "List the number of cities",
        "Order them",
        "Give the average and the maximum",
        "What is the total number of cities?",
        "The average age?",
    ],
)
def test_a_common_word_that_is_no_noun_names_no_table(question: str) -> None:
    names = ("orders", "shows", "lists", "numbers", "averages")
    ddl = ";".join(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY)" for name in names)
    assert Linker(schema.from_ddl(ddl)).ranked(question) == []


def test_threads_that_ask_at_once_share_one_linker_and_one_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Linker] = []

    class Slow(Linker):
        def __init__(self, schema: Schema) -> None:
            made.append(self)
            time.sleep(0.05)
            super().__init__(schema)

    monkeypatch.setattr("sqlagent.linking.focus.Linker", Slow)
    whole, focus = college(), Focus(tmp_path / "c.db", cache_dir=tmp_path / "values", values=False)
    threads = [threading.Thread(target=focus.ranked, args=(whole, "students")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    focus.close()
    assert len(made) == 1
