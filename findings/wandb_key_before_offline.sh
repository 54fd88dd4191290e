#!/bin/sh
# wandb 0.31.0: asking once whether a key is there makes a later offline run of the same process fail.
#
# Expected: WANDB_MODE=offline needs no key; whether `wandb.api.api_key` (None without a key) was read before
#           makes no difference, since nothing was set by reading it.
# Seen:     wandb.init() in a fresh process runs offline; after one read of wandb.api.api_key, with the mode set
#           in between, it raises an error about the key.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q wandb==0.31.0
cat >"$work/run.py" <<'P'
import os
import sys

import wandb

if sys.argv[1] == "read":
    print("key:", wandb.api.api_key)
os.environ["WANDB_MODE"] = "offline"
try:
    run = wandb.init(project="p", dir=sys.argv[2])
    run.finish()
    print("offline run made")
except Exception as error:
    print("raised", type(error).__name__, str(error).splitlines()[0][:80])
P
cd "$work"
export HOME="$work" NETRC="$work/none" WANDB_SILENT=true
unset WANDB_API_KEY WANDB_MODE 2>/dev/null || true
"$work/venv/bin/python" run.py plain "$work" 2>/dev/null | tee "$work/plain"
"$work/venv/bin/python" run.py read "$work" 2>/dev/null | tee "$work/read"
grep -q "offline run made" "$work/plain"
grep -q "key: None" "$work/read"
grep -q "raised" "$work/read" || { echo "it runs offline: this has changed" >&2; exit 1; }
echo "as described"
