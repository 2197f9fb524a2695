"""The commands on the run log: log, why, resume, replay. A thin skin, as cli.py is.

In: options. Out: text on stdout, reasons on stderr, and the exit code.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mrkl import cli

if TYPE_CHECKING:
    from mrkl.run_log import LoggedRun, RunLog


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (log, why, resume, replay):
        app.command()(command)


def _log() -> RunLog:
    from mrkl.run_log import RunLog, default_path

    path = default_path()
    if path is None:
        cli.fail("there is no log: MRKL_LOG is off, or there is no home folder")
    return RunLog(path)


def _run(number: int) -> LoggedRun:
    from mrkl.run_log import LogError

    try:
        return _log().run(number)
    except LogError as error:
        cli.fail(str(error))


def log(
    limit: Annotated[int, typer.Option(help="So many, the newest last.", min=1)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """The last questions: number, time, status, question, answer."""
    from mrkl.run_log import LogError

    try:
        runs = _log().runs(limit)
    except LogError as error:
        cli.fail(str(error))
    for run in reversed(runs):
        status = run.status or "unfinished"
        answer = str(run.answer["answer"]) if run.answer else ""
        when = datetime.fromtimestamp(run.began).isoformat(sep=" ", timespec="seconds")
        if as_json:
            shown = {"id": run.id, "at": when, "status": status, "question": run.question}
            typer.echo(json.dumps({**shown, "answer": run.answer}, ensure_ascii=False))
        else:
            cli.say(f"{run.id:>5}  {when}  {status:<10}  {run.question[:80]}  {answer[:80]}")


def why(number: Annotated[int, typer.Argument(metavar="ID", help="From mrkl log.")]) -> None:
    """The plan, calls and results of one logged question."""
    from mrkl.experts.base import Failure

    run = _run(number)
    cli.say(f"{run.question}\n{run.status or 'unfinished'}")
    made = {call.step: call for call in run.calls}
    for step, planned in enumerate(run.plan or [], 1):
        call = made.get(step)
        arguments = call.arguments if call else json.dumps(planned["arguments"], ensure_ascii=False)
        cli.say(f"#{step} {planned['subquery']}\n   {planned['expert']} {arguments}")
        outcome = call.outcome if call else None
        if isinstance(outcome, Failure):
            cli.say(f"   failed ({outcome.kind}): {outcome.message}")
        elif outcome is not None:
            source = f"   [{outcome.source}]" if outcome.source else ""
            cli.say(f"   = {outcome}{source}   {outcome.seconds * 1000:.0f} ms")
        else:
            typer.echo("   begun, not finished" if call else "   not called")
    if run.answer:
        cli.say(str(run.answer["answer"]))


def resume(
    number: Annotated[int, typer.Argument(metavar="ID", help="From mrkl log.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the Answer as JSON.")] = False,
    model: cli.Model = None,
    database: cli.Database = None,
    expert: cli.Extra = None,
    world: cli.WorldFile = None,
) -> None:
    """Go on with a question that was cut off; what has finished is not called again."""
    from mrkl.plan import PlanError

    run = _run(number)
    agent = cli.make_agent(model, expert, database, world)
    try:
        if run.plan is None:
            answer = agent.ask(run.question)
        else:
            answer = agent.execute(run.question, run.plan, run.finished)
    except PlanError as error:
        cli.fail(f"run {number} cannot go on: {error}")
    cli.print_answer(answer, why=False, as_json=as_json)
    raise typer.Exit(answer.exit_code)


def replay(
    recording: Annotated[Path, typer.Argument(help="Written by mrkl ask --record.")],
    strict: Annotated[bool, typer.Option("--strict", help="Every byte must be equal.")] = False,
    model: cli.Model = None,
    database: cli.Database = None,
    expert: cli.Extra = None,
    world: cli.WorldFile = None,
) -> None:
    """Ask recorded questions again, with the recorded results; say the first difference."""
    from mrkl.replay import RecordingError
    from mrkl.replay import replay as replayed

    agent = cli.make_agent(model, expert, database, world)
    count = 0
    try:
        for found in replayed(agent, recording, strict):
            if found is not None:
                cli.say(f"different: {found}", err=True)
                raise typer.Exit(1)
            count += 1
    except RecordingError as error:
        cli.fail(str(error))
    typer.echo(f"{count} question{'s' if count != 1 else ''} the same")
