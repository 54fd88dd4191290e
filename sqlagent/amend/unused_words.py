"""Look for what a question says, a table holds, and a statement leaves out.

Of a table whose `pos` holds '3rd (promoted)', "how many seasons were they promoted?" is not answered by
`WHERE top_scorer = 'J. Novak (11)'`, a value that the model was shown and nobody spoke of, nor by a count of all rows.

Invariant: only a comparison with a text of which the question has no word is replaced, or a first condition added; what
takes its place holds a word of the question that stands in one column alone, and in no name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from sqlagent.amend.amendment import Amended, edited
from sqlagent.amend.held_elsewhere import LARGEST, texts_of
from sqlagent.amend.held_rows import Values, is_held
from sqlagent.amend.named_rows.mentions import only_table
from sqlagent.amend.rule import Supplied
from sqlagent.base import word_forms
from sqlagent.base.word_forms import Token, name_words, stem
from sqlagent.database.schema import Column as DbColumn
from sqlagent.database.schema import Table
from sqlagent.sql.edit import Edits
from sqlagent.sql.functions import NUMBERS
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Call, Column, Expr, Like, Literal, Select
from sqlagent.sql.walk import bare

SHORTEST = 5
"""Letters of the shortest word that is looked for."""
MOST_WORDS = 8
"""Words of the longest text that a word is looked for in: in prose it may stand for anything."""
_CODE = 3
"""Letters of the longest code."""
_MOST = 4
"""Words of a question that are looked for."""
_VALUES = 50
_COUNTING_WORDS = """total totals average overall number numbers times count counts first second third last latest
    most least highest lowest largest smallest longest shortest biggest oldest youngest newest earliest before after
    between during since until previous next every other there these those where which while their about above below
    under over"""
_COUNTING = frozenset(_COUNTING_WORDS.split())
"""Words that say how to count or to compare, and seldom what is stored."""


def unused_word(question: str, reading: Reading, accepts: Callable[[str], bool], values: Values) -> Amended:
    """The statement with the one word of the question that its table holds and it leaves out.

    accepts: whether the grammar accepts a statement. values: the first column of a statement's rows. Left alone:
    several tables, several such words, and statements whose conditions all have words of the question.
    """
    table, select = only_table(reading), reading.select
    if table is None or select is None or table.kind == "view" or (table.row_count or 0) > LARGEST:
        return Amended(reading.sql)
    tokens = word_forms.tokens(question)
    conditions = reading.statement.conjuncts(select)
    foreign = [node for node in conditions if _is_foreign(node, tokens, table, values)]
    if len(foreign) > 1 or (not foreign and (select.where is not None or not _counts_all(reading, select))):
        return Amended(reading.sql)
    found = [
        (word, column)
        for word in _unused(tokens, reading, table, foreign)[:_MOST]
        if (column := _held_in(table, word, values)) is not None
    ]
    if len(found) != 1:
        return Amended(reading.sql)
    word, column = found[0]
    used = {reading.scopes.of(one).column for one in reading.statement.find(Column)}
    if column in used and not any(
        reading.scopes.of(one).column == column
        for node in foreign
        for one in reading.statement.find(Column, node)
    ):
        return Amended(reading.sql)  # it is shown or grouped by: the word says by what
    edits = Edits(reading.statement)
    condition = f"{quote(column.name)} LIKE {text_literal(f'%{word}%')}"
    if foreign:
        edits.replace(foreign[0], condition)
    else:
        edits.add_condition(select, condition)
    note = f"{word!r} is in {table.name}.{column.name}: the rows that hold it were taken."
    return edited(reading, edits, [note], accepts)


RULE = Supplied(
    "unused_word",
    lambda now, about: unused_word(about.question, now, about.accepts, about.values),
    lead=1.5,
    guessed=True,
)


def _counts_all(reading: Reading, select: Select) -> bool:
    """Whether a statement computes over all rows of its table, and gives one row."""
    calls = {call.function for call in reading.statement.find(Call)}
    return (
        not select.group
        and bool(calls & NUMBERS)
        and all(any(reading.statement.find(Call, item)) for item in select.items)
    )


def _is_foreign(node: Expr, tokens: Sequence[Token], table: Table, values: Values) -> bool:
    """Whether a condition is a comparison of a column with a text of which the question has no word.

    Nor a word like one of its, where the text is stored: 'volcano' is what "volcanic" means. Codes may stand for words.
    """
    if isinstance(node, Like):
        fits = not node.negated
    else:
        fits = isinstance(node, Binary) and node.operator == "="
    if not fits or not isinstance(node, (Like, Binary)):
        return False
    column, literal = bare(node.left), bare(node.right)
    if not isinstance(column, Column) or not isinstance(literal, Literal) or literal.kind != "text":
        return False
    found = set(map(stem, word_forms.words(literal.value)))
    if sum(map(str.isalpha, literal.value)) <= _CODE or found & {token.stem for token in tokens}:
        return False
    if not any(word_forms.likeness(word, token.stem) >= 0.5 for word in found for token in tokens):
        return bool(found)
    plain = literal.value.strip("%")
    return not is_held(table, f"{quote(column.name.text)} LIKE {text_literal(f'%{plain}%')}", values)


def _unused(tokens: Sequence[Token], reading: Reading, table: Table, foreign: Sequence[Expr]) -> list[str]:
    """The words of a question that are in no name of a table and in no text of a statement but the foreign ones."""
    names = [table.name, *(column.name for column in table.columns)]
    known = {stem(word) for name in names for word in name_words(name)}
    left_out = {literal for node in foreign for literal in reading.statement.find(Literal, node)}
    literals = (one for one in reading.statement.find(Literal) if one not in left_out)
    texts = [one.value for one in literals if one.kind == "text"]
    known |= {stem(word) for text in texts for word in word_forms.words(text)}
    return [
        token.folded
        for token in tokens
        if len(token.folded) >= SHORTEST and token.folded.isalpha()
        if not {token.folded, token.stem} & (word_forms.STOP | _COUNTING)
        if not any(word_forms.likeness(name, token.stem) >= 0.5 for name in known)
    ]


def _held_in(table: Table, word: str, values: Values) -> DbColumn | None:
    """The one column some of whose texts hold a word; None where several do, or all of its texts do, or prose."""
    held = []
    for column in texts_of(table):
        name, rows = quote(column.name), quote(table.name)
        like = f"{name} LIKE {text_literal(f'%{word}%')}"
        found = values(f"SELECT DISTINCT {name} FROM {rows} WHERE {like} LIMIT {_VALUES}")
        texts = [
            text for text in found if isinstance(text, str) and re.search(rf"\b{word}\b", text, re.IGNORECASE)
        ]
        if not texts:
            continue
        if any(len(word_forms.words(text)) > MOST_WORDS for text in texts):
            return None
        if is_held(table, f"NOT {like}", values):
            held.append(column)
    return held[0] if len(held) == 1 else None
