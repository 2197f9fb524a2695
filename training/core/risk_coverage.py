"""How often the agent is wrong when it answers only above a confidence: the risk-coverage curve.

In: confidences and whether each was right; on the command line, files of `calibrate`. Out: points
by threshold, a table, a plot. Every figure comes from the rows it is given.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mrkl.evaluate import matplotlib
from mrkl.score import wilson


@dataclass(frozen=True)
class Point:
    """Answering at `threshold` and above: share answered, share of those wrong with its interval."""

    threshold: float
    answered: int
    coverage: float
    risk: float
    low: float
    high: float


def curve(confidence: Sequence[float], right: Sequence[bool]) -> list[Point]:
    """A point for each confidence that occurs, the surest first."""
    ranked = sorted(zip(confidence, right, strict=True), key=lambda pair: -pair[0])
    points: list[Point] = []
    wrong = 0
    for answered, (sure, ok) in enumerate(ranked, 1):
        wrong += not ok
        if answered < len(ranked) and ranked[answered][0] == sure:
            continue  # equals are answered together
        low, high = wilson(wrong, answered)
        points.append(Point(sure, answered, answered / len(ranked), wrong / answered, low, high))
    return points


def at(points: Sequence[Point], thresholds: Iterable[float]) -> list[Point]:
    """The curve's point for each threshold under which something is still answered."""
    found: list[Point] = []
    for threshold in thresholds:
        kept = [point for point in points if point.threshold >= threshold]
        if kept:
            last = kept[-1]
            found.append(Point(threshold, *list(last.__dict__.values())[1:]))
    return found


def plot(curves: Mapping[str, Sequence[Point]], path: Path) -> None:
    """Risk over coverage, with the 95 % Wilson interval as a band."""
    matplotlib().use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4))
    for name, points in curves.items():
        across = [100 * point.coverage for point in points]
        (line,) = axes.plot(across, [100 * point.risk for point in points], label=name)
        low, high = ([100 * getattr(point, end) for point in points] for end in ("low", "high"))
        axes.fill_between(across, low, high, alpha=0.15, color=line.get_color())
    axes.set(xlabel="% answered", ylabel="% of those wrong", xlim=(0, 100), ylim=(0, 100))
    axes.legend()
    figure.savefig(path, bbox_inches="tight", dpi=150)
    pyplot.close(figure)


def show(points: Sequence[Point]) -> None:
    """A line for each of a few thresholds."""
    for point in at(points, (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)):
        print(f"threshold {point.threshold:.1f}: {point.answered} answered "
              f"({point.coverage:.1%}), wrong {point.risk:.1%} "
              f"({point.low:.1%} to {point.high:.1%})")  # fmt: skip


def main(a: argparse.Namespace) -> None:
    curves: dict[str, list[Point]] = {}
    for path in a.files:
        rows = json.loads(path.read_text())["risk_coverage"]
        curves[path.stem] = [Point(**row) for row in rows]
        print(path.stem)
        show(curves[path.stem])
    if a.plot:
        plot(curves, a.plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path)
    main(parser.parse_args())
