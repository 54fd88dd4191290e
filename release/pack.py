"""Put a folder that PyInstaller made behind the launcher: one file, in the format that launcher.c tells.

    python release/pack.py FOLDER LAUNCHER OUT

A file that several names lead to (a library and its version) is stored under each, so that nothing depends on links.
"""

from __future__ import annotations

import hashlib
import re
import struct
import sys
import zlib
from pathlib import Path


def pack(folder: Path, launcher: Path, out: Path) -> None:
    """Write `out`: what lies in `folder` behind `launcher`."""
    index, packed, digest = b"", [], hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content, name = path.read_bytes(), path.relative_to(folder).as_posix().encode()
        packed.append(zlib.compress(content, 6))
        head = (
            struct.pack("<IQQH", path.stat().st_mode & 0o777, len(content), len(packed[-1]), len(name)) + name
        )
        index += head
        digest.update(head + content)
    front = launcher.read_bytes()
    trailer = struct.pack("<QQ16s8s", len(front), len(index), digest.hexdigest()[:16].encode(), b"SQLAGENT")
    with out.open("wb") as file:
        file.writelines([front, index, *packed, trailer])
    out.chmod(0o755)


def glibc(folder: Path) -> tuple[str, str]:
    """The oldest glibc that everything in a folder runs with, and the file that asks for it."""
    needs = [
        (tuple(map(int, version.split(b"."))), path.name)
        for path in folder.rglob("*")
        if path.is_file() and (content := path.read_bytes()).startswith(b"\x7fELF")
        for version in set(re.findall(rb"\0GLIBC_(2\.\d+)\0", content))
    ]
    version, name = max(needs, default=((0,), "nothing"))
    return ".".join(map(str, version)), name


if __name__ == "__main__":
    source, program, written = map(Path, sys.argv[1:])
    pack(source, program, written)
    oldest, asks = glibc(source)
    print(f"{written}: {written.stat().st_size / 1e6:.0f} MB; needs glibc {oldest} or later ({asks})")
