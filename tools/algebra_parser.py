"""Text as people write formulas, to sympy objects, without eval.

In: `2x^2 + sin x = 3`, `|x - 1|`, `x + y = 10; x - y = 2`. Out: sympy expressions, equations and
inequalities over real symbols. Multiplication may be left out; `log` and `ln` are natural, log10
and log(x, b) are not. Every name is looked up in a list of functions or becomes a symbol, so no
text can reach anything else of sympy.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Collection
from functools import lru_cache
from typing import Any, NoReturn

MAX_TEXT = 2_000  # characters of a formula
MAX_DEPTH = 60  # nested brackets and functions
MAX_POWER_BITS = 20_000  # size of a number raised to a number
_MAX_LITERAL = 300  # digits of a number

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)"
    r"|(?P<name>[A-Za-z]+(?:_[A-Za-z0-9]+|\d+)?|[πθ∞αβγλ])"
    r"|(?P<op>\*\*|<=|>=|==|[-+*/^()\[\]{}=<>|!,×·÷−√²³⁴≤≥])"
    r"|(?P<end>$))"
)
_SAME = {"**": "^", "×": "*", "·": "*", "÷": "/", "−": "-", "==": "=", "≤": "<=", "≥": ">="}
_SIGNS = {"²": 2, "³": 3, "⁴": 4}
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_RELATIONS = ("=", "<", ">", "<=", ">=")
_UNITS: tuple[Any, ...] = (0, 1)  # powers of numbers of this size stay small
_INFINITE = ("inf", "infinity", "oo", "∞")
_GREEK = ("alpha", "beta", "gamma", "delta", "theta", "lambda", "mu", "omega", "phi", "rho", "tau")
_FUNCTIONS: dict[str, str] = {
    **{name: name for name in ("sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan")},
    **{name: name for name in ("sinh", "cosh", "tanh", "exp", "sqrt", "cbrt", "log", "floor")},
    "ln": "log",
    "abs": "Abs",
    "ceil": "ceiling",
    "factorial": "factorial",
    "sign": "sign",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "min": "Min",
    "max": "Max",
    "log10": "log10",
    "lg": "log10",
    "log2": "log2",
    "root": "root",
}


class AlgebraError(ValueError):
    """A task without an answer; the message is one line for the person who asked."""


class BadFormula(AlgebraError):
    """A text that is no formula, or arguments that make no task."""


def sympy() -> Any:
    """The sympy module, imported on first use."""
    return importlib.import_module("sympy")  # typed Any: sympy ships no types


@lru_cache(maxsize=256)
def symbol(name: str) -> Any:
    """The real symbol of a name."""
    return sympy().Symbol(name, real=True)


def parse(text: str, names: Collection[str] = ()) -> Any:
    """One expression, equation or inequality; `names` are variables of several letters.

    Raises BadFormula with the place in the text.
    """
    if len(text) > MAX_TEXT:
        raise BadFormula(f"the formula is longer than {MAX_TEXT:,} characters")
    parser = _Parser(text, frozenset(names))
    value = parser.relation()
    if parser.kind != "end":
        parser.fail(f"unexpected {parser.token!r}")
    return value


def split(text: str) -> list[str]:
    """The equations of a system: parts between semicolons, line ends, or commas outside brackets."""
    parts, depth, start = list[str](), 0, 0
    for index, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign in ";\n" or (sign == "," and depth == 0):
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


class _Parser:
    """Recursive descent that builds sympy objects as it reads."""

    def __init__(self, text: str, names: frozenset[str]) -> None:
        self.text = text.strip().rstrip(".?")
        self.names = names
        self.depth = 0
        self.bars = 0  # open | |
        self.position: int = 0  # behind the present token
        self.start: int = 0
        self.kind: str = ""
        self.token: str = ""
        if not self.text:
            raise BadFormula("the formula is empty")
        self.advance()

    def advance(self) -> None:
        """Read the next token into kind and token."""
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            self.start = self.position
            self.fail("cannot read this")
        self.kind = match.lastgroup or ""
        self.token = str(match.group(self.kind))
        self.start, self.position = match.span(self.kind)
        if self.kind == "name":
            self.shorten()
        self.token = _SAME.get(self.token, self.token)

    def shorten(self) -> None:
        """Cut a run of letters after its first name: sin2x is sin 2 x, xy is x y."""
        word = self.token
        if word in self.names or word.lower() in (*_FUNCTIONS, *_INFINITE, *_GREEK, "pi"):
            return
        letters = re.match("[A-Za-z]+", word)
        if letters is None or len(letters.group()) == 1:
            return  # a Greek letter, or x1
        functions = (f for f in _FUNCTIONS if f.isalpha() and word.lower().startswith(f))
        cut = len(max(functions, key=len, default=""))
        if cut == 0 and len(letters.group()) > 3:
            self.fail(f"unknown name {word!r}")
        self.token = word[: cut or 1]
        self.position = self.start + len(self.token)

    def fail(self, message: str) -> NoReturn:
        if self.start >= len(self.text):
            raise BadFormula("the formula ends too early")
        shown = self.text if len(self.text) <= 60 else self.text[:59] + "…"
        raise BadFormula(f"{message} at character {self.start + 1} of {shown!r}")

    def take(self, token: str) -> bool:
        if self.kind == "op" and self.token == token:
            self.advance()
            return True
        return False

    def nested(self, read: Callable[[], Any]) -> Any:
        """Read one level deeper."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadFormula(f"the formula is nested more than {MAX_DEPTH} deep")
        value = read()
        self.depth -= 1
        return value

    def relation(self) -> Any:
        left = self.sum()
        if self.kind != "op" or self.token not in _RELATIONS:
            return left
        sign = self.token
        self.advance()
        right = self.sum()
        kinds = {"=": "Eq", "<": "Lt", ">": "Gt", "<=": "Le", ">=": "Ge"}
        return getattr(sympy(), kinds[sign])(left, right, evaluate=False)

    def sum(self) -> Any:
        value = self.product()
        while self.kind == "op" and self.token in ("+", "-"):
            minus = self.token == "-"
            self.advance()
            term = self.product()
            value = value - term if minus else value + term
        return value

    def product(self) -> Any:
        value = self.signed()
        while True:
            if self.take("*"):
                value = value * self.signed()
            elif self.take("/"):
                divisor = self.signed()
                if divisor == 0:
                    raise AlgebraError("division by zero")
                value = value / divisor
            elif self.operand_follows():
                value = value * self.power()
            else:
                return value

    def operand_follows(self) -> bool:
        """Whether the next token starts a factor, so that a multiplication sign was left out."""
        if self.kind in ("number", "name"):
            return True
        opens = self.token in _BRACKETS or self.token == "√"
        return self.kind == "op" and (opens or (self.token == "|" and not self.bars))

    def signed(self) -> Any:
        minus = False
        while self.kind == "op" and self.token in ("+", "-"):
            minus ^= self.token == "-"
            self.advance()
        value = self.power()
        return -value if minus else value

    def power(self) -> Any:
        return self.raised(self.primary())

    def raised(self, base: Any) -> Any:
        """What stands behind a value: ², !, ^exponent."""
        while self.kind == "op" and self.token in (*_SIGNS, "!"):
            if self.token == "!":
                base = sympy().factorial(_small(base, 3_000, "a factorial"))
            else:
                base = _power(base, sympy().Integer(_SIGNS[self.token]))
            self.advance()
        return _power(base, self.nested(self.signed)) if self.take("^") else base

    def primary(self) -> Any:
        if self.kind == "number":
            return self.number()
        if self.kind == "name":
            return self.named()
        if self.token in _BRACKETS and self.kind == "op":
            closing = _BRACKETS[self.token]
            bars, self.bars = self.bars, 0
            self.advance()
            value = self.nested(self.sum)
            self.bars = bars
            self.close(closing)
            return value
        if self.token == "|" and not self.bars:
            self.bars += 1
            self.advance()
            value = self.nested(self.sum)
            self.bars -= 1
            self.close("|")
            return sympy().Abs(value)
        if self.take("√"):
            return sympy().sqrt(self.nested(self.primary))
        self.fail(f"a value is missing before {self.token!r}")

    def close(self, closing: str) -> None:
        if not self.take(closing):
            self.fail(f"expected {closing!r}")

    def number(self) -> Any:
        token = self.token
        if len(token) > _MAX_LITERAL:
            raise BadFormula(f"a number has more than {_MAX_LITERAL} digits")
        self.advance()
        return sympy().Rational(token)

    def named(self) -> Any:
        """A function with its argument, a constant, or a symbol."""
        name, lower = self.token, self.token.lower()
        self.advance()
        if name in self.names:
            return symbol(name)
        if lower in _FUNCTIONS:
            return self.nested(lambda: self.applied(lower))
        if lower in _INFINITE:
            return sympy().oo
        if lower in ("pi", "π"):
            return sympy().pi
        return sympy().E if name == "e" else symbol(name)

    def applied(self, name: str) -> Any:
        """f(x), f x, f 2x, f^2 x, f(x, y)."""
        exponent = None
        if self.kind == "op" and self.token in _SIGNS:
            exponent = sympy().Integer(_SIGNS[self.token])
            self.advance()
        elif self.take("^"):
            exponent = self.primary()
        if self.kind == "op" and self.token == "(":
            bars, self.bars = self.bars, 0
            self.advance()
            arguments = [self.sum()]
            while self.take(","):
                arguments.append(self.sum())
            self.bars = bars
            self.close(")")
        else:
            arguments = [self.bare_argument()]
        value = _apply(name, arguments)
        return value if exponent is None else _power(value, exponent)

    def bare_argument(self) -> Any:
        """An argument without brackets: the factors up to an operator or another function."""
        value = self.signed()
        while self.operand_follows() and self.token.lower() not in _FUNCTIONS:
            value = value * self.power()
        return value


def _apply(name: str, arguments: list[Any]) -> Any:
    s = sympy()
    many = name in ("min", "max")
    wanted = (1, 2) if name == "log" else (2,) if name == "root" else (1,)
    if not many and len(arguments) not in wanted:
        raise BadFormula(f"{name} takes {wanted[-1]} value{'s' * (wanted[-1] > 1)}")
    if _FUNCTIONS[name] in ("log10", "log2"):
        return s.log(arguments[0], int(_FUNCTIONS[name][3:]))
    if name == "cbrt":
        return s.real_root(arguments[0], 3)
    if name == "root":
        return s.real_root(arguments[0], _small(arguments[1], 1_000, "a root"))
    if name == "factorial":
        return s.factorial(_small(arguments[0], 3_000, "a factorial"))
    return getattr(s, _FUNCTIONS[name])(*arguments)


def _small(value: Any, most: int, what: str) -> Any:
    """The value, unless it is a number too large to go on with."""
    if value.is_number and value.is_finite and abs(value) > most:
        raise AlgebraError(f"{what} of this size is too large")
    return value


def _power(base: Any, exponent: Any) -> Any:
    """base ^ exponent, refused where numbers would grow too long."""
    if base.is_Rational and exponent.is_Rational and abs(base) not in _UNITS:
        size = (int(base.p).bit_length() + int(base.q).bit_length()) * abs(exponent)
        if size > MAX_POWER_BITS:
            raise AlgebraError("a power here is too large to be worked out")
    if base.is_zero and exponent.is_negative:
        raise AlgebraError("division by zero")
    # A root with an odd degree is real for negative numbers too.
    if base.is_Rational and base < 0 and exponent.is_Rational and exponent.q % 2 and exponent.q > 1:
        return sympy().real_root(base, exponent.q) ** exponent.p
    return base**exponent
