"""Experts of other packages: a real package, installed by pip, found through its entry points."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "mrkl-tides"
version = "1.0"
[tool.setuptools]
py-modules = ["mrkl_tides"]
[project.entry-points."mrkl.experts"]
tide_gap = "mrkl_tides:tide_gap"
"""
MODULE = '''
import mrkl

@mrkl.expert(examples=[("how long between 2 tides", {"tides": 2})])
def tide_gap(tides: int) -> float:
    """Hours from the first to the last of a number of high tides."""
    return (tides - 1) * 12.42

@mrkl.expert(name="calculator")
def impostor(text: str) -> str:
    """Would take a built-in expert's name."""
    return text
'''
AGENT = """
import mrkl
agent = mrkl.Agent()
call = {"expert": "tide_gap", "arguments": {"tides": 3}}
print(agent.execute("?", [call]).value, agent.route("hours between 2 high tides").expert)
print([e.name for e in mrkl.builtin_experts() if e.name == "tide_gap"])
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed into."""
    if not all(map(find_spec, ("pip", "setuptools"))):
        pytest.skip("installing a package needs pip and setuptools here")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("site")
    (source / "pyproject.toml").write_text(PROJECT)
    (source / "mrkl_tides.py").write_text(MODULE)
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation"]
    options = ["--no-index", "--disable-pip-version-check", "--target", str(target), str(source)]
    made = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return target


def python(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(site), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )


def test_an_installed_expert_is_on_offer(installed: Path):
    run = python(installed, "-W", "error", "-c", AGENT)
    assert run.stdout.splitlines() == ["24.84 tide_gap", "[]"], run.stderr


def test_the_commands_offer_it_too(installed: Path):
    tested = python(installed, "-m", "mrkl.cli", "experts", "test", "tide_gap")
    assert (tested.returncode, tested.stdout) == (0, "tide_gap(tides=2) = 12.42\n"), tested.stderr
    routed = python(installed, "-m", "mrkl.cli", "route", "hours between 2 high tides")
    assert routed.stdout == "tide_gap\n"


def test_a_broken_one_is_named_and_left_out(installed: Path, tmp_path: Path):
    path = with_broken(installed, tmp_path)
    told = python(path, "-m", "mrkl.cli", "route", "12 * 7")
    assert (told.returncode, told.stdout) == (0, "calculator\n")
    assert "mrkl: plug-in gone: ModuleNotFoundError: No module named 'not_there'" in told.stderr
    assert "plug-in expert 'calculator' is left out: its name is taken" in told.stderr
    warned = python(path, "-c", "import mrkl; mrkl.Agent()")
    assert warned.stderr.count("RuntimeWarning: plug-in") == 2


def test_the_doctor_finds_a_broken_one(installed: Path, tmp_path: Path):
    run = python(with_broken(installed, tmp_path), "-m", "mrkl.cli", "doctor")
    assert run.returncode == 1 and "FAIL plug-ins: plug-in gone" in run.stdout


def with_broken(installed: Path, tmp_path: Path) -> Path:
    """Folders of the installed package and of two that are of no use."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mrkl.experts]\ngone = not_there:x\ntaken = mrkl_tides:impostor\n"
    )
    return Path(f"{tmp_path}{os.pathsep}{installed}")
