"""What is installed, which model there is, and how fast it runs here: the facts a bug report needs.

Nothing is fetched, and nothing that fails ends the examination: it becomes a finding.
"""

from __future__ import annotations

import platform
import sqlite3
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlagent import __version__
from sqlagent.base.errors import SqlagentError

if TYPE_CHECKING:
    from sqlagent.store.adapters import Files
    from sqlagent.store.registry import Entry


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `advice` is one sentence for a finding that is not `ok`."""

    what: str
    found: str
    ok: bool = True
    advice: str = ""


def examine(model: str | None = None, adapter: str | None = None) -> list[Finding]:
    """Everything worth knowing, in the order it is printed. `model`: a name or path, None for the default."""
    findings = [
        Finding("sqlagent", __version__),
        Finding("Python", f"{platform.python_version()} at {sys.executable}"),
        Finding("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        _sqlite(),
        *_llama(),
    ]
    findings += _model(model, adapter, can_run=all(finding.ok for finding in findings))
    return findings


def _sqlite() -> Finding:
    return Finding("SQLite", sqlite3.sqlite_version)


def _llama() -> Iterator[Finding]:
    from sqlagent.base.cpu_threads import physical_cores

    try:
        from sqlagent.llama import context

        library = context.library()
        features = library.llama_print_system_info().decode("utf-8", "replace")
    except (SqlagentError, ImportError) as error:
        yield Finding("llama.cpp", "missing", ok=False, advice=str(error))
        return
    build = getattr(library, "llama_version", None)  # newer libraries know their build
    yield Finding(
        "llama.cpp",
        f"{build().decode() + ' in ' if build else ''}llama-cpp-python {context.version()}",
    )
    yield Finding("CPU features", cpu_features(features))
    yield Finding("threads", str(physical_cores()))


def cpu_features(info: str) -> str:
    """The features that are on in llama.cpp's system line ("CPU : SSE3 = 1 | AVX = 1 | … | REPACK = 1 |")."""
    on = []
    for part in info.split("|"):
        name, _, value = part.partition("=")
        if value.strip() == "1":
            on.append(name.split(":")[-1].strip())
    return " ".join(on) or "none"


def _model(name: str | None, adapter: str | None, *, can_run: bool) -> Iterator[Finding]:
    from sqlagent.base import paths
    from sqlagent.store import adapters, models

    try:
        found = models.find(name)
        yield Finding("cache folder", str(paths.cache_dir()))
        label = found.name
        if adapter is not None:
            here: Files | None = models.ready(name, adapter=Path(adapter), offline=True, quiet=True)
        else:
            here = models.at_hand(name)
    except SqlagentError as error:
        yield Finding("model", "unknown", ok=False, advice=str(error))
        return
    if here is None:
        yield Finding("model", f"{label}, not here yet (`sqlagent models pull {label}` fetches it)")
        return
    beside = f", with the adapter {here.adapter}" if here.adapter else ""
    yield Finding("model", f"{label} at {here.model}{beside}")
    if adapter is None and isinstance(found, models.Entry) and found.apply == adapters.FASTEST:
        yield _way(found, can_run=can_run)
    if can_run:
        yield _speed(here)


def _way(entry: Entry, *, can_run: bool) -> Finding:
    """How a model's adapter is applied here and what that was chosen by, measured again where both files are here."""
    from sqlagent.base.paths import adapters_dir
    from sqlagent.store import fastest, models

    try:
        base = models.installed(entry)
        both = fastest.files_of_both(entry, base, adapters_dir()) if base and can_run else None
        if both:
            return Finding("adapter", fastest.said(entry, fastest.measured(entry, both, adapters_dir())))
        if known := fastest.trial(entry, adapters_dir()):
            return Finding("adapter", fastest.said(entry, known))
    except SqlagentError as error:
        return Finding("adapter", "at load", ok=False, advice=str(error))
    return Finding(
        "adapter",
        f"at load; `sqlagent models pull {entry.name}` finds out, once, whether it is faster merged",
    )


def _speed(files: Files) -> Finding:
    """Load the model and let it answer one question without a grammar."""
    from sqlagent.database import schema
    from sqlagent.decoding.model import Model
    from sqlagent.linking import prompt

    tables = schema.from_ddl("CREATE TABLE employees (id INTEGER PRIMARY KEY, name TEXT, salary INTEGER)")
    try:
        started = time.monotonic()
        with Model.of(files) as model:
            loaded = time.monotonic() - started
            written = model.generate(prompt.build(tables, "Who earns the most?"), None, max_tokens=24)
            took = model.last_timings
    except SqlagentError as error:
        return Finding("speed", "does not run", ok=False, advice=str(error))
    reads = took.prompt_tokens / max(took.prefill, 1e-6)
    writes = written[0].tokens / max(took.decode, 1e-6)
    return Finding(
        "speed", f"loads in {loaded:.1f} s, reads {reads:.0f} and writes {writes:.0f} tokens a second"
    )
