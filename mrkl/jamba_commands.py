"""The commands on the engine itself: plan, inspect, generate, bench, quantize. A thin skin.

In: options. Out: text and tables on stdout, reasons on stderr, and the exit code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mrkl import cli

if TYPE_CHECKING:
    from rich.console import Console

    from mrkl.jamba_core.config import JambaConfig

Mode = Annotated[
    str | None, typer.Option("--quantization", help="experts_int8, jamba_int8 or int8.")
]
Checkpoint = Annotated[str, typer.Argument(help="A checkpoint's folder, or owner/name of the hub.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app, as `mrkl jamba …`."""
    jamba = typer.Typer(help="The Jamba engine: plan, inspect, run.", no_args_is_help=True)
    for command in (plan, inspect, generate, bench, quantize, gguf):
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
    device: Annotated[
        str, typer.Option(help="h200, h100, cpu (24 GiB, two cores) or here.")
    ] = "h200",
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


def inspect(
    folder: Checkpoint,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Read all weights, look for NaN.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What a checkpoint holds, and what is wrong with it; code 1 if something is."""
    from mrkl import jamba_engine as engine
    from mrkl.jamba_core.hub import checkpoint_folder
    from mrkl.jamba_core.inspection import inspect as inspected

    try:
        found = engine.findings(inspected(checkpoint_folder(folder), numbers))
    except ValueError as error:
        cli.fail(str(error))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found["types"].items()))
        stored = found["quantization"] or "not quantised"
        typer.echo(f"{len(found['files'])} files, {found['bytes'] / 1e6:,.1f} MB: {kinds}")
        typer.echo(f"experts {found['experts']}, {stored}")
        for fault in found["faults"][: engine.SHOWN_FAULTS]:
            typer.echo(fault, err=True)
        typer.echo(f"{len(found['faults'])} faults" if found["faults"] else "whole")
    if found["faults"]:
        raise typer.Exit(1)


def generate(
    model: Checkpoint,
    prompt: Annotated[list[str], typer.Argument(help="The text to go on from.")],
    tokens: Annotated[int, typer.Option(min=1, help="At most so many.")] = 256,
    temperature: Annotated[float, typer.Option(help="0: always the likeliest.")] = 0.0,
    top_p: Annotated[float, typer.Option(help="Keep the likeliest of this weight.")] = 1.0,
    min_p: Annotated[float, typer.Option(help="Keep this share of the likeliest.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Makes it repeatable.")] = None,
    stop: Annotated[list[str] | None, typer.Option(help="Ends the text. Repeatable.")] = None,
    grammar: Annotated[Path | None, typer.Option(help="A Lark file to obey.")] = None,
    json_schema: Annotated[Path | None, typer.Option(help="A JSON schema to obey.")] = None,
    chat: Annotated[bool, typer.Option("--chat", help="As a conversation.")] = False,
    system: Annotated[str, typer.Option(help="The system prompt of --chat.")] = "",
    quantization: Mode = None,
    lookup: Annotated[int, typer.Option(min=0, help="Guess so many tokens ahead.")] = 0,
    logprobs: Annotated[bool, typer.Option("--logprobs", help="One JSON object a token.")] = False,
    seconds: Annotated[float, typer.Option(help="Time for the text.")] = 600.0,
    load_state: Annotated[Path | None, typer.Option(help="Go on from a saved state.")] = None,
    save_state: Annotated[Path | None, typer.Option(help="Save the state at the end.")] = None,
) -> None:
    """Go on with a text, as it is written to stdout."""
    import time

    from mrkl import jamba_engine as engine
    from mrkl.jamba_core.sampling import Sampling

    try:
        engine.check_text(model)
        sampling = Sampling(temperature, top_p, min_p, seed)
        rules = engine.grammar_of(json_schema, grammar)
        loaded = engine.load(model, quantization)
        session = engine.begin(loaded, " ".join(prompt), system if chat else None, load_state)
        deadline, top = time.monotonic() + seconds, 3 if logprobs else 0
        for token in session.decode(
            *(tokens, rules, sampling, None, stop or (), deadline),
            lookup=lookup,
            top_logprobs=top,
        ):
            typer.echo(engine.told(token) if logprobs else token.text, nl=logprobs)
        if save_state:
            session.save(save_state)
    except (OSError, ValueError) as error:
        cli.fail(str(error))
    if not logprobs:
        typer.echo()
    if session.finish == "deadline":
        cli.fail(f"{seconds:g} seconds were not enough", 6)


def bench(
    model: Annotated[str, typer.Argument(help="A folder, or mini, 3b, mid, small (random).")],
    quantization: Mode = None,
    prompt: Annotated[int, typer.Option(min=1, help="Tokens read.")] = 256,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens written.")] = 32,
    batch: Annotated[int, typer.Option(min=1, help="Texts written side by side.")] = 4,
    as_json: AsJson = False,
) -> None:
    """How many tokens a second are read and written here."""
    from mrkl import jamba_engine as engine

    try:
        found = engine.bench(model, quantization, prompt, tokens, batch)
    except (OSError, ValueError) as error:
        cli.fail(str(error))
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(f"loaded in {found['load_seconds']} s, {found['bytes'] / 1e6:,.1f} MB of weights")
    typer.echo(f"reading {found['prompt_per_second']:,.1f} tokens/s")
    typer.echo(f"writing {found['written_per_second']:,.1f} tokens/s")
    typer.echo(f"writing {batch} texts {found['batch_per_second']:,.1f} tokens/s together")


def quantize(
    model: Checkpoint,
    out: Annotated[Path, typer.Argument(help="The new folder.")],
    mode: Annotated[str, typer.Option(help="experts_int8, jamba_int8 or int8.")] = "int8",
) -> None:
    """Write a checkpoint's int8 version into a new folder."""
    from mrkl import jamba_engine as engine

    try:
        found = engine.quantize(model, out, mode)
    except (OSError, ValueError) as error:
        cli.fail(str(error))
    before, after = (found[name] / 1e6 for name in ("before", "after"))
    typer.echo(f"{mode}: {before:,.1f} MB became {after:,.1f} MB in {found['seconds']} s")


def gguf(
    model: Checkpoint,
    out: Annotated[Path, typer.Argument(help="The new file.")],
    kind: Annotated[str, typer.Option("--type", help="float32 or q8_0.")] = "q8_0",
) -> None:
    """Write a checkpoint as a GGUF file without vocabulary, to compare with llama.cpp."""
    from mrkl import jamba_engine as engine
    from mrkl.jamba_core.gguf_file import export_gguf

    try:
        export_gguf(engine.load(model, None), out, kind)
    except (OSError, ValueError) as error:
        cli.fail(str(error))
    typer.echo(f"{out}: {out.stat().st_size / 1e6:,.1f} MB")
