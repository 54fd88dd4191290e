"""Declare the nodes of a tree frozen where it costs nothing: for the type checker.

Making a frozen dataclass takes two to three times as long as another one, since each field goes through
`object.__setattr__`, and reading a statement makes some hundred. mypy refuses every assignment all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

Kind = TypeVar("Kind")

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_):
        return lambda decorator: decorator


@dataclass_transform(frozen_default=True, eq_default=False)
def frozen(kind: type[Kind]) -> type[Kind]:
    """A class of data with slots, each of whose objects is equal to itself alone."""
    return dataclass(slots=True, eq=False)(kind)
