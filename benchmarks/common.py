"""What all benchmarks share: who ran where, a table on the screen, a JSON file in results/.

In: figures. Out: `results/<name>.json` with machine, commit and versions beside them. Times on a
shared machine drift; compare ratios of one run, not milliseconds of two.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "results"
PACKAGES = ("mrkl", "torch", "numpy", "tokenizers", "llguidance", "scikit-learn")


def machine() -> dict[str, Any]:
    """Processor, cores, load, commit and versions."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES if _installed(name)},
    }


def write(name: str, figures: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write figures beside the machine's description; returns the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps({**machine(), **figures}, indent=1, ensure_ascii=False) + "\n")
    return path


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(head):
        table.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    Console(width=110).print(table)


def percentiles(values: Sequence[float], scale: float = 1000.0) -> dict[str, float]:
    """Median and 95th percentile; seconds become milliseconds."""
    p50, p95 = np.percentile(np.asarray(values) * scale, [50, 95])
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3)}


def _commit() -> str:
    run = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.strip() or "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or sys.platform
    return next((line.split(":")[1].strip() for line in lines if "model name" in line), "unknown")


def _installed(name: str) -> bool:
    try:
        version(name)
    except ImportError:
        return False
    return True
