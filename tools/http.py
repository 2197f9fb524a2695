"""One guarded GET request over httpx: an address in, a small response out.

Only http and https, only public addresses (checked after name resolution, for every redirect, and
the checked address is the one connected to), bounded size, time and redirects, no proxies or
credentials from the environment. Answers are kept as long as their headers allow. It posts
nothing, keeps no cookies and knows no API.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mrkl.tools.http_rules import MAX_BYTES, MAX_URL, HttpError, Limits, check_url

if TYPE_CHECKING:
    import httpx

__all__ = ["MAX_BYTES", "MAX_REDIRECTS", "MAX_URL", "HttpError", "Response", "get"]

MAX_REDIRECTS = 4
_HEADERS = {
    "User-Agent": "mrkl (a program that answers questions; python-httpx)",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}


@dataclass(frozen=True)
class Response:
    """A successful response: the final address, the body, its media type; `cached` says that the
    body was not sent anew."""

    url: str
    content: bytes
    media_type: str
    cached: bool = False

    def json(self) -> Any:
        """The body as JSON; HttpError (bad_response) if it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise HttpError("bad_response", f"{_host(self.url)} sent no valid JSON") from None


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
    that are not public are always refused. A host that asked for rest is waited for, if that fits
    into the time. Raises HttpError.
    """
    import httpx

    from mrkl.tools.http_transport import Guarded, cached

    limits = Limits(time.monotonic() + timeout, max_bytes, allow_loopback)
    try:
        target = httpx.URL(url, params=dict(params)) if params else httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise HttpError("refused", f"not a usable address: {url[:80]!r}") from None
    transport = cached(Guarded(limits))
    for _ in range(MAX_REDIRECTS + 1):
        found = _once(transport, target, limits)
        if isinstance(found, Response):
            return found
        target = found
    raise HttpError("bad_response", f"{target.host} redirects more than {MAX_REDIRECTS} times")


def _once(transport: httpx.BaseTransport, url: httpx.URL, limits: Limits) -> Response | httpx.URL:
    """One request without following: the response, or where it redirects to."""
    import httpx

    check_url(url)
    # what a server of one's own said is not to be had from the cache without leave to ask it
    kept_as = f"{'own' if limits.allow_loopback else 'public'} {url}"
    request = httpx.Request("GET", url, headers=_HEADERS, extensions={"caching": {"key": kept_as}})
    try:
        response = transport.handle_request(request)
        body = response.read()
    except httpx.TimeoutException:
        raise HttpError("timeout", f"{url.host} took too long to answer") from None
    except (httpx.ConnectError, httpx.ReadError, httpx.WriteError):
        raise HttpError("offline", f"cannot reach {url.host}") from None
    except httpx.HTTPError as error:
        raise HttpError("bad_response", f"{url.host}: {type(error).__name__}") from None
    if response.has_redirect_location:
        return _redirected(url, response.headers["location"])
    if response.status_code != 200:
        code = response.status_code
        raise HttpError("status", f"{url.host} answered with status {code}", code)
    if len(body) > limits.max_bytes:
        raise HttpError("too_large", f"{url.host} sent more than {limits.max_bytes:,} bytes")
    media_type = response.headers.get("content-type", "").split(";")[0].strip().lower()
    return Response(str(url), body, media_type, response.extensions["caching"]["from_cache"])


def _redirected(url: httpx.URL, location: str) -> httpx.URL:
    import httpx

    try:
        return url.join(location)
    except (httpx.InvalidURL, ValueError):
        raise HttpError("bad_response", f"{url.host} redirects to no usable address") from None


def _host(url: str) -> str:
    import httpx

    return httpx.URL(url).host
