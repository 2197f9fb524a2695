"""What sequences remember, on the device: a fixed number of slots in buffers that never move.

In: weights, slots, room for so many tokens a slot. Out: each layer's tensors over all slots, and
copies of single slots (`save`, `restore`), all on the device. A slot holds one sequence; which
row of a step goes with which slot is `Decoder.slots`. It decides nothing about who gets a slot.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from mrkl.jamba_core.cache import AttentionState, MambaState, State
from mrkl.jamba_core.gpu.weights import MambaWeights, Weights


@dataclass(frozen=True)
class Mamba:
    """The states of one sequence in all Mamba layers: conv [L, K-1, I], ssm [L, N, I]."""

    conv: Tensor
    ssm: Tensor


class Store:
    """conv [L, S, K-1, I] and ssm [L, S, N, I] in float32, kv [L, 2, S, groups, room, E]."""

    def __init__(self, weights: Weights, slots: int, room: int) -> None:
        config, device = weights.config, weights.device
        self.slots, self.room = slots, room
        recurs = [isinstance(layer.mixer, MambaWeights) for layer in weights.layers]
        mamba, inner = sum(recurs), config.mamba_inner
        self.conv = torch.zeros(mamba, slots, config.mamba_d_conv - 1, inner, device=device)
        self.ssm = torch.zeros(mamba, slots, config.mamba_d_state, inner, device=device)
        shape = (len(recurs) - mamba, 2, slots, config.num_key_value_heads, room, config.head_dim)
        self.kv = torch.zeros(shape, dtype=weights.dtype, device=device)
        self.position = torch.zeros(slots, dtype=torch.int32, device=device)
        places = {True: iter(zip(self.conv, self.ssm, strict=True)), False: iter(self.kv)}
        self.states: list[tuple[Tensor, Tensor]] = []
        for recur in recurs:
            first, second = next(places[recur])
            self.states.append((first, second))

    @property
    def bytes(self) -> int:
        """Memory that all slots take."""
        return sum(t.nbytes for t in (self.conv, self.ssm, self.kv, self.position))

    def reset(self) -> None:
        """Forget everything."""
        for tensor in (self.conv, self.ssm, self.kv, self.position):
            tensor.zero_()

    def clear(self, slot: int) -> None:
        """Begin a new sequence; old keys and values are never looked at."""
        self.conv[:, slot] = 0
        self.ssm[:, slot] = 0
        self.position[slot] = 0

    def mamba(self, slot: int) -> Mamba:
        """A copy of a slot's recurrent states."""
        return Mamba(self.conv[:, slot].clone(), self.ssm[:, slot].clone())

    def keys_values(self, slot: int, length: int) -> Tensor:
        """A copy of a slot's first keys and values: [L, 2, groups, length, E]."""
        return self.kv[:, :, slot, :, :length].clone()

    def put(self, slot: int, mamba: Mamba, kv: Tensor | None, length: int) -> None:
        """Go on in a slot from copies; without kv the slot holds those `length` tokens' already."""
        self.conv[:, slot] = mamba.conv
        self.ssm[:, slot] = mamba.ssm
        if kv is not None:
            self.kv[:, :, slot, :, :length] = kv[..., :length, :]
        self.position[slot] = length

    def load(self, state: State) -> None:
        """Fill all slots from a state of the plain model."""
        if state.batch != self.slots or state.padding is not None:
            raise ValueError(f"a state of {self.slots} sequences without padding is expected")
        for mine, layer in zip(self.states, state.layers, strict=True):
            if isinstance(layer, MambaState):
                mine[0].copy_(layer.conv)
                mine[1].copy_(layer.ssm)
            else:
                assert isinstance(layer, AttentionState)
                for target, source in zip(mine, layer.keys_values(), strict=True):
                    target[:, :, : layer.length] = source.unflatten(0, (self.slots, -1))
        self.position.fill_(state.length)
