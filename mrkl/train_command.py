"""The command `mrkl train`. A thin skin, as cli.py is.

In: options. Out: progress on stderr, the figures on stdout, a folder for --model.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mrkl import cli

if TYPE_CHECKING:
    from mrkl.fine_tuning import Listener, Report


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(train)


def train(
    questions: Annotated[
        Path, typer.Option(help="JSON lines: question, expert, arguments; or question, steps.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write the new core to.")] = Path("my-core"),
    rounds: Annotated[int, typer.Option(min=1, help="At most so often over all questions.")] = 8,
    minutes: Annotated[float, typer.Option(min=0.01, help="Learn at most so long.")] = 10.0,
    rank: Annotated[int, typer.Option(min=1, max=64, help="Rank of the adapters (LoRA).")] = 8,
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 2e-3,
    seed: Annotated[int, typer.Option(help="Of the shuffling and the adapters.")] = 1,
    check: Annotated[
        int, typer.Option(min=0, max=50, help="So many built-in questions before and after.")
    ] = 50,
    model: Annotated[
        str | None, typer.Option(help="The core to start from, a folder. Default: built in.")
    ] = None,
    database: cli.Database = None,
    expert: cli.Extra = None,
) -> None:
    """Teach the core your own experts' questions; Ctrl-C stops early and keeps the best."""
    cli.one_thread()  # first of all: the next lines load torch
    from mrkl.fine_tuning import Settings, TrainingError, split
    from mrkl.fine_tuning import train as run
    from mrkl.jamba_core import CheckpointError, ConfigError, Tokenizer
    from mrkl.language import ModelError
    from mrkl.lessons import LessonError, read
    from mrkl.router import Router

    experts = cli.load_experts(expert, database)
    try:
        if out.exists() and (not out.is_dir() or not _ours(out)):
            cli.fail(f"{out} is there already: choose another folder")
        tokenizer = Tokenizer.from_file(_folder(model))
        lessons = read(questions, {item.name: item for item in experts}, tokenizer)
        split(lessons)  # too few: said before anything is drawn
        settings = Settings(rounds, minutes, rank, rate, seed, check)
        with _progress() as listener:
            found = run(lessons, experts, Router.load(), out, settings, model, listener)
    except (LessonError, TrainingError, ModelError, ConfigError, CheckpointError, OSError) as error:
        cli.fail(str(error))
    _show(found, out)


def _ours(folder: Path) -> bool:
    """Whether a folder is empty or was written by this command."""
    return (folder / "training.json").is_file() or not any(folder.iterdir())


def _folder(model: str | None) -> Path:
    from mrkl.core_files import shipped_folder

    return Path(model) if model else shipped_folder()


@contextmanager
def _progress() -> Generator[Listener]:
    """A bar for each part of the run."""
    from rich.progress import Progress, TaskID

    from mrkl.fine_tuning import Listener

    with Progress(console=cli.stderr(), transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(part: str, done: int, whole: int) -> None:
            name = part.partition(" (")[0]
            if name not in tasks:
                tasks[name] = bars.add_task(part)
            bars.update(tasks[name], description=part, completed=done, total=whole)

        yield Listener(advance)


def _show(found: Report, out: Path) -> None:
    """Before and after as a table, and how to use the folder."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("questions", "right", "n", "before", "after"):
        table.add_column(heading)
    for name, what, n, sides in found.rows():
        shown = [f"{hit} ({low:.0%}–{high:.0%})" for hit, low, high in sides]
        label = {"expert": "first expert", "exact": "every call"}[what]
        table.add_row(name, label, str(n), *shown)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    s = "" if len(found.rounds) == 1 else "s"
    learned = f"learned from {found.learned} of {found.lessons} questions"
    console.print(f"{learned} in {len(found.rounds)} round{s}; in brackets 95 % Wilson intervals")
    console.print(f"mrkl ask --model {out} …", markup=False)
