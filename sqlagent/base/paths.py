"""Say where sqlagent keeps its files on this machine.

    SQLAGENT_HOME=/srv/sqlagent    models in /srv/sqlagent/models, indexes in /srv/sqlagent/values, ...
    nothing set                    the system's cache folder (~/.cache/sqlagent on Linux)
    no home folder at all          caches in a temporary folder; models nowhere, and an error says so

Invariant: what has to be found again (models, the list of added ones, settings) never goes to a folder that is
lost with the session; only what saves time may.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sqlagent.base import private_files
from sqlagent.base.errors import UsageError


def expanded(name: str | os.PathLike[str]) -> Path:
    """A path with ~ put in full; left as it is where nobody knows that home, so that it is simply not found."""
    return Path(os.path.expanduser(name))


def home() -> Path:
    """The folder for what has to be found again. Raises UsageError on a machine without a home folder."""
    found = _home("cache")
    if found is None:
        raise _homeless("models and caches")
    return found


def cache_dir() -> Path:
    """The folder for what only saves time: `home`, else one of this user's in the temporary folder."""
    return _home("cache") or temporary_dir()


def config_dir() -> Path:
    """The folder for a person's settings. Raises UsageError on a machine without a home folder."""
    found = _home("config")
    if found is None:
        raise _homeless("settings")
    return found


def models_dir() -> Path:
    """The folder for fetched models and the list of added ones. Raises UsageError as `home` does."""
    return home() / "models"


def has_home() -> bool:
    """Whether there is a folder for what has to be found again."""
    return _home("cache") is not None


def adapters_dir() -> Path:
    """The folder for what is made of adapters, which can be made again."""
    return cache_dir() / "adapters"


def temporary_dir() -> Path:
    """A folder of this user's alone under the system's temporary one, the same every time where that is safe."""
    owner = os.getuid() if hasattr(os, "getuid") else "user"
    path = Path(tempfile.gettempdir()) / f"sqlagent-{owner}"
    try:
        private_files.make_own_folder(path)
    except OSError:  # somebody else's folder or link has our name
        return Path(tempfile.mkdtemp(prefix="sqlagent-"))
    return path


def _home(kind: str) -> Path | None:
    """SQLAGENT_HOME, else the system's folder of this kind; None where there is neither. Raises UsageError."""
    if named := os.environ.get("SQLAGENT_HOME"):
        path = expanded(named)
        if path.parts[0].startswith("~"):
            raise UsageError(f"SQLAGENT_HOME is {named}, and there is no such home folder: give a full path.")
        return path.absolute()
    import platformdirs

    of_kind = platformdirs.user_config_dir if kind == "config" else platformdirs.user_cache_dir
    try:
        path = Path(of_kind("sqlagent", appauthor=False))
    except RuntimeError:  # platformdirs 4.3 and later; earlier ones leave the ~ in the path
        return None
    return path if path.is_absolute() else None


def _homeless(what: str) -> UsageError:
    return UsageError(
        f"There is no home folder to keep {what} in: set SQLAGENT_HOME to a folder that can be written."
    )
