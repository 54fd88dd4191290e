"""Hostile statements and hostile databases against the sandbox; prints what came of each kind.

    python -m bench attack
    python -m bench attack --timeout 1 --seed 7 --mutants 200

Everything is generated here and happens in a temporary folder. Exit code 1 when anything got through: a byte
written, a file created, a process left, a wait past the deadline + 0.5 s, an exception that is not one of
sqlagent's, 50 MB of growth, or a schema that takes more than 5 s or 300 MB to be opened or refused.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bench import hostile_databases, hostile_statements
from sqlagent.base.errors import NO_ANSWER, OK, DatabaseError, QueryError, QueryTimeout, SqlagentError
from sqlagent.sandbox.sandbox import Limits, Sandbox

ROOT = Path(__file__).resolve().parent.parent
SLACK = 0.5
"""Seconds past the deadline that count as a hang."""
GROWTH = 50 << 20
"""Bytes of memory that the parent may grow by."""
OPEN_SECONDS, OPEN_MEMORY = 5.0, 300 << 20
"""What opening a schema that explodes may take, in seconds and in bytes of the worker."""
EXPLODING = 40
QUESTIONS = (
    "SELECT count(*) FROM sqlite_master",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM t",
    "SELECT count(*), max(a) FROM t",
    "SELECT * FROM v",
    "SELECT * FROM t ORDER BY a DESC LIMIT 5",
)
"""What is asked of every hostile database."""


@dataclass
class Tally:
    """What came of one kind of attack."""

    tried: int = 0
    refused: int = 0
    answered: int = 0
    timed_out: int = 0
    writes: int = 0
    files: int = 0
    processes: int = 0
    hangs: int = 0
    aborts: int = 0
    fat: int = 0
    """How often opening took more memory than it may."""
    slowest: float = 0.0

    @property
    def harm(self) -> int:
        """How often anything got through."""
        return self.writes + self.files + self.processes + self.hangs + self.aborts + self.fat


@dataclass
class Watch:
    """Sees what changes in the folders that an attack could reach."""

    folders: list[Path]
    before: dict[Path, str] = field(default_factory=dict)

    def look(self) -> dict[Path, str]:
        """Size, modification time and content of every file."""
        found = {}
        for folder in self.folders:
            for path in folder.rglob("*"):
                if path.is_file() and not path.is_symlink():
                    state = path.stat()
                    digest = hashlib.sha256(path.read_bytes()).hexdigest()
                    found[path] = f"{state.st_size} {state.st_mtime_ns} {digest}"
                else:
                    found[path] = "no file"
        return found

    def settle(self) -> None:
        """Take what is there as the state that has to stay."""
        self.before = self.look()

    def judge(self, tally: Tally) -> None:
        """Count what has changed, and go on from there."""
        now = self.look()
        tally.files += len(now.keys() - self.before.keys())
        tally.writes += sum(1 for path, state in self.before.items() if now.get(path) != state)
        self.before = now


def main(argv: list[str] | None = None) -> int:
    """Run every attack and print the table; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m bench attack", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--timeout", type=float, default=0.5, metavar="SECONDS", help="deadline of each statement"
    )
    parser.add_argument("--seed", type=int, default=1, help="for the random part")
    parser.add_argument("--mutants", type=int, default=30, help="databases made by changing bytes")
    options = parser.parse_args(argv)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sqlagent-attack-") as name, _inside(Path(name)) as folder:
        tallies: dict[str, Tally] = {}
        workers: set[int] = set()
        _attack_with_statements(folder, options, tallies, workers)
        # Caches and pools have reached their size by now; what grows from here on is a leak.
        memory = _resident()
        _attack_with_statements(folder, options, {}, workers)
        databases = _attack_with_databases(folder, options, tallies, workers)
        largest = _open_exploding(folder, tallies)
        growth = max(0, _resident() - memory)
        time.sleep(0.2)
        left = sum(1 for pid in workers if _alive(pid))
    return _report(tallies, databases, left, growth, largest, time.monotonic() - began)


def _attack_with_statements(
    folder: Path, options: argparse.Namespace, tallies: dict[str, Tally], workers: set[int]
) -> None:
    """Run every hostile statement on one harmless database, in one sandbox."""
    home = folder / f"statements-{len(list(folder.iterdir()))}"
    home.mkdir()
    path = hostile_statements.target(home)
    watch = Watch([folder])
    watch.settle()
    limits = Limits(timeout=options.timeout)
    with Sandbox(path, limits) as box:
        for family, sql in hostile_statements.statements(home, options.seed):
            tally = tallies.setdefault(f"statement: {family}", Tally())
            with contextlib.suppress(SqlagentError):
                box.warm_up()
            _note(workers, box)
            for run in (box.execute, box.prepare):
                _once(tally, partial(run, sql), options.timeout, count=run == box.execute)
            watch.judge(tally)


def _note(workers: set[int], box: Sandbox) -> None:
    """Remember the process that works for a sandbox, if there is one."""
    if box.worker_pid is not None:
        workers.add(box.worker_pid)


def _attack_with_databases(
    folder: Path, options: argparse.Namespace, tallies: dict[str, Tally], workers: set[int]
) -> int:
    """Ask the same questions of every hostile database; returns how many there were."""
    number = 0
    for number, (family, build) in enumerate(hostile_databases.databases(options.seed, options.mutants), 1):
        home = folder / f"database-{number}"
        home.mkdir()
        tally = tallies.setdefault(f"database: {family}", Tally())
        path, end = build(home)
        watch = Watch([folder])
        watch.settle()
        try:
            with Sandbox(path, Limits(timeout=options.timeout)) as box:
                for sql in QUESTIONS:
                    with contextlib.suppress(SqlagentError):
                        box.warm_up()
                    _note(workers, box)
                    _once(tally, partial(box.execute, sql), options.timeout)
        except SqlagentError:
            tally.tried += 1
            tally.refused += 1
        except Exception:  # anything else would be a traceback in front of a user
            tally.tried += 1
            tally.aborts += 1
        watch.judge(tally)
        end()
    return number


_OPEN = """
import json, resource, sys, time
sys.path.insert(0, sys.argv[2])
from sqlagent.base.errors import SqlagentError
from sqlagent.database import schema
began, tables = time.monotonic(), 0
try:
    tables = len(schema.read(sys.argv[1]).tables)
except SqlagentError:
    pass
seconds = time.monotonic() - began
taken = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
unit = 1024 if sys.platform == "linux" else 1
print(json.dumps({"seconds": seconds, "tables": tables, "bytes": taken * unit}))
"""
"""Opens a database in a process of its own, whose memory and whose workers' memory can be told."""


def _open_exploding(folder: Path, tallies: dict[str, Tally]) -> int:
    """Open schemas that grow without bounds when they are compiled; the most bytes that one of them took."""
    largest = 0
    home = folder / "exploding"
    home.mkdir()
    watch = Watch([home])
    for number, (_, script) in enumerate(hostile_databases.exploding(EXPLODING)):
        tally = tallies.setdefault("database: schema that explodes", Tally())
        path, _end = hostile_databases.scripted(home, script, f"{number}.db")
        watch.settle()
        tally.tried += 1
        done = subprocess.run(
            [sys.executable, "-c", _OPEN, str(path), str(ROOT)], capture_output=True, text=True, timeout=120
        )
        if done.returncode:
            tally.aborts += 1
        else:
            opened = json.loads(done.stdout)
            tally.answered += opened["tables"] > 0
            tally.refused += opened["tables"] == 0
            tally.hangs += opened["seconds"] > OPEN_SECONDS
            tally.fat += opened["bytes"] > OPEN_MEMORY
            tally.slowest = max(tally.slowest, opened["seconds"])
            largest = max(largest, opened["bytes"])
        watch.judge(tally)
    return largest


def _once(tally: Tally, run: Callable[[], object], timeout: float, *, count: bool = True) -> None:
    """Run one attack and count how it ended."""
    began = time.monotonic()
    try:
        run()
        tally.answered += count
    except QueryTimeout:
        tally.timed_out += count
    except (QueryError, DatabaseError):
        tally.refused += count
    except Exception:  # anything else would be a traceback in front of a user
        tally.aborts += 1
    seconds = time.monotonic() - began
    tally.tried += count
    tally.hangs += seconds > timeout + SLACK
    tally.slowest = max(tally.slowest, seconds)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[Path]:
    """Work in a folder, with temporary files in it too, so that a stray file is seen."""
    here, temporary = Path.cwd(), tempfile.tempdir
    scratch = folder / "scratch"
    scratch.mkdir()
    before = {name: os.environ.get(name) for name in ("TMPDIR", "SQLITE_TMPDIR")}
    os.environ.update(dict.fromkeys(before, str(scratch)))
    tempfile.tempdir = str(scratch)
    os.chdir(scratch)
    try:
        yield folder
    finally:
        os.chdir(here)
        tempfile.tempdir = temporary
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _report(
    tallies: dict[str, Tally], databases: int, left: int, growth: int, largest: int, seconds: float
) -> int:
    """Print the table and the totals; returns the exit code."""
    columns = ("tried", "refused", "answered", "timed_out", "writes", "files", "hangs", "aborts", "slowest")
    titles = ("tried", "refused", "answered", "timeout", "writes", "files", "hangs", "aborts", "slowest s")
    width = max(map(len, tallies))
    print(f"{'attack':<{width}}" + "".join(f"{title:>10}" for title in titles))
    for name, tally in tallies.items():
        cells = [getattr(tally, column) for column in columns]
        print(
            f"{name:<{width}}"
            + "".join(f"{cell:>10.2f}" if isinstance(cell, float) else f"{cell:>10}" for cell in cells)
        )
    total = {column: sum(getattr(tally, column) for tally in tallies.values()) for column in columns[:-1]}
    total_cells = "".join(f"{value:>10}" for value in total.values())
    print(f"{'all':<{width}}{total_cells}{max(tally.slowest for tally in tallies.values()):>10.2f}")
    statements = sum(tally.tried for name, tally in tallies.items() if name.startswith("statement"))
    print(f"\n{statements} hostile statements, each run and prepared, twice over")
    print(f"{databases} hostile databases, {len(QUESTIONS)} statements on each; {seconds:.0f} s")
    print(
        f"{EXPLODING} exploding schemas: at most {largest / 1e6:.0f} MB and"
        f" {tallies['database: schema that explodes'].slowest:.1f} s to open one, parent and workers together"
    )
    print(f"processes left: {left}; growth of the parent: {growth / 1e6:.1f} MB")
    harm = sum(tally.harm for tally in tallies.values()) + left + (growth > GROWTH)
    print("nothing got through" if not harm else f"{harm} GOT THROUGH")
    return NO_ANSWER if harm else OK


def _resident() -> int:
    """Memory of this process in bytes (0 where nobody tells)."""
    with contextlib.suppress(OSError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    return True


if __name__ == "__main__":
    sys.exit(main())
