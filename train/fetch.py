"""`python -m train fetch`: the published data sets, as the recipes read them.

    python -m train fetch                                    all of them, below ./data
    python -m train fetch sql-create-context --data DIR      one of them, elsewhere
    python -m train fetch spider --from spider_data.zip      one that was downloaded by hand (a folder or a .zip)

Says the licence and the size before anything is sent; DIR then has what `--recipe R --data DIR` needs, and
DIR/SOURCES.json says of each set the repository, its revision, its licence, and the sha256 of every file. Stopped,
it goes on where it was. HF_ENDPOINT names a mirror.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlagent.base import private_files
from sqlagent.base.errors import OK, UsageError
from train import hub
from train.published import SETS, Published, unpack

SOURCES = "SOURCES.json"
ROOM = 1.1
"""Free space that is asked for, as a multiple of what is missing."""


def main(words: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    made = argparse.ArgumentParser(
        prog="python -m train fetch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("sets", nargs="*", metavar="SET", help=f"any of {', '.join(SETS)} (all)")
    made.add_argument("--data", type=Path, default=Path("data"), metavar="DIR", help="where to (data)")
    made.add_argument(
        "--from", dest="given", type=Path, metavar="PATH", help="a folder or .zip that holds the set already"
    )
    made.add_argument("--repo", metavar="OWNER/NAME", help="another repository that has the one set named")
    made.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")
    options = made.parse_args(words)
    names = options.sets or list(SETS)
    if unknown := [name for name in names if name not in SETS]:
        raise UsageError(f"There is no set {unknown[0]!r}: name any of {', '.join(SETS)}.")
    if (options.given or options.repo) and len(names) != 1:
        raise UsageError("--from and --repo go with one set: name it.")
    for name in sorted(names, key=list(SETS).index):
        one = SETS[name]
        if options.given:
            _take(one, options.given, options.data)
        else:
            _fetch(one, options.repo or one.repo, options.data, dry_run=options.dry_run)
    return OK


def _fetch(one: Published, repo: str, data: Path, *, dry_run: bool) -> None:
    found = hub.listing(repo)
    files = [file for file in found.files if one.wants(file.name)]
    if not files:
        raise UsageError(f"{repo} has no files of {one.name}: name another with --repo, or see --from.")
    raw = data / "published" / repo.replace("/", "--")
    missing = sum(file.size for file in files if not _is_there(raw / file.name, file.size))
    said = f" ({repo} says {found.licence})" if found.licence else ""
    _say(f"{one.name}: {one.about}\n  from {repo} at {found.revision[:12]}; licence {one.licence}{said}")
    whole = sum(file.size for file in files)
    _say(f"  {len(files)} files, {whole / 1e6:,.1f} MB, {missing / 1e6:,.1f} MB of them to come")
    if dry_run:
        return
    raw.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(raw).free < ROOM * missing:
        raise UsageError(
            f"{data} has no room for {missing / 1e6:,.0f} MB: make room, or name another disk with --data."
        )
    hashes = hub.download(found, files, raw)
    _lay_out(one, raw, data, {"repo": repo, "revision": found.revision, "files": hashes})


def _take(one: Published, given: Path, data: Path) -> None:
    """Lay out a set that is on this machine."""
    if not given.exists():
        raise UsageError(f"There is no {given}: --from wants a folder or a .zip.")
    raw = given
    if given.is_file():
        raw = data / "published" / one.name
        raw.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(given, raw / given.name)
    _say(f"{one.name}: {one.about}; licence {one.licence}")
    _lay_out(one, raw, data, {"repo": "", "revision": "", "files": {}})


def _lay_out(one: Published, raw: Path, data: Path, about: dict[str, Any]) -> None:
    unpack(raw)
    out = data / one.folder
    out.mkdir(parents=True, exist_ok=True)
    try:
        made = one.arrange(raw, out)
    except KeyError as error:
        raise UsageError(
            f"{raw} has rows without {error}: it is not {one.name} as it is published."
        ) from None
    path = data / SOURCES
    known = sources(data)
    known[one.name] = {
        **about,
        "licence": one.licence,
        "made": {name: hashlib.sha256((out / name).read_bytes()).hexdigest() for name in made},
    }
    private_files.write(path, (json.dumps(known, indent=1) + "\n").encode(), mode=private_files.SHARED)
    _say("  " + ", ".join(f"{out / name}: {count:,} rows" for name, count in made.items()))


def sources(data: Path) -> dict[str, Any]:
    """What DIR/SOURCES.json says of each set; nothing where there is none."""
    path = data / SOURCES
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _say(text: str) -> None:
    print(text, file=sys.stderr)
