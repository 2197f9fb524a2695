"""Processes that are killed when they do not answer."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mrkl.tools import sandbox
from mrkl.tools.sandbox import Pool, SandboxError, SandboxTimeout, Worker, run_forked

DEADLINE = 1.0
SCRIPT = """
import os, sys, time

def handle(text):
    if text == "loop":
        while True: pass
    if text == "gil":
        return str(3 ** (10 ** 9))[:1]
    if text == "die":
        os._exit(3)
    if text == "abort":
        os.abort()
    if text == "print":
        print("noise on standard output", flush=True)
    if text == "read":
        return repr(sys.stdin.read())
    if text == "memory":
        return str(len(bytearray(64 << 30)))
    if text == "long":
        return "x" * (20 << 20)
    if text == "pid":
        return str(os.getpid())
    return text.upper()
"""

needs_fork = pytest.mark.skipif(not sandbox.can_fork(), reason="this system has no safe fork")


@pytest.fixture
def handler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "sandbox_handler.py").write_text(SCRIPT)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "sandbox_handler:handle"


@pytest.fixture
def worker(handler: str) -> Iterator[Worker]:
    worker = Worker(handler)
    yield worker
    worker.kill()


def test_a_worker_answers_many_times(worker: Worker) -> None:
    assert worker.request("one", 20) == "ONE"
    assert worker.request("print", 20) == "PRINT"
    assert worker.request("read", 20) == "''"
    assert worker.alive


@pytest.mark.parametrize("text", ["loop", "gil"])
def test_a_worker_that_hangs_is_killed_at_its_deadline(worker: Worker, text: str) -> None:
    worker.request("start", 20)
    begin = time.monotonic()
    with pytest.raises(SandboxTimeout):
        worker.request(text, DEADLINE)
    assert time.monotonic() - begin < 1.2 * DEADLINE
    assert not worker.alive


@pytest.mark.parametrize(
    ("text", "message"), [("die", "without a reply"), ("abort", "SIGABRT"), ("long", "too long")]
)
def test_a_worker_that_dies_says_how(worker: Worker, text: str, message: str) -> None:
    with pytest.raises(SandboxError, match=message):
        worker.request(text, 20)
    assert not worker.alive


@pytest.mark.skipif(sys.platform != "linux", reason="memory limits are those of Linux")
def test_memory_is_limited(worker: Worker) -> None:
    with pytest.raises(SandboxError):
        worker.request("memory", 20)


def test_a_worker_without_parent_ends_itself(worker: Worker) -> None:
    pid = int(worker.request("pid", 20))
    stdin = worker._process.stdin
    assert stdin is not None
    stdin.write("0.2 gil\n")
    stdin.flush()
    worker._process.wait(timeout=10)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_pool_keeps_workers_warm_and_replaces_dead_ones(handler: str) -> None:
    pool = Pool(handler)
    try:
        first = pool.request("a", "pid", 20)
        assert pool.request("a", "pid", 20) == first
        with pytest.raises(SandboxError):
            pool.request("a", "die", 20)
        assert pool.request("a", "pid", 20) != first
    finally:
        pool.close()


def test_a_pool_serves_threads_side_by_side(handler: str) -> None:
    pool = Pool(handler, most_idle=2)
    replies: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: replies.append(pool.request("k", f"t{n}", 30)))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pool.close()
    assert sorted(replies) == ["T0", "T1", "T2", "T3"]


@needs_fork
def test_a_fork_sees_local_state_and_changes_none() -> None:
    seen: list[str] = ["before"]

    def function(text: str) -> str:
        seen.append(text)
        return ",".join(seen)

    assert run_forked(function, "now", 20) == "before,now"
    assert seen == ["before"]


@needs_fork
def test_a_fork_that_keeps_the_gil_is_killed_at_its_deadline() -> None:
    begin = time.monotonic()
    with pytest.raises(SandboxTimeout):
        run_forked(lambda _: str(3 ** (10**9)), "", DEADLINE)
    assert time.monotonic() - begin < 1.2 * DEADLINE


@needs_fork
def test_a_fork_that_dies_is_noticed_at_once() -> None:
    begin = time.monotonic()
    with pytest.raises(SandboxError, match="without a reply"):
        run_forked(lambda _: os._exit(1), "", 30)  # type: ignore[arg-type, return-value]
    assert time.monotonic() - begin < 10
