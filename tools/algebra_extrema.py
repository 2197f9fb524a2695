"""Minima and maxima of a function of one real variable.

In: a sympy expression, its variable and bounds (None: all real numbers). Out: a Solution whose
value is the place and whose text names both, `-1 at x = 2`. Where the function has no bound, a
local extremum is given and called so.
"""

from __future__ import annotations

from typing import Any

from mrkl.tools.algebra_parser import AlgebraError, BadFormula, sympy
from mrkl.tools.algebra_solve import real_roots
from mrkl.tools.algebra_text import Solution, as_text, as_value


def extremum(formula: Any, variable: Any, bounds: tuple[Any, Any], largest: bool) -> Solution:
    """The place and value of the minimum or maximum between the bounds."""
    word = "maximum" if largest else "minimum"
    if formula.free_symbols - {variable}:
        raise BadFormula(f"a {word} needs a function of one variable")
    if variable not in formula.free_symbols:
        raise AlgebraError("the function is constant")
    sign = -1 if largest else 1
    function = sign * formula
    pieces = _domain(function, variable, bounds)
    inner = _candidates(function, variable, pieces)
    best = min(inner, key=lambda pair: sympy().N(pair[1]), default=None)
    edge = _edge(function, variable, pieces)
    if edge is None or (best is not None and bool(sympy().N(best[1] - edge) <= 0)):
        return _told(best, variable, sign, word)
    local = [pair for pair in inner if _is_local(function, variable, pair[0])]
    return _told(local[0] if local else None, variable, sign, word, " (local)")


def _domain(function: Any, variable: Any, bounds: tuple[Any, Any]) -> list[Any]:
    """The intervals between the bounds on which the function is real and continuous."""
    s = sympy()
    lower, upper = bounds
    whole = s.Interval(-s.oo if lower is None else lower, s.oo if upper is None else upper)
    try:
        domain = s.calculus.util.continuous_domain(function, variable, whole)
    except NotImplementedError:
        domain = whole
    pieces = domain.args if isinstance(domain, s.Union) else (domain,)
    return [piece for piece in pieces if isinstance(piece, s.Interval)] or [whole]


def _candidates(function: Any, variable: Any, pieces: list[Any]) -> list[tuple[Any, Any]]:
    """Places where an extremum can be, with values: closed ends, zeros of the slope, kinks."""
    s = sympy()
    places = real_roots(s.diff(function, variable), variable)
    for part in function.atoms(s.Abs):
        places += real_roots(part.args[0], variable)
    for piece in pieces:
        ends = ((piece.start, piece.left_open), (piece.end, piece.right_open))
        places += [end for end, is_open in ends if not is_open]
    numbers = [place for place in dict.fromkeys(places) if place.is_number]
    inside = [place for place in numbers if any(_holds(piece, place) for piece in pieces)]
    found = [(place, function.subs(variable, place)) for place in inside]
    return [(place, value) for place, value in found if value.is_real and value.is_finite]


def _holds(piece: Any, place: Any) -> bool:
    return bool(piece.start <= place) and bool(place <= piece.end)


def _edge(function: Any, variable: Any, pieces: list[Any]) -> Any:
    """The lowest value the function tends to at open ends; None where all ends are closed."""
    s = sympy()
    values: list[Any] = []
    for piece in pieces:
        if piece.left_open:
            values.append(s.limit(function, variable, piece.start, "+"))
        if piece.right_open:
            values.append(s.limit(function, variable, piece.end, "-"))
    # A function that swings for ever tends to a range of values.
    lowest = [v.min if isinstance(v, s.AccumBounds) else v for v in values]
    return min((v for v in lowest if v.is_extended_real), key=s.N, default=None)


def _is_local(function: Any, variable: Any, place: Any) -> bool:
    """Whether the function is higher a little to both sides."""
    here = function.subs(variable, place).evalf(20)
    step = sympy().Rational(1, 1000)
    sides = [function.subs(variable, place + d).evalf(20) for d in (step, -step)]
    return all(side.is_real and bool(side > here) for side in sides)


def _told(best: Any, variable: Any, sign: int, word: str, note: str = "") -> Solution:
    if best is None:
        raise AlgebraError(f"the function has no {word}")
    place, value = best
    text = f"{as_text(sign * value)} at {variable} = {as_text(place)}{note}"
    return Solution(as_value(place), text)
