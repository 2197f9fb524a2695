"""The same card as other programmers would have written it.

In: a card. Out: the card with other names, another wording, other order, types and spare optional
parameters, and old → new parameter names. The meaning stays readable: what loses its name keeps
its description and the other way round.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from mrkl.experts.base import Card, Parameter

_SYLLABLES = (
    [
        "bl",
        "zor",
        "fen",
        "qua",
        "dri",
        "mip",
        "lox",
        "tar",
        "vee",
        "gul",
        "pes",
        "ron",
        "kwi",
        "sta",
        "om",
        "ush",
    ],
    ["op", "a", "ek", "imo", "ux", "or", "ib", "ana", "y", "elt"],
)
_VERBS = ("get", "compute", "find", "calc", "do", "run", "make", "lookup", "handle", "my")
_PREFIXES = ("Use this to get: ", "Tool. ", "Helper: ", "Expert for this: ", "NOTE: beta. ", "-> ")
# optional parameters that no question of ours mentions
_SPARE = (
    Parameter("verbose", "bool", "print more", False, False),
    Parameter("dry_run", "bool", "only pretend", False, False),
    Parameter("timeout_s", "int", "give up after this many seconds", False, 30),
    Parameter("locale", "str", "language tag of the output", False, "en"),
    Parameter("precision", "int", "digits after the point", False, 2),
    Parameter("output", "enum[json, text]", "format of the output", False, "text"),
    Parameter("trace_id", "str", "", False, None),
    Parameter("retries", "int", "", False, 0),
    Parameter("cache", "bool", "reuse earlier answers", False, True),
    Parameter("api_version", "enum[v1, v2, v3]", "", False, "v2"),
    Parameter("caller", "str", "who runs this, for the log", False, None),
)


def dressed(card: Card, rng: random.Random) -> tuple[Card, dict[str, str]]:
    """The card with another surface, and old → new parameter names."""
    roll = rng.random()
    opaque = False
    names = {p.name: p.name for p in card.parameters}
    if roll < 0.55:
        card, names, opaque = _renamed(card, rng)
    card = _reworded(card, rng, opaque)
    if rng.random() < 0.2:
        card = _reordered(card, rng)
    if rng.random() < 0.15:
        card = _spared(card, rng)
    if rng.random() < 0.25:
        card = _retyped(card, rng)
    return card, names


def _camel(text: str) -> str:
    first, *rest = text.split("_")
    return first + "".join(part.title() for part in rest)


def _nonsense(rng: random.Random) -> str:
    heads, tails = _SYLLABLES
    word = "".join(rng.choice(heads) + rng.choice(tails) for _ in range(rng.randint(1, 2)))
    return word + rng.choice(("", "", f"_{rng.randint(1, 99)}", str(rng.randint(2, 9))))


def _renamed(card: Card, rng: random.Random) -> tuple[Card, dict[str, str], bool]:
    """Another name for the card and its parameters; True when they no longer say anything."""
    parts = card.name.split("_")
    styles: dict[str, tuple[Callable[[], str], Callable[[int, str], str]]] = {
        "camel": (lambda: _camel(card.name), lambda i, n: _camel(n)),
        "pascal": (lambda: "".join(p.title() for p in parts), lambda i, n: n),
        "short": (
            lambda: "_".join(part[: rng.randint(3, 5)] for part in parts),
            lambda i, n: "_".join(piece[:4] for piece in n.split("_")),
        ),
        "verb": (lambda: f"{rng.choice(_VERBS)}_{card.name}", lambda i, n: n),
        "space": (
            lambda: f"{rng.choice(('api', 'ext', 'acme', 'v2', 'plugin'))}_{card.name}",
            lambda i, n: n,
        ),
        "initials": (
            lambda: "".join(p[0] for p in parts) + str(rng.randint(1, 9)),
            lambda i, n: "".join(piece[0] for piece in n.split("_")),
        ),
        "tool": (
            lambda: f"{rng.choice(('tool', 'fn', 'expert', 'service', 'f'))}_{rng.randint(1, 99)}",
            lambda i, n: f"{prefix}{i + 1}",
        ),
        "nonsense": (lambda: _nonsense(rng), lambda i, n: n),
        "letters": (lambda: _nonsense(rng), lambda i, n: "abcdefghkm"[i % 10]),
    }
    prefix = rng.choice(("arg", "p", "x", "param_", "in"))
    style = rng.choice(tuple(styles))
    opaque = style in ("initials", "tool", "letters")
    name, parameter = styles[style]
    names = {
        p.name: parameter(i, p.name) if p.description or not opaque else p.name
        for i, p in enumerate(card.parameters)
    }
    if len(set(names.values())) < len(names):
        names = {key: key for key in names}
    changed = tuple(replace(p, name=names[p.name]) for p in card.parameters)
    return replace(card, name=name() or card.name, parameters=changed), names, opaque


def _reworded(card: Card, rng: random.Random, opaque: bool) -> Card:
    """The description shorter, in lower case, as a docstring, or missing where names tell all."""
    text = card.description
    parameters = card.parameters
    roll = rng.random()
    if roll < 0.12:
        head, _, rest = text.partition(". ")
        text = head.split("\n")[0] if len(head) > 12 and rest else text
    elif roll < 0.2:
        text = text[:1].lower() + text[1:].rstrip(".")
    elif roll < 0.28:
        text, parameters = in_docstring(text, parameters, rng)
    elif roll < 0.35:
        text = rng.choice(_PREFIXES) + text
    elif roll < 0.42 and card.returns:
        text = f"{text} {rng.choice(('Returns', 'Gives', 'returns:', '->'))} {card.returns}"
    elif roll < 0.52 and not opaque:
        parameters = tuple(replace(p, description="") for p in parameters)
    elif roll < 0.55 and not opaque and len(card.name.split("_")) > 1:
        text = ""
    return replace(card, description=text, parameters=parameters)


def in_docstring(
    text: str, parameters: tuple[Parameter, ...], rng: random.Random
) -> tuple[str, tuple[Parameter, ...]]:
    """The parameters' descriptions moved into the card's, if that leaves it short enough."""
    told = [p for p in parameters if p.description]
    lines = " ".join(f"{p.name}: {p.description}" for p in told)
    if not told or len(text) + len(lines) >= 440:
        return text, parameters
    form = rng.choice(("{} Args: {}", "{} Parameters: {}", "{} ({})", "{} :param {}"))
    return form.format(text, lines), tuple(replace(p, description="") for p in parameters)


def _reordered(card: Card, rng: random.Random) -> Card:
    needed = [p for p in card.parameters if p.required]
    spare = [p for p in card.parameters if not p.required]
    rng.shuffle(needed)
    rng.shuffle(spare)
    return replace(card, parameters=(*needed, *spare))


def _spared(card: Card, rng: random.Random) -> Card:
    taken = {p.name for p in card.parameters}
    more = [p for p in rng.sample(_SPARE, rng.randint(1, 2)) if p.name not in taken]
    return replace(card, parameters=(*card.parameters, *more))


def _retyped(card: Card, rng: random.Random) -> Card:
    """`number` for float or int, and the values of an enum in another order."""

    def typed(p: Parameter) -> Parameter:
        if p.type in ("float", "int"):
            return replace(p, type="number")
        if p.choices:
            return replace(p, type=f"enum[{', '.join(rng.sample(p.choices, len(p.choices)))}]")
        return p

    return replace(card, parameters=tuple(typed(p) for p in card.parameters))
