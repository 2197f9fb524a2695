"""Which expert reads which token: tokens sorted into blocks of one expert each.

In: the router's logits [tokens, experts]. Out, on the device: for each block its expert, how many
tokens it has, and their (token, choice) pairs; and every pair's weight. Nothing waits for the host.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from mrkl.jamba_core.gpu.early import arrive, early
from mrkl.jamba_core.gpu.one import power


@triton.jit
def _route(
    logits_ptr, weight_ptr, expert_ptr, count_ptr, pairs_ptr, slot_ptr, M, SLOTS: tl.constexpr,
    TOP: tl.constexpr, E: tl.constexpr, EP: tl.constexpr, MP: tl.constexpr, T: tl.constexpr,
    BLOCKS: tl.constexpr, BP: tl.constexpr, EARLY: tl.constexpr,
):  # fmt: skip
    arrive(EARLY)
    t = tl.arange(0, MP)
    e = tl.arange(0, EP)
    used = t < M
    if SLOTS:  # rows of nobody read no expert
        used = used & (tl.load(slot_ptr + t, mask=used, other=-1) >= 0)
    real = used[:, None] & (e < E)[None, :]
    logits = tl.load(logits_ptr + t[:, None] * E + e[None, :], mask=real, other=-1e30)
    chance = tl.exp(logits - tl.max(logits, 1)[:, None])
    chance = chance / tl.sum(chance, 1)[:, None]
    left = chance
    member = tl.zeros([MP, EP], tl.int32)
    for j in tl.static_range(TOP):
        best = tl.argmax(left, 1)
        mine = e[None, :] == best[:, None]
        tl.store(weight_ptr + t * TOP + j, tl.max(left, 1), mask=t < M)
        left = tl.where(mine, -1.0, left)
        member += tl.where(mine & real, 1, 0)
    place = tl.cumsum(member, 0) - member  # of a token among those of its expert
    count = tl.sum(member, 0)
    blocks = (count + T - 1) // T
    first = tl.cumsum(blocks, 0) - blocks  # an expert's first block
    left = chance
    for j in tl.static_range(TOP):
        best = tl.argmax(left, 1)
        mine = e[None, :] == best[:, None]
        left = tl.where(mine, -1.0, left)
        at = tl.sum(tl.where(mine, first[None, :] * T + place, 0), 1)
        tl.store(pairs_ptr + at, t * TOP + j, mask=used)
    b = tl.arange(0, BP)
    inside = (b[:, None] >= first[None, :]) & (b[:, None] < (first + blocks)[None, :])
    here = tl.sum(tl.where(inside, e[None, :], 0), 1)
    rest = tl.sum(tl.where(inside, count[None, :] - (b[:, None] - first[None, :]) * T, 0), 1)
    tl.store(expert_ptr + b, here, mask=b < BLOCKS)
    tl.store(count_ptr + b, tl.minimum(rest, T), mask=b < BLOCKS)


class Blocks:
    """Room for tokens sorted by expert: blocks of up to `size` tokens of one expert."""

    def __init__(
        self, tokens: int, top: int, experts: int, device: torch.device | str, size: int = 0
    ) -> None:
        self.tokens, self.top, self.experts = tokens, top, experts
        pairs = tokens * top
        # A token meets an expert once, so a tile of all tokens always holds an expert's. Where
        # there is one expert for all, a larger tile reads its weights fewer times.
        most = 128 if tokens > 256 else 64 if experts == 1 else 32
        self.size = size or max(16, min(power(tokens), most))
        # each expert leaves at most one block unfilled
        most = experts + pairs // self.size if experts > 1 else -(-pairs // self.size)
        self.blocks = max(1, min(pairs, most))
        self.expert = torch.zeros(self.blocks, dtype=torch.int32, device=device)
        self.count = torch.zeros_like(self.expert)
        self.pairs = torch.zeros(self.blocks * self.size, dtype=torch.int32, device=device)
        self.weight = torch.ones(pairs, device=device)

    def everything(self) -> "Blocks":
        """All tokens to the one expert there is."""
        assert self.experts == self.top == 1
        number = torch.arange(self.blocks * self.size, device=self.pairs.device)
        self.pairs.copy_(number)
        left = self.tokens - number[:: self.size]
        self.count.copy_(left.clamp(0, self.size))
        return self

    def route(self, logits: Tensor, slots: Tensor | None = None) -> None:
        """Sort by the logits [tokens, experts]; the softmax runs over all experts.

        slots [tokens]: those below 0 are tokens of nobody and meet none (up to 128 tokens only).
        """
        if self.tokens > 128:
            self._route_long(logits)
            return
        _route[(1,)](
            logits, self.weight, self.expert, self.count, self.pairs,
            self.count if slots is None else slots, self.tokens, slots is not None, TOP=self.top,
            E=self.experts, EP=power(self.experts), MP=power(self.tokens), T=self.size,
            BLOCKS=self.blocks, BP=power(self.blocks), **early(),
        )  # fmt: skip

    def _route_long(self, logits: Tensor) -> None:
        weights, chosen = torch.topk(torch.softmax(logits, -1), self.top, -1)
        self.weight.copy_(weights.flatten())
        flat = chosen.flatten()
        order = torch.argsort(flat, stable=True)
        experts = torch.arange(self.experts, device=flat.device)
        count = (flat[:, None] == experts).sum(0)
        blocks = (count + self.size - 1) // self.size
        first = blocks.cumsum(0) - blocks
        before = count.cumsum(0) - count
        mine = flat[order]
        place = torch.arange(len(flat), device=flat.device) - before[mine]
        self.pairs[first[mine] * self.size + place] = order.to(torch.int32)
        b = torch.arange(self.blocks, device=flat.device)[:, None]
        inside = (b >= first) & (b < first + blocks)
        self.expert.copy_((inside * experts).sum(1))
        rest = (inside * (count - (b - first) * self.size)).sum(1)
        self.count.copy_(rest.clamp(max=self.size))
