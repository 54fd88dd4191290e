#!/bin/sh
# transformers-cfg 0.2.7: "a"{3,} is one a, or three, or five, and [^"] ends at ÿ, so that no euro sign gets through.
#
# Expected: "three or more" are three or more, and a negated class or a dot takes any other character, as in llama.cpp, whose
#           notation this is ("compatible with the llama-cpp project"), and the README promises Unicode; a letter spelled out is taken.
# Seen:     {n,} loops over all but the first: {1,} and {0,} are exactly one, {2,} is one or more, {4,} is 1, 4, 7, 10. {n} and {n,m}
#           are right, but {0} and {0,m} are one at least. [^"] and . stop at U+00FF: "größe" is taken, "5 €" and "日本" are not, so
#           the usual rule of a text in quotation marks, "\"" [^"]* "\"", keeps a model from the words of most of the world's
#           languages. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
# the parser and the recognizer need neither torch nor transformers
"$work/venv/bin/pip" install -q --no-compile --no-deps transformers-cfg==0.2.7 termcolor==3.3.0
cd "$work"
venv/bin/python - <<'PY'
import logging

from transformers_cfg.parser import parse_ebnf
from transformers_cfg.recognizer import StringRecognizer

said = []


class Keep(logging.Handler):
    def emit(self, record):
        said.append(record.msg)


logging.getLogger().addHandler(Keep())


def taken(rule, texts):
    """Those of the texts that the grammar accepts from end to end."""
    parsed = parse_ebnf(f"root ::= {rule}")
    recognizer = StringRecognizer(parsed.grammar_encoding, parsed.symbol_table["root"])
    found = [text for text in texts if recognizer._accept_string(text)]
    print(rule, "takes", found)
    return found


def times(rule):
    """How often the rule takes the letter between x and y, up to a dozen times."""
    return [len(text) - 2 for text in taken(f'"x" {rule} "y"', ["x" + "a" * count + "y" for count in range(13)])]


told = "this has changed"
assert times('"a"+') == list(range(1, 13)) and times('"a"{2,4}') == [2, 3, 4], "the usual case has changed"
assert times('"a"{0,}') == times('"a"{1,}') == [1], told
assert times('"a"{2,}') == list(range(1, 13)), told
assert times('"a"{3,}') == [1, 3, 5, 7, 9, 11] and times('"a"{4,}') == [1, 4, 7, 10], told
assert times('"a"{0,2}') == [1, 2] and times('"a"{0}') == [1], told

words = ["größe", "5 €", "日本", "Łódź", "“a”"]
assert taken('"😀" | [ぁ-ゟ]', ["😀", "あ"]) == ["😀", "あ"], "the usual case has changed"
assert taken('[^"]*', words) == taken(".*", words) == ["größe"], told
assert not said, said
PY
echo "as described"
