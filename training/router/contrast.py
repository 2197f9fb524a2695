"""Questions of one expert lie near one another: supervised contrast over whole intents.

In: the arrays of data.py and a model. Out: a loss (Khosla et al., 2020: supervised contrastive
learning) over texts of many experts of one source. Held-out experts are never drawn; texts that
no expert answers stand among the others as strangers to all.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch.nn import functional as F

from training.router.model import RouterModel

TEMPERATURE = 0.07
SOURCES = (1, 2, 3)  # invented experts, CLINC150, Banking77
SHARES = (0.3, 0.45, 0.25)
STRANGERS = 0.1  # share of a draw that no expert answers


class Classes:
    """Draws texts of many experts of one source, a few each."""

    def __init__(self, data: dict[str, np.ndarray], seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        first, second = data["row_answers"][:, 0], data["row_answers"][:, 1]
        usable = ~data["row_held"] & (second < 0)
        self.texts = data["row_texts"]
        self.owned: dict[int, list[np.ndarray]] = {}
        self.strangers: dict[int, np.ndarray] = {}
        for source in SOURCES:
            here = usable & (data["row_sources"] == source)
            groups = np.unique(first[here & (first >= 0)])
            self.owned[source] = [np.flatnonzero(here & (first == group)) for group in groups]
            # near misses of invented experts may well belong to another of them
            self.strangers[source] = np.flatnonzero(here & (first < 0) & (source > 1))

    def draw(self, count: int, each: int) -> tuple[np.ndarray, np.ndarray]:
        """Text ids and their labels [about count]; label -1: no expert's."""
        rng = self.rng
        source = int(rng.choice(SOURCES, p=SHARES))
        owned = self.owned[source]
        chosen = rng.permutation(len(owned))[: max(2, count // each)]
        rows = [rng.permutation(owned[label])[:each] for label in chosen]
        labels = [np.full(len(some), label) for label, some in zip(chosen, rows, strict=True)]
        strange = rng.permutation(self.strangers[source])[: int(STRANGERS * count)]
        return (
            self.texts[np.concatenate([*rows, strange])],
            np.concatenate([*labels, np.full(len(strange), -1)]),
        )


def contrast_loss(model: RouterModel, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean negative log-share of the texts of the same expert; ids [n, t], labels [n]."""
    pooled = model.encode(ids, 0).pooled
    own = torch.eye(len(pooled), dtype=torch.bool, device=pooled.device)
    alike = (pooled @ pooled.T / TEMPERATURE).masked_fill(own, float("-inf"))
    logp = F.log_softmax(alike, dim=-1).masked_fill(own, 0.0)
    same = (labels[:, None] == labels[None, :]) & ~own & (labels >= 0)[:, None]
    some = same.any(1)
    return -((logp * same).sum(1)[some] / same.sum(1)[some]).mean()


def few_shot(
    model: RouterModel, rows: Callable[[np.ndarray], torch.Tensor], data: dict[str, np.ndarray]
) -> dict[str, float]:
    """Accuracy with the mean of ten examples, among the held-out intents of each source."""
    found: dict[str, float] = {}
    first = data["row_answers"][:, 0]
    for source, name in ((2, "clinc150"), (3, "banking77")):
        mine = data["row_held"] & (data["row_sources"] == source) & (first >= 0)
        groups = np.unique(first[mine])
        own = [data["row_texts"][np.flatnonzero(mine & (first == g))] for g in groups]
        means = torch.stack([model.encode(rows(ids[:10]), 0).pooled.mean(0) for ids in own])
        means = F.normalize(means, dim=-1)
        asked = torch.cat([model.encode(rows(ids[10:]), 0).pooled for ids in own])
        truth = np.repeat(np.arange(len(own)), [len(ids) - 10 for ids in own])
        best = (asked @ means.T).argmax(1).cpu().numpy()
        found[f"{name}, ten shots, {len(own)} held-out intents"] = float((best == truth).mean())
    return found
