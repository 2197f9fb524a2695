"""Our router beside majority, TF-IDF + linear SVM, TF-IDF centroids and BM25, in one run.

    python -m benchmarks.router --shared DATA [--bfcl WHEEL] [--only intents,custom,bfcl,ece,speed]

DATA is the folder of the public sets; without it they are skipped. WHEEL is the package bfcl-eval
(`pip download --no-deps bfcl-eval`), for evaluation only. Prints a table; writes
benchmarks/results/router.json, router.md and router_speed.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.common import RESULTS, machine, show, write
from benchmarks.router import intents, speed, unseen
from benchmarks.router.figures import Figure
from mrkl.router import Router

PARTS = ("speed", "ece", "custom", "intents", "bfcl")
PHRASINGS = Path("training/data/phrasings")
COLUMNS = ("mrkl router", "TF-IDF + SVM", "BM25", "TF-IDF centroid", "majority")
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
            yield from intents.names_alone(shared, router)
            for name in ("banking77", "clinc150"):
                yield from intents.measure(name, shared, router)
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shared", type=Path, help="folder of CLINC150, Banking77, custom experts")
    parser.add_argument("--bfcl", type=Path, help="the bfcl-eval wheel, or where it is unpacked")
    parser.add_argument("--weights", type=Path, help="another router's folder")
    parser.add_argument("--only", type=lambda text: text.split(","), default=PARTS)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    router, table, console = Router.load(options.weights), Table(), Console(highlight=False)
    for setting, method, found in figures(options, router):
        table.setdefault(setting, {})[method] = found
        console.print(f"{setting}: {method} {found}", markup=False)
    if table:
        show("Per cent, 95 % intervals", ("set", *COLUMNS), rows_of(table))
        as_json = {s: {m: f.as_json() for m, f in row.items()} for s, row in table.items()}
        write("router", {"figures": as_json}, options.out)
        (options.out / "router.md").write_text(markdown(table), encoding="utf-8")
    if "speed" in options.only:
        times = speed.measure(router, PHRASINGS)
        show("Routing, one thread", speed.COLUMNS, [(n, *t.values()) for n, t in times.items()])
        write("router_speed", {"route_ms": times}, options.out)


if __name__ == "__main__":
    main()
