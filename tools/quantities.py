"""Quantities as people write them, converted with pint.

In: a quantity phrase (`12 stone 4 pounds`, `5'11"`, `half a litre`, `72F`, `3h 12min`) and a target
unit (`kilos`, `minutes per km`, `feet and inches`). Out: a `Conversion`: the number (an exact
Fraction or int where the units allow it, else a float), the symbol and a text of about six digits.
What is not a quantity, an unknown unit or two dimensions that do not fit raise QuantityError.
It knows no substances (cups of flour to grams) and no money.
"""

from __future__ import annotations

import functools
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from mrkl.tools.numerals import number_text
from mrkl.tools.quantity_phrases import Part, read_parts
from mrkl.tools.unit_phrases import QuantityError, UnitPhrase, read_unit

__all__ = ["Conversion", "QuantityError", "convert", "describe", "dimension_name"]

_OFFSET = {"degC": "delta_degC", "degF": "delta_degF"}
_DIGITS = 6  # significant digits of a text
_MAX_TERMS = 10**40  # a longer fraction comes from pi or a measured constant: a float then
_NAMED_DIMENSIONS = {
    "length": "meter",
    "mass": "kilogram",
    "time": "second",
    "temperature": "kelvin",
    "area": "meter**2",
    "volume": "meter**3",
    "speed": "meter/second",
    "acceleration": "meter/second**2",
    "force": "newton",
    "energy": "joule",
    "power": "watt",
    "pressure": "pascal",
    "data": "bit",
    "data rate": "bit/second",
    "density": "kilogram/meter**3",
    "fuel economy": "meter/liter",
    "pace": "second/meter",
    "frequency": "hertz",
    "flow": "liter/second",
    "electric current": "ampere",
    "voltage": "volt",
    "electric charge": "coulomb",
    "amount of substance": "mole",
}
_ANGULAR = frozenset(("degree", "radian", "gradian", "turn", "arcminute", "arcsecond"))
# One thing asked both ways round: miles per gallon and litres per 100 km, speed and pace.
_RECIPROCAL = frozenset((("fuel economy", "fuel consumption"), ("speed", "pace")))


@dataclass(frozen=True)
class Conversion:
    """A converted quantity. `value` is a text for mixed targets (`feet and inches`)."""

    value: int | Fraction | float | str
    unit: str | None
    text: str


@functools.cache
def registry() -> Any:
    """The one pint registry, exact. Its parsed definitions are cached in the user's cache folder
    where that can be written."""
    import pint

    build: Any = pint.UnitRegistry
    try:
        return build(non_int_type=Fraction, cache_folder=":auto:")
    except Exception:  # noqa: BLE001 (a read-only home or a damaged cache: many kinds of error)
        return build(non_int_type=Fraction)


def convert(quantity: str, to: str) -> Conversion:
    """Convert a quantity phrase to a unit phrase; raises QuantityError."""
    parts = read_parts(quantity)
    wanted = [read_unit(piece) for piece in re.split(r"\s+and\s+|\s*[&,]\s*", to.strip())]
    if len(wanted) == 1:
        value, unit = _convert_to(parts, wanted[0])
        return Conversion(value, unit.symbol(), describe(value, unit))
    return _mixed(parts, wanted)


def describe(value: Fraction | float, unit: UnitPhrase) -> str:
    """The number and its unit as a person would write them: `78.0179 kg`, `1 day`."""
    digits = f"{number_text(_rounded(value))}"
    symbol = unit.symbol(one=abs(value) == 1)
    return f"{digits}{'' if symbol in ('°', '%') else ' '}{symbol}"


def dimension_name(unit: UnitPhrase) -> str:
    """What a unit measures, in words: `mass`, `speed`; raises QuantityError."""
    if any(factor.pint in _ANGULAR for factor, _ in unit.factors) and unit.single:
        return "angle"
    dimension = _dimension(unit)
    if len(unit.factors) == 2 and dimension == registry().meter.dimensionality ** 2:
        powers = {power for _, power in unit.factors}
        if -1 in powers:
            return "fuel consumption"  # litres per km have the dimension of an area
    return _dimension_names().get(dimension) or ("a pure number" if not dimension else "")


def _convert_to(parts: list[Part], target: UnitPhrase) -> tuple[int | Fraction | float, UnitPhrase]:
    """The value in the target unit, with the reading of the target that fits."""
    sources = _source_readings(parts)
    for source in sources:
        for wanted in target.alternates():
            value = _between(source, wanted)
            if value is not None:
                return value, wanted
    raise QuantityError(_mismatch(sources[0][0].unit, target))


def _source_readings(parts: list[Part]) -> list[list[Part]]:
    if len(parts) > 1:
        first = parts[0].unit
        for part in parts[1:]:
            if _dimension(part.unit) != _dimension(first):
                raise QuantityError(_mismatch(first, part.unit))
            if any(unit.pint in _OFFSET for unit, _ in part.unit.factors):
                raise QuantityError("a temperature has one number and one unit")
        return [parts]
    return [[Part(parts[0].value, unit)] for unit in parts[0].unit.alternates()]


def _between(parts: list[Part], target: UnitPhrase) -> int | Fraction | float | None:
    """The sum of the parts in the target unit, or None where the dimensions do not fit."""
    source = parts[0].unit
    here, there = _dimension(source), _dimension(target)
    reciprocal = here != there
    if reciprocal:
        names = dimension_name(source), dimension_name(target)
        if names not in _RECIPROCAL and names[::-1] not in _RECIPROCAL:
            return None
    elif (dimension_name(source) == "angle") != (dimension_name(target) == "angle"):
        return None
    total = sum((_magnitude(part, target, reciprocal) for part in parts), Fraction(0))
    return _simplest(total)


def _magnitude(part: Part, target: UnitPhrase, reciprocal: bool) -> Fraction | float:
    units = registry()
    quantity = units.Quantity(Fraction(part.value) * part.unit.scale, _pint_unit(part.unit))
    if _dimension(part.unit) == units.kelvin.dimensionality and part.unit.single:
        kelvin = quantity.to("kelvin").magnitude
        if kelvin < 0:
            raise QuantityError(f"{_shown(part)} is below absolute zero")
    if reciprocal:
        if not quantity.magnitude:
            raise QuantityError(f"{_shown(part)} has no counterpart in {target.text}")
        quantity = 1 / quantity
    try:
        return quantity.to(_pint_unit(target)).magnitude / target.scale
    except (OverflowError, ZeroDivisionError):
        raise QuantityError("the number is too large or too small") from None


def _shown(part: Part) -> str:
    return describe(_simplest(part.value), part.unit)


@functools.lru_cache(maxsize=512)
def _pint_unit(phrase: UnitPhrase) -> Any:
    """pint's unit. Beside other units a degree is a difference, not a point on the scale."""
    units = registry()
    if phrase.single:
        return _one(phrase.single.pint)
    product = units.Quantity(Fraction(1), "")
    for unit, power in phrase.factors:
        product = product * _one(_OFFSET.get(unit.pint, unit.pint)) ** power
    return product


@functools.cache
def _one(expression: str) -> Any:
    units = registry()
    try:
        return units.Unit(expression)
    except ValueError:  # an expression with a number in it, such as 10*year
        number, _, name = expression.partition("*")
        return units.define(f"_{number}_{name} = {number} * {name}") or units.Unit(
            f"_{number}_{name}"
        )


def _dimension(phrase: UnitPhrase) -> Any:
    return _pint_unit(phrase).dimensionality


@functools.cache
def _dimension_names() -> dict[Any, str]:
    units = registry()
    return {units.Unit(u).dimensionality: name for name, u in _NAMED_DIMENSIONS.items()}


def _mismatch(source: UnitPhrase, target: UnitPhrase) -> str:
    """`pounds measure mass, metres length`."""
    here = dimension_name(source) or _spelled(_dimension(source))
    there = dimension_name(target) or _spelled(_dimension(target))
    if here == there:
        there += " of another kind"
    verb = "measure" if source.text.endswith("s") and len(source.text) > 3 else "measures"
    if {here, there} == {"mass", "volume"}:
        there += ": that takes a density"
    return f"{source.text} {verb} {here}, {target.text} {there}"


def _spelled(dimension: Any) -> str:
    """`[length]^4`: a dimension that has no name. (pint cannot print Fractions as powers.)"""
    return " ".join(f"{name}^{power}" for name, power in sorted(dimension.items()))


def _mixed(parts: list[Part], wanted: list[UnitPhrase]) -> Conversion:
    """`180 cm` in `feet and inches`: whole numbers of all units but the last."""
    sizes = [_convert_to([Part(Fraction(1), unit)], wanted[-1])[0] for unit in wanted]
    total, last = _convert_to(parts, wanted[-1])
    if any(unit.single is None for unit in wanted) or list(sizes) != sorted(sizes, reverse=True):
        raise QuantityError("mixed units go from the largest to the smallest, as feet and inches")
    sign = "-" if total < 0 else ""
    rest = abs(round(Fraction(total), 2))
    texts: list[str] = []
    for size, unit in zip(sizes[:-1], wanted[:-1], strict=True):
        count = math.floor(rest / Fraction(size))
        rest -= count * Fraction(size)
        texts.append(describe(count, unit))
    texts.append(describe(_simplest(round(rest, 2)), last))
    text = sign + " ".join(texts)
    return Conversion(text, None, text)


def _simplest(value: Fraction | float) -> int | Fraction | float:
    if value and not 1e-300 < abs(value) < 1e300:
        raise QuantityError("the number is too large or too small")
    if isinstance(value, float):
        return value
    fraction = Fraction(value)
    if fraction.denominator == 1:
        return fraction.numerator
    if fraction.denominator > _MAX_TERMS:
        return float(fraction)
    return fraction


def _rounded(value: Fraction | float) -> int | Fraction | float:
    """Six significant digits, but the whole part of numbers below 10^15 is kept."""
    if value == 0 or (isinstance(value, int) and abs(value) < 10**21):
        return value
    exponent = math.floor(math.log10(abs(value)))
    if exponent >= 15 or exponent < -6:
        return float(f"{float(value):.{_DIGITS - 1}e}")
    return round(Fraction(value), max(0, _DIGITS - 1 - exponent))
