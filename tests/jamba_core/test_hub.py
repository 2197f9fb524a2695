"""A checkpoint by its name, from a hub on this machine that speaks as the real one does."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mrkl.jamba_core import CheckpointError, Jamba
from mrkl.jamba_core.hub import HubError, checkpoint_folder
from tests.local_server import Answer, serve

pytest.importorskip("huggingface_hub", reason="the extra mrkl[hub] is not installed")

ROOT = Path(__file__).parents[2]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROGRAM = """
import sys
from mrkl.jamba_core import Jamba
model = Jamba.from_pretrained("someone/tiny", quantization="int8")
print(model([1, 2, 3]).logits.argmax(-1).tolist(), file=sys.stdout)
"""


class Hub:
    """Serves one folder as the repository someone/tiny, and counts what is fetched."""

    def __init__(self, folder: Path) -> None:
        self.files = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.files["pytorch_model.bin"] = b"\x80\x02never to be fetched"
        self.fetched: Counter[str] = Counter()

    def __call__(self, path: str, query: dict[str, list[str]]) -> Answer:
        name = path.rpartition("/")[2]
        if path.startswith("/api/models/someone/tiny/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(body), "oid": "x" * 40}
                for name, body in self.files.items()
            ]
            return 200, {"content-type": "application/json"}, json.dumps(tree).encode()
        if path.startswith("/api/models/someone/tiny"):
            about = {"id": "someone/tiny", "sha": COMMIT, "siblings": []}
            about["siblings"] = [{"rfilename": name} for name in self.files]
            return 200, {"content-type": "application/json"}, json.dumps(about).encode()
        if path.startswith("/someone/tiny/resolve/") and name in self.files:
            body = self.files[name]
            self.fetched[name] += 1
            headers = {
                "etag": f'"{hashlib.sha1(body).hexdigest()}"',
                "x-repo-commit": COMMIT,
                "content-length": str(len(body)),
            }
            return 200, headers, body
        return 404, {"x-error-code": "EntryNotFound"}, b"{}"


def run(url: str, home: Path) -> "subprocess.CompletedProcess[str]":
    hidden = {
        "HF_HUB_OFFLINE",
        "HF_TOKEN",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "http_proxy",
        "https_proxy",
    }
    here = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    environment = {k: v for k, v in os.environ.items() if k not in hidden} | here
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_a_name_is_fetched_once_and_without_pickles(folder: Path, tmp_path: Path) -> None:
    hub = Hub(folder)
    with serve(hub) as url:
        first = run(url, tmp_path)
        assert first.returncode == 0, first.stderr
        got = dict(hub.fetched)
        second = run(url, tmp_path)
    wanted = Jamba.from_pretrained(folder, quantization="int8")([1, 2, 3]).logits.argmax(-1)
    assert first.stdout.strip() == second.stdout.strip() == str(wanted.tolist())
    assert "model.safetensors" in got and "pytorch_model.bin" not in got
    assert hub.fetched["model.safetensors"] == got["model.safetensors"]  # from the cache


def test_a_hub_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    done = run("http://127.0.0.1:9", tmp_path)
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert "HubError: someone/tiny cannot be fetched from the hub" in last


def test_folders_are_taken_as_they_are(folder: Path, tmp_path: Path) -> None:
    assert checkpoint_folder(folder) == folder
    for name in ("no_folder", "./a/b", "a/b/c", str(tmp_path / "absent")):
        with pytest.raises(HubError, match="there is no folder"):
            checkpoint_folder(name)
    with pytest.raises(CheckpointError):
        Jamba.from_pretrained("no_folder")
