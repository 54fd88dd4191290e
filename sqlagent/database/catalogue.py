"""List what a database holds, from its own catalogue, without compiling any of it.

Invariant: tables that a module keeps its data in are left out, and so are SQLite's own.
"""

from __future__ import annotations

import re
import sqlite3

from sqlagent.database import ddl_comments
from sqlagent.database.folding import fold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlagent.database.tables import Kind

_SHADOWS: dict[str, tuple[str, ...]] = {
    "fts3": ("content", "segments", "segdir", "docsize", "stat"),
    "fts4": ("content", "segments", "segdir", "docsize", "stat"),
    "fts5": ("data", "idx", "content", "docsize", "config"),
    "rtree": ("node", "rowid", "parent"),
    "rtree_i32": ("node", "rowid", "parent"),
    "geopoly": ("node", "rowid", "parent"),
    "spellfix1": ("vocab",),
    "vec0": ("chunks", "rowids", "info", "auxiliary", r"(?:vector_chunks|metadatachunks|metadatatext)\d\d"),
}
"""Tables that a module keeps its data in, by suffix; PRAGMA table_list knows them but compiles every view."""
_ANY_SHADOW = tuple(sorted({suffix for suffixes in _SHADOWS.values() for suffix in suffixes}))
"""What an unknown module may call them."""

MOST_REACHED = 200
"""Tables behind one view: a statement has room for some hundred sources, and SQLite for 65,535 references."""


def catalogue(connection: sqlite3.Connection) -> tuple[dict[str, tuple[Kind, str]], set[str]]:
    """Name → (kind, CREATE text) of what may be listed, as created; and the names of tables with an index."""
    found: dict[str, tuple[Kind, str]] = {}
    indexed: set[str] = set()
    seen: set[str] = set()
    rows = connection.execute(
        "SELECT type, name, tbl_name, CASE WHEN typeof(sql) = 'text' THEN sql ELSE '' END FROM sqlite_master"
        " WHERE type IN ('table', 'view', 'index') ORDER BY rowid"
    )
    for type_, name, table, text in rows:
        if type_ == "index":
            indexed.add(table)
        elif isinstance(name, str) and fold(name) not in seen and not fold(name).startswith("sqlite_"):
            seen.add(fold(name))
            found[name] = (_kind(type_, text), text)
    shadows = _shadow_names((name, kind, text) for name, (kind, text) in found.items())
    return {name: what for name, what in found.items() if fold(name) not in shadows}, indexed


def _kind(type_: str, text: str) -> Kind:
    if type_ == "view":
        return "view"
    if text[:13].upper() == "CREATE TABLE ":  # as SQLite itself writes it
        return "table"
    return "virtual" if ddl_comments.leading_words(text, 2) == ["create", "virtual"] else "table"


def _shadow_names(objects: Iterable[tuple[str, Kind, str]]) -> set[str]:
    """Folded names of the tables in which virtual tables keep what they show."""
    known = list(objects)
    names = {fold(name) for name, kind, _ in known if kind == "table"}
    found: set[str] = set()
    for name, kind, text in known:
        if kind == "virtual":
            suffixes = "|".join(_SHADOWS.get(ddl_comments.module(text), _ANY_SHADOW))
            pattern = re.compile(f"{re.escape(fold(name))}_(?:{suffixes})")
            found.update(one for one in names if pattern.fullmatch(one))
    return found


def view_reach(objects: dict[str, tuple[Kind, str]]) -> dict[str, int]:
    """How many tables each view comes to once the views in it are written out, at most and about.

    objects: name → (kind, CREATE text). Views on views may double with every step, and SQLite copies them all into
    each statement: sixteen steps pass its limit of 65,535 references, and gigabytes go before that.
    """
    names = {fold(name): name for name in objects}
    inner = {
        name: [names[word] for word in words(text) if word in names and word != fold(name)]
        for name, (kind, text) in objects.items()
        if kind == "view"
    }
    reach = dict.fromkeys(inner, 1)
    for _ in range(MOST_REACHED):  # each pass looks one view deeper; what grows fast is over the limit soon
        following = {
            name: min(MOST_REACHED + 1, max(1, sum(reach.get(part, 1) for part in parts)))
            for name, parts in inner.items()
        }
        if following == reach:
            break
        reach = following
    return reach


def words(text: str) -> list[str]:
    """The folded words of a CREATE text."""
    return list(map(fold, re.findall(r"\w+", text)))
