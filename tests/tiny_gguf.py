"""Random-weight models of a few kilobytes, in the two architectures that the registry's models have."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] "
    "+ '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "<|im_start|>assistant\\n"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>")
WORDS = (
    "SELECT FROM WHERE JOIN LEFT ON AS GROUP BY ORDER HAVING LIMIT DISTINCT COUNT AND OR NOT IN LIKE ASC "
    "DESC "
    "name title id city country price date alpha alphabet beta Album Artist Track Genre"
)


def byte_letters() -> dict[int, str]:
    """GPT-2's printable stand-ins for the 256 byte values."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {value: chr(value) for value in plain}
    extra = (value for value in range(256) if value not in letters)
    letters.update({value: chr(256 + i) for i, value in enumerate(extra)})
    return letters


def vocabulary() -> tuple[list[str], list[str]]:
    """(tokens, merges): every byte, and the SQL words above with and without a blank before them."""
    letters = byte_letters()
    tokens = [letters[value] for value in range(256)]
    merges: list[str] = []
    seen = set(tokens)
    for word in [w for plain in WORDS.split() for w in (plain, f" {plain}")] + [
        "```",
        ");",
        ", ",
        "(*)",
        " =",
    ]:
        parts = [letters[value] for value in word.encode()]
        left = parts[0]
        for right in parts[1:]:
            if left + right not in seen:
                seen.add(left + right)
                tokens.append(left + right)
                merges.append(f"{left} {right}")
            left += right
    return tokens, merges


def make_gguf(
    path: Path, arch: str = "qwen2", seed: int = 0, *, scale: float = 0.3, template: str | None = CHATML
) -> Path:
    """Write a two-layer model with random weights that llama.cpp loads; arch is "qwen2" or "llama"."""
    import gguf

    rng = np.random.default_rng(seed)
    tokens, merges = vocabulary()
    types = [1] * len(tokens) + [3] * len(SPECIAL)
    tokens += SPECIAL
    width, layers, heads, hidden = 64, 2, 4, 128
    writer = gguf.GGUFWriter(str(path), arch)
    writer.add_name("random")
    writer.add_context_length(2048)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(len(tokens))
    writer.add_file_type(0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2" if arch == "qwen2" else "smollm")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(merges)
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_add_bos_token(False)
    if template is not None:
        writer.add_chat_template(template)

    def tensor(name: str, *shape: int) -> None:
        writer.add_tensor(name, (rng.standard_normal(shape) * scale).astype(np.float32))

    def ones(name: str, size: int) -> None:
        writer.add_tensor(name, np.ones(size, np.float32))

    tensor("token_embd.weight", len(tokens), width)
    tensor("output.weight", len(tokens), width)
    ones("output_norm.weight", width)
    for i in range(layers):
        ones(f"blk.{i}.attn_norm.weight", width)
        ones(f"blk.{i}.ffn_norm.weight", width)
        for part, rows in (("q", width), ("k", width // 2), ("v", width // 2)):
            tensor(f"blk.{i}.attn_{part}.weight", rows, width)
            if arch == "qwen2":
                tensor(f"blk.{i}.attn_{part}.bias", rows)
        tensor(f"blk.{i}.attn_output.weight", width, width)
        tensor(f"blk.{i}.ffn_gate.weight", hidden, width)
        tensor(f"blk.{i}.ffn_up.weight", hidden, width)
        tensor(f"blk.{i}.ffn_down.weight", width, hidden)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
