"""Rows whose cards and questions are composed at random from hand-written pieces.

In: the roles and tasks of `pieces`. Out: rows like those of `card_rows`, of which hardly two share
a card or a question, so that a number can only be bound by reading which parameter it is said of.
`--check` lists what is wrong with the pieces, `--show` prints rows to read.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mrkl.experts.base import Card
from mrkl.prompt import StepText, render_abstained
from training.data import card_steps
from training.data.card_files import SERVED, Asked, Question
from training.data.card_offers import alike, bare, beside
from training.data.card_rows import NO_EXPERT, styled, written
from training.data.card_steps import Planned
from training.data.composed_cards import Composed, composed
from training.data.composed_questions import question
from training.data.firewall import wall
from training.data.pieces import Pieces, Role, Task, load
from training.data.pieces_check import problems
from training.data.row import Row, from_prompt

MOST_ROLES = 5
SHORT = 110  # characters of a question that stands beside another


@dataclass(frozen=True)
class Case:
    """A question, the card that answers it, and the call's arguments."""

    task: Task
    text: str
    card: Card
    arguments: dict[str, Any]


def rows(rng: random.Random, split: str) -> Iterator[Row]:
    """Endless rows of this kind. Raises ValueError when a piece is not well written."""
    pieces = load(split)
    drawn = cases(rng, pieces)
    for one in drawn:
        roll = rng.random()
        if roll < 0.12:
            row = _abstained(one, pieces, rng)
        else:
            other = next(drawn) if roll > 0.95 else None
            row = _called(one, other, pieces, rng)
        if row is not None:
            yield row


def cases(rng: random.Random, pieces: Pieces) -> Iterator[Case]:
    """Endless questions with their cards and calls."""
    while True:
        case = case_of(rng.choice(pieces.tasks), pieces, rng)
        if case is not None:
            yield case


def case_of(task: Task, pieces: Pieces, rng: random.Random) -> Case | None:
    """A question with its card and its call, or None where a draw does not fit together."""
    made = composed(task, *_roles(task, pieces, rng), rng)
    if made is None:
        return None
    asked = question(task, made, pieces, rng)
    return None if asked is None else _typed(task, made, *asked, rng)


def _roles(task: Task, pieces: Pieces, rng: random.Random) -> tuple[list[Role], list[Role]]:
    """The task's own roles, or two or three others swapped in or added; and optional ones."""
    needed = [pieces.roles[name] for name in task.roles if name in pieces.roles]
    optional = [pieces.roles[name] for name in task.optional if name in pieces.roles]
    optional = [role for role in optional if rng.random() < 0.6]
    if needed and rng.random() >= (0.3 if len(needed) == len(task.roles) else 0.6):
        return needed, optional
    own = list(needed)
    for _ in range(rng.choice((2, 2, 3))):
        role = pieces.another([*needed, *optional], rng)
        if role.id in (*task.roles, *task.optional) or role in (*needed, *optional):
            continue
        if len(own) > 1 and rng.random() < 0.6:  # at least one of its own stays
            needed[needed.index(own.pop(rng.randrange(len(own))))] = role
        elif len(needed) + len(optional) < MOST_ROLES:
            (optional if needed and rng.random() < 0.25 else needed).append(role)
    return needed, optional


def _typed(
    task: Task, made: Composed, text: str, said: dict[str, Any], rng: random.Random
) -> Case | None:
    """Typed by somebody; None if it spoils a copied text or repeats an evaluation."""
    arguments = {made.names[role]: value for role, value in said.items()}
    text, arguments = styled(Question(text, arguments), made.card, rng)
    case = Case(task, text, made.card, arguments)
    return case if _copied(case, text) and not wall().hit(text) else None


def _copied(one: Case, text: str) -> bool:
    """Whether all that the call copies stands in a text."""
    copied = [p.name for p in one.card.parameters if p.type in ("str", "date")]
    return all(_stands(one.arguments[name], text) for name in copied if name in one.arguments)


def _stands(value: str, text: str) -> bool:
    """Whether a text is there in whole words, its own punctuation apart from the question's."""
    before = r"(?<!\w)" if value[0].isalnum() else r'(?<![^\s"])'
    after = r"(?!\w)" if value[-1].isalnum() else r'(?![^\s"])'
    return bool(re.search(before + re.escape(value) + after, text))


def _others(one: Case, pieces: Pieces, rng: random.Random) -> list[Card]:
    """Cards of other tasks, confusable ones first."""
    near = [task for task in pieces.tasks if task.id in one.task.confusable]
    chosen = [*near, *rng.sample(pieces.tasks, min(2, len(pieces.tasks)))][: rng.randint(1, 3)]
    found: list[Card] = []
    for task in chosen:
        other = composed(task, *_roles(task, pieces, rng), rng)
        if task.id != one.task.id and other and not alike(other.card, one.card):
            found.append(other.card)
    return found


def _called(one: Case, other: Case | None, pieces: Pieces, rng: random.Random) -> Row | None:
    """The call, or two: a second question beside it, or its number used further."""
    planned = _planned(one, other, rng)
    if planned is None or not _copied(one, planned.question):
        return None
    cards = [one.card, *beside(planned.question, Asked(one.card, one.task.id, (), ()), rng)]
    if other is not None:
        cards = [one.card, other.card, *cards[1:3]]
    elif rng.random() < 0.4 and not bare(one.text, one.card):
        cards = [one.card, *_others(one, pieces, rng), *cards[1:]][:4]
    return written(planned, cards, "composed", one.task.id, rng)


def _planned(one: Case, other: Case | None, rng: random.Random) -> Planned | None:
    first = (one.text, one.card, one.arguments)
    if other is not None:
        short = max(len(one.text), len(other.text)) <= SHORT
        clear = not bare(one.text, one.card) and not bare(other.text, other.card)
        if not short or not clear or alike(one.card, other.card):
            return None
        return card_steps.two_cards(first, (other.text, other.card, other.arguments), rng)
    if one.task.returns and card_steps.numeric(one.card) and rng.random() < 0.1:
        further = rng.choice((card_steps.then_calculated, card_steps.then_converted))
        return further(*first, rng)
    step = StepText("@", one.card.name, card_steps.call(one.card, one.arguments))
    return Planned(one.text, [step], [(1, card_steps.invented(one.card, rng))], "#1")


def _abstained(one: Case, pieces: Pieces, rng: random.Random) -> Row | None:
    """The question without its card, where no built-in expert could do the work."""
    texts = any(p.type == "str" and p.required for p in one.card.parameters)
    if not texts or SERVED.search(one.text):
        return None
    cards = _others(one, pieces, rng)
    if not cards or len({card.name for card in cards}) < len(cards):
        return None
    text = render_abstained(one.text, cards, rng.choice(NO_EXPERT))
    return from_prompt(text, "composed none", one.task.id)


def main(arguments: list[str] | None = None) -> int:
    """Check the pieces or show rows. Exit status 1 when a piece is not well written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="list what is wrong with the pieces")
    parser.add_argument("--show", type=int, default=20, help="how many rows to print")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="train")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        found = list(problems())
        print("\n".join(found) or "all pieces are well written")
        return 1 if found else 0
    for row in islice(rows(random.Random(chosen.seed), chosen.split), chosen.show):
        print(f"[{row.source}] {row.prompt}\n   {row.target[0][0]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
