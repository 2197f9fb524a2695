"""mrkl beside its peers: `python -m benchmarks.peers loop|misbehaviours --python PEERS/bin/python`.

The peers live in an environment of their own, since they want other versions of things:
`python -m venv PEERS && PEERS/bin/pip install langgraph llm smolagents pydantic-ai-slim`. Prints a
table and writes results/peers_loop.json or results/peers_misbehaviours.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.common import show, write
from benchmarks.peers.misbehaviours import CASES, judge
from benchmarks.peers.sides import PACKAGES, SIDES


def loop(pythons: dict[str, str], count: int, rounds: int) -> None:
    """Milliseconds a question with one call, side after side, in rounds."""
    times: dict[str, list[dict[str, Any]]] = {side: [] for side in pythons}
    for _ in range(rounds):
        for side, python in pythons.items():
            command = [python, "-m", "benchmarks.peers.loop", side, str(count)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            times[side].append(json.loads(done.stdout.strip().splitlines()[-1]))
    mine = statistics.median(run["p50_ms"] for run in times["mrkl"])
    rows: list[dict[str, Any]] = []
    for side, runs in times.items():
        p50 = statistics.median(run["p50_ms"] for run in runs)
        ratios = [m["p50_ms"] / run["p50_ms"] for m, run in zip(times["mrkl"], runs, strict=True)]
        rows.append(
            {
                "side": side,
                "version": runs[0]["version"],
                "p50_ms": round(p50, 3),
                "p95_ms": round(statistics.median(run["p95_ms"] for run in runs), 3),
                "mrkl_to_it": round(statistics.median(ratios), 3),
            }
        )
    show("Milliseconds a question with one call", list(rows[0]), [list(r.values()) for r in rows])
    figures = {"questions": count, "rounds": rounds, "mrkl_p50_ms": mine, "sides": rows}
    print(write("peers_loop", figures))


def misbehaviours(pythons: dict[str, str]) -> None:
    """Which of the 17 each side handles."""
    handled: dict[str, dict[str, bool]] = {}
    why: dict[str, dict[str, str]] = {}
    for case in CASES:
        judged = {side: judge(python, side, case) for side, python in pythons.items()}
        handled[case] = {side: good for side, (good, _) in judged.items()}
        why[case] = {
            side: "the process ended or was stopped"
            if not happened.alive
            else happened.raised[:200] or f"shown: {happened.shown[:200]!r}"
            for side, (good, happened) in judged.items()
            if not good
        }
    totals = {side: sum(found[side] for found in handled.values()) for side in pythons}
    rows = [[case, *("yes" if f[s] else "no" for s in pythons)] for case, f in handled.items()]
    show("Handled", ["", *pythons], [*rows, ["of 17", *totals.values()]])
    versions = {side: _version(python, PACKAGES[side]) for side, python in pythons.items()}
    rules = {case: rule for case, (rule, _, _) in CASES.items()}
    figures = {"versions": versions, "totals": totals, "rules": rules, "handled": handled}
    print(write("peers_misbehaviours", figures | {"why_not": why}))


def _version(python: str, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "checkout"


def main() -> None:
    """Read the options and run one of the two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("loop", "misbehaviours"))
    parser.add_argument("--python", required=True, help="of the environment with the peers")
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    pythons = {side: sys.executable if side == "mrkl" else options.python for side in SIDES}
    if options.what == "loop":
        loop(pythons, options.questions, options.rounds)
    else:
        misbehaviours(pythons)


if __name__ == "__main__":
    main()
