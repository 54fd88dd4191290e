"""Promises of quantisation: types stay near, an importance matrix is what it says, errors are sentences."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gguf", reason="the convert extra is not installed")

from tiny_gguf import make_gguf

from convert import compare, imatrix, samples
from convert.samples import Sample
from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.progress import Progress
from sqlagent.store.adapters import Files
from sqlagent.weights import importance, quantize
from sqlagent.weights.gguf_read import GgufFile

QUIET = Progress(quiet=True)


def random_samples(count: int = 6, length: int = 20) -> list[Sample]:
    rng = np.random.default_rng(0)
    return [Sample(tuple(int(t) for t in rng.integers(0, 300, length)), 5) for _ in range(count)]


@pytest.fixture
def float_model(tmp_path: Path) -> Path:
    return make_gguf(tmp_path / "model-f32.gguf", scale=0.1)


def weight(path: Path, name: str = "blk.0.ffn_down.weight") -> Any:
    file = GgufFile(path)
    return file.rows(name, 0, file.tensors[name].shape[0])


def test_every_listed_type_can_be_made(tmp_path: Path, float_model: Path) -> None:
    """Each type once; k-quants fall back where the tiny rows are too short for them, as llama.cpp does."""
    original = weight(float_model)
    for kind in ("Q4_0", "Q4_K_M", "Q5_K_M", "Q6_K", "Q8_0", "F16", "BF16", "F32"):
        out = tmp_path / f"{kind}.gguf"
        quantize.quantize(float_model, out, kind, threads=1, progress=QUIET)
        file = GgufFile(out)
        assert file.get("general.file_type") == quantize.TYPES[kind]
        assert set(file.tensors) == set(GgufFile(float_model).tensors)
        off = np.abs(weight(out) - original).max()
        limit = {"F32": 0.0, "F16": 1e-3, "BF16": 4e-3, "Q8_0": 5e-3}.get(kind, 0.08)
        assert off <= limit, kind


def test_fewer_bits_are_further_away_and_smaller(tmp_path: Path, float_model: Path) -> None:
    outs = []
    for kind in ("F16", "Q8_0", "Q4_0"):
        outs.append(tmp_path / f"{kind}.gguf")
        quantize.quantize(float_model, outs[-1], kind, threads=1, progress=QUIET)
    rows = compare.compare(float_model, [Files(out) for out in outs], random_samples(), threads=1, quiet=True)
    assert [row.name for row in rows] == ["model-f32", "F16", "Q8_0", "Q4_0"]
    assert rows[0].kl_mean < 1e-9 and rows[0].top1 == 1.0
    assert rows[0].kl_mean < rows[1].kl_mean < rows[2].kl_mean < rows[3].kl_mean
    assert rows[0].mb > rows[1].mb > rows[2].mb > rows[3].mb
    assert all(row.prompt_speed > 0 and row.generation_speed > 0 and row.perplexity > 1 for row in rows)
    assert rows[0].positions == 6 * 15
    table = compare.markdown(rows)
    assert table.count("\n|") == 5 and "| Q4_0 |" in table


def test_the_numbers_of_a_comparison_are_right() -> None:
    reference = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], np.float32)) + 7  # any constant
    other = np.log(np.array([[0.25, 0.5, 0.25], [0.1, 0.8, 0.1]], np.float32))
    kl, same, loss = compare.tally(reference, other, [0, 1])
    np.testing.assert_allclose(kl, [0.5 * np.log(2) + 0.25 * np.log(0.5), 0], atol=1e-6)
    assert same.tolist() == [False, True]
    np.testing.assert_allclose(loss, [np.log(4), -np.log(0.8)], rtol=1e-6)


def test_an_importance_matrix_holds_the_mean_squares_of_what_goes_in(
    tmp_path: Path, float_model: Path
) -> None:
    """Checked where the input is known without a run: the first layer sees normalised embeddings."""
    found = random_samples(count=3)
    collected = imatrix.compute(float_model, found, threads=1, quiet=True)
    imatrix.save(collected, tmp_path / "i.gguf", data="toy", samples=3, progress=QUIET)
    means = importance.read(tmp_path / "i.gguf")
    file = GgufFile(float_model)
    matrices = {name for name, tensor in file.tensors.items() if len(tensor.shape) == 2}
    assert set(means) == matrices - {"token_embd.weight"}
    embedding = weight(float_model, "token_embd.weight")
    inputs = np.concatenate([embedding[list(sample.ids)] for sample in found])
    inputs = inputs / np.sqrt((inputs**2).mean(axis=1, keepdims=True) + 1e-6)
    np.testing.assert_allclose(means["blk.0.attn_q.weight"], (inputs**2).mean(axis=0), rtol=1e-3)
    assert GgufFile(tmp_path / "i.gguf").get("imatrix.datasets") == [b"toy"]


def test_an_importance_matrix_changes_what_is_kept(tmp_path: Path, float_model: Path) -> None:
    """Columns that the matrix calls important come out nearer to the original."""
    width = {"blk.0.ffn_down.weight": 128}
    collected = imatrix.Collector()
    for name, tensor in GgufFile(float_model).tensors.items():
        if len(tensor.shape) == 2:
            sums = np.ones(tensor.shape[1])
            if name in width:
                sums[::2] = 1e4
            collected.sums[name], collected.counts[name] = sums, 1
    imatrix.save(collected, tmp_path / "i.gguf", data="made up", samples=1, progress=QUIET)
    quantize.quantize(
        float_model, tmp_path / "with.gguf", "Q4_0", imatrix=tmp_path / "i.gguf", threads=1, progress=QUIET
    )
    quantize.quantize(float_model, tmp_path / "without.gguf", "Q4_0", threads=1, progress=QUIET)
    off = {
        name: np.abs(weight(tmp_path / f"{name}.gguf") - weight(float_model)) for name in ("with", "without")
    }
    assert off["with"][:, ::2].mean() < 0.95 * off["without"][:, ::2].mean()


def test_a_quantised_source_needs_consent(tmp_path: Path, float_model: Path) -> None:
    quantize.quantize(float_model, tmp_path / "q8.gguf", "Q8_0", threads=1, progress=QUIET)
    with pytest.raises(UsageError, match="quantised already.*--requantize"):
        quantize.quantize(tmp_path / "q8.gguf", tmp_path / "q4.gguf", "Q4_0", threads=1, progress=QUIET)
    quantize.quantize(
        tmp_path / "q8.gguf", tmp_path / "q4.gguf", "Q4_0", requantize=True, threads=1, progress=QUIET
    )
    assert (tmp_path / "q4.gguf").exists()


def test_failures_are_one_sentence_and_leave_nothing(tmp_path: Path, float_model: Path) -> None:
    with pytest.raises(UsageError, match="no type 'q9_x': choose one of"):
        quantize.parse_type("q9_x")
    assert quantize.parse_type("q4_k_m") == "Q4_K_M"
    with pytest.raises(UsageError, match="input itself"):
        quantize.quantize(float_model, float_model, "Q8_0", progress=QUIET)
    with pytest.raises(ModelError, match="no importance matrix"):
        quantize.quantize(float_model, tmp_path / "a.gguf", "Q8_0", imatrix=float_model, progress=QUIET)
    with pytest.raises(ModelError, match="no model file"):
        quantize.quantize(tmp_path / "none.gguf", tmp_path / "a.gguf", "Q8_0", progress=QUIET)
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(float_model.read_bytes().replace(b"qwen2", b"nope2"))
    with pytest.raises(ModelError, match="llama.cpp cannot quantise broken.gguf to Q8_0: .*nope2") as caught:
        quantize.quantize(broken, tmp_path / "a.gguf", "Q8_0", threads=1, progress=QUIET)
    assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.gguf", "model-f32.gguf"]


def test_samples_are_the_prompts_of_the_agent(tmp_path: Path, float_model: Path) -> None:
    from sqlagent.database import schema
    from sqlagent.linking import prompt
    from sqlagent.llama.context import Llama
    from sqlagent.llama.vocab import Vocab

    folder = tmp_path / "data"
    (folder / "database" / "shop").mkdir(parents=True)
    with sqlite3.connect(folder / "database" / "shop" / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT)")
    rows = [
        {"question": f"How many cities {i}?", "query": "select count(*) from city", "db_id": "shop"}
        for i in range(4)
    ]
    (folder / "train.json").write_text(json.dumps(rows))
    found = samples.load(float_model, folder, "train", limit=3)
    assert len(found) == 3
    llama = Llama(float_model, n_ctx=64, n_seq=1, threads=1)
    vocab = Vocab(llama)
    text = b"".join(vocab.piece(token, special=True) for token in found[0].ids).decode()
    answer = b"".join(vocab.piece(token, special=True) for token in found[0].ids[found[0].answer :]).decode()
    llama.close()
    shown = schema.read(folder / "database" / "shop" / "shop.sqlite")
    wanted = [prompt.build(shown, row["question"]) for row in rows]
    assert any(one.context + one.request in text for one in wanted) and prompt.SYSTEM in text
    assert answer.lower().startswith("select count(*) from city\n```") and answer.endswith("<|im_end|>")
    with pytest.raises(UsageError, match="fits 16 tokens"):
        samples.load(float_model, folder, "train", limit=3, n_ctx=16)


def test_a_merge_is_written_in_a_type_that_the_adapter_survives(
    float_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def made(kind: str) -> GgufFile:
        out = tmp_path / f"{kind}.gguf"
        quantize.quantize(float_model, out, kind, threads=1, progress=QUIET)
        return GgufFile(out)

    whole, eight, four = GgufFile(float_model), made("Q8_0"), made("Q4_0")
    assert [quantize.type_for_merging(base) for base in (whole, eight, four)] == ["F32", "F16", "Q8_0"]
    for base, kind, said in [
        (four, "Q4_0", True),
        (four, "Q5_K_M", True),
        (eight, "Q8_0", True),
        (four, "Q8_0", False),
        (four, "Q6_K", False),
        (eight, "F16", False),
        (whole, "Q4_0", False),
    ]:
        quantize.warn_of_rounding(base, kind, Progress(quiet=False))
        assert ("takes most of the adapter away" in capsys.readouterr().err) == said, (base.path, kind)
