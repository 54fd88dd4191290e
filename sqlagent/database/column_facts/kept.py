"""Keep what was told of a large file's columns from one process to the next, beside its schema.

Invariant: what is kept can only save time: it is used for the very state of the file that it was read from, and only
when it is whole. It holds stored values, so it is private.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any

from sqlagent.base import paths, private_files
from sqlagent.database.column_facts import encodings, written_dates
from sqlagent.database.column_facts.encodings import Encoding
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.json_fields import Fields
from sqlagent.database.schema import Column, Computed, ForeignKey
from sqlagent.database.spoken_names import SpokenTable
from sqlagent.sandbox.file_state import FileState

Facts = Mapping[tuple[str, str], ColumnFact]
Keys = Mapping[str, tuple[ForeignKey, ...]]
WORTH_SECONDS = 0.1
"""What was read faster than this is not kept."""
_FORMAT = 8  # raise it when what is told of columns changes
_TRIES = 2
"""How often a file is read whose reading was cut short, before what was told of it is taken for all."""
_SETTLED_NS = 2_000_000_000
"""A file written less than this ago could change again within one tick of its clock."""
_FILES, _BYTES = 64, 64 << 20
_ENCODINGS: dict[str, Callable[..., Encoding]] = {
    kind.__name__: kind
    for kind in (
        encodings.Linear, encodings.DigitDate, written_dates.TextDate, written_dates.MixedDate, encodings.TextNumber,
        encodings.Flag, encodings.Padded, encodings.Listed, encodings.ZeroFilled, encodings.Duration,
        encodings.Named, encodings.Scaled,
    )
}  # fmt: skip
"""Those that are told from values; a profile's are read with it."""


def load(path: str, state: FileState) -> tuple[dict[tuple[str, str], ColumnFact], Keys, Fields] | None:
    """What is kept for the file at `path` (absolute) in `state`, or None."""
    try:
        kept = _kept(path, state)
        if kept is None or 0 < kept["tries"] < _TRIES:
            return None
        facts = {(table, column): _fact(one) for table, column, one in kept["facts"]}
        keys = {
            table: tuple(ForeignKey(tuple(own), other, tuple(theirs)) for own, other, theirs in held)
            for table, held in kept["keys"].items()
        }
        fields = Fields(
            {table: tuple(map(_column, columns)) for table, columns in kept["fields"].items()},
            {(table, column): _fact(one) for table, column, one in kept["field_facts"]},
            frozenset((table, column) for table, column in kept["covered"]),
            tuple(
                SpokenTable(name, query=query, keys=keys, read_from=tuple(source))
                for name, query, keys, source in kept["lists"]
            ),
        )
        private_files.used(_file(path))
        return facts, keys, fields
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def save(
    path: str,
    state: FileState,
    facts: Facts,
    keys: Keys,
    fields: Fields,
    seconds: float,
    *,
    cut: bool = False,
) -> None:
    """Keep what took `seconds` to read, if that is worth it; a failure to write is silent.

    cut: time ran out before all was read, so that it is read once more.
    """
    if seconds < WORTH_SECONDS or time.time_ns() - max(state.mtime_ns, state.wal_mtime_ns) < _SETTLED_NS:
        return
    kept = {
        "key": _key(path, state),
        "tries": _tries(path, state) + 1 if cut else 0,
        "facts": [[*place, _plain(fact)] for place, fact in facts.items()],
        "keys": {
            table: [[k.columns, k.ref_table, k.ref_columns] for k in held] for table, held in keys.items()
        },
        "fields": {
            table: [[c.name, c.type, c.samples, astuple(c.computed)] for c in columns if c.computed]
            for table, columns in fields.columns.items()
        },
        "covered": sorted(fields.covered),
        "lists": [[one.name, one.query, dict(one.keys), one.read_from] for one in fields.tables],
        "field_facts": [[*place, _plain(fact)] for place, fact in fields.facts.items()],
    }
    with contextlib.suppress(OSError, ValueError, TypeError):
        body = json.dumps(kept).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(body).hexdigest().encode()
        target = _file(path)
        private_files.write(target, digest + b"\n" + body, durable=False)
        private_files.evict(target.parent, ".facts", files=_FILES, size=_BYTES, keep=target)


def _kept(path: str, state: FileState) -> dict[str, Any] | None:
    """What was written for that state of the file. Raises OSError and ValueError."""
    digest, _, body = _file(path).read_bytes().partition(b"\n")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    kept: dict[str, Any] = json.loads(body)
    return kept if kept["key"] == _key(path, state) else None


def _tries(path: str, state: FileState) -> int:
    """How often the reading of this state of the file was cut short."""
    try:
        kept = _kept(path, state)
        return int(kept["tries"]) if kept is not None else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _plain(fact: ColumnFact) -> dict[str, Any]:
    plain = {
        name.name: getattr(fact, name.name) for name in dataclasses.fields(fact) if name.name != "encoding"
    }
    if fact.encoding is not None:
        values = [
            sorted(v) if isinstance(v := getattr(fact.encoding, f.name), frozenset) else v
            for f in dataclasses.fields(fact.encoding)
        ]
        plain["encoding"] = [type(fact.encoding).__name__, values]
    return plain


def _fact(plain: dict[str, Any]) -> ColumnFact:
    """Raises KeyError and TypeError where it is none."""
    kind, values = plain.pop("encoding", (None, ()))
    encoding = _ENCODINGS[kind](*(_value(kind, v) for v in values)) if kind else None
    lists = {name: tuple(plain[name]) for name in ("nothing", "others", "exceptions")}
    return ColumnFact(**{**plain, **lists, "encoding": encoding})


def _column(plain: list[Any]) -> Column:
    """Raises ValueError and TypeError where it is none."""
    name, type_, samples, computed = plain
    return Column(name, type_, samples=tuple(samples), computed=Computed(*computed))


def _value(kind: str, value: Any) -> Any:
    if not isinstance(value, list):
        return value
    if kind == "Named":
        return tuple((code, name) for code, name in value)
    return tuple(value) if kind == "MixedDate" else frozenset(value)


def _file(path: str) -> Path:
    return paths.cache_dir() / "schema" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.facts"


def _key(path: str, state: FileState) -> list[Any]:
    return [_FORMAT, path, *astuple(state)]
