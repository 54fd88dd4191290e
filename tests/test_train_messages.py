"""docs/training.md: every message of its table is in the code, and the test named beside it exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
ROWS = re.findall(r"(?m)^\| (`.+?) \| .+ \| `(test_\w+)` \|$", PAGE)


def texts() -> list[str]:
    """Every text in the code of training and conversion; what is filled in is left out."""
    found = []
    folders = ("train", "convert", "sqlagent/weights")
    for path in (path for folder in folders for path in (ROOT / folder).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "\0" for part in node.values]
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return found


def test_the_table_has_rows() -> None:
    assert len(ROWS) > 20


@pytest.mark.parametrize(("message", "test"), ROWS)
def test_a_message_of_the_page_is_in_the_code_and_held_by_its_test(message: str, test: str) -> None:
    pieces = re.findall(r"`([^`]+)`", message)
    assert any(all(piece in text for piece in pieces) for text in texts())
    held = [
        path
        for path in (ROOT / "tests").glob("test_*.py")
        if f"def {test}(" in path.read_text(encoding="utf-8")
    ]
    assert len(held) == 1


def test_the_table_of_sets_is_that_of_the_code() -> None:
    from train.published import SETS

    for one in SETS.values():
        assert f"| `{one.name}` | {one.repo} | {one.licence} | `{one.folder}/{one.makes[0]}`" in PAGE
