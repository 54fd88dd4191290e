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
    """Run the model over one packed sequence, or several laid out as one (L tokens, M targets)."""
    import torch

    from train import fused
    from train.attention import applied
    from train.block_attention import there

    kind, head = fused.attention_of(model), fused.head(model)
    ids = there(torch.from_numpy(packed.ids), device)[None]  # [1, L]
    positions = there(torch.from_numpy(packed.positions), device)[None]  # [1, L]
    at = there(torch.from_numpy(packed.loss_at), device)  # [M]
    labels = there(torch.from_numpy(packed.labels), device)  # [M]
    given: dict[str, Any] = {"logits_to_keep": at, "use_cache": False}
    if kind == "sdpa":
        given["attention_mask"] = _mask(packed, device)
    else:
        # Few lengths, so that a step finds the memory that the last one freed in pieces of the right size.
        padding = -len(packed) % fused.MULTIPLE
        ids, positions = (torch.nn.functional.pad(one, (0, padding)) for one in (ids, positions))
        # A mask of four dimensions is taken as it is: none is made, and none is needed.
        given["attention_mask"] = torch.empty((1, 1, 0, 0), device=device)
        given["layout"] = _layout(kind, packed, padding, device)
    out = model(ids, position_ids=positions, **given).logits[0]  # [M, vocabulary], or [M, d] without the head
    if head is not None:
        out = out.to(head.dtype)
        if torch.is_grad_enabled():
            return Outcome(applied(fused.Loss, out, head, labels), None)
        out = out @ head.t()
    nll = torch.nn.functional.cross_entropy(out.float(), labels, reduction="sum")
    return Outcome(nll, None if torch.is_grad_enabled() else out.argmax(-1) == labels)


def _layout(kind: str, packed: Packed, padding: int, device: Any) -> Any:
    """What tells an attention which pairs are visible."""
    from train import attention, block_attention

    if kind == "packed":
        return attention.blocks(packed)
    if kind == "flash":
        return block_attention.moved(block_attention.runs(packed, padding), device)
    return block_attention.block_mask(packed, padding, device)


def _mask(packed: Packed, device: Any) -> torch.Tensor:
    # Built on the device from three short vectors: L x L booleans never cross the bus.
    import torch

    from train.block_attention import there

    group, segment = (there(torch.from_numpy(one), device) for one in (packed.group, packed.segment))
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
