"""What a statement computes, in one English sentence, from its parse tree.

Invariant: the sentence says nothing that the statement does not do; where words are lacking (CASE, windows, rare
functions) the SQL itself stands in it, and where the statement cannot be read there is no sentence. It names
every table and every value that the statement compares with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlagent.schema import Column, Schema, Table, fold
from sqlagent.sql_tree import (
    Between,
    Binary,
    Call,
    Cast,
    Col,
    Exists,
    Expr,
    In,
    Item,
    Literal,
    Query,
    Raw,
    Select,
    Source,
    Star,
    Term,
    Unary,
    Unreadable,
    Value,
    parse,
)

LONGEST = 700
"""Characters of the longest sentence; a longer one would explain less than the SQL does."""

_AGGREGATES = {
    "AVG": "average of",
    "SUM": "sum of",
    "TOTAL": "sum of",
    "MIN": "minimum of",
    "MAX": "maximum of",
    "COUNT": "count of",
    "GROUP_CONCAT": "list of",
}
_COMPARES = {
    "=": "is",
    "!=": "is not",
    "<": "is less than",
    ">": "is more than",
    "<=": "is at most",
    ">=": "is at least",
    "IS": "is",
    "IS NOT": "is not",
    "GLOB": "matches the pattern",
    "NOT GLOB": "does not match the pattern",
}
_DATES = {"<": "is before", ">": "is after", "<=": "is on or before", ">=": "is on or after"}
_PARTS = {"%Y": "year", "%m": "month", "%d": "day", "%H": "hour", "%w": "weekday", "%Y-%m": "year and month"}
_SETS = {
    "UNION": "together with",
    "UNION ALL": "followed by",
    "INTERSECT": "but only what is also in",
    "EXCEPT": "but without what is in",
}
_DATE = re.compile(r"\d{4}-\d\d(-\d\d.*)?")
_PLAIN_WORD = re.compile(r"[A-Z][A-Za-z]*(?: [A-Z][A-Za-z]*)*")
_NUMERIC = ("int", "real", "floa", "doub", "dec", "num")


def in_words(sql: str, schema: Schema) -> str:
    """What a statement computes, as a noun phrase without a full stop; "" when it cannot be said."""
    try:
        said = _Speaker(schema).query(parse(sql), None)
    except (Unreadable, RecursionError):
        return ""
    said = " ".join(said.split())
    return said if len(said) <= LONGEST else ""


def sentence(words: str) -> str:
    """The words as a line of their own: with a capital and a full stop."""
    return words[:1].upper() + words[1:] + "." if words else ""


@dataclass(frozen=True, slots=True)
class _Bound:
    """A source of FROM: what it is called in the sentence, and its table where it is one."""

    key: str
    label: str
    table: Table | None


@dataclass(frozen=True)
class _Scope:
    """The sources of one SELECT and those around it."""

    sources: tuple[_Bound, ...]
    items: tuple[Item, ...]
    outer: _Scope | None

    def find(self, qualifier: str) -> _Bound | None:
        key = fold(qualifier)
        own = next((source for source in self.sources if source.key == key), None)
        return own or (self.outer.find(qualifier) if self.outer else None)


class _Speaker:
    """Puts trees into words over one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    # ---- queries ----

    def query(self, query: Query, outer: _Scope | None) -> str:
        first = self.scope(query.arms[0][1], outer)
        compound = len(query.arms) > 1
        said, scope = self.select(query.arms[0][1], first), first
        for operator, arm in query.arms[1:]:
            more = self.select(arm, self.scope(arm, outer))
            repeats = " (each row once)" if operator == "UNION" else ""
            said = f"({said}) {_SETS[operator]} ({more}){repeats}"
        said += self.ending(query, scope, compound)
        for name, named in query.named:
            said += f"; {name} stands for ({self.query(named, None)})"
        return said

    def scope(self, select: Select, outer: _Scope | None) -> _Scope:
        bound: list[_Bound] = []
        tables = [fold(s.table) for s in select.sources if isinstance(s.table, str)]
        around = outer
        while around is not None:
            tables += [fold(source.table.name) for source in around.sources if source.table]
            around = around.outer
        for source in select.sources:
            if isinstance(source.table, Query):
                bound.append(_Bound(fold(source.alias or ""), source.alias or "it", None))
                continue
            table = self.schema.table(source.table)
            name = table.name if table else source.table
            # A table's own name is clearer than T1, unless it is there twice.
            twice = tables.count(fold(source.table)) > 1
            label = source.alias if twice and source.alias else name
            bound.append(_Bound(fold(source.alias or source.table), label, table))
        return _Scope(tuple(bound), select.items, outer)

    def select(self, select: Select, scope: _Scope) -> str:
        keys = {self.value(self.position(term, scope), scope) for term in select.group}
        counted = any(_aggregates(item.value) for item in select.items)
        # "For each city" says that the city is shown.
        shown = [i for i in select.items if self.value(i.value, scope) not in keys] if counted else []
        items = self.items(shown or select.items, scope)
        own = {self.value(item.value, scope) for item in select.items}
        if select.distinct:
            items = f"distinct {items}"
        elif keys and own == keys:
            items = f"each {items}"
        said = items
        if select.sources:
            alone = len(select.sources) == 1
            joiner = " over " if counted else " of " if alone else ", from "
            if items in ("number of rows", "distinct number of rows"):
                joiner = " in "
            said += joiner + self.sources(select, scope)
        if select.where is not None:
            said += f" where {self.condition(select.where, scope)}"
        if select.group:
            each = [
                key + ("" if key in own else " (not shown)")
                for key in dict.fromkeys(self.value(self.position(t, scope), scope) for t in select.group)
            ]
            if select.distinct or own != keys:
                said += f", for each {_listed(each)}"
        if select.having is not None:
            said += f", only where {self.condition(select.having, scope)}"
        return said

    def items(self, items: Sequence[Item], scope: _Scope) -> str:
        """The result columns; neighbours of one table share its name."""
        phrases: list[str] = []
        run: list[str] = []
        owner: str | None = None

        def close() -> None:
            if run:
                phrases.append(_listed(run) + (f" of {owner}" if owner else ""))
                run.clear()

        several = len(scope.sources) > 1
        for item in items:
            named = f" (as {item.alias})" if item.alias and scope.outer is not None else ""
            source = self.owner(item.value, scope) if several and isinstance(item.value, Col) else None
            if isinstance(item.value, Col) and source is not None and not named:
                if run and owner != source.label:
                    close()
                owner = source.label
                run.append(item.value.name)
            else:
                close()
                phrases.append(self.value(item.value, scope) + named)
        close()
        return _listed(phrases)

    def sources(self, select: Select, scope: _Scope) -> str:
        said = ""
        for number, (source, bound) in enumerate(zip(select.sources, scope.sources, strict=True)):
            name = self.source(source, bound, scope)
            on = self.links(source.on, scope) if source.on is not None else ""
            matched = f" ({on})" if on else ""
            if number == 0:
                said = name
            elif source.join == "LEFT JOIN":
                said += f", with matching {name}{matched} or nothing"
            elif source.join == "CROSS JOIN":
                said += f" in every combination with {name}{matched}"
            else:
                said += f" joined with {name}{matched}"
        return said

    def source(self, source: Source, bound: _Bound, scope: _Scope) -> str:
        if isinstance(source.table, Query):
            called = f" called {source.alias}" if source.alias and len(scope.sources) > 1 else ""
            return f"({self.query(source.table, _Scope((), (), scope.outer))}){called}"
        name = bound.table.name if bound.table else source.table
        return f"{name} (as {bound.label})" if fold(bound.label) != fold(name) else name

    def links(self, on: Expr, scope: _Scope) -> str:
        """A join's condition, without what a foreign key says anyway; "" when nothing is left."""
        rest = [part for part in _conjuncts(on) if not self.is_key(part, scope)]
        return " and ".join(self.condition(part, scope, inside=True) for part in rest)

    def is_key(self, part: Expr, scope: _Scope) -> bool:
        if not isinstance(part, Binary) or part.operator != "=":
            return False
        left, right = part.left, part.right
        if not isinstance(left, Col) or not isinstance(right, Col):
            return False
        one, two = self.owner(left, scope), self.owner(right, scope)
        if one is None or two is None or one.table is None or two.table is None or one is two:
            return False
        return _refers(one.table, left.name, two.table, right.name) or _refers(
            two.table, right.name, one.table, left.name
        )

    def ending(self, query: Query, scope: _Scope, compound: bool) -> str:
        """ORDER BY and LIMIT in words."""
        terms = query.order
        limit = None if query.limit is None else _count(query.limit)
        said = ""
        if limit is not None and len(terms) == 1 and not query.offset and not compound:
            best = self.best(terms[0], scope, limit)
            if best:
                return f", {best}"
        if terms:
            by = _listed([self.term(term, scope, compound) for term in terms])
            said = f", sorted by {by}"
        if limit is not None:
            which = "first" if terms else "any"
            if query.offset and _count(query.offset) != "0":
                said += f", {limit} rows after the first {_count(query.offset)}"
            elif which == "first":
                said += ", only the first" + ("" if limit == "1" else f" {limit}")
            else:
                said += f", at most {limit} row{'' if limit == '1' else 's'}"
        return said

    def best(self, term: Term, scope: _Scope, limit: str) -> str:
        """ "the 5 with the highest salary", where highest is what anybody would call it."""
        value = self.position(term.value, scope)
        many = f"the {limit}" if limit != "1" else "the one"
        if isinstance(value, Call) and value.name == "COUNT" and value.filter is None:
            what = self.value(value, scope)
            what = "most rows" if what == "number of rows" else f"highest {what}"
            if not term.descending:
                what = what.replace("most rows", "fewest rows").replace("highest", "lowest", 1)
            return f"{many} with the {what}"
        column = self.column(value, scope)
        if column is None or term.nulls or not any(kind in column.type.lower() for kind in _NUMERIC):
            return ""
        if not term.descending and not (column.not_null or column.pk):
            return ""  # NULL comes before the lowest value
        return f"{many} with the {'highest' if term.descending else 'lowest'} {self.value(value, scope)}"

    def term(self, term: Term, scope: _Scope, compound: bool) -> str:
        value = self.position(term.value, scope)
        # Behind a set operation a name is that of a result column.
        said = value.name if compound and isinstance(value, Col) else self.value(value, scope)
        nulls = f" with missing values {term.nulls.lower()}" if term.nulls else ""
        return said + (" (descending)" if term.descending else "") + nulls

    def position(self, value: Expr, scope: _Scope) -> Expr:
        """What `ORDER BY 2` or the alias of a result column stands for."""
        if isinstance(value, Literal) and value.kind == "number" and value.text.isdigit():
            place = int(value.text) - 1
            if 0 <= place < len(scope.items):
                return scope.items[place].value
        if isinstance(value, Col) and value.qualifier is None:
            for item in scope.items:
                if item.alias is not None and fold(item.alias) == fold(value.name):
                    return item.value
        return value

    # ---- columns ----

    def owner(self, value: Expr, scope: _Scope) -> _Bound | None:
        """The source that a column belongs to, when that is certain."""
        if not isinstance(value, Col):
            return None
        if value.qualifier is not None:
            return scope.find(value.qualifier)
        having = [s for s in scope.sources if s.table is not None and s.table.column(value.name)]
        return having[0] if len(having) == 1 and all(s.table for s in scope.sources) else None

    def column(self, value: Expr, scope: _Scope) -> Column | None:
        owner = self.owner(value, scope)
        return owner.table.column(value.name) if owner and owner.table and isinstance(value, Col) else None

    def name(self, value: Col, scope: _Scope) -> str:
        """A column: alone where only one source can be meant, else with its table's name before it."""
        owner = self.owner(value, scope)
        if owner is None:
            return value.name if value.qualifier is None else f"{value.qualifier}.{value.name}"
        column = owner.table.column(value.name) if owner.table else None
        name = column.name if column else value.name
        return name if scope.sources == (owner,) else f"{owner.label}.{name}"

    # ---- values ----

    def value(self, value: Expr, scope: _Scope) -> str:
        if isinstance(value, Col):
            return self.name(value, scope)
        if isinstance(value, Star):
            found = scope.find(value.qualifier) if value.qualifier else None
            whose = found.label if found else value.qualifier
            return f"every column of {whose}" if whose else "every column"
        if isinstance(value, Literal):
            return _literal(value)
        if isinstance(value, Raw):
            return value.text
        if isinstance(value, Call):
            return self.call(value, scope)
        if isinstance(value, Cast):
            return f"{self.operand(value.value, scope)} as {value.type}"
        if isinstance(value, Value):
            return f"({self.query(value.query, scope)})"
        if isinstance(value, Unary) and value.operator in "-+":
            return f"{value.operator}{self.operand(value.value, scope)}"
        if isinstance(value, Binary) and value.operator in ("+", "-", "*", "/", "%", "||"):
            sign = "followed by" if value.operator == "||" else value.operator
            return f"{self.operand(value.left, scope)} {sign} {self.operand(value.right, scope)}"
        return f"({self.condition(value, scope)})"

    def operand(self, value: Expr, scope: _Scope) -> str:
        said = self.value(value, scope)
        return f"({said})" if isinstance(value, (Binary, Cast)) and not said.startswith("(") else said

    def call(self, call: Call, scope: _Scope) -> str:
        name, arguments = call.name, call.arguments
        only = f" (only where {self.condition(call.filter, scope)})" if call.filter is not None else ""
        if name == "COUNT" and arguments and isinstance(arguments[0], Star):
            return f"number of rows{only}"
        said = [self.value(argument, scope) for argument in arguments]
        if name in _AGGREGATES and len(said) == 1:
            if call.distinct:
                word = "number of" if name == "COUNT" else _AGGREGATES[name]
                return f"{word} different {said[0]}{only}"
            return f"{_AGGREGATES[name]} {said[0]}{only}"
        plain = [self.operand(argument, scope) for argument in arguments]
        if name == "ROUND" and plain:
            to = f" to {said[1]} decimals" if len(said) > 1 else ""
            return f"{plain[0]} rounded{to}"
        if name == "STRFTIME" and len(said) == 2 and isinstance(arguments[0], Literal):
            part = _PARTS.get(arguments[0].text)
            if part:
                return f"{part} of {plain[1]}"
        if name in ("UPPER", "LOWER") and len(said) == 1:
            return f"{plain[0]} in {'capitals' if name == 'UPPER' else 'small letters'}"
        if name in ("LENGTH", "ABS") and len(said) == 1:
            return f"{'length' if name == 'LENGTH' else 'absolute value'} of {plain[0]}"
        if name in ("IFNULL", "COALESCE") and len(said) == 2:
            return f"{plain[0]} (or {said[1]} where it is missing)"
        return f"{name}({'DISTINCT ' if call.distinct else ''}{', '.join(said)}){only}"

    # ---- conditions ----

    def condition(self, value: Expr, scope: _Scope, inside: bool = False) -> str:
        """A condition; `inside` another one, so that OR needs its parentheses."""
        if isinstance(value, Binary) and value.operator in ("AND", "OR"):
            parts = _flat(value, value.operator)
            word = f" {value.operator.lower()} "
            said = word.join(self.condition(part, scope, inside=True) for part in parts)
            return f"({said})" if inside else said
        if isinstance(value, Unary) and value.operator == "NOT":
            if isinstance(value.value, Exists):
                return f"there is none of ({self.query(value.value.query, scope)})"
            return f"not ({self.condition(value.value, scope)})"
        if isinstance(value, Exists):
            return f"there is at least one of ({self.query(value.query, scope)})"
        if isinstance(value, Between):
            low, high = self.value(value.low, scope), self.value(value.high, scope)
            word = "is not from" if value.negated else "is from"
            return f"{self.value(value.value, scope)} {word} {low} to {high}"
        if isinstance(value, In):
            return self.member(value, scope)
        if isinstance(value, Binary) and value.operator in ("LIKE", "NOT LIKE"):
            return self.like(value, scope)
        if isinstance(value, Binary) and value.operator in _COMPARES:
            return self.compare(value, scope)
        return f"{self.value(value, scope)} is true"

    def compare(self, value: Binary, scope: _Scope) -> str:
        left, right = self.value(value.left, scope), self.value(value.right, scope)
        word = _COMPARES[value.operator]
        if isinstance(value.right, Literal):
            if value.operator in ("IS", "IS NOT") and value.right.text == "NULL":
                return f"{left} {word} missing"
            if value.right.kind == "text" and _DATE.fullmatch(value.right.text):
                word = _DATES.get(value.operator, word)
        elif value.operator in ("=", "!="):
            word = "equals" if value.operator == "=" else "does not equal"
        if isinstance(value.right, (Binary, In, Between, Exists)) and not right.startswith("("):
            right = f"({right})"
        return f"{left} {word} {right}"

    def member(self, value: In, scope: _Scope) -> str:
        left = self.value(value.value, scope)
        if isinstance(value.members, Query):
            return f"{left} is {'not ' if value.negated else ''}among ({self.query(value.members, scope)})"
        members = _listed([self.value(m, scope) for m in value.members], "or")
        if value.negated:
            return f"{left} is not {members}" if len(value.members) == 1 else f"{left} is neither {members}"
        return f"{left} is {members}"

    def like(self, value: Binary, scope: _Scope) -> str:
        left = self.value(value.left, scope)
        negated = value.operator == "NOT LIKE"
        words = ("contains", "starts with", "ends with", "is like")
        if negated:
            words = ("does not contain", "does not start with", "does not end with", "is not like")
        if isinstance(value.right, Literal) and value.right.kind == "text":
            pattern = value.right.text
            bare = pattern.strip("%")
            if bare and "%" not in bare and "_" not in bare:
                ends = (pattern.startswith("%"), pattern.endswith("%"))
                kinds = {(True, True): 0, (False, True): 1, (True, False): 2, (False, False): 3}
                return f"{left} {words[kinds[ends]]} {_quoted(bare)}"
        word = "does not match the pattern" if negated else "matches the pattern"
        return f"{left} {word} {self.value(value.right, scope)}"


# ---- small things --------------------------------------------------------------------------------------------


def _listed(parts: Iterable[str], last: str = "and") -> str:
    """a, b and c"""
    parts = list(parts)
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def _literal(value: Literal) -> str:
    if value.kind != "text":
        return value.text
    return value.text if _PLAIN_WORD.fullmatch(value.text) else _quoted(value.text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _count(number: str) -> str:
    return number.lstrip("0") or "0"


def _flat(value: Expr, operator: str) -> list[Expr]:
    if isinstance(value, Binary) and value.operator == operator:
        return [*_flat(value.left, operator), *_flat(value.right, operator)]
    return [value]


def _conjuncts(value: Expr) -> list[Expr]:
    return _flat(value, "AND")


def _refers(table: Table, column: str, other: Table, column_there: str) -> bool:
    return any(
        fold(key.ref_table) == fold(other.name)
        and (fold(column), fold(column_there))
        in [(fold(a), fold(b)) for a, b in zip(key.columns, key.ref_columns, strict=False)]
        for key in table.foreign_keys
    )


def _aggregates(value: Expr) -> bool:
    """Whether an aggregate stands in a value, outside subqueries."""
    if isinstance(value, Call):
        if value.name in _AGGREGATES and len(value.arguments) == 1:
            return True
        return any(map(_aggregates, value.arguments))
    if isinstance(value, Binary):
        return _aggregates(value.left) or _aggregates(value.right)
    return isinstance(value, (Cast, Unary)) and _aggregates(value.value)
