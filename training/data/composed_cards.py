"""Cards composed from a task and any roles, so that each parameter can be told from the others.

In: a task, the roles it needs and those that may be left out. Out: a card and the name that each
role has on it. Parameters stand in any order; their descriptions stand in the signature, in the
card's text, or nowhere where the name says it all.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from mrkl.experts.base import Card, Parameter
from training.data.card_surface import dressed, in_docstring
from training.data.piece_values import sample
from training.data.pieces import NUMERIC, Role, Task, points

_RETURNS = ("float", "str", "value", "float", "int", "dict", "", "number", "text")
_MEASURE = re.compile(
    r"(number of (?!the\b)|[\w ]+ in \w|(cost|price|pay|profit|fee|money|margin|tax|sum|total|area|"
    r"distance|length|volume|percentage|ratio|factor|average|difference|interest|balance)\b|"
    r"[\w ]+ per )"
)
_COMPOUND = re.compile(r"\bper\b|newton|kg m")  # part of the unit would be taken for the whole
_TYPED = re.compile(r"(int|float|number|str|text|bool|date|list|dict)(,| \[|$)")
_CLEAR = 4  # letters of a word that is no abbreviation


@dataclass(frozen=True)
class Composed:
    """A card with the parameter names of its roles; the needed roles are always said."""

    card: Card
    names: dict[str, str]
    needed: tuple[Role, ...]
    optional: tuple[Role, ...]


def composed(
    task: Task, needed: Sequence[Role], optional: Sequence[Role], rng: random.Random
) -> Composed | None:
    """A card; None when two parameters would read the same."""
    required = rng.sample(needed, len(needed))
    spare = rng.sample(optional, len(optional))
    roles = [*required, *spare]
    names = _names(roles, rng)
    if names is None:
        return None
    described = {role.id: rng.choice(role.descriptions) for role in roles}
    shown = [(role, f"{names[role.id]} {described[role.id]}") for role in roles]
    if not all(apart(one, other) for one, other in combinations(shown, 2)):
        return None
    parameters = [
        Parameter(names[role.id], _type(role), described[role.id], True) for role in required
    ] + [
        Parameter(names[role.id], _type(role), described[role.id], False, _default(role, rng))
        for role in spare
    ]
    returns = _returns(task.returns) or rng.choice(_RETURNS)
    card = Card(rng.choice(task.names), rng.choice(task.descriptions), tuple(parameters), returns)
    sure = [names[role.id] for role in roles if _says_all(names[role.id], role, roles)]
    if rng.random() < 0.4:
        other, renamed = dressed(card, rng)
        if readable(other, {renamed[name] for name in sure}):
            names = {key: renamed[name] for key, name in names.items()}
            return Composed(other, names, tuple(required), tuple(spare))
    return Composed(_told(card, sure, rng), names, tuple(required), tuple(spare))


def apart(one: tuple[Role, str], other: tuple[Role, str]) -> bool:
    """Whether one of two roles is told apart from the other by what is written of it."""
    if one[0].family != other[0].family:
        return True
    return points(one[1], other[0]) or points(other[1], one[0])


def tells(text: str, role: Role, others: Sequence[Role]) -> bool:
    """Whether a text says which of the roles with the same kind of value is meant."""
    return all(points(text, other) for other in others if other.family == role.family)


def readable(card: Card, sure: set[str]) -> bool:
    """Whether every parameter has a description somewhere or a name that needs none."""
    return all(
        p.description or p.name in sure or f"{p.name}: " in card.description or not p.required
        for p in card.parameters
    )


def _names(roles: Sequence[Role], rng: random.Random) -> dict[str, str] | None:
    chosen = {role.id: rng.choice(role.names) for role in roles}
    return chosen if len(set(chosen.values())) == len(roles) else None


def _says_all(name: str, role: Role, roles: Sequence[Role]) -> bool:
    others = [other for other in roles if other is not role]
    return max(map(len, name.split("_"))) >= _CLEAR and tells(name, role, others)


def _told(card: Card, sure: Sequence[str], rng: random.Random) -> Card:
    """Descriptions in the signature, in the card's text, or missing for some sure names."""
    roll = rng.random()
    if roll < 0.5:
        return card
    if roll < 0.7:
        text, parameters = in_docstring(card.description, card.parameters, rng)
        return replace(card, description=text, parameters=parameters)
    share = rng.choice((0.5, 1.0))
    parameters = tuple(
        replace(p, description="") if p.name in sure and rng.random() < share else p
        for p in card.parameters
    )
    return replace(card, parameters=parameters)


def _returns(said: str) -> str:
    """`time in minutes` → `float, time in minutes`, `number of the order` → `text, …`."""
    if not said or _TYPED.match(said):
        return said
    if not _MEASURE.match(said):
        return f"text, {said}"
    if _COMPOUND.search(said):
        return "float"
    return f"{'int' if said.startswith('number') else 'float'}, {said}"


def _type(role: Role) -> str:
    return f"enum[{', '.join(role.choices)}]" if role.choices else role.type


def _default(role: Role, rng: random.Random) -> int | float | str | bool | None:
    if role.optional_default is not None or role.type not in NUMERIC:
        return role.optional_default
    return sample(role, rng)
