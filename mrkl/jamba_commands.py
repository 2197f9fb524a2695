"""The commands on the engine itself: plan, inspect, generate, bench, quantize. A thin skin.

In: options. Out: text and tables on stdout, reasons on stderr, and the exit code.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mrkl import cli

if TYPE_CHECKING:
    from rich.console import Console

    from mrkl.jamba_core.config import JambaConfig

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app, as `mrkl jamba …`."""
    jamba = typer.Typer(help="The Jamba engine: plan, inspect, run.", no_args_is_help=True)
    for command in (plan,):
        jamba.command()(command)
    app.add_typer(jamba, name="jamba")


def _stdout() -> Console:
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.width = max(console.width, 100)  # piped, it would be 80
    return console


def config_of(model: str) -> JambaConfig:
    """The configuration of a folder, or of a public shape by its name."""
    from mrkl.jamba_core.config import ConfigError, JambaConfig
    from mrkl.jamba_core.shapes import SHAPES, shape

    if model in SHAPES:
        return shape(model)
    try:
        return JambaConfig.from_file(model)
    except ConfigError as error:
        cli.fail(f"{error}; the shapes known by name are {', '.join(SHAPES)}")


def plan(
    model: Annotated[
        str | None, typer.Argument(help="A checkpoint's folder, or mini, large, 3b, mid.")
    ] = None,
    parameters: Annotated[str | None, typer.Option(help="Budget of weights, as 1.6B.")] = None,
    active: Annotated[str | None, typer.Option(help="Budget of active weights.")] = None,
    memory: Annotated[str | None, typer.Option(help="Budget of bytes, as 24GB.")] = None,
    precision: Annotated[str, typer.Option(help="Of the weights, for --memory.")] = "int8",
    context: Annotated[int, typer.Option(min=1, help="Tokens of a text.")] = 4096,
    batch: Annotated[int, typer.Option(min=1, help="Texts at once.")] = 1,
    device: Annotated[str, typer.Option(help="h200, h100 or cpu.")] = "h200",
    devices: Annotated[int, typer.Option(min=1, help="So many of them.")] = 1,
    bandwidth: Annotated[str | None, typer.Option(help="Bytes/s of a device.")] = None,
    experts: Annotated[int, typer.Option(min=1, help="For a budget; 1: no experts.")] = 16,
    vocabulary: Annotated[int, typer.Option(min=1, help="For a budget.")] = 65536,
    prove: Annotated[bool, typer.Option("--prove", help="Measure separation ranks.")] = False,
    as_json: AsJson = False,
) -> None:
    """What a shape costs and allows on a device; shapes for a budget; the rule's proof."""
    from mrkl import jamba_report as report
    from mrkl.jamba_core.config import ConfigError
    from mrkl.jamba_core.depth_width import Budget

    if prove:
        report.show_proof(_stdout())
        return
    given = [value for value in (model, parameters, active, memory) if value is not None]
    if len(given) != 1:
        cli.fail("give a model, or one of --parameters, --active and --memory")
    try:
        on = report.device(device, devices, bandwidth)
        if model is not None:
            found: Any = report.plan(config_of(model), on, context, batch)
        else:
            total, met, held = (
                report.amount(v) if v else None for v in (parameters, active, memory)
            )
            budget = Budget(total, met, held, report.precision_of(precision), context, batch)
            fields = {"num_experts": experts, "vocab_size": vocabulary}
            fields["num_experts_per_tok"] = min(2, experts)
            found = report.offers(budget, on, fields)
    except (ConfigError, ValueError) as error:
        cli.fail(str(error))
    if as_json:
        typer.echo(json.dumps(found))
    elif model is not None:
        report.show_plan(found, _stdout())
    else:
        report.show_offers(found, precision, _stdout())
