"""Stand in for the collations and functions of the application that made a database.

    Anki declares `name text COLLATE unicase`; SQLite alone refuses `ORDER BY name` ("no such collation sequence")

What is registered here compares and computes as the application does where that is public and simple.

Invariant: no index that the application's own collation ordered is ever searched in another order. The stand-in
has a name of its own, and a temporary view of the table's name gives the column that collation; since SQLite
uses an index only for comparisons under the index's collation, by name, it cannot use this one. The real name
is registered too, or else whatever merely passes over such an index would not prepare, as a trip wire: it
notes that it was asked to compare, and the rows of that statement are thrown away (`Standins.tripped`).
"""

from __future__ import annotations

import contextlib
import re
import sqlite3

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

PREFIX = "sqlagent_"
"""What the names of stand-in collations begin with."""
# Patterns are texts here: compiling them takes longer than starting without, and few files need them.
_COLLATE = r"(?i)\bcollate\s+(?:\"([^\"]+)\"|`([^`]+)`|\[([^\]]+)\]|'([^']+)'|([^\W\d][\w$]*))"
_BUILT_IN = frozenset({"binary", "nocase", "rtrim"})
_WORD = r"[^\W\d]\w*"
_MOST_COLUMNS = 2_000
"""Columns that are asked for their collation, at most."""


# ---- collations ----


def _base(text: str) -> str:
    """A text without case and accents."""
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))


def _caseless(text: str) -> Any:
    """One key for texts that differ in case only, in any script."""
    return text.casefold()


def _rooted(text: str) -> Any:
    """Letters first, then accents, then case, then the very characters, as the root collation of ICU orders."""
    import unicodedata

    return _base(text), unicodedata.normalize("NFD", text.casefold()), text.swapcase(), text


_KEYS: dict[str, Callable[[str], Any]] = {
    "unicase": _caseless,  # Anki
    "iunicode": _caseless,  # MediaMonkey
    "localized": _base,  # Android: primary strength
    "unicode": _base,  # Android
    "phonebook": _base,  # Android
}
"""The key by which a collation compares, by its folded name. Any other tells all different texts apart."""


def _collation(name: str) -> Callable[[str, str], int]:
    key = _KEYS.get(name.lower(), _rooted)

    def compare(first: str, second: str) -> int:
        one, other = key(first), key(second)
        return 1 if one > other else -1 if one < other else 0

    return compare


# ---- functions ----


def _title_sort(title: Any) -> Any:
    """calibre: "The Hobbit" is sorted as "Hobbit, The"."""
    if not isinstance(title, str):
        return title
    found = re.match(r"(A|The|An)\s+(?=\S)", title, re.IGNORECASE)
    return f"{title[found.end() :]}, {found.group(1)}".strip() if found else title


class _Joined:
    """calibre's `concat`: texts in the order in which they come."""

    separator = ","

    def __init__(self) -> None:
        self._texts: list[str] = []

    def step(self, value: Any) -> None:
        if value is not None:
            self._texts.append(str(value))

    def finalize(self) -> str | None:
        return self.separator.join(self._texts) if self._texts else None


class _Sorted:
    """calibre's `sortconcat(id, text)`: texts in the order of their ids."""

    separator = ","

    def __init__(self) -> None:
        self._texts: dict[Any, str] = {}

    def step(self, place: Any, value: Any) -> None:
        if value is not None:
            self._texts[place] = str(value)

    def finalize(self) -> str | None:
        places = sorted(self._texts, key=lambda place: (isinstance(place, str), place is not None, place))
        return self.separator.join(self._texts[place] for place in places) if places else None


class _SortedBar(_Sorted):
    separator = "|"


class _SortedAmper(_Sorted):
    separator = "&"


_GEOMETRIES = (
    "GEOMETRY",
    "POINT",
    "LINESTRING",
    "POLYGON",
    "MULTIPOINT",
    "MULTILINESTRING",
    "MULTIPOLYGON",
    "GEOMETRYCOLLECTION",
)


def _geometry_code(name: Any) -> Any:
    """The OGC code of a kind of geometry (GeoPackage, QGIS): POINT is 1."""
    known = isinstance(name, str) and name.upper() in _GEOMETRIES
    return _GEOMETRIES.index(name.upper()) if known else None


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "title_sort": (1, _title_sort),
    "books_list_filter": (1, lambda book: 1),  # calibre: no search is active outside its window
    "code4name": (1, _geometry_code),
}
_AGGREGATES: dict[str, tuple[int, type]] = {
    "concat": (1, _Joined),
    "sortconcat": (2, _Sorted),
    "sortconcat_bar": (2, _SortedBar),
    "sortconcat_amper": (2, _SortedAmper),
}
_CALIBRE = frozenset({"sortconcat", "books_list_filter"})
"""Functions whose presence says that `concat` is calibre's aggregate and not the one SQLite has since 3.44."""


class Standins:
    """What was registered on one connection."""

    def __init__(self, collations: tuple[str, ...] = (), functions: frozenset[str] = frozenset()) -> None:
        self.collations = collations
        self.functions = functions
        self.views: frozenset[str] = frozenset()
        """Folded names of the temporary views that stand in front of tables and views."""
        self._trips: list[str] = []

    def begin(self) -> None:
        """Forget the statement before."""
        self._trips.clear()

    @property
    def tripped(self) -> str | None:
        """The real collation that the last statement compared by, whose rows mean nothing; None when none."""
        return self._trips[0] if self._trips else None

    def _wire(self, name: str) -> Callable[[str, str], int]:
        def trip(first: str, second: str) -> int:
            if not self._trips:
                self._trips.append(name)
            return (first > second) - (first < second)

        return trip


def install(connection: sqlite3.Connection) -> Standins:
    """Register what the schema of a fresh connection needs; reads the schema, raises sqlite3.Error.

    To be called before anything else is compiled: SQLite puts an index aside for good once it has missed its
    collation, and with it a table without rowids. Makes temporary views, so the connection must not be
    `query_only` yet.
    """
    texts = [
        (str(type_), str(name), str(sql))
        for type_, name, sql in connection.execute(
            "SELECT type, name, sql FROM sqlite_master"
            " WHERE type IN ('table', 'view', 'index') AND (type = 'view' OR sql LIKE '%collate%')"
        )
    ]
    if not texts:
        return Standins()
    wanted: dict[str, str] = {}
    for _, _, sql in texts:
        for groups in re.findall(_COLLATE, sql):
            name = next(filter(None, groups), "")
            if name and name.lower() not in _BUILT_IN:
                wanted.setdefault(name.lower(), name)
    made = Standins(
        collations=tuple(wanted.values()),
        functions=frozenset(
            _register_functions(connection, (sql for kind, _, sql in texts if kind == "view"))
        ),
    )
    if wanted:
        made.views = frozenset(_stand_before(connection, made, wanted, texts))
    return made


def _register_functions(connection: sqlite3.Connection, views: Iterable[str]) -> set[str]:
    """Register the functions that views call and SQLite lacks; their folded names."""
    called = {word.lower() for sql in views for word in re.findall(_WORD, sql)}
    wanted = called & (_FUNCTIONS.keys() | _AGGREGATES.keys())
    if not called & _CALIBRE:
        wanted.discard("concat")
    for name in sorted(wanted):
        if name in _FUNCTIONS:
            arguments, function = _FUNCTIONS[name]
            connection.create_function(name, arguments, function, deterministic=True)
        else:
            arguments, aggregate = _AGGREGATES[name]
            connection.create_aggregate(name, arguments, aggregate)
    return wanted


def _stand_before(
    connection: sqlite3.Connection,
    made: Standins,
    wanted: dict[str, str],
    texts: list[tuple[str, str, str]],
) -> set[str]:
    """Put temporary views before the tables with such columns, and before the views over these."""
    views: set[str] = set()
    for folded, name in wanted.items():
        connection.create_collation(PREFIX + folded, _collation(folded))
        connection.create_collation(name, made._wire(name))
    affected = _affected(connection, made, [name for kind, name, _ in texts if kind == "table"])
    for table, columns in affected.items():
        shown = ", ".join(
            f"{_quoted(column)} COLLATE {_quoted(PREFIX + collation)} AS {_quoted(column)}"
            if collation
            else _quoted(column)
            for column, collation in columns
        )
        connection.execute(f"CREATE TEMP VIEW {_quoted(table)} AS SELECT {shown} FROM main.{_quoted(table)}")
        views.add(table.lower())
    for kind, name, sql in texts:
        if (
            kind == "view"
            and sql[:7].upper() == "CREATE "
            and views & {w.lower() for w in re.findall(_WORD, sql)}
        ):
            with contextlib.suppress(sqlite3.Error):
                connection.execute("CREATE TEMP " + sql[7:])
                views.add(name.lower())
    return views


def _affected(
    connection: sqlite3.Connection, made: Standins, tables: list[str]
) -> dict[str, list[tuple[str, str]]]:
    """Table → (column, folded name of its stand-in's original or "") of all its columns, where there is one."""
    found: dict[str, list[tuple[str, str]]] = {}
    asked = 0
    for table in tables:
        rows = connection.execute(f"PRAGMA main.table_xinfo({_quoted(table)})").fetchall()
        names = [str(row[1]) for row in rows if row[6] != 1]
        asked += len(names)
        if asked > _MOST_COLUMNS:
            break
        columns = [(name, _collation_of(connection, made, table, name)) for name in names]
        if any(collation for _, collation in columns):
            found[table] = columns
    return found


def _collation_of(connection: sqlite3.Connection, made: Standins, table: str, column: str) -> str:
    """The folded name of a column's collation where only the application knows it; else "".

    SQLite itself is asked, by letting it compare two texts under the column's collation and seeing which trip
    wire is touched. The texts come from a subquery whose first half, without rows, is the column. The two LIMITs
    keep SQLite from merging the subquery into the statement, where the texts would lose the collation.
    """
    name = _quoted(column)
    made.begin()
    with contextlib.suppress(sqlite3.Error):
        connection.execute(
            f"SELECT c = 'a' FROM (SELECT {name} AS c FROM main.{_quoted(table)} WHERE 0"
            " UNION ALL SELECT 'b' LIMIT 9) LIMIT 9"
        ).fetchall()
    touched = made.tripped
    made.begin()
    return touched.lower() if touched else ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
