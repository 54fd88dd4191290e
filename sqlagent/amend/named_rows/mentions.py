"""Find the values of one column that a question names side by side: "romania or belarus", "between china and japan".

Invariant: every value is one that the statement compares its column with, or one that is stored in it, and its words
stand in the question, apart from the other's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlagent.amend.held_rows import Values, is_held
from sqlagent.base import word_forms
from sqlagent.base.word_forms import Token
from sqlagent.database.schema import Table, fold
from sqlagent.linking.prompt import Hint
from sqlagent.sql.names import quote, text_literal
from sqlagent.sql.reading import Reading
from sqlagent.sql.tree import Binary, Column, Expr, In, Like, Literal, Query, Select
from sqlagent.sql.walk import bare

MOST_WORDS = 4
"""Words of a value that is looked for beside another."""
MOST_BETWEEN = 6
"""Words that may stand between two values: "the year of the france venue or the year of the japan venue"."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A value of a column, and the words of the question that name it, `first` to `end` (excluded)."""

    value: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Mentions:
    """Values of one column, in the order of the question."""

    table: Table
    column: str
    values: tuple[Mention, ...]

    def condition(self, values: Values, of: Sequence[Mention] = ()) -> str:
        """A condition that the rows of these values fulfil; "" where one of them is in no row.

        A value that is not stored by itself is looked for in longer texts.
        """
        name = quote(self.column)
        whole, held = list[str](), list[str]()
        for one in of or self.values:
            literal = text_literal(one.value)
            if is_held(self.table, f"{name} = {literal}", values):
                whole.append(literal)
                continue
            condition = f"{name} LIKE {text_literal(f'%{one.value}%')}"
            if not is_held(self.table, condition, values):
                return ""
            held.append(condition)
        parts = (
            [f"{name} IN ({', '.join(whole)})"] if len(whole) > 1 else [f"{name} = {one}" for one in whole]
        )
        parts += held
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def side_by_side(
    question: str, reading: Reading, hints: Sequence[Hint], between: frozenset[str], values: Values
) -> Mentions | None:
    """The values of one column that one of some words stands between; None where there are none.

    The column that the statement compares comes first. hints: stored values that the question mentions. values: the
    first column of a statement's rows. Where one value alone is known, its partner is looked for on the other side of
    the word, among the texts of the same column.
    """
    table = only_table(reading)
    if table is None:
        return None
    tokens = word_forms.tokens(question)
    known: dict[str, list[str]] = {}
    for column, text in _compared(reading):
        known.setdefault(column, []).append(text)
    for hint in hints:
        if fold(hint.table) == fold(table.name) and isinstance(hint.value, str):
            known.setdefault(hint.column, []).append(hint.value)
    places = {column: _places(tokens, texts) for column, texts in known.items()}
    for column, found in places.items():
        for first in range(len(found)):
            chain = _chain(tokens, found[first:], between)
            if len(chain) > 1:
                return Mentions(table, column, tuple(chain))
    for column, found in places.items():
        for one in found:
            pair = _with_partner(question, tokens, one, between, Mentions(table, column, ()), values)
            if pair:
                return Mentions(table, column, pair)
    return None


def _with_partner(
    question: str,
    tokens: Sequence[Token],
    known: Mention,
    between: frozenset[str],
    of: Mentions,
    values: Values,
) -> tuple[Mention, ...]:
    """A value and the longest text of its column right across such a word; () where there is none."""
    runs: list[tuple[int, int]] = []
    sizes = range(MOST_WORDS, 0, -1)
    for at in range(known.end, min(len(tokens), known.end + 3)):
        if tokens[at].folded in between:
            start = at + 2 if at + 1 < len(tokens) and tokens[at + 1].folded == "the" else at + 1
            runs += [(start, start + size) for size in sizes]
    for at in range(known.first - 1, max(-1, known.first - 3), -1):
        if tokens[at].folded in between:
            runs += [(at - size, at) for size in sizes]
    for first, end in runs:
        if (
            first < 0
            or end > len(tokens)
            or all(token.folded in word_forms.STOP for token in tokens[first:end])
        ):
            continue
        text = question[tokens[first].start : tokens[end - 1].end]
        one = Mention(text, first, end)
        if len(text) > 2 and of.condition(values, [one]):
            return (known, one) if first > known.first else (one, known)
    return ()


def only_table(reading: Reading) -> Table | None:
    """The one table that a statement reads, however often; None where it reads several, or none."""
    return reading.once(_only_table)


def _only_table(reading: Reading) -> Table | None:
    tables = {id(table): table for table in reading.scopes.tables.values()}
    return tables.popitem()[1] if len(tables) == 1 else None


def other_conditions(reading: Reading, named: Mentions) -> list[str]:
    """The conditions of the first SELECT that are not about the column of those named."""
    select = reading.query.arms[0]
    if not isinstance(select, Select):
        return []
    found = list[str]()
    for node in reading.statement.conjuncts(select):
        columns = list(reading.statement.find(Column, node))
        if (
            any(reading.statement.find(Query, node))
            or not columns
            or any(is_column(reading, one, named.table, named.column) for one in columns)
        ):
            continue
        found.append(reading.statement.conjunct(node))
    return found


def is_column(reading: Reading, column: Column, table: Table, name: str) -> bool:
    """Whether a name in a statement stands for a column of a table."""
    found = reading.scopes.of(column)
    return found.table is table and found.column is not None and fold(found.column.name) == fold(name)


def _compared(reading: Reading) -> Iterator[tuple[str, str]]:
    """The columns that a statement compares with texts, and these, without the marks of LIKE."""
    pairs: list[tuple[Expr, Expr]] = []
    for node in reading.statement.find(Binary):
        if node.operator == "=":
            pairs += [(node.left, node.right), (node.right, node.left)]
    pairs += [(node.left, node.right) for node in reading.statement.find(Like) if not node.negated]
    pairs += [
        (node.value, one) for node in reading.statement.find(In) if not node.negated for one in node.members
    ]
    for left, right in sorted(pairs, key=lambda pair: pair[1].start):
        column, text = bare(left), bare(right)
        if isinstance(column, Column) and isinstance(text, Literal) and text.kind == "text":
            found = reading.scopes.of(column)
            if found.kind == "column" and found.column is not None:
                yield found.column.name, text.value.strip("%").strip()


def _places(tokens: Sequence[Token], texts: Sequence[str]) -> list[Mention]:
    """Where a question names some texts, in its order; of texts that share words the one with the most."""
    found = []
    for text in dict.fromkeys(texts):
        stems = [word_forms.stem(word) for word in word_forms.words(text)]
        for first in range(len(tokens) - len(stems) + 1):
            if stems and [token.stem for token in tokens[first : first + len(stems)]] == stems:
                found.append(Mention(text, first, first + len(stems)))
                break
    kept: list[Mention] = []
    for one in sorted(found, key=lambda one: one.first - one.end):
        if all(one.end <= other.first or other.end <= one.first for other in kept):
            kept.append(one)
    return sorted(kept, key=lambda one: one.first)


def _chain(tokens: Sequence[Token], values: Sequence[Mention], between: frozenset[str]) -> list[Mention]:
    """The values that stand side by side from the first of them on: with nothing, or with such a word, between."""
    chain, joined = list(values[:1]), False
    for one in values[1:]:
        apart = {token.folded for token in tokens[chain[-1].end : one.first]}
        if one.first - chain[-1].end > MOST_BETWEEN or (apart and not apart & between):
            break
        joined = joined or bool(apart)
        chain.append(one)
    return chain if joined else []
