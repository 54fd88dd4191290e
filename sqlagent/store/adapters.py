"""A trained adapter made ready to run: a GGUF LoRA beside which its base is loaded, or one merged GGUF.

What is made lies in the cache under a name that holds a hash of everything it was made from, so it is made once,
wherever the package is installed, and made again when the adapter, the base or the way of applying it changes; of what
bears one name the last used are kept. Nothing here needs torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.progress import Progress
from sqlagent.weights import gguf_header

if TYPE_CHECKING:
    from sqlagent.store.registry import Entry
    from sqlagent.weights.gguf_read import GgufFile

CONFIG, WEIGHTS, RECORD = "adapter_config.json", "adapter_model.safetensors", "training.json"
IMATRIX = "imatrix.gguf"
"""An importance matrix in an adapter's folder; a merge quantises with it."""
WAYS = ("load", "merge")
FASTEST = "fastest"
"""Whichever of both runs faster here: see fastest.py, which makes it one of them."""
_VERSION = "1"
"""Changes when the same input is to become another output."""
_SPARE_BYTES = 64 << 20
_KEPT = {"load": 2, "merge": 1}
"""Files of one name that are kept: two installations may hold two versions of an adapter, a merge takes gigabytes."""


@dataclass(frozen=True, slots=True)
class Files:
    """What llama.cpp is to load: a GGUF, and a GGUF LoRA to apply to it where there is one."""

    model: Path
    adapter: Path | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """An adapter and how it is to be applied. `label` names what is made of it; `folder` is the cache's.

    variant: tells the files of two plans with one label apart, where both are kept.
    """

    adapter: Path
    folder: Path
    apply: str = "load"
    quantize: str = ""
    label: str = ""
    variant: str = ""

    def files(self, base: Path, made: Path) -> Files:
        """What is to be loaded, once `made` is there."""
        name = self.label or f"{base.stem}+{_called(self.adapter)}"
        return Files(made, None, name) if self.apply == "merge" else Files(base, made, name)

    def target(self, base: Path, base_sha256: str) -> Path:
        """The file that this plan makes for a base, whether it is there or not. Raises ModelError."""
        parts = [_VERSION, base_sha256, identity(self.adapter, self.folder), self.apply]
        parts += [self.quantize] if self.apply == "merge" else []
        content = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
        return self.folder / f"{self.stem}-{content}.gguf"

    def stale(self, keep: Path) -> list[Path]:
        """What was made under this name and is not to be kept beside `keep`, and what a killed process left."""
        found = _made_as(self.stem, self.folder)
        others = [p for p in found if p.suffix == ".gguf" and not p.name.startswith(".") and p != keep]
        last = sorted((p for p in others if _used(p)), key=_used, reverse=True)[: _KEPT[self.apply] - 1]
        names = tuple(path.name for path in (keep, *last))
        return [path for path in found if not path.name.lstrip(".").startswith(names)]

    @property
    def stem(self) -> str:
        """What the names of its files begin with."""
        name = self.label or re.sub(r"[^A-Za-z0-9._-]+", "-", _called(self.adapter)).strip("-.") or "adapter"
        return f"{name}-{self.variant}" if self.variant else name


def check(adapter: Path) -> None:
    """Raise ModelError unless `adapter` looks like a peft folder or a GGUF."""
    if adapter.is_dir():
        for name in (CONFIG, WEIGHTS):
            if not (adapter / name).is_file():
                raise ModelError(f"{adapter} is not an adapter: it has no {name}.")
    else:
        if not adapter.exists():
            raise ModelError(f"There is no adapter {adapter}: check the path.")
        gguf_header.check_header(adapter)


def identity(adapter: Path, stamps: Path | None) -> str:
    """A hash of everything in an adapter that decides what it does; without `stamps` all of it is read.

    Raises ModelError.
    """
    check(adapter)

    def sha256(path: Path) -> str:
        return gguf_header.sha256_of(path) if stamps is None else gguf_header.known_sha256(path, stamps)

    try:
        if adapter.is_file():
            return sha256(adapter)
        digest = hashlib.sha256(sha256(adapter / WEIGHTS).encode())
        for name in (CONFIG, RECORD):
            if (adapter / name).is_file():
                digest.update(b"\0" + (adapter / name).read_bytes())
        if (adapter / IMATRIX).is_file():
            digest.update(sha256(adapter / IMATRIX).encode())
    except OSError as error:
        raise ModelError(f"The adapter {adapter} cannot be read ({error.strerror}).") from None
    return digest.hexdigest()


def base_sha256(base: Path, stamps: Path) -> str:
    """The hash of a base; a second or two per gigabyte the first time. Raises ModelError."""
    try:
        return gguf_header.known_sha256(base, stamps)
    except OSError as error:
        raise ModelError(f"The model file {base} cannot be read ({error.strerror}).") from None


def made(plan: Plan, base: Path, sha256: str) -> Files | None:
    """What is to be loaded, if nothing has to be made first. Raises ModelError."""
    if plan.apply == "load" and plan.adapter.is_file():
        return plan.files(base, plan.adapter)
    target = plan.target(base, sha256)
    with contextlib.suppress(OSError):
        if gguf_header.stamped_sha256(target):
            with contextlib.suppress(OSError):
                os.utime(gguf_header.stamp_path(target))
            return plan.files(base, target)
    return None


def prepare(plan: Plan, base: Path, sha256: str, progress: Progress) -> Files:
    """Make what is to be loaded, unless it is there. `sha256` is the base's.

    Raises ModelError (the adapter does not fit the base, no space) and UsageError.
    """
    if plan.apply not in WAYS:
        raise UsageError(f"There is no way {plan.apply!r} of applying an adapter: choose load or merge.")
    check(plan.adapter)
    if plan.apply == "load" and plan.adapter.is_file():
        from sqlagent.weights import fit

        fit.check_lora(plan.adapter, base, sha256)
        return plan.files(base, plan.adapter)
    if found := made(plan, base, sha256):
        return found
    from sqlagent.store import pull

    target = plan.target(base, sha256)
    try:
        plan.folder.mkdir(parents=True, exist_ok=True)
        with pull.locked(target, progress):
            if not made(plan, base, sha256):
                for path in plan.stale(target):
                    path.unlink(missing_ok=True)
                (_merge if plan.apply == "merge" else _convert)(plan, base, sha256, target, progress)
                gguf_header.write_stamp(target, gguf_header.sha256_of(target))
    except OSError as error:
        raise ModelError(
            f"The adapter cannot be made ready in {plan.folder} ({error.strerror or error}): make room there "
            "or set SQLAGENT_HOME to another folder."
        ) from None
    return plan.files(base, target)


def plan_of(entry: Entry, folder: Path) -> Plan | None:
    """How the adapter of a model is to be applied; None for a model without one."""
    if entry.adapter_path is None:
        return None
    return Plan(entry.adapter_path, folder, entry.apply, entry.quantize, entry.name)


def check_unchanged(entry: Entry, plan: Plan) -> None:
    """Raise ModelError when an adapter of the user's own is no longer what was added."""
    if entry.adapter_sha256 and identity(plan.adapter, plan.folder) != entry.adapter_sha256:
        raise ModelError(
            f"The adapter {plan.adapter} has changed since {entry.name} was added: add it again to accept it."
        )


def size_of(entry: Entry) -> int:
    """The bytes of a model's adapter; 0 where there is none."""
    if entry.lora is not None or entry.adapter is None:
        return entry.lora.size if entry.lora else 0
    weights = entry.adapter / WEIGHTS if entry.adapter.is_dir() else entry.adapter
    return weights.stat().st_size if weights.exists() else 0


def made_for(label: str, folder: Path) -> list[Path]:
    """The finished files in a folder that were made under a label."""
    return [path for path in _made_as(label, folder) if path.suffix == ".gguf" and _used(path)]


def forget(label: str, folder: Path) -> int:
    """Delete everything that was made under a label; returns the bytes freed. Raises ModelError."""
    freed = 0
    for path in _made_as(label, folder):
        try:
            size = path.stat().st_size
            path.unlink()
        except OSError as error:
            raise ModelError(
                f"{path} cannot be removed ({error.strerror}): close what has it open."
            ) from None
        freed += size
    return freed


def _convert(plan: Plan, base: Path, sha256: str, target: Path, progress: Progress) -> None:
    from sqlagent.weights import lora

    progress.note(f"Making the adapter {plan.adapter.name} ready; this is done once.")
    # A fraction of a second: too short for a bar.
    lora.convert(base, plan.adapter, target, base_sha256=sha256, progress=Progress(quiet=True))


def _merge(plan: Plan, base: Path, sha256: str, target: Path, progress: Progress) -> None:
    from sqlagent.weights import merge, merge_quantized, quantize
    from sqlagent.weights.gguf_read import GgufFile

    opened = GgufFile(base)
    kind = quantize.parse_type(plan.quantize) if plan.quantize else quantize.type_for_merging(opened)
    direct = kind in merge_quantized.TYPES
    _check_space(opened, base, plan.folder, halves=not direct)
    progress.note(f"Merging the adapter {plan.adapter.name} into {base.name} ({kind}); this is done once.")
    quantize.warn_of_rounding(opened, kind, progress)
    matrix = plan.adapter / IMATRIX
    importance = matrix if matrix.is_file() else None
    if direct:
        merge_quantized.into_gguf(
            base, plan.adapter, target, kind, importance=importance, base_sha256=sha256, progress=progress
        )
        return
    if kind in ("F16", "BF16", "F32"):
        merge.into_gguf(base, plan.adapter, target, kind=kind.lower(), base_sha256=sha256, progress=progress)
        return
    whole = target.with_name(f".{target.name}.f16")
    try:
        merge.into_gguf(base, plan.adapter, whole, base_sha256=sha256, progress=progress)
        quantize.quantize(whole, target, kind, imatrix=importance, progress=progress)
    finally:
        whole.unlink(missing_ok=True)


def _check_space(opened: GgufFile, base: Path, folder: Path, *, halves: bool) -> None:
    """Raise ModelError when the result, and a float16 copy where one is made on the way, do not fit the disk."""
    copy = 2 * sum(int(tensor.items) for tensor in opened.tensors.values()) if halves else 0
    need = copy + base.stat().st_size * 3 // 2 + _SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if free < need:
        raise ModelError(
            f"Merging needs {need / 1e6:,.0f} MB free in {folder}, which has {free / 1e6:,.0f} MB: make room "
            "or set SQLAGENT_HOME to a folder on a larger disk."
        )


def _called(adapter: Path) -> str:
    """A folder's name, or a file's without .gguf: "run.1" and "run.2" are two."""
    return adapter.resolve().name.removesuffix(".gguf")


def _made_as(stem: str, folder: Path) -> list[Path]:
    """Everything in a folder that was made under a name, temporary files and stamps too."""
    # Earlier versions put a hash of the adapter's place before that of its content.
    pattern = re.compile(rf"\.?{re.escape(stem)}-(?:[0-9a-f]{{8}}-)?[0-9a-f]{{16}}\.gguf.*")
    return [path for path in _children(folder) if pattern.fullmatch(path.name)]


def _used(target: Path) -> float:
    """When a made file was used last, in seconds; 0 for one that was never finished."""
    try:
        return gguf_header.stamp_path(target).stat().st_mtime
    except OSError:
        return 0.0


def _children(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
