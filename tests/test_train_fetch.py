"""Published sets come from the hub whole, once, with their licences, and are what every recipe reads."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("huggingface_hub")
pytest.importorskip("pyarrow", reason="Parquet needs the train extra")
pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the train and test extras")

import published_tiny
from hub_stand_in import Hub

from sqlagent.base.errors import UsageError
from train import config, published, sources
from train.cli import main

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    published_tiny.publish(made)
    yield made
    made.close()


def fetch(hub: Hub, *words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    """`python -m train fetch` in a process of its own, against the stand-in."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SQLAGENT_"))}
    kept |= {"HF_ENDPOINT": hub.url, "HF_HOME": str(ROOT / "no-such-folder"), **env}
    return subprocess.run(
        [sys.executable, "-m", "train", "fetch", *map(str, words)],
        cwd=ROOT,
        env=kept,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


def sent(hub: Hub) -> list[str]:
    """What was downloaded: paths of GETs of files."""
    return [
        path
        for method, path in hub.requests
        if method == "GET" and ("/resolve/" in path or "/storage/" in path)
    ]


def test_all_sets_are_fetched_once_with_licences_and_hashes_and_every_recipe_reads_them(
    hub: Hub, tmp_path: Path
) -> None:
    done = fetch(hub, "--data", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    for licence in ("CC BY-SA 4.0", "MIT", "CC BY 4.0", "premai-io/spider says cc-by-sa-4.0"):
        assert licence in done.stderr
    known = json.loads((tmp_path / "SOURCES.json").read_text())
    assert set(known) == set(published.SETS)
    for name, one in known.items():
        assert (
            one["revision"] == hub.repos[one["repo"]].head and one["licence"] == published.SETS[name].licence
        )
        for file, digest in one["files"].items():
            assert hashlib.sha256(hub.file(one["repo"], file)).hexdigest() == digest
    assert "validation/validation.json" not in known["bird"]["files"]  # nothing that is not needed

    # Every source of every recipe that is no data made here yields pairs, whose databases are there.
    for recipe in config.recipes():
        found = config.load(recipe, {})
        for mix in found.mix:
            if mix.file.startswith("built/"):
                continue
            pairs = list(sources.read(mix, tmp_path))
            assert pairs, (recipe, mix.name)
            assert all(pair.database.is_file() for pair in pairs if pair.database), (recipe, mix.name)
        for file in found.validation.files:
            assert list(sources.questions(tmp_path / file))
        assert (tmp_path / found.validation.databases).read_text() == "cars\n"

    before = len(sent(hub))
    assert fetch(hub, "--data", tmp_path).returncode == 0
    assert len(sent(hub)) == before


def test_rows_of_sql_create_context_are_told_apart_without_a_field(hub: Hub, tmp_path: Path) -> None:
    assert fetch(hub, "sql-create-context", "--data", tmp_path).returncode == 0
    rows = [
        json.loads(line)
        for name in ("train", "val")
        for line in (tmp_path / "sql_create_context" / f"{name}.jsonl").read_text().splitlines()
    ]
    assert sorted(rows, key=json.dumps) == sorted(
        [{k: row[k] for k in ("question", "context", "answer")} for row in published_tiny.context_rows()],
        key=json.dumps,
    )
    mix = config.Mix("wiki", "context", "sql_create_context/train.jsonl", where={"source": "wikisql_train"})
    wiki = list(sources.read(mix, tmp_path))
    assert wiki and all("table_name_" in pair.ddl for pair in wiki)
    mix = config.Mix("spider", "context", "sql_create_context/train.jsonl", where={"source": "spider"})
    assert {pair.ddl for pair in sources.read(mix, tmp_path)} <= {"CREATE TABLE head (age INTEGER)"}
    held = {
        json.loads(line)["context"]
        for line in (tmp_path / "sql_create_context/val.jsonl").read_text().splitlines()
    }
    assert held and not held & {pair.ddl for pair in wiki}


def test_a_broken_download_goes_on_and_a_damaged_file_is_not_taken(hub: Hub, tmp_path: Path) -> None:
    place = hub.repos["premai-io/spider"]
    digest = place.files["database/music/music.sqlite"]
    good = hub.blobs[digest]
    hub.blobs[digest] = good[:-1] + b"?"  # as long, and another
    done = fetch(hub, "spider", "--data", tmp_path)
    assert done.returncode != 0 and "is not what the hub has" in done.stderr
    assert len(done.stderr.strip().splitlines()[-1]) < 300 and "Traceback" not in done.stderr
    assert not (tmp_path / "spider").exists() and not (tmp_path / "SOURCES.json").exists()
    hub.blobs[digest] = good
    before = len(sent(hub))
    assert fetch(hub, "spider", "--data", tmp_path).returncode == 0
    again = sent(hub)[before:]
    assert [path for path in again if "resolve" in path] == [path for path in again if "music.sqlite" in path]
    assert (tmp_path / "spider/database/music/music.sqlite").read_bytes() == good


@pytest.mark.parametrize(
    ("words", "env", "said"),
    [
        (["spyder"], {}, "There is no set 'spyder'"),
        (["spider", "--repo", "no/such"], {}, "The hub has no no/such"),
        (["spider"], {"HF_HUB_OFFLINE": "1"}, "Going online is forbidden"),
        (["spider"], {"HF_ENDPOINT": "http://127.0.0.1:9"}, "cannot be fetched from the hub"),
        (["spider", "--from", "nowhere"], {}, "There is no nowhere"),
        (["spider", "--repo", "b-mc2/sql-create-context"], {}, "is it this set?"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence(
    hub: Hub, tmp_path: Path, words: list[str], env: dict[str, str], said: str
) -> None:
    done = fetch(hub, *words, "--data", tmp_path, **env)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and said in last and "Traceback" not in done.stderr


def test_a_full_disk_is_said_before_anything_is_sent(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from train import fetch as command

    place = hub.repos["premai-io/spider"]
    files = tuple(
        command.hub.Remote(name, len(hub.blobs[digest]), "", digest) for name, digest in place.files.items()
    )
    monkeypatch.setattr(
        command.hub, "listing", lambda repo: command.hub.Listing(repo, place.head, "cc-by-sa-4.0", files)
    )
    monkeypatch.setattr(command.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(UsageError, match="has no room for"):
        command.main(["spider", "--data", str(tmp_path)])
    assert not sent(hub)


def test_a_dry_run_says_the_size_and_sends_nothing(hub: Hub, tmp_path: Path) -> None:
    done = fetch(hub, "--dry-run", "--data", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    assert "MB of them to come" in done.stderr and not sent(hub) and not (tmp_path / "data").exists()


def test_the_makers_own_archive_is_taken_from_this_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Spider's spider_data.zip: train_spider.json, train_others.json, dev.json, one folder deep."""
    train, held = published_tiny.spider_rows()
    with zipfile.ZipFile(tmp_path / "spider_data.zip", "w") as archive:
        archive.writestr("spider_data/train_spider.json", json.dumps(train[:5]))
        archive.writestr("spider_data/train_others.json", json.dumps(train[5:] + held[:1]))
        archive.writestr("spider_data/dev.json", json.dumps(held))
        for name in ("music", "cars"):
            archive.writestr(f"spider_data/database/{name}/{name}.sqlite", published_tiny.database(name))
    data = tmp_path / "data"
    assert main(["fetch", "spider", "--from", str(tmp_path / "spider_data.zip"), "--data", str(data)]) == 0
    found = json.loads((data / "spider/train.json").read_text())
    assert [row["question"] for row in found] == [
        row["question"] for row in train
    ]  # none of a validation database
    assert (data / "spider/database/cars/cars.sqlite").is_file()
    assert "8 rows" in capsys.readouterr().err


def test_an_archive_that_reaches_outside_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../outside.json", "[]")
    with pytest.raises(UsageError, match="outside"):
        published.unpack(tmp_path)
    assert not (tmp_path.parent / "outside.json").exists()
