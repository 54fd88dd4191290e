"""Draw statements at a temperature: `drawn(model, prompt, acceptor, n=8, temperature=0.7, seed=1)`.

Gumbel noise times the temperature is added to the logits. The best token of that order is a draw from
softmax(logits / temperature), and the best one that the grammar accepts is a draw from those that it accepts
(the Gumbel-max trick, without replacement). The product itself always takes the likeliest token.

Invariant: the same seed draws the same statements, whatever was drawn before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from sqlagent.decoding.candidate import Candidate
    from sqlagent.decoding.token_choice import Order
    from sqlagent.linking.prompt import Prompt
    from sqlagent.llama.context import Logits


def noisy(temperature: float, *seed: int) -> Order:
    """An order of tokens in which the first accepted one is a draw at a temperature."""
    rng = np.random.default_rng(seed)

    def order(logits: Logits) -> Logits:
        noise = rng.gumbel(scale=temperature, size=logits.size)
        return (logits + noise).astype(np.float32)

    return order


def drawn(
    model: Any,
    prompt: Prompt,
    acceptor: Any,
    *,
    n: int,
    temperature: float,
    seed: int,
    max_tokens: int,
) -> list[Candidate]:
    """`n` statements, the first one greedy. Raises as `Model.generate` does."""
    orders = [None, *(noisy(temperature, seed, i) for i in range(1, n))]
    found: list[Candidate] = model.generate(prompt, acceptor, orders=orders, max_tokens=max_tokens)
    return found
