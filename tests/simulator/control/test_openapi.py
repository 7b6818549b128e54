"""The description of our own routes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its types are no part of it
from openapi_spec_validator import validate
from tests.caller import KEY_HEADER, Caller, over_http
from tests.inprocess import InProcess
from tests.receiver import Receiver

from pixazo_simulator import Simulator
from pixazo_simulator.cli.group import pixazo_sim
from pixazo_simulator.control import ROUTES
from pixazo_simulator.control.openapi import REQUESTS, document
from pixazo_simulator.control.route import ControlRoute
from pixazo_simulator.webhooks import dispatcher

DOCUMENT: dict[str, Any] = json.loads(json.dumps(document(ROUTES)))
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
NAMES = [
    "health", "ready", "metrics", "openapi", "createWorld", "worlds", "world", "changeWorld", "deleteWorld", "exportWorld", "history", "keepState", "restoreState",
    "forgetState", "clock", "advance", "upcoming", "ledger", "bill", "generations", "status",
    "journal", "unmatched", "record", "waitFor", "verify", "explain", "script", "setScript", "clearScript", "addRule", "replaceRule", "removeRule",
    "deliveries", "delivery", "resend", "rotateWebhookSecret", "openTlsListener", "closeTlsListener",
]  # fmt: skip
WITHOUT_KEY = {"health", "ready", "metrics", "openapi", "createWorld", "worlds", "unmatched", "explain"}


def strict(schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The schemas with every object closed, so that a member that is not described is an error."""
    closed = copy.deepcopy(dict(schemas))
    for schema in closed.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return closed


COMPONENTS = strict(DOCUMENT["components"]["schemas"])


def fits(value: object, schema: Mapping[str, Any]) -> list[str]:
    """What is wrong with a value."""
    closed: Any = {**schema, "components": {"schemas": COMPONENTS}}
    validator: Any = Draft202012Validator(closed)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


def response_schema(name: str, status: int) -> Mapping[str, Any]:
    """The schema of what an operation answers with this status."""
    (content,) = OPERATIONS[name][2]["responses"][str(status)]["content"].values()
    schema: Mapping[str, Any] = content["schema"]
    return schema


@pytest.mark.slow
def test_it_is_valid() -> None:
    """By the validator of the OpenAPI project's schemas, version 3.1."""
    validate(DOCUMENT)
    assert DOCUMENT["openapi"] == "3.1.0"


def test_every_route_is_described() -> None:
    """Under its name, method and path, in the order of the table."""
    assert [(method, path, name) for name, (method, path, _) in OPERATIONS.items()] == sorted(
        ((route.method, route.path, route.name) for route in ROUTES), key=lambda each: list(OPERATIONS).index(each[2])
    )
    assert sorted(OPERATIONS) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_documents_its_purpose_input_responses_and_refusals(name: str) -> None:
    """In a sentence, with schemas, with codes, and whether it needs a key."""
    method, path, operation = OPERATIONS[name]
    assert operation["summary"].endswith(".")
    assert "\n" not in operation["summary"]
    who: dict[str, list[str]] = {} if name in WITHOUT_KEY else {"key": []}
    assert operation["security"] == [who, {**who, "controlToken": []}]
    codes = set(operation["responses"])
    assert codes >= {"400", "403"} | (set() if name in WITHOUT_KEY else {"401", "404"})
    assert ("413" in codes) == (method in ("POST", "PUT", "PATCH"))
    assert [each["name"] for each in operation["parameters"] if each["in"] == "path"] == (
        ["number"] if "{number}" in path else []
    )
    assert all(each["description"] for each in operation["parameters"])


@pytest.mark.parametrize("name", NAMES)
def test_its_examples_fit_their_schemas(name: str) -> None:
    _, _, operation = OPERATIONS[name]
    described = [content for each in operation["responses"].values() for content in each["content"].values()]
    if "requestBody" in operation:
        described.append(operation["requestBody"]["content"]["application/json"])
        assert described[-1]["example"] is not None
    shown = [each for each in described if "example" in each]
    assert len(shown) == (2 if "requestBody" in operation else 1)
    assert [wrong for each in shown for wrong in fits(each["example"], each["schema"])] == []


def test_filters_are_described_with_their_bounds() -> None:
    named = {each["name"]: each for each in OPERATIONS["journal"][2]["parameters"]}
    assert " ".join(named) == "method path status operation request_id rule text after before limit elapsed at"
    assert named["limit"] == {
        "name": "limit", "in": "query", "required": False, "description": "how many to list at most",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 1000},
    }  # fmt: skip
    required = {each["name"]: each["required"] for each in OPERATIONS["status"][2]["parameters"]}
    assert required == {"request_id": True, "at": False}


@pytest.fixture
def caller() -> Iterator[Caller]:
    """The holder of `sim-key`."""
    with InProcess() as send:
        yield Caller(send, "sim-key")


def sent(caller: Caller, route: ControlRoute, body: object, target: str) -> Any:
    """What a route answers, which must be as it is described."""
    reply = caller.call(route.method, target, body)
    reported = reply.body.decode() if route.name == "metrics" else reply.json()
    assert fits(reported, response_schema(route.name, reply.status)) == []
    return reply.status, reported


def test_every_response_is_as_it_is_described(caller: Caller, receiver: Receiver) -> None:
    """In a world where something of everything has happened, each route is called with its example; nothing else is returned."""
    caller.change(policy={"webhook_signature": "standard", "rate_limit": "100/60"})
    caller.call("POST", "/_sim/script/rules", {"when": "status", "faults": [{"fault": "delay", "seconds": 0}]})
    caller.call("POST", "/_sim/script/rules", {"when": "webhook", "faults": [{"fault": "duplicate"}]})
    identity = caller.accepted(webhook=receiver.url)
    caller.accepted("[[sim:stuck]]", webhook="http://10.0.0.7/")
    caller.accepted("[[sim:error]]")
    caller.advance(20)
    caller.read(identity)
    caller.call("GET", f"/v1/{identity}/output.mp4")
    caller.call("GET", "/nowhere")
    caller.call("GET", "/nowhere", headers={KEY_HEADER: "a-key-of-nobody"})
    last = {"setScript": 1, "clearScript": 2, "deleteWorld": 3}
    for route in sorted(ROUTES, key=lambda each: last.get(each.name, 0)):
        if route.name == "history":  # there is no log
            continue
        query = f"?request_id={identity}" if route.name == "status" else ""
        status, reported = sent(caller, route, REQUESTS.get(route.name), route.path.replace("{number}", "1") + query)
        assert status == route.status, (route.name, reported)


def test_the_history_of_a_world_is_as_it_is_described() -> None:
    """Which only a server with a log has."""
    route = next(each for each in ROUTES if each.name == "history")
    with Simulator(state="memory-log") as simulator:
        caller = Caller(over_http(simulator.url), "sim-key")
        caller.accepted()
        status, reported = sent(caller, route, None, route.path)
    assert (status, reported["total"]) == (200, 2)


def test_every_refusal_is_as_it_is_described(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a key, with an unknown one, with a wrong body, about a wrong number, when time runs out, when an advance stops."""
    for route in ROUTES:
        target = route.path.replace("{number}", "99")
        wrong: list[int] = []
        for key in ("", "a-key-of-nobody", "sim-key"):
            body = None if route.reads_query else {"no": "member"}
            query = "?no=filter" if route.reads_query else ""
            reply = caller.call(route.method, f"{target}{query}", body, headers={KEY_HEADER: key})
            assert fits(reply.json(), response_schema(route.name, reply.status)) == []
            wrong.append(reply.status)
        assert wrong == ([400, 400, 400] if route.name in WITHOUT_KEY else [401, 404, 400]), route.name
        if "{number}" in route.path:
            reply = caller.call(route.method, target, REQUESTS.get(route.name))
            assert reply.status == 404
            assert fits(reply.json(), response_schema(route.name, 404)) == []
    reply = caller.call("POST", "/_sim/wait", {"exchanges": {"count": 2}, "timeout": 0})
    assert reply.status == 408
    assert fits(reply.json(), response_schema("waitFor", 408)) == []
    monkeypatch.setattr(dispatcher, "MOST_ATTEMPTS", 1)
    caller.accepted(webhook="http://10.0.0.7/")
    caller.accepted(webhook="http://10.0.0.7/")
    reply = caller.call("POST", "/_sim/clock/advance", {"seconds": 15})
    assert reply.status == 409
    assert fits(reply.json(), response_schema("advance", 409)) == []


def test_the_server_and_the_command_print_the_same_document(caller: Caller) -> None:
    """One comes from the route, the other from the command without a server."""
    printed = CliRunner().invoke(pixazo_sim, ["openapi"]).stdout
    assert json.loads(printed) == caller.sim("openapi.json") == DOCUMENT
