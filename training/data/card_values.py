"""New values for the questions of a card: dates, spans of time, lengths, heads, lists, texts.

In: a question, a value that stands in it, a random generator. Out: the question with another value
and what the call then says: a copied date phrase, arithmetic over the question's numbers
(`1*60+52`, `2+1`), a list, a text. None where the value cannot be found or has no other form.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import date, timedelta

from training.data import words
from training.data.moments import MONTHS, SHORT, typed_date
from training.data.numbers_as_words import in_words, ordinal

_PLAIN = re.compile(r"\d+(?:\.\d+)?")


def redated(question: str, iso: str, rng: random.Random) -> tuple[str, str] | None:
    """The question with another day and its phrase as typed; None if the day is not found."""
    try:
        day = date.fromisoformat(iso)
    except ValueError:
        return None
    for phrase in sorted(_phrases(day), key=len, reverse=True):
        match = re.search(rf"(?<![\w]){re.escape(phrase)}(?!\w)", question, re.IGNORECASE)
        if match is None:
            continue
        if rng.random() < 0.15:
            return question, match[0]
        typed = typed_date(day + timedelta(days=rng.randint(-900, 900)), rng)
        if match[0].islower() and rng.random() < 0.7:
            typed = typed.lower()
        return question[: match.start()] + typed + question[match.end() :], typed
    return None


def _phrases(day: date) -> set[str]:
    d, y = day.day, day.year
    out = {day.isoformat(), f"{d}/{day.month}/{y}", f"{d}.{day.month}.{y}"}
    out |= {f"{d:02d}.{day.month:02d}.{y}", f"{d:02d}/{day.month:02d}/{y}"}
    for month in (MONTHS[day.month - 1], SHORT[day.month - 1]):
        out |= {f"{d} {month} {y}", f"{month} {d}, {y}", f"{month} {d} {y}", f"{d} {month}, {y}"}
        out |= {f"{ordinal(d)} {month} {y}", f"{month} {ordinal(d)} {y}"}
        out |= {f"{ordinal(d)} of {month} {y}", f"{month} {ordinal(d)}, {y}", f"{d} of {month} {y}"}
    return out


Form = tuple[str, str]  # as typed, as the call writes it


def _minutes(rng: random.Random) -> Form:
    hours, rest = rng.randint(1, 9), rng.choice((5, 10, 12, 15, 20, 25, 30, 40, 45, 50, 55))
    name = "hour" if hours == 1 else "hours"
    both = f"{hours}*60+{rest}"
    half = f"{in_words(hours)} and a half hours" if hours > 1 else "an hour and a half"
    return rng.choice(
        (
            (f"{hours}h{rest:02d}", f"{hours}*60+{rest}"), (f"{hours} {name} {rest} minutes", both),
            (f"{hours}h {rest}m", both), (f"{hours} {name} and {rest} min", both),
            (half, f"{hours}.5*60"), (f"{hours} {name}", f"{hours}*60"),
            ("half an hour", "0.5*60"), ("three quarters of an hour", "0.75*60"),
            (f"{hours}.5 h", f"{hours}.5*60"), (f"{hours} hr {rest}", both),
        )
    )  # fmt: skip


def _seconds(rng: random.Random) -> Form:
    minutes, rest = rng.randint(1, 20), rng.randint(2, 58)
    name = "minute" if minutes == 1 else "minutes"
    both = f"{minutes}*60+{rest}"
    return rng.choice(
        (
            (f"{minutes} {name} {rest} seconds", both), (f"{minutes} min {rest} s", both),
            (f"{minutes}m{rest:02d}s", both), (f"{minutes} {name}", f"{minutes}*60"),
            (f"{minutes}'{rest:02d}", both), ("half a minute", "0.5*60"),
        )
    )  # fmt: skip


def _hours(rng: random.Random) -> Form:
    days, hours = rng.randint(2, 9), rng.randint(2, 11)
    return rng.choice(
        (
            (f"{days} days", f"{days}*24"), (f"{in_words(days)} days", f"{days}*24"),
            (f"{in_words(hours)} and a half hours", f"{hours}.5"), ("a week", "7*24"),
            (f"{hours} hours 30 minutes", f"{hours}+30/60"), ("a day and a half", "1.5*24"),
            (f"{hours * 10} minutes", f"{hours * 10}/60"), ("half an hour", "0.5"),
        )
    )  # fmt: skip


def _days(rng: random.Random) -> Form:
    weeks = rng.randint(2, 12)
    return rng.choice(
        (
            (f"{weeks} weeks", f"{weeks}*7"), (f"{in_words(weeks)} weeks", f"{weeks}*7"),
            ("a fortnight", "14"), ("a week", "7"), (f"{weeks} weeks and 3 days", f"{weeks}*7+3"),
        )
    )  # fmt: skip


def _months(rng: random.Random) -> Form:
    years = rng.randint(2, 30)
    return rng.choice(
        (
            (f"{years} years", f"{years}*12"), (f"{in_words(years)} years", f"{years}*12"),
            ("a year and a half", "1.5*12"), ("a year", "12"), ("half a year", "6"),
            (f"{years} years and 6 months", f"{years}*12+6"),
        )
    )  # fmt: skip


def _centimetres(rng: random.Random) -> Form:
    metres, rest = rng.randint(1, 3), rng.randint(2, 98)
    return rng.choice(
        (
            (f"{metres} m {rest:02d}", f"{metres}*100+{rest}"),
            (f"{metres}.{rest:02d} m", f"{metres}.{rest:02d}*100"),
            (f"{metres}.{rest:02d} metres", f"{metres}.{rest:02d}*100"),
            (f"{metres} meters", f"{metres}*100"), (f"{rest}0 mm", f"{rest}0/10"),
        )
    )  # fmt: skip


def _metres(rng: random.Random) -> Form:
    n = rng.randint(20, 950)
    return rng.choice(
        (
            (f"{n} cm", f"{n}/100"), (f"{n / 100:g} km", f"{n / 100:g}*1000"),
            (f"{n} centimetres", f"{n}/100"), (f"{n} mm", f"{n}/1000"),
        )
    )  # fmt: skip


def _kilometres(rng: random.Random) -> Form:
    n = rng.randint(2, 99) * 100
    return rng.choice(
        ((f"{n} m", f"{n}/1000"), (f"{n} metres", f"{n}/1000"), (f"{n:,} meters", f"{n}/1000"))
    )


def _kilograms(rng: random.Random) -> Form:
    n = rng.randint(2, 99)
    return rng.choice(
        (
            (f"{n}0 g", f"{n}0/1000"), (f"{n}00 grams", f"{n}00/1000"),
            (f"{n} tonnes", f"{n}*1000"), (f"{n / 10:g} tonnes", f"{n / 10:g}*1000"),
        )
    )  # fmt: skip


def _grams(rng: random.Random) -> Form:
    n = rng.randint(2, 60) / 10
    return rng.choice(((f"{n:g} kg", f"{n:g}*1000"), (f"{n:g} kilos", f"{n:g}*1000")))


def _people(rng: random.Random) -> Form:
    n, k = rng.randint(2, 9), rng.randint(2, 9)
    number = rng.choice((str(n), in_words(n)))
    return rng.choice(
        (
            (f"me and {number} friends", f"{n}+1"), (f"{number} mates and me", f"{n}+1"),
            (f"my wife, {number} kids and me", f"{n}+2"), (f"the {number} of us", str(n)),
            (f"{number} adults and {k} children", f"{n}+{k}"), (f"{n} couples", f"{n}*2"),
            (f"us {number} plus {in_words(k)} guests", f"{n}+{k}"), ("a dozen people", "12"),
            (f"{number} women and {k} men", f"{n}+{k}"), (f"a table of {number}", str(n)),
        )
    )  # fmt: skip


_UNITS: tuple[tuple[str, str, Callable[[random.Random], Form]], ...] = (
    # what follows the number, a whole-number parameter allows it, other ways to say it
    (r"[ -]?(minutes|mins|min)\b", "minut|_min\\b|^min", _minutes),
    (r"[ -]?(seconds|secs|sec|s)\b", "second|_s\\b|sec", _seconds),
    (r"[ -]?(hours|hrs|h)\b", "hour|_h\\b", _hours),
    (r"[ -]?days\b", "day", _days),
    (r"[ -]?months\b", "month", _months),
    (r" ?(cm|centimetres|centimeters)\b", "cm|centi", _centimetres),
    (r" ?(m|metres|meters)\b", "_m\\b|metre|meter|^m$|height|length|width", _metres),
    (r" ?(km|kilometres|kilometers)\b", "km|kilomet", _kilometres),
    (r" ?(kg|kilos|kilograms)\b", "kg|kilo", _kilograms),
    (r" ?(g|grams)\b", "gram|_g\\b|^g$", _grams),
    (r" (people|persons|guests|of us|diners|friends)\b", "people|person|guest|head|diner", _people),
)


def converted(
    after: str, parameter: str, whole: bool, rng: random.Random
) -> tuple[str, str, str] | None:
    """(typed, the call's arithmetic, what follows) for a number whose unit follows it."""
    for follows, named, make in _UNITS:
        match = re.match(follows, after, re.IGNORECASE)
        if match is None or not re.search(named, parameter, re.IGNORECASE):
            continue
        typed, value = make(rng)
        if whole and ("/" in value or "." in value):
            return None
        return typed, value, after[match.end() :]
    return None


def relisted(
    question: str, values: list[float], rng: random.Random
) -> tuple[str, list[float]] | None:
    """Other numbers in a list whose members all stand in the question, in its order."""
    places: list[tuple[int, int]] = []
    at = 0
    for value in values:
        shown = str(int(value)) if float(value).is_integer() else str(value)
        match = re.compile(rf"(?<![\w.]){re.escape(shown)}(?![\w]|\.\d)").search(question, at)
        if match is None:
            return None
        places.append(match.span())
        at = match.end()
    new: list[float] = []
    for value in values:
        low, high = min(1.0, value * 0.4), max(5.0, value * 1.9)
        fine = not float(value).is_integer()
        new.append(round(rng.uniform(low, high), 1) if fine else rng.randint(1, int(high)))
    for (start, end), value in zip(reversed(places), reversed(new), strict=True):
        question = question[:start] + str(value) + question[end:]
    return question, new


def retold(value: str, rng: random.Random) -> str:
    """A text of the same kind: a name for a name, a sentence for a sentence, a word for a word."""
    parts = value.split()
    if len(parts) > 3:
        text = rng.choice(words.SENTENCES)
        if rng.random() < 0.4:
            text = f"{text} and {rng.choice(words.SENTENCES)}"
    elif value[:1].isupper():
        pool = words.PERSONS if len(parts) == 1 else words.TOPICS
        text = rng.choice((*pool, *words.TIME_CITIES))
    elif len(parts) == 1:
        text = rng.choice(words.WORDS + words.SINGLE_ITEMS + words.ANIMALS)
    else:
        text = f"{rng.choice(words.WORDS)} {rng.choice(words.ITEMS)}"
    return (
        text.lower()
        if value.islower()
        else text[:1].upper() + text[1:]
        if value[:1].isupper()
        else text
    )
