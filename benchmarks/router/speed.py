"""How long a routing takes, and how that grows with the number of registered experts.

Out: milliseconds of `Router.route` (p50, p95) with cards encoded, one thread of linear algebra;
time to register an expert. Experts are the invented cards of training/data with numbered names.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from threadpoolctl import threadpool_limits

import mrkl
from benchmarks.common import percentiles
from benchmarks.router.methods import as_experts
from mrkl.experts.base import Expert
from mrkl.router import Router
from training.router.rows import card_files, json_lines
from training.router.trials import card_of

COLUMNS = ("experts", "p50 ms", "p95 ms", "processor p50", "first route, ms an expert")
TEXTS = (
    "how far is 26.2 miles in km",
    "population of the netherlands",
    "what day of the week was the moon landing",
    "if the bill is 84 and four of us tip 18 percent, what does each one pay?",
    "write a short poem about the sea",
    "convert 350 swiss francs to yen at yesterday's rate",
    "square root of 2 to ten digits",
    "will it rain in lisbon tomorrow afternoon",
)


def catalogue(size: int, phrasings: Path) -> list[Expert]:
    """Built-in experts, filled up with invented ones to `size`."""
    raws = [raw for file in card_files(phrasings) for raw in json_lines(file)]
    experts = mrkl.builtin_experts()[:size]
    cards = [
        replace(card_of(raws[i % len(raws)], 2), name=f"{raws[i % len(raws)]['name']}_{i}")
        for i in range(size - len(experts))
    ]
    return [*experts, *as_experts(cards)]


def measure(router: Router, phrasings: Path, turns: int = 20) -> dict[str, dict[str, float]]:
    """Milliseconds by catalogue size; the built-in experts alone come first."""
    out: dict[str, dict[str, float]] = {}
    sizes = (len(mrkl.builtin_experts()), 100, 1000, 10_000)
    with threadpool_limits(1):
        for size in sizes:
            experts = catalogue(size, phrasings)
            began = time.perf_counter()
            router.route("hello", experts)
            registered = time.perf_counter() - began
            times: list[float] = []
            busy: list[float] = []
            for _ in range(turns):
                for text in TEXTS:
                    began, spent = time.perf_counter(), time.process_time()
                    router.route(text, experts)
                    times.append(time.perf_counter() - began)
                    busy.append(time.process_time() - spent)
            each = round(1000 * registered / size, 3)
            out[str(size)] = {
                **percentiles(times),
                "cpu_p50_ms": percentiles(busy)["p50_ms"],
                "first_route_ms_an_expert": each,
            }
    return out
