"""The public names: what `mrkl.__all__`, the design and docs/python.md say is the same."""

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import mrkl
import mrkl.jamba_core
import mrkl.router

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
DESIGN = {"Agent", "Answer", "Budget", "builtin_experts", "expert"}


def test_the_names_are_those_of_the_docs():
    section = PAGE.read_text(encoding="utf-8").partition("## All names\n")[2].partition("\n## ")[0]
    assert sorted(set(re.findall(r"`mrkl\.(\w+)`", section))) == mrkl.__all__


def test_the_names_are_those_of_the_design():
    assert set(mrkl.__all__) >= DESIGN
    for method in ("ask", "aask", "stream", "route"):
        assert callable(getattr(mrkl.Agent, method))
    assert list(inspect.signature(mrkl.Agent).parameters)[:4] == [
        *("experts", "model", "budget", "world")
    ]
    assert list(inspect.signature(mrkl.expert).parameters)[:6] == [
        *("fn", "name", "examples", "effects", "isolate", "timeout")
    ]
    assert list(inspect.signature(mrkl.jamba_core.Jamba.from_pretrained).parameters) == [
        *("folder", "dtype", "device", "quantization")
    ]
    assert callable(mrkl.router.Router.load)
    assert list(inspect.signature(mrkl.router.Router.route).parameters)[1:3] == ["text", "experts"]


def test_every_name_loads_when_first_used():
    code = (
        "import json, mrkl; before = set(vars(mrkl)) & set(mrkl.__all__);"
        "print(json.dumps([sorted(before), [n for n in mrkl.__all__ if getattr(mrkl, n) is None],"
        "sorted(set(mrkl.__all__) - set(vars(mrkl)))]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [[], [], []]


def test_there_is_no_other_name():
    for room in ("experts", "jamba_core", "router", "tools"):
        assert inspect.ismodule(getattr(mrkl, room))
    try:
        mrkl.Agentt  # noqa: B018
    except AttributeError as error:
        assert "'Agentt'" in str(error)
    else:
        raise AssertionError("a name that is not there was found")
