"""Spans of the calendar: how long from one moment to another, and a moment moved by a duration.

In: `Moment`s, units, durations and the zone they are lived in. Out: `Answer`s. Hours and minutes
are true to the clock changes of the zone; days, months and years are those of the calendar, a month
clamped to its last day. Business days are Monday to Friday, the first day counted and the last not,
less the public holidays of a country where one is given. A span has no sign.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from fractions import Fraction

from mrkl.tools.dates_relative import add_business_days
from mrkl.tools.durations import Duration, unit_kind
from mrkl.tools.holiday_names import public_holidays
from mrkl.tools.moments import ClockError, Moment, add_days, add_months, date_text, time_text
from mrkl.tools.numerals import number_text
from mrkl.tools.time_zones import Zone

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600}
_MOST_YEARS_OF_HOLIDAYS = 60


@dataclass(frozen=True)
class Answer:
    """A value, how a person would write it, and its unit."""

    value: int | Fraction | str | bool | date | datetime | list[str]
    text: str
    unit: str | None = None


def with_notes(text: str, *notes: str) -> str:
    """The text with what was chosen in reading, in brackets."""
    said = "; ".join(dict.fromkeys(note for note in notes if note))
    return f"{text} ({said})" if said else text


def counted(number: int | Fraction, unit: str) -> str:
    """`1 day`, `2 days`, `2.5 hours`."""
    return f"{number_text(number, 5)} {unit.removesuffix('s') if number == 1 else unit}"


def shift(
    moment: Moment, duration: Duration, now: datetime, zone: Zone | None, country: str | None
) -> Answer:
    """The moment so much later (or earlier, for a negative duration)."""
    tz = zone.tz if zone else moment.zone.tz if moment.zone else (now.tzinfo or UTC)
    base = moment
    if duration.seconds and moment.time is None and moment.day == now.date():
        base = replace(moment, time=now.time().replace(microsecond=0))  # today means now, then
    day = add_days(add_months(base.day, duration.months), duration.days)
    if country and duration.business:
        day = _business_shift(day, duration.business, country)
    else:
        day = add_business_days(day, duration.business)
    moved = replace(base, day=day)
    if base.time is None and not duration.seconds:
        return Answer(day, with_notes(date_text(day), moment.note))
    try:
        start = existing(moved.naive(), tz, zone.name if zone else "")
        end = start.astimezone(UTC) + timedelta(seconds=float(duration.seconds))
        value = end.astimezone(tz).replace(tzinfo=None)
    except OverflowError:
        raise ClockError("that is outside the years 1 to 9999") from None
    if moment.dated and moment.day != now.date():
        return Answer(value, with_notes(f"{time_text(value)}, {date_text(value)}", moment.note))
    beside = "" if value.date() == moment.day else f", {date_text(value)}"
    return Answer(value, with_notes(time_text(value) + beside, moment.note))


def existing(naive: datetime, tz: tzinfo, place: str = "") -> datetime:
    """The aware time; ClockError for one that the clocks skip that day."""
    aware = naive.replace(tzinfo=tz)
    if aware.astimezone(UTC).astimezone(tz).replace(tzinfo=None) != naive:
        where = f" in {place}" if place else ""
        raise ClockError(
            f"{time_text(naive)} on {date_text(naive)} does not exist{where}: "
            "the clocks are put forward then"
        )
    return aware


def difference(
    start: Moment,
    end: Moment,
    unit: str | None,
    now: datetime,
    zone: Zone | None,
    country: str | None,
) -> Answer:
    """How long from start to end, in a unit, a mix of units, or what fits."""
    start, end = _aligned(start, end, now)
    notes = (start.note, end.note)
    timed = start.time is not None or end.time is not None
    unit = (unit or "").strip().casefold() or ("hours" if timed else "days")
    parts = [part for part in unit.replace("&", ",").replace(" and ", ",").split(",") if part]
    kinds = [unit_kind(part.strip().removeprefix("full ").removeprefix("whole ")) for part in parts]
    if any(kind is None for kind in kinds):
        raise ClockError(f"{unit!r} is not a unit of the calendar")
    if len(parts) > 1:
        return _mixed(start, end, [part.strip() for part in parts], now, zone, notes)
    kind, size = kinds[0] or ("days", 1)
    if kind == "seconds":
        return _clock_span(start, end, size, now, zone, notes)
    first, last = sorted((start.naive(), end.naive()))
    if kind == "business":
        count = business_days(first.date(), last.date(), country)
        return Answer(count, with_notes(counted(count, "business days"), *notes), "business days")
    if kind == "months":
        return _month_span(first, last, size, unit, notes)
    return _day_span(first, last, size, unit, notes, timed)


def _aligned(start: Moment, end: Moment, now: datetime) -> tuple[Moment, Moment]:
    """Fill in what one side leaves to the other: the day of a bare time, the year of a date."""
    if not start.dated and end.dated:
        start = replace(start, day=end.day, dated=True)
    elif not end.dated and start.dated:
        end = replace(end, day=start.day, dated=True)
        if start.time and end.time and end.time < start.time:
            end = replace(end, day=add_days(end.day, 1))
    elif not end.dated and start.time and end.time and end.time < start.time:
        end = replace(end, day=add_days(end.day, 1)).noted("to the next day")
    if start.yearless and not end.yearless:
        start = _in_year(start, end.day.year)
        start = _in_year(start, start.day.year - 1) if start.day > end.day else start
    elif end.yearless:
        end = end if start.yearless else _in_year(end, start.day.year)
        end = _in_year(end, end.day.year + 1) if end.day < start.day else end
    for here, there in ((start, end), (end, start)):
        if here.time is None and there.time is not None and here.day == now.date() == there.day:
            timed = replace(here, time=now.time().replace(microsecond=0))
            start, end = (timed, end) if here is start else (start, timed)
            break
    return start, end


def _in_year(moment: Moment, year: int) -> Moment:
    return replace(moment, day=add_months(moment.day, 12 * (year - moment.day.year)))


def _clock_span(
    start: Moment,
    end: Moment,
    size: int,
    now: datetime,
    zone: Zone | None,
    notes: tuple[str, ...],
) -> Answer:
    """Hours, minutes or seconds, true to the zone's clock changes where times or a place are
    given."""
    if start.time is None and end.time is None and zone is None:
        seconds = Fraction(int((end.naive() - start.naive()).total_seconds()))
    else:
        tz = zone.tz if zone else (now.tzinfo or UTC)
        moments: list[datetime] = []
        for moment in (start, end):
            own = moment.zone.tz if moment.zone else tz
            name = (moment.zone or zone or Zone(own, "")).name
            moments.append(existing(moment.naive(), own, name).astimezone(UTC))
        seconds = Fraction(int((moments[1] - moments[0]).total_seconds()))
    count = abs(seconds) / size
    value = count.numerator if count.denominator == 1 else count
    name = next(name for name, length in _SECONDS.items() if length == size)
    text = counted(value, name)
    if isinstance(value, Fraction) and name == "hours":
        minutes = round(abs(seconds) / 60)
        text = f"{counted(minutes // 60, 'hours')} {counted(minutes % 60, 'minutes')}"
    return Answer(value, with_notes(text, *notes), name)


def _day_span(
    first: datetime, last: datetime, size: int, unit: str, notes: tuple[str, ...], timed: bool
) -> Answer:
    days = (last.date() - first.date()).days
    if size == 1:
        return Answer(days, with_notes(counted(days, "days"), *notes), "days")
    weeks, rest = divmod(days, size)
    name = "weeks" if size == 7 else "fortnights"
    text = counted(weeks, name) + (f" and {counted(rest, 'days')}" if rest else "")
    if "full" in unit or "whole" in unit:
        return Answer(weeks, with_notes(counted(weeks, name), *notes), name)
    value = Fraction(days, size)
    whole = value.numerator if not rest else value
    return Answer(whole, with_notes(text, *notes), name)


def _month_span(
    first: datetime, last: datetime, size: int, unit: str, notes: tuple[str, ...]
) -> Answer:
    """Completed months or years; the text says what is over."""
    months, days = months_between(first.date(), last.date())
    count, over = divmod(months, size)
    name = {1: "months", 3: "quarters", 12: "years", 120: "decades"}.get(size, "centuries")
    pieces = [counted(count, name)]
    if "full" not in unit and "whole" not in unit:
        pieces += [counted(over, "months")] if over else []
        pieces += [counted(days, "days")] if days else []
    text = " and ".join([", ".join(pieces[:-1]), pieces[-1]] if len(pieces) > 1 else pieces)
    return Answer(count, with_notes(text, *notes), name)


def _mixed(
    start: Moment,
    end: Moment,
    units: list[str],
    now: datetime,
    zone: Zone | None,
    notes: tuple[str, ...],
) -> Answer:
    """`weeks and days`, `years, months and days`, `hours and minutes`."""
    kinds = [unit_kind(unit) or ("days", 1) for unit in units]
    if all(kind == "seconds" for kind, _ in kinds):
        total = _clock_span(start, end, 1, now, zone, ()).value
        left = int(total) if isinstance(total, (int, Fraction)) else 0
        pieces: list[str] = []
    else:
        first, last = sorted((start.day, end.day))
        months, left = months_between(first, last)
        pieces = []
        if not any(kind == "months" for kind, _ in kinds):
            left = (last - first).days
        for (kind, size), unit in zip(kinds, units, strict=True):
            if kind == "months":
                pieces.append(counted(months // size, unit))
                months %= size
        if months:
            left = (last - add_months(first, months_between(first, last)[0] - months)).days
    rest = [
        (size, unit) for (kind, size), unit in zip(kinds, units, strict=True) if kind != "months"
    ]
    for size, unit in rest:
        pieces.append(counted(left // size, unit))
        left %= size
    text = " and ".join(pieces) if len(pieces) < 3 else f"{', '.join(pieces[:-1])} and {pieces[-1]}"
    return Answer(text, with_notes(text, *notes))


def months_between(first: date, last: date) -> tuple[int, int]:
    """Completed months from first to last, and the days over."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if add_months(first, months) > last:
        months -= 1
    return months, (last - add_months(first, months)).days


def business_days(first: date, last: date, country: str | None = None) -> int:
    """Mondays to Fridays from first up to, not including, last, less a country's holidays."""
    days = (last - first).days
    weeks, rest = divmod(days, 7)
    count = weeks * 5 + sum((first.weekday() + step) % 7 < 5 for step in range(rest))
    if country:
        if last.year - first.year > _MOST_YEARS_OF_HOLIDAYS:
            raise ClockError("public holidays are only counted within 60 years")
        free = {
            h.day for y in range(first.year, last.year + 1) for h in public_holidays(country, y)
        }
        count -= sum(day.weekday() < 5 for day in free if first <= day < last)
    return count


def _business_shift(day: date, count: int, country: str) -> date:
    """So many working days on, stepping over the public holidays of a country."""
    if abs(count) > 5_000:
        raise ClockError("more than 5,000 business days are only counted without a country")
    side = 1 if count > 0 else -1
    free: dict[int, set[date]] = {}
    for _ in range(abs(count)):
        day = add_days(day, side)
        while day.weekday() > 4 or day in free.setdefault(
            day.year, {h.day for h in public_holidays(country, day.year)}
        ):
            day = add_days(day, side)
    return day
