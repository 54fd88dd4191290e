"""Take today for this machine's day, and the clock from an argument, so that tests do not move.

    SELECT COUNT(*) FROM v WHERE at >= date('now', '-7 days')    →  … date('now', 'localtime', '-7 days')

Invariant: a call that says its zone itself, or asks for a number of seconds or days, keeps it.
"""

from __future__ import annotations

from sqlagent.sql.cursor import Unreadable
from sqlagent.sql.edit import Edits
from sqlagent.sql.names import text_literal
from sqlagent.sql.parser import parse
from sqlagent.sql.tree import Call, Literal
from sqlagent.sql.walk import bare

_SHOWN = ("DATE", "DATETIME", "TIME", "STRFTIME")
_COUNTED = ("JULIANDAY", "UNIXEPOCH")
_NUMBERS = ("%s", "%J")
"""Formats of STRFTIME that count seconds or days, as the functions do that count."""
_WORDS = {"CURRENT_DATE": "date", "CURRENT_TIMESTAMP": "datetime", "CURRENT_TIME": "time"}


def by_the_clock(sql: str, *, local: bool, now: str = "") -> str:
    """The statement with its moments of now in local time (local), or at another moment (now, UTC in ISO form)."""
    try:
        statement = parse(sql)
    except Unreadable:
        return sql
    edits = Edits(statement)
    moment = text_literal(now) if now else "'now'"
    for call in statement.find(Call):
        if call.function not in _SHOWN + _COUNTED:
            continue
        place = 1 if call.function == "STRFTIME" else 0
        arguments = [bare(argument) for argument in call.arguments]
        texts = [one.value if isinstance(one, Literal) else "" for one in arguments]
        words = [text.lower() for text in texts]
        if len(words) <= place or words[place] != "now":
            continue
        counted = call.function in _COUNTED or (place and texts[0] in _NUMBERS)
        zoned = counted or not local or not {"localtime", "utc"}.isdisjoint(words)
        edits.replace(call.arguments[place], moment if zoned else f"{moment}, 'localtime'")
    for word in statement.find(Literal):
        if word.kind == "word" and word.value in _WORDS:
            zone = ", 'localtime'" if local else ""
            edits.replace(word, f"{_WORDS[word.value]}({moment}{zone})")
    return edits.sql()
