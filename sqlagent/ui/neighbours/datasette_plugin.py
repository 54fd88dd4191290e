"""A box for questions in Datasette: `/DATABASE/-/ask?q=…` writes a statement and shows it on Datasette's own SQL page.

Found by its entry point where both are installed. Invariant: nothing is run here; Datasette runs the statement, under
its own permissions and limits, and the person sees it first. Who may not run SQL there may not ask either.
"""

from __future__ import annotations

import asyncio
import html
import urllib.parse
from typing import Any

from datasette import Forbidden, NotFound, Response, hookimpl

from sqlagent.agent.agent import Agent
from sqlagent.base.errors import SqlagentError

PAGE = """\
<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Ask {name}</title>
<h1>Ask {name}</h1>
<form><label>Question <input name="q" size="60" value="{question}" autofocus></label> <button>Ask</button></form>
<p role="alert">{said}</p>
</html>
"""
_agents: dict[str, Agent] = {}
"""An agent for each database that was asked about; it has the model."""


@hookimpl  # type: ignore[untyped-decorator]
def register_routes() -> list[tuple[str, Any]]:
    """Called by Datasette."""
    return [(r"^/(?P<database>[^/]+)/-/ask$", ask)]


@hookimpl  # type: ignore[untyped-decorator]
def database_actions(datasette: Any, actor: Any, database: str) -> Any:
    """Called by Datasette for the menu of a database."""

    async def links() -> list[dict[str, str]]:
        if not await datasette.permission_allowed(actor, "execute-sql", resource=database, default=True):
            return []
        return [{"href": datasette.urls.database(database) + "/-/ask", "label": "Ask a question"}]

    return links


async def ask(datasette: Any, request: Any) -> Any:
    """The box, or with a question the way to the statement that answers it."""
    name = urllib.parse.unquote(request.url_vars["database"])
    if name not in datasette.databases:
        raise NotFound(f"There is no database {name}.")
    if not await datasette.permission_allowed(request.actor, "execute-sql", resource=name, default=True):
        raise Forbidden("execute-sql")
    path, question, said = datasette.databases[name].path, request.args.get("q") or "", ""
    if path is None:
        said = "A database in memory cannot be asked about."
    elif question:
        try:
            sql = await asyncio.get_running_loop().run_in_executor(None, _statement, str(path), question)
            return Response.redirect(
                f"{datasette.urls.database(name)}?{urllib.parse.urlencode({'sql': sql})}"
            )
        except SqlagentError as error:
            said = str(error)
    page = PAGE.format(
        name=html.escape(name), question=html.escape(question, quote=True), said=html.escape(said)
    )
    return Response.html(page, status=400 if said else 200)


def _statement(path: str, question: str) -> str:
    if path not in _agents:
        _agents[path] = Agent(path)
    return _agents[path].ask(question).sql
