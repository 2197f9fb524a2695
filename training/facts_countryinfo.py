"""What the countryinfo package adds: small areas, a country's position, other spellings.

In: the installed package's JSON files. Out: one `Extra` a country by its two-letter code. Its other
fields are older or less complete than those of geonames and CLDR, and are not used.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from training.facts_science import package_folder

SMALL = 100  # km²: geonames rounds areas down to whole numbers, which tells little below this
_SPELLING = re.compile(r"[A-Z][a-z]+(?:[ -][A-Za-z][a-z]*)*")


@dataclass(frozen=True)
class Extra:
    """A country's area in km², its position in degrees, its names, whether it has land borders."""

    area: float | None
    position: tuple[float, float] | None
    names: tuple[str, ...]
    borders: bool


def extras() -> dict[str, Extra]:
    """By two-letter code; of two entries for one code the fuller one."""
    found: dict[str, Extra] = {}
    for path in sorted((package_folder("countryinfo") / "data").glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        code = (entry.get("ISO") or {}).get("alpha2")
        if not code:
            continue
        position = entry.get("latlng") or []
        extra = Extra(
            entry.get("area") or None,
            (float(position[0]), float(position[1])) if len(position) == 2 else None,
            tuple(n for n in entry.get("altSpellings") or () if _SPELLING.fullmatch(n)),
            bool(entry.get("borders")),
        )
        if code not in found or (extra.area and not found[code].area):
            found[code] = extra
    return found
