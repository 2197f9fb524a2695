"""Numbers as conditions hold them, and as words."""

from __future__ import annotations

import pytest

from mrkl.tools.facts_numbers import number_words, read_number
from mrkl.tools.facts_schema import FactsError


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("1,200", None, 1200),
        ("1.5 million", None, 1_500_000),
        ("100k", None, 100_000),
        ("60m", None, 60_000_000),
        ("0.9 * 357021", "km²", 321_318.9),
        ("149.6 million km", "km", 149_600_000),
        ("5 km2", "km²", 5),
        ("-38 C", "°C", -38),
        ("212 F", "°C", 100),
        ("2 days", "hours", 48),
        ("−5", "°C", -5),
    ],
)
def test_numbers_in_conditions(text: str, unit: str | None, number: float) -> None:
    assert read_number(text, unit) == pytest.approx(number)


@pytest.mark.parametrize("text", ["", "many", "3 *", "3 apples", "3 kg", "*3"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(FactsError):
        read_number(text, None)


def test_numbers_in_words() -> None:
    assert number_words(1_416_040_000, "whole", None) == "1,416,040,000"
    assert number_words(1898, "year", None) == "1898"
    assert number_words(5.9722e24, "number", "kg") == "5.9722 × 10^24 kg"
    assert number_words(-64.1, "number", "°") == "-64.1°"
