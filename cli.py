"""The command `mrkl`: ask, chat, route, experts, evaluate, doctor.

A thin skin on the Python API: it reads arguments, prints, and chooses the exit code. Answers go
to stdout, all else to stderr. Exit codes: 0 answered, 2 usage, 3 abstained, 4 refused, 5 an expert
failed, 6 budget or deadline, 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from mrkl.agent import Agent
    from mrkl.answer import Answer
    from mrkl.experts.base import Expert

app = typer.Typer(
    help="Ask in plain English; experts that know give every number.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
experts_app = typer.Typer(help="The experts on offer.", no_args_is_help=True)
app.add_typer(experts_app, name="experts")

Model = Annotated[
    str | None, typer.Option(help="A Jamba checkpoint's folder, or openai:URL. Default: built in.")
]
Database = Annotated[
    list[str] | None, typer.Option("--db", help="Database to ask, an SQLAlchemy URL. Repeatable.")
]
Extra = Annotated[
    list[str] | None, typer.Option("--expert", help="module:name or file.py:name. Repeatable.")
]
WorldFile = Annotated[
    Path | None, typer.Option("--world", help="JSON fixing clock, rates, weather.")
]
Seconds = Annotated[float, typer.Option(help="Time for one question.")]


def fail(message: str, code: int = 2) -> NoReturn:
    """One line on stderr, then the exit code."""
    typer.echo(f"mrkl: {message}", err=True)
    raise typer.Exit(code)


def load_experts(extra: list[str] | None, databases: list[str] | None) -> list[Expert]:
    """Built-in experts, the user's, and one for each database."""
    from mrkl.experts.registry import ExpertLoadError, builtin_experts, load_expert

    found = builtin_experts()
    try:
        found += [load_expert(spec) for spec in extra or []]
    except ExpertLoadError as error:
        fail(str(error))
    if databases:
        from mrkl.experts.base import ExpertError
        from mrkl.experts.database import build

        for number, url in enumerate(databases, 1):
            try:
                found.append(build(url, "database" if number == 1 else f"database_{number}"))
            except ExpertError as error:
                fail(error.message)
    return found


def make_agent(
    model: str | None,
    extra: list[str] | None,
    databases: list[str] | None,
    world: Path | None,
    seconds: float = 60.0,
) -> Agent:
    """An Agent from the command line's options; bad options end with one line and code 2."""
    from mrkl.agent import Agent
    from mrkl.approval import ask_person
    from mrkl.budget import Budget
    from mrkl.experts.world import World, WorldError
    from mrkl.language import ModelError
    from mrkl.run_log import default_path

    try:
        fixed = World.from_file(world) if world else None
        budget = Budget(seconds=seconds)
        return Agent(
            load_experts(extra, databases),
            model=model,
            budget=budget,
            world=fixed,
            approve=ask_person,
            log=default_path(),
        )
    except (WorldError, ModelError, ValueError) as error:
        fail(str(error))


def read_question(words: list[str] | None) -> str:
    """The question from the arguments, or from stdin when it is piped or `-`."""
    if words and words != ["-"]:
        return " ".join(words)
    if sys.stdin.isatty():
        fail('no question: try  mrkl ask "what is 15% of 80"')
    text = sys.stdin.read(100_001)
    if len(text) > 100_000:
        fail("the question is longer than 100,000 characters")
    if not text.strip():
        fail("the question is empty")
    return text.strip()


@app.command()
def ask(
    question: Annotated[
        list[str] | None, typer.Argument(help="The question; - reads stdin.")
    ] = None,
    why: Annotated[bool, typer.Option("--why", help="Say which calls gave the answer.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the Answer as JSON.")] = False,
    model: Model = None,
    database: Database = None,
    expert: Extra = None,
    world: WorldFile = None,
    seconds: Seconds = 60.0,
    record: Annotated[
        Path | None, typer.Option(help="Add the question to a recording for mrkl replay.")
    ] = None,
) -> None:
    """Answer one question."""
    text = read_question(question)
    agent = make_agent(model, expert, database, world, seconds)
    answer = recorded(agent, text, record) if record else agent.ask(text)
    print_answer(answer, why, as_json)
    raise typer.Exit(answer.exit_code)


def recorded(agent: Agent, text: str, path: Path) -> Answer:
    """Ask at a moment that is noted down, and add the question to a recording."""
    from mrkl import replay

    try:
        return replay.ask_recorded(agent, text, path)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")


def print_answer(answer: Answer, why: bool, as_json: bool) -> None:
    """The answer on stdout; the explanation and what went wrong on stderr."""
    if as_json:
        typer.echo(answer.json())
    elif answer.status == "answered":
        typer.echo(answer.text)
    else:
        typer.echo(answer.text, err=True)
    if why:
        from mrkl import show

        show.why(answer, stderr())


def stderr() -> Any:
    """A rich console on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@app.command()
def chat(
    model: Model = None,
    database: Database = None,
    expert: Extra = None,
    world: WorldFile = None,
) -> None:
    """Ask one question after another; :why explains the last answer, :quit ends."""
    from mrkl import show

    agent = make_agent(model, expert, database, world)
    console = stderr()
    console.print("Ask away. :why explains the last answer, :experts lists them, :quit ends.")
    last: Answer | None = None
    history: list[Answer] = []
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except EOFError:
            return
        if line in (":quit", ":q", ":exit"):
            return
        if line == ":experts":
            show.experts(agent.experts, console)
        elif line == ":why":
            if last is None:
                console.print("nothing has been asked yet")
            else:
                show.why(last, console)
        elif line.startswith(":"):
            console.print(f"no command {line}; there are :why :experts :quit")
        elif line:
            last = agent.ask(line, history=history)
            history = [*history[-7:], last]
            typer.echo(last.text)


@app.command()
def route(
    text: Annotated[list[str], typer.Argument(help="A question or subquery.")],
    database: Database = None,
    expert: Extra = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Show which expert the router would choose, with probabilities."""
    from mrkl import show
    from mrkl.router import Router

    routing = Router.load().route(" ".join(text), load_experts(expert, database))
    if as_json:
        shown = {"expert": routing.expert, "probabilities": dict(routing.probabilities)}
        typer.echo(json.dumps(shown))
        return
    typer.echo(routing.expert or "none")
    show.routing(routing, stderr())


@experts_app.command("list")
def experts_list(database: Database = None, expert: Extra = None) -> None:
    """All experts on offer."""
    from rich.console import Console

    from mrkl import show

    show.experts(load_experts(expert, database), Console(highlight=False))


def _find(name: str, expert: list[str] | None, database: list[str] | None) -> Expert:
    found = load_experts(expert, database)
    chosen = next((item for item in found if item.name == name), None)
    if chosen is None:
        fail(f"no expert {name!r}; there are {', '.join(item.name for item in found)}")
    return chosen


@experts_app.command("show")
def experts_show(name: str, database: Database = None, expert: Extra = None) -> None:
    """One expert's card."""
    from rich.console import Console

    from mrkl import show

    show.card(_find(name, expert, database), Console(highlight=False))


@experts_app.command("test")
def experts_test(
    name: str,
    arguments: Annotated[list[str] | None, typer.Argument(help="name=value …")] = None,
    database: Database = None,
    expert: Extra = None,
    world: WorldFile = None,
) -> None:
    """Call one expert with arguments given here, or with its own examples."""
    import time

    from mrkl.experts.base import Context, Failure
    from mrkl.experts.run import call
    from mrkl.experts.world import World

    chosen = _find(name, expert, database)
    fixed = World.from_file(world) if world else World()
    cases = [dict(item.split("=", 1) for item in arguments)] if arguments else []
    cases = cases or [given for _, given in chosen.calls]
    if not cases:
        fail(f"{name} has no examples with arguments; give some: mrkl experts test {name} a=1")
    failed = False
    for case in cases:
        outcome = call(chosen, case, Context(fixed, time.monotonic() + chosen.timeout))
        shown = ", ".join(f"{key}={value!r}" for key, value in case.items())
        if isinstance(outcome, Failure):
            failed = True
            typer.echo(f"{name}({shown}) failed ({outcome.kind}): {outcome.message}", err=True)
        else:
            typer.echo(f"{name}({shown}) = {outcome}")
    if failed:
        raise typer.Exit(5)


EXPERT_TEMPLATE = '''"""An expert for mrkl: run it with  mrkl ask --expert {file}:{name} "…"  """

import mrkl


@mrkl.expert(examples=[("what is {name} of 7", {{"number": 7}})])
def {name}(number: float) -> float:
    """Say here in one sentence what this computes: the router and the core read it."""
    return number
'''


@experts_app.command("new")
def experts_new(name: str, folder: Path = Path(".")) -> None:
    """Write a file with a new expert to fill in."""
    if not name.isidentifier():
        fail(f"{name!r} is not a Python name; use letters, digits and _")
    path = folder / f"{name}.py"
    if path.exists():
        fail(f"{path} exists; nothing was changed")
    path.write_text(EXPERT_TEMPLATE.format(name=name, file=path), encoding="utf-8")
    typer.echo(str(path))


@app.command()
def evaluate(
    suite: Annotated[
        str, typer.Argument(help="questions, mrkl-calculator, gsm8k, svamp, clinc150")
    ],
    data: Annotated[Path, typer.Option(help="JSON-lines file, .gz allowed.")],
    limit: Annotated[int | None, typer.Option(help="Only so many, drawn with --seed.")] = None,
    seed: Annotated[int | None, typer.Option(help="Shuffle with this seed first.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Write figures and every outcome as JSON.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a plot (PNG or SVG).")] = None,
    examples: Annotated[Path | None, typer.Option(help="clinc150: labelled examples.")] = None,
    oracle_route: Annotated[bool, typer.Option(help="Give away which experts to use.")] = False,
    oracle_args: Annotated[
        bool, typer.Option(help="Give away the calls (rows with calls).")
    ] = False,
    model: Model = None,
    database: Database = None,
    expert: Extra = None,
    world: WorldFile = None,
) -> None:
    """Measure accuracy on a file of questions and answers."""
    from mrkl import evaluation_runs, suites

    try:
        rows = suites.load(data, limit, seed)
        if suite == "clinc150":
            shown = evaluation_runs.intents(rows, examples)
        else:
            agent = make_agent(model, expert, database, world)
            oracle = evaluation_runs.Oracle(oracle_route, oracle_args)
            shown = evaluation_runs.questions(agent, rows, suite, oracle, stderr())
        evaluation_runs.finish(shown, out, plot)
    except (suites.SuiteError, RuntimeError) as error:
        fail(str(error))


@app.command()
def doctor() -> None:
    """Say what works here and what is missing."""
    from mrkl.doctor import checks

    broken = False
    for check in checks():
        mark = {True: "ok  ", False: "FAIL", None: "    "}[check.ok]
        broken |= check.ok is False
        typer.echo(f"{mark} {check.name}: {check.detail}")
    if broken:
        raise typer.Exit(1)


# At the end: these commands share the options above. Run as a file, this is still mrkl.cli.
sys.modules.setdefault("mrkl.cli", sys.modules[__name__])
import_module("mrkl.log_commands").register(app)


def main() -> None:
    """Entry point: one-line errors for what a user can cause, 130 for Ctrl-C."""
    try:
        app()
    except KeyboardInterrupt:
        typer.echo("mrkl: interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
