"""A machine without a network: what is packed here arrives whole, trains there, and comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import train_tiny
from train import parts

NEEDS = "training is not installed: pip install torch==2.13.0 and the train extra"
ROOT = Path(__file__).resolve().parent.parent
ALONE = (
    "import socket, sys\n"
    "def deny(*_): raise OSError('there is no network here')\n"
    "socket.socket.connect = deny\n"
    "from train.cli import main\n"
    "sys.exit(main(sys.argv[1:]))\n"
)


@pytest.fixture
def files(tmp_path):
    found = {}
    for name, size in {"a.bin": 5000, "b/c.bin": 0, "b/d.bin": 3001, "z.bin": 7}.items():
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(n * 7 % 251 for n in range(size)))
        found[name] = path
    return found


@pytest.mark.parametrize("size", [1, 999, 1000, 4004, 8008, 10**6])
def test_files_cut_into_parts_of_any_size_come_together_byte_for_byte(files, tmp_path, size):
    number = parts.cut(files, tmp_path / "parts", size)
    held = sorted((tmp_path / "parts").glob("part-*"))
    assert number == len(held) and all(path.stat().st_size <= size for path in held)
    assert parts.join([tmp_path / "parts"], tmp_path / "to") == []
    for name, path in files.items():
        assert (tmp_path / "to" / name).read_bytes() == path.read_bytes()
    assert not (tmp_path / "to" / parts.KEPT).exists()


def test_parts_may_come_in_several_goes_and_nothing_is_there_before_the_last(files, tmp_path):
    parts.cut(files, tmp_path / "parts", 3000)
    goes = [tmp_path / "one", tmp_path / "two"]
    cut = sorted((tmp_path / "parts").glob("part-*"))
    for number, go in enumerate(goes):
        go.mkdir()
        for path in cut[number::2]:
            path.rename(go / path.name)
    (tmp_path / "parts" / parts.MANIFEST).rename(goes[0] / parts.MANIFEST)
    script = [sys.executable, "-S", str(tmp_path / "parts" / "parts.py")]  # no package is needed
    first = subprocess.run(
        [*script, str(goes[0]), "--to", str(tmp_path / "to")], capture_output=True, text=True
    )
    assert first.returncode == 1 and "missing" in first.stderr
    assert [path.name for path in (tmp_path / "to").iterdir()] == [parts.KEPT]
    second = subprocess.run(
        [*script, str(goes[1]), "--to", str(tmp_path / "to")], capture_output=True, text=True
    )
    assert second.returncode == 0, second.stderr
    assert (tmp_path / "to" / "a.bin").read_bytes() == files["a.bin"].read_bytes()


def test_a_damaged_part_is_named_and_not_taken(files, tmp_path):
    parts.cut(files, tmp_path / "parts", 3000)
    part = tmp_path / "parts" / "part-001.bin"
    part.write_bytes(part.read_bytes()[:-1] + b"!")
    with pytest.raises(parts.Damaged, match="part-001.bin is damaged"):
        parts.join([tmp_path / "parts"], tmp_path / "to")
    assert not (tmp_path / "to" / "a.bin").exists()


def test_no_file_lands_outside_of_the_target(files, tmp_path):
    parts.cut({"../evil": files["a.bin"]}, tmp_path / "parts", 9999)
    with pytest.raises(parts.Damaged, match="outside"):
        parts.join([tmp_path / "parts"], tmp_path / "to")
    assert not (tmp_path / "evil").exists()


def test_a_packed_run_trains_without_a_network_and_brings_its_adapter_back(tmp_path):
    for name in ("torch", "transformers", "peft", "accelerate", "matplotlib"):
        pytest.importorskip(name, reason=NEEDS)
    from train.cli import main

    base = Path(train_tiny.save("llama", tmp_path / "base"))
    train_tiny.prepared().save(tmp_path / "data.npz")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'model_name = "tiny"\nbatch_size = 4\nquestions_per_schema = 3\nmax_length = 80\nepochs = 2.0\n'
        'lr = 5e-3\nlora_r = 4\nprecision = "fp32"\nseed = 7\n'
    )
    packed = ["pack", f"--recipe={recipe}", f"--prepared={tmp_path / 'data.npz'}", f"--model-name={base}"]
    assert main([*packed, "--part-mb=1", f"--save={tmp_path / 'parts'}"]) == 0
    assert len(list((tmp_path / "parts").glob("part-*"))) > 2
    box, out = tmp_path / "box", tmp_path / "out"
    there = [sys.executable, str(tmp_path / "parts" / "parts.py"), str(tmp_path / "parts"), "--to", str(box)]
    assert subprocess.run(there).returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", ALONE, "box", "--minutes=5", "--threads=1", f"--save={out}", "--part-mb=1"],
        cwd=box,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(box), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (
        "tokens in 2 epochs" in done.stderr and "tokens a second" in done.stderr
    )  # the plan, before and after
    assert main(["unpack", str(out), f"--to={tmp_path / 'back'}"]) == 0
    record = json.loads((tmp_path / "back" / "training.json").read_text())
    assert record["result"]["stopped"] == "finished"
    name = "adapter_model.safetensors"
    assert (tmp_path / "back" / name).read_bytes() == (box / "run" / name).read_bytes()
    assert (tmp_path / "back" / "loss.csv").is_file()


def test_a_pack_that_cannot_run_there_is_refused_here(tmp_path, capsys):
    from train.cli import main

    train_tiny.prepared().save(tmp_path / "data.npz")
    words = [
        "pack",
        "--recipe=smollm2-135m-cpu",
        f"--prepared={tmp_path / 'data.npz'}",
        f"--save={tmp_path / 'p'}",
    ]
    assert main([*words, "--model-name=someone/model"]) == 2
    assert "cannot fetch a base" in capsys.readouterr().err
    assert main(["box", f"--save={tmp_path / 'out'}"]) == 2
    assert "parts.py" in capsys.readouterr().err


def test_a_box_whose_loading_takes_all_minutes_says_so(tmp_path):
    for name in ("torch", "transformers", "peft", "accelerate", "matplotlib"):
        pytest.importorskip(name, reason=NEEDS)
    from train import box
    from train.config import from_dict, to_dict

    train_tiny.prepared().save(tmp_path / "data.npz")
    base = train_tiny.save("llama", tmp_path / "base")
    settings = {
        "model_name": base,
        "prepared": "data.npz",
        "lora_r": 4,
        "precision": "fp32",
        "max_length": 80,
    }
    (tmp_path / box.RECIPE).write_text(json.dumps(to_dict(from_dict(settings))))
    # in a process of its own, since a box is offline for good
    done = subprocess.run(
        [sys.executable, "-c", ALONE, "box", "--minutes=0.0001", "--save=out"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2, done.stderr
    assert "Loading alone took" in done.stderr
    assert not (tmp_path / "out").exists()
