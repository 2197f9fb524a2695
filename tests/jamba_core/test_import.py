"""The engine in a fresh process, in which everything optional is out of reach."""

import subprocess
import sys
from pathlib import Path

import mrkl.jamba_core as core

PROGRAM = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"transformers", "mamba_ssm", "causal_conv1d", "triton"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Refuse())
import mrkl.jamba_core
assert "torch" not in sys.modules
from mrkl.jamba_core import Jamba
model = Jamba.from_pretrained(sys.argv[1], quantization="int8")
result = model.generate("hello", max_new_tokens=8, grammar='start: /[a-z]{3}/')
assert len(result.text) == 3, result
print(result.finish)
"""


def test_nothing_optional_is_needed(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        cwd=Path(__file__).parents[2],
    )
    assert (done.returncode, done.stdout.strip()) == (0, "grammar"), done.stderr


def test_the_public_names_exist() -> None:
    assert core.__all__ == sorted(core.__all__)
    for name in core.__all__:
        assert getattr(core, name).__name__ == name
