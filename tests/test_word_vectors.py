"""Word vectors out of a GGUF file."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

from sqlagent.base.errors import ModelError
from sqlagent.weights.word_vectors import Vectors

WIDTH, ROWS = 256, 400


def written(path: Path, data: np.ndarray, kind: object, name: str = "token_embd.weight") -> Path:
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_tensor("other", np.zeros(7, np.float32))
    writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def random_rows() -> np.ndarray:
    return np.random.default_rng(1).normal(2.0, 1.0, (ROWS, WIDTH)).astype(np.float32)


@pytest.mark.parametrize("name", ["F32", "F16", "Q8_0"])
def test_likeness_is_the_cosine_without_the_mean(tmp_path: Path, name: str) -> None:
    rows = random_rows()
    rows[1] = rows[0] + 0.05
    kind = gguf.GGMLQuantizationType[name]
    path = written(tmp_path / "m.gguf", gguf.quants.quantize(rows, kind), kind)
    found = Vectors(path, lambda text: [int(word) for word in text.split()]).likeness(
        ["0", "5", "0 5"], ["1", "0"]
    )
    assert found.shape == (3, 2)
    assert found[0, 1] == pytest.approx(1.0, abs=1e-4)
    assert found[0, 0] > 0.99
    assert abs(found[1, 0]) < 0.3, "with the mean left in it would be about 0.8"
    assert 0.5 < found[2, 1] < 0.9


def test_no_words_and_words_without_tokens_are_like_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "m.gguf", random_rows(), gguf.GGMLQuantizationType.F32)
    assert Vectors(path, lambda text: [0]).likeness([], ["1"]).shape == (0, 1)
    assert Vectors(path, lambda text: []).likeness(["x"], ["y"])[0, 0] == 0
    assert Vectors(path, lambda text: [10**9]).likeness(["x"], ["y"])[0, 0] == 0


def test_a_file_without_vectors_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "m.gguf", random_rows(), gguf.GGMLQuantizationType.F32, "another.weight")
    with pytest.raises(ModelError, match="no word vectors"):
        Vectors(path, lambda text: [])
