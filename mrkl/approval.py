"""Calls that write: who allows them, and what they are shown.

In: a call with its filled arguments and where each of them came from. Out: a reason to refuse, or
None. A write that depends on text from outside (a result of an expert that reads or asks the
network) is never made without being asked about, whatever the agent allows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mrkl.experts.base import Expert
from mrkl.plan import Plan, Step

_OUTSIDE = ("read", "network")
_SHOWN = 300  # characters of an argument in a question to a person


@dataclass(frozen=True)
class WriteRequest:
    """One call that would write: the exact arguments, and the origin of each in words.

    `outside`: something in it came from outside. `str()` gives the lines to show to a person.
    """

    expert: str
    arguments: Mapping[str, Any]
    origins: Mapping[str, str]
    outside: bool = False

    def __str__(self) -> str:
        lines = [f"{self.expert} wants to write:"]
        for name, value in self.arguments.items():
            shown = "".join(c if c.isprintable() else "?" for c in repr(value))
            cut = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}… ({len(shown)} characters)"
            lines.append(f"  {name} = {cut}   (from {self.origins[name]})")
        if self.outside:
            lines.append("  Part of this came from outside, not from you.")
        return "\n".join(lines)


Approve: TypeAlias = Callable[[WriteRequest], bool]


def write_request(
    plan: Plan,
    step: Step,
    arguments: Mapping[str, Any],
    experts: Mapping[str, Expert],
    question: str,
) -> WriteRequest:
    """The request for a step whose references are filled."""
    steps = {other.id: other for other in plan}
    origins = {
        name: _origin(step, name, value, steps, question) for name, value in arguments.items()
    }
    needed = _all_needed(step, steps)
    outside = any(experts[other.expert].effects in _OUTSIDE for other in needed)
    return WriteRequest(step.expert, arguments, origins, outside)


def refusal(request: WriteRequest, allowed: bool, approve: Approve | None) -> str | None:
    """Why the write may not be made, or None. A callback that fails has not said yes."""
    if allowed and not request.outside:
        return None
    if approve is None:
        why = "depends on text from outside" if request.outside and allowed else "writes"
        return f"{request.expert} {why}, and nobody was asked to allow it"
    try:
        answer = approve(request)
    except Exception as error:  # noqa: BLE001 - no answer is no
        return f"{request.expert} writes, and asking failed: {type(error).__name__}"
    return None if answer is True else f"{request.expert} writes, which was not allowed"


def ask_person(request: WriteRequest) -> bool:
    """Show the request on stderr and read yes or no; no where there is no terminal."""
    if not (sys.stdin and sys.stdin.isatty()):
        return False
    print(f"{request}\nAllow it? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _all_needed(step: Step, steps: Mapping[int, Step]) -> list[Step]:
    """Every step whose result goes into this one, directly or not."""
    found: dict[int, Step] = {}
    waiting = list(step.depends_on)
    while waiting:
        number = waiting.pop()
        if number not in found:
            found[number] = steps[number]
            waiting += steps[number].depends_on
    return list(found.values())


def _origin(step: Step, name: str, value: Any, steps: Mapping[int, Step], question: str) -> str:
    written = str(step.arguments.get(name, ""))
    used = [number for number in step.depends_on if f"#{number}" in written]
    if used:
        return ", ".join(f"step {number}, {steps[number].expert}" for number in used)
    text = " ".join(str(value).casefold().split())
    return "your question" if text and text in question.casefold() else "the language model"
