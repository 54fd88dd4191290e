"""Files that appear whole or not at all, never through a link, and folders that stay within bounds."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sqlagent.base import private_files
from sqlagent.decoding import prefix_cache
from sqlagent.store import registry
from sqlagent.weights import gguf_header

posix = pytest.mark.skipif(os.name == "nt", reason="modes and links are POSIX's")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_failure_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "index.db"
    file.write_bytes(b"old")
    for failure in (KeyboardInterrupt, OSError("full")):
        with pytest.raises((KeyboardInterrupt, OSError)), private_files.draft(file) as draft:
            draft.write_bytes(b"half")
            raise failure
    assert file.read_bytes() == b"old" and names(tmp_path) == ["index.db"]


def test_a_full_disk_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    file = tmp_path / "index.db"
    file.write_bytes(b"old")
    script = (
        "import resource, sys; from pathlib import Path; from sqlagent.base import private_files\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "private_files.write(Path(sys.argv[1]), bytes(5000))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(file)], capture_output=True, text=True)
    assert done.returncode == 1 and "OSError" in done.stderr
    assert file.read_bytes() == b"old" and names(tmp_path) == ["index.db"]


@posix
def test_a_private_file_is_its_owners_alone_and_a_shared_one_as_the_umask_says(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        private_files.write(tmp_path / "kept" / "a", b"x")
        private_files.write(tmp_path / "public" / "a", b"x", mode=private_files.SHARED)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"kept": 0o700, "public": 0o755}
    assert stat.S_IMODE((tmp_path / "kept" / "a").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "public" / "a").stat().st_mode) == 0o644


@posix
def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_bytes(b"mine")
    home = tmp_path / "home"
    home.mkdir()
    for name in ("file", ".file.lock", "file.ok"):
        (home / name).symlink_to(precious)
    private_files.write(home / "file", b"new")
    gguf_header.write_stamp(home / "file", "0" * 64)
    with private_files.locked(home / "file"):
        pass
    assert precious.read_bytes() == b"mine"
    assert (home / "file").read_bytes() == b"new" and not (home / "file").is_symlink()


@posix
@pytest.mark.parametrize("link", ["symbolic", "hard", "dangling"])
def test_a_link_is_not_a_file_of_ours_and_goes(tmp_path: Path, link: str) -> None:
    precious, place = tmp_path / "precious", tmp_path / "x.partial"
    if link == "hard":
        precious.write_bytes(b"mine")
        place.hardlink_to(precious)
    else:
        place.symlink_to(precious)
        if link == "symbolic":
            precious.write_bytes(b"mine")
    assert not private_files.own_file(place)
    assert not os.path.lexists(place)
    assert precious.exists() == (link != "dangling")
    place.write_bytes(b"first bytes")
    assert private_files.own_file(place) and place.read_bytes() == b"first bytes"


@posix
def test_a_folder_in_a_public_place_is_ours_alone_or_refused(tmp_path: Path) -> None:
    private_files.make_own_folder(tmp_path / "a")
    private_files.make_own_folder(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    for name in ("link", "open"):
        with pytest.raises(OSError):
            private_files.make_own_folder(tmp_path / name)


def test_the_least_recently_used_go_first_by_count_and_by_bytes(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.db").write_bytes(bytes(100))
        os.utime(tmp_path / f"{number}.db", (1000 + number, 1000 + number))
    private_files.used(tmp_path / "0.db")
    (tmp_path / "other.txt").write_bytes(bytes(10_000))
    private_files.evict(tmp_path, ".db", files=4, size=10_000)
    assert names(tmp_path) == ["0.db", "3.db", "4.db", "5.db", "other.txt"]
    private_files.evict(tmp_path, ".db", files=4, size=250, keep=tmp_path / "3.db")
    assert names(tmp_path) == ["0.db", "3.db", "other.txt"]


def test_what_a_killed_writer_left_goes_once_it_is_old(tmp_path: Path) -> None:
    young, old = (private_files.draft_name(tmp_path / "a.db") for _ in range(2))
    young.touch()
    old.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    private_files.evict(tmp_path, ".db", files=1, size=1)
    assert names(tmp_path) == [young.name]


def test_two_processes_take_turns(tmp_path: Path) -> None:
    """Eight writers, each of which reads a number and writes the next one, lose none."""
    file = tmp_path / "count"
    script = (
        "import sys; from pathlib import Path; from sqlagent.base import private_files\n"
        "file = Path(sys.argv[1])\n"
        "for _ in range(10):\n"
        "    with private_files.locked(file):\n"
        "        number = int(file.read_text()) if file.exists() else 0\n"
        "        private_files.write(file, str(number + 1).encode(), durable=False)\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", script, str(file)]) for _ in range(8)]
    assert [writer.wait(60) for writer in writers] == [0] * 8
    assert file.read_text() == "80"
    with private_files.locked(file):
        held = "import sys; from pathlib import Path; from sqlagent.base import private_files\n" + (
            "private_files.locked(Path(sys.argv[1]), wait=False).__enter__()"
        )
        done = subprocess.run([sys.executable, "-c", held, str(file)], capture_output=True, text=True)
        assert "BlockingIOError" in done.stderr


def test_no_other_module_writes_files_by_hand() -> None:
    """The package has one place that knows temporary names, renames and modes (the sandbox's copies are not kept)."""
    package = Path(private_files.__file__).parents[1]
    by_hand = ("mkstemp(", "os.replace(", "O_EXCL", "os.fsync(")
    found = [
        f"{path.relative_to(package)}: {word}"
        for path in sorted(package.rglob("*.py"))
        for word in by_hand
        if word in path.read_text(encoding="utf-8") and path != Path(private_files.__file__)
    ]
    assert not found
    assert all(hasattr(module, "private_files") for module in (prefix_cache, registry, gguf_header))
