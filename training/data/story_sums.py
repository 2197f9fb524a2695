"""How the numbers of a story hang together, and how one follows from others.

In: definitions such as `= had - sold`, `= price * sold`, `= p % total`. Out: `Relation`s, values,
and `Derivation`s: which numbers must be told and the calculator's steps to the one that is asked.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

NAME = re.compile(r"[a-z_]\w*")
_TERM = re.compile(r"([+-]?)\s*(\w+)")
MOST_STEPS = 5


@dataclass(frozen=True)
class Relation:
    """`out` is the sum of signed terms, the product or quotient of two, or a percentage of one."""

    out: str
    sign: str  # one of + * / %
    terms: tuple[str, ...]  # names or whole numbers
    signs: tuple[int, ...]

    @staticmethod
    def parse(out: str, text: str) -> Relation:
        """Read what follows the equals sign. Raises ValueError for more than one operation."""
        for sign in "*/%":
            if sign in text:
                terms = tuple(part.strip() for part in text.split(sign))
                if len(terms) != 2 or any(not re.fullmatch(r"\w+", t) for t in terms):
                    raise ValueError(f"{out}: one operation a definition: {text!r}")
                return Relation(out, sign, terms, (1, 1))
        found = _TERM.findall(text)
        if _TERM.sub("", text).strip() or not found:
            raise ValueError(f"{out}: cannot read {text!r}")
        return Relation(
            out, "+", tuple(t for _, t in found), tuple(-1 if s == "-" else 1 for s, _ in found)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All numbers it ties together."""
        return (self.out, *(term for term in self.terms if NAME.fullmatch(term)))

    def value(self, known: Mapping[str, Fraction]) -> Fraction:
        """The value of `out`. ZeroDivisionError where it has none."""
        values = [known[t] if t in known else Fraction(t) for t in self.terms]
        if self.sign == "+":
            return sum((s * v for s, v in zip(self.signs, values, strict=True)), Fraction(0))
        first, second = values
        if self.sign == "*":
            return first * second
        return first / second if self.sign == "/" else first * second / 100

    def towards(self, target: str, written: Mapping[str, str]) -> str:
        """The expression of `target`, the other numbers written as given, in that order if it can be."""
        rank = {name: place for place, name in enumerate(written)}

        def say(name: str) -> str:
            return written.get(name, name)

        if self.sign == "+":
            return self._sum(target, written, rank)
        first, second = self.terms
        if self.sign == "*" and rank.get(second, 99) < rank.get(first, 99):
            first, second = second, first
        out = say(self.out)
        if target == self.out:
            if self.sign == "%":
                return f"{say(first)} / 100 * {say(second)}"
            return f"{say(first)} {self.sign} {say(second)}"
        if self.sign == "%":
            other = f"{out} / {say(second)} * 100"
            return other if target == first else f"{out} * 100 / {say(first)}"
        if self.sign == "/":
            return f"{out} * {say(second)}" if target == first else f"{say(first)} / {out}"
        return f"{out} / {say(second if target == first else first)}"

    def _sum(self, target: str, written: Mapping[str, str], rank: Mapping[str, int]) -> str:
        pairs = list(zip(self.signs, self.terms, strict=True))
        if target != self.out:
            own = next(sign for sign, term in pairs if term == target)
            rest = [(-sign * own, term) for sign, term in pairs if term != target]
            pairs = [(own, self.out), *rest]
        pairs.sort(key=lambda pair: (pair[0] < 0, rank.get(pair[1], 99)))
        text = written.get(pairs[0][1], pairs[0][1])
        for sign, term in pairs[1:]:
            text += f" {'+' if sign > 0 else '-'} {written.get(term, term)}"
        return text


@dataclass
class Derivation:
    """The numbers to tell and the steps, in order, as (number, relation)."""

    told: list[str] = field(default_factory=list[str])
    steps: list[tuple[str, Relation]] = field(default_factory=list[tuple[str, Relation]])

    @property
    def derived(self) -> list[str]:
        return [name for name, _ in self.steps]


def derive(
    target: str, relations: list[Relation], sayable: set[str], rng: random.Random
) -> Derivation | None:
    """One way to get at `target`; None if this try leads nowhere."""
    way = Derivation()
    # a small world is asked in few steps, a large one in up to five
    eager = rng.choice((0.95, 0.8, 0.5))
    try:
        _need(target, target, relations, sayable, eager, way, set(), rng)
    except _NoWay:
        return None
    return way if len(way.steps) <= MOST_STEPS else None


class _NoWay(Exception):
    pass


def _need(
    name: str,
    target: str,
    relations: list[Relation],
    sayable: set[str],
    eager: float,
    way: Derivation,
    above: set[str],
    rng: random.Random,
) -> None:
    if name in way.told or name in way.derived:
        return
    if name in above:
        raise _NoWay
    used = {id(relation) for _, relation in way.steps}
    choices = [r for r in relations if name in r.names and id(r) not in used]
    choices = [r for r in choices if not (set(r.names) - {name}) & above]
    tell = name != target and name in sayable
    if tell and (not choices or rng.random() < eager):
        way.told.append(name)
        return
    if not choices:
        raise _NoWay
    chosen = rng.choice(choices)
    for other in chosen.names:
        if other != name:
            _need(other, target, relations, sayable, eager, way, above | {name}, rng)
    way.steps.append((name, chosen))


def closure(told: set[str], relations: list[Relation]) -> set[str]:
    """All numbers that follow from the told ones."""
    known = set(told)
    grew = True
    while grew:
        grew = False
        for relation in relations:
            open_names = set(relation.names) - known
            if len(open_names) == 1:
                known |= open_names
                grew = True
    return known


def spare(told: list[str], target: str, relations: list[Relation]) -> bool:
    """Whether the target follows without one of the told numbers."""
    return any(target in closure(set(told) - {name}, relations) for name in told)


def kinds(bases: Mapping[str, str], relations: list[Relation]) -> dict[str, str]:
    """The kind of every number, derived ones by what they are made of."""
    found = dict(bases)
    for relation in relations:
        of = [found.get(term, "count") for term in relation.terms]
        if relation.sign == "+":
            kind = next((k for k in ("money", "real") if k in of), "count")
        elif relation.sign == "/":
            kind = _quotient(of)
        else:
            kind = next((k for k in ("money", "real") if k in of), "count")
        found[relation.out] = kind
    return found


def _quotient(of: list[str]) -> str:
    if of[0] == "money":
        return "times" if of[1] == "money" else "money"
    if "real" in of:
        return "times" if of[0] == of[1] else "real"
    return "count"


def natural(value: Fraction, kind: str) -> bool:
    """Whether a story can have this number: positive, several whole ones where things are counted."""
    if not 0 < value < 10**7 or (kind == "count" and value == 1):  # "1 apples"
        return False
    if kind == "money":
        return 100 % value.denominator == 0
    if kind == "real":
        return 100 % value.denominator == 0
    return value.denominator == 1 or kind == "fraction"


def expressions(way: Derivation, written: Mapping[str, str]) -> Iterator[str]:
    """The calculator's expression of each step; earlier results, as `#k`, before told numbers."""
    text = dict(written)
    for number, (name, relation) in enumerate(way.steps, 1):
        yield relation.towards(name, text)
        text = {name: f"#{number}"} | {known: said for known, said in text.items() if known != name}
