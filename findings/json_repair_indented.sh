#!/bin/sh
# json_repair 0.64.6: in indented JSON that is cut short, rows lose an empty last column, and a backslash before a quote goes.
#
# Expected: what stands whole in a model's answer is read as it stands, whatever is repaired elsewhere in the text (an object that
#           was cut off, or has a comma too many); blanks and line ends between values mean nothing.
# Seen:     an empty text, list or object that is followed by a blank or a line end is left out of its list: [1, ""] is kept and
#           [1, "" ] is [1], so with indent=1 the row (1, "") has one column, and the log of repairs (logging=True) says
#           nothing of it. A backslash before a quotation mark, \" within a text and so \\\" in JSON, is taken for "a stray
#           escape sequence" and goes, with and without indent, so a pattern or a statement within JSON is another one.
#           fast_json_repair 0.2.3, "a drop-in replacement", keeps both.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile json_repair==0.64.6 fast_json_repair==0.2.3
cd "$work"
venv/bin/python - <<'PY'
import json

import fast_json_repair
import json_repair


def repaired(value, indent, end):
    """The value, as it comes back from an object in which it stands whole, and that ends otherwise than it should."""
    text = '{"v": ' + json.dumps(value, indent=indent) + end
    found = json_repair.loads(text)["v"]
    assert fast_json_repair.loads(text)["v"] == value, "the other package has changed"
    if found != value:
        print(repr(text), "->", found)
        texts = [step["text"] for step in json_repair.repair_json(text, logging=True)[1]]
        assert not any("empty" in step or "array" in step for step in texts), texts
    return found


for end in ("", ',}', ', "w": '):
    for value in ([1, ""], [[1, ""], [2, "x"]], [{}], [[]], ["C:\\dir\\", "a\\b"], ['say "hi"']):
        assert repaired(value, None, end) == value, "the usual case has changed"
    for value, wrong in (
        ([1, ""], [1]),
        ([[1, ""], [2, "x"]], [[1], [2, "x"]]),
        ([[], {}], [[]]),
        ([{}], []),
    ):
        assert repaired(value, 1, end) == wrong, "this has changed"
    for indent in (None, 1):
        assert repaired(['find "a\\"b"'], indent, end) == ['find "a"b"'], "this has changed"
PY
echo "as described"
