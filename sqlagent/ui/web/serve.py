"""Start the server behind `sqlagent web`, and take it down again.

It listens on this computer alone unless a host is named; then whoever comes needs the token in the address that is
printed. The page can be asked while the model is still being loaded.
"""

from __future__ import annotations

import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from sqlagent.base import paths
from sqlagent.base.errors import UsageError
from sqlagent.ui.web.app import Page
from sqlagent.ui.web.desk import Desk, Settings
from sqlagent.ui.web.door import App, Door, Guarded
from sqlagent.ui.web.sessions import Session, Sessions
from sqlagent.ui.web.shelf import Folder, Item, Shelf

LOOPBACK = ("127.0.0.1", "localhost", "::1")
UPLOAD_MB = 512


@dataclass(frozen=True, slots=True)
class Server:
    """What to serve. `items` are the databases that everybody may open, the first one at once.

    anywhere: paths may be typed. upload_mb: largest file that may be dropped.
    """

    settings: Settings
    items: Sequence[Item]
    anywhere: bool = True
    upload_mb: int = UPLOAD_MB


@contextmanager
def opened(server: Server) -> Iterator[App]:
    """The application, not yet behind a door; everything that it holds is let go of at the end."""
    home = paths.cache_dir()
    folder = Folder(home / "web")
    ended: list[Desk] = []

    def shelf() -> Shelf:
        return Shelf(server.items, folder.path, anywhere=server.anywhere)

    def end(session: Session) -> None:
        for desk in ended:
            desk.ended(session)

    sessions = Sessions(shelf, end)
    desk = Desk(server.settings, sessions)
    ended.append(desk)
    first = server.items[0] if server.items else None
    page = Page(
        desk,
        sessions,
        feedback_file=home / "feedback.jsonl",
        upload_bytes=server.upload_mb * 1_000_000,
        first=first.id if first else "",
    )
    if first is not None:
        desk.opened(str(first.path))
    try:
        yield page.app
    finally:
        sessions.close()
        desk.close()
        folder.close()


def door(host: str, token: str = "") -> Door:
    """The door for an address to listen on; a fresh token where it is not this computer's own and none is given."""
    if host in LOOPBACK:
        return Door(frozenset(LOOPBACK), token)
    names = {*LOOPBACK, host.lower(), socket.gethostname().lower(), socket.getfqdn().lower()}
    return Door(frozenset(names), token or secrets.token_urlsafe(24), any_address=True)


def listening(host: str, port: int) -> socket.socket:
    """A socket on which the server will answer. Raises UsageError."""
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        if isinstance(error, OSError) and error.errno is not None and "in use" in str(error).lower():
            raise UsageError(
                f"Something answers at {host}:{port} already (another `sqlagent web`?): choose another --port."
            ) from None
        raise UsageError(
            f"The server cannot listen at {host}:{port} ({error}): choose --host and --port."
        ) from None
    made.listen(128)
    return made


def address(bound: socket.socket, host: str, token: str) -> str:
    """The address to open."""
    name = f"[{host}]" if ":" in host else host
    if host in ("0.0.0.0", "::"):
        name = socket.gethostname()
    return f"http://{name}:{bound.getsockname()[1]}/" + (f"?token={token}" if token else "")


class Stop:
    """Ends the server on Ctrl-C or SIGTERM, from the moment it is entered.

    Nothing is raised: an exception in the middle of an import would leave other threads waiting for it for ever.
    """

    def __init__(self) -> None:
        self.asked = False
        self.running: uvicorn.Server | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = {one: signal.signal(one, self._end) for one in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        if self.running is not None:
            self.running.should_exit = True


def serve(app: App, at: Door, bound: socket.socket, stop: Stop, *, browser: str = "") -> None:
    """Answer until `stop` says so. browser: an address to show in the person's browser."""
    config = uvicorn.Config(
        Guarded(app, at),
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
        ws="none",
    )
    stop.running = uvicorn.Server(config)
    if browser:
        threading.Timer(0.3, webbrowser.open, [browser]).start()
    if not stop.asked:
        stop.running.run(sockets=[bound])


def exists(paths: Sequence[str]) -> list[Path]:
    """The databases of a command line, each looked at. Raises DatabaseError."""
    from sqlagent.database import schema

    found = []
    for text in paths:
        path = Path(text).expanduser()
        schema.read(path)
        found.append(path)
    return found
