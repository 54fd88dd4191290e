"""What a follow-up leaves unsaid: the conditions and the columns of the statement that it goes on from.

"Cheapest first" means those that were asked for, not all there are. A small model often writes the new part well and
leaves out the old one; the old statement is there, so nothing has to be guessed.

Invariant: what comes out is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended
from sqlagent.amend.follow_up_order import completed
from sqlagent.amend.phrase import Phrase
from sqlagent.amend.plain_select import Condition, PlainSelect, plain
from sqlagent.amend.question_phrases import COMMAND
from sqlagent.amend.rule import Meaning
from sqlagent.base.word_forms import name_words, stem
from sqlagent.base.word_forms import words as said_words
from sqlagent.database.schema import fold
from sqlagent.sql.lexer import Token
from sqlagent.sql.parser import Unreadable
from sqlagent.sql.reading import Reading

_ANEW = Phrase(
    r"\b(?:all|every|everything|everyone|entire|whole|overall|altogether|anywhere|regardless|ignore|ignoring|without"
    r"|remove|drop)\b"
    r"|\bnot (?:only|just)\b|\bin total\b"
)
"""Words that may lift a condition."""
_SWAPS = re.compile(
    r"(?:(?:and|but|so|or|now|then|ok|okay)\b,?\s*)*(?:(?:what|how) about\b|(?:the )?same\b)"
    r"|(?:and|but|or)\b,?\s*(?:only |just )?(?:in|for|by|from|to|at|on|of|with)\b",
    re.IGNORECASE,
)
"""How a question begins that puts another value in the place of one."""
_NARROWS = re.compile(
    r"(?:(?:and|but|so|now|then|ok|okay|please|just|only)\b,?\s*)*"
    r"(?:(?:those|these|them|the ones|(?:the )?(?:\d+ )?\w+est(?: ones)?\b|(?:the )?(?:top|first|last)\b)"
    r"|(?:sort|order|rank|arrange)\b|(?:sorted|ordered|ranked|alphabetical(?:ly)?|(?:a|de)scending|in \w+ order)\b)",
    re.IGNORECASE,
)
"""How a question begins that asks for fewer rows, or for the same in another order."""
_ABOUT = re.compile(r"\b(?:what|how) about\b", re.IGNORECASE)
_ASKS = re.compile(rf"\b{COMMAND}\b", re.IGNORECASE)
_WORDS = """the a an and or but so of in for by from to at on with than as those these them one ones about same
    only just now then what how please ok okay above below over under more fewer less before after since until between
    not named called starting beginning ending"""
_SMALL = frozenset(_WORDS.split())
"""Words that do not say what is asked for."""


def carried(
    question: str, reading: Reading, before: Sequence[str], accepts: Callable[[str], bool]
) -> Amended:
    """A follow-up's statement with what the last one asked for and it does not replace.

    before: the statements that it goes on from, oldest first. accepts: whether the grammar accepts a statement.
    Left alone: statements of several SELECTs or with names for tables, and questions that may lift a condition.
    """
    if not before or _ANEW.search(question):
        return Amended(reading.sql)
    try:
        *older, old = (plain(reading.another(one)) for one in before)
    except Unreadable:
        return Amended(reading.sql)
    if old is None:
        return Amended(reading.sql)
    whole = completed(question, old)
    if whole is not None and accepts(whole[0].sql):
        return Amended(whole[0].sql, f"Kept from the question before: {whole[1]}.")
    new = plain(reading)
    if new is None:
        return Amended(reading.sql)
    new, renewed = _with_last_values(question, new, old, [one for one in older if one is not None])
    made, kept = _with_other_value(question, new, old), ["all but the value"]
    if made is None:
        swaps = bool(_SWAPS.match(question))
        made, kept = _with_conditions(new, old, swaps)
        if swaps or _NARROWS.match(question) or _names_values(question, new):
            items = _with_items(question, made, old)
            kept += ["the columns"] if items.sql != made.sql else []
            made = items
    if made.sql == reading.sql or not accepts(made.sql):
        return Amended(reading.sql)
    return Amended(made.sql, f"Kept from the question before: {' and '.join([*renewed, *kept])}.")


RULE = Meaning("follow_up", lambda now, about: carried(about.question, now, about.before, about.accepts))


def _with_other_value(question: str, new: PlainSelect, old: PlainSelect) -> PlainSelect | None:
    """The old parts with conditions of the new ones in the place of theirs; None where more than a value changes.

    "And above 15?" says no more than that: every word of it is of the condition, or small.
    """
    if _ASKS.search(_ABOUT.sub("", question, count=1)):
        return None
    conditions = [one.text for one in old.conditions]
    places = {one.keys: i for i, one in enumerate(old.conditions)}
    said: set[str] = set()
    for one in new.conditions:
        place = places.get(one.keys)
        if place is None:
            return None
        made = one.said_by(old)
        if made != old.conditions[place].said_by(old):
            conditions[place] = made
            said |= {stem(part) for token in _tokens(one) for part in name_words(token.text)}
    return old.where(conditions) if said and _content(question) <= said else None


def _tokens(condition: Condition) -> list[Token]:
    return condition.of.reading.statement.tokens_of(condition.node)


def _content(question: str) -> set[str]:
    """The stems of the words that say what is asked for."""
    return {stem(word) for word in said_words(question) if word not in _SMALL}


def _names_values(question: str, new: PlainSelect) -> bool:
    """Whether a question names texts of the new conditions and nothing else: "only Paris"."""
    texts = [token.text for one in new.conditions for token in _tokens(one) if token.kind == "text"]
    return bool(texts) and _content(question) <= {stem(part) for text in texts for part in said_words(text)}


def _with_last_values(
    question: str, new: PlainSelect, old: PlainSelect, older: Sequence[PlainSelect]
) -> tuple[PlainSelect, list[str]]:
    """The new parts with the last conditions for those of a question before it, and the conditions put in.

    Once Germany was left for Mexico, "how many are there?" asks of Mexico.
    """
    past = {one.text for parts in older for one in parts.conditions}
    latest = {one.keys: one for one in old.conditions}
    conditions, put = [one.text for one in new.conditions], []
    for i, one in enumerate(new.conditions):
        now = latest.get(one.keys, one)
        if one.text in past and one.text != now.text and not _says(question, one):
            conditions[i] = now.said_by(new)
            put.append(conditions[i])
    return (new.where(conditions), put) if put else (new, [])


def _says(question: str, condition: Condition) -> bool:
    """Whether a question says a value of a condition."""
    tokens = [token for token in _tokens(condition) if token.kind in ("text", "number")]
    return any(token.text.strip("'%").lower() in question.lower() for token in tokens)


def _with_conditions(new: PlainSelect, old: PlainSelect, swaps: bool) -> tuple[PlainSelect, list[str]]:
    """The new parts with the conditions of the old ones that they say nothing of, and those conditions."""
    told = new.keys_of("where", "group", "having")
    if new.has("group"):
        told |= new.keys_of("items")
    theirs = old.conditions
    left = [one for one in theirs if one.keys and not one.keys & told]
    if not left or (swaps and len(left) == len(theirs)) or (new.has("where") and not new.conditions):
        return new, []
    has, had = ({fold(table.name) for table in parts.tables} for parts in (new, old))
    if not {table for one in left for table, _ in one.keys} <= has:
        if not has <= had:
            return new, []
        new = new.over(old.clause("sources"), old.tables)
    kept = [one.said_by(new) for one in left]
    return new.where([*kept, *(one.text for one in new.conditions)]), kept


def _with_items(question: str, new: PlainSelect, old: PlainSelect) -> PlainSelect:
    """The new parts selecting what the old ones did, where both select columns and the question names none of them.

    What was counted or added up still is, of fewer rows.
    """
    everything = new.all_columns and not new.select.distinct
    if new.has("group") or old.has("group") or not (new.plain or everything):
        return new
    if not old.plain and (new.has("order") or new.has("limit")):
        return new
    used = new.keys_of("where", "group", "having", "order", "limit")
    before = old.keys_of("items")
    said = {stem(word) for word in said_words(question)}
    for column in new.columns(*new.select.items):
        words = {stem(word) for word in name_words(column.name.text)}
        if new.key(column) not in before | used and said & words:
            return new
    if not {table for table, _ in before} <= {fold(table.name) for table in new.tables}:
        return new
    return new.selecting(old)
