"""Rank the tables and columns that a statement may name next by the words of the question.

A small conditional logit for each kind of name in each clause: features of a name, and weights that `python -m train
drafts` fitted. It is for drafts (`drafting`), which the model confirms or not; what the model gets to see is
decided elsewhere (`sqlagent.linking.schema_linker`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlagent.base import word_forms
from sqlagent.database.ddl_comments import unquote
from sqlagent.database.schema import Schema, fold
from sqlagent.decoding.draft_ngrams import COLUMN, TABLE, WORDS, Piece
from sqlagent.linking.prompt import Hint
from sqlagent.sql.names import quote

MOST_COLUMNS = 2000
"""Of a larger schema no names are guessed."""
FEATURES = {
    TABLE: (
        "words in the question", "as a phrase there", "words of its likeliest column there", "links to other tables",
        "holds a hint", "named before FROM", "in FROM", "the last one named", "linked to FROM", "holds what was named",
    ),
    COLUMN: (
        "words in the question", "as a phrase there", "its own words there", "primary key", "ends in id",
        "its table in the question", "has a hint", "named before", "the last one named", "the first one named",
    ),
}  # fmt: skip
"""What the weights of a kind stand for; the first of them hold for the question, the last ones for the statement."""
_CLAUSE = re.compile(r"SELECT|FROM|JOIN| ON |WHERE|GROUP BY|ORDER BY|HAVING")

Weights = Mapping[str, Sequence[float]]
"""Kind and clause, such as `C WHERE`, to the weights of its features."""


class NameOption(NamedTuple):
    """A name as SQL writes it, its key, and its features."""

    text: str
    key: str
    features: list[float]


def clause(before: Sequence[Piece]) -> str:
    """The clause that a statement is in behind some pieces."""
    for piece in reversed(before):
        if piece.kind == WORDS and (found := _CLAUSE.findall(piece.text)):
            return str(found[-1]).strip()
    return "SELECT"


class NameRanker:
    """The names of one schema, under one question. Its cost for a name is that of the names it is chosen from."""

    def __init__(self, schema: Schema, question: str, hints: Iterable[Hint] = ()) -> None:
        asked = [word_forms.stem(word) for name in question.split() for word in word_forms.name_words(name)]
        said, phrase = set(asked), f" {' '.join(asked)} "
        hinted = {(fold(hint.table), fold(hint.column)) for hint in hints}
        self._place = {fold(table.name): n for n, table in enumerate(schema.tables)}
        self._linked: list[set[int]] = [set() for _ in schema.tables]
        for n, table in enumerate(schema.tables):
            for link in table.foreign_keys:
                other = self._place.get(fold(link.ref_table))
                if other is not None:
                    self._linked[n].add(other)
                    self._linked[other].add(n)
        self._tables: list[NameOption] = []
        self._columns: list[list[NameOption]] = []
        for n, table in enumerate(schema.tables):
            own = _words(table.name)
            about = _share(own, said)
            key, primary = fold(table.name), {fold(name) for name in table.primary_key}
            columns = []
            for column in table.columns:
                words, folded = _words(column.name), fold(column.name)
                features = [
                    _share(words, said),
                    float(f" {' '.join(words)} " in phrase),
                    _share([word for word in words if word not in own] or words, said),
                    float(folded in primary),
                    float(words[-1:] == ["id"]),
                    about,
                    float((key, folded) in hinted),
                ]
                columns.append(NameOption(quote(column.name), folded, features))
            self._columns.append(columns)
            best = max((option.features[0] for option in columns), default=0.0)
            features = [about, float(f" {' '.join(own)} " in phrase), best, len(self._linked[n]) / 4]
            features.append(float(any(hinted_key == key for hinted_key, _ in hinted)))
            self._tables.append(NameOption(quote(table.name), key, features))
        self._all: list[NameOption] = _distinct(option for columns in self._columns for option in columns)
        self._keys = [{option.key for option in columns} for columns in self._columns]
        self._pools: dict[tuple[str, str], _Pool] = {}

    def options(self, before: Sequence[Piece], kind: str) -> list[NameOption]:
        """The names of a kind that may stand behind some pieces of a statement, with all their features."""
        tables = [fold(unquote(piece.text)) for piece in before if piece.kind == TABLE]
        columns = [fold(unquote(piece.text)) for piece in before if piece.kind == COLUMN]
        bound = _bound(before)
        if kind == TABLE:
            return self._table_options(before, tables, columns, bound)
        found = self._all
        if before[-1].text == "." and len(before) > 1:
            found = self._of(fold(unquote(before[-2].text)))
        elif bound:
            found = self._of(bound[-1])
        return [
            option._replace(
                features=[
                    *option.features,
                    float(option.key in columns),
                    float(option.key == (columns or [""])[-1]),
                    float(option.key == (columns or [""])[0]),
                ]
            )
            for option in found
        ]

    def _of(self, table: str) -> list[NameOption]:
        place = self._place.get(table)
        return [] if place is None else self._columns[place]

    def _table_options(
        self, before: Sequence[Piece], tables: list[str], columns: list[str], bound: list[str]
    ) -> list[NameOption]:
        waiting = set(tables) - set(bound)
        near = {other for key in bound if key in self._place for other in self._linked[self._place[key]]}
        recent = set(columns[-3:])
        binds = before[-1].text.endswith(("FROM ", "JOIN "))
        found = []
        for n, option in enumerate(self._tables):
            if bound and not binds and option.key not in bound:
                continue
            holds = sum(column.key in recent for column in self._columns[n]) / max(1, len(recent))
            more = [
                float(option.key in waiting),
                float(option.key in bound),
                float(option.key == (tables or [""])[-1]),
                float(n in near),
                0.0 if waiting else holds,
            ]
            found.append(option._replace(features=[*option.features, *more]))
        return found

    def best(
        self, before: Sequence[Piece], kind: str, begun: str, weights: Weights
    ) -> tuple[str, float] | None:
        """The likeliest name of a kind that goes on from what is begun, and how likely it is; None without one.

        The same as a softmax over `options`, of which the part that holds for the question is worked out once.
        """
        about = f"{kind} {clause(before)}"
        fitted = weights.get(about)
        if fitted is None:
            return None
        tables = [fold(unquote(piece.text)) for piece in before if piece.kind == TABLE]
        bound = _bound(before)
        if kind == TABLE:
            pool = self._pool("", about, self._tables, fitted)
            changed = self._changed_tables(before, tables, bound, fitted)
        else:
            within = fold(unquote(before[-2].text)) if before[-1].text == "." and len(before) > 1 else None
            within = bound[-1] if within is None and bound else within
            options = self._all if within is None else self._of(within)
            pool = self._pool("*" if within is None else within, about, options, fitted)
            changed = _changed_columns(before, fitted)
        return pool.best(changed, begun.lower())

    def _pool(self, place: str, about: str, options: Sequence[NameOption], fitted: Sequence[float]) -> _Pool:
        known = self._pools.get((place, about))
        if known is None:
            known = self._pools[place, about] = _Pool(options, fitted)
        return known

    def _changed_tables(
        self, before: Sequence[Piece], tables: list[str], bound: list[str], fitted: Sequence[float]
    ) -> dict[str, float]:
        """Key of a table → what the statement so far adds to its score; -inf where it cannot stand."""
        columns = [fold(unquote(piece.text)) for piece in before if piece.kind == COLUMN]
        waiting, recent = set(tables) - set(bound), set(columns[-3:])
        near = {other for key in bound if key in self._place for other in self._linked[self._place[key]]}
        named, in_from, last, linked, holding = fitted[-5:]
        found: dict[str, float] = {}
        for n, option in enumerate(self._tables):
            key = option.key
            more = named * (key in waiting) + in_from * (key in bound) + linked * (n in near)
            if tables and key == tables[-1]:
                more += last
            if recent and not waiting:
                more += holding * len(recent & self._keys[n]) / len(recent)
            if more:
                found[key] = more
        if bound and not before[-1].text.endswith(("FROM ", "JOIN ")):
            found |= {option.key: -math.inf for option in self._tables if option.key not in bound}
        return found


class _Pool:
    """Names that are chosen from, with the part of their scores that does not depend on the statement so far."""

    def __init__(self, options: Sequence[NameOption], fitted: Sequence[float]) -> None:
        self._scores = {
            option.key: sum(w * x for w, x in zip(fitted, option.features, strict=False))
            for option in options
        }
        self._texts = {option.key: option.text for option in options}
        self._lower = [(option.text.lower(), option.key) for option in options]
        self._order = sorted(
            self._scores, key=lambda key: (self._scores[key], self._texts[key]), reverse=True
        )
        self._total = sum(map(math.exp, self._scores.values()))

    def best(self, changed: Mapping[str, float], begun: str) -> tuple[str, float] | None:
        """The likeliest name that begins so, and its share of all of them. changed: what is added to scores by key."""
        scores = self._scores
        if begun:
            keys = [key for lower, key in self._lower if lower.startswith(begun)]
            scored = {key: scores[key] + changed.get(key, 0.0) for key in keys}
            total = sum(map(math.exp, scored.values()))
        else:
            scored = {key: scores[key] + more for key, more in changed.items() if key in scores}
            first = next((key for key in self._order if key not in scored), None)
            total = self._total + sum(
                math.exp(score) - math.exp(scores[key]) for key, score in scored.items()
            )
            if first is not None:
                scored[first] = scores[first]
        if not scored:
            return None
        top = max(scored, key=lambda key: (scored[key], self._texts[key]))
        if scored[top] == -math.inf:
            return None
        return self._texts[top], math.exp(scored[top]) / max(total, math.exp(scored[top]))


def _bound(before: Sequence[Piece]) -> list[str]:
    """The tables that FROM names."""
    return [
        fold(unquote(piece.text))
        for words, piece in zip(before, before[1:], strict=False)
        if piece.kind == TABLE and words.text.endswith(("FROM ", "JOIN "))
    ]


def _changed_columns(before: Sequence[Piece], fitted: Sequence[float]) -> dict[str, float]:
    """Key of a column → what it adds to its score that the statement has named it."""
    columns = [fold(unquote(piece.text)) for piece in before if piece.kind == COLUMN] or [""]
    named, last, first = fitted[-3:]
    return {
        key: named * bool(columns[0]) + last * (key == columns[-1]) + first * (key == columns[0])
        for key in columns
    }


def _words(name: str) -> list[str]:
    return [word_forms.stem(word) for word in word_forms.name_words(name)]


def _share(words: Sequence[str], said: set[str]) -> float:
    return sum(word in said for word in words) / max(1, len(words))


def _distinct(options: Iterable[NameOption]) -> list[NameOption]:
    """One option for each key: that of the table that the question says most of."""
    found: dict[str, NameOption] = {}
    about = FEATURES[COLUMN].index("its table in the question")
    for option in options:
        known = found.get(option.key)
        if known is None or option.features[about] > known.features[about]:
            found[option.key] = option
    return list(found.values())
