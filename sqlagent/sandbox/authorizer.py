"""Decide, while a statement is compiled, whether each thing it would do is on the lists of what may be done.

Invariant: what is not listed here is refused.
"""

from __future__ import annotations

import contextlib
import sqlite3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlagent.sandbox.layers import Layers


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

_DENIED_TABLES = _words(
    """
    bytecode completion dbstat fsdir fts3tokenize sqlite_dbdata sqlite_dbpage sqlite_dbptr sqlite_stmt
    sqlite_temp_master sqlite_temp_schema stmt tables_used zipfile
    """
)
"""Refused whatever this SQLite says it has; its own list of modules and pragmas is added to it."""

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
    """Decides, while a statement is compiled, whether each thing it would do is on the list.

    views: folded names of temporary views of ours, which may be read. unreadable: folded name → (cause, reason)
    of tables that SQLite could load in part only.
    """

    def __init__(
        self,
        layers: Layers,
        denied_tables: Iterable[str],
        *,
        views: frozenset[str] = frozenset(),
        functions: frozenset[str] = frozenset(),
        unreadable: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self._functions = layers.functions
        self._listed = FUNCTIONS | functions
        self._denied_tables = frozenset(denied_tables)
        self._views = views
        self.unreadable = unreadable or {}
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
        if action == _READ:
            name = (first or "").lower()
            here = database in ("main", None) or (database == "temp" and name in self._views)
            if here and name not in self._denied_tables and name not in self.unreadable:
                return sqlite3.SQLITE_OK
        if action == _SELECT:
            self._selecting = True
            return sqlite3.SQLITE_OK
        if action == _RECURSIVE:
            return sqlite3.SQLITE_OK
        if action == _FUNCTION:
            if not self._functions or (second or "").lower() in self._listed:
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
        elif action == _READ and (first or "").lower() in self.unreadable:
            self.refused = f"{first} cannot be read: {self.unreadable[(first or '').lower()][1]}"
        elif action == _READ:
            self.refused = f"the table {first} may not be read here"
        else:
            self.refused = f"only SELECT can run here: {_ACTIONS.get(action, 'this')} was refused"
        return sqlite3.SQLITE_DENY


def denied_tables(connection: sqlite3.Connection) -> set[str]:
    """Lower-case names of the virtual tables that need no schema, but for the harmless ones."""
    denied = set(_DENIED_TABLES)
    for name, prefix in (("module_list", ""), ("pragma_list", "pragma_")):
        with contextlib.suppress(sqlite3.Error):
            denied.update(prefix + str(row[0]).lower() for row in connection.execute(f"PRAGMA {name}"))
    return denied - TABLE_FUNCTIONS
