"""What an engine will need on a device, said before anything is loaded.

In: a configuration, a mode, slots, room. Out: bytes of weights, states and working space. Weights
and states are laid out without content and counted, so the figure is the engine's own; the
working space is that of the largest piece of a prompt. It compares with what a device has free.
"""

from dataclasses import dataclass

import torch

from mrkl.jamba_core.config import JambaConfig
from mrkl.jamba_core.gpu.decode import Decoder
from mrkl.jamba_core.gpu.order import padded
from mrkl.jamba_core.gpu.store import Store
from mrkl.jamba_core.gpu.weights import Weights, outline
from mrkl.jamba_core.limits import GIB

MODULES = 300 * 2**20  # compiled kernels and graphs


class DoesNotFit(ValueError):
    """A model, or the texts beside it, that the device has no room for."""


@dataclass(frozen=True)
class Need:
    """Bytes: weights; states, keys and values of all slots; what a step or a piece works in."""

    weights: int
    states: int
    work: int
    slots: int
    room: int

    @property
    def total(self) -> int:
        return self.weights + self.states + self.work

    def check(self, free: int, what: str = "the device") -> None:
        """Raises DoesNotFit with one line where `free` bytes are not enough."""
        if self.total <= free:
            return
        texts = f"{self.slots} texts" if self.slots > 1 else "a text"
        raise DoesNotFit(
            f"it does not fit: weights of {self.weights / GIB:.1f} GiB, {self.states / GIB:.1f} for "
            f"{texts} of {self.room:,} tokens and {self.work / GIB:.1f} to work in make "
            f"{self.total / GIB:.1f} GiB, and {what} has {free / GIB:.1f} GiB free"
        )


def need(
    config: JambaConfig,
    quantization: str | None,
    slots: int,
    room: int,
    piece: int,
    dtype: torch.dtype = torch.bfloat16,
) -> Need:
    """What an engine of `slots` texts of `room` tokens takes, prompts read by `piece` tokens."""
    weights = outline(config, quantization, dtype)
    store = Store(weights, slots, room)
    steps = sum(_buffers(weights, store, rows) for rows in {1, slots})
    work = MODULES + steps + prompt_bytes(config, weights, min(piece, room))
    return Need(weights.bytes, store.bytes, work, slots, room)


def _buffers(weights: Weights, store: Store, rows: int) -> int:
    decoder = Decoder(weights, rows, store=store)
    held = [v for v in vars(decoder).values() if isinstance(v, torch.Tensor) and v is not store]
    for group in (getattr(decoder, name, {}) for name in ("h", "mixer_parts", "ff_parts")):
        held += group.values()
    return sum(t.nbytes for t in held if t is not store.position)


def prompt_bytes(config: JambaConfig, weights: Weights, time: int) -> int:
    """The most that reading a piece of a prompt holds at a time."""
    size, hidden, inner = weights.dtype.itemsize, config.hidden_size, config.mamba_inner
    top, widest = config.num_experts_per_tok, config.moe_intermediate_size
    # the residual stream, what is to be added to it, its norm, and a row for the router
    kept = hidden * 4 + top * hidden * 4 + padded(hidden) * size + hidden * 4
    mamba = 7 * inner * size + hidden * size  # the projection's halves, u, y, dt and its raw; out
    heads = config.num_attention_heads * config.head_dim
    attention = 6 * heads * size  # qkv, y by groups and together, its order turned; out
    # in order of experts: x and y; where one expert has all tokens, its gate, up and their product
    experts = 2 * top * hidden * size + 3 * widest * size
    mlp = 3 * config.intermediate_size * size + hidden * size
    spread = 2 * max(widest, config.intermediate_size) * hidden * size  # an int8 matrix for cuBLAS
    return int(time * (kept + max(mamba, attention, experts, mlp)) + spread)
