"""Start and end the program: Ctrl-C is one line and exit code 130 from its first instruction to its last.

Invariant: before the handler is there nothing is imported but what the interpreter has loaded anyway (not even
`__future__`, hence the annotations in quotes), and Ctrl-C waits from this module's first line on. The process ends by
`os._exit`, so that nothing (a thread in llama.cpp, a destructor, a late Ctrl-C) runs while the interpreter takes itself
apart.
"""

import _signal  # type: ignore[import-not-found]  # built into the interpreter: nothing is looked for on the disk
import os
import sys

if hasattr(_signal, "pthread_sigmask"):  # a Ctrl-C waits until `run` has a handler for it
    _signal.pthread_sigmask(_signal.SIG_BLOCK, {_signal.SIGINT})

from sqlagent.ui.leaving import leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from sqlagent.agent.agent import TextModel


def main() -> "NoReturn":
    """`sqlagent …`"""
    run()


def repl_main() -> "NoReturn":
    """`sqlagent-repl DB`: the prompt, and nothing but the prompt."""
    run("repl")


def run(*before: str, model: "Callable[[], TextModel] | None" = None) -> "NoReturn":
    """Run the command line that this process was started with, `before` put before it, and end the process.

    model: makes what stands in for the model that would be loaded.
    """
    try:
        import signal

        signal.signal(signal.SIGINT, leave)
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _end(_main(before, model))
    except KeyboardInterrupt:  # before the handler was there, where no signal can be held back
        leave()


def _main(before: tuple[str, ...], model: "Callable[[], TextModel] | None") -> int:
    from sqlagent.base import terminal

    terminal.hold_standard_streams()
    sys.unraisablehook = _unraisable
    from sqlagent.ui import cli

    try:
        return cli.main([*before, *sys.argv[1:]], model=model() if model else None)
    except SystemExit as end:  # --help and --version
        return end.code if isinstance(end.code, int) else 0


def _unraisable(unraisable: "Any") -> None:
    """A Ctrl-C that came in a place from which nothing can be raised (a callback, a destructor) is one all the same."""
    if unraisable.exc_type is KeyboardInterrupt:
        leave()
    sys.__unraisablehook__(unraisable)


def _end(code: int) -> "NoReturn":
    import atexit
    import signal

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            pass  # nobody is listening any more
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # too late: all is said and done
    os._exit(code)
