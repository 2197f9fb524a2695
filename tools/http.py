"""One guarded GET request over httpx: an address in, a small response out.

Only http and https, only public addresses (checked after name resolution, for every redirect, and
the checked address is the one connected to), bounded size, time and redirects, no proxies or
credentials from the environment. It posts nothing, keeps no cookies and knows no API.
"""

from __future__ import annotations

import ipaddress
import json
import queue
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import httpx

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
ErrorKind = Literal["offline", "timeout", "refused", "status", "too_large", "bad_response"]

MAX_BYTES = 2_000_000
MAX_REDIRECTS = 4
MAX_URL = 2000  # characters
_READ_TIMEOUT = 5.0  # seconds without a byte
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# What Python takes for public and no public server has: protocol assignments (cloud metadata lives
# there), IPv4-compatible, IPv4-translated, local NAT64 and site-local addresses.
_NEVER = tuple(
    ipaddress.ip_network(network)
    for network in ("192.0.0.0/24", "::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "fec0::/10")
)
_ISATAP = 0x5EFE  # in the third quarter of an address: an IPv4 address follows
_USER_AGENT = "mrkl (a program that answers questions; python-httpx)"


class HttpError(Exception):
    """A request that gave nothing; `kind` is offline, timeout, refused, status, too_large, …"""

    def __init__(self, kind: ErrorKind, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Response:
    """A successful response: the final address, the body, its media type."""

    url: str
    content: bytes
    media_type: str

    def json(self) -> Any:
        """The body as JSON; HttpError (bad_response) if it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise HttpError("bad_response", f"{_host(self.url)} sent no valid JSON") from None


@dataclass(frozen=True)
class _Limits:
    deadline: float  # time.monotonic()
    max_bytes: int
    allow_loopback: bool

    def remaining(self, host: str) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise HttpError("timeout", f"{host} took too long to answer")
        return left


def get(
    url: str,
    params: Mapping[str, str] | None = None,
    *,
    timeout: float = 10.0,
    max_bytes: int = MAX_BYTES,
    allow_loopback: bool = False,
) -> Response:
    """Fetch an address within `timeout` seconds, `max_bytes` bytes and a few redirects.

    `allow_loopback` permits 127.0.0.0/8 and ::1 (a server of one's own, tests); other addresses
    that are not public are always refused. Raises HttpError.
    """
    import httpx

    limits = _Limits(time.monotonic() + timeout, max_bytes, allow_loopback)
    try:
        target = httpx.URL(url, params=dict(params)) if params else httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise HttpError("refused", f"not a usable address: {url[:80]!r}") from None
    for _ in range(MAX_REDIRECTS + 1):
        found = _once(target, limits)
        if isinstance(found, Response):
            return found
        target = found
    raise HttpError("bad_response", f"{target.host} redirects more than {MAX_REDIRECTS} times")


def _once(url: httpx.URL, limits: _Limits) -> Response | httpx.URL:
    """One request without following: the response, or where it redirects to."""
    import httpx

    _check_url(url)
    address = _public_address(url.host, url.port or (443 if url.scheme == "https" else 80), limits)
    left = limits.remaining(url.host)
    # Connecting to the address that was checked leaves a name no second chance to change.
    numeric = url.copy_with(host=f"[{address}]" if address.version == 6 else str(address))
    headers = {"Host": url.netloc.decode("ascii"), "Accept": "application/json"}
    try:
        with (
            httpx.Client(
                trust_env=False,
                follow_redirects=False,
                timeout=httpx.Timeout(min(left, _READ_TIMEOUT)),
                headers={"User-Agent": _USER_AGENT},
            ) as client,
            client.stream(
                "GET", numeric, headers=headers, extensions={"sni_hostname": url.host}
            ) as response,
        ):
            return _read(response, url, limits)
    except httpx.TimeoutException:
        raise HttpError("timeout", f"{url.host} took too long to answer") from None
    except (httpx.ConnectError, httpx.ReadError, httpx.WriteError):
        raise HttpError("offline", f"cannot reach {url.host}") from None
    except httpx.HTTPError as error:
        raise HttpError("bad_response", f"{url.host}: {type(error).__name__}") from None


def _read(response: httpx.Response, url: httpx.URL, limits: _Limits) -> Response | httpx.URL:
    if response.is_redirect:
        return url.join(response.headers["location"])
    if response.status_code != 200:
        code = response.status_code
        raise HttpError("status", f"{url.host} answered with status {code}", code)
    body = bytearray()
    for chunk in response.iter_bytes(16_384):  # decoded, so a zip bomb is counted too
        body += chunk
        if len(body) > limits.max_bytes:
            raise HttpError("too_large", f"{url.host} sent more than {limits.max_bytes:,} bytes")
        limits.remaining(url.host)
    media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    return Response(str(url), bytes(body), media_type)


def _check_url(url: httpx.URL) -> None:
    if url.scheme not in ("http", "https"):
        raise HttpError("refused", f"only http and https are allowed, not {url.scheme or 'none'!r}")
    if url.userinfo or not url.host:
        raise HttpError("refused", "an address with credentials or without a host is refused")
    if len(str(url)) > MAX_URL:
        raise HttpError("refused", f"an address longer than {MAX_URL} characters is refused")


def _public_address(host: str, port: int, limits: _Limits) -> Address:
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


def _resolve(host: str, port: int, limits: _Limits) -> list[Address]:
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


def _host(url: str) -> str:
    import httpx

    return httpx.URL(url).host
