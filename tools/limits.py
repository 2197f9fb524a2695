"""What this process may use of the machine, and what it has used: memory, processor, files.

In: bytes and seconds. Out: limits that the kernel keeps, and bytes of memory at the highest. What
a system does not know (Windows has no limits, only Linux tells of its memory) is left out: the
functions then do nothing, or give 0.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Any

MEMORY_LIMIT = 2 << 30  # bytes a sandboxed process may allocate on top of what it starts with
FILE_LIMIT = 256 << 20  # bytes of one file it may write
OPEN_FILES = 1024
_LONGEST = 86_400.0  # seconds; longer timeouts set no limits of time
_STATUS = Path("/proc/self/status")

try:
    import resource as _resource
except ImportError:  # Windows
    _resource: Any = None


def limit_files() -> None:
    """Limit the files this process may write and open, and let it dump no core."""
    if _resource is None:
        return
    caps = ((_resource.RLIMIT_FSIZE, FILE_LIMIT), (_resource.RLIMIT_NOFILE, OPEN_FILES))
    for kind, cap in (*caps, (_resource.RLIMIT_CORE, 0)):
        soft, hard = _resource.getrlimit(kind)
        if soft == _resource.RLIM_INFINITY or soft > cap:
            with contextlib.suppress(OSError, ValueError):
                _resource.setrlimit(kind, (cap, hard))


def limit_memory(most: int = MEMORY_LIMIT) -> None:
    """Limit what this process may allocate from now on, in bytes."""
    if _resource is None:
        return
    held = 0
    with contextlib.suppress(OSError, ValueError), open("/proc/self/statm") as statm:
        held = int(statm.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError, ValueError):
        hard = _resource.getrlimit(_resource.RLIMIT_DATA)[1]
        _resource.setrlimit(_resource.RLIMIT_DATA, (held + most, hard))


def limit_processor(seconds: float) -> None:
    """Limit this process's processor time from now on, should its clock be stopped."""
    if _resource is None or seconds >= _LONGEST:
        return
    used = sum(_resource.getrusage(_resource.RUSAGE_SELF)[:2])
    hard = _resource.getrlimit(_resource.RLIMIT_CPU)[1]
    limit = int(used + seconds * (os.cpu_count() or 1)) + 1
    with contextlib.suppress(OSError, ValueError):
        _resource.setrlimit(_resource.RLIMIT_CPU, (limit, hard))


class MemoryUse:
    """What this process takes from the making of this object on; for a process with one task."""

    def __init__(self) -> None:
        with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as references:
            references.write("5")  # proc(5): the high-water mark begins anew
        self._before = _status("VmRSS")

    def highest(self) -> int:
        """The most bytes held at one time since then, beyond those held before; 0 if unknown."""
        return max(0, _status("VmHWM") - self._before)


_statm: tuple[int, int] | None = None  # a process and its open /proc/self/statm


def resident() -> int:
    """Bytes this process holds in memory; 0 if unknown. Takes some µs."""
    global _statm
    try:
        if _statm is None or _statm[0] != os.getpid():  # after a fork it would tell of the parent
            _statm = os.getpid(), os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        return int(os.pread(_statm[1], 100, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return 0


def highest_resident() -> int:
    """The most bytes this process ever held in memory; 0 if unknown. Takes about 1 µs."""
    if _resource is None:
        return 0
    highest = _resource.getrusage(_resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest << 10


def _status(name: str) -> int:
    """A size in /proc/self/status, in bytes."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) << 10 if found else 0
