"""Say what a file or an address is that is no SQLite database, and the way out.

    sales.parquet  →  "sales.parquet is a Parquet file, not a SQLite database; load it into one first: …"

Formats are told by their first bytes, never by their name alone. A password in an address is never repeated.
"""

from __future__ import annotations

import os
import re
import zipfile
from pathlib import Path

from sqlagent.base.errors import DatabaseError, UsageError

_SQLITE = b"SQLite format 3\x00"
_AS_CSV = "save it as CSV and load that: `sqlite3 new.db '.import --csv FILE t'`"
_WAYS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PAR1", "a Parquet file", "load it into one with `duckdb` or pandas"),
    (8, b"DUCK", "a DuckDB database", "copy its tables into one with DuckDB's `ATTACH '…' (TYPE sqlite)`"),
    (4, b"Standard Jet DB", "an Access database", "convert it with `mdb-sqlite` or `mdb-export` (mdbtools)"),
    (4, b"Standard ACE DB", "an Access database", "convert it with `mdb-sqlite` or `mdb-export` (mdbtools)"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it first: `gunzip FILE`"),
    (0, b"BZh", "a bzip2 archive", "unpack it first: `bunzip2 FILE`"),
    (0, b"\xfd7zXZ\x00", "an xz archive", "unpack it first: `unxz FILE`"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it first: `unzstd FILE`"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"),
    (0, b"PGDMP", "a PostgreSQL dump", "restore it with `pg_restore`, then export its tables as CSV"),
    (
        0,
        b"\xd0\xcf\x11\xe0",
        "an old Excel or Office file",
        "save it as CSV and load that: `sqlite3 new.db '.import --csv FILE t'`",
    ),
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
_IMPORT = "load it into one: `sqlite3 new.db '.import --csv {name} t'`, then ask new.db"
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
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    return _text(path, head)


def _zipped(path: Path) -> tuple[str, str]:
    way = _AS_CSV
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        names = set()
    if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
        return "an Excel workbook", way
    if "content.xml" in names and "mimetype" in names:
        return "an OpenDocument file", way
    return "a ZIP archive", "unpack it first"


def _text(path: Path, head: bytes) -> tuple[str, str] | None:
    if b"\x00" in head:
        return None
    if _DUMP.match(head) and re.search(
        rb"\b(?:CREATE TABLE|INSERT INTO|BEGIN TRANSACTION)\b", head, re.IGNORECASE
    ):
        return "a dump in SQL", f"load it into one: `sqlite3 new.db < {path.name}`, then ask new.db"
    if head.lstrip()[:1] in (b"{", b"["):
        return "a JSON file", "load it into one with `sqlite-utils insert new.db t FILE`"
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
            return what, _IMPORT.format(name=path.name)
    return None
