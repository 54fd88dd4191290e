"""Words for a time are read to the day, by a clock that does not move; names that look like one are none."""

from __future__ import annotations

from datetime import date

import pytest

from sqlagent.amend.period_phrases import periods

TODAY = date(2026, 11, 28)  # a Saturday


@pytest.mark.parametrize(
    ("question", "begin", "end"),
    [
        ("orders placed today", "2026-11-28", "2026-11-29"),
        ("how many orders did we get yesterday", "2026-11-27", "2026-11-28"),
        ("yesterday's orders", "2026-11-27", "2026-11-28"),
        ("the day before yesterday", "2026-11-26", "2026-11-27"),
        ("orders this week", "2026-11-23", "2026-11-30"),
        ("orders of last week", "2026-11-16", "2026-11-23"),
        ("orders placed last month", "2026-10-01", "2026-11-01"),
        ("the previous quarter's revenue", "2026-07-01", "2026-10-01"),
        ("revenue last year", "2025-01-01", "2026-01-01"),
        ("the current quarter", "2026-10-01", "2027-01-01"),
        ("sales for the last 7 days", "2026-11-22", "2026-11-29"),
        ("sales of the past two weeks", "2026-11-15", "2026-11-29"),
        ("sales in the last three months", "2026-08-29", "2026-11-29"),
        ("sales over the past year", "2025-11-29", "2026-11-29"),
        ("3 days ago", "2026-11-25", "2026-11-26"),
        ("last Friday", "2026-11-27", "2026-11-28"),
        ("last Saturday", "2026-11-21", "2026-11-22"),
        ("year to date revenue", "2026-01-01", "2026-11-29"),
        ("revenue YTD", "2026-01-01", "2026-11-29"),
        ("orders so far this month", "2026-11-01", "2026-11-29"),
        ("visits from 1 to 10 February 2024", "2024-02-01", "2024-02-11"),
        ("between May 3 and May 9, 2024", "2024-05-03", "2024-05-10"),
        ("between 3 and 9 May 2024", "2024-05-03", "2024-05-10"),
        ("from November 2023 to January 2024", "2023-11-01", "2024-02-01"),
        ("between January and March 2024", "2024-01-01", "2024-04-01"),
        ("from 2024-01-05 to 2024-02-03", "2024-01-05", "2024-02-04"),
        ("until 31 January 2024", None, "2024-02-01"),
        ("by the end of June 2024", None, "2024-07-01"),
        ("before May 2024", None, "2024-05-01"),
        ("after 1 June 2024", "2024-06-02", None),
        ("since March 2024", "2024-03-01", None),
        ("since yesterday", "2026-11-27", None),
        ("Q2 2023", "2023-04-01", "2023-07-01"),
        ("the second quarter of 2023", "2023-04-01", "2023-07-01"),
        ("the first half of 2024", "2024-01-01", "2024-07-01"),
        ("the last quarter of 2023", "2023-10-01", "2024-01-01"),
        ("since the start of May 2024", "2024-05-01", None),
        ("in March 2024", "2024-03-01", "2024-04-01"),
        ("on the 3rd of May 2024", "2024-05-03", "2024-05-04"),
        ("in the seven days before 15 June 2023", "2023-06-08", "2023-06-15"),
        ("during the 2 weeks after 1 June 2024", "2024-06-02", "2024-06-16"),
        ("the three months prior to May 2024", "2024-02-01", "2024-05-01"),
        ("orders placed 3 days before 15 June 2023", None, "2023-06-15"),
    ],
)
def test_a_phrase_is_its_days(question: str, begin: str | None, end: str | None) -> None:
    (found,) = periods(question, TODAY)
    assert (found.begin and str(found.begin), found.end and str(found.end)) == (begin, end)
    assert not found.yearless


@pytest.mark.parametrize(
    ("question", "begin", "end"),
    [
        ("visits until 31 January", None, "2026-02-01"),
        ("from 1 to 10 February", "2026-02-01", "2026-02-11"),
        ("revenue in March", "2026-03-01", "2026-04-01"),
        ("revenue in December", "2025-12-01", "2026-01-01"),
        ("orders in Q2", "2026-04-01", "2026-07-01"),
    ],
)
def test_without_a_year_it_is_the_latest_that_has_begun(question: str, begin: str | None, end: str) -> None:
    (found,) = periods(question, TODAY)
    assert (found.begin and str(found.begin), str(found.end)) == (begin, end)
    assert found.yearless
    assert str(found.in_year(2024).end)[:4] in ("2024", "2025")


@pytest.mark.parametrize(
    "question",
    [
        "songs called Yesterday",
        "how many seconds does 'Yesterday' last",
        "who may attend the march?",
        "What are the first and last names of the clients?",
        "the last order of each client",
        "how many people are called May?",
        "orders in 2023",
        "the last years of the war",
        "which movies are titled \"Last Week\"?",
        "last day of work",
        "sales in the first week of March 2024",
        "sales in early March 2024",
        "sales of the last 7 days of May 2024",
        "the last month of 2023",
        "sales every March",
        "sales at the end of June 2024",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_time_is_none(question: str) -> None:
    assert periods(question, TODAY) == []


def test_two_periods_are_two() -> None:
    assert len(periods("compare this month with last month", TODAY)) == 2


def test_the_last_day_of_a_short_month_is_found() -> None:
    (found,) = periods("the last 1 months", date(2026, 3, 31))
    assert str(found.begin) == "2026-03-01"


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("last month", "1 to 31 October 2026"),
        ("yesterday", "27 November 2026"),
        ("until 31 January 2024", "until 31 January 2024"),
        ("Q2 2023", "1 April 2023 to 30 June 2023"),
    ],
)
def test_the_days_are_said_as_people_do(question: str, said: str) -> None:
    assert periods(question, TODAY)[0].said() == said


@pytest.mark.parametrize(
    "question", ["kings of the last 2500 years", "orders of the past 9999 months and last week"]
)
def test_days_before_the_year_one_are_no_period(question: str) -> None:
    assert all(one.begin and one.begin.year > 1000 for one in periods(question, TODAY))


@pytest.mark.parametrize(
    "question", ["the 2500 years before 1 May 2024", "in the 9000 years after 1 May 2024"]
)
def test_a_count_of_years_beyond_the_calendar_is_passed_over(question: str) -> None:
    assert len(periods(question, TODAY)) == 1
