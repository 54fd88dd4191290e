"""sql-create-context's SQL, made into SQL: it writes columns called `1976` and `from` without quotes.

Invariant: text without such columns comes back as it was.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlagent.database.ddl_comments import CONSTRAINTS, quote, tokens
from sqlagent.sql.names import is_bare

_BLANK = ("space", "line", "block")
_BEFORE_COLUMN = frozenset(
    ["select", "distinct", "where", "and", "or", "not", "having", "on", "by", "(", ",", "."]
)
"""Behind these a column may stand. A number behind an operator is a number, whatever the columns are called."""


def mended(context: str) -> tuple[str, tuple[str, ...]]:
    """CREATE TABLE text with the column names in quotes that start with a digit or are keywords, and those names."""
    pieces: list[str] = []
    names: list[str] = []
    depth, expected = 0, False
    for kind, text in tokens(context):
        if expected and kind in ("name", "other") and _needs_quotes(text):
            names.append(text)
            text = quote(text)
        elif kind == "other":
            depth += {"(": 1, ")": -1}.get(text, 0)
        if kind not in _BLANK:
            expected = depth == 1 and text in ("(", ",")
        pieces.append(text)
    return "".join(pieces), tuple(dict.fromkeys(names))


def with_quotes(sql: str, names: Collection[str]) -> str:
    """A gold statement with the columns `names` in quotes, as the mended CREATE TABLE text has them."""
    wanted = {name.lower(): quote(name) for name in names}
    pieces: list[str] = []
    before = ""
    for kind, text in tokens(sql) if wanted else [("other", sql)]:
        pieces.append(wanted.get(text.lower(), text) if before in _BEFORE_COLUMN else text)
        if kind not in _BLANK:
            before = text.lower()
    return "".join(pieces)


def without_quotes(sql: str, names: Collection[str]) -> str:
    """A statement of ours with the columns `names` as the gold statement has them, for comparing texts."""
    for name in names:
        sql = sql.replace(quote(name), name)
    return sql


def _needs_quotes(word: str) -> bool:
    """Whether the first word of a column's definition is a name that our statements put in quotes."""
    return word[0] not in '"`[)' and not is_bare(word) and word.lower() not in CONSTRAINTS
