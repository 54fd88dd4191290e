"""Break lines where a reader would: sentences at blanks, SQL before its clauses.

    sql_lines("SELECT name FROM t WHERE id = 1", 20)  →  ["SELECT name", "FROM t", "WHERE id = 1"]

Invariant: put together again, the lines of a statement are the statement: a line never breaks inside a literal or
a quoted name. Widths are those of a terminal's cells; None means that there is no terminal, and nothing to break.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlagent.base.visible import visible

INDENT = "  "

_WORD = re.compile(r"(?:'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|[^\s'\"`\[]|['\"`\[])+")
_CLAUSE = re.compile(
    r"(?:FROM|WHERE|GROUP|ORDER|HAVING|LIMIT|UNION|INTERSECT|EXCEPT|WINDOW|JOIN)$", re.IGNORECASE
)
_BEFORE_JOIN = frozenset({"NATURAL", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "OUTER"})


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth

    return max(wcswidth(text), 0)


def cut(text: str, width: int) -> str:
    """The text in at most `width` terminal cells, ending in "…" when something was left out."""
    if width < 1 or len(text) <= width // 2 or cells(text) <= width:
        return text
    from wcwidth import wcwidth

    used = 0
    for place, character in enumerate(text):
        used += max(wcwidth(character), 0)
        if used > width - 1:
            return text[:place] + "…"
    return text


def text_lines(text: str, width: int | None) -> list[str]:
    """The lines of a text for people, made visible; broken at blanks where they are too long."""
    lines = [visible(line) for line in text.splitlines() or [""]]
    if width is None:
        return lines
    return [part for line in lines for part in _filled(line.split(" "), width, "")]


def sql_lines(sql: str, width: int | None) -> list[str]:
    """The lines of a statement, made visible; one line where it fits."""
    shown = visible(sql)
    if width is None or cells(shown) <= width:
        return [shown]
    return [line for clause in _clauses(_WORD.findall(shown)) for line in _filled(clause, width, INDENT)]


def _clauses(words: Iterable[str]) -> list[list[str]]:
    """The words of a statement, clause by clause; those in brackets stay where they are."""
    clauses: list[list[str]] = [[]]
    depth, held = 0, 0
    for word in words:
        if depth == 0 and word.upper() in _BEFORE_JOIN:
            held += 1  # it belongs to the JOIN that follows
        elif depth == 0 and _CLAUSE.match(word):
            taken = clauses[-1][len(clauses[-1]) - held :]
            del clauses[-1][len(clauses[-1]) - held :]
            clauses.append(taken)
            held = 0
        else:
            held = 0
        clauses[-1].append(word)
        bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "", word)
        depth += bare.count("(") - bare.count(")")
    return [clause for clause in clauses if clause]


def _filled(words: Iterable[str], width: int, indent: str) -> list[str]:
    """Words on lines of at most `width` cells; every line but the first begins with `indent`."""
    lines: list[str] = []
    line, used = "", 0
    for word in words:
        size = cells(word)
        if line and used + 1 + size > width:
            lines.append(line)
            line, used = indent + word, len(indent) + size
        else:
            line, used = (f"{line} {word}", used + 1 + size) if line else (word, size)
    return [*lines, line]
