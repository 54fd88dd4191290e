"""Write the corpora that hold the amendments to their promise: `python -m bench.amend_corpus`.

`leave_alone.jsonl` has right statements that no amendment may change for the worse; `fire.jsonl` and
`fire_aside.jsonl` have wrong ones beside what was meant. The databases are invented here, for this alone.
"""
