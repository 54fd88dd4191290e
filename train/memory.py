"""The process's memory, where the C library is glibc; elsewhere nothing happens.

Invariant: between the sequences of a step freed memory stays, because fresh pages are slow; after the step it goes
back, because what is left between the pieces still in use fits no later request and adds up to gigabytes.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
"""glibc's malloc.h."""


def keep() -> None:
    """Keep what is freed, from now on, until `trim`."""
    mallopt = getattr(_libc(), "mallopt", None)
    if mallopt is not None:
        for setting, value in ((_MMAP_THRESHOLD, 2**25), (_TRIM_THRESHOLD, 2**31 - 1), (_TOP_PAD, 2**28)):
            mallopt(setting, value)


def trim() -> None:
    """Give back every free page, also those between pieces in use."""
    malloc_trim = getattr(_libc(), "malloc_trim", None)
    if malloc_trim is not None:
        malloc_trim(0)


@cache
def _libc() -> Any:
    return ctypes.CDLL(None) if sys.platform == "linux" else None
