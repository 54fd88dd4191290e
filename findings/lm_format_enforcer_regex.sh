#!/bin/sh
# lm-format-enforcer 0.11.3 with interegular 0.3.3: a regex lets through other texts than Python's re.fullmatch.
#
# Expected: RegexParser(pattern), and a JSON schema's pattern, let through the texts that match, or the pattern is refused, as
#           lookbehinds and $ are.
# Seen:     A negative lookahead wants as many characters behind it as it is long: (?!test)[a-z]+ refuses every word of up to
#           three letters, a(?!b).? the a alone, and takes aab, three characters where two are the most. [^]a] is a
#           class of nothing. What a dot or [^,] lets through is no more than 92 characters (config.alphabet): no é, no 日, and
#           of ASCII no |, ~ or backslash, so under .+ a model cannot write a German name or a Windows path. \w and \d are ASCII's,
#           while é under [à-ÿ] is taken. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q lm-format-enforcer==0.11.3 interegular==0.3.3 numpy==2.4.6 pydantic==2.13.5
cd "$work"
venv/bin/python -W error - <<'PY'
import re

import interegular
from lmformatenforcer import JsonSchemaParser, RegexParser


def walks(parser, text):
    """Whether the parser lets every character through, and the text may end there."""
    for character in text:
        if character not in parser.get_allowed_characters():
            return False
        parser = parser.add_character(character)
    return parser.can_end()


def judged(pattern, *texts):
    """The texts that match and are refused, and those that do not and are let through."""
    refused = [text for text in texts if re.fullmatch(pattern, text) and not walks(RegexParser(pattern), text)]
    taken = [text for text in texts if not re.fullmatch(pattern, text) and walks(RegexParser(pattern), text)]
    print(pattern, "refuses", refused, "takes", taken)
    return refused, taken


words = ("a", "te", "tes", "test", "best", "testing", "word", "other")
assert judged("[a-z]+(,[a-z]+)*", "a", "a,b", "a,") == ([], []), "the usual case has changed"
assert judged("(?=.*e)[a-z]+", *words) == ([], []), "the usual case has changed"
assert judged("(?!x)[a-z]+", "a", "x", "ax", "xa") == ([], []), "the usual case has changed"
assert judged("(?!test)[a-z]+", *words) == (["a", "te", "tes"], []), "this has changed"
assert judged("(?!foo|bar)[a-z]+", "a", "fo", "foot", "word") == (["a", "fo"], []), "this has changed"
assert judged("foo(?!bar)[a-z]*", "foo", "foobaz", "foobar") == (["foo"], []), "this has changed"
assert judged("a(?!b).?", "a", "ab", "ac", "aab") == (["a"], ["aab"]), "this has changed"
fsm = interegular.parse_pattern("a(?!b).?").to_fsm()
assert not fsm.accepts("a") and fsm.accepts("aab"), "this has changed in interegular"
assert judged("[^]a]+", "b", "]", "x1") == (["b", "x1"], []), "this has changed"
assert judged(".+", "Muller", "Müller", "日本", "a|b", "~/x", "C:\\x") == (
    ["Müller", "日本", "a|b", "~/x", "C:\\x"], []
), "this has changed"
assert judged("[^,]+", "cafe", "café", "a|b") == (["café", "a|b"], []), "this has changed"
assert judged(r"\w+", "Muller", "Müller") == (["Müller"], []), "this has changed"
assert judged("[à-ÿ]+", "é") == ([], []), "this has changed"
schema = {"type": "string", "pattern": "^[^,]+$"}
assert walks(JsonSchemaParser(schema), '"cafe"') and not walks(JsonSchemaParser(schema), '"café"'), "this has changed"
for pattern in ("(?<=a)b", "a$|b"):
    try:
        RegexParser(pattern)
    except Exception as error:
        print(pattern, "is refused:", error)
    else:
        raise AssertionError(f"{pattern} is no longer refused")
PY
echo "as described"
