"""The demonstration database: a small company, the same bytes of data on every machine.

It is built once into the cache folder (or a temporary folder when that cannot be written) under a name
that carries its version, so that a new release never reads an old file.
"""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from sqlagent.base import paths, private_files

QUESTION = "Who earns the most in Sales?"
"""What `sqlagent demo` asks when it is given nothing to ask."""

EXAMPLES = (
    QUESTION,
    "How many employees does each department have?",
    "Which projects belong to departments in London?",
    "What is the average salary of engineers?",
)

VERSION = 1
"""Part of the file's name: raise it whenever anything below changes."""

SCHEMA = """
CREATE TABLE departments (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    city TEXT NOT NULL,
    budget INTEGER NOT NULL -- euros a year
);
CREATE TABLE employees (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    department_id INTEGER NOT NULL REFERENCES departments(id),
    manager_id INTEGER REFERENCES employees(id),
    salary INTEGER NOT NULL, -- euros a year
    hire_date TEXT NOT NULL -- YYYY-MM-DD
);
CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    department_id INTEGER NOT NULL REFERENCES departments(id),
    start_date TEXT NOT NULL, -- YYYY-MM-DD
    end_date TEXT, -- NULL while it is running
    budget INTEGER NOT NULL -- euros
);
CREATE TABLE assignments (
    employee_id INTEGER NOT NULL REFERENCES employees(id),
    project_id INTEGER NOT NULL REFERENCES projects(id),
    role TEXT NOT NULL,
    hours_per_week INTEGER NOT NULL,
    PRIMARY KEY (employee_id, project_id)
);
"""

DEPARTMENTS = (
    (1, "Engineering", "Berlin", 2400000),
    (2, "Sales", "London", 1350000),
    (3, "Marketing", "Paris", 900000),
    (4, "Finance", "London", 620000),
    (5, "Human Resources", "Madrid", 410000),
    (6, "Support", "Lisbon", 540000),
)

EMPLOYEES = (
    (1, "Ingrid Solberg", "Chief Technology Officer", 1, None, 168000, "2012-03-01"),
    (2, "Marcus Webb", "Head of Sales", 2, None, 112000, "2013-06-17"),
    (3, "Chloe Laurent", "Head of Marketing", 3, None, 104000, "2014-01-13"),
    (4, "Rajesh Iyer", "Finance Director", 4, None, 121000, "2012-09-03"),
    (5, "Lucia Romero", "Head of People", 5, None, 93000, "2015-04-20"),
    (6, "Tiago Almeida", "Support Manager", 6, None, 71000, "2016-02-08"),
    (7, "Amina Diallo", "Principal Engineer", 1, 1, 134000, "2013-05-06"),
    (8, "Jonas Keller", "Senior Engineer", 1, 7, 98000, "2016-10-10"),
    (9, "Mei Chen", "Senior Engineer", 1, 7, 101500, "2017-03-20"),
    (10, "Oskar Nowak", "Engineer", 1, 8, 76000, "2019-08-05"),
    (11, "Fatima Zahra", "Engineer", 1, 8, 78500, "2019-11-18"),
    (12, "Daniel Okafor", "Engineer", 1, 9, 74000, "2020-06-01"),
    (13, "Elena Petrova", "Data Engineer", 1, 9, 83000, "2018-02-26"),
    (14, "Noah Fischer", "Junior Engineer", 1, 10, 58000, "2022-09-12"),
    (15, "Sofia Lindqvist", "Junior Engineer", 1, 11, 57000, "2023-01-16"),
    (16, "Priya Nair", "Quality Engineer", 1, 7, 69000, "2018-07-02"),
    (17, "Grace Holloway", "Key Account Manager", 2, 2, 126500, "2014-08-11"),
    (18, "Tom Ashworth", "Account Manager", 2, 17, 82000, "2017-05-15"),
    (19, "Nadia Rahman", "Account Manager", 2, 17, 79500, "2018-09-24"),
    (20, "Liam Murphy", "Sales Representative", 2, 18, 54000, "2020-02-03"),
    (21, "Hannah Cole", "Sales Representative", 2, 18, 52500, "2020-10-19"),
    (22, "Yusuf Demir", "Sales Representative", 2, 19, 51000, "2021-04-12"),
    (23, "Beatriz Costa", "Sales Engineer", 2, 2, 88000, "2019-03-04"),
    (24, "Peter Novak", "Sales Representative", 2, 19, 49500, "2022-05-30"),
    (25, "Antoine Mercier", "Brand Manager", 3, 3, 72000, "2016-11-07"),
    (26, "Julia Kowalska", "Content Writer", 3, 25, 47000, "2019-01-28"),
    (27, "Samuel Osei", "Marketing Analyst", 3, 3, 61000, "2018-04-09"),
    (28, "Isabelle Roux", "Designer", 3, 25, 56500, "2020-07-13"),
    (29, "Kenji Tanaka", "Event Coordinator", 3, 25, 45500, "2021-09-06"),
    (30, "Olivia Grant", "Senior Accountant", 4, 4, 84000, "2015-10-26"),
    (31, "Viktor Hansen", "Accountant", 4, 30, 63000, "2018-12-03"),
    (32, "Aisha Khan", "Accountant", 4, 30, 61500, "2019-06-24"),
    (33, "Robert Clarke", "Financial Analyst", 4, 4, 77000, "2017-08-14"),
    (34, "Carmen Ortega", "Recruiter", 5, 5, 52000, "2018-05-21"),
    (35, "Pablo Herrera", "Recruiter", 5, 5, 50500, "2020-03-16"),
    (36, "Marta Vidal", "Training Specialist", 5, 5, 48000, "2021-02-01"),
    (37, "Ines Ferreira", "Support Lead", 6, 6, 56000, "2017-01-09"),
    (38, "Joao Ribeiro", "Support Specialist", 6, 37, 39000, "2019-04-29"),
    (39, "Leila Haddad", "Support Specialist", 6, 37, 40500, "2020-08-24"),
    (40, "Emil Sorensen", "Support Specialist", 6, 37, 38500, "2021-11-15"),
    (41, "Rosa Marques", "Support Specialist", 6, 37, 37500, "2022-10-03"),
    (42, "Ben Whitaker", "Support Specialist", 6, 37, 37000, "2023-03-27"),
)

PROJECTS = (
    (1, "Atlas", 1, "2021-01-11", None, 480000),
    (2, "Beacon", 1, "2022-04-04", None, 310000),
    (3, "Cobalt", 1, "2019-09-02", "2021-12-17", 265000),
    (4, "Northern Expansion", 2, "2022-02-14", None, 220000),
    (5, "Partner Portal", 2, "2020-05-25", "2022-08-31", 145000),
    (6, "Rebrand", 3, "2021-10-04", "2022-11-30", 180000),
    (7, "Spring Campaign", 3, "2023-02-20", None, 95000),
    (8, "Ledger Migration", 4, "2022-07-18", None, 130000),
    (9, "Graduate Programme", 5, "2021-03-08", None, 75000),
    (10, "Help Centre", 6, "2020-11-09", "2022-03-25", 60000),
)

ASSIGNMENTS = (
    (7, 1, "lead", 20),
    (8, 1, "developer", 30),
    (9, 1, "developer", 25),
    (10, 1, "developer", 40),
    (16, 1, "tester", 20),
    (9, 2, "lead", 15),
    (11, 2, "developer", 40),
    (12, 2, "developer", 40),
    (13, 2, "data", 25),
    (14, 2, "developer", 35),
    (7, 3, "lead", 15),
    (13, 3, "data", 15),
    (15, 3, "developer", 30),
    (17, 4, "lead", 20),
    (20, 4, "sales", 30),
    (22, 4, "sales", 25),
    (27, 4, "analyst", 10),
    (23, 5, "lead", 20),
    (18, 5, "sales", 10),
    (12, 5, "developer", 10),
    (25, 6, "lead", 25),
    (26, 6, "writer", 20),
    (28, 6, "designer", 35),
    (25, 7, "lead", 10),
    (27, 7, "analyst", 20),
    (29, 7, "events", 35),
    (30, 8, "lead", 20),
    (31, 8, "accountant", 15),
    (13, 8, "data", 10),
    (34, 9, "lead", 15),
    (36, 9, "trainer", 25),
    (37, 10, "lead", 15),
    (39, 10, "writer", 20),
    (16, 10, "tester", 10),
)


def build(path: str | Path) -> Path:
    """Write the database to `path`, whole or not at all, and return it.

    Raises OSError or sqlite3.Error when the folder cannot be written.
    """
    target = Path(path)
    with (
        private_files.draft(target, mode=private_files.SHARED) as draft,
        contextlib.closing(sqlite3.connect(draft)) as connection,
        connection,
    ):
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(SCHEMA)
        for table, rows in (
            ("departments", DEPARTMENTS),
            ("employees", EMPLOYEES),
            ("projects", PROJECTS),
            ("assignments", ASSIGNMENTS),
        ):
            marks = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    return target


def ensure(folder: str | Path) -> Path:
    """The demonstration database in `folder`, built when missing.

    It goes to a temporary folder when `folder` cannot be written.
    """
    name = f"demo-{VERSION}.sqlite"
    target = Path(folder) / name
    if target.is_file():
        return target
    try:
        return build(target)
    except (OSError, sqlite3.Error):
        return build(paths.temporary_dir() / name)
