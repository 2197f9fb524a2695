"""How soon mrkl is there: importing it, and a cold `mrkl ask`, beside a bare interpreter and torch.

Runs whole processes in turn (A B C D A B C D …), so that a busy machine slows all of them alike,
and gives medians of wall seconds and ratios taken round by round. Goals: `import mrkl` at most
0.15 s beyond a bare interpreter and none of the heavy packages; cold ask at most 1.6 times
`import torch`.

    python -m benchmarks.startup [--runs 9]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from benchmarks.common import show, write

HEAVY = ("torch", "transformers", "sympy", "pint", "httpx")
ASK = ["ask", "2+3*4"]
LOADED = "import mrkl, sys, json; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"


def commands(python: str) -> dict[str, list[str]]:
    """The processes to compare; the console script where it is installed beside python."""
    found = {
        "bare interpreter": [python, "-c", "pass"],
        "import mrkl": [python, "-c", "import mrkl"],
        "import torch": [python, "-c", "import torch"],
        "python -m mrkl ask": [python, "-m", "mrkl", *ASK],
    }
    script = Path(python).parent / "mrkl"
    return found | ({"mrkl ask": [str(script), *ASK]} if script.exists() else {})


def seconds(command: list[str]) -> float:
    """Wall time of one process; one that fails ends the benchmark."""
    began = time.perf_counter()
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {run.stderr.strip()[-300:]}")
    return took


def rounds(table: dict[str, list[str]], runs: int) -> dict[str, list[float]]:
    """Seconds by name, interleaved; the first round only warms the file cache."""
    times: dict[str, list[float]] = {name: [] for name in table}
    for number in range(runs + 1):
        for name, command in table.items():
            took = seconds(command)
            if number:
                times[name].append(took)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--python", default=sys.executable, help="the interpreter to start")
    options = parser.parse_args()
    times = rounds(commands(options.python), options.runs)
    loaded = json.loads(subprocess.check_output([options.python, "-c", LOADED]))
    beyond = [b - a for a, b in zip(times["bare interpreter"], times["import mrkl"], strict=True)]
    ratios = {
        name: median(t / r for t, r in zip(times[name], times["import torch"], strict=True))
        for name in times
        if name.endswith("ask")
    }
    rows = [
        (name, f"{median(t):.3f}", f"{min(t):.3f}", f"{max(t):.3f}", f"{ratios[name]:.2f}")
        if name in ratios
        else (name, f"{median(t):.3f}", f"{min(t):.3f}", f"{max(t):.3f}", "")
        for name, t in times.items()
    ]
    show("Whole processes, seconds", ("process", "median", "min", "max", "x import torch"), rows)
    heavy = [name for name in HEAVY if name in loaded]
    print(f"import mrkl: {median(beyond):.3f} s beyond a bare interpreter (goal 0.15)")
    print(f"heavy packages loaded by it: {', '.join(heavy) or 'none'}")
    write(
        "startup",
        {
            "runs": options.runs,
            "median_s": {name: round(median(t), 4) for name, t in times.items()},
            "spread_s": {name: [round(min(t), 4), round(max(t), 4)] for name, t in times.items()},
            "import_beyond_bare_s": round(median(beyond), 4),
            "cold_ask_over_import_torch": {n: round(r, 3) for n, r in ratios.items()},
            "heavy_loaded": heavy,
        },
    )


if __name__ == "__main__":
    main()
