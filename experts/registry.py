"""Where experts come from: the built-in ones, installed plug-ins, modules and files of the user.

Names in, Expert objects out. Built-in experts are named here as module:factory and imported when
asked for, so that importing this file stays light. What is wrong with a source is one line in an
ExpertLoadError.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from mrkl.experts.base import Expert
from mrkl.experts.decorator import expert as decorate

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "mrkl.experts"  # entry points of installed packages
BUILTINS: dict[str, str] = {
    name: f"mrkl.experts.{name}:build"
    for name in (
        *("calculator", "algebra", "units", "calendar", "knowledge"),
        *("currency", "weather", "encyclopedia"),
    )
}


class ExpertLoadError(ValueError):
    """An expert that cannot be had; the message is one line and says what to fix."""


class Registry:
    """Experts by name, in order; names are unique."""

    def __init__(self, experts: Iterable[Expert] = ()) -> None:
        self._experts: dict[str, Expert] = {}
        for item in experts:
            self.add(item)

    def add(self, item: Expert) -> None:
        """Add an expert; raises ExpertLoadError if its name is taken."""
        known = self._experts.setdefault(item.name, item)
        if known is not item:
            raise ExpertLoadError(f"two experts are named {item.name!r}: give one another name=")

    def get(self, name: str) -> Expert:
        """The expert of that name; raises ExpertLoadError that names the nearest."""
        if name not in self._experts:
            raise ExpertLoadError(f"there is no expert {name!r}{_hint(name, self._experts)}")
        return self._experts[name]

    def near(self, name: str) -> list[str]:
        """Up to three names like this one, the nearest first."""
        return _near(name, self._experts)

    def __contains__(self, name: object) -> bool:
        return name in self._experts

    def __iter__(self) -> Iterator[Expert]:
        return iter(self._experts.values())

    def __len__(self) -> int:
        return len(self._experts)


def builtin_experts() -> list[Expert]:
    """All built-in experts that this installation holds, freshly built."""
    return [builtin_expert(name) for name, origin in BUILTINS.items() if _present(origin)]


def builtin_expert(name: str) -> Expert:
    """One built-in expert; raises ExpertLoadError that names the nearest."""
    if name not in BUILTINS:
        raise ExpertLoadError(f"there is no built-in expert {name!r}{_hint(name, BUILTINS)}")
    module, _, factory = BUILTINS[name].partition(":")
    return cast(Expert, getattr(importlib.import_module(module), factory)())


def installed_experts() -> tuple[list[Expert], list[str]]:
    """Experts of the entry-point group "mrkl.experts", and a line for each that is broken."""
    experts: list[Expert] = []
    problems: list[str] = []
    from importlib.metadata import entry_points  # heavy beside the rest of this file

    for point in entry_points(group=GROUP):
        try:
            experts += _experts_of(_loaded(point), f"plug-in {point.name}")
        except ExpertLoadError as error:
            problems.append(str(error))
    return experts, problems


def default_experts() -> tuple[list[Expert], list[str]]:
    """What an agent starts with: built-in and installed experts, and a line for each fault.

    A plug-in cannot take the name of a built-in expert or of a plug-in before it.
    """
    experts = builtin_experts()
    plugins, problems = installed_experts()
    for plugin in plugins:
        if any(plugin.name == other.name for other in experts):
            problems.append(f"plug-in expert {plugin.name!r} is left out: its name is taken")
        else:
            experts.append(plugin)
    return experts, problems


def load_expert(spec: str) -> Expert:
    """The expert behind "module:name" or "path/file.py:name"; raises ExpertLoadError.

    The name may be an Expert, a typed function, or a function without parameters that builds an
    Expert.
    """
    experts = load_experts(spec)
    if len(experts) != 1:
        names = ", ".join(item.name for item in experts)
        raise ExpertLoadError(f"{spec} holds {len(experts)} experts ({names}): name one as :name")
    return experts[0]


def load_experts(spec: str) -> list[Expert]:
    """Like load_expert; without ":name" all Experts that the module or file holds."""
    place, name = _split(spec)
    module = _module(place)
    if name:
        try:
            found = getattr(module, name)
        except AttributeError:
            raise ExpertLoadError(f"{place} has no {name!r}{_hint(name, vars(module))}") from None
        return _experts_of(found, spec)
    experts = [item for item in vars(module).values() if isinstance(item, Expert)]
    if not experts:
        raise ExpertLoadError(f"{place} holds no expert; decorate a function with @mrkl.expert")
    return list(dict.fromkeys(experts))


def _present(origin: str) -> bool:
    return importlib.util.find_spec(origin.partition(":")[0]) is not None


def _near(name: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)


def _hint(name: str, known: Iterable[str]) -> str:
    near = _near(name, (other for other in known if not other.startswith("_")))
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _split(spec: str) -> tuple[str, str]:
    """A place and a name; the colon of a Windows drive is none."""
    place, colon, name = spec.rpartition(":")
    if not colon or (name and not name.isidentifier()):
        place, name = spec, ""
    if not place:
        raise ExpertLoadError(f"{spec!r} is not module:name or path/file.py:name")
    return place, name


def _module(place: str) -> ModuleType:
    """Import a module by name, or a file by path; the current folder is searched last."""
    is_file = place.endswith(".py") or os.sep in place
    folder = str(Path(place).resolve().parent if is_file else Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        return _file_module(Path(place)) if is_file else importlib.import_module(place)
    except ExpertLoadError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - user code may raise anything
        text = " ".join(str(error).split())
        raise ExpertLoadError(f"{place} cannot be loaded: {type(error).__name__}: {text}") from None


def _file_module(path: Path) -> ModuleType:
    if not path.is_file():
        raise ExpertLoadError(f"there is no file {path}")
    # A name no import finds: its experts run in forks, since no fresh process could import them.
    name = f"mrkl_file_{path.resolve().stem}_{abs(hash(path.resolve())):x}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ExpertLoadError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _loaded(point: EntryPoint) -> object:
    try:
        return point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plug-in may raise anything
        text = " ".join(str(error).split())
        raise ExpertLoadError(f"plug-in {point.name}: {type(error).__name__}: {text}") from None


def _experts_of(found: object, source: str) -> list[Expert]:
    """Experts from an Expert, a list of such things, a factory, or a typed function."""
    if isinstance(found, Expert):
        return [found]
    if isinstance(found, (list, tuple)):
        items = cast("list[object]", found)
        return [expert for item in items for expert in _experts_of(item, source)]
    if not callable(found):
        raise ExpertLoadError(f"{source} is a {type(found).__name__}, not an expert or a function")
    try:
        if _builds(found):
            return _experts_of(found(), source)
        return [decorate(found)]
    except TypeError as error:
        raise ExpertLoadError(f"{source}: {error}") from None


def _builds(function: Any) -> bool:
    """Whether a function is declared to give Experts (rather than to be one)."""
    returns = getattr(function, "__annotations__", {}).get("return", "")
    return "Expert" in (returns if isinstance(returns, str) else getattr(returns, "__name__", ""))
