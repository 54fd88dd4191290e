"""An importance matrix: how strongly our own prompts excite each input column of each weight matrix.

llama.cpp calls back for every node of its graph; for a product with a weight, the activations' squares are
summed by column. Files are written in llama-imatrix's GGUF form.

Invariant: memory of llama.cpp is only read after a check that this build lays its tensors out as known here.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convert.samples import Sample, bar, total
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.weights.gguf_read import Rows, Value
from sqlagent.weights.gguf_write import TYPES, Part, text, texts, uint, write

_F32 = 0


class _Tensor(ctypes.Structure):
    """ggml_tensor, as it has been since 2024."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
        ("nb", ctypes.c_size_t * 4),
        ("op", ctypes.c_int),
        ("op_params", ctypes.c_int32 * 16),
        ("flags", ctypes.c_int32),
        ("src", ctypes.c_void_p * 10),
        ("view_src", ctypes.c_void_p),
        ("view_offs", ctypes.c_size_t),
        ("data", ctypes.c_void_p),
        ("name", ctypes.c_char * 64),
    ]


class Collector:
    """Sums of squares by column, and counts of rows, for every weight that a product was taken with."""

    def __init__(self) -> None:
        self.sums: dict[str, NDArray[np.float64]] = {}
        self.counts: dict[str, int] = {}
        self.error = ""
        self._ggml = _functions()

    def __call__(self, address: int, ask: bool, _data: Any) -> bool:
        """llama.cpp asks whether a node is wanted, then shows it computed."""
        try:
            node = _Tensor.from_address(address)
            if self._ggml.ggml_op_desc(address) != b"MUL_MAT" or not node.src[0] or not node.src[1]:
                return not ask
            weight, inputs = _Tensor.from_address(node.src[0]), _Tensor.from_address(node.src[1])
            if not weight.name.endswith(b".weight") or inputs.type != _F32:
                return not ask
            if ask:
                return True
            self._check(node.src[0], weight)
            self._check(node.src[1], inputs)
            self._add(weight.name.decode(), inputs)
        except Exception as error:  # it must not be lost inside a C callback
            self.error = self.error or str(error)
            return False
        return True

    def _add(self, name: str, inputs: _Tensor) -> None:
        columns, rows = int(inputs.ne[0]), int(inputs.ne[1])
        if inputs.nb[0] != 4 or inputs.nb[1] != 4 * columns or inputs.ne[2] * inputs.ne[3] != 1:
            return
        buffer = (ctypes.c_float * (columns * rows)).from_address(inputs.data)
        values = np.ctypeslib.as_array(buffer).reshape(rows, columns)
        squares = np.einsum("ij,ij->j", values, values, dtype=np.float64)
        self.sums[name] = self.sums.get(name, 0) + squares
        self.counts[name] = self.counts.get(name, 0) + rows

    def _check(self, address: int, tensor: _Tensor) -> None:
        known = (self._ggml.ggml_get_name(address), self._ggml.ggml_get_data(address))
        if known != (tensor.name, tensor.data):
            raise ModelError(
                "This llama.cpp lays its tensors out in another way: quantise without --imatrix."
            )


def compute(
    model: Path, samples: Sequence[Sample], *, threads: int | None = None, quiet: bool = False
) -> Collector:
    """Run the samples through a model, one by one, and collect. Raises ModelError."""
    from sqlagent.base.cpu_threads import physical_cores
    from sqlagent.llama.context import library

    lib = library()
    collector = Collector()
    callback = lib.ggml_backend_sched_eval_callback(collector)  # kept alive until the context is gone
    loaded = lib.llama_model_load_from_file(str(model).encode(), _on_cpu(lib))
    if not loaded:
        raise ModelError(f"llama.cpp cannot load {model}.")
    longest = max(len(sample.ids) for sample in samples)
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = longest
    params.n_threads = params.n_threads_batch = threads or physical_cores()
    params.offload_kqv = params.op_offload = False  # activations must lie in our memory
    params.cb_eval = callback
    context = lib.llama_init_from_model(loaded, params)
    if not context:
        lib.llama_model_free(loaded)
        raise ModelError(f"llama.cpp cannot make a context for {model.name}: give a smaller --n-ctx.")
    counter = bar("importance matrix", total(samples), quiet=quiet)
    try:
        for sample in samples:
            lib.llama_memory_clear(lib.llama_get_memory(context), True)
            tokens = (lib.llama_token * len(sample.ids))(*sample.ids)
            code = lib.llama_decode(context, lib.llama_batch_get_one(tokens, len(sample.ids)))
            if collector.error or code:
                raise ModelError(collector.error or f"llama.cpp could not run {model.name} (code {code}).")
            counter.update(len(sample.ids))
    finally:
        counter.close()
        lib.llama_free(context)
        lib.llama_model_free(loaded)
    return collector


def save(collector: Collector, path: Path, *, data: str, samples: int, progress: Progress) -> None:
    """Write what was collected, as llama-imatrix does."""
    parts = []
    for name in sorted(collector.sums):
        sums = collector.sums[name].astype(np.float32)[None]
        counts = np.array([[collector.counts[name]]], np.float32)
        parts.append(Part(f"{name}.in_sum2", sums.shape, TYPES["f32"], _rows(sums)))
        parts.append(Part(f"{name}.counts", counts.shape, TYPES["f32"], _rows(counts)))
    fields: dict[str, Value] = {
        "general.type": text("imatrix"),
        "imatrix.datasets": texts([data]),
        "imatrix.chunk_count": uint(samples),
        "imatrix.chunk_size": uint(1),
    }
    write(path, "imatrix", fields, parts, progress=progress)


def _rows(values: Rows) -> Callable[[int, int], Rows]:
    return lambda start, stop: values[start:stop]


def _on_cpu(lib: Any) -> Any:
    params = lib.llama_model_default_params()
    params.n_gpu_layers = 0
    params.use_extra_bufts = False  # no repacking: weights keep their names
    return params


def _functions() -> Any:
    """The functions of ggml that say what a tensor is. Raises ModelError when the build hides them."""
    from llama_cpp import llama_cpp as lib

    kinds = {
        "ggml_op_desc": ctypes.c_char_p,
        "ggml_get_name": ctypes.c_char_p,
        "ggml_get_data": ctypes.c_void_p,
    }
    try:
        for name, result in kinds.items():
            function = getattr(lib._lib, name)
            function.argtypes, function.restype = [ctypes.c_void_p], result
    except AttributeError:
        raise ModelError(
            "This build of llama.cpp hides what an importance matrix needs: do without."
        ) from None
    return lib._lib
