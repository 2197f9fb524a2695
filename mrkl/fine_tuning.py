"""Teach the embedded core one's own experts: lessons in, a checkpoint folder and figures out.

In: the experts, lessons (mrkl.lessons), a checkpoint. Out: a folder for `--model` and a `Report` of
what was right before and after, on lessons that were kept aside and on questions to the built-in
experts. Each lesson is shown with the cards that the router would show for it; general rows are
rehearsed beside, so that old knowledge stays. No expert is called.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrkl import call_match
from mrkl.call_match import Match
from mrkl.core_files import shipped_folder
from mrkl.embedded import MAX_CARDS, EmbeddedJamba, shown_cards
from mrkl.experts.base import Expert
from mrkl.experts.registry import builtin_experts
from mrkl.language import Offer, RouterLike
from mrkl.lessons import Lesson
from mrkl.plan import Plan, parse_plan
from mrkl.score import wilson

if TYPE_CHECKING:
    from mrkl.jamba_core.finetune import Example, Round
    from mrkl.jamba_core.tokenizer import Tokenizer

FIFTH = 5  # every fifth lesson is kept aside for the figures
STOPPING = 40  # with so many lessons, some of the others say when to stop
LONGEST = 700  # tokens of a lesson
OTHER_CARDS = 0.5  # share of lessons shown with other cards than the router's choice


class TrainingError(ValueError):
    """Lessons or a core that cannot be trained with; one line."""


@dataclass(frozen=True)
class Settings:
    """What a run may take and how it learns. Rounds are passes over all lessons."""

    rounds: int = 8
    minutes: float = 10.0
    rank: int = 8
    rate: float = 2e-3
    seed: int = 1
    check: int = 50  # questions to built-in experts asked before and after


@dataclass
class Report:
    """Figures of one run; `before` and `after` hold matches by set: yours, built-in."""

    lessons: int
    learned: int
    rounds: list[Round] = field(default_factory=list["Round"])
    before: dict[str, list[Match]] = field(default_factory=dict[str, "list[Match]"])
    after: dict[str, list[Match]] = field(default_factory=dict[str, "list[Match]"])

    def rows(self) -> list[tuple[str, str, int, list[tuple[int, float, float]]]]:
        """(set, what, n, [(right, low, high) before, the same after]); Wilson's 95 % interval."""
        found: list[tuple[str, str, int, list[tuple[int, float, float]]]] = []
        for name, matched in self.before.items():
            for what in ("expert", "exact"):
                hits = [
                    sum(getattr(m, what) for m in side)
                    for side in (matched, self.after.get(name, []))
                ]
                n = len(matched)
                found.append((name, what, n, [(hit, *wilson(hit, n)) for hit in hits]))
        return found

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        figures = [
            {"set": name, "what": what, "n": n, "before": before, "after": after}
            for name, what, n, (before, after) in self.rows()
        ]
        rounds = [asdict(done) for done in self.rounds]
        return {"lessons": self.lessons, "learned": self.learned, "rounds": rounds,
                "call_match": figures}  # fmt: skip


@dataclass(frozen=True)
class Listener:
    """Hears how far the run is: the name of its part, how much is done of how much."""

    progress: Callable[[str, int, int], None] = lambda part, done, whole: None


def split(lessons: Sequence[Lesson]) -> tuple[list[Lesson], list[Lesson], list[Lesson]]:
    """(to learn, to stop by, to test); raises TrainingError where too few are left."""
    test = list(lessons[FIFTH - 1 :: FIFTH])
    rest = [lesson for number, lesson in enumerate(lessons, 1) if number % FIFTH]
    stop = rest[:: 2 * FIFTH] if len(lessons) >= STOPPING else []
    if not test:
        raise TrainingError(f"{len(lessons)} questions are too few: at least {FIFTH} are needed")
    chosen = {id(lesson) for lesson in stop}
    return [lesson for lesson in rest if id(lesson) not in chosen], stop, test


def offer_of(experts: Sequence[Expert], router: RouterLike) -> Offer:
    """The experts as an agent would offer them."""
    builtin = {expert.name: expert.card for expert in builtin_experts()}
    known = frozenset(e.name for e in experts if builtin.get(e.name) == e.card)
    return Offer({expert.name: expert for expert in experts}, known, router)


class Examples:
    """Makes examples of lessons: as the core would see them when asked, and with other cards."""

    def __init__(self, offer: Offer, tokenizer: Tokenizer, seed: int) -> None:
        self.offer, self.tokenizer = offer, tokenizer
        self.rng = random.Random(seed)
        self.unknown = [name for name in offer.experts if name not in offer.known]

    def of(self, lesson: Lesson, vary: bool = False) -> Example:
        """One lesson's; raises TrainingError where it is too long."""
        used = {step.expert for step in lesson.plan or ()}
        other = vary and self.rng.random() < OTHER_CARDS
        shown = self._drawn(used) if other else self._routed(lesson.question)
        names = [name for name in self.unknown if name in used or name in shown]
        while len(names) > MAX_CARDS and any(name not in used for name in names):
            names.remove(self.rng.choice([name for name in names if name not in used]))
        if other:
            self.rng.shuffle(names)
        cards = [self.offer.experts[name].card for name in names]
        example = encoded(self.tokenizer, lesson.row(cards, self.offer.experts).segments())
        if len(example.ids) > LONGEST:
            raise TrainingError(f"the question {lesson.question[:60]!r} and its cards are too long")
        return example

    def _routed(self, question: str) -> list[str]:
        router = self.offer.router
        if router is None or not self.unknown:
            return self.unknown[:MAX_CARDS]
        routing = router.route(question, list(self.offer.experts.values()))
        return shown_cards(routing.probabilities, self.offer)

    def _drawn(self, used: set[str]) -> list[str]:
        others = [name for name in self.unknown if name not in used]
        return self.rng.sample(others, self.rng.randint(0, min(3, len(others))))


def encoded(tokenizer: Tokenizer, segments: Sequence[tuple[str, bool]]) -> Example:
    """Token ids of (text, learned) parts."""
    from mrkl.jamba_core.finetune import Example

    ids: list[int] = []
    learned: list[bool] = []
    for text, learn in segments:
        new = tokenizer.encode(text, special=True)
        ids += new
        learned += [learn] * len(new)
    return Example(tuple(ids), tuple(learned))


def general_rows() -> tuple[list[list[tuple[str, bool]]], list[tuple[str, Plan]]]:
    """(parts of rows to rehearse, questions to built-in experts with their plans)."""
    cards = {expert.name: expert.card for expert in builtin_experts()}
    text = resources.files("mrkl").joinpath("data/replay.jsonl").read_text("utf-8")
    rehearsed: list[list[tuple[str, bool]]] = []
    checked: list[tuple[str, Plan]] = []
    for row in map(json.loads, text.splitlines()):
        if "plan" in row:
            checked.append((row["question"], parse_plan(row["plan"], cards)))
        else:
            rehearsed.append([(row["prompt"], False), *((t, bool(k)) for t, k in row["target"])])
    return rehearsed, checked


def train(
    lessons: Sequence[Lesson],
    experts: Sequence[Expert],
    router: RouterLike,
    out: Path,
    settings: Settings | None = None,
    model: str | Path | None = None,
    listener: Listener | None = None,
) -> Report:
    """Measure, learn, write the folder, measure again.

    An interrupt while learning ends the learning alone. Raises TrainingError, ModelError,
    ConfigError, CheckpointError, OSError.
    """
    from mrkl.jamba_core.finetune import FineTuning

    settings, listener = settings or Settings(), listener or Listener()
    learn, stop, test = split(lessons)
    core = EmbeddedJamba.load(model)
    folder = core.jamba.folder or shipped_folder()
    if out.exists() and out.samefile(folder):
        raise TrainingError(f"{out} holds the core to start from: choose another folder")
    offer = offer_of(experts, router)
    rehearsed, checked = general_rows()
    sets: Mapping[str, Sequence[tuple[str, Plan | None]]] = {
        "yours, kept aside": [(lesson.question, lesson.plan) for lesson in test],
        "built-in experts": checked[: settings.check],
    }
    report = Report(len(lessons), len(learn))
    report.before = _measured("before", core, offer, sets, listener)
    make = Examples(offer, core.jamba.tokenizer, settings.seed)
    tuning = FineTuning(folder, settings.rank, settings.rate, settings.seed)
    examples = [make.of(lesson, vary=True) for lesson in learn]
    tuning.run(
        examples,
        [encoded(core.jamba.tokenizer, parts) for parts in rehearsed],
        [make.of(lesson) for lesson in stop],
        settings.rounds,
        60 * settings.minutes,
        lambda done, whole, loss: listener.progress(f"learning (loss {loss:.3f})", done, whole),
    )
    report.rounds = tuning.rounds
    tuning.save(out)
    report.after = _measured("after", EmbeddedJamba.load(out), offer, sets, listener)
    written = {"settings": asdict(settings), **report.as_dict()}
    (out / "training.json").write_text(json.dumps(written, indent=1) + "\n", "utf-8")
    return report


def _measured(
    part: str,
    core: EmbeddedJamba,
    offer: Offer,
    sets: Mapping[str, Sequence[tuple[str, Plan | None]]],
    listener: Listener,
) -> dict[str, list[Match]]:
    whole, done = sum(map(len, sets.values())), 0
    found: dict[str, list[Match]] = {}
    for name, asked in sets.items():
        found[name] = []
        for one in call_match.matches(core, offer, asked):
            found[name].append(one)
            done += 1
            listener.progress(f"measuring {part}", done, whole)
    return found
