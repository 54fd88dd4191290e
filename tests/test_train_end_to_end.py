"""From nothing to a published model by the README's own lines, in an environment that knows only where the hub is."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import convert_tiny as tiny
import published_tiny
import pytest
from hub_stand_in import Hub

NEEDED = ("torch", "transformers", "peft", "accelerate", "datasets", "gguf", "sqlglot", "huggingface_hub")
pytestmark = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None for name in NEEDED
    ),  # found, not imported: processes do the work
    reason="training is not installed: pip install torch==2.13.0 and the train extra",
)

ROOT = Path(__file__).resolve().parent.parent
BASE = "Qwen/Qwen2.5-Coder-1.5B-Instruct"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub with the published sets and a base model, both small."""
    made = Hub()
    published_tiny.publish(made)
    folder = tiny.hf_folder(tmp_path / "base", "qwen2", dtype="F32", max_position_embeddings=4096)
    made.put(BASE, {path.name: path.read_bytes() for path in folder.iterdir()}, license="apache-2.0")
    yield made
    made.close()


def lines_of_the_readme() -> list[list[str]]:
    """The commands of the block after the marker, in words."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- train-end-to-end -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [shlex.split(line, comments=True) for line in block[1].splitlines()]


@pytest.mark.slow
@pytest.mark.timeout(600)  # five processes; 50 s of a processor
def test_the_lines_of_the_readme_fetch_train_evaluate_merge_and_publish(hub: Hub, tmp_path: Path) -> None:
    commands = lines_of_the_readme()
    assert [words[2:4] for words in commands] == [
        ["train", "fetch"],
        ["train", "--model_name"],
        ["train", "evaluate"],
        ["convert", "merge"],
        ["convert", "publish"],
    ]
    place = tmp_path / "work"
    place.mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(place),
        "PYTHONPATH": str(ROOT),
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.token,
        "OMP_NUM_THREADS": "1",
    }
    said = []
    for words in commands:
        assert words[:2] == ["python", "-m"]
        done = subprocess.run(
            [sys.executable, *(word.replace("OWNER/NAME", "me/sql-tiny") for word in words[1:])],
            cwd=place,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, (words, done.stderr[-3000:])
        said.append(done.stdout)

    record = json.loads((place / "out/training.json").read_text())
    assert (record["config"]["batch_size"], record["config"]["lr"]) == (4, 2e-4)
    assert record["config"]["mix"][0]["file"] == "hub:b-mc2/sql-create-context"
    assert record["base"] == {"name": BASE, "hub": BASE, "licence": "apache-2.0"}
    held = (place / "out/validation.jsonl").read_text().splitlines()
    assert held and f"{len(held)} questions" in said[2]
    there = hub.repos["me/sql-tiny"].files
    assert {"adapter_model.safetensors", "model.safetensors", "config.json", "loss.png", "README.md"} <= set(
        there
    )
    assert "local.json" not in there and "validation.jsonl" not in there
    assert json.loads(hub.file("me/sql-tiny", "adapter_config.json"))["base_model_name_or_path"] == BASE
    merged, base = hub.file("me/sql-tiny", "model.safetensors"), hub.file(BASE, "model.safetensors")
    assert len(merged) == len(base) and merged != base
    card = hub.file("me/sql-tiny", "README.md").decode()
    assert f"base_model: {BASE}" in card and "license: apache-2.0" in card
    assert "b-mc2/sql-create-context" in card and "CC BY 4.0" in card
    for name in there:
        assert str(place).encode() not in hub.file("me/sql-tiny", name), name
