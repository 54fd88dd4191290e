"""Prune a large schema to the tables and columns that a question is about.

Invariant: the part that `link` returns fits the budget (but always holds one table), keeps every chosen
table's key and the columns that join chosen tables, and is chosen without a model: by the words that a
question shares with names, comments and sample values, by stored values that it mentions, and by foreign
keys. A schema that fits comes back as it is, and where its tables fit without its views, all of them do: what is the
same for every question is read by the model only once. The same schema and question give the same part.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from sqlagent.base import word_forms
from sqlagent.database.schema import Schema, fold
from sqlagent.linking.prompt import Hint
from sqlagent.linking.table_costs import TableCost, cost_of, referred_columns

BUDGET = 1500
"""Tokens of a part that is chosen for one question: the model reads it anew each time, 10 to 25 s on two cores."""
WHOLE = 2500
"""Tokens up to which all tables are shown: they are read once, and kept. Views, which repeat what is in them, are shown
as well where all of it fits the budget."""

FIRST, CORE = 900, 300
"""Tokens of the tables that a question cannot do without, at the most; up to so many of the next best come with them
where nothing has been read, and where it is to be added to what has been."""
_CLEAR = 0.45
"""A table with less than this share of the likeliest one's evidence is not one that a question cannot do without."""
_ENOUGH = 0.35
"""The share of a schema that is taken in any case."""
_WIDE = 350
"""Tokens of a table from which only those of its columns are taken that the question may be about."""
_FAR = 3
"""Joins between two tables that a question is about, at the most."""

_TABLE_NAME, _COLUMN_NAME, _COMMENT, _SAMPLE = 1.0, 0.8, 0.5, 0.35
"""What a word that occurs in a name, a comment or a sample value is worth."""
_HINT = 2.5
_NEIGHBOUR = 0.7
"""What a word is worth that is found in a table joined with this one."""
_BRIDGE = 0.9
_BRIDGED = 8
_SHARE = 0.5
"""The most that one table may take of the budget before every likely table has had its share."""
_LEAST = 15
"""With fewer tokens left than this no table fits."""


@dataclass(slots=True)
class _Found:
    """What a question's words found in one table."""

    words: dict[int, float] = field(default_factory=dict)
    """Word of the question → how well the table holds it."""
    columns: dict[int, float] = field(default_factory=dict)
    """Place of a column → evidence for it."""
    hinted: float = 0.0


class Linker:
    """An index of one schema's names; build it once, ask it often. Safe to share between threads."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        referred = referred_columns(schema)
        # A column called like another table's key is one to join by, declared or not.
        undeclared = {fold(t.primary_key[0]) for t in schema.tables if len(t.primary_key) == 1}
        self._docs = [
            cost_of(place, table, referred.get(fold(table.name), set()) | undeclared)
            for place, table in enumerate(schema.tables)
        ]
        self._stored = [doc for doc in self._docs if doc.table.kind != "view"]
        self._places = {fold(table.name): place for place, table in enumerate(schema.tables)}
        self._total = sum(doc.cost for doc in self._docs)
        self._postings: dict[str, dict[tuple[int, int], float]] = defaultdict(dict)
        self._prefixes: dict[str, list[str]] = defaultdict(list)
        self._short: dict[str, list[str]] = defaultdict(list)
        self._endings: dict[str, list[str]] = defaultdict(list)
        for doc in self._docs:
            self._index(doc)
        for word in self._postings:
            self._prefixes[word[:3]].append(word)
            if 3 <= len(word) <= 5:
                self._short[word[:1]].append(word)
            self._endings[word[-4:]].append(word)
        self._joins = _joins(schema, self._places)

    @property
    def total(self) -> int:
        """Tokens that the whole schema takes."""
        return self._total

    def usual(self, question: str = "", *, budget: int = BUDGET, whole: int = WHOLE) -> Schema | None:
        """What is shown whatever else a question says: all within `budget`, or all tables within `whole`.

        Of the views then only those come that the question calls by their whole names. None where there is no room
        for the tables, so that each question is shown its own part.
        """
        if self._total <= budget:
            return self.schema
        room = whole - sum(doc.cost for doc in self._stored)
        if room < 0 or not self._stored:
            return None
        shown = list(self._stored)
        for doc in self._called(question):
            if doc.cost <= room:
                shown.append(doc)
                room -= doc.cost
        return self.schema.subset({doc.table.name: None for doc in shown})

    def _called(self, question: str) -> list[TableCost]:
        """The views that a question calls by their whole names."""
        said = f" {' '.join(token.stem for token in word_forms.tokens(question, 120))} "
        return [
            doc
            for doc in self._docs
            if doc.table.kind == "view"
            and f" {' '.join(map(word_forms.stem, word_forms.name_words(doc.table.name)))} " in said
        ]

    def _index(self, doc: TableCost) -> None:
        def add(words: Iterable[str], column: int, weight: float) -> None:
            for word in words:
                stem = word_forms.stem(word)
                known = self._postings[stem]
                known[doc.place, column] = max(known.get((doc.place, column), 0.0), weight)

        add(word_forms.name_words(doc.table.name), -1, _TABLE_NAME)
        add(word_forms.words(doc.table.comment), -1, _COMMENT)
        for place, column in enumerate(doc.table.columns):
            add(word_forms.name_words(column.name), place, _COLUMN_NAME)
            add(word_forms.words(column.comment), place, _COMMENT)
            for sample in column.samples:
                if isinstance(sample, str) and len(sample) <= 40 and not sample.isdigit():
                    add(word_forms.words(sample), place, _SAMPLE)

    # ---- choosing ----

    def link(
        self,
        question: str,
        *,
        budget: int = BUDGET,
        hints: Sequence[Hint] = (),
    ) -> Schema:
        """The part of the schema that `question` is about, in at most `budget` tokens.

        hints: stored values that the question mentions, as `ValueIndex.find` tells them.
        """
        usual = self.usual(question, budget=budget, whole=budget)
        return usual or self.schema.subset(self._choose(self._search(question, hints), budget))

    def needed(
        self, question: str, *, hints: Sequence[Hint] = (), most: int = FIRST
    ) -> dict[str, Collection[str] | None]:
        """The tables and columns that a question can hardly do without, the likeliest first.

        Tables with clear evidence, those that hold a word which no likelier table holds, the next ones up to `_ENOUGH`
        of the schema and `most` tokens, and what joins them. Views, which repeat what is in tables, come where the
        question calls them by their names, or where all of the schema fits the budget.
        """
        found = self._search(question, hints)
        ranked = self._scored(found)
        if self._stored and self._total > BUDGET:
            able = {doc.place for doc in (*self._stored, *self._called(question))}
            ranked = [(place, score) for place, score in ranked if place in able]
        ranked = self._with_rows(ranked, question) or ranked
        chosen: list[int] = []
        covered: set[int] = set()
        spent, enough = 0, min(most, _ENOUGH * self._total)
        for clear in (True, False):
            for place, score in ranked:
                own = found[place].words if place in found else {}
                cost = min(self._docs[place].cost, _WIDE)
                told = score >= _CLEAR * ranked[0][1] or not covered.issuperset(own)
                if (
                    place in chosen
                    or clear
                    and not told
                    or spent + cost > (FIRST if clear else enough)
                    and chosen
                ):
                    continue
                chosen.append(place)
                covered.update(own)
                spent += cost
        chosen += [place for place in self._between(chosen) if place not in chosen]
        return {self._docs[place].table.name: self._columns(place, found) for place in chosen}

    def _with_rows(self, ranked: Sequence[tuple[int, float]], question: str) -> list[tuple[int, float]]:
        """Those of some tables that hold a row, or whose rows the question calls as the table's name ends."""
        said = {token.stem for token in word_forms.tokens(question, 120)}
        kept = []
        for place, score in ranked:
            table = self._docs[place].table
            empty = table.kind == "table" and table.row_count == 0 and table.row_count_exact
            if not empty or said & set(map(word_forms.stem, word_forms.name_words(table.name)[-1:])):
                kept.append((place, score))
        return kept

    def rest(self, shown: Collection[str], room: int, *, budget: int = BUDGET) -> list[str]:
        """Names of the tables that are not among the shown ones (folded names); none where they do not all fit.

        Views count as tables where all of the schema fits the budget.
        """
        docs = self._docs if self._total <= budget else self._stored
        left = [doc for doc in docs if fold(doc.table.name) not in shown]
        return [doc.table.name for doc in left] if sum(doc.cost for doc in left) <= room else []

    def next_best(self, shown: Collection[str], question: str, room: int) -> list[str]:
        """The likeliest tables that are not among the shown ones (folded names), as many as fit."""
        chosen = []
        for place, _ in self._scored(self._search(question, ())):
            doc = self._docs[place]
            if fold(doc.table.name) not in shown and doc.cost <= room:
                chosen.append(doc.table.name)
                room -= doc.cost
        return chosen

    def cost(self, table: str) -> int:
        """Tokens that a whole table takes."""
        return self._docs[self._places[fold(table)]].cost

    def _between(self, chosen: Sequence[int]) -> list[int]:
        """The tables on the shortest ways from the first of the chosen tables to the others."""
        if not chosen:
            return []
        ways: dict[int, tuple[int, ...]] = {chosen[0]: ()}
        edge = [chosen[0]]
        for _ in range(_FAR):
            reached = []
            for place in edge:
                for near in sorted(self._joins.get(place, set()) - set(ways)):
                    ways[near] = (*ways[place], near)
                    reached.append(near)
            edge = reached
        return list(dict.fromkeys(step for place in chosen[1:] for step in ways.get(place, ())))

    def _columns(self, place: int, found: dict[int, _Found]) -> list[str]:
        """Names of a table's columns; of a wide one those that a question may be about."""
        doc = self._docs[place]
        kept = set(range(len(doc.costs)))
        if doc.cost > _WIDE:
            kept = set(doc.keys)
            self._fill(place, found, kept, max(0, _WIDE - doc.base - sum(doc.costs[i] for i in kept)))
            kept |= set(found[place].columns) if place in found else set()
        return [column.name for i, column in enumerate(doc.table.columns) if i in kept]

    def scores(self, question: str) -> dict[str, float]:
        """Name of a table → how likely a question is about it, up to 1.0; others are left out."""
        ranked = self._scored(self._search(question, ()))
        most = max((score for _, score in ranked), default=0.0)
        return {self._docs[place].table.name: score / most for place, score in ranked if score > 0}

    def ranked(self, question: str) -> list[str]:
        """Names of the tables that have anything to do with a question, the likeliest first."""
        return [self._docs[place].table.name for place, _ in self._scored(self._search(question, ()))]

    def _search(self, question: str, hints: Sequence[Hint]) -> dict[int, _Found]:
        found: dict[int, _Found] = defaultdict(_Found)
        stems: dict[str, int] = {}
        asked = word_forms.tokens(question, 120)
        content = word_forms.content(asked)
        for token in asked:
            if token in content or token.folded == "name":
                stems.setdefault(token.stem, len(stems))
        for stem, word in stems.items():
            for name, like in self._like(stem):
                postings = self._postings[name]
                # Rare words tell more; a word that every table has tells nothing.
                rarity = math.log(1 + len(self._docs) / (0.5 + len({place for place, _ in postings})))
                for (place, column), weight in postings.items():
                    value = like * weight * rarity
                    entry = found[place]
                    entry.words[word] = max(entry.words.get(word, 0.0), value)
                    if column >= 0:
                        entry.columns[column] = entry.columns.get(column, 0.0) + value
        for hint in hints:
            at = self._places.get(fold(hint.table))
            if at is None:
                continue
            names = [fold(column.name) for column in self._docs[at].table.columns]
            if fold(hint.column) in names:
                column = names.index(fold(hint.column))
                value = _HINT * math.log(1 + len(self._docs)) / 2
                entry = found[at]
                said = word_forms.key(str(hint.value))
                # Two columns that hold the same value are one piece of evidence, not two.
                mark = -1 - next(i for i, one in enumerate(hints) if word_forms.key(str(one.value)) == said)
                entry.words[mark] = max(entry.words.get(mark, 0.0), value)
                entry.columns[column] = entry.columns.get(column, 0.0) + value
        return found

    def _like(self, stem: str) -> list[tuple[str, float]]:
        """Words of the schema that are like a word of the question."""
        near = [(stem, 1.0)] if stem in self._postings else []
        names = {*self._prefixes.get(stem[:3], ()), *self._short.get(stem[:1], ())}
        if len(stem) >= 4:
            names.update(self._endings.get(stem[-4:], ()))
        for name in sorted(names):
            if name != stem and (like := word_forms.likeness(name, stem)) > 0:
                near.append((name, like))
        return near

    def _scored(self, found: dict[int, _Found]) -> list[tuple[int, float]]:
        """(place, score) of the tables, best first: what they hold of the question, and their neighbours."""
        own = {place: sum(entry.words.values()) for place, entry in found.items()}
        scores: dict[int, float] = {}
        candidates = set(own) | {n for place in own for n in self._joins.get(place, ())}
        for place in candidates:
            words = dict(found[place].words) if place in own else {}
            covered: dict[int, float] = {}
            for near in self._joins.get(place, ()):
                for word, value in found[near].words.items() if near in own else ():
                    if value > covered.get(word, 0.0):
                        covered[word] = value
            added = sum(max(0.0, value - words.get(word, 0.0)) for word, value in covered.items())
            scores[place] = own.get(place, 0.0) + _NEIGHBOUR * added
        self._bridge(scores)
        return sorted(scores.items(), key=lambda item: (-item[1], item[0]))

    def _bridge(self, scores: dict[int, float]) -> None:
        """Raise the tables that join two likely ones, which a question seldom names."""
        best = sorted(scores, key=lambda place: (-scores[place], place))[:_BRIDGED]
        raised: dict[int, float] = {}
        for i, first in enumerate(best):
            for second in best[i + 1 :]:
                ends, others = self._joins.get(first, set()), self._joins.get(second, set())
                if second in ends:
                    continue
                value = _BRIDGE * min(scores[first], scores[second])
                for place in ends & others:
                    raised[place] = max(raised.get(place, 0.0), value)
        for place, value in raised.items():
            scores[place] = max(scores.get(place, 0.0), value)

    def _choose(self, found: dict[int, _Found], budget: int) -> dict[str, list[str]]:
        ranked = [place for place, _ in self._scored(found)]
        seen = set(ranked)
        ranked += [doc.place for doc in self._docs if doc.place not in seen]
        chosen: dict[int, set[int]] = {}
        left = budget
        for place in ranked:
            # No table takes everything; what is left over is filled up below.
            spent = self._take(place, found, chosen, min(left, int(budget * _SHARE)))
            left -= spent
            if left < _LEAST:
                break
        for place in list(chosen):
            left -= self._fill(place, found, chosen[place], left)
        return {
            self._docs[place].table.name: [self._docs[place].table.columns[i].name for i in columns]
            for place, columns in chosen.items()
        }

    def _take(self, place: int, found: dict[int, _Found], chosen: dict[int, set[int]], room: int) -> int:
        """Choose a table with as many of its columns as there is room for; the tokens that it takes."""
        doc = self._docs[place]
        columns = set(doc.keys)
        cost = doc.base + sum(doc.costs[i] for i in columns)
        if cost > room:
            if chosen:
                return 0
            columns = set(sorted(doc.keys)[:1])  # one table there must be, however wide its key
            cost = doc.base + sum(doc.costs[i] for i in columns)
        cost += self._fill(place, found, columns, room - cost)
        if not columns:
            return 0
        chosen[place] = columns
        return cost

    def _fill(self, place: int, found: dict[int, _Found], columns: set[int], room: int) -> int:
        """Add the likeliest of a table's other columns while there is room; the tokens that they take."""
        doc = self._docs[place]
        evidence = found[place].columns if place in found else {}
        spent = 0
        rest = (i for i in range(len(doc.costs)) if i not in columns)
        for i in sorted(rest, key=lambda i: (-evidence.get(i, 0.0) - 0.1 * (i in doc.common), i)):
            if spent + doc.costs[i] <= room:
                columns.add(i)
                spent += doc.costs[i]
        return spent


def _joins(schema: Schema, places: dict[str, int]) -> dict[int, set[int]]:
    """Place of a table → places of those that a declared foreign key joins it with."""
    joins: dict[int, set[int]] = defaultdict(set)
    for place, table in enumerate(schema.tables):
        for key in table.foreign_keys:
            other = places.get(fold(key.ref_table))
            if other is not None and other != place:
                joins[place].add(other)
                joins[other].add(place)
    return joins
