"""llama.cpp, driven through its C interface: logits of a GGUF file without vocabulary.

In a process of its own: what goes wrong in C ends that process and not the tests.
`python -m tests.jamba_core.llama MODEL OUT VOCABULARY PIECES ID…` writes logits as NumPy does.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]


def logits(path: Path, ids: list[int], pieces: int, vocabulary: int) -> Any:
    """Logits [time, vocabulary] as a torch tensor, the text read in so many pieces."""
    import torch

    out = path.with_suffix(".npy")
    words = [str(path), str(out), str(vocabulary), str(pieces), *map(str, ids)]
    run = [sys.executable, "-m", "tests.jamba_core.llama", *words]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return torch.from_numpy(np.load(out))


def opened(c: Any, path: str) -> tuple[Any, Any]:
    """A model and a context of it, in float32, on one thread."""
    c.llama_backend_init()
    options = c.llama_model_default_params()
    options.n_gpu_layers = 0
    model = c.llama_model_load_from_file(path.encode(), options)
    if not model:
        sys.exit("llama.cpp cannot load the file")
    settings = c.llama_context_default_params()
    settings.n_ctx = settings.n_batch = settings.n_ubatch = 512
    settings.n_threads = settings.n_threads_batch = 1
    settings.type_k = settings.type_v = 0  # float32, as our own
    settings.flash_attn_type = 0
    return model, c.llama_init_from_model(model, settings)


def read(c: Any, context: Any, ids: list[int], start: int, vocabulary: int) -> list[Any]:
    """Read ids as positions start, start + 1, …; a row of logits each."""
    batch = c.llama_batch_init(len(ids), 0, 1)
    batch.n_tokens = len(ids)
    for i, token in enumerate(ids):
        batch.token[i], batch.pos[i] = token, start + i
        batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = 1, 0, 1
    if c.llama_decode(context, batch) != 0:
        sys.exit("llama.cpp cannot read the ids")
    pointers = [c.llama_get_logits_ith(context, i) for i in range(len(ids))]
    rows = [np.ctypeslib.as_array(pointer, (vocabulary,)).copy() for pointer in pointers]
    c.llama_batch_free(batch)
    return rows


def main(path: str, out: str, vocabulary: str, pieces: str, *words: str) -> None:
    import llama_cpp as c

    _, context = opened(c, path)
    rows: list[Any] = []
    for piece in np.array_split(np.array(words, dtype=np.int64), int(pieces)):
        rows += read(c, context, piece.tolist(), len(rows), int(vocabulary))
    np.save(out, np.stack(rows))


if __name__ == "__main__":
    main(*sys.argv[1:])
