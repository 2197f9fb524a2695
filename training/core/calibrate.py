"""Fit the confidence of a whole answer on held-out questions.

In: a core and the router, the held-out split of the training rows. Out: weights for
`mrkl.confidence` and a risk-coverage curve. A plan counts as right when its value equals
that of the written plan, both run by the same experts; telling that there is no answer counts as
right where the row says so. Nothing of the evaluation sets is used.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from mrkl import compose
from mrkl.agent import Agent
from mrkl.budget import Budget, Meter
from mrkl.confidence import BIAS, logistic
from mrkl.experts.base import Failure
from mrkl.experts.world import World
from mrkl.plan import PlanError, parse_plan
from mrkl.prompt import ABSTAIN, CARDS, PLAN, QUESTION, RESULTS, SAY
from mrkl.scheduler import Run, run_plan
from mrkl.score import plain
from mrkl.trace import Trace
from training.core import risk_coverage

FEATURES = (
    "mean",
    "least",
    "among",
    "among_least",
    "route",
    "unread",
    "repeated",
    "steps",
    "words",
)
RIDGE = 1e-3


def examples(count: int, seed: int) -> Iterator[tuple[str, str, str]]:
    """(source, question, written plan) of held-out patterns and word problems without cards."""
    from training.data import mixture

    rng = random.Random(seed)
    streams = mixture.streams(rng, "heldout")
    names = [*mixture.PATTERNS, "problems", "stories"]
    for _ in range(count):
        row = next(streams[rng.choices(names, [mixture.SHARES[name] for name in names])[0]])
        if CARDS not in row.prompt:
            yield row.source, row.prompt.split(QUESTION)[1].removesuffix(PLAN), row.target[0][0]


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


def fit(rows: Sequence[Mapping[str, float]], right: Sequence[bool]) -> dict[str, float]:
    """Logistic regression with a little ridge: weights by feature for `mrkl.confidence.logistic`."""
    x = np.array([[1.0, *(row[name] for name in FEATURES)] for row in rows])  # [rows, 1 + features]
    y = np.array(right, float)

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        score, free = x @ weights, np.r_[0.0, weights[1:]]
        value = float(
            np.logaddexp(0.0, score).mean() - (y * score).mean() + RIDGE / 2 * free @ free
        )
        return value, x.T @ (expit(score) - y) / len(y) + RIDGE * free

    found = minimize(loss, np.zeros(x.shape[1]), jac=True, method="L-BFGS-B")
    return dict(zip((BIAS, *FEATURES), map(float, found.x), strict=True))


def main(a: argparse.Namespace) -> None:
    from mrkl.experts.registry import builtin_experts

    experts = {expert.name: expert for expert in builtin_experts()}
    world = World.from_file(a.world) if a.world else None
    agent = Agent(model=a.model, world=world, least_confidence=0.0)
    rows: list[dict[str, Any]] = []
    for source, question, written in examples(a.count, a.seed):
        answer = agent.ask(question)
        noted = [e.data for e in answer.trace.of("note") if "mean" in e.data]
        kind = "plan" if answer.steps else str(answer.status)
        features = {name: float(noted[-1][name]) for name in FEATURES} if noted else None
        ok = right(agent, experts, written, answer)
        rows.append(
            {
                "question": question,
                "source": source,
                "kind": kind,
                "right": ok,
                "features": features,
            }
        )
    planned = [row for row in rows if row["features"]]
    y = [bool(row["right"]) for row in planned]
    print(f"{len(rows)} held-out questions, {sum(r['right'] for r in rows)} right; "
          f"{len(planned)} plans, {sum(y)} right")  # fmt: skip
    weights = fit([row["features"] for row in planned], y) if planned else {}
    found = risk_coverage.curve([logistic(row["features"], weights) for row in planned], y)
    print({name: round(weight, 3) for name, weight in weights.items()})
    risk_coverage.show(found)
    points = [asdict(point) for point in found]
    written = {"weights": weights, "risk_coverage": points, "rows": rows}
    a.out.write_text(json.dumps(written, indent=1))
    if a.plot:
        risk_coverage.plot({f"{len(planned)} held-out plans": found}, a.plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--world", type=Path)
    parser.add_argument("--model", type=Path, help="a folder; default: the core that ships")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plot", type=Path, help="the risk-coverage curve, PNG or SVG")
    main(parser.parse_args())
