"""From the meanings named in the pattern files to the signatures of docs/contracts.md, section 2.

In: one step of a pattern as written and its question. Out: `Argument`s in signature order, each
marked copy, free, number or fixed. Raises Drop with the reason when no expert serves the step or a
copied argument is not in the question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from training.data.templates import Question, Template, template
from training.data.units_table import canonical

Mode = Literal["copy", "free", "number", "fixed", "currency"]
SIGNATURES: dict[str, tuple[str, ...]] = {
    "calculator": ("expression",),
    "algebra": ("task", "expression", "variable", "at", "lower", "upper"),
    "units": ("quantity", "to"),
    "calendar": ("task", "date", "end", "duration", "unit", "place", "to", "name"),
    "knowledge": ("attribute", "entity", "kind", "order", "n", "rank", "where"),
    "currency": ("amount", "source", "target", "date"),
    "weather": ("place", "day", "field"),
    "encyclopedia": ("topic",),
}
NOT_KNOWN = {"birth date", "death date", "height", "length"}
_FIELDS = {
    "minimum temperature": "low", "maximum temperature": "high", "condition": "summary",
    "wind speed": "wind", "precipitation": "rain",
}  # fmt: skip
_ATTRIBUTES = {"language": "languages"}
_UNSAID = ("today", "now", "current date")  # what an absent date means
ALIASES: dict[str, tuple[str, ...]] = {
    "usd": ("us dollars", "american dollars", "us dollar", "american money", "usd", "dollars",
            "dollar", "bucks", "US$", "$"),
    "us dollar": ("us dollars", "us dollar", "american dollars", "american money", "usd",
                  "dollars", "dollar", "bucks", "$"),
    "eur": ("euros", "euro", "eur", "€"), "gbp": ("british pounds", "pounds sterling", "gbp",
            "pounds", "pound", "quid", "sterling", "£"),
    "jpy": ("japanese yen", "yen", "jpy", "¥"), "chf": ("swiss francs", "swiss franc", "chf",
            "francs"), "inr": ("indian rupees", "rupees", "inr", "₹"),
    "cad": ("canadian dollars", "canadian", "cad"), "aud": ("australian dollars", "aussie dollars",
            "aussie", "aud"), "sek": ("swedish kronor", "swedish krona", "kronor", "sek"),
    "nok": ("norwegian kroner", "kroner", "nok"), "dkk": ("danish kroner", "kroner", "dkk"),
    "pln": ("polish zloty", "zloty", "zlotys", "pln"), "mxn": ("mexican pesos", "pesos", "mxn"),
    "cop": ("colombian pesos", "cop"), "try": ("turkish lira", "lira", "try"),
    "cny": ("chinese yuan", "yuan", "renminbi", "rmb", "cny"), "krw": ("korean won", "won"),
    "thb": ("thai baht", "baht"), "brl": ("brazilian reais", "reais", "brl"),
    "zar": ("south african rand", "rand"), "czk": ("czech crowns", "czech koruna", "koruna"),
    "huf": ("hungarian forint", "forint"), "united states": ("the us", "usa", "u.s.", "america",
            "the states", "us"), "united kingdom": ("uk", "the uk", "britain", "great britain"),
    "netherlands": ("holland", "the netherlands"), "christmas": ("xmas",),
}  # fmt: skip


class Drop(Exception):
    """This pattern cannot be used; the text says why."""


@dataclass(frozen=True)
class Argument:
    """`text` for free, number and fixed; `span` of the flat question for copy."""

    name: str
    mode: Mode
    text: Template
    span: tuple[int, int] | None = None


class Adapter:
    """Adapts the steps of one question."""

    def __init__(self, question: Question) -> None:
        self.q = question

    def step(self, expert: str, given: dict[str, Any]) -> tuple[Argument, ...]:
        """The arguments of one step in signature order."""
        if expert not in SIGNATURES:
            raise Drop(f"no such expert: {expert}")
        raw = {k: str(v) for k, v in given.items() if not isinstance(v, dict)}
        for key, value in given.items():
            if isinstance(value, dict):
                raw[key] = " and ".join(f"{k} = {v}" for k, v in value.items())
        found = getattr(self, f"_{expert}")(raw)
        names = SIGNATURES[expert]
        return tuple(sorted(found, key=lambda a: names.index(a.name)))

    def _calculator(self, raw: dict[str, str]) -> list[Argument]:
        return [_free("expression", raw["expression"])]

    def _encyclopedia(self, raw: dict[str, str]) -> list[Argument]:
        return self._copied("topic", raw["topic"])

    def _algebra(self, raw: dict[str, str]) -> list[Argument]:
        expression = raw["expression"]
        variable = raw.get("variable", "x")
        if "," in variable or expression.count("=") > 1:
            expression = expression.replace(",", ";")
        out = [_fixed("task", raw["task"]), _free("expression", expression)]
        if variable != "x":
            out.append(_free("variable", variable))
        for new, old in (("at", "at"), ("lower", "from"), ("upper", "to")):
            if new in raw or old in raw:
                out.append(_free(new, raw.get(new) or raw[old]))
        return out

    def _units(self, raw: dict[str, str]) -> list[Argument]:
        unit = raw.get("unit", "")
        quantity = f"{raw['quantity']} {canonical(unit)}".strip()
        return [_free("quantity", quantity), _free("to", canonical(raw["to"]))]

    def _calendar(self, raw: dict[str, str]) -> list[Argument]:
        task = raw["task"]
        if task in ("date_add", "add", "subtract"):
            return self._add(raw)
        out = [_fixed("task", task)]
        first = raw.get("date") or raw.get("birth_date") or raw.get("start") or raw.get("from")
        last = raw.get("end") or raw.get("on")
        if task == "convert_timezone":
            return out + self._convert(raw)
        if task in ("holiday", "leap_year"):
            first = raw.get("year") or raw.get("date")
        if task == "difference" and "to" in raw:
            last = raw["to"]
        out += self._moment("date", first) if first else []
        out += self._moment("end", last) if last else []
        if task == "difference" and len(out) < 2:
            raise Drop("difference between now and now")
        unit = raw.get("unit") or raw.get("field")
        if task == "now" and not unit and ("place" in raw or "timezone" in raw):
            unit = "time"
        if unit and unit != "datetime":
            out.append(_fixed("unit", unit.replace("_", " ")))
        for key in ("place", "timezone", "country"):
            if key in raw:
                out += self._copied("place", raw[key])
        if "name" in raw:
            out += self._copied("name", raw["name"])
        return out

    def _add(self, raw: dict[str, str]) -> list[Argument]:
        amount = raw.get("amount") or raw.get("days")
        unit = raw.get("unit", "days").replace("_", " ")
        length = f"{amount} {unit}" if amount else raw.get("duration") or raw["add"]
        back = raw["task"] == "subtract" or length.startswith("-")
        task = "subtract" if back else "add"
        start = raw.get("start") or raw.get("date")
        out = [_fixed("task", task), _free("duration", length.removeprefix("-"))]
        return out + (self._moment("date", start) if start else [])

    def _convert(self, raw: dict[str, str]) -> list[Argument]:
        source = raw.get("source") or raw.get("from") or raw["place"]
        target = raw.get("target") or raw["to"]
        moment = raw.get("time") or raw["date"]
        if "time" in raw and "date" in raw:
            moment = self._joined(moment, raw["date"])
        out = self._moment("date", moment)
        return [*out, *self._copied("place", source), *self._copied("to", target)]

    def _joined(self, time: str, day: str) -> str:
        for text in (f"{time} on {day}", f"{time} {day}", f"{day} at {time}", f"{day} {time}",
                     f"{day}, {time}", f"{time} {day}", f"{day} on {time}"):  # fmt: skip
            if self.q.find(text):
                return text
        raise Drop("time and date stand apart")

    def _moment(self, name: str, text: str) -> list[Argument]:
        """A date or time phrase: a span; absent when it is today and nobody said so."""
        if text.startswith("#"):
            return [_free(name, text)]
        span = self.q.find(text)
        if span is None and text.lower() in _UNSAID:
            return []
        if span is None:
            span = self._around(text)
        if span is None:
            raise Drop(f"date not in the question: {text}")
        return [Argument(name, "copy", template(text), self.q.keep(*span))]

    def _around(self, text: str) -> tuple[int, int] | None:
        """The span that holds all slots of a date phrase and little else (`May the 1st, 2026`)."""
        chars = [c for c in self.q.flatten(text) if ord(c) >= 0xE000] if "{" in text else []
        days = re.findall(r"\b\d{1,2}\b", text)
        if not chars or any(c not in self.q.flat for c in chars):
            return None
        places = [self.q.flat.index(c) for c in chars]
        start, end = min(places), max(places) + 1
        if days:
            near = re.compile(rf"(\b{days[0]}(st|nd|rd|th)? (of )?$)")
            if match := near.search(self.q.flat[:start]):
                start = match.start()
        if end - start > 16 or (days and days[0] not in self.q.flat[start:end]):
            return None
        return start, end

    def _copied(self, name: str, text: str) -> list[Argument]:
        if text.startswith("#"):
            return [_free(name, text)]
        span = self.q.find(text)
        for alias in ALIASES.get(text.lower(), ()):
            span = span or self.q.find(alias, alias[0].isalpha())
        if span is None and " " in text:
            words = sorted(text.split(), key=len, reverse=True)
            span = next((s for w in words if len(w) > 4 and (s := self.q.find(w))), None)
        if span is None:
            raise Drop(f"copied argument not in the question: {name}={text}")
        return [Argument(name, "copy", template(text), self.q.keep(*span))]

    def _knowledge(self, raw: dict[str, str]) -> list[Argument]:
        attribute = _ATTRIBUTES.get(raw["attribute"], raw["attribute"])
        if attribute in NOT_KNOWN:
            raise Drop(f"attribute not in the knowledge base: {attribute}")
        out = [_fixed("attribute", attribute)]
        if "entity" in raw:
            out += self._copied("entity", raw["entity"])
            # with conditions it is a yes or no question
            return [*out, _free("where", raw["where"])] if "where" in raw else out
        out.append(_fixed("kind", raw["kind"]))
        if "order" in raw:
            out.append(_fixed("order", raw["order"].replace("top", "max")))
        for key in ("n", "rank"):
            if key in raw and raw[key] != "1":
                out.append(Argument(key, "number", template(raw[key])))
        if "where" in raw:
            out.append(_free("where", raw["where"]))
        return out

    def _currency(self, raw: dict[str, str]) -> list[Argument]:
        out = [Argument("amount", "number", template(raw["amount"]))]
        for name in ("source", "target"):
            out += self._money(name, raw[name])
        if "date" in raw:
            out += self._moment("date", raw["date"])
        return out

    def _money(self, name: str, text: str) -> list[Argument]:
        """A currency: its slot, its words, or the sign of a money slot."""
        try:
            return self._copied(name, text)
        except Drop:
            slots = [n for n, kind in self.q.types.items() if kind == "money"]
            if text.upper() not in ("USD", "US DOLLAR") or not slots:
                raise
            place = self.q.flat.index(self.q.flatten("{" + slots[0] + "}"))
            return [Argument(name, "currency", template("{" + slots[0] + "}"), (place, place + 1))]

    def _weather(self, raw: dict[str, str]) -> list[Argument]:
        out = self._copied("place", raw["place"])
        day = raw.get("day", "today")
        if day == "now":
            day = "today"
        out += self._moment("day", day)
        return [*out, _fixed("field", _FIELDS.get(raw["field"], raw["field"]))]


def _free(name: str, text: str) -> Argument:
    return Argument(name, "free", template(text))


def _fixed(name: str, text: str) -> Argument:
    return Argument(name, "fixed", template(text))
