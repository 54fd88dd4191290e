"""The layers of defence inside the worker, each of which can be switched off alone by a test.

Invariant: after `harden` a connection can compile nothing but reading statements, over tables and functions
that `authorizer.py` lists.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import sys

from sqlagent.sandbox import os_limits, standins
from sqlagent.sandbox import unreadable as unreadable_reasons
from sqlagent.sandbox.authorizer import FUNCTIONS, TABLE_FUNCTIONS, Authorizer, denied_tables
from sqlagent.sandbox.layers import SQL_LENGTH, Layers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMITS = {
    "SQLITE_LIMIT_LENGTH": 32 << 20,
    "SQLITE_LIMIT_SQL_LENGTH": SQL_LENGTH,
    "SQLITE_LIMIT_COLUMN": 2000,
    "SQLITE_LIMIT_EXPR_DEPTH": 500,
    "SQLITE_LIMIT_COMPOUND_SELECT": 100,
    "SQLITE_LIMIT_VDBE_OP": 250_000,
    "SQLITE_LIMIT_FUNCTION_ARG": 100,
    "SQLITE_LIMIT_ATTACHED": 0,
    "SQLITE_LIMIT_LIKE_PATTERN_LENGTH": 1000,
    "SQLITE_LIMIT_VARIABLE_NUMBER": 100,
    "SQLITE_LIMIT_TRIGGER_DEPTH": 1,
    "SQLITE_LIMIT_WORKER_THREADS": 0,
}
"""SQLite's run-time limits: bytes of a string or row, bytes of SQL, and so on (sqlite.org/limits.html)."""


class Leniency:
    """What a sound schema needs that a connection does not allow at first.

    trusting: let the schema call functions that SQLite does not mark as innocuous, but only those that are listed.
    tolerant: load what can be loaded of a schema in which one definition is refused.
    """

    def __init__(self, *, trusting: bool = False, tolerant: bool = False) -> None:
        self.trusting = trusting
        self.tolerant = tolerant


class Hardened:
    """A connection with every layer on it."""

    def __init__(self, authorizer: Authorizer | None, made: standins.Standins) -> None:
        self.authorizer = authorizer
        self.standins = made


def harden(
    connection: sqlite3.Connection, layers: Layers, *, memory: int, leniency: Leniency | None = None
) -> Hardened:
    """Put every layer on a fresh connection, the authorizer last. Reads the schema: raises sqlite3 errors.

    `memory` is the most bytes SQLite may use (0: no limit).
    """
    leniency = leniency or Leniency()
    # For loading the schema only: definitions that fail are passed over. The file is opened for reading.
    pragmas = ["writable_schema=ON"] if leniency.tolerant else []
    pragmas += ["temp_store=MEMORY", "mmap_size=0", "cache_size=-16384"]
    if layers.trusted_schema_off and not leniency.trusting:
        pragmas.append("trusted_schema=OFF")
    if layers.cell_size_check:
        pragmas.append("cell_size_check=ON")
    if layers.heap_limit and memory:
        pragmas.append(f"hard_heap_limit={memory}")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    if leniency.trusting:
        _override_unlisted(connection)
    unreadable = _refused_definitions(connection) if leniency.tolerant else {}
    made = standins.install(connection)
    if leniency.tolerant:
        connection.execute("PRAGMA writable_schema=OFF")
    if layers.query_only:
        connection.execute("PRAGMA query_only=ON")
    if layers.limits and hasattr(connection, "setlimit"):  # Python 3.11
        for name, value in _LIMITS.items():
            category = getattr(sqlite3, name, None)
            if category is not None and connection.getlimit(category) > value:  # type: ignore[attr-defined]
                connection.setlimit(category, value)
    if layers.defensive:
        _configure(connection, trusting=leniency.trusting)
    names = {
        str(row[0]).lower() for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    _connect_virtual_tables(connection)
    if not layers.authorizer:
        return Hardened(None, made)
    authorizer = Authorizer(
        layers,
        denied_tables(connection) - names,
        views=made.views,
        functions=made.functions,
        unreadable=unreadable,
    )
    connection.set_authorizer(authorizer)
    return Hardened(authorizer, made)


_INNOCUOUS, _DIRECT_ONLY = 0x200000, 0x80000
"""Flags in PRAGMA function_list (sqlite3.h: SQLITE_INNOCUOUS, SQLITE_DIRECTONLY)."""


def _override_unlisted(connection: sqlite3.Connection) -> None:
    """Replace the functions that only `trusted_schema=OFF` would refuse to a schema, unless they are listed.

    SQLite itself keeps those marked SQLITE_DIRECTONLY from schemas whatever the switch says.
    """

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("this function may not run here")

    found = connection.execute("SELECT DISTINCT name, narg, flags FROM pragma_function_list").fetchall()
    for name, arguments, flags in found:
        if not flags & (_INNOCUOUS | _DIRECT_ONLY) and str(name).lower() not in FUNCTIONS:
            with contextlib.suppress(sqlite3.Error):
                connection.create_function(name, arguments, refuse)


def _refused_definitions(connection: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    """Folded name → (cause, reason), of tables that SQLite passed over or, worse, loaded in part."""
    direct = {"load_extension", "fts3_tokenizer"}
    with contextlib.suppress(sqlite3.Error):
        rows = connection.execute(f"SELECT name FROM pragma_function_list WHERE flags & {_DIRECT_ONLY}")
        direct.update(str(name).lower() for (name,) in rows)
    found: dict[str, tuple[str, str]] = {}
    for name, sql in connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table'"
    ).fetchall():
        called = sorted(direct & {word.lower() for word in re.findall(r"[^\W\d]\w*", str(sql))})
        if called:
            found[str(name).lower()] = unreadable_reasons.why(f"unsafe use of {called[0]}()")
            continue
        cause, reason = _reason(str(sql))
        if cause is not None and cause not in _LOADED_ANYWAY:
            found[str(name).lower()] = cause, reason
    return found


_LOADED_ANYWAY = frozenset(
    {
        unreadable_reasons.FUNCTION,
        unreadable_reasons.COLLATION,
        unreadable_reasons.MODULE,
        unreadable_reasons.TOKENIZER,
    }
)
"""What SQLite misses only when it compiles a statement: such a definition is loaded whole."""


def _reason(sql: str) -> tuple[str | None, str]:
    """The cause for which SQLite does not take a definition, in words too; (None, "") when it does."""
    scratch = sqlite3.connect(":memory:", isolation_level=None)
    try:
        scratch.execute(sql)
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, ValueError) as error:
        return unreadable_reasons.why(str(error))
    finally:
        scratch.close()
    return None, ""


def _configure(connection: sqlite3.Connection, *, trusting: bool = False) -> None:
    """Switches that Python offers since 3.12 (sqlite3_db_config), and extension loading off."""
    if hasattr(connection, "enable_load_extension"):
        connection.enable_load_extension(False)
    if not hasattr(connection, "setconfig"):
        return
    for name, on in (
        ("SQLITE_DBCONFIG_DEFENSIVE", True),
        ("SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE", True),
        ("SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION", False),
        ("SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER", False),
        ("SQLITE_DBCONFIG_TRUSTED_SCHEMA", trusting),
        ("SQLITE_DBCONFIG_WRITABLE_SCHEMA", False),
        ("SQLITE_DBCONFIG_ENABLE_TRIGGER", False),
    ):
        code = getattr(sqlite3, name, None)
        if code is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.setconfig(code, on)


def _connect_virtual_tables(connection: sqlite3.Connection) -> None:
    """Let virtual tables declare themselves while that, which looks like writing, is not refused yet."""
    query = "SELECT name FROM sqlite_master WHERE type='table' AND sql LIKE 'CREATE VIRTUAL%' LIMIT 100"
    names = [str(row[0]) for row in connection.execute(query)]
    for name in [*names, *sorted(TABLE_FUNCTIONS)]:
        quoted = '"' + name.replace('"', '""') + '"'
        with contextlib.suppress(sqlite3.Error):
            connection.execute(f"SELECT 1 FROM {quoted} LIMIT 0")


def limits(connection: sqlite3.Connection) -> dict[int, int]:
    """SQLite's run-time limits as they are on a connection, by category."""
    if not hasattr(connection, "getlimit"):
        return {}
    codes = [getattr(sqlite3, name, None) for name in _LIMITS]
    return {code: connection.getlimit(code) for code in codes if code is not None}


def set_limits(connection: sqlite3.Connection, values: Mapping[int, int]) -> None:
    """Put back what `limits` gave."""
    for code, value in values.items():
        connection.setlimit(code, value)  # type: ignore[attr-defined]


def forbid_writing(layers: Layers) -> list[str]:
    """Take from this thread, and those it starts, the right to change any file; returns what is in force."""
    return os_limits.landlock() if layers.landlock and sys.platform == "linux" else []


def limit_resources(layers: Layers, *, memory: int) -> list[str]:
    """Limit what this process may use (`memory`: bytes for a query); returns what is in force."""
    return os_limits.limit_resources(memory) if layers.rlimits else []
