"""How exactly the core copies into arguments: numbers to 15 digits, names, codes, dates, quoted texts.

Each question holds values that the call must hold to the last character, and in half of the cases
another value of the same kind that it must not. Counted are the values in calls that go to the right
expert. Prints a table, writes results/copying.json.

    python -m benchmarks.copying [--count 60] [--model FOLDER]
"""

from __future__ import annotations

import argparse
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import mrkl
from benchmarks.common import show, write
from mrkl.budget import Budget, Meter
from mrkl.embedded import EmbeddedJamba
from mrkl.experts.arguments import checked_arguments
from mrkl.experts.base import Expert, ExpertError
from mrkl.experts.registry import BUILTINS, builtin_experts
from mrkl.experts.world import World
from mrkl.language import Offer
from mrkl.plan import Step
from mrkl.references import ReferenceFault, fill
from mrkl.router import Router
from mrkl.score import wilson
from mrkl.tools.number_words import find_numbers
from mrkl.trace import Trace

FIRST = [
    "Alma",
    "Bela",
    "Cosmin",
    "Dovile",
    "Edda",
    "Ferenc",
    "Gudrun",
    "Hiromi",
    "Ilse",
    "Jarek",
    "Kwabena",
    "Lindiwe",
    "Mirela",
]
LAST = [
    "Abara",
    "Brodsky",
    "Castelo",
    "Dvorak",
    "Eskola",
    "Farkas",
    "Gumede",
    "Haugen",
    "Iwata",
    "Jansons",
    "Kimani",
    "Lunde",
]
# The four experts below are only drafted for, never called.
TEXTS = (
    "the north gate stays shut", "bring both ladders on Thursday", "who moved the blue chairs",
    "no soup for table nine", "Miro sends his regards", "mind the third step", "we sail at dawn",
    "the keys hang behind the clock", "ask Odile about the invoice", "it leaks when it rains",
)  # fmt: skip


@mrkl.expert
def member_since(member: str) -> str:
    """When somebody joined the rowing club.

    :param member: full name of the person
    """
    return member


@mrkl.expert
def parcel_status(code: str) -> str:
    """Where a parcel is.

    :param code: tracking code
    """
    return code


@mrkl.expert
def diary_entry(day: date) -> str:
    """What the diary says of a day.

    :param day: the day
    """
    return day.isoformat()


@mrkl.expert
def morse_code(text: str) -> str:
    """A text in Morse code.

    :param text: what is to be encoded
    """
    return text


@dataclass(frozen=True)
class Case:
    kind: str
    question: str
    expert: str
    values: tuple[object, ...]  # what the call must hold


def number(rng: random.Random, digits: int) -> str:
    return str(rng.randrange(10 ** (digits - 1), 10**digits))


def of_digits(digits: tuple[int, int]) -> Callable[[random.Random], Case]:
    def case(rng: random.Random) -> Case:
        n, m, other = (number(rng, rng.randint(*digits)) for _ in range(3))
        form = rng.choice(
            (
                "what is {n} plus {m}",
                "take {n} away from {m} please",
                "{n} times {m}",
                "lot {o} again. i need {n} plus {m}",
                "add {n} to {m}, never mind room {o}",
                "how much is {m} minus {n}? ({o} was last week)",
            )
        )
        question = form.format(n=n, m=m, o=other)
        return Case(
            f"numbers of {digits[0]} to {digits[1]} digits",
            question,
            "calculator",
            (int(n), int(m)),
        )

    return case


def decimals(rng: random.Random) -> Case:
    n, other = (f"{rng.uniform(1, 9999):.{rng.randint(1, 4)}f}" for _ in range(2))
    form = rng.choice(
        ("how many feet are {n} metres", "{n} kg in pounds", "turn {n} miles into km, not the {o} of before",
         "what would {n} litres be in gallons? the other tank holds {o}")
    )  # fmt: skip
    return Case(
        "decimals with a unit", form.format(n=n, o=other), "units", (find_numbers(n)[0][2],)
    )


def name(rng: random.Random) -> Case:
    (n, other) = (f"{rng.choice(FIRST)} {rng.choice(LAST)}" for _ in range(2))
    form = rng.choice(
        ("when did {n} join the rowing club", "since when has {n} been a member", "{n} - member since?",
         "{o} wants to know when {n} joined", "not {o}: how long has {n} been rowing with us")
    )  # fmt: skip
    return Case("names", form.format(n=n, o=other), "member_since", (n,))


def code(rng: random.Random) -> Case:
    letters = string.ascii_uppercase + string.digits
    (n, other) = ("".join(rng.choices(letters, k=rng.randint(6, 12))) for _ in range(2))
    form = rng.choice(
        ("where is parcel {n}", "status of {n} please", "has {n} been delivered yet?",
         "{o} came yesterday, where is {n}", "track {n} for me, forget {o}")
    )  # fmt: skip
    return Case("codes", form.format(n=n, o=other), "parcel_status", (n,))


def day(rng: random.Random) -> Case:
    days = [date(1950, 1, 1) + timedelta(days=rng.randrange(30000)) for _ in range(2)]
    form = rng.choice(("%d %B %Y", "%B %d, %Y", "%Y-%m-%d", "%d %b %Y"))
    n, other = (d.strftime(form) for d in days)
    wording = rng.choice(
        ("what does my diary say on {n}", "diary entry of {n}", "what did i write on {n}?",
         "read me the diary for {n}, not for {o}")
    )  # fmt: skip
    return Case("dates", wording.format(n=n, o=other), "diary_entry", (days[0].isoformat(),))


def text(rng: random.Random) -> Case:
    n, other = rng.sample(TEXTS, 2)
    form = rng.choice(
        ('put "{n}" into morse', 'how do I send "{n}" in morse code', 'morse for "{n}"',
         'i said "{o}" before, now encode "{n}" in morse')
    )  # fmt: skip
    return Case("quoted texts", form.format(n=n, o=other), "morse_code", (n,))


KINDS = (of_digits((1, 4)), of_digits((5, 9)), of_digits((10, 15)), decimals, name, code, day, text)


def held(step: Step, experts: dict[str, Expert], world: World) -> set[object]:
    """The values a call holds: its arguments as the expert gets them, and the numbers in them."""
    expert = experts[step.expert]
    try:
        given = checked_arguments(expert, fill(step, expert.card, {}, world))
    except (ReferenceFault, ExpertError):
        given = step.as_written()
    values: set[object] = set()
    for value in given.values():
        values.add(str(value))
        values.update(n for _, _, n in find_numbers(str(value)))
    return values


def measure(core: EmbeddedJamba, count: int, seed: int) -> Iterator[tuple[str, int, int, int]]:
    """(kind, values copied, values in calls to the right expert, questions) by kind."""
    strange = [member_since, parcel_status, diary_entry, morse_code]
    experts = {e.name: e for e in (*builtin_experts(), *strange)}
    offer, world = Offer(experts, frozenset(BUILTINS), Router.load()), World()
    for make in KINDS:
        rng = random.Random(seed)
        right, total, kind = 0, 0, ""
        for _ in range(count):
            case = make(rng)
            kind = case.kind
            draft = core.draft(case.question, offer, Meter(Budget()), Trace(), ())
            step = next((s for s in draft.plan if s.expert == case.expert), None)
            if draft.kind == "plan" and step is not None:
                found = held(step, experts, world)
                right += sum(value in found for value in case.values)
                total += len(case.values)
        yield kind, right, total, count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60, help="questions of each kind")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--model", type=Path, help="a folder; default: the core that ships")
    options = parser.parse_args()
    rows = list(measure(EmbeddedJamba.load(options.model), options.count, options.seed))
    copied, values, asked = (sum(column) for column in zip(*(row[1:] for row in rows), strict=True))
    rows.append(("all", copied, values, asked))
    table = [(k, r, n, r / n, *wilson(r, n), q) for k, r, n, q in rows if n]
    show("Copied exactly", ("kind", "copied", "values", "share", "low", "high", "questions"), table)
    names = ("copied", "values", "share", "low", "high", "questions")
    figures = {kind: dict(zip(names, found, strict=True)) for kind, *found in table}
    write("copying", {"count": options.count, "seed": options.seed, "kinds": figures})


if __name__ == "__main__":
    main()
