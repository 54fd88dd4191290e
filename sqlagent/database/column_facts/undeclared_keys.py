"""Find foreign keys that nobody declared, by names and by values: `books_authors_link.book` → `books.id`.

Invariant: all values but 0 and -1 that were looked at lie in the other table's key, and either the name says so or
the key's values are too large to be shared by chance. A small range of integers alone makes no key. Where a table
declares no key, as an imported sheet, one of its first columns is taken for it that holds no value twice.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence

from sqlagent.base.word_forms import name_words, stem
from sqlagent.database.column_facts.sampling import Run
from sqlagent.database.ddl_comments import quote
from sqlagent.database.schema import Column, ForeignKey, Table, fold

_LOOKED_AT = 300
"""Rows whose values are looked up."""
_MOST_TABLES = 300
_MOST_COLUMNS = 4
"""Columns of a key that is looked for."""
_LEAST = 3
"""Different values of a column whose name says less of what it refers to."""
_LEAST_PAIRS = 3
"""Different values of such a key at the least."""
_WIDE = 1_000_000
"""Key values from here on are not shared by chance."""
_UNIQUE_IN = 20_000
"""Rows in which a column that may be a key holds no value twice."""
_FIRST_COLUMNS = 2
"""Columns of a table without a key among which one is looked for."""
_ENDING = re.compile(r"_?(?:id|key|no|num|nr|code|cd|fk)$|^(?:id|fk)_")
_BOSSES = frozenset(
    ["manager", "mgr", "boss", "supervisor", "sup", "parent", "reports_to", "reportsto", "superior"]
)
"""What a column is called that holds the key of another row of its table."""
_PART = 3
"""Letters of a part of a table's name that columns are called after, and tables that may share it less one."""
_TAIL = 4
"""Letters of a key that end another column's name: `ih_cuno` → cu_no."""
_GENERIC = frozenset(
    {"id", "rowid", "key", "uid", "uuid", "guid", "name", "code", "type", "no", "num", "_id", "pk", "z_pk"}
)


_KINDS_OF_TABLES = frozenset(("mst", "mstr", "master", "hdr", "header", "tbl", "table", "dim", "lst", "list"))
"""What stands behind the name of a thing in a table's name."""


def undeclared_keys(
    run: Run, tables: Sequence[Table], *, seconds: float = 1.0
) -> dict[str, tuple[ForeignKey, ...]]:
    """Table name → keys that its values and names tell of, the declared ones left out.

    seconds: after which no more columns are looked at.
    """
    found: dict[str, tuple[ForeignKey, ...]] = {}
    plain = [table for table in tables if table.kind == "table"]
    if len(plain) > _MOST_TABLES:
        return found
    search = _Search(run, plain)
    found |= _trees(tables, plain)
    until = time.monotonic() + seconds
    for table in plain:
        if time.monotonic() > until:
            break
        declared = {name for key in table.foreign_keys for name in key.columns}
        keys = []
        for column in table.columns:
            if column.name in declared or column.generated or _kind(column) is None:
                continue
            target = search.target(table, column)
            if target is not None:
                keys.append(ForeignKey((column.name,), target[0].name, (target[1].name,)))
        if keys:
            found[table.name] = tuple(keys)
    found = _one_way(found)
    for table, key in search.composite(until):
        found[table.name] = (*found.get(table.name, ()), key)
    return found


def _one_way(found: dict[str, tuple[ForeignKey, ...]]) -> dict[str, tuple[ForeignKey, ...]]:
    """Without the key of `lease.lease_id` in deposits, where `deposit.lease_id` is one of leases: that is its own.

    Of two tables that hold each other's key, the one that the key is called after has it.
    """

    def is_own(table: str, key: ForeignKey) -> bool:
        back = ForeignKey(key.ref_columns, table, key.columns)
        called = _ENDING.sub("", _joined(key.columns[0]))
        return back in found.get(key.ref_table, ()) and _last_word(table) == called != _last_word(
            key.ref_table
        )

    kept = {
        table: tuple(key for key in keys if len(key.columns) > 1 or not is_own(table, key))
        for table, keys in found.items()
    }
    return {table: keys for table, keys in kept.items() if keys}


def _trees(tables: Sequence[Table], plain: Sequence[Table]) -> dict[str, tuple[ForeignKey, ...]]:
    """The keys of R-Trees: `rtree_trees_geom.id` is the key of trees, as GeoPackage and SpatiaLite name them."""
    found: dict[str, tuple[ForeignKey, ...]] = {}
    for tree in tables:
        name = fold(tree.name)
        if tree.kind != "virtual" or not name.startswith(("rtree_", "idx_")) or not tree.columns:
            continue
        about = name.partition("_")[2]
        fitting = [t for t in plain if about.startswith(fold(t.name) + "_") and _sole_key(t) is not None]
        if fitting:
            table = max(fitting, key=lambda t: len(t.name))
            key = _sole_key(table)
            assert key is not None
            found[tree.name] = (ForeignKey((tree.columns[0].name,), table.name, (key.name,)),)
    return found


class _Search:
    """Looks for the key that a column holds; what was read of a column is not read again."""

    def __init__(self, run: Run, tables: Sequence[Table]) -> None:
        self._run = run
        self._tables = tables
        self._targets = [(table, key) for table in tables if (key := _sole_key(table)) is not None]
        self._undeclared = [
            (table, column)
            for table in tables
            if not table.primary_key
            for column in table.columns[:_FIRST_COLUMNS]
            if _kind(column) is not None and not column.generated
        ]
        self._shared = _shared_prefix([fold(table.name) for table in tables])
        self._parts = Counter(part for table in tables for part in set(fold(table.name).split("_")))
        self._ends: dict[tuple[str, str], tuple[object, object]] = {}
        self._unique: dict[tuple[str, str], bool] = {}

    def target(self, table: Table, column: Column) -> tuple[Table, Column] | None:
        """The table whose key a column holds; None where none or several do."""
        own_key = (
            column.pk == 1 and len(table.primary_key) == 1
        )  # two tables with one numbering are no keys by that
        name = _joined(column.name)
        if column.computed is not None:  # a field is called after what it is in as well
            name = name.removeprefix(fold(column.computed.column) + "_")
        if own_key and name in _GENERIC:
            return None
        fitting = [
            (other, key)
            for other, key in self._targets
            if _kind(key) == _kind(column) and not (other.name == table.name and key.name == column.name)
        ]
        by_table = [
            (other, key)
            for other, key in fitting
            if (
                _names_table(name, _joined(other.name)[self._shared :], _joined(key.name))
                or _ends_camel(name, other.name, _joined(key.name))
            )
            and not (own_key and name == _joined(key.name))
        ]
        by_key = [
            (o, k) for o, k in fitting if name == _joined(k.name) and name not in _GENERIC and not own_key
        ]
        by_value = []
        if name.endswith("id") and not own_key and _large(self._range(table, column)[0]):
            by_value = [target for target in fitting if _large(self._range(*target)[1])]
        for candidates, least, wide in ((by_table, 1, False), (by_key, 1, False), (by_value, _LEAST, True)):
            held = [
                target
                for target in candidates
                if _included(self._run, table, column, *target, least=least, wide=wide)
            ]
            if len(held) == 1:
                return held[0]
            if held:
                return None
        return None if own_key else self._told_less(table, column, name, fitting)

    def _told_less(
        self, table: Table, column: Column, name: str, fitting: Sequence[tuple[Table, Column]]
    ) -> tuple[Table, Column] | None:
        """The same by less of a name: a key that nobody declared as one, part of a table's name, a boss."""
        loose = [
            (other, key)
            for other, key in self._undeclared
            if _kind(key) == _kind(column)
            and other is not table
            and (
                _names_table(name, _joined(other.name)[self._shared :], _joined(key.name))
                or (name == _joined(key.name) and name not in _GENERIC and _ENDING.search(name))
            )
            and self._is_unique(other, key)
        ]
        ends = [
            (other, key)
            for other, key in fitting
            if other is not table
            and (_ends_in(name, _joined(key.name)) or self._names_part(name, other, key))
        ]
        own = [(table, key) for other, key in fitting if other is table] if _is_boss(name) else []
        least = 2 if _kind(column) == "text" else _LEAST
        for candidates in (loose, ends, own):
            held = [t for t in candidates if _included(self._run, table, column, *t, least=least, wide=False)]
            if len(held) > 1:  # a lease's deposit has its number, too
                called = _ENDING.sub("", name)
                held = [target for target in held if _last_word(target[0].name) == called]
            if held:
                return held[0] if len(held) == 1 else None
        return None

    def _is_unique(self, table: Table, column: Column) -> bool:
        """Whether a column holds no value twice and none is missing, as far as it was read; and several rows at all."""
        place = (table.name, column.name)
        if place not in self._unique:
            name = quote(column.name)
            rows = self._run(
                f"SELECT count(*), count(DISTINCT v) FROM (SELECT {name} AS v FROM {quote(table.name)}"
                f" NOT INDEXED LIMIT {_UNIQUE_IN})"
            )
            count, different = rows[0] if rows else (0, 0)
            several = isinstance(count, int) and count > 1
            self._unique[place] = several and count == different
        return self._unique[place]

    def _names_part(self, name: str, other: Table, key: Column) -> bool:
        """Whether a name ends in a part of a table's name that hardly another table has: `em_dpt` → hr_dpt_mst.

        Or in what all of its columns begin with: `bk_rt` → rm_typ, of rt_id, rt_cd and rt_dsc.
        """
        called = _ENDING.sub("", name)
        part = called.rpartition("_")[2]
        if called == part:
            return False
        if part == _column_prefix(other):
            return True
        telling = _ENDING.search(_joined(key.name)) is not None or _kind(key) == "text"
        return (
            len(part) >= _PART
            and part in _joined(other.name).split("_")
            and self._parts[part] < _PART
            and telling
        )

    def composite(self, until: float) -> Iterator[tuple[Table, ForeignKey]]:
        """Keys of several columns: each is called as a column of the other's key, and all together lie in it.

        Columns that lie so in two tables' keys, as a year and a campus do, are what rows are of, and no key.
        """
        targets = [table for table in self._tables if 2 <= len(table.primary_key) <= _MOST_COLUMNS]
        for table in self._tables:
            fitting: dict[frozenset[str], list[ForeignKey]] = {}
            for other in targets:
                if table is other or time.monotonic() > until:
                    continue
                names = self._same_columns(table, other)
                if names and _all_included(self._run, table, names, other):
                    key = ForeignKey(names, other.name, other.primary_key)
                    fitting.setdefault(frozenset(map(fold, names)), []).append(key)
            for keys in fitting.values():
                if len(keys) == 1:
                    yield table, keys[0]

    def _same_columns(self, table: Table, other: Table) -> tuple[str, ...]:
        """The columns that are called as those of another table's key, in its order; () where some are not there."""
        names = []
        for key_name in other.primary_key:
            key = other.column(key_name)
            column = table.column(key_name)
            if column is None and key is not None:
                called = fold(other.name)[self._shared :]
                fitting = [c for c in table.columns if _names_table(fold(c.name), called, fold(key.name))]
                column = fitting[0] if len(fitting) == 1 else None
            if key is None or column is None or column.generated or _kind(column) != _kind(key):
                return ()
            names.append(column.name)
        telling = any(fold(name) not in _GENERIC for name in names)
        own = {*map(fold, table.primary_key)} == {*map(fold, names)}  # two tables of one numbering
        folded = {*map(fold, names)}
        known = any(
            fold(one.ref_table) == fold(other.name) or folded <= {*map(fold, one.columns)}
            for one in table.foreign_keys
        )
        return () if own or known or not telling or len({*names}) < len(names) else tuple(names)

    def _range(self, table: Table, column: Column) -> tuple[object, object]:
        """The least and the greatest of the values that are looked at."""
        place = (table.name, column.name)
        if place not in self._ends:
            rows = self._run(
                f"SELECT min(v), max(v) FROM (SELECT {quote(column.name)} AS v FROM {quote(table.name)}"
                f" NOT INDEXED LIMIT {_LOOKED_AT}) WHERE v NOT IN (0, -1, '')"
            )
            self._ends[place] = (rows[0][0], rows[0][1]) if rows else (None, None)
        return self._ends[place]


def _last_word(table: str) -> str:
    """What the rows of a table are called by its name, in the singular: `pm_leases`, `lease_mst` → lease."""
    parts = name_words(table)
    return stem(([word for word in parts if word not in _KINDS_OF_TABLES] or parts)[-1])


def _joined(name: str) -> str:
    """A name with its words joined as programs do: `Patient ID` is patient_id."""
    return re.sub(r"[\s\-./]+", "_", fold(name).strip())


def _ends_in(name: str, key: str) -> bool:
    """Whether a name ends in a key's, underscores aside, where the key's says that it is one."""
    tail = key.replace("_", "")
    whole = name.replace("_", "")
    return len(tail) >= _TAIL and key not in _GENERIC and bool(_ENDING.search(key)) and whole.endswith(tail)


def _column_prefix(table: Table) -> str:
    """The first word that all columns of a table have in common, three at the least; "" where there is none."""
    first = {
        _joined(column.name).partition("_")[0] for column in table.columns if "_" in _joined(column.name)
    }
    alike = len(first) == 1 and len(table.columns) > 2 and all("_" in _joined(c.name) for c in table.columns)
    return first.pop() if alike else ""


def _is_boss(name: str) -> bool:
    called = _ENDING.sub("", name)
    return called in _BOSSES or called.rpartition("_")[2] in _BOSSES


def _names_table(column: str, table: str, key: str) -> bool:
    """Whether a column is called after a table whose key it may hold: `author_id`, `author` → authors.id."""
    if len(key) > 2 and column.endswith("_" + key):  # `tree_fid` → trees.fid
        called = column[: -len(key) - 1]
        return len(called) >= 3 and any(
            one == called or one.endswith("_" + called) for one in _singulars(table)
        )
    if (
        key == "z_pk" and len(column) > 4 and table.endswith(column[1:])
    ):  # Core Data: ZSESSION → ZWACHATSESSION
        return True
    called = _ENDING.sub("", column)
    if len(called) < 3 or not (key in _GENERIC or _ENDING.sub("", key) == called):
        return False
    return any(one == called or one.endswith("_" + called) for one in _singulars(table))


def _ends_camel(column: str, table: str, key: str) -> bool:
    """Whether a column is called as the last word of a table's name in capitals and small letters: item, FeedItems."""
    parts = name_words(table)
    called = _ENDING.sub("", column)
    return (
        "_" not in table
        and len(parts) > 1
        and key in _GENERIC
        and len(called) >= 3
        and stem(parts[-1]) == called
    )


def _singulars(table: str) -> Iterator[str]:
    """A table's name as it is, and as one of its rows would be called."""
    yield table
    if table.endswith("ies"):
        yield table[:-3] + "y"
    if table.endswith("es"):
        yield table[:-2]
    if table.endswith("s"):
        yield table[:-1]


def _included(
    run: Run, table: Table, column: Column, other: Table, key: Column, *, least: int, wide: bool
) -> bool:
    """Whether the values of a column, `least` at the least, lie in another's key. wide: only where they are large."""
    name = quote(column.name)
    seen = (
        f"SELECT DISTINCT v FROM (SELECT {name} AS v FROM {quote(table.name)} NOT INDEXED LIMIT {_LOOKED_AT})"
        " WHERE v IS NOT NULL AND v NOT IN (0, -1, '')"
    )
    missing = f"NOT EXISTS (SELECT 1 FROM {quote(other.name)} AS o WHERE o.{quote(key.name)} = v)"
    rows = run(f"SELECT count(*), min(v), total({missing}) FROM ({seen})")
    if not rows:
        return False
    number, smallest, outside = rows[0]
    if not isinstance(number, int) or number < least or outside:
        return False
    return _large(smallest) or not wide


def _all_included(run: Run, table: Table, names: Sequence[str], other: Table) -> bool:
    """Whether the values of several columns lie together in another table's key."""
    columns = ", ".join(map(quote, names))
    there = " AND ".join(f"s.{quote(name)} IS NOT NULL" for name in names)
    same = " AND ".join(
        f"o.{quote(key)} = s.{quote(name)}" for key, name in zip(other.primary_key, names, strict=True)
    )
    # The rows first, then what is different among them: looking at a few costs the same whatever the table's size.
    seen = f"SELECT DISTINCT {columns} FROM (SELECT {columns} FROM {quote(table.name)} NOT INDEXED LIMIT {_LOOKED_AT})"
    missing = f"NOT EXISTS (SELECT 1 FROM {quote(other.name)} AS o WHERE {same})"
    rows = run(f"SELECT count(*), total({missing}) FROM ({seen}) AS s WHERE {there}")
    if not rows:
        return False
    number, outside = rows[0]
    return isinstance(number, int) and number >= _LEAST_PAIRS and not outside


def _large(value: object) -> bool:
    return isinstance(value, int) and value >= _WIDE or isinstance(value, str) and len(value) >= 8


def _sole_key(table: Table) -> Column | None:
    """The column that alone is the primary key."""
    keys = [column for column in table.columns if column.pk]
    return keys[0] if len(keys) == 1 else None


def _kind(column: Column) -> str | None:
    declared = column.type.lower()
    if "int" in declared:
        return "integer"
    return "text" if any(word in declared for word in ("char", "text", "clob")) else None


def _shared_prefix(names: Sequence[str]) -> int:
    """Length of the prefix, up to an underscore, that nearly all table names share: `moz_`."""
    prefixes = [name.split("_", 1)[0] + "_" for name in names if "_" in name]
    if not prefixes:
        return 0
    likeliest = max(set(prefixes), key=prefixes.count)
    return len(likeliest) if prefixes.count(likeliest) >= 0.8 * len(names) and len(names) > 2 else 0
