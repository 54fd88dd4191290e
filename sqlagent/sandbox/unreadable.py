"""Tell why a part of a database cannot be read: damage, or something that only its application knows.

    "no such module: vec0"  →  ("module", "it needs the module vec0, which this SQLite does not have")

Invariant: "damage" is said only of what SQLite calls malformed, and never of a definition that uses a function,
collation, module or syntax that this SQLite lacks or forbids.
"""

from __future__ import annotations

import re
import sqlite3

FUNCTION, COLLATION, MODULE, TOKENIZER = "function", "collation", "module", "tokenizer"
FORBIDDEN = "forbidden"
"""It calls a function that a schema may not call."""
SYNTAX, BROKEN, SIZE, TIME, NAME, DAMAGE, OTHER = (
    "syntax",
    "broken",
    "size",
    "time",
    "name",
    "damage",
    "other",
)

_SCHEMA = r"(?s)malformed database schema \((?P<name>.*?)\)(?: - (?P<why>.*))?$"
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (r"unsafe use of virtual table \"(.*?)\"", MODULE, "it reads the virtual table {}, which may not be read here"),
    (r"unsafe use of (.*?)\(\)", FORBIDDEN, "it calls {}(), which may not run here"),
    (r"(?:no such function: |unknown function: )([^(]*)", FUNCTION,
     "it calls {}(), a function of the program that made the file"),
    (r"no such collation sequence: (.*)", COLLATION,
     "it sorts by the collation {}, which only the program that made the file knows"),
    (r"no such module: (.*)", MODULE, "it needs the module {}, which this SQLite does not have"),
    (r"(?:unknown|no such) tokenizer: (.*)", TOKENIZER,
     "it needs the tokenizer {}, which only the program that made the file has"),
    (r"(near \".*?\": syntax error|unrecognized token: .*|unknown table option: .*|incomplete input)", SYNTAX,
     "SQLite {version} does not understand its definition ({}); a newer one may have made it, or it is damaged"),
    (r"(.* prohibited in .*)", FORBIDDEN, "its definition is not allowed: {}"),
    (r"(no such (?:table|column): .*)", BROKEN, "{}"),
    (r"access to (.*)\.[^.]* is prohibited", BROKEN, "it reads {}, which cannot be read"),
    (r"(string or blob too big|at most .* tables in a join|parser stack overflow|.*maximum depth.*"
     r"|too many .*|.* too large.*|out of memory)", SIZE, "{}"),
    (r"(malformed.*|.*corrupt.*)", DAMAGE, "it is damaged (SQLite says: {})"),
)  # fmt: skip
_TOLERABLE = frozenset({FUNCTION, FORBIDDEN, COLLATION, MODULE, TOKENIZER, SYNTAX})


def why(text: str) -> tuple[str, str]:
    """(cause, words for "… is left out: …") of what SQLite says of a table, view or column."""
    schema = re.search(_SCHEMA, text)
    if schema is not None and schema["why"]:
        text = schema["why"]
    for pattern, cause, words in _CAUSES:
        found = re.search(pattern, text, re.IGNORECASE | re.DOTALL)
        if found is not None:
            return cause, words.format(found[1].strip(), version=sqlite3.sqlite_version)
    return OTHER, text


def object_at_fault(text: str) -> str | None:
    """The name of the one definition that keeps SQLite from loading a sound schema; None for damage."""
    schema = re.search(_SCHEMA, text)
    if schema is None or not schema["why"] or why(text)[0] not in _TOLERABLE:
        return None
    return schema["name"]
