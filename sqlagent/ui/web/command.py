"""Run `sqlagent web [DB…]`: say where the page is, and serve it until Ctrl-C."""

from __future__ import annotations

import argparse
import importlib.util
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import errors
from sqlagent.base.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from sqlagent.agent.attempt import TextModel
    from sqlagent.sandbox.sandbox import Limits
    from sqlagent.ui.console import Console
    from sqlagent.ui.web.shelf import Item

NEEDS = ("starlette", "uvicorn")


def run(args: argparse.Namespace, console: Console, model: TextModel | None, limits: Limits) -> int:
    """Serve the page. Raises UsageError, DatabaseError; a model that is missing is told on the page."""
    if missing := [name for name in NEEDS if importlib.util.find_spec(name) is None]:
        raise UsageError(f"The page needs {' and '.join(missing)}: run `pip install 'sqlagent[web]'`.")
    from sqlagent.base import terminal
    from sqlagent.ui.web import serve
    from sqlagent.ui.web.desk import Settings

    if args.port > 65535:
        raise UsageError(f"There is no port {args.port}; choose one up to 65535, or 0 for any.")
    items = databases(args.databases)
    if model is None:
        from sqlagent.store import models

        models.find(args.model)  # a name that nobody knows ends here
    settings = Settings(
        model=model if model is not None else args.model,
        adapter=args.adapter,
        effort=args.effort,
        offline=args.offline,
        quiet=console.quiet,
        limits=limits,
    )
    at = serve.door(args.host, args.token or "")
    local = args.host in serve.LOOPBACK
    server = serve.Server(settings, items, anywhere=local, upload_mb=args.max_upload)
    bound = serve.listening(args.host, args.port)
    with serve.Stop() as stop, bound, serve.opened(server) as app:
        url = serve.address(bound, args.host, at.token)
        terminal.line(url)
        console.notice("Open this address in a browser; Ctrl-C ends the server.")
        if not local:
            console.notice("Whoever has the address can read the databases: keep the token to yourself.")
        serve.serve(app, at, bound, stop, browser=url if args.open else "")
    return errors.OK


def databases(paths: list[str]) -> list[Item]:
    """What may be chosen: the named ones, or the demonstration, and then what else lies in this folder."""
    from sqlagent.ui.web import serve, shelf

    named = serve.exists(paths)
    items = shelf.given(named)
    near = shelf.near(Path.cwd(), named)
    return [*items, *near] if items else [*near, demonstration()]


def demonstration() -> Item:
    """The small company. Raises DatabaseError when it cannot be written."""
    from sqlagent.base import paths
    from sqlagent.ui import demo_database
    from sqlagent.ui.web.shelf import Item

    try:
        path = demo_database.ensure(paths.cache_dir())
    except (OSError, sqlite3.Error) as error:
        raise DatabaseError(
            f"The demonstration database cannot be written ({error}): set SQLAGENT_HOME."
        ) from None
    return Item("demo", "a small company", path, "the demonstration", examples=demo_database.EXAMPLES)
