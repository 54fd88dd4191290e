#!/bin/sh
# model2vec 0.10.0: encode() leaves out the end of a text that is within max_length, and reads the word at the cut as another.
#
# Expected: max_length is in tokens, as its documentation says ("any tokens beyond this length will be truncated"): a text of 200
#           tokens is encoded whole under the 512 of the default.
# Seen:     before it is split into tokens, a text is cut to max_length times the median length of a token of the vocabulary, in
#           letters, and spaces count. A vocabulary of many short pieces and a text of long words (identifiers, German, chemistry)
#           do not fit that: with a median of 3, 200 words of 13 letters are cut to 1536 letters, and the mean is that of
#           109 words. What follows has no effect on the vector. The cut is in the midst of a word, whose rest is looked
#           up as a word of its own: "notable" cut to "not" becomes the token not. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile model2vec==0.10.0 tokenizers==0.23.3 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import string
import warnings
from itertools import product

import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer, models, pre_tokenizers

warnings.simplefilter("error")
short = ["".join(each) for each in product(string.ascii_lowercase[:10], repeat=3)]
words = ["[UNK]", *short, "xy", "international", "pharmaceutics", "notable", "not"]
tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
vectors = np.random.default_rng(0).standard_normal((len(words), 8)).astype(np.float32)
model = StaticModel(vectors, tokenizer)
place = {word: number for number, word in enumerate(words)}
print("tokens of", model.median_token_length, "letters at the median; max_length", model.max_length)
assert (model.median_token_length, model.max_length) == (3, 512)


def mean(text):
    """What encode() should give: the mean of the vectors of all words."""
    return vectors[[place[word] for word in text.split()]].mean(axis=0)


few = " ".join(["abc", "bad", "cab"] * 60)
assert np.allclose(model.encode(few), mean(few), atol=1e-5), "the usual case has changed"

long = " ".join(["international"] * 109 + ["pharmaceutics"] * 91)
whole, got = mean(long), model.encode(long)
print(f"200 words in {len(long)} letters: {np.round(whole[:3], 3)} by hand, {np.round(got[:3], 3)} by encode()")
assert len(model.encode_as_sequence(long)) == 200, "encode_as_sequence() has changed"
assert not np.allclose(got, whole, atol=0.1), "this has changed"
assert np.array_equal(got, model.encode(long[: 512 * 3])), "this has changed"
assert np.array_equal(got, model.encode(long + " notable" * 100)), "this has changed"
assert np.allclose(model.encode(long, max_length=None), whole, atol=1e-5), "max_length=None has changed"

two = model.encode("xy notable", max_length=2)
print("two tokens, max_length=2: as xy notable", np.allclose(two, mean("xy notable")), "as xy not", np.allclose(two, mean("xy not")))
assert np.allclose(two, mean("xy not")) and not np.allclose(two, mean("xy notable")), "this has changed"
PY
echo "as described"
