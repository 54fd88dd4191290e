"""What the operating system can take away from the worker: memory, files, processes, on Linux all writing.

Invariant: everything here only ever removes rights, and a platform without a mechanism is left as it was; the
caller is told what is in force.
"""

from __future__ import annotations

import contextlib
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

resource: Any
try:
    import resource
except ImportError:  # Windows
    resource = None

BASELINE = 96 << 20
"""Address space in bytes that Python and its libraries take before the first query."""


def limit_resources(memory: int) -> list[str]:
    """Set the limits that exist here: `memory` is bytes on top of the interpreter's own (0: no limit)."""
    if resource is None:
        return []
    wanted = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 32,
        "RLIMIT_NPROC": 0,
        "RLIMIT_AS": memory + BASELINE if memory else -1,
    }
    done = []
    for name, value in wanted.items():
        code = getattr(resource, name, None)
        if code is None or value < 0:
            continue
        with contextlib.suppress(OSError, ValueError):
            hard = resource.getrlimit(code)[1]
            if hard not in (resource.RLIM_INFINITY, -1):
                value = min(value, hard)
            resource.setrlimit(code, (value, value))
            done.append(name)
    return done


@contextlib.contextmanager
def less_memory(size: int) -> Iterator[None]:
    """Let this process take at most `size` more bytes of address space meanwhile (0: no change).

    Only where the system says how much it has taken (Linux).
    """
    before = None
    if resource is not None and size:
        with contextlib.suppress(OSError, ValueError, IndexError):
            with open("/proc/self/statm") as file:
                taken = int(file.read().split()[0]) * resource.getpagesize()
            soft, hard = resource.getrlimit(resource.RLIMIT_AS)
            if soft in (resource.RLIM_INFINITY, -1) or taken + size < soft:
                resource.setrlimit(resource.RLIMIT_AS, (taken + size, hard))
                before = soft, hard
    try:
        yield
    finally:
        if before is not None:
            resource.setrlimit(resource.RLIMIT_AS, before)


def limit_processor(seconds: float) -> None:
    """Let this process use `seconds` more of processor time before the system ends it; a last resort."""
    if resource is None:
        return
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = int(min(usage.ru_utime + usage.ru_stime + seconds, 1 << 30)) + 3
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.getrlimit(resource.RLIMIT_CPU)[1]))


# Rights of the Linux Landlock interface (linux/landlock.h), by the version that brought them.
_EXECUTE, _WRITE_FILE = 1 << 0, 1 << 1
_REMOVE_AND_MAKE = sum(1 << bit for bit in range(4, 13))
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_TCP_BIND_AND_CONNECT = 3
_SCOPE_SOCKETS_AND_SIGNALS = 3
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_PR_SET_NO_NEW_PRIVS = 38


def landlock() -> list[str]:
    """Forbid this thread, and those it starts, to write, create, remove or execute any file, or to use TCP.

    Needs Linux 5.13 with Landlock enabled; files that are open already are not affected.
    """
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
        if version < 1:
            return []
        files = _EXECUTE | _WRITE_FILE | _REMOVE_AND_MAKE
        files |= _REFER if version >= 2 else 0
        files |= _TRUNCATE if version >= 3 else 0
        network = _TCP_BIND_AND_CONNECT if version >= 4 else 0
        scope = _SCOPE_SOCKETS_AND_SIGNALS if version >= 6 else 0
        size = 8 if version < 4 else 16 if version < 6 else 24
        attributes = struct.pack("<QQQ", files, network, scope)[:size]
        ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), ctypes.c_uint32(0))
        if ruleset < 0:
            return []
        zero = ctypes.c_ulong(0)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) != 0:
            return []
        applied = libc.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    except (ImportError, OSError, AttributeError):
        return []
    os.close(ruleset)
    return ["landlock"] if applied else []
