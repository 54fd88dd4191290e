#!/bin/sh
# vanna 2.0.2 on SQLite: the rows of a WITH statement do not reach the model, which reads "1 row(s) affected".
#
# Expected: RunSqlTool with SqliteRunner shows the model the rows of any statement that has rows, with every column, and of an
#           UPDATE how many rows it changed.
# Seen:     a statement is a query if its first word is SELECT. WITH, VALUES, PRAGMA table_info and a SELECT below a comment
#           are run, "Query executed successfully. 1 row(s) affected." is what the model is told, and the rows are thrown
#           away. The number is that of the frame with the number in it, so an UPDATE of three rows and one of none affect
#           1 row, too. Rows go through a dict by name: SELECT * of owner and shop shows the owners' ids and names, and
#           not the shops' ones. success is true in every case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q vanna==2.0.2 pandas==3.1.1
cd "$work"
venv/bin/python - <<'PY'
import asyncio
import sqlite3

from vanna.capabilities.sql_runner import RunSqlToolArgs
from vanna.core.tool import ToolContext
from vanna.core.user import User
from vanna.integrations.local.agent_memory import DemoAgentMemory
from vanna.integrations.sqlite import SqliteRunner
from vanna.tools import RunSqlTool

file = sqlite3.connect("file.db")
file.executescript("""
    CREATE TABLE shop (id INTEGER, name TEXT, owner INTEGER);
    CREATE TABLE owner (id INTEGER, name TEXT);
    INSERT INTO shop VALUES (1, 'Bakery', 7), (2, 'Forge', 7), (3, 'Mill', 8);
    INSERT INTO owner VALUES (7, 'Ada'), (8, 'Ben');
""")
file.close()
tool = RunSqlTool(SqliteRunner("file.db"))
context = ToolContext(user=User(id="u"), conversation_id="c", request_id="r", agent_memory=DemoAgentMemory())
DONE = "Query executed successfully. 1 row(s) affected."


def ask(sql):
    result = asyncio.run(tool.execute(context, RunSqlToolArgs(sql=sql)))
    assert result.success
    said = result.result_for_llm.split("\n\n")[0]
    print(repr(sql), said, sep="\n    ")
    return said


assert ask("SELECT count(*) AS n FROM shop") == "n\n3"
for sql in (
    "WITH s AS (SELECT * FROM shop) SELECT count(*) AS n FROM s",
    "-- how many shops\nSELECT count(*) AS n FROM shop",
    "VALUES (1), (2)",
    "PRAGMA table_info(shop)",
    "UPDATE shop SET owner = 9",
    "UPDATE shop SET owner = 7 WHERE id = 99",
):
    assert ask(sql) == DONE, "this has changed"
joined = ask("SELECT * FROM owner JOIN shop ON shop.id = owner.id - 6")
assert joined == "id,name,owner\n7,Ada,9\n8,Ben,9", "this has changed"
PY
echo "as described"
