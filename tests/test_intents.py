"""Small talk and commands to change data get a sentence and no rows; questions that only look so get their answer."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
from fake_model import FakeModel
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.agent.agent import Agent
from sqlagent.agent.intents import is_command, is_small_talk
from sqlagent.base.errors import NO_ANSWER, OutOfScope, QueryError
from sqlagent.ui import demo_database

SMALL_TALK = """
hi | Hello! | hey there | good morning | Good evening, everyone | hola | thanks | thank you so much! | thx | cheers
thanks for your help | bye | goodbye | see you later | ok | cool | great, thanks! | lol | hmm | well done | yes | no
never mind | test | are you there? | who are you? | what are you | what's your name? | who made you? | are you a bot?
are you human? | how are you? | How are you doing today? | how's it going? | what's up | how old are you?
tell me about yourself | do you speak French? | I love you | what do you think? | nice to meet you | what can you do?
what can I do here? | how can you help me? | can you help me? | help | I need help | how does this work?
what is this? | tell me a joke | tell me another joke about cats | make me laugh | I'm bored | what time is it?
what's today's date? | what day is it today? | Remind me to call my mother at six | Sing happy birthday
play some music | Set an alarm for seven | call my sister | turn off the lights | switch the radio on
write me a short poem about the sea | Translate "good night" into French | order me a large pizza
"""
NO_SMALL_TALK = """
Which customers said hello? | what can you do for customers in Paris? | tell me about employees | thanks per day
help tickets by month | who are the managers? | how old is Ann? | how are orders shipped? | good customers
what is this month's revenue? | what time is the meeting of Ann? | test results of May | what day is the busiest?
what do you know about Ann? | great sales | how many are there? | who made the most sales? | names of the bots
reminders of Ann | sets with an alarm | calls of my team last week | which lights were turned off?
translate the category names into English | orders of pizza by day | Which songs did they sing for charity?
poems written by Ann | play counts of some songs | write-offs per year | letters about the sea
write the names of all poems in capitals | who are you paying most? | which weather stations are in Porto?
what's the weather station with the most rain?
"""
COMMANDS = """
delete all loans | DROP TABLE hires | drop table hires; | update the salary of Ann to 5 | insert a new member
add a new employee called Bob | please delete everything | rename table x to y | can you delete the orders of Frank?
list all names, then drop the table | set the price of tea to 3 | create a table for me | alter table x add y
Delete Frank's orders | change the city of Ann to Rome | truncate the log table | erase every record | wipe the database
insert into hires values (1) | add two members | remove all rows | clear the table | please drop the database
update employees set salary = 0 | delete from loans | add another project | Show the names. Delete the rows.
"""
NO_COMMANDS = """
drop-offs by city | delete events by user | add up all salaries | add the totals of both years | What was deleted?
Which records were dropped in 2020? | How many updates were there to the schema table? | set of distinct names
change in sales from 2023 to 2024 | clear skies per month | Which films did they make then drop?
Insert key presses per day | drop rate by level | Update frequency of each package
remove duplicates from the list of cities | who added a new record to the index? | empty rooms by floor
What does "then drop the table" mean? | create a list of all customers | make a list of names | updates by day
change of address requests | set lists of each band | delete key | add-ons sold in May | moves of Ann to Rome
which orders did Ann delete? | added members this year | dropped calls by hour | created records per month
"""


def _each(texts: str) -> list[str]:
    return [text.strip() for line in texts.strip().splitlines() for text in line.split("|")]


@pytest.mark.parametrize("text", _each(SMALL_TALK))
def test_small_talk_is_told(text: str) -> None:
    assert is_small_talk(text) and not is_command(text)


@pytest.mark.parametrize("text", _each(NO_SMALL_TALK) + _each(NO_COMMANDS) + list(demo_database.EXAMPLES))
def test_questions_are_no_small_talk(text: str) -> None:
    assert not is_small_talk(text)


@pytest.mark.parametrize("text", _each(COMMANDS))
def test_commands_are_told(text: str) -> None:
    assert is_command(text) and not is_small_talk(text)


@pytest.mark.parametrize("text", _each(NO_COMMANDS) + _each(NO_SMALL_TALK) + list(demo_database.EXAMPLES))
def test_questions_are_no_commands(text: str) -> None:
    assert not is_command(text)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(_each(SMALL_TALK + COMMANDS) + ["the ", "a", "x" * 40, "  ", "!?"]), max_size=60)
)
def test_no_text_takes_long(parts: list[str]) -> None:
    text = " ".join(parts)[:2000]
    started = time.process_time()
    is_small_talk(text)
    is_command(text)
    assert time.process_time() - started < 0.25


@pytest.mark.parametrize(
    ("text", "said"),
    [("hi", "asks nothing of this database"), ("delete all employees", "Nothing can be changed here")],
)
def test_they_get_one_sentence_and_no_rows_and_the_model_is_not_asked(
    text: str, said: str, tmp_path: Path
) -> None:
    path = demo_database.build(tmp_path / "demo.db")
    before = path.read_bytes()
    model = FakeModel([])
    with Agent(path, model) as agent, pytest.raises(OutOfScope, match=said) as refusal:
        agent.ask(text)
    assert refusal.value.exit_code == NO_ANSWER and "\n" not in str(refusal.value)
    assert model.prompts == [] and path.read_bytes() == before


def test_a_stored_value_that_reads_like_a_command_can_be_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "hires.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE hires (name TEXT, grade TEXT)")
        connection.execute("INSERT INTO hires VALUES ('O''Neil; DROP TABLE hires;--', 'A'), ('Lea', 'B')")
    connection.close()
    sql = "SELECT grade FROM hires WHERE name = 'O''Neil; DROP TABLE hires;--'"
    with Agent(path, FakeModel([sql])) as agent:
        assert agent.ask("What grade does O'Neil; DROP TABLE hires;-- have?").rows == [("A",)]
        for command in ("DROP TABLE hires", "What grade does Lea have? Then drop the table."):
            with pytest.raises(OutOfScope, match="Nothing can be changed"):
                agent.ask(command)


def test_within_group_is_refused_with_what_to_write_instead(tmp_path: Path) -> None:
    path = demo_database.build(tmp_path / "company.sqlite")
    with Agent(path, FakeModel(["SELECT 1"])) as agent:
        with pytest.raises(QueryError, match=r"PERCENTILE_CONT\(column, 0\.9\)"):
            agent.run_sql("SELECT PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY salary) FROM employees")
        assert len(agent.run_sql("SELECT PERCENTILE_CONT(salary, 0.9) FROM employees").rows) == 1
