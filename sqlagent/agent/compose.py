"""Make the answer of what was chosen: its rows, what they are, how sure they are, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Answer, Step
from sqlagent.agent.confidence import confidence, evidence, is_calibrated

if TYPE_CHECKING:
    from sqlagent.agent.asking import Asking
    from sqlagent.agent.selection import Chosen
    from sqlagent.sql.reading import Reading


def composed(
    asking: Asking, chosen: Chosen, steps: Sequence[Step], timings: dict[str, float], doubt: str
) -> Answer:
    """The answer. doubt: a sentence about whether the database holds what was asked; "" where that is clear."""
    from sqlagent.amend.periods import counted_back
    from sqlagent.amend.rules import GUESSED
    from sqlagent.sql.explain import said

    about, best, result = asking.about, chosen.best, chosen.result
    reading = about.statements.find(best.sql)
    doubts = [doubt, *_doubts(asking, chosen, reading)]
    guessed = any(one.rule in GUESSED for one in chosen.amendments)
    found = evidence(chosen, doubted=any(doubts) or guessed)
    notes = [
        asking.schema.notice,
        *(one.why for one in chosen.amendments),
        counted_back(about.question, best.sql, about.today),
        *chosen.lowered.notes,
        *best.faults,
        *doubts,
        "" if best.candidate.finished else "The statement was cut at the length limit and may be incomplete.",
    ]
    return Answer(
        question=about.question,
        sql=chosen.lowered.sql,
        logical=best.sql if chosen.lowered.sql != best.sql else "",
        stored_as=chosen.lowered.results,
        columns=result.columns,
        rows=result.rows,
        truncated=result.truncated,
        confidence=confidence(found),
        calibrated=is_calibrated(asking.model.name),
        evidence=found,
        steps=tuple(steps),
        timings=timings,
        note=" ".join(filter(None, notes)),
        words=said(reading) if reading else "",
        tried=tuple(one.candidate for one in chosen.tried),
        written=chosen.written,
        amendments=chosen.amendments,
    )


def _doubts(asking: Asking, chosen: Chosen, reading: Reading | None) -> list[str]:
    """What speaks against a statement though it ran, a sentence each; "" for what does not."""
    from sqlagent.agent.answer_kind import unfit
    from sqlagent.agent.question_parts import half_answered
    from sqlagent.agent.unread import unread
    from sqlagent.amend.added_keys import averaged_key
    from sqlagent.amend.analysis.months_of_years import merged_years
    from sqlagent.amend.fan_out import doubled
    from sqlagent.amend.ties import tied
    from sqlagent.amend.ungrouped import any_of_several

    about = asking.about
    return [
        unread(asking.schema, about.question),
        doubled(reading, about.has_rows) if reading else "",
        averaged_key(reading) if reading else "",
        half_answered(asking.parts, chosen),
        tied(reading, about.has_rows) if reading else "",
        merged_years(reading, about.has_rows) if reading else "",
        any_of_several(reading, about.has_rows) if reading else "",
        "" if about.history else unfit(about.question, chosen.result),
    ]
