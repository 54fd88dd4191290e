"""Give tables and columns the names that a person would use: Anki's `revlog.id` is asked for as `reviews.reviewed_at`.

    names.schema                                 # what the model is shown: reviews (reviewed_at, card_id, …)
    names.stored_place("reviews", "card_id")     # ("revlog", "cid")

A spoken table is a stored one under other names, some of its rows (`only`: of one table, bookmarks and folders), or
the result of a query. Invariant: a spoken name that another table or column has already is not given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlagent.database.ddl_comments import quote
from sqlagent.database.schema import Column, ForeignKey, Schema, Table, Value, fold, keep_sound_keys

Rows = Callable[[str], "Sequence[Sequence[Value | None]] | None"]
"""Runs a SELECT; None where it cannot be run."""
_SAMPLES, _LOOKED_AT = 3, 40
_NAME = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class SpokenTable:
    """A table as it is asked for. `stored` is the table that it is, "" for a query's result."""

    name: str
    stored: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Spoken name → stored name, of the columns that are called otherwise."""
    strip: str = ""
    """What all other columns' names begin with and are spoken without: `ZTITLE` is the title."""
    only: str = ""
    """A condition on the rows, the table's label written `{t}`: `{t}.type = 1`."""
    query: str = ""
    key: str = ""
    """The column of a query's result that tells its rows apart."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Spoken column → the spoken `table.column` that it refers to, in place of what the file declares."""
    each: str = ""
    """A query for whose rows there is a table each: `{0}` and `{1}` stand for their columns in all of the above."""
    more: Mapping[str, str] = field(default_factory=dict)
    """A query → a result column for each of its rows, put in place of `{more}` in `query`."""
    bases: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Column of a query's result → the stored table and column whose values it hands on."""
    read_from: tuple[str, ...] = ()
    """The table and column whose JSON a query reads; () for one that reads none."""

    def stored_column(self, spoken: str) -> str:
        """The stored name of a column."""
        wanted = fold(spoken)
        return next((stored for name, stored in self.columns.items() if fold(name) == wanted), spoken)


class SpokenNames:
    """The spoken names of one database. `schema` has them; `stored` has what is behind them, as the file names it."""

    def __init__(self, schema: Schema, stored: Schema, tables: Mapping[str, SpokenTable]) -> None:
        self.schema = schema
        self.stored = stored
        self._tables = tables

    def table(self, spoken: str) -> SpokenTable | None:
        """What stands behind a spoken table; None for one that goes by its own name."""
        return self._tables.get(fold(spoken))

    def stored_place(self, table: str, column: str) -> tuple[str, str] | None:
        """Table and column as the file has them; None for a column of a query's result."""
        known = self.table(table)
        if known is None:
            return table, column
        if not known.stored:
            return known.bases.get(fold(column))
        return known.stored, known.stored_column(column)

    def spoken_places(self, table: str, column: str) -> Sequence[tuple[str, str]]:
        """The spoken tables and columns that hold a stored column's values."""
        key = (fold(table), fold(column))
        return self._spoken.get(key, ())

    def stored_part(self, part: Schema) -> Schema:
        """The stored tables and columns behind a part of the spoken schema."""
        wanted: dict[str, set[str]] = {}
        for table in part.tables:
            for column in table.columns:
                place = self.stored_place(table.name, column.name)
                if place is not None:
                    wanted.setdefault(place[0], set()).add(place[1])
        return self.stored.subset({name: tuple(columns) for name, columns in wanted.items()})

    def stored_scores(self, scores: Mapping[str, float]) -> dict[str, float]:
        """Scores of spoken tables as those of the stored ones, the best of each."""
        found: dict[str, float] = {}
        for name, score in scores.items():
            known = self.table(name)
            behind = (
                {name} if known is None else {known.stored, *(table for table, _ in known.bases.values())}
            )
            for stored in behind - {""}:
                found[stored] = max(score, found.get(stored, score))
        return found

    @cached_property
    def _spoken(self) -> Mapping[tuple[str, str], Sequence[tuple[str, str]]]:
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for table in self.schema.tables:
            for column in table.columns:
                place = self.stored_place(table.name, column.name)
                if place is not None:
                    found.setdefault((fold(place[0]), fold(place[1])), []).append((table.name, column.name))
        return found


def spoken_names(
    meant: Schema,
    tables: Sequence[SpokenTable],
    run: Rows,
    described: Callable[[str], Sequence[tuple[Column, tuple[str, str] | None]] | None],
    whole: Schema,
) -> SpokenNames | None:
    """The names for a schema; None where none of the tables is there.

    meant: the schema as it is shown otherwise. whole: the same with what it hides, which a query may show. described:
    the columns of a query's result, with the stored ones that they are; None where it does not run.
    """
    filled = [each for one in tables for each in _filled(one, run)]
    fitting = _without_clashes(meant, [one for one in filled if one.query or meant.table(one.stored)])
    made: dict[str, list[tuple[SpokenTable, Table]]] = {}
    for one in fitting:
        stored = meant.table(one.stored) if one.stored else None
        if stored is not None:
            made.setdefault(fold(one.stored), []).append(_renamed(one, stored, run))
        elif one.query and (columns := described(one.query)):
            held = tuple(replace(column, pk=int(column.name == one.key)) for column, _ in columns)
            bases = {fold(column.name): base for column, base in columns if base is not None}
            made.setdefault("", []).append((replace(one, bases=bases), Table(one.name, "view", held)))
    if not made:
        return None
    listed = [
        (known, table)
        for stored in meant.tables
        for known, table in made.get(fold(stored.name), [(None, stored)])
    ]
    listed += made.get("", [])
    known = {fold(one.name): one for one, _ in listed if one is not None}
    shown = [replace(table, foreign_keys=_keys(one, table, listed)) for one, table in listed]
    behind = {table.name: {column.name for column in table.columns} for table in meant.tables}
    for one in known.values():
        for table_name, column_name in one.bases.values():
            behind.setdefault(table_name, set()).add(column_name)
    return SpokenNames(replace(meant, tables=keep_sound_keys(shown)), whole.subset(behind), known)


def _filled(one: SpokenTable, run: Rows) -> list[SpokenTable]:
    """The tables that a template stands for; itself where it is none. Nothing where its query does not run."""
    if one.more:
        items = [
            ", " + _put(item, row)
            for query, item in one.more.items()
            for row in run(query) or ()
            if None not in row
        ]
        one = replace(one, query=one.query.replace("{more}", "".join(items)), more={})
    if not one.each:
        return [one]
    return [
        replace(
            one,
            name=_put(one.name, row),
            stored=_put(one.stored, row),
            columns={_put(name, row): real for name, real in one.columns.items()},
            query=_put(one.query, row),
            keys={name: _put(target, row) for name, target in one.keys.items()},
            each="",
        )
        for row in run(one.each) or ()
        if None not in row
    ]


def _put(text: str, row: Sequence[Value | None]) -> str:
    """A template with a row's values in it. What comes from a file stands for a name, and no text of SQL."""
    for place, value in enumerate(row):
        text = text.replace(f"{{{place}}}", _NAME.sub("_", str(value)))
    return text


def _without_clashes(meant: Schema, tables: Sequence[SpokenTable]) -> list[SpokenTable]:
    """Those whose names no table has that keeps its own."""
    gone = {fold(one.stored) for one in tables if one.stored}
    taken = {fold(table.name) for table in meant.tables} - gone
    kept: list[SpokenTable] = []
    for one in tables:
        if fold(one.name) not in taken:
            taken.add(fold(one.name))
            kept.append(one)
    return kept


def _renamed(one: SpokenTable, stored: Table, run: Rows) -> tuple[SpokenTable, Table]:
    """A spoken table with the columns that there are, and as it is shown."""
    kept = {fold(column.name) for column in stored.columns}
    spoken = {
        fold(real): name
        for name, real in one.columns.items()
        if fold(real) in kept and fold(name) not in kept
    }
    for column in stored.columns:
        rest = fold(column.name).removeprefix(fold(one.strip)) if one.strip else ""
        if rest[:1].isalpha() and rest not in kept and rest not in map(fold, spoken.values()):
            spoken.setdefault(fold(column.name), rest)
    one = one if not one.only or _runs(one, stored, run) else replace(one, only="")
    known = replace(
        one,
        stored=stored.name,
        columns={spoken[fold(c.name)]: c.name for c in stored.columns if fold(c.name) in spoken},
    )
    columns = [replace(c, name=spoken.get(fold(c.name), c.name)) for c in stored.columns]
    if one.only:
        columns = _sampled(known, stored, columns, run)
    return known, replace(stored, name=one.name, columns=tuple(columns))


def _runs(one: SpokenTable, stored: Table, run: Rows) -> bool:
    """Whether its condition runs: another version of the application may not have what it asks about."""
    condition = one.only.replace("{t}", "t")
    return run(f"SELECT 1 FROM {quote(stored.name)} AS t WHERE {condition} LIMIT 1") is not None


def _sampled(one: SpokenTable, stored: Table, columns: list[Column], run: Rows) -> list[Column]:
    """Texts with samples of the rows that belong to the table."""
    texts = [
        c.name
        for c in stored.columns
        if not c.codes and c.computed is None and any(isinstance(v, str) for v in c.samples)
    ]
    if not texts:
        return columns
    rows = run(
        f"SELECT {', '.join(map(quote, texts))} FROM {quote(stored.name)} AS t"
        f" WHERE {one.only.replace('{t}', 't')} LIMIT {_LOOKED_AT}"
    )
    found = {}
    for place, name in enumerate(texts):
        values = dict.fromkeys(row[place] for row in rows or () if isinstance(row[place], str))
        found[name] = tuple(str(value)[:200] for value in values)[:_SAMPLES]
    declared = [c.type.lower() for c in stored.columns]
    return [
        replace(column, samples=found[old.name])
        if old.name in found and "date" not in kind and "time" not in kind
        else column
        for column, old, kind in zip(columns, stored.columns, declared, strict=True)
    ]


def _keys(
    one: SpokenTable | None, table: Table, listed: Collection[tuple[SpokenTable | None, Table]]
) -> tuple[ForeignKey, ...]:
    """A table's foreign keys in spoken names."""
    said = []
    for column, target in one.keys.items() if one is not None else ():
        other, _, key = target.partition(".")
        said.append(ForeignKey((column,), other, (key,)))
    if one is not None and one.query:
        return tuple(said)
    spoken: dict[str, tuple[SpokenTable | None, Table]] = {}
    for known, other_table in listed:
        spoken.setdefault(fold(known.stored if known is not None else other_table.name), (known, other_table))
    own = {} if one is None else {fold(real): name for name, real in one.columns.items()}
    keys = said
    named = {name for key in said for name in key.columns}
    for foreign in table.foreign_keys:
        if not named.isdisjoint(own.get(fold(name), name) for name in foreign.columns):
            continue
        if fold(foreign.ref_table) not in spoken:
            continue
        target_names, target_table = spoken[fold(foreign.ref_table)]
        theirs = {} if target_names is None else {fold(real): n for n, real in target_names.columns.items()}
        keys.append(
            ForeignKey(
                tuple(own.get(fold(name), name) for name in foreign.columns),
                target_table.name,
                tuple(theirs.get(fold(name), name) for name in foreign.ref_columns),
            )
        )
    return tuple(keys)
