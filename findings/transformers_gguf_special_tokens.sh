#!/bin/sh
# transformers 5.24.0: the tokenizer of a GGUF file gives a special token written in other letters an id past the vocabulary.
#
# Expected: AutoTokenizer.from_pretrained(gguf_file=...) gives the ids under which the file lists its tokens, as llama.cpp
#           does: a control token named <｜User｜> (fullwidth bars, as DeepSeek's are) of the id 258 is 258.
# Seen:     a control token with a letter outside GPT-2's byte alphabet is taken for a mislabelled one and skipped, so
#           <｜User｜> is cut into bytes, and the file's BOS and EOS are added behind the vocabulary: ids 260 and up where
#           the file has 259, rows of the embedding that are padding at best. With tokenizer.ggml.pre = llama-bpe, a whole
#           word of the vocabulary is cut up that llama.cpp (and Llama 3's own tokenizer.json) take whole, and the BOS that
#           llama.cpp adds where the file says nothing is left out. Named <|user|> in ASCII, the same token is one id.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile torch==2.13.0 transformers==5.24.0 gguf==0.19.0 numpy==2.4.6
cd "$work"
HF_HUB_OFFLINE=1 venv/bin/python - <<'PY'
import tempfile

import gguf
from transformers import AutoTokenizer

plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = iter(range(256, 512))
BYTES = [chr(value) if value in plain else chr(next(others)) for value in range(256)]  # GPT-2's letters for the bytes


def tokenizer(pre, end, begin, user):
    """A vocabulary of the 256 bytes, the word "hi" (256) and three control tokens (257, 258, 259)."""
    folder = tempfile.mkdtemp(dir=".")
    writer = gguf.GGUFWriter(f"{folder}/model.gguf", "llama" if pre == "llama-bpe" else "qwen2")
    writer.add_context_length(512)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    # "hi" is a token, and no merge leads to it, as with some words of Llama 3
    writer.add_token_list([*BYTES, "hi", user, begin, end, "qz"])
    writer.add_token_types([1] * 257 + [3, 3, 3, 1])
    writer.add_token_merges(["q z"])
    writer.add_bos_token_id(258)
    writer.add_eos_token_id(259)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf")


wide = tokenizer("deepseek-r1-qwen", "<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>", "<｜User｜>")
ascii_only = tokenizer("deepseek-r1-qwen", "<|end|>", "<|begin|>", "<|user|>")
print("<|user|>:", ascii_only("<|user|>").input_ids, "begin:", ascii_only.bos_token_id, "end:", ascii_only.eos_token_id)
print("<｜User｜>:", wide("<｜User｜>").input_ids, "begin:", wide.bos_token_id, "end:", wide.eos_token_id)
assert ascii_only("<|user|>").input_ids == [257] and ascii_only.bos_token_id == 258, "this has changed"
assert len(wide("<｜User｜>").input_ids) > 1, "this has changed"
assert min(wide.bos_token_id, wide.eos_token_id) > 260, "this has changed"  # the file has ids up to 260
llama3 = tokenizer("llama-bpe", "<|end|>", "<|begin|>", "<|user|>")
print("hi:", llama3("hi").input_ids)
assert llama3("hi").input_ids == [ord("h"), ord("i")], "this has changed"  # llama.cpp: [258, 256]
PY
echo "as described"
