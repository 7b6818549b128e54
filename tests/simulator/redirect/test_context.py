"""Code in this process with the vendor's host hard-coded reaches a simulator."""

from __future__ import annotations

import asyncio
import errno
import json
import re
import socket
import ssl
import sys
import threading
import types
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import aiohttp
import aiohttp.resolver
import httpx
import msgspec
import pytest
import requests
import trustme
import uvloop
from tests.caller import Caller, over_http
from tests.command import Serving, python
from tests.patience import PATIENCE
from tests.receiver import Receiver, http_response
from tests.servers import free_port
from tests.simulator.http_clients import HTTP_CLIENTS, POOLED_CLIENTS, HttpClient

from pixazo_simulator import Simulator
from pixazo_simulator.mutants import Edits, Variant
from pixazo_simulator.redirect.context import RedirectionError, redirect
from pixazo_simulator.redirect.patches import Patches
from pixazo_simulator.redirect.routing import Redirection, placeholder

VENDOR = "gateway.pixazo.ai"
HOST = "gateway.invalid"
"""A name that no resolver ever knows (RFC 6761), for tests of what would otherwise reach the vendor when they fail."""
MEDIA = "media.invalid"
GENERATE = f"https://{HOST}/minimax-hailuo-ai/v1/generate"
BODY = b'{"prompt":"A bear"}'
HEADERS = {"Ocp-Apim-Subscription-Key": "any-key", "Content-Type": "application/json"}
PROXY = "http://user:secret@proxy.invalid:3128"


@pytest.fixture
def owners(simulator: Simulator) -> Iterator[list[Caller]]:
    """The holders of keys to two fresh worlds."""
    callers = [Caller(over_http(simulator.url), "sim-key") for _ in range(2)]
    for caller in callers:
        caller.key = caller.call("POST", "/_sim/worlds").json()["key"]
    yield callers
    for caller in callers:
        caller.call("DELETE", "/_sim/world")


@pytest.fixture(params=HTTP_CLIENTS)
def client(request: pytest.FixtureRequest) -> Iterator[HttpClient]:
    """A client of each library, created before the redirection."""
    with HTTP_CLIENTS[request.param]() as made:
        yield made


@pytest.fixture(params=POOLED_CLIENTS)
def pooled(request: pytest.FixtureRequest) -> Iterator[HttpClient]:
    """A client of each library that keeps connections, created before the redirection."""
    with POOLED_CLIENTS[request.param]() as made:
        yield made


def led(simulator: Simulator, owner: Caller | None = None) -> Any:
    """A redirection of HOST and MEDIA to the world of an owner."""
    return redirect(simulator.url, owner.key if owner else simulator.api_key, hosts=[HOST], media_hosts=[MEDIA])


def submitted(client: HttpClient) -> str:
    """Submit a request that must be accepted, and return its request id."""
    status, body = client("POST", GENERATE, BODY)
    assert status == 202, body
    request_id: str = json.loads(body)["request_id"]
    return request_id


def total(owner: Caller) -> int:
    """How many generations a world has."""
    count: int = owner.sim("generations")["total"]
    return count


# What reaches the world


@pytest.mark.slow
def test_a_client_made_before_reaches_the_world(simulator: Simulator, owners: list[Caller], client: HttpClient) -> None:
    """It submits, polls and downloads from the host that it knows, with a key of its own."""
    with led(simulator, owners[0]) as redirection:
        status, body = client("POST", GENERATE, BODY)
        reported = json.loads(body)
        assert (status, reported["polling_url"]) == (202, f"https://{HOST}/v2/requests/status/{reported['request_id']}")
        owners[0].advance(60)
        status, body = client("GET", reported["polling_url"])
        (media,) = json.loads(body)["output"]["media_url"]
        assert media == f"https://{HOST}/v1/{reported['request_id']}/output.mp4"
        for url in (media, media.replace(HOST, MEDIA)):
            status, video = client("GET", url)
            assert (status, len(video)) == (200, 59_389)
    assert total(owners[0]) == 1
    assert redirection.violations == []


@pytest.mark.parametrize("name", ["requests", "urllib", "httpx2", "httpx-trio", "aiohttp-asyncio", "aiohttp-uvloop"])
def test_a_client_made_meanwhile_reaches_the_world(simulator: Simulator, owners: list[Caller], name: str) -> None:
    with led(simulator, owners[0]), HTTP_CLIENTS[name]() as client:
        submitted(client)
    assert total(owners[0]) == 1


@pytest.mark.slow
def test_one_client_in_two_worlds(simulator: Simulator, owners: list[Caller], pooled: HttpClient) -> None:
    """A connection that was kept alive in the first redirection is not used in the second, nor afterwards."""
    for owner in (*owners, owners[0]):
        with led(simulator, owner):
            submitted(pooled)
            submitted(pooled)
    assert [total(owner) for owner in owners] == [4, 2]


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        *((name, "HTTPS_PROXY") for name in HTTP_CLIENTS),
        ("requests", "ALL_PROXY"),
        ("httpx2", "all_proxy"),
        ("urllib", "https_proxy"),
    ],
)
def test_proxies_are_passed_by(
    simulator: Simulator, owners: list[Caller], name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By clients that read the environment when they are created, and by those that read it later."""
    for known in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(known, raising=False)
    monkeypatch.setenv(variable, PROXY)
    with HTTP_CLIENTS[name]() as client, led(simulator, owners[0]) as redirection:
        submitted(client)
        assert redirection.violations == []
    assert total(owners[0]) == 1


def test_a_proxy_that_is_forgotten_again(
    simulator: Simulator, owners: list[Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client keeps the proxy that the environment named when it was created."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with led(simulator, owners[0]), httpx.Client() as client:
        monkeypatch.delenv("HTTPS_PROXY")
        assert client.post(GENERATE, content=BODY, headers=HEADERS).status_code == 202
    assert total(owners[0]) == 1


def test_the_hosts_of_the_page_are_redirected_by_default(simulator: Simulator, owners: list[Caller]) -> None:
    """The gateway, and the media host of the printed example; a final dot and capitals are the same name."""
    with redirect(simulator.url, owners[0].key):
        for host in (VENDOR, "GATEWAY.Pixazo.ai", f"{VENDOR}."):
            sent = requests.post(
                f"https://{host}/minimax-hailuo-ai/v1/generate", data=BODY, headers=HEADERS, timeout=PATIENCE
            )
            assert sent.status_code == 202
        media = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/manwithbear.jpg"
        assert requests.get(media, timeout=PATIENCE).status_code == 404
    targets = [each["target"] for each in owners[0].sim("journal")["exchanges"]]
    assert targets == ["/minimax-hailuo-ai/v1/generate"] * 3 + ["/manwithbear.jpg"]


def test_a_simulator_in_another_process() -> None:
    """The listener is opened by an HTTP request, so the simulator need not be in this process."""
    serving = Serving("--port", "0")
    try:
        with redirect(serving.url, serving.key, hosts=[HOST]):
            response = requests.post(GENERATE, data=BODY, headers=HEADERS, timeout=PATIENCE)
        assert response.status_code == 202
        assert Caller(over_http(serving.url), serving.key).sim("generations")["total"] == 1
    finally:
        serving.end()


@pytest.mark.slow
@pytest.mark.parametrize(
    "replaced", ["import truststore; truststore.inject_into_ssl()", "from gevent import monkey; monkey.patch_all()"]
)
def test_classes_of_other_libraries(simulator: Simulator, replaced: str) -> None:
    """They stand in place of those of ssl, and were put there before the redirection."""
    code = f"""{replaced}; import httpx; from pixazo_simulator.redirect import redirect
with redirect({simulator.url!r}, {simulator.api_key!r}, hosts=[{HOST!r}]):
    print(httpx.get("https://{HOST}/x", timeout=9).status_code)"""
    assert python(code) == "404\n"


def test_it_holds_in_every_thread(simulator: Simulator, owners: list[Caller]) -> None:
    """Of this process."""
    statuses: list[int] = []

    def work() -> None:
        with POOLED_CLIENTS["requests"]() as client:
            statuses.append(client("POST", GENERATE, BODY)[0])

    with led(simulator, owners[0]):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == [202] * 4


# Time and streams


@pytest.fixture(scope="module")
def silent() -> Iterator[Simulator]:
    """A gateway that delays every response by half an hour."""
    edits = Edits(reply=lambda reply, _context: msgspec.structs.replace(reply, pause=1800))
    with Simulator(change=Variant("silent", "Every answer takes half an hour", edits)) as running:
        yield running


def test_a_read_timeout_is_kept(silent: Simulator, client: HttpClient) -> None:
    """The client's own time-out applies."""
    with led(silent), pytest.raises(Exception, match=r"(?i)timed? ?out|^$") as caught:
        client("POST", GENERATE, BODY, timeout=0.1)
    assert "timeout" in type(caught.value).__name__.lower()


async def chunks_of_aiohttp(url: str) -> list[int]:
    """The sizes of the chunks in which aiohttp returns a body."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return [len(chunk) async for chunk in response.content.iter_chunked(10_000)]


async def chunks_of_httpx(url: str) -> list[int]:
    """The sizes of the chunks in which httpx returns a body."""
    async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
        return [len(chunk) async for chunk in response.aiter_bytes(10_000)]


def test_media_stream(simulator: Simulator, owners: list[Caller]) -> None:
    """In chunks, so that progress can be shown."""
    request_id = owners[0].accepted()
    owners[0].advance(60)
    url = f"https://{MEDIA}/v1/{request_id}/output.mp4"
    pieces: dict[str, list[int]] = {}
    with led(simulator, owners[0]):
        with requests.get(url, stream=True, timeout=PATIENCE) as response:
            assert response.headers["content-length"] == "59389"
            pieces["requests"] = [len(chunk) for chunk in response.iter_content(10_000)]
        with httpx.Client() as client, client.stream("GET", url) as streamed:
            pieces["httpx"] = [len(chunk) for chunk in streamed.iter_bytes(10_000)]
        pieces["httpx-asyncio"] = asyncio.run(chunks_of_httpx(url))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            pieces["aiohttp-uvloop"] = runner.run(chunks_of_aiohttp(url))
    assert {name: sum(sizes) for name, sizes in pieces.items()} == dict.fromkeys(pieces, 59_389)
    assert all(len(sizes) >= 6 for sizes in pieces.values())


# What is refused


def response_by(error: BaseException | None) -> str:
    """The texts of an error and of its causes."""
    message = ""
    while error:
        message += f"{error!r}\n"
        error = error.__cause__ or error.__context__
    return message


@pytest.mark.parametrize("name", HTTP_CLIENTS)
def test_another_port_is_a_violation(simulator: Simulator, name: str) -> None:
    """The call fails at once with the remedy, and is listed once however often it is repeated."""
    expected = f"{HOST} was called on port 8443, but the gateway only serves https on port 443: call https://{HOST}"
    with HTTP_CLIENTS[name]() as client, led(simulator) as redirection:
        for _ in range(2):
            with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
                client("POST", GENERATE.replace(HOST, f"{HOST}:8443"), BODY)
            assert expected in str(caught.value)
        assert redirection.violations == [expected]


def test_plain_http_is_a_violation(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = f"{HOST} was called on port 80, but the gateway only serves https on port 443: call https://{HOST}"
    with led(simulator) as redirection:
        with pytest.raises(requests.ConnectionError, match=re.escape(expected)):
            requests.post(f"http://{HOST}/", data=BODY, timeout=PATIENCE)
        assert redirection.violations == [expected]
        redirection.violations.clear()
        monkeypatch.setenv("HTTP_PROXY", PROXY)
        refused = requests.post(f"http://{HOST}/", data=BODY, timeout=PATIENCE)
        assert (refused.status_code, refused.text) == (403, f"{expected}\n")
        assert redirection.violations == [expected]


def test_connect_ex_says_so_by_its_number(simulator: Simulator) -> None:
    """By its error number, as always; port 443 reaches the listener."""
    with led(simulator) as redirection:
        with socket.socket() as probe:
            assert probe.connect_ex((HOST, 80)) == errno.ECONNREFUSED
        assert len(redirection.violations) == 1
        with socket.socket() as probe:
            assert probe.connect_ex((HOST, 443)) == 0


def test_unknown_paths_are_the_simulators_business(simulator: Simulator, owners: list[Caller]) -> None:
    """They are answered as by the gateway, appear in the journal, and are not violations."""
    with led(simulator, owners[0]) as redirection:
        assert requests.get(f"https://{HOST}/nowhere", timeout=PATIENCE).status_code == 404
        assert redirection.violations == []
    assert [each["target"] for each in owners[0].sim("journal")["exchanges"]] == ["/nowhere"]


async def by_a_way_of_its_own(port: int) -> None:
    """Connect to an address first, and name the host only for TLS."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setblocking(False)
        opening = asyncio.open_connection(sock=connection, ssl=True, server_hostname=HOST, ssl_handshake_timeout=1)
        await opening


def test_a_way_round_the_redirection_is_a_violation(simulator: Simulator) -> None:
    """A connection to another address is refused before a key could be sent over it."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere, led(simulator) as redirection:
        port = elsewhere.getsockname()[1]
        expected = f"{HOST} was called through 127.0.0.1 port {port}, which is not the simulator"
        with (
            pytest.raises(ConnectionRefusedError, match=expected),
            socket.create_connection(("127.0.0.1", port), timeout=1) as connection,
        ):
            ssl.create_default_context().wrap_socket(connection, server_hostname=HOST)
        assert [each.startswith(expected) for each in redirection.violations] == [True]
        redirection.violations.clear()
        with pytest.raises(ConnectionRefusedError, match=expected):
            asyncio.run(by_a_way_of_its_own(port))
        assert [each.startswith(expected) for each in redirection.violations] == [True]


def test_a_connection_from_before_is_dropped(simulator: Simulator) -> None:
    """As if the server had closed it: nothing is sent over it any more."""
    listener = simulator.open_tls_listener([HOST])
    context = ssl.create_default_context(cadata=listener.ca_pem)
    with (
        socket.create_connection(("127.0.0.1", listener.port)) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as connection,
        led(simulator),
        pytest.raises(ConnectionResetError, match=f"this connection to {HOST} was opened before the redirection"),
    ):
        connection.sendall(b"GET / HTTP/1.1\r\n\r\n")


# Trust


def test_verification_is_real(simulator: Simulator, client: HttpClient) -> None:
    listener = simulator.open_tls_listener([HOST])
    other_client = trustme.CA().cert_pem.bytes().decode()
    redirection = Redirection([HOST], ("127.0.0.1", listener.port))
    with Patches(redirection, other_client), pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
        client("POST", GENERATE, BODY)
    assert "unable to get local issuer certificate" in response_by(caught.value)
    simulator.close_tls_listener(listener)


def test_the_name_is_verified(simulator: Simulator) -> None:
    """A certificate of the right authority for another host is refused."""
    listener = simulator.open_tls_listener(["another.invalid"])
    with (
        Patches(Redirection([HOST], ("127.0.0.1", listener.port)), listener.ca_pem),
        pytest.raises(requests.exceptions.SSLError, match="Hostname mismatch"),
    ):
        requests.post(GENERATE, data=BODY, timeout=PATIENCE)
    simulator.close_tls_listener(listener)


def test_a_context_learns_nothing(simulator: Simulator) -> None:
    """For other hosts it trusts the same authorities as before, during the redirection and after it; ALPN is unchanged."""
    listener = simulator.open_tls_listener(["another.invalid"])
    context = ssl.create_default_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    with led(simulator):
        with (
            socket.create_connection((HOST, 443)) as plain,
            context.wrap_socket(plain, server_hostname=HOST) as secured,
        ):
            assert (secured.selected_alpn_protocol(), secured.context) == ("http/1.1", context)
        with (
            socket.create_connection(("127.0.0.1", listener.port)) as plain,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            context.wrap_socket(plain, server_hostname="another.invalid")
    assert "pixazo-testkit" not in str(context.get_ca_certs())
    simulator.close_tls_listener(listener)


# Other hosts, and afterwards


def test_other_hosts_still_go_through_their_proxy(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request arrives there unchanged, and the connection ends with the response."""
    with Receiver(http_response(200, b"from the proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://localhost:{proxy.port}")
        with led(simulator):
            assert requests.get("http://elsewhere.invalid/x?y", timeout=PATIENCE).text == "from the proxy"
    assert proxy.received[0].line == "GET http://elsewhere.invalid/x?y HTTP/1.1"
    assert proxy.received[0].headers["host"] == "elsewhere.invalid"
    assert proxy.received[0].headers["connection"] == "close"


def test_other_hosts_still_tunnel_through_their_proxy(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy receives CONNECT, which it refuses here."""
    with Receiver(http_response(407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        with led(simulator), pytest.raises(requests.exceptions.ProxyError, match="407"):
            requests.get("https://elsewhere.invalid/", timeout=PATIENCE)
    assert proxy.received[0].line.startswith("CONNECT elsewhere.invalid:443 HTTP/1.")


def test_other_addresses_are_left_alone(simulator: Simulator) -> None:
    """Names, addresses, and sockets of other families."""
    with led(simulator):
        assert socket.gethostbyname(HOST) == placeholder(HOST)
        assert socket.gethostbyname("localhost") == "127.0.0.1"
        assert socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)[0][4] == ("127.0.0.1", 80)
        first, second = socket.socketpair()
        with first, second:
            first.sendall(b"x")
            assert second.recv(1) == b"x"
        assert requests.get(f"{simulator.url}/_sim/health", timeout=PATIENCE).json()["status"] == "ok"


def test_everything_is_as_before() -> None:
    """No function stays replaced, even after an exception."""
    owners = (
        socket, socket.socket, ssl.SSLContext, ssl.SSLSocket, ssl.SSLObject, asyncio.BaseEventLoop, uvloop.Loop,
        aiohttp.resolver.AsyncResolver,
    )  # fmt: skip
    before = [dict(vars(owner)) for owner in owners]
    meanwhile: list[dict[str, Any]] = []
    with suppress(ZeroDivisionError), Simulator() as simulator, led(simulator):
        meanwhile += [dict(vars(owner)) for owner in owners]
        raise ZeroDivisionError
    assert not any(one == other for one, other in zip(before, meanwhile, strict=True))
    assert [dict(vars(owner)) for owner in owners] == before


def test_a_start_that_fails_replaces_nothing(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    before = [dict(vars(owner)) for owner in (socket, socket.socket, ssl.SSLContext, asyncio.BaseEventLoop)]
    listener = simulator.open_tls_listener([HOST])
    patches = Patches(Redirection([HOST], ("127.0.0.1", listener.port)), listener.ca_pem)
    module = types.ModuleType("uvloop")
    vars(module)["Loop"] = object
    monkeypatch.setitem(sys.modules, "uvloop", module)
    with pytest.raises(AttributeError, match="create_connection"), patches:
        pytest.fail("it began")
    assert [dict(vars(owner)) for owner in (socket, socket.socket, ssl.SSLContext, asyncio.BaseEventLoop)] == before
    simulator.close_tls_listener(listener)


@pytest.mark.parametrize("name", ["uvloop", "aiodns"])
def test_a_broken_library_is_taken_for_none(
    simulator: Simulator, owners: list[Caller], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty module in its place has no loop that could be used."""
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    with led(simulator, owners[0]), POOLED_CLIENTS["requests"]() as client:
        submitted(client)
    assert total(owners[0]) == 1


def test_an_error_outlives_the_simulator() -> None:
    """It is not hidden by the failure to close the listener."""

    def fail(simulator: Simulator) -> None:
        simulator.stop()
        raise ZeroDivisionError

    with Simulator() as simulator, pytest.raises(ZeroDivisionError), led(simulator):
        fail(simulator)


def test_afterwards_the_host_is_itself_again(simulator: Simulator, owners: list[Caller], pooled: HttpClient) -> None:
    """A kept-alive connection is closed, and an address that a client has cached reaches nothing."""
    url = GENERATE.replace(HOST, "localhost")
    with redirect(simulator.url, owners[0].key, hosts=["localhost"]):
        assert pooled("POST", url, BODY)[0] == 202
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each library has its own
        pooled("POST", url, BODY)
    assert re.search(r"(?i)refused|connect", response_by(caught.value))
    assert total(owners[0]) == 1


def test_no_thread_and_no_descriptor_is_left(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the relay in place of a proxy."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    before = threading.enumerate()
    with led(simulator), POOLED_CLIENTS["requests"]() as client:
        submitted(client)
        assert [each.name[:13] for each in threading.enumerate() if each not in before][:1] == ["pixazo-proxy:"]
    assert threading.enumerate() == before


async def twice_in_one_loop(simulator: Simulator, owners: list[Caller]) -> None:
    """Submit once in each of two redirections with one session."""
    async with aiohttp.ClientSession() as session:
        for owner in owners:
            with led(simulator, owner):
                async with session.post(GENERATE, data=BODY, headers=HEADERS) as response:
                    assert response.status == 202
                    await response.read()


@pytest.mark.parametrize("loop_factory", [None, uvloop.new_event_loop])
def test_two_redirections_in_one_loop(simulator: Simulator, owners: list[Caller], loop_factory: Any) -> None:
    """A session notices that its connection has ended before it uses it again."""
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(twice_in_one_loop(simulator, owners))
    assert [total(owner) for owner in owners] == [1, 1]


def test_a_resolver_of_aiohttp_that_asks_name_servers_itself(simulator: Simulator, owners: list[Caller]) -> None:
    """If aiodns is installed, aiohttp does not use the system's resolver."""
    resolver: Any = object.__new__(aiohttp.resolver.AsyncResolver)
    resolver._manager = resolver._resolver = None

    async def post() -> int:
        connector = aiohttp.TCPConnector(resolver=resolver)
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.post(GENERATE, data=BODY, headers=HEADERS) as response,
        ):
            return response.status

    with led(simulator, owners[0]):
        assert asyncio.run(post()) == 202


# What cannot begin


def test_a_second_redirection_is_refused(simulator: Simulator, owners: list[Caller]) -> None:
    """A host reaches one world only; the first redirection continues."""
    with led(simulator, owners[0]):
        with pytest.raises(RedirectionError, match="another redirection is active in this process"), led(simulator):
            pytest.fail("two redirections held at once")
        with POOLED_CLIENTS["requests"]() as client:
            submitted(client)
    assert total(owners[0]) == 1


def test_a_redirection_without_a_simulator() -> None:
    """The error names the URL; the next redirection is not affected."""
    url = f"http://127.0.0.1:{free_port()}"
    for _ in range(2):
        with (
            pytest.raises(
                RedirectionError,
                match=f"the simulator opens no TLS listener: .* no response from {url} .*Connection refused",
            ),
            redirect(url, "k"),
        ):
            pytest.fail("a redirection to nobody")


def test_a_redirection_into_no_world(simulator: Simulator) -> None:
    with (
        pytest.raises(RedirectionError, match="no world has this key: create one with POST /_sim/worlds"),
        redirect(simulator.url, "nobody"),
    ):
        pytest.fail("a redirection into no world")
