"""The world as experts see it: the clock, the time zone, exchange rates and weather.

The default World is the real one: system clock and zone, no fixed rates or weather (experts then
use their own sources). `World.from_file` fixes parts of it from a JSON file, so that answers
which change with time can be tested. It fetches nothing itself.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

_KEYS = ("note", "now", "timezone", "rates_per_usd", "weather")


class WorldError(ValueError):
    """A world file that cannot be used; the message is one line and names the fault."""


@dataclass(frozen=True)
class World:
    """Clock, zone, rates and weather; a part that is None is the real one.

    `timezone` is an IANA name. `rates` holds units of a currency per US dollar by ISO code.
    `reports` holds weather by place and day ("today", "tomorrow" or an ISO date).
    """

    fixed_now: datetime | None = None
    fixed_timezone: str | None = None
    rates: Mapping[str, float] | None = None
    reports: Mapping[str, Mapping[str, Mapping[str, Any]]] | None = None

    @property
    def timezone(self) -> str:
        """IANA name of the zone the user is in."""
        return self.fixed_timezone or _system_timezone()

    @property
    def zone(self) -> ZoneInfo:
        """The zone the user is in."""
        return ZoneInfo(self.timezone)

    @property
    def has_rates(self) -> bool:
        """Whether exchange rates are fixed, so that no other source may be used."""
        return self.rates is not None

    @property
    def has_weather(self) -> bool:
        """Whether the weather is fixed, so that no other source may be used."""
        return self.reports is not None

    def now(self) -> datetime:
        """The present moment, aware, in the user's zone."""
        return (self.fixed_now or datetime.now(tz=self.zone)).astimezone(self.zone)

    def rate(self, code: str) -> float | None:
        """Units of the currency for one US dollar, or None where no rate is fixed."""
        return None if self.rates is None else self.rates.get(code.upper())

    def weather(self, place: str, day: str | date = "today") -> dict[str, Any] | None:
        """The fixed report (temp_c, high_c, low_c, condition, rain_mm, …) of a place, or None.

        `place` is compared without case; `day` is "today", "tomorrow", an ISO date or a date.
        """
        if self.reports is None:
            return None
        wanted = place.strip().casefold()
        days = next((d for name, d in self.reports.items() if name.casefold() == wanted), None)
        report = (
            None if days is None else next((days[k] for k in self._days(day) if k in days), None)
        )
        return None if report is None else dict(report)

    def _days(self, day: str | date) -> list[str]:
        """The keys under which a day may stand in a report: its ISO date and its name."""
        today = self.now().date()
        names = {today: "today", today + timedelta(days=1): "tomorrow"}
        if isinstance(day, datetime):
            day = day.date()
        if isinstance(day, str):
            name = day.strip().casefold()
            iso = next((d.isoformat() for d, n in names.items() if n == name), name)
            return [name, iso, *(n for d, n in names.items() if d.isoformat() == name)]
        return [day.isoformat(), *(name for d, name in names.items() if d == day)]

    def as_dict(self) -> dict[str, Any]:
        """The layout of a world file, with the fixed parts only."""
        parts: dict[str, Any] = {
            "now": self.fixed_now.isoformat() if self.fixed_now else None,
            "timezone": self.fixed_timezone,
            "rates_per_usd": dict(self.rates) if self.rates is not None else None,
            "weather": dict(self.reports) if self.reports is not None else None,
        }
        return {key: part for key, part in parts.items() if part is not None}

    @classmethod
    def from_file(cls, path: str | Path) -> World:
        """Read a world file; raises WorldError with one line saying what is wrong."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8 text"
            raise WorldError(f"world file {path}: {reason}") from None
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise WorldError(f"world file {path}: not JSON: {error}") from None
        try:
            return cls.from_dict(data)
        except WorldError as error:
            raise WorldError(f"world file {path}: {error}") from None

    @classmethod
    def from_dict(cls, data: Any) -> World:
        """Build a World from the parsed layout; raises WorldError."""
        if not isinstance(data, dict):
            raise WorldError(f"expected an object with some of {', '.join(_KEYS)}")
        table = cast("dict[str, Any]", data)
        unknown = [key for key in table if key not in _KEYS]
        if unknown:
            raise WorldError(f"unknown key {unknown[0]!r}; known: {', '.join(_KEYS)}")
        zone = _read_zone(table.get("timezone"))
        return cls(
            fixed_now=_read_now(table.get("now"), zone),
            fixed_timezone=zone,
            rates=_read_rates(table.get("rates_per_usd")),
            reports=_read_weather(table.get("weather")),
        )


def _read_zone(raw: Any) -> str | None:
    if raw is None:
        return None
    try:
        return ZoneInfo(raw).key
    except (ValueError, KeyError, OSError, TypeError, AttributeError):
        # Names that are no name, unknown ones, and names of folders each raise another kind.
        raise WorldError(f"timezone {raw!r} is not an IANA name such as Europe/Oslo") from None


def _read_now(raw: Any, zone: str | None) -> datetime | None:
    if raw is None:
        return None
    try:
        now = datetime.fromisoformat(raw)
    except (TypeError, ValueError):
        example = "2026-03-18T10:30:00+00:00"
        raise WorldError(f"now {raw!r} is not an ISO date and time such as {example}") from None
    return now if now.tzinfo else now.replace(tzinfo=ZoneInfo(zone or "UTC"))


def _read_rates(raw: Any) -> dict[str, float] | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise WorldError('rates_per_usd must be an object such as {"EUR": 0.92}')
    rates: dict[str, float] = {}
    for code, rate in cast("dict[str, Any]", raw).items():
        number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
        if not number or not math.isfinite(rate) or rate <= 0:
            raise WorldError(f"rates_per_usd: {code} must be a number above 0, not {rate!r}")
        rates[code.upper()] = float(rate)
    return rates


def _read_weather(raw: Any) -> dict[str, dict[str, dict[str, Any]]] | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise WorldError("weather must be an object of places")
    places = cast("dict[str, Any]", raw)
    for place, days in places.items():
        reports = list(cast("dict[str, Any]", days).values()) if isinstance(days, dict) else [None]
        if not all(isinstance(report, dict) for report in reports):
            raise WorldError(f"weather: {place} must hold objects by day, such as today")
    return places


def _system_timezone() -> str:
    """The machine's zone: the TZ variable, else the link /etc/localtime, else UTC."""
    link = os.path.realpath("/etc/localtime").partition("zoneinfo/")[2]
    for name in (os.environ.get("TZ", "").lstrip(":"), link):
        try:
            return ZoneInfo(name).key
        except (ValueError, KeyError, OSError):
            continue
    return "UTC"
