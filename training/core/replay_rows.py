"""Write the few general rows that `mrkl train` rehearses and checks: mrkl/data/replay.jsonl.

In: the mixture. Out: JSON lines: rows to rehearse ({"prompt", "target"}), and questions to built-in
experts to ask before and after ({"question", "plan"}): of patterns that the core was taught, so
that forgetting shows, but that are not rehearsed. Only sources written for this project: no GSM8K
or MAWPS, no databases.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from mrkl.prompt import CARDS, PLAN, QUESTION, RESULTS
from training.data import card_rows, mixture
from training.data.row import Row

MOST = 900  # characters of a row
SOURCES = ("arithmetic", "measures", "mixed", "knowledge", "limits", "cards")


def drawn(seed: int) -> Iterator[Row]:
    """Rows of the chosen sources in the mixture's shares, without end."""
    rng = random.Random(f"replay {seed}")
    streams = {name: mixture.pattern_rows(rng, "train", name) for name in mixture.PATTERNS}
    streams["cards"] = card_rows.rows(rng, "train")
    weights = [mixture.SHARES[name] for name in SOURCES]
    while True:
        row = next(streams[rng.choices(SOURCES, weights)[0]])
        if len(row.prompt) + sum(len(text) for text, _ in row.target) <= MOST:
            yield row


def is_plain(row: Row) -> bool:
    """Whether a row is planned for built-in experts alone."""
    return CARDS not in row.prompt and row.target[0][0].startswith("#1")


def replay(rehearsed: int, checked: int, seed: int) -> Iterator[dict[str, object]]:
    """The rows of the file, `target` as (text, learned)."""
    stream = drawn(seed)
    seen: set[str] = set()
    for row in islice(stream, rehearsed):
        seen.add(row.pattern_id)
        yield {"prompt": row.prompt, "target": row.target}
    for row in islice((r for r in stream if is_plain(r) and r.pattern_id not in seen), checked):
        question = row.prompt.split(QUESTION)[1].removesuffix(PLAN)
        yield {"question": question, "plan": row.target[0][0].removesuffix(RESULTS)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rehearse", type=int, default=240)
    parser.add_argument("--check", type=int, default=50)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=Path("mrkl/data/replay.jsonl"))
    a = parser.parse_args()
    rows = replay(a.rehearse, a.check, a.seed)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    a.out.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(lines)} rows, {a.out.stat().st_size / 1000:.0f} kB")
