"""The functions of the calculator's expressions, by name.

Each entry of FUNCTIONS takes a list of values (numbers, or lists of numbers for the functions of
many values) and gives a number, a yes/no, a text or a list. Counts of arguments and kinds are
checked here; the grammar is arith.py's business.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias, cast

from mrkl.tools import primes
from mrkl.tools.arith_exact import (
    MAX_BITS,
    ArithError,
    Number,
    add,
    as_float,
    bits,
    divide,
    guard,
    logarithm,
    modulo,
    multiply,
    root,
    round_half_up,
    tidy,
)
from mrkl.tools.numerals import int_text, number_text


@dataclass(frozen=True)
class Degrees:
    """An angle written in degrees, kept exact for the trigonometric functions."""

    value: Number


Item: TypeAlias = "Number | bool | str | Degrees | list[Item]"
_Body: TypeAlias = Callable[[list[Number]], "Item"]


@dataclass(frozen=True)
class Function:
    """A function with its allowed number of arguments (`most` None: any number, and lists)."""

    name: str
    least: int
    most: int | None
    body: Callable[[list[Item]], Item]

    def __call__(self, arguments: list[Item]) -> Item:
        count = len(arguments)
        if count < self.least or (self.most is not None and count > self.most):
            wanted = str(self.least) if self.least == self.most else f"{self.least} to {self.most}"
            if self.most is None:
                wanted = f"at least {self.least}"
            noun = "value" if wanted == "1" else "values"
            raise ArithError(f"{self.name} takes {wanted} {noun}, not {count}")
        return self.body(arguments)


def number(value: Item, where: str) -> Number:
    """The value if it is a number; angles become radians; ArithError for anything else."""
    if isinstance(value, Degrees):
        return math.radians(as_float(value.value))
    if isinstance(value, (bool, str, list)):
        kind = "yes or no" if isinstance(value, bool) else "text" if isinstance(value, str) else ""
        raise ArithError(f"{where} needs a number, not {kind or 'a list'}")
    return value


def flat(arguments: list[Item], where: str) -> list[Number]:
    """The numbers of all arguments, lists opened."""
    numbers: list[Number] = []
    for item in arguments:
        numbers += flat(item, where) if isinstance(item, list) else [number(item, where)]
    return numbers


def whole(value: Number, where: str, least: int | None = None) -> int:
    """The value as an int; ArithError unless it is whole and at least `least`."""
    if value != (nearest := round(value)) or (least is not None and nearest < least):
        above = f" of {least} or more" if least is not None else ""
        raise ArithError(f"{where} needs a whole number{above}, not {number_text(value)}")
    return nearest


def _fixed(name: str, least: int, most: int, body: _Body) -> Function:
    return Function(name, least, most, lambda items: body([number(i, name) for i in items]))


def _many(name: str, body: _Body) -> Function:
    def call(items: list[Item]) -> Item:
        numbers = flat(items, name)
        if not numbers:
            raise ArithError(f"{name} of nothing")
        return body(numbers)

    return Function(name, 1, None, call)


def _root(v: list[Number]) -> Item:
    return root(v[0], whole(v[1], "root", 1))


def _factorial(v: list[Number]) -> Item:
    n = whole(v[0], "factorial", 0)
    guard(n if n > MAX_BITS else math.lgamma(n + 1) / math.log(2))
    return math.factorial(n)


def _lcm(v: list[Number]) -> Item:
    numbers = [whole(n, "lcm") for n in v]
    guard(sum(n.bit_length() for n in numbers))
    return math.lcm(*numbers)


def _choices(v: list[Number]) -> Item:
    n, k = whole(v[0], "ncr", 0), whole(v[1], "ncr", 0)
    k = min(k, n - k) if k <= n else k
    if k <= n:
        # (e n / k)^k bounds the result.
        guard(
            k if k > MAX_BITS else k * (math.log2(math.e) + math.log2(n or 1) - math.log2(k or 1))
        )
    return math.comb(n, k) if k <= n else 0


def _arrangements(v: list[Number]) -> Item:
    n, k = whole(v[0], "npr", 0), whole(v[1], "npr", 0)
    if k <= n:
        guard(min(k, MAX_BITS + 1) * (n.bit_length() if k < n / 2 else math.log2(n or 1)))
    return math.perm(n, k) if k <= n else 0


def total(numbers: list[Number]) -> Number:
    """The exact sum."""
    result: Number = 0
    for value in numbers:
        result = add(result, value)
    return result


def _mean(v: list[Number]) -> Number:
    return divide(total(v), len(v))


def _median(v: list[Number]) -> Number:
    ordered, middle = sorted(v), len(v) // 2
    if len(v) % 2:
        return ordered[middle]
    return divide(add(ordered[middle - 1], ordered[middle]), 2)


def _mode(v: list[Number]) -> Item:
    counts = Counter(v)
    top = max(counts.values())
    modes: list[Item] = [value for value, count in counts.items() if count == top]
    return modes[0] if len(modes) == 1 else modes


def _stdev(v: list[Number]) -> Item:
    """The sample standard deviation (n - 1)."""
    if len(v) < 2:
        raise ArithError("stdev needs at least two numbers")
    mean = _mean(v)
    squares = [multiply(d, d) for d in (add(x, -mean) for x in v)]
    return root(divide(total(squares), len(v) - 1), 2)


def _factor_text(v: list[Number]) -> str:
    n = whole(v[0], "factorint", 1)
    parts = [int_text(p) if k == 1 else f"{int_text(p)}^{k}" for p, k in primes.factors(n).items()]
    return " * ".join(parts) or "1"


def _round(v: list[Number]) -> Item:
    return round_half_up(v[0], whole(v[1], "round") if len(v) > 1 else 0)


def _log(v: list[Number]) -> Item:
    return logarithm(v[0], v[1] if len(v) > 1 else 10)


def _exp(v: list[Number]) -> Item:
    try:
        return 1 if v[0] == 0 else tidy(math.exp(as_float(v[0])))
    except OverflowError:
        guard(math.inf)
        raise


_HALF = Fraction(1, 2)
_SINES: dict[Fraction | int, Number] = {0: 0, 30: _HALF, 90: 1, 150: _HALF, 180: 0}
_SINES.update({210: -_HALF, 270: -1, 330: -_HALF})
_TANGENTS: dict[Fraction | int, Number] = {0: 0, 45: 1, 135: -1}


def _sine(angle: Item, shift: int, name: str) -> Number:
    """sin(angle + shift degrees); shift 90 makes it the cosine."""
    if isinstance(angle, Degrees) and not isinstance(angle.value, float):
        turned = (Fraction(angle.value) + shift) % 360
        exact = _SINES.get(turned)
        return math.sin(math.radians(turned)) if exact is None else exact
    x = as_float(number(angle, name))
    value = math.cos(x) if shift else math.sin(x)
    # pi is rounded: sin(pi) comes out as 1e-16 and means 0.
    return 0 if abs(value) < 1e-15 and abs(x) > 1e-9 else value


def _tangent(items: list[Item]) -> Item:
    angle = items[0]
    if isinstance(angle, Degrees) and not isinstance(angle.value, float):
        exact = _TANGENTS.get(Fraction(angle.value) % 180)
        if exact is not None:
            return exact
    sine, cosine = _sine(angle, 0, "tan"), _sine(angle, 90, "tan")
    if cosine == 0:
        raise ArithError("tan is not defined at this angle")
    return divide(sine, cosine)


def _arc(function: Callable[[float], float], name: str) -> _Body:
    def body(v: list[Number]) -> Item:
        x = as_float(v[0])
        if name != "atan" and abs(x) > 1:
            raise ArithError(f"{name} needs a number from -1 to 1")
        return function(x)

    return body


def extreme(entries: list[tuple[str, Number]], largest: bool) -> Item:
    """The name with the largest (or smallest) value; all of them where several are level."""
    values = [value for _, value in entries]
    wanted = max(values) if largest else min(values)
    names: list[Item] = [name for name, value in entries if value == wanted]
    return names[0] if len(names) == 1 else names


_LIST = (
    _fixed("sqrt", 1, 1, lambda v: root(v[0], 2)),
    _fixed("cbrt", 1, 1, lambda v: root(v[0], 3)),
    _fixed("root", 2, 2, _root),
    _fixed("factorial", 1, 1, _factorial),
    _many("gcd", lambda v: math.gcd(*(whole(n, "gcd") for n in v))),
    _many("lcm", _lcm),
    _fixed("mod", 2, 2, lambda v: modulo(v[0], v[1])),
    _fixed("floor", 1, 1, lambda v: math.floor(v[0])),
    _fixed("ceil", 1, 1, lambda v: math.ceil(v[0])),
    _fixed("round", 1, 2, _round),
    _fixed("abs", 1, 1, lambda v: abs(v[0])),
    _many("min", min),
    _many("max", max),
    _many("sum", total),
    _many("mean", _mean),
    _many("median", _median),
    _many("mode", _mode),
    _many("stdev", _stdev),
    _fixed("isprime", 1, 1, lambda v: primes.is_prime(whole(v[0], "isprime"))),
    _fixed("nextprime", 1, 1, lambda v: primes.next_prime(whole(v[0], "nextprime"))),
    _fixed("factorint", 1, 1, _factor_text),
    _fixed("divisors", 1, 1, lambda v: cast(Item, primes.divisors(whole(v[0], "divisors", 1)))),
    _fixed("ncr", 2, 2, _choices),
    _fixed("npr", 2, 2, _arrangements),
    _fixed("log2", 1, 1, lambda v: logarithm(v[0], 2)),
    _fixed("log10", 1, 1, lambda v: logarithm(v[0], 10)),
    _fixed("ln", 1, 1, lambda v: logarithm(v[0])),
    _fixed("log", 1, 2, _log),
    _fixed("exp", 1, 1, _exp),
    Function("sin", 1, 1, lambda items: _sine(items[0], 0, "sin")),
    Function("cos", 1, 1, lambda items: _sine(items[0], 90, "cos")),
    Function("tan", 1, 1, _tangent),
    _fixed("asin", 1, 1, _arc(math.asin, "asin")),
    _fixed("acos", 1, 1, _arc(math.acos, "acos")),
    _fixed("atan", 1, 1, _arc(math.atan, "atan")),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _LIST}
FUNCTIONS["average"] = FUNCTIONS["mean"]


def size(value: Item) -> int:
    """The bits a value holds, lists summed."""
    if isinstance(value, list):
        return sum(size(item) for item in value)
    return 0 if isinstance(value, (bool, str, Degrees)) else bits(value)
