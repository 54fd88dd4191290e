"""Steps whose loss has not been read yet: on a GPU reading it waits for the device, so several are read together.

Invariant: every step gets its line, in order, before anything is saved that came after it; a loss that is no number is
found before that, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from train.engine import Made
from train.errors import Diverged


@dataclass(frozen=True, slots=True)
class _Step:
    row: dict[str, Any]
    made: Made
    began: float  # clock, seconds
    strict: bool  # a loss or gradient that is no number ends the run


@dataclass(slots=True)
class Pending:
    """The steps since the last reading. `every` steps make a reading due."""

    every: int
    _held: list[_Step] = field(default_factory=list)

    def add(self, row: dict[str, Any], made: Made, began: float, *, strict: bool) -> None:
        """A step that was asked of the device at `began`; `row` lacks what only the device knows, and the speed."""
        self._held.append(_Step(row, made, began, strict))

    @property
    def due(self) -> bool:
        return len(self._held) >= self.every

    def read(self, clock: Any) -> list[dict[str, Any]]:
        """The rows, whole; their speed is that of all of them together. Raises Diverged."""
        import torch

        held, self._held = self._held, []
        if not held:
            return []
        values = torch.stack([torch.stack([one.made.loss, one.made.norm.float()]) for one in held]).tolist()
        seconds = max(clock() - held[0].began, 1e-9)
        tokens, questions = (sum(one.row[name] for one in held) for name in ("tokens", "questions"))
        rows = []
        for one, (summed, norm) in zip(held, values, strict=True):
            loss = summed / one.made.targets
            if one.strict and not (math.isfinite(loss) and math.isfinite(norm)):
                raise Diverged(
                    f"The loss became {loss} (gradient norm {norm}) at step {one.row['step']}: lower --lr "
                    "or use another --precision; the last checkpoint is from before it."
                )
            speed = {
                "tokens_per_second": tokens / seconds,
                "questions_per_second": questions / seconds,
            }
            rows.append(one.row | {"loss": loss, "grad_norm": norm} | speed)
        return rows
