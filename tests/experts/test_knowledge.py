"""The knowledge expert as the agent calls it."""

from __future__ import annotations

from typing import Any

import pytest

from mrkl.experts.base import Failure, Result
from mrkl.experts.knowledge import ATTRIBUTES, build
from mrkl.experts.run import call


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ({"attribute": "capital", "entity": "peru"}, "Lima"),
        (
            {
                "attribute": "density",
                "kind": "element",
                "order": "max",
                "where": "name in (osmium, lead)",
            },
            "osmium",
        ),
        ({"attribute": "count", "kind": "country", "where": "neighbours includes austria"}, 8),
        ({"attribute": "category", "entity": "argon", "where": "category = noble gas"}, True),
        ({"attribute": "moons", "kind": "planet", "order": "max", "n": 2}, ["Saturn", "Jupiter"]),
    ],
)
def test_calls(arguments: dict[str, Any], value: object) -> None:
    found = call(build(), arguments)
    assert isinstance(found, Result)
    assert found.value == value
    assert found.source


def test_the_line_for_the_core_is_the_bare_number() -> None:
    found = call(build(), {"attribute": "population", "entity": "Peru"})
    assert isinstance(found, Result)
    assert found.line() == str(found.value)
    assert str(found) == f"{found.value:,}"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"attribute": "capital"}, "bad_arguments"),
        ({"attribute": "capital", "entity": "Wakanda"}, "no_answer"),
        ({"attribute": "colour", "entity": "Peru"}, "bad_arguments"),
        ({"attribute": "area", "kind": "country", "where": "colour = red"}, "bad_arguments"),
        ({"attribute": "capital", "entity": "korea"}, "no_answer"),
    ],
)
def test_failures(arguments: dict[str, Any], kind: str) -> None:
    found = call(build(), arguments)
    assert isinstance(found, Failure)
    assert found.kind == kind


def test_the_card_offers_every_attribute() -> None:
    parameter = build().card.parameter("attribute")
    assert parameter is not None
    assert parameter.choices == ATTRIBUTES
