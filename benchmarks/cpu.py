"""Reading and writing on the processor: this engine, transformers and llama.cpp, one shape.

`python -m benchmarks.cpu --shape mid` writes results/cpu_mid.json. Random weights, the same in all
engines; every engine runs alone in a process of its own. llama.cpp is left out where
llama-cpp-python or gguf is missing. On a busy machine the figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.common import RESULTS, show, write
from mrkl.jamba_core.shapes import SHAPES, shape

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ("ours int8", "ours bfloat16", "transformers bfloat16", "llama.cpp Q8_0")
GOALS = {  # issue 6: (figure, ours, other) -> at least so many times
    ("written", "ours int8", "transformers bfloat16"): 3.5,
    ("written", "ours int8", "llama.cpp Q8_0"): 0.8,
    ("read", "ours int8", "transformers bfloat16"): 2.0,
    ("read", "ours int8", "llama.cpp Q8_0"): 1.2,
}


def timed(
    read: Callable[[], Any], write_on: Callable[[Any], None], prompt: int, tokens: int
) -> Any:
    """Tokens a second of both, medians of three rounds after one that does not count."""
    reading, writing = list[float](), list[float]()
    for _ in range(4):
        begin = time.perf_counter()
        state = read()
        middle = time.perf_counter()
        write_on(state)
        reading.append(prompt / (middle - begin))
        writing.append(tokens / (time.perf_counter() - middle))
    return {
        "read": round(statistics.median(reading[1:]), 1),
        "written": round(statistics.median(writing[1:]), 1),
    }


def ours(folder: Path, mode: str | None, prompt: int, tokens: int, threads: int) -> Any:
    """This engine."""
    import torch

    from mrkl.jamba_core import Jamba
    from mrkl.jamba_core.kernels import library
    from mrkl.jamba_core.packed import use_threads

    torch.set_num_threads(threads)
    model = Jamba.from_pretrained(folder, quantization=mode)
    if library() is not None:
        use_threads(threads)
    ids = torch.randint(0, model.config.vocab_size, (1, prompt))

    def write_on(output: Any) -> None:
        for _ in range(tokens):
            output = model(output.logits[:, -1].argmax(-1)[:, None], output.state)

    return timed(lambda: model(ids, logits_to_keep=1), write_on, prompt, tokens)


def transformers(folder: Path, prompt: int, tokens: int, threads: int) -> Any:
    """transformers with its quickest experts on a processor."""
    import torch
    from transformers import JambaForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    torch.set_num_threads(threads)
    model: Any = JambaForCausalLM.from_pretrained(
        folder, dtype=torch.bfloat16, experts_implementation="grouped_mm"
    ).eval()
    ids = torch.randint(0, model.config.vocab_size, (1, prompt))

    def write_on(output: Any) -> None:
        for _ in range(tokens):
            following = output.logits[:, -1].argmax(-1)[:, None]
            output = model(following, cache=output.cache, use_cache=True)

    with torch.inference_mode():
        return timed(lambda: model(ids, use_cache=True, logits_to_keep=1), write_on, prompt, tokens)


def llama_cpp(file: Path, prompt: int, tokens: int, threads: int) -> Any:
    """llama.cpp through its C interface."""
    import llama_cpp as c
    import numpy as np

    vocabulary = 1000  # ids below; the logits' maximum is looked for among them
    c.llama_backend_init()
    model = c.llama_model_load_from_file(str(file).encode(), c.llama_model_default_params())
    settings = c.llama_context_default_params()
    settings.n_ctx, settings.n_batch, settings.n_ubatch = prompt + tokens + 8, prompt, 512
    settings.n_threads = settings.n_threads_batch = threads
    context: Any = c.llama_init_from_model(model, settings)

    def feed(ids: list[int], start: int) -> int:
        batch = c.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i] = token, start + i, 1
            batch.seq_id[i][0], batch.logits[i] = 0, i == len(ids) - 1
        assert c.llama_decode(context, batch) == 0
        c.llama_batch_free(batch)
        row = np.ctypeslib.as_array(c.llama_get_logits_ith(context, -1), (vocabulary,))
        return int(row.argmax())

    ids = np.random.default_rng(0).integers(0, vocabulary, prompt).tolist()

    def read() -> int:
        c.llama_memory_clear(c.llama_get_memory(context), True)
        return feed(ids, 0)

    def write_on(following: int) -> None:
        for i in range(tokens):
            following = feed([following], prompt + i)

    return timed(read, write_on, prompt, tokens)


def core(prompt: int, tokens: int, threads: int) -> dict[str, float]:
    """The core that ships: speeds, its share of what memory allows, what reading ahead saves."""
    import torch

    import mrkl.jamba_core
    from mrkl.jamba_core import Jamba, Session
    from mrkl.jamba_core.limits import step_bytes
    from mrkl.jamba_core.measure import measure
    from mrkl.jamba_core.packed import use_threads

    torch.set_num_threads(threads)
    model = Jamba.from_pretrained(Path(mrkl.jamba_core.__path__[0]) / "data")
    use_threads(threads)
    speed = measure(model, prompt, tokens)
    large = torch.ones(50_000_000, dtype=torch.int64)  # 400 MB, out of every cache
    best = 0.0
    for _ in range(5):
        begin = time.perf_counter()
        large.sum()
        best = max(best, large.nbytes / (time.perf_counter() - begin))
    moved = step_bytes(model.config, "int8", prompt + tokens // 2, 1, 4)

    def seconds(text: str, lookup: int) -> float:
        session = Session(model)
        session.feed(text)
        _ = session.logits
        begin = time.perf_counter()
        count = sum(1 for _ in session.decode(tokens, stop_ids=[], lookup=lookup))
        assert count == tokens
        return time.perf_counter() - begin

    texts = {
        "repeats itself": "The quick brown fox jumps over the lazy dog. " * 3,
        "does not": "zq",
    }
    ahead = {
        f"reading ahead, text {name}": round(
            statistics.median(seconds(text, 0) / seconds(text, 8) for _ in range(5)), 2
        )
        for name, text in texts.items()
    }
    return {
        "read": round(speed.prompt, 1),
        "written": round(speed.written, 1),
        "four written": round(speed.batch, 1),
        "memory GB/s": round(best / 1e9, 1),
        "share of the memory limit": round(speed.written * moved / best, 3),
    } | ahead


def scans(threads: int) -> dict[str, float]:
    """Seconds for one scan (2,048 tokens, 1,024 channels) here and in transformers' torch path."""
    import torch
    from transformers.models.jamba.modeling_jamba import mamba_selective_scan

    from mrkl.jamba_core.kernels import library
    from mrkl.jamba_core.packed import gated_scan
    from mrkl.jamba_core.scan import LOG2_E, selective_scan

    torch.set_num_threads(threads)
    time_, inner, states = 2048, 1024, 16
    u, dt = torch.randn(1, time_, inner), torch.rand(1, time_, inner) * 0.1
    b, c = torch.randn(1, time_, states), torch.randn(1, time_, states)
    a, skip = -torch.rand(states, inner) * 16, torch.ones(inner)
    state, gate = torch.zeros(1, states, inner), torch.randn(1, time_, inner)
    kinds: dict[str, Callable[[], Any]] = {
        "torch": lambda: selective_scan(u, dt, b, c, a * LOG2_E, state),
        "transformers": lambda: mamba_selective_scan(
            *(u.transpose(1, 2), dt.transpose(1, 2), a.T.contiguous()),
            *(b.transpose(1, 2), c.transpose(1, 2)),
            D=skip,
            z=gate.transpose(1, 2),
            delta_softplus=True,
            return_last_state=True,
        ),
    }
    if library() is not None:
        low, both = torch.cat([b, c], -1)[0], torch.cat([u, gate], -1)[0]
        kinds["compiled"] = lambda: gated_scan(u[0], dt[0], low, both, a * LOG2_E, skip, state)
    found: dict[str, float] = {}
    with torch.inference_mode():
        for name, run in kinds.items():
            run()
            times: list[float] = []
            for _ in range(3):
                begin = time.perf_counter()
                run()
                times.append(time.perf_counter() - begin)
            found[name] = round(statistics.median(times), 5)
    return found


def prepare(name: str, folder: Path, with_gguf: bool) -> None:
    """A bfloat16 checkpoint of the shape, and the same weights as GGUF."""
    import torch

    from mrkl.jamba_core import Jamba
    from mrkl.jamba_core.gguf_file import export_gguf
    from mrkl.jamba_core.layout import RandomTensors
    from mrkl.jamba_core.load import save_checkpoint

    config = shape(name)
    save_checkpoint(folder, config, RandomTensors(config, dtype=torch.bfloat16).items())
    if with_gguf:
        export_gguf(Jamba.from_pretrained(folder), folder / "model.gguf", "q8_0")


def run(engine: str, folder: Path, prompt: int, tokens: int, threads: int) -> Any:
    """One engine, in this process."""
    if engine == "scan":
        return scans(threads)
    if engine == "core":
        return core(prompt, tokens, threads)
    if engine.startswith("ours"):
        mode = "int8" if engine.endswith("int8") else None
        return ours(folder, mode, prompt, tokens, threads)
    if engine.startswith("llama"):
        return llama_cpp(folder / "model.gguf", prompt, tokens, threads)
    return transformers(folder, prompt, tokens, threads)


def alone(engine: str, folder: Path, arguments: argparse.Namespace) -> Any:
    """One engine in a process of its own; None if it fails, with the reason on the screen."""
    words = [f"--{n}={getattr(arguments, n)}" for n in ("prompt", "tokens", "threads", "shape")]
    command = [sys.executable, "-m", "benchmarks.cpu", "--engine", engine, "--folder", str(folder)]
    done = subprocess.run(command + words, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{engine}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", default="small", choices=sorted(SHAPES))
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--engine", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def ratios(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Every goal that both engines were there for."""
    return [
        {
            "figure": figure,
            "of": mine,
            "over": other,
            "ratio": round(found[mine][figure] / found[other][figure], 2),
            "goal": goal,
        }
        for (figure, mine, other), goal in GOALS.items()
        if found.get(mine) and found.get(other)
    ]


def main() -> None:
    arguments = parsed()
    if arguments.engine:
        a = arguments
        print(json.dumps(run(a.engine, a.folder, a.prompt, a.tokens, a.threads)))
        return
    with_gguf = bool(find_spec("gguf") and find_spec("llama_cpp"))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        prepare(arguments.shape, folder, with_gguf)
        engines = ENGINES if with_gguf else ENGINES[:-1]
        found = {engine: alone(engine, folder, arguments) for engine in engines}
        rows = [[n, f["read"], f["written"]] for n, f in found.items() if f]
        found |= {part: alone(part, folder, arguments) for part in ("scan", "core")}
    about = f"{arguments.shape}, {arguments.threads} threads, {arguments.prompt} read"
    show(f"{about}, {arguments.tokens} written", ["engine", "read /s", "written /s"], rows)
    met = ratios(found)
    show(
        "goals",
        ["figure", "over", "times", "goal"],
        [[r["figure"], r["over"], r["ratio"], r["goal"]] for r in met],
    )
    print("one scan, seconds:", found["scan"])
    print("the core that ships:", found["core"])
    settings = {n: getattr(arguments, n) for n in ("shape", "prompt", "tokens", "threads")}
    name = f"cpu_{arguments.shape}"
    print("written:", write(name, settings | {"engines": found, "ratios": met}, arguments.out))


if __name__ == "__main__":
    main()
