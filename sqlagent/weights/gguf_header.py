"""What can be known about a model file without handing it to llama.cpp.

A file that was verified once carries a stamp beside it (`<file>.ok`: its sha256, and what the file system says of
the file), so that opening a model costs two `stat` calls, not a pass over a gigabyte. A stamp that no longer fits
its file is worth nothing, and the file is hashed again. The system sets the time of the last change of a file's
bytes or times itself, so that a file which was changed and given its old time back is seen, too; what a disk forgets
by itself is found by `sqlagent models verify`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
from pathlib import Path

from sqlagent.base import private_files
from sqlagent.base.errors import ModelError

_HEADER = struct.Struct("<4sIQQ")  # magic, version, number of tensors, number of metadata pairs
_SMALLEST_TENSOR = 24  # bytes that the shortest possible tensor description takes
_SMALLEST_PAIR = 13


def check_header(path: Path) -> None:
    """Raise ModelError unless `path` is a readable file that starts like a GGUF model."""
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise ModelError(f"{path} is a directory: name a .gguf file in it.")
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
    except FileNotFoundError:
        raise ModelError(f"There is no model file {path}: check the path.") from None
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None
    if not head:
        raise ModelError(f"The model file {path} is empty: fetch it again.")
    if len(head) < _HEADER.size or head[:4] != b"GGUF":
        raise ModelError(f"{path} is not a GGUF model: name a file that llama.cpp can load.")
    _, version, tensors, pairs = _HEADER.unpack(head)
    if version not in (2, 3):
        raise ModelError(
            f"{path} is GGUF version {version}, and only 2 and 3 can be loaded: convert it again."
        )
    if tensors * _SMALLEST_TENSOR + pairs * _SMALLEST_PAIR + _HEADER.size > size:
        raise ModelError(f"The model file {path} is damaged or cut short: fetch it again.")


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes (about 1–3 s for a gigabyte). Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def stamp_path(path: Path) -> Path:
    """Where the stamp of a model file lies."""
    return path.with_name(path.name + ".ok")


def write_stamp(
    path: Path, sha256: str, stamp: Path | None = None, status: os.stat_result | None = None
) -> None:
    """Remember that `path`, as it is now, has this hash; a folder that cannot be written is no error.

    status: what the system said of the file before it was read.
    """
    stamp = stamp or stamp_path(path)
    text = json.dumps({"sha256": sha256, **_state(status or path.stat())})
    with contextlib.suppress(OSError):
        private_files.write(stamp, text.encode(), mode=private_files.SHARED, durable=False)


def stamped_sha256(path: Path, stamp: Path | None = None) -> str | None:
    """The verified hash of `path`, or None when it has no stamp or has changed since. Raises OSError."""
    status = path.stat()
    try:
        known = json.loads((stamp or stamp_path(path)).read_text(encoding="utf-8"))
        sha256 = str(known.pop("sha256"))
        return sha256 if known == _state(status) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _state(status: os.stat_result) -> dict[str, int]:
    return {
        "size": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "ctime_ns": status.st_ctime_ns,
        "inode": status.st_ino,
    }


def has_sha256(path: Path, sha256: str, size: int, *, stamp: Path | None = None) -> bool:
    """Whether `path` holds exactly these bytes; cheap when its stamp fits. A missing file does not."""
    try:
        status = path.stat()
        if status.st_size != size:
            return False
        if stamped_sha256(path, stamp) == sha256:
            return True
        if sha256_of(path) != sha256:
            return False
    except OSError:
        return False
    write_stamp(path, sha256, stamp, status)
    return True


def known_sha256(path: Path, stamps: Path) -> str:
    """The hash of a file of the user's own, computed once: its stamp lies in the folder `stamps`, not beside
    the file. Raises OSError."""
    place = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:24]
    stamp = stamps / f"{place}.ok"
    known = stamped_sha256(path) or stamped_sha256(path, stamp)
    if known is None:
        status = path.stat()
        known = sha256_of(path)
        write_stamp(path, known, stamp, status)
    return known
