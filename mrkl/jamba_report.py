"""What `mrkl jamba plan` and `inspect` say of a model: figures, and tables of them.

In: a configuration, a device, context and batch. Out: a dict that prints as JSON, or rich tables
on a console. The arithmetic is jamba_core's; nothing is measured and no weights are read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mrkl.jamba_core.depth_width import Budget, proposals, verdict
from mrkl.jamba_core.limits import (
    DEVICES,
    GIB,
    Device,
    decode_limit,
    fit,
    most_context,
    prefill_limit,
)
from mrkl.jamba_core.sizes import PRECISIONS, cache_bytes, sizes, state_bytes

if TYPE_CHECKING:
    from rich.console import Console

    from mrkl.jamba_core.config import JambaConfig

SUFFIXES = {"k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9, "t": 1e12}
BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
PLANNED = ("bfloat16", "experts_int8", "jamba_int8", "int8")


def amount(text: str) -> float:
    """`1.6B`, `24GB`, `24GiB`, `500M` as a number; raises ValueError."""
    plain = text.strip().lower()
    plain = plain.removesuffix("b") if plain[-2:-1] in ("k", "m", "g", "t", "i") else plain
    scale = BINARY.get(plain[-2:]) or SUFFIXES.get(plain[-1:])
    digits = plain if scale is None else plain[: -2 if plain[-2:] in BINARY else -1]
    try:
        value = float(digits) * (scale or 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e18:
        raise ValueError(f"{text!r} is no amount: write 1.6B, 500M, 24GB or 24GiB")
    return value


def device(name: str, count: int, bandwidth: str | None) -> Device:
    """So many of a known device, at another bandwidth where it is given; raises ValueError.

    `here` is this machine's memory at the speed of the processor that was measured.
    """
    if name not in DEVICES and name != "here":
        raise ValueError(f"device {name!r} is not one of {', '.join(DEVICES)}, here")
    found = (_this_machine() if name == "here" else DEVICES[name]).times(count)
    return replace(found, bandwidth=amount(bandwidth)) if bandwidth else found


def _this_machine() -> Device:
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        raise ValueError("this system does not tell its memory: use --device cpu") from None
    return replace(DEVICES["cpu"], name="here", memory=memory)


def plan(config: JambaConfig, on: Device, context: int, batch: int) -> dict[str, Any]:
    """All figures of a shape on a device."""
    found = sizes(config)
    judged = verdict(config.num_hidden_layers, config.hidden_size)
    rows: list[dict[str, Any]] = []
    for precision in PLANNED:
        laid = fit(config, precision, context, batch, on)
        rows.append(
            {
                "precision": precision,
                "weights": laid.weights,
                "fits": laid.fits,
                "left": laid.left,
                "most_context": min(most_context(config, precision, batch, on), 10**9),
                "decode": decode_limit(config, precision, context, batch, on),
            }
        )
    return {
        "shape": _shape(config),
        "parameters": {
            "total": found.total,
            "active": found.active,
            "experts": found.experts,
            "mixer": found.mixer,
            "mlp": found.mlp,
            "embedding": found.table + found.head,
            "small": found.small,
        },
        "cache_per_token": cache_bytes(config, 1, on.cache_width),
        "cache": cache_bytes(config, context, on.cache_width),
        "state": state_bytes(config, on.cache_width),
        "rule": {"layers": judged.rule, "ratio": judged.ratio, "verdict": judged.text},
        "device": {"name": on.name, "count": on.count, "context": context, "batch": batch},
        "precisions": rows,
        "prefill": prefill_limit(config, context, on),
    }


def offers(budget: Budget, on: Device, fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The plans of the shapes proposed for a budget; raises ValueError."""
    found = proposals(replace(budget, cache_width=on.cache_width), **fields)
    return [plan(config, on, budget.context, budget.batch) for config in found]


def _shape(config: JambaConfig) -> dict[str, Any]:
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads")
    more = ("intermediate_size", "num_experts", "num_experts_per_tok", "vocab_size")
    attending = sum(map(config.is_attention, range(config.num_hidden_layers)))
    fields = {name: getattr(config, name) for name in (*names, *more)}
    return fields | {"attention_layers": attending}


def show_plan(found: dict[str, Any], console: Console) -> None:
    """One plan as text and a table."""
    shape, weights, on = found["shape"], found["parameters"], found["device"]
    console.print(
        f"{shape['num_hidden_layers']} layers x {shape['hidden_size']}, of them "
        f"{shape['attention_layers']} attention; {shape['num_experts']} experts, "
        f"{shape['num_experts_per_tok']} a token; {_billions(weights['total'])} parameters, "
        f"{_billions(weights['active'])} active"
    )
    console.print(f"depth and width: {found['rule']['verdict']}")
    console.print("(the rule was found on attention networks; for hybrids it is a heuristic)")
    console.print(
        f"keys and values: {found['cache_per_token']:,} bytes a token, {_gib(found['cache'])} for "
        f"{on['context']:,} tokens; state: {found['state'] / 1e6:.2f} MB a text"
    )
    console.print(
        f"{on['count']} x {on['name']}, batch {on['batch']}; at best: prefill "
        f"{found['prefill']:,.0f} tokens/s"
    )
    head = ("precision", "weights", "fits", "left", "longest text", "decode at best")
    console.print(_table(head, [_row(row) for row in found["precisions"]]))


def _row(row: dict[str, Any]) -> list[str]:
    longest = f"{row['most_context']:,}" if row["most_context"] else "-"
    return [
        row["precision"],
        _gib(row["weights"]),
        "yes" if row["fits"] else "no",
        _gib(row["left"]),
        longest,
        f"{row['decode']:,.0f} tokens/s" if row["fits"] else "-",
    ]


def show_offers(found: Sequence[dict[str, Any]], precision: str, console: Console) -> None:
    """Proposals, one a row; the one by the rule is marked."""
    head = ("layers x width", "parameters", "active", f"{precision} weights", "decode", "rule")
    rows: list[list[str]] = []
    for each in found:
        shape, weights = each["shape"], each["parameters"]
        chosen = next(row for row in each["precisions"] if row["precision"] == precision)
        rows.append(
            [
                f"{shape['num_hidden_layers']} x {shape['hidden_size']}",
                _billions(weights["total"]),
                _billions(weights["active"]),
                _gib(chosen["weights"]),
                f"{chosen['decode']:,.0f} tokens/s" if chosen["fits"] else "does not fit",
                f"{each['rule']['ratio']:.2f} x {each['rule']['layers']:.1f} layers",
            ]
        )
    console.print(_table(head, rows))


def show_proof(console: Console) -> None:
    """Measure separation ranks and print both regimes."""
    from mrkl.jamba_core.separation import CASES, measure, regimes

    found = [measure(*case) for case in CASES]
    rows: list[list[str]] = []
    for each in found:
        expected = each.closed_form
        formula = "-" if expected is None else str(expected)
        mark = "saturated" if each.saturated else f"{each.seconds:.2f} s"
        rows.append(
            [*map(str, (each.depth, each.width, each.tokens, each.rank)), formula, mark],
        )
    head = ("depth", "width", "tokens a side", "rank", "C(d + c, d)", "")
    console.print(_table(head, rows))
    for line in regimes(found):
        console.print(line)
    console.print(
        "Exact, modulo the prime 2^31 - 1. This is the theorem's softmax-free network; "
        "it proves nothing about softmax networks or Jamba."
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def precision_of(name: str) -> str:
    """A precision the planner knows; raises ValueError."""
    if name not in PRECISIONS:
        raise ValueError(f"precision {name!r} is not one of {', '.join(PLANNED)}")
    return name


def _billions(count: float) -> str:
    return f"{count / 1e9:.3f}B" if count >= 1e9 else f"{count / 1e6:.1f}M"


def _gib(count: float) -> str:
    return f"{count / GIB:.2f} GiB"
