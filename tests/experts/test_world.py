"""The fixed world and the real one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mrkl.experts.world import World, WorldError

LAYOUT: dict[str, Any] = {
    "note": "for tests",
    "now": "2026-03-18T23:30:00+00:00",
    "timezone": "Europe/Oslo",
    "rates_per_usd": {"USD": 1, "EUR": 0.92},
    "weather": {
        "Porto Alegre": {"today": {"temp_c": 26}, "tomorrow": {"temp_c": 25}},
        "Oslo": {"2026-03-25": {"temp_c": 4}},
    },
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    path = tmp_path / "world.json"
    path.write_text(json.dumps(LAYOUT))
    return World.from_file(path)


def test_a_file_fixes_clock_rates_and_weather(world: World) -> None:
    assert world.now() == datetime(2026, 3, 18, 23, 30, tzinfo=UTC)
    assert world.now().isoformat() == "2026-03-19T00:30:00+01:00"
    assert world.timezone == "Europe/Oslo"
    assert world.rate("eur") == 0.92
    assert world.rate("XXX") is None
    assert world.has_rates and world.has_weather


@pytest.mark.parametrize(
    ("place", "day", "temperature"),
    [
        ("Porto Alegre", "today", 26),
        ("porto alegre ", "Tomorrow", 25),
        ("Porto Alegre", "2026-03-20", 25),
        ("Porto Alegre", date(2026, 3, 19), 26),
        ("Oslo", date(2026, 3, 25), 4),
        ("Oslo", "2026-03-25", 4),
        ("Oslo", "today", None),
        ("Atlantis", "today", None),
        ("Oslo", "someday", None),
    ],
)
def test_weather_by_place_and_day(
    world: World, place: str, day: str | date, temperature: int | None
) -> None:
    report = world.weather(place, day)
    assert (report and report["temp_c"]) == temperature


def test_the_default_is_the_real_world() -> None:
    world = World()
    assert abs(world.now() - datetime.now(tz=UTC)) < timedelta(seconds=5)
    assert world.now().tzinfo is not None
    assert world.rate("EUR") is None
    assert world.weather("Oslo") is None
    assert not world.has_rates and not world.has_weather


def test_the_zone_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert World().timezone == "Asia/Tokyo"
    monkeypatch.setenv("TZ", "Nowhere/Land")
    assert World().zone is not None


def test_a_time_without_zone_is_in_the_worlds_zone() -> None:
    world = World.from_dict({"now": "2026-07-01T12:00", "timezone": "Asia/Tokyo"})
    assert world.now().utcoffset() == timedelta(hours=9)


def test_the_layout_survives_a_round_trip(world: World) -> None:
    again = World.from_dict(json.loads(json.dumps(world.as_dict())))
    assert again == world
    assert World.from_dict(World().as_dict()) == World()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[1]", "expected an object"),
        ('{"nwo": 1}', "unknown key 'nwo'"),
        ('{"now": "tomorrow"}', "not an ISO date"),
        ('{"now": 5}', "not an ISO date"),
        ('{"timezone": "Mars/Base"}', "IANA"),
        ('{"timezone": 3}', "IANA"),
        ('{"timezone": "Europe"}', "IANA"),
        ('{"rates_per_usd": [1]}', "rates_per_usd"),
        ('{"rates_per_usd": {"EUR": "0.9"}}', "EUR must be a number"),
        ('{"rates_per_usd": {"EUR": -1}}', "EUR must be a number"),
        ('{"rates_per_usd": {"EUR": NaN}}', "EUR must be a number"),
        ('{"weather": []}', "weather must be"),
        ('{"weather": {"Oslo": 3}}', "Oslo must hold"),
    ],
)
def test_faults_are_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text)
    with pytest.raises(WorldError) as caught:
        World.from_file(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="No such file"):
        World.from_file(tmp_path / "none.json")
