"""Figures with 95 % intervals: means, AUROC of *none*, recall of out-of-scope, calibration.

In: outcomes by row, one array a seed. Out: `Figure`s; intervals by resampling rows (the seeds of
a row stay together, so that they do not count as more rows).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from sklearn.metrics import roc_auc_score

RESAMPLED = 400


@dataclass(frozen=True)
class Figure:
    """A value between 0 and 1 and its interval."""

    value: float
    low: float
    high: float
    rows: int

    def __str__(self) -> str:
        return f"{100 * self.value:.1f} [{100 * self.low:.1f}, {100 * self.high:.1f}]"

    def as_json(self) -> dict[str, float]:
        return {key: round(value, 4) for key, value in asdict(self).items()}


def figure(statistic: Callable[[np.ndarray], float], rows: int) -> Figure:
    """`statistic` of chosen row numbers: of all of them, and resampled for the interval."""
    rng = np.random.default_rng(0)
    drawn = [statistic(rng.integers(0, rows, rows)) for _ in range(RESAMPLED)]
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Figure(statistic(np.arange(rows)), float(low), float(high), rows)


def accuracy(right: Sequence[np.ndarray]) -> Figure:
    """Share of rows right; right: for each seed, bool [rows]."""
    share = np.mean([np.asarray(each, float) for each in right], axis=0)
    return figure(lambda chosen: float(share[chosen].mean()), len(share))


def none_auroc(none: Sequence[np.ndarray], outside: np.ndarray) -> Figure:
    """AUROC of the none-scores [rows] of each seed for the rows outside the catalogue."""

    def statistic(chosen: np.ndarray) -> float:
        flags = outside[chosen]
        if flags.all() or not flags.any():
            return float("nan")
        return float(np.mean([roc_auc_score(flags, each[chosen]) for each in none]))

    return figure(statistic, len(outside))


def recall_at_kept(none: Sequence[np.ndarray], outside: np.ndarray, kept: float = 0.95) -> Figure:
    """Share of outside rows refused at the threshold that keeps `kept` of the inside rows."""

    def statistic(chosen: np.ndarray) -> float:
        flags = outside[chosen]
        shares = [
            (each[chosen][flags] > np.quantile(each[chosen][~flags], kept)).mean() for each in none
        ]
        return float(np.mean(shares))

    return figure(statistic, len(outside))


def calibration_error(chance: np.ndarray, right: np.ndarray, bins: int = 10) -> Figure:
    """Expected calibration error of the chosen outcome's probability, equal bins."""
    place = np.minimum((chance * bins).astype(int), bins - 1)

    def statistic(chosen: np.ndarray) -> float:
        gap = np.bincount(place[chosen], chance[chosen] - right[chosen], bins)
        return float(np.abs(gap).sum() / len(chosen))

    return figure(statistic, len(chance))
