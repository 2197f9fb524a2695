"""The conditions of a selection: a small language, compiled to parameterised SQL.

In: `continent = Asia and population > 1.5 million`, `name in (osmium, lead)`, `languages includes
Dutch`. Conditions are joined by `and`; operators are = != < <= > >= includes in. Out: an SQL
expression over columns that facts_schema names, and its parameters. No `or`, no brackets around
conditions; the text, the conditions and the lists are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mrkl.tools.facts_keys import name_key
from mrkl.tools.facts_numbers import read_number
from mrkl.tools.facts_resolve import Resolver
from mrkl.tools.facts_schema import ATTRIBUTES, Attribute, FactsError, Kind, of_kind

MAX_TEXT = 600  # characters
MAX_CONDITIONS = 12
MAX_ITEMS = 60
_OPERATORS = ("!=", "<>", "<=", ">=", "==", "=", "<", ">", "not in", "includes", "include")
_WORDS = (*_OPERATORS, "contains", "in", "is not", "is")
_MEANING = {
    "<>": "!=",
    "==": "=",
    "is": "=",
    "is not": "!=",
    "include": "includes",
    "contains": "includes",
}
# Names of attributes as they are also written.
_SYNONYMS = {
    "timezone": "time zone",
    "language": "languages",
    "neighbors": "neighbours",
    "neighbour": "neighbours",
    "domain": "internet domain",
    "distance": "distance from the sun",
    "number": "atomic number",
    "year": "discovery year",
}
# English names of languages that CLDR lists under another name.
_LANGUAGES = {
    "mandarin": "chinese",
    "bangla": "bengali",
    "farsi": "persian",
    "romanche": "romansh",
    "tagalog": "filipino",
}


@dataclass(frozen=True)
class Condition:
    """`attribute operator values`; operator is one of = != < <= > >= includes in `not in`."""

    attribute: str
    operator: str
    values: tuple[str, ...]


def parse(where: str, kind: Kind) -> list[Condition]:
    """Read the conditions on things of a kind; FactsError says where it stopped."""
    if len(where) > MAX_TEXT:
        raise FactsError("bad_arguments", f"conditions longer than {MAX_TEXT} characters")
    reader = _Reader(where, kind)
    conditions = [reader.condition()]
    while reader.more():
        conditions.append(reader.condition())
    if len(conditions) > MAX_CONDITIONS:
        raise FactsError("bad_arguments", f"more than {MAX_CONDITIONS} conditions")
    return conditions


class _Reader:
    """Reads one condition after another from left to right."""

    def __init__(self, text: str, kind: Kind) -> None:
        self.text = text.strip()
        self.kind: Kind = kind
        self.position = 0
        names = [*of_kind(kind), *(s for s, name in _SYNONYMS.items() if name in of_kind(kind))]
        self.names = sorted(names, key=len, reverse=True)

    def more(self) -> bool:
        """Whether an `and` follows; it is stepped over."""
        return self._word("and") is not None

    def condition(self) -> Condition:
        name = self._any(self.names)
        if name is None:
            raise self._fault(
                f"an attribute of a {self.kind} (" + ", ".join(of_kind(self.kind)) + ")"
            )
        operator = self._any(sorted(_WORDS, key=len, reverse=True))
        if operator is None:
            raise self._fault("an operator (= != < <= > >= includes in)")
        operator = _MEANING.get(operator, operator)
        values = self._list() if operator in ("in", "not in") else (self._value(),)
        return Condition(_SYNONYMS.get(name, name), operator, values)

    def _any(self, words: Sequence[str]) -> str | None:
        return next((word for word in words if self._word(word) is not None), None)

    def _word(self, word: str, position: int | None = None) -> int | None:
        """Step over a word, whatever its case; a space in it may be an underscore or several."""
        pattern = r"[\s_]+".join(map(re.escape, word.split()))
        edge = r"(?!\w)" if word[-1].isalnum() else ""
        start = self.position if position is None else position
        match = re.compile(rf"\s*{pattern}{edge}", re.IGNORECASE).match(self.text, start)
        if match is None:
            return None
        if position is None:
            self.position = match.end()
        return match.end()

    def _value(self) -> str:
        """Text up to the next `and` that begins a condition: names may hold an `and` themselves."""
        start = (
            self.position
            + len(self.text[self.position :])
            - len(self.text[self.position :].lstrip())
        )
        if self.text[start : start + 1] in ("'", '"'):
            return self._quoted(start)
        end = start
        while end < len(self.text) and not self._begins_next(end):
            end += 1
        self.position = end
        value = self.text[start:end].strip()
        if not value:
            raise self._fault("a value")
        return value

    def _begins_next(self, position: int) -> bool:
        if not self.text[position].isspace():
            return False
        after = self._word("and", position)
        if after is None:
            return False
        for name in self.names:
            end = self._word(name, after)
            if end is not None and any(self._word(word, end) is not None for word in _WORDS):
                return True
        return False

    def _quoted(self, start: int) -> str:
        end = self.text.find(self.text[start], start + 1)
        if end < 0:
            raise self._fault("a closing quote")
        self.position = end + 1
        return self.text[start + 1 : end]

    def _list(self) -> tuple[str, ...]:
        match = re.compile(r"\s*([(\[])").match(self.text, self.position)
        end = -1 if match is None else self.text.find(")" if match[1] == "(" else "]", match.end())
        if match is None or end < 0:
            raise self._fault("a list in brackets")
        items = [item.strip().strip("'\"") for item in self.text[match.end() : end].split(",")]
        items = [item for item in items if item]
        if not 0 < len(items) <= MAX_ITEMS:
            raise self._fault(f"1 to {MAX_ITEMS} items")
        self.position = end + 1
        return tuple(items)

    def _fault(self, wanted: str) -> FactsError:
        rest = self.text[self.position :].strip()[:30]
        return FactsError("bad_arguments", f"expected {wanted} at {rest!r} in {self.text[:80]!r}")


class Compiler:
    """Turns conditions into SQL; names in them are resolved to things of the facts file."""

    def __init__(self, resolver: Resolver, kind: Kind) -> None:
        self.resolver = resolver
        self.kind: Kind = kind
        self.parameters: list[Any] = []
        self.notes: list[str] = []

    def sql(self, conditions: Sequence[Condition]) -> str:
        """One expression; its parameters are gathered in `parameters`."""
        return " AND ".join(self._condition(condition) for condition in conditions) or "1"

    def _condition(self, condition: Condition) -> str:
        entry = ATTRIBUTES[condition.attribute]
        special = self._special(condition.attribute)
        if entry.numeric and (special is None or _is_number(condition.values[0])):
            return self._numbers(entry, condition)
        if condition.operator in ("<", "<=", ">", ">="):
            raise FactsError(
                "bad_arguments", f"{condition.attribute} has no size: use =, != or includes"
            )
        match = special or self._plain(entry)
        parts = " OR ".join(match(value) for value in condition.values)
        return f"NOT ({parts})" if condition.operator in ("!=", "not in") else f"({parts})"

    def _numbers(self, entry: Attribute, condition: Condition) -> str:
        numbers = [read_number(value, entry.unit) for value in condition.values]
        column = f'"{entry.column}"'
        if entry.column == "discovery_year" and condition.operator in ("<", "<="):
            self.parameters.append(numbers[0])
            return f"({column} {condition.operator} ? OR discoverer_key LIKE '%ancients%')"
        operator = "=" if condition.operator in ("in", "includes") else condition.operator
        operator = "!=" if operator == "not in" else operator
        if operator in ("=", "!="):
            # Stored values are rounded, so equal means equal to six digits.
            parts: list[str] = []
            for number in numbers:
                slack = 0.0 if float(number).is_integer() and entry.style != "number" else 1e-6
                parts.append(f"{column} BETWEEN ? AND ?")
                width = abs(number) * slack
                self.parameters += [number - width, number + width]
            joined = " OR ".join(parts)
            return f"({joined})" if operator == "=" else f"NOT ({joined})"
        self.parameters.append(numbers[0])
        return f"{column} {operator} ?"

    def _special(self, attribute: str) -> Callable[[str], str] | None:
        """How values of an attribute are matched, where it is not by the name alone."""
        matches: dict[str, Callable[[str], str]] = {
            "name": self._name,
            "country": self._country,
            "continent": self._continent,
            "capital": self._capital,
            "currency": lambda v: self._key("currency", "currency_keys", v),
            "languages": self._language,
            "neighbours": self._neighbour,
            "calling code": lambda v: self._equal("calling_code", f"+{v.lstrip('+ 0')}"),
            "internet domain": lambda v: self._equal("internet_domain", f".{v.lstrip('.')}"),
            "time zone": lambda v: self._equal("time_zone", v),
            "category": lambda v: self._key("category", "category_keys", v),
            "group": self._group,
            "discoverer": self._discoverer,
        }
        return matches.get(attribute)

    def _language(self, value: str) -> str:
        return self._key("languages", "language_keys", _LANGUAGES.get(name_key(value), value))

    def _plain(self, entry: Attribute) -> Callable[[str], str]:
        return lambda value: self._bound(f'name_key("{entry.column}") = ?', name_key(value))

    def _bound(self, expression: str, *values: Any) -> str:
        self.parameters += values
        return expression

    def _equal(self, column: str, value: str) -> str:
        return self._bound(f'lower("{column}") = ?', value.strip().casefold())

    def _key(self, attribute: str, column: str, value: str) -> str:
        """A value among the keys of a row; one that no row has is an error, not an empty answer."""
        table = "elements" if attribute == "category" else "countries"
        for key in _singulars(value):
            pattern = f"%|{key}|%"
            known = self.resolver.database.execute(
                f'SELECT 1 FROM "{table}" WHERE "{column}" LIKE ? LIMIT 1', (pattern,)
            ).fetchone()
            if known is not None:
                return self._bound(f'"{column}" LIKE ?', pattern)
        raise FactsError("no_answer", f"no {attribute.removesuffix('s')} {value!r} is known here")

    def _name(self, value: str) -> str:
        entity = self.resolver.resolve(value, (self.kind,))
        if entity.note:
            self.notes.append(entity.note)
        return self._bound("id = ?", entity.row["id"])

    def _country(self, value: str) -> str:
        return self._bound("iso2 = ?", self.resolver.resolve(value, ("country",)).row["iso2"])

    def _continent(self, value: str) -> str:
        return self._bound("continent = ?", self.resolver.resolve(value, ("continent",)).name)

    def _neighbour(self, value: str) -> str:
        code = self.resolver.resolve(value, ("country",)).row["iso2"]
        return self._bound("neighbour_keys LIKE ?", f"%|{code.casefold()}|%")

    def _capital(self, value: str) -> str:
        """The name of the capital, or any other name of the city that is the capital."""
        pattern = f"%|{name_key(value)}|%"
        found = self.resolver.database.execute(
            "SELECT 1 FROM countries WHERE capital_keys LIKE ?", (pattern,)
        ).fetchone()
        if found is None:
            pattern = f"%|{name_key(self.resolver.resolve(value, ('city',)).name)}|%"
        return self._bound("capital_keys LIKE ?", pattern)

    def _group(self, value: str) -> str:
        keys = [f"{key}%" for key in _singulars(value.casefold().removeprefix("group "))]
        parts = " OR ".join("name_key(group_name) LIKE ?" for _ in keys)
        return self._bound(f"({parts})", *keys)

    def _discoverer(self, value: str) -> str:
        """Every person named must be credited: the last words of the names are compared."""
        people = [name_key(part) for part in value.split(",") if name_key(part)]
        patterns = [f"%{person.split()[-1]}%" for person in people]
        return self._bound(
            " AND ".join("discoverer_key LIKE ?" for _ in patterns) or "0", *patterns
        )


def _singulars(value: str) -> list[str]:
    """The key of a name, and of what it may be the plural of: "noble gases", "metals"."""
    key = name_key(value)
    return [key, *(key.removesuffix(end) for end in ("s", "es") if key.endswith(end))]


def _is_number(value: str) -> bool:
    return value.strip().lstrip("+-")[:1].isdigit()
