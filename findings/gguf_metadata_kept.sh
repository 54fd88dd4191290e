#!/bin/sh
# gguf 0.19.0: GGUFWriter leaves out empty values, and GGUFReader gives back nested arrays flat and partly as other values.
#
# Expected: a key that was added is in the file, whatever its value, and GGUFReader's contents() is the value that was written.
# Seen:     add_array(key, []) and add_string(key, "") write no key at all, so a reader cannot tell "no merges" from "not
#           said"; a list of one empty text is kept. [[1, 2], [3]] comes back as [1, 2, 3], and in [[1], ["a"]] the text comes
#           back as the number 97, as every inner array is read with the first one's type, though the file holds each one's
#           own. Written in parts to the names run-0.5b and run-0.7b, both go to run-0-00001-of-00002.gguf: what follows
#           the last point is taken for an ending, and the second model overwrites the first. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q gguf==0.19.0 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import os

import numpy as np
from gguf import GGUFReader, GGUFWriter


def read_back(add, value):
    """What a reader gives for the key that was added, None where the file lacks it."""
    writer = GGUFWriter("one.gguf", "llama")
    getattr(writer, add)("key", value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    field = GGUFReader("one.gguf").get_field("key")
    got = None if field is None else field.contents()
    print(f"{add}({value!r}) ->", "no such key" if field is None else repr(got))
    return got


assert read_back("add_array", []) is None, "this has changed"
assert read_back("add_string", "") is None, "this has changed"
assert read_back("add_array", [""]) == [""], "this has changed"
assert read_back("add_array", [[1, 2], [3]]) == [1, 2, 3], "this has changed"
assert read_back("add_array", [[1], ["a"]]) == [1, ord("a")], "this has changed"


def parts(name, value):
    """Write two tensors in two parts; the names of the files there are afterwards, with the first value of each."""
    writer = GGUFWriter(name, "llama", split_max_tensors=1)
    for tensor in ("first", "second"):
        writer.add_tensor(tensor, np.full(4, value, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    names = sorted(file for file in os.listdir(".") if file.startswith("run"))
    return {file: float(GGUFReader(file).tensors[0].data[0]) for file in names}


files = ["run-0-00001-of-00002.gguf", "run-0-00002-of-00002.gguf"]
first, second = parts("run-0.5b", 5.0), parts("run-0.7b", 7.0)
print(first, second, sep="\n")
assert first == dict.fromkeys(files, 5.0) and second == dict.fromkeys(files, 7.0), "this has changed"
PY
echo "as described"
