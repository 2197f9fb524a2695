"""Times of day inside phrases: `5pm`, `17:30`, `1500 hrs`, `noon`, `quarter past five`, `half 7`.

In: a lower-case phrase. Out: what is left of it without the time, the time, and a note on a choice
made. Times without am or pm are read as written on a 24-hour clock; `half 7` is 7:30; midnight
opens its day. Impossible times (25:00, 13 pm) raise ClockError. It reads no dates.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time

from mrkl.tools.moments import ClockError
from mrkl.tools.number_vocabulary import SMALL

_WORD_NUMBERS = "|".join(sorted((w for w, v in SMALL.items() if v <= 29), key=len, reverse=True))
_TENS = r"twenty[ -](?:one|two|three|four|five|six|seven|eight|nine)"
_N = rf"(?:\d{{1,2}}|{_TENS}|{_WORD_NUMBERS})"
_HALF_DAY = r"(?:\s*(?P<half>a\.?m\b\.?|p\.?m\b\.?))?"
_PART = r"(?:\s+(?:in\s+the|at)\s+(?P<part>morning|afternoon|evening|night))?"
_O_CLOCK = r"(?:\s*o\s?['’]?\s?clock)?"


@dataclass(frozen=True)
class TimeFound:
    """A phrase without its time, the time, and a note."""

    rest: str
    time: time | None
    note: str = ""


def split_time(text: str) -> TimeFound:
    """Take the time of day out of a lower-case phrase; raises ClockError for impossible ones."""
    text, part = _part_of_day(text)
    for pattern, reader in _PATTERNS:
        match = pattern.search(text)
        if match is None:
            continue
        found, note = reader(match)
        said = match.groupdict()
        if part and 1 <= found.hour < 12 and not said.get("half") and not said.get("part"):
            found = found.replace(hour=found.hour + 12)
        rest = f"{text[: match.start()]} {text[match.end() :]}"
        rest = re.sub(r"\b(?:at|by|@)\s*$|^\s*(?:at|by|@)\s+", " ", rest.strip())
        return TimeFound(" ".join(rest.split()).strip(" ,"), found, note)
    return TimeFound(text, None)


def _part_of_day(text: str) -> tuple[str, bool]:
    """The phrase without `morning` or `evening` beside a day, and whether it was after noon."""
    after = re.search(r"\btonight\b|(?<!the )(?<!last )\b(?:afternoon|evening|night)\b", text)
    text = re.sub(r"\bthis (?:morning|afternoon|evening)\b|\btonight\b", "today", text)
    day = r"\b(today|tomorrow|yesterday|[a-z]+day|mon|tue|wed|thu|fri|sat|sun)"
    return re.sub(rf"{day} (?:morning|afternoon|evening|night)\b", r"\1", text), bool(after)


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    return sum(SMALL[word] for word in re.split("[ -]", text))


def _clock(hour: int, minute: int, second: int, match: re.Match[str]) -> time:
    """A time, moved to the half of the day that was said."""
    half = (match["half"] or "").replace(".", "") or {
        "morning": "am",
        "afternoon": "pm",
        "evening": "pm",
        "night": "pm" if 5 < hour < 12 else "am",
    }.get(match["part"] or "", "")
    shown = " ".join(match[0].split())
    if half and match["half"] and not 1 <= hour <= 12:
        raise ClockError(f"{shown!r} is not a time of day")
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "pm" else 0)
    if hour > 23 or minute > 59 or second > 59:
        raise ClockError(f"{shown!r} is not a time of day")
    return time(hour, minute, second)


def _digits(match: re.Match[str]) -> tuple[time, str]:
    return _clock(int(match["h"]), int(match["m"]), int(match["s"] or 0), match), ""


def _hour(match: re.Match[str]) -> tuple[time, str]:
    return _clock(_number(match["h"]), 0, 0, match), ""


def _military(match: re.Match[str]) -> tuple[time, str]:
    return _clock(int(match["h"]), int(match["m"]), 0, match), ""


def _past(match: re.Match[str]) -> tuple[time, str]:
    minutes = {"half": 30, "quarter": 15}.get(match["min"]) or _number(match["min"])
    hour = _number(match["h"])
    if match["dir"] in ("to", "til", "till", "before"):
        hour, minutes = (hour or 24) - 1, 60 - minutes
        if hour == 0 and not match["half"] and not match["part"]:
            hour = 12 if _number(match["h"]) == 1 else 0
    if not 0 <= minutes < 60:
        raise ClockError(f"{match[0]!r} is not a time of day")
    return _clock(hour, minutes, 0, match), ""


def _half(match: re.Match[str]) -> tuple[time, str]:
    hour = _number(match["h"])
    return _clock(hour, 30, 0, match), f"half {match['h']} taken as {hour}:30"


def _named(match: re.Match[str]) -> tuple[time, str]:
    return (time(0) if match["name"] == "midnight" else time(12)), ""


_Reader = Callable[[re.Match[str]], tuple[time, str]]
_END = r"(?![\w:])"
_PATTERNS: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (re.compile(rf"\b(?:12\s+)?(?P<name>noon|midday|midnight){_END}"), _named),
    (
        re.compile(
            rf"(?<![\d:.+\-/])(?P<h>\d{{1,2}})(?::|h)(?P<m>\d\d)(?:[:](?P<s>\d\d))?{_HALF_DAY}{_PART}{_END}"
        ),
        _digits,
    ),
    (
        re.compile(
            rf"(?<![\d:.+\-/])(?P<h>\d{{1,2}})\.(?P<m>\d\d)(?P<s>)\s*(?P<half>a\.?m\b\.?|p\.?m\b\.?)(?P<part>){_END}"
        ),
        _digits,
    ),
    (
        re.compile(
            rf"\b(?:an?\s+)?(?P<min>half|quarter|{_N})(?:\s+minutes?|\s+mins?)?\s+"
            rf"(?P<dir>past|to|after|till?)\s+(?P<h>{_N}){_O_CLOCK}{_HALF_DAY}{_PART}{_END}"
        ),
        _past,
    ),
    (re.compile(rf"\bhalf\s+(?P<h>{_N}){_HALF_DAY}{_PART}{_END}"), _half),
    (
        re.compile(rf"(?<![\d:./\-])(?P<h>{_N})\s*(?P<half>a\.?m\b\.?|p\.?m\b\.?)(?P<part>){_END}"),
        _hour,
    ),
    (
        re.compile(
            rf"\b(?P<h>[01]\d|2[0-4])(?P<m>\d\d)\s*(?:hrs?|hours|h)(?P<half>)(?P<part>){_END}"
        ),
        _military,
    ),
    (re.compile(rf"\b(?P<h>{_N})\s*o\s?['’]?\s?clock{_HALF_DAY}{_PART}{_END}"), _hour),
    (
        re.compile(
            rf"\b(?P<h>{_N})(?P<half>)\s+(?:in\s+the|at)\s+(?P<part>morning|afternoon|evening|night){_END}"
        ),
        _hour,
    ),
    (
        # `at 5`: only where a date or the end follows, not `at 5 percent`.
        re.compile(rf"\bat\s+(?P<h>{_N})(?P<half>)(?P<part>)(?=\s*$|\s+(?:on|today|tomorrow)\b)"),
        _hour,
    ),
)
