"""A moment as a phrase names it: a day, perhaps a time, a zone, the period it opens.

`Moment` is what the readers of dates pass around; `make_date` builds a date or says in one line why
there is none (`February 2025 has 28 days, not 30`). Years run from 1 to 9999. It reads no text.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo

from mrkl.tools.time_zones import Zone

MONTH_NAMES = tuple(calendar.month_name)[1:]
WEEKDAY_NAMES = tuple(calendar.day_name)


class ClockError(ValueError):
    """A date, time or duration that cannot be read or does not exist; one clear line."""


@dataclass(frozen=True)
class Moment:
    """A day with what was said about it.

    `time` is None for a whole day. `end` is the last day of the period named (a month, a year), or
    None for one day. `dated` is False where only a time was said. `yearless`: the year was filled
    in. `note` tells of a choice made in reading.
    """

    day: date
    time: time | None = None
    zone: Zone | None = None
    end: date | None = None
    dated: bool = True
    yearless: bool = False
    note: str = ""

    def noted(self, note: str) -> Moment:
        """The same with a further note."""
        return replace(self, note="; ".join(part for part in (self.note, note) if part))

    def naive(self) -> datetime:
        """The local date and time, midnight for a whole day."""
        return datetime.combine(self.day, self.time or time())

    def local(self, zone: tzinfo) -> datetime:
        """The aware date and time: in its own zone, or else in the one given."""
        return self.naive().replace(tzinfo=self.zone.tz if self.zone else zone)


def make_date(year: int, month: int, day: int) -> date:
    """The date, or ClockError saying what is wrong with it."""
    if not 1 <= year <= 9999:
        raise ClockError(f"the year {year} is outside 1 to 9999")
    if not 1 <= month <= 12:
        raise ClockError(f"there is no month {month}: a year has 12")
    days = calendar.monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise ClockError(f"{MONTH_NAMES[month - 1]} {year} has {days} days, not {day}")
    return date(year, month, day)


def month_period(year: int, month: int) -> Moment:
    """The whole month."""
    first = make_date(year, month, 1)
    return Moment(first, end=first.replace(day=calendar.monthrange(year, month)[1]))


def year_period(year: int) -> Moment:
    """The whole year."""
    return Moment(make_date(year, 1, 1), end=make_date(year, 12, 31))


def week_period(day: date) -> Moment:
    """The week from Monday to Sunday that the day is in."""
    monday = add_days(day, -day.weekday())
    return Moment(monday, end=add_days(monday, 6))


def add_days(day: date, days: int) -> date:
    """The day so many days later; ClockError outside the years 1 to 9999."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise ClockError("that is outside the years 1 to 9999") from None


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last day where it is shorter."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not 1 <= year <= 9999:
        raise ClockError("that is outside the years 1 to 9999")
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def date_text(day: date) -> str:
    """`Saturday, 31 March 2026`."""
    return f"{WEEKDAY_NAMES[day.weekday()]}, {day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def time_text(moment: time | datetime) -> str:
    """`14:00`, with seconds where there are any."""
    return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
