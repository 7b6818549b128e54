"""TLS listeners, each of which serves one world, whatever key the client sends."""

from __future__ import annotations

import asyncio
import errno
import http.client
import json
import re
import socket
import ssl
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, Caller, over_http
from tests.patience import PATIENCE
from tests.simulator.server.raw_socket import accepts

from pixazo_simulator import PROFILES, Settings, Simulator, SimulatorError
from pixazo_simulator.control import TlsListener, to_json
from pixazo_simulator.control.client import ControlError
from pixazo_simulator.mutants import find_mutant
from pixazo_simulator.server.asgi import Application
from pixazo_simulator.server.tls import MOST_LISTENERS
from pixazo_simulator.world.registry import Worlds

HOST = "gateway.pixazo.ai"
CANARY = "canary-3e61b0f2"
"""The key that the app under test holds: it may never be shown."""
SECOND = "canary-91c2d0aa"
"""The key that it sends in the query."""


class TlsClient(AbstractContextManager["TlsClient"]):
    """A client that calls HOST through a TLS listener, on one connection, and verifies the certificate."""

    def __init__(self, listener: TlsListener, host: str = HOST) -> None:
        self._context = ssl.create_default_context(cadata=listener.ca_pem)
        self._context.verify_flags |= ssl.VERIFY_X509_STRICT
        plain = socket.create_connection(("127.0.0.1", listener.port), PATIENCE)
        try:
            self.socket = self._context.wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise
        self._connection = http.client.HTTPConnection(host)
        self._connection.sock = self.socket

    def call(
        self, method: str, target: str, body: object = None, key: str | None = CANARY, **headers: str
    ) -> tuple[int, bytes]:
        """Send one request, and return status code and body of the response."""
        sent_headers: Mapping[str, str] = ({} if key is None else {KEY_HEADER: key}) | headers
        content = None if body is None else json.dumps(body)
        self._connection.request(
            method,
            target,
            content,
            sent_headers if body is None else {"Content-Type": "application/json", **sent_headers},
        )
        response = self._connection.getresponse()
        return response.status, response.read()

    def submit(self, prompt: str = "A bear", **headers: str) -> Any:
        """Submit a text-to-video request that must be accepted, and return the response."""
        status, body = self.call("POST", GENERATE, {"prompt": prompt}, **headers)
        assert status == 202, body
        return json.loads(body)

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def opened(caller: Caller, *hosts: str) -> TlsListener:
    """A listener that was opened by the control route."""
    reply = caller.call("POST", "/_sim/tls-listeners", {"hosts": hosts or [HOST]})
    assert reply.status == 201, reply.body
    body = reply.json()
    assert list(body) == ["number", "port", "ca_pem"]
    return TlsListener(**body)


def test_any_key_is_the_key_of_the_world(caller: Caller) -> None:
    """Submissions through the listener belong to the world; their URLs have the host that was called."""
    with TlsClient(opened(caller)) as client:
        reported = client.submit()
        request_id = reported["request_id"]
        assert reported["polling_url"] == f"https://{HOST}/v2/requests/status/{request_id}"
        assert [each["request_id"] for each in caller.sim("generations")["generations"]] == [request_id]
        caller.advance(60)
        status, body = client.call("GET", f"/v2/requests/status/{request_id}", key="another-key")
        assert (status, json.loads(body)["status"]) == (200, "COMPLETED")
        assert json.loads(body)["output"]["media_url"] == [f"https://{HOST}/v1/{request_id}/output.mp4"]
        status, video = client.call("GET", f"/v1/{request_id}/output.mp4", key=None)
        assert (status, video[4:8]) == (200, b"ftyp")
        assert client.call("HEAD", f"/v1/{request_id}/output.mp4", key=None) == (200, b"")


@pytest.mark.parametrize(
    ("policy", "origin"),
    [("caller", f"https://{HOST}"), ("forwarded", "http://a.test/pixazo"), ("http://b.test/c", "http://b.test/c")],
)
def test_the_origin_of_its_urls_follows_the_policy(caller: Caller, policy: str, origin: str) -> None:
    """As on the plain port."""
    caller.change(policy={"public_origin": policy})
    said = {"X-Forwarded-Proto": "http", "X-Forwarded-Host": "a.test", "X-Forwarded-Prefix": "/pixazo"}
    with TlsClient(opened(caller)) as client:
        assert client.submit(**said)["polling_url"].startswith(f"{origin}/v2/requests/status/")


@pytest.mark.parametrize("key", [None, "", "  "])
def test_no_key_stays_no_key(caller: Caller, key: str | None) -> None:
    """The response is 401, and appears in the journal of the listener's world."""
    with TlsClient(opened(caller)) as client:
        assert client.call("POST", GENERATE, {"prompt": "A bear"}, key=key)[0] == 401
        assert client.call("GET", "/v2/requests/status/x", key=key)[0] == 401
    seen = [(each["method"], each["target"], each["status"]) for each in caller.sim("journal")["exchanges"]]
    assert seen == [("POST", GENERATE, 401), ("GET", "/v2/requests/status/x", 401)]


def test_the_journal_shows_the_target_as_usual(caller: Caller) -> None:
    """This holds for any target, including missing media and unknown routes."""
    with TlsClient(opened(caller)) as client:
        for target in (IMAGE_TO_VIDEO, "/nowhere?a=b", "/v1/nothing/output.mp4"):
            client.call("GET", target)
    seen = [(each["target"], each["request"]["headers"]["host"]) for each in caller.sim("journal")["exchanges"]]
    assert seen == [(IMAGE_TO_VIDEO, HOST), ("/nowhere?a=b", HOST), ("/v1/nothing/output.mp4", HOST)]


def test_a_key_in_the_query(caller: Caller) -> None:
    """If the policy allows it, any key there is replaced, too."""
    query = f"/v2/requests/status/x?subscription-key={CANARY}"
    with TlsClient(opened(caller)) as client:
        caller.change(policy={"query_key": "accept"})
        assert client.call("GET", query, key=None)[0] == 404
        caller.change(policy={"query_key": "refuse"})
        assert client.call("GET", query, key=None)[0] == 401
        assert client.call("GET", "/v2/requests/status/x?subscription-key=", key=None)[0] == 401


def test_the_key_of_the_app_is_shown_nowhere(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """No header, body, target, webhook or log record shows it, nor the key of the world."""
    caplog.set_level("INFO", "pixazo_simulator")
    secrets = {"X-Webhook-URL": f"http://127.0.0.1:9/{CANARY}?again={CANARY}", "X-Mine": f"mine is {CANARY}"}
    with TlsClient(opened(caller)) as client:
        caller.change(policy={"query_key": "accept"})
        client.submit(f"A bear called {CANARY}", **secrets)
        client.call("GET", f"/{SECOND}?subscription-key={SECOND}&x={SECOND}", key=None)
        caller.advance(60)
    bodies = [caller.call("GET", f"/_sim/{what}").body for what in ("journal", "deliveries", "world", "generations")]
    shown = b"".join(bodies).decode() + caplog.text
    assert "[redacted]" in shown
    assert CANARY not in shown
    assert SECOND not in shown
    assert caller.key not in shown


def test_a_key_that_the_app_encodes_is_shown_in_no_spelling(caller: Caller) -> None:
    """It is redacted encoded in a query, and decoded in the next request."""
    with TlsClient(opened(caller)) as client:
        client.call("GET", "/v2/requests/status/x?subscription-key=an%20apps%2Fown+key-1", key=None)
        client.submit("A bear called an apps/own key-1")
    journal = caller.call("GET", "/_sim/journal").body.decode()
    assert '"A bear called [redacted]"' in journal
    assert "own" not in journal


def test_our_own_routes_are_not_behind_it(caller: Caller) -> None:
    """They are unknown routes, as for the vendor's gateway."""
    with TlsClient(opened(caller)) as client:
        for target in ("/_sim/health", "/_sim/world", "/.well-known/pixazo-target"):
            status, body = client.call("GET", target, Host="localhost")
            assert (status, json.loads(body)) == (404, {"statusCode": 404, "message": "Resource not found"})


def test_two_listeners_lead_into_two_worlds(simulator: Simulator, caller: Caller) -> None:
    other = Caller(over_http(simulator.url), "sim-key")
    other.key = other.call("POST", "/_sim/worlds").json()["key"]
    with TlsClient(opened(caller)) as first, TlsClient(opened(other)) as second:
        first.submit()
        request_id = second.submit()["request_id"]
        assert first.call("GET", f"/v2/requests/status/{request_id}")[0] == 404
    assert [each.sim("generations")["total"] for each in (caller, other)] == [1, 1]


def test_the_certificate_is_for_the_hosts_asked_for(caller: Caller) -> None:
    listener = opened(caller, "one.example", "TWO.example")
    for host in ("one.example", "two.example"):
        with TlsClient(listener, host):
            pass
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        TlsClient(listener, HOST)


def test_it_speaks_http_1_only(caller: Caller) -> None:
    """A client that prefers HTTP/2 learns this by ALPN."""
    listener = opened(caller)
    context = ssl.create_default_context(cadata=listener.ca_pem)
    context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", listener.port), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as wrapped,
    ):
        assert wrapped.selected_alpn_protocol() == "http/1.1"


def test_a_closed_listener_hangs_up(caller: Caller) -> None:
    """When the response arrives, the port is closed and kept-alive connections have ended."""
    listener = opened(caller)
    with TlsClient(listener) as client:
        client.submit()
        assert caller.call("DELETE", f"/_sim/tls-listeners/{listener.number}").json() == {"closed": True}
        assert not accepts(listener.port)
        client.socket.setblocking(False)
        assert client.socket.recv(1) == b""


def test_a_closed_listener_ends_a_request_under_way(caller: Caller) -> None:
    """The client does not wait for a response that will never come."""
    listener = opened(caller)
    with TlsClient(listener) as client:
        head = f"POST {GENERATE} HTTP/1.1\r\nhost: {HOST}\r\ncontent-length: 10\r\n\r\n{{"
        client.submit()
        client.socket.sendall(head.encode())
        caller.call("DELETE", f"/_sim/tls-listeners/{listener.number}")
        assert client.socket.recv(1) == b""


def test_the_python_methods_of_the_control_routes(simulator: Simulator, caller: Caller) -> None:
    """They open and close listeners as the routes do."""
    control = simulator.control(caller.key)
    listener = control.open_tls_listener([HOST])
    with TlsClient(listener) as client:
        client.submit()
    control.close_tls_listener(listener.number)
    assert not accepts(listener.port)
    with pytest.raises(ControlError, match="this world has no TLS listener 99: open one with POST /_sim/tls-listeners"):
        control.close_tls_listener(99)


def test_a_deleted_world_has_no_listeners(simulator: Simulator, caller: Caller) -> None:
    kept = opened(caller)
    gone = Caller(over_http(simulator.url), "sim-key")
    gone.key = gone.call("POST", "/_sim/worlds").json()["key"]
    listener = opened(gone)
    gone.call("DELETE", "/_sim/world")
    assert [accepts(listener.port), accepts(kept.port)] == [False, True]


def test_a_listener_is_closed_by_its_own_world_only(simulator: Simulator, caller: Caller) -> None:
    """For any other world it does not exist."""
    listener = opened(caller)
    unknown_caller = Caller(over_http(simulator.url), "sim-key")
    reply = unknown_caller.call("DELETE", f"/_sim/tls-listeners/{listener.number}")
    assert (reply.status, reply.json()["message"]) == (
        404,
        f"this world has no TLS listener {listener.number}: open one with POST /_sim/tls-listeners",
    )
    assert accepts(listener.port)


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ([], "0 hosts were given: a TLS listener has 1 to 32"),
        (["a.example"] * 33, "33 hosts were given: a TLS listener has 1 to 32"),
        (["https://gateway.pixazo.ai"], "host 'https://gateway.pixazo.ai' is not a host name: give it without scheme"),
        (["gateway.pixazo.ai:443"], "host 'gateway.pixazo.ai:443' is not a host name: give it without scheme"),
        (["a..b"], "host 'a..b' is not a host name"),
        (["a" * 64], f"host '{'a' * 64}' is not a host name"),
        (["_a"], "host '_a' is not a host name: give it without scheme, port or path, in letters, digits, dots and inner hyphens"),
        (["-a.test"], "host '-a.test' is not a host name"),
        (["a-.test"], "host 'a-.test' is not a host name"),
        (["\u017f.test"], "host '\u017f.test' is not a host name"),
        (["ab--cd.test"], "no certificate can be made for 'ab--cd.test' (Label has"),
    ],
)  # fmt: skip
def test_hosts_that_no_listener_can_have(caller: Caller, hosts: list[str], expected: str) -> None:
    """One line with the value and the remedy."""
    reply = caller.call("POST", "/_sim/tls-listeners", {"hosts": hosts})
    assert reply.status == 400
    assert reply.json()["message"].startswith(expected)


def test_listeners_are_bounded() -> None:
    """At the bound no listener opens until one is closed."""
    with Simulator() as simulator:
        listeners = [simulator.open_tls_listener([HOST]) for _ in range(MOST_LISTENERS)]
        assert len({listener.port for listener in listeners}) == MOST_LISTENERS == 256
        with pytest.raises(
            ValueError, match=re.escape("256 TLS listeners are open already: close one with DELETE /_sim/tls-listeners")
        ):
            simulator.open_tls_listener([HOST])
        simulator.close_tls_listener(listeners[0])
        simulator.open_tls_listener([HOST])


def test_listeners_that_open_together_are_bounded() -> None:
    """Those that are being opened count."""

    async def opening() -> Counter[str]:
        worlds = Worlds(Settings())
        listeners, (world,) = Application(worlds).tls_listeners, worlds
        asked = [listeners.open(world, [HOST]) for _ in range(MOST_LISTENERS + 20)]
        found = await asyncio.gather(*asked, return_exceptions=True)
        await listeners.close_all()
        return Counter(type(each).__name__ for each in found)

    assert asyncio.run(opening()) == {"TlsListener": 256, "ValueError": 20}


def test_a_listener_that_opens_while_its_world_is_deleted_does_not_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody could close it."""
    content = b'{"hosts": ["gateway.pixazo.ai"]}'

    async def opening() -> tuple[int, str, list[bool]]:
        control = Application(Worlds(Settings())).control
        loop, begun, deleted = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()
        listen, listeners = loop.create_server, list[asyncio.Server]()

        async def slowly(*arguments: Any, **options: Any) -> asyncio.Server:
            begun.set()
            await deleted.wait()
            listeners.append(await listen(*arguments, **options))
            return listeners[-1]

        async def ask(method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
            return await control.answer(method, path, "", body, host="localhost", key="sim-key")

        monkeypatch.setattr(loop, "create_server", slowly)
        listener = asyncio.create_task(ask("POST", "/_sim/tls-listeners", content))
        await begun.wait()
        assert (await ask("DELETE", "/_sim/world"))[0] == 200
        deleted.set()
        status, reported = await listener
        return status, json.loads(reported).get("message", ""), [each.is_serving() for each in listeners]

    assert asyncio.run(opening()) == (404, "the world was deleted while its TLS listener was opened", [False])


def test_without_a_socket_no_listener_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The world is there: the process has too many open files, and that is said."""

    def no_socket(*_: Any, **__: Any) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    async def opening() -> tuple[int, bytes]:
        control = Application(Worlds(Settings())).control
        with monkeypatch.context() as patched:
            patched.setattr(socket, "socket", no_socket)
            content = b'{"hosts": ["gateway.pixazo.ai"]}'
            return await control.answer("POST", "/_sim/tls-listeners", "", content, host="localhost", key="sim-key")

    status, reported = asyncio.run(opening())
    assert (status, "no port can be opened: Too many open files" in json.loads(reported)["message"]) == (400, True)


def test_listeners_close_with_the_server() -> None:
    """The port, and its connections; without a server no listener opens."""
    simulator = Simulator().start()
    listener = simulator.open_tls_listener([HOST])
    with TlsClient(listener) as client:
        client.submit()
        simulator.stop()
        assert client.socket.recv(1) == b""
    assert not accepts(listener.port)
    with pytest.raises(SimulatorError, match="the simulator is not running"):
        simulator.open_tls_listener([HOST])


def test_a_listener_of_a_server_in_this_process() -> None:
    """It serves the world of the given key, by default the first one."""
    with Simulator(Settings(keys=("first-key", "second-key"), policy=PROFILES["observed"])) as simulator:
        with TlsClient(simulator.open_tls_listener([HOST], api_key="second-key")) as client:
            status, body = client.call("POST", GENERATE, {"prompt": "A bear"})
            assert status == 200, body
        assert Caller(over_http(simulator.url), "second-key").sim("generations")["total"] == 1
        assert Caller(over_http(simulator.url), "first-key").sim("generations")["total"] == 0


def test_mutants_stand_behind_a_listener() -> None:
    """Their responses appear in the journal of the listener's world, also for a client without a key."""
    with Simulator(change=find_mutant("empty-401")) as simulator:
        owner = Caller(over_http(simulator.url), simulator.api_key)
        owner.call("GET", "/v2/requests/status/x", headers={KEY_HEADER: "a stranger"})
        with TlsClient(simulator.open_tls_listener([HOST])) as client:
            assert client.call("GET", "/v2/requests/status/x", key=None) == (401, b"")
        (seen,) = owner.sim("journal")["exchanges"]
        assert (seen["status"], seen["response"]["body"]) == (401, "")
        assert seen["reason"] == "refused: no API key; edited by mutant empty-401"


def test_no_rule_explanation_or_wait_shows_the_key_of_the_app(simulator: Simulator) -> None:
    """Where a condition is compared with what the app sent, its key is redacted in the comparison."""
    owner = simulator.control().create_world()
    with TlsClient(simulator.open_tls_listener([HOST], api_key=owner.api_key)) as app:
        owner.add_rule({"when": "generate", "match": {"prompt": {"contains": "cat"}}, "reply": {"status": 500}})
        identity = app.submit(f"My key is {CANARY}")["request_id"]
        app.call("GET", f"/v2/requests/status/{CANARY}?key={CANARY}")
        (rule,) = owner.script().rules
        explained = owner.explain("POST", GENERATE, body={"prompt": f"It is {CANARY}"})
        with pytest.raises(ControlError) as late:
            owner.wait_for({"exchanges": {"path": {"contains": "elsewhere"}}}, timeout=0)
    assert rule.missed == ["prompt is 'My key is [redacted]', expected: contains 'cat'"]
    assert explained.rules[0].differences == ("prompt is 'It is [redacted]', expected: contains 'cat'",)
    assert late.value.body["nearest"] == {
        "what": "exchange 2, GET /v2/requests/status/[redacted]?key=[redacted] answered 404",
        "differences": ["path is '/v2/requests/status/[redacted]', expected: contains 'elsewhere'"],
    }
    assert identity
    assert CANARY not in json.dumps([to_json(rule), to_json(explained), late.value.body, str(late.value)])


def test_who_comes_in_while_a_listener_closes_is_turned_away(caller: Caller) -> None:
    """A handshake that was under way fails."""
    listener = opened(caller)
    with socket.create_connection(("127.0.0.1", listener.port), 10) as raw:
        for _ in range(2):  # the first request is answered after the connection was accepted, if not before
            caller.sim("world")
        assert caller.call("DELETE", f"/_sim/tls-listeners/{listener.number}").status == 200
        trust = ssl.create_default_context(cadata=listener.ca_pem)
        response = b""
        with suppress(OSError), trust.wrap_socket(raw, server_hostname=HOST) as secure:
            secure.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            response = secure.recv(1)
        assert response == b""
