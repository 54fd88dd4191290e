"""Promises of what the page is told: which chart suits a result, and how values travel."""

from __future__ import annotations

import json
import math
import threading
import time
from typing import Any

import pytest

from sqlagent.agent.answer import Answer
from sqlagent.amend.amendment import Amendment
from sqlagent.base.errors import QueryError
from sqlagent.database.schema import Schema
from sqlagent.ui.web import charts, views
from sqlagent.ui.web.jobs import Job, Line

NAMES = [("Ann", 3), ("Bob", 5), ("Cid", 1)]


@pytest.mark.parametrize(
    "columns, rows, kind, x, y",
    [
        (("name", "n"), NAMES, "bars", 0, 1),
        (("n", "name"), [(3, "Ann"), (5, "Bob")], "bars", 1, 0),
        (("year", "sales"), [(2019, 5), (2020, 6), (2021, 9)], "lines", 0, 1),
        (("month", "sales"), [("2024-01", 5.5), ("2024-02", 6)], "lines", 0, 1),
        (
            ("hire_date", "salary"),
            [("2024-01-31", 5), ("2024-02-29", None), ("2023-01-01", 3)],
            "lines",
            0,
            1,
        ),
        (("day", "n"), [("01", 5), ("02", 6)], "lines", 0, 1),
        (("price",), [(i * 1.5,) for i in range(50)], "histogram", -1, 0),
        (("id", "price"), [(i, i * 2) for i in range(5)], "bars", 0, 1),
        (("id", "name", "salary"), [(1, "a", 10), (2, "b", 20)], "bars", 1, 2),
        (("name", "salary"), [(f"p{i}", i) for i in range(500)], "histogram", 0, 1),
    ],
)
def test_the_chart_is_chosen_from_the_columns(
    columns: tuple[str, ...], rows: list[Any], kind: str, x: int, y: int
) -> None:
    found = charts.suggest(columns, rows)
    assert found is not None and (found["kind"], found["x"], found["y"]) == (kind, x, y)
    assert found["kind"] in found["kinds"] and found["y"] in found["measures"]
    assert found["x"] == -1 or found["x"] in found["labels"]


@pytest.mark.parametrize(
    "columns, rows",
    [
        (("n",), [(1,)]), (("name",), [("a",), ("b",)]), (("id",), [(1,), (2,)]), ((), []), (("a", "b"), []),
        (("name", "blob"), [("a", b"x"), ("b", b"y")]), (("a", "b"), [("x", None), ("y", None)]),
        (("name", "mixed"), [("a", 1), ("b", "two")]), (("price",), [(1,), (2,)]),
    ],
)  # fmt: skip
def test_a_result_without_one_has_none(columns: tuple[str, ...], rows: list[Any]) -> None:
    assert charts.suggest(columns, rows) is None


def test_values_travel_as_json_that_loses_nothing_a_browser_could_hold() -> None:
    row = (None, "a\u202eb\x1b[31m\n", 7, 2**53, -(2**63), 0.5, math.inf, b"\x00\xff", "x" * 5000)
    told = json.loads(json.dumps([views.cell(value) for value in row]))
    assert told[:3] == [None, "a\\u202eb\\x1b[31m\n", 7]
    assert told[3] == {"kind": "number", "text": "9007199254740992"} and told[4]["text"] == str(-(2**63))
    assert told[5] == 0.5 and told[6]["text"] == "inf"
    assert told[7] == {"kind": "blob", "text": "00 ff (2 bytes)"}
    assert len(told[8]) == 4001


def test_a_line_runs_jobs_in_order_survives_faults_and_stops_at_once() -> None:
    done: list[str] = []
    gate, stopped = threading.Event(), threading.Event()

    def work(job: Job) -> None:
        if job.text == "wait":
            while not stopped.wait(0.01) and not gate.is_set():
                pass
            job.check()
        if job.text == "fault":
            raise ZeroDivisionError
        if job.text == "wrong":
            raise QueryError("no such column: x.")
        done.append(job.text)
        job.tell("answer", last=True)

    line = Line("test", work, lambda job: stopped.set())
    jobs = [Job("ask", text, "s", "/x.db") for text in ("wait", "a", "fault", "wrong", "b", "c")]
    for job in jobs:
        line.submit(job)
    assert line.length("s") == 6 and line.ahead(jobs[4]) == 4
    line.stop(jobs[5])
    assert jobs[5].done and line.length("s") == 5
    line.stop(jobs[0])
    assert [event["type"] for event in jobs[0].events] == ["stopped"]
    deadline = time.monotonic() + 10
    while not jobs[4].done and time.monotonic() < deadline:
        time.sleep(0.01)
    assert done == ["a", "b"]
    assert jobs[2].events[-1]["kind"] == "Fault" and "report" in jobs[2].events[-1]["text"]
    assert jobs[3].events[-1] == {
        "n": 0,
        "type": "failed",
        "text": "no such column: x.",
        "kind": "QueryError",
    }
    line.close()


def test_no_sentence_on_the_page_names_a_flag_that_nobody_can_type_there() -> None:
    assert views.left_out(None) == ""
    assert (
        views.left_out(
            "only the first 1,000 rows came (lift with --limit 0); 2 values were cut at 9 characters"
        )
        == "Only the first 1,000 rows came; 2 values were cut at 9 characters. Downloads hold all of it."
    )
    refused = (
        "This is about nothing here. Ask with other words, or insist with --anyway (in the prompt: \\anyway)."
    )
    assert views.on_page(refused).endswith("Ask with other words, or press “Answer anyway”.")


def test_an_answer_says_once_what_was_changed_and_why_it_is_doubtful() -> None:
    why = "Rows without a boss rule nothing out."
    found = Answer(
        "Who?", "SELECT a FROM t WHERE b IS NOT NULL", ("a",), [(1.23456,)], None, 0.4, (), {"total": 1.0},
        note=f"{why} A name was asked for.", written="SELECT a FROM t", amendments=(Amendment("nulls", "", "", why),),
    )  # fmt: skip
    told = views.answer(found, Schema("t.db", ()))
    assert told["amendments"] == [why] and told["written"] == "SELECT a FROM t"
    assert told["note"] == "A name was asked for."
    assert told["sure"] == "doubtful" and len(told["reasons"]) == 1
    assert told["rows"] == [[1.23456]]  # a stored column keeps its digits


def test_the_first_rows_are_a_preview_that_is_over_when_the_job_is() -> None:
    job = Job("run", "SELECT 1", "s", "/x.db")
    job.preview = views.preview(["n"], [(i,) for i in range(100)])
    assert job.preview["count"] == 100 and len(job.preview["rows"]) == views.PREVIEWED
    job.tell("answer", last=True)
    assert job.preview is None
