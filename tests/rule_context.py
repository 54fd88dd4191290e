"""What a rule looks at beside a statement, over a database that a test has made, without a model or its values."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

from sqlagent.amend.context import Context
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import Hint
from sqlagent.sql.reading import Readings


def about(
    path: Path, connection: sqlite3.Connection, question: str, today: date, hints: tuple[Hint, ...] = ()
) -> Context:
    """The context of a question on a day. `connection` is to the database at `path`, and answers its probes."""
    schema = schemas.read(str(path))
    return Context(
        question,
        Readings(schema),
        (),
        nearest=lambda *_: None,
        accepts=Acceptor(schema).accepts,
        has_rows=lambda sql: connection.execute(sql).fetchone() is not None,
        differ=lambda *_: True,
        today=today,
        values=lambda sql: [row[0] for row in connection.execute(sql)],
        hints=hints,
    )
