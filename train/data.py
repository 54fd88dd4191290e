"""From question/SQL pairs to encoded rows: the runtime's prompt, the grammar's SQL, every dropped row counted.

Invariant: every row that is kept has passed `checked.check`, and every other one is counted under a reason.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlagent.base.errors import UsageError
from train import augment, prepared, sources
from train import tokens as token_ids
from train.checked import Databases, Dropped, Example, accept, check, runtime_prompt
from train.config import Config, Mix, to_dict
from train.leakage import Guard
from train.sources import Pair
from train.tokens import Tokens, encode
from train.view import View
from train.workers import Outcome, Workers, count


@dataclass
class Counts:
    """What became of the rows of each source."""

    read: Counter[str] = field(default_factory=Counter)
    unused: Counter[str] = field(default_factory=Counter)
    """Rows that no epoch of the recipe takes, because its source has a small weight: not looked at."""
    kept: Counter[str] = field(default_factory=Counter)
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], str] = field(default_factory=dict)
    """The first statement that was dropped for each reason."""
    held: Counter[str] = field(default_factory=Counter)
    """Rows of it that were kept for validation."""
    plain: Counter[str] = field(default_factory=Counter)
    """Augmented copies that did not pass the checks: the row as it is stands in for them."""

    def drop(self, source: str, reason: str, sql: str) -> None:
        self.dropped[source, reason] += 1
        self.examples.setdefault((source, reason), sql)

    def as_dict(self) -> dict[str, Any]:
        """For the record beside the adapter."""
        return {
            name: {
                "read": self.read[name],
                "unused": self.unused[name],
                "kept": self.kept[name],
                "held_out": self.held[name],
                "plain_copies": self.plain[name],
                "dropped": {why: n for (s, why), n in sorted(self.dropped.items()) if s == name},
            }
            for name in self.read
        }


WORTH = 400
"""Rows of a source from which on more than one process looks at them: each takes seconds to start."""


class Pipeline:
    """Reads, checks and encodes; `rows()` may be called once.

    workers: processes that look at the rows of large sources; what comes out is the same without them.
    """

    workers: Workers | None = None

    def __init__(self, config: Config, tokens: Tokens | None, *, quiet: bool = False) -> None:
        hub = all(mix.file.startswith("hub:") or Path(mix.file).is_absolute() for mix in config.mix)
        if not config.data and not (hub and config.mix):
            raise UsageError("--data is missing: the folder that holds the recipe's data files.")
        if not config.mix:
            raise UsageError("The recipe has no [[mix]] entry, so there is nothing to train on.")
        unknown = set(config.augment) - set(augment.KINDS)
        if unknown:
            raise UsageError(f"augment has no kind {sorted(unknown)[0]!r}: use {', '.join(augment.KINDS)}.")
        self.config, self.tokens, self.quiet = config, tokens, quiet
        self.root = Path(config.data)
        self._mixes = [built(mix, config.built) for mix in config.mix]
        self.counts = Counts()
        self.held_out: list[dict[str, str]] = []
        self._databases = Databases()
        self._view = View(hints=config.value_hints)
        self.guard = self._guard()

    def _guard(self) -> Guard:
        held = self.config.validation
        files = (*held.files, *held.questions)
        questions = [q for file in files for q, _ in sources.questions(self.root / file)]
        databases = self.root / held.databases if held.databases else None
        folder = self.root / held.folder if held.folder else None
        return Guard.from_files(databases, questions, folder)

    def rows(self) -> Iterator[prepared.Row]:
        """All training rows, augmented copies and the validation slice."""
        seen: set[tuple[str, str]] = set()
        with contextlib.closing(self._view), contextlib.closing(self._databases):
            for mix in self._mixes:
                yield from self._source(mix, seen)
            for number, file in enumerate(self.config.validation.files):
                yield from self._validation(file, number)

    def examples(self) -> Iterator[Example]:
        """What of the recipe's first epoch passes every check but that of its length; no tokenizer is needed."""
        seen: set[tuple[str, str]] = set()
        with contextlib.closing(self._view), contextlib.closing(self._databases):
            for mix in self._mixes:
                pairs = self._progress(sources.read(mix, self.root, limit=self.config.limit), mix.name)
                for number, pair in enumerate(pairs):
                    if prepared.times(mix.weight, prepared.phase(number), 0):
                        with contextlib.suppress(Dropped):
                            yield self._one(pair, mix, seen)

    def _source(self, mix: Mix, seen: set[tuple[str, str]]) -> Iterator[prepared.Row]:
        counts = self.counts
        for pair, found in self._worked(mix, seen):
            counts.read[mix.name] += 1
            if is_held_out(pair, mix) and len(self.held_out) < self.config.validation.slice:
                yield from self._hold_out(pair, mix, seen)
                continue
            if found is None:
                counts.unused[mix.name] += 1
                continue
            reason = "duplicate" if found.key in seen else found.reason
            if found.key:
                seen.add(found.key)
            if reason:
                counts.drop(mix.name, reason, pair.sql)
                continue
            counts.kept[mix.name] += 1
            counts.plain[mix.name] += found.plain
            yield from found.rows

    def _worked(self, mix: Mix, seen: set[tuple[str, str]]) -> Iterator[tuple[Pair, Outcome | None]]:
        """Every pair of a source in order and what became of it; None where no epoch takes it."""
        epochs = math.ceil(self.config.epochs)
        pairs = list(sources.read(mix, self.root, limit=self.config.limit))
        used = [
            (number, pair)
            for number, pair in enumerate(pairs)
            if any(prepared.times(mix.weight, prepared.phase(number), epoch) for epoch in range(epochs))
        ]
        numbers = {number for number, _ in used}
        outcomes = self._outcomes(mix, used, seen)
        for number, pair in enumerate(self._progress(iter(pairs), mix.name)):
            yield pair, next(outcomes) if number in numbers else None

    def _outcomes(
        self, mix: Mix, used: Sequence[tuple[int, Pair]], seen: set[tuple[str, str]]
    ) -> Iterator[Outcome]:
        if self.workers is None or len(used) < WORTH:
            return (self.outcome(pair, mix, number, seen) for number, pair in used)
        return self.workers.outcomes(mix, used)

    def outcome(self, pair: Pair, mix: Mix, number: int, seen: set[tuple[str, str]]) -> Outcome:
        """A pair's rows, of itself and of its copies, or why it has none; of what is in `seen` nothing is looked at."""
        copies, phase = self.config.augment_copies + 1, prepared.phase(number)
        key: tuple[str, str] | None = None
        try:
            key = self._key(pair, mix)
            if key in seen:
                return Outcome(key, reason="duplicate")
            example = self._checked(pair)
            row = replace(self._encode(example, mix), phase=phase, copies=copies)
        except Dropped as reason:
            return Outcome(key, reason=str(reason))
        rows, plain = [row], 0
        for copy in range(1, copies):
            # Seeded by the database, not the row: questions must keep sharing their schema's prefix.
            seed = f"{pair.db_id or pair.ddl}:{copy}:{self.config.seed}"
            try:
                made = self._encode(self._augmented(example, seed, number), mix)
            except Dropped:  # as it is, then: an epoch must not lose the row
                made = row
                plain += 1
            rows.append(replace(made, phase=phase, copy=copy, copies=copies))
        return Outcome(key, tuple(rows), plain)

    def _hold_out(self, pair: Pair, mix: Mix, seen: set[tuple[str, str]]) -> Iterator[prepared.Row]:
        """A row that is kept for validation, and its text for `train evaluate`."""
        try:
            row = self._encode(self._one(pair, mix, seen), mix, validation=True)
        except Dropped as reason:
            self.counts.drop(mix.name, str(reason), pair.sql)
            return
        self.counts.held[mix.name] += 1
        self.held_out.append({"question": pair.question, "context": pair.ddl, "answer": pair.sql})
        yield row

    def _one(self, pair: Pair, mix: Mix, seen: set[tuple[str, str]]) -> Example:
        key = self._key(pair, mix)
        if key in seen:
            raise Dropped("duplicate")
        seen.add(key)
        return self._checked(pair)

    def _key(self, pair: Pair, mix: Mix) -> tuple[str, str]:
        """What makes two pairs one. Raises Dropped for a pair that may not be trained on at all."""
        if not pair.sql:
            raise Dropped("no statement known to be right, or a follow-up")
        if pair.db_id and self.guard.is_database(pair.db_id):
            if not mix.drop_validation:
                raise self.guard.refuse(mix.name, pair.db_id)
            raise Dropped("validation database")
        if self.guard.is_near(pair.question):
            raise Dropped("nearly a validation question")
        schema = self._databases.schema(pair)
        if pair.database and self.guard.is_copy(schema):
            raise Dropped("a validation database under another name")
        return schema.fingerprint, " ".join(pair.question.lower().split())

    def _checked(self, pair: Pair) -> Example:
        return check(pair, self._databases, self._view, style=self.config.alias_style)

    def _augmented(self, example: Example, seed: str, number: int) -> Example:
        """Another look of the row. Raises Dropped where it does not pass the checks again."""
        from bench.gold.canonical import CanonicalError, canonicalise

        kinds = self.config.augment
        schema, renamed = augment.database(example.schema, kinds, random.Random(seed))
        question = example.question
        if "reword" in kinds:
            question = augment.reword(question, random.Random(f"{seed}:{number}"))
        try:
            sql = augment.rename_sql(example.sql, renamed)
            if renamed:
                sql = canonicalise(sql, schema, style=self.config.alias_style)  # type: ignore[arg-type]
                accept(sql, schema, self.config.alias_style)
        except CanonicalError as error:
            raise Dropped("the renamed statement has no canonical form") from error
        hints = augment.rename_hints(example.hints, renamed)
        if "drop-samples" in kinds and random.Random(f"{number}:{seed}").random() < 0.25:
            hints = ()  # an index of values is not always at hand
        return replace(example, schema=schema, sql=sql, question=question, hints=hints)

    def _encode(self, example: Example, mix: Mix, *, validation: bool = False) -> prepared.Row:
        assert self.tokens is not None, "only statements were wanted"
        encoded = encode(self.tokens, runtime_prompt(example), example.sql)
        length = len(encoded.prefix) + len(encoded.request) + len(encoded.target)
        if length > self.config.max_length:
            raise Dropped("longer than max_length")
        return prepared.Row(encoded, example.source, mix.weight, validation=validation)

    def _validation(self, file: str, number: int) -> Iterator[prepared.Row]:
        """A fixed, seeded slice of a validation file, through the same checks."""
        held = self.config.validation
        name = f"validation:{Path(file).parent.name or file}"
        kind = sources.kind_of(file, self.root)
        mix = Mix(name=name, kind=kind, file=file, databases=held.folder)
        pairs = list(sources.read(mix, self.root))
        random.Random(f"validation:{number}").shuffle(pairs)
        # Whole databases share prefixes: the slice is cheap when its questions come in bunches.
        for pair in pairs[: held.slice]:
            self.counts.read[name] += 1
            try:
                yield self._encode(
                    check(pair, self._databases, self._view, style=self.config.alias_style),
                    mix,
                    validation=True,
                )
                self.counts.kept[name] += 1
            except Dropped as reason:
                self.counts.drop(name, str(reason), pair.sql)

    def _progress(self, pairs: Iterator[Pair], name: str) -> Iterator[Pair]:
        if self.quiet:
            return pairs
        from tqdm import tqdm

        return iter(tqdm(pairs, desc=name, unit="row", file=sys.stderr, mininterval=1.0))


def of_its_own(config: Config) -> Pipeline:
    """What looks at rows in another process."""
    return Pipeline(config, token_ids.load(config.model_name), quiet=True)


def prepare(config: Config, tokens: Tokens, *, quiet: bool = False) -> tuple[prepared.Prepared, Counts]:
    """Read, check and encode everything the recipe names."""
    pipeline = Pipeline(config, tokens, quiet=quiet)
    with contextlib.ExitStack() as stack:
        if count(config) > 1:
            pipeline.workers = stack.enter_context(Workers(config, count(config), of_its_own))
        rows = list(pipeline.rows())
    if not any(not row.validation for row in rows):
        raise UsageError("No row passed the checks: look at `python -m train data --stats`.")
    settings = to_dict(config)
    for mix in settings["mix"]:
        mix.update(file=shown(mix["file"]), databases=shown(mix["databases"]))
    about = {
        "tokenizer": shown(tokens.name),
        "tokenizer_digest": token_ids.digest(tokens),
        "counts": pipeline.counts.as_dict(),
        "files": file_hashes(config),
        "held_out": pipeline.held_out,
        "settings": {
            k: settings[k]
            for k in (
                "mix",
                "validation",
                "alias_style",
                "augment",
                "augment_copies",
                "epochs",
                "seed",
                "max_length",
            )
        },
    }
    return prepared.build(rows, about), pipeline.counts


def is_held_out(pair: Pair, mix: Mix) -> bool:
    """Whether a row's question is among those kept for validation: the same rows in every run of every seed."""
    if not mix.held_out:
        return False
    digest = hashlib.sha256(f"{pair.question}\0{pair.ddl}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % mix.held_out == 0


def built(mix: Mix, folder: str) -> Mix:
    """A source whose `built/` paths lie below a folder. Raises UsageError where none was given."""

    def placed(path: str) -> str:
        if not path.startswith("built/"):
            return path
        if not folder:
            raise UsageError(
                f"The recipe's {path} wants --built: the folder of `train build` and `train sample`."
            )
        return str(Path(folder).absolute() / path.removeprefix("built/"))

    return replace(mix, file=placed(mix.file), databases=placed(mix.databases))


def shown(path: str) -> str:
    """A path for others to read: of a place on this machine its last name alone."""
    return Path(path).name if Path(path).is_absolute() else path


def file_hashes(config: Config) -> dict[str, str]:
    """sha256 (hex) of every data file the recipe names."""
    found: dict[str, str] = {}
    files: Sequence[str] = [
        *(mix.file for mix in config.mix if not mix.file.startswith("built/") or config.built),
        *config.validation.files,
        config.validation.databases,
    ]
    for file in files:
        path = Path(config.built if file.startswith("built/") else config.data) / file.removeprefix("built/")
        if file and path.is_file():
            found[shown(file)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
