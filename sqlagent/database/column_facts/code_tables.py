"""Find the table that says what other tables' codes mean: `codes (kind, code, meaning)`, many lists in one.

    codes: ('CAT', 'FST', 'Fasteners'), ('UOM', 'EA', 'Each') …;  items.cat_cd: 'FST', …  →  FST is Fasteners

No key leads there, for a code says what it is only together with its kind. Invariant: every value of the column that
was looked at is a code of that kind, and the kind is called as the column is, or holds just those codes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from sqlagent.database.column_facts.encodings import Named
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.name_words import words
from sqlagent.database.column_facts.sampling import Run
from sqlagent.database.column_kinds import is_key
from sqlagent.database.ddl_comments import quote
from sqlagent.database.schema import Column, Table, Value

_MOST_ROWS = 3_000
_MOST_COLUMNS = 6
_MOST_CODES = 60
"""Codes of one kind."""
_LONGEST = 12
"""Characters of a code."""
_LOOKED_AT = 300
"""Rows of a column whose values are looked up."""
_ALONE = 3
"""Different codes that a kind and a column share, all of them, where their names do not."""


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the lists in a table of codes."""

    table: str
    name: str
    meanings: Mapping[int | str, str]


def coded_columns(
    run: Run,
    tables: Sequence[Table],
    known: Mapping[tuple[str, str], ColumnFact],
    *,
    seconds: float = 0.5,
) -> dict[tuple[str, str], ColumnFact]:
    """(table, column) → fact of each column whose codes such a table explains; of `known` those that change nothing.

    seconds: after which no more tables are looked at.
    """
    until = time.monotonic() + seconds
    plain = [table for table in tables if table.kind == "table"]
    if len(plain) < 2:
        return {}
    likely = [table for table in plain if _may_explain(table, known)]
    kinds = [kind for table in likely if time.monotonic() < until for kind in _kinds(run, table)]
    found = {}
    for table in plain if kinds else ():
        if time.monotonic() > until:
            break
        for column in table.columns:
            fact = known.get((table.name, column.name))
            if is_key(table, column) or column.generated or (fact is not None and fact.changes):
                continue
            fitting = [kind for kind in kinds if kind.table != table.name and _may_hold(kind, column)]
            kind = _kind_of(run, table, column, fitting) if fitting else None
            if kind is not None:
                pairs = tuple(kind.meanings.items())
                found[table.name, column.name] = ColumnFact("code", Named(pairs), 0.99, sample=pairs[0][1])
    return found


def _may_explain(table: Table, known: Mapping[tuple[str, str], ColumnFact]) -> bool:
    """Whether a table may be one of codes, by its size and its samples: small, of texts and whole numbers, no times."""
    few = table.row_count is None or table.row_count <= _MOST_ROWS
    if not 3 <= len(table.columns) <= _MOST_COLUMNS or not few or table.foreign_keys:
        return False
    facts = (known.get((table.name, column.name)) for column in table.columns)
    plain = not any(fact is not None and fact.changes and fact.encoding is not None for fact in facts)
    samples = [value for column in table.columns for value in column.samples]
    return plain and all(isinstance(value, (int, str)) for value in samples)


def _kinds(run: Run, table: Table) -> Iterator[_Kind]:
    """The lists in a table, where it is one of codes."""
    names = ", ".join(quote(column.name) for column in table.columns)
    rows = run(f"SELECT {names} FROM {quote(table.name)} NOT INDEXED LIMIT {_MOST_ROWS + 1}")
    if not rows or not 4 <= len(rows) <= _MOST_ROWS:
        return
    cells = list(zip(*rows, strict=True))
    lengths = [sum(len(str(value)) for value in column) for column in cells]
    texts = [place for place, column in enumerate(cells) if all(_is_meaning(value) for value in column)]
    if not texts:
        return
    meaning = max(texts, key=lambda place: (len(set(cells[place])), lengths[place]))
    own = (
        table.primary_key[0] if len(table.primary_key) == 1 else None
    )  # what is a key needs no kind beside it
    others = [place for place in range(len(cells)) if place != meaning]
    for kind, code in permutations(others, 2):
        if table.columns[code].name == own:
            continue
        if _parts(cells[kind], cells[code], cells[meaning]):
            for name in dict.fromkeys(cells[kind]):
                pairs = {row[code]: row[meaning] for row in rows if row[kind] == name}
                if 2 <= len(pairs) <= _MOST_CODES and len({str(m).lower() for m in pairs.values()}) == len(
                    pairs
                ):
                    yield _Kind(table.name, str(name), {_code(c): str(m).strip() for c, m in pairs.items()})
            return


def _parts(
    kinds: Sequence[Value | None], codes: Sequence[Value | None], meanings: Sequence[Value | None]
) -> bool:
    """Whether a column parts a table into lists in which each code stands once, and another holds short codes."""
    different = set(kinds)
    if not 2 <= len(different) <= len(kinds) // 2 or not all(
        isinstance(kind, str) and kind for kind in different
    ):
        return False
    if not all(isinstance(code, (int, str)) and 0 < len(str(code)) <= _LONGEST for code in codes):
        return False
    if len({*zip(kinds, codes, strict=True)}) < len(codes):
        return False
    return sum(len(str(code)) for code in codes) < sum(len(str(meaning)) for meaning in meanings)


def _is_meaning(value: Value | None) -> bool:
    return isinstance(value, str) and bool(re.search(r"[^\W\d_]{2}", value))


def _code(value: Value | None) -> int | str:
    return value if isinstance(value, int) else str(value)


def _may_hold(kind: _Kind, column: Column) -> bool:
    """Whether the values of a column that were sampled are codes of a kind."""
    seen = [value for value in column.samples if value not in ("", 0)]
    return bool(seen) and all(value in kind.meanings for value in seen)


def _kind_of(run: Run, table: Table, column: Column, kinds: Sequence[_Kind]) -> _Kind | None:
    """The one kind that a column's values are of; None where none or several may be."""
    name = quote(column.name)
    rows = run(
        f"SELECT DISTINCT v FROM (SELECT {name} AS v FROM {quote(table.name)} NOT INDEXED LIMIT {_LOOKED_AT})"
        f" WHERE v IS NOT NULL AND v NOT IN ('', 0) LIMIT {_MOST_CODES + 1}"
    )
    values = {row[0] for row in rows or ()}
    held = [kind for kind in kinds if values and values <= set(kind.meanings)]
    named = [kind for kind in held if _names(kind.name, column.name)]
    if named:
        return named[0] if len(named) == 1 else None
    whole = [kind for kind in held if len(values) >= _ALONE and values == set(kind.meanings)]
    return whole[0] if len(whole) == 1 and len(held) == 1 else None


def _names(kind: str, column: str) -> bool:
    """Whether a kind is called as a column is: CAT as cat_cd, `ih_sts` as ih_sts, ORDER_STATUS as status."""
    ours, theirs = words(kind), words(column)
    if "".join(ours) == "".join(theirs):
        return True
    longer, shorter = (ours, theirs) if len(ours) > len(theirs) else (theirs, ours)
    inside = "_".join(shorter) in ("_".join(longer[i : i + len(shorter)]) for i in range(len(longer)))
    return inside and len("".join(shorter)) >= 3
