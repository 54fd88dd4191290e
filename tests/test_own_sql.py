"""A person's own SQL is told from a question, runs as it is, and may come over several lines from a pipe."""

from __future__ import annotations

import pytest

from sqlagent.ui.own_sql import begins_like_sql, gathered, is_sql


def never(sql: str) -> bool:
    return False


def always(sql: str) -> bool:
    return True


@pytest.mark.parametrize(
    "text",
    [
        "select salary from employees",
        "SELECT ROUND(AVG(salary), 1) AS mean FROM employees",
        "select nme from employees",
        "select *\nfrom employees\nwhere id = 1",
        "-- mine\nselect a from t",
        "/* mine */ SELECT (1",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "with recursive n(i) as (select 1) select i from n",
        "VALUES (1, 2)",
        "explain query plan select 1",
        "SELECT a FROM tabel",
        "select the, each from words",
        "DROP TABLE employees",
        "select salary +",
    ],
)
def test_sql_is_sql_even_where_it_does_not_compile(text: str) -> None:
    assert is_sql(text, never)


@pytest.mark.parametrize(
    "text",
    [
        "select",
        "SELECT the names of all employees",
        "Select the names from Porto",
        "select all customers who bought more than 3 things (in May)",
        "select which department pays best",
        "explain who works where",
        "values of all budgets",
        "with which department does Ada work?",
        "Who earns the most?",
        "",
        "-- a comment alone",
    ],
)
@pytest.mark.parametrize("piped", [False, True])
def test_english_is_a_question_in_a_pipe_too(text: str, piped: bool) -> None:
    if text not in ("", "-- a comment alone"):
        assert not is_sql(text, never, piped=piped)
    else:
        assert not begins_like_sql(text)


@pytest.mark.parametrize("text", ["select salary +", "select salary", "SELECT names"])
def test_in_a_pipe_what_begins_like_sql_is_sql(text: str) -> None:
    assert is_sql(text, never, piped=True)


def test_on_a_terminal_what_compiles_is_sql() -> None:
    assert is_sql("SELECT 1", always)
    assert not is_sql("select everyone", never)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["SELECT 1;", "SELECT 2;"], ["SELECT 1;", "SELECT 2;"]),
        (["SELECT 1", "SELECT 2"], ["SELECT 1", "SELECT 2"]),
        (["SELECT", "name", "FROM t"], ["SELECT\nname\nFROM t"]),
        (["SELECT name", "FROM t", "Who?"], ["SELECT name\nFROM t", "Who?"]),
        (["SELECT name,", "id", "from t;", "Who?"], ["SELECT name,\nid\nfrom t;", "Who?"]),
        (["WITH x AS (", "SELECT 1", ")", "SELECT * FROM x", "Who?"],
         ["WITH x AS (\nSELECT 1\n)\nSELECT * FROM x", "Who?"]),
        (["SELECT ';", "' AS a;"], ["SELECT ';\n' AS a;"]),
        (["SELECT name FROM t", "\\d"], ["SELECT name FROM t", "\\d"]),
        (["SELECT name FROM t", "  WHERE id = 1", ".tables"], ["SELECT name FROM t\n  WHERE id = 1", ".tables"]),
        (["Who?", "and by city?"], ["Who?", "and by city?"]),
        (["Select the names", "of all"], ["Select the names", "of all"]),
        (["SELECT name -- whose?", "FROM t"], ["SELECT name -- whose?\nFROM t"]),
        ([], []),
    ],
)  # fmt: skip
def test_the_lines_of_a_statement_are_put_together(lines: list[str], found: list[str]) -> None:
    assert list(gathered(lines)) == found


@pytest.mark.parametrize(
    "text",
    ["Select employees hired in 2019 (by month)", "Explain the hires (by month)", "With note (if any) was Ann hired?"],
)  # fmt: skip
def test_a_parenthesis_of_english_is_no_mark_of_sql(text: str) -> None:
    assert not is_sql(text, lambda sql: False)
