"""Every kernel on random inputs, beside the same in float64, and the bytes it cannot avoid.

`cases(size, ...)` draws fresh inputs each time it is asked; tests use small odd sizes, the
benchmark the Mini model's. It measures nothing itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from mrkl.jamba_core.gpu import attend, many, norms, one, recurrence
from mrkl.jamba_core.gpu.decode import stretches
from mrkl.jamba_core.gpu.order import ordered, padded

EPS = 1e-6
CACHE = 256 << 20  # inputs together, so that no run finds them in the card's cache


@dataclass(frozen=True)
class Size:
    """What the kernels are tried on."""

    hidden: int = 4096
    width: int = 14336
    experts: int = 16
    top: int = 2
    inner: int = 8192
    states: int = 16
    rank: int = 256
    taps: int = 4
    heads: int = 32
    groups: int = 8
    head: int = 128
    keys: int = 4096
    time: int = 512  # tokens of a piece of prefill
    large: float = 1.0  # the inputs' size


MINI = Size()
SMALL = Size(40, 56, 4, 2, 48, 16, 5, 4, 6, 2, 24, 150, 19)


@dataclass
class Case:
    """run(i) computes `got` from input set i; want() is the same of set 0 in float64."""

    name: str
    run: Callable[[int], object]
    got: Callable[[], Tensor]
    want: Callable[[], Tensor]
    bytes: int
    limit: float
    sets: int = 1
    fresh: Callable[[], object] = lambda: None  # brings what run changes back

    def error(self) -> float:
        """The distance from float64 relative to its size; NaN never passes."""
        self.fresh()
        want = self.want()
        self.run(0)
        got = self.got().double()
        return float((got - want).norm() / want.norm())


class Inputs:
    """Draws tensors on a device, a new set of weights for each of a few runs."""

    def __init__(self, device: str, dtype: torch.dtype, seed: int) -> None:
        self.device, self.dtype = device, dtype
        self.generator = torch.Generator(device).manual_seed(seed)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32, size: float = 1.0) -> Tensor:
        noise = torch.empty(shape, device=self.device, dtype=dtype)
        return noise.normal_(0, size, generator=self.generator)

    def matrix(self, *shape: int, int8: bool) -> tuple[Tensor, Tensor | None]:
        """Weights and, where int8, scales such that products are about as large as x."""
        if not int8:
            return self.normal(*shape, dtype=self.dtype, size=shape[-1] ** -0.5), None
        weight = torch.empty(shape, dtype=torch.int8, device=self.device)
        weight.random_(-127, 128, generator=self.generator)
        scale = torch.rand(shape[:-1], generator=self.generator, device=self.device) + 0.5
        return weight, scale * (shape[-1] ** -0.5 / 73)


def wide(weight: Tensor, scale: Tensor | None) -> Tensor:
    """A matrix in float64."""
    return weight.double() if scale is None else weight.double() * scale.double()[..., None]


def rms(x: Tensor, g: Tensor) -> Tensor:
    return (x := x.double()) * (x.pow(2).mean(-1, keepdim=True) + EPS).rsqrt() * g.double()


def cases(
    size: Size, device: str, dtype: torch.dtype, batches: tuple[int, ...], seed: int = 0
) -> Iterator[Case]:
    """One after the other, so that only one's inputs need room."""
    for batch in batches:
        for int8 in (True, False):
            yield _linear(size, Inputs(device, dtype, seed), batch, int8)
        yield from _experts(size, Inputs(device, dtype, seed + 1), batch, size.experts, size.top)
        yield from _experts(size, Inputs(device, dtype, seed + 1), batch, 1, 1)
        yield _conv(size, Inputs(device, dtype, seed + 2), batch)
        yield _step(size, Inputs(device, dtype, seed + 3), batch)
        yield _attend(size, Inputs(device, dtype, seed + 4), batch)
        yield _norm(size, Inputs(device, dtype, seed + 5), batch)
    yield _conv_many(size, Inputs(device, dtype, seed + 6))
    yield _scan(size, Inputs(device, dtype, seed + 7))


def _limit(dtype: torch.dtype) -> float:
    return 2e-6 if dtype == torch.float32 else 6e-3


def _linear(size: Size, new: Inputs, batch: int, int8: bool) -> Case:
    rows, columns = 2 * size.inner + 3, size.hidden
    single = batch == 1
    sets = max(1, CACHE // (rows * columns)) if rows * columns > 1 << 20 else 1
    weight, scale = new.matrix(sets, rows, columns, int8=int8)
    x = new.normal(batch, columns, dtype=torch.float32 if single else new.dtype, size=size.large)
    g, out = new.normal(columns).abs() + 0.5, torch.full((1, batch, rows), torch.nan)
    out = out.to(new.device)

    put = ordered(x) if int8 and not single else x

    def run(i: int) -> None:
        s = None if scale is None else scale[i]
        if single:
            one.linear(x, weight[i], s, out[0], norm=g, eps=EPS)
        else:
            many.linear(put, weight[i], s, out)

    def want() -> Tensor:
        inputs = rms(x, g) if single else x.double()
        return inputs @ wide(weight[0], None if scale is None else scale[0]).T

    total = weight[0].nbytes + x.nbytes + out.nbytes
    kind = "int8" if int8 else str(new.dtype).removeprefix("torch.")
    limit = 2e-6 if single else _limit(new.dtype)
    return Case(f"linear {kind} {batch}", run, lambda: out[0], want, total, limit, sets)


def _experts(size: Size, new: Inputs, batch: int, experts: int, top: int) -> Iterator[Case]:
    hidden, width, single = size.hidden, size.width, batch == 1
    up, up_scale = new.matrix(experts, 2 * width, hidden, int8=True)
    down, down_scale = new.matrix(experts, hidden, width, int8=True)
    assert up_scale is not None and down_scale is not None
    kind = torch.float32 if single else new.dtype
    sets = 8 if experts > 1 else 1
    logits = new.normal(sets, batch, experts)
    x, g = new.normal(batch, hidden, dtype=kind, size=size.large), new.normal(hidden).abs() + 0.5
    long = width if single else padded(width)
    h = torch.full((batch, top, long), torch.nan, device=new.device, dtype=kind)
    put = x if single else ordered(x)
    place = torch.arange(long, device=new.device)[None]
    natural = place[0] if single else ordered(place)[0].argsort()[:width]
    blocks = [many.Blocks(batch, top, experts, new.device) for _ in range(sets)]
    weights, chosen = torch.topk(torch.softmax(logits[0].double(), -1), top, -1)
    for block, row in zip(blocks, logits, strict=True):
        if experts == 1:
            block.everything()
        elif not single:
            block.route(row)
    hit = sum(len(set(torch.topk(row, top, -1)[1].flatten().tolist())) for row in logits) / sets
    name = f"experts {{}} {batch}" if experts > 1 else f"mlp {{}} {batch}"
    routed = None if experts == 1 else logits

    def run_up(i: int) -> None:
        if single:
            row = None if routed is None else routed[i]
            one.gate_up(x, g, up, up_scale, row, h, EPS)
        else:
            many.gate_up(put, up, up_scale, blocks[i], h.flatten(0, 1))

    def want_up() -> Tensor:
        inputs = rms(x, g) if single else x.double()
        result = inputs.new_empty(batch, top, width)
        for expert in range(experts):
            matrix = wide(up[expert], up_scale[expert])
            for token, slot in (chosen == expert).nonzero().tolist():
                gate, value = (matrix @ inputs[token]).chunk(2)
                result[token, slot] = F.silu(gate) * value
        return result

    def got_up() -> Tensor:
        return h[..., natural]

    limit = 3e-6 if single else 2 * _limit(new.dtype)
    count = int(hit * 2 * width * hidden) + h.nbytes
    yield Case(name.format("up"), run_up, got_up, want_up, count, limit, sets)
    inner = new.normal(batch, top, width, dtype=kind)
    put_inner = inner.flatten(0, 1) if single else ordered(inner.flatten(0, 1))
    parts = torch.full((top, batch, hidden), torch.nan, device=new.device)
    residual = new.normal(batch, hidden)
    total = residual.clone()

    def run_down(i: int) -> None:
        if single:
            one.down(inner, down, down_scale, None if routed is None else routed[i], total)
        else:
            many.down(put_inner, down, down_scale, blocks[i], parts)

    def want_down() -> Tensor:
        result = residual.double() if single else torch.zeros_like(residual).double()
        for expert in range(experts):
            matrix = wide(down[expert], down_scale[expert])
            for token, slot in (chosen == expert).nonzero().tolist():
                result[token] += weights[token, slot] * (matrix @ inner[token, slot].double())
        return result

    count = int(hit * width * hidden) + inner.nbytes + total.nbytes
    got: Callable[[], Tensor] = (lambda: total) if single else (lambda: parts.sum(0))
    limit, fresh = (3e-6 if single else _limit(new.dtype)), lambda: total.copy_(residual)
    yield Case(name.format("down"), run_down, got, want_down, count, limit, sets, fresh)


def _conv(size: Size, new: Inputs, batch: int) -> Case:
    inner, taps = size.inner, new.normal(size.taps, size.inner)
    projected, bias = new.normal(batch, 2 * inner), new.normal(inner)
    start = new.normal(batch, size.taps - 1, inner)
    conv, u = start.clone(), torch.full((batch, inner), torch.nan, device=new.device)

    def want() -> Tensor:
        window = torch.cat((start, projected[:, None, :inner]), 1).double()
        out = F.silu((window * taps.double()).sum(1) + bias.double())
        return torch.cat((out[:, None], window[:, 1:]), 1)

    return Case(
        f"conv step {batch}",
        lambda i: recurrence.conv_step(projected, conv, taps, bias, u, None),
        lambda: torch.cat((u[:, None], conv), 1),
        want,
        2 * conv.nbytes + projected.nbytes // 2 + u.nbytes,
        2e-6,
        fresh=lambda: conv.copy_(start),
    )


def _recurred(
    u: Tensor, dt: Tensor, b: Tensor, c: Tensor, a2: Tensor, skip: Tensor, z: Tensor, state: Tensor
) -> Tensor:
    """y [B, T, I] and the state [B, N, I] below it, in float64."""
    u, dt, b, c, z, state = (t.double() for t in (u, dt, b, c, z, state))
    rows = []
    for t in range(u.shape[1]):
        decay = torch.exp2(dt[:, t, None] * a2.double())
        state = decay * state + b[:, t, :, None] * (dt[:, t] * u[:, t])[:, None]
        y = (state * c[:, t, :, None]).sum(1) + u[:, t] * skip.double()
        rows.append(y * F.silu(z[:, t]))
    return torch.cat((torch.stack(rows, 1), state), 1)


def _step(size: Size, new: Inputs, batch: int) -> Case:
    inner, rank, states = size.inner, size.rank, size.states
    u, low = new.normal(batch, inner), new.normal(batch, rank + 2 * states)
    weight = new.normal(inner, rank, dtype=new.dtype, size=rank**-0.5)
    norms_, bias = new.normal(rank + 2 * states).abs() + 0.5, new.normal(inner)
    projected, a2 = new.normal(batch, 2 * inner), -new.normal(states, inner).abs() * 8
    skip, start = new.normal(inner), new.normal(batch, states, inner)
    ssm, y = start.clone(), torch.full((batch, inner), torch.nan, device=new.device)
    dt = None if batch == 1 else new.normal(batch, inner)

    def want() -> Tensor:
        wide_low, pieces = low.double(), [rank, states, states]
        step, b, c = wide_low.split(pieces, -1)
        if dt is None:
            g = norms_.split(pieces)
            step, b, c = (rms(t, n) for t, n in zip((step, b, c), g, strict=True))
            step = step @ weight.double().T
        else:
            step = dt.double()
        delta = F.softplus(step + bias.double(), threshold=40)[:, None]
        z = projected[:, None, inner:]
        return _recurred(u[:, None], delta, b[:, None], c[:, None], a2, skip, z, start)

    return Case(
        f"scan step {batch}",
        lambda i: recurrence.step(
            u, low, dt, weight, norms_, bias, projected, a2, skip, ssm, y, EPS
        ),
        lambda: torch.cat((y[:, None], ssm), 1),
        want,
        2 * ssm.nbytes + 4 * u.nbytes + a2.nbytes + (weight.nbytes if dt is None else 0),
        5e-6,
        fresh=lambda: ssm.copy_(start),
    )


def _attend(size: Size, new: Inputs, batch: int) -> Case:
    heads, groups, width, room = size.heads, size.groups, size.head, size.keys
    kind = torch.float32 if batch == 1 else new.dtype
    qkv = new.normal(batch, (heads + 2 * groups) * width, dtype=kind)
    keys, values = (new.normal(batch, groups, room, width, dtype=new.dtype) for _ in range(2))
    position = torch.full((batch,), room - 1, device=new.device, dtype=torch.int32)
    position -= torch.arange(batch, device=new.device, dtype=torch.int32) * 3 % (room // 2)
    splits = stretches(batch * groups, room)
    sums = torch.zeros(batch, heads, splits, width, device=new.device)
    tops = torch.zeros(batch, heads, splits, 2, device=new.device)
    out = torch.full((batch, heads * width), torch.nan, device=new.device)

    def want() -> Tensor:
        rows = []
        q, k, v = qkv.split([heads * width, groups * width, groups * width], -1)
        for row, place in enumerate(position.tolist()):
            past = (keys[row, :, :place], values[row, :, :place])
            now = (k[row], v[row])
            both = (
                torch.cat((p, n.to(p.dtype).view(groups, 1, width)), 1).double()
                for p, n in zip(past, now, strict=True)
            )
            k_all, v_all = (t.repeat_interleave(heads // groups, 0) for t in both)
            score = k_all @ q[row].double().view(heads, width, 1) * width**-0.5
            rows.append((torch.softmax(score, 1) * v_all).sum(1).flatten())
        return torch.stack(rows)

    return Case(
        f"attend {batch}",
        lambda i: attend.attend(qkv, keys, values, position, sums, tops, out),
        lambda: out,
        want,
        2 * int((position + 1).sum()) * groups * width * keys.element_size(),
        _limit(new.dtype),
    )


def _norm(size: Size, new: Inputs, batch: int) -> Case:
    start, parts = (
        new.normal(batch, size.hidden, size=size.large),
        new.normal(3, batch, size.hidden),
    )
    x, g = start.clone(), new.normal(size.hidden)
    out = torch.full((batch, size.hidden), torch.nan, device=new.device, dtype=new.dtype)
    return Case(
        f"add + norm {batch}",
        lambda i: norms.add_norm(x, parts, g, out, EPS),
        lambda: out,
        lambda: rms(start.double() + parts.double().sum(0), g),
        2 * x.nbytes + parts.nbytes + out.nbytes,
        _limit(new.dtype),
        fresh=lambda: x.copy_(start),
    )


def _conv_many(size: Size, new: Inputs) -> Case:
    inner, batch, past = size.inner, 2, size.taps - 1
    projected = new.normal(batch * size.time, 2 * inner, dtype=new.dtype)
    taps, bias, start = (
        new.normal(size.taps, inner),
        new.normal(inner),
        new.normal(batch, past, inner),
    )
    conv = start.clone()
    u = torch.full((batch * size.time, inner), torch.nan, device=new.device)

    def want() -> Tensor:
        new_rows = projected.view(batch, size.time, -1)[..., :inner].double()
        window = torch.cat((start.double(), new_rows), 1).unfold(1, size.taps, 1)
        out = F.silu((window * taps.double().T).sum(-1) + bias.double())
        return torch.cat((out, new_rows[:, size.time - past :]), 1)

    return Case(
        f"conv {batch}x{size.time}",
        lambda i: recurrence.conv_many(projected, conv, taps, bias, u),
        lambda: torch.cat((u.view(batch, size.time, inner), conv), 1),
        want,
        projected.nbytes // 2 + u.nbytes,
        2e-6 if new.dtype == torch.float32 else _limit(new.dtype),
        fresh=lambda: conv.copy_(start),
    )


def _scan(size: Size, new: Inputs) -> Case:
    batch, time, inner, states = 2, size.time, size.inner, size.states
    u, projected = (new.normal(batch * time, n, dtype=new.dtype) for n in (inner, 2 * inner))
    dt, low = new.normal(batch * time, inner), new.normal(batch * time, size.rank + 2 * states)
    dt[: time // 2] *= 8  # very small and very large steps
    bias, skip = new.normal(inner) - 2, new.normal(inner)
    a2, start = -new.normal(states, inner).abs() * 8, new.normal(batch, states, inner)
    ssm, y = start.clone(), torch.full_like(dt, torch.nan)

    def want() -> Tensor:
        parts = (t.view(batch, time, -1) for t in (u, dt, low, projected))
        u_, dt_, low_, projected_ = parts
        delta = F.softplus(dt_.double() + bias.double(), threshold=40)
        _, b, c = low_.split([size.rank, states, states], -1)
        return _recurred(u_, delta, b, c, a2, skip, projected_[..., inner:], start)

    return Case(
        f"scan {batch}x{time}",
        lambda i: recurrence.scan_many(u, low, dt, bias, projected, a2, skip, ssm, y),
        lambda: torch.cat((y.view(batch, time, inner), ssm), 1),
        want,
        2 * u.nbytes + dt.nbytes + y.nbytes,
        5e-6 if new.dtype == torch.float32 else _limit(new.dtype),
        fresh=lambda: ssm.copy_(start),
    )
