"""Formats of dates that this SQLite does not know: `STRFTIME('%A', d)`, `STRFTIME('%Y-%Q', d)`, `STRFTIME('YYYY', d)`.

    STRFTIME('%A', paid_on)      →  DAYNAME(paid_on)
    STRFTIME('%Y-%Q', paid_on)   →  STRFTIME('%Y-', paid_on) || QUARTER(paid_on)

Other databases and languages have names of days and months, quarters and years of two digits. Where SQLite meets a
letter that it does not know it makes NULL of the whole, without a word, and hands back a format without `%` as it is
(https://sqlite.org/lang_datefunc.html). Which letters are known depends on the version (`%F`, `%e`, `%I`, `%p` since
3.44, `%V` since 3.46), so this SQLite is asked.

Invariant: a format that it knows stays as it is, and so does one of which some part has no other spelling here.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from functools import lru_cache

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.rule import Pitfall
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Call, Column, Literal
from sqlagent.sql.walk import bare

NOTE = "A date's format was written with what this SQLite knows."
_PIECE = re.compile(r"%(?:-?[A-Za-z]|%)|[^%]+|%")
_SAME = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S", "%R": "%H:%M", "%i": "%M"}
"""What a letter is short for; `%i` is MySQL's minute. `%D` and `%h` mean two things elsewhere and are left alone."""
_WORDED: dict[str, str] = {
    "%A": "DAYNAME({day})",
    "%a": "SUBSTR(DAYNAME({day}), 1, 3)",
    "%B": "MONTHNAME({day})",
    "%b": "SUBSTR(MONTHNAME({day}), 1, 3)",
    "%Q": "QUARTER({day})",
    "%q": "QUARTER({day})",
    "%V": "WEEK({day})",
    "%y": "SUBSTR(STRFTIME('%Y', {time}), 3, 2)",
    "%C": "SUBSTR(STRFTIME('%Y', {time}), 1, 2)",
    "%e": "LTRIM(STRFTIME('%d', {time}), '0')",
    "%-d": "LTRIM(STRFTIME('%d', {time}), '0')",
    "%-m": "LTRIM(STRFTIME('%m', {time}), '0')",
    "%p": "CASE WHEN STRFTIME('%H', {time}) < '12' THEN 'AM' ELSE 'PM' END",
}
"""Letters for which another call stands. `day` is an ISO date, `time` the arguments that STRFTIME had."""
_NUMBERS = frozenset(("%Q", "%q", "%V"))
_LETTERS = {
    "YYYY": "%Y", "YY": "%y", "MONTH": "%B", "MON": "%b", "MM": "%m", "DAY": "%A", "DY": "%a", "DD": "%d",
    "HH24": "%H", "HH": "%H", "MI": "%M", "SS": "%S", "Q": "%Q", "WW": "%W",
}  # fmt: skip
"""What other databases write without `%`."""
_LETTER = re.compile("|".join(sorted(_LETTERS, key=len, reverse=True)), re.IGNORECASE)


@lru_cache(maxsize=64)
def _is_known(letter: str) -> bool:
    """Whether this SQLite knows a letter of a format, such as `%Y`."""
    connection = sqlite3.connect(":memory:")
    try:
        (value,) = connection.execute("SELECT strftime(?, '2024-03-05')", (letter,)).fetchone()
    finally:
        connection.close()
    return value is not None


def known_formats(reading: Reading, accepts: Callable[[str], bool]) -> Amended:
    """The statement with formats that this SQLite knows.

    accepts: whether the grammar accepts a statement.
    """
    edits = Edits(reading.statement)
    end = 0
    for call in reading.statement.find(Call):
        if call.function != "STRFTIME" or len(call.arguments) < 2 or call.start < end:
            continue
        form = bare(call.arguments[0])
        if not isinstance(form, Literal) or form.kind != "text":
            continue
        made = _written(form.value, call, reading)
        if made is not None:
            edits.replace(call, made)
            end = call.end
    return edited(reading, edits, [NOTE], accepts)


RULE = Pitfall("date_formats", lambda now, about: known_formats(now, about.accepts))


def _written(form: str, call: Call, reading: Reading) -> str | None:
    """A call in other words; None where its format is known, or nobody knows what is meant."""
    pieces = _pieces(form)
    if pieces is None:
        return None
    values = call.arguments[1:]
    time = reading.sql[values[0].start : values[-1].end]
    day = time if len(values) == 1 and isinstance(bare(values[0]), Column) else f"DATE({time})"
    parts: list[str] = []
    known = ""
    for piece in [*pieces, ""]:
        if piece and (not piece.startswith("%") or _is_known(piece)):
            known += piece
            continue
        if known:
            plain = "%" not in known
            parts.append(text_literal(known) if plain else f"STRFTIME({text_literal(known)}, {time})")
            known = ""
        if piece:
            parts.append(_WORDED[piece].format(day=day, time=time))
    if len(parts) == 1:
        return f"CAST({parts[0]} AS TEXT)" if pieces[0] in _NUMBERS else parts[0]
    return f"({' || '.join(f'({part})' if part.startswith('CASE') else part for part in parts)})"


def _pieces(form: str) -> list[str] | None:
    """A format's letters and what stands between; None where it is known as it is, or a letter is nobody's."""
    if "%" not in form:
        written = _LETTER.sub(lambda found: _LETTERS[found[0].upper()], form)
        if written == form or re.search("[A-Za-z]", re.sub("%[A-Za-z]", "", written)):
            return None
        form = written
    elif all(_is_known(piece) for piece in _PIECE.findall(form) if piece.startswith("%")):
        return None
    for letter, same in _SAME.items():
        if letter not in _WORDED and not _is_known(letter):
            form = form.replace(letter, same)
    pieces = [str(piece) for piece in _PIECE.findall(form)]
    strange = [p for p in pieces if p.startswith("%") and p not in _WORDED and not _is_known(p)]
    return None if strange else pieces
