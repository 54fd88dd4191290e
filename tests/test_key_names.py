"""Keys that nobody asked for are shown by the names they stand for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import AgreeableModel, FakeModel

from sqlagent import Agent
from sqlagent.amend.key_labels import people_by_name
from sqlagent.amend.key_names import shown_by_name
from sqlagent.amend.row_names import names_of
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import Turn
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE departments (id INTEGER PRIMARY KEY, name TEXT, city TEXT);
CREATE TABLE "Sales Reps" ("Rep ID" INTEGER PRIMARY KEY, "First Name" TEXT, LastName VARCHAR(20), Title TEXT);
CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT, salary INT, department_id INT REFERENCES departments(id),
    manager_id INT REFERENCES employees(id), sales_rep_id INT REFERENCES "Sales Reps"("Rep ID"));
CREATE TABLE Campuses (Id INTEGER PRIMARY KEY, Campus TEXT, County TEXT);
CREATE TABLE faculty (Campus INTEGER REFERENCES Campuses(Id), Year INTEGER, Size INTEGER);
CREATE TABLE regions (id INTEGER PRIMARY KEY, RegionDescription TEXT, climate TEXT);
CREATE TABLE firms (id INTEGER PRIMARY KEY, CompanyName TEXT, ContactName TEXT);
CREATE TABLE plants (id INTEGER PRIMARY KEY, region INT REFERENCES regions(id), firm INT REFERENCES firms(id));
CREATE TABLE shifts (hours INT, dept_id INT REFERENCES departments(id), emp_no INT REFERENCES employees(id));
CREATE TABLE parts (code TEXT PRIMARY KEY, name TEXT);
CREATE TABLE stock (part_code TEXT REFERENCES parts(code), amount INTEGER);
CREATE TABLE logs (log_id INTEGER PRIMARY KEY, at TEXT);
INSERT INTO departments VALUES (1, 'Sales', 'Paris'), (2, 'Lab', 'Berlin');
INSERT INTO "Sales Reps" VALUES (7, 'Ann', 'Lee', 'Dr');
INSERT INTO employees VALUES (1, 'Bo', 10, 1, NULL, 7), (2, 'Cy', 20, 2, 1, NULL), (3, 'Di', 40, NULL, 1, 7);
INSERT INTO shifts VALUES (5, 1, 2), (7, 2, 3);
INSERT INTO regions VALUES (1, 'North', 'cold');
INSERT INTO firms VALUES (1, 'Acme', 'Ann Lee');
INSERT INTO plants VALUES (1, 1, 1), (2, 1, NULL);
INSERT INTO Campuses VALUES (5, 'Chico', 'Butte');
INSERT INTO faculty VALUES (5, 2003, 100);
"""
SCHEMA = schemas.from_ddl(DDL[: DDL.index("INSERT")])
ACCEPTOR = Acceptor(SCHEMA)


takes = ACCEPTOR.accepts


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "Which department has the highest average salary?",
            "SELECT department_id FROM employees GROUP BY department_id ORDER BY AVG(salary) DESC LIMIT 1",
            [("Lab",)],
        ),
        (
            "The number of people in each department that has no name?",
            "SELECT COUNT(*), department_id FROM employees GROUP BY department_id",
            [(1, "Sales"), (1, "Lab")],
        ),
        (
            "Who looks after each employee in Paris?",
            "SELECT employees.name, employees.sales_rep_id FROM employees JOIN departments"
            " ON employees.department_id = departments.id WHERE departments.city = 'Paris'",
            [("Bo", "Ann", "Lee")],
        ),
        ("Who is the manager of Cy?", "SELECT manager_id FROM employees WHERE name = 'Cy'", [("Bo",)]),
        (
            "Which department works most?",
            "SELECT dept_id FROM shifts ORDER BY hours DESC LIMIT 1",
            [("Lab",)],
        ),
        ("List who works", "SELECT emp_no FROM shifts", [("Cy",), ("Di",)]),
        ("Who is over Cy?", "SELECT manager_id FROM employees WHERE name = 'Cy'", [("Bo",)]),
        (
            "How many plants has each region?",
            "SELECT region, COUNT(*) FROM plants GROUP BY region",
            [("North", 2)],
        ),
        ("Which firms have plants?", "SELECT firm FROM plants WHERE id = 1", [("Acme",)]),
        (
            "Which manager has the most people?",
            "SELECT manager_id, COUNT(*) FROM employees GROUP BY manager_id ORDER BY COUNT(*) DESC LIMIT 1",
            [("Bo", 2)],
        ),
        ("Which departments are there?", "SELECT id FROM departments", [("Sales",), ("Lab",)]),
        ("Which campus was largest?", "SELECT DISTINCT Campus FROM faculty WHERE Year > 2000", [("Chico",)]),
    ],
)
def test_a_key_is_shown_by_its_name(
    path: Path, question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    made, note = shown_by_name(question, read(sql, SCHEMA), takes)
    assert takes(made)
    assert note.startswith("Shown by name: ")
    with sqlite3.connect(path) as connection:
        assert connection.execute(made).fetchall() == rows
        assert "GROUP BY" in sql or len(connection.execute(sql).fetchall()) == len(rows)


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("Which department ids are there?", "SELECT department_id FROM employees"),
        ("Their numbers?", "SELECT id FROM departments"),
        ("List by department_id", "SELECT department_id FROM employees"),
        ("Which one is over Bo?", "SELECT manager_id FROM employees"),  # more than an employee
        ("Which departments?", "SELECT id, name FROM departments"),  # shown anyway
        ("Which parts are there?", "SELECT part_code FROM stock"),  # a text may say something
        ("Which logs?", "SELECT log_id FROM logs"),  # no name
        ("How many departments have staff?", "SELECT COUNT(DISTINCT department_id) FROM employees"),
        ("Which departments?", "SELECT id FROM departments UNION SELECT id FROM employees"),
        ("Which years?", "SELECT Year FROM faculty"),
    ],
)
def test_anything_else_is_left_alone(question: str, sql: str) -> None:
    assert takes(sql)
    assert shown_by_name(question, read(sql, SCHEMA), takes) == (sql, "")


def test_what_the_grammar_does_not_take_is_not_made() -> None:
    sql = "SELECT department_id FROM employees"
    assert shown_by_name("Which departments?", read(sql, SCHEMA), lambda made: made == sql) == (sql, "")


def test_an_answer_says_so_unless_ids_were_spoken_of(path: Path) -> None:
    sql = "SELECT department_id FROM employees WHERE salary < 15"
    with Agent(path, model=AgreeableModel([sql, sql])) as agent:
        answer = agent.ask("Which departments have employees under 15?")
        before = [Turn("List the department ids of employees", "SELECT department_id FROM employees")]
        later = agent.ask("Only those under 15", history=before)
    assert answer.rows == [("Sales",)]
    assert answer.note == "Shown by name: name of departments in place of department_id."
    assert later.rows == [(1,)]


def test_two_of_one_name_stay_two(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO Campuses VALUES (6, 'Chico', 'Glenn')")
        connection.execute("INSERT INTO faculty VALUES (6, 2004, 3), (6, 2005, 4)")
        for sql in (
            "SELECT DISTINCT Campus FROM faculty WHERE Year > 2000",
            "SELECT DISTINCT Campus FROM faculty WHERE Year > 2000 GROUP BY Campus",
        ):
            made, note = shown_by_name("Which campus was largest?", read(sql, SCHEMA), takes)
            assert note
            assert connection.execute(made).fetchall() == [("Chico",), ("Chico",)]


def test_a_reference_to_what_is_not_unique_is_left_alone() -> None:
    schema = schemas.from_ddl(
        "CREATE TABLE teams (id INTEGER PRIMARY KEY, league INT, name TEXT); "
        "CREATE TABLE games (day TEXT, team INT REFERENCES teams(league))"
    )
    sql = "SELECT team FROM games"
    assert shown_by_name("Which teams play?", read(sql, schema), lambda made: True) == (sql, "")


LOOKUPS = """
CREATE TABLE country (iso TEXT PRIMARY KEY, name TEXT);
CREATE TABLE status (st TEXT PRIMARY KEY, descr TEXT);
CREATE TABLE currency (cur TEXT PRIMARY KEY, name TEXT);
CREATE TABLE kind (k TEXT PRIMARY KEY, name TEXT, weight INT);
CREATE TABLE shipment (ship_no TEXT PRIMARY KEY, st TEXT REFERENCES status(st), dest TEXT REFERENCES country(iso),
    cur TEXT REFERENCES currency(cur), k TEXT REFERENCES kind(k), clerk INT REFERENCES clerk(id), kg INT);
CREATE TABLE clerk (id INTEGER PRIMARY KEY, full_nm TEXT, nm TEXT);
INSERT INTO country VALUES ('DE', 'Germany'), ('FR', 'France');
INSERT INTO status VALUES ('OP', 'open'), ('DL', 'delivered');
INSERT INTO currency VALUES ('EUR', 'euro'), ('USD', 'dollar');
INSERT INTO kind VALUES ('A', 'air', 1), ('S', 'sea', 2);
INSERT INTO clerk VALUES (1, 'Ann Lee', 'Ann');
INSERT INTO shipment VALUES ('1', 'OP', 'DE', 'EUR', 'A', 1, 10), ('2', 'OP', 'FR', 'USD', 'S', NULL, 20),
    ('3', 'DL', 'FR', 'EUR', 'A', 9, 40);
"""


@pytest.mark.parametrize(
    ("question", "sql", "rows"),
    [
        (
            "Shipments by status",
            "SELECT st, COUNT(*) FROM shipment GROUP BY st",
            [("delivered", 1), ("open", 2)],
        ),
        (
            "total weight to each country",
            "SELECT SUM(kg), dest FROM shipment GROUP BY dest",
            [(10, "Germany"), (60, "France")],
        ),
        (  # no row is lost: neither that of no clerk nor that of one who is not there
            "weight by clerk",
            "SELECT clerk, SUM(kg) FROM shipment GROUP BY clerk",
            [(None, 20), ("Ann", 10), (None, 40)],
        ),
    ],
)
def test_groups_are_shown_by_what_their_key_stands_for(
    small_database: Callable[[str], Path], question: str, sql: str, rows: list[tuple[object, ...]]
) -> None:
    path = small_database(LOOKUPS)
    with Agent(path, model=FakeModel([sql])) as agent:
        answer = agent.ask(question, anyway=True)
        assert len(answer.rows) == len(agent.run_sql(sql).rows)
    assert answer.rows == rows and answer.note.startswith("Shown by name: ")


@pytest.mark.parametrize(
    ("question", "sql"),
    [
        ("Shipments by status code", "SELECT st, COUNT(*) FROM shipment GROUP BY st"),
        ("Shipments by currency", "SELECT cur, COUNT(*) FROM shipment GROUP BY cur"),  # EUR says it
        ("Shipments by kind", "SELECT k, COUNT(*) FROM shipment GROUP BY k"),  # no mere list of codes
        ("Shipments to where?", "SELECT dest FROM shipment"),  # no groups
        (
            "Shipments by country",
            "SELECT country.name, shipment.dest, COUNT(*) FROM shipment JOIN country ON shipment.dest = country.iso"
            " GROUP BY shipment.dest",
        ),
    ],
)
def test_codes_that_say_something_stay(
    small_database: Callable[[str], Path], question: str, sql: str
) -> None:
    with Agent(small_database(LOOKUPS), model=FakeModel([sql])) as agent:
        assert agent.ask(question, anyway=True).sql == sql


@pytest.mark.parametrize(
    ("ddl", "names"),
    [
        ("CREATE TABLE itm_mst (itm_no INTEGER PRIMARY KEY, itm_dsc TEXT, cat_cd TEXT)", ("itm_dsc",)),
        (
            "CREATE TABLE ar_cus_mst (cu_no INTEGER PRIMARY KEY, cu_nm1 TEXT, cu_nm2 TEXT, cu_cty TEXT)",
            ("cu_nm1",),
        ),
        ("CREATE TABLE rm_typ (rt_id INTEGER PRIMARY KEY, rt_cd TEXT, rt_dsc TEXT)", ("rt_dsc",)),
        ("CREATE TABLE gst (gst_id INTEGER PRIMARY KEY, gst_fn TEXT, gst_ln TEXT)", ("gst_fn", "gst_ln")),
        ("CREATE TABLE notes (id INTEGER PRIMARY KEY, note_desc TEXT, other_desc TEXT)", ("note_desc",)),
        ("CREATE TABLE cd_tbl (cd_typ TEXT, cd TEXT, cd_dsc TEXT)", ("cd_dsc",)),
        ("CREATE TABLE stops (id INTEGER PRIMARY KEY, stop_cd TEXT, remark TEXT)", ()),
    ],
)
def test_rows_are_named_in_short_words_too(ddl: str, names: tuple[str, ...]) -> None:
    assert names_of(schemas.from_ddl(ddl).tables[0]) == names


@pytest.mark.parametrize(
    ("question", "sql", "changed"),
    [
        ("Who is Ann's manager?", "SELECT manager_id FROM employees WHERE name = 'Ann'", True),
        ("What is the id of Ann's manager?", "SELECT manager_id FROM employees WHERE name = 'Ann'", False),
        ("Who earns the most?", "SELECT name FROM employees ORDER BY salary DESC LIMIT 1", False),
        ("Who has how many shifts?", "SELECT emp_no, hours FROM shifts", False),
    ],
)
def test_who_somebody_is_is_a_name(question: str, sql: str, changed: bool) -> None:
    schema = schemas.from_ddl(DDL)
    made = people_by_name(question, read(sql, schema), Acceptor(schema).accepts).sql
    assert (made != sql) is changed
    if changed:
        assert made == (
            "SELECT T1.name FROM employees LEFT JOIN employees AS T1 ON employees.manager_id = T1.id"
            " WHERE employees.name = 'Ann'"
        )
