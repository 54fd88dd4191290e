"""The documentation is true: its examples run, and every file and name that it mentions exists."""

from __future__ import annotations

import ast
import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "sqlagent/grammar/README.md"]
PAGES += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_PATH = re.compile(r"`((?:sqlagent|tests|train|bench|convert|models|docs)(?:/[\w.-]+)+/?)`")
_ROW = re.compile(r"^\|.*\]\(\.\./([\w/]+\.py)\) \| `([\w.]+)` \|$", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    file = ROOT / page
    text = file.read_text(encoding="utf-8")
    missing = [
        link for link in _LINK.findall(text) if "://" not in link and not (file.parent / link).exists()
    ]
    missing += [path for path in _PATH.findall(text) if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/decoding.md"])
def test_the_examples_of_a_page_are_what_happens(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    text = re.sub(r"^```.*$", "", text, flags=re.MULTILINE)  # a fence would be part of what is expected
    test = doctest.DocTestParser().get_doctest(text, {}, page, str(ROOT / page), 0)
    assert len(test.examples) > 10
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    assert not said, "".join(said)


def _has(tree: ast.AST, dotted: str) -> bool:
    for name in dotted.split("."):
        found = [
            node
            for node in ast.iter_child_nodes(tree)
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
        ]
        if not found:
            return False
        tree = found[0]
    return True


def test_what_the_architecture_points_at_is_there() -> None:
    rows = _ROW.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert len(rows) > 15
    gone = [
        f"{path}: {name}"
        for path, name in rows
        if not _has(ast.parse((ROOT / path).read_text(encoding="utf-8")), name)
    ]
    assert not gone


def test_the_picture_has_every_package() -> None:
    picture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    packages = {path.parent.name for path in (ROOT / "sqlagent").glob("*/__init__.py")}
    assert packages <= set(re.findall(r"\w+", picture))


@pytest.mark.parametrize(
    "question",
    ["table or a column is pruned", "stopped at its deadline", "clause of SQL is added"],
)
def test_a_newcomer_finds_without_searching(question: str) -> None:
    """Of whom only README and docs/architecture.md have been read."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "docs/architecture.md" in readme
    assert question in (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
