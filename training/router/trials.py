"""Trials for measuring and calibrating a router: held-out questions beside held-out experts.

Out: `Trial`s (a text, the experts on offer, the right name or None). Held-out families of
invented experts stand five at a time beside all built-in ones, card alone or with two examples;
held-out patterns ask for the built-in ones; near misses and small talk ask for none. Composed cards
of held-out tasks stand side by side as an engineer's own do.
"""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import mrkl
from mrkl.experts.base import Card, Expert, Parameter, Result
from training.data.composed import Case, case_of
from training.data.pieces import Task, load
from training.router.rows import (
    Row,
    card_files,
    family_of,
    intents,
    json_lines,
    pattern_rows,
    share,
)

STAND_INS = {"calculator", "units", "calendar"}  # could answer where an expert is missing


@dataclass(frozen=True)
class Trial:
    text: str
    experts: tuple[Expert, ...]
    right: tuple[str, ...]  # empty: none of them
    kind: str  # builtin | none | unseen | near miss | removed | composed | composed none | …
    family: str


def expert_of(card: Card) -> Expert:
    return Expert(card, lambda arguments, context: Result(None))


def card_of(raw: dict, examples: int) -> Card:
    """A card from a row of the invented experts; the last questions become its examples."""
    parameters = tuple(
        Parameter(name, str(p["type"]), p["description"], bool(p["required"]))
        for name, p in raw["parameters"].items()
    )
    shown = tuple(q["q"] for q in raw["questions"][6 - examples :]) if examples else ()
    return Card(raw["name"], raw["description"], parameters, raw["returns"], shown)


def unseen_trials(
    files: list[Path], builtin: list[Expert], examples: int, few_at_once: int = 5
) -> list[Trial]:
    """A few held-out experts at a time (families together) beside the built-in ones given."""
    rng = random.Random(3)
    raws = {raw["name"]: raw for file in files for raw in json_lines(file)}
    held = [r for r in raws.values() if share("family " + family_of(r["name"])) < 0.2]
    families = sorted({family_of(r["name"]) for r in held})
    rng.shuffle(families)
    held.sort(key=lambda raw: families.index(family_of(raw["name"])))
    trials: list[Trial] = []
    for start in range(0, len(held), few_at_once):
        few = held[start : start + few_at_once]
        cards = [card_of(raw, examples) for raw in few]
        offered = (*builtin, *(expert_of(card) for card in cards))
        for raw in few:
            family = family_of(raw["name"])
            for question in raw["questions"][:4]:
                trials.append(Trial(question["q"], offered, (raw["name"],), "unseen", family))
            kin = {r["name"] for r in few if family_of(r["name"]) == family} - {raw["name"]}
            rest = tuple(e for e in offered if e.card.name not in kin)
            trials += [Trial(q, rest, (), "near miss", family) for q in raw["near_misses"]]
            others = tuple(e for e in rest if e.card.name not in {raw["name"], *STAND_INS})
            if others and few_at_once > 1:  # the same questions where their expert is missing
                gone = raw["questions"][0]["q"]
                trials.append(Trial(gone, others, (), "removed", family))
    return trials


def builtin_trials(folder: Path, builtin: list[Expert]) -> list[Trial]:
    """Held-out patterns, filled once: subqueries and questions of one expert, and none."""
    names = {expert.card.name for expert in builtin}
    rows: list[Row] = [row for row in pattern_rows(folder, 1, random.Random(21)) if row.held_out]
    return [
        Trial(
            row.text,
            tuple(builtin),
            row.answers,
            "builtin" if row.answers else "none",
            row.answers[0] if row.answers else "none",
        )
        for row in rows
        if set(row.answers) <= names
    ]


def intent_trials(shared: Path) -> list[Trial]:
    """Questions of held-out intents of two public training sets beside any of their intents, by
    name and with up to sixty examples. With examples, a fifth belong to an intent that is not on
    offer."""
    trials: list[Trial] = []
    for source in ("clinc150", "banking77"):
        rng = random.Random(source)
        groups, _ = intents(shared / f"{source}_train.jsonl.gz", source, 100)
        shown = {group.names[0]: group.questions[:60] for group in groups}
        asked = {group.names[0]: group.questions[60:] for group in groups if group.held_out}
        asked = {name: questions for name, questions in asked.items() if questions}
        for shots in (0, 2, 5, 10, 25, 60):
            for size in (6, 30, len(shown)):
                inside = rng.sample(sorted(asked), min(size, len(asked) * 4 // 5))
                outside = sorted(asked.keys() - inside)
                others = sorted(shown.keys() - asked.keys())
                names = inside + rng.sample(others, min(size - len(inside), len(others)))
                offered = tuple(
                    expert_of(Card(name, "", examples=tuple(shown[name][:shots]))) for name in names
                )
                for _ in range(120):
                    name = rng.choice(outside if shots and rng.random() < 0.2 else inside)
                    right = (name,) if name in inside else ()
                    kind = source if right else f"{source} none"
                    kind = kind if shots else "name alone"
                    trials.append(Trial(rng.choice(asked[name]), offered, right, kind, name))
    return trials


def composed_trials(builtin: list[Expert], each: int = 10) -> list[Trial]:
    """One to twelve cards of held-out tasks, half of them beside the built-in ones, with none to
    four examples; for every task `each` questions, and a fifth as many where its card is missing
    (then no built-in expert stands there, as it might do the work)."""
    rng = random.Random(29)
    pieces = load("heldout")
    drawn = {task.id: _cases(task, rng) for task in pieces.tasks}
    tasks = {task.id: task for task in pieces.tasks if len(drawn[task.id]) > 6}
    trials: list[Trial] = []
    for name, task in tasks.items():
        for number in range(each + each // 5):
            missing, shots = number >= each, rng.choice((0, 0, 0, 1, 2, 4))
            near = [other for other in task.confusable if other in tasks]
            size = rng.randint(1, 11) if missing else rng.randint(0, 11)
            others = [other for other in tasks if other != name and other not in near]
            beside = (near[:1] if rng.random() < 0.5 else []) + rng.sample(others, size)
            asked = rng.choice(drawn[name])
            cards = [] if missing else [_shown(asked, drawn[name], shots)]
            cards += [_shown(rng.choice(drawn[other]), drawn[other], shots) for other in beside]
            experts = [expert_of(card) for card in {card.name: card for card in cards}.values()]
            if not missing and rng.random() < 0.5:
                experts = [*builtin, *experts]
            right = () if missing else (asked.card.name,)
            kind = "composed none" if missing else "composed"
            if len({e.card.name for e in experts}) == len(experts) and experts:
                trials.append(Trial(asked.text, tuple(experts), right, kind, name))
    return trials


def _cases(task: Task, rng: random.Random) -> list[Case]:
    found = [case_of(task, load("heldout"), rng) for _ in range(40)]
    return [case for case in found if case is not None and len(case.text) < 240][:20]


def _shown(case: Case, others: list[Case], examples: int) -> Card:
    """Its card with some of the other questions to the same task."""
    texts = [other.text for other in others if other is not case]
    return replace(case.card, examples=tuple(dict.fromkeys(texts))[:examples])


def all_trials(folder: Path, examples: int) -> list[Trial]:
    """All trials, the built-in experts with their shipped cards."""
    builtin = mrkl.builtin_experts()
    unseen = unseen_trials(card_files(folder), builtin, examples)
    return unseen + builtin_trials(folder, builtin)


def calibration_trials(folder: Path) -> list[Trial]:
    """Trials with catalogues of one to fifty experts, with and without examples."""
    builtin, files = mrkl.builtin_experts(), card_files(folder)
    trials = all_trials(folder, 0) + unseen_trials(files, builtin, 2)
    for examples, offered, few in (
        (0, [], 1),
        (0, [], 6),
        (2, [], 2),
        (2, [], 6),
        (0, builtin, 40),
    ):
        trials += unseen_trials(files, offered, examples, few)
    return trials + composed_trials(builtin)
