"""Scripts at work in the gateway: what is answered, what is committed, what the journal says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, Caller, over_http
from tests.inprocess import InProcess

from pixazo_simulator.mutants import find_mutant
from pixazo_simulator.script.faults import (
    CompletedWithoutMedia,
    ConnectionReset,
    Delay,
    EmptyReply,
    Fault,
    GarbledBody,
    HtmlPage,
    LognormalDelay,
    MediaGone,
    StatusCode,
    UnknownStatus,
    WrongContentType,
)
from pixazo_simulator.script.rule import End, Reply, Rule, Step
from pixazo_simulator.server.asgi import ConnectionCutError
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.generations import Bounds
from pixazo_simulator.world.registry import Settings

FOREIGN = "/other-model/v1/generate"


class ScriptedWorld:
    """A simulator in process with one script, and the holder of its key."""

    def __init__(self, *rules: Rule, policy: dict[str, object] | None = None, **more: Any) -> None:
        settings = Settings(script=rules, policy=PROFILES["documented"].changed(policy or {}), **more)
        self.send = InProcess(settings)
        self.caller = Caller(self.send, "sim-key")

    def journal(self) -> list[dict[str, Any]]:
        """Every exchange of the world."""
        exchanges: list[dict[str, Any]] = self.caller.sim("journal")["exchanges"]
        return exchanges

    def used(self) -> list[list[int]]:
        """How often each step of each rule was used."""
        return [each["used"] for each in self.caller.sim("script")["rules"]]

    def balance(self) -> str:
        """What the wallet holds."""
        reported: str = self.caller.sim("ledger")["balance"]
        return reported


def rule(when: str, *faults: Fault, **more: Any) -> Rule:
    """A rule with these faults."""
    return Rule(when=when, faults=faults, **more)


ScriptedWorldOf = Callable[..., ScriptedWorld]


@pytest.fixture
def scripted_world_of() -> Iterator[ScriptedWorldOf]:
    """Makes stages; all of them are cleared away."""
    with ExitStack() as made:

        def make(*rules: Rule, **more: Any) -> ScriptedWorld:
            scripted = ScriptedWorld(*rules, **more)
            made.enter_context(scripted.send)
            return scripted

        yield make


@pytest.mark.parametrize(
    ("step", "status", "headers", "body"),
    [
        ({"reply": Reply(429, retry_after=2)}, 429, {"retry-after": "2"}, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 2 seconds."}),
        ({"reply": Reply(429)}, 429, {"retry-after": "1"}, {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 1 seconds."}),
        ({"reply": Reply(503, retry_after=7)}, 503, {"retry-after": "7"}, {"error": "Service Unavailable", "message": "The request could not be processed."}),
        ({"reply": Reply(402)}, 402, {}, {"error": "Insufficient Balance", "message": "Your wallet does not have enough balance."}),
        ({"reply": Reply(403)}, 403, {}, {"error": "Forbidden", "message": "Your subscription key is suspended or not subscribed to this product."}),
        ({"reply": Reply(413)}, 413, {"connection": "close"}, {"error": "Payload Too Large", "message": "The request body is larger than 29360128 bytes."}),
        ({"reply": Reply(404)}, 404, {}, {"statusCode": 404, "message": "Resource not found"}),
        ({"reply": Reply(500)}, 500, {}, {"error": "Internal Server Error", "message": "The request could not be processed."}),
        ({"reply": Reply(599)}, 599, {}, {"error": "Error", "message": "The request could not be processed."}),
        ({"reply": Reply(400)}, 400, {}, {"error": "Bad Request", "message": "The request could not be processed."}),
        ({"reply": Reply(200, json={"a": [1]}, headers={"X-A": "b"})}, 200, {"x-a": "b", "content-type": "application/json"}, {"a": [1]}),
        ({"reply": Reply(500, json=None)}, 500, {"content-type": "application/json"}, None),
        ({"reply": Reply(500, text="\u00e9")}, 500, {"content-type": "text/plain; charset=utf-8", "content-length": "2"}, "\u00e9"),
        ({"reply": Reply(500, text="<p>", headers={"Content-Type": "text/html"})}, 500, {"content-type": "text/html"}, "<p>"),
        ({"reply": Reply(200)}, 200, {"content-length": "0"}, ""),
        ({"faults": (StatusCode(502),)}, 502, {"content-type": "application/json"}, {"error": "Failed to reach upstream API", "status": 502}),
        ({"faults": (StatusCode(401),)}, 401, {"www-authenticate": 'AzureApiManagementKey realm="http://127.0.0.1:8900/minimax-hailuo-ai/v1/generate",name="Ocp-Apim-Subscription-Key",type="header"'},
         {"statusCode": 401, "message": "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."}),
        ({"faults": (HtmlPage(503),)}, 503, {"content-type": "text/html; charset=utf-8"}, "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>503 Service Unavailable</h1></body></html>"),
    ],
)  # fmt: skip
def test_a_scripted_response_replaces_the_real_one(
    scripted_world_of: ScriptedWorldOf, step: dict[str, Any], status: int, headers: dict[str, str], body: object
) -> None:
    """It has its code's documented body and headers unless the rule sets them; nothing is committed or charged."""
    scripted = scripted_world_of(Rule(when="generate", times=1, **step))
    reply = scripted.caller.generate()
    assert reply.status == status
    assert reply.headers.items() >= headers.items()
    assert (reply.body.decode() if isinstance(body, str) else reply.json()) == body
    assert (scripted.balance(), scripted.caller.sim("generations")["total"]) == ("100.00", 0)
    assert scripted.caller.generate().status == 202


@pytest.mark.parametrize(
    "step", [{"reply": Reply(204)}, {"reply": Reply(304)}, {"faults": (StatusCode(204),)}, {"faults": (HtmlPage(304),)}]
)
def test_a_response_without_body_has_no_length(scripted_world_of: ScriptedWorldOf, step: dict[str, Any]) -> None:
    """RFC 9110, 8.6, requires this."""
    reply = scripted_world_of(Rule(when="generate", **step)).caller.generate()
    assert reply.body == b""
    assert "content-length" not in reply.headers


@pytest.mark.parametrize(
    ("status", "body"), [(404, b"Not Found"), (410, b"Gone"), (500, b"Internal Server Error"), (599, b"Error")]
)
def test_the_host_of_media_answers_in_plain_text(scripted_world_of: ScriptedWorldOf, status: int, body: bytes) -> None:
    scripted = scripted_world_of(Rule(when="media", reply=Reply(status)))
    request_id = scripted.caller.accepted()
    scripted.caller.advance(15)
    reply = scripted.send("GET", f"/v1/{request_id}/output.mp4", {}, b"")
    assert (reply.status, reply.headers["content-type"], reply.body) == (status, "text/plain; charset=utf-8", body)


@pytest.mark.parametrize(
    ("end", "prompt", "expected"),
    [
        (End(status="FAILED"), "A bear", ("FAILED", "The model could not generate a video for this request.", 15)),
        (End(status="FAILED", error="policy"), "A bear", ("FAILED", "policy", 15)),
        (End(status="ERROR", after=30), "A bear", ("ERROR", "Description of the error", 30)),
        (End(queued=1, processing=2.5), "A bear", ("COMPLETED", None, 3.5)),
        (End(processing=0), "A bear", ("COMPLETED", None, 2)),
        (End(after=5), "[[sim:failed x]]", ("FAILED", "x", 5)),
        (End(status="COMPLETED"), "[[sim:failed x]]", ("COMPLETED", None, 15)),
        (End(status="FAILED", error="policy"), "[[sim:error x]] [[sim:after 9]]", ("FAILED", "policy", 9)),
        (End(status="FAILED"), "[[sim:stuck]]", ("FAILED", "The model could not generate a video for this request.", 15)),
    ],
)  # fmt: skip
def test_a_script_decides_how_a_generation_ends(
    scripted_world_of: ScriptedWorldOf, end: End, prompt: str, expected: tuple[str, str | None, float]
) -> None:
    """Before magic, which decides before policy; what it leaves out stays as it was."""
    scripted = scripted_world_of(Rule(when="submit", end=end))
    request_id = scripted.caller.accepted(prompt)
    word, error, seconds = expected
    scripted.caller.advance(seconds - 0.001)
    assert scripted.caller.status(request_id) in ("QUEUED", "PROCESSING")
    scripted.caller.advance(0.001)
    body = scripted.caller.read(request_id).json()
    assert (body["status"], body["error"]) == (word, error)


def test_a_failure_that_is_scripted_is_charged_as_any_other(scripted_world_of: ScriptedWorldOf) -> None:
    scripted = scripted_world_of(
        Rule(when="generate", end=End(status="FAILED"), times=1, then=(Step(end=End(status="ERROR")),))
    )
    scripted.caller.accepted()
    scripted.caller.accepted()
    scripted.caller.advance(15)
    assert scripted.balance() == "99.65"


def test_ids_do_not_depend_on_the_script(scripted_world_of: ScriptedWorldOf) -> None:
    """What faults draw at random is drawn elsewhere; the same seed garbles alike."""
    garbling = (rule("status", GarbledBody(), LognormalDelay(0.0001)), Rule(when="generate", reply=Reply(500), times=1))
    scripted_worlds = [
        scripted_world_of(),
        scripted_world_of(*garbling),
        scripted_world_of(*garbling),
        scripted_world_of(*garbling, seed=1),
    ]
    assert [scripted.caller.generate().status for scripted in scripted_worlds] == [202, 500, 500, 500]
    ids = [
        scripted_worlds[0].caller.sim("generations")["generations"][0]["request_id"],
        *[scripted.caller.accepted() for scripted in scripted_worlds[1:]],
    ]
    assert ids[0] == ids[1] == ids[2] != ids[3]
    bodies = [scripted.caller.read(identity).body for scripted, identity in zip(scripted_worlds, ids, strict=True)]
    assert bodies[1] == bodies[2] != bodies[3]
    assert [body[:1] for body in bodies[1:]] == [b"\xff"] * 3


def test_a_refused_submit_leaves_a_plan_unused(scripted_world_of: ScriptedWorldOf) -> None:
    """Only an accepted one has an end; a fault on the wire applies to the refusal all the same."""
    scripted = scripted_world_of(
        Rule(when="generate", end=End(status="FAILED"), times=1),
        rule("imageToVideo", WrongContentType("text/html"), times=1),
    )
    assert scripted.caller.generate("").status == 400
    assert scripted.used() == [[0], [0]]
    assert scripted.journal()[0]["rule"] is None
    request_id = scripted.caller.accepted()
    assert scripted.used() == [[1], [0]]
    scripted.caller.advance(15)
    assert scripted.caller.status(request_id) == "FAILED"
    refused = scripted.caller.call("POST", IMAGE_TO_VIDEO, {"prompt": "A"})
    assert (refused.status, refused.headers["content-type"]) == (400, "text/html")
    assert scripted.used() == [[1], [1]]


@pytest.mark.parametrize(
    ("fault", "output"),
    [
        (CompletedWithoutMedia(), {"media_url": [], "media_type": "video/mp4"}),
        (CompletedWithoutMedia(output="null"), None),
        (CompletedWithoutMedia(output="absent"), "absent"),
    ],
)
def test_a_video_may_be_missing(
    scripted_world_of: ScriptedWorldOf, fault: CompletedWithoutMedia, output: object
) -> None:
    """In three ways; only from COMPLETED, which alone uses the rule up."""
    scripted = scripted_world_of(rule("status", fault, times=1))
    request_id = scripted.caller.accepted()
    assert scripted.caller.status(request_id) == "QUEUED"
    scripted.caller.advance(15)
    first, second = scripted.caller.read(request_id).json(), scripted.caller.read(request_id).json()
    assert (first["status"], first.get("output", "absent")) == ("COMPLETED", output)
    assert second["output"]["media_url"]
    assert {name: first[name] for name in first if name != "output"} == {
        name: second[name] for name in second if name != "output"
    }


def test_media_can_be_asked_about(scripted_world_of: ScriptedWorldOf) -> None:
    """By prompt, method, header; a HEAD is not a GET, and another extension is as missing as ever."""
    scripted = scripted_world_of(
        rule(
            "media",
            MediaGone(410),
            match={"prompt": {"contains": "bear"}, "method": "GET", "headers": {"Range": {"present": True}}},
        )
    )
    bear, cat = scripted.caller.accepted(), scripted.caller.accepted("A cat")
    scripted.caller.advance(15)

    def status(identity: str, method: str = "GET", **headers: str) -> int:
        return scripted.send(method, f"/v1/{identity}/output.mp4", headers, b"").status

    assert (status(bear, Range="bytes=0-3"), status(cat, Range="bytes=0-3")) == (410, 206)
    assert (status(bear), status(bear, "HEAD", Range="bytes=0-3")) == (200, 200)
    assert scripted.used() == [[1]]


def test_reads_can_be_asked_about(scripted_world_of: ScriptedWorldOf) -> None:
    """By the word that would be answered, the prompt, the operation, the age, the id."""
    scripted = scripted_world_of(
        Rule(when="status", reply=Reply(501), match={"status": "PROCESSING", "prompt": {"contains": "bear"}, "operation": "generate", "age": {"at_most": 5}}),
        Rule(when="status", reply=Reply(502), match={"request_id": "unknown"}),
        Rule(when="status", reply=Reply(503), match={"status": {"present": False}}),
    )  # fmt: skip
    bear, cat = scripted.caller.accepted(), scripted.caller.accepted("A cat")
    statuses = [[scripted.caller.read(identity).status for identity in (bear, cat)]]
    for seconds in (2, 3, 1):
        scripted.caller.advance(seconds)
        statuses.append([scripted.caller.read(identity).status for identity in (bear, cat)])
    assert statuses == [[200, 200], [501, 200], [501, 200], [200, 200]]
    assert [scripted.caller.read(identity).status for identity in ("unknown", "elsewhere")] == [502, 503]


def test_prompts_are_remembered_within_a_bound(scripted_world_of: ScriptedWorldOf) -> None:
    """Those of the latest generations; also when the rule comes later."""
    scripted = scripted_world_of(bounds=Bounds(prompts=2))
    identities = [scripted.caller.accepted(f"A bear {number}") for number in range(3)]
    content = Rule(when="status", reply=Reply(500), match={"prompt": {"starts_with": "A bear"}}).as_json()
    assert scripted.caller.call("POST", "/_sim/script/rules", content).status == 201
    assert [scripted.caller.read(identity).status for identity in identities] == [200, 500, 500]


def test_a_rule_decides_before_every_check(scripted_world_of: ScriptedWorldOf) -> None:
    """A suspended, throttled or broken caller meets the script first, and pays nothing of its rate."""
    scripted = scripted_world_of(
        Rule(when="request", reply=Reply(418, text="teapot"), times=3), policy={"rate_limit": "1/60"}
    )
    scripted.caller.change(suspended=True)
    assert [
        reply.status for reply in (scripted.caller.generate(), scripted.caller.read("x"), scripted.caller.generate(""))
    ] == [418] * 3
    assert scripted.caller.generate().status == 403
    scripted.caller.change(suspended=False)
    assert [scripted.caller.generate().status for _ in range(2)] == [202, 429]


def test_only_a_known_caller_s_own_world_is_scripted(scripted_world_of: ScriptedWorldOf) -> None:
    """Neither unknown callers nor other worlds, nor another model's operation of the same name."""
    scripted = scripted_world_of(rule("generate", StatusCode(500)))
    assert scripted.caller.call("POST", GENERATE, {"prompt": "A"}, {KEY_HEADER: "stranger"}).status == 401
    assert scripted.caller.call("POST", FOREIGN, {"prompt": "A"}).status == 400
    assert scripted.caller.call("POST", "/_sim/worlds", {"key": "another-key"}).status == 201
    assert Caller(scripted.send, "another-key").generate().status == 500
    assert scripted.caller.call("DELETE", "/_sim/script").status == 200
    assert (scripted.caller.generate().status, Caller(scripted.send, "another-key").generate().status) == (202, 500)


def test_a_body_that_is_no_json_has_no_members(scripted_world_of: ScriptedWorldOf) -> None:
    """A rule without conditions matches it, one about the prompt does not."""
    scripted = scripted_world_of(
        Rule(when="generate", reply=Reply(501), match={"prompt": {"contains": "bear"}}),
        Rule(
            when="generate",
            reply=Reply(502),
            match={"prompt": {"present": False}, "webhook_url": "http://127.0.0.1:9/"},
        ),
    )
    assert scripted.caller.call("POST", GENERATE, b'{"prompt": "A bear"').status == 400
    hooked = {"X-Webhook-URL": " http://127.0.0.1:9/ "}
    assert scripted.caller.call("POST", GENERATE, b"[]", hooked).status == 502
    assert scripted.caller.call("POST", GENERATE, {"prompt": "A bear"}, hooked).status == 501
    assert scripted.caller.call("POST", GENERATE, {"prompt": 7}, hooked).status == 400


def test_the_journal_shows_the_injected_faults(scripted_world_of: ScriptedWorldOf) -> None:
    """It has the rule, faults, generation and response headers; the body stands there as it left."""
    scripted = scripted_world_of(
        rule("status", WrongContentType("text/html"), Delay(0.0001), times=1),
        Rule(when="generate", reply=Reply(500), times=1, name="an outage"),
    )
    scripted.caller.generate()
    request_id = scripted.caller.accepted()
    scripted.caller.read(request_id)
    refused, accepted, read = scripted.journal()
    assert (refused["status"], refused["rule"], refused["faults"], refused["request_id"]) == (
        500,
        "rule 2: an outage",
        [],
        None,
    )
    assert (accepted["rule"], accepted["faults"], accepted["request_id"]) == (None, [], request_id)
    assert (read["rule"], read["faults"]) == ("rule 1: when status", ["wrong_content_type", "delay"])
    assert (read["request_id"], read["expected"], read["hint"]) == (request_id, True, None)
    response = read["response"]
    assert (response["headers"]["content-type"], response["body"]["status"], response["cut"]) == (
        "text/html",
        "QUEUED",
        None,
    )
    assert response["length"] == int(response["headers"]["content-length"])


@pytest.mark.parametrize(
    ("fault", "status", "cut", "balance"),
    [
        (ConnectionReset(), 202, "nothing was sent, then the connection was reset", "99.65"),
        (ConnectionReset(committed=False), 0, "nothing was sent, then the connection was reset", "100.00"),
        (EmptyReply(), 0, "nothing was sent, then the connection was closed", "100.00"),
    ],
)
def test_the_journal_shows_what_was_cut(
    scripted_world_of: ScriptedWorldOf, fault: Fault, status: int, cut: str, balance: str
) -> None:
    """And what would have been answered; a status of 0 where nothing was done."""
    scripted = scripted_world_of(rule("generate", fault, times=1))
    with pytest.raises(ConnectionCutError):
        scripted.caller.generate()
    (exchange,) = scripted.journal()
    assert (exchange["status"], exchange["response"]["cut"]) == (status, cut)
    assert exchange["faults"] in (["connection_reset"], ["empty_reply"])
    assert scripted.balance() == balance


def test_videos_are_not_kept_in_the_journal(scripted_world_of: ScriptedWorldOf) -> None:
    """Only their length, scripted or not."""
    for rules in ((), (rule("media", WrongContentType()),)):
        scripted = scripted_world_of(*rules)
        request_id = scripted.caller.accepted()
        scripted.caller.advance(15)
        video = scripted.send("GET", f"/v1/{request_id}/output.mp4", {}, b"")
        exchange = scripted.journal()[-1]
        assert (exchange["response"]["body"], exchange["response"]["length"]) == ("", len(video.body))
        assert (exchange["request_id"], exchange["reason"]) == (request_id, f"media, {len(video.body)} bytes")


@pytest.fixture
def broken() -> Iterator[Simulator]:
    """A mutant with a script."""
    rules = (rule("status", ConnectionReset(), times=1), rule("status", UnknownStatus("ODD"), times=1))
    with Simulator(Settings(script=rules), change=find_mutant("status-in-lower-case")) as simulator:
        yield simulator


def test_faults_apply_to_the_response_of_a_mutant(broken: Simulator) -> None:
    """The mutant edits the response first, then the fault is injected."""
    caller = Caller(over_http(broken.url), broken.api_key)
    request_id = caller.accepted()
    with pytest.raises(ConnectionResetError):
        caller.read(request_id)
    assert [json.loads(caller.read(request_id).body)["status"] for _ in range(2)] == ["odd", "queued"]


def test_what_chance_decides_is_in_the_journal(scripted_world_of: ScriptedWorldOf) -> None:
    """A dry run foretells each call; a call that was let through says so, with what was drawn; the same seed repeats it."""

    def run() -> list[tuple[int, str]]:
        scripted = scripted_world_of(Rule(when="generate", reply=Reply(503), probability=0.5), seed=5)
        for _ in range(8):
            asked = {"method": "POST", "path": GENERATE, "body": {"prompt": "A bear"}}
            foretold = scripted.caller.call("POST", "/_sim/explain", asked).json()["exchange"]["status"]
            assert foretold == scripted.caller.generate().status
        return [(each["status"], each["reason"].partition("; ")[2]) for each in scripted.journal()]

    seen = run()
    assert {status for status, _ in seen} == {202, 503}
    for status, reason in seen:
        told = "rule 1: when generate, probability 0.5 let it through: it drew 0."
        assert reason.startswith(told) == (status == 202)
    assert run() == seen


def test_an_outage_on_the_clock(scripted_world_of: ScriptedWorldOf) -> None:
    """Of ten seconds, as a script of the server has it, counted from the beginning of the world."""
    scripted = scripted_world_of(Rule(when="submit", reply=Reply(503), since=10, until=20))
    seen: list[int] = []
    for _ in range(3):
        seen.append(scripted.caller.generate().status)
        scripted.caller.advance(10)
    assert seen == [202, 503, 202]
