"""How long a warm question takes, where that time goes, and the embedded core's tokens a second.

Asks the questions of questions.json (own wordings) in turn, several rounds after one to warm up:
the whole `Agent.ask`, the draft (plan) alone, routing alone. Then the core without an agent:
prefill of 256 tokens and single-token decoding. Goals: median of a one-step question at most
400 ms, routing at most 10 ms.

    python -m benchmarks.latency [--rounds 3] [--threads N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

import torch

from benchmarks.common import FOLDER, percentiles, show, write
from benchmarks.parts import REST, WORDING, Parts, install
from mrkl.agent import Agent
from mrkl.budget import Budget, Meter
from mrkl.embedded import EmbeddedJamba
from mrkl.jamba_core.model import Jamba
from mrkl.language import Offer
from mrkl.trace import Trace


def timed(work: Callable[[str], Any], texts: Sequence[str], rounds: int) -> dict[str, float]:
    """Percentiles of each call's wall time, and the median of its processor time.

    With one thread the latter is what the wall time would be on an idle machine.
    """
    wall: list[float] = []
    busy: list[float] = []
    for _ in range(rounds):
        for text in texts:
            began, spent = time.perf_counter(), time.process_time()
            work(text)
            wall.append(time.perf_counter() - began)
            busy.append(time.process_time() - spent)
    return {**percentiles(wall), "cpu_p50_ms": percentiles(busy)["p50_ms"]}


def drafting(agent: Agent) -> Callable[[str], Any]:
    """The plan alone: no call, no wording."""
    offer = Offer(
        {e.name: e for e in agent.experts}, frozenset(e.name for e in agent.experts), agent.router
    )
    return lambda text: agent.language.draft(text, offer, Meter(Budget()), Trace())


def speed(jamba: Jamba, prefill: int = 256, written: int = 64, runs: int = 7) -> dict[str, float]:
    """Tokens a second and a processor second: `prefill` at once, then one by one; medians."""
    ids = [(37 * i) % 9000 + 100 for i in range(prefill)]
    found: dict[str, list[float]] = {}

    def write_some(output: Any) -> None:
        for _ in range(written):
            chosen = int(output.logits[0, -1].argmax())
            output = jamba([chosen], output.state, logits_to_keep=1)

    def clocked(name: str, count: int, work: Callable[[], Any]) -> Any:
        began, spent = time.perf_counter(), time.process_time()
        done = work()
        rates = {"s": time.perf_counter() - began, "processor s": time.process_time() - spent}
        for unit, took in rates.items():
            found.setdefault(f"{name} per {unit}", []).append(count / took)
        return done

    for _ in range(runs):
        output = clocked("prefill", prefill, lambda: jamba(ids, logits_to_keep=1))
        clocked("decode", written, partial(write_some, output))
    return {name: round(median(rates), 1) for name, rates in found.items()}


def by_part(agent: Agent, texts: Sequence[str], parts: Parts) -> dict[str, dict[str, float]]:
    """Mean processor milliseconds, calls and tokens a question by part."""
    for text in texts:
        parts.start()
        agent.ask(text)
        parts.stop()
    count = len(texts)
    return {
        label: {
            "ms": round(1000 * seconds / count, 2),
            "calls": round(parts.calls[label] / count, 2),
            "tokens": round(parts.tokens[label] / count, 2),
        }
        for label, seconds in sorted(parts.seconds.items(), key=lambda item: -item[1])
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="torch threads; default: as mrkl sets them")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    asked: dict[str, list[str]] = json.loads((FOLDER / "questions.json").read_text("utf-8"))
    agent = Agent().load()
    statuses = {
        kind: Counter(str(agent.ask(t).status) for t in texts) for kind, texts in asked.items()
    }
    one, rounds = asked["one step"], options.rounds
    found = {f"ask, {kind}": timed(agent.ask, texts, rounds) for kind, texts in asked.items()}
    found["draft alone, one step"] = timed(drafting(agent), one, rounds)
    found["routing alone"] = timed(agent.route, one, rounds)
    assert isinstance(agent.language, EmbeddedJamba)
    tokens = speed(agent.language.jamba)
    shares = by_part(agent, one, install())  # last: from here on the seams are wrapped
    show(
        "Milliseconds",
        ("what", "p50", "p95", "processor p50"),
        [(n, *f.values()) for n, f in found.items()],
    )
    print("answered so:", {kind: dict(count) for kind, count in statuses.items()})
    show("The core alone", ("tokens", ""), list(tokens.items()))
    columns = ("part of a one-step question", "mean ms of processor", "calls", "tokens")
    show("Where the time goes", columns, [(label, *row.values()) for label, row in shares.items()])
    print(f"{WORDING} stands beside the other parts, whose time it holds; {REST} is the remainder")
    write(
        "latency",
        {
            "threads": torch.get_num_threads(),
            "rounds": rounds,
            "questions": {kind: len(texts) for kind, texts in asked.items()},
            "statuses": {kind: dict(count) for kind, count in statuses.items()},
            "ms": found,
            "core_tokens_per_s": tokens,
            "parts": shares,
        },
    )


if __name__ == "__main__":
    main()
