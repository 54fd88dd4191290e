"""What a follow-up leaves unsaid: the conditions and the columns of the statement that it goes on from.

"Cheapest first" means those that were asked for, not all there are. A small model often writes the new part well and
leaves out the old one; the old statement is there, so nothing has to be guessed.

Invariant: what comes out is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from sqlagent.conversation import COMMAND
from sqlagent.grammar.names import quote
from sqlagent.schema import Schema, Table, fold
from sqlagent.sql_words import Unreadable, Word, words
from sqlagent.superlatives import Turned
from sqlagent.text import name_words, stem
from sqlagent.text import words as said_words

_ANEW = re.compile(
    r"\b(?:all|every|everything|everyone|entire|whole|overall|altogether|anywhere|regardless|ignore|ignoring|without|remove|drop)\b"
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
_WORDS = """the a an and or but so of in for by from to at on with without than as those these them one ones about same
    only just now then what how please ok okay above below over under more fewer less before after since until between
    not named called starting beginning ending"""
_SMALL = frozenset(_WORDS.split())
"""Words that do not say what is asked for."""
_CLAUSES = ("FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT")


@dataclass(frozen=True, slots=True)
class _Column:
    """A column named in a statement: the words from `start` to before `end`."""

    start: int
    end: int
    table: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        return fold(self.table), fold(self.name)


@dataclass(frozen=True)
class _Parts:
    """A statement of one SELECT over tables with their own names: its text by clause, "" for those it lacks."""

    select: str
    text: dict[str, str]
    tables: tuple[Table, ...]

    def __getitem__(self, clause: str) -> str:
        return self.text.get(clause, "")

    @property
    def items(self) -> str:
        """What it selects, DISTINCT included."""
        return self.select.removeprefix("SELECT").strip()

    def sql(self) -> str:
        return " ".join([self.select, *(self.text[clause] for clause in _CLAUSES if clause in self.text)])


def carried(
    question: str, sql: str, before: Sequence[str], schema: Schema, takes: Callable[[str], bool]
) -> Turned:
    """A follow-up's canonical statement with what the last one asked for and it does not replace.

    before: the statements that it goes on from, oldest first. takes: whether the grammar takes a statement.
    Left alone: statements of several SELECTs or with names for tables, and questions that may lift a condition.
    """
    if _ANEW.search(question):
        return Turned(sql)
    try:
        parts = [_parts(one, schema) for one in (sql, *before)]
        new, *older, old = parts if len(parts) > 1 else (None, None)
        if new is None or old is None:
            return Turned(sql)
        new, renewed = _with_last_values(question, new, old, [one for one in older if one is not None])
        made, kept = _with_other_value(question, new, old), ["all but the value"]
        if made is None:
            swaps = bool(_SWAPS.match(question))
            made, kept = _with_conditions(new, old, swaps)
            if swaps or _NARROWS.match(question):
                items = _with_items(question, made, old)
                kept += ["the columns"] if items.select != made.select else []
                made = items
    except Unreadable:
        return Turned(sql)
    text = made.sql()
    if text == sql or not takes(text):
        return Turned(sql)
    return Turned(text, f"Kept from the question before: {' and '.join([*renewed, *kept])}.")


def _with_other_value(question: str, new: _Parts, old: _Parts) -> _Parts | None:
    """The old parts with conditions of the new ones in the place of theirs; None where more than a value changes.

    "And above 15?" says no more than that: every word of it is of the condition, or small.
    """
    if _ASKS.search(_ABOUT.sub("", question, count=1)):
        return None
    mine, theirs = _conjuncts(new["WHERE"]), _conjuncts(old["WHERE"])
    places = {frozenset(c.key for c in _columns(text, old.tables)): i for i, text in enumerate(theirs)}
    said: set[str] = set()
    several = len(old.tables) > 1
    for text in mine:
        place = places.get(frozenset(c.key for c in _columns(text, new.tables)))
        if place is None:
            return None
        made = _qualified(text, old.tables, several)
        if made != _qualified(theirs[place], old.tables, several):
            theirs[place] = made
            said |= {stem(part) for word in words(text) for part in name_words(word.text)}
    content = {stem(word) for word in said_words(question) if word not in _SMALL}
    if not said or not content <= said:
        return None
    return replace(old, text={**old.text, "WHERE": "WHERE " + " AND ".join(theirs)})


def _with_last_values(
    question: str, new: _Parts, old: _Parts, older: Sequence[_Parts]
) -> tuple[_Parts, list[str]]:
    """The new parts with the last conditions for those of a question before it, and the conditions put in.

    Once Germany was left for Mexico, "how many are there?" asks of Mexico.
    """
    past = {text for parts in older for text in _conjuncts(parts["WHERE"])}
    latest = {frozenset(c.key for c in _columns(text, old.tables)): text for text in _conjuncts(old["WHERE"])}
    mine, put = _conjuncts(new["WHERE"]), []
    for i, text in enumerate(mine):
        now = latest.get(frozenset(c.key for c in _columns(text, new.tables)), text)
        if text in past and text != now and not _says(question, text):
            mine[i] = _qualified(now, old.tables, len(new.tables) > 1)
            put.append(mine[i])
    if not put:
        return new, []
    return replace(new, text={**new.text, "WHERE": "WHERE " + " AND ".join(mine)}), put


def _says(question: str, condition: str) -> bool:
    """Whether a question says a value of a condition."""
    values = [w.text.strip("'%").lower() for w in words(condition) if w.kind in ("text", "number")]
    return any(value in question.lower() for value in values)


def _with_conditions(new: _Parts, old: _Parts, swaps: bool) -> tuple[_Parts, list[str]]:
    """The new parts with the conditions of the old ones that they say nothing of, and those conditions."""
    ours = {c.key for clause in ("WHERE", "GROUP", "HAVING") for c in _columns(new[clause], new.tables)}
    ours |= {c.key for c in _columns(new.select, new.tables) if new["GROUP"]}
    theirs = [(text, {c.key for c in _columns(text, old.tables)}) for text in _conjuncts(old["WHERE"])]
    left = [text for text, keys in theirs if keys and not keys & ours]
    if not left or (swaps and len(left) == len(theirs)) or (new["WHERE"] and not _conjuncts(new["WHERE"])):
        return new, []
    needed = {fold(c.table) for text in left for c in _columns(text, old.tables)}
    has, had = ({fold(t.name) for t in parts.tables} for parts in (new, old))
    if not needed <= has:
        if not has <= had:
            return new, []
        new = _over(new, old.tables, old["FROM"])
    left = [_qualified(text, old.tables, len(new.tables) > 1) for text in left]
    mine = new["WHERE"].removeprefix("WHERE").strip()
    where = "WHERE " + " AND ".join([*left, *([mine] if mine else [])])
    return replace(new, text={**new.text, "WHERE": where}), left


def _with_items(question: str, new: _Parts, old: _Parts) -> _Parts:
    """The new parts selecting what the old ones did, where both select columns and the question names none of them.

    What was counted or added up still is, of fewer rows.
    """
    if new["GROUP"] or old["GROUP"] or not (_plain(new) or new.items == "*"):
        return new
    if not _plain(old) and (new["ORDER"] or new["LIMIT"]):
        return new
    used = {c.key for clause in _CLAUSES[1:] for c in _columns(new[clause], new.tables)}
    before = {c.key for c in _columns(old.select, old.tables)}
    said = {stem(word) for word in said_words(question)}
    for column in _columns(new.select, new.tables):
        if column.key not in before | used and said & {stem(word) for word in name_words(column.name)}:
            return new
    if not {table for table, _ in before} <= {fold(t.name) for t in new.tables}:
        return new
    return replace(new, select=_qualified(old.select, old.tables, len(new.tables) > 1))


def _plain(parts: _Parts) -> bool:
    """Whether it selects columns alone."""
    items = parts.items.removeprefix("DISTINCT ")
    found = sum(1 for _ in _columns(items, parts.tables))
    return found == sum(1 for _ in _split(words(items), ",")) and "(" not in items


def _over(parts: _Parts, tables: tuple[Table, ...], source: str) -> _Parts:
    """The same over more tables, its columns with their tables' names."""
    clauses = {k: _qualified(v, parts.tables, True) for k, v in parts.text.items() if k != "FROM"}
    return _Parts(_qualified(parts.select, parts.tables, True), {"FROM": source, **clauses}, tables)


def _parts(sql: str, schema: Schema) -> _Parts | None:
    """The clauses of a canonical statement; None where it is no plain SELECT. Raises Unreadable."""
    found = words(sql)
    if not found or found[0].text != "SELECT":
        return None
    starts: list[tuple[str, int]] = []
    depth = 0
    for i, word in enumerate(found):
        depth += (word.text == "(") - (word.text == ")")
        if word.kind == "name" and i:
            if word.text in ("SELECT", "WITH", "UNION", "INTERSECT", "EXCEPT", "AS"):
                return None
            if not depth and word.text in _CLAUSES:
                starts.append((word.text, word.start))
    ends = [start for _, start in starts[1:]] + [len(sql)]
    text = {clause: sql[start:end].strip() for (clause, start), end in zip(starts, ends, strict=True)}
    tables = _tables(text.get("FROM", ""), schema)
    if not starts or starts[0][0] != "FROM" or tables is None:
        return None
    return _Parts(sql[: starts[0][1]].strip(), text, tables)


def _tables(source: str, schema: Schema) -> tuple[Table, ...] | None:
    """The tables of a FROM clause; None where it holds anything else, or one of them twice."""
    known = {fold(table.name): table for table in schema.tables}
    named: list[Table] = []
    found = words(source)
    for before, word in zip(found, found[1:], strict=False):
        if before.text in ("FROM", "JOIN"):
            table = known.get(fold(_name(word)))
            if table is None or table in named:
                return None
            named.append(table)
    return tuple(named) or None


def _columns(text: str, tables: Sequence[Table]) -> Iterator[_Column]:
    """The columns that a part of a statement names, in order. Raises Unreadable for one of none of the tables."""
    found = words(text)
    i = 0
    while i < len(found):
        word, after = found[i], found[i + 1 : i + 3]
        if word.kind in ("name", "quoted") and [w.text for w in after[:1]] == ["."] and len(after) > 1:
            table = next((t for t in tables if fold(t.name) == fold(_name(word))), None)
            if table is None:
                raise Unreadable(word.text)
            if after[1].text != "*":
                yield _Column(word.start, after[1].end, table.name, _name(after[1]))
            i += 3
            continue
        if word.kind in ("name", "quoted") and [w.text for w in after[:1]] != ["("]:
            for table in tables:
                if any(fold(c.name) == fold(_name(word)) for c in table.columns):
                    yield _Column(word.start, word.end, table.name, _name(word))
                    break
        i += 1


def _qualified(text: str, tables: Sequence[Table], several: bool) -> str:
    """A part with its columns as they are named where there are several tables, or one."""
    made, at = "", 0
    for column in _columns(text, tables):
        name = quote(column.name)
        made += text[at : column.start] + (f"{quote(column.table)}.{name}" if several else name)
        at = column.end
    return made + text[at:]


def _conjuncts(where: str) -> list[str]:
    """The conditions that a WHERE joins by AND; none where an OR is among them."""
    found = words(where)[1:-1] if where else []
    parts = list(_split(found, "AND"))
    if any(word.text == "OR" for part in parts for word in part):
        return []
    return [where[part[0].start : part[-1].end] for part in parts if part]


def _split(found: Sequence[Word], mark: str) -> Iterator[list[Word]]:
    """Words between marks outside parentheses; the AND of a BETWEEN is none."""
    part: list[Word] = []
    depth, between = 0, False
    for word in found:
        depth += (word.text == "(") - (word.text == ")")
        if word.kind != "text" and word.text == mark and not depth and not between:
            yield part
            part = []
            continue
        if not depth:
            between = word.text == "BETWEEN" or (between and word.text != "AND")
        part.append(word)
    yield part


def _name(word: Word) -> str:
    return word.text[1:-1].replace('""', '"') if word.kind == "quoted" else word.text
