"""Who may use our own routes: judged by the address of the peer, the token, and the names in Host and Origin."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from tests.caller import Caller, over_http
from tests.inprocess import InProcess
from tests.receiver import Receiver, http_response
from tests.simulator.server.raw_socket import RawSocket

from pixazo_simulator.control.client import TOKEN_HEADER, ControlClient, ControlError
from pixazo_simulator.control.handler import check_access
from pixazo_simulator.control.route import Refused
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.registry import Settings

TOKEN = "a-token-of-the-team"
CLOSED = Settings()
OPEN = Settings(control_open=True)
GUARDED = Settings(control_token=TOKEN)
NAMED = Settings(control_hosts=("Pixazo-Sim", "host.docker.internal", "10.9.9.9", "2001:DB8:0::7"))
LOOPBACK = "127.0.0.1"
REMOTE_PEER = "192.0.2.7"


def refusal(
    settings: Settings,
    peer: str | None = LOOPBACK,
    host: str = "localhost:8900",
    origin: str | None = None,
    token: str | None = None,
    **more: Any,
) -> tuple[int, str] | None:
    """How check_access refuses a caller, None if it does not."""
    named = {"host": host, "origin": origin, TOKEN_HEADER.lower(): token}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in named.items() if value is not None]
    client = (peer, 50_000) if peer else None
    try:
        check_access({"headers": headers, "client": client, "server": (LOOPBACK, 8900), **more}, settings)
    except Refused as refused:
        return refused.status, str(refused)
    return None


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"])
def test_a_peer_on_loopback_needs_no_token(peer: str) -> None:
    assert refusal(CLOSED, peer) is None


@pytest.mark.parametrize(
    "peer", [REMOTE_PEER, "10.0.0.1", "::ffff:192.0.2.7", "fe80::1%eth0", "2001:db8::1", "0.0.0.0", "testclient", ""]
)
def test_any_other_peer_is_refused_whatever_host_it_names(peer: str) -> None:
    for host in ("localhost", "127.0.0.1:8900", f"{REMOTE_PEER}:8900"):
        reported = refusal(CLOSED, peer or None, host)
        assert reported is not None
        assert reported[0] == 403
        assert "--control-token TOKEN" in reported[1]
        assert "--control-open" in reported[1]


def test_a_unix_socket_is_of_this_machine() -> None:
    """It has no peer, and no port; of a TCP connection that was reset nobody knows the peer."""
    assert refusal(CLOSED, None, server=("/run/pixazo.sock", None)) is None
    assert refusal(CLOSED, None, server=("0.0.0.0", 8900)) is not None


@pytest.mark.parametrize("name", ["x-forwarded-for", "x-real-ip", "forwarded", "x-forwarded-host"])
def test_what_a_proxy_adds_counts_for_nothing(name: str) -> None:
    """Anybody can write it."""
    headers = [(b"host", b"localhost"), (name.encode(), b"127.0.0.1")]
    with pytest.raises(Refused, match=r"only callers on this machine, and this one is 192\.0\.2\.7"):
        check_access({"headers": headers, "client": (REMOTE_PEER, 1), "server": (LOOPBACK, 8900)}, CLOSED)


@pytest.mark.parametrize("peer", [LOOPBACK, REMOTE_PEER, "::1"])
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (TOKEN, None),
        (None, "is missing"),
        ("", "is wrong"),
        (TOKEN[:-1], "is wrong"),
        (TOKEN.upper(), "is wrong"),
        ("\xe4", "is wrong"),
    ],
)
def test_where_there_is_a_token_everybody_sends_it(peer: str, sent: str | None, expected: str | None) -> None:
    """Peers on loopback, too: a reverse proxy there makes a local peer of every remote one."""
    refused = refusal(GUARDED, peer, token=sent)
    if expected is None:
        assert refused is None
    else:
        assert refused == (
            403,
            f"the control token {expected}: send the value of --control-token in the header X-Pixazo-Control-Token",
        )


@pytest.mark.parametrize("host", ["192.0.2.1:8900", "10.1.2.3", "[2001:db8::1]:8900"])
def test_an_address_as_host_will_do_where_the_peer_alone_does_not_decide(host: str) -> None:
    """Nobody can rebind it. On its own it does not: a reverse proxy may have passed it on."""
    assert refusal(GUARDED, REMOTE_PEER, host, token=TOKEN) is None
    assert refusal(OPEN, REMOTE_PEER, host) is None
    assert refusal(CLOSED, LOOPBACK, host) is not None


WRONG_HOSTS = [
    "", "evil.test", "localhost.evil.test", "127.0.0.1.evil.test", "localhost.", "user@localhost", "localhost@evil.test", "localhost:",
    "localhost:x", "localhost:99999", "localhost:80:80", " localhost", "localhost, evil.test", "localhost/evil", "::1", "[::1", "[::1]x",
    "[fe80::1%25lo]", "[127.0.0.1]", "2130706433", "0x7f000001", "0x7f.0.0.1", "127.1", "127.0.0.01", "0177.0.0.1", "0.0.0.0:8900", "[::]:8900",
    "[::ffff:0.0.0.0]", "127.0.0.1%00", "lo\u017fthost".encode().decode("latin-1"), "pixazo-sim", "\u0661".encode().decode("latin-1"),
]  # fmt: skip


@pytest.mark.parametrize("host", WRONG_HOSTS)
@pytest.mark.parametrize("settings", [CLOSED, OPEN, GUARDED], ids=["closed", "open", "guarded"])
def test_no_other_host_is_answered(settings: Settings, host: str) -> None:
    """With a token neither: only what is written as a loopback name, or was named."""
    reported = refusal(settings, host=host, token=TOKEN if settings is GUARDED else None)
    assert reported is not None
    assert reported[0] == 403
    assert "is not a loopback name" in reported[1]
    assert "--control-host" in reported[1]
    assert not reported[1].endswith(("--control-host 0.0.0.0", "--control-host ::")), "which that option refuses"


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:1",
        "127.0.0.1:8900",
        "127.3.2.1",
        "[::1]",
        "[::ffff:127.0.0.1]:8900",
        "[0:0:0:0:0:0:0:1]",
    ],
)
def test_loopback_names_in_any_spelling_are_answered(host: str) -> None:
    """Upper case, any address of the block, IPv6 in any form."""
    assert refusal(CLOSED, host=host) is None


@pytest.mark.parametrize(
    "host",
    ["pixazo-sim:8900", "PIXAZO-SIM", "host.docker.internal:1", "10.9.9.9:8900", "[::ffff:10.9.9.9]", "[2001:db8::7]"],
)
def test_a_host_that_was_named_is_answered(host: str) -> None:
    """`--control-host`: a compose service, a CI service container. The peer is judged all the same."""
    assert refusal(NAMED, host=host) is None
    assert refusal(NAMED, REMOTE_PEER, host) is not None
    assert refusal(CLOSED, host=host) is not None


@pytest.mark.parametrize(
    ("origin", "fits"),
    [
        ("http://localhost:3000", True), ("https://127.0.0.1", True), ("http://[::1]:8900", True), ("HTTP://LOCALHOST", True),
        ("http://pixazo-sim:3000", True), ("https://evil.test", False), ("null", False), ("", False), ("127.0.0.1", False),
        ("file://localhost", False), ("http://localhost.evil.test", False), ("http://localhost@evil.test", False),
        ("http://localhost/evil", False), ("http://localhost#evil.test", False), ("x://localhost", False), ("http://0.0.0.0", False),
        ("http://192.0.2.1:80", False), ("http://http://localhost", False), ("http://localhost http://evil.test", False),
    ],
)  # fmt: skip
def test_pages_of_this_machine_or_of_a_host_that_was_named(origin: str, fits: bool) -> None:
    """And of no other: an address says nothing about who made the page."""
    reported = refusal(NAMED, origin=origin)
    assert (reported is None) is fits
    assert reported is None or (reported[0] == 403 and "is not a loopback name" in reported[1])


def test_a_page_of_this_very_server_is_answered() -> None:
    """Whatever address it is called by, where an address will do."""
    assert refusal(OPEN, REMOTE_PEER, "192.0.2.1:8900", "http://192.0.2.1:8900") is None
    assert refusal(OPEN, REMOTE_PEER, "192.0.2.1:8900", "http://192.0.2.1:80") is not None


@pytest.mark.parametrize("name", ["Origin", TOKEN_HEADER])
@pytest.mark.parametrize("target", ["/_sim/health", "/.well-known/pixazo-target"])
def test_a_header_that_is_sent_twice_is_a_bad_request(name: str, target: str) -> None:
    """Nobody can tell which of the two counts."""
    with Simulator(Settings(control_token=TOKEN)) as simulator, RawSocket(simulator.port) as wire:
        value = TOKEN if name == TOKEN_HEADER else "http://localhost"
        wire.send(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n{name}: {value}\r\n{name}: {value}\r\n\r\n".encode())
        response = wire.response()
    assert response.status == 400
    assert json.loads(response.body)["message"] == f"there are 2 headers {name.lower()}: send one"


def call(
    settings: Settings, peer: str, method: str, target: str, headers: Mapping[str, str], body: object = None
) -> Any:
    """Ask an application, without a socket, as such a peer."""
    with InProcess(settings, peer=peer) as send:
        reply = Caller(send, "sim-key").call(method, target, body, headers)
        return reply.status, reply.json()


@pytest.mark.parametrize("target", ["/_sim/health", "/_sim/unmatched", "/_sim/nowhere", "/.well-known/pixazo-target"])
def test_a_remote_peer_with_the_host_localhost_gets_nothing(target: str) -> None:
    """This holds for our own routes; the gateway is for everybody."""
    status, reported = call(CLOSED, REMOTE_PEER, "GET", target, {"host": "localhost"})
    assert (status, reported["error"]) == (403, "Control request refused")
    assert call(CLOSED, REMOTE_PEER, "GET", "/v2/requests/status/x", {"host": "localhost"})[0] == 404


@pytest.mark.parametrize("settings", [CLOSED, OPEN, GUARDED])
def test_a_callback_is_refused_though_it_comes_from_loopback(settings: Settings) -> None:
    for target in ("/_sim/health", "/_sim/worlds", "/.well-known/pixazo-target"):
        status, reported = call(
            settings, LOOPBACK, "GET", target, {"host": "localhost", "user-agent": "pixazo-sim", TOKEN_HEADER: TOKEN}
        )
        assert status == 403
        assert reported["message"].startswith("webhooks may not call /_sim: use a User-Agent other than pixazo-sim")


@pytest.mark.parametrize("redirected", [False, True])
def test_no_callback_reaches_our_own_routes(redirected: bool) -> None:
    """Neither by its URL nor by a redirect of its receiver that the policy follows."""
    policy = PROFILES["documented"].changed({"webhook_redirects": "follow"})
    with Simulator(Settings(policy=policy)) as simulator:
        own = f"{simulator.url}/_sim/worlds"
        with Receiver(http_response(307, location=own)) as listener:
            caller = Caller(over_http(simulator.url), simulator.api_key)
            caller.accepted(webhook=listener.url if redirected else own)
            simulator.advance(15)
        (delivery,) = caller.sim("deliveries")["deliveries"]
        assert delivery["attempts"][0]["status"] == 403


def test_a_remote_peer_opens_no_world() -> None:
    """The request is refused, and no world was opened."""
    with InProcess(CLOSED, peer=REMOTE_PEER) as send:
        assert Caller(send, "").call("POST", "/_sim/worlds", {"key": "of-a-stranger"}).status == 403
        assert Caller(send, "of-a-stranger").generate().status == 401


# The limit of where callbacks may go


LIMITED = Settings(policy=PROFILES["documented"].changed({"webhook_allow": "a.test,b.test"}))


@pytest.mark.parametrize(
    ("settings", "hosts", "says"),
    [
        (CLOSED, ["a.test"], "a.test is beyond the limit of this server, which is loopback only: start it with --webhook-allow a.test"),
        (
            LIMITED,
            ["a.test", "c.test"],
            "c.test is beyond the limit of this server, which is a.test, b.test: start it with --webhook-allow c.test",
        ),
    ],
)  # fmt: skip
def test_no_world_widens_the_limit(settings: Settings, hosts: list[str], says: str) -> None:
    """Neither a new one, whatever profile it names, nor one that is changed; the message names limit and option."""
    with InProcess(settings) as send:
        caller = Caller(send, "sim-key")
        for method, target, content in (
            ("POST", "/_sim/worlds", {}),
            ("POST", "/_sim/worlds", {"profile": "observed"}),
            ("PATCH", "/_sim/world", {"balance": "0.00"}),
        ):
            reply = caller.call(method, target, {**content, "policy": {"webhook_allow": hosts}})
            assert (reply.status, says in reply.json()["message"]) == (400, True), reply.body
        assert caller.sim("health")["worlds"] == 1
        assert caller.sim("world")["balance"] == "100.00"


def test_a_world_chooses_of_the_limit() -> None:
    """All of it unless it says otherwise; a profile starts from none."""
    with InProcess(LIMITED) as send:
        caller = Caller(send, "sim-key")
        assert caller.call("POST", "/_sim/worlds", {}).json()["policy"]["webhook_allow"] == "a.test,b.test"
        assert caller.call("POST", "/_sim/worlds", {"profile": "observed"}).json()["policy"]["webhook_allow"] == "none"
        change = {"policy": {"webhook_allow": ["b.test"]}}
        assert caller.call("PATCH", "/_sim/world", change).json()["policy"]["webhook_allow"] == "b.test"
        back = {"policy": {"webhook_allow": ["b.test", "a.test"]}}
        assert caller.call("PATCH", "/_sim/world", back).json()["policy"]["webhook_allow"] == "b.test,a.test"


# In Python


def test_the_client_sends_the_token() -> None:
    """The worlds that it opens do so, too; a client without it gets an error that says what to send. In process it is not asked for."""
    assert TOKEN_HEADER == "X-Pixazo-Control-Token"
    with Simulator(Settings(control_token=TOKEN)) as simulator:
        world = ControlClient(simulator.url, control_token=TOKEN).create_world()
        assert world.clock().clock == "manual"
        assert simulator.control().health().worlds == 2
        for other in (None, "wrong"):
            with pytest.raises(ControlError, match="X-Pixazo-Control-Token") as raised:
                ControlClient(simulator.url, control_token=other).create_world()
            assert raised.value.status == 403
        assert Caller(over_http(simulator.url), simulator.api_key).generate().status == 202


@pytest.mark.parametrize(("host", "url"), [("0.0.0.0", "http://127.0.0.1:{}"), ("::", "http://127.0.0.1:{}")])
def test_a_server_that_listens_everywhere_is_reached_on_loopback(host: str, url: str) -> None:
    """Its `url` works, for our own routes as well, and so does the address that it was given."""
    if ":" in host and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback")
    with Simulator(host=host) as simulator:
        assert simulator.url == url.format(simulator.port)
        assert not simulator.is_local
        assert ControlClient(simulator.url).health().status == "ok"
        given = f"[{host}]" if ":" in host else host
        assert ControlClient(f"http://{given}:{simulator.port}").health().status == "ok"
        assert simulator.control().explain("GET", f"{simulator.url}/v2/requests/status/x").status == 404


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True
