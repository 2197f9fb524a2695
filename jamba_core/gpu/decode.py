"""Decoding on a GPU: one step of a whole batch as one CUDA graph.

In: `Weights`, a batch size and a `Store` of sequences' states. `Decoder.step` reads the tokens in
`tokens` [B], moves the states of `slots` [B] on in place and puts the next tokens there, chosen as
`settle` said; a captured graph does the same with one launch. Buffers never move, so sequences may
join and leave between steps by changing `slots`. One token goes through `one`'s kernels, several
through `many`'s. It does not read prompts (`prefill` does) or texts.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mrkl.jamba_core.cache import State
from mrkl.jamba_core.gpu import attend, many, norms, one, pick, recurrence
from mrkl.jamba_core.gpu.order import order_of, padded
from mrkl.jamba_core.gpu.store import Store
from mrkl.jamba_core.gpu.weights import (
    AttentionWeights,
    Forward,
    LayerWeights,
    MambaWeights,
    Matrix,
    Weights,
)
from mrkl.jamba_core.sampling import Sampling

PROGRAMS = 256  # that a product should have at least, to keep all multiprocessors busy
SPLITS = 32  # stretches of keys at most; and of all rows and groups together about so many:
STRETCHES = 2048
LOGGED = 4096  # steps whose tokens are kept on the device until somebody asks
NOBODY = -1  # the slot of a row that is not in use
GREEDY = (0.0, 1.0, 0.0)  # temperature, top_p, min_p


class Decoder:
    """Steps of `batch` rows at a time over the slots of a store.

    Without a store it makes its own, a slot for each row with room for `room` tokens.
    """

    def __init__(
        self, weights: Weights, batch: int, room: int = 0, store: Store | None = None
    ) -> None:
        self.weights, self.config, self.batch = weights, weights.config, batch
        config, device = self.config, weights.device
        self.store = store or Store(weights, batch, room)
        self.room, self.states = self.store.room, self.store.states
        self.position = self.store.position
        self.eps = config.rms_norm_eps
        self.graphs: dict[bool, torch.cuda.CUDAGraph] = {}  # by whether chance is involved
        self.single, self.drawing = batch == 1, False
        self.slots = torch.full((batch,), NOBODY, dtype=torch.int32, device=device)
        if store is None:
            self.slots.copy_(torch.arange(batch))
        self.tokens = torch.zeros(batch, dtype=torch.long, device=device)
        self.logits = torch.zeros(batch, config.vocab_size, device=device)
        log = min(self.room, LOGGED)
        self.written = torch.zeros(log, batch, dtype=torch.long, device=device)
        self.count = torch.zeros(batch, dtype=torch.int32, device=device)
        self.chance = torch.zeros(batch, 3, device=device)
        self.seeds = torch.zeros(batch, dtype=torch.long, device=device)
        self._sent: tuple[list[int], Any, Any] = ([], None, None)
        self._logged = 0
        self._buffers()

    def settle(
        self, slots: Sequence[int], samplings: Sequence[Sampling] = (), seeds: Sequence[int] = ()
    ) -> None:
        """Which slots the rows go with from now on, and how their tokens are chosen.

        Rows beyond the slots are nobody's. Without samplings all rows take the likeliest; seeds
        are needed where chance is. What is as it was is not sent again.
        """
        idle = self.batch - len(slots)
        rows = [*slots, *[NOBODY] * idle]
        hows = [(how.temperature, how.top_p, how.min_p) for how in samplings]
        hows += [GREEDY] * (self.batch - len(hows))
        sown = [*(seed % 2**31 for seed in seeds), *[0] * (self.batch - len(seeds))]
        self.drawing = any(how[0] > 0 for how in hows)
        if rows != self._sent[0]:
            self.slots.copy_(torch.tensor(rows, dtype=torch.int32))
        if self.drawing and (hows, sown) != self._sent[1:]:
            self.chance.copy_(torch.tensor(hows))
            self.seeds.copy_(torch.tensor(sown))
        self._sent = (rows, hows, sown) if self.drawing else (rows, *self._sent[1:])

    def put(self, tokens: Sequence[int]) -> None:
        """The tokens that the next step reads, of the first rows."""
        self.tokens[: len(tokens)].copy_(torch.tensor(tokens))

    def _buffers(self) -> None:
        config, batch = self.config, self.batch
        device, kind = self.weights.device, self.weights.dtype
        hidden, inner, states = config.hidden_size, config.mamba_inner, config.mamba_d_state
        rank, heads, width = config.mamba_dt_rank, config.num_attention_heads, config.head_dim
        low = rank + 2 * states

        def room(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros(shape, dtype=dtype, device=device)

        self.x = room(batch, hidden)
        self.projected, self.u = room(batch, 2 * inner), room(batch, inner)
        self.low, self.dt = room(batch, low), room(batch, inner)
        qkv = heads + 2 * config.num_key_value_heads
        act = torch.float32 if self.single else kind  # one token is never rounded
        self.qkv = room(batch, qkv * width, dtype=act)
        self.attended = room(batch, self._long(heads * width), dtype=act)
        self.y = room(batch, self._long(inner), dtype=act)
        cut = stretches(batch * config.num_key_value_heads, self.room)
        self.sums, self.tops = room(batch, heads, cut, width), room(batch, heads, cut, 2)
        self.router = room(batch, config.num_experts)
        top = {True: config.num_experts_per_tok, False: 1}
        widths = {True: config.moe_intermediate_size, False: config.intermediate_size}
        self.h = {
            moe: room(batch, top[moe], self._long(widths[moe]), dtype=act) for moe in (True, False)
        }
        if self.single:
            return
        self.normed = room(batch, padded(hidden), dtype=kind)
        self.copy = room(batch, inner, dtype=kind)
        self.mixer_parts = {
            True: room(splits(hidden, heads * width), batch, hidden),  # of attention
            False: room(splits(hidden, inner), batch, hidden),
        }
        self.low_parts = room(splits(low, inner), batch, low)
        self.blocks = {
            True: many.Blocks(batch, top[True], config.num_experts, device),
            False: many.Blocks(batch, 1, 1, device).everything(),
        }
        self.ff_parts = {
            moe: room(
                top[moe] * splits(hidden, widths[moe], min(self.blocks[moe].blocks, 8)),
                batch,
                hidden,
            )
            for moe in (True, False)
        }

    def _long(self, columns: int) -> int:
        """A row's length: int8 products of several tokens want it padded."""
        return columns if self.single else padded(columns)

    def reset(self) -> None:
        """Forget everything."""
        self.store.reset()
        self.tokens.zero_()

    def load(self, state: State) -> None:
        """Go on from a state of the plain model (its batch must be this one's)."""
        self.store.load(state)

    @torch.inference_mode()
    def step(self) -> None:
        """Read `tokens`; the next ones take their place, and are noted in `written`."""
        torch.index_select(self.weights.embed, 0, self.tokens, out=self._embedded())
        self._spread()
        parts: Tensor | None = None
        for layer, state in zip(self.weights.layers, self.states, strict=True):
            parts = (self._one if self.single else self._many)(layer, state, parts)
        self._finish(parts)
        pick.pick(
            self.logits, self.slots, self.position, self.chance, self.seeds, self.tokens,
            self.drawing, self.written, self.count,
        )  # fmt: skip

    def _embedded(self) -> Tensor:
        if self.weights.dtype == torch.float32:
            return self.x
        if not hasattr(self, "row"):
            self.row = torch.empty_like(self.x, dtype=self.weights.dtype)
        return self.row

    def _spread(self) -> None:
        if self.weights.dtype != torch.float32:
            self.x.copy_(self.row)

    def _finish(self, parts: Tensor | None) -> None:
        head, norm = self.weights.head, self.weights.norm
        if self.single:
            one.linear(self.x, head.weight, head.scale, self.logits, norm=norm, eps=self.eps)
            return
        self._norm(parts, norm, head)
        many.linear(self.normed, head.weight, head.scale, self.logits[None])

    def _one(self, layer: LayerWeights, state: tuple[Tensor, Tensor], parts: None) -> None:
        """A layer for one token; x moves on in place."""
        mixer, x, eps = layer.mixer, self.x, self.eps
        if isinstance(mixer, AttentionWeights):
            _one(x, mixer.qkv, self.qkv, layer.norm, eps)
            self._attend(state, mixer.out)
            _one(self.attended, mixer.out, x, add=True)
        else:
            _one(x, mixer.in_proj, self.projected, layer.norm, eps)
            recurrence.conv_step(
                self.projected, state[0], mixer.taps, mixer.conv_bias, self.u, None, self.slots
            )
            _one(self.u, mixer.x_proj, self.low)
            self._recur(mixer, state[1], None)
            _one(self.y, mixer.out_proj, x, add=True)
        forward, logits = layer.forward, None
        if forward.router is not None:
            logits = self.router
            one.linear(x, forward.router, None, logits, norm=layer.ff_norm, eps=eps)
        h, gate_up, down = self.h[logits is not None], forward.gate_up, forward.down
        one.gate_up(x, layer.ff_norm, gate_up.weight, gate_up.scale, logits, h, eps)
        one.down(h, down.weight, down.scale, logits, x)

    def _many(
        self, layer: LayerWeights, state: tuple[Tensor, Tensor], parts: Tensor | None
    ) -> Tensor:
        """A layer for several tokens; returns what is still to be added to x."""
        mixer, normed = layer.mixer, self.normed
        first = mixer.qkv if isinstance(mixer, AttentionWeights) else mixer.in_proj
        self._norm(parts, layer.norm, first)
        if isinstance(mixer, AttentionWeights):
            _many(normed, mixer.qkv, self.qkv[None])
            self._attend(state, mixer.out)
            mixed = self.mixer_parts[True]
            _many(self.attended, mixer.out, mixed)
        else:
            _many(normed, mixer.in_proj, self.projected[None])
            recurrence.conv_step(
                self.projected, state[0], mixer.taps, mixer.conv_bias, self.u, self.copy, self.slots
            )
            _many(self.copy, mixer.x_proj, self.low_parts)
            norms.norm_pieces(
                self.low_parts, mixer.norms, self.low, self.config.mamba_dt_rank, self.eps
            )
            rank = self.low[:, : self.config.mamba_dt_rank]
            many.linear(rank, mixer.dt_proj.weight, None, self.dt[None])
            self._recur(mixer, state[1], self.dt)
            mixed = self.mixer_parts[False]
            _many(self.y, mixer.out_proj, mixed)
        self._norm(mixed, layer.ff_norm, layer.forward.gate_up)
        return self._forward(layer.forward, layer.ff_norm)

    def _forward(self, forward: Forward, norm: Tensor) -> Tensor:
        moe = forward.router is not None
        blocks, h, parts = self.blocks[moe], self.h[moe].flatten(0, 1), self.ff_parts[moe]
        if forward.router is not None:
            one.linear(self.x, forward.router, None, self.router, norm=norm, eps=self.eps)
            blocks.route(self.router, self.slots)
        gate_up, down = forward.gate_up, forward.down
        many.gate_up(self.normed, gate_up.weight, gate_up.scale, blocks, h)
        many.down(h, down.weight, down.scale, blocks, parts)
        return parts

    def _norm(self, parts: Tensor | None, norm: Tensor, reader: Matrix) -> None:
        """x takes in what was still to be added; `normed` is in the order its reader wants."""
        quads = order_of(reader.weight)
        norms.add_norm(self.x, parts, norm, self.normed, self.eps, quads)

    def _attend(self, state: tuple[Tensor, Tensor], reader: Matrix) -> None:
        quads = 0 if self.single else order_of(reader.weight)
        attend.attend(
            self.qkv, *state, self.position, self.sums, self.tops, self.attended, quads, self.slots
        )

    def _recur(self, mixer: MambaWeights, ssm: Tensor, dt: Tensor | None) -> None:
        bias = mixer.dt_proj.bias
        assert bias is not None
        recurrence.step(
            self.u, self.low, dt, mixer.dt_proj.weight, mixer.norms, bias, self.projected,
            mixer.a2, mixer.skip, ssm, self.y, self.eps,
            0 if self.single else order_of(mixer.out_proj.weight), self.slots,
        )  # fmt: skip

    def capture(self, drawing: bool = False) -> None:
        """Make the graph of a step, with chance or without; no sequence moves on by it."""
        before, self.drawing = (self.slots.clone(), self.drawing), drawing
        self.slots.fill_(NOBODY)
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):  # compiles the kernels
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        self.graphs[drawing] = graph
        self.slots.copy_(before[0])
        self.drawing = before[1]

    def advance(self) -> None:
        """One step: by the graph where there is one that fits."""
        if self._logged == len(self.written):
            self.count.zero_()
            self._logged = 0
        self._logged += 1
        graph = self.graphs.get(self.drawing)
        if graph is None:
            self.step()
        else:
            graph.replay()

    def run(self, steps: int) -> Tensor:
        """Write `steps` tokens after `tokens`: [steps, B]. Waits for the device."""
        if int(self.position.max()) + steps > self.room:
            raise ValueError(f"{steps} more tokens do not fit into the room of {self.room}")
        pieces: list[Tensor] = []
        while steps > 0:
            now = min(steps, len(self.written))
            self.count.zero_()
            self._logged = 0
            for _ in range(now):
                self.advance()
            pieces.append(self.written[:now].clone())
            steps -= now
        return torch.cat(pieces)


def stretches(groups: int, room: int) -> int:
    """Into how many stretches each text's keys are cut, for so many groups of heads in all."""
    return max(1, min(SPLITS, STRETCHES // groups, room // (2 * attend.KEYS)))


def splits(rows: int, columns: int, blocks: int = 1) -> int:
    """Into how many parts a product's sum is cut so that there are programs enough."""
    programs = -(-rows // 64) * blocks
    parts = 1
    while programs * parts < PROGRAMS and parts < 16 and columns // (2 * parts) >= 512:
        parts *= 2
    return parts


def _one(
    x: Tensor,
    matrix: Matrix,
    out: Tensor,
    norm: Tensor | None = None,
    eps: float = 0.0,
    add: bool = False,
) -> None:
    one.linear(x, matrix.weight, matrix.scale, out, matrix.bias, norm, eps, add)


def _many(x: Tensor, matrix: Matrix, out: Tensor) -> None:
    many.linear(x, matrix.weight, matrix.scale, out, matrix.bias)
