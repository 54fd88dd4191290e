"""Promises of the package: what is shipped, what it costs to start, and that nothing heavy comes along."""

from __future__ import annotations

import configparser
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parent.parent

HEAVY = (
    "llama_cpp",
    "numpy",
    "torch",
    "transformers",
    "huggingface_hub",
    "gguf",
    "prompt_toolkit",
    "sqlglot",
    "tqdm",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel that `pip install .` would make, built from a copy without network."""
    copy = tmp_path_factory.mktemp("source")
    ignore = shutil.ignore_patterns("__pycache__", "*.gguf", "*.egg-info")
    for name in ("sqlagent", "models", "train", "bench", "convert"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, copy)
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    done = subprocess.run(
        [sys.executable, "-c", build], cwd=copy, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return zipfile.ZipFile(next((copy / "dist").glob("*.whl")))


def run_python(code: str, *options: str) -> str:
    """stdout of a fresh interpreter that runs `code` in the checkout."""
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_wheel_holds_the_package_its_grammar_and_the_registry(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    for name in ("sqlagent/__init__.py", "sqlagent/grammar/__init__.py", "sqlagent/_models/registry.toml"):
        assert name in names
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sqlagent").rglob("*.py")}
    assert modules <= set(names), "a package is missing from setup.cfg"
    page = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sqlagent/ui/web/static").iterdir()}
    assert page and page <= set(names), "the page's own files are missing"


def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sqlagent"}
    code = [item for item in wheel.infolist() if not item.filename.startswith("sqlagent/_models/")]
    assert sum(item.file_size for item in code) < 3_000_000


def test_the_wheel_holds_every_adapter_that_the_registry_names(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    for folder in (path.parent for path in (ROOT / "models").glob("*/adapter_config.json")):
        for file in ("adapter_config.json", "adapter_model.safetensors", "training.json", "README.md"):
            assert (folder / file).is_file(), f"{folder.name} lacks {file}"
            assert f"sqlagent/_models/{folder.name}/{file}" in names


def test_an_adapter_in_models_becomes_part_of_the_wheel() -> None:
    """setup.cfg's patterns, on files that need not be there yet."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = config["options.package_data"]["sqlagent._models"].split()
    for name in ("adapter_config.json", "adapter_model.safetensors", "training.json", "README.md"):
        assert any(PurePosixPath("some-sql", name).match(pattern) for pattern in patterns), name


def test_the_wheel_gives_two_commands(wheel: zipfile.ZipFile) -> None:
    entry = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    points = configparser.ConfigParser()
    points.read_string(wheel.read(entry).decode())
    assert dict(points["console_scripts"]) == {
        "sqlagent": "sqlagent.ui.program:main",
        "sqlagent-repl": "sqlagent.ui.program:repl_main",
    }


def test_the_registry_is_found_from_an_unpacked_wheel(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    wheel.extractall(tmp_path)
    code = (
        "from sqlagent.decoding import drafting; from sqlagent.store import models; assert drafting.shipped();"
        "print(models.__file__, models.default().name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    place, name = done.stdout.split()
    assert place == str(tmp_path / "sqlagent" / "store" / "models.py") and name.startswith(
        "qwen2.5-coder-1.5b"
    )


def test_the_build_file_names_the_backend_and_no_more() -> None:
    sections = [line for line in (ROOT / "pyproject.toml").read_text().splitlines() if line.startswith("[")]
    assert sections == ["[build-system]"]


def test_importing_the_package_is_light() -> None:
    code = "import sys, json, sqlagent.store.models; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(run_python(code))
    assert [name for name in HEAVY if name in loaded] == []


def test_importing_the_package_takes_less_than_150_ms() -> None:
    code = "import time; t = time.perf_counter(); import sqlagent; print(time.perf_counter() - t)"
    assert min(float(run_python(code)) for _ in range(5)) < 0.15


def test_users_never_need_what_training_needs() -> None:
    code = (
        "import ast, pathlib, json\n"
        "seen = set()\n"
        "for file in pathlib.Path('sqlagent').rglob('*.py'):\n"
        "    for node in ast.walk(ast.parse(file.read_text(encoding='utf-8'))):\n"
        "        if isinstance(node, ast.Import): seen |= {a.name.split('.')[0] for a in node.names}\n"
        "        elif isinstance(node, ast.ImportFrom) and node.module: seen.add(node.module.split('.')[0])\n"
        "print(json.dumps(sorted(seen)))"
    )
    imported = set(json.loads(run_python(code)))
    assert not imported & {"torch", "transformers", "trl", "peft", "datasets", "train", "bench", "convert"}
