"""Record a session with the real program and a real model: `python docs/record.py FOLDER [MODEL]`.

Writes FOLDER/session.cast (asciicast v2; `asciinema play` shows it) and FOLDER/session.svg, its last screen. Nothing is
put in by hand: what is typed is in LINES, all else is what the program wrote, when it wrote it, but for the temporary
folder that it ran in. Needs pexpect and pyte.
"""

from __future__ import annotations

import html
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pexpect
import pyte

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from sqlagent.ui import demo_database  # noqa: E402

WIDTH, HEIGHT = 96, 32
PROMPT = r"sqlagent[^>\r\n]*>"
LINES = (
    ("Show the name of each department and how many people work there", "sure|doubtful"),
    ("\\plot", PROMPT),
    ("and only those who earn more than 70000?", "sure|doubtful"),
)
"""What is typed, and what shows that the answer is there."""
SECONDS = 240
IDLE = 1.0
"""What a player shows of a longer pause."""
THEME = {
    "default": "#d0d4da", "black": "#5c6370", "red": "#e06c75", "green": "#98c379", "brown": "#e5c07b",
    "yellow": "#e5c07b", "blue": "#61afef", "magenta": "#c678dd", "cyan": "#56b6c2", "white": "#d0d4da",
}  # fmt: skip
BACK = "#1e2127"
NO_BREAK = "\u00a0"
"""Several blanks, which SVG would make one, stay several."""


class Recording:
    """What a terminal shows of a program, with the times at which it came."""

    def __init__(self, command: list[str], environ: dict[str, str], folder: str) -> None:
        self.events: list[tuple[float, str]] = []
        self._folder = f"{folder}/"
        self._began = time.monotonic()
        self.child: Any = pexpect.spawn(
            command[0], command[1:], env=environ, cwd=folder, encoding="utf-8", timeout=SECONDS,
            dimensions=(HEIGHT, WIDTH),
        )  # fmt: skip
        self.child.logfile_read = self

    def write(self, text: str) -> None:
        """Called by pexpect with what the program wrote; the temporary folder that it ran in is left out."""
        self.events.append((time.monotonic() - self._began, text.replace(self._folder, "")))

    def flush(self) -> None:
        """There is nothing to flush."""

    def type(self, line: str) -> None:
        """Type a line as fast as a person who knows it, and Enter."""
        for letter in line:
            self.child.send(letter)
            self.settle(0.06)
        self.settle(0.4)
        self.child.send("\r")

    def settle(self, seconds: float) -> None:
        """Take what comes for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                self.child.read_nonblocking(65536, 0.02)
            except pexpect.TIMEOUT:
                continue

    def cast(self) -> str:
        """The recording as asciicast v2."""
        head = {"version": 2, "width": WIDTH, "height": HEIGHT, "idle_time_limit": IDLE, "title": "sqlagent"}
        lines = [json.dumps(head)]
        lines += [json.dumps([round(at, 3), "o", text], ensure_ascii=False) for at, text in self.events]
        return "\n".join(lines) + "\n"

    def screen(self) -> pyte.Screen:
        """What is on the terminal at the end."""
        screen = pyte.Screen(WIDTH, HEIGHT)
        stream = pyte.Stream(screen)
        for _, text in self.events:
            stream.feed(text)
        return screen


def svg(screen: pyte.Screen) -> str:
    """A screen as a picture."""
    wide, high, edge = 8.4, 18, 14
    rows = [y for y in range(screen.lines) if screen.display[y].strip()]
    last = max(rows, default=0) + 1
    width, height = WIDTH * wide + 2 * edge, last * high + 2 * edge
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}">',
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/>',
        '<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,\'DejaVu Sans Mono\',monospace" font-size="14" '
        'xml:space="preserve">',
    ]
    for y in range(last):
        for x, text, cell in _runs(screen, y):
            fore, back = _colour(cell.fg), _colour(cell.bg)
            if cell.reverse:
                fore, back = BACK if cell.bg == "default" else back, fore
            if cell.reverse or cell.bg != "default":
                place = f'x="{edge + x * wide:.1f}" y="{edge + y * high}"'
                parts.append(f'<rect {place} width="{len(text) * wide:.1f}" height="{high}" fill="{back}"/>')
            bare = text.strip()
            if bare:
                x += len(text) - len(text.lstrip())
                bold = ' font-weight="bold"' if cell.bold else ""
                parts.append(
                    f'<text x="{edge + x * wide:.1f}" y="{edge + y * high + 14}" fill="{fore}"{bold} '
                    f'textLength="{len(bare) * wide:.1f}">{html.escape(bare).replace(" ", NO_BREAK)}</text>'
                )
    return "\n".join([*parts, "</g>", "</svg>", ""])


def _colour(name: str) -> str:
    """A colour of pyte's, by name (`brightblue` is `blue` here) or in hexadecimal."""
    return THEME.get(name.removeprefix("bright"), f"#{name}")


def _runs(screen: pyte.Screen, y: int) -> list[tuple[int, str, Any]]:
    """The pieces of a line that look alike: where they begin, their text, how they look."""
    found: list[tuple[int, str, Any]] = []
    for x in range(screen.columns):
        cell = screen.buffer[y][x]
        if found and found[-1][2]._replace(data="") == cell._replace(data=""):
            found[-1] = (found[-1][0], found[-1][1] + cell.data, cell)
        else:
            found.append((x, cell.data, cell))
    return found


def main(folder: Path, model: str | None) -> None:
    """Record LINES."""
    with tempfile.TemporaryDirectory() as place:
        demo_database.build(Path(place) / "company.db")
        environ = {
            **os.environ,
            "TERM": "xterm-256color",
            "PROMPT_TOOLKIT_NO_CPR": "1",
            "PYTHONPATH": str(ROOT),
        }
        environ |= {"LINES": str(HEIGHT), "COLUMNS": str(WIDTH)}
        command = [sys.executable, "-m", "sqlagent", "company.db", *(["--model", model] if model else [])]
        recording = Recording(command, environ, place)
        recording.child.expect(PROMPT)
        recording.settle(1.0)
        for line, answered in LINES:
            recording.type(line)
            recording.child.expect(r"\n")
            recording.child.expect(answered)
            recording.settle(2.0)
        (folder / "session.cast").write_text(recording.cast(), encoding="utf-8")
        (folder / "session.svg").write_text(svg(recording.screen()), encoding="utf-8")
        recording.child.close(force=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
