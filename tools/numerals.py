"""Numbers to text, as a person would write them.

In: int, Fraction or float. Out: a decimal text without noise: 0.1 + 0.2 gives `0.3`, Fraction(1, 8)
gives `0.125`, 1/3 gives `0.33333333`. Integers are exact at any length. Units, grouping and
currency signs are not its business.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import lru_cache

EXACT_DIGITS = 12  # a decimal expansion that ends within so many digits is written whole
ROUNDED_DIGITS = 8  # other numbers are rounded to so many significant digits
_STR_LIMIT_BITS = 12_000  # beyond this Python's own int -> str conversion may refuse


def int_text(value: int) -> str:
    """Write an integer exactly, past Python's limit of 4,300 digits too."""
    if value.bit_length() < _STR_LIMIT_BITS:
        return str(value)
    return format(Decimal(value), "f")


def number_text(value: Fraction | float, digits: int = ROUNDED_DIGITS) -> str:
    """Write a number in decimals, `digits` significant ones where it does not end by itself.

    Integers, and the whole part of large numbers, keep all their digits. Very large or small
    numbers that are not integers come as `1.5e-9`.
    """
    return int_text(value) if isinstance(value, int) else _decimals(value, digits)


@lru_cache(maxsize=128, typed=True)  # one result is written several times: trace, log, answer
def _decimals(value: Fraction | float, digits: int) -> str:
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return int_text(value.numerator)
        exact = _terminating(value)
        if exact is not None:
            return _plain(exact)
        return _plain(_rounded(_quotient(value), digits))
    if not math.isfinite(value):
        return str(value)
    short = Decimal(f"{value:.{EXACT_DIGITS}g}")
    # A float that is a short decimal up to its last bits was meant as that decimal.
    if len(short.as_tuple().digits) < EXACT_DIGITS:
        return _plain(short)
    return _plain(_rounded(Decimal(value), digits))


def _terminating(value: Fraction) -> Decimal | None:
    """The exact decimal of a fraction, if it has one of at most EXACT_DIGITS digits."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    if rest != 1 or value.denominator > 10**EXACT_DIGITS:
        return None
    exact = _quotient(value, precision=EXACT_DIGITS + 30).normalize()
    return exact if len(exact.as_tuple().digits) <= EXACT_DIGITS else None


def _quotient(value: Fraction, precision: int = 40) -> Decimal:
    length = abs(value.numerator).bit_length() - value.denominator.bit_length()
    context = Context(prec=max(precision, int(length * 0.302) + 20))
    return context.divide(Decimal(value.numerator), Decimal(value.denominator))


def _rounded(value: Decimal, digits: int) -> Decimal:
    # At least two decimals stay beside a long whole part: 1234567.33, not 1234567.3.
    places = max(2, digits - 1 - value.adjusted()) if value.adjusted() < 15 else 0
    with localcontext() as context:
        context.prec = max(40, value.adjusted() + places + 5)
        return round(value, places)


def _plain(value: Decimal) -> str:
    if value == 0:
        return "0"
    value = value.normalize(Context(prec=len(value.as_tuple().digits)))
    if -7 <= value.adjusted() < 21:
        return format(value, "f")
    return str(value).lower().replace("e+", "e")
