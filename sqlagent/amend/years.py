"""Years that bound dates: "after 2018" leaves all of 2018 out.

Compared as texts, as SQLite does, '2018-05-01' > '2018-01-01' and > '2018' hold. A small model writes both, or copies
some day of that year that it was shown. Of 96 training statements (Spider's and BIRD's) whose question says "after" a
year, 92 leave that year out.

Invariant: only the sign and the text of one comparison change, so what comes out runs where the statement did.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended
from sqlagent.amend.patterns import NAME, TEXT
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, fold

_YEAR = r"(?:the )?(?:year )?(?P<year>(?:1[5-9]|20)\d\d)\b(?![-/.]\d| ?(?:-|–|to|through|until|till)\b)"
_AFTER = re.compile(rf"(?<!or )(?<!not )\b(?:after|later than|more recent than) {_YEAR}", re.IGNORECASE)
_SINCE = re.compile(
    rf"\b(?:since|(?:in|on) or (?:after|later than)|starting (?:in|from)) {_YEAR}", re.IGNORECASE
)
_BEFORE = re.compile(rf"(?<!or )(?<!not )\b(?:before|prior to|earlier than) {_YEAR}", re.IGNORECASE)
_COMPARED = re.compile(
    rf"{TEXT}|(?P<column>(?:{NAME}\.)?(?P<name>{NAME})) (?P<sign>>=|<=|>|<) "
    r"(?P<value>'(?P<text>\d{4}(?:-\d\d?(?:-\d\d?(?:[ T][^']*)?)?)?)'|\d{4}\b)"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]|\Z)")


def bounded(question: str, sql: str, schema: Schema) -> Amended:
    """The canonical statement with a date's bound at the end of the year that the question says.

    Left alone: several years, bounds of another year, and columns that do not hold dates as SQLite writes them.
    """
    forms = ((_AFTER, ">"), (_SINCE, ">="), (_BEFORE, "<"))
    asked = [(sign, match) for form, sign in forms for match in form.finditer(question)]
    if len(asked) != 1:
        return Amended(sql)
    sign, match = asked[0]
    year = match["year"]
    found = [
        one
        for one in _COMPARED.finditer(sql)
        if one["sign"] and one["value"].strip("'").startswith(year) and one["sign"][0] == sign[0]
    ]
    if len(found) != 1 or not holds_dates(unquote(found[0]["name"]), schema):
        return Amended(sql)
    one, first = found[0], int(year) + (sign == ">")
    bound = f"{one['column']} {'<' if sign == '<' else '>='} '{first}-01-01'"
    if one[0] == bound or (one["sign"] == ">" == sign and one["text"] and one["text"][4:] == "-12-31"):
        return Amended(sql)
    says = "until the end of" if sign == "<" else "from the first day of"
    until = int(year) - 1 if sign == "<" else first
    return Amended(sql[: one.start()] + bound + sql[one.end() :], f"{match[0]!r} means {says} {until}.")


def holds_dates(column: str, schema: Schema) -> bool:
    """Whether all columns of that name hold dates that begin with their year, as far as is known."""
    samples = [c.samples for table in schema.tables for c in table.columns if fold(c.name) == fold(column)]
    known = [value for values in samples for value in values if value is not None]
    return bool(known) and all(isinstance(value, str) and _DATE.match(value) for value in known)
