"""Words of dates: months, weekdays, ordinals, and the one form phrases are brought to.

In: a lower-case phrase. Out: the same with number words as digits (`march the third` → `march the
3rd`), commas and filler gone. It decides nothing about what a phrase means.
"""

from __future__ import annotations

import re

from mrkl.tools.moments import MONTH_NAMES, WEEKDAY_NAMES
from mrkl.tools.number_vocabulary import MULTIPLES, ORDINALS
from mrkl.tools.number_words import find_numbers

_SHORT_DAYS = "mon tue tues wed weds thu thur thurs fri sat sun"
_MONTHS = {name.casefold(): index for index, name in enumerate(MONTH_NAMES, 1)}
_MONTH_FORMS: dict[str, int] = {
    **_MONTHS,
    **{name[:3]: index for name, index in _MONTHS.items()},
    "sept": 9,
    "febuary": 2,
    "feburary": 2,
    "septmber": 9,
    "decemeber": 12,  # as misspelt
}
_DAYS = {name.casefold(): index for index, name in enumerate(WEEKDAY_NAMES)}
_DAY_FORMS: dict[str, int] = {
    **_DAYS,
    **{short: [name[:3] for name in _DAYS].index(short[:3]) for short in _SHORT_DAYS.split()},
    "wensday": 2,
    "wednsday": 2,
    "thrusday": 3,
    "tuseday": 1,
    "saterday": 5,  # as misspelt
}


def _either(words: dict[str, int]) -> str:
    return "(?:" + "|".join(sorted(words, key=len, reverse=True)) + ")"


MONTH = _either(_MONTH_FORMS)
WEEKDAY = _either(_DAY_FORMS)
ORDINAL = r"(?:\d{1,4}(?:st|nd|rd|th)|last|final|penultimate|second last|2nd last|2nd to last)"


def month_number(word: str) -> int:
    """1 to 12 for a month's name or short form."""
    return _MONTH_FORMS[word]


def weekday_number(word: str) -> int:
    """0 for Monday to 6 for Sunday."""
    return _DAY_FORMS[word]


def ordinal_number(word: str) -> int:
    """`3rd` → 3; `last` → -1, `penultimate` → -2."""
    digits = re.match(r"\d+(?=st$|nd$|rd$|th$)", word)
    if digits:
        return int(digits[0])
    return -1 if word in ("last", "final") else -2


def normal_form(text: str) -> str:
    """Lower case, blanks single, number words as digits, ordinals as `3rd`, no commas."""
    text = re.sub(r"[\s,]+", " ", text.casefold().replace("’", "'")).strip(" .?!")
    text = re.sub(rf"\b({MONTH}|{WEEKDAY})\.(?=\s|$)", r"\1", text)
    text = re.sub(r"^(?:exactly|about|around|roughly|just)\s+", "", text)
    text = re.sub(r"^(?:on|at|the date of|the date|date of)\s+", "", text)
    text = re.sub(r"\bago today$", "ago", text)
    return " ".join(_digits(text).split())


def _digits(text: str) -> str:
    parts: list[str] = []
    at = 0
    for start, end, value in find_numbers(text, loose=True):
        word = re.split(r"[\s\-]", text[start:end])[-1]
        if value.denominator != 1 or word in MULTIPLES or text[start].isdigit() or value < 0:
            continue
        parts += [text[at:start], f"{value}{_suffix(int(value)) if word in ORDINALS else ''}"]
        at = end
    return "".join([*parts, text[at:]])


def _suffix(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
