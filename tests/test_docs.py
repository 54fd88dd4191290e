"""The documentation is true: its examples run, and every file and name that it mentions exists."""

from __future__ import annotations

import ast
import doctest
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

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


_SHORT = re.compile(r"`([a-z_]+(?:/[\w-]+)+\.py)`")
_NAMED = re.compile(r"\]\(\.\./([\w/]+\.py)\), `([\w.]+)`")


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/decoding.md", "docs/glossary.md"])
def test_every_module_that_a_page_names_in_short_exists(page: str) -> None:
    """`ui/cli.py` stands for the one in `sqlagent`."""
    named = _SHORT.findall((ROOT / page).read_text(encoding="utf-8"))
    assert not [one for one in named if not (ROOT / one).exists() and not (ROOT / "sqlagent" / one).exists()]


def test_every_name_of_the_glossary_is_in_the_module_beside_it() -> None:
    found = _NAMED.findall((ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"))
    assert len(found) > 3
    for file, name in found:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        constants = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        assert name in constants or _has(tree, name), (file, name)


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


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", ROOT / "docs" / "make_reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_code_says() -> None:
    """`python docs/make_reference.py > docs/reference.md` mends it."""
    assert (ROOT / "docs" / "reference.md").read_text(encoding="utf-8") == _reference().page()


def test_every_environment_variable_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sqlagent").rglob("*.py"))
    read = set(re.findall(r"\bSQLAGENT_[A-Z]+\b", code))
    read |= set(re.findall(r"environ(?:\.get\(|\[)\"([A-Z_]+)\"", code)) - {"TERM"}
    assert len(read) > 8
    assert not {name for name in read if f"`{name}`" not in page}


def test_the_reference_has_every_command_option_and_key() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8").replace("\\|", "|")
    from sqlagent.ui import repl, repl_commands
    from sqlagent.ui.arguments import COMMANDS, OPTIONS, build_parser

    build_parser()
    assert repl.Repl and len(repl_commands.COMMANDS) > 40
    wanted = [f"### `sqlagent {name}" for name in COMMANDS]
    wanted += [*OPTIONS, *repl_commands.COMMANDS]
    assert not [one for one in wanted if one not in page]


def _sessions(page: str) -> list[tuple[str, str]]:
    """(command, what it writes) of the console blocks of a page."""
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    return [(head[2:], rest) for head, _, rest in (block.partition("\n") for block in blocks)]


@pytest.mark.parametrize(("command", "written"), _sessions("docs/tutorial.md") + _sessions("README.md"))
def test_a_session_of_a_page_is_what_happens(command: str, written: str, tmp_path: Path) -> None:
    """The model's statement is the one shown; all else is computed."""
    from sqlagent.ui import demo_database

    demo_database.build(tmp_path / "company.db")
    program, *words = shlex.split(command)
    assert program == "sqlagent"
    environ = {**os.environ, "FAKE_SCRIPT": json.dumps([written.splitlines()[0]])}
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "fake_model.py"), *words],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    about = re.compile(  # what hangs on the moment: how sure it is, and that a slow machine takes long
        r"^\((?:sure|fairly sure|doubtful).*\n|^Ask (?:it something else|more).*\n|^sqlagent: .* so far\)\n",
        re.MULTILINE,
    )
    assert about.sub("", done.stdout) == written


def test_the_how_tos_name_commands_and_options_that_there_are() -> None:
    from sqlagent.ui.arguments import COMMANDS, OPTIONS, build_parser

    build_parser()
    for page in ("docs/how-to.md", "docs/troubleshooting.md", "docs/tutorial.md", "README.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for line in re.findall(r"^sqlagent .*$", text, re.MULTILINE):
            words = shlex.split(line, comments=True)
            assert words[1] in COMMANDS or Path(words[1]).suffix, (page, line)
            gone = [w for w in words if w.startswith("--") and w.split("=")[0] not in OPTIONS]
            assert not gone, (page, line)


def test_every_file_and_folder_that_is_kept_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sqlagent").rglob("*.py"))
    kept = set(re.findall(r"\b(?:cache_dir|config_dir|home)\(\) / \"([\w.]+)\"", code))
    assert len(kept) > 7
    assert not {name for name in kept if not re.search(rf"[`\s]{re.escape(name)}/?[`,]", page)}
