"""Build small files with the tables of well-known applications, by hand and with made-up rows.

    build("chrome", path)    # a History with 24 visits

The tables are those of data/application_tables.txt, with columns as the application declares them as far as a profile
asks for them. Times are of May 2024.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

MAY = 1_714_694_400
"""2024-05-03 00:00 UTC in seconds since 1970."""
DAY, WEBKIT, COCOA = 86_400, 11_644_473_600, 978_307_200
Insert = Callable[..., None]


def _chrome(put: Insert) -> None:
    for i in range(24):
        at = (MAY + i * DAY + WEBKIT) * 1_000_000
        put("urls", i + 1, f"https://a.example/{i}", f"page {i}", i + 1, 0, at, 0)
        put("visits", i + 1, i % 5 + 1, at, 0, 805306368 + i % 3, 2_000_000 * i)
        put("downloads", i + 1, f"g{i}", "/c", f"/home/x/f{i}", at, 5, 1000 * i, i % 3, at, 0)
    put("keyword_search_terms", 2, 3, "apple cake", "apple cake")
    put("meta", "version", "66")


def _safari(put: Insert) -> None:
    for i in range(24):
        put("history_items", i + 1, f"https://a.example/{i}", "a", i)
        put("history_visits", i + 1, i % 5 + 1, MAY + i * DAY - COCOA + 0.25, f"page {i % 5}")


def _firefox(put: Insert) -> None:
    start = MAY * 1_000_000
    put("moz_origins", 1, "https://", "a.example")
    put("moz_bookmarks", 1, 2, None, 0, "root", start, "root________")
    put("moz_bookmarks", 2, 2, None, 1, "tags", start, "tags________")
    put("moz_bookmarks", 3, 2, None, 2, "cooking", start, "t1")
    put("moz_bookmarks", 4, 3, None, 1, None, start, "t2")
    for i in range(24):
        at = (MAY + i * DAY) * 1_000_000
        put("moz_places", i + 1, f"https://a.example/{i}", f"page {i}", i, at, None, 1)
        put("moz_historyvisits", i + 1, 0, i % 5 + 1, at, i % 3 + 1)
        put("moz_bookmarks", 10 + i, 1, i + 1, 3 if i == 7 else 1, f"bookmark {i}", at, f"b{i}")


def _anki(put: Insert) -> None:
    first = MAY * 1000
    put("col", 1, MAY)
    put("notetypes", 1, "Basic")
    for i in range(24):
        card, note = first + 70_000 * i, first + 60_000 * i
        put("decks", first + i, f"deck {i}")
        put("notes", note, 1, MAY, " verb " if i % 3 else " noun verb ", "a\x1fb")
        put("cards", card, note, first + i % 3, -1 if i % 6 == 0 else 2, 3, 2500, i, i % 4)
        put("revlog", first + DAY * 1000 * i, card, 1 + i % 4, 3, 2, 1000 * i, 1)


def _calibre(put: Insert) -> None:
    put("ratings", 1, 10)
    put("ratings", 2, 6)
    put("languages", 1, "deu")
    put("publishers", 1, "Seehaus")
    put("series", 1, "Small Maps")
    put("tags", 1, "Crime")
    put("custom_columns", 1, "read", "Read", "bool", 0, 0)
    put("custom_columns", 2, "shelf", "Shelf", "text", 0, 1)
    put("custom_column_2", 1, "Hall")
    for i in range(12):
        book, added = i + 1, f"20{20 + i % 3}-05-03 10:00:00+00:00"
        put("books", book, f"book {i}", added, "2001-01-01 00:00:00+00:00", 1.0)
        put("authors", book, f"author {i}", f"{i}, author")
        put("books_authors_link", book, book, 1 + i % 4)
        put("books_ratings_link", book, book, 1 + i % 2)
        put("books_languages_link", book, book, 1, 0)
        for table in ("publishers", "series", "tags", "custom_column_2"):
            put(f"books_{table}_link", book, book, 1)
        if i % 2:
            put("custom_column_1", book, book, 1)
        put("data", book, book, "EPUB", 1000)


def _home_assistant(put: Insert) -> None:
    put("states_meta", 1, "light.hall")
    put("states_meta", 2, "sensor.energy")
    put("statistics_meta", 1, "sensor.energy", "kWh")
    put("event_types", 1, "call_service")
    for i in range(24):
        put("states", i + 1, "on" if i % 2 else "off", None if i % 3 else MAY, MAY + 3600 * i + 0.5, 1)
        put("statistics", i + 1, 1, MAY + 3600 * i, 1.0, 0.5, 2.0, 10.0 * i)
        put("events", i + 1, MAY + 60 * i + 0.5, 1)


def _zotero(put: Insert) -> None:
    for i, name in enumerate(("journalArticle", "book", "note"), 1):
        put("itemTypes", i, name)
    for i, name in enumerate(("title", "date", "publicationTitle", "publisher", "DOI", "language"), 1):
        put("fields", i, name)
    put("creatorTypes", 1, "author")
    put("collections", 1, "thesis")
    put("tags", 1, "bees")
    for i in range(12):
        year, item = 2010 + i % 4, i + 1
        put("items", item, i % 3 + 1, f"2024-05-{item:02} 10:00:00", f"2024-05-{item:02} 10:00:00")
        put("itemDataValues", 2 * i + 1, f"On bees {i}")
        put("itemDataValues", 2 * i + 2, f"{year}-{item:02}-00 {item}/{year}")
        put("itemData", item, 1, 2 * i + 1)
        put("itemData", item, 2, 2 * i + 2)
        put("creators", item, "Ada", f"Name{i % 3}")
        put("itemCreators", item, item, 1, 0)
        put("collectionItems", 1, item)
        put("itemTags", item, 1)
    put("deletedItems", 2)


def _joplin(put: Insert) -> None:
    for i in range(3):
        put("folders", f"f{i}", f"notebook {i}", MAY * 1000, MAY * 1000, "", 0)
    put("tags", "t1", "bees")
    for i in range(24):
        at, done = (MAY + i * DAY) * 1000, (MAY + i * DAY) * 1000 if i % 4 == 1 else 0
        put("notes", f"n{i}", f"f{i % 3}", f"note {i}", "text", i % 2, 0, done, at, at, at if i == 5 else 0)
        put("note_tags", f"x{i}", f"n{i}", "t1")


def _gnucash(put: Insert) -> None:
    put("commodities", "c1", "CURRENCY", "EUR")
    put("accounts", "a0", "Root", "ROOT", None)
    put("accounts", "a1", "Groceries", "EXPENSE", "a0")
    put("accounts", "a2", "Bank", "BANK", "a0")
    for i in range(12):
        put("transactions", f"t{i}", "c1", "", f"2024-{i % 6 + 1:02}-03 10:59:00", f"shop {i}")
        for sign, account in ((1, "a1"), (-1, "a2")):
            cents = sign * (1000 + i)
            put("splits", f"s{i}{account}", f"t{i}", account, "", cents, 100, cents, 100)


def _kobo(put: Insert) -> None:
    put("shelf", "s1", "Summer")
    for i in range(6):
        put("content", f"b{i}", 6, None, None, f"book {i}", f"author {i % 2}", i % 3, 40, 3600 * i)
        put("content", f"b{i}#1", 9, f"b{i}", f"book {i}", "chapter 1", None, 0, 0, 0)
        put("Bookmark", f"m{i}", f"b{i}", "a passage", None, "2024-05-03T10:00:00.000", "false")
        put("ShelfContent", "Summer", f"b{i}", "false")


def _whatsapp(put: Insert) -> None:
    put("jid", 1, "4917000001", "s.whatsapp.net")
    put("jid", 2, "12345-67", "g.us")
    put("chat", 1, 1, None, None)
    put("chat", 2, 2, "Choir", MAY * 1000)
    put("message", 99, 1, 0, 0, MAY * 1000, 7, None)
    for i in range(24):
        at, group = (MAY + i * DAY) * 1000, i % 2
        put("message", i + 1, group + 1, int(i % 3 == 2), 1 if group else 0, at, i % 2, f"text {i}")


def _messages(put: Insert) -> None:
    put("handle", 1, "+4917000001", "iMessage")
    put("chat", 1, 45, "+4917000001", "iMessage", "")
    put("chat", 2, 43, "chat77", "iMessage", "Choir")
    for i in range(24):
        at = (MAY + i * DAY - COCOA) * 1_000_000_000
        put("message", i + 1, f"text {i}", 1, "iMessage", at, 0, int(i % 3 == 2), 2000 if i == 9 else 0)
        put("chat_message_join", i % 2 + 1, i + 1)


def _photos(put: Insert) -> None:
    put("Z_PRIMARYKEY", 1, "Asset")
    put("ZGENERICALBUM", 1, 2, "Lake", 0)
    for i in range(24):
        at, north = MAY + i * DAY - COCOA + 0.5, -180.0 if i % 2 else 47.5
        kind, liked, trashed = int(i % 4 == 3), int(i % 5 == 0), int(i == 3)
        put("ZASSET", i + 1, 3, kind, liked, 0, trashed, f"IMG_{i}.HEIC", at, at, 100, 200, 0.0, north, 9.5)
        put("Z_30ASSETS", 1, i + 1)


def _core_data(put: Insert) -> None:
    put("Z_PRIMARYKEY", 1, "Note")
    put("Z_METADATA", 1)
    for i in range(3):
        put("ZFOLDER", i + 1, 1, 1, f"folder {i}")
    for i in range(24):
        put("ZNOTE", i + 1, 2, 1, i % 3 + 1, f"note {i}", MAY + i * DAY - COCOA + 0.5)


def _plex(put: Insert) -> None:
    def item(number: int, parent: int | None, kind: int, title: str, place: int = 0, **more: Any) -> None:
        genres, length, year = more.get("genres"), more.get("length"), more.get("year", 2020)
        at = MAY + place * DAY
        put("metadata_items", number, 1, parent, kind, title, genres, length, place, at, at, year)

    put("library_sections", 1, "Films")
    put("accounts", 1, "ina")
    item(1, None, 2, "A show")
    item(2, 1, 3, "Season 1", 1)
    item(3, None, 8, "A band")
    item(4, 3, 9, "An album")
    for i in range(12):
        genres = ("Drama", "Drama|Crime", "Comedy")[i % 3]
        item(10 + i, None, 1, f"film {i}", i, genres=genres, length=5_400_000 + i * 60_000, year=2000 + i)
        item(30 + i, 2, 4, f"episode {i}", i, length=1_800_000)
        item(50 + i, 4, 10, f"song {i}", i, length=180_000)
        put("metadata_item_views", i + 1, 1, 1, "", f"film {i}", MAY + i * DAY)


def _jellyfin(put: Insert) -> None:
    kind = "MediaBrowser.Controller.Entities"
    put("Users", "u1", "ina")
    put("BaseItems", "S", f"{kind}.TV.Series", "A show", None, None, 2020, "Drama")
    for i in range(12):
        added, genres = f"20{20 + i % 3}-05-03 10:00:00", ("Drama", "Drama|Crime", "Comedy")[i % 3]
        film, ticks = (f"M{i}", f"{kind}.Movies.Movie", f"film {i}", None, None), 54_000_000_000 + i
        put("BaseItems", *film, 2000 + i, genres, None, ticks, i, added)
        episode = (f"E{i}", f"{kind}.TV.Episode", f"episode {i}", "S", "A show")
        put("BaseItems", *episode, 2020, None, 1, 18_000_000_000, i, added)
        put("UserData", f"M{i}", "u1", 1, 1, 0, f"2024-05-{i + 1:02} 10:00:00")


def _koreader(put: Insert) -> None:
    for i in range(12):
        authors = f"author {i % 3}" + ("\nauthor 7" if i == 4 else "")
        put("book", i + 1, f"book {i}", authors, 0, MAY + i * DAY, 0, 300, None, "en", "x", 3600 * i, 20 * i)
        for page in range(6):
            put("page_stat_data", i + 1, page, MAY + i * DAY + 60 * page, 60, 300)


def _geopackage(put: Insert) -> None:
    put("gpkg_spatial_ref_sys", "WGS 84", 4326)
    put("gpkg_contents", "trees", "features", "trees", "2024-05-03T10:00:00.000Z", 4326)
    put("gpkg_geometry_columns", "trees", "geom")
    for i in range(24):
        put("trees", i + 1, None, "oak" if i % 2 else "lime")
        put("rtree_trees_geom", i + 1, i, i, 2.0 * i, 2.0 * i)
        put("inspections", i + 1, i % 6 + 1, f"2024-05-{i + 1:02}")


def _django(put: Insert) -> None:
    put("django_migrations", 1, "auth")
    put("django_content_type", 1, "auth")
    for i in range(24):
        last = None if i % 5 == 0 else f"2024-05-{i + 1:02} 10:00:00.123456"
        put("auth_user", i + 1, "x", last, int(i == 1), f"user{i}", 1, f"2023-0{i % 6 + 1}-03 10:00:00.5")
        put("shop_order", i + 1, i % 5 + 1, 9.5 * i)


_FILL: dict[str, Callable[[Insert], None]] = {
    "chrome": _chrome,
    "safari": _safari,
    "firefox": _firefox,
    "anki": _anki,
    "calibre": _calibre,
    "home_assistant": _home_assistant,
    "zotero": _zotero,
    "joplin": _joplin,
    "gnucash": _gnucash,
    "kobo": _kobo,
    "whatsapp": _whatsapp,
    "messages": _messages,
    "photos": _photos,
    "core_data": _core_data,
    "plex": _plex,
    "jellyfin": _jellyfin,
    "koreader": _koreader,
    "geopackage": _geopackage,
    "django": _django,
}
NAMES = tuple(_FILL)
_TABLES = Path(__file__).parent / "data" / "application_tables.txt"


def tables(name: str) -> list[str]:
    """A CREATE TABLE, without these two words, for each of the application's tables."""
    sections = _TABLES.read_text(encoding="utf-8").split("[")
    section = next(one for one in sections if one.startswith(f"{name}]"))
    return [line for line in section.splitlines()[1:] if line]


def build(name: str, path: Path, *, without: str = "") -> Path:
    """The application's file at `path`. without: `table.column` that this version does not have."""
    connection = sqlite3.connect(path)
    for line in tables(name):
        head, _, rest = line.partition(" ")
        virtual = head == "VIRTUAL"
        connection.execute(f"CREATE VIRTUAL TABLE {rest}" if virtual else f"CREATE TABLE {line}")

    def put(table: str, *row: Any) -> None:
        names = [f'"{one[1]}"' for one in connection.execute(f"PRAGMA table_info({table})")][: len(row)]
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", row)

    _FILL[name](put)
    if without:
        table, _, column = without.partition(".")
        connection.execute(f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
    connection.commit()
    connection.close()
    return path
