"""Places to time zones: cities, countries, US states, abbreviations, offsets, IANA names.

In: a place as written (`tokyo`, `portland, oregon`, `UK`, `EST`, `us pacific`, `UTC+5:30`). Out: a
`Zone`: a tzinfo, the name shown and a note where a choice was made (a country of many zones has its
capital's). An unknown place raises ZoneError. The table is built by training/build_time_zones.py.
Abbreviations mean their fixed offset (EST is UTC-5 in summer too); shared ones go to the US first.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mrkl.tools.place_names import fold

_GENERIC = {
    "eastern": "America/New_York",
    "et": "America/New_York",
    "central": "America/Chicago",
    "ct": "America/Chicago",
    "mountain": "America/Denver",
    "mt": "America/Denver",
    "pacific": "America/Los_Angeles",
    "pt": "America/Los_Angeles",
    "atlantic": "America/Halifax",
    "alaska": "America/Anchorage",
    "hawaii": "Pacific/Honolulu",
    "central european": "Europe/Berlin",
    "eastern european": "Europe/Athens",
    "western european": "Europe/Lisbon",
    "british": "Europe/London",
}
_NICKNAMES = {
    "la": "los angeles",
    "sf": "san francisco",
    "dc": "washington",
    "washington dc": "washington",
    "vegas": "las vegas",
    "new york state": "new york",
    "england": "united kingdom",
    "scotland": "united kingdom",
    "wales": "united kingdom",
    "britain": "united kingdom",
    "great britain": "united kingdom",
    "uk": "united kingdom",
    "america": "united states",
    "united states of america": "united states",
    "u s": "united states",
    "u s a": "united states",
    "holland": "netherlands",
    "uae": "united arab emirates",
    "czech republic": "czechia",
    "korea": "south korea",
    "congo": "democratic republic of the congo",
}
_AROUND = re.compile(r"^(?:in|at)\s+|[\s,]*\b(?:local\s+)?time(?:\s+zone)?$", re.IGNORECASE)
_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+\-−])\s*(\d{1,2})(?::?([0-5]\d))?")


class ZoneError(ValueError):
    """A place whose time zone is not known; the message is one clear line."""


@dataclass(frozen=True)
class Zone:
    """A time zone, the name of the place it was found by, and a note on a choice made."""

    tz: tzinfo
    name: str
    note: str = ""


@dataclass(frozen=True)
class _Tables:
    groups: list[list[str]]
    cities: dict[str, list[int]]
    first: dict[str, int]
    countries: dict[str, list[str]]
    codes: dict[str, str]  # folded country name → ISO code
    states: dict[str, list[str]]
    abbreviations: dict[str, list[Any]]


def find_zone(place: str) -> Zone:
    """The time zone of a place or abbreviation; raises ZoneError."""
    shown = _AROUND.sub("", " ".join(place.split()))
    name = fold(shown)
    if not name or len(name) > 80:
        raise ZoneError(f"{shown[:80]!r} is not a place whose time zone I know")
    for look in (_offset, _abbreviation, _generic, _country, _city, _qualified, _state, _iana):
        zone = look(name, shown)
        if zone is not None:
            return zone
    raise ZoneError(f"{shown!r} is not a place whose time zone I know")


def country_code(name: str) -> str | None:
    """ISO 3166 code of a country by name, code or common short form, or None."""
    folded = fold(name)
    return _tables().codes.get(_NICKNAMES.get(folded, folded))


def country_name(code: str) -> str:
    """The English name of a country by its ISO code."""
    return _tables().countries[code][2]


def city_country(name: str) -> str | None:
    """ISO code of the country of a city, or None."""
    group = _city_group(_NICKNAMES.get(fold(name), fold(name)))
    return None if group is None else group[1]


@functools.cache
def _tables() -> _Tables:
    text = (files("mrkl.tools") / "data" / "cities_tz.json").read_text(encoding="utf-8")
    data = json.loads(text)
    cities: dict[str, list[int]] = {}
    for number, group in enumerate(data["groups"]):
        for name in group[3].split(";"):
            cities.setdefault(name, []).append(number)
    countries = data["countries"]
    codes = {name: code for code, row in countries.items() for name in row[3:]}
    return _Tables(
        data["groups"],
        cities,
        data["first"],
        countries,
        codes,
        data["states"],
        data["abbreviations"],
    )


def _offset(name: str, shown: str) -> Zone | None:
    if name in ("utc", "z", "zulu", "gmt", "universal", "coordinated universal", "greenwich mean"):
        return Zone(ZoneInfo("UTC"), "GMT" if name.startswith("g") else "UTC")
    match = _OFFSET.fullmatch(name)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if minutes > 14 * 60:
        raise ZoneError(f"{shown!r}: no place is so far from UTC")
    sign = 1 if match[1] == "+" else -1
    zone = timezone(sign * timedelta(minutes=minutes))
    return Zone(zone, str(zone).removesuffix(":00"))


def _abbreviation(name: str, shown: str) -> Zone | None:
    row = _tables().abbreviations.get(name)
    if row is None:
        return None
    label = name.upper()
    note = f"{label} taken as {_city_of(row[1])}'s" if name in ("ist", "cst", "bst", "sst") else ""
    return Zone(timezone(timedelta(minutes=row[0]), label), label, note)


def _generic(name: str, shown: str) -> Zone | None:
    short = re.sub(r"^(?:us|american)\s+", "", name)
    short = re.sub(r"\s+(?:standard|daylight|summer)$", "", short)
    key = _GENERIC.get(short)
    if key is None:
        return None
    words = (word.upper() if len(word) < 3 else _title(word) for word in shown.split(" "))
    return Zone(ZoneInfo(key), " ".join(words) + (" time" if len(shown) > 2 else ""))


def _country(name: str, shown: str) -> Zone | None:
    if name == "georgia":  # Atlanta and Tbilisi: neither is the plain reading
        return Zone(ZoneInfo("Asia/Tbilisi"), "Georgia", "the country Georgia, not the US state")
    code = country_code(name)
    if code is None:
        return None
    zone, capital, country, *_ = _tables().countries[code]
    zones = {group[0] for group in _tables().groups if group[1] == code}
    offsets = {ZoneInfo(z).utcoffset(datetime(2026, month, 15)) for z in zones for month in (1, 7)}
    own = {ZoneInfo(zone).utcoffset(datetime(2026, month, 15)) for month in (1, 7)}
    note = f"{country} has several time zones: {capital}'s" if offsets != own else ""
    return Zone(ZoneInfo(zone), country, note)


def _city(name: str, shown: str) -> Zone | None:
    group = _city_group(_NICKNAMES.get(name, name))
    return None if group is None else Zone(ZoneInfo(group[0]), _title(shown))


def _city_group(name: str) -> list[str] | None:
    tables = _tables()
    for form in _spellings(name):
        if form in tables.cities:
            return tables.groups[tables.first.get(form, tables.cities[form][0])]
    return None


def _spellings(name: str) -> list[str]:
    forms = [name, "the " + name, name.removesuffix(" city"), name + " city"]
    forms += [re.sub(r"\bsaint\b", "st", name), re.sub(r"\bst\b", "saint", name)]
    return forms + [form.replace("-", " ") for form in forms if "-" in form]


def _qualified(name: str, shown: str) -> Zone | None:
    """`portland oregon`, `london canada`, `paris texas`: a city and what it lies in."""
    tables = _tables()
    words = name.split(" ")
    for cut in range(len(words) - 1, 0, -1):
        city = re.sub(r"\s+in$", "", " ".join(words[:cut]))
        area = " ".join(words[cut:])
        states = [code for code, row in tables.states.items() if area in (code.casefold(), row[1])]
        country = country_code(area)
        for number in tables.cities.get(_NICKNAMES.get(city, city), []):
            zone, of_country, of_state, _ = tables.groups[number]
            if (of_state and of_state in states) or of_country == country:
                return Zone(ZoneInfo(zone), _title(shown))
    return None


def _state(name: str, shown: str) -> Zone | None:
    for row in _tables().states.values():
        if row[1] == name:
            return Zone(ZoneInfo(row[0]), _title(shown))
    return None


def _iana(name: str, shown: str) -> Zone | None:
    if "/" not in shown:
        return None
    wanted = "/".join(
        "_".join(word.capitalize() for word in re.split(r"[ _]", part)) for part in shown.split("/")
    )
    for key in (shown, wanted):
        try:
            return Zone(ZoneInfo(key), key)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return None


def _city_of(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


def _title(shown: str) -> str:
    """`new york` → `New York`; what has capitals already stays."""
    if shown != shown.lower():
        return shown
    return shown.upper() if len(shown) <= 3 else " ".join(w.capitalize() for w in shown.split(" "))
