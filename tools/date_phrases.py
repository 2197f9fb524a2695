"""Dates as people write them, read against a fixed present moment.

In: a phrase (`3 march 2024`, `second tuesday of may 2026`, `the friday after next`, `in 3 weeks`,
`christmas 2027`, `28 march 2027 midnight`, `15:00 GMT`) and now. Out: a `Moment`. ISO dates come
first; `3/4/2025` is month first, as in the US, unless only day first is possible, and dots are day
first; the note says so. A weekday is the next one after today. Two-digit years lie within 80 years
back and 19 ahead. What cannot be read, or does not exist, raises ClockError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

from mrkl.tools.date_patterns import (
    MONTH,
    ORDINAL,
    WEEKDAY,
    month_number,
    normal_form,
    ordinal_number,
    weekday_number,
)
from mrkl.tools.dates_relative import IN, SHIFT, read_relative
from mrkl.tools.durations import read_duration
from mrkl.tools.moments import (
    WEEKDAY_NAMES,
    ClockError,
    Moment,
    date_text,
    make_date,
    month_period,
    year_period,
)
from mrkl.tools.time_phrases import split_time
from mrkl.tools.time_zones import Zone, ZoneError, find_zone

_LANGUAGES = "en es fr de it pt nl pl sv da nb fi ru uk tr cs hu ro el ja zh ko ar hi vi id"
_LIMIT = 120  # characters of a date phrase
_YEAR = r"(?P<year>\d{1,6}(?: ad)?|'\d\d|(?:this|next|last) year)"
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_ISO_TIME = re.compile(r"\d{4}-\d\d-\d\d[t ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?\s*(?:z|[+-]\d\d:?\d\d)?")
_ISO_WEEK = re.compile(r"(\d{4})-?w(\d\d)(?:-?([1-7]))?")
_NUMERIC = re.compile(r"(\d{1,4})([/.\-])(\d{1,2})\2(\d{1,4})")
_SHORT = re.compile(r"(\d{1,2})/(\d{1,2})")
_DAY_MONTH = re.compile(
    rf"(?:(?P<wd>{WEEKDAY}) )?(?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?P<month>{MONTH})"
    rf"(?: (?:of )?(?:in )?{_YEAR})?"
)
_MONTH_DAY = re.compile(
    rf"(?:(?P<wd>{WEEKDAY}) )?(?P<month>{MONTH}) (?:the )?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?"
    rf"(?: (?:of )?{_YEAR})?"
)
_MONTH_YEAR = re.compile(rf"(?:the month of )?(?P<month>{MONTH})(?: (?:of )?(?:in )?{_YEAR})?")
_YEAR_ONLY = re.compile(r"(?:the )?(?:(?:year|yr) (\d{1,4})|(\d{4}))(?: ad| ce)?")
_NTH_MONTH = re.compile(rf"(?:the )?(?P<nth>{ORDINAL}) month of (?P<of>.+)")


def read_moment(text: str, now: datetime) -> Moment:
    """Read a date, time or both; raises ClockError. `now` is aware; its date is today."""
    shown = " ".join(text.split())
    if not shown or len(shown) > _LIMIT:
        raise ClockError("a date is missing" if not shown else "the date is too long to be one")
    lowered = shown.casefold()
    if lowered in ("now", "right now", "the present", "this moment", "at the moment"):
        return Moment(now.date(), now.time().replace(microsecond=0))
    if _ISO_TIME.fullmatch(lowered):
        return _iso_time(lowered, shown)
    shifted = _time_shift(lowered, now)
    if shifted is not None:
        return shifted
    found = split_time(lowered.replace("’", "'"))
    rest, zone = _split_zone(found.rest) if found.time is not None else (found.rest, None)
    if not rest.strip(" ,.") or rest in ("of", "on", "the"):
        moment = Moment(now.date(), dated=False)
    else:
        moment = read_day(rest, now, shown)
    if found.time is None:
        return moment
    return replace(moment, time=found.time, zone=zone, end=None).noted(found.note)


def read_day(text: str, now: datetime, shown: str | None = None, depth: int = 0) -> Moment:
    """Read a date without a time; `shown` is how messages name it."""
    shown = shown or text
    if depth > 4:
        raise ClockError(f"{shown!r} is nested too deeply")
    form = normal_form(text)
    for reader in (_numeric, _named):
        moment = reader(form, now, shown)
        if moment is not None:
            return moment
    moment = read_relative(form, now, lambda part: read_day(part, now, None, depth + 1))
    if moment is None and not depth:
        moment = _library(text, now)
    if moment is None:
        raise ClockError(f"{shown!r} is not a date I can read")
    return moment


def _time_shift(text: str, now: datetime) -> Moment | None:
    """`in 90 minutes`, `an hour ago`, `2 hours before midnight`: hours and minutes from a time."""
    match = IN.fullmatch(text) or SHIFT.fullmatch(text)
    if match is None:
        return None
    words = match.groupdict()
    try:
        duration = read_duration(words["dur"] or words.get("dur2") or "")
    except ClockError:
        return None
    if not duration.seconds or duration.months or duration.business:
        return None
    base = read_moment(words.get("of") or "now", now)
    back = words.get("side") in ("ago", "back", "earlier", "before", "prior to", "ahead of")
    span = timedelta(days=duration.days, seconds=float(duration.seconds))
    try:
        moved = base.naive() + (-span if back else span)
    except OverflowError:
        raise ClockError("that is outside the years 1 to 9999") from None
    time = moved.time().replace(microsecond=0)
    day = moved.date() if base.dated else base.day  # `2 hours before midnight` is a time alone
    return replace(base, day=day, time=time, end=None)


def _iso_time(text: str, shown: str) -> Moment:
    try:
        found = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "").upper())
    except ValueError as error:
        raise ClockError(f"{shown!r} is not a date and time: {error}") from None
    zone = Zone(found.tzinfo, str(found.tzinfo)) if found.tzinfo else None
    return Moment(found.date(), found.time().replace(microsecond=0), zone)


def _split_zone(text: str) -> tuple[str, Zone | None]:
    """A zone said with a time: `15:00 gmt`, `9am new york time on friday`."""
    words = text.replace(",", " ").split()
    clock = next((i for i, word in enumerate(words) if word == "time"), None)
    if clock is not None:
        for first in range(max(0, clock - 3), clock):
            zone = _zone(" ".join(words[first:clock]))
            if zone is not None:
                return " ".join(words[:first] + words[clock + 1 :]).removeprefix("on "), zone
    for index in (0, len(words) - 1):
        word = words[index] if words else ""
        known = re.fullmatch(r"(?:utc|gmt)?[+-]\d{1,2}(?::?\d\d)?|[a-z]{2,4}t|utc|z|msk|wib", word)
        zone = _zone(word) if known and word not in ("sat", "sept", "oct") else None
        if zone is not None:
            return " ".join(words[:index] + words[index + 1 :]).removeprefix("on "), zone
    return text, None


def _zone(name: str) -> Zone | None:
    try:
        return find_zone(name)
    except ZoneError:
        return None


def _numeric(text: str, now: datetime, shown: str) -> Moment | None:
    iso = _ISO.fullmatch(text)
    if iso:
        return Moment(make_date(int(iso[1]), int(iso[2]), int(iso[3])))
    if re.fullmatch(r"(?:1\d|20|21)\d{6}", text):
        return Moment(make_date(int(text[:4]), int(text[4:6]), int(text[6:])))
    if re.fullmatch(r"\d{4}-\d{1,2}", text):
        return month_period(int(text[:4]), int(text[5:]))
    week = _ISO_WEEK.fullmatch(text)
    if week:
        try:
            day = date.fromisocalendar(int(week[1]), int(week[2]), int(week[3] or 1))
        except ValueError:
            raise ClockError(f"there is no week {week[2]} in {week[1]}") from None
        return Moment(day, end=None if week[3] else date.fromisocalendar(*day.isocalendar()[:2], 7))
    short = _SHORT.fullmatch(text)
    if short:
        moment = _ordered(int(short[1]), int(short[2]), now.year, "/", shown)
        return replace(moment, yearless=True)
    match = _NUMERIC.fullmatch(text)
    if match is None:
        return None
    first, separator, second, third = match.groups()
    if len(first) > 2:
        if len(third) > 2 or len(first) == 3:
            return None
        return Moment(make_date(int(first), int(second), int(third)))
    if len(third) in (1, 3):
        return None
    year = _full_year(int(third), now) if len(third) == 2 else int(third)
    return _ordered(int(first), int(second), year, separator, shown)


def _ordered(first: int, second: int, year: int, separator: str, shown: str) -> Moment:
    """Month first unless only day first is possible; with dots day first."""
    day_first = separator == "." or first > 12
    day, month = (first, second) if day_first else (second, first)
    if month > 12 and day <= 12:
        day, month = month, day
    moment = Moment(make_date(year, month, day))
    if first <= 12 and second <= 12 and first != second:
        order = "day first" if day_first else "month first"
        return moment.noted(f"{shown} read {order}")
    return moment


def _full_year(two: int, now: datetime) -> int:
    """The year of two digits from 80 back to 19 ahead."""
    year = now.year // 100 * 100 + two
    if year > now.year + 19:
        return year - 100
    return year + 100 if year < now.year - 80 else year


def _said_year(text: str | None, now: datetime) -> int:
    if text is None or text == "this year":
        return now.year
    if text.endswith("year"):
        return now.year + (1 if text.startswith("next") else -1)
    if text.startswith("'"):
        return _full_year(int(text[1:]), now)
    return _full_year(int(text), now) if len(text) == 2 else int(text.removesuffix(" ad"))


def _named(text: str, now: datetime, shown: str) -> Moment | None:
    match = _DAY_MONTH.fullmatch(text) or _MONTH_DAY.fullmatch(text)
    if match:
        year = _said_year(match["year"], now)
        day = make_date(year, month_number(match["month"]), int(match["day"]))
        moment = Moment(day, yearless=match["year"] is None)
        if match["wd"] and weekday_number(match["wd"]) != day.weekday():
            moment = moment.noted(f"that day is a {WEEKDAY_NAMES[day.weekday()]}")
        return moment
    match = _MONTH_YEAR.fullmatch(text)
    if match:
        month = month_period(_said_year(match["year"], now), month_number(match["month"]))
        return replace(month, yearless=match["year"] is None)
    match = _YEAR_ONLY.fullmatch(text)
    if match:
        return year_period(int(match[1] or match[2]))
    match = _NTH_MONTH.fullmatch(text)
    if match:
        period = read_day(match["of"], now, shown, depth=1)
        return month_period(period.day.year, ordinal_number(match["nth"]))
    return None


def _library(text: str, now: datetime) -> Moment | None:
    """What is left: formats that dateutil knows, then full dates in other languages."""
    if (
        len(text) > 40
        or not re.search(r"(?<!\d)\d{4}(?!\d)", text)
        or not re.search(r"[^\W\d]", text)
    ):
        return None
    for read in (_dateutil, _dateparser):
        day = read(text, now)
        if day is not None:
            return Moment(day, note=f"read as {date_text(day)}")
    return None


def _dateutil(text: str, now: datetime) -> date | None:
    """dateutil fills gaps from a default: two defaults that agree mean that nothing was filled."""
    from dateutil import parser

    found: list[date] = []
    for default in (datetime(2001, 1, 2), datetime(2004, 12, 28)):
        try:
            found.append(parser.parse(text, default=default).date())
        except (ValueError, OverflowError, TypeError):
            return None
    return found[0] if found[0] == found[1] else None


def _dateparser(text: str, now: datetime) -> date | None:
    """A full date in any language; a guess at less than day, month and year is refused."""
    import dateparser

    settings: dict[str, object] = {
        "STRICT_PARSING": True,
        "REQUIRE_PARTS": ["day", "month", "year"],
        "RELATIVE_BASE": now.replace(tzinfo=None),
        "PARSERS": ["absolute-time"],
    }
    parse: Callable[..., datetime | None] = dateparser.parse  # pyright: ignore[reportUnknownMemberType]
    found = parse(text, languages=_LANGUAGES.split(), settings=settings)
    return found.date() if found else None


__all__ = ["ClockError", "Moment", "read_day", "read_moment"]
