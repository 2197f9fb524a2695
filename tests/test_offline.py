"""Sockets: the tests' guard holds, and a question for a built-in expert opens none at all."""

import os
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from mrkl.experts.base import Failure
from mrkl.experts.registry import builtin_expert
from mrkl.experts.run import call

# in every process that the command starts, workers included
WATCH = """
import os, sys

def watch(event, arguments):
    if event.startswith("socket."):
        with open(os.environ["SOCKETS_SEEN"], "a") as seen:
            seen.write(f"{event} {arguments}\\n")
        raise OSError("sockets are blocked")

sys.addaudithook(watch)
"""


def test_the_guard_refuses_other_machines_and_lets_this_one_through(refused: list[str]):
    with socket.socket() as outside, pytest.raises(ConnectionRefusedError, match="do not connect"):
        outside.connect(("192.0.2.1", 80))
    with pytest.raises(urllib.error.URLError, match="do not look up"):
        urllib.request.urlopen("http://example.org", timeout=1)
    assert refused == ["192.0.2.1", "example.org"]
    with socket.socket() as server, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        client.connect(server.getsockname())


def test_an_expert_that_needs_the_network_says_so(refused: list[str]):
    for name, arguments in (
        ("weather", {"place": "Oslo"}),
        ("encyclopedia", {"topic": "Ada Lovelace"}),
    ):
        outcome = call(builtin_expert(name), arguments)
        assert isinstance(outcome, Failure) and outcome.kind == "offline", outcome
        assert "network" in outcome.message or "reach" in outcome.message
    assert len(refused) >= 2


def watched(tmp_path: Path, code: str) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run Python where any use of a socket is written down and refused."""
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    seen = tmp_path / "seen"
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONPATH": path, "SOCKETS_SEEN": str(seen)}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    return run, seen.read_text() if seen.exists() else ""


def test_the_watch_sees_sockets(tmp_path: Path):
    run, seen = watched(tmp_path, "import socket; socket.socket()")
    assert run.returncode == 1 and "sockets are blocked" in run.stderr
    assert seen.startswith("socket.__new__")


def test_a_built_in_question_opens_no_socket(tmp_path: Path):
    """The embedded core, the router, an expert in this process and one in a worker."""
    code = (
        "import mrkl; agent = mrkl.Agent(); answer = agent.ask('what is 18 percent of 245');"
        "call = {'expert': 'algebra', 'arguments': {'task': 'solve', 'expression': '2x = 8'}};"
        "print(answer.status, answer.value, agent.execute('?', [call]).value)"
    )
    run, seen = watched(tmp_path, code)
    assert seen == ""
    assert run.stdout.split()[-1:] == ["4"], run.stderr
