"""What works here: versions, weights, experts, accelerators. Prints one line a check.

It changes nothing and opens no connection.
"""

from __future__ import annotations

import importlib.util
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path


@dataclass(frozen=True)
class Check:
    """One finding: ok is None where it is only information."""

    name: str
    ok: bool | None
    detail: str


def checks() -> Iterator[Check]:
    """All findings, cheap ones first."""
    yield Check("python", sys.version_info >= (3, 11), platform.python_version())
    yield Check("platform", None, f"{platform.system()} {platform.machine()}")
    for name in ("torch", "llguidance", "tokenizers", "sympy", "pint", "sqlalchemy", "httpx"):
        yield _package(name, needed=True)
    for name in ("duckdb", "matplotlib", "mamba_ssm", "triton", "transformers"):
        yield _package(name, needed=False)
    yield from _weights()
    yield from _experts()
    yield _kernels()
    yield _accelerator()
    yield _gpu_kernels()


def _package(name: str, needed: bool) -> Check:
    if importlib.util.find_spec(name) is None:
        return Check(name, False if needed else None, "missing" if needed else "not installed")
    try:
        version = metadata.version(name.replace("_", "-"))
    except metadata.PackageNotFoundError:
        version = "present"
    return Check(name, True if needed else None, version)


def _weights() -> Iterator[Check]:
    root = Path(__file__).parent
    for name, folder in (("language core", "jamba_core"), ("router", "router")):
        found = sorted((root / folder / "data").glob("*.safetensors"))
        size = sum(file.stat().st_size for file in found) / 1e6
        yield Check(name, bool(found), f"{len(found)} files, {size:.1f} MB")


def _experts() -> Iterator[Check]:
    from mrkl.experts.registry import default_experts

    try:
        experts, problems = default_experts()
        names = ", ".join(expert.name for expert in experts)
    except Exception as error:  # noqa: BLE001 - the doctor names what is broken, whatever it is
        yield Check("experts", False, f"{type(error).__name__}: {error}")
        return
    yield Check("experts", True, names)
    for problem in problems:
        yield Check("plug-ins", False, problem)


def _kernels() -> Check:
    from mrkl.jamba_core.kernels import library

    missing = "none: no C compiler, or switched off; the core then runs in plain torch, slower"
    return Check("kernels", None, missing if library() is None else "compiled for this processor")


def _accelerator() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("gpu", None, torch.cuda.get_device_name())
    return Check("gpu", None, f"none; {torch.get_num_threads()} CPU threads")


def _gpu_kernels() -> Check:
    from mrkl.jamba_core.gpu import why_not

    reason = why_not()
    mamba = importlib.util.find_spec("mamba_ssm") is not None
    unused = "; mamba-ssm is installed and not used: its scan cannot start from a state"
    detail = f"none: {reason}" if reason else "our own, in Triton" + unused * mamba
    return Check("gpu kernels", None, detail)
