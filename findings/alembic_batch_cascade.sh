#!/bin/sh
# alembic 1.20.1 with SQLAlchemy 2.1.9 on SQLite: renaming one column takes ON DELETE CASCADE off another.
#
# Expected: batch_alter_table() builds the table anew from what it reflects, so what a foreign key, a UNIQUE and a trigger do to rows
#           stays; an unnamed CHECK, which it cannot keep, is named in a warning.
# Seen:     what is written at the column, shop_id INTEGER REFERENCES shop(id) ON DELETE CASCADE, is reflected as a key without
#           options (in a FOREIGN KEY clause of the table it has them), so deleting a shop is refused, or leaves orphans where
#           keys are not enforced. COLLATE NOCASE is gone: a search by 'a1' no longer finds 'A1', and UNIQUE takes both.
#           AUTOINCREMENT is gone: the id of a deleted row is given to the next. The trigger that kept a log is gone, and an
#           index in descending order ascends. No warning of any of these; the one of the CHECK comes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q alembic==1.20.1 SQLAlchemy==2.1.9
cd "$work"
venv/bin/python - <<'PY'
import warnings

import sqlalchemy
from alembic.migration import MigrationContext
from alembic.operations import Operations

TABLES = """
    PRAGMA foreign_keys = ON;
    CREATE TABLE shop (id INTEGER PRIMARY KEY);
    CREATE TABLE log (id INTEGER);
    CREATE TABLE item (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        code TEXT COLLATE NOCASE UNIQUE,
        shop_id INTEGER REFERENCES shop(id) ON DELETE CASCADE,
        maker_id INTEGER,
        n INTEGER CHECK (n > 0),
        note TEXT,
        FOREIGN KEY (maker_id) REFERENCES shop(id) ON DELETE SET NULL
    );
    CREATE INDEX latest ON item (n DESC);
    CREATE TRIGGER gone AFTER DELETE ON item BEGIN INSERT INTO log VALUES (old.id); END;
    INSERT INTO shop VALUES (1), (2);
    INSERT INTO item (code, shop_id, maker_id, n) VALUES ('A1', 1, 2, 5), ('B2', 2, 2, 6), ('C3', 2, 1, 7);
"""


# what is asked in turn, the answer of the table as it was, and of the table with one column renamed
ASKED = (
    ("SELECT id FROM item WHERE code = 'a1'", [(1,)], []),
    ("INSERT INTO item (code, n) VALUES ('a1', 1)", "UNIQUE constraint failed: item.code", "done"),
    ("DELETE FROM item WHERE code IN ('C3', 'a1')", "done", "done"),
    ("INSERT INTO item (code, n) VALUES ('D4', 1) RETURNING id", [(4,)], [(3,)]),
    ("DELETE FROM shop WHERE id = 1", "done", "FOREIGN KEY constraint failed"),
    ("SELECT id FROM item WHERE shop_id = 1", [], [(1,)]),
    ("SELECT id FROM log ORDER BY id", [(1,), (3,)], []),
    ("SELECT sql LIKE '%DESC%' FROM sqlite_master WHERE name = 'latest'", [(1,)], [(0,)]),
)


def connect():
    connection = sqlalchemy.create_engine("sqlite://").connect()
    connection.connection.dbapi_connection.executescript(TABLES)
    return connection


def ask(connection, sql):
    try:
        found = connection.exec_driver_sql(sql)
        return [tuple(row) for row in found] if found.returns_rows else "done"
    except sqlalchemy.exc.IntegrityError as error:
        return str(error.orig)


before, after = connect(), connect()
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with Operations(MigrationContext.configure(after)).batch_alter_table("item") as batch:
        batch.alter_column("note", new_column_name="remark")
print("warnings:", [str(warning.message)[:50] for warning in said])
assert len(said) == 1 and "CHECK" in str(said[0].message), "this has changed"
for sql, right, changed in ASKED:
    answers = ask(before, sql), ask(after, sql)
    print(sql, *answers, sep="\n    ")
    assert answers == (right, changed), "this has changed"
PY
echo "as described"
