#!/bin/sh
# llguidance 1.9.1: an integer past 2**53 in enum or const is forced out as another integer.
#
# Expected: {"const": 9007199254740993} lets out that integer alone, or is refused; an enum of two ids lets out one of them.
# Seen:     the schema's numbers are read as doubles, and the grammar forces the double's shortest digits: 9007199254740992,
#           and 1541815603606036480 for either of the ids 1541815603606036481 and 1541815603606036482 (the size of a 64-bit
#           snowflake or hash), 9223372036854776000 for 2**63. The right integer is refused, without a warning. minimum
#           and maximum move by one in the same way. As texts, the ids are kept; outlines-core 0.2.14 keeps the integers, too.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q llguidance==1.9.1 outlines-core==0.2.14 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import json
import re

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from outlines_core.json_schema import build_regex_from_schema


class Bytes:
    """A token for each byte, and one for the end."""

    eos_token_id = 256
    bos_token_id = None
    tokens = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids = [256]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


tokenizer = LLTokenizer(TokenizerWrapper(Bytes()))


def matcher(schema):
    found = LLMatcher(tokenizer, LLMatcher.grammar_from_json_schema(json.dumps(schema)))
    assert not found.is_error(), found.get_error()
    return found


def forced(schema):
    """The text that the grammar leaves no choice about."""
    text = bytes(token for token in matcher(schema).compute_ff_tokens() if token < 256).decode()
    print(json.dumps(schema), "forces", text)
    return text


def takes(schema, text):
    found = matcher(schema)
    return found.try_consume_tokens(list(text.encode())) == len(text) and found.is_accepting()


ids = [1541815603606036481, 1541815603606036482]
assert forced({"const": 9007199254740993}) == "9007199254740992", "this has changed"
assert forced({"enum": ids}) == "1541815603606036480", "this has changed"
assert forced({"const": 2**63}) == "9223372036854776000", "this has changed"
assert not any(takes({"enum": ids}, str(one)) for one in ids), "this has changed"
least = {"type": "integer", "minimum": 9007199254740993}
most = {"type": "integer", "maximum": 9007199254740993}
assert takes(least, "9007199254740992") and not takes(most, "9007199254740993"), "this has changed"
assert all(takes({"enum": [*map(str, ids)]}, f'"{one}"') for one in ids), "this has changed"
assert forced({"const": 9007199254740991}) == "9007199254740991", "this has changed"
others = build_regex_from_schema(json.dumps({"enum": ids}))
assert all(re.fullmatch(others, str(one)) for one in ids), "this has changed"
PY
echo "as described"
