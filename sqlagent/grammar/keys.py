"""Find foreign keys that nobody declared but the names tell: `orders.customer_id` for `customers.id`.

Invariant: a guess. What is declared goes before it, and nothing is refused because of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlagent.database.schema import fold
from sqlagent.grammar.relation import HUMPS

if TYPE_CHECKING:
    from sqlagent.database.schema import Schema

ANY = "id"
"""A key that every table may have: two tables that both do are not linked by it."""
_WORDS = re.compile(r"[^\W_]+")


def named(schema: Schema) -> Iterator[tuple[int, str, int, str]]:
    """Columns whose names tell of a key: `station_id`, `start_station_id` or `StationId` for `stations.id`.

    Yields (place of a table, folded column, place of the other table, folded column there).
    """
    holders: dict[str, tuple[int, str] | None] = {}
    for j, table in enumerate(schema.tables):
        key = fold(table.primary_key[0]) if len(table.primary_key) == 1 else ANY
        if all(fold(column.name) != key for column in table.columns):
            continue
        name = squeezed(table.name)
        for form in {name, name.removesuffix("s"), name.removesuffix("es"), re.sub("ies$", "y", name)}:
            spelt = form + squeezed(key)
            holders[spelt] = None if spelt in holders else (j, key)
    endings = tuple({squeezed(key) for _, key in filter(None, holders.values())})
    for i, table in enumerate(schema.tables):
        for column in table.columns:
            if not fold(column.name).endswith(endings):
                continue
            words = words_of(column.name)
            for first in range(len(words)):
                found = holders.get("".join(words[first:]))
                if found is not None:
                    if found[0] != i:
                        yield (i, fold(column.name), *found)
                    break


def squeezed(name: str) -> str:
    """A name without what people write differently: case, blanks, underscores."""
    return "".join(_WORDS.findall(fold(name)))


def words_of(name: str) -> list[str]:
    """The words of `problem_log_id` or `ProblemLogId`, in small letters."""
    return _WORDS.findall(HUMPS.sub("_", name).lower())
