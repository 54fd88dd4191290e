"""A canonical statement taken apart into its clauses, and its columns found in them.

Only plain SELECTs over tables that keep their own names are read: no set operation, no subquery, no AS.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.old_lexer import Unreadable, Word, spliced, words

CLAUSES = ("FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT")


@dataclass(frozen=True, slots=True)
class Column:
    """A column named in a text: its characters from `start` to before `end`."""

    start: int
    end: int
    table: str
    name: str

    @property
    def key(self) -> tuple[str, str]:
        return fold(self.table), fold(self.name)


@dataclass(frozen=True)
class Clauses:
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

    @property
    def results(self) -> list[str]:
        """Its result columns, a text each."""
        items = self.items.removeprefix("DISTINCT ")
        return [items[part[0].start : part[-1].end] for part in _split(words(items), ",") if part]

    @property
    def plain(self) -> bool:
        """Whether it selects columns alone."""
        return sum(1 for _ in columns(self.items, self.tables)) == len(self.results) and "(" not in self.items

    @property
    def conditions(self) -> list[str]:
        """The conditions that its WHERE joins by AND; none where an OR is among them."""
        found = words(self["WHERE"])[1:-1] if self["WHERE"] else []
        parts = list(_split(found, "AND"))
        if any(word.text == "OR" for part in parts for word in part):
            return []
        return [self["WHERE"][part[0].start : part[-1].end] for part in parts if part]

    def keys(self, text: str) -> frozenset[tuple[str, str]]:
        """The columns that a text names, were it a part of this statement. Raises Unreadable."""
        return frozenset(column.key for column in columns(text, self.tables))

    def own(self, text: str, other: Clauses) -> str:
        """A part of another statement with its columns named as this one would."""
        return _named(text, other.tables, len(self.tables) > 1)

    def where(self, conditions: Sequence[str]) -> Clauses:
        """The same under other conditions."""
        return replace(self, text={**self.text, "WHERE": "WHERE " + " AND ".join(conditions)})

    def column(self, text: str) -> tuple[Table, str] | None:
        """The table and the name of the column that a text is; None where it is anything else. Raises Unreadable."""
        named = list(columns(text, self.tables))
        if len(named) != 1 or text != text[named[0].start : named[0].end]:
            return None
        return next(t for t in self.tables if fold(t.name) == fold(named[0].table)), named[0].name

    def over(self, source: str, tables: tuple[Table, ...]) -> Clauses:
        """The same over another FROM clause, which has all tables that it names columns of."""
        several = len(tables) > 1
        text = {k: _named(v, self.tables, several) for k, v in self.text.items() if k != "FROM"}
        return Clauses(_named(self.select, self.tables, several), {**text, "FROM": source}, tables)

    def sql(self) -> str:
        """The statement."""
        return " ".join([self.select, *(self.text[clause] for clause in CLAUSES if clause in self.text)])


def read(sql: str, schema: Schema) -> Clauses | None:
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
            if not depth and word.text in CLAUSES:
                starts.append((word.text, word.start))
    ends = [start for _, start in starts[1:]] + [len(sql)]
    text = {clause: sql[start:end].strip() for (clause, start), end in zip(starts, ends, strict=True)}
    tables = _tables(text.get("FROM", ""), schema)
    if not starts or starts[0][0] != "FROM" or tables is None:
        return None
    return Clauses(sql[: starts[0][1]].strip(), text, tables)


def _tables(source: str, schema: Schema) -> tuple[Table, ...] | None:
    """The tables of a FROM clause; None where it holds anything else, or one of them twice."""
    known = {fold(table.name): table for table in schema.tables}
    named: list[Table] = []
    found = words(source)
    for before, word in zip(found, found[1:], strict=False):
        if before.text in ("FROM", "JOIN"):
            table = known.get(fold(unquote(word.text)))
            if table is None or table in named:
                return None
            named.append(table)
    return tuple(named) or None


def free_alias(sql: str, schema: Schema) -> str:
    """The first of T1, T2 … that is no table of the schema and no word of a statement. Raises Unreadable."""
    taken = {fold(table.name) for table in schema.tables} | {fold(word.text) for word in words(sql)}
    return next(f"T{n}" for n in range(1, len(taken) + 2) if f"t{n}" not in taken)


def columns(text: str, tables: Sequence[Table]) -> Iterator[Column]:
    """The columns that a part of a statement names, in order. Raises Unreadable for one of none of the tables."""
    found = words(text)
    i = 0
    while i < len(found):
        word, after = found[i], found[i + 1 : i + 3]
        if word.kind in ("name", "quoted") and [w.text for w in after[:1]] == ["."] and len(after) > 1:
            table = next((t for t in tables if fold(t.name) == fold(unquote(word.text))), None)
            if table is None:
                raise Unreadable(word.text)
            if after[1].text != "*":
                yield Column(word.start, after[1].end, table.name, unquote(after[1].text))
            i += 3
            continue
        if word.kind in ("name", "quoted") and [w.text for w in after[:1]] != ["("]:
            for table in tables:
                if any(fold(c.name) == fold(unquote(word.text)) for c in table.columns):
                    yield Column(word.start, word.end, table.name, unquote(word.text))
                    break
        i += 1


def _named(text: str, tables: Sequence[Table], several: bool) -> str:
    """A part with its columns as they are named where there are several tables, or one."""
    edits = []
    for column in columns(text, tables):
        name = quote(column.name)
        edits.append((column.start, column.end, f"{quote(column.table)}.{name}" if several else name))
    return spliced(text, edits)


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
