"""The calendar's questions are answered against a fixed now, true to clock changes and holidays."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrkl.tools import clock
from mrkl.tools.clock_spans import business_days, months_between
from mrkl.tools.durations import Duration, read_duration
from mrkl.tools.moments import ClockError, add_months
from mrkl.tools.time_zones import ZoneError, find_zone

NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)  # a Wednesday
DAYS = st.dates(date(1600, 1, 1), date(2400, 1, 1))


def test_choices_in_reading_are_said() -> None:
    assert "month first" in clock.date_of("3/4/2025", NOW).text
    assert "day first" in clock.date_of("3.4.2025", NOW).text
    assert "(" not in clock.date_of("13/4/2025", NOW).text
    assert "Sunday" in clock.date_of("tuesday 3 march 2024", NOW).text
    assert "7:30" in clock.date_of("half 7", NOW).text


DURATIONS = [
    ("200 days", Duration(days=200)),
    ("2 weeks and 3 days", Duration(days=17)),
    ("1 year, 2 months", Duration(months=14)),
    ("1.5 years", Duration(months=18)),
    ("an hour and a half", Duration(seconds=Fraction(5400))),
    ("3h12min", Duration(seconds=Fraction(11520))),
    ("half an hour", Duration(seconds=Fraction(1800))),
    ("10 business days", Duration(business=10)),
    ("minus 3 weeks", Duration(days=-21)),
    ("a couple of weeks", Duration(days=14)),
]


@pytest.mark.parametrize(("phrase", "wanted"), DURATIONS)
def test_durations(phrase: str, wanted: Duration) -> None:
    assert read_duration(phrase) == wanted


@pytest.mark.parametrize("phrase", ["banana", "half a month", "90", "9999999999 years", "", "3 km"])
def test_no_durations(phrase: str) -> None:
    with pytest.raises(ClockError):
        read_duration(phrase)


def test_a_bare_number_counts_the_unit_given() -> None:
    assert read_duration("90", "minutes") == Duration(seconds=Fraction(5400))


SPANS = [
    ("3 march 2024", "17 november 2024", "days", None, 259, "259 days"),
    ("3 march", "17 november 2024", None, None, 259, "259 days"),
    ("today", "11 june", "weeks", None, Fraction(85, 7), "12 weeks and 1 day"),
    ("today", "11 june", "full weeks", None, 12, "12 weeks"),
    ("today", "11 june", "weeks and days", None, "12 weeks and 1 day", "12 weeks and 1 day"),
    ("today", "5 january", "days", None, 293, "293 days"),
    ("5 december", "today", "days", None, 103, "103 days"),
    ("3 march 2019", "17 november 2024", "years", None, 5, "5 years, 8 months and 14 days"),
    ("31 january 2026", "28 february 2026", "months", None, 1, "1 month"),
    ("22:00", "06:30", None, None, Fraction(17, 2), "8 hours 30 minutes (to the next day)"),
    ("9am", "5:30pm", "minutes", None, 510, "510 minutes"),
    ("midnight", "noon on 28 march 2027", "hours", "Berlin", 11, "11 hours"),
    ("28 march 2027 midnight", "noon", "hours", "Berlin", 11, "11 hours"),
    ("31 october 2027 midnight", "noon", "hours", "Berlin", 13, "13 hours"),
    ("28 march 2027", "29 march 2027", "hours", "Berlin", 23, "23 hours"),
    ("28 march 2027", "29 march 2027", "hours", None, 24, "24 hours"),
    ("3pm EST", "3pm CET", "hours", None, 6, "6 hours"),
    ("1 january 2026", "1 february 2026", "business days", None, 22, "22 business days"),
    ("1 january 2026", "1 february 2026", "business days", "usa", 20, "20 business days"),
    ("2028", None, "days", None, 366, "366 days"),
    ("february 2028", None, "days", None, 29, "29 days"),
]


@pytest.mark.parametrize(("start", "end", "unit", "place", "value", "text"), SPANS)
def test_differences(
    start: str, end: str | None, unit: str | None, place: str | None, value: object, text: str
) -> None:
    found = clock.between(start, end, NOW, unit=unit, place=place)
    assert (found.value, found.text) == (value, text)


@given(DAYS, DAYS)
def test_months_and_days_add_up(first: date, last: date) -> None:
    first, last = sorted((first, last))
    months, days = months_between(first, last)
    assert add_months(first, months) + timedelta(days=days) == last
    assert 0 <= days < 31


@given(DAYS, st.integers(0, 60))
def test_business_days_agree_with_counting(first: date, days: int) -> None:
    wanted = sum((first + timedelta(days=step)).weekday() < 5 for step in range(days))
    assert business_days(first, first + timedelta(days=days)) == wanted


ADDED = [
    ("today", "200 days", None, date(2026, 10, 4)),
    ("2 oct 2025", "180 days", None, date(2026, 3, 31)),
    ("31 january 2026", "1 month", None, date(2026, 2, 28)),
    ("29 february 2024", "1 year", None, date(2025, 2, 28)),
    ("20 march 2026", "1 business day", None, date(2026, 3, 23)),
    ("2026-04-02", "3 business days", "uk", date(2026, 4, 9)),  # over Good Friday, Easter Monday
    ("14:30", "90 minutes", None, datetime(2026, 3, 18, 16)),
    ("now", "1 day", None, datetime(2026, 3, 19, 10, 30)),
    ("28 march 2027 01:30", "1 hour", "Berlin", datetime(2027, 3, 28, 3, 30)),
    ("28 march 2027 01:30", "1 day", "Berlin", datetime(2027, 3, 29, 1, 30)),
]


@pytest.mark.parametrize(("start", "duration", "place", "value"), ADDED)
def test_adding(start: str, duration: str, place: str | None, value: object) -> None:
    assert clock.add(start, duration, NOW, place=place).value == value


def test_subtracting() -> None:
    assert clock.add("31 march 2028", "1 month", NOW, backwards=True).value == date(2028, 2, 29)
    assert clock.add(None, "45 minutes", NOW, backwards=True).text == "09:45"


AGES = [
    ("8 nov 1957", "1 june 2001", 43),
    ("8 nov 1957", "7 november 2001", 43),
    ("8 nov 1957", "8 november 2001", 44),
    ("29 february 2000", "28 february 2025", 24),
    ("29 february 2000", "1 march 2025", 25),
]


@pytest.mark.parametrize(("born", "on", "years"), AGES)
def test_ages(born: str, on: str, years: int) -> None:
    assert clock.age(born, on, NOW).value == years


def test_age_before_birth_is_refused() -> None:
    with pytest.raises(ClockError, match="not born yet"):
        clock.age("2030-01-01", None, NOW)


def test_weekday_leap_year_and_week() -> None:
    assert clock.weekday("the year 2000 start", NOW).value == "Saturday"
    assert clock.leap_year("1900", NOW).value is False
    assert clock.leap_year("2000", NOW).value is True
    assert clock.week_number("1 january 2027", NOW).text == "week 53 (of 2026)"


def test_now_follows_the_place() -> None:
    assert clock.current(NOW, unit="time", place="tokyo").text == "19:30 in Tokyo"
    assert clock.current(NOW, unit="date", place="honolulu").value == date(2026, 3, 18)
    assert clock.current(NOW, unit="weekday").value == "Wednesday"
    assert "several time zones" in clock.current(NOW, unit="time", place="usa").text


CONVERTED = [
    ("3pm", "london", "new york", "11:00 in New York"),  # US summer time has begun, not the UK's
    ("10pm", "london", "tokyo", "07:00 in Tokyo on Thursday, 19 March 2026"),
    ("15:00 GMT on 3 july 2026", None, "paris", "17:00 in Paris on Friday, 3 July 2026"),
    ("noon", "Kathmandu", "UTC", "06:15 in UTC"),
    ("9am new york time on 3 april 2026", None, "UTC", "13:00 in UTC on Friday, 3 April 2026"),
]


@pytest.mark.parametrize(("when", "place", "to", "text"), CONVERTED)
def test_time_zones_are_converted(when: str, place: str | None, to: str, text: str) -> None:
    assert clock.convert_timezone(when, place, to, NOW).text == text


def test_clock_changes_are_said() -> None:
    with pytest.raises(ClockError, match="does not exist in Berlin"):
        clock.convert_timezone("02:30 on 28 march 2027", "Berlin", "UTC", NOW)
    found = clock.convert_timezone("02:30 on 31 october 2027", "Berlin", "UTC", NOW)
    assert "twice" in found.text
    assert found.value == datetime(2027, 10, 31, 0, 30)


HOLIDAYS = [
    ("easter", None, "2027", date(2027, 3, 28)),
    ("labor day usa", None, "2026", date(2026, 9, 7)),
    ("labour day", "germany", "2026", date(2026, 5, 1)),
    ("thanksgiving", "canada", "2026", date(2026, 10, 12)),
    ("christmas", None, None, date(2026, 12, 25)),
    ("valentines day", None, "2026", date(2026, 2, 14)),
    ("st patrick's day", None, None, date(2027, 3, 17)),  # this year's was yesterday
    ("diwali", None, "this year", date(2026, 11, 8)),
    ("chinese new year", None, "2026", date(2026, 2, 17)),
    ("boxing day", "uk", "2026", date(2026, 12, 26)),
]


@pytest.mark.parametrize(("name", "place", "year", "day"), HOLIDAYS)
def test_holidays(name: str, place: str | None, year: str | None, day: date) -> None:
    assert clock.holiday(name, place, year, NOW).value == day


def test_whether_a_day_is_a_holiday() -> None:
    assert clock.holiday(None, "France", "14 july 2026", NOW).value is True
    assert clock.holiday(None, "france", "26 december 2026", NOW).value is False
    listed = clock.holiday(None, "germany", "2026", NOW).value
    assert isinstance(listed, list)
    assert "German Unity Day (3 October)" in listed


@pytest.mark.parametrize(
    ("name", "place", "year"),
    [("banana day", None, None), ("christmas", "narnia", None), ("easter", None, "1500")],
)
def test_unknown_holidays_are_refused(name: str, place: str | None, year: str | None) -> None:
    with pytest.raises(ClockError):
        clock.holiday(name, place, year, NOW)


ZONES = [
    ("new york", "America/New_York"),
    ("São Paulo", "America/Sao_Paulo"),
    ("the hague", "Europe/Amsterdam"),
    ("portland", "America/Los_Angeles"),
    ("portland, maine", "America/New_York"),
    ("paris texas", "America/Chicago"),
    ("bombay", "Asia/Kolkata"),
    ("India", "Asia/Kolkata"),
    ("UK", "Europe/London"),
    ("california", "America/Los_Angeles"),
    ("us pacific", "America/Los_Angeles"),
    ("tokyo time", "Asia/Tokyo"),
    ("europe/berlin", "Europe/Berlin"),
]


@pytest.mark.parametrize(("place", "key"), ZONES)
def test_places_have_zones(place: str, key: str) -> None:
    assert find_zone(place).tz == ZoneInfo(key)


def test_offsets_and_abbreviations() -> None:
    assert find_zone("UTC+5:30").tz.utcoffset(NOW) == timedelta(hours=5, minutes=30)
    assert find_zone("EST").tz.utcoffset(datetime(2026, 7, 1)) == timedelta(hours=-5)
    assert find_zone("cest").tz.utcoffset(NOW) == timedelta(hours=2)


@pytest.mark.parametrize("place", ["narnia", "", "banana", "UTC+25", "x" * 200])
def test_unknown_places_are_refused(place: str) -> None:
    with pytest.raises(ZoneError):
        find_zone(place)


def test_a_warm_answer_takes_milliseconds() -> None:
    clock.between("midnight", "noon on 28 march 2027", NOW, unit="hours", place="Berlin")
    begin = time.perf_counter()
    for _ in range(20):
        clock.between("3 march 2024", "second tuesday of may 2026", NOW)
    assert (time.perf_counter() - begin) / 20 < 0.02
