"""Drafts: what is guessed, what it costs, and that it changes nothing."""

from __future__ import annotations

import json
import random
from math import exp
from operator import mul
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqlagent.database import schema as schemas
from sqlagent.decoding import drafting
from sqlagent.decoding.decoder import Decoder
from sqlagent.decoding.draft_names import FEATURES, NameRanker, clause
from sqlagent.decoding.draft_ngrams import COLUMN, TABLE, TEXT, WORDS, NgramModel, Piece, count, pieces, whole
from sqlagent.decoding.drafting import Drafter, cost, draft, worthwhile
from sqlagent.decoding.hypothesis import Hypothesis
from sqlagent.decoding.layout import LayoutState
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import Hint
from tests.test_backtrack import END, KEYED, SCHOOL, SHARED, Letters, Pen, said, written

STATEMENTS = [
    "SELECT surname FROM student WHERE grade_average > 1.5 ORDER BY surname DESC LIMIT 1",
    "SELECT student.surname, COUNT(*) FROM student JOIN enroll ON student.id = enroll.student_id "
    "WHERE student.surname LIKE 'O''B%' GROUP BY student.id HAVING COUNT(*) > 3",
    "SELECT id FROM room WHERE surname IN ('a', 'b') UNION SELECT id FROM door",
    'SELECT "odd ""name" FROM t WHERE x = -1',
    "SELECT DISTINCT T1.id FROM room AS T1 JOIN room AS T2 ON T1.id = T2.id",
]


# --- pieces ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sql", STATEMENTS)
def test_pieces_are_the_statement_words_and_names_in_turn(sql):
    found = whole(sql)
    assert "".join(piece.text for piece in found) == sql + "$"
    assert [piece.kind == WORDS for piece in found] == [n % 2 == 0 for n in range(len(found))]


@pytest.mark.parametrize("sql", STATEMENTS)
def test_any_beginning_of_a_statement_has_its_pieces_and_what_is_begun(sql):
    for end in range(len(sql)):
        found, begun = pieces(sql[:end])
        assert "".join(piece.text for piece in found) + begun == sql[:end]


@pytest.mark.parametrize(
    "text, kind, begun",
    [
        ("SELECT sur", WORDS, "sur"),
        ("SELECT surname ", COLUMN, " "),
        ("SELECT id FROM ro", WORDS, "ro"),
        ("SELECT id FROM room ", TABLE, " "),
        ("SELECT room.", TABLE, "."),
        ("SELECT id FROM room WHERE surname = 'An", WORDS, "'An"),
        ("SELECT id FROM room WHERE surname = 'An'", TEXT, ""),
    ],
)
def test_what_is_begun_is_words_behind_a_name_and_a_name_behind_words(text, kind, begun):
    found, rest = pieces(text)
    assert (found[-1].kind, rest) == (kind, begun)


def test_the_skeleton_says_what_mostly_follows_and_survives_being_written_down():
    asked = [("How many rooms are there?", "SELECT COUNT(*) FROM room")] * 3
    asked += [("Name the rooms.", "SELECT surname FROM room")] * 5
    made = NgramModel.from_json(json.loads(json.dumps(count(asked).to_json())))
    for question, words in (("How many doors?", "SELECT COUNT(*) FROM "), ("Show all doors.", "SELECT ")):
        chances = made.chances([drafting.start(question)])
        assert max(chances, key=chances.__getitem__) == words
        assert sum(chances.values()) == pytest.approx(1.0)


def test_contexts_that_were_hardly_seen_are_left_out():
    made = count([("Name the rooms.", "SELECT surname FROM room"), ("x", "SELECT id, surname FROM room")])
    assert all(sum(counts.values()) > 1 for counts in made._counts.values())


# --- names ----------------------------------------------------------------------------------------------------


def behind(sql: str) -> list[Piece]:
    """The pieces of a text that ends where a name is to follow."""
    found, begun = pieces(sql)
    return [*found, Piece(WORDS, begun)]


def learnt() -> drafting.DraftModel:
    """The model that ships."""
    model = drafting.shipped()
    assert model is not None
    return model


def test_the_shipped_model_has_a_weight_for_each_feature():
    for name, weights in learnt().weights.items():
        assert len(weights) == len(FEATURES[name[0]])
    assert {"C SELECT", "C WHERE", "T FROM", "T JOIN"} <= set(learnt().weights)


@pytest.mark.parametrize(
    "question, before, kind, name",
    [
        ("What is the grade average of the students?", "SELECT ", COLUMN, "grade_average"),
        ("What is the surname of each student?", "SELECT surname FROM ", TABLE, "student"),
        ("Which year did each student enroll?", "SELECT student.", COLUMN, "surname"),
        ("Which student enrolled?", "SELECT id FROM student JOIN ", TABLE, "enroll"),
    ],
)
def test_the_name_that_the_question_speaks_of_is_guessed(question, before, kind, name):
    names = NameRanker(schemas.from_ddl(SCHOOL), question)
    best = names.best(behind(before), kind, "", learnt().weights)
    assert best is not None
    if "." in before:  # of the table before the dot, whatever it is
        assert best[0] in {"id", "surname", "grade_average"}
    else:
        assert best[0] == name
    assert 0 < best[1] <= 1


def test_a_hint_makes_its_column_likely():
    schema = schemas.from_ddl("CREATE TABLE t (a TEXT, b TEXT, c TEXT)")
    before = behind("SELECT a FROM t WHERE ")
    plain = NameRanker(schema, "Which of them is Ann?").best(before, COLUMN, "", learnt().weights)
    hinted = NameRanker(schema, "Which of them is Ann?", [Hint("t", "c", "Ann")])
    assert hinted.best(before, COLUMN, "", learnt().weights)[0] == "c"
    assert plain is not None and plain[1] < 0.5


@pytest.mark.parametrize("kind", [COLUMN, TABLE])
@pytest.mark.parametrize("begun", ["", "s", "enr", "nothing"])
@pytest.mark.parametrize(
    "before",
    [
        "SELECT ",
        "SELECT student.",
        "SELECT nowhere.",
        "SELECT surname, id, id FROM ",
        "SELECT surname FROM student JOIN ",
        "SELECT surname FROM student JOIN enroll ON student.id = ",
        "SELECT surname FROM student WHERE id = 1 GROUP BY ",
    ],
)
def test_the_best_name_is_that_of_a_softmax_over_all_options(before, begun, kind):
    weights = {
        f"{kind} {where}": [0.3 - 0.2 * n * (-1) ** n for n in range(10)]
        for kind in (COLUMN, TABLE)
        for where in ("SELECT", "FROM", "JOIN", "ON", "WHERE", "GROUP BY")
    }
    names, pieces_before = NameRanker(schemas.from_ddl(SCHOOL), "Whose surname is Ann?"), behind(before)
    options = [
        option for option in names.options(pieces_before, kind) if option.text.lower().startswith(begun)
    ]
    fitted = weights[f"{kind} {clause(pieces_before)}"]
    scores = {option.text: sum(map(mul, fitted, option.features)) for option in options}
    best = names.best(pieces_before, kind, begun, weights)
    if not scores:
        assert best is None
        return
    assert best is not None and scores[best[0]] == pytest.approx(max(scores.values()))
    assert best[1] == pytest.approx(exp(scores[best[0]]) / sum(map(exp, scores.values())))


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("SELECT ", "SELECT"),
        ("SELECT a FROM t WHERE ", "WHERE"),
        ("SELECT a FROM t GROUP BY b, ", "GROUP BY"),
    ],
)
def test_the_clause_is_the_last_one_begun(sql, expected):
    assert clause(behind(sql)) == expected


# --- guesses --------------------------------------------------------------------------------------------------


def guess(question: str, sql: str, ddl: str = SCHOOL, hints=()) -> str:
    schema = schemas.from_ddl(ddl)
    state = Acceptor(schema).start().step(sql.encode())
    made = Drafter(learnt(), schema, question, hints)
    return b"".join(more for more, _ in made.guess(sql, state)).decode()


@pytest.mark.parametrize(
    "question, sql, expected",
    [
        ("How many students are there?", "SELECT COUNT", "(*) FROM student"),
        ("Show the surname of all students", "SELECT surname", " FROM student"),
        ("Show the surname of all students", "SELECT sur", "name FROM student"),
        ("Who is called 'Ann Lee'?", "SELECT id FROM student WHERE surname = 'Ann", " Lee'"),
        ("Grades above 3.5 please", "SELECT surname FROM student WHERE grade_average >", " 3.5"),
    ],
)
def test_guesses_are_what_a_person_would_bet_on(question, sql, expected):
    assert guess(question, sql).startswith(expected)


def test_a_stored_value_is_guessed_for_its_column():
    hints = (Hint("student", "surname", "O'Brien"),)
    assert guess("grade of obrien", "SELECT id FROM student WHERE surname =", hints=hints).startswith(
        " 'O''Brien'"
    )


def test_what_the_grammar_forces_is_part_of_the_guess():
    found = guess("surnames by year", "SELECT student.surname, enroll.year FROM student JOIN")
    assert found.startswith(" enroll ON student.id = enroll.student_id")


@given(st.text(max_size=60), st.sampled_from(STATEMENTS), st.integers(0, 90))
def test_guesses_always_go_on_as_the_grammar_allows(question, sql, end):
    schema = schemas.from_ddl(SCHOOL)
    acceptor = Acceptor(schema)
    text = sql.encode()[:end]
    state = acceptor.start().step(text)
    if state is None:
        return
    made = Drafter(learnt(), schema, question).guess(text.decode("utf-8", "replace"), state)
    assert [chance for _, chance in made] == sorted((chance for _, chance in made), reverse=True)
    for more, _ in made:
        state = state.step(more)
        assert state is not None, (text, made)


def test_no_names_are_guessed_of_a_schema_with_thousands_of_columns():
    columns = ", ".join(f"c{n} TEXT" for n in range(1500))
    schema = schemas.from_ddl(f"CREATE TABLE a ({columns}); CREATE TABLE b ({columns})")
    sql = "SELECT c1 FROM"
    state = Acceptor(schema).start().step(sql.encode())
    assert Drafter(learnt(), schema, "Show c1 of a").guess(sql, state) == [(b" ", pytest.approx(1, abs=0.9))]


def test_a_damaged_or_missing_file_means_no_drafts(tmp_path, monkeypatch):
    monkeypatch.setattr(drafting, "FILE", str(tmp_path / "drafts.json"))
    drafting.shipped.cache_clear()
    try:
        assert drafting.shipped() is None
        for content in (
            "",
            "{}",
            "[]",
            '{"skeleton": {"keys": [], "counts": [[[5], []]]}, "names": {}}',
            "\xff",
        ):
            Path(drafting.FILE).write_text(content, "latin-1")
            drafting.shipped.cache_clear()
            assert drafting.shipped() is None
    finally:
        drafting.shipped.cache_clear()


# --- how many pay ---------------------------------------------------------------------------------------------


def test_likely_tokens_fill_a_batch_of_four_and_unlikely_ones_are_left():
    assert worthwhile(1, [[0.9, 0.8, 0.7, 0.2]]) == [3]
    assert worthwhile(1, [[0.1, 0.1, 0.1]]) == [0]
    assert worthwhile(3, [[0.1]]) == [1]  # four rows take less than three
    assert worthwhile(1, []) == []
    assert worthwhile(1, [[], []]) == [0, 0]


def test_of_several_statements_the_likeliest_guesses_come_first():
    assert worthwhile(2, [[0.2, 0.1], [0.9, 0.8]]) == [0, 2]


@given(st.integers(1, 40), st.lists(st.lists(st.floats(0, 1), max_size=7), max_size=3))
def test_no_choice_of_drafts_gains_more(sure, rows):
    rows = [sorted(row, reverse=True) for row in rows]

    def gain(taken):
        more = sum(taken)
        return (
            drafting.SAVED * sum(sum(r[:n]) for r, n in zip(rows, taken, strict=True))
            - cost(sure + more)
            + cost(sure)
        )

    best = gain(worthwhile(sure, rows))
    assert best >= -1e-9
    for n in range(len(rows)):
        alone = [0] * len(rows)
        for taken in range(len(rows[n]) + 1):
            alone[n] = taken
            assert gain(alone) <= best + 1e-9


def test_what_is_held_and_what_is_guessed_are_cut_into_tokens_together():
    class Words(Letters):
        def continuation(self, text):
            self.asked = text
            return tuple(text)

    schema = schemas.from_ddl(SCHOOL)
    vocab = Words()
    state = Acceptor(schema).start().step(b"SELECT")
    made = draft(
        Drafter(learnt(), schema, "Show the surname of students"), state, b"SELECT", list(b" "), vocab
    )
    assert vocab.asked.startswith(b" surname")
    assert len(made.tokens) == len(made.chances) == drafting.MOST_TOKENS


# --- and nothing changes --------------------------------------------------------------------------------------


class Noise:
    """Guesses that are right, wrong or refused, at random."""

    def __init__(self, right: str, seed: int) -> None:
        self.right, self.rng = right.encode(), random.Random(seed)

    def guess(self, sql, state):
        at = len(sql.encode())
        known = self.right[at:] if self.right.startswith(sql.encode()) else b""
        found = []
        for _ in range(self.rng.randint(0, 3)):
            size = self.rng.randint(1, 9)
            nonsense = self.rng.choice([b"x", b" FROM ", b"surname", b"'", b", id", b" JOIN door"])
            more, known = (known[:size] or b"x", known[size:]) if self.rng.random() < 0.7 else (nonsense, b"")
            found.append((more, 0.99))
        return found


WISHES = [
    (SCHOOL, ["SELECT AVG(enroll.grade_average)", "SELECT AVG(student.grade_average) FROM student"]),
    (
        SCHOOL,
        [
            "SELECT number FROM enroll WHERE grade_average > 3",
            "SELECT number FROM enroll JOIN student ON enroll.student_id = student.id WHERE grade_average > 3",
        ],
    ),
    (
        SHARED,
        [
            "SELECT made_at, order_id, order_note FROM invoice",
            "SELECT invoice.made_at, invoice.order_id, orders.order_note "
            "FROM invoice JOIN orders ON invoice.order_id = orders.order_id",
        ],
    ),
    (
        KEYED,
        [
            "SELECT lines FROM faculty WHERE campus = 'Chico'",
            "SELECT lines FROM faculty JOIN campus ON faculty.campus = campus.id WHERE campus.campus = 'Chico'",
        ],
    ),
    (SCHOOL, STATEMENTS[1:2]),
    (SCHOOL, STATEMENTS[2:3]),
]


def run(ddl: str, wishes: list[str], drafter, hypotheses: int = 1):
    pen = Pen(*wishes)
    decoder = Decoder(pen, Letters())
    start = LayoutState(Acceptor(schemas.from_ddl(ddl)).start())
    made = [Hypothesis(seq, start, 200, drafter=drafter) for seq in range(hypotheses)]
    for hypothesis in made:
        held = decoder.lead(hypothesis)
        if hypotheses == 1:
            decoder.guess(hypothesis, held)
        pen.cells[hypothesis.seq] = list(hypothesis.feed)
        hypothesis.at = len(hypothesis.feed)
    if hypotheses == 1:  # as Model does: the draft goes with the prompt's last batch
        first = pen.cells.pop(0)
        behind = [(token, i, 0, True) for i, token in enumerate([*first, *made[0].draft])]
        pen.decode(behind or [(0, 0, 0, True)])
        if not first:  # the prompt's last token has written nothing
            pen.cells[0] = pen.cells[0] if behind else []
            pen._rows = [pen.after(b""), *pen._rows]
            row = 0
        else:
            row = len(first) - 1
        decoder.run_from(made[0], row)
    else:
        decoder.run(made, pen.after(written(pen.cells[0])))
    return made, pen, decoder


@pytest.mark.parametrize("ddl, wishes", WISHES)
@pytest.mark.parametrize("hypotheses", [1, 2])
def test_no_guess_changes_what_is_written(ddl, wishes, hypotheses):
    plain, _, before = run(ddl, wishes, None, hypotheses)
    for seed in range(60):
        made, pen, decoder = run(ddl, wishes, Noise(wishes[-1], seed), hypotheses)
        for hypothesis, other in zip(made, plain, strict=True):
            assert said(hypothesis) == said(other)
            assert [m.token for m in hypothesis.marks] == [m.token for m in other.marks]
            assert [m.choice is None for m in hypothesis.marks] == [m.choice is None for m in other.marks]
            assert hypothesis.logprob == pytest.approx(other.logprob)
            assert (hypothesis.used, hypothesis.forced, hypothesis.finished) == (
                other.used,
                other.forced,
                other.finished,
            )
            cells = zip(
                pen.cells[hypothesis.seq], hypothesis.marks, strict=False
            )  # behind the end may be guesses
            assert all(cell == mark.token or mark.token == END for cell, mark in cells)
        assert decoder.counters.backtracks == before.counters.backtracks


@pytest.mark.parametrize("sql", STATEMENTS[:3])
def test_right_guesses_save_batches(sql):
    class Right(Noise):
        def guess(self, sql, state):
            return (
                [(self.right[len(sql.encode()) :][:7], 0.99)] if self.right.startswith(sql.encode()) else []
            )

    _, pen, _ = run(SCHOOL, [sql], None)
    _, quick, decoder = run(SCHOOL, [sql], Right(sql, 0))
    assert quick.batches < pen.batches / 2
    assert decoder.counters.draft_hits > 0.8 * decoder.counters.drafted


def test_a_model_that_writes_otherwise_soon_gets_fewer_guesses():
    hypothesis = Hypothesis(0, LayoutState(Acceptor(schemas.from_ddl(SCHOOL)).start()), 200)
    assert hypothesis.trust == 1.0
    hypothesis.expected, hypothesis.kept = 6.0, 7
    assert hypothesis.trust == 1.0
    hypothesis.kept = 0
    assert hypothesis.trust == 0.25
    made, _, _ = run(SCHOOL, STATEMENTS[1:2], Noise("no such statement", 3))
    assert made[0].expected > made[0].kept
    assert made[0].trust < 1.0
