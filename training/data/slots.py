"""Slots of a pattern and the values that fill them.

In: a slot type (`int`, `money`, `unit:length`, `country` …), a random generator, hints. Out: a
`Fill`: how it is typed in the question, how arguments, subqueries and answers write it, and the
number it stands for. It does not know the sentence around the slot, only the hints.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import gcd
from typing import Any

from training.data import entities, formulas, moments, words
from training.data.numbers_as_words import grouped, in_words, ordinal, ordinal_words, typed_int
from training.data.units_table import COMMON, UNITS


@dataclass(slots=True)
class Fill:
    """One value of one slot.

    typed: in the question. plain: in free arguments (digits). sub: in subqueries. said: in the
    answer. number: its value, where it has one. copied: the span of `typed` that a copied argument
    takes (a money amount's currency). what: the thing itself.
    """

    typed: str
    plain: str
    sub: str
    said: str
    number: float | None = None
    copied: str | None = None
    what: Any = None


@dataclass(frozen=True)
class Hints:
    """What the sentence around a slot demands."""

    digits: bool = False  # stands in a formula: no number words, no thousands marks
    most: float | None = None  # largest sensible value
    when: str = "any"  # dates: past, birth, future, near
    low: float | None = None  # what the pattern's conditions demand
    high: float | None = None
    attempt: int = 0  # how often the conditions have failed: smaller numbers then


Maker = Callable[[random.Random, Hints, str], Fill]


def _same(text: str, what: Any = None, number: float | None = None) -> Fill:
    return Fill(text, text, text, text, number, None, what)


def int_value(rng: random.Random, hints: Hints) -> int:
    """Mostly small, sometimes thousands; small after failed attempts."""
    if hints.low is not None or hints.high is not None:
        return max(1, round(between(rng, hints, 2, 400)))
    roll = rng.random()
    if hints.most is not None and rng.random() < 0.95:
        return rng.randint(2 if hints.most > 2 else 1, max(2, int(hints.most)))
    if hints.attempt > 8 or roll < 0.3:
        return rng.randint(2, 12)
    if hints.attempt > 4 or roll < 0.68:
        return rng.randint(5, 100)
    if roll < 0.9:
        value = rng.randint(20, 1000)
        return value // 10 * 10 if rng.random() < 0.3 else value
    value = rng.randint(1000, 20000)
    return round(value, -2) if rng.random() < 0.5 else value


def between(rng: random.Random, hints: Hints, least: float, spread: float) -> float:
    """A number within the bounds; over wide ranges, small ones as often as large ones."""
    low = least if hints.low is None else hints.low
    high = low + spread if hints.high is None else hints.high
    if low > 0 and high > 15 * low:
        return float(low * (high / low) ** rng.random())
    return rng.uniform(low, high)


def _int(rng: random.Random, hints: Hints, _: str) -> Fill:
    n = int_value(rng, hints)
    typed = str(n) if hints.digits else typed_int(n, rng)
    return Fill(typed, str(n), str(n), typed, n)


def _bigint(rng: random.Random, hints: Hints, _: str) -> Fill:
    n = rng.randint(11, 9999) * rng.choice((10, 100, 1000, 10000, 100000, 1000000))
    n += rng.choice((0, 0, 0, rng.randint(1, 999)))
    typed = str(n) if hints.digits else typed_int(n, rng)
    return Fill(typed, str(n), str(n), typed, n)


def _decimal(rng: random.Random, hints: Hints, _: str) -> Fill:
    top = hints.most or rng.choice((3, 10, 10, 60, 100, 100, 500))
    if hints.attempt > 6:
        top = 10
    value = rng.uniform(0.2, top)
    if hints.low is not None or hints.high is not None:
        value = between(rng, hints, 0.2, 60)
    text = f"{value:.{rng.choices((0, 1, 2, 3), (2, 6, 4, 0.5))[0]}f}"
    if float(text) == 0:
        text = "0.5"
    return Fill(text, text, text, text, float(text))


def _percent(rng: random.Random, hints: Hints, _: str) -> Fill:
    n = rng.choice((5, 10, 15, 20, 25, 30, 40, 50, 60, 75, rng.randint(1, 99), rng.randint(1, 30)))
    if hints.most:
        n = min(n, int(hints.most))
    text = str(n) if rng.random() < 0.85 else f"{n}.{rng.choice((5, 5, 25, 75, 2))}"
    whole = "." not in text
    forms = [f"{text}%"] * 6 + [f"{text} percent"] * 3 + [f"{text} per cent", f"{text} %"]
    if whole:
        forms.append(f"{in_words(n)} percent")
    typed = f"{text}%" if hints.digits else rng.choice(forms)
    return Fill(typed, text, f"{text}%", typed, float(text))


_FRACTION_NAMES = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 7: "seventh",
                   8: "eighth", 10: "tenth"}  # fmt: skip
_VULGAR = {(1, 2): "½", (1, 4): "¼", (3, 4): "¾", (1, 3): "⅓", (2, 3): "⅔", (1, 8): "⅛"}


def _fraction(rng: random.Random, hints: Hints, _: str) -> Fill:
    below = rng.choice((2, 3, 4, 5, 6, 7, 8, 9, 10, 12))
    above = rng.randint(1, below - 1 if rng.random() < 0.9 or hints.attempt else below + 6)
    plain = f"{above}/{below}"
    typed = plain
    simple = gcd(above, below) == 1 and above < below
    if not hints.digits and below in _FRACTION_NAMES and simple and rng.random() < 0.35:
        name = _FRACTION_NAMES[below] + ("s" if above > 1 else "")
        typed = f"{'a' if above == 1 and rng.random() < 0.6 else in_words(above)} {name}"
        typed = "half" if plain == "1/2" else typed
    elif not hints.digits and (above, below) in _VULGAR and rng.random() < 0.25:
        typed = _VULGAR[above, below]
    return Fill(typed, plain, plain, typed, above / below)


def _money(rng: random.Random, hints: Hints, _: str) -> Fill:
    top = hints.most or rng.choice((10, 40, 100, 100, 1000, 5000))
    value = rng.uniform(0.5 if top < 100 else 10, top)
    if hints.low is not None or hints.high is not None:
        value = between(rng, hints, 0.5, 1000)
        top = value
    cents = rng.random() < (0.6 if top <= 100 else 0.15)
    text = f"{value:.2f}" if cents else str(max(1, round(value)))
    if float(text) < 0.05:
        text = "1.50"
    shown = grouped(text) if float(text) >= 1000 and rng.random() < 0.6 else text
    forms = [f"${shown}"] * 8 + [f"{shown} dollars"] * 2 + [f"{shown} bucks", f"${shown}"]
    forms += [f"USD {shown}"] if rng.random() < 0.1 else []
    if not cents and float(text) < 1000:
        forms += [f"{in_words(int(text))} dollars"]
    typed = f"${shown}" if hints.digits else rng.choice(forms)
    copied = next(c for c in ("$", "dollars", "bucks", "USD") if c in typed)
    return Fill(typed, text, text, typed, float(text), copied)


def _vary(rng: random.Random, hints: Hints, base: str) -> Fill:
    """A number near `base`, written with as many decimals and as round as it."""
    bare = base.replace(",", "")
    _, dot, part = bare.partition(".")
    value = float(bare) * rng.uniform(0.55, 1.8)
    if dot:
        text = f"{value:.{len(part)}f}"
    else:
        step = next(s for s in (1000, 500, 100, 50, 10, 5, 1) if int(bare) % s == 0)
        text = str(max(step, round(value / step) * step))
    typed = grouped(text) if "," in base and float(text) >= 1000 else text
    return Fill(typed, text, text, typed, float(text))


def _numberword(rng: random.Random, hints: Hints, _: str) -> Fill:
    n = rng.choice(
        (rng.randint(2, 12), rng.randint(2, 12), rng.randint(2, 99), 100, 250, 500, 1000)
    )
    if hints.most:
        n = min(n, int(hints.most))
    typed = in_words(n, rng.choice((" and ", " ")), rng.choice(("-", "-", " ")))
    return Fill(typed, str(n), str(n), typed, n)


def _ordinal(rng: random.Random, hints: Hints, _: str) -> Fill:
    n = rng.choice(_ordinal_most(hints))
    typed = ordinal(n) if rng.random() < 0.5 else ordinal_words(n)
    return Fill(typed, str(n), ordinal(n), typed, n)


def _date(rng: random.Random, hints: Hints, _: str) -> Fill:
    if hints.when == "near" and rng.random() < 0.6:
        return _same(rng.choice(("tomorrow", "friday", "saturday", "sunday", "monday", "today")))
    if hints.when in ("any", "future") and rng.random() < 0.06:
        return _same(rng.choice(moments.RELATIVE))
    day = moments.random_date(rng, "future" if hints.when == "near" else hints.when)
    typed = moments.typed_date(day, rng)
    while hints.when == "birth" and str(day.year) not in typed:  # nobody's age follows from a day
        typed = moments.typed_date(day, rng)
    return _same(typed, day, day.toordinal())


def _time(rng: random.Random, hints: Hints, _: str) -> Fill:
    typed, minute = moments.typed_time(rng)
    return _same(typed, minute, minute)


def _duration(rng: random.Random, hints: Hints, _: str) -> Fill:
    typed, plan, minutes = moments.typed_duration(rng)
    return Fill(typed, plan, plan, typed, minutes)


def _year(rng: random.Random, hints: Hints, _: str) -> Fill:
    year = {"past": rng.randint(1850, 2025), "birth": rng.randint(1930, 2020)}.get(hints.when)
    year = (
        _year_before(rng, hints)
        or year
        or rng.choice((rng.randint(1900, 2060), rng.randint(2024, 2035)))
    )
    return _same(str(year), year, year)


def _unit(rng: random.Random, hints: Hints, dimension: str) -> Fill:
    known = UNITS[dimension]
    common = known[: COMMON.get(dimension, 5)] if rng.random() < 0.75 else known
    unit = rng.choice(common)
    typed = rng.choice(unit.typed[:4] if rng.random() < 0.85 else unit.typed)
    return Fill(typed, unit.name, unit.name, unit.name, None, None, unit)


def _picker(pool: tuple[str, ...]) -> Maker:
    return lambda rng, hints, _: _same(rng.choice(pool))


def _formula(make: Callable[[random.Random], formulas.Formula]) -> Maker:
    def fill(rng: random.Random, hints: Hints, _: str) -> Fill:
        f = make(rng)
        return Fill(f.typed, f.plan, f.plan, f.typed, None, None, f)

    return fill


def _person(rng: random.Random, hints: Hints, _: str) -> Fill:
    return _same(rng.choice(words.PERSONS))


def _year_before(rng: random.Random, hints: Hints) -> int | None:
    """A year of the past where the sentence demands one."""
    return rng.randint(1740, int(hints.most)) if hints.most else None


def _ordinal_most(hints: Hints) -> tuple[int, ...]:
    known = (2, 3, 4, 5, 6, 7, 8, 10, 12, 20)
    return tuple(n for n in known if hints.most is None or n <= hints.most)


def _key(kind: str, attribute: str, cut: str) -> Maker:
    """A fact that identifies one thing: a symbol, a domain without its dot, a dialling code."""

    def fill(rng: random.Random, hints: Hints, _: str) -> Fill:
        value = None
        while not value or " " in str(value):
            value = entities.pick(kind, rng).fact(attribute)[0]
        return _same(str(value).removeprefix(cut))

    return fill


def _entity(kind: str) -> Maker:
    def fill(rng: random.Random, hints: Hints, _: str) -> Fill:
        thing = entities.pick(kind, rng)
        typed = thing.typed_form(rng)
        said = thing.said
        return Fill(typed, thing.name, said, said, None, None, thing)

    return fill


@cache
def makers() -> dict[str, Maker]:
    """Slot type → how to fill it."""
    simple: dict[str, tuple[str, ...]] = {
        "weekday": tuple(moments.WEEKDAYS), "month": tuple(moments.MONTHS), "item":
        words.SINGLE_ITEMS, "items": words.ITEMS, "food": words.FOODS, "animal": words.ANIMALS,
        "place": words.PLACES, "word": words.WORDS, "sentence": words.SENTENCES, "text":
        words.SENTENCES, "language": words.LANGUAGES, "timezone_city": words.TIME_CITIES,
        "variable": ("x", "x", "x", "y", "n", "t"),
        "continent": ("Africa", "Asia", "Europe", "North America", "South America", "Oceania"),
    }  # fmt: skip
    table: dict[str, Maker] = {name: _picker(pool) for name, pool in simple.items()}
    table |= {
        "int": _int, "bigint": _bigint, "decimal": _decimal, "percent": _percent, "fraction":
        _fraction, "money": _money, "numberword": _numberword, "ordinal": _ordinal, "date": _date,
        "time": _time, "duration": _duration, "year": _year, "unit": _unit, "person": _person,
        "polynomial": _formula(formulas.polynomial), "equation": _formula(formulas.equation),
        "expression": _formula(formulas.expression), "vary": _vary,
    }  # fmt: skip
    table["symbol"] = _key("element", "symbol", "")
    table["domain"] = _key("country", "internet domain", ".")
    table["callcode"] = _key("country", "calling code", "+")
    table["compound"] = _picker(entities.compounds())
    table["topic"] = _picker(words.TOPICS)
    for kind in ("country", "city", "capital", "element", "planet", "currency"):
        table[kind] = _entity(kind)
    return table


def fill(slot_type: str, rng: random.Random, hints: Hints) -> Fill:
    """A value for a slot of that type; `unit:length` names its dimension after the colon."""
    name, _, detail = slot_type.partition(":")
    return makers()[name](rng, hints, detail)
