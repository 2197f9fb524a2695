"""Times on a CUDA device, and what the card itself can do."""

import itertools
from collections.abc import Callable
from statistics import median

import torch


def event_times(run: Callable[[], object], rounds: int, warm: int = 3) -> list[float]:
    """Milliseconds of each of `rounds` runs, by the device's own clock."""
    for _ in range(warm):
        run()
    events = [torch.cuda.Event(enable_timing=True) for _ in range(rounds + 1)]
    torch.cuda.synchronize()
    events[0].record()
    for event in events[1:]:
        run()
        event.record()
    torch.cuda.synchronize()
    return [a.elapsed_time(b) for a, b in itertools.pairwise(events)]


def graph_time(run: Callable[[int], object], sets: int, rounds: int = 5) -> float:
    """Median milliseconds of run(i), launched from a graph so that launching costs nothing."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for i in range(sets):
            run(i)
    torch.cuda.current_stream().wait_stream(stream)
    torch.cuda.synchronize()
    count = sets * max(1, 16 // sets)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(count):
            run(i % sets)
    return median(event_times(graph.replay, rounds)) / count


def copy_bandwidth() -> float:
    """Bytes a second of a large copy inside the device, read and written."""
    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    ms = median(event_times(lambda: target.copy_(source), 5))
    return 2 * source.nbytes / ms * 1e3


def matrix_rate() -> float:
    """Operations a second of a large bfloat16 product of random matrices."""
    size = 8192
    a, b = (torch.randn(size, size, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    out = torch.empty_like(a)
    return 2 * size**3 / median(event_times(lambda: torch.mm(a, b, out=out), 5)) * 1e3
