"""Lay out what each way took: percentiles, right answers, and ratios of one question at a time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from bench.peers.floor import Floor
from bench.peers.ways import Reply
from bench.stats import percentile, wilson


@dataclass(frozen=True)
class Trial:
    """One question asked of one way, and whether its rows were the gold statement's."""

    question: str
    way: str
    reply: Reply
    right: bool


def table(model: str, database: str, trials: Sequence[Trial], lowest: Floor | None) -> list[str]:
    """The lines of the report, as Markdown."""
    by_way: dict[str, list[Trial]] = {}
    for trial in trials:
        by_way.setdefault(trial.way, []).append(trial)
    load = f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else "unknown"
    lines = [
        f"# Question to rows: {model}, {database}",
        "",
        f"- load average at the end: {load}",
        "- warm processes: each had answered one question before",
        "",
        "| way | n | p50 s | p95 s | p99 s | right (95 %) | run | ours / it, median of questions |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    ours = {trial.question: trial.reply.seconds for trial in by_way.get("ours", [])}
    for name, found in by_way.items():
        seconds = [trial.reply.seconds for trial in found]
        right = sum(trial.right for trial in found)
        low, high = wilson(right, len(found))
        ran = sum(trial.reply.error is None for trial in found) / len(found)
        lines.append(
            f"| {name} | {len(found)} | {percentile(seconds, 0.5):.2f} | {percentile(seconds, 0.95):.2f} "
            f"| {percentile(seconds, 0.99):.2f} | {right / len(found):.1%} ({low:.1%} – {high:.1%}) | {ran:.0%} "
            f"| {_ratio(ours, {trial.question: trial.reply.seconds for trial in found})} |"
        )
    if lowest is not None and ours:
        floors = {t.question: lowest.of(t.reply.read, t.reply.written) for t in by_way["ours"]}
        lines.append(
            f"| floor of ours | {len(floors)} | {percentile(list(floors.values()), 0.5):.2f} | | | | "
            f"| {_ratio(ours, floors)} |"
        )
        lines += [
            "",
            f"- floor: {lowest.token * 1e3:.1f} ms a sampled token (the weights over the memory's bandwidth), "
            f"{lowest.prompt * 1e3:.2f} ms a token of a prompt (llama.cpp, full batches)",
        ]
    return lines


def _ratio(ours: dict[str, float], theirs: dict[str, float]) -> str:
    both = [ours[question] / theirs[question] for question in ours if theirs.get(question)]
    return f"{percentile(both, 0.5):.2f}" if both else ""
