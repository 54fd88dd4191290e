#!/bin/sh
# lm-format-enforcer 0.11.3: JsonSchemaParser lets texts end that are no JSON.
#
# Expected: a text that the parser takes, and where it says that it may end, is JSON; where it cannot hold a schema it refuses.
# Seen:     {"a":1,} may end there whenever a further property is optional, and in every object whose properties are free. An
#           enum of the booleans true and false takes Python's True and refuses true. A line end within an enum's text is
#           written raw, and an enum's text with a quotation mark cannot be finished at all: after 5 neither the mark nor
#           its backslash is allowed, so a model is left with blanks or nothing. An array of at most 0 items takes one. The
#           arrays' commas, checked here as well, are right.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q lm-format-enforcer==0.11.3 interegular==0.3.3 pydantic==2.14.4
cd "$work"
venv/bin/python - <<'PY'
import json

from lmformatenforcer import JsonSchemaParser


def is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def takes(schema, text):
    """Whether the parser allows each character of the text, and then its end."""
    parser = JsonSchemaParser(schema)
    for character in text:
        if character not in parser.get_allowed_characters():
            answer = False
            break
        parser = parser.add_character(character)
    else:
        answer = parser.can_end()
    print(json.dumps(schema), repr(text), "JSON:", is_json(text), "taken:", answer)
    return answer


integer = {"type": "integer"}
optional = {"type": "object", "properties": {"a": integer, "b": integer}, "required": ["a"]}
comma = '{"a":1,}'
assert not is_json(comma) and takes(optional, comma), "this has changed"
assert takes({"type": "object"}, comma), "this has changed"
assert takes({"type": "object", "additionalProperties": integer}, comma), "this has changed"
assert not takes({"type": "array", "items": integer}, "[1,]"), "this has changed"
booleans = {"type": "boolean", "enum": [True, False]}
assert takes(booleans, "True") and not takes(booleans, "true"), "this has changed"
assert takes({"type": "boolean"}, "true"), "this has changed"
words = {"type": "string", "enum": ["a\nb", '5" disk']}
assert takes(words, '"a\nb"') and not is_json('"a\nb"'), "this has changed"
assert not takes(words, '"5\\" disk"') and not takes(words, '"5" disk"'), "this has changed"
assert takes({"type": "array", "items": integer, "maxItems": 0}, "[1]"), "this has changed"
PY
echo "as described"
