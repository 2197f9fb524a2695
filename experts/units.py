"""The expert that converts units: a thin skin over `mrkl.tools.quantities`.

In: a quantity as written and a target unit. Out: the number in that unit, its symbol and a text.
It refuses what is no quantity, unknown units and dimensions that do not fit, in one line each.
It knows no currencies, no substances and no dates.
"""

from __future__ import annotations

from typing import Any

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result
from mrkl.tools.quantities import QuantityError, convert

_CARD = Card(
    name="units",
    description=(
        "Convert a quantity to another unit: length, mass, volume, area, temperature, speed, "
        "time spans, energy, power, pressure, data, fuel economy."
    ),
    parameters=(
        Parameter("quantity", "str", "number and unit as asked", copy=False),
        Parameter("to", "str", "the unit wanted", copy=False),
    ),
    returns="number with its unit",
    examples=(
        "how many miles is 42.195 km",
        "12 stone 4 pounds in kilos",
        "72F in celsius",
        "3h 12min in minutes",
        "what is 30 mpg in litres per 100 km",
    ),
)


def _convert(arguments: dict[str, Any], context: Context) -> Result:
    try:
        found = convert(arguments["quantity"], arguments["to"])
    except QuantityError as error:
        raise ExpertError("no_answer", str(error)) from None
    return Result(found.value, unit=found.unit, source="pint", text=found.text)


def build() -> Expert:
    """The units expert."""
    return Expert(_CARD, _convert, origin="mrkl.experts.units:build")
