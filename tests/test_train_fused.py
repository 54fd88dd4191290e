"""The fused training step gives the plain model's loss and gradients."""

from __future__ import annotations

import random
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import numpy as np  # noqa: E402

from train import device, fused, qlora  # noqa: E402
from train.config import Config  # noqa: E402
from train.objective import forward  # noqa: E402
from train.packing import Group, Item, Packed, pack  # noqa: E402

VOCABULARY = 300


def _way(model: Any, **changes: Any) -> device.Way:
    """How a CPU makes the steps of a run with these settings."""
    shape = device.shape_of(model.get_base_model().config, bits=32)
    return device.choose(device.here(), Config(**{"lora_dropout": 0.0, **changes}), shape)


def _model(kind: str, dtype: Any = torch.float32) -> Any:
    import transformers

    torch.manual_seed(3)
    configurations = {
        "llama": transformers.LlamaConfig,
        "mistral": transformers.MistralConfig,
        "qwen2": transformers.Qwen2Config,
        "qwen3": transformers.Qwen3Config,
    }
    configuration = configurations[kind](
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=kind == "llama",
        head_dim=8,
        sliding_window=None,
    )
    base = transformers.AutoModelForCausalLM.from_config(
        configuration, dtype=dtype, attn_implementation="sdpa"
    )
    base.requires_grad_(False)
    tuned = qlora.add_adapter(base, Config(lora_r=4, lora_alpha=8, lora_dropout=0.0)).train()
    for number, (name, parameter) in enumerate(tuned.named_parameters()):
        if "lora_B" in name:  # zero at first, which would hide a wrong gradient of A
            generator = torch.Generator().manual_seed(number)
            parameter.data.normal_(std=0.1, generator=generator)
    return tuned


def _group(rng: random.Random, prefix: int, lengths: list[int]) -> Group:
    def some(n: int) -> np.ndarray:
        return np.array([rng.randrange(VOCABULARY) for _ in range(n)], dtype=np.int32)

    return Group(some(prefix), tuple(Item(some(n - n // 2), some(n // 2)) for n in lengths))


def _sequences() -> list[list[Group]]:
    rng = random.Random(5)
    shared = _group(rng, 40, [9, 30, 17, 22])
    lone = _group(rng, 12, [15])
    bare = _group(rng, 0, [11, 8])
    return [[shared], [lone], [bare], [shared, lone, bare], [lone, lone]]


def _gradients(model: Any, packed: Packed) -> tuple[float, dict[str, Any]]:
    model.zero_grad(set_to_none=True)
    loss = forward(model, packed, "cpu").nll
    (loss / 7).backward()
    return loss.item(), {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3"])
def test_same_loss_and_gradients_as_the_plain_step(kind: str) -> None:
    model = _model(kind)
    packs = [pack(sequence) for sequence in _sequences()]
    plain = [_gradients(model, packed) for packed in packs]
    way = _way(model)
    assert (way.attention, way.fused) == ("packed", True)
    undo = fused.fuse(model, way)
    for packed, (loss, gradients) in zip(packs, plain, strict=True):
        ours, found = _gradients(model, packed)
        assert ours == pytest.approx(loss, rel=1e-5)
        for name, gradient in gradients.items():
            assert gradient.abs().max() > 0
            torch.testing.assert_close(found[name], gradient, rtol=1e-3, atol=1e-5)
    undo()
    assert _gradients(model, packs[0])[0] == plain[0][0]


def test_bf16_stays_near() -> None:
    exact = _model("qwen2")
    model = _model("qwen2", torch.bfloat16)
    packed = pack(_sequences()[3])
    loss, gradients = _gradients(exact, packed)
    fused.fuse(model, _way(model))
    ours, found = _gradients(model, packed)
    assert ours == pytest.approx(loss, rel=0.02)
    for name, gradient in gradients.items():
        assert torch.nn.functional.cosine_similarity(found[name].flatten(), gradient.flatten(), dim=0) > 0.99


def test_validation_counts_the_same_hits() -> None:
    model = _model("llama")
    packed = pack(_sequences()[3])
    with torch.no_grad():
        plain = forward(model, packed, "cpu")
        fused.fuse(model, _way(model))
        ours = forward(model, packed, "cpu")
    assert ours.nll.item() == pytest.approx(plain.nll.item(), rel=1e-5)
    assert torch.equal(ours.hits, plain.hits)


@pytest.mark.parametrize(
    "changes",
    [{"quantization": "nf4"}, {"lora_dropout": 0.1}, {"use_dora": True}],
    ids=lambda c: next(iter(c)),
)
def test_the_plain_step_serves_what_the_fused_one_cannot(changes: dict[str, Any]) -> None:
    model = _model("llama")
    way = _way(model, **changes)
    assert (way.attention, way.fused) == ("sdpa", False)
