"""What is wrong with the hand-written pieces: one line each, with the place and the remedy.

In: the piece files. Out: problems as text; none means that every role can be drawn and said and
that every task's roles exist and can be told apart. It does not judge the English.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Any, TypeGuard

from mrkl.numbers_in import argument_numbers
from training.data.piece_values import KINDS
from training.data.pieces import NUMERIC, SLOT, Role, amounts, points, read, role_of, task_of

_ROLE_KEYS = frozenset(
    re.findall(
        r"\w+",
        "id type low high step decimals names descriptions said unit other_units none_said values "
        "choices true false default plain when common_names_only_with",
    )
)
_TASK_KEYS = frozenset(
    re.findall(r"\w+", "id names descriptions asked roles optional confusable returns")
)
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ARITHMETIC = re.compile(r"(\{v\}|[\d.+\-*/() ])+")
_NEVER = ("->", "\\", "\n", "<|")
_REFERENCE = re.compile(r"#\d")  # the agent would put a step's result there
_WHENS = ("any", "past", "rate", "birth", "future")
_TELLABLE = 0.5  # share of pairs of said forms that must tell two roles of a task apart


def problems() -> Iterator[str]:
    """All problems, in the order of the files; nothing is read further after a broken line."""
    roles: dict[str, Role] = {}
    try:
        raw_roles, raw_tasks = list(read("roles_*.jsonl")), list(read("tasks_*.jsonl"))
    except ValueError as error:
        yield str(error)
        return
    for where, raw in raw_roles:
        found = list(_role(raw)) or (
            [f"id {raw['id']!r} stands twice"] if raw["id"] in roles else []
        )
        yield from (f"{where}: role {raw.get('id')!r}: {what}" for what in found)
        if not found:
            roles[raw["id"]] = role_of(raw)
    twice = Counter(raw.get("id") for _, raw in raw_tasks)
    for where, raw in raw_tasks:
        found = list(_task(raw, roles))
        if twice[raw.get("id")] > 1:
            found.append(f"id {raw.get('id')!r} stands {twice[raw.get('id')]} times")
        yield from (f"{where}: task {raw.get('id')!r}: {what}" for what in found)


def _role(raw: dict[str, Any]) -> Iterator[str]:
    yield from _common(raw, _ROLE_KEYS)
    kind = raw.get("type")
    if kind not in (*NUMERIC, "str", "bool", "date", "choice"):
        yield f"type {kind!r}: use int, float, str, bool, date or choice"
        return
    if not all(_texts(raw.get(key), 2) for key in ("names", "descriptions")):
        return
    if kind in ("choice", "bool"):
        yield from _ways(raw)
        return
    said = raw.get("said")
    if not _texts(said, 4):
        yield "said: give at least 4 ways, each with {v}"
        return
    yield from _said(said, kind)
    if kind in NUMERIC:
        yield from _numbers(raw)
    if kind == "str":
        yield from _values(raw.get("values"))
    if kind == "date" and raw.get("when", "any") not in _WHENS:
        yield f"when {raw['when']!r}: use one of {', '.join(_WHENS)}"


def _texts(value: Any, least: int) -> TypeGuard[list[str]]:
    """Whether it is a list of at least so many texts."""
    return (
        isinstance(value, list)
        and len(value) >= least
        and all(isinstance(text, str) for text in value)
    )


def _common(raw: dict[str, Any], keys: frozenset[str]) -> Iterator[str]:
    """What roles and tasks share: id, known fields, names, descriptions."""
    if unknown := sorted(set(raw) - keys):
        yield f"unknown field {', '.join(unknown)}"
    if not _NAME.fullmatch(str(raw.get("id"))):
        yield "id: use snake_case"
    for key, least in (("names", 2), ("descriptions", 2)):
        texts = raw.get(key)
        if not _texts(texts, least):
            yield f"{key}: give a list of at least {least}"
            continue
        if len(set(texts)) < len(texts):
            yield f"{key}: one stands twice"
        if key == "names":
            yield from (f"name {n!r}: use snake_case" for n in texts if not _NAME.fullmatch(n))
        else:
            yield from (
                f"description {t!r}: no double quotes or braces"
                for t in texts
                if set('"{}') & set(t)
            )


def _said(said: list[str], kind: str) -> Iterator[str]:
    if len(set(said)) < len(said):
        yield "said: one stands twice"
    for text in said:
        if SLOT.findall(text) != ["v"]:
            yield f"said {text!r}: needs exactly one slot, {{v}}"
        yield from _clean(text)
        if kind == "str" and re.search(r"\w\{v\}|\{v\}\w", text):
            yield f"said {text!r}: a text must not be glued to a word"


def _clean(text: str) -> Iterator[str]:
    for mark in _NEVER:
        if mark in text:
            yield f"{text!r}: must not hold {mark!r}"
    if _REFERENCE.search(text):
        yield f"{text!r}: # and a digit would be read as a reference to a step"
    if text != text.strip() or not text:
        yield f"{text!r}: is empty or begins or ends with a blank"


def _numbers(raw: dict[str, Any]) -> Iterator[str]:
    low, high, step = (raw.get("low", ""), raw.get("high", ""), raw.get("step") or 1)
    given = all(isinstance(n, int | float) for n in (low, high, step))
    if not given or not low < high or step <= 0:
        yield "low, high, step: give numbers with low < high and step > 0"
        return
    decimals = raw.get("decimals") or 0
    if raw["type"] == "int" and (decimals or any(n != int(n) for n in (low, high, step))):
        yield "an int has no decimals, and whole low, high and step"
    if decimals not in range(5):
        yield "decimals: 0 to 4"
    for other in raw.get("other_units") or ():
        if not isinstance(other, dict) or set(other) != {"said", "argument"}:
            yield "other_units: each needs said (a list) and argument (a text)"
            return
        if not _ARITHMETIC.fullmatch(str(other["argument"])):
            yield f"argument {other['argument']!r}: only {{v}}, numbers, + - * / and brackets"
            return
    for said in raw.get("none_said") or ():
        if (
            not isinstance(said, dict)
            or set(said) != {"said", "value"}
            or SLOT.search(said["said"])
        ):
            yield "none_said: each needs said (a text without slot) and value"
            return
        yield from _clean(said["said"])
        yield from _reachable(said["said"], str(said["value"]))
    yield from _others(role_of(raw))


def _others(role: Role) -> Iterator[str]:
    for form in role.others:
        slots = SLOT.findall(form.said)
        if slots not in ([], ["v"]) or ("{v}" in (form.argument or "")) != bool(slots):
            yield f"other unit {form.said!r}: said and argument need the same slot, {{v}} or none"
            continue
        yield from _clean(form.said)
        try:
            known = amounts(role, form)
        except ArithmeticError as error:
            yield f"argument {form.argument!r}: {error}"
            continue
        if not known:
            yield f"other unit {form.said!r}: no amount gives {role.low} to {role.high}" + (
                " in whole numbers" if role.type == "int" else ""
            )
        yield from _reachable(form.said, (form.argument or "").replace("{v}", ""))


def _reachable(said: str, argument: str) -> Iterator[str]:
    """A number that the core could not write is neither said nor known to everyone."""
    known = argument_numbers(said.replace("{v}", "x"))
    for number in re.findall(r"\d+(?:\.\d+)?", argument):
        if number not in known:
            yield f"{said!r}: the number {number} of the argument is not said there"


def _values(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        if values not in KINDS:
            yield f"values {values!r}: use one of {', '.join(sorted(KINDS))} or a list"
    elif not _texts(values, 10) or len(set(values)) < 10:
        yield "values: give a kind or a list of at least 10 different texts"
    else:
        for text in values:
            if '"' in text:
                yield f"value {text!r}: must not hold double quotes"
            yield from _clean(text)


def _ways(raw: dict[str, Any]) -> Iterator[str]:
    """Each value of a choice or bool has its own ways of being said."""
    if raw["type"] == "bool":
        ways = {key: raw.get(key) for key in ("true", "false")}
    else:
        ways = raw.get("choices")
        if not isinstance(ways, dict) or not 2 <= len(ways) <= 6:
            yield "choices: give 2 to 6, each with its ways of being said"
            return
    seen: set[str] = set()
    for value, texts in ways.items():
        if re.search(r"[\[\],\"{}|]", value):
            yield f"choice {value!r}: no comma, bracket, bar or quote"
        if not _texts(texts, 2):
            yield f"{value}: give at least 2 ways of saying it"
            continue
        for text in texts:
            if SLOT.search(text) or '"' in text or re.search(r"\d", text):
                yield f"{value}: {text!r}: no slot, number or quote"
            if text.lower() in seen:
                yield f"{value}: {text!r} is said of two values or twice"
            seen.add(text.lower())
            yield from _clean(text)


def _task(raw: dict[str, Any], roles: dict[str, Role]) -> Iterator[str]:
    yield from _common(raw, _TASK_KEYS)
    lists = ("names", "descriptions", "asked", "roles")
    if wrong := [key for key in lists if not _texts(raw.get(key), 1)]:
        yield f"{', '.join(wrong)}: give lists of texts"
        return
    task = task_of(raw)
    if not 1 <= len(task.roles) <= 5:
        yield "roles: give 1 to 5"
    used = (*task.roles, *task.optional)
    if len(set(used)) < len(used):
        yield "a role stands twice"
    if unknown := [name for name in used if name not in roles]:
        yield f"unknown role {', '.join(unknown)}"
        return
    if len(task.asked) < 4:
        yield "asked: give at least 4 wordings"
    for text in task.asked:
        yield from _clean(text)
        if wrong := set(SLOT.findall(text)) - set(task.roles):
            yield f"asked {text!r}: {', '.join(sorted(wrong))} is none of its needed roles"
    for one, other in combinations([roles[name] for name in used], 2):
        if one.family == other.family and not one.fixed_only:
            yield from _tellable(one, other)


def _tellable(one: Role, other: Role) -> Iterator[str]:
    pairs = [(a.said, b.said) for a in one.forms for b in other.forms]
    good = sum(points(a, other) or points(b, one) for a, b in pairs)
    if good < _TELLABLE * len(pairs):
        yield (
            f"{one.id} and {other.id} cannot be told apart: too few of their said forms have a "
            "word that the other's names, descriptions and said forms lack"
        )
