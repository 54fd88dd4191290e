"""A statement goes back to a table's name when the model wants a column of another table."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from sqlagent.database import schema as schemas
from sqlagent.decoding.decoder import Decoder
from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import LayoutState
from sqlagent.grammar import Acceptor
from sqlagent.sandbox import functions as sandboxed

SCHOOL = """
CREATE TABLE student (id INTEGER PRIMARY KEY, surname TEXT, grade_average REAL);
CREATE TABLE enroll (number INTEGER PRIMARY KEY, student_id INTEGER REFERENCES student(id), year INTEGER);
CREATE TABLE room (id INTEGER PRIMARY KEY, surname TEXT);
CREATE TABLE door (id INTEGER PRIMARY KEY, surname TEXT);
"""
END = 256
LONGER = [b"", b".g", b".h", b".n"]
"""What the tokens from END on write."""


class Pen:
    """A llama.cpp context whose model writes the first of some texts that goes on from what it has written.

    Its tokens are bytes. Cells that are missing or written twice are errors, as they would be silent nonsense there.
    """

    n_vocab, n_batch, n_ctx = END + len(LONGER), 64, 4096

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
            self._rows.append(self.after(written(cells)))
        return True

    def after(self, text: bytes) -> np.ndarray:
        scores = np.zeros(self.n_vocab, np.float32)
        scores[END] = 1.0
        wish = next((w for w in self.wishes if w.startswith(text)), None)
        if wish is not None:
            left = wish[len(text) :]
            scores[left[0] if left else END] = 12.0
            for token, longer in enumerate(LONGER[1:], END + 1):
                if left.startswith(longer):
                    scores[token] = 13.0
        return scores

    def logits(self, row: int) -> np.ndarray:
        return self._rows[row]

    def forget(self, seq: int, start: int = 0) -> None:
        del self.cells.setdefault(seq, [])[start:]


def written(tokens: list[int]) -> bytes:
    return Letters().text_of(tokens)


class Letters:
    """Every byte is a token, and so are a dot or a quote with what follows it at times."""

    def bytes_of(self, token: int) -> bytes:
        return LONGER[token - END] if token >= END else bytes([token])

    def is_end(self, token: int) -> bool:
        return token == END

    def continuation(self, text: bytes) -> tuple[int, ...]:
        return tuple(text)

    def text_of(self, tokens) -> bytes:
        return b"".join(map(self.bytes_of, tokens))

    def starting(self, lead: bytes):
        yield lead, lead[0]


def write(*wishes: str, ddl: str = SCHOOL, hypotheses: int = 1) -> tuple[list[Hypothesis], Pen, Decoder]:
    pen = Pen(*wishes)
    decoder = Decoder(pen, Letters())
    start = LayoutState(Acceptor(schemas.from_ddl(ddl)).start())
    made = [Hypothesis(seq, start, 200) for seq in range(hypotheses)]
    for hypothesis in made:
        decoder.lead(hypothesis)
        pen.cells[hypothesis.seq] = list(hypothesis.feed)
        hypothesis.at = len(hypothesis.feed)
    decoder.run(made, pen.after(written(pen.cells[0])))
    return made, pen, decoder


def said(hypothesis: Hypothesis) -> str:
    return hypothesis.layout.state.text()


def goes_back(wish: str, right: str, ddl: str) -> None:
    """A model that wants one thing first and another then: what comes out, and in which cells."""
    made, pen, decoder = write(wish, right, ddl=ddl)
    assert said(made[0]) == right
    assert decoder.counters.backtracks == 1
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


@pytest.mark.parametrize("hypotheses", [1, 3])
def test_a_column_of_another_table_brings_that_table(hypotheses):
    right = "SELECT AVG(student.grade_average) FROM student WHERE student.surname = 'Ann'"
    made, pen, decoder = write("SELECT AVG(enroll.grade_average)", right, hypotheses=hypotheses)
    assert {said(hypothesis) for hypothesis in made} == {right}
    assert decoder.counters.backtracks == hypotheses
    for hypothesis in made:
        assert (
            pen.cells[hypothesis.seq]
            == [mark.token for mark in hypothesis.marks][: len(pen.cells[hypothesis.seq])]
        )
        assert hypothesis.min_token_logprob > -1  # the surprise is undone with the tokens
        assert hypothesis.used == len(hypothesis.marks)


def test_a_token_that_begins_with_the_dot_tells_as_well():
    right = "SELECT AVG(student.grade_average) FROM student WHERE student.surname = 'Ann'"
    ddl = SCHOOL.replace("year INTEGER", "height REAL")  # `.h` is a token that enroll leaves
    made, pen, decoder = write("SELECT AVG(enroll.grade_average)", right, ddl=ddl)
    assert said(made[0]) == right
    assert decoder.counters.backtracks == 1


def test_with_the_table_the_column_is_chosen_anew():
    right = "SELECT MAX(student.grade_average) FROM student"
    made, pen, decoder = write("SELECT MAX(enroll.surname)", right)
    assert said(made[0]) == right


def test_a_name_that_is_the_beginning_of_the_only_one_in_scope_is_not_gone_on_with_unasked():
    ddl = SCHOOL.replace("year INTEGER", "grade_average_before REAL")
    right = "SELECT number FROM enroll JOIN student ON enroll.student_id = student.id WHERE grade_average > 3"
    made, pen, decoder = write("SELECT number FROM enroll WHERE grade_average > 3", right, ddl=ddl)
    assert said(made[0]) == right
    assert decoder.counters.backtracks == 1
    before = "SELECT number FROM enroll WHERE grade_average_before > 3"
    made, pen, decoder = write(before, ddl=ddl)
    assert said(made[0]) == before
    assert decoder.counters.backtracks == 0


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
    assert decoder.counters.backtracks == 1
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


SHARED = """
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, order_note TEXT);
CREATE TABLE invoice (number INTEGER PRIMARY KEY, order_id INTEGER REFERENCES orders(order_id), made_at TEXT,
                      order_kind TEXT);
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
    assert decoder.counters.backtracks == 1
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


@pytest.mark.parametrize(
    ("wish", "right"),
    [
        (
            "SELECT order_id, made_at FROM invoice JOIN orders ON invoice.order_id = orders.order_id",
            "SELECT invoice.order_id, invoice.made_at FROM invoice JOIN orders "
            "ON invoice.order_id = orders.order_id",
        ),
        (
            "SELECT order_id, COUNT(DISTINCT made_at) FROM invoice WHERE order_note = 'red'",
            "SELECT invoice.order_id, COUNT(DISTINCT invoice.made_at) FROM invoice JOIN orders "
            "ON invoice.order_id = orders.order_id WHERE order_note = 'red'",
        ),
        (
            "SELECT order_id FROM invoice ORDER BY LENGTH(order_note)",
            "SELECT invoice.order_id FROM invoice JOIN orders "
            "ON invoice.order_id = orders.order_id ORDER BY LENGTH(order_note)",
        ),
    ],
)
def test_a_join_names_the_tables_of_what_stood_alone_before_it(wish, right):
    goes_back(wish, right, ddl=SHARED)


KEYED = """
CREATE TABLE campus (id INTEGER PRIMARY KEY, campus TEXT);
CREATE TABLE faculty (campus INTEGER REFERENCES campus(id), year INTEGER, lines INTEGER);
CREATE TABLE note (campus TEXT REFERENCES campus(campus), year INTEGER);
"""


@pytest.mark.parametrize("compared", ["= 'Chico'", "!= 'Chico'", "IN ('Chico', 'Davis')", "LIKE '%Chico%'"])
def test_a_text_is_looked_for_behind_the_number_that_stands_for_it(compared):
    wish = f"SELECT lines FROM faculty WHERE year > 2000 AND campus {compared}"
    right = (
        f"SELECT lines FROM faculty JOIN campus ON faculty.campus = campus.id WHERE campus.campus {compared}"
    )
    goes_back(wish, right, ddl=KEYED)


@pytest.mark.parametrize(
    "wish",
    [
        "SELECT lines FROM faculty WHERE campus = '7'",  # a number after all
        "SELECT lines FROM faculty WHERE year = 'last'",  # no key
        "SELECT year FROM note WHERE campus = 'Chico'",  # a text
        "SELECT campus FROM campus WHERE id = 'Chico'",  # its own key
        "SELECT lines FROM faculty WHERE year = (SELECT MAX(year) FROM note) AND campus = 'Chico'",
    ],
)
def test_a_text_stays_where_it_can_be_or_where_nothing_is_known(wish):
    made, pen, decoder = write(wish, ddl=KEYED)
    assert said(made[0]) == wish
    assert decoder.counters.backtracks == 0


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
    assert decoder.counters.backtracks == 0
    assert said(made[0]).startswith(wish[:20])
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


@pytest.mark.parametrize(
    "wish",
    [
        "SELECT number FROM enroll WHERE door > 3",  # no column of that name
        "SELECT number FROM enroll WHERE grade_average(year) > 3",  # a function
        "SELECT number FROM enroll WHERE number = 'grade_average",  # text
        "SELECT id FROM room WHERE number > 3",  # no link to enroll
    ],
)
def test_nothing_is_joined_without_a_reason(wish):
    made, pen, decoder = write(wish)
    assert decoder.counters.backtracks == 0
    assert " JOIN " not in said(made[0])
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


def test_the_spelling_of_a_column_is_put_right():
    right = "SELECT place.premises_type FROM place WHERE id = 3"
    ddl = "CREATE TABLE place (id INTEGER PRIMARY KEY, premise_details TEXT, premises_type TEXT)"
    made, _, decoder = write("SELECT place.premise_type FROM", right, ddl=ddl)
    assert said(made[0]) == right
    assert decoder.counters.backtracks == 1


LOGS = """
CREATE TABLE problem_log (problem_log_id INTEGER PRIMARY KEY, log_entry_date TEXT, log_entry_fix TEXT, note TEXT);
CREATE TABLE problem (problem_id INTEGER PRIMARY KEY, problem_kind TEXT, note TEXT);
"""


@pytest.mark.parametrize(
    ("wish", "right"),
    [
        ("SELECT problem_log.log_id FROM problem_log", "SELECT problem_log.problem_log_id FROM problem_log"),
        ("SELECT problem_log.log_entry_id FROM", "SELECT problem_log.problem_log_id FROM problem_log"),
        ("SELECT MIN(log_id) FROM problem_log", "SELECT MIN(problem_log_id) FROM problem_log"),
        ("SELECT problem.problem_note FROM problem", "SELECT problem.note FROM problem"),
        (
            "SELECT note FROM problem_log WHERE log_entry_id = 3",
            "SELECT note FROM problem_log WHERE problem_log_id = 3",
        ),
    ],
)
def test_a_column_goes_by_the_words_that_it_shares(wish, right):
    made, _, decoder = write(wish, right, ddl=LOGS)
    assert said(made[0]) == right
    assert decoder.counters.backtracks == 1


STAFF = """
CREATE TABLE employee (emp_num INTEGER PRIMARY KEY, emp_name TEXT, emp_phone TEXT);
CREATE TABLE professor (emp_num INTEGER REFERENCES employee(emp_num), prof_office TEXT, prof_extension TEXT);
"""


def test_words_are_told_by_their_capitals_too():
    ddl = "CREATE TABLE result (resultId INTEGER PRIMARY KEY, fastestLapTime TEXT, lapsDone INTEGER, timeLost TEXT)"
    right = "SELECT result.fastestLapTime FROM result"
    made, _, decoder = write("SELECT result.lapTime FROM", right, ddl=ddl)
    assert said(made[0]) == right
    assert decoder.counters.backtracks == 1


def test_what_only_says_whose_a_column_is_does_not_keep_it_from_being_found():
    right = "SELECT employee.emp_name, professor.prof_office FROM employee"
    made, _, decoder = write("SELECT employee.emp_name, employee.emp_office FROM", right, ddl=STAFF)
    assert said(made[0]).startswith(right)
    assert decoder.counters.backtracks == 1


MATCHES = """
CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE country (id INTEGER PRIMARY KEY, country_name TEXT);
CREATE TABLE season (year INTEGER, team INTEGER REFERENCES team(id), country INTEGER REFERENCES country(id));
CREATE TABLE player (player TEXT, team INTEGER REFERENCES team(id));
"""


def test_a_table_is_joined_first_by_which_another_one_can_be():
    wish = "SELECT name FROM team JOIN country ON team.country"
    right = (
        "SELECT name FROM team JOIN season ON team.id = season.team JOIN country "
        "ON season.country = country.id WHERE country_name = 'Chad'"
    )
    goes_back(wish, right, ddl=MATCHES)


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
    assert decoder.counters.backtracks == ("height" not in wish)
    text = said(made[0])
    assert text.startswith("SELECT student." if decoder.counters.backtracks else "SELECT enroll.")
    connection = sqlite3.connect(":memory:")
    sandboxed.register(connection)
    connection.executescript(SCHOOL)
    connection.execute(text)
    assert pen.cells[0] == [mark.token for mark in made[0].marks][: len(pen.cells[0])]


def test_of_several_tables_none_is_guessed():
    name_candidates = Acceptor(schemas.from_ddl(SCHOOL)).name_candidates
    assert name_candidates.column_of("Grade Average", b"room", b"SELECT ") == b"student"
    assert name_candidates.column_of("surname", b"enroll", b"SELECT ") == b"student"  # linked
    assert name_candidates.column_of("number", b"room", b"SELECT ") == b"enroll"
    assert name_candidates.column_of("id", b"enroll", b"SELECT room.id, ") == b"room"  # spoken of
    assert name_candidates.column_of("surnames", b"room", b"SELECT ") == b"room.surname"
    assert name_candidates.column_of("surname", b"T1", b"SELECT ") is None
    several = "CREATE TABLE a (x); CREATE TABLE b (x); CREATE TABLE c (y);"
    assert Acceptor(schemas.from_ddl(several)).name_candidates.column_of("x", b"c", b"SELECT ") is None


def test_a_statement_goes_back_twice_at_most():
    made, pen, decoder = write(
        "SELECT enroll.surname",
        "SELECT student.surname, enroll.grade_average",
        "SELECT student.surname, student.grade_average, enroll.surname",
    )
    assert decoder.counters.backtracks == 2
    assert said(made[0]).startswith("SELECT student.surname, student.grade_average, enroll.")
    assert pen.batches < 400
