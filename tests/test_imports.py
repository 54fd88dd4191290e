"""What the wheel carries needs nothing that the wheel does not ask for."""

from __future__ import annotations

import ast
import configparser
import functools
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
NOT_IN_A_CHECKOUT = "sqlagent._models"
CHECKOUT = ("train", "convert", "test")
"""Extras for what the wheel does not carry."""

GUARDED = """
import importlib, sys

allowed = set(sys.argv[1].split(",")) | set(sys.stdlib_module_names) | {"sqlagent"}

class Refuse:
    "Stands for an environment in which nothing else is installed."
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed:
            raise ModuleNotFoundError(f"{name} is not among the runtime dependencies", name=name)

sys.meta_path.insert(0, Refuse())
for name in sys.argv[2].split(","):
    try:
        importlib.import_module(name)
    except Exception as error:
        print(f"{name}: {type(error).__name__}: {error}")
"""


def settings() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found


def requirements(text: str) -> list[Requirement]:
    lines = (line.strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def distribution(name: str) -> str:
    """A distribution's name as it is compared."""
    return name.lower().replace("_", "-").replace(".", "-")


def closure(wanted: list[Requirement]) -> set[str]:
    """Every distribution that comes with these here."""
    found: set[str] = set()
    todo = [(one.name, one.extras) for one in wanted if one.marker is None or one.marker.evaluate()]
    while todo:
        name, extras = todo.pop()
        if distribution(name) in found:
            continue
        found.add(distribution(name))
        for line in metadata.requires(name) or ():
            one = Requirement(line)
            chosen = (
                [one.marker.evaluate({"extra": extra}) for extra in (extras or {""})]
                if one.marker
                else [True]
            )
            if any(chosen):
                todo.append((one.name, one.extras))
    return found


@functools.cache
def owners_of_modules() -> Mapping[str, list[str]]:
    """Distributions by top-level module; reads the lists of all files that are installed."""
    return metadata.packages_distributions()


def modules_of(distributions: set[str]) -> set[str]:
    """The top-level modules that these distributions install."""
    table = owners_of_modules()
    return {
        module for module, owners in table.items() if distributions & {distribution(one) for one in owners}
    }


def wheel_modules() -> dict[str, Path]:
    """Every module that the wheel carries, and where its source lies."""
    packages = [line.strip() for line in settings()["options"]["packages"].split() if line.strip()]
    found: dict[str, Path] = {}
    for package in packages:
        folder = ROOT.joinpath(*package.split("."))
        if package == NOT_IN_A_CHECKOUT:
            continue
        for path in sorted(folder.glob("*.py")):
            found[package if path.stem == "__init__" else f"{package}.{path.stem}"] = path
    return found


def test_the_wheel_carries_every_package() -> None:
    named = set(settings()["options"]["packages"].split()) - {NOT_IN_A_CHECKOUT}
    there = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in (ROOT / "sqlagent").rglob("*.py")
    }  # a folder of modules that setup.cfg does not name would be missing for users only
    assert there == named


def of_extras() -> set[str]:
    """The modules that are imported where an extra is installed: the page's, and other tools' plugins."""
    return {
        name for name in wheel_modules() if name.startswith(("sqlagent.ui.web.", "sqlagent.ui.neighbours."))
    }


def test_every_module_imports_where_only_the_runtime_dependencies_are_installed() -> None:
    allowed = modules_of(closure(requirements(settings()["options"]["install_requires"])))
    assert {"numpy", "llama_cpp", "jinja2", "markupsafe"} <= allowed and not {"torch", "sqlglot"} & allowed
    words = [",".join(sorted(allowed)), ",".join(sorted(set(wheel_modules()) - of_extras()))]
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, *words], cwd=ROOT, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_the_guard_refuses_what_is_not_declared() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GUARDED, "numpy", "sqlagent.base.errors,pytest,packaging"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["pytest", "packaging"]


def test_every_import_is_of_something_that_setup_cfg_names() -> None:
    """Imports inside functions too; what only a dependency asks for may go without a word."""
    extras = {
        name: text for name, text in settings()["options.extras_require"].items() if name not in CHECKOUT
    }
    texts = [settings()["options"]["install_requires"], *extras.values()]
    named = {distribution(one.name) for text in texts for one in requirements(text)}
    # An extra need not be installed here; most are called as what they install.
    known = modules_of(named) | {name.replace("-", "_") for name in named} | {"sqlagent"}
    known |= set(sys.stdlib_module_names)
    assert {
        module: left for module, path in wheel_modules().items() if (left := imported(path) - known)
    } == {}


def imported(path: Path) -> set[str]:
    """The top-level modules that a source file imports anywhere, except for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    skipped = {inner for node in for_types for inner in ast.walk(node)}
    found: set[str] = set()
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found
