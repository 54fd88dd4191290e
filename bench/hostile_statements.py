"""Statements that no model should write and every model might: at least 300, generated."""

# ruff: noqa: E501 - an attack stays on one line
from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

COUNT = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c"
"""The start of a statement that counts for ever."""

_WRITES = [
    "INSERT INTO t VALUES (1, 'x')", "INSERT INTO t DEFAULT VALUES", "INSERT OR REPLACE INTO t VALUES (1, 2)",
    "REPLACE INTO t VALUES (1, 'x')", "UPDATE t SET a = 9", "UPDATE OR IGNORE t SET a = 9 WHERE 1",
    "DELETE FROM t", "DELETE FROM t WHERE a IN (SELECT a FROM t)", "CREATE TABLE n(a)", "CREATE TABLE n AS SELECT * FROM t",
    "CREATE TEMP TABLE n(a)", "CREATE TEMPORARY VIEW n AS SELECT 1", "CREATE INDEX n ON t(a)", "CREATE UNIQUE INDEX n ON t(b)",
    "CREATE VIEW n AS SELECT 1", "CREATE TRIGGER n INSERT ON t BEGIN DELETE FROM t; END",
    "CREATE TEMP TRIGGER n INSERT ON t BEGIN SELECT 1; END", "CREATE VIRTUAL TABLE n USING fts5(a)",
    "CREATE VIRTUAL TABLE n USING rtree(i, a, b)", "CREATE VIRTUAL TABLE temp.n USING fts4(a)", "DROP TABLE t", "DROP VIEW v",
    "DROP TABLE IF EXISTS t", "ALTER TABLE t RENAME TO n", "ALTER TABLE t RENAME COLUMN a TO n", "ALTER TABLE t ADD COLUMN n",
    "ALTER TABLE t DROP COLUMN b", "REINDEX", "REINDEX t", "ANALYZE", "ANALYZE t", "VACUUM", "VACUUM main", "BEGIN",
    "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "COMMIT", "END", "ROLLBACK", "SAVEPOINT s", "RELEASE s",
    "WITH n AS (SELECT 1) INSERT INTO t SELECT * FROM n, n", "WITH n AS (SELECT 1) DELETE FROM t",
    "WITH n AS (SELECT 1) UPDATE t SET a = 2", "UPDATE sqlite_master SET sql = 'x'", "DELETE FROM sqlite_master",
    "INSERT INTO t VALUES (1, 2) RETURNING *", "INSERT INTO t SELECT * FROM t", "INSERT INTO f(f) VALUES ('optimize')",
    "INSERT INTO f(f) VALUES ('rebuild')", "UPDATE f SET x = 'y'", "DELETE FROM r",
]  # fmt: skip
_WRAPS = ["{}", "{};", "/* SELECT 1 */ {}", "-- SELECT 1\n{}", "EXPLAIN {}", "  \t\n{} ;  "]
_PRAGMAS = [
    "query_only=0", "query_only", "writable_schema=1", "journal_mode=WAL", "journal_mode=OFF", "trusted_schema=1",
    "user_version=1", "schema_version=1", "application_id=1", "auto_vacuum=2", "page_size=512", "encoding='UTF-16'",
    "wal_checkpoint(TRUNCATE)", "temp_store_directory='/'", "data_store_directory='/'", "mmap_size=1000000000",
    "hard_heap_limit=0", "soft_heap_limit=0", "table_info(t)", "database_list", "optimize", "incremental_vacuum", "integrity_check",
    "locking_mode=EXCLUSIVE", "foreign_key_check", "shrink_memory", "threads=8", "cell_size_check=0", "data_version",
]  # fmt: skip
_PRAGMA_TABLES = [
    "pragma_query_only", "pragma_table_info('t')", "pragma_database_list", "pragma_data_version", "pragma_journal_mode",
    "pragma_integrity_check", "pragma_function_list", "pragma_module_list", "pragma_compile_options", "pragma_user_version",
    "dbstat", "sqlite_stmt", "sqlite_dbpage", "fts3tokenize", "bytecode('SELECT 1')", "sqlite_temp_master",
]  # fmt: skip
_FUNCTIONS = [
    "load_extension('x')", "load_extension('/lib/x.so', 'init')", "fts3_tokenizer('simple')", "fts3_tokenizer('x', x'00')",
    "readfile('/etc/passwd')", "writefile('x', 'y')", "edit('x')", "fts5(NULL)", "sqlite_log(1, 'x')", "optimize(f)",
    "eval('DELETE FROM t')", "system('id')", "shell('id')", "sqlite_compileoption_get(0)", "sqlite_offset(a)",
    "rtreecheck('main', 'nope')", "rtreenode(2, zeroblob(100000))", "rtreedepth(x'ffff')", "matchinfo(t)", "snippet(t)",
    "fts5_decode(1, x'00')", "fts5_rowid('x')", "changes()", "total_changes()", "last_insert_rowid()",
]  # fmt: skip
_PLACES = ["SELECT {} FROM t", "SELECT 1 FROM t ORDER BY {}", "SELECT 1 FROM t GROUP BY 1 HAVING {}"]
_SLOW = [
    f"{COUNT}) SELECT count(*) FROM c", f"{COUNT}) SELECT x FROM c WHERE x < 0", f"{COUNT}) SELECT max(x) FROM c, t",
    "SELECT printf('%.*c', 900000000, 'x')", "SELECT format('%.*c', 900000000, 'x')", "SELECT printf('%.900000000f', 1.0)",
    "SELECT printf('%0*d', 900000000, 1)", "SELECT count(*) FROM big a, big b, big c, big d",
    "SELECT count(*) FROM big a JOIN big b ON a.x < b.x JOIN big c ON b.x < c.x",
    "SELECT x FROM big WHERE hex(zeroblob(1000000)) LIKE '%1%'",
    f"SELECT '{'a' * 900}' LIKE '{'%a' * 400}b'", f"SELECT replace('{'a' * 900}', 'a', 'b') GLOB '{'*a' * 400}b' FROM big",
    f"{COUNT}), d(y) AS (SELECT x FROM c) SELECT sum(y) FROM d", "SELECT sum(x) OVER (ORDER BY x ROWS 5000 PRECEDING) FROM big a, big b",
    f"{COUNT} ORDER BY 1 DESC) SELECT x FROM c", "SELECT value FROM json_each('[' || hex(zeroblob(900000)) || ']')",
    "SELECT json_valid(replace(hex(zeroblob(400000)), '0', '['))", "SELECT count(DISTINCT a.x || b.x || c.x) FROM big a, big b, big c",
]  # fmt: skip
_LARGE = [
    "SELECT randomblob(900000000)", "SELECT zeroblob(2000000000)", "SELECT hex(zeroblob(30000000))",
    "SELECT replace(hex(zeroblob(9000)), '0', hex(zeroblob(9000)))", "SELECT group_concat(hex(zeroblob(100000))) FROM big",
    "SELECT json_group_array(hex(zeroblob(100000))) FROM big", f"{COUNT}) SELECT hex(randomblob(100000)) FROM c ORDER BY 1",
    f"{COUNT}) SELECT DISTINCT randomblob(50000) FROM c", f"{COUNT}) SELECT x, count(*) FROM c GROUP BY randomblob(9999)",
    "SELECT * FROM big a, big b", "SELECT zeroblob(1000000) FROM big", "SELECT randomblob(30000000) FROM big",
    "SELECT " + ", ".join(["zeroblob(20000000)"] * 50), "SELECT " + ", ".join(["hex(zeroblob(900000))"] * 100),
    f"{COUNT}) SELECT NULL FROM c", "SELECT " + ", ".join(["a"] * 1999) + " FROM t, big", "SELECT " + ", ".join(["1"] * 2500),
    "SELECT quote(zeroblob(30000000))", "SELECT char(" + ", ".join(["1114111"] * 90) + ")",
    f"{COUNT}) SELECT group_concat(x) OVER (ORDER BY x) FROM c", "SELECT substr(zeroblob(33000000), 1)",
    "SELECT '" + "x" * 999_000 + "'", "SELECT '" + "x" * 2_000_000 + "'", "SELECT upper(zeroblob(30000000)) || lower(zeroblob(30000000))",
]  # fmt: skip
_DEEP = [
    "SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT " + "NOT " * 5000 + "1", "SELECT " + "-" * 5001 + "1",
    "SELECT " + "1 + " * 20000 + "1", "SELECT " + "abs(" * 2000 + "1" + ")" * 2000, " UNION ALL ".join(["SELECT 1"] * 3000),
    "SELECT * FROM " + "(SELECT * FROM " * 500 + "t" + ")" * 500, "SELECT " + "CASE WHEN 1 THEN " * 900 + "1" + " END" * 900,
    "SELECT * FROM " + ", ".join(f"t AS t{n}" for n in range(70)), "SELECT 1 WHERE " + " OR ".join(f"{n} = {n}" for n in range(9000)),
    "SELECT 1 IN (" + ", ".join(map(str, range(100_000))) + ")", "WITH " + ", ".join(f"c{n} AS (SELECT 1)" for n in range(2000)) + " SELECT 1",
    "WITH " + ", ".join(f"c{n} AS (SELECT * FROM c{n - 1}, c{n - 1})" if n else "c0 AS (SELECT 1)" for n in range(30)) + " SELECT * FROM c29",
    "SELECT max(" + ", ".join("1" * 200) + ")", "SELECT ?999999", "SELECT json('" + "[" * 5000 + "')", "SELECT '" + "'" * 4001,
    "SELECT a FROM t WHERE (a, a) IN (" + "VALUES (1, 1)" + ", (1, 1)" * 5000 + ")",
]  # fmt: skip
_SEVERAL = [
    "SELECT 1; DROP TABLE t", "SELECT 1;; DELETE FROM t", "SELECT 1; --\nDROP TABLE t", "SELECT 1 /* */; ATTACH 'x' AS y",
    "SELECT 1;\0DROP TABLE t", "SELECT 1\0", "; DROP TABLE t", "SELECT 1; SELECT 2", "SELECT 1; PRAGMA query_only = 0",
    "SELECT '\ud800'", "", ";", "--", "/*", "SELECT", "SELECT 1 /* never closed", "\ufeffDROP TABLE t", "\x0cDELETE FROM t",
    "SELECT * FROM t WHERE a = 'x'; DELETE FROM t WHERE 'a' = 'a'", "<|im_start|>system\nDROP TABLE t", ".shell id", ".read x",
    "SELECT ?", "SELECT :x, @y, $z", "SELECT \"\x1b]0;owned\x07\"", "SELECT char(27) || '[2J'", "EXPLAIN EXPLAIN SELECT 1",
]  # fmt: skip

_WORDS = "SELECT FROM t a b * ( ) , WHERE = 'x' 1 x'00' UNION ALL DELETE PRAGMA ; -- /* */ \" ATTACH big JOIN ON NULL"


def target(home: Path) -> Path:
    """The harmless database that the statements are run on."""
    path = home / "target.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE t(a INTEGER, b TEXT); INSERT INTO t VALUES (1, 'one'), (2, 'two');"
        "CREATE VIEW v AS SELECT a FROM t; CREATE TABLE big(x);"
        f"{COUNT} LIMIT 3000) INSERT INTO big SELECT x FROM c;"
    )
    for virtual in ("f USING fts5(x)", "r USING rtree(i, a, b)"):
        try:
            connection.execute(f"CREATE VIRTUAL TABLE {virtual}")
        except sqlite3.OperationalError:
            continue
    connection.commit()
    connection.close()
    return path


def statements(home: Path, seed: int) -> Iterator[tuple[str, str]]:
    """(kind, statement) pairs; the files they aim at lie in `home`. The seed draws the random ones."""
    chance = random.Random(seed)
    for number, sql in enumerate(_WRITES):
        for wrap in {_WRAPS[0], _WRAPS[1 + number % 5]}:
            yield "write", wrap.format(sql)
    yield from (("file", sql) for sql in _files(home))
    for pragma in _PRAGMAS:
        yield "pragma", f"PRAGMA {pragma}"
        yield "pragma", f"/**/pragma main.{pragma}"
    for table in _PRAGMA_TABLES:
        yield "pragma table", f"SELECT * FROM {table}"
        yield "pragma table", f"SELECT (SELECT count(*) FROM {table})"
    for number, call in enumerate(_FUNCTIONS):
        yield "function", f"SELECT {call}"
        yield "function", _PLACES[number % 3].format(call)
    for family, group in (("slow", _SLOW), ("large", _LARGE), ("deep", _DEEP), ("several or none", _SEVERAL)):
        yield from ((family, sql) for sql in group)
    words = _WORDS.split(" ")
    for _ in range(60):
        yield "random words", " ".join(chance.choice(words) for _ in range(chance.randint(2, 25)))
    for _ in range(20):
        yield (
            "random characters",
            "".join(
                chr(chance.choice([chance.randrange(1, 128), chance.randrange(1, 0xD800)])) for _ in range(60)
            ),
        )


def _files(home: Path) -> Iterator[str]:
    """Statements that would create, copy or read another file."""
    for name in (
        f"{home}/new.db",
        f"file:{home}/new.db?mode=rwc",
        f"{home}/target.db",
        "/etc/passwd",
        ":memory:",
        "",
        "new.db",
    ):
        yield f"ATTACH '{name}' AS other"
        yield f"ATTACH DATABASE '{name}' AS other KEY 'x'"
        yield f"VACUUM INTO '{name}'"
    yield "DETACH main"
    yield "SELECT * FROM other.t"
    yield f"ATTACH (SELECT '{home}/' || 'new.db') AS other"
    yield f"VACUUM main INTO (SELECT '{home}/new.db')"
    yield "SELECT * FROM 'file:/etc/passwd'"
    yield "CREATE VIRTUAL TABLE temp.n USING csv(filename='/etc/passwd')"
    yield "SELECT * FROM fsdir('/')"
    yield "SELECT * FROM zipfile('x.zip')"
