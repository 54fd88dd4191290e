"""Schemas of large databases, kept from one process to the next.

Invariant: a cache file can only save time. It is used for the file it was made from in the state it was
made from, and only when it is whole; anything else (older format, truncated, damaged, unreadable, a full
disk) is a miss. It holds sample values, so it is private: folder 0700, file 0600.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sqlite3
import time
from dataclasses import astuple
from pathlib import Path
from typing import Any

from sqlagent.base import paths, private_files
from sqlagent.database import packing, unpacking
from sqlagent.database.tables import Schema
from sqlagent.sandbox.file_state import FileState

WORTH_BYTES = 1 << 20
"""Smaller databases are read faster than it takes to look here."""
WORTH_SECONDS = 0.1
"""A schema that was read faster than this is not kept."""

_FORMAT = 3  # raise it when what `survey` finds changes
_FILES, _BYTES = 64, 64 << 20
_PARTIAL_SECONDS = 3600.0
_SETTLED_NS = (
    2_000_000_000  # a file written less than this ago could change again within one tick of its mtime
)


def load(path: str, state: FileState, samples: int) -> Schema | None:
    """The schema kept for the database at `path` (absolute) in `state`, or None."""
    if state.size < WORTH_BYTES:
        return None
    try:
        file = _file(path)
        digest, _, body = file.read_bytes().partition(b"\n")
        if hashlib.sha256(body).hexdigest().encode() != digest:
            return None
        kept = json.loads(body)
        if kept["key"] != _key(path, state, samples) or (kept["until"] or math.inf) < time.time():
            return None
        left = tuple(map(unpacking.unpack_unreadable, kept["unreadable"]))
        private_files.used(file)
        return Schema(path, tuple(map(unpacking.unpack, kept["tables"])), left)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None


def save(schema: Schema, state: FileState, samples: int, seconds: float, *, whole: bool) -> None:
    """Keep a schema that took `seconds` to read, if that is worth it; a failure to write is silent.

    `whole`: false when the time was over before every sample was found. Such a one is kept for an hour: the
    model's input stays the same meanwhile, and so does what was computed for it.
    """
    fresh = time.time_ns() - max(state.mtime_ns, state.wal_mtime_ns) < _SETTLED_NS
    if state.size < WORTH_BYTES or seconds < WORTH_SECONDS or fresh:
        return
    tables = list(map(packing.pack, schema.tables))
    left = list(map(packing.pack_unreadable, schema.unreadable))
    until = None if whole else time.time() + _PARTIAL_SECONDS
    key = _key(schema.path, state, samples)
    kept = {"key": key, "until": until, "unreadable": left, "tables": tables}
    with contextlib.suppress(OSError, ValueError):
        body = json.dumps(kept).encode("utf-8", "surrogatepass")
        target = _file(schema.path)
        digest = hashlib.sha256(body).hexdigest().encode()
        private_files.write(target, digest + b"\n" + body, durable=False)
        private_files.evict(target.parent, ".json", files=_FILES, size=_BYTES, keep=target)


def _file(path: str) -> Path:
    return paths.cache_dir() / "schema" / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"


def _key(path: str, state: FileState, samples: int) -> list[Any]:
    return [_FORMAT, sqlite3.sqlite_version, path, samples, *astuple(state)]
