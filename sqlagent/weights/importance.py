"""Reads an importance matrix, as `python -m convert imatrix` or llama-imatrix writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sqlagent.base.errors import ModelError
from sqlagent.weights.gguf_read import GgufFile, Rows


def read(path: Path) -> dict[str, Rows]:
    """Mean squares by tensor. Raises ModelError for a file that is no importance matrix."""
    file = GgufFile(path)
    if file.get("general.type") != "imatrix":
        raise ModelError(f"{path} is no importance matrix: make one with `python -m convert imatrix`.")
    found = {}
    for name, tensor in file.tensors.items():
        if name.endswith(".in_sum2"):
            weight = name.removesuffix(".in_sum2")
            counts = file.rows(f"{weight}.counts", 0, tensor.shape[0])
            means = file.rows(name, 0, tensor.shape[0]) / np.maximum(counts, 1)
            found[weight] = np.ascontiguousarray(means.reshape(-1), np.float32)
    return found
