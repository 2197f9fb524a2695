"""Functions of text to text, run in a process that can be killed.

Two ways: a `Worker` is a fresh interpreter that stays warm and serves a handler named
"module:function"; `run_forked` runs any callable in a fork of this process, once. Both end at
their deadline whatever the code does (loops, C code that keeps the GIL), under limits of memory,
processor time and file size. A few run at a time; the others wait, within their deadlines. They
guard against hanging, crashing and greed, not against malice: files and network stay open.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Generator
from typing import IO, Any, TypeAlias

from mrkl.tools.limits import limit_files, limit_memory, limit_processor

SIDE_BY_SIDE = max(4, 2 * (os.cpu_count() or 1))  # processes at work at one time
MAX_REPLY = 16 << 20  # characters
_GRACE = 1.0  # seconds after which a process that lost its parent ends itself
_LOOK = 0.1  # seconds between two looks at whether the work is still wanted
_FORK_LOCK = threading.Lock()

Told: TypeAlias = Callable[[], bool]  # whether nobody waits for the work any more


def _never() -> bool:
    return False


class SandboxError(Exception):
    """The process gave no reply; the message says why."""


class SandboxTimeout(SandboxError):
    """The time was up; the process has been killed."""


class _Slots:
    """The processes that may be at work at one time; a fork of this process starts anew."""

    def __init__(self) -> None:
        self._free = threading.BoundedSemaphore(SIDE_BY_SIDE)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    @contextlib.contextmanager
    def one(self, timeout: float) -> Generator[float]:
        """Wait for a place; gives the seconds of the timeout that are left."""
        began, free = time.monotonic(), self._free
        if not free.acquire(timeout=min(max(0.0, timeout), threading.TIMEOUT_MAX)):
            raise SandboxTimeout(f"no process was free within {timeout:.3g} s")
        try:
            yield timeout - (time.monotonic() - began)
        finally:
            free.release()

    def _renew(self) -> None:
        self._free = threading.BoundedSemaphore(SIDE_BY_SIDE)


_slots = _Slots()


def can_fork() -> bool:
    """Whether this system can fork a running interpreter."""
    # macOS has fork, but its system libraries do not survive one beside threads.
    return hasattr(os, "fork") and sys.platform != "darwin"


class Worker:
    """A warm process that answers one line of text at a time with the handler's reply."""

    def __init__(self, handler: str) -> None:
        """Start the process; `handler` is "module:function", a function of str to str."""
        self.path = _import_path()
        # -P keeps the current folder from shadowing modules; the path is this process's own.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mrkl.tools.sandbox", handler],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": self.path},
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._replies: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether the process can take another request."""
        return self._process.poll() is None

    def request(self, text: str, timeout: float, cancelled: Told = _never) -> str:
        """Send one line, wait at most `timeout` seconds, or until cancelled, for the reply.

        Raises SandboxTimeout or SandboxError; the process is dead after either.
        """
        try:
            stdin = self._process.stdin
            assert stdin is not None
            stdin.write(f"{timeout:.3f} {text}\n")
            stdin.flush()
            reply = self._reply(time.monotonic() + timeout, cancelled)
        except queue.Empty:
            self.kill()
            raise SandboxTimeout(f"no reply within {timeout:.3g} s") from None
        except (OSError, ValueError):
            self.kill()
            raise SandboxError("the process could not be reached") from None
        except BaseException:
            self.kill()  # interrupted: a late reply must not meet the next request
            raise
        if not reply.endswith("\n"):
            self.kill()
            raise SandboxError(_death(self._process.returncode, bool(reply)))
        return reply[:-1]

    def _reply(self, deadline: float, cancelled: Told) -> str:
        """The next reply; queue.Empty at the deadline or when it is no longer wanted."""
        while not cancelled():
            left = deadline - time.monotonic()
            try:
                return self._replies.get(timeout=min(max(0.0, left), _LOOK))
            except queue.Empty:
                if left <= 0:
                    raise
        raise queue.Empty

    def kill(self) -> None:
        """End the process and all it started."""
        if self.alive:
            _kill_group(self._process.pid)
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError, ValueError):
                    stream.close()

    def _read(self, stream: IO[str]) -> None:
        reply = "\n"
        while reply.endswith("\n"):
            try:
                reply = stream.readline(MAX_REPLY)
            except (OSError, ValueError):
                reply = ""
            self._replies.put(reply)


class Pool:
    """Warm workers kept by key, a few at most; safe to use from many threads."""

    def __init__(self, handler: str, most_idle: int = 4) -> None:
        self._handler = handler
        self._most_idle = most_idle
        self._idle: list[tuple[str, Worker]] = []
        self._busy: set[Worker] = set()
        self._closed = False
        self._lock = threading.Lock()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def request(self, key: str, text: str, timeout: float, cancelled: Told = _never) -> str:
        """Send text to an idle worker, rather one that served `key` last, or to a fresh one."""
        with _slots.one(timeout) as left:
            worker = self._take(key) or Worker(self._handler)
            self._busy.add(worker)
            try:
                reply = worker.request(text, left, cancelled)
            except SandboxError:
                if not self._closed:
                    self._put("", Worker(self._handler))  # warm by the time of the next call
                raise
            finally:
                self._busy.discard(worker)
            self._put(key, worker)
            return reply

    def close(self) -> None:
        """End all workers, those at work too."""
        self._closed = True
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in [*(worker for _, worker in idle), *list(self._busy)]:
            worker.kill()

    def _take(self, key: str) -> Worker | None:
        """An idle worker, rather one that knows the key; None where a new one must start."""
        with self._lock:
            # A worker finds the modules that this process found when the worker was started.
            path = _import_path()
            fit = [entry for entry in self._idle if entry[1].path == path]
            if not fit:
                return None
            entry = next((entry for entry in fit if entry[0] == key), fit[0])
            self._idle.remove(entry)
            worker = entry[1]
        if worker.alive:
            return worker
        worker.kill()
        return None

    def _put(self, key: str, worker: Worker) -> None:
        with self._lock:
            self._idle.append((key, worker))
            spare = self._idle.pop(0)[1] if len(self._idle) > self._most_idle else None
        if spare is not None:
            spare.kill()

    def _forget(self) -> None:
        self._idle = []
        self._busy = set()
        self._lock = threading.Lock()


def _import_path() -> str:
    return os.pathsep.join(folder or os.getcwd() for folder in sys.path)


def run_forked(
    function: Callable[[str], str], text: str, timeout: float, cancelled: Told = _never
) -> str:
    """Run function(text) in a fork of this process; raises SandboxTimeout or SandboxError.

    The function sees all of this process's state as it was and can change none of it.
    """
    with _slots.one(timeout) as left:
        return _run_forked(function, text, left, cancelled)


def _run_forked(function: Callable[[str], str], text: str, timeout: float, cancelled: Told) -> str:
    import multiprocessing  # heavy, and most calls need none

    context: Any = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    bound = (_die_with_thread(), os.getpid())
    work = (function, text, sender, timeout, *bound)
    process = context.Process(target=_forked, args=work, daemon=True)
    # One fork at a time, so that no sibling inherits this pipe's writing end and keeps it open.
    with _FORK_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside threads
        process.start()
        sender.close()
    try:
        end = time.monotonic() + timeout
        while not receiver.poll(min(max(0.0, end - time.monotonic()), _LOOK)):
            if cancelled() or time.monotonic() >= end:
                raise SandboxTimeout(f"no reply within {timeout:.3g} s")
        return receiver.recv_bytes(MAX_REPLY).decode()
    except (EOFError, OSError):
        process.join(_GRACE)
        raise SandboxError(_death(process.exitcode, False)) from None
    finally:
        if process.exitcode is None:
            _kill_group(process.pid)
            process.kill()
        process.join()  # not closed: another thread, or the program's end, may be reaping it too
        receiver.close()


def _die_with_thread() -> Callable[[], object]:
    """What a fork calls so that Linux ends it with the thread that made it (prctl(2)).

    That thread waits for the fork as long as it lives; without this, a fork made at the very
    moment of an interruption would outlive its parent until its deadline.
    """
    if sys.platform != "linux":
        return lambda: None
    import ctypes  # here, before the fork: beside threads, loading libraries in it may hang

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(1, int(signal.SIGKILL))  # 1: PR_SET_PDEATHSIG


def _forked(
    function: Callable[[str], str],
    text: str,
    sender: Any,
    timeout: float,
    bind: Callable[[], object],
    parent: int,
) -> None:
    bind()
    if os.getppid() != parent:
        os._exit(1)  # it ended before it could be bound to it
    os.setsid()
    _output_to_stderr()
    limit_files()
    limit_memory()
    _end_after(timeout)
    if "torch" in sys.modules:
        # Its pool of threads did not come along: an operation that waited for one would hang.
        sys.modules["torch"].set_num_threads(1)
    sender.send_bytes(function(text).encode())


def _serve(handler: str) -> None:
    """Main loop of a worker process: a line in, a line out, until the input closes."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    _output_to_stderr()
    limit_files()
    limit_memory()
    module, _, name = handler.partition(":")
    function = getattr(importlib.import_module(module), name)
    for line in requests:
        timeout, _, text = line.rstrip("\n").partition(" ")
        _end_after(float(timeout))
        reply = function(text)
        _end_after(None)
        replies.write(reply + "\n")
        replies.flush()


def _output_to_stderr() -> None:
    """Standard output belongs to answers: what sandboxed code prints goes to standard error."""
    with contextlib.suppress(OSError):
        os.dup2(2, 1)
    sys.stdout = sys.stderr


def _end_after(timeout: float | None) -> None:
    """Let the kernel end this process if its parent is gone and cannot; None stops the clock."""
    if timeout is not None:
        limit_processor(timeout + _GRACE)
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0 if timeout is None else timeout + _GRACE)


def _kill_group(pid: int) -> None:
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def _death(code: int | None, oversized: bool) -> str:
    if oversized:
        return "the reply was too long"
    if code is not None and code < 0 and -code != signal.SIGKILL:
        return f"the process was ended by {signal.Signals(-code).name}"
    return "the process ended without a reply"


if __name__ == "__main__":
    _serve(sys.argv[1])
