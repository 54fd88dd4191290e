"""Say how far an answer may be trusted: sure, fairly sure, or doubtful and why.

The bounds are on `Answer.confidence`, which is fitted to be the share of such answers that are right.
"""

from __future__ import annotations

from sqlagent.agent.answer import Answer

SURE, FAIRLY = 0.85, 0.6
SPLIT = 0.8
"""Share of the probability behind the rows under which the other statements are worth a word."""
SURPRISE = -2.3
"""ln p of a token under which the model would rather have written another one."""
CLOSE = 0.2
"""Lead of the first choice over the second, at the closest decision, that is next to none."""


def word(answer: Answer) -> str:
    """A word for an answer's confidence; below a bound with what was unsure."""
    if answer.confidence >= SURE:
        return "sure"
    if answer.confidence >= FAIRLY:
        return "fairly sure"
    return f"doubtful: {' and '.join(reasons(answer))}"


def is_doubtful(answer: Answer) -> bool:
    """Whether the other reading should be offered."""
    return answer.confidence < FAIRLY


def reasons(answer: Answer) -> list[str]:
    """What speaks against an answer; at least one phrase."""
    seen, found = answer.evidence, []
    if seen is not None:
        if seen.weighed and seen.agreement < SPLIT:
            found.append("statements about as likely give other rows")
        if seen.empty:
            found.append("nothing was found")
        if seen.cut:
            found.append("the statement was cut")
        if not found and seen.min_token_logprob < SURPRISE:
            found.append("the grammar barred what the model would have written")
        if not found and seen.margin < CLOSE:
            found.append("one choice in the statement was close")
    return found or ["the model was not certain of its words"]


def readings(answer: Answer) -> list[str]:
    """The other statements that were weighed, the likeliest first, each once."""
    others = sorted(answer.tried, key=lambda one: one.logprob, reverse=True)
    return [sql for sql in dict.fromkeys(one.sql for one in others) if sql != answer.sql]
