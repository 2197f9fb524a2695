"""The runner of all training stages, on small stand-ins for the stages."""

import argparse
import json
from pathlib import Path

import pytest

from training import run

COPY = """
[[stage]]
name = "first"
module = "json.tool"
arguments = "--compact {data}/in.json {work}/one.json"
inputs = ["{data}/in.json"]
outputs = ["one.json"]

[[stage]]
name = "second"
module = "json.tool"
arguments = "{work}/one.json {work}/two.json"
rehearsal = "--indent 1 {work}/one.json {work}/two.json"
inputs = ["{work}/one.json"]
outputs = ["two.json"]
"""


def options(folder: Path, stages: str, **changes: object) -> argparse.Namespace:
    (folder / "stages.toml").write_text(stages)
    given = {"work": folder / "work", "data": folder, "debian": folder, "teacher": folder / "x",
             "stages": folder / "stages.toml", "gpus": None, "minutes": None, "seed": 3,
             "rehearse": False}  # fmt: skip
    return argparse.Namespace(**(given | changes))


def manifest(folder: Path) -> dict[str, dict[str, object]]:
    return json.loads((folder / "work" / "manifest.json").read_text())


def test_stages_run_once_and_again_when_something_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "in.json").write_text('{"a": 1}')
    assert run.main(options(tmp_path, COPY)) == 0
    written = manifest(tmp_path)
    assert list(written["stages"]) == ["first", "second"] and written["seed"] == 3
    assert "torch" in written["versions"]
    first, second = written["stages"].values()
    assert first["outputs"] == second["inputs"] != second["outputs"]
    capsys.readouterr()
    assert run.main(options(tmp_path, COPY)) == 0
    assert capsys.readouterr().err.count("done before") == 2
    (tmp_path / "work" / "two.json").write_text("{}")  # lost or changed: made again
    assert run.main(options(tmp_path, COPY)) == 0
    assert capsys.readouterr().err.count("done before") == 1
    (tmp_path / "in.json").write_text('{"a": 2}')
    assert run.main(options(tmp_path, COPY)) == 0
    assert capsys.readouterr().err.count("done before") == 0
    assert json.loads((tmp_path / "work" / "two.json").read_text()) == {"a": 2}


def test_a_stage_that_fails_ends_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run.main(options(tmp_path, COPY)) == 1
    assert "first: failed, see" in capsys.readouterr().err
    assert "in.json" in (tmp_path / "work" / "first.log").read_text()


def test_time_ends_a_stage_that_is_not_done(tmp_path: Path):
    endless = COPY.replace('"json.tool"', '"http.server"', 1).replace("--compact {data}", "0 --x")
    endless = endless.replace("0 --x/in.json {work}/one.json", "0 --bind 127.0.0.1")
    assert run.main(options(tmp_path, endless, minutes=1e-3)) == run.OUT_OF_TIME
    assert not (tmp_path / "work" / "manifest.json").exists()


def test_parallel_stages_run_one_process_a_gpu():
    stage = run.Stage("s", "training.core.tune", "--out 'a b'", (), parallel=True)
    assert run.command(stage, 1)[1:] == ["-m", "training.core.tune", "--out", "a b"]
    words = run.command(stage, 2)
    assert words[1:5] == ["-m", "torch.distributed.run", "--nproc-per-node", "2"]
    assert words[-4:] == ["-m", "training.core.tune", "--out", "a b"]


@pytest.mark.parametrize("rehearse", [False, True])
def test_the_real_stages_can_be_read(rehearse: bool):
    places = dict.fromkeys(("work", "data", "debian", "teacher", "seed"), "X")
    found = run.stages(run.STAGES, places, rehearse)
    assert [stage.name for stage in found] == [
        *("pool", "distil", "tune", "export", "calibrate", "unseen")
    ]
    assert not any("{" in stage.arguments for stage in found)
