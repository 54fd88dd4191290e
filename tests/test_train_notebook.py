"""The T4 notebook runs from first to last cell where llama.cpp is not installed, and says what it will need."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import convert_tiny as tiny
import published_tiny
import pytest
from hub_stand_in import Hub

NEEDED = (
    "torch",
    "transformers",
    "peft",
    "accelerate",
    "datasets",
    "sqlglot",
    "nbconvert",
    "nbformat",
    "ipykernel",
)
pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in NEEDED),
    reason="training or nbconvert is not installed: pip install torch==2.13.0 and the train and test extras",
)

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "train/notebooks/t4.ipynb"


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    published_tiny.publish(made)
    yield made
    made.close()


def test_the_notebook_is_kept_without_outputs() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code and not any(cell["outputs"] or cell["execution_count"] for cell in code)


def test_the_notebook_installs_what_training_needs_but_torch_and_llama_cpp() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    wanted = {
        line.strip()
        for part in (setup["options"]["install_requires"], setup["options.extras_require"]["train"])
        for line in part.splitlines()
        if line.strip() and not line.strip().startswith("#")
    }
    listed = {
        line
        for line in (NOTEBOOK.parent / "requirements.txt").read_text().splitlines()
        if not line.startswith("#")
    }
    assert {line.split()[0] for line in wanted - listed} == {"torch", "llama-cpp-python", "trl", "wandb"}
    assert listed <= wanted


@pytest.mark.slow
@pytest.mark.timeout(900)  # nine processes; 100 s of a processor
def test_the_notebook_runs_on_a_cpu_without_llama_cpp(hub: Hub, tmp_path: Path) -> None:
    import nbformat

    base = tiny.hf_folder(tmp_path / "base", "qwen2", dtype="F32", max_position_embeddings=4096)
    absent = tmp_path / "path" / "llama_cpp"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ImportError('not on this machine', name='llama_cpp')\n")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (at,) = [n for n, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ())]
    given = (  # nbconvert starts it beside its file, Jupyter where it lies in the checkout
        f"import os\nos.chdir({str(NOTEBOOK.parent)!r})\n"
        f"MODEL, DATA, OUT = {str(base)!r}, {str(tmp_path / 'data')!r}, {str(tmp_path / 'out')!r}\n"
        "MORE = '--precision fp32 --quantization none --max-steps 2 --questions-per-schema 2'\n"
        "INSTALL = False\n"
    )
    notebook.cells.insert(at + 1, nbformat.v4.new_code_cell(given))
    nbformat.write(notebook, tmp_path / "t4.ipynb")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "SQLAGENT_"))}
    environment |= {
        "HF_ENDPOINT": hub.url,
        "HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "path"), str(ROOT)]),
        "JUPYTER_PLATFORM_DIRS": "1",
        "OMP_NUM_THREADS": "1",
    }
    words = [
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--output",
        "done.ipynb",
        str(tmp_path / "t4.ipynb"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=850,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    cells = nbformat.read(tmp_path / "done.ipynb", as_version=4).cells
    said = "".join(out.get("text", "") for cell in cells for out in cell.get("outputs", ()))
    assert "CC BY-SA 4.0" in said and "| together" in said and "training step | train evaluate" in said
    assert "adapter in" in said and "model.safetensors" in said
    assert (tmp_path / "out/merged/model.safetensors").is_file()
    assert [out for cell in cells for out in cell.get("outputs", ()) if "image/png" in out.get("data", {})]
