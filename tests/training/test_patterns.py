"""The pattern files: what is kept, what is set aside, and numbers within their conditions."""

from __future__ import annotations

import random
from collections import Counter

from training.data import filling, mixture, patterns
from training.data.patterns import Pattern

NEWEST = (
    "arithmetic_4", "measures_4", "knowledge_4", "limits_4", "mixed_4", "heldout_3",
    "arithmetic_5", "measures_5", "limits_5", "mixed_5", "knowledge_5", "mixed_6",
)  # fmt: skip


def file_of(pattern: Pattern) -> str:
    return pattern.id.partition("/")[0]


def test_no_pattern_of_the_newest_files_is_left_out() -> None:
    drops: Counter[str] = Counter()
    found = Counter(file_of(pattern) for pattern in patterns.load(drops))
    assert [why for why in drops if why.startswith(NEWEST) and "firewall" not in why] == []
    assert found["mixed_3"] > 100


def test_files_kept_aside_are_never_trained_on() -> None:
    train = {file_of(p) for source in mixture.PATTERNS for p in mixture.pool(source, "train")}
    held = {file_of(p) for source in mixture.PATTERNS for p in mixture.pool(source, "heldout")}
    assert "heldout_3" in held
    assert "heldout_3" not in train


def test_slots_are_drawn_within_the_conditions() -> None:
    pattern = next(p for p in patterns.all_patterns() if p.question.startswith("scuba gauge"))
    assert (pattern.hints["b"].low, pattern.hints["b"].high) == (20, 300)
    rng = random.Random(1)
    for _ in range(50):
        number = filling.draw(pattern, rng).fills["b"].number
        assert number is not None
        assert 20 < number < 300
