#!/bin/sh
# formatron 0.5.0 with kbnf 0.4.2 (pydantic 2.9.2): of a JSON schema it makes a grammar that forces out texts that are no JSON.
#
# Expected: the keywords that create_schema() names as supported (required, minItems, minimum, maximum, enum, const) hold, and
#           what a grammar lets through is JSON; a bound that it cannot hold raises, as "minimum": 3 does.
# Seen:     a property that is not required has to be there, and only its value may be missing: {"a":1,"b":} is let through and
#           {"a":1} is not. An array with minItems and no maxItems must be ["a","b""c"], without a comma before what is past the
#           minimum, and [,"a"] for a minimum of 1. A quotation mark or a line end within enum or const stands in the answer
#           unescaped. Beside a minimum of 0 a maximum is dropped, and 0.5 refused; beside minItems or maxItems
#           any item goes, whatever items says. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile formatron==0.5.0 kbnf==0.4.2 pydantic==2.9.2 jsonschema==4.26.0
cd "$work"
venv/bin/python - <<'PY'
import json

import kbnf
from formatron.formatter import FormatterBuilder
from formatron.schemas.json_schema import create_schema
from jsonschema import Draft202012Validator

HEAD = {"$id": "https://example.com/a.json", "$schema": "https://json-schema.org/draft/2020-12/schema"}
BYTES = kbnf.Vocabulary({value: kbnf.Token(bytes([value])) for value in range(256)}, {v: chr(v) for v in range(256)})


def let_through(schema, *texts):
    """What the grammar of the schema lets through, by text, beside what the schema says: None where it is no JSON."""
    builder = FormatterBuilder()
    builder.append_line(f"{builder.json(create_schema(HEAD | schema), capture_name='answer')}")
    formatter = builder.build(BYTES, lambda tokens: bytes(tokens).decode())
    judged = {}
    for text in texts:
        formatter.reset()
        try:
            for value in f"{text}\n".encode():
                formatter.accept_token(value)
            passes = formatter.is_completed()
        except ValueError:  # the token is not one of those allowed
            passes = False
        try:
            right = Draft202012Validator(schema).is_valid(json.loads(text))
        except json.JSONDecodeError:
            right = None
        judged[text] = (passes, right)
    print(json.dumps(schema), *(f"   {text!r}: {passes}, by the schema {right}" for text, (passes, right) in judged.items()), sep="\n")
    return list(judged.values())


def value(schema):
    return {"type": "object", "properties": {"v": schema}, "required": ["v"]}


number, text = {"type": "number"}, {"type": "string"}
both = {"type": "object", "properties": {"a": number, "b": number}}
assert let_through(both | {"required": ["a", "b"]}, '{"a":1,"b":2}', '{"a":1}') == [(True, True), (False, False)]

WRONG, REFUSED, TAKEN = (True, None), (False, True), (True, False)
told = "this has changed"
assert let_through(both | {"required": ["a"]}, '{"a":1}', '{"a":1,"b":}') == [REFUSED, WRONG], told
array = {"type": "array", "items": text}
assert let_through(array | {"minItems": 1}, '["a"]', '[,"a"]') == [REFUSED, WRONG], told
assert let_through(array | {"minItems": 2}, '["a","b","c"]', '["a","b""c"]') == [REFUSED, WRONG], told
assert let_through(array, "[1]", '["a"]') == [(False, False), (True, True)], "the usual case has changed"
assert let_through(array | {"maxItems": 2}, "[1]", '[1,"a"]') == [TAKEN, TAKEN], told
assert let_through(value({"enum": ['5" disk']}), r'{"v":"5\" disk"}', '{"v":"5" disk"}') == [REFUSED, WRONG], told
assert let_through(value({"const": "a\nb"}), r'{"v":"a\nb"}', '{"v":"a\nb"}') == [REFUSED, WRONG], told
assert let_through(value(number | {"minimum": 0, "maximum": 1}), '{"v":100}', '{"v":0.5}') == [TAKEN, REFUSED], told
assert let_through(value(number | {"minimum": 0}), '{"v":0.5}', '{"v":1.5}') == [REFUSED, (True, True)], told
try:
    let_through(value({"type": "integer", "minimum": 3}))
except ValueError as error:
    print(error)
else:
    raise AssertionError(told)
PY
echo "as described"
