"""What kind of values a column holds: numbers by its type, dates by what is seen of it."""

from __future__ import annotations

import pytest

from sqlagent.database.column_kinds import amounts, holds_dates, holds_numbers, shows_dates
from sqlagent.database.schema import Column, Value, from_ddl


@pytest.mark.parametrize(
    ("declared", "samples", "seen", "holds"),
    [
        ("TEXT", ("2024-03-05", "2024-03-05 12:00"), True, True),
        ("TEXT", ("2024-03-05", None), True, True),
        ("DATE", (), False, True),
        ("timestamp", (None,), False, True),
        ("TEXT", (), False, False),
        ("DATE", (1714694400,), False, False),
        ("DATE", ("2024-03-05", "5.3.2024"), False, False),
        ("TEXT", ("2024-03-051",), False, False),
    ],
)
def test_values_tell_dates_and_a_type_does_where_none_is_known(
    declared: str, samples: tuple[Value, ...], seen: bool, holds: bool
) -> None:
    column = Column("day", declared, samples=samples)
    assert (shows_dates(column), holds_dates(column)) == (seen, holds)


@pytest.mark.parametrize(
    "declared", ["INTEGER", "real", "FLOAT", "DOUBLE PRECISION", "Decimal(9, 2)", "MONEY"]
)
def test_a_type_tells_numbers(declared: str) -> None:
    assert holds_numbers(Column("price", declared))
    assert not holds_numbers(Column("price", "TEXT"))


def test_keys_are_no_amounts() -> None:
    schema = from_ddl(
        "CREATE TABLE shop (id INTEGER PRIMARY KEY);"
        "CREATE TABLE sale (id INTEGER PRIMARY KEY, shop INTEGER REFERENCES shop(id), price REAL, note TEXT, n INT)"
    )
    assert [column.name for column in amounts(schema.tables[1])] == ["price", "n"]
