"""Describe a data set: counts, lengths, a few rows as the model sees them, and a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data import Counts
from train.packing import fill, split_group
from train.prepared import Prepared
from train.tokens import Tokens

QUANTILES = (50, 90, 99, 100)


def describe(data: Prepared, counts: Counts | None, *, questions: int, max_length: int) -> str:
    """Counts by source and reason, token lengths, and what packing saves."""
    lines = []
    if counts is not None:
        lines.append(f"{'source':28} {'read':>8} {'unused':>8} {'kept':>8} {'dropped':>8}")
        for name in counts.read:
            dropped = {why: n for (s, why), n in counts.dropped.items() if s == name}
            numbers = (counts.read[name], counts.unused[name], counts.kept[name], sum(dropped.values()))
            lines.append(f"{name:28} " + " ".join(f"{number:8}" for number in numbers))
            for why, number in sorted(dropped.items(), key=lambda pair: -pair[1]):
                example = " ".join(counts.examples[name, why].split())[:90]
                lines.append(f"    {number:6}  {why}   e.g. {example}")
        lines.append("")
    lengths = token_lengths(data)
    lines.append(f"{'tokens':28} " + " ".join(f"{'p' + str(q) if q < 100 else 'max':>8}" for q in QUANTILES))
    for name, values in lengths.items():
        lines.append(f"{name:28} " + " ".join(f"{np.percentile(values, q):8.0f}" for q in QUANTILES))
    groups = data.originals()
    rows = sum(len(g.items) for g in groups)
    alone = sum(len(g.prefix) + len(item) for g in groups for item in g.items)
    packed = [p for g in groups for p in split_group(g, questions=questions, max_length=max_length)[0]]
    together = sum(map(len, packed))
    lines += [
        "",
        f"{rows} training rows over {len(groups)} prefixes, {int(data.held_out.sum())} validation rows",
        f"one by one {alone} tokens ({alone / max(1, rows):.0f} a question); "
        f"up to {questions} questions a schema {together} tokens ({together / max(1, rows):.0f} a question): "
        f"{alone / max(1, together):.1f} times fewer",
        f"{len(fill(packed, max_length))} sequences of at most {max_length} tokens",
    ]
    return "\n".join(lines)


def token_lengths(data: Prepared) -> dict[str, np.ndarray]:
    """Tokens of every row's parts."""
    prefix = np.array([len(data.prefixes[i]) for i in data.prefix_of])
    request = np.array([len(item.request) for item in data.items])
    target = np.array([len(item.target) for item in data.items])
    return {
        "schema (prefix)": prefix,
        "question": request,
        "SQL (learnt)": target,
        "whole row": prefix + request + target,
    }


def show(data: Prepared, tokens: Tokens, number: int = 3) -> str:
    """A few rows as text, special tokens visible; [[…]] is what is learnt."""
    out = []
    for row in np.linspace(0, len(data) - 1, number).astype(int):
        item, prefix = data.items[row], data.prefixes[data.prefix_of[row]]
        source = data.sources[data.source_of[row]]
        text = tokens.text(prefix.tolist()) + "▏" + tokens.text(item.request.tolist())
        out.append(f"--- row {row} ({source})\n{text}[[{tokens.text(item.target.tolist())}]]")
    return "\n".join(out)


def draw(data: Prepared, path: Path) -> None:
    """Histogram of token lengths, one panel a part."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2).flat
    for axes, (name, values) in zip(panels, token_lengths(data).items(), strict=True):
        top = max(10, int(np.percentile(values, 99.5)))
        for index, source in enumerate(data.sources):
            chosen = values[data.source_of == index]
            axes.hist(np.minimum(chosen, top), bins=40, range=(0, top), histtype="step", label=source)
        axes.set(xlabel=f"{name}, tokens", ylabel="rows")
        axes.set_yscale("log")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=3, fontsize=8)
    figure.savefig(path, dpi=120)
