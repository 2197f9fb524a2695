"""Prune SmolLM2's byte-level BPE to the vocabulary the small core uses.

In: the teacher's tokens and merges, weighted texts. Out: tokenizer.json, and for every new id
the teacher's id (or -1 for our own special tokens). Ids are kept with all their merge
ancestors, so every string stays encodable and keeps the teacher's pieces where it can.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from training.core.teacher_files import N_SPECIAL

TEACHER_SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
SPECIALS = (
    "<|begin|>",
    "<|cards|>",
    "<|question|>",
    "<|plan|>",
    "<|results|>",
    "<|answer|>",
    "<|say|>",
    "<|abstain|>",
    "<|end|>",
)


def build(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """A byte-level BPE with single digits, as SmolLM2 splits text."""
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def count_ids(tokenizer: Tokenizer, weighted: Iterable[tuple[float, list[str]]]) -> Counter[int]:
    """Weighted frequency of the full tokenizer's ids over the texts."""
    counts: Counter[int] = Counter()
    for weight, texts in weighted:
        for encoding in tokenizer.encode_batch(texts, add_special_tokens=False):
            for identity in encoding.ids:
                counts[identity] += weight  # type: ignore[assignment]
    return counts


def prune(
    tokens: list[str], merges: list[tuple[str, str]], counts: Counter[int], size: int
) -> tuple[Tokenizer, list[int]]:
    """Keep bytes, our specials and the most frequent pieces up to `size` ids in all."""
    index = {token: i for i, token in enumerate(tokens)}
    made_by = {left + right: (left, right) for left, right in merges}
    room = size - len(TEACHER_SPECIALS) - len(SPECIALS)
    kept = {i for i in range(N_SPECIAL, len(tokens)) if tokens[i] not in made_by}
    for identity, _ in counts.most_common():
        if identity < N_SPECIAL:
            continue
        wanted, stack = set(), [tokens[identity]]
        while stack:
            token = stack.pop()
            if index[token] in kept or index[token] in wanted:
                continue
            wanted.add(index[token])
            stack.extend(made_by[token])
        if len(kept) + len(wanted) > room:
            break
        kept |= wanted
    old_ids = sorted(kept)
    names = {tokens[i] for i in old_ids}
    vocabulary = {tokens[i]: new for new, i in enumerate(old_ids)}
    kept_merges = [(a, b) for a, b in merges if a in names and b in names and a + b in names]
    pruned = build(vocabulary, kept_merges)
    specials = [*TEACHER_SPECIALS, *SPECIALS]
    pruned.add_special_tokens([AddedToken(name, special=True) for name in specials])
    origin = old_ids + [tokens.index(name) for name in TEACHER_SPECIALS] + [-1] * len(SPECIALS)
    return pruned, origin


def main(debian: Path, data: Path, out: Path, size: int) -> None:
    """Write tokenizer.json and origin.json (new id → teacher id) to `out`."""
    from training.core import teacher_files, text_pool

    tokens, merges = teacher_files.read_vocabulary(teacher_files.find_gguf())
    full = build({token: i for i, token in enumerate(tokens)}, merges)
    names = json.loads((data / "names.json").read_text()) if (data / "names.json").exists() else []
    shared = data
    weighted = [
        (1.0, list(text_pool.wordnet(debian / "usr/share/wordnet"))),
        (0.5, list(text_pool.dictd(debian / "usr/share/dictd/jargon.dict.dz"))),
        (0.2, list(text_pool.manual(debian / "usr/share/doc/python3.11/html"))),
        (4.0, list(text_pool.questions(shared))),
        (30.0, list(text_pool.phrasings(shared / "phrasings"))),
        (8.0, names),
        (8.0, [f" {name}" for name in names]),
    ]
    counts = count_ids(full, weighted)
    pruned, origin = prune(tokens, merges, counts, size)
    out.mkdir(parents=True, exist_ok=True)
    pruned.save(str(out / "tokenizer.json"), pretty=False)
    (out / "origin.json").write_text(json.dumps(origin))
    for weight, texts in weighted:
        sample = texts[:4000]
        new = sum(len(e.ids) for e in pruned.encode_batch(sample))
        old = sum(len(e.ids) for e in full.encode_batch(sample))
        print(f"weight {weight}: {len(texts)} texts, length x{new / old:.3f}")


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--debian", type=Path, required=True, help="folder with unpacked packages")
    parser.add_argument("--data", type=Path, required=True, help="folder with the train files")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=10240)
    arguments = parser.parse_args()
    main(arguments.debian, arguments.data, arguments.out, arguments.size)
