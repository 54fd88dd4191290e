#!/bin/sh
# dspy 3.4.1: answer_exact_match() and majority() hold 10.0 for 100, -5 for 5 and >= for <, as they drop all punctuation.
#
# Expected: an "exact match" of numbers is of the same number, also where case, articles and marks at the end of a sentence do not
#           count; majority() of -5, 5, 5 is 5, and of 7, 7, 1.25, 12.5, 125 it is 7.
# Seen:     the text is stripped of every ASCII mark, the point in a number and its sign among them, and of the words a, an, the:
#           EM("10.0", ["100"]), EM("-5", ["5"]), EM("1/2", ["12"]), EM(">=", ["<"]) and EM("A", ["the"]) are True, F1 is 1.0,
#           and EM("10.0", ["10"]) is False. So an evaluation, or an optimiser that keeps the examples whose answers match,
#           takes answers that are ten times off. majority() counts 1.25, 12.5 and 125 as one answer and gives out the
#           first of them, and of -5, 5, 5 it is -5. No warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q --no-compile dspy==3.4.1
cd "$work"
HOME=$work DSPY_CACHEDIR=$work/cache venv/bin/python -W ignore - <<'PY'
import dspy
from dspy.evaluate import answer_exact_match
from dspy.evaluate.metrics import EM, F1

assert EM("The Beatles.", ["the beatles"]) and not EM("11", ["12"]), "the usual case has changed"
for prediction, right in (
    ("10.0", "100"), ("3.14", "314"), ("-5", "5"), ("1/2", "12"), ("1e-5", "1e5"), ("2020-1-11", "2020-11-1"),
    (">=", "<"), ("A", "the"), ("C#", "C++"),
):
    found = EM(prediction, [right])
    example = dspy.Example(question="how much?", answer=right).with_inputs("question")
    print(f"EM({prediction!r}, [{right!r}]) is {found}")
    assert found and answer_exact_match(example, dspy.Prediction(answer=prediction)), "this has changed"
assert F1("10.0", ["100"]) == F1("-5", ["5"]) == 1.0, "this has changed"
assert not EM("10.0", ["10"]), "this has changed"
print("EM('10.0', ['10']) is", EM("10.0", ["10"]))


def vote(*answers):
    chosen = dspy.majority([{"answer": answer} for answer in answers]).answer
    print("majority of", answers, "is", chosen)
    return chosen


assert vote("7", "8", "8") == "8", "the usual case has changed"
assert vote("-5", "5", "5") == "-5", "this has changed"
assert vote("7", "7", "1.25", "12.5", "125") == "1.25", "this has changed"
PY
echo "as described"
