"""The layers of defence inside the worker, each of which can be switched off alone by a test.

Invariant: after `harden` a connection can compile nothing but reading statements, over tables and functions
that are listed here; whatever is not listed is refused.
"""

from __future__ import annotations

import contextlib
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from sqlagent.sandbox import os_limits

MIB = 1 << 20


@dataclass(frozen=True)
class Layers:
    """Which defences are on. Only tests switch one off, to prove that the attack it stops is real."""

    read_only: bool = True
    query_only: bool = True
    authorizer: bool = True
    functions: bool = True
    select_only: bool = True
    trusted_schema_off: bool = True
    cell_size_check: bool = True
    limits: bool = True
    heap_limit: bool = True
    defensive: bool = True
    progress: bool = True
    rlimits: bool = True
    landlock: bool = True


def _words(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


FUNCTIONS = _words(
    """
    abs ceil ceiling coalesce concat concat_ws format glob hex if ifnull iif instr length like
    likelihood likely lower ltrim max min nullif octet_length printf quote random randomblob replace round
    rtrim sign soundex sqlite_version substr substring subtype trim typeof unhex unicode unistr
    unistr_quote unlikely upper zeroblob char regexp match
    avg count group_concat string_agg sum total median percentile percentile_cont percentile_disc
    mode stddev stddev_pop stddev_samp variance var_pop var_samp dayname monthname quarter week
    cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
    acos acosh asin asinh atan atan2 atanh cos cosh degrees exp floor ln log log10 log2 mod pi pow power
    radians sin sinh sqrt tan tanh trunc
    date time datetime julianday strftime unixepoch timediff current_date current_time current_timestamp
    json json_array json_array_length json_error_position json_extract json_group_array json_group_object
    json_insert json_object json_patch json_pretty json_quote json_remove json_replace json_set json_type
    json_valid jsonb jsonb_array jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object
    jsonb_patch jsonb_remove jsonb_replace jsonb_set -> ->>
    bm25 highlight snippet offsets matchinfo rtreecheck rtreedepth rtreenode
    """
)
"""Functions a statement may call, in lower case. Not here, on purpose: load_extension, readfile, writefile,
edit, fts3_tokenizer, fts5, optimize, sqlite_log, sqlite_offset, and whatever an extension adds."""

TABLE_FUNCTIONS = frozenset({"json_each", "json_tree", "jsonb_each", "jsonb_tree"})
"""Virtual tables that exist without a schema and may be read."""

_REFUSED_WORDS = _words(
    """
    alter analyze attach begin commit create delete detach drop end insert pragma reindex release replace
    rollback savepoint update vacuum
    """
)

_DENIED_TABLES = _words(
    """
    bytecode completion dbstat fsdir fts3tokenize sqlite_dbdata sqlite_dbpage sqlite_dbptr sqlite_stmt
    sqlite_temp_master sqlite_temp_schema stmt tables_used zipfile
    """
)
"""Refused whatever this SQLite says it has; its own list of modules and pragmas is added to it."""

_BLANK = "\ufeff \t\r\n\f;"
"""What may stand before a statement."""

_LIMITS = {
    "SQLITE_LIMIT_LENGTH": 32 * MIB,
    "SQLITE_LIMIT_SQL_LENGTH": 1_000_000,
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

SQL_LENGTH = _LIMITS["SQLITE_LIMIT_SQL_LENGTH"]

# Action codes of sqlite3_set_authorizer; the module names only some of them.
_PRAGMA, _READ, _SELECT, _UPDATE, _FUNCTION, _RECURSIVE = 19, 20, 21, 23, 31, 33
_ACTIONS = {
    1: "CREATE INDEX", 2: "CREATE TABLE", 3: "CREATE TEMP INDEX", 4: "CREATE TEMP TABLE",
    5: "CREATE TEMP TRIGGER", 6: "CREATE TEMP VIEW", 7: "CREATE TRIGGER", 8: "CREATE VIEW", 9: "DELETE",
    10: "DROP INDEX", 11: "DROP TABLE", 12: "DROP TEMP INDEX", 13: "DROP TEMP TABLE",
    14: "DROP TEMP TRIGGER", 15: "DROP TEMP VIEW", 16: "DROP TRIGGER", 17: "DROP VIEW", 18: "INSERT",
    19: "PRAGMA", 22: "a transaction", 23: "UPDATE", 24: "ATTACH", 25: "DETACH", 26: "ALTER TABLE",
    27: "REINDEX", 28: "ANALYZE", 29: "CREATE VIRTUAL TABLE", 30: "DROP VIRTUAL TABLE",
    32: "a savepoint",
}  # fmt: skip


class Authorizer:
    """Decides, while a statement is compiled, whether each thing it would do is on the list."""

    def __init__(self, layers: Layers, denied_tables: Iterable[str]) -> None:
        self._functions = layers.functions
        self._denied_tables = frozenset(denied_tables)
        self.begin()

    def begin(self) -> None:
        """Forget the statement before."""
        self._selecting = False
        self.refused: str | None = None
        """Why the statement was refused, None when it was not."""
        self.connecting = False
        """Whether a virtual table's declaring its columns, as it does when first used, was refused."""

    def __call__(
        self, action: int, first: str | None, second: str | None, database: str | None, _inner: str | None
    ) -> int:
        """SQLITE_OK or SQLITE_DENY."""
        if (
            action == _READ
            and database in ("main", None)
            and (first or "").lower() not in self._denied_tables
        ):
            return sqlite3.SQLITE_OK
        if action == _SELECT:
            self._selecting = True
            return sqlite3.SQLITE_OK
        if action == _RECURSIVE:
            return sqlite3.SQLITE_OK
        if action == _FUNCTION:
            if not self._functions or (second or "").lower() in FUNCTIONS:
                return sqlite3.SQLITE_OK
            self.refused = f"the function {second} may not be used here"
            return sqlite3.SQLITE_DENY
        # Full-text tables ask for these two themselves while they are read; a statement of the user's that
        # starts with PRAGMA has no SELECT before it.
        if (
            action == _PRAGMA
            and self._selecting
            and first in ("data_version", "page_size")
            and second is None
        ):
            return sqlite3.SQLITE_OK
        if action == _UPDATE and self._selecting and first in ("sqlite_master", "sqlite_schema"):
            self.connecting = True
            self.refused = "a virtual table that may not be read here was refused"
        elif action == _READ:
            self.refused = f"the table {first} may not be read here"
        else:
            self.refused = f"only SELECT can run here: {_ACTIONS.get(action, 'this')} was refused"
        return sqlite3.SQLITE_DENY


def harden(connection: sqlite3.Connection, layers: Layers, *, memory: int) -> Authorizer | None:
    """Put every layer on a fresh connection, the authorizer last. Reads the schema: raises sqlite3 errors.

    `memory` is the most bytes SQLite may use (0: no limit).
    """
    pragmas = ["temp_store=MEMORY", "mmap_size=0", "cache_size=-16384"]
    if layers.trusted_schema_off:
        pragmas.append("trusted_schema=OFF")
    if layers.cell_size_check:
        pragmas.append("cell_size_check=ON")
    if layers.heap_limit and memory:
        pragmas.append(f"hard_heap_limit={memory}")
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    if layers.query_only:
        connection.execute("PRAGMA query_only=ON")
    if layers.limits and hasattr(connection, "setlimit"):  # Python 3.11
        for name, value in _LIMITS.items():
            category = getattr(sqlite3, name, None)
            if category is not None and connection.getlimit(category) > value:  # type: ignore[attr-defined]
                connection.setlimit(category, value)
    if layers.defensive:
        _configure(connection)
    names = {
        str(row[0]).lower() for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    _connect_virtual_tables(connection)
    if not layers.authorizer:
        return None
    authorizer = Authorizer(layers, _denied_tables(connection) - names)
    connection.set_authorizer(authorizer)
    return authorizer


def _configure(connection: sqlite3.Connection) -> None:
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
        ("SQLITE_DBCONFIG_TRUSTED_SCHEMA", False),
        ("SQLITE_DBCONFIG_WRITABLE_SCHEMA", False),
        ("SQLITE_DBCONFIG_ENABLE_TRIGGER", False),
    ):
        code = getattr(sqlite3, name, None)
        if code is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.setconfig(code, on)


def _denied_tables(connection: sqlite3.Connection) -> set[str]:
    """Lower-case names of the virtual tables that need no schema, but for the harmless ones."""
    denied = set(_DENIED_TABLES)
    for name, prefix in (("module_list", ""), ("pragma_list", "pragma_")):
        with contextlib.suppress(sqlite3.Error):
            denied.update(prefix + str(row[0]).lower() for row in connection.execute(f"PRAGMA {name}"))
    return denied - TABLE_FUNCTIONS


def _connect_virtual_tables(connection: sqlite3.Connection) -> None:
    """Let virtual tables declare themselves while that, which looks like writing, is not refused yet."""
    query = "SELECT name FROM sqlite_master WHERE type='table' AND sql LIKE 'CREATE VIRTUAL%' LIMIT 100"
    names = [str(row[0]) for row in connection.execute(query)]
    for name in [*names, *sorted(TABLE_FUNCTIONS)]:
        quoted = '"' + name.replace('"', '""') + '"'
        with contextlib.suppress(sqlite3.Error):
            connection.execute(f"SELECT 1 FROM {quoted} LIMIT 0")


def refused_word(sql: str) -> str | None:
    """The first word of a statement when it is one that never runs here, in capitals; else None.

    A courtesy: it makes a clear sentence. The authorizer is what stops the statement.
    """
    word, rest = _first_word(sql)
    if word == "explain":
        word, rest = _first_word(rest)
        if word == "query":
            _, rest = _first_word(rest)
            word, _ = _first_word(rest)
    return word.upper() if word in _REFUSED_WORDS else None


def _first_word(sql: str) -> tuple[str, str]:
    """The first word of a statement in lower case ("" when it starts with none), and what follows it."""
    text = _without_comments(sql)
    end = 0
    while text[end : end + 1].isascii() and text[end : end + 1].isalpha():
        end += 1
    return text[:end].lower(), text[end:]


def _without_comments(sql: str) -> str:
    """A statement without the blanks and comments before it; "" when there is nothing else."""
    rest = sql.lstrip(_BLANK)
    while rest.startswith(("--", "/*")):
        mark = "\n" if rest.startswith("--") else "*/"
        end = rest.find(mark, 2)
        rest = rest[end + len(mark) :].lstrip(_BLANK) if end >= 0 else ""
    return rest


def empty(sql: str) -> bool:
    """Whether there is no statement in the text."""
    return not _without_comments(sql)


def explains(sql: str) -> bool:
    """Whether a statement is itself an EXPLAIN."""
    return _first_word(sql)[0] == "explain"


def forbid_writing(layers: Layers) -> list[str]:
    """Take from this thread, and those it starts, the right to change any file; returns what is in force."""
    return os_limits.landlock() if layers.landlock and sys.platform == "linux" else []


def limit_resources(layers: Layers, *, memory: int) -> list[str]:
    """Limit what this process may use (`memory`: bytes for a query); returns what is in force."""
    return os_limits.limit_resources(memory) if layers.rlimits else []
