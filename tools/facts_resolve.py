"""From a name as written to one thing in the facts file.

In: a name ("the netherlands", "usa", "Sb", "Portland, Oregon", "swizerland") and the kinds it may
be, likeliest first. Out: the row, with a note where the reading was a choice. Case, accents,
articles and usual short names do not matter; a typing error is taken only when one thing is near.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mrkl.tools.facts_keys import distance, name_key
from mrkl.tools.facts_schema import TABLES, FactsError, Kind

MAX_NAME = 80  # characters
_TYPO_FROM = 5  # letters: shorter names are never corrected
_LONG_NAME = 8  # letters from which two typing errors are allowed
_TYPO_CITY = 100_000  # inhabitants: names of smaller cities are no corrections
_NO_TYPOS: tuple[Kind, ...] = ("continent", "country", "planet", "element")
_RANK_WEIGHT = (1.0, 0.6, 0.05, 0.05)  # a city's own name, a usual short name, alternates
_CLOSE = 0.3  # a second city with so much of the first one's weight is mentioned
_NOUNS = ("city of ", "country of ", "planet ", "element ", "republic of ", "city ")


@dataclass(frozen=True)
class Entity:
    """A row of the facts file; `note` says how the name was read, where that was a choice."""

    kind: Kind
    row: dict[str, Any]
    note: str | None = None

    @property
    def name(self) -> str:
        """The thing's usual name."""
        return str(self.row["name"])


@dataclass(frozen=True)
class _Candidate:
    kind: Kind
    id: int
    rank: int


class Resolver:
    """Finds things by name in an open facts file."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database

    def resolve(self, text: str, kinds: Sequence[Kind]) -> Entity:
        """The thing meant by a name; FactsError if there is none, or several equally good."""
        shown = text.strip().strip("\"'“”‘’?!.")
        if not name_key(shown):
            raise FactsError("bad_arguments", "the name is empty")
        if len(shown) > MAX_NAME:
            raise FactsError("no_answer", f"no such name is known: {shown[:40]!r} …")
        for key in self._spellings(shown):
            found = self._candidates(key, kinds)
            if found:
                return self._choose(shown, found, kinds)
        entity = self._qualified(shown, kinds)
        entity = entity or self._corrected(shown, kinds)
        if entity is None:
            wanted = ", ".join(kinds[:-1]) + " or " + kinds[-1] if len(kinds) > 1 else kinds[0]
            raise FactsError("no_answer", f"no {wanted} named {shown!r} is known here")
        return entity

    def get(self, kind: Kind, number: int) -> dict[str, Any]:
        """One row by its id."""
        row = self.database.execute(
            f'SELECT * FROM "{TABLES[kind].name}" WHERE id = ?', (number,)
        ).fetchone()
        return dict(row)

    def _spellings(self, shown: str) -> list[str]:
        key = name_key(shown)
        keys = [key]
        if shown.casefold().endswith(("'s", "’s")):
            keys.append(name_key(shown[:-2]))
        keys += [key.removeprefix(noun) for noun in _NOUNS if key.startswith(noun)]
        return keys

    def _candidates(self, key: str, kinds: Sequence[Kind]) -> list[_Candidate]:
        rows = self.database.execute("SELECT kind, id, rank FROM aliases WHERE key = ?", (key,))
        return [_Candidate(*row) for row in rows if row[0] in kinds]

    def _choose(self, shown: str, found: list[_Candidate], kinds: Sequence[Kind]) -> Entity:
        """By kind (usual names before alternates and codes), then by rank, among cities by size."""
        first = max(1, min(c.rank for c in found))
        usual = [c for c in found if c.rank <= first]
        kind = _likeliest(kinds, {c.kind for c in usual})
        if kind == "city":
            return self._biggest(shown, [c for c in found if c.kind == "city"])
        same = [c for c in usual if c.kind == kind]
        best = [c for c in same if c.rank == min(x.rank for x in same)]
        rows = [self.get(kind, c.id) for c in best]
        if len(rows) > 1 and kind == "compound":
            rows.sort(key=lambda row: len(row["name"]))
        elif len(rows) > 1:
            names = " or ".join(sorted(row["name"] for row in rows))
            raise FactsError("no_answer", f"{shown!r} is ambiguous: {names}")
        others = {c.kind for c in usual if c.rank == 0} - {kind}
        note = f"{rows[0]['name']} the {kind}" if others and kind != "country" else None
        return Entity(kind, rows[0], note)

    def _biggest(self, shown: str, found: list[_Candidate]) -> Entity:
        weighed: list[tuple[float, dict[str, Any]]] = []
        for candidate in found:
            row = self.get("city", candidate.id)
            weight = (row["population"] or 1) * _RANK_WEIGHT[candidate.rank]
            weighed.append((weight * (2 if row["capital"] else 1), row))
        weighed.sort(key=lambda entry: -entry[0])
        first = weighed[0][1]
        rivals = [row for weight, row in weighed[1:] if weight >= _CLOSE * weighed[0][0]]
        note = None
        if rivals:
            narrow = rivals[0]["country"] == first["country"]
            note = f"{first['name']}, {where_is(first, narrow)}"
            note += f", not {rivals[0]['name']}, {where_is(rivals[0], narrow)}"
        return Entity("city", first, note)

    def _qualified(self, shown: str, kinds: Sequence[Kind]) -> Entity | None:
        """`Portland, Oregon` and `Valencia in Spain`: a city with its state or country."""
        if "city" not in kinds:
            return None
        for separator in (",", " in "):
            head, found, tail = shown.rpartition(separator)
            if not found:
                continue
            cities = self._candidates(name_key(head), ("city",))
            countries = {c.id for c in self._candidates(name_key(tail), ("country",))}
            codes = {self.get("country", number)["iso2"] for number in countries}
            region = name_key(tail)
            inside: list[_Candidate] = []
            for candidate in cities:
                row = self.get("city", candidate.id)
                regions = (name_key(row["region"] or ""), name_key(row["region_code"] or ""))
                if row["iso2"] in codes or region in regions:
                    inside.append(candidate)
            if inside:
                return self._biggest(shown, inside)
        return None

    def _corrected(self, shown: str, kinds: Sequence[Kind]) -> Entity | None:
        """The one thing whose name is a typing error away, if there is exactly one."""
        key = name_key(shown)
        if len(key) < _TYPO_FROM or self._candidates(key, _NO_TYPOS):
            return None  # `South America` is no misspelt South Africa
        limit = 1 if len(key) < _LONG_NAME else 2
        near: dict[int, set[tuple[Kind, int]]] = {}
        for name, kind, number in self._near_names(key, limit, kinds):
            edits = distance(key, name, limit)
            if edits <= limit:
                near.setdefault(edits, set()).add((kind, number))
        if not near:
            return None
        best = near[min(near)]
        kind = _likeliest(kinds, {k for k, _ in best})
        ids = [number for k, number in best if k == kind]
        if len(ids) != 1:
            return None
        row = self.get(kind, ids[0])
        return Entity(kind, row, f"taking {shown!r} as {row['name']}")

    def _near_names(
        self, key: str, limit: int, kinds: Sequence[Kind]
    ) -> list[tuple[str, Kind, int]]:
        marks = ", ".join("?" * len(kinds))
        return self.database.execute(
            "SELECT a.key, a.kind, a.id FROM aliases a LEFT JOIN cities c "
            "ON a.kind = 'city' AND c.id = a.id WHERE a.rank < 2 AND substr(a.key, 1, 1) = ? "
            f"AND length(a.key) BETWEEN ? AND ? AND a.kind IN ({marks}) "
            "AND (a.kind <> 'city' OR c.population >= ?)",
            (key[0], len(key) - limit, len(key) + limit, *kinds, _TYPO_CITY),
        ).fetchall()


def _likeliest(kinds: Sequence[Kind], present: set[Kind]) -> Kind:
    """The first of the kinds asked for that there is a candidate of."""
    for kind in kinds:
        if kind in present:
            return kind
    return kinds[0]


def where_is(city: dict[str, Any], narrow: bool) -> str:
    """A city's country, or its state where the country does not tell two cities apart."""
    return str(city["region"]) if narrow and city["region"] else str(city["country"])
