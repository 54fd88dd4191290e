"""What every rule of lowering asks of the statement's columns: how they are stored, and what a call cuts them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlagent.database.column_facts.encodings import Linear, Named, Scaled
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.written_dates import MixedDate, TextDate
from sqlagent.database.schema import fold
from sqlagent.lowering.constants import call_grain
from sqlagent.lowering.stored_form import Stored
from sqlagent.sql import tree
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Cast, Column, Expr, Node, Query, Select, Subquery
from sqlagent.sql.walk import bare

Facts = Mapping[tuple[str, str], ColumnFact]
"""(folded table, folded column) → fact, of the columns that change a statement."""
_ISO_CUTS = {("1", "4"): 4, ("1", "7"): 7, ("1", "10"): 10}
"""Start and length of the parts of an ISO text that begin it, and their grain."""


class Unlowerable(Exception):
    """No rule makes this statement right."""


@dataclass(frozen=True, slots=True)
class Options:
    """`local`: times are meant and shown in this machine's zone, else in UTC.

    `shown`: results are shown as they are meant, else as they are stored; `shown_texts`: dates in words or digits of
    a text too, which a person can read as they are.
    """

    local: bool = False
    shown: bool = True
    shown_texts: bool = False
    now: str = ""
    """The moment that statements call now, in UTC; "" for the clock's."""


class Columns:
    """The statement, its columns and the edits so far; the walk itself is left to `rewrite.Rewriter`.

    `used` are the columns that were treated otherwise than written.
    """

    def __init__(self, reading: Reading, facts: Facts, options: Options) -> None:
        self.reading = reading
        self.statement = reading.statement
        self.facts = facts
        self.options = options
        self.edits = Edits(reading.statement)
        self.changes = 0
        self.strict = True
        """Whether a condition that is NULL must stay so: not where only rows are chosen by it."""
        self.used: dict[tuple[str, str], ColumnFact] = {}
        self.exploded: set[Column] = set()
        """Places of lists that stand for their members, one by one."""
        self.asked_empty: frozenset[tuple[str, str]] = frozenset()
        """Columns that are compared with '': rows without a value are counted by them."""

    def stored(self, node: Expr) -> Stored | None:
        """The column whose stored values an expression hands on, where its fact changes statements."""
        node = bare(node)
        if not isinstance(node, Column) or node in self.exploded:
            return None
        base = self.reading.scopes.base(node)
        if base is None:
            if any(key in self.facts for key in self.reading.scopes.bases(node)):
                raise Unlowerable("columns stored in different ways come together")
            return None
        fact = self.facts.get((fold(base[0].name), fold(base[1].name)))
        if fact is None:
            return None
        return Stored(self.statement.text(node), fact, self.options.local)

    def _note(self, node: Expr) -> None:
        base = self.reading.scopes.base(bare(node))
        if base is not None:
            key = (fold(base[0].name), fold(base[1].name))
            self.used[key] = self.facts[key]

    def put(self, node: Node, column: Expr, text: str) -> None:
        """A text in place of a node, because of how a column is stored."""
        if text != self.statement.text(node):
            self.edits.replace(node, text)
            self.changes += 1
            self._note(column)

    # ---- what an expression hands on ----

    def physical(self, node: Expr) -> Stored | None:
        """The column whose stored values an expression gives: itself, its least or its greatest, or a query's."""
        inner = bare(node)
        if isinstance(inner, Subquery) and len(inner.query.arms) == 1:
            arm = inner.query.arms[0]
            return (
                self.physical(arm.items[0].value) if isinstance(arm, Select) and len(arm.items) == 1 else None
            )
        if isinstance(inner, Call) and inner.function in ("MIN", "MAX") and len(inner.arguments) == 1:
            column = self.stored(inner.arguments[0])
            return column if column is not None and column.monotone else None
        return self.stored(inner)

    def cut(self, node: Expr) -> tuple[Stored, int | None, Expr] | None:
        """(column, grain, its node) of a column or of the date that a call cuts it to: `strftime('%Y', c)`."""
        inner = bare(node)
        column = self.stored(inner)
        if column is not None:
            return column, None, inner
        call = bare(inner.value) if isinstance(inner, Cast) else inner
        grain = call_grain(call)
        if grain is not None and isinstance(call, Call) and call.filter is None and call.window is None:
            place = 1 if call.function == "STRFTIME" else 0
            if len(call.arguments) == place + 1:
                column = self.stored(call.arguments[place])
                if column is not None and column.is_time and column.encoding is not None:
                    return column, grain, bare(call.arguments[place])
        found = self.cut_text(call)
        return found

    def cut_text(self, node: Expr) -> tuple[Stored, int | None, Expr] | None:
        """The same of `substr(column, 1, 4)`, where it is written for ISO text."""
        if (
            not isinstance(node, Call)
            or node.function not in ("SUBSTR", "SUBSTRING")
            or len(node.arguments) != 3
        ):
            return None
        column = self.stored(node.arguments[0])
        bounds = tuple(self.statement.text(argument) for argument in node.arguments[1:])
        if column is None or not column.is_time or column.encoding is None or bounds not in _ISO_CUTS:
            return None
        return column, _ISO_CUTS[bounds], bare(node.arguments[0])

    def quoted_text(self, node: Expr) -> bool:
        """Whether a name in double quotes is a text, which SQLite takes where no column is so called."""
        inner = bare(node)
        return isinstance(inner, Column) and self.reading.scopes.of(inner).kind == "text"

    def unreadable(self, column: Stored) -> bool:
        """Whether a result is to be shown otherwise than it is stored."""
        encoding = column.encoding
        if isinstance(encoding, (Named, Scaled)):
            return not column.fact.key
        if encoding is None or not column.is_time or column.fact.key:
            return False
        return self.options.shown_texts or not isinstance(encoding, (TextDate, MixedDate))

    # ---- the walk ----

    def query(
        self, query: Query, *, outermost: bool = False, meant: bool = False, stored: bool = False
    ) -> None:
        raise NotImplementedError

    def value(self, node: Expr, *, meant: bool) -> None:
        raise NotImplementedError

    def condition(self, node: Expr) -> None:
        raise NotImplementedError

    def window(self, window: tree.Window) -> None:
        raise NotImplementedError


def facts_by_name(facts: Mapping[tuple[str, str], ColumnFact]) -> Facts:
    """The facts that change statements, by folded names."""
    return {(fold(table), fold(column)): fact for (table, column), fact in facts.items() if fact.changes}


def words_of(names: Sequence[tuple[str, str]], used: Facts, *, local: bool) -> list[str]:
    """What was done, a sentence a column, under the names as declared."""
    known = {(fold(table), fold(column)): column for table, column in names}
    sentences = []
    for key, fact in used.items():
        zone = local and isinstance(fact.encoding, Linear) and not fact.encoding.whole_days
        sentences.append(
            f"{known.get(key, key[1])} is {fact.words}{', taken in local time' if zone else ''}."
        )
    return sentences
