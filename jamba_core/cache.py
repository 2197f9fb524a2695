"""What a model remembers of the tokens it has read: `State`.

A state is a value: reading on returns a new one and leaves the old one as it was, so keeping a
snapshot, forking and going back all mean "hold on to the object". Mamba states are small and
fresh after every step; keys and values live in a shared buffer that grows at its end, and is
copied only when two futures of one past both write. Not safe for two threads growing the same
past at the same moment. Sequences of different lengths stand side by side with padding before
the shorter ones (`Padding`), which no layer lets through.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

FIRST_CAPACITY = 128  # tokens
MOST_SPARE = 2048  # tokens of room beyond what is needed


@dataclass(frozen=True)
class Padding:
    """The places [B] before each sequence of a batch that are not part of it."""

    before: Tensor

    def blank(self, start: int, time: int) -> Tensor | None:
        """Which of the tokens start … start + time are padding: [B T, 1]; None if none is."""
        if start >= int(self.before.max()):
            return None
        places = torch.arange(start, start + time, device=self.before.device)
        return (places < self.before[:, None]).reshape(-1, 1)

    def mask(self, past: int, time: int, groups: int) -> Tensor:
        """Which keys a query may see: bool [B groups, T, past + T].

        A padding query sees itself, so that it has a finite result for nobody to read.
        """
        keys = torch.arange(past + time, device=self.before.device)
        queries = keys[past:, None]
        seen = (keys <= queries) & (keys >= self.before[:, None, None]) | (keys == queries)
        return seen.repeat_interleave(groups, 0)


@dataclass(frozen=True)
class MambaState:
    """conv [B, K-1, D]: the last inputs of the convolution; ssm [B, N, D]."""

    conv: Tensor
    ssm: Tensor

    def repeated(self, times: int) -> "MambaState":
        """The same past for `times` sequences (from a batch of one)."""
        return MambaState(self.conv.expand(times, -1, -1), self.ssm.expand(times, -1, -1))

    def picked(self, rows: list[int], batch: int) -> "MambaState":
        """Some sequences of the batch."""
        return MambaState(self.conv[rows], self.ssm[rows])


class _Buffer:
    """Room for keys and values [2, B * kv heads, capacity, head_dim], `filled` tokens used."""

    def __init__(self, data: Tensor, filled: int) -> None:
        self.data, self.filled = data, filled


@dataclass(frozen=True)
class AttentionState:
    """The keys and values of the first `length` tokens of a buffer."""

    buffer: _Buffer
    length: int

    def append(self, new: Tensor) -> "AttentionState":
        """Add new keys and values [2, B * kv heads, T, head_dim]."""
        buffer, end = self.buffer, self.length + new.shape[2]
        if buffer.filled != self.length or end > buffer.data.shape[2]:
            buffer = self._moved(max(FIRST_CAPACITY, end + min(end // 2, MOST_SPARE)))
        buffer.data[:, :, self.length : end] = new
        buffer.filled = end
        return AttentionState(buffer, end)

    def keys_values(self) -> Tensor:
        """[2, B * kv heads, length, head_dim]."""
        return self.buffer.data[:, :, : self.length]

    def repeated(self, times: int) -> "AttentionState":
        """The same past for `times` sequences (from a batch of one)."""
        return AttentionState.of(self.keys_values().repeat(1, times, 1, 1))

    def picked(self, rows: list[int], batch: int) -> "AttentionState":
        """Some sequences of the batch."""
        data = self.keys_values()
        return AttentionState.of(data.unflatten(1, (batch, -1))[:, rows].flatten(1, 2))

    def with_room(self, tokens: int) -> "AttentionState":
        """The same past in a buffer that has room for so many more tokens, and no more."""
        if self.buffer.filled == self.length and self.length + tokens <= self.buffer.data.shape[2]:
            return self
        return AttentionState(self._moved(self.length + tokens), self.length)

    def _moved(self, capacity: int) -> _Buffer:
        old = self.buffer.data
        data = torch.empty(
            (2, old.shape[1], capacity, old.shape[3]), dtype=old.dtype, device=old.device
        )
        data[:, :, : self.length] = old[:, :, : self.length]
        return _Buffer(data, self.length)

    @staticmethod
    def empty(
        rows: int, head_dim: int, dtype: torch.dtype, device: torch.device
    ) -> "AttentionState":
        """No tokens yet, for `rows` = batch * kv heads."""
        return AttentionState.of(torch.empty((2, rows, 0, head_dim), dtype=dtype, device=device))

    @staticmethod
    def of(data: Tensor) -> "AttentionState":
        """Keys and values [2, B * kv heads, length, head_dim] as a state."""
        return AttentionState(_Buffer(data, data.shape[2]), data.shape[2])


LayerState = MambaState | AttentionState


@dataclass(frozen=True)
class State:
    """One entry a layer, the number of tokens read (padding included), of sequences, the padding."""

    layers: tuple[LayerState, ...]
    length: int
    batch: int
    padding: Padding | None = None

    def fork(self) -> "State":
        """A second name for this past; both may be continued. Costs nothing."""
        return replace(self)

    snapshot = fork

    def repeated(self, times: int) -> "State":
        """This past (a batch of one) for `times` sequences side by side."""
        if self.batch != 1:
            raise ValueError(f"only a batch of one can be repeated, this has {self.batch}")
        padding = self.padding and Padding(self.padding.before.repeat(times))
        layers = tuple(layer.repeated(times) for layer in self.layers)
        return State(layers, self.length, times, padding)

    def picked(self, rows: list[int]) -> "State":
        """The pasts of some of the sequences, by their places in the batch."""
        layers = tuple(layer.picked(rows, self.batch) for layer in self.layers)
        padding = self.padding and Padding(self.padding.before[rows])
        return State(layers, self.length, len(rows), padding)

    def with_room(self, tokens: int) -> "State":
        """The same past, ready to take in so many tokens without moving its keys and values."""
        layers = tuple(
            layer.with_room(tokens) if isinstance(layer, AttentionState) else layer
            for layer in self.layers
        )
        return replace(self, layers=layers)

    def release(self, earlier: "State") -> None:
        """Give this state up, so that `earlier`, which it went on from, grows in its place."""
        for mine, theirs in zip(self.layers, earlier.layers, strict=True):
            if (
                isinstance(mine, AttentionState)
                and isinstance(theirs, AttentionState)
                and mine.buffer is theirs.buffer
                and mine.buffer.filled == mine.length
            ):
                mine.buffer.filled = theirs.length

    def bytes(self) -> int:
        """Memory this state keeps alive, shared parts included."""
        total = 0
        for layer in self.layers:
            tensors = (
                (layer.conv, layer.ssm) if isinstance(layer, MambaState) else (layer.buffer.data,)
            )
            total += sum(t.numel() * t.element_size() for t in tensors)
        return total
