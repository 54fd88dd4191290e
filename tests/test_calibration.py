"""The calibration measurement, and the confidence that it fits."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from bench import calibrate
from sqlagent.agent.confidence import FITTED_TO, Evidence, confidence, is_calibrated
from sqlagent.base.errors import UsageError

SURE = Evidence(0.97, 0.9, -0.1, 1.0, False, False, False)


def write(folder: Path, count: int, seed: int) -> Path:
    """A run in which the share of the votes is the chance of being right."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    lines = []
    for _ in range(count):
        share = float(rng.uniform())
        found = Evidence(0.9, 0.5, -1.0, share, True, False, False)
        lines.append(json.dumps({"evidence": asdict(found), "correct": bool(rng.uniform() < share)}))
    (folder / "predictions.jsonl").write_text("\n".join(lines))
    return folder


def test_fitted_weights_are_calibrated_on_other_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted, scored = write(tmp_path / "a", 3000, 1), write(tmp_path / "b", 3000, 2)
    assert calibrate.main(["--fit", str(fitted), "--score", str(scored)]) == 0
    assert "fitted to 3000 answers" in capsys.readouterr().out
    x, y = calibrate.read(fitted)
    w = calibrate.fit(x, y)
    p = calibrate.predict(w, calibrate.read(scored)[0])
    assert calibrate.calibration_error(p, calibrate.read(scored)[1]) < 0.06
    assert calibrate.ranking(p, calibrate.read(scored)[1]) > 0.75


def test_a_run_from_before_a_figure_was_renamed_is_read_all_the_same(tmp_path: Path) -> None:
    today, before = write(tmp_path / "today", 20, 1), write(tmp_path / "before", 20, 1)
    file = before / "predictions.jsonl"
    file.write_text(file.read_text().replace("min_token_logprob", "worst"))
    assert "worst" in file.read_text()
    assert (calibrate.read(before)[0] == calibrate.read(today)[0]).all()


def test_the_error_of_known_confidences() -> None:
    right = np.array([1.0, 1, 1, 1, 0, 0, 0, 0])
    assert calibrate.calibration_error(np.array([0.9] * 4 + [0.1] * 4), right, 2) == pytest.approx(0.1)
    assert calibrate.calibration_error(right, right, 2) == 0.0
    assert calibrate.ranking(np.linspace(1, 0, 8), right) == 1.0


def test_a_confidence_is_a_probability_for_the_model_that_it_was_fitted_to_alone() -> None:
    from sqlagent.store import models

    assert models.default().name == FITTED_TO, "fit the weights anew, and name their model"
    assert [name for name in models.registry() if is_calibrated(name)] == [FITTED_TO]


def test_a_folder_without_answers_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bench accuracy"):
        calibrate.read(tmp_path)


def test_what_speaks_for_an_answer_makes_it_more_certain() -> None:
    def changed(**fields: float) -> float:
        return confidence(Evidence(**{**asdict(SURE), **fields}))

    assert 0 < confidence(SURE) < 1
    assert changed(sureness=0.5) < confidence(SURE)
    assert changed(min_token_logprob=-8.0) < confidence(SURE)
    assert changed(weighed=True, agreement=0.3) < confidence(SURE)
    assert changed(empty=True) < confidence(SURE)
