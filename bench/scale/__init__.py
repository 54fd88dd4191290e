"""What a question costs as a database grows: in rows, tables, columns, words of the question, and turns.

    python -m bench scale
    python -m bench scale --curves rows,tables --picture out/

Databases are made here; each table has an invented name. A real model's vocabulary counts the tokens that it would
have to read; statements are given, not written, so that seconds are those of everything but the model. Seconds are of
the processor, this one's and its workers', so a busy machine changes them little.

Exit code 1 when something grows that should be flat (`bench.scale.curves.BOUNDS`).
"""

from bench.scale.command import main

__all__ = ["main"]
