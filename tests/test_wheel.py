"""The wheel: what is in it, that it comes out of the sdist too, and that it answers elsewhere.

Built without isolation and installed into a fresh environment that borrows this one's
dependencies, so that nothing is downloaded.
"""

import os
import site
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)  # twenty seconds on an idle machine
ROOT = Path(__file__).resolve().parents[1]
MEGABYTES = 100
HELD = (
    "jamba_core/data/config.json",
    "jamba_core/data/model.safetensors.index.json",
    "jamba_core/data/tokenizer.json",
    "router/data/router.safetensors",
    "router/data/cards.safetensors",
    "experts/data/facts.sqlite",
    "data/openai_system.txt",
    "cli.py",
    "__main__.py",
    "py.typed",
)
BUILD = """
import sys
from setuptools import build_meta
print(build_meta.build_sdist(sys.argv[1]) if sys.argv[2] == "sdist" else build_meta.build_wheel(sys.argv[1]))
"""


def build(tree: Path, out: Path, kind: str) -> Path:
    """Build in a copy's folder, by the backend named in pyproject.toml."""
    run = subprocess.run(
        [sys.executable, "-c", BUILD, str(out), kind],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return out / run.stdout.split()[-1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the sdist of what git knows: the longer way, which holds the other."""
    # asked of the metadata: importing setuptools beside what other tests loaded upsets distutils
    if int(version("setuptools").partition(".")[0]) < 77:
        pytest.skip("building needs setuptools>=77")
    folder = tmp_path_factory.mktemp("built")
    tree = folder / "tree"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("not a git checkout: which files belong to the package is unknown")
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, tree / name
        if source.exists() or source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink():
                target.symlink_to(os.readlink(source))
            else:
                os.link(source, target)
    sdist = build(tree, folder, "sdist")
    subprocess.run(["tar", "-xzf", str(sdist)], cwd=folder, check=True)
    return build(folder / sdist.name.removesuffix(".tar.gz"), folder, "wheel")


def test_it_holds_everything_under_one_name(built: Path):
    names = set(zipfile.ZipFile(built).namelist())
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mrkl"}
    assert {name for name in HELD if f"mrkl/{name}" not in names} == set()
    assert any(name.endswith("-00001-of-00004.safetensors") for name in names)
    assert built.stat().st_size <= MEGABYTES * 1e6
    licences = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    assert {"LICENSE", "NOTICE"} <= licences


def test_it_answers_in_another_folder(built: Path, tmp_path: Path):
    home = tmp_path / "fresh"
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    packages = next(home.glob("lib/python*/site-packages"))
    borrowed = "\n".join(path for path in site.getsitepackages() if Path(path).is_dir())
    # a plain line in a .pth adds the folder, but does not run the .pth files inside it: an
    # editable install of this checkout stays out
    (packages / "borrowed.pth").write_text(borrowed + "\n")
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--no-compile",
            "--no-deps",
            "--no-index",
            "--ignore-installed",
            str(built),
        ],
        check=True,
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    clean["OMP_NUM_THREADS"] = "1"  # threads that wait for each other crawl on a busy machine
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "tools.py").write_text("raise SystemExit('a file of the user was imported')\n")

    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command, cwd=elsewhere, env=clean, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "12" in run(home / "bin" / "mrkl", "ask", "what is 15% of 80")
    assert "calculator" in run(python, "-m", "mrkl", "experts", "list")
    assert str(home) in run(python, "-c", "import mrkl; print(mrkl.__file__)")
