"""Server-side request forgery: addresses in every disguise, and servers that behave badly."""

from __future__ import annotations

import gzip
import time
import zlib

import httpx
import pytest

from mrkl.tools import http, http_rules
from tests.local_server import Answer, serve

INSIDE = [
    *("http://127.0.0.1/", "http://127.1/", "http://0/", "http://0.0.0.0/", "http://2130706433/"),
    *("http://0x7f000001/", "http://0x7f.1/", "http://017700000001/", "http://127.0.0.1.:80/"),
    *("http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.1.1/", "http://100.64.0.1/"),
    *("http://169.254.169.254/latest/meta-data/", "http://2852039166/", "http://0xa9fea9fe/"),
    *(
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fc00::1]/",
        "http://[ff02::1]/",
    ),
    *("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:169.254.169.254]/"),
    *("http://[64:ff9b::7f00:1]/", "http://[64:ff9b::a9fe:a9fe]/", "http://[64:ff9b:1::a00:1]/"),
    *("http://[2002:7f00:1::]/", "http://[2002:a9fe:a9fe::]/", "http://[::127.0.0.1]/"),
    *("http://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "http://[fd00:ec2::254]/"),
    *("http://[fec0::1]/", "http://[::ffff:0:127.0.0.1]/", "http://[2001:db8::5efe:127.0.0.1]/"),
    *("http://224.0.0.1/", "http://255.255.255.255/", "http://240.0.0.1/", "http://192.0.2.1/"),
    *("http://198.18.0.1/", "http://192.0.0.192/", "http://localhost/", "http://LOCALHOST./"),
]


@pytest.mark.parametrize("url", INSIDE)
def test_addresses_inside_are_refused(url: str) -> None:
    """By the check alone: should it fail, no request must leave this machine."""
    limits = http_rules.Limits(time.monotonic() + 2, 1, allow_loopback=False)
    with pytest.raises(http.HttpError) as caught:
        http_rules.public_address(httpx.URL(url).host, 80, limits)
    assert caught.value.kind in ("refused", "offline")  # a resolver may not know odd spellings
    if "[" in url:
        assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "ftp://example.com/",
            "gopher://127.0.0.1:70/",
            "data:text/plain,x",
        ),
        *(
            "javascript:alert(1)",
            "",
            "http://",
            "//example.com",
            "http:///etc",
            "http://user@host/",
        ),
        *(
            "http://user:pass@127.0.0.1/",
            "http://example.com:99999/",
            "http://[::1",
            "http://\x00/",
        ),
        *("http://exa mple.com/", "http://example.com/" + "a" * 3000, "dict://127.0.0.1:11211/"),
    ],
)
def test_addresses_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(http.HttpError) as caught:
        http.get(url, timeout=2)
    assert caught.value.kind in ("refused", "offline")


_packer = zlib.compressobj(9, zlib.DEFLATED, 31)
BOMB = _packer.compress(bytes(50_000_000)) + _packer.flush()


def behaviour(path: str, query: dict[str, list[str]]) -> Answer:
    where = query.get("to", [""])[0]
    if path == "/to":
        return 302, {"Location": where}, b""
    if path == "/bomb":
        return 200, {"Content-Encoding": "gzip"}, BOMB
    if path == "/broken-gzip":
        return 200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 999)[:40] + b"broken"
    if path == "/short":
        return 200, {"Content-Length": "1000000"}, b"only this"
    if path == "/no-json":
        return 200, {}, b"{" * 100_000
    if path == "/deep":
        return 200, {}, b"[" * 100_000 + b"]" * 100_000
    if path == "/bytes":
        return 200, {"Content-Type": "application/json; charset=nonsense"}, bytes(range(256))
    if path == "/sleep":
        time.sleep(1.5)
    if path.startswith("/status/"):
        return int(path.rsplit("/", 1)[1]), {}, b"no"
    if path == "/later":
        return 503, {"Retry-After": where}, b"no"
    if path == "/twice-packed":
        return 200, {"Content-Encoding": "gzip, gzip"}, gzip.compress(gzip.compress(b"{}"))
    if path == "/brotli":
        return 200, {"Content-Encoding": "br"}, b"\x0b\x02\x80{}\x03"
    if path == "/many-headers":
        return 200, {f"X-{n}": "y" * 900 for n in range(200)}, b"{}"
    if path == "/strange-headers":
        return 200, {"Cache-Control": "max-age=" + "9" * 500, "Date": "nonsense", "Age": "-1"}, b"{"
    if path == "/to-nowhere":
        return 302, {"Location": "http://[::1"}, b""
    return 200, {}, b"{}"


@pytest.fixture(scope="module")
def server():
    with serve(behaviour) as address:
        http.get(
            address, allow_loopback=True
        )  # what loads at the first request is no server's fault
        yield address


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://[fc00::1]/",
        "http://192.168.1.1/",
        "file:///etc/passwd",
        "gopher://x/",
        "http://a@b/",
    ],
)
def test_redirects_are_checked_again(server: str, url: str) -> None:
    with pytest.raises(http.HttpError) as caught:
        http.get(f"{server}/to", {"to": url}, allow_loopback=True, timeout=2)
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    ("path", "kinds"),
    [
        ("/bomb", ("too_large",)),
        ("/broken-gzip", ("bad_response",)),
        ("/short", ("bad_response", "offline")),
        ("/no-json", ("bad_response",)),
        ("/deep", ("bad_response",)),
        ("/bytes", ("bad_response",)),
        ("/sleep", ("timeout",)),
        ("/twice-packed", ("bad_response",)),
        ("/brotli", ("bad_response",)),
        ("/many-headers", ("bad_response",)),
        ("/strange-headers", ("bad_response",)),
        ("/to-nowhere", ("bad_response",)),
        *(
            (f"/status/{code}", ("status",))
            for code in (400, 401, 403, 404, 418, 500, 502, 503, 504)
        ),
    ],
)
def test_servers_that_behave_badly(server: str, path: str, kinds: tuple[str, ...]) -> None:
    began = time.monotonic()
    with pytest.raises(http.HttpError) as caught:
        http.get(server + path, allow_loopback=True, timeout=1).json()
    assert caught.value.kind in kinds
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    "later",
    ["99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 2099 00:00 +0000"],
)
def test_a_host_may_ask_for_an_hour_of_rest_at_most(later: str) -> None:
    with serve(behaviour) as address:
        for expected in ("status", "busy"):
            with pytest.raises(http.HttpError) as caught:
                http.get(f"{address}/later", {"to": later}, allow_loopback=True, timeout=2)
            assert caught.value.kind == expected
        assert "another 3600 s" in caught.value.message


@pytest.mark.parametrize(
    "later",
    ["", "-5", "soon", "1e9", "0x10", "\u00b2", "Thu, 32 Foo 2026", "Thu, 01 Jan 1970 00:00 GMT"],
)
def test_a_rest_that_is_none_changes_nothing(later: str) -> None:
    with serve(behaviour) as address:
        for _ in range(2):
            with pytest.raises(http.HttpError) as caught:
                http.get(f"{address}/later", {"to": later}, allow_loopback=True, timeout=2)
            assert caught.value.kind == "status"
