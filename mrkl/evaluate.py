"""Ask an agent many questions and say how well it did.

In: rows (mrkl.suites), an Agent. Out: a Report: accuracy with a 95 % Wilson interval, wrong but
sure, abstained, by kind, confusion of experts, p50 and p95 time, and every row's outcome.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrkl.score import Row, plain, verdict, wilson

if TYPE_CHECKING:
    from mrkl.agent import Agent
    from mrkl.answer import Answer
    from mrkl.experts.base import Expert
    from mrkl.router import Router

OUT_OF_SCOPE = "oos"  # CLINC150's label for texts outside all intents


@dataclass(frozen=True)
class Outcome:
    """One question's result; `experts` are the ones called, in order."""

    id: str
    question: str
    kind: str
    verdict: str
    expected: Any
    value: Any
    text: str
    status: str
    confidence: float
    experts: tuple[str, ...]
    wanted: tuple[str, ...]
    calls: tuple[str, ...]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {**self.__dict__, "experts": list(self.experts), "calls": list(self.calls)}


@dataclass
class Report:
    """All outcomes, and what they add up to."""

    name: str
    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    more: dict[str, float | None] = field(default_factory=dict[str, "float | None"])

    def count(self, what: str) -> int:
        """How many outcomes have that verdict."""
        return sum(outcome.verdict == what for outcome in self.outcomes)

    def by_kind(self) -> dict[str, Counter[str]]:
        """Verdicts counted for each kind of question."""
        table: dict[str, Counter[str]] = defaultdict(Counter)
        for outcome in self.outcomes:
            table[outcome.kind][outcome.verdict] += 1
        return dict(table)

    def confusion(self) -> Counter[tuple[str, str]]:
        """(expected expert or none, first called or none), where the rows name experts."""
        pairs: Counter[tuple[str, str]] = Counter()
        named = any(outcome.wanted for outcome in self.outcomes)
        for outcome in self.outcomes if named else ():
            wanted = outcome.wanted[0] if outcome.wanted else "none"
            called = outcome.experts[0] if outcome.experts else "none"
            pairs["none" if wanted == "language" else wanted, called] += 1
        return pairs

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the questions was answered."""
        times = sorted(outcome.seconds for outcome in self.outcomes)
        return times[min(len(times) - 1, int(share * len(times)))] if times else 0.0

    def summary(self) -> dict[str, Any]:
        """The figures, ready for JSON."""
        n = len(self.outcomes)
        right = self.count("right")
        low, high = wilson(right, n)
        return {
            "suite": self.name,
            "n": n,
            "right": right,
            "accuracy": round(right / n, 4) if n else 0.0,
            "wilson95": [round(low, 4), round(high, 4)],
            "wrong_but_sure": self.count("wrong"),
            "abstained": self.count("abstained"),
            "failed": self.count("failed"),
            "by_kind": {kind: dict(counts) for kind, counts in self.by_kind().items()},
            "confusion": [[*pair, times] for pair, times in self.confusion().most_common()],
            "p50_seconds": round(self.percentile(0.5), 4),
            "p95_seconds": round(self.percentile(0.95), 4),
            **self.more,
        }

    def write(self, path: Path) -> None:
        """A JSON file with the summary and every outcome."""
        rows = [outcome.as_dict() for outcome in self.outcomes]
        whole = {"summary": self.summary(), "outcomes": rows}
        path.write_text(json.dumps(whole, indent=1, ensure_ascii=False, default=str) + "\n")


def outcome_of(row: Row, answer: Answer, seconds: float) -> Outcome:
    """Judge one answer and keep what matters of it."""
    calls = tuple(
        f"{step.expert}({', '.join(f'{k}={v!r}' for k, v in step.arguments.items())})"
        for step in answer.steps
    )
    return Outcome(
        row.id, row.question, row.kind, verdict(row, answer), row.answer, plain(answer.value),
        answer.text, str(answer.status), answer.confidence,
        tuple(step.expert for step in answer.steps), row.modules, calls, seconds,
    )  # fmt: skip


def run(
    agent: Agent,
    rows: Sequence[Row],
    name: str = "questions",
    on_row: Callable[[Outcome], None] | None = None,
    ask: Callable[[Row], Answer] | None = None,
) -> Report:
    """Ask every question in turn; a crash of one is recorded, not raised.

    `ask` takes the place of `agent.ask(row.question)`.
    """
    report = Report(name)
    for row in rows:
        began = time.perf_counter()
        try:
            answer = ask(row) if ask else agent.ask(row.question)
        except Exception as error:  # noqa: BLE001 - one bad question must not lose the others
            answer = _crashed(row.question, error)
        outcome = outcome_of(row, answer, time.perf_counter() - began)
        report.outcomes.append(outcome)
        if on_row is not None:
            on_row(outcome)
    return report


def _crashed(question: str, error: Exception) -> Answer:
    from mrkl.answer import Answer, Status
    from mrkl.experts.base import Failure

    failure = Failure("crashed", f"{type(error).__name__}: {error}")
    return Answer(question, failure.message, Status.FAILED, error=failure)


def run_intents(
    router: Router,
    rows: Sequence[Row],
    labels: Iterable[str],
    examples: Iterable[Row] = (),
    on_row: Callable[[Outcome], None] | None = None,
) -> Report:
    """Route texts to intents registered as cards: the label's words and, where given, examples.

    `labels` are all intents on offer; "oos" is none of them, and right where none is chosen.
    """
    experts = _intents(labels, examples)
    report = Report("clinc150")
    scores: list[tuple[float, bool]] = []
    first = 0
    for row in rows:
        began = time.perf_counter()
        routing = router.route(row.question, experts)
        seconds = time.perf_counter() - began
        label, chosen = str(row.extra["label"]), routing.expert or "none"
        wanted = "none" if label == OUT_OF_SCOPE else label
        sure = "wrong" if chosen != "none" else "abstained"
        outcome = Outcome(
            row.id, row.question, "out of scope" if wanted == "none" else "in scope",
            "right" if chosen == wanted else sure, label, chosen, chosen, "answered",
            max(routing.probabilities.values()), (chosen,), (wanted,), (), seconds,
        )  # fmt: skip
        report.outcomes.append(outcome)
        scores.append((routing.probabilities.get("none", 0.0), wanted == "none"))
        first += list(routing.candidates[:1]) == [label]
        if on_row is not None:
            on_row(outcome)
    inside = sum(outcome.kind == "in scope" for outcome in report.outcomes)
    report.more["right_of_the_intents_alone"] = round(first / inside, 4) if inside else None
    report.more["auroc_of_none"] = round(auroc(scores), 4)
    return report


def _intents(labels: Iterable[str], examples: Iterable[Row]) -> list[Expert]:
    from mrkl.experts.base import Card, Expert, Result

    shots: dict[str, list[str]] = defaultdict(list)
    for row in examples:
        shots[str(row.extra["label"])].append(row.question)
    return [
        Expert(
            Card(label, label.replace("_", " "), examples=tuple(shots[label])),
            lambda arguments, context: Result(None),
        )
        for label in sorted(set(labels) - {OUT_OF_SCOPE})
    ]


def auroc(scores: Sequence[tuple[float, bool]]) -> float:
    """Area under the ROC curve of (score, positive) pairs; ties count half. 0.5 without both."""
    positive = sum(flag for _, flag in scores)
    negative = len(scores) - positive
    if not positive or not negative:
        return 0.5
    area, below, at = 0.0, 0, 0
    ordered = sorted(scores)
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        hits = sum(flag for _, flag in ordered[at:end])
        misses = end - at - hits
        area += hits * (below + misses / 2)
        below += misses
        at = end
    return area / (positive * negative)


def matplotlib() -> Any:
    """The plotting library; raises RuntimeError where the extra `plot` is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise RuntimeError("plots need matplotlib: pip install 'mrkl[plot]'") from None
    return matplotlib


def plot(report: Report, path: Path) -> None:
    """Bars of the verdicts by kind, as PNG, SVG or PDF (needs the extra `plot`)."""
    matplotlib().use("Agg")
    from matplotlib import pyplot

    table = report.by_kind()
    kinds = list(table)
    colours = {"right": "#2e7d32", "abstained": "#bdbdbd", "failed": "#f9a825", "wrong": "#c62828"}
    figure, axes = pyplot.subplots(figsize=(7, 0.6 * len(kinds) + 1.4))  # pyright: ignore[reportUnknownMemberType]
    left = [0.0] * len(kinds)
    for what, colour in colours.items():
        share = [100 * table[kind][what] / sum(table[kind].values()) for kind in kinds]
        axes.barh(kinds, share, left=left, color=colour, label=what)  # pyright: ignore[reportUnknownMemberType]
        left = [a + b for a, b in zip(left, share, strict=True)]
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the questions")  # pyright: ignore[reportUnknownMemberType]
    axes.set_title(f"{report.name}: {report.count('right')} of {len(report.outcomes)} right")  # pyright: ignore[reportUnknownMemberType]
    figure.legend(loc="upper center", ncols=4, bbox_to_anchor=(0.5, 0.02))  # pyright: ignore[reportUnknownMemberType]
    figure.savefig(path, bbox_inches="tight", dpi=150)  # pyright: ignore[reportUnknownMemberType]
    pyplot.close(figure)
