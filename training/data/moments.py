"""Dates, clock times and durations as people type them.

In: a random generator. Out: typed text with the moment it means. Dates lie between 1900 and 2060;
relative ones ("next friday") are typed only, since their meaning depends on the clock.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

from training.data.numbers_as_words import in_words, ordinal

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
SHORT = [m[:3] for m in MONTHS]
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
RELATIVE = (
    "today", "tomorrow", "yesterday", "next friday", "next monday", "last tuesday", "next week",
    "the day after tomorrow", "this saturday", "next sunday", "christmas", "new year's day",
)  # fmt: skip
TODAY = date(2026, 6, 1)  # only to tell past from future; plans never depend on it


def typed_date(day: date, rng: random.Random) -> str:
    """One of two dozen ways to write a day with its year; sometimes without the year."""
    d, m, y = day.day, MONTHS[day.month - 1], day.year
    s = SHORT[day.month - 1]
    forms = (
        f"{d} {m} {y}", f"{m} {d}, {y}", f"{m} {d} {y}", day.isoformat(), f"{d} {s} {y}",
        f"{s} {d} {y}", f"{ordinal(d)} {m} {y}", f"{ordinal(d)} of {m} {y}", f"{m} {ordinal(d)}, {y}",
        f"the {ordinal(d)} of {m} {y}", f"{d}/{day.month}/{y}", f"{d}.{day.month}.{y}",
        f"{s} {ordinal(d)} {y}", f"{day.month}/{d}/{y}", f"{d:02d}.{day.month:02d}.{y}",
        f"{m} {d}", f"{d} {m}", f"{s} {ordinal(d)}", f"{ordinal(d)} of {m}", f"{m} the {ordinal(d)}",
        f"{d:02d}-{s}-{y}", f"{d} {m}, {y}",
    )  # fmt: skip
    return rng.choices(forms, (9, 9, 6, 8, 6, 5, 5, 4, 5, 2, 3, 3, 2, 2, 1, 3, 3, 2, 1, 1, 1, 1))[0]


def random_date(rng: random.Random, when: str = "any") -> date:
    """A day: `past` (within the last 60 years), `rate`, `birth`, `future` (within 4 years) or any."""
    if when == "past":
        return TODAY - timedelta(days=int(rng.triangular(20, 22000, 900)))
    if when == "rate":  # the European Central Bank's rates begin in 1999
        return date(1999, 2, 1) + timedelta(days=rng.randint(0, 9900))
    if when == "birth":
        return TODAY - timedelta(days=rng.randint(400, 32000))
    if when == "future":
        return TODAY + timedelta(days=int(rng.triangular(5, 1500, 100)))
    return TODAY + timedelta(days=int(rng.gauss(-200, 1500)))


def typed_time(rng: random.Random) -> tuple[str, int]:
    """A clock time and its minutes after midnight."""
    hour, minute = rng.randint(0, 23), rng.choice((0, 0, 0, 30, 30, 15, 45, rng.randint(1, 59)))
    half = "am" if hour < 12 else "pm"
    twelve = hour % 12 or 12
    forms = [
        f"{hour}:{minute:02d}", f"{hour:02d}:{minute:02d}", f"{twelve}:{minute:02d} {half}",
        f"{twelve}:{minute:02d}{half}", f"{twelve}:{minute:02d} {half.upper()}",
    ]  # fmt: skip
    if minute == 0:
        forms += [f"{twelve}{half}", f"{twelve} {half}", f"{twelve} {half.upper()}"] * 2
        forms += ["noon"] if hour == 12 else ["midnight"] if hour == 0 else []
    elif minute == 30:
        forms.append(f"half past {in_words(twelve)}")
    return rng.choice(forms), hour * 60 + minute


def typed_duration(rng: random.Random) -> tuple[str, str, float]:
    """(as typed, as the plan writes it, minutes)."""
    roll = rng.random()
    hours, minutes = rng.randint(1, 14), rng.choice((5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 52))
    if roll < 0.3:
        n = rng.choice((minutes, 90, 75, 105, 120, 150, rng.randint(3, 200)))
        return f"{n} {rng.choice(('minutes', 'min', 'mins', 'minutes'))}", f"{n} minutes", n
    if roll < 0.5:
        word = str(hours) if rng.random() < 0.7 else in_words(hours)
        name = "hour" if hours == 1 else "hours"
        unit = rng.choice((name, name, "hrs" if hours > 1 else "hr", "h"))
        return f"{word} {unit}", f"{hours} {name}", hours * 60
    if roll < 0.6:
        if hours == 1:
            return "an hour and a half", "1.5 hours", 90
        return f"{in_words(hours)} and a half hours", f"{hours}.5 hours", hours * 60 + 30
    total = hours * 60 + minutes
    name = "hour" if hours == 1 else "hours"
    plan = f"{hours} {name} {minutes} minutes"
    forms = (
        f"{hours}h{minutes:02d}", f"{hours}h {minutes}m", f"{hours} {name} {minutes} minutes",
        f"{hours} {name} and {minutes} minutes", f"{hours} hr {minutes} min",
        f"{hours} {'hrs' if hours > 1 else 'hr'} {minutes}", f"{hours}h {minutes}min",
    )  # fmt: skip
    return rng.choice(forms), plan, total
