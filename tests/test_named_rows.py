"""Questions that name rows: which of two is meant, the row next to it, and how far two lie apart."""

from __future__ import annotations

import sqlite3

import pytest
from fake_model import FakeModel

from sqlagent import Agent
from sqlagent.amend.named_rows.difference import apart
from sqlagent.amend.named_rows.first_listed import first_listed
from sqlagent.amend.named_rows.next_row import next_row
from sqlagent.amend.named_rows.not_itself import not_itself
from sqlagent.amend.named_rows.one_of import one_of
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import Hint
from sqlagent.sql.reading import read

DDL = """
CREATE TABLE teams (id INTEGER PRIMARY KEY, team TEXT, promotions INTEGER, wins INTEGER, released TEXT, pos INTEGER,
    league TEXT);
"""
ROWS = """
INSERT INTO teams VALUES (1, 'rieti', 1, 9, '1970-01-01', 3, 'a'), (2, 'new brindisi', 2, 4, '1966-01-01', 1, 'a'),
    (3, 'rimini (north)', 0, 5, '1989-01-01', 2, 'b'), (4, 'aurora', 1, 7, '1990-01-01', 4, 'b');
CREATE TABLE games (id INTEGER PRIMARY KEY, team TEXT, goals INTEGER, season INTEGER);
INSERT INTO games VALUES (1, 'rieti', 2, 2003), (2, 'aurora', 5, 2002), (3, 'rieti', 4, 2001), (4, 'faenza', 3, 2000);
"""
RIETI, BRINDISI = Hint("teams", "team", "rieti"), Hint("teams", "team", "new brindisi")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("named") / "named.sqlite"


@pytest.fixture(scope="module")
def database(place):
    connection = sqlite3.connect(place)
    connection.executescript(DDL + ROWS)
    return connection


@pytest.fixture(scope="module")
def schema(database, place):
    return schemas.read(place)


@pytest.fixture(scope="module")
def accepts(schema):
    return Acceptor(schema).accepts


def values(database):
    return lambda sql: [row[0] for row in database.execute(sql)]


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        (
            "who had the most promotions, rieti or new brindisi?",
            "SELECT team, MAX(promotions) FROM teams WHERE team = 'rieti' OR team = 'new brindisi'",
            [("new brindisi",)],
        ),
        (
            "which was released earlier, rieti or aurora?",
            "SELECT released FROM teams WHERE team = 'rieti' UNION SELECT released FROM teams WHERE team = 'aurora'",
            [("rieti",)],
        ),
        (
            "did rieti or new brindisi have fewer wins?",
            "SELECT wins FROM teams WHERE team = 'rieti' AND team = 'new brindisi'",
            [("new brindisi",)],
        ),
        # 1 is the best place
        (
            "which finished higher, rieti or aurora?",
            "SELECT pos FROM teams WHERE team = 'rieti'",
            [("rieti",)],
        ),
        # only a part of a stored text is said, and the statement has one of the two alone
        (
            "which has more wins, aurora or rimini?",
            "SELECT team FROM teams WHERE wins > (SELECT wins FROM teams WHERE team = 'aurora')",
            [("aurora",)],
        ),
        # a team with several rows counts with all of them, and other conditions stay
        (
            "who scored more goals, rieti or aurora?",
            "SELECT SUM(goals) FROM games WHERE team = 'rieti' OR team = 'aurora'",
            [("rieti",)],
        ),
        (
            "who scored more goals in 2002 or later, rieti or aurora?",
            "SELECT goals FROM games WHERE team IN ('rieti', 'aurora') AND season >= 2002",
            [("aurora",)],
        ),
        (
            "who played more games, rieti or aurora?",
            "SELECT COUNT(*) FROM games WHERE team IN ('rieti', 'aurora')",
            [("rieti",)],
        ),
        # nothing is compared: which one it is
        (
            "did rieti or aurora play in 2002?",
            "SELECT COUNT(*) FROM games WHERE team IN ('rieti', 'aurora') AND season = 2002",
            [("aurora",)],
        ),
    ],
)
def test_the_one_of_those_named_is_shown(database, schema, accepts, question, sql, rows):
    made, why = one_of(question, read(sql, schema), [RIETI, BRINDISI], accepts, values(database))
    assert why
    assert database.execute(made).fetchall() == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        (
            "How many wins do rieti or aurora have?",
            "SELECT SUM(wins) FROM teams WHERE team IN ('rieti', 'aurora')",
        ),
        ("List all games of rieti or aurora.", "SELECT * FROM games WHERE team IN ('rieti', 'aurora')"),
        ("What are the wins of rieti or aurora?", "SELECT wins FROM teams WHERE team IN ('rieti', 'aurora')"),
        ("Which games had rieti or aurora?", "SELECT id FROM games WHERE team IN ('rieti', 'aurora')"),
        ("Which team has more than 2 or 3 wins?", "SELECT team FROM teams WHERE wins > 2"),
        ("Who has more wins than rieti and aurora?", "SELECT team FROM teams WHERE wins > 9"),
        ("Who is better, rieti or aurora?", "SELECT team FROM teams WHERE team IN ('rieti', 'aurora')"),
        # nobody is called so
        ("Who had more wins, pisa or lucca?", "SELECT wins FROM teams WHERE team IN ('pisa', 'lucca')"),
    ],
)
def test_other_questions_with_or_keep_their_statement(database, schema, accepts, question, sql):
    assert one_of(question, read(sql, schema), [], accepts, values(database)) == (sql, "")


@pytest.mark.parametrize(
    "question, sql, value",
    [
        (
            "what is the difference in wins between rieti and new brindisi?",
            "SELECT wins - promotions FROM teams WHERE team = 'rieti'",
            5,
        ),
        ("how many more wins did rieti have than aurora?", "SELECT wins FROM teams WHERE team = 'rieti'", 2),
        (
            "how many more goals did rieti score than faenza?",
            "SELECT goals FROM games WHERE team = 'rieti' INTERSECT SELECT goals FROM games WHERE team = 'faenza'",
            3,
        ),
        (
            "how many more games did rieti play than faenza?",
            "SELECT COUNT(*) FROM games WHERE team = 'rieti' AND team = 'faenza'",
            1,
        ),
    ],
)
def test_the_difference_of_two_named_ones_is_shown(database, schema, accepts, question, sql, value):
    made, why = apart(question, read(sql, schema), [RIETI, BRINDISI], accepts, values(database))
    assert why
    assert database.execute(made).fetchall() == [(value,)]


@pytest.mark.parametrize(
    "question, sql",
    [
        (
            "What is the difference between the most and the fewest wins?",
            "SELECT MAX(wins) - MIN(wins) FROM teams",
        ),
        (
            "How many wins do rieti and aurora have?",
            "SELECT SUM(wins) FROM teams WHERE team IN ('rieti', 'aurora')",
        ),
        (
            "Which has more wins, and what is the difference between rieti and aurora?",
            "SELECT wins FROM teams",
        ),
        ("How many more wins did pisa have than lucca?", "SELECT wins FROM teams WHERE team = 'pisa'"),
        # nobody knows which of the columns is meant
        (
            "What is the difference between rieti and aurora?",
            "SELECT wins, promotions FROM teams WHERE team IN ('rieti', 'aurora')",
        ),
    ],
)
def test_other_questions_for_a_difference_keep_their_statement(database, schema, accepts, question, sql):
    assert apart(question, read(sql, schema), [], accepts, values(database)) == (sql, "")


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        (
            "which team was previous to rimini?",
            "SELECT team FROM teams WHERE pos < (SELECT MIN(pos) FROM teams WHERE team LIKE '%rimini%')",
            [("new brindisi",)],
        ),
        (
            "who comes after rieti?",
            "SELECT team FROM teams WHERE team > 'rieti' ORDER BY team LIMIT 1",
            [("new brindisi",)],
        ),
        (
            "what team is listed before rimini?",
            "SELECT team FROM teams WHERE team = 'rimini'",
            [("new brindisi",)],
        ),
        # the newest stands first
        ("which team played after faenza?", "SELECT team FROM games WHERE team = 'faenza'", [("rieti",)]),
        ("which team is listed after aurora?", "SELECT team FROM games WHERE team = 'aurora'", [("rieti",)]),
        # a condition that the question does not have is the model's own
        (
            "what is the next team after rieti?",
            "SELECT team FROM teams WHERE released > '1966-01-01' AND team > 'rieti'",
            [("new brindisi",)],
        ),
    ],
)
def test_the_row_next_to_another_is_shown(database, schema, accepts, question, sql, rows):
    made, why = next_row(question, read(sql, schema), accepts, values(database))
    assert why
    assert database.execute(made).fetchall() == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        ("Which teams were founded after rieti?", "SELECT team FROM teams WHERE released > '1970-01-01'"),
        ("How many teams come after rieti?", "SELECT COUNT(*) FROM teams WHERE pos > 3"),
        ("Which team was released after 1980?", "SELECT team FROM teams WHERE released > '1980'"),
        ("Who won before 2002?", "SELECT team FROM games WHERE season < 2002"),
        ("Who is rieti?", "SELECT team FROM teams WHERE team = 'rieti'"),
        # which of the two it starts from is not known
        ("what team is listed after r?", "SELECT team FROM teams WHERE team = 'r'"),
        (
            "List all teams before aurora.",
            "SELECT team FROM teams WHERE pos < (SELECT pos FROM teams WHERE team = 'aurora')",
        ),
    ],
)
def test_other_questions_with_before_and_after_keep_their_statement(database, schema, accepts, question, sql):
    assert next_row(question, read(sql, schema), accepts, values(database)) == (sql, "")


@pytest.mark.parametrize(
    "question, sql, rows",
    [
        (
            "what is the last team on the chart?",
            "SELECT team FROM teams ORDER BY team DESC LIMIT 1",
            [("aurora",)],
        ),
        ("which team is listed first?", "SELECT team FROM teams", [("rieti",)]),
        (
            "what is the last team of league a listed?",
            "SELECT team FROM teams WHERE league = 'a' ORDER BY team DESC LIMIT 1",
            [("new brindisi",)],
        ),
        ("who is at the bottom of this list?", "SELECT team FROM teams ORDER BY league", [("aurora",)]),
    ],
)
def test_the_first_and_the_last_listed_are_those_of_the_table(database, schema, accepts, question, sql, rows):
    made, why = first_listed(question, read(sql, schema), accepts)
    assert why
    assert database.execute(made).fetchall() == rows


@pytest.mark.parametrize(
    "question, sql",
    [
        (
            "which listed team has the most wins, first of all?",
            "SELECT team FROM teams ORDER BY wins DESC LIMIT 1",
        ),
        (
            "what is the last released team in the list?",
            "SELECT team FROM teams ORDER BY released DESC LIMIT 1",
        ),
        (
            "who is last on the list in alphabetical order?",
            "SELECT team FROM teams ORDER BY team DESC LIMIT 1",
        ),
        ("who was the last one?", "SELECT team FROM teams ORDER BY team DESC LIMIT 1"),
        ("how many are in the last row of the table?", "SELECT COUNT(*) FROM teams"),
        ("the first and the last in the list", "SELECT team FROM teams"),
        ("the last names listed", "SELECT team FROM teams"),
        ("the last three teams of the list", "SELECT team FROM teams ORDER BY team DESC LIMIT 3"),
    ],
)
def test_an_order_by_numbers_or_dates_is_kept(schema, accepts, question, sql):
    assert first_listed(question, read(sql, schema), accepts) == (sql, "")


SAME = "SELECT team FROM teams WHERE promotions = (SELECT promotions FROM teams WHERE team = 'rieti')"


@pytest.mark.parametrize(
    "question",
    ["Which team has the same promotions as rieti?", "name another team promoted as often as rieti"],
)
def test_the_one_that_others_are_compared_with_is_left_out(database, schema, accepts, question):
    made, why = not_itself(question, read(SAME, schema), accepts)
    assert why == "'rieti' itself is left out."
    assert database.execute(made).fetchall() == [("aurora",)]


@pytest.mark.parametrize(
    "question, sql",
    [
        ("Which teams were promoted 1 time, like rieti?", SAME),
        ("Which other team has the same promotions as rieti?", SAME + " AND team != 'rieti'"),
        (
            "How many others have as many wins as rieti?",
            SAME.replace("SELECT team FROM", "SELECT COUNT(*) FROM", 1),
        ),
        ("Which other team won more than rieti?", SAME.replace("promotions = (", "promotions > (")),
        ("Which league has the same promotions as rieti?", SAME.replace("SELECT team", "SELECT league", 1)),
    ],
)
def test_the_one_compared_with_stays_where_it_may_be_meant(schema, accepts, question, sql):
    assert not_itself(question, read(sql, schema), accepts) == (sql, "")


def test_the_answer_is_the_one_of_those_named_and_says_so(database, place):
    database.commit()
    written = "SELECT team, MAX(promotions) FROM teams WHERE team = 'rieti' OR team = 'new brindisi'"
    with Agent(place, model=FakeModel([written])) as agent:
        answer = agent.ask("Who had the most promotions, rieti or new brindisi?")
    assert answer.rows == [("new brindisi",)]
    assert "Of those named, the one with the most promotions is shown." in answer.note
    assert answer.written == written


def test_a_condition_that_no_row_can_fulfil_gives_way_to_the_column_that_holds_the_text(database, place):
    database.commit()
    with Agent(place, model=FakeModel(["SELECT wins FROM teams WHERE league = 'aurora'"])) as agent:
        answer = agent.ask("How many wins did the aurora have?")
    assert answer.rows == [(7,)]
    assert "'aurora' is in teams.team, and not in league." in answer.note
    assert answer.evidence.doubted
