"""Gather the texts whose meaning our encoder learns from a general sentence encoder.

Out: `pool.txt` (one text a line, the most useful first) and `pairs.json` (indices of texts
that mean the same). Run before training.router.teacher.
"""

import argparse
import json
import random
import re
from pathlib import Path

from training.router import composed
from training.router.corpus import docstring_pairs, wordnet_pairs
from training.router.rows import (
    Row,
    card_files,
    intents,
    invented,
    pattern_rows,
    word_problems,
)


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def altered(text: str, rows: list[Row], rng: random.Random) -> str:
    """A text of the same kind: a seventh of its words left out or taken from another row."""
    words = text.split()
    others = rng.choice(rows).text.split() or words
    for place in rng.sample(range(len(words)), -(-len(words) // 7)):
        words[place] = rng.choice(others) if rng.random() < 0.5 else ""
    return " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, required=True, help="folder of the data files")
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of WordNet's data.*")
    parser.add_argument("--phrasings", type=Path, default=Path("training/data/phrasings"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--composed", type=Path, required=True, help="file of training.router.composed"
    )
    parser.add_argument("--glosses", type=int, default=30000)
    options = parser.parse_args()
    rng = random.Random(7)
    shared: Path = options.shared
    groups, rows = invented(card_files(options.phrasings))
    texts = [row.text for row in rows] + [d for group in groups for d in group.descriptions]
    made, asked, _ = composed.read(options.composed)
    texts += [row.text for row in asked]
    texts += [text for group in made for text in group.cards[::3]]
    rows = [*pattern_rows(options.phrasings, 1, rng)]
    for source in ("clinc150", "banking77"):
        rows += intents(shared / f"{source}_train.jsonl.gz", source, 100)[1]
    rows += word_problems(shared / "gsm8k_train.jsonl.gz", 600)
    rng.shuffle(rows)
    texts += [row.text for row in rows]
    texts += [altered(row.text, rows, rng) for row in rows]
    pairs = docstring_pairs() + wordnet_pairs(options.wordnet, options.glosses, rng)
    texts += [text for pair in pairs for text in pair]
    index = {text: i for i, text in enumerate(dict.fromkeys(map(flat, texts)))}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "pool.txt").write_text("\n".join(index))
    same = [(index[flat(a)], index[flat(b)]) for a, b in pairs]
    (options.out / "pairs.json").write_text(json.dumps(same))
    print(f"{len(index)} texts, {len(same)} pairs")


if __name__ == "__main__":
    main()
