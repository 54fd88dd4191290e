"""Promises of merging: the right numbers in the right rows, little memory, and nothing half done."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gguf", reason="the convert extra is not installed")

import convert_tiny as tiny
from gguf import GGUFValueType
from tiny_gguf import make_gguf

from convert import merge as folders
from sqlagent.base.errors import ModelError, UsageError
from sqlagent.base.progress import Progress
from sqlagent.weights import adapter as adapters
from sqlagent.weights import lora, merge, safetensors
from sqlagent.weights.gguf_read import GgufFile, Value
from sqlagent.weights.gguf_write import TYPES, Part, uint, write
from sqlagent.weights.provenance import About

QUIET = Progress(quiet=True)
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def whole(file: GgufFile, name: str) -> Any:
    return file.rows(name, 0, file.tensors[name].shape[0])


def to_llama_cpp(matrix: Any, heads: int) -> Any:
    """Row order of query and key matrices in a Llama GGUF, written the way llama.cpp's converter does it."""
    return matrix.reshape(heads, 2, matrix.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(matrix.shape)


def expected(base: Any, folder: Path, layer: int, module: str, scale: float, arch: str) -> Any:
    """What a merged tensor must be, worked out the other way round: in Hugging Face's order, whole."""
    slots = safetensors.read_header(folder / "adapter_model.safetensors")
    at = f"base_model.model.model.layers.{layer}.{module}"
    a, b = (slots[f"{at}.lora_{part}.weight"].all() for part in "AB")
    delta = scale * (b.astype(np.float64) @ a.astype(np.float64))
    heads = {"self_attn.q_proj": tiny.HEADS, "self_attn.k_proj": tiny.KV_HEADS}.get(module)
    return base + (to_llama_cpp(delta, heads) if arch == "llama" and heads else delta)


@pytest.mark.parametrize("arch", ["qwen2", "llama"])
@pytest.mark.parametrize(
    ("config", "scale"),
    [({}, 2.0), ({"use_rslora": True}, 4.0), ({"alpha_pattern": {"q_proj": 2, "k_proj": 2}}, None)],
    ids=["plain", "rslora", "alpha by layer"],
)
def test_a_merged_gguf_is_base_plus_scaled_b_a(
    tmp_path: Path, arch: str, config: dict[str, Any], scale: float | None
) -> None:
    base = make_gguf(tmp_path / "base.gguf", arch)
    folder = tiny.adapter(tmp_path / "adapter", **config)
    merge.into_gguf(base, folder, tmp_path / "out.gguf", kind="f32", progress=QUIET)
    before, after = GgufFile(base), GgufFile(tmp_path / "out.gguf")
    assert list(before.tensors) == list(after.tensors)
    changed = set()
    for layer in range(tiny.LAYERS):
        for module, name in NAMES.items():
            full = f"blk.{layer}.{name}.weight"
            changed.add(full)
            own = scale or (0.5 if module in ("self_attn.q_proj", "self_attn.k_proj") else 2.0)
            want = expected(whole(before, full), folder, layer, module, own, arch)
            np.testing.assert_allclose(whole(after, full), want, rtol=1e-5, atol=1e-6)
            assert np.abs(want - whole(before, full)).max() > 0.1
    for name in set(before.tensors) - changed:
        np.testing.assert_array_equal(whole(after, name), whole(before, name))


def test_dora_rescales_the_rows(tmp_path: Path) -> None:
    base = make_gguf(tmp_path / "base.gguf", "llama")
    folder = tiny.adapter(tmp_path / "adapter", dora=True)
    merge.into_gguf(base, folder, tmp_path / "out.gguf", kind="f32", progress=QUIET)
    before, after = GgufFile(base), GgufFile(tmp_path / "out.gguf")
    slots = safetensors.read_header(folder / "adapter_model.safetensors")
    magnitude = slots["base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector"].all()
    magnitude = to_llama_cpp(magnitude[:, None], tiny.HEADS)
    plain = expected(whole(before, "blk.0.attn_q.weight"), folder, 0, "self_attn.q_proj", 2.0, "llama")
    want = magnitude * plain / np.linalg.norm(plain, axis=1, keepdims=True)
    np.testing.assert_allclose(whole(after, "blk.0.attn_q.weight"), want, rtol=1e-5, atol=1e-6)
    with pytest.raises(ModelError, match=r"DoRA.*merge it instead"):
        lora.convert(base, folder, tmp_path / "lora.gguf", progress=QUIET)


@pytest.mark.parametrize(("kind", "tolerance"), [("f16", 6e-4), ("bf16", 5e-3), ("f32", 1e-6)])
def test_the_number_format_is_the_one_asked_for(tmp_path: Path, kind: str, tolerance: float) -> None:
    base = make_gguf(tmp_path / "base.gguf")
    folder = tiny.adapter(tmp_path / "adapter", dtype="BF16")
    merge.into_gguf(base, folder, tmp_path / "out.gguf", kind=kind, progress=QUIET)
    before, after = GgufFile(base), GgufFile(tmp_path / "out.gguf")
    want = expected(whole(before, "blk.1.ffn_up.weight"), folder, 1, "mlp.up_proj", 2.0, "qwen2")
    np.testing.assert_allclose(whole(after, "blk.1.ffn_up.weight"), want, rtol=tolerance, atol=1e-4)
    assert after.tensors["blk.1.ffn_up.weight"].type.name == kind.upper()
    assert after.tensors["blk.1.attn_norm.weight"].type.name == "F32"


def test_the_metadata_says_where_a_model_comes_from(tmp_path: Path) -> None:
    base = make_gguf(tmp_path / "base.gguf")
    sha256 = hashlib.sha256(base.read_bytes()).hexdigest()
    record = {
        "base_sha256": sha256,
        "config": {"lr": 1e-4, "mix": [{"name": "spider"}, {"name": "bird"}]},
        "data": {"digest": "d1"},
    }
    folder = tiny.adapter(tmp_path / "adapter", record=record)
    about = About(name="sql-tiny", base_model="Org/Base-1B", licence="apache-2.0")
    merge.into_gguf(base, folder, tmp_path / "out.gguf", about=about, progress=QUIET)
    before, file = GgufFile(base), GgufFile(tmp_path / "out.gguf")
    assert file.get("general.name") == "sql-tiny"
    assert file.get("general.license") == "apache-2.0"
    assert file.get("general.base_model.0.repo_url") == "https://huggingface.co/Org/Base-1B"
    assert file.get("general.datasets") == [b"spider", b"bird"]
    assert file.get("general.quantized_by") == "sqlagent convert"
    assert file.get("sqlagent.base_sha256") == sha256
    assert file.get("sqlagent.data_digest") == "d1"
    recipe = hashlib.sha256(json.dumps(record["config"], sort_keys=True).encode()).hexdigest()
    assert file.get("sqlagent.recipe_sha256") == recipe
    for key in ("tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.chat_template"):
        assert file.fields[key] == before.fields[key]
    assert str(tmp_path).encode() not in (tmp_path / "out.gguf").read_bytes()


def test_a_quantised_base_is_dequantised_first(tmp_path: Path) -> None:
    gguf = pytest.importorskip("gguf")
    base = GgufFile(make_gguf(tmp_path / "base.gguf"))
    q8 = gguf.GGMLQuantizationType.Q8_0
    parts = [
        Part(
            name,
            tensor.shape,
            q8 if len(tensor.shape) > 1 else tensor.type,
            lambda start, stop, name=name: base.rows(name, start, stop),
        )
        for name, tensor in base.tensors.items()
    ]
    write(tmp_path / "q8.gguf", "qwen2", base.fields, parts, progress=QUIET)
    folder = tiny.adapter(tmp_path / "adapter")
    merge.into_gguf(tmp_path / "q8.gguf", folder, tmp_path / "out.gguf", kind="f32", progress=QUIET)
    small, after = GgufFile(tmp_path / "q8.gguf"), GgufFile(tmp_path / "out.gguf")
    assert small.tensors["blk.0.ffn_gate.weight"].type == q8
    want = expected(whole(small, "blk.0.ffn_gate.weight"), folder, 0, "mlp.gate_proj", 2.0, "qwen2")
    np.testing.assert_allclose(whole(after, "blk.0.ffn_gate.weight"), want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["F32", "F16", "BF16"])
def test_a_folder_merges_into_a_folder(tmp_path: Path, dtype: str) -> None:
    base = tiny.hf_folder(tmp_path / "base", "llama", dtype=dtype)
    folder = tiny.adapter(tmp_path / "adapter")
    folders.into_folder(base, folder, tmp_path / "out", progress=QUIET)
    before = safetensors.read_header(base / "model.safetensors")
    after = safetensors.read_header(tmp_path / "out" / "model.safetensors")
    assert {n: (s.dtype, s.shape) for n, s in before.items()} == {
        n: (s.dtype, s.shape) for n, s in after.items()
    }
    name = "model.layers.1.self_attn.k_proj.weight"
    want = expected(before[name].all(), folder, 1, "self_attn.k_proj", 2.0, "as Hugging Face has it")
    loss = {"F32": 1e-6, "F16": 1e-3, "BF16": 8e-3}[dtype]
    np.testing.assert_allclose(after[name].all(), want, rtol=loss, atol=loss / 10)
    untouched = "model.embed_tokens.weight"
    np.testing.assert_array_equal(after[untouched].all(), before[untouched].all())
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (base / "tokenizer.json").read_bytes()
    with pytest.raises(UsageError, match="not empty"):
        folders.into_folder(base, folder, tmp_path / "out", progress=QUIET)


def test_bfloat16_rounds_to_nearest_even() -> None:
    values = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -3.14159], np.float32)
    back = safetensors.decode(safetensors.encode(values, "BF16"), "BF16")
    np.testing.assert_array_equal(back[:4], np.array([1.0, 1.0, 1 + 2**-6, 1 + 2**-7], np.float32))
    assert abs(back[4] + 3.14159) < 0.01


# --- refusals


def refuse(base: Path, folder: Path, out: Path, words: str, **options: Any) -> None:
    with pytest.raises((ModelError, UsageError)) as caught:
        merge.into_gguf(base, folder, out, progress=QUIET, **options)
    text = str(caught.value)
    assert re.search(words, text), text
    assert "\n" not in text and text.endswith(".")
    assert not out.exists()
    assert [path for path in out.parent.iterdir() if ".part" in path.name] == []


def test_an_adapter_for_another_base_is_refused(tmp_path: Path) -> None:
    base, out = make_gguf(tmp_path / "base.gguf"), tmp_path / "out.gguf"
    wide = {**tiny.SHAPES, "mlp.up_proj": (tiny.HIDDEN * 2, tiny.WIDTH)}
    refuse(
        base, tiny.adapter(tmp_path / "a", shapes=wide), out, r"up_proj is 256×64 and the base's is 128×64"
    )
    more = {"base_model.model.model.layers.7.mlp.up_proj.lora_A.weight": np.ones((4, 64), np.float32)}
    more["base_model.model.model.layers.7.mlp.up_proj.lora_B.weight"] = np.ones((128, 4), np.float32)
    refuse(
        base,
        tiny.adapter(tmp_path / "b", extra=more),
        out,
        "layers.7.mlp.up_proj, which base.gguf does not have",
    )
    folder = tiny.adapter(tmp_path / "c", record={"base_sha256": "ab" * 32})
    refuse(base, folder, out, "trained on a base with sha256 abababababab.*--any-base")
    merge.into_gguf(base, folder, out, any_base=True, progress=QUIET)
    assert out.exists()


def test_an_adapter_with_a_larger_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = tiny.adapter(tmp_path / "a")
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"x": 99999}}, "added_tokens": []}))
    words = r"vocabulary has 100000 tokens and the base's \d+"
    refuse(make_gguf(tmp_path / "base.gguf"), folder, tmp_path / "out.gguf", words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"peft_type": "IA3"}, "IA3 adapter: only LoRA"),
        ({"fan_in_fan_out": True}, "transposed"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa_niter_4, which changes the base"),
        ({"init_lora_weights": "lora_ga"}, "lora_ga, which changes the base"),  # peft 0.21.2, lora/layer.py
        # peft 0.21.2 writes an aLoRA's two matrices as a LoRA's, and refuses to merge them
        ({"alora_invocation_tokens": [20, 21]}, "activated LoRA"),
        ({"use_dora": True}, "no fitting magnitudes"),
        (
            {"extra": {"base_model.model.lm_head.weight": np.ones((3, 3), np.float32)}},
            "lm_head.weight is 3×3 and the base's is",
        ),
        (
            {"extra": {"base_model.model.x.lora_A.weight": np.ones((3, 3), np.float32)}},
            "do not fit each other",
        ),
    ],
)
def test_an_adapter_that_cannot_be_applied_is_refused(
    tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    folder = tiny.adapter(tmp_path / "adapter", **options)
    if options.get("use_dora"):
        config = json.loads((folder / "adapter_config.json").read_text())
        (folder / "adapter_config.json").write_text(json.dumps({**config, "use_dora": True}))
    refuse(make_gguf(tmp_path / "base.gguf"), folder, tmp_path / "out.gguf", words)


def test_what_is_no_adapter_or_no_model_is_refused(tmp_path: Path) -> None:
    base, out = make_gguf(tmp_path / "base.gguf"), tmp_path / "out.gguf"
    empty = tmp_path / "empty"
    empty.mkdir()
    refuse(base, empty, out, "not an adapter: it has no adapter_config.json")
    folder = tiny.adapter(tmp_path / "adapter")
    data = base.read_bytes()
    (tmp_path / "cut.gguf").write_bytes(data[: len(data) // 2])
    refuse(tmp_path / "cut.gguf", folder, out, "damaged or cut short")
    (tmp_path / "text.gguf").write_text("not a model at all, but long enough to have a header")
    refuse(tmp_path / "text.gguf", folder, out, "not a GGUF")
    cut = (folder / "adapter_model.safetensors").read_bytes()
    (folder / "adapter_model.safetensors").write_bytes(cut[:-100])
    refuse(base, folder, out, "cut short")
    (folder / "adapter_model.safetensors").write_bytes(b"\xff" * 100)
    refuse(base, folder, out, "not a safetensors file")
    folder = tiny.adapter(tmp_path / "adapter")
    with pytest.raises(UsageError, match="input itself"):
        merge.into_gguf(base, folder, base, progress=QUIET)
    assert base.read_bytes() == data


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    base = make_gguf(tmp_path / "base.gguf")
    data = (
        base.read_bytes()
        .replace(b"qwen2.", b"gemma.")
        .replace(b"\x05\0\0\0\0\0\0\0qwen2", b"\x05\0\0\0\0\0\0\0gemma")
    )
    (tmp_path / "gemma.gguf").write_bytes(data)
    words = "is a gemma model: only the Llama, Mistral, Qwen2 and Qwen3 families can be converted"
    refuse(tmp_path / "gemma.gguf", tiny.adapter(tmp_path / "adapter"), tmp_path / "out.gguf", words)


def test_values_that_float16_cannot_hold_are_refused_by_name(tmp_path: Path) -> None:
    folder = tiny.adapter(tmp_path / "adapter", alpha=1e7)
    refuse(
        make_gguf(tmp_path / "base.gguf"), folder, tmp_path / "out.gguf", r"blk\.0\.\w+\.weight.*--type bf16"
    )


def test_an_interrupted_merge_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, folder = make_gguf(tmp_path / "base.gguf"), tiny.adapter(tmp_path / "adapter")
    out = tmp_path / "out.gguf"
    out.write_bytes(b"older")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(adapters.Delta, "apply", stop)
    with pytest.raises(KeyboardInterrupt):
        merge.into_gguf(base, folder, out, progress=QUIET)
    assert out.read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "base.gguf", "out.gguf"]


# --- memory


def test_memory_stays_far_below_the_largest_tensor(tmp_path: Path) -> None:
    """A matrix of 246 MB as float32 is merged in a tenth of the 1.3 × that the largest tensor may cost."""
    rows, width = 60_000, 1024
    one = np.ones((1, width), np.float32)
    fields = {"qwen2.block_count": uint(tiny.LAYERS), "qwen2.attention.head_count": uint(8)}
    shapes = {"token_embd.weight": 64} | {f"blk.{i}.ffn_up.weight": rows for i in range(tiny.LAYERS)}
    parts = [
        Part(name, (count, width), TYPES["f16"], lambda start, stop: np.repeat(one, stop - start, 0))
        for name, count in shapes.items()
    ]
    write(tmp_path / "base.gguf", "qwen2", fields, parts, progress=QUIET)
    folder = tiny.adapter(tmp_path / "adapter", shapes={"mlp.up_proj": (rows, width)})
    tracemalloc.start()
    try:
        merge.into_gguf(tmp_path / "base.gguf", folder, tmp_path / "out.gguf", progress=QUIET)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak > 4 * width  # it did watch numpy's arrays
    assert peak < 0.75 * 4 * rows * width


def test_metadata_that_only_other_tools_write_is_kept(tmp_path: Path) -> None:
    """Tensors lie where general.alignment says (gguf 0.19.0 moves them only by a call of its own for it), and an
    empty array, which gguf's writer refuses, stays one."""
    fields = {
        "general.alignment": uint(64),
        "general.tags": Value([], GGUFValueType.ARRAY, GGUFValueType.STRING),
        "some.numbers": Value([], GGUFValueType.ARRAY, GGUFValueType.INT32),
        "some.text": Value(b"", GGUFValueType.STRING),
    }
    values = [np.arange(size, dtype=np.float32) + size for size in (3, 17, 5)]
    parts = [
        Part(f"t{number}", held.shape, TYPES["f32"], lambda start, stop, held=held: held[start:stop])
        for number, held in enumerate(values)
    ]
    path = tmp_path / "model.gguf"
    write(path, "llama", fields, parts, progress=QUIET)
    file = GgufFile(path)
    assert {key: file.fields[key] for key in fields} == fields
    assert all(tensor.offset % 64 == 0 for tensor in file.tensors.values())
    for number, held in enumerate(values):
        assert whole(file, f"t{number}").tolist() == held.tolist()
