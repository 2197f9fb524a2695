"""The commands on experts: list, show, test, new. A thin skin, as cli.py is.

In: options. Out: tables, cards and results on stdout, what failed on stderr, and the exit code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mrkl import cli

if TYPE_CHECKING:
    from mrkl.experts.base import Expert


def register(app: typer.Typer) -> None:
    """Add the commands to the app, as `mrkl experts …`."""
    experts = typer.Typer(help="The experts on offer.", no_args_is_help=True)
    commands = {
        "list": experts_list,
        "show": experts_show,
        "test": experts_test,
        "new": experts_new,
    }
    for name, command in commands.items():
        experts.command(name)(command)
    app.add_typer(experts, name="experts")


def experts_list(database: cli.Database = None, expert: cli.Extra = None) -> None:
    """All experts on offer."""
    from rich.console import Console

    from mrkl import show

    show.experts(cli.load_experts(expert, database), Console(highlight=False))


def _find(name: str, expert: list[str] | None, database: list[str] | None) -> Expert:
    found = cli.load_experts(expert, database)
    chosen = next((item for item in found if item.name == name), None)
    if chosen is None:
        cli.fail(f"no expert {name!r}; there are {', '.join(item.name for item in found)}")
    return chosen


def experts_show(name: str, database: cli.Database = None, expert: cli.Extra = None) -> None:
    """One expert's card."""
    from rich.console import Console

    from mrkl import show

    show.card(_find(name, expert, database), Console(highlight=False))


def _usage(expert: Expert) -> str:
    needed = [f"{p.name}=…" for p in expert.card.parameters if p.required]
    return " ".join(["mrkl experts test", expert.name, *needed])


def experts_test(
    name: str,
    arguments: Annotated[list[str] | None, typer.Argument(help="name=value …")] = None,
    database: cli.Database = None,
    expert: cli.Extra = None,
    world: cli.WorldFile = None,
) -> None:
    """Call one expert with arguments given here, or with its own examples."""
    import time

    from mrkl.experts.base import Context, Failure
    from mrkl.experts.run import call

    chosen = _find(name, expert, database)
    fixed = cli.read_world(world)
    wrong = next((item for item in arguments or [] if "=" not in item), None)
    if wrong is not None:
        cli.fail(f"{wrong!r} is not name=value")
    cases = [dict(item.split("=", 1) for item in arguments)] if arguments else []
    cases = cases or [given for _, given in chosen.calls]
    if not cases:
        cli.fail(f"{name} has no examples with arguments; give some: {_usage(chosen)}")
    failed = False
    for case in cases:
        outcome = call(chosen, case, Context(fixed, time.monotonic() + chosen.timeout))
        shown = ", ".join(f"{key}={value!r}" for key, value in case.items())
        if isinstance(outcome, Failure):
            failed = True
            cli.say(f"{name}({shown}) failed ({outcome.kind}): {outcome.message}", err=True)
        else:
            cli.say(f"{name}({shown}) = {outcome}")
    if failed:
        raise typer.Exit(5)


def experts_new(
    name: Annotated[str, typer.Argument(help="Its name, such as tip_split.")],
    folder: Annotated[Path, typer.Option(help="Where to write name.py.")] = Path("."),
) -> None:
    """Write a file with a new expert to fill in."""
    from mrkl.new_expert import write_expert

    try:
        typer.echo(str(write_expert(name, folder)))
    except ValueError as error:
        cli.fail(str(error))
