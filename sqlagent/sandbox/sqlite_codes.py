"""What SQLite's result codes mean for somebody who only reads.

Invariant: an error is judged by its code where Python tells it (3.11), and by SQLite's own words before that.
"""

from __future__ import annotations

_BUSY, _LOCKED, _READONLY, _INTERRUPT, _IOERR = 5, 6, 8, 9, 10
_CORRUPT, _CANTOPEN, _PROTOCOL, _NOTADB = 11, 14, 15, 26
_ABOUT_THE_FILE = (_CORRUPT, _NOTADB, _CANTOPEN, _IOERR, _READONLY, _PROTOCOL)
_SETTING_UP = (264, 1288)
"""SQLITE_READONLY_RECOVERY and _CANTINIT: a writer is setting up the shared index; soon it is there."""

_WORDS = (
    ("malformed", _CORRUPT),
    ("not a database", _NOTADB),
    ("unable to open", _CANTOPEN),
    ("disk I/O", _IOERR),
    ("readonly database", _READONLY),
    ("locking protocol", _PROTOCOL),
    ("locked", _BUSY),
    ("interrupted", _INTERRUPT),
)


def code(error: BaseException) -> int:
    """SQLite's extended result code; 1 (an error in the statement) when nothing tells."""
    known = getattr(error, "sqlite_errorcode", None)
    if isinstance(known, int):
        return known
    text = str(error)
    return next((guess for words, guess in _WORDS if words in text), 1)


def busy(error: BaseException) -> bool:
    """Whether another program's lock was in the way."""
    return code(error) & 0xFF in (_BUSY, _LOCKED) or code(error) in _SETTING_UP


def interrupted(error: BaseException) -> bool:
    """Whether the statement was stopped."""
    return code(error) & 0xFF == _INTERRUPT


def unfinished(error: BaseException) -> bool:
    """Whether SQLite refused because a writer would have to finish what another program began."""
    return code(error) & 0xFF in (_READONLY, _CANTOPEN)


def about_the_file(error: BaseException) -> bool:
    """Whether the file is at fault rather than the statement."""
    return code(error) & 0xFF in _ABOUT_THE_FILE
