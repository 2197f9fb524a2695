"""Who may answer a step whose expert broke: the router's next candidate that takes the same call.

In: a draft, with the router's probabilities for each step, and the experts on offer. Out: names by
step. An expert that says it knows no answer did not break. Where a call writes, or must not be
repeated, nobody stands in; nor where the arguments would have to be others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mrkl.experts.base import Expert
from mrkl.language import Choice, Draft
from mrkl.plan import Plan

FAULTS = ("crashed", "timeout", "offline", "contract")
LEAST = 0.05  # probability, by the router, of an expert that may stand in


def stand_ins(draft: Draft, experts: Mapping[str, Expert]) -> dict[int, str]:
    """For each step, the most probable other expert that could be asked the same, if any."""
    found: dict[int, str] = {}
    for step in draft.plan:
        choice = draft.choices.get(step.id)
        ranked = sorted(choice.router.items(), key=lambda pair: -pair[1]) if choice else []
        for name, probability in ranked:
            other = experts.get(name)
            if other is None or name == step.expert or probability < LEAST:
                continue
            if same_call(experts[step.expert], other):
                found[step.id] = name
                break
    return found


def same_call(one: Expert, other: Expert) -> bool:
    """Whether both take the same arguments, and calling the second after the first does no harm."""
    harmless = all(e.idempotent and e.effects != "write" for e in (one, other))
    return harmless and _signature(one) == _signature(other)


def _signature(expert: Expert) -> set[tuple[str, str, bool]]:
    return {(p.name, p.type, p.required) for p in expert.card.parameters}


def applied(draft: Draft, stood_in: Mapping[int, str]) -> Draft:
    """The draft with the experts that answered in place of those that broke."""
    if not stood_in:
        return draft
    steps = [replace(step, expert=stood_in.get(step.id, step.expert)) for step in draft.plan]
    choices = dict(draft.choices)
    for number, name in stood_in.items():
        choice = choices[number]
        choices[number] = Choice(name, choice.router.get(name, 0.0), choice.router, choice.core)
    return replace(draft, plan=Plan(tuple(steps)), choices=choices)
