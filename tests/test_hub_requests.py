"""Fetching from the hub asks for the file and for nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from stand_in import StandIn

ROOT = Path(__file__).resolve().parent.parent
PLACE, BODY = "/owner/name/resolve/main/model.gguf", b"0123456789"

FETCH = """
import sys
from pathlib import Path
from sqlagent.store import hub
from sqlagent.store.sources import HubSource

partial = Path(sys.argv[1])
partial.touch()
hub.fetch(HubSource("owner/name", "model.gguf", "main"), partial, 10, lambda done: None)
"""


def test_only_the_file_is_asked_for(tmp_path: Path) -> None:
    # A new process: huggingface_hub 2.4.0 gets /api/agent-harnesses first, unless telemetry is off when it is imported.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    server = StandIn()
    server.files[PLACE] = BODY
    try:
        done = subprocess.run(
            [sys.executable, "-c", FETCH, str(tmp_path / "partial")],
            cwd=ROOT,
            env={**kept, "HF_HOME": str(tmp_path / "hf"), "HF_ENDPOINT": server.url},
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        server.close()
    assert done.returncode == 0, done.stderr
    assert [path for path, _ in server.requests] == [PLACE]
    assert (tmp_path / "partial").read_bytes() == BODY
