"""Turn cards, questions and distillation targets into one compact file for train.py.

Out: an .npz with token ids of all texts (uint16, flat), the teacher's vectors reduced to 128
dimensions (int8), pairs of like meaning, groups with their card wordings, rows with answers,
and the first token embeddings (a PCA of the core teacher's, int8).
"""

import argparse
import json
import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from mrkl.router.encoder import unpacked
from training.router import composed
from training.router.cards import database_cards, encyclopedia_questions
from training.router.corpus import words_of
from training.router.rows import (
    Group,
    Row,
    builtin_groups,
    card_files,
    intents,
    invented,
    pattern_rows,
    share,
    word_problems,
)

SOURCES = ("builtin", "invented", "clinc150", "banking77", "composed")
LENGTH = 64
STEP = 0.033  # of the teacher's vectors: 1.2 % of noise, half the bytes of a finer one
NONSENSE = [
    "zorp",
    "quix",
    "fn",
    "tool",
    "alpha",
    "bravo",
    "helper",
    "util",
    "thing",
    "module",
    "omega",
    "do",
    "it",
    "svc",
    "x1",
    "kappa",
]


def clip(ids: list[int], length: int = LENGTH) -> list[int]:
    """Long texts keep their first two thirds and their end, where questions are asked."""
    if len(ids) <= length:
        return ids
    head = length * 2 // 3
    return ids[:head] + ids[-(length - head) :]


def card_texts(group: Group, rng: random.Random) -> list[str]:
    """Wordings of one card; the first is the form used at run time."""
    if group.cards:
        return group.cards
    texts: list[str] = []
    name = words_of(group.names[0])
    for description in group.descriptions or [""]:
        for parameters in group.parameters or [""]:
            tail = f" | {parameters}" if parameters else ""
            odd = " ".join(rng.sample(NONSENSE, rng.randint(1, 2)))
            texts.append(f"{name}: {description}{tail}" if description else f"{name}{tail}")
            if description:
                texts += [f"{name}: {description}", f"{odd}: {description}{tail}", description]
            if parameters:
                texts.append(f"{name}{tail}")
    return list(dict.fromkeys(texts))


def extra_rows(pool: list[str], pairs: list[list[int]], rng: random.Random) -> list[Row]:
    """Encyclopedia questions about nouns that WordNet knows."""
    topics = [pool[left].split(",")[0] for left, right in pairs]
    topics = [topic for topic in topics if 3 < len(topic) < 30 and topic.count(" ") < 3]
    questions = encyclopedia_questions(topics, 700, rng)
    return [Row(q, ("encyclopedia",), "builtin", share(q) < 0.1) for q in questions]


def collect(options: argparse.Namespace, pool: list[str], pairs: list[list[int]]):
    """All groups and rows, in a fixed order."""
    rng = random.Random(11)
    shared: Path = options.shared
    groups = [group for group in builtin_groups() if group.name != "database"]
    rows = list(pattern_rows(options.phrasings, options.copies, rng))
    template = next(group for group in builtin_groups() if group.name == "database")
    for number, (tables, questions) in enumerate(database_cards(16, rng)):
        descriptions = [text.format(tables=tables) for text in template.descriptions]
        name = f"database#{number}"
        groups.append(
            Group(name, "builtin", "database", number > 13, ["database"], descriptions, ["query"])
        )
        rows += [Row(q, (name,), "builtin", number > 13) for q in questions]
    rows += extra_rows(pool, pairs, rng)
    rows += word_problems(shared / "gsm8k_train.jsonl.gz", 700)
    rows += word_problems(shared / "mawps_fold0_train.jsonl.gz", 300)
    more, found = invented(card_files(options.phrasings))
    groups, rows = groups + more, rows + found
    for source, count in (("clinc150", 100), ("banking77", 200)):
        more, found = intents(shared / f"{source}_train.jsonl.gz", source, count)
        groups, rows = groups + more, rows + found
    made, asked, twins = composed.read(options.composed)
    return groups + made, rows + asked, twins


def reduced(vectors: np.ndarray, size: int) -> np.ndarray:
    """PCA without centring (cosines stay), as float32 [rows, size]."""
    sample = vectors[:: max(1, len(vectors) // 20000)].astype(np.float32)
    _, _, axes = np.linalg.svd(sample, full_matrices=False)
    return vectors.astype(np.float32) @ axes[:size].T


def bytes_of(matrix: np.ndarray) -> np.ndarray:
    """7 bits with one scale for all: small components take few values and compress well."""
    scale = np.abs(matrix).max() / 64
    return np.round(matrix / scale).astype(np.int8)


def token_start(path: Path, size: int) -> np.ndarray:
    """Input embeddings reduced to `size`, int8: the core teacher's [vocabulary, 576] (.npy), or
    those of an earlier router (.safetensors)."""
    if path.suffix == ".safetensors":
        stored = load_file(path)
        scale = stored["embedding.weight.scale"].astype(np.float32)[:, None]
        return bytes_of(unpacked(stored["embedding.weight"]) * scale)
    table = np.load(path).astype(np.float32)
    table /= np.linalg.norm(table, axis=1, keepdims=True) + 1e-6
    table -= table.mean(0)
    _, _, axes = np.linalg.svd(table, full_matrices=False)
    out = table @ axes[:size].T
    return bytes_of(np.clip(out / out.std(), -5, 5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder of the data files")
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--pool", type=Path, required=True, help="folder of pool.txt, teacher.npy")
    parser.add_argument(
        "--composed", type=Path, required=True, help="file of training.router.composed"
    )
    parser.add_argument("--tokenizer", type=Path, default=Path("jamba_core/data/tokenizer.json"))
    parser.add_argument("--embeddings", type=Path, required=True, help="float16 [vocab, 576]")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--copies", type=int, default=4)
    options = parser.parse_args()
    pack(options)


def numbered(pairs: Iterable[tuple[str, str]], number: dict[str, int]) -> np.ndarray:
    """Pairs of groups that both are there, by number, int16 [pairs, 2]."""
    known = [(number[a], number[b]) for a, b in pairs if a in number and b in number]
    return np.array(known, np.int16).reshape(-1, 2)


def pack(options: argparse.Namespace) -> None:
    from tokenizers import Tokenizer

    rng = random.Random(5)
    pool = (options.pool / "pool.txt").read_text().split("\n")
    pairs = json.loads((options.pool / "pairs.json").read_text())
    groups, rows, twins = collect(options, pool, pairs)
    index = {text: i for i, text in enumerate(pool)}

    def text_id(text: str) -> int:
        return index.setdefault(text, len(index))

    number = {group.name: i for i, group in enumerate(groups)}
    cards = [[text_id(t) for t in card_texts(group, rng)] for group in groups]
    answers = np.full((len(rows), 4), -1, np.int16)
    for i, row in enumerate(rows):
        answers[i, : len(row.answers[:4])] = [number[name] for name in row.answers[:4]]
    row_texts = np.array([text_id(row.text) for row in rows], np.int32)
    tokenizer = Tokenizer.from_file(str(options.tokenizer))
    ids = [clip(e.ids) for e in tokenizer.encode_batch(list(index), add_special_tokens=False)]
    families = {name: i for i, name in enumerate(sorted({group.family for group in groups}))}
    teacher = np.load(options.pool / "teacher.npy")
    assert len(teacher) <= len(pool), "teacher.npy must be made from this pool.txt"
    np.savez_compressed(
        options.out,
        tokens=np.array([i for text in ids for i in text], np.uint16),
        lengths=np.array([len(text) for text in ids], np.uint8),
        teacher=np.round(reduced(teacher, 128) / STEP).clip(-127, 127).astype(np.int8),
        pairs=np.array(pairs, np.int32),
        embeddings=token_start(options.embeddings, 128),
        card_texts=np.array([t for card in cards for t in card], np.int32),
        card_counts=np.array([len(card) for card in cards], np.int16),
        group_names=np.array([group.name for group in groups]),
        group_sources=np.array([SOURCES.index(group.source) for group in groups], np.int8),
        group_families=np.array([families[group.family] for group in groups], np.int16),
        group_held=np.array([group.held_out for group in groups]),
        near_pairs=numbered(((g.name, other) for g in groups for other in g.near), number),
        twin_pairs=numbered(twins, number),
        row_texts=row_texts,
        row_sources=np.array([SOURCES.index(row.source) for row in rows], np.int8),
        row_answers=answers,
        row_near=np.array([number.get(row.near, -1) for row in rows], np.int16),
        row_held=np.array([row.held_out for row in rows]),
    )
    size = options.out.stat().st_size / 1e6
    print(f"{len(ids)} texts, {len(groups)} groups, {len(rows)} rows, {size:.1f} MB")


if __name__ == "__main__":
    main()
