"""Last measurement: experts of a user's own, beside all built-in ones, card alone or with examples.

In: the module that registers them (a list `EXPERTS` of dicts with `function` and `examples`) and
their questions (JSON lines with `question` and `expert`); out: the share routed right. Never used
to choose or tune anything.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrkl
from mrkl.experts.base import Expert
from mrkl.router import Router
from training.router.rows import json_lines


def experts_of(path: Path, examples: bool) -> list[Expert]:
    """The module's experts through `@mrkl.expert`, with or without their example questions."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("custom_experts", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} is no Python module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    out: list[Expert] = []
    for entry in module.EXPERTS:
        function = next(value for value in entry.values() if callable(value))
        shown = next((v for v in entry.values() if isinstance(v, (list, tuple))), ())
        made: Any = mrkl.expert(function)
        questions = tuple(e if isinstance(e, str) else next(iter_texts(e)) for e in shown)
        made.card = replace(made.card, examples=questions if examples else ())
        out.append(made)
    return out


def iter_texts(example: Any):
    """The question inside an example, however it is written."""
    values = example.values() if isinstance(example, dict) else example
    yield from (value for value in values if isinstance(value, str))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experts", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--weights", type=Path, default=None)
    options = parser.parse_args()
    router = Router.load(options.weights)
    rows = list(json_lines(options.questions))
    for examples in (False, True):
        offered = [*mrkl.builtin_experts(), *experts_of(options.experts, examples)]
        routed = [router.route(row["question"], offered) for row in rows]
        right = [r.expert == row["expert"] for r, row in zip(routed, rows, strict=True)]
        first = [r.candidates[0] == row["expert"] for r, row in zip(routed, rows, strict=True)]
        facts = {
            "examples": examples,
            "rows": len(rows),
            "routed right": round(sum(right) / len(rows), 3),
            "first among experts": round(sum(first) / len(rows), 3),
        }
        print(json.dumps(facts))


if __name__ == "__main__":
    main()
