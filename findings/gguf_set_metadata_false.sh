#!/bin/sh
# gguf 0.19.0: gguf-set-metadata writes true for every value of a flag, false and 0 among them.
#
# Expected: gguf-set-metadata model.gguf tokenizer.ggml.add_bos_token false turns the flag off (llama.cpp adds a BOS to every
#           prompt by it), or refuses the word.
# Seen:     the text is made a numpy boolean, and a text that is not empty is true. Of a flag that is on, false, False and 0
#           are "already set to requested value True"; a flag that is off is turned on by each of them, "Field changed.
#           Successful completion.", exit status 0. No text turns it off but the empty one. Numbers, checked here
#           as well, are set as written.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q gguf==0.19.0 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import subprocess

from gguf import GGUFReader, GGUFWriter

FLAG, NUMBER = "tokenizer.ggml.add_bos_token", "llama.context_length"


def set_to(key, value, *, flag):
    """The value that the file holds after the tool was run, and what it said."""
    writer = GGUFWriter("model.gguf", "llama")
    writer.add_context_length(512)
    writer.add_add_bos_token(flag)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    command = ["venv/bin/gguf-set-metadata", "--force", "model.gguf", key, value]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    got = GGUFReader("model.gguf").get_field(key).contents()
    print(f"{key} ({flag}) set to {value!r}:", got)
    return got, ran.stderr


for text in ("false", "False", "0", "no"):
    got, said = set_to(FLAG, text, flag=True)
    assert got is True and "already set to requested value True" in said, "this has changed"
    got, said = set_to(FLAG, text, flag=False)
    assert got is True and "Field changed. Successful completion." in said, "this has changed"
assert set_to(FLAG, "", flag=True)[0] is False, "this has changed"
assert set_to(NUMBER, "1024", flag=True)[0] == 1024, "this has changed"
PY
echo "as described"
