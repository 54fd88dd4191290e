"""What counts as right, as one form, as hard, and what a wrong statement is called."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("sqlglot")

from bench.hardness import hardness
from bench.scoring import Outcome, exact_match, normalise, orders, same_outcome, same_tree, score
from bench.stats import cluster_bootstrap, mcnemar, percentile, wilson
from bench.taxonomy import differences

COLUMNS = {
    "singer": {"id", "name", "age", "country"},
    "song": {"id", "singer_id", "title", "sales"},
}


def outcome(*rows, width=None, **more):
    return Outcome(width if width is not None else len(rows[0]), tuple(rows), **more)


def same(first, second, *, ordered=False):
    forward = same_outcome(first, second, ordered=ordered)
    assert forward == same_outcome(second, first, ordered=ordered), "equality has no direction"
    return forward


# --- results ---------------------------------------------------------------------------------------


def test_the_order_of_rows_matters_only_when_the_gold_orders():
    up, down = outcome((1,), (2,)), outcome((2,), (1,))
    assert same(up, down)
    assert not same(up, down, ordered=True)


def test_the_order_of_columns_never_matters():
    first, second = outcome((1, "a"), (2, "b")), outcome(("a", 1), ("b", 2))
    assert same(first, second)
    assert same(first, second, ordered=True)


def test_columns_may_be_permuted_but_rows_may_not_be_torn_apart():
    assert not same(outcome((1, "a"), (2, "b")), outcome((1, "b"), (2, "a")))
    assert not same(outcome((1, 2), (2, 1)), outcome((1, 1), (2, 2)))
    assert same(outcome((1, 2), (2, 3)), outcome((3, 2), (2, 1)))


def test_duplicates_count():
    assert not same(outcome((1,), (1,), (2,)), outcome((1,), (2,), (2,)))
    assert not same(outcome((1,), (1,)), outcome((1,)))


def test_an_extra_column_is_wrong():
    assert not same(outcome((1,)), outcome((1, 1)))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (0.1 + 0.2, 0.3, True),
        (1e12 + 0.1, 1e12 + 0.2, True),
        (1.0, 1.001, False),
        (9_007_199_254_740_993, 9_007_199_254_740_992, False),
        (2_000_000_000, 2_000_000_001, False),
        ("1", 1, False),
        ("1", "1.0", False),
        ("a", "A", False),
        (None, 0, False),
        (None, None, True),
        (None, "", False),
        (b"a", "a", False),
        (float("inf"), float("inf"), True),
        (float("inf"), 1e308, False),
    ],
)
def test_cells_are_equal_when_their_values_are(one, other, equal):
    assert same(outcome((one,)), outcome((other,))) is equal
    assert same(outcome((one,)), outcome((other,)), ordered=True) is equal


def test_empty_results_are_equal_only_with_as_many_columns():
    assert same(outcome(width=2), outcome(width=2))
    assert not same(outcome(width=2), outcome(width=1))
    assert not same(outcome(width=1), outcome((1,)))


def test_a_failed_statement_equals_nothing():
    failed = Outcome(error="refused: no such column: x")
    assert not same(failed, outcome((1,)))
    assert not same(failed, failed)


def test_a_result_that_was_cut_off_equals_only_what_was_cut_the_same():
    cut = outcome((1,), (2,), truncated=True)
    assert same(cut, outcome((1,), (2,), truncated=True))
    assert not same(cut, outcome((2,), (1,), truncated=True))
    assert not same(cut, outcome((1,), (2,)))


def test_any_shuffle_of_rows_and_columns_is_the_same_and_any_changed_cell_is_not():
    chance = random.Random(5)
    for _ in range(200):
        width, height = chance.randint(1, 5), chance.randint(1, 8)
        cells = [0, 1, 1.5, "a", "b", None]
        rows = [tuple(chance.choice(cells) for _ in range(width)) for _ in range(height)]
        columns = chance.sample(range(width), width)
        shuffled = [tuple(row[column] for column in columns) for row in chance.sample(rows, height)]
        assert same(outcome(*rows), outcome(*shuffled))
        place = chance.randrange(height)
        changed = [list(row) for row in shuffled]
        changed[place][chance.randrange(width)] = "new"
        assert not same(outcome(*rows), outcome(*map(tuple, changed)))


def test_many_columns_alike_are_compared_quickly():
    rows = [(None,) * 25 + (n, n + 1) for n in range(50)]
    other = [(None,) * 25 + (n, (n + 3) % 50 + 1) for n in range(50)]
    assert not same(outcome(*rows), outcome(*other))


# --- statements ------------------------------------------------------------------------------------


def test_exact_match_forgives_case_blanks_quotes_and_semicolons_only():
    assert normalise('SELECT  a\nFROM t WHERE b = "X" ;') == "select a from t where b = 'x'"
    assert exact_match("SELECT a FROM t;", "select a  from T")
    assert not exact_match("SELECT a FROM t", "SELECT t.a FROM t")


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ("SELECT T1.name FROM singer AS T1", "select NAME from Singer"),
        ("SELECT name, age FROM singer", "SELECT age, name FROM singer"),
        (
            "SELECT name FROM singer WHERE age > 3 AND id = 1",
            "SELECT name FROM singer WHERE 1 = id AND 3 < age",
        ),
        (
            'SELECT name FROM singer WHERE country = "France"',
            "SELECT name FROM singer WHERE country = 'France'",
        ),
        ("SELECT name FROM singer WHERE age <> 1.0", "SELECT name FROM singer WHERE NOT age = 1"),
        (
            "SELECT name FROM singer WHERE age BETWEEN 1 AND 2",
            "SELECT name FROM singer WHERE age <= 2 AND age >= 1",
        ),
        ("SELECT name FROM singer ORDER BY age ASC", "SELECT name FROM singer ORDER BY age"),
        ("SELECT name, age FROM singer ORDER BY 2", "SELECT name, age FROM singer ORDER BY age"),
        (
            "SELECT country, count(*) AS n FROM singer GROUP BY country ORDER BY n",
            "SELECT country, COUNT(*) FROM singer GROUP BY country ORDER BY COUNT(*)",
        ),
        (
            "SELECT T1.name FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id WHERE T2.sales > 5",
            "SELECT singer.name FROM song, singer WHERE song.singer_id = singer.id AND sales > 5",
        ),
        (
            "SELECT T1.id FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id GROUP BY T1.id",
            "SELECT singer_id FROM singer AS T1 JOIN song AS T2 ON T2.singer_id = T1.id GROUP BY singer_id",
        ),
        (
            "SELECT a.name FROM singer AS a JOIN song JOIN singer AS b ON a.id = singer_id AND b.id = a.id",
            "SELECT a.name FROM singer AS a JOIN song ON a.id = singer_id JOIN singer AS b ON b.id = a.id",
        ),
        (
            "SELECT x FROM (SELECT name AS x FROM singer) AS q",
            "WITH w AS (SELECT name AS x FROM singer) SELECT w.x FROM w",
        ),
        (
            "SELECT name FROM singer UNION SELECT title FROM song",
            "SELECT title FROM song UNION SELECT name FROM singer",
        ),
        ("SELECT name FROM singer WHERE id IN (1, 2)", "SELECT name FROM singer WHERE id IN (2, 1)"),
    ],
)
def test_spelling_does_not_change_the_parse_tree(gold, predicted):
    assert same_tree(gold, predicted, COLUMNS)


@pytest.mark.parametrize(
    ("gold", "predicted"),
    [
        ("SELECT name FROM singer", "SELECT DISTINCT name FROM singer"),
        (
            "SELECT name FROM singer WHERE country = 'France'",
            "SELECT name FROM singer WHERE country = 'france'",
        ),
        ("SELECT name FROM singer WHERE age > 3", "SELECT name FROM singer WHERE age >= 3"),
        ("SELECT name FROM singer WHERE age > 3", "SELECT name FROM singer WHERE 3 > age"),
        (
            "SELECT name FROM singer WHERE age = 1 OR id = 2",
            "SELECT name FROM singer WHERE age = 1 AND id = 2",
        ),
        ("SELECT name FROM singer ORDER BY age", "SELECT name FROM singer ORDER BY age DESC"),
        ("SELECT name FROM singer ORDER BY age, id", "SELECT name FROM singer ORDER BY id, age"),
        ("SELECT name FROM singer LIMIT 1", "SELECT name FROM singer LIMIT 2"),
        ("SELECT count(*) FROM singer", "SELECT count(id) FROM singer"),
        ("SELECT count(DISTINCT name) FROM singer", "SELECT count(name) FROM singer"),
        (
            "SELECT name FROM singer UNION SELECT title FROM song",
            "SELECT name FROM singer UNION ALL SELECT title FROM song",
        ),
        (
            "SELECT name FROM singer EXCEPT SELECT title FROM song",
            "SELECT title FROM song EXCEPT SELECT name FROM singer",
        ),
        (
            "SELECT singer.name FROM singer JOIN song ON singer.id = song.singer_id",
            "SELECT singer.name FROM singer LEFT JOIN song ON singer.id = song.singer_id",
        ),
        (
            "SELECT singer.name FROM singer JOIN song ON singer.id = song.singer_id",
            "SELECT singer.name FROM singer JOIN song ON singer.id = song.id",
        ),
        (
            "WITH w AS (SELECT name AS x FROM singer) SELECT x FROM w",
            "WITH w AS (SELECT country AS x FROM singer) SELECT x FROM w",
        ),
        (
            "SELECT name FROM singer WHERE age IN (SELECT max(age) FROM singer)",
            "SELECT name FROM singer WHERE age IN (1)",
        ),
        ("SELECT name FROM singer WHERE name NOT LIKE 'a'", "SELECT name FROM singer WHERE name LIKE 'a'"),
        (
            "SELECT name FROM singer WHERE age NOT BETWEEN 1 AND 2",
            "SELECT name FROM singer WHERE age BETWEEN 1 AND 2",
        ),
        ("SELECT name FROM singer", "not even SQL"),
    ],
)
def test_a_change_of_meaning_changes_the_parse_tree(gold, predicted):
    assert same_tree(gold, gold, COLUMNS)
    assert same_tree(gold, predicted, COLUMNS) is False


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("SELECT a FROM t WHERE b IN (SELECT b FROM u ORDER BY b LIMIT 1)", False),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY a", True),
        ("SELECT 'order by' FROM t", False),
    ],
)
def test_only_an_order_by_of_its_own_makes_a_statement_ordered(sql, ordered):
    assert orders(sql) is ordered


# --- hardness --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT count(*) FROM singer", "easy"),
        ("SELECT name FROM singer WHERE age > 20", "easy"),
        ("SELECT name, country FROM singer ORDER BY age DESC", "medium"),
        ("SELECT avg(age), min(age), max(age) FROM singer WHERE country = 'France'", "medium"),
        ("SELECT country, count(*) FROM singer GROUP BY country", "medium"),
        (
            "SELECT T1.name FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id WHERE T2.sales > 3",
            "medium",
        ),
        ("SELECT name FROM singer WHERE id NOT IN (SELECT singer_id FROM song)", "hard"),
        ("SELECT name FROM singer WHERE age > 2 UNION SELECT title FROM song", "hard"),
        ("SELECT name FROM singer WHERE age > 40 INTERSECT SELECT name FROM singer WHERE age < 30", "hard"),
        (
            "SELECT T1.name, count(*) FROM singer AS T1 JOIN song AS T2 ON T1.id = T2.singer_id "
            "WHERE T1.age > 3 GROUP BY T1.id ORDER BY count(*) DESC LIMIT 1",
            "extra",
        ),
        ("SELECT name, age FROM singer WHERE age > (SELECT avg(age) FROM singer) AND id = 1", "extra"),
        ("DELETE FROM singer", "unparsed"),
    ],
)
def test_hardness_follows_spiders_rules(sql, expected):
    assert hardness(sql) == expected


# --- what is wrong ---------------------------------------------------------------------------------

JOINED = "SELECT singer.name FROM singer JOIN song ON singer.id = song.singer_id WHERE song.sales > 5"


@pytest.mark.parametrize(
    ("gold", "predicted", "label"),
    [
        ("SELECT name FROM singer", "SELECT title FROM song", "wrong table"),
        (JOINED, "SELECT name FROM singer", "missing table"),
        ("SELECT name FROM singer", JOINED, "extra table"),
        (JOINED, JOINED.replace("song.singer_id", "song.id"), "join condition"),
        ("SELECT name, age FROM singer", "SELECT name FROM singer", "missing columns"),
        ("SELECT name FROM singer", "SELECT name, age FROM singer", "extra columns"),
        ("SELECT name FROM singer", "SELECT country FROM singer", "wrong column"),
        ("SELECT max(age) FROM singer", "SELECT min(age) FROM singer", "aggregate"),
        ("SELECT DISTINCT name FROM singer", "SELECT name FROM singer", "DISTINCT"),
        ("SELECT name FROM singer WHERE age = 1", "SELECT name FROM singer WHERE age = 2", "value"),
        ("SELECT name FROM singer WHERE age > 1", "SELECT name FROM singer WHERE age < 1", "condition"),
        ("SELECT name FROM singer GROUP BY name", "SELECT name FROM singer", "GROUP BY"),
        (
            "SELECT name FROM singer ORDER BY age",
            "SELECT name FROM singer ORDER BY age DESC",
            "ORDER BY or LIMIT",
        ),
        ("SELECT name FROM singer LIMIT 3", "SELECT name FROM singer LIMIT 5", "ORDER BY or LIMIT"),
        (
            "SELECT name FROM singer EXCEPT SELECT title FROM song",
            "SELECT name FROM singer WHERE name NOT IN (SELECT title FROM song)",
            "nesting or set operation",
        ),
        ("SELECT name FROM singer", "SELECT name FROM", "does not parse"),
    ],
)
def test_a_wrong_statement_is_called_by_what_is_wrong(gold, predicted, label):
    assert label in differences(gold, predicted, COLUMNS)


def test_a_limit_is_no_wrong_value():
    assert differences("SELECT name FROM singer LIMIT 3", "SELECT name FROM singer LIMIT 5", COLUMNS) == [
        "ORDER BY or LIMIT"
    ]


def test_a_right_answer_has_no_labels_however_it_is_written():
    found = score(
        "SELECT max(age) FROM singer",
        "SELECT age FROM singer ORDER BY age DESC LIMIT 1",
        columns=COLUMNS,
        gold_outcome=outcome((9,)),
        outcome=outcome((9,)),
    )
    assert found.correct and not found.tree and found.labels == ()


def test_a_gold_statement_that_does_not_run_is_not_held_against_the_prediction():
    found = score(
        "SELECT nothing FROM singer",
        "SELECT name FROM singer",
        gold_outcome=Outcome(error="refused: no such column: nothing"),
        outcome=outcome(("a",)),
    )
    assert found.correct is None and found.ran


# --- statistics ------------------------------------------------------------------------------------


def test_wilson_gives_the_published_interval():
    low, high = wilson(81, 263)  # Newcombe 1998, table I
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 20)[0] == 0.0 and wilson(20, 20)[1] == 1.0 and wilson(0, 0) == (0.0, 1.0)


def test_mcnemar_is_the_exact_binomial():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(0, 5) == pytest.approx(2 / 32)
    assert mcnemar(1, 9) == pytest.approx(2 * 11 / 1024)
    assert mcnemar(9, 1) == mcnemar(1, 9)


def test_resampling_whole_databases_widens_the_interval_when_databases_differ():
    clusters = {f"db{n}": [float(n % 2)] * 50 for n in range(10)}
    low, high = cluster_bootstrap(clusters)
    single = [value for values in clusters.values() for value in values]
    narrow = cluster_bootstrap({str(number): [value] for number, value in enumerate(single)})
    assert high - low > 3 * (narrow[1] - narrow[0])
    assert cluster_bootstrap(clusters) == (low, high), "seeded"


def test_percentiles_are_interpolated():
    assert percentile([4, 1, 3, 2], 0.5) == 2.5
    assert percentile([1, 2, 3], 1.0) == 3
