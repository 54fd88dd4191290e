"""Shared-prefix packing: many questions about one schema in one sequence, at the price of one schema.

Invariant: a packed sequence gives every question exactly the input it would have had alone. Each question
attends to its own schema prefix and to itself, never to a neighbour, and its positions restart after the
prefix; so loss and gradients equal those of the unpacked rows to rounding (`tests/test_train_packing.py`).

    prefix A      q1        q2        prefix B    q3
    0 1 2 3 4     5 6 7     5 6       0 1 2       3 4 5     positions
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Item:
    """One question: the tokens after its schema prefix, and the tokens to learn (the SQL and the end of
    turn).
    """

    request: np.ndarray  # int32 [r], r >= 1 unless the prefix is not empty
    target: np.ndarray  # int32 [t], t >= 1

    def __len__(self) -> int:
        return len(self.request) + len(self.target)


@dataclass(frozen=True, slots=True)
class Group:
    """One schema prefix and the questions that share it."""

    prefix: np.ndarray  # int32 [p]
    items: tuple[Item, ...]

    def __len__(self) -> int:
        return len(self.prefix) + sum(map(len, self.items))


@dataclass(frozen=True, slots=True)
class Packed:
    """One sequence of L tokens with M tokens to learn.

    `seen[i, j]` says that token i attends to token j. Position `loss_at[k]` predicts `labels[k]`, which
    belongs to question `owner[k]` (0-based, in packing order)."""

    ids: np.ndarray  # int64 [L]
    positions: np.ndarray  # int64 [L]
    group: np.ndarray  # int32 [L]
    segment: np.ndarray  # int32 [L], 0 = prefix
    loss_at: np.ndarray  # int64 [M]
    labels: np.ndarray  # int64 [M]
    owner: np.ndarray  # int32 [M]
    questions: int

    def __len__(self) -> int:
        return len(self.ids)

    def seen(self) -> np.ndarray:
        """The attention mask, bool [L, L]."""
        at = np.arange(len(self.ids))
        same_group = self.group[:, None] == self.group[None, :]
        visible = (self.segment[None, :] == 0) | (self.segment[:, None] == self.segment[None, :])
        seen: np.ndarray = same_group & visible & (at[None, :] <= at[:, None])
        return seen


def pack(groups: Sequence[Group]) -> Packed:
    """Lay the groups out one after another in a single sequence."""
    ids: list[np.ndarray] = []
    positions: list[np.ndarray] = []
    group_of: list[np.ndarray] = []
    segment_of: list[np.ndarray] = []
    loss_at: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    owner: list[np.ndarray] = []
    length = question = prefix_end = 0
    for number, group in enumerate(groups):
        prefix_length = len(group.prefix)
        parts = [(group.prefix, 0, 0)]
        for segment, item in enumerate(group.items, start=1):
            parts.append((np.concatenate([item.request, item.target]), prefix_length, segment))
        for tokens, first, segment in parts:
            ids.append(tokens)
            positions.append(np.arange(first, first + len(tokens)))
            group_of.append(np.full(len(tokens), number))
            segment_of.append(np.full(len(tokens), segment))
            if segment:
                target = group.items[segment - 1].target
                end = length + len(tokens)
                at = np.arange(end - len(target) - 1, end - 1)
                if len(target) == len(
                    tokens
                ):  # no request: the prefix's last token predicts the first target
                    at[0] = prefix_end
                loss_at.append(at)
                labels.append(target)
                owner.append(np.full(len(target), question))
                question += 1
            length += len(tokens)
            if not segment:
                prefix_end = length - 1
    return Packed(
        ids=np.concatenate(ids).astype(np.int64),
        positions=np.concatenate(positions).astype(np.int64),
        group=np.concatenate(group_of).astype(np.int32),
        segment=np.concatenate(segment_of).astype(np.int32),
        loss_at=np.concatenate(loss_at).astype(np.int64),
        labels=np.concatenate(labels).astype(np.int64),
        owner=np.concatenate(owner).astype(np.int32),
        questions=question,
    )


def split_group(group: Group, *, questions: int, max_length: int) -> tuple[list[Group], int]:
    """Cut a group into pieces of at most `questions` items and `max_length` tokens.

    Returns the pieces and how many items were too long to fit even alone (dropped, never truncated).
    """
    pieces: list[Group] = []
    held: list[Item] = []
    length = len(group.prefix)
    too_long = 0
    for item in group.items:
        if len(group.prefix) + len(item) > max_length:
            too_long += 1
            continue
        if held and (len(held) >= questions or length + len(item) > max_length):
            pieces.append(Group(group.prefix, tuple(held)))
            held, length = [], len(group.prefix)
        held.append(item)
        length += len(item)
    if held:
        pieces.append(Group(group.prefix, tuple(held)))
    return pieces, too_long


def fill(groups: Iterable[Group], max_length: int) -> list[list[Group]]:
    """Put whole groups together into sequences of at most `max_length` tokens (first fit, longest first)."""
    bins: list[list[Group]] = []
    room: list[int] = []
    for group in sorted(groups, key=len, reverse=True):
        for index, left in enumerate(room):
            if len(group) <= left:
                bins[index].append(group)
                room[index] -= len(group)
                break
        else:
            bins.append([group])
            room.append(max_length - len(group))
    return bins


def plan_epoch(
    groups: Sequence[Group],
    *,
    questions: int,
    max_length: int,
    batch_size: int,
    rng: random.Random,
    batch_tokens: int = 0,
) -> tuple[list[list[list[Group]]], int]:
    """An epoch as optimiser steps; a step is a list of sequences; a sequence is a list of groups.

    A step has `batch_size` questions or more, or with `batch_tokens` so many tokens or more.

    The plan is a function of the groups and of `rng`'s state alone: a resumed run makes it again and skips
    what is done, and it does not depend on the number of processes. Returns the steps and the number of
    items too long."""
    pieces: list[Group] = []
    too_long = 0
    for group in groups:
        items = list(group.items)
        rng.shuffle(items)
        made, dropped = split_group(
            Group(group.prefix, tuple(items)), questions=questions, max_length=max_length
        )
        pieces += made
        too_long += dropped
    rng.shuffle(pieces)
    steps: list[list[list[Group]]] = []
    held: list[Group] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece) if batch_tokens else len(piece.items)
        if count >= (batch_tokens or batch_size):
            steps.append(fill(held, max_length))
            held, count = [], 0
    if held:
        steps.append(fill(held, max_length))
    return steps, too_long
