"""What a user calls a model becomes a path, and folders appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.paths import expanded
from sqlagent.base.private_files import draft_name
from sqlagent.store.hub import quiet_hub
from train.hub import failures, first_line

HUB_FILES = ["*.json", "*.safetensors", "*.jinja", "*.txt", "README.md", "LICENSE*"]
"""What is fetched of a base model on the hub; never pickles or code."""


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A draft folder that becomes `path`. Raises UsageError when `path` holds something, ModelError."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is not empty: name a new folder with --out.")
    draft = draft_name(path)
    try:
        draft.mkdir(parents=True)
        yield draft
        if path.exists():
            path.rmdir()
        draft.replace(path)
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({error.strerror or error}).") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def resolve(name: str, *, offline: bool = False) -> Path:
    """The GGUF file or Hugging Face folder that `name` means: a path, a registry name, or a hub id.

    Raises ModelError and UsageError.
    """
    path = expanded(name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"{path} has no config.json: name a folder with a Hugging Face model, or a .gguf file."
            )
        return path
    if path.is_file():
        return path
    if name.lower().endswith(".gguf"):
        raise ModelError(f"There is no model file {name}: check the path.")
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _from_hub(name, offline=offline)
    from sqlagent.store import models

    return models.ensure(name, offline=offline)


def _from_hub(repo: str, *, offline: bool) -> Path:
    from sqlagent.store import models

    quiet_hub()
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    forbidden = offline or models.is_offline()
    try:
        place = snapshot_download(
            repo,
            allow_patterns=HUB_FILES,
            local_files_only=forbidden,
            endpoint=os.environ.get("HF_ENDPOINT") or None,
        )
    except LocalEntryNotFoundError:
        why = "going online is forbidden" if forbidden else "the hub cannot be reached"
        raise ModelError(
            f"{repo} is not on this machine and {why}: fetch it first, or name a local model."
        ) from None
    except failures() as error:
        raise ModelError(f"{repo} cannot be fetched from the hub: {first_line(error)}") from None
    return resolve(place)
