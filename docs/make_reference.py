"""Write docs/reference.md from the code: `python docs/make_reference.py > docs/reference.md`; a test compares them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

if str(Path(__file__).parent.parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent.parent))

from sqlagent.base import errors
from sqlagent.ui import exports, json_answer, plotting, repl, repl_commands, settings
from sqlagent.ui.arguments import COMMANDS, build_parser

ENVIRONMENT = {
    "SQLAGENT_HOME": "one folder for everything: models, caches, settings, history",
    "SQLAGENT_REGISTRY": "a model registry in place of the one that is built in (TOML)",
    "SQLAGENT_AMX": "1 leaves AMX on, with which builds of llama.cpp by GCC 12 crash",
    "SQLAGENT_DEBUG": "1 shows where an error inside sqlagent came from",
    "HF_ENDPOINT": "another address of the Hugging Face Hub, from which models come",
    "HF_HUB_DISABLE_TELEMETRY": "what the Hub's own client does with it; sqlagent sends nothing",
    "SPACE_HOST": "set in a Hugging Face Space: the page is then reached under that name",
    "NO_COLOR": "any value: no colours",
    "PAGER": "the pager of the prompt; less unless it is set",
    "VISUAL": "the editor of `\\edit`",
    "EDITOR": "the same, where VISUAL is not set",
}
"""Environment variables beside those of the settings."""
FILES = (
    ("models/", "cache", "model files, and the list of added ones"),
    (
        "adapters/, prefix/, schema/, values/",
        "cache",
        "what can be made again: adapters made ready or merged, which of both runs faster here, read schemas, indexes",
    ),
    ("program/", "cache", "what the one-file program unpacks at its first start; it may be deleted"),
    ("history", "cache", "the lines typed at the prompt; readable by you alone"),
    ("feedback.jsonl", "cache", "thumbs and corrections on the page"),
    ("config.toml", "config", "settings; `sqlagent config init` writes a commented one"),
    ("favourites.toml", "config", "statements kept with `\\save`"),
    ("notes/", "config", "your words about columns, a file for each database"),
)
EXIT_CODES = (
    (errors.OK, "done"),
    (errors.NO_ANSWER, "no answer, or not all of the result was written"),
    (errors.USAGE, "the command or a setting is wrong"),
    (errors.CANNOT_OPEN, "the model or the database cannot be opened"),
    (errors.TIMEOUT, "a statement ran past its deadline"),
    (errors.INTERRUPTED, "interrupted with Ctrl-C"),
)


def page() -> str:
    """The whole page."""
    parts = [
        "# Reference\n\nMade from the code by `python docs/make_reference.py`; a test holds the two equal.\n",
        "## Commands\n",
        *_commands(),
        "## At the prompt\n",
        _table(("command", "what it does"), _prompt()),
        "Ctrl-C stops what is running, Ctrl-D leaves, Tab completes, Ctrl-R finds an old line, Ctrl-X Ctrl-E (v with "
        "vi's keys) opens the line in your editor.\n",
        "## Settings\n",
        "A flag is stronger than an environment variable, that than a line of `config.toml`, that than the default. "
        "`sqlagent config` shows what is set and by whom.\n",
        _table(("in config.toml", "environment variable", "default", "values", "what it sets"), _settings()),
        "## Other environment variables\n",
        _table(("variable", "what it does"), [(f"`{name}`", said) for name, said in ENVIRONMENT.items()]),
        "## Where files go\n",
        "On Linux the cache is `~/.cache/sqlagent` and the config folder `~/.config/sqlagent`; other systems have "
        "places of their own (`sqlagent config path` says which). `SQLAGENT_HOME` puts all into one folder. Beside a "
        "database nothing is written; notes are read from, and kept in, `FILE.sqlagent.toml` where you made one.\n",
        _table(("file", "folder", "what it holds"), [(f"`{a}`", b, c) for a, b, c in FILES]),
        "## The JSON object\n",
        f"`ask --json`, `run --json`, each line of `batch` and the tools of `mcp` give this object, version "
        f"{json_answer.VERSION}. A line of `batch` has `line` and `id` before it; a question that failed has "
        '`"error": {"message", "exit_code"}` in place of the rest.\n',
        _table(
            ("field", "what it holds"), [(f"`{name}`", said) for name, said in json_answer.FIELDS.items()]
        ),
        "## Files that results are written to\n",
        f"`\\g FILE` and `\\o FILE` tell the format by the name: {', '.join(exports.SUFFIXES)}. `\\plot FILE` writes "
        f"{' and '.join(plotting.PICTURES)}. A file appears whole or not at all; a database is never written over.\n",
        "## Exit codes\n",
        _table(("code", "meaning"), [(str(code), said) for code, said in EXIT_CODES]),
    ]
    return "\n".join(parts)


def _commands() -> Iterator[str]:
    parser = build_parser()
    everywhere = {flag for action in parser._actions for flag in action.option_strings}
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for name, summary in COMMANDS.items():
        chosen = subparsers.choices[name]
        words = [
            f"[{action.metavar or '|'.join(map(str, action.choices or ()))}]"
            if action.nargs in ("?", "*")
            else str(action.metavar or "|".join(map(str, action.choices or ())))
            for action in chosen._actions
            if not action.option_strings
        ]
        yield f"### `sqlagent {' '.join([name, *words])}`\n\n{summary[0].upper()}{summary[1:]}.\n"
        rows = [
            (f"`{', '.join(action.option_strings)}{_value(action)}`", action.help or "")
            for action in chosen._actions
            if action.option_strings and not everywhere & set(action.option_strings)
        ]
        if rows:
            yield _table(("option", "what it does"), rows)
    said = [
        (f"`{', '.join(action.option_strings)}`", action.help or "")
        for action in parser._actions
        if action.option_strings
    ]
    yield "### With every command\n"
    yield _table(("option", "what it does"), said)


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    return " " + ("|".join(map(str, action.choices)) if action.choices else str(action.metavar))


def _prompt() -> list[tuple[str, str]]:
    assert repl is not None  # its commands registered themselves
    unique = dict.fromkeys(repl_commands.COMMANDS.values())
    return [(f"`{', '.join(one.names)} {one.usage}".rstrip() + "`", one.summary) for one in unique]


def _settings() -> list[tuple[str, ...]]:
    return [
        (
            f"`{one.name}`",
            f"`{one.variable}`",
            "" if one.default is None else str(one.default).lower(),
            one.accepts,
            one.about,
        )
        for one in settings.SETTINGS
    ]


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return (
        "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
        + "\n"
    )


if __name__ == "__main__":
    sys.stdout.write(page())
