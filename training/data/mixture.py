"""The stream of training rows: which sources, in which shares.

In: a seed, a split. Out: rows for `training.core.packing`. Pure stdlib, so that sixteen processes
beside a GPU can make them as fast as it reads them. What the firewall has blocked is left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from mrkl.prompt import BEGIN, PLAN, QUESTION, render_prefix
from training.data import (
    card_offers,
    card_rows,
    composed,
    failing,
    filling,
    operators,
    patterns,
    problem_rows,
    said_arithmetic,
    sql_rows,
    stories,
)
from training.data.firewall import blocked
from training.data.row import Row, from_prompt

SHARES = {
    "arithmetic": 0.08,
    "measures": 0.135,
    "mixed": 0.12,
    "knowledge": 0.105,
    "limits": 0.05,
    "cards": 0.075,
    "composed": 0.195,
    "problems": 0.065,
    "said": 0.045,
    "stories": 0.11,
    "sql": 0.02,
}
PATTERNS = ("arithmetic", "measures", "mixed", "knowledge", "limits")
IRRELEVANT = 0.15  # share of pattern rows that are offered cards they do not need
HELD_OUT = 0.08  # share of patterns kept aside, whole


@cache
def pool(source: str, split: str) -> tuple[patterns.Pattern, ...]:
    """The patterns of one source and split that the firewall lets through."""
    walled = blocked()
    return tuple(
        pattern
        for pattern in patterns.all_patterns()
        if pattern.source == source
        and pattern.question not in walled
        and _held_out(pattern) == (split == "heldout")
    )


def _held_out(pattern: patterns.Pattern) -> bool:
    """Whole files kept aside, and a share of all other patterns."""
    return pattern.aside or random.Random(f"held {pattern.id}").random() < HELD_OUT


def pattern_rows(rng: random.Random, split: str, source: str) -> Iterator[Row]:
    """Endless rows of one source: patterns filled, executed, retyped by the operators."""
    known = pool(source, split)
    while True:
        pattern = rng.choice(known)
        try:
            draft, done = filling.solved(pattern, rng)
            operators.vary(draft, rng, split)
            made = filling.finish(draft, done, failing.broken(draft, done, rng))
        except (filling.Unfillable, filling.CannotCall, ValueError, ArithmeticError):
            # a filling that does not work out
            continue
        yield from_prompt(made, f"{source} {pattern.kind}", pattern.id)


def streams(rng: random.Random, split: str) -> dict[str, Iterator[Row]]:
    """Endless rows of every source, by its name in `SHARES`; they draw from the same generator."""
    return {
        **{name: pattern_rows(rng, split, name) for name in PATTERNS},
        "cards": card_rows.rows(rng, split),
        "composed": composed.rows(rng, split),
        "problems": problem_rows.rows(rng, split),
        "said": said_arithmetic.rows(rng),
        "stories": stories.rows(rng, split),
        "sql": sql_rows.rows(rng),
    }


def rows(seed: int, n: int, split: str = "train") -> Iterator[Row]:
    """`n` rows of the mixture; the same seed gives the same rows."""
    rng = random.Random(f"{seed} {split}")
    sources = streams(rng, split)
    names, weights = list(SHARES), list(SHARES.values())
    for _ in range(n):
        name = rng.choices(names, weights)[0]
        row = next(sources[name])
        if name in PATTERNS and rng.random() < IRRELEVANT:
            question = row.prompt.rpartition(QUESTION)[2].removesuffix(PLAN)
            cards = card_offers.tempting(question, rng)
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
