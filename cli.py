"""The command `mrkl`: ask, chat, route, evaluate, doctor here; experts, log, train … beside it.

A thin skin on the Python API: it reads arguments, prints, and chooses the exit code. Answers go
to stdout, all else to stderr. Exit codes: 0 answered, 2 usage, 3 abstained, 4 refused, 5 an expert
failed, 6 budget or deadline, 130 interrupted.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from mrkl.agent import Agent
    from mrkl.answer import Answer
    from mrkl.experts.base import Expert
    from mrkl.experts.world import World

app = typer.Typer(
    help="Ask in plain English; experts that know give every number.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Model = Annotated[
    str | None, typer.Option(help="A Jamba checkpoint's folder, or openai:URL. Default: built in.")
]
Quantize = Annotated[
    str | None, typer.Option(help="For --model FOLDER: experts_int8, jamba_int8 or int8.")
]
DeviceName = Annotated[
    str, typer.Option("--device", help="For --model FOLDER: cpu, or cuda (needs triton).")
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

Least = Annotated[
    float | None,
    typer.Option(
        "--least-confidence", min=0.0, max=1.0, help="Answer from this confidence on; 0: always."
    ),
]

LONGEST = 100_000  # characters that are read of a question


def fail(message: str, code: int = 2) -> NoReturn:
    """One line on stderr, then the exit code."""
    say(f"mrkl: {' '.join(message.split())}", err=True)
    raise typer.Exit(code)


def load_experts(extra: list[str] | None, databases: list[str] | None) -> list[Expert]:
    """Built-in and installed experts, the user's, and one for each database."""
    from mrkl.experts.registry import default_experts, load_expert

    found, problems = default_experts()
    for problem in problems:
        typer.echo(f"mrkl: {problem}", err=True)
    try:
        found += [load_expert(spec) for spec in extra or []]
        if databases:
            from mrkl.experts.database import build

            for number, url in enumerate(databases, 1):
                found.append(build(url, "database" if number == 1 else f"database_{number}"))
    except ValueError as error:
        fail(str(error))
    names = [expert.name for expert in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        fail(f"two experts are named {twice!r}: give one another name=")
    return found


def read_world(path: Path | None) -> World:
    """The world of a file, or the real one."""
    from mrkl.experts.world import World, WorldError

    try:
        return World.from_file(path) if path else World()
    except WorldError as error:
        fail(str(error))


def make_agent(
    model: str | None,
    extra: list[str] | None,
    databases: list[str] | None,
    world: Path | None,
    seconds: float = 60.0,
    least: float | None = None,
    quantize: str | None = None,
    device: str = "cpu",
) -> Agent:
    """An Agent from the command line's options; bad options end with one line and code 2."""
    from mrkl import router_commands
    from mrkl.agent import Agent
    from mrkl.approval import ask_person
    from mrkl.budget import Budget
    from mrkl.language import ModelError
    from mrkl.parts import language_of
    from mrkl.run_log import default_path

    fixed = read_world(world)
    if model is None:
        one_thread()
    try:
        language = language_of(model, quantize, device)
        budget = Budget(seconds=seconds)
        agent = Agent(
            load_experts(extra, databases),
            model=language,
            budget=budget,
            world=fixed,
            router=router_commands.tuned(),
            approve=ask_person,
            log=default_path(),
            least_confidence=least,
        )
        if model is not None:
            _ = agent.language  # a model that is not there is the user's error, not the question's
    except ModelError as error:
        fail(str(error), 5 if error.kind == "offline" else 2)
    except ValueError as error:
        fail(str(error))
    return agent


def one_thread() -> None:
    """No threads inside products, said before numpy and torch load.

    The shipped models are small: threads that wait for one another cost more than they give, most
    of all on a busy machine.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")


def read_question(words: list[str] | None) -> str:
    """The question from the arguments, or from stdin when it is piped or `-`."""
    if words and words != ["-"]:
        text = " ".join(words)
    elif sys.stdin.isatty() and not words:
        fail('no question: try  mrkl ask "what is 15% of 80"')
    else:
        try:
            text = sys.stdin.read(LONGEST + 1)
        except UnicodeDecodeError:
            fail("the question is not UTF-8 text")
    if len(text) > LONGEST:
        fail(f"the question is longer than {LONGEST:,} characters")
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
    quantize: Quantize = None,
    device: DeviceName = "cpu",
    database: Database = None,
    expert: Extra = None,
    world: WorldFile = None,
    seconds: Seconds = 60.0,
    least: Least = None,
    record: Annotated[
        Path | None, typer.Option(help="Add the question to a recording for mrkl replay.")
    ] = None,
) -> None:
    """Answer one question."""
    text = read_question(question)
    settings = (seconds, least, quantize, device)
    with make_agent(model, expert, database, world, *settings) as agent:
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


def print_answer(answer: Answer, why: bool = False, as_json: bool = False) -> None:
    """The answer on stdout; the explanation and what went wrong on stderr."""
    if as_json:
        typer.echo(answer.json())
    else:
        say(answer.text, err=answer.status != "answered")
    if why:
        from mrkl import show

        show.why(answer, stderr())


def say(text: str, err: bool = False) -> None:
    """Print what may hold text from outside."""
    from mrkl.show import printable

    typer.echo(printable(text), err=err)


def stderr() -> Any:
    """A rich console on stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@app.command()
def chat(
    model: Model = None,
    quantize: Quantize = None,
    device: DeviceName = "cpu",
    database: Database = None,
    expert: Extra = None,
    world: WorldFile = None,
) -> None:
    """Ask one question after another; :why explains the last answer, :route TEXT how the router
    sees a text, :quit ends."""
    with make_agent(model, expert, database, world, quantize=quantize, device=device) as agent:
        converse(agent)


def converse(agent: Agent) -> None:
    """Questions and commands, a line each, until :quit or the end of the input."""
    from mrkl import show

    if sys.stdin.isatty():
        with suppress(ImportError):  # arrow keys, and the lines typed before
            import_module("readline")
    console = stderr()
    console.print("Ask away. :why explains the last answer, :experts lists them, :quit ends.")
    history: list[Answer] = []
    while True:
        try:
            line = input("> " if sys.stdin.isatty() else "").strip()
        except (EOFError, UnicodeDecodeError):
            return
        if line in (":quit", ":q", ":exit"):
            return
        if line == ":experts":
            show.experts(agent.experts, console)
        elif line == ":why" and not history:
            console.print("nothing has been asked yet")
        elif line == ":why":
            show.why(history[-1], console)
        elif line.startswith(":route "):
            text, routing = line.removeprefix(":route "), agent.route(line.removeprefix(":route "))
            show.routing(routing, console)
            show.why_routed(agent.router, text, agent.experts, routing, agent.breakers, console)
        elif line.startswith(":"):
            console.print(f"no command {line}; there are :why :route :experts :quit", markup=False)
        elif line:
            history = [*history[-7:], agent.ask(line, history=history)]
            print_answer(history[-1])


@app.command()
def route(
    text: Annotated[list[str], typer.Argument(help="A question or subquery.")],
    database: Database = None,
    expert: Extra = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
    why: Annotated[bool, typer.Option("--why", help="Say which words and which example.")] = False,
) -> None:
    """Show which expert the router would choose, with probabilities."""
    from mrkl import router_commands, show
    from mrkl.breaker import Breakers

    router, experts = router_commands.load(), load_experts(expert, database)
    routing = router.route(" ".join(text), experts)
    if as_json:
        shown = {"expert": routing.expert, "probabilities": dict(routing.probabilities)}
        typer.echo(json.dumps(shown))
        return
    typer.echo(routing.expert or "none")
    show.routing(routing, stderr())
    if why:
        show.why_routed(router, " ".join(text), experts, routing, Breakers(), stderr())


@app.command()
def evaluate(
    suite: Annotated[
        str, typer.Argument(help="questions, mrkl-calculator, gsm8k, svamp, clinc150, or a file.")
    ],
    data: Annotated[
        Path | None, typer.Option(help="The suite's file: JSON or JSON lines, .gz allowed.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many questions.")] = None,
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
    seconds: Seconds = 60.0,
    least: Least = None,
    model: Model = None,
    database: Database = None,
    expert: Extra = None,
    world: WorldFile = None,
) -> None:
    """Measure accuracy on a file of questions and answers."""
    from mrkl import evaluation_runs, suites

    if data is None:  # a file of one's own may stand in the suite's place
        suite, data = ("questions", Path(suite)) if suite not in suites.SUITES else (suite, None)
    if data is None:
        fail(f"{suite} needs its file: mrkl evaluate {suite} --data FILE")
    try:
        evaluation_runs.check_outputs(out, plot)
        if suite == "clinc150":
            shown = evaluation_runs.intents(data, limit, seed, examples, stderr())
        else:
            rows = suites.load(suite, data, limit, seed)
            oracle = evaluation_runs.Oracle(oracle_route, oracle_args)
            with make_agent(model, expert, database, world, seconds, least) as agent:
                shown = evaluation_runs.questions(agent, rows, suite, oracle, stderr())
        evaluation_runs.finish(shown, out, plot)
    except (suites.SuiteError, RuntimeError, OSError) as error:
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
import_module("mrkl.expert_commands").register(app)
import_module("mrkl.log_commands").register(app)
import_module("mrkl.train_command").register(app)
import_module("mrkl.jamba_commands").register(app)
import_module("mrkl.router_commands").register(app)


def main() -> None:
    """One-line errors for what a user can cause, 130 for Ctrl-C."""
    # A cold answer makes many objects and frees few: collecting while modules and weights load
    # costs a tenth of its time.
    gc.set_threshold(200_000)
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
