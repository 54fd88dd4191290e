"""Starting, talking to and ending the worker process.

Invariant: no call waits past the moment it was given, and after `kill` the process is gone and reaped. What
it says is bytes in frames; nothing about them is believed before `wire` has checked it.
"""

from __future__ import annotations

import contextlib
import os
import queue
import select
import subprocess
import sys
import threading
import time
import weakref
from typing import Any

from sqlagent.base.errors import DatabaseError
from sqlagent.sandbox import wire

_ENVIRONMENT = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PATH")
"""Variables the worker gets; secrets in the others stay here."""
_BOOT = "import sys; sys.path.append(sys.argv.pop()); from sqlagent.sandbox.worker import main; main()"
_PIPE_BYTES = 1 << 20


class Gone(Exception):
    """The worker ended; the text says how."""


class Process:
    """One worker. `polled`: read its pipe when ready, or else by a thread (Windows cannot poll pipes)."""

    def __init__(self, config: dict[str, Any], *, polled: bool = os.name == "posix") -> None:
        if not sys.executable:
            raise DatabaseError("This Python does not know its own program, which the sandbox has to start.")
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["MALLOC_ARENA_MAX"] = "1"  # each arena reserves address space, which is limited
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", *_bytecode(), "-c", _BOOT, root],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env=environment,
                cwd=os.path.abspath(os.sep),
                start_new_session=os.name == "posix",  # Ctrl-C in the terminal is for the parent
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise DatabaseError(
                f"The sandbox's process cannot be started: {error.strerror or error}."
            ) from None
        assert self._process.stdin is not None and self._process.stdout is not None
        self.pid = self._process.pid
        self.owner = os.getpid()
        self._input = self._process.stdin.fileno()
        output = self._process.stdout.fileno()
        self._pipe: _Polled | _Threaded = _Polled(output) if polled else _Threaded(output)
        self._polled = polled
        if polled:
            os.set_blocking(self._input, False)
        self._buffer = bytearray()
        self._end = weakref.finalize(self, _reap, self._process, self.owner)
        self.send(wire.frame(wire.OPEN, 0, wire.pack_json(config)), time.monotonic() + 5)

    def send(self, data: bytes, until: float) -> None:
        """Write all of `data`; raises Gone when the worker has ended, TimeoutError after `until`."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._input, view) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise TimeoutError("the worker does not read its requests") from None
                select.select([], [self._input], [], 0.05)
            except OSError:
                raise Gone(self._how()) from None

    def receive(self, until: float, largest: int) -> tuple[int, int, bytes] | None:
        """The next frame, or None when there is none before `until`. Raises Gone or WireError."""
        head = wire.HEADER.size
        while True:
            if len(self._buffer) >= head:
                kind, ident, size = wire.HEADER.unpack_from(self._buffer)
                if size > largest:
                    raise wire.WireError("a frame larger than allowed")
                if len(self._buffer) >= head + size:
                    payload = bytes(memoryview(self._buffer)[head : head + size])
                    del self._buffer[: head + size]
                    return kind, ident, payload
            piece = self._pipe.read(until - time.monotonic())
            if piece is None:
                return None
            if not piece:
                raise Gone(self._how())
            self._buffer += piece

    @property
    def alive(self) -> bool:
        """Whether it runs and belongs to this process (a fork of the parent must not share it)."""
        return self.owner == os.getpid() and self._end.alive and self._process.poll() is None

    def kill(self) -> None:
        """End it at once."""
        self._end()

    def _how(self) -> str:
        """How it ended, for a sentence."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(timeout=0.1)
            if code < 0:
                import signal

                with contextlib.suppress(ValueError):
                    return signal.Signals(-code).name
            return f"exit code {code}"
        return "it closed its output"


def _bytecode() -> list[str]:
    """Options by which the worker keeps and finds compiled modules as this process does: -I hides the variables."""
    prefix = [] if sys.pycache_prefix is None else ["-X", f"pycache_prefix={sys.pycache_prefix}"]
    return [*prefix, "-B"] if sys.dont_write_bytecode else prefix


def _reap(process: subprocess.Popen[bytes], owner: int) -> None:
    """Kill, close the pipes, collect. In a fork of the owner only close: the process is not its child."""
    if owner == os.getpid():
        with contextlib.suppress(OSError):
            process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    if owner == os.getpid():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)
    else:
        process.returncode = 0


class _Polled:
    """Reads a pipe that can be asked whether it has something."""

    def __init__(self, source: int) -> None:
        self._source = source
        with contextlib.suppress(ImportError, OSError, KeyError):
            import fcntl

            # Linux since Python 3.10; the constant is missing elsewhere.
            fcntl.fcntl(source, vars(fcntl)["F_SETPIPE_SZ"], _PIPE_BYTES)
        os.set_blocking(source, False)
        self._poll = select.poll()
        self._poll.register(source, select.POLLIN)

    def read(self, seconds: float) -> bytes | None:
        """Some bytes, b"" at the end, None when nothing comes in time."""
        if not self._poll.poll(max(0, int(seconds * 1000) + 1)):
            return None
        try:
            return os.read(self._source, _PIPE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return b""


class _Threaded:
    """Reads a pipe through a thread, for platforms whose pipes cannot be polled."""

    def __init__(self, source: int) -> None:
        self._pieces: queue.Queue[bytes] = queue.Queue(maxsize=8)
        self._source = source
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                piece = os.read(self._source, 1 << 16)
            except OSError:
                piece = b""
            self._pieces.put(piece)
            if not piece:
                return

    def read(self, seconds: float) -> bytes | None:
        """Some bytes, b"" at the end, None when nothing comes in time."""
        try:
            return self._pieces.get(timeout=max(0.001, seconds))
        except queue.Empty:
            return None
