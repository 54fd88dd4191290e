"""Promises of the GGUF writer: llama.cpp gives the logits that transformers gives, with an adapter too."""

from __future__ import annotations

import ctypes
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("gguf", reason="the convert extra is not installed")

import convert_tiny as tiny

from convert import compare, gguf
from convert import merge as folders
from convert.samples import Sample
from sqlagent.base.errors import ModelError
from sqlagent.base.progress import Progress
from sqlagent.weights import lora, merge
from sqlagent.weights.gguf_read import GgufFile

QUIET = Progress(quiet=True)
PROMPTS, LENGTH = 60, 24


def need_torch() -> Any:
    pytest.importorskip("torch", reason="torch is not installed (extra train)")
    return pytest.importorskip("transformers", reason="transformers is not installed (extra train)")


def prompts(rows: int, seed: int = 0) -> list[Sample]:
    """Random tokens; every position but the first is compared."""
    rng = np.random.default_rng(seed)
    return [Sample(tuple(int(t) for t in rng.integers(0, rows, LENGTH)), 1) for _ in range(PROMPTS)]


def hugging_face(folder: Path, samples: list[Sample], adapter: Path | None = None) -> list[Any]:
    """transformers' logits in float32, one array a sample; with an adapter, merged by peft."""
    transformers = need_torch()
    import torch

    torch.set_num_threads(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if adapter is not None:
        peft = pytest.importorskip("peft", reason="peft is not installed (extra train)")
        model = peft.PeftModel.from_pretrained(model, adapter).merge_and_unload()
    with torch.no_grad():
        return [model(torch.tensor([s.ids])).logits[0, :-1].float().numpy() for s in samples]


def llama_cpp(path: Path, samples: list[Sample], adapter: Path | None = None) -> list[Any]:
    """llama.cpp's logits, one array a sample; with an adapter, applied at load.

    Attention is kept in float32: its usual float16 cache is a choice of the runtime, not of the file.
    """
    from sqlagent.llama.context import library

    lib = library()
    settings = lib.llama_model_default_params()
    settings.n_gpu_layers = 0
    model = lib.llama_model_load_from_file(str(path).encode(), settings)
    assert model, "llama.cpp refused the model"
    params = lib.llama_context_default_params()
    params.n_ctx = params.n_batch = params.n_ubatch = max(len(sample.ids) for sample in samples)
    params.n_threads = params.n_threads_batch = 1
    params.type_k = params.type_v = params.flash_attn_type = 0
    context = lib.llama_init_from_model(model, params)
    if adapter is not None:
        loaded = lib.llama_adapter_lora_init(model, str(adapter).encode())
        assert loaded, "llama.cpp refused the adapter"
        one = (ctypes.c_float * 1)(1.0)
        assert lib.llama_set_adapters_lora(context, (type(loaded) * 1)(loaded), 1, one) == 0
    n_vocab = lib.llama_vocab_n_tokens(lib.llama_model_get_vocab(model))
    batch = lib.llama_batch_init(params.n_ctx, 0, 1)
    found = []
    for sample in samples:
        lib.llama_memory_clear(lib.llama_get_memory(context), True)
        batch.n_tokens = len(sample.ids)
        for i, token in enumerate(sample.ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.logits[i] = token, i, 1, 1
            batch.seq_id[i][0] = 0
        assert lib.llama_decode(context, batch) == 0
        flat = np.ctypeslib.as_array(lib.llama_get_logits(context), (len(sample.ids), n_vocab))
        found.append(flat[:-1].copy())
    lib.llama_batch_free(batch)
    lib.llama_free(context)
    lib.llama_model_free(model)
    return found


def distance(
    reference: list[Any], other: list[Any], samples: list[Sample], *, tie: float = 0.0
) -> tuple[float, float]:
    """(mean KL, share of positions with the best token, or one that the reference rates within `tie`)."""
    found = [compare.tally(r, o, s.ids[1:]) for r, o, s in zip(reference, other, samples, strict=True)]
    kl = np.concatenate([part[0] for part in found])
    wanted, given = np.concatenate(reference), np.concatenate(other).argmax(axis=1)
    same = wanted.max(axis=1) - wanted[np.arange(len(given)), given] <= tie
    return float(kl.mean()), float(same.mean())


LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen2": ("qwen2", {}),
    "qwen2 tied": ("qwen2", {"tied": True}),
    "qwen2 bf16": ("qwen2", {"dtype": "BF16"}),
    "qwen3": ("qwen3", {}),
    "qwen3 tied bf16": ("qwen3", {"tied": True, "dtype": "BF16"}),
    "mistral": ("mistral", {"sliding_window": None}),
    "mistral within its window": ("mistral", {"sliding_window": 64}),
    "llama": ("llama", {}),
    "llama tied": ("llama", {"tied": True}),
    "llama 3 rope": ("llama", {"rope_scaling": LLAMA3}),
    "llama linear rope": ("llama", {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}),
    "llama rope base": ("llama", {"rope_theta": 500000.0}),
    "llama yarn rope": ("llama", {"rope_scaling": YARN}),
    "qwen2 yarn rope": ("qwen2", {"rope_scaling": YARN}),
}


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_those_of_transformers(tmp_path: Path, name: str) -> None:
    need_torch()
    family, options = MODELS[name]
    folder = tiny.hf_folder(tmp_path / "hf", family, **options)
    samples = prompts(json.loads((folder / "config.json").read_text())["vocab_size"])
    want = hugging_face(folder, samples)
    # float32 shows that the numbers are in their places. float16 loses what rounding loses, which depends on
    # the kernels that the processor has; with random weights that turns a few near ties.
    for kind, most, tie in (("f32", 1e-8, 0.0), ("f16", 1e-4, 0.03)):
        gguf.convert(folder, tmp_path / f"{kind}.gguf", kind=kind, progress=QUIET)
        found = llama_cpp(tmp_path / f"{kind}.gguf", samples)
        kl, same = distance(want, found, samples, tie=tie)
        assert kl <= most, kind
        assert same >= 0.999, kind


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama", "mistral"])
@pytest.mark.parametrize(
    "options", [{}, {"use_rslora": True}, {"dora": True}], ids=["lora", "rslora", "dora"]
)
def test_every_way_of_applying_an_adapter_agrees_with_peft(
    tmp_path: Path, family: str, options: dict[str, Any]
) -> None:
    """Folder + adapter, GGUF + adapter, GGUF with the LoRA at load, and folder merged then converted."""
    need_torch()
    folder = tiny.hf_folder(tmp_path / "hf", family, dtype="F32")
    adapter = tiny.adapter(tmp_path / "adapter", scale=0.1, **options)
    samples = prompts(300)
    want = hugging_face(folder, samples, adapter)
    base = tmp_path / "base.gguf"
    exact: dict[str, Any] = {"kind": "f32", "progress": QUIET}
    gguf.convert(folder, base, **exact)
    plain = distance(want, llama_cpp(base, samples), samples)
    assert plain[0] > 0.05, "the adapter changes nothing, so this test would prove nothing"

    gguf.convert(folder, tmp_path / "whole.gguf", adapter=adapter, **exact)
    merge.into_gguf(base, adapter, tmp_path / "merged.gguf", **exact)
    folders.into_folder(folder, adapter, tmp_path / "merged", progress=QUIET)
    gguf.convert(tmp_path / "merged", tmp_path / "folder.gguf", **exact)
    found = {name: llama_cpp(tmp_path / f"{name}.gguf", samples) for name in ("whole", "merged", "folder")}
    if not options.get("dora"):
        lora.convert(base, adapter, tmp_path / "lora.gguf", **exact)
        found["lora at load"] = llama_cpp(base, samples, tmp_path / "lora.gguf")
    for name, logits in found.items():
        kl, same = distance(want, logits, samples)
        assert kl <= 1e-8, name
        assert same >= 0.999, name


def adapter_of_peft(folder: Path, out: Path, seed: int = 3, **settings: Any) -> Path:
    """An adapter that peft itself trained a step and saved, every tensor of it changed by chance."""
    transformers = need_torch()
    peft = pytest.importorskip("peft")
    import torch

    torch.manual_seed(seed)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    targets = ["q_proj", "o_proj", "down_proj"]
    tuned = peft.get_peft_model(
        model, peft.LoraConfig(r=4, target_modules=targets, task_type="CAUSAL_LM", **settings)
    )
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    tuned.save_pretrained(out)
    return out


WHOLE: dict[str, tuple[str, bool, dict[str, Any]]] = {
    "embedding and head": ("qwen2", False, {"modules_to_save": ["embed_tokens", "lm_head"]}),
    "head alone": ("llama", False, {"modules_to_save": ["lm_head"]}),
    "norms": ("qwen3", False, {"modules_to_save": ["norm", "q_norm", "input_layernorm"]}),
    "biases": ("qwen2", False, {"bias": "all"}),
    "biases of changed layers": ("qwen2", False, {"bias": "lora_only"}),
    "query biases, reordered": ("llama", False, {"bias": "all"}),
    "a shared embedding": ("qwen2", True, {"modules_to_save": ["embed_tokens"]}),
    "a shared embedding and its head": ("qwen2", True, {"modules_to_save": ["embed_tokens", "lm_head"]}),
}


@pytest.mark.parametrize("name", WHOLE)
def test_what_an_adapter_replaces_as_a_whole_is_merged_as_peft_merges_it(tmp_path: Path, name: str) -> None:
    family, tied, settings = WHOLE[name]
    options: dict[str, Any] = {"dtype": "F32", "tied": tied}
    if "reordered" in name:
        rows = 600
        biased = tiny.tensors(family, rows)
        rng = np.random.default_rng(4)
        for key in [key for key in biased if "self_attn" in key]:
            out = biased[key].shape[0]
            biased[key.replace(".weight", ".bias")] = rng.standard_normal(out).astype(np.float32)
        options |= {"attention_bias": True, "weights": biased, "vocab_size": rows}
    folder = tiny.hf_folder(tmp_path / "hf", family, **options)
    adapter = adapter_of_peft(folder, tmp_path / "adapter", **settings)
    samples = prompts(300)
    want = hugging_face(folder, samples, adapter)
    base = tmp_path / "base.gguf"
    exact: dict[str, Any] = {"kind": "f32", "progress": QUIET}
    gguf.convert(folder, base, **exact)
    assert distance(want, llama_cpp(base, samples), samples)[0] > 0.01
    gguf.convert(folder, tmp_path / "whole.gguf", adapter=adapter, **exact)
    merge.into_gguf(base, adapter, tmp_path / "merged.gguf", **exact)
    found = ["whole", "merged"]
    if tied:
        with pytest.raises(ModelError, match="parts an embedding and a head that the base shares.*\\.gguf"):
            folders.into_folder(folder, adapter, tmp_path / "out", progress=QUIET)
        assert not (tmp_path / "out").exists()
    else:
        folders.into_folder(folder, adapter, tmp_path / "out", progress=QUIET)
        gguf.convert(tmp_path / "out", tmp_path / "folder.gguf", **exact)
        found.append("folder")
    for one in found:
        kl, same = distance(want, llama_cpp(tmp_path / f"{one}.gguf", samples), samples)
        assert kl <= 1e-8 and same >= 0.999, one
    with pytest.raises(ModelError, match="replaces .* as a whole .* GGUF LoRA cannot hold: merge it instead"):
        lora.convert(base, adapter, tmp_path / "lora.gguf", **exact)
    assert not (tmp_path / "lora.gguf").exists()


def test_an_embedding_that_is_still_the_head_stays_shared(tmp_path: Path) -> None:
    folder = tiny.hf_folder(tmp_path / "hf", "qwen2", dtype="F32", tied=True)
    adapter = adapter_of_peft(folder, tmp_path / "adapter", modules_to_save=["embed_tokens", "lm_head"])
    from safetensors.torch import load_file, save_file

    place = adapter / "adapter_model.safetensors"
    held = load_file(place)
    head = held["base_model.model.lm_head.weight"]
    save_file({**held, "base_model.model.model.embed_tokens.weight": head.clone()}, place)
    gguf.convert(folder, tmp_path / "base.gguf", kind="f32", progress=QUIET)
    gguf.convert(folder, tmp_path / "whole.gguf", adapter=adapter, kind="f32", progress=QUIET)
    merge.into_gguf(tmp_path / "base.gguf", adapter, tmp_path / "merged.gguf", kind="f32", progress=QUIET)
    folders.into_folder(folder, adapter, tmp_path / "out", progress=QUIET)
    gguf.convert(tmp_path / "out", tmp_path / "folder.gguf", kind="f32", progress=QUIET)
    for name in ("whole", "merged", "folder"):
        file = GgufFile(tmp_path / f"{name}.gguf")
        assert "output.weight" not in file.tensors
        np.testing.assert_array_equal(file.rows("token_embd.weight", 0, 4), head[:4].numpy())


def test_an_adapter_with_parts_that_are_not_known_is_refused_in_a_sentence(tmp_path: Path) -> None:
    folder = tiny.hf_folder(tmp_path / "hf", "qwen2", dtype="F32")
    gguf.convert(folder, tmp_path / "base.gguf", kind="f32", progress=QUIET)
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]

    def whole(name: str, *shape: int) -> Any:
        return {"extra": {f"base_model.model.{name}": np.ones(shape, np.float32)}}

    for options, words in (
        (whole("lm_head.weight", rows + 1, tiny.WIDTH), "tokens added to its vocabulary"),
        (whole("model.other.weight", 3, 3), "replaces model.other.weight, which .* does not have"),
        (whole("model.embed_tokens.lora_embedding_A", 3, 3), "no LoRA matrix of a linear layer"),
        ({"lora_bias": True}, "biases within its LoRA"),
    ):
        adapter = tiny.adapter(tmp_path / f"adapter{len(list(tmp_path.iterdir()))}", **options)
        with pytest.raises(ModelError, match=words):
            merge.into_gguf(tmp_path / "base.gguf", adapter, tmp_path / "out.gguf", progress=QUIET)
        with pytest.raises(ModelError, match=words):
            gguf.convert(folder, tmp_path / "out.gguf", adapter=adapter, progress=QUIET)
        with pytest.raises(ModelError, match=words):
            folders.into_folder(folder, adapter, tmp_path / "out", progress=QUIET)
        assert not (tmp_path / "out.gguf").exists() and not (tmp_path / "out").exists()


def test_a_mistral_with_a_window_says_no_more_context_than_it(tmp_path: Path) -> None:
    for window, context in ((None, 2048), (512, 512), (4096, 2048)):
        folder = tiny.hf_folder(tmp_path / f"m{window}", "mistral", sliding_window=window)
        gguf.convert(folder, tmp_path / f"{window}.gguf", progress=QUIET)
        file = GgufFile(tmp_path / f"{window}.gguf")
        assert (file.arch, file.of_arch("context_length")) == ("llama", context)


def test_a_tokenizer_in_another_form_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for file, words in (("tekken.json", "Mistral's Tekken"), ("tokenizer.model", "a SentencePiece model")):
        folder = tiny.hf_folder(tmp_path / file, "mistral", sliding_window=None)
        (folder / "tokenizer.json").rename(folder / file)
        with pytest.raises(ModelError, match=f"{words} .* and no tokenizer.json: make one with transformers"):
            gguf.convert(folder, tmp_path / "out.gguf", progress=QUIET)
        assert not (tmp_path / "out.gguf").exists()


def test_the_smallest_numbers_of_the_file(tmp_path: Path) -> None:
    """What llama.cpp reads from a converted folder, without torch."""
    folder = tiny.hf_folder(tmp_path / "hf", "llama", tied=True, rope_theta=12345.0)
    gguf.convert(folder, tmp_path / "out.gguf", kind="bf16", progress=QUIET)
    file = GgufFile(tmp_path / "out.gguf")
    config = json.loads((folder / "config.json").read_text())
    assert file.arch == "llama" and file.get("general.type") == "model"
    assert file.of_arch("attention.head_count_kv") == tiny.KV_HEADS
    assert file.of_arch("rope.freq_base") == 12345.0
    assert file.of_arch("vocab_size") == config["vocab_size"] == file.tensors["token_embd.weight"].shape[0]
    assert "output.weight" not in file.tensors
    assert file.tensors["token_embd.weight"].type.name == "BF16"
    assert len(file.tensors) == 2 + 9 * tiny.LAYERS
    assert file.get("general.file_type") == 32
    assert file.get("tokenizer.chat_template") == tiny.CHATML
    assert file.get("tokenizer.ggml.eos_token_id") == config["eos_token_id"]
    assert file.get("tokenizer.ggml.add_bos_token") is False


def test_query_and_key_rows_are_reordered_for_llama_only(tmp_path: Path) -> None:
    for family in ("llama", "qwen2"):
        folder = tiny.hf_folder(tmp_path / family, family, dtype="F32")
        gguf.convert(folder, tmp_path / f"{family}.gguf", kind="f32", progress=QUIET)
        file = GgufFile(tmp_path / f"{family}.gguf")
        rows = json.loads((folder / "config.json").read_text())["vocab_size"]
        original = tiny.tensors(family, rows)["model.layers.0.self_attn.k_proj.weight"]
        half = original.shape[0] // tiny.KV_HEADS
        swapped = original.reshape(tiny.KV_HEADS, 2, half // 2, -1).swapaxes(1, 2).reshape(original.shape)
        found = file.rows("blk.0.attn_k.weight", 0, original.shape[0])
        np.testing.assert_array_equal(found, swapped if family == "llama" else original)


def refuse(tmp_path: Path, words: str, family: str = "qwen2", **options: Any) -> None:
    folder = tiny.hf_folder(tmp_path / f"hf{len(list(tmp_path.iterdir()))}", family, **options)
    with pytest.raises(ModelError, match=words) as caught:
        gguf.convert(folder, tmp_path / "out.gguf", progress=QUIET)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.gguf").exists()


def test_what_cannot_be_converted_is_refused_in_a_sentence(tmp_path: Path) -> None:
    words = "is a Gemma2ForCausalLM: only the Llama, Mistral, Qwen2 and Qwen3 families"
    refuse(tmp_path, words, architectures=["Gemma2ForCausalLM"])
    refuse(tmp_path, "uses gelu", hidden_act="gelu")
    refuse(tmp_path, "sliding attention window", use_sliding_window=True)
    refuse(tmp_path, "scales its rope by 'longrope'", rope_scaling={"rope_type": "longrope", "factor": 2.0})
    refuse(tmp_path, "lacks blk.2.attn_k.weight", num_hidden_layers=3)
    rows = 5
    refuse(
        tmp_path,
        r"tokenizer has \d+ tokens, but the model has embeddings for 5",
        weights=tiny.tensors("qwen2", rows),
    )
    odd = {**tiny.tensors("qwen2", 600), "model.layers.0.self_attn.extra.weight": np.ones((2, 2), np.float32)}
    refuse(tmp_path, "a tensor model.layers.0.self_attn.extra.weight, which qwen2 does not", weights=odd)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"attention_factor": 1.0}, "attention_factor"),
        ({"mscale": 1.0, "mscale_all_dim": 1.0}, "mscale"),
        ({"beta_fast": 8.0, "truncate": False}, "beta_fast and truncate"),
        ({"beta_slow": 4}, "beta_slow"),
    ],
)
def test_a_setting_of_yarn_that_llama_cpp_leaves_out_is_refused(
    tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    """transformers 5.24 obeys each of them (modeling_rope_utils.py); the logits of a file without them differ."""
    refuse(tmp_path, f"YaRN sets {named}, which", rope_scaling=YARN | settings)


def test_the_usual_settings_of_yarn_may_be_written_out(tmp_path: Path) -> None:
    usual = {"attention_factor": 0.1 * math.log(4) + 1, "beta_fast": 32.0, "beta_slow": 1, "truncate": True}
    for number, settings in enumerate((usual, {"attention_factor": None, "mscale": 0.7, "beta_fast": None})):
        folder = tiny.hf_folder(tmp_path / f"hf{number}", rope_scaling=YARN | settings)
        gguf.convert(folder, tmp_path / "out.gguf", progress=QUIET)
        assert GgufFile(tmp_path / "out.gguf").of_arch("rope.scaling.factor") == 4.0


def test_a_folder_with_pickles_only_is_refused(tmp_path: Path) -> None:
    folder = tiny.hf_folder(tmp_path / "hf")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="no safetensors: convert its .bin files"):
        gguf.convert(folder, tmp_path / "out.gguf", progress=QUIET)


def test_several_shards_are_one_model(tmp_path: Path) -> None:
    folder = tiny.hf_folder(tmp_path / "one", dtype="F32")
    many = tiny.hf_folder(tmp_path / "many", dtype="F32")
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    found = tiny.tensors("qwen2", rows)
    names = list(found)
    parts = [names[: len(names) // 2], names[len(names) // 2 :]]
    (many / "model.safetensors").unlink()
    index = {}
    for number, part in enumerate(parts, 1):
        file = f"model-{number:05}-of-00002.safetensors"
        tiny.write_safetensors(many / file, {name: found[name] for name in part})
        index |= dict.fromkeys(part, file)
    (many / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    gguf.convert(folder, tmp_path / "one.gguf", progress=QUIET)
    gguf.convert(many, tmp_path / "many.gguf", progress=QUIET)
    one, two = (GgufFile(tmp_path / f"{name}.gguf") for name in ("one", "many"))
    assert set(one.tensors) == set(two.tensors)
    for name, tensor in one.tensors.items():
        np.testing.assert_array_equal(one.rows(name, 0, tensor.shape[0]), two.rows(name, 0, tensor.shape[0]))


@pytest.mark.slow
def test_the_tiny_model_survives_the_round_trip(tmp_path: Path, tiny_path: Path) -> None:
    """SmolLM2: GGUF → transformers → folder → GGUF; logits agree on SQL prompts with both ends."""
    transformers = need_torch()
    import torch

    torch.set_num_threads(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        tiny_path.parent, gguf_file=tiny_path.name, dtype=torch.float32
    )
    for owner, name in ((model.config, "quantization_config"), (model, "hf_quantizer")):
        if hasattr(owner, name):
            setattr(owner, name, None)
    model.is_quantized = False
    model.to(torch.float16).save_pretrained(tmp_path / "hf")
    model.to(torch.float32)
    transformers.AutoTokenizer.from_pretrained(tiny_path.parent, gguf_file=tiny_path.name).save_pretrained(
        tmp_path / "hf"
    )
    # transformers' GGUF loader forgets that SmolLM cuts numbers into digits; its published tokenizer does.
    place = tmp_path / "hf" / "tokenizer.json"
    place.write_text(
        json.dumps(json.loads(place.read_text()) | {"pre_tokenizer": tiny.PRE_TOKENIZERS["smollm"]})
    )
    gguf.convert(tmp_path / "hf", tmp_path / "f16.gguf", progress=QUIET)
    old, new = GgufFile(tiny_path), GgufFile(tmp_path / "f16.gguf")
    for key in ("tokens", "merges", "token_type"):
        assert new.fields[f"tokenizer.ggml.{key}"] == old.fields[f"tokenizer.ggml.{key}"]
    for name, tensor in old.tensors.items():
        middle = tensor.shape[0] // 2
        was, now = (file.rows(name, middle, middle + 1) for file in (old, new))
        np.testing.assert_allclose(now, was, rtol=1e-3, atol=1e-5)
    runner = compare.Runner(tmp_path / "f16.gguf", [Sample((1,) * 512, 1)], threads=1)
    from sqlagent.llama.vocab import Vocab

    vocab = Vocab(runner.llama)
    ids = [vocab.tokenize(text.encode(), special=True) for text in tiny.HARD]
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    for text, ours in zip(tiny.HARD, ids, strict=True):
        assert ours == tokenizer(text).input_ids, text
    samples = [Sample(tuple(some), 1) for some in ids if len(some) > 1]
    runner.close()
    with torch.no_grad():
        want = [model(torch.tensor([s.ids])).logits[0, :-1].float().numpy() for s in samples]
    kl, same = distance(want, llama_cpp(tmp_path / "f16.gguf", samples), samples)
    assert kl <= 1e-4
    assert same >= 0.99  # a few hundred positions: one may be a tie
