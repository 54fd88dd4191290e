"""Lower what is asked of lists in one text: `tags = 'nut'` asks for the rows with nut among their tags.

    tags = 'nut'                        instr(',' || replace(tags, ', ', ',') || ',', ',nut,') > 0
    labels = 'sql', a list in JSON      EXISTS (SELECT 1 FROM json_each(labels) WHERE value = 'sql')
    GROUP BY tags                       GROUP BY tags_each.value, with JOIN json_each(…) AS tags_each

Invariant: a text with the separator in it, or a list in JSON of several members, is compared with the whole, as it is
stored.
"""

from __future__ import annotations

import json

from sqlagent.database.column_facts.encodings import Listed
from sqlagent.lowering.stored_form import Stored
from sqlagent.sql.names import text_literal
from sqlagent.sql.tree import Expr, In, Literal
from sqlagent.sql.walk import bare


def among(column: Stored, member: str) -> str | None:
    """Whether a text is a member of a list; None where it cannot be one."""
    encoding = column.encoding
    assert isinstance(encoding, Listed)
    mark = encoding.separator
    member = member if mark else _sole_member(member)
    if not member.strip() or (mark.strip() and mark in member) or (not mark and member[:1] in "[{"):
        return None
    if not mark:
        return f"EXISTS (SELECT 1 FROM json_each({_array(column)}) WHERE value = {text_literal(member)})"
    member = member.strip()
    if mark == " " and " " in member:
        return None
    between = text_literal(mark)
    inner = column.sql if mark in " \n" else f"replace({column.sql}, {text_literal(mark + ' ')}, {between})"
    return f"instr({between} || {inner} || {between}, {text_literal(mark + member + mark)}) > 0"


def _sole_member(text: str) -> str:
    """The member of a list in JSON that has one, `["sql"]`: who knows the column by its samples writes it so."""
    try:
        members = json.loads(text) if text[:1] == "[" else None
    except (ValueError, RecursionError):
        return text
    return (
        members[0]
        if isinstance(members, list) and len(members) == 1 and isinstance(members[0], str)
        else text
    )


def compared(column: Stored, operator: str, right: Expr) -> str | None:
    """`column = 'member'` and `column != 'member'`."""
    right = bare(right)
    if not isinstance(right, Literal) or right.kind != "text" or operator not in ("=", "!="):
        return None
    found = among(column, right.value)
    if found is None or operator == "=":
        return found
    return f"({column.sql} IS NOT NULL AND NOT {found})" if found.startswith("EXISTS") else f"NOT {found}"


def chosen(column: Stored, node: In) -> str | None:
    """`column [NOT] IN ('member', …)`."""
    texts = [bare(one) for one in node.members]
    found = [among(column, one.value) for one in texts if isinstance(one, Literal) and one.kind == "text"]
    parts = [part for part in found if part is not None]
    if not parts or len(parts) < len(texts):
        return None
    joined = "(" + " OR ".join(parts) + ")"
    return f"({column.sql} IS NOT NULL AND NOT {joined})" if node.negated else joined


def like(column: Stored, pattern: str, negated: bool) -> str | None:
    """`column [NOT] LIKE '%member%'`, where it is a whole member: who writes so means the member."""
    encoding = column.encoding
    assert isinstance(encoding, Listed)
    word = pattern.strip("%").strip('"').strip()
    word = word.strip(encoding.separator).strip() if encoding.separator else word
    known = next((one for one in encoding.known if one.lower() == word.lower()), None)
    if not pattern.startswith("%") or not pattern.endswith("%"):
        return None
    if known is not None:
        found = among(column, known)
    else:
        found = None if encoding.separator or not word else _like_member(column, pattern)
    if found is None or not negated:
        return found
    return f"({column.sql} IS NOT NULL AND NOT {found})"


def _like_member(column: Stored, pattern: str) -> str:
    """Whether a member of a list in JSON is like a pattern: the marks between the members are no part of them."""
    return f"EXISTS (SELECT 1 FROM json_each({_array(column)}) WHERE value LIKE {text_literal(pattern)})"


def each(column: Stored) -> str:
    """A JSON array of the members, for json_each; NULL where there is none."""
    encoding = column.encoding
    assert isinstance(encoding, Listed)
    mark = encoding.separator
    if not mark:
        return _array(column)
    inner = f"trim({column.sql})" if mark == " " else column.sql
    if mark.strip():
        inner = f"replace({inner}, {text_literal(mark + ' ')}, {text_literal(mark)})"
    between = text_literal("\\n" if mark == "\n" else mark)
    return f"'[' || replace(nullif(json_quote({inner}), 'null'), {between}, '\",\"') || ']'"


def _array(column: Stored) -> str:
    return f"CASE WHEN json_valid({column.sql}) THEN {column.sql} END"
