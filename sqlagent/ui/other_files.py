"""Say what a file or an address is that is no SQLite database, and the way out.

    shop.duckdb  →  "shop.duckdb is a DuckDB database, not a SQLite database; copy its tables into one with …"

What `sqlagent.files` loads never comes here, but for text whose name says that it is a database. Formats are told by
their first bytes, never by their name alone. A password in an address is never repeated.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlagent.base.errors import DatabaseError, UsageError

_SQLITE = b"SQLite format 3\x00"
_WAYS: tuple[tuple[int, bytes, str, str], ...] = (
    (8, b"DUCK", "a DuckDB database", "copy its tables into one with DuckDB's `ATTACH '…' (TYPE sqlite)`"),
    (4, b"Standard Jet DB", "an Access database", "convert it with `mdb-sqlite` or `mdb-export` (mdbtools)"),
    (4, b"Standard ACE DB", "an Access database", "convert it with `mdb-sqlite` or `mdb-export` (mdbtools)"),
    (0, b"BZh", "a bzip2 archive", "unpack it first: `bunzip2 FILE`"),
    (0, b"\xfd7zXZ\x00", "an xz archive", "unpack it first: `unxz FILE`"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it first: `unzstd FILE`"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (0, b"PGDMP", "a PostgreSQL dump", "restore it with `pg_restore`, then export its tables as CSV"),
    (0, b"ARROW1", "an Arrow file", "load it into one with `duckdb` or pandas"),
    (0, b"Obj\x01", "an Avro file", "load it into one with `duckdb` or pandas"),
    (0, b"\x89HDF", "an HDF5 file", "load it into one with pandas"),
    (0, b"%PDF", "a PDF document", "name a SQLite file"),
    (
        0,
        b"** This file contains an SQLite 2",
        "a SQLite 2 database",
        "convert it: `sqlite FILE .dump | sqlite3 new.db`",
    ),
    (0, b"GGUF", "a model", "name it with --model, and a database before the question"),
)
_RENAMED = "sqlagent loads it where its name ends in {suffix}"
_DUMP = re.compile(rb"^\s*(?:--|/\*|PRAGMA |BEGIN|CREATE |INSERT |DROP TABLE|SET |USE )", re.IGNORECASE)
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//?)?(.*)", re.DOTALL)
_LOGIN = re.compile(
    r"(\b[A-Za-z][\w+.-]*:/{1,3})[^/?#\s]*:[^/?#\s]*@"
)  # one slash is left where it became a path
_PASSWORD = re.compile(
    r"(?<=[?&;\s])((?:password|pwd|passwd|token|secret|key|auth\w*)=)[^&;\s]+", re.IGNORECASE
)


def without_secrets(text: str) -> str:
    """A text in which addresses have lost who logs in, and with which password."""
    if "=" in text:
        text = _PASSWORD.sub(r"\1…", text)
    return _LOGIN.sub(r"\1…@", text) if ":/" in text else text


def check(database: str) -> None:
    """Raise UsageError for what is no path, DatabaseError for a file of another format; else do nothing."""
    if not database.strip():
        raise UsageError("The name of the database is empty; name a SQLite file.")
    if not os.path.exists(database) and (found := _ADDRESS.fullmatch(database)) and len(found[1]) > 1:
        raise UsageError(_address(database, found[1].lower(), found[3]))
    path = Path(database)
    if path.is_dir():
        files = sorted(
            p.name for p in path.iterdir() if p.suffix.lower() in (".db", ".sqlite", ".sqlite3", ".db3")
        )
        hint = f", such as {files[0]}" if files else ""
        raise DatabaseError(f"{database} is a directory; name the SQLite file in it{hint}.")
    if path.is_file() and (said := _format(path)):
        what, way = said
        raise DatabaseError(f"{database} is {what}, not a SQLite database; {way}.")


def _address(database: str, scheme: str, rest: str) -> str:
    if scheme in ("sqlite", "sqlite3", "file") or scheme.startswith("sqlite+"):
        plain = rest.split("?")[0]
        # sqlite:///relative and sqlite:////absolute (SQLAlchemy); file:///absolute
        plain = (
            plain[1:] if scheme != "file" and database.count("/") >= 3 and plain.startswith("/") else plain
        )
        return f"Name the file itself, not an address: {plain or 'shop.db'} in place of {without_secrets(database)}."
    if scheme in ("http", "https", "ftp", "s3", "gs"):
        return f"{without_secrets(database)} is an address; sqlagent stays offline: fetch the file first and name it."
    return f"An address of a {scheme} server cannot be opened; sqlagent reads SQLite files: export the data into one."


def _format(path: Path) -> tuple[str, str] | None:
    """What a file is and the way out; None for a SQLite database, and for what is not known."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return None  # whoever opens it says why
    if not head or head.startswith(_SQLITE):
        return None
    for at, magic, what, way in _WAYS:
        if head[at : at + len(magic)] == magic:
            return what, way
    return _text(path, head)


def _text(path: Path, head: bytes) -> tuple[str, str] | None:
    if b"\x00" in head:
        return None
    if _DUMP.match(head) and re.search(
        rb"\b(?:CREATE TABLE|INSERT INTO|BEGIN TRANSACTION)\b", head, re.IGNORECASE
    ):
        return "a dump in SQL", _RENAMED.format(suffix=".sql")
    if head.lstrip()[:1] in (b"{", b"["):
        return "a JSON file", _RENAMED.format(suffix=".json")
    lines = [line for line in head.split(b"\n")[:-1] if line.strip()][:20]
    for mark, what in ((b"\t", "a TSV file"), (b",", "a CSV file"), (b";", "a CSV file")):
        if all(line.rstrip(b"\r ").endswith(mark) for line in lines):
            continue  # prose, a line of it ends so
        counts = {line.count(mark) for line in lines}
        if (
            lines
            and min(counts) > 0
            and (len(counts) == 1 or path.suffix.lower() in (".csv", ".tsv", ".txt"))
        ):
            return what, _RENAMED.format(suffix=".tsv" if mark == b"\t" else ".csv")
    return None
