"""How fast a model reads and writes here.

In: a model. Out: tokens a second of a prompt, of writing one text, and of writing several at once.
Medians of a few rounds after one that does not count; on a busy machine they say little.
"""

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from mrkl.jamba_core.model import Jamba, Output


@dataclass(frozen=True)
class Speed:
    """Tokens a second; `batch` is all texts of it together."""

    prompt: float
    written: float
    batch: float


def measure(
    model: "Jamba", prompt: int = 256, tokens: int = 32, batch: int = 4, rounds: int = 3
) -> Speed:
    """Read `prompt` tokens, then write `tokens` more, alone and `batch` times side by side."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, model.config.vocab_size, (1, prompt), generator=generator)
    reading, writing, together = list[float](), list[float](), list[float]()
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        output = model(ids, logits_to_keep=1)
        reading.append(prompt / (time.perf_counter() - begin))
        writing.append(_write(model, output, tokens, 1))
        together.append(_write(model, output, tokens, batch))
    return Speed(*(statistics.median(times[1:]) for times in (reading, writing, together)))


def _write(model: "Jamba", output: "Output", tokens: int, batch: int) -> float:
    state, logits = output.state.repeated(batch), output.logits.expand(batch, -1, -1)
    begin = time.perf_counter()
    for _ in range(tokens):
        step = model(logits[:, -1].argmax(-1)[:, None], state)
        state, logits = step.state, step.logits
    return batch * tokens / (time.perf_counter() - begin)
