"""Algebra and calculus: a task and a formula in, numbers or a formula out.

The engine is mrkl.tools.algebra (sympy), loaded only in the process that runs it: some formulas
take for ever, so calls are isolated and end at their deadline.
"""

from __future__ import annotations

from typing import Any, cast

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result, Value

_TASKS = "solve, simplify, expand, factor, derivative, integral, limit, evaluate, minimum, maximum"
_CARD = Card(
    name="algebra",
    description=(
        "Algebra and calculus with unknowns: solve equations, inequalities and systems, simplify, "
        "expand, factor, differentiate, integrate, limits, evaluate at a point, minimum and "
        "maximum of a function."
    ),
    parameters=(
        Parameter("task", f"enum[{_TASKS}]"),
        Parameter("expression", "str", copy=False),
        Parameter("variable", "str", required=False, default="x", copy=False),
        Parameter("at", "str", required=False, copy=False),
        Parameter("lower", "str", required=False, copy=False),
        Parameter("upper", "str", required=False, copy=False),
    ),
    returns="value",
    examples=(
        "solve 3x + 7 = 22",
        "roots of x^2 - 5x + 6",
        "x + y = 12 and x - y = 4, find both",
        "derivative of x^3 sin x",
        "integrate 1/x from 1 to 5",
        "limit of sin(x)/x as x goes to 0",
        "factor x^2 - 9",
        "expand (a + b)^3",
        "simplify (x^2 - 1)/(x - 1)",
        "value of 2x^2 - 3 when x is 4",
        "where is x^2 - 6x + 1 smallest?",
    ),
)
_WARM_UP = (("solve 3x + 7 = 22", {"task": "solve", "expression": "3x + 7 = 22"}),)


def build() -> Expert:
    """The algebra expert."""
    return Expert(
        _CARD,
        _work_out,
        isolate=True,
        timeout=5.0,
        origin="mrkl.experts.algebra:build()",
        calls=_WARM_UP,
    )


def _work_out(arguments: dict[str, Any], context: Context) -> Result:
    from mrkl.tools.algebra import AlgebraError, BadFormula, work_out

    try:
        found = work_out(**arguments)
    except BadFormula as error:
        raise ExpertError("bad_arguments", str(error)) from None
    except AlgebraError as error:
        raise ExpertError("no_answer", str(error)) from None
    return Result(cast(Value, found.value), source="sympy", text=found.text)
