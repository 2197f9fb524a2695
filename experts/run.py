"""One call of an expert, from raw arguments to a Result or a Failure; it never raises.

Arguments and results are checked, the deadline holds, exceptions become failures. Experts that
ask for isolation run in a process that is killed at the deadline: a warm worker where a fresh
process can import the expert, else a fork. What to call, and when, is the agent's business.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from mrkl.experts.arguments import checked_arguments, checked_result
from mrkl.experts.base import Context, Expert, ExpertError, Failure, Result
from mrkl.experts.decorator import expert as decorate
from mrkl.experts.wire import dump_call, dump_outcome, load_call, load_outcome
from mrkl.experts.world import World
from mrkl.tools import sandbox
from mrkl.tools.beside import beside
from mrkl.tools.limits import MemoryUse, limit_memory
from mrkl.tools.secrets import masked

_MAX_MESSAGE = 300  # characters of an exception in a failure
_MOST_READ = 10_000  # characters of it that are looked at

_serving: set[int] = set()  # process numbers of workers and forks, each its own

_pool = sandbox.Pool("mrkl.experts.run:serve")
atexit.register(_pool.close)


def call(
    expert: Expert, arguments: Mapping[str, Any], context: Context | None = None
) -> Result | Failure:
    """Call an expert; the outcome carries the seconds it took.

    The deadline is the earlier of the context's and the expert's own timeout from now.
    """
    begin = time.monotonic()
    context = context or Context()
    context = replace(context, deadline=min(context.deadline, begin + expert.timeout))
    try:
        values = checked_arguments(expert, arguments)
    except ExpertError as error:
        outcome: Result | Failure = Failure(error.kind, error.message)
    else:
        outcome = _outcome(expert, values, context)
    return replace(outcome, seconds=time.monotonic() - begin)


def warm(expert: Expert) -> None:
    """Run an isolated expert's first example call, so that its worker is ready for the next."""
    if expert.isolate and expert.calls and _importable(expert):
        call(expert, expert.calls[0][1])


def _outcome(expert: Expert, values: dict[str, Any], context: Context) -> Result | Failure:
    """Run where the expert asks for it: killable process, thread with a deadline, or here."""
    if context.remaining() <= 0:
        return _timeout(expert)
    if expert.isolate:
        return _isolated(expert, values, context)
    if expert.plain is not None or expert.effects == "network":
        return _threaded(expert, values, context)
    return _run(expert, values, context)


def _run(expert: Expert, values: dict[str, Any], context: Context) -> Result | Failure:
    """Run in this thread; everything but an interruption becomes a Failure."""
    try:
        return checked_result(expert, expert.call(values, context))
    except ExpertError as error:
        return Failure(error.kind, _one_line(error.message))
    except KeyboardInterrupt:
        if threading.current_thread() is threading.main_thread() and os.getpid() not in _serving:
            raise  # the user's Ctrl-C; anywhere else the expert raised it
        return Failure("crashed", f"{expert.name} interrupted itself")
    except SystemExit:
        return Failure("crashed", f"{expert.name} tried to end the program")
    except MemoryError:
        allowed = f"the {context.memory >> 20:,} MB of memory that it may have"
        return Failure("budget", f"{expert.name} needs more than {allowed}")
    except BaseException as error:  # noqa: BLE001 - whatever an expert raises is its failure
        if isinstance(error, TimeoutError) and context.remaining() <= 0:
            return _timeout(expert)
        return Failure("crashed", f"{expert.name}: {_described(error)}")


def _threaded(expert: Expert, values: dict[str, Any], context: Context) -> Result | Failure:
    """Run beside this thread and stop waiting at the deadline; a thread cannot be killed."""
    try:
        outcome = beside(lambda: _run(expert, values, context), context.deadline, context.cancelled)
    except TimeoutError:
        return _timeout(expert)
    return outcome if context.remaining() > 0 else _timeout(expert)


def _isolated(expert: Expert, values: dict[str, Any], context: Context) -> Result | Failure:
    """Run in a process that ends at the deadline."""
    try:
        origin = _importable(expert) if type(context.world) is World else None
        world = json.dumps(context.world.as_dict()) if origin else ""
        line = dump_call(origin or "", values, context.remaining(), context.memory, world)
        if origin:
            reply = _pool.request(origin, line, context.remaining(), context.cancelled)
        elif sandbox.can_fork():
            reply = sandbox.run_forked(
                lambda _: _forked(expert, values, context),
                "",
                context.remaining(),
                context.cancelled,
            )
        else:
            return _threaded(expert, values, context)
        return load_outcome(reply)
    except sandbox.SandboxTimeout:
        return _timeout(expert)
    except sandbox.SandboxError as error:
        return Failure("crashed", f"{expert.name}: {error}")
    except OSError as error:
        return Failure("crashed", f"{expert.name}: no process to run it in: {error}")


def _forked(expert: Expert, values: dict[str, Any], context: Context) -> str:
    _serving.add(os.getpid())
    return dump_outcome(_measured(expert, values, context))


def _measured(expert: Expert, values: dict[str, Any], context: Context) -> Result | Failure:
    """Run in this process, made for it, within the call's memory; the outcome tells its use."""
    use = MemoryUse()
    limit_memory(context.memory)
    try:
        outcome = _run(expert, values, context)
    finally:
        limit_memory()
    return replace(outcome, memory=use.highest())


def _described(error: BaseException) -> str:
    """An exception as `Kind: message`, whatever its own text does."""
    try:
        text = _one_line(str(error))
    except Exception:  # noqa: BLE001 - a broken __str__ is one more misbehaviour
        text = ""
    return f"{type(error).__name__}{': ' if text else ''}{text}"


def _timeout(expert: Expert) -> Failure:
    return Failure("timeout", f"{expert.name} took too long")


def _one_line(text: str) -> str:
    """What an expert says of its failure: one line, without secrets, not too long."""
    line = masked(" ".join(text[:_MOST_READ].split()))
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def _importable(expert: Expert) -> str | None:
    """The expert's origin, if a fresh process would import the same thing under that name."""
    if expert.origin is None:
        return None
    module_name, _, attribute = expert.origin.partition(":")
    module = sys.modules.get(module_name)
    if attribute.endswith("()"):
        return expert.origin
    found = getattr(module, attribute, None)
    same = found is expert or (found is not None and found is expert.plain)
    return expert.origin if same and _on_path(module_name, tuple(sys.path)) else None


@lru_cache(maxsize=256)
def _on_path(module_name: str, path: tuple[str, ...]) -> bool:
    """Whether the import system finds the loaded module by name (not one loaded from a file).

    `path` is sys.path: the answer is kept for as long as that stays the same.
    """
    top = module_name.partition(".")[0]
    here = getattr(sys.modules.get(top), "__spec__", None)
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        spec = find(top, None) if find else None
        if spec is not None:
            return here is not None and spec.origin == here.origin
    return False


def serve(line: str) -> str:
    """In a worker process: run the call on this line and give the outcome as a line."""
    origin, values, remaining, memory, world = load_call(line)
    _serving.add(os.getpid())
    try:
        expert = _loaded(origin)
    except BaseException as error:  # noqa: BLE001 - importing user code may raise anything
        message = f"{origin} cannot be loaded: {_described(error)}"
        return dump_outcome(Failure("crashed", message))
    context = Context(_world(world), time.monotonic() + remaining, memory)
    return dump_outcome(_measured(expert, values, context))


@lru_cache(maxsize=64)
def _loaded(origin: str) -> Expert:
    module_name, _, attribute = origin.partition(":")
    found = getattr(importlib.import_module(module_name), attribute.removesuffix("()"))
    if attribute.endswith("()"):
        found = found()
    if isinstance(found, Expert):
        return found
    plain: Callable[..., Any] = found  # a function registered as it is, not decorated in place
    return decorate(plain)


@lru_cache(maxsize=4)
def _world(text: str) -> World:
    return World.from_dict(json.loads(text))
