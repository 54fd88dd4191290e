"""Promises of the page in a Space: the folder is whole, it reaches the hub, and Gradio's own addresses are closed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the web extra is not installed")
pytest.importorskip("gguf", reason="the convert extra is not installed")

from hub_stand_in import Hub
from test_web_door import FRAMEWORK
from web_site import Site

from convert import cli, space
from sqlagent.store import models

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "hf_standInTokenForTests"


def test_a_dry_run_writes_a_folder_that_runs_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "space"
    assert cli.main(["publish", "--space", "me/ask", "--dry-run", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    card = (out / "README.md").read_text()
    assert card.startswith("---\ntitle: ask\n") and "sdk: gradio\n" in card and "app_file: app.py" in card
    assert f"sdk_version: {space.GRADIO}" in card and space.GRADIO.startswith("6.")
    needed = (out / "requirements.txt").read_text().splitlines()
    assert any(line.startswith("llama-cpp-python") for line in needed) and not any(
        "#" in line for line in needed
    )
    assert not list(out.rglob("*.pyc"))
    script = (
        "import sqlagent, runpy, sqlagent.ui.web.space as space\n"
        "from sqlagent.ui.web.app import Page\nfrom sqlagent.store import models\n"
        "print(sqlagent.__file__, models.default().name)\n"
        "space.launch = lambda: print('launched')\nrunpy.run_path('app.py')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=out, capture_output=True, text=True, timeout=120
    )
    assert done.stdout.split() == [str(out / "sqlagent/__init__.py"), models.default().name, "launched"], (
        done.stderr
    )


def test_a_dry_run_overwrites_nothing_and_a_wrong_name_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert cli.main(["publish", "--space", "me/ask", "--dry-run", "--out", str(tmp_path)]) == 2
    assert cli.main(["publish", "--space", "ask", "--dry-run", "--out", str(tmp_path / "new")]) == 2
    assert cli.main(["publish", "--space", "me/ask", "--gguf", "x.gguf", "--dry-run"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    assert capsys.readouterr().err.count("error: ") == 3


def test_a_space_reaches_the_hub_whole_and_a_second_run_sends_nothing_again(tmp_path: Path) -> None:
    hub = Hub(TOKEN)
    env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "SQLAGENT_"))}
    env |= {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": TOKEN,
        "HF_HOME": str(tmp_path),
        "SQLAGENT_HOME": str(tmp_path),
    }
    env |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-m", "convert", "publish", "--space", "me/ask", "--quiet"]
    try:
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert set(hub.repos["me/ask"].files) >= {item.name for item in space.plan("me/ask")}
        assert hub.file("me/ask", "app.py").decode() == space.APP
        assert len(hub.repos["me/ask"].commits) <= 5
        stored = len(hub.stored)
        again = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=200)
        assert again.returncode == 0 and len(hub.stored) == stored
        assert not any(path.startswith("/api/models") for _, path in hub.requests)
    finally:
        hub.close()


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The page on Gradio's server, with the model that answers by rote."""
    pytest.importorskip("gradio", reason="the web extra is not installed")
    home = tmp_path_factory.mktemp("space")
    script = (
        "import sys, socket, threading\n"
        f"sys.path.insert(0, {str(ROOT / 'tests')!r})\n"
        "from web_site import ByRote\nfrom sqlagent.ui.web import space\n"
        "with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]\n"
        "made, end = space.launch(ByRote(), host='127.0.0.1', port=port, wait=False)\n"
        "print(f'http://127.0.0.1:{port}/', flush=True)\nsys.stdin.read()\nend()\n"
    )
    env = {**os.environ, "SQLAGENT_HOME": str(home), "PYTHONPATH": str(ROOT), "SPACE_HOST": "me-ask.hf.space"}
    env |= {"SYSTEM": "spaces", "SPACE_ID": "me/ask"}  # as the hub sets them
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stderr is not None and process.stdin is not None
    url = next(
        (line.strip() for line in process.stdout if line.startswith("http")), ""
    )  # Gradio talks there, too
    assert url, process.stderr.read()
    site = Site(process, url)
    threading.Thread(target=process.stderr.read, daemon=True).start()
    yield site
    process.stdin.close()
    assert process.wait(30) == 0
    assert list((home / "web").glob("server-*")) == []


@pytest.mark.timeout(280)
def test_on_gradios_server_the_page_answers_and_its_own_addresses_are_closed(hosted: Site) -> None:
    assert b"<title>sqlagent</title>" in hosted.send("GET", "/")[2]
    visitor = hosted.visitor()
    found = visitor.ask("How many employees does each department have?")
    assert found["rows"][0] == ["Engineering", 11]
    assert visitor.state()["anywhere"] is False
    visitor.post("database", {"path": "/etc/passwd"}, status=400)
    for path in FRAMEWORK:
        for method in ("GET", "POST", "OPTIONS"):
            status, headers, body = hosted.send(method, path, None, {"X-Sqlagent": "1"})
            assert status in (400, 404, 405), (method, path, status)
            assert b"root:" not in body and "access-control-allow-origin" not in headers
    assert hosted.send("GET", "/", headers={"Host": "me-ask.hf.space"})[0] == 200
    assert hosted.send("GET", "/", headers={"Host": "evil.example"})[0] == 403
    policy = hosted.send("GET", "/")[1]["content-security-policy"]
    assert "frame-ancestors https://huggingface.co" in policy
