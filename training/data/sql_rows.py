"""Rows that ask a database the core has never seen, from the schema on its card.

Out: a random small schema as the card of `database`, a question in one of many forms, and the one
SELECT that answers it. Columns are named by what they hold (a count, a money amount, a category, a
date, a name), so that questions make sense for every theme.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from mrkl.experts.base import Card, Parameter, Result
from mrkl.prompt import StepText, render_argument, render_row
from training.data.row import Row, from_prompt
from training.data.styles import restyle

# theme: table, singular, name column, category columns with values, number columns, date column
THEMES = (
    ("customers", "customer", "name", {"city": "Berlin Oslo Madrid Leeds", "segment": "retail wholesale online"}, "age credit_limit orders_count", "joined"),
    ("orders", "order", "reference", {"status": "paid open cancelled shipped", "channel": "web phone store"}, "total discount items_count", "ordered_on"),
    ("products", "product", "title", {"category": "toys garden books food", "brand": "Acme Nordli Bravo"}, "price stock weight", "added"),
    ("employees", "employee", "name", {"department": "sales finance support engineering", "office": "London Paris Remote"}, "salary age experience_years", "hired"),
    ("students", "student", "name", {"class": "9A 9B 10C", "house": "red blue green"}, "grade absences age", "enrolled"),
    ("books", "book", "title", {"genre": "crime poetry history science", "language": "English French Polish"}, "pages price copies", "published"),
    ("movies", "movie", "title", {"genre": "drama comedy horror", "studio": "Lumen Atlas Orion"}, "rating budget minutes", "released"),
    ("flights", "flight", "code", {"origin": "Lisbon Rome Dublin", "airline": "Aero Norda Condor"}, "price seats delay_minutes", "departure"),
    ("cars", "car", "model", {"fuel": "petrol diesel electric", "maker": "Volta Brio Kestrel"}, "price mileage horsepower", "registered"),
    ("houses", "house", "address", {"district": "north harbour old_town", "type": "flat villa studio"}, "price rooms area_m2", "listed"),
    ("patients", "patient", "name", {"ward": "A B surgery", "insurance": "public private"}, "age weight visits", "admitted"),
    ("recipes", "recipe", "name", {"cuisine": "thai italian greek", "diet": "vegan meat vegetarian"}, "calories minutes servings", "created"),
    ("players", "player", "name", {"team": "Rovers United Wolves", "position": "goalkeeper defender striker"}, "goals salary caps", "signed"),
    ("invoices", "invoice", "number", {"state": "sent paid overdue", "currency": "EUR USD GBP"}, "amount tax days_open", "issued"),
    ("sensors", "sensor", "label", {"room": "kitchen lab cellar", "kind": "heat light gas"}, "value battery errors", "installed"),
    ("tickets", "ticket", "subject", {"priority": "low high urgent", "state": "open closed waiting"}, "hours replies score", "opened"),
    ("songs", "song", "title", {"artist": "Mira Tolle Banks", "genre": "jazz rock folk"}, "seconds plays likes", "released"),
    ("animals", "animal", "name", {"species": "lion zebra owl", "enclosure": "north south aviary"}, "age weight food_kg", "arrived"),
    ("courses", "course", "title", {"faculty": "law physics arts", "term": "spring autumn"}, "credits seats fee", "starts"),
    ("shipments", "shipment", "code", {"carrier": "Swift Harbor Polar", "country": "Spain Japan Chile"}, "weight cost days", "sent"),
    ("trees", "tree", "tag", {"species": "oak birch pine", "park": "Central Lakeside"}, "height age diameter", "planted"),
    ("wines", "wine", "label", {"colour": "red white rose", "country": "France Chile Italy"}, "price year points", "bottled"),
    ("devices", "device", "hostname", {"os": "linux windows macos", "site": "Graz Turin"}, "memory_gb disk_gb age_months", "bought"),
    ("donations", "donation", "donor", {"campaign": "schools water winter", "method": "card cash transfer"}, "amount year_total visits", "given"),
    ("meetings", "meeting", "topic", {"room": "Iris Lotus Fern", "team": "design ops legal"}, "minutes people cost", "held"),
)  # fmt: skip
# {t} table, {s} singular, {c} category column, {v} its value, {n}/{m} number columns, {k} number,
# {x} name column, {p} table in words, {d} date column, {y} a year; q: what people ask
FORMS = (
    ("how many {p} are there|how many {p} do we have|count the {p}|number of {p}|total {p}?", "SELECT COUNT(*) FROM {t}"),
    ("how many {p} have {cw} {v}|count {p} with {cw} {v}|how many {v} {p} are there|number of {v} {p}|{v} {p}, how many", "SELECT COUNT(*) FROM {t} WHERE {c} = '{v}'"),
    ("what is the average {nw} of the {p}|mean {nw} across all {p}|average {nw}|on average, what {nw} does a {s} have", "SELECT AVG({n}) FROM {t}"),
    ("average {nw} of {v} {p}|mean {nw} for {p} whose {cw} is {v}|what's the avg {nw} where {cw} is {v}", "SELECT AVG({n}) FROM {t} WHERE {c} = '{v}'"),
    ("total {nw} of all {p}|sum of {nw}|add up the {nw} of every {s}|what {nw} do all {p} have together", "SELECT SUM({n}) FROM {t}"),
    ("total {nw} for {v}|sum up {nw} of {v} {p}|how much {nw} in total for {cw} {v}", "SELECT SUM({n}) FROM {t} WHERE {c} = '{v}'"),
    ("highest {nw}|what's the maximum {nw}|the largest {nw} any {s} has|biggest {nw} in the table", "SELECT MAX({n}) FROM {t}"),
    ("lowest {nw}|minimum {nw}|smallest {nw} of the {p}", "SELECT MIN({n}) FROM {t}"),
    ("which {s} has the highest {nw}|{s} with the most {nw}|who or what tops the {p} by {nw}|name the {s} with the biggest {nw}", "SELECT {x} FROM {t} ORDER BY {n} DESC LIMIT 1"),
    ("which {s} has the lowest {nw}|{s} with the least {nw}|name of the {s} with the smallest {nw}", "SELECT {x} FROM {t} ORDER BY {n} LIMIT 1"),
    ("which {v} {s} has the highest {nw}|best {v} {s} by {nw}", "SELECT {x} FROM {t} WHERE {c} = '{v}' ORDER BY {n} DESC LIMIT 1"),
    ("top {j} {p} by {nw}|the {j} {p} with the highest {nw}|list the {j} biggest {p} in terms of {nw}", "SELECT {x} FROM {t} ORDER BY {n} DESC LIMIT {j}"),
    ("{p} with {nw} over {k}|which {p} have {nw} above {k}|list {p} whose {nw} is more than {k}|names of {p} with {nw} greater than {k}", "SELECT {x} FROM {t} WHERE {n} > {k}"),
    ("{p} with {nw} under {k}|which {p} have less than {k} {nw}|list all {p} whose {nw} is below {k}", "SELECT {x} FROM {t} WHERE {n} < {k}"),
    ("how many {p} have {nw} over {k}|count {p} with {nw} above {k}|number of {p} with more than {k} {nw}", "SELECT COUNT(*) FROM {t} WHERE {n} > {k}"),
    ("how many {p} have at most {k} {nw}|count of {p} with {nw} up to {k}", "SELECT COUNT(*) FROM {t} WHERE {n} <= {k}"),
    ("how many {v} {p} have {nw} over {k}|count {p} with {cw} {v} and {nw} above {k}", "SELECT COUNT(*) FROM {t} WHERE {c} = '{v}' AND {n} > {k}"),
    ("{p} per {cw}|how many {p} for each {cw}|count {p} by {cw}|break down the {p} by {cw}", "SELECT {c}, COUNT(*) FROM {t} GROUP BY {c}"),
    ("average {nw} by {cw}|mean {nw} for each {cw}|{nw} per {cw} on average", "SELECT {c}, AVG({n}) FROM {t} GROUP BY {c}"),
    ("total {nw} by {cw}|sum of {nw} per {cw}", "SELECT {c}, SUM({n}) FROM {t} GROUP BY {c}"),
    ("which {cw} has the most {p}|{cw} with the largest number of {p}", "SELECT {c} FROM {t} GROUP BY {c} ORDER BY COUNT(*) DESC LIMIT 1"),
    ("which {cw} has the highest average {nw}", "SELECT {c} FROM {t} GROUP BY {c} ORDER BY AVG({n}) DESC LIMIT 1"),
    ("what {cw}s are there|list the different {cw} values|which {cw}s do we have", "SELECT DISTINCT {c} FROM {t}"),
    ("how many different {cw}s are there|number of distinct {cw} values", "SELECT COUNT(DISTINCT {c}) FROM {t}"),
    ("all {v} {p}|list the {p} with {cw} {v}|show me the {v} {p}|names of {p} where {cw} is {v}", "SELECT {x} FROM {t} WHERE {c} = '{v}'"),
    ("{nw} of {z}|what is the {nw} of {z}|how much {nw} does {z} have|{z}'s {nw}", "SELECT {n} FROM {t} WHERE {x} = '{z}'"),
    ("{cw} of {z}|what {cw} is {z}|which {cw} does {z} belong to", "SELECT {c} FROM {t} WHERE {x} = '{z}'"),
    ("{p} {dw} after {y}|which {p} have {dw} later than {y}", "SELECT {x} FROM {t} WHERE {d} > '{y}-12-31'"),
    ("how many {p} {dw} in {y}|count of {p} with {dw} in {y}", "SELECT COUNT(*) FROM {t} WHERE {d} LIKE '{y}%'"),
    ("newest {s}|latest {s} by {dw}|which {s} is the most recent", "SELECT {x} FROM {t} ORDER BY {d} DESC LIMIT 1"),
    ("{p} whose {xw} starts with {l}|which {p} begin with the letter {l}", "SELECT {x} FROM {t} WHERE {x} LIKE '{l}%'"),
    ("how many {p} are not {v}|count {p} with a {cw} other than {v}", "SELECT COUNT(*) FROM {t} WHERE {c} != '{v}'"),
    ("difference between the highest and lowest {nw}|range of {nw}", "SELECT MAX({n}) - MIN({n}) FROM {t}"),
    ("{p} with {nw} between {k} and {k2}|which {p} have {nw} from {k} to {k2}", "SELECT {x} FROM {t} WHERE {n} BETWEEN {k} AND {k2}"),
)  # fmt: skip
NAMES = [
    "Mira Bolt",
    "Atlas",
    "Priya Shah",
    "K-204",
    "Old Oak",
    "Tomas",
    "Blue Harbor",
    "Nina Falk",
    "Z9",
    "Golden Hour",
]
ANSWERS = ("#1", "It is #1.", "That is #1.", "The answer is #1.", "#1.", "The database says #1.")


@dataclass(frozen=True)
class Table:
    theme: tuple  # type: ignore[type-arg]
    numbers: tuple[str, ...]
    categories: dict[str, str]

    @property
    def columns(self) -> list[tuple[str, str]]:
        name, date = self.theme[2], self.theme[5]
        kinds = [("id", "INTEGER"), (name, "TEXT"), *((c, "TEXT") for c in self.categories)]
        return [*kinds, *((n, "REAL") for n in self.numbers), (date, "DATE")]


def _table(rng: random.Random) -> Table:
    theme = rng.choice(THEMES)
    numbers = theme[4].split()
    categories = dict(rng.sample(sorted(theme[3].items()), rng.randint(1, len(theme[3]))))
    return Table(theme, tuple(rng.sample(numbers, rng.randint(1, len(numbers)))), categories)


_SHORT = {"INTEGER": "int", "REAL": "real", "TEXT": "text", "DATE": "date"}
_FILES = "shop.db data.sqlite sales.duckdb records.db office.sqlite my.db warehouse.db club.db"


def words(table: Table, samples: bool) -> str:
    """One table as `mrkl.tools.sql_schema.Relation.words` writes it."""
    cells: list[str] = []
    for name, kind in table.columns:
        values = table.categories.get(name) if samples else None
        shown = f" ({', '.join(sorted(values.split()))})" if values else ""
        cells.append(f"{name} {_SHORT[kind]}{shown}")
    return f"{table.theme[0]}({', '.join(cells)})"


def card(tables: list[Table], rng: random.Random) -> Card:
    """The card as `mrkl.experts.database` prints it."""
    samples = rng.random() < 0.85
    schema = "; ".join(words(table, samples) for table in tables)
    names = ", ".join(table.theme[0] for table in tables)
    parameter = Parameter("query", "str", f"one SELECT over {schema}", copy=False)
    title = rng.choice(_FILES.split())
    return Card("database", f"Questions about the data in {title}: {names}.", (parameter,), "value")


def rows(rng: random.Random) -> Iterator[Row]:
    """Endless rows."""
    while True:
        tables = [_table(rng) for _ in range(rng.choice((1, 1, 2, 3)))]
        if len({t.theme[0] for t in tables}) < len(tables):
            continue
        table = rng.choice(tables)
        theme = table.theme
        category = rng.choice(sorted(table.categories))
        number = rng.choice(table.numbers)
        low = rng.randint(1, 900)
        fill = {
            "t": theme[0], "s": theme[1], "x": theme[2], "p": theme[0], "c": category, "n": number,
            "v": rng.choice(table.categories[category].split()), "d": theme[5], "k": low,
            "k2": low + rng.randint(2, 500), "j": rng.randint(2, 9), "y": rng.randint(1998, 2026),
            "z": rng.choice(NAMES), "l": rng.choice("ABCDEFGHKLMNPRSTW"),
            "cw": category.replace("_", " "), "nw": number.replace("_", " "),
            "xw": theme[2], "dw": theme[5].replace("_", " "),
        }  # fmt: skip
        forms, sql = rng.choice(FORMS)
        question = rng.choice(forms.split("|")).format(**fill)
        keep = tuple(str(fill[key]) for key in "vzkly" if str(fill[key]) in question)
        question = restyle(question, keep, rng)
        if rng.random() < 0.3:
            question += rng.choice(("?", " in the database", "?", " in our data"))
        call = f"query={render_argument(sql.format(**fill), 'str')}"
        value = round(rng.uniform(1, 900), 1) if "(" in sql else rng.choice(NAMES)
        steps = [StepText("@", "database", call)]
        made = render_row(
            question, [card(tables, rng)], steps, [(1, Result(value))], rng.choice(ANSWERS)
        )
        yield from_prompt(made, "sql", theme[0])
