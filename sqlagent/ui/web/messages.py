"""Read what a page sends, and write what it is answered: JSON both ways."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from sqlagent.base.errors import SqlagentError, UsageError

BODY_BYTES = 200_000
"""Longest request that is not a file."""
PRIVATE = {"cache-control": "no-store"}
"""Headers of what no cache may keep."""
PIECE_CHARACTERS = 1 << 16


async def body(request: Request) -> dict[str, Any]:
    """A request's JSON object; {} where it has none. Raises UsageError."""
    if request.method == "GET":
        return {}
    parts, size = [], 0
    with contextlib.suppress(ClientDisconnect):
        async for part in request.stream():
            size += len(part)
            if size > BODY_BYTES:
                raise UsageError("That is too long for one request.")
            parts.append(part)
    try:
        found = json.loads(b"".join(parts) or b"{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError("The request is no JSON object.")
    return found


def text(wish: dict[str, Any], name: str, longest: int) -> str:
    """A text of a request. Raises UsageError when it is missing or too long."""
    found = wish.get(name)
    if not isinstance(found, str) or len(found) > longest:
        raise UsageError(f"The request has no {name}, or one that is too long.")
    return found.encode("utf-8", "replace").decode()


def dumps(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def answer(value: Any, status: int = 200) -> Response:
    return Response(dumps(value), status, media_type="application/json", headers=PRIVATE)


def failed(error: SqlagentError) -> Response:
    return JSONResponse({"error": str(error)}, 400, headers=PRIVATE)


def lost() -> Response:
    return JSONResponse({"error": "This page's session is over; it begins a new one."}, 410, headers=PRIVATE)


def pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Lines as bytes, many at a time: each piece that is sent costs a turn of the server's threads."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size > PIECE_CHARACTERS:
            yield "".join(held).encode("utf-8", "backslashreplace")
            held, size = [], 0
    yield "".join(held).encode("utf-8", "backslashreplace")
