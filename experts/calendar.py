"""The expert for dates, times and holidays: a thin skin over `mrkl.tools.clock`.

In: a task and phrases as they stand in the question. Out: dates, times, numbers, weekday names or
yes/no, with a text a person would write. "Now" and the user's time zone come from the world, so
that both can be fixed. It knows the Gregorian calendar only and no one's appointments.
"""

from __future__ import annotations

from typing import Any, cast

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result, Value
from mrkl.tools import clock

_TASKS = (
    "add, subtract, difference, weekday, age, now, convert_timezone, holiday, leap_year, "
    "week_number, date_of"
)
_NEEDED = {"add": "duration", "subtract": "duration", "age": "date", "date_of": "date"}
_CARD = Card(
    name="calendar",
    description=(
        "Dates and clock: add or subtract days, how long between two dates or times, weekdays, "
        "ages, the time now, time zones, public holidays, leap years, week numbers."
    ),
    parameters=(
        Parameter("task", f"enum[{_TASKS}]"),
        Parameter("date", "str", "a date or time as in the question", required=False),
        Parameter("end", "str", "the other date or time", required=False),
        Parameter("duration", "str", "such as 200 days", required=False, copy=False),
        Parameter(
            "unit",
            "str",
            "days, weeks, business days, months, years, hours, minutes; for now: time, date, "
            "weekday, year",
            required=False,
            copy=False,
        ),
        Parameter("place", "str", "city or country", required=False),
        Parameter("to", "str", "target place", required=False),
        Parameter("name", "str", "holiday name", required=False),
    ),
    returns="date, time, number, name or yes/no",
    examples=(
        "days between 3 march 2024 and 17 november 2024",
        "which weekday will it be 200 days from now",
        "what time is it in tokyo",
        "3pm in london is what time in new york",
        "when is easter next year",
        "date of the second tuesday of may 2026",
    ),
)


def _answer(arguments: dict[str, Any], context: Context) -> Result:
    given = {name: str(value) for name, value in arguments.items() if value not in (None, "")}
    task = given.pop("task", "")
    needed = _NEEDED.get(task)
    if needed and needed not in given:
        raise ExpertError("bad_arguments", f"calendar: {task} needs {needed}")
    try:
        found = _dispatch(task, given, context)
    except clock.ClockError as error:
        raise ExpertError("no_answer", str(error)) from None
    source = "holidays" if task == "holiday" else "calendar"
    return Result(cast(Value, found.value), unit=found.unit, source=source, text=found.text)


def _dispatch(task: str, given: dict[str, str], context: Context) -> clock.Answer:
    now = context.world.now()
    date, end, unit, place = (given.get(key) for key in ("date", "end", "unit", "place"))
    match task:
        case "add" | "subtract":
            back = task == "subtract"
            return clock.add(date, given["duration"], now, unit=unit, place=place, backwards=back)
        case "difference":
            return clock.between(date, end, now, unit=unit, place=place)
        case "weekday":
            return clock.weekday(date, now)
        case "age":
            return clock.age(given["date"], end, now, unit=unit)
        case "now":
            return clock.current(now, unit=unit, place=place)
        case "convert_timezone":
            return clock.convert_timezone(date, place, given.get("to"), now)
        case "holiday":
            return clock.holiday(given.get("name"), place, date, now)
        case "leap_year":
            return clock.leap_year(date, now)
        case "week_number":
            return clock.week_number(date, now)
        case "date_of":
            return clock.date_of(given["date"], now)
        case _:
            raise ExpertError("bad_arguments", f"calendar has no task {task!r}")


def build() -> Expert:
    """The calendar expert."""
    return Expert(_CARD, _answer, origin="mrkl.experts.calendar:build")
