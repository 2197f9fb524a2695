"""The hand-written pieces that cards and questions are composed from: roles and tasks.

In: pieces/roles_*.jsonl and pieces/tasks_*.jsonl, one piece a line (fields as in `Role` and
`Task`). Out: the pieces of one split, checked by `pieces_check`. A role is one kind of argument
with the ways it is named and said, a task is what an expert does. A share of both is held out.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mrkl.tools.arith import evaluate

FOLDER = Path(__file__).parent / "pieces"
HELD_OUT = 0.08  # share of roles and of tasks kept aside, whole
NUMERIC = ("int", "float")
SLOT = re.compile(r"\{(\w+)\}")
_TOKEN = re.compile(r"[a-z]+|[^\sa-z0-9{}.,;:!?()'\"]")
# words that say nothing about which value is meant
_FILLERS = frozenset(
    re.findall(
        r"\w+",
        "a an the it is its are was i we my our of in at on with for have has got there that "
        "this be and or to me us im do does ve re ll number value amount some about so just",
    )
)
# kinds of text that nobody takes for another kind
_LOOKS = {kind: kind for kind in ("time", "email", "phone", "url", "city", "street", "code")} | {
    "person": "person",
    "full_name": "person",
}
# amounts of another unit that are tried: small counts, round ones, halves, tenths
_AMOUNTS = (
    *range(1, 61), *range(70, 200, 10), *range(200, 1000, 50), *range(1000, 20001, 500),
    *(n / 2 for n in range(1, 30, 2)), *(n / 10 for n in range(11, 60, 7)),
)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """One way to say a value. `argument`: the call's arithmetic over {v}, or None for {v} itself."""

    said: str
    argument: str | None = None

    @property
    def glued(self) -> tuple[str, str]:
        """The characters right before and after the value."""
        before, _, after = self.said.partition("{v}")
        return before[-1:], after[:1]


@dataclass(frozen=True)
class Role:
    """One kind of argument. What its type does not need is empty."""

    id: str
    type: str  # int | float | str | bool | date | choice
    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    forms: tuple[Form, ...] = ()  # said as it is
    others: tuple[Form, ...] = ()  # in another unit, with the call's arithmetic
    fixed: tuple[tuple[str, Any], ...] = ()  # in words: (said, value)
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    step: float = 1
    decimals: int = 0
    unit: str = ""
    plain: bool = False  # a year or a code: digits only
    kind: str = ""  # of a text: which generator draws it
    values: tuple[str, ...] = ()  # of a text: or one of these
    when: str = "any"  # of a date: past, birth, future, any
    default: Any = None

    @property
    def family(self) -> str:
        """Roles of one family can be taken for each other: numbers, dates, texts of one kind."""
        if self.type in NUMERIC:
            return "number"
        if self.type == "str":
            return f"text {_LOOKS.get(self.kind, '')}"
        return "wording" if self.fixed_only else self.type

    @property
    def fixed_only(self) -> bool:
        """Whether each value has its own ways of being said."""
        return self.type in ("bool", "choice")

    @property
    def optional_default(self) -> Any:
        """What the card shows where the value may be left out."""
        if self.default is not None or not self.fixed_only:
            return self.default
        return False if self.type == "bool" else self.choices[0]


@dataclass(frozen=True)
class Task:
    """What an expert computes, looks up or does, and how people ask for it."""

    id: str
    names: tuple[str, ...]
    descriptions: tuple[str, ...]
    asked: tuple[str, ...]
    roles: tuple[str, ...]
    optional: tuple[str, ...] = ()
    confusable: tuple[str, ...] = ()
    returns: str = ""


@dataclass(frozen=True)
class Pieces:
    """What rows of one split are composed from: all roles by id, tasks, roles to swap in."""

    roles: dict[str, Role]
    tasks: tuple[Task, ...]
    free: tuple[Role, ...]

    def another(self, like: Sequence[Role], rng: random.Random) -> Role:
        """A role to swap in, more often than not one that could be taken for one of `like`."""
        families = {role.family for role in like}
        near = [role for role in rng.choices(self.free, k=6) if role.family in families]
        return near[0] if near and rng.random() < 0.6 else rng.choice(self.free)


def read(pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file:line, piece) of all files whose name matches. Raises ValueError for a broken line."""
    for path in sorted(FOLDER.glob(pattern)):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                yield f"{path.name}:{number}", json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path.name}:{number}: no JSON: {error}") from None


def role_of(raw: dict[str, Any]) -> Role:
    """A role from its line."""
    kind = raw["type"]
    others = [Form(s, o["argument"]) for o in raw.get("other_units") or () for s in o["said"]]
    fixed = [(n["said"], n["value"]) for n in raw.get("none_said") or ()]
    if kind == "choice":
        fixed = [(way, choice) for choice, ways in raw["choices"].items() for way in ways]
    if kind == "bool":
        fixed = [(way, key == "true") for key in ("true", "false") for way in raw[key]]
    values = raw.get("values") or ()
    low = raw.get("low", 0)
    return Role(
        id=raw["id"],
        type=kind,
        names=tuple(raw["names"]),
        descriptions=tuple(raw["descriptions"]),
        forms=tuple(Form(said) for said in raw.get("said") or ()),
        others=tuple(others),
        fixed=tuple(fixed),
        choices=tuple(raw["choices"]) if kind == "choice" else (),
        low=low,
        high=raw.get("high", 0),
        step=raw.get("step") or 1,
        decimals=raw.get("decimals") or 0,
        unit=raw.get("unit") or "",
        plain=raw.get("plain", "year" in raw["id"] and low >= 1000),
        kind=values if isinstance(values, str) else "",
        values=() if isinstance(values, str) else tuple(values),
        when=raw.get("when") or "any",
        default=raw.get("default"),
    )


def task_of(raw: dict[str, Any]) -> Task:
    """A task from its line."""
    lists = {
        key: tuple(raw.get(key) or ())
        for key in ("names", "descriptions", "asked", "roles", "optional", "confusable")
    }
    return Task(id=raw["id"], returns=raw.get("returns") or "", **lists)


@cache
def load(split: str) -> Pieces:
    """The pieces of one split; raises ValueError for the first piece that is not well written.

    `train` knows no task and swaps in no role that is held out. `heldout` has the tasks that are,
    and those that use such a role; such roles are what it swaps in.
    """
    from training.data.pieces_check import problems

    wrong = next(iter(problems()), None)
    if wrong:
        raise ValueError(wrong)
    roles = {raw["id"]: role_of(raw) for _, raw in read("roles_*.jsonl")}
    tasks = [task_of(raw) for _, raw in read("tasks_*.jsonl")]
    held = {name for name in roles if _held("role", name)}
    aside = {task.id for task in tasks if _held("task", task.id)}
    if split == "heldout":
        chosen = (t for t in tasks if t.id in aside or held & {*t.roles, *t.optional})
        return Pieces(roles, tuple(chosen), tuple(roles[name] for name in sorted(held)))
    known = {name: role for name, role in roles.items() if name not in held}
    return Pieces(known, tuple(t for t in tasks if t.id not in aside), tuple(known.values()))


def _held(what: str, name: str) -> bool:
    return random.Random(f"pieces {what} {name}").random() < HELD_OUT


@cache
def amounts(role: Role, form: Form) -> tuple[int | float, ...]:
    """The amounts of another unit that lie within the role's bounds; empty if there are none."""
    kept: list[int | float] = []
    for amount in _AMOUNTS if "{v}" in form.said else (1,):
        value = evaluate((form.argument or "").replace("{v}", str(amount)))
        if isinstance(value, str | list) or not role.low <= value <= role.high:
            continue
        if role.type == "float" or value == int(value):
            kept.append(amount)
    return tuple(kept)


def tokens(text: str) -> frozenset[str]:
    """The words and signs of a text that may tell which value is meant, plurals cut."""
    text = text.lower().replace("_", " ").replace("'s", "")
    found = _TOKEN.findall(SLOT.sub(" ", text))
    return frozenset(
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in found
        if word not in _FILLERS
    )


@cache
def vocabulary(role: Role) -> frozenset[str]:
    """Every telling word that names, describes or says the role."""
    said = [form.said for form in (*role.forms, *role.others)] + [text for text, _ in role.fixed]
    return tokens(" ".join([*role.names, *role.descriptions, *said, role.unit]))


def points(said: str, other: Role) -> bool:
    """Whether a said form has a word that would not be said of the other role."""
    return bool(tokens(said) - vocabulary(other))
