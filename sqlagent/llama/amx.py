"""Keep llama.cpp off Intel AMX tiles, where a build by an older GCC kills the process.

GCC 12 and older drop all but the first bytes of the tile configuration that ggml sets up, so that
`ldtilecfg` faults on the first prompt of two or more tokens (llama.cpp pull request 26954). ggml asks
Linux for permission to use tiles, once, and takes other kernels when it is refused; Linux refuses while
a thread has a signal stack too small for a tile frame. So: install a small one, let ggml ask, put the
old one back. Set SQLAGENT_AMX=1 to leave AMX on.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

_SMALL = 4096
"""Bytes: more than MINSIGSTKSZ (2048), less than the 8 kB of tile data alone."""
_SS_DISABLE = 2
_DEVICE_CPU = 0


class _Stack(ctypes.Structure):
    _fields_ = (("sp", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


def has_amx() -> bool:
    """Whether this is Linux on a processor with AMX tiles."""
    if sys.platform != "linux":
        return False
    try:
        return " amx_tile" in Path("/proc/cpuinfo").read_text(errors="replace")
    except OSError:
        return False


def avoid() -> None:
    """Make ggml choose its kernels now, without AMX; call before the first model is loaded."""
    if os.environ.get("SQLAGENT_AMX") == "1" or not has_amx():
        return
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        choose = _chooser()
    except (OSError, AttributeError, ImportError):
        return  # another build of llama.cpp: nothing to steer
    memory = ctypes.create_string_buffer(_SMALL)
    small, old = _Stack(ctypes.addressof(memory), 0, _SMALL), _Stack()
    if libc.sigaltstack(ctypes.byref(small), ctypes.byref(old)) != 0:
        return
    try:
        with _QuietStderr():  # ggml prints a line of its own when it is refused
            choose()
    finally:
        if old.flags & _SS_DISABLE:
            old.size = _SMALL
        libc.sigaltstack(ctypes.byref(old), None)


def _chooser() -> Any:
    """A function that makes ggml list the CPU's buffer types, which is when it asks for AMX."""
    from llama_cpp._ggml import libggml

    pointer = ctypes.c_void_p
    libggml.ggml_backend_dev_by_type.restype = pointer
    libggml.ggml_backend_dev_by_type.argtypes = [ctypes.c_int]
    libggml.ggml_backend_dev_backend_reg.restype = pointer
    libggml.ggml_backend_dev_backend_reg.argtypes = [pointer]
    libggml.ggml_backend_reg_get_proc_address.restype = pointer
    libggml.ggml_backend_reg_get_proc_address.argtypes = [pointer, ctypes.c_char_p]
    device = libggml.ggml_backend_dev_by_type(_DEVICE_CPU)
    if not device:
        raise AttributeError("no CPU device")
    registry = libggml.ggml_backend_dev_backend_reg(device)
    address = libggml.ggml_backend_reg_get_proc_address(registry, b"ggml_backend_dev_get_extra_bufts")
    if not address:
        raise AttributeError("no extra buffer types")
    function = ctypes.CFUNCTYPE(pointer, pointer)(address)
    return lambda: function(device)


class _QuietStderr:
    """Sends file descriptor 2 to nowhere for the moment of one C call."""

    def __enter__(self) -> None:
        sys.stderr.flush()
        self._saved = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)

    def __exit__(self, *_exc: object) -> None:
        os.dup2(self._saved, 2)
        os.close(self._saved)
