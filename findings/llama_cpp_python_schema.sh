#!/bin/sh
# llama-cpp-python 0.3.36: LlamaGrammar.from_json_schema() makes grammars that force answers which the schema forbids.
#
# Expected: what the grammar lets through is an instance of the schema, and a schema that it cannot hold is refused.
# Seen:     {"allOf": [{"type": "integer"}]} (pydantic 1 writes every reference with a default in this way) lets {} through
#           and nothing else. A property {} of any value must be an object. The pattern ^y|n$ makes an answer that lacks
#           a quotation mark. Inside enum and const, \n of the JSON text becomes a raw line end in the answer, which is no
#           JSON; a quotation mark or \d in a pattern makes a grammar that llama.cpp does not parse ("unknown escape").
#           minimum, which llama.cpp's own converter keeps for integers, is left out. No warning in any case.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" download -q --no-deps --no-binary :all: -d "$work" llama-cpp-python==0.3.36 2>"$work/said" ||
    { tail -3 "$work/said" >&2; exit 2; }
# llama_grammar.py imports nothing else of the package, so llama.cpp need not be compiled
tar -xzOf "$work/llama_cpp_python-0.3.36.tar.gz" llama_cpp_python-0.3.36/llama_cpp/llama_grammar.py >"$work/llama_grammar.py"
cd "$work"
venv/bin/python - <<'PY'
import json

from llama_grammar import LlamaGrammar


def rule(schema, name="root"):
    grammar = LlamaGrammar.from_json_schema(json.dumps(schema), verbose=False)._grammar
    found = next(line for line in grammar.split("\n") if line.startswith(f"{name} ::="))
    print(json.dumps(schema), "->", found)
    return found.split("::= ")[1].split()


assert rule({"allOf": [{"type": "integer"}]}) == ['"{"', "space", '"}"', "space"], "this has changed"
anything = {"type": "object", "properties": {"a": {}}, "required": ["a"]}
assert rule(anything, "a") == ["object"], "this has changed"
either = rule({"type": "string", "pattern": "^y|n$"})
assert either == [r'"\""', '"y"', "|", '"n"', r'"\""', "space"], "this has changed"
assert rule({"enum": ["a\nb"]}) == [r'"\"a\nb\""'], "this has changed"  # GBNF reads its \n as a line end
assert rule({"enum": ['5" disk']}) == [r'"\"5\\"', r'disk\""'], "this has changed"  # ends after the backslash
assert rule({"type": "string", "pattern": r"^\d$"})[1] == r'"\d"', "this has changed"  # GBNF has no \d
assert rule({"type": "integer", "minimum": 3}) == rule({"type": "integer"}), "this has changed"
PY
echo "as described"
