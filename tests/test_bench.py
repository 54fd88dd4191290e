"""The accuracy harness, end to end with a scripted model, and the comparison of two runs."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("sqlglot")
pytest.importorskip("tqdm")

from fake_model import FakeModel, candidate

from bench import __main__ as bench_main
from bench import accuracy, compare, latency, report
from bench.gold import context, datasets
from bench.predict import Guess, Place, first_statement, most_agreed, parse_decode, question_seed
from sqlagent.base.errors import OK, USAGE, ModelError, UsageError
from sqlagent.store.adapters import Files

ROOT = Path(__file__).resolve().parent.parent

PAIRS = [
    ("zoo", "How many animals?", "SELECT count(*) FROM animal"),
    ("shop", "All names by price?", "SELECT name FROM item ORDER BY price"),
    ("zoo", "Names of the animals?", "SELECT name FROM animal"),
    ("shop", "The dearest item?", "SELECT name FROM item ORDER BY price DESC LIMIT 1"),
]
"""In file order the databases alternate; the harness asks shop and zoo one after the other."""

RIGHT = {
    "How many animals?": "SELECT COUNT(*) FROM animal",
    "Names of the animals?": "SELECT name FROM animal",
    "All names by price?": "SELECT name FROM item ORDER BY price",
    "The dearest item?": "SELECT name FROM item ORDER BY price DESC LIMIT 1",
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A Spider-format folder of two databases and four questions."""
    folder = tmp_path / "set"
    scripts = {
        "zoo": "CREATE TABLE animal (id INTEGER PRIMARY KEY, name TEXT, legs INT);"
        "INSERT INTO animal VALUES (1, 'ape', 2), (2, 'bee', 6), (3, 'cat', 4);",
        "shop": "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL);"
        "INSERT INTO item VALUES (1, 'nut', 0.5), (2, 'jam', 3.25);",
    }
    for db, script in scripts.items():
        (folder / "database" / db).mkdir(parents=True)
        connection = sqlite3.connect(folder / "database" / db / f"{db}.sqlite")
        connection.executescript(script)
        connection.close()
    rows = [{"db_id": db, "question": question, "query": gold} for db, question, gold in PAIRS]
    (folder / "val.json").write_text(json.dumps(rows))
    return folder


def answering(answers: dict[str, object], data: Path) -> FakeModel:
    """A model that says what `answers` has for each question, in the order in which the harness asks."""
    asked = datasets.sample(datasets.load(data, "val"), None, 0)
    return FakeModel([answers[question.question] for question in asked])


def run(data: Path, out: Path, model: object, *more: str) -> list[dict]:
    status = accuracy.main(["--data", str(data), "--out", str(out), *more], model=model)
    assert status == OK
    return [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]


# --- the loop --------------------------------------------------------------------------------------


def test_a_run_records_every_question_and_reports_the_share_that_is_right(data, tmp_path, capsys):
    answers = {**RIGHT, "The dearest item?": "SELECT name FROM item ORDER BY price LIMIT 1"}
    records = run(data, tmp_path / "out", answering(answers, data))
    assert [record["correct"] for record in records].count(True) == 3
    wrong = next(record for record in records if not record["correct"])
    assert wrong["labels"] == ["ORDER BY or LIMIT"] and wrong["ran"] and wrong["nonempty"]
    expected = {"id", "db", "question", "gold", "pred", "candidates", "correct", "ran", "error"}
    assert expected | {"seconds", "tokens", "timings"} <= records[0].keys()
    printed = capsys.readouterr()
    assert "| execution accuracy | 3/4 | 75.0 % |" in printed.out
    assert printed.out == (tmp_path / "out" / "report.md").read_text() + "\n"
    assert "question" in printed.err, "the progress bar is on stderr"
    assert json.loads((tmp_path / "out" / "report.json").read_text())["measures"]["correct"]["right"] == 3


def test_questions_of_one_database_are_asked_together(data, tmp_path):
    records = run(data, tmp_path / "out", answering(RIGHT, data))
    assert [record["db"] for record in records] == ["zoo", "zoo", "shop", "shop"]
    assert [record["cold"] for record in records] == [True, False, True, False]
    assert all(record["correct"] for record in records)


def test_a_statement_that_fails_and_a_model_that_fails_are_counted_not_raised(data, tmp_path):
    answers = {**RIGHT, "How many animals?": "SELECT fur FROM animal"}
    answers["All names by price?"] = ModelError("The context is full.")
    records = {record["question"]: record for record in run(data, tmp_path / "out", answering(answers, data))}
    failed = records["How many animals?"]
    assert failed["ran"] is False and "no such column: fur" in failed["error"] and not failed["correct"]
    silent = records["All names by price?"]
    assert silent["labels"] == ["no statement"]
    assert silent["pred"] == "" and silent["error"].startswith("ModelError") and not silent["correct"]


def test_the_databases_are_left_as_they_were(data, tmp_path):
    files = sorted(path for path in (data / "database").rglob("*") if path.is_file())
    before = [path.read_bytes() for path in files]
    run(data, tmp_path / "out", FakeModel(["DROP TABLE animal", "DELETE FROM item"]))
    assert sorted(path for path in (data / "database").rglob("*") if path.is_file()) == files
    assert [path.read_bytes() for path in files] == before


def test_the_gold_mode_is_right_throughout_and_needs_no_model(data, tmp_path):
    records = run(data, tmp_path / "out", None, "--decode", "gold")
    assert all(record["correct"] and record["exact"] and record["tree"] for record in records)


def test_free_decoding_gives_the_model_no_acceptor_and_takes_its_first_statement(data, tmp_path):
    model = FakeModel(["Sure!\n```sql\nSELECT count(*) FROM animal;\nSELECT 2;\n```"])
    records = run(data, tmp_path / "out", model, "--decode", "free", "--limit", "1")
    assert model.acceptors == [None]
    assert records[0]["pred"] == "SELECT count(*) FROM animal"


def test_constrained_decoding_gives_the_model_an_acceptor_of_the_database(data, tmp_path):
    model = answering(RIGHT, data)
    run(data, tmp_path / "out", model)
    assert all(acceptor is not None for acceptor in model.acceptors)
    assert model.acceptors[0] is model.acceptors[1] is not model.acceptors[2]


# --- voting ----------------------------------------------------------------------------------------


def test_the_vote_goes_to_the_result_that_most_candidates_have(data, tmp_path):
    votes = ["SELECT 7", "SELECT count(*) FROM animal", "SELECT count(id) FROM animal"]
    records = run(data, tmp_path / "out", FakeModel([votes]), "--decode", "vote:3", "--limit", "4")
    record = next(record for record in records if record["question"] == "How many animals?")
    assert record["correct"]
    assert [guess["correct"] for guess in record["candidates"]] == [False, True, True]


def test_a_tied_vote_goes_to_the_likelier_statement_and_failures_have_no_vote(data):
    place = Place(datasets.load(data, "val")[0])
    broken = [Guess(f"SELECT missing{n} FROM animal", logprob=-0.01) for n in range(3)]
    unlikely, likely = Guess("SELECT 1", logprob=-3.0), Guess("SELECT 2", logprob=-1.0)
    assert most_agreed([*broken, unlikely, likely], place) == likely
    assert most_agreed(broken, place) == broken[0]
    assert most_agreed([], place) is None
    place.close()


def test_each_question_samples_from_a_seed_of_its_own():
    assert question_seed(1, "val-00001") == question_seed(1, "val-00001")
    assert len({question_seed(seed, f"val-{n}") for seed in (0, 1) for n in range(100)}) == 200


# --- going on --------------------------------------------------------------------------------------


def without_times(records: list[dict]) -> list[dict]:
    return [
        {k: v for k, v in record.items() if k not in ("seconds", "timings", "cold")} for record in records
    ]


def test_a_resumed_run_ends_where_an_unbroken_one_does_and_drops_a_torn_line(data, tmp_path):
    whole = run(data, tmp_path / "whole", answering(RIGHT, data))
    out = tmp_path / "torn"
    run(data, out, answering(RIGHT, data))
    path = out / "predictions.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1] + lines[2][:40])
    model = FakeModel([RIGHT[record["question"]] for record in whole[2:]])
    resumed = run(data, out, model, "--resume")
    assert len(model.prompts) == 2, "answered questions are not asked again"
    assert without_times(resumed) == without_times(whole)


def test_a_killed_run_loses_one_question_at_most(data, tmp_path):
    out = tmp_path / "killed"
    script = (
        "import sys, time; sys.path[:0] = sys.argv[1:3]\n"
        "from fake_model import FakeModel\n"
        "from bench import accuracy\n"
        "class Slow(FakeModel):\n"
        "    def generate(self, *args, **more):\n"
        "        if len(self.prompts) == 2: time.sleep(60)\n"
        "        return super().generate(*args, **more)\n"
        "accuracy.main(['--data', sys.argv[3], '--out', sys.argv[4]], model=Slow(['SELECT 1']))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script, str(ROOT), str(ROOT / "tests"), str(data), str(out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    path = out / "predictions.jsonl"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (path.exists() and path.read_bytes().count(b"\n") == 2):
        assert child.poll() is None, "it ended by itself"
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    child.wait(30)
    assert path.read_bytes().count(b"\n") == 2
    assert len(run(data, out, FakeModel(["SELECT 1"]), "--resume")) == 4


def test_a_run_is_not_overwritten_and_not_mixed_with_another(data, tmp_path):
    out = tmp_path / "out"
    run(data, out, answering(RIGHT, data))
    with pytest.raises(UsageError, match="--resume"):
        run(data, out, answering(RIGHT, data))
    with pytest.raises(UsageError, match="decode was 'greedy'"):
        run(data, out, answering(RIGHT, data), "--resume", "--decode", "free")


def test_an_interrupted_run_says_how_to_go_on(data, tmp_path, capsys):
    model = FakeModel(["SELECT 1", KeyboardInterrupt()])
    assert accuracy.main(["--data", str(data), "--out", str(tmp_path / "out")], model=model) == 130
    assert "--resume" in capsys.readouterr().err


def test_scoring_again_uses_the_stored_predictions(data, tmp_path):
    out = tmp_path / "out"
    first = run(data, out, answering(RIGHT, data))
    path = out / "predictions.jsonl"
    spoiled = [{**record, "correct": False, "hardness": "extra"} for record in first]
    path.write_text("".join(json.dumps(record) + "\n" for record in spoiled))
    assert run(data, out, None, "--rescore") == first


# --- the questions ---------------------------------------------------------------------------------


def test_a_sample_is_seeded_and_a_smaller_one_is_part_of_a_larger(data):
    questions = datasets.load(data, "val")
    assert datasets.sample(questions, 2, 1) == datasets.sample(questions, 2, 1)
    for seed in range(5):
        small, large = (set(q.id for q in datasets.sample(questions, n, seed)) for n in (2, 3))
        assert small < large
    assert len({tuple(q.id for q in datasets.sample(questions, 2, seed)) for seed in range(10)}) > 1


def test_sql_create_context_is_scored_without_a_database(tmp_path):
    rows = [
        {
            "question": "How many heads are older than 56?",
            "context": "CREATE TABLE head (age INTEGER)",
            "answer": "SELECT COUNT(*) FROM head WHERE age > 56",
        },
        {
            "question": "Who?",
            "context": "CREATE TABLE p (name TEXT)",
            "answer": 'SELECT name FROM p WHERE name = "X"',
        },
    ]
    path = tmp_path / "val.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = FakeModel(["select count(*) from head where age > 56", "SELECT nobody FROM p"])
    records = run(path, tmp_path / "out", model)
    assert [record["exact"] for record in records] == [True, False]
    assert [record["tree"] for record in records] == [True, False]
    assert [record["correct"] for record in records] == [None, None]
    assert [record["ran"] for record in records] == [True, False]
    assert "normalised exact match by hardness" in (tmp_path / "out" / "report.md").read_text().lower()


def test_columns_of_sql_create_context_that_want_quotes_are_asked_for_and_scored(tmp_path):
    row = {
        "question": "What is 1976 when 1980 is 2.0 and the 2nd leg was drawn?",
        "context": 'CREATE TABLE t_2 (1976 VARCHAR(10, 2), 1980 VARCHAR, "a b" INT, from TEXT, -- x\n\tUNIQUE ("a b"))',
        "answer": 'SELECT 1976 FROM t_2 WHERE 1980 = "2.0" AND from = "drawn"',
    }
    path = tmp_path / "val.jsonl"
    path.write_text(json.dumps(row))
    model = FakeModel(['SELECT "1976" FROM t_2 WHERE "1980" = \'2.0\' AND "from" = \'drawn\''])
    (record,) = run(path, tmp_path / "out", model)
    assert record["ran"] and record["exact"]
    assert record["pred"].startswith('SELECT "1976"')
    assert datasets.load(path, "val")[0].bare == ("1976", "1980", "from")


@pytest.mark.parametrize(
    ("gold", "mended"),
    [
        (
            'SELECT 1976 FROM t WHERE 1980 = "1976" AND from = "1980"',
            'SELECT "1976" FROM t WHERE "1980" = "1976" AND "from" = "1980"',
        ),
        (
            "SELECT MAX(1976), t.1980 FROM t WHERE 1976 > 1976",
            'SELECT MAX("1976"), t."1980" FROM t WHERE "1976" > 1976',
        ),
        ("SELECT FROM FROM t ORDER BY 1980", 'SELECT "from" FROM t ORDER BY "1980"'),
        ("SELECT a FROM t WHERE b = 1976", "SELECT a FROM t WHERE b = 1976"),
    ],
)
def test_gold_statements_of_sql_create_context_get_their_quotes(gold, mended):
    assert context.with_quotes(gold, ("1976", "1980", "from")) == mended
    assert context.with_quotes(gold, ()) == gold


def test_input_and_expected_pairs_use_the_database_beside_them(data, tmp_path):
    (data / "database" / "zoo" / "zoo.sqlite").rename(data / "zoo.sqlite")
    (data / "zoo_questions.json").write_text(
        json.dumps([{"input": "How many?", "expected": "SELECT count(*) FROM animal;"}])
    )
    records = run(data, tmp_path / "out", FakeModel(["SELECT count(*) FROM animal"]), "--split", "zoo")
    assert records[0]["correct"] and records[0]["exact"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "no folder nowhere"),
        (["--data", ".", "--split", "missing"], "no split 'missing'"),
        (["--decode", "wild"], "no decode mode 'wild'"),
        (["--decode", "vote:1"], "at least 2"),
        (["--decode", "greedy:3"], "takes no setting"),
        (["--limit", "0"], "at least 1"),
    ],
)
def test_a_wrong_option_is_explained_in_one_sentence(data, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(data)
    given = ["accuracy", *([] if "--data" in arguments else ["--data", str(data)]), *arguments]
    assert bench_main.main(given) == USAGE
    printed = capsys.readouterr()
    assert message in printed.err and "Traceback" not in printed.err and printed.out == ""


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("SELECT 1;", "SELECT 1"),
        ("SELECT 1;\n```\nThis counts.", "SELECT 1"),
        ("```sql\nSELECT 1\n```", "SELECT 1"),
        ("```\nSELECT 1; SELECT 2\n```", "SELECT 1"),
        ("Here you are: SELECT ';' AS a; done", "SELECT ';' AS a"),
        ("SELECT 1 -- one; or two\n; SELECT 2", "SELECT 1 -- one; or two"),
        ("  WITH a AS (SELECT 1) SELECT * FROM a", "WITH a AS (SELECT 1) SELECT * FROM a"),
        ("I cannot.", "I cannot."),
        ("", ""),
    ],
)
def test_the_first_statement_is_taken_out_of_free_text(text, statement):
    assert first_statement(text) == statement


def test_decode_settings_are_read_from_their_text():
    assert (parse_decode("vote:8").n, parse_decode("vote:8").temperature) == (8, 0.7)
    assert parse_decode("free-vote:5@1.0").temperature == 1.0
    assert parse_decode("agent:fast").effort == "fast"


# --- comparing -------------------------------------------------------------------------------------


def test_a_comparison_counts_flips_both_ways_and_tests_them(data, tmp_path, capsys):
    worse = {**RIGHT, "How many animals?": "SELECT 1", "Names of the animals?": "SELECT 1"}
    better = {**RIGHT, "The dearest item?": "SELECT 1"}
    run(data, tmp_path / "a", answering(worse, data))
    run(data, tmp_path / "b", answering(better, data))
    capsys.readouterr()
    assert compare.main([str(tmp_path / "a"), str(tmp_path / "b" / "predictions.jsonl")]) == OK
    text = capsys.readouterr().out
    assert "B gained 2 and lost 1; McNemar exact p = 1." in text
    assert "B − A: +25.0 points" in text
    gained, lost = text.split("## Gained by B: 2")[1].split("## Lost by B: 1")
    assert "How many animals?" in gained and "The dearest item?" in lost


def test_runs_over_different_questions_are_not_compared():
    record = {"gold": "SELECT 1", "correct": True, "db": "a", "hardness": "easy"}
    with pytest.raises(UsageError, match="different questions"):
        compare.compare({"q": record}, {"q": {**record, "gold": "SELECT 2"}})
    with pytest.raises(UsageError, match="nothing to compare"):
        compare.compare({"q": record}, {"p": record})


# --- the command -----------------------------------------------------------------------------------


def test_help_lists_every_measurement_and_imports_none(tmp_path):
    script = (
        "import sys; from bench.__main__ import main; main(['--help'])\n"
        "found = [n for n in sys.modules if n.startswith('bench.') or n in ('sqlglot', 'numpy')]\n"
        "print(sorted(found), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert all(
        name in done.stdout for name in ("accuracy", "compare", "latency", "grammar", "attack", "sandbox")
    )
    assert done.stderr.strip() == "['bench.__main__']"


def test_an_unknown_measurement_is_a_usage_error(capsys):
    assert bench_main.main(["haste"]) == USAGE
    printed = capsys.readouterr()
    assert "haste" in printed.err and printed.out == ""


def test_a_report_without_questions_says_so():
    assert "No question was answered" in report.markdown([], {"title": "x"})


def test_a_candidate_keeps_the_models_own_figures(data, tmp_path):
    model = FakeModel([candidate("SELECT count(*) FROM animal", logprob=-2.5, margin=0.1, tokens=7)])
    record = run(data, tmp_path / "out", model, "--limit", "1")[0]
    assert record["tokens"] == 7
    assert record["candidates"][0]["logprob"] == -2.5 and record["candidates"][0]["margin"] == 0.1


# --- latency ---------------------------------------------------------------------------------------


def test_latency_tells_the_first_question_of_a_database_from_the_others(data, capsys):
    assert latency.main(["--data", str(data), "--limit", "4"], model=answering(RIGHT, data)) == OK
    printed = capsys.readouterr().out
    assert "| the first of a database | 2 |" in printed and "| further ones | 2 |" in printed


def test_a_new_process_finds_the_prefix_that_the_one_before_it_left(data, tmp_path, tiny_path):
    question = datasets.load(data, "val")[0]
    never, before = (latency._spawn(Files(tiny_path), question, str(tmp_path / "cache"), 1) for _ in range(2))
    assert never["cached_tokens"] == 0 < before["cached_tokens"]
    assert never["prompt_tokens"] == before["prompt_tokens"]
    assert before["first_token"] > before["load"] > 0


def test_a_session_that_read_ahead_waits_for_the_question_alone(data, tmp_path, tiny_path):
    question = datasets.load(data, "val")[0]
    ahead = latency._spawn(Files(tiny_path), question, str(tmp_path / "cache"), 1, ahead=True)
    assert ahead["cached_tokens"] > 0.5 * ahead["prompt_tokens"]
    assert ahead["first_token"] < ahead["start"] + ahead["load"] + ahead["prefill"]


def test_a_failing_measured_process_is_reported_in_its_own_words(data, tmp_path):
    with pytest.raises(ModelError, match="the measured process failed"):
        latency._spawn(Files(tmp_path / "missing.gguf"), datasets.load(data, "val")[0], str(tmp_path), 1)


def test_a_view_of_an_application_s_function_does_not_end_a_run(tmp_path: Path) -> None:
    from bench.gold.datasets import Question, table_columns

    path = tmp_path / "app.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE books (id INTEGER, Title TEXT); CREATE VIEW shown AS SELECT sortconcat(id, title) FROM books;"
    )
    connection.close()
    question = Question(id="0", db="app", question="?", gold="SELECT 1", database=path)
    assert table_columns(question) == {"books": frozenset({"id", "title"}), "shown": frozenset()}
