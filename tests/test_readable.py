"""Tables for people have short heads and no more digits than one reads; all that was stored stays as it is."""

from __future__ import annotations

import pytest

from sqlagent.ui.readable import for_people, rounded
from sqlagent.ui.wrapping import sql_lines, text_lines


@pytest.mark.parametrize(
    ("sql", "question", "head"),
    [
        ("SELECT COUNT(*) FROM t", "How many?", "count"),
        ("SELECT COUNT(DISTINCT city) FROM t", "How many cities?", "number of different city"),
        ("SELECT AVG(salary) FROM t", "What is the mean pay?", "average salary"),
        (
            "SELECT SUM(Total) * 100.0 / (SELECT SUM(Total) FROM i) FROM i",
            "What percentage is it?",
            "percentage",
        ),
        ("SELECT SUM(Total) * 100.0 / (SELECT SUM(Total) FROM i) FROM i", "How much is it?", "value"),
        ("SELECT a + b FROM t", "Both?", "a + b"),
        ("SELECT name FROM t", "What is the average?", "name"),
        ("SELECT AVG(salary) AS mean FROM t", "What is the average?", "mean"),
        ("not a statement", "What is the average?", "x"),
    ],
)
def test_heads_are_short_and_say_what_was_asked(sql: str, question: str, head: str) -> None:
    column = sql[7:].split(" FROM")[0].split(" AS ")[-1] if sql.startswith("SELECT") else "x"
    column = sql[7 : sql.rindex(" FROM")] if head in ("value", "percentage") else column
    assert for_people(sql, question, [column], [(1,)])[0] == [head]


def test_two_columns_never_get_one_head() -> None:
    columns, _ = for_people(
        "SELECT AVG(a + 1), AVG(b + 1) FROM t", "What is the average?", ["AVG(a + 1)", "AVG(b + 1)"], [(1, 2)]
    )
    assert list(columns) == ["AVG(a + 1)", "AVG(b + 1)"]


def test_what_is_computed_is_rounded_and_what_is_stored_is_not() -> None:
    sql = "SELECT lat, AVG(lat), MAX(lat), lat * 2, ROUND(lat, 4), COUNT(*), 38.716667 FROM t"
    row = (38.716667, 38.716667, 38.716667, 77.433334, 38.7167, 7, 38.716667)
    assert list(for_people(sql, "", [str(i) for i in range(7)], [row])[1][0]) == [
        38.716667, 38.72, 38.716667, 77.43, 38.7167, 7, 38.716667,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.615562999227, 1.62),
        (0.001234567, 0.00123),
        (-0.5, -0.5),
        (0.0, 0.0),
        (1234567.891, 1234567.89),
        (1e300, 1e300),
    ],
)
def test_numbers_are_rounded_for_people(value: float, shown: float) -> None:
    assert rounded(value) == shown


LONG = (
    "SELECT artists.name, COUNT(*) FROM artists LEFT JOIN albums ON albums.artist_id = artists.id WHERE albums.title = "
    "'FROM here  to there' AND artists.id IN (SELECT id FROM best ORDER BY id LIMIT 5) "
    "GROUP BY artists.name ORDER BY 2 DESC"
)


@pytest.mark.parametrize("width", [30, 60, 80, 100])
def test_a_statement_breaks_before_its_clauses_and_is_the_same_statement(width: int) -> None:
    lines = sql_lines(LONG, width)
    assert [line for line in lines if len(line) > width] == []
    assert " ".join(line.strip() for line in lines) == LONG
    starts = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert starts == ["SELECT", "FROM", "LEFT", "WHERE", "GROUP", "ORDER"]


def test_what_fits_or_goes_to_a_file_stays_on_one_line() -> None:
    assert sql_lines(LONG, None) == [LONG]
    assert sql_lines("SELECT 1", 80) == ["SELECT 1"]


def test_a_sentence_breaks_at_blanks() -> None:
    text = "Name of artists, joined with albums where the title is 日本語, the one with the highest count."
    lines = text_lines(text, 40)
    assert " ".join(lines) == text and len(lines) == 3
