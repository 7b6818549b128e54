"""What the simulator tells of its own state holds no key."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.caller import GENERATE, KEY_HEADER, Caller, over_http
from tests.simulator.listener import Listener, answer

from pixazo_simulator.journal import Exchange
from pixazo_simulator.server import Simulator
from pixazo_simulator.told import told_exchange

CANARY = 'canary-5f1d"\\/4c3b'
"""A key that JSON spells otherwise."""
ESCAPED = "".join(f"\\u{ord(character):04x}" for character in CANARY)
ROUTES = ("health", "world", "clock", "ledger", "generations", "journal", "deliveries")


@pytest.fixture
def canary(simulator: Simulator) -> Iterator[Caller]:
    """The holder of a key to watch."""
    caller = Caller(over_http(simulator.url), CANARY)
    assert caller.call("POST", "/_sim/worlds", {"key": CANARY, "policy": {"query_key": "accept"}}).status == 201
    yield caller
    caller.call("DELETE", "/_sim/world")


def test_a_planted_key_is_never_told(canary: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """Not by any control route, nor in any log record, wherever a caller puts it: every header, query, path, body, URL."""
    caplog.set_level(logging.DEBUG)
    typed = {"Content-Type": "application/json"}
    bare = {KEY_HEADER: ""}
    with Listener(answer(500, CANARY.encode())) as listener:
        canary.accepted(
            f"A bear {CANARY}", webhook=f"{listener.url}?key={CANARY}", callback_url=f"{listener.url}/{CANARY}"
        )
        canary.generate(CANARY * 200)
        canary.call(
            "POST", GENERATE, {"prompt": 1}, {"Authorization": CANARY, "Cookie": CANARY, "X-Any": f"a {CANARY}"}
        )
        canary.call("POST", GENERATE, {"prompt": "A"}, {"Content-Type": CANARY})
        canary.call("POST", GENERATE, b'{"prompt":"%s"}' % ESCAPED.encode(), typed)
        canary.call("POST", GENERATE, b'{"%s":["%s"]}' % (ESCAPED.encode(), ESCAPED.encode()), typed)
        canary.call("POST", GENERATE, b"no json " + CANARY.encode(), typed)
        canary.read(f"{CANARY.replace('%', '%25')}".replace('"', "%22").replace("\\", "%5C"))
        for query in (f"subscription-key={QUOTED}", f"Subscription-Key={QUOTED}", f"a={QUOTED}"):
            canary.call("GET", f"/v2/requests/status/x?{query}", headers=bare)
            canary.call("GET", f"/v2/requests/status/x?{query}")
        events = canary.advance(10_000)
    told = [json.dumps(canary.sim(route)) for route in ROUTES] + [json.dumps(events), *caplog.messages]
    for spelling in (CANARY, json.dumps(CANARY)[1:-1], QUOTED, QUOTED.replace("%2F", "/")):
        assert not [text for text in told if spelling in text]
    assert sum("[redacted]" in text for text in told) >= 3


QUOTED = "canary-5f1d%22%5C%2F4c3b"


def exchange(body: bytes, target: str = "/") -> Exchange:
    """An exchange of which only the request's body and target matter."""
    return Exchange(1, 0, "POST", target, [(b"X", b"a"), (b"x", b"b")], body, len(body), 202, body, "accepted")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", ""),
        (b'{"a":[1,"b"]}', {"a": [1, "b"]}),
        (b"plain", "plain"),
        (b"\xff", "\ufffd"),
        (b'{"a":"cut sh', '{"a":"cut sh'),
        (b"[" * 5000, "[" * 5000),
        (b'["the-secret-key",{"the-secret-key":1}]', ["[redacted]", {"[redacted]": 1}]),
        (b"plain the-secret-key", "plain [redacted]"),
    ],
)
def test_bodies_are_told_as_json_where_they_are(body: bytes, told: object) -> None:
    """Both sides, as text otherwise; the key is out of sight in either."""
    shown = told_exchange(exchange(body), "the-secret-key")
    assert shown["request"]["body"] == told
    assert shown["response"]["body"] == told


def test_secrets_of_others_are_not_told_either() -> None:
    """What certain headers carry is never anybody's business; of any other header the last value is told."""
    secret = [
        (b"Authorization", b"Bearer x"),
        (b"Cookie", b"x"),
        (b"Proxy-Authorization", b"x"),
        (b"OCP-APIM-Subscription-Key", b"x"),
    ]
    seen = Exchange(1, 0, "GET", "/", [*secret, (b"X", b"a"), (b"x", b"b")], b"", 0, 200, b"", "status")
    names = ("authorization", "cookie", "proxy-authorization", "ocp-apim-subscription-key")
    assert told_exchange(seen)["request"]["headers"] == dict.fromkeys(names, "[redacted]") | {"x": "b"}


@given(st.binary(), st.text())
def test_anything_can_be_told(body: bytes, target: str) -> None:
    """As JSON, without exception."""
    assert json.dumps(told_exchange(exchange(body, target), "the-secret-key"))
