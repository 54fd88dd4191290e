"""A web server on the loopback that plays the model hub and the package index, and misbehaves on demand."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn:
    """Serves `files` (path to bytes) with ranges.

    `stall[path]` makes it send only so many bytes of the answer and wait for `go_on`; `cut[path]` makes it
    close the connection after so many bytes of each answer; `no_ranges` ignores Range. `requests` remembers
    (path, Range header) of every GET.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.stall: dict[str, int] = {}
        self.cut: dict[str, int] = {}
        self.no_ranges = False
        self.go_on = threading.Event()
        self.requests: list[tuple[str, str | None]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    def gets(self, path: str) -> list[str | None]:
        return [asked for where, asked in self.requests if where == path]

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        path, asked = handler.path, handler.headers.get("Range")
        self.requests.append((path, asked))
        if path not in self.files:
            handler.send_error(404)
            return
        body, start = self.files[path], 0
        if asked and not self.no_ranges:
            start = int(asked.removeprefix("bytes=").partition("-")[0])
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            handler.send_response(200)
        body = body[start:]
        handler.send_header("Content-Type", "text/html" if path.endswith("/") else "application/octet-stream")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if path in self.cut:
            body = body[: self.cut[path]]
        pause = self.stall.get(path, len(body))
        try:
            handler.wfile.write(body[:pause])
            handler.wfile.flush()
            if pause < len(body):
                self.go_on.wait(60)
                handler.wfile.write(body[pause:])
        except OSError:
            pass  # the client was killed
