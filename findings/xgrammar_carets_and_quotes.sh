#!/bin/sh
# xgrammar 0.2.9: [\^*/] means "anything but * and /", and a schema's pattern or required name makes answers that are not valid.
#
# Expected: a backslash before ^ in a class makes it a caret, in a regex and in EBNF; what a JSON schema's grammar lets through is
#           JSON and an instance of the schema; a number in const or enum is that number.
# Seen:     compile_regex() reads [\^*/] as [^*/]: 2x3 passes and 2*3 does not. compile_grammar() reads EBNF's [\^*/] rightly when
#           it gets the text, and in the other way when it gets Grammar.from_ebnf() of the same text. Of {"pattern": "^a\"b$"}
#           the grammar demands "a"b", which is no JSON, and refuses "a\"b"; a pattern's backslash comes out single, too.
#           A name in required that properties does not list is not demanded, and refused where it stands alone: {"a": 1}
#           passes, {"z": 1} does not. const 2**63 + 25 (a hash, an unsigned key) is forced out as 9.223372036854776e+18, which
#           is another number. Nothing is raised or warned of in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 xgrammar==0.2.9 transformers==5.24.0 numpy==2.4.6
cd "$work"
venv/bin/python -W ignore - 2>said <<'PY'
import json

import xgrammar

END = 256
letters = xgrammar.TokenizerInfo([bytes([byte]) for byte in range(END)] + [b"</s>"], stop_token_ids=[END])
compiler = xgrammar.GrammarCompiler(letters)


def passes(grammar, text):
    matcher = xgrammar.GrammarMatcher(grammar)
    return all(matcher.accept_token(byte) for byte in text.encode()) and bool(matcher.accept_token(END))


def schema(**words):
    return compiler.compile_json_schema(json.dumps(words), strict_mode=False)


assert passes(compiler.compile_regex(r"2[*/]3"), "2*3") and not passes(compiler.compile_regex(r"2[*/]3"), "2x3")
text = r'root ::= "2" [\^*/] "3"'
tried = {
    "regex": (compiler.compile_regex(r"2[\^*/]3"), False),
    "EBNF as a text": (compiler.compile_grammar(text), True),
    "EBNF from Grammar.from_ebnf()": (compiler.compile_grammar(xgrammar.Grammar.from_ebnf(text)), False),
}
for name, (grammar, right) in tried.items():
    found = {each: passes(grammar, each) for each in ("2^3", "2*3", "2/3", "2x3")}
    print(name, found)
    assert found == {"2^3": True, "2*3": right, "2/3": right, "2x3": not right}, "this has changed"

assert passes(schema(type="string", pattern="^a-b$"), '"a-b"')
quoted = schema(type="string", pattern='^a"b$')
drive = schema(type="string", pattern=r"^a\\b$")
found = [passes(quoted, '"a"b"'), passes(quoted, r'"a\"b"'), passes(drive, r'"a\b"'), passes(drive, r'"a\\b"')]
print("pattern with a quotation mark or a backslash: as it is, escaped:", found)
assert found == [True, False, True, False], "this has changed"

named = schema(type="object", properties={"a": {"type": "integer"}}, required=["a"])
assert passes(named, '{"a": 1}') and not passes(named, "{}")
unnamed = schema(type="object", properties={"a": {"type": "integer"}}, required=["z"], additionalProperties={"type": "integer"})
found = {text: passes(unnamed, text) for text in ('{"a": 1}', '{"z": 1}')}
print("required z:", found)
assert found == {'{"a": 1}': True, '{"z": 1}': False}, "this has changed"

for number in 2**63 - 1, 2**63 + 25:
    forced = xgrammar.GrammarMatcher(schema(const=number)).find_jump_forward_string()
    print(number, "is forced out as", forced)
    assert (json.loads(forced) == number) == (number < 2**63), "this has changed"
PY
! grep -i warning said
echo "as described"
