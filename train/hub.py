"""Fetch a data set of the Hugging Face Hub as files: one revision of it, each file held against the hub's own hash.

Invariant: a file that `download` leaves at its place is whole and is the hub's; what broke off goes on where it was.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.store.hub import quiet_hub

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of a repository. `sha256` is known of large files, `blob` (git's SHA-1) of all others."""

    name: str
    size: int
    blob: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a repository holds at one revision, and the licence that its card names ("" where it names none)."""

    repo: str
    revision: str
    licence: str
    files: tuple[Remote, ...]


def listing(repo: str) -> Listing:
    """The files of a data set at the head of its repository. Raises UsageError and ModelError."""
    api = _api()
    try:
        about = api.dataset_info(repo)
        tree = list(api.list_repo_tree(repo, repo_type="dataset", revision=about.sha, recursive=True))
    except failures() as error:
        raise _in_words(error, repo) from None
    files = tuple(
        Remote(entry.path, entry.size, entry.blob_id, entry.lfs.sha256 if entry.lfs else "")
        for entry in tree
        if hasattr(entry, "size")
    )
    return Listing(repo, about.sha, _licence_of(about.card_data), files)


def licence(repo: str) -> str:
    """The licence that a model's card on the hub names, "" for none. Raises UsageError and ModelError."""
    api = _api()
    try:
        card = api.model_info(repo, timeout=10).card_data
    except failures() as error:
        raise _in_words(error, repo) from None
    return _licence_of(card)


def _licence_of(card: Any) -> str:
    """The licence that a card's metadata names, or all of them; "" for none."""
    found = (card or {}).get("license") or ""
    return found if isinstance(found, str) else ", ".join(found)


def download(found: Listing, files: Sequence[Remote], folder: Path) -> dict[str, str]:
    """Bring files below `folder`, under their names there; their sha256 (hex) by name.

    What is there already is not sent again. Raises UsageError and ModelError.
    """
    api = _api()
    try:
        api.snapshot_download(
            found.repo,
            repo_type="dataset",
            revision=found.revision,
            allow_patterns=[_exactly(file.name) for file in files],
            local_dir=folder,
        )
    except failures() as error:
        raise _in_words(error, found.repo) from None
    return {file.name: _checked(file, folder / file.name) for file in files}


def _exactly(name: str) -> str:
    """A glob pattern that matches one name."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _checked(file: Remote, path: Path) -> str:
    """The sha256 of a file that was downloaded. Raises ModelError where it is not the hub's, and takes it away."""
    whole, git = hashlib.sha256(), hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as source:
        while part := source.read(CHUNK):
            whole.update(part)
            if not file.sha256:
                git.update(part)
    if (whole.hexdigest() != file.sha256) if file.sha256 else (git.hexdigest() != file.blob):
        path.unlink()
        raise ModelError(f"{path} is not what the hub has: it was taken away, so run the same command again.")
    return whole.hexdigest()


def _api() -> Any:
    quiet_hub()
    from sqlagent.store import models

    if models.is_offline():
        raise UsageError(
            "Going online is forbidden (SQLAGENT_OFFLINE or HF_HUB_OFFLINE): unset it to fetch data, or name files "
            "of this machine."
        )
    import huggingface_hub

    return huggingface_hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="sqlagent")


def failures() -> tuple[type[BaseException], ...]:
    """What the client raises when the hub says no, is not there, or breaks off.

    Its versions stand on requests, httpx or httpx2, whose errors have nothing in common but this one's bases.
    """
    from huggingface_hub.errors import HfHubHTTPError

    return (*HfHubHTTPError.__bases__, OSError, ValueError)


def _in_words(error: BaseException, repo: str) -> ModelError | UsageError:
    """One sentence about what the hub said; never its headers, which hold the token."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403, 404):
        return UsageError(
            f"The hub has no {repo}, or asks you to sign in for it ({status}): check the name, or run "
            "`hf auth login`."
        )
    if status is not None:
        return ModelError(f"The hub answered {status} for {repo}: run the same command again to go on.")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        raise error  # said by the command
    return ModelError(
        f"{repo} cannot be fetched from the hub ({first_line(error)}): run the same command again to go on, or see "
        "`python -m train fetch --help` for --from."
    )


def first_line(error: BaseException) -> str:
    """The beginning of what an exception says, as part of a sentence."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
