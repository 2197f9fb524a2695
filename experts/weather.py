"""The expert for weather now and in the next days, and for sunrise and sunset.

In: a place, a day and a field. Out: a number with unit, a condition or a time of day. Where the
world fixes the weather only that is used; otherwise Open-Meteo's open forecast is asked (CC BY 4.0,
no key), with the place's coordinates from the facts file. Sunrise and sunset are computed (astral).
It knows no climate averages and nothing beyond the forecast's 16 days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result, render
from mrkl.experts.online import fetch

SERVICE = "https://api.open-meteo.com"
PAST_DAYS, COMING_DAYS = 90, 15  # what the forecast service holds
_LONGEST = 60  # characters of a place or a day


@dataclass(frozen=True)
class _Field:
    """Where a field stands: key of a fixed report, daily and current variables of the service."""

    unit: str
    fixed: str | None
    daily: str
    current: str | None = None


_FIELDS: dict[str, _Field] = {
    "temperature": _Field("°C", "temp_c", "temperature_2m_mean", "temperature_2m"),
    "high": _Field("°C", "high_c", "temperature_2m_max"),
    "low": _Field("°C", "low_c", "temperature_2m_min"),
    "rain": _Field("mm", "rain_mm", "precipitation_sum"),
    "snow": _Field("cm", "snow_cm", "snowfall_sum"),
    "wind": _Field("km/h", "wind_kmh", "wind_speed_10m_max", "wind_speed_10m"),
    "humidity": _Field("%", "humidity", "relative_humidity_2m_mean", "relative_humidity_2m"),
    "cloud cover": _Field("%", "cloud_cover", "cloud_cover_mean", "cloud_cover"),
    "pressure": _Field("hPa", "pressure_hpa", "pressure_msl_mean", "pressure_msl"),
    "uv index": _Field("", "uv_index", "uv_index_max"),
}
_SUN = ("sunrise", "sunset")
# WMO code table 4677, as far as the service uses it.
_CODES: dict[int, str] = {
    0: "clear", 1: "mainly clear", 2: "partly cloudy", 3: "cloudy", 45: "fog", 48: "fog",
    51: "light drizzle", 53: "drizzle", 55: "heavy drizzle", 56: "freezing drizzle",
    57: "freezing drizzle", 61: "light rain", 63: "rain", 65: "heavy rain", 66: "freezing rain",
    67: "freezing rain", 71: "light snow", 73: "snow", 75: "heavy snow", 77: "snow grains",
    80: "light showers", 81: "showers", 82: "heavy showers", 85: "snow showers",
    86: "heavy snow showers", 95: "thunderstorm", 96: "thunderstorm with hail",
    99: "thunderstorm with hail",
}  # fmt: skip

_CARD = Card(
    name="weather",
    description=(
        "Weather of a place, now or in the coming days: summary, temperature, rain, snow, wind, "
        "humidity; sunrise and sunset."
    ),
    parameters=(
        Parameter("place", "str", "a city"),
        Parameter("day", "str", "today, tomorrow, a weekday, a date", False, "today"),
        Parameter(
            "field",
            f"enum[summary, {', '.join((*_FIELDS, *_SUN))}]",
            required=False,
            default="summary",
        ),
    ),
    returns="number with unit, condition or time",
    examples=(
        "weather in oslo",
        "will it rain in lisbon tomorrow",
        "how cold does it get in helsinki on friday",
        "when is sunset in madrid",
    ),
)


@dataclass(frozen=True)
class _Place:
    """A city of the facts file."""

    name: str
    latitude: float
    longitude: float
    zone: str


class _Weather:
    """Answers from a fixed world or from one service; tests bring their own server."""

    def __init__(self, service: str, allow_loopback: bool) -> None:
        self.service = service.rstrip("/")
        self.allow_loopback = allow_loopback

    def __call__(self, arguments: dict[str, Any], context: Context) -> Result:
        place = str(arguments["place"]).strip()
        phrase = str(arguments.get("day") or "today").strip()
        field = str(arguments.get("field") or "summary")
        if not place or len(place) > _LONGEST or len(phrase) > _LONGEST:
            raise ExpertError("bad_arguments", f"place and day need 1 to {_LONGEST} characters")
        if field in _SUN:
            return _sun(place, phrase, field, context)
        if context.world.has_weather:
            return _fixed(place, phrase, field, context)
        city = _find(place)
        return self._forecast(city, _day(phrase, city.zone, context), field, context)

    def _forecast(self, city: _Place, day: date, field: str, context: Context) -> Result:
        today = _today(city.zone, context)
        if not today - timedelta(PAST_DAYS) <= day <= today + timedelta(COMING_DAYS):
            raise ExpertError("no_answer", f"the forecast does not reach {day.isoformat()}")
        now = day == today
        daily = [f.daily for f in _FIELDS.values()]
        current = [f.current for f in _FIELDS.values() if f.current] if now else []
        data = fetch(
            f"{self.service}/v1/forecast",
            {
                "latitude": f"{city.latitude:.4f}",
                "longitude": f"{city.longitude:.4f}",
                "timezone": city.zone,
                "daily": ",".join(["weather_code", *daily]),
                "current": ",".join(["weather_code", *current]),
                "start_date": day.isoformat(),
                "end_date": day.isoformat(),
            },
            context,
            "the weather service",
            self.allow_loopback,
        )
        values = _reported(data or {}, now)
        source = "Open-Meteo.com (CC BY 4.0)"
        condition = _CODES.get(int(values.get("weather_code", -1)))
        report: dict[str, Any] = {"condition": condition} if condition else {}
        for entry in _FIELDS.values():
            if entry.fixed and entry.daily in values:
                report[entry.fixed] = values[entry.daily]
        return _result(report, field, city.name, source)


def _reported(data: dict[str, Any], now: bool) -> dict[str, float]:
    """One number a variable: the day's, or the present one where there is one."""
    values: dict[str, float] = {}
    daily = cast("dict[str, list[Any]]", data.get("daily") or {})
    for name, series in daily.items():
        if series and isinstance(series[0], (int, float)):
            values[name] = series[0]
    current = cast("dict[str, Any]", data.get("current") or {}) if now else {}
    names = {entry.current: entry.daily for entry in _FIELDS.values() if entry.current}
    for name, number in current.items():
        if isinstance(number, (int, float)) and (name in names or name == "weather_code"):
            values[names.get(name, name)] = number
    return values


def _fixed(place: str, phrase: str, field: str, context: Context) -> Result:
    """From the fixed world only: no other source is asked."""
    world = context.world
    names = [place, place.split(",")[0].strip()]
    if all(world.weather(name) is None for name in names):
        names += _other_names(place)
    known = next((name for name in names if world.weather(name) is not None), None)
    day = _day(phrase, world.timezone, context)
    report = next((r for name in names if (r := world.weather(name, day)) is not None), None)
    if report is None:
        when = f" on {day.isoformat()}" if known else ""
        raise ExpertError("no_answer", f"no weather for {place}{when}")
    return _result(report, field, known or place, "the fixed world")


def _result(report: dict[str, Any], field: str, place: str, source: str) -> Result:
    if field == "summary":
        condition = report.get("condition")
        if condition is None:
            raise ExpertError("no_answer", f"no summary of the weather for {place}")
        return Result(str(condition), source=source, text=_summary(report))
    entry = _FIELDS[field]
    value = report.get(entry.fixed) if entry.fixed else None
    if not isinstance(value, (int, float)):
        raise ExpertError("no_answer", f"no {field} in the weather for {place}")
    return Result(value, unit=entry.unit or None, source=source)


def _summary(report: dict[str, Any]) -> str:
    """`snow, -3 °C (high 0 °C, low -7 °C)`, as far as the report goes."""
    text = str(report["condition"])
    if isinstance(report.get("temp_c"), (int, float)):
        text += f", {render(report['temp_c'], '°C')}"
    if all(isinstance(report.get(key), (int, float)) for key in ("high_c", "low_c")):
        text += f" (high {render(report['high_c'], '°C')}, low {render(report['low_c'], '°C')})"
    return text


def _find(place: str) -> _Place:
    """The city of a name, or a country's capital; ExpertError if it is unknown."""
    from mrkl.experts.knowledge import facts
    from mrkl.tools.facts_schema import FactsError

    try:
        row = facts().city(place)
    except FactsError:
        raise ExpertError("no_answer", f"no weather for {place}: the place is not known") from None
    return _Place(row["name"], row["latitude"], row["longitude"], row["time_zone"])


def _other_names(place: str) -> list[str]:
    """Names under which a fixed world may hold the place: `NYC` is New York City is New York."""
    try:
        name = _find(place).name
    except ExpertError:
        return []
    from mrkl.tools.facts_keys import name_key

    return [name, name.removesuffix(" City"), name_key(name)]


def _today(zone: str, context: Context) -> date:
    return context.world.now().astimezone(ZoneInfo(zone)).date()


def _day(phrase: str, zone: str, context: Context) -> date:
    """The day meant, at the place; `tonight` and `this afternoon` are today."""
    lowered = " ".join(phrase.casefold().split())
    today = _today(zone, context)
    for start, day in (("tomorrow", today + timedelta(1)), ("today", today), ("tonight", today)):
        if lowered == start or lowered.startswith(f"{start} "):
            return day
    if lowered in _NOW or lowered in {f"this {part}" for part in _PARTS}:
        return today
    from mrkl.tools.date_phrases import read_moment
    from mrkl.tools.moments import ClockError

    try:
        return read_moment(phrase, context.world.now().astimezone(ZoneInfo(zone))).day
    except ClockError as error:
        raise ExpertError("bad_arguments", f"the day cannot be read: {error}") from None


_NOW = ("now", "right now", "currently", "at the moment", "outside")
_PARTS = ("morning", "afternoon", "evening", "night", "noon", "midday")


def _sun(place: str, phrase: str, field: str, context: Context) -> Result:
    """Sunrise or sunset as local time, computed; no network."""
    city = _find(place)
    day = _day(phrase, city.zone, context)
    from astral import Observer
    from astral.sun import sunrise, sunset

    find = sunrise if field == "sunrise" else sunset
    try:
        moment = find(Observer(city.latitude, city.longitude), day, tzinfo=ZoneInfo(city.zone))
    except ValueError:
        raise ExpertError(
            "no_answer", f"there is no {field} in {city.name} on {day.isoformat()}"
        ) from None
    rounded = (moment + timedelta(seconds=30)).replace(second=0, microsecond=0)
    return Result(f"{rounded:%H:%M}", source="astral (Apache-2.0)", text=f"{rounded:%H:%M}")


def build(service: str = SERVICE, allow_loopback: bool = False) -> Expert:
    """The weather expert; `service` is the address of an Open-Meteo server."""
    return Expert(_CARD, _Weather(service, allow_loopback), effects="network", timeout=12.0)
