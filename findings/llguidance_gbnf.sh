#!/bin/sh
# llguidance 1.9.1: gbnf_to_lark() makes a grammar of another language out of llama.cpp's GBNF.
#
# Expected: the Lark grammar accepts the texts that the GBNF grammar accepts (or a warning says where it cannot).
# Seen:     a rule of literals and classes alone becomes a terminal, and terminals are matched greedily: [a-z]+ in a rule of
#           its own swallows the "x" behind it, so `word "x"` accepts nothing at all, and `table` of "id" or "id2" before
#           "2" refuses id2. `.` no longer matches a newline. [a&&b], three characters in GBNF, becomes the empty
#           intersection of a and b. "\u00e9" loses its zeros ("\ue9") and cannot be read. Written in place, not in a rule,
#           the same [a-z]+ works.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q llguidance==1.9.1 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper
from llguidance.gbnf_to_lark import gbnf_to_lark


class Bytes:
    """A token for each byte, and one for the end."""

    eos_token_id = 256
    bos_token_id = None
    tokens = [bytes([value]) for value in range(256)] + [b"<end>"]
    special_token_ids = [256]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


tokenizer = LLTokenizer(TokenizerWrapper(Bytes()))


def accepts(gbnf, *texts):
    lark = gbnf_to_lark(gbnf)
    answers = []
    for text in texts:
        matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(lark))
        if matcher.is_error():
            answers.append(matcher.get_error().split("\n")[0])
            continue
        codes = list(text.encode())
        answers.append(matcher.try_consume_tokens(codes) == len(codes) and matcher.is_accepting())
    print(repr(gbnf), "->", repr(lark.split("\n", 2)[2]), dict(zip(texts, answers)))
    return answers


assert accepts('root ::= word "x"\nword ::= [a-z]+\n', "ax", "abx") == [False, False], "this has changed"
assert accepts('root ::= [a-z]+ "x"\n', "ax", "abx") == [True, True], "this has changed"
assert accepts('root ::= table "2"\ntable ::= "id" | "id2"\n', "id2", "id22") == [False, True], "this has changed"
assert accepts('root ::= "a" . "b"\n', "a-b", "a\nb") == [True, False], "this has changed"
assert accepts("root ::= [a&&b]\n", "a", "&", "b") == [False, False, False], "this has changed"
assert "lexer error" in accepts('root ::= "\\u00e9"\n', "\u00e9")[0], "this has changed"
PY
echo "as described"
