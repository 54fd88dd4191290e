"""A large card used well: many sequences a forward, attention of the visible pairs alone, no waiting for the device.

There is no GPU where these run. What a card would get is chosen of a described one; layouts run on the CPU, flash's
with a kernel that does what flash-attn says it does.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

torch = pytest.importorskip("torch")
for _name in ("transformers", "peft", "accelerate"):
    pytest.importorskip(_name)

import numpy as np  # noqa: E402

from sqlagent.base.errors import UsageError  # noqa: E402
from tests import train_tiny  # noqa: E402
from tests.test_train_fused import _gradients, _model, _sequences  # noqa: E402
from tests.test_train_loop import config  # noqa: E402
from train import block_attention, device, engine, estimate, fused  # noqa: E402
from train.config import Config, from_dict, load  # noqa: E402
from train.device import Device, Shape, choose  # noqa: E402
from train.loop import Loop  # noqa: E402
from train.packing import pack  # noqa: E402
from train.plan import forwards, make_plan  # noqa: E402

QWEN = Shape("qwen2", head=128, bits=16, weights=3_100_000_000, token=1_200_000)
H200 = Device("cuda", capability=(9, 0), memory=140 * 10**9, flash="torch", flex=True, liger=False)
A100 = Device("cuda", capability=(8, 0), memory=40 * 10**9, flash="", flex=True)
T4 = Device("cuda", capability=(7, 5), memory=16 * 10**9, flash="torch", flex=True)
CPU = Device("cpu", flex=True, packed=True)


def flash_attn(q: Any, k: Any, v: Any, qs: Any, ks: Any, q_most: int, k_most: int, scale: float) -> Any:
    """What flash_attn_varlen_func computes (2.1 and later): causal masks end at the right below."""
    share = q.shape[1] // k.shape[1]
    parts = []
    for i in range(len(qs) - 1):
        a, b, c, d = (int(x) for x in (qs[i], qs[i + 1], ks[i], ks[i + 1]))
        assert b - a <= q_most and d - c <= k_most
        mask = torch.ones((b - a, d - c), dtype=torch.bool).tril(diagonal=(d - c) - (b - a))
        one = torch.nn.functional.scaled_dot_product_attention(
            q[a:b].transpose(0, 1),
            k[c:d].transpose(0, 1).repeat_interleave(share, 0),
            v[c:d].transpose(0, 1).repeat_interleave(share, 0),
            mask,
            scale=scale,
        )
        parts.append(one.transpose(0, 1))
    return torch.cat(parts)


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(block_attention, "flash_kernel", lambda: flash_attn)
    # torch refuses flex_attention's way back on a CPU, though its uncompiled form has one.
    monkeypatch.setattr("torch.nn.attention.flex_attention._validate_device", lambda *_: None)


WAYS = {
    "packed": dict(attention="packed", fused=True, gates="ours"),
    "flash": dict(attention="flash", fused=True, gates="ours"),
    "flash, plain LoRA": dict(attention="flash", fused=False, gates="plain"),
    "flex": dict(attention="flex", fused=True, gates="plain"),
    "sdpa": dict(attention="sdpa", fused=True, gates="ours"),
}


def way(name: str) -> device.Way:
    return device.Way(**WAYS[name], forward_tokens=0, log_steps=1, fused_optimizer=False)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
@pytest.mark.parametrize("name", WAYS)
def test_many_sequences_in_one_forward_have_the_loss_and_gradients_of_one_by_one(
    kind: str, name: str
) -> None:
    model = _model(kind)
    sequences = _sequences()
    loss, wanted = 0.0, {}
    for sequence in sequences:
        each, gradients = _gradients(model, pack(sequence))
        loss += each
        wanted = {n: wanted.get(n, 0) + gradient for n, gradient in gradients.items()}
    undo = fused.fuse(model, way(name))
    assert fused.attention_of(model) == WAYS[name]["attention"]
    (together,) = forwards(sequences, 100_000)
    ours, found = _gradients(model, pack(together))
    assert ours == pytest.approx(loss, rel=1e-5)
    for n, gradient in wanted.items():
        assert gradient.abs().max() > 0
        torch.testing.assert_close(found[n], gradient, rtol=1e-3, atol=1e-5)
    undo()
    assert fused.attention_of(model) == "sdpa"
    assert _gradients(model, pack(sequences[0]))[0] == pytest.approx(
        _gradients(_model(kind), pack(sequences[0]))[0]
    )


@pytest.mark.parametrize("padding", [0, 37])
def test_the_runs_of_flash_attention_are_the_visible_pairs(padding: int) -> None:
    packed = pack(_sequences()[3])
    layout = block_attention.runs(packed, padding)
    seen = np.zeros((len(packed) + padding,) * 2, bool)
    queries, keys = layout.query_ends.tolist(), layout.key_ends.tolist()
    for i in range(len(queries) - 1):
        own = layout.keys[keys[i] : keys[i + 1]].tolist()
        rows = range(queries[i], queries[i + 1])
        for number, row in enumerate(rows):
            seen[row, own[: len(own) - len(rows) + number + 1]] = True
    assert (seen[: len(packed), : len(packed)] == packed.seen()).all()
    assert not seen[: len(packed), len(packed) :].any() and not seen[len(packed) :, : len(packed)].any()


def test_the_tiles_of_flex_attention_hold_every_visible_pair_and_few_others() -> None:
    from train.packing import Group, Item

    def some(n: int) -> Any:
        return np.ones(n, np.int32)

    packed = pack([Group(some(200), tuple(Item(some(30), some(20)) for _ in range(40))) for _ in range(4)])
    padding = -len(packed) % block_attention.TILE
    held = block_attention.tiles(packed, padding)
    full = np.pad(packed.seen(), (0, padding)) | np.eye(len(packed) + padding, dtype=bool)
    size = block_attention.TILE
    wanted = full.reshape(len(held), size, len(held), size).any((1, 3))
    assert (held >= wanted).all()
    assert held.mean() < 0.15 and held.sum() <= 1.2 * wanted.sum()


def test_what_a_device_gets_is_chosen_of_its_description() -> None:
    box = load("qwen2.5-coder-1.5b-box", {})
    large = choose(H200, box, QWEN)
    assert (large.attention, large.fused, large.gates, large.fused_optimizer) == ("flash", True, "ours", True)
    assert large.forward_tokens == 65_536 and large.log_steps == 10
    small = choose(A100, box, QWEN)
    assert small.attention == "flex" and box.max_length <= small.forward_tokens < 20_000
    assert choose(dataclasses.replace(A100, flash="flash_attn"), box, QWEN).attention == "flash"
    assert choose(H200, box, dataclasses.replace(QWEN, bits=32)).attention == "flex"
    assert choose(H200, box, dataclasses.replace(QWEN, head=20)).attention == "sdpa"
    old = choose(T4, load("qwen2.5-coder-1.5b-t4", {}), QWEN)
    assert (old.attention, old.fused, old.forward_tokens) == ("sdpa", False, 0)
    dropout = choose(H200, dataclasses.replace(box, lora_dropout=0.05), QWEN)
    assert (dropout.attention, dropout.fused, dropout.gates) == ("flash", False, "plain")
    assert choose(H200, dataclasses.replace(box, compile=True), QWEN).gates == "plain"
    here = choose(CPU, dataclasses.replace(box, log_steps=0), QWEN)
    assert (here.attention, here.fused, here.forward_tokens, here.log_steps) == ("packed", True, 0, 1)
    assert choose(CPU, dataclasses.replace(box, use_dora=True), QWEN).attention == "sdpa"
    assert choose(H200, dataclasses.replace(box, forward_tokens=4096), QWEN).forward_tokens == box.max_length
    liger = choose(dataclasses.replace(H200, liger=True), dataclasses.replace(box, liger=True), QWEN)
    assert liger.gates == "liger"


@pytest.mark.parametrize(
    ("found", "changes", "words"),
    [
        (CPU, {"attention": "flash"}, "--attention flash needs a GPU of compute capability 8.0"),
        (T4, {"attention": "flex"}, "--attention flex needs a GPU of compute capability 8.0"),
        (A100, {"attention": "flash"}, "is not in this torch, nor is flash-attn installed"),
        (H200, {"attention": "packed"}, "--attention packed is for CPUs"),
        (CPU, {"compile": True}, "--compile needs a GPU"),
        (CPU, {"liger": True}, "--liger needs a GPU and the package liger-kernel"),
    ],
)
def test_a_way_that_cannot_be_had_is_one_sentence(found: Device, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        choose(found, Config(lora_dropout=0.0, **changes), QWEN)


def test_a_kernel_that_gives_other_numbers_on_the_device_is_not_used() -> None:
    said: list[str] = []
    why = {"flash": "differs from dense attention by 31.0%", "flex": "", "sdpa": ""}
    plain = Config(lora_dropout=0.0)
    found = engine.tried(H200, plain, QWEN, lambda kind: why[kind], said.append)
    assert found.attention == "flex"
    assert said == ["flash attention differs from dense attention by 31.0%: going on without it"]
    with pytest.raises(UsageError, match="--attention flash differs"):
        engine.tried(H200, dataclasses.replace(plain, attention="flash"), QWEN, lambda _: why["flash"], print)


@pytest.mark.parametrize("kind", ["flash", "flex"])
def test_the_trial_of_a_kernel_passes_a_right_one_and_finds_a_wrong_one(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = (engine.small(), "cpu", torch.float32, (4, 2, 16))
    assert block_attention.agrees(kind, *given) == ""
    if kind == "flash":  # masks that begin at the left above, as flash-attn's did before 2.1

        def old(q: Any, k: Any, v: Any, qs: Any, ks: Any, a: int, b: int, scale: float) -> Any:
            return flash_attn(q, k.flip(0), v.flip(0), qs, ks, a, b, scale)

        monkeypatch.setattr(block_attention, "flash_kernel", lambda: old)
    else:
        monkeypatch.setattr(block_attention, "flex_kernel", lambda _: lambda q, k, v, **_: q * 1.0)
    assert "differs from dense attention" in block_attention.agrees(kind, *given)


def test_a_kernel_that_does_not_run_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("FlashAttention only supports Ampere GPUs or newer.\nsomewhere.cu")

    monkeypatch.setattr(block_attention, "flash_kernel", lambda: broken)
    found = block_attention.agrees("flash", engine.small(), "cpu", torch.float32, (4, 2, 16))
    assert found == "does not run here (FlashAttention only supports Ampere GPUs or newer.)"


def test_a_token_budget_makes_the_steps_of_an_epoch() -> None:
    data = train_tiny.prepared(number=30)
    settings = {"questions_per_schema": 3, "max_length": 80, "epochs": 1}
    plan = make_plan(from_dict({**settings, "batch_tokens": 300}), data)
    sizes = [sum(len(group) for sequence in step for group in sequence) for step in plan.steps]
    assert len(sizes) > 3 and all(300 <= size < 380 for size in sizes[:-1])
    counted = make_plan(from_dict({**settings, "batch_size": 4}), data)
    assert sum(sizes) == sum(len(g) for step in counted.steps for seq in step for g in seq)


def test_a_token_budget_lays_sequences_side_by_side_and_loses_none() -> None:
    step = make_plan(Config(max_length=80, batch_tokens=2000), train_tiny.prepared(number=30)).steps[0]
    made = forwards(step, 240)
    assert [id(g) for s in made for g in s] == [id(g) for s in step for g in s]
    assert 1 < len(made) < len(step)
    assert all(sum(map(len, sequence)) <= 240 for sequence in made)
    assert forwards(step, 0) == step


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return train_tiny.save("llama", tmp_path_factory.mktemp("base"))


def test_a_run_of_many_sequences_a_forward_ends_with_the_adapter_of_one_by_one(
    base: str, tmp_path: Any
) -> None:
    from safetensors.torch import load_file

    found = {}
    for name, changes in {"one": {}, "many": {"forward_tokens": 400, "log_steps": 3}}.items():
        output = tmp_path / name
        output.mkdir()
        settings = config(base, output, lora_dropout=0.0, batch_size=20, epochs=4, **changes)
        run = Loop(settings, train_tiny.prepared(number=9), output)
        lengths = [len(forwards(step, run.engine.way.forward_tokens)) for step in run.plan.steps]
        assert max(lengths) > 1 if name == "one" else max(lengths) == 1
        run.run()
        found[name] = load_file(output / "adapter_model.safetensors"), (output / "loss.csv").read_text()
    for name, tensor in found["one"][0].items():
        torch.testing.assert_close(found["many"][0][name], tensor, rtol=0.02, atol=2e-3)
    one, many = (text.splitlines() for _, text in found.values())
    assert len(one) == len(many) > 8  # every step has its line, though they were read together
    for left, right in zip(one[1:], many[1:], strict=True):
        assert float(right.split(",")[4]) == pytest.approx(float(left.split(",")[4]), rel=1e-3)


def test_every_process_gets_some_of_a_step(base: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    settings = config(base, tmp_path, lora_dropout=0.0, batch_size=20, forward_tokens=10_000)
    run = Loop(settings, train_tiny.prepared(number=9), tmp_path)
    step = max(run.plan.steps, key=len)
    assert len(step) >= 4 and len(run.engine.forwards(step)) == 1
    for world in (2, 3):
        monkeypatch.setattr(run.engine, "accelerator", SimpleNamespace(num_processes=world, process_index=0))
        made = run.engine.forwards(step)
        assert world <= len(made) <= world + 1
        assert sorted(id(g) for s in made for g in s) == sorted(id(g) for s in step for g in s)


def test_no_step_reads_a_number_back_from_the_device(
    base: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch.utils._python_dispatch import TorchDispatchMode

    asked: list[str] = []

    class Watch(TorchDispatchMode):
        """Writes down what makes the host wait for a GPU: a number read, or a shape that depends on numbers."""

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            asked.append(func.overloadpacket.__name__)
            return func(*args, **(kwargs or {}))

    def silent(
        q: Any, k: Any, v: Any, *_: Any
    ) -> Any:  # the stand-in for flash-attn reads lengths; it does not
        return q + 0 * (k.sum() + v.sum())

    def as_quiet(q: Any, k: Any, v: Any, **_: Any) -> Any:  # and flex_attention cannot be watched
        return q + 0 * (k.sum() + v.sum())

    monkeypatch.setattr(block_attention, "flash_kernel", lambda: silent)
    monkeypatch.setattr(block_attention, "flex_kernel", lambda _: as_quiet)
    waits = {"_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "equal", "unique_consecutive"}
    settings = config(base, tmp_path, lora_dropout=0.0, forward_tokens=400)
    run = Loop(settings, train_tiny.prepared(), tmp_path)
    for name in ("flash", "flex", "sdpa"):
        run.engine._undo()
        run.engine._undo = fused.fuse(run.tuned, way(name))
        run.engine.way = dataclasses.replace(way(name), forward_tokens=400)
        asked.clear()
        with Watch():
            made = run.engine.gradients(run.plan.steps[0], lambda: False)
        assert made is not None and len(asked) > 100
        assert not waits & set(asked), name
        with Watch():  # and the watch sees one
            float(made.loss)
        assert "_local_scalar_dense" in asked


def test_what_a_token_costs_is_counted_without_weights(base: str, tmp_path: Any) -> None:
    run = Loop(config(base, tmp_path, lora_dropout=0.0), train_tiny.prepared(), tmp_path)
    model = train_tiny.model("llama")
    shape = engine._shape(model, run.config, run.plan, torch.bfloat16, H200)
    sizes = estimate.counted(model.config, run.config, pack(estimate.worst(run.plan)), torch.bfloat16)
    assert shape.token > sizes.kept * sizes.layers / 100 and shape.weights > 700_000_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sdpa", "flash"])
def test_compiled_layers_give_the_same_loss_and_gradients(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of torch.compile but the code that inductor would write; flash's kernel is none of its business."""
    monkeypatch.setattr(block_attention, "flash_kernel", lambda: torch.compiler.disable(flash_attn))
    model = _model("qwen2")
    packs = [pack(sequence) for sequence in (_sequences()[0], _sequences()[3])]
    plain = [_gradients(model, packed) for packed in packs]
    fused.fuse(model, dataclasses.replace(way(name), gates="plain"))
    fused.compile_layers(model, backend="aot_eager")
    for packed, (loss, gradients) in zip(packs, plain, strict=True):
        ours, found = _gradients(model, packed)
        assert ours == pytest.approx(loss, rel=1e-5)
        for n, gradient in gradients.items():
            torch.testing.assert_close(found[n], gradient, rtol=1e-3, atol=1e-5)


def test_speed_measures_the_plain_ways_and_that_of_the_device(base: str, tmp_path: Any, capsys: Any) -> None:
    pytest.importorskip("matplotlib")
    from train.cli import main

    train_tiny.prepared(number=12, questions=10).save(tmp_path / "data.npz")
    words = [f"--model-name={base}", f"--prepared={tmp_path / 'data.npz'}", "--precision=fp32", "--threads=1"]
    words += ["--lora-dropout=0", "--questions-per-schema=5", "--max-length=256", "--max-minutes=0.005"]
    assert main(["speed", *words]) == 0
    said = capsys.readouterr().out
    assert "fused: packed attention, one sequence a forward, fused LoRA and loss" in said
    assert [line.split()[0] for line in said.splitlines()[1:4]] == ["unpacked", "packed", "fused"]
    assert "times as many questions a second: fused" in said
