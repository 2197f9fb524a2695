"""The currency expert uses the world's rates for today and the bank's for past days."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from mrkl.experts.base import Context, ExpertError
from mrkl.experts.currency import build
from mrkl.experts.world import World

NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)
FIXED = Context(world=World(NOW, "UTC", {"USD": 1.0, "EUR": 0.92, "THB": 36.0}))
REAL = Context(world=World(NOW, "UTC"))


def call(context: Context, **arguments: Any) -> Any:
    return build().call(arguments, context)


def test_the_worlds_rates_count() -> None:
    result = call(FIXED, amount=200, source="usd", target="thailand")
    assert (result.value, result.unit, str(result)) == (7200, "THB", "7200.00 THB")


def test_the_banks_rates_carry_their_day() -> None:
    result = call(REAL, amount=100, source="euros", target="dollars", date="1 february 2020")
    assert result.value == Fraction("110.52")
    assert "31 January 2020" in str(result)
    assert "2020-01-31" in result.source


@pytest.mark.parametrize(
    ("context", "arguments", "message"),
    [
        (FIXED, {"target": "yen"}, "no exchange rate is given for JPY"),
        (REAL, {"target": "bananas"}, "not a currency"),
        (REAL, {"target": "eur", "date": "tomorrow"}, "nobody knows"),
        (REAL, {"target": "eur", "date": "2019"}, "which day of 2019"),
        (REAL, {"target": "eur", "date": "30 february 2020"}, "has 29 days"),
    ],
)
def test_refusals(context: Context, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ExpertError, match=message) as caught:
        call(context, amount=1, source="usd", **arguments)
    assert caught.value.kind == "no_answer"
