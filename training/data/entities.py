"""Countries, cities, elements, planets and currencies from entities.json.

In: a kind and a random generator. Out: `Thing` with the name plans use, the name answers use, the
forms people type, and its facts by the attribute names of the knowledge expert. Facts that the
file lacks are None.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("entities.json")
_WITH_THE = {"Netherlands", "Philippines", "Bahamas", "Maldives", "United Kingdom", "Gambia",
             "United States", "United Arab Emirates", "Czech Republic", "Dominican Republic",
             "Democratic Republic of the Congo", "Comoros", "Seychelles", "Solomon Islands",
             "Central African Republic"}  # fmt: skip
_ALIASES = {
    "United States": ("USA", "the US", "the USA", "America", "the United States"),
    "United Kingdom": ("UK", "the UK", "Britain", "the United Kingdom"),
    "Netherlands": ("the Netherlands", "Netherlands", "Holland"),
    "United Arab Emirates": ("the UAE", "UAE"), "Czech Republic": ("Czechia",),
    "Czechia": ("the Czech Republic",), "Ivory Coast": ("Côte d'Ivoire",), "Turkey": ("Türkiye",),
    "Democratic Republic of the Congo": ("DR Congo", "the DRC"), "Myanmar": ("Burma",),
    "New York City": ("New York", "NYC"), "aluminum": ("aluminium",), "aluminium": ("aluminum",),
    "sulfur": ("sulphur",), "cesium": ("caesium",), "caesium": ("cesium",),
}  # fmt: skip
_PLURAL_WORDS = {"dollar": "dollars", "franc": "francs", "pound": "pounds", "euro": "euros"}
_COMMON_CURRENCIES = [
    "EUR",
    "USD",
    "GBP",
    "JPY",
    "CHF",
    "CAD",
    "AUD",
    "INR",
    "CNY",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "CZK",
    "HUF",
    "TRY",
    "ZAR",
    "KRW",
    "BRL",
    "MXN",
    "THB",
    "NZD",
    "SGD",
    "HKD",
    "ILS",
    "AED",
    "IDR",
    "MYR",
    "PHP",
    "VND",
    "EGP",
    "KES",
    "NGN",
    "COP",
    "ARS",
    "CLP",
    "UAH",
    "RON",
    "ISK",
    "MAD",
]
_UNITS = {
    "area": "km²", "melting point": "°C", "boiling point": "°C", "density": "g/cm³", "gravity":
    "m/s²", "radius": "km", "orbital period": "days", "year length": "years", "rotation period":
    "hours", "molar mass": "g/mol", "atomic mass": "u", "diameter": "km", "distance from the sun": "km", "day length": "hours", "mass": "kg",
}  # fmt: skip
_CENTRE = {"countries": "country", "cities": "city", "elements": "element", "planets": "planet"}


@dataclass(frozen=True)
class Thing:
    """One entity. `name` as data has it, `said` inside a sentence ("the Netherlands")."""

    kind: str
    name: str
    said: str
    forms: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict[str, Any], compare=False)

    def typed_form(self, rng: random.Random) -> str:
        """Mostly the name itself."""
        return self.forms[0] if rng.random() < 0.72 else rng.choice(self.forms)

    def fact(self, attribute: str) -> tuple[Any, str | None]:
        """(value or None, unit) of an attribute named as in the knowledge expert."""
        value = self.facts.get(attribute.replace(" ", "_"))
        return value, _UNITS.get(attribute)


def _place(kind: str, row: dict[str, Any]) -> Thing:
    name: str = row["name"]
    the = kind == "country" and name in _WITH_THE
    said = f"the {name}" if the else name
    forms = (said, name, *_ALIASES.get(name, ())) if the else (name, *_ALIASES.get(name, ()))
    facts = dict(row)
    facts["currency"] = row.get("currency_name")
    facts["internet_domain"] = row.get("domain")
    facts["time_zone"] = row.get("timezone")
    return Thing(kind, name, said, forms, facts)


def _currency(row: dict[str, Any]) -> Thing:
    name, plural, code = row["name"], row["plural"], row["code"]
    low_name, low_plural = _lower(name), _lower(plural)
    forms = [low_plural, low_plural, low_name, low_plural, code, code]
    if code == "USD":
        forms += ["dollars", "US dollars", "bucks"]
    elif code == "GBP":
        forms += ["pounds", "pounds sterling", "quid"]
    elif code == "JPY":
        forms += ["yen", "yen"]
    return Thing("currency", low_name, low_plural, tuple(forms), dict(row))


def _lower(name: str) -> str:
    """`Euro` → `euro`, `Swiss Francs` → `Swiss francs`."""
    words = name.split()
    if len(words) == 1:
        return name.lower()
    return " ".join([*words[:-1], words[-1].lower()])


@cache
def things() -> dict[str, tuple[Thing, ...]]:
    """Kind → all entities of the kind that questions may name."""
    data = json.loads(FILE.read_text(encoding="utf-8"))
    out: dict[str, tuple[Thing, ...]] = {}
    for plural, kind in _CENTRE.items():
        rows = [r for r in data[plural] if r.get("kind", "planet") == "planet"]
        rows = [r for r in rows if r.get("sovereign", True)]
        rows.sort(key=lambda r: -(r.get("population") or 0))
        out[kind] = tuple(_place(kind, row) for row in rows)
    homes = {country.facts.get("capital") for country in out["country"]}
    out["capital"] = tuple(city for city in out["city"] if city.name in homes)
    ordered = sorted(
        data["currencies"],
        key=lambda r: (
            _COMMON_CURRENCIES.index(r["code"]) if r["code"] in _COMMON_CURRENCIES else 99
        ),
    )
    out["currency"] = tuple(_currency(row) for row in ordered)
    return out


@cache
def _weights(kind: str) -> list[float]:
    # the first dozens of a kind, ordered by size or use, are what people mostly ask about
    n = len(things()[kind])
    flat = kind in ("element", "planet")
    head = 5 if kind == "currency" else 30
    power = 2 if kind == "currency" else 1
    return list(accumulate(1.0 if flat else 1.0 / (i + head) ** power for i in range(n)))


def pick(kind: str, rng: random.Random) -> Thing:
    """A random entity, well-known ones more often."""
    return rng.choices(things()[kind], cum_weights=_weights(kind))[0]


@cache
def currency_by_form() -> dict[str, Thing]:
    """Any way to write a currency, in lower case → the commonest currency so written."""
    found: dict[str, Thing] = {}
    for thing in things()["currency"]:
        for form in (thing.name, *thing.forms):
            found.setdefault(form.lower(), thing)
    return found


@cache
def compounds() -> tuple[str, ...]:
    """Names and formulas of substances, short ones only."""
    rows = json.loads(FILE.read_text(encoding="utf-8"))["compounds"]
    names = {row["name"] for row in rows} | {row["formula"] for row in rows}
    return tuple(sorted(n for n in names if len(n) <= 14 and "," not in n and n.strip()))
