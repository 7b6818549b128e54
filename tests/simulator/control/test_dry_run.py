"""What would happen to a request, explained without letting it happen."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from random import Random
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import unquote

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from tests.caller import GENERATE, IMAGE_TO_VIDEO, KEY_HEADER, STATUS
from tests.simulator.samples import data_url, png

from pixazo_simulator.gateway.exchange import Response
from pixazo_simulator.server.asgi import Application
from pixazo_simulator.server.files import read_videos
from pixazo_simulator.spec.policy import Policy, RateLimit
from pixazo_simulator.world.journal import Exchange
from pixazo_simulator.world.registry import Settings, Worlds
from pixazo_simulator.world.world import World

HOST = "127.0.0.1:8900"
UNKNOWN = "minimax-hailuo-ai_019d4355-f500-7000-8000-00000000ffff"


def plainly(response: Response) -> Iterator[Response | bytes]:
    """The steps that send a response at once and whole, whatever a fault wants."""
    yield response
    yield response.body


@dataclass
class Bench(AbstractContextManager["Bench"]):
    """A server with two worlds, `sim-key` and `other-key`, without a socket: requests happen, or are explained."""

    app: Application = field(
        default_factory=lambda: Application(Worlds(Settings(keys=("sim-key", "other-key")), read_videos()))
    )
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    def __exit__(self, *_: object) -> None:
        self.runner.close()

    def control(self, method: str, path: str, content: object = None, key: str | None = "sim-key") -> Any:
        """What a control route answers, which must succeed."""
        body = b"" if content is None else json.dumps(content).encode()
        status, reported = self.runner.run(self.app.control.answer(method, path, "", body, host=HOST, key=key or ""))
        assert status < 300, reported
        return json.loads(reported)

    def explained(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Any:
        """What the simulator says would happen to a request."""
        content = {"method": method, "path": path, "headers": dict(headers or {})} | (
            {} if body is None else {"body": body}
        )
        return self.control("POST", "/_sim/explain", content)

    def asked(self, question: bytes) -> tuple[int, Any]:
        """What the route that explains answers to such a body."""
        answering = self.app.control.answer("POST", "/_sim/explain", "", question, host=HOST, key="sim-key")
        status, reported = self.runner.run(answering)
        return status, json.loads(reported)

    def send(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> int:
        """Let a request happen, with the headers that a client sends; faults strike nobody. Gives the status."""
        content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        typed = {} if body is None or isinstance(body, str) else {"content-type": "application/json"}
        usual = {"host": HOST, "content-length": str(len(content)), KEY_HEADER.lower(): "sim-key", **typed}
        named = {name.lower(): value for name, value in (headers or {}).items()}
        fields = [*named.items(), *((name, value) for name, value in usual.items() if name not in named)]
        plain, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http", "method": method, "path": unquote(plain), "query_string": query.encode(), "root_path": "", "scheme": "http",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in fields],
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content}

        async def deliver(message: Any) -> None:
            sent.append(message)

        with patch("pixazo_simulator.server.responder.transmitted", plainly):
            self.runner.run(self.app(scope, receive, deliver))
        return int(sent[0]["status"])

    def latest(self, key: str | None = "sim-key") -> Any:
        """The latest exchange of a world, or of the unmatched requests; None when there is none."""
        if key is not None and self.app.worlds.get(key) is None:
            return None
        exchanges = self.control("GET", "/_sim/journal", key=key) if key else self.control("GET", "/_sim/unmatched")
        return exchanges["exchanges"][-1] if exchanges["exchanges"] else None

    def accepted(self, prompt: str = "A bear") -> str:
        """The request id of a submit that happened."""
        assert self.send("POST", GENERATE, {"prompt": prompt}) == 202
        request_id: str = self.latest()["request_id"]
        return request_id


def state(thing: object) -> object:
    """Everything that a thing consists of, down to numbers and texts, so that two moments can be compared; not what was looked up in it."""
    if thing is None or isinstance(thing, (str, bytes, int, float)):
        return thing
    if isinstance(thing, Random):
        return thing.getstate()
    if isinstance(thing, (list, tuple, deque)):
        return [state(each) for each in cast("list[object]", thing)]
    if isinstance(thing, dict):
        return [(state(name), state(value)) for name, value in cast("dict[object, object]", thing).items()]
    if callable(thing) or isinstance(thing, Policy):
        return repr(thing)
    if isinstance(thing, msgspec.Struct):
        return [state(getattr(thing, name)) for name in thing.__struct_fields__]
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ()) if name != "__weakref__"]
    return [
        (name, state(getattr(thing, name))) for name in [*slots, *getattr(thing, "__dict__", ())] if name != "_about"
    ]


Change = Callable[[Bench, World], object]
CHANGES: dict[str, Change] = {
    "a rule is used": lambda bench, _: bench.send("GET", f"{STATUS}{UNKNOWN}"),
    "a submit": lambda bench, _: bench.accepted(),
    "a call of nobody": lambda bench, _: bench.send("GET", "/nowhere", headers={KEY_HEADER: ""}),
    "a fault draws": lambda _, world: world._draws().getrandbits(64),  # pyright: ignore[reportPrivateUsage]  # as each fault does
    "the rate is counted": lambda _, world: world.account.quota.take(RateLimit(2, 9), 5),
    "money": lambda _, world: world.account.ledger.adjust(world.clock.now(), 7),
    "time": lambda bench, _: bench.control("POST", "/_sim/clock/advance", {"seconds": 1}),
    "a switch": lambda bench, _: bench.control("PATCH", "/_sim/world", {"suspended": True}),
    "a new world": lambda bench, _: bench.send("GET", f"{STATUS}x", headers={KEY_HEADER: "sim-broken-1"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_comparison_sees_every_change(change: Change) -> None:
    """Otherwise the law below would say nothing."""
    with Bench() as bench:
        world = bench.app.worlds.get("sim-key")
        assert world
        bench.control("POST", "/_sim/script/rules", {"when": "status", "reply": {"status": 500}, "after": 9})
        bench.app.worlds.unmatched.record(Exchange(0, 0, "GET", "/", [], b"", 0, 404, b"", ""))
        before = state(bench.app.worlds)
        assert state(bench.app.worlds) == before
        change(bench, world)
        assert state(bench.app.worlds) != before


Step = tuple[str, Any]
"""Something that happened before: a submit, a read, a wait, a change of the world, a rule."""
RULES: list[dict[str, Any]] = [
    {"when": "generate", "reply": {"status": 429, "retry_after": 2}, "times": 1},
    {"when": "generate", "match": {"prompt": {"contains": "bear"}}, "end": {"status": "FAILED", "error": "no bears"}, "after": 1},
    {"when": "submit", "faults": [{"fault": "stuck"}], "times": 2},
    {"when": "submit", "faults": [{"fault": "reply_lost"}], "times": 1, "then": [{"reply": {"status": 503, "text": "no"}}]},
    {"when": "status", "faults": [{"fault": "garbled_body"}, {"fault": "lognormal_delay", "median": 0.1}], "after": 1},
    {"when": "status", "faults": [{"fault": "unknown_status", "word": "ARCHIVED"}], "times": 1},
    {"when": "status", "faults": [{"fault": "not_found_window", "seconds": 3}]},
    {"when": "media", "faults": [{"fault": "truncated_body", "keep": 0.5}, {"fault": "uniform_delay", "low": 0, "high": 1}]},
    {"when": "media", "faults": [{"fault": "media_gone", "status": 410}], "times": 1},
    {"when": "request", "faults": [{"fault": "connection_reset", "committed": False}], "times": 1},
    {"when": "webhook", "faults": [{"fault": "before_reply"}], "times": 1},
]  # fmt: skip
SETTING_CHANGES: list[dict[str, Any]] = [
    {"balance": "0.30"}, {"suspended": True}, {"model_enabled": False}, {"policy": {"rate_limit": "1/60"}},
    {"policy": {"job_times": "1-9+5-50", "request_id": "thirteen"}}, {"policy": {"query_key": "accept", "unknown_id": "403_foreign"}},
    {"policy": {"retention": "status=10,media=5"}}, {"policy": {"callback_url": "challenge"}},
]  # fmt: skip
PROMPTS = ["A bear", "A cat", "", "[[sim:after 2]]", "[[sim:error no]]", "[[sim:stuck]]"]
HOOK = {"X-Webhook-URL": "http://127.0.0.1:9/hook"}

steps = st.lists(
    st.tuples(st.just("submit"), st.sampled_from(PROMPTS))
    | st.tuples(st.just("read"), st.none())
    | st.tuples(st.just("advance"), st.sampled_from([0.5, 3, 20, 500]))
    | st.tuples(st.just("change"), st.sampled_from(SETTING_CHANGES))
    | st.tuples(st.just("rule"), st.sampled_from(RULES)),
    max_size=8,
)
KEYS: list[dict[str, str]] = [
    {}, {}, {}, {}, {KEY_HEADER: ""}, {KEY_HEADER: "a-key-of-nobody"}, {KEY_HEADER: "other-key"}, {KEY_HEADER: "sim-empty-wallet-9"},
    {KEY_HEADER: "sim-throttled-briefly"},
]  # fmt: skip
requests = st.tuples(
    st.sampled_from(
        [("POST", GENERATE)] * 4 + [("GET", f"{STATUS}ID")] * 3 + [("GET", "/v1/ID/output.mp4")] * 2
        + [
            ("POST", IMAGE_TO_VIDEO), ("HEAD", "/v1/ID/output.mp4"), ("POST", "/v1/ID/output.mp4"), ("GET", f"{STATUS}{UNKNOWN}"),
            ("GET", GENERATE), ("PUT", "/"), ("POST", "/minimax-other/v1/generate"), ("POST", "/minimax-hailuo-ai/v1/generat"),
            ("GET", f"{STATUS}ID?subscription-key=sim-key"), ("GET", f"{STATUS}%C3%A4%20"),
        ]
    ),
    st.sampled_from([
        None, "", "{", {"prompt": "A bear"}, {"prompt": "A cat", "duration": 10}, {"prompt": 7}, {"prompt": "[[sim:failed no]]"},
        {"prompt": "A bear", "first_frame_image": data_url(png(400, 400)), "callback_url": "http://127.0.0.1:9/member"},
    ]),
    st.sampled_from(KEYS),
    st.sampled_from([{}, HOOK, {"content-type": "text/plain"}, {"Host": "gateway.pixazo.ai"}]),
)  # fmt: skip


def lived(bench: Bench, happened: list[Step]) -> str:
    """Let it happen, and give the request id of the first submit that was accepted."""
    first = UNKNOWN
    for kind, what in happened:
        if kind == "submit":
            bench.send("POST", GENERATE, {"prompt": what}, HOOK)
            first = next((each["request_id"] for each in generations(bench)), UNKNOWN)
        elif kind == "read":
            bench.send("GET", f"{STATUS}{first}")
        elif kind == "advance":
            bench.control("POST", "/_sim/clock/advance", {"seconds": what})
        elif kind == "change":
            bench.control("PATCH", "/_sim/world", what)
        else:
            bench.control("POST", "/_sim/script/rules", what)
    return first


def generations(bench: Bench, key: str = "sim-key") -> list[Any]:
    """What a world has accepted."""
    reported: list[Any] = bench.control("GET", "/_sim/generations", key=key)["generations"]
    return reported


def holdings(bench: Bench, key: str) -> tuple[list[Any], list[Any]]:
    """The generations of a world and what was taken for them; none of either when there is no such world."""
    if bench.app.worlds.get(key) is None:
        return [], []
    entries = bench.control("GET", "/_sim/ledger", key=key)["entries"]
    return generations(bench, key), [each["amount"].removeprefix("-") for each in entries if each["kind"] == "debit"]


def comes_true(happened: list[Step], request: Any) -> str:
    """Explain a request twice, see that nothing has changed, then let it happen as explained; returns what was answered."""
    (method, path), body, key, more = request
    with Bench() as bench:
        path, headers = path.replace("ID", lived(bench, happened)), {**key, **more}
        before = state(bench.app.worlds)
        explanation = bench.explained(method, path, body, headers)
        assert bench.explained(method, path, body, headers) == explanation
        assert state(bench.app.worlds) == before

        holder = headers.get(KEY_HEADER, "sim-key")
        had, paid = holdings(bench, holder)
        bench.send(method, path, body, headers)
        logs = [bench.latest("sim-key"), bench.latest("other-key"), bench.latest(None), bench.latest(holder)]
        assert explanation["exchange"] in [each for each in logs if each]
        has, spent = holdings(bench, holder)
        new = [each for each in has if each["request_id"] not in [other["request_id"] for other in had]]
        assert [explanation["price"]] * len(new) == spent[len(paid) :]
        assert new == ([explanation["generation"]] if explanation["price"] else [])
        return f"{method} answered {explanation['exchange']['status']}"


@pytest.mark.slow
@settings(max_examples=120)
@given(happened=steps, request=requests)
def test_a_dry_run_changes_nothing_and_comes_true(happened: list[Step], request: Any) -> None:
    """No counter, random source or world differs afterwards, whatever happened before; then it comes true."""
    event(comes_true(happened, request))


SETTINGS: list[Step] = [*(("rule", rule) for rule in RULES), *(("change", content) for content in SETTING_CHANGES)]
QUESTIONS: list[Any] = [
    (("POST", GENERATE), {"prompt": "A bear"}, {}, HOOK),
    (("GET", f"{STATUS}ID"), None, {}, {}),
    (("GET", "/v1/ID/output.mp4"), None, {}, {}),
]  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: json.dumps(each[1]))
@pytest.mark.parametrize("seconds", [0, 20])
def test_every_rule_and_every_setting_is_explained_as_it_is(setting: Step, seconds: float) -> None:
    """It holds for a submit, a read and a download, while a callback is pending, and when all has ended."""
    for question in QUESTIONS:
        comes_true([("submit", "A bear"), setting, ("advance", seconds)], question)


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A server of its own."""
    with Bench() as made:
        yield made


def test_a_submit_that_would_be_accepted(bench: Bench) -> None:
    """Its response, price, plan and callbacks are explained, in words too."""
    explanation = bench.explained("post", GENERATE, {"prompt": "A bear [[sim:failed no]]"}, HOOK)
    identity = explanation["generation"]["request_id"]
    assert explanation["summary"] == f"POST {GENERATE} gets 202: accepted {identity}"
    assert (explanation["price"], explanation["rules"]) == ("0.35", [])
    assert explanation["generation"]["plan"] == {
        "queued": 2.0,
        "processing": 13.0,
        "outcome": "FAILED",
        "error": "no",
        "queued_polls": None,
        "processing_polls": None,
    }
    (delivery,) = explanation["deliveries"]
    assert (delivery["url"], delivery["due_at"]) == (HOOK["X-Webhook-URL"], "2026-03-31T10:00:15.000Z")
    assert explanation["exchange"]["response"]["body"] == {
        "request_id": identity, "status": "QUEUED", "polling_url": f"http://{HOST}{STATUS}{identity}",
    }  # fmt: skip
    assert explanation["exchange"]["request"]["headers"] == {
        "x-webhook-url": "http://127.0.0.1:9/hook", "host": HOST, "content-length": "38", "content-type": "application/json",
        KEY_HEADER.lower(): "[redacted]",
    }  # fmt: skip


def test_a_url_of_the_simulator_is_explained_as_its_path(bench: Bench) -> None:
    """As one copies it from a test."""
    explanation = bench.explained("GET", f"http://{HOST}{STATUS}x?y=http://{HOST}/")
    assert explanation["exchange"]["target"] == f"{STATUS}x?y=http://{HOST}/"
    bench.control("PATCH", "/_sim/world", {"policy": {"public_origin": "https://a.test/pixazo"}})
    assert bench.explained("GET", f"https://a.test/pixazo{STATUS}x")["exchange"]["target"] == f"{STATUS}x"


def test_an_ignored_webhook_url_is_explained(bench: Bench) -> None:
    """The reason says which, and why; no callback is announced."""
    bench.control("PATCH", "/_sim/world", {"policy": {"http_webhook_url": "refuse", "bad_webhook_url": "ignore"}})
    explanation = bench.explained("POST", GENERATE, {"prompt": "A bear"}, HOOK)
    assert explanation["deliveries"] == []
    assert explanation["summary"].endswith(
        "; X-Webhook-URL ignored: it is http (policies http_webhook_url=refuse, bad_webhook_url=ignore): "
        "give an https URL, or set http_webhook_url=accept"
        "; policy http_webhook_url=refuse (vendor); policy bad_webhook_url=ignore (assumed)"
    )


def test_a_misspelt_parameter_is_explained(bench: Bench) -> None:
    """It is accepted, and the reason names the parameter that was probably meant."""
    explanation = bench.explained("POST", GENERATE, {"prompt": "A bear", "durations": 10})
    meant = "durations is not a parameter of this operation (did you mean duration?)"
    assert explanation["summary"].endswith(
        f"; {meant}: ignored by policy unknown_members; policy unknown_members=ignore (observed)"
    )


def test_the_rule_that_decides_and_the_others(bench: Bench) -> None:
    """Each says why it does not, the nearest first."""
    for rule in (
        {"when": "status", "reply": {"status": 500}},
        {"when": "generate", "match": {"prompt": {"contains": "bear"}, "duration": 6}, "reply": {"status": 503}},
        {"when": "generate", "match": {"prompt": {"contains": "bear"}}, "end": {"status": "ERROR"}, "name": "bears"},
        {"when": "generate", "reply": {"status": 400}},
    ):
        bench.control("POST", "/_sim/script/rules", rule)
    explanation = bench.explained("POST", GENERATE, {"prompt": "A bear"})
    assert explanation["summary"].endswith("; rule 3: bears decides")
    assert explanation["generation"]["plan"]["outcome"] == "ERROR"
    assert [(each["number"], each["decides"], each["differences"]) for each in explanation["rules"]] == [
        (3, True, []),
        (2, False, ["duration is absent, expected: equals 6"]),
        (4, False, ["rule 3 comes first"]),
        (1, False, ["it is about status, this is generate"]),
    ]


def test_the_nearest_rule_when_none_decides(bench: Bench) -> None:
    """What differed is said in the summary; a rule about something else is not near."""
    bench.control(
        "POST", "/_sim/script/rules", {"when": "generate", "match": {"prompt": "A cat"}, "reply": {"status": 500}}
    )
    explanation = bench.explained("POST", GENERATE, {"prompt": "A bear"})
    assert explanation["summary"].endswith(
        "; no rule decides; nearest is rule 1: when generate, prompt equals 'A cat': prompt is 'A bear', expected: equals 'A cat'"
    )
    assert "rule" not in bench.explained("GET", f"{STATUS}{UNKNOWN}")["summary"]


def test_a_rule_that_only_plans_has_no_say_in_a_refusal(bench: Bench) -> None:
    bench.control("POST", "/_sim/script/rules", {"when": "generate", "end": {"status": "FAILED"}, "times": 1})
    explanation = bench.explained("POST", GENERATE, {"prompt": ""})
    assert (explanation["exchange"]["status"], explanation["exchange"]["rule"], explanation["price"]) == (
        400,
        None,
        None,
    )
    (rule,) = explanation["rules"]
    assert (rule["decides"], rule["differences"]) == (
        False,
        ["the request is refused, so there is no generation to plan"],
    )


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "part"),
    [
        ("GET", f"{STATUS}x", {KEY_HEADER: ""}, 401, "the key is missing: send it in the header Ocp-Apim-Subscription-Key"),
        ("POST", GENERATE, {KEY_HEADER: "nobody"}, 401, "no world has the key that was sent"),
        ("POST", "/minimax-hailuo-ai/v1/generat", {}, 404, f"(did you mean POST {GENERATE}?)"),
        ("POST", GENERATE, {KEY_HEADER: "sim-empty-wallet"}, 402, "Insufficient Balance: Your wallet does not have enough balance."),
        ("GET", "/v1/x/output.mp4", {}, 404, "no generation has this request id"),
    ],
)  # fmt: skip
def test_a_request_that_would_be_refused(
    bench: Bench, method: str, path: str, headers: dict[str, str], status: int, part: str
) -> None:
    """The summary says why and what to do; a magic key opens no world."""
    explanation = bench.explained(method, path, {"prompt": "A bear"} if method == "POST" else None, headers)
    assert explanation["exchange"]["status"] == status
    assert part in explanation["summary"]
    assert "\n" not in explanation["summary"]
    assert len(bench.app.worlds) == 2


def test_a_fault_in_a_dry_run_is_not_injected_and_takes_no_time(bench: Bench) -> None:
    """The explanation shows what the caller would not get."""
    bench.control(
        "POST",
        "/_sim/script/rules",
        {"when": "status", "faults": [{"fault": "delay", "seconds": 3600}, {"fault": "hang"}]},
    )
    explanation = bench.explained("GET", f"{STATUS}{bench.accepted()}")
    assert explanation["exchange"]["faults"] == ["delay", "hang"]
    assert explanation["summary"].endswith(
        "; rule 1: when status decides (delay, hang); nothing was sent, then the connection was held open until the caller gave up"
    )


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"method": "GET", "path": "/_sim/world"}, "path '/_sim/world' is a route of the simulator, not of the gateway"),
        ({"method": "GET", "path": "/.well-known/pixazo-target"}, "is a route of the simulator, not of the gateway"),
        ({"method": "GET", "path": "nowhere"}, "path 'nowhere': give path and query, percent-encoded, that begin with '/'"),
        ({"method": "GET", "path": "/a b"}, "path '/a b': give path and query, percent-encoded, that begin with '/'"),
        (
            {"method": "GET", "path": "http://a.b/x"},
            f"path 'http://a.b/x' is not a URL of this simulator: give path and query, or begin with http://{HOST}",
        ),
        ({"method": "GET", "path": f"http://{HOST}/_sim/world"}, "path '/_sim/world' is a route of the simulator"),
        ({"method": "G T", "path": "/"}, "method 'G T': give an HTTP method"),
        ({"method": "GET"}, "`path` is missing: add it"),
        ({"method": "GET", "path": "/", "headers": {"x-ä": "b"}}, "header 'x-ä': 'b' cannot be sent"),
        ({"method": "GET", "path": "/", "headers": {"x": "€"}}, "header 'x': '€' cannot be sent"),
        ({"method": "GET", "path": "/", "heders": {}}, "(did you mean headers?)"),
    ],
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused(bench: Bench, content: object, complaint: str) -> None:
    status, reported = bench.asked(json.dumps(content).encode())
    assert status == 400
    assert complaint in reported["message"]


@pytest.mark.parametrize("depth", [100, 480, 900])
def test_a_body_of_any_depth_is_explained(bench: Bench, depth: int) -> None:
    """It is sent as it was written, and is no JSON object."""
    nested = b"[" * depth + b"]" * depth
    status, reported = bench.asked(b'{"method":"POST","path":"%s","body": %s}' % (GENERATE.encode(), nested))
    exchange = reported["exchange"]
    assert (status, exchange["status"], exchange["request"]["length"]) == (200, 400, 2 * depth)


def test_a_body_that_is_nested_too_deeply_is_refused(bench: Bench) -> None:
    nested = b"[" * 100_000 + b"]" * 100_000
    status, reported = bench.asked(b'{"method":"POST","path":"/","body": %s}' % nested)
    assert (status, reported["error"]) == (400, "Control request refused")


@pytest.mark.parametrize(("more", "status"), [(0, 200), (1, 400)])
def test_the_head_of_what_is_explained_is_bounded(bench: Bench, more: int, status: int) -> None:
    """As that of a real request is."""
    content = {"method": "GET", "path": "/" + "a" * 40_000, "headers": {"x-a": "b" * (25_532 + more)}}
    answered, reported = bench.asked(json.dumps(content).encode())
    assert answered == status
    assert ("path and headers are longer than 65536 bytes: the gateway responds with 431" in str(reported)) == bool(
        more
    )


def test_explaining_leaves_pending_callbacks_as_they_are(bench: Bench) -> None:
    """Their twins are posted by the rule that wants callbacks before the answer, and only those have attempts."""
    bench.control("PATCH", "/_sim/world", {"policy": {"job_times": "0+0"}})
    rules = [{"when": "webhook", "match": {"attempt": 1}, "faults": [{"fault": "before_reply"}]}]
    assert bench.send("POST", GENERATE, {"prompt": "A bear"}, HOOK) == 202
    bench.control("PUT", "/_sim/script", {"rules": rules})
    before = bench.control("GET", "/_sim/deliveries")
    explanation = bench.explained("POST", GENERATE, {"prompt": "A cat"}, HOOK)
    assert [len(each["attempts"]) for each in explanation["deliveries"]] == [1]
    assert bench.control("GET", "/_sim/deliveries") == before
    assert [len(each["attempts"]) for each in before["deliveries"]] == [0]


def test_explaining_a_download_does_not_fork_every_world(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be thousands of worlds: only the one that has the generation is forked."""
    forks: list[str] = []
    make = World.fork_at

    def fork_at(self: World, now: int) -> World:
        forks.append(self.key)
        return make(self, now)

    monkeypatch.setattr(World, "fork_at", fork_at)
    assert bench.explained("GET", f"/v1/{UNKNOWN}/output.mp4")["exchange"]["status"] == 404
    assert forks == []
    request_id = bench.accepted()
    bench.control("POST", "/_sim/clock/advance", {"seconds": 60})
    assert bench.explained("GET", f"/v1/{request_id}/output.mp4")["exchange"]["status"] == 200
    assert forks == ["sim-key"]
