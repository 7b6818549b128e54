"""Planted keys and secrets: no control route tells them to anybody, nor does a line of the log."""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller, over_http
from tests.receiver import Receiver, http_response

from pixazo_simulator.control import ROUTES, to_json
from pixazo_simulator.control.client import ControlClient, ControlError
from pixazo_simulator.control.openapi import REQUESTS
from pixazo_simulator.control.route import ControlRoute
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.server.threaded import SimulatorError
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.registry import Settings

LONG, SHORT, DEFAULT = "canary-7f3a91c2d4", "q7-Zk", "sim-key"
SIGNED = PROFILES["documented"].changed({"webhook_signature": "standard"})
KEYS = (LONG, SHORT, DEFAULT)
OTHER = "another-caller-of-the-server"
SECRET = "hunter2-S3cr3t"
UNKNOWN = "a-real-key-sent-by-mistake-91"
LAST = ("setScript", "clearScript", "deleteWorld")
ORDER = sorted(ROUTES, key=lambda route: LAST.index(route.name) if route.name in LAST else -1)
"""Every route, also one that comes later; those come last after which there is less to be asked."""


@dataclass
class Shown:
    """What was answered and logged, by who asked for what, and with which status."""

    texts: dict[str, str]

    def leaks(self, secret: str) -> list[str]:
        """The answers in which a secret stands, in any of its spellings: a short one as a word of its own."""
        spelled = {
            secret,
            quote(secret, safe=""),
            json.dumps(secret)[1:-1],
            base64.b64encode(secret.encode()).decode().rstrip("=")[:-1],
        }
        found = "|".join(map(re.escape, sorted(spelled)))
        pattern = re.compile(found if len(secret) >= 8 else rf"(?<![\w-])(?:{found})(?![\w-])")
        return [
            f"{who}: …{text[max(0, at.start() - 60) : at.end() + 20]}…"
            for who, text in self.texts.items()
            for at in pattern.finditer(text)
        ]


def plant(caller: Caller, words: list[str], hook: str) -> None:
    """Say each of them wherever a caller can say anything."""
    typed = {"Content-Type": "application/json"}
    for word in words:
        coded, escaped = "".join(f"%{ord(each):02x}" for each in word), "".join(f"\\u{ord(each):04x}" for each in word)
        basic = base64.b64encode(f"user:{word}".encode()).decode()
        caller.generate(
            f"A bear {word}, {coded} {basic}",
            webhook=f"{hook}/{word}?word={word}&again={coded}",
            callback_url=f"{hook}/?{quote(word)}",
        )
        caller.generate(word * 300, resolution=word)
        caller.generate("x" * 16_300 + f" {word} " * 20)
        caller.call(
            "POST",
            GENERATE,
            {word: [word]},
            {"X-Any": f"is {word}", "Referer": f"http://a.test/?a={word}", "Cookie": word},
        )
        caller.call("POST", GENERATE, b'{"prompt": "%s", "x": {"%s": 1}}' % (escaped.encode(), escaped.encode()), typed)
        caller.call("POST", GENERATE, f"no json {word} {escaped}".encode(), typed)
        caller.call("POST", GENERATE, {"prompt": 1}, {"Content-Type": f"text/{word}", "X-Auth": f"Basic {basic}"})
        caller.call("GET", f"/v2/requests/status/{coded}?a={coded}")
        caller.call("GET", f"/{quote(word)}/{coded}?subscription-key={coded}&x={word}", headers={KEY_HEADER: ""})
        caller.call(
            "DELETE",
            f"/{word}",
            headers={KEY_HEADER: f"{UNKNOWN}", "X-Any": f"{word} {UNKNOWN}", "X-Url": f"/{UNKNOWN}"},
        )
        rule = {
            "when": "generate",
            "match": {"prompt": {"contains": f"never {word}"}, "headers": {"x-any": word}},
            "reply": {"status": 418, "text": word},
        }
        caller.call("POST", "/_sim/script/rules", rule)
        caller.call("POST", "/_sim/script/rules", {**rule, "name": f"a rule about {word}"})


def plant_secret(caller: Caller, hook: str) -> None:
    """Say it under names that look like secrets."""
    named = {
        "X-Auth-Token": SECRET,
        "X-Client-Secret": SECRET,
        "X-Signature": SECRET,
        "X-Webhook-URL": f"{hook.replace('://', f'://me:{SECRET}@')}/?token={SECRET}",
    }
    body = {
        "prompt": f"A bear at {hook}/?access_token={SECRET}",
        "apiKey": SECRET,
        "deep": [{"passwords": [SECRET, {"a": SECRET}]}],
    }
    caller.call("POST", GENERATE, body, named)
    caller.call("POST", GENERATE, {**body, "prompt": "x" * 16_100}, named)
    caller.call(
        "POST",
        f"{GENERATE}?sig={SECRET}&a=b",
        f"password={SECRET}&a=b".encode(),
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    caller.call("GET", f"/nowhere?credential={SECRET}", headers={KEY_HEADER: "", "Authorization": f"Bearer {SECRET}"})
    match = {"headers": {"authorization": SECRET}, "body": {"apiKey": {"contains": SECRET}}}
    caller.call(
        "POST",
        "/_sim/script/rules",
        {"when": "generate", "match": match, "reply": {"status": 418, "json": {"token": SECRET}}},
    )
    caller.call("POST", GENERATE, body, named)


def walk(shown: dict[str, str], who: str, caller: Caller) -> None:
    """Ask every route for what it is made for, and for what it must refuse, with planted words in the question."""
    for route in ORDER:
        for number, question in enumerate(questions(route)):
            target, body, headers = question
            if route.name == "status":
                target += f"{'&' if '?' in target else '?'}request_id={caller.sim('generations')['generations'][0]['request_id']}"
            reply = caller.call(route.method, target, body, headers)
            is_text = reply.headers["content-type"].startswith("text/")
            reply_body: Any = reply.body.decode() if is_text else reply.json()
            if route.name == "createWorld" and reply.status == 201:
                assert reply_body.pop("key")  # its holder sees it
            shown[f"{who} {route.name} {number} {reply.status}"] = json.dumps(reply_body, ensure_ascii=False)


def questions(route: ControlRoute) -> Iterator[tuple[str, object, dict[str, str]]]:
    """Target, body and headers."""
    path = route.path.replace("{number}", "1")
    bodies: list[Any] = [REQUESTS.get(route.name)]
    if route.name == "waitFor":
        kinds = ("exchanges", "deliveries", "generations")
        bodies = [{kind: {"count": 1000, "request_id": "nobody's"}, "timeout": 0} for kind in kinds]
        bodies += [{"exchanges": {"path": {"contains": LONG}, "reason": "none"}, "timeout": 0}]
        bodies += [{"exchanges": {"count": 5}, "timeout": 0}]
    if route.name == "verify":
        bodies += [{"exchanges": {}, "at_least": 0}, {"exchanges": {}, "at_most": 0}, {"deliveries": {}, "at_most": 0}]
        bodies += [{"sequence": [{"path": {"contains": LONG}, "reason": "none"}]}]
    if route.name == "explain":
        bodies += [
            {
                "method": "POST",
                "path": f"{GENERATE}?a={SHORT}",
                "headers": {"X-A": LONG, "Authorization": SECRET},
                "body": {"prompt": f"{LONG} {SHORT} {DEFAULT}", "token": SECRET},
            }
        ]
        bodies += [{"method": "GET", "path": f"/{LONG}", "headers": {KEY_HEADER: UNKNOWN, "x": UNKNOWN}}]
    if route.name == "createWorld":
        bodies += [{"key": key} for key in KEYS]
    if route.reads_query:
        yield path, None, {}
        yield f"{path}?limit={LONG}", None, {}
        if route.name in ("journal", "unmatched"):
            yield f"{path}?status=418&method=GET&path=/", None, {}
        if route.name == "status":
            yield f"{path}?at={LONG}", None, {}
        return
    for body in bodies:
        yield path, body, {}
    yield f"{path}/{LONG}", {}, {}
    for key in (LONG, SHORT):
        yield path, {key: 1}, {}
        yield path, {"key": key, "method": key, "rules": key, "hosts": [f"{key}/"], "when": key, "seconds": key}, {}


@pytest.fixture(scope="module")
def shown() -> Shown:
    """Everything is planted by the holders, by another caller, and by nobody; then everybody asks everything."""
    texts: dict[str, str] = {}
    log = logging.getLogger("pixazo_simulator")
    lines: list[str] = []
    listening = logging.Handler()
    listening.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]  # it is all that is needed
    level = log.level
    log.addHandler(listening)
    log.setLevel(logging.DEBUG)
    with (
        Receiver(http_response(500, f"no {LONG}".encode())) as listener,
        Simulator(Settings(keys=(*KEYS, OTHER), policy=SIGNED), state="memory-log") as simulator,
    ):
        send = over_http(simulator.url)
        callers = {key: Caller(send, key) for key in (*KEYS, OTHER)}
        for caller in callers.values():
            plant(caller, list(KEYS), listener.url)
            plant_secret(caller, listener.url)
        for key in (OTHER, *KEYS):
            walk(texts, f"the holder of {key[:2]}…" if key != OTHER else "another", callers[key])
        texts["discovery document"] = callers[OTHER].call("GET", "/.well-known/pixazo-target").body.decode()
        texts |= {
            f"unmatched after all, {n}": callers[OTHER].call("GET", f"/_sim/unmatched?after={n}&limit=20").body.decode()
            for n in range(0, 40, 20)
        }
    log.removeHandler(listening)
    log.setLevel(level)
    texts |= {f"line {number} of the log": line for number, line in enumerate(lines)}
    texts |= {f"error {number}": text for number, text in enumerate(errors())}
    assert len(lines) > 20
    assert sum("[redacted]" in text for text in texts.values()) > 20
    assert sum("[hidden]" in text for text in texts.values()) > 5
    return Shown(texts)


def errors() -> Iterator[str]:
    """What exceptions say, to callers of this process and over HTTP."""
    gone = ControlClient(f"http://user:{SECRET}@127.0.0.1:9", LONG)
    with Simulator(Settings(keys=(OTHER,))) as simulator:
        for call in (
            lambda: simulator.advance(1, api_key=LONG),
            lambda: simulator.control(LONG).world(),
            lambda: simulator.control().create_world(key=OTHER),
            lambda: simulator.control().create_world(key=f" {LONG}"),
            lambda: gone.journal(path=LONG),
            lambda: ControlClient(f"ftp://user:{SECRET}@127.0.0.1:9?key={LONG}"),
        ):
            with pytest.raises((ControlError, SimulatorError, ValueError)) as raised:
                call()
            yield f"{raised.value} {getattr(raised.value, 'body', '')}"


PLANTED = {"long": LONG, "short": SHORT, "default": DEFAULT, "opens nothing": UNKNOWN, "looks like a secret": SECRET}


@pytest.mark.slow
@pytest.mark.parametrize("what", PLANTED)
def test_nothing_that_is_secret_is_shown(shown: Shown, what: str) -> None:
    """By no listing, refusal, explanation, error or log record, to its holder or to others, in any spelling.

    Neither a key, which may be a real one that opens nothing here, nor the values of names in headers, queries, forms, members and URLs.
    """
    assert shown.leaks(PLANTED[what]) == []


@pytest.mark.slow
def test_every_route_did_what_was_asked(shown: Shown) -> None:
    """Else its refusals alone would have been looked at; nobody waits for what never comes."""
    done = {name.split()[-3] for name in shown.texts if re.search(r" \w+ \d+ 20\d$", name)}
    assert done == {route.name for route in ROUTES}


def test_the_key_of_a_deleted_world_is_not_shown() -> None:
    """What was recorded about it is still there."""
    with Simulator(Settings(keys=(OTHER,))) as simulator:
        gone = simulator.control().create_world(key=LONG)
        caller = Caller(over_http(simulator.url), OTHER)
        caller.generate(f"A bear of {LONG}")
        gone.delete_world()
        caller.generate(f"A bear of {LONG}")
        prompts = [each["request"]["body"]["prompt"] for each in caller.sim("journal")["exchanges"]]
    assert prompts == ["A bear of [redacted]", "A bear of [redacted]"]


def test_a_route_that_forgets_to_redact_shows_no_key() -> None:
    """The response of every route is redacted once more on its way out."""
    with Simulator(Settings(keys=(LONG, OTHER))) as simulator:
        caller = Caller(over_http(simulator.url), OTHER)
        reply = caller.call("POST", "/_sim/worlds", {"clock": f"as {LONG} says"})
    assert reply.status == 400
    assert reply.json()["message"] == "clock 'as [redacted] says' is not one of real, manual, xN (for example x20)"


def test_a_key_beyond_the_headers_that_are_kept_is_shown_nowhere(simulator: Simulator) -> None:
    """By the unmatched requests and by an explanation; whoever sends more secrets than are kept sees no more of it."""
    send = over_http(simulator.url)
    long = {f"X-P{number}": "x" * 4000 for number in range(3)}
    head, body = {**long, KEY_HEADER: UNKNOWN}, {"prompt": UNKNOWN}
    more = {**{f"X-Key-{number}": "x" * 4000 for number in range(3)}, KEY_HEADER: UNKNOWN}
    for headers in (head, more):
        send("POST", f"/foo/{UNKNOWN}", headers, json.dumps(body).encode())
    described = {"method": "POST", "path": f"/foo/{UNKNOWN}", "headers": head, "body": body}
    explained = send("POST", "/_sim/explain", {}, json.dumps(described).encode())
    unmatched = send("GET", "/_sim/unmatched?limit=2", {}, b"")
    assert (explained.status, unmatched.status) == (200, 200)
    assert UNKNOWN.encode() not in explained.body + unmatched.body
    assert [each["target"] for each in unmatched.json()["exchanges"]] == ["/foo/[redacted]", "[hidden]"]


@pytest.mark.parametrize("route", ["/_sim/health", "/.well-known/pixazo-target"])
@pytest.mark.parametrize("name", ["Host", "Origin"])
@pytest.mark.parametrize("key", [LONG, "Canary-7F3A-Q"])
def test_a_refused_caller_is_shown_no_key(route: str, name: str, key: str) -> None:
    """Every refusal leaves by the route that redacts."""
    with Simulator(Settings(keys=(key,))) as simulator:
        value = key if name == "Host" else f"http://{key}"
        reply = over_http(simulator.url)("GET", route, {name: value}, b"")
    assert reply.status == 403
    assert key.lower() not in reply.body.decode().lower()
    assert reply.json()["message"].startswith(f"{name} '{'http://' * (name == 'Origin')}[redacted]' is not")


def test_a_key_that_is_cut_off_in_a_refusal_is_not_begun() -> None:
    """Wherever a refusal shows the first characters of what was said."""
    start = LONG[:6]
    with Simulator(Settings(keys=(LONG, OTHER))) as simulator:
        caller = Caller(over_http(simulator.url), OTHER)
        texts = [caller.call("GET", f"/_sim/{'x' * (110 - size)}{LONG}").body.decode() for size in range(0, 20, 2)] + [
            caller.call("POST", route, body).body.decode()
            for size in range(0, 20, 2)
            for route, body in (
                ("/_sim/explain", {"method": "GET", "path": "x" * (80 - size) + LONG}),
                (
                    "/_sim/explain",
                    {"method": "GET", "path": "/", "headers": {"x": "ü" * (40 - size) + LONG + "\u20ac"}},
                ),
                ("/_sim/tls-listeners", {"hosts": [" " * (80 - size) + LONG]}),
                ("/_sim/clock/advance", {"seconds": "x" * (20 - size) + LONG}),
                ("/_sim/clock/advance", {"seconds": ["x" * (30 - size) + LONG]}),
                ("/_sim/script/rules", {"when": "x" * (200 - size) + LONG}),
            )
        ]
        for size in range(0, 20, 2):
            caller.generate(resolution="x" * (40 - size) + LONG)
            caller.call("POST", GENERATE, b"x", {"Content-Type": "x" * (80 - size) + LONG})
        texts.append(caller.call("GET", "/_sim/journal").body.decode())
    assert [text for text in texts if start[:5] in text] == []


def test_a_word_as_key_is_a_key_and_no_member_is_lost() -> None:
    """It is redacted in what others are shown, too; names of the gateway's own members are no keys."""
    body = {"prompt": "A bear eats", "request_id": "a", "polling_url": "b", "bear": 1, "[redacted]": 2}
    with Simulator(Settings(keys=(OTHER, "bear", "prompt", "request_id", "polling_url"))) as simulator:
        caller = Caller(over_http(simulator.url), OTHER)
        caller.call("POST", GENERATE, body)
        kept = caller.sim("journal")["exchanges"][0]["request"]["body"]
    assert kept["prompt"] == "A [redacted] eats"
    assert [*kept.values()][1:] == ["a", "b", 1, 2]


def test_a_resent_callback_shows_no_key() -> None:
    """Neither the response to the resend nor the list of deliveries shows it."""
    with Simulator(Settings(keys=(LONG,))) as simulator:
        world = simulator.control()
        caller = Caller(over_http(simulator.url), LONG)
        caller.accepted(webhook=f"http://{LONG}.test/{LONG}")
        caller.advance(15)
        attempt = world.resend(1)
        assert (attempt.problem or "").startswith("not sent: host [redacted].test is not loopback and was not allowed")
        assert LONG not in json.dumps(to_json(world.deliveries()))


def test_no_log_record_shows_a_key(caplog: pytest.LogCaptureFixture) -> None:
    """A record from any code is redacted as long as the server that has the key runs."""
    with Simulator(Settings(keys=(LONG, SHORT))):
        logging.getLogger("pixazo_simulator").error("%s and %r", LONG, SHORT)
    assert caplog.messages == ["[redacted] and '[redacted]'"]


def test_the_control_token_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """It is redacted wherever a caller puts it."""
    caplog.set_level(logging.INFO)
    token = "control-token-5521"
    with Simulator(Settings(keys=(OTHER,), control_token=token)) as simulator:
        plant(Caller(over_http(simulator.url), OTHER), [token], "http://127.0.0.1:9")
        world = ControlClient(simulator.url, OTHER, control_token=token)
        rendered = repr([to_json(each()) for each in (world.journal, world.unmatched, world.script, world.deliveries)])
        with pytest.raises(ControlError, match="the control token is missing") as raised:
            ControlClient(simulator.url, OTHER).world()
    assert token not in rendered + caplog.text + str(raised.value)
    assert "[redacted]" in rendered
