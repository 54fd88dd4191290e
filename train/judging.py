"""Score the validation slice with the packed forward pass: loss, and what greedy decoding would get token for token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from train.config import Config
from train.engine import Engine
from train.objective import exact_questions, forward
from train.packing import Group, fill, pack, split_group
from train.prepared import Prepared


@dataclass(frozen=True, slots=True)
class Score:
    """Validation on the packed slice."""

    loss: float  # nats a target token
    exact: float  # share of questions greedy decoding would get token for token


def judge(engine: Engine, config: Config, data: Prepared, stop: Callable[[], bool]) -> Score | None:
    """The score of the adapter as it is; None where `stop` says so meanwhile."""
    import torch

    groups: list[Group] = []
    for group in data.validation():
        pieces, _ = split_group(group, questions=config.questions_per_schema, max_length=config.max_length)
        groups += pieces
    device = engine.accelerator.device
    sums = torch.zeros(4, device=device)
    engine.model.eval()
    with torch.no_grad():
        for sequence, weight, _ in engine.share(engine.forwards(fill(groups, config.max_length))):
            if engine.agree(stop())[0]:
                return None
            packed = pack(sequence)
            outcome = forward(engine.model, packed, device)
            found = [
                float(outcome.nll),
                len(packed.labels),
                exact_questions(outcome, packed),
                packed.questions,
            ]
            sums += weight * torch.tensor(found, device=device)
    nll, targets, exact, questions = engine.accelerator.reduce(sums, "sum").tolist()
    return Score(nll / max(1, targets), exact / max(1, questions))
