"""A running `sqlagent web` and a browser for it; run as a program, the server with a model that answers by rote.

The model knows what to write for words in a question, reads and writes slowly for "slowly", and thinks until it is
stopped for "forever". Everything else is the real program in a process of its own.
"""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
sys.path.insert(0, str(TESTS))

from fake_model import HANG, FakeModel  # noqa: E402

from sqlagent.base.errors import Cancelled  # noqa: E402
from sqlagent.decoding.candidate import Progress  # noqa: E402

PER_DEPARTMENT = (
    "SELECT departments.name, COUNT(*) AS employees FROM employees JOIN departments "
    "ON departments.id = employees.department_id GROUP BY departments.name ORDER BY employees DESC"
)
BY_ROTE = {
    "each department": PER_DEPARTMENT,
    "forever": HANG,
    "slowly": "SELECT name FROM employees LIMIT 3",
    "salaries": "SELECT name, salary FROM employees ORDER BY salary DESC",
    "each year": "SELECT strftime('%Y', hire_date) AS year, COUNT(*) AS hired FROM employees GROUP BY year",
    "everything": "SELECT * FROM evil",
    "manage nobody": "SELECT name FROM employees WHERE id NOT IN (SELECT manager_id FROM employees)",
    "departments": "SELECT name, city FROM departments",
    "many employees": "SELECT COUNT(*) FROM employees",
}


class ByRote(FakeModel):
    """Writes the statement that goes with the first known words of a question."""

    def __init__(self) -> None:
        super().__init__(["SELECT 1"])
        self.progress = Progress(0, 0, "")

    def generate(self, prompt: Any, acceptor: Any, **more: Any) -> Any:
        question = prompt.question.lower()
        found = next((sql for words, sql in BY_ROTE.items() if words in question), "SELECT 1")
        if "slowly" in question:
            self._slowly(found, more.get("cancelled"))
        self._script, self._next = [found], 0
        made = super().generate(prompt, acceptor, **more)
        self.progress = Progress(0, 0, "")
        if "departments" in question:  # another statement is about as likely
            self._script, self._next = [["SELECT name, budget FROM departments"]], 0
        return made

    def _slowly(self, sql: str, cancelled: Callable[[], bool] | None) -> None:
        for done in range(41):
            read, written = min(600, 30 * done), sql[: max(0, done - 20) * 2]
            self.progress = Progress(read, 600, written)
            time.sleep(0.05)
            if cancelled is not None and cancelled():
                raise Cancelled("Interrupted.")


class Site:
    """One server. `url` is what it printed."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process, self.url = process, url
        self.port = int(url.split(":")[2].split("/")[0])
        self.errors: queue.Queue[str] = queue.Queue()

    def send(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """One request, with exactly these headers and Host; a body that is no bytes goes as JSON."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            client.putrequest(method, path, skip_host=True)
            for name, value in {"Host": f"127.0.0.1:{self.port}", **(headers or {})}.items():
                client.putheader(name, value)
            if data is not None:
                client.putheader("Content-Length", str(len(data)))
            client.endheaders(data)
            answer = client.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            client.close()

    def visitor(self, **headers: str) -> Visitor:
        return Visitor(self, headers)

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # faulthandler says where it hangs
            self.process.wait(20)
            time.sleep(0.2)
            raise AssertionError("the server did not end:\n" + "".join(self.errors.queue)) from None


class Visitor:
    """A page's session without a browser."""

    def __init__(self, site: Site, headers: dict[str, str] | None = None) -> None:
        self.site, self.headers = site, {"X-Sqlagent": "1", **(headers or {})}
        self.headers["X-Session"] = self.post("session")["session"]

    def post(self, action: str, wish: Any = None, status: int = 200) -> Any:
        found, _, body = self.site.send(
            "POST", f"/api/{action}", wish if wish is not None else {}, self.headers
        )
        assert found == status, body
        return json.loads(body)

    def raw(self, action: str, wish: Any = None) -> bytes:
        status, _, body = self.site.send("POST", f"/api/{action}", wish or {}, self.headers)
        assert status == 200, body
        return body

    def state(self) -> Any:
        return json.loads(self.site.send("GET", "/api/state", None, self.headers)[2])

    def events(self, job: str, start: int = 0) -> list[dict[str, Any]]:
        """All that a job tells until its end, from a place on."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["type"] not in ("answer", "failed", "stopped"):
            if found:
                time.sleep(0.05)
            found += self.some_events(job, start + sum("n" in one for one in found))
        return [one for one in found if one["type"] != "waiting"]

    def some_events(self, job: str, start: int) -> list[dict[str, Any]]:
        """One request's: a job that waits says so, and no more."""
        status, _, body = self.site.send("GET", f"/api/events?job={job}&from={start}", None, self.headers)
        assert status == 200, body
        blocks = body.decode().split("\n\n")
        return [json.loads(block.removeprefix("data: ")) for block in blocks if block.startswith("data: ")]

    def ask(self, question: str) -> dict[str, Any]:
        return self.events(self.post("ask", {"question": question})["job"])[-1]

    def run(self, sql: str) -> dict[str, Any]:
        return self.events(self.post("run", {"sql": sql})["job"])[-1]

    def upload(self, name: str, data: bytes) -> tuple[int, Any]:
        status, _, body = self.site.send("POST", f"/api/upload?name={name}", data, self.headers)
        return status, json.loads(body)


@contextmanager
def running(
    *argv: str, home: Path, cwd: Path, command: list[str] | None = None, port: int = 0
) -> Iterator[Site]:
    """A server with these arguments; by default with the model that answers by rote."""
    env = {**os.environ, "SQLAGENT_HOME": str(home), "SQLAGENT_OFFLINE": "1", "PYTHONPATH": str(TESTS.parent)}
    env["PYTHONFAULTHANDLER"] = "1"
    process = subprocess.Popen(
        [*(command or [sys.executable, str(TESTS / "web_site.py")]), "web", "--port", str(port), *argv],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stderr is not None
    url = process.stdout.readline().strip()
    if not url:
        raise AssertionError(f"the server did not start: {process.stderr.read()}")
    site = Site(process, url)

    def listen() -> None:
        assert process.stderr is not None
        for line in process.stderr:
            site.errors.put(line)

    threading.Thread(target=listen, daemon=True).start()
    try:
        yield site
    finally:
        site.stop(signal.SIGTERM)
        process.stdout.close()


if __name__ == "__main__":
    from sqlagent.ui.cli import main

    sys.exit(main(model=ByRote()))
