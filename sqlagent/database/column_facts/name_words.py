"""Cut a column's name into words and tell what they speak of: `lastVisitDate_us` → last, visit, date, us."""

from __future__ import annotations

import re
from functools import cache

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def subject(words: str) -> frozenset[str]:
    """Words that speak of one thing, from a text with blanks between them."""
    return frozenset(words.split())


TIME = subject(
    "time date datetime timestamp ts at when epoch created updated modified added removed visited visit sent "
    "received opened closed start started end ended begin expires expiry expiration expire last first seen fired "
    "mtime ctime atime btime utime crt mod born birth birthday dob day due until since published posted read "
    "played delivered shipped scheduled deleted accessed access completed finished joined registered login logged "
    "arr arrival arrives arrived dep departure departs departed checkin checkout "
    "recorded reported changed uploaded downloaded taken captured installed open used scm ls moment stamp checked"
)
"""Words of columns that hold times."""
DATE = subject("date datetime day dob birthday born birth dt datum fecha jour tag")
"""Words of columns that hold dates, strong enough for small numbers such as a spreadsheet's days."""
NOT_TIME = subject(
    "id no num number count amount price cost total size bytes length hash csum checksum phone tel fax zip code "
    "isbn ean barcode serial version population revenue salary budget sum score rank frecency ip port width height "
    "views likes users gross box income gdp area mobile uid pid key index"
)
"""Words of columns whose numbers may happen to look like times."""
CODE = subject(
    "id code zip postcode postal phone tel fax mobile isbn issn ean upc sku barcode serial ref reference number no nr "
    "num version iban account ssn vin plate pin hash guid uuid ip mac model part "
    "catalog catalogue licence license passport extension room flight route"
)
"""Words of columns whose digits are a name, not a quantity."""
DURATION = subject(
    "duration elapsed length runtime seconds secs minutes mins hours interval playtime lap laptime pace uptime worked "
    "overtime"
)
WORKED = subject("worked overtime")
"""Words of columns whose `38:30` is hours and minutes."""
OF_DAY = subject(
    "open opening opens opened close closing closes closed start starts started end ends ended begin begins from to "
    "until at arrival departure arrives departs"
)
"""Words of columns whose `9:30` is a time of day, whatever else they speak of."""
SHORT_DURATION = subject(
    "track tracks song songs album artist lap laps laptime race races run runs split splits pace swim video videos"
)
"""Words of tables and columns whose `3:45` is minutes and seconds."""
PERIOD = subject("month period yyyymm ym yearmonth date billing")
DIGITS = subject("date day yyyymmdd ymd dt datum")


@cache
def words(name: str) -> tuple[str, ...]:
    """The words of a name, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


def speaks_of(name: str, subject: frozenset[str]) -> bool:
    """Whether a word of the name, or the whole of it, is among the subject's words."""
    parts = words(name)
    return not subject.isdisjoint(parts) or "".join(parts) in subject


def speaks_of_time(name: str) -> bool:
    """Whether a name is that of a time: a word for times, and the last word none for amounts."""
    parts = words(name)
    if name.startswith("Z") and name.isupper() and re.search(r"DATE\d?$|TIME\d?$|STAMP$", name):
        return True  # Core Data's names: ZCREATIONDATE
    return bool(parts) and speaks_of(name, TIME) and parts[-1] not in NOT_TIME
