"""`bench scale`: made databases, tokens counted by a real vocabulary, and curves that may not rise."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tiny_gguf import make_gguf

from bench.scale import main
from bench.scale.counting import Counting
from bench.scale.curves import Bound, Point, measured
from bench.scale.worlds import Shape, asked, column_names, make, table_names
from sqlagent.base.errors import NO_ANSWER, OK, UsageError
from sqlagent.decoding.model import Model


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_gguf(tmp_path_factory.mktemp("model") / "random.gguf")


def test_names_are_all_different_and_always_the_same() -> None:
    for names in (table_names(1000), column_names(300)):
        assert len({name.casefold() for name in names}) == len(names)
    assert table_names(1000)[:10] == table_names(10)


@pytest.mark.parametrize("shape", [Shape(tables=3, columns=2, rows=5), Shape(tables=40, columns=30, rows=1)])
def test_every_statement_runs_on_its_database(tmp_path: Path, shape: Shape) -> None:
    make(tmp_path / "made.sqlite", shape)
    connection = sqlite3.connect(tmp_path / "made.sqlite")
    for number in range(9):
        question, sql = asked(shape, number, words=30 * (number % 2))
        assert connection.execute(sql).fetchone() is not None
        assert len(question.split()) >= 30 * (number % 2)
    connection.close()


def test_a_curve_is_held_against_its_first_counted_size() -> None:
    def points(*tokens: float) -> list[Point]:
        return [Point(10**i, 0.0, 0.0, 0, count) for i, count in enumerate(tokens)]

    bound = Bound("tables", "further_tokens", 1.3)
    assert bound.broken(points(100, 500, 130)) is None  # the largest size is what counts
    assert "131 at 100" in (bound.broken(points(100, 131, 131)) or "")
    assert Bound("tables", "further_tokens", 1.3, since=10).broken(points(20, 240, 250)) is None
    assert Bound("tables", "further_tokens", 1.3, slack=200).broken(points(100, 320)) is None
    assert Bound("tables", "further_tokens", 1.3, since=9999).broken(points(1, 2)) is None


def test_what_was_read_is_not_counted_again(gguf: Path) -> None:
    model = Counting(Model(gguf, n_ctx=4096))
    try:
        first = measured("rows", model, most=100)[0]
        assert first.first_tokens > first.further_tokens > 0
    finally:
        model.close()


def test_a_curve_that_rises_fails(
    gguf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from bench.scale import command

    line = ["--model", str(gguf), "--curves", "turns", "--most", "2"]
    assert main([*line, "--picture", str(tmp_path)]) == OK
    assert "what should be flat is flat" in capsys.readouterr().out
    assert (tmp_path / "scale.png").stat().st_size > 1000
    monkeypatch.setattr(command, "BOUNDS", (Bound("turns", "further_tokens", 0.0),))
    assert main(line) == NO_ANSWER
    assert "turns: further_tokens is" in capsys.readouterr().out


def test_a_curve_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="rows, tables"):
        main(["--curves", "height"])
    with pytest.raises(UsageError, match="no size"):
        main(["--curves", "rows", "--most", "3"])
