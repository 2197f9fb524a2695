"""Quantity phrases cut into parts: a number and a unit each.

In: `12 stone 4 pounds`, `6 ft 2`, `5'11"`, `two and a half hours`, `an hour and a half`, `3h12`.
Out: a list of `Part`. A phrase with no number is one of its unit (`a mile`). Anything left over
raises QuantityError: nothing is skipped. It converts nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from mrkl.tools.number_words import find_numbers
from mrkl.tools.unit_phrases import QuantityError, UnitPhrase, read_unit

_LIMIT = 200  # characters of a quantity phrase
_SMALLER = {  # what a bare second number counts: 6 ft 2, 5 lb 3, 2 h 30
    "foot": "inches",
    "stone": "pounds",
    "pound": "ounces",
    "hour": "minutes",
    "minute": "seconds",
    "yard": "feet",
}
_HEDGES = re.compile(r"^(?:about|around|roughly|approximately|exactly|~|≈)\s*", re.IGNORECASE)
_IMPROPER = re.compile(r"^(\d{1,4})/(\d{1,3})(?=\s+[^\W\d_])")
_FILLER = re.compile(r"^(?:of\s+)?(?:an?\s+)?", re.IGNORECASE)
_ARTICLE = re.compile(
    r"^(?:an?|the)\s+(?!(?:few|couple|half|quarter|third|hundred|thousand|dozen)\b)", re.IGNORECASE
)
_JOIN = re.compile(r"^\s*(?:,|and|&|\+)?\s*$", re.IGNORECASE)
_TRAILING_JOIN = re.compile(r"(?:\s*,|\s+and|\s*&|\s+\+)\s*$", re.IGNORECASE)
_SUBSTANCE = re.compile(r"\s+of\s+(?!mercury|force|hg|arc)[a-z][a-z ]*$", re.IGNORECASE)
_CLOCK = re.compile(
    r"^(\d+):([0-5]\d)(?::([0-5]\d))?\s*(hours?|hrs?|h|minutes?|mins?)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Part:
    """So many of a unit."""

    value: Fraction
    unit: UnitPhrase


def read_parts(text: str) -> list[Part]:
    """The parts of a quantity phrase, in order; raises QuantityError."""
    shown = " ".join(text.split())
    if not shown:
        raise QuantityError("a quantity is missing")
    if len(shown) > _LIMIT:
        raise QuantityError(f"a quantity of {len(shown)} characters is too long")
    clock = _CLOCK.match(shown)
    if clock:
        return _clock_parts(clock)
    shown = _spell_marks(_IMPROPER.sub(_mixed_number, _HEDGES.sub("", shown)))
    if find_numbers(shown):  # `an hour and a half`
        shown = _ARTICLE.sub("1 ", shown)
    numbers = [span for span in find_numbers(shown) if not _belongs_to_unit(shown, span[0])]
    if not numbers or shown[: numbers[0][0]].strip():
        if numbers:
            raise QuantityError(f"{text.strip()!r} does not start with a number")
        return [Part(Fraction(1), _unit(_FILLER.sub("", shown)))]
    ends = [start for start, _, _ in numbers[1:]] + [len(shown)]
    pieces = [
        (Fraction(value), shown[end:following])
        for (_, end, value), following in zip(numbers, ends, strict=True)
    ]
    return _join(pieces, text.strip())


def _join(pieces: list[tuple[Fraction, str]], shown: str) -> list[Part]:
    parts: list[Part] = []
    for index, (value, rest) in enumerate(pieces):
        last = index == len(pieces) - 1
        name = rest if last else _TRAILING_JOIN.sub("", rest)
        if parts and value < 0:
            raise QuantityError(f"{shown!r}: a sign may only stand first")
        if parts and parts[0].value < 0:
            value = -value
        if _JOIN.match(name):
            parts.append(_bare(value, parts, shown))
        else:
            parts.append(Part(value, _unit(_FILLER.sub("", name.strip()))))
    return parts


def _bare(value: Fraction, parts: list[Part], shown: str) -> Part:
    """A number without a unit: `and a half` of the unit before, or its smaller unit (6 ft 2)."""
    if not parts:
        raise QuantityError(f"{shown!r} has no unit")
    before = parts[-1].unit
    if 0 < abs(value) < 1:
        return Part(value, before)
    single = before.single
    smaller = _SMALLER.get(single.pint) if single else None
    if smaller is None:
        raise QuantityError(f"{shown!r}: {value} of what unit?")
    return Part(value, read_unit(smaller))


def _unit(text: str) -> UnitPhrase:
    return read_unit(_SUBSTANCE.sub("", text.strip()))


def _belongs_to_unit(text: str, start: int) -> bool:
    """Whether the number there is a scale of the unit: the 100 of `l/100km`, `per 100 g`."""
    before = text[:start].rstrip().casefold()
    return before.endswith(("/", " per", "^", "**")) or (
        bool(before) and before[-1] in "-^" and len(before) > 1 and before[-2] in "^*"
    )


def _spell_marks(text: str) -> str:
    """Digits in groups as one number; marks as words: 5'11" is 5 ft 11 in."""
    text = re.sub(r"\b\d{1,3}(?:[ \u00a0\u202f]\d{3})+\b", lambda m: re.sub(r"\s", "", m[0]), text)
    text = re.sub(r"(?<=[\d½¼¾])\s*(?:''|[\"″”])", " in ", text)
    text = re.sub(r"(?<=[\d½¼¾])\s*['′’](?![a-z])", " ft ", text)
    # `3h12` and `1m80`: the letters part two numbers, the second would read as part of a name.
    return re.sub(r"(?<=\d)(h|hr|m|ft|st|lb)(?=\d)", r" \1 ", text, flags=re.IGNORECASE)


def _mixed_number(match: re.Match[str]) -> str:
    """9/8 as 1 1/8: the reader of numbers takes proper fractions alone."""
    top, bottom = int(match[1]), int(match[2])
    if bottom == 0:
        raise QuantityError(f"{match[0]!r} divides by zero")
    whole, rest = divmod(top, bottom)
    return " ".join(
        ([str(whole)] if whole or not rest else []) + ([f"{rest}/{bottom}"] if rest else [])
    )


def _clock_parts(match: re.Match[str]) -> list[Part]:
    """`1:30 hours`, `3:45 min`."""
    hours = match[4][0] in "hH"
    names = ("hours", "minutes", "seconds") if hours else ("minutes", "seconds", "")
    values = [part for part in match.groups()[:3] if part is not None]
    if len(values) > 2 and not hours:
        raise QuantityError(f"{match[0]!r} is not a time")
    return [
        Part(Fraction(int(value)), read_unit(name))
        for value, name in zip(values, names, strict=False)
    ]
