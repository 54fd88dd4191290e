#!/bin/sh
# outlines-core 0.2.14: past an accepting state, a token is refused unless the text may end behind that token, too.
#
# Expected: an Index of the regex 0(\.5)? lets the tokens "0", ".", "5" through one after another, as re.fullmatch does the
#           text 0.5; how a text is cut into tokens makes no difference.
# Seen:     after "0", "." is refused, and with it 0.5, unless the vocabulary happens to hold ".5" as one token. The same with
#           [0-9]+(\.[0-9]+)?, a(bc)* and (a|abc): no text that passes an accepting state and then needs two tokens more, so a
#           decimal number, an optional unit or a second item can never be written, without a word. Closed by a further
#           letter, as in a(bc)*d, all of them are let through.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q outlines-core==0.2.14
cd "$work"
venv/bin/python - <<'PY'
import re

from outlines_core import Guide, Index, Vocabulary

END = 0


def lets_through(regex, *pieces):
    """Whether a guide of the regex takes the pieces, one token each, and then the end."""
    others = ["0", "1", ".", "5", "a", "b", "c", "d"]
    tokens = list(dict.fromkeys([*pieces, *others]))
    guide = Guide(Index(regex, Vocabulary(END, {token: [i] for i, token in enumerate(tokens, 1)})))
    for piece in pieces:
        if tokens.index(piece) + 1 not in guide.get_tokens():
            answer = False
            break
        guide.advance(tokens.index(piece) + 1)
    else:
        answer = END in guide.get_tokens()
    print(f"{regex:20} {'|'.join(pieces):12} let through: {answer}")
    assert re.fullmatch(regex, "".join(pieces))  # each text is one of the regex
    return answer


refused = [
    lets_through(r"0(\.5)?", "0", ".", "5"),
    lets_through(r"[0-9]+(\.[0-9]+)?", "1", "0", ".", "5"),
    lets_through(r"a(bc)*", "a", "b", "c"),
    lets_through(r"(a|abc)", "a", "b", "c"),
]
assert not any(refused), "this has changed"
taken = [
    lets_through(r"0(\.5)?", "0", ".5"),
    lets_through(r"0(\.5)?", "0.5"),
    lets_through(r"0\.5", "0", ".", "5"),
    lets_through(r"a(bc)*d", "a", "b", "c", "d"),
    lets_through(r"[0-9]+", "1", "0", "5"),
]
assert all(taken), "this has changed"
PY
echo "as described"
