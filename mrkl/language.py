"""What a language module does for the agent, and what passes between the two.

A module drafts (a plan, something to say, or a reason to abstain) and words the answer around
slots. The embedded Jamba, an OpenAI-compatible endpoint and the scripted module of the tests are
three of them. Nothing here runs a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

from mrkl.budget import Meter
from mrkl.experts.base import Card, Expert, Failure, FailureKind, Result
from mrkl.plan import Plan
from mrkl.trace import Trace

Turn: TypeAlias = tuple[str, str]  # an earlier question and its answer
Outcomes: TypeAlias = Mapping[int, Result | Failure]


class ModelError(Exception):
    """A language module that cannot do its work; `kind` as in a Failure."""

    def __init__(self, message: str, kind: FailureKind = "crashed") -> None:
        super().__init__(message)
        self.kind: FailureKind = kind


class RoutingLike(Protocol):
    """What a router says of one text (docs/architecture.md)."""

    @property
    def expert(self) -> str | None: ...
    @property
    def probabilities(self) -> Mapping[str, float]: ...
    @property
    def candidates(self) -> Sequence[str]: ...


class RouterLike(Protocol):
    """Scores a text against experts."""

    def route(self, text: str, experts: Sequence[Expert]) -> RoutingLike: ...


@dataclass(frozen=True)
class Offer:
    """The experts a question may use; cards of those in `known` need not be shown."""

    experts: Mapping[str, Expert]
    known: frozenset[str] = frozenset()
    router: RouterLike | None = None

    @property
    def cards(self) -> dict[str, Card]:
        """Every expert's card by name."""
        return {name: expert.card for name, expert in self.experts.items()}

    def limited_to(self, names: Sequence[str]) -> Offer:
        """The same offer with the named experts only."""
        kept = {name: self.experts[name] for name in names}
        return Offer(kept, self.known, self.router)


@dataclass(frozen=True)
class Choice:
    """How the expert of a step was chosen: probabilities by name, of router and of core."""

    expert: str
    probability: float
    router: Mapping[str, float] = field(default_factory=dict[str, float])
    core: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True)
class Draft:
    """What the module makes of a question.

    `text` is what it says, or why it abstains; `chosen` says that it abstains of its own accord.
    `confidence` is between 0 and 1. `state` is the module's own and comes back to it in `word`.
    `instead` is said where the plan fails: the module was in two minds.
    """

    kind: Literal["plan", "say", "abstain"]
    plan: Plan = field(default_factory=Plan)
    text: str = ""
    confidence: float = 1.0
    choices: Mapping[int, Choice] = field(default_factory=dict[int, Choice])
    state: Any = None
    chosen: bool = False
    instead: str | None = None


class Language(Protocol):
    """A language module. Both calls raise ModelError or BudgetExceeded."""

    name: str

    def draft(
        self, question: str, offer: Offer, meter: Meter, trace: Trace, history: Sequence[Turn] = ()
    ) -> Draft:
        """Decompose the question, or answer alone, or abstain."""
        ...

    def word(self, question: str, draft: Draft, outcomes: Outcomes, meter: Meter) -> str:
        """The answer's text with a slot `#k` wherever the value of step k belongs."""
        ...
