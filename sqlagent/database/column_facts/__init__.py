"""Tell what a column's values mean from how they are stored, e.g. microseconds since 1970, or `dd/mm/yyyy` text.

`decide.column_fact` is a pure function from what was read of a column to a `ColumnFact`; `sampling.read_facts`
reads, through any function that runs a SELECT, so that it works in a confined process too.

Invariant: a fact that changes a statement (`ColumnFact.changes`) is at least 99 % sure; two readings that
both fit are both named and change nothing.
"""
