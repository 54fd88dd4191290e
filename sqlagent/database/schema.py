"""Read what a database holds: `read("shop.sqlite").tables`.

What reads it (`sqlagent.database.introspect`) is loaded when it is first needed; what is read is described in
`sqlagent.database.tables`, whose names are to be had here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sqlagent.database.folding import fold
from sqlagent.database.tables import (
    Column,
    Computed,
    ForeignKey,
    Kind,
    Schema,
    Table,
    Unreadable,
    Value,
    keep_sound_keys,
)

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Sandbox

__all__ = [
    "Column",
    "Computed",
    "ForeignKey",
    "Kind",
    "Schema",
    "Table",
    "Unreadable",
    "Value",
    "fold",
    "from_ddl",
    "keep_sound_keys",
    "read",
    "read_again",
]


def read(
    path: str | os.PathLike[str],
    *,
    samples: int = 3,
    time_budget: float = 2.0,
    timeout: float | None = None,
    sandbox: Sandbox | None = None,
) -> Schema:
    """Read the schema of the database at `path`; see `sqlagent.database.introspect.read`.

    samples: sample values per column, at most. time_budget: seconds after which no more samples and row counts
    are looked for (names, types and keys always come). timeout: seconds for everything. sandbox: one on the same
    file, whose process reads it. Raises DatabaseError, and QueryTimeout when nothing came in time.
    """
    from sqlagent.database import introspect

    limit = introspect.TIMEOUT if timeout is None else timeout
    return introspect.read(path, samples=samples, time_budget=time_budget, timeout=limit, sandbox=sandbox)


def read_again(schema: Schema, *, timeout: float, sandbox: Sandbox, same_tables: bool) -> Schema:
    """`schema` as it is after a change of the file; see `sqlagent.database.introspect.read_again`.

    same_tables: the database's own number of its schema says that names, types and keys are what they were.
    """
    from sqlagent.database import introspect

    return introspect.read_again(schema, timeout=timeout, sandbox=sandbox, same_tables=same_tables)


def from_ddl(sql: str) -> Schema:
    """The schema that the CREATE TABLE statements in `sql` declare; other statements are ignored.

    Raises DatabaseError when SQLite refuses one of them or when there is none.
    """
    from sqlagent.database import introspect

    return introspect.from_ddl(sql)
