"""Whatever the rules make of a statement runs, as the statement did; on any names."""

from __future__ import annotations

import importlib
import pkgutil
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

import sqlagent.amend
from sqlagent.amend import pipeline
from sqlagent.amend.amendment import Amended
from sqlagent.amend.context import Context
from sqlagent.amend.fan_out import caution
from sqlagent.amend.pipeline import mended, proposals
from sqlagent.amend.rule import Meaning, Pitfall, Rule, Supplied
from sqlagent.amend.rules import MEANINGS, PITFALLS, SUPPLIED, by_name
from sqlagent.amend.years import YEARS
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import Turn
from sqlagent.sandbox import functions as sandboxed
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading, Readings
from tests.hostile import NAMES

bench_walk = pytest.importorskip("bench.walk")
TEMPERS, walk = bench_walk.TEMPERS, bench_walk.walk

DDL = """
CREATE TABLE {parent} (id INTEGER PRIMARY KEY, name TEXT, {city} TEXT);
CREATE TABLE {child} (id INTEGER PRIMARY KEY, name TEXT, title TEXT, {key} INT REFERENCES {parent}(id),
    {boss} INT REFERENCES {child}(id), salary INT, hire_date TEXT, end_date TEXT, points INT);
CREATE TABLE {link} (child_id INT REFERENCES {child}(id), {key} INT REFERENCES {parent}(id), role TEXT);
INSERT INTO {parent} VALUES (1, 'Sales', 'Paris'), (2, 'Lab', 'Rome'), (3, 'Office', 'PARIS');
INSERT INTO {child} VALUES (1, 'Ann', 'Dr', 1, NULL, 5, '2015-01-02', NULL, 1);
INSERT INTO {child} VALUES (2, 'Bo', NULL, NULL, 1, 8, '2018-01-02', '2020-02-02', 4);
INSERT INTO {link} VALUES (1, 1, 'lead'), (2, 1, 'lead'), (2, 2, NULL);
"""
QUESTIONS = (
    "How many {child} are there in each {city}?",
    "Which {parent} has the most {child}?",
    "How many people work in each {city}, and how many points are there?",
    "Who reports to Ann, and who never had the role lead?",
    "Which {child} without a lead are still running after 2018?",
    "How long did each take, and what is the most expensive {child} of each {parent}?",
    "The oldest first, and how many {parent} have {child}?",
    "what share of all",
    "Which {child} are still there?",
    "What is the most expensive {child} of each {parent}?",
    "And the second most?",
    "How many points does each {parent} have, starting with the oldest?",
    "Who has more points, Ann or Bo?",
    "What is the difference in salary between Ann and Bo?",
    "Who comes after Ann?",
    "Who is the last one on the list?",
    "Who else has the same salary as Ann?",
)
STATEMENTS = (
    "SELECT name FROM {child} WHERE salary > (SELECT AVG(salary) FROM {child} WHERE {boss} = id)",
    "SELECT {city}, COUNT(*) FROM {parent} GROUP BY {city}",
    "SELECT {city} FROM {parent} GROUP BY {city} ORDER BY COUNT(*) DESC LIMIT 1",
    "SELECT COUNT(*) FROM {link} WHERE {key} = 1 UNION SELECT COUNT(*) FROM {link} WHERE {key} = 2",
    "SELECT {key}, COUNT(*) FROM {child} GROUP BY {key}",
    "SELECT name FROM {parent} WHERE {city} = 'Paris'",
    "SELECT {boss} FROM {child} WHERE name = 'Ann'",
    "SELECT name FROM {child} WHERE id NOT IN (SELECT {boss} FROM {child})",
    "SELECT name FROM {child} WHERE {boss} = (SELECT {boss} FROM {child} WHERE name = 'Ann')",
    "SELECT {child}.name FROM {child} JOIN {link} ON {child}.id = {link}.child_id WHERE {link}.role != 'lead'",
    "SELECT name FROM {child} WHERE end_date > '2018-01-01'",
    "SELECT name FROM {child} WHERE end_date > '2018-05-05'",
    "SELECT name FROM {child} WHERE hire_date > '2018-01-01' ORDER BY hire_date DESC LIMIT 1",
    "SELECT end_date - hire_date FROM {child}",
    "SELECT DATE(end_date) - DATE(hire_date) FROM {child}",
    "SELECT SUM(id) FROM {child}",
    "SELECT STRFTIME('%A', hire_date), COUNT(*) FROM {child} GROUP BY STRFTIME('%A', hire_date)",
    "SELECT {link}.{key}, STRFTIME('%Y', {child}.hire_date), COUNT(*) FROM {link}"
    " JOIN {child} ON {link}.child_id = {child}.id GROUP BY {link}.{key}",
    "SELECT salary / 2 FROM {child}",
    "SELECT {key}, MAX(salary) FROM {child} GROUP BY {key}",
    "SELECT COUNT(*) FROM {link} WHERE role = 'lead'",
    "SELECT SUM(salary) / COUNT(*) FROM {child}",
    "SELECT SUM({child}.salary) FROM {child} JOIN {link} ON {child}.id = {link}.child_id",
    "SELECT name FROM {child} WHERE salary > (SELECT AVG(salary) FROM {child} WHERE {key} = {child}.{key})",
    "SELECT COUNT(*) FROM {child}",
    "SELECT COUNT(*) FROM {child} WHERE STRFTIME('%Y', hire_date) = 2018",
    "SELECT name, MAX(salary) FROM {child} WHERE name = 'Ann' OR name = 'Bo'",
    "SELECT name FROM {child} WHERE name > 'Ann' ORDER BY name LIMIT 1",
    "SELECT name FROM {child} WHERE salary = (SELECT salary FROM {child} WHERE name = 'Ann')",
    "SELECT name FROM {child} ORDER BY name DESC LIMIT 1",
    "SELECT salary FROM {child} WHERE title = 'Ann'",
    "SELECT name FROM {child} ORDER BY end_date LIMIT 1",
    "SELECT {child}.name FROM {child} JOIN {link} ON {child}.id = {link}.child_id",
)


class Place:
    """A database with given names, and what the rules are told of it."""

    def __init__(self, path: Path, names: dict[str, str]) -> None:
        self.names = {role: quote(name) for role, name in names.items()}
        self.said = names
        self.connection = sqlite3.connect(path)
        sandboxed.register(self.connection)
        self.connection.executescript(DDL.format(**self.names))
        self.connection.commit()
        self.schema = schemas.read(str(path))
        self.acceptor = Acceptor(self.schema)
        self.accepts = self.acceptor.accepts

    def finds(self, sql: str) -> bool:
        return bool(self.connection.execute(sql).fetchall())

    def differ(self, one: str, other: str) -> bool:
        return self.connection.execute(one).fetchall() != self.connection.execute(other).fetchall()

    def context(self, question: str, history: tuple[Turn, ...] = ()) -> Context:
        return Context(
            question,
            Readings(self.schema),
            history,
            nearest=lambda table, column, text: None,
            accepts=self.accepts,
            has_rows=self.finds,
            differ=self.differ,
            values=lambda probe: [row[0] for row in self.connection.execute(probe)],
        )

    def amended(self, question: str, sql: str, history: tuple[Turn, ...] = ()) -> list[str]:
        found: list[str] = []
        about = self.context(question.format(**self.said), history)
        made, amendments = mended(sql, about)
        for text, changes in [(made, amendments), *((p.sql, p.amendments) for p in proposals(made, about))]:
            try:
                self.connection.execute("EXPLAIN " + text)
                caution(text, self.schema, self.finds)
            except sqlite3.Error as error:
                pytest.fail(f"{error}: {question!r}: {sql} became {text} ({changes})")
            assert self.accepts(text) or not self.accepts(sql)
            before = sql if text == made else made
            for change in changes:  # each says what it did, and together they lead from the one to the other
                assert (change.before, bool(change.why)) == (before, True) and change.after != before
                before = change.after
            assert before == text
            found += [change.rule for change in changes]
        return found


def plain(tmp_path: Path) -> Place:
    roles = ("parent", "child", "link", "city", "key", "boss")
    names = ("departments", "employees", "assignments", "city", "department_id", "manager_id")
    return Place(tmp_path / "plain.sqlite", dict(zip(roles, names, strict=True)))


def test_every_rule_is_played_and_what_it_makes_runs(tmp_path: Path) -> None:
    place = plain(tmp_path)
    played: Counter[str] = Counter()
    for question in QUESTIONS:
        for sql in STATEMENTS:
            played.update(place.amended(question, sql.format(**place.names)))
    unplayed = {
        "stored_spelling",
        "near_value",
        "null_text",
        "follow_up",
    }  # nothing to look up, and no turn before
    assert set(played) >= {*PITFALLS, *MEANINGS} - unplayed, played
    named = {"one_of", "apart", "next_row", "first_listed", "not_itself", "elsewhere"}
    assert set(played) >= named, played


@pytest.mark.parametrize("seed", range(12))
def test_names_do_not_matter(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    drawn = rng.sample([name for name in NAMES if name], 6)
    roles = ("parent", "child", "link", "city", "key", "boss")
    place = Place(tmp_path / "hostile.sqlite", dict(zip(roles, drawn, strict=True)))
    escaped = {role: name.replace("{", "").replace("}", "") for role, name in place.said.items()}
    place.said = escaped
    for question in QUESTIONS:
        for sql in STATEMENTS:
            place.amended(question, sql.format(**place.names))


@pytest.mark.parametrize("temper", TEMPERS)
def test_statements_of_all_kinds_still_run(tmp_path: Path, temper: str) -> None:
    place = plain(tmp_path)
    rng = random.Random(3)
    before = Turn("List the employees in Paris", "SELECT name FROM employees WHERE salary > 3")
    for n in range(60):
        sql = walk(place.acceptor, rng, budget=90, stop=0.2, temper=temper)
        if not place.accepts(sql):
            continue
        place.amended(QUESTIONS[n % len(QUESTIONS)], sql, (before,) if n % 3 == 0 else ())


def test_what_cannot_be_read_is_left_alone(tmp_path: Path) -> None:
    about = plain(tmp_path).context("What share?")
    assert mended("not / sql", about) == ("not / sql", ())
    assert proposals("not / sql", about) == []


def test_a_condition_with_a_case_is_one(tmp_path: Path) -> None:
    """The AND within CASE … END parted it, and a follow-up kept half of it."""
    place = plain(tmp_path)
    case = "CASE WHEN salary > 3 AND points > 0 THEN 1 ELSE 0 END = 1"
    before = Turn("Who earns well?", f"SELECT name FROM employees WHERE {case}")
    about = place.context("and hired after 2010?", (before,))
    made = proposals("SELECT name FROM employees WHERE hire_date > '2010-12-31'", about)
    assert any(f"WHERE {case} AND hire_date" in one.sql for one in made), made


def test_a_rule_that_would_change_one_thing_within_another_leaves_the_statement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(now: Reading, _: Context) -> Amended:
        edits = Edits(now.statement)
        edits.put(0, 20, "SELECT 1")
        edits.put(10, 30, "FROM x")
        return Amended(edits.sql())

    place, sql = plain(tmp_path), "SELECT name FROM employees WHERE salary = 5"
    for rules, kind in ((SUPPLIED, Supplied), (MEANINGS, Meaning), (PITFALLS, Pitfall)):
        monkeypatch.setitem(rules, "twice", kind("twice", twice))
    about = place.context("Who earns 5?")
    assert mended(sql, about)[0] == sql
    assert all(one.sql != "SELECT 1" for one in proposals(sql, about))


def test_every_rule_that_is_declared_is_applied() -> None:
    """In the module that has its code, under one name, and once."""
    modules = [
        importlib.import_module(found.name)
        for found in pkgutil.walk_packages(sqlagent.amend.__path__, "sqlagent.amend.")
        if found.name not in ("sqlagent.amend.rules", "sqlagent.amend.pipeline")
    ]
    declared = [one for module in modules for one in vars(module).values() if isinstance(one, Rule)]
    applied = [*PITFALLS.values(), *MEANINGS.values(), *SUPPLIED.values()]
    assert len(declared) == len({*map(id, declared)}) == len(applied) >= 62
    assert {*map(id, declared)} == {*map(id, applied)}
    assert len({one.name for one in applied}) == len(applied)


def test_a_rule_reads_what_those_above_it_have_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So their order matters: a month has two digits once its format is known, a key a name once it makes groups."""
    place = plain(tmp_path)
    months, total = (
        "SELECT name FROM employees WHERE STRFTIME('MM', hire_date) = 1",
        "SELECT SUM(salary) FROM employees",
    )
    about = place.context("What is the total salary per department?")

    def proposed() -> list[list[str]]:
        return [[change.rule for change in one.amendments] for one in proposals(total, about)]

    made, amendments = mended(months, about)
    assert [one.rule for one in amendments] == ["date_formats", "kinds"] and place.finds(made)
    assert ["per_group", "group_names"] in proposed()
    monkeypatch.setattr(pipeline, "PITFALLS", dict(reversed(PITFALLS.items())))
    monkeypatch.setattr(pipeline, "SUPPLIED", dict(reversed(SUPPLIED.items())))
    assert not place.finds(mended(months, about)[0])
    assert ["per_group"] in proposed() and ["per_group", "group_names"] not in proposed()


def test_two_rules_have_two_names() -> None:
    with pytest.raises(ValueError, match="years"):
        by_name(YEARS, Meaning("years", lambda now, _: Amended(now.sql)))
