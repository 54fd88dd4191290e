"""Promises of the page's server: who is let in, what is served, what becomes of files, and what a page may see."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

pytest.importorskip("starlette", reason="the web extra is not installed")
pytest.importorskip("uvicorn", reason="the web extra is not installed")

from web_site import Site, Visitor, running

from sqlagent.decoding.candidate import Progress
from sqlagent.ui import demo_database
from sqlagent.ui.web import app as application
from sqlagent.ui.web import events
from sqlagent.ui.web.jobs import Job

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("web")
    demo_database.build(made / "company.db")
    return made


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[Site]:
    with running("company.db", "--max-upload", "1", home=folder / "home", cwd=folder) as made:
        yield made


def small(path: Path, *statements: str) -> bytes:
    with sqlite3.connect(path) as connection:
        for statement in statements or ("CREATE TABLE t (a)", "INSERT INTO t VALUES (1), (2)"):
            connection.execute(statement)
    connection.close()
    return path.read_bytes()


# ---- who is let in ----


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", "169.254.169.254", "", "[::", "a:b:c"],
)
def test_a_name_that_was_rebound_to_this_computer_gets_nothing(site: Site, host: str) -> None:
    for path in ("/", "/api/state", "/app.js"):
        status, _, body = site.send("GET", path, headers={"Host": host})
        assert status in (400, 403)
        assert b"sqlagent</title>" not in body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_this_computers_own_names_are_let_in(site: Site, host: str) -> None:
    assert site.send("GET", "/", headers={"Host": f"{host}:{site.port}"})[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
    ],
)
def test_another_sites_page_can_neither_read_nor_change_anything(site: Site, headers: dict[str, str]) -> None:
    assert site.send("POST", "/api/session", {}, {"X-Sqlagent": "1", **headers})[0] == 403
    assert site.send("GET", "/app.js", headers=headers)[0] == 403


def test_a_form_of_another_site_has_no_header_and_changes_nothing(site: Site) -> None:
    assert site.send("POST", "/api/session", {})[0] == 403
    assert site.send("POST", "/api/session", b"a=b", {"Content-Type": "text/plain"})[0] == 403


def test_a_link_to_the_page_may_be_followed(site: Site) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert site.send("GET", "/", headers=headers)[0] == 200


def test_every_answer_forbids_foreign_code_frames_and_sniffing(site: Site) -> None:
    for method, path in (("GET", "/"), ("GET", "/app.js"), ("GET", "/nothing"), ("POST", "/api/ask")):
        headers = site.send(method, path)[1]
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy and "http" not in policy and "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


def test_beyond_this_computer_a_token_is_needed(folder: Path) -> None:
    with running("company.db", "--host", "0.0.0.0", home=folder / "home", cwd=folder) as site:
        token = site.url.partition("?token=")[2]
        assert len(token) >= 32
        assert site.send("GET", "/")[0] == 401
        assert site.send("GET", "/?token=wrong")[0] == 401
        assert site.send("POST", "/api/session?token=" + token, {}, {"X-Sqlagent": "1"})[0] == 401
        status, headers, _ = site.send("GET", f"/?token={token}")
        assert status == 303 and headers["location"] == "/"
        cookie = headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
        visitor = site.visitor(Cookie=cookie.split(";")[0])
        assert visitor.state()["anywhere"] is False
        visitor.post("database", {"path": str(folder / "company.db")}, status=400)
        assert site.send("GET", "/", headers={"Host": "evil.example"})[0] == 403


def test_a_token_can_be_asked_for_on_this_computer_too(folder: Path) -> None:
    with running("company.db", "--token", "swordfish", home=folder / "home", cwd=folder) as site:
        assert site.url.endswith("?token=swordfish")
        assert site.send("GET", "/")[0] == 401


# ---- what is served ----

FRAMEWORK = [
    "/file=/etc/passwd", "/gradio_api/file=/etc/passwd", "/file/etc/passwd", "/gradio_api/upload",
    "/upload", "/gradio_api/proxy=http://127.0.0.1:1/", "/proxy=http://example.com",
    "/gradio_api/queue/join", "/queue/data", "/config", "/info", "/docs", "/openapi.json", "/redoc",
    "/monitoring", "/gradio_api/info", "/static/x", "/assets/x", "/theme.css",
    "/custom_component/x/client/component/index.js", "/gradio_api/startup-events",
    "/gradio_api/vibe-edit", "/../setup.cfg", "/static/../app.py", "/%2e%2e/app.py", "/app.py",
    "/style.css/../../app.py", "//etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("path", FRAMEWORK)
def test_no_address_names_a_file_of_this_computer_or_a_frameworks_door(site: Site, path: str) -> None:
    for method in ("GET", "POST"):
        status, _, body = site.send(method, path, None if method == "GET" else {}, {"X-Sqlagent": "1"})
        assert status in (400, 404, 405), path
        assert b"root:" not in body and b"[metadata]" not in body and b"import" not in body


def test_the_pages_own_files_are_all_that_is_listed(site: Site) -> None:
    on_disk = {path.name for path in (ROOT / "sqlagent/ui/web/static").iterdir()}
    assert on_disk == {name for name, _ in application.FILES.values()}
    for path in application.FILES:
        assert site.send("GET", path)[0] == 200


def test_no_text_can_become_markup(site: Site) -> None:
    """The page's scripts build elements only from text nodes: none of the ways that parse text is used."""
    for path in (ROOT / "sqlagent/ui/web/static").glob("*.js"):
        source = path.read_text()
        for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function(", "srcdoc",
                    "createContextualFragment", "DOMParser", "setHTML"):  # fmt: skip
            assert way not in source, f"{path.name}: {way}"
    page = (ROOT / "sqlagent/ui/web/static/index.html").read_text()
    assert (
        "://" not in page.replace("http://www.w3.org", "") and "style=" not in page and "onclick" not in page
    )


def test_a_session_sees_nothing_of_another(site: Site) -> None:
    one, other = site.visitor(), site.visitor()
    job = one.post("ask", {"question": "How many employees does each department have?"})["job"]
    one.events(job)
    other.post("stop", {"job": job}, status=400)
    other.post("export", {"job": job, "format": "csv"}, status=400)
    other.post("feedback", {"job": job, "verdict": "up"}, status=400)
    assert other.state()["jobs"] == []
    assert site.send("GET", f"/api/events?job={job}&from=0", None, other.headers)[0] == 400
    assert site.send("GET", "/api/state", None, {"X-Session": "x" * 24})[0] == 410


# ---- what goes in ----


@pytest.mark.parametrize(
    "action, wish",
    [
        ("ask", {}), ("ask", {"question": 5}), ("ask", {"question": ""}), ("ask", {"question": "x" * 2001}),
        ("ask", {"question": None}), ("run", {"sql": ""}), ("run", {"sql": ["a"]}), ("run", {"sql": "x" * 200_001}),
        ("stop", {"job": "no"}), ("export", {"job": "no", "format": "csv"}), ("database", {"id": "no"}),
        ("database", {"path": ""}), ("database", {"path": "/no/such/file.db"}), ("database", {"path": "/etc/passwd"}),
        ("database", {"path": "a\0b"}), ("remove", {"id": "given0"}), ("feedback", {"job": "no", "verdict": "up"}),
    ],
)  # fmt: skip
def test_a_wrong_request_gets_one_sentence(site: Site, action: str, wish: object) -> None:
    said = site.visitor().post(action, wish, status=400)["error"]
    assert said.endswith(".") and "Traceback" not in said and len(said) < 300


@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff", b"[" * 100_000, b"x" * 300_000])
def test_a_body_that_is_no_object_gets_one_sentence(site: Site, body: bytes) -> None:
    visitor = site.visitor()
    status, _, said = site.send("POST", "/api/ask", body, visitor.headers)
    assert status == 400 and json.loads(said)["error"].endswith(".")


def test_what_changes_something_is_refused_in_the_sandbox(site: Site) -> None:
    visitor = site.visitor()
    for sql in (
        "DELETE FROM employees",
        "DROP TABLE employees",
        "ATTACH '/etc/passwd' AS x",
        "PRAGMA user_version=1",
    ):
        assert visitor.run(sql)["type"] == "failed"
    assert visitor.run("SELECT COUNT(*) AS n FROM employees")["rows"] == [[42]]


# ---- dropped files ----


def test_a_dropped_file_is_opened_asked_and_deleted(site: Site, tmp_path: Path, folder: Path) -> None:
    visitor = site.visitor()
    status, state = visitor.upload("../../my%20shop.db", small(tmp_path / "shop.db"))
    assert status == 200
    item = next(one for one in state["databases"] if one["dropped"])
    assert item["name"] == "my shop.db" and state["database"] == item["id"]
    assert visitor.run("SELECT a FROM t")["rows"] == [[1], [2]]
    assert len(kept(folder)) == 1
    visitor.post("remove", {"id": item["id"]})
    assert kept(folder) == []


def test_nobody_else_can_open_a_dropped_file(site: Site, tmp_path: Path) -> None:
    state = site.visitor().upload("a.db", small(tmp_path / "a.db"))[1]
    other = site.visitor()
    other.post("database", {"id": state["database"]}, status=400)
    assert all(not one["dropped"] for one in other.state()["databases"])


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("notes.txt", b"hello world, this is text", "is not a SQLite database"),
        ("empty.db", b"", "is not a SQLite database"),
        ("page.html", b"<script>alert(1)</script>", "is not a SQLite database"),
        ("half.db", b"SQLite format 3\x00" + b"\xff" * 4000, "half.db"),
        ("big.db", b"SQLite format 3\x00" + b"\0" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_wrong_file_gets_one_sentence_and_stays_nowhere(
    site: Site, folder: Path, name: str, data: bytes, said: str
) -> None:
    before = kept(folder)
    status, answer = site.visitor().upload(name, data)
    assert status == 400 and said in answer["error"], answer
    assert str(folder) not in answer["error"]
    assert kept(folder) == before


def test_a_file_whose_size_is_not_told_is_cut_off_at_the_limit(site: Site, folder: Path) -> None:
    import http.client

    visitor, before = site.visitor(), kept(folder)
    client = http.client.HTTPConnection("127.0.0.1", site.port, timeout=30)
    parts = [b"SQLite format 3\x00" + b"\0" * 65536] + [b"\0" * 65536] * 30
    try:
        client.request("POST", "/api/upload?name=x.db", iter(parts), visitor.headers, encode_chunked=True)
        answer = client.getresponse()
        assert answer.status == 400 and b"larger" in answer.read()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the server had heard enough
    finally:
        client.close()
    assert kept(folder) == before


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "home" / "web").glob("server-*/*/*.db"))


def test_dropped_files_go_with_the_server_and_after_a_kill_with_the_next_one(
    folder: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    data = small(tmp_path / "shop.db")
    with running(home=home, cwd=folder) as site:
        site.visitor().upload("shop.db", data)
        assert len(list(home.glob("web/server-*/*/*.db"))) == 1
        assert site.stop(signal.SIGTERM) == 0
        assert list(home.glob("web/server-*")) == []
    with running(home=home, cwd=folder) as site:
        site.visitor().upload("shop.db", data)
        site.stop(signal.SIGKILL)
    assert len(list(home.glob("web/server-*/*/*.db"))) == 1
    with running(home=home, cwd=folder):
        assert list(home.glob("web/server-*/*/*.db")) == []


def test_ctrl_c_ends_the_server_with_success(folder: Path) -> None:
    with running("company.db", home=folder / "home", cwd=folder) as site:
        assert site.stop(signal.SIGINT) == 0
        time.sleep(0.2)
        assert "Traceback" not in "".join(list(site.errors.queue))


# ---- questions ----


def test_ten_tabs_share_one_model_and_are_answered_in_order_of_arrival(site: Site) -> None:
    visitors = [site.visitor() for _ in range(10)]
    asked = [{"question": f"How many employees are there, {i}?"} for i in range(10)]
    jobs = [(one, one.post("ask", wish)["job"]) for one, wish in zip(visitors, asked, strict=True)]
    last = jobs[-1][0].events(jobs[-1][1])
    assert last[-1]["type"] == "answer"
    for visitor, job in jobs[:-1]:  # those before were answered before
        found = visitor.events(job)
        assert [event["type"] for event in found][-1] == "answer"
        assert all("n" in event for event in found), "nothing was still going on"


def test_a_question_that_waits_says_behind_how_many_and_stops_at_once(site: Site) -> None:
    first, second = site.visitor(), site.visitor()
    slow = first.post("ask", {"question": "List the employees forever"})["job"]
    waiting = second.post("ask", {"question": "How many employees are there?"})["job"]
    time.sleep(0.5)
    second.post("stop", {"job": waiting})
    told = second.events(waiting)
    assert told[-1]["type"] == "stopped"
    third = second.post("ask", {"question": "How many employees are there?"})["job"]
    began = time.monotonic()
    first.post("stop", {"job": slow})
    assert first.events(slow)[-1]["type"] == "stopped"
    assert time.monotonic() - began < 2
    assert second.events(third)[-1]["type"] == "answer"


def test_turning_to_another_database_stops_what_was_asked_of_the_one_before(
    site: Site, tmp_path: Path
) -> None:
    visitor = site.visitor()
    slow = visitor.post("ask", {"question": "List the employees forever"})["job"]
    status, state = visitor.upload("a.db", small(tmp_path / "a.db"))
    assert status == 200 and state["jobs"] == []
    assert visitor.site.send("GET", f"/api/events?job={slow}&from=0", None, visitor.headers)[0] == 400
    began = time.monotonic()
    assert site.visitor().ask("How many employees are there?")["type"] == "answer"
    assert time.monotonic() - began < 10, "the line is free"


def test_statements_of_ones_own_do_not_wait_for_the_model(site: Site) -> None:
    visitor = site.visitor()
    slow = visitor.post("ask", {"question": "List the employees forever"})["job"]
    assert visitor.run("SELECT 7 AS n")["rows"] == [[7]]
    visitor.post("stop", {"job": slow})


def test_what_a_job_told_is_told_again_from_any_place(site: Site) -> None:
    visitor = site.visitor()
    job = visitor.post("ask", {"question": "How many employees does each department have?"})["job"]
    first = [event for event in visitor.events(job) if "n" in event]
    assert [event["n"] for event in first] == list(range(len(first)))
    assert visitor.events(job) == first
    assert visitor.events(job, len(first) - 1) == first[-1:]
    assert first[-1]["rows"][0] == ["Engineering", 11]
    assert first[-1]["chart"]["kind"] == "bars"


def test_how_far_a_job_is_is_told_behind_what_it_is_doing() -> None:
    """A page shows what came last. A job may begin to think between two looks of its stream: the first says nothing."""
    job = Job("ask", "How many?", "", "")

    class Desk:
        def line(self, job: Job) -> Desk:
            return self

        def ahead(self, job: Job) -> int:
            if not job.events:
                job.tell("status", text="thinking")
            return 0

        def progress(self, job: Job) -> Progress:
            return Progress(9, 9, "SELECT name")

    async def told(count: int) -> list[dict[str, Any]]:
        stream = events.stream(cast("Any", Desk()), job, 0)
        return [json.loads((await anext(stream)).removeprefix(b"data: ")) for _ in range(count)]

    found = asyncio.run(asyncio.wait_for(told(3), 5))
    assert [event.get("written") or event.get("text") for event in found] == [None, "thinking", "SELECT name"]


def test_a_follow_up_says_what_it_goes_on_from_and_a_new_subject_does_not(site: Site) -> None:
    visitor = site.visitor()
    visitor.ask("How many employees does each department have?")
    job = visitor.post("ask", {"question": "And each department in London?"})["job"]
    assert any(event["type"] == "follows" for event in visitor.events(job))
    visitor.post("new")
    job = visitor.post("ask", {"question": "And each department in London?"})["job"]
    assert not any(event["type"] == "follows" for event in visitor.events(job))


def test_exports_are_exact_and_formulas_are_text_in_a_spreadsheet(site: Site) -> None:
    visitor = site.visitor()
    job = visitor.post("run", {"sql": "SELECT '=1+1' AS a, NULL AS b, 9007199254740993 AS c, 'x|y' AS d"})[
        "job"
    ]
    visitor.events(job)
    assert visitor.raw("export", {"job": job, "format": "csv"}) == b"a,b,c,d\n'=1+1,,9007199254740993,x|y\n"
    assert json.loads(visitor.raw("export", {"job": job, "format": "json"})) == [
        {"a": "=1+1", "b": None, "c": 9007199254740993, "d": "x|y"}
    ]
    assert b"x\\|y" in visitor.raw("export", {"job": job, "format": "markdown"})
    visitor.post("export", {"job": job, "format": "exe"}, status=400)


def test_feedback_is_one_line_each_and_says_all_that_training_needs(site: Site, folder: Path) -> None:
    visitor = site.visitor()
    file = folder / "home" / "feedback.jsonl"
    before = len(file.read_text().splitlines()) if file.exists() else 0
    job = visitor.post("ask", {"question": "How many employees does each department have?"})["job"]
    visitor.events(job)
    visitor.post("feedback", {"job": job, "verdict": "up"})
    visitor.post("feedback", {"job": job, "verdict": "down", "sql": "SELECT 1"})
    up, down = (json.loads(line) for line in file.read_text().splitlines()[before:])
    assert (
        up["verdict"] == "up"
        and up["question"].startswith("How many")
        and "CREATE TABLE employees" in up["ddl"]
    )
    assert down["corrected"] == "SELECT 1" and up["version"] == 1
    if os.name == "posix":
        assert file.stat().st_mode & 0o077 == 0


# ---- the command ----


def test_a_port_in_use_a_wrong_path_and_a_wrong_model_are_one_sentence(site: Site, folder: Path) -> None:
    def web(*argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "sqlagent", "web", *argv],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )

    for argv, code, said in (
        (("--port", str(site.port)), 2, "already"),
        (("/no/such.db",), 3, "such.db"),
        (("-m", "no-such-model"), 2, "no-such-model"),
        (("--port", "70000"), 2, "70000"),
    ):
        done = web(*argv)
        assert done.returncode == code, done.stderr
        assert done.stdout == "" and said in done.stderr and done.stderr.count("\n") == 1


def test_without_the_extra_one_sentence_says_what_to_install(folder: Path) -> None:
    script = (
        "import sys, importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda n, *a: None if n in ('starlette', 'uvicorn') else real(n, *a)\n"
        "from sqlagent.ui.cli import main; sys.exit(main(['web']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "sqlagent[web]" in done.stderr and done.stderr.count("\n") == 1


def test_help_and_the_package_load_nothing_of_the_page() -> None:
    script = (
        "import sys, contextlib as c, io\nfrom sqlagent.ui import cli, commands\n"
        "with c.redirect_stdout(io.StringIO()), c.suppress(SystemExit): cli.main(['web', '--help'])\n"
        "heavy = ('starlette', 'uvicorn', 'gradio', 'fastapi')\n"
        "print([n for n in sys.modules if n.split('.')[0] in heavy or '.ui.web' in n])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_visitor_is_a_page(site: Site) -> None:
    state = Visitor(site).state()
    assert [one["name"] for one in state["databases"]] == ["company.db"]
    assert {table["name"] for table in state["schema"]["tables"]} == {
        "departments", "employees", "projects", "assignments"
    }  # fmt: skip
