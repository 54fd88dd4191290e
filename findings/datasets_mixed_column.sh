#!/bin/sh
# datasets 5.2.0: in a JSONL column of mixed types, a text that reads as JSON is no longer a text.
#
# Expected: load_dataset("json") gives back the values that the lines hold, or raises where one column cannot hold them; a
#           line with the text "5" gives "5" whatever other lines hold.
# Seen:     one number, or one object, anywhere in the column makes its type Json(), and then the text "007" comes back as
#           the number 7, "0.10" as 0.1, "null" and "NaN" as None, '{"k": 1}' as a dict, '"x"' as x without its quotation
#           marks and " 5 " as 5. In a column of texts alone, all stay as they are. With the texts in a second file and
#           numbers in the first, "007" becomes 7 as well; texts in the first and dates in the second, 2020-01-01 becomes
#           '2020-01-01 00:00:00'. Integers share the fate of one of 2**63 and more: 9007199254740993 beside it comes back as
#           9007199254740992.0. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6
cd "$work"
HF_HOME="$work/hub" HF_DATASETS_OFFLINE=1 HF_HUB_OFFLINE=1 venv/bin/python - <<'PY'
import json

import datasets

datasets.disable_progress_bars()
made = 0


def loaded(*files):
    """The values of the column "a" that come back, each file given as a list of them."""
    global made
    names = []
    for values in files:
        made += 1
        names.append(f"{made}.jsonl")
        with open(names[-1], "w") as out:
            out.writelines(json.dumps({"a": value}) + "\n" for value in values)
    column = list(datasets.load_dataset("json", data_files=names, split="train")["a"])
    print(*files, "->", column)
    return column


texts = ["5", "007", "0.10", "null", "NaN", '{"k": 1}', '"x"', " 5 ", "plain"]
assert loaded(texts) == texts, "this has changed"
changed = [5, 7, 0.1, None, None, {"k": 1}, "x", 5, "plain", 8]
got = loaded([*texts, 8])
assert got == changed and list(map(type, got)) == list(map(type, changed)), "this has changed"
assert loaded([7], ["007"]) == [7, 7], "this has changed"
assert loaded(["when?"], ["2020-01-01"]) == ["when?", "2020-01-01 00:00:00"], "this has changed"
ids = loaded([9007199254740993, 2**63])
assert ids == [9007199254740992.0, float(2**63)] and isinstance(ids[0], float), "this has changed"
PY
echo "as described"
