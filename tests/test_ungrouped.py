"""What is shown of each row beside a count makes groups, where the database has several in one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel

from sqlagent import Agent

DDL = """
CREATE TABLE sent (id INTEGER PRIMARY KEY, mode TEXT, day DATE, kg INT);
INSERT INTO sent VALUES (1, 'air', '2026-01-05', 1), (2, 'air', '2026-01-09', 2), (3, 'air', '2026-02-01', 4),
    (4, 'sea', '2026-02-03', 8);
CREATE TABLE once (id INTEGER PRIMARY KEY, mode TEXT, day DATE);
INSERT INTO once VALUES (1, 'air', '2026-01-05'), (2, 'sea', '2026-02-05');
"""
MONTH = "STRFTIME('%Y-%m', day)"


@pytest.fixture
def path(small_database: Callable[[str], Path]) -> Path:
    return small_database(DDL)


def test_a_part_of_a_time_that_varies_in_a_group_joins_the_groups(path: Path) -> None:
    with Agent(path, FakeModel([f"SELECT COUNT(*), mode, {MONTH} FROM sent GROUP BY mode"])) as agent:
        answer = agent.ask("How many by month and mode?", anyway=True)
    assert sorted(answer.rows) == [(1, "air", "2026-02"), (1, "sea", "2026-02"), (2, "air", "2026-01")]
    assert [one.rule for one in answer.amendments] == ["ungrouped"]


def test_whatever_is_computed_of_the_groups(path: Path) -> None:
    with Agent(path, FakeModel([f"SELECT VAR_POP(kg), mode, {MONTH} FROM sent GROUP BY mode"])) as agent:
        answer = agent.ask("What is the variance by month and mode?", anyway=True)
    assert sorted(answer.rows) == [(0.0, "air", "2026-02"), (0.0, "sea", "2026-02"), (0.25, "air", "2026-01")]


@pytest.mark.parametrize(
    "sql",
    [
        f"SELECT mode, {MONTH}, COUNT(*) FROM once GROUP BY mode",  # one in each
        f"SELECT mode, {MONTH}, MAX(kg) FROM sent GROUP BY mode",  # of the row that has the most
        f"SELECT mode, {MONTH}, COUNT(*) FROM sent GROUP BY mode ORDER BY COUNT(*) DESC LIMIT 1",
        f"SELECT mode, MIN({MONTH}), COUNT(*) FROM sent GROUP BY mode",
        f"SELECT {MONTH}, COUNT(*) FROM sent GROUP BY {MONTH}",
        "SELECT mode, kg, COUNT(*) FROM sent GROUP BY mode",  # a bare column: dropped, or grouped by?
        f"SELECT mode, {MONTH} FROM sent GROUP BY mode",
    ],
)
def test_anything_else_stays(path: Path, sql: str) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        assert agent.ask("What is it for each?", anyway=True).sql == sql


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (
            "SELECT mode, kg, COUNT(*) FROM sent GROUP BY mode",
            "Each row has several kg; one of them is shown.",
        ),
        ("SELECT kg, COUNT(*) FROM sent", "There are several kg; one of them is shown."),
        ("SELECT mode, day, COUNT(*) FROM once GROUP BY mode", ""),
        ("SELECT mode, kg, MAX(day) FROM sent GROUP BY mode", ""),
        ("SELECT kg, COUNT(*) FROM sent WHERE id = 1", ""),
        ("SELECT mode, COUNT(*) FROM sent GROUP BY mode", ""),
    ],
)
def test_what_is_shown_of_any_row_is_doubted(path: Path, sql: str, said: str) -> None:
    with Agent(path, FakeModel([sql])) as agent:
        answer = agent.ask("How many for each?", anyway=True)
    assert said in answer.note and ("one of them is shown" in answer.note) is bool(said)
    assert answer.evidence is not None and answer.evidence.doubted is bool(said)
