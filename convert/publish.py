"""Uploads an adapter, a merged model and GGUF files to the Hugging Face Hub, with a model card.

Invariants: no token is read, printed or stored here (huggingface_hub finds its own), and no path of this
machine leaves it. Each large file is a commit of its own, so that a second run goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from convert import card
from convert.folder import Folder
from convert.upload_item import Item
from sqlagent.base.errors import ModelError, UsageError
from sqlagent.store.hub import quiet_hub
from sqlagent.weights import adapter as adapters
from sqlagent.weights import provenance
from sqlagent.weights.gguf_read import GgufFile
from train.hub import failures, first_line

ADAPTER_FILES = (adapters.CONFIG, adapters.WEIGHTS, adapters.RECORD)
SMALL = {"model": "Upload the model card and settings", "space": "Upload the page"}
_MERGED = ("*.safetensors", "*.json", "*.jinja", "*.txt", "LICENSE*")


@dataclass(frozen=True, slots=True)
class Job:
    """What the user asked to publish."""

    repo: str
    adapter: Path | None = None
    merged: Path | None = None
    ggufs: tuple[Path, ...] = ()
    evaluations: tuple[Path, ...] = ()
    base_model: str = ""
    licence: str = ""
    private: bool = False
    new_card: bool = False


@dataclass(frozen=True, slots=True)
class SpaceJob:
    """A Space to publish; `out` is the folder that a dry run writes."""

    repo: str
    out: Path
    private: bool = False


def plan(job: Job, card_there: str = "") -> list[Item]:
    """Every file of the repository, the card last. Raises UsageError and ModelError.

    card_there: the repository's card as it is now; it is kept, else the adapter's own, unless the job wants a new one.
    """
    if not provenance.is_hub_id(job.repo):
        raise UsageError(f"{job.repo!r} is no repository: give --repo OWNER/NAME.")
    if not (job.adapter or job.merged or job.ggufs):
        raise UsageError("There is nothing to publish: give --adapter, --merged or --gguf.")
    found = adapters.read(job.adapter) if job.adapter else None
    files = [(path, GgufFile(path)) for path in job.ggufs]
    base = job.base_model or _base_model(found, files)
    items: list[Item] = []
    if found is not None:
        items += [_adapter_item(found, name, base) for name in ADAPTER_FILES if (found.path / name).is_file()]
    if job.merged:
        Folder(job.merged)  # whether it is one
        names = sorted({path for pattern in _MERGED for path in job.merged.glob(pattern)})
        items += [Item(path.name, path) for path in names]
    items += [Item(path.name, path) for path in job.ggufs]
    written = "" if job.new_card else card_there or _own_card(job.adapter)
    shown = card.pictures(written or (_own_card(job.adapter)))
    items += [
        Item(name, job.adapter / name) for name in shown if job.adapter and (job.adapter / name).is_file()
    ]
    seen: set[str] = set()
    for item in items:
        if item.name in seen:
            raise UsageError(
                f"Two files would be called {item.name}: publish them to different repositories."
            )
        seen.add(item.name)
    facts = card.Facts(
        repo=job.repo,
        base_model=base,
        licence=job.licence or _licence(found, files),
        datasets=(found.datasets if found else ()) or _datasets(files),
        ggufs=tuple((path.name, path.stat().st_size, _kind(file)) for path, file in files),
        adapter=found is not None,
        merged=job.merged is not None,
        record=found.record if found else {},
        evaluations=tuple(card.read_evaluation(place) for place in job.evaluations),
    )
    text = card.kept(written, facts) if written else card.render(facts)
    return [*items, Item("README.md", text.encode())]


def _own_card(adapter: Path | None) -> str:
    """The card beside an adapter, "" where there is none."""
    path = adapter / "README.md" if adapter else None
    return path.read_text(encoding="utf-8") if path and path.is_file() else ""


def _licence(found: adapters.Adapter | None, files: Sequence[tuple[Path, GgufFile]]) -> str:
    told = [str(file.get("general.license", "")) for _, file in files]
    told += [str(found.record.get("base", {}).get("licence", ""))] if found else []
    return next(filter(None, told), "")


def publish(job: Job, *, dry_run: bool = False, quiet: bool = False) -> str:
    """Upload what `plan` lists; the repository's address. Raises UsageError and ModelError.

    dry_run: show the plan on stderr and the card on stdout, and contact nobody.
    """
    quiet_hub()
    items = plan(job)
    if not dry_run:
        _refuse_offline()
        items = plan(job, _card_there(job.repo))
    _summary(job.repo, job.private, items, quiet)
    if dry_run:
        for item in items:
            print(f"  {item.size / 1e6:10,.1f} MB  {item.name}", file=sys.stderr)
        sys.stdout.write(items[-1].source.decode() if isinstance(items[-1].source, bytes) else "")
        return ""
    return _upload(job.repo, job.private, items, quiet=quiet)


def _card_there(repo: str) -> str:
    """The card that a repository has now; "" where there is none, or nobody may see it."""
    import huggingface_hub as hub

    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="sqlagent")
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(*failures()):
        return Path(api.hf_hub_download(repo, "README.md", local_dir=folder)).read_text(encoding="utf-8")
    return ""


def publish_space(job: SpaceJob, *, dry_run: bool = False, quiet: bool = False) -> str:
    """Upload the page as a Space; its address. Raises UsageError and ModelError.

    dry_run: write the Space's folder and its path to stdout, and contact nobody.
    """
    from convert import space

    quiet_hub()
    items = space.plan(job.repo)
    _summary(job.repo, job.private, items, quiet)
    if dry_run:
        space.write(items, job.out)
        print(job.out)
        return ""
    _refuse_offline()
    return _upload(job.repo, job.private, items, quiet=quiet, kind="space")


def _summary(repo: str, private: bool, items: Sequence[Item], quiet: bool) -> None:
    total = sum(item.size for item in items)
    _say(
        quiet,
        f"{repo} ({'private' if private else 'public'}): {len(items)} files, {total / 1e6:,.1f} MB",
    )


def _refuse_offline() -> None:
    from sqlagent.store import models

    if models.is_offline():
        raise UsageError(
            "Going online is forbidden (SQLAGENT_OFFLINE or HF_HUB_OFFLINE): unset it to publish."
        )


def _upload(
    repo: str, private: bool, items: Sequence[Item], *, quiet: bool, kind: Literal["model", "space"] = "model"
) -> str:
    import huggingface_hub as hub
    from huggingface_hub import utils

    utils.logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # its warnings show signed addresses
    if quiet:
        utils.disable_progress_bars()  # type: ignore[attr-defined]
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None, library_name="sqlagent")
    files = [item for item in items if isinstance(item.source, Path)]
    large = [item for item in files if _is_large(item, kind)]
    small = [item for item in items if item not in large]
    # The client wraps in RuntimeError what broke while it sent.
    broken: tuple[type[BaseException], ...] = (*failures(), RuntimeError)
    failed: ModelError | UsageError | None = None
    url = ""
    try:
        url = str(
            api.create_repo(
                repo,
                private=private or None,
                exist_ok=True,
                repo_type=kind,
                space_sdk="gradio" if kind == "space" else None,
            )
        )
        if private:
            api.update_repo_settings(repo, private=True, repo_type=kind)
        for item in large:
            _say(quiet, f"{item.name} ({item.size / 1e6:,.1f} MB)")
            _commit(hub, api, repo, [item], f"Upload {item.name}", kind)
        _commit(hub, api, repo, small, SMALL[kind], kind)
    except broken as error:
        failed = _in_words(error, repo)
    if failed is not None:
        gc.collect()  # takes down the client's progress bars, which the exception held
        raise failed
    _say(quiet, f"published: {url}")
    return url


def _is_large(item: Item, kind: str) -> bool:
    """Whether a file is a commit of its own: weights are, and all but settings of a model."""
    suffix = Path(item.name).suffix
    return suffix in (".safetensors", ".gguf") or (kind == "model" and suffix != ".json")


def _commit(hub: Any, api: Any, repo: str, items: Sequence[Item], message: str, kind: str) -> None:
    operations = [
        hub.CommitOperationAdd(
            path_in_repo=item.name,
            path_or_fileobj=item.source if isinstance(item.source, bytes) else str(item.source),
        )
        for item in items
    ]
    api.create_commit(repo, operations, commit_message=message, repo_type=kind)


def _in_words(error: BaseException, repo: str) -> ModelError | UsageError:
    """One sentence about what the hub said; never its headers, which hold the token."""
    status: int | None = None
    cause: BaseException | None = error
    while status is None and cause is not None:  # the client wraps what the server said
        status = getattr(getattr(cause, "response", None), "status_code", None)
        cause = cause.__cause__
    if status in (401, 403):
        return UsageError(
            f"The hub refuses {repo} ({status}): sign in with `hf auth login`, with a token that may write."
        )
    if status == 404:
        return UsageError(f"The hub knows no {repo}, or you may not write there: check --repo.")
    if status is not None:
        return ModelError(f"The hub answered {status} for {repo}: run the same command again to go on.")
    if type(error).__name__ == "LocalTokenNotFoundError":
        return UsageError("You are not signed in to the hub: run `hf auth login` first.")
    return ModelError(
        f"The upload to {repo} broke ({_clean(first_line(error))}): run the same command again to go on."
    )


def _clean(text: str) -> str:
    """Take a token out of a text, should one be in it."""
    return re.sub(r"hf_[A-Za-z0-9]{8,}|Bearer\s+\S+", "…", text)


def _adapter_item(found: adapters.Adapter, name: str, base: str) -> Item:
    """An adapter's file; a base that is a path of this machine becomes the base's name."""
    path = found.path / name
    if name != adapters.CONFIG:
        return Item(name, path)
    config = dict(found.config)
    told = str(config.get("base_model_name_or_path") or "")
    if base or not provenance.is_hub_id(told):
        config["base_model_name_or_path"] = base or Path(told).name
    return Item(name, (json.dumps(config, indent=2, sort_keys=True) + "\n").encode())


def _base_model(found: adapters.Adapter | None, files: Sequence[tuple[Path, GgufFile]]) -> str:
    """The base's hub id, from what the files say about themselves; "" when they do not."""
    prefix = "https://huggingface.co/"
    for _, file in files:
        if (url := str(file.get("general.base_model.0.repo_url", ""))).startswith(prefix):
            return url.removeprefix(prefix)
    told = str(found.config.get("base_model_name_or_path") or "") if found else ""
    return told if provenance.is_hub_id(told) and not Path(told).exists() else ""


def _datasets(files: Sequence[tuple[Path, GgufFile]]) -> tuple[str, ...]:
    for _, file in files:
        if names := file.get("general.datasets"):
            return tuple(name.decode("utf-8", "replace") for name in names)
    return ()


def _kind(file: GgufFile) -> str:
    from sqlagent.weights.quantize import TYPES

    if file.get("general.type") == "adapter":
        return "LoRA"
    number = file.get("general.file_type")
    return next((name for name, value in TYPES.items() if value == number), "GGUF")


def _say(quiet: bool, text: str) -> None:
    if not quiet:
        print(text, file=sys.stderr)
