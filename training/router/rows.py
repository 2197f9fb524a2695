"""Read the labelled sources: experts with cards, and questions with the experts they need.

Out: `Group`s (an expert: card pieces, questions, family, held-out mark) and `Row`s (a text
with the experts that answer it, or none). Sources: the phrasings, the invented expert cards,
CLINC150 and Banking77 training intents, GSM8K training questions.
"""

import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import mrkl
from mrkl.router.text import card_text
from training.router.cards import BUILTIN_CARDS
from training.router.corpus import words_of
from training.router.slots import fill

FAMILIES = (
    r"loan_(payment|interest)",
    r"(add|remove|transfer)_stock|stock_level",
    r"heat_index|wind_chill|dew_point",
    r"triangle_area",
    r"bmr_",
    r"send_sms|schedule_sms|send_email|push_notify",
    r"working_days|nights_between",
    r"vat_",
    r"(geometric|harmonic|trimmed)_mean",
    r"truncate_",
    r"depreciation_",
    r"max_heart_rate|hr_",
    r"league_points",
)


@dataclass
class Group:
    """An expert as training sees it: pieces of its card and the questions it answers."""

    name: str
    source: str  # builtin | invented | clinc150 | banking77 | composed
    family: str
    held_out: bool = False
    names: list[str] = field(default_factory=list)
    descriptions: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)  # whole texts, instead of pieces
    near: list[str] = field(default_factory=list)  # groups that may be taken for this one


@dataclass
class Row:
    """A text, the groups any of which answers it (empty: none), and what may stand beside it."""

    text: str
    answers: tuple[str, ...]
    source: str
    held_out: bool = False
    near: str = ""  # a near miss of this group: related, yet not answered by it


def share(key: str) -> float:
    """A fixed pseudo-random number in [0, 1) for splits that never move."""
    return int.from_bytes(blake2b(key.encode(), digest_size=4).digest()) / 2**32


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def family_of(name: str) -> str:
    return next((pattern for pattern in FAMILIES if re.search(pattern, name)), name)


def builtin_groups() -> list[Group]:
    """The built-in experts: the shipped card first, then the same in other words."""
    shipped = {expert.card.name: expert.card for expert in mrkl.builtin_experts()}
    groups: list[Group] = []
    for name, words in BUILTIN_CARDS.items():
        descriptions, parameters = list(words["descriptions"]), [words["parameters"]]
        if name in shipped:
            descriptions.insert(0, re.sub(r"\s+", " ", shipped[name].description).strip())
            parameters.insert(0, card_text(shipped[name]).partition(" | ")[2])
        groups.append(Group(name, "builtin", name, False, [name], descriptions, parameters))
    return groups


def card_files(folder: Path) -> list[Path]:
    """The files of invented experts among the phrasings."""
    return sorted(folder.glob("expert_cards*.jsonl"))


def pattern_files(folder: Path) -> list[Path]:
    """The files of question patterns among the phrasings."""
    return sorted(set(folder.glob("*.jsonl")) - set(card_files(folder)))


def pattern_rows(folder: Path, copies: int, rng: random.Random) -> Iterator[Row]:
    """Questions and subqueries of the patterns, each filled `copies` times."""
    for file in pattern_files(folder):
        for pattern in json_lines(file):
            held_out = share(pattern["q"]) < 0.1
            steps = [s for s in pattern["steps"] if s["expert"] in BUILTIN_CARDS]
            if len(steps) != len(pattern["steps"]):  # steps of an expert that is not built in
                continue
            answers = tuple(sorted({step["expert"] for step in steps}))
            seen: set[str] = set()
            for _ in range(copies):
                values: dict[str, str] = {}
                texts = [(fill(pattern["q"], values, rng), answers)]
                texts += [(fill(s["subquery"], values, rng), (s["expert"],)) for s in steps]
                for text, experts in texts:
                    if text not in seen:
                        seen.add(text)
                        yield Row(text, experts, "builtin", held_out)


def invented(files: Iterable[Path]) -> tuple[list[Group], list[Row]]:
    """The invented experts with their questions, and their near misses."""
    groups: dict[str, Group] = {}
    rows: list[Row] = []
    for file in files:
        for card in json_lines(file):
            name = card["name"]
            if name in groups:
                continue
            family = family_of(name)
            held_out = share("family " + family) < 0.2
            parameters = ", ".join(
                words_of(p) + (f" ({d['description']})" if d["description"] else "")
                for p, d in card["parameters"].items()
            )
            plain = ", ".join(words_of(p) for p in card["parameters"])
            description = re.sub(r"\s+", " ", card["description"]).strip()
            questions = [q["q"] for q in card["questions"]]
            groups[name] = Group(
                name,
                "invented",
                family,
                held_out,
                [name],
                [description],
                [parameters, plain],
                questions,
            )
            rows += [Row(q, (name,), "invented", held_out) for q in questions]
            rows += [Row(q, (), "invented", held_out, near=name) for q in card["near_misses"]]
    return list(groups.values()), rows


def intents(path: Path, source: str, per_intent: int) -> tuple[list[Group], list[Row]]:
    """Intents as experts known by name; rows labelled out of scope answer to none."""
    groups: dict[str, Group] = {}
    rows: list[Row] = []
    for row in json_lines(path):
        label = row["label"]
        if label in ("oos", "out_of_scope"):
            rows.append(Row(row["question"], (), source, share(row["question"]) < 0.1))
            continue
        name = f"{source}:{label}"
        group = groups.setdefault(
            name,
            Group(name, source, name, share("family " + name) < 0.2, [label.strip("?")]),
        )
        if len(group.questions) < per_intent:
            group.questions.append(row["question"])
            rows.append(Row(row["question"], (name,), source, group.held_out))
    return list(groups.values()), rows


def word_problems(path: Path, limit: int) -> list[Row]:
    """Word problems: the calculator answers each of them."""
    rows: list[Row] = []
    for row in json_lines(path):
        text = row["question"]
        if len(text) < 260:
            rows.append(Row(text, ("calculator",), "builtin", share(text) < 0.1))
        if len(rows) >= limit:
            break
    return rows
