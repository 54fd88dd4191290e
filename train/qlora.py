"""The model to train: a base from the hub, a folder or a GGUF, plain or in NF4, with a LoRA adapter on top.

Invariant: only adapter weights require gradients, and they are float32 whatever the base is held in.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlagent.base import private_files
from sqlagent.base.errors import ModelError, UsageError
from train.config import Config

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Numbers:
    """How values are held: base weights in `weights`, matrix products in `autocast` (None: as the weights
    are).
    """

    weights: torch.dtype
    autocast: torch.dtype | None
    mixed_precision: str  # accelerate's name: no, bf16 or fp16


def numbers(precision: str, device: str) -> Numbers:
    """Choose number formats. `auto`: bf16 where the device multiplies it natively, fp16 on older GPUs, else
    fp32.
    """
    import torch

    if precision == "auto":
        if device == "cuda":
            # SM75 (T4) has no bf16 units; torch reports emulated support, so ask the chip.
            precision = "bf16" if torch.cuda.get_device_capability()[0] >= 8 else "fp16"
        else:
            precision = "bf16" if _cpu_multiplies_bf16() else "fp32"
    if precision == "fp32":
        return Numbers(torch.float32, None, "no")
    if precision == "bf16":
        return Numbers(torch.bfloat16, torch.bfloat16, "bf16")
    if device != "cuda":
        raise UsageError("precision fp16 needs a GPU: use bf16 or fp32 on a CPU.")
    return Numbers(torch.float16, torch.float16, "fp16")


def _cpu_multiplies_bf16() -> bool:
    import torch

    capabilities = getattr(getattr(torch, "cpu", None), "get_capabilities", None)
    if capabilities is not None:
        found = capabilities()
        return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags


def resolve(name: str) -> str:
    """The folder, GGUF file or hub name that the user means; registry names become their GGUF file."""
    if not name:
        raise UsageError(
            "--model-name is missing: give a Hugging Face name, a folder, a .gguf file or `tiny`."
        )
    if Path(name).exists() or "/" in name:
        return name
    if name.endswith(".gguf"):
        raise ModelError(f"No such model file: {name}.")
    from sqlagent.store import models

    entry = models.find(name)
    return str(entry if isinstance(entry, Path) else models.ensure(name, offline=False, quiet=False))


def load_base(source: str, *, numbers: Numbers, quantization: str, device: str) -> Any:
    """Load a causal language model onto `device`, frozen.

    A GGUF is dequantised, so that training starts from the weights that ship. Raises ModelError.
    """
    import torch
    from transformers import AutoModelForCausalLM

    common = {
        "dtype": numbers.weights,
        "attn_implementation": "sdpa",
    }  # takes any mask; needs no FlashAttention
    nf4 = quantization == "nf4"
    model: Any  # transformers' wrappers have types that fit no call
    try:
        if source.endswith(".gguf"):
            path = Path(source)
            model = AutoModelForCausalLM.from_pretrained(
                str(path.parent), gguf_file=path.name, **common, **_dequantised()
            )
            # It is a plain dense model from here on; saving must not claim otherwise.
            for owner, name in ((model.config, "quantization_config"), (model, "hf_quantizer")):
                if hasattr(owner, name):
                    setattr(owner, name, None)
            model.is_quantized = False
            _check_dense(model)
            model = to_nf4(model, numbers.weights, device) if nf4 else model.to(device)
        elif nf4:
            from transformers import BitsAndBytesConfig

            settings = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=numbers.weights,
            )
            model = AutoModelForCausalLM.from_pretrained(
                source, quantization_config=settings, device_map={"": _index(device)}, **common
            )
        else:
            model = AutoModelForCausalLM.from_pretrained(source, **common)
            model = model.to(device)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"Cannot load {source}: {str(error).splitlines()[0]}") from error
    _stay_trainable(model)
    model.requires_grad_(False)
    model.config.use_cache = False
    if device == "cuda":
        torch.cuda.empty_cache()
    return model


def _index(device: str) -> Any:
    import torch

    return torch.cuda.current_device() if device == "cuda" else device


def _dequantised() -> dict[str, Any]:
    # Newer transformers may keep GGUF blocks packed; a packed layer takes no gradient the way LoRA needs it.
    try:
        from transformers import GgufConfig
    except ImportError:
        return {}
    return {"quantization_config": GgufConfig(dequantize=True)}


def _check_dense(model: Any) -> None:
    import torch

    for name, module in model.named_modules():
        if name.endswith("q_proj") and (
            not isinstance(module, torch.nn.Linear) or not module.weight.is_floating_point()
        ):
            raise ModelError("This version of transformers left the GGUF packed; use 5.0 to 5.23.")


def to_nf4(model: Any, compute: torch.dtype, device: str) -> Any:
    """Replace every linear layer except the output head by a 4-bit NF4 one with double quantisation, in
    place.
    """
    import bitsandbytes as bnb
    import torch

    for module in list(model.modules()):
        for child_name, child in list(module.named_children()):
            if not isinstance(child, torch.nn.Linear) or child_name == "lm_head":
                continue
            small = bnb.nn.Linear4bit(
                child.in_features,
                child.out_features,
                bias=child.bias is not None,
                compute_dtype=compute,
                compress_statistics=True,
                quant_type="nf4",
            )
            small.weight = bnb.nn.Params4bit(
                child.weight.data.contiguous(),
                requires_grad=False,
                compress_statistics=True,
                quant_type="nf4",
            )
            if child.bias is not None:
                small.bias = torch.nn.Parameter(child.bias.data, requires_grad=False)
            setattr(module, child_name, small.to(device))  # the move to a device is what quantises
    model.is_loaded_in_4bit = True  # peft asks the model, not the layer
    return model.to(device)


def _stay_trainable(model: Any) -> None:
    # In evaluation mode on a CPU with AVX512-BF16, bitsandbytes (0.50) repacks the weights for inference,
    # for good: the next training step would then go backwards through a product without a gradient, and
    # learn nonsense.
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def add_adapter(model: Any, config: Config) -> Any:
    """Put a fresh LoRA adapter (or the weights of `config.init_adapter`) on the model."""
    import torch
    from peft import LoraConfig, get_peft_model

    linear = {name.rsplit(".", 1)[-1] for name, m in model.named_modules() if "Linear" in type(m).__name__}
    missing = [name for name in config.lora_targets if name not in linear]
    if missing:
        raise UsageError(f"The model has no layer called {missing[0]}; it has {', '.join(sorted(linear))}.")
    settings = LoraConfig(
        r=config.lora_r,
        lora_alpha=config.lora_alpha,
        lora_dropout=config.lora_dropout,
        target_modules=list(config.lora_targets),
        use_dora=config.use_dora,
        use_rslora=config.use_rslora,
        bias="none",
        task_type="CAUSAL_LM",
    )
    if config.gradient_checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    tuned = get_peft_model(model, settings)
    if config.init_adapter:
        check_adapter(config, Path(config.init_adapter))
        load_adapter_weights(tuned, Path(config.init_adapter))
    for parameter in tuned.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
    return tuned


def check_adapter(config: Config, folder: Path) -> None:
    """Raise ModelError where an adapter means its weights otherwise than this run does.

    Shapes alone do not tell: another alpha scales them, rsLoRA too, and layers that one of the two lacks are passed
    over in silence.
    """
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise ModelError(
            f"{folder} has no adapter_config.json: --init-adapter wants the folder of an adapter."
        )
    held = json.loads(path.read_text(encoding="utf-8"))
    targets = held.get("target_modules") or []
    ours = {
        "--lora-r": (held.get("r"), config.lora_r),
        "--lora-alpha": (held.get("lora_alpha"), config.lora_alpha),
        "--use-dora": (bool(held.get("use_dora")), config.use_dora),
        "--use-rslora": (bool(held.get("use_rslora")), config.use_rslora),
        "--lora-targets": (
            sorted(targets) if isinstance(targets, list) else targets,
            sorted(config.lora_targets),
        ),
    }
    for flag, (theirs, wanted) in ours.items():
        if theirs != wanted:
            raise ModelError(
                f"The adapter in {folder} was trained with {flag} {_shown(theirs)}, not {_shown(wanted)}: "
                f"use {flag} {_shown(theirs)}, or another adapter."
            )
    for name in ("layers_to_transform", "rank_pattern", "alpha_pattern", "modules_to_save"):
        if held.get(name):
            raise ModelError(
                f"The adapter in {folder} has {name}, which this loop does not train: merge it first."
            )


def settings_of(folder: Path) -> Config:
    """The settings that go on from an adapter's folder as it is, without dropout. Raises ModelError."""
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise ModelError(f"{folder} has no adapter_config.json: name the folder of an adapter.")
    held = json.loads(path.read_text(encoding="utf-8"))
    targets = held.get("target_modules") or ()
    return Config(
        lora_r=int(held["r"]),
        lora_alpha=int(held["lora_alpha"]),
        lora_dropout=0.0,
        lora_targets=tuple(targets) if isinstance(targets, list) else (),
        use_dora=bool(held.get("use_dora")),
        use_rslora=bool(held.get("use_rslora")),
        init_adapter=str(folder),
    )


def _shown(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def load_adapter_weights(tuned: Any, folder: Path) -> None:
    """Copy the weights of a saved adapter into the model's own; raises ModelError when the shapes differ."""
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    path = folder / "adapter_model.safetensors"
    if not path.is_file():
        raise ModelError(f"{folder} has no adapter_model.safetensors.")
    held = load_file(path)
    wanted = get_peft_model_state_dict(tuned).keys()
    if odd := sorted(set(wanted) ^ held.keys()):  # peft passes them over
        raise ModelError(f"The adapter in {folder} does not fit: only one of the two has {odd[0]}.")
    try:
        set_peft_model_state_dict(tuned, held)
    except RuntimeError as error:
        raise ModelError(
            f"The adapter in {folder} does not fit: rank and target layers must match."
        ) from error


def adapter_state(tuned: Any) -> dict[str, torch.Tensor]:
    """The adapter's tensors by peft's names, float32, on the CPU."""
    from peft import get_peft_model_state_dict

    whole = {
        # FSDP spreads a tensor over the processes; all of them come here together.
        name: tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
        for name, tensor in get_peft_model_state_dict(tuned).items()
    }
    return {name: tensor.detach().float().cpu().clone() for name, tensor in whole.items()}


def save_adapter(tuned: Any, state: dict[str, torch.Tensor], folder: Path, *, base_name: str) -> None:
    """Write `adapter_config.json` and `adapter_model.safetensors` (bf16), as peft reads them."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    settings = tuned.peft_config["default"].to_dict()
    settings.update(base_model_name_or_path=base_name, inference_mode=True)
    settings = {k: sorted(v) if isinstance(v, set) else getattr(v, "value", v) for k, v in settings.items()}
    text = json.dumps(settings, indent=2, sort_keys=True, default=str) + "\n"
    (folder / "adapter_config.json").write_text(text, encoding="utf-8")
    tensors = {k: v.to(torch.bfloat16).contiguous() for k, v in state.items()}
    with private_files.draft(folder / "adapter_model.safetensors", mode=private_files.SHARED) as draft:
        save_file(tensors, draft, metadata={"format": "pt"})
