"""The environment's proxies are used, reported where they cannot be used, and never bypassed."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import anyio
import pytest
from tests.client.scripted_socket import ScriptedSocket, response

from pixazo_client import AsyncPixazoClient, PixazoClient, PixazoError

Call: TypeAlias = Callable[[str, Callable[[PixazoClient], Any]], Any]

ID = "minimax-hailuo-ai_1"
QUEUED = response("200 OK", b'{"request_id":"minimax-hailuo-ai_1","status":"QUEUED"}')
UNUSABLE = {
    "socks5://127.0.0.1:9": "pip install 'httpx2[socks]'",
    "socks5h://127.0.0.1:9": "pip install 'httpx2[socks]'",
    "socks://127.0.0.1:9": "give http://host:port, or https:// or socks5:// in its place",
    "socks4://127.0.0.1:9": "give http://host:port, or https:// or socks5:// in its place",
    "http://127.0.0.1:port": "give http://host:port, or https:// or socks5:// in its place",
    "http://127.0.0.1:99999": "give http://host:port, or https:// or socks5:// in its place",
    "http://proxy..test:9": "give http://host:port, or https:// or socks5:// in its place",
    "http://[::1": "give http://host:port, or https:// or socks5:// in its place",
}
#: An address, a network, a star, a URL; unreadable entries are skipped.
COVERING = ("127.0.0.1", "127.0.0.0/8", "*", "x, 127.0.0.1 ,y", "http://127.0.0.1", "a b,[::1,127.0.0.1", ",,127.0.0.1")


@pytest.fixture(autouse=True)
def _without_socks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)  # as if the extra were not installed


@pytest.fixture(params=[PixazoClient, AsyncPixazoClient])
def call(request: pytest.FixtureRequest) -> Call:
    """Call our own client for this base_url."""

    def call(base_url: str, use: Callable[[PixazoClient], Any]) -> Any:
        result = use(request.param(api_key="k", base_url=base_url, max_retries=0))
        return anyio.run(lambda: result) if inspect.iscoroutine(result) else result

    return call


@pytest.mark.parametrize(
    "variables",
    [
        *({"ALL_PROXY": proxy, "NO_PROXY": "example.com, 127.0.0.1,localhost"} for proxy in UNUSABLE),
        *({"ALL_PROXY": "http://127.0.0.1:9", "NO_PROXY": covered} for covered in COVERING),
        {"ALL_PROXY": "", "http_proxy": ""},
    ],
)
def test_a_host_that_no_proxy_covers_is_reached(
    call: Call, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    """Whatever the proxies are, and however NO_PROXY names the host; an empty variable names no proxy."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with ScriptedSocket(QUEUED).serving() as gateway:
        assert call(gateway.url, lambda client: client.retrieve(ID)).status == "QUEUED"


@pytest.mark.parametrize(("proxy", "remedy"), UNUSABLE.items())
def test_a_proxy_that_cannot_be_used_is_named(
    call: Call, monkeypatch: pytest.MonkeyPatch, proxy: str, remedy: str
) -> None:
    """The message has its value and the remedies, and nothing is sent to the host."""
    monkeypatch.setenv("all_proxy", proxy)
    monkeypatch.setenv("NO_PROXY", "example.com")
    with ScriptedSocket(QUEUED).serving() as gateway, pytest.raises(PixazoError) as caught:
        call(gateway.url, lambda client: client.generate("A bear"))
    assert str(caught.value) == (
        f"127.0.0.1 cannot be reached, nothing was sent: the proxy all_proxy={proxy} cannot be used: "
        f"{remedy}, add 127.0.0.1 to NO_PROXY, or pass http_client="
    )
    assert gateway.requests == []


@pytest.mark.parametrize(
    "proxy",
    [
        "socks4://user:s3cret@127.0.0.1:9",
        "socks5://user:s3cret@127.0.0.1:9",
        "user:s3cret@127.0.0.1:port",
        "http://user:s3cr@et@[::1",
        "s3cret://x@127.0.0.1:port",
    ],
)
def test_the_password_of_a_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    """Neither in the message nor in a chained exception."""
    monkeypatch.setenv("ALL_PROXY", proxy.replace("s3cret://", "s3cret:a://"))
    with pytest.raises(PixazoError, match="the proxy ALL_PROXY=") as caught:
        PixazoClient(api_key="k").retrieve(ID)
    assert "s3cr" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_media_hosts_do_not_bypass_a_proxy_that_cannot_be_used(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """NO_PROXY may cover the gateway alone."""
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "gateway.test")
    with (
        ScriptedSocket(response("200 OK", b"video")).serving() as media,
        pytest.raises(PixazoError, match=r"^127.0.0.1 cannot be reached.*ALL_PROXY=socks5://127.0.0.1:9"),
    ):
        call("https://gateway.test", lambda client: client.download(media.url + "/a.mp4", tmp_path))
    assert media.requests == []


def test_a_usable_proxy_of_a_scheme_suffices(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """http_proxy is used although all_proxy cannot be."""
    with ScriptedSocket(QUEUED).serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removeprefix("http://"))
        monkeypatch.setenv("all_proxy", "socks4://127.0.0.1:9")
        assert call("http://gateway.test", lambda client: client.retrieve(ID)).status == "QUEUED"
    assert proxy.requests[0].startswith(b"GET http://gateway.test/v2/requests/status/minimax-hailuo-ai_1 HTTP/1.1\r\n")


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
def test_a_usable_proxy_is_used(call: Call, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With the user name and password of its URL."""
    with ScriptedSocket(QUEUED).serving() as proxy:
        monkeypatch.setenv(name, proxy.url.replace("http://", "http://user:secret@"))
        assert call("http://gateway.test", lambda client: client.retrieve(ID)).status == "QUEUED"
    assert b"\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in proxy.requests[0]


@pytest.mark.parametrize(
    ("covered", "host", "direct"),
    [
        ("gateway.test", "gateway.test", True),
        ("gateway.test", "eu.gateway.test", True),
        ("gateway.test", "mygateway.test", False),
        (".gateway.test", "eu.gateway.test", True),
        ("*.gateway.test", "eu.gateway.test", True),
        ("*.gateway.test", "gateway.test", False),
        ("gateway.test:8080", "gateway.test", False),
        ("localhost", "localhost", True),
        ("::1", "[::1]", True),
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.0.0.0/8", "11.1.2.3", False),
        ("fd00::/8", "[fd00::7]", True),
        ("", "gateway.test", False),
    ],
)
def test_no_proxy_covers_what_httpx2_covers(
    monkeypatch: pytest.MonkeyPatch, covered: str, host: str, direct: bool
) -> None:
    """A domain covers its subdomains. The proxy cannot be used, so any other host is refused."""
    monkeypatch.setenv("ALL_PROXY", "socks4://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", covered)

    def handle(_transport: object, _request: object) -> None:
        raise ConnectionError("straight to the host")

    monkeypatch.setattr("httpx2.HTTPTransport.handle_request", handle)
    with pytest.raises(PixazoError, match="straight to the host" if direct else "cannot be used"):
        PixazoClient(api_key="k", base_url=f"http://{host}", max_retries=0).retrieve(ID)


def test_a_client_of_the_users_has_proxies_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxies of the environment do not apply to it."""
    import httpx2

    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    with ScriptedSocket(QUEUED).serving() as gateway, httpx2.Client(trust_env=False) as http:
        client = PixazoClient(api_key="k", base_url=gateway.url, http_client=http)
        assert client.retrieve(ID).status == "QUEUED"
