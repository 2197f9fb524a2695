"""Exact results of simple equations, by evaluating them at a few points.

In: an expression as plans write it (`3*x + 7 = 22`, `x + y = 9; x - y = 1`) and its variables. Out:
numbers, or None where this file is out of its depth. It stands in for the algebra expert when
training rows are made, where sympy would be too slow; it never labels anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from math import isqrt

from mrkl.tools.arith import ArithError, evaluate

Number = Fraction
_Function = Callable[..., Fraction]


def solve(expression: str, variables: str) -> list[Number] | None:
    """The roots of a linear or quadratic equation, or the one solution of two linear ones."""
    names = [name.strip() for name in variables.split(",")]
    try:
        sides = [_function(equation, names) for equation in expression.split(";")]
        if len(sides) == 1 and len(names) == 1:
            return _roots(sides[0])
        if len(sides) == 2 and len(names) == 2:
            return _crossing(sides[0], sides[1])
    except (ArithError, ArithmeticError, TypeError, ValueError):
        pass
    return None


def at(expression: str, variable: str, place: str) -> Number | None:
    """The value of an expression at a point."""
    try:
        return _function(expression, [variable])(Fraction(place))
    except (ArithError, ArithmeticError, TypeError, ValueError):
        return None


def vertex(expression: str, variable: str) -> Number | None:
    """Where a quadratic expression is smallest or largest."""
    try:
        a, b, _ = _quadratic(_function(expression, [variable]))
    except (ArithError, ArithmeticError, TypeError, ValueError):
        return None
    return -b / (2 * a) if a else None


def _function(equation: str, names: list[str]) -> _Function:
    left, _, right = equation.partition("=")

    def value(*places: Fraction) -> Fraction:
        sides: list[Fraction] = []
        for side in (left, right or "0"):
            text = side
            for name, place in zip(names, places, strict=True):
                text = re.sub(rf"\b{name}\b", f"({place})", text)
            number = evaluate(text)
            if isinstance(number, bool) or not isinstance(number, int | Fraction):
                raise ArithError("no exact number")
            sides.append(Fraction(number))
        return sides[0] - sides[1]

    return value


def _quadratic(f: _Function) -> tuple[Number, Number, Number]:
    """Coefficients of `a x^2 + b x + c`. Raises ValueError for anything else."""
    c, one, minus = (f(Fraction(x)) for x in (0, 1, -1))
    a, b = (one + minus) / 2 - c, (one - minus) / 2
    for x in (Fraction(3), Fraction(7, 2)):
        if f(x) != a * x * x + b * x + c:
            raise ValueError("not quadratic")
    return a, b, c


def _roots(f: _Function) -> list[Number] | None:
    a, b, c = _quadratic(f)
    if a == 0:
        return [-c / b] if b else None
    inner = b * b - 4 * a * c
    if inner < 0:
        return None
    root = Fraction(isqrt(inner.numerator), isqrt(inner.denominator))
    if root * root != inner:
        root = Fraction(round(float(inner) ** 0.5, 6))
    return sorted({(-b - root) / (2 * a), (-b + root) / (2 * a)})


def _crossing(f: _Function, g: _Function) -> list[Number] | None:
    rows: list[tuple[Fraction, Fraction, Fraction]] = []
    for h in (f, g):
        zero = h(Fraction(0), Fraction(0))
        a, b = h(Fraction(1), Fraction(0)) - zero, h(Fraction(0), Fraction(1)) - zero
        if h(Fraction(2), Fraction(3)) != 2 * a + 3 * b + zero:
            return None
        rows.append((a, b, -zero))
    (a, b, e), (c, d, k) = rows
    bottom = a * d - b * c
    return [(e * d - b * k) / bottom, (a * k - e * c) / bottom] if bottom else None
