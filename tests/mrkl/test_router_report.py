"""Figures of a router on labelled texts."""

import json
from pathlib import Path

import pytest

from mrkl.experts.base import Card, Expert, Result
from mrkl.router import Router
from mrkl.router_report import Routed, RouterReport, measure, plot, read
from mrkl.suites import SuiteError


def routed(wanted: str | None, chosen: str | None, probability: float, none: float) -> Routed:
    return Routed("x", wanted, chosen, chosen or "a", probability, none)


REPORT = RouterReport(
    [
        routed("a", "a", 0.9, 0.05),
        routed("b", "b", 0.8, 0.1),
        routed("a", "b", 0.6, 0.2),
        routed(None, None, 0.7, 0.7),
    ]
)


def test_figures() -> None:
    figures = REPORT.summary()
    assert (figures["n"], figures["right"]) == (4, 0.75)
    assert figures["right_of_the_experts_alone"] == pytest.approx(2 / 3, abs=1e-4)
    assert figures["auroc_of_none"] == figures["none_recall_at_95_kept"] == 1.0
    assert figures["calibration_error"] == pytest.approx((0.1 + 0.2 + 0.6 + 0.3) / 4)
    assert REPORT.confusion()[("a", "b")] == 1


def test_the_surest_come_first_in_risk_over_coverage() -> None:
    curve = REPORT.risk_coverage()
    assert [round(risk, 2) for _, risk, _ in curve] == [0, 0, 0, 0.25]
    assert [coverage for coverage, _, _ in curve] == [0.25, 0.5, 0.75, 1.0]


def test_without_texts_of_nobody_nothing_is_said_of_them() -> None:
    figures = RouterReport(REPORT.rows[:3]).summary()
    assert figures["auroc_of_none"] is None and figures["none_recall_at_95_kept"] is None


def test_measured_written_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    experts = [
        Expert(Card("kiln", "Temperature of the pottery kiln."), lambda a, c: Result(0)),
        Expert(Card("bread", "Bakes bread, with flour and yeast."), lambda a, c: Result(0)),
    ]
    rows = [("how hot is the kiln", "kiln"), ("bake some bread", "bread"), ("hello there", None)]
    seen: list[int] = []
    found = measure(Router.load(), experts, rows, lambda: seen.append(1))
    assert len(seen) == len(found.rows) == 3
    assert [row.first for row in found.rows[:2]] == ["kiln", "bread"]
    found.write(tmp_path / "report.json")
    stored = json.loads((tmp_path / "report.json").read_text())
    assert len(stored["risk_coverage"]["points"]) == 3 and stored["n"] == 3
    for ending, start in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".html", b"<!doctype html>")):
        plot(found, tmp_path / f"plot{ending}")
        assert (tmp_path / f"plot{ending}").read_bytes().startswith(start)


def test_an_expert_that_is_not_on_offer() -> None:
    with pytest.raises(SuiteError, match="no expert 'tides' is on offer"):
        measure(Router.load(), [], [("high water", "tides")])


@pytest.mark.parametrize(
    "line",
    [
        '{"question": 3, "expert": "a"}',
        '{"question": "x"}',
        '{"question": "x", "expert": ""}',
        "[]",
    ],
)
def test_rows_that_say_too_little(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "x", "expert": "none"}\n' + line + "\n")
    with pytest.raises(SuiteError, match="line 2: expected"):
        read(path)


def test_rows_of_nobody(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "x", "expert": "none"}\n{"question": "y", "expert": null}\n')
    assert read(path) == [("x", None), ("y", None)]
