"""The functions that the sandbox brings give what independent implementations give, wherever they may stand."""

from __future__ import annotations

import math
import random
import sqlite3
import statistics
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sqlagent.base.errors import QueryError
from sqlagent.database import schema
from sqlagent.grammar import Acceptor
from sqlagent.sandbox import functions
from sqlagent.sandbox.sandbox import Sandbox


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:")
    functions.register(opened)
    yield opened
    opened.close()


def column(rng: random.Random) -> list[float | int | None]:
    """A column of numbers: empty, of one row, with ties and NULLs, small and huge."""
    size = rng.choice((0, 1, 2, 3, 5, 8, 13))
    kinds = (
        lambda: rng.randint(-5, 5),
        lambda: rng.uniform(-1e6, 1e6),
        lambda: rng.randint(0, 10**12),
        lambda: None,
    )
    return [rng.choice(kinds)() for _ in range(size)]


def test_ten_thousand_random_columns_agree_with_numpy_and_statistics(connection: sqlite3.Connection) -> None:
    rng = random.Random(7)
    connection.execute("CREATE TABLE t (x)")
    for _ in range(10_000):
        values = column(rng)
        share = rng.choice((0, 25, 50, 90, 95, 100))
        connection.execute("DELETE FROM t")
        connection.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values])
        found = connection.execute(
            f"SELECT MEDIAN(x), PERCENTILE(x, {share}), PERCENTILE_CONT(x, {share / 100}), STDDEV(x), STDDEV_SAMP(x),"
            " STDDEV_POP(x), VARIANCE(x), VAR_SAMP(x), VAR_POP(x), MODE(x) FROM t"
        ).fetchone()
        numbers = [value for value in values if value is not None]
        assert all(_near(a, b) for a, b in zip(found, _expected(numbers, share), strict=True)), (
            values,
            share,
        )


def _expected(numbers: list[Any], share: float) -> list[Any]:
    if not numbers:
        return [None] * 10
    floats = np.array(numbers, dtype=float)
    percentile = float(np.percentile(floats, share))
    sample = [statistics.stdev(floats), statistics.variance(floats)] if len(numbers) > 1 else [None, None]
    return [
        statistics.median(floats), percentile, percentile, sample[0], sample[0], float(np.std(floats)),
        sample[1], sample[1], float(np.var(floats)), min(statistics.multimode(numbers)),
    ]  # fmt: skip


def _near(a: Any, b: Any) -> bool:
    return a is b is None or (None not in (a, b) and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-4))


def test_text_that_holds_numbers_counts_and_other_text_is_an_error(connection: sqlite3.Connection) -> None:
    query = "SELECT MEDIAN(column1) FROM (VALUES ('1'), (' 2 '), ('10'))"
    assert connection.execute(query).fetchone() == (2.0,)
    for call in ("MEDIAN(column1)", "STDDEV(column1)", "PERCENTILE(column1, 50)"):
        with pytest.raises(sqlite3.Error):
            connection.execute(f"SELECT {call} FROM (VALUES (1), ('N/A'))").fetchone()


@pytest.mark.parametrize(
    "call",
    ["PERCENTILE(column1, 101)", "PERCENTILE_CONT(column1, 1.5)", "PERCENTILE(column1, column1)"],
)
def test_a_share_is_one_number_in_its_range(connection: sqlite3.Connection, call: str) -> None:
    with pytest.raises(sqlite3.Error):
        connection.execute(f"SELECT {call} FROM (VALUES (1), (2))").fetchone()


def test_the_mode_of_any_values_is_the_least_of_the_commonest(connection: sqlite3.Connection) -> None:
    def mode(*values: Any) -> Any:
        rows = ", ".join(f"({value})" for value in values)
        return connection.execute(f"SELECT MODE(column1) FROM (VALUES {rows})").fetchone()[0]

    assert mode("'b'", "'a'", "'b'") == "b"
    assert mode("'b'", "'a'") == "a" and mode("'a'", "2", "x'00'") == 2
    assert mode("NULL", "NULL", "1") == 1 and mode("NULL") is None


def test_dates_have_quarters_weeks_and_names(connection: sqlite3.Connection) -> None:
    day = date(2019, 12, 25)
    for _ in range(400):
        day += timedelta(days=1)
        said = f"'{day.isoformat()}T10:00:00'"
        found = connection.execute(
            f"SELECT QUARTER({said}), WEEK({said}), DAYNAME({said}), MONTHNAME({said}), strftime('%m', {said})"
        ).fetchone()
        assert found[:4] == ((int(found[4]) + 2) // 3, day.isocalendar()[1], f"{day:%A}", f"{day:%B}")
    assert connection.execute("SELECT QUARTER('soon'), WEEK(7), DAYNAME(NULL), QUARTER('2020-13-01')").fetchone() == (
        None, None, None, None,
    )  # fmt: skip


def test_the_sandbox_runs_them_and_the_grammar_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "staff.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE staff (name TEXT, team TEXT, salary INTEGER, hired TEXT)")
        made.executemany(
            "INSERT INTO staff VALUES (?, ?, ?, ?)",
            [
                ("Ada", "Dev", 10, "2020-02-01"),
                ("Bo", "Dev", 30, "2020-05-01"),
                ("Cy", "Ops", 50, "2021-05-01"),
            ],
        )
    acceptor = Acceptor(schema.read(path))
    with Sandbox(path) as sandbox:
        for sql, rows in {
            "SELECT MEDIAN(salary) FROM staff": [(30.0,)],
            "SELECT team, MEDIAN(salary) FROM staff GROUP BY team": [("Dev", 20.0), ("Ops", 50.0)],
            "SELECT PERCENTILE(salary, 90) FROM staff": [(46.0,)],
            "SELECT PERCENTILE_CONT(salary, 0.5) FROM staff": [(30.0,)],
            "SELECT STDDEV(salary) FROM staff": [(20.0,)],
            "SELECT QUARTER(hired), COUNT(*) FROM staff GROUP BY QUARTER(hired)": [(1, 1), (2, 2)],
        }.items():
            assert acceptor.accepts(sql), sql
            assert sandbox.execute(sql).rows == rows, sql
        with pytest.raises(QueryError, match="MEDIAN needs numbers"):
            sandbox.execute("SELECT MEDIAN(name) FROM staff")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT MEDIAN(salary) OVER () FROM staff",
        "SELECT PERCENTILE(salary, 101) FROM staff",
        "SELECT PERCENTILE_CONT(0.9, 0.5) FROM staff",  # the share first, as other databases have it
        "SELECT MEDIAN('salary') FROM staff",
    ],
)
def test_what_would_not_run_is_not_written(sql: str) -> None:
    made = schema.from_ddl("CREATE TABLE staff (name TEXT, salary INTEGER)")
    assert not Acceptor(made).accepts(sql)
