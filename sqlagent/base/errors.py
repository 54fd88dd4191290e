"""Every error a user can meet, and the exit code it ends with.

An error's text is one sentence that says what to do; it is printed to stderr as it stands.
"""

from __future__ import annotations

OK = 0
NO_ANSWER = 1
USAGE = 2
CANNOT_OPEN = 3
TIMEOUT = 4
INTERRUPTED = 130


class SqlagentError(Exception):
    """Base of every expected error; `exit_code` is what the command line ends with."""

    exit_code = NO_ANSWER


class NoAnswer(SqlagentError):
    """The question got no answer."""


class OutOfScope(NoAnswer):
    """The database holds nothing about what was asked."""


class QueryError(SqlagentError):
    """SQLite refused a statement; the text is what SQLite said."""


class UsageError(SqlagentError):
    """The command or the configuration is wrong."""

    exit_code = USAGE


class ModelError(SqlagentError):
    """A model is missing, damaged or cannot be loaded."""

    exit_code = CANNOT_OPEN


class DatabaseError(SqlagentError):
    """A database file cannot be opened or read."""

    exit_code = CANNOT_OPEN


class QueryTimeout(SqlagentError):
    """A statement or a question ran past its deadline."""

    exit_code = TIMEOUT


class Cancelled(SqlagentError):
    """The person at the keyboard stopped this step."""

    exit_code = INTERRUPTED
