#!/bin/sh
# huggingface_hub 2.4.0: a download's first request is for something that nobody asked for, and its network errors are
# of a package that is not httpx.
#
# Expected: hf_hub_download("a/b", "config.json") asks for that file alone. A refused connection raises an OSError or an
#           httpx.HTTPError.
# Seen:     the process first gets /api/agent-harnesses (a list of coding agents, kept for a day in HF_HOME), unless
#           HF_HUB_DISABLE_TELEMETRY is set. HfApi().model_info() against a closed port raises httpx2.ConnectError, which
#           is neither, so `except (OSError, httpx.HTTPError)` lets it through.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q huggingface_hub==2.4.0 httpx==0.28.1
cat >"$work/run.py" <<'P'
import http.server
import os
import threading

paths = []


class Hub(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        paths.append(self.path)
        self.send_response(404)
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *line):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["HF_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
import httpx  # noqa: E402
import huggingface_hub  # noqa: E402

try:
    huggingface_hub.hf_hub_download("a/b", "config.json")
except OSError:
    pass  # there is no such file
print("asked:", *paths)
server.shutdown()
server.server_close()
try:
    huggingface_hub.HfApi().model_info("a/b")
except Exception as error:
    print("refused:", f"{type(error).__module__}.{type(error).__name__}", isinstance(error, (OSError, httpx.HTTPError)))
P
unset HF_HUB_OFFLINE HF_HUB_DISABLE_TELEMETRY DO_NOT_TRACK 2>/dev/null || true
HF_HOME="$work/first" "$work/venv/bin/python" "$work/run.py" 2>/dev/null | tee "$work/out"
HF_HOME="$work/second" HF_HUB_DISABLE_TELEMETRY=1 "$work/venv/bin/python" "$work/run.py" 2>/dev/null | tee "$work/switched"
grep -qx "asked: /api/agent-harnesses /a/b/resolve/main/config.json" "$work/out" ||
    { echo "it asks otherwise now" >&2; exit 1; }
grep -qx "asked: /a/b/resolve/main/config.json" "$work/switched" || { echo "the switch does less now" >&2; exit 1; }
grep -qx "refused: httpx2.ConnectError False" "$work/out" || { echo "it raises another error now" >&2; exit 1; }
echo "as described"
