"""The stream of training rows: which sources, in which shares.

In: a seed, a split. Out: rows for `training.core.packing`. Pure stdlib, so that sixteen processes
beside a GPU can make them as fast as it reads them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from mrkl.prompt import BEGIN, render_prefix
from training.data import card_rows, pattern_rows, problem_rows, sql_rows
from training.data.row import Row

SHARES = {
    "arithmetic": 0.13,
    "measures": 0.19,
    "knowledge": 0.18,
    "limits": 0.09,
    "cards": 0.24,
    "problems": 0.13,
    "sql": 0.04,
}
IRRELEVANT = 0.15  # share of pattern rows that are offered cards they do not need


def rows(seed: int, n: int, split: str = "train") -> Iterator[Row]:
    """`n` rows of the mixture; the same seed gives the same rows."""
    rng = random.Random(f"{seed} {split}")
    streams = {
        name: pattern_rows.rows(rng, split, name)
        for name in ("arithmetic", "measures", "knowledge", "limits")
    }
    streams["cards"] = card_rows.rows(rng, split)
    streams["problems"] = problem_rows.rows(rng, split)
    streams["sql"] = sql_rows.rows(rng)
    names, weights = list(SHARES), list(SHARES.values())
    others = card_rows.load("train")
    for _ in range(n):
        name = rng.choices(names, weights)[0]
        row = next(streams[name])
        if name in pattern_rows.FILES and rng.random() < IRRELEVANT:
            cards = [one.card for one in rng.sample(others, rng.randint(1, 4))]
            row = replace(row, prompt=render_prefix(cards) + row.prompt.removeprefix(BEGIN))
        yield row


def show(count: int, seed: int, split: str) -> None:
    """Print rows to read."""
    for row in rows(seed, count, split):
        print(f"[{row.source}] {row.prompt}")
        print("   " + "".join(text for text, _ in row.target).replace("\n", "\n   "))


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="train")
    a = parser.parse_args()
    show(a.show, a.seed, a.split)
