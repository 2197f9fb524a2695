"""For all tests: no network (sockets connect to this machine or not at all), one torch thread.

The guard is an audit hook, so that it also sees what C code and other libraries open. It refuses
as an absent network would (OSError), and what it refused can be read in `refused`.
"""

import os
import socket
import sys
from typing import Any

import pytest

# nothing goes into the run log of whoever runs the tests, or comes out of the cache
os.environ["MRKL_LOG"] = os.environ["MRKL_CACHE"] = "off"

# Two threads of torch that wait for one another spin: beside other work on few cores, one is
# several times as fast. Said before torch loads, and to the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")

LOCAL = ("127.0.0.1", "::1", "localhost")
_refused: list[str] = []


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in LOCAL:
            _refused.append(str(address[0]))
            raise ConnectionRefusedError(f"tests do not connect to {address[0]}")
    elif event == "socket.getaddrinfo":
        host = arguments[0]
        name = host.decode() if isinstance(host, bytes) else host
        if name not in (None, "", *LOCAL):
            _refused.append(str(name))
            raise socket.gaierror(socket.EAI_NONAME, f"tests do not look up {name}")


sys.addaudithook(_guard)


@pytest.fixture
def refused() -> list[str]:
    """Hosts that were refused since the test began."""
    _refused.clear()
    return _refused
