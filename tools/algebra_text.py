"""Values and texts of sympy results.

In: sympy objects. Out: exact int or Fraction, float for irrational numbers, str for expressions
(`2*x/(x**2 + 1)`), and a text for people: `sqrt(2) ≈ 1.4142136`, `x^2 + 1`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from mrkl.tools.algebra_parser import AlgebraError, sympy
from mrkl.tools.numerals import number_text

Answer: TypeAlias = "int | Fraction | float | bool | str | list[Answer]"

_MAX_EXACT = 40  # characters of an exact form that is shown beside its decimals


@dataclass(frozen=True)
class Solution:
    """What a task gave: a value for programs and how a person would write it."""

    value: Answer
    text: str


def solution(value: Any, kept: bool = False) -> Solution:
    """The answer of one sympy object; `kept` leaves irrational numbers as expressions."""
    return Solution(as_value(value, kept), as_text(value, kept))


def as_value(value: Any, kept: bool = False) -> Answer:
    """The plain value of a sympy object."""
    if value.is_Integer:
        return int(value)
    if value.is_Rational:
        return Fraction(int(value.p), int(value.q))
    if value.is_number and value.is_infinite:
        return "infinity" if value == sympy().oo else "-infinity"
    if value.is_number and not kept:
        return as_float(value)
    return str(value)


def as_float(value: Any) -> float:
    """The float of a real sympy number; AlgebraError for anything else."""
    number = sympy().N(value, 17)
    if not number.is_real or not number.is_finite:
        raise AlgebraError("the result is not a real number")
    return float(number)


def as_text(value: Any, kept: bool = False) -> str:
    """How a person would write it."""
    if value.is_Integer or not value.is_number or value.is_infinite:
        plain = as_value(value)
        return number_text(plain) if isinstance(plain, int) else str(plain).replace("**", "^")
    exact = str(value).replace("**", "^")
    if kept:
        return exact
    if value.is_Rational:
        text = number_text(Fraction(int(value.p), int(value.q)))
        ends = Fraction(text) == Fraction(int(value.p), int(value.q)) if "e" not in text else False
        return text if ends or len(exact) > _MAX_EXACT else f"{exact} ≈ {text}"
    text = number_text(as_float(value))
    shown = not value.is_Float and "CRootOf" not in exact and len(exact) <= _MAX_EXACT
    return f"{exact} ≈ {text}" if shown else text
