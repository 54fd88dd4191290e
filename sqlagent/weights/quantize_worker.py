"""The child process of `quantize.py`: calls llama.cpp and passes on its log on stderr."""

from __future__ import annotations

import ctypes
import json
import signal
import sys
from pathlib import Path
from typing import Any


def main(job: dict[str, Any]) -> int:
    """Quantise as `job` says; 0 when it worked."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C must end the C code too
    import llama_cpp.llama_cpp as lib

    @lib.llama_log_callback  # type: ignore[untyped-decorator]
    def log(level: int, text: bytes, _data: Any) -> None:
        # "[ 12/290] blk…" comes in pieces; only its first one matters.
        sys.stderr.write(text.decode("utf-8", "replace").rstrip("\n") + "\n")

    lib.llama_log_set(log, ctypes.c_void_p(0))
    lib.llama_backend_init()
    params = lib.llama_model_quantize_default_params()
    params.ftype, params.nthread = job["ftype"], job["threads"]
    params.allow_requantize = job["requantize"]
    kept: list[Any] = []
    if job["imatrix"]:
        from sqlagent.weights.importance import read

        entries = [(name.encode(), values) for name, values in read(Path(job["imatrix"])).items()]
        table = (lib.llama_model_imatrix_data * (len(entries) + 1))()  # the last one, without a name, ends it
        for slot, (name, values) in zip(table, entries, strict=False):
            slot.name, slot.size = name, values.size
            slot.data = values.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        params.imatrix = ctypes.cast(table, type(params.imatrix))
        kept += [table, entries]
    return int(lib.llama_model_quantize(job["source"].encode(), job["out"].encode(), ctypes.byref(params)))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
