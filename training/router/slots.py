"""Fill the slots of the phrasings with plausible values, for training the router only.

In: a pattern such as `whats {int:a} plus {int:b}`; out: text with every slot filled, the
same value wherever the same name stands. Values need not be true together (nobody computes
with them here): the router reads the kind of a question, not its result.
"""

import json
import random
import re
from functools import cache

from training.data.entities import FILE
from training.data.moments import MONTHS, WEEKDAYS
from training.data.numbers_as_words import ONES

SLOT = re.compile(r"\{([^{}]*)\}")

_FIXED: dict[str, list[str]] = {
    "weekday": WEEKDAYS,
    "month": MONTHS,
    "ordinal": [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "2nd",
        "3rd",
        "4th",
        "7th",
        "10th",
        "21st",
    ],
    "numberword": [
        *ONES[2:11],
        "twelve",
        "twenty",
        "fifty",
    ],
    "continent": ["Africa", "Asia", "Europe", "North America", "South America", "Oceania"],
    "planet": ["Mercury", "Venus", "Earth", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune"],
    "person": [
        "Anna",
        "Ben",
        "Carla",
        "David",
        "Emma",
        "Farid",
        "Grace",
        "Hugo",
        "Ines",
        "Jonas",
        "Kofi",
        "Lena",
        "Mina",
        "Omar",
    ],
    "item": ["ticket", "notebook", "shirt", "bottle", "chair", "box", "lamp", "pen", "mug", "book"],
    "items": [
        "tickets",
        "notebooks",
        "shirts",
        "bottles",
        "chairs",
        "boxes",
        "lamps",
        "pens",
        "mugs",
        "books",
    ],
    "place": ["Lisbon", "the office", "Lake Como", "the harbour", "Cape Town", "Brooklyn"],
    "animal": ["cat", "dog", "horse", "giraffe", "hamster", "elephant", "parrot", "goat"],
    "food": ["rice", "flour", "sugar", "pasta", "cheese", "butter", "apples", "coffee"],
    "word": ["harbour", "umbrella", "kind", "lantern", "quickly", "stone", "ocean", "brave"],
    "variable": list("xyztn"),
    "language": [
        "French",
        "German",
        "Dutch",
        "Spanish",
        "Japanese",
        "Arabic",
        "Swahili",
        "Portuguese",
        "Hindi",
    ],
    "sentence": ["the dog sleeps by the door", "we will meet again soon", "rain fell all night"],
    "text": ["the harbour was quiet and cold", "she sold her old boat last week"],
    "polynomial": ["x^2 + 3x - 4", "2x^3 - x", "x^4 - 5x^2 + 4", "3x^2 + 7x + 2", "t^2 - 9"],
    "equation": ["2x + 3 = 11", "x^2 = 49", "5y - 4 = 2y + 8", "3x/4 = 12", "x^2 - 5x + 6 = 0"],
    "expression": ["sin(x)*x", "(x+1)/(x-2)", "x*exp(x)", "sqrt(x+4)", "ln(x)/x"],
}
_UNITS: dict[str, str] = {
    "length": "metres|feet|inches|miles|kilometres|cm|yards|mm|nautical miles",
    "mass": "kilograms|pounds|grams|ounces|stone|tonnes|kg|lb",
    "volume": "litres|gallons|cups|ml|pints|fluid ounces|tablespoons|cubic metres",
    "temperature": "celsius|fahrenheit|kelvin",
    "speed": "mph|km/h|knots|metres per second",
    "area": "acres|hectares|square metres|square feet|square miles",
    "time": "seconds|minutes|hours|days|weeks|years",
    "energy": "joules|calories|kWh|kcal",
    "data": "GB|MB|kilobytes|terabytes|gigabits",
    "pressure": "bar|psi|pascals|atmospheres",
}


_CURRENCIES = frozenset(
    ["USD", "EUR", "GBP", "JPY", "CHF", "SEK", "INR", "AUD", "CAD", "PLN", "TRY", "ZAR"]
)
_LISTS = {"country": "countries", "city": "cities", "element": "elements"}


@cache
def _names(kind: str) -> list[str]:
    """Names of countries, cities, currencies or elements."""
    facts = json.loads(FILE.read_text(encoding="utf-8"))
    if kind == "currency":
        return [row["name"] for row in facts["currencies"] if row["code"] in _CURRENCIES]
    return [row["name"] for row in facts[_LISTS[kind]]]


def _number(kind: str, rng: random.Random) -> str:
    """A number written the way its slot type asks."""
    if kind == "int":
        return str(rng.choice([rng.randint(2, 12), rng.randint(2, 99), rng.randint(2, 999)]))
    if kind == "bigint":
        value = rng.randint(1000, 9_999_999)
        return f"{value:,}" if rng.random() < 0.4 else str(value)
    if kind == "decimal":
        return f"{rng.uniform(0.1, 200):.{rng.randint(1, 2)}f}"
    if kind == "percent":
        return f"{rng.randint(1, 95)}%"
    if kind == "fraction":
        return f"{rng.randint(1, 5)}/{rng.randint(2, 9)}"
    if kind == "money":
        amount = rng.choice([f"{rng.randint(1, 900)}", f"{rng.uniform(1, 300):.2f}"])
        return rng.choice(["${}", "{} dollars", "${}", "{}"]).format(amount)
    return str(rng.randint(1900, 2035))  # year


def _moment(kind: str, rng: random.Random) -> str:
    """A date, a time of day or a length of time."""
    if kind == "date":
        month, day, year = rng.choice(_FIXED["month"]), rng.randint(1, 28), _number("year", rng)
        forms = [
            f"{day} {month} {year}",
            f"{month} {day}, {year}",
            f"{year}-{_FIXED['month'].index(month) + 1:02d}-{day:02d}",
            f"{month.lower()} {day}",
            f"{day} {month.lower()[:3]}",
        ]
        return rng.choice(forms)
    if kind == "time":
        hour, minute = rng.randint(1, 12), rng.choice(["00", "15", "30", "45", "10"])
        return rng.choice([f"{hour}:{minute}", f"{hour}pm", f"{hour}am", f"{hour + 11}:{minute}"])
    return f"{rng.randint(2, 90)} {rng.choice(['days', 'weeks', 'hours', 'minutes', 'months'])}"


def sample(kind: str, rng: random.Random) -> str:
    """A value for a slot type (`int`, `country`, `unit:length`, ...); unknown types read `it`."""
    if kind.startswith("unit"):
        names = _UNITS.get(kind.partition(":")[2], _UNITS["length"])
        return rng.choice(names.split("|"))
    if kind in _FIXED:
        return rng.choice(_FIXED[kind])
    if kind in {"country", "city", "timezone_city", "element", "currency"}:
        value = rng.choice(_names("city" if kind == "timezone_city" else kind))
        return value.lower() if rng.random() < 0.3 else value
    if kind in {"date", "time", "duration"}:
        return _moment(kind, rng)
    if kind in {"int", "bigint", "decimal", "percent", "fraction", "money", "year"}:
        return _number(kind, rng)
    return "it"


def fill(pattern: str, values: dict[str, str], rng: random.Random) -> str:
    """Replace every slot; `values` holds what earlier slots of the same row got and grows."""

    def one(match: re.Match[str]) -> str:
        body = match.group(1)
        parts = body.split(":")
        dimension = parts[0] == "unit" and len(parts) > 1
        kind = ":".join(parts[:2]) if dimension else parts[0]
        name = parts[-1] if len(parts) > (2 if dimension else 1) else kind
        if name not in values:
            values[name] = sample(kind, rng)
        return values[name]

    return SLOT.sub(one, pattern)
