"""What the command line prints: an answer's explanation, routings, tables of experts.

In: Answers, Routings, experts, a rich Console. Out: text on that console, never on stdout unless
the console writes there. It decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter

    from rich.console import Console

    from mrkl.answer import Answer, StepRecord
    from mrkl.breaker import Breakers
    from mrkl.evaluate import Report
    from mrkl.experts.base import Expert
    from mrkl.router_report import RouterReport


# Text from outside must not move the cursor, retitle the window or turn letters round.
_CONTROLS = {
    code: "\ufffd"
    for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
}


def printable(text: str) -> str:
    """The text as it may go to a terminal: without control characters but ends of lines, tabs."""
    return text.translate(_CONTROLS)


def why(answer: Answer, console: Console) -> None:
    """The steps, each with its call, result and source, and where the answer's numbers are from."""
    from rich.text import Text

    from mrkl.experts.base import CUT

    for step in answer.steps:
        console.print(Text.assemble((f"#{step.id} ", "bold"), printable(step.subquery)))
        console.print(Text(printable(f"   {_call(step)}"), style="cyan"))
        console.print(Text(printable(f"   {_outcome(step)}")))
    if not answer.steps:
        said = "no expert was asked; the language core answered alone"
        console.print(Text(said if answer.status == "answered" else "no expert was asked"))
    for span in answer.spans:
        origin = "the question" if span.step is None else f"step #{span.step}"
        console.print(Text(printable(f"“{span.text}” is from {origin}"), style="dim"))
    used = answer.used
    spent = f"{used.calls} calls, {used.tokens} tokens, {used.seconds:.2g} s"
    if used.memory >= 1 << 20:
        spent += f", {used.memory >> 20:,} MB"
    part = CUT if answer.truncated else ""
    ended = f"{answer.status}{part}, confidence {answer.confidence:.2f}; used: {spent}"
    console.print(Text(ended, style="dim"))


def _call(step: StepRecord) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in step.arguments.items())
    sure = "" if step.probability is None else f"   (routed {step.probability:.0%})"
    return f"{step.expert}({shown}){sure}"


def _outcome(step: StepRecord) -> str:
    if step.error is not None:
        return f"failed ({step.error.kind}): {step.error.message}"
    if step.result is None:
        return "not run"
    source = f"   [{step.result.source}]" if step.result.source else ""
    return f"= {step.result}{source}   {step.seconds * 1000:.0f} ms"


def routing(found: Any, console: Console) -> None:
    """Probabilities of the experts for one text, most probable first."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("expert")
    table.add_column("probability", justify="right")
    ranked = sorted(found.probabilities.items(), key=lambda pair: -pair[1])
    for name, share in ranked[:8]:
        table.add_row(name, f"{share:.3f}")
    console.print(table)


def why_routed(
    router: Any,
    text: str,
    experts: Sequence[Expert],
    found: Any,
    breakers: Breakers,
    console: Console,
) -> None:
    """Words, example and breaker behind the best expert of a routing."""
    from rich.text import Text

    from mrkl.router import why as explained

    if not found.candidates:
        return
    reason = explained(router, text, experts, found.candidates[0])
    words = ", ".join(f"{word} ({fall:.1f})" for word, fall in reason.words[:5])
    console.print(Text(f"{reason.expert} for: {words or 'no word in particular'}"))
    if reason.example is not None:
        console.print(Text(f"nearest example: “{reason.example[0]}” ({reason.example[1]:.2f})"))
    parts = sorted(reason.parts.items(), key=lambda pair: -pair[1])
    told = ", ".join(f"{name} {worth:.1f}" for name, worth in parts if abs(worth) >= 0.05)
    console.print(Text(f"score: {told}", style="dim"))
    for name in found.candidates[:3]:
        console.print(Text(f"breaker of {name}: {breakers[name].state}", style="dim"))


def router_report(found: RouterReport, console: Console) -> None:
    """The figures of a router's report, and the experts that were confused."""
    for name, value in found.summary().items():
        console.print(f"{name.replace('_', ' ')}: {'–' if value is None else value}")
    _confused(found.confusion(), console)


def experts(found: Sequence[Expert], console: Console) -> None:
    """One line an expert: name, parameters, effects, description."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("expert", "arguments", "effects", "what it does"):
        table.add_column(heading, overflow="fold")
    for expert in found:
        names = ", ".join(p.name if p.required else f"[{p.name}]" for p in expert.card.parameters)
        first = expert.card.description.split(". ")[0].split("\n")[0]
        table.add_row(Text(expert.name, "bold"), Text(names), expert.effects, Text(first))
    console.print(table)


def card(expert: Expert, console: Console) -> None:
    """The whole card of one expert."""
    from rich.text import Text

    console.print(Text(expert.card.line()))
    isolated = "in a process of its own" if expert.isolate else "in this process"
    console.print(
        Text(f"effects: {expert.effects}; deadline {expert.timeout:g} s; runs {isolated}", "dim")
    )
    for example in expert.card.examples:
        console.print(Text(f"  e.g. {example}", "dim"))


def report(found: Report, console: Console) -> None:
    """The figures of an evaluation: a line in all, a table by kind, the experts confused."""
    from rich.table import Table

    figures = found.summary()
    low, high = figures["wilson95"]
    console.print(
        f"{figures['suite']}: {figures['right']} of {figures['n']} right = "
        f"{figures['accuracy']:.1%} (95 % Wilson {low:.1%} to {high:.1%}); "
        f"wrong but sure {figures['wrong_but_sure']}, abstained {figures['abstained']}, "
        f"failed {figures['failed']}; p50 {figures['p50_seconds'] * 1000:.0f} ms, "
        f"p95 {figures['p95_seconds'] * 1000:.0f} ms"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("kind")
    for what in ("right", "wrong", "abstained", "failed", "n"):
        table.add_column(what, justify="right")
    for kind, counts in found.by_kind().items():
        shown = [counts[what] for what in ("right", "wrong", "abstained", "failed")]
        table.add_row(kind, *map(str, shown), str(sum(shown)))
    console.print(table)
    _confused(found.confusion(), console)
    for name, figure in found.more.items():
        console.print(f"{name.replace('_', ' ')}: {figure}")


def _confused(counts: Counter[tuple[str, str]], console: Console) -> None:
    missed = [(pair, n) for pair, n in counts.most_common() if pair[0] != pair[1]]
    if missed:
        shown_pairs = ", ".join(f"{a} → {b} {n}" for (a, b), n in missed[:8])
        console.print(f"expected → called first: {shown_pairs}", markup=False)
