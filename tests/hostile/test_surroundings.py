"""Threads, tasks, forks, Ctrl-C, and systems without home, terminal, locale or space."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mrkl
from mrkl.agent import Agent
from mrkl.experts.registry import builtin_expert
from mrkl.run_log import RunLog
from mrkl.scripted import ScriptedLanguage
from mrkl.tools import sandbox
from tests.hostile.rogues import typed

QUESTIONS = {
    f"{n}+1": f'#1 a -> calculator(expression="{n}+1")\n#2 b -> calculator(expression="{n}*2")\n<|answer|>#1 and #2.'
    for n in range(20)
}


def agent(**options: object) -> Agent:
    return Agent([builtin_expert("calculator")], model=ScriptedLanguage(QUESTIONS), **options)


def test_one_agent_in_many_threads_and_one_log(tmp_path: Path) -> None:
    asked = agent(log=tmp_path / "log.db")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(asked.ask, list(QUESTIONS) * 10))
    assert [answer.value for answer in answers] == [[n + 1, n * 2] for n in range(20)] * 10
    numbers = [answer.run for answer in answers]
    assert sorted(numbers) == list(range(1, 201))
    kept = RunLog(tmp_path / "log.db").runs(1000)
    assert {run.status for run in kept} == {"answered"}


def test_one_agent_in_many_tasks() -> None:
    asked = agent()

    async def run() -> list[object]:
        return [a.value for a in await asyncio.gather(*map(asked.aask, list(QUESTIONS) * 5))]

    assert asyncio.run(run()) == [[n + 1, n * 2] for n in range(20)] * 5


def test_a_cancelled_task_lets_go_at_once() -> None:
    @mrkl.expert(effects="read", timeout=5)
    def slow(number: int) -> int:
        """Waits."""
        threading.Event().wait(2)
        return number

    asked = Agent([slow], model=ScriptedLanguage({"go": "#1 a -> slow(number=1)\n<|answer|>#1"}))

    async def run() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked.aask("go"), 0.2)
        return loop.time() - began

    assert asyncio.run(run()) < 1.5


def waiting_agent(folder: Path) -> Agent:
    """Its first step notes its process and waits; the second notes that it was called."""

    @mrkl.expert(timeout=30)
    def waits(number: int) -> int:
        """Waits in a process of its own."""
        (folder / "process").write_text(str(os.getpid()))
        threading.Event().wait(25)
        return number

    @mrkl.expert(isolate=False)
    def after(number: int) -> int:
        """Is called afterwards."""
        (folder / "after").touch()
        return number

    plan = "#1 a -> waits(number=1)\n#2 b -> after(number=#1)\n<|answer|>#2"
    return Agent([waits, after], model=ScriptedLanguage({"go": plan}))


def process_of(folder: Path) -> int:
    """The number of the process of the first step, once it is there."""
    for _ in range(1000):
        if (folder / "process").exists() and (folder / "process").read_text():
            return int((folder / "process").read_text())
        time.sleep(0.01)
    raise AssertionError("the first step was not called")


def assert_ended(pid: int, folder: Path) -> None:
    """The process ends at once, and no further step is made."""
    for _ in range(150):
        time.sleep(0.01)
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            assert not (folder / "after").exists()
            return
    raise AssertionError("the call goes on")


def test_cancelling_a_task_ends_the_call_under_way(tmp_path: Path) -> None:
    asked = waiting_agent(tmp_path)

    async def run() -> int:
        task = asyncio.create_task(asked.aask("go"))
        pid = await asyncio.to_thread(process_of, tmp_path)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    assert_ended(asyncio.run(run()), tmp_path)


def test_leaving_a_stream_ends_the_call_under_way(tmp_path: Path) -> None:
    events = waiting_agent(tmp_path).stream("go")
    next(events)
    pid = process_of(tmp_path)
    events.close()  # type: ignore[attr-defined]
    assert_ended(pid, tmp_path)


@pytest.mark.skipif(not sandbox.can_fork(), reason="this system has no safe fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_answers_and_logs_for_itself(tmp_path: Path) -> None:
    isolated = mrkl.expert(typed.plain, name="isolated", timeout=20)
    scripts = {"go": "#1 a -> isolated(number=7)\n<|answer|>#1"}
    asked = Agent([isolated], model=ScriptedLanguage(scripts), log=tmp_path / "log.db")
    assert asked.ask("go").value == 7
    pid = os.fork()
    if pid == 0:
        os._exit(0 if asked.ask("go").value == 7 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert asked.ask("go").value == 7
    assert len(RunLog(tmp_path / "log.db").runs()) == 3


def test_many_calls_at_once_keep_their_own_workers() -> None:
    isolated = mrkl.expert(typed.plain, name="typed", timeout=30)
    isolated.origin = "tests.hostile.rogues:typed"
    with ThreadPoolExecutor(40) as pool:
        from mrkl.experts.run import call

        found = list(pool.map(lambda n: call(isolated, {"number": n}), range(40)))
    assert [result.value for result in found] == list(range(40))


ASK = """
import sys, mrkl
from mrkl.agent import Agent
from mrkl.experts.registry import builtin_expert
from mrkl.run_log import RunLog, default_path
from mrkl.scripted import ScriptedLanguage
script = {"2+3": '#1 \\u00e9 \\u2603 -> calculator(expression="2+3")\\n<|answer|>#1.',
          "km": '#1 x -> units(quantity="5 km", to="m")\\n<|answer|>#1.'}
agent = Agent([builtin_expert("calculator"), builtin_expert("units")], model=ScriptedLanguage(script), log=default_path())
print(agent.ask("2+3").text, agent.ask("km").text)
"""

SURROUNDINGS = {
    "no home": {"HOME": None, "XDG_STATE_HOME": None},
    "home that is no folder": {"HOME": "/dev/null", "XDG_STATE_HOME": None},
    "home that does not exist": {"HOME": "/nowhere/at/all/\x01", "XDG_STATE_HOME": None},
    "LANG=C": {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "no locale": {"LANG": None, "LC_ALL": None},
    "no terminal": {"TERM": None},
    "strange zone": {"TZ": "Not/AZone"},
    "no temporary folder": {"TMPDIR": "/nowhere"},
    "full disk": {"MRKL_LOG": "/dev/full"},
}


@pytest.mark.parametrize("change", SURROUNDINGS.values(), ids=SURROUNDINGS)
def test_surroundings(change: dict[str, str | None], tmp_path: Path) -> None:
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    environment.pop("MRKL_LOG", None)
    for name, value in change.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        check=False,
        env=environment,
        capture_output=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )
    assert done.stdout == b"5. 5000 m.\n"
    assert b"Traceback" not in done.stderr


INTERRUPTED = """
import sys, time, mrkl
from mrkl.agent import Agent
from mrkl.scripted import ScriptedLanguage

@mrkl.expert(effects=sys.argv[1], timeout=60)
def slow(n: int) -> int:
    '''Waits.'''
    print("waiting", file=sys.stderr, flush=True)
    time.sleep(50)
    return n

plan = "".join(f"#{k} a -> slow(n={k})\\n" for k in range(1, int(sys.argv[2]) + 1))
agent = Agent([slow], model=ScriptedLanguage({"go": plan + "<|answer|>#1"}), budget=mrkl.Budget(seconds=60))
try:
    agent.ask("go")
except KeyboardInterrupt:
    print("clean", flush=True)
    raise SystemExit(130)
"""


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal here")
@pytest.mark.parametrize("steps", ["1", "3"])
@pytest.mark.parametrize("effects", ["none", "read"])
def test_an_interruption_is_clean(effects: str, steps: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, effects, steps],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    assert "waiting" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20)
    assert (out, child.returncode) == ("clean\n", 130)
    assert "Traceback" not in err


def _mounts() -> bool:
    """Whether this user may mount in a namespace of his own."""
    trial = ["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=64k", "none", "/mnt"]
    try:
        return subprocess.run(trial, check=False, capture_output=True, timeout=20).returncode == 0
    except OSError:
        return False


needs_mounts = pytest.mark.skipif(not _mounts(), reason="no mounts without leave of the system")
HOME = """
set -e
mount -t tmpfs -o size=200k none "$1"
mkdir -p "$1/.cache"
$3
export HOME="$1"
unset MRKL_LOG MRKL_CACHE XDG_STATE_HOME XDG_CACHE_HOME
shift; exec "$1" -c "$0"
"""
MANY = ASK.replace("print(", "for _ in range(200): agent.ask('2+3')\nprint(")


@needs_mounts
@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        ("true", "database or disk is full"),
        ('mount -o remount,ro "$1"', "Read-only file system"),
        (
            'mkdir -p "$1/.local/state/mrkl"; mount -o remount,ro "$1"',
            "unable to open database file",
        ),
    ],
    ids=["a disk that fills up", "a read-only home", "a read-only home with a folder"],
)
def test_a_disk_that_takes_nothing_more(prepare: str, said: str, tmp_path: Path) -> None:
    shell = HOME.replace("$3", prepare)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", shell, MANY, str(tmp_path), sys.executable],
        check=False,
        capture_output=True,
        timeout=60,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout == "5. 5000 m.\n", done.stderr
    assert done.stderr.count("nothing more is logged") == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


INTERRUPTED_EARLY = """
import sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == wanted:
            raise KeyboardInterrupt
        return None
wanted = sys.argv[1]
sys.meta_path.insert(0, Interrupts())
sys.argv[1:] = ["ask", "2+2"]
from mrkl.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["mrkl.cli", "typer", "mrkl.agent", "torch"])
def test_an_interruption_while_it_loads_is_clean(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_EARLY, module],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr in ("", "mrkl: interrupted\n")
