"""What is no SQLite database is named, with the way out; addresses are answered and their passwords never repeated."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent.base.errors import SqlagentError
from sqlagent.ui import cli
from sqlagent.ui.other_files import check, without_secrets


def _zip(*names: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, "x")

    return make


def _bytes(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data) and None


# What can be loaded is opened: `test_files.py`.
FILES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "named.db": ("CSV", _bytes(b"name,city\nAda,Porto\n")),
    "shop.duckdb": ("DuckDB", _bytes(bytes(8) + b"DUCK" + bytes(100))),
    "shop.mdb": ("Access", _bytes(b"\x00\x01\x00\x00Standard Jet DB\x00" + bytes(100))),
    "shop.accdb": ("Access", _bytes(b"\x00\x01\x00\x00Standard ACE DB\x00" + bytes(100))),
    "pg.dump": ("PostgreSQL dump", _bytes(b"PGDMP\x01\x0e" + bytes(100))),
    "model.gguf": ("model", _bytes(b"GGUF" + bytes(100))),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_format_is_named_with_the_way_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    what, make = FILES[name]
    path = tmp_path / name
    make(path)
    assert cli.main(["ask", str(path), "Who?"], model=FakeModel(["SELECT 1"])) == 3
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert what in err and "encrypted" not in err and ";" in err


def test_a_sqlite_database_whatever_it_is_called_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t(a)")
    check(str(path))
    check(str(tmp_path / "missing.db"))  # whoever opens it says so
    (tmp_path / "noise.bin").write_bytes(bytes((i * 7919 + 13) % 256 for i in range(8192)))
    check(str(tmp_path / "noise.bin"))
    (tmp_path / "diary.txt").write_text("Dear diary,\n" * 100)
    check(str(tmp_path / "diary.txt"))


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("sqlite:///shop.db", "shop.db in place of"),
        ("sqlite:////srv/shop.db", "/srv/shop.db in place of"),
        ("file:shop.db?mode=ro", "shop.db in place of"),
        ("https://example.com/shop.db", "fetch the file first"),
        ("postgresql://ada:hunter2@host/shop", "postgresql server"),
        ("mysql+pymysql://ada:hunter2@host/shop", "server"),
        ("https://ada:hunter2@example.com/shop.db?token=hunter2", "fetch the file first"),
        ("", "empty"),
        (".", "directory"),
    ],
)
@pytest.mark.parametrize("command", [["ask"], []])
def test_what_is_no_path_is_answered_in_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: str,
    words: str,
    command: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    code = cli.main([*command, database, "Who earns the most?"], model=FakeModel(["SELECT 1"]))
    out, err = capsys.readouterr()
    assert code in (2, 3) and (out, err.count("\n")) == ("", 1)
    assert (words in err or not command) and "hunter2" not in err


def test_a_password_is_repeated_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    address = "mssql://sa:hunter2@host/db"
    for argv in (
        [address],
        ["ask", "x.db", "Who?", "--model", address],
        ["models", "pull", address],
        ["doctor", address],
    ):
        cli.main(argv, model=None if "--model" in argv else FakeModel(["SELECT 1"]))
        assert "hunter2" not in "".join(capsys.readouterr())
    assert without_secrets("name=Ada and password=hunter2") == "name=Ada and password=…"
    assert without_secrets("a = b, https://example.com/a@b") == "a = b, https://example.com/a@b"


def test_a_directory_names_the_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "shop.sqlite").touch()
    with pytest.raises(SqlagentError, match=r"shop\.sqlite"):
        check(str(tmp_path))
