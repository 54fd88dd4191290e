"""The plugins, each in its own tool: the real `llm` and the real Datasette, with a real (tiny, random) model."""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import json
import sqlite3
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tiny_gguf import make_gguf

from sqlagent.ui import demo_database

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_database.build(tmp_path_factory.mktemp("demo") / "company.db")


@pytest.fixture
def random_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_MODEL", str(make_gguf(tmp_path / "random.gguf")))
    monkeypatch.setenv("LLM_USER_PATH", str(tmp_path))


def test_both_are_found_by_their_entry_points() -> None:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    points = found["options.entry_points"]
    assert points["llm"].strip() == "sqlagent = sqlagent.ui.neighbours.llm_plugin"
    assert points["datasette"].strip() == "sqlagent = sqlagent.ui.neighbours.datasette_plugin"


@contextlib.contextmanager
def plugged(manager: Any, plugin: ModuleType) -> Iterator[None]:
    """Have a plugin registered: an installed package has registered it by its entry point, a checkout has not."""
    installed = manager.is_registered(plugin)
    if not installed:
        manager.register(plugin, "sqlagent-under-test")
    try:
        yield
    finally:
        if not installed:
            manager.unregister(name="sqlagent-under-test")


@pytest.mark.usefixtures("random_model")
def test_llm_asks_a_database(db: Path) -> None:
    pytest.importorskip("llm")
    import llm.cli
    from click.testing import CliRunner
    from llm.plugins import pm

    from sqlagent.ui.neighbours import llm_plugin

    with plugged(pm, llm_plugin):
        argv = [
            "-m",
            "sqlagent",
            "--no-log",
            "-o",
            "database",
            str(db),
            "-o",
            "effort",
            "fast",
            "How many employees?",
        ]
        done = CliRunner().invoke(llm.cli.cli, argv)
        assert done.exit_code == 0, done.output
        rows, _, rest = done.output.partition("```sql\n")
        sql = rest.partition("\n```")[0]
        with sqlite3.connect(db) as connection:
            assert len(connection.execute(sql).fetchmany(1000)) == max(len(rows.strip().splitlines()) - 2, 0)
        wrong = ["-m", "sqlagent", "--no-log", "-o", "database", "nowhere.db", "How many?"]
        done = CliRunner().invoke(llm.cli.cli, wrong)
        assert done.exit_code == 1 and "nowhere.db" in done.output


@pytest.mark.usefixtures("random_model")
def test_datasette_writes_a_statement_and_runs_it_itself(db: Path) -> None:
    pytest.importorskip("datasette")
    from datasette.app import Datasette
    from datasette.plugins import pm

    from sqlagent.ui.neighbours import datasette_plugin

    async def use() -> None:
        served = Datasette([str(db)])
        page = await served.client.get("/company/-/ask")
        assert page.status_code == 200 and "<h1>Ask company</h1>" in page.text
        asked = await served.client.get("/company/-/ask?q=How+many+employees%3F")
        assert asked.status_code == 302, asked.text
        sql = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.headers["location"]).query)["sql"][0]
        rows = await served.client.get(f"/company.json?{urllib.parse.urlencode({'sql': sql})}")
        assert rows.status_code == 200 and json.loads(rows.text)["ok"]
        refused = await served.client.get("/company/-/ask?q=Delete+all+%3Cb%3Eemployees")
        assert refused.status_code == 400 and "only read" in refused.text and "<b>" not in refused.text
        assert (await served.client.get("/nowhere/-/ask")).status_code == 404
        closed: Any = Datasette([str(db)], metadata={"allow_sql": False})
        assert (await closed.client.get("/company/-/ask")).status_code == 403

    try:
        with plugged(pm, datasette_plugin):
            asyncio.run(use())
    finally:
        for agent in datasette_plugin._agents.values():
            agent.close()
        datasette_plugin._agents.clear()
