"""mrkl: a small Jamba reads the question, a router picks experts, every number has a source.

`mrkl.Agent().ask("…")` answers; `@mrkl.expert` adds an expert. Names load when first used, so that
importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrkl.agent import Agent
    from mrkl.answer import Answer, Span, Status, StepRecord
    from mrkl.budget import Budget
    from mrkl.experts.base import Card, Context, Expert, ExpertError, Failure, Parameter, Result
    from mrkl.experts.decorator import Free, expert
    from mrkl.experts.registry import builtin_experts, load_expert
    from mrkl.experts.world import World
    from mrkl.language import ModelError
    from mrkl.structured import NoAnswer

__version__ = "0.1.0"

_HOMES = {
    "Agent": "mrkl.agent",
    "Answer": "mrkl.answer",
    "Budget": "mrkl.budget",
    "Card": "mrkl.experts.base",
    "Context": "mrkl.experts.base",
    "Expert": "mrkl.experts.base",
    "ExpertError": "mrkl.experts.base",
    "Failure": "mrkl.experts.base",
    "Free": "mrkl.experts.decorator",
    "ModelError": "mrkl.language",
    "NoAnswer": "mrkl.structured",
    "Parameter": "mrkl.experts.base",
    "Result": "mrkl.experts.base",
    "Span": "mrkl.answer",
    "Status": "mrkl.answer",
    "StepRecord": "mrkl.answer",
    "World": "mrkl.experts.world",
    "builtin_experts": "mrkl.experts.registry",
    "expert": "mrkl.experts.decorator",
    "load_expert": "mrkl.experts.registry",
}
_ROOMS = ("experts", "jamba_core", "router", "tools")

__all__ = [
    "Agent",
    "Answer",
    "Budget",
    "Card",
    "Context",
    "Expert",
    "ExpertError",
    "Failure",
    "Free",
    "ModelError",
    "NoAnswer",
    "Parameter",
    "Result",
    "Span",
    "Status",
    "StepRecord",
    "World",
    "builtin_experts",
    "expert",
    "load_expert",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return import_module(f"mrkl.{name}")
    raise AttributeError(f"module 'mrkl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, *_ROOMS])
