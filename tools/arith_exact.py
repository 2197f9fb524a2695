"""Exact number operations whose cost is known before they run.

In and out: int, Fraction (exact) and float. Results stay exact where they can: powers, roots and
logarithms of exact numbers too. An operation whose result would pass MAX_BITS raises TooLarge
before it starts. Parsing is arith.py's business.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TypeAlias

Number: TypeAlias = int | Fraction | float

MAX_BITS = 131_072  # longest numerator or denominator, about 39,000 digits
_MAX_ROOT = 64  # highest root that is tried exactly


class ArithError(ArithmeticError):
    """An expression without a value; the message is one line for the person who asked."""


class BadExpression(ArithError):
    """The text cannot be read as an expression; the message names the place."""


class TooLarge(ArithError):
    """The value, or the work to find it, is beyond what is worth computing."""


def bits(value: Number) -> int:
    """Size of an exact number in bits, numerator and denominator; 64 for a float."""
    if isinstance(value, int):
        return value.bit_length()
    if isinstance(value, Fraction):
        return value.numerator.bit_length() + value.denominator.bit_length()
    return 64


def guard(size: float) -> None:
    """Raise TooLarge when a result of `size` bits is not worth computing."""
    if size > MAX_BITS:
        raise TooLarge(f"the result would be too large (over {int(MAX_BITS * 0.30103):,} digits)")


def tidy(value: Number) -> Number:
    """A fraction that is whole becomes an int; floats must be finite."""
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    if isinstance(value, float) and not math.isfinite(value):
        raise TooLarge("the result is too large for a decimal number")
    return value


def as_float(value: Number) -> float:
    """The nearest float; TooLarge beyond about 1.8e308."""
    try:
        return float(value)
    except OverflowError:
        raise TooLarge("a number here is too large for this function") from None


def add(a: Number, b: Number) -> Number:
    """a + b."""
    if isinstance(a, float) or isinstance(b, float):
        return tidy(as_float(a) + as_float(b))
    guard(max(bits(a), bits(b)) if isinstance(a, int) and isinstance(b, int) else bits(a) + bits(b))
    return tidy(a + b)


def multiply(a: Number, b: Number) -> Number:
    """a * b."""
    if isinstance(a, float) or isinstance(b, float):
        return tidy(as_float(a) * as_float(b))
    guard(bits(a) + bits(b))
    return tidy(a * b)


def divide(a: Number, b: Number) -> Number:
    """a / b, as a fraction where both are exact."""
    if b == 0:
        raise ArithError("division by zero")
    if isinstance(a, float) or isinstance(b, float):
        return tidy(as_float(a) / as_float(b))
    guard(bits(a) + bits(b))
    return tidy(Fraction(a) / Fraction(b))


def floor_divide(a: Number, b: Number) -> Number:
    """The whole number of times b goes into a, rounded down."""
    if b == 0:
        raise ArithError("division by zero")
    if isinstance(a, float) or isinstance(b, float):
        return tidy(as_float(a) // as_float(b))
    return a // b


def modulo(a: Number, b: Number) -> Number:
    """What is left of a after whole multiples of b; has the sign of b."""
    if b == 0:
        raise ArithError("division by zero")
    if isinstance(a, float) or isinstance(b, float):
        return tidy(as_float(a) % as_float(b))
    return tidy(a % b)


def power(base: Number, exponent: Number) -> Number:
    """base ^ exponent, exact where it is rational; real roots only."""
    if base == 0 and exponent < 0:
        raise ArithError("division by zero: 0 to a negative power")
    if isinstance(base, float) or isinstance(exponent, float):
        return _float_power(base, exponent)
    if isinstance(exponent, int) or exponent.denominator == 1:
        return _whole_power(base, int(exponent))
    if base < 0 and exponent.denominator % 2 == 0:
        raise ArithError("an even root of a negative number is not real")
    rooted = root(base, exponent.denominator) if exponent.denominator <= _MAX_ROOT else None
    if rooted is not None and not isinstance(rooted, float):
        return _whole_power(rooted, exponent.numerator)
    magnitude = _float_power(as_float(abs(base)), exponent)
    return -magnitude if base < 0 and exponent.numerator % 2 else magnitude


def _whole_power(base: int | Fraction, exponent: int) -> Number:
    if base in (0, 1) or exponent == 0:
        return base if exponent else 1
    if base == -1:
        return -1 if exponent % 2 else 1
    guard((bits(base) - (1 if isinstance(base, int) else 0)) * abs(exponent))
    return tidy(Fraction(base) ** exponent if exponent < 0 else base**exponent)


def _float_power(base: Number, exponent: Number) -> float:
    if base < 0 and exponent != int(exponent):
        raise ArithError("a fractional power of a negative number is not real")
    try:
        return float(tidy(as_float(base) ** as_float(exponent)))
    except OverflowError:
        raise TooLarge("the result is too large for a decimal number") from None


def root(value: Number, degree: int) -> Number:
    """The real root of a degree >= 1: exact if it is rational, else a float."""
    if degree < 1:
        raise ArithError("a root needs a whole degree of 1 or more")
    if value < 0:
        if degree % 2 == 0:
            raise ArithError("an even root of a negative number is not real")
        return -root(-value, degree)
    if isinstance(value, float):
        exact = Fraction(repr(value)) if value and 1e-100 < value < 1e100 else Fraction(0)
        rooted = _rational_root(exact, degree) if exact else None
        return float(rooted) if rooted is not None else _float_root(value, degree)
    rooted = _rational_root(Fraction(value), degree)
    return tidy(rooted) if rooted is not None else _float_root(as_float(value), degree)


def _float_root(value: float, degree: int) -> float:
    if degree == 2:
        return math.sqrt(value)
    return math.cbrt(value) if degree == 3 else value ** (1 / degree)


def _rational_root(value: Fraction, degree: int) -> Fraction | None:
    top, bottom = _whole_root(value.numerator, degree), _whole_root(value.denominator, degree)
    return None if top is None or bottom is None else Fraction(top, bottom)


def _whole_root(value: int, degree: int) -> int | None:
    """The root of a whole number >= 0 if it is whole, by Newton's method on integers."""
    if value < 2 or degree == 1:
        return value
    if degree == 2:
        guess = math.isqrt(value)
        return guess if guess * guess == value else None
    if degree >= value.bit_length():
        return None  # the root lies between 1 and 2
    guess = 1 << -(-value.bit_length() // degree)
    while True:
        better = ((degree - 1) * guess + value // guess ** (degree - 1)) // degree
        if better >= guess:
            return guess if guess**degree == value else None
        guess = better


def logarithm(value: Number, base: Number | None = None) -> Number:
    """log of value to a base (natural without one): a whole number where it is one."""
    if value <= 0:
        raise ArithError("the logarithm needs a number above 0")
    if base is None:
        return 0 if value == 1 else _natural(value)
    if base <= 0 or base == 1:
        raise ArithError("the base of a logarithm must be above 0 and not 1")
    quotient = _natural(value) / _natural(base)
    nearest = round(quotient)
    exact = not isinstance(value, float) and not isinstance(base, float)
    if exact and abs(quotient - nearest) < 1e-9 and abs(nearest) * bits(base) <= 2 * MAX_BITS:
        try:
            if power(base, nearest) == value:
                return nearest
        except TooLarge:
            return quotient
    return quotient


def _natural(value: Number) -> float:
    if isinstance(value, Fraction):
        if bits(value) < 900:
            return math.log(value)
        return math.log(value.numerator) - math.log(value.denominator)
    return math.log(value)


def round_half_up(value: Number, digits: int = 0) -> Number:
    """Round as people do, halves away from zero, to so many decimals (negative: tens, …)."""
    if abs(digits) > 1000:
        raise ArithError("round takes at most 1000 decimals")
    exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    scale = Fraction(10) ** digits
    whole = math.floor(abs(exact) * scale + Fraction(1, 2))
    return tidy((whole if exact >= 0 else -whole) / scale)
