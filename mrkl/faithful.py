"""Checks that a plan takes its numbers and names from the question.

In: a plan, the cards, the question. Out: the first fault, in words that say how to mend it. What
the embedded core writes is bound by its grammar; this is for language modules that are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import cast

from mrkl.experts.base import Card, Parameter
from mrkl.numbers_in import argument_numbers
from mrkl.plan import NUMERIC, Argument, Arithmetic, Plan
from mrkl.prompt import is_reference
from mrkl.references import writing

_NUMBER = re.compile(r"(?<![\w#.])\d+(?:\.\d+)?")


def fault(plan: Plan, cards: Mapping[str, Card], question: str) -> str | None:
    """Why the plan cannot be trusted, or None."""
    known = {Fraction(literal) for literal in argument_numbers(question)}
    text = " ".join(question.casefold().split())
    for step in plan:
        for name, value in step.arguments.items():
            card = cards[step.expert]
            parameter = card.parameter(name)
            items = cast("Iterable[Argument]", value if isinstance(value, list) else [value])
            for item in items:
                found = parameter and _fault(card, parameter, item, known, text)
                if found:
                    return f"step {step.id}: {name}: {found}"
    return None


def _fault(
    card: Card, parameter: Parameter, value: Argument, known: set[Fraction], text: str
) -> str | None:
    kind = parameter.type[5:-1] if parameter.type.startswith("list[") else parameter.type
    numeric = kind in NUMERIC or writing(card, parameter) in ("arithmetic", "algebra")
    if numeric and isinstance(value, str | Arithmetic | int | float):
        strange = [n for n in _NUMBER.findall(str(value)) if Fraction(n) not in known]
        if strange:
            return f"the number {strange[0]} is not in the question"
    if kind == "str" and parameter.copy and not parameter.choices and isinstance(value, str):
        copied = is_reference(value) or " ".join(value.casefold().split()) in text
        if not copied:
            return f"{value!r} does not stand in the question; copy it exactly"
    return None
