"""Tell what names the rows of a table: `name`, `title`, first and last names, or what a code stands for.

Invariant: a column comes out only where no other one would do as well.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlagent.base.word_forms import name_words
from sqlagent.database.schema import Table, fold

_TEXTS = ("char", "text")
"""What is in the types of columns that hold texts."""
_TITLES = ("name", "title")
_SHORT = {"nm": "name", "nme": "name", "nam": "name", "ttl": "title"}
_CODE = 2
"""Letters of a code that says nothing by itself: `OP`, `DE`; `USA` and `SALE` may."""
_FULL = ("fullname", "displayname", "companyname")
_FIRST, _LAST = ("first", "f", "fore", "given"), ("last", "l", "sur", "family")


def names_of(table: Table) -> tuple[str, ...]:
    """The column that names a table's rows, or the two that make a person's name; () where none is sure."""
    texts = [
        (c.name, [_SHORT.get(word, word) for word in name_words(c.name)])
        for c in table.columns
        if any(kind in c.type.lower() for kind in _TEXTS)
    ]
    first = [name for name, words in texts if "".join(words) in {f"{word}name" for word in _FIRST}]
    last = [name for name, words in texts if "".join(words) in {f"{word}name" for word in _LAST}]
    for found in (
        [name for name, words in texts if words == ["name"]],
        [
            name
            for name, words in texts
            if words[-1:] and words[-1] in _TITLES and called_like(words[:-1], table)
        ],
        first + last if len(first) == len(last) == 1 else [],
        [name for name, words in texts if "".join(words) in _FULL],
        [name for name, words in texts if words == ["title"]],
        [name for name, words in texts if called_like(words, table)],
        [name for name, words in texts if words[-1:] and words[-1] in _TITLES],
        [name for name, words in texts if words[-1:] == ["description"] and called_like(words[:-1], table)],
    ):
        if len(found) == 1 or found == first + last != []:
            return tuple(found)
    return ()


def meaning_of(table: Table) -> tuple[str, ...]:
    """The text beside the key of a table that has nothing else, and so is there to say what its codes mean; else ()."""
    codes = [column for column in table.columns if [fold(column.name)] == [*map(fold, table.primary_key)]]
    texts = [column for column in table.columns if column not in codes]
    if len(codes) != 1 or len(texts) != 1 or not any(kind in texts[0].type.lower() for kind in _TEXTS):
        return ()
    known = [value for value in codes[0].samples if value is not None]
    short = all(isinstance(value, str) and len(value) <= _CODE for value in known)
    return (texts[0].name,) if known and short else ()


def called_like(words: Sequence[str], table: Table) -> bool:
    """Whether words are those of a table's name, in the singular or the plural."""
    own = name_words(table.name)
    return (
        bool(words)
        and len(words) == len(own)
        and all(
            (b.startswith(a[:-1]) and abs(len(a) - len(b)) < 3) or _short_for(a, b)
            for a, b in zip(words, own, strict=True)
        )
    )


def _short_for(word: str, whole: str) -> bool:
    """Whether a word of three letters or more is short for another: `dept`, `emp`, `cust`."""
    letters = iter(whole)
    return len(word) > 2 and word[:2] == whole[:2] and all(letter in letters for letter in word)
