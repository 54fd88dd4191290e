#!/bin/sh
# mcp 2.3.0: rows returned by a tool reach the client as one flat list of texts, without the NULLs.
#
# Expected: a tool of MCPServer that returns cursor.fetchall() gives the client the rows, as JSON or one by one.
# Seen:     lists and tuples are flattened to every depth and None is left out: the rows (1, 'Ada', NULL), (2, NULL, 1) and
#           (3, '', 2) arrive as 1, Ada, 2, 1, 3, '', 2, so Ada's boss is 2. A NULL, no rows and nothing at all
#           are the same empty content. With `-> list[tuple]` the structured content is right, and the text beside it,
#           which is what many clients show the model, is not. A list of dicts keeps its nulls.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q mcp==2.3.0
cd "$work"
venv/bin/python - <<'PY'
import asyncio
import sqlite3

from mcp import Client
from mcp.server import MCPServer

server = MCPServer("people", log_level="ERROR")


def run(sql):
    file = sqlite3.connect(":memory:")
    file.executescript("""
        CREATE TABLE person (id INTEGER, name TEXT, boss INTEGER);
        INSERT INTO person VALUES (1, 'Ada', NULL), (2, NULL, 1), (3, '', 2);
    """)
    return file.execute(sql).fetchall()


@server.tool()
def rows(sql: str):
    return run(sql)


@server.tool()
def typed(sql: str) -> list[tuple]:
    return run(sql)


@server.tool()
def value(sql: str):
    found = run(sql)
    return found[0][0] if found else None


async def main():
    async with Client(server) as client:

        async def call(tool, sql):
            result = await client.call_tool(tool, {"sql": sql})
            texts = [block.text for block in result.content]
            print(tool, sql, texts, result.structured_content)
            return texts, result.structured_content

        flat = ["1", "Ada", "2", "1", "3", "", "2"]
        assert await call("rows", "SELECT * FROM person") == (flat, None), "this has changed"
        texts, structured = await call("typed", "SELECT * FROM person")
        assert texts == flat, "this has changed"
        assert structured == {"result": [[1, "Ada", None], [2, None, 1], [3, "", 2]]}, "this has changed"
        for tool, sql in (("rows", "SELECT NULL"), ("rows", "SELECT 1 WHERE 0"), ("value", "SELECT NULL")):
            assert await call(tool, sql) == ([], None), "this has changed"


asyncio.run(main())
PY
echo "as described"
