"""Ctrl-C at any moment: exit code 130, one line, no traceback, no crash, and nothing lost that was there."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny_gguf import make_gguf

from bench import interrupts
from sqlagent.base.errors import INTERRUPTED, Cancelled, ModelError
from sqlagent.llama.context import Llama
from sqlagent.ui import demo_database, interrupt

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
LINE = interrupts.LINE


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo_database.build(tmp_path_factory.mktemp("demo") / "company.db")


def _all_right(line: list[str], moments: int, seed: int) -> None:
    took, rows = interrupts.undisturbed(line)
    draw = random.Random(seed)
    found = [interrupts.interrupted(line, draw.uniform(0.0, took), rows) for _ in range(moments)]
    assert [outcome for outcome in found if not outcome.right] == []
    assert sum(outcome.what == "interrupted" for outcome in found) > moments // 4


@pytest.mark.slow
def test_random_moments_with_a_model_that_answers_at_once(db: Path) -> None:
    _all_right(interrupts.command(db, None), 30, 1)


@pytest.mark.slow
def test_random_moments_with_a_real_model(db: Path, tiny_path: Path) -> None:
    _all_right(interrupts.command(db, str(tiny_path)), 12, 2)


@pytest.mark.parametrize(
    ("code", "out", "err", "what"),
    [
        (0, "n\n42\n", "", "answered"),
        (0, "n\n10\n", "", "answered"),  # another number of a model that guesses
        (0, "n\n", "", "code 0, 0 lines, rows cut"),
        (0, "n\n4", "", "code 0, 0 lines, rows cut"),
        (0, "", "", "code 0, 0 lines, rows missing"),
        (0, "n\n42\n", LINE, "code 0, 1 lines, rows whole"),
        (INTERRUPTED, "", LINE, "interrupted"),
        (INTERRUPTED, "n\n42\n", LINE, "interrupted"),
        (INTERRUPTED, "n\n", LINE, f"code {INTERRUPTED}, 1 lines, rows cut"),
        (INTERRUPTED, "", "Traceback: sqlagent/x.py\n", "traceback"),
        (-11, "", "sqlagent/\n", "died of signal 11"),
    ],
)
def test_how_an_end_is_judged(code: int, out: str, err: str, what: str) -> None:
    assert interrupts.judged(code, out, err, "n\n42\n") == what


def _started(script: str, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        cwd=Path(__file__).resolve().parent.parent,
    )


AT = """
import os, signal, sys
from sqlagent.ui.program import run

class Model:
    name, vectors = "fake", None
    def __init__(self):
        from sqlagent.decoding.candidate import Timings
        self.last_timings = Timings()
    def generate(self, prompt, acceptor, *, cancelled=None):
        from sqlagent.decoding.candidate import Candidate
        return [Candidate(sql="SELECT name FROM employees", logprob=-0.1, tokens=9, margin=.9, finished=True, forced=5)]
    def alternatives(self, n, within, *, max_tokens=256, cancelled=None): return []
    def question_logprobs(self, prompt, statements, *, cancelled=None): return [0.0] * len(statements)
    def read(self, prompt, cancelled=None): pass
    def close(self): pass

def before(module, name):
    "Press Ctrl-C just before a function is called for the first time."
    import importlib
    owner = importlib.import_module(module)
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    real = getattr(owner, last)
    def pressed(*given, **named):
        setattr(owner, last, real)
        os.kill(os.getpid(), signal.SIGINT)
        return real(*given, **named)
    setattr(owner, last, pressed)

before(*sys.argv.pop(1).split(":"))
run(model=Model)
"""


EARLY = """
import os, signal, sys

class Pressed:
    "Press Ctrl-C when a module is looked for."
    def find_spec(self, name, path, target=None):
        if name == "sqlagent.ui.leaving":
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Pressed())
from sqlagent.ui.program import main
main()
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal can be held back here")
def test_an_interrupt_before_the_handler_is_there_waits_for_it(db: Path) -> None:
    process = _started(EARLY, "ask", str(db), "Who works here?")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err, out) == (INTERRUPTED, LINE, "")


@pytest.mark.parametrize(
    ("place", "rows"),
    [
        ("sqlagent.agent.agent:Agent.ask", 0),  # which clears the flag that asks it to stop
        ("sqlagent.sandbox.sandbox:Sandbox.execute", 0),
        ("sqlagent.ui.result_output:Output.answer", 43),  # the answer is there
        ("sqlagent.ui.formats:write_rows", 43),
        ("sqlagent.agent.agent:Agent.close", 43),
        ("sqlagent.ui.program:_end", 43),
    ],
)
def test_an_interrupt_at_a_place_that_used_to_go_wrong(db: Path, place: str, rows: int) -> None:
    process = _started(AT, place, "ask", str(db), "Who works here?", "-f", "csv", "--quiet")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err, len(out.splitlines())) == (INTERRUPTED, LINE, rows)


def test_a_step_that_does_not_listen_is_left_after_a_second(db: Path) -> None:
    deaf = AT.replace("    def generate(self, prompt, acceptor, *, cancelled=None):\n", (
        "    def generate(self, prompt, acceptor, *, cancelled=None):\n"
        "        import time; os.kill(os.getpid(), signal.SIGINT); time.sleep(30)\n"
    ))  # fmt: skip
    began = time.monotonic()
    process = _started(deaf, "sqlagent.ui.program:_end", "ask", str(db), "Who works here?")
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (INTERRUPTED, LINE)
    assert time.monotonic() - began < 15


def test_long_output_ends_between_two_rows(db: Path) -> None:
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) SELECT i, 'end' FROM n"
    )
    script = AT.replace("SELECT name FROM employees", many)
    process = _started(script, "sqlagent.ui.formats:write_rows", "ask", str(db), "Who works here?", "-f", "csv",
                       "--limit", "500000", "--max-bytes", "0", "--timeout", "60", "--quiet")  # fmt: skip
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (INTERRUPTED, LINE)
    assert out.endswith(",end\n")


# ---- the handler ---------------------------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[None]:
    with interrupt.listening():
        yield


def _press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_step_is_told_to_stop_until_it_does(listening: None) -> None:
    told: list[float] = []
    with (
        pytest.raises(Cancelled),
        interrupt.session(),
        interrupt.cancels(lambda: told.append(time.monotonic())),
    ):
        _press()
        deadline = time.monotonic() + 10
        while len(told) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        interrupt._state.session = False  # a command: what was stopped is over
    after = len(told)
    time.sleep(0.2)
    assert len(told) == after >= 3, "the next step was told to stop"


def test_in_a_session_the_second_press_raises_and_the_next_step_runs(listening: None) -> None:
    with interrupt.session():
        with contextlib.suppress(KeyboardInterrupt), interrupt.cancels(lambda: None):
            _press()
            _press()
            time.sleep(5)
            pytest.fail("nobody was interrupted")
        interrupt.nothing_runs()
        _press()  # at the prompt: nothing to stop
        with interrupt.cancels(lambda: pytest.fail("told to stop")):
            time.sleep(0.1)


def test_other_threads_do_not_touch_the_handler() -> None:
    before = signal.getsignal(signal.SIGINT)

    def inside() -> None:
        with interrupt.listening(), interrupt.cancels(lambda: None):
            assert signal.getsignal(signal.SIGINT) is before

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before


# ---- closing ---------------------------------------------------------------------------------------------------


def test_a_close_that_is_interrupted_frees_nothing_twice(tmp_path: Path) -> None:
    llama = Llama(make_gguf(tmp_path / "random.gguf"), n_ctx=256, n_seq=2, threads=1)
    freed: list[str] = []
    real = llama.lib

    class Interrupted:
        """llama.cpp, with a Ctrl-C that arrives as soon as the context is freed."""

        def llama_free(self, ctx: object) -> None:
            freed.append("context")
            real.llama_free(ctx)
            raise KeyboardInterrupt

        def llama_model_free(self, model: object) -> None:
            freed.append("model")

    llama._handles.lib = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        llama.close()
    llama.close()
    assert freed.count("context") == 1 and freed.count("model") <= 1
    with pytest.raises(ModelError, match="closed"):
        llama.clear()
