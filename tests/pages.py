"""Runs the examples of a Markdown page: its python blocks and its console blocks with `$ mrkl`.

Blocks of python with `>>>` run as doctests, the others as they stand; all of a page share names.
Of a console block, every line `$ …` that calls mrkl runs in a shell, in a folder with the files
that examples name; what follows it must be what a terminal shows (`...` stands for anything).
A block is left out where `<!-- not run: reason -->` stands before it.
"""

from __future__ import annotations

import doctest
import os
import re
import runpy
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(
    r"(?P<skip><!-- not run: (?P<reason>[^>]*\S) -->\n\s*)?"
    r"^(?P<indent> *)```(?P<kind>python|console)\n(?P<text>.*?)^(?P=indent)```",
    re.MULTILINE | re.DOTALL,
)
_LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class Block:
    """A fenced block: kind (python or console), content, line number, why it is not run."""

    kind: str
    text: str
    line: int
    reason: str | None


def blocks(page: str) -> Iterator[Block]:
    for found in _FENCE.finditer(page):
        line = page.count("\n", 0, found.start("text")) + 1
        yield Block(found["kind"], found["text"], line, found["reason"])


def run_python(page: Path, folder: Path) -> int:
    """Run a page's python blocks; gives how many. Raises AssertionError with what went wrong."""
    names: dict[str, object] = {}
    found = [b for b in blocks(page.read_text("utf-8")) if b.kind == "python" and not b.reason]
    for block in found:
        if ">>>" in block.text:
            example = doctest.DocTestParser().get_doctest(
                block.text, names, page.name, str(page), block.line
            )
            written: list[str] = []
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(example, out=written.append, clear_globs=False)
            assert not written, "".join(written)
            names.update(example.globs)
        else:
            script = folder / f"{page.stem}_{block.line}.py"
            script.write_text(block.text, encoding="utf-8")
            names.update(runpy.run_path(str(script), init_globals=names))
    return len(found)


def run_console(page: Path, folder: Path) -> int:
    """Run a page's mrkl commands; gives how many. Raises AssertionError with what went wrong."""
    prepare(folder)
    count = 0
    for block in blocks(page.read_text("utf-8")):
        if block.kind != "console" or block.reason:
            continue
        for command, expected in commands(block.text):
            if re.search(r"(^|[|&;] *)mrkl ", command):
                shown = in_shell(command, folder)
                fits = doctest.OutputChecker().check_output(expected, shown, _LOOSE)
                where = f"{page.name}, block at line {block.line}"
                assert fits, f"{where}: $ {command}\nexpected:\n{expected}\nshown:\n{shown}"
                count += 1
    return count


def commands(text: str) -> Iterator[tuple[str, str]]:
    """Commands of a console block with the lines that follow each."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        yield re.sub(r"\s+# .*$", "", command), expected


def prepare(folder: Path) -> None:
    """The files that examples name, and a command `mrkl` that runs this checkout."""
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.executescript(
            "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, customer TEXT, total REAL);"
            "DELETE FROM orders; INSERT INTO orders VALUES (1, 'Ada', 12.5), (2, 'Grace', 30);"
        )
    shop.close()
    command = folder / "bin" / "mrkl"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mrkl.cli "$@"\n')
    command.chmod(0o755)


def in_shell(command: str, folder: Path) -> str:
    """What a terminal would show: stdout and stderr as they come."""
    environment = os.environ | {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), *sys.path])),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    run = subprocess.run(
        ["bash", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=environment,
        timeout=100,
        check=False,
    )
    return run.stdout
