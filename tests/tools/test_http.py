"""The guarded GET, against a real local server and against addresses it must refuse."""

from __future__ import annotations

import gzip
import ipaddress
import time

import pytest

from mrkl.tools import http
from tests.local_server import Answer, serve


def plain(path: str, query: dict[str, list[str]]) -> Answer:
    if path == "/json":
        return 200, {"Content-Type": "application/json; charset=utf-8"}, b'{"a": [1, 2]}'
    if path == "/echo":
        return 200, {"Content-Type": "text/plain"}, query["q"][0].encode()
    if path == "/moved":
        return 302, {"Location": "/json"}, b""
    if path == "/loop":
        return 302, {"Location": "/loop"}, b""
    if path == "/inside":
        return 302, {"Location": "http://169.254.169.254/latest/meta-data/"}, b""
    if path == "/file":
        return 302, {"Location": "file:///etc/hostname"}, b""
    if path == "/big":
        return 200, {}, b"x" * 50_000
    if path == "/bomb":
        return 200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 5_000_000)
    return 404, {}, b"no"


def fetch(path: str, **options: object) -> http.Response:
    with serve(plain) as address:
        return http.get(address + path, allow_loopback=True, **options)  # type: ignore[arg-type]


def failure(path: str, **options: object) -> http.HttpError:
    with pytest.raises(http.HttpError) as caught:
        fetch(path, **options)
    return caught.value


def test_a_body_with_its_type() -> None:
    response = fetch("/json")
    assert response.json() == {"a": [1, 2]}
    assert response.media_type == "application/json"


def test_parameters_are_encoded() -> None:
    assert fetch("/echo", params={"q": "a b&c=ü"}).content.decode() == "a b&c=ü"


def test_a_redirect_is_followed() -> None:
    response = fetch("/moved")
    assert response.json() == {"a": [1, 2]}
    assert response.url.endswith("/json")


def test_a_redirect_loop_ends() -> None:
    assert failure("/loop").kind == "bad_response"


@pytest.mark.parametrize("path", ["/inside", "/file"])
def test_a_redirect_is_checked_like_the_first_address(path: str) -> None:
    assert failure(path).kind == "refused"


@pytest.mark.parametrize("path", ["/big", "/bomb"])
def test_the_size_is_bounded_after_decoding(path: str) -> None:
    assert failure(path, max_bytes=20_000).kind == "too_large"


def test_an_error_status_is_told() -> None:
    error = failure("/missing")
    assert (error.kind, error.status) == ("status", 404)


def test_no_json_is_no_crash() -> None:
    with pytest.raises(http.HttpError, match="no valid JSON"):
        fetch("/big").json()


def test_a_trickling_server_ends_at_the_deadline() -> None:
    def slow(path: str, query: dict[str, list[str]]) -> Answer:
        time.sleep(1.5)
        return 200, {}, b"late"

    begin = time.monotonic()
    with serve(slow) as address, pytest.raises(http.HttpError) as caught:
        http.get(address, timeout=0.3, allow_loopback=True)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - begin < 4


def test_loopback_needs_leave() -> None:
    with serve(plain) as address, pytest.raises(http.HttpError) as caught:
        http.get(address + "/json")
    assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/x",
        "file:///etc/passwd",
        "http://user:secret@example.org/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "not an address",
        "http://",
        "https://example.org/" + "a" * 3000,
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(http.HttpError) as caught:
        http.get(url, timeout=2)
    assert caught.value.kind == "refused"


def test_a_private_network_is_refused_even_where_loopback_is_allowed() -> None:
    with pytest.raises(http.HttpError, match="not a public address"):
        http.get("http://10.0.0.1/", allow_loopback=True, timeout=2)


def test_one_private_address_among_several_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public, private = ipaddress.ip_address("93.184.216.34"), ipaddress.ip_address("10.0.0.1")
    monkeypatch.setattr(http, "_resolve", lambda *_: [public, private])
    with pytest.raises(http.HttpError, match="not a public address"):
        http.get("http://mixed.example/", timeout=2)


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert fetch("/json").json() == {"a": [1, 2]}


def test_a_name_that_does_not_exist_is_offline() -> None:
    with pytest.raises(http.HttpError) as caught:
        http.get("http://no-such-host.invalid/", timeout=3)
    assert caught.value.kind == "offline"


def test_a_closed_port_is_offline() -> None:
    with serve(plain) as address:
        pass
    with pytest.raises(http.HttpError) as caught:
        http.get(address, allow_loopback=True, timeout=3)
    assert caught.value.kind == "offline"
