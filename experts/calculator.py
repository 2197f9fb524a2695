"""The calculator: one written expression in, its exact value out.

Numbers, yes or no for comparisons, names for argmax and argmin. The engine is mrkl.tools.arith;
reading a question into an expression is the language module's part.
"""

from __future__ import annotations

from typing import Any, cast

from mrkl.experts.base import Card, Context, Expert, ExpertError, Parameter, Result, Value
from mrkl.tools.arith import ArithError, BadExpression, evaluate

_CARD = Card(
    name="calculator",
    description=(
        "Exact arithmetic on numbers: sums, differences, products, quotients, percentages, powers, "
        "roots, logarithms, rounding, remainders, primes, factors, averages, comparisons."
    ),
    parameters=(Parameter("expression", "str", copy=False),),
    returns="value",
    examples=(
        "what is 15% of 80?",
        "17 times 23 minus 4",
        "split 94.50 between 6 people",
        "square root of 1764",
        "is 3/7 more than 0.43?",
        "average of 12, 15 and 21",
        "is 1009 prime?",
        "greatest common divisor of 84 and 126",
        "how many ways to choose 3 out of 12",
        "#1 minus #2",
        "a shirt costs 40 and is 25% off, what do I pay",
        "which is larger, #1 or #2",
    ),
)


def build() -> Expert:
    """The calculator expert. Its cost is bounded before evaluation, so it runs in place."""
    return Expert(_CARD, _calculate, timeout=10.0, origin="mrkl.experts.calculator:build()")


def _calculate(arguments: dict[str, Any], context: Context) -> Result:
    try:
        value = evaluate(arguments["expression"])
    except BadExpression as error:
        raise ExpertError("bad_arguments", str(error)) from None
    except ArithError as error:
        raise ExpertError("no_answer", str(error)) from None
    return Result(cast(Value, value), source="arithmetic")
