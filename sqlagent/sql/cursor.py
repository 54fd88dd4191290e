"""Step through the tokens of a statement: what every part of the parser is built on."""

from __future__ import annotations

from sqlagent.sql.lexer import Token, significant, unquoted
from sqlagent.sql.tree import Name

DEPTH = 60
"""Expressions and queries inside one another that are read; each takes a few frames of Python's stack."""

_RESERVED_WORDS = """
    ADD ALL ALTER AND AS AUTOINCREMENT BETWEEN CASE CHECK COLLATE COMMIT CONSTRAINT CREATE DEFAULT DEFERRABLE DELETE
    DISTINCT DROP ELSE ESCAPE EXCEPT EXISTS FOREIGN FROM GROUP HAVING IN INDEX INSERT INTERSECT INTO IS ISNULL JOIN
    LIMIT NOT NOTHING NOTNULL NULL ON OR ORDER PRIMARY REFERENCES RETURNING SELECT SET TABLE THEN TO TRANSACTION UNION
    UNIQUE UPDATE USING VALUES WHEN WHERE
"""
RESERVED = frozenset(_RESERVED_WORDS.split())
"""Keywords that are never names without quotes; SQLite takes the other ones for names where it can."""
JOIN_WORDS = frozenset(["CROSS", "FULL", "INNER", "LEFT", "NATURAL", "OUTER", "RIGHT"])
"""Keywords that are names, but no alias without AS."""


class Unreadable(ValueError):
    """A text that is no SELECT statement of SQLite's, with the place of the token that does not fit."""

    def __init__(self, why: str, at: int) -> None:
        super().__init__(f"{why} (at character {at})")
        self.at = at


class Cursor:
    """A place among the tokens of a text."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = significant(sql)
        self.tokens += self.tokens[-1:] * 2  # so that two tokens ahead may be looked at from anywhere
        self.keys = [token.key for token in self.tokens]
        self.at = 0
        self.depth = 0

    @property
    def end(self) -> int:
        """Where the last token that was read ends."""
        return self.tokens[self.at - 1].end

    def fail(self, wanted: str = "") -> Unreadable:
        """What is wrong with the next token."""
        token = self.tokens[self.at]
        found = "the end" if token.kind == "end" else repr(token.text)
        return Unreadable(
            f"{wanted} expected, {found} found" if wanted else f"{found} does not fit", token.start
        )

    def take(self, *keys: str) -> bool:
        """Whether the next tokens are these, which are then read."""
        at = self.at
        for key in keys:
            if self.keys[at] != key:
                return False
            at += 1
        self.at = at
        return True

    def expect(self, key: str) -> None:
        if self.keys[self.at] != key:
            raise self.fail(key)
        self.at += 1

    def opens_query(self, ahead: int = 0) -> bool:
        """Whether a query begins here, which the keyword of its first token says."""
        return self.keys[self.at + ahead] in ("SELECT", "VALUES", "WITH")

    def enter(self) -> None:
        """Go a level deeper. Raises Unreadable where that is too deep."""
        self.depth += 1
        if self.depth > DEPTH:
            raise Unreadable("too deep", self.tokens[self.at].start)

    def is_name(self, token: Token) -> bool:
        """Whether a token may be the name of a table or a column."""
        kind = token.kind
        return (kind == "name" and token.key not in RESERVED) or kind == "quoted"

    def name(self) -> Name:
        """A name, which may be quoted, also as a text is."""
        token = self.tokens[self.at]
        kind = token.kind
        if kind == "name" and token.key not in RESERVED:
            self.at += 1
            return Name(token.start, token.end, token.text, "")
        if kind not in ("quoted", "text"):
            raise self.fail("a name")
        self.at += 1
        return Name(token.start, token.end, unquoted(token), token.text[0])

    def alias(self) -> Name | None:
        """The alias of a result column or a source, with or without AS."""
        token = self.tokens[self.at]
        if token.key == "AS":
            self.at += 1
            return self.name()
        if token.kind == "name":
            key = token.key
            if (
                key in RESERVED
                or key in JOIN_WORDS
                or key == "INDEXED"
                or (key == "WINDOW" and self.opens_window())
            ):
                return None
            return self.name()
        return self.name() if token.kind in ("quoted", "text") else None

    def opens_window(self) -> bool:
        """Whether WINDOW is no name here but begins the clause, as the two tokens behind it say."""
        return self.is_name(self.tokens[self.at + 1]) and self.keys[self.at + 2] == "AS"
