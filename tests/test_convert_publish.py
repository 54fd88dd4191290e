"""Promises of publishing: what is uploaded comes back, nothing is sent twice, and no token or path leaks."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("gguf", reason="the convert extra is not installed")
pytest.importorskip("huggingface_hub")

import convert_tiny as tiny
from hub_stand_in import Hub
from tiny_gguf import make_gguf

from convert import card, publish
from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.progress import Progress
from sqlagent.store import models
from sqlagent.weights import lora, merge
from sqlagent.weights.provenance import About

ROOT = Path(__file__).resolve().parent.parent
QUIET = Progress(quiet=True)
TOKEN = "hf_standInTokenForTests"


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub(TOKEN)
    yield made
    made.close()


@pytest.fixture
def made(tmp_path: Path) -> dict[str, Path]:
    """A base, an adapter, its merged GGUF, its LoRA, and an evaluation."""
    record = {
        "config": {
            "model_name": "base.gguf",
            "mix": [{"name": "spider"}],
            "lora_r": 4,
            "lora_alpha": 8,
            "lr": 2e-4,
        },
        "result": {"steps": 10, "questions": 320, "tokens": 12345, "hours": 1.5},
        "hardware": "CPU, 2 threads",
    }
    base = make_gguf(tmp_path / "base.gguf")
    folder = tiny.adapter(
        tmp_path / "adapter", record=record, base_model_name_or_path=str(tmp_path / "base.gguf")
    )
    about = About(name="sql-tiny", base_model="Org/Base-1B", licence="apache-2.0")
    merge.into_gguf(base, folder, tmp_path / "sql-tiny-f16.gguf", about=about, progress=QUIET)
    lora.convert(base, folder, tmp_path / "sql-tiny-lora.gguf", progress=QUIET)
    run = tmp_path / "evaluation"
    run.mkdir()
    share = {"right": 62, "of": 100, "share": 0.62, "by_question": [0.52, 0.71]}
    measures = {"correct": share, "exact": {**share, "share": 0.4}, "ran": {**share, "share": 1.0}}
    (run / "report.json").write_text(json.dumps({"questions": 100, "measures": measures}))
    settings = {"data": "val.json", "split": "val", "decode": "greedy", "model": "sql-tiny-f16"}
    (run / "run.json").write_text(json.dumps(settings))
    return {
        "adapter": folder,
        "gguf": tmp_path / "sql-tiny-f16.gguf",
        "lora": tmp_path / "sql-tiny-lora.gguf",
        "evaluation": run,
    }


def convert(
    hub: Hub, *words: str | Path, token: str | None = TOKEN, **env: str
) -> subprocess.CompletedProcess[str]:
    """`python -m convert` in a process of its own, against the stand-in."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SQLAGENT_"))}
    kept |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(ROOT / "no-such-folder"), **env}
    if token is not None:
        kept["HF_TOKEN"] = token
    return subprocess.run(
        [sys.executable, "-m", "convert", *map(str, words)],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def everything(made: dict[str, Path]) -> list[str | Path]:
    words: list[str | Path] = ["publish", "--repo", "me/sql-tiny", "--adapter", made["adapter"]]
    return [*words, "--gguf", made["gguf"], "--gguf", made["lora"], "--evaluation", made["evaluation"]]


def test_what_is_published_is_what_was_made(hub: Hub, made: dict[str, Path]) -> None:
    done = convert(hub, *everything(made), "--private")
    assert done.returncode == 0, done.stderr
    assert hub.repos["me/sql-tiny"].private
    for path in (made["gguf"], made["lora"], made["adapter"] / "adapter_model.safetensors"):
        assert hub.file("me/sql-tiny", path.name) == path.read_bytes()
    readme = hub.file("me/sql-tiny", "README.md").decode()
    assert readme.startswith("---\n") and "model-index" in readme
    assert set(hub.repos["me/sql-tiny"].files) == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "sql-tiny-f16.gguf",
        "sql-tiny-lora.gguf",
        "training.json",
    }
    assert TOKEN not in done.stdout + done.stderr
    for blob in hub.blobs.values():
        assert TOKEN.encode() not in blob
        assert str(made["adapter"].parent).encode() not in blob
    assert (
        json.loads(hub.file("me/sql-tiny", "adapter_config.json"))["base_model_name_or_path"] == "Org/Base-1B"
    )


def test_a_second_run_sends_nothing_again(hub: Hub, made: dict[str, Path]) -> None:
    assert convert(hub, *everything(made)).returncode == 0
    sent, commits = len(hub.stored), len(hub.repos["me/sql-tiny"].commits)
    done = convert(hub, *everything(made))
    assert done.returncode == 0, done.stderr
    assert len(hub.stored) == sent
    assert len(hub.repos["me/sql-tiny"].commits) == commits
    assert not hub.repos["me/sql-tiny"].private


def test_an_upload_that_stopped_goes_on_where_it_was(hub: Hub, made: dict[str, Path]) -> None:
    """Small parts, a connection that breaks once, and a hub that is full after the adapter and the model."""
    hub.part_size, hub.breaks = 50_000, 1
    adapter = (made["adapter"] / "adapter_model.safetensors").stat().st_size
    whole, small = (made[name].stat().st_size for name in ("gguf", "lora"))
    hub.room = adapter + whole
    done = convert(hub, *everything(made))
    assert done.returncode == 3
    said = "error: The hub answered 507 for me/sql-tiny: run the same command again to go on."
    assert said in done.stderr.splitlines(), done.stderr
    assert sum(hub.stored) == hub.room
    assert "sql-tiny-f16.gguf" in hub.repos["me/sql-tiny"].files
    assert "README.md" not in hub.repos["me/sql-tiny"].files
    hub.room = None
    hub.stored.clear()
    done = convert(hub, *everything(made))
    assert done.returncode == 0, done.stderr
    assert sum(hub.stored) == small, "the adapter and the model were there already"
    assert hub.file("me/sql-tiny", "sql-tiny-f16.gguf") == made["gguf"].read_bytes()


def test_a_dry_run_contacts_nobody(hub: Hub, made: dict[str, Path]) -> None:
    done = convert(hub, *everything(made), "--dry-run", token=None)
    assert done.returncode == 0, done.stderr
    assert hub.requests == []
    assert done.stdout.startswith("---\n") and "\nlicense: apache-2.0\n" in done.stdout
    assert "sql-tiny-f16.gguf" in done.stderr and "README.md" in done.stderr


@pytest.mark.parametrize(
    ("token", "words"),
    [(None, "sign in|not signed in"), ("hf_wrongTokenOfSomebody", "401.*hf auth login")],
    ids=["none", "wrong"],
)
def test_without_a_good_token_one_sentence_says_so(
    hub: Hub, made: dict[str, Path], token: str | None, words: str
) -> None:
    import re

    done = convert(hub, *everything(made), token=token)
    assert done.returncode == 2, done.stderr
    assert re.search(words, done.stderr), done.stderr
    assert "Traceback" not in done.stderr and "hf_wrong" not in done.stderr
    assert hub.repos == {}


def test_offline_means_offline(hub: Hub, made: dict[str, Path]) -> None:
    done = convert(hub, *everything(made), SQLAGENT_OFFLINE="1")
    assert done.returncode == 2 and "Going online is forbidden" in done.stderr
    assert hub.requests == []


def test_a_published_model_can_be_pulled_by_name(
    hub: Hub, made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry's hub source reads the same stand-in: a private file; the token stays with the hub."""
    assert convert(hub, *everything(made), "--private").returncode == 0
    data = made["gguf"].read_bytes()
    registry = tmp_path / "registry.toml"
    registry.write_text(
        f'[[model]]\nname = "mine"\nfile = "mine.gguf"\nsize = {len(data)}\nlicence = "Apache-2.0"\n'
        f'sha256 = "{hashlib.sha256(data).hexdigest()}"\n'
        '[[model.sources]]\nkind = "hub"\nrepo = "me/sql-tiny"\n'
        'file = "sql-tiny-f16.gguf"\nrevision = "main"\n'
    )
    monkeypatch.setenv("SQLAGENT_REGISTRY", str(registry))
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.delenv("SQLAGENT_OFFLINE")
    assert models.pull("mine", quiet=True).read_bytes() == data


def test_a_base_on_the_hub_can_be_converted(hub: Hub, tmp_path: Path) -> None:
    from hub_stand_in import Repo

    folder = tiny.hf_folder(tmp_path / "hf", "llama")
    repo = hub.repos["Org/Base-1B"] = Repo()
    for path in folder.iterdir():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        hub.blobs[digest], repo.files[path.name] = path.read_bytes(), digest
    repo.large.add("model.safetensors")
    home = {"HF_HOME": str(tmp_path / "hub-home")}
    words = ("gguf", "--model", "Org/Base-1B", "--out", tmp_path / "out.gguf", "--quiet")
    done = convert(hub, *words, token=None, **home)
    assert done.returncode == 0, done.stderr
    from sqlagent.weights.gguf_read import GgufFile

    assert GgufFile(tmp_path / "out.gguf").arch == "llama"
    hub.requests.clear()
    done = convert(hub, *words, "--force", token=None, SQLAGENT_OFFLINE="1", **home)
    assert done.returncode == 0 and hub.requests == []
    done = convert(hub, "gguf", "--model", "Org/Other", "--out", tmp_path / "o.gguf", token=None, **home)
    assert done.returncode == 3 and done.stderr.startswith("error: Org/Other cannot be fetched"), done.stderr


# --- the card


def test_the_card_holds_the_numbers_of_the_evaluation(made: dict[str, Path]) -> None:
    yaml = pytest.importorskip("yaml")
    job = publish.Job(
        "me/sql-tiny", made["adapter"], ggufs=(made["gguf"], made["lora"]), evaluations=(made["evaluation"],)
    )
    text = publish.plan(job)[-1].source
    assert isinstance(text, bytes)
    front, _, rest = text.decode().removeprefix("---\n").partition("\n---\n")
    about = yaml.safe_load(front)
    assert about["license"] == "apache-2.0"
    assert about["base_model"] == "Org/Base-1B"
    assert about["pipeline_tag"] == "text-generation"
    assert {"text-to-sql", "gguf", "lora"} <= set(about["tags"])
    (index,) = about["model-index"]
    metrics = {m["name"]: m["value"] for result in index["results"] for m in result["metrics"]}
    assert metrics["execution accuracy (%), greedy, sql-tiny-f16"] == 62.0
    assert "| val | sql-tiny-f16 | greedy | execution accuracy | 62.0 % | 52.0 – 71.0 | 100 |" in rest
    assert "sqlagent models add ./sql-tiny-f16.gguf" in rest
    assert "| 10, 320, 12345 |" in rest


def test_without_an_evaluation_the_card_claims_nothing(made: dict[str, Path]) -> None:
    text = publish.plan(publish.Job("me/sql-tiny", ggufs=(made["gguf"],)))[-1].source
    assert isinstance(text, bytes)
    assert b"model-index" not in text and b"## Results" not in text and b"accuracy" not in text


def test_an_adapters_card_and_its_picture_are_published_with_what_is_measured(
    hub: Hub, made: dict[str, Path]
) -> None:
    yaml = pytest.importorskip("yaml")
    front = "---\nlicense: mit\ntags: [mine]\n---\n\n"
    text = "# Our adapter\n\nWritten by hand.\n\n![Loss](loss.png)\n\n## Data\n\nSpider.\n\n## Results\n\nnone yet\n"
    (made["adapter"] / "README.md").write_text(front + text)
    (made["adapter"] / "loss.png").write_bytes(b"\x89PNG picture")
    assert convert(hub, *everything(made)).returncode == 0
    assert hub.file("me/sql-tiny", "loss.png") == b"\x89PNG picture"
    there = hub.file("me/sql-tiny", "README.md").decode()
    assert "Written by hand." in there and "## Data\n\nSpider." in there
    assert "none yet" not in there and "| 62.0 % | 52.0 – 71.0 | 100 |" in there
    about = yaml.safe_load(there[4:].partition("\n---")[0])
    assert about["license"] == "mit" and about["base_model"] == "Org/Base-1B"
    assert {"mine", "gguf", "lora"} <= set(about["tags"]) and about["model-index"]
    # What was changed on the hub since stays, too, and nothing is written when nothing changed.
    digest = hashlib.sha256(there.replace("by hand", "on the hub").encode()).hexdigest()
    hub.blobs[digest] = there.replace("by hand", "on the hub").encode()
    hub.repos["me/sql-tiny"].files["README.md"] = digest
    commits = len(hub.repos["me/sql-tiny"].commits)
    assert convert(hub, *everything(made)).returncode == 0
    assert "Written on the hub." in hub.file("me/sql-tiny", "README.md").decode()
    assert len(hub.repos["me/sql-tiny"].commits) == commits
    assert convert(hub, *everything(made), "--new-card").returncode == 0
    assert "Written" not in hub.file("me/sql-tiny", "README.md").decode()


def test_a_card_names_the_base_the_data_and_their_licences(made: dict[str, Path]) -> None:
    yaml = pytest.importorskip("yaml")
    record = json.loads((made["adapter"] / "training.json").read_text())
    record["base"] = {"name": "Org/Base-1B", "hub": "Org/Base-1B", "licence": "apache-2.0"}
    record["published"] = {"spider": {"repo": "premai-io/spider", "licence": "CC BY-SA 4.0"}}
    (made["adapter"] / "training.json").write_text(json.dumps(record))
    text = publish.plan(publish.Job("me/x", made["adapter"], base_model="Org/Base-1B"))[-1].source
    assert isinstance(text, bytes)
    about = yaml.safe_load(text.decode()[4:].partition("\n---")[0])
    assert (about["license"], about["datasets"]) == ("apache-2.0", ["premai-io/spider"])
    assert "spider (premai-io/spider, CC BY-SA 4.0)" in text.decode()


def test_what_cannot_be_published_is_refused(made: dict[str, Path], tmp_path: Path) -> None:
    for job, words in (
        (publish.Job("nobody"), "no repository: give --repo OWNER/NAME"),
        (publish.Job("me/x"), "nothing to publish"),
        (
            publish.Job("me/x", ggufs=(made["gguf"], made["gguf"])),
            "Two files would be called sql-tiny-f16.gguf",
        ),
        (
            publish.Job(
                "me/x", ggufs=(made["gguf"],), evaluations=(made["adapter"] / "adapter_config.json",)
            ),
            "no evaluation",
        ),
    ):
        with pytest.raises(UsageError, match=words):
            publish.plan(job)
    with pytest.raises(ModelError, match="no model file"):
        publish.plan(publish.Job("me/x", ggufs=(tmp_path / "none.gguf",)))


def test_a_token_in_an_error_is_taken_out() -> None:
    assert "hf_" not in publish._clean("Bearer hf_abcdefghijkl failed for hf_abcdefghijkl")
    assert card.LIMITS.startswith("## Limits")
