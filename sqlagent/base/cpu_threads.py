"""How many threads llama.cpp should use: one per physical core that is free for it."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

_X86 = ("x86_64", "AMD64", "amd64")
_FIRST_PAUSE = 3.0
"""Seconds until more threads are tried again; doubled each time that was too early."""
_PERIOD = 0.2
"""Seconds of work after which its processor time is looked at: asking costs as much as choosing a token."""
_CPU = Path("/sys/devices/system/cpu")


def physical_cores() -> int:
    """Physical cores this process may use (cgroup quota included); at least 1."""
    return max(1, min(_cores(), _quota()))


def _allowed() -> set[int]:
    if hasattr(os, "sched_getaffinity"):
        return set(os.sched_getaffinity(0))
    return set(range(os.cpu_count() or 1))


def _cores() -> int:
    allowed = _allowed()
    siblings: set[str] = set()
    for cpu in allowed:
        try:
            siblings.add((_CPU / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text().strip())
        except OSError:
            # No topology to read (macOS, Windows, some containers): two hardware threads a core from 8 up.
            return len(allowed) // 2 if len(allowed) >= 8 and platform.machine() in _X86 else len(allowed)
    return len(siblings) or len(allowed)


def _quota() -> int:
    """Whole cores that a cgroup v2 quota grants; a large number where there is none."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()[:2]
        return max(1, round(int(limit) / int(period)))
    except (OSError, ValueError):
        return 1 << 16


class Pace:
    """Halves the threads while other programs hold the cores, and doubles them when they let go.

    llama.cpp's threads wait for each other by spinning, hundreds of times a token: with more threads than
    free cores a token takes 20 times as long as on one thread. The sign is processor time: n threads that run
    use n seconds of it a second.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.threads = most
        self._pause = _FIRST_PAUSE
        self._again = 0.0
        self._cpu = self._wall = self._worked = 0.0
        if _load() > 1.5 * most:
            self._fewer(time.monotonic())

    def start(self) -> int:
        """Call before a batch; returns the threads to use."""
        now = time.monotonic()
        if self.threads < self.most and now >= self._again and _load() < self.most + 1:
            self.threads = min(self.most, 2 * self.threads)
            self._worked = 0.0
        if not self._worked:
            self._cpu = time.process_time()
        self._wall = now
        return self.threads

    def stop(self) -> None:
        """Call after a batch: now and then looks at how much processor time the last ones got."""
        now = time.monotonic()
        self._worked += now - self._wall
        if self._worked < _PERIOD:
            return
        worked, self._worked = self._worked, 0.0
        if self.threads == 1:
            return
        if time.process_time() - self._cpu < 0.7 * self.threads * worked:
            self._fewer(now)
        elif self.threads == self.most:
            self._pause = _FIRST_PAUSE

    def _fewer(self, now: float) -> None:
        self.threads = max(1, self.threads // 2)
        self._again = now + self._pause
        self._pause = min(2 * self._pause, 60.0)


def _load() -> float:
    """Programs that wanted a core over the last minute; 0 where the system does not say."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return 0.0
