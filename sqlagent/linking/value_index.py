"""Find the stored values that a question mentions, and the one that a misspelt literal was meant to be.

Invariant: every value that comes out is stored in the column that is named with it, spelled as it is stored.
Silence is better than a guess: a wrong hint misleads the model, so a match needs evidence (its length, how
it is written in the question, a word of its column or table nearby) and the rest is cut.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent.base import word_forms
from sqlagent.base.word_forms import Token
from sqlagent.database.schema import Schema, fold
from sqlagent.linking.collected_values import BUILD_SECONDS, CollectedValues, columns_of
from sqlagent.linking.prompt import Hint
from sqlagent.linking.value_scores import (
    CATEGORY,
    CUT,
    MAX_COLUMNS,
    SPAN_WORDS,
    TABLE,
    TABLE_MEAN,
    Match,
    StoredColumn,
    aliases,
    chosen,
    mentions,
    named_codes,
    nearest,
    nearness,
    only,
    score,
    with_marks,
)

if TYPE_CHECKING:
    from sqlagent.sandbox.sandbox import Sandbox

IDENTIFIER = re.compile(r"[^\W_]+(?:[._:/-]+[^\W_]+)+")
"""A value of several words without a blank, as programs write names: `sensor.attic_temperature`, `living-room`."""
MOST_ALIKE = 3
"""Identifiers of one column that may share the words of a question and still be named."""


_MOST_INITIALS = 5
"""Words that an abbreviation is short for, at the most."""
_INITIALS = 0.62
_SHORTENED = frozenset(("not", "no", "did", "does", "do", "to", "be", "out", "on"))
"""Words without a meaning of their own that abbreviations begin or end with: DNF, TBD, OOO."""


class ValueIndex:
    """The text values of one database; built on first use, and again when the file has changed.

    `cache_dir`: the folder that the index is kept in, SQLAGENT_HOME/values by default. `seconds`: what the
    first use may take; a larger database is read on at each later use. sandbox: gives the sandbox that the file is
    read in; without it, one of its own. Safe to share between threads.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        schema: Schema,
        cache_dir: Path | None = None,
        *,
        seconds: float = BUILD_SECONDS,
        sandbox: Callable[[], Sandbox] | None = None,
    ) -> None:
        if cache_dir is None:
            from sqlagent.base import paths

            cache_dir = paths.cache_dir() / "values"
        self._values = CollectedValues(path, schema, cache_dir, seconds=seconds, sandbox=sandbox)
        self._lock = threading.RLock()
        self._places: dict[int, StoredColumn] = {}
        self._vocabulary: dict[int, list[str]] = {}
        self._seen: tuple[int, int] | None = None
        self._last: tuple[str, list[Match]] | None = None
        self._names = {
            word_forms.stem(word)
            for table in schema.tables
            for name in (table.name, *(column.name for column in table.columns))
            for word in word_forms.name_words(name)
        }
        self._aliases = list(aliases(schema))
        self._codes = list(named_codes(schema))

    # ---- building ----

    @property
    def complete(self) -> bool:
        """Whether every value that will be collected has been."""
        with self._lock:
            return self._values.complete

    def build(self, seconds: float | None = None) -> bool:
        """Collect values for up to `seconds`; whether the index is complete. Raises DatabaseError."""
        with self._lock:
            return self._values.build(seconds)

    def close(self) -> None:
        """Let go of the index; the next use opens it again."""
        with self._lock:
            self._values.close()

    def _ready(self) -> sqlite3.Connection:
        """The collected values, read on a little if they are not all there. Raises DatabaseError."""
        data = self._values.ready()
        if self._seen != self._values.version:
            self._seen = self._values.version
            self._vocabulary = {}
            self._last = None
            self._places = columns_of(data)
        return data

    # ---- finding ----

    def find(
        self,
        question: str,
        limit: int = 5,
        *,
        columns: int = MAX_COLUMNS,
        within: Schema | None = None,
        tables: Mapping[str, float] | None = None,
    ) -> list[Hint]:
        """Stored values like those that the question mentions, the surest first. Raises DatabaseError.

        columns: how many columns may be named for the same words. within: a part of the schema that the
        columns must be in. tables: how likely the question is about each table (`Linker.scores`); of
        columns that hold the same value, those of likelier tables come first.
        """
        return [
            match.hint
            for match in self.matches(question, limit, columns=columns, within=within, tables=tables)
        ]

    def holds_word(self, stem: str) -> bool:
        """Whether a value of a column with few of them holds a word: `power` in 'Power meter'. Raises DatabaseError."""
        with self._lock:
            rows = self._ready().execute(
                "SELECT DISTINCT v.col FROM word w JOIN val v ON v.id = w.val WHERE w.word = ? LIMIT 50",
                (stem,),
            )
            return any(self._places[column].size <= CATEGORY for (column,) in rows)

    def matches(
        self,
        question: str,
        limit: int = 5,
        *,
        columns: int = MAX_COLUMNS,
        within: Schema | None = None,
        tables: Mapping[str, float] | None = None,
    ) -> list[Match]:
        """As `find`, with scores (CUT to about 1.5) and the words of the question that each stands for."""
        with self._lock:
            data = self._ready()
            if self._last is None or self._last[0] != question:
                self._last = question, self._all(data, question)
            found = self._last[1]
        if within is not None:
            found = [match for match in found if _holds(within, match.hint)]
        if tables is not None:
            found = [
                replace(m, score=m.score + TABLE * (tables.get(m.hint.table, 0.0) - TABLE_MEAN))
                for m in found
            ]
        return chosen(found, limit, columns)

    def _all(self, data: sqlite3.Connection, question: str) -> list[Match]:
        tokens = word_forms.tokens(question)
        if not tokens:
            return []
        found = with_marks(question, tokens, list(self._exact(data, tokens)))
        found += self._inflected(data, tokens, found)
        found += self._misspelt(data, tokens, found)
        found += self._partial(data, tokens, found)
        found += self._by_parts(data, tokens, found)
        found += self._by_alias(data, tokens)
        found += self._by_initials(data, tokens)
        codes = list(self._by_code_name(tokens))
        told = {(code.first, code.end, str(code.hint.value).lower()) for code in codes}
        # What a table of codes says of one is no value of its own where a column holds that code.
        return [m for m in found if (m.first, m.end, str(m.hint.value).lower()) not in told] + codes

    def _exact(self, data: sqlite3.Connection, tokens: Sequence[Token]) -> Iterator[Match]:
        """Values whose words are words of the question, but for case, accents, punctuation and plurals."""
        spans: dict[str, list[tuple[int, int]]] = {}
        for first, end in word_forms.spans(tokens, SPAN_WORDS):
            key = " ".join(token.stem for token in tokens[first:end])
            spans.setdefault(key, []).append((first, end))
        for column, value, norm in _looked_up(data, list(spans)):
            for first, end in spans[norm]:
                sure = score(tokens, first, end, self._places[column], value, self._names)
                yield self._match(column, value, sure, first, end)

    def _match(self, column: int, value: str, score: float, first: int, end: int) -> Match:
        place = self._places[column]
        return Match(Hint(place.table, place.column, value), score, first, end)

    def _inflected(
        self, data: sqlite3.Connection, tokens: Sequence[Token], found: list[Match]
    ) -> Iterator[Match]:
        """Categories by another form of a word: `Swim` by "swimming", `Cancelled` by "cancel"."""
        covered = {i for match in found if match.score >= CUT for i in range(match.first, match.end)}
        for at, token in enumerate(tokens):
            if at in covered or token.folded in word_forms.STOP or token.stem in self._names:
                continue
            forms = [form for form in word_forms.inflections(token.folded) if form not in self._names]
            for column, value, _ in _looked_up(data, forms):
                place = self._places[column]
                if place.size <= CATEGORY and " " not in value.strip():
                    sure = score(tokens, at, at + 1, place, value, self._names, True)
                    yield self._match(column, value, sure, at, at + 1)

    def _misspelt(
        self, data: sqlite3.Connection, tokens: Sequence[Token], found: list[Match]
    ) -> Iterator[Match]:
        """Values whose words are those of the question but for a typing error in one of them."""
        covered = {i for match in found if match.score >= CUT for i in range(match.first, match.end)}
        for at, token in enumerate(tokens):
            word = token.stem
            if (
                at in covered
                or len(word) < 4
                or word in word_forms.STOP
                or token.folded in word_forms.STOP
                or word in self._names
                or any(c.isdigit() for c in word)
                or (not token.capital and not token.quoted and not token.text[0].isupper())
            ):
                continue
            if data.execute("SELECT 1 FROM word WHERE word = ?", (word,)).fetchone():
                continue
            for other in self._near_words(data, word):
                spans: dict[str, list[tuple[int, int]]] = {}
                for first in range(max(0, at - SPAN_WORDS + 1), at + 1):
                    for end in range(at + 1, min(len(tokens), first + SPAN_WORDS) + 1):
                        # A word of four letters has too many neighbours to stand alone.
                        if len(word) > 4 or end - first > 1:
                            stems = [other if i == at else tokens[i].stem for i in range(first, end)]
                            spans.setdefault(" ".join(stems), []).append((first, end))
                for column, value, norm in _looked_up(data, list(spans)):
                    for first, end in spans[norm]:
                        place = self._places[column]
                        sure = score(tokens, first, end, place, value, self._names, True) - 0.12
                        yield self._match(column, value, sure, first, end)

    def _near_words(self, data: sqlite3.Connection, word: str) -> list[str]:
        """Stored words one typing error from `word` (two in a long one), nearest first."""
        from rapidfuzz import process
        from rapidfuzz.distance import OSA

        if not self._vocabulary:
            for (stored,) in data.execute("SELECT DISTINCT word FROM word WHERE length(word) >= 4"):
                self._vocabulary.setdefault(len(stored), []).append(stored)
        errors = 1 if len(word) < 8 else 2
        near: list[tuple[float, str]] = []
        for size in range(len(word) - errors, len(word) + errors + 1):
            for stored, distance, _ in process.extract(
                word, self._vocabulary.get(size, []), scorer=OSA.distance, score_cutoff=errors, limit=5
            ):
                if distance == 1 or stored[0] == word[0]:
                    near.append((distance, stored))
        return [stored for _, stored in sorted(near)[:5]]

    def _partial(
        self, data: sqlite3.Connection, tokens: Sequence[Token], found: list[Match]
    ) -> Iterator[Match]:
        """Longer values that hold a name or a quotation of the question as whole words."""
        covered = {i for match in found if match.score >= CUT for i in range(match.first, match.end)}
        for first, end in mentions(tokens):
            if covered.intersection(range(first, end)):
                continue
            stems = [token.stem for token in tokens[first:end]]
            rare = [stem for stem in stems if stem not in word_forms.STOP and len(stem) > 1]
            if not rare or sum(map(len, stems)) < 4:
                continue
            if len(stems) == 1 and (stems[0] in self._names or stems[0].isdigit()):
                continue
            marks = ",".join("?" * len(rare))
            rows = data.execute(
                "SELECT v.col, v.value, v.norm FROM word w JOIN val v ON v.id = w.val"
                f" WHERE w.word IN ({marks})"
                " GROUP BY v.id HAVING count(*) = ? LIMIT 50",
                (*rare, len(set(rare))),
            ).fetchall()
            wanted = f" {' '.join(stems)} "
            held = [row for row in rows if wanted in f" {row[2]} "]
            by_column: dict[int, list[tuple[str, str]]] = {}
            for column, value, norm in held:
                by_column.setdefault(column, []).append((value, norm))
            for column, values in by_column.items():
                if len(values) > 2:
                    continue
                for value, norm in values:
                    coverage = len(" ".join(stems)) / len(norm)
                    if coverage < 0.35:
                        continue
                    sure = score(tokens, first, end, self._places[column], value, self._names)
                    yield self._match(column, value, sure * (0.55 + 0.4 * coverage), first, end)

    def _by_parts(
        self, data: sqlite3.Connection, tokens: Sequence[Token], found: list[Match]
    ) -> Iterator[Match]:
        """Identifiers that the question names by their parts: `sensor.attic_temperature` as "attic temperature".

        A word that no name of the schema explains must be among the parts; the values that hold most of the
        question's words come out, where they are few.
        """
        covered = {i for match in found if match.score >= CUT for i in range(match.first, match.end)}
        places = {token.stem: i for i, token in reversed(list(enumerate(tokens)))}
        telling = [
            token.stem
            for i, token in enumerate(tokens)
            if i not in covered
            and len(token.stem) > 3
            and not token.stem.isdigit()
            and not {token.stem, token.folded} & word_forms.STOP
            and token.stem not in self._names
        ]
        if not telling:
            return
        marks = ",".join("?" * len(telling))
        rows = data.execute(
            "SELECT DISTINCT v.col, v.value, v.norm FROM word w JOIN val v ON v.id = w.val"
            f" WHERE w.word IN ({marks}) LIMIT 500",
            telling,
        ).fetchall()
        held: dict[int, list[tuple[int, str, list[int]]]] = {}
        for column, value, norm in rows:
            parts = norm.split()
            if len(parts) > 1 and IDENTIFIER.fullmatch(value):
                named = sorted({places[part] for part in parts if part in places})
                held.setdefault(column, []).append((len(named), value, named))
        for column, values in held.items():
            most = max(count for count, _, _ in values)
            best = [(value, named) for count, value, named in values if count == most]
            if len(best) > MOST_ALIKE:
                continue
            for value, named in best:
                yield self._match(column, value, 0.6 + 0.1 * min(3, most), named[0], named[-1] + 1)

    def _by_alias(self, data: sqlite3.Connection, tokens: Sequence[Token]) -> Iterator[Match]:
        """Codes whose meaning a column gives: in its comment, or F and M in a column named sex."""
        if not self._aliases:
            return
        stems = [token.stem for token in tokens]
        ids = {(place.table, place.column): id_ for id_, place in self._places.items()}
        for meaning, table, column, code in self._aliases:
            size = len(meaning)
            id_ = ids.get((table, column))
            if id_ is None:
                continue
            for first in range(len(stems) - size + 1):
                if tuple(stems[first : first + size]) == meaning:
                    for (value,) in data.execute(
                        "SELECT value FROM val WHERE col = ? AND norm = ?", (id_, code)
                    ):
                        place = self._places[id_]
                        near = nearness(tokens, first, first + size, place.words + place.table_words)
                        yield self._match(id_, value, 0.6 + 0.3 * near, first, first + size)

    def _by_initials(self, data: sqlite3.Connection, tokens: Sequence[Token]) -> Iterator[Match]:
        """Short values by what they are short for: `DNF` by "did not finish", `n.d.` by "not detected"."""
        spans: dict[str, tuple[int, int]] = {}
        for first, end in word_forms.spans(tokens, _MOST_INITIALS):
            letters = "".join(token.folded[:1] for token in tokens[first:end])
            if len(letters) == end - first > 1 and letters.isalpha():
                spans.setdefault(letters, (first, end))
        for column, value, norm in _looked_up(data, list(spans)):
            first, end = spans[norm]
            upper = end - first > 2 and value.isupper() and self._places[column].size <= CATEGORY
            short = "." in value or upper
            if short and not _only_joined(tokens[first:end]):
                yield self._match(column, value, _INITIALS, first, end)

    def _by_code_name(self, tokens: Sequence[Token]) -> Iterator[Match]:
        """Codes by the names that they are shown by: `open` for an 'O' that a table of codes says is Open."""
        stems = [token.stem for token in tokens]
        for words, table, column, name in self._codes:
            near_names = tuple(
                word_forms.stem(word) for part in (column, table) for word in word_forms.name_words(part)
            )
            for first in range(len(stems) - len(words) + 1):
                if tuple(stems[first : first + len(words)]) == words:
                    near = nearness(tokens, first, first + len(words), near_names)
                    yield Match(Hint(table, column, name), 0.6 + 0.3 * near, first, first + len(words))

    # ---- correcting ----

    def nearest(self, table: str, column: str, literal: str) -> str | None:
        """The stored value that `literal` must have meant, when it does not occur in its column.

        None when it does occur, when nothing is near, when several are, or when that cannot be told because
        the column is too large to be known in full. Raises DatabaseError.
        """
        with self._lock:
            data = self._ready()
            row = data.execute(
                "SELECT id FROM col WHERE lower(tbl) = ? AND lower(name) = ?", (fold(table), fold(column))
            ).fetchone()
            if row is None:
                return None
            id_, place = row[0], self._places[row[0]]
            if data.execute("SELECT 1 FROM val WHERE col = ? AND value = ?", (id_, literal)).fetchone():
                return None
            if not place.whole and self._values.occurs(place.table, place.column, literal) is not False:
                return None
            norm = word_forms.key(literal)
            if not norm:
                return None
            same = [
                value
                for (value,) in data.execute("SELECT value FROM val WHERE col = ? AND norm = ?", (id_, norm))
            ]
            if same:
                return only(same, literal)
            if not place.whole:
                return None
            values = data.execute("SELECT value, norm FROM val WHERE col = ?", (id_,)).fetchall()
        return nearest(values, norm)


def _only_joined(tokens: Sequence[Token]) -> bool:
    """Whether words begin or end with one that no abbreviation has: "of the day" is short for nothing."""
    return any(token.folded in word_forms.STOP - _SHORTENED for token in (tokens[0], tokens[-1]))


def _holds(schema: Schema, hint: Hint) -> bool:
    table = schema.table(hint.table)
    return table is not None and table.column(hint.column) is not None


def _looked_up(data: sqlite3.Connection, norms: list[str]) -> Iterator[tuple[int, str, str]]:
    """(column, value, norm) of the stored values with one of these norms."""
    for at in range(0, len(norms), 500):
        part = norms[at : at + 500]
        marks = ",".join("?" * len(part))
        yield from data.execute(f"SELECT col, value, norm FROM val WHERE norm IN ({marks}) LIMIT 2000", part)
