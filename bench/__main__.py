"""`python -m bench NAME …` runs one measurement.

    python -m bench accuracy --data DIR --split val --limit 300 --seed 1
    python -m bench compare A/predictions.jsonl B/predictions.jsonl

Nothing is imported before it is asked for, so `--help` is instant.
"""

from __future__ import annotations

import importlib
import sys

from sqlagent.base.errors import INTERRUPTED, OK, USAGE, SqlagentError

NAMES = {
    "accuracy": "execution accuracy, exact match and errors on a set of questions",
    "compare": "paired test between two accuracy runs, and what flipped",
    "latency": "time to the first token in a new process, cold and with the prefix cache; seconds a question",
    "coverage": "how much gold SQL has a canonical form that the grammar accepts",
    "analyst": "writes a set of the questions that analysts ask, for accuracy",
    "conversation": "execution accuracy of follow-up questions, given the agent's own earlier answers",
    "refusal": "questions a database cannot answer: how many are refused, and how many answerable ones are lost",
    "amendments": "what each amendment of a statement mends, and what it spoils",
    "readings": "which readings of a question a model takes when they are proposed, and their priors",
    "choosing": "what a run's answers would have been, had its statements been weighed otherwise",
    "replay": "what other rules make of the statements that a run's model wrote; no model is needed",
    "calibrate": "whether an answer's confidence is the share of such answers that are right",
    "linking": "recall of gold tables, columns and values; what linking costs",
    "reading": "what rules and sentences make of gold statements, and what that takes, beside another checkout",
    "peers": "question to rows, beside llama-cpp-python, its grammars, llguidance, a server, and the floor",
    "scale": "what a question costs as rows, tables, columns, words and turns grow; fails where flat things rise",
    "speed": "seconds per token of free decoding, of GBNF and of ours, side by side",
    "batch": "what a batch of several tokens takes beside one of a single token",
    "grammar": "soundness of the grammar on random statements, and what it costs",
    "columns": "what is told of columns from their values, and what that costs",
    "attack": "hostile statements and hostile databases against the sandbox",
    "interrupts": "Ctrl-C at random moments: the exit code, the line and the rows of each run",
    "closings": "models and agents closed in every order from several threads",
    "web": "the page beside the terminal: seconds to a page and to rows; many tabs at once, and their memory",
    "sandbox": "what the sandbox costs against plain sqlite3",
}


def usage() -> str:
    """The text of `--help`: one line a measurement."""
    width = max(map(len, NAMES))
    lines = [f"  {name:<{width}}  {what}" for name, what in NAMES.items()]
    return "\n".join(
        ["usage: python -m bench NAME [options]", "", *lines, "", "`python -m bench NAME --help` says more."]
    )


def main(argv: list[str] | None = None) -> int:
    """Run `argv[0]` with the rest of the arguments; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage(), file=sys.stdout if arguments else sys.stderr)
        return OK if arguments else USAGE
    name = arguments[0]
    if name not in NAMES:
        print(f"there is no measurement {name!r}; choose one of {', '.join(NAMES)}", file=sys.stderr)
        return USAGE
    try:
        module = importlib.import_module(f"bench.{name}")
        return int(module.main(arguments[1:]))
    except SqlagentError as error:
        print(str(error), file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        print(f"`bench {name}` needs the Python package {error.name}: install it first", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
