"""Exact arithmetic over a written expression.

In: text such as `(12 + 15%) * sqrt(#1)` and the numbers that `#k` stands for. Out: int, Fraction,
float where the value is irrational, bool for comparisons, str for argmax, argmin and factorint,
list for divisors and [lists]. Own grammar, no eval. Sizes are estimated before each operation, so
9^9^9 ends at once with TooLarge. Unknowns and equations belong to algebra.py.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NoReturn, TypeAlias, cast

from mrkl.tools import arith_exact as exact
from mrkl.tools.arith_exact import MAX_BITS, ArithError, BadExpression, Number, TooLarge
from mrkl.tools.arith_functions import FUNCTIONS, Degrees, Item, extreme, number, size
from mrkl.tools.numerals import int_text, number_text

__all__ = ["Answer", "ArithError", "BadExpression", "TooLarge", "evaluate", "literal"]

Answer: TypeAlias = "int | Fraction | float | bool | str | list[Answer]"

MAX_TEXT = 10_000  # characters of an expression
MAX_DEPTH = 60  # nested brackets, powers and roots
_MAX_LITERAL = 4_000  # digits of a number, and power of ten behind its `e`
_REFERENCE_DIGITS = 9
_BIG = 4_096  # bits from which an operation counts against the work limit
_MAX_WORK = 16 * MAX_BITS**2

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<reference>\#\d+)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<op>\*\*|//|<=|>=|==|!=|<>|[-+*/^%()\[\],<>=!×·∙÷−–√²³π°≤≥≠])"
    r"|(?P<end>$))"
)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?")
_OPERAND = re.compile(r"\s*(?!(?:of|mod|deg|x)\b)[\d.#A-Za-z(\[√π]")
_LABEL = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^:()\[\]"]+?))\s*:\s*""")
_SAME = {"**": "^", "×": "*", "·": "*", "∙": "*", "÷": "/", "−": "-", "–": "-", "==": "="} | {
    **dict.fromkeys(("<>", "≠"), "!="),
    "≤": "<=",
    "≥": ">=",
    "°": "deg",
    "π": "pi",
}
_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_WORDS = {"of": "*", "x": "*", "mod": "mod", "deg": "deg", "degrees": "deg"}
_CONSTANTS = {"pi": math.pi, "e": math.e}


def evaluate(text: str, references: Mapping[int, Any] | None = None) -> Answer:
    """The value of an expression; raises ArithError with a line saying why there is none.

    BadExpression: the text is no expression. TooLarge: not worth computing. Plain ArithError: not
    defined, such as a division by zero.

    `references[k]` is what `#k` stands for: a number or a list of numbers; in the place of a name
    in argmax it may be a text.
    """
    if len(text) > MAX_TEXT:
        raise TooLarge(f"the expression is longer than {MAX_TEXT:,} characters")
    parser = _Parser(text, references or {})
    value = parser.comparison()
    if parser.kind != "end":
        parser.fail(f"unexpected {parser.token!r}")
    if isinstance(value, Degrees):
        value = number(value, "the result")
    return cast(Answer, value)


def literal(value: Answer) -> str:
    """Text that `evaluate` reads as exactly this value, in any place of an expression.

    A text becomes a quoted name, as argmax takes them.
    """
    if isinstance(value, bool):
        return "(1 = 1)" if value else "(1 = 0)"
    if isinstance(value, str):
        return '"' + value.replace('"', "'") + '"'
    if isinstance(value, list):
        return f"[{', '.join(literal(item) for item in value)}]"
    if isinstance(value, Fraction):
        return f"({int_text(value.numerator)}/{int_text(value.denominator)})"
    text = repr(value) if isinstance(value, float) else int_text(value)
    return f"({text})" if value < 0 else text


class _Parser:
    """Recursive descent that computes as it reads; one method a level of binding."""

    def __init__(self, text: str, references: Mapping[int, Any]) -> None:
        self.text = text.rstrip(" \t\n=?")
        self.references = references
        self.depth = 0  # of recursion
        self.inside = 0  # functions and lists around, where a comma separates
        self.work = 0  # bit operations spent on large numbers
        self.position = 0  # behind the present token
        self.start = 0  # of the present token
        self.kind = ""
        self.token = ""
        if not self.text.strip():
            raise BadExpression("the expression is empty")
        self.advance()

    def advance(self) -> None:
        """Read the next token into kind and token."""
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            rest = self.text[self.position :]
            self.start = self.position + len(rest) - len(rest.lstrip())
            self.fail(f"cannot read {self.text[self.start]!r}")
        kind = cast(str, match.lastgroup)
        self.start, self.position = match.span(kind)
        token = match.group(kind)
        if kind == "number" and not self.inside:
            grouped = _GROUPED.match(self.text, self.start)
            if grouped is not None:
                token, self.position = grouped.group().replace(",", ""), grouped.end()
        elif kind == "name" or kind == "op":
            token = _SAME.get(token, token)
            lower = token.lower()
            if kind == "name" and lower in _WORDS and not self.calls():
                kind, token = "op", _WORDS[lower]
            elif token == "pi":
                kind = "name"
        self.kind, self.token = kind, token

    def calls(self) -> bool:
        """Whether an opening bracket follows at once, as in mod(7, 3)."""
        return self.text[self.position : self.position + 1] == "(" and self.token_text() == "mod"

    def token_text(self) -> str:
        return self.text[self.start : self.position].lower()

    def fail(self, message: str) -> NoReturn:
        """Raise BadExpression with the place in the text."""
        if self.start >= len(self.text):
            raise BadExpression("the expression ends too early")
        raise BadExpression(f"{message} at character {self.start + 1} of {_clip(self.text)!r}")

    def take(self, token: str) -> bool:
        """Go past an operator if it is the present token."""
        if self.token == token and self.kind == "op":
            self.advance()
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.take(token):
            self.fail(f"expected {token!r}" + (f", not {self.token!r}" if self.token else ""))

    def spend(self, value: Item) -> Item:
        """Count work on large numbers: many large operations are as slow as one huge one."""
        bits = size(value)
        if bits > _BIG:
            self.work += bits * bits
            if self.work > _MAX_WORK:
                raise TooLarge("the expression needs too much work on large numbers")
        return value

    def comparison(self) -> Item:
        """sum (= sum)*; a < b < c means both."""
        left = self.sum()
        if self.token not in _COMPARISONS or self.kind != "op":
            return left
        holds = True
        while self.kind == "op" and (sign := self.token) in _COMPARISONS:
            self.advance()
            right = self.sum()
            holds = _compare(sign, number(left, sign), number(right, sign)) and holds
            left = right
        return holds

    def sum(self) -> Item:
        left = self.product()
        while self.kind == "op" and (sign := self.token) in ("+", "-"):
            self.advance()
            a, b = number(left, sign), number(self.product(), sign)
            left = a + b if type(a) is type(b) is int and sign == "+" else None
            if left is None or size(left) > _BIG:
                left = self.spend(exact.add(a, b if sign == "+" else -b))
        return left

    def product(self) -> Item:
        left = self.unary()
        while True:
            sign = self.token if self.kind == "op" else ""
            if sign in ("*", "/", "//", "mod", "%"):
                self.advance()
            elif self.kind in ("number", "reference", "name") or sign in ("(", "√"):
                if self.kind == "number" and self.text[: self.start].rstrip()[-1:] != ")":
                    self.fail("an operator is missing before the number")
                sign = "*"  # 2(3 + 4), 2 pi
            else:
                return left
            right = number(self.unary(), sign)
            left = self.spend(_PRODUCTS[sign](number(left, sign), right))

    def unary(self) -> Item:
        negative = False
        while self.kind == "op" and self.token in ("-", "+"):
            negative ^= self.token == "-"
            self.advance()
        value = self.power()
        if not negative:
            return value
        return Degrees(-value.value) if isinstance(value, Degrees) else -number(value, "-")

    def power(self) -> Item:
        base = self.postfix()
        if not self.take("^"):
            return base
        self.deeper()
        exponent = number(self.unary(), "^")
        self.depth -= 1
        return self.spend(exact.power(number(base, "^"), exponent))

    def postfix(self) -> Item:
        """A value with what stands behind it: %, !, ², ³, deg."""
        value = self.primary()
        while self.kind == "op":
            if self.token == "%" and not _OPERAND.match(self.text, self.position):
                value = exact.divide(number(value, "%"), 100)
            elif self.token == "!":
                value = self.spend(FUNCTIONS["factorial"]([value]))
            elif self.token in "²³":
                value = exact.power(number(value, self.token), 2 if self.token == "²" else 3)
            elif self.token == "deg":
                value = Degrees(number(value, "deg"))
            else:
                return value
            self.advance()
        return value

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise TooLarge(f"the expression is nested more than {MAX_DEPTH} deep")

    def primary(self) -> Item:
        """A number, a reference, a constant, a call, (brackets), [a list] or √."""
        kind, token = self.kind, self.token
        if kind == "number":
            self.advance()
            return _literal(token)
        if kind == "reference":
            return self.reference()
        if kind == "name":
            return self.named()
        self.deeper()
        if self.take("("):
            value = self.comparison()
            self.expect(")")
        elif self.token == "[" and kind == "op":
            value = self.items("]")
        elif self.take("√"):
            value = FUNCTIONS["sqrt"]([self.postfix()])
        else:
            self.fail(f"a number is missing before {token!r}")
        self.depth -= 1
        return value

    def reference(self) -> Item:
        index = int(self.token[1 : 2 + _REFERENCE_DIGITS])
        if index not in self.references:
            self.fail(f"there is no result {self.token[:20]}")
        self.advance()
        return _checked(self.references[index], index)

    def named(self) -> Item:
        """A constant, or a function with its arguments: f(a, b), or f a."""
        name = self.token.lower()
        if name in ("argmax", "argmin"):
            return self.extreme(largest=name == "argmax")
        if name in _CONSTANTS:
            self.advance()
            return _CONSTANTS[name]
        function = FUNCTIONS.get(name)
        if function is None:
            near = difflib.get_close_matches(name, [*FUNCTIONS, "argmax", "argmin", "pi"], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            self.fail(f"unknown name {self.token!r}{hint}")
        self.deeper()
        opening = self.text[self.position :].lstrip()[:1] == "("
        if opening:
            self.advance()
            arguments = self.items(")")
        else:
            self.advance()
            arguments = [self.postfix()]
        self.depth -= 1
        return self.spend(function(arguments))

    def items(self, closing: str) -> list[Item]:
        """Values separated by commas, from the opening bracket past the closing one."""
        self.inside += 1
        self.advance()
        values: list[Item] = []
        if self.token != closing:
            values.append(self.comparison())
            while self.take(","):
                values.append(self.comparison())
        self.inside -= 1
        self.expect(closing)
        return values

    def extreme(self, largest: bool) -> Item:
        """argmax(name: value, …), with names taken as they are written."""
        entries: list[tuple[str, Number]] = []
        self.advance()
        if self.token != "(":
            self.fail("expected '(' with name: value pairs")
        self.inside += 1
        while self.token == "(" or self.token == ",":
            label = _LABEL.match(self.text, self.position)
            if label is None:
                self.start = self.position
                self.fail("expected a name and ':'")
            name = next(group for group in label.groups() if group is not None).strip()
            if not name:
                self.fail("expected a name before ':'")
            self.position = label.end()
            self.advance()
            entries.append((self.label(name), number(self.comparison(), name)))
        self.inside -= 1
        self.expect(")")
        return extreme(entries, largest)

    def label(self, name: str) -> str:
        """A name, or the text of the result that a bare reference stands for."""
        digits = name.removeprefix("#")
        bare = digits != name and digits.isdecimal() and len(digits) <= _REFERENCE_DIGITS
        if not bare or int(digits) not in self.references:
            return name
        value = self.references[int(digits)]
        return value if isinstance(value, str) else number_text(_number(value, int(digits)))


def _literal(token: str) -> Number:
    """The exact value of digits with an optional point and power of ten."""
    mantissa, _, exponent = token.lower().partition("e")
    if len(mantissa) > _MAX_LITERAL or len(exponent) > 6 or abs(int(exponent or 0)) > _MAX_LITERAL:
        raise TooLarge(f"a number has more than {_MAX_LITERAL:,} digits")
    whole, _, decimals = mantissa.partition(".")
    digits = int(whole + decimals)
    shift = int(exponent or 0) - len(decimals)
    return exact.tidy(digits * Fraction(10) ** shift) if shift else digits


def _number(value: Any, index: int) -> Number:
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        raise ArithError(f"result #{index} is not a number")
    return exact.tidy(value)


def _checked(value: Any, index: int) -> Item:
    if isinstance(value, list):
        return [_checked(item, index) for item in cast("list[Any]", value)]
    return _number(value, index)


def _compare(sign: str, a: Number, b: Number) -> bool:
    inexact = isinstance(a, float) or isinstance(b, float)
    # Rounded values that differ in their last bits only are meant to be equal.
    same = math.isclose(exact.as_float(a), exact.as_float(b), rel_tol=1e-12) if inexact else a == b
    if sign in ("=", "!="):
        return same == (sign == "=")
    if same:
        return sign in ("<=", ">=")
    return (a < b) == (sign[0] == "<")


def _clip(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


_PRODUCTS = {
    "*": exact.multiply,
    "/": exact.divide,
    "//": exact.floor_divide,
    "mod": exact.modulo,
    "%": exact.modulo,
}
