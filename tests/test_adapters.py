"""Promises of adapters at run time: what is applied is what was trained, once made, on the base it is for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import convert_tiny as tiny
import gguf
import numpy as np
import pytest
from stand_in import StandIn
from tiny_gguf import make_gguf

from sqlagent.base import paths
from sqlagent.base.errors import CANNOT_OPEN, OK, USAGE, ModelError, UsageError
from sqlagent.base.progress import Progress
from sqlagent.database import schema
from sqlagent.decoding.model import Model
from sqlagent.grammar import Acceptor
from sqlagent.linking import prompt
from sqlagent.llama.context import Llama
from sqlagent.store import adapters, models
from sqlagent.ui.cli import main
from sqlagent.weights import lora
from sqlagent.weights.adapter import read as read_adapter

ROOT = Path(__file__).resolve().parent.parent
QUIET = Progress(quiet=True)
SHOP = schema.from_ddl("CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT, people INTEGER)")
TOKENS = [int(token) for token in np.random.default_rng(3).integers(0, 250, 40)]


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


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with sqlite3.connect(tmp_path / "shop.sqlite") as connection:
        connection.execute("CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT)")
    return tmp_path / "shop.sqlite"


@pytest.fixture
def listed(tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Writes a registry with `plain` (the base) and what is given; returns its path."""

    def write(more: str = "") -> Path:
        content = base.read_bytes()
        path = tmp_path / f"registry{len(list(tmp_path.iterdir()))}.toml"
        path.write_text(
            'default = "plain"\n[aliases]\nfirst = "plain"\n'
            f'[[model]]\nname = "plain"\nfile = "plain.gguf"\nlicence = "MIT"\nsize = {len(content)}\n'
            f'sha256 = "{hashlib.sha256(content).hexdigest()}"\n'
            f'[[model.sources]]\nkind = "path"\npath = "{base}"\n{more}',
            encoding="utf-8",
        )
        monkeypatch.setenv("SQLAGENT_REGISTRY", str(path))
        return path

    return write


def tuned(apply: str = "load", quantize: str = "") -> str:
    return (
        f'[[model]]\nname = "plain-sql"\nbase = "plain"\nadapter = "tuned"\napply = "{apply}"\n'
        f'quantize = "{quantize}"\n'
    )


def logits(files: models.Files) -> np.ndarray:
    """The logits after every token of a fixed text."""
    llama = Llama(files.model, n_ctx=64, n_seq=1, threads=1, adapter=files.adapter)
    try:
        assert llama.decode([(token, i, 0, True) for i, token in enumerate(TOKENS)])
        return np.stack([llama.logits(i).copy() for i in range(len(TOKENS))])
    finally:
        llama.close()


def distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max() / np.abs(first).max())


# Loading


def test_an_adapter_at_load_computes_what_a_merge_computes(
    base: Path, adapter: Path, listed: Callable[..., Path]
) -> None:
    listed(tuned("merge"))
    merged = models.ready("plain-sql", quiet=True)
    assert merged.adapter is None and merged.model != base
    loaded = models.ready(base, adapter=adapter, quiet=True)
    assert loaded.model == base and loaded.adapter is not None
    plain = logits(models.Files(base))
    assert distance(plain, logits(loaded)) > 0.05, "the adapter changes nothing, so this would prove nothing"
    assert distance(logits(merged), logits(loaded)) < 0.01


def test_a_peft_folder_and_its_gguf_lora_are_the_same(base: Path, adapter: Path, tmp_path: Path) -> None:
    lora.convert(base, adapter, tmp_path / "lora.gguf", progress=QUIET)
    folder = models.ready(base, adapter=adapter, quiet=True)
    file = models.ready(base, adapter=tmp_path / "lora.gguf", quiet=True)
    assert file.adapter == tmp_path / "lora.gguf"
    np.testing.assert_array_equal(logits(folder), logits(file))
    plan = adapters.Plan(tmp_path / "lora.gguf", tmp_path / "made", "merge")
    merged = adapters.prepare(plan, base, adapters.base_sha256(base, tmp_path), QUIET)
    assert distance(logits(folder), logits(merged)) < 0.01


def test_an_activated_lora_is_refused_and_not_run_on_every_token(base: Path, tmp_path: Path) -> None:
    """An aLoRA's GGUF (key of gguf 0.19.0) is a LoRA's, but for the tokens behind which alone it is meant to work."""
    path = tmp_path / "alora.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", 8.0)
    writer.add_array(gguf.constants.Keys.Adapter.ALORA_INVOCATION_TOKENS, [20, 21])
    for part, shape in (("lora_a", (4, tiny.WIDTH)), ("lora_b", (tiny.WIDTH, 4))):
        writer.add_tensor(f"blk.0.attn_q.weight.{part}", np.ones(shape, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelError, match="activated LoRA"):
        models.ready(base, adapter=path, quiet=True)
    with pytest.raises(ModelError, match="activated LoRA"):
        read_adapter(path)


def test_states_of_the_base_and_of_the_adapter_are_never_mixed_up(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    asked = prompt.build(SHOP, "Which city has the most people?")
    cache = tmp_path / "prefix"
    plain, lora_files = models.Files(base), models.ready(base, adapter=adapter, quiet=True)

    def answer(files: models.Files, folder: Path | None) -> tuple[str, float, int]:
        with Model.of(files, cache_dir=folder, threads=1) as model:
            found = model.generate(asked, Acceptor(SHOP), max_tokens=40)[0]
            return found.sql, round(found.logprob, 3), model.last_timings.cached_tokens

    fresh = answer(lora_files, None)
    assert answer(plain, cache)[2] == 0
    first = answer(lora_files, cache)
    assert first == fresh and first[2] == 0, "a state of the base was used under the adapter"
    again = answer(lora_files, cache)
    assert again[:2] == fresh[:2] and again[2] > 0
    assert len(list(cache.glob("*.kv"))) == 2


def test_an_adapter_is_converted_once_and_again_when_it_changes(
    base: Path, adapter: Path, own_home: Path
) -> None:
    made = models.ready(base, adapter=adapter, quiet=True).adapter
    assert made is not None and made.is_relative_to(own_home)
    stamp = made.stat().st_mtime_ns
    assert models.ready(base, adapter=adapter, quiet=True).adapter == made
    assert made.stat().st_mtime_ns == stamp
    before = logits(models.Files(base, made))
    changed = with_alpha(base, adapter, 16)
    assert changed.adapter != made
    assert distance(before, logits(changed)) > 0.02


def with_alpha(base: Path, adapter: Path, alpha: int) -> models.Files:
    config = json.loads((adapter / "adapter_config.json").read_text())
    (adapter / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": alpha}))
    return models.ready(base, adapter=adapter, quiet=True)


def test_the_last_two_that_were_made_of_an_adapter_are_kept(
    base: Path, adapter: Path, own_home: Path
) -> None:
    first, second = (with_alpha(base, adapter, alpha).adapter for alpha in (3, 5))
    assert first is not None and second is not None
    old = first.with_name(first.name.replace("-", "-0123abcd-", 1))  # as earlier versions named them
    for path in (old, first.with_name(f".{old.name}.123")):
        path.write_bytes(b"GGUF")
    os.utime(first.with_name(f"{first.name}.ok"), (9, 9))
    assert with_alpha(base, adapter, 3).adapter == first, "used again, so not the older one"
    third = with_alpha(base, adapter, 7).adapter
    assert third is not None
    left = {path.name for path in third.parent.glob("*gguf*") if path.suffix != ".lock"}
    assert left == {f"{path.name}{end}" for path in (first, third) for end in ("", ".ok")}


def test_what_is_made_of_an_adapter_serves_every_place_it_is_installed_in(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere" / adapter.name
    shutil.copytree(adapter, elsewhere)
    made = models.ready(base, adapter=adapter, quiet=True).adapter
    assert models.ready(base, adapter=elsewhere, quiet=True).adapter == made


def test_an_adapter_whose_base_is_here_is_here_too(
    base: Path, adapter: Path, own_home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models.add(base, name="mine", adapter=adapter)
    shutil.rmtree(paths.adapters_dir())
    assert main(["doctor", "--model", "mine"]) == OK
    assert "not here" not in capsys.readouterr().out
    shutil.rmtree(paths.adapters_dir())
    found = models.located("mine").adapter
    assert found is not None and found.is_file()


def test_a_made_file_that_was_damaged_is_made_again(base: Path, adapter: Path) -> None:
    made = models.ready(base, adapter=adapter, quiet=True).adapter
    assert made is not None
    good = made.read_bytes()
    made.write_bytes(good[:100])
    again = models.ready(base, adapter=adapter, quiet=True).adapter
    assert again == made and made.read_bytes() == good


def test_making_an_adapter_ready_needs_no_torch(base: Path, adapter: Path) -> None:
    code = (
        "import sys; from sqlagent.store import models\n"
        f"models.ready({str(base)!r}, adapter={str(adapter)!r}, quiet=True)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & "
        "{'torch', 'transformers', 'peft', 'safetensors', 'convert', 'train'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# What does not belong together


def ask(database: Path, base: Path, adapter: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    words = ["ask", str(database), "How many cities?", "--model", str(base), "--adapter", str(adapter)]
    code = main([*words, "--quiet"])
    out, err = capsys.readouterr()
    assert out == "" or code == OK
    return code, err


def test_an_adapter_that_is_not_for_the_model_is_one_sentence(
    base: Path, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    narrow = {name: (out // 2, width) for name, (out, width) in tiny.SHAPES.items()}
    qwen = make_gguf(tmp_path / "qwen.gguf", "qwen2")
    lora.convert(qwen, tiny.adapter(tmp_path / "q"), tmp_path / "qwen-lora.gguf", progress=QUIET)
    deeper = {"base_model.model.model.layers.9.mlp.up_proj.lora_A.weight": np.ones((4, 64), np.float32)}
    deeper |= {"base_model.model.model.layers.9.mlp.up_proj.lora_B.weight": np.ones((128, 4), np.float32)}
    (tmp_path / "nothing").mkdir()
    wrong: dict[str, tuple[Path, str]] = {
        "shape": (tiny.adapter(tmp_path / "narrow", shapes=narrow), "it was trained on another base"),
        "layers": (tiny.adapter(tmp_path / "deep", extra=deeper), "it is for another base"),
        "family": (tmp_path / "qwen-lora.gguf", "is for a qwen2 model and base.gguf is a llama"),
        "hash": (tiny.adapter(tmp_path / "other", record={"base_sha256": "ab" * 32}), "sha256 abababababab"),
        "folder": (tmp_path / "nothing", "is not an adapter: it has no adapter_config.json"),
        "missing": (tmp_path / "nowhere", "There is no adapter"),
        "a model": (base, "is no LoRA adapter"),
        "dora": (tiny.adapter(tmp_path / "dora", dora=True), "DoRA"),
    }
    for what, (adapter, words) in wrong.items():
        code, err = ask(database, base, adapter, capsys)
        assert code == CANNOT_OPEN, what
        assert words in err and len(err.strip().splitlines()) == 1, what
        assert err.strip().endswith("."), what


def test_an_adapter_made_for_these_bytes_is_taken(
    base: Path, database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = {"base_sha256": hashlib.sha256(base.read_bytes()).hexdigest()}
    code, err = ask(database, base, tiny.adapter(tmp_path / "right", record=record), capsys)
    assert code in (OK, 1), err  # a random model's statement need not be a good one


def test_llama_cpp_s_own_refusal_is_one_sentence(base: Path, adapter: Path, tmp_path: Path) -> None:
    made = models.ready(base, adapter=adapter, quiet=True).adapter
    assert made is not None
    data = made.read_bytes()
    name = b"blk.0.attn_q.weight.lora_a"
    (tmp_path / "odd.gguf").write_bytes(data.replace(name, name.replace(b"blk.0", b"blk.7")))
    with pytest.raises(ModelError, match="cannot be applied to base.gguf") as caught:
        Llama(base, n_ctx=64, n_seq=1, adapter=tmp_path / "odd.gguf")
    assert "\n" not in str(caught.value)


# The registry


def test_a_tuned_model_is_pulled_listed_found_and_removed(
    adapter: Path, base: Path, listed: Callable[..., Path], capsys: pytest.CaptureFixture[str], own_home: Path
) -> None:
    listed(tuned())
    assert {status.entry.name: status.state for status in models.statuses()} == {
        "plain": "missing",
        "plain-sql": "missing",
    }
    with pytest.raises(ModelError, match="models pull plain-sql"):
        models.located("plain-sql")
    assert main(["models", "pull", "plain-sql", "--quiet"]) == OK
    model, lora_file = capsys.readouterr().out.splitlines()
    assert Path(model) == own_home / "models" / "plain.gguf"
    assert main(["models", "path", "plain-sql"]) == OK
    assert capsys.readouterr().out.splitlines() == [model, lora_file]
    assert main(["models", "path"]) == OK
    assert capsys.readouterr().out.splitlines() == [model], "the untuned one has no adapter"
    assert main(["models", "--format", "json"]) == OK
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["plain-sql"]["state"] == "installed" and rows["plain-sql"]["licence"] == "MIT"
    assert models.remove("plain-sql") > 0
    assert not Path(lora_file).exists() and Path(model).exists()
    with pytest.raises(UsageError, match="its base is plain"):
        models.remove("plain-sql")


@pytest.mark.parametrize("kind", ["", "Q8_0"])
def test_a_model_that_is_merged_needs_its_base_no_more(
    adapter: Path, base: Path, listed: Callable[..., Path], own_home: Path, kind: str
) -> None:
    from sqlagent.weights.gguf_read import GgufFile

    listed(tuned("merge", kind))
    models.pull("plain", quiet=True)
    assert [status.state for status in models.statuses()] == ["installed", "not merged"]
    files = models.ready("plain-sql", quiet=True)
    assert files.adapter is None and files.name == "plain-sql"
    assert [status.state for status in models.statuses()] == ["installed", "installed"]
    merged = GgufFile(files.model)
    assert merged.get("general.file_type") == (7 if kind else 0)
    assert merged.get("sqlagent.base_sha256") == hashlib.sha256(base.read_bytes()).hexdigest()
    left = [item.name for item in (own_home / "adapters").iterdir() if item.suffix == ".f16"]
    assert left == []
    models.remove("plain")
    base.unlink()
    assert models.ready("plain-sql", offline=True, quiet=True) == files
    assert logits(files).shape[0] == len(TOKENS)


def test_an_adapter_can_be_fetched_like_a_model(
    adapter: Path,
    base: Path,
    listed: Callable[..., Path],
    own_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lora.convert(base, adapter, tmp_path / "lora.gguf", progress=QUIET)
    content = (tmp_path / "lora.gguf").read_bytes()
    server = StandIn()
    server.files["/someone/lora/resolve/main/lora.gguf"] = content
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.delenv("SQLAGENT_OFFLINE")
    listed(
        '[[model]]\nname = "plain-sql"\nbase = "plain"\n[model.lora]\nfile = "plain-lora.gguf"\n'
        f'size = {len(content)}\nsha256 = "{hashlib.sha256(content).hexdigest()}"\n'
        '[[model.lora.sources]]\nkind = "hub"\nrepo = "someone/lora"\nfile = "lora.gguf"\nrevision = "main"\n'
    )
    try:
        with pytest.raises(ModelError, match="models pull plain-sql"):
            models.ready("plain-sql", offline=True, quiet=True)
        files = models.ready("plain-sql", quiet=True)
    finally:
        server.close()
    assert files.adapter == own_home / "models" / "plain-lora.gguf"
    assert files.adapter.read_bytes() == content
    assert models.ready("plain-sql", offline=True, quiet=True) == files
    assert models.remove("plain-sql") >= len(content) and not files.adapter.exists()


def test_a_name_is_moved_to_another_model_by_one_line(adapter: Path, listed: Callable[..., Path]) -> None:
    path = listed(tuned())
    assert models.find("first").name == "plain"  # type: ignore[union-attr]
    path.write_text(path.read_text().replace('first = "plain"', 'first = "plain-sql"'))
    from sqlagent.store import registry

    registry._read.cache_clear()
    assert models.find("first").name == "plain-sql"  # type: ignore[union-attr]


def test_a_tuned_model_without_its_adapter_is_not_offered(listed: Callable[..., Path]) -> None:
    listed(tuned())
    assert list(models.registry()) == ["plain"]


def test_every_adapter_that_ships_says_what_it_was_trained_on() -> None:
    for entry in models.registry().values():
        if entry.adapter is None:
            continue
        record: dict[str, Any] = json.loads((entry.adapter / "training.json").read_text(encoding="utf-8"))
        assert record["base_sha256"] == entry.sha256, entry.name
        weights = hashlib.sha256((entry.adapter / adapters.WEIGHTS).read_bytes()).hexdigest()
        assert record["files"][adapters.WEIGHTS] == weights, entry.name
        assert (entry.adapter / "README.md").is_file()


# Models of the user's own


def test_a_model_of_ones_own_keeps_its_adapter(
    base: Path, adapter: Path, capsys: pytest.CaptureFixture[str], database: Path
) -> None:
    words = ["models", "add", str(base), "--name", "mine", "--adapter", str(adapter), "--quiet"]
    assert main(words) == OK
    files = models.ready("mine", quiet=True)
    assert files.model == base and files.adapter is not None
    assert models.located("mine") == files
    assert [status.state for status in models.statuses() if status.entry.name == "mine"] == ["added"]
    (adapter / "adapter_config.json").write_text(
        (adapter / "adapter_config.json").read_text().replace("8", "9")
    )
    with pytest.raises(ModelError, match="has changed since mine was added"):
        models.ready("mine", quiet=True)
    assert main(words) == OK
    assert models.ready("mine", quiet=True).adapter != files.adapter
    assert models.remove("mine") > 0
    assert base.exists() and adapter.exists()


def test_an_adapter_of_ones_own_can_stand_on_a_known_model(
    adapter: Path, listed: Callable[..., Path], own_home: Path
) -> None:
    listed()
    entry = models.add("first", name="mine", adapter=adapter)
    assert entry.base == "plain"
    files = models.ready("mine", quiet=True)
    assert files.model == own_home / "models" / "plain.gguf" and files.adapter is not None
    assert models.ready("plain", adapter=adapter, quiet=True).name == "plain+tuned"


def test_an_adapter_that_does_not_fit_is_not_added(base: Path, tmp_path: Path) -> None:
    wrong = tiny.adapter(tmp_path / "other", record={"base_sha256": "ab" * 32})
    with pytest.raises(ModelError, match="sha256"):
        models.add(base, name="mine", adapter=wrong)
    assert "mine" not in models.registry()


def test_apply_without_an_adapter_is_wrong_usage(base: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "add", str(base), "--apply", "merge"]) == USAGE
    assert "--adapter" in capsys.readouterr().err
