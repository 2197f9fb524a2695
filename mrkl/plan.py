"""The plan: typed steps, the parser of their text, and the checks before anything is called.

In: lines such as `#2 half of #1 -> calculator(expression="#1 / 2")` and the cards on offer. Out:
`Step` and `Plan`, or a `PlanError` with one line saying what is wrong. The parser reads each
character once and accepts exactly what docs/contracts.md section 3 describes; it runs nothing.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from mrkl.experts.base import Card, Parameter
from mrkl.prompt import ARROW, render_arguments

MAX_STEPS = 6
_MAX_LINE = 4_000  # characters; the core writes far less, a remote model might not
_DECODER = json.JSONDecoder()
_ARITHMETIC = frozenset("0123456789.+-*/()# ")
NUMERIC = ("int", "float", "number")


class PlanError(ValueError):
    """A plan that cannot be used."""


@dataclass(frozen=True)
class Reference:
    """The whole value of an earlier step, in a place where a number, list or date is wanted."""

    step: int

    def __str__(self) -> str:
        return f"#{self.step}"


@dataclass(frozen=True)
class Arithmetic:
    """Arithmetic over numbers and references, such as `3.5*60` or `#1+2`, in a number's place."""

    text: str

    def __str__(self) -> str:
        return self.text


Argument: TypeAlias = "str | int | float | bool | Reference | Arithmetic | list[Argument]"


@dataclass(frozen=True)
class Step:
    """One line of a plan. `depends_on` holds the numbers of the steps whose results it uses."""

    id: int
    subquery: str
    expert: str
    arguments: Mapping[str, Argument]
    depends_on: tuple[int, ...] = ()

    def as_written(self) -> dict[str, Any]:
        """The arguments with JSON's types only; references and arithmetic as text."""
        return {name: _plain(value) for name, value in self.arguments.items()}


@dataclass(frozen=True)
class Plan:
    """Steps in order; each depends on earlier ones only."""

    steps: tuple[Step, ...] = field(default_factory=tuple)

    def outputs(self) -> tuple[Step, ...]:
        """The steps that no other step uses: theirs are the values of the answer."""
        used = {number for step in self.steps for number in step.depends_on}
        return tuple(step for step in self.steps if step.id not in used)

    def experts(self) -> list[str]:
        """The experts of the steps, in order."""
        return [step.expert for step in self.steps]

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


def parse_plan(text: str, cards: Mapping[str, Card]) -> Plan:
    """Read a whole plan, one step a line; raises PlanError."""
    lines = [line for line in text.split("\n") if line]
    if not lines:
        raise PlanError("the plan is empty")
    if len(lines) > MAX_STEPS:
        raise PlanError(f"the plan has {len(lines)} steps; at most {MAX_STEPS} are allowed")
    return Plan(tuple(parse_step(line, number, cards) for number, line in enumerate(lines, 1)))


def parse_step(line: str, number: int, cards: Mapping[str, Card]) -> Step:
    """Read step `number`: `#k SUBQUERY -> EXPERT(ARGUMENTS)`; raises PlanError."""
    if len(line) > _MAX_LINE:
        raise PlanError(f"step {number} is longer than {_MAX_LINE} characters")
    head = f"#{number} "
    if not line.startswith(head):
        raise PlanError(f"step {number} must start with {head!r}")
    subquery, arrow, call = line[len(head) :].partition(f"{ARROW} ")
    name, parenthesis, rest = call.partition("(")
    if not arrow or not subquery.strip() or not parenthesis or not rest.rstrip().endswith(")"):
        raise PlanError(f"step {number} is not of the form '#{number} SUBQUERY -> EXPERT(…)'")
    return make_step(number, subquery.strip(), name, rest.rstrip()[:-1], cards)


def make_step(
    number: int, subquery: str, expert: str, arguments: str, cards: Mapping[str, Card]
) -> Step:
    """Put a step together from its parts; `arguments` is the text between the parentheses."""
    card = cards.get(expert)
    if card is None:
        raise PlanError(f"step {number}: there is no expert named {expert!r}{near(expert, cards)}")
    try:
        values = parse_arguments(arguments, card)
        needed = _references(values, card)
    except PlanError as error:
        raise PlanError(f"step {number}: {expert}: {error}") from None
    late = next((k for k in needed if not 1 <= k < number), None)
    if late is not None:
        raise PlanError(f"step {number} uses #{late}, which is not an earlier step")
    return Step(number, subquery, expert, values, needed)


def given_plan(
    calls: Iterable[tuple[str, str, Mapping[str, Any]]], cards: Mapping[str, Card]
) -> Plan:
    """A plan from (subquery, expert, arguments), the arguments as plain values; raises PlanError."""
    steps: list[Step] = []
    for number, (subquery, expert, arguments) in enumerate(calls, 1):
        card = cards.get(expert)
        if card is None:
            raise PlanError(
                f"step {number}: there is no expert named {expert!r}{near(expert, cards)}"
            )
        try:
            written = render_arguments(arguments, card.parameters)
        except ValueError as error:
            raise PlanError(f"step {number}: {expert}: {error}") from None
        steps.append(make_step(number, subquery, expert, written, cards))
    return Plan(tuple(steps))


def parse_arguments(text: str, card: Card) -> dict[str, Argument]:
    """Read `name=value, …`, in the order of the signature; raises PlanError."""
    order = [parameter.name for parameter in card.parameters]
    values: dict[str, Argument] = {}
    at, following = 0, 0
    while at < len(text):
        if values:
            at = _expect(text, at, ", ")
        equals = text.find("=", at)
        name = text[at:equals] if equals > 0 else text[at:]
        if name not in order or equals < 0:
            raise PlanError(
                f"no parameter {name[:40]!r}{near(name, order)}; it has {', '.join(order) or 'none'}"
            )
        if order.index(name) < following:
            raise PlanError(f"{name!r} is repeated or out of order")
        following = order.index(name) + 1
        value, at = _value(text, equals + 1)
        values[name] = _fitted(value, card.parameters[following - 1])
    missing = next((p.name for p in card.parameters if p.required and p.name not in values), None)
    if missing is not None:
        raise PlanError(f"{missing!r} is missing")
    return values


def near(name: str, known: Iterable[str]) -> str:
    """`; did you mean …?` where one of the known names is like this one, else nothing."""
    found = difflib.get_close_matches(name[:100], list(known), n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""


def _expect(text: str, at: int, what: str) -> int:
    if not text.startswith(what, at):
        raise PlanError(f"expected {what!r} at {text[at : at + 20]!r}")
    return at + len(what)


def _value(text: str, at: int, in_list: bool = False) -> tuple[Argument, int]:
    """One value and the place after it."""
    if text.startswith('"', at):
        try:
            value, end = _DECODER.raw_decode(text, at)
        except ValueError:
            raise PlanError(f"a text is not closed: {text[at : at + 20]!r}") from None
        return cast(str, value), end
    if text.startswith("[", at) and not in_list:
        return _list(text, at + 1)
    end, depth = at, 0
    while end < len(text) and (depth or text[end] not in ",]"):
        depth += (text[end] == "(") - (text[end] == ")")
        end += 1
    return _bare(text[at:end]), end


def _list(text: str, at: int) -> tuple[Argument, int]:
    items: list[Argument] = []
    while not text.startswith("]", at):
        if items:
            at = _expect(text, at, ", ")
        item, at = _value(text, at, in_list=True)
        items.append(item)
    return items, at + 1


def _bare(word: str) -> Argument:
    """true, false, a number, a reference or arithmetic."""
    if word in ("true", "false"):
        return word == "true"
    if word[:1] == "#" and word[1:].isdecimal():
        return Reference(int(word[1:]))
    sign = word[:1] == "-"
    digits = word[1:] if sign else word
    if digits.isdecimal() and digits.isascii():
        return int(word)
    whole, point, decimals = digits.partition(".")
    if point and decimals.isdecimal() and whole.isdecimal() and digits.isascii():
        return float(word)
    if not word or not _ARITHMETIC.issuperset(word):
        raise PlanError(f"not a value: {word[:40]!r}")
    return Arithmetic(word)


def _fitted(value: Argument, parameter: Parameter) -> Argument:
    """The value, if it has a shape that the parameter's type allows."""
    kind = parameter.type
    if isinstance(value, Reference) and kind != "bool" and not parameter.choices:
        return value
    if parameter.choices:
        fits = isinstance(value, str) and value in parameter.choices
    elif kind in NUMERIC:
        fits = isinstance(value, int | float | Arithmetic) and not isinstance(value, bool)
    elif kind == "bool":
        fits = isinstance(value, bool)
    elif kind.startswith("list["):
        inner = Parameter(parameter.name, kind[5:-1])
        fits = isinstance(value, list)
        if isinstance(value, list):
            return [_fitted(item, inner) for item in value]
    else:
        fits = isinstance(value, str)
    if not fits:
        wanted = "one of its choices" if parameter.choices else kind
        raise PlanError(f"{parameter.name!r} must be {wanted}, not {_plain(value)!r}")
    return value


def references(text: str) -> Iterator[tuple[int, int, int]]:
    """Every `#k` of a text as (start, end, k), from left to right."""
    start = text.find("#")
    while start >= 0:
        end = start + 1
        while end < len(text) and text[end] in "0123456789" and end - start <= 3:
            end += 1
        if end > start + 1:
            yield start, end, int(text[start + 1 : end])
        start = text.find("#", end)


def _references(arguments: Mapping[str, Argument], card: Card) -> tuple[int, ...]:
    """The steps that the arguments refer to, in order and once each."""
    found: set[int] = set()
    for name, value in arguments.items():
        parameter = card.parameter(name)
        copied = parameter is not None and parameter.copy and parameter.type in ("str", "list[str]")
        for item in cast("Iterable[Argument]", value if isinstance(value, list) else [value]):
            found.update(_used(item, copied))
    return tuple(sorted(found))


def _used(value: Argument, copied: bool) -> Iterator[int]:
    if isinstance(value, Reference):
        yield value.step
    elif isinstance(value, str | Arithmetic):
        text = str(value)
        for start, end, number in references(text):
            # in a copied span a `#1` is the user's own, unless it is the whole of it
            if not copied or (start, end) == (0, len(text)):
                yield number


def _plain(value: Argument) -> Any:
    if isinstance(value, Reference | Arithmetic):
        return str(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
