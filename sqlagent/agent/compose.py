"""Make the answer of what was chosen: its rows, what they are, how sure they are, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlagent.agent.answer import Answer, Step
from sqlagent.agent.confidence import confidence, evidence, is_calibrated

if TYPE_CHECKING:
    from sqlagent.agent.selection import Chosen
    from sqlagent.sql.reading import Reading


def composed(
    question: str,
    reading: Reading | None,
    model: str,
    chosen: Chosen,
    steps: Sequence[Step],
    timings: dict[str, float],
    notes: Sequence[str],
    *,
    doubted: bool,
) -> Answer:
    """The answer. notes: sentences, "" where there is nothing to say. doubted: whether one of them is a doubt."""
    from sqlagent.sql.explain import said

    best, result, found = chosen.best, chosen.result, evidence(chosen, doubted=doubted)
    cut = (
        "" if best.candidate.finished else "The statement was cut at the length limit and may be incomplete."
    )
    return Answer(
        question=question,
        sql=chosen.lowered.sql,
        logical=best.sql if chosen.lowered.sql != best.sql else "",
        stored_as=chosen.lowered.results,
        columns=result.columns,
        rows=result.rows,
        truncated=result.truncated,
        confidence=confidence(found),
        calibrated=is_calibrated(model),
        evidence=found,
        steps=tuple(steps),
        timings=timings,
        note=" ".join(filter(None, [*notes, cut])),
        words=said(reading) if reading else "",
        tried=tuple(one.candidate for one in chosen.tried),
        written=chosen.written,
        amendments=chosen.amendments,
    )
