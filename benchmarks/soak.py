"""A long run: questions from several threads, experts that fail at random, the log on.

Prints and writes (`--out`) what leaked a question and whether the log has every row once.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import sqlite3
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mrkl
from mrkl.agent import Agent
from mrkl.experts.base import ExpertError
from mrkl.experts.registry import builtin_expert
from mrkl.run_log import RunLog
from mrkl.scripted import ScriptedLanguage

PLAN = '#1 a -> moody(number={n})\n#2 b -> calculator(expression="#1 * 2")\n<|answer|>It is #2.'
_random = random.Random(7)


@mrkl.expert(isolate=False)
def moody(number: int) -> float:
    """Gives the number back, or fails in one of several ways."""
    chance = _random.random()
    if chance < 0.02:
        raise RuntimeError("no mood")
    if chance < 0.04:
        raise ExpertError("no_answer", "not today")
    return float("nan") if chance < 0.06 else float(number)


def resident() -> int:
    """Bytes of this process in memory."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def ask_all(pool: ThreadPoolExecutor, ask: Any, count: int) -> Counter[tuple[str, bool]]:
    """Ask in batches, so that what waits in the pool is not taken for a leak."""
    found: Counter[tuple[str, bool]] = Counter()
    for begin in range(0, count, 100):
        found.update(pool.map(ask, range(begin, min(begin + 100, count))))
    return found


def main() -> None:
    """Warm up with a fifth, then measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    scripts = {f"number {n}": PLAN.format(n=n) for n in range(100)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.db"
        experts = [moody, builtin_expert("calculator")]
        agent = Agent(experts, model=ScriptedLanguage(scripts), log=RunLog(path))

        def ask(n: int) -> tuple[str, bool]:
            answer = agent.ask(f"number {n % 100}")
            right = answer.value == n % 100 * 2 if answer.status == "answered" else True
            return str(answer.status), right

        with ThreadPoolExecutor(options.threads) as pool:
            warm = options.questions // 5
            ask_all(pool, ask, warm)
            gc.collect()
            before, began = resident(), time.monotonic()
            found = ask_all(pool, ask, options.questions)
            seconds = time.monotonic() - began
            gc.collect()
            leaked = (resident() - before) / options.questions
        connection = sqlite3.connect(path)
        rows, ended = connection.execute("SELECT count(*), count(status) FROM run").fetchone()
        connection.close()
    figures = {
        "questions": options.questions,
        "threads": options.threads,
        "seconds": round(seconds, 2),
        "bytes_a_question": round(leaked, 1),
        "wrong": sum(count for (_, right), count in found.items() if not right),
        "statuses": {status: count for (status, _), count in sorted(found.items())},
        "log_rows_expected": options.questions + warm,
        "log_rows": rows,
        "log_rows_ended": ended,
    }
    print(json.dumps(figures, indent=1))
    if options.out:
        options.out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
