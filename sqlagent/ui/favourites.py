"""Keep statements under names of their own, with parameters that are filled in when they run.

    save("by_city", "SELECT * FROM customers WHERE city = :city")
    filled(find("by_city"), "city=Paris")        # … WHERE city = 'Paris'

They lie in `favourites.toml` in the settings' folder. Parameters are SQLite's own: `?`, `?2`, `:name`, `@name`,
`$name`.
Invariant: a value becomes one literal; nothing in it is ever read as SQL.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

from sqlagent.base import paths, private_files
from sqlagent.base.errors import SqlagentError, UsageError
from sqlagent.sql.lexer import Token, tokens
from sqlagent.sql.names import text_literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_NAME = re.compile(r"[A-Za-z_][\w-]{0,63}\Z")
_NUMBER = re.compile(r"-?(?:\d+|\d*\.\d+|\d+\.\d*)(?:[eE][+-]?\d+)?\Z")


def path() -> Path:
    """Where they are kept. Raises UsageError on a machine without a folder for settings."""
    return paths.config_dir() / "favourites.toml"


def all_of_them() -> dict[str, str]:
    """Statements by name. Raises UsageError for a file that cannot be read."""
    file = path()
    try:
        plain = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"The favourites in {file} cannot be read: {error}.") from None
    return {name: text for name, text in plain.items() if isinstance(text, str)}


def save(name: str, sql: str) -> None:
    """Keep a statement, in place of an earlier one of that name. Raises UsageError, SqlagentError."""
    if not _NAME.match(name):
        raise UsageError(f"{name!r} is no name for a favourite: letters, digits, _ and -, a letter first.")
    _write({**all_of_them(), name: sql.strip().rstrip(";")})


def forget(name: str) -> None:
    """Keep a statement no longer. Raises UsageError where there is none of that name."""
    find(name)
    _write({other: sql for other, sql in all_of_them().items() if other != name})


def find(name: str) -> str:
    """The statement of a name. Raises UsageError with the nearest name where there is none."""
    import difflib

    known = all_of_them()
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]}?" if close else "\\save NAME keeps the last statement under one."
        raise UsageError(f"There is no favourite {name!r}; {hint}")
    return known[name]


def parameters(sql: str) -> list[str]:
    """What has to be filled in, in order: `:city`, or `?1`, `?2` for those without a name."""
    return list(dict.fromkeys(name for _, name in _places(sql)))


def filled(sql: str, given: str) -> str:
    """The statement with values in place of its parameters.

    given: words as a shell takes them, in order, or `name=value`. Numbers are numbers, NULL is NULL, all else text;
    a number in quotes is text. Raises UsageError where a value is missing or too much.
    """
    wanted = parameters(sql)
    values: dict[str, str] = {}
    in_order: list[str] = []
    for word, quoted in _words(given):
        name, is_named, value = word.partition("=")
        match = [one for one in wanted if one[1:] == name and not one.startswith("?")] if is_named else []
        if match:
            values[match[0]] = _literal(value, quoted)
        else:
            in_order.append(_literal(word, quoted))
    rest = [name for name in wanted if name not in values]
    if len(in_order) > len(rest):
        raise UsageError(
            f"{len(in_order) + len(values)} values for {len(wanted)} parameters{_listed(wanted)}."
        )
    values |= dict(zip(rest, in_order, strict=False))
    if missing := [name for name in wanted if name not in values]:
        raise UsageError(f"Say a value for {', '.join(missing)} behind the name.")
    for token, name in reversed(_places(sql)):
        sql = sql[: token.start] + values[name] + sql[token.end :]
    return sql


def _listed(names: list[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def _places(sql: str) -> list[tuple[Token, str]]:
    """Each parameter with its name; a bare `?` is one more than the largest number before it, as in SQLite."""
    found: list[tuple[Token, str]] = []
    number = 0
    for token in tokens(sql):
        if token.kind != "parameter":
            continue
        if token.text.startswith("?"):
            this = int(token.text[1:]) if token.text[1:] else number + 1
            number = max(number, this)
            found.append((token, f"?{this}"))
        else:
            found.append((token, token.text))
    return found


def _words(given: str) -> list[tuple[str, bool]]:
    """The words, and whether a quote stands in each. Raises UsageError for a quote that is not closed."""
    splitter = shlex.shlex(given, posix=False, punctuation_chars=False)
    splitter.whitespace_split, splitter.commenters = True, ""
    try:
        raw = list(splitter)
        words = [shlex.split(word) for word in raw]
    except ValueError:
        raise UsageError("A quote is not closed.") from None
    return [
        (found[0] if found else "", any(q in word for q in "\"'"))
        for word, found in zip(raw, words, strict=True)
    ]


def _literal(value: str, quoted: bool) -> str:
    if not quoted and _NUMBER.match(value):
        return f"({value})" if value.startswith("-") else value
    if not quoted and value.upper() == "NULL":
        return "NULL"
    return text_literal(value)


def _write(known: dict[str, str]) -> None:
    lines = ["# Statements kept with \\save in sqlagent; \\run NAME [values] runs one."]
    lines += [f"{name} = {_quoted(sql)}" for name, sql in sorted(known.items())]
    file = path()
    try:
        private_files.write(file, ("\n".join(lines) + "\n").encode("utf-8"))
    except OSError as error:
        raise SqlagentError(f"The favourite cannot be kept in {file}: {error.strerror}.") from None


def _quoted(text: str) -> str:
    """A basic string of TOML's: JSON's, but for one more character that has to be escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
