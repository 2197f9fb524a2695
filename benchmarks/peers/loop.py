"""What a question with one call costs in a side's loop: `python -m benchmarks.peers.loop SIDE N`.

Prints one JSON line: milliseconds, median and 95th percentile, and the library's version.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version

from benchmarks.peers.sides import PACKAGES, SIDES, Turn


def percentage(rate: float, whole: float) -> float:
    """So many per cent of a number.

    Args:
        rate: per cent
        whole: of what
    """
    return rate / 100 * whole


percentage.isolate = False  # type: ignore[attr-defined]
TURNS: list[Turn] = [[("percentage", '{"rate": 18, "whole": 245}')], "It is 44.1."]


def main(name: str, count: int) -> None:
    """Ask so often, after a tenth to warm up."""
    warnings.simplefilter("ignore")
    side = SIDES[name]([percentage])
    times: list[float] = []
    for number in range(count + count // 10):
        began = time.perf_counter()
        outcome = side.ask(TURNS)
        if number >= count // 10:
            times.append((time.perf_counter() - began) * 1000)
        if "44.1" not in outcome.text or "44.1" not in "".join(outcome.shown):
            raise SystemExit(f"{name} answered {outcome}")
    times.sort()
    try:
        release = version(PACKAGES[name])
    except PackageNotFoundError:
        release = "checkout"
    figures = {"p50_ms": statistics.median(times), "p95_ms": times[int(len(times) * 0.95)]}
    print(json.dumps({"side": name, "version": release, **figures}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
