"""What the loop itself costs: questions through an agent whose language module is a table.

Prints a table and writes results/loop_cost.json: milliseconds a turn, median and 95th percentile, for a
question that needs no step, one step, and three steps. The expert's own time is included.
Goal: at most 0.8 ms a turn.

    python -m benchmarks.loop_cost [--turns 2000]
"""

from __future__ import annotations

import argparse
import time

from benchmarks.common import percentiles, show, write
from mrkl.agent import Agent
from mrkl.experts.registry import builtin_expert
from mrkl.scripted import ScriptedLanguage

STEP = '#{k} 18 percent of 245 -> calculator(expression="{of}18 / 100 * 245")\n'
SCRIPTS = {
    "hello there": "<|say|>Hello!<|end|>",
    "whats 18 percent of 245": STEP.format(k=1, of="") + "<|answer|>18 percent of 245 is #1.",
    "18 percent of 245, thrice over": "".join(
        STEP.format(k=k, of="" if k == 1 else f"#{k - 1} + ") for k in (1, 2, 3)
    )
    + "<|answer|>It is #3.",
}
NAMES = ("no step", "one step", "three steps")


def measure(agent: Agent, question: str, turns: int) -> dict[str, float]:
    """Milliseconds a turn, after as many as a tenth to warm up."""
    times: list[float] = []
    for turn in range(turns + turns // 10):
        began = time.perf_counter()
        answer = agent.ask(question)
        if turn >= turns // 10:
            times.append(time.perf_counter() - began)
        if answer.status != "answered":
            raise SystemExit(f"{question!r} was not answered: {answer.text}")
    return percentiles(times)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=2000)
    options = parser.parse_args()
    agent = Agent([builtin_expert("calculator")], model=ScriptedLanguage(SCRIPTS))
    figures = {
        name: measure(agent, question, options.turns)
        for name, question in zip(NAMES, SCRIPTS, strict=True)
    }
    show(
        "Milliseconds a turn",
        ("turn", "p50", "p95"),
        [(n, *f.values()) for n, f in figures.items()],
    )
    write("loop_cost", {"turns": options.turns, "ms": figures})


if __name__ == "__main__":
    main()
