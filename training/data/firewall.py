"""What training questions share with evaluation files, so that nothing leaks.

In: the patterns, cards' questions and word problems that rows are made from, and paths of
evaluation files (JSON lines with `question` or `text`, plain or gzipped). Out: the sources that
share a run of eight words with an evaluation question, or all of its words, numbers masked.
`python -m training.data.firewall --against FILES` lists them and writes `blocked.json`, which the
generators leave out, and `wall.bin`, the marks of the evaluation wordings, with which the tests
look at every training text again. It compares wordings, not meanings.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

BLOCKED = Path(__file__).with_name("blocked.json")
WALL = Path(__file__).with_name("wall.bin")
MARK = 6  # bytes; among a million training runs a chance hit on 150,000 is a rarity
RUN = 8  # words in a row that must not be shared
SHORT = 3  # a question below this many words is too common to be compared
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d[\d.,]*")
_FIELDS = ("question", "q", "text", "prompt")


def words(text: str) -> tuple[str, ...]:
    """The words in lower case, every number as `0`, slots as `0` too."""
    text = re.sub(r"\{[^}]*\}", " 0 ", text)
    return tuple(_WORD.findall(_NUMBER.sub(" 0 ", text.lower()).replace("'", "").replace("’", "")))


def runs(sequence: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All runs of eight words that are not mostly numbers."""
    for start in range(len(sequence) - RUN + 1):
        run = sequence[start : start + RUN]
        if run.count("0") <= RUN // 2:
            yield run


def mark(sequence: tuple[str, ...]) -> bytes:
    """Six bytes that stand for a wording, so that the wall can be shipped without the questions."""
    return blake2b(" ".join(sequence).encode(), digest_size=MARK).digest()


class Firewall:
    """Knows the wordings of evaluation questions by their marks; says which texts repeat them."""

    def __init__(self, questions: Iterable[str] = ()) -> None:
        self.runs: set[bytes] = set()
        self.whole: set[bytes] = set()
        for question in questions:
            sequence = words(question)
            self.runs.update(mark(run) for run in runs(sequence))
            if len(sequence) >= SHORT:
                self.whole.add(mark(sequence))

    def hit(self, text: str) -> str | None:
        """Why a training text may not be used, or None."""
        sequence = words(text)
        if mark(sequence) in self.whole:
            return "same question"
        shared = next((run for run in runs(sequence) if mark(run) in self.runs), None)
        return f"shares: {' '.join(shared)}" if shared else None

    def save(self, path: Path) -> None:
        """Both sets, sorted, one file."""
        parts = [b"".join(sorted(marks)) for marks in (self.whole, self.runs)]
        path.write_bytes(len(self.whole).to_bytes(4, "big") + b"".join(parts))

    @classmethod
    def load(cls, path: Path = WALL) -> Firewall:
        """What `save` wrote."""
        wall, raw = cls(), path.read_bytes()
        split = 4 + MARK * int.from_bytes(raw[:4], "big")
        wall.whole = {raw[i : i + MARK] for i in range(4, split, MARK)}
        wall.runs = {raw[i : i + MARK] for i in range(split, len(raw), MARK)}
        return wall


@cache
def wall() -> Firewall:
    """The wordings of the evaluation questions, as shipped; read once."""
    return Firewall.load()


def evaluation_questions(paths: Iterable[Path]) -> Iterator[str]:
    """The questions of evaluation files. Raises ValueError for a row without one."""
    for path in paths:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
        for line in text.splitlines():
            row: dict[str, Any] = json.loads(line)
            found = next((row[name] for name in _FIELDS if isinstance(row.get(name), str)), None)
            if found is None:
                raise ValueError(f"{path.name}: a row without {', '.join(_FIELDS)}")
            yield found


def training_texts() -> Iterator[tuple[str, str]]:
    """(text, what it is called in the block list) of everything rows are made from.

    Word problems and cards are named by their whole text, patterns too.
    """
    folder = Path(__file__).parent
    for path in sorted((folder / "phrasings").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row: dict[str, Any] = json.loads(line)
            if "q" in row:
                yield row["q"], row["q"]
            for asked in row.get("questions", ()):
                yield asked["q"], asked["q"]
            for text in row.get("near_misses", ()):
                yield text, text
    for path in sorted((folder / "problems").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line)["question"]
                yield text, text


@cache
def blocked() -> frozenset[str]:
    """Texts that must not be trained on; empty until the firewall has been run."""
    if not BLOCKED.exists():
        return frozenset()
    return frozenset(json.loads(BLOCKED.read_text(encoding="utf-8")))


def main(arguments: list[str] | None = None) -> int:
    """Compare, list, and write the block list. Exit status 1 when something new is blocked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, nargs="+", required=True)
    parser.add_argument("--dry", action="store_true", help="list only, write nothing")
    chosen = parser.parse_args(arguments)
    wall = Firewall(evaluation_questions(chosen.against))
    found = {key: why for text, key in training_texts() if (why := wall.hit(text))}
    for key, why in sorted(found.items()):
        print(f"{why} | {key}")
    new = set(found) - blocked()
    print(f"{len(found)} blocked, {len(new)} of them new", file=sys.stderr)
    if not chosen.dry:
        wall.save(WALL)
        listed = sorted(blocked() | set(found))
        BLOCKED.write_text(json.dumps(listed, indent=0, ensure_ascii=False), encoding="utf-8")
    return 1 if new else 0


if __name__ == "__main__":
    raise SystemExit(main())
