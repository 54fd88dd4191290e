"""A model or an agent that was closed says so, whoever holds it and whatever thread asks; the process lives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from fake_model import FakeModel
from tiny_gguf import make_gguf

from sqlagent.agent.agent import Agent
from sqlagent.base.errors import ModelError, UsageError
from sqlagent.decoding.model import Model
from sqlagent.linking import prompt
from sqlagent.llama.context import Llama
from sqlagent.llama.vocab import Vocab
from sqlagent.ui import demo_database

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("weights") / "random.gguf")


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(demo_database.build(tmp_path_factory.mktemp("demo") / "company.db"))


def test_every_call_of_a_closed_context_says_so(weights: Path) -> None:
    llama = Llama(weights, n_ctx=256, n_seq=2, threads=1)
    vocab = Vocab(llama)
    state = llama.get_state(0)
    llama.close()
    for call in (
        lambda: llama.decode([(0, 0, 0, True)]),
        lambda: llama.logits(0),
        lambda: llama.forget(0),
        lambda: llama.share(0, 1),
        llama.clear,
        lambda: llama.get_state(0),
        lambda: llama.set_state(0, state),
        lambda: llama.metadata("general.name"),
        llama.chat_template,
        lambda: vocab.tokenize(b"name"),
        lambda: vocab.piece(5),
        lambda: vocab.bytes_of(6),
        lambda: vocab.is_end(7),
        lambda: vocab.continuation(b"city"),
        lambda: Vocab(llama),
    ):
        with pytest.raises(ModelError, match="closed"):
            call()
    llama.close()


def test_every_call_of_a_closed_model_says_so(weights: Path, db: str) -> None:
    model = Model(weights, n_ctx=1024, threads=1, n_parallel=2)
    vectors = model.vectors
    assert vectors is not None
    with Agent(db) as agent:
        asked = prompt.build(agent.schema(), "Who?")
    model.close()
    for call in (
        lambda: model.generate(asked, None),
        lambda: model.alternatives(1, 1.0),
        lambda: model.read(asked),
        lambda: model.count(asked),
        lambda: model.question_logprobs(asked, ["SELECT 1"]),
        lambda: vectors.likeness(["salary"], ["wage"]),
    ):
        with pytest.raises(ModelError, match="closed"):
            call()


def test_a_model_that_its_owner_closed_is_a_sentence_however_often_one_asks(weights: Path, db: str) -> None:
    model = Model(weights, n_ctx=2048, threads=1, n_parallel=2)
    with Agent(db, model, effort="fast") as agent:
        model.close()
        for question in ("Who earns the most?", "How many employees are there?", "What is the weather?"):
            with pytest.raises(ModelError, match="closed"):
                agent.ask(question)
        assert agent.run_sql("SELECT 1").rows == [(1,)]


def test_a_model_closed_from_inside_a_call_lives_until_that_call_ends(weights: Path) -> None:
    llama = Llama(weights, n_ctx=256, n_seq=2, threads=1)
    closed: list[bool] = []

    def close() -> bool:
        llama.close()  # as a signal handler would
        closed.append(llama.closed)
        return False

    assert llama.decode([(i % 7, i, 0, i == 199) for i in range(200)], cancelled=close)
    assert closed and all(closed)
    assert llama._handles.ctx is None


def test_a_model_nobody_holds_is_freed_at_once(weights: Path) -> None:
    model = Model(weights, n_ctx=256, threads=1, n_parallel=1)
    handles = model._llama._handles
    del model
    assert handles.model is None


def test_a_closed_agent_says_so_and_leaves_no_worker(db: str) -> None:
    agent = Agent(db, FakeModel(["SELECT 1"]))
    agent.run_sql("SELECT 1")
    agent.close()
    for call in (
        lambda: agent.run_sql("SELECT 1"),
        lambda: agent.ask("Who?"),
        lambda: agent.prepare("SELECT 1"),
        agent.schema,
        agent.load_model,
    ):
        with pytest.raises(UsageError, match="closed"):
            call()
    agent.warm_up()
    assert agent._opened._sandbox is None
    agent.close()


@pytest.mark.slow
def test_closing_in_random_orders_from_several_threads_aborts_nothing() -> None:
    command = [sys.executable, "-m", "bench", "closings", "--rounds", "15", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
