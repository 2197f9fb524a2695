"""Number words and informal numerals become exact numbers, at the right places, in linear time."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.tools.number_words import Number, find_numbers, parse_number

F = Fraction
ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WHOLE: list[tuple[str, Number]] = [
    ("two hundred and fifteen", 215),
    ("three and a half", F(7, 2)),
    ("a dozen", 12),
    ("half a dozen", 6),
    ("a baker's dozen", None),
    ("baker's dozen", 13),
    ("half a", F(1, 2)),
    ("a quarter", F(1, 4)),
    ("two thirds", F(2, 3)),
    ("2k", 2000),
    ("2.5k", 2500),
    ("1.5 million", 1_500_000),
    ("3 bn", 3 * 10**9),
    ("1,200", 1200),
    ("10,00,000", 1_000_000),
    ("1_000", 1000),
    ("twenty-five thousand and six", 25006),
    ("½", F(1, 2)),
    ("1½", F(3, 2)),
    ("2 ½", F(5, 2)),
    ("1 1/2", F(3, 2)),
    ("3/4", F(3, 4)),
    ("half a million", 500_000),
    ("a quarter of a million", 250_000),
    ("two and a half million", 2_500_000),
    ("a million and a half", 1_500_000),
    ("nineteen eighty four", 1984),
    ("twenty twenty six", 2026),
    ("fifteen hundred", 1500),
    ("two dozen", 24),
    ("three point one four", F(157, 50)),
    ("point five", F(1, 2)),
    ("minus 40", -40),
    ("-5", -5),
    ("1e6", 10**6),
    ("one hundred and two thousand", 102_000),
    ("two million five hundred thousand", 2_500_000),
    ("2 million 300 thousand", 2_300_000),
    ("a hundred and one", 101),
    ("zero", 0),
    ("nine and three quarters", F(39, 4)),
]


@pytest.mark.parametrize(("text", "value"), WHOLE)
def test_parse_number(text: str, value: Number) -> None:
    assert parse_number(text) == value
    assert parse_number(text.upper().replace("E6", "e6")) == value


@pytest.mark.parametrize("text", ["", "banana", "two apples", "5 6", "1,5", "1.2.3", "1e999999999"])
def test_parse_number_refuses(text: str) -> None:
    assert parse_number(text) is None


FOUND: list[tuple[str, list[tuple[str, Number]]]] = [
    ("between one hundred and two hundred", [("one hundred", 100), ("two hundred", 200)]),
    ("between one hundred and two thousand", [("one hundred", 100), ("two thousand", 2000)]),
    ("3/4/2025", [("3", 3), ("4", 4), ("2025", 2025)]),
    ("3.4.2025", [("3", 3), ("4", 4), ("2025", 2025)]),
    ("5km + 3kg", [("5", 5), ("3", 3)]),
    ("CO2 in m^2", []),
    ("10-20", [("10", 10), ("20", 20)]),
    ("third of 90", [("third", F(1, 3)), ("90", 90)]),
    ("the third of march", []),
    ("half past seven", [("seven", 7)]),
    ("quarter past five", [("five", 5)]),
    ("10 minus 5", [("10", 10), ("5", 5)]),
    ("what is minus 40 in f", [("minus 40", -40)]),
    ("pay $5m now", [("5", 5_000_000)]),
    ("5'11\"", [("5", 5), ("11", 11)]),
    ("three quarters of an hour", [("three quarters", F(3, 4))]),
    ("5 seconds", [("5", 5)]),
    ("120/4", [("120", 120), ("4", 4)]),
    ("half a litre", [("half a", F(1, 2))]),
]


@pytest.mark.parametrize(("text", "wanted"), FOUND)
def test_find_numbers(text: str, wanted: list[tuple[str, Number]]) -> None:
    found = find_numbers(text)
    assert [value for _, _, value in found] == [value for _, value in wanted]
    for (start, end, _), (part, _) in zip(found, wanted, strict=True):
        assert text[start:end].startswith(part)


def test_loose_takes_ordinals_and_multiples() -> None:
    text = "twice the third largest, on the twenty-third, one second each"
    assert [value for _, _, value in find_numbers(text, loose=True)] == [2, 3, 23, 1]
    assert [value for _, _, value in find_numbers(text)] == [20, 1]


@given(st.integers(min_value=0, max_value=10**12))
def test_written_integers_come_back(value: int) -> None:
    assert parse_number(str(value)) == value
    assert parse_number(f"{value:,}") == value
    assert parse_number(_words(value)) == value


@given(st.text(max_size=200))
def test_spans_are_ordered_and_inside(text: str) -> None:
    last = 0
    for start, end, _ in find_numbers(text, loose=True):
        assert last <= start < end <= len(text)
        last = end


@pytest.mark.parametrize("unit", ["1,", "one hundred and ", "1/", "9", "half of a ", "-1 "])
def test_time_grows_linearly(unit: str) -> None:
    def seconds(times: int) -> float:
        begin = time.perf_counter()
        find_numbers(unit * times)
        return time.perf_counter() - begin

    small = max(min(seconds(4_000) for _ in range(3)), 0.002)
    assert seconds(32_000) < 8 * small * 4


def _words(value: int) -> str:
    """An independent writer of number words, British with `and`."""
    ones, tens = ONES.split(), TENS.split()
    if value < 20:
        return ones[value]
    if value < 100:
        return tens[value // 10 - 2] + (f"-{ones[value % 10]}" if value % 10 else "")
    if value < 1000:
        rest = value % 100
        return f"{ones[value // 100]} hundred" + (f" and {_words(rest)}" if rest else "")
    names = [(10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand")]
    for size, name in names:
        if value >= size:
            rest = value % size
            tail = "" if not rest else f" and {_words(rest)}" if rest < 100 else f" {_words(rest)}"
            return f"{_words(value // size)} {name}{tail}"
    raise AssertionError(value)
