"""Questions that name an order or a bound and nothing else: of what, the last statement tells."""

from __future__ import annotations

import pytest

from sqlagent.agent.conversation import follows_up
from sqlagent.amend.follow_up import carried
from sqlagent.amend.follow_up_order import completed
from sqlagent.amend.plain_select import plain
from sqlagent.database import schema as schemas
from sqlagent.grammar import Acceptor
from sqlagent.linking.prompt import Turn
from sqlagent.sql.reading import read

SCHEMA = schemas.from_ddl(
    "CREATE TABLE department (id INTEGER PRIMARY KEY, name TEXT, city TEXT, budget REAL);"
    "CREATE TABLE employee (id INTEGER PRIMARY KEY, name TEXT, age INTEGER, salary INTEGER, hired DATE,"
    " department_id INTEGER REFERENCES department(id));"
)
ACCEPTOR = Acceptor(SCHEMA)
COUNTED = "SELECT COUNT(*), department_id FROM employee GROUP BY department_id"
AVERAGE = "SELECT AVG(salary), name FROM employee GROUP BY name"
PAID = "SELECT name, salary FROM employee WHERE age > 30"
JOINED = (
    "SELECT employee.name, department.budget FROM employee"
    " JOIN department ON employee.department_id = department.id"
)
DATED = "SELECT name, hired FROM employee"
AGED = "SELECT name, age FROM employee"


takes = ACCEPTOR.takes


@pytest.mark.parametrize(
    ("question", "last", "added"),
    [
        ("Most first", COUNTED, " ORDER BY COUNT(*) DESC"),
        ("fewest first, please", COUNTED, " ORDER BY COUNT(*)"),
        ("Most employees first", COUNTED, " ORDER BY COUNT(*) DESC"),
        ("and the highest average salary first", AVERAGE, " ORDER BY AVG(salary) DESC"),
        ("Highest first", PAID, " ORDER BY salary DESC"),
        ("Now sort them from highest to lowest.", PAID, " ORDER BY salary DESC"),
        ("starting with the lowest", PAID, " ORDER BY salary"),
        ("largest budget on top", JOINED, " ORDER BY department.budget DESC"),
        ("in descending order", PAID, " ORDER BY salary DESC"),
        ("descending", f"{PAID} ORDER BY name", " ORDER BY name DESC"),
        ("ascending", f"{PAID} ORDER BY name DESC", " ORDER BY name"),
        ("Lowest first", f"{PAID} ORDER BY name", " ORDER BY salary"),
        ("Newest first", DATED, " ORDER BY hired DESC"),
        ("most recent first", DATED, " ORDER BY hired DESC"),
        ("Oldest first", DATED, " ORDER BY hired"),
        ("Oldest first", AGED, " ORDER BY age DESC"),
        ("youngest first", AGED, " ORDER BY age"),
        ("Only those with more than 3", COUNTED, " HAVING COUNT(*) > 3"),
        ("only the ones with at least 4 employees", COUNTED, " HAVING COUNT(*) >= 4"),
        ("just those under 60000.5", AVERAGE, " HAVING AVG(salary) < 60000.5"),
    ],
)
def test_what_is_asked_for_is_put_to_the_last_statement(question: str, last: str, added: str) -> None:
    assert follows_up(question, SCHEMA, Turn("x", last))
    made, note = carried(question, read("SELECT name FROM employee LIMIT 1", SCHEMA), [last], takes)
    assert made == last.split(" ORDER BY")[0] + added
    assert note.startswith("Kept from the question before: all but the ")
    assert takes(made)


@pytest.mark.parametrize(
    ("question", "last"),
    [
        ("Most first", "SELECT COUNT(*) FROM employee"),  # one row
        ("Most first", "SELECT name FROM employee"),  # of what?
        ("Most first", "SELECT name, age, salary FROM employee"),  # of which?
        ("Most first", "SELECT id, department_id FROM employee"),  # keys
        ("Most departments first", PAID),  # something else
        ("Newest first", PAID),
        ("Highest first", f"{PAID} LIMIT 3"),  # of the three, or of all?
        ("The highest", PAID),  # one of them
        ("Who has the most?", PAID),
        ("Show the most expensive employees first", PAID),
        ("descending", f"{PAID} ORDER BY name, age"),
        ("Only those over 30", "SELECT name FROM employee"),  # the model finds a column
        ("Only those with more than 3 departments", COUNTED),
        ("Only those with more than 3", f"{COUNTED} HAVING COUNT(*) < 9"),
        ("just " * 5000 + "most first", COUNTED),
    ],
)
def test_anything_else_is_left_to_the_model(question: str, last: str) -> None:
    parts = plain(read(last, SCHEMA))
    assert parts is not None
    assert completed(question, parts) is None
