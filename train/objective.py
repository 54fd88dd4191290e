"""Loss on the SQL tokens of a packed sequence, and what the same forward pass says about exact match.

Invariant: logits are computed at target positions only, so a sequence of L tokens never makes an L x
vocabulary array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from train.packing import Packed

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Outcome:
    """Sums over one packed sequence."""

    nll: torch.Tensor  # float32 scalar: summed negative log-likelihood of the target tokens
    hits: torch.Tensor | None  # bool [M]: the target token was the most likely one; None while training


def forward(model: Any, packed: Packed, device: Any) -> Outcome:
    """Run the model over one packed sequence (batch of one; L tokens, M targets)."""
    import torch

    from train import fused
    from train.attention import applied, blocks

    ids = torch.from_numpy(packed.ids).to(device)[None]  # [1, L]
    positions = torch.from_numpy(packed.positions).to(device)[None]  # [1, L]
    at = torch.from_numpy(packed.loss_at).to(device)  # [M]
    labels = torch.from_numpy(packed.labels).to(device)  # [M]
    head = fused.head(model)
    given = {"logits_to_keep": at, "use_cache": False}
    if head is None:
        mask = _mask(packed, device)
        logits = model(ids, position_ids=positions, attention_mask=mask, **given).logits[0]  # [M, vocabulary]
    else:
        # Few lengths, so that a step finds the memory that the last one freed in pieces of the right size.
        spare = (0, -len(packed) % fused.MULTIPLE)
        ids, positions = torch.nn.functional.pad(ids, spare), torch.nn.functional.pad(positions, spare)
        # A mask of four dimensions is taken as it is: none is made, and the packed attention needs none.
        none = torch.empty((1, 1, 0, 0))
        outcome = model(ids, position_ids=positions, attention_mask=none, layout=blocks(packed), **given)
        hidden = outcome.logits[0].to(head.dtype)  # [M, d]
        if torch.is_grad_enabled():
            return Outcome(applied(fused.Loss, hidden, head, labels), None)
        logits = hidden @ head.t()
    nll = torch.nn.functional.cross_entropy(logits.float(), labels, reduction="sum")
    return Outcome(nll, None if torch.is_grad_enabled() else logits.argmax(-1) == labels)


def _mask(packed: Packed, device: Any) -> torch.Tensor:
    # Built on the device from three short vectors: L x L booleans never cross the bus.
    import torch

    group = torch.from_numpy(packed.group).to(device)
    segment = torch.from_numpy(packed.segment).to(device)
    at = torch.arange(len(packed), device=device)
    seen = (
        (group[:, None] == group[None, :])
        & ((segment[None, :] == 0) | (segment[:, None] == segment[None, :]))
        & (at[None, :] <= at[:, None])
    )
    return seen[None, None]


def exact_questions(outcome: Outcome, packed: Packed) -> int:
    """How many questions have every target token as the most likely one: what greedy decoding would get
    exactly.
    """
    import numpy as np

    assert outcome.hits is not None
    wrong = packed.owner[~outcome.hits.cpu().numpy()]
    return packed.questions - len(np.unique(wrong))
