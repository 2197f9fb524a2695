"""Values of the composed questions: drawn for a role, typed in one of its said forms.

In: a role, a random generator. Out: `Part`s: a piece of a question with what the call then says.
Numbers are typed as digits, with thousands marks or in words, in the role's unit or another one;
texts and dates are copied as they are typed.
"""

from __future__ import annotations

import math
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from training.data import words
from training.data.moments import RELATIVE, random_date, typed_date, typed_time
from training.data.numbers_as_words import NUMBER_WORDS, grouped, in_words, typed_int
from training.data.pieces import NUMERIC, Form, Role, amounts

_STREETS = (
    "High Street", "Elm Street", "Station Road", "Mill Lane", "Church Road", "Park Avenue",
    "Kastanienallee", "Rue Victor Hugo", "Queen's Drive", "Harbour Way", "Oak Crescent", "Via Roma",
)  # fmt: skip
_FIRMS = (
    "Northwind", "Bluebird", "Kestrel", "Acme", "Tanaka", "Oakfield", "Lumen", "Vega", "Castor",
    "Baltic", "Meridian", "Halloran", "Silverline", "Quill", "Marlow", "Zephyr",
)  # fmt: skip
_TRADES = ("Ltd", "GmbH", "& Sons", "Foods", "Logistics", "Bakery", "Motors", "Textiles", "Labs")
_SURNAMES = (
    "Novak", "Okafor", "Lindqvist", "Patel", "Moreau", "Tanaka", "Rossi", "Kowalski", "Haddad",
)  # fmt: skip
_FIRST_NAMES = tuple(name for name in words.PERSONS if name.isalpha())
_HOSTS = ("example.com", "mail.example", "post.example.org", "office.example.net")
_MULTIPLES = NUMBER_WORDS - {"percent"}
_OPEN = (" ", "(", "'", '"', "")  # what may stand before a number in words
_CLOSE = (" ", ")", ",", ".", "?", "!", ";", ":", "")


@dataclass(frozen=True)
class Part:
    """A piece of a question: its text, the call's value, and the form it was said in."""

    role: Role
    text: str
    argument: Any
    said: str


def _code(rng: random.Random) -> str:
    letters = "".join(rng.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=rng.randint(1, 3)))
    digits = "".join(
        rng.choices("123456789", k=1) + rng.choices(string.digits, k=rng.randint(1, 5))
    )
    return rng.choice(
        (letters + digits, f"{letters}-{digits}", digits + letters, f"{letters}{digits}")
    )


def _email(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST_NAMES).lower()}{rng.choice(('', str(rng.randint(2, 99))))}@{rng.choice(_HOSTS)}"


def _phone(rng: random.Random) -> str:
    digits = "".join(rng.choices(string.digits, k=9))
    return rng.choice(
        (f"0{digits}", f"+44 {digits[:4]} {digits[4:]}", f"0{digits[:3]}-{digits[3:]}")
    )


def _title(rng: random.Random) -> str:
    words_ = [rng.choice(words.WORDS).title() for _ in range(2)]
    return rng.choice(
        (
            f"The {words_[0]}",
            f"{words_[0]} and {words_[1]}",
            f"The Last {words_[1]}",
            f"{words_[0]} Nights",
        )
    )


def _street(rng: random.Random) -> str:
    number, street = rng.randint(1, 190), rng.choice(_STREETS)
    return rng.choice((f"{number} {street}", f"{street} {number}", street))


Draw = Callable[[random.Random], str]
# the kinds of text that a role may name in `values`
KINDS: dict[str, Draw] = {
    "animal": lambda rng: rng.choice(words.ANIMALS),
    "city": lambda rng: rng.choice(words.TIME_CITIES),
    "code": _code,
    "company": lambda rng: f"{rng.choice(_FIRMS)} {rng.choice(_TRADES)}",
    "email": _email,
    "food": lambda rng: rng.choice(words.FOODS),
    "full_name": lambda rng: f"{rng.choice(_FIRST_NAMES)} {rng.choice(_SURNAMES)}",
    "item": lambda rng: rng.choice(words.SINGLE_ITEMS),
    "language": lambda rng: rng.choice(words.LANGUAGES),
    "person": lambda rng: rng.choice(words.PERSONS),
    "phone": _phone,
    "place": lambda rng: rng.choice(words.PLACES),
    "sentence": lambda rng: rng.choice(words.SENTENCES),
    "street": _street,
    "time": lambda rng: typed_time(rng)[0],
    "title": _title,
    "topic": lambda rng: rng.choice(words.TOPICS),
    "url": lambda rng: f"https://{rng.choice(words.WORDS)}.example/{rng.choice(words.WORDS)}",
    "word": lambda rng: rng.choice(words.WORDS),
}
_QUOTABLE = ("sentence", "title", "word", "topic", "item", "code")


def drawn(role: Role, rng: random.Random, bare: bool = False) -> Part:
    """One way of saying one value of the role. `bare`: fit to stand inside a sentence."""
    if role.fixed_only or (role.fixed and not bare and rng.random() < 0.1):
        text, value = rng.choice(role.fixed)
        return Part(role, text, value, text)
    return _said(role, _form(role, rng, bare), rng)


def labelled(role: Role, rng: random.Random) -> Part:
    """Said as in a form: one of the role's names, then the value; else as any other."""
    names = [name for name in role.names if all(len(word) > 2 for word in name.split("_"))]
    if not names or role.fixed_only:
        return drawn(role, rng)
    name = rng.choice(names).replace("_", " ")
    return _said(role, Form(name + rng.choice((" {v}", ": {v}", " = {v}", ": {v}"))), rng)


def _said(role: Role, form: Form, rng: random.Random) -> Part:
    if role.type in NUMERIC:
        return _number(role, form, rng)
    value = _date(role, rng) if role.type == "date" else _text(role, rng)
    shown = value
    if role.kind in _QUOTABLE and '"' not in form.said and "'" not in form.said:
        mark = rng.choice(('"', '"', "'", "", "", "", "", ""))
        shown = f"{mark}{value}{mark}" if "'" not in value else value
    return Part(role, form.said.replace("{v}", shown), value, form.said)


def with_value(part: Part, value: float, rng: random.Random) -> Part | None:
    """The same number said of another role; None where that role cannot have it."""
    role = part.role
    fits = role.type in NUMERIC and role.low <= value <= role.high and "{v}" in part.said
    if not fits or isinstance(part.argument, str) or (role.type == "int" and value != int(value)):
        return None
    if round(value, role.decimals) != value:
        return None
    typed = _typed(role, Form(part.said), value, rng)
    return Part(role, part.said.replace("{v}", typed), value, part.said)


def _form(role: Role, rng: random.Random, bare: bool) -> Form:
    if bare:
        starting = [form for form in role.forms if form.said.startswith("{v}")]
        if role.type in NUMERIC and starting:
            return rng.choice(starting)
        return Form("{v}")
    if role.others and rng.random() < 0.25:
        return rng.choice(role.others)
    return rng.choice(role.forms)


def _number(role: Role, form: Form, rng: random.Random) -> Part:
    if form.argument is not None:
        amount = rng.choice(amounts(role, form))
        typed = _typed(role, form, amount, rng)
        text = form.said.replace("{v}", typed)
        return Part(role, text, form.argument.replace("{v}", str(amount)), form.said)
    value = sample(role, rng)
    return Part(role, form.said.replace("{v}", _typed(role, form, value, rng)), value, form.said)


def sample(role: Role, rng: random.Random) -> int | float:
    """Within the bounds, on the step; small ones more often where the range is wide."""
    low, high = role.low, role.high
    if low >= 0 and high > 50 * max(low, 1) and rng.random() < 0.5:
        value = math.exp(rng.uniform(math.log(max(low, 1)), math.log(high)))
    else:
        value = rng.uniform(low, high)
    steps = round((value - low) / role.step)
    if role.type == "int":
        value = int(low + steps * role.step)
        if value > 200 and not role.plain and rng.random() < 0.5:  # people like round numbers
            value -= value % (100 if value > 2000 else 10)
        return max(int(low), min(int(high), value))
    value = round(low + steps * role.step, rng.randint(0, role.decimals))
    value = max(low, min(high, value))
    return int(value) if value == int(value) else value


def _typed(role: Role, form: Form, value: float, rng: random.Random) -> str:
    before, after = form.glued
    if role.plain:
        return str(value)
    sign = ""
    if value < 0:
        sign, value = ("minus " if before in _OPEN and rng.random() < 0.4 else "-"), -value
    counted = form.said.partition("{v}")[2].split()[:1]  # `five hundred gross` is 72,000
    loose = before in _OPEN and after in _CLOSE and not _MULTIPLES.intersection(counted)
    if isinstance(value, int) and loose and sign != "-":
        return sign + typed_int(value, rng)
    if loose and value > 1 and value % 1 == 0.5 and value < 30 and rng.random() < 0.15:
        return f"{sign}{in_words(int(value))} and a half"
    text = str(value)
    if role.decimals == 2 and isinstance(value, float) and rng.random() < 0.6:
        text = f"{value:.2f}"  # as prices are written
    return sign + (grouped(text) if value >= 1000 and rng.random() < 0.4 else text)


def _date(role: Role, rng: random.Random) -> str:
    if role.when in ("any", "future") and rng.random() < 0.2:
        return rng.choice(RELATIVE)
    return typed_date(random_date(rng, role.when), rng)


def _text(role: Role, rng: random.Random) -> str:
    if role.kind:
        return KINDS[role.kind](rng)
    return rng.choice(role.values)
