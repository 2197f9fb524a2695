"""Calls: arguments, results, deadlines and what an expert may do wrong."""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from mrkl.experts.base import Context, Expert, ExpertError, Failure, Result
from mrkl.experts.decorator import expert
from mrkl.experts.registry import builtin_expert
from mrkl.experts.run import call, warm
from mrkl.experts.wire import dump_outcome, load_outcome
from mrkl.experts.world import World
from mrkl.tools import sandbox

DEADLINE = 1.0
needs_fork = pytest.mark.skipif(not sandbox.can_fork(), reason="this system has no safe fork")


@expert(isolate=False)
def echo(
    whole: int = 0,
    real: float = 0.0,
    number: int | float = 0,  # noqa: PYI041 - a number that may stay whole
    exact: Fraction = Fraction(0),
    text: str = "",
    flag: bool = False,
    day: date | None = None,
    kind: Literal["red", "dark blue"] = "red",
    level: Literal[1, 2] = 1,
    words: list[str] | None = None,
    reals: list[float] | None = None,
    wholes: list[int] | None = None,
    small: Annotated[int, Field(ge=1, le=9)] = 1,
) -> str:
    """Shows its arguments."""
    values = (whole, real, number, exact, text, flag, day, kind, level, words, reals, wholes, small)
    return "|".join(map(repr, values))


NAMES = [p.name for p in echo.card.parameters]


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("whole", "8", 8),
        ("whole", 3.0, 3),
        ("whole", Fraction(6, 2), 3),
        ("whole", "2+1", 3),
        ("whole", "1,200", 1200),
        ("real", 3, 3.0),
        ("real", Fraction(1, 2), 0.5),
        ("real", "3.5*60", 210.0),
        ("real", Decimal("0.25"), 0.25),
        ("number", "7", 7),
        ("number", 2.5, 2.5),
        ("exact", "1/3", Fraction(1, 3)),
        ("text", 12, "12"),
        ("text", date(2024, 1, 2), "2024-01-02"),
        ("flag", "Yes", True),
        ("flag", False, False),
        ("day", "2024-03-03", date(2024, 3, 3)),
        ("day", datetime(2024, 3, 3, 5, tzinfo=UTC), date(2024, 3, 3)),
        ("kind", "Dark  Blue", "dark blue"),
        ("level", "2", 2),
        ("words", ["a", 1], ["a", "1"]),
        ("words", "a", ["a"]),
        ("reals", [1, "1/2"], [1.0, 0.5]),
        ("wholes", [1.0, "2"], [1, 2]),
        ("small", "9", 9),
    ],
)
def test_arguments_are_coerced_without_loss(name: str, given: object, taken: object) -> None:
    result = call(echo, {name: given})
    assert isinstance(result, Result), result
    assert str(result.value).split("|")[NAMES.index(name)] == repr(taken)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"whole": 2.5}, "whole must be a whole number, not 2.5"),
        ({"whole": True}, "whole must be a number, not true"),
        ({"whole": "many"}, "whole: unknown name 'many'"),
        ({"whole": "9**9**9"}, "too large"),
        ({"real": float("nan")}, "finite"),
        ({"real": 10**400}, "too large for a float"),
        ({"text": ["a"]}, "text must be a text"),
        ({"flag": 1}, "true or false"),
        ({"day": "3 march"}, "a date such as 2026-03-18"),
        ({"kind": "darkblue"}, "did you mean dark blue"),
        ({"words": [["a"]]}, "must be a text"),
        ({"small": 12}, "less than or equal to 9, not 12"),
        ({"wole": 3}, "no parameter 'wole'; did you mean whole?"),
        ({"text": "x" * 200_000}, "longer than"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    failure = call(echo, arguments)
    assert isinstance(failure, Failure)
    assert failure.kind == "bad_arguments"
    assert message in failure.message


def test_missing_arguments_are_named() -> None:
    failure = call(builtin_expert("calculator"), {})
    assert failure == Failure("bad_arguments", "calculator needs expression (str)", failure.seconds)


def _returning(value: Any, annotation: Any = None) -> Expert:
    def function() -> Any:
        """Gives a value."""
        return value

    function.__annotations__["return"] = annotation or Any
    return expert(function, isolate=False)


class _Scalar:
    """Like the scalar of an array library."""

    shape = ()

    def item(self) -> float:
        return 2.5


@pytest.mark.parametrize(
    ("value", "annotation", "kept"),
    [
        (3.0, int, 3),
        (3, float, 3),
        ((1, 2), None, [1, 2]),
        (Decimal("0.5"), None, Fraction(1, 2)),
        (_Scalar(), float, 2.5),
        (Result(4, "kg"), None, 4),
        ("x", Literal["x", "y"], "x"),
    ],
)
def test_results_become_plain_values(value: object, annotation: Any, kept: object) -> None:
    result = call(_returning(value, annotation), {})
    assert isinstance(result, Result), result
    assert result.value == kept
    assert type(result.value) is type(kept)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (float("nan"), None),
        (float("inf"), float),
        ([1.0, float("nan")], None),
        (1j, None),
        ({"a": 1}, None),
        ({1, 2}, None),
        (object(), None),
        ("3", int),
        (2.5, int),
        (True, int),
        (1, bool),
        (3, str),
        ("z", Literal["x", "y"]),
        (["a"], list[float]),
        ("x" * 200_000, str),
        (list(range(20_000)), None),
        (Decimal("1e999999"), None),
        ([[[[[[[[[[1]]]]]]]]]], None),
    ],
)
def test_results_outside_the_contract_are_failures(value: object, annotation: Any) -> None:
    failure = call(_returning(value, annotation), {})
    assert isinstance(failure, Failure)
    assert failure.kind == "contract"


def test_long_integers_pass_up_to_a_limit() -> None:
    result = call(_returning(10**30_000), {})
    assert isinstance(result, Result)
    assert result.value == 10**30_000
    failure = call(_returning(10**60_000), {})
    assert isinstance(failure, Failure)
    assert failure.kind == "contract"


def test_nothing_is_no_answer() -> None:
    failure = call(_returning(None), {})
    assert isinstance(failure, Failure)
    assert failure.kind == "no_answer"


def loop(n: int) -> int:
    """Never ends."""
    while True:
        n += 1


def power(n: int) -> int:
    """Keeps the interpreter's lock in C code."""
    return len(str(3 ** (10**9 + n)))


def backtrack(n: int) -> bool:
    """Keeps the interpreter's lock in the regular expression engine."""
    return bool(re.match("(a+)+$", "a" * (60 + n) + "b"))


async def sleep(n: int) -> int:
    """Sleeps without blocking."""
    import asyncio

    await asyncio.sleep(60)
    return n


def leave(n: int) -> int:
    """Ends the program."""
    sys.exit(n)


def leave_hard(n: int) -> int:
    """Ends the process."""
    os._exit(n)


def fail(n: int) -> int:
    """Fails."""
    raise ValueError(f"number {n}\nis bad")


def refuse(n: int) -> int:
    """Has no answer."""
    raise ExpertError("no_answer", f"nothing known of {n}")


def greedy(n: int) -> int:
    """Takes all memory."""
    return len(bytearray(64 << 30)) + n


@pytest.mark.parametrize("function", [loop, power, backtrack, sleep])
@pytest.mark.parametrize("local", [False, True], ids=["worker", "fork"])
def test_experts_that_hang_end_at_their_deadline(function: Callable[..., Any], local: bool) -> None:
    made = expert(function, timeout=DEADLINE)
    if local:
        made.origin = None
    begin = time.monotonic()
    failure = call(made, {"n": 1})
    assert time.monotonic() - begin < 1.2 * DEADLINE
    assert failure == Failure("timeout", f"{made.name} took too long", failure.seconds)


def test_the_contexts_deadline_counts_too() -> None:
    begin = time.monotonic()
    failure = call(expert(loop), {"n": 1}, Context(deadline=begin + DEADLINE))
    assert time.monotonic() - begin < 1.2 * DEADLINE
    assert isinstance(failure, Failure)
    past = call(expert(fail), {"n": 1}, Context(deadline=begin))
    assert isinstance(past, Failure)
    assert (failure.kind, past.kind) == ("timeout", "timeout")


@pytest.mark.parametrize("local", [False, True], ids=["worker", "fork"])
@pytest.mark.parametrize(
    ("function", "kind", "message"),
    [
        (leave, "crashed", "leave tried to end the program"),
        (leave_hard, "crashed", "leave_hard: the process ended without a reply"),
        (fail, "crashed", "fail: ValueError: number 3 is bad"),
        (refuse, "no_answer", "nothing known of 3"),
    ],
)
def test_what_experts_raise_becomes_a_failure(
    function: Callable[..., Any], kind: str, message: str, local: bool
) -> None:
    made = expert(function, timeout=20)
    if local:
        made.origin = None
    failure = call(made, {"n": 3})
    assert isinstance(failure, Failure)
    assert (failure.kind, failure.message) == (kind, message)


@pytest.mark.parametrize("function", [leave, fail, refuse])
def test_in_process_too(function: Callable[..., Any]) -> None:
    failure = call(expert(function, isolate=False), {"n": 3})
    assert isinstance(failure, Failure)


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits are those of Linux")
def test_memory_is_limited() -> None:
    failure = call(expert(greedy, timeout=20), {"n": 3})
    assert isinstance(failure, Failure)
    assert failure.kind == "budget"
    assert failure.message == "greedy needs more than the 2,048 MB of memory that it may have"


def test_effects_run_in_this_process_and_are_left_at_the_deadline() -> None:
    stored: list[int] = []

    @expert(effects="write", timeout=DEADLINE)
    def store(number: int) -> int:
        """Keeps a number; waits for negative ones."""
        if number < 0:
            threading.Event().wait(3)
        stored.append(number)
        return len(stored)

    assert call(store, {"number": 5}) == Result(1, seconds=pytest.approx(0, abs=1))  # type: ignore[arg-type]
    assert stored == [5]
    failure = call(store, {"number": -1})
    assert isinstance(failure, Failure)
    assert failure.kind == "timeout"


@needs_fork
def test_local_functions_run_isolated() -> None:
    factor = 3

    def times(n: int) -> int:
        """A closure."""
        return os.getpid() * factor * n

    result = call(expert(times, timeout=20), {"n": 1})
    assert isinstance(result, Result)
    assert result.value != os.getpid() * factor


def year(context: Context) -> str:
    """Year and zone of the world."""
    return f"{context.world.now().year} {context.world.timezone}"


@pytest.mark.parametrize("local", [False, True], ids=["worker", "fork"])
def test_the_world_reaches_isolated_experts(local: bool) -> None:
    made = expert(year, timeout=20)
    if local:
        made.origin = None
    world = World.from_dict({"now": "1999-12-31T23:59:00+00:00", "timezone": "Asia/Tokyo"})
    result = call(made, {}, Context(world))
    assert isinstance(result, Result)
    assert result.value == "2000 Asia/Tokyo"


def test_a_warm_worker_answers_in_milliseconds() -> None:
    algebra = builtin_expert("algebra")
    algebra.timeout = 60
    warm(algebra)
    seconds: list[float] = []
    for n in range(5):
        result = call(algebra, {"task": "solve", "expression": f"2x = {2 * n}"})
        assert isinstance(result, Result), result
        assert result.value == n
        seconds.append(result.seconds)
    assert min(seconds) < 0.1


@pytest.mark.parametrize(
    "outcome",
    [
        Result(
            [10**6000, Fraction(1, 3), date(2024, 1, 2), [True, None, "é\n"], 0.1], "kg", "s", 1
        ),
        Result(datetime(2024, 7, 1, 12, tzinfo=World(fixed_timezone="Europe/Oslo").zone)),
        Result(datetime(2024, 7, 1, 12, tzinfo=UTC), text="noon", truncated=True),
        Failure("offline", "no network", 0.5),
    ],
)
def test_outcomes_travel_without_loss(outcome: Result | Failure) -> None:
    line = dump_outcome(outcome)
    assert "\n" not in line
    again = load_outcome(line)
    assert again == outcome
    if isinstance(again, Result) and isinstance(again.value, datetime):
        assert isinstance(outcome, Result)
        assert str(again.value) == str(outcome.value)
