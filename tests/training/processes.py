"""The same code in processes whose sets have other orders: a seed must give the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys


def said_by_processes(code: str) -> set[str]:
    """What the code prints in each of three processes."""
    return {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
