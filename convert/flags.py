"""Make the flags of `python -m convert`: a parser with one command for each step from an adapter to a published file.

Invariant: a flag may be written with dashes or underscores; nothing is looked at before the flags are whole.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

Run = Callable[[argparse.Namespace], None]
"""What a command does with its flags."""
Flags = Callable[[argparse.ArgumentParser], None]
"""What gives a command its flags."""


def parser(description: str, runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The parser of all commands; `runs` says what each does, by its name."""
    made = argparse.ArgumentParser(
        prog="python -m convert",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for name, (text, flags) in _COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(run=runs[name])
        command.add_argument("--quiet", action="store_true", help="no progress on stderr")
        flags(command)
    return made


# ---- one command each ----


def _merge(command: argparse.ArgumentParser) -> None:
    _base(command)
    _out(command, "a .gguf file, or a new folder for safetensors (needs a Hugging Face base)")
    _float_type(command)
    _about(command)


def _gguf(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", required=True, help="a Hugging Face folder or hub id")
    command.add_argument("--adapter", type=Path, help="merge this adapter on the way")
    _out(command, "the .gguf file")
    _float_type(command)
    _about(command)


def _lora(command: argparse.ArgumentParser) -> None:
    _base(command)
    _out(command, "the .gguf file")
    _float_type(command)
    _about(command)


def _quantize(command: argparse.ArgumentParser) -> None:
    command.add_argument("source", type=Path, help="an F16, BF16 or F32 GGUF")
    command.add_argument(
        "--type", default="Q4_K_M", help="Q4_0, Q4_K_M, Q5_K_M, Q6_K, Q8_0, F16, BF16, … (Q4_K_M)"
    )
    command.add_argument("--out", type=Path, help="the .gguf file (beside the source)")
    _force(command)
    command.add_argument("--imatrix", type=Path, help="an importance matrix")
    command.add_argument("--requantize", action="store_true", help="take a source that is quantised already")
    _threads(command)


def _imatrix(command: argparse.ArgumentParser) -> None:
    command.add_argument("--model", type=Path, required=True, help="the GGUF to be quantised (F16)")
    _data(command, "train", 200)
    _out(command, "the file to write")


def _compare(command: argparse.ArgumentParser) -> None:
    command.add_argument("--reference", type=Path, required=True, help="the F16 GGUF")
    command.add_argument("models", type=Path, nargs="*", help="GGUFs to compare with it")
    command.add_argument(
        "--at-load",
        nargs=2,
        action="append",
        default=[],
        metavar=("BASE", "ADAPTER"),
        help="a base with an adapter (peft folder or GGUF LoRA) applied when it is loaded (several allowed)",
    )
    command.add_argument(
        "--transformers",
        nargs="+",
        action="append",
        default=[],
        metavar=("BASE", "ADAPTER"),
        help="a base, and a peft adapter for it, that transformers runs in float32 (needs the train extra)",
    )
    _files(command, "--evaluation", "output folder of `python -m bench accuracy` on one of the files")
    command.add_argument("--picture", type=Path, help="draw accuracy (or KL) against size and speed")
    _data(command, "val", 50)
    command.add_argument("--json", action="store_true", help="JSON instead of a table")


def _all(command: argparse.ArgumentParser) -> None:
    _base(command)
    command.add_argument("--out-dir", type=Path, required=True, help="folder for the files")
    _force(command)
    command.add_argument("--types", default="Q8_0", help="types to quantise to, comma separated (Q8_0)")
    command.add_argument("--imatrix", type=Path, help="an importance matrix; or --data to compute one")
    _data(command, "train", 200, required=False)
    command.add_argument("--keep-float", action="store_true", help="keep the unquantised GGUF")
    _float_type(command)
    _about(command)


def _publish(command: argparse.ArgumentParser) -> None:
    where = command.add_mutually_exclusive_group(required=True)
    where.add_argument("--repo", help="OWNER/NAME of a model")
    where.add_argument("--space", help="OWNER/NAME of a Space that serves the page; no files are named then")
    command.add_argument(
        "--out", type=Path, default=Path("space"), help="folder that --space --dry-run writes (space)"
    )
    command.add_argument("--adapter", type=Path, help="adapter folder")
    command.add_argument("--merged", type=Path, help="merged Hugging Face folder")
    _files(command, "--gguf", "a GGUF file")
    _files(command, "--evaluation", "output folder of `python -m bench accuracy`")
    command.add_argument("--base-model", default="", help="hub id of the base (read from the files)")
    command.add_argument("--license", dest="licence", default="", help="licence (read from the files)")
    command.add_argument(
        "--new-card",
        action="store_true",
        help="write the card anew (else the one there is is kept and filled in)",
    )
    command.add_argument("--private", action="store_true", help="make the repository private")
    command.add_argument("--dry-run", action="store_true", help="show the files and the card, contact nobody")


_COMMANDS: dict[str, tuple[str, Flags]] = {
    "merge": ("merge an adapter into its base", _merge),
    "gguf": ("write a Hugging Face folder as a GGUF", _gguf),
    "lora": ("write an adapter as a GGUF LoRA", _lora),
    "quantize": ("quantise a GGUF through llama.cpp", _quantize),
    "imatrix": ("compute an importance matrix from our own prompts", _imatrix),
    "compare": ("measure GGUFs against a reference", _compare),
    "all": ("merge, convert to GGUF and quantise", _all),
    "publish": ("upload to the Hugging Face Hub", _publish),
}


# ---- what several have ----


def _base(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--base", required=True, help="a .gguf file, registry name, Hugging Face folder or hub id"
    )
    command.add_argument("--adapter", type=Path, required=True, help="folder with adapter_model.safetensors")
    command.add_argument(
        "--any-base", action="store_true", help="accept a base with another hash than trained on"
    )


def _out(command: argparse.ArgumentParser, text: str) -> None:
    command.add_argument("--out", type=Path, required=True, help=text)
    _force(command)


def _force(command: argparse.ArgumentParser) -> None:
    command.add_argument("--force", action="store_true", help="write over a file that is there already")


def _float_type(command: argparse.ArgumentParser) -> None:
    command.add_argument("--type", choices=("f16", "bf16", "f32"), default="f16", help="number format (f16)")


def _about(command: argparse.ArgumentParser) -> None:
    command.add_argument("--name", default="", help="name of the model, for its metadata")
    command.add_argument("--base-model", default="", help="hub id of the base, for the metadata")
    command.add_argument("--license", dest="licence", default="", help="licence, for the metadata")


def _data(command: argparse.ArgumentParser, split: str, limit: int, *, required: bool = True) -> None:
    command.add_argument(
        "--data", type=Path, required=required, help="questions with SQL (see bench/gold/datasets.py)"
    )
    command.add_argument("--split", default=split, help=f"which file of --data ({split})")
    command.add_argument("--limit", type=int, default=limit, help=f"so many questions ({limit})")
    command.add_argument("--seed", type=int, default=0, help="of the draw (0)")
    command.add_argument("--n-ctx", type=int, default=2048, help="longest prompt in tokens (2048)")
    _threads(command)


def _threads(command: argparse.ArgumentParser) -> None:
    command.add_argument("--threads", type=int, help="threads (one per core)")


def _files(command: argparse.ArgumentParser, flag: str, text: str) -> None:
    """A flag that may be given several times."""
    command.add_argument(flag, type=Path, action="append", default=[], help=f"{text} (several allowed)")
