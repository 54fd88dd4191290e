"""Years that bound dates: "after 2018" leaves all of 2018 out.

Compared as texts, as SQLite does, '2018-05-01' > '2018-01-01' and > '2018' hold. A small model writes both, or copies
some day of that year that it was shown. Of 96 training statements (Spider's and BIRD's) whose question says "after" a
year, 92 leave that year out.

Where the bound is no day but the year's own first or last one, `> '2018-01-01'`, the statement tells that day from all
others, and nobody means that: what is meant is all of the year or none of it, and the word says which (`whole_year`).

Invariant: only the sign and the text of one comparison change, so what comes out runs where the statement did.
"""

from __future__ import annotations

import re

from sqlagent.amend.amendment import Amended
from sqlagent.amend.dates import is_date
from sqlagent.amend.rule import Meaning, Supplied
from sqlagent.sql.edit import Edits
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Literal

_YEAR = r"(?:the )?(?:year )?(?P<year>(?:1[5-9]|20)\d\d)\b(?![-/.]\d| ?(?:-|–|to|through|until|till)\b)"
_AFTER = re.compile(rf"(?<!or )(?<!not )\b(?:after|later than|more recent than) {_YEAR}", re.IGNORECASE)
_SINCE = re.compile(
    rf"\b(?:since|(?:in|on) or (?:after|later than)|starting (?:in|from)) {_YEAR}", re.IGNORECASE
)
_ON = re.compile(rf"\bfrom {_YEAR}(?= on(?:wards?)?\b)", re.IGNORECASE)
_OR_LATER = re.compile(rf"\b(?:in |from )?{_YEAR}(?= (?:or|and) (?:later|after|newer)\b)", re.IGNORECASE)
_BEFORE = re.compile(rf"(?<!or )(?<!not )\b(?:before|prior to|earlier than) {_YEAR}", re.IGNORECASE)
_DAY = re.compile(r"\d{4}(?:-\d\d?(?:-\d\d?(?:[ T][^']*)?)?)?")
_ENDS = re.compile(
    r"(?: (?:onwards?|or later|and later))?\W*(?:\Z|[?.,;:!)]|(?:and|but|or|that|which|who|whose|by|in|at|with"
    r"|without|for|from|per|each|on|have|are|were|did|grouped|ordered|sorted|order|group|how|what|list)\b)",
    re.IGNORECASE,
)
"""What stands behind a year that is a time by itself: in "after 2018 World Cup" and "since 2018 began" it is not."""
_EDGES = re.compile(r"\d{4}(?:-01-01|-12-31)?(?:[ T]00:00(?::00)?)?")


def whole_year(question: str, reading: Reading) -> Amended:
    """The statement with a bound that is a year, or its first or last day, so that the year is in or out as a whole.

    Left alone: what `bounded` leaves alone, days within a year, and a year that more words stand behind.
    """
    return bounded(question, reading, edges=True)


WHOLE_YEAR = Supplied("whole_year", lambda now, about: whole_year(about.question, now), lead=3.0)


def bounded(question: str, reading: Reading, *, edges: bool = False) -> Amended:
    """The statement with a date's bound at the end of the year that the question says.

    edges: only where the bound is a year or an edge of one. Left alone: several years, bounds of another year, and
    columns that do not hold dates as SQLite writes them.
    """
    if "<" not in reading.sql and ">" not in reading.sql:
        return Amended(reading.sql)
    forms = ((_AFTER, ">"), (_SINCE, ">="), (_ON, ">="), (_OR_LATER, ">="), (_BEFORE, "<"))
    asked = [(sign, match) for form, sign in forms for match in form.finditer(question)]
    if len(asked) != 1:
        return Amended(reading.sql)
    sign, match = asked[0]
    year = match["year"]
    if edges and not _ENDS.match(question, match.end()):
        return Amended(reading.sql)
    found = [
        (one, column, value)
        for one in reading.statement.find(Binary)
        if one.operator in ("<", "<=", ">", ">=") and one.operator[0] == sign[0]
        for column, value in [(one.left, one.right)]
        if isinstance(column, Column) and isinstance(value, Literal) and _is_day(value)
        if value.value.startswith(year) and not (edges and not _EDGES.fullmatch(value.value))
    ]
    if len(found) != 1 or not is_date(found[0][1], reading):
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


YEARS = Meaning(
    "years",
    lambda now, about: bounded(about.question, now),
)


def _is_day(value: Literal) -> bool:
    """Whether a constant is a year, or a text that begins with one as dates do."""
    if value.kind == "number":
        return len(value.value) == 4 and value.value.isdigit()
    return value.kind == "text" and _DAY.fullmatch(value.value) is not None
