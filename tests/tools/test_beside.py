"""Functions that run beside the caller."""

from __future__ import annotations

import contextvars
import gc
import os
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from mrkl.tools import beside as module
from mrkl.tools.beside import beside
from mrkl.tools.sandbox import can_fork

SOON = 20.0  # seconds


def soon() -> float:
    return time.monotonic() + SOON


def test_what_it_returns_or_raises() -> None:
    assert beside(lambda: 3, soon()) == 3
    assert beside(lambda: None, soon()) is None
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 / 0, soon())
    with pytest.raises(SystemExit):
        beside(lambda: leave(), soon())


def leave() -> None:
    raise SystemExit(3)


def test_one_thread_serves_one_call_after_another() -> None:
    beside(lambda: 0, soon())
    found = {beside(threading.get_ident, soon()) for _ in range(50)}
    assert len(found) == 1
    assert threading.get_ident() not in found


def test_the_deadline_holds_and_the_thread_is_not_waited_for() -> None:
    go = threading.Event()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        beside(go.wait, began + 0.2)
    assert time.monotonic() - began < 1
    assert beside(lambda: 4, soon()) == 4
    go.set()


def test_many_at_once_each_get_their_own() -> None:
    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(lambda n: beside(lambda: n, soon()), range(400)))
    assert found == list(range(400))
    time.sleep(0.05)
    assert len(module._idle) <= module.MOST_IDLE


def test_calls_share_no_context_and_keep_nothing_alive() -> None:
    told = contextvars.ContextVar("told", default="nothing")
    beside(lambda: told.set("something"), soon())
    assert beside(told.get, soon()) == "nothing"

    class Thing:
        pass

    thing = Thing()
    gone = weakref.ref(thing)
    beside(lambda thing=thing: thing and None, soon())
    del thing
    for _ in range(100):
        if gone() is None:
            break
        time.sleep(0.01)
        gc.collect()
    assert gone() is None


@pytest.mark.skipif(not can_fork(), reason="this system has no safe fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_makes_threads_of_its_own() -> None:
    beside(lambda: 0, soon())
    pid = os.fork()
    if pid == 0:
        os._exit(beside(lambda: 7, time.monotonic() + 5))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
