from collections.abc import Callable

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.experts.registry import builtin_expert
from mrkl.scripted import ScriptedLanguage


@mrkl.expert
def double(number: float) -> float:
    """Twice a number."""
    return number * 2


@pytest.fixture
def scripted() -> Callable[..., Agent]:
    """Makes an agent whose language module writes what it is told."""

    def make(scripts: dict[str, str], *experts: object, **options: object) -> Agent:
        confidence = options.pop("confidence", 1.0)
        chosen = [builtin_expert("calculator"), *experts]
        return Agent(chosen, model=ScriptedLanguage(scripts, confidence), **options)

    return make
