"""Say, once, that the program was interrupted, and end it.

Invariant: nothing is imported here that the interpreter has not loaded anyway: Ctrl-C may come at any moment.
"""

import _thread
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

_INTERRUPTED = 130  # errors.INTERRUPTED, before errors can be imported
_said = _thread.allocate_lock()


def first_to_say(afresh: bool = False) -> bool:
    """Whether nobody has said yet that the program was interrupted; from now on somebody has, unless `afresh`."""
    if afresh and _said.locked():
        _said.release()
    return not afresh and _said.acquire(False)


def leave(number: int = 0, frame: "FrameType | None" = None) -> "NoReturn":
    """Say that the program was interrupted, and end it; the signal handler where nothing runs that must be ended."""
    try:
        if first_to_say():
            redraws = os.isatty(2) and os.environ.get("TERM") != "dumb"
            os.write(2, (b"\r\x1b[K" if redraws else b"") + b"sqlagent: Interrupted.\n")
    finally:
        os._exit(_INTERRUPTED)
