"""Money goes by many names to one code, and is converted exactly at a rate whose day is said."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrkl.tools.currency_names import RateError, currency_code
from mrkl.tools.rates import convert_money

TODAY = date(2026, 3, 18)
FIXED = {"USD": 1.0, "EUR": 0.92, "JPY": 149.5, "INR": 83.2, "GBP": 0.79}

NAMES = [
    ("usd", "USD"),
    ("dollars", "USD"),
    ("bucks", "USD"),
    ("American dollars", "USD"),
    ("$", "USD"),
    ("€", "EUR"),
    ("euros", "EUR"),
    ("germany", "EUR"),
    ("A$", "AUD"),
    ("C$", "CAD"),
    ("quid", "GBP"),
    ("british pounds", "GBP"),
    ("pounds sterling", "GBP"),
    ("egyptian pounds", "EGP"),
    ("rupees (indian)", "INR"),
    ("rupees", "INR"),
    ("pakistani rupees", "PKR"),
    ("yen", "JPY"),
    ("swiss francs", "CHF"),
    ("thai baht", "THB"),
    ("thailand", "THB"),
    ("thailand baht", "THB"),
    ("rmb", "CNY"),
    ("pesos", "MXN"),
    ("pesos (argentina)", "ARS"),
    ("norwegian kroner", "NOK"),
    ("czech crowns", "CZK"),
    ("brazilian reais", "BRL"),
    ("zł", "PLN"),
    ("the currency of japan", "JPY"),
    ("korean won", "KRW"),
]


@pytest.mark.parametrize(("name", "code"), NAMES)
def test_names_of_money(name: str, code: str) -> None:
    assert currency_code(name) == code


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("banana", "not a currency"),
        ("bitcoin", "not a currency"),
        ("", "which currency"),
        ("dinar", "say which"),
        ("kroner", "Danish Krone .DKK., Norwegian Krone .NOK.: say which"),
        ("crowns", "say which"),
        ("x" * 300, "not a currency"),
    ],
)
def test_unknown_and_shared_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(RateError, match=message):
        currency_code(name)


def test_fixed_rates_are_exact() -> None:
    found = convert_money(120, "dollars", "euros", today=TODAY, fixed=FIXED.get)
    assert (found.value, found.code, found.text) == (Fraction("110.4"), "EUR", "110.40 EUR")
    back = convert_money(10_000, "yen", "usd", today=TODAY, on=TODAY, fixed=FIXED.get)
    assert back.value == Fraction(10_000) / Fraction("149.5")
    with pytest.raises(RateError, match="no exchange rate is given for CHF"):
        convert_money(1, "usd", "chf", today=TODAY, fixed=FIXED.get)


def test_a_weekend_takes_the_rate_of_the_friday_and_says_so() -> None:
    # The ECB's reference rate of 31 January 2020 was 1.1052 dollars for a euro.
    found = convert_money(100, "eur", "usd", today=TODAY, on=date(2020, 2, 1))
    assert found.value == Fraction("110.52")
    assert found.text == "110.52 USD (ECB, 31 January 2020)"
    assert found.source == "ECB reference rate of 2020-01-31"


def test_no_rate_later_than_today_is_used() -> None:
    found = convert_money(1, "eur", "usd", today=date(2020, 2, 2))
    assert found.value == Fraction("1.1052")


def test_past_days_come_from_the_bank_even_where_today_is_fixed() -> None:
    on = date(2020, 1, 31)
    found = convert_money(1, "eur", "usd", today=TODAY, on=on, fixed=FIXED.get)
    assert found.value == Fraction("1.1052")


@pytest.mark.parametrize(
    ("source", "target", "on", "message"),
    [
        ("eur", "usd", date(1990, 1, 1), "start on 4 January 1999"),
        ("eur", "usd", date(2027, 1, 1), "nobody knows the rate of 1 January 2027"),
        ("eur", "rub", None, "ECB rates for RUB ended on 1 March 2022"),
        ("eur", "aed", None, "gives no rate for AED"),
    ],
)
def test_days_and_money_without_rates(
    source: str, target: str, on: date | None, message: str
) -> None:
    with pytest.raises(RateError, match=message):
        convert_money(1, source, target, today=TODAY, on=on)


def test_a_day_after_the_data_names_the_latest() -> None:
    far = date(2500, 1, 1)
    with pytest.raises(RateError, match="the latest is of"):
        convert_money(1, "eur", "usd", today=far, on=far)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0.001, "0.00092 EUR"), (-5, "-4.60 EUR"), (0, "0.00 EUR"), (Fraction(1, 3), "0.3067 EUR")],
)
def test_texts(amount: float, text: str) -> None:
    assert convert_money(amount, "usd", "eur", today=TODAY, fixed=FIXED.get).text == text


def test_amounts_must_be_finite() -> None:
    with pytest.raises(RateError):
        convert_money(float("nan"), "usd", "eur", today=TODAY, fixed=FIXED.get)


@given(st.fractions(min_value=0, max_value=10**9, max_denominator=100))
@settings(deadline=None)
def test_there_and_back_is_exact(amount: Fraction) -> None:
    there = convert_money(amount, "usd", "jpy", today=TODAY)
    back = convert_money(there.value, "jpy", "usd", today=TODAY)
    assert back.value == amount
