"""A statement goes back to a table's name when the model wants a column of another table."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from sqlagent import schema as schemas
from sqlagent.cursor import Cursor
from sqlagent.decode import Decoder, Track
from sqlagent.grammar import Acceptor

SCHOOL = """
CREATE TABLE student (id INTEGER PRIMARY KEY, surname TEXT, grade_average REAL);
CREATE TABLE enroll (number INTEGER PRIMARY KEY, student_id INTEGER REFERENCES student(id), year INTEGER);
CREATE TABLE room (id INTEGER PRIMARY KEY, surname TEXT);
CREATE TABLE door (id INTEGER PRIMARY KEY, surname TEXT);
"""
END = 256


class Pen:
    """A llama.cpp context whose model writes the first of some texts that goes on from what it has written.

    Its tokens are bytes. Cells that are missing or written twice are errors, as they would be silent nonsense there.
    """

    n_vocab, n_batch, n_ctx = END + 1, 64, 4096

    def __init__(self, *wishes: str) -> None:
        self.wishes = [wish.encode() for wish in wishes]
        self.cells: dict[int, list[int]] = {}
        self.batches = 0
        self._rows: list[np.ndarray] = []

    def decode(self, rows, *, cancelled=None) -> bool:
        self.batches += 1
        self._rows = []
        for token, position, seq, _ in rows:
            cells = self.cells.setdefault(seq, [])
            assert position == len(cells), "a cell is missing, or was not forgotten"
            cells.append(token)
            self._rows.append(self.after(bytes(cells)))
        return True

    def after(self, text: bytes) -> np.ndarray:
        scores = np.zeros(self.n_vocab, np.float32)
        scores[END] = 1.0
        wish = next((w for w in self.wishes if w.startswith(text)), None)
        if wish is not None:
            scores[wish[len(text)] if len(text) < len(wish) else END] = 12.0
        return scores

    def logits(self, row: int) -> np.ndarray:
        return self._rows[row]

    def forget(self, seq: int, start: int = 0) -> None:
        del self.cells.setdefault(seq, [])[start:]


class Letters:
    """Every byte is a token."""

    def bytes_of(self, token: int) -> bytes:
        return b"" if token == END else bytes([token])

    def is_end(self, token: int) -> bool:
        return token == END

    def continuation(self, text: bytes) -> tuple[int, ...]:
        return tuple(text)

    def starting(self, lead: bytes):
        yield lead, lead[0]


def write(*wishes: str, ddl: str = SCHOOL, tracks: int = 1) -> tuple[list[Track], Pen, Decoder]:
    pen = Pen(*wishes)
    decoder = Decoder(pen, Letters())
    start = Cursor(Acceptor(schemas.from_ddl(ddl)).start())
    made = [Track(seq, start, 200) for seq in range(tracks)]
    for track in made:
        decoder.lead(track)
        pen.cells[track.seq] = list(track.feed)
        track.at = len(track.feed)
    decoder.run(made, pen.after(bytes(pen.cells[0])))
    return made, pen, decoder


def said(track: Track) -> str:
    return track.cursor.state.text()


@pytest.mark.parametrize("tracks", [1, 3])
def test_a_column_of_another_table_brings_that_table(tracks):
    right = "SELECT AVG(student.grade_average) FROM student WHERE student.surname = 'Ann'"
    made, pen, decoder = write("SELECT AVG(enroll.grade_average)", right, tracks=tracks)
    assert {said(track) for track in made} == {right}
    assert decoder.counters.rewound == tracks
    for track in made:
        assert pen.cells[track.seq] == [mark.token for mark in track.marks][: len(pen.cells[track.seq])]
        assert track.worst > -1  # the surprise is undone with the tokens
        assert track.used == len(track.marks)


def test_a_name_that_is_the_beginning_of_the_only_one_in_scope_is_not_gone_on_with_unasked():
    ddl = SCHOOL.replace("year INTEGER", "grade_average_before REAL")
    right = "SELECT number FROM enroll JOIN student ON enroll.student_id = student.id WHERE grade_average > 3"
    made, pen, decoder = write("SELECT number FROM enroll WHERE grade_average > 3", right, ddl=ddl)
    assert said(made[0]) == right
    assert decoder.counters.rewound == 1
    before = "SELECT number FROM enroll WHERE grade_average_before > 3"
    made, pen, decoder = write(before, ddl=ddl)
    assert said(made[0]) == before
    assert decoder.counters.rewound == 0


@pytest.mark.parametrize(
    "clause",
    [
        "WHERE grade_average > 3",
        "ORDER BY grade_average DESC LIMIT 1",
        "GROUP BY student.id",
    ],
)
def test_a_column_of_a_table_that_from_lacks_joins_it(clause):
    right = f"SELECT number FROM enroll JOIN student ON enroll.student_id = student.id {clause}"
    made, pen, decoder = write(f"SELECT number FROM enroll {clause}", right)
    assert said(made[0]) == right
    assert decoder.counters.rewound == 1
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


SHARED = """
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, order_note TEXT);
CREATE TABLE invoice (number INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders(order_id), made_at TEXT);
CREATE TABLE shop (id INTEGER PRIMARY KEY, opened TEXT);
"""


@pytest.mark.parametrize("distinct", ["", "DISTINCT "])
def test_a_name_that_two_tables_share_names_the_tables_of_all_columns(distinct):
    right = (
        f"SELECT {distinct}invoice.made_at, invoice.order_id, orders.order_note "
        "FROM invoice JOIN orders ON invoice.order_id = orders.order_id"
    )
    made, pen, decoder = write(
        f"SELECT {distinct}made_at, order_id, order_note FROM invoice", right, ddl=SHARED
    )
    assert said(made[0]) == right
    assert decoder.counters.rewound == 1
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


@pytest.mark.parametrize(
    "wish",
    [
        "SELECT made_at, order_id FROM invoice",  # one table has them
        "SELECT number, order_note FROM invoice JOIN orders ON invoice.order_id = orders.order_id",  # nothing is shared
        "SELECT made_at, order_id, height FROM invoice",  # nobody has it
        "SELECT opened, id, order_note FROM shop",  # not linked
    ],
)
def test_columns_that_can_stand_together_are_left_without_their_tables(wish):
    made, pen, decoder = write(wish, ddl=SHARED)
    assert decoder.counters.rewound == 0
    assert said(made[0]).startswith(wish[:20])
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


@pytest.mark.parametrize(
    "wish",
    [
        "SELECT number FROM enroll WHERE door > 3",  # no column of that name
        "SELECT number FROM enroll WHERE grade_average(year) > 3",  # a function
        "SELECT number FROM enroll WHERE number = 'grade_average",  # text
        "SELECT id FROM room WHERE grade_average > 3",  # no link to student
    ],
)
def test_nothing_is_joined_without_a_reason(wish):
    made, pen, decoder = write(wish)
    assert decoder.counters.rewound == 0
    assert " JOIN " not in said(made[0])
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


def test_the_spelling_of_a_column_is_put_right():
    right = "SELECT place.premises_type FROM place WHERE id = 3"
    ddl = "CREATE TABLE place (id INTEGER PRIMARY KEY, premise_details TEXT, premises_type TEXT)"
    made, _, decoder = write("SELECT place.premise_type FROM", right, ddl=ddl)
    assert said(made[0]) == right
    assert decoder.counters.rewound == 1


@pytest.mark.parametrize(
    "wish",
    [
        "SELECT enroll.height FROM enroll",  # nobody has it
        "SELECT enroll.surname FROM enroll",  # student has it, and so have others; student is linked
        "SELECT room.grade_average FROM room",
    ],
)
def test_what_tells_nothing_changes_nothing_but_a_linked_table_does(wish):
    made, pen, decoder = write(wish)
    assert decoder.counters.rewound == ("height" not in wish)
    text = said(made[0])
    assert text.startswith("SELECT student." if decoder.counters.rewound else "SELECT enroll.")
    connection = sqlite3.connect(":memory:")
    connection.executescript(SCHOOL)
    connection.execute(text)
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


def test_of_several_tables_none_is_guessed():
    grammar = Acceptor(schemas.from_ddl(SCHOOL))
    assert grammar.column_called("Grade Average", b"room", b"SELECT ") == b"student.grade_average"
    assert grammar.column_called("surname", b"enroll", b"SELECT ") == b"student.surname"  # linked
    assert grammar.column_called("number", b"room", b"SELECT ") == b"enroll.number"
    assert grammar.column_called("id", b"enroll", b"SELECT room.id, ") == b"room.id"  # spoken of
    assert grammar.column_called("surnames", b"room", b"SELECT ") == b"room.surname"
    assert grammar.column_called("surname", b"T1", b"SELECT ") is None
    several = "CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (y);"
    assert Acceptor(schemas.from_ddl(several)).column_called("x", b"c", b"SELECT ") is None


def test_a_statement_goes_back_twice_at_most():
    made, pen, decoder = write(
        "SELECT enroll.surname",
        "SELECT student.surname, enroll.grade_average",
        "SELECT student.surname, student.grade_average, enroll.surname",
    )
    assert decoder.counters.rewound == 2
    assert said(made[0]).startswith("SELECT student.surname, student.grade_average, enroll.")
    assert pen.batches < 400
