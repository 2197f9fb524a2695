"""Weather from a fixed world, and from a real local server that speaks the service's format."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from mrkl.experts.base import Context, Failure, Result
from mrkl.experts.run import call
from mrkl.experts.weather import build
from mrkl.experts.world import World
from tests.local_server import Answer, serve

NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)
REPORTS = {
    "Oslo": {
        "today": {
            "temp_c": -3,
            "high_c": 0,
            "low_c": -7,
            "condition": "snow",
            "rain_mm": 2.1,
            "wind_kmh": 14,
            "humidity": 83,
        },
        "tomorrow": {"temp_c": -1, "condition": "cloudy", "rain_mm": 0},
    },
    "New York": {"today": {"temp_c": 8, "condition": "clear"}},
}
FIXED = Context(World(NOW, "UTC", reports=REPORTS))


def ask(context: Context = FIXED, **arguments: Any) -> Result | Failure:
    return call(build(), arguments, context)


@pytest.mark.parametrize(
    ("arguments", "value", "unit"),
    [
        ({"place": "oslo"}, "snow", None),
        ({"place": "Oslo", "day": "tomorrow"}, "cloudy", None),
        ({"place": "Oslo, Norway", "day": "tomorrow morning"}, "cloudy", None),
        ({"place": "oslo", "day": "tonight", "field": "temperature"}, -3, "°C"),
        ({"place": "oslo", "day": "2026-03-19", "field": "rain"}, 0, "mm"),
        ({"place": "oslo", "day": "thursday", "field": "temperature"}, -1, "°C"),
        ({"place": "oslo", "field": "humidity"}, 83, "%"),
        ({"place": "nyc", "field": "temperature"}, 8, "°C"),
    ],
)
def test_a_fixed_world(arguments: dict[str, Any], value: object, unit: str | None) -> None:
    found = ask(**arguments)
    assert isinstance(found, Result), found
    assert (found.value, found.unit) == (value, unit)


def test_a_summary_in_words() -> None:
    assert str(ask(place="oslo")) == "snow, -3 °C (high 0 °C, low -7 °C)"


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({"place": "Paris"}, "no_answer"),
        ({"place": "Wakanda"}, "no_answer"),
        ({"place": "oslo", "day": "2026-05-01"}, "no_answer"),
        ({"place": "oslo", "field": "pressure"}, "no_answer"),
        ({"place": "oslo", "day": "blursday"}, "bad_arguments"),
        ({"place": "", "field": "rain"}, "bad_arguments"),
    ],
)
def test_what_a_fixed_world_does_not_hold(arguments: dict[str, Any], kind: str) -> None:
    found = ask(**arguments)
    assert isinstance(found, Failure)
    assert found.kind == kind


def test_sun_times_are_computed() -> None:
    rise, set_ = ask(place="London", field="sunrise"), ask(place="London", field="sunset")
    assert str(rise) == "06:08"
    assert str(set_) == "18:10"
    bright = ask(place="Helsinki", day="2026-06-21", field="sunset")
    assert isinstance(bright, Result)  # no dusk there on that day, but a sunset
    polar = ask(place="Tromsø", day="2026-12-21", field="sunrise")
    assert isinstance(polar, Failure)
    assert polar.kind == "no_answer"


def service(path: str, query: dict[str, list[str]]) -> Answer:
    """The forecast service's format, with numbers that tell day and present apart."""
    if path != "/v1/forecast":
        return 404, {}, b""
    daily = {name: [number] for number, name in enumerate(query["daily"][0].split(","), 50)}
    current = {name: number for number, name in enumerate(query["current"][0].split(","), 10)}
    body: dict[str, Any] = {
        "daily": {**daily, "weather_code": [61], "time": query["start_date"]},
        "current": {**current, "weather_code": 3, "time": "2026-03-18T10:30"},
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


@pytest.mark.parametrize(
    ("day", "field", "value"),
    [("today", "summary", "cloudy"), ("tomorrow", "summary", "light rain")],
)
def test_the_forecast_service(day: str, field: str, value: object) -> None:
    context = Context(World(NOW, "UTC"))
    with serve(service) as address:
        expert = build(address, allow_loopback=True)
        found = call(expert, {"place": "Oslo", "day": day, "field": field}, context)
        now = call(expert, {"place": "Oslo", "field": "temperature"}, context)
        high = call(expert, {"place": "Oslo", "field": "high"}, context)
        later = call(expert, {"place": "Oslo", "day": "2026-08-01"}, context)
    assert isinstance(found, Result), found
    assert found.value == value
    assert "Open-Meteo" in found.source
    assert isinstance(now, Result)
    assert isinstance(high, Result)
    assert now.value == 11  # the present one
    assert high.value == 52  # the day's
    assert isinstance(later, Failure)
    assert later.kind == "no_answer"


@pytest.mark.parametrize("body", [b"[]", b"{}", b"not json", b'{"daily": {"weather_code": []}}'])
def test_a_service_that_says_nothing(body: bytes) -> None:
    with serve(lambda path, query: (200, {}, body)) as address:
        expert = build(address, allow_loopback=True)
        found = call(expert, {"place": "Oslo"}, Context(World(NOW, "UTC")))
    assert isinstance(found, Failure)
    assert found.kind == "no_answer"


def test_without_a_network_it_says_so() -> None:
    with serve(service) as address:
        pass
    expert = build(address, allow_loopback=True)
    found = call(expert, {"place": "Oslo"}, Context(World(NOW, "UTC")))
    assert isinstance(found, Failure)
    assert found.kind == "offline"
    assert "network" in found.message
