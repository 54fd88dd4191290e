"""Hold one model, one context and one set of KV cells in llama.cpp, behind a thin, safe skin over its C interface.

Invariant: nothing here can abort the process. Every call takes a lock and looks whether the model is still open;
every token id, position and sequence id is checked against the context before llama.cpp sees it, no llama.cpp
sampler or grammar object is ever made, and state is only restored from bytes whose hash `prefix_cache.py` has
verified. What llama.cpp gave is freed once, whatever interrupts that.
"""

from __future__ import annotations

import ctypes
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sqlagent.base.cpu_threads import Pace, physical_cores
from sqlagent.base.errors import Cancelled, ModelError
from sqlagent.llama import amx

Logits = NDArray[np.float32]

FLASH = {"auto": -1, "off": 0, "on": 1}
POLL_SECONDS = 0.02
"""How often a running prefill asks whether it was cancelled."""

_logger: Any = None
"""The logging callback handed to llama.cpp: a collected one would crash the process."""
_last_complaint = ""


def library() -> Any:
    """Import llama_cpp, silence its logging, and return its low-level module."""
    global _logger
    try:
        import llama_cpp.llama_cpp as lib
    except ImportError as exc:
        raise ModelError(
            "llama-cpp-python is not installed: run `pip install llama-cpp-python` (see the README)."
        ) from exc
    except (OSError, RuntimeError) as exc:
        raise ModelError(f"llama-cpp-python cannot load its library ({exc}): reinstall it.") from exc
    if _logger is None:

        def keep(level: int, text: bytes, _data: Any) -> None:
            global _last_complaint
            if level in (3, 5) and text and text.strip(b". \n"):
                _last_complaint = text.decode("utf-8", "replace").strip()[:300]

        _logger = lib.llama_log_callback(keep)
        lib.llama_log_set(_logger, ctypes.c_void_p(0))
        amx.avoid()
        lib.llama_backend_init()
    return lib


def version() -> str:
    """The llama-cpp-python version, part of every cache key."""
    import llama_cpp

    return str(llama_cpp.__version__)


class _Handles:
    """What llama.cpp gave and wants back."""

    def __init__(self, lib: Any) -> None:
        self.lib = lib
        self.model: Any = None
        self.ctx: Any = None

    def free(self) -> None:
        """Give it back. A pointer is taken out before it is freed: an interrupt between the two leaks, no more."""
        ctx, self.ctx = self.ctx, None
        model, self.model = self.model, None
        if ctx:
            self.lib.llama_free(ctx)
        if model:
            self.lib.llama_model_free(model)


class _Guard:
    """Lets one thread at a time call llama.cpp, and nobody once the model was closed.

    A block that is being left frees a model that was closed while it ran: a callback or a signal handler that
    closes the model stands on the very call that uses it.
    """

    def __init__(self, handles: _Handles) -> None:
        self._handles = handles
        self._lock = threading.RLock()
        self._depth = 0
        self.unwanted = False

    def __enter__(self) -> Any:
        self._lock.acquire()
        if self.unwanted:
            self._lock.release()
            raise ModelError("The model was closed: load it again.")
        self._depth += 1
        return self._handles.lib

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self.unwanted and not self._depth:
            self._handles.free()
        self._lock.release()

    def close(self) -> None:
        with self._lock:
            self.unwanted = True
            if not self._depth:
                self._handles.free()


class Llama:
    """One loaded GGUF with one context of `n_ctx` KV cells that `n_seq` sequences share."""

    def __init__(
        self,
        path: str | Path,
        *,
        n_ctx: int = 4096,
        n_seq: int = 8,
        threads: int | None = None,
        n_batch: int = 512,
        flash: str = "auto",
        adapter: str | Path | None = None,
    ) -> None:
        """Load the file; ModelError when it is not a GGUF that llama.cpp can run.

        adapter: a GGUF LoRA that is applied to every product with a weight.
        """
        self.lib = library()
        self.path = Path(path)
        self.threads = threads or physical_cores()
        self._pace, self._set_threads = Pace(self.threads), 0
        self.n_seq, self.n_batch, self.flash = n_seq, n_batch, flash
        self._handles = _Handles(self.lib)
        self._guard = _Guard(self._handles)
        # Not at exit: a thread may be in llama.cpp then, and the system takes the memory back anyway.
        weakref.finalize(self, self._handles.free).atexit = False
        self._cancelled: Callable[[], bool] | None = None
        self._interrupt: BaseException | None = None
        self._polled = 0.0
        self.adapter = None if adapter is None else Path(adapter)
        check_gguf(self.path)
        params = self.lib.llama_model_default_params()
        params.n_gpu_layers = 0
        self._handles.model = self.lib.llama_model_load_from_file(str(self.path).encode(), params)
        if not self._handles.model:
            raise ModelError(f"llama.cpp cannot load {self.path.name}: {_last_complaint or 'damaged file'}.")
        self.vocab = self.lib.llama_model_get_vocab(self._handles.model)
        self.n_vocab = int(self.lib.llama_vocab_n_tokens(self.vocab))
        trained = int(self.lib.llama_model_n_ctx_train(self._handles.model))
        lora = self._load_adapter()  # before the context, which must have room for its products
        self._handles.ctx = self._new_context(min(n_ctx, trained) if trained > 0 else n_ctx)
        self.n_ctx = int(self.lib.llama_n_ctx(self._handles.ctx))
        self._mem = self.lib.llama_get_memory(self._handles.ctx)
        if not self._mem:
            self.close()
            raise ModelError(f"{self.path.name} is not a text generation model: choose another one.")
        self._apply_adapter(lora)
        self._make_batch()
        self._views: dict[int, Logits] = {}
        should_abort = weakref.WeakMethod(self._should_abort)  # else the callback keeps the model in memory
        self._abort = self.lib.ggml_abort_callback(lambda data: bool((ask := should_abort()) and ask(data)))
        self._no_abort = self.lib.ggml_abort_callback()

    def _new_context(self, n_ctx: int) -> Any:
        params = self.lib.llama_context_default_params()
        params.n_ctx = n_ctx
        params.n_batch = params.n_ubatch = self.n_batch
        params.n_seq_max = self.n_seq
        params.n_threads = params.n_threads_batch = self.threads
        params.flash_attn_type = FLASH[self.flash]
        params.kv_unified = True  # sequences share cells, so that a prompt is stored once
        params.no_perf = True
        ctx = self.lib.llama_init_from_model(self._handles.model, params)
        if not ctx:
            reason = _last_complaint or "not enough memory"
            self.close()
            raise ModelError(f"llama.cpp cannot make a context for {self.path.name}: {reason}.")
        return ctx

    def _load_adapter(self) -> Any:
        """The adapter in llama.cpp's hands (freed with the model), or None. Raises ModelError."""
        global _last_complaint
        if self.adapter is None:
            return None
        _last_complaint = ""
        try:
            check_gguf(self.adapter)
            lora = self.lib.llama_adapter_lora_init(self._handles.model, str(self.adapter).encode())
            if not lora:
                raise ModelError(
                    f"The adapter {self.adapter.name} cannot be applied to {self.path.name} "
                    f"({_last_complaint or 'llama.cpp says no more'}): name the base it was trained on."
                )
        except ModelError:
            self.close()
            raise
        return lora

    def _apply_adapter(self, lora: Any) -> None:
        if lora is None:
            return
        loras, scales = (type(lora) * 1)(lora), (ctypes.c_float * 1)(1.0)
        if self.lib.llama_set_adapters_lora(self._handles.ctx, loras, 1, scales) != 0:
            self.close()
            raise ModelError(f"llama.cpp cannot apply the adapter to {self.path.name}: {_last_complaint}.")

    def _make_batch(self) -> None:
        """Arrays that llama.cpp reads in place; row i belongs to exactly one sequence."""
        cap = self.n_batch
        self._token = np.zeros(cap, np.int32)
        self._pos = np.zeros(cap, np.int32)
        self._wants = np.zeros(cap, np.int8)
        self._seq = np.zeros(cap, np.int32)
        self._one = np.ones(cap, np.int32)
        self._seq_ptr = (self._seq.ctypes.data + 4 * np.arange(cap + 1, dtype=np.uintp)).astype(np.uintp)
        self._seq_ptr[cap] = 0
        lib, batch = self.lib, self.lib.llama_batch()
        int_p, byte_p = ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int8)
        batch.token = self._token.ctypes.data_as(ctypes.POINTER(lib.llama_token))
        batch.pos = self._pos.ctypes.data_as(ctypes.POINTER(lib.llama_pos))
        batch.n_seq_id = self._one.ctypes.data_as(int_p)
        batch.seq_id = self._seq_ptr.ctypes.data_as(ctypes.POINTER(ctypes.POINTER(lib.llama_seq_id)))
        batch.logits = self._wants.ctypes.data_as(byte_p)
        self._batch = batch

    def _should_abort(self, _data: Any) -> bool:
        """Called by llama.cpp between operations, on the thread that called `decode`."""
        if self._interrupt is not None:
            return True
        now = time.monotonic()
        if self._cancelled is None or now - self._polled < POLL_SECONDS:
            return False
        self._polled = now
        try:
            if self._cancelled():
                self._interrupt = Cancelled("Cancelled.")
        except BaseException as exc:  # it must not be lost inside a C callback: raised again by decode()
            self._interrupt = exc
        return self._interrupt is not None

    def decode(
        self,
        rows: Sequence[tuple[int, int, int, bool]],
        *,
        cancelled: Callable[[], bool] | None = None,
    ) -> bool:
        """Run rows of (token, position, sequence, wants logits), at most n_batch of them.

        Returns False when the KV cells are full (nothing changed then). Raises Cancelled when
        `cancelled` said so half way, ModelError when llama.cpp fails.
        """
        with self.open() as lib:
            n = len(rows)
            if not 0 < n <= self.n_batch:
                raise ModelError(f"a batch of {n} tokens does not fit the {self.n_batch} the context takes.")
            token, pos, seq, wants = self._token, self._pos, self._seq, self._wants
            for i, (t, p, q, w) in enumerate(rows):
                if not (0 <= t < self.n_vocab and 0 <= q < self.n_seq and p >= 0):
                    raise ModelError("a token or sequence is outside what the model knows.")
                if p >= self.n_ctx:
                    return False
                token[i], pos[i], seq[i], wants[i] = t, p, q, w
            self._batch.n_tokens = n
            self._cancelled, self._interrupt = cancelled, None
            lib.llama_set_abort_callback(
                self._handles.ctx, self._abort if cancelled else self._no_abort, None
            )
            if (threads := self._pace.start()) != self._set_threads:
                lib.llama_set_n_threads(self._handles.ctx, threads, threads)
                self._set_threads = threads
            try:
                code = lib.llama_decode(self._handles.ctx, self._batch)
            finally:
                self._cancelled = None
                self._pace.stop()
            if self._interrupt is not None:
                raise self._interrupt
            if code == 0:
                return True
            if code == 1:
                return False
            raise ModelError(
                f"llama.cpp could not run the model (code {code}): {_last_complaint or 'no reason'}."
            )

    def logits(self, row: int) -> Logits:
        """The (n_vocab,) logits of a batch row that wanted them; a view, valid until the next decode."""
        with self.open() as lib:
            pointer = lib.llama_get_logits_ith(self._handles.ctx, row)
            if not pointer:
                raise ModelError("llama.cpp kept no logits for a token that asked for them.")
            address = ctypes.addressof(pointer.contents)
            view = self._views.get(address)
            if view is None:
                if len(self._views) > 64:
                    self._views.clear()
                buffer = (ctypes.c_float * self.n_vocab).from_address(address)
                view = self._views[address] = np.ctypeslib.as_array(buffer)
            return view

    def forget(self, seq: int, start: int = 0) -> None:
        """Drop a sequence's KV cells from position `start` on."""
        with self.open() as lib:
            if not lib.llama_memory_seq_rm(self._mem, seq, start, -1):
                lib.llama_memory_seq_rm(self._mem, seq, -1, -1)
                if start:
                    raise ModelError(f"{self.path.name} cannot forget part of a text: choose another model.")

    def share(self, source: int, target: int, end: int = -1) -> None:
        """Let `target` share the first `end` KV cells of `source` (all of them when -1)."""
        with self.open() as lib:
            lib.llama_memory_seq_rm(self._mem, target, -1, -1)
            lib.llama_memory_seq_cp(self._mem, source, target, 0 if end >= 0 else -1, end)

    def clear(self) -> None:
        """Empty every KV cell."""
        with self.open() as lib:
            lib.llama_memory_clear(self._mem, False)

    def get_state(self, seq: int) -> NDArray[np.uint8]:
        """The KV state of one sequence as bytes."""
        with self.open() as lib:
            size = int(lib.llama_state_seq_get_size(self._handles.ctx, seq))
            data = np.empty(size, np.uint8)
            pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
            written = int(lib.llama_state_seq_get_data(self._handles.ctx, pointer, size, seq))
            return data[:written]

    def set_state(self, seq: int, data: NDArray[np.uint8]) -> bool:
        """Restore a state that `get_state` returned under the same settings; False when refused."""
        with self.open() as lib:
            pointer = data.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
            done = int(lib.llama_state_seq_set_data(self._handles.ctx, pointer, data.size, seq))
            if done != data.size:
                lib.llama_memory_seq_rm(self._mem, seq, -1, -1)
                return False
            return True

    def metadata(self, key: str) -> str:
        """A string from the GGUF's header, or "" where there is none."""
        with self.open() as lib:
            size = 65536
            buffer = ctypes.create_string_buffer(size)
            n = int(lib.llama_model_meta_val_str(self._handles.model, key.encode(), buffer, size))
            return buffer.value.decode("utf-8", "replace") if n >= 0 else ""

    def chat_template(self) -> str:
        """The GGUF's own chat template (jinja), or ""."""
        with self.open() as lib:
            raw = lib.llama_model_chat_template(self._handles.model, None)
            return raw.decode("utf-8", "replace") if raw else ""

    @property
    def closed(self) -> bool:
        """Whether `close()` was called."""
        return self._guard.unwanted

    def open(self) -> _Guard:
        """llama.cpp's functions, for a block in which the model stays open. Raises ModelError when it was closed."""
        return self._guard

    def close(self) -> None:
        """Free the model, once nothing runs on it; safe to call twice, and from what runs on it."""
        self._guard.close()


def check_gguf(path: Path) -> None:
    """ModelError in one sentence when `path` cannot be a GGUF."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except FileNotFoundError:
        raise ModelError(f"There is no model file {path}: check the path.") from None
    except OSError as exc:
        raise ModelError(f"The model file {path} cannot be read: {exc.strerror or exc}.") from None
    if magic != b"GGUF":
        raise ModelError(f"{path} is not a GGUF model: pull it again or choose another file.")
