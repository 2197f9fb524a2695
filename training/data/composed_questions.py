"""Questions composed from what is wanted and the values said, in any order and joined in any way.

In: a task's wording, the roles to be said, roles that may be said besides. Out: the question's
text with each role's argument. Nothing a careful reader could not assign: two values of one kind
are only said where the wording of one of them rules the other role out.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, islice, permutations
from typing import Any

from training.data.composed_cards import Composed, apart
from training.data.numbers_as_words import NUMBER_WORDS
from training.data.piece_values import Part, drawn, labelled, with_value
from training.data.pieces import SLOT, Pieces, Role, Task, points, vocabulary

_CLAUSE = re.compile(
    r"\b(is|are|was|were|we|i|im|there|its?'?s|they|it|has|have|had|he|she|costs?|need|want|make|"
    r"call|let|use|used|runs?|goes|weighs|takes?|lasts?|pays?|paid|got|comes?|came|please|dont)\b",
    re.IGNORECASE,
)
_GAPS = (", ", " and ", "; ", ". ", " with ", " - ", ", and ", " / ", "  ")
_GAP_WEIGHTS = (10, 4, 1.5, 2.5, 1.5, 1, 1.5, 0.3, 1.2)
_STEADY = (", ", ", ", ", ", " and ", ", and ", "; ", ". ", "  ")  # between all parts alike
_BEFORE_HEAD = (", ", ". ", " - ", "; ", ": ", "... ", ", so ", " and now: ", ". so ")
_BEFORE_WEIGHTS = (8, 6, 2, 2, 2, 1, 2, 0.5, 1)
_AFTER_HEAD = (": ", ", ", "? ", " - ", ". ", " with ", " for ", " if ", " given ", "; ", " (")
_AFTER_WEIGHTS = (5, 4, 5, 2, 2, 3, 2, 2.5, 2, 1, 1)
_ASKS = re.compile(
    r"(how|what|whats|which|who|when|where|is|are|can|could|do|does|will|would)\b", re.IGNORECASE
)
_CORRECTIONS = (
    "{it}, not {other}", "{it} (not {other})", "not {other} but {it}", "{other}, no wait, {it}",
    "{other}, sorry, {it}", "{other} - I mean {it}", "{it} ({other} was last time)", "{it}, forget {other}",
    "{it} instead of {other}", "{other} is done already, now {it}", "{it}, never mind {other}",
    "{other} was wrong, it is {it}", "yesterday it was {other}, today {it}", "{it} and not {other}",
)  # fmt: skip
_ALIKE = 0.25  # share of telling words in common above which two roles may mean the same


def question(
    task: Task, made: Composed, pieces: Pieces, rng: random.Random
) -> tuple[str, dict[str, Any]] | None:
    """The text and the value of each said role by its id; None if a reader could not tell."""
    said = [*made.needed, *(role for role in made.optional if rng.random() < 0.55)]
    silent = [role for role in made.optional if role not in said]
    asked = _asked(task, made.needed, rng)
    if asked is None:
        return None
    inside = [drawn(role, rng, bare=True) for role in said if f"{{{role.id}}}" in asked]
    head = SLOT.sub(lambda slot: next(p.text for p in inside if p.role.id == slot[1]), asked)
    inside = [replace(part, said=asked) for part in inside]
    taken = {part.role.id for part in inside}
    draw = labelled if rng.random() < 0.06 else drawn
    parts = [draw(role, rng) for role in said if role.id not in taken]
    if rng.random() < 0.25:
        parts = _equalled(parts, rng)
    if not _told_apart([*inside, *parts], silent):
        return None
    arguments = {part.role.id: part.argument for part in (*inside, *parts)}
    if parts and rng.random() < 0.12:
        at = rng.randrange(len(parts))
        parts[at] = _corrected(parts[at], rng)
    if rng.random() < 0.25:
        tried = (_beside_the_point(said, silent, pieces, rng) for _ in range(4))
        parts += islice(filter(None, tried), 1)
    rng.shuffle(parts)
    return _joined(head, parts, rng), arguments


def _asked(task: Task, needed: Sequence[Role], rng: random.Random) -> str | None:
    """A wording all of whose slots are among the needed roles."""
    known = {role.id for role in needed}
    fit = [text for text in task.asked if known.issuperset(SLOT.findall(text))]
    return rng.choice(fit) if fit else None


def _told_apart(parts: Sequence[Part], silent: Sequence[Role]) -> bool:
    for one, other in combinations(parts, 2):
        if not apart((one.role, one.said), (other.role, other.said)):
            return False
        if one.role.type == "str" and one.argument == other.argument:
            return False  # nobody swaps a thing for itself
    return all(
        points(part.said, role)
        for part in parts
        for role in silent
        if role.family == part.role.family
    )


def _equalled(parts: list[Part], rng: random.Random) -> list[Part]:
    """Two numbers of the question made the same, where both roles can have it."""
    numbers = [part for part in parts if part.role.family == "number"]
    for one, other in permutations(numbers, 2):
        if isinstance(one.argument, int | float) and (new := with_value(other, one.argument, rng)):
            return [new if part is other else part for part in parts]
    return parts


def _corrected(part: Part, rng: random.Random) -> Part:
    """With another value of the same kind that is said and meant not to count."""
    other = drawn(part.role, rng, bare=True)
    if part.role.type == "bool" or other.argument == part.argument or part.text in other.text:
        return part
    text = rng.choice(_CORRECTIONS).format(it=part.text, other=other.text)
    return replace(part, text=text)


def _beside_the_point(
    said: Sequence[Role], silent: Sequence[Role], pieces: Pieces, rng: random.Random
) -> Part | None:
    """A value that nothing on the card asks for, said so that nobody would take it for one."""
    role = pieces.another(said, rng)
    words = vocabulary(role)
    for other in (*said, *silent):
        shared = words & vocabulary(other)
        if other.id == role.id or len(shared) > _ALIKE * min(len(words), len(vocabulary(other))):
            return None
    if any(other.family == role.family for other in silent):
        return None
    part = drawn(role, rng)
    if not all(points(part.said, other) for other in said):
        return None
    return part


def _joined(head: str, parts: Sequence[Part], rng: random.Random) -> str:
    """The head first, last or in between; capitals after a full stop or nowhere."""
    capital = rng.random() < 0.6
    if not parts:
        return _upper(head, "") + rng.choice(("?", "", ".")) if capital else head
    cut = rng.choices((0, len(parts), rng.randint(0, len(parts))), (4, 4, 1.5))[0]
    copied = {part.text: part.argument for part in parts if isinstance(part.argument, str)}
    text = ""
    steady = rng.choice(_STEADY) if rng.random() < 0.5 else None
    pieces = [part.text for part in parts]
    pieces.insert(cut, head)
    closing = ""
    for i, piece in enumerate(pieces):
        if i == 0:
            gap = ""
        elif i == cut:
            gap = rng.choices(_BEFORE_HEAD, _BEFORE_WEIGHTS)[0]
        elif i == cut + 1:
            gap = _after_head(head, piece, rng)
            closing = ")" if gap == " (" else ""
        else:
            gap = _gap(text, piece, steady, rng)
        if capital and (not text or gap[:1] in (".", "?")):
            piece = _upper(piece, copied.get(piece, ""))
        if text.endswith(("?", "!", ".")) and gap[:1] in ",.;:?":
            gap = " "
        text += gap + piece
    return text + closing + _mark(pieces[-1] is head or pieces[-1] == head, head, rng)


def _mark(last: bool, head: str, rng: random.Random) -> str:
    """What ends the question."""
    if head.endswith(("?", "!", ".")) and last:
        return ""
    if last and _ASKS.match(head):
        return rng.choice(("?", "?", ""))
    return rng.choice(("", "", "."))


def _after_head(head: str, piece: str, rng: random.Random) -> str:
    if head.endswith(("?", "!", ".", ":")):
        return " "
    gap = rng.choices(_AFTER_HEAD, _AFTER_WEIGHTS)[0]
    if gap == " if " and not (_CLAUSE.search(piece) and re.search(r"\d", piece)):
        return ", "
    if gap in (" with ", " for ", " given ") and not _nominal(piece):
        return ": "
    if gap == "? " and not _ASKS.match(head):
        return ". "
    return gap


def _gap(before: str, piece: str, steady: str | None, rng: random.Random) -> str:
    gap = steady or rng.choices(_GAPS, _GAP_WEIGHTS)[0]
    if gap == " with " and not _nominal(piece):
        gap = ", "
    beside = _number_like(before.split()[-1]) and _number_like(piece.split()[0])
    if beside and gap in (" and ", "  ", " / ", " - "):
        gap = ", "  # never `twenty and five`, `51 - 13`
    return " " if gap == "  " else gap


def _nominal(piece: str) -> bool:
    """Whether it can follow a preposition."""
    first = piece.split()[0].lower()
    return not _CLAUSE.search(piece) and first not in (
        "with", "for", "from", "at", "on", "in", "by", "until", "to", "no", "without", "of", "as",
    )  # fmt: skip


def _number_like(word: str) -> bool:
    return bool(re.search(r"\d", word)) or re.split(r"\W", word.lower())[0] in NUMBER_WORDS


def _upper(text: str, copied: str) -> str:
    """The first letter as a capital, unless it belongs to a copied value."""
    return text if copied and text.startswith(copied) else text[:1].upper() + text[1:]
