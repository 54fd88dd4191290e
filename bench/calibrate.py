"""python -m bench calibrate: does a confidence of 0.8 mean right in 8 of 10?

    python -m bench calibrate --fit FITTED_RUN --score OTHER_RUN

A run is the folder of `bench accuracy --decode agent`. The weights of `sqlagent/agent/confidence.py` are fitted to the
first by logistic regression with a ridge (Newton's method), and the expected calibration error of them, and of the
weights in use, is printed for the second: the mean over ten bins of equal size of |share right - mean confidence|,
weighed by the bins' sizes (Naeini, Cooper and Hauskrecht, 2015, with bins of equal size).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.run_folder import renamed
from sqlagent.agent import confidence
from sqlagent.agent.confidence import Evidence
from sqlagent.base.errors import OK, UsageError

RIDGE = 1.0
BINS = 10


def read(folder: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(features [n, k], right or not [n]) of a run's answers. Raises UsageError."""
    try:
        lines = (folder / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UsageError(f"{folder} holds no run of `bench accuracy`.") from error
    rows: list[dict[str, Any]] = [renamed(json.loads(line)) for line in lines]
    rows = [row for row in rows if row.get("evidence") and row["correct"] is not None]
    if not rows:
        raise UsageError(f"No answer in {folder} has evidence: run `bench accuracy --decode agent`.")
    features = [Evidence(**row["evidence"]).features() for row in rows]
    return np.array(features), np.array([float(row["correct"]) for row in rows])


def fit(x: NDArray[np.float64], y: NDArray[np.float64], ridge: float = RIDGE) -> NDArray[np.float64]:
    """Weights [k + 1], the bias last, of a logistic regression with an L2 penalty on all but the bias."""
    a = np.hstack([x, np.ones((len(x), 1))])
    penalty = np.eye(a.shape[1]) * ridge
    penalty[-1, -1] = 1e-6
    w = np.zeros(a.shape[1])
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-a @ w))
        gradient = a.T @ (p - y) + penalty @ w
        hessian = (a * (p * (1 - p))[:, None]).T @ a + penalty
        step = np.linalg.solve(hessian, gradient)
        w -= step
        if np.abs(step).max() < 1e-9:
            break
    return w


def predict(w: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Confidences [n] of weights [k + 1] on features [n, k]."""
    return np.asarray(1.0 / (1.0 + np.exp(-(x @ w[:-1] + w[-1]))))


def calibration_error(p: NDArray[np.float64], y: NDArray[np.float64], bins: int = BINS) -> float:
    """Expected calibration error, 0…1, over bins of equal size."""
    order = np.argsort(p, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(sum(len(part) * abs(p[part].mean() - y[part].mean()) for part in parts) / len(order))


def ranking(p: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The chance that a right answer has more confidence than a wrong one (area under the ROC curve)."""
    right, wrong = p[y > 0.5], p[y < 0.5]
    if not len(right) or not len(wrong):
        return float("nan")
    above = (right[:, None] > wrong[None, :]).mean()
    return float(above + 0.5 * (right[:, None] == wrong[None, :]).mean())


def main(argv: Sequence[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench calibrate", description=__doc__.splitlines()[0])
    parser.add_argument("--fit", type=Path, metavar="RUN", help="fit the weights to this run and print them")
    parser.add_argument("--score", type=Path, metavar="RUN", required=True, help="score on this run")
    parser.add_argument("--ridge", type=float, default=RIDGE, help=f"strength of the penalty ({RIDGE})")
    options = parser.parse_args(argv)
    x, y = read(options.score)
    ways = {"in use": np.array([*confidence.WEIGHTS, confidence.BIAS])}
    if options.fit is not None:
        fitted_x, fitted_y = read(options.fit)
        ways["fitted"] = fit(fitted_x, fitted_y, options.ridge)
        print(f"fitted to {len(fitted_y)} answers, {fitted_y.mean():.1%} right:")
        print(f"BIAS = {ways['fitted'][-1]:.3f}")
        print(f"WEIGHTS = ({', '.join(f'{w:.3f}' for w in ways['fitted'][:-1])})")
    print(f"{len(y)} answers, {y.mean():.1%} right")
    for name, weights in ways.items():
        p = predict(weights, x)
        print(
            f"{name}: mean confidence {p.mean():.3f}, expected calibration error {calibration_error(p, y):.3f}, "
            f"ranking {ranking(p, y):.3f}"
        )
    return OK
