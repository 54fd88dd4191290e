"""What is written beside an adapter: the resolved configuration, data hashes, versions, and a model card."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base import private_files
from sqlagent.weights.gguf_header import sha256_of
from train import origin, published
from train.config import Config, to_dict

if TYPE_CHECKING:
    from train.checkpoint import Summary
    from train.prepared import Prepared

HERE = "local.json"
"""Beside an adapter: where its base and its data lie on this machine. It is not published."""
HELD_OUT = "validation.jsonl"
"""Beside an adapter: the rows that were kept from training, where the data set has no validation rows of its own."""
PACKAGES = (
    "torch",
    "transformers",
    "peft",
    "trl",
    "bitsandbytes",
    "accelerate",
    "datasets",
    "tokenizers",
    "safetensors",
    "sqlglot",
    "llama-cpp-python",
    "gguf",
    "numpy",
)


def versions() -> dict[str, str]:
    """Versions of what shapes a run; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_revision() -> str:
    """The checkout's commit, with + when files differ from it; "" outside a checkout."""

    def git(*words: str) -> str:
        root = Path(__file__).resolve().parent.parent
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, timeout=20, check=True
        )
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + (
            "+" if git("status", "--porcelain", "--untracked-files=no") else ""
        )
    except (OSError, subprocess.SubprocessError):
        return ""


def hardware() -> str:
    """The machine in a few words."""
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} × {torch.cuda.get_device_name()}"
    return f"CPU, {torch.get_num_threads()} threads"


def public(config: Config) -> dict[str, Any]:
    """The configuration for others to read: where things lay on this machine is no part of the result."""
    shown = to_dict(config)
    for key in ("output_dir", "dataset", "data", "built", "prepared", "init_adapter", "model_name", "resume"):
        shown[key] = Path(shown[key]).name if shown[key].startswith(("/", ".", "~")) else shown[key]
    for mix in shown["mix"]:
        mix["file"] = Path(mix["file"]).name if Path(mix["file"]).is_absolute() else mix["file"]
    return shown


def start(config: Config, data: Prepared, output: Path) -> None:
    """Write `training.json` before the first step, so that a killed run has one too."""
    shown = public(config)
    about = dict(data.about)
    if rows := about.pop("held_out", None):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        private_files.write(output / HELD_OUT, lines.encode(), mode=private_files.SHARED)
    record: dict[str, Any] = {
        "config": shown,
        "data": {"digest": data.digest, "rows": len(data), **about},
        "versions": versions(),
        "git": git_revision(),
        "hardware": hardware(),
    }
    source = Path(config.model_name)
    if source.is_file():
        record["base_sha256"] = sha256_of(source)
    came = origin.of(config.model_name)
    record["base"] = {"name": came.called(config.model_name), "hub": came.hub, "licence": came.licence}
    record["published"] = {mix.name: about for mix in config.mix if (about := _published(mix.file))}
    _write(output / "training.json", record)
    here = {
        "model_name": str(source.absolute()) if source.exists() else config.model_name,
        "data": str(Path(config.data).absolute()) if config.data else "",
    }
    _write(output / HERE, here)


def _published(file: str) -> dict[str, str]:
    """The repository and the licence of what a source is; empty for data that was made here."""
    if found := published.of(file):
        return {"repo": found.repo, "licence": found.licence}
    return {"repo": file.removeprefix("hub:"), "licence": ""} if file.startswith("hub:") else {}


def finish(summary: Summary, output: Path) -> None:
    """Add how the run ended to `training.json` and write the card."""
    path = output / "training.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    done = summary.progress
    record["result"] = {
        "stopped": summary.stopped,
        "steps": done.step,
        "hours": round(done.seconds / 3600, 4),
        "tokens": done.tokens,
        "questions": done.questions,
        "target_tokens": done.targets,
        "best_step": done.best_step,
        "best_exact": done.best_exact,
        "last": done.history,
    }
    record["files"] = {
        name: sha256_of(output / name) for name in ("adapter_model.safetensors", "adapter_config.json")
    }
    _write(path, record)
    (output / "README.md").write_text(card(record), encoding="utf-8")


def card(record: dict[str, Any]) -> str:
    """A model card from `training.json`: the base by its hub id, the data by their repositories and licences."""
    config, result, data = record["config"], record["result"], record["data"]
    base, known = record.get("base", {}), record.get("published", {})
    name = base.get("name") or config["model_name"]
    rows = "\n".join(
        f"| {source} | {one['kept']} | {sum(one['dropped'].values())} | {_source(known.get(source))} |"
        for source, one in data.get("counts", {}).items()
    )
    exact = "not measured" if result["best_exact"] is None else f"{100 * result['best_exact']:.1f} %"
    repos = dict.fromkeys(one["repo"] for one in known.values())
    head = ["library_name: peft"]
    head += [f"base_model: {base['hub']}", "base_model_relation: adapter"] if base.get("hub") else []
    head += [f"license: {base['licence']}"] if base.get("licence") else []
    head += ["datasets:", *(f"- {repo}" for repo in repos)] if repos else []
    head += ["language: en", "pipeline_tag: text-generation", "tags: [text-to-sql, sqlite, lora]"]
    front = "\n".join(head)
    linked = f"[{name}](https://huggingface.co/{name})" if base.get("hub") else name
    licence = f", {base['licence']}" if base.get("licence") else ""
    return f"""---
{front}
---

# A text-to-SQL adapter for {name}

A LoRA adapter (rank {config["lora_r"]}, alpha {config["lora_alpha"]}) that turns a question and the schema of
a SQLite database into one SELECT statement. Made with `python -m train`; `training.json` beside this file has
the whole configuration, the hashes of the data, the versions and the git revision.

| | |
|---|---|
| base | {linked}{licence}{" (NF4)" if config["quantization"] == "nf4" else ""} |
| steps, questions | {result["steps"]}, {result["questions"]} |
| tokens | {result["tokens"]}, {result["target_tokens"]} of them learnt |
| hours, hardware | {result["hours"]:.2f} on {record["hardware"]} |
| best step | {result["best_step"]} |
| exact match on the validation slice, greedy, unquantised | {exact} |

![Loss](loss.png)

## Data

| source | rows | dropped | from, licence |
|---|---:|---:|---|
{rows}

Validation databases and near-copies of validation questions were left out.

## Limits

It writes SQL for SQLite in one fixed form and reads English questions. It can be wrong in ways that look
right: check a statement before you rely on its rows.
"""


def _source(about: dict[str, str] | None) -> str:
    if not about:
        return ""
    licence = about["licence"] or "see its page"
    return f"[{about['repo']}](https://huggingface.co/datasets/{about['repo']}), {licence}"


def _write(path: Path, record: dict[str, Any]) -> None:
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    private_files.write(path, text.encode(), mode=private_files.SHARED)
