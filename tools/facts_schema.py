"""What the facts file can be asked: kinds of things, their attributes, units and columns.

Pure description, read by the look-ups and by the conditions; the only names that ever reach SQL
are the columns named here. No facts stand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["country", "city", "continent", "planet", "element", "compound"]
Style = Literal["text", "list", "number", "year", "whole"]


class FactsError(Exception):
    """A question the facts cannot answer; `kind` is no_answer or bad_arguments."""

    def __init__(self, kind: Literal["no_answer", "bad_arguments"], message: str) -> None:
        super().__init__(message)
        self.kind: Literal["no_answer", "bad_arguments"] = kind
        self.message = message


@dataclass(frozen=True)
class Table:
    """A kind's table, the rows a ranking or a count means by default, and the order of a list."""

    name: str
    plural: str
    default: str
    order: str


@dataclass(frozen=True)
class Attribute:
    """An attribute: kinds that have it (the likelier meaning of a name first), column, unit.

    A `text` or `list` column is compared as a name; the others as numbers in `unit`.
    """

    column: str
    kinds: tuple[Kind, ...]
    style: Style = "text"
    unit: str | None = None

    @property
    def numeric(self) -> bool:
        """Whether values are numbers: they can be ordered and compared with < and >."""
        return self.style in ("number", "year", "whole")


TABLES: dict[Kind, Table] = {
    "country": Table("countries", "countries", "sovereign = 1", "population DESC"),
    "city": Table("cities", "cities", "1", "population DESC"),
    "element": Table("elements", "elements", "1", "id"),
    "planet": Table("planets", "planets", "kind = 'planet'", "id"),
    "continent": Table("continents", "continents", "1", "population DESC"),
    "compound": Table("compounds", "compounds", "1", "name"),
}
SELECTABLE: tuple[Kind, ...] = ("country", "city", "element", "planet")

# Square kilometres and the like are written as in `unit`; the engine converts other units.
ATTRIBUTES: dict[str, Attribute] = {
    "population": Attribute("population", ("country", "continent", "city"), "whole"),
    "area": Attribute("area", ("country",), "number", "km²"),
    "population density": Attribute("population_density", ("country",), "number", "people/km²"),
    "capital": Attribute("capital", ("country",)),
    "currency": Attribute("currency", ("country",)),
    "languages": Attribute("languages", ("country",), "list"),
    "continent": Attribute("continent", ("country", "city")),
    "country": Attribute("country", ("city",)),
    "neighbours": Attribute("neighbours", ("country",), "list"),
    "calling code": Attribute("calling_code", ("country",)),
    "internet domain": Attribute("internet_domain", ("country",)),
    "time zone": Attribute("time_zone", ("country", "city")),
    "latitude": Attribute("latitude", ("city", "country"), "number", "°"),
    "longitude": Attribute("longitude", ("city", "country"), "number", "°"),
    "coordinates": Attribute("latitude", ("city", "country")),
    "atomic number": Attribute("atomic_number", ("element",), "whole"),
    "atomic mass": Attribute("atomic_mass", ("element",), "number", "u"),
    "molar mass": Attribute("atomic_mass", ("element", "compound"), "number", "g/mol"),
    "symbol": Attribute("symbol", ("element",)),
    "element": Attribute("name", ("element",)),
    "density": Attribute("density", ("element", "planet"), "number", "g/cm³"),
    "melting point": Attribute("melting_point", ("element", "compound"), "number", "°C"),
    "boiling point": Attribute("boiling_point", ("element", "compound"), "number", "°C"),
    "group": Attribute("group", ("element",), "whole"),
    "period": Attribute("period", ("element",), "whole"),
    "category": Attribute("category", ("element",)),
    "state": Attribute("state", ("element",)),
    "discovery year": Attribute("discovery_year", ("element",), "year"),
    "discoverer": Attribute("discoverer", ("element",)),
    "diameter": Attribute("diameter", ("planet",), "number", "km"),
    "radius": Attribute("radius", ("planet",), "number", "km"),
    "mass": Attribute("mass", ("planet",), "number", "kg"),
    "gravity": Attribute("gravity", ("planet",), "number", "m/s²"),
    "distance from the sun": Attribute("distance_from_the_sun", ("planet",), "number", "km"),
    "orbital period": Attribute("orbital_period", ("planet",), "number", "days"),
    "year length": Attribute("year_length", ("planet",), "number", "years"),
    "day length": Attribute("day_length", ("planet",), "number", "hours"),
    "rotation period": Attribute("rotation_period", ("planet",), "number", "hours"),
    "moons": Attribute("moons", ("planet",), "whole"),
    "name": Attribute("name", ("country", "city", "element", "planet", "continent", "compound")),
    "count": Attribute("name", SELECTABLE),
}


def attribute(name: str) -> Attribute:
    """The attribute of that name; FactsError for one that does not exist."""
    found = ATTRIBUTES.get(name.strip().casefold().replace("_", " "))
    if found is None:
        raise FactsError("bad_arguments", f"unknown attribute {name!r}")
    return found


def of_kind(kind: Kind) -> list[str]:
    """Names of the attributes that things of this kind have, without `count` and `element`."""
    return [
        name
        for name, entry in ATTRIBUTES.items()
        if kind in entry.kinds and name not in ("count", "element", "coordinates")
    ]
