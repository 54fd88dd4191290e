"""How long one waits at the page of `sqlagent web`, beside the terminal; and what many tabs do to it.

    python -m bench web --model tiny
    python -m bench web --database shop.db --question "Which city buys the most?" --tabs 5 --each 10

Starts: from the start of the process to a page in a headless Chromium, open already, that takes a question.
Rows: the same questions at the page and at the prompt, each program started once and asked once before, in turns
that change places, when what is read ahead has been read; from Enter to the rows on the screen, the ratio of each
pair, and what of it the page's server did not spend in its agent: that is what the page adds. Tabs: all questions are
put in before the first is answered; in which order they were answered, and the most memory that the server and its
processes held, beside what the prompt's held after one question: that is one model's.

Needs the browser of the distribution (or SQLAGENT_TEST_CHROMIUM), playwright and pexpect, and Linux for /proc.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.stats import percentile
from sqlagent.base.errors import OK, UsageError

ROOT = Path(__file__).resolve().parent.parent
ANSWER_SECONDS = 300.0
START_SECONDS, RATIO, MORE_MB = 4.0, 1.1, 200.0
"""What is asked: to a page, page over prompt, and memory beside one model's."""
IDLE = 0.05
"""Seconds of a processor in half a second under which nothing is read ahead."""
MB = 1_000_000
_PROMPT = "sqlagent>"
_ROWS = r"\n\+-[-+]+\+|\(no rows\)|\n-\[ "
"""How rows begin at the prompt: a table's border, none, or one value a line."""
_WATCH = """() => {
  window.answered = [];
  const look = () => document.querySelectorAll("article.turn").forEach((turn, i) => {
    if (window.answered[i] === undefined && turn.querySelector(".answer > *")) window.answered[i] = Date.now();
  });
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  addEventListener("keydown", (event) => { if (event.key === "Enter") window.pressed = Date.now(); }, true);
}"""


@dataclass(frozen=True)
class Server:
    """A running `sqlagent web`."""

    process: subprocess.Popen[str]
    url: str


def main(argv: Sequence[str]) -> int:
    """The command."""
    options = _options(argv)
    browser = (
        os.environ.get("SQLAGENT_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    )
    if browser is None:
        raise UsageError(
            "There is no Chromium: install the distribution's package, or set SQLAGENT_TEST_CHROMIUM."
        )
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        database, questions = _what(options, Path(folder))
        arguments = [str(database.absolute()), "--effort", options.effort]
        arguments += ["--model", options.model] if options.model else []
        chromium = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        _say("# The page", "", f"- load average at the start: {os.getloadavg()[0]:.1f}")
        _say(f"- model: {options.model or 'the default'}, effort {options.effort}", "")
        _say(*_starts(chromium, arguments, options.starts))
        with _serving(arguments) as server, _prompt(arguments) as child:
            _say(*_rows(chromium, server, child, questions, options.rounds))
            one_model = _memory(child.pid)
            _say(*_tabs(chromium, server, questions, options.tabs, options.each, one_model))
        chromium.close()
    return OK


def _say(*lines: str) -> None:
    """Print at once what is known: the next part takes minutes."""
    print("\n".join(lines), flush=True)


def _options(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench web", description="The page beside the terminal.")
    parser.add_argument("--database", type=Path, help="a SQLite file (the small company)")
    parser.add_argument(
        "--question", action="append", default=[], help="a question, once or more (its examples)"
    )
    parser.add_argument("--model", "-m", help="a name from the registry or a GGUF file (the default model)")
    parser.add_argument("--effort", default="normal", help="fast, normal or high (normal)")
    parser.add_argument("--starts", type=int, default=5, help="servers that are started (5)")
    parser.add_argument("--rounds", type=int, default=3, help="times that each question is asked in both (3)")
    parser.add_argument("--tabs", type=int, default=5, help="tabs that ask at once (5)")
    parser.add_argument("--each", type=int, default=10, help="questions of each tab (10)")
    options = parser.parse_args(list(argv))
    if min(options.starts, options.rounds, options.tabs, options.each) < 1:
        raise UsageError("--starts, --rounds, --tabs and --each want numbers of at least 1.")
    if options.database is not None and not options.question:
        raise UsageError("A database of your own wants questions of your own: add --question.")
    return options


def _what(options: argparse.Namespace, folder: Path) -> tuple[Path, list[str]]:
    from sqlagent.ui import demo_database

    if options.database is not None:
        return options.database, options.question
    made = folder / "company.db"
    demo_database.build(made)
    return made, options.question or list(demo_database.EXAMPLES)


# ---- the two programs ----


@contextlib.contextmanager
def _serving(arguments: Sequence[str]) -> Iterator[Server]:
    environ = {**os.environ, "SQLAGENT_OFFLINE": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "sqlagent", "web", *arguments, "--port", "0"],
        cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,  # as the prompt has one: Linux shares processors out among sessions
    )  # fmt: skip
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            raise UsageError("`sqlagent web` did not start; run it by hand to see why.")
        yield Server(process, url)
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@contextlib.contextmanager
def _prompt(arguments: Sequence[str]) -> Iterator[Any]:
    import pexpect

    environ = {**os.environ, "SQLAGENT_OFFLINE": "1", "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm"}
    child = pexpect.spawn(
        sys.executable, ["-m", "sqlagent", *arguments, "--no-color"],
        env=environ, cwd=str(ROOT), encoding="utf-8", timeout=ANSWER_SECONDS, dimensions=(2000, 300),
    )  # fmt: skip
    child.delaybeforesend = None
    try:
        child.expect(_PROMPT)
        yield child
    finally:
        child.close(force=True)


def _page(chromium: Any, url: str) -> Any:
    page = chromium.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce").new_page()
    page.set_default_timeout(ANSWER_SECONDS * 1000)
    page.goto(url)
    page.wait_for_selector(".tables li")  # the last thing to come: from here on a question is taken
    return page


# ---- what is measured ----


def _starts(chromium: Any, arguments: Sequence[str], count: int) -> list[str]:
    found = []
    for _ in range(count):
        began = time.perf_counter()
        with _serving(arguments) as server:
            printed = time.perf_counter() - began
            page = _page(chromium, server.url)
            found.append((printed, time.perf_counter() - began, _processor(server.process.pid)))
            page.context.close()
    medians = [percentile([one[i] for one in found], 0.5) for i in range(3)]
    return [
        "## From `sqlagent web DB` to a page that takes a question", "",
        "| starts | to the address, median s | to the page, median s | shortest s | of a processor, median s | asked |",
        "|---:|---:|---:|---:|---:|---|",
        f"| {count} | {medians[0]:.2f} | {medians[1]:.2f} | {min(one[1] for one in found):.2f} | {medians[2]:.2f} "
        f"| {_verdict(medians[1], START_SECONDS, 's')} |", "",
    ]  # fmt: skip


def _rows(chromium: Any, server: Server, child: Any, questions: Sequence[str], rounds: int) -> list[str]:
    page = _page(chromium, server.url)
    page.evaluate(_WATCH)
    where = {_at_prompt: child, _at_page: page}
    for ask in where:  # both load the model and read the schema
        ask(where[ask], questions[0])
    pairs, added = [], []
    for turn in range(rounds):
        for place, question in enumerate(questions):
            took = {}
            order = (_at_prompt, _at_page) if (turn + place) % 2 else (_at_page, _at_prompt)
            for ask in order:
                _settle(server.process.pid, child.pid)
                took[ask] = ask(where[ask], question)
            added.append(took[_at_page] - _in_agent(page))
            pairs.append((took[_at_page], took[_at_prompt]))
            print(f"{question}  page {pairs[-1][0]:.2f} s, prompt {pairs[-1][1]:.2f} s", file=sys.stderr)
    page.context.close()
    ratios = [page_took / prompt_took for page_took, prompt_took in pairs]
    whole = sum(one for one, _ in pairs) / sum(other for _, other in pairs)
    return [
        "## From Enter to the rows, the same questions", "",
        "| pairs | page, median s | prompt, median s | page adds, median s | median ratio | ratio of sums | asked |",
        "|---:|---:|---:|---:|---:|---:|---|",
        f"| {len(pairs)} | {percentile([p[0] for p in pairs], 0.5):.2f} | {percentile([p[1] for p in pairs], 0.5):.2f} "
        f"| {percentile(added, 0.5):.3f} | {percentile(ratios, 0.5):.2f} | {whole:.2f} "
        f"| {_verdict(whole, RATIO, '')} |", "",
    ]  # fmt: skip


def _at_page(page: Any, question: str) -> float:
    page.get_by_role("button", name="New subject").click()
    before = page.locator("article.turn").count()
    page.fill("#question", question)
    page.press("#question", "Enter")
    _answered(page, before)
    return float(page.evaluate(f"window.answered[{before}] - window.pressed")) / 1000


def _settle(*pids: int) -> None:
    """Wait until processes do next to nothing: they read ahead after an answer."""
    before = sum(map(_processor, pids))
    while True:
        time.sleep(0.5)
        now = sum(map(_processor, pids))
        if now - before < IDLE:
            return
        before = now


def _in_agent(page: Any) -> float:
    """Seconds that the last answer took in the server's agent, as the page tells."""
    return float(page.locator(".took").last.get_attribute("data-seconds"))


def _answered(page: Any, place: int) -> None:
    page.locator("article.turn").nth(place).locator(".answer > *").first.wait_for()


def _at_prompt(child: Any, question: str) -> float:
    child.sendline("\\new")
    child.expect("stands on its own")
    child.expect(_PROMPT)
    began = time.perf_counter()
    child.sendline(question)
    child.expect(_ROWS)
    took = time.perf_counter() - began
    child.expect(_PROMPT)
    return took


def _tabs(
    chromium: Any, server: Server, questions: Sequence[str], tabs: int, each: int, one_model: float
) -> list[str]:
    pages = [_page(chromium, server.url) for _ in range(tabs)]
    for page in pages:
        page.evaluate(_WATCH)
        page.set_default_timeout(ANSWER_SECONDS * 1000 * each)
    most, over = [0.0], threading.Event()
    watcher = threading.Thread(target=_watch, args=(server.process.pid, most, over), daemon=True)
    watcher.start()
    began = time.perf_counter()
    for place in range(each):
        for number, page in enumerate(pages):
            page.fill("#question", questions[(place * tabs + number) % len(questions)])
            page.press("#question", "Enter")
            page.locator("article.turn").nth(place).wait_for()
    put = time.perf_counter() - began
    for page in pages:
        _answered(page, each - 1)
    took = time.perf_counter() - began
    over.set()
    watcher.join()
    seen = [page.evaluate("window.answered") for page in pages]
    failed = sum(page.locator(".answer > .trouble").count() for page in pages)
    times = [seen[number][place] for place in range(each) for number in range(tabs)]
    late = sum(one > other for one, other in zip(times, times[1:], strict=False))
    for page in pages:
        page.context.close()
    more = most[0] - one_model
    return [
        f"## {tabs * each} questions from {tabs} tabs at once", "",
        "| put in after s | all answered after s | refused or failed | answered before one that came earlier | most "
        "memory, MB | the prompt's with one model, MB | more, MB | asked |",
        "|---:|---:|---:|---:|---:|---:|---:|---|",
        f"| {put:.1f} | {took:.1f} | {failed} | {late} | {most[0]:,.0f} | {one_model:,.0f} | {more:,.0f} "
        f"| {_verdict(more, MORE_MB, 'MB')} |", "",
    ]  # fmt: skip


def _verdict(found: float, bound: float, unit: str) -> str:
    return f"at most {bound:g} {unit}".strip() + (": met" if found <= bound else ": MISSED")


# ---- what a process takes ----


def _processor(pid: int) -> float:
    """Seconds of a processor that a process took."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    """Megabytes that a process and those it started hold now, each with all it shares."""
    total, left = 0.0, [pid]
    while left:
        one = left.pop()
        with contextlib.suppress(OSError, ValueError):  # it has ended
            status = Path(f"/proc/{one}/status").read_text(encoding="utf-8")
            total += int(status.partition("VmRSS:")[2].split()[0]) * 1024 / MB
            for thread in Path(f"/proc/{one}/task").iterdir():
                left += map(int, (thread / "children").read_text(encoding="ascii").split())
    return total


def _watch(pid: int, most: list[float], over: threading.Event) -> None:
    while not over.wait(0.1):
        most[0] = max(most[0], _memory(pid))
