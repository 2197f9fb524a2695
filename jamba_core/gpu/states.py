"""States of sequences as values, while slots change under them.

In: what an engine did. Out: `State`, which stands where `jamba_core.cache.State` does: reading on
returns a new one and leaves the old one as it was. A `Past` is one sequence's; the engine fills in
its copies before another sequence, or a later past of its own, takes what it has in its slot.
"""

from dataclasses import dataclass, replace

from torch import Tensor

from mrkl.jamba_core.gpu.store import Mamba


class Past:
    """One sequence's tokens so far: in slot `home`, or (`mamba`, `kv`) in copies of its own."""

    __slots__ = ("__weakref__", "home", "kv", "length", "mamba")

    def __init__(self, length: int, home: int | None = None) -> None:
        self.length, self.home = length, home
        self.mamba: Mamba | None = None  # where the slot has moved on
        self.kv: Tensor | None = None  # where another sequence has the slot


@dataclass(frozen=True)
class State:
    """A past a sequence; `length` is that of the longest."""

    rows: tuple[Past, ...]
    padding = None

    @property
    def batch(self) -> int:
        return len(self.rows)

    @property
    def length(self) -> int:
        return max((row.length for row in self.rows), default=0)

    def fork(self) -> "State":
        """A second name for this past; both may be continued."""
        return replace(self)

    snapshot = fork

    def repeated(self, times: int) -> "State":
        """This past (a batch of one) for `times` sequences side by side."""
        if self.batch != 1:
            raise ValueError(f"only a batch of one can be repeated, this has {self.batch}")
        return State(self.rows * times)

    def picked(self, rows: list[int]) -> "State":
        """The pasts of some of the sequences."""
        return State(tuple(self.rows[row] for row in rows))

    def with_room(self, tokens: int) -> "State":
        """Slots have all the room they will ever have."""
        return self

    def release(self, earlier: "State") -> None:
        """Slots are given back when nobody holds a past any more."""
