"""From which confidence on a plan is carried out."""

import pytest

from mrkl.agent import Agent
from mrkl.confidence import LEAST_KNOWN, LEAST_UNSEEN, Certainty, needed
from mrkl.experts.registry import builtin_expert
from mrkl.scripted import ScriptedLanguage
from tests.mrkl.test_second_opinion import Routed

STEP = '#1 3 plus 4 -> calculator(expression="3 + 4")\n<|answer|>It is #1.<|end|>'


@pytest.mark.parametrize(
    ("experts", "chosen", "least"),
    [
        (["calculator"], None, LEAST_KNOWN),
        (["calculator", "mine"], None, LEAST_UNSEEN),
        (["mine"], 0.2, 0.2),
        (["calculator"], 0.0, 0.0),
    ],
)
def test_what_a_plan_needs(experts: list[str], chosen: float | None, least: float) -> None:
    assert needed(experts, {"calculator"}, chosen) == least


@pytest.mark.parametrize(("chosen", "status"), [(0.5, "abstained"), (0.0, "answered")])
def test_a_threshold_of_ones_own(chosen: float, status: str) -> None:
    model = Routed({"3 plus 4": STEP}, {"calculator": 0.9}, sure=0.3)
    agent = Agent([builtin_expert("calculator")], model=model, least_confidence=chosen)
    assert agent.ask("3 plus 4").status == status


@pytest.mark.parametrize("chosen", [-0.1, 1.5])
def test_a_threshold_that_cannot_be(chosen: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        Agent([], model=ScriptedLanguage({}), least_confidence=chosen)


def test_more_to_read_and_to_plan_is_less_sure() -> None:
    short = Certainty(among=[-0.1], routed=[0.9], words=5)
    long = Certainty(among=[-0.1], routed=[0.9, 0.9, 0.9], words=60)
    assert long.probability() < short.probability()
