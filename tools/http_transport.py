"""How a guarded request is sent: cache, then the host's turn, then the checked address.

In: an httpx request. Out: a response whose body is whole, decoded and within the limits, from the
cache where its headers allow that (RFC 9111, by hishel) and otherwise from the one address that
was checked. The cache lies in the user's cache folder, else in memory. Nothing is sent twice.
"""

from __future__ import annotations

import atexit
import logging
import os
import sqlite3
import ssl
import threading
import time
import zlib
from contextlib import closing
from email.utils import formatdate
from functools import lru_cache

import httpx
from hishel import CacheOptions, SqliteStorage
from hishel.httpx import CacheTransport

from mrkl.tools.folders import user_file
from mrkl.tools.http_hosts import Hosts, moment, whole_number
from mrkl.tools.http_rules import MAX_BYTES, HttpError, Limits, check_url, public_address

CACHE_BYTES = 64 << 20
CACHE_DAYS = 7
_MEMORY = ":memory:"
_READ_TIMEOUT = 5.0  # seconds without a byte
_BUSY_TIMEOUT = 500  # milliseconds to wait for another process that writes into the cache
# One of these, once: others unpack to a multiple of their size that no limit foresees.
_ENCODINGS = ("", "identity", "gzip", "deflate")
_EITHER = zlib.MAX_WBITS | 32  # of zlib: the header tells gzip from deflate
_hosts = Hosts()


class Guarded(httpx.BaseTransport):
    """Sends requests within limits, to addresses that were checked."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send; the response has its whole body. Raises HttpError and httpx's own errors."""
        url, limits = request.url, self.limits
        check_url(url)
        port = url.port or (443 if url.scheme == "https" else 80)
        address = public_address(url.host, port, limits)
        # Connecting to the address that was checked leaves a name no second chance to change.
        numeric = url.copy_with(host=f"[{address}]" if address.version == 6 else str(address))
        place = url.netloc.decode("ascii")
        with _hosts.turn(place, limits):
            left = httpx.Timeout(min(limits.remaining(url.host), _READ_TIMEOUT)).as_dict()
            extensions = request.extensions | {"sni_hostname": url.host, "timeout": left}
            sent = httpx.Request("GET", numeric, headers=request.headers, extensions=extensions)
            with (
                httpx.HTTPTransport(verify=_trusted(url.scheme), trust_env=False) as inner,
                closing(inner.handle_request(sent)) as response,
            ):
                body = self._body(response, url.host)
            _hosts.heard(place, response.status_code, response.headers.get("retry-after"))
        for name in ("content-encoding", "content-length", "transfer-encoding"):
            response.headers.pop(name, None)
        response.headers["date"] = formatdate(_born(response.headers), usegmt=True)
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    def _body(self, response: httpx.Response, host: str) -> bytes:
        packing = response.headers.get("content-encoding", "").strip().lower()
        if packing not in _ENCODINGS:
            raise HttpError("bad_response", f"{host} packs its answer in a way that is not read")
        packed = packing in ("gzip", "deflate")
        unpacker = zlib.decompressobj(_EITHER)
        body, most = bytearray(), self.limits.max_bytes
        try:
            for piece in response.iter_raw(16_384):
                # unpacked no further than may be kept, so a zip bomb costs nothing
                body += unpacker.decompress(piece, most - len(body) + 1) if packed else piece
                if len(body) > most:
                    raise HttpError("too_large", f"{host} sent more than {most:,} bytes")
                self.limits.remaining(host)
        except zlib.error:
            raise HttpError("bad_response", f"{host} sent what cannot be unpacked") from None
        if packed and not unpacker.eof and body:
            raise HttpError("bad_response", f"{host} sent only a part")
        return bytes(body)


def _born(headers: httpx.Headers) -> float:
    """When a response was made, in Unix time: by its Date and Age, whichever is earlier.

    The cache reckons from the Date alone, which may be missing, wrong, or of another cache.
    """
    now = time.time()
    dated = moment(headers.get("date"))
    age = min(whole_number(headers.get("age")) or 0.0, now)
    return max(0.0, min(now - age, now if dated is None else dated))


def cached(guarded: Guarded) -> CacheTransport:
    """A guarded transport behind this process's cache, which closing it would close too."""
    return CacheTransport(guarded, _cache(), CacheOptions(shared=False))


@lru_cache(maxsize=2)
def _trusted(scheme: str) -> ssl.SSLContext | bool:
    """Whose certificates are believed; read once, which takes as long as a request."""
    return scheme == "https" and httpx.create_ssl_context(trust_env=False)


_kept: tuple[int, SqliteStorage] | None = None  # with the number of the process that opened it
_opening = threading.Lock()


def _cache() -> SqliteStorage:
    """This process's cache; a fork never uses its parent's."""
    global _kept
    with _opening:
        if _kept is None or _kept[0] != os.getpid():
            _kept = os.getpid(), _opened()
        return _kept[1]


@atexit.register
def close_cache() -> None:
    """Let go of the cache's file; the next request opens it again."""
    global _kept
    with _opening:
        if _kept is not None and _kept[0] == os.getpid():
            _kept[1].close()
        _kept = None


def _opened() -> SqliteStorage:
    logging.getLogger("hishel").setLevel(logging.CRITICAL)  # a cache that fails is only no cache
    path = user_file("MRKL_CACHE", "XDG_CACHE_HOME", ".cache", "http.db")
    if path is not None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return _storage(str(path))
        except (OSError, sqlite3.Error, RuntimeError, ValueError):
            pass  # no such folder, no place, not a cache: memory will do
    return _storage(_MEMORY)


def _storage(path: str) -> SqliteStorage:
    """A cache that is known to work; sqlite3.Error, or RuntimeError where it is something else."""
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    try:
        connection.execute("PRAGMA user_version = 1")  # fails where nothing can be written
        storage = SqliteStorage(
            connection=connection,
            default_ttl=CACHE_DAYS * 86_400,
            max_size=CACHE_BYTES,
            max_stream_size=MAX_BYTES,
        )
        storage.get_entries("")  # makes the tables
        connection.execute("SELECT count(*) FROM entries")
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}")
    except (sqlite3.Error, RuntimeError):
        connection.close()
        raise
    return storage
