"""Two questions in one, values in lists and longer texts, what a join would count twice, and what is missing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from bench.analyst.question import Question, grouped, kind
from bench.analyst.worlds import World


@kind
def two_in_one(w: World, rng: random.Random) -> Iterator[Question]:
    one, other = rng.sample(w.kind.values, 2)
    counts = Counter(row["kind"] for row in w.rows)
    yield Question(
        [
            "How many {many} are {a} and how many are {b}?",
            "number of {a} {many} and number of {b} {many}",
            "How many {many} have {kind} {a}, and how many {b}?",
            "count {a} and {b} {many} separately",
            "How many are {a}? And how many are {b}?",
            "{a} count and {b} count of the {many}",
        ],
        f"SELECT (SELECT COUNT(*) FROM {w.events} WHERE {w.kind.column} = '{one}'), (SELECT "
        f"COUNT(*) FROM {w.events} WHERE {w.kind.column} = '{other}')",
        [(counts[one], counts[other])],
        {"a": one, "b": other},
    )
    mean = sum(row["more"] for row in w.rows) / len(w.rows)
    yield Question(
        [
            "How many {many} have {kind} {a}, and what is the average {more} of all {many}?",
            "count of {a} {many}; average {more} overall",
            "How many {a} {many} are there? What is the average {more}?",
            "number of {many} that are {a} and the mean {more} of all",
        ],
        f"SELECT (SELECT COUNT(*) FROM {w.events} WHERE {w.kind.column} = '{one}'), (SELECT "
        f"AVG({w.more.column}) FROM {w.events})",
        [(counts[one], mean)],
        {"a": one},
    )
    if w.flat:
        return
    yield Question(
        [
            "How many {whoms} and how many {many} are there?",
            "number of {whoms} and number of {many}",
            "How many {many} are there and how many {whoms}?",
            "count of {whoms}, count of {many}",
            "How many {whoms} are there? How many {many}?",
            "total {whoms} and total {many}",
        ],
        f"SELECT (SELECT COUNT(*) FROM {w.owners}), (SELECT COUNT(*) FROM {w.events})",
        [(len(w.owner_rows), len(w.rows))],
    )
    assert w.place is not None and w.number is not None
    place = rng.choice(sorted({row["place"] for row in w.owner_rows}))
    yield Question(
        [
            "How many {whoms} have {place} {a}, and what is the total {sum} of all {many}?",
            "number of {whoms} from {a} and total {sum} of the {many}",
            "How many {whoms} are from {a}? What is the total {sum}?",
            "count the {whoms} with {place} {a}, and sum the {sum} of all {many}",
        ],
        f"SELECT (SELECT COUNT(*) FROM {w.owners} WHERE {w.place.column} = '{place}'), (SELECT "
        f"SUM({w.sum.column}) FROM {w.events})",
        [(sum(row["place"] == place for row in w.owner_rows), sum(row["sum"] for row in w.rows))],
        {"a": place},
    )
    numbers = [row["number"] for row in w.owner_rows]
    ends = (min(numbers), max(numbers))
    number = w.number.column
    yield Question(
        [
            "Which {whoms} have the lowest and the highest {number}?",
            "{whoms} with the smallest and with the largest {number}",
            "Who has the highest and who has the lowest {number}?",
            "Which {whom} has the highest {number}, and which the lowest?",
            "names of the {whoms} at both ends of {number}",
            "Who has the lowest {number} and who the highest?",
        ],
        f"SELECT name FROM {w.owners} WHERE {number} = (SELECT MIN({number}) FROM {w.owners}) OR "
        f"{number} = (SELECT MAX({number}) FROM {w.owners})",
        [(row["name"],) for row in w.owner_rows if row["number"] in ends],
    )


@kind
def first_and_last(w: World, rng: random.Random) -> Iterator[Question]:
    moments = [row["when"] for row in w.rows]
    ends = (min(moments), max(moments))
    column = w.when.column
    yield Question(
        [
            "Show the id of the earliest and of the latest {one}.",
            "ids of the first and the last {one}",
            "Which {one} was the first and which the last?",
            "What are the oldest and the newest {one} (id)?",
            "first and most recent {one}, by id",
            "Which {one} came first, and which came last?",
        ],
        f"SELECT id FROM {w.events} WHERE {column} = (SELECT MIN({column}) FROM {w.events}) OR "
        f"{column} = (SELECT MAX({column}) FROM {w.events})",
        [(row["id"],) for row in w.rows if row["when"] in ends],
    )


@kind
def in_a_list(w: World, rng: random.Random) -> Iterator[Question]:
    value = rng.choice(w.marks.values)
    holding = [row for row in w.rows if value in row["marks"].split(w.separator)]
    where = f"{w.marks.column} LIKE '%{value}%'"
    yield Question(
        [
            "How many {many} have the {mark} {value}?",
            "number of {many} with {mark} {value}",
            "How many {many} are marked {value}?",
            "count {many} whose {mark} includes {value}",
            "How many {many} carry {value}?",
            "{many} with {value} among their {mark}: how many",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE {where}",
        [(len(holding),)],
        {"value": value},
    )
    yield Question(
        [
            "What is the total {sum} of {many} with the {mark} {value}?",
            "{total} of {many} that have {value}",
            "total {sum} where {value} is a {mark}",
        ],
        f"SELECT SUM({w.sum.column}) FROM {w.events} WHERE {where}",
        [(sum(row["sum"] for row in holding) if holding else None,)],
        {"value": value},
    )
    other = rng.choice([each for each in w.marks.values if each != value])
    both = [row for row in holding if other in row["marks"].split(w.separator)]
    yield Question(
        [
            "How many {many} have both {value} and {other}?",
            "{many} with {value} as well as {other}, counted",
            "number of {many} marked {value} and {other}",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE {where} AND {w.marks.column} LIKE '%{other}%'",
        [(len(both),)],
        {"value": value, "other": other},
    )


@kind
def in_a_text(w: World, rng: random.Random) -> Iterator[Question]:
    usual = {word for note in w.note.values for word in note.lower().split() if len(word) > 4}
    word = rng.choice(sorted(usual))
    holding = [row for row in w.rows if word in row["note"].lower()]
    where = f"{w.note.column} LIKE '%{word}%'"
    yield Question(
        [
            "How many {many} mention {word}?",
            "number of {many} whose {note} mentions {word}",
            "How many {many} have something about {word} in the {note}?",
            "count the {many} with the word {word} in their {note}",
            "{many} that speak of {word}: how many?",
            "how many times does the {note} say {word}?",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE {where}",
        [(len(holding),)],
        {"word": word, "note": w.note.words},
    )
    yield Question(
        [
            "Show the id and {note} of {many} that mention {word}.",
            "ids and {note} with {word} in it",
            "Which {many} mention {word}? Give id and {note}.",
        ],
        f"SELECT id, {w.note.column} FROM {w.events} WHERE {where}",
        [(row["id"], row["note"]) for row in holding],
        {"word": word, "note": w.note.words},
    )
    names = [name for name in w.whom.values if " " in name]
    if names and not w.flat:
        part = rng.choice(names).split()[1]
        yield Question(
            ["How many {many} does {part} have?", "number of {many} of {part}", "{part}'s {many}, counted"],
            f"SELECT COUNT(*) FROM {w.joined} WHERE {w.name} LIKE '%{part}%'",
            [(sum(part in row["whom"] for row in w.rows),)],
            {"part": part},
        )


@kind
def counted_once(w: World, rng: random.Random) -> Iterator[Question]:
    if w.what is None:
        return
    value = rng.choice(w.what.values)
    events = {row["event"] for row in w.part_rows if row["what"] == value}
    inside = f"SELECT {w.part_key} FROM {w.parts} WHERE {w.what.column} = '{value}'"
    yield Question(
        [
            "How many {many} have a {part} with {what} {value}?",
            "number of {many} that include {what} {value}",
            "In how many {many} does {value} occur?",
            "How many {many} contain {value}?",
            "count of {many} with {value}",
            "How many different {many} have {what} {value}?",
        ],
        f"SELECT COUNT(DISTINCT {w.part_key}) FROM {w.parts} WHERE {w.what.column} = '{value}'",
        [(len(events),)],
        {"value": value},
    )
    chosen = [row["sum"] for row in w.rows if row["id"] in events]
    yield Question(
        [
            "What is the total {sum} of the {many} that contain {value}?",
            "total {sum} of {many} with {what} {value}",
            "sum of {sum} over {many} having {value}",
            "{total} of the {many} that include {value}",
            "add up the {sum} of every {one} with {value}",
            "What {total} do the {many} with {value} make?",
        ],
        f"SELECT SUM({w.sum.column}) FROM {w.events} WHERE id IN ({inside})",
        [(sum(chosen) if chosen else None,)],
        {"value": value},
    )
    rows = [row["quantity"] for row in w.part_rows if row["what"] == value]
    yield Question(
        [
            "What is the total quantity of {value}?",
            "total quantity with {what} {value}",
            "How many pieces of {value} altogether (quantity)?",
        ],
        f"SELECT SUM(quantity) FROM {w.parts} WHERE {w.what.column} = '{value}'",
        [(sum(rows) if rows else None,)],
        {"value": value},
    )
    without = [row for row in w.rows if row["id"] not in {part["event"] for part in w.part_rows}]
    yield Question(
        [
            "How many {many} have no {part}?",
            "number of {many} without any {part}",
            "{many} that lack a {part}, counted",
        ],
        f"SELECT COUNT(*) FROM {w.events} WHERE id NOT IN (SELECT {w.part_key} FROM {w.parts})",
        [(len(without),)],
    )


@kind
def everybody(w: World, rng: random.Random) -> Iterator[Question]:
    if w.flat:
        return
    counts = Counter(row["whom"] for row in w.rows)
    yield Question(
        [
            "How many {many} does each {whom} have, including those with none?",
            "number of {many} per {whom}, zero included",
            "For every {whom}, even without {many}, count the {many}.",
            "all {whoms} with their number of {many}, also 0",
            "count of {many} for all {whoms}, none left out",
            "each {whom} and how many {many}, zeros too",
        ],
        f"SELECT {w.name}, COUNT({w.events}.id) FROM {w.owners} LEFT JOIN {w.events} ON "
        f"{w.owners}.id = {w.events}.{w.owner_key} GROUP BY {w.owners}.id",
        [(row["name"], counts[row["name"]]) for row in w.owner_rows],
    )
    yield Question(
        [
            "Which {whoms} have no {many}?",
            "{whoms} without any {one}",
            "Who has never had a {one}?",
            "name the {whoms} that have no {one} at all",
            "Which {whoms} do not appear among the {many}?",
            "{whoms} with zero {many}",
        ],
        f"SELECT name FROM {w.owners} WHERE id NOT IN (SELECT {w.owner_key} FROM {w.events})",
        [(row["name"],) for row in w.owner_rows if not counts[row["name"]]],
    )
    assert w.place is not None
    places = {row["name"]: row["place"] for row in w.owner_rows}
    totals = {
        key: sum(row["sum"] for row in rows)
        for key, rows in grouped(w.rows, lambda row: places[row["whom"]]).items()
    }
    yield Question(
        ["Total {sum} by {place}", "{total} per {place}", "What is the {total} of each {place}?"],
        f"SELECT {w.owners}.{w.place.column}, SUM({w.events}.{w.sum.column}) FROM {w.joined} "
        f"GROUP BY {w.owners}.{w.place.column}",
        list(totals.items()),
    )


@kind
def which_of_two(w: World, rng: random.Random) -> Iterator[Question]:
    one, other = rng.sample(w.kind.values, 2)
    counts = Counter(row["kind"] for row in w.rows)
    if counts[one] == counts[other]:
        return
    best = max((one, other), key=lambda value: counts[value])
    yield Question(
        [
            "Are there more {a} or {b} {many}?",
            "Which is more common, {a} or {b}?",
            "Which of {a} and {b} has more {many}?",
            "{a} or {b}: which has the most {many}?",
            "Is {a} or {b} the more frequent {kind}?",
            "what occurs more often among the {many}, {a} or {b}?",
        ],
        f"SELECT {w.kind.column} FROM {w.events} WHERE {w.kind.column} IN ('{one}', '{other}') "
        f"GROUP BY {w.kind.column} ORDER BY COUNT(*) DESC LIMIT 1",
        [(best,)],
        {"a": one, "b": other},
    )
    yield Question(
        [
            "How many more {many} are {a} than {b}?",
            "difference between the number of {a} and {b} {many}",
            "by how much do {a} {many} outnumber {b} ones?",
        ],
        f"SELECT SUM({w.kind.column} = '{one}') - SUM({w.kind.column} = '{other}') FROM {w.events}",
        [(counts[one] - counts[other],)],
        {"a": one, "b": other},
    )


@kind
def repeated(w: World, rng: random.Random) -> Iterator[Question]:
    counts = Counter(row["whom"] for row in w.rows)
    n = rng.choice([3, 4, 5])
    yield Question(
        [
            "Which {whoms} have more than {n} {many}?",
            "{whoms} with over {n} {many}",
            "Who has more than {n} {many}?",
            "name the {whoms} that have at least {m} {many}",
            "{whoms} whose number of {many} exceeds {n}",
            "more than {n} {many}: which {whoms}?",
        ],
        f"SELECT {w.name} FROM {w.joined} GROUP BY {w.name} HAVING COUNT(*) > {n}",
        [(key,) for key, count in counts.items() if count > n],
        {"n": n, "m": n + 1},
    )
    kinds = {row["kind"] for row in w.rows}
    yield Question(
        [
            "How many different {kinds} are there?",
            "number of distinct {kinds}",
            "How many {kinds} occur among the {many}?",
        ],
        f"SELECT COUNT(DISTINCT {w.kind.column}) FROM {w.events}",
        [(len(kinds),)],
    )
    notes = Counter(row["note"] for row in w.rows)
    yield Question(
        [
            "Which {note} occurs more than once?",
            "every {note} that is there several times",
            "list each {note} that repeats, with its count",
        ][:2],
        f"SELECT {w.note.column} FROM {w.events} GROUP BY {w.note.column} HAVING COUNT(*) > 1",
        [(key,) for key, count in notes.items() if count > 1],
        {"note": w.note.words},
    )
