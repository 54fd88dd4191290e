"""Read the corpora's texts: blocks of a database, questions and the statements that belong to them.

    # years                                       a rule, for all blocks up to the next one
    @football                                     a database of `databases`
    < Which strikers ...? => SELECT ...           a turn that the questions go on from, if any
    ? How many fixtures after the 2018 Cup?       a question; several that ask for the same
    ! SELECT ...                                  what a small model writes wrongly (in `fire.txt` alone)
    = SELECT ...                                  what is right
    ~ SELECT ...                                  the same computed another way, if there is one

Invariant: statements come out in the canonical form that the grammar writes, and it accepts them; right ones give what
their second computation gives, wrong ones do not. What is not so raises ValueError with the block's first question.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.gold.canonical import CanonicalError, canonicalise
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor

TEXTS = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its right statement; `wrong` is what stands in its place, "" where the statement itself is
    right."""

    rule: str
    database: str
    question: str
    right: str
    wrong: str = ""
    history: tuple[tuple[str, str], ...] = ()

    def record(self) -> dict[str, Any]:
        """What is written of it, without what is empty."""
        values = {name: getattr(self, name) for name in ("rule", "database", "question", "wrong", "right")}
        return {name: value for name, value in {**values, "history": self.history}.items() if value}


@dataclass
class _Block:
    rule: str
    database: str
    questions: list[str] = field(default_factory=list)
    history: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    right: str = ""
    check: str = ""


def read(name: str, scripts: dict[str, str]) -> list[list[Pair]]:
    """The pairs of one text, proved, those of one right statement together. Raises ValueError."""
    blocks = list(_blocks((TEXTS / name).read_text(encoding="utf-8")))
    provers = {database: _Prover(scripts[database]) for database in {block.database for block in blocks}}
    return [list(provers[block.database].pairs(block)) for block in blocks]


def _blocks(text: str) -> Iterator[_Block]:
    rule, block = "", None
    for line in filter(None, map(str.strip, text.splitlines())):
        mark, rest = line[0], line[1:].strip()
        if mark == "#":
            rule = rest
        elif mark == "@":
            if block is not None:
                yield block
            block = _Block(rule, rest)
        else:
            assert block is not None, line
            if mark == "?":
                block.questions.append(rest)
            elif mark == "<":
                question, sql = rest.split(" => ")
                block.history.append((question, sql))
            elif mark == "!":
                block.wrong.append(rest)
            elif mark == "=":
                block.right = rest
            elif mark == "~":
                block.check = rest
            else:
                raise ValueError(f"{line}: a line begins with one of # @ < ? ! = ~")
    if block is not None:
        yield block


class _Prover:
    """One database, its grammar, and what statements give on it."""

    def __init__(self, script: str) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.executescript(script)
        tables = self._connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")
        self._schema = schemas.from_ddl(";".join(sql for (sql,) in tables))
        self._takes: Callable[[str], bool] = Acceptor(self._schema).accepts

    def pairs(self, block: _Block) -> Iterator[Pair]:
        right = self._canonical(block.right, block)
        rows = self._rows(right)
        if rows != self._rows(block.right):
            raise ValueError(f"{block.questions[0]}: the canonical form gives other rows")
        if block.check and rows != self._rows(block.check):
            raise ValueError(
                f"{block.questions[0]}: {rows[:5]} is not the second computation's {self._rows(block.check)[:5]}"
            )
        wrongs = [self._canonical(one, block) for one in block.wrong] or [""]
        for wrong in wrongs:
            if wrong and self._rows(wrong) == rows:
                raise ValueError(f"{block.questions[0]}: the wrong statement gives the right rows")
        history = tuple((question, self._canonical(sql, block)) for question, sql in block.history)
        for number, question in enumerate(block.questions):
            wrong = wrongs[number % len(wrongs)]
            yield Pair(block.rule, block.database, question, right, wrong, history)

    def _canonical(self, sql: str, block: _Block) -> str:
        try:
            made = canonicalise(sql, self._schema)
        except CanonicalError as error:
            raise ValueError(f"{block.questions[0]}: {error}") from error
        if not self._takes(made):
            raise ValueError(f"{block.questions[0]}: the grammar does not accept {made}")
        return made

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a statement gives, in an order of its own: what is compared is which rows there are."""
        rows = self._connection.execute(sql).fetchall()
        rounded = (tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in rows)
        return sorted(rounded, key=repr)
