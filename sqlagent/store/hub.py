"""Reads a file of the Hugging Face Hub over HTTP ranges.

huggingface_hub knows addresses and sign-in; the bytes are read here, because its own downloader keeps its
temporary file to itself, and another source must be able to go on with ours. Without a network this gives up
within CONNECT_SECONDS.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, BinaryIO

from sqlagent.store.sources import HubSource, SourceFailed, Tick, copy, partial_is_at_fault

CONNECT_SECONDS = 6.0
"""How long a hub may take to begin to answer (name lookup and all redirects included)."""

STALL_SECONDS = 30.0
"""How long an open transfer may stay silent."""

_RETRIES = 3  # connections in a row that broke without bringing anything


def fetch(source: HubSource, partial: Path, size: int, tick: Tick) -> None:
    """Append what is missing of the `size` bytes of `source` to `partial`. Raises SourceFailed."""
    quiet_hub()
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined, unused-ignore]

    endpoint = os.environ.get("HF_ENDPOINT") or None
    url = hf_hub_url(source.repo, source.file, revision=source.revision, endpoint=endpoint)
    if not url.startswith(("https://", "http://")):
        raise SourceFailed(f"{url} is not a web address")
    headers = build_hf_headers(library_name="sqlagent")
    broken, furthest = 0, partial.stat().st_size
    while (have := partial.stat().st_size) < size:
        why: BaseException | str = "it ended early"
        try:
            with _open_range(url, headers, have) as response, partial.open("ab") as out:
                _start_at(response, out, have, size)
                copy(response, out, size - out.tell(), tick)
        except urllib.error.HTTPError as error:
            raise SourceFailed(f"it answered {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and partial_is_at_fault(error):
                raise
            if isinstance(error, urllib.error.URLError):  # not even a beginning
                raise SourceFailed(f"it cannot be reached ({_in_words(error)})") from None
            why = error
        reached = partial.stat().st_size
        broken = 0 if reached > furthest else broken + 1  # a server without ranges starts over each time
        furthest = max(furthest, reached)
        if broken == _RETRIES:
            raise SourceFailed(f"the connection broke {broken} times in a row ({_in_words(why)})")
        time.sleep(0.2 * broken)


def quiet_hub() -> None:
    """Settings that huggingface_hub reads once, when it is imported."""
    # Without it 2.4.0 first fetches a list of coding agents, to tell the hub which one it is in.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    endpoint = os.environ.get("HF_ENDPOINT", "")
    if endpoint and "huggingface.co" not in endpoint:
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # a mirror speaks plain HTTP


def _open_range(url: str, headers: dict[str, str], start: int) -> Any:
    """GET `url` from byte `start` on. Raises URLError (HTTPError for a refusal) within CONNECT_SECONDS.

    The request runs in a thread because a name lookup without a network may hang for longer than any
    timeout that can be given to it.
    """
    request = urllib.request.Request(url)
    for name, value in headers.items():
        # A hub redirects to its storage; the sign-in token must not follow.
        request.add_unredirected_header(name.capitalize(), value)
    request.add_header("Accept-Encoding", "identity")
    if start:
        request.add_header("Range", f"bytes={start}-")
    outcome: list[Any] = []

    def connect() -> None:
        try:
            outcome.append(urllib.request.urlopen(request, timeout=STALL_SECONDS))
        except Exception as error:  # carried to the caller's thread, whatever it is
            outcome.append(error)

    thread = threading.Thread(target=connect, name="hub-connect", daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if not outcome:
        raise urllib.error.URLError(f"no answer within {CONNECT_SECONDS:.0f} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _start_at(response: Any, out: BinaryIO, have: int, size: int) -> None:
    """Make `out` end where the body of `response` begins; refuse a file of another size."""
    begin = have if response.status == 206 else 0  # a server that does not do ranges starts over
    answered = response.headers.get("Content-Range", "").removeprefix("bytes ").partition("-")[0]
    if response.status == 206 and answered != str(have):
        raise SourceFailed("it answered with another range than the one asked for")
    length = int(response.headers.get("Content-Length") or -1)
    if length >= 0 and begin + length != size:
        raise SourceFailed(f"its file has {begin + length:,} bytes, not {size:,}")
    out.truncate(begin)
    out.seek(begin)


def _in_words(error: BaseException | str) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    return getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
