"""Make the flags of `python -m convert`: a parser with one command for each step from an adapter to a published file.

Invariant: a flag may be written with dashes or underscores; nothing is looked at before the flags are whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

Run = Callable[[argparse.Namespace], None]
"""What a command does with its flags."""


def dashed(word: str) -> str:
    """`--dry_run` → `--dry-run`: both spellings mean the same."""
    if not word.startswith("--"):
        return word
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value


def parser(description: str, runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser of all commands; `runs` says what each does, by its name."""
    made = argparse.ArgumentParser(
        prog="python -m convert",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        one.set_defaults(run=runs[name])
        one.add_argument("--quiet", action="store_true", help="no progress on stderr")
        return one

    merge = command("merge", "merge an adapter into its base")
    _base(merge)
    _out(merge, "a .gguf file, or a new folder for safetensors (needs a Hugging Face base)")
    _float_type(merge)
    _about(merge)
    whole = command("gguf", "write a Hugging Face folder as a GGUF")
    whole.add_argument("--model", required=True, help="a Hugging Face folder or hub id")
    whole.add_argument("--adapter", type=Path, help="merge this adapter on the way")
    _out(whole, "the .gguf file")
    _float_type(whole)
    _about(whole)
    lora = command("lora", "write an adapter as a GGUF LoRA")
    _base(lora)
    _out(lora, "the .gguf file")
    _float_type(lora)
    _about(lora)
    quantize = command("quantize", "quantise a GGUF through llama.cpp")
    quantize.add_argument("source", type=Path, help="an F16, BF16 or F32 GGUF")
    quantize.add_argument(
        "--type", default="Q4_K_M", help="Q4_0, Q4_K_M, Q5_K_M, Q6_K, Q8_0, F16, BF16, … (Q4_K_M)"
    )
    quantize.add_argument("--out", type=Path, help="the .gguf file (beside the source)")
    _force(quantize)
    quantize.add_argument("--imatrix", type=Path, help="an importance matrix")
    quantize.add_argument("--requantize", action="store_true", help="take a source that is quantised already")
    quantize.add_argument("--threads", type=int, help="threads (one per core)")
    imatrix = command("imatrix", "compute an importance matrix from our own prompts")
    imatrix.add_argument("--model", type=Path, required=True, help="the GGUF to be quantised (F16)")
    _data(imatrix, "train", 200)
    _out(imatrix, "the file to write")
    compare = command("compare", "measure GGUFs against a reference")
    compare.add_argument("--reference", type=Path, required=True, help="the F16 GGUF")
    compare.add_argument("models", type=Path, nargs="*", help="GGUFs to compare with it")
    compare.add_argument(
        "--at-load",
        nargs=2,
        action="append",
        default=[],
        metavar=("BASE", "ADAPTER"),
        help="a base with an adapter (peft folder or GGUF LoRA) applied when it is loaded (several allowed)",
    )
    compare.add_argument(
        "--transformers",
        nargs="+",
        action="append",
        default=[],
        metavar=("BASE", "ADAPTER"),
        help="a base, and a peft adapter for it, that transformers runs in float32 (needs the train extra)",
    )
    compare.add_argument(
        "--evaluation",
        type=Path,
        action="append",
        default=[],
        help="output folder of `python -m bench accuracy` on one of the files (several allowed)",
    )
    compare.add_argument("--picture", type=Path, help="draw accuracy (or KL) against size and speed")
    _data(compare, "val", 50)
    compare.add_argument("--json", action="store_true", help="JSON instead of a table")
    everything = command("all", "merge, convert to GGUF and quantise")
    _base(everything)
    everything.add_argument("--out-dir", type=Path, required=True, help="folder for the files")
    _force(everything)
    everything.add_argument("--types", default="Q8_0", help="types to quantise to, comma separated (Q8_0)")
    everything.add_argument("--imatrix", type=Path, help="an importance matrix; or --data to compute one")
    _data(everything, "train", 200, required=False)
    everything.add_argument("--keep-float", action="store_true", help="keep the unquantised GGUF")
    _float_type(everything)
    _about(everything)
    publish = command("publish", "upload to the Hugging Face Hub")
    where = publish.add_mutually_exclusive_group(required=True)
    where.add_argument("--repo", help="OWNER/NAME of a model")
    where.add_argument("--space", help="OWNER/NAME of a Space that serves the page; no files are named then")
    publish.add_argument(
        "--out", type=Path, default=Path("space"), help="folder that --space --dry-run writes (space)"
    )
    publish.add_argument("--adapter", type=Path, help="adapter folder")
    publish.add_argument("--merged", type=Path, help="merged Hugging Face folder")
    publish.add_argument(
        "--gguf", type=Path, action="append", default=[], help="a GGUF file (several allowed)"
    )
    publish.add_argument(
        "--evaluation",
        type=Path,
        action="append",
        default=[],
        help="output folder of `python -m bench accuracy`",
    )
    publish.add_argument("--base-model", default="", help="hub id of the base (read from the files)")
    publish.add_argument("--license", dest="licence", default="", help="licence (read from the files)")
    publish.add_argument(
        "--new-card",
        action="store_true",
        help="write the card anew (else the one there is is kept and filled in)",
    )
    publish.add_argument("--private", action="store_true", help="make the repository private")
    publish.add_argument("--dry-run", action="store_true", help="show the files and the card, contact nobody")
    return made


def _base(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--base", required=True, help="a .gguf file, registry name, Hugging Face folder or hub id"
    )
    parser.add_argument("--adapter", type=Path, required=True, help="folder with adapter_model.safetensors")
    parser.add_argument(
        "--any-base", action="store_true", help="accept a base with another hash than trained on"
    )


def _out(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--out", type=Path, required=True, help=text)
    _force(parser)


def _force(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="write over a file that is there already")


def _float_type(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--type", choices=("f16", "bf16", "f32"), default="f16", help="number format (f16)")


def _about(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", default="", help="name of the model, for its metadata")
    parser.add_argument("--base-model", default="", help="hub id of the base, for the metadata")
    parser.add_argument("--license", dest="licence", default="", help="licence, for the metadata")


def _data(parser: argparse.ArgumentParser, split: str, limit: int, *, required: bool = True) -> None:
    parser.add_argument(
        "--data", type=Path, required=required, help="questions with SQL (see bench/gold/datasets.py)"
    )
    parser.add_argument("--split", default=split, help=f"which file of --data ({split})")
    parser.add_argument("--limit", type=int, default=limit, help=f"so many questions ({limit})")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    parser.add_argument("--n-ctx", type=int, default=2048, help="longest prompt in tokens (2048)")
    parser.add_argument("--threads", type=int, help="threads (one per core)")
