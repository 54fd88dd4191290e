"""Lower calls: date functions, SUBSTR, CAST and aggregates over columns that are stored otherwise than meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlagent.database.column_facts.encodings import (
    DigitDate,
    Duration,
    Flag,
    Linear,
    Named,
    Padded,
    Scaled,
    TextNumber,
)
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.column_facts.written_dates import MixedDate, TextDate
from sqlagent.lowering.columns import Columns
from sqlagent.lowering.stored_form import Stored
from sqlagent.sql import tree
from sqlagent.sql.tree import Call, Cast, Star
from sqlagent.sql.walk import bare

_TIME_CALLS = ("DATE", "DATETIME", "TIME", "STRFTIME", "JULIANDAY", "UNIXEPOCH")
_STORED_MODIFIERS = ("'unixepoch'", "'auto'", "'julianday'")


class Calls(Columns):
    """Each rule says whether it has dealt with the node."""

    def cast(self, node: Cast, meant: bool) -> bool:
        column = self.stored(node.value)
        if column is None:
            return False
        encoding = column.encoding
        if column.fact.key:
            return True
        if isinstance(encoding, TextNumber):
            plain = encoding == TextNumber(suffix=encoding.suffix, integer=encoding.integer)
            if not plain:
                self.put(node.value, node.value, column.meaning())
            elif column.fact.nothing:
                self.put(node.value, node.value, column.clean)
        elif isinstance(encoding, Duration):
            self.put(node.value, node.value, column.meaning())
        elif column.fact.nothing and column.fact.meaning == "number":
            self.put(node.value, node.value, column.clean)
        return True  # a time that is cast is taken as stored

    def call(self, node: Call, meant: bool) -> bool:
        if node.filter is not None:
            self.condition(node.filter)
        if isinstance(node.window, tree.Window):
            self.window(node.window)
        if node.function in _TIME_CALLS:
            return self.time_call(node)
        if node.function in ("SUBSTR", "SUBSTRING"):
            return self.substring(node)
        rule = _AGGREGATES.get(node.function)
        column = self.stored(node.arguments[0]) if len(node.arguments) >= 1 else None
        if rule is not None and column is not None:
            if not column.fact.key:
                rule(self, node, column, meant)
            return True
        for argument in node.arguments:
            if not isinstance(argument, Star):
                self.value(argument, meant=True)
        return True

    def time_call(self, node: Call) -> bool:
        """date, strftime and their kin over a column; where it says how the column is stored, it is left alone."""
        place = 1 if node.function == "STRFTIME" else 0
        texts = [self.statement.text(argument) for argument in node.arguments]
        if len(node.arguments) <= place or any(text.lower() in _STORED_MODIFIERS for text in texts):
            return True
        argument = node.arguments[place]
        column = self.stored(argument)
        if column is None:
            extreme = self.physical(argument)
            inner = bare(argument)
            if extreme is None or not isinstance(inner, Call) or extreme.fact.key or extreme.encoding is None:
                for part in node.arguments[place:]:
                    self.value(part, meant=True)
                return True
            of = self.stored(inner.arguments[0])
            assert of is not None
            column = extreme.of(f"{self.statement.sql[inner.start : inner.arguments[0].start]}{of.clean})")
            column = Stored(column.sql, _without_nothing(column.fact), column.local)
            argument = inner.arguments[0]
        if not column.is_time or column.encoding is None:
            return True
        name = self.statement.text(node.name)
        self.put(node, argument, column.time_call(name, *texts[:place], after=tuple(texts[place + 1 :])))
        return True

    def substring(self, node: Call) -> bool:
        found = self.cut_text(node)
        if found is not None and isinstance(found[1], int) and found[1] > 0 and not found[0].fact.key:
            self.put(node, found[2], found[0].until(found[1]))
            return True
        column = self.stored(node.arguments[0]) if node.arguments else None
        if column is not None and isinstance(column.encoding, (Linear, TextDate, MixedDate, DigitDate)):
            bounds = tuple(self.statement.text(argument) for argument in node.arguments[1:])
            if bounds in (("6", "2"), ("9", "2")):
                self.put(node.arguments[0], node.arguments[0], column.meaning())
            return True
        for argument in node.arguments:
            if self.stored(argument) is None:
                self.value(argument, meant=True)
        return True

    # ---- aggregates ----

    def counted(self, node: Call, column: Stored, meant: bool) -> None:
        argument = node.arguments[0]
        if isinstance(column.encoding, TextNumber) and column.encoding.mixed:
            return  # words count, too
        if node.distinct and not column.injective:
            self.put(argument, argument, column.meaning())
        elif column.fact.nothing and self.reading.scopes.bases(argument).isdisjoint(self.asked_empty):
            self.put(argument, argument, column.clean)

    def extreme(self, node: Call, column: Stored, meant: bool) -> None:
        argument = node.arguments[0]
        encoding = column.encoding
        if len(node.arguments) > 1:
            for part in node.arguments:
                self.value(part, meant=True)
        elif isinstance(encoding, TextNumber) and encoding.mixed:
            name = self.statement.text(node.name)
            self.put(node, argument, f"COALESCE({name}({column.meaning()}), {self.statement.text(node)})")
        elif (
            column.monotone
            and column.is_time
            and encoding is not None
            and not node.filter
            and not node.window
        ):
            name = self.statement.text(node.name)
            whole = f"{name}({column.clean})"
            shown = Stored(whole, _without_nothing(column.fact), column.local)
            self.put(node, argument, shown.meaning() if meant else whole)
        elif isinstance(encoding, (Padded, Flag, Named)):
            return
        else:
            self.put(argument, argument, column.meaning())

    def added(self, node: Call, column: Stored, meant: bool) -> None:
        """SUM, AVG and TOTAL: of numbers and of yes and no."""
        argument = node.arguments[0]
        if isinstance(column.encoding, (TextNumber, Flag, Scaled, Duration)) or (
            column.encoding is None and column.fact.nothing and column.fact.meaning == "number"
        ):
            self.put(argument, argument, column.meaning())

    def collected(self, node: Call, column: Stored, meant: bool) -> None:
        if column.is_time and column.encoding is not None:
            self.put(node.arguments[0], node.arguments[0], column.meaning())


def _without_nothing(fact: ColumnFact) -> ColumnFact:
    return replace(fact, nothing=())


_AGGREGATES: Mapping[str, Callable[..., None]] = {
    "COUNT": Calls.counted,
    "MIN": Calls.extreme,
    "MAX": Calls.extreme,
    "SUM": Calls.added,
    "AVG": Calls.added,
    "TOTAL": Calls.added,
    "GROUP_CONCAT": Calls.collected,
}
