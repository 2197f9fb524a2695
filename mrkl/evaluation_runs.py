"""What `mrkl evaluate` does: run a suite with progress, with or without parts given away.

In: a suite's name, its file, an agent, switches. Out: a report, printed, written and plotted where
asked. The oracle switches use what a row tells: `modules` (experts to use) and `calls` (module and
arguments).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrkl import evaluate, show, suites
from mrkl.score import Row

if TYPE_CHECKING:
    from mrkl.agent import Agent
    from mrkl.answer import Answer
    from mrkl.evaluate import Outcome, Report

_PLOTS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Oracle:
    """Which parts of a plan are given away."""

    route: bool = False
    arguments: bool = False


def check_outputs(out: Path | None, plot: Path | None, endings: tuple[str, ...] = _PLOTS) -> None:
    """Find out before a long run whether its results can be written; raises SuiteError."""
    for path in (out, plot):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise suites.SuiteError(f"{path} cannot be written: is its folder there?")
    if plot is not None:
        if plot.suffix not in endings:
            raise suites.SuiteError(f"{plot}: a plot is a file ending in {', '.join(endings)}")
        evaluate.matplotlib()


def questions(agent: Agent, rows: Sequence[Row], name: str, oracle: Oracle, console: Any) -> Report:
    """Ask every row's question, with a progress bar on the console; raises SuiteError."""
    rows, ask = _given_away(agent, rows, oracle)
    with _progress(name, len(rows), console) as advance:
        return evaluate.run(agent, rows, name, advance, ask)


def intents(
    data: Path, limit: int | None, seed: int | None, examples: Path | None, console: Any
) -> Report:
    """Route labelled texts among all the file's labels; raises SuiteError."""
    from mrkl.router import Router

    rows = suites.load("clinc150", data, limit, seed)
    shots = suites.load("clinc150", examples) if examples else []
    labels = {str(row.extra["label"]) for row in [*suites.load("clinc150", data), *shots]}
    with _progress("clinc150", len(rows), console) as advance:
        return evaluate.run_intents(Router.load(), rows, labels, shots, advance)


def finish(found: Report, out: Path | None, plot: Path | None) -> None:
    """Print the figures on stdout, then write and plot what was asked for."""
    from rich.console import Console

    show.report(found, Console(highlight=False, soft_wrap=True))
    if out:
        found.write(out)
    if plot:
        evaluate.plot(found, plot)


def _given_away(
    agent: Agent, rows: Sequence[Row], oracle: Oracle
) -> tuple[Sequence[Row], Callable[[Row], Answer] | None]:
    """The rows that tell what the oracle gives away, and how to ask them."""
    if oracle.arguments:
        told = [row for row in rows if row.extra.get("calls")]
        if not told:
            raise suites.SuiteError("--oracle-args needs rows with calls; none here has any")
        return told, lambda row: agent.execute(row.question, row.extra["calls"])
    if oracle.route:
        if not any(row.modules for row in rows):
            raise suites.SuiteError("--oracle-route needs rows with modules; none here has any")
        return rows, lambda row: agent.ask(row.question, only=row.modules)
    return rows, None


@contextmanager
def _progress(name: str, total: int, console: Any) -> Generator[Callable[[Outcome], None]]:
    """A progress bar on the console while the block runs; gives what advances it."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(name, total=total)
        right = 0

        def advance(outcome: Outcome) -> None:
            nonlocal right
            right += outcome.verdict == "right"
            progress.update(task, advance=1, description=f"{name}: {right} right")

        yield advance
