"""Recipes and flags: every setting reachable both ways, mistakes named."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from sqlagent.base.errors import UsageError
from train import cli, config
from train.cli import main
from train.config import HELP, Config
from train.flags import dashed, parser, settled

ROOT = Path(__file__).resolve().parent.parent


def test_every_setting_is_a_flag_with_help_in_both_spellings():
    scalars = {f.name for f in dataclasses.fields(Config)} - {"mix", "validation"}
    assert scalars == HELP.keys()
    text = parser("train", "x").format_help()
    assert all("--" + name.replace("_", "-") in text for name in scalars)
    for words in (["--max_length=9"], ["--max_length", "9"], ["--max-length", "9"]):
        assert parser("train", "x").parse_args([dashed(w) for w in words]).max_length == 9


def test_the_help_lists_every_command_and_groups_every_flag_once(capsys):
    from train.config import GROUPS

    flags = [name for names in GROUPS.values() for name in names]
    assert sorted(flags) == sorted(HELP)
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in cli.COMMANDS)
    assert all(f"\n{title}:\n" in said for title in GROUPS)
    assert max(map(len, said.splitlines())) <= 130


def test_sources_that_do_not_go_together_are_one_sentence(capsys):
    recipe = "--recipe=qwen2.5-coder-1.5b-t4"
    for words, said in (
        ([recipe, "--dataset=a/b"], "The recipe names its data"),
        ([recipe, "--without=brd"], "The recipe has no source 'brd': it has spider, "),
    ):
        assert main([*words, "--output-dir=nowhere"]) == 2
        assert said in capsys.readouterr().err
    found = settled(config.load("qwen2.5-coder-1.5b-t4", {"without": ("bird", "wikisql")}))
    assert [mix.name for mix in found.mix] == ["spider", "spider-reworded", "create-context"]


def test_flags_win_over_the_recipe_and_the_recipe_over_defaults(tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text('lr = 1e-3\nlora-r = 8\naugment = ["shuffle"]\n[[mix]]\nname = "x"\nfile = "x.json"\n')
    made = config.load(str(recipe), {"lr": 5e-4, "augment": "rename,reword"})
    assert (made.lr, made.lora_r, made.epochs) == (5e-4, 8, 1.0)
    assert made.augment == ("rename", "reword") and made.mix[0].name == "x"


@pytest.mark.parametrize("name", config.recipes())
def test_every_shipped_recipe_loads_and_survives_the_round_trip(name):
    made = config.load(name, {})
    assert made.mix and made.validation.databases and made.model_name
    assert config.from_dict(config.to_dict(made)) == made


def test_the_promised_recipes_are_there_and_the_t4_one_suits_a_t4():
    names = {
        "qwen2.5-coder-1.5b-t4",
        "qwen2.5-coder-1.5b-gpu-large",
        "qwen2.5-coder-1.5b-cpu",
        "smollm2-135m-cpu",
    }
    assert names <= set(config.recipes())
    made = config.load("qwen2.5-coder-1.5b-t4", {})
    assert (made.precision, made.quantization) == ("fp16", "nf4")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"lora_rank": 4}, "Did you mean 'lora_r'"),
        ({"lr": "fast"}, "lr must be a float"),
        ({"epochs": True}, "epochs must be"),
        ({"quantization": "int3"}, "none, nf4"),
        ({"batch_size": 0}, "at least 1"),
        ({"mix": [{"name": "x", "weigth": 1.0}]}, "Did you mean 'weight'"),
    ],
)
def test_a_mistake_in_a_recipe_is_named(values, words):
    with pytest.raises(UsageError, match=words):
        config.from_dict(values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"compile": True, "gradient_checkpointing": True},
            "--compile and --gradient-checkpointing do not go together",
        ),
        ({"patience": 3, "eval_minutes": 0}, "--patience counts looks .* give --eval-minutes"),
        ({"engine": "trl", "batch_tokens": 9000}, "--batch-tokens is of the packed loop"),
        ({"engine": "trl", "sample": 3}, "--sample is of the packed loop"),
    ],
)
def test_settings_that_do_not_go_together_are_one_sentence(values, words):
    with pytest.raises(UsageError, match=words):
        config.from_dict(values)


def test_usage_errors_exit_with_2_and_one_line(capsys):
    assert main(["--recipe", "nonsense"]) == 2
    assert main(["--recipe", "smollm2-135m-cpu"]) == 2
    assert main(["data", "--recipe", "smollm2-135m-cpu", "--model-name", "absent.gguf"]) == 3
    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 3 and all(line.startswith("error: ") for line in errors)


def test_help_loads_neither_torch_nor_transformers():
    script = (
        "import sys\nfrom train.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'peft', 'accelerate')))"
    )
    assert (
        subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=60).returncode
        == 0
    )


def test_the_package_never_imports_training_code():
    for path in (ROOT / "sqlagent").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for name in ("torch", "transformers", "train"):
            assert (
                f"import {name}\n" not in text and f"from {name} " not in text and f"from {name}." not in text
            ), path
