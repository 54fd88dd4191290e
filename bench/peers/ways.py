"""The ways from a question to rows: this agent, and what people build of llama.cpp without it.

The others get what tutorials give: every CREATE TABLE of the file in the system's text, one question a chat, greedy,
the statement cut out of the answer and run by `sqlite3` on a connection that cannot write. They run the base model:
our adapter knows our prompt alone, and without it a token costs them less.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bench.gbnf import gbnf
from sqlagent.base.errors import SqlagentError
from sqlagent.store.adapters import Files

NAMES = ("ours", "free", "gbnf", "llguidance", "xllamacpp")
N_CTX = 4096
MOST_TOKENS = 256
MOST_ROWS = 1000
SECONDS = 10.0

SYSTEM = (
    "You are a SQLite expert. Answer the question with one SQL query for this database, and nothing else.\n\n"
)
_BLOCK = re.compile(r"```(?:sql)?\s*(.*?)(?:```|$)", re.S)


@dataclass(frozen=True)
class Reply:
    """What came of one question: seconds from question to rows (or to the error), and the statement."""

    sql: str
    seconds: float
    error: str | None = None
    read: int = 0
    """Tokens of the prompt that were evaluated, where a way tells."""
    written: int = 0
    """Tokens that were sampled, where a way tells."""


@dataclass(frozen=True)
class Missing:
    """A way that cannot be had here."""

    name: str
    why: str


class Way(Protocol):
    """One way, loaded, for one database."""

    name: str

    def ask(self, question: str) -> Reply: ...

    def close(self) -> None: ...


def ways(names: Sequence[str], files: Files, database: Path, threads: int | None) -> Iterator[Way | Missing]:
    """Load each way in turn; the model's weights are mapped, so several share their pages."""
    from sqlagent.base.cpu_threads import physical_cores

    cores = threads or physical_cores()
    for name in names:
        try:
            if name == "ours":
                yield Ours(files, database, cores)
            elif name == "xllamacpp":
                yield Server(files, database, cores)
            else:
                yield Plain(name, files, database, cores)
        except ImportError as error:
            yield Missing(name, f"the package {error.name} is not installed")


class Ours:
    """This agent, default effort."""

    name = "ours"

    def __init__(self, files: Files, database: Path, threads: int) -> None:
        from bench.peers.counted import CountedModel
        from sqlagent.agent.agent import Agent

        self._model = CountedModel.of(files, threads=threads)
        self._agent = Agent(database, self._model)

    def ask(self, question: str) -> Reply:
        self._model.read_tokens = self._model.sampled_tokens = 0
        began = time.perf_counter()
        try:
            answer = self._agent.ask(question)
        except SqlagentError as error:
            return Reply("", time.perf_counter() - began, str(error))
        seconds = time.perf_counter() - began
        return Reply(answer.sql, seconds, None, self._model.read_tokens, self._model.sampled_tokens)

    def close(self) -> None:
        self._agent.close()
        self._model.close()


def schema_text(database: Path) -> str:
    """Every CREATE TABLE and VIEW as the file has it."""
    with contextlib.closing(_opened(database)) as connection:
        rows = connection.execute(
            "SELECT sql FROM sqlite_master WHERE type IN ('table', 'view') AND sql NOTNULL"
        )
        return ";\n".join(row[0] for row in rows)


def statement(answer: str) -> str:
    """The SQL of a model's answer: its first block of code, or all of it, up to the first semicolon."""
    block = _BLOCK.search(answer)
    text = block[1] if block else answer
    return text.split(";")[0].strip()


def run(database: Path, sql: str) -> str | None:
    """Fetch a statement's rows; what went wrong, or None."""
    if not sql:
        return "no statement"
    connection = _opened(database)
    until = time.monotonic() + SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > until, 10000)
    try:
        connection.execute(sql).fetchmany(MOST_ROWS)
    except (sqlite3.Error, sqlite3.Warning) as error:
        return str(error)
    finally:
        connection.close()
    return None


def _asked(system: str, question: str) -> dict[str, Any]:
    """A question as a chat, greedily answered."""
    messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
    return {"messages": messages, "temperature": 0.0, "max_tokens": MOST_TOKENS}


def _replied(database: Path, done: Any, began: float) -> Reply:
    """What came of a chat, in the form that OpenAI's servers give it: its statement is run."""
    sql = statement(done["choices"][0]["message"]["content"] or "")
    error = run(database, sql)
    seconds = time.perf_counter() - began
    return Reply(sql, seconds, error, written=done.get("usage", {}).get("completion_tokens", 0))


def _opened(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)


class Plain:
    """llama-cpp-python: free, under its own grammars, or under llguidance's masks."""

    def __init__(self, name: str, files: Files, database: Path, threads: int) -> None:
        from sqlagent.llama.context import library

        library()  # before llama_cpp.Llama: it chooses kernels that do not crash
        import llama_cpp

        self.name, self._database = name, database
        self._llama = llama_cpp.Llama(
            str(files.model),
            n_ctx=N_CTX,
            n_threads=threads,
            n_threads_batch=threads,
            flash_attn=True,
            verbose=False,
        )
        self._system = SYSTEM + schema_text(database)
        self._limits: Callable[[], dict[str, Any]] = dict
        if name == "gbnf":
            from llama_cpp.llama_grammar import LlamaGrammar

            grammar = LlamaGrammar.from_string(_rules(database), verbose=False)
            self._limits = lambda: {"grammar": grammar}
        elif name == "llguidance":
            masks = _Masks(self._llama, _rules(database))
            self._limits = lambda: {"logits_processor": llama_cpp.LogitsProcessorList([masks.fresh()])}

    def ask(self, question: str) -> Reply:
        began = time.perf_counter()
        try:
            done: Any = self._llama.create_chat_completion(**_asked(self._system, question), **self._limits())
        except (ValueError, RuntimeError) as failed:
            return Reply("", time.perf_counter() - began, str(failed))
        return _replied(self._database, done, began)

    def close(self) -> None:
        self._llama.close()


def _rules(database: Path) -> str:
    from sqlagent.database import schema

    return gbnf(schema.read(str(database)))


class _Masks:
    """llguidance's masks as a processor of logits, by its own converter of GBNF and its llama.cpp adapter."""

    def __init__(self, llama: Any, rules: str) -> None:
        import llguidance
        import llguidance.llamacpp
        import llguidance.numpy
        from llguidance.gbnf_to_lark import gbnf_to_lark

        self._made, self._masks = llguidance, llguidance.numpy
        self._tokenizer = llguidance.llamacpp.lltokenizer_from_vocab(llama._model.vocab)
        self._grammar = llguidance.LLMatcher.grammar_from_lark(gbnf_to_lark(rules))
        self._size = llama.n_vocab()

    def fresh(self) -> Callable[[Any, Any], Any]:
        """A processor for one answer: it is shown all tokens so far, of which the first are the prompt's."""
        matcher = self._made.LLMatcher(self._tokenizer, self._grammar)
        bits = self._masks.allocate_token_bitmask(1, self._size)
        seen: int | None = None

        def process(ids: Any, logits: Any) -> Any:
            nonlocal seen
            if seen is not None:
                matcher.consume_tokens([int(token) for token in ids[seen:]])
            seen = len(ids)
            self._masks.fill_next_token_bitmask(matcher, bits)
            self._masks.apply_token_bitmask_inplace(logits.reshape(1, -1), bits)
            return logits

        return process


class Server:
    """llama.cpp's own server inside this process, by xllamacpp."""

    name = "xllamacpp"

    def __init__(self, files: Files, database: Path, threads: int) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(files.model)
        params.n_ctx = N_CTX
        params.n_parallel = 1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        self._database = database
        self._server = xllamacpp.Server(params)
        self._system = SYSTEM + schema_text(database)

    def ask(self, question: str) -> Reply:
        began = time.perf_counter()
        asked = {**_asked(self._system, question), "cache_prompt": True}
        done: Any = self._server.handle_chat_completions(asked)
        if isinstance(done, str | bytes):
            done = json.loads(done)
        if "choices" not in done:
            return Reply("", time.perf_counter() - began, str(done)[:200])
        return _replied(self._database, done, began)

    def close(self) -> None:
        del self._server
