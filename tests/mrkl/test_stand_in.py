"""An expert that breaks is replaced by the next candidate that takes the same call, or by none."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.experts.base import Expert
from mrkl.language import Choice
from mrkl.scripted import ScriptedLanguage

asked: list[str] = []


@mrkl.expert(isolate=False)
def first(station: str) -> float:
    """Water level at a station."""
    asked.append("first")
    raise OSError("the gauge is gone")


@mrkl.expert(isolate=False)
def unsure(station: str) -> float:
    """Water level at a station, where it is known."""
    raise mrkl.ExpertError("no_answer", "there is no such station")


@mrkl.expert(isolate=False)
def second(station: str) -> float:
    """Water level at a station, from another gauge."""
    asked.append("second")
    return 4.5


@mrkl.expert(isolate=False)
def other_words(place: str) -> float:
    """Water level at a place."""
    return 9.0


@mrkl.expert(effects="write", isolate=False)
def writes(station: str) -> float:
    """Sets the level at a station."""
    return 1.0


class Routed(ScriptedLanguage):
    """A scripted module whose steps were routed with these probabilities."""

    def __init__(self, scripts: dict[str, str], router: dict[str, float]) -> None:
        super().__init__(scripts)
        self.router = router

    def draft(self, *arguments: Any) -> Any:
        draft = super().draft(*arguments)
        choices = {
            s.id: Choice(s.expert, self.router.get(s.expert, 0), self.router) for s in draft.plan
        }
        return replace(draft, choices=choices)


def ask(expert: str, router: dict[str, float], experts: Sequence[Expert]) -> Any:
    script = f'#1 level at Kampen -> {expert}(station="Kampen")\n<|answer|>It is #1 m.<|end|>'
    question = "level at Kampen"
    agent = Agent(experts, model=Routed({question: script}, router))
    return agent.ask(question)


@pytest.fixture(autouse=True)
def nobody_asked() -> None:
    asked.clear()


def test_the_next_candidate_answers_and_is_named() -> None:
    answer = ask("first", {"first": 0.6, "second": 0.3, "none": 0.1}, [first, second])
    assert (answer.status, answer.value) == ("answered", 4.5)
    assert [step.expert for step in answer.steps] == ["second"]
    assert answer.steps[0].probability == 0.3
    assert asked == ["first", "second"]
    notes = [event.data["text"] for event in answer.trace.events if event.kind == "note"]
    assert any("second is asked instead" in note for note in notes)


@pytest.mark.parametrize(
    ("expert", "router", "experts"),
    [
        ("first", {"first": 0.97, "second": 0.03}, [first, second]),  # not probable enough
        ("first", {"first": 0.5, "other_words": 0.5}, [first, other_words]),  # other arguments
        ("first", {"first": 0.5, "writes": 0.5}, [first, writes]),  # would write
        ("first", {"first": 0.5, "none": 0.5}, [first]),
    ],
)
def test_who_may_not_stand_in(expert: str, router: dict[str, float], experts: list[Any]) -> None:
    answer = ask(expert, router, experts)
    assert answer.status == "failed" and asked == ["first"]
    assert [step.expert for step in answer.steps] == [expert]


def test_not_knowing_is_no_fault() -> None:
    answer = ask("unsure", {"unsure": 0.5, "second": 0.5}, [unsure, second])
    assert answer.status == "abstained" and asked == []
