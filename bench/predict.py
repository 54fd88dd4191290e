"""From a question to one predicted statement, a function for each decode mode.

    greedy          one statement, decoded under the grammar
    free            one statement, decoded without the grammar: what the model would write by itself
    vote:N[@T]      the greedy one and N - 1 sampled at temperature T, under the grammar; the result that most
                    of them agree on wins, a tie goes to the likelier statement
    fork:N          the greedy one and up to N that take another way at one of its decisions, under the grammar;
                    chosen among as the product does, without reading back
    free-vote:N[@T] the same as vote without the grammar
    agent[:EFFORT]  the whole product, as `sqlagent` answers
    gold            the gold statement itself: what the scorer makes of a perfect model

Invariant: a prediction depends on the question, the model, the decode setting and the seed only; never on
which questions came before. So a run that was interrupted goes on to the same end. `agent` is the exception: as in the
product, what is shown of a database that exceeds a few tables grows with the questions about it.
"""

from __future__ import annotations

import dataclasses
import re
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bench.gold.datasets import Question, table_columns
from bench.sampling import drawn
from bench.scoring import Outcome, run, same_outcome
from sqlagent.base.errors import DatabaseError, QueryError, QueryTimeout, SqlagentError, UsageError

if TYPE_CHECKING:
    from bench.scoring import Rows
    from sqlagent.database.schema import Schema
    from sqlagent.decoding.candidate import Candidate
    from sqlagent.linking.focus import Focus
    from sqlagent.linking.prompt import Prompt
    from sqlagent.sandbox.sandbox import Result, Sandbox

MODES = ("greedy", "free", "vote", "fork", "free-vote", "agent", "gold")
WITHIN = 3.0
"""Nats under the greedy statement at which a fork is given up."""
MAX_ROWS = 200_000
"""Rows kept of a result: more than any gold result of Spider has."""


@dataclass(frozen=True, slots=True)
class Decode:
    """How statements are decoded; `text` is what was asked for, for the report."""

    text: str
    mode: str
    n: int = 1
    temperature: float = 0.7
    effort: str = "normal"
    style: str = "names"
    max_tokens: int = 256
    seed: int = 0
    timeout: float = 10.0
    lowering: bool = True
    examples: bool = True


@dataclass(frozen=True, slots=True)
class Guess:
    """One candidate statement, with the model's own figures about it."""

    sql: str
    logprob: float = 0.0
    margin: float = 0.0
    tokens: int = 0
    forced: int = 0
    min_token_logprob: float = 0.0
    finished: bool = True
    question_logprob: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """The chosen statement, "" when there is none; `error` says why. Timings are seconds by name."""

    sql: str
    guesses: tuple[Guess, ...] = ()
    tokens: int = 0
    timings: dict[str, float] = field(default_factory=dict)
    confidence: float | None = None
    error: str | None = None
    evidence: dict[str, float] = field(default_factory=dict)
    """What the confidence was worked out from."""


def parse_decode(text: str, **settings: Any) -> Decode:
    """A `Decode` from its text, such as "vote:8@0.7". Raises UsageError."""
    mode, _, rest = text.partition(":")
    if mode not in MODES:
        raise UsageError(f"there is no decode mode {mode!r}: choose one of {', '.join(MODES)}.")
    if mode == "agent":
        return Decode(text, mode, effort=rest or "normal", **settings)
    if mode.endswith("vote"):
        found = re.fullmatch(r"(\d+)(?:@(\d*\.?\d+))?", rest)
        if found is None or int(found[1]) < 2:
            raise UsageError(
                f"{text!r} needs a number of candidates of at least 2, such as {mode}:8 or {mode}:8@0.7."
            )
        return Decode(text, mode, n=int(found[1]), temperature=float(found[2] or 0.7), **settings)
    if mode == "fork":
        if not rest.isdecimal() or int(rest) < 1:
            raise UsageError(f"{text!r} needs a number of at least 1, such as {mode}:4.")
        return Decode(text, mode, n=int(rest), **settings)
    if rest:
        raise UsageError(f"decode mode {mode!r} takes no setting {rest!r}.")
    return Decode(text, mode, **settings)


class Place:
    """One database opened for its questions; each part is made when it is first needed."""

    def __init__(self, question: Question, timeout: float = 10.0, style: str = "names") -> None:
        self.question = question
        self.timeout = timeout
        self.style = style
        self.columns = table_columns(question)
        self._agent: Any = None
        self._acceptors: dict[str, Any] = {}
        self._gold: dict[str, Outcome] = {}

    @cached_property
    def schema(self) -> Schema:
        from sqlagent.database import schema

        if self.question.database is None:
            return schema.from_ddl(self.question.ddl)
        return schema.read(self.question.database)

    @cached_property
    def focus(self) -> Focus | None:
        """What finds tables and values, as in the product; None where there are no rows."""
        from sqlagent.linking.focus import Focus

        return None if self.question.database is None else Focus(self.question.database)

    def ask(self, question: str) -> tuple[Prompt, Any]:
        """The prompt that the product makes of a question, and the acceptor of the tables in it."""
        from sqlagent.linking import prompt

        if not self.schema.tables:
            raise DatabaseError(f"{self.question.db} has no tables, so there is nothing to select from.")
        if self.focus is None:
            return prompt.build(self.schema, question), self._acceptor(self.schema)
        part = self.focus.part(self.schema, question)
        hints = self.focus.hints(self.schema, part, question)
        return prompt.build(part, question, hints=hints), self._acceptor(part)

    def _acceptor(self, part: Schema) -> Any:
        from sqlagent.grammar import Acceptor, Options

        if part.fingerprint not in self._acceptors:
            self._acceptors = {part.fingerprint: Acceptor(part, Options(style=self.style))}
        return self._acceptors[part.fingerprint]

    @cached_property
    def sandbox(self) -> Sandbox:
        from sqlagent.sandbox.sandbox import Limits, Sandbox

        assert self.question.database is not None
        return Sandbox(self.question.database, limits=Limits(timeout=self.timeout, max_rows=MAX_ROWS))

    def execute(self, sql: str, *, timeout: float | None = None) -> Rows:
        return self.sandbox.execute(sql, timeout=timeout)

    def outcome(self, sql: str) -> Outcome:
        """Run a statement; without a database, only say whether it would run."""
        if self.question.database is not None:
            return run(self, sql, self.timeout)
        return Outcome(error=self._compile(sql))

    def result(self, sql: str) -> Result | None:
        """The rows of a statement over a database; None when it does not run."""
        try:
            return self.sandbox.execute(sql)
        except (QueryError, QueryTimeout):
            return None

    def gold(self, sql: str) -> Outcome:
        """The outcome of a gold statement, run once."""
        if sql not in self._gold:
            self._gold[sql] = self.outcome(sql)
        return self._gold[sql]

    def agent(self, model: Any, decode: Decode) -> Any:
        if self._agent is None:
            from sqlagent.agent.agent import Agent

            assert self.question.database is not None
            self._agent = Agent(
                self.question.database,
                model,
                effort=decode.effort,
                lowering=decode.lowering,
                examples=decode.examples,
            )
        return self._agent

    def close(self) -> None:
        if "sandbox" in self.__dict__:
            self.sandbox.close()
        if self._agent is not None:
            self._agent.close()
        if self.__dict__.get("focus") is not None:
            self.__dict__["focus"].close()

    def _compile(self, sql: str) -> str | None:
        """SQLite's words about a statement over the DDL alone, None when it compiles; nothing is run."""
        if not sql.strip():
            return "empty: there is no statement"
        connection = sqlite3.connect(":memory:")
        try:
            connection.executescript(self.question.ddl)
            connection.execute(f"EXPLAIN {sql}")
        except (sqlite3.Error, sqlite3.Warning) as error:
            return f"refused: {error}"
        finally:
            connection.close()
        return None


def predict(question: Question, place: Place, model: Any, decode: Decode) -> Prediction:
    """The prediction of the asked-for mode; an expected error becomes a prediction without a statement."""
    try:
        return _PREDICTORS[decode.mode](question, place, model, decode)
    except SqlagentError as error:
        return Prediction("", error=f"{type(error).__name__}: {error}")


def predict_gold(question: Question, place: Place, model: Any, decode: Decode) -> Prediction:
    """The gold statement."""
    return Prediction(question.gold, (Guess(question.gold),))


def predict_one(question: Question, place: Place, model: Any, decode: Decode) -> Prediction:
    """The greedy statement, under the grammar or (mode "free") without it."""
    free = decode.mode == "free"
    text, acceptor = place.ask(question.question)
    found = model.generate(text, None if free else acceptor, max_tokens=decode.max_tokens)
    guesses = _guesses(found, free)
    return _prediction(guesses[0] if guesses else None, guesses, _timings(model))


def predict_fork(question: Question, place: Place, model: Any, decode: Decode) -> Prediction:
    """The statement that the product would choose among the greedy one and its forks, without reading back."""
    from sqlagent.agent import selection
    from sqlagent.agent.selection import Tried

    text, acceptor = place.ask(question.question)
    found = model.generate(text, acceptor, max_tokens=decode.max_tokens)
    timings = _timings(model)
    found += model.alternatives(decode.n, WITHIN, max_tokens=decode.max_tokens)
    timings["decode"] += model.last_timings.decode
    guesses = _guesses(found, False)
    if place.question.database is None:
        best = max(found, key=lambda one: one.logprob)
    else:
        best = selection.choose([Tried(one, place.result(one.sql)) for one in found])[0].candidate
    return _prediction(guesses[found.index(best)], guesses, timings)


def predict_vote(question: Question, place: Place, model: Any, decode: Decode) -> Prediction:
    """The statement whose result most candidates agree on."""
    free = decode.mode == "free-vote"
    text, acceptor = place.ask(question.question)
    found = drawn(
        model,
        text,
        None if free else acceptor,
        n=decode.n,
        temperature=decode.temperature,
        seed=question_seed(decode.seed, question.id),
        max_tokens=decode.max_tokens,
    )
    guesses = _guesses(found, free)
    return _prediction(most_agreed(guesses, place), guesses, _timings(model))


def predict_agent(question: Question, place: Place, model: Any, decode: Decode) -> Prediction:
    """What the product answers."""
    if question.database is None:
        raise UsageError("decode mode agent needs a database for every question: choose a set that has them.")
    answer = place.agent(model, decode).ask(question.question)
    guesses = _guesses(answer.tried, False)
    found = {} if answer.evidence is None else dataclasses.asdict(answer.evidence)
    return Prediction(answer.sql, guesses, 0, dict(answer.timings), answer.confidence, evidence=found)


_PREDICTORS: dict[str, Callable[[Question, Place, Any, Decode], Prediction]] = {
    "greedy": predict_one,
    "free": predict_one,
    "vote": predict_vote,
    "fork": predict_fork,
    "free-vote": predict_vote,
    "agent": predict_agent,
    "gold": predict_gold,
}


def most_agreed(guesses: Sequence[Guess], place: Place) -> Guess | None:
    """The likeliest guess of the largest group of guesses with one result; failed ones only when all fail."""
    groups: list[tuple[Outcome | str, list[Guess]]] = []
    for guess in guesses:
        key: Outcome | str = guess.sql
        if place.question.database is not None:
            outcome = place.outcome(guess.sql)
            if not outcome.ran:
                continue
            key = outcome
        for other, members in groups:
            if key == other or (
                isinstance(key, Outcome)
                and isinstance(other, Outcome)
                and same_outcome(other, key, ordered=False)
            ):
                members.append(guess)
                break
        else:
            groups.append((key, [guess]))
    if not groups:
        return guesses[0] if guesses else None
    _, best = max(groups, key=lambda group: (len(group[1]), max(g.logprob for g in group[1])))
    return max(best, key=lambda guess: guess.logprob)


def question_seed(seed: int, question: str) -> int:
    """A seed of its own for every question, whatever was asked before."""
    return zlib.crc32(f"{seed}:{question}".encode())


def first_statement(text: str) -> str:
    """The first statement in what a model wrote freely: no code fences, no talk, no semicolon."""
    before, _, fenced = text.partition("```")
    if re.match(r"\s*(select|with|values|\()", before, re.IGNORECASE):
        text = before
    elif fenced:
        text = re.sub(r"\A\s*(sqlite3?|sql)\b", "", fenced.partition("```")[0], flags=re.IGNORECASE)
    else:
        start = re.search(r"\b(select|with)\b", text, re.IGNORECASE)
        text = text[start.start() :] if start else text
    for place, character in enumerate(text):
        if character == ";" and sqlite3.complete_statement(text[: place + 1]):
            text = text[:place]
            break
    return text.strip()


def _guesses(candidates: Sequence[Candidate], free: bool) -> tuple[Guess, ...]:
    return tuple(
        Guess(
            first_statement(found.sql) if free else found.sql,
            float(found.logprob),
            float(found.margin),
            int(found.tokens),
            int(found.forced),
            float(found.min_token_logprob),
            bool(found.finished),
            found.question_logprob,
        )
        for found in candidates
    )


def _prediction(guess: Guess | None, guesses: tuple[Guess, ...], timings: dict[str, float]) -> Prediction:
    tokens = sum(one.tokens for one in guesses)
    if guess is None:
        return Prediction("", guesses, tokens, timings, error="empty: the model wrote nothing")
    return Prediction(guess.sql, guesses, tokens, timings)


def _timings(model: Any) -> dict[str, float]:
    found = getattr(model, "last_timings", None)
    if not dataclasses.is_dataclass(found) or isinstance(found, type):
        return {}
    return {
        name: value for name, value in dataclasses.asdict(found).items() if isinstance(value, (int, float))
    }
