"""Let in requests from the page itself, and nobody else's.

Invariants: a request whose Host is not one of the server's names is refused (DNS rebinding), and so is one that
another site's page makes (Origin, Sec-Fetch-Site) or that changes something without the header that only a script of
the same origin can set. With a token, nothing is told without it. No answer may be framed, sniffed, or run code or
load anything from elsewhere.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER = "x-sqlagent"
"""A request with it is a script's of the same origin: a form or an image cannot set it."""
COOKIE = "sqlagent-token"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {frames}"
)


@dataclass(frozen=True)
class Door:
    """What is let in. `hosts` are names without a port; `token` is "" where none is asked for.

    any_address: also hosts that are IP addresses, which no name can be rebound to. frames: who may frame the page.
    """

    hosts: frozenset[str]
    token: str = field(default="", repr=False)
    any_address: bool = False
    frames: str = "'none'"

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What is said with every answer."""
        said = {
            "content-security-policy": POLICY.format(frames=self.frames),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), microphone=(), geolocation=()",
        }
        if self.frames == "'none'":
            said["x-frame-options"] = "DENY"
        return [(name.encode(), value.encode()) for name, value in said.items()]

    def refusal(self, method: str, headers: dict[str, str]) -> str:
        """Why a request is refused, in a sentence; "" where its origin is the page's own."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return "This server does not answer to that name."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "Requests of other sites are refused."
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not self._may_be_followed(
            method, headers
        ):
            return "Requests of other sites are refused."
        if method not in ("GET", "HEAD") and headers.get(HEADER) != "1":
            return f"A request that changes something needs the header {HEADER}."
        return ""

    def knows(self, token: str) -> bool:
        """Whether that is the token, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(token.encode("utf-8", "replace"), self.token.encode())

    @staticmethod
    def _may_be_followed(method: str, headers: dict[str, str]) -> bool:
        """Whether it is somebody following a link to the page, not a page reading or embedding it."""
        return (
            method == "GET"
            and headers.get("sec-fetch-mode") == "navigate"
            and headers.get("sec-fetch-dest") in ("document", "iframe")
        )

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name.lower() in self.hosts:
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class Guarded:
    """An application behind a door. `quiet` are paths that a token is not asked for: none by default."""

    def __init__(self, app: App, door: Door, quiet: Iterable[str] = ()) -> None:
        self.app, self.door, self.quiet = app, door, frozenset(quiet)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no web sockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        said = self.door.headers()

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *said]
            await send(message)

        if why := self.door.refusal(scope["method"], headers):
            await _reply(answer, 403, why)
        elif self.door.token and scope["path"] not in self.quiet and not self._is_known(headers):
            await self._ask_token(scope, answer)
        else:
            await self.app(scope, receive, answer)

    def _is_known(self, headers: dict[str, str]) -> bool:
        pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
        return any(name == COOKIE and self.door.knows(value) for name, _, value in pairs)

    async def _ask_token(self, scope: Scope, answer: Send) -> None:
        """Take the token out of the address into a cookie, or say that one is needed."""
        shown = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["method"] == "GET" and scope["path"] == "/" and self.door.knows(shown):
            cookie = f"{COOKIE}={self.door.token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000"
            await _reply(answer, 303, "", [(b"location", b"/"), (b"set-cookie", cookie.encode())])
        else:
            await _reply(answer, 401, "Open the address with the token that `sqlagent web` printed.")


async def _reply(send: Send, status: int, text: str, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
