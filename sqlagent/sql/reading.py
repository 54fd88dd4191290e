"""A statement with what its names mean over a schema: what is handed on once a candidate has been read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar, cast

from sqlagent.database.schema import Schema
from sqlagent.sql.parser import Unreadable, parse
from sqlagent.sql.resolver import resolve
from sqlagent.sql.scope import Scopes
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import Query, Select

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Reading:
    """A statement over a schema. Its names are looked up when somebody first asks for them."""

    statement: Statement
    schema: Schema
    _known: dict[str, Reading] = field(default_factory=dict, repr=False)
    """The statements that were read beside it, by their text."""
    _made: dict[Callable[[Reading], Any], Any] = field(default_factory=dict, repr=False)

    @cached_property
    def sql(self) -> str:
        return self.statement.sql

    @cached_property
    def query(self) -> Query:
        return self.statement.query

    @cached_property
    def select(self) -> Select | None:
        """Its one SELECT; None where it has set operations, WITH or VALUES."""
        return self.statement.select

    @cached_property
    def scopes(self) -> Scopes:
        """What its names mean."""
        return resolve(self.statement, self.schema)

    def another(self, sql: str) -> Reading:
        """The reading of another statement over the same schema, which is read once. Raises Unreadable."""
        found = self._known.get(sql)
        if found is None:
            found = self._known[sql] = Reading(parse(sql), self.schema, self._known)
        return found

    def once(self, make: Callable[[Reading], Made]) -> Made:
        """What a function makes of this reading: made once, however many rules ask for it. Nobody may change it."""
        if make not in self._made:
            self._made[make] = make(self)
        return cast("Made", self._made[make])


class Readings:
    """The statements of one question, each read once. Not for several threads."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._known: dict[str, Reading] = {}

    def read(self, sql: str) -> Reading:
        """Read a statement, or find it read. Raises Unreadable."""
        found = self._known.get(sql)
        if found is None:
            found = self._known[sql] = Reading(parse(sql), self.schema, self._known)
        return found

    def find(self, sql: str) -> Reading | None:
        """The same; None where it cannot be read."""
        try:
            return self.read(sql)
        except Unreadable:
            return None

    def add(self, reading: Reading) -> None:
        """Keep what was read elsewhere."""
        self._known[reading.sql] = reading


def read(sql: str, schema: Schema) -> Reading:
    """Read a statement. Raises Unreadable."""
    return Reading(parse(sql), schema)
