"""The expert for money: a thin skin over `mrkl.tools.rates`.

In: an amount, the money it is in and the money wanted (code, name, symbol or country), perhaps a
day. Out: the exact amount with its ISO code; the text gives the day of the rate. Where the world
fixes rates they are used for today; past days come from the European Central Bank's history.
It trades nothing and knows no cryptocurrencies.
"""

from __future__ import annotations

from typing import Any

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result
from mrkl.tools.date_phrases import read_moment
from mrkl.tools.moments import ClockError
from mrkl.tools.rates import RateError, convert_money

_CARD = Card(
    name="currency",
    description=(
        "Convert money between currencies at European Central Bank rates, today's or a past day's."
    ),
    parameters=(
        Parameter("amount", "number"),
        Parameter("source", "str", "code, name, symbol or country"),
        Parameter("target", "str", "code, name, symbol or country"),
        Parameter("date", "str", "a past day", required=False),
    ),
    returns="amount with its currency code",
    examples=(
        "how much is 120 dollars in euros",
        "convert ten thousand yen to dollars",
        "what was a pound worth in swiss francs on 3 march 2020",
    ),
)


def _convert(arguments: dict[str, Any], context: Context) -> Result:
    world = context.world
    now = world.now()
    phrase = arguments.get("date")
    try:
        moment = read_moment(phrase, now) if phrase else None
        if moment is not None and moment.end is not None:
            raise ExpertError("no_answer", f"rates are of one day: which day of {phrase}?")
        found = convert_money(
            arguments["amount"],
            arguments["source"],
            arguments["target"],
            today=now.date(),
            on=moment.day if moment else None,
            fixed=world.rate if world.has_rates else None,
        )
    except (ClockError, RateError) as error:
        raise ExpertError("no_answer", str(error)) from None
    return Result(found.value, unit=found.code, source=found.source, text=found.text)


def build() -> Expert:
    """The currency expert."""
    return Expert(_CARD, _convert, origin="mrkl.experts.currency:build")
