"""A model under transformers, to compare GGUFs with. The only module here that needs PyTorch, and then only at work."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sqlagent.base.errors import UsageError

if TYPE_CHECKING:
    from convert.samples import Sample


class TorchModel:
    """A base (a Hugging Face folder or name, or a GGUF, dequantised) in float32, an adapter merged into it by peft.

    Raises UsageError without PyTorch, ModelError for what cannot be loaded.
    """

    def __init__(self, base: str, adapter: Path | None, *, threads: int | None = None) -> None:
        try:
            import torch

            from train import qlora
        except ImportError as error:
            raise UsageError(
                f"--transformers needs the Python package {error.name}: install the train extra."
            ) from error
        if threads:
            torch.set_num_threads(threads)
        numbers = qlora.numbers("fp32", "cpu")
        model = qlora.load_base(qlora.resolve(base), numbers=numbers, quantization="none", device="cpu")
        if adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        self._model: Any = model.eval()
        self.n_vocab = int(model.get_output_embeddings().weight.shape[0])
        self.prompt, self.prompt_tokens = 0.0, 0

    megabytes = None
    generation_speed = None

    @property
    def prompt_speed(self) -> float:
        return self.prompt_tokens / max(self.prompt, 1e-9)

    def generate(self, sample: Sample) -> None:
        """Nothing: how fast transformers generates is nobody's question here."""

    def close(self) -> None:
        """Free the model."""
        self._model = None

    def logits(self, sample: Sample) -> NDArray[np.float32]:
        """(answer tokens, vocabulary) float32: row i predicts `ids[answer + i]`."""
        import torch

        began = time.perf_counter()
        with torch.inference_mode():
            ids = torch.tensor([sample.ids[:-1]])
            found = self._model(ids, logits_to_keep=len(sample.ids) - sample.answer).logits[0]
        self.prompt += time.perf_counter() - began
        self.prompt_tokens += len(sample.ids) - 1
        rows: NDArray[np.float32] = found.float().numpy()
        return rows
