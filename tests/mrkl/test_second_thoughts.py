"""The plainest questions, which the core takes for unanswerable, are tried where the plan is sure."""

from __future__ import annotations

import pytest

from mrkl.agent import Agent
from mrkl.experts.base import Context, Expert, Failure, Result
from mrkl.experts.registry import builtin_experts


@pytest.fixture(scope="module")
def agent() -> Agent:
    return Agent(builtin_experts())


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("what is the capital of peru", "Lima"),
        ("What is the capital of Japan?", "Tokyo"),
        ("what is the capital of france", "Paris"),
        ("what is the atomic number of gold", 79),
    ],
)
def test_plain_questions_are_answered(agent: Agent, question: str, value: object) -> None:
    answer = agent.ask(question)
    assert (answer.status, answer.value) == ("answered", value), answer.text


def test_what_is_not_there_is_left_with_the_first_thought(agent: Agent) -> None:
    answer = agent.ask("what is the capital of mars?")
    assert answer.status == "abstained"
    assert "No answer for" not in answer.text
    assert not answer.steps


def test_small_talk_is_no_plan(agent: Agent) -> None:
    answer = agent.ask("hello there")
    assert (answer.status, answer.steps) == ("answered", ())


def test_nothing_is_tried_that_needs_the_network() -> None:
    """Where look-ups go out, the core's first thought is kept."""
    asked: list[str] = []

    def fetch(arguments: dict[str, object], context: Context) -> Result | Failure:
        asked.append("fetched")
        return Result("Lima")

    known = next(expert for expert in builtin_experts() if expert.name == "knowledge")
    outside = Expert(known.card, fetch, effects="network")  # pyright: ignore[reportArgumentType]
    answer = Agent([outside]).ask("What is the capital of Japan?")
    assert (answer.status, asked) == ("abstained", [])
