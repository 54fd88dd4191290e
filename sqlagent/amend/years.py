"""Years that bound dates: "after 2018" leaves all of 2018 out.

Compared as texts, as SQLite does, '2018-05-01' > '2018-01-01' and > '2018' hold. A small model writes both, or copies
some day of that year that it was shown. Of 96 training statements (Spider's and BIRD's) whose question says "after" a
year, 92 leave that year out.

Invariant: only the sign and the text of one comparison change, so what comes out runs where the statement did.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended
from sqlagent.database.schema import Schema, fold
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Literal

_YEAR = r"(?:the )?(?:year )?(?P<year>(?:1[5-9]|20)\d\d)\b(?![-/.]\d| ?(?:-|–|to|through|until|till)\b)"
_AFTER = re.compile(rf"(?<!or )(?<!not )\b(?:after|later than|more recent than) {_YEAR}", re.IGNORECASE)
_SINCE = re.compile(
    rf"\b(?:since|(?:in|on) or (?:after|later than)|starting (?:in|from)) {_YEAR}", re.IGNORECASE
)
_BEFORE = re.compile(rf"(?<!or )(?<!not )\b(?:before|prior to|earlier than) {_YEAR}", re.IGNORECASE)
_DAY = re.compile(r"\d{4}(?:-\d\d?(?:-\d\d?(?:[ T][^']*)?)?)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]|\Z)")


def bounded(question: str, reading: Reading) -> Amended:
    """The statement with a date's bound at the end of the year that the question says.

    Left alone: several years, bounds of another year, and columns that do not hold dates as SQLite writes them.
    """
    if "<" not in reading.sql and ">" not in reading.sql:
        return Amended(reading.sql)
    forms = ((_AFTER, ">"), (_SINCE, ">="), (_BEFORE, "<"))
    asked = [(sign, match) for form, sign in forms for match in form.finditer(question)]
    if len(asked) != 1:
        return Amended(reading.sql)
    sign, match = asked[0]
    year = match["year"]
    found = [
        (one, column, value)
        for one in reading.statement.find(Binary)
        if one.operator in ("<", "<=", ">", ">=") and one.operator[0] == sign[0]
        for column, value in [(one.left, one.right)]
        if isinstance(column, Column) and isinstance(value, Literal) and _is_day(value)
        if value.value.startswith(year)
    ]
    if len(found) != 1 or not holds_dates(found[0][1].name.text, reading.schema):
        return Amended(reading.sql)
    (one, column, value), first = found[0], int(year) + (sign == ">")
    bound = f"{reading.statement.text(column)} {'<' if sign == '<' else '>='} '{first}-01-01'"
    last_day = one.operator == ">" == sign and value.kind == "text" and value.value[4:] == "-12-31"
    if reading.statement.text(one) == bound or last_day:
        return Amended(reading.sql)
    says = "until the end of" if sign == "<" else "from the first day of"
    until = int(year) - 1 if sign == "<" else first
    edits = Edits(reading.statement)
    edits.replace(one, bound)
    return Amended(edits.sql(), f"{match[0]!r} means {says} {until}.")


def _is_day(value: Literal) -> bool:
    """Whether a constant is a year, or a text that begins with one as dates do."""
    if value.kind == "number":
        return len(value.value) == 4 and value.value.isdigit()
    return value.kind == "text" and _DAY.fullmatch(value.value) is not None


def holds_dates(column: str, schema: Schema) -> bool:
    """Whether all columns of that name hold dates that begin with their year, as far as is known."""
    samples = [c.samples for table in schema.tables for c in table.columns if fold(c.name) == fold(column)]
    known = [value for values in samples for value in values if value is not None]
    return bool(known) and all(isinstance(value, str) and _DATE.match(value) for value in known)
