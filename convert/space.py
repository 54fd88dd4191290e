"""Write the folder of a Hugging Face Space that serves the page: app, requirements, card, the package itself.

The package travels as it is in this checkout, so that the Space runs what was tested here.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from convert.upload_item import Item
from sqlagent import __version__
from sqlagent.base.errors import UsageError
from sqlagent.weights import provenance

ROOT = Path(__file__).resolve().parent.parent
GRADIO = "6.31.0"
"""The version that the tests run the Space's server on."""
APP = '''"""The page of sqlagent in a Space."""

from sqlagent.ui.web.space import launch

launch()
'''


def plan(repo: str) -> list[Item]:
    """Every file of the Space, the card last. Raises UsageError."""
    if not provenance.is_hub_id(repo):
        raise UsageError(f"{repo!r} is no Space: give --space OWNER/NAME.")
    items = [Item("app.py", APP.encode()), Item("requirements.txt", requirements().encode())]
    items += [Item(path.relative_to(ROOT).as_posix(), path) for path in sorted(_package())]
    items += [Item(path.relative_to(ROOT).as_posix(), path) for path in sorted(_models())]
    items.append(Item("LICENSE", ROOT / "LICENSE"))
    return [*items, Item("README.md", card(repo).encode())]


def write(items: list[Item], folder: Path) -> None:
    """Write the files into a folder, which must be new or empty. Raises UsageError."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already: name a new folder with --out.")
    for item in items:
        target = folder / item.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(item.source if isinstance(item.source, bytes) else item.source.read_bytes())


def requirements() -> str:
    """What the package needs at run time, as `setup.cfg` has it."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].splitlines()
    return "".join(f"{line.strip()}\n" for line in lines if line.strip() and not line.strip().startswith("#"))


def card(repo: str) -> str:
    """The README.md of the Space, with the metadata by which the hub starts it."""
    name = repo.split("/")[1]
    return f"""---
title: {name}
emoji: 🗃️
colorFrom: green
colorTo: gray
sdk: gradio
sdk_version: {GRADIO}
python_version: "3.12"
app_file: app.py
license: apache-2.0
short_description: Ask a SQLite database a question in English
---

# {name}

Ask a SQLite database a question in English and get the rows, with the SQL that made them: `sqlagent` {__version__}
on the CPU of this Space. A grammar bound to the database makes it impossible for the model to write a statement that
does not run; a read-only sandbox makes it impossible for a statement to do harm.

A file that you drop is seen by your page alone and deleted when its session ends. It does travel to this Space: run
`sqlagent web` on your own computer for what must not leave it.
"""


def _package() -> Iterator[Path]:
    for path in (ROOT / "sqlagent").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


def _models() -> Iterator[Path]:
    """What the wheel carries of models/."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    for pattern in setup["options.package_data"]["sqlagent._models"].split():
        yield from (ROOT / "models").glob(pattern)
