"""The run log: what is kept, what survives a kill, who may share it, and going on."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.experts.base import Failure
from mrkl.replay import RecordingError, ask_recorded, replay
from mrkl.run_log import LogError, RunLog, default_path
from mrkl.scripted import ScriptedLanguage

SCRIPTS = {
    "2+3": '#1 a -> calculator(expression="2+3")\n#2 b -> calculator(expression="#1*2")\n<|answer|>It is #2.'
}


def test_a_question_is_kept_with_plan_calls_and_answer(scripted, tmp_path: Path) -> None:
    answer = scripted(SCRIPTS, log=tmp_path / "deep" / "log.db").ask("2+3")
    log = RunLog(tmp_path / "deep" / "log.db")
    run = log.run(answer.run or 0)
    assert (run.question, run.status) == ("2+3", "answered")
    assert run.answer is not None and run.answer["value"] == 10
    assert [step["expert"] for step in run.plan or []] == ["calculator"] * 2
    assert [str(call.outcome) for call in run.calls] == ["5", "10"]
    assert [r.id for r in log.runs()] == [run.id]
    with pytest.raises(LogError, match="no run 99"):
        log.run(99)
    with pytest.raises(LogError, match="nothing has been asked"):
        RunLog(tmp_path / "none.db").runs()


def test_secrets_are_not_logged(scripted, tmp_path: Path) -> None:
    @mrkl.expert(isolate=False)
    def tell(word: str) -> str:
        """Tells."""
        return "token=abcdefgh12345"

    scripts = {
        "tell password=hunter2hunter2": '#1 a -> tell(word="password=hunter2hunter2")\n<|answer|>#1'
    }
    agent = scripted(scripts, tell, log=tmp_path / "log.db")
    agent.ask("tell password=hunter2hunter2")
    agent.log.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hunter2" not in kept
    assert b"abcdefgh12345" not in kept


@pytest.mark.parametrize("how", ["folder", "file", "full"])
def test_a_log_that_cannot_be_written_stops_no_question(scripted, tmp_path, capsys, how) -> None:
    path = tmp_path / "log.db"
    if how == "folder":
        path.mkdir()
    elif how == "file":
        path.write_bytes(b"this is no database at all" * 100)
    else:
        path = Path("/dev/full/log.db")
    agent = scripted(SCRIPTS, log=path)
    assert [agent.ask("2+3").value for _ in range(2)] == [10, 10]
    said = capsys.readouterr().err
    assert said.count("nothing more is logged") == 1
    assert "Traceback" not in said


CHILD = """
import sys, time, mrkl
from mrkl.agent import Agent
from mrkl.scripted import ScriptedLanguage

@mrkl.expert(effects="write")
def once(n: int) -> int:
    '''Writes.'''
    open(sys.argv[2], "a").write("once\\n")
    return n

@mrkl.expert(effects="read", timeout=60)
def slow(n: int) -> int:
    '''Waits.'''
    print("waiting", flush=True)
    time.sleep(50)
    return n

script = "#1 a -> once(n=7)\\n#2 b -> slow(n=#1)\\n<|answer|>#2"
Agent([once, slow], model=ScriptedLanguage({"go 7": script}), allow=("read", "write"), log=sys.argv[1]).ask("go 7")
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a signal")
def test_a_kill_loses_no_finished_call_and_resuming_repeats_none(tmp_path: Path) -> None:
    log, written = tmp_path / "log.db", tmp_path / "written"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(log), str(written)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "waiting\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    run = RunLog(log).runs()[0]
    run = RunLog(log).run(run.id)
    assert run.status is None
    assert [str(call.outcome) for call in run.calls] == ["7"]

    @mrkl.expert(effects="write")
    def once(n: int) -> int:
        """Writes."""
        raise AssertionError("called again")

    @mrkl.expert(effects="read")
    def slow(n: int) -> int:
        """Answers now."""
        return n * 2

    agent = Agent([once, slow], model=ScriptedLanguage({}), allow=("read", "write"))
    answer = agent.execute(run.question, run.plan or [], run.finished)
    assert answer.value == 14


def test_a_write_that_may_have_happened_is_not_made_again(scripted, tmp_path: Path) -> None:
    log = RunLog(tmp_path / "log.db")

    @mrkl.expert(effects="write")
    def once(n: int) -> int:
        """Is cut off."""
        raise KeyboardInterrupt

    agent = scripted({"go 7": "#1 a -> once(n=7)\n<|answer|>#1"}, once, allow=("write",), log=log)
    agent._call = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        agent.ask("go 7")
    finished = log.run(log.runs()[0].id).finished
    assert isinstance(finished[1], Failure)
    assert "may have been called" in finished[1].message


SHARING = """
import sys
from mrkl.agent import Agent
from mrkl.experts.registry import builtin_expert
from mrkl.scripted import ScriptedLanguage
script = {"2+3": '#1 a -> calculator(expression="2+3")\\n<|answer|>#1'}
agent = Agent([builtin_expert("calculator")], model=ScriptedLanguage(script), log=sys.argv[1])
for _ in range(50):
    agent.ask("2+3")
"""


def test_processes_share_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    children = [subprocess.Popen([sys.executable, "-c", SHARING, str(path)]) for _ in range(3)]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    connection = sqlite3.connect(path)
    counts = [
        connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("run", "call")
    ]
    finished = connection.execute("SELECT count(*) FROM run WHERE status = 'answered'").fetchone()
    connection.close()
    assert (counts, finished[0]) == ([150, 150], 150)


def test_where_the_log_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MRKL_LOG", "off")
    assert default_path() is None
    monkeypatch.delenv("MRKL_LOG")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert default_path() == Path("state/mrkl/log.db")


def test_a_recording_replays_to_the_byte_and_without_experts(scripted, tmp_path: Path) -> None:
    calls: list[float] = []

    @mrkl.expert(effects="read")
    def now() -> float:
        """The moment."""
        calls.append(time.time())
        return calls[-1]

    scripts = SCRIPTS | {"now": "#1 now -> now()\n<|answer|>It is #1."}
    agent, path = scripted(scripts, now), tmp_path / "run.jsonl"
    for question in ("2+3", "now", "unheard of"):
        ask_recorded(agent, question, path)
    assert list(replay(agent, path, strict=True)) == [None] * 3
    assert len(calls) == 1
    changed = scripted(scripts | {"2+3": SCRIPTS["2+3"].replace("*2", "*3")}, now)
    differences = list(replay(changed, path, strict=True))
    assert differences[0] is not None
    assert "line 2" in str(differences[0])
    assert "*2" in str(differences[0])
    assert differences[1:] == [None, None]


@pytest.mark.parametrize("content", ["", "nonsense\n", '{"question": 1}\n', '[]\n{"answer": {}}\n'])
def test_what_is_no_recording_is_said(scripted, tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text(content)
    with pytest.raises(RecordingError, match=r"run\.jsonl, line"):
        list(replay(scripted(SCRIPTS), path))
    with pytest.raises(RecordingError, match="cannot be read"):
        list(replay(scripted(SCRIPTS), tmp_path / "none"))
