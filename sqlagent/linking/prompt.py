"""Write the model's input: a schema and a question become a `Prompt`; nothing else makes one.

Invariant: the same arguments give the same bytes; `system` and `context` depend on the schema alone, so
that their KV state can be kept; everything about the question comes after them. Training calls this very
code. Names and values from a database are data: control characters are taken out, line breaks become
blanks, and values are quoted, so that no cell can start a line of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlagent.database.schema import Column, ForeignKey, Schema, Table, Value
from sqlagent.sql.names import is_bare, text_literal

SAMPLE_CHARS = 20
"""Characters of a sample value that are shown."""
NOTE_CHARS = 200
"""Characters of a person's note on a column."""
QUESTION_CHARS = 12_000
"""More of a question than this is cut: it would push the schema out of the context."""
HISTORY_TURNS = 3
"""Earlier questions that a follow-up may refer to."""

SYSTEM = "You are an SQLite expert. Answer each question with one SQL query."
ANSWER = "```sql\n"
RETELL = "Write the question that this SQL query answers."

_SIZE = re.compile(r"\s*\(.*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier question and the statement that answered it."""

    question: str
    sql: str


@dataclass(frozen=True, slots=True)
class Hint:
    """A stored value that the question seems to mention."""

    table: str
    column: str
    value: Value


@dataclass(frozen=True, slots=True)
class Prompt:
    """Model input without a chat template: user message = context + request; `answer` opens the reply.

    `question`, `hints` and `history` are what the request was made of.
    """

    system: str
    context: str
    request: str
    answer: str
    question: str = ""
    hints: tuple[Hint, ...] = ()
    history: tuple[Turn, ...] = ()


def build(
    schema: Schema,
    question: str,
    *,
    history: Sequence[Turn] = (),
    hints: Sequence[Hint] = (),
    example: Turn | None = None,
    error: tuple[str, str] | None = None,
    lines: Sequence[str] | None = None,
) -> Prompt:
    """The prompt for a question about a schema.

    lines: how the schema is shown, where that is not one line a table in the schema's order (`view.View.lines`).
    history: earlier turns, oldest first; the last HISTORY_TURNS are shown.
    hints: stored values worth naming.
    example: how a question of its kind is answered, over tables that are nobody's.
    error: (statement, what SQLite said) of an attempt that failed.
    """
    asked = request(question, history=history, hints=hints, example=example, error=error)
    shown = context(schema) if lines is None else framed(lines)
    return Prompt(SYSTEM, shown, asked, ANSWER, question[:QUESTION_CHARS], tuple(hints), tuple(history))


def reading_back(prompt: Prompt, sql: str) -> Prompt:
    """The prompt turned round: the statement is given, and the question is the answer to it."""
    lines = [*earlier(prompt.history), RETELL, f"Query: {clean(sql, 1000)}"]
    return replace(prompt, request="\n".join(lines), answer=clean(prompt.question, QUESTION_CHARS))


def context(schema: Schema) -> str:
    """The schema part: one line a table."""
    return framed([table_line(table) for table in schema.tables])


def framed(lines: Sequence[str]) -> str:
    """The schema part that consists of these lines."""
    return "".join(line + "\n" for line in lines) + "\n"


def request(
    question: str,
    *,
    history: Sequence[Turn] = (),
    hints: Sequence[Hint] = (),
    example: Turn | None = None,
    error: tuple[str, str] | None = None,
) -> str:
    """The question part; the question itself comes last."""
    lines = [] if example is None else [f"Example question: {example.question}", f"Its query: {example.sql}"]
    lines += earlier(history)
    if hints:
        found = ", ".join(f"{name(h.table)}.{name(h.column)} = {literal(h.value, 60)}" for h in hints)
        lines.append(f"Stored values: {found}")
    if error is not None:
        sql, message = error
        lines.append(f"This query failed: {clean(sql, 1000)}")
        lines.append(f"SQLite said: {clean(message, 300)}")
    lines.append(f"Question: {clean(question, QUESTION_CHARS)}")
    return "\n".join(lines)


def earlier(history: Sequence[Turn]) -> list[str]:
    """What was asked before, a line for each question and each statement."""
    lines: list[str] = []
    for turn in history[-HISTORY_TURNS:]:
        lines.append(f"Earlier question: {clean(turn.question, 500)}")
        lines.append(f"Its query: {clean(turn.sql, 1000)}")
    return lines


def table_line(table: Table) -> str:
    """A table as the statement that would create it, a sample value behind each column that one tells something of."""
    links = {key.columns[0]: key for key in table.foreign_keys if len(key.columns) == 1}
    parts = [column_text(column, links.get(column.name), len(table.primary_key)) for column in table.columns]
    parts += [
        f"FOREIGN KEY ({', '.join(map(name, key.columns))}) REFERENCES "
        f"{name(key.ref_table)}({', '.join(map(name, key.ref_columns))})"
        for key in table.foreign_keys
        if len(key.columns) > 1
    ]
    return f"CREATE TABLE {name(table.name)} ({', '.join(parts)});"


def column_text(column: Column, link: ForeignKey | None, key_size: int) -> str:
    """A column's name, type, role and one sample value."""
    words = [name(column.name), short_type(column)]
    if column.pk and key_size == 1:
        words.append("PRIMARY KEY")
    if link is not None:
        words.append(f"REFERENCES {name(link.ref_table)}({name(link.ref_columns[0])})")
    sample = None if link is not None or column.pk else sample_text(column)
    note = clean(column.note, NOTE_CHARS).replace("*/", "* /").replace("/*", "/ *")
    if remark := "; ".join(filter(None, [sample, note])):
        words.append(f"/* {remark} */")
    return " ".join(word for word in words if word)


def short_type(column: Column) -> str:
    """The declared type in a word: its size left out, SQLite's usual kinds shortened."""
    declared = _SIZE.sub("", column.type).strip().lower()
    if "int" in declared:
        return "INTEGER"
    if any(word in declared for word in ("char", "clob", "text", "string")):
        return "TEXT"
    if any(word in declared for word in ("real", "floa", "doub", "dec", "num")):
        return "REAL"
    return clean(declared, 16)


def sample_text(column: Column) -> str | None:
    """One stored value that tells how the column is written, or None where it would tell nothing; codes all of them."""
    if column.codes:
        return ", ".join(literal(name, SAMPLE_CHARS) for name in column.codes).replace("*/", "* /")
    for value in column.samples:
        if isinstance(value, bytes) or (isinstance(value, str) and not clean(value, 8)):
            continue
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            # A number tells little, unless the column's type says that it should have been a text or a date.
            return None if short_type(column) in ("INTEGER", "REAL", "") else str(value)
        # Inside a comment, which no value may close.
        return literal(value, SAMPLE_CHARS).replace("*/", "* /")
    return None


def name(identifier: str) -> str:
    """An identifier as SQL would write it."""
    return identifier if is_bare(identifier) else '"' + clean(identifier, 300).replace('"', '""') + '"'


def literal(value: Value, limit: int) -> str:
    """A value as SQL would write it, cut at `limit` characters."""
    if isinstance(value, bytes):
        return "X'…'"
    if isinstance(value, (int, float)):
        return str(value)
    return text_literal(clean(value, limit))


def clean(text: str, limit: int) -> str:
    """Text on one line, without control characters, cut at `limit` characters."""
    text = "".join(c if c.isprintable() else " " for c in text[: 4 * limit + 64])
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def spoken(question: str, history: Sequence[Turn]) -> str:
    """The text by which stored values are looked for: the question, and those that it goes on from."""
    return "\n".join([question, *(turn.question for turn in reversed(history))])


def subject(question: str, history: Sequence[Turn]) -> str:
    """The text by which tables are looked for: what was said, and the names in the statements before."""
    named = {word for turn in history for word in re.findall(r"[^\W\d]\w{2,}", turn.sql)}
    return "\n".join([spoken(question, history), *sorted(named)])
