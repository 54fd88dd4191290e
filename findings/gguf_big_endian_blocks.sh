#!/bin/sh
# gguf 0.19.0: in a big-endian file, GGUFWriter leaves quantised tensors little-endian, and gguf's own tools disagree on them.
#
# Expected: GGUFWriter(endianess=BIG) writes the bytes that gguf-convert-endian makes of the same file in little-endian order, and
#           quants.dequantize() reads both orders of what GGUFReader gives it.
# Seen:     float32 and float16 tensors are swapped, and tensors of Q8_0, Q4_0 and BF16, added with raw_dtype, are written as
#           they are, with their scales in the order of a little-endian machine. A file made by the converter has them turned,
#           and dequantize(), which knows one order alone, makes numbers up to 1e38 of it, while the writer's file passes
#           that check. The converter, run on the writer's file to bring it back, swaps what was never swapped. No warning,
#           exit status 0.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q gguf==0.19.0 numpy==2.4.6
cd "$work"
venv/bin/python - <<'PY'
import shutil
import subprocess

import numpy as np
from gguf import GGMLQuantizationType, GGUFEndian, GGUFReader, GGUFWriter, quants

KINDS = (GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q4_0, GGMLQuantizationType.BF16)
values = np.random.default_rng(0).standard_normal((2, 64)).astype(np.float32)


def write(path, order):
    writer = GGUFWriter(path, "llama", endianess=order)
    writer.add_tensor("float32", values.copy())
    writer.add_tensor("float16", values.astype(np.float16))
    for kind in KINDS:
        writer.add_tensor(kind.name, quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def converted(path, order):
    """A copy of the file in the other order of bytes."""
    copy = f"{order}-of-{path}"
    shutil.copy(path, copy)
    subprocess.run(["venv/bin/gguf-convert-endian", copy, order], input="YES\n", text=True, capture_output=True, check=True)
    return copy


def tensors(path):
    return {tensor.name: tensor.data.tobytes() for tensor in GGUFReader(path).tensors}


def error(path, kind):
    """How far what dequantize() makes of the tensor is from what was quantised."""
    data = next(tensor.data for tensor in GGUFReader(path).tensors if tensor.name == kind.name)
    return float(np.abs(quants.dequantize(data, kind).reshape(values.shape) - values).max())


write("little.gguf", GGUFEndian.LITTLE)
write("big.gguf", GGUFEndian.BIG)
made, back = converted("little.gguf", "big"), converted("big.gguf", "little")
little, big, by_tool, returned = tensors("little.gguf"), tensors("big.gguf"), tensors(made), tensors(back)
for name in ("float32", "float16"):
    assert big[name] == by_tool[name] and returned[name] == little[name], "the usual case has changed"
for kind in KINDS:
    same, restored = big[kind.name] == by_tool[kind.name], returned[kind.name] == little[kind.name]
    print(f"{kind.name}: writer and converter agree: {same}; brought back: {restored}; dequantize() is off by", end=" ")
    print(f"{error('little.gguf', kind):.3g} (little), {error('big.gguf', kind):.3g} (writer), {error(made, kind):.3g} (converter)")
    assert not same and not restored and big[kind.name] == little[kind.name], "this has changed"
    assert error("big.gguf", kind) == error("little.gguf", kind) < 0.2 and not error(made, kind) < 1000, "this has changed"
PY
echo "as described"
