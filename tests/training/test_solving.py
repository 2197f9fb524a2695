"""Exact roots and points of the simple formulas that patterns ask for."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from training.data import solving

small = st.integers(-50, 50)


@given(small, small)
def test_roots_are_found_again(a: int, b: int) -> None:
    equation = f"x^2 - ({a + b})*x + {a * b} = 0" if a * b >= 0 else f"(x - {a})*(x - {b}) = 0"
    assert solving.solve(equation.replace("--", "+"), "x") == sorted({a, b})


@given(small, small)
def test_sum_and_difference(a: int, b: int) -> None:
    assert solving.solve(f"x + y = {a + b}; x - y = {a - b}", "x, y") == [a, b]


def test_points() -> None:
    assert solving.at("2*t^2 - 1", "t", "3") == 17
    assert solving.vertex("5*x^2 - 14*x + 56", "x") == Fraction(7, 5)


def test_what_is_out_of_its_depth() -> None:
    assert solving.solve("2^x = 100", "x") is None
    assert solving.solve("x^2 + 1 = 0", "x") is None
    assert solving.solve("x + y = 3; x*y = 2", "x, y") is None
    assert solving.vertex("x^3", "x") is None
