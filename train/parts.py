"""Cut files into parts of a size that travels, and put them together again elsewhere; the standard library is enough.

    python parts.py PARTS… --to FOLDER     # on the other machine; parts may come in several goes

A folder of parts holds `manifest.json` (every file's and every part's size and sha256) and a copy of this file.
Invariant: a file appears under its name only when its bytes are those that were cut; a part that is damaged is named
and not taken.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
KEPT = ".parts"
"""Where parts wait below the target until all are there."""
_BLOCK = 1 << 20


class Damaged(Exception):
    """A part or a file whose bytes are not those that were cut."""


def cut(files: Mapping[str, Path], folder: Path, size: int, **about: Any) -> int:
    """Write the parts of files, named by their paths in the target; the number of parts. `size` is in bytes."""
    if size < 1:
        raise ValueError("a part has at least one byte")
    folder.mkdir(parents=True, exist_ok=True)
    names = sorted(files)
    listed = [{"path": n, "size": files[n].stat().st_size, "sha256": sha256(files[n])} for n in names]
    parts: list[dict[str, Any]] = []
    stream = _stream(files[name] for name in names)
    rest = b""
    while True:
        name = f"part-{len(parts):03}.bin"
        digest, left = hashlib.sha256(), size
        with (folder / name).open("wb") as sink:
            while left:
                block = rest or next(stream, b"")
                if not block:
                    break
                rest = block[left:]
                block = block[:left]
                sink.write(block)
                digest.update(block)
                left -= len(block)
        if left == size and parts:
            (folder / name).unlink()
            break
        parts.append({"name": name, "size": size - left, "sha256": digest.hexdigest()})
        if left:
            break
    manifest = {"files": listed, "parts": parts, **about}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    shutil.copyfile(__file__, folder / "parts.py")
    return len(parts)


def _stream(paths: Iterator[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as source:
            while block := source.read(_BLOCK):
                yield block


def sha256(path: Path) -> str:
    """Of a file (hex)."""
    digest = hashlib.sha256()
    for block in _stream(iter([path])):
        digest.update(block)
    return digest.hexdigest()


def join(sources: Sequence[Path], target: Path) -> list[str]:
    """Take the parts that are there; put the files together once all are. The names of the parts still missing.

    Raises Damaged, FileNotFoundError where no manifest is there.
    """
    kept = target / KEPT
    kept.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if (source / MANIFEST).is_file() and not (kept / MANIFEST).is_file():
            shutil.copyfile(source / MANIFEST, kept / MANIFEST)
    manifest = json.loads((kept / MANIFEST).read_text(encoding="utf-8"))
    missing = []
    for part in manifest["parts"]:
        held = kept / part["name"]
        for source in sources:
            found = source / part["name"]
            if not held.is_file() and found.is_file():
                if sha256(found) != part["sha256"]:
                    raise Damaged(f"{found} is damaged: bring it again.")
                draft = kept / f".{part['name']}"
                shutil.copyfile(found, draft)
                draft.rename(held)
        if not held.is_file():
            missing.append(part["name"])
    if missing:
        return missing
    stream, rest = _stream(kept / part["name"] for part in manifest["parts"]), b""
    for file in manifest["files"]:
        path = target / file["path"]
        if target.resolve() not in path.resolve().parents:
            raise Damaged(f"{file['path']} would lie outside of {target}.")
        path.parent.mkdir(parents=True, exist_ok=True)
        draft, left = path.with_name(f".{path.name}.part"), file["size"]
        with draft.open("wb") as sink:
            while left:
                block = rest or next(stream)
                sink.write(block[:left])
                rest = block[left:]
                left -= min(left, len(block))
        if sha256(draft) != file["sha256"]:
            raise Damaged(f"{file['path']} is not what was cut.")
        draft.replace(path)
    shutil.rmtree(kept)
    return []


def main(argv: Sequence[str] | None = None) -> int:
    """The command; exit code 1 while parts are missing, 2 where one is damaged."""
    parser = argparse.ArgumentParser(description="Put the parts of files together.")
    parser.add_argument("parts", type=Path, nargs="+", help="folders with parts; the rest may come later")
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where the files go")
    options = parser.parse_args(argv)
    try:
        missing = join(options.parts, options.to)
    except (Damaged, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if missing:
        more = " …" if len(missing) > 8 else ""
        print(f"{len(missing)} parts are missing yet: {', '.join(missing[:8])}{more}", file=sys.stderr)
        return 1
    print(f"all files are in {options.to}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
