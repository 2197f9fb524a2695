"""Elements, compounds and planets for the facts file.

In: the packages mendeleev and chemicals (their data files, read without importing pandas or pint),
boinor with astropy (IAU and JPL constants) and jplephem (NAIF's names of moons). Out: rows and
aliases. Derived values (gravity, orbital period, day length, state at 25 °C) are computed here.
"""

from __future__ import annotations

import importlib
import importlib.util
import math
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mrkl.tools.facts_keys import name_key

Row = dict[str, Any]
Alias = tuple[str, str, int, int]
KELVIN = 273.15
ROOM = 25.0  # °C, for the state of an element
SYNONYMS = 8  # of a compound
SPELLINGS = {"Al": "aluminium", "Cs": "caesium", "S": "sulphur"}  # IUPAC's or British
# mendeleev's series, singular and lower case, with the wider classes they belong to.
CLASSES = {
    "Nonmetals": ("nonmetal",),
    "Noble gases": ("noble gas", "nonmetal"),
    "Alkali metals": ("alkali metal", "metal"),
    "Alkaline earth metals": ("alkaline earth metal", "metal"),
    "Metalloids": ("metalloid",),
    "Halogens": ("halogen", "nonmetal"),
    "Poor metals": ("post-transition metal", "poor metal", "metal"),
    "Transition metals": ("transition metal", "metal"),
    "Lanthanides": ("lanthanide", "rare earth", "rare earth metal", "metal"),
    "Actinides": ("actinide", "metal"),
}
BODIES = ("Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune")
OTHERS = {"Pluto": "dwarf planet", "Moon": "moon", "Sun": "star"}
# The main form of elements with several in mendeleev's table.
_FORMS = ("white", "graphite", "rhombic", "gray")
_ELEMENTS = """
SELECT e.*, s.name AS series, g.name AS group_name FROM elements e
LEFT JOIN series s ON s.id = e.series_id LEFT JOIN groups g ON g.group_id = e.group_id
ORDER BY atomic_number"""


def package_folder(name: str) -> Path:
    """Where an installed package lies, without running it; ModuleNotFoundError if absent."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed: see training/build_facts.py")
    return Path(spec.origin).parent


def elements() -> list[Row]:
    """One row an element, by atomic number; °C, g/cm³, u."""
    database = sqlite3.connect(
        f"file:{package_folder('mendeleev') / 'elements.db'}?mode=ro", uri=True
    )
    database.row_factory = sqlite3.Row
    rows = [dict(row) for row in database.execute(_ELEMENTS)]
    phases: dict[int, list[Row]] = {}
    for phase in database.execute("SELECT * FROM phasetransitions"):
        phases.setdefault(phase["atomic_number"], []).append(dict(phase))
    database.close()
    return [_element(row, phases.get(row["atomic_number"], [])) for row in rows]


def _element(raw: Row, phases: list[Row]) -> Row:
    order = sorted(
        phases, key=lambda p: _FORMS.index(p["allotrope"]) if p["allotrope"] in _FORMS else 9
    )
    phase: Row = order[0] if order else {}
    melting = _celsius(phase.get("melting_point"))
    boiling = _celsius(phase.get("boiling_point"))
    classes = CLASSES[raw["series"]]
    found = str(raw["discoverers"] or "").strip().rstrip(".") or None
    return {
        "id": raw["atomic_number"],
        "name": raw["name"].lower(),
        "symbol": raw["symbol"],
        "atomic_number": raw["atomic_number"],
        "atomic_mass": raw["atomic_weight"],
        "category": classes[0],
        "category_keys": f"|{'|'.join(name_key(c) for c in classes)}|",
        "group": raw["group_id"],
        "group_name": raw["group_name"] or None,
        "period": raw["period"],
        "density": _density(raw),
        "melting_point": melting,
        "boiling_point": boiling,
        "state": _state(melting, boiling),
        "discovery_year": raw["discovery_year"],
        "discoverer": found,
        "discoverer_key": name_key(found or ""),
    }


def _density(raw: Row) -> float | None:
    """g/cm³; from fermium on nobody has had enough to weigh, what is printed is predicted."""
    if not raw["density"] or raw["atomic_number"] >= 100:
        return None
    return float(f"{raw['density']:.6g}")


def _celsius(kelvin: float | None) -> float | None:
    return None if kelvin is None else round(kelvin - KELVIN, 4)


def _state(melting: float | None, boiling: float | None) -> str | None:
    if boiling is not None and boiling < ROOM:
        return "gas"
    if melting is not None:
        return "solid" if melting > ROOM else "liquid"
    return "solid" if boiling is not None and boiling > 2000 else None


def element_aliases(rows: list[Row]) -> Iterator[Alias]:
    """Name, symbol, number and spelling of each element."""
    for row in rows:
        number = row["id"]
        yield name_key(row["name"]), "element", number, 0
        yield row["symbol"].casefold(), "element", number, 1
        yield f"element {number}", "element", number, 1
        if row["symbol"] in SPELLINGS:
            yield SPELLINGS[row["symbol"]], "element", number, 0


def compounds() -> tuple[list[Row], list[Alias]]:
    """Common compounds (the DIPPR list of chemicals): formula, melting and boiling point in °C."""
    folder = package_folder("chemicals") / "Identifiers"
    import chemicals  # type: ignore[import-untyped]

    wanted = set((folder / "dippr_2014.csv").read_text().split())
    names = ("small", "example user", "Inorganic")
    raw: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.tsv"), key=lambda p: "pubchem" not in p.name):
        if not any(part in path.name for part in names):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            cells = line.split("\t")
            if cells[1] in wanted:
                raw.setdefault(cells[1], cells)
    rows: list[Row] = []
    aliases: list[Alias] = []
    for number, (cas, cells) in enumerate(sorted(raw.items()), 1):
        # An element's own gas (O2, N2) stays with the element, save for its formula.
        row = {
            "id": number,
            "name": cells[8] or cells[7],
            "formula": cells[2],
            "melting_point": _celsius(chemicals.Tm(cas)),
            "boiling_point": _celsius(chemicals.Tb(cas)),
        }
        rows.append(row)
        names_of = [name for name in cells[7:] if _common(name)][: SYNONYMS + 1]
        aliases += [(name_key(row["name"]), "compound", number, 0)]
        aliases += [
            (name_key(n), "compound", number, 1 if i < 4 else 2) for i, n in enumerate(names_of)
        ]
    return rows, aliases


def _common(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z ,'-]{2,29}", name) is not None


def planets() -> list[Row]:
    """The eight planets, then Pluto, the Moon and the Sun; km, kg, m/s², days, hours."""
    moons = _moon_counts()
    return [
        _body(number, name, "planet" if name in BODIES else OTHERS[name], moons)
        for number, name in enumerate((*BODIES, *OTHERS), 1)
    ]


def _moon_counts() -> dict[str, int]:
    """Named moons by body: NAIF codes are planet * 100 + number, with 99 for the planet itself."""
    pairs = importlib.import_module("jplephem.names").target_name_pairs
    planet = {name: code // 100 for code, name in pairs if 100 < code < 1000 and code % 100 == 99}
    codes = {code for code, _ in pairs if 100 < code < 1000 and code % 100 != 99}
    return {
        name.title(): sum(1 for code in codes if code // 100 == number)
        for name, number in planet.items()
    }


def _constant(module: str, name: str, unit: str) -> float | None:
    """One of boinor's constants in the wanted unit; None where it has none."""
    constant = getattr(importlib.import_module(f"boinor.constants.{module}"), name, None)
    return None if constant is None else float(constant.to(unit).value)


def _rotation(name: str) -> float | None:
    """Sidereal rotation in hours (negative: backwards), from IAU's rate of the prime meridian."""
    fixed = importlib.import_module("boinor.core.fixed")
    function = getattr(fixed, f"{name}_rot_elements_at_epoch", None)
    if function is None:
        days = _constant("rotational_elements", f"rotational_period_{name}", "day")
        return None if days is None else days * 24
    span = 1000.0  # days: long enough for the small periodic terms to vanish
    turned = function(span / 36525, span)[2] - function(0.0, 0.0)[2]
    return 24 * span * 360 / turned


def _body(number: int, title: str, kind: str, moons: dict[str, int]) -> Row:
    name = title.lower()
    gm = _constant("general", f"GM_{name}", "m3 / s2")
    equator = _constant("general", f"R_{name}", "m")
    mean = _constant("general", f"R_mean_{name}", "m") or equator
    if gm is None or equator is None or mean is None:
        raise LookupError(f"boinor has no size or mass for {title}")
    gravitation = importlib.import_module("astropy.constants").G.si.value
    mass = gm / gravitation
    around_sun = kind == "planet"
    distance = _constant("mean_elements", f"mean_a_{name}", "km") if around_sun else None
    sun = _constant("general", "GM_sun", "km3 / s2") or 0.0
    period = 2 * math.pi * math.sqrt(distance**3 / sun) / 86400 if distance else None
    rotation = _rotation(name)
    solar = abs(1 / (1 / (rotation / 24) - 1 / period)) * 24 if rotation and period else None
    volume = 4 / 3 * math.pi * mean**3
    return {
        "id": number,
        "name": title,
        "kind": kind,
        "radius": _digits(mean / 1000, 6),
        "diameter": _digits(2 * mean / 1000, 6),
        "mass": _digits(mass, 5),
        "gravity": _digits(gm / equator**2, 4),
        "density": _digits(mass / volume / 1000, 4),
        "distance_from_the_sun": _digits(distance, 6),
        "orbital_period": _digits(period, 6),
        "year_length": _digits(period / 365.25 if period else None, 6),
        "rotation_period": _digits(abs(rotation) if rotation else None, 6),
        "day_length": _digits(solar, 6),
        "moons": moons.get(title, 0) if around_sun or title == "Pluto" else None,
    }


def _digits(value: float | None, digits: int) -> float | None:
    return None if value is None else float(f"{value:.{digits}g}")
