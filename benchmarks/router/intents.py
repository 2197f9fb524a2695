"""CLINC150 and Banking77: labels registered as cards, with all, ten or no example questions.

In: the folder of the data files. Out: figures by set and method. Training splits give the
examples, test splits are only reported. The name of a label is all of its card besides examples.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.router import figures
from benchmarks.router.methods import by_card_alone, with_examples
from mrkl.experts.base import Card
from mrkl.router import Router
from training.router.rows import json_lines, share

SEEDS = (0, 1, 2)
OUTSIDE = "oos"
HELD_OUT = 0.2  # as in training.router.rows.intents
Found = dict[str, dict[str, figures.Figure]]  # set -> method -> figure


def rows(path: Path) -> list[dict[str, Any]]:
    return list(json_lines(path))


def cards(train: list[dict[str, Any]], shots: int | None, seed: int) -> list[Card]:
    """A card a label with all or `shots` random examples."""
    by_label: dict[str, list[str]] = {}
    for row in train:
        if row["label"] != OUTSIDE:
            by_label.setdefault(row["label"], []).append(row["question"])
    rng = random.Random(seed)
    return [
        Card(label, "", examples=tuple(rng.sample(found, len(found) if shots is None else shots)))
        for label, found in sorted(by_label.items())
    ]


def measure(
    name: str, folder: Path, router: Router, methods: Collection[str]
) -> Iterator[tuple[str, str, figures.Figure]]:
    """Full and 10-shot accuracy of one set; for CLINC150 also what is out of scope. Held-out
    intents are those that no training of the router's encoder saw as such."""
    train = rows(folder / f"{name}_train.jsonl.gz")
    test = rows(folder / "test" / f"{name}_test.jsonl.gz")
    texts = [row["question"] for row in test]
    outside = np.array([row["label"] == OUTSIDE for row in test])
    held = np.array([share(f"family {name}:{row['label']}") < HELD_OUT for row in test])
    for shots in (None, 10):
        setting = f"{name} {'full' if shots is None else f'{shots}-shot'}"
        for method in with_examples(router, methods):
            right: list[np.ndarray] = []
            none: list[np.ndarray] = []
            for seed in SEEDS if shots else SEEDS[:1]:
                offered = cards(train, shots, seed)
                place = {card.name: i for i, card in enumerate(offered)}
                truth = np.array([place.get(row["label"], -1) for row in test])
                method.fit(offered)
                scores, nobody = method.score(texts)
                right.append((scores.argmax(1) == truth)[~outside])
                none.append(nobody)
            yield setting, method.name, figures.accuracy(right)
            apart = [each[held[~outside]] for each in right]
            yield f"{setting}, held-out intents", method.name, figures.accuracy(apart)
            if outside.any():
                yield f"{setting}, none AUROC", method.name, figures.none_auroc(none, outside)
                at_95 = figures.recall_at_kept(none, outside)
                yield f"{setting}, none recall at 95 % kept", method.name, at_95


def names_alone(
    folder: Path, router: Router, methods: Collection[str]
) -> Iterator[tuple[str, str, figures.Figure]]:
    """CLINC150's names as cards, the right one among 16 and among all 150."""
    test = [row for row in rows(folder / "test/clinc150_test.jsonl.gz") if row["label"] != OUTSIDE]
    offered = [Card(label, "") for label in sorted({row["label"] for row in test})]
    place = {card.name: i for i, card in enumerate(offered)}
    truth = np.array([place[row["label"]] for row in test])
    for method in by_card_alone(router):
        if method.name not in methods:
            continue
        method.fit(offered)
        scores, _ = method.score([row["question"] for row in test])
        few = [_among(scores, truth, 16, seed) for seed in SEEDS]
        yield "clinc150 names alone, 16-way", method.name, figures.accuracy(few)
        whole = scores.argmax(1) == truth
        yield "clinc150 names alone, 150-way", method.name, figures.accuracy([whole])


def _among(scores: np.ndarray, truth: np.ndarray, ways: int, seed: int) -> np.ndarray:
    """Whether the right card wins against `ways` - 1 others drawn for each row."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(scores.shape[1]), (len(truth), 1)), axis=1)
    rivals = np.stack([row[row != own][: ways - 1] for row, own in zip(order, truth, strict=True)])
    best = np.take_along_axis(scores, rivals, 1).max(1)
    return scores[np.arange(len(truth)), truth] > best
