#!/bin/sh
# babel 2.19.0: parse_time() reads half past three in the afternoon as half past three at night in 168 of its locales.
#
# Expected: parse_time(format_time(t, locale=l), locale=l) is t, or raises ParseError.
# Seen:     the mark of the afternoon is looked for as "pm" alone: what babel itself writes in Canadian English ("3:30 p.m."),
#           the Spanish of the Americas, Arabic, Chinese of Macau, Greek and many more is read as 03:30. "3:30 p.m." is read
#           so in American English, too, beside "3:30 PM", which is right. Dates and numbers, checked here as well in every
#           locale, come back as they were.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q babel==2.19.0
cd "$work"
venv/bin/python - <<'PY'
import datetime

from babel.dates import format_date, format_time, parse_date, parse_time
from babel.localedata import locale_identifiers
from babel.numbers import format_decimal, parse_decimal

AFTERNOON, NIGHT, DAY = datetime.time(15, 30), datetime.time(3, 30), datetime.date(2004, 4, 1)
locales = sorted(locale_identifiers())
night = []
for locale in locales:
    text = format_time(AFTERNOON, "short", locale=locale)
    read = parse_time(text, locale=locale, format="short")
    if read == NIGHT:
        night.append(locale)
    else:
        assert read == AFTERNOON, (locale, text, read)
    text = format_date(DAY, "short", locale=locale)
    assert parse_date(text, locale=locale, format="short") == DAY, (locale, text)
    assert float(parse_decimal(format_decimal(-1234567.5, locale=locale), locale=locale)) == -1234567.5, locale
print(len(night), "of", len(locales), "locales:", *night)
for locale in ("en_CA", "es_US", "es_VE", "ar", "el", "zh_Hans_MO", "ms_MY"):
    print(locale, repr(format_time(AFTERNOON, "short", locale=locale)))
assert len(night) == 168 and {"en_CA", "es_US", "es_VE", "ar", "el", "zh_Hans_MO", "ms_MY"} <= set(night), "this has changed"
assert parse_time("3:30 p.m.", locale="en_US") == NIGHT and parse_time("3:30 PM", locale="en_US") == AFTERNOON
PY
echo "as described"
