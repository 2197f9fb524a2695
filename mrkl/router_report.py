"""Measure the router on labelled texts: how often right, how well it knows, what abstaining buys.

In: a router, experts, rows of (text, its expert or None). Out: a `RouterReport` with accuracy,
confusion, expected calibration error, AUROC of *none* and the risk-coverage curve, as JSON and as
a plot. The rows should not be those that the router was fitted or calibrated with.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from mrkl import suites
from mrkl.evaluate import auroc, matplotlib
from mrkl.router import NONE, Router

if TYPE_CHECKING:
    from mrkl.experts.base import Expert

Labelled: TypeAlias = "tuple[str, str | None]"
PLOTS = (".png", ".svg", ".pdf", ".html")
BINS = 10
KEPT = 0.95  # share of the texts of experts that are not refused, for the recall of *none*


def read(path: Path) -> list[Labelled]:
    """Rows of JSON lines with a `question` and its `expert` (null or "none": nobody's).
    Raises SuiteError, which names the line."""
    rows: list[Labelled] = []
    for place, raw in suites.entries(path):
        row = cast("dict[str, Any]", raw if isinstance(raw, dict) else {})
        text, expert = row.get("question"), row.get("expert", "")
        if not isinstance(text, str) or not (
            expert is None or (isinstance(expert, str) and expert)
        ):
            said = '{"question": "…", "expert": "…"}, or "expert": null where none of them answers'
            raise suites.SuiteError(f"{path}, {place}: expected {said}")
        rows.append((text, None if expert == NONE else expert))
    if not rows:
        raise suites.SuiteError(f"{path}: no examples in it")
    return rows


@dataclass(frozen=True)
class Routed:
    """One text as it was routed: `chosen` is the most probable outcome, None for *none*."""

    text: str
    wanted: str | None
    chosen: str | None
    first: str  # the best expert, whatever *none* says
    probability: float  # of the chosen outcome
    none: float

    @property
    def right(self) -> bool:
        return self.chosen == self.wanted


@dataclass
class RouterReport:
    """What became of all rows."""

    rows: list[Routed] = field(default_factory=list[Routed])

    def summary(self) -> dict[str, Any]:
        """The figures; shares between 0 and 1, None where no row can tell."""
        inside = [row for row in self.rows if row.wanted is not None]
        return {
            "n": len(self.rows),
            "right": _share([row.right for row in self.rows]),
            "right_of_the_experts_alone": _share([row.first == row.wanted for row in inside]),
            "calibration_error": self.calibration_error(),
            "auroc_of_none": self._auroc(),
            "none_recall_at_95_kept": self._recall(),
            "area_under_risk_coverage": _share([risk for _, risk, _ in self.risk_coverage()]),
        }

    def calibration_error(self) -> float:
        """Expected calibration error of the chosen outcome's probability, ten equal bins."""
        gaps = [0.0] * BINS
        for row in self.rows:
            gaps[min(int(row.probability * BINS), BINS - 1)] += row.probability - row.right
        return sum(map(abs, gaps)) / max(1, len(self.rows))

    def _auroc(self) -> float | None:
        if len({row.wanted is None for row in self.rows}) < 2:
            return None
        return auroc([(row.none, row.wanted is None) for row in self.rows])

    def _recall(self) -> float | None:
        inside = sorted(row.none for row in self.rows if row.wanted is not None)
        outside = [row.none for row in self.rows if row.wanted is None]
        if not inside or not outside:
            return None
        limit = inside[min(len(inside) - 1, int(KEPT * len(inside)))]
        return _share([none > limit for none in outside])

    def risk_coverage(self) -> list[tuple[float, float, float]]:
        """(coverage, risk, least probability) from the surest row to all of them."""
        curve: list[tuple[float, float, float]] = []
        wrong = 0
        for count, row in enumerate(sorted(self.rows, key=lambda row: -row.probability), 1):
            wrong += not row.right
            curve.append((count / len(self.rows), wrong / count, row.probability))
        return curve

    def confusion(self) -> Counter[tuple[str, str]]:
        """How often (wanted, chosen) came up; "none" for nobody."""
        return Counter((row.wanted or NONE, row.chosen or NONE) for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """Figures, confusion by wanted expert, and the curve."""
        table: dict[str, dict[str, int]] = {}
        for (wanted, chosen), count in sorted(self.confusion().items()):
            table.setdefault(wanted, {})[chosen] = count
        curve = [[round(value, 4) for value in point] for point in self.risk_coverage()]
        return {
            **self.summary(),
            "confusion": table,
            "risk_coverage": {"columns": ["coverage", "risk", "probability"], "points": curve},
        }

    def write(self, path: Path) -> None:
        """Write `as_json`; raises OSError."""
        text = json.dumps(self.as_json(), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")


def measure(
    router: Router,
    experts: Sequence[Expert],
    rows: Sequence[Labelled],
    on_row: Callable[[], None] | None = None,
) -> RouterReport:
    """Route every row. Raises SuiteError where a row names an expert that is not on offer."""
    missing = unknown(experts, rows)
    if missing:
        raise suites.SuiteError(f"no expert {missing!r} is on offer: add it with --expert")
    report = RouterReport()
    for text, wanted in rows:
        routing = router.route(text, experts)
        chance = routing.probabilities
        best = max(chance, key=lambda name: chance[name])
        chosen = None if best == NONE else best
        first = routing.candidates[0]
        report.rows.append(Routed(text, wanted, chosen, first, chance[best], chance[NONE]))
        if on_row is not None:
            on_row()
    return report


def unknown(experts: Sequence[Expert], rows: Sequence[Labelled]) -> str | None:
    """The first name in the rows that no expert has."""
    names = {expert.name for expert in experts}
    return next((name for _, name in rows if name is not None and name not in names), None)


def plot(report: RouterReport, path: Path) -> None:
    """The risk-coverage curve as PNG, SVG, PDF or a page (needs the extra `plot`)."""
    matplotlib().use("Agg")
    from matplotlib import pyplot

    curve = report.risk_coverage()
    figure, axes = pyplot.subplots(figsize=(6, 4))  # pyright: ignore[reportUnknownMemberType]
    axes.plot([100 * c for c, _, _ in curve], [100 * r for _, r, _ in curve], color="#2e7d32")  # pyright: ignore[reportUnknownMemberType]
    axes.set_xlabel("% of the texts routed, surest first")  # pyright: ignore[reportUnknownMemberType]
    axes.set_ylabel("% of them wrong")  # pyright: ignore[reportUnknownMemberType]
    axes.set_xlim(0, 100)
    axes.set_ylim(bottom=0)
    axes.set_title(f"{len(report.rows)} texts")  # pyright: ignore[reportUnknownMemberType]
    if path.suffix == ".html":
        drawn = io.StringIO()
        figure.savefig(drawn, format="svg", bbox_inches="tight")  # pyright: ignore[reportUnknownMemberType]
        path.write_text(_page(report, drawn.getvalue()), encoding="utf-8")
    else:
        figure.savefig(path, bbox_inches="tight", dpi=150)  # pyright: ignore[reportUnknownMemberType]
    pyplot.close(figure)


def _page(report: RouterReport, drawn: str) -> str:
    from html import escape

    rows = "".join(
        f"<tr><td>{escape(name.replace('_', ' '))}<td>{value}"
        for name, value in report.summary().items()
    )
    confused = "".join(
        f"<tr><td>{escape(wanted)}<td>{escape(chosen)}<td>{count}"
        for (wanted, chosen), count in report.confusion().most_common()
        if wanted != chosen
    )
    svg = drawn[drawn.index("<svg") :]
    return (
        '<!doctype html><meta charset="utf-8"><title>router</title>'
        f"<table>{rows}</table>{svg}<table><tr><th>wanted<th>chosen<th>times{confused}</table>\n"
    )


def _share(flags: Sequence[float]) -> float | None:
    return round(sum(flags) / len(flags), 4) if flags else None
