"""The compiled CPU kernels: built once with the machine's own C compiler, or done without.

Out: `library()`, the loaded functions, or None where there is no compiler (everything then runs
in plain torch, slower). The result is kept in the user's cache folder under a name made of the
sources, the processor and the compiler, so a change of any builds it anew. `MRKL_NATIVE=0`
switches the kernels off. It does not know layers.
"""

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
COMPILE_SECONDS = 120

_P, _I, _F = ctypes.c_void_p, ctypes.c_int, ctypes.c_float
SIGNATURES: dict[str, list[Any]] = {
    "pool_helpers": [_I],
    "int8_pack": [_P, _I, _I, _P],
    "int8_unpack": [_P, _I, _I, _P],
    "int8_product": [_P, _P, _I, _P],
    "int8_mlp": [_P, _P, _P, _I, _P],
    "int8_experts": [_P, _P, _I, _I, _P, _P, _P, _I, _P],
    "mamba_conv": [_P] * 6 + [_I] * 4,
    "mamba_scan": [_P] * 9 + [_I] * 5,
    "norm_rows": [_P, _P, _F, _I, _I, _P],
    "norm_pieces": [_P, _P, _F, _I, _I, _I],
}


class Matrix(ctypes.Structure):
    """An int8 matrix as the kernels see it (`int8.h`)."""

    _fields_ = (
        ("packed", _P),
        ("scale", _P),
        ("bias", _P),
        ("rows", _I),
        ("columns", _I),
        ("bytes", _I),
    )


def cache_folder() -> Path:
    """Where built kernels are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "mrkl"


@cache
def library() -> Any:
    """The kernels as a ctypes library, or None; the first call may compile for some seconds."""
    if os.environ.get("MRKL_NATIVE") == "0" or sys.platform == "win32":
        return None
    try:
        loaded = ctypes.CDLL(str(_built()))
    except (OSError, RuntimeError, subprocess.SubprocessError):
        return None
    for name, arguments in SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = arguments, None
    return loaded


def _built() -> Path:
    """The shared object for this machine, compiled if it is not there yet."""
    compiler = next((c for c in ("cc", "gcc", "clang") if shutil.which(c)), None)
    if compiler is None:
        raise RuntimeError("no C compiler")
    folder = Path(__file__).parent
    sources = sorted(folder.glob("*.c"))
    key = hashlib.sha256(" ".join((compiler, *FLAGS, _processor())).encode())
    for path in sorted(folder.glob("*.[ch]")):
        key.update(path.read_bytes())
    target = cache_folder() / f"kernels-{key.hexdigest()[:16]}.so"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=target.parent) as work:
            made = Path(work) / target.name
            command = [compiler, *FLAGS, "-o", str(made), *map(str, sources), "-lm", "-lpthread"]
            subprocess.run(command, check=True, capture_output=True, timeout=COMPILE_SECONDS)
            os.replace(made, target)
    return target


def _processor() -> str:
    """What `-march=native` depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        import platform

        return platform.machine() + platform.processor()
    return "".join(line for line in dict.fromkeys(lines) if line.startswith(("model", "flags")))
