"""Rows from the hand-written patterns: slots filled, typed as people type, calls executed.

In: phrasings/{arithmetic,measures,knowledge,limits,comparisons}.jsonl. Out: rows with steps, small
talk or a reason to abstain. Patterns that no expert serves are left out, and so is any row that the
grammars of mrkl.plan_grammar could not write (a number from nowhere).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

from mrkl.experts.base import Failure, Result
from mrkl.numbers_in import CONSTANTS
from training.data.filling import Broken, Draft, Unfillable, finish, solved
from training.data.operators import vary
from training.data.patterns import Pattern, all_patterns
from training.data.row import Row, from_prompt

FILES = ("arithmetic", "measures", "knowledge", "limits")
DROPPED: Counter[str] = Counter()
HELD_OUT = 0.08  # share of patterns kept from training, whole
FAILING = 0.025  # share of rows in which a call fails
_NUMBER = re.compile(r"(?<![\w.#])\d+(?:\.\d+)?")
_FAILED: Mapping[str, tuple[str, ...]] = {
    "knowledge": ("no such entry", "unknown name", "not in the data"),
    "weather": ("no network", "place not found", "the service did not answer"),
    "currency": ("unknown currency", "no rate for that day"),
    "calendar": ("not a date", "unknown place", "unknown holiday"),
    "units": ("unknown unit", "not the same dimension"),
    "algebra": ("no closed form", "cannot be solved", "timeout after 10 s"),
    "calculator": ("division by zero", "too large", "not a number"),
}
_SORRY = (
    "I couldn't find the {s}.", "Sorry, I could not get the {s}.", "The {s} could not be found.",
    "I wasn't able to work out the {s}.", "That failed: no {s}.", "I have no {s}, sorry.",
)  # fmt: skip
_SORRY_PLAIN = (
    "That couldn't be worked out.", "Sorry, that didn't work.", "I couldn't work that out.",
    "This can't be calculated.", "I have no result for that, sorry.",
)  # fmt: skip


@cache
def load(split: str) -> Mapping[str, tuple[Pattern, ...]]:
    """Usable patterns by stream; 8 % are held out."""
    found: dict[str, list[Pattern]] = {name: [] for name in FILES}
    for pattern in all_patterns():
        held = random.Random(f"pattern {pattern.question}").random() < HELD_OUT
        if held == (split == "heldout"):
            found[pattern.source].append(pattern)
    return {name: tuple(patterns) for name, patterns in found.items()}


@cache
def writable(pattern_id: str, texts: tuple[str, ...], question: str) -> bool:
    """Whether the pattern's own numbers in arguments can be read off its question."""
    from mrkl.numbers_in import argument_numbers

    allowed = {*argument_numbers(question), *CONSTANTS}
    return all(number in allowed for text in texts for number in _NUMBER.findall(text))


def _literals(pattern: Pattern) -> tuple[str, ...]:
    """What the arguments hold besides slots: numbers that must stand in the question."""
    parts = [
        "".join("" if slot else text for text, slot in argument.text.parts)
        for step in pattern.steps
        for argument in step.arguments
        if argument.mode in ("free", "number")
    ]
    return tuple(part for part in parts if _NUMBER.search(part))


def make(pattern: Pattern, rng: random.Random, split: str = "train") -> Row | None:
    """One row of a pattern, or None when this filling does not work out."""
    try:
        draft, done = solved(pattern, rng)
    except Unfillable:
        DROPPED[f"no values: {pattern.id}"] += 1
        return None
    if not writable(pattern.id, _literals(pattern), _bare(pattern)):
        DROPPED[f"number from nowhere: {pattern.id}"] += 1
        return None
    vary(draft, rng, split)
    question = draft.question
    if "->" in question or "\n" in question:
        return None
    broken = _broken(draft, done, rng) if pattern.steps and rng.random() < FAILING else None
    row = finish(draft, done, broken)
    return from_prompt(row, f"{pattern.source} {pattern.kind}", pattern.id)


def _bare(pattern: Pattern) -> str:
    """The question with its slots taken out."""
    return "".join(" " if slot else text for _, text, slot, _ in pattern.pieces)


def _broken(draft: Draft, done: Mapping[int, Result], rng: random.Random) -> Broken:
    """One call fails, the steps that need it too; the answer says so and nothing else."""
    steps = draft.pattern.steps
    bad = rng.randint(1, len(steps))
    failed = {bad}
    shown: list[tuple[int, Result | Failure]] = []
    for number, step in enumerate(steps, 1):
        text = " ".join(t for a in step.arguments for t, slot in a.text.parts if not slot)
        needs = {int(k) for k in re.findall(r"#(\d)", text)} & failed
        if number == bad:
            reason = rng.choice(_FAILED.get(step.expert, ("no answer",)))
            shown.append((number, Failure("no_answer", reason)))
        elif needs:
            failed.add(number)
            shown.append((number, Failure("no_answer", f"needs #{min(needs)}")))
        else:
            shown.append((number, done[number]))
    subquery = steps[bad - 1].subquery.fill(lambda name: draft.fills[name].sub)
    plain = steps[bad - 1].expert in ("knowledge", "weather") and "#" not in subquery
    sorry = rng.choice(_SORRY).format(s=subquery) if plain else rng.choice(_SORRY_PLAIN)
    if re.search(r"\d", sorry):
        sorry = rng.choice(_SORRY_PLAIN)
    return Broken(shown, sorry)


def rows(rng: random.Random, split: str, source: str) -> Iterator[Row]:
    """Endless rows of one stream of patterns."""
    pool = load(split)[source]
    while True:
        row = make(rng.choice(pool), rng, split)
        if row is not None:
            yield row
