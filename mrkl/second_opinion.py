"""Two experts that are close are both asked, and what they say is compared.

In: a draft with the router's probabilities, and what both said. Out: who else is asked, whether the
two agree, and a confidence that knows of it. Only experts that take the same call, repeat it without
harm and write nothing are asked so (mrkl.stand_in).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from mrkl.experts.base import Result
from mrkl.language import Draft

CLOSE = 0.5  # of the chosen expert's probability, from which the next one is asked too
_TOLERANCE = 1e-9  # relative; two ways to compute a number may round differently


@dataclass(frozen=True)
class Opinion:
    """What the second expert said; `probability` is the router's for it."""

    expert: str
    probability: float
    result: Result
    agrees: bool

    def as_dict(self) -> dict[str, Any]:
        return {"expert": self.expert, "text": str(self.result), "agrees": self.agrees}


def close_calls(draft: Draft, second: Mapping[int, str]) -> dict[int, tuple[str, float]]:
    """Of the `stand_ins`, by step, those that are close, each with its probability."""
    found: dict[int, tuple[str, float]] = {}
    for number, name in second.items():
        choice = draft.choices[number]
        if choice.router[name] >= CLOSE * choice.probability > 0:
            found[number] = name, choice.router[name]
    return found


def agree(one: Result, other: Result) -> bool:
    """Whether two results say the same: numbers to the last digits, texts but for their case."""
    if (one.unit or None) != (other.unit or None):
        return False
    return _same(one.value, other.value)


def _same(one: object, other: object) -> bool:
    alike = type(one) is type(other) and one == other
    first, second = _number(one), _number(other)
    if first is not None and second is not None:
        return abs(first - second) <= _TOLERANCE * max(abs(first), abs(second))
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold().split() == other.casefold().split()
    if isinstance(one, list) and isinstance(other, list):
        mine, theirs = cast("list[object]", one), cast("list[object]", other)
        return len(mine) == len(theirs) and all(map(_same, mine, theirs))
    return alike


def _number(value: object) -> Fraction | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        return None
    return Fraction(value)  # results are finite (mrkl.experts.call)


def weighed(draft: Draft, opinions: Mapping[int, Opinion]) -> float:
    """The confidence after both were asked.

    A second expert that says the same is a witness who is right with its own probability; one that
    says otherwise leaves the first only its share of the two.
    """
    confidence = draft.confidence
    for number, opinion in opinions.items():
        own, other = draft.choices[number].probability, opinion.probability
        if opinion.agrees:
            confidence = 1 - (1 - confidence) * (1 - other)
        else:
            confidence *= own / (own + other)
    return confidence


def hoped(draft: Draft, close: Mapping[int, tuple[str, float]]) -> float:
    """The confidence if all second opinions agreed: below the threshold nobody need be asked."""
    confidence = draft.confidence
    for _, share in close.values():
        confidence = 1 - (1 - confidence) * (1 - share)
    return confidence
