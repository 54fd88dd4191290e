"""What rules ask of a question or a statement is found once, however many rules ask."""

from __future__ import annotations

import re

import pytest

from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import plain
from sqlagent.base.word_forms import tokens
from sqlagent.database.schema import from_ddl
from sqlagent.sql.reading import Readings

SCHEMA = from_ddl("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")


def test_a_statement_beside_another_is_read_once() -> None:
    readings = Readings(SCHEMA)
    first = readings.read("SELECT a FROM t")
    second = first.another("SELECT b FROM t")
    assert second.another("SELECT a FROM t") is first and readings.find("SELECT b FROM t") is second
    view = plain(first)
    assert view is not None and plain(first) is view
    assert view.where(["b = 'x'"]).reading is readings.read("SELECT a FROM t WHERE b = 'x'")


@pytest.mark.parametrize("question", ["Which are Still open?", "All of them", "", "still STILL still"])
def test_a_phrase_finds_what_its_pattern_finds(question: str) -> None:
    phrase, pattern = Phrase(r"\bstill\b"), re.compile(r"\bstill\b", re.IGNORECASE)
    found, again = phrase.search(question), pattern.search(question)
    assert (found and found.span()) == (again and again.span())
    assert phrase.search(question) is found
    assert [one.span() for one in phrase.matches(question)] == [
        one.span() for one in pattern.finditer(question)
    ]


def test_the_words_of_a_question_are_found_once() -> None:
    assert tokens("Who is Ann?") is tokens("Who is Ann?")
