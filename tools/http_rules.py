"""What an HTTP request may reach: kinds of addresses, hosts after name resolution, time and size.

In: a URL and the request's limits. Out: the address to connect to, or an HttpError. A host is
refused if any of its addresses is not public, in whatever form it is written or embedded. It
connects to nothing but the system's name server.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
ErrorKind = Literal["offline", "timeout", "refused", "status", "busy", "too_large", "bad_response"]

MAX_URL = 2000  # characters
MAX_BYTES = 2_000_000
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What Python takes for public and no public server has: protocol assignments (cloud metadata lives
# there), IPv4-compatible, IPv4-translated, local NAT64 and site-local addresses.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10")
)
_ISATAP = 0x5EFE  # in the third quarter of an address: an IPv4 address follows


class HttpError(Exception):
    """A request that gave nothing; `kind` is offline, timeout, refused, status, busy, …"""

    def __init__(self, kind: ErrorKind, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Limits:
    """Of one request with all its redirects; `deadline` is a time.monotonic() value."""

    deadline: float
    max_bytes: int
    allow_loopback: bool

    def remaining(self, host: str) -> float:
        """Seconds left; raises HttpError (timeout) where there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise HttpError("timeout", f"{host} took too long to answer")
        return left


def check_url(url: httpx.URL) -> None:
    """Raise HttpError (refused) for schemes, credentials and lengths that are not allowed."""
    if url.scheme not in ("http", "https"):
        raise HttpError("refused", f"only http and https are allowed, not {url.scheme or 'none'!r}")
    if url.userinfo or not url.host:
        raise HttpError("refused", "an address with credentials or without a host is refused")
    if len(str(url)) > MAX_URL:
        raise HttpError("refused", f"an address longer than {MAX_URL} characters is refused")


def public_address(host: str, port: int, limits: Limits) -> Address:
    """The first address of a host; refused if any of its addresses is not public."""
    addresses = _resolve(host, port, limits)
    for address in addresses:
        if not _allowed(address, limits.allow_loopback):
            raise HttpError("refused", f"{host} is not a public address")
    return addresses[0]


def _allowed(address: Address, allow_loopback: bool) -> bool:
    if address.is_loopback:
        return allow_loopback
    if any(address in network for network in _NEVER):
        return False
    inner = _embedded(address)
    if inner is not None:
        return _allowed(inner, allow_loopback)
    return address.is_global and not address.is_multicast


def _embedded(address: Address) -> Address | None:
    """The IPv4 address inside an IPv6 one: mapped, 6to4, Teredo, NAT64 or ISATAP."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64 or int(address) >> 32 & 0xFDFFFFFF == _ISATAP:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _resolve(host: str, port: int, limits: Limits) -> list[Address]:
    """All addresses of a host. The system's resolver knows no deadline, so it runs aside."""
    try:
        return [ipaddress.ip_address(host.strip("[]"))]
    except ValueError:
        pass
    answers: queue.Queue[list[Any] | OSError] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except OSError as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=limits.remaining(host))
    except queue.Empty:
        raise HttpError("offline", f"cannot find {host}: no answer from the name server") from None
    if isinstance(answer, OSError) or not answer:
        raise HttpError("offline", f"cannot find {host}: is there a network?")
    return [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in answer]
