"""Which tiles are quickest: each kernel with a list of block shapes, warps and stages.

Run it when a card or a Triton version is new, and put the winners into the kernels' defaults.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from benchmarks.gpu.cases import MINI, Inputs
from benchmarks.gpu.timing import graph_time
from mrkl.jamba_core.gpu import many, one, recurrence
from mrkl.jamba_core.gpu.order import ordered

Tile = dict[str, int]
# name, bytes (below 0: operations), run, sets, tiles
Try = tuple[str, int, Callable[..., object], int, list[Tile]]

WARPS = "num_warps"
LOOPS = "num_stages"


def tries() -> Iterator[Try]:
    """The kernels that read most of the weights, the most important first."""
    new, size = Inputs("cuda", torch.bfloat16, 1), MINI
    hidden, width, experts, top = size.hidden, size.width, size.experts, size.top
    up, up_scale = new.matrix(experts, 2 * width, hidden, int8=True)
    down, down_scale = new.matrix(experts, hidden, width, int8=True)
    x, g = new.normal(1, hidden), new.normal(hidden)
    logits, h = new.normal(8, 1, experts), new.normal(1, top, width)
    total = new.normal(1, hidden)

    def up_one(i: int, **tile: int) -> None:
        one.gate_up(x, g, up, up_scale, logits[i], h, 1e-6, **tile)

    count = 2 * top * width * hidden
    rows = [(8, 4, 4), (32, 8, 8), (32, 4, 8), (16, 2, 4), (64, 4, 4), (32, 2, 2), (56, 4, 4)]
    yield "experts up 1", count, up_one, 8, [{"ROWS": r, "BN": b, WARPS: w} for r, b, w in rows]

    def down_one(i: int, **tile: int) -> None:
        one.down(h, down, down_scale, logits[i], total, **tile)

    shapes = [(4, 4096, 4), (16, 2048, 4), (8, 2048, 4), (8, 4096, 8), (16, 1024, 4), (4, 8192, 8)]
    tiles = [{"BN": n, "BK": k, WARPS: w} for n, k, w in shapes]
    yield "experts down 1", count // 2, down_one, 8, tiles
    for batch in (8, 64):
        yield from _several(new, batch, up, up_scale, down, down_scale)
    yield from _mlp(new, up, up_scale, down, down_scale)
    yield from _prompt(new, up, up_scale, down, down_scale)
    dense, _ = new.matrix(3, 4 * hidden, hidden, int8=False)
    out = new.normal(1, 4 * hidden)

    def dense_one(i: int, **tile: int) -> None:
        one.linear(x, dense[i], None, out, norm=g, eps=1e-6, **tile)

    rows = [(4, 4, 4), (8, 4, 4), (16, 2, 4), (16, 8, 8), (32, 4, 4)]
    tiles = [{"ROWS": r, "BN": b, WARPS: w} for r, b, w in rows]
    yield "linear bfloat16 1", dense[0].nbytes, dense_one, 3, tiles
    rows64, wide_out = new.normal(64, hidden, dtype=new.dtype), new.normal(1, 64, 4 * hidden)

    def dense_many(i: int, **tile: int) -> None:
        many.linear(rows64, dense[i], None, wide_out, **tile)

    shapes = [(64, 4, 4), (128, 4, 4), (128, 8, 4), (128, 8, 3), (64, 4, 6)]
    tiles = [{"BN": n, WARPS: w, LOOPS: s} for n, w, s in shapes]
    yield "linear bfloat16 64", dense[0].nbytes, dense_many, 3, tiles


def _several(
    new: Inputs, batch: int, up: Any, up_scale: Any, down: Any, down_scale: Any
) -> Iterator[Try]:
    experts, hidden, width = down.shape
    x = ordered(new.normal(batch, hidden, dtype=new.dtype))
    blocks = [many.Blocks(batch, MINI.top, experts, new.device) for _ in range(4)]
    hit = 0
    for block in blocks:
        block.route(new.normal(batch, experts))
        hit += int((block.count > 0).sum())
    h = ordered(new.normal(batch * MINI.top, width, dtype=new.dtype))
    count = hit * 2 * width * hidden // len(blocks)

    def up_many(i: int, **tile: int) -> None:
        many.gate_up(x, up, up_scale, blocks[i], h, **tile)

    shapes = [(64, 4, 3), (64, 4, 5), (128, 8, 3), (128, 8, 4), (32, 2, 5), (128, 4, 3)]
    tiles = [{"BN": n, WARPS: w, LOOPS: s} for n, w, s in shapes]
    yield f"experts up {batch}", count, up_many, 4, tiles
    for parts in (1, 2):
        out = new.normal(parts * MINI.top, batch, hidden)

        def down_many(i: int, out: Any = out, **tile: int) -> None:
            many.down(h, down, down_scale, blocks[i], out, **tile)

        shapes = [(64, 4, 3), (64, 4, 6), (128, 8, 4), (128, 4, 4), (32, 2, 6)]
        tiles = [{"BN": n, WARPS: w, LOOPS: s} for n, w, s in shapes]
        yield f"experts down {batch}, {parts} parts", count // 2, down_many, 4, tiles


def _mlp(new: Inputs, up: Any, up_scale: Any, down: Any, down_scale: Any) -> Iterator[Try]:
    """An MLP of 64 tokens: one tile of all of them, or two that read every weight each."""
    x = ordered(new.normal(64, MINI.hidden, dtype=new.dtype))
    h = ordered(new.normal(64, MINI.width, dtype=new.dtype))
    count = 2 * MINI.width * MINI.hidden
    for size in (64, 32):
        blocks = many.Blocks(64, 1, 1, new.device, size).everything()

        def up_all(i: int, blocks: Any = blocks, **tile: int) -> None:
            many.gate_up(x, up[i, None], up_scale[i, None], blocks, h, **tile)

        shapes = [(64, 4, 2), (64, 8, 3), (32, 4, 3), (128, 8, 3)]
        tiles = [{"BN": n, WARPS: w, LOOPS: s} for n, w, s in shapes]
        yield f"mlp up 64, by {size}", count, up_all, 4, tiles
        for parts in (4, 2):
            out = new.normal(parts, 64, MINI.hidden)

            def down_all(i: int, blocks: Any = blocks, out: Any = out, **tile: int) -> None:
                many.down(h, down[i, None], down_scale[i, None], blocks, out, **tile)

            yield f"mlp down 64, by {size}, {parts} parts", count // 2, down_all, 4, tiles
    u, projected = (new.normal(4096, n * MINI.inner, dtype=new.dtype) for n in (1, 2))
    low, dt = new.normal(4096, MINI.rank + 2 * MINI.states), new.normal(4096, MINI.inner)
    bias, skip = new.normal(MINI.inner) - 2, new.normal(MINI.inner)
    a2, ssm = -new.normal(MINI.states, MINI.inner).abs(), new.normal(1, MINI.states, MINI.inner)
    y, dt = torch.empty_like(u), dt.to(new.dtype)

    def scan(i: int, **tile: int) -> None:
        recurrence.scan_many(u, low, dt, bias, projected, a2, skip, ssm, y, **tile)

    shapes = [(32, 2, 3, 1), (32, 8, 2, 1), (32, 4, 2, 1), (32, 4, 4, 1), (64, 4, 3, 2)]
    names = ("BLOCK", "STEPS", "STAGES", WARPS)
    tiles = [dict(zip(names, shape, strict=True)) for shape in shapes]
    yield "scan 4096", 5 * u.nbytes, scan, 1, tiles


def _prompt(new: Inputs, up: Any, up_scale: Any, down: Any, down_scale: Any) -> Iterator[Try]:
    """4096 tokens; and the other way, a dense copy of each expert in turn and cuBLAS."""
    experts, hidden, width = down.shape
    tokens, pairs = 4096, 4096 * MINI.top
    natural = new.normal(tokens, hidden, dtype=new.dtype)
    x, h = ordered(natural), ordered(new.normal(pairs, width, dtype=new.dtype))
    out = new.normal(MINI.top, tokens, hidden)
    count = -2 * pairs * width * hidden
    logits = new.normal(tokens, experts)
    for size in (128, 64):
        blocks = many.Blocks(tokens, MINI.top, experts, new.device, size)
        blocks.route(logits)

        def up_long(i: int, blocks: Any = blocks, **tile: int) -> None:
            many.gate_up(x, up, up_scale, blocks, h, **tile)

        def down_long(i: int, blocks: Any = blocks, **tile: int) -> None:
            many.down(h, down, down_scale, blocks, out, **tile)

        shapes = [(64, 4, 3), (64, 8, 3), (128, 8, 2), (128, 4, 3)]
        tiles = [{"BN": n, WARPS: w, LOOPS: s} for n, w, s in shapes]
        yield f"experts up {tokens}, by {size}", 2 * count, up_long, 1, tiles
        yield f"experts down {tokens}, by {size}", count, down_long, 1, tiles

    def dense_up(i: int) -> None:
        for expert in range(experts):
            weight = up[expert].to(new.dtype) * up_scale[expert].to(new.dtype)[:, None]
            torch.mm(natural[: pairs // experts], weight.T)

    yield f"experts up {tokens}, dense copies", 2 * count, dense_up, 1, []


def best(
    bandwidth: float, rate: float, late: Callable[[str], bool], only: str = ""
) -> list[dict[str, Any]]:
    """Time every try whose name holds `only`; a row each, the default tile first."""
    rows: list[dict[str, Any]] = []
    for name, count, run, sets, tiles in tries():
        if only not in name:
            continue
        for tile in [{}, *tiles]:
            if late(f"{name} {tile}"):
                return rows
            try:
                us = graph_time(lambda i, run=run, tile=tile: run(i, **tile), sets) * 1e3
            except Exception as error:  # noqa: BLE001 - a shape that does not fit the card is a result
                rows.append({"name": name, "tile": tile, "failed": str(error)[:200]})
                print(f"{name:<28} {tile}: {type(error).__name__}", flush=True)
                continue
            share = max(count / bandwidth, -count / rate) / us * 1e6
            rows.append({"name": name, "tile": tile, "us": round(us, 2), "share": round(share, 3)})
            print(f"{name:<28}{us:>9.1f} us{share:>6.0%}  {tile or 'default'}", flush=True)
    return rows
