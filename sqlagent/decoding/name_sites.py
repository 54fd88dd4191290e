"""Find where a statement is writing a name that cannot stand there, and what could stand there instead.

SQL names tables before it uses them. Behind `AVG(enroll.` the grammar leaves the columns of enroll only, and a model
that wants the grade average, which student has, ends with `AVG(enroll.number)`; behind `FROM enroll WHERE` likewise. So
do columns without their tables where two tables that are joined share one of their names. And a key that is a number
is never equal to a text: `singer_id = 'Adele'` means the table behind it.

Text is bytes, and canonical: what the grammar has taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sqlagent.database.ddl_comments import unquote
from sqlagent.sql.names import LETTER, WRITTEN

if TYPE_CHECKING:
    from sqlagent.grammar.name_candidates import NameCandidates

_OPEN = re.compile(rb'(?<![\w$\x80-\xff."])(' + WRITTEN + rb")\.(" + LETTER + rb'*|"[^"]*)\Z')
"""A qualifier with its dot, and as much of its column as has been written."""
_BARE = re.compile(rb"(?<=[ (])" + LETTER + rb"*\Z")
_LIST = re.compile(rb"(SELECT (?:DISTINCT )?)((?:" + WRITTEN + rb", )+)(" + LETTER + rb"*)")
"""The columns of a statement that has only just begun, without their tables, and as much of one more."""
_CLAUSE = re.compile(rb" (?:WHERE|GROUP BY|ORDER BY) ")
_ON = re.compile(rb" JOIN " + WRITTEN + rb" ON (?:[^ ]+ = )?\Z")
_SOURCE = re.compile(rb"( ?)(?:" + WRITTEN + rb"(?: (?:JOIN(?: " + LETTER + rb"*)?)?)?)?\Z")
"""FROM's first table and a second one, as far as they have been written."""
_COMPARED = re.compile(
    rb"(?:("
    + WRITTEN
    + rb")\.|(?<=[ (]))("
    + WRITTEN
    + rb") (?:!?=|(?:NOT )?LIKE|(?:NOT )?IN) \(?'[^'\d][^']*'\Z"
)
"""A column and the text that it is compared with."""


class Asked(NamedTuple):
    """What the model is asked for: the first group of a pattern, unless it writes something else."""

    pattern: re.Pattern[bytes]
    otherwise: re.Pattern[bytes]


_OTHER = rb'[^\w$\x80-\xff"'
_FIRST = Asked(
    re.compile(rb"(" + WRITTEN + rb"(?:\.|(?=" + _OTHER + rb"(])))"),
    re.compile(_OTHER + rb"]|" + WRITTEN + rb"\("),
)
"""A name, with its dot where it is a table's."""
_TWO = Asked(
    re.compile(rb" ?(" + WRITTEN + rb" JOIN " + WRITTEN + rb")(?=" + _OTHER + rb"])"),
    re.compile(rb" ?(?:" + _OTHER + rb" ]|" + WRITTEN + rb"(?:" + _OTHER + rb" ]| [^J]))"),
)
"""Two tables that are joined."""


@dataclass(frozen=True, slots=True)
class NameSite:
    """Where a name is being written: offsets in the text."""

    start: int
    """From where on the text may have to be another."""
    name: int
    """Where the name begins."""
    kind: str
    """"qualified", "joined", "listed", "selected" or "source"."""
    context: bytes = b""
    """The qualifier without its dot; the sources between FROM and the clause; the columns before this one."""

    @property
    def asked(self) -> Asked:
        """What the model is asked for."""
        return _TWO if self.kind == "source" else _FIRST

    @property
    def may_end(self) -> bool:
        """Whether what follows the name tells of it too."""
        return self.kind == "source"


def name_sites(before: bytes) -> list[NameSite]:
    """What the name at the end of a text may be, begun or not; all begin at the same byte and ask for the same."""
    found = [find(before) for find in (_qualified, _joined, _listed, _selected, _source)]
    return [site for site in found if site is not None]


def _qualified(before: bytes) -> NameSite | None:
    """`table.col`"""
    found = _OPEN.search(before)
    return None if found is None else NameSite(found.start(1), found.start(2), "qualified", found[1])


def _clause(before: bytes) -> tuple[bytes, int] | None:
    """FROM's sources and where the clause behind them begins, where nothing is nested there."""
    at = before.rfind(b" FROM ")
    clause = _CLAUSE.search(before, at)
    behind = before[at:]
    if at < 0 or clause is None or b"(SELECT" in behind or behind.count(b")") > behind.count(b"("):
        return None
    return before[at + 6 : clause.start()], clause.start()


def _joined(before: bytes) -> NameSite | None:
    """`FROM table WHERE col`"""
    found, clause = _BARE.search(before), _clause(before)
    if found is None or clause is None or before.count(b"'") % 2:
        return None
    return NameSite(clause[1], found.start(), "joined", clause[0])


def _listed(before: bytes) -> NameSite | None:
    """`SELECT col, col`"""
    found = _LIST.fullmatch(before)
    return None if found is None else NameSite(found.end(1), found.start(3), "listed", found[2])


def _selected(before: bytes) -> NameSite | None:
    """`SELECT col` or `SELECT f(col`, before there is any FROM."""
    found = _BARE.search(before)
    if found is None or b" FROM" in before or before.count(b"'") % 2:
        return None
    return NameSite(found.start(), found.start(), "selected")


def _source(before: bytes) -> NameSite | None:
    """`FROM table`, when SELECT has columns that stand alone."""
    at = before.rfind(b" FROM")
    start = _items(before, at)
    found = _SOURCE.fullmatch(before[at + 5 :]) if at >= 0 else None
    if start is None or found is None or (not found[1] and found[0]):
        return None
    return NameSite(start, at + 5 + len(found[1]), "source", before[start:at])


def _items(before: bytes, end: int) -> int | None:
    """Where SELECT's columns begin that end at a FROM; None where something nested is among them, or a new name."""
    start = before.rfind(b"SELECT ", 0, max(end, 0)) + len(b"SELECT ")
    items = before[start:end]
    if end < 0 or start < len(b"SELECT ") or b" FROM" in items or b" AS " in items:
        return None
    return start


def instead(
    name_candidates: NameCandidates, site: NameSite, wanted: str, before: bytes
) -> Iterator[tuple[int, bytes]]:
    """(offset, text that could stand there) for a place and what the model wants to write in it, best first."""
    if site.kind == "source":
        yield from _with_tables(name_candidates, site, wanted.encode())
        return
    wanted = unquote(wanted.removesuffix(".")) + "." * wanted.endswith(".")
    start, text = site.start, None
    if site.kind == "qualified":
        text = name_candidates.column_of(wanted, site.context, before)
        joined = _ON.search(before, 0, start)
        if text is not None and joined is not None and not text.startswith(site.context + b"."):
            yield joined.start(), b" JOIN " + text  # that table has to be joined first
    elif site.kind == "listed":
        text = name_candidates.with_tables(wanted, site.context)
    elif site.kind == "selected":
        text = name_candidates.column_anywhere(wanted)
    elif table := name_candidates.joined(wanted, site.context):
        yield from _joining(name_candidates, table, site.context, start, before)
    else:
        start, text = site.name, name_candidates.column_anywhere(wanted, site.context)
    if text is not None:
        yield start, text


def _with_tables(
    name_candidates: NameCandidates, site: NameSite, joined: bytes
) -> Iterator[tuple[int, bytes]]:
    """SELECT's columns with their tables, where the first of two joined ones has some that stand alone."""
    items = name_candidates.qualified(site.context, joined.partition(b" JOIN ")[0])
    if items != site.context:
        yield site.start, items + b" FROM " + joined


def behind_key(name_candidates: NameCandidates, before: bytes) -> Iterator[tuple[int, bytes]]:
    """The same where a text has just been closed that was compared with a key that is a number: its table joins."""
    found, clause = _COMPARED.search(before), _clause(before)
    if found is None or clause is None:
        return
    table = name_candidates.referenced(found[1] or b"", found[2], clause[0])
    if table is not None:
        yield from _joining(name_candidates, table, clause[0], clause[1], before)


def _joining(
    name_candidates: NameCandidates, table: bytes, sources: bytes, clause: int, before: bytes
) -> Iterator[tuple[int, bytes]]:
    """One more table behind the sources, where a clause begins; if need be with the tables of SELECT's columns."""
    join = b" JOIN " + table
    yield clause, join
    end = clause - len(sources) - len(b" FROM ")
    start = _items(before, end)
    if start is not None:
        items = name_candidates.qualified(before[start:end], sources)
        if items != before[start:end]:
            yield start, items + b" FROM " + sources + join
