#!/bin/sh
# tokenizers 0.23.3: in a vocabulary with a gap, an added token gets an id that a word has already.
#
# Expected: add_tokens() gives the next id after the greatest, or the gap's, or raises; no two tokens share one.
# Seen:     the new id is the number of tokens. With the ids 0, 1 and 3 (what cutting a vocabulary down to the words that a
#           task needs leaves, where the model's rows stay) that is 3, which is the word's, too: both encode to it, and
#           the word's own id decodes as the new token. Added as a special token, it makes decode() drop the word without
#           a trace. BPE and WordLevel behave alike, and so does the file that is saved from it. (Reported for an early
#           version in 2021, and still so.)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile tokenizers==0.23.3
cd "$work"
venv/bin/python - <<'PY'
from tokenizers import Tokenizer, models, pre_tokenizers


def words(ids):
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


gap = {"<unk>": 0, "drop": 1, "table": 3}
plain = words(gap)
assert plain.decode(plain.encode("drop table").ids) == "drop table"
assert plain.add_tokens(["<new>"]) == 1
print(plain.get_vocab(), plain.encode("table <new>").ids, repr(plain.decode([1, 3])))
assert plain.token_to_id("<new>") == plain.token_to_id("table") == 3, "this has changed"
assert plain.encode("table <new>").ids == [3, 3] and plain.decode([1, 3]) == "drop <new>", "this has changed"
special = words(gap)
special.add_special_tokens(["<end>"])
print(repr(special.decode(special.encode("drop table").ids)))
assert special.decode(special.encode("drop table").ids) == "drop", "this has changed"
saved = Tokenizer.from_str(special.to_str())
assert saved.decode(saved.encode("drop table").ids) == "drop", "this has changed"
pairs = Tokenizer(models.BPE({"a": 0, "b": 1, "ab": 3}, [("a", "b")]))
pairs.add_special_tokens(["<end>"])
assert pairs.token_to_id("<end>") == pairs.token_to_id("ab") == 3, "this has changed"
whole = words({"<unk>": 0, "drop": 1, "table": 2})
whole.add_tokens(["<new>"])
assert whole.token_to_id("<new>") == 3 and whole.decode([1, 2]) == "drop table", "this has changed"
PY
echo "as described"
