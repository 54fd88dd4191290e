"""Who never did a thing is not who did another one.

"Which customers have no credit card?" becomes a join with their cards `WHERE type != 'Credit'`, which finds everybody
who has another card, too, and nobody without any. One of 16,599 gold statements (Spider train, BIRD train) is changed;
it makes this very mistake.

Invariant: what comes out is only taken where the grammar takes it, so it runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from sqlagent.amend.amendment import Amended
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, Table, fold
from sqlagent.sql.clauses import Clauses, columns, read
from sqlagent.sql.old_lexer import Unreadable
from sqlagent.sql.names import quote

_NEVER = r"\bnever\b"
_NONE = re.compile(
    rf"{_NEVER}|\bwithout\b|\b(?:have|has|had|with) no\b"
    r"|\b(?:do|does|did|have|has|had)(?: not|n['’]t)(?: \w+)? (?:have|has|had|hold|held|own|owned|use|used|take|taken"
    r"|took|got|get|made|make|buy|bought|order|ordered|any)\b",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?P<column>.+?) (?:!= (?P<value>'(?:[^']|'')*'|\d+)|NOT LIKE (?P<like>'(?:[^']|'')*'))\Z"
)
_ON = re.compile(r"FROM (?:\S+|\"[^\"]+\") JOIN (?:\S+|\"[^\"]+\") ON (?P<left>.+) = (?P<right>.+)\Z")


def none_of(question: str, sql: str, schema: Schema, takes: Callable[[str], bool]) -> Amended:
    """A canonical statement that leaves out whoever did the thing, where it finds whoever did another one.

    takes: whether the grammar takes a statement. Left alone: statements of three tables or several such conditions.
    """
    if not _NONE.search(question):
        return Amended(sql)
    try:
        parts = read(sql, schema)
        made = Amended("") if parts is None else _left_out(question, parts)
    except Unreadable:
        return Amended(sql)
    return made if made.sql and takes(made.sql) else Amended(sql)


def _left_out(question: str, parts: Clauses) -> Amended:
    """The statement made anew; "" where it is none of these."""
    others = [(one, match) for one in parts.conditions if (match := _OTHER.match(one))]
    if len(others) != 1 or not parts.plain or {"GROUP", "HAVING", "LIMIT"} & set(parts.text):
        return Amended("")
    condition, match = others[0]
    equal = (
        f"{match['column']} = {match['value']}"
        if match["value"]
        else f"{match['column']} LIKE {match['like']}"
    )
    rest = [one for one in parts.conditions if one != condition]
    made = ""
    if len(parts.tables) == 2:
        made = _of_two(parts, rest, condition, equal)
    elif len(parts.tables) == 1 and not rest and re.search(_NEVER, question, re.IGNORECASE):
        made = _of_one(parts, equal)
    return Amended(made, f"Whoever has {match['value'] or match['like']} at all is left out.")


def _of_one(parts: Clauses, equal: str) -> str:
    """Over one table, whose rows are what was done: those who never did."""
    results, table = parts.results, parts.tables[0]
    column = table.column(unquote(results[0])) if len(results) == 1 else None
    if column is None or column.unique:
        return ""
    inner = f"SELECT {results[0]} FROM {quote(table.name)} WHERE {equal}"
    made = parts.where([f"{results[0]} NOT IN ({inner})"])
    distinct = (
        made.select if "DISTINCT" in made.select else made.select.replace("SELECT ", "SELECT DISTINCT ", 1)
    )
    return made.sql().replace(made.select, distinct, 1)


def _of_two(parts: Clauses, rest: list[str], condition: str, equal: str) -> str:
    """Over a table and another whose rows belong to it: its rows to which none of these belongs."""
    joined = _ON.match(parts["FROM"])
    done = {table for table, _ in parts.keys(condition)}
    if joined is None or len(done) != 1:
        return ""
    child = next(table for table in parts.tables if fold(table.name) in done)
    parent = next(table for table in parts.tables if table is not child)
    shown = [parts.select, *rest, parts["ORDER"]]
    keys = {
        column.table: column.name
        for side in ("left", "right")
        for column in columns(joined[side], parts.tables)
    }
    if any(table in done for text in shown for table, _ in parts.keys(text)) or len(keys) != 2:
        return ""
    key, reference = keys[parent.name], keys[child.name]
    if not _one(parent, key) or _one(child, reference):
        return ""
    kept = {clause: text for clause, text in parts.text.items() if clause != "WHERE"}
    alone = replace(parts, text=kept).over(f"FROM {quote(parent.name)}", (parent,))
    listed = f"SELECT {quote(reference)} FROM {quote(child.name)} WHERE {alone.own(equal, parts)}"
    conditions = [*(alone.own(one, parts) for one in rest), f"{quote(key)} NOT IN ({listed})"]
    return alone.where(conditions).sql()


def _one(table: Table, name: str) -> bool:
    """Whether a table has one row at most for each value of a column."""
    column = table.column(name)
    return column is not None and column.unique
