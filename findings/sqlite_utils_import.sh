#!/bin/sh
# sqlite-utils 4.2 on Python 3.11: installs, and cannot be imported.
#
# Expected: `pip install sqlite-utils==4.2` in a new environment brings all that it imports.
# Seen:     sqlite_utils/db.py imports typing_extensions, which no requirement of its names:
#           ModuleNotFoundError from `import sqlite_utils` and from the command. Installing typing_extensions beside it helps.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sqlite-utils==4.2
if "$work/venv/bin/pip" list 2>/dev/null | grep -qi typing; then
    echo "typing_extensions came along: this has changed" >&2
    exit 1
fi
if "$work/venv/bin/python" -c "import sqlite_utils" 2>"$work/said"; then
    echo "it can be imported: this has changed" >&2
    exit 1
fi
tail -1 "$work/said"
grep -q "No module named 'typing_extensions'" "$work/said"
"$work/venv/bin/pip" install -q typing_extensions==4.15.0
"$work/venv/bin/python" -c "import sqlite_utils; print('with typing_extensions: imported')"
echo "as described"
