"""The acceptor: what it takes prepares, what people need it takes, and it never runs into a dead end."""

from __future__ import annotations

import random
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.walk import TEMPERS, walk
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor, Options, functions
from sqlagent.sandbox import authorizer
from sqlagent.sandbox import functions as sandboxed
from tests.hostile import build, hostile_schemas

DDL = """
CREATE TABLE stadium (id INTEGER PRIMARY KEY, name TEXT, city TEXT, capacity INTEGER);
CREATE TABLE singer (id INTEGER PRIMARY KEY, name TEXT, country TEXT, age INTEGER,
    mentor_id INTEGER REFERENCES singer(id));
CREATE TABLE concert (
    id INTEGER PRIMARY KEY, theme TEXT, year INTEGER,
    singer_id INTEGER REFERENCES singer(id), stadium_id INTEGER REFERENCES stadium(id)
);
CREATE TABLE "order" ("line no" INTEGER, "a""b" TEXT, price REAL);
"""


@pytest.fixture(scope="module")
def acceptor() -> Acceptor:
    return Acceptor(schemas.from_ddl(DDL))


@pytest.fixture(scope="module")
def connection() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    sandboxed.register(connection)
    connection.executescript(DDL)
    return connection


def accepts(acceptor: Acceptor, sql: str) -> bool:
    state = acceptor.start().step(sql.encode())
    return state is not None and state.accepting


def test_a_key_of_several_columns_is_joined_whole() -> None:
    made = Acceptor(
        schemas.from_ddl(
            "CREATE TABLE room (building TEXT, number TEXT, seats INT, PRIMARY KEY (building, number));"
            "CREATE TABLE class (id INTEGER PRIMARY KEY, building TEXT, room_number TEXT, teacher TEXT,"
            " FOREIGN KEY (building, room_number) REFERENCES room(building, number));"
            "CREATE TABLE lamp (building TEXT, number TEXT, watts INT,"
            " FOREIGN KEY (building, number) REFERENCES room(building, number));"
        )
    )
    begun = made.start().step(b"SELECT class.teacher, room.seats FROM class JOIN room ON class.building")
    assert begun is not None
    assert begun.forced() == b" = room.building AND class.room_number = room.number"
    begun = made.start().step(b"SELECT class.teacher, room.seats FROM class JOIN room ON class.room_number")
    assert begun is not None
    assert begun.forced() == b" = room.number AND class.building = room.building"
    begun = made.start().step(b"SELECT lamp.watts FROM class JOIN lamp ON class.building = lamp.building")
    assert begun is not None
    assert begun.forced() == b" AND class.room_number = lamp.number"
    for more in (
        "",
        " WHERE class.id = 1",
        " AND class.room_number > 'a'",
        " JOIN lamp ON lamp.number = 'x'",
    ):
        one = f"SELECT class.teacher FROM class JOIN room ON class.building = room.building{more}"
        state = made.start().step(one.encode())
        assert state is not None and state.accepting, one  # someone who means just that may say so
    whole = "SELECT c.teacher FROM class AS c JOIN room AS r ON c.building = r.building AND c.room_number = r.number"
    assert accepts(made, whole)
    begun = made.start().step(b"SELECT c.teacher FROM class AS c JOIN room AS r ON c.building = r.building")
    assert begun is not None
    assert begun.closing() == b" AND c.room_number = r.number"


def test_columns_that_reference_one_key_link_their_tables_where_they_are_called_alike() -> None:
    made = Acceptor(
        schemas.from_ddl(
            "CREATE TABLE staff (id INTEGER PRIMARY KEY, name TEXT);"
            "CREATE TABLE lesson (staff_id INT REFERENCES staff(id), topic TEXT);"
            "CREATE TABLE duty (duty_staff_id INT REFERENCES staff(id), day TEXT);"
            "CREATE TABLE faculty (head INT REFERENCES staff(id), title TEXT);"
        )
    )
    begun = made.start().step(b"SELECT lesson.topic, duty.day FROM lesson JOIN duty ON lesson.s")
    assert begun is not None and begun.forced() == b"taff_id = duty.duty_staff_id"
    begun = made.start().step(b"SELECT lesson.topic, faculty.title FROM lesson JOIN ")
    assert begun is not None
    assert begun.step(b"staff ON").cost == 0 < begun.step(b"faculty ON").cost


GOOD = [
    "SELECT name FROM singer",
    "SELECT DISTINCT country FROM singer WHERE age > 30 AND name LIKE '%o''b%' OR country IS NULL",
    "SELECT * FROM singer ORDER BY age DESC, name LIMIT 3 OFFSET 2",
    "SELECT singer.* FROM singer JOIN concert ON singer.id = concert.singer_id",
    "SELECT singer.name, COUNT(*) FROM singer JOIN concert ON singer.id = concert.singer_id "
    "GROUP BY singer.id HAVING COUNT(*) > 1 ORDER BY COUNT(*) DESC LIMIT 1",
    "SELECT T1.name FROM singer AS T1 JOIN concert AS T2 ON T1.id = T2.singer_id WHERE T2.theme = 'x'",
    "SELECT T2.name FROM concert AS T1 JOIN singer AS T2 ON T1.singer_id = T2.id",
    "SELECT T1.name, T2.name FROM singer AS T1 JOIN singer AS T2 ON T1.mentor_id = T2.id",
    "SELECT s.name, c.theme FROM singer AS s JOIN concert AS c ON s.id = c.singer_id",
    "SELECT COUNT(*) FROM concert AS c JOIN stadium AS st ON c.stadium_id = st.id WHERE st.city = 'Oslo'",
    "SELECT s1.name, s2.name FROM singer AS s1 JOIN singer AS s2 ON s1.mentor_id = s2.id",
    "SELECT singer.name FROM singer LEFT JOIN concert ON singer.id = concert.singer_id WHERE concert.id IS NULL",
    "SELECT stadium.name FROM stadium CROSS JOIN singer",
    "SELECT name FROM singer WHERE id NOT IN (SELECT singer_id FROM concert)",
    "SELECT name FROM singer WHERE EXISTS (SELECT 1 FROM concert WHERE concert.singer_id = singer.id)",
    "SELECT name FROM singer WHERE NOT EXISTS (SELECT * FROM concert WHERE concert.singer_id = singer.id)",
    "SELECT name FROM singer WHERE age = (SELECT MAX(age) FROM singer)",
    "SELECT name FROM singer WHERE age BETWEEN 20 AND 30 AND country IN ('France', 'Spain')",
    "SELECT name FROM singer UNION SELECT name FROM stadium ORDER BY name LIMIT 5",
    "SELECT * FROM singer WHERE (age > 3 OR age < 2) AND NOT (country = 'x')",
    "SELECT AVG(age), MAX(age) - MIN(age), COUNT(DISTINCT country) FROM singer",
    "SELECT CAST(SUM(CASE WHEN age > 5 THEN 1 ELSE 0 END) AS REAL) * 100 / COUNT(*) FROM singer",
    "SELECT SUM(country = 'France'), SUM(age) FILTER (WHERE age > 3) FROM singer",
    "SELECT STRFTIME('%Y', year), COALESCE(theme, 'none'), IIF(year > 2000, 1, 0) FROM concert",
    "SELECT name || ', ' || country, ROUND(age / 2.0, 1), UPPER(name) FROM singer",
    "SELECT name, RANK() OVER (PARTITION BY country ORDER BY age DESC) FROM singer",
    "SELECT country, RANK() OVER (ORDER BY SUM(age) DESC) FROM singer GROUP BY country",
    "SELECT GROUP_CONCAT(name, '; ') FROM singer",
    "SELECT country AS where_from, COUNT(*) AS many FROM singer GROUP BY where_from ORDER BY many DESC",
    "SELECT COUNT(*) FROM (SELECT DISTINCT country FROM singer) AS T1",
    "WITH per_year AS (SELECT year, COUNT(*) AS n FROM concert GROUP BY year) SELECT AVG(n) FROM per_year",
    "SELECT (SELECT COUNT(*) FROM singer) - (SELECT COUNT(*) FROM stadium)",
    'SELECT "line no", "a""b" FROM "order" WHERE price >= -1.5',
    "SELECT name FROM singer WHERE name = 'naïve 🙂 ''quoted'' % _ \" `'",
]


@pytest.mark.parametrize("sql", GOOD)
def test_it_accepts_the_sql_that_people_need(acceptor, connection, sql):
    assert accepts(acceptor, sql)
    connection.execute("EXPLAIN " + sql)


BAD = [
    "SELECT c.name FROM singer AS c",
    "SELECT theme FROM singer",
    "SELECT singer.theme FROM singer",
    "SELECT stadium.name FROM singer",
    "SELECT name FROM singer JOIN stadium ON singer.id = stadium.id",
    "SELECT id FROM singer JOIN concert ON singer.id = concert.singer_id",
    "SELECT T2.theme FROM concert AS T1",
    "SELECT T1.theme FROM singer AS T1",
    "SELECT name FROM singer WHERE COUNT(*) > 1",
    "SELECT name FROM singer GROUP BY COUNT(*)",
    "SELECT name FROM singer ORDER BY COUNT(*)",
    "SELECT SUM(COUNT(*)) FROM singer",
    "SELECT name FROM singer ORDER BY 2",
    "SELECT name FROM singer UNION SELECT name, id FROM stadium",
    "SELECT name FROM singer UNION SELECT name FROM stadium ORDER BY age",
    "SELECT name FROM singer WHERE id IN (SELECT id, theme FROM concert)",
    "SELECT name FROM singer WHERE age > (SELECT age, id FROM singer)",
    "SELECT name FROM nowhere",
    "SELECT nothing FROM singer",
    "SELECT name FROM singer WHERE EXISTS (SELECT theme FROM stadium)",
    "SELECT name FROM singer, concert",
    "SELECT name FROM singer; DELETE FROM singer",
    "SELECT load_extension('x') FROM singer",
    "SELECT ROUND(age, 1, 2) FROM singer",
    "SELECT IIF(age) FROM singer",
    "SELECT ROW_NUMBER() FROM singer",
    "SELECT name FROM singer WHERE ROW_NUMBER() OVER () = 1",
    "SELECT COUNT(DISTINCT age) OVER () FROM singer",
    "DELETE FROM singer",
    "PRAGMA user_version",
    "SELECT order FROM order",
    "SELECT name FROM singer -- x",
    "SELECT name FROM singer WHERE name = 'a\x00b'",
]


@pytest.mark.parametrize("sql", BAD)
def test_it_refuses_what_does_not_run_or_should_not(acceptor, sql):
    assert not accepts(acceptor, sql)


def test_a_column_is_refused_before_its_table_could_be_missing(acceptor):
    state = acceptor.start().step(b"SELECT singer.name, concert.theme FROM singer")
    assert state is not None
    assert not state.accepting
    assert state.step(b" WHERE") is None
    following = state.step(b" JOIN")
    assert following is not None
    assert following.forced() == b" concert ON singer.id = concert.singer_id"


def test_a_join_follows_the_key_without_being_asked(acceptor):
    state = acceptor.start().step(b"SELECT concert.theme, stadium.city FROM concert JOIN ")
    assert state is not None
    assert state.forced() == b"stadium ON concert.stadium_id = stadium.id"


def test_an_alias_waits_for_its_table(acceptor):
    state = acceptor.start().step(b"SELECT T1.theme, T2.city FROM concert AS T1")
    assert state is not None
    assert not state.accepting
    assert state.step(b" JOIN singer AS T2") is None
    assert state.step(b" JOIN stadium AS T2 ON T1.stadium_id = T2.id") is not None


def test_an_inner_query_hides_outer_names(acceptor):
    state = acceptor.start().step(b"SELECT name FROM singer WHERE age > (SELECT AVG(age) FROM singer WHERE ")
    assert state is not None
    assert state.step(b"concert.") is None
    assert state.step(b"country = 'x')") is not None


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("select count(*) from singer", "SELECT COUNT(*) FROM singer"),
        (
            "SELECT s.name FROM singer s JOIN concert c ON s.id = c.singer_id",
            "SELECT s.name FROM singer AS s JOIN concert AS c ON s.id = c.singer_id",
        ),
        ("SELECT name FROM singer WHERE age <> 3", "SELECT name FROM singer WHERE age != 3"),
        (
            "SELECT name FROM singer ORDER BY age ASC, id LIMIT 1",
            "SELECT name FROM singer ORDER BY age, id LIMIT 1",
        ),
        (
            "SELECT T1.name FROM singer AS T1 inner join concert AS T2 ON T1.id = T2.singer_id;",
            "SELECT T1.name FROM singer AS T1 JOIN concert AS T2 ON T1.id = T2.singer_id",
        ),
        (
            "SELECT concat(name, ' of ', country) FROM singer WHERE YEAR(age) = '3'",
            "SELECT (name || ' of ' || country) FROM singer WHERE STRFTIME('%Y', age) = '3'",
        ),
        (
            "SELECT name FROM singer WHERE name like 'SELECT x'",
            "SELECT name FROM singer WHERE name LIKE 'SELECT x'",
        ),
    ],
)
def test_other_spellings_come_out_in_the_canonical_form(acceptor, connection, written, canonical):
    state = acceptor.start().step(written.encode())
    assert state is not None
    assert state.text() == canonical
    connection.execute("EXPLAIN " + canonical)


def test_an_incomplete_statement_has_no_text(acceptor):
    state = acceptor.start().step(b"SELECT name FROM ")
    assert state is not None
    with pytest.raises(ValueError, match="not complete"):
        state.text()


def test_a_join_along_no_key_costs_more_than_one_along_a_key(acceptor):
    along = acceptor.start().step(
        b"SELECT singer.name FROM singer JOIN concert ON singer.id = concert.singer_id"
    )
    across = acceptor.start().step(
        b"SELECT singer.name FROM singer JOIN stadium ON singer.name = stadium.name"
    )
    assert along is not None and across is not None
    assert along.cost == 0
    assert across.cost > 0


def test_aliases_are_bound_in_the_order_of_from(acceptor):
    assert not accepts(acceptor, "SELECT T2.name FROM singer AS T2")
    state = acceptor.start().step(b"SELECT T2.theme FROM singer AS T1")
    assert state is not None
    assert not state.accepting


def test_a_repeated_column_ends_the_list(acceptor):
    state = acceptor.start().step(b"SELECT name, age, name")
    assert state is not None
    assert state.step(b", ") is None
    assert state.step(b" FROM singer") is not None


def test_a_semicolon_ends_the_statement_for_good(acceptor):
    state = acceptor.start().step(b"SELECT name FROM singer;")
    assert state is not None
    assert state.done
    assert state.accepting
    assert state.step(b"\n```") is not None
    assert state.step(b" SELECT") is None


@pytest.mark.parametrize("style", ["names", "aliases"])
def test_any_bytes_that_it_takes_can_be_completed(style):
    acceptor = Acceptor(schemas.from_ddl(DDL), Options(style=style))
    connection = sqlite3.connect(":memory:")
    sandboxed.register(connection)
    connection.executescript(DDL)
    rng = random.Random(5)
    for n in range(40):
        sql = walk(acceptor, rng, budget=120, stop=0.05, temper=TEMPERS[n % 3])
        state = acceptor.start()
        for at in range(0, len(sql.encode()), 7):
            following = state.step(sql.encode()[at : at + 7])
            assert following is not None
            state = following
            end = state.step(state.closing())
            assert end is not None
            connection.execute("EXPLAIN " + end.text())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), budget=st.integers(10, 400), temper=st.sampled_from(TEMPERS))
def test_whatever_is_written_prepares(acceptor, connection, seed, budget, temper):
    sql = walk(acceptor, random.Random(seed), budget=budget, stop=0.05, temper=temper)
    connection.execute("EXPLAIN " + sql)


def test_whatever_is_written_prepares_over_hostile_names(tmp_path):
    rng = random.Random(11)
    for n, (label, statements) in enumerate(hostile_schemas(1, large=False)):
        connection = build(statements, tmp_path / f"{n}.sqlite")
        connection.commit()
        schema = schemas.read(str(tmp_path / f"{n}.sqlite"))
        if not schema.tables:
            continue
        acceptor = Acceptor(schema, Options(style="names" if n % 2 else "aliases"))
        for temper in TEMPERS * 2:
            sql = walk(acceptor, rng, budget=150, stop=0.05, temper=temper)
            try:
                connection.execute("EXPLAIN " + sql)
            except sqlite3.Error as error:
                pytest.fail(f"{label}: {error}: {sql}")
        connection.close()


def test_a_made_up_name_is_never_taken_for_a_column():
    ddl = 'CREATE TABLE t (id INTEGER, "NULL" TEXT)'
    acceptor = Acceptor(schemas.from_ddl(ddl))
    assert not accepts(acceptor, 'WITH c AS (SELECT id, NULL FROM t) SELECT "NULL" FROM c CROSS JOIN t')
    assert accepts(acceptor, 'WITH c AS (SELECT id, NULL AS n FROM t) SELECT "NULL" FROM c CROSS JOIN t')
    plain = Acceptor(schemas.from_ddl("CREATE TABLE t (id INTEGER, name TEXT)"))
    assert accepts(plain, "WITH c AS (SELECT id, COUNT(*) FROM t GROUP BY id) SELECT id FROM c")


def test_a_name_that_a_subquery_has_twice_is_still_ambiguous(acceptor, connection):
    two = "SELECT COUNT(*) FROM (SELECT s.name, name FROM singer AS s) AS T1 CROSS JOIN stadium GROUP BY "
    assert not accepts(acceptor, two + "name")
    assert accepts(acceptor, two + "T1.name")
    connection.execute("EXPLAIN " + two + "T1.name")


DEEPER = (
    b" OR ",
    b" AND ",
    b" = ",
    b" IS NOT ",
    b" NOT BETWEEN ",
    b" + ",
    b" * ",
    b" || ",
    b" IN (",
    b"SELECT ",
    b" FROM singer WHERE ",
    b" FROM singer JOIN concert ON ",
    b"(SELECT ",
    b"EXISTS (",
    b"NOT ",
    b"CASE WHEN ",
    b"CASE ",
    b" WHEN ",
    b" THEN ",
    b" ELSE ",
    b"SUM(",
    b" FILTER (WHERE ",
    b" OVER (PARTITION BY ",
    b"NULLIF(",
    b"CAST(",
    b"(",
    b"1",
    b"age",
    b"singer.age",
)


@pytest.mark.parametrize("start", [b"SELECT ", b"SELECT name FROM singer WHERE ", b"WITH one AS (SELECT "])
def test_no_statement_overflows_sqlites_parser(acceptor, connection, start):
    rng = random.Random(4)
    pieces = list(DEEPER)
    longest = 0
    for _ in range(12):
        state = acceptor.start().step(start)
        for _ in range(80):
            rng.shuffle(pieces)
            # Openers first: a literal closes what could be nested further.
            pieces.sort(key=lambda piece: piece[-1:].isalnum())
            after = next((after for piece in pieces if (after := state.step(piece)) is not None), None)
            if after is None:
                break
            state = after
        ending = state.closing()
        connection.execute("EXPLAIN " + state.step(ending).text())
        longest = max(longest, len(ending))
    assert longest > 40


def test_an_expression_stays_shallow_enough_for_sqlite(acceptor, connection):
    state = acceptor.start().step(b"SELECT name FROM singer WHERE 1 = 1")
    for piece in (b" + 1", b" OR 1 = 1"):
        while (after := state.step(piece)) is not None:
            state = after
    assert len(state.text()) > 1000
    connection.execute("EXPLAIN " + state.text())


def test_the_memo_does_not_grow_without_bound(acceptor, monkeypatch):
    monkeypatch.setattr("sqlagent.grammar.machine._MEMO_LIMIT", 1000)
    rng = random.Random(3)
    first = acceptor.start()
    for _ in range(60):
        walk(acceptor, rng, budget=100, stop=0.1)
    assert acceptor.start() is not first


def test_a_schema_without_tables_is_refused():
    with pytest.raises(ValueError, match="no tables"):
        Acceptor(schemas.Schema(path="", tables=()))


def test_the_sandbox_lets_every_function_of_the_grammar_run():
    allowed = {name.lower() for name in authorizer.FUNCTIONS}
    offered = [*functions.SCALAR, *functions.AGGREGATES, *functions.WINDOW]
    assert [name for name in offered if name.lower() not in allowed] == []
