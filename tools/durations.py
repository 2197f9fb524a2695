"""Durations of the calendar: `200 days`, `2 weeks and 3 days`, `an hour and a half`, `1.5 years`.

In: a phrase. Out: a `Duration` of months, days, business days and seconds kept apart, because a
month has no fixed length. `quarter` is three months, a fortnight two weeks, a night a day. What
cannot be read, or has no meaning (half a business day), raises ClockError.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from mrkl.tools.moments import ClockError
from mrkl.tools.number_words import find_numbers

_UNITS: dict[str, tuple[str, int]] = {
    "second": ("seconds", 1),
    "sec": ("seconds", 1),
    "s": ("seconds", 1),
    "minute": ("seconds", 60),
    "min": ("seconds", 60),
    "m": ("seconds", 60),
    "hour": ("seconds", 3600),
    "hr": ("seconds", 3600),
    "h": ("seconds", 3600),
    "day": ("days", 1),
    "d": ("days", 1),
    "night": ("days", 1),
    "sleep": ("days", 1),
    "week": ("days", 7),
    "wk": ("days", 7),
    "w": ("days", 7),
    "fortnight": ("days", 14),
    "month": ("months", 1),
    "mo": ("months", 1),
    "quarter": ("months", 3),
    "year": ("months", 12),
    "yr": ("months", 12),
    "y": ("months", 12),
    "decade": ("months", 120),
    "century": ("months", 1200),
    "centurie": ("months", 1200),
    "business day": ("business", 1),
    "working day": ("business", 1),
    "work day": ("business", 1),
    "workday": ("business", 1),
    "weekday": ("business", 1),
}
_LIMIT = 4_000_000  # days, more than the years 1 to 9999 have
_SIGN = re.compile(r"^\s*(?:-|−|minus\b|negative\b)\s*")
_ARTICLE = re.compile(r"^(?:an?|one|the)\s+(?=[a-z])(?!half|quarter|third|dozen|couple|hundred)")


@dataclass(frozen=True)
class Duration:
    """So many months, days, business days and seconds, to be added in that order."""

    months: int = 0
    days: int = 0
    business: int = 0
    seconds: Fraction = Fraction(0)

    def negated(self) -> Duration:
        """The same backwards."""
        return Duration(-self.months, -self.days, -self.business, -self.seconds)


def unit_kind(name: str) -> tuple[str, int] | None:
    """What a unit's name counts: ("days", 7) for `weeks`, or None."""
    folded = " ".join(name.casefold().replace("_", " ").replace("-", " ").split()).strip("' .")
    for form in (folded, folded.removesuffix("s").rstrip("'"), folded.removesuffix("s'")):
        if form in _UNITS:
            return _UNITS[form]
    return None


def read_duration(text: str, unit: str | None = None) -> Duration:
    """Read a duration; a bare number counts `unit`s. Raises ClockError."""
    shown = " ".join(text.split())
    if not shown or len(shown) > 200:
        raise ClockError("a duration is missing" if not shown else "the duration is too long")
    rest = shown.casefold()
    sign = _SIGN.match(rest)
    rest = _ARTICLE.sub("1 ", rest[sign.end() :] if sign else rest)
    # `3h12min`: letters between digits would hide the second number.
    rest = re.sub(r"(?<=\d)([a-z]+)(?=\d)", r" \1 ", rest)
    spans = find_numbers(rest)
    if not spans or rest[: spans[0][0]].strip():
        raise ClockError(f"{shown!r} is not a duration")
    totals = {"months": Fraction(0), "days": Fraction(0), "business": Fraction(0)}
    totals["seconds"] = Fraction(0)
    last: tuple[str, int] | None = None
    ends = [start for start, _, _ in spans[1:]] + [len(rest)]
    for (_, end, value), following in zip(spans, ends, strict=True):
        name = re.sub(
            r"^(?:of\s+)?(?:an?\s+)?|[\s,]*(?:\band|&)?[\s,]*$", "", rest[end:following].strip()
        )
        if name:
            last = unit_kind(name)
        elif last is None or not 0 < value < 1:  # `and a half` is of the unit before
            last = unit_kind(unit) if unit and len(spans) == 1 else None
        if last is None:
            raise ClockError(f"{shown!r} is not a duration I can read")
        totals[last[0]] += Fraction(value) * last[1]
    duration = _settle(totals, shown)
    return duration.negated() if sign else duration


def _settle(totals: dict[str, Fraction], shown: str) -> Duration:
    """Whole months, days and business days; parts of a day become seconds."""
    if totals["months"].denominator != 1 or totals["business"].denominator != 1:
        raise ClockError(f"{shown!r} has no fixed length")
    days = int(totals["days"])
    seconds = totals["seconds"] + (totals["days"] - days) * 86_400
    size = abs(totals["months"]) * 31 + abs(days) + abs(totals["business"]) * 2
    if size > _LIMIT or abs(seconds) / 86_400 > _LIMIT:
        raise ClockError(f"{shown!r} is longer than the calendar")
    return Duration(int(totals["months"]), days, int(totals["business"]), seconds)
