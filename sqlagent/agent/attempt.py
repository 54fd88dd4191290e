"""Write the statements for one question, mend them, run them and weigh them against each other.

The greedy statement is enough where no other can be about as likely and nothing speaks against it. Else the likeliest
others are written, what they may be meant to be is proposed, and the result that has most of the probability is taken.
Only when none runs is the model told what SQLite said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from sqlagent.agent.answer import Trace
from sqlagent.agent.effort import Effort
from sqlagent.agent.selection import Chosen, Tried, choose, doubts
from sqlagent.amend.amendment import Amendment, Proposal
from sqlagent.base.errors import NoAnswer, QueryError, QueryTimeout
from sqlagent.linking.prompt import Turn
from sqlagent.lowering.lower import Lowered

if TYPE_CHECKING:
    from sqlagent.decoding.candidate import Candidate, Timings
    from sqlagent.decoding.layout import Acceptor
    from sqlagent.linking.prompt import Prompt
    from sqlagent.sandbox.query import Arrived
    from sqlagent.sandbox.sandbox import Result

DOUBTED = 3.0
"""Nats by which another statement may be less likely than a greedy one that something speaks against."""
LONGEST, SHORTEST = 128, 64
"""Tokens of the longest other statement: twice as many as the greedy one has, within these bounds. One that rambles
keeps all others waiting, and is seldom right."""
JOINED = 4.0
"""Nats by which the answers to a question's parts, side by side, are likelier than one statement with other rows."""
PATIENCE = 2.0
"""Seconds that such a statement may run: another one may be quicker."""


class TextModel(Protocol):
    """What an agent needs of a model; `decoding.model.Model` is one, tests bring another."""

    name: str
    last_timings: Timings

    def generate(
        self,
        prompt: Prompt,
        acceptor: Acceptor,
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]: ...

    def alternatives(
        self,
        n: int,
        within: float,
        *,
        max_tokens: int = 256,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[Candidate]: ...

    def question_logprobs(
        self, prompt: Prompt, statements: Sequence[str], *, cancelled: Callable[[], bool] | None = None
    ) -> list[float]: ...

    def statement_logprobs(
        self,
        prompt: Prompt,
        acceptor: Acceptor,
        statements: Sequence[str],
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> list[float]: ...

    def read(
        self, prompt: Prompt, cancelled: Callable[[], bool] | None = None, *, store: bool = True
    ) -> None: ...

    def close(self) -> None: ...


class Execute(Protocol):
    """Runs a statement in the sandbox; `timeout` in seconds, None for the user's own limit; see `Sandbox.execute`."""

    def __call__(
        self, sql: str, *, timeout: float | None = None, arrived: Arrived | None = None
    ) -> Result: ...


@dataclass
class Attempt:
    """Everything that one question needs.

    `prompt` builds the model's input, given the statement that failed last and its error. `mend` takes the pitfalls out
    of a statement, and says what it did; `propose` says what a statement may be meant to be. `check` raises
    Cancelled when the person has had enough.
    """

    model: TextModel
    acceptor: Acceptor
    prompt: Callable[[tuple[str, str] | None], Prompt]
    execute: Execute
    mend: Callable[[str], tuple[str, tuple[Amendment, ...]]]
    propose: Callable[[str], Sequence[Proposal]]
    check: Callable[[], None]
    cancelled: Callable[[], bool]
    trace: Trace
    tables: int = 0
    lower: Callable[[str], Lowered] = Lowered
    """Writes a statement for how the columns are stored; only what is run is written so."""
    parts: Sequence[str] = ()
    """The questions that the question holds, where it is not one."""
    answer_part: Callable[[str, Sequence[Turn]], Tried | None] = lambda part, before: None
    """The statement for one of these, given those before it; None where there is none."""
    join: Callable[[Sequence[str]], str] = lambda _: ""
    """One statement for the answers to all parts; "" where the grammar has none."""
    faults: Callable[[str], tuple[str, ...]] = lambda _: ()
    """What a statement says that cannot be meant."""
    _amended: dict[str, tuple[Amendment, ...]] = field(default_factory=dict)
    _read_back: dict[str, float] = field(default_factory=dict)

    def run(self, effort: Effort) -> Chosen:
        """The answer's statement and its rows. Raises NoAnswer, QueryTimeout, DatabaseError, Cancelled."""
        first = self._try(self._write(None))
        first_token = self.model.last_timings.first_token
        tried, found = [first], doubts(first)
        if effort.more:
            tried += self._alternatives(first, effort, found)
            tried += self._proposed(tried)
            tried += self._in_parts(tried)
        best, agreement = choose(tried, self._question_logprobs) if len(tried) > 1 else (first, 1.0)
        if best.result is None and effort.more:
            best, agreement = self._second_thought(first), 0.0
        if best.result is None:
            raise NoAnswer(
                f"The model found no statement that runs; SQLite said: {best.error}. Try other words."
            )
        if best.sql != self.trace.last_sql:  # the person must see the statement that made the rows
            self.trace.add("reason", "another statement was taken instead", best.sql, time.monotonic())
        amendments = self._amended.get(best.sql, ())
        return Chosen(
            best,
            best.result,
            tuple(self._with_question_logprob(one) for one in tried),
            agreement,
            amendments,
            amendments[0].before if amendments else best.sql,
            first_token,
            self.lower(best.sql),
        )

    # ---- writing ----

    def _write(self, failed: tuple[str, str] | None) -> Candidate:
        """The greedy statement."""
        self.trace.status("thinking")
        started = time.monotonic()
        candidates = self.model.generate(self.prompt(failed), self.acceptor, cancelled=self.cancelled)
        self.check()
        if not candidates or not candidates[0].sql.strip():
            raise NoAnswer("The model wrote no statement for this question; try other words.")
        best = self._mended(candidates[0])
        times = self.model.last_timings
        said = (
            f"{count(self.tables, 'table')} read, {count(best.tokens, 'token')} written by {self.model.name} "
            f"(prompt {times.prompt_tokens} tokens, {times.cached_tokens} kept from before, "
            f"first token after {times.first_token:.2f} s)"
        )
        if failed is not None:
            said += " knowing the error"
        if not best.finished:
            said += ", cut at the length limit"
        self.trace.add("reason", said, best.sql, started)
        return best

    def _alternatives(self, first: Tried, effort: Effort, found: Sequence[str]) -> list[Tried]:
        """The statements that are about as likely, and what came of each."""
        self.trace.status("weighing other statements")
        began = time.monotonic()
        candidates = self.model.alternatives(
            effort.more,
            max(effort.within, DOUBTED if found else 0.0),
            max_tokens=min(LONGEST, max(SHORTEST, 2 * first.candidate.tokens)),
            cancelled=self.cancelled,
        )
        self.check()
        candidates = [self._mended(candidate) for candidate in candidates if candidate.sql.strip()]
        if not candidates:
            return []
        why = f" because {' and '.join(found)}" if found else ""
        self.trace.add("reason", f"{count(len(candidates), 'other statement')} weighed{why}", None, began)
        began = time.monotonic()
        known = {first.sql: first}
        tried: list[Tried] = []
        for candidate in candidates:
            if candidate.sql not in known:
                known[candidate.sql] = self._quietly(candidate)
            seen = known[candidate.sql]
            tried.append(replace(seen, candidate=replace(candidate, sql=seen.sql)))
        self.trace.add("act", f"{count(len(known) - 1, 'different one')} run", None, began)
        return tried

    def _proposed(self, tried: Sequence[Tried]) -> list[Tried]:
        """What the statements may be meant to be, as likely as the model finds that beside what it wrote itself.

        One with a lead of its own counts beside the same statement of the model's: both speak for it. What several
        statements may be meant to be is as likely as the likeliest of them makes it.
        """
        written = {one.sql: one for one in reversed(tried)}
        likeliest: dict[str, tuple[Tried, Proposal]] = {}
        for source in written.values():
            for proposal in self.propose(source.sql):
                if proposal.sql in written and proposal.lead is None:
                    continue
                other = likeliest.get(proposal.sql)
                if other is None or _support(source, proposal) > _support(*other):
                    likeliest[proposal.sql] = source, proposal
        found = list(likeliest.values())
        if not found:
            return []
        self.trace.status("weighing what may be meant")
        began = time.monotonic()
        judged = [(source, one) for source, one in found if one.lead is None]
        texts = list(dict.fromkeys(text for source, one in judged for text in (source.sql, one.sql)))
        weights: Sequence[float] = ()
        if texts:
            weights = self.model.statement_logprobs(
                self.prompt(None), self.acceptor, texts, cancelled=self.cancelled
            )
        self.check()
        logprobs = dict(zip(texts, weights, strict=True))
        made = []
        for source, one in found:
            lead = one.lead
            if lead is None:
                lead = logprobs[one.sql] - logprobs[source.sql] + one.prior
            candidate = replace(source.candidate, sql=one.sql, logprob=source.candidate.logprob + lead)
            heard_as = source.sql if one.lead is not None else ""
            if one.sql in written:
                made.append(replace(written[one.sql], candidate=candidate, heard_as=heard_as))
                continue
            self._amended.setdefault(one.sql, (*self._amended.get(source.sql, ()), *one.amendments))
            made.append(replace(self._quietly(candidate), heard_as=heard_as))
        rules = ", ".join(dict.fromkeys(each.rule for _, one in found for each in one.amendments))
        said = f"{count(len(made), 'statement')} proposed that may be meant ({rules})"
        self.trace.add("reason", said, None, began)
        return made

    def _in_parts(self, tried: Sequence[Tried]) -> list[Tried]:
        """The answers to the parts of a question in one row; nothing where a part has not just one value."""
        if len(self.parts) < 2:
            return []
        self.trace.status("answering each part")
        began = time.monotonic()
        turns: list[Turn] = []
        for part in self.parts:
            answered = self.answer_part(part, turns)
            if answered is None or answered.result is None:
                return []
            if len(answered.result.rows) != 1 or len(answered.result.columns) != 1:
                return []
            turns.append(Turn(part, answered.sql))
        if len({turn.sql for turn in turns}) < len(turns):
            return []  # what one statement answers is one question, or is understood in no part
        sql = self.join([turn.sql for turn in turns])
        first = tried[0]
        if not sql or any(one.sql == sql for one in tried):
            return []
        self.trace.add("reason", f"{len(turns)} questions in one, answered side by side", sql, began)
        likeliest = max(one.candidate.logprob for one in tried)
        candidate = replace(first.candidate, sql=sql, logprob=likeliest + JOINED)
        why = "Each part of the question was answered by itself."
        self._amended.setdefault(sql, (Amendment("parts", first.sql, sql, why),))
        return [self._quietly(candidate)]

    def _question_logprobs(self, statements: Sequence[str]) -> list[float]:
        """How likely each statement makes the question."""
        self.trace.status("reading the statements back")
        began = time.monotonic()
        found = self.model.question_logprobs(self.prompt(None), statements, cancelled=self.cancelled)
        self.check()
        self._read_back.update(zip(statements, found, strict=True))
        said = f"{count(len(statements), 'statement')} with different rows read back as questions"
        self.trace.add("reason", said, None, began)
        return found

    def _with_question_logprob(self, tried: Tried) -> Tried:
        return replace(
            tried,
            candidate=replace(
                tried.candidate, question_logprob=self._read_back.get(tried.heard_as or tried.sql)
            ),
        )

    def _second_thought(self, failed: Tried) -> Tried:
        """What the model writes once it knows the error; the failed one when it has nothing better to say."""
        candidate = self._write((failed.sql, failed.error))
        return failed if candidate.sql == failed.sql else self._try(candidate)

    def _mended(self, candidate: Candidate) -> Candidate:
        sql, amendments = self.mend(candidate.sql)
        if sql == candidate.sql:
            self._amended.pop(sql, None)  # the model wrote by itself what another statement was mended to
            return candidate
        self._amended[sql] = amendments
        return replace(candidate, sql=sql)

    # ---- running ----

    def _try(self, candidate: Candidate) -> Tried:
        """Run a statement and say so."""
        self.trace.status("running the statement")
        started = time.monotonic()
        try:
            lowered = self.lower(candidate.sql)
            result = self.execute(lowered.sql, arrived=self.trace.arrived)
        except QueryError as error:
            self.trace.add("act", "the statement was refused", candidate.sql, started)
            self.trace.add("observe", str(error), None, time.monotonic())
            return Tried(candidate, None, str(error).rstrip("."))
        self.check()
        said = "the statement ran" + (", written for how columns are stored" if lowered.notes else "")
        self.trace.add("act", said, lowered.sql, started)
        rows = count(len(result.rows), "row")
        shape = f"{rows} of {count(len(result.columns), 'column')}" if result.rows else "no rows"
        self.trace.add("observe", shape + (", cut" if result.truncated else ""), None, time.monotonic())
        return Tried(candidate, result, faults=self.faults(candidate.sql))

    def _quietly(self, candidate: Candidate) -> Tried:
        """Run a statement that is only there to be compared."""
        try:
            result = self.execute(self.lower(candidate.sql).sql, timeout=PATIENCE)
        except (QueryError, QueryTimeout) as error:
            self.check()
            return Tried(candidate, None, str(error).rstrip("."))
        self.check()
        return Tried(candidate, result, faults=self.faults(candidate.sql))


def count(number: int, noun: str) -> str:
    """A number and its noun, in the right number."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _support(source: Tried, proposal: Proposal) -> float:
    """ln of how likely a statement makes what it may be meant to be, as far as that is known before it is weighed."""
    return source.candidate.logprob + (proposal.prior if proposal.lead is None else proposal.lead)
