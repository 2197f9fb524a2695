"""How sure a plan is: a logistic over what core and router thought while it was written.

In: the log-probabilities of the tokens that were a choice, under the model alone and among what
the grammar allowed, the probability of each step's expert, and how many numbers of the question
no call holds or holds too often. Out: features by name, and a probability that the plan is right.
Weights are fitted by `python -m training.core.calibrate`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

FLOOR = 1e-6  # no probability is taken for zero
_MOST = 3  # more unread or repeated numbers make it no worse
_LEAST = -8.0  # log-probabilities below it are all the same

# Two sets: plans of experts the core was taught, and plans that call experts known by card
# (training/log.md says on what each was fitted).
BIAS = "bias"
KNOWN: dict[str, float] = {
    BIAS: 1.91, "among_least": 2.37, "route": 0.29, "unread": -0.79, "repeated": -1.29,
    "steps": -0.81, "words": -0.67,
}  # fmt: skip
UNSEEN: dict[str, float] = {BIAS: 1.41, "among_least": 2.29, "unread": -2.49, "repeated": -2.54}

# Below it a plan is not carried out. Chosen on questions_dev.jsonl for at most 4 % wrong but sure;
# for experts known by card: of 313 calls of held-out cards 173 were above it, 144 of these right
# (training/log.md).
LEAST_KNOWN = 0.45
LEAST_UNSEEN = 0.73


def threshold(chosen: float | None) -> float | None:
    """A threshold of one's own. Raises ValueError unless it is between 0 and 1."""
    if chosen is not None and not 0.0 <= chosen <= 1.0:
        raise ValueError(f"least_confidence is between 0 and 1, not {chosen}")
    return chosen


def needed(experts: Sequence[str], known: Collection[str], chosen: float | None) -> float:
    """The confidence a plan with these experts needs."""
    if chosen is not None:
        return chosen
    return LEAST_KNOWN if all(name in known for name in experts) else LEAST_UNSEEN


@dataclass
class Certainty:
    """Collects the evidence while a plan is written."""

    alone: list[float] = field(default_factory=list[float])
    among: list[float] = field(default_factory=list[float])
    routed: list[float] = field(default_factory=list[float])  # probability of each step's expert
    unseen: bool = False  # whether a step calls an expert known only by its card
    unread: int = 0  # numbers of the question that no call holds
    repeated: int = 0  # uses of a number beyond those the question has
    words: int = 0  # of the question

    def features(self) -> dict[str, float]:
        """What the probability is made of: log-probabilities of at least -8, counts, and
        how much there was to read and to plan, on a logarithmic scale."""
        return {
            "mean": _mean(self.alone),
            "least": _least(self.alone),
            "among": _mean(self.among),
            "among_least": _least(self.among),
            "unread": float(min(self.unread, _MOST)),
            "repeated": float(min(self.repeated, _MOST)),
            "steps": math.log(max(1, len(self.routed))),
            "words": math.log1p(self.words / 10),
            "route": max(_LEAST, math.log(max(min(self.routed, default=1.0), FLOOR))),
        }

    def probability(self) -> float:
        """That the plan is right, as fitted on held-out questions."""
        return logistic(self.features(), UNSEEN if self.unseen else KNOWN)


def logistic(features: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """1 / (1 + exp(-(bias + w · x))) over the features that have a weight."""
    score = weights[BIAS] + sum(w * features[n] for n, w in weights.items() if n != BIAS)
    return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, score))))


def _mean(logprobs: Sequence[float]) -> float:
    return max(_LEAST, sum(logprobs) / len(logprobs)) if logprobs else 0.0


def _least(logprobs: Sequence[float]) -> float:
    return max(_LEAST, min(logprobs, default=0.0))
