"""What a follow-up leaves unsaid: the conditions and the columns of the statement that it goes on from.

"Cheapest first" means those that were asked for, not all there are. A small model often writes the new part well and
leaves out the old one; the old statement is there, so nothing has to be guessed.

Invariant: what comes out is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlagent.amend.amendment import Amended
from sqlagent.amend.follow_up_order import completed
from sqlagent.amend.question_phrases import COMMAND
from sqlagent.base.word_forms import name_words, stem
from sqlagent.base.word_forms import words as said_words
from sqlagent.database.schema import Schema, fold
from sqlagent.sql.clauses import CLAUSES, Clauses, columns, read
from sqlagent.sql.old_lexer import Unreadable, words

_ANEW = re.compile(
    r"\b(?:all|every|everything|everyone|entire|whole|overall|altogether|anywhere|regardless|ignore|ignoring|without"
    r"|remove|drop)\b"
    r"|\bnot (?:only|just)\b|\bin total\b",
    re.IGNORECASE,
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
    question: str, sql: str, before: Sequence[str], schema: Schema, takes: Callable[[str], bool]
) -> Amended:
    """A follow-up's canonical statement with what the last one asked for and it does not replace.

    before: the statements that it goes on from, oldest first. takes: whether the grammar takes a statement.
    Left alone: statements of several SELECTs or with names for tables, and questions that may lift a condition.
    """
    if not before or _ANEW.search(question):
        return Amended(sql)
    try:
        new, *older, old = (read(one, schema) for one in (sql, *before))
        if old is None:
            return Amended(sql)
        whole = completed(question, old)
        if whole is not None and takes(whole[0].sql()):
            return Amended(whole[0].sql(), f"Kept from the question before: {whole[1]}.")
        if new is None:
            return Amended(sql)
        new, renewed = _with_last_values(question, new, old, [one for one in older if one is not None])
        made, kept = _with_other_value(question, new, old), ["all but the value"]
        if made is None:
            swaps = bool(_SWAPS.match(question))
            made, kept = _with_conditions(new, old, swaps)
            if swaps or _NARROWS.match(question) or _names_values(question, new):
                items = _with_items(question, made, old)
                kept += ["the columns"] if items.select != made.select else []
                made = items
    except Unreadable:
        return Amended(sql)
    text = made.sql()
    if text == sql or not takes(text):
        return Amended(sql)
    return Amended(text, f"Kept from the question before: {' and '.join([*renewed, *kept])}.")


def _with_other_value(question: str, new: Clauses, old: Clauses) -> Clauses | None:
    """The old parts with conditions of the new ones in the place of theirs; None where more than a value changes.

    "And above 15?" says no more than that: every word of it is of the condition, or small.
    """
    if _ASKS.search(_ABOUT.sub("", question, count=1)):
        return None
    conditions = old.conditions
    places = {old.keys(text): i for i, text in enumerate(conditions)}
    said: set[str] = set()
    for text in new.conditions:
        place = places.get(new.keys(text))
        if place is None:
            return None
        made = old.own(text, new)
        if made != old.own(conditions[place], old):
            conditions[place] = made
            said |= {stem(part) for word in words(text) for part in name_words(word.text)}
    return old.where(conditions) if said and _content(question) <= said else None


def _content(question: str) -> set[str]:
    """The stems of the words that say what is asked for."""
    return {stem(word) for word in said_words(question) if word not in _SMALL}


def _names_values(question: str, new: Clauses) -> bool:
    """Whether a question names texts of the new conditions and nothing else: "only Paris"."""
    texts = [word.text for text in new.conditions for word in words(text) if word.kind == "text"]
    return bool(texts) and _content(question) <= {stem(part) for text in texts for part in said_words(text)}


def _with_last_values(
    question: str, new: Clauses, old: Clauses, older: Sequence[Clauses]
) -> tuple[Clauses, list[str]]:
    """The new parts with the last conditions for those of a question before it, and the conditions put in.

    Once Germany was left for Mexico, "how many are there?" asks of Mexico.
    """
    past = {text for parts in older for text in parts.conditions}
    latest = {old.keys(text): text for text in old.conditions}
    conditions, put = new.conditions, []
    for i, text in enumerate(conditions):
        now = latest.get(new.keys(text), text)
        if text in past and text != now and not _says(question, text):
            conditions[i] = new.own(now, old)
            put.append(conditions[i])
    return (new.where(conditions), put) if put else (new, [])


def _says(question: str, condition: str) -> bool:
    """Whether a question says a value of a condition."""
    values = [w.text.strip("'%").lower() for w in words(condition) if w.kind in ("text", "number")]
    return any(value in question.lower() for value in values)


def _with_conditions(new: Clauses, old: Clauses, swaps: bool) -> tuple[Clauses, list[str]]:
    """The new parts with the conditions of the old ones that they say nothing of, and those conditions."""
    told = new.keys(" ".join(new[clause] for clause in ("WHERE", "GROUP", "HAVING")))
    if new["GROUP"]:
        told |= new.keys(new.select)
    theirs = old.conditions
    left = [text for text in theirs if (keys := old.keys(text)) and not keys & told]
    if not left or (swaps and len(left) == len(theirs)) or (new["WHERE"] and not new.conditions):
        return new, []
    has, had = ({fold(table.name) for table in parts.tables} for parts in (new, old))
    if not {table for text in left for table, _ in old.keys(text)} <= has:
        if not has <= had:
            return new, []
        new = new.over(old["FROM"], old.tables)
    left = [new.own(text, old) for text in left]
    return new.where([*left, *new.conditions]), left


def _with_items(question: str, new: Clauses, old: Clauses) -> Clauses:
    """The new parts selecting what the old ones did, where both select columns and the question names none of them.

    What was counted or added up still is, of fewer rows.
    """
    if new["GROUP"] or old["GROUP"] or not (new.plain or new.items == "*"):
        return new
    if not old.plain and (new["ORDER"] or new["LIMIT"]):
        return new
    used = new.keys(" ".join(new[clause] for clause in CLAUSES[1:]))
    before = old.keys(old.select)
    said = {stem(word) for word in said_words(question)}
    for column in columns(new.select, new.tables):
        if column.key not in before | used and said & {stem(word) for word in name_words(column.name)}:
            return new
    if not {table for table, _ in before} <= {fold(table.name) for table in new.tables}:
        return new
    return replace(new, select=new.own(old.select, old))
