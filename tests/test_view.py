"""What a model is shown of a schema: parts that grow, so that nothing is read twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.united import wide
from sqlagent.database import schema
from sqlagent.database.schema import Schema
from sqlagent.linking import prompt
from sqlagent.linking.focus import Focus
from sqlagent.linking.kept_views import KeptViews, size
from sqlagent.linking.schema_linker import FIRST, Linker
from sqlagent.linking.view import View

MUSIC = """
CREATE TABLE artist (artist_id INTEGER PRIMARY KEY, name TEXT, born TEXT);
CREATE TABLE album (album_id INTEGER PRIMARY KEY, title TEXT, artist_id INTEGER REFERENCES artist(artist_id));
CREATE TABLE track (track_id INTEGER PRIMARY KEY, title TEXT, seconds REAL,
    album_id INTEGER REFERENCES album(album_id));
CREATE TABLE listener (listener_id INTEGER PRIMARY KEY, nickname TEXT, country TEXT);
CREATE TABLE heard (listener_id INTEGER REFERENCES listener(listener_id), at TEXT,
    track_id INTEGER REFERENCES track(track_id));
"""


@pytest.fixture
def music() -> Schema:
    """The music among sixty tables about nothing."""
    return Schema("", (*wide(60, 10, 3).tables, *schema.from_ddl(MUSIC).tables))


def test_a_whole_schema_is_shown_as_ever(music: Schema) -> None:
    view = View.of(music)
    assert view.schema is music and view.reach is music and view.complete
    assert prompt.framed(view.lines) == prompt.context(music)


def test_what_was_shown_stays_and_what_is_new_comes_behind_it(music: Schema) -> None:
    first = View.of(music, {"track": None})
    grown = first.grown({"artist": None, "track": ["title"]})
    assert grown.lines[:1] == first.lines and grown.lines[1].startswith("CREATE TABLE artist")
    assert [table.name for table in grown.schema.tables] == ["track", "artist"]
    assert grown.grown({"artist": None}) is grown


def test_a_key_is_shown_whether_its_table_is_or_not_and_can_be_joined_along(music: Schema) -> None:
    view = View.of(music, {"album": None})
    assert "artist_id INTEGER REFERENCES artist(artist_id)" in view.lines[0]
    assert not view.schema.tables[0].foreign_keys
    assert [table.name for table in view.reach.tables] == ["album", "artist"]
    from sqlagent.grammar import Acceptor

    sql = "SELECT artist.name FROM album JOIN artist ON album.artist_id = artist.artist_id"
    assert Acceptor(view.reach).accepts(sql)


def test_a_view_that_is_to_grow_begins_with_the_names_of_few_tables_and_reaches_them() -> None:
    few = schema.from_ddl(MUSIC)
    view = View.begun(few).grown({"track": None})
    assert view.lines[0] == "-- Tables: artist, album, track, listener, heard"
    assert view.reach is few and [table.name for table in view.schema.tables] == ["track"]
    assert View.begun(few, most=4).lines == ()


def test_further_columns_of_a_table_are_added_to_it(music: Schema) -> None:
    view = View.of(music, {"artist": ["name"]}).grown({"artist": ["born"]})
    assert view.lines == ("CREATE TABLE artist (name TEXT);", "ALTER TABLE artist ADD born TEXT;")
    assert [column.name for column in view.schema.tables[0].columns] == ["name", "born"]


def test_the_view_that_lacks_least_grows_and_a_full_one_does_not(music: Schema) -> None:
    kept = KeptViews(music, None)
    songs, people = View.of(music, {"track": None, "album": None}), View.of(music, {"listener": None})
    kept.keep(songs)
    kept.keep(people)
    both = {"artist": None, "track": None}
    assert kept.best(both, both, 1000).lines[:2] == songs.lines
    assert kept.best({"listener": None}, both, 0) is people
    assert kept.best(both, both, 60) == View.begun(music).grown(both), "none has room"
    kept.keep(songs.grown({"artist": None}))
    assert len(kept.views) == 2, "a view takes the place of what it grew from"


def test_a_view_that_the_model_has_forgotten_is_not_preferred(music: Schema) -> None:
    kept = KeptViews(music, None)
    long = View.of(music, {table.name: None for table in music.tables[:20]}).grown({"track": None})
    kept.keep(long)
    assert kept.best({"track": None}, {"track": None}, 9000).lines == long.lines
    assert (
        kept.best({"track": None}, {"track": None}, 9000, lambda view: size(view.lines)).lines
        == View.of(music, {"track": None}).lines
    )


@pytest.mark.parametrize("damage", [b"", b"nonsense", b'[["x"]]'])
def test_views_are_kept_for_the_next_process_and_damage_is_a_miss(
    music: Schema, tmp_path: Path, damage: bytes
) -> None:
    kept = KeptViews(music, tmp_path)
    view = View.of(music, {"track": None}).grown({"artist": ["name"]}).grown({"artist": ["born"]})
    kept.keep(view)
    assert KeptViews(music, tmp_path).last == view
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_bytes(damage)
    assert KeptViews(music, tmp_path).last is None


@pytest.mark.parametrize(
    ("question", "tables"),
    [
        ("How long is the longest track?", {"track"}),
        ("Which artist has the most tracks?", {"artist", "album", "track"}),
        (
            "Which country's listeners heard most of the album 'Blue'?",
            {"listener", "heard", "track", "album"},
        ),
    ],
)
def test_a_question_needs_the_tables_that_it_names_and_those_that_join_them(
    music: Schema, question: str, tables: set[str]
) -> None:
    needed = Linker(music).needed(question)
    assert tables <= set(needed)
    assert size(View.of(music, needed).lines) <= FIRST


def test_of_a_wide_table_a_question_needs_the_columns_that_it_is_about() -> None:
    columns = ", ".join(f"{letter}{number} TEXT" for letter in "abcdefgh" for number in range(20))
    whole = schema.from_ddl(f"CREATE TABLE asset (pk INTEGER PRIMARY KEY, {columns}, duration REAL);")
    needed = Linker(whole).needed("What is the longest duration of an asset?")
    columns_shown = needed["asset"]
    assert columns_shown is not None and {"pk", "duration"} <= set(columns_shown) and len(columns_shown) < 80


def test_a_second_question_reads_what_it_lacks(tmp_path: Path, music: Schema) -> None:
    focus = Focus(tmp_path / "none.sqlite", cache_dir=tmp_path / "cache", values=False)
    first = focus.view(music, "How long is the longest track?")
    focus.keep(music, first)
    second = focus.view(music, "Which listener comes from Norway? List the nickname of each.")
    assert second.lines[: len(first.lines)] == first.lines and "listener" in second.shown
    focus.keep(music, second)
    assert focus.view(music, "How long is the longest track?") is second


def test_small_schemas_are_shown_whole_and_the_rest_of_others_is_read_ahead(tmp_path: Path) -> None:
    small = schema.from_ddl(MUSIC)
    focus = Focus(tmp_path / "none.sqlite", cache_dir=tmp_path / "cache", values=False)
    assert focus.view(small, "How long is the longest track?").schema is small
    larger = Schema("", (*wide(8, 10, 3).tables, *small.tables))
    asked = focus.view(larger, "How long is the longest track?")
    assert not asked.complete
    focus.keep(larger, asked)
    views = [asked]
    while (ahead := focus.ahead(larger, None, lambda view: 0)) is not None:
        assert ahead.lines[: len(views[-1].lines)] == views[-1].lines
        focus.keep(larger, ahead)
        views.append(ahead)
    assert views[-1].complete and len(views) > 2
    assert focus.wider(larger, asked, "?").complete


def test_nothing_is_read_ahead_where_not_all_has_room(tmp_path: Path, music: Schema) -> None:
    focus = Focus(tmp_path / "none.sqlite", cache_dir=tmp_path / "cache", values=False)
    assert focus.ahead(music, None, lambda view: 0) is None
    asked = focus.view(music, "How long is the longest track?")
    wider = focus.wider(music, asked, "How long is the longest track, and which listener heard it?")
    assert "listener" in wider.shown and not wider.complete
