"""Numbers that a table holds are added up, and not its rows counted.

"Which year has the most degrees?" over a table with a row for each campus and year, and a column `degrees`, is no
question of rows. Of the gold statements of Spider and BIRD train that are changed, all come from two databases, whose
tables hold the number of games and of students of a year, and are counted there by mistake.

Invariant: only COUNT(*) changes, to the sum of a number column of the same tables, so what comes out runs.
"""

from __future__ import annotations

from sqlagent.amend.amendment import Amended
from sqlagent.amend.plain_select import plain
from sqlagent.amend.question_phrases import ASKED, OTHERS, counting, counts
from sqlagent.amend.rule import Meaning
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.database.column_kinds import holds_numbers
from sqlagent.database.foreign_keys import once
from sqlagent.database.schema import Column, Table, fold
from sqlagent.sql.names import quote
from sqlagent.sql.reading import Reading

_PREFIXES = (["number", "of"], ["num"], ["num", "of"], ["no", "of"], ["total"], ["count", "of"])


def summed(question: str, reading: Reading) -> Amended:
    """The statement with the sum of the column that is called like what is asked for.

    Left alone: questions for several numbers, and statements that use the column or count anything else.
    """
    if "(" not in reading.sql or counts(reading) != {"COUNT(*)"}:
        return Amended(reading.sql)
    asked = [match[1] for match in ASKED.finditer(question)]
    if len(asked) != 1:
        return Amended(reading.sql)
    said = [word for word in words(asked[0]) if stem(word) not in OTHERS]
    parts = plain(reading)
    if parts is None or not said:
        return Amended(reading.sql)
    used = parts.keys_of("items", "where", "group", "having", "order", "limit")
    found = [
        (table, column)
        for table in parts.tables
        if once(table, parts.tables, reading.schema)  # no join takes its rows several times
        for column in table.columns
        if _holds_number(table, column, said[0]) and (fold(table.name), fold(column.name)) not in used
    ]
    if len(found) != 1:
        return Amended(reading.sql)
    table, column = found[0]
    name = f"{quote(table.name)}.{quote(column.name)}" if parts.several else quote(column.name)
    note = f"{table.name}.{column.name} holds such numbers and is added up."
    return Amended(counting(reading, f"SUM({name})"), note)


RULE = Meaning("stored_counts", lambda now, about: summed(about.question, now))


def _holds_number(table: Table, column: Column, said: str) -> bool:
    """Whether a column holds how many there are of something: its name in the plural, or the number of it."""
    name = name_words(column.name)
    if not holds_numbers(column) or column.pk or column.unique:
        return False
    if any(fold(column.name) in map(fold, key.columns) for key in table.foreign_keys):
        return False
    plural = len(name) == 1 and stem(name[0]) != name[0] and stem(name[0]) == stem(said)
    return plural or any(
        name[: len(prefix)] == prefix and [*map(stem, name[len(prefix) :])] == [stem(said)]
        for prefix in _PREFIXES
    )
