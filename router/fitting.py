"""Fit a head to a user's examples, and choose temperature and least probability.

In: a router, labelled texts (owner None: none of the experts answers), the experts on offer. Out:
a `Tuning` for `Router.use`. The head is a multinomial logistic regression over pooled vectors and
hashed n-grams. It starts from the scores that the comparisons give, and so learns only what they
get wrong: seconds on a CPU for hundreds of examples, a minute or two for ten thousand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mrkl.router.encoder import Array
from mrkl.router.routing import EXAMPLES_READ, NONE, Router
from mrkl.router.scoring import Catalogue, Query
from mrkl.router.tuning import Head, Tuning, TuningError, features

if TYPE_CHECKING:
    from mrkl.experts.base import Expert

Texts: TypeAlias = Sequence[str]
Owners: TypeAlias = "Sequence[str | None]"

PENALTY = 0.3  # on half the squared weights, beside the sum of the texts' losses
STEPS = 60
MOST = 20_000  # texts that one fit reads


def fit(router: Router, texts: Texts, owners: Owners, experts: Sequence[Expert]) -> Tuning:
    """Learn from labelled texts beside the examples of the experts' cards. TuningError where
    there is nothing to tell apart, too much to read, or an owner is not on offer."""
    shown = {e.card.name: dict.fromkeys(e.card.examples) for e in experts}
    added: dict[str, dict[str, None]] = {}
    for text, owner in zip(texts, owners, strict=True):
        if owner is None or text in shown.get(owner, {}):
            continue
        if owner not in shown:
            raise TuningError(f"no expert {owner!r} is on offer")
        added.setdefault(owner, {})[text] = None
    nobodys = list(dict.fromkeys(t for t, owner in zip(texts, owners, strict=True) if not owner))
    read = [[*shown[name], *added.get(name, {})][:EXAMPLES_READ] for name in shown]
    count = sum(map(len, read)) + len(nobodys)
    if count > MOST:
        raise TuningError(f"{count:,} examples; at most {MOST:,} are read: leave some out")
    if sum(map(bool, [*read, nobodys])) < 2:
        raise TuningError("the examples are all of one expert: there is nothing to tell apart")
    weights = fitted(*_halves(router, experts, read, nobodys))
    examples = {name: tuple(found) for name, found in added.items()}
    return Tuning(router.encoder.config.digest, Head(tuple(shown), weights), examples)


def _halves(
    router: Router, experts: Sequence[Expert], read: list[list[str]], nobodys: list[str]
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Features, scores and right outcomes of all texts. Each half of the examples is scored
    beside cards with the other half, so that no text is compared with itself."""
    queries: list[Query] = []
    scores: list[Array] = []
    right: list[int] = []
    for half in (0, 1):
        each = zip(experts, read, strict=True)
        cards = [router.vectors(e.card, tuple(texts[1 - half :: 2])) for e, texts in each]
        catalogue = Catalogue(cards, router.mix)
        for place, texts in enumerate([*read, nobodys]):
            for text in texts[half::2]:
                query = router.query(text)
                parts = catalogue.parts(query)
                none = np.float32(catalogue.none_score(query, parts))
                queries.append(query)
                scores.append(np.append(catalogue.weighed(parts), none))
                right.append(place)
    return features(queries), np.stack(scores), np.array(right, np.intp)


def fitted(x: Array, scores: Array, right: NDArray[np.intp]) -> Array:
    """Weights [features, outcomes - 1] of the logistic regression of texts x [texts, features]
    whose scores [texts, outcomes] are known and whose outcome is `right` [texts]; the last
    outcome is *none* and keeps its score. By Nesterov's accelerated gradient."""
    weights = np.zeros((x.shape[1], scores.shape[1] - 1), np.float32)
    ahead, pace = weights.copy(), 1.0
    step = np.float32(1 / (0.5 * _largest(x) + PENALTY))
    rows = np.arange(len(x))
    for _ in range(STEPS):
        logits = scores.copy()
        logits[:, :-1] += x @ ahead
        chance = np.exp(logits - logits.max(1, keepdims=True))
        chance /= chance.sum(1, keepdims=True)
        chance[rows, right] -= 1
        slope = x.T @ chance[:, :-1] + np.float32(PENALTY) * ahead
        before, weights = weights, ahead - step * slope
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        ahead = weights + np.float32((pace - 1) / faster) * (weights - before)
        pace = faster
    return weights


def _largest(x: Array) -> float:
    """The largest eigenvalue of x' x, by power iteration and a little too large."""
    vector = np.ones(x.shape[1], np.float32)
    for _ in range(20):
        vector = x.T @ (x @ vector)
        vector /= np.linalg.norm(vector) + np.float32(1e-9)
    return 1.1 * float(vector @ (x.T @ (x @ vector)))


def calibrate(
    router: Router, texts: Texts, owners: Owners, experts: Sequence[Expert], risk: float
) -> tuple[Tuning, float]:
    """The router's tuning with a temperature and a least probability at which an expert is named,
    so that at most the share `risk` of those named is wrong; and the share of texts for which one
    is named then. The texts must not be those of `fit`."""
    names = [*(expert.card.name for expert in experts), NONE]
    logits: list[Array] = []
    right: list[NDArray[np.bool_]] = []
    for text, owner in zip(texts, owners, strict=True):
        scores, none = router.scores(text, experts)
        logits.append(np.append(scores, np.float32(none)))
        right.append(np.array([name == (owner or NONE) for name in names]))
    temperature = best_temperature(logits, right)
    chances: list[float] = []
    hits: list[bool] = []
    for row, good in zip(logits, right, strict=True):
        chance = _softmax(row / temperature)
        best = int(np.argmax(chance))
        if best < len(experts):
            chances.append(float(chance[best]))
            hits.append(bool(good[best]))
    least = least_probability(chances, hits, risk)
    named = sum(chance >= least for chance in chances) / max(1, len(texts))
    return replace(router.tuning, temperature=temperature, least=least), named


def _softmax(logits: Array) -> NDArray[np.float64]:
    raised = np.exp((logits - logits.max()).astype(np.float64))
    return raised / raised.sum()


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
        return -sum(
            float(np.log(_softmax(row / temperature)[good].sum() + 1e-12))
            for row, good in zip(logits, right, strict=True)
        )

    tried: list[float] = np.geomspace(0.25, 4, 65).tolist()
    return min(tried, key=loss)
