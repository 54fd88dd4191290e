"""Small sets in the very formats and under the very names that the published ones have on the hub."""

from __future__ import annotations

import io
import json
import sqlite3
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from hub_stand_in import Hub

SCRIPTS = {
    "music": "CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, age INTEGER);"
    "INSERT INTO singer VALUES (1, 'Ann', 30), (2, 'Bob', 41);",
    "cars": "CREATE TABLE car (car_id INTEGER PRIMARY KEY, model TEXT, weight INTEGER);"
    "INSERT INTO car VALUES (1, 'Beetle', 800);",
    "shops": "CREATE TABLE shop (shop_id INTEGER PRIMARY KEY, city TEXT, sales INTEGER);"
    "INSERT INTO shop VALUES (1, 'Rome', 3), (2, 'Oslo', 7);",
}
TOKS: dict[str, Any] = {"query_toks": ["SELECT"], "question_toks": ["How"], "sql": {"from": {}}}


def database(name: str) -> bytes:
    """The bytes of one of the databases."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.sqlite"
        connection = sqlite3.connect(path)
        connection.executescript(SCRIPTS[name])
        connection.close()
        return path.read_bytes()


def spider_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(train, validation) as Spider has them."""
    train = [
        {"db_id": "music", "question": f"Which singers are older than {n}?",
         "query": f"SELECT name FROM singer WHERE age > {n}", **TOKS}
        for n in range(20, 28)
    ]  # fmt: skip
    held = [
        {"db_id": "cars", "question": "What do the cars weigh?", "query": "SELECT weight FROM car", **TOKS},
        {"db_id": "cars", "question": "List all models.", "query": "SELECT model FROM car", **TOKS},
    ]
    return train, held


def context_rows() -> list[dict[str, Any]]:
    """Rows of b-mc2/sql-create-context: no `source`, no `db_id`."""
    wiki = [
        {"answer": f"SELECT team FROM table_name_{n} WHERE points = {n}",
         "question": f"Which team scored {n} points?",
         "context": f"CREATE TABLE table_name_{n} (team VARCHAR, points INTEGER)"}
        for n in range(24)
    ]  # fmt: skip
    heads = [
        {"answer": f"SELECT COUNT(*) FROM head WHERE age > {n}",
         "question": f"How many heads of the departments are older than {n} ?",
         "context": "CREATE TABLE head (age INTEGER)"}
        for n in range(50, 58)
    ]  # fmt: skip
    return wiki + heads


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def publish(hub: Hub) -> None:
    """Put the four sets on a hub."""
    train, held = spider_rows()
    databases = {f"database/{name}/{name}.sqlite": database(name) for name in ("music", "cars")}
    hub.put(
        "premai-io/spider",
        {"README.md": b"# Spider\n", "train.json": _json(train), "validation.json": _json(held), **databases},
        license="cc-by-sa-4.0",
    )
    syn = [
        {"db_id": row["db_id"], "SpiderQuestion": row["question"], "query": row["query"],
         "SpiderSynQuestion": row["question"].replace("singers", "vocalists")}
        for row in train
    ]  # fmt: skip
    hub.put("aherntech/spider-syn", {"data/train-00000-of-00001.parquet": parquet(syn)}, license="mit")
    bird = [
        {"db_id": "shops", "question": f"Where are sales above {n}?", "evidence": f"above {n} refers to sales > {n}",
         "SQL": f"SELECT city FROM shop WHERE sales > {n}"}
        for n in range(6)
    ]  # fmt: skip
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("train_databases/shops/shops.sqlite", database("shops"))
        archive.writestr("train_databases/shops/database_description/shop.csv", "column\ncity\n")
    hub.put(
        "premai-io/birdbench",
        {"train/train.json": _json(bird), "train/train_databases.zip": packed.getvalue(),
         "validation/validation.json": b"[]"},
        license="cc-by-sa-4.0",
    )  # fmt: skip
    hub.put(
        "b-mc2/sql-create-context",
        {"README.md": b"---\nlicense: cc-by-4.0\n---\n", "sql_create_context_v4.json": _json(context_rows())},
        license="cc-by-4.0",
    )


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """Rows as a Parquet file."""
    import pyarrow
    from pyarrow import parquet as writer

    sink = io.BytesIO()
    writer.write_table(pyarrow.Table.from_pylist(rows), sink)
    return sink.getvalue()
