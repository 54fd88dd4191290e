"""Answer the page's requests: an ASGI application over a desk and its sessions.

    POST /api/session                 a new session; its name goes with every other request
    GET  /api/state                   all that a page shows: databases, tables, what was asked
    POST /api/database, /api/remove   open one; delete a dropped one        POST /api/upload   drop one
    POST /api/ask, /api/run           a job                                 POST /api/stop     end it
    GET  /api/events                  what a job tells, as it happens (server-sent events)
    POST /api/export                  rows as csv, json or markdown         POST /api/new      a new subject
    POST /api/feedback                a thumb and a corrected statement

Nothing is served but these and the few files of `static/`; no address names a file of this computer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sqlagent.agent.agent import check_question
from sqlagent.base.errors import DatabaseError, SqlagentError, UsageError
from sqlagent.sql.names import quote
from sqlagent.ui import own_sql
from sqlagent.ui.web import events, feedback, messages, shelf, views
from sqlagent.ui.web.desk import Desk
from sqlagent.ui.web.jobs import Job, Kind
from sqlagent.ui.web.sessions import Session, Sessions

SESSION = "x-session"
STATEMENT_CHARACTERS = 100_000
MOST_EXAMPLES = 4
EXPORTS = {"csv": "text/csv", "json": "application/json", "markdown": "text/markdown"}
FILES = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/favicon.svg": ("favicon.svg", "image/svg+xml"),
    **{
        f"/{name}.js": (f"{name}.js", "text/javascript")
        for name in ("app", "api", "dom", "turn", "sql", "table", "chart", "diagram")
    },
}

Handler = Callable[["Page", Request, Session, dict[str, Any]], Awaitable[Response]]


class Page:
    """The application and what it works with."""

    def __init__(
        self, desk: Desk, sessions: Sessions, *, feedback_file: Path, upload_bytes: int, first: str = ""
    ) -> None:
        self.desk, self.sessions = desk, sessions
        self.feedback_file, self.upload_bytes, self.first = feedback_file, upload_bytes, first
        self._files = _static_files()
        routes = [Route(path, self._file, methods=["GET"]) for path in FILES]
        routes.append(Route("/api/session", self._begin, methods=["POST"]))
        routes.append(Route("/api/state", self._handled(_state), methods=["GET"]))
        routes.append(Route("/api/events", self._handled(_events), methods=["GET"]))
        routes.append(Route("/api/upload", self._upload, methods=["POST"]))
        routes += [
            Route(f"/api/{name}", self._handled(handler), methods=["POST"])
            for name, handler in _ACTIONS.items()
        ]
        self.app = Starlette(routes=routes)

    # ---- what needs no session, and what is no JSON ----

    async def _file(self, request: Request) -> Response:
        body, kind = self._files[request.url.path]
        return Response(body, media_type=kind, headers={"cache-control": "no-cache"})

    async def _begin(self, request: Request) -> Response:
        try:
            wanted = (await messages.body(request)).get("name")
        except UsageError as error:
            return messages.failed(error)
        session = await run_in_threadpool(self.sessions.begin)
        items = session.shelf.items
        first = next((item for item in items if item.name == wanted), None) or next(
            (item for item in items if item.id == self.first), None
        )
        if first is not None:
            session.open(first.id)
        return messages.answer({"session": session.id})

    async def _upload(self, request: Request) -> Response:
        """Take a dropped file piece by piece; it is refused as soon as it is too large or of the wrong kind."""
        session = self._session(request)
        if session is None:
            return messages.lost()
        name = request.query_params.get("name", "")
        path: Path | None = None
        try:
            self._check_size(int(request.headers.get("content-length") or 0))
            path = session.shelf.begin()
            await self._receive(request, path, name)
            item = await run_in_threadpool(session.shelf.keep, name, path)
        except (SqlagentError, OSError, ClientDisconnect, ValueError) as error:
            if path is not None:
                path.unlink(missing_ok=True)
            if isinstance(error, SqlagentError):
                return messages.failed(error)
            return messages.failed(UsageError("The file did not arrive whole; drop it again."))
        await self.turn_to(session, item)
        return await _state(self, request, session, {})

    async def _receive(self, request: Request, path: Path, name: str) -> None:
        size, head = 0, b""
        with path.open("xb") as file:
            async for part in request.stream():
                if not head and part:
                    head = part
                    shelf.check_kind(head, name)
                size += len(part)
                self._check_size(size)
                await run_in_threadpool(file.write, part)
        shelf.check_kind(head, name)

    def _check_size(self, size: int) -> None:
        if size > self.upload_bytes:
            limit = f"{self.upload_bytes / 1e6:,.0f} MB"
            raise UsageError(f"The file is larger than {limit}: open it with `sqlagent web FILE` instead.")

    # ---- the others ----

    def _session(self, request: Request) -> Session | None:
        return self.sessions.find(request.headers.get(SESSION, ""))

    def _handled(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            session = self._session(request)
            if session is None:
                return messages.lost()
            try:
                return await handler(self, request, session, await messages.body(request))
            except SqlagentError as error:
                return messages.failed(error)

        return handle

    def job(self, session: Session, wish: dict[str, Any]) -> Job:
        """The job of this session that a request names. Raises UsageError."""
        found = session.jobs.get(messages.text(wish, "job", 100))
        if found is None:
            raise UsageError("That question is no longer kept; ask it again.")
        return found

    async def turn_to(self, session: Session, item: shelf.Item | None) -> None:
        """Look at another database, or at none: what was asked of the one before is stopped."""
        if item is None or item.id != session.database:
            for job in [one for one in session.jobs.values() if not one.done]:
                await run_in_threadpool(self.desk.stop, job)
        session.open(item.id if item else "")
        if item is not None:
            self.desk.opened(str(item.path))

    def take(self, session: Session, job: Job) -> Response:
        self.desk.submit(session, job)
        return messages.answer({"job": job.id, "text": views.shown(job.text)})


# ---- what a page shows -------------------------------------------------------------------------------------


async def _state(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    """Everything that a page shows."""
    items = session.shelf.items
    known: dict[str, Any] = {
        "databases": [
            {
                "id": one.id,
                "name": views.name(one.name),
                "where": views.name(one.where),
                "dropped": one.dropped,
            }
            for one in items
        ],
        "database": session.database,
        "anywhere": session.shelf.anywhere,
        "model": page.desk.model_name,
        "upload_bytes": page.upload_bytes,
        "jobs": [
            {"id": job.id, "kind": job.kind, "text": job.text, "of": job.of} for job in session.jobs.values()
        ],
    }
    if session.database:
        item = session.shelf.item(session.database)
        try:
            known["schema"], known["examples"] = await run_in_threadpool(_schema, item)
        except DatabaseError as error:
            known["trouble"] = str(error)
    return messages.answer(known)


def _schema(item: shelf.Item) -> tuple[dict[str, Any], list[str]]:
    """What a database holds, and questions to begin with. Raises DatabaseError."""
    from sqlagent.database import schema
    from sqlagent.ui import starter_questions

    try:
        found = schema.read(item.path)
        proposed = (views.name(question) for question, _ in starter_questions.proposed(found))
        return views.schema(found), [*item.examples] or list(islice(proposed, MOST_EXAMPLES))
    except DatabaseError as error:
        raise DatabaseError(_named(str(error), item)) from None


async def _database(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    """Open another database, by its name on the shelf or by a path that was typed."""
    if "path" in wish:
        item = await run_in_threadpool(session.shelf.typed, messages.text(wish, "path", 4096))
    else:
        item = session.shelf.item(messages.text(wish, "id", 100))
    await run_in_threadpool(_schema, item)  # one that cannot be read leaves the other open
    await page.turn_to(session, item)
    return await _state(page, request, session, {})


async def _remove(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    """Delete a dropped file; where it is open, what is going on with it is stopped."""
    item = session.shelf.removable(messages.text(wish, "id", 100))
    if session.database == item.id:
        await page.turn_to(session, None)
    await run_in_threadpool(page.desk.drop, str(item.path))
    session.shelf.remove(item.id)
    return await _state(page, request, session, {})


# ---- questions and statements ------------------------------------------------------------------------------


async def _ask(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    question = check_question(messages.text(wish, "question", messages.BODY_BYTES))
    item, unsure = _open(session), own_sql.is_sql(question, own_sql.begins_like_sql)
    anyway = bool(wish.get("anyway"))
    return page.take(session, _job("ask", question, session, item, anyway=anyway, unsure=unsure))


async def _run(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    item = _open(session)
    if "table" in wish:
        sql = await run_in_threadpool(_all_of, item, wish["table"])
    else:
        sql = messages.text(wish, "sql", STATEMENT_CHARACTERS).strip()
    if not sql:
        raise UsageError("The statement is empty; write a SELECT.")
    return page.take(session, _job("run", sql, session, item, of=str(wish.get("of") or "")[:100]))


def _all_of(item: shelf.Item, place: Any) -> str:
    """The statement for all rows of a table, by its place in the schema. Raises UsageError."""
    from sqlagent.database import schema

    tables = schema.read(item.path).tables
    if not isinstance(place, int) or not 0 <= place < len(tables):
        raise UsageError("There is no such table any more; load the page again.")
    return f"SELECT * FROM {quote(tables[place].name)}"


async def _stop(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    await run_in_threadpool(page.desk.stop, page.job(session, wish))
    return messages.answer({})


async def _new(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    session.conversation.forget()
    return messages.answer({})


async def _events(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    job = page.job(session, dict(request.query_params))
    seen = request.query_params.get("from", "0")
    news = events.stream(page.desk, job, int(seen) if seen.isascii() and seen.isdigit() else 0)
    return StreamingResponse(news, media_type="text/event-stream", headers={"cache-control": "no-store"})


# ---- what comes of an answer -------------------------------------------------------------------------------


async def _export(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    job, format = page.job(session, wish), messages.text(wish, "format", 20)
    if format not in EXPORTS:
        raise UsageError(f"There is no format {format!r}; choose one of {', '.join(EXPORTS)}.")
    if job.result is None:
        raise UsageError("Its rows are no longer kept; run the statement again.")
    from sqlagent.ui import formats

    result, style = job.result, formats.Style(format, csv_safe=True)
    if result.cut:
        result = await run_in_threadpool(page.desk.whole, job, result)
    chunks = messages.pieces(formats.lines(result.columns, result.rows, style))
    return StreamingResponse(chunks, media_type=EXPORTS[format], headers=messages.PRIVATE)


async def _feedback(page: Page, request: Request, session: Session, wish: dict[str, Any]) -> Response:
    job, verdict = page.job(session, wish), messages.text(wish, "verdict", 10)
    corrected = messages.text(wish, "sql", STATEMENT_CHARACTERS).strip() if wish.get("sql") else ""
    if verdict not in ("up", "down"):
        raise UsageError("A verdict is up or down.")
    if job.answer is None or job.kind != "ask":
        raise UsageError("Only an answer that is still kept can be judged; ask the question again.")
    item = next((one for one in session.shelf.items if str(one.path) == job.path), None)
    await run_in_threadpool(
        _record, page.feedback_file, job, verdict, corrected, page.desk.model_name, item.name if item else ""
    )
    return messages.answer({"file": str(page.feedback_file) if session.shelf.anywhere else ""})


def _record(file: Path, job: Job, verdict: str, corrected: str, model: str, database: str) -> None:
    from sqlagent.database import schema

    assert job.answer is not None
    feedback.record(
        file,
        schema=schema.read(job.path),
        database=database,
        question=job.text,
        sql=job.answer.sql,
        verdict=verdict,
        corrected=corrected,
        history=job.history,
        model=model,
    )


_ACTIONS: dict[str, Handler] = {
    "database": _database,
    "remove": _remove,
    "ask": _ask,
    "run": _run,
    "stop": _stop,
    "new": _new,
    "export": _export,
    "feedback": _feedback,
}


def _open(session: Session) -> shelf.Item:
    """The database that a session looks at. Raises UsageError when there is none."""
    if not session.database:
        raise UsageError("Choose a database first, or drop a file.")
    return session.shelf.item(session.database)


def _job(kind: Kind, text: str, session: Session, item: shelf.Item, **more: Any) -> Job:
    return Job(kind, text, session.id, str(item.path), name=item.name if item.dropped else "", **more)


def _named(text: str, item: shelf.Item) -> str:
    """A sentence about a file with its name in place of its path, where the path is nobody's business."""
    return text.replace(str(item.path), item.name) if item.dropped else text


def _static_files() -> dict[str, tuple[bytes, str]]:
    """The page's own files by address, read once."""
    folder = resources.files("sqlagent.ui.web") / "static"
    return {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in FILES.items()}
