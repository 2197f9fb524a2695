"""What a cut-off run keeps, the fit of a confidence, the risk-coverage curve, unseen cards."""

import json
import math
import random
from pathlib import Path

import pytest
import torch

from mrkl.confidence import logistic
from training.core import risk_coverage, unseen_cards
from training.core.calibrate import FEATURES, fit
from training.core.checkpoint import NAME, Checkpoint
from training.core.start import Run
from training.data.card_files import load


def trained(folder: Path, every: float) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    kept = Checkpoint(folder, every, Run("cpu", 0, 1))
    kept.last -= 100
    kept.keep(model, optimizer, 7, 700, 12.5)
    return model, optimizer


def test_a_run_goes_on_where_it_was_cut_off(tmp_path: Path):
    model, optimizer = trained(tmp_path, 60)
    again = torch.nn.Linear(3, 2)
    other = torch.optim.AdamW(again.parameters(), lr=0.1)
    kept = Checkpoint(tmp_path, 60, Run("cpu", 1, 2))
    assert kept.resume(again, other)
    assert (kept.step, kept.tokens, kept.spent, kept.resumed) == (7, 700, 12.5, 1)
    assert torch.equal(again.weight, model.weight)
    states = [list(o.state_dict()["state"].values()) for o in (optimizer, other)]
    assert torch.equal(states[0][0]["exp_avg"], states[1][0]["exp_avg"])
    kept.done()  # the second process leaves the file to the first
    assert (tmp_path / NAME).exists()
    Checkpoint(tmp_path, 60, Run("cpu", 0, 1)).done()
    assert not (tmp_path / NAME).exists()


def test_nothing_is_kept_unless_asked(tmp_path: Path):
    model, optimizer = trained(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []
    assert not Checkpoint(tmp_path, 60, Run("cpu", 0, 1)).resume(model, optimizer)


def test_the_fit_finds_the_weights_that_made_the_data():
    rng = random.Random(0)
    rows, right = [], []
    for _ in range(4000):
        row = dict.fromkeys(FEATURES, 0.0) | {"mean": -rng.random(), "least": -4 * rng.random()}
        rows.append(row)
        right.append(rng.random() < 1 / (1 + math.exp(-(3 + 1.5 * row["mean"] + row["least"]))))
    weights = fit(rows, right)
    assert weights["least"] == pytest.approx(1.0, abs=0.15)
    assert weights["bias"] == pytest.approx(3.0, abs=0.3)
    share = sum(logistic(row, weights) for row in rows) / len(rows)
    assert share == pytest.approx(sum(right) / len(right), abs=1e-3)


def test_the_curve_counts_what_is_answered():
    points = risk_coverage.curve([0.9, 0.2, 0.7, 0.7], [True, False, False, True])
    assert [(p.threshold, p.answered, p.risk) for p in points] == [
        *((0.9, 1, 0.0), (0.7, 3, 1 / 3), (0.2, 4, 0.5))
    ]
    assert points[-1].coverage == 1 and points[1].low < 1 / 3 < points[1].high
    found = risk_coverage.at(points, (0.0, 0.5, 0.95))
    assert [(p.threshold, p.answered) for p in found] == [(0.0, 4), (0.5, 3)]


def test_the_curve_is_drawn(tmp_path: Path):
    points = risk_coverage.curve([0.9, 0.4], [True, False])
    risk_coverage.plot({"two": points}, tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_text().count("<svg") == 1


def test_unseen_cards_are_of_the_held_out_families():
    asked = list(unseen_cards.drawn(60, 7))
    held = {one.card.name for one in load("heldout")}
    assert {one.card.name for one, _ in asked} <= held
    assert not held & {one.card.name for one in load("train")}
    assert [q.text for _, q in asked] == [q.text for _, q in unseen_cards.drawn(60, 7)]
    plans = [unseen_cards.wanted(question, one.card) for one, question in asked]
    assert sum(plan is not None for plan in plans) > 50
    one = asked[0][0]
    offered = unseen_cards.offered(one.card, one.family, 2, random.Random(0))
    assert one.card.name in offered and "calculator" in offered and len(offered) == 8 + 3


def test_the_replay_file_holds_no_checked_row_twice():
    path = Path(__file__).parents[2] / "mrkl" / "data" / "replay.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rehearsed = {row["prompt"] for row in rows if "prompt" in row}
    checked = [row["question"] for row in rows if "plan" in row]
    assert len(rehearsed) > 200 and len(checked) == 50
    assert not any(question in prompt for question in checked for prompt in rehearsed)
