"""The calculator experiments of the MRKL paper (arXiv 2205.00445), any training data allowed (P-open).

In: the test rows of AI21's MRKL_synthetic_data as JSON lines (`exp`, `file`, `question`, `answer`). Each
question goes through the whole agent, threshold off; right is the executed value within 1e-6. None
of the 49 wordings was trained on (the firewall keeps questions out that are the same but for their numbers).
Prints a table, writes results/mrkl_paper.json.

    python -m benchmarks.mrkl_paper --data mrkl_calc_test.jsonl.gz [--each 20]
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.common import show, write
from mrkl.agent import Agent
from mrkl.score import wilson
from mrkl.suites import entries

TOLERANCE = 1e-6  # relative
GOOD = 0.9  # a form is solved from this share on, as the paper counts
EXPERIMENTS = {
    "exp1": "1: more digits than seen",
    "exp2": "2: number words and digits",
    "exp3": "3: other wordings",
    "exp4": "4: other operations",
    "exp4b": "4b: two operations",
    "exp5": "5: one operation to two",
}


def sampled(path: Path, each: int, seed: int) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """(experiment, file) → up to `each` of its rows."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for _, row in entries(path):
        groups[row["exp"].split("_")[0], row["file"]].append(row)
    rng = random.Random(seed)
    return {key: rng.sample(rows, min(each, len(rows))) for key, rows in sorted(groups.items())}


def right(agent: Agent, row: dict[str, Any]) -> bool:
    """Whether the agent's value is the calculator's."""
    value, wanted = agent.ask(row["question"]).value, float(row["answer"])
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return False
    return abs(value - wanted) <= TOLERANCE * max(1.0, abs(wanted))


def figure(name: str, hits: Iterable[bool]) -> tuple[str, int, int, float, float, float]:
    found = list(hits)
    low, high = wilson(sum(found), len(found))
    return name, sum(found), len(found), sum(found) / len(found), low, high


def rows_of(
    found: dict[tuple[str, str], list[bool]],
) -> Iterator[tuple[str, int, int, float, float, float]]:
    """A row an experiment, and what the paper looks at apart."""
    for exp, name in EXPERIMENTS.items():
        hits = [hit for (e, _), part in found.items() if e == exp for hit in part]
        if hits:
            yield figure(name, hits)
    far = {f: part for (e, f), part in found.items() if e == "exp3" and f.endswith("format_4")}
    for file, part in far.items():
        yield figure(f"3, distant wording (F4): {file.split('_')[0]}", part)
    forms = [part for (e, _), part in found.items() if e == "exp4b"]
    if forms:
        solved = [sum(part) / len(part) > GOOD for part in forms]
        yield figure(f"4b: forms with more than {GOOD:.0%} right", solved)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--each", type=int, default=20, help="questions of each file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", help="a folder; default: the core that ships")
    options = parser.parse_args()
    agent = Agent(model=options.model, least_confidence=0.0)
    found: dict[tuple[str, str], list[bool]] = {}
    for key, rows in sampled(options.data, options.each, options.seed).items():
        found[key] = [right(agent, row) for row in rows]
        print(*key, f"{sum(found[key])} of {len(rows)}", flush=True)
    table = list(rows_of(found))
    show("MRKL paper, P-open", ("experiment", "right", "n", "share", "low", "high"), table)
    files = {" ".join(key): [sum(hits), len(hits)] for key, hits in found.items()}
    names = ("right", "n", "share", "low", "high")
    experiments = {name: dict(zip(names, rest, strict=True)) for name, *rest in table}
    write(
        "mrkl_paper",
        {"each": options.each, "seed": options.seed, "experiments": experiments, "files": files},
    )


if __name__ == "__main__":
    main()
