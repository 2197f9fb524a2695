"""What an expert would answer, so that the composer sees results like the real ones.

In: an expert, its rendered arguments, the fills behind them and earlier results. Out: `Result`s.
Calculator and knowledge are asked themselves; units are converted by the table; the rest are
plausible values of the right kind. Nothing here is learned: result lines are input to the core.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache, lru_cache
from typing import Any

from mrkl.experts.base import Context, Expert, ExpertError, Result
from mrkl.experts.knowledge import build as knowledge_expert
from mrkl.tools.arith import ArithError, evaluate
from training.data import entities, formulas, moments, solving, words
from training.data.adapt import ALIASES
from training.data.slots import Fill
from training.data.units_table import BY_NAME, canonical, convert


class CannotCall(Exception):
    """The call makes no sense with these values (division by zero, too large)."""


_PART = re.compile(r"(-?\d[\d.]*(?:/\d+)?)\s+([a-z ]+)")
_QUANTITY = re.compile(r"(-?[\d.]+(?:/\d+)?|#\d+)\s*(.*)")
_SUMMARIES = ("sunny", "cloudy", "light rain", "clear", "overcast", "snow", "thunderstorm", "fog")
_RANGES: dict[str, tuple[float, float, int, str | None]] = {
    "temperature": (-15, 36, 0, "°C"), "high": (-8, 39, 0, "°C"), "low": (-22, 27, 0, "°C"),
    "rain": (0, 22, 1, "mm"), "snow": (0, 14, 1, "cm"), "wind": (2, 70, 0, "km/h"), "humidity":
    (20, 100, 0, "%"), "cloud cover": (0, 100, 0, "%"), "pressure": (980, 1040, 0, "hPa"),
    "uv index": (0, 11, 0, None),
}  # fmt: skip


def calculator(expression: str, results: Mapping[int, Result]) -> Result:
    """The exact value of an expression."""
    try:
        value = evaluate(expression, {k: r.value for k, r in results.items()})
    except (ArithError, ArithmeticError, ValueError, TypeError) as error:
        raise CannotCall(str(error)) from error
    return Result(value)


def units(quantity: str, to: str, results: Mapping[int, Result], rng: random.Random) -> Result:
    """Converted by the table; a plausible number for units that it lacks."""
    if together := _compound(quantity, to):
        return together
    match = _QUANTITY.match(quantity)
    unit = BY_NAME.get(canonical(to))
    symbol = unit[1].symbol if unit else to
    if match is None:
        return Result(round(rng.uniform(1, 500), 2), symbol)
    number = match[1]
    value: Any = results[int(number[1:])].value if number[0] == "#" else number
    try:
        amount = float(evaluate(str(value)) if isinstance(value, str) else value)
    except (ArithError, TypeError, ValueError):
        amount = rng.uniform(1, 100)
    found = convert(amount, match[2] or "", to)
    if found is None:
        return Result(round(amount * rng.uniform(0.2, 5), 3), symbol)
    return Result(float(f"{found[0]:.8g}"), found[1])


def _compound(quantity: str, to: str) -> Result | None:
    """`3 hours 12 minutes`: the sum of its parts, if the table knows them all."""
    parts = _PART.findall(quantity)
    if len(parts) < 2 or _PART.sub("", quantity).strip():
        return None
    found = [convert(float(evaluate(n)), unit.strip(), to) for n, unit in parts]
    known = [one for one in found if one]
    if len(known) < len(found):
        return None
    return Result(float(f"{sum(value for value, _ in known):.8g}"), known[0][1])


def calendar(args: Mapping[str, str], fills: Mapping[str, Fill], rng: random.Random) -> Result:
    """A date, a span or a clock time, by the task."""
    task = args["task"]
    dates = [f.what for f in fills.values() if hasattr(f.what, "toordinal")]
    day = dates[0] if dates else moments.TODAY + timedelta(days=rng.randint(-300, 300))
    if task in ("add", "subtract"):
        if re.search(r"hour|minute|second", args.get("duration", "")):
            return Result(_clock(rng) if rng.random() < 0.7 else f"{day.isoformat()} {_clock(rng)}")
        return Result((day + timedelta(days=rng.randint(-400, 700))).isoformat())
    if task == "difference" and re.fullmatch(r"[A-Za-z]+ \d{4}", args.get("date", "")):
        return Result(rng.choice((28, 30, 31)), "days")  # the length of a month
    if task == "difference":
        unit = args.get("unit", "days")
        return Result(rng.randint(2, 60 if unit in ("years", "hours", "weeks") else 900), unit)
    if task == "weekday":
        return Result(day.strftime("%A"))
    if task == "age":
        return Result(rng.randint(1, 95), args.get("unit", "years"))
    if task == "now":
        return _now(args, rng)
    if task == "leap_year":
        return Result(rng.random() < 0.5)
    if task == "holiday":
        return Result(day.isoformat())
    if task == "week_number":
        return Result(day.isocalendar().week)
    return Result(_clock(rng) if task == "convert_timezone" else day.isoformat())


def _now(args: Mapping[str, str], rng: random.Random) -> Result:
    today = (moments.TODAY + timedelta(days=rng.randint(0, 900))).isoformat()
    by_unit = {"time": _clock(rng), "date": today, "weekday": rng.choice(moments.WEEKDAYS),
               "year": rng.randint(2025, 2029)}  # fmt: skip
    return Result(by_unit.get(args.get("unit", ""), f"{today} {_clock(rng)}"))


def _clock(rng: random.Random) -> str:
    return f"{rng.randint(0, 23):02d}:{rng.choice((0, 15, 30, 45, rng.randint(0, 59))):02d}"


def knowledge(args: Mapping[str, str], entity: str | None, rng: random.Random) -> Result:
    """What the expert answers; where it has no answer, something of the right kind."""
    if known := _known(args, entity):
        return known
    attribute = args["attribute"]
    if entity is not None:
        return Result(rng.random() < 0.5) if "where" in args else _plausible(attribute, rng)
    if attribute == "count":
        return Result(rng.randint(1, 60))
    kind = args.get("kind", "country")
    names = [entities.pick(kind, rng).name for _ in range(rng.randint(2, 9))]
    several = "n" in args or (attribute == "name" and "order" not in args)
    if several and not re.search(r"(capital|calling code|atomic number|symbol) =", str(args)):
        return Result(list(dict.fromkeys(names)))
    return Result(rng.choice(names))


def _known(args: Mapping[str, str], entity: str | None) -> Result | None:
    given: dict[str, Any] = dict(args)
    if entity is not None:
        given["entity"] = entity
    try:
        given |= {key: int(args[key]) for key in ("n", "rank") if key in args}
    except ValueError:
        return None
    return _asked(tuple(sorted(given.items())))


@cache
def _knowledge_expert() -> Expert:
    return knowledge_expert()


@lru_cache(maxsize=20_000)  # the same things are asked again and again
def _asked(given: tuple[tuple[str, Any], ...]) -> Result | None:
    try:
        return _knowledge_expert().call(dict(given), Context())
    except ExpertError:
        return None


def _plausible(attribute: str, rng: random.Random) -> Result:
    thing = entities.pick(rng.choice(("country", "city")), rng)
    values: dict[str, tuple[Any, str | None]] = {
        "population": (rng.randint(10000, 9 * 10**7), None), "area": (rng.randint(90, 10**6), "km²"),
        "capital": (thing.name, None), "country": (thing.name, None), "latitude":
        (round(rng.uniform(-60, 65), 2), "°"), "longitude": (round(rng.uniform(-170, 170), 2), "°"),
        "coordinates": (f"{rng.uniform(-50, 60):.2f}, {rng.uniform(-120, 150):.2f}", None),
        "currency": (entities.pick("currency", rng).name, None), "continent": ("Asia", None),
        "languages": (rng.sample(words.LANGUAGES, 2), None), "neighbours": ([thing.name], None),
        "time zone": ("Europe/Paris", None), "moons": (rng.randint(0, 90), None),
        "molar mass": (round(rng.uniform(16, 420), 3), "g/mol"), "melting point":
        (round(rng.uniform(-120, 900), 1), "°C"), "boiling point": (round(rng.uniform(20, 1400), 1),
        "°C"), "population density": (round(rng.uniform(2, 900), 1), "people/km²"),
    }  # fmt: skip
    value, unit = values.get(attribute, (rng.randint(3, 2000), None))
    return Result(value, unit)


def weather(field: str, rng: random.Random) -> Result:
    """A value in the field's usual range."""
    if field in ("sunrise", "sunset"):
        return Result(f"{rng.randint(4, 8) if field == 'sunrise' else rng.randint(16, 21):02d}:"
                       f"{rng.randint(0, 59):02d}")  # fmt: skip
    if field not in _RANGES:
        return Result(f"{rng.choice(_SUMMARIES)}, {rng.randint(-10, 35)} °C")
    low, high, digits, unit = _RANGES[field]
    value = rng.uniform(low, high)
    return Result(round(value, digits) if digits else round(value), unit)


def currency(amount: str, target: str, results: Mapping[int, Result], rng: random.Random) -> Result:
    """The amount at a made-up rate, with a code as its unit."""
    try:
        number = float(calculator(amount, results).value)
    except (CannotCall, TypeError, ValueError):
        number = 1.0
    known = entities.currency_by_form().get(target.lower())
    code = known.facts["code"] if known else _code(target)
    return Result(
        round(number * rng.choice((0.01, 0.5, 0.92, 1.1, 8, 140)) * rng.uniform(0.7, 1.4), 2), code
    )


def _code(name: str) -> str:
    """The code behind slang and symbols (`quid`, `€`); codes as they are."""
    for code, names in ALIASES.items():
        if len(code) == 3 and name.lower() in names:
            return code.upper()
    return name.upper() if len(name) == 3 else "USD"


def algebra(
    given: Mapping[str, str],
    fills: Mapping[str, Fill],
    results: Mapping[int, Result],
    rng: random.Random,
) -> Result:
    """Solutions that the equation was built from, derivatives of polynomials, or a small formula."""
    args = {name: _filled(text, results) for name, text in given.items()}
    formula = next((f.what for f in fills.values() if isinstance(f.what, formulas.Formula)), None)
    task = args["task"]
    if task == "solve":
        if formula and formula.solutions:
            return Result(list(formula.solutions) if len(formula.solutions) > 1 else
                           formula.solutions[0])  # fmt: skip
        exact = solving.solve(args["expression"], args.get("variable", "x"))
        if exact:
            return Result(list(exact) if len(exact) > 1 else exact[0])
        pair = [str(rng.randint(-9, 30)) for _ in range(rng.choice((1, 1, 2)))]
        return Result(pair if len(pair) > 1 else pair[0])
    if (exact := _at_a_point(args)) is not None:
        return Result(exact)
    if task == "derivative" and formula and "at" not in args:
        return Result(formulas.derivative(formula) or "2*x")
    if task in ("limit", "evaluate", "minimum", "maximum") or "lower" in args or "at" in args:
        return Result(rng.randint(-20, 200) if rng.random() < 0.8 else f"{rng.randint(1, 20)}/3")
    return Result(formulas.polynomial(rng).plan)


def _filled(text: str, results: Mapping[int, Result]) -> str:
    return re.sub(r"#(\d+)", lambda match: str(results[int(match[1])].value), text)


def _at_a_point(args: Mapping[str, str]) -> Any:
    """The exact value of an expression at a point, or where a parabola turns."""
    expression, variable = args["expression"], args.get("variable", "x")
    if args["task"] == "evaluate" and "at" in args:
        return solving.at(expression, variable, args["at"])
    if args["task"] in ("minimum", "maximum") and "lower" not in args:
        return solving.vertex(expression, variable)
    return None
