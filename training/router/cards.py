"""The built-in experts' cards in several wordings, so that the router reads rather than learns
one text by heart. Also questions for the two experts without phrasings: encyclopedia and
database. Names and parameters follow docs/contracts.md; the shipped cards live in experts/.
"""

import random
from typing import TypedDict


class CardWords(TypedDict):
    parameters: str
    descriptions: list[str]


BUILTIN_CARDS: dict[str, CardWords] = {
    "calculator": {
        "parameters": "expression",
        "descriptions": [
            (
                "Exact arithmetic with numbers: sums, differences, products, quotients, percentages, "
                "powers, roots, factorials, averages, rounding, comparisons."
            ),
            (
                "Evaluates an arithmetic expression exactly. Add, subtract, multiply, divide, percent, "
                "square root, mean, median, gcd, primes, logarithms; says which number is larger."
            ),
            (
                "Calculates: word problems about amounts, prices and counts, the result of one "
                "computation from known numbers or earlier results."
            ),
            "Works out a number from numbers (+ - * / ^ %, sqrt, min, max, mod, isprime).",
        ],
    },
    "algebra": {
        "parameters": "task (solve, simplify, expand, factor, derivative, integral, limit, "
        "minimum, maximum), expression, variable",
        "descriptions": [
            (
                "Symbolic algebra and calculus: solve equations and systems, simplify, expand, factor, "
                "differentiate, integrate, limits, minima and maxima."
            ),
            "Solves equations for an unknown and manipulates formulas with variables.",
            (
                "Symbolic mathematics with a variable such as x: roots, derivatives, integrals, "
                "factorisation."
            ),
        ],
    },
    "units": {
        "parameters": "quantity, to (unit)",
        "descriptions": [
            (
                "Convert a quantity from one unit of measure to another: length, mass, volume, "
                "temperature, speed, area, time, energy, data, pressure."
            ),
            (
                "Unit conversion, such as miles to kilometres, pounds to kilograms, Fahrenheit to "
                "Celsius, cups to millilitres."
            ),
            "Expresses a measured amount in another unit.",
        ],
    },
    "calendar": {
        "parameters": "task (add, subtract, difference, weekday, age, now, convert timezone, "
        "holiday, leap year, week number), date, end, duration, unit, place, name",
        "descriptions": [
            (
                "Dates and times: days between dates, a date plus or minus a duration, weekday, age, "
                "the time now, time zones, public holidays, leap years, week numbers."
            ),
            (
                "Calendar and clock. What day, date or time it is, will be or was; how long until or "
                "since; what time it is in another city."
            ),
            "Computes with dates, clock times and time zones; knows today and the holidays.",
        ],
    },
    "knowledge": {
        "parameters": "attribute, entity, kind (country, city, element, planet), order, n, rank, "
        "where",
        "descriptions": [
            (
                "Facts about countries, cities, chemical elements and planets: population, area, "
                "capital, continent, language, currency, atomic number, density, mass, radius, moons."
            ),
            "Looks up, compares, ranks, counts and filters countries, cities, elements, planets.",
            (
                "Geography, chemistry and astronomy facts: the largest country, the capital of Peru, "
                "the symbol of iron, the melting point of gold, the moons of Mars."
            ),
        ],
    },
    "currency": {
        "parameters": "amount, source, target, date",
        "descriptions": [
            "Convert an amount of money between currencies with the European Central Bank's rates.",
            "Exchange rates: dollars, euros, pounds, yen and other currencies, today or on a date.",
            "What an amount in one currency is worth in another.",
        ],
    },
    "weather": {
        "parameters": "place, day, field (temperature, high, low, rain, snow, wind, humidity, "
        "sunrise, sunset)",
        "descriptions": [
            (
                "Weather forecast for a place: temperature, rain, snow, wind, humidity, sunrise, "
                "sunset, today or in the next days."
            ),
            "Current weather and forecast for a city or town.",
            "Will it rain, how warm, how windy: the forecast at a place on a day.",
        ],
    },
    "encyclopedia": {
        "parameters": "topic",
        "descriptions": [
            "A short encyclopedia summary about a person, place, thing, event or idea.",
            "Looks up a topic in Wikipedia and gives the first paragraph.",
            "Who somebody was, what something is, background about a subject.",
        ],
    },
    "database": {
        "parameters": "query",
        "descriptions": [
            "Answers questions from a SQL database with the tables {tables}.",
            "Query a database. Tables: {tables}.",
            "One SELECT statement over {tables}.",
        ],
    },
}

_TABLES = {
    "customers(id, name, city, country, email)": ["customers", "clients from {city}"],
    "orders(id, customer_id, date, total, status)": ["orders", "orders over 50 dollars"],
    "products(id, name, category, price, stock)": ["products", "products in stock"],
    "employees(id, name, department, salary, hired)": ["employees", "staff in marketing"],
    "invoices(id, due, amount, paid)": ["unpaid invoices", "invoices"],
    "tracks(id, title, album_id, genre, seconds)": ["tracks", "jazz tracks"],
    "albums(id, title, artist, year)": ["albums", "albums by each artist"],
    "students(id, name, grade, class)": ["students", "students in class 3"],
    "rentals(id, film_id, rented, returned)": ["rentals", "films rented last month"],
    "flights(id, origin, destination, delay)": ["flights", "delayed flights"],
    "patients(id, name, born, ward)": ["patients", "patients in ward B"],
    "trees(id, species, height, planted)": ["trees", "oaks we planted"],
}
_ASK_TABLE = [
    "how many {} are there",
    "list all {}",
    "show me the {} from last year",
    "average per month of {}",
    "number of {}",
    "which of our {} has the highest value",
    "top 5 {}",
    "total of all {} in march",
    "when was the latest of the {} added",
    "names of {} sorted by date",
    "sum over {} by city",
    "what share of {} is open",
    "how many {} do we have in the database",
    "who has the most {}",
]
_ASK_TOPIC = [
    "who was {}",
    "what is {}",
    "tell me about {}",
    "summary of {}",
    "give me some background on {}",
    "{}",
    "what does {} mean",
    "explain {} briefly",
    "wikipedia {}",
    "who is {}",
    "history of {}",
    "I keep hearing about {}, what is that",
    "describe {}",
    "what's known about {}",
    "define {}",
    "what are {}",
    "wat is {}",
    "Please give a short introduction to {}.",
    "look up {}",
    "info on {} pls",
]


def encyclopedia_questions(topics: list[str], count: int, rng: random.Random) -> list[str]:
    """`count` questions about topics drawn from `topics`."""
    return [rng.choice(_ASK_TOPIC).format(rng.choice(topics)) for _ in range(count)]


def database_cards(count: int, rng: random.Random) -> list[tuple[str, list[str]]]:
    """(tables as a card prints them, questions they answer) for invented databases."""
    cards: list[tuple[str, list[str]]] = []
    for _ in range(count):
        tables = rng.sample(sorted(_TABLES), rng.randint(1, 4))
        questions = [
            rng.choice(_ASK_TABLE).format(rng.choice(_TABLES[table]).format(city="Oslo"))
            for table in tables
            for _ in range(3)
        ]
        cards.append((", ".join(tables), questions))
    return cards
