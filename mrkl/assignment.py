"""Other ways to give a question's numbers to a call's parameters.

In: a text, a card, the arguments as first written. Out: arguments in which each number of the text is
used as often as it is said, for the core to choose from; none where the first ones did so already.
Greedy writing puts one number into two places and leaves another unread; each place alone looked
right, the call as a whole does not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations
from math import perm
from typing import Any

from mrkl.experts.base import Card, Parameter
from mrkl.numbers_in import repeated_numbers, unread_numbers
from mrkl.plan import NUMERIC
from mrkl.tools.number_words import find_numbers
from mrkl.tools.numerals import number_text

MOST = 24  # ways that are weighed; all orders of four numbers
_BARE = re.compile(r"\d+(?:\.\d+)?")
Arguments = dict[str, Any]


def other_ways(text: str, card: Card, arguments: Mapping[str, Any]) -> list[Arguments]:
    """Arguments with the bare numbers dealt out anew, or only those that were used twice."""
    written = [str(value) for value in arguments.values()]
    if not repeated_numbers(text, written) or not unread_numbers(text, written):
        return []
    said = [number_text(abs(value), 12) for _, _, value in find_numbers(text)]
    bare = [p for p in card.parameters if p.type in NUMERIC and _is_bare(arguments.get(p.name))]
    uses = Counter(str(arguments[p.name]) for p in bare)
    twice = [p for p in bare if uses[str(arguments[p.name])] > 1]
    for places in (bare, twice):
        fixed = [str(value) for name, value in arguments.items() if not _among(name, places)]
        pool = _left(said, fixed)
        if 0 < len(places) <= len(pool) and perm(len(pool), len(places)) <= MOST:
            return [dict(arguments) | dealt for dealt in _dealt(places, pool)]
    return []


def _is_bare(value: Any) -> bool:
    return not isinstance(value, bool) and bool(_BARE.fullmatch(str(value)))


def _among(name: str, places: Sequence[Parameter]) -> bool:
    return any(place.name == name for place in places)


def _left(said: list[str], fixed: list[str]) -> list[str]:
    """The numbers said that no fixed argument holds."""
    held = Counter(number for text in fixed for number in _BARE.findall(text))
    return list((Counter(said) - held).elements())


def _dealt(places: Sequence[Parameter], pool: list[str]) -> Iterator[Arguments]:
    seen: set[tuple[str, ...]] = set()
    for chosen in islice(permutations(pool, len(places)), MOST):
        whole = all(p.type != "int" or "." not in n for p, n in zip(places, chosen, strict=True))
        if whole and chosen not in seen:
            seen.add(chosen)
            yield {p.name: n for p, n in zip(places, chosen, strict=True)}
