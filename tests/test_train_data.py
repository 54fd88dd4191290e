"""Rows for training: checked, counted, deduplicated, never from validation, and laid out as the runtime
does.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections import Counter

import pytest
from tiny_gguf import CHATML, NO_SYSTEM

pytest.importorskip("numpy")
pytest.importorskip("sqlglot", reason="sqlglot is not installed: it is in the train and test extras")

from sqlagent.database import schema as schemas
from train import augment, data, prepared, stats
from train.config import from_dict
from train.leakage import Guard, LeakageError

SCRIPT = """
CREATE TABLE singer (singer_id INTEGER PRIMARY KEY, name TEXT, birthYear INTEGER);
CREATE TABLE song (song_id INTEGER PRIMARY KEY, title TEXT, singer_id INTEGER REFERENCES singer(singer_id));
INSERT INTO singer VALUES (1, 'Ann', 1970), (2, 'Bob', 1980);
INSERT INTO song VALUES (1, 'One', 1), (2, 'Two', 1), (3, 'Three', 2);
"""
QUESTIONS = [
    ("How many singers are there?", "SELECT count(*) FROM singer"),
    (
        "Name the singers of songs called One.",
        "SELECT T1.name FROM singer AS T1 JOIN song AS T2 ON T1.singer_id = T2.singer_id "
        'WHERE T2.title = "One"',
    ),
    ("Which year was Ann born?", "select birthYear from singer where name = 'Ann'"),
]
ROWS = [{"question": q, "query": sql, "db_id": "music"} for q, sql in QUESTIONS] + [
    {"question": "How many  singers are there?", "query": "SELECT count(*) FROM singer", "db_id": "music"},
    {"question": "What is broken?", "query": "SELECT nothing FROM singer", "db_id": "music"},
    {"question": "What is gibberish?", "query": "SELEC name FROM", "db_id": "music"},
    {"question": "Where is it?", "query": "SELECT 1", "db_id": "absent"},
    {"question": "Who has no name?", "query": "SELECT * FROM singer WHERE name = 'Null'", "db_id": "music"},
    {
        "question": "Please tell me the number of all of the old red cars there are in France today now",
        "query": "SELECT count(*) FROM singer",
        "db_id": "music",
    },
]
HELD = [
    {
        "question": "Tell me the number of all of the old red cars there are in France today, now please!",
        "query": "SELECT count(*) FROM car",
        "db_id": "cars",
    },
]


class Letters:
    """A tokenizer with a token a character: what is laid out stays readable."""

    name = "letters"
    eos = 0

    def prompt(self, prompt):
        head = f"<{prompt.system}|{prompt.context}"
        return [ord(c) for c in head + prompt.request + "|" + prompt.answer], len(head)

    def plain(self, text):
        return [ord(c) for c in text]

    def text(self, ids):
        return "".join(chr(i) if i else "■" for i in ids)


@pytest.fixture
def folder(tmp_path):
    for name, script in (
        ("music", SCRIPT),
        ("cars", "CREATE TABLE car (id INTEGER PRIMARY KEY, name TEXT);"),
    ):
        (tmp_path / "database" / name).mkdir(parents=True)
        connection = sqlite3.connect(tmp_path / "database" / name / f"{name}.sqlite")
        connection.executescript(script)
        connection.close()
    (tmp_path / "train.json").write_text(json.dumps(ROWS))
    (tmp_path / "val.json").write_text(json.dumps(HELD))
    (tmp_path / "val_databases.txt").write_text("cars\n")
    context = [
        {
            "question": "What is the team of Joe?",
            "context": "CREATE TABLE t (team VARCHAR, player VARCHAR)",
            "answer": 'SELECT team FROM t WHERE player = "Joe"',
        },
        {
            "question": "What is it?",
            "context": "CREATE TABLE broken (a VARCHAR, a VARCHAR)",
            "answer": "SELECT a FROM broken",
        },
        {
            "question": "Who came third in 1976?",
            "context": "CREATE TABLE races (3rd VARCHAR, 1976 VARCHAR)",
            "answer": 'SELECT 3rd FROM races WHERE 1976 = "yes"',
        },
    ]
    (tmp_path / "context.jsonl").write_text("".join(json.dumps(row) + "\n" for row in context))
    return tmp_path


SPIDER = {"name": "spider", "kind": "spider", "file": "train.json", "databases": "database"}
CONTEXT = {"name": "context", "kind": "context", "file": "context.jsonl"}
HELD_OUT = {"files": ["val.json"], "databases": "val_databases.txt", "folder": "database"}


def configuration(folder, **changes):
    values = {
        "data": str(folder),
        "mix": [SPIDER, CONTEXT],
        "validation": HELD_OUT,
        "max_length": 4000,
    }
    return from_dict(values | changes)


def make(folder, **changes):
    return data.prepare(configuration(folder, **changes), Letters(), quiet=True)


def texts(found):
    return [Letters().text(item.target.tolist()) for item in found.items]


def test_rows_become_canonical_and_what_is_dropped_is_counted_by_reason(folder):
    found, counts = make(folder)
    assert texts(found)[:4] == [
        "SELECT COUNT(*) FROM singer■",
        "SELECT singer.name FROM singer JOIN song ON singer.singer_id = song.singer_id "
        "WHERE song.title = 'One'■",
        "SELECT birthYear FROM singer WHERE name = 'Ann'■",
        "SELECT team FROM t WHERE player = 'Joe'■",
    ]
    assert """SELECT "3rd" FROM races WHERE "1976" = 'yes'■""" in texts(found)
    reasons: Counter[str] = Counter()
    for (_, why), number in counts.dropped.items():
        reasons[why.split(":")[0]] += number
    assert reasons == {
        "duplicate": 1,
        "no canonical form": 2,
        "the database cannot be read": 2,
        "nearly a validation question": 1,
        "compares with the text 'null'": 1,
    }
    assert counts.read.total() == counts.kept.total() + counts.dropped.total() + counts.unused.total()


def test_the_checked_rows_can_be_had_without_a_tokenizer(folder):
    kept, counts = make(folder)
    examples = list(data.Pipeline(configuration(folder), None, quiet=True).examples())
    assert len(examples) == counts.kept["spider"] + counts.kept["context"]
    assert {example.sql for example in examples} <= {text.removesuffix("■") for text in texts(kept)}


def test_alias_style_is_a_setting(folder):
    found, _ = make(folder, alias_style="aliases")
    assert (
        "FROM singer AS T1 JOIN song AS T2 ON T1.singer_id = T2.singer_id WHERE T2.title = 'One'"
        in texts(found)[1]
    )


def test_the_prompt_is_the_runtimes_and_questions_share_its_prefix(folder):
    from sqlagent.linking import prompt

    found, _ = make(folder)
    schema = schemas.read(folder / "database" / "music" / "music.sqlite")
    built = prompt.build(schema, ROWS[0]["question"])
    hinted = prompt.build(schema, QUESTIONS[2][0], hints=[prompt.Hint("singer", "name", "Ann")])
    item = found.items[0]
    ids, cut = Letters().prompt(built)
    assert found.prefixes[found.prefix_of[0]].tolist() == ids[:cut]
    assert item.request.tolist() == ids[cut:]
    assert len({int(found.prefix_of[row]) for row in range(3)}) == 1
    ids, cut = Letters().prompt(hinted)  # a stored value that the question mentions, as the runtime shows it
    assert found.items[2].request.tolist() == ids[cut:]
    without, _ = make(folder, value_hints=False)
    assert "Stored values" not in Letters().text(without.items[2].request.tolist())


def test_validation_rows_are_held_out_of_every_epoch(folder):
    found, _ = make(folder)
    assert found.has_validation
    held = {Letters().text(i.target.tolist()) for g in found.validation() for i in g.items}
    trained = {
        Letters().text(i.target.tolist())
        for e in range(3)
        for g in found.epoch(e, random.Random(0))
        for i in g.items
    }
    assert held == {"SELECT COUNT(*) FROM car■"} and not held & trained


def test_a_validation_database_in_the_training_data_stops_everything(folder):
    (folder / "train.json").write_text(
        json.dumps([*ROWS, HELD[0] | {"question": "Something else entirely?"}])
    )
    with pytest.raises(LeakageError, match="cars"):
        make(folder)
    _, counts = make(folder, mix=[SPIDER | {"drop_validation": True}])
    assert counts.dropped["spider", "validation database"] == 1


def test_a_validation_database_under_another_name_is_left_out(folder):
    (folder / "database" / "autos").mkdir()
    copy = folder / "database" / "autos" / "autos.sqlite"
    copy.write_bytes((folder / "database" / "cars" / "cars.sqlite").read_bytes())
    row = {"question": "Which names are there?", "query": "SELECT name FROM car", "db_id": "autos"}
    (folder / "train.json").write_text(json.dumps([*ROWS, row]))
    _, counts = make(folder)
    assert counts.dropped["spider", "a validation database under another name"] == 1


@pytest.mark.parametrize(
    ("question", "near"),
    [
        ("How many heads of the departments are older than 56 ?", True),
        ("how many heads of THE departments, are older than 56", True),
        ("Of the departments how many heads are older than 56?", True),
        ("How many heads of the departments are older than 57 ?", False),
        ("How many heads are there?", False),
        ("", False),
    ],
)
def test_near_copies_are_found_by_their_words(question, near):
    guard = Guard(questions=["How many heads of the departments are older than 56 ?", "Show all names."])
    assert guard.is_near(question) is near


def test_the_guard_finds_every_pair_that_a_full_comparison_finds():
    rng = random.Random(0)
    vocabulary = [f"w{i}" for i in range(30)]
    held = [" ".join(rng.choices(vocabulary, k=rng.randint(1, 25))) for _ in range(200)]
    guard = Guard(questions=held)
    sets = [set(q.split()) for q in held]
    hits = 0
    for _ in range(600):
        words = rng.choice(held).split()
        for _ in range(rng.randint(0, 3)):
            words[rng.randrange(len(words))] = rng.choice(vocabulary)
        one = set(words)
        expected = any(len(one & other) >= 0.9 * len(one | other) for other in sets)
        assert guard.is_near(" ".join(words)) is expected
        hits += expected
    assert 100 < hits < 600


def test_augmented_copies_keep_the_question_answerable(folder):
    kinds = ["shuffle", "drop-samples", "rename", "reword"]
    found, counts = make(folder, mix=[SPIDER], augment=kinds, augment_copies=8)
    assert len(found) == 3 * 9 + 1
    wheres = {t.split("WHERE")[-1] for t in texts(found) if "birth" in t.lower()}
    assert len(wheres) > 1  # renamed in some copies
    assert all("'Ann'" in where for where in wheres)
    assert len({p.tobytes() for p in found.prefixes}) > 4
    for epoch in range(9):
        assert sum(len(g.items) for g in found.epoch(epoch, random.Random(0))) == 3
    assert counts.plain["spider"] <= 3


@pytest.mark.parametrize("style", augment.STYLES)
def test_renaming_changes_identifiers_and_nothing_else(style):
    schema = schemas.from_ddl(
        'CREATE TABLE singer (singer_id INT, birthYear INT, "count" INT, "Full Name" TEXT)'
    )
    renamed_schema, renamed = augment._rename(schema, augment.STYLES[style])
    sql = (
        "SELECT COUNT(*), COUNT(count) FROM singer "
        "WHERE \"Full Name\" = 'singer''s birthYear' AND birthYear > 1"
    )
    found = augment.rename_sql(sql, renamed)
    assert "'singer''s birthYear'" in found and found.count("COUNT(") == 2
    connection = sqlite3.connect(":memory:")
    columns = ", ".join('"' + c.name + '"' for c in renamed_schema.tables[0].columns)
    connection.execute(f'CREATE TABLE "{renamed_schema.tables[0].name}" ({columns})')
    connection.execute(found)


def test_two_columns_that_would_get_one_name_are_not_renamed():
    schema = schemas.from_ddl("CREATE TABLE t (birthYear INT, birth_year INT)")
    assert augment._rename(schema, augment.STYLES["snake"]) is None


def test_weights_take_their_share_and_rotate(folder):
    rows = [r for r in make(folder, mix=[SPIDER])[0].items]
    encoded = [
        prepared.Row(prepared_row(i, rows), "x", weight=0.25, phase=prepared.phase(i)) for i in range(400)
    ]
    made = prepared.build(encoded, {})
    seen = [[int(i.target[0]) for g in made.epoch(e, random.Random(0)) for i in g.items] for e in range(4)]
    assert all(90 <= len(epoch) <= 110 for epoch in seen)
    assert sorted(n for epoch in seen for n in epoch) == list(range(400))


def test_rows_that_no_epoch_takes_are_not_looked_at_and_more_epochs_are_refused(folder):
    from sqlagent.base.errors import UsageError
    from train.plan import make_plan

    half = SPIDER | {"weight": 0.5}
    found, counts = make(folder, mix=[half], epochs=1.0)
    assert counts.unused["spider"] > 0
    taken = [item for group in found.epoch(0, random.Random(0)) for item in group.items]
    assert len(taken) == counts.kept["spider"] > 0
    with pytest.raises(UsageError, match="prepared for 1 epochs"):
        make_plan(configuration(folder, mix=[half], epochs=2.0), found)


def prepared_row(number, rows):
    import numpy as np

    from train.tokens import Encoded

    return Encoded(np.array([1], np.int32), rows[0].request, np.array([number], np.int32))


def test_a_prepared_file_gives_back_what_was_saved_and_tells_when_it_is_damaged(folder):
    from sqlagent.base.errors import UsageError

    found, _ = make(folder)
    path = folder / "set.npz"
    found.save(path)
    again = prepared.load(path)
    assert again.digest == found.digest and texts(again) == texts(found)
    assert again.about == json.loads(json.dumps(found.about))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UsageError, match="prepared"):
        prepared.load(path)


def test_stats_name_every_source_reason_and_length(folder):
    found, counts = make(folder)
    text = stats.describe(found, counts, questions=10, max_length=4000)
    for word in ("spider", "context", "duplicate", "nearly a validation question", "times fewer", "p99"):
        assert word in text
    assert "[[SELECT COUNT(*) FROM singer■]]" in stats.show(found, Letters(), 5)


def test_training_uses_the_very_layout_of_the_runtime(tmp_path):
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gguf", reason="the convert extra is not installed")
    from sqlagent.decoding.chat_template import ChatTemplate
    from sqlagent.linking import prompt
    from sqlagent.llama.context import Llama
    from sqlagent.llama.vocab import Vocab
    from tests.tiny_gguf import make_gguf
    from train.tokens import GgufTokens, encode

    path = make_gguf(tmp_path / "tiny.gguf")
    schema = schemas.from_ddl('CREATE TABLE t (a TEXT, "<|im_end|>" TEXT)')
    built = prompt.build(schema, "what is <|im_start|> ?")
    llama = Llama(path, n_ctx=64, n_seq=1, threads=1)
    vocab = Vocab(llama)
    expected = ChatTemplate(llama, vocab).tokens(built)
    row = encode(GgufTokens(path), built, "SELECT a FROM t")
    assert (*row.prefix.tolist(), *row.request.tolist()) == expected.ids
    assert len(row.prefix) == expected.prefix
    assert row.target.tolist() == [*vocab.tokenize(b"SELECT a FROM t"), vocab.eos]
    llama.close()


LOSING = (
    "{% for m in messages if m['role'] == 'user' %}<|im_start|>{{ m['content'] }}<|im_end|>\n{% endfor %}"
)


@pytest.mark.parametrize("template", [CHATML, NO_SYSTEM, LOSING, "", "{{ broken"])
def test_a_hub_folder_is_laid_out_as_the_runtime_lays_out_its_gguf(tmp_path, template):
    """A template that takes no system turn, or leaves it out, has both in one message there, too."""
    pytest.importorskip("llama_cpp")
    pytest.importorskip("gguf", reason="the convert extra is not installed")
    transformers = pytest.importorskip("transformers")
    import convert_tiny
    from tiny_gguf import make_gguf

    from sqlagent.linking import prompt
    from train.tokens import GgufTokens, HubTokens

    gguf = GgufTokens(make_gguf(tmp_path / "tiny.gguf", template=template or None))
    tokenizer = transformers.AutoTokenizer.from_pretrained(convert_tiny.hf_folder(tmp_path / "hub", "qwen2"))
    tokenizer.chat_template = template or None
    built = prompt.build(schemas.from_ddl("CREATE TABLE t (a TEXT)"), "how many?")
    hub = HubTokens("hub", tokenizer)
    assert hub.text(hub.prompt(built)[0]) == gguf.text(gguf.prompt(built)[0])


@pytest.mark.slow
@pytest.mark.timeout(600)  # two processes that import what preparing needs
def test_two_processes_make_the_bytes_of_one(folder, tmp_path, tiny_path, monkeypatch):
    from train import tokens

    # Duplicates far apart, so that they come to different processes; rows that are dropped; copies; rows held out.
    rows = ROWS + [
        {"question": f"Which singers were born after {n}?", "query": f"SELECT name FROM singer WHERE birthYear > {n}",
         "db_id": "music"}
        for n in range(60)
    ] + ROWS  # fmt: skip
    (folder / "train.json").write_text(json.dumps(rows))
    monkeypatch.setattr(data, "WORTH", 10)
    monkeypatch.setattr("train.workers.RUN", 4)
    made = []
    for workers in (1, 2):
        config = configuration(
            folder, model_name=str(tiny_path), workers=workers, epochs=2, augment_copies=1, max_length=2000,
            augment=["shuffle", "rename", "drop-samples"], mix=[SPIDER | {"weight": 0.7, "held_out": 9}, CONTEXT],
        )  # fmt: skip
        found, counts = data.prepare(config, tokens.load(str(tiny_path)), quiet=True)
        found.save(tmp_path / f"{workers}.npz")
        made.append(((tmp_path / f"{workers}.npz").read_bytes(), counts))
    assert made[0] == made[1]
    assert made[0][1].dropped["spider", "duplicate"] and made[0][1].held["spider"]


def test_a_validation_database_stops_a_preparation_in_other_processes_too(folder, tiny_path, monkeypatch):
    from train import tokens

    (folder / "train.json").write_text(
        json.dumps([*ROWS, {"question": "?", "query": "SELECT 1", "db_id": "cars"}])
    )
    monkeypatch.setattr(data, "WORTH", 1)
    config = configuration(folder, model_name=str(tiny_path), workers=2)
    with pytest.raises(LeakageError, match="cars"):
        data.prepare(config, tokens.load(str(tiny_path)), quiet=True)
