"""Writes a file with a new expert, to be filled in by its author; it works as it is.

In: a name and a folder. Out: the file, made from data/new_expert.txt. Nothing is ever overwritten.
"""

from __future__ import annotations

from importlib.resources import files
from keyword import iskeyword
from pathlib import Path

from mrkl.experts.registry import BUILTINS


def write_expert(name: str, folder: Path) -> Path:
    """Write folder/name.py; raises ValueError with one line where that is not possible."""
    if not name.isidentifier() or iskeyword(name):
        raise ValueError(f"{name!r} is not a Python name; use letters, digits and _")
    if name in BUILTINS:
        raise ValueError(f"{name} is the name of a built-in expert; choose another")
    path = folder / f"{name}.py"
    template = files("mrkl").joinpath("data", "new_expert.txt").read_text(encoding="utf-8")
    text = template.format(name=name, file=path.as_posix(), words=name.replace("_", " "))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ValueError(f"{path} exists; nothing was changed") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be written: {error.strerror}") from None
    return path
