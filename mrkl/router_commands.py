"""The commands on the router: fit, report, calibrate. A thin skin, as cli.py is.

In: options and a file of labelled texts. Out: figures on stdout, reasons on stderr, the exit code.
What is fitted is stored in the user's state folder, never in the package.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from mrkl import cli

if TYPE_CHECKING:
    from mrkl.experts.base import Expert
    from mrkl.language import RouterLike
    from mrkl.router import Router
    from mrkl.router_report import Labelled

TUNED = "tuning.safetensors"  # as mrkl.router.tuning writes it; known here so that nothing loads
Examples = Annotated[
    Path | None,
    typer.Option(help='JSON lines: {"question": "…", "expert": "…"}; expert null: nobody\'s.'),
]
Undo = Annotated[bool, typer.Option("--undo", help="Go back to the router as it ships.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app, as `mrkl router …`."""
    router = typer.Typer(help="Fit, measure and calibrate the router.", no_args_is_help=True)
    for command in (fit, report, calibrate):
        router.command()(command)
    app.add_typer(router, name="router")


def place() -> Path | None:
    """Where a user's tuning is kept: XDG_STATE_HOME, else ~/.local/state; None without a home."""
    state = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(state) if state else Path.home() / ".local" / "state") / "mrkl" / "router"
    except RuntimeError:
        return None


def folder() -> Path:
    """The same; one line and code 2 without a home."""
    found = place()
    if found is None:
        cli.fail("there is no home folder: set XDG_STATE_HOME to where the tuning may be kept")
    return found


def load(tuning: bool = True) -> Router:
    """The router with the user's tuning; one that cannot be used ends with one line and code 2."""
    from mrkl.router import Router, TuningError

    try:
        return Router.load(tuning=place() if tuning else None)
    except TuningError as error:
        cli.fail(str(error))


def tuned() -> RouterLike | None:
    """The router with the user's tuning, None where nothing was fitted."""
    found = place()
    there = found is not None and (found / TUNED).exists()
    return cast("RouterLike", load()) if there else None


def _rows(examples: Path | None, experts: list[Expert]) -> list[Labelled]:
    from mrkl import router_report, suites

    if examples is None:
        cli.fail("which examples? mrkl router … --examples FILE")
    try:
        rows = router_report.read(examples)
    except suites.SuiteError as error:
        cli.fail(str(error))
    missing = router_report.unknown(experts, rows)
    if missing:
        cli.fail(f"no expert {missing!r} is on offer: add it with --expert")
    return rows


def fit(
    examples: Examples = None,
    undo: Undo = False,
    database: cli.Database = None,
    expert: cli.Extra = None,
) -> None:
    """Learn from 2 to 100 examples an expert, in seconds; --undo forgets it again."""
    from mrkl.router import TuningError
    from mrkl.router import fit as fitted

    if undo:
        typer.echo("forgotten; the router is as it ships" if _forget() else "nothing was fitted")
        return
    experts = cli.load_experts(expert, database)
    rows = _rows(examples, experts)
    router = load(tuning=False)
    try:
        texts, owners = zip(*rows, strict=True)
        router.use(fitted(router, texts, owners, experts))
        router.save(folder(), experts)
    except TuningError as error:
        cli.fail(str(error))
    except OSError as error:
        cli.fail(f"{folder()} cannot be written: {error.strerror}")
    head = router.tuning.head
    count = len(head.names) if head else 0
    typer.echo(f"fitted {count} experts to {len(rows)} examples and those of their cards")


def _forget() -> bool:
    """Remove the tuning; whether there was one."""
    from mrkl.router import undo

    try:
        return undo(folder())
    except OSError as error:
        cli.fail(f"{folder()} cannot be changed: {error.strerror}")


def report(
    examples: Examples = None,
    out: Annotated[Path | None, typer.Option(help="Write figures and curve as JSON.")] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Plot risk over coverage: PNG, SVG, PDF or HTML.")
    ] = None,
    database: cli.Database = None,
    expert: cli.Extra = None,
) -> None:
    """Accuracy, confusion, calibration, *none* and risk-coverage on labelled texts."""
    from rich.console import Console

    from mrkl import evaluation_runs, router_report, show, suites

    experts = cli.load_experts(expert, database)
    rows = _rows(examples, experts)
    try:
        evaluation_runs.check_outputs(out, plot, router_report.PLOTS)
        found = router_report.measure(load(), experts, rows)
        if out:
            found.write(out)
        if plot:
            router_report.plot(found, plot)
    except (suites.SuiteError, RuntimeError, OSError) as error:
        cli.fail(str(error))
    show.router_report(found, Console(highlight=False, soft_wrap=True))


def calibrate(
    examples: Examples = None,
    target_risk: Annotated[
        float, typer.Option(min=0.001, max=0.5, help="Share of named experts that may be wrong.")
    ] = 0.02,
    database: cli.Database = None,
    expert: cli.Extra = None,
) -> None:
    """Choose temperature and least probability on labelled texts the router was not fitted to."""
    from mrkl.router import calibrate as calibrated

    experts = cli.load_experts(expert, database)
    rows = _rows(examples, experts)
    router = load()
    try:
        texts, owners = zip(*rows, strict=True)
        tuning, coverage = calibrated(router, texts, owners, experts, target_risk)
        router.use(tuning)
        router.save(folder(), experts)
    except OSError as error:
        cli.fail(f"{folder()} cannot be written: {error.strerror}")
    chosen = {
        "temperature": round(router.tuning.temperature, 4),
        "least_probability": round(router.tuning.least, 4),
        "named": round(coverage, 4),
        "examples": len(rows),
    }
    typer.echo(json.dumps(chosen))
    if not coverage:
        typer.echo("no probability keeps the risk so low: no expert will be named", err=True)
