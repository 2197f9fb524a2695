"""The expert for facts: countries, cities, chemical elements and substances, planets.

In: an attribute of one thing, or a kind with order, rank and conditions. Out: the value with unit,
text and source. A thin skin over `mrkl.tools.facts` and the facts file that ships with it; people,
events and anything else stand in the encyclopedia.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result, Value
from mrkl.tools.facts_schema import ATTRIBUTES as _ALL
from mrkl.tools.facts_schema import SELECTABLE, FactsError

if TYPE_CHECKING:
    from mrkl.tools.facts import Fact, Facts

FACTS = Path(__file__).resolve().parent / "data" / "facts.sqlite"
ATTRIBUTES: tuple[str, ...] = tuple(_ALL)

_CARD = Card(
    name="knowledge",
    description=(
        "Facts about countries, cities, chemical elements, substances and planets: look up, "
        "compare, rank, filter and count."
    ),
    parameters=(
        Parameter("attribute", f"enum[{', '.join(ATTRIBUTES)}]", "name lists, count counts"),
        Parameter("entity", "str", "the thing asked about", required=False),
        Parameter("kind", f"enum[{', '.join(SELECTABLE)}]", required=False),
        Parameter("order", "enum[max, min]", required=False),
        Parameter("n", "int", "how many to list", required=False),
        Parameter("rank", "int", "2 for the second", required=False),
        Parameter("where", "str", "conditions", required=False, copy=False),
    ),
    returns="number with unit, name or list of names",
    examples=(
        "population of Peru",
        "what is the capital of Burma",
        "which planet has the most moons",
        "the three largest countries in Africa",
        "is argon a noble gas",
        "how many countries border Austria",
        "molar mass of CO2",
    ),
)


@functools.cache
def facts() -> Facts:
    """The facts file that ships with the package, opened once."""
    from mrkl.tools.facts import Facts

    return Facts(FACTS)


def _know(arguments: dict[str, Any], context: Context) -> Result:
    entity, kind = arguments.get("entity"), arguments.get("kind")
    where, attribute = arguments.get("where"), arguments["attribute"]
    try:
        if entity and where:
            found = facts().holds(entity, where, kind)
        elif entity:
            found = facts().lookup(attribute, entity, kind)
        elif kind:
            order, n, rank = (arguments.get(name) for name in ("order", "n", "rank"))
            found = facts().select(kind, attribute, order, n, rank, where)
        else:
            raise ExpertError("bad_arguments", "knowledge needs an entity or a kind")
    except FactsError as error:
        raise ExpertError(error.kind, error.message) from None
    return _result(found)


def _result(found: Fact) -> Result:
    return Result(
        cast("Value", found.value),
        unit=found.unit,
        source=found.source,
        text=found.text,
        truncated=found.truncated,
    )


def build() -> Expert:
    """The knowledge expert."""
    return Expert(_CARD, _know, effects="read", origin="mrkl.experts.knowledge:build")
