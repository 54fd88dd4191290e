"""Make databases of any size whose tables and columns have names that a question can use."""

from __future__ import annotations

import itertools
import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path

_ONSETS, _VOWELS = "bdfgklmnprtvz", "aeiou"
# fmt: off
_COLUMN = (
    "weight", "height", "price", "score", "distance", "duration", "capacity", "temperature", "speed",
    "depth", "width", "age", "level", "volume", "amount", "rate", "balance", "discount", "length",
    "pressure",
)
# fmt: on


@dataclass(frozen=True)
class Shape:
    """Tables, number columns of each beside its key and name, and rows of each."""

    tables: int = 10
    columns: int = 8
    rows: int = 100


def table_names(count: int) -> list[str]:
    """Invented words, a different one for each table: `bakole`, `dumiva` …; no language model knows more of one."""
    chance = random.Random(1)
    names: dict[str, None] = {}
    while len(names) < count:
        names["".join(chance.choice(_ONSETS) + chance.choice(_VOWELS) for _ in range(3))] = None
    return list(names)


def column_names(count: int) -> list[str]:
    """`weight`, `height` …; from the 21st on two of them: `weight_height`, which is not `height_weight`."""
    pairs = (f"{first}_{second}" for first, second in itertools.permutations(_COLUMN, 2))
    return [*_COLUMN, *pairs][:count]


def make(path: Path, shape: Shape) -> None:
    """Write the database; a table has `id`, `name`, a key to the table before it, and whole numbers."""
    names, columns = table_names(shape.tables), column_names(shape.columns)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = OFF")
    for number, name in enumerate(names):
        key = f", before_id INTEGER REFERENCES {names[number - 1]}(id)" if number else ""
        numbers = "".join(f", {column} INTEGER" for column in columns)
        connection.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, name TEXT{numbers}{key})")
        values = ", ".join(f"(n * {7 + i} + {number}) % {100 + 13 * i}" for i in range(len(columns)))
        connection.execute(
            f"INSERT INTO {name} WITH RECURSIVE rows(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows LIMIT ?) "
            f"SELECT n, '{name} ' || n{', ' + values if values else ''}"
            f"{', n' if number else ''} FROM rows",
            (shape.rows,),
        )
    connection.commit()
    connection.close()


def asked(shape: Shape, number: int, words: int = 0) -> tuple[str, str]:
    """The `number`-th question about a database of this shape, at least so many words long, and its statement."""
    names, columns = table_names(shape.tables), column_names(shape.columns)
    name = names[number * max(1, shape.tables // 7) % shape.tables]
    column = columns[number % len(columns)]
    limit = 10 + number
    question = f"How many {name}s have a {column.replace('_', ' ')} over {limit}?"
    filler = "I have been asked about this by somebody who would like to know it before the end of the day ."
    extra = (filler.split() * (words // 18 + 1))[: max(0, words - len(question.split()))]
    if extra:
        question = f"{' '.join(extra)}. {question}"
    return question, f"SELECT COUNT(*) FROM {name} WHERE {column} > {limit}"
