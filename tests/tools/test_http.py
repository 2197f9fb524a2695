"""The guarded GET, against a real local server and against addresses it must refuse."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path

import httpx
import pytest

from mrkl.tools import http, http_hosts, http_rules, http_transport
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
        check(url)
    assert caught.value.kind == "refused"


def check(url: str, allow_loopback: bool = False) -> None:
    """The checks alone: should one fail, no request must leave this machine."""
    parsed, limits = httpx.URL(url), http_rules.Limits(time.monotonic() + 2, 1, allow_loopback)
    http_rules.check_url(parsed)
    http_rules.public_address(parsed.host, 80, limits)


def test_a_private_network_is_refused_even_where_loopback_is_allowed() -> None:
    with pytest.raises(http.HttpError, match="not a public address"):
        check("http://10.0.0.1/", allow_loopback=True)


def test_one_private_address_among_several_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    public, private = ipaddress.ip_address("93.184.216.34"), ipaddress.ip_address("10.0.0.1")
    monkeypatch.setattr(http_rules, "_resolve", lambda *_: [public, private])
    with pytest.raises(http.HttpError, match="not a public address"):
        check("http://mixed.example/")


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


Reply = tuple[int, dict[str, str], bytes]


@contextlib.contextmanager
def replying(*replies: Reply) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these replies in turn, the last one again and again; what it was asked."""
    asked: list[str] = []

    def answer(path: str, query: dict[str, list[str]]) -> Answer:
        asked.append(path)
        return replies[min(len(asked), len(replies)) - 1]

    with serve(answer) as address:
        yield address, asked


def fetched(address: str, **options: object) -> http.Response:
    return http.get(address, allow_loopback=True, **options)  # type: ignore[arg-type]


def test_an_answer_is_kept_as_long_as_its_headers_allow() -> None:
    with replying((200, {"Cache-Control": "max-age=60"}, b"one")) as (address, asked):
        first, again = fetched(address + "/a"), fetched(address + "/a")
        assert (first.content, first.cached) == (b"one", False)
        assert (again.content, again.cached) == (b"one", True)
        assert not fetched(address + "/b").cached
    assert asked == ["/a", "/b"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Cache-Control": "no-store"},
        {"Cache-Control": "max-age=0"},
        {"Cache-Control": "max-age=60", "Age": "61"},
        {"Cache-Control": "max-age=60", "Vary": "*"},
        {"Expires": "0"},
        {"Cache-Control": "max-age=60", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"},
    ],
    ids=str,
)
def test_an_answer_is_not_kept_without_leave(headers: dict[str, str]) -> None:
    with replying((200, headers, b"one"), (200, headers, b"two")) as (address, asked):
        assert fetched(address).content == b"one"
        assert fetched(address).content == b"two"
    assert len(asked) == 2


def test_a_stale_answer_is_asked_about() -> None:
    old = {"Cache-Control": "max-age=0, must-revalidate", "ETag": '"v1"'}
    with replying((200, old, b"one"), (304, {"ETag": '"v1"'}, b""), (200, {}, b"new")) as (
        address,
        asked,
    ):
        assert [fetched(address).content for _ in range(3)] == [b"one", b"one", b"new"]
    assert len(asked) == 3


def test_what_was_kept_needs_the_same_leave_and_room() -> None:
    with replying((200, {"Cache-Control": "max-age=60"}, b"x" * 500)) as (address, asked):
        fetched(address)
        with pytest.raises(http.HttpError, match="not a public address"):
            http.get(address)
        with pytest.raises(http.HttpError, match="more than 100 bytes"):
            fetched(address, max_bytes=100)
    assert len(asked) == 1


def test_packed_answers_are_kept_unpacked() -> None:
    headers = {"Cache-Control": "max-age=60", "Content-Encoding": "gzip"}
    with replying((200, headers, gzip.compress(b'{"a": 1}'))) as (address, asked):
        assert [fetched(address).json() for _ in range(2)] == [{"a": 1}, {"a": 1}]
    assert len(asked) == 1


def test_the_cache_is_a_file_that_outlives_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MRKL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    http_transport.close_cache()
    with replying((200, {"Cache-Control": "max-age=60"}, b"one")) as (address, asked):
        fetched(address)
        http_transport.close_cache()
        assert fetched(address).cached
    http_transport.close_cache()
    assert len(asked) == 1
    assert (tmp_path / "mrkl" / "http.db").is_file()


@pytest.mark.parametrize("spoilt", ["text", "other tables", "folder", "nowhere", "full"])
def test_without_a_usable_file_the_cache_is_in_memory(
    spoilt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "http.db"
    if spoilt == "text":
        path.write_text("no database, but long enough to be read as one\n" * 100)
    if spoilt == "other tables":
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TABLE entries (mine)")
    if spoilt == "folder":
        path.mkdir()
    places = {"nowhere": "/dev/null/http.db", "full": "/dev/full"}
    monkeypatch.setenv("MRKL_CACHE", places.get(spoilt, str(path)))
    http_transport.close_cache()
    with replying((200, {"Cache-Control": "max-age=60"}, b"one")) as (address, _):
        assert [fetched(address).cached for _ in range(2)] == [False, True]
    http_transport.close_cache()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("status", "headers"), [(503, {"Retry-After": "1"}), (429, {})])
def test_a_host_that_asks_for_rest_is_given_it(status: int, headers: dict[str, str]) -> None:
    with replying((status, headers, b"later"), (200, {}, b"now")) as (address, asked):
        with pytest.raises(http.HttpError, match=str(status)):
            fetched(address)
        with pytest.raises(http.HttpError, match="asks to be left alone for another 1 s") as caught:
            fetched(address, timeout=0.5)
        assert caught.value.kind == "busy"
        began = time.monotonic()
        assert fetched(address).content == b"now"
        assert 0.5 < time.monotonic() - began < 2
    assert len(asked) == 2


def test_few_requests_at_a_time_go_to_one_host() -> None:
    lock, now, most = threading.Lock(), 0, 0

    def slow(path: str, query: dict[str, list[str]]) -> Answer:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with lock:
            now -= 1
        return 200, {}, b"done"

    with serve(slow) as address, ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda _: fetched(address).content, range(12)))
        assert found == [b"done"] * 12
        assert most == http_hosts.AT_ONCE
        with pytest.raises(http.HttpError) as caught:
            list(pool.map(lambda _: fetched(address, timeout=0.15), range(12)))
    assert caught.value.kind == "timeout"


def test_hosts_are_forgotten_when_there_are_many() -> None:
    hosts, limits = http_hosts.Hosts(), http_rules.Limits(time.monotonic() + 60, 1, False)
    for n in range(1000):
        with hosts.turn(f"host{n}", limits):
            hosts.heard(f"host{n}", 503, "3000" if n < 5 else None)
    assert len(hosts._known) == 256
    with pytest.raises(http.HttpError, match="another 3000 s"), hosts.turn("host3", limits):
        pass


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({}, 0),
        ({"Age": "100"}, 100),
        ({"Age": "-100"}, 0),
        ({"Age": "1e3"}, 0),
        ({"Date": formatdate(time.time() + 9999)}, 0),
        ({"Date": "Thu, 99 Xyz 2026"}, 0),
        ({"Date": formatdate(time.time() + 9999), "Age": "100"}, 100),
    ],
    ids=str,
)
def test_no_answer_is_taken_for_younger_than_it_is(headers: dict[str, str], age: int) -> None:
    born = http_transport._born(httpx.Headers(headers))
    assert time.time() - born == pytest.approx(age, abs=2)
