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
_SHORT = {
    "nm": "name", "nme": "name", "nam": "name", "ttl": "title", "dsc": "description", "desc": "description",
    "descr": "description",
}  # fmt: skip
_CODES = ("cd", "code", "no", "id")
_KINDS_OF_TABLES = frozenset(("mst", "mstr", "master", "hdr", "header", "tbl", "table", "dim", "lst"))
"""What stands behind the name of a thing in a table's name: `itm_mst`, `customer_master`."""
_CODE = 2
"""Letters of a code that says nothing by itself: `OP`, `DE`; `USA` and `SALE` may."""
_FULL = ("fullname", "displayname", "companyname")
_FIRST, _LAST = ("first", "f", "fore", "given"), ("last", "l", "sur", "family")


def names_of(table: Table) -> tuple[str, ...]:
    """The column that names a table's rows, or the two that make a person's name; () where none is sure."""
    shared = _shared_word(table)
    texts = [
        (c.name, [_SHORT.get(word, word) for word in _words(c.name)[shared:]])
        for c in table.columns
        if any(kind in c.type.lower() for kind in _TEXTS)
    ]
    first = [name for name, words in texts if "".join(words) in {"fn", *(f"{word}name" for word in _FIRST)}]
    last = [name for name, words in texts if "".join(words) in {"ln", *(f"{word}name" for word in _LAST)}]
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
        [name for name, words in texts if called_like(words, table) and words[-1] not in _CODES],
        [name for name, words in texts if words[-1:] and words[-1] in _TITLES],
        [name for name, words in texts if words[-1:] == ["description"] and called_like(words[:-1], table)],
        [name for name, words in texts if words == ["description"] and (shared or _words(name) != words)],
    ):
        if len(found) == 1 or found == first + last != []:
            return tuple(found)
    return ()


def _words(column: str) -> list[str]:
    """A column's words; the first of several that are numbered, `nm1`, is as one without a number."""
    words = name_words(column)
    return words[:-1] if words[-1:] == ["1"] else words


def _shared_word(table: Table) -> int:
    """How many first words all columns of a table have in common: `cu_no`, `cu_nm1`, `cu_cty` have one."""
    first = [_words(column.name) for column in table.columns]
    shared = len(first) > 2 and all(len(words) > 1 and words[0] == first[0][0] for words in first)
    return 1 if shared else 0


def own_words(table: str) -> list[str]:
    """The words of a table's name without those that say what kind of table it is."""
    words = name_words(table)
    return [word for word in words if word not in _KINDS_OF_TABLES] or words


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
    own = own_words(table.name)
    return bool(words) and len(words) == len(own) and all(map(word_like, words, own))


def word_like(word: str, other: str) -> bool:
    """Whether a word is another one in the singular or the plural, or short for it."""
    return (other.startswith(word[:-1]) and abs(len(word) - len(other)) < 3) or _short_for(word, other)


def _short_for(word: str, whole: str) -> bool:
    """Whether a word of three letters or more is short for another: `dept`, `emp`, `cust`."""
    letters = iter(whole)
    return len(word) > 2 and word[:2] == whole[:2] and all(letter in letters for letter in word)
