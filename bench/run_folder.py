"""The folder of a run: what was run, and a line for each question.

Invariant: a line in `predictions.jsonl` is complete or it is the last one, so a killed run loses one question at most.
"""

from __future__ import annotations

import argparse
import json
import platform
import sqlite3
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from bench.predict import Decode
from sqlagent.base.errors import UsageError
from sqlagent.weights.gguf_header import sha256_of

if TYPE_CHECKING:
    from sqlagent.store.adapters import Files

PREDICTIONS = "predictions.jsonl"
RUN = "run.json"
SAME = (
    "data_sha256",
    "model",
    "model_sha256",
    "adapter_sha256",
    "decode",
    "style",
    "seed",
    "max_tokens",
    "n_ctx",
)
"""What must not change between a run and its continuation."""
RENAMED = {"worst": "min_token_logprob", "told": "question_logprob"}
"""Figures of a statement that have other names in older runs."""


def start(
    out: Path, settings: Mapping[str, Any], *, resume: bool, rescore: bool
) -> dict[str, dict[str, Any]]:
    """Make the folder ready; returns the records that are already there. Raises UsageError."""
    path = out / PREDICTIONS
    if path.exists() and not (resume or rescore):
        raise UsageError(
            f"{out} holds a run already: go on with --resume, or name another folder with --out."
        )
    if rescore and not path.exists():
        raise UsageError(f"{out} holds no predictions to score again.")
    out.mkdir(parents=True, exist_ok=True)
    if rescore:
        return read_records(path)
    if (out / RUN).exists() and path.exists():
        before = json.loads((out / RUN).read_text(encoding="utf-8"))
        changed = [name for name in SAME if before.get(name) != settings.get(name)]
        if changed:
            what = ", ".join(f"{name} was {before.get(name)!r}" for name in changed)
            raise UsageError(f"{out} holds another run ({what}): name another folder with --out.")
    (out / RUN).write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    return read_records(path, repair=True) if path.exists() else {}


def read_records(path: Path, *, repair: bool = False) -> dict[str, dict[str, Any]]:
    """The records of a run by question id. A torn last line is left out, and cut off when `repair` is set."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if repair and whole != data:
        with path.open("r+b") as file:
            file.truncate(len(whole))
    records: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(whole.splitlines(), start=1):
        try:
            record = renamed(json.loads(line))
            records[record["id"]] = record
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{path} line {number} is no record of a run: {error}.") from error
    return records


def renamed(record: dict[str, Any]) -> dict[str, Any]:
    """A record with its figures under today's names; runs that were made before some were renamed have the old ones."""
    figures = [*record.get("candidates", ()), record.get("evidence") or {}]
    for found in figures:
        for old, new in RENAMED.items():
            if old in found:
                found[new] = found.pop(old)
    return record


def write(sink: TextIO, record: Mapping[str, Any]) -> None:
    """Add a record, so that it is there should the run be killed now."""
    sink.write(json.dumps(record, ensure_ascii=False) + "\n")
    sink.flush()


def settings_of(
    options: argparse.Namespace, decode: Decode, path: Path, files: Files | None, model: Any
) -> dict[str, Any]:
    """What a run is of; `model` stands for the files where a test brings one."""
    name = files.name if files is not None else getattr(model, "name", "none")
    return {
        "title": f"{name}, {decode.text}, {path.stem}",
        "data": path.name,
        "data_sha256": sha256_of(path),
        "split": options.split,
        "limit": options.limit,
        "seed": options.seed,
        "model": name,
        "model_sha256": sha256_of(files.model) if files is not None else None,
        "adapter_sha256": sha256_of(files.adapter) if files is not None and files.adapter else None,
        "decode": decode.text
        + ("" if decode.lowering else ", no lowering")
        + ("" if decode.examples else ", no examples"),
        "style": decode.style,
        "max_tokens": decode.max_tokens,
        "timeout": decode.timeout,
        "n_ctx": options.n_ctx,
        "threads": options.threads,
        "drafts": options.drafts,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "llama_cpp_python": _version("llama-cpp-python"),
        "sqlglot": _version("sqlglot"),
        "revision": _revision(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def slug(settings: Mapping[str, Any]) -> str:
    """A folder's name for a run."""
    limit = f"-n{settings['limit']}-s{settings['seed']}" if settings["limit"] else ""
    name = f"{Path(settings['data']).stem}-{settings['model']}-{settings['decode']}{limit}"
    return "".join(character if character.isalnum() or character in "-_.@" else "-" for character in name)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _revision() -> str | None:
    """The checkout's commit, with "+" when it has changes; None outside a checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
