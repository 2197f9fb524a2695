"""Fit the confidence of a whole answer on held-out questions.

In: the shipped core and router, the held-out split of the training rows. Out: weights for
`mrkl.confidence` and a risk-coverage table. A plan counts as right when its value equals
that of the written plan, both run by the same experts; telling that there is no answer counts as
right where the row says so. Nothing of the evaluation sets is used.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mrkl.agent
from mrkl import compose
from mrkl.agent import Agent
from mrkl.budget import Budget, Meter
from mrkl.experts.base import Failure
from mrkl.experts.world import World
from mrkl.plan import PlanError, parse_plan
from mrkl.prompt import ABSTAIN, CARDS, PLAN, QUESTION, RESULTS, SAY
from mrkl.scheduler import Run, run_plan
from mrkl.score import plain
from mrkl.trace import Trace

FEATURES = ("mean", "least", "among", "among_least", "route")


def examples(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """(question, written plan) of held-out pattern rows that offer no cards."""
    from training.data import mixture

    rng = random.Random(seed)
    streams = [mixture.pattern_rows(rng, "heldout", name) for name in mixture.PATTERNS]
    for _ in range(count):
        row = next(rng.choices(streams, [mixture.SHARES[name] for name in mixture.PATTERNS])[0])
        if CARDS not in row.prompt:
            yield row.prompt.split(QUESTION)[1].removesuffix(PLAN), row.target[0][0]


def right(agent: Agent, experts: dict[str, Any], written: str, answer: Any) -> bool:
    """Whether an answer is what the written plan gives."""
    if written.startswith((SAY, ABSTAIN)):
        return not answer.steps and (answer.status == "abstained") == written.startswith(ABSTAIN)
    try:
        plan = parse_plan(written.removesuffix(RESULTS), {n: e.card for n, e in experts.items()})
    except PlanError:
        return False
    run = Run(experts, agent.world, Meter(Budget()), Trace())
    outcomes = run_plan(plan, run)
    if any(isinstance(out, Failure) for out in outcomes.values()):
        return answer.status == "abstained" or answer.status == "failed"
    value, _ = compose.output_value(plan, outcomes)
    return str(plain(value)) == str(plain(answer.value))


def fit(x: np.ndarray, y: np.ndarray, steps: int = 4000) -> np.ndarray:
    """Logistic regression with a little ridge: weights [1 + features], bias first."""
    design = np.hstack([np.ones((len(x), 1)), x])
    weights = np.zeros(design.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-design @ weights))
        slope = design.T @ (p - y) / len(y) + 1e-3 * np.r_[0, weights[1:]]
        weights -= 0.3 * slope
    return weights


def main(a: argparse.Namespace) -> None:
    from mrkl.experts.registry import builtin_experts

    experts = {expert.name: expert for expert in builtin_experts()}
    mrkl.agent.MIN_CONFIDENCE = 0.0  # every plan is run, however unsure
    agent = Agent(world=World.from_file(a.world) if a.world else None)
    rows: list[dict[str, Any]] = []
    for question, written in examples(a.count, a.seed):
        answer = agent.ask(question)
        noted = [e.data for e in answer.trace.of("note") if "mean" in e.data]
        kind = "plan" if answer.steps else str(answer.status)
        features = {name: float(noted[-1][name]) for name in FEATURES} if noted else None
        ok = right(agent, experts, written, answer)
        rows.append({"question": question, "kind": kind, "right": ok, "features": features})
    planned = [row for row in rows if row["features"]]
    x = np.array([[row["features"][name] for name in FEATURES] for row in planned])
    y = np.array([row["right"] for row in planned], float)
    weights = fit(np.clip(x, -8, 0), y)
    p = 1 / (1 + np.exp(-(np.hstack([np.ones((len(x), 1)), np.clip(x, -8, 0)]) @ weights)))
    print(f"{len(rows)} held-out questions, {sum(r['right'] for r in rows)} right; "
          f"{len(planned)} plans, {int(y.sum())} right")  # fmt: skip
    print(dict(zip(("bias", *FEATURES), np.round(weights, 3).tolist(), strict=True)))
    for threshold in (0.0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8):
        kept = p >= threshold
        risk = 1 - y[kept].mean() if kept.any() else 0.0
        print(f"threshold {threshold:.1f}: coverage {kept.mean():.3f}, risk {risk:.3f}")
    a.out.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--world", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    main(parser.parse_args())
