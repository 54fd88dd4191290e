#!/bin/sh
# polars 2.1.0 with SQLAlchemy 2.1.9: write_database() stores addresses of this process in place of a list of texts.
#
# Expected: SQLite has no lists, so a list column is refused, as a struct or a decimal is, or is written as JSON.
# Seen:     ["rome", "oslo"] is written, without a word, as a BLOB of 16 bytes into a column declared TEXT: two addresses of
#           Python objects, which differ with every run and say nothing; the texts are nowhere in the file. A list of
#           numbers becomes their bytes, as the machine has them: [1, None] as floats with a NaN, [True, False] as 01 00.
#           The engine "adbc" refuses all of these.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6 SQLAlchemy==2.1.9
cd "$work"
venv/bin/python - <<'PY'
import pathlib
import sqlite3
import struct

import polars

CITIES = ["the old city of rome", "the harbour of oslo"]


def write(value):
    pathlib.Path("file.db").unlink(missing_ok=True)
    polars.DataFrame({"x": [value]}).write_database("t", "sqlite:///file.db")
    file = sqlite3.connect("file.db")
    [(stored, kind)] = file.execute("SELECT x, typeof(x) FROM t").fetchall()
    print(value, "->", kind, stored.hex(" "))
    return stored


stored = write(CITIES)
content = pathlib.Path("file.db").read_bytes()
assert len(stored) == 16 and all(value > 2**20 for value in struct.unpack("<2Q", stored)), "this has changed"
assert not any(city.encode() in content for city in CITIES), "the texts are in the file: this has changed"
assert write([1, 2]) == struct.pack("<2q", 1, 2), "this has changed"
assert write([1, None])[:8] == struct.pack("<d", 1), "this has changed"
assert write([True, False]) == b"\x01\x00", "this has changed"
for value in ({"a": 1}, __import__("decimal").Decimal("1.10")):
    try:
        write(value)
    except Exception as error:
        print(repr(value), "is refused:", type(error).__name__)
    else:
        raise SystemExit("it is written: this has changed")
PY
echo "as described"
