"""What the grammar holds out to a model: the right tables, no word forced over another, few readings, any case."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.grammar.state import MAX_READINGS
from sqlagent.sandbox import functions as sandboxed

SHOP = """
CREATE TABLE Genre (GenreId INTEGER PRIMARY KEY, Name TEXT);
CREATE TABLE MediaType (MediaTypeId INTEGER PRIMARY KEY, Name TEXT);
CREATE TABLE Track (TrackId INTEGER PRIMARY KEY, Name TEXT, Year INTEGER,
    GenreId INTEGER REFERENCES Genre(GenreId), MediaTypeId INTEGER REFERENCES MediaType(MediaTypeId));
CREATE TABLE Employee (EmployeeId INTEGER PRIMARY KEY, FirstName TEXT,
    ReportsTo INTEGER REFERENCES Employee(EmployeeId));
CREATE TABLE Customer (CustomerId INTEGER PRIMARY KEY, FirstName TEXT, RepId INTEGER REFERENCES Employee(EmployeeId));
CREATE TABLE Invoice (InvoiceId INTEGER PRIMARY KEY, Total REAL, CustomerId INTEGER REFERENCES Customer(CustomerId));
"""


@pytest.fixture(scope="module")
def shop() -> Acceptor:
    return Acceptor(schemas.from_ddl(SHOP))


def costs(acceptor: Acceptor, text: str, *following: str) -> list[int | None]:
    """How many unlikely options each continuation of a text takes; None where it is refused."""
    start = acceptor.start().step(text.encode())
    assert start is not None, text
    ends = [start.step(word.encode()) for word in following]
    return [None if end is None else end.cost - start.cost for end in ends]


def test_every_table_that_a_waiting_alias_fits_is_offered(shop: Acceptor) -> None:
    text = "SELECT T1.Name AS TrackName, T2.Name AS MediaTypeName FROM Track AS T1 JOIN "
    assert costs(shop, text, "Genre ", "MediaType ", "Invoice ") == [0, 0, 1]
    state = shop.start().step(text.encode())
    assert state is not None
    assert state.forced() == b""


def test_of_numbered_aliases_the_first_takes_the_first_table(shop: Acceptor) -> None:
    text = "SELECT T2.FirstName, SUM(T1.Total) AS Sales FROM "
    assert costs(shop, text, "Invoice ", "Employee ", "Customer ") == [0, 1, 1]


def test_a_table_goes_to_the_alias_that_waits_for_it(shop: Acceptor) -> None:
    text = "SELECT t.Year, t.Name FROM Track AS "
    assert costs(shop, text, "t", "T1") == [0, 1]


CHAIN = """
CREATE TABLE Artist (ArtistId INTEGER PRIMARY KEY, Name TEXT);
CREATE TABLE Album (AlbumId INTEGER PRIMARY KEY, Title TEXT, ArtistId INTEGER REFERENCES Artist(ArtistId));
CREATE TABLE Genre (GenreId INTEGER PRIMARY KEY, Name TEXT);
CREATE TABLE Track (TrackId INTEGER PRIMARY KEY, Name TEXT, Milliseconds INTEGER, Fan INTEGER,
    AlbumId INTEGER REFERENCES Album(AlbumId), GenreId INTEGER REFERENCES Genre(GenreId));
CREATE TABLE Invoice (InvoiceId INTEGER PRIMARY KEY, Total REAL, City TEXT);
CREATE TABLE Line (LineId INTEGER PRIMARY KEY, TrackId INTEGER REFERENCES Track(TrackId),
    InvoiceId INTEGER REFERENCES Invoice(InvoiceId));
CREATE TABLE Weather (Day TEXT, Rain REAL);
"""


@pytest.fixture(scope="module")
def chain() -> Acceptor:
    return Acceptor(schemas.from_ddl(CHAIN))


def test_the_way_to_a_table_that_is_far_away_is_offered(chain: Acceptor) -> None:
    text = "SELECT Artist.Name, SUM(Invoice.Total) FROM Artist JOIN "
    for forced in (
        "Album ON Artist.ArtistId = Album.ArtistId",
        "Track ON Album.AlbumId = Track.AlbumId",
        "Line ON Track.TrackId = Line.TrackId",
        "Invoice ON Line.InvoiceId = Invoice.InvoiceId",
    ):
        state = chain.start().step(text.encode())
        assert state is not None
        assert state.forced().decode().startswith(forced)
        text += forced + " JOIN "
    assert costs(chain, "SELECT Artist.Name, SUM(Invoice.Total) FROM Artist JOIN ", "Invoice ") == [3]
    # No key leads there, so that nothing is known of the ways.
    assert costs(chain, "SELECT Artist.Name, Weather.Rain FROM Artist JOIN ", "Weather ") == [0]


@pytest.mark.parametrize(
    ("sources", "condition", "cost"),
    [
        (
            "Album JOIN Track ON Album.AlbumId = Track.AlbumId JOIN Artist",
            "Album.ArtistId = Artist.ArtistId",
            0,
        ),
        ("Album JOIN Track ON Album.AlbumId = Track.AlbumId JOIN Artist", "Track.GenreId = ", 3),
        ("Album JOIN Track ON Album.AlbumId = Track.AlbumId JOIN Artist", "Track.Name = ", 3),
        ("Album JOIN Track ON Album.AlbumId = Track.AlbumId JOIN Artist", "Track.Fan = Artist.ArtistId", 1),
        ("Artist JOIN Track", "Artist.ArtistId = Track.GenreId", 3),
        ("Artist JOIN Track", "Artist.ArtistId = Track.Fan", 0),
        ("Artist JOIN Track", "Artist.Name = Track.Name", 0),
        ("Artist AS a JOIN Artist AS b", "a.Name = b.Name", 0),
        ("Artist JOIN Weather", "Artist.Name = Weather.Day", 0),
    ],
)
def test_columns_of_different_keys_are_hardly_meant_to_be_equal(
    chain: Acceptor, sources: str, condition: str, cost: int
) -> None:
    assert costs(chain, f"SELECT COUNT(*) FROM {sources} ON ", condition) == [cost]


UNDECLARED = """
CREATE TABLE stations (id INTEGER PRIMARY KEY, city TEXT);
CREATE TABLE trip (id INTEGER PRIMARY KEY, start_station_id INTEGER, EndStationId INTEGER, minutes INTEGER);
CREATE TABLE "Category" (Code TEXT PRIMARY KEY, title TEXT);
CREATE TABLE item (id INTEGER PRIMARY KEY, category_code TEXT, parent_id INTEGER, rival TEXT);
CREATE TABLE log (id INTEGER PRIMARY KEY, minutes INTEGER);
"""


@pytest.mark.parametrize(
    ("text", "forced", "likely", "unlikely"),
    [
        (
            "trip JOIN stations",
            b"",
            ("trip.start_station_id = stations.id", "trip.EndStationId = "),
            "trip.id = ",
        ),
        ("item JOIN Category", b" ON item.category_code = Category.Code", (), "item.rival = "),
        ("trip JOIN log", b" ON trip.minutes = log.minutes", (), "trip.id = "),
    ],
)
def test_keys_that_no_one_declared_are_known_by_their_names(
    text: str, forced: bytes, likely: tuple[str, ...], unlikely: str
) -> None:
    acceptor = Acceptor(schemas.from_ddl(UNDECLARED))
    state = acceptor.start().step(f"SELECT COUNT(*) FROM {text}".encode())
    assert state is not None
    assert state.forced().startswith(forced)
    for condition in likely:
        assert costs(acceptor, f"SELECT COUNT(*) FROM {text} ON ", condition) == [0]
    assert costs(acceptor, f"SELECT COUNT(*) FROM {text} ON ", unlikely) == [1]


def test_a_declared_key_goes_before_names() -> None:
    ddl = """CREATE TABLE team (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
    CREATE TABLE game (id INTEGER PRIMARY KEY, team_id TEXT REFERENCES team(code));"""
    state = Acceptor(schemas.from_ddl(ddl)).start().step(b"SELECT COUNT(*) FROM game JOIN team")
    assert state is not None
    assert state.forced() == b" ON game.team_id = team.code"


def test_a_begun_alias_is_not_overruled(shop: Acceptor) -> None:
    state = shop.start().step(b"SELECT c.FirstName, e")
    assert state is not None
    assert state.forced() == b""  # EXP( is not the only word: e.FirstName is another
    assert state.step(b".FirstName") is not None


def test_a_table_joined_to_itself_goes_by_any_letter(shop: Acceptor) -> None:
    sql = (
        "SELECT e.FirstName, m.FirstName FROM Employee AS e JOIN Employee AS m ON e.ReportsTo = m.EmployeeId"
    )
    state = shop.start().step(sql.encode())
    assert state is not None
    assert state.accepting
    assert shop.start().step(b"SELECT q.FirstName FROM Employee AS q") is None


def test_names_are_taken_in_any_case_and_come_out_as_they_are(shop: Acceptor) -> None:
    state = shop.start().step(b"SELECT YEAR, track.NAME FROM track WHERE YEAR(year) = '1999' OR yEaR > 3")
    assert state is not None
    assert state.text() == (
        "SELECT Year, Track.Name FROM Track WHERE STRFTIME('%Y', Year) = '1999' OR Year > 3"
    )


def test_what_can_be_read_in_two_ways_does_not_double_for_ever(shop: Acceptor) -> None:
    for text in ("4" + " - -1" * 60, "(" * 20 + "1", "-(-(-(TrackId" + ")))" + " - -TrackId" * 30):
        state = shop.start().step(b"SELECT Name FROM Track WHERE TrackId = ")
        for byte in text.encode():
            assert state is not None
            following = state.step(bytes([byte]))
            if following is None:
                break
            state = following
            assert len(state._threads) <= MAX_READINGS


def test_a_column_called_true_is_quoted_and_has_no_name_outside_its_subquery() -> None:
    ddl = "CREATE TABLE t (true TEXT, x TEXT)"
    acceptor = Acceptor(schemas.from_ddl(ddl))
    connection = sqlite3.connect(":memory:")
    sandboxed.register(connection)
    connection.execute(ddl)
    for sql, runs in (
        ('SELECT t."true" FROM t WHERE "true" = 1', True),
        ('WITH c AS (SELECT "true", x FROM t) SELECT c.x FROM c', True),
        ('WITH c AS (SELECT "true", x FROM t) SELECT c."true" FROM c', False),
    ):
        assert (acceptor.start().step(sql.encode()) is not None) == runs, sql
        if runs:
            connection.execute(sql)
        else:
            with pytest.raises(sqlite3.OperationalError):
                connection.execute(sql)
    assert acceptor.start().step(b"SELECT true FROM t") is None


def test_views_count_as_what_they_are_made_of(tmp_path: Path) -> None:
    path = tmp_path / "views.sqlite"
    connection = sqlite3.connect(path)
    sandboxed.register(connection)
    connection.execute("CREATE TABLE base (a)")
    connection.execute(
        "CREATE VIEW ten AS SELECT b0.a FROM " + " JOIN ".join(f"base AS b{i}" for i in range(10))
    )
    connection.execute("CREATE VIEW v0 AS SELECT a FROM base")
    for i in range(1, 16):
        connection.execute(f"CREATE VIEW v{i} AS SELECT a FROM v{i - 1} UNION SELECT a FROM v{i - 1}")
    connection.commit()
    schema = schemas.read(str(path))
    assert {table.name: table.reach for table in schema.tables}["ten"] == 10
    skipped = dict(schema.skipped)
    assert "v15" in skipped and "reaches more than" in skipped["v15"]
    acceptor = Acceptor(schema)
    sql = "SELECT T1.a FROM ten AS T1" + "".join(f" JOIN ten AS T{i} ON T1.a = T{i}.a" for i in range(2, 8))
    with pytest.raises(sqlite3.OperationalError, match="64 tables"):
        connection.execute(sql)
    assert acceptor.start().step(sql.encode()) is None
    assert acceptor.start().step(sql.split(" JOIN ten AS T4")[0].encode()) is not None


def test_in_a_subquery_a_window_alone_does_not_aggregate(shop: Acceptor) -> None:
    window = "RANK() OVER (PARTITION BY SUM(Total))"
    connection = sqlite3.connect(":memory:")
    sandboxed.register(connection)
    connection.executescript(SHOP)
    for items, runs in ((f"{window} AS r", False), (f"SUM(Total) AS s, {window} AS r", True)):
        sql = f"WITH c AS (SELECT {items} FROM Invoice) SELECT r FROM c JOIN Genre ON 4 GLOB 2"
        assert (shop.start().step(f"WITH c AS (SELECT {items}".encode()) is not None) == runs
        if runs:
            connection.execute(sql)
        else:
            with pytest.raises(sqlite3.OperationalError, match="HAVING"):
                connection.execute(sql)
    assert shop.start().step(f"SELECT {window} FROM Invoice GROUP BY CustomerId".encode()) is not None
