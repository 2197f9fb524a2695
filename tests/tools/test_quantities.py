"""Quantity phrases are converted exactly, and what is no quantity is refused in one line."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrkl.tools.quantities import QuantityError, convert

F = Fraction
# Expected numbers follow from the definitions: 1 in = 2.54 cm, 1 lb = 0.45359237 kg,
# 1 US gal = 231 in³, 1 imperial gal = 4.54609 L, 1 atm = 101325 Pa.
EXACT: list[tuple[str, str, int | Fraction, str]] = [
    ("42.195 km", "miles", F("42.195") / F("1.609344"), "26.2188 mi"),
    ("12 stone 4 pounds", "kilos", 172 * F("0.45359237"), "78.0179 kg"),
    ("12 stone 4", "kg", 172 * F("0.45359237"), "78.0179 kg"),
    ("2.5 gb", "megabytes", 2500, "2500 MB"),
    ("1 GiB", "mb", F(2**30, 10**6), "1073.74 MB"),
    ("100 mbps", "MB/s", F(25, 2), "12.5 MB/s"),
    ('55"', "cm", F("139.7"), "139.7 cm"),
    ("2 hours 45 mins", "minutes", 165, "165 min"),
    ("3h 12min", "hours", F(16, 5), "3.2 h"),
    ("3h12", "minutes", 192, "192 min"),
    ("1:30 hours", "minutes", 90, "90 min"),
    ("an hour and a half", "minutes", 90, "90 min"),
    ("two and a half hours", "min", 150, "150 min"),
    ("three quarters of an hour", "minutes", 45, "45 min"),
    ("a fortnight", "days", 14, "14 days"),
    ("24 hours", "days", 1, "1 day"),
    ("1 atm", "pascals", 101325, "101325 Pa"),
    ("a quarter mile", "feet", 1320, "1320 ft"),
    ("9/8 inches", "mm", F("28.575"), "28.575 mm"),
    ("8/4 miles", "km", F("3.218688"), "3.21869 km"),
    ("6 ft 2", "cm", F("187.96"), "187.96 cm"),
    ("5'11\"", "centimetres", F("180.34"), "180.34 cm"),
    ("5′ 11½″", "cm", F("181.61"), "181.61 cm"),
    ("-5 ft 3", "inches", -63, "-63 in"),
    ("60 mph", "km/h", F("96.56064"), "96.5606 km/h"),
    ("60 mph", "kph", F("96.56064"), "96.5606 km/h"),
    ("20 sq ft", "sq m", F("1.8580608"), "1.85806 m²"),
    ("half a litre", "cc", 500, "500 cm³"),
    ("180 degrees celsius", "fahrenheit", 356, "356 °F"),
    ("72F", "celsius", F(200, 9), "22.2222 °C"),
    ("minus 40 fahrenheit", "C", -40, "-40 °C"),
    ("25 c", "K", F("298.15"), "298.15 K"),
    ("1 gallon", "litres", 231 * F("2.54") ** 3 / 1000, "3.78541 L"),
    ("1 gallon (UK)", "litres", F("4.54609"), "4.54609 L"),
    ("8 ounces", "ml", 231 * F("2.54") ** 3 / 16, "236.588 mL"),
    ("8 ounces", "pounds", F(1, 2), "0.5 lb"),
    ("10 km/h", "minutes per km", 6, "6 min/km"),
    ("30 mpg", "l/100km", 100 * F("3.785411784") / (30 * F("1.609344")), "7.84049 L/100 km"),
    ("1 tonne", "kg", 1000, "1000 kg"),
    ("1 ton", "pounds", 2000, "2000 lb"),
    ("1000 kg", "tons", F(1000) / (2000 * F("0.45359237")), "1.10231 US tons"),
    ("500 calories", "joules", 2092, "2092 J"),
    ("500 Calories", "kJ", 2092, "2092 kJ"),
    ("9.8 m/s^2", "ft/s²", F("9.8") / F("0.3048"), "32.1522 ft/s²"),
    ("5 kg of potatoes", "grams", 5000, "5000 g"),
    ("2 kilometres an hour", "m/h", 2000, "2000 m/h"),
    ("1 000 000 m", "km", 1000, "1000 km"),
    ("a million metres", "KM", 1000, "1000 km"),
    ("360 degrees", "turns", 1, "1 turn"),
]


@pytest.mark.parametrize(("quantity", "to", "value", "text"), EXACT)
def test_exact_conversions(quantity: str, to: str, value: Fraction, text: str) -> None:
    found = convert(quantity, to)
    assert found.value == value
    assert not isinstance(found.value, float)
    assert found.text == text


def test_pi_gives_a_float() -> None:
    found = convert("90 degrees", "radians")
    assert isinstance(found.value, float)
    assert math.isclose(found.value, math.pi / 2)


def test_pounds_are_force_where_force_is_asked() -> None:
    found = convert("10 pounds", "newtons")
    assert math.isclose(float(found.value), 10 * 0.45359237 * 9.80665)


@pytest.mark.parametrize(
    ("quantity", "to", "text"),
    [
        ("180 cm", "feet and inches", "5 ft 10.87 in"),
        ("182.88 cm", "feet and inches", "6 ft 0 in"),
        ("135 minutes", "hours and minutes", "2 h 15 min"),
        ("100 days", "weeks and days", "14 weeks 2 days"),
        ("11 stone", "stone & pounds", "11 st 0 lb"),
    ],
)
def test_mixed_targets(quantity: str, to: str, text: str) -> None:
    assert convert(quantity, to).text == text


REFUSED = [
    ("5 pounds", "metres", "pounds measure mass, metres length"),
    ("2 cups of flour", "grams", "density"),
    ("30 mpg", "square metres", "mpg measures fuel economy, square metres area"),
    ("90 degrees", "celsius", "degrees measure angle, celsius temperature"),
    ("square banana", "m", "'banana' is not a unit"),
    ("5 cats", "m", "'cats' is not a unit"),
    ("1 pinch", "m", "'pinch' is not a unit"),
    ("10 km", "potatoes", "'potatoes' is not a unit"),
    ("5 metrs", "km", "did you mean metr"),
    ("5 Mg", "g", "could be mg or tonnes"),
    ("5", "km", "no unit"),
    ("", "km", "missing"),
    ("5 km", " ", "missing"),
    ("20 C 3", "F", "of what unit"),
    ("2 m 3 kg", "m", "m measures length, kg mass"),
    ("5 ft -3", "m", "sign"),
    ("about to run 5 km", "m", "does not start with a number"),
    ("-500 C", "F", "-500 °C is below absolute zero"),
    ("0 mpg", "l/100km", "no counterpart"),
    ("1e400 m", "km", "too large"),
    ("10 usd", "eur", "'usd' is not a unit"),
    ("1,5 km", "m", "no unit"),
    ("90 seconds", "seconds and minutes", "from the largest to the smallest"),
    ("5 m^99", "m", "exponent|not a unit"),
    ("5 " + "m" * 500, "m", "too long"),
]


@pytest.mark.parametrize(("quantity", "to", "message"), REFUSED)
def test_refusals_are_one_clear_line(quantity: str, to: str, message: str) -> None:
    with pytest.raises(QuantityError, match=message) as caught:
        convert(quantity, to)
    assert "\n" not in str(caught.value)


@given(
    st.fractions(min_value=-(10**6), max_value=10**6, max_denominator=1000),
    st.sampled_from([("km", "miles"), ("kg", "stone"), ("C", "F"), ("litres", "cups")]),
)
@settings(deadline=None)
def test_there_and_back(value: Fraction, units: tuple[str, str]) -> None:
    there, back = units
    scaled = Fraction(round(value * 100), 100)
    if there == "C" and scaled < -273:
        scaled = -scaled
    once = convert(f"{float(scaled)} {there}", back)
    again = convert(f"{float(once.value)} {back}", there)
    assert math.isclose(float(again.value), float(scaled), rel_tol=1e-9, abs_tol=1e-9)


@given(st.text(max_size=40), st.text(max_size=15))
@settings(deadline=None, max_examples=60)
def test_any_text_is_answered_or_refused(quantity: str, to: str) -> None:
    try:
        convert(quantity, to)
    except QuantityError as error:
        assert str(error)


def test_a_warm_conversion_takes_milliseconds() -> None:
    convert("1 km", "miles")
    begin = time.perf_counter()
    for _ in range(20):
        convert("12 stone 4 pounds", "kg")
    assert (time.perf_counter() - begin) / 20 < 0.02
