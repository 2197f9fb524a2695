"""Numbers of the facts file: read from a condition, written for an answer.

In: `1.5 million`, `100k`, `149.6 million km`, `0.9 * 357021`, with the attribute's own unit.
Out: the number in that unit; and the other way, a value as a person would write it (`1,416,040,000`,
`22.5872 g/cm³`). Units other than the attribute's own are converted by mrkl.tools.quantities.
"""

from __future__ import annotations

import re

from mrkl.tools.facts_schema import FactsError, Style
from mrkl.tools.numerals import number_text

_SCALES = {"hundred": 1e2, "thousand": 1e3, "k": 1e3, "million": 1e6, "mn": 1e6, "m": 1e6} | {
    "billion": 1e9,
    "bn": 1e9,
    "b": 1e9,
    "trillion": 1e12,
}
_LONG_SCALES = frozenset(("hundred", "thousand", "million", "billion", "trillion"))
_NUMBER = re.compile(r"\s*([-+−]?\d[\d,_]*(?:\.\d+)?(?:e[-+]?\d{1,3})?)\s*", re.IGNORECASE)
_FACTOR = re.compile(r"\s*\*\s*")
_WORD = re.compile(r"([a-z]+)\b\s*", re.IGNORECASE)
# The usual ways to write the units that facts carry.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "km²": ("km2", "km^2", "sq km", "square km", "square kilometres", "square kilometers"),
    "km": ("kilometres", "kilometers"),
    "°C": ("c", "°", "celsius", "degrees", "degrees celsius", "deg c"),
    "g/cm³": ("g/cm3", "g/cm^3", "g/cc", "grams per cubic centimetre"),
    "kg": ("kilograms", "kilos"),
    "hours": ("h", "hour", "hrs"),
    "days": ("d", "day", "earth days"),
    "years": ("year", "earth years"),
    "m/s²": ("m/s2", "m/s^2"),
    "people/km²": ("people/km2", "people per km²", "people per square kilometre"),
    "°": ("degrees", "deg"),
    "u": ("amu", "da"),
    "g/mol": ("grams per mole",),
}
_COUNTED = ("people", "inhabitants", "residents", "moons")
_GROUPED_FROM = 10_000


def read_number(text: str, unit: str | None) -> float:
    """A number in `unit`; FactsError for what is none, or is in a unit that does not fit."""
    match = _NUMBER.match(text)
    if match is None:
        raise FactsError("bad_arguments", f"{text[:40]!r} is not a number")
    number = _plain(match[1])
    position = match.end()
    while times := _FACTOR.match(text, position):
        match = _NUMBER.match(text, times.end())
        if match is None:
            raise FactsError("bad_arguments", f"{text[:40]!r} is not a number")
        number *= _plain(match[1])
        position = match.end()
    word = _WORD.match(text, position)
    # A lone "m" behind a length is metres, behind a count it is millions.
    if word and (word[1].lower() in _LONG_SCALES or unit is None or word[1].lower() == "k"):
        scale = _SCALES.get(word[1].lower())
        if scale is not None:
            number, position = number * scale, word.end()
    return _in_unit(number, text[position:].strip(), unit, text)


def _plain(digits: str) -> float:
    return float(digits.replace(",", "").replace("_", "").replace("−", "-"))


def _in_unit(number: float, written: str, unit: str | None, text: str) -> float:
    lower = written.casefold()
    if not written or lower in _COUNTED and unit is None:
        return number
    if unit is not None and (written == unit or lower in _SPELLINGS.get(unit, ())):
        return number
    if unit is None:
        raise FactsError("bad_arguments", f"{text[:40]!r} is not a plain number")
    from mrkl.tools.quantities import QuantityError, convert

    try:
        return float(convert(f"{number!r} {written}", unit).value)
    except QuantityError as error:
        raise FactsError("bad_arguments", str(error)) from None


def neat(value: float) -> int | float:
    """An int where the number is whole and not huge: 41526, not 41526.0."""
    return int(value) if float(value).is_integer() and abs(value) < 1e15 else value


def number_words(value: float, style: Style, unit: str | None) -> str:
    """A number with its unit as a person would write it; years are never grouped."""
    if abs(value) >= 1e15:
        mantissa, _, exponent = f"{value:.5g}".partition("e+")
        text = f"{mantissa} × 10^{int(exponent)}"
    elif style != "year" and abs(value) >= _GROUPED_FROM:
        text = f"{neat(value):,}"
    else:
        text = number_text(neat(value))
    if unit is None:
        return text
    return f"{text}{unit}" if unit == "°" else f"{text} {unit}"
