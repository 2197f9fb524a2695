"""Public and popular holidays by name, country and year, from the `holidays` library.

In: a name as typed (`labor day`, `easter`, `diwali`), perhaps a country, and a year. Out: a
`Holiday` with its date, official name and country. Without a country the United States come first,
then those few countries where the well-known religious and national days are kept. A name nobody
there keeps gives None. It knows no school terms and no regional days.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from mrkl.tools.place_names import fold

_ORDER = ("US", "GB", "CA", "IN", "IL", "CN", "AU", "IE", "DE", "FR", "SA", "TR", "MX", "BN", "GR")
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_PARTS = {"GB": "ENG"}  # England where the kingdom has no day of its own
_SPOKEN = {
    "xmas": "christmas",
    "x mas": "christmas",
    "passover": "pesach",
    "chanukah": "hanukkah",
    "chanukkah": "hanukkah",
    "lunar new year": "chinese new year",
    "spring festival": "chinese new year",
    "new years": "new year",
    "fourth of july": "independence",
    "4th of july": "independence",
    "july 4th": "independence",
    "mlk": "martin luther king jr",
    "martin luther king": "martin luther king jr",
    "presidents": "washington birthday",
    "president": "washington birthday",
    "indigenous peoples": "columbus",
    "deepavali": "diwali",
    "eid": "eid al fitr",
    "ramadan": "first of ramadan",
    "bastille": "national",
    "st patrick": "saint patrick",
    "st patricks": "saint patrick",
    "paddys": "saint patrick",
    "st paddy": "saint patrick",
    "dragon boat": "dragon boat festival",
    "german reunification": "german unity",
}
_KEPT_IN = {"bastille": "FR", "ramadan": "BN"}
_BESIDE = {"eve", "monday", "second", "after", "before", "following"}  # days next to a holiday
_OBSERVED = re.compile(r"\((?:observed|estimated|substituted[^)]*)\)", re.IGNORECASE)


@dataclass(frozen=True)
class Holiday:
    """A holiday's date, its official name, and the ISO code of the country whose day it is."""

    day: date
    name: str
    country: str


def find_holiday(name: str, year: int, country: str | None = None) -> Holiday | None:
    """The holiday of that name in a year, in one country or the first that keeps it."""
    wanted = _key(name)
    if not wanted or not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None
    own = _KEPT_IN.get(wanted)
    wanted = _aliases().get(wanted, wanted)
    for code in (country,) if country else (own,) if own else _ORDER:
        found = _best(wanted, code, year)
        if found is not None:
            return found
    return None


def find_anywhere(name: str, year: int) -> Holiday | None:
    """The holiday in the first country of the world that keeps it: slower, looks at them all."""
    import holidays

    found = find_holiday(name, year)
    if found is None and _key(name) and _FIRST_YEAR <= year <= _LAST_YEAR:
        for code in holidays.list_supported_countries(include_aliases=False):
            found = found or _best(_key(name), code, year)
    return found


def holidays_on(day: date, country: str) -> list[str]:
    """The names of a country's public holidays on a day."""
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        return []
    return [name for when, name in _calendar(country, day.year, True) if when == day]


def public_holidays(country: str, year: int) -> list[Holiday]:
    """A country's public holidays of a year in order, one entry a name and day."""
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return []
    return [Holiday(day, name, country) for day, name in _calendar(country, year, True)]


def has_calendar(country: str) -> bool:
    """Whether the library knows the country."""
    import holidays

    return country in holidays.list_supported_countries(include_aliases=False)


def _best(wanted: str, country: str, year: int) -> Holiday | None:
    """The entry whose name fits best: the same, then one that starts so, then one that has it."""
    best: tuple[int, date, str] | None = None
    for day, name in _calendar(country, year, False):
        rank = _rank(wanted, name)
        if rank is not None and (best is None or (rank, day) < best[:2]):
            best = (rank, day, name)
    return None if best is None else Holiday(best[1], best[2], country)


def _rank(wanted: str, name: str) -> int | None:
    bare = _OBSERVED.sub("", name)
    late = 10 if bare != name else 0  # the day off in its place is not the day itself
    whole = _key(bare)
    if whole == wanted:
        return late
    pieces = [_key(piece) for piece in re.split(r"[()/]", bare)]
    if wanted in pieces:
        return 1 + late
    if whole in (f"{wanted} sunday", f"{wanted} festival"):
        return 2 + late
    if set(whole.split()) & _BESIDE - set(wanted.split()):
        return None
    if len(wanted) > 5 and whole.startswith(wanted + " "):
        return 3 + late
    words = set(wanted.split())
    return 4 + late if len(words) > 1 and words <= set(whole.split()) else None


def _key(name: str) -> str:
    """A name's words without apostrophes, `day`, `the`, `holiday`: `new year's day` → `new year`."""
    text = re.sub(r"['’]s?\b|['’]", "", fold(name)).replace("labour", "labor")
    words = re.findall(r"[a-z0-9]+", text)
    words = ["saint" if word == "st" else word for word in words]
    kept = [word for word in words if word not in ("day", "the", "holiday", "of", "bank")]
    return " ".join(word.removesuffix("s") if len(word) > 3 else word for word in kept)


@functools.cache
def _aliases() -> dict[str, str]:
    return {_key(spoken): _key(name) for spoken, name in _SPOKEN.items()}


@functools.lru_cache(maxsize=256)
def _calendar(country: str, year: int, public: bool) -> tuple[tuple[date, str], ...]:
    """Days and names of a country's year, in order; the popular ones too unless `public`."""
    import holidays

    try:
        kind: Any = getattr(holidays, country)
    except AttributeError:
        return ()
    categories = None if public else kind.supported_categories
    language = "en_US" if "en_US" in kind.supported_languages else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # years for which a lunar calendar is not known: none found
        found: Any = holidays.country_holidays(
            country,
            subdiv=_PARTS.get(country),
            years=year,
            language=language,
            categories=categories,
        )
    return tuple(_entries(found))


def _entries(found: Any) -> Iterator[tuple[date, str]]:
    for day, names in sorted(found.items()):
        for name in str(names).split(";"):
            yield day, name.strip()
