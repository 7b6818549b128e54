"""Whatever is asked of the control routes: no 5xx, answers as they are described, and a refused request changes nothing."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from importlib import import_module
from typing import Any, cast

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import BaseSchema, GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.openapi import from_url
from tests.caller import KEY_HEADER, Caller, over_http
from tests.inprocess import InProcess
from tests.patience import PATIENCE

from pixazo_simulator.control import ROUTES
from pixazo_simulator.control.openapi import REQUESTS
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.world.registry import Settings

KEY = "fuzzed-world"
FEW, MANY = 2, 100
"""Examples of every fourth operation in the default run, and of each with --exhaustive."""
load_all_checks()
REGISTRY: Any = import_module("schemathesis.checks").CHECKS  # whose type is partly unknown
PROMISED = REGISTRY.get_by_names(
    [
        "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
        "negative_data_rejection",
    ]
)  # fmt: skip
NOBODY = "http://127.0.0.1:9/hook"
"""A receiver that refuses every connection."""
OPERATIONS = [f"{route.method} {route.path}" for route in ROUTES]


pytestmark = pytest.mark.usefixtures("no_errors_logged")


def hurried(content: Any) -> Any:
    """What is wished of a wait, without real seconds to wait for; anything else as it is."""
    if not isinstance(content, dict):
        return content
    given = cast("dict[str, Any]", content)
    timeout: Any = given.get("timeout", 10)
    waits = isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and 0 <= timeout <= 300
    return {**given, "timeout": 0} if waits else given


def furnish(caller: Caller) -> None:
    """Make the caller's world one in which something of everything has happened."""
    caller.call("DELETE", "/_sim/world")
    content = {"key": caller.key, "clock": "manual", "script": [{"when": "status", "faults": [{"fault": "hang"}]}]}
    assert caller.call("POST", "/_sim/worlds", content).status == 201
    caller.accepted(webhook=NOBODY)
    caller.advance(20)
    caller.accepted(webhook=NOBODY)


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    """A server that opens a world for any key."""
    with Simulator(Settings(open_keys=True)) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def described(running: Simulator) -> BaseSchema:
    """What the server says of its control routes."""
    return from_url(f"{running.url}/_sim/openapi.json")


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """One connection."""
    with requests.Session() as session:
        session.headers[KEY_HEADER] = KEY
        yield session


def conform(running: Simulator, described: BaseSchema, session: requests.Session, named: str, examples: int) -> None:
    """Send so many requests that fit the description, and as many that do not if anything is asked for, and check every answer."""
    method, path = named.split()
    operation = cast("Any", described[path])[method]  # half of its types are unknown
    asked = any(map(len, (operation.body, operation.query, operation.path_parameters)))
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if asked else (GenerationMode.POSITIVE,):
        furnish(Caller(over_http(running.url), KEY))

        @settings(
            max_examples=examples,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        )
        @given(case=operation.as_strategy(mode, headers={KEY_HEADER: KEY}))
        def check(case: Any) -> None:
            case.body = hurried(case.body)
            case.validate_response(case.call(session=session), checks=PROMISED)

        check()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "examples"),
    [
        pytest.param(operation, examples, marks=() if examples == FEW and number % 4 == 0 else pytest.mark.exhaustive)
        for examples in (FEW, MANY)
        for number, operation in enumerate(OPERATIONS)
    ],
)
def test_schemathesis_finds_nothing(
    running: Simulator, described: BaseSchema, session: requests.Session, operation: str, examples: int
) -> None:
    """In requests that fit the description, and in others."""
    conform(running, described, session, operation, examples)


OF_THE_SERVER = ("unmatched", "health", "ready")
READ_ROUTES = ("world", "clock", "ledger", "generations", "journal", "script", "deliveries", "record", *OF_THE_SERVER)
SPARED = ("deleteWorld", "openTlsListener", "resend")
CHANGING = [route for route in ROUTES if route.method != "GET" and route.name not in SPARED]


def deep(operator: str, levels: int, inner: object, *, listed: bool) -> object:
    """A condition inside so many others."""
    for _ in range(levels):
        inner = {operator: [inner] if listed else inner}
    return inner


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["fault", "not", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
ODD: dict[str, list[Any]] = {
    "faults": [[{"fault": {}}], [{"fault": 5}], [{"fault": None}], [5], 5, [{"fault": "delay", "seconds": "x"}]],
    "match": [
        {"prompt": deep("not", 400, "x", listed=False)}, {"body": {"x": deep("all", 400, "x", listed=True)}}, {"body": 5},
        {"prompt": {"matches": "(a{1000}){1000}"}}, {"prompt": {"matches": "(?=a)"}}, {"prompt": {"contans": "x"}}, {"headers": [1]},
    ],
    "reply": [5, {"status": "x"}, {"status": 500, "json": deep("x", 200, 1, listed=False)}, {"status": 500, "headers": {"a b": "c"}}],
    "end": [{}, 5, {"after": -1}, {"status": "DONE"}, {"after": 1e308}],
    "then": [5, [5], [{}], [{"faults": [{"fault": {}}]}]],
    "times": [0, -1, 10**30, "x"],
    "images": [{"x": {"format": "png", "width": "5", "height": 5, "size": 5}}, {"x": 5}, 5],
    "script": [[{"when": "generate", "match": {"prompt": {"matches": "("}}}], [{"when": "x"}], 5],
    "policy": [{"body_limit": [[1]]}, {"x": 1}, {"price": "1=1," * 200}, {"webhook_allow": ["a"] * 200}],
    "balance": ["nan", "1e999999999", "-1", 5, "9" * 5000],
    "clock": ["x", "x0", 5],
    "generations": [5, [{}], [{"status": "QUEUED", "age": 1e308}], [{"status": "FAILED", "age": 10**9}], [{"status": "QUEUED", "prompt": "[[sim:x]]"}]],
    "until": ["x", "2026-02-30T10:00:00Z", "0001-01-01T00:00:00+23:59", 5],
    "seed": [10**4000, "x", 1.5],
    "seconds": [-1, 1e308, "x", None, 10**400],
    "exchanges": [{"path": deep("not", 400, "x", listed=False)}, {"count": 0}, {"status": {"matches": "("}}, 5],
    "path": ["x", "/\u0000", "http://elsewhere/"],
    "headers": [{"content-length": "9" * 5000}, {"\u4e00": "x"}, {"x": "\u4e00"}],
    "rules": [5, [5], {}],
}  # fmt: skip
"""Values for which some member once was, or well might be, answered 500."""
OF_A_RULE = ("faults", "match", "reply", "end", "then", "times")


@st.composite
def spoilt(draw: st.DrawFn, example: Any) -> object:
    """An example of a body with an odd value in place of one of its members, or beside them."""
    if isinstance(example, list) and example:
        elements = cast("list[object]", example)
        return [draw(spoilt(elements[0])), *elements[1:]]
    if not isinstance(example, dict):
        return draw(JSON)
    given = cast("dict[str, Any]", example)
    inner = sorted(name for name, value in given.items() if isinstance(value, (dict, list)))
    deeper = draw(st.integers(0, 3)) > 0
    if inner and deeper:
        into = draw(st.sampled_from(inner))
        return {**given, into: draw(spoilt(given[into]))}
    name = draw(st.sampled_from([each for each in ODD if (each in OF_A_RULE) == ("when" in given)]))
    return {**given, name: draw(st.sampled_from([*ODD[name], draw(JSON)]))}


def readings(caller: Caller) -> dict[str, bytes]:
    """Everything that the control routes show of a world and of the server."""
    return {what: caller.call("GET", f"/_sim/{what}").body for what in READ_ROUTES}


@pytest.fixture(scope="module")
def furnished() -> Iterator[Caller]:
    """The holder of a key to a world in which something of everything has happened."""
    with InProcess() as send:
        caller = Caller(send, KEY)
        furnish(caller)
        yield caller


@pytest.mark.slow
@settings(max_examples=100)
@given(data=st.data())
def test_what_is_refused_changes_nothing(furnished: Caller, data: st.DataObject) -> None:
    """Whatever the body is; and nothing is answered 5xx."""
    route = data.draw(st.sampled_from(CHANGING))
    body = hurried(data.draw(spoilt(REQUESTS.get(route.name)) | JSON))
    before = readings(furnished)
    reply = furnished.call(route.method, route.path.replace("{number}", "1"), json.dumps(body).encode())
    assert reply.status < 500
    assert reply.status < 400 or readings(furnished) == before


@pytest.mark.exhaustive
@settings(max_examples=2000)
@given(data=st.data())
def test_what_is_refused_changes_nothing_in_many(furnished: Caller, data: st.DataObject) -> None:
    """The same with more of them."""
    given_test: Any = test_what_is_refused_changes_nothing  # Hypothesis adds a member that its types do not have
    given_test.hypothesis.inner_test(furnished, data)


def nested(levels: int) -> bytes:
    """Lists in lists."""
    return b"[" * levels + b"]" * levels


RULE = {"when": "generate"}
REFUSED: dict[str, object] = {
    "no_json": b'{"rules": ',
    "no_utf8": b"\xff",
    "nan": b'{"rules": NaN}',
    "surrogate": b'{"rules": "\\ud800"}',
    "deep": b'{"rules": ' + nested(100_000) + b"}",
    "many_digits": b'{"rules": ' + b"9" * 5000 + b"}",
    "no_object": b"[]",
    "fault_an_object": {"rules": [{**RULE, "faults": [{"fault": {}}]}]},
    "fault_a_number": {"rules": [{**RULE, "faults": [{"fault": 5}]}]},
    "not_in_not": {"rules": [{**RULE, "match": {"prompt": deep("not", 400, "x", listed=False)}}]},
    "all_in_all": {"rules": [{**RULE, "match": {"prompt": deep("all", 400, "x", listed=True)}}]},
    "any_in_any": {"rules": [{**RULE, "match": {"body": {"x": deep("any", 33, "x", listed=True)}}}]},
    "deep_operand": {"rules": [{**RULE, "match": {"body": {"x": deep("equals", 400, "x", listed=True)}}}]},
    "deep_reply": {"rules": [{**RULE, "reply": {"status": 500, "json": json.loads(nested(101))}}]},
    "pattern": {"rules": [RULE, {**RULE, "match": {"prompt": {"matches": "a(?!b)"}}}]},
    "heavy": {"rules": [{**RULE, "match": {"prompt": {"one_of": [*range(10_000)]}}}]},
    "large": {"rules": [{**RULE, "reply": {"status": 500, "text": "x" * 3_000_000}}] * 2},
    "many_headers": {"rules": [{**RULE, "reply": {"status": 500, "headers": {f"x-{n}": "" for n in range(101)}}}]},
    "many_steps": {"rules": [{**RULE, "then": [{"end": {"after": 1}}] * 1001}]},
    "many_faults": {"rules": [{**RULE, "faults": [{"fault": "delay", "seconds": 1}] * 21}]},
    "many_rules": {"rules": [RULE] * 1001},
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_a_script_that_cannot_be_read_is_refused_and_the_old_one_stays(body: object, furnished: Caller) -> None:
    """With 400 or 413 and a sentence; it was emptied before some of these were refused."""
    before = readings(furnished)
    reply = furnished.call("PUT", "/_sim/script", body)
    assert reply.status in (400, 413)
    assert set(reply.json()) == {"error", "message"}
    assert len(reply.body) < 5000
    assert readings(furnished) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"])
@pytest.mark.parametrize(
    "path",
    [
        "", "/", "//", "/%00", "/%ff", "/_sim", "/openapi", "/world/", "/deliveries/9", "/deliveries/-1/resend",
        "/deliveries/%D9%A3/resend", f"/deliveries/{'9' * 5000}/resend", "/script/rules/999999999999999", "/script/rules/1.5",
        "/tls-listeners/0", "/health?unknown=1", "/journal?limit=0", f"/journal?limit={'9' * 5000}", "/journal?after=%D9%A3", "/journal?%00",
    ],
)  # fmt: skip
def test_what_is_no_route_is_refused(method: str, path: str, furnished: Caller) -> None:
    """With 4xx in our shape, whatever stands in place of a number."""
    reply = furnished.call(method, f"/_sim{path}")
    assert 400 <= reply.status < 500
    assert set(reply.json()) == {"error", "message"}


def test_a_world_that_is_refused_takes_no_made_up_key() -> None:
    """The same seed gives the same keys, however much was refused in between."""
    keys: list[str] = []
    for refused in (0, 3):
        with InProcess() as send:
            caller = Caller(send, KEY)
            for content in [
                {"balance": "x"},
                {"clock": "x"},
                {"script": [{**RULE, "match": {"prompt": {"matches": "("}}}]},
            ]:
                assert not refused or caller.call("POST", "/_sim/worlds", content).status == 400
            keys.append(caller.call("POST", "/_sim/worlds", {}).json()["key"])
    assert keys[0] == keys[1]


def test_a_caller_who_goes_away_before_the_end_of_the_body_is_not_obeyed() -> None:
    """What has arrived of a body is no request."""
    with Simulator() as running:
        with socket.create_connection((running.host, running.port)) as connection:
            connection.sendall(b"POST /_sim/worlds HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
        with socket.create_connection((running.host, running.port), timeout=PATIENCE) as connection:
            connection.sendall(b"POST /_sim/worlds HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1024)
        assert Caller(over_http(running.url), running.api_key).sim("health")["worlds"] == 1
