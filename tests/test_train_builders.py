"""Training data made without a model: what is renamed means the same, what is invented is computed twice."""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the train and test extras")

from bench.gold import datasets
from sqlagent.base.errors import UsageError
from sqlagent.database import schema as schemas
from train.builders import amendments, analysed, analysis, encoded, main, renamed
from train.builders.folder import folder
from train.builders.invented import invent
from train.builders.short_names import CASES, WAYS, Shortener, distinct

SCRIPT = """
CREATE TABLE department (department_id INTEGER PRIMARY KEY, department_name TEXT);
CREATE TABLE employee (employee_id INTEGER PRIMARY KEY, full_name TEXT, salary REAL,
                       department_id INTEGER REFERENCES department(department_id));
INSERT INTO department VALUES (1, 'full_name'), (2, 'Sales');
INSERT INTO employee VALUES (1, 'Ann', 10, 1), (2, 'Bob', 20, 2), (3, 'Cy', 30, 2);
"""
PAIRS = [
    ("Who earns most?", "SELECT full_name FROM employee ORDER BY salary DESC LIMIT 1"),
    (
        "How many work in each department?",
        "SELECT T2.department_name, count(*) FROM employee AS T1 JOIN department AS T2 "
        "ON T1.department_id = T2.department_id GROUP BY T2.department_name",
    ),
    (
        "Which department is called so?",
        "SELECT department_id FROM department WHERE department_name = 'full_name'",
    ),
    (
        "Who earns more than the mean?",
        "SELECT employee.full_name FROM employee "
        "WHERE employee.salary > (SELECT avg(e.salary) AS salary FROM employee e)",
    ),
    ("Which departments have nobody?", "SELECT * FROM department NATURAL JOIN employee"),
]


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "set" / "database" / "firm" / "firm.sqlite"
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.executescript(SCRIPT)
    connection.close()
    rows = [{"question": q, "query": sql, "db_id": "firm"} for q, sql in PAIRS]
    (tmp_path / "set" / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    return tmp_path / "set"


def rows_of(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# --- short names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "case", "name", "short"),
    [
        ("known", "snake", "department_name", "dept_nm"),
        ("known", "upper", "departmentName", "DEPT_NM"),
        ("vowels", "snake", "employee_salary", "emply_slry"),
        ("initials", "upper", "full time home goals", "FTHG"),
        ("initials", "snake", "home_team_id", "htid"),
        ("known", "camel", "customer_number", "custNo"),
    ],
)
def test_a_name_is_shortened_as_people_do(way, case, name, short):
    assert Shortener(way, case, random.Random(0))(name) == short


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES)
def test_short_names_of_one_table_differ_and_are_no_aliases(way, case):
    names = ["total", "totals", "team 1", "t1", "Total", "team_home_total", "the_house_team", "ü", "a", "aa"]
    found = list(distinct(names, Shortener(way, case, random.Random(1))).values())
    assert len({name.lower() for name in found}) == len(names)
    assert not any(name.lower() == "t1" for name in found)


@pytest.mark.parametrize(
    ("sql", "renamed_sql"),
    [
        ("SELECT full_name FROM (SELECT full_name FROM employee)", "SELECT nm FROM (SELECT nm FROM emp)"),
        ("SELECT x FROM (SELECT full_name AS x FROM employee)", "SELECT x FROM (SELECT nm AS x FROM emp)"),
        (
            "SELECT s.full_name FROM (SELECT * FROM employee) AS s",
            "SELECT s.nm FROM (SELECT * FROM emp) AS s",
        ),
        (
            "WITH t(salary) AS (SELECT full_name FROM employee) SELECT salary FROM t",
            "WITH t(salary) AS (SELECT nm FROM emp) SELECT salary FROM t",
        ),
        (
            "WITH t AS (SELECT full_name FROM employee) SELECT full_name FROM t ORDER BY t.full_name",
            "WITH t AS (SELECT nm FROM emp) SELECT nm FROM t ORDER BY t.nm",
        ),
        (
            "SELECT employee.salary AS full_name FROM employee ORDER BY full_name",
            "SELECT emp.pay AS full_name FROM emp ORDER BY full_name",
        ),
    ],
)
def test_names_are_renamed_by_what_they_mean(sql, renamed_sql):
    schema = schemas.from_ddl("CREATE TABLE employee (full_name TEXT, salary REAL)")
    columns = {("employee", "full_name"): "nm", ("employee", "salary"): "pay"}
    assert renamed.statement(sql, schema, renamed.Renaming({"employee": "emp"}, columns)) == renamed_sql


# --- renamed copies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_a_renamed_pair_gives_the_same_rows_and_keeps_texts_that_look_like_names(published, tmp_path, seed):
    questions = datasets.load(published, "train")
    counts = Counter()
    with folder(tmp_path / "out") as out:
        made = list(renamed.pairs(questions, out, copies=1, seed=seed, prefix="s_", counts=counts))
    assert [row["question"] for row in made] == [q for q, _ in PAIRS[:4]]
    assert counts == {"kept": 4, "joins by equal names": 1}
    first = sqlite3.connect(published / "database" / "firm" / "firm.sqlite")
    second = sqlite3.connect(tmp_path / "out" / "database" / "s_firm_0" / "s_firm_0.sqlite")
    for row, (_, gold) in zip(made, PAIRS, strict=False):
        assert second.execute(row["query"]).fetchall() == first.execute(gold).fetchall()
        assert "full_name" not in row["query"].replace("'full_name'", "")
    assert "'full_name'" in made[2]["query"]


def test_the_original_database_is_not_touched(published, tmp_path):
    file = published / "database" / "firm" / "firm.sqlite"
    before = file.read_bytes()
    assert (
        main.main(["renamed", "--data", str(published), "--save", str(tmp_path / "out"), "--copies", "2"])
        == 0
    )
    assert file.read_bytes() == before
    assert len(rows_of(tmp_path / "out" / "train.jsonl")) == 8


def test_a_set_appears_whole_or_not_at_all_and_is_not_overwritten(tmp_path):
    with pytest.raises(RuntimeError), folder(tmp_path / "out") as out:
        out.write("train", [{"question": "?"}])
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with folder(tmp_path / "out") as out:
        out.write("train", [{"question": "?"}])
    with pytest.raises(UsageError, match="is there already"), folder(tmp_path / "out"):
        pass
    assert rows_of(tmp_path / "out" / "train.jsonl") == [{"question": "?"}]


# --- invented databases --------------------------------------------------------------------------------


def test_there_are_at_least_twenty_kinds_and_each_says_it_in_many_ways():
    world = invent(random.Random(3))
    made = list(analysis.patterns(world, random.Random(0)))
    assert len([one for one in made if not one.kind.startswith("plain_")]) >= 20
    assert {one.kind for one in made} == set(analysis.KINDS)
    for one in made:
        assert len(set(one.questions)) >= 6
        assert not any("{" in question for question in one.questions)


def test_every_pattern_is_computed_twice_and_a_wrong_one_is_found():
    for seed in range(4):
        rng = random.Random(seed)
        world = invent(rng)
        connection = sqlite3.connect(":memory:")
        connection.executescript(world.script)
        assert list(analysed.pairs(world, connection, rng, False, Counter()))
        pattern = analysis.KINDS["median"](world, rng)
        with pytest.raises(analysed.Disagreement):
            analysed.check(replace(pattern, rows=[(-1.0,)]), connection, pattern.sql)
        with pytest.raises(analysed.Disagreement):
            analysed.check(pattern, connection, f"SELECT AVG({world.m}) + 1000 FROM {world.t}")


def test_held_out_wordings_and_pairs_are_never_trained_on(tmp_path):
    with folder(tmp_path / "out") as out:
        analysed.build(out, count=9, seed=1, counts=Counter())
    train, held = rows_of(tmp_path / "out" / "train.jsonl"), rows_of(tmp_path / "out" / "held_out.jsonl")
    assert train and held
    assert not {row["db_id"] for row in train} & {row["db_id"] for row in held}
    again = {(row["kind"], row["question"].lower()) for row in train}
    assert not again & {(row["kind"], row["question"].lower()) for row in held}


def test_the_same_seed_makes_the_same_set(tmp_path):
    for name in ("one", "two"):
        assert main.main(["analysis", "--count", "2", "--seed", "5", "--save", str(tmp_path / name)]) == 0
    first, second = (tmp_path / name / "train.jsonl" for name in ("one", "two"))
    assert first.read_bytes() == second.read_bytes()


def test_statements_over_encoded_columns_say_what_is_meant_and_are_right_when_lowered(tmp_path):
    counts = Counter()
    with folder(tmp_path / "out") as out:
        assert encoded.build(out, count=2, seed=0, counts=counts) > 60
    rows = rows_of(tmp_path / "out" / "train.jsonl")
    assert counts["gives other rows than the values do, or shows stored ones"] < counts["patterns"] / 3
    by_month = next(row for row in rows if row["kind"] == "sum_by_month")
    assert "STRFTIME('%Y-%m', " in by_month["query"]
    path = tmp_path / "out" / "database" / by_month["db_id"] / f"{by_month['db_id']}.sqlite"
    stored = sqlite3.connect(path).execute(by_month["query"]).fetchall()
    assert all(
        month is None or not str(month).startswith("202") for month, _ in stored
    )  # as it stands it says nothing


def test_amendments_leave_what_is_put_aside_alone(tmp_path):
    with folder(tmp_path / "out") as out:
        assert amendments.build(out, Counter()) > 100
    taken = {row["question"] for row in rows_of(tmp_path / "out" / "train.jsonl")}
    data = Path(__file__).parent / "data"
    for name in ("fire_aside.jsonl", "leave_alone.jsonl"):
        assert not taken & {row["question"] for row in rows_of(data / name)}


def test_published_tables_are_asked_what_they_can_answer_and_no_more(tmp_path):
    path = tmp_path / "set" / "database" / "club" / "club.sqlite"
    path.parent.mkdir(parents=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE member (member_id INTEGER PRIMARY KEY, name TEXT)")
        connection.execute(
            "CREATE TABLE visit (visit_id INTEGER PRIMARY KEY, member_id INTEGER REFERENCES member(member_id), "
            "day TEXT, fee REAL, hall TEXT, note TEXT)"
        )
        connection.executemany("INSERT INTO member VALUES (?, ?)", [(n, f"Member {n}") for n in range(1, 6)])
        connection.executemany(
            "INSERT INTO visit VALUES (?, ?, ?, ?, ?, NULL)",
            [(n, n % 4 + 1, f"2023-{n % 9 + 1:02}-11", n * 1.5, ("east", "west")[n % 2]) for n in range(40)],
        )
        connection.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, weight REAL, sort TEXT)")
        connection.executemany(
            "INSERT INTO thing VALUES (?, ?, ?)", [(n, n / 2, "ab"[n % 2]) for n in range(20)]
        )
    connection.close()
    rows = [{"question": "?", "query": "SELECT 1", "db_id": "club"}]
    (tmp_path / "set" / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    assert main.main(["analysis", "--data", str(tmp_path / "set"), "--save", str(tmp_path / "out")]) == 0
    made = rows_of(tmp_path / "out" / "train.jsonl")
    of_visits = {row["kind"] for row in made if "visit" in row["query"]}
    of_things = {row["kind"] for row in made if "thing" in row["query"] and "visit" not in row["query"]}
    assert {"sum_by_month", "growth_by_month"} & of_visits and {
        "never",
        "top_per_group",
        "cohorts",
    } & of_visits
    assert of_things and not of_things & (analysis.OWNED | (set(analysis.KINDS) - analysis.UNDATED))
    connection = sqlite3.connect(path)
    from sqlagent.sandbox.functions import register

    register(connection)
    assert all(connection.execute(row["query"]).fetchall() for row in made)
    connection.close()
