"""Experts composed at random from hand-written roles and tasks, as the router's training sees them.

    python -m training.router.composed --out WORK/composed.json

In: the pieces of `training.data.pieces`. Out: a `Group` a task, with many cards of it, and their
questions; tasks that may be taken for one another stand in `near`, experts that do the same in
`twins`. Tasks that do what a held-out invented expert does are left out. Needs the sentence encoder
of `teacher`.
"""

import argparse
import json
import random
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mrkl.experts.base import Card
from mrkl.router.text import card_text
from training.data.composed import Case, case_of
from training.data.pieces import Pieces, Task, load
from training.router.rows import Group, Row, card_files, invented
from training.router.teacher import Teacher

ASKED = 48  # questions of a task, each with a card of its own
FEW = 8  # of a held-out task
LONG = 240  # characters: a question that several roles made too long
SAME = 0.72  # cosine of two descriptions from which they are taken for one and the same
HELD = 0.62  # the same for held-out experts: rather too many left out than one let in


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    groups, rows, twins = composed_groups(options.phrasings, random.Random(17))
    facts = {"groups": [asdict(group) for group in groups], "twins": twins}
    facts["rows"] = [asdict(row) for row in rows]
    options.out.write_text(json.dumps(facts))
    print(f"{len(groups)} tasks, {len(rows)} questions, {len(twins)} pairs of twins")


def composed_groups(
    phrasings: Path, rng: random.Random
) -> tuple[list[Group], list[Row], list[tuple[str, str]]]:
    """All tasks, those of the train split to learn from; questions; pairs of like experts."""
    others = invented(card_files(phrasings))[0]
    split = {task.id: name for name in ("train", "heldout") for task in load(name).tasks}
    tasks = {task.id: task for name in ("train", "heldout") for task in load(name).tasks}
    alike = cosines([*map(described, tasks.values())], [*map(told, others)])
    left_out = {
        task
        for task, row in zip(tasks, alike, strict=True)
        if split[task] == "train"
        and any(row[i] > HELD for i, group in enumerate(others) if group.held_out)
    }
    groups: list[Group] = []
    rows: list[Row] = []
    for task in tasks.values():
        held_out = split[task.id] == "heldout"
        cases = drawn(task, load(split[task.id]), FEW if held_out else ASKED, rng)
        if task.id in left_out or not cases:
            continue
        name = named(task.id)
        cards = wordings([case.card for case in cases], rng)
        near = [named(other) for other in task.confusable]
        names = list(task.names)
        groups.append(Group(name, "composed", name, held_out, names, cards=cards, near=near))
        rows += [Row(case.text, (name,), "composed", held_out) for case in cases]
    known = {group.name for group in groups}
    ids = [task for task in tasks if named(task) in known]
    twins = [
        (named(task), group.name)
        for task, row in zip(tasks, alike, strict=True)
        for group, like in zip(others, row, strict=True)
        if named(task) in known and like > SAME
    ]
    texts = [described(tasks[task]) for task in ids]
    twins += [
        (named(ids[i]), named(ids[j]))
        for i, j in zip(*np.nonzero(cosines(texts, texts) > SAME), strict=True)
        if i < j and ids[j] not in near_of(tasks, ids[i]) and ids[i] not in near_of(tasks, ids[j])
    ]
    return groups, rows, twins


def near_of(tasks: dict[str, Task], task: str) -> tuple[str, ...]:
    return tasks[task].confusable


def named(task: str) -> str:
    return f"composed:{task}"


def described(task: Task) -> str:
    return f"{task.names[0].replace('_', ' ')}: {task.descriptions[0]}"


def told(group: Group) -> str:
    return f"{group.names[0].replace('_', ' ')}: {group.descriptions[0]}"


def cosines(some: list[str], others: list[str]) -> np.ndarray:
    teacher = Teacher(1)
    return teacher.encode(some).astype(np.float32) @ teacher.encode(others).astype(np.float32).T


def drawn(task: Task, pieces: Pieces, count: int, rng: random.Random) -> list[Case]:
    """Up to `count` cases of a task, no text twice."""
    found: dict[str, Case] = {}
    for _ in range(2 * count):
        case = case_of(task, pieces, rng)
        if case is not None and len(case.text) < LONG:
            found.setdefault(case.text, case)
        if len(found) == count:
            break
    return list(found.values())


def wordings(cards: list[Card], rng: random.Random) -> list[str]:
    """Cards as they read at run time, and some of them by name or by description alone."""
    texts = [card_text(card) for card in cards]
    for card in rng.sample(cards, min(5, len(cards))):
        name, _, rest = card_text(card).partition(": ")
        texts += [name, rest.partition(" | ")[0]]
    return list(dict.fromkeys(text for text in texts if text))


def read(path: Path) -> tuple[list[Group], list[Row], list[tuple[str, str]]]:
    """What `main` wrote."""
    facts = json.loads(path.read_text())
    rows = [Row(**row | {"answers": tuple(row["answers"])}) for row in facts["rows"]]
    return [Group(**group) for group in facts["groups"]], rows, [(a, b) for a, b in facts["twins"]]


if __name__ == "__main__":
    main()
