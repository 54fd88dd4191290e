"""Write a comparison of a column with constants for how the column is stored; ranges stay ranges.

A date is compared at the grain that it is written in: `at = '2024-05-03'` is that whole day, `at > '2024-05'` is after
the month. Each function gives None where the comparison is right as it is.
"""

from __future__ import annotations

import re

from sqlagent.database.column_facts.encodings import (
    DigitDate,
    Duration,
    Flag,
    Listed,
    Named,
    Padded,
    Scaled,
    TextNumber,
    ZeroFilled,
)
from sqlagent.database.column_facts.mixed_dates import worded_date
from sqlagent.database.column_facts.nothing import ALWAYS
from sqlagent.database.column_facts.written_dates import MixedDate, TextDate
from sqlagent.lowering import lists
from sqlagent.lowering.constants import number_of, span_of
from sqlagent.lowering.moments import DAY, MONTH, Span, literal_span, pattern_span
from sqlagent.lowering.stored_form import Stored, listed, literal
from sqlagent.sql.names import text_literal
from sqlagent.sql.statement import Statement
from sqlagent.sql.tree import Between, Expr, In, Literal
from sqlagent.sql.walk import bare

_TRUE = frozenset({"1", "true", "yes", "y", "t"})
_FALSE = frozenset({"0", "false", "no", "n", "f"})


def compared(
    statement: Statement, column: Stored, operator: str, right: Expr, grain: int | None, strict: bool
) -> str | None:
    """`column operator constant`; `grain`: the column was cut to it, as `strftime('%Y', column)` does.

    strict: where the column says nothing, the comparison has to be NULL and not just untrue, as under NOT.
    """
    right = bare(right)
    if grain is None and (found := _nothing(column, operator, right)) is not None:
        return found
    column = column.cleaned if strict and column.monotone else column
    operator = {"IS": "=", "IS NOT": "!=", "IS NOT DISTINCT FROM": "=", "IS DISTINCT FROM": "!="}.get(
        operator, operator
    )
    if column.is_time:
        span = _span(statement, column, right, grain, equal=operator in ("=", "!="))
        return None if span is None else _in_time(column, operator, span)
    encoding = column.encoding
    if isinstance(encoding, ZeroFilled):
        if operator not in ("=", "!="):
            return None
        if not encoding.width and isinstance(right, Literal) and right.kind == "number":
            return f"CAST({column.sql} AS INTEGER) {operator} {right.value}"
        digits = _filled(encoding, right)
        return f"{column.sql} {operator} {digits}" if digits else None
    if column.fact.key:
        return None
    if isinstance(encoding, Named):
        stored = _code(encoding, right)
        return (
            None
            if stored is None or operator not in ("=", "!=")
            else f"{column.sql} {operator} {literal(stored)}"
        )
    if isinstance(encoding, Scaled):
        number = number_of(right)
        return None if number is None else f"{column.sql} {operator} {_times(number, encoding.by)}"
    if isinstance(encoding, Duration):
        seconds = _seconds(encoding, right)
        return None if seconds is None else f"{column.meaning()} {operator} {seconds}"
    if isinstance(encoding, TextNumber) or column.fact.meaning == "number":
        return _in_number(column, operator, right)
    if isinstance(encoding, Listed):
        return lists.compared(column, operator, right)
    if isinstance(encoding, Flag):
        return _flag(column, encoding, operator, right)
    if isinstance(encoding, Padded) and isinstance(right, Literal) and right.kind == "text":
        return f"{column.meaning()} {operator} {text_literal(right.value.rstrip(' '))}"
    return None


def between(
    statement: Statement, column: Stored, node: Between, grain: int | None, strict: bool
) -> str | None:
    """`column [NOT] BETWEEN low AND high`."""
    column = column.cleaned if strict and column.monotone else column
    if column.is_time:
        low = _span(statement, column, node.low, grain)
        high = _span(statement, column, node.high, grain)
        if low is None or high is None:
            return None
        if node.negated:
            return f"({_in_time(column, '<', low)} OR {_in_time(column, '>', high)})"
        return (
            f"({_in_time(column, '>=', low, bounded=True)} AND {_in_time(column, '<=', high, bounded=True)})"
        )
    if column.fact.key:
        return None
    if isinstance(column.encoding, (TextNumber, Duration)) or column.fact.meaning == "number":
        numbers = _amount(column, node.low), _amount(column, node.high)
        if numbers[0] is None or numbers[1] is None:
            return None
        if isinstance(column.encoding, Scaled):
            low_, high_ = (_times(number, column.encoding.by) for number in numbers if number is not None)
            return f"{column.sql} {'NOT ' if node.negated else ''}BETWEEN {low_} AND {high_}"
        return f"{column.meaning()} {'NOT ' if node.negated else ''}BETWEEN {numbers[0]} AND {numbers[1]}"
    return None


def member(statement: Statement, column: Stored, node: In, grain: int | None, strict: bool) -> str | None:
    """`column [NOT] IN (constants)`."""
    column = column.cleaned if strict and column.monotone else column
    if column.is_time:
        spans = [_span(statement, column, member, grain, equal=True) for member in node.members]
        if None in spans or not spans:
            return None
        found = [_in_time(column, "=", span) for span in spans if span is not None]
        parts = [part for part in found if part is not None]
        if len(parts) < len(node.members):
            return None
        joined = parts[0] if len(parts) == 1 else "(" + " OR ".join(parts) + ")"
        return _present(column, f"NOT {joined}") if node.negated else joined
    negated = "NOT " if node.negated else ""
    if isinstance(column.encoding, ZeroFilled):
        digits = [_filled(column.encoding, one) or statement.text(one) for one in node.members]
        return f"{column.sql} {negated}IN ({', '.join(digits)})"
    if column.fact.key:
        return None
    if isinstance(column.encoding, Listed):
        return lists.chosen(column, node)
    if isinstance(column.encoding, (Named, Scaled)):
        return _codes(column, column.encoding, node)
    if isinstance(column.encoding, Duration):
        amounts = [_amount(column, one) for one in node.members]
        listed_amounts = ", ".join(amount for amount in amounts if amount is not None)
        return None if None in amounts else f"{column.meaning()} {negated}IN ({listed_amounts})"
    if isinstance(column.encoding, TextNumber):
        if not all(isinstance(m := bare(one), Literal) and m.kind == "number" for one in node.members):
            return None
        return f"{column.meaning()} {negated}IN ({', '.join(statement.text(one) for one in node.members)})"
    if isinstance(column.encoding, Padded):
        texts = [bare(one) for one in node.members]
        if all(isinstance(one, Literal) and one.kind == "text" for one in texts):
            values = tuple(one.value.rstrip(" ") for one in texts if isinstance(one, Literal))
            return f"{column.meaning()} {negated}IN ({listed(values)})"
    return None


def like(column: Stored, pattern: str, negated: bool, strict: bool) -> str | None:
    """`column [NOT] LIKE pattern`."""
    column = column.cleaned if strict and column.monotone else column
    if column.is_time and column.encoding is not None:
        span = pattern_span(pattern) or (literal_span(pattern) if "%" not in pattern else None)
        if span is not None:
            return _in_time(column, "!=" if negated else "=", span)
        formats = (
            (column.encoding.format,)
            if isinstance(column.encoding, TextDate)
            else column.encoding.formats
            if isinstance(column.encoding, MixedDate)
            else ()
        )
        as_stored = bool(formats) and not all(_for_iso(pattern, format) for format in formats)
        if column.fact.key or as_stored or not set(pattern) <= set("0123456789-_%: "):
            return None  # a pattern for the text as it is stored
        return f"{column.meaning()} {'NOT ' if negated else ''}LIKE {text_literal(pattern)}"
    if isinstance(column.encoding, Listed):
        return lists.like(column, pattern, negated)
    named = isinstance(column.encoding, Named) and not column.fact.key
    if named or (isinstance(column.encoding, Padded) and pattern and pattern[-1] not in "%_ "):
        return f"{column.meaning()} {'NOT ' if negated else ''}LIKE {text_literal(pattern)}"
    return None


def _for_iso(pattern: str, format: str) -> bool:
    """Whether a pattern is written for ISO text and not for texts of a format."""
    year_first = re.match(r"\d{4}-", pattern) is not None and not format.startswith("%Y")
    return year_first or ("-" in pattern and "-" not in format)


def _filled(encoding: ZeroFilled, right: Expr) -> str | None:
    """A number, or fewer digits, as the text of digits that it is stored as; None for anything else."""
    right = bare(right)
    if not isinstance(right, Literal) or right.kind not in ("number", "text"):
        return None
    digits = right.value.strip()
    if not encoding.width or not (digits.isascii() and digits.isdigit()) or len(digits) > encoding.width:
        return None
    return text_literal(digits.zfill(encoding.width))


def _code(encoding: Named, right: Expr) -> int | str | None:
    """The code of a name; None for what is no name, which may be the code itself."""
    right = bare(right)
    if not isinstance(right, Literal) or right.kind != "text":
        return None
    word = right.value.strip().lower()
    return next((stored for stored, name in encoding.names if name.lower() == word), None)


def _codes(column: Stored, encoding: Named | Scaled, node: In) -> str | None:
    """`column [NOT] IN (…)` of names, or of numbers in another scale."""
    members: list[str] = []
    for one in node.members:
        if isinstance(encoding, Named):
            stored = _code(encoding, one)
            members += [] if stored is None else [literal(stored)]
        else:
            number = number_of(one)
            members += [] if number is None else [_times(number, encoding.by)]
    if not members or len(members) < len(node.members):
        return None
    return f"{column.sql} {'NOT ' if node.negated else ''}IN ({', '.join(members)})"


def _times(number: str, by: int) -> str:
    product = float(number) * by
    return str(int(product)) if product.is_integer() else repr(product)


def _nothing(column: Stored, operator: str, right: Expr) -> str | None:
    """A comparison with NULL, '', 'null' or 'N/A' where values stand for none."""
    if not column.fact.nothing or not isinstance(right, Literal):
        return None
    empty = right.kind == "text" and right.value.strip().lower() in ALWAYS | {"none"}
    if empty and right.value and right.value in column.fact.nothing and operator in ("=", "IS"):
        return None  # this very marker is asked for
    if right.kind == "word" and right.value == "NULL" and operator in ("IS", "IS NOT"):
        return column.is_nothing(operator == "IS NOT")
    if empty and operator in ("=", "!=", "IS", "IS NOT"):
        return column.is_nothing(operator in ("!=", "IS NOT"))
    return None


def _span(
    statement: Statement, column: Stored, node: Expr, grain: int | None, *, equal: bool = False
) -> Span | None:
    """The time that a constant means beside a column, or beside what a call cut it to. equal: it is no bound."""
    node = bare(node)
    span = span_of(statement, node)
    if span is None and grain == 4 and isinstance(node, Literal) and node.kind == "number":
        span = literal_span(node.value)  # CAST(strftime('%Y', c) AS INTEGER) = 2024
    if span is None and grain is None and isinstance(node, Literal):
        span = _as_written(column, node, equal)
    return span if span is None or grain is None or span.grain == grain else None


def _as_written(column: Stored, node: Literal, equal: bool) -> Span | None:
    """The time of a constant that is written as the column is, or in words: `july 6, 2004`; of a year as a number.

    A text that one format alone writes equals itself, and stays.
    """
    encoding = column.encoding
    in_text = isinstance(encoding, (TextDate, MixedDate))
    if node.kind == "number":
        year = node.value.isdigit() and "1000" <= node.value <= "2999" and len(node.value) == 4
        return literal_span(node.value) if in_text and year else None
    if node.kind != "text" or encoding is None:
        return None
    own = encoding.decode(node.value) if isinstance(encoding, (TextDate, MixedDate)) else None
    if own is not None and equal and isinstance(encoding, TextDate):
        return None
    date = own or worded_date(node.value)
    return literal_span(date) if date is not None else None


def _in_time(column: Stored, operator: str, span: Span, *, bounded: bool = False) -> str | None:
    """A comparison with a time. bounded: the other end is asked for as well."""
    encoding = column.encoding
    if encoding is None:
        if column.fact.nothing and operator in ("<", "<=", "!=", ">", ">="):
            return f"{column.clean} {operator} {span.text}"
        return None
    if not column.monotone:
        grain = min(span.grain, DAY) if column.date_only else span.grain
        text = span.text
        if span.grain > grain:
            return _whole_day(column, operator, span)
        return f"{column.until(grain)} {operator} {text}"
    one = column.date_only and span.grain == DAY
    one = one or (isinstance(encoding, DigitDate) and encoding.digits == 6 and span.grain == MONTH)
    if one and span.grain == MONTH and not span.start.startswith("'"):
        one = False
    low = column.point(span.start)
    if one:
        text = f"{column.sql} {operator} {low}"
        return text if bounded or operator in ("=", ">", ">=") else _present(column, text)
    high = column.point(span.end)
    name = column.sql
    if operator == "=":
        return f"({name} >= {low} AND {name} < {high})"
    if operator == "!=":
        return _present(column, f"({name} < {low} OR {name} >= {high})")
    bound = {"<": f"< {low}", ">=": f">= {low}", ">": f">= {high}", "<=": f"< {high}"}[operator]
    text = f"{name} {bound}"
    if bounded or (operator in (">", ">=") and not any(isinstance(v, str) for v in column.fact.nothing)):
        return text
    return _present(column, text)


def _whole_day(column: Stored, operator: str, span: Span) -> str:
    """A date without a time of day beside a moment: midnight of that day is compared."""
    return f"{column.until(DAY)} || ' 00:00:00' {operator} {span.text}"


def _present(column: Stored, text: str) -> str:
    """A condition that values which stand for none do not meet."""
    nothing = column.fact.nothing
    return f"({text} AND {column.sql} NOT IN ({listed(nothing)}))" if nothing else text


def _in_number(column: Stored, operator: str, right: Expr) -> str | None:
    encoding = column.encoding
    number = number_of(right)
    if number is None or (isinstance(encoding, TextNumber) and encoding.mixed and operator in ("=", "!=")):
        return None
    quoted = isinstance(right, Literal) and right.kind == "text"
    if operator in ("=", "!=") and quoted:
        return None  # the text as it is stored
    if encoding is None and operator in ("=", "!="):
        return None
    return f"{column.meaning()} {operator} {number}"


def _amount(column: Stored, node: Expr) -> str | None:
    """A number beside a column of numbers or durations; None for anything else."""
    return _seconds(column.encoding, node) if isinstance(column.encoding, Duration) else number_of(node)


def _seconds(encoding: Duration, node: Expr) -> str | None:
    """A number of seconds, or a duration as the column or a clock writes it: `'01:30:00'` is 5400."""
    node = bare(node)
    seconds = encoding.decode(node.value) if isinstance(node, Literal) and node.kind == "text" else None
    return number_of(node) if seconds is None else str(seconds)


def _flag(column: Stored, encoding: Flag, operator: str, right: Expr) -> str | None:
    if not isinstance(right, Literal) or operator not in ("=", "!="):
        return None
    word = right.value.lower()
    if right.kind == "text" and right.value in (encoding.yes, encoding.no):
        return None
    if word in _TRUE | _FALSE:
        stored = encoding.yes if word in _TRUE else encoding.no
        return f"{column.sql} {operator} {text_literal(stored)}"
    return None
