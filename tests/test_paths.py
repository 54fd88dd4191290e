"""Where files are kept, and what is said on a machine without a home folder."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sqlagent.base import paths
from sqlagent.base.errors import CANNOT_OPEN, OK, USAGE, UsageError
from sqlagent.ui import demo_database

posix = pytest.mark.skipif(os.name == "nt", reason="the password file is POSIX's")

HOMELESS = """
import os, pwd, sys
def nobody(*_):
    raise KeyError("no entry in the password file")
pwd.getpwuid = nobody
os.environ.pop("HOME", None)
from sqlagent.ui.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""A container that runs as a number without an account."""


def homeless(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    cleared = ("HOME", "SQLAGENT_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SQLAGENT_DEBUG")
    kept = {name: value for name, value in os.environ.items() if name not in cleared}
    (folder / "tmp").mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", HOMELESS, *words],
        cwd=folder,
        env={**kept, "TMPDIR": str(folder / "tmp"), "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=120,
    )


@posix
def test_without_a_home_what_has_to_be_kept_asks_for_sqlagent_home(tmp_path: Path) -> None:
    for words in (["models", "pull", "tiny"], ["models", "list"], ["demo"]):
        done = homeless(tmp_path, *words)
        assert done.returncode == USAGE, done.stderr
        assert "set SQLAGENT_HOME" in done.stderr and "Something went wrong" not in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "~").exists(), "no folder called ~"


@posix
def test_without_a_home_the_rest_goes_on(tmp_path: Path) -> None:
    database = tmp_path / "a.sqlite"
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE t (a)")
    done = homeless(tmp_path, "repl", str(database))
    assert done.returncode == OK, done.stderr
    assert homeless(tmp_path, "ask", str(database), "how many?", "-m", "none.gguf").returncode == CANNOT_OPEN
    private = [path for path in (tmp_path / "tmp").iterdir() if path.name.startswith("sqlagent-")]
    assert all(path.stat().st_mode & 0o077 == 0 for path in private)


@posix
def test_somebody_elses_home_that_nobody_knows_is_a_file_that_is_not_found(tmp_path: Path) -> None:
    for words in (["ask", "~nobody-at-all/a.sqlite", "how many?"], ["repl", "~/a.sqlite"]):
        done = homeless(tmp_path, *words)
        assert done.returncode == CANNOT_OPEN, done.stderr
        assert "does not exist" in done.stderr


def test_a_home_that_nobody_knows_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", "~nobody-at-all/x")
    with pytest.raises(UsageError, match="no such home folder"):
        paths.home()


def test_one_variable_moves_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))
    assert paths.home() == paths.cache_dir() == paths.config_dir() == tmp_path
    assert (paths.models_dir(), paths.adapters_dir()) == (tmp_path / "models", tmp_path / "adapters")


@posix
def test_a_prepared_folder_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/tmp/sqlagent-1000 can be made by anybody before we come."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    prepared = tmp_path / f"sqlagent-{os.getuid()}"
    prepared.mkdir()
    prepared.chmod(0o777)
    (tmp_path / "file").write_bytes(b"")
    made = demo_database.ensure(tmp_path / "file" / "cannot")
    assert made.is_file() and made.parent != prepared and list(prepared.iterdir()) == []
