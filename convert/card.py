"""The model card of a repository: metadata that the hub understands, results from evaluation files, usage.

Invariant: every number in the card is read from an evaluation's report, with the decode setting and the
number of questions beside it; where there is no report there is no number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlagent.base.errors import UsageError
from sqlagent.weights.safetensors import read_json

METRICS = (("correct", "execution accuracy"), ("exact", "normalised exact match"))
"""Shares of a report that go into the model index."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One measured run: its settings (run.json) and its numbers (report.json)."""

    settings: Mapping[str, Any]
    report: Mapping[str, Any]

    @property
    def dataset(self) -> str:
        """The set's name without folders or endings."""
        return f"{Path(str(self.settings.get('data', 'questions'))).stem}"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card is made from. `ggufs` are (file name, bytes, type); `adapter` says whether one is in it."""

    repo: str
    base_model: str
    licence: str
    datasets: tuple[str, ...]
    ggufs: tuple[tuple[str, int, str], ...]
    adapter: bool
    merged: bool
    record: Mapping[str, Any]
    evaluations: tuple[Evaluation, ...]


def read_evaluation(place: Path) -> Evaluation:
    """An output folder of `python -m bench accuracy`, or its report.json. Raises UsageError, ModelError."""
    folder = place if place.is_dir() else place.parent
    report = read_json(folder / "report.json" if place.is_dir() else place)
    if not isinstance(report, dict) or "measures" not in report:
        raise UsageError(f"{place} is no evaluation: give an output folder of `python -m bench accuracy`.")
    settings = read_json(folder / "run.json") if (folder / "run.json").is_file() else {}
    return Evaluation(settings, report)


def render(facts: Facts) -> str:
    """The README.md of a repository."""
    front = _metadata(facts)
    return f"---\n{front}\n---\n\n{_body(facts)}"


def kept(card: str, facts: Facts) -> str:
    """A card that somebody wrote, with what is measured and what it lacks.

    Its text and metadata stay. The sections Files and Results are made of files, so they are written anew; Use is added
    where there is none. Metadata that it lacks are added, tags and results joined.
    """
    import yaml

    front, text = _parts(card)
    ours: dict[str, Any] = yaml.safe_load(_metadata(facts))
    told = yaml.safe_load(front) if front else {}
    told = told if isinstance(told, dict) else {}
    merged = {**ours, **told}
    tags = told.get("tags") or []
    merged["tags"] = list(dict.fromkeys([*([tags] if isinstance(tags, str) else tags), *ours["tags"]]))
    for name in ("model-index", "library_name", "base_model_relation"):
        if name in ours and (facts.evaluations or name != "model-index"):
            merged[name] = ours[name]
    head, *sections = re.split(r"(?m)^(?=## )", text)
    fresh = [part for part in (_files(facts), _results(facts.evaluations)) if part]
    named = {part.splitlines()[0] for part in fresh}
    rest = [section.strip() for section in sections if section.splitlines()[0].strip() not in named]
    if not any(section.startswith("## Use") for section in rest):
        fresh.append(_usage(facts))
    front = yaml.safe_dump(merged, sort_keys=False, allow_unicode=True).strip()
    body = "\n\n".join(part for part in (head.strip(), *fresh, *rest) if part)
    return f"---\n{front}\n---\n\n{body}\n"


def _parts(card: str) -> tuple[str, str]:
    """The metadata and the text of a card."""
    if card.startswith("---\n") and "\n---" in card[4:]:
        front, _, text = card[4:].partition("\n---")
        return front, text.lstrip("-\n")
    return "", card


def pictures(card: str) -> list[str]:
    """The files beside it that a card shows, such as loss.png."""
    return re.findall(r"!\[[^\]]*\]\(([\w-]+\.(?:png|jpg|svg))\)", card)


def _metadata(facts: Facts) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    name = facts.repo.rpartition("/")[2]
    results = [
        EvalResult(
            task_type="text-generation",
            task_name="text-to-SQL",
            dataset_type=str(run.settings.get("data", "questions")),
            dataset_name=f"{run.dataset}, {share['of']} questions",
            dataset_split=str(run.settings.get("split", "")) or None,
            metric_type="accuracy" if measure == "correct" else "exact_match",
            metric_name=f"{title} (%), {run.settings.get('decode', '?')}, {run.settings.get('model', name)}",
            metric_value=round(100 * share["share"], 1),
        )
        for run in facts.evaluations
        for measure, title in METRICS
        if (share := run.report["measures"].get(measure))
    ]
    tags = ["text-to-sql", "sqlite", "sql"]
    tags += ["gguf", "llama.cpp"] if facts.ggufs else []
    tags += ["lora"] if facts.adapter else []
    extra: dict[str, Any] = {}
    if facts.base_model:
        relation = "adapter" if facts.adapter and not (facts.ggufs or facts.merged) else "finetune"
        extra["base_model_relation"] = relation
    data = ModelCardData(
        language="en",
        license=facts.licence or None,
        base_model=facts.base_model or None,
        datasets=_repositories(facts) or None,
        pipeline_tag="text-generation",
        library_name="gguf" if facts.ggufs else "peft" if facts.adapter else "transformers",
        tags=tags,
        model_name=name,
        eval_results=results or None,
        **extra,
    )
    return str(data.to_yaml())


def _body(facts: Facts) -> str:
    name = facts.repo.rpartition("/")[2]
    base = (
        f" from [{facts.base_model}](https://huggingface.co/{facts.base_model})" if facts.base_model else ""
    )
    parts = [
        f"# {name}",
        f"A small model{base} that turns a question about a SQLite database into one SELECT statement. "
        "Made for `sqlagent`, which runs it offline on a laptop's CPU and decodes under a grammar bound to "
        "the open database, so that every statement it writes can be run.",
    ]
    parts += [_files(facts), _results(facts.evaluations), _usage(facts), _training(facts), LIMITS]
    return "\n\n".join(part for part in parts if part) + "\n"


def _files(facts: Facts) -> str:
    rows = [f"| `{name}` | {size / 1e6:,.0f} MB | {kind} |" for name, size, kind in facts.ggufs]
    if facts.adapter:
        rows.append("| `adapter_model.safetensors` | | LoRA adapter (peft) |")
    if facts.merged:
        rows.append("| `model*.safetensors` | | base and adapter merged |")
    return "\n".join(["## Files", "", "| file | size | what |", "|---|---:|---|", *rows]) if rows else ""


def _results(evaluations: Sequence[Evaluation]) -> str:
    rows = []
    for run in evaluations:
        for measure, title in (*METRICS, ("ran", "statements that run")):
            if share := run.report["measures"].get(measure):
                low, high = share.get("by_question", (0.0, 1.0))
                settings = run.settings
                rows.append(
                    f"| {run.dataset} | {settings.get('model', '')} | {settings.get('decode', '')} | {title} "
                    f"| {100 * share['share']:.1f} % | {100 * low:.1f} – {100 * high:.1f} | {share['of']} |"
                )
    if not rows:
        return ""
    head = [
        "| questions | model | decoding | measure | share | 95 % | of |",
        "|---|---|---|---|---:|---:|---:|",
    ]
    return "\n".join(["## Results", "", *head, *rows])


def _usage(facts: Facts) -> str:
    lines = ["## Use", "", "```sh", "pip install sqlagent"]
    whole = [name for name, _, kind in facts.ggufs if kind != "LoRA"]
    if whole:
        lines += [
            f"hf download {facts.repo} {whole[0]} --local-dir .",
            f"sqlagent models add ./{whole[0]} --name mine",
        ]
        lines += ['sqlagent --model mine my.db "Which artist has the most albums?"', "```"]
        return "\n".join(lines)
    if facts.adapter:
        lines = [
            "## Use",
            "",
            "```python",
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM",
        ]
        base = facts.base_model or "BASE"
        lines += ["", f'base = AutoModelForCausalLM.from_pretrained("{base}")']
        lines += [f'model = PeftModel.from_pretrained(base, "{facts.repo}")', "```"]
        return "\n".join(lines)
    return ""


def _training(facts: Facts) -> str:
    config, result = facts.record.get("config"), facts.record.get("result", {})
    if not config:
        return ""
    rows = [
        ("base", facts.base_model or config.get("model_name", "")),
        ("method", "QLoRA (NF4)" if config.get("quantization") == "nf4" else "LoRA"),
        ("rank, alpha", f"{config.get('lora_r')}, {config.get('lora_alpha')}"),
        ("learning rate, questions a step", f"{config.get('lr')}, {config.get('batch_size')}"),
        ("data", _data(facts)),
        (
            "steps, questions, tokens",
            ", ".join(str(result.get(k, "?")) for k in ("steps", "questions", "tokens")),
        ),
        ("hours, hardware", f"{result.get('hours', '?')}, {facts.record.get('hardware', '?')}"),
    ]
    table = [f"| {name} | {value} |" for name, value in rows if value]
    return "\n".join(["## Training", "", "| | |", "|---|---|", *table])


def _repositories(facts: Facts) -> list[str]:
    """The data sets of the hub that it was trained on."""
    known = [about["repo"] for about in facts.record.get("published", {}).values()]
    return list(dict.fromkeys([*known, *(name for name in facts.datasets if "/" in name)]))


def _data(facts: Facts) -> str:
    """The sources with their licences, in a line."""
    known = facts.record.get("published", {})
    shown = []
    for name in facts.datasets:
        about = known.get(name)
        shown.append(f"{name} ({about['repo']}, {about['licence'] or 'see its page'})" if about else name)
    return ", ".join(shown)


LIMITS = """## Limits

It writes SQL for SQLite in one fixed form and reads English questions. It can be wrong in ways that look
right: check a statement before you rely on its rows. Decoded without sqlagent's grammar it also writes
statements that do not run."""
