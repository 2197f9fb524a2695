"""The contract of an expert: what it is given, what it gives back, and the card that describes it.

Values in and out are plain (numbers, text, dates, lists of them). An expert is a card plus a
function of (arguments, context); `mrkl.experts.run.call` checks both sides, keeps the deadline and
isolates. This file knows nothing of routing, of language or of any engine.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Literal, TypeAlias, cast

from mrkl.experts.world import World
from mrkl.tools.limits import MEMORY_LIMIT
from mrkl.tools.numerals import EXACT_DIGITS, int_text, number_text

Value: TypeAlias = "int | float | Fraction | str | bool | date | datetime | list[Value] | None"
Effects: TypeAlias = Literal["none", "read", "write", "network"]
FailureKind: TypeAlias = Literal[
    "no_answer", "bad_arguments", "timeout", "crashed", "offline", "refused", "budget", "contract"
]

EFFECTS: tuple[Effects, ...] = ("none", "read", "write", "network")
DESCRIPTION_LIMIT = 480  # characters of a description on a card line
LINE_ITEMS = 8  # list items on a result line
CUT = " (only a part)"  # behind a result that was cut
_JSON_INT_BITS = 12_000  # longer integers go into JSON as text


class ExpertError(Exception):
    """What an expert raises when it cannot answer; anything else it raises counts as a crash."""

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.message = message


@dataclass(frozen=True)
class Result:
    """A typed value with its unit and source; `text` is how a person would write it.

    `seconds` is the time the call took; `truncated` says that the value is only a part; `memory`
    is the most bytes that it held at one time, 0 where it had no process of its own.
    """

    value: Value
    unit: str | None = None
    source: str = ""
    seconds: float = 0.0
    text: str | None = None
    truncated: bool = False
    memory: int = field(default=0, compare=False)

    def __str__(self) -> str:
        text = self.text if self.text is not None else render(self.value, self.unit)
        return f"{text}{CUT}" if self.truncated else text

    def line(self) -> str:
        """The value as the core reads it after `#k = `: short, at most 12 significant digits."""
        return render(_head(self.value), self.unit, digits=EXACT_DIGITS)


@dataclass(frozen=True)
class Failure:
    """Why a call gave no value: a kind for programs, one line for people."""

    kind: FailureKind
    message: str
    seconds: float = 0.0
    memory: int = field(default=0, compare=False)

    def line(self) -> str:
        """The failure as the core reads it after `#k = `."""
        return f"failed: {self.message}"


@dataclass(frozen=True)
class Parameter:
    """One argument of an expert.

    `type` is int, float, str, bool, date, number, enum[a, b], list[str] or list[float]. `copy`:
    a str that must be a span of the question or a reference; False means free text.
    """

    name: str
    type: str
    description: str = ""
    required: bool = True
    default: Value = None
    copy: bool = True

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of an enum, in order; empty for every other type."""
        if not self.type.startswith("enum["):
            return ()
        return tuple(part.strip() for part in self.type[5:-1].split(","))

    def signature(self) -> str:
        """`name: type "description" = default`, as on a card line."""
        text = f"{self.name}: {'|'.join(self.choices) or self.type}"
        if self.description:
            text += f' "{_one_line(self.description).replace(chr(34), chr(39))}"'
        if not self.required:
            bare = self.default is None or bool(self.choices)
            text += f" = {_default_text(self.default, bare)}"
        return text


@dataclass(frozen=True)
class Card:
    """What router and core know of an expert: name, description, signature, example questions."""

    name: str
    description: str
    parameters: tuple[Parameter, ...] = ()
    returns: str = "value"
    examples: tuple[str, ...] = ()

    def line(self) -> str:
        """The one line the core reads: `name(p: type, q: type = default): description`."""
        description = _one_line(self.description)
        if len(description) > DESCRIPTION_LIMIT:
            description = description[: DESCRIPTION_LIMIT - 1].rstrip() + "…"
        signature = ", ".join(parameter.signature() for parameter in self.parameters)
        return f"{self.name}({signature}): {description}"

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, or None."""
        return next((p for p in self.parameters if p.name == name), None)


@dataclass(frozen=True)
class Context:
    """What a call may know besides its arguments.

    `deadline` is a time.monotonic() value; `memory` the bytes that the call may allocate where it
    has a process of its own; `cancelled` tells whether anybody still waits for the call.
    """

    world: World = field(default_factory=World)
    deadline: float = float("inf")
    memory: int = MEMORY_LIMIT
    cancelled: Callable[[], bool] = lambda: False

    def remaining(self) -> float:
        """Seconds until the deadline, never below zero."""
        return max(0.0, self.deadline - time.monotonic())


Function: TypeAlias = Callable[[dict[str, Any], Context], Result]


class Expert:
    """A MRKL module: a card and the function behind it.

    `function(arguments, context)` returns a Result or raises ExpertError. `isolate` runs it in a
    process that can be killed. `origin` ("module:attribute", giving the Expert or a function that
    builds it) lets such a process load it; without one it is forked. `annotations` holds the
    Python type of parameters where it says more than the card; `plain` is a decorated function.
    """

    def __init__(
        self,
        card: Card,
        function: Function,
        *,
        effects: Effects = "none",
        isolate: bool = False,
        timeout: float = 10.0,
        idempotent: bool | None = None,
        origin: str | None = None,
        annotations: Mapping[str, Any] | None = None,
        calls: tuple[tuple[str, dict[str, Any]], ...] = (),
        plain: Callable[..., Any] | None = None,
    ) -> None:
        self.card = card
        self.function = function
        self.effects: Effects = effects
        self.isolate = isolate
        self.timeout = timeout
        # whether a call may be made again: what writes may not, unless it says so
        self.idempotent = effects != "write" if idempotent is None else idempotent
        self.origin = origin
        self.annotations: Mapping[str, Any] = annotations or {}
        self.calls = calls  # example questions with their arguments
        self.plain = plain

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name

    def call(self, arguments: dict[str, Any], context: Context) -> Result:
        """Run the function here and now, unchecked; raises ExpertError."""
        return self.function(arguments, context)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A decorated function stays callable as it was written."""
        if self.plain is None:
            raise TypeError(f"expert {self.name!r} is not a decorated function: use .call()")
        return self.plain(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<expert {self.name} effects={self.effects} isolate={self.isolate}>"


def render(value: Value, unit: str | None = None, digits: int | None = None) -> str:
    """Write a value as text: yes/no, decimals without noise, ISO dates, items joined by commas."""
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, (int, float, Fraction)):
        text = number_text(value) if digits is None else number_text(value, digits)
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="minutes")
    elif isinstance(value, date):
        text = value.isoformat()
    elif isinstance(value, list):
        text = ", ".join(render(item, digits=digits) for item in value)
    else:
        text = "none" if value is None else value
    if not unit:
        return text
    return f"{text}{'' if unit[0] in '%°′″' and unit not in ('°C', '°F') else ' '}{unit}"


def as_json(value: Value) -> Any:
    """The value with JSON's types only: fractions as floats, dates as ISO text."""
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return as_json(value.numerator)
        try:
            return float(value)
        except OverflowError:
            return number_text(value)
    if isinstance(value, int) and value.bit_length() > _JSON_INT_BITS:
        return int_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value


def _head(value: Value) -> Value:
    if isinstance(value, list) and len(value) > LINE_ITEMS:
        return f"{render(cast(Value, value[:LINE_ITEMS]), digits=EXACT_DIGITS)} …"
    return value


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _default_text(value: Value, bare: bool) -> str:
    if bare:
        return "none" if value is None else str(value)
    return json.dumps(as_json(value), ensure_ascii=False)
