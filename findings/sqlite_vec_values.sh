#!/bin/sh
# sqlite-vec 0.1.9 (apsw 3.54.1.0): a small vector is zero once it was JSON, and 100 + 100 is -56.
#
# Expected: vec_to_json() gives JSON from which vec_f32() makes the same vector; the sum of two int8 vectors saturates, as
#           vec_quantize_int8() does, or is refused, as 200 is by vec_int8().
# Seen:     vec_to_json() writes six places behind the point whatever the size: a vector of 0.0000004 is read back as zeros,
#           whose cosine to everything is NULL, 0.00000123 is 0.000001 (19 per cent off), and an infinity is written Inf,
#           which json() calls malformed. vec_add() and vec_sub() of int8 wrap round, so that the sum of two like vectors
#           points the other way. 1.0 quantized is 126, 0.5 is 63 and -0.5 is -64.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlite-vec==0.1.9 apsw==3.54.1.0
cd "$work"
venv/bin/python - <<'PY'
import apsw
import sqlite_vec

file = apsw.Connection(":memory:")
file.enable_load_extension(True)
file.load_extension(sqlite_vec.loadable_path())


def say(expression):
    value = file.execute(f"SELECT {expression}").fetchone()[0]
    print(f"{expression:75} {value}")
    return value


SMALL = "vec_f32('[0.0000004, 0.0000003]')"
assert say(f"vec_distance_cosine({SMALL}, {SMALL})") < 1e-6
assert say(f"vec_to_json({SMALL})") == "[0.000000,0.000000]", "this has changed"
assert say(f"vec_distance_cosine({SMALL}, vec_to_json({SMALL}))") is None, "this has changed"
assert say("vec_to_json('[0.00000123, 0.1]')") == "[0.000001,0.100000]", "this has changed"
infinite = say("vec_to_json('[1e39]')")
assert infinite == "[Inf]" and say(f"json_valid('{infinite}')") == 0, "this has changed"

LIKE = "vec_int8('[100, 90]')"
total = f"vec_add({LIKE}, {LIKE})"
assert say(f"vec_to_json({total})") == "[-56,-76]", "this has changed"
assert say(f"vec_distance_cosine({LIKE}, {total})") > 1.9, "this has changed"
assert say("vec_to_json(vec_sub(vec_int8('[100]'), vec_int8('[-100]')))") == "[-56]", "this has changed"
quantized = say("vec_to_json(vec_quantize_int8('[1, 0.5, -0.5, -1, 7]', 'unit'))")
assert quantized == "[126,63,-64,-128,127]", "this has changed"

try:
    say("vec_int8('[200]')")
except apsw.SQLError as error:
    print("vec_int8('[200]') is refused:", error)
else:
    raise SystemExit("it is taken: this has changed")
PY
echo "as described"
