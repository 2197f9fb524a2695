"""What `mrkl evaluate` does: run a suite with progress, with or without parts given away.

In: rows, an agent, switches. Out: a report, printed, written and plotted where asked. The oracle
switches use what a row tells: `modules` (experts to use) and `calls` (module and arguments).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrkl import evaluate, show, suites
from mrkl.score import Row

if TYPE_CHECKING:
    from mrkl.agent import Agent
    from mrkl.evaluate import IntentReport, Outcome, Report


@dataclass(frozen=True)
class Oracle:
    """Which parts of a plan are given away."""

    route: bool = False
    arguments: bool = False


def questions(agent: Agent, rows: Sequence[Row], name: str, oracle: Oracle, console: Any) -> Report:
    """Ask every row's question, with a progress bar on the console."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    if oracle.arguments:
        rows = [row for row in rows if row.extra.get("calls")]
        if not rows:
            raise suites.SuiteError("--oracle-args needs rows with calls; this file has none")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(name, total=len(rows))
        right = 0

        def advance(outcome: Outcome) -> None:
            nonlocal right
            right += outcome.verdict == "right"
            progress.update(task, advance=1, description=f"{name}: {right} right")

        if oracle.route or oracle.arguments:
            return _with_oracle(agent, rows, name, oracle, advance)
        return evaluate.run(agent, rows, name, advance)


def _with_oracle(
    agent: Agent, rows: Sequence[Row], name: str, oracle: Oracle, advance: Any
) -> Report:
    import time

    report = evaluate.Report(name)
    for row in rows:
        began = time.perf_counter()
        if oracle.arguments:
            answer = agent.execute(row.question, row.extra["calls"])
        else:
            answer = agent.ask(row.question, only=row.modules)
        outcome = evaluate.outcome_of(row, answer, time.perf_counter() - began)
        report.outcomes.append(outcome)
        advance(outcome)
    return report


def intents(rows: Sequence[Row], examples: Path | None) -> IntentReport:
    """Route labelled texts; raises SuiteError when rows have no labels."""
    from mrkl.router import Router

    if not all(isinstance(row.extra.get("label"), str) for row in rows):
        raise suites.SuiteError('clinc150 needs rows with a "label"')
    shots = suites.read_lines(examples) if examples else []
    return evaluate.run_intents(Router.load(), rows, shots)


def finish(found: Report | IntentReport, out: Path | None, plot: Path | None) -> None:
    """Print the figures on stdout, then write and plot what was asked for."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if isinstance(found, evaluate.IntentReport):
        show.intents(found, console)
        if out:
            out.write_text(json.dumps(found.summary(), indent=1) + "\n")
        return
    show.report(found, console)
    if out:
        found.write(out)
    if plot:
        evaluate.plot(found, plot)
