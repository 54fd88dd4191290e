#!/bin/sh
# outlines-core 0.2.14: the regex of a JSON schema's strings lets out texts that are no JSON, or other strings than asked for.
#
# Expected: what build_regex_from_schema() matches is JSON, and an instance of the schema.
# Seen:     a pattern is pasted between two quotation marks, so ^[^,]+$ takes a bare quotation mark and a raw line end, and a
#           property named 5" disk is written without its backslash. Beside maxLength a pattern is dropped (xgrammar drops
#           the length instead). format "time" takes 10:00:00\z5 for a fraction and refuses 10:00:00.5, since its point is
#           escaped twice; "date-time" refuses an offset (+02:00), which RFC 3339 has, takes a time without a zone, which it
#           has not, and wants three digits of a second or none.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q outlines-core==0.2.14
cd "$work"
venv/bin/python - <<'PY'
import json
import re

from outlines_core.json_schema import build_regex_from_schema


def takes(schema, *texts):
    """For each text, whether the regex matches all of it."""
    regex = build_regex_from_schema(json.dumps(schema))
    answers = [re.fullmatch(regex, text) is not None for text in texts]
    print(json.dumps(schema), dict(zip(texts, answers)))
    return answers


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


broken = ['"5" disk"', '"a\nb"']
assert not any(map(is_json, broken))
assert takes({"type": "string", "pattern": "^[^,]+$"}, *broken, '"a,b"') == [True, True, False], "this has changed"
name = {"type": "object", "properties": {'5" disk': {"type": "null"}}, "required": ['5" disk']}
assert takes(name, '{"5\\" disk":null}', '{"5" disk":null}') == [False, True], "this has changed"
code = {"type": "string", "pattern": "^[A-Z]{3}$"}
assert takes(code, '"ABC"', '"x"') == [True, False], "this has changed"
assert takes({**code, "maxLength": 5}, '"ABC"', '"x"') == [True, True], "this has changed"
time = {"type": "string", "format": "time"}
assert takes(time, '"10:00:00Z"', '"10:00:00.5"', '"10:00:00\\z5"') == [True, False, True], "this has changed"
moment = {"type": "string", "format": "date-time"}
day = '"2020-01-01T10:00:00'
assert takes(moment, f'{day}Z"', f'{day}.500Z"', f'{day}"') == [True, True, True], "this has changed"
assert takes(moment, f'{day}+02:00"', f'{day}.5Z"') == [False, False], "this has changed"
PY
echo "as described"
