"""4-bit base weights, adapters and number formats, on bitsandbytes' CPU backend."""

from __future__ import annotations

import pytest

from tests import train_tiny

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
for _name in ("torch", "transformers", "peft", "accelerate", "matplotlib"):
    pytest.importorskip(_name, reason=NEEDS)

from sqlagent.base.errors import ModelError, UsageError  # noqa: E402
from train import qlora  # noqa: E402
from train.config import from_dict  # noqa: E402
from train.loop import Loop  # noqa: E402

SETTINGS = {
    "batch_size": 4,
    "questions_per_schema": 3,
    "max_length": 80,
    "lora_r": 4,
    "lora_dropout": 0.0,
    "precision": "fp32",
    "threads": 1,
    "eval_minutes": 0,
    "save_minutes": 0,
}


def load(folder, **changes):
    settings = {"quantization": "none", "device": "cpu", "numbers": qlora.numbers("fp32", "cpu")} | changes
    return qlora.load_base(folder, **settings)


@pytest.mark.parametrize("family", ["qwen2", "llama"])
def test_only_the_adapter_is_trained_and_it_is_float32(family, tmp_path):
    import torch

    base = load(train_tiny.save(family, tmp_path), numbers=qlora.numbers("bf16", "cpu"))
    tuned = qlora.add_adapter(base, from_dict(SETTINGS))
    trainable = {name: p.dtype for name, p in tuned.named_parameters() if p.requires_grad}
    assert trainable and all("lora_" in name for name in trainable)
    assert set(trainable.values()) == {torch.float32}
    assert {p.dtype for n, p in tuned.named_parameters() if "lora_" not in n} == {torch.bfloat16}


def test_nf4_holds_the_linear_layers_in_four_bits_and_learns_after_an_evaluation(tmp_path):
    bnb = pytest.importorskip("bitsandbytes", reason=NEEDS)
    folder = train_tiny.save("llama", tmp_path / "base", hidden_size=64, intermediate_size=128)
    config = from_dict(
        {
            **SETTINGS,
            "model_name": folder,
            "quantization": "nf4",
            "epochs": 8,
            "lr": 2e-2,
            "output_dir": str(tmp_path),
        }
    )
    run = Loop(config, train_tiny.prepared(), tmp_path)
    layer = run.tuned.base_model.model.model.layers[0].self_attn.q_proj.base_layer
    assert isinstance(layer, bnb.nn.Linear4bit)
    assert layer.weight.quant_state.quant_type == "nf4" and layer.weight.quant_state.nested
    before = run.judge().loss
    run.run()  # after an evaluation: see _stay_trainable
    assert run.judge().loss < 0.95 * before


def test_nf4_made_in_place_equals_nf4_made_by_transformers(tmp_path):
    pytest.importorskip("bitsandbytes", reason=NEEDS)
    import torch

    folder = train_tiny.save("qwen2", tmp_path, hidden_size=64, intermediate_size=128)
    ids = torch.tensor([[5, 6, 7, 8]])
    theirs = load(folder, quantization="nf4")
    ours = qlora.to_nf4(load(folder), torch.float32, "cpu")
    qlora._stay_trainable(ours)
    plain = load(folder)
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits)
    assert not torch.allclose(ours(ids).logits, plain(ids).logits, atol=1e-4)


def test_a_saved_adapter_is_small_and_starts_a_second_stage(tmp_path):
    import torch
    from safetensors.torch import load_file

    folder = train_tiny.save("llama", tmp_path / "base")
    config = from_dict(SETTINGS)
    tuned = qlora.add_adapter(load(folder), config)
    state = qlora.adapter_state(tuned)
    for tensor in state.values():
        tensor.normal_()
    qlora.save_adapter(tuned, state, tmp_path / "adapter", base_name="base")
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {t.dtype for t in saved.values()} == {torch.bfloat16}
    again = qlora.add_adapter(
        load(folder), from_dict({**SETTINGS, "init_adapter": str(tmp_path / "adapter")})
    )
    for name, tensor in qlora.adapter_state(again).items():
        torch.testing.assert_close(tensor, saved[name].float())
    with pytest.raises(ModelError, match="--lora-r 4, not 8"):
        qlora.add_adapter(
            load(folder), from_dict({**SETTINGS, "lora_r": 8, "init_adapter": str(tmp_path / "adapter")})
        )


def test_a_layer_name_that_the_model_lacks_is_an_error(tmp_path):
    base = load(train_tiny.save("llama", tmp_path))
    with pytest.raises(UsageError, match="no layer called c_attn"):
        qlora.add_adapter(base, from_dict({**SETTINGS, "lora_targets": ("c_attn",)}))


def test_fp16_on_a_cpu_and_a_missing_model_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(UsageError, match="needs a GPU"):
        qlora.numbers("fp16", "cpu")
    with pytest.raises(ModelError, match="Cannot load"):
        load(str(tmp_path))


def test_a_gpu_without_bf16_units_gets_fp16(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert qlora.numbers("auto", "cuda").mixed_precision == "fp16"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    assert qlora.numbers("auto", "cuda").mixed_precision == "bf16"


@pytest.mark.parametrize("arch", ["qwen2", "llama"])
def test_a_gguf_starts_training_from_the_weights_that_llama_cpp_runs(arch, tmp_path):
    pytest.importorskip("gguf", reason="the convert extra is not installed")
    import torch

    from sqlagent.llama.context import Llama
    from tests.tiny_gguf import make_gguf

    path = make_gguf(tmp_path / "tiny.gguf", arch)
    tokens = [300, 5, 77, 290, 12, 8]
    runtime = Llama(path, n_ctx=64, n_seq=1, threads=1)
    assert runtime.decode([(token, at, 0, True) for at, token in enumerate(tokens)])
    expected = torch.stack([torch.from_numpy(runtime.logits(row).copy()) for row in range(len(tokens))])
    runtime.close()
    model = load(str(path))
    found = model(torch.tensor([tokens])).logits[0]
    torch.testing.assert_close(found, expected, atol=2e-2, rtol=2e-2)
    model.save_pretrained(tmp_path / "plain")
    assert torch.equal(load(str(tmp_path / "plain"))(torch.tensor([tokens])).logits[0], found)
