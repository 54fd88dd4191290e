"""What is told of a large file's columns is kept for the very state of the file, and damage is a miss."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent.agent.agent import Agent
from sqlagent.agent.column_meaning import ColumnMeaning
from sqlagent.base import paths
from sqlagent.database.column_facts import kept
from sqlagent.sandbox.file_state import file_state


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    monkeypatch.setattr(kept, "WORTH_SECONDS", 0.0)
    path = tmp_path / "visits.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE places (id INTEGER PRIMARY KEY, zip TEXT)")
    connection.execute(
        "CREATE TABLE visits (id INTEGER PRIMARY KEY, place_id INTEGER, at INTEGER, day TEXT, fee TEXT, tags TEXT,"
        " paid TEXT)"
    )
    for i in range(40):
        tags = ("a, b", "b, a, c", "c", "a", "b, c")[i % 5]
        connection.execute("INSERT INTO places VALUES (?, ?)", (i, f"0{i:04}"))
        row = (
            i,
            i % 9,
            1_714_694_400_000 + i * 86_400_007,
            f"{i % 28 + 1:02}/05/2024",
            f"{i},500.5",
            tags,
            "YN"[i % 2],
        )
        connection.execute("INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    connection.close()
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def meaning(path: Path) -> ColumnMeaning:
    with Agent(path, FakeModel(["SELECT 1"])) as asked:
        found = asked.meaning()
        assert found is not None
        return found


def test_what_is_kept_is_what_was_read_and_is_not_read_again(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = meaning(file)
    assert {type(fact.encoding).__name__ for fact in first.facts.values()} >= {
        "Linear", "TextDate", "TextNumber", "Listed", "Flag", "ZeroFilled",
    }  # fmt: skip

    def never(*_: object, **__: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("sqlagent.agent.column_meaning.read_facts", never)
    monkeypatch.setattr("sqlagent.agent.column_meaning.undeclared_keys", never)
    second = meaning(file)
    assert second.facts == first.facts and second.meant == first.meant


def test_a_file_that_changed_is_read_again(file: Path) -> None:
    meaning(file)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE visits SET day = '2024-05-03'")
    connection.close()
    os.utime(file, (1_700_000_100, 1_700_000_100))
    assert meaning(file).facts["visits", "day"].encoding is None


@pytest.mark.parametrize("damage", [b"", b"x", b"{}\n", b"0" * 64 + b"\n{}"])
def test_damage_is_a_miss(file: Path, tmp_path: Path, damage: bytes) -> None:
    first = meaning(file)
    (kept_file,) = (tmp_path / "cache" / "schema").glob("*.facts")
    kept_file.write_bytes(damage)
    assert meaning(file).facts == first.facts


def test_what_was_cut_short_is_read_once_more(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = meaning(file).facts
    os.utime(file, (1_700_000_200, 1_700_000_200))
    read = []

    def cut(*_: object, **__: object) -> dict[tuple[str, str], object]:
        read.append(1)
        time.sleep(0.02)
        return {}

    with monkeypatch.context() as busy:
        busy.setattr("sqlagent.agent.column_meaning.read_facts", cut)
        busy.setattr("sqlagent.agent.column_meaning._ALL_SECONDS", 0.01)
        assert meaning(file).facts == {}
    assert meaning(file).facts == whole  # the machine was busy before
    os.utime(file, (1_700_000_300, 1_700_000_300))
    monkeypatch.setattr("sqlagent.agent.column_meaning.read_facts", cut)
    monkeypatch.setattr("sqlagent.agent.column_meaning._ALL_SECONDS", 0.01)
    for _ in range(4):
        meaning(file)
    assert len(read) == 1 + 2  # a file that is too large is not read for ever


def test_a_scale_is_kept(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE plays (id INTEGER PRIMARY KEY, duration INTEGER)")
        connection.executemany(
            "INSERT INTO plays VALUES (?, ?)", [(i, 733_000 + 61_000 * i) for i in range(20)]
        )
    connection.close()
    os.utime(file, (1_700_000_400, 1_700_000_400))
    first = meaning(file).facts
    kept_ = kept.load(str(file), file_state(file))
    assert kept_ is not None and kept_[0] == first
    assert type(first["plays", "duration"].encoding).__name__ == "Scaled"
