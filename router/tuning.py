"""What a user adds to the shipped router: a linear head over examples of their own, a temperature
and the least probability at which to act.

In: labelled texts, seconds of work on a CPU. Out: a `Tuning`, stored in a folder of its own and
never in the shipped weights: without that folder the router is as before, to the last bit.
Ridge regression, one against the rest, over the encoder's summary and hashed n-grams (closed
form). An expert without a row in the head keeps its score of comparisons.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mrkl.router.encoder import Array

if TYPE_CHECKING:
    from mrkl.router.scoring import Query

NGRAMS = 4096  # columns the buckets of n-grams are folded into
RIDGE = 1.0
MOST = 20_000  # texts that one fit reads
FILE = "tuning.safetensors"
SHELF = "cards.safetensors"  # vectors of cards, beside the weights or the tuning


class TuningError(ValueError):
    """Why a tuning cannot be fitted or read, and what to do."""


@dataclass(frozen=True)
class Head:
    """Linear scores of some experts: about 1 for a text like their examples, else about 0."""

    names: tuple[str, ...]
    weights: Array  # [features, names]

    def scores(self, query: Query) -> dict[str, float]:
        """By name of the expert."""
        found = features([query])[0] @ self.weights
        return dict(zip(self.names, found.tolist(), strict=True))


@dataclass(frozen=True)
class Tuning:
    """All that a user's examples add; `digest` names the weights it was fitted with. `examples`, by
    expert, are read like those of its card."""

    digest: str
    head: Head | None = None
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    temperature: float = 1.0
    least: float = 0.0  # an expert less probable than this is not named

    def save(self, folder: Path) -> None:
        """Write it; the folder is made where it is missing."""
        from safetensors.numpy import save_file  # pyright: ignore[reportUnknownVariableType]

        head = self.head or Head((), np.zeros((0, 0), np.float32))
        folder.mkdir(parents=True, exist_ok=True)
        arrays = {
            "weights": np.ascontiguousarray(head.weights.astype(np.float16)),
            "texts": np.frombuffer(
                json.dumps([self.digest, head.names, self.examples]).encode(), np.uint8
            ),
            "calibration": np.array([self.temperature, self.least], np.float64),
        }
        part = folder / (FILE + ".part")
        save_file(arrays, part)
        part.replace(folder / FILE)

    @classmethod
    def read(cls, folder: Path, digest: str) -> Tuning:
        """The stored one, or one that changes nothing. TuningError where it is of other weights
        or no tuning at all."""
        path = folder / FILE
        if not path.exists():
            return cls(digest)
        from safetensors import SafetensorError
        from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

        undo = f"fit again or undo it: mrkl router fit --undo ({path})"
        try:
            arrays: dict[str, NDArray[Any]] = load_file(path)
            stored, names, shown = json.loads(arrays["texts"].tobytes())
            head = Head(tuple(names), arrays["weights"].astype(np.float32))
            examples = {str(name): tuple(map(str, texts)) for name, texts in shown.items()}
            temperature, least = arrays["calibration"].tolist()
        except (SafetensorError, KeyError, ValueError):
            raise TuningError(f"the router's tuning is damaged; {undo}") from None
        if stored != digest:
            raise TuningError(f"the router's tuning belongs to another version; {undo}")
        return cls(digest, head if names else None, examples, temperature, least)


def undo(folder: Path) -> bool:
    """Remove the stored tuning; whether there was one."""
    there = (folder / FILE).exists()
    for name in (FILE, SHELF):
        (folder / name).unlink(missing_ok=True)
    return there


def features(queries: Sequence[Query]) -> Array:
    """Summaries and folded n-grams of texts, float32 [texts, width + NGRAMS]."""
    width = len(queries[0].encoded.summary)
    out = np.zeros((len(queries), width + NGRAMS), np.float32)
    for row, query in zip(out, queries, strict=True):
        row[:width] = query.encoded.summary
        buckets = query.spelling.buckets
        # half of the buckets count against their column, so that collisions cancel out
        sign = np.where((buckets // NGRAMS) % 2, np.float32(-1), np.float32(1))
        np.add.at(row, width + buckets % NGRAMS, sign * query.spelling.weights)
    return out


def fit_head(queries: Sequence[Query], owners: Sequence[str | None]) -> Head:
    """Fit texts [n] to the names of their experts; None: no expert's. TuningError where there is
    nothing to tell apart or too much to read."""
    names = tuple(sorted({name for name in owners if name is not None}))
    if len(names) + (None in owners) < 2:
        raise TuningError("the examples are all of one expert: there is nothing to tell apart")
    if len(queries) > MOST:
        raise TuningError(f"{len(queries):,} examples; at most {MOST:,} are read: leave some out")
    x = features(queries)
    place = {name: i for i, name in enumerate(names)}
    wanted = np.zeros((len(queries), len(names)), np.float32)
    for row, name in zip(wanted, owners, strict=True):
        if name is not None:
            row[place[name]] = 1.0
    return Head(names, _ridge(x, wanted))


def _ridge(x: Array, wanted: Array) -> Array:
    """Weights [features, names] of ridge regression, by the smaller of its two forms."""
    dual = len(x) < x.shape[1]
    gram = x @ x.T if dual else x.T @ x
    gram[np.diag_indices_from(gram)] += np.float32(RIDGE)
    if dual:
        return x.T @ np.linalg.solve(gram, wanted).astype(np.float32)
    return np.linalg.solve(gram, x.T @ wanted).astype(np.float32)


def least_probability(chances: Sequence[float], right: Sequence[bool], risk: float) -> float:
    """The lowest probability from which on the share of wrong answers is at most `risk`, counted
    with one more wrong answer than seen. More than 1 where no threshold is good enough."""
    order = np.argsort(-np.asarray(chances, float), kind="stable")
    sorted_chances = np.asarray(chances, float)[order]
    wrong = np.cumsum(~np.asarray(right, bool)[order])
    answered = np.arange(1, len(order) + 1)
    good = (wrong + 1) / (answered + 1) <= risk
    # equal probabilities are accepted or refused together
    good &= np.append(sorted_chances[1:] < sorted_chances[:-1], True)
    return float(sorted_chances[good].min()) if good.any() else 1.1


def best_temperature(logits: Sequence[Array], right: Sequence[NDArray[np.bool_]]) -> float:
    """The temperature between 0.25 and 4 that gives the right outcomes the most probability."""

    def loss(temperature: float) -> float:
        total = 0.0
        for row, good in zip(logits, right, strict=True):
            scaled = row.astype(np.float64) / temperature
            scaled -= scaled.max()
            chance = np.exp(scaled)
            total -= float(np.log(chance[good].sum() / chance.sum() + 1e-12))
        return total

    tried: list[float] = np.geomspace(0.25, 4, 65).tolist()
    return min(tried, key=loss)
