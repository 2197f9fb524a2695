"""Two experts that are close are both asked: agreement raises the confidence, difference is told."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.confidence import LEAST_UNSEEN
from mrkl.experts.base import Expert, Result
from mrkl.language import Choice
from mrkl.scripted import ScriptedLanguage
from mrkl.second_opinion import agree

asked: list[str] = []


def gauge(name: str, level: float, **options: Any) -> Expert:
    def read(station: str) -> float:
        """Water level at a station."""
        asked.append(name)
        return level

    read.__name__ = name
    return mrkl.expert(isolate=False, **options)(read)


class Routed(ScriptedLanguage):
    """A scripted module with these probabilities and this confidence."""

    def __init__(self, scripts: dict[str, str], router: dict[str, float], sure: float) -> None:
        super().__init__(scripts)
        self.router, self.sure = router, sure

    def draft(self, *arguments: Any, **named: Any) -> Any:
        draft = super().draft(*arguments, **named)
        choices = {s.id: Choice(s.expert, self.router[s.expert], self.router) for s in draft.plan}
        return replace(draft, choices=choices, confidence=self.sure)


def ask(router: dict[str, float], experts: Sequence[Expert], sure: float = 0.9) -> Any:
    asked.clear()
    script = '#1 level at Kampen -> north(station="Kampen")\n<|answer|>The level is #1.<|end|>'
    question = "level at Kampen"
    return Agent(experts, model=Routed({question: script}, router, sure)).ask(question)


def test_agreement_raises_the_confidence() -> None:
    answer = ask({"north": 0.5, "south": 0.4}, [gauge("north", 4.5), gauge("south", 4.5)])
    assert (answer.text, asked) == ("The level is 4.5.", ["north", "south"])
    assert answer.confidence == pytest.approx(1 - 0.1 * 0.6)
    assert answer.steps[0].second.agrees


def test_disagreement_is_told_and_counts_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mrkl.confidence.LEAST_UNSEEN", 0.5)
    answer = ask({"north": 0.5, "south": 0.4}, [gauge("north", 4.5), gauge("south", 5.25)], 0.99)
    assert answer.text == "The level is 4.5. But south says: 5.25."
    assert (answer.value, [span.text for span in answer.spans]) == (4.5, ["4.5", "5.25"])
    assert all(answer.text[s.start : s.end] == s.text and s.step == 1 for s in answer.spans)
    assert answer.confidence == pytest.approx(0.99 * 0.5 / 0.9)
    assert answer.as_dict()["steps"][0]["second"] == {
        "expert": "south",
        "text": "5.25",
        "agrees": False,
    }


def test_a_doubtful_plan_is_saved_by_agreement_only() -> None:
    just_below = LEAST_UNSEEN - 0.05
    close = {"north": 0.5, "south": 0.45}
    agreed = ask(close, [gauge("north", 4.5), gauge("south", 4.5)], just_below)
    assert agreed.status == "answered"
    differing = ask(close, [gauge("north", 4.5), gauge("south", 6.0)], just_below)
    assert (differing.status, asked) == ("abstained", ["north", "south"])
    assert differing.text == "I am not sure: north says 4.5, but south says 6."
    assert [(span.text, span.step) for span in differing.spans] == [("4.5", 1), ("6", 1)]


@pytest.mark.parametrize(
    ("router", "other"),
    [
        ({"north": 0.8, "south": 0.2}, gauge("south", 4.5)),  # not close
        ({"north": 0.5, "south": 0.5}, gauge("south", 4.5, effects="write")),
        ({"north": 0.5, "south": 0.5}, gauge("south", 4.5, idempotent=False)),
    ],
)
def test_who_is_not_asked_too(router: dict[str, float], other: Expert) -> None:
    answer = ask(router, [gauge("north", 4.5), other])
    assert (answer.confidence, asked) == (0.9, ["north"])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Result(0.1 + 0.2), Result(0.3), True),
        (Result(4), Result(4.0), True),
        (Result(4, "m"), Result(4, "ft"), False),
        (Result("Ada  Lovelace"), Result("ada lovelace"), True),
        (Result(["a", 1]), Result(["A", 1.0]), True),
        (Result(["a"]), Result(["a", "b"]), False),
        (Result(True), Result(1), False),
        (Result(None), Result(0), False),
    ],
)
def test_what_counts_as_the_same(one: Result, other: Result, same: bool) -> None:
    assert agree(one, other) is same
