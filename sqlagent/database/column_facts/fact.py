"""Hold what is known of a column: what was read of it (`Evidence`) and what it means (`ColumnFact`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlagent.database.column_facts.encodings import Encoding
from sqlagent.database.schema import Value

Meaning = Literal[
    "date",
    "datetime",
    "month",
    "year",
    "time",
    "duration",
    "number",
    "boolean",
    "code",
    "list",
    "json",
    "text",
]

SURE = 0.99
"""From this certainty on a fact may change a statement."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read of one column. `values` counts the stored values by (value) in the sample, NULLs left out."""

    table: str
    name: str
    type: str = ""
    values: Mapping[Value, int] | tuple[()] = ()
    nulls: int = 0
    neighbours: tuple[str, ...] = ()
    """Names of the table's columns."""
    key: bool = False
    """Part of a primary key, or refers to another table."""


@dataclass(frozen=True, slots=True)
class ColumnFact:
    """What the values of a column mean, and how they are stored."""

    meaning: Meaning
    encoding: Encoding | None = None
    """None: stored as it is meant, e.g. a date as ISO text."""
    certainty: float = 1.0
    nothing: tuple[Value, ...] = ()
    """Stored values that stand for no value."""
    others: tuple[str, ...] = ()
    """Other readings that fit as well, in words."""
    exceptions: tuple[Value, ...] = ()
    """Stored values that are not of this encoding, a few of them."""
    sample: str | int | float | None = None
    """A value as it is meant."""
    note: str = ""
    """What else is known, e.g. the separator of a list."""
    key: bool = False
    """The column is a key as well: it joins as it is stored."""

    @property
    def changes(self) -> bool:
        """Whether a statement must be written otherwise than the values are meant."""
        return self.certainty >= SURE and (self.encoding is not None or bool(self.nothing))

    @property
    def words(self) -> str:
        """How the column is stored, in words: "stored as microseconds since 1970, '' for none"."""
        parts = [f"stored as {self.encoding.words}"] if self.encoding is not None else []
        if self.others:
            parts.append("or as " + " or ".join(self.others))
        if self.nothing:
            parts.append(", ".join(repr(value) for value in self.nothing) + " for none")
        if self.note:
            parts.append(self.note)
        return ", ".join(parts)
