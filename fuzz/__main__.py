"""`python -m fuzz TARGET [libFuzzer's options]`, or `python -m fuzz TARGET --mutate COUNT`."""

from __future__ import annotations

import importlib
import sys
import tempfile
from pathlib import Path

from fuzz.mutations import mutations

TARGETS = ("expressions", "plans", "checkpoints")


def main(arguments: list[str]) -> None:
    """Run one target until it fails or libFuzzer's limits are reached."""
    name, *options = arguments or [""]
    if name not in TARGETS:
        sys.exit(f"usage: python -m fuzz {'|'.join(TARGETS)} [-max_total_time=60 …] [CORPUS]")
    if options[:1] == ["--mutate"]:
        target = importlib.import_module(f"fuzz.{name}")
        for number, data in enumerate(mutations(target.SEEDS, int(options[1]))):
            try:
                target.check(data)
            except Exception:
                print(f"{name}, mutation {number}: {data[:2000]!r}", file=sys.stderr)
                raise
        return
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install 'mrkl[fuzz]', or see --mutate")
    with atheris.instrument_imports(include=["mrkl"]):
        target = importlib.import_module(f"fuzz.{name}")
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(target.SEEDS):
            (Path(folder) / str(number)).write_bytes(seed)
        # a corpus that is named comes first: libFuzzer writes into the first folder only
        atheris.Setup([sys.argv[0], *options, folder], target.check)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
