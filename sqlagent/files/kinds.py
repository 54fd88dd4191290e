"""Tell what a file is, by its first bytes and then by its name: `sales.csv.gz` is a CSV file under gzip."""

from __future__ import annotations

from pathlib import Path

SQLITE = "sqlite"
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"SQLite format 3\x00", SQLITE),
    (b"\x1f\x8b", "gzip"),
    (b"PAR1", "parquet"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "xls"),
    (b"PK\x03\x04", "zip"),
)
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".json": "json",
    ".geojson": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".sql": "sql",
    ".parquet": "parquet",
    ".xlsx": "sheet",
    ".xlsm": "sheet",
    ".xlsb": "sheet",
    ".xls": "sheet",
    ".ods": "sheet",
}
"""What a name's ending says where the first bytes do not."""
HEAD = 4096
"""Bytes that tell what a file is."""
SHEETS = frozenset((".xlsx", ".xlsm", ".xlsb", ".ods"))


def kind_of(name: str, head: bytes) -> str | None:
    """The kind of a file that is called `name` and begins with `head` (HEAD bytes); None of any other file."""
    suffix = Path(name).suffix.lower()
    for magic, kind in MAGIC:
        if head.startswith(magic):
            if kind == "zip":
                return "sheet" if suffix in SHEETS else "zip"
            return "sheet" if kind == "xls" else kind
    if suffix == ".txt":
        return "csv" if _has_fields(head) else None
    return SUFFIXES.get(suffix)


def _has_fields(head: bytes) -> bool:
    """Whether two lines or more hold the same mark between fields, as often each."""
    lines = [line for line in head.split(b"\n")[:-1] if line.strip()][:20]
    counts = ({line.count(mark) for line in lines} for mark in (b"\t", b";", b",", b"|"))
    return len(lines) > 1 and any(len(found) == 1 and found != {0} for found in counts)


def loadable(path: str | Path) -> bool:
    """Whether a file is of another kind than SQLite's and can be loaded into a database."""
    return kind_at(path) not in (None, SQLITE)


def kind_at(path: str | Path) -> str | None:
    """The kind of the file at `path`; None where there is no such file, or none of a kind that can be loaded."""
    try:
        with open(path, "rb") as file:
            return kind_of(str(path), file.read(HEAD))
    except OSError:
        return None
