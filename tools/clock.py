"""The calendar's questions, one function each, answered against a fixed present moment.

In: phrases (`3 march 2024`, `200 days`, `tokyo`, `thanksgiving`) and now, an aware datetime in the
user's zone. Out: an `Answer` with value, text and unit. A choice made in reading (month first, the
first of two 02:30s) is said in the text. Whatever cannot be read or does not exist raises
ClockError with one clear line. It knows the Gregorian calendar only.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

from mrkl.tools.clock_spans import Answer, difference, existing, shift, with_notes
from mrkl.tools.date_phrases import read_moment
from mrkl.tools.durations import read_duration
from mrkl.tools.holiday_names import (
    Holiday,
    find_anywhere,
    find_holiday,
    has_calendar,
    holidays_on,
    public_holidays,
)
from mrkl.tools.moments import (
    MONTH_NAMES,
    WEEKDAY_NAMES,
    ClockError,
    Moment,
    add_days,
    date_text,
    time_text,
)
from mrkl.tools.time_zones import (
    Zone,
    ZoneError,
    city_country,
    country_code,
    country_name,
    find_zone,
)

__all__ = ["Answer", "ClockError"]


def add(
    date: str | None,
    duration: str,
    now: datetime,
    *,
    unit: str | None = None,
    place: str | None = None,
    backwards: bool = False,
) -> Answer:
    """The date or time a duration after (or before) a date; `business days` mind the holidays of
    a country given as place."""
    length = read_duration(duration, unit)
    zone = _zone(place)
    country = _country(place) if place and length.business else None
    base = "now" if date is None and length.seconds else date or "today"
    moment = _local_now(read_moment(base, _at(now, zone)), zone)
    return shift(moment, length.negated() if backwards else length, now, zone, country)


def between(
    date: str | None,
    end: str | None,
    now: datetime,
    *,
    unit: str | None = None,
    place: str | None = None,
) -> Answer:
    """How long from one date or time to another; today stands for one that is missing.

    A month or year alone is measured itself: `february 2028` has 29 days.
    """
    zone = _zone(place)
    present = _at(now, zone)
    business = unit is not None and re.search("business|work|weekday", unit.casefold())
    country = _country(place) if place and business else None
    first = read_moment(date or "today", present)
    if end is None and date is not None and first.end is not None and first.time is None:
        last = Moment(add_days(first.end, 1))
        return difference(replace(first, yearless=False), last, unit, now, zone, country)
    last = read_moment(end or "today", present)
    return difference(first, last, unit, present, zone, country)


def weekday(date: str | None, now: datetime) -> Answer:
    """The weekday's name; of a month or year, that of its first day."""
    moment = read_moment(date or "today", now)
    name = WEEKDAY_NAMES[moment.day.weekday()]
    return Answer(name, with_notes(name, moment.note))


def age(date: str, end: str | None, now: datetime, *, unit: str | None = None) -> Answer:
    """Completed years of life on a day (today if none), or months, weeks, days by unit.

    Someone born on 29 February has a birthday on 1 March in other years.
    """
    born, on = read_moment(date, now), read_moment(end or "today", now)
    if born.day > on.day:
        raise ClockError(f"{date_text(born.day)} is after {date_text(on.day)}: not born yet")
    if unit and unit.strip().casefold() not in ("years", "year"):
        return difference(born, on, unit, now, None, None)
    years = on.day.year - born.day.year
    if born.end is not None and born.day.month == 1 and born.end.month == 12:
        text = f"{years - 1} or {years}" if on.end is None else str(years)
        return Answer(years, with_notes(text, f"turns {years} in {on.day.year}"), "years")
    if (on.day.month, on.day.day) < (born.day.month, born.day.day):
        years -= 1
    text = f"{years} {'year' if years == 1 else 'years'}"
    return Answer(years, with_notes(text, born.note, on.note), "years")


def current(now: datetime, *, unit: str | None = None, place: str | None = None) -> Answer:
    """Now: the time, date, weekday, year, month, week or all, here or in a place."""
    zone = _zone(place)
    here = _at(now, zone)
    where = f" in {zone.name}" if zone else ""
    note = zone.note if zone else ""
    naive = here.replace(tzinfo=None, second=0, microsecond=0)
    day = naive.date()
    match (unit or "").strip().casefold().replace("_", " "):
        case "time" | "clock" | "hour" | "minutes" | "hours":
            return Answer(naive, with_notes(f"{time_text(naive)}{where}", note))
        case "date" | "today" | "day of month" | "days":
            return Answer(day, with_notes(date_text(day), note))
        case "weekday" | "day" | "day of week" | "day of the week":
            name = WEEKDAY_NAMES[day.weekday()]
            return Answer(name, with_notes(name, note))
        case "year" | "years":
            return Answer(day.year, str(day.year))
        case "month" | "months":
            return Answer(MONTH_NAMES[day.month - 1], MONTH_NAMES[day.month - 1])
        case "week" | "week number" | "weeks":
            return week_number(day.isoformat(), now)
        case "timezone" | "time zone" | "offset" | "utc offset":
            text = _offset_text(here)
            return Answer(text, with_notes(text, note))
        case "" | "datetime" | "date and time" | "time and date" | "now":
            return Answer(naive, with_notes(f"{time_text(naive)}{where}, {date_text(day)}", note))
        case other:
            raise ClockError(f"{other!r} is nothing the clock shows: time, date, weekday or year")


def convert_timezone(date: str | None, place: str | None, to: str | None, now: datetime) -> Answer:
    """A time in one place as the time in another; the user's zone stands for a missing place."""
    target = _zone(to)
    source = _zone(place)
    moment = _local_now(read_moment(date or "now", _at(now, source)), source)
    if moment.time is None:
        raise ClockError(f"{date!r} says no time of day to convert")
    if moment.zone is not None and source is None:
        source = moment.zone
    here: tzinfo = source.tz if source else now.tzinfo or UTC
    start = existing(moment.naive(), here, source.name if source else "")
    twice = start.utcoffset() != start.replace(fold=1).utcoffset()
    fold = "that time comes twice, the first is meant" if twice else ""
    try:
        end = start.astimezone(target.tz if target else now.tzinfo)
    except OverflowError:
        raise ClockError("that is outside the years 1 to 9999") from None
    value = end.replace(tzinfo=None)
    text = time_text(value) + (f" in {target.name}" if target else "")
    if moment.dated or value.date() != moment.day:
        text += f" on {date_text(value)}"
    notes = (moment.note, source.note if source else "", target.note if target else "", fold)
    return Answer(value, with_notes(text, *notes))


def holiday(name: str | None, place: str | None, date: str | None, now: datetime) -> Answer:
    """When a holiday is, whether a day is one, or a country's holidays of a year."""
    moment = read_moment(date, now) if date else None
    if not name:
        if not place:
            raise ClockError("which holiday, or in which country?")
        return _holidays_in(_country(place), moment, now)
    wanted, country = _named_country(name)
    country = _country(place) if place else country
    if country and not has_calendar(country):
        raise ClockError(f"I know no public holidays of {country_name(country)}")
    year = moment.day.year if moment else now.year
    found = _holiday_in(wanted, country, year)
    if found and moment is None and found.day < now.date():
        found = _holiday_in(wanted, country, year + 1) or found
    if found is None:
        where = f" of {country_name(country)}" if country else ""
        raise ClockError(f"{wanted!r} is not a holiday{where} that I know in {year}")
    kept = "" if country is None else country_name(found.country)
    note = f"{found.name}, {kept}" if kept else found.name
    return Answer(found.day, with_notes(date_text(found.day), note))


def leap_year(date: str | None, now: datetime) -> Answer:
    """Whether the year, or the year of a date, is a leap year."""
    year = read_moment(_bare_year(date) if date else "today", now).day.year
    leap = calendar.isleap(year)
    return Answer(leap, f"{'yes' if leap else 'no'}, {year} has {366 if leap else 365} days")


def week_number(date: str | None, now: datetime) -> Answer:
    """The ISO week, which starts on Monday and belongs to the year of its Thursday."""
    moment = read_moment(date or "today", now)
    year, week, _ = moment.day.isocalendar()
    note = f"of {year}" if year != moment.day.year else ""
    return Answer(week, with_notes(f"week {week}", moment.note, note))


def date_of(date: str, now: datetime) -> Answer:
    """The date or time a phrase means."""
    moment = read_moment(date, now)
    if moment.time is not None:
        value = moment.naive()
        return Answer(value, with_notes(f"{time_text(value)}, {date_text(value)}", moment.note))
    text = date_text(moment.day)
    if moment.end is not None and moment.end.day != moment.day.day:
        text += f" to {date_text(moment.end)}" if moment.day.day == 1 else ""
    return Answer(moment.day, with_notes(text, moment.note))


def _zone(place: str | None) -> Zone | None:
    if not place:
        return None
    try:
        return find_zone(place)
    except ZoneError as error:
        raise ClockError(str(error)) from None


def _country(place: str) -> str:
    code = country_code(place) or city_country(place)
    if code is None:
        raise ClockError(f"{place!r} is not a country I know")
    return code


def _at(now: datetime, zone: Zone | None) -> datetime:
    return now.astimezone(zone.tz) if zone else now


def _local_now(moment: Moment, zone: Zone | None) -> Moment:
    """A moment said with its own zone (`3pm EST`) keeps it unless a place is given too."""
    return replace(moment, zone=None) if zone else moment


def _offset_text(moment: datetime) -> str:
    text = moment.strftime("%z")
    return f"UTC{text[:3]}:{text[3:5]}" if text else "UTC"


def _bare_year(text: str) -> str:
    """A year by itself: `1900`, but also `4`."""
    bare = text.strip()
    return f"year {bare}" if bare.isdigit() and len(bare) < 4 else bare


def _named_country(name: str) -> tuple[str, str | None]:
    """A country said with the holiday: `labor day usa`, `us thanksgiving`, `labour day in india`."""
    words = name.replace(",", " ").split()
    for count in (3, 2, 1):
        if len(words) > count:
            tail = country_code(" ".join(words[-count:]))
            if tail and len(words[-1]) > 1:
                rest = " ".join(words[:-count])
                return re.sub(r"\s+(?:in|of)(?:\s+the)?$", "", rest), tail
            head = country_code(" ".join(words[:count]))
            if head and not find_holiday(name, 2024):
                return " ".join(words[count:]), head
    return name, None


def _holiday_in(name: str, country: str | None, year: int) -> Holiday | None:
    return find_holiday(name, year, country) if country else find_anywhere(name, year)


def _holidays_in(country: str, moment: Moment | None, now: datetime) -> Answer:
    if not has_calendar(country):
        raise ClockError(f"I know no public holidays of {country_name(country)}")
    if moment is not None and moment.end is None:
        names = holidays_on(moment.day, country)
        shown = f"{date_text(moment.day)} in {country_name(country)}"
        if names:
            return Answer(True, with_notes(f"yes, {' and '.join(names)}", moment.note))
        return Answer(False, with_notes(f"no, not {shown}", moment.note))
    first = moment.day if moment else now.date().replace(month=1, day=1)
    last = moment.end if moment and moment.end else first.replace(month=12, day=31)
    listed = [h for h in public_holidays(country, first.year) if first <= h.day <= last]
    lines = [f"{h.name} ({h.day.day} {MONTH_NAMES[h.day.month - 1]})" for h in listed]
    return Answer(lines, ", ".join(lines) or "none")
