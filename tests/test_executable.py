"""The one-file program: alone on a machine, it unpacks once, answers, opens files, and says what is wrong with it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
BUILT = ROOT / "dist" / "sqlagent"

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the launcher is for Linux")
built = pytest.mark.skipif(not BUILT.is_file(), reason="dist/sqlagent was not built: make dist")


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "release" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- the launcher, with a small program in it ---------------------------------------------------------------


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program of one file that prints its arguments and how large the file beside it is."""
    compiler = os.environ.get("CC") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    work = tmp_path_factory.mktemp("packed")
    folder = work / "folder"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "big").write_bytes(os.urandom(1_000_000) + bytes(2_000_000))
    (folder / "empty").write_bytes(b"")
    (folder / "sqlagent").write_text(
        '#!/bin/sh\nd="${0%/*}"\necho "$@"\ntest -s "$d/deep/er/big" && echo whole\n'
    )
    (folder / "sqlagent").chmod(0o755)
    done = subprocess.run(
        [compiler, "-o", str(work / "launcher"), str(ROOT / "release" / "launcher.c"), "-lz"],
        capture_output=True,
        text=True,
    )
    if done.returncode and "zlib" in done.stderr:
        pytest.skip("no headers of zlib")
    assert done.returncode == 0, done.stderr
    _module("pack").pack(folder, work / "launcher", work / "one")
    return work / "one"


def _run(program: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *words], env=environ, capture_output=True, text=True, timeout=60)


@linux
def test_it_unpacks_once_and_mends_what_is_missing(packed: Path, tmp_path: Path) -> None:
    assert _run(packed, "a", "b c", HOME=str(tmp_path)).stdout == "a b c\nwhole\n"
    [folder] = (tmp_path / ".cache" / "sqlagent" / "program").iterdir()
    big = folder / "deep" / "er" / "big"
    first = big.stat()
    assert first.st_size == 3_000_000 and (folder / "empty").exists() and folder.stat().st_mode & 0o77 == 0
    assert not [path for path in folder.rglob("*") if path.name.count(".")], "a part was left"
    _run(packed, HOME=str(tmp_path))
    assert big.stat().st_ino == first.st_ino and big.stat().st_mtime_ns == first.st_mtime_ns
    content = big.read_bytes()
    big.write_bytes(content[:7])
    (folder / "empty").unlink()
    assert _run(packed, HOME=str(tmp_path)).stdout == "\nwhole\n"
    assert big.read_bytes() == content and (folder / "empty").exists()


@linux
def test_the_folder_is_where_the_other_caches_are(packed: Path, tmp_path: Path) -> None:
    _run(packed, SQLAGENT_HOME=str(tmp_path / "own"), HOME=str(tmp_path))
    _run(packed, XDG_CACHE_HOME=str(tmp_path / "xdg"), HOME=str(tmp_path))
    assert [*(tmp_path / "own" / "program").iterdir()] and [
        *(tmp_path / "xdg" / "sqlagent" / "program").iterdir()
    ]
    assert not (tmp_path / ".cache").exists()


@linux
def test_what_is_wrong_is_said_in_a_line(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _run(packed, SQLAGENT_HOME=str(tmp_path / "file"))
    assert done.returncode == 3 and "Set SQLAGENT_HOME" in done.stderr and done.stderr.count("\n") == 1
    cut = tmp_path / "cut"
    cut.write_bytes(packed.read_bytes()[:-1000])
    cut.chmod(0o755)
    done = _run(cut, HOME=str(tmp_path))
    assert done.returncode == 3 and "cut short" in done.stderr and done.stderr.count("\n") == 1


# ---- the interpreter that it stands in for -------------------------------------------------------------------


def test_its_children_are_started_as_python_would_start_them(tmp_path: Path) -> None:
    program = [sys.executable, str(ROOT / "release" / "program.py")]
    code = "import sys; print(sys.argv, __name__)"
    done = subprocess.run(
        [*program, "-I", "-S", "-X", "pycache_prefix=/x", "-B", "-c", code, "one"],
        capture_output=True, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("['-c', 'one'] __main__\n", "")
    done = subprocess.run(
        [*program, "--version"], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.stdout.startswith("sqlagent ")


# ---- the real one, where it was built --------------------------------------------------------------------------


@built
@pytest.mark.slow
def test_the_built_program_works_with_an_empty_environment(tmp_path: Path) -> None:
    (tmp_path / "sales.csv").write_text("id,name,paid\n1,Ann,12.5\n2,Bob,7\n")
    home = str(tmp_path / "home")
    done = subprocess.run(
        [str(BUILT), "run", "sales.csv", "SELECT name FROM sales ORDER BY paid", "-f", "csv"],
        env={"SQLAGENT_HOME": home}, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "name\nBob\nAnn\n")
    done = subprocess.run(
        [str(BUILT), "run", "sales.csv", "DELETE FROM sales"],
        env={"SQLAGENT_HOME": home}, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1 and "only SELECT" in done.stderr


@built
@pytest.mark.slow
def test_the_built_program_answers_a_question(tmp_path: Path, tiny_path: Path) -> None:
    from sqlagent.ui import demo_database

    demo_database.build(tmp_path / "company.db")
    done = subprocess.run(
        [str(BUILT), "ask", "company.db", "How many employees are there?", "--model", str(tiny_path), "-f", "csv"],
        env={"SQLAGENT_HOME": str(tmp_path / "home"), "SQLAGENT_OFFLINE": "1"},
        cwd=tmp_path, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    # the model of the tests is untuned: what counts is that one ran, and that its statement did
    assert done.returncode == 0 and len(done.stdout.splitlines()) >= 2, done.stderr
