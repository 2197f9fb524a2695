"""Dates said by their place among others: `next tuesday`, `in 3 weeks`, `last day of may`.

In: a phrase in normal form, now, and a reader for the dates inside it. Out: a `Moment`, or None for
a phrase of another kind. Weeks start on Monday. `next tuesday` is the first Tuesday after today; a
note says so where another reading exists. It reads no absolute dates and no times.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

from mrkl.tools.date_patterns import ORDINAL, WEEKDAY, ordinal_number, weekday_number
from mrkl.tools.durations import Duration, read_duration
from mrkl.tools.holiday_names import find_holiday
from mrkl.tools.moments import (
    WEEKDAY_NAMES,
    ClockError,
    Moment,
    add_days,
    add_months,
    date_text,
    month_period,
    week_period,
    year_period,
)

Reader = Callable[[str], Moment]
_DAYS = {
    "today": 0,
    "tonight": 0,
    "this day": 0,
    "this morning": 0,
    "this evening": 0,
    "this afternoon": 0,
    "tomorrow": 1,
    "tommorow": 1,
    "tomorow": 1,
    "tmrw": 1,
    "yesterday": -1,
    "last night": -1,
    "day after tomorrow": 2,
    "overmorrow": 2,
    "day before yesterday": -2,
}
_WHICH = {
    "next": 1,
    "coming": 1,
    "following": 1,
    "this": 0,
    "current": 0,
    "last": -1,
    "previous": -1,
    "past": -1,
    "prior": -1,
}
_W = r"(?P<which>next|coming|following|this|current|last|previous|past|prior)"
_PERIOD = re.compile(rf"(?:the )?{_W} (?P<unit>day|week|month|year|quarter|decade)")
_MONTH_WHICH = re.compile(rf"{_W} (?P<name>[a-z]+)(?: (?P<day>\d{{1,2}})(?:st|nd|rd|th)?)?")
_WEEKDAY = re.compile(rf"(?:the )?(?:{_W} )?(?P<wd>{WEEKDAY})")
_WEEKDAY_DAY = re.compile(rf"(?P<wd>{WEEKDAY}) (?:the )?(?P<n>\d{{1,2}})(?:st|nd|rd|th)")
_OF_WEEK = re.compile(rf"(?:the )?(?P<wd>{WEEKDAY}) (?:of )?(?P<week>(?:next|this|last) week)")
_AFTER_NEXT = re.compile(
    rf"(?:the )?(?P<unit>{WEEKDAY}|week|month|year) (?P<which>after next|before last)"
)
_WEEK_ON = re.compile(
    rf"(?:a|1|(?P<n>\d+)) weeks? (?:on|from|after) (?:next )?(?P<wd>{WEEKDAY})|(?P<wd2>{WEEKDAY}) week"
)
_EDGE = re.compile(
    r"(?:the )?(?P<edge>very start|start|beginning|first day|1st day|end|very end|last day|final day)"
    r" (?:of|in) (?P<of>.+)|(?P<of2>.+?)(?:'s)? (?P<edge2>start|beginning|end)s?(?:ed)?"
)
_NTH_DAY = re.compile(
    rf"(?:the )?(?P<nth>{ORDINAL}|\d{{1,3}}) day (?:of|in) (?P<of>.+)|day (?P<n>\d{{1,3}}) of (?P<of2>.+)"
)
_NTH_WEEKDAY = re.compile(
    rf"(?:the )?(?P<nth>{ORDINAL}) (?P<wd>{WEEKDAY}|week ?day|working day|business day) (?:of|in) (?P<of>.+)"
)
_NTH_WEEKDAY_BARE = re.compile(
    rf"(?:the )?(?P<nth>{ORDINAL}) (?P<wd>{WEEKDAY}) (?P<of>[a-z]+(?: \d{{4}})?)"
)
_DAY_OF = re.compile(
    r"(?:the )?(?P<n>\d{1,2})(?:st|nd|rd|th)(?: (?:of )?(?P<of>(?:this|next|last|the) month))?"
)
_BESIDE = re.compile(
    rf"(?:the )?(?:(?P<nth>{ORDINAL}) )?(?P<wd>{WEEKDAY}|day|week|month|year) "
    r"(?P<side>on or after|on or before|after|following|before|preceding|prior to) (?P<of>.+)"
)
SHIFT = re.compile(
    r"(?P<dur>.+?) (?P<side>from|after|since|before|prior to|ahead of|later than|past) (?P<of>.+)"
)
IN = re.compile(
    r"(?:in|within) (?P<dur>.+?)(?:'? time)?|(?P<dur2>.+?) (?P<side>ago|hence|back|earlier|later|from now)"
)
_HOLIDAY_YEAR = re.compile(
    r"(?:the )?(?:(?P<which>next|last|this|coming) )?(?P<name>.+?)(?: (?:day )?(?:of |in )?(?P<year>\d{4}|(?:this|next|last) year))?"
)
AFTER = ("after", "following", "from", "since", "on or after", "later than", "past")


def read_relative(text: str, now: datetime, read: Reader) -> Moment | None:
    """The moment a relative phrase names, or None; raises ClockError for impossible ones."""
    today = now.date()
    bare = text.removeprefix("the ")
    if bare in _DAYS:
        return Moment(add_days(today, _DAYS[bare]))
    if bare in ("now", "present", "date today", "today's date", "current date"):
        return Moment(today)
    for reader in (_period, _weekday, _nth, _edge, _holiday, _shift, _beside):
        moment = reader(text, today, read)
        if moment is not None:
            return moment
    return None


def _period(text: str, today: date, read: Reader) -> Moment | None:
    bare = text.removeprefix("the ")
    match = _PERIOD.fullmatch(text)
    if match:
        return _whole(match["unit"], _WHICH[match["which"]], today)
    if bare.startswith(("week of ", "week containing ")):
        return week_period(read(bare.partition(" of ")[2] or bare.partition("ing ")[2]).day)
    if bare in ("week", "month", "year", "quarter", "decade"):
        return _whole(bare, 0, today)
    match = _AFTER_NEXT.fullmatch(text)
    if match and match["unit"] in ("week", "month", "year"):
        return _whole(match["unit"], 2 if match["which"] == "after next" else -2, today)
    quarter = re.fullmatch(
        r"(?:q([1-4])|(?:the )?([1-4])(?:st|nd|rd|th) quarter)(?: of)? (\d{4})", text
    )
    if quarter:
        first = month_period(int(quarter[3]), int(quarter[1] or quarter[2]) * 3 - 2).day
        return Moment(first, end=add_days(add_months(first, 3), -1))
    match = _MONTH_WHICH.fullmatch(text)
    if match is None or match["name"] in ("day", "week", "month", "year"):
        return None
    return _month_beside(match, today, read)


def _month_beside(match: re.Match[str], today: date, read: Reader) -> Moment | None:
    """`next march`, `last june 14`: the first after, or the last before today."""
    try:
        moment = read(" ".join(part for part in (match["name"], match["day"]) if part))
    except ClockError:
        return None
    if not moment.yearless or (moment.end is None and not match["day"]):
        return None
    which = _WHICH[match["which"]]
    if which == 0:
        return replace(moment, yearless=False)
    last = moment.end or moment.day
    years = 1 if which > 0 and moment.day <= today else -1 if which < 0 and last >= today else 0
    return _other_year(moment, years)


def _other_year(moment: Moment, years: int) -> Moment:
    end = add_months(moment.end, 12 * years) if moment.end else None
    if end is not None and moment.end is not None and moment.end.month == 2:
        end = month_period(end.year, 2).end
    return replace(moment, day=add_months(moment.day, 12 * years), end=end, yearless=False)


def _whole(unit: str, step: int, today: date) -> Moment:
    if unit == "day":
        return Moment(add_days(today, step))
    if unit == "week":
        day = add_days(today, 7 * step)
        return replace(week_period(day), day=day).noted("" if step == 0 else "the same weekday")
    if unit == "month":
        first = add_months(today.replace(day=1), step)
        return month_period(first.year, first.month)
    if unit == "year":
        return year_period(today.year + step)
    if unit == "decade":
        first = today.year // 10 * 10 + 10 * step
        return replace(year_period(first), end=year_period(first + 9).end)
    first = add_months(date(today.year, (today.month - 1) // 3 * 3 + 1, 1), 3 * step)
    return Moment(first, end=add_days(add_months(first, 3), -1))


def _weekday(text: str, today: date, read: Reader) -> Moment | None:
    match = _OF_WEEK.fullmatch(text)
    if match:
        week = _WHICH[match["week"].split()[0]]
        monday = add_days(today, 7 * week - today.weekday())
        return Moment(add_days(monday, weekday_number(match["wd"])))
    match = _WEEK_ON.fullmatch(text)
    if match:
        day = _from(today, weekday_number(match["wd"] or match["wd2"]), 1)
        return Moment(add_days(day, 7 * int(match["n"] or 1)))
    match = _AFTER_NEXT.fullmatch(text)
    if match:
        wanted = weekday_number(match["unit"])
        if match["which"] == "after next":
            return Moment(add_days(_from(today, wanted, 1), 7))
        return Moment(add_days(_from(today, wanted, -1), -7))
    match = _WEEKDAY_DAY.fullmatch(text)
    if match:
        return _next_such_day(today, weekday_number(match["wd"]), int(match["n"]))
    match = _WEEKDAY.fullmatch(text)
    if match is None:
        return None
    wanted = weekday_number(match["wd"])
    which = match["which"]
    if which is not None and _WHICH[which] < 0:
        return Moment(_from(today, wanted, -1))
    if which in (None, "this", "current") and wanted == today.weekday():
        return Moment(today)
    moment = Moment(_from(today, wanted, 1))
    if which == "next" and moment.day.isocalendar()[:2] == today.isocalendar()[:2]:
        return moment.noted(f"the first {WEEKDAY_NAMES[wanted]} after today")
    return moment


def _next_such_day(today: date, weekday: int, number: int) -> Moment:
    """`friday the 13th`: the next one from today on."""
    day = today
    for _ in range(28 * 366):  # the calendar repeats itself every 28 years within a century
        if day.weekday() == weekday and day.day == number:
            return Moment(day)
        day = add_days(day, 1)
    raise ClockError(f"no {WEEKDAY_NAMES[weekday]} is the {number}th")


def _from(day: date, wanted: int, side: int, inclusive: bool = False) -> date:
    """The nearest such weekday after (side 1) or before (side -1) a day."""
    steps = (wanted - day.weekday()) * side % 7
    return add_days(day, side * (steps or (0 if inclusive else 7)))


def _nth(text: str, today: date, read: Reader) -> Moment | None:
    match = _NTH_DAY.fullmatch(text)
    if match:
        period = _span(read(match["of"] or match["of2"]), text)
        if match["n"] or match["nth"][-1].isdigit():
            return _within(period, int(match["n"] or match["nth"]), "day", text)
        return _within(period, ordinal_number(match["nth"]), "day", text)
    match = _NTH_WEEKDAY.fullmatch(text) or _NTH_WEEKDAY_BARE.fullmatch(text)
    if match is not None:
        period = _span(read(match["of"]), text)
        return _within(period, ordinal_number(match["nth"]), match["wd"], text)
    match = _DAY_OF.fullmatch(text)  # `the 15th`, `the 15th of next month`
    if match is None:
        return None
    month = _span(read(match["of"]), text) if match["of"] else _whole("month", 0, today)
    return _within(month, int(match["n"]), "day", text)


def _span(moment: Moment, text: str) -> Moment:
    if moment.end is None:
        raise ClockError(f"{text!r}: {date_text(moment.day)} is one day, not a month or a year")
    if (moment.end - moment.day).days < 7:  # a week may be named by a day inside it
        return replace(moment, day=add_days(moment.end, -6))
    return moment


def _within(period: Moment, nth: int, unit: str, text: str) -> Moment:
    """The nth day, weekday or working day of a period; negative counts from its end."""
    first, last = period.day, period.end or period.day
    if unit == "day":
        day = add_days(first, nth - 1) if nth > 0 else add_days(last, nth + 1)
    elif unit.endswith("day") and unit in ("weekday", "week day", "working day", "business day"):
        side = 1 if nth > 0 else -1
        day = add_days(first if nth > 0 else last, -side)
        for _ in range(min(abs(nth), 400)):
            day = add_days(day, side)
            while day.weekday() > 4:
                day = add_days(day, side)
    else:
        wanted = weekday_number(unit)
        if nth > 0:
            day = add_days(_from(first, wanted, 1, inclusive=True), 7 * (nth - 1))
        else:
            day = add_days(_from(last, wanted, -1, inclusive=True), 7 * (nth + 1))
    if nth == 0 or not first <= day <= last:
        raise ClockError(f"there is no {text.removeprefix('the ')}")
    return Moment(day, yearless=period.yearless)


def _edge(text: str, today: date, read: Reader) -> Moment | None:
    match = _EDGE.fullmatch(text)
    if match is None:
        return None
    try:
        period = read(match["of"] or match["of2"])
    except ClockError:
        if match["of2"]:
            return None
        raise
    period = _span(period, text)
    if (match["edge"] or match["edge2"]).split()[-1] == "end" or "last" in (match["edge"] or ""):
        return Moment(period.end or period.day, yearless=period.yearless)
    if (match["edge"] or "") == "final day":
        return Moment(period.end or period.day, yearless=period.yearless)
    return Moment(period.day, yearless=period.yearless)


def _shift(text: str, today: date, read: Reader) -> Moment | None:
    """`in 3 weeks`, `3 weeks ago`, `10 days after 3 march 2024`."""
    match = IN.fullmatch(text)
    if match:
        duration = _duration(match["dur"] or match["dur2"])
        if duration is not None:
            back = match["side"] in ("ago", "back", "earlier")
            return Moment(_moved(today, duration.negated() if back else duration))
    match = SHIFT.fullmatch(text)
    duration = _duration(match["dur"]) if match else None
    if match is None or duration is None:
        return None
    base = read(match["of"])
    later = match["side"] in AFTER
    return replace(base, day=_moved(base.day, duration if later else duration.negated()), end=None)


def _duration(text: str) -> Duration | None:
    try:
        duration = read_duration(text)
    except ClockError:
        return None
    return None if duration.seconds else duration


def _moved(day: date, duration: Duration) -> date:
    moved = add_days(add_months(day, duration.months), duration.days)
    return add_business_days(moved, duration.business)


def add_business_days(day: date, count: int) -> date:
    """So many days on from Monday to Friday; a weekend start counts from the Friday before
    (or the Monday after, backwards)."""
    if not count:
        return day
    side = 1 if count > 0 else -1
    while day.weekday() > 4:
        day = add_days(day, -side)
    weeks, rest = divmod(abs(count), 5)
    day = add_days(day, side * 7 * weeks)
    for _ in range(rest):
        day = add_days(day, side)
        while day.weekday() > 4:
            day = add_days(day, side)
    return day


def _beside(text: str, today: date, read: Reader) -> Moment | None:
    """`first friday after 3 march 2024`, `the monday before christmas`, `day after easter`."""
    match = _BESIDE.fullmatch(text)
    if match is None:
        return None
    base = read(match["of"])
    side = 1 if match["side"] in AFTER else -1
    count = abs(ordinal_number(match["nth"])) if match["nth"] else 1
    unit = match["wd"]
    if unit in ("day", "week", "month", "year"):
        edge = (base.end or base.day) if side > 0 and unit == "day" else base.day
        step = {"day": Duration(days=side), "week": Duration(days=7 * side)}.get(unit)
        step = step or Duration(months=side * (12 if unit == "year" else 1))
        return replace(base, day=_moved(edge, step), end=None)
    edge = (base.end or base.day) if side > 0 else base.day
    day = _from(edge, weekday_number(unit), side, inclusive=match["side"].startswith("on or"))
    return replace(base, day=add_days(day, side * 7 * (count - 1)), end=None)


def _holiday(text: str, today: date, read: Reader) -> Moment | None:
    """`christmas`, `next easter`, `new year's eve 2027`."""
    match = _HOLIDAY_YEAR.fullmatch(text)
    if match is None or not re.search("[a-z]{3}", match["name"]):
        return None
    said = match["year"]
    if said and not said.isdigit():
        year = today.year + _WHICH[said.split()[0]]
    else:
        year = int(said) if said else today.year
    found = find_holiday(match["name"], year)
    if found is None:
        return None
    which = _WHICH.get(match["which"] or "this", 0) if not said else 0
    if which and (found.day <= today if which > 0 else found.day >= today):
        found = find_holiday(match["name"], year + which) or found
    return Moment(found.day, yearless=not said and not match["which"])
