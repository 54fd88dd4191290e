"""Promises of the choice between an adapter at load and one that is merged: tried once, kept, never in the way."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import convert_tiny as tiny
import numpy as np
import pytest
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from tiny_gguf import make_gguf

from sqlagent.base.errors import OK, ModelError
from sqlagent.base.progress import Progress
from sqlagent.llama import rate
from sqlagent.llama.context import Llama
from sqlagent.store import fastest, models
from sqlagent.ui import doctor
from sqlagent.ui.cli import main
from sqlagent.weights import ggml, merge_quantized
from sqlagent.weights.adapter import read as read_adapter
from sqlagent.weights.fit import by_gguf_name
from sqlagent.weights.gguf_read import GgufFile
from sqlagent.weights.importance import read as read_importance

ROOT = Path(__file__).resolve().parent.parent
QUIET = Progress(quiet=True)
TRIED = 2 * fastest.ROUNDS
"""Files that are run to find out which way is faster."""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_gguf(tmp_path / "base.gguf", "llama", scale=0.1)


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    return tiny.adapter(tmp_path / "tuned", scale=0.1)


@pytest.fixture(autouse=True)
def listed(tmp_path: Path, base: Path, adapter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry with `plain` and `plain-sql`, which is applied as is fastest."""
    path = tmp_path / "registry.toml"
    path.write_text(
        'default = "plain-sql"\n'
        f'[[model]]\nname = "plain"\nfile = "plain.gguf"\nlicence = "MIT"\nsize = {base.stat().st_size}\n'
        f'sha256 = "{hashlib.sha256(base.read_bytes()).hexdigest()}"\n'
        f'[[model.sources]]\nkind = "path"\npath = "{base}"\n'
        '[[model]]\nname = "plain-sql"\nbase = "plain"\nadapter = "tuned"\napply = "fastest"\nquantize = "Q8_0"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("SQLAGENT_REGISTRY", str(path))


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Path]]:
    """Makes files run as long as is said, in place of measuring them; returns those that were tried."""

    def take(load: float, merge: float) -> list[Path]:
        tried: list[Path] = []

        def seconds(path: Path, adapter: Path | None = None) -> float:
            tried.append(path)
            return load if adapter else merge

        monkeypatch.setattr(rate, "question_seconds", seconds)
        return tried

    return take


# ---- what is merged ----


def test_ggml_undoes_what_it_packs_and_the_gguf_package_agrees() -> None:
    rows = np.random.default_rng(0).normal(size=(8, 256)).astype(np.float32)
    for kind in (GGMLQuantizationType.Q4_0, GGMLQuantizationType.Q8_0, GGMLQuantizationType.Q6_K):
        packed = ggml.quantize(rows, kind)
        undone = ggml.dequantize(packed, kind, 256)
        assert undone is not None and np.array_equal(undone, dequantize(packed, kind))
        assert np.abs(undone - rows).mean() < 0.1


def test_importance_moves_the_error_to_where_it_matters_less() -> None:
    rows = np.random.default_rng(1).normal(size=(64, 32)).astype(np.float32)
    importance = np.where(np.arange(32) < 4, 100.0, 0.01).astype(np.float32)
    kind = GGMLQuantizationType.Q4_0

    def error(weights: np.ndarray | None) -> float:
        undone = ggml.dequantize(ggml.quantize(rows, kind, weights), kind, 32)
        assert undone is not None
        return float(np.abs(undone - rows)[:, :4].mean())

    assert error(importance) < 0.8 * error(None)
    with pytest.raises(ModelError, match="is for 16 columns where the model has 32"):
        ggml.quantize(rows, kind, importance[:16])


@pytest.mark.parametrize("threads", [1, 3])
def test_each_matrix_is_changed_and_rounded_once(
    base: Path, adapter: Path, tmp_path: Path, threads: int
) -> None:
    out = tmp_path / "merged.gguf"
    merge_quantized.into_gguf(base, adapter, out, "Q8_0", threads=threads, progress=QUIET)
    before, after = GgufFile(base), GgufFile(out)
    deltas = by_gguf_name(read_adapter(adapter), before)
    assert deltas and list(after.tensors) == list(before.tensors)
    assert after.get("general.file_type") == 7
    for name, tensor in before.tensors.items():
        count = tensor.shape[0]
        wanted = before.rows(name, 0, count)
        if name in deltas:
            wanted = deltas[name].apply(wanted, 0, count)
        found = after.rows(name, 0, count)
        if len(tensor.shape) > 1 and name.startswith("blk."):
            assert after.tensors[name].type == GGMLQuantizationType.Q8_0
            assert np.abs(found - wanted).max() <= np.abs(wanted).max() / 127
        else:
            assert after.tensors[name].type == tensor.type and np.array_equal(found, wanted)


# ---- what is chosen ----


def test_the_faster_way_is_taken_from_then_on(runs: Callable[..., list[Path]], base: Path) -> None:
    tried = runs(load=2.0, merge=1.0)
    files = models.ready("plain-sql", quiet=True, settle=True)
    assert len(set(tried)) == 2 and len(tried) == TRIED, "both were run"
    assert files.adapter is None and files.name == "plain-sql"
    assert models.ready("plain-sql", quiet=True) == models.at_hand("plain-sql") == files
    assert len(tried) == TRIED, "it was tried once"
    assert GgufFile(files.model).get("general.file_type") == 7
    llama = Llama(files.model, n_ctx=32, n_seq=1)
    llama.close()
    models.remove("plain")
    assert models.at_hand("plain-sql") == files, "what is merged needs its base no more"
    states = {status.entry.name: status.state for status in models.statuses()}
    assert states == {"plain": "missing", "plain-sql": "installed"}


def test_a_way_that_gains_little_is_not_worth_its_file(
    runs: Callable[..., list[Path]], own_home: Path
) -> None:
    runs(load=1.0, merge=0.95)
    files = models.ready("plain-sql", quiet=True, settle=True)
    assert files.adapter is not None
    assert [item.name for item in (own_home / "adapters").glob("*q8_0*.gguf")] == []
    assert models.ready("plain-sql", quiet=True) == files


def test_a_question_waits_for_no_trial_and_pull_settles_it(
    runs: Callable[..., list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    tried = runs(load=2.0, merge=1.0)
    files = models.ready("plain-sql", quiet=True)
    assert files.adapter is not None and tried == []
    assert main(["models", "pull", "plain-sql"]) == OK
    out, err = capsys.readouterr()
    assert "plain-sql-q8_0-" in out and len(tried) == TRIED
    assert (
        "The adapter at load takes 2.0 s for a question's tokens, merged as Q8_0 1.0 s: it is used merged."
        in err
    )
    assert main(["models", "pull", "plain-sql"]) == OK
    assert len(tried) == TRIED


def test_another_processor_or_another_adapter_is_tried_anew(
    runs: Callable[..., list[Path]], adapter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = runs(load=2.0, merge=1.0)
    models.ready("plain-sql", quiet=True, settle=True)
    with monkeypatch.context() as patch:
        patch.setattr(fastest, "_machine", lambda: "another processor")
        assert (files := models.at_hand("plain-sql")) is not None and files.adapter is not None
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps({**config, "lora_alpha": 99}))
    assert (files := models.at_hand("plain-sql")) is not None and files.adapter is not None
    models.ready("plain-sql", quiet=True, settle=True)
    assert len(tried) == 2 * TRIED


def test_no_room_for_a_merged_file_leaves_the_adapter_at_load(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    models.pull("plain", quiet=True)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    files = models.ready("plain-sql", settle=True)
    assert files.adapter is not None
    assert "The adapter of plain-sql stays at load: Merging needs" in capsys.readouterr().err


def test_what_was_made_and_found_out_goes_with_the_model(
    runs: Callable[..., list[Path]], own_home: Path
) -> None:
    runs(load=2.0, merge=1.0)
    models.ready("plain-sql", quiet=True, settle=True)
    assert models.remove("plain-sql") > 0
    assert [
        item.name for item in (own_home / "adapters").iterdir() if item.suffix in (".gguf", ".json")
    ] == []


def test_doctor_says_how_the_adapter_is_applied_and_by_what_that_was_chosen(
    runs: Callable[..., list[Path]],
) -> None:
    models.pull("plain", quiet=True)

    def adapter_line() -> str:
        return next(finding.found for finding in doctor.examine() if finding.what == "adapter")

    assert "`sqlagent models pull plain-sql` finds out, once, whether it is faster merged" in adapter_line()
    runs(load=2.0, merge=1.0)
    models.ready("plain-sql", quiet=True, settle=True)
    runs(load=3.0, merge=1.5)
    assert "at load takes 3.0 s" in adapter_line(), "it is measured again"
    models.remove("plain")
    assert "at load takes 2.0 s" in adapter_line(), "what was found is said where it cannot be"


def test_a_file_is_really_run(base: Path) -> None:
    assert 0 < rate.question_seconds(base, threads=1) < 60


def test_the_importance_matrix_that_ships_knows_every_matrix_of_the_blocks() -> None:
    known = read_importance(ROOT / "models" / "qwen2.5-coder-1.5b-sql" / "imatrix.gguf")
    kinds = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    assert set(known) >= {f"blk.{block}.{kind}.weight" for block in range(28) for kind in kinds}
    assert all(np.isfinite(values).all() and values.min() >= 0 for values in known.values())
