"""Experts from plain typed functions."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any, Literal, Optional

import pytest

from mrkl.experts.base import Context, Expert, Parameter, Result
from mrkl.experts.decorator import Free, expert


@expert(examples=["pace?", ("did a 10k in 52 minutes", {"distance_km": 10, "minutes": 52})])
def pace(distance_km: float, minutes: Annotated[float, "total time"] = 60) -> str:
    """Running pace as m:ss per kilometre.

    Args:
        distance_km: not for the card
    """
    seconds = round(minutes * 60 / distance_km)
    return f"{seconds // 60}:{seconds % 60:02d}"


@expert
async def later(number: int) -> int:
    """Doubles a number, later."""
    return 2 * number


def test_the_card_comes_from_the_function() -> None:
    assert pace.card.name == "pace"
    assert pace.card.description == "Running pace as m:ss per kilometre."
    assert pace.card.returns == "str"
    assert pace.card.parameters == (
        Parameter("distance_km", "float"),
        Parameter("minutes", "float", "total time", required=False, default=60),
    )
    assert pace.card.examples == ("pace?", "did a 10k in 52 minutes")
    assert pace.calls == (("did a 10k in 52 minutes", {"distance_km": 10, "minutes": 52}),)
    assert pace.isolate and pace.effects == "none" and pace.timeout == 10


def test_the_function_stays_callable() -> None:
    assert pace(10, 52) == "5:12"
    assert pace.call({"distance_km": 10.0, "minutes": 52.0}, Context()) == Result("5:12")


def test_async_functions_are_run() -> None:
    assert later.call({"number": 4}, Context()) == Result(8)


def test_every_type_of_the_contract() -> None:
    @expert(effects="write", timeout=2)
    def many(
        a: int,
        b: float,
        c: int | float,  # noqa: PYI041 - a number that may stay whole
        d: str,
        e: bool,
        f: date,
        g: Literal["x", "y z"],
        h: Literal[1, 2],
        i: list[str],
        j: list[float],
        k: Annotated[str, Free(), "a query"],
        f2: Fraction,
        m: int | None = None,
        n: Optional[date] = None,  # noqa: UP045 - people write this
        o: Annotated[list[int] | None, "numbers"] = None,
    ) -> list[str]:
        """All types."""
        return [str(v) for v in (a, b, c, d, e, f, g, h, i, j, k, f2, m, n, o)]

    kinds = [p.type for p in many.card.parameters]
    assert kinds == [
        *("int", "float", "number", "str", "bool", "date", "enum[x, y z]", "enum[1, 2]"),
        *("list[str]", "list[float]", "str", "number", "int", "date", "list[float]"),
    ]
    assert [p.name for p in many.card.parameters if not p.required] == ["m", "n", "o"]
    assert many.card.parameters[10] == Parameter("k", "str", "a query", copy=False)
    assert many.card.parameters[-1].description == "numbers"
    assert many.card.returns == "list[str]"
    assert not many.isolate and many.timeout == 2


def test_context_is_handed_in_and_not_on_the_card() -> None:
    @expert
    def year(context: Context, add: int = 0) -> int:
        """The present year."""
        return context.world.now().year + add

    assert [p.name for p in year.card.parameters] == ["add"]
    assert year.call({"add": 1}, Context()).value == datetime.now().astimezone().year + 1


def test_a_result_passes_as_it_is() -> None:
    @expert(name="weight")
    def function(n: int) -> Result:
        """A weight."""
        return Result(n, "kg")

    assert function.name == "weight"
    assert function.call({"n": 2}, Context()) == Result(2, "kg")


def _untyped(a) -> int:  # type: ignore[no-untyped-def]
    """Has a parameter without type."""
    return 1


def _starred(*a: int) -> int:
    """Has a star."""
    return 1


def _dictionary(a: dict[str, int]) -> int:
    """Has a dict."""
    return 1


def _moment(a: datetime) -> int:
    """Has a datetime."""
    return 1


def _default(a: int = "three") -> int:  # type: ignore[assignment]
    """Has a wrong default."""
    return 1


def _enum_default(a: Literal["x", "y"] = "z") -> int:  # type: ignore[assignment]
    """Has a wrong default."""
    return 1


def _comma(a: Literal["x, y"]) -> int:
    """Has a comma in an enum."""
    return 1


def _silent(a: int) -> int:
    return a


def _unknown(a: Nowhere) -> int:  # type: ignore[name-defined]  # noqa: F821
    """Has a type that does not exist."""
    return 1


def _fine(a: int) -> int:
    """Fine."""
    return a


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (_untyped, {}, "parameter 'a' needs a type, such as `a: int`"),
        (_starred, {}, "name each parameter"),
        (_dictionary, {}, r"dict\[str, int\] is not possible"),
        (_moment, {}, "use date"),
        (_default, {}, "default 'three' is no int"),
        (_enum_default, {}, "default 'z' is no enum"),
        (_comma, {}, "may not hold"),
        (_silent, {}, "needs a docstring"),
        (_unknown, {}, "Nowhere"),
        (lambda a: a, {}, "needs a name"),
        (_fine, {"effects": "much"}, "effects must be one of none, read"),
        (_fine, {"timeout": 0}, "timeout"),
        (_fine, {"examples": [3]}, "an example is a question or"),
        (_fine, {"examples": [("q", {"b": 3})]}, "no parameter 'b'"),
    ],
)
def test_faults_say_what_to_fix(function: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        expert(function, **options)


def test_usable_as_a_plain_call() -> None:
    made = expert(_fine, name="other", examples=("one", "two"), isolate=False)
    assert isinstance(made, Expert)
    assert made.name == "other" and not made.isolate
    assert made.origin == f"{__name__}:_fine"
