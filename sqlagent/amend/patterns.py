"""Patterns of the parts of a canonical statement. One that must not match inside a text begins with `TEXT|`."""

NAME = r"(?:\"(?:[^\"]|\"\")+\"|[A-Za-z_\x80-\U0010ffff][\w$]*)"
"""A name, bare or quoted."""
COLUMN = rf"(?:{NAME}\.)?(?P<{{}}>{NAME})"
"""A column, its name in the group that `format` is given."""
TEXT = r"'(?:[^']|'')*'"
"""A text."""
