"""Our router beside majority, TF-IDF + linear SVM, TF-IDF centroids and BM25, in one run.

    python -m benchmarks.router --shared DATA [--bfcl WHEEL] [--only intents,custom,bfcl,ece,speed]
        [--methods NAME,NAME] [--keep]

DATA is the folder of the public sets; without it they are skipped. WHEEL is the package bfcl-eval
(`pip download --no-deps bfcl-eval`), for evaluation only. Prints a table; writes
benchmarks/results/router.json, router.md and router_speed.json; with --keep, figures of an earlier
run stay where this one has none. semantic-router takes part where it is installed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.common import RESULTS, machine, show, write
from benchmarks.router import intents, speed, unseen
from benchmarks.router.figures import Figure
from mrkl.router import Router
from training.router.weigh import Remembering

PARTS = ("speed", "ece", "custom", "intents", "bfcl")
PHRASINGS = Path("training/data/phrasings")
COLUMNS = (
    "mrkl router",
    "mrkl router fitted",
    "TF-IDF + SVM",
    "BM25",
    "TF-IDF centroid",
    "semantic-router",
    "majority",
)
Table = dict[str, dict[str, Figure]]


def figures(options: argparse.Namespace, router: Router) -> Iterator[tuple[str, str, Figure]]:
    """Every figure asked for whose data is there."""
    shared: Path | None = options.shared
    if "ece" in options.only:
        yield from unseen.calibration(PHRASINGS, router)
    if shared is None:
        print("skipped: CLINC150, Banking77 and custom experts (name their folder with --shared)")
    else:
        if "custom" in options.only:
            yield from unseen.custom(shared, router)
        if "intents" in options.only:
            yield from intents.names_alone(shared, router, options.methods)
            for name in ("banking77", "clinc150"):
                yield from intents.measure(name, shared, router, options.methods)
    if "bfcl" in options.only:
        if options.bfcl is None:
            print("skipped: BFCL (name the wheel with --bfcl)")
        else:
            yield from unseen.bfcl(options.bfcl, router)


def markdown(table: Table) -> str:
    """The table as Markdown."""
    about = machine()
    lines = [f"Commit {about['commit']}, {about['at']}. Per cent, 95 % intervals in brackets.", ""]
    lines += ["| set | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows_of(table)]
    return "\n".join(lines) + "\n"


def rows_of(table: Table) -> list[list[str]]:
    """A row a setting, a cell a method."""
    return [
        [setting, *(str(found.get(column, "–")) for column in COLUMNS)]
        for setting, found in table.items()
    ]


def kept(options: argparse.Namespace) -> Table:
    """The figures of the last run."""
    raw = json.loads((options.out / "router.json").read_text())["figures"]
    return {s: {m: Figure(**found) for m, found in row.items()} for s, row in raw.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, help="folder of CLINC150, Banking77, custom experts")
    parser.add_argument("--bfcl", type=Path, help="the bfcl-eval wheel, or where it is unpacked")
    parser.add_argument("--weights", type=Path, help="another router's folder")
    parser.add_argument("--only", type=lambda text: text.split(","), default=PARTS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--methods", type=lambda text: text.split(","), default=COLUMNS)
    parser.add_argument("--keep", action="store_true", help="keep other figures of the last run")
    options = parser.parse_args()
    # the same examples come again and again: encoded once
    router, table = Remembering.load(options.weights), kept(options) if options.keep else Table()
    console = Console(highlight=False)
    for setting, method, found in figures(options, router):
        table.setdefault(setting, {})[method] = found
        console.print(f"{setting}: {method} {found}", markup=False)
    if set(options.only) - {"speed"}:
        show("Per cent, 95 % intervals", ("set", *COLUMNS), rows_of(table))
        as_json = {s: {m: f.as_json() for m, f in row.items()} for s, row in table.items()}
        write("router", {"figures": as_json}, options.out)
        (options.out / "router.md").write_text(markdown(table), encoding="utf-8")
    if "speed" in options.only:
        times = speed.measure(Router.load(options.weights), PHRASINGS)
        show("Routing, one thread", speed.COLUMNS, [(n, *t.values()) for n, t in times.items()])
        write("router_speed", {"route_ms": times}, options.out)


if __name__ == "__main__":
    main()
