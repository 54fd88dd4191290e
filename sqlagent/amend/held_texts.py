"""Find a text that its column holds otherwise: in several spellings, or as words of longer texts.

`borough = 'Manhattan'` finds none of 'MANHATTAN' and 'Manhattan '; `company = 'Acme'` nothing where 'Acme Corporation'
is stored. SQL compares whole texts letter by letter; people do not.

Invariant: a comparison changes only where the column itself holds the other form. One that finds a text as it is
written stays, but for the other spellings of that text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.held_rows import Values
from sqlagent.amend.rule import Pitfall
from sqlagent.database.schema import Table
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Column, Literal, Select
from sqlagent.sql.walk import bare

SHORTEST = 3
"""Letters of the shortest text that is looked for otherwise: codes such as 'a' and 'A' may well be two things."""
MOST_VALUES = 200
"""Different stored texts that are looked at for one comparison."""
MOST_SPELLINGS = 12


@dataclass(frozen=True, slots=True)
class Held:
    """How a column holds a text: whole, but for case and blanks around it, and as words of longer texts."""

    spellings: tuple[str, ...]
    longer: tuple[str, ...]


def held(stored: Sequence[object], text: str) -> Held:
    """Sort the stored texts that hold the letters of another one; 'coconut' is no text with the word nut."""
    wanted, words = (
        text.strip().lower(),
        re.compile(rf"(?<!\w){re.escape(text.strip())}(?!\w)", re.IGNORECASE),
    )
    texts = [value for value in stored if isinstance(value, str)]
    spellings = tuple(value for value in texts if value.strip().lower() == wanted)
    return Held(spellings, tuple(value for value in texts if value not in spellings and words.search(value)))


def otherwise_held(reading: Reading, values: Values, accepts: Callable[[str], bool]) -> Amended:
    """The statement with its comparisons widened to the forms in which the columns hold the texts."""
    edits, notes = Edits(reading.statement), list[str]()
    for node, column, literal, table in comparisons(reading):
        text, name = literal.value, f"{table.name}.{column.name.text}"
        found = held(values(holding(table, column, text)), text)
        negated = "NOT " if node.operator == "!=" else ""
        if 1 < len(found.spellings) <= MOST_SPELLINGS:
            listed = ", ".join(map(text_literal, sorted(found.spellings)))
            edits.put(node.at, node.end, f"{negated}IN ({listed})")
            notes.append(f"{name} spells {text!r} in {len(found.spellings)} ways, which were taken for one.")
        elif not found.spellings and found.longer:
            edits.put(node.at, node.end, f"{negated}LIKE {text_literal(f'%{text.strip()}%')}")
            notes.append(
                f"No {name} is just {text!r}; those that hold it, such as {_short(found.longer[0])!r}, were taken."
            )
    return edited(reading, edits, notes, accepts)


HELD_TEXTS = Pitfall("held_texts", lambda now, about: otherwise_held(now, about.values, about.accepts))


def comparisons(reading: Reading) -> Iterator[tuple[Binary, Column, Literal, Table]]:
    """Comparisons of a column with a text, `column = 'text'`, that may be widened."""
    for node in reading.statement.find(Binary):
        column, literal = bare(node.left), bare(node.right)
        if (
            node.operator not in ("=", "!=")
            or not isinstance(column, Column)
            or not isinstance(literal, Literal)
        ):
            continue
        if literal.kind != "text" or not _telling(literal.value):
            continue
        meaning = reading.scopes.of(column)
        if meaning.kind == "column" and meaning.table is not None:
            yield node, column, literal, meaning.table


def _telling(text: str) -> bool:
    return sum(map(str.isalpha, text)) >= SHORTEST and not {"%", "_"} & set(text)


def holding(table: Table, column: Column, text: str) -> str:
    """A statement that gives the different stored texts that hold a text, the shortest first."""
    name = quote(column.name.text)
    return (
        f"SELECT DISTINCT {name} FROM {quote(table.name)} WHERE {name} LIKE {text_literal(f'%{text.strip()}%')}"
        f" ORDER BY LENGTH({name}) LIMIT {MOST_VALUES}"
    )


def _short(text: str, width: int = 60) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


# ---- groups ----


def one_group_each(reading: Reading, values: Values, accepts: Callable[[str], bool]) -> Amended:
    """The statement with groups, and different values counted, but for case and blanks around them."""
    edits, notes = Edits(reading.statement), list[str]()
    for column in _grouped(reading):
        meaning = reading.scopes.of(column)
        if meaning.kind != "column" or meaning.table is None:
            continue
        name = quote(column.name.text)
        folded = f"LOWER(TRIM({name}))"
        split = values(
            f"SELECT {folded} FROM {quote(meaning.table.name)}"
            f" WHERE TYPEOF({name}) = 'text' AND LENGTH({name}) >= {SHORTEST}"
            f" GROUP BY {folded} HAVING COUNT(DISTINCT {name}) > 1 LIMIT 1"
        )
        if split:
            edits.wrap(column, "LOWER(TRIM(", "))")
            notes.append(
                f"{meaning.table.name}.{column.name.text} spells some values, such as {split[0]!r}, in several ways, "
                "which were taken for one."
            )
    return edited(reading, edits, notes, accepts)


ONE_GROUP_EACH = Pitfall(
    "one_group_each", lambda now, about: one_group_each(now, about.values, about.accepts)
)


def _grouped(reading: Reading) -> Iterator[Column]:
    """Columns that make groups: in GROUP BY and in COUNT(DISTINCT …)."""
    for select in reading.statement.find(Select):
        for value in select.group:
            if isinstance(inner := bare(value), Column):
                yield inner
    for call in reading.statement.find(Call):
        counted = bare(call.arguments[0]) if call.function == "COUNT" and call.distinct else None
        if isinstance(counted, Column):
            yield counted
