"""`python -m convert`: from a trained adapter to files that people run.

    python -m convert merge    --base BASE --adapter DIR --out FILE.gguf    base + adapter
    python -m convert gguf     --model DIR --out FILE.gguf                  a Hugging Face folder as a GGUF
    python -m convert lora     --base BASE --adapter DIR --out FILE.gguf    the adapter, to apply at load
    python -m convert quantize FILE.gguf --type Q4_K_M [--imatrix FILE]     through llama.cpp
    python -m convert imatrix  --model FILE.gguf --data DIR --out FILE      importance of columns
    python -m convert compare  --reference FILE.gguf --data DIR FILE.gguf… [--at-load BASE ADAPTER]
                               [--evaluation OUT…]      KL, perplexity, size, speed, accuracy in one table
    python -m convert all      --base BASE --adapter DIR --out-dir DIR --types Q6_K,Q8_0
    python -m convert publish  --adapter DIR --gguf FILE --repo OWNER/NAME [--private] [--dry-run]
    python -m convert publish  --space OWNER/NAME [--out DIR] [--dry-run]   the page, as a Space

BASE is a .gguf file, a name from the registry (tiny), a Hugging Face folder or a hub id; Llama, Mistral, Qwen2
and Qwen3 families.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convert.flags import Run, parser
from sqlagent.base.errors import INTERRUPTED, OK, USAGE, SqlagentError, UsageError
from train.flags import dashed

if TYPE_CHECKING:
    from convert.compare import InTorch
    from convert.samples import Sample
    from sqlagent.base.progress import Progress
    from sqlagent.weights.provenance import About


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code."""
    words = [dashed(word) for word in (sys.argv[1:] if argv is None else argv)]
    if not words:
        print(__doc__, file=sys.stderr)
        return USAGE
    try:
        options = parser(__doc__ or "", RUNS).parse_args(words)
        run: Run = options.run
        run(options)
    except SqlagentError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except ImportError as error:
        print(f"error: This needs {error.name}: run `pip install -e .[convert]`.", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def _free(options: argparse.Namespace, *files: Path) -> None:
    """Raise UsageError where a file that is to be written is there already, and nobody said to write over it."""
    for file in files:
        if file.is_file() and not options.force:
            raise UsageError(
                f"{file} is there already: name another with --out, or write over it with --force."
            )


def _merge(options: argparse.Namespace) -> None:
    from convert import files, merge

    _free(options, options.out)
    base = files.resolve(options.base)
    if base.is_dir() and options.out.suffix != ".gguf":
        merge.into_folder(base, options.adapter, options.out, progress=_progress(options))
    elif options.out.suffix != ".gguf":
        raise UsageError("A GGUF base can only be merged into a GGUF: end --out with .gguf.")
    elif base.is_dir():
        _write_whole(base, options.out, options)
    else:
        _merge_gguf(base, options.out, options)


def _merge_gguf(base: Path, out: Path, options: argparse.Namespace) -> None:
    from sqlagent.weights import merge

    merge.into_gguf(
        base,
        options.adapter,
        out,
        kind=options.type,
        about=_said(options),
        any_base=options.any_base,
        progress=_progress(options),
    )


def _write_whole(model: Path, out: Path, options: argparse.Namespace) -> None:
    from convert import gguf

    progress = _progress(options)
    gguf.convert(
        model, out, kind=options.type, adapter=options.adapter, about=_said(options), progress=progress
    )


def _gguf(options: argparse.Namespace) -> None:
    from convert import files

    _free(options, options.out)
    model = files.resolve(options.model)
    if not model.is_dir():
        raise UsageError(f"{options.model} is a GGUF already: use merge or quantize.")
    _write_whole(model, options.out, options)


def _lora(options: argparse.Namespace) -> None:
    from convert import files
    from sqlagent.weights import lora

    _free(options, options.out)
    base = files.resolve(options.base)
    if base.is_dir():
        raise UsageError("A GGUF LoRA is for a GGUF base: name a .gguf file with --base.")
    lora.convert(
        base,
        options.adapter,
        options.out,
        kind=options.type,
        about=_said(options),
        any_base=options.any_base,
        progress=_progress(options),
    )


def _quantize(options: argparse.Namespace) -> None:
    from sqlagent.weights import quantize

    kind = quantize.parse_type(options.type)
    stem = options.source.stem
    for ending in ("f16", "bf16", "f32"):
        stem = stem.removesuffix(f"-{ending}").removesuffix(f".{ending}")
    out = options.out or options.source.with_name(f"{stem}-{kind.lower()}.gguf")
    _free(options, out)
    quantize.quantize(
        options.source,
        out,
        kind,
        imatrix=options.imatrix,
        requantize=options.requantize,
        threads=options.threads,
        progress=_progress(options),
    )
    print(out)


def _imatrix(options: argparse.Namespace) -> None:
    _free(options, options.out)
    _make_imatrix(options.model, options.out, options)


def _make_imatrix(model: Path, out: Path, options: argparse.Namespace) -> None:
    from convert import imatrix, samples

    found = _samples(model, options)
    collected = imatrix.compute(model, found, threads=options.threads, quiet=options.quiet)
    name = f"{samples.data_name(options.data)} {options.split}"
    imatrix.save(collected, out, data=name, samples=len(found), progress=_progress(options))


def _samples(model: Path, options: argparse.Namespace) -> list[Sample]:
    from convert import samples

    return samples.load(
        model, options.data, options.split, limit=options.limit, seed=options.seed, n_ctx=options.n_ctx
    )


def _in_torch(words: list[str]) -> InTorch:
    from convert import compare

    if len(words) > 2:
        raise UsageError("--transformers takes a base and one adapter at most.")
    return compare.InTorch(words[0], Path(words[1]) if len(words) == 2 else None)


def _compare(options: argparse.Namespace) -> None:
    from convert import card, compare
    from sqlagent.store import models

    evaluations = [card.read_evaluation(place) for place in options.evaluation]
    others = [models.ready(path, quiet=options.quiet) for path in options.models]
    others += [models.ready(base, adapter=adapter, quiet=options.quiet) for base, adapter in options.at_load]
    in_torch = [_in_torch(words) for words in options.transformers]
    if not others and not in_torch:
        raise UsageError("Say what to compare with the reference: GGUF files, or --at-load BASE ADAPTER.")
    found = _samples(options.reference, options)
    rows = compare.compare(
        options.reference, [*others, *in_torch], found, threads=options.threads, quiet=options.quiet
    )
    rows = compare.with_kept(rows, options.reference, others)
    rows = compare.with_accuracy(rows, [models.Files(options.reference), *others], evaluations)
    if options.picture:
        compare.draw(rows, options.picture)
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=1))
    else:
        print(compare.markdown(rows))


def _all(options: argparse.Namespace) -> None:
    from convert import files
    from sqlagent.weights import quantize
    from sqlagent.weights.gguf_read import GgufFile

    kinds = [quantize.parse_type(kind) for kind in options.types.split(",") if kind.strip()]
    if not kinds:
        raise UsageError("--types names no type: give Q8_0 or several, comma separated.")
    base = files.resolve(options.base)
    name = options.name or options.adapter.resolve().name
    whole = options.out_dir / f"{name}-{options.type}.gguf"
    outs = {kind: options.out_dir / f"{name}-{kind.lower()}.gguf" for kind in kinds}
    _free(options, whole, *outs.values())
    if base.is_dir():
        _write_whole(base, whole, options)
    else:
        opened = GgufFile(base)
        for kind in kinds:
            quantize.warn_of_rounding(opened, kind, _progress(options))
        _merge_gguf(base, whole, options)
    matrix = options.imatrix
    if matrix is None and options.data is not None:
        matrix = options.out_dir / f"{name}-imatrix.gguf"
        _make_imatrix(whole, matrix, options)
    for kind, out in outs.items():
        if out != whole:
            quantize.quantize(
                whole, out, kind, imatrix=matrix, threads=options.threads, progress=_progress(options)
            )
        print(out)
    if not options.keep_float and options.type.upper() not in kinds:
        whole.unlink()


def _publish(options: argparse.Namespace) -> None:
    from convert import publish

    if options.space:
        if options.adapter or options.merged or options.gguf:
            raise UsageError("A Space serves the page with the package's own models: leave out the files.")
        job = publish.SpaceJob(options.space, options.out, options.private)
        publish.publish_space(job, dry_run=options.dry_run, quiet=options.quiet)
    else:
        _publish_model(options)


def _publish_model(options: argparse.Namespace) -> None:
    from convert import publish

    job = publish.Job(
        repo=options.repo,
        adapter=options.adapter,
        merged=options.merged,
        ggufs=tuple(options.gguf),
        evaluations=tuple(options.evaluation),
        base_model=options.base_model,
        licence=options.licence,
        private=options.private,
        new_card=options.new_card,
    )
    publish.publish(job, dry_run=options.dry_run, quiet=options.quiet)


def _said(options: argparse.Namespace) -> About:
    from sqlagent.weights.provenance import About

    return About(options.name, options.base_model, options.licence)


def _progress(options: argparse.Namespace) -> Progress:
    from sqlagent.base.progress import Progress

    return Progress(quiet=options.quiet)


RUNS: dict[str, Run] = {
    "merge": _merge,
    "gguf": _gguf,
    "lora": _lora,
    "quantize": _quantize,
    "imatrix": _imatrix,
    "compare": _compare,
    "all": _all,
    "publish": _publish,
}
