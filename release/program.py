"""Start sqlagent where it is one file, or stand in for the interpreter that it starts its own children with.

    sqlagent ask shop.sqlite "…"                                # the program
    sqlagent -I -S -c "import sys; …" argument                  # what the sandbox starts
    sqlagent -m sqlagent.weights.quantize_worker argument       # what `models add --apply merge` starts

Invariant: code is run only behind `-c` or `-m` as the first words, as Python itself would; no command of sqlagent
begins with either.
"""

import os
import sys

_ALONE = ("-I", "-S", "-B", "-E", "-s", "-u")
"""Options of the interpreter that are in force here anyway, or change nothing."""


def _as_interpreter(words: list[str]) -> bool:
    """Run what the words ask the interpreter for; whether they did."""
    at = 0
    while at < len(words) and (words[at] in _ALONE or words[at] == "-X"):
        at += 2 if words[at] == "-X" else 1
    if len(words) < at + 2 or words[at] not in ("-c", "-m"):
        return False
    what, sys.argv = words[at + 1], [words[at], *words[at + 2 :]]
    if words[at] == "-c":
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    else:
        import runpy

        runpy.run_module(what, run_name="__main__", alter_sys=True)
    return True


def _tidy() -> None:
    """Give the programs that are started from here (a pager, an editor) their own libraries, not those in this folder.

    PyInstaller sets the variable before Python starts; the sandbox's process is this program again, and sets it anew.
    """
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if before is None:
        os.environ.pop("LD_LIBRARY_PATH", None)
    else:
        os.environ["LD_LIBRARY_PATH"] = before


_tidy()
if __name__ == "__main__" and not _as_interpreter(sys.argv[1:]):
    from sqlagent.ui.program import main

    main()
