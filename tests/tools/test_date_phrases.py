"""Dates and times are read strictly against a fixed now; what does not exist is refused."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrkl.tools.date_phrases import read_moment
from mrkl.tools.moments import ClockError

NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)  # a Wednesday
DAYS = st.dates(date(1600, 1, 1), date(2400, 1, 1))

READ = [
    ("3 march 2024", "2024-03-03"),
    ("March 3rd, 2024", "2024-03-03"),
    ("the third of march 2024", "2024-03-03"),
    ("tue, 3 mar 2026", "2026-03-03"),
    ("11 june", "2026-06-11"),
    ("2024-3-5", "2024-03-05"),
    ("2024/3/5", "2024-03-05"),
    ("20260318", "2026-03-18"),
    ("2026-W12-3", "2026-03-18"),
    ("3/4/2025", "2025-03-04"),
    ("13/4/2025", "2025-04-13"),
    ("3.4.2025", "2025-04-03"),
    ("3/4/57", "1957-03-04"),
    ("1 january '99", "1999-01-01"),
    ("today", "2026-03-18"),
    ("the day after tomorrow", "2026-03-20"),
    ("friday", "2026-03-20"),
    ("next tuesday", "2026-03-24"),
    ("next thursday", "2026-03-19"),
    ("last monday", "2026-03-16"),
    ("tuesday next week", "2026-03-24"),
    ("the friday after next", "2026-03-27"),
    ("a week on tuesday", "2026-03-31"),
    ("second tuesday of may 2026", "2026-05-12"),
    ("last friday of next month", "2026-04-24"),
    ("first monday in march this year", "2026-03-02"),
    ("last day of february 2028", "2028-02-29"),
    ("first friday of next month", "2026-04-03"),
    ("the 15th of next month", "2026-04-15"),
    ("100th day of 2026", "2026-04-10"),
    ("last working day of may 2026", "2026-05-29"),
    ("the end of the year", "2026-12-31"),
    ("the year 2000 start", "2000-01-01"),
    ("end of q3 2026", "2026-09-30"),
    ("in 3 weeks", "2026-04-08"),
    ("in three weeks' time", "2026-04-08"),
    ("a fortnight ago", "2026-03-04"),
    ("200 days from now", "2026-10-04"),
    ("10 days after 3 march 2024", "2024-03-13"),
    ("two weeks before christmas", "2026-12-11"),
    ("first friday after 3 march 2024", "2024-03-08"),
    ("the monday before christmas", "2026-12-21"),
    ("next march 14", "2027-03-14"),
    ("last june", "2025-06-01"),
    ("new year's eve", "2026-12-31"),
    ("thanksgiving 2026", "2026-11-26"),
    ("friday the 13th", "2026-11-13"),
    ("start of next week", "2026-03-23"),
    ("week of christmas", "2026-12-21"),
    ("two years ago today", "2024-03-18"),
    ("tomorrow morning", "2026-03-19"),
    ("easter next year", "2027-03-28"),
    ("last christmas", "2025-12-25"),
    ("3 de marzo de 2024", "2024-03-03"),
    ("Thu Sep 25 2003", "2003-09-25"),
]


@pytest.mark.parametrize(("phrase", "day"), READ)
def test_dates(phrase: str, day: str) -> None:
    moment = read_moment(phrase, NOW)
    assert moment.day == date.fromisoformat(day)
    assert moment.time is None
    assert read_moment(phrase.upper(), NOW).day == moment.day


TIMES = [
    ("28 march 2027 midnight", "2027-03-28T00:00"),
    ("noon on 28 march 2027", "2027-03-28T12:00"),
    ("tomorrow at 5pm", "2026-03-19T17:00"),
    ("5.30 p.m.", "2026-03-18T17:30"),
    ("12am", "2026-03-18T00:00"),
    ("1500 hrs", "2026-03-18T15:00"),
    ("quarter past five", "2026-03-18T05:15"),
    ("ten to six", "2026-03-18T05:50"),
    ("half 7", "2026-03-18T07:30"),
    ("half past seven in the evening", "2026-03-18T19:30"),
    ("tonight at 8", "2026-03-18T20:00"),
    ("in 90 minutes", "2026-03-18T12:00"),
    ("an hour ago", "2026-03-18T09:30"),
    ("2 hours before midnight", "2026-03-18T22:00"),
    ("five o'clock", "2026-03-18T05:00"),
    ("2026-03-31 14:00", "2026-03-31T14:00"),
    ("now", "2026-03-18T10:30"),
]


@pytest.mark.parametrize(("phrase", "wanted"), TIMES)
def test_times(phrase: str, wanted: str) -> None:
    assert read_moment(phrase, NOW).naive() == datetime.fromisoformat(wanted)


REFUSED = [
    ("13th month of 2026", "there is no month 13"),
    ("30 february 2024", "February 2024 has 29 days, not 30"),
    ("2026-13-01", "there is no month 13"),
    ("31/13/2025", "there is no month 13"),
    ("fifth monday of february 2026", "there is no 5th monday"),
    ("366th day of 2026", "there is no 366th day"),
    ("1 january 0", "outside 1 to 9999"),
    ("1 january 10000", "outside 1 to 9999"),
    ("in 10000 years", "outside the years"),
    ("25:00", "not a time of day"),
    ("13pm", "not a time of day"),
    ("12:60", "not a time of day"),
    ("banana", "not a date I can read"),
    ("next banana", "not a date I can read"),
    ("5", "not a date I can read"),
    ("5 6 7", "not a date I can read"),
    ("the battle of 1066", "not a date I can read"),
    ("3-5 march", "not a date I can read"),
    ("", "missing"),
    ("march " * 60, "too long"),
]


@pytest.mark.parametrize(("phrase", "message"), REFUSED)
def test_impossible_dates_are_refused_in_one_line(phrase: str, message: str) -> None:
    with pytest.raises(ClockError, match=message) as caught:
        read_moment(phrase, NOW)
    assert "\n" not in str(caught.value)


@given(DAYS)
def test_every_day_is_read_back(day: date) -> None:
    name = calendar.month_name[day.month]
    for phrase in (
        day.isoformat(),
        f"{day.day} {name} {day.year}",
        f"{name} {day.day}, {day.year}",
    ):
        assert read_moment(phrase, NOW).day == day


@given(DAYS, st.integers(1, 5), st.integers(0, 6))
@settings(max_examples=50)
def test_nth_weekday_agrees_with_counting(day: date, nth: int, weekday: int) -> None:
    name = calendar.day_name[weekday]
    weeks = calendar.monthcalendar(day.year, day.month)
    days = [week[weekday] for week in weeks if week[weekday]]
    phrase = f"{('first', 'second', 'third', 'fourth', 'fifth')[nth - 1]} {name} of {day:%Y-%m}"
    if nth > len(days):
        with pytest.raises(ClockError):
            read_moment(phrase, NOW)
    else:
        assert read_moment(phrase, NOW).day == day.replace(day=days[nth - 1])


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_moment(text, NOW)
    except ClockError as error:
        assert str(error)
