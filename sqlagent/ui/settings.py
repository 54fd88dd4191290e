"""Know what can be set, and where from: a flag, else an environment variable, else the config file, else the default.

    effort = "high"            # config.toml in the settings' folder
    SQLAGENT_EFFORT=fast       # stronger
    --effort normal            # strongest

Invariant: SETTINGS is the list of all of them; the commented default file, the documentation and the look-up are made
of it. A word that nobody knows, in the file, is an error that names it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlagent.agent.effort import AMENDING, EFFORTS
from sqlagent.base.errors import UsageError

Kind = Literal["text", "choice", "whole", "seconds", "switch"]
Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set. `default` None: nothing is set, and the program decides."""

    name: str
    kind: Kind
    default: Value
    about: str
    choices: tuple[str, ...] = ()
    example: str = ""
    """What the default file shows where there is no default."""

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return f"SQLAGENT_{self.name.upper()}"

    def read(self, text: str, where: str) -> Value:
        """The value that a text stands for. Raises UsageError that says where it stood."""
        try:
            if self.kind == "whole":
                if (whole := int(text.replace("_", ""))) >= 0:
                    return whole
            elif self.kind == "seconds":
                if 0 < (seconds := float(text)) < 1e6:
                    return seconds
            elif self.kind == "switch":
                return {"1": True, "true": True, "on": True, "yes": True, "": False, "0": False, "false": False,
                        "off": False, "no": False}[text.lower()]  # fmt: skip
            elif not self.choices or text in self.choices:
                return text
        except (ValueError, KeyError):
            pass
        raise UsageError(f"{where}: {self.name} cannot be {text!r}; it is {self.accepts}.")

    @property
    def accepts(self) -> str:
        """What values there are, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        return _ACCEPTS[self.kind]


_ACCEPTS = {
    "text": "a text",
    "whole": "a whole number from 0 up",
    "seconds": "a number of seconds above 0",
    "switch": "true or false",
}
FORMATS = ("table", "json", "jsonl", "csv", "tsv", "markdown")
SETTINGS: tuple[Setting, ...] = (
    Setting("model", "text", None, "a model's name (`sqlagent models` lists them) or a .gguf file",
            example="qwen2.5-coder-1.5b-sql"),
    Setting("effort", "choice", "normal", "how many statements are weighed for an answer", tuple(EFFORTS)),
    Setting("amend", "choice", "all", "what may be changed in the model's statement", tuple(AMENDING)),
    Setting("format", "choice", "table", "how rows are written", FORMATS),
    Setting("limit", "whole", None, "most rows shown; 0 for all", example="1000"),
    Setting("timeout", "seconds", None, "seconds that a statement may run", example="10"),
    Setting("offline", "switch", False, "never go online"),
    Setting("keys", "choice", "emacs", "how lines are edited at the prompt", ("emacs", "vi")),
    Setting("pager", "switch", True, "read what is higher than the terminal in $PAGER, or less"),
    Setting("toolbar", "switch", True, "show database, model, effort and the last timing below the line"),
    Setting("timing", "switch", False, "say how long each answer took"),
)  # fmt: skip
BY_NAME = {setting.name: setting for setting in SETTINGS}

HEAD = """\
# What sqlagent does unless told otherwise. Take away the # before a line to set it.
# Environment variables (SQLAGENT_EFFORT=high) are stronger than this file, flags (--effort high) than those.
"""


def path() -> Path:
    """Where the config file is, or would be. Raises UsageError on a machine without a folder for settings."""
    from sqlagent.base import paths

    return paths.config_dir() / "config.toml"


def default_file() -> str:
    """The commented default file."""
    lines = [HEAD]
    for setting in SETTINGS:
        value = setting.example if setting.default is None else setting.default
        plain = setting.default is None and setting.kind in ("whole", "seconds")
        lines.append(f"# {setting.about[0].upper()}{setting.about[1:]}: {setting.accepts}.")
        lines.append(f"# {setting.name} = {value if plain else _toml(value)}\n")
    return "\n".join(lines)


def fill(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> None:
    """Put into `args` whatever no flag has said. Raises UsageError for what cannot be understood."""
    file = from_file()
    for setting in SETTINGS:
        said = getattr(args, setting.name, None)
        if said is None or said is False:  # a limit of 0 is said
            setattr(args, setting.name, value_of(setting, file, environ)[0])


def value_of(
    setting: Setting, file: Mapping[str, Value], environ: Mapping[str, str] = os.environ
) -> tuple[Value, str]:
    """A setting's value where no flag says another, and where it comes from."""
    if setting.variable in environ:
        text = environ[setting.variable]
        if text or setting.kind == "switch":
            return setting.read(text, setting.variable), setting.variable
    if setting.name in file:
        return file[setting.name], "config.toml"
    return setting.default, "default"


def from_file() -> dict[str, Value]:
    """What the config file sets. Raises UsageError for one that cannot be understood."""
    try:
        file = path()
        text = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError, UsageError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be read: {error}.") from None
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        plain: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file} is no TOML: {error}.") from None
    return {name: _checked(file, name, value) for name, value in plain.items()}


def _checked(file: Path, name: str, value: Any) -> Value:
    import difflib

    if name not in BY_NAME:
        close = difflib.get_close_matches(name, BY_NAME, n=1)
        hint = f"did you mean {close[0]}?" if close else "`sqlagent config` lists what can be set."
        raise UsageError(f"{file}: nothing is called {name}; {hint}")
    if not isinstance(value, str | int | float | bool):
        raise UsageError(f"{file}: {name} is {BY_NAME[name].accepts}.")
    return BY_NAME[name].read(str(value), str(file))


def _toml(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"'
