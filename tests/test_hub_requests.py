"""Fetching from the hub asks for the file and for nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FETCH = """
import http.server, os, sys, threading
from pathlib import Path

paths = []

class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        paths.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "10")
        self.end_headers()
        self.wfile.write(b"0123456789")

    def log_message(self, *line):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
from sqlagent.store import hub
from sqlagent.store.sources import HubSource

partial = Path(sys.argv[1])
partial.touch()
hub.fetch(HubSource("owner/name", "model.gguf", "main"), partial, 10, lambda done: None)
print(*paths)
"""


def test_only_the_file_is_asked_for(tmp_path: Path) -> None:
    # huggingface_hub 2.4.0 gets /api/agent-harnesses first, unless its telemetry is off when it is imported.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, str(tmp_path / "partial")],
        cwd=ROOT,
        env={**kept, "HF_HOME": str(tmp_path / "hf")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["/owner/name/resolve/main/model.gguf"]
    assert (tmp_path / "partial").read_bytes() == b"0123456789"
