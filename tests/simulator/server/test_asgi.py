"""The documented routes as an ASGI application: what a caller's bytes, headers and host do."""

from __future__ import annotations

import asyncio
import itertools
import logging
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, STATUS, Caller, Reply
from tests.inprocess import InProcess

from pixazo_simulator.gateway.exchange import Request, Response
from pixazo_simulator.gateway.gateway import Gateway
from pixazo_simulator.script.faults import Delay
from pixazo_simulator.script.matchers import contains
from pixazo_simulator.script.rule import End, Rule
from pixazo_simulator.server.asgi import BodyQueue, GatewayApp
from pixazo_simulator.server.responder import Responder
from pixazo_simulator.spec.policy import PROFILES, PriceList
from pixazo_simulator.webhooks.dispatcher import Dispatcher
from pixazo_simulator.webhooks.sender import Sender
from pixazo_simulator.world.generations import Bounds
from pixazo_simulator.world.journal import Limits
from pixazo_simulator.world.registry import Settings, Worlds


@pytest.fixture
def caller() -> Iterator[Caller]:
    """The holder of `sim-key`, without a socket."""
    with InProcess() as send:
        yield Caller(send, "sim-key")


def gateway_of(worlds: Worlds) -> GatewayApp:
    """The gateway over some worlds as an application."""
    return GatewayApp(Responder(Gateway(worlds), worlds, Dispatcher(worlds, Sender().send)), BodyQueue())


def submission(**headers: str) -> dict[str, Any]:
    """The scope of a submit by the holder of `sim-key`."""
    named = {"host": "a.test", KEY_HEADER: "sim-key", "content-type": "application/json"} | headers
    return {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": GENERATE,
        "query_string": b"",
        "headers": [(name.replace("_", "-").lower().encode(), value.encode()) for name, value in named.items()],
    }


class Wire:
    """One request to a gateway, message by message: `said` is what it answered, `asked` how often it wanted to read."""

    def __init__(self, *messages: dict[str, Any], bounds: Bounds | None = None, **policy: str) -> None:
        self.worlds = Worlds(Settings(policy=PROFILES["documented"].changed(policy), bounds=bounds or Bounds()))
        self.sent: list[Any] = []
        self.asked = 0
        self._messages = list(messages)

    async def _receive(self) -> dict[str, Any]:
        self.asked += 1
        return self._messages.pop(0)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def post(self, **headers: str) -> int | None:
        """Submit, and return the status answered."""
        asyncio.run(gateway_of(self.worlds)(submission(**headers), self._receive, self._send))
        return self.sent[0]["status"] if self.sent else None


def chunk(body: bytes, *, more: bool = False) -> dict[str, Any]:
    """A piece of a request body."""
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_may_come_in_pieces() -> None:
    """With a declared length or without."""
    pieces = [chunk(b'{"prom', more=True), chunk(b"", more=True), chunk(b'pt":"A bear"', more=True), chunk(b"}")]
    assert Wire(*pieces).post() == 202
    assert Wire(*pieces).post(content_length="19") == 202


def test_a_body_that_is_declared_too_long_is_not_read() -> None:
    wire = Wire(body_limit="10")
    assert (wire.post(content_length="11"), wire.asked) == (413, 0)


def test_a_body_that_grows_too_long_is_read_no_further() -> None:
    """The piece that passes the limit is the last."""
    wire = Wire(*[chunk(b"12345", more=True)] * 10, body_limit="10")
    assert (wire.post(), wire.asked) == (413, 3)


def test_one_piece_that_is_too_long() -> None:
    """Whatever length was declared."""
    assert Wire(chunk(b"x" * 11), body_limit="10").post(content_length="5") == 413


@pytest.mark.parametrize("pieces", [0, 1])
def test_a_caller_that_goes_away_gets_no_response(pieces: int) -> None:
    """And nothing is accepted of half a body."""
    wire = Wire(*[chunk(b'{"prompt":"A bear"}', more=True)] * pieces, {"type": "http.disconnect"})
    assert wire.post() is None
    (world,) = wire.worlds
    assert world.generations() == []


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8900", "http://localhost:8900"),
        ("gateway.pixazo.ai", "http://gateway.pixazo.ai"),
        ("[::1]:8900", "http://[::1]:8900"),
        ("my_service.test", "http://my_service.test"),
        ("", "http://127.0.0.1:8900"),
        ('a"b', "http://127.0.0.1:8900"),
        ("a/b", "http://127.0.0.1:8900"),
        ("a:b", "http://127.0.0.1:8900"),
        ("user@a.test", "http://127.0.0.1:8900"),
    ],
)
def test_urls_follow_the_host_that_the_caller_used(caller: Caller, host: str, origin: str) -> None:
    """Where it is one; else the address that was called."""
    reply = caller.call("POST", GENERATE, {"prompt": "A bear"}, {"host": host})
    assert reply.json()["polling_url"].startswith(f"{origin}{STATUS}")


@pytest.mark.parametrize(
    ("headers", "origin"),
    [
        ({"X-Forwarded-Host": "a.test", "X-Forwarded-Proto": "HTTPS"}, "https://a.test"),
        ({"X-Forwarded-Host": " a.test , b.test"}, "http://a.test"),
        ({"X-Forwarded-Proto": "https"}, "https://127.0.0.1:8900"),
        ({"X-Forwarded-Proto": "gopher"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Host": "a/b"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Host": "a.test:0"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Host": ", a.test:99999, b.test"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Host": "a.test", "X-Forwarded-Port": "8443"}, "http://a.test:8443"),
        ({"X-Forwarded-Host": "[::1]", "X-Forwarded-Port": "443", "X-Forwarded-Proto": "https"}, "https://[::1]"),
        ({"X-Forwarded-Host": "a.test:8443", "X-Forwarded-Port": "443"}, "http://a.test:8443"),
        ({"X-Forwarded-Port": "9000, 80"}, "http://127.0.0.1:9000"),
        ({"X-Forwarded-Port": "0"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Port": "65536"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Prefix": "/pixazo/"}, "http://127.0.0.1:8900/pixazo"),
        ({"X-Forwarded-Prefix": "/a, /b/c"}, "http://127.0.0.1:8900/a/b/c"),
        ({"X-Forwarded-Prefix": "/"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Prefix": "pixazo"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Prefix": "//evil.test"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Prefix": "/a/../b"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Prefix": "/a?b"}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Prefix": "/a" * 501}, "http://127.0.0.1:8900"),
        ({"X-Forwarded-Prefix": f"/{'a' * 600},/{'b' * 600}"}, "http://127.0.0.1:8900"),
        ({"Forwarded": "for=192.0.2.60;Proto=HTTPS;host=a.test"}, "https://a.test"),
        ({"Forwarded": 'for="[2001:db8::1]:4711" , proto=https; host="[::1]:8443", host=b.test'}, "https://[::1]:8443"),
        ({"Forwarded": "host=a.test:81, host=b.test"}, "http://a.test:81"),
        ({"Forwarded": "proto=gopher;host=a/b"}, "http://127.0.0.1:8900"),
        ({"Forwarded": 'host="a test"', "X-Forwarded-Proto": "https"}, "https://127.0.0.1:8900"),
        ({"Forwarded": "host=a.test; proto", "X-Forwarded-Host": "b.test"}, "http://a.test"),
        ({"Forwarded": "proto;,=;==", "X-Forwarded-Host": "b.test"}, "http://b.test"),
        ({"Forwarded": "host=a.test", "X-Forwarded-Host": "b.test", "X-Forwarded-Proto": "https"}, "https://a.test"),
    ],
)
def test_a_forwarded_origin_is_used_where_it_is_trusted(caller: Caller, headers: dict[str, str], origin: str) -> None:
    """Each part that is fit for use; otherwise not at all."""
    submit = {"prompt": "A bear"}
    assert caller.call("POST", GENERATE, submit, headers).json()["polling_url"].startswith("http://127.0.0.1:8900/")
    caller.change(policy={"public_origin": "forwarded"})
    assert caller.call("POST", GENERATE, submit, headers).json()["polling_url"].startswith(f"{origin}{STATUS}")


def test_a_path_is_quoted_in_a_header(caller: Caller) -> None:
    """Or it could end the header and begin another one."""
    reply = caller.call("GET", f"{STATUS}%0d%0aX-Evil:%20%22", headers={KEY_HEADER: ""})
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == (
        'AzureApiManagementKey realm="http://127.0.0.1:8900/v2/requests/status/%0D%0AX-Evil%3A%20%22",'
        'name="Ocp-Apim-Subscription-Key",type="header"'
    )


@pytest.mark.parametrize(
    ("mark", "seen"),
    [
        ("", {2: "PROCESSING", 15: "COMPLETED"}),
        ("[[sim:failed too wild]]", {2: "PROCESSING", 15: "FAILED"}),
        ("[[sim:error disk full]]", {2: "PROCESSING", 15: "ERROR"}),
        ("[[sim:stuck]]", {2: "PROCESSING", 86_400: "PROCESSING"}),
        ("[[sim:after 30]]", {3: "QUEUED", 4: "PROCESSING", 29: "PROCESSING", 30: "COMPLETED"}),
        ("[[sim:after 0]]", {0: "COMPLETED"}),
        ("[[sim:moderated]]", {2: "PROCESSING", 15: "FAILED"}),
    ],
)
def test_magic_prompts_are_obeyed(caller: Caller, mark: str, seen: dict[int, str]) -> None:
    image = {"first_frame_image": "https://a.test/b.png"}
    video = caller.call("POST", IMAGE_TO_VIDEO, {"prompt": f"A bear {mark}", **image}).json()["request_id"]
    text, passed = caller.accepted(f"A bear {mark}"), 0
    for second, status in seen.items():
        caller.advance(second - passed)
        passed = second
        assert (caller.status(text), caller.status(video)) == (status, status)


def test_a_bound_of_the_simulator_is_reported_as_such() -> None:
    """The error has its name and the remedy."""
    with InProcess(Settings(bounds=Bounds(pending=0))) as send:
        reply = Caller(send, "sim-key").generate(webhook="http://127.0.0.1:9/")
    assert reply.status == 500
    assert reply.json()["message"] == (
        "The simulator has 0 pending webhook deliveries (bound `pending`): advance the clock or delete the world."
    )


def test_a_mistyped_mark_is_refused_with_the_remedy(caller: Caller) -> None:
    """Rather than sent to a model that knows nothing of it."""
    message = caller.generate("[[sim:faild]]").json()["message"]
    assert message.startswith("prompt contains [[sim:faild]], which is not a magic mark of the simulator: known are ")
    assert message.endswith("(did you mean failed?).")


def test_responses_are_dated_by_the_world_s_clock(caller: Caller) -> None:
    """This holds for accepted, refused and read responses, over more seconds than are remembered."""
    identity = caller.accepted()
    assert caller.read(identity).headers["date"] == "Tue, 31 Mar 2026 10:00:00 GMT"
    for _ in range(100):
        caller.advance(1.5)
        caller.read(identity)
    assert caller.generate("").headers["date"] == "Tue, 31 Mar 2026 10:02:30 GMT"


def test_another_model_is_unknown_to_a_caller_and_an_unknown_caller_learns_nothing(caller: Caller) -> None:
    """Whatever the shape of its path; one that names no other model is unknown to everybody."""
    body = {"prompt": "A bear"}
    for path in (
        "/kling-ai/v1/generate",
        "/kling-ai/v1/elsewhere",
        "/kling-ai/v2/generate",
        "/Kling/generate",
        "/a/b/c/d",
    ):
        assert caller.call("POST", path, body).status == 400
        assert caller.call("POST", path, body, {KEY_HEADER: "nobody"}).status == 404
    for path in ("/v1/generate", f"{GENERATE}/", "/kling-ai", "/kling-ai/", "/_simulate/v1/generate"):
        assert caller.call("POST", path, body).status == 404


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "TRACE"])
def test_no_other_method_is_known(caller: Caller, method: str) -> None:
    """On either route, and on a target without a path."""
    for path in (GENERATE, f"{STATUS}x", "*", "//"):
        reply = caller.call(method, path)
        assert (reply.status, reply.json()) == (404, {"statusCode": 404, "message": "Resource not found"})


def test_a_key_may_stand_between_spaces() -> None:
    """They are no part of a header's value."""
    wire = Wire(chunk(b'{"prompt":"A bear"}'))
    assert wire.post(**{KEY_HEADER: " sim-key "}) == 202


def test_exchanges_are_journalled_where_they_belong(caller: Caller) -> None:
    """A caller's in its world, an unknown caller's outside, with the key out of sight wherever it stands."""
    caller.call("GET", f"{STATUS}x?subscription-key=stranger-key&a=b", headers={KEY_HEADER: "", "x": "y"})
    caller.generate("")
    (own,) = caller.sim("journal")["exchanges"]
    assert (own["number"], own["method"], own["target"], own["status"]) == (1, "POST", GENERATE, 400)
    assert own["request"]["body"] == {"prompt": ""}
    assert own["response"]["body"] == {"error": "Invalid request", "message": "prompt must not be blank."}
    assert own["request"]["headers"][KEY_HEADER.lower()] == "[redacted]"
    unmatched = caller.sim("unmatched")
    assert [each["target"] for each in unmatched["exchanges"]] == [f"{STATUS}x?subscription-key=[redacted]&a=b"]


def test_a_refusal_is_logged(caller: Caller, caplog: pytest.LogCaptureFixture) -> None:
    """In one line, however the path is spelled."""
    caplog.set_level(logging.INFO, "pixazo_simulator")
    caller.read("a%0Ab")
    expected = '{"error":"Request not found","message":"No request with this id was found."}'
    assert caplog.messages == [f"GET /v2/requests/status/a%0Ab answered 404: {expected}"]


def media(caller: Caller, path: str, method: str = "GET", **headers: str) -> Reply:
    """Ask for media as a player does, without a key."""
    return caller.call(method, path, headers={KEY_HEADER: "", **headers})


def test_a_video_can_be_had_once_it_is_there(caller: Caller) -> None:
    """Not before, not of a failed one, not by another name; dated by the world's clock, and journalled."""
    good, bad = caller.accepted(), caller.accepted("[[sim:failed x]]")
    path = f"/v1/{good}/output.mp4"
    assert media(caller, path).status == 404
    caller.advance(15)
    there = media(caller, path)
    assert (there.status, there.headers["date"]) == (200, "Tue, 31 Mar 2026 10:00:15 GMT")
    for other in (f"/v1/{bad}/output.mp4", f"/v1/{good}/output.ext", "/v1/x/output.mp4", f"/v1/{good}/other.mp4"):
        assert media(caller, other).status == 404
    seen = [(each["target"], each["status"]) for each in caller.sim("journal")["exchanges"] if each["method"] == "GET"]
    assert seen == [(path, 404), (path, 200), (f"/v1/{bad}/output.mp4", 404), (f"/v1/{good}/output.ext", 404)]


def test_a_player_can_seek(caller: Caller) -> None:
    """HEAD, then a range of it, then the same again unchanged."""
    path = f"/v1/{caller.accepted()}/output.mp4"
    caller.advance(15)
    head = media(caller, path, "HEAD")
    whole = media(caller, path)
    assert (head.status, head.headers["content-length"]) == (200, str(len(whole.body)))
    part = media(caller, path, Range="bytes=4-7")
    assert (part.status, part.body) == (206, b"ftyp")
    again = media(caller, path, **{"If-None-Match": head.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    assert media(caller, path, Range="bytes=999999999-").status == 416


@pytest.mark.slow
@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "OPTIONS", "DELETE"]),
    path=st.sampled_from([GENERATE, IMAGE_TO_VIDEO, STATUS, "/_sim/world", "/_sim/journal", "/v1/x/output.mp4", "/"]),
    tail=st.text(st.characters(codec="utf-8"), max_size=10),
    headers=st.dictionaries(
        st.sampled_from(
            [
                "host",
                "range",
                "x-webhook-url",
                "x-webhook-mode",
                "content-type",
                "origin",
                "forwarded",
                "x-forwarded-host",
                "x-forwarded-proto",
                "x-forwarded-port",
                "x-forwarded-prefix",
            ]
        ),
        st.text(st.characters(max_codepoint=255)),
    ),
    body=st.binary(max_size=50),
)
def test_nothing_that_is_sent_breaks_it(
    method: str, path: str, tail: str, headers: dict[str, str], body: bytes
) -> None:
    """Any method, path, query, header and body: an answer, and no 5xx."""
    policy = msgspec.structs.replace(PROFILES["observed"], cors="on", public_origin="forwarded")
    with InProcess(Settings(policy=policy)) as send:
        for target in (path, path + tail, f"{path}?{tail}"):
            reply = Caller(send, "sim-key").call(method, target, body, headers)
            assert 200 <= reply.status < 500


def test_the_body_of_an_unknown_caller_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what the journal shows: the answer does not depend on it. All of it is read, for one who sends it listens later."""
    kept: list[int] = []
    respond = Gateway.respond

    def responding(self: Gateway, request: Request, *more: Any) -> Response:
        kept.append(len(request.body or b""))
        return respond(self, request, *more)

    monkeypatch.setattr(Gateway, "respond", responding)
    wire = Wire(*[chunk(b"x" * 10_000, more=True)] * 5, chunk(b""))
    assert wire.post(**{KEY_HEADER: "who"}) == 401
    (exchange,) = wire.worlds.unmatched
    assert (exchange.request_body, exchange.request_length) == (b"x" * 16 * 1024, 50_000)
    assert (wire.asked, kept) == (6, [16 * 1024])


@pytest.mark.parametrize("members", [
    {}, {"prompt": "A bear [[sim:failed]]"}, {"callback_url": "http://127.0.0.1:9/member"}, {"x": 1}, {"x": "y" * 70_000},
    {"resolution": "1080P", "duration": 10}, {"duration": 6.0}, {"prompt": " "},
])  # fmt: skip
@pytest.mark.parametrize("headers", [{}, {"x_webhook_url": "http://127.0.0.1:9/header"}])
@pytest.mark.parametrize("is_scripted", [False, True])
def test_a_body_is_decoded_once_and_priced_once(
    members: dict[str, Any], headers: dict[str, str], is_scripted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever wants to know its members: a rule, the checks, a webhook that is ignored, one that is not."""
    body = msgspec.json.encode({"prompt": "A bear"} | members)
    wire, priced, decoded = Wire(chunk(body), blank_prompt="accept", combo_1080p_10s="accept"), list[Any](), list[Any]()
    (world,) = wire.worlds
    price_of, json_decode = PriceList.of, msgspec.json.decode

    def pricing(self: PriceList, *asked: Any) -> int:
        priced.append(asked)
        return price_of(self, *asked)

    def profile(_: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and (
            called is json_decode or type(getattr(called, "__self__", None)) is msgspec.json.Decoder
        ):
            decoded.append(called)

    if is_scripted:
        world.script.add(Rule(when="generate", match={"prompt": contains(" ")}, end=End(status="FAILED")))
    monkeypatch.setattr(PriceList, "of", pricing)
    sys.setprofile(profile)
    try:
        status = wire.post(**headers)
    finally:
        sys.setprofile(None)
    assert (status, len(decoded), len(priced)) == (202, 1, 1)
    (exchange,) = world.journal
    assert exchange.rule is not None or not is_scripted
    assert (world.next_due() is not None) == bool(headers or "callback_url" in members)


def test_an_unknown_caller_whose_body_is_judged_first_is_refused_for_it() -> None:
    """This holds where the policy judges the body before the key."""
    order = "json,model,parameters,key,suspended,rate,funds"
    body = b'{"prompt":"%s"}' % (b"a" * 20_000)
    wire = Wire(chunk(body[:15_000], more=True), chunk(body[15_000:]), check_order=order)
    assert wire.post(**{KEY_HEADER: "who"}) == 400
    assert b"at most 2000 characters, not 20000" in wire.sent[1]["body"]


@pytest.mark.parametrize("keep", [0, 4, 5, 6, 100])
def test_only_the_beginning_of_a_body_may_be_kept(keep: int) -> None:
    """Its length is that of all of it."""
    wire = Wire(
        chunk(b"012", more=True), chunk(b"345", more=True), chunk(b"6789"), bounds=Bounds(journal=Limits(body=keep))
    )
    assert wire.post(**{KEY_HEADER: "who"}) == 401
    (exchange,) = wire.worlds.unmatched
    assert (exchange.request_body, exchange.request_length) == (b"0123456789"[:keep], 10)


async def submit(gateway: GatewayApp, *messages: dict[str, Any], waits: asyncio.Event | None = None) -> list[Any]:
    """What the gateway sends while a body comes in these messages, the last of them after an event."""
    left, sent = [chunk(b"", more=True), *messages], list[Any]()

    async def receive() -> dict[str, Any]:
        if waits and len(left) == 1:
            await waits.wait()
        return left.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    await gateway(submission(), receive, send)
    return sent


def test_the_bodies_under_way_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is refused and may come once more when another was answered, or its caller has gone away."""
    monkeypatch.setattr("pixazo_simulator.server.asgi.MOST_HELD", 100)
    gateway = gateway_of(Worlds(Settings()))
    body, half = b'{"prompt":"A bear"}' + b" " * 41, asyncio.Event()

    async def several() -> list[int]:
        held = asyncio.create_task(submit(gateway, chunk(body, more=True), chunk(b""), waits=half))
        await asyncio.sleep(0)
        refused = await submit(gateway, chunk(body))
        assert (refused[0]["status"], (b"retry-after", b"1") in refused[0]["headers"]) == (503, True)
        assert b"bodies in progress exceed" in refused[1]["body"]
        half.set()
        answered = [(await held)[0]["status"], (await submit(gateway, chunk(body)))[0]["status"]]
        assert await submit(gateway, chunk(body, more=True), {"type": "http.disconnect"}) == []
        return [*answered, (await submit(gateway, chunk(body)))[0]["status"]]

    assert asyncio.run(several()) == [202, 202, 202]


def test_a_body_counts_until_its_response_has_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault may hold the response for an hour."""
    monkeypatch.setattr("pixazo_simulator.server.asgi.MOST_HELD", 100)
    worlds = Worlds(Settings(script=(Rule(when="generate", faults=(Delay(3600),), times=1),)))
    gateway, (world,) = gateway_of(worlds), worlds
    whole = chunk(b'{"prompt":"A bear"}' + b" " * 41)

    async def several() -> list[int]:
        journalled = asyncio.Event()
        with world.notifier.listening(journalled.set):
            delayed = asyncio.create_task(submit(gateway, whole))
            await journalled.wait()
        refused = (await submit(gateway, whole))[0]["status"]
        delayed.cancel()
        await asyncio.gather(delayed, return_exceptions=True)
        return [refused, (await submit(gateway, whole))[0]["status"]]

    assert asyncio.run(several()) == [503, 202]


def test_large_bodies_take_turns() -> None:
    """However many come at once, everybody else is served between any two of them; small ones wait for nobody."""
    gateway, happened = gateway_of(Worlds(Settings())), list[str]()

    async def submit(name: str, body: bytes) -> None:

        async def receive() -> dict[str, Any]:
            return chunk(body)

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                happened.append(f"{name} {message['status']}")

        await gateway(submission(), receive, send)

    async def turns() -> None:
        while True:
            happened.append("others")
            await asyncio.sleep(0)

    async def all_at_once() -> None:
        large, others = b'{"prompt":"A bear","x":"%s"}' % (b"y" * 64 * 1024), asyncio.create_task(turns())
        await asyncio.gather(*(submit("large", large) for _ in range(5)), submit("small", b'{"prompt":"A bear"}'))
        others.cancel()

    asyncio.run(all_at_once())
    served = [each for each in happened if each != "others"]
    assert served == ["small 202", *["large 202"] * 5]
    for before, after in itertools.pairwise(index for index, each in enumerate(happened) if each == "large 202"):
        assert "others" in happened[before:after]
