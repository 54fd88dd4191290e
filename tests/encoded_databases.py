"""Databases that hold the same rows in every encoding, and questions with the rows that answer them.

    python tests/encoded_databases.py          # writes tests/data/encodings.jsonl
    python tests/encoded_databases.py DIR      # a set for `python -m bench accuracy --data DIR --split questions`

A line is `{shape, encoding, question, sql, rows}`: `sql` is the logical statement, `rows` what its plain form gives on
a copy of the database with plain types.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent / "data" / "encodings.jsonl"
UNIX = datetime(1970, 1, 1)
ROWS = 60


@dataclass(frozen=True)
class Shape:
    """A pair of tables: things that happen, each with an owner. `time` and `number` name the encoded column."""

    table: str
    owners: str
    owner: str
    time: str
    number: str
    word: str
    seed: int


SHAPES = {
    "clinic": Shape("visits", "patients", "patient_id", "visit_date", "fee", "visits", 1),
    "shop": Shape("orders", "customers", "customer_id", "ordered_at", "total", "orders", 2),
    "music": Shape("plays", "tracks", "track_id", "played_at", "plays_made", "plays", 3),
}
NAMES = ("Ada", "Björn", "Chloe", "Dmitri", "Elif", "Farid", "Greta")


@dataclass(frozen=True)
class Encoding:
    """How one column is stored: its declared type, and the stored form of a plain value."""

    type: str
    store: Callable[[Any], Any]
    kind: str
    key: str = "id"
    column: str = ""


def _unix(moment: datetime) -> int:
    return int((moment - UNIX).total_seconds())


def _clock(seconds: int, fields: int) -> str:
    """Seconds as `h:mm:ss` or `m:ss`."""
    if fields == 2:
        return f"{seconds // 60}:{seconds % 60:02}"
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _days(moment: datetime) -> float:
    return (moment - UNIX).total_seconds() / 86_400


ENCODINGS: dict[str, Encoding] = {
    "unix_s": Encoding("INTEGER", _unix, "datetime"),
    "unix_float": Encoding("REAL", lambda m: _unix(m) + 0.25, "datetime"),
    "unix_ms": Encoding("INTEGER", lambda m: _unix(m) * 1000 + 7, "datetime"),
    "unix_us": Encoding("INTEGER", lambda m: _unix(m) * 1_000_000 + 7, "datetime"),
    "unix_ns": Encoding("INTEGER", lambda m: _unix(m) * 10**9 + 7, "datetime"),
    "webkit_us": Encoding("INTEGER", lambda m: (_unix(m) + 11_644_473_600) * 1_000_000, "datetime"),
    "filetime": Encoding("INTEGER", lambda m: (_unix(m) + 11_644_473_600) * 10_000_000, "datetime"),
    "net_ticks": Encoding(
        "INTEGER", lambda m: (_unix(m) + 62_135_596_800) * 10_000_000, "datetime", column="ticks_at"
    ),
    "cocoa_s": Encoding("TIMESTAMP", lambda m: _unix(m) - 978_307_200, "datetime", key="Z_PK"),
    "cocoa_ns": Encoding("INTEGER", lambda m: (_unix(m) - 978_307_200) * 10**9, "datetime", key="Z_PK"),
    "julian_day": Encoding("REAL", lambda m: 2_440_587.5 + _days(m), "datetime"),
    "yyyymmddhhmmss": Encoding("INTEGER", lambda m: int(f"{m:%Y%m%d%H%M%S}"), "datetime"),
    "us_with_time": Encoding("TEXT", lambda m: f"{m.month}/{m.day}/{m.year} {m:%H:%M:%S}", "datetime"),
    "dmy_with_time": Encoding("TEXT", lambda m: f"{m:%d.%m.%Y %H:%M:%S}", "datetime"),
    "ampm": Encoding("TEXT", lambda m: f"{m:%m/%d/%Y %I:%M:%S %p}", "datetime"),
    "unix_days_ms": Encoding("INTEGER", lambda m: _unix(m) * 1000, "date"),
    "excel": Encoding("INTEGER", lambda m: 25_569 + int(_days(m)), "date", column="start_date"),
    "yyyymmdd": Encoding("INTEGER", lambda m: int(f"{m:%Y%m%d}"), "date"),
    "yyyymmdd_text": Encoding("TEXT", lambda m: f"{m:%Y%m%d}", "date"),
    "dmy": Encoding("TEXT", lambda m: f"{m:%d/%m/%Y}", "date"),
    "dmy_loose": Encoding("TEXT", lambda m: f"{m.day}/{m.month}/{m.year}", "date"),
    "mdy": Encoding("TEXT", lambda m: f"{m:%m/%d/%Y}", "date"),
    "dotted": Encoding("TEXT", lambda m: f"{m:%d.%m.%Y}", "date"),
    "slashed_iso": Encoding("TEXT", lambda m: f"{m:%Y/%m/%d}", "date"),
    "worded": Encoding("TEXT", lambda m: f"{m.day} {m:%B} {m.year}", "date"),
    "worded_us": Encoding("TEXT", lambda m: f"{m:%b} {m.day}, {m.year}", "date"),
    "worded_lower": Encoding("TEXT", lambda m: f"{m:%B} {m.day}, {m.year}".lower(), "date"),
    "worded_mixed": Encoding(
        "TEXT", lambda m: f"{m.day} {m:%B} {m.year}" if m.day % 2 else f"{m:%b} {m.day} {m.year}", "date"
    ),
    "camera": Encoding("TEXT", lambda m: f"{m:%Y:%m:%d %H:%M:%S}", "datetime"),
    "oracle": Encoding("TEXT", lambda m: f"{m:%d-%b-%Y}".upper(), "date"),
    "date_or_blank": Encoding("TEXT", lambda m: "" if m.day == 3 else f"{m:%d/%m/%Y}", "date?"),
    "zero_or_unix": Encoding("INTEGER", lambda m: 0 if m.day == 3 else _unix(m), "datetime?"),
    "number": Encoding("TEXT", str, "number"),
    "thousands": Encoding("TEXT", lambda n: f"{n:,.2f}", "number"),
    "european": Encoding(
        "TEXT", lambda n: f"{n:,.2f}".replace(",", "_").replace(".", ",").replace("_", "."), "number"
    ),
    "dollars": Encoding("TEXT", lambda n: f"$ {n:,.2f}", "number"),
    "percent": Encoding("TEXT", lambda n: f"{n} %", "number"),
    "with_unit": Encoding("TEXT", lambda n: f"{n} km", "number"),
    "thousand_letter": Encoding("TEXT", lambda n: f"{n / 1000}K" if n >= 1000 else str(n), "number"),
    "number_or_na": Encoding("TEXT", lambda n: "N/A" if n < 40 else str(n), "number?"),
    "number_or_blank": Encoding("TEXT", lambda n: "" if n < 40 else str(n), "number?"),
    "duration": Encoding("TEXT", lambda n: _clock(n, 3), "number", column="duration"),
    "duration_short": Encoding(
        "TEXT", lambda n: _clock(n, 3 if n >= 3600 else 2), "number", column="elapsed"
    ),
    "duration_or_blank": Encoding(
        "TEXT", lambda n: "" if n < 40 else _clock(n, 3), "number?", column="playtime"
    ),
    "lap_time": Encoding("TEXT", lambda n: _clock(n, 2) + ".00", "number", column="lap_time"),
    "yes_no": Encoding("TEXT", lambda n: "Y" if n > 1000 else "N", "flag"),
    "true_false": Encoding("TEXT", lambda n: "true" if n > 1000 else "false", "flag"),
    "padded": Encoding("TEXT", lambda n: ("big" if n > 1000 else "small").ljust(8), "padded"),
    "text_or_na": Encoding("TEXT", lambda n: "N/A" if n < 200 else f"note {int(n) % 9}", "text?"),
}

Question = tuple[str, str, str]
"""Question, logical statement, plain statement ("" for the same)."""

TIMES: list[Question] = [
    ("How many {word} were there in 2023?", "SELECT COUNT(*) FROM {t} WHERE {c} LIKE '2023%'", ""),
    (
        "How many {word} were there in March 2024?",
        "SELECT COUNT(*) FROM {t} WHERE {c} BETWEEN '2024-03-01' AND '2024-03-31'",
        "SELECT COUNT(*) FROM {t} WHERE DATE({c}) BETWEEN '2024-03-01' AND '2024-03-31'",
    ),
    (
        "How many {word} were there after 1 June 2024?",
        "SELECT COUNT(*) FROM {t} WHERE {c} > '2024-06-01'",
        "SELECT COUNT(*) FROM {t} WHERE DATE({c}) > '2024-06-01'",
    ),
    (
        "How many {word} were there in each year?",
        "SELECT STRFTIME('%Y', {c}), COUNT(*) FROM {t} GROUP BY STRFTIME('%Y', {c})",
        "",
    ),
    (
        "Whose was the most recent one?",
        "SELECT o.name FROM {t} AS e JOIN {o} AS o ON o.id = e.{fk} ORDER BY e.{c} DESC LIMIT 1",
        "",
    ),
    ("When was the last one?", "SELECT MAX({c}) FROM {t}", ""),
    (
        "Which month had the most {word}?",
        "SELECT STRFTIME('%Y-%m', {c}) AS month FROM {t} GROUP BY month ORDER BY COUNT(*) DESC, month LIMIT 1",
        "",
    ),
    (
        "How many days lie between the first and the last one?",
        "SELECT CAST(JULIANDAY(DATE(MAX({c}))) - JULIANDAY(DATE(MIN({c}))) AS INTEGER) FROM {t}",
        "",
    ),
    ("Which {word} were on 3 May 2024?", "SELECT {key} FROM {t} WHERE DATE({c}) = '2024-05-03'", ""),
    (
        "Whose have been the last in 2022?",
        "SELECT DISTINCT o.name FROM {o} AS o JOIN {t} AS e ON e.{fk} = o.id"
        " WHERE e.{c} = (SELECT MAX({c}) FROM {t} WHERE {c} < '2023-01-01')",
        "",
    ),
    ("How many {word} have no date?", "SELECT COUNT(*) FROM {t} WHERE {c} IS NULL", ""),
    ("How many {word} have a date?", "SELECT COUNT({c}) FROM {t}", ""),
    ("List the first three dates.", "SELECT {c} FROM {t} WHERE {c} IS NOT NULL ORDER BY {c} LIMIT 3", ""),
    (
        "How many {word} were there in the seven days before 15 June 2023?",
        "SELECT COUNT(*) FROM {t} WHERE {c} >= DATE('2023-06-15', '-7 days') AND {c} < '2023-06-15'",
        "",
    ),
    (
        "How many {word} were not in 2023 or 2024?",
        "SELECT COUNT(*) FROM {t} WHERE SUBSTR({c}, 1, 4) NOT IN ('2023', '2024')",
        "",
    ),
]
NUMBERS: list[Question] = [
    ("What is the highest {c}?", "SELECT MAX({c}) FROM {t}", ""),
    ("What is the lowest {c}?", "SELECT MIN({c}) FROM {t}", ""),
    ("What is the average {c}?", "SELECT ROUND(AVG({c}), 4) FROM {t}", ""),
    ("What is the sum of {c} of each person?",
     "SELECT o.name, ROUND(SUM(e.{c}), 4) FROM {t} AS e JOIN {o} AS o ON o.id = e.{fk} GROUP BY o.id", ""),
    ("How many {word} have a {c} over 99?", "SELECT COUNT(*) FROM {t} WHERE {c} > 99", ""),
    ("Which five {word} have the lowest {c}?",
     "SELECT {key} FROM {t} WHERE {c} IS NOT NULL ORDER BY {c}, {key} LIMIT 5", ""),
    ("How many {word} have a {c} from 100 to 1500?", "SELECT COUNT(*) FROM {t} WHERE {c} BETWEEN 100 AND 1500", ""),
    ("Which {word} have a {c} above the average?",
     "SELECT {key} FROM {t} WHERE {c} > (SELECT AVG({c}) FROM {t})", ""),
    ("How many {word} have a {c}?", "SELECT COUNT({c}) FROM {t}", ""),
    ("How many {word} have no {c}?", "SELECT COUNT(*) FROM {t} WHERE {c} IS NULL OR {c} = ''",
     "SELECT COUNT(*) FROM {t} WHERE {c} IS NULL"),
]  # fmt: skip
FLAGS: list[Question] = [
    ("How many are marked?", "SELECT COUNT(*) FROM {t} WHERE {c} = 1", ""),
    ("How many are not marked?", "SELECT COUNT(*) FROM {t} WHERE {c} = 0", ""),
    ("How many are marked, as a sum?", "SELECT SUM({c}) FROM {t}", ""),
    ("What share is marked?", "SELECT ROUND(AVG({c}), 6) FROM {t}", ""),
    ("Which are marked?", "SELECT {key} FROM {t} WHERE {c}", ""),
    ("Which are not?", "SELECT {key} FROM {t} WHERE NOT {c}", ""),
    ("How many are marked of each person?",
     "SELECT o.name, COUNT(*) FROM {t} AS e JOIN {o} AS o ON o.id = e.{fk} WHERE e.{c} = TRUE GROUP BY o.id", ""),
    ("How many are not marked, said otherwise?", "SELECT COUNT(*) FROM {t} WHERE {c} != 1", ""),
]  # fmt: skip
PADDED: list[Question] = [
    ("How many are big?", "SELECT COUNT(*) FROM {t} WHERE {c} = 'big'", ""),
    ("How many are not big?", "SELECT COUNT(*) FROM {t} WHERE {c} != 'big'", ""),
    ("How many are big or small?", "SELECT COUNT(*) FROM {t} WHERE {c} IN ('big', 'small')", ""),
    ("How many end in all?", "SELECT COUNT(*) FROM {t} WHERE {c} LIKE '%all'", ""),
    ("How many are of each size?", "SELECT COUNT(*) FROM {t} GROUP BY {c}", ""),
    ("How many sizes are there?", "SELECT COUNT(DISTINCT {c}) FROM {t}", ""),
    ("Which are big?", "SELECT {key} FROM {t} WHERE {c} = 'big' ORDER BY {key}", ""),
    ("Which are small?", "SELECT {key} FROM {t} WHERE {c} IN ('small')", ""),
]
TEXTS: list[Question] = [
    ("How many have no note?", "SELECT COUNT(*) FROM {t} WHERE {c} IS NULL", ""),
    ("How many have a note?", "SELECT COUNT(*) FROM {t} WHERE {c} IS NOT NULL", ""),
    ("How many notes are there?", "SELECT COUNT({c}) FROM {t}", ""),
    ("How many different notes are there?", "SELECT COUNT(DISTINCT {c}) FROM {t}", ""),
    ("Which is the first note?", "SELECT MIN({c}) FROM {t}", ""),
    ("Which have no note?", "SELECT {key} FROM {t} WHERE {c} ISNULL", ""),
    ("How many are note 3?", "SELECT COUNT(*) FROM {t} WHERE {c} = 'note 3'", ""),
    ("Which have an empty note?", "SELECT {key} FROM {t} WHERE {c} = '' OR {c} IS NULL",
     "SELECT {key} FROM {t} WHERE {c} IS NULL"),
]  # fmt: skip
QUESTIONS = {
    "date": TIMES,
    "datetime": TIMES,
    "number": NUMBERS,
    "flag": FLAGS,
    "padded": PADDED,
    "text": TEXTS,
}


def build(shape: Shape, name: str, *, plain: bool) -> sqlite3.Connection:
    """The database of a shape with one column in an encoding, or as it is meant."""
    encoding = ENCODINGS[name]
    column = column_of(shape, encoding)
    connection = sqlite3.connect(":memory:")
    kind = encoding.kind.rstrip("?")
    type_ = {"date": "DATE", "datetime": "DATETIME", "number": "REAL", "flag": "BOOLEAN"}.get(kind, "TEXT")
    connection.execute(f"CREATE TABLE {shape.owners} (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute(
        f"CREATE TABLE {shape.table} ({encoding.key} INTEGER PRIMARY KEY, {shape.owner} INTEGER REFERENCES"
        f" {shape.owners}(id), {column} {type_ if plain else encoding.type})"
    )
    connection.executemany(f"INSERT INTO {shape.owners} VALUES (?, ?)", enumerate(NAMES, 1))
    for number, value in enumerate(_values(shape, kind), 1):
        stored = encoding.store(value)
        if plain:
            stored = _plain(value, stored, encoding.kind)
        row = (number, number * 5 % len(NAMES) + 1, stored)
        connection.execute(f"INSERT INTO {shape.table} VALUES (?, ?, ?)", row)
    return connection


def column_of(shape: Shape, encoding: Encoding) -> str:
    named = shape.time if encoding.kind.startswith("date") else shape.number
    return encoding.column or named


def _values(shape: Shape, kind: str) -> Iterator[Any]:
    draw = random.Random(shape.seed)
    for number in range(ROWS):
        if kind.startswith("date"):
            moment = datetime(2022, 1, 1) + timedelta(
                days=draw.randrange(1090), seconds=draw.randrange(86_400)
            )
            if number == 7:
                moment = datetime(2024, 5, 3, 21, 5, 9)
            if number in (8, 9):
                moment = datetime(2024, 3, 31, 23, 59, 59) - timedelta(days=number * 30 - 240)
            yield moment if kind == "datetime" else moment.replace(hour=0, minute=0, second=0)
        else:
            yield draw.choice([draw.randrange(1, 99), draw.randrange(100, 999), draw.randrange(1000, 99_999)])


def _plain(value: Any, stored: Any, kind: str) -> Any:
    if kind.endswith("?") and stored in ("", 0, "N/A"):
        return None
    if kind.startswith("date"):
        return (
            f"{value:%Y-%m-%d}"
            if kind.startswith("date") and "time" not in kind
            else f"{value:%Y-%m-%d %H:%M:%S}"
        )
    if kind.startswith("number"):
        return value
    if kind == "flag":
        return int(value > 1000)
    return stored.rstrip(" ")


def cases() -> Iterator[dict[str, Any]]:
    """All lines of the file."""
    for shape_name, shape in SHAPES.items():
        for name, encoding in ENCODINGS.items():
            connection = build(shape, name, plain=True)
            words = {
                "t": shape.table, "o": shape.owners, "fk": shape.owner, "key": encoding.key, "word": shape.word,
                "c": column_of(shape, encoding),
            }  # fmt: skip
            for question, logical, plain in QUESTIONS[encoding.kind.rstrip("?")]:
                rows = connection.execute((plain or logical).format(**words)).fetchall()
                yield {
                    "shape": shape_name,
                    "encoding": name,
                    "question": question.format(**words),
                    "sql": logical.format(**words),
                    "rows": rows,
                }


def save(folder: Path) -> None:
    """Write the encoded databases and their questions as `bench accuracy` reads them; gold gives the rows."""
    for shape_name, shape in SHAPES.items():
        for name in ENCODINGS:
            file = folder / "database" / f"{shape_name}_{name}" / f"{shape_name}_{name}.sqlite"
            file.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(build(shape, name, plain=False)) as made:
                made.commit()
                made.execute("VACUUM INTO ?", (str(file),))
    questions = [
        {
            "db_id": f"{case['shape']}_{case['encoding']}",
            "question": case["question"],
            "query": " UNION ALL ".join(f"SELECT {', '.join(map(_literal, row))}" for row in case["rows"])
            or "SELECT 1 WHERE 0",
        }
        for case in cases()
    ]
    (folder / "questions.json").write_text(json.dumps(questions, indent=1) + "\n", encoding="utf-8")


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    if sys.argv[1:]:
        save(Path(sys.argv[1]))
        sys.exit()
    with CASES.open("w", encoding="utf-8") as sink:
        for case in cases():
            sink.write(json.dumps(case, ensure_ascii=False) + "\n")
