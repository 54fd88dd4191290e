"""A data set ready to train on: token ids only, in one compressed file.

Invariant: a prepared file is all that a run needs beside the base model, so that a machine without the
databases, without sqlglot and without a network trains on exactly the rows that were checked where those
were at hand."""

from __future__ import annotations

import hashlib
import json
import math
import random
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from sqlagent.base import private_files
from sqlagent.base.errors import UsageError
from train.packing import Group, Item
from train.tokens import Encoded

VERSION = 2
ARRAYS = ("prefix_of", "source_of", "weight", "phase", "copy", "copies", "held_out")
GOLDEN = 0.6180339887498949


def phase(number: int) -> float:
    """Where in the rotation of epochs row `number` of a source stands: spread evenly over 0…1."""
    return (number * GOLDEN) % 1.0


def times(weight: float, phase: float, epoch: int) -> int:
    """How often a row of `weight` occurs in an epoch: its fraction rotates from epoch to epoch."""
    return math.floor(weight * (epoch + 1) + phase) - math.floor(weight * epoch + phase)


@dataclass(frozen=True, slots=True)
class Row:
    """One encoded question and which share of which epoch it belongs to."""

    encoded: Encoded
    source: str
    weight: float = 1.0
    phase: float = 0.0
    """Which epochs take it, where its weight is no whole number: see `times`."""
    copy: int = 0
    """0 for the row as it is; 1 … n for its augmented copies, of which each epoch takes another."""
    copies: int = 1
    validation: bool = False


@dataclass(frozen=True)
class Prepared:
    """Rows sharing prefixes. Arrays have one entry a row; token arrays are flat with offsets."""

    prefixes: tuple[np.ndarray, ...]
    items: tuple[Item, ...]
    prefix_of: np.ndarray  # int32 [rows]
    source_of: np.ndarray  # int16 [rows]
    weight: np.ndarray  # float32 [rows]
    phase: np.ndarray  # float32 [rows]
    copy: np.ndarray  # int16 [rows]
    copies: np.ndarray  # int16 [rows]
    held_out: np.ndarray  # bool [rows]
    sources: tuple[str, ...]
    about: dict[str, Any] = field(default_factory=dict)
    """What it was made from: model, recipe, counts, hashes."""

    def __len__(self) -> int:
        return len(self.items)

    @property
    def has_validation(self) -> bool:
        return bool(self.held_out.any())

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over everything that training reads."""
        requests, targets = [item.request for item in self.items], [item.target for item in self.items]
        rows = (self.prefix_of, self.weight, self.phase, self.copy, self.copies, self.held_out)
        sha = hashlib.sha256()
        for array in (*_flatten(self.prefixes), *_flatten(requests), *_flatten(targets), *rows):
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    def epoch(self, epoch: int, rng: random.Random) -> list[Group]:
        """The rows of one epoch, grouped by prefix.

        A row of weight w occurs floor(w) times, and once more with the fraction's probability: fractions
        rotate, so that two epochs at weight 0.5 see every row once. Of augmented copies, epoch e takes copy
        e modulo their number."""
        chosen: list[int] = []
        for row in range(len(self.items)):
            if self.held_out[row] or self.copy[row] != epoch % self.copies[row]:
                continue
            chosen += [row] * times(float(self.weight[row]), float(self.phase[row]), epoch)
        rng.shuffle(chosen)
        return self._grouped(chosen)

    def originals(self) -> list[Group]:
        """The rows to train on, each once and without its augmented copies, grouped by prefix."""
        return self._grouped(np.flatnonzero(~self.held_out & (self.copy == 0)).tolist())

    def validation(self) -> list[Group]:
        """The validation slice, grouped by prefix."""
        return self._grouped(np.flatnonzero(self.held_out).tolist())

    def _grouped(self, rows: Iterable[int]) -> list[Group]:
        by_prefix: dict[int, list[Item]] = defaultdict(list)
        for row in rows:
            by_prefix[int(self.prefix_of[row])].append(self.items[row])
        return [Group(self.prefixes[index], tuple(items)) for index, items in sorted(by_prefix.items())]

    def save(self, path: Path) -> None:
        """Write the one file."""
        arrays: dict[str, np.ndarray] = {}
        lists = {
            "prefix": self.prefixes,
            "request": [item.request for item in self.items],
            "target": [item.target for item in self.items],
        }
        for name, parts in lists.items():
            arrays[f"{name}_tokens"], arrays[f"{name}_ends"] = _flatten(parts)
        for name in ARRAYS:
            arrays[name] = getattr(self, name)
        head = {"version": VERSION, "sources": self.sources, "about": self.about, "digest": self.digest}
        arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
        mode = private_files.SHARED
        with private_files.draft(path, mode=mode) as draft, draft.open("wb") as file:
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def build(rows: Sequence[Row], about: dict[str, Any]) -> Prepared:
    """Collect encoded rows; equal prefixes are stored once."""
    sources = tuple(dict.fromkeys(row.source for row in rows))
    numbers: dict[bytes, int] = {}
    prefixes: list[np.ndarray] = []
    prefix_of: list[int] = []
    for row in rows:
        key = row.encoded.prefix.tobytes()
        if key not in numbers:
            numbers[key] = len(prefixes)
            prefixes.append(row.encoded.prefix)
        prefix_of.append(numbers[key])
    return Prepared(
        prefixes=tuple(prefixes),
        items=tuple(Item(row.encoded.request, row.encoded.target) for row in rows),
        prefix_of=np.array(prefix_of, np.int32),
        source_of=np.array([sources.index(row.source) for row in rows], np.int16),
        weight=np.array([row.weight for row in rows], np.float32),
        phase=np.array([row.phase for row in rows], np.float32),
        copy=np.array([row.copy for row in rows], np.int16),
        copies=np.array([row.copies for row in rows], np.int16),
        held_out=np.array([row.validation for row in rows], bool),
        sources=sources,
        about=about,
    )


def load(path: Path) -> Prepared:
    """Read a prepared file; raises UsageError when it is not one, or damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(arrays["head"].tobytes())
    except (OSError, ValueError, KeyError, BadZipFile, zlib.error) as error:
        raise UsageError(
            f"{path} is not a prepared data set: make one with `python -m train data --save`."
        ) from error
    if head["version"] != VERSION:
        raise UsageError(
            f"{path} was prepared by another version: make it again with `python -m train data --save`."
        )
    request = _unflatten(arrays["request_tokens"], arrays["request_ends"])
    target = _unflatten(arrays["target_tokens"], arrays["target_ends"])
    found = Prepared(
        prefixes=tuple(_unflatten(arrays["prefix_tokens"], arrays["prefix_ends"])),
        items=tuple(Item(r, t) for r, t in zip(request, target, strict=True)),
        **{name: arrays[name] for name in ARRAYS},
        sources=tuple(head["sources"]),
        about=head["about"],
    )
    if found.digest != head["digest"]:
        raise UsageError(f"{path} is damaged: make it again with `python -m train data --save`.")
    return found


def _flatten(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    return np.concatenate([np.zeros(0, np.int32), *parts]).astype(np.int32), ends


def _unflatten(tokens: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    return np.split(tokens, ends[:-1]) if len(ends) else []
