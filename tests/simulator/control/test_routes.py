"""Our own routes under /_sim."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller, Reply
from tests.inprocess import InProcess

from pixazo_simulator import PROFILES, Settings
from pixazo_simulator.gateway.gateway import Gateway
from pixazo_simulator.server.asgi import Application, BodyQueue, GatewayApp
from pixazo_simulator.server.responder import Responder
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.webhooks.dispatcher import Dispatcher
from pixazo_simulator.world.registry import Worlds
from pixazo_simulator.world.world import World

WORLD_MEMBERS = {
    "now", "clock", "seed", "name", "balance", "suspended", "model_enabled", "generations", "exchanges", "webhook_secret",
    "former_webhook_secrets", "policy",
}  # fmt: skip
OTHER_KEYS = ("sim-another-account-1", "sim-another-account-2")


@pytest.fixture
def caller() -> Iterator[Caller]:
    """The holder of `sim-key`, without a socket."""
    with InProcess() as send:
        yield Caller(send, "sim-key")


def refused(reply: Reply, status: int, *parts: str) -> None:
    """The answer has the one shape of every refusal, one line that holds these parts."""
    assert reply.status == status
    body = reply.json()
    assert (list(body), body["error"]) == (["error", "message"], "Control request refused")
    assert all(part in body["message"] for part in parts), body["message"]
    assert "\n" not in body["message"]


def test_health_counts_the_worlds(caller: Caller) -> None:
    assert caller.call("GET", "/_sim/health", headers={KEY_HEADER: ""}).json() == {"status": "ok", "worlds": 1}
    caller.call("POST", "/_sim/worlds")
    assert caller.sim("health") == {"status": "ok", "worlds": 2}


def test_the_worlds_of_the_server_are_listed_without_their_keys(caller: Caller) -> None:
    """For whoever may use `/_sim`, the newest last; a name is shown without any key that is in it."""
    other = {"key": "canary-4e1b-77d0", "name": "nightly with canary-4e1b-77d0", "clock": "x20", "balance": "0.50"}
    caller.call("POST", "/_sim/worlds", other)
    caller.accepted()
    listed = caller.call("GET", "/_sim/worlds", headers={KEY_HEADER: ""}).json()
    first, second = listed["worlds"]
    assert listed["total"] == 2
    assert first == {
        "number": 1, "name": None, "now": "2026-03-31T10:00:00.000Z", "clock": "manual", "balance": "99.65", "generations": 1, "exchanges": 1,
    }  # fmt: skip
    shown = [second[each] for each in ("number", "name", "clock", "balance")]
    assert shown == [2, "nightly with [redacted]", "x20", "0.50"]
    page = caller.sim("worlds?limit=1")
    assert (page["total"], [each["number"] for each in page["worlds"]]) == (2, [2])


def test_a_world_with_default_settings(caller: Caller) -> None:
    """A key is made up; the rest comes from the server."""
    reply = caller.call("POST", "/_sim/worlds")
    body = reply.json()
    assert reply.status == 201
    assert set(body) == WORLD_MEMBERS | {"key", "request_ids"}
    assert body["key"].startswith("sim-")
    assert (body["balance"], body["clock"], body["now"]) == ("100.00", "manual", "2026-03-31T10:00:00.000Z")
    assert caller.call("GET", "/_sim/world", headers={KEY_HEADER: body["key"]}).status == 200


@pytest.mark.parametrize(
    ("members", "now"),
    [
        ({"start": "2031-01-01T01:00:00+01:00"}, "2031-01-01T00:00:00.000Z"),
        ({"start": "2031-01-01T00:00:00Z", "clock": "x20"}, "2031-01-01T00:00:0"),
        ({"clock": "manual"}, "2026-03-31T10:00:00.000Z"),
    ],
)
def test_the_clock_of_a_world_starts_where_it_is_told(caller: Caller, members: dict[str, str], now: str) -> None:
    """Whether its kind is given or that of the server."""
    assert caller.call("POST", "/_sim/worlds", members).json()["now"].startswith(now)


def test_ids_do_not_depend_on_where_a_manual_clock_starts(caller: Caller) -> None:
    """But for what has passed since, so that the same test has the same ids whenever it runs."""
    ids: list[list[str]] = []
    for start in ("2026-03-31T10:00:00Z", "2031-01-01T00:00:00Z"):
        key = caller.call("POST", "/_sim/worlds", {"start": start, "seed": 3, "name": "a test"}).json()["key"]
        headers = {KEY_HEADER: key}
        ids.append([caller.call("POST", GENERATE, {"prompt": "A bear"}, headers).json()["request_id"]])
        caller.call("POST", "/_sim/clock/advance", {"seconds": 1}, headers)
        ids[-1].append(caller.call("POST", GENERATE, {"prompt": "A bear"}, headers).json()["request_id"])
        caller.call("DELETE", "/_sim/world", headers=headers)
    assert ids[0] == ids[1]
    assert int(ids[0][1].rpartition("_")[2].replace("-", "")[:12], 16) == 1_774_951_201_000


def test_a_world_with_every_setting(caller: Caller) -> None:
    """Each is applied, and the world's own routes show it."""
    request_body = {
        "key": "my-own-key",
        "balance": "0.70",
        "profile": "observed",
        "policy": {"job_times": "1+1", "cors": False, "webhook_retries": [1, 2], "content_type": "415"},
        "clock": "x20",
        "seed": 7,
        "images": {"https://a.test/b.png": {"format": "png", "width": 1, "height": 2, "size": 3}},
    }
    reply = caller.call("POST", "/_sim/worlds", request_body)
    assert reply.status == 201, reply.body
    body = caller.call("GET", "/_sim/world", headers={KEY_HEADER: "my-own-key"}).json()
    assert (body["balance"], body["clock"], body["seed"]) == ("0.70", "x20", 7)
    policy = body["policy"]
    assert [policy[name] for name in ("job_times", "cors", "webhook_retries", "content_type", "submit_code")] == [
        "1+1", "off", "1,2", "415", "200",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("request_body", "parts"),
    [
        ({"key": ""}, ["cannot be sent as a header"]),
        ({"key": " a"}, ["cannot be sent as a header"]),
        ({"key": "ä"}, ["cannot be sent as a header"]),
        ({"key": "a\nb"}, ["cannot be sent as a header"]),
        ({"balance": "-1"}, ["'-1' is not a sum of US dollars"]),
        ({"balance": "1e999999"}, ["'1e999999' is not a sum of US dollars"]),
        ({"balance": 5}, ["balance 5: give a string"]),
        ({"profile": "observd"}, ["'observd' is not one of documented, observed", "(did you mean observed?)"]),
        ({"policy": {"job_time": "1+1"}}, ["'job_time' does not exist", "(did you mean job_times?)"]),
        ({"policy": {"job_times": "1"}}, ["policy field job_times: '1' is not QUEUED+PROCESSING"]),
        ({"clock": "fast"}, ["clock 'fast' is not one of real, manual, xN"]),
        ({"start": "today"}, ["start 'today' is neither now nor an instant"]),
        ({"seed": "7"}, ["seed '7': give an integer"]),
        ({"seed": 2**64}, ["the seed has more than 64 bits: give a number nearer to 0"]),
        ({"ballance": "1"}, ["`ballance`", "(did you mean balance?)", "known members are key, balance, profile"]),
        ({"images": {"x": 5}}, ["images[...]"]),
        ({"images": {"x": {}}}, ["images[...]", "`format` is missing: add it"]),
        (
            {"images": {"x": {"format": "gif", "width": 1, "height": 2, "size": 3}}},
            ["images[...].format 'gif': give jpeg or other or png or webp"],
        ),
        ([], ["[]: give an object"]),
    ],
)
def test_an_invalid_setting_opens_no_world(caller: Caller, request_body: object, parts: list[str]) -> None:
    """The message names the member, the value and the remedy."""
    refused(caller.call("POST", "/_sim/worlds", request_body), 400, *parts)
    assert caller.sim("health")["worlds"] == 1


def test_a_key_that_is_taken_is_a_conflict(caller: Caller) -> None:
    """A status code of its own tells it from what is not valid: another key will do."""
    refused(caller.call("POST", "/_sim/worlds", {"key": "sim-key"}), 409, "the key has a world already")


def test_a_body_is_bounded(caller: Caller) -> None:
    """4 MiB."""
    reply = caller.call("PATCH", "/_sim/world", b" " * (4 * 1024 * 1024 + 1))
    refused(
        reply, 413, "larger than 4194304 bytes (it has 4194305): send it in parts; a saved world", "pixazo-sim replay"
    )
    assert caller.call("PATCH", "/_sim/world", b"{}".ljust(4 * 1024 * 1024)).status == 200


def test_a_saved_world_may_be_larger(caller: Caller) -> None:
    """It may have a submission with an image of 20 MB, and as many commands as a log keeps."""
    log = {"begun": {"at": 0, "start": 0}, "state": [], "commands": ["AAAA"] * 20_000, "digest": ""}
    body = json.dumps({"log": log}).encode().ljust(40 * 1024 * 1024)
    refused(caller.call("POST", "/_sim/worlds", body), 400, "this is not an entry of a log")


def test_large_saved_worlds_are_read_one_at_a_time() -> None:
    """Several could fill the memory; a small one, and any other request, waits for none."""
    happened, go_on = list[str](), asyncio.Event()

    async def several() -> None:
        control = Application(Worlds(Settings())).control

        async def create(name: str, size: int, *waits: asyncio.Event) -> None:
            async def receive() -> Any:
                happened.append(f"{name} is read")
                for each in waits:
                    await each.wait()
                return {"type": "http.request", "body": b"[]"}

            async def send(message: Any) -> None:
                if message["type"] == "http.response.start":
                    happened.append(f"{name} {message['status']}")

            headers = [(b"host", b"localhost"), (b"content-length", b"%d" % size)]
            scope: Any = {"method": "POST", "path": "/_sim/worlds", "query_string": b"", "headers": headers}
            await control({**scope, "client": ("127.0.0.1", 1)}, receive, send)

        large = [
            asyncio.create_task(create("first", 5_000_000, go_on)),
            asyncio.create_task(create("second", 5_000_000)),
        ]
        await asyncio.sleep(0)
        await create("small", 2)
        go_on.set()
        await asyncio.gather(*large)

    asyncio.run(several())
    assert happened == ["first is read", "small is read", "small 400", "first 400", "second is read", "second 400"]


def test_a_world_can_be_changed(caller: Caller) -> None:
    reported = caller.change(balance="1.00", policy={"timestamps": "mixed"}, suspended=True, model_enabled=False)
    assert (reported["balance"], reported["suspended"], reported["model_enabled"]) == ("1.00", True, False)
    assert reported["policy"]["timestamps"] == "mixed"
    assert caller.change() == reported
    assert caller.change(suspended=False)["model_enabled"] is False


def test_images_behind_urls_can_be_changed(caller: Caller) -> None:
    url = "https://a.test/b.png"
    body = {"prompt": "A bear", "first_frame_image": url}
    facts = {"format": "png", "width": 400, "height": 400, "size": 3}
    caller.change(policy={"image_urls": "table", "job_times": "0+0"}, images={url: facts})
    seen: list[str] = []
    for images in ({url: facts}, {}):
        caller.change(images=images)
        identity = caller.call("POST", "/minimax-hailuo-ai/v1/imageToVideo", body).json()["request_id"]
        seen.append(caller.status(identity))
    assert seen == ["COMPLETED", "FAILED"]


@pytest.mark.parametrize(
    "request_body",
    [
        {"balance": "1.00", "policy": {"timestamps": "nonsense"}},
        {"policy": {"timestamps": "mixed"}, "balance": "-1"},
        {"suspended": True, "balance": None},
        {"suspended": "yes"},
        {"clock": "real"},
    ],
)
def test_nothing_changes_when_one_setting_is_wrong(caller: Caller, request_body: dict[str, object]) -> None:
    """Settings are applied all together or not at all."""
    before = caller.sim("world")
    refused(caller.call("PATCH", "/_sim/world", request_body), 400)
    assert caller.sim("world") == before


def test_a_world_can_be_deleted(caller: Caller) -> None:
    """Then its key is unknown, to the gateway and here."""
    assert caller.call("DELETE", "/_sim/world").json() == {"deleted": True}
    assert caller.generate().status == 401
    refused(caller.call("GET", "/_sim/world"), 404, "create one with POST /_sim/worlds")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "world"), ("PATCH", "world"), ("DELETE", "world"), ("GET", "clock"), ("POST", "clock/advance"),
        ("GET", "ledger"), ("GET", "generations"), ("GET", "deliveries"),
    ],
)  # fmt: skip
def test_a_world_is_named_by_its_key(caller: Caller, method: str, path: str) -> None:
    """Without one: 401; with an unknown one: 404."""
    refused(caller.call(method, f"/_sim/{path}", headers={KEY_HEADER: " "}), 401, "header Ocp-Apim-Subscription-Key")
    refused(caller.call(method, f"/_sim/{path}", headers={KEY_HEADER: "nobody"}), 404, "no world has this key")


def test_an_advance_lists_what_fell_due(caller: Caller) -> None:
    """The events come in order, each with its instant."""
    first, second = caller.accepted(), caller.accepted("[[sim:after 2.5]]")
    assert caller.sim("clock") == {"now": "2026-03-31T10:00:00.000Z", "clock": "manual", "next_webhook_at": None}
    assert caller.advance(0) == {"now": "2026-03-31T10:00:00.000Z", "events": []}
    reported = caller.advance(2.5)
    assert reported["now"] == "2026-03-31T10:00:02.500Z"
    assert reported["events"] == [
        {"kind": "transition", "at": "2026-03-31T10:00:00.333Z", "request_id": second, "status": "PROCESSING"},
        {"kind": "transition", "at": "2026-03-31T10:00:02.000Z", "request_id": first, "status": "PROCESSING"},
        {"kind": "transition", "at": "2026-03-31T10:00:02.500Z", "request_id": second, "status": "COMPLETED"},
    ]


def test_every_world_is_advanced_with_the_callers() -> None:
    """Those of other keys, those that a key opens later, and what answers a stranger; each by as much."""
    with InProcess() as send:
        first, other, later, stranger = (Caller(send, key) for key in ("sim-key", *OTHER_KEYS, "nobody"))
        identity = other.accepted()
        first.call("POST", "/_sim/clock/advance", {"seconds": 15, "every_world": True})
        assert other.status(identity) == "COMPLETED"
        assert {each.sim("clock")["now"] for each in (first, other, later)} == {"2026-03-31T10:00:15.000Z"}
        answer = stranger.call("GET", "/v2/requests/status/x")
    assert answer.headers["date"] == "Tue, 31 Mar 2026 10:00:15 GMT"


@pytest.mark.parametrize("seconds", [-1, -0.001, 1e15, 1e300])
def test_a_clock_goes_neither_back_nor_beyond_the_year_9999(caller: Caller, seconds: float) -> None:
    refused(caller.call("POST", "/_sim/clock/advance", {"seconds": seconds}), 400, "is not a number from 0 to 2516")
    assert caller.sim("clock")["now"] == "2026-03-31T10:00:00.000Z"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"seconds": "15"},
        {"seconds": None},
        {"second": 15},
        b'{"seconds":1e999}',
        {"until": "next", "every_world": True},
        {"seconds": 1, "until": "next"},
    ],
)
def test_an_advance_says_how_far(caller: Caller, body: object) -> None:
    refused(caller.call("POST", "/_sim/clock/advance", body), 400, "seconds")


def test_time_can_pass_to_its_very_end(caller: Caller) -> None:
    """The last instant can be written, and everything still answers there."""
    identity = caller.accepted()
    stuck = caller.accepted("[[sim:stuck]]", webhook="http://127.0.0.1:9/")
    caller.advance(251_627_349_599.999)
    assert caller.sim("clock")["now"] == "9999-12-31T23:59:59.999Z"
    assert (caller.status(identity), caller.status(stuck)) == ("COMPLETED", "PROCESSING")
    assert caller.accepted()
    assert caller.sim("deliveries")["deliveries"][0]["due_at"] == "9999-12-31T23:59:59.999Z"
    refused(caller.call("POST", "/_sim/clock/advance", {"seconds": 1}), 400, "from 0 to 0")


def test_the_ledger_shows_how_the_balance_came_about(caller: Caller) -> None:
    identity = caller.accepted("[[sim:error x]]")
    caller.change(balance="5.00")
    caller.advance(15)
    assert caller.sim("ledger") == {
        "balance": "5.35",
        "total": 4,
        "entries": [
            {"at": "2026-03-31T10:00:00.000Z", "kind": "opening", "amount": "100.00", "request_id": None},
            {"at": "2026-03-31T10:00:00.000Z", "kind": "debit", "amount": "-0.35", "request_id": identity},
            {"at": "2026-03-31T10:00:00.000Z", "kind": "adjustment", "amount": "-94.65", "request_id": None},
            {"at": "2026-03-31T10:00:15.000Z", "kind": "refund", "amount": "0.35", "request_id": identity},
        ],
    }


def test_generations_are_shown_as_they_are_now(caller: Caller) -> None:
    """Each is listed with what was asked for."""
    identity = caller.accepted(duration=10, resolution="768P")
    caller.advance(2)
    assert caller.sim("generations") == {
        "total": 1,
        "generations": [
            {
                "request_id": identity,
                "operation": "generate",
                "duration": 10,
                "resolution": "768P",
                "status": "PROCESSING",
                "accepted_at": "2026-03-31T10:00:00.000Z",
                "since": "2026-03-31T10:00:02.000Z",
                "plan": {
                    "queued": 2.0,
                    "processing": 13.0,
                    "outcome": "COMPLETED",
                    "error": None,
                    "queued_polls": None,
                    "processing_polls": None,
                },
            }
        ],
    }


def test_deliveries_are_shown_with_every_attempt(caller: Caller) -> None:
    """A delivery is pending, then attempted, then given up."""
    identity = caller.accepted(webhook="http://10.0.0.7/hook")
    expected: dict[str, Any] = {
        "number": 1,
        "request_id": identity,
        "url": "http://10.0.0.7/hook",
        "channel": "X-Webhook-URL",
        "form": "status",
        "copy_of": None,
        "due_at": "2026-03-31T10:00:15.000Z",
        "delivered": False,
        "rule": None,
        "faults": [],
        "attempts": [],
        "decided_by": [],
        "next_attempt_at": "2026-03-31T10:00:15.000Z",
    }
    assert caller.sim("deliveries") == {"total": 1, "deliveries": [expected]}
    (*_, event) = caller.advance(15)["events"]
    problem = (
        "not sent: host 10.0.0.7 is not loopback and was not allowed: "
        "start with --webhook-allow 10.0.0.7 or Settings(policy=...), in pytest set pixazo_webhook_allow"
    )
    attempt: dict[str, Any] = {"at": "2026-03-31T10:00:15.000Z", "status": None, "problem": problem, "rule": None}
    attempt["faults"] = []
    named = {"kind": "webhook", "number": 1, "request_id": identity, "url": "http://10.0.0.7/hook"}
    assert event == named | attempt
    assert caller.sim("deliveries")["deliveries"] == [
        expected | {"attempts": [attempt | {"interrupted": False}], "next_attempt_at": None}
    ]


def test_the_journal_can_be_filtered(caller: Caller) -> None:
    """By method, a part of the target, the status; together; the latest first to stay."""
    identity = caller.accepted()
    caller.read(identity)
    caller.generate("")
    caller.read("unknown")

    def numbers(query: str) -> list[int]:
        return [each["number"] for each in caller.sim(f"journal?{query}")["exchanges"]]

    def totals(*queries: str) -> list[int]:
        return [caller.sim(f"journal?{query}")["total"] for query in queries]

    assert numbers("") == [1, 2, 3, 4]
    assert numbers("method=get") == [2, 4]
    assert numbers("path=generate") == [1, 3]
    assert numbers("status=404") == [4]
    assert numbers("method=POST&status=202") == [1]
    assert numbers("limit=2") == [3, 4]
    assert numbers("status=999") == []
    assert [numbers(f"after={number}&limit=2") for number in (0, 2, 3, 4)] == [[1, 2], [3, 4], [4], []]
    assert totals("", "limit=1", "after=3", "method=get") == [4, 4, 4, 2]
    assert totals("path=generate&limit=1", "status=404&after=4") == [2, 1]
    assert totals("method=POST&status=202", "status=999") == [1, 0]
    refused(caller.call("GET", "/_sim/journal?verb=GET"), 400, "unknown field `verb`; known members are method, path, ")
    refused(caller.call("GET", "/_sim/journal?status=4xx"), 400, "status '4xx': give an integer")


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "", "x", "1.5", "000000001999999", "9" * 5000])
@pytest.mark.parametrize("what", ["journal", "ledger", "generations", "deliveries"])
def test_what_is_listed_is_bounded(caller: Caller, what: str, limit: str) -> None:
    refused(
        caller.call("GET", f"/_sim/{what}?limit={limit}"),
        400,
        f"the query does not fit: limit {(limit[:20] + '[cut]' * (len(limit) > 20))!r}: ",
    )


@pytest.mark.parametrize("what", ["journal", "ledger", "generations", "deliveries"])
def test_the_latest_are_listed(caller: Caller, what: str) -> None:
    for _ in range(3):
        caller.accepted(webhook="http://127.0.0.1:9/")
    everything, last = caller.sim(what), caller.sim(f"{what}?limit=1")
    listed = {"journal": "exchanges"}.get(what, "entries" if what == "ledger" else what)
    assert last[listed] == everything[listed][-1:]
    assert last["total"] == everything["total"] >= 3


@pytest.mark.parametrize("origin", ["https://evil.test", "http://localhost.evil.test", "null", "", "127.0.0.1"])
@pytest.mark.parametrize("cors", ["off", "on"])
def test_pages_of_other_sites_are_not_answered(origin: str, cors: str) -> None:
    """Whatever policy `cors` opens, which is a matter of the gateway: a world may be allowed to call any host."""
    with InProcess(Settings(policy=PROFILES["documented"].changed({"cors": cors}))) as send:
        unknown_caller = Caller(send, "")
        reply = unknown_caller.call("POST", "/_sim/worlds", headers={"origin": origin, "content-type": "text/plain"})
        refused(reply, 403, f"Origin {origin!r} is not a loopback name")
        assert unknown_caller.sim("health")["worlds"] == 1


@pytest.mark.parametrize(
    ("method", "path", "near"),
    [
        ("GET", "/_sim/wrold", " (did you mean GET /_sim/world?)"),
        ("PUT", "/_sim/world", " (did you mean "),
        ("GET", "/_sim", ""),
        ("GET", "/_sim/zzzzzzzzzzzzzzzzzzzz", ""),
        ("OPTIONS", "/_sim/clock/advance", " (did you mean POST /_sim/clock/advance?)"),
    ],
)
def test_the_error_for_an_unknown_control_route_lists_the_known_ones(
    caller: Caller, method: str, path: str, near: str
) -> None:
    refused(caller.call(method, path), 404, f"{method} {path} is not a control route", "GET /_sim/health", near)


def test_control_calls_are_not_journalled(caller: Caller) -> None:
    """They are no part of what the app under test says."""
    caller.sim("world")
    caller.advance(1)
    assert caller.sim("journal")["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        (
            "GET", "/_sim/health",
            {
                "error": "Internal error",
                "message": "'GET' '/_sim/health' failed with LookupError: this is a fault of the simulator, please report it",
            },
        ),
        ("GET", "/v2/requests/status/x", {"error": "Internal Server Error", "message": "The request could not be processed."}),
    ],
)  # fmt: skip
def test_what_fails_is_answered_500_and_logged_once(
    method: str, path: str, expected: object, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In our shape or the vendor's, without the error's message, which may hold a key; the connection can be used again."""

    def fail(*_: object) -> int:
        raise LookupError("a-secret-key")

    with Simulator() as simulator, closing(http.client.HTTPConnection(simulator.host, simulator.port)) as connection:
        with monkeypatch.context() as patched:
            patched.setattr(Worlds, "__len__", fail)
            patched.setattr(World, "readable", fail)
            connection.request(method, path, headers={KEY_HEADER: simulator.api_key})
            response = connection.getresponse()
            assert (response.status, json.loads(response.read())) == (500, expected)
            assert response.headers["Date"] == ("Tue, 31 Mar 2026 10:00:00 GMT" if path.startswith("/v2") else None)
        connection.request("GET", "/_sim/health")
        assert connection.getresponse().status == 200
    (record,) = (each for each in caplog.records if each.levelno >= logging.ERROR)
    assert re.fullmatch(
        rf"'{method}' '{path}' failed with LookupError in fail, test_routes\.py:\d+", record.getMessage()
    )
    assert "a-secret-key" not in caplog.text


def test_a_control_request_can_be_cancelled() -> None:
    """It is no fault."""

    async def cancelled() -> None:
        control = Application(Worlds(Settings())).control
        request_body = b'{"exchanges": {}, "timeout": 60}'
        asked = asyncio.create_task(
            control.answer("POST", "/_sim/wait", "", request_body, host="localhost", key="sim-key")
        )
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(cancelled())


def test_a_response_that_has_begun_is_not_begun_again() -> None:
    """What fails then is the server's to end."""

    async def broken(message: Any) -> None:
        sent.append(message["type"])
        raise OSError("gone")

    async def receive() -> Any:
        return {"type": "http.request"}

    sent: list[str] = []
    worlds = Worlds(Settings())
    dispatcher = Dispatcher(worlds, None)  # type: ignore[arg-type]  # nothing is posted
    front = GatewayApp(Responder(Gateway(worlds), worlds, dispatcher), BodyQueue())
    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "scheme": "http",
    }  # fmt: skip
    with pytest.raises(OSError, match="gone"):
        asyncio.run(front(scope, receive, broken))
    assert sent == ["http.response.start"]


def test_a_large_body_has_few_values(caller: Caller) -> None:
    """It would take long to read each; a smaller one may have as many as fit into it."""
    rule = '{"when":"generate","reply":{"status":200,"json":[%s]}}'
    refused(
        caller.call("POST", "/_sim/script/rules", (rule % ("[1]," * 15_001 + "[1]" + " " * 10_000)).encode()),
        400, "the body has more than 15000 commas or 15000 opening brackets or braces: send it in parts",
    )  # fmt: skip
    assert caller.sim("script") == {"rules": []}
    assert caller.call("POST", "/_sim/script/rules", (rule % ("1," * 30_000 + "1")).encode()).status == 201


def test_a_thousand_rules_fit_into_a_body(caller: Caller) -> None:
    rule = {
        "when": "generate", "match": {"prompt": {"contains": "bear"}, "headers": {"a": 1, "b": 2}},
        "reply": {"status": 429, "headers": {"a": "b", "c": "d"}, "retry_after": 2}, "times": 2, "name": "x",
    }  # fmt: skip
    assert len(caller.call("PUT", "/_sim/script", {"rules": [rule] * 1000}).json()["rules"]) == 1000


@pytest.mark.parametrize("prompt", ["[[sim:stuck]]", "[[sim:polls 2]]"])
def test_a_webhook_that_time_alone_does_not_bring(caller: Caller, prompt: str) -> None:
    """The clock does not announce it, and it cannot be sent once more before there is anything to say."""
    caller.accepted(prompt, webhook="http://127.0.0.1:9/")
    assert caller.sim("clock")["next_webhook_at"] is None
    reply = caller.call("POST", "/_sim/deliveries/1/resend")
    refused(reply, 400, "delivery 1 belongs to a generation that ends only with status reads")
