"""Drafts compared with wanted plans: the arguments as the experts would get them."""

from typing import Any

import pytest

import mrkl
from mrkl.call_match import Match, match, matches
from mrkl.experts.registry import builtin_expert
from mrkl.experts.world import World
from mrkl.language import Draft, Offer
from mrkl.plan import parse_plan
from mrkl.scripted import ScriptedLanguage


@mrkl.expert
def wait(minutes: float, place: str = "here") -> float:
    """How long."""
    return minutes


EXPERTS = {"wait": wait, "calculator": builtin_expert("calculator")}
CARDS = {name: expert.card for name, expert in EXPERTS.items()}


def compared(written: str, wanted: str) -> Match:
    draft = Draft("plan", parse_plan(written, CARDS))
    return match(draft, parse_plan(wanted, CARDS), EXPERTS, World())


@pytest.mark.parametrize(
    ("written", "wanted", "expert", "exact"),
    [
        ("#1 @ -> wait(minutes=3.5*60)", "#1 a while -> wait(minutes=210)", True, True),
        ('#1 @ -> wait(minutes=2, place="here")', "#1 @ -> wait(minutes=2)", True, True),
        ("#1 @ -> wait(minutes=2)", "#1 @ -> wait(minutes=3)", True, False),
        ('#1 @ -> calculator(expression="2")', "#1 @ -> wait(minutes=2)", False, False),
        (
            "#1 @ -> wait(minutes=2)\n#2 x -> wait(minutes=#1)",
            "#1 @ -> wait(minutes=2)",
            True,
            False,
        ),
        (
            '#1 a -> wait(minutes=2)\n#2 b -> calculator(expression="#1*2")',
            '#1 c -> wait(minutes=2.0)\n#2 d -> calculator(expression="#1 * 2")',
            True,
            True,
        ),
    ],
)
def test_what_is_the_same(written: str, wanted: str, expert: bool, exact: bool):
    assert compared(written, wanted) == Match(expert, exact)


@pytest.mark.parametrize("kind", ["say", "abstain"])
def test_no_call_where_none_is_wanted(kind: Any):
    wanted = parse_plan("#1 @ -> wait(minutes=2)", CARDS)
    assert match(Draft(kind), None, EXPERTS, World()) == Match(True, True)
    assert match(Draft(kind), wanted, EXPERTS, World()) == Match(False, False)
    assert match(Draft("plan", wanted), None, EXPERTS, World()) == Match(False, False)


def test_questions_are_drafted_one_by_one():
    language = ScriptedLanguage({"how long": "#1 @ -> wait(minutes=2)"})
    wanted = parse_plan("#1 @ -> wait(minutes=2)", CARDS)
    found = matches(language, Offer(EXPERTS), [("how long", wanted), ("how long", None)])
    assert list(found) == [Match(True, True), Match(False, False)]
