#!/bin/sh
# llguidance 1.9.1: a range of numbers in a JSON schema refuses numbers inside it, and takes one that it excludes.
#
# Expected: {"type": "number", "minimum": 0, "maximum": 0.25} takes 0.2, as it takes 0.20, and exclusiveMinimum keeps its
#           own bound out whatever the maximum is.
# Seen:     0.2 is refused, since its digits are the beginning of the bound's: 0.9 under a maximum of 0.95 and 1.2 under 1.25
#           are refused, too, so a model that wants 0.2 is made to write a further digit. Between 0 and 1, both exclusive,
#           0.5 is taken and 0.50 refused.
#           exclusiveMinimum 0 beside a maximum of 0.25 takes 0, which the same keyword refuses beside a maximum of 1.
#           jsonschema 4.26.0 judges all of them rightly.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q llguidance==1.9.1 numpy==2.4.6 jsonschema==4.26.0
cd "$work"
venv/bin/python - <<'PY'
import json

from jsonschema import Draft202012Validator
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper


class Bytes:
    """A token for each byte, and one for the end."""

    eos_token_id = 256
    bos_token_id = None
    tokens = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids = [256]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


tokenizer = LLTokenizer(TokenizerWrapper(Bytes()))


def judged_otherwise(texts, **bounds):
    """The texts that the grammar judges otherwise than jsonschema: (refused, taken)."""
    schema = {"type": "number", **bounds}
    refused, taken = [], []
    for text in texts:
        matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_json_schema(json.dumps(schema)))
        assert not matcher.is_error(), matcher.get_error()
        accepts = matcher.try_consume_tokens(list(text.encode())) == len(text) and matcher.is_accepting()
        valid = Draft202012Validator(schema).is_valid(json.loads(text))
        if valid and not accepts:
            refused.append(text)
        if accepts and not valid:
            taken.append(text)
    print(bounds, "refused:", refused, "taken:", taken)
    return refused, taken


tenths = [f"{n / 10:.1f}" for n in range(1, 25)]
assert judged_otherwise([*tenths, "0.20"], minimum=0, maximum=0.25) == (["0.2"], []), "this has changed"
assert judged_otherwise(tenths, minimum=0.05, maximum=0.95) == (["0.9"], []), "this has changed"
assert judged_otherwise(tenths, minimum=1, maximum=1.25) == (["1.2"], []), "this has changed"
assert judged_otherwise(["0.5", "0.50"], exclusiveMinimum=0, exclusiveMaximum=1) == (["0.50"], []), "this has changed"
assert judged_otherwise(["0", "0.1"], exclusiveMinimum=0, maximum=0.25) == ([], ["0"]), "this has changed"
assert judged_otherwise(["0", "0.1"], exclusiveMinimum=0, maximum=1) == ([], []), "this has changed"
PY
echo "as described"
