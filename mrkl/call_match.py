"""Whether a language module writes the calls that it should: drafts compared with wanted plans.

In: a language module, an offer, questions with their plans. Out: a `Match` each. Arguments are
compared as the experts would get them, so `"tomorrow"` and its ISO date are the same, and `3.5*60`
is 210; what depends on earlier results is compared as written. No expert is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mrkl.budget import Budget, BudgetExceeded, Meter
from mrkl.experts.arguments import checked_arguments
from mrkl.experts.base import Expert, ExpertError
from mrkl.experts.world import World
from mrkl.language import Draft, Language, Offer
from mrkl.plan import Plan, Step
from mrkl.references import ReferenceFault, fill
from mrkl.trace import Trace


@dataclass(frozen=True)
class Match:
    """`expert`: the first call goes to the right one; `exact`: all calls are right.

    Where no call is wanted both say whether none was drafted.
    """

    expert: bool
    exact: bool


def match(draft: Draft, wanted: Plan | None, experts: Mapping[str, Expert], world: World) -> Match:
    """Compare a draft with a plan, or with None: no expert can answer."""
    if wanted is None or draft.kind != "plan":
        same = wanted is None and draft.kind != "plan"
        return Match(same, same)
    expert = draft.plan.steps[0].expert == wanted.steps[0].expert
    pairs = zip(draft.plan, wanted, strict=False)
    exact = len(draft.plan) == len(wanted) and all(_same(*pair, experts, world) for pair in pairs)
    return Match(expert, exact)


def matches(
    language: Language,
    offer: Offer,
    asked: Iterable[tuple[str, Plan | None]],
    world: World | None = None,
    budget: Budget | None = None,
) -> Iterator[Match]:
    """Draft each question and compare; a question that takes too long matches nothing.

    Raises ModelError.
    """
    fixed = world or World()
    for question, wanted in asked:
        try:
            draft = language.draft(question, offer, Meter(budget or Budget()), Trace())
        except BudgetExceeded:
            yield Match(False, False)
            continue
        yield match(draft, wanted, offer.experts, fixed)


def _same(one: Step, other: Step, experts: Mapping[str, Expert], world: World) -> bool:
    if one.expert != other.expert:
        return False
    expert = experts[one.expert]
    return _arguments(one, expert, world) == _arguments(other, expert, world)


def _arguments(step: Step, expert: Expert, world: World) -> dict[str, Any]:
    """As the expert would get them, or as written where that cannot be known yet."""
    if not step.depends_on:
        try:
            return checked_arguments(expert, fill(step, expert.card, {}, world))
        except (ReferenceFault, ExpertError):
            pass
    written = step.as_written()
    return {k: v.replace(" ", "") if isinstance(v, str) else v for k, v in written.items()}
