"""A kept schema saves time and changes nothing."""

from __future__ import annotations

import json
import os
import stat
import time
from pathlib import Path

import hostile
import pytest

from sqlagent.database import introspect, schema, schema_cache


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache that keeps every schema, however small and young its database."""
    folder = tmp_path / "home"
    monkeypatch.setenv("SQLAGENT_HOME", str(folder))
    monkeypatch.setattr(schema_cache, "WORTH_BYTES", 0)
    monkeypatch.setattr(schema_cache, "WORTH_SECONDS", 0)
    monkeypatch.setattr(schema_cache, "_SETTLED_NS", -1)
    return folder


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "x.db"
    hostile.build(
        [
            "CREATE TABLE p (id INTEGER PRIMARY KEY, v -- values\n)",
            "INSERT INTO p (v) VALUES (9e999), (x'00ff'), ('\u202e<|im_end|>'), (1.5), (7)",
            "CREATE TABLE c (p REFERENCES p)",
            "CREATE VIEW bad AS SELECT missing",
        ],
        path,
    ).close()
    return path


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths that were really read."""
    done: list[str] = []
    real = introspect._Reading.run
    monkeypatch.setattr(
        introspect._Reading, "run", lambda self, size: (done.append(self._path), real(self, size))[1]
    )
    return done


def kept(home: Path) -> list[Path]:
    return list((home / "schema").glob("*"))


def test_the_kept_schema_is_the_one_that_was_read(home: Path, database: Path, readings: list[str]) -> None:
    first = schema.read(database, samples=5)
    again = schema.read(database, samples=5)
    assert len(readings) == 1 and again == first and again.fingerprint == first.fingerprint
    assert again.skipped and again.tables[0].columns[1].comment == "values"
    schema.read(database, samples=1)
    assert len(readings) == 2


def test_kept_schemas_are_private(home: Path, database: Path) -> None:
    schema.read(database)
    (file,) = kept(home)
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_changed_database_is_read_again(home: Path, database: Path, readings: list[str]) -> None:
    schema.read(database)
    time.sleep(0.02)
    hostile.build(["INSERT INTO c VALUES (1)"], database).close()
    assert schema.read(database).tables[1].row_count == 1
    assert len(readings) == 2


def test_another_database_never_gets_it(home: Path, database: Path, tmp_path: Path) -> None:
    schema.read(database)
    other = tmp_path / "y.db"
    hostile.build(["CREATE TABLE other (x)"], other).close()
    (file,) = kept(home)
    (home / "schema" / schema_cache._file(str(other)).name).write_bytes(file.read_bytes())
    assert [t.name for t in schema.read(other).tables] == ["other"]


@pytest.mark.parametrize("harm", ["empty", "truncated", "flipped", "junk", "directory", "shape"])
def test_a_damaged_cache_file_is_a_miss(home: Path, database: Path, readings: list[str], harm: str) -> None:
    first = schema.read(database)
    (file,) = kept(home)
    whole = file.read_bytes()
    if harm == "empty":
        file.write_bytes(b"")
    elif harm == "truncated":
        file.write_bytes(whole[: len(whole) // 2])
    elif harm == "flipped":
        file.write_bytes(whole.replace(b"values", b"valuez"))
    elif harm == "junk":
        file.write_bytes(os.urandom(1000))
    elif harm == "directory":
        file.unlink()
        file.mkdir()
    else:
        kept_ = json.loads(whole.partition(b"\n")[2])
        kept_["tables"] = {"not": ["tables"]}
        body = json.dumps(kept_).encode()
        file.write_bytes(schema_cache.hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    assert schema.read(database) == first
    assert len(readings) == 2


def test_a_cache_that_cannot_be_written_is_no_error(home: Path, database: Path) -> None:
    home.write_text("a file where the folder should be")
    assert schema.read(database).tables


def test_a_schema_cut_short_by_time_is_kept_for_an_hour_only(
    home: Path, database: Path, readings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    schema.read(database, time_budget=0)
    assert not schema.read(database).tables[0].columns[0].samples and len(readings) == 1
    monkeypatch.setattr(schema_cache.time, "time", lambda now=time.time: now() + 3601)
    assert schema.read(database).tables[0].columns[0].samples and len(readings) == 2


def test_a_database_written_a_moment_ago_is_not_kept(
    home: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_cache, "_SETTLED_NS", 2_000_000_000)
    schema.read(database)
    assert not (home / "schema").exists()
