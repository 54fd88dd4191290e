"""Where the prompt's lines come from: a terminal (with history, completion and colours) or a pipe.

Each source is an iterator over lines that ends at Ctrl-D or the end of the pipe. Ctrl-C at the prompt gives
up the line being typed.
"""

from __future__ import annotations

import bisect
import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base.visible import UNSAFE, visible

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import CompleteEvent, Completion
    from prompt_toolkit.document import Document
    from prompt_toolkit.history import History
    from prompt_toolkit.layout.processors import Processor, TransformationInput

Complete = Callable[[str], tuple[str, list[str]]]

PROMPT = "sqlagent> "


def piped_lines() -> Iterator[str]:
    """Lines of stdin, as they are; bytes that are not UTF-8 become replacement characters."""
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    for line in sys.stdin or ():
        yield line.rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Look:
    """How the next line is asked for: what stands before it, below it, and in it already, and whose keys work."""

    prompt: str = PROMPT
    toolbar: str = ""
    line: str = ""
    vi: bool = False


def typed_lines(
    history: Path,
    complete: Complete,
    *,
    color: bool,
    look: Callable[[], Look] = Look,
    ready: Callable[[], None] = lambda: None,
) -> Iterator[str]:
    """Lines typed on the terminal; `look` is asked before each. ready: called once, when the first can be typed."""
    from prompt_toolkit.enums import EditingMode

    session = _session(history, complete, color=color)

    def shown_first(_: object) -> None:
        session.app.after_render -= shown_first
        ready()

    session.app.after_render += shown_first
    while True:
        shown = look()
        session.bottom_toolbar = visible(shown.toolbar) or None
        session.editing_mode = EditingMode.VI if shown.vi else EditingMode.EMACS
        try:
            yield session.prompt(shown.prompt, default=shown.line)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def _session(history: Path, complete: Complete, *, color: bool) -> PromptSession[str]:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer, Completion
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.output import ColorDepth

    class NameCompleter(Completer):
        """completion.candidates as prompt-toolkit wants it."""

        def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
            replaced, choices = complete(document.text_before_cursor)
            for choice in choices:
                yield Completion(choice, start_position=-len(replaced), display=visible(choice))

    session: PromptSession[str]

    @Condition
    def typing_a_command() -> bool:
        # A menu that follows every word of a question is in the way; Tab opens it there.
        return session.default_buffer.text.startswith(("\\", "."))

    session = PromptSession(
        history=open_history(history),
        completer=NameCompleter(),
        complete_while_typing=typing_a_command,
        enable_history_search=False,
        search_ignore_case=True,
        enable_open_in_editor=True,
        tempfile_suffix=".sql",
        input_processors=[_shown_visibly()],
        color_depth=None if color else ColorDepth.DEPTH_1_BIT,
    )
    return session


def _shown_visibly() -> Processor:
    """Shows what a terminal would obey, or hide, as an escape: it is pasted, completed or comes out of the history."""
    from prompt_toolkit.formatted_text.utils import fragment_list_to_text
    from prompt_toolkit.layout.processors import Processor, Transformation
    from prompt_toolkit.layout.utils import explode_text_fragments

    class Visible(Processor):
        def apply_transformation(self, given: TransformationInput) -> Transformation:
            if UNSAFE.search(fragment_list_to_text(given.fragments)) is None:
                return Transformation(given.fragments)
            shown: list[tuple[str, str]] = []
            places = [0]
            for style, text, *_ in explode_text_fragments(given.fragments):
                shown.append((style, visible(text)))
                places.append(places[-1] + len(shown[-1][1]))
            return Transformation(
                [*shown],
                source_to_display=lambda at: places[min(at, len(places) - 1)],
                display_to_source=lambda at: bisect.bisect_right(places, at) - 1,
            )

    return Visible()


def open_history(path: Path) -> History:
    """The history file, readable by its owner only; in memory when it cannot be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()

    class ForgivingHistory(FileHistory):
        """A history that a full disk does not end the session over."""

        def store_string(self, string: str) -> None:
            with contextlib.suppress(OSError):
                super().store_string(string)

    return ForgivingHistory(str(path))
