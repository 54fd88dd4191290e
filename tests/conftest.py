"""What every test stands on: an empty home, no network, and the tiny model once for all."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_dir

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:  # bench/, convert/ and train/ are tested from the checkout
    sys.path.insert(0, str(ROOT))

# Many tests start processes, which would compile the same modules again and again. Some environments ask Python not to
# write what it has compiled; a checkout has room for it, and git ignores it.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_LOOPBACK = ("127.", "::1", "localhost", "::ffff:127.")


def _deny(address: Any) -> None:
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host and not str(host).startswith(_LOOPBACK):
        raise PermissionError(f"tests may not open a connection to {host}")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Denies every connection and name lookup but loopback's, in this process."""
    patch = pytest.MonkeyPatch()
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _deny(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _deny(address)
        return connect_ex(self, address)

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        _deny(host)
        return lookup(host, *args, **kwargs)

    patch.setattr(socket.socket, "connect", guarded_connect)
    patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
    patch.setattr(socket, "getaddrinfo", guarded_lookup)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The SQLAGENT_HOME of a test that sets no other."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def private_settings(session_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test, nor a command that it starts, sees the user's own settings or goes online."""
    for name in list(os.environ):
        if name.startswith(("SQLAGENT_", "HF_")) and not name.startswith("SQLAGENT_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("SQLAGENT_HOME", str(session_home))
    monkeypatch.setenv("SQLAGENT_OFFLINE", "1")


@pytest.fixture(scope="session")
def small_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Where the database of a script is, made once for all the tests that only read it."""
    made: dict[str, Path] = {}

    def at(script: str) -> Path:
        if script not in made:
            made[script] = tmp_path_factory.mktemp("small") / "small.sqlite"
            with contextlib.closing(sqlite3.connect(made[script])) as connection:
                connection.executescript(script)
        return made[script]

    return at


@pytest.fixture(scope="session")
def tiny_path() -> Path:
    """The tiny model, pulled once by the real code into a folder that outlives the run.

    SQLAGENT_TEST_MODELS names that folder; without it, it is one in the user's cache. The test is skipped
    when the model cannot be had, or fails when SQLAGENT_TEST_NEED_MODEL is set.
    """
    home = os.environ.get("SQLAGENT_TEST_MODELS") or user_cache_dir("sqlagent-tests", appauthor=False)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SQLAGENT_", "HF_"))}
    script = (
        "import sys; from sqlagent.store import models; sys.stdout.write(str(models.ensure('smollm2-135m')))"
    )
    done = subprocess.run(  # its own process: this one may not go online
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**kept, "SQLAGENT_HOME": home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=280,
    )
    if done.returncode == 0:
        return Path(done.stdout)
    reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    if os.environ.get("SQLAGENT_TEST_NEED_MODEL"):
        pytest.fail(f"the tiny model is needed and cannot be had: {reason}")
    pytest.skip(f"the tiny model cannot be had: {reason}")
