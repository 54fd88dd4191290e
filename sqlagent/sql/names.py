"""How a name is written in SQL: bare where SQLite reads it back as the same name, double-quoted elsewhere.

Invariant: `quote` is injective, and SQLite reads its result as exactly the name given, wherever a name may
stand; so does `text_literal` with texts.
"""

from __future__ import annotations

import re

from sqlagent.database import ddl_comments

_WORDS = """
    ABORT ACTION ADD AFTER ALL ALTER ALWAYS ANALYZE AND AS ASC ATTACH AUTOINCREMENT BEFORE BEGIN BETWEEN
    BY CASCADE CASE CAST CHECK COLLATE COLUMN COMMIT CONFLICT CONSTRAINT CREATE CROSS CURRENT
    CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP DATABASE DEFAULT DEFERRABLE DEFERRED DELETE DESC DETACH
    DISTINCT DO DROP EACH ELSE END ESCAPE EXCEPT EXCLUDE EXCLUSIVE EXISTS EXPLAIN FAIL FILTER FIRST
    FOLLOWING FOR FOREIGN FROM FULL GENERATED GLOB GROUP GROUPS HAVING IF IGNORE IMMEDIATE IN INDEX
    INDEXED INITIALLY INNER INSERT INSTEAD INTERSECT INTO IS ISNULL JOIN KEY LAST LEFT LIKE LIMIT MATCH
    MATERIALIZED NATURAL NO NOT NOTHING NOTNULL NULL NULLS OF OFFSET ON OR ORDER OTHERS OUTER OVER
    PARTITION PLAN PRAGMA PRECEDING PRIMARY QUERY RAISE RANGE RECURSIVE REFERENCES REGEXP REINDEX
    RELEASE RENAME REPLACE RESTRICT RETURNING RIGHT ROLLBACK ROW ROWS SAVEPOINT SELECT SET TABLE TEMP
    TEMPORARY THEN TIES TO TRANSACTION TRIGGER UNBOUNDED UNION UNIQUE UPDATE USING VACUUM VALUES VIEW
    VIRTUAL WHEN WHERE WINDOW WITH WITHOUT
"""
KEYWORDS = frozenset(_WORDS.split())
"""SQLite's whole keyword list (147 words). Some may stand bare as names in places; none is left bare here."""

TRUTHS = frozenset({"TRUE", "FALSE"})
"""No keywords, but a bare one is the number where no column is so called, and no column of a subquery is."""

_QUOTED = KEYWORDS | TRUTHS
LETTER = rb"[\w$\x80-\xff]"
"""A pattern of what may stand in a bare name of a statement, keywords and numbers too."""
WRITTEN = rb"(?:" + LETTER + rb'+|"(?:[^"]|"")+")'
"""A pattern of a name in a statement, bare or quoted."""
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def is_bare(name: str) -> bool:
    """Whether `name` may stand without quotes."""
    return _BARE.match(name) is not None and name.upper() not in _QUOTED


def quote(name: str) -> str:
    """The name as SQL writes it: bare if it can be, else in double quotes with inner quotes doubled."""
    return name if is_bare(name) else ddl_comments.quote(name)


def text_literal(text: str) -> str:
    """A text as SQL writes it, in single quotes: `it's` is `'it''s'`."""
    return "'" + text.replace("'", "''") + "'"
