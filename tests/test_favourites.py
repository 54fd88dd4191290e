"""Favourites are kept, their parameters filled in with one literal each."""

from __future__ import annotations

import sqlite3

import pytest

from sqlagent.base.errors import UsageError
from sqlagent.ui import favourites


@pytest.fixture(autouse=True)
def own_home(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLAGENT_HOME", str(tmp_path))


def test_what_is_saved_is_there_the_next_time() -> None:
    odd = 'SELECT "a\\b", \'x\ty\' AS "é\x7f"'
    favourites.save("one", "SELECT 1;")
    favourites.save("odd", odd)
    favourites.save("one", "SELECT 2")
    assert favourites.all_of_them() == {"odd": odd, "one": "SELECT 2"}
    favourites.forget("one")
    assert [*favourites.all_of_them()] == ["odd"]
    assert favourites.path().stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("sql", "given", "filled"),
    [
        ("SELECT ?", "5", "SELECT 5"),
        ("SELECT ?, ?", "a b", "SELECT 'a', 'b'"),
        ("SELECT ?2, ?1, ?2", "x y", "SELECT 'x', 'y', 'x'"),
        ("SELECT :city WHERE a = :city", "'New York'", "SELECT 'New York' WHERE a = 'New York'"),
        ("SELECT :a, :b", "b=1 a=2", "SELECT 2, 1"),
        ("SELECT :a, :b", "b=1 2", "SELECT 2, 1"),
        ("SELECT $a, @b", "a=O'Hara", None),
        ("SELECT $a, @b", '"O\'Hara" null', "SELECT 'O''Hara', NULL"),
        ("SELECT ?", "'5'", "SELECT '5'"),
        ("SELECT 1 - ?", "-5", "SELECT 1 - (-5)"),
        ("SELECT ?", "x=1", "SELECT 'x=1'"),
        ("SELECT '?', \"?\", -- ?\n ?", "7", "SELECT '?', \"?\", -- ?\n 7"),
        ("SELECT ?", '"1\'; DROP TABLE t; --"', "SELECT '1''; DROP TABLE t; --'"),
    ],
)
def test_values_are_filled_in_as_literals(sql: str, given: str, filled: str | None) -> None:
    if filled is None:
        with pytest.raises(UsageError, match="quote"):
            favourites.filled(sql, given)
        return
    assert favourites.filled(sql, given) == filled


def test_sqlite_reads_a_filled_statement_as_it_would_have_bound_the_values() -> None:
    with sqlite3.connect(":memory:") as connection:
        sql = "SELECT ?, ?1 || 'x', ?3, ?, ?2"
        values = ["it's", 'say "hi"', "-2.5", "NULL"]
        ours = favourites.filled(
            sql, " ".join(f'"{v}"' if "'" in v else f"'{v}'" for v in (values[i] for i in (0, 2, 3, 1)))
        )
        (bound,) = connection.execute(sql, values).fetchall()
        assert connection.execute(ours).fetchall() == [bound]


@pytest.mark.parametrize(
    ("given", "words"),
    [("", "Say a value for :a, :b"), ("1", ":b"), ("1 2 3", "3 values for 2"), ("'", "quote")],
)
def test_wrong_values_are_a_sentence(given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        favourites.filled("SELECT :a, :b", given)


def test_an_unknown_name_names_the_nearest() -> None:
    favourites.save("by_city", "SELECT 1")
    with pytest.raises(UsageError, match="did you mean by_city"):
        favourites.find("bycity")
    with pytest.raises(UsageError, match="no name for a favourite"):
        favourites.save("1x", "SELECT 1")


def test_a_damaged_file_is_named() -> None:
    favourites.path().write_text("no toml")
    with pytest.raises(UsageError, match="favourites.toml"):
        favourites.all_of_them()
