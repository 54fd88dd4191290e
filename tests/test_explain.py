"""The sentence about a statement: what it says, that it leaves nothing out, and that it never fails."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlagent.database import schema
from sqlagent.grammar import Acceptor
from sqlagent.sql.explain import in_words, sentence
from sqlagent.sql.parser import Unreadable, parse
from sqlagent.ui import demo_database

COMPANY = schema.from_ddl(demo_database.SCHEMA)

SAID = [
    (
        "SELECT AVG(salary) FROM employees WHERE title = 'Sales'",
        "average of salary over employees where title is Sales",
    ),
    ("SELECT COUNT(*) FROM employees", "number of rows in employees"),
    ("SELECT COUNT(DISTINCT city) FROM departments", "number of different city over departments"),
    ("SELECT * FROM projects", "every column of projects"),
    ("SELECT name, salary FROM employees", "name and salary of employees"),
    (
        "SELECT DISTINCT city FROM departments ORDER BY city",
        "distinct city of departments, sorted by city",
    ),
    (
        "SELECT name FROM employees ORDER BY salary DESC LIMIT 5",
        "name of employees, the 5 with the highest salary",
    ),
    ("SELECT name FROM employees ORDER BY salary LIMIT 1", "name of employees, the one with the lowest salary"),
    (
        "SELECT name FROM employees ORDER BY name LIMIT 3 OFFSET 2",
        "name of employees, sorted by name, 3 rows after the first 2",
    ),
    (
        "SELECT employees.name FROM employees JOIN departments ON employees.department_id = departments.id "
        "WHERE departments.city = 'New York' AND employees.hire_date > '2015-01-01'",
        "name of employees, from employees joined with departments where departments.city is New York "
        "and employees.hire_date is after '2015-01-01'",
    ),
    (
        "SELECT department_id, COUNT(*) FROM employees GROUP BY department_id HAVING COUNT(*) > 5",
        "number of rows in employees, for each department_id, only where number of rows is more than 5",
    ),
    (
        "SELECT title FROM employees GROUP BY title ORDER BY COUNT(*) DESC LIMIT 1",
        "each title of employees, the one with the most rows",
    ),
    (
        "SELECT AVG(salary) FROM employees GROUP BY title",
        "average of salary over employees, for each title (not shown)",
    ),
    (
        "SELECT name FROM employees WHERE salary > (SELECT AVG(salary) FROM employees)",
        "name of employees where salary is more than (average of salary over employees)",
    ),
    (
        "SELECT name FROM employees WHERE (title = 'Engineer' OR title LIKE '%Lead%') AND manager_id IS NULL",
        "name of employees where (title is Engineer or title contains 'Lead') and manager_id is missing",
    ),
    (
        "SELECT name FROM projects WHERE budget BETWEEN 10 AND 20 AND name NOT LIKE 'A%' AND end_date IS NOT NULL",
        "name of projects where budget is from 10 to 20 and name does not start with 'A' "
        "and end_date is not missing",
    ),
    (
        "SELECT name FROM employees WHERE id NOT IN (SELECT employee_id FROM assignments)",
        "name of employees where id is not among (employee_id of assignments)",
    ),
    (
        "SELECT name FROM departments WHERE city IN ('Rome', 'Oslo') UNION SELECT name FROM projects",
        "(name of departments where city is Rome or Oslo) together with (name of projects) (each row once)",
    ),
    (
        "SELECT T1.name, T2.name FROM employees AS T1 LEFT JOIN employees AS T2 ON T1.manager_id = T2.id",
        "name of T1 and name of T2, from employees (as T1), with matching employees (as T2) or nothing",
    ),
    (
        "SELECT T1.name FROM employees AS T1 JOIN projects AS T2 ON T1.department_id = T2.department_id",
        "name of employees, from employees joined with projects "
        "(employees.department_id equals projects.department_id)",
    ),
    (
        "SELECT STRFTIME('%Y', hire_date), COUNT(*) FROM employees GROUP BY STRFTIME('%Y', hire_date)",
        "number of rows in employees, for each year of hire_date",
    ),
    (
        "SELECT SUM(budget) * 1.0 / COUNT(*) AS mean FROM projects ORDER BY mean",
        "(sum of budget * 1.0) / number of rows over projects, sorted by (sum of budget * 1.0) / number of rows",
    ),
    (
        "SELECT CASE WHEN salary > 9 THEN 'x' ELSE 'y' END FROM employees",
        "CASE WHEN salary > 9 THEN 'x' ELSE 'y' END of employees",
    ),
    (
        "SELECT name FROM departments WHERE NOT EXISTS (SELECT * FROM employees "
        "WHERE employees.department_id = departments.id)",
        "name of departments where there is none of (every column of employees "
        "where department_id equals departments.id)",
    ),
    ("SELECT name FROM projects ORDER BY end_date LIMIT 1", "name of projects, sorted by end_date, only the first"),
    (
        "WITH rich AS (SELECT name FROM employees WHERE salary > 100) SELECT COUNT(*) FROM rich",
        "number of rows in rich; rich stands for (name of employees where salary is more than 100)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "words"), SAID)
def test_it_says_what_is_computed(sql: str, words: str) -> None:
    assert in_words(sql, COMPANY) == words


def test_a_text_is_quoted_as_it_is() -> None:
    assert "'a ,  b'" in in_words("SELECT name FROM employees WHERE title = 'a ,  b'", COMPANY)


def test_a_lowest_value_that_may_be_missing_is_not_called_lowest() -> None:
    nullable = schema.from_ddl("CREATE TABLE t (a TEXT, n INTEGER)")
    assert "lowest" not in in_words("SELECT a FROM t ORDER BY n LIMIT 1", nullable)
    assert "highest n" in in_words("SELECT a FROM t ORDER BY n DESC LIMIT 1", nullable)
    assert "highest" not in in_words("SELECT n FROM t ORDER BY a DESC LIMIT 1", nullable)


GOLD = [
    "select name from employees where department_id = (select id from departments where name = 'Sales')",
    "select d.name, count(*) from departments d join employees e on e.department_id = d.id group by d.name",
    "select name from employees where salary > 50000 and hire_date < '2019-06-01' order by hire_date",
    'select p.name from projects p, departments d where p.department_id = d.id and d.city = "London"',
    "select name from employees except select e.name from employees e join assignments a on e.id = a.employee_id",
    "select city from departments group by city having count(*) >= 2",
    "select max(salary) - min(salary) from employees where title like '%Engineer%'",
    "select name from employees where id in (select employee_id from assignments where role = 'lead' "
    "and hours_per_week > 15)",
    "select avg(budget), city from departments where budget between 100000 and 900000 group by city",
    "select e.name, m.name from employees e left join employees m on e.manager_id = m.id where m.name is null",
    "select count(*) from (select department_id from employees where salary > 60000 group by department_id)",
    "select name from projects where end_date is null or budget not in (1, 2, 3) limit 4",
    "select iif(salary > 70000, 'high', 'low') from employees where name != 'it''s'",
    "select role from assignments intersect select title from employees where salary <= 1e5",
    "select strftime('%Y', start_date), sum(budget) from projects where start_date >= '2020' group by 1",
]


@pytest.mark.parametrize("style", ["names", "aliases"])
@pytest.mark.parametrize("gold", GOLD)
def test_it_names_every_table_and_every_value(gold: str, style: str) -> None:
    pytest.importorskip("sqlglot")
    from sqlglot import exp, parse_one

    from bench.gold.canonical import canonicalise

    sql = canonicalise(gold, COMPANY, style=style)  # type: ignore[arg-type]
    words = in_words(sql, COMPANY)
    tree = parse_one(sql, dialect="sqlite")
    assert words
    for table in tree.find_all(exp.Table):
        assert table.name in words
    for literal in tree.find_all(exp.Literal):
        if isinstance(literal.parent, (exp.Limit, exp.TimeToStr, exp.Anonymous)) or literal.this == "%Y":
            continue
        assert literal.this.strip("%").replace("'", "''") in words


def test_every_statement_of_the_grammar_can_be_said() -> None:
    acceptor = Acceptor(COMPANY)
    bench = pytest.importorskip("bench.walk")
    rng = random.Random(7)
    unsaid = 0
    for _ in range(150):
        sql = bench.walk(acceptor, rng, budget=160, stop=0.3, temper="clauses")
        try:
            parse(sql)
        except Unreadable as why:
            unsaid += 1
            print(sql, why)
        in_words(sql, COMPANY)
    assert unsaid == 0


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(re.findall(r"\w+|\W", " ".join(GOLD))), max_size=40).map("".join)
)
def test_it_never_fails(text: str) -> None:
    assert isinstance(in_words(text, COMPANY), str)
    assert isinstance(in_words(f"SELECT {text}", COMPANY), str)


def test_a_depth_without_end_is_no_sentence() -> None:
    deep = "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " FROM employees"
    assert in_words(deep, COMPANY) == ""
    assert in_words("SELECT " + "-" * 3000 + "salary FROM employees", COMPANY) == ""


def test_a_sentence_has_a_capital_and_a_full_stop() -> None:
    assert sentence("number of rows in t") == "Number of rows in t."
    assert sentence("") == ""
