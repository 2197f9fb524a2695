"""The plain text the core is distilled on: WordNet glosses, the Jargon File, the Devil's
Dictionary, the manuals of Python, SQLite and PostgreSQL, train questions, our own phrasings.

In: Debian packages unpacked under a folder, and data files. Out: documents as strings, from
sources whose licence allows it (WordNet's, public domain, PSF, PostgreSQL's, this project's own).
It knows nothing of tokens.
"""

from __future__ import annotations

import gzip
import html
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path

from training.data.firewall import blocked


def wordnet(folder: Path) -> Iterator[str]:
    """Definitions and example sentences, a word a line: `dog: a member of …`."""
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").open(encoding="latin-1"):
            if line.startswith("  ") or "|" not in line:
                continue
            head, gloss = line.split("|", 1)
            fields = head.split()
            count = int(fields[3], 16)
            words = [fields[4 + 2 * i].split("(")[0].replace("_", " ") for i in range(count)]
            yield f"{', '.join(words[:3])}: {gloss.strip()}"


def dictd(path: Path) -> Iterator[str]:
    """Entries of a dictd file (gzip-compatible .dict.dz), white space folded."""
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as lines:
        text = lines.read()
    for entry in re.split(r"\n(?=\S)", text):
        entry = " ".join(entry.split())
        if len(entry) > 80:
            yield entry


def manual(folder: Path) -> Iterator[str]:
    """Paragraphs of HTML pages, tags removed."""
    for page in sorted(folder.rglob("*.html")):
        raw = page.read_text(encoding="utf-8", errors="replace")
        for paragraph in re.findall(r"<p>(.*?)</p>", raw, flags=re.DOTALL):
            text = " ".join(html.unescape(re.sub(r"<[^>]+>", "", paragraph)).split())
            if len(text) > 120:
                yield text


def questions(folder: Path) -> Iterator[str]:
    """Train questions (GSM8K with its reasoning, MAWPS, CLINC150, Banking77)."""
    for name in ("gsm8k_train", "mawps_fold0_train", "clinc150_train", "banking77_train"):
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["question"] in blocked():
                    continue
                reasoning = re.sub(r"<<.*?>>", "", row.get("rationale", ""))
                yield f"{row['question']}\n{reasoning}".strip()


def phrasings(folder: Path) -> Iterator[str]:
    """Question and answer of each hand-written pattern, slots left as words; no held-out file."""
    for path in sorted(folder.glob("*.jsonl")):
        if path.name.startswith("heldout"):
            continue
        for line in path.open(encoding="utf-8"):
            row = json.loads(line)
            if row.get("q") in blocked():
                continue
            if "q" in row:
                text = f"{row['q']}\n{row.get('answer', '')}"
                yield re.sub(r"\{[a-z_]+:?([a-z_:]*)\}", "7", text)
            else:
                asked = "\n".join(question["q"] for question in row["questions"])
                yield f"{row['description']}\n{asked}"


def documents(debian: Path, data: Path, seed: int = 0) -> list[str]:
    """All documents in one seeded order; short ones are joined to about a page."""
    pieces = [
        *wordnet(debian / "usr/share/wordnet"),
        *dictd(debian / "usr/share/dictd/jargon.dict.dz"),
        *dictd(debian / "usr/share/dictd/devil.dict.dz"),
        *manual(debian / "usr/share/doc/python3.11/html"),
        *manual(debian / "usr/share/doc/sqlite3"),
        *manual(debian / "usr/share/doc/postgresql-doc-15/html"),
        *questions(data),
        *4 * list(phrasings(Path("training/data/phrasings"))),  # what the core will read most
    ]
    random.Random(seed).shuffle(pieces)
    return pieces
