"""Runs in which a call fails: the answer says so plainly, and nothing else.

In: an executed draft. Out: `Broken` now and then: one step failed, the steps that need it too, and
a sentence about it. The wording never holds a number, because none can be relied on.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from mrkl.experts.base import Failure, Result
from training.data.filling import Broken, Draft

SHARE = 0.025  # of rows with steps
_REASONS: Mapping[str, tuple[str, ...]] = {
    "knowledge": ("not known here", "no such entry", "none of the countries fits"),
    "weather": ("no network", "place not found", "the service did not answer"),
    "currency": ("not a currency I know", "no rate for that day"),
    "calendar": ("not a date I can read", "unknown place", "not a holiday that I know"),
    "units": ("unknown unit", "the dimensions differ"),
    "algebra": ("there is no real solution", "no closed form", "timeout after 10 s"),
    "calculator": ("division by zero", "too large", "not a number"),
    "encyclopedia": ("no network", "no article of that name"),
}
_NAMED = (
    "I couldn't find the {s}.", "Sorry, I could not get the {s}.", "The {s} could not be found.",
    "I wasn't able to find the {s}.", "I have no {s}, sorry.", "No luck with the {s}.",
)  # fmt: skip
_PLAIN = (
    "That couldn't be worked out.", "Sorry, that didn't work.", "I couldn't work that out.",
    "I could not get a result for that.", "I have no result for that, sorry.",
)  # fmt: skip


def broken(draft: Draft, done: Mapping[int, Result], rng: random.Random) -> Broken | None:
    """A failed run for a small share of drafts with steps, else None."""
    steps = draft.pattern.steps
    if not steps or rng.random() >= SHARE:
        return None
    bad = rng.randint(1, len(steps))
    failed = {bad}
    shown: list[tuple[int, Result | Failure]] = []
    for number, step in enumerate(steps, 1):
        text = " ".join(t for a in step.arguments for t, slot in a.text.parts if not slot)
        needs = {int(k) for k in re.findall(r"#(\d)", text)} & failed
        if number == bad:
            reason = rng.choice(_REASONS.get(step.expert, ("no answer",)))
            shown.append((number, Failure("no_answer", reason)))
        elif needs:
            failed.add(number)
            shown.append((number, Failure("no_answer", f"needs #{min(needs)}")))
        else:
            shown.append((number, done[number]))
    return Broken(shown, _sorry(draft, bad, rng))


def _sorry(draft: Draft, bad: int, rng: random.Random) -> str:
    step = draft.pattern.steps[bad - 1]
    subquery = step.subquery.fill(lambda name: draft.fills[name].sub)
    if step.expert in ("knowledge", "weather") and not re.search(
        r"[#\d]|^(is|which|the)\b", subquery
    ):
        return rng.choice(_NAMED).format(s=subquery)
    return rng.choice(_PLAIN)
