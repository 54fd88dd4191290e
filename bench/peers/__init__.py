"""Ask the same questions of this agent and of others that run the same model; time each from question to rows.

    python -m bench peers --data DIR/sample_databases --split chinook --limit 100
    python -m bench peers --data DIR/sample_databases --split chinook --ways ours,free,gbnf --limit 20 --model tiny

One process, one file, one database, the same questions in the same order, one way after the other for each question:

- ours: `Agent.ask`, default effort, its own choice of what to show of the schema
- free: llama-cpp-python as tutorials have it, the whole schema in the prompt, then `sqlite3`
- gbnf: the same under `LlamaGrammar`, with the schema's names (`bench.gbnf`)
- llguidance: the same under the masks of `llguidance`'s llama.cpp adapter and the same grammar
- xllamacpp: the same prompt asked of llama.cpp's server in this process, as `xllamacpp` has it
- floor: what memory and arithmetic allow (`bench.peers.floor`); for what ours read and wrote

A way whose package is not installed is left out, and named. Every way may keep what it has read of the schema, and each
has answered one question that does not count before the clock starts (the schema's first reading is `bench latency`'s).

Invariant: ratios compare seconds of one question, taken one after the other, so that a busy machine slows all alike.
"""

from bench.peers.command import main

__all__ = ["main"]
