"""Make the small databases that the corpora ask about, from `databases.txt`: DDL and rows, the same each time.

    clinic
    doctor 8: id; name =person; supervisor_id >doctor?; hired_on =date 2005..2022

is a table of eight doctors. A column is `id`, a reference (`>table`, `?` for some without; a reference to its own table
is always to an earlier row), or drawn: `=person`, `=pick a|b`, `=list a|b` (one after the other), `=int 1..9`,
`=real 1..9`, `=date 2005..2022` (a day), `=moment 2005..2022` (a day and a time), `=after column 1..9` (days later),
`=later column 20..300` (minutes later). A `?` at the end leaves a third of the values out. Lines that begin with `!`
are statements that run last.

Invariant: no database depends on another, so one can be changed without changing the others.
"""

from __future__ import annotations

import random
import re
from datetime import date, datetime, timedelta
from pathlib import Path

TEXT = Path(__file__).with_name("databases.txt")
_TABLE = re.compile(r"(\w+) (\d+): (.+)")
_COLUMN = re.compile(r"(\w+)(?: (>\w+|=\w+)(?: (.+?))?)?(\?)?\Z")


def scripts() -> dict[str, str]:
    """Each database's name and the statements that make it."""
    people, *specs = TEXT.read_text(encoding="utf-8").strip().split("\n\n")
    names = people.removeprefix("people ").split("|")
    return {name: _script(name, lines, names) for name, *lines in map(str.splitlines, specs)}


def _script(database: str, lines: list[str], names: list[str]) -> str:
    rng = random.Random(database)
    made, last = list[str](), list[str]()
    sizes = {match[1]: int(match[2]) for line in lines if (match := _TABLE.match(line))}
    for line in lines:
        if line.startswith("!"):
            last.append(f"{line[1:]};")
            continue
        match = _TABLE.match(line)
        assert match is not None, line
        columns = [_column(text) for text in match[3].split("; ")]
        declared = ", ".join(f"{name} {_declared(kind)}" for name, kind, _, _ in columns)
        made.append(f"CREATE TABLE {match[1]} ({declared});")
        rows, people = [], rng.sample(names, len(names))
        for n in range(1, int(match[2]) + 1):
            row: dict[str, object] = {}
            for name, kind, argument, some in columns:
                value = _value(kind, argument, n, row, rng, people, sizes, match[1])
                row[name] = None if some and rng.random() < 1 / 3 else value
            rows.append(f"({', '.join(map(_literal, row.values()))})")
        made.append(f"INSERT INTO {match[1]} VALUES {', '.join(rows)};")
    return "\n".join([*made, *last])


def _column(text: str) -> tuple[str, str, str, bool]:
    """A column's name, its kind, what the kind is told, and whether some are left out."""
    match = _COLUMN.match(text)
    assert match is not None, text
    return match[1], match[2] or "id", match[3] or "", bool(match[4])


def _declared(kind: str) -> str:
    if kind == "id":
        return "INTEGER PRIMARY KEY"
    if kind.startswith(">"):
        return f"INTEGER REFERENCES {kind[1:]}(id)"
    return {"=int": "INTEGER", "=real": "REAL", "=date": "DATE", "=after": "DATE"}.get(
        kind, "DATETIME" if kind in ("=moment", "=later") else "TEXT"
    )


def _value(
    kind: str,
    argument: str,
    n: int,
    row: dict[str, object],
    rng: random.Random,
    people: list[str],
    sizes: dict[str, int],
    table: str,
) -> object:
    if kind == "id":
        return n
    if kind == ">" + table:
        return rng.randint(1, n - 1) if n > 1 else None
    if kind.startswith(">"):
        return rng.randint(1, sizes[kind[1:]])
    if kind == "=person":
        return people[(n - 1) % len(people)]
    if kind in ("=pick", "=list"):
        words = argument.split("|")
        word = rng.choice(words) if kind == "=pick" else words[(n - 1) % len(words)]
        return int(word) if word.isdigit() else word
    if kind in ("=after", "=later"):
        column, bounds = argument.split()
        low, high = map(int, bounds.split(".."))
        start = datetime.fromisoformat(str(row[column]))
        if kind == "=after":
            return str((start + timedelta(days=rng.randint(low, high))).date())
        return str(start + timedelta(minutes=rng.randint(low, high)))
    low, high = map(int, argument.split(".."))
    if kind == "=int":
        return rng.randint(low, high)
    if kind == "=real":
        return round(rng.uniform(low, high), 2)
    day = date(low, 1, 1) + timedelta(days=rng.randrange((date(high, 12, 31) - date(low, 1, 1)).days))
    return str(day) if kind == "=date" else f"{day} {rng.randrange(6, 22):02}:{rng.randrange(60):02}:00"


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"
