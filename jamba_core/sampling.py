"""How the next token is chosen from logits.

In: logits [vocabulary] float32, already masked with -inf where a grammar forbids. Out: one id.
It does not know grammars or text.
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Sampling:
    """temperature 0 takes the likeliest token; the other settings then mean nothing.

    top_p: keep the likeliest tokens that together reach this probability.
    min_p: keep tokens at least this likely relative to the likeliest.
    seed: makes a run repeatable; None draws afresh.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise ValueError(f"temperature must not be negative, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie in (0, 1], got {self.top_p}")
        if not 0 <= self.min_p <= 1:
            raise ValueError(f"min_p must lie in [0, 1], got {self.min_p}")

    def generator(self) -> torch.Generator | None:
        """The source of chance for one run; None where there is none."""
        if self.temperature == 0:
            return None
        generator = torch.Generator()
        if self.seed is None:
            generator.seed()
        else:
            generator.manual_seed(self.seed)
        return generator

    def pick(self, logits: Tensor, generator: torch.Generator | None) -> int:
        """Choose one id from logits [vocabulary]."""
        if self.temperature == 0 or generator is None:
            return int(logits.argmax())
        chances = torch.softmax(logits.float().cpu() / self.temperature, -1)
        if self.min_p > 0:
            chances = chances.masked_fill(chances < self.min_p * chances.max(), 0.0)
        if self.top_p < 1:
            ordered, places = chances.sort(descending=True)
            before = ordered.cumsum(0) - ordered  # the likeliest always stays
            chances = chances.index_fill(0, places[before >= self.top_p * ordered.sum()], 0.0)
        return int(torch.multinomial(chances, 1, generator=generator))
