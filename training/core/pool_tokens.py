"""Tokenise the text pool for distillation.

In: documents. Out: one uint16 array: ids of the pruned vocabulary, documents ended by
<|endoftext|>; bit 15 marks a token that lies inside a piece the teacher would not split
there, where the teacher's opinion about it is not asked for.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

INSIDE = np.uint16(1 << 15)
TOKENIZER = "jamba_core/data/tokenizer.json"


def tokenise(texts: list[str], pruned: Tokenizer, full: Tokenizer) -> np.ndarray:
    """Concatenated ids with the inside-a-piece flag in bit 15."""
    end = pruned.token_to_id("<|endoftext|>")
    parts: list[np.ndarray] = []
    for start in range(0, len(texts), 2000):
        batch = texts[start : start + 2000]
        ours = pruned.encode_batch(batch, add_special_tokens=False)
        theirs = full.encode_batch(batch, add_special_tokens=False)
        for mine, other in zip(ours, theirs, strict=True):
            ids = np.array(mine.ids, dtype=np.uint16)
            begins = np.array([offset[0] for offset in mine.offsets])
            known = np.isin(begins, [offset[0] for offset in other.offsets])
            ids[~known] |= INSIDE
            parts.append(np.append(ids, np.uint16(end)))
    return np.concatenate(parts)


def main(debian: Path, data: Path, out: Path) -> None:
    from training.core import teacher_files, text_pool
    from training.core.tokenizer import build

    tokens, merges = teacher_files.read_vocabulary(teacher_files.find_gguf())
    full = build({token: i for i, token in enumerate(tokens)}, merges)
    write(text_pool.documents(debian, data), full, out)


def rehearse(out: Path) -> None:
    """A small pool of our own phrasings, without the teacher's tokenizer."""
    from training.core import text_pool

    texts = list(text_pool.phrasings(Path("training/data/phrasings")))
    write(texts[:3000], Tokenizer.from_file(TOKENIZER), out)


def write(texts: list[str], full: Tokenizer, out: Path) -> None:
    """Tokenise and save; one in fifty tokens is held out."""
    ids = tokenise(texts, Tokenizer.from_file(TOKENIZER), full)
    split = len(ids) // 50
    np.savez_compressed(out, train=ids[split:], heldout=ids[:split])
    inside = float((ids & INSIDE > 0).mean())
    characters = sum(map(len, texts))
    print(f"{len(ids)} tokens, {characters} characters, {inside:.3f} inside a teacher's piece")


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debian", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rehearse", action="store_true", help="our own phrasings alone")
    arguments = parser.parse_args()
    if arguments.rehearse:
        rehearse(arguments.out)
    elif arguments.debian and arguments.data:
        main(arguments.debian, arguments.data, arguments.out)
    else:
        parser.error("--debian and --data are needed, or --rehearse")
