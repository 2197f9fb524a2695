"""Experts the router never met: a user's own beside all built-in ones, and BFCL's functions.

In: the custom experts with their questions, the `bfcl-eval` wheel or folder. Out: figures by
setting and method. Nothing of either is in any training.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import mrkl
from benchmarks.router import figures
from benchmarks.router.methods import Method, Ours, by_card_alone
from mrkl.experts.base import Card, Parameter
from mrkl.router import NONE, Router
from training.router.beside import experts_of
from training.router.rows import card_files, json_lines
from training.router.trials import unseen_trials
from training.router.weigh import calibration_half

BFCL = ("multiple", "live_multiple")


def custom(folder: Path, router: Router) -> Iterator[tuple[str, str, figures.Figure]]:
    """The custom experts beside all built-in ones."""
    asked = list(json_lines(folder / "custom_questions_dev.jsonl"))
    builtin = [expert.card for expert in mrkl.builtin_experts()]
    for examples in (False, True):
        own = [e.card for e in experts_of(folder / "custom_experts_dev.py", examples)]
        offered = [*builtin, *own]
        truth = np.array([[c.name for c in offered].index(row["expert"]) for row in asked])
        setting = f"custom experts, {'with examples' if examples else 'card alone'}"
        for method in by_card_alone(router):
            method.fit(offered)
            scores, _ = method.score([row["question"] for row in asked])
            right = scores.argmax(1) == truth
            yield f"{setting}, best expert", method.name, figures.accuracy([right])
            if isinstance(method, Ours):
                routed = [router.route(row["question"], method.experts) for row in asked]
                decided = np.array(
                    [r.expert == row["expert"] for r, row in zip(routed, asked, strict=True)]
                )
                yield f"{setting}, decided (not none)", method.name, figures.accuracy([decided])


def calibration(phrasings: Path, router: Router) -> Iterator[tuple[str, str, figures.Figure]]:
    """ECE, accuracy and AUROC of *none* on held-out families beside the built-in experts."""
    for examples in (0, 2):
        trials = unseen_trials(card_files(phrasings), mrkl.builtin_experts(), examples)
        trials = [trial for trial in trials if not calibration_half(trial)]
        routed = [router.route(trial.text, trial.experts) for trial in trials]
        chance = np.array([max(r.probabilities.values()) for r in routed])
        chosen = [max(r.probabilities, key=lambda name: r.probabilities[name]) for r in routed]
        right = np.array(
            [c in (t.right or (NONE,)) for c, t in zip(chosen, trials, strict=True)], float
        )
        outside = np.array([not trial.right for trial in trials])
        none = np.array([r.probabilities[NONE] for r in routed])
        setting = f"held-out families, {examples} examples a card"
        name = "mrkl router"
        yield f"{setting}, ECE", name, figures.calibration_error(chance, right)
        yield f"{setting}, decided right", name, figures.accuracy([right])
        yield f"{setting}, none AUROC", name, figures.none_auroc([none], outside)


def bfcl(package: Path, router: Router) -> Iterator[tuple[str, str, figures.Figure]]:
    """Which function, and AUROC of *none* for rows whose functions cannot help."""
    data: Any = zipfile.Path(package) if package.suffix == ".whl" else package
    data = data / "bfcl_eval" / "data"
    for name in BFCL:
        answers = {row["id"]: row["ground_truth"] for row in _lines(data / "possible_answer", name)}
        inside = _lines(data, name)
        outside = _lines(data, name.replace("multiple", "irrelevance"))
        outside = [row for row in outside if row["function"]]
        for method in by_card_alone(router):
            right: list[bool] = []
            none: list[float] = []
            for row in [*inside, *outside]:
                best, nobody = _routed(method, row)
                none.append(nobody)
                if row["id"] in answers:
                    right.append(best in answers[row["id"]][0])
            flags = np.array([False] * len(inside) + [True] * len(outside))
            yield f"BFCL {name}, which function", method.name, figures.accuracy([np.array(right)])
            auroc = figures.none_auroc([np.array(none)], flags)
            yield f"BFCL {name} against irrelevance, none AUROC", method.name, auroc


def _lines(folder: Any, name: str) -> list[dict[str, Any]]:
    text = (folder / f"BFCL_v4_{name}.json").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def _routed(method: Method, row: dict[str, Any]) -> tuple[str, float]:
    cards = [_card(function) for function in row["function"]]
    method.fit(cards)
    text = " ".join(turn["content"] for turn in row["question"][0] if turn["role"] == "user")
    scores, nobody = method.score([text])
    return cards[int(scores[0].argmax())].name, float(nobody[0])


def _card(function: dict[str, Any]) -> Card:
    schema = function["parameters"]
    wanted = schema.get("required", ())
    parameters = tuple(
        Parameter(name, str(p.get("type")), str(p.get("description", "")), name in wanted)
        for name, p in schema["properties"].items()
    )
    return Card(function["name"], function["description"], parameters)
