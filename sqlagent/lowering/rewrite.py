"""Walk a statement and collect the edits that make it right for how columns are stored.

Invariant: an edit replaces a part of a statement by one that gives, over the stored values, what the part gives over
the meant ones; where no rule knows how, `Unlowerable` is raised and the statement stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlagent.database.column_facts.encodings import DigitDate, Flag, Linear, Padded, TextDate, TextNumber
from sqlagent.database.column_facts.fact import ColumnFact
from sqlagent.database.schema import fold
from sqlagent.lowering.comparisons import between, compared, like, member
from sqlagent.lowering.constants import call_grain, is_constant
from sqlagent.lowering.stored_form import Stored
from sqlagent.sql import tree
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import (
    Between,
    Binary,
    Call,
    Cast,
    Column,
    Expr,
    In,
    Item,
    Like,
    Literal,
    Node,
    NullTest,
    Query,
    Select,
    Star,
    Subquery,
    Unary,
)

Facts = Mapping[tuple[str, str], ColumnFact]
"""(folded table, folded column) → fact, of the columns that change a statement."""
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=", "IS", "IS NOT", "IS DISTINCT FROM", "IS NOT DISTINCT FROM")
_ARITHMETIC = ("+", "-", "*", "/", "%", "&", "|", "<<", ">>")
_TIME_CALLS = ("DATE", "DATETIME", "TIME", "STRFTIME", "JULIANDAY", "UNIXEPOCH")
_STORED_MODIFIERS = ("'unixepoch'", "'auto'", "'julianday'")


_DECIDING = (Binary, Between, In, Like)
"""Conditions that choose a row only where they are true, and look at no other condition within them."""


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


class Rewriter:
    """Collects edits for one statement; `used` are the columns that were treated otherwise than written."""

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
        self.asked_empty: frozenset[tuple[str, str]] = frozenset()
        """Columns that are compared with '': rows without a value are counted by them."""

    def run(self) -> None:
        """Collect all edits. Raises Unlowerable."""
        for node in self.statement.find(Binary):
            right = tree.bare(node.right)
            if (
                node.operator == "="
                and isinstance(right, Literal)
                and right.kind == "text"
                and not right.value
            ):
                self.asked_empty |= self.reading.scopes.bases(node.left)
        self.query(self.reading.query, outermost=True, meant=self.options.shown)

    def results(self) -> tuple[ColumnFact | None, ...]:
        """The fact behind each result column of one SELECT without `*`; empty for anything else."""
        select = self.statement.select
        if select is None or any(isinstance(tree.bare(item.value), Star) for item in select.items):
            return ()
        found = []
        for item in select.items:
            column = self.physical(item.value)
            found.append(column.fact if column is not None else None)
        return tuple(found)

    # ---- what is known ----

    def stored(self, node: Expr) -> Stored | None:
        """The column whose stored values an expression hands on, where its fact changes statements."""
        node = tree.bare(node)
        if not isinstance(node, Column):
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
        base = self.reading.scopes.base(tree.bare(node))
        if base is not None:
            key = (fold(base[0].name), fold(base[1].name))
            self.used[key] = self.facts[key]

    def put(self, node: Node, column: Expr, text: str) -> None:
        """A text in place of a node, because of how a column is stored."""
        if text != self.statement.text(node):
            self.edits.replace(node, text)
            self.changes += 1
            self._note(column)

    # ---- queries ----

    def query(
        self, query: Query, *, outermost: bool = False, meant: bool = False, stored: bool = False
    ) -> None:
        """`meant`: bare columns among the results are wanted as they are meant.

        Else they are handed on as stored, and whoever uses them writes what they mean; `stored`: so is MAX(column).
        """
        before, self.strict = self.strict, True
        for cte in query.ctes:
            self.query(cte.query)
        for arm in query.arms:
            if isinstance(arm, Select):
                self.select(arm, outermost=outermost, meant=meant, stored=stored)
        for term in query.order:
            self.ordered(term.value, meant)
        self.strict = before

    def select(self, select: Select, *, outermost: bool, meant: bool, stored: bool) -> None:
        for item in select.items:
            if stored:
                self.as_stored(item.value)
            else:
                self.item(item, select, outermost=outermost, meant=meant)
        for joined in select.sources:
            self.source(joined)
        for condition in (select.where, select.having):
            if condition is not None:
                self.chosen_by(condition)
        for term in select.group:
            self.grouped(term)
        for named in select.windows:
            self.window(named.window)

    def source(self, joined: tree.Joined) -> None:
        source = joined.source
        if isinstance(source, tree.Derived):
            self.query(source.query)
        elif isinstance(source, tree.Nested):
            for inner in source.sources:
                self.source(inner)
        if joined.on is not None:
            self.chosen_by(joined.on)

    def item(self, item: Item, select: Select, *, outermost: bool, meant: bool) -> None:
        value = tree.bare(item.value)
        if isinstance(value, Star):
            if meant:
                self.star(item, value, select)
            return
        column = self.stored(value)
        if column is not None:
            if meant and self.unreadable(column):
                assert isinstance(value, Column)
                name = "" if item.alias else f" AS {quote(value.name.text)}"
                self.put(item.value, value, column.meaning() + name)
            return
        before = self.changes
        self.value(item.value, meant=meant or not outermost)
        if self.changes > before and outermost and item.alias is None:
            self.edits.after(item.value, " AS " + quote(self.statement.text(item.value)))

    def unreadable(self, column: Stored) -> bool:
        """Whether a result is to be shown otherwise than it is stored."""
        encoding = column.encoding
        if encoding is None or not column.is_time or column.fact.key:
            return False
        return self.options.shown_texts or not isinstance(encoding, TextDate)

    def star(self, item: Item, star: Star, select: Select) -> None:
        """`*` written out, where a column of it is a time that is not stored as one."""
        scope = self.reading.scopes.scope(select)
        label = fold(star.qualifier.text) if star.qualifier else None
        bounds = [bound for bound in scope.bounds if label is None or fold(bound.label) == label]
        if scope.merged or any(bound.table is None for bound in bounds):
            return
        names: list[str] = []
        found = []
        for bound in bounds:
            assert bound.table is not None
            for column in bound.table.columns:
                key = (fold(bound.table.name), fold(column.name))
                fact = self.facts.get(key)
                sql = f"{quote(bound.label)}.{quote(column.name)}"
                stored = Stored(sql, fact, self.options.local) if fact is not None else None
                if stored is not None and self.unreadable(stored):
                    names.append(f"{stored.meaning()} AS {quote(column.name)}")
                    found.append((key, stored.fact))
                else:
                    names.append(sql)
        if found:
            self.edits.replace(item, ", ".join(names))
            self.used.update(found)

    def ordered(self, value: Expr, meant: bool) -> None:
        inner = tree.bare(value)
        column = self.stored(inner)
        if column is None:
            self.value(value, meant=True)
            return
        if column.fact.key:
            return
        assert isinstance(inner, Column)
        reference = self.reading.scopes.of(inner)
        if reference.item is not None and reference.item.alias is not None:
            item = tree.bare(reference.item.value)
            if meant and self.unreadable(column):
                return  # the alias stands for what is shown, which sorts as it is meant
            column = column.of(self.statement.text(item))
        if column.encoding is None or column.monotone:
            if column.fact.nothing and column.fact.meaning != "text":
                self.put(value, inner, column.clean)
        elif not isinstance(column.encoding, (Flag, Padded)):
            self.put(value, inner, column.meaning())

    def grouped(self, value: Expr) -> None:
        column = self.stored(value)
        if column is None:
            self.value(value, meant=True)
            return
        if not column.fact.key and not column.injective and not isinstance(column.encoding, TextNumber):
            inner = tree.bare(value)
            assert isinstance(inner, Column)
            reference = self.reading.scopes.of(inner)
            if reference.item is None:
                self.put(value, value, column.meaning())

    def window(self, window: tree.Window) -> None:
        for part in window.partition:
            self.grouped(part)
        for term in window.order:
            self.ordered(term.value, False)

    # ---- conditions ----

    def chosen_by(self, node: Expr) -> None:
        """A condition that chooses rows, or one of several that do."""
        inner = tree.bare(node)
        if isinstance(inner, Binary) and inner.operator in ("AND", "OR"):
            self.chosen_by(inner.left)
            self.chosen_by(inner.right)
            return
        before, self.strict = self.strict, not isinstance(inner, _DECIDING)
        self.condition(node)
        self.strict = before

    def condition(self, node: Expr) -> None:
        """An expression of which only the truth counts."""
        inner = tree.bare(node)
        if isinstance(inner, Binary) and inner.operator in ("AND", "OR"):
            self.condition(inner.left)
            self.condition(inner.right)
        elif isinstance(inner, Unary) and inner.operator == "NOT":
            self.condition(inner.value)
        else:
            column = self.stored(inner)
            if column is not None and isinstance(column.encoding, Flag):
                self.put(inner, inner, column.meaning())
            elif column is None:
                self.value(node, meant=True)

    def value(self, node: Expr, *, meant: bool) -> None:
        """Any expression. `meant`: a column in it is wanted as it is meant."""
        inner = tree.bare(node)
        rule = _RULES.get(type(inner))
        if rule is not None and rule(self, inner, meant):
            return
        if isinstance(inner, Column):
            self.leaf(inner, meant)
            return
        if isinstance(inner, Subquery):
            self.query(inner.query, meant=meant)
            return
        if isinstance(inner, (tree.Exists, Query)):
            self.query(inner.query if isinstance(inner, tree.Exists) else inner)
            return
        self.strict = True
        for part in tree.children(inner):
            if isinstance(part, Query):
                self.query(part, meant=True)
            elif isinstance(part, tree.When):
                self.condition(part.condition)
                self.value(part.result, meant=meant)
            elif isinstance(part, tree.Window):
                self.window(part)
            elif isinstance(part, tree.Term):
                self.ordered(part.value, False)
            elif not isinstance(part, (tree.Name, tree.TableRef, Star)):
                self.value(part, meant=meant)  # type: ignore[arg-type]

    def leaf(self, node: Column, meant: bool) -> None:
        """A column that no rule knows more about."""
        column = self.stored(node)
        if column is None or not meant or column.fact.key:
            return
        if isinstance(column.encoding, TextNumber) and column.encoding.mixed:
            return
        if isinstance(column.encoding, (Flag, Padded)) or column.fact.meaning == "text":
            return
        if self.reading.scopes.of(node).item is not None:
            return
        self.put(node, node, column.meaning())

    # ---- rules: each says whether it has dealt with the node ----

    def binary(self, node: Binary, meant: bool) -> bool:
        if node.operator in ("AND", "OR"):
            self.condition(node.left)
            self.condition(node.right)
            return True
        if node.operator in _ARITHMETIC:
            return self.arithmetic(node)
        if node.operator not in _COMPARISONS:
            return False
        for left, right, operator in (
            (node.left, node.right, node.operator),
            (node.right, node.left, _TURNED.get(node.operator, node.operator)),
        ):
            if self.compared_with_constant(node, left, operator, right):
                return True
        return self.compared_columns(node)

    def arithmetic(self, node: Binary) -> bool:
        """Calculation: with numbers as they are meant; a time that is counted is taken as stored."""
        for side in (node.left, node.right):
            column = self.stored(side)
            if column is None:
                self.value(side, meant=True)
            elif isinstance(column.encoding, TextNumber) and not column.fact.key:
                self.put(side, side, column.meaning())
        return True

    def compared_with_constant(self, node: Node, left: Expr, operator: str, right: Expr) -> bool:
        """`column op constant`, `date(column) op constant`."""
        if not is_constant(right):
            return False
        found = self.cut(left)
        if found is None:
            return False
        column, grain, value = found
        text = compared(self.statement, column, operator, right, grain, self.strict)
        if text is not None:
            self.put(node, value, text)
            return True
        return grain is None

    def cut(self, node: Expr) -> tuple[Stored, int | None, Expr] | None:
        """(column, grain, its node) of a column or of the date that a call cuts it to: `strftime('%Y', c)`."""
        inner = tree.bare(node)
        column = self.stored(inner)
        if column is not None:
            return column, None, inner
        call = tree.bare(inner.value) if isinstance(inner, Cast) else inner
        grain = call_grain(call)
        if grain is not None and isinstance(call, Call) and call.filter is None and call.window is None:
            place = 1 if call.function == "STRFTIME" else 0
            if len(call.arguments) == place + 1:
                column = self.stored(call.arguments[place])
                if column is not None and column.is_time and column.encoding is not None:
                    return column, grain, tree.bare(call.arguments[place])
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
        return column, _ISO_CUTS[bounds], tree.bare(node.arguments[0])

    def compared_columns(self, node: Binary) -> bool:
        """Two expressions with columns: alike where both are stored alike, else as they are meant."""
        self.strict = True
        left, right = self.physical(node.left), self.physical(node.right)
        if left is not None and right is not None and left.encoding == right.encoding:
            exact = node.operator in ("=", "!=", "IS", "IS NOT")
            if left.injective if exact else left.monotone and not left.fact.nothing:
                for side in (node.left, node.right):
                    self.as_stored(side)
                return True
        for side, other in ((node.left, node.right), (node.right, node.left)):
            column = self.stored(side)
            if column is None:
                self.value(side, meant=True)
            elif not column.fact.key and not self.quoted_text(other) and column.encoding is not None:
                self.put(side, side, column.meaning())
        return True

    def quoted_text(self, node: Expr) -> bool:
        """Whether a name in double quotes is a text, which SQLite takes where no column is so called."""
        inner = tree.bare(node)
        return isinstance(inner, Column) and self.reading.scopes.of(inner).kind == "text"

    def physical(self, node: Expr) -> Stored | None:
        """The column whose stored values an expression gives: itself, its least or its greatest, or a query's."""
        inner = tree.bare(node)
        if isinstance(inner, Subquery) and len(inner.query.arms) == 1:
            arm = inner.query.arms[0]
            return (
                self.physical(arm.items[0].value) if isinstance(arm, Select) and len(arm.items) == 1 else None
            )
        if isinstance(inner, Call) and inner.function in ("MIN", "MAX") and len(inner.arguments) == 1:
            column = self.stored(inner.arguments[0])
            return column if column is not None and column.monotone else None
        return self.stored(inner)

    def as_stored(self, node: Expr) -> None:
        """Read an expression that `physical` knows: its own value stays as it is stored."""
        inner = tree.bare(node)
        if isinstance(inner, Subquery):
            self.query(inner.query, stored=True)
        elif isinstance(inner, Call):
            argument = inner.arguments[0]
            column = self.stored(argument)
            if column is not None and column.fact.nothing:
                self.put(argument, argument, column.clean)
        else:
            column = self.stored(inner)
            if column is not None and column.fact.nothing and not column.fact.key:
                self.put(inner, inner, column.clean)

    def between(self, node: Between, meant: bool) -> bool:
        if not (is_constant(node.low) and is_constant(node.high)):
            return False
        found = self.cut(node.value)
        if found is None:
            return False
        column, grain, value = found
        text = between(self.statement, column, node, grain, self.strict)
        if text is not None:
            self.put(node, value, text)
            return True
        return grain is None

    def member(self, node: In, meant: bool) -> bool:
        if node.query is not None:
            left = self.stored(node.value)
            arm = node.query.arms[0]
            right = (
                self.stored(arm.items[0].value)
                if isinstance(arm, Select) and len(node.query.arms) == 1 and len(arm.items) == 1
                else None
            )
            if left is not None and right is not None and left.encoding == right.encoding and left.injective:
                self.as_stored(node.value)
                self.query(node.query, stored=True)
                return True
            if left is None:
                self.value(node.value, meant=True)
            elif not left.fact.key:
                self.put(node.value, node.value, left.meaning())
            self.query(node.query, meant=True)
            if right is not None and not right.fact.key and not (right.is_time and right.encoding):
                assert isinstance(arm, Select)
                self.put(arm.items[0].value, arm.items[0].value, right.meaning())
            return True
        if not all(map(is_constant, node.members)):
            return False
        found = self.cut(node.value)
        if found is None:
            return False
        column, grain, value = found
        text = member(self.statement, column, node, grain, self.strict)
        if text is not None:
            self.put(node, value, text)
            return True
        return grain is None

    def like(self, node: Like, meant: bool) -> bool:
        column = self.stored(node.left)
        if column is None:
            return False
        if node.operator == "LIKE" and node.escape is None and isinstance(node.right, Literal):
            text = like(column, node.right.value, node.negated, self.strict)
            if text is not None:
                self.put(node, node.left, text)
        return True

    def null_test(self, node: NullTest, meant: bool) -> bool:
        column = self.stored(node.value)
        if column is None:
            return False
        if column.fact.nothing:
            self.put(node, node.value, column.is_nothing(node.negated))
        return True

    def cast(self, node: Cast, meant: bool) -> bool:
        column = self.stored(node.value)
        if column is None:
            return False
        encoding = column.encoding
        if column.fact.key:
            return True
        if isinstance(encoding, TextNumber):
            plain = not (
                encoding.prefix or encoding.thousands or encoding.multiplied or encoding.decimal == ","
            )
            if encoding.mixed or not plain:
                self.put(node.value, node.value, column.meaning())
            elif column.fact.nothing:
                self.put(node.value, node.value, column.clean)
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
            inner = tree.bare(argument)
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
        if column is not None and isinstance(column.encoding, (Linear, TextDate, DigitDate)):
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
        elif isinstance(encoding, (Padded, Flag)):
            return
        else:
            self.put(argument, argument, column.meaning())

    def added(self, node: Call, column: Stored, meant: bool) -> None:
        """SUM, AVG and TOTAL: of numbers and of yes and no."""
        argument = node.arguments[0]
        if isinstance(column.encoding, (TextNumber, Flag)) or (
            column.encoding is None and column.fact.nothing and column.fact.meaning == "number"
        ):
            self.put(argument, argument, column.meaning())

    def collected(self, node: Call, column: Stored, meant: bool) -> None:
        if column.is_time and column.encoding is not None:
            self.put(node.arguments[0], node.arguments[0], column.meaning())


def _without_nothing(fact: ColumnFact) -> ColumnFact:
    from dataclasses import replace

    return replace(fact, nothing=())


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_ISO_CUTS = {("1", "4"): 4, ("1", "7"): 7, ("1", "10"): 10}
"""Start and length of the parts of an ISO text that begin it, and their grain."""
Rule = Callable[[Rewriter, "tree.Expr", bool], bool]
_RULES: Mapping[type, Callable[..., bool]] = {
    Binary: Rewriter.binary,
    Between: Rewriter.between,
    In: Rewriter.member,
    Like: Rewriter.like,
    NullTest: Rewriter.null_test,
    Cast: Rewriter.cast,
    Call: Rewriter.call,
}
_AGGREGATES: Mapping[str, Callable[..., None]] = {
    "COUNT": Rewriter.counted,
    "MIN": Rewriter.extreme,
    "MAX": Rewriter.extreme,
    "SUM": Rewriter.added,
    "AVG": Rewriter.added,
    "TOTAL": Rewriter.added,
    "GROUP_CONCAT": Rewriter.collected,
}


def facts_by_name(facts: Mapping[tuple[str, str], ColumnFact]) -> Facts:
    """The facts that change statements, by folded names."""
    return {(fold(table), fold(column)): fact for (table, column), fact in facts.items() if fact.changes}


def words_of(names: Sequence[tuple[str, str]], used: Facts) -> list[str]:
    """What was done, a sentence a column, under the names as declared."""
    known = {(fold(table), fold(column)): column for table, column in names}
    return [f"{known.get(key, key[1])} is {fact.words}." for key, fact in used.items()]
