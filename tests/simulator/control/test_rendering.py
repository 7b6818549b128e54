"""What the simulator shows of its own state holds no key."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.caller import GENERATE, KEY_HEADER, Caller, over_http
from tests.receiver import Receiver, http_response

from pixazo_simulator import control
from pixazo_simulator.control.schema.rendering import exchange, in_turns
from pixazo_simulator.control.schema.responses import encode
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.world.journal import Exchange
from pixazo_simulator.world.registry import Settings, Worlds

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


def test_a_planted_key_is_never_shown(canary: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """No control route and no log record shows it, wherever a caller puts it: every header, query, path, body, URL."""
    caplog.set_level(logging.DEBUG)
    typed = {"Content-Type": "application/json"}
    bare = {KEY_HEADER: ""}
    with Receiver(http_response(500, CANARY.encode())) as listener:
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
    shown = [json.dumps(canary.sim(route)) for route in ROUTES] + [json.dumps(events), *caplog.messages]
    for spelling in (CANARY, json.dumps(CANARY)[1:-1], QUOTED, QUOTED.replace("%2F", "/")):
        assert not [text for text in shown if spelling in text]
    assert sum("[redacted]" in text for text in shown) >= 3


def owner(*keys: str) -> Worlds:
    """Worlds that these keys open."""
    return Worlds(Settings(keys=keys))


QUOTED = "canary-5f1d%22%5C%2F4c3b"


def seen(body: bytes, target: str = "/") -> Exchange:
    """An exchange of which only the request's body and target matter."""
    return Exchange(
        1, 0, "POST", target, [(b"Accept", b"a"), (b"accept", b"b")], body, len(body), 202, body, "accepted"
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ""),
        (b'{"a":[1,"b"]}', {"a": [1, "b"]}),
        (b"plain", "plain"),
        (b"\xff", "\ufffd"),
        (b'{"a":"cut sh', '{"a":"cut sh'),
        (b"[" * 5000, "[" * 5000),
        (b'["the-secret-key",{"the-secret-key":1}]', ["[redacted]", {"[redacted]": "[hidden]"}]),
        (b"plain the-secret-key", "plain [redacted]"),
    ],
)
def test_bodies_are_shown_as_json_where_they_are(body: bytes, expected: object) -> None:
    """Both bodies are text otherwise; the key is redacted in either."""
    shown = exchange(owner("the-secret-key"), seen(body))
    assert shown.request.body == expected
    assert shown.response.body == expected


def test_secrets_of_others_are_not_shown_either() -> None:
    """The values of certain headers are never shown; of any other header the last value is."""
    secret = [
        (b"Authorization", b"Bearer x"),
        (b"Cookie", b"x"),
        (b"Proxy-Authorization", b"x"),
        (b"OCP-APIM-Subscription-Key", b"x"),
    ]
    secretive = Exchange(1, 0, "GET", "/", [*secret, (b"Accept", b"a"), (b"accept", b"b")], b"", 0, 200, b"", "status")
    names = ("authorization", "cookie", "proxy-authorization", "ocp-apim-subscription-key")
    assert exchange(owner(), secretive).request.headers == dict.fromkeys(names, "[redacted]") | {"accept": "b"}


@given(st.binary(), st.text())
def test_any_exchange_can_be_shown(body: bytes, target: str) -> None:
    assert encode(exchange(owner("the-secret-key"), seen(body, target)))


def test_a_key_on_the_edge_of_what_is_kept_of_a_body_is_not_shown(canary: Caller) -> None:
    """Wherever the edge falls, no character of the key is shown; what was sent before it is."""
    for filled in (16_356, 16_360, 16_372):
        canary.call("POST", GENERATE, b'{"prompt":"%s%s"}' % (b"y" * filled, json.dumps(CANARY)[1:-1].encode()))
    bodies = [each["request"]["body"] for each in canary.sim("journal")["exchanges"]]
    assert bodies == ['{"prompt":"' + "y" * filled for filled in (16_356, 16_360, 16_372)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (KEY_HEADER, "somebodys-key-91"),
        ("X-Api-Key", "somebodys-key-91"),
        ("Api-Key", "somebodys-key-91"),
        ("Subscription-Key", "somebodys-key-91"),
        ("Authorization", "Bearer somebodys-key-91"),
    ],
)
def test_a_key_that_opens_nothing_is_not_shown(name: str, value: str) -> None:
    """It may open a real account, so it is redacted wherever else it stands in its exchange."""
    headers = [(name.encode(), value.encode()), (b"x-webhook-url", b"https://a.b/?key=somebodys-key-91")]
    body = b'{"prompt":"somebodys-key-91"}'
    target = "/somebodys-key-91?api_key=somebodys-key-91"
    reported = exchange(
        owner(), Exchange(1, 0, "POST", target, headers, body, len(body), 401, b"", "no route somebodys-key-91")
    )
    assert b"somebodys" not in encode(reported)
    assert (reported.target, reported.reason) == ("/[redacted]?api_key=[redacted]", "no route [redacted]")
    assert reported.request.headers == {name.lower(): "[redacted]", "x-webhook-url": "https://a.b/?key=[redacted]"}


def test_a_key_in_the_query_is_not_shown_elsewhere() -> None:
    """It is redacted as it was written there, and decoded."""
    headers = [(b"X-Any", b"some/bodys key"), (b"X-Other", b"some%2Fbodys+key")]
    reported = exchange(
        owner(), Exchange(1, 0, "GET", "/x?Subscription-Key=some%2Fbodys+key&a=b", headers, b"", 0, 401, b"", "no key")
    )
    assert reported.target == "/x?Subscription-Key=[redacted]&a=b"
    assert reported.request.headers == {"x-any": "[redacted]", "x-other": "[redacted]"}


def test_unmatched_requests_show_no_key_that_opens_nothing(simulator: Simulator) -> None:
    """Nor can a caller ask whether a key was sent."""
    unknown_caller = Caller(over_http(simulator.url), "a-strangers-key-77")
    unknown_caller.generate("a-strangers-key-77", webhook="https://a.b/a-strangers-key-77")
    unknown_caller.call("GET", "/v2/requests/status/x?subscription-key=a-strangers-key-77", headers={KEY_HEADER: ""})
    assert "strangers" not in unknown_caller.call("GET", "/_sim/unmatched").body.decode()
    assert unknown_caller.call("GET", "/_sim/unmatched?path=strangers").json()["exchanges"] == []


def test_a_long_list_is_rendered_in_turns() -> None:
    """Other callers are served after every 64 KiB; the rendered list is the same."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def render() -> bytes:
        task = asyncio.create_task(others())
        reported = await in_turns({"text": "x" * 10_000} for _ in range(70))
        task.cancel()
        return msgspec.json.encode(reported)

    assert json.loads(asyncio.run(render())) == [{"text": "x" * 10_000}] * 70
    assert turns == 10


def test_no_route_makes_a_body_itself() -> None:
    """Every struct of a response is made by schema.rendering, which has the redactor: so no route can forget to redact."""
    folder = Path(inspect.getfile(control)).parent
    made: list[str] = []
    for path in folder.glob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        imports = [
            each for each in nodes if isinstance(each, ast.ImportFrom) and (each.module or "").endswith("responses")
        ]
        names = [name.name for each in imports for name in each.names if "schema" in (each.module or "")]
        bodies = {name for name in names if name[0].isupper()}
        called = [each.func for each in nodes if isinstance(each, ast.Call)]
        made += [f"{path.name}:{each.lineno}" for each in called if isinstance(each, ast.Name) and each.id in bodies]
        made += [f"{path.name}:{each.lineno}" for each in called if ast.unparse(each).startswith("responses.")]
    assert made == []
