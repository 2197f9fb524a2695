"""Look-ups, rankings, filters and counts over the facts file (a read-only SQLite database).

In: an attribute and a name (`lookup`), a kind with order and conditions (`select`), or a name with
conditions (`holds`). Out: a `Fact`: value, unit, a text for people, and the data package it comes
from. It reads no questions; names and conditions are handled by facts_resolve and facts_where.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mrkl.tools import facts_formula
from mrkl.tools.facts_keys import name_key
from mrkl.tools.facts_numbers import neat, number_words
from mrkl.tools.facts_resolve import Entity, Resolver
from mrkl.tools.facts_schema import (
    ATTRIBUTES,
    SELECTABLE,
    TABLES,
    Attribute,
    FactsError,
    Kind,
    attribute,
    of_kind,
)
from mrkl.tools.facts_where import Compiler, parse

Scalar = int | float | str | bool
MAX_ROWS = 500
_LISTED = 50  # items written out in a text
_CLOSE = 0.01  # a runner-up so near is mentioned
_NAMED_MOONS = 10  # from here on the list of named moons lags behind the discoveries


@dataclass(frozen=True)
class Fact:
    """A value with its unit, how a person would write it, and where it comes from."""

    value: Scalar | list[Scalar]
    text: str
    unit: str | None = None
    source: str = ""
    truncated: bool = False


class Facts:
    """An open facts file; safe to use from several threads."""

    def __init__(self, path: str | Path) -> None:
        """Open the file read-only; FileNotFoundError if it is absent."""
        if not Path(path).is_file():
            raise FileNotFoundError(f"no facts file at {path}: python -m training.build_facts")
        uri = f"{Path(path).resolve().as_uri()}?mode=ro&immutable=1"
        self._database = sqlite3.connect(uri, uri=True, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        self._database.create_function("name_key", 1, _key, deterministic=True)
        self._resolver = Resolver(self._database)
        self._lock = threading.RLock()

    def lookup(self, name: str, entity: str, kind: Kind | None = None) -> Fact:
        """The attribute of one thing, e.g. lookup("population", "the netherlands").

        Raises FactsError: unknown attribute or name, an ambiguous name, a value not known.
        """
        wanted = attribute(name)
        name = name.strip().casefold().replace("_", " ")
        if name == "count":
            raise FactsError("bad_arguments", "a count needs a kind and conditions, not a name")
        with self._lock:
            if name == "molar mass":
                return self._molar_mass(entity)
            kinds = (kind,) if kind else wanted.kinds
            if not set(kinds) & set(wanted.kinds):
                raise FactsError("bad_arguments", f"a {kind} has no {name}")
            found = self._resolver.resolve(entity, kinds)
            return self._value(name, wanted, found)

    def city(self, name: str) -> dict[str, Any]:
        """A city's row (name, latitude, longitude, time_zone, …); of a country, its capital's.

        Raises FactsError for an unknown name.
        """
        with self._lock:
            found = self._resolver.resolve(name, ("city", "country"))
            if found.kind == "country" and found.row["capital"]:
                place = f"{found.row['capital']}, {found.name}"
                found = self._resolver.resolve(place, ("city",))
            return found.row

    def holds(self, entity: str, where: str, kind: Kind | None = None) -> Fact:
        """Whether a thing meets conditions: holds("argon", "category = noble gas") is true."""
        with self._lock:
            fitting: list[Kind] = [k for k in SELECTABLE if self._parses(where, k)]
            kinds: list[Kind] = [kind] if kind else fitting
            if not kinds:
                parse(where, "country")  # raises, and says what was expected
            found = self._resolver.resolve(entity, kinds)
            compiler = Compiler(self._resolver, found.kind)
            sql = compiler.sql(parse(where, found.kind))
            row = self._database.execute(
                f'SELECT 1 FROM "{TABLES[found.kind].name}" WHERE id = ? AND ({sql})',
                (found.row["id"], *compiler.parameters),
            ).fetchone()
            name = parse(where, found.kind)[0].attribute
            text = _noted("yes" if row else "no", found.note)
            return Fact(row is not None, text, source=self._source(found.kind, name))

    def select(
        self,
        kind: Kind,
        name: str,
        order: Literal["max", "min"] | None = None,
        n: int | None = None,
        rank: int | None = None,
        where: str | None = None,
    ) -> Fact:
        """Things of a kind that meet the conditions, or the first of them by an attribute.

        With `order` (or `n`, `rank`) the value is the name of the first, the rank-th, or a list
        of the first n names; attribute `count` counts, `name` lists names, others list values.
        """
        if kind not in SELECTABLE:
            raise FactsError("bad_arguments", f"kind must be one of {', '.join(SELECTABLE)}")
        wanted = attribute(name)
        name = name.strip().casefold().replace("_", " ")
        if kind not in wanted.kinds:
            known = ", ".join(of_kind(kind))
            raise FactsError("bad_arguments", f"a {kind} has no {name}; known: {known}")
        for label, number in (("n", n), ("rank", rank)):
            if number is not None and not 1 <= number <= MAX_ROWS:
                raise FactsError("bad_arguments", f"{label} must be from 1 to {MAX_ROWS}")
        with self._lock:
            if name == "count":
                return self._count(kind, where)
            if (order or n or rank) and wanted.numeric:
                return self._ranking(kind, name, wanted, order or "max", n, rank or 1, where)
            return self._listing(kind, name, wanted, n, where)

    def _count(self, kind: Kind, where: str | None) -> Fact:
        total, notes = self._rows(kind, where, "count(*) AS total", "1", 1, strict=True)
        number = int(total[0]["total"])
        return Fact(
            number, _noted(number_words(number, "whole", None), *notes), None, self._source(kind)
        )

    def _ranking(
        self,
        kind: Kind,
        name: str,
        wanted: Attribute,
        order: Literal["max", "min"],
        n: int | None,
        rank: int,
        where: str | None,
    ) -> Fact:
        size = n or 1
        direction = "DESC" if order == "max" else "ASC"
        by = f'"{wanted.column}" {direction}, name'
        rows, notes = self._rows(kind, where, "*", by, rank + size, present=wanted.column)
        chosen = rows[rank - 1 : rank - 1 + size]
        if not chosen:
            known = f"only {len(rows)}" if rows else "none"
            raise FactsError("no_answer", f"{known} of the {TABLES[kind].plural} fit")
        measured = [f"{row['name']} ({self._measure(name, wanted, row)})" for row in chosen]
        source = self._source(kind, name)
        if size > 1:
            names: list[Scalar] = [row["name"] for row in chosen]
            return Fact(names, _noted(_joined(measured), *notes), None, source)
        text = measured[0]
        second = rows[rank] if rank < len(rows) else None
        if second and _near(chosen[0][wanted.column], second[wanted.column]):
            text = f"{text[:-1]}; {second['name']}: {self._measure(name, wanted, second)})"
        return Fact(chosen[0]["name"], _noted(text, *notes), None, source)

    def _listing(
        self, kind: Kind, name: str, wanted: Attribute, n: int | None, where: str | None
    ) -> Fact:
        order = TABLES[kind].order
        column = wanted.column
        rows, notes = self._rows(kind, where, "*", order, MAX_ROWS + 1, present=column)
        rows, cut = rows[: n or MAX_ROWS], len(rows) > MAX_ROWS
        if not rows:
            raise FactsError("no_answer", f"none of the {TABLES[kind].plural} fits")
        source = self._source(kind, name)
        if len(rows) == 1:
            fact = self._value(name, wanted, Entity(kind, rows[0]))
            return replace(fact, text=_noted(fact.text, *notes))
        if name == "name":
            names: list[Scalar] = [row["name"] for row in rows]
            return Fact(names, _noted(_joined([str(x) for x in names]), *notes), None, source, cut)
        facts = [self._value(name, wanted, Entity(kind, row)) for row in rows]
        text = _joined([f"{r['name']}: {f.text}" for r, f in zip(rows, facts, strict=True)])
        values: list[Scalar] = [_flat(fact.value) for fact in facts]
        distinct = list(dict.fromkeys(values)) if wanted.style == "text" else values
        unit = None if wanted.style == "text" else wanted.unit
        return Fact(distinct, _noted(text, *notes), unit, source, cut)

    def _rows(
        self,
        kind: Kind,
        where: str | None,
        columns: str,
        order: str,
        limit: int,
        *,
        present: str | None = None,
        strict: bool = False,
    ) -> tuple[list[dict[str, Any]], list[str]]:
        """Rows that meet the conditions, and notes on how names in them were read.

        Only sovereign states and proper planets are meant, unless only others fit (and `strict`
        is not set) or the conditions name them.
        """
        table = TABLES[kind]
        compiler = Compiler(self._resolver, kind)
        conditions = parse(where, kind) if where and where.strip() else []
        sql = compiler.sql(conditions)
        named = any(c.attribute == "name" and c.operator in ("=", "in") for c in conditions)
        if present:
            sql = f'({sql}) AND "{present}" IS NOT NULL'
        found: list[sqlite3.Row] = []
        for default in ("1",) if named else (table.default, "1"):
            query = f'SELECT {columns} FROM "{table.name}" WHERE {default} AND ({sql})'
            found = self._database.execute(
                f"{query} ORDER BY {order} LIMIT ?", (*compiler.parameters, limit)
            ).fetchall()
            if found or strict:
                break
        return [dict(row) for row in found], compiler.notes

    def _value(self, name: str, wanted: Attribute, entity: Entity) -> Fact:
        """The attribute of a thing as a Fact; FactsError where it is not known."""
        row = entity.row
        value = row.get(wanted.column)
        if value is None or (name == "discoverer" and _ancient(row)):
            raise FactsError("no_answer", _unknown(name, entity))
        source = self._source(entity.kind, name)
        if name == "coordinates":
            text = _degrees(row)
            return Fact(text, _noted(text, entity.note), None, source)
        if wanted.style == "list":
            items: list[Scalar] = list(str(value).split(", "))
            return Fact(items, _noted(str(value), entity.note), None, source)
        if not wanted.numeric:
            return Fact(str(value), _noted(_with_extra(name, row), entity.note), None, source)
        return Fact(
            neat(value), _noted(self._measure(name, wanted, row), entity.note), wanted.unit, source
        )

    def _measure(self, name: str, wanted: Attribute, row: dict[str, Any]) -> str:
        """A number with what helps to read it: days beside years, a slow planet's rotation."""
        value = row[wanted.column]
        text = number_words(value, wanted.style, wanted.unit)
        if name == "moons" and value >= _NAMED_MOONS:
            return f"{text} named"
        if name == "year length":
            return f"{text} ({number_words(row['orbital_period'], 'number', 'days')})"
        if name == "orbital period" and value > 1000:
            return f"{text} ({number_words(row['year_length'], 'number', 'years')})"
        if name == "day length" and abs(value / row["rotation_period"] - 1) > 0.05:
            turn = number_words(row["rotation_period"], "number", "hours")
            return f"{text} (one rotation takes {turn})"
        return text

    def _molar_mass(self, text: str) -> Fact:
        """Of an element, a formula or a substance known by name, in g/mol."""
        rows = self._database.execute("SELECT symbol, atomic_mass FROM elements").fetchall()
        masses = {row["symbol"]: row["atomic_mass"] for row in rows}
        atoms = facts_formula.parse(text, masses)
        note = None
        if atoms is None:
            try:
                entity = self._resolver.resolve(text, ("element", "compound"))
            except FactsError:
                atoms = self._lower_case(text, masses)
                if atoms is None:
                    raise
            else:
                note = entity.note
                formula = entity.row.get("symbol") or entity.row["formula"]
                atoms = facts_formula.parse(formula, masses)
        if atoms is None:
            raise FactsError("no_answer", f"the formula of {text!r} cannot be read")
        value = neat(facts_formula.mass(atoms, masses))
        shown = number_words(value, "number", "g/mol")
        return Fact(value, _noted(shown, note), "g/mol", self._source("compound", "molar mass"))

    def _lower_case(self, text: str, masses: dict[str, float]) -> dict[str, int] | None:
        """`co2`: of several readings the one that is a known compound."""
        found = {facts_formula.hill(a): a for a in facts_formula.readings(text, masses)}
        if len(found) == 1:
            return next(iter(found.values()))
        known = [
            atoms
            for formula, atoms in found.items()
            if self._database.execute(
                "SELECT 1 FROM compounds WHERE formula = ?", (formula,)
            ).fetchone()
        ]
        return known[0] if len(known) == 1 else None

    def _parses(self, where: str, kind: Kind) -> bool:
        try:
            parse(where, kind)
        except FactsError:
            return False
        return True

    def _source(self, kind: Kind, name: str = "") -> str:
        """Package, version and licence of an attribute, else of its kind."""
        column = f"{kind}.{name.replace(' ', '_')}"
        rows = self._database.execute(
            "SELECT * FROM sources WHERE subject IN (?, ?) ORDER BY subject DESC", (column, kind)
        ).fetchall()
        best = [row for row in rows if row["subject"] == rows[0]["subject"]]
        return ", ".join(f"{r['package']} {r['version']} ({r['licence']})" for r in best)


def _key(value: Any) -> str:
    return name_key(value) if isinstance(value, str) else ""


def _flat(value: Scalar | Sequence[Scalar]) -> Scalar:
    return ", ".join(map(str, value)) if isinstance(value, list) else value  # type: ignore[return-value]


def _near(first: float, second: float) -> bool:
    return first != second and abs(first - second) <= _CLOSE * abs(first)


def _joined(items: list[str]) -> str:
    rest = len(items) - _LISTED
    return ", ".join(items[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _noted(text: str, *notes: str | None) -> str:
    said = "; ".join(note for note in notes if note)
    return f"{text} ({said})" if said else text


def _ancient(row: dict[str, Any]) -> bool:
    return "ancients" in (row.get("discoverer_key") or "")


def _unknown(name: str, entity: Entity) -> str:
    shown = f"{entity.name} the {entity.kind}" if entity.kind in ("planet", "city") else entity.name
    if (
        entity.kind == "element"
        and name in ("discovery year", "discoverer")
        and _ancient(entity.row)
    ):
        return f"{entity.name} was known to the ancients: no {name}"
    if entity.kind == "element" and name == "group":
        return f"{entity.name} ({entity.row['category']}) belongs to no numbered group"
    return f"the {name} of {shown} is not known here"


def _degrees(row: dict[str, Any]) -> str:
    latitude, longitude = row["latitude"], row["longitude"]
    north, east = "N" if latitude >= 0 else "S", "E" if longitude >= 0 else "W"
    return f"{abs(latitude):g}° {north}, {abs(longitude):g}° {east}"


def _with_extra(name: str, row: dict[str, Any]) -> str:
    """The text of a name-like value, with the code or the count that goes with it."""
    value = str(row[ATTRIBUTES[name].column])
    if name == "currency" and row.get("currency_code"):
        return f"{value} ({row['currency_code']})"
    if name == "time zone" and row.get("zones", 1) > 1:
        return f"{value} (in the capital; other parts have others)"
    return value
