"""Compute for each group, where a statement computes for one of them that nobody spoke of.

    "average concentration by roast"
    SELECT AVG(conc) FROM samples WHERE roast = 'medium'
    SELECT roast, AVG(conc) FROM samples GROUP BY roast

Invariant: only a condition goes that compares the very column which the question groups by with one value, of which
the question has no word; what is computed, and of which other rows, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, accepted
from sqlagent.amend.analysis.per_group import asked_group
from sqlagent.amend.plain_select import PlainSelect, plain
from sqlagent.amend.rule import Supplied
from sqlagent.base.word_forms import name_words, stem, words
from sqlagent.linking.prompt import Hint
from sqlagent.sql.functions import is_aggregate
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Column, Expr, Literal
from sqlagent.sql.walk import bare


def each_group(
    question: str, reading: Reading, hints: Sequence[Hint], accepts: Callable[[str], bool]
) -> Amended:
    """The statement with a row for each value of the column that the question groups by.

    hints: the stored values that the question mentions. accepts: whether the grammar accepts a statement.
    """
    noun = asked_group(question)
    parts = plain(reading) if noun else None
    if parts is None or any(map(parts.has, ("having", "order", "limit"))) or parts.select.distinct:
        return Amended(reading.sql)
    said = [stem(word) for word in words(noun)]
    conjuncts = reading.statement.conjuncts(parts.select)
    found = [
        (node, column) for node in conjuncts if (column := _one_value(node, parts, question, hints, said))
    ]
    values = [bare(item.value) for item in parts.select.items]
    computed = [one for one in values if isinstance(one, Call) and is_aggregate(one)]
    others = {parts.text(one) for one in values if one not in computed}
    grouped = {parts.text(bare(term)) for term in parts.select.group}
    if len(found) != 1 or not computed or not others <= grouped:
        return Amended(reading.sql)
    gone, column = found[0]
    name = parts.text(column)
    kept = [reading.statement.conjunct(node) for node in conjuncts if node is not gone]
    where = f" WHERE {' AND '.join(kept)}" if kept else ""
    shown = ", ".join([name, *map(parts.text, computed)])
    made = f"SELECT {shown} {parts.clause('sources')}{where} GROUP BY {name}"
    return accepted(made, f"A row for each {name}, not for one that was not asked for.", reading, accepts)


RULE = Supplied(
    "not_one_group",
    lambda now, about: each_group(about.question, now, about.hints, about.accepts),
    lead=2.5,
)


def _one_value(
    node: Expr, parts: PlainSelect, question: str, hints: Sequence[Hint], said: Sequence[str]
) -> Column | None:
    """The column of `roast = 'medium'`, where the question groups by it and has no word of the value."""
    if not isinstance(node, Binary) or node.operator != "=":
        return None
    column, value = bare(node.left), bare(node.right)
    if not isinstance(column, Column) or not isinstance(value, Literal) or value.kind != "text":
        return None
    own = [stem(word) for word in name_words(column.name.text)]
    if own not in (list(said), list(said[:1])) or any(str(hint.value) == value.value for hint in hints):
        return None
    asked = {stem(word) for word in words(question)} - set(own)
    return None if asked & {stem(word) for word in words(value.value)} else column
