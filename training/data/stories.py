"""Word problems composed from hand-written stories: what is asked decides what is told.

In: `stories/*.jsonl`. Out: rows with the calculator's steps. A story is some numbers that hang
together, sentences that tell them and questions that ask for them; one number is asked, those that
lead to it are told, others now and then too. `--check` lists what is wrong, `--show` prints rows.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from training.data.firewall import wall
from training.data.row import Row
from training.data.story_sums import (
    NAME,
    Derivation,
    Relation,
    closure,
    derive,
    expressions,
    kinds,
    natural,
    spare,
)
from training.data.story_text import SLOT, Voice, number, sentence, slots
from training.data.styles import restyle

FOLDER = Path(__file__).with_name("stories")
HELD_OUT = 0.08
LONGEST = 900  # characters of a problem
_FIELDS = {"id", "words", "numbers", "say", "ask", "open", "order"}
_BASE = re.compile(r"(int|money|real) (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)|percent|times|fraction")
PERCENTS = (5, 10, 10, 15, 20, 20, 25, 25, 30, 35, 40, 45, 50, 60, 65, 70, 75, 80, 90)
FRACTIONS = ("1/2", "1/2", "1/3", "1/4", "1/4", "2/3", "3/4", "1/5", "2/5", "3/5", "1/6", "1/8", "3/8", "1/10")  # fmt: skip


@dataclass(frozen=True)
class Story:
    """One row of a file, read."""

    id: str
    words: dict[str, str | list[str]]
    bases: dict[str, str]
    relations: list[Relation]
    kinds: dict[str, str]
    order: list[str]
    say: dict[tuple[str, ...], list[str]]
    ask: dict[str, list[str]]
    open: list[str] = field(default_factory=list[str])
    loose: bool = False

    @staticmethod
    def read(row: Mapping[str, Any]) -> Story:
        """Raises ValueError when a definition cannot be read."""
        bases: dict[str, str] = {}
        relations: list[Relation] = []
        for name, text in row["numbers"].items():
            if not NAME.fullmatch(name):
                raise ValueError(f"not a name: {name!r}")
            if text.startswith("="):
                relations.append(Relation.parse(name, text[1:].strip()))
            elif _BASE.fullmatch(text):
                bases[name] = text
            else:
                raise ValueError(f"{name}: cannot read {text!r}")
        plain = {name: _kind(text) for name, text in bases.items()}
        known = [*bases, *(relation.out for relation in relations)]
        for relation in relations:
            unknown = [n for n in relation.names if n not in known]
            if unknown:
                raise ValueError(f"{relation.out}: no such number: {', '.join(unknown)}")
        return Story(
            row["id"],
            row.get("words", {}),
            bases,
            relations,
            kinds(plain, relations),
            list(row["numbers"]),
            {tuple(key.split()): texts for key, texts in row["say"].items()},
            row["ask"],
            row.get("open", []),
            row.get("order") == "any",
        )

    @property
    def sayable(self) -> set[str]:
        return {key[0] for key in self.say if len(key) == 1}


def _kind(text: str) -> str:
    head = text.split()[0]
    return "count" if head == "int" else head


@cache
def raw() -> tuple[tuple[str, dict[str, Any]], ...]:
    """(file, row) of all story files."""
    return tuple(
        (path.stem, json.loads(line))
        for path in sorted(FOLDER.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    )


def held_out(name: str) -> bool:
    return random.Random(f"held {name}").random() < HELD_OUT


@cache
def stories(split: str) -> tuple[Story, ...]:
    """The stories of one split."""
    return tuple(Story.read(row) for _, row in raw() if held_out(row["id"]) == (split == "heldout"))


def drawn(story: Story, rng: random.Random) -> dict[str, Fraction] | None:
    """Values for all numbers; None when no try comes out natural."""
    for _ in range(80):
        values = {name: _base(text, rng) for name, text in story.bases.items()}
        try:
            for relation in story.relations:
                values[relation.out] = relation.value(values)
        except (ZeroDivisionError, KeyError):
            continue
        if all(natural(value, story.kinds[name]) for name, value in values.items()):
            return values
    return None


def _base(text: str, rng: random.Random) -> Fraction:
    kind, *limits = text.split()
    if kind == "percent":
        return Fraction(rng.choice(PERCENTS))
    if kind == "times":
        return Fraction(rng.choice((2, 2, 3, 3, 4, 5, 6)))
    if kind == "fraction":
        return Fraction(rng.choice(FRACTIONS))
    low, high = (Fraction(limit) for limit in limits)
    if kind == "real":
        return Fraction(rng.randint(int(low * 10), int(high * 10)), 10)
    if kind == "money" and high < 200 and rng.random() < 0.4:
        return Fraction(rng.randint(int(low), int(high))) + Fraction(
            rng.choice((25, 50, 50, 75, 99)), 100
        )
    return Fraction(rng.randint(int(low), int(high)))


def chosen(story: Story, rng: random.Random) -> tuple[str, Derivation] | None:
    """What is asked, and how it follows from what is told, of which nothing is spare."""
    for _ in range(20):
        target = rng.choice(list(story.ask))
        way = derive(target, story.relations, story.sayable, rng)
        if way is None or not way.steps or spare(way.told, target, story.relations):
            continue
        for name in rng.sample(sorted(story.sayable), len(story.sayable)):
            more = [*way.told, name]
            if name in (target, *more[:-1], *way.derived) or rng.random() < 0.7:
                continue
            needed = [t for t in way.told if t not in way.derived]
            if not any(target in _without(more, one, story) for one in needed):
                way.told.append(name)
        return target, way
    return None


def _without(told: list[str], one: str, story: Story) -> set[str]:
    return closure(set(told) - {one}, story.relations)


@dataclass(frozen=True)
class Problem:
    """What is asked, the calculator's expressions in order, and the value they end in."""

    question: str
    expressions: list[str]
    value: Fraction


def problem(story: Story, rng: random.Random) -> Problem | None:
    """One problem; None when the numbers do not come out."""
    picked, values = chosen(story, rng), drawn(story, rng)
    if picked is None or values is None:
        return None
    target, way = picked
    voice = Voice.of(story.words, values, story.kinds, rng)
    told = list(_told(story, way.told, rng))
    names = [name for key, _ in told for name in key]
    texts = [text for _, text in told]
    if story.open and rng.random() < 0.5:
        texts.insert(0, rng.choice(story.open))
    asked = rng.choice(story.ask[target])
    texts = [asked, *texts] if rng.random() < 0.06 else [*texts, asked]
    met: set[str] = set()
    parts = [voice.fill(text, met) for text in texts]
    parts = [
        part if text is asked else sentence(part) for part, text in zip(parts, texts, strict=True)
    ]
    if texts[-1] is asked:
        parts = voice.joined(parts)
    written = {name: number(values[name], story.kinds[name]) for name in (*names, *story.order)}
    steps = [simplified(e) for e in expressions(way, written)]
    return Problem(" ".join(parts), steps, values[target])


def _told(
    story: Story, told: list[str], rng: random.Random
) -> Iterator[tuple[tuple[str, ...], str]]:
    """(numbers, the sentence that tells them) in the order of the story."""
    names = [name for name in story.order if name in told]
    if story.loose or rng.random() < 0.05:
        rng.shuffle(names)
    while names:
        first = names.pop(0)
        several = [key for key in story.say if len(key) > 1 and key[0] == first]
        several = [key for key in several if set(key[1:]) <= set(names)]
        key = rng.choice(several) if several and rng.random() < 0.7 else (first,)
        names = [name for name in names if name not in key]
        yield key, rng.choice(story.say[key])


def simplified(expression: str) -> str:
    """`1/4` is written as a division: `60 * 1/4` becomes `60 / 4`, `60 * 2/3` `60 * 2 / 3`."""
    expression = re.sub(r"^1/(\d+) \* (\S+)$", r"\2 / \1", expression)
    expression = re.sub(r"^(\d+)/(\d+) \* (\S+)$", r"\3 * \1 / \2", expression)
    expression = re.sub(r"\* 1/(\d+)$", r"/ \1", expression)
    expression = re.sub(r"\* (\d+)/(\d+)$", r"* \1 / \2", expression)
    expression = re.sub(r" / 1/(\d+)$", r" * \1", expression)
    return re.sub(r" / (\d+)/(\d+)$", r" * \2 / \1", expression)


def rows(rng: random.Random, split: str) -> Iterator[Row]:
    """Endless rows of this kind."""
    from training.data.problem_rows import plan_row

    known = stories(split)
    while True:
        story = rng.choice(known)
        made = problem(story, rng)
        if made is None or len(made.question) > LONGEST or wall().hit(made.question):
            continue
        question = restyle(made.question, (), rng)
        row = plan_row(question, made.expressions, rng, "stories", story.id)
        if row is not None:
            yield row


def faults(row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one row."""
    if set(row) - _FIELDS or not {"id", "numbers", "say", "ask"} <= set(row):
        yield f"fields must be {', '.join(sorted(_FIELDS))}"
        return
    try:
        story = Story.read(row)
    except (ValueError, TypeError, KeyError) as error:
        yield str(error)
        return
    yield from _text_faults(story)
    rng = random.Random(0)
    tries = [drawn(story, rng) for _ in range(10)]
    if tries.count(None) > 4:
        yield "the numbers hardly ever come out whole and positive: narrow the ranges"
    reached = Counter(picked[0] for _ in range(400) if (picked := chosen(story, rng)))
    for name in story.ask:
        if not reached[name]:
            yield f"{name} is asked and cannot be derived from what can be told"


def _text_faults(story: Story) -> Iterator[str]:
    known = set(story.order)
    words = set(story.words)
    for key, texts in story.say.items():
        for text in texts:
            found = [name for kind, name in slots(text) if name in known]
            if set(key) - known:
                yield f"say: no such number: {' '.join(sorted(set(key) - known))}"
            elif sorted(found) != sorted(key):
                yield f"a sentence for {' '.join(key)!r} names {' '.join(found) or 'no number'}: {text!r}"
    for name in set(story.ask) - known:
        yield f"ask: no such number: {name}"
    for name in set(story.bases) - story.sayable:
        yield f"{name} cannot be told: no sentence in say"
    spoken = [t for texts in (*story.say.values(), *story.ask.values(), story.open) for t in texts]
    for text in spoken:
        for kind, name in slots(text):
            if name not in known | words | {"z"} or (kind and name not in words):
                yield f"unknown slot {{{kind}:{name}}} in {text!r}"
        if re.search(r"[{}]", SLOT.sub("", text)):
            yield f"a brace that is no slot in {text!r}"
    for text in (t for texts in story.ask.values() for t in texts):
        if any(name in known for _, name in slots(text)):
            yield f"a question must not tell a number: {text!r}"


def check() -> list[str]:
    """All that is wrong, one line each."""
    seen: Counter[str] = Counter(str(row.get("id")) for _, row in raw())
    found = [f"{name}: the id is there twice" for name, times in seen.items() if times > 1]
    return found + [
        f"{file} {row.get('id')}: {fault}" for file, row in raw() for fault in faults(row)
    ]


def main() -> int:
    """Check the stories or show problems. Exit status 1 when a story is not well written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--show", type=int, default=20)
    parser.add_argument("--file", default="", help="only stories of this file")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--split", default="train")
    a = parser.parse_args()
    if a.check:
        found = check()
        print("\n".join(found) or f"all {len(raw())} stories are well written")
        return 1 if found else 0
    rng = random.Random(a.seed)
    if not a.file:
        for row in islice(rows(rng, a.split), a.show):
            print(f"[{row.pattern_id}] {row.prompt}\n   {row.target[0][0]}")
        return 0
    stories_of_file = [Story.read(row) for file, row in raw() if file == a.file]
    for _ in range(a.show):
        story = rng.choice(stories_of_file)
        made = problem(story, rng)
        told = f"{made.question}\n   {' ; '.join(made.expressions)}" if made else "nothing"
        print(f"[{story.id}] {told}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
