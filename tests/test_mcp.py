"""An assistant's own client asks, looks and runs over stdio, and can change nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from sqlagent.ui import demo_database, json_answer, mcp_server

mcp = pytest.importorskip("mcp")
anyio = pytest.importorskip("anyio")
FAKE = Path(__file__).with_name("fake_model.py")
TOP = "SELECT name FROM employees ORDER BY salary DESC LIMIT 1"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(demo_database.build(tmp_path_factory.mktemp("demo") / "company.db"))


def with_client(db: str, use: Callable[[Any], Awaitable[None]], script: list[str] | None = None) -> None:
    """Start the real program, connect the SDK's own client to it, and use that."""
    environ = {**os.environ, "FAKE_SCRIPT": json.dumps(script or [TOP])}
    given = mcp.StdioServerParameters(command=sys.executable, args=[str(FAKE), "mcp", db], env=environ)

    async def run() -> None:
        with anyio.fail_after(60):
            async with mcp.Client(given) as client:
                await use(client)

    anyio.run(run)


def test_an_assistant_asks_looks_and_runs(db: str) -> None:
    async def use(client: Any) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "schema", "run"}
        assert all(tool.annotations.read_only_hint for tool in tools.values())
        found = (await client.call_tool("schema", {})).structured_content
        assert "employees (42 rows)" in found["schema"] and "→ departments.id" in found["schema"]
        found = (await client.call_tool("schema", {"table": "PROJECTS"})).structured_content
        assert "projects" in found["schema"] and "employees (" not in found["schema"]
        found = (await client.call_tool("ask", {"question": "Who earns the most?"})).structured_content
        assert found["rows"] == [["Ingrid Solberg"]] and found["sql"] == TOP
        assert set(found) == set(json_answer.FIELDS)
        found = (await client.call_tool("run", {"sql": "SELECT 41 + 1 AS n"})).structured_content
        assert (found["columns"], found["rows"]) == (["n"], [[42]])

    with_client(db, use)


def test_results_are_capped_and_say_so(db: str) -> None:
    many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT i FROM n"

    async def use(client: Any) -> None:
        found = (await client.call_tool("run", {"sql": many})).structured_content
        assert len(found["rows"]) == mcp_server.ROWS and "100" in found["truncated"]
        found = (
            await client.call_tool("run", {"sql": "SELECT printf('%.*c', 100000, 'x')"})
        ).structured_content
        assert len(found["rows"][0][0]) <= mcp_server.CELL + 1

    with_client(db, use)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM employees",
        "ATTACH 'x.db' AS x",
        "PRAGMA writable_schema = 1",
        "SELECT nope FROM employees",
    ],
)
def test_what_is_refused_is_the_tools_error_and_the_session_goes_on(db: str, sql: str) -> None:
    before = Path(db).read_bytes()

    async def use(client: Any) -> None:
        refused = await client.call_tool("run", {"sql": sql})
        assert refused.is_error and refused.content[0].text
        found = await client.call_tool("run", {"sql": "SELECT COUNT(*) FROM employees"})
        assert found.structured_content["rows"] == [[42]]

    with_client(db, use)
    assert Path(db).read_bytes() == before


def test_a_question_about_something_else_is_refused_in_words(db: str) -> None:
    async def use(client: Any) -> None:
        refused = await client.call_tool("ask", {"question": "What is the weather?"})
        assert refused.is_error and "weather" in refused.content[0].text

    with_client(db, use)


def test_a_large_schema_is_cut_and_names_all_tables(tmp_path: Path) -> None:
    from sqlagent.agent.agent import Agent

    with sqlite3.connect(tmp_path / "wide.db") as connection:
        for number in range(60):
            columns = ", ".join(f"column_with_a_long_name_{i} INTEGER" for i in range(40))
            connection.execute(f"CREATE TABLE table_{number} ({columns})")
    with Agent(tmp_path / "wide.db") as agent:
        text = mcp_server._schema(agent, "")
    assert len(text) < 2 * mcp_server.SCHEMA_CHARACTERS and "table_59" in text
