"""Planted keys and secrets: no page, message, event, HAR or header of the console tells them."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote

import pytest
from tests.caller import GENERATE, KEY_HEADER, Caller, Send, over_http
from tests.receiver import Receiver, http_response
from tests.simulator.server.console.visitor import ACTIONS, BASE, PAGES, Visitor

from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.registry import Settings

LONG, SHORT = "canary-7f3a91c2d4", "q7-Zk"
TOKEN = "control-token-5521"
SECRET = "hunter2-S3cr3t"
UNKNOWN = "a-real-key-sent-by-mistake-91"
SIGNED = PROFILES["documented"].changed({"webhook_signature": "standard"})
PLANTED = {"long key": LONG, "short key": SHORT, "control token": TOKEN, "secret": SECRET, "unknown key": UNKNOWN}


def spelled(secret: str) -> re.Pattern[str]:
    """A secret in any of its spellings; a short one as a word of its own."""
    coded = "".join(f"%{ord(each):02x}" for each in secret)
    basic = base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]
    found = "|".join(map(re.escape, {secret, quote(secret, safe=""), coded, coded.upper(), basic}))
    return re.compile(found if len(secret) >= 8 else rf"(?<![\w-])(?:{found})(?![\w-])")


def plant(send: Send, key: str, hook: str) -> None:
    """Say each of them wherever a caller of the gateway can say anything."""
    caller = Caller(send, key)
    for word in (LONG, SHORT, TOKEN):
        caller.generate(f"A bear {word}", webhook=f"{hook}/{word}?word={word}")
        caller.generate(word * 300, resolution=word)
        caller.call("POST", GENERATE, {word: [word]}, {"X-Any": f"is {word}", "Cookie": word, "Authorization": word})
        caller.call("GET", f"/{word}?a={word}")
        caller.call("GET", f"/{word}?a={word}&subscription-key={word}", headers={KEY_HEADER: ""})
        rule = {
            "when": "generate",
            "name": f"about {word}",
            "match": {"prompt": {"contains": f"x{word}x {word}"}},
            "reply": {"status": 418, "text": word},
        }
        assert caller.call("POST", "/_sim/script/rules", rule, {"X-Pixazo-Control-Token": TOKEN}).status == 201
    named = {"X-Auth-Token": SECRET, "X-Webhook-URL": f"{hook.replace('://', f'://me:{SECRET}@')}/?token={SECRET}"}
    caller.call("POST", GENERATE, {"prompt": "A bear", "apiKey": SECRET, "deep": [{"password": SECRET}]}, named)
    caller.call("POST", f"{GENERATE}?sig={SECRET}", {"prompt": "A bear"}, {KEY_HEADER: UNKNOWN, "X-Any": UNKNOWN})
    caller.call("POST", "/_sim/clock/advance", {"seconds": 16}, {"X-Pixazo-Control-Token": TOKEN})


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    """Everything that the console answers to somebody who has the token, by what was asked: heads and bodies."""
    settings = Settings(keys=(LONG, SHORT), policy=SIGNED, control_token=TOKEN)
    with (
        Receiver(http_response(500, f"no {LONG} {TOKEN}".encode())) as hook,
        Simulator(settings, state="memory-log") as server,
    ):
        send = over_http(server.url)
        for key in (LONG, SHORT):
            plant(send, key, hook.url)
        asked = Visitor(send, X_Pixazo_Control_Token=TOKEN)
        paths = [each.replace("worlds/1", f"worlds/{number}") for each in PAGES for number in (1, 2)]
        paths += [f"/worlds/{n}/requests/{number}?explain" for n in (1, 2) for number in range(1, 16)]
        paths += [f"/worlds/{n}/webhooks/{number}" for n in (1, 2) for number in range(1, 5)]
        paths += [f"/unmatched/{number}" for number in range(1, 11)]
        paths += ["/worlds/1/requests.har", "/worlds/2/requests.har", "/worlds/1?moment=-3", "/worlds/1?at=5"]
        found = {path: asked.get(path) for path in dict.fromkeys(paths)}
        found |= {f"POST {path}": asked.post(path, form) for path, form in ACTIONS.items()}
        found |= {f"open {key}": asked.post("/open", {"key": key}) for key in (LONG, SHORT, UNKNOWN)}
        found["without token"] = Visitor(send).get("/worlds/1")
        found["wrong token"] = Visitor(send).post("/login", {"token": f"{TOKEN}x"})
        found["right token"] = Visitor(send).post("/login", {"token": TOKEN})
        found["a key as host"] = asked.get("", Host=LONG)
        found["a key as origin"] = asked.get("", Origin=f"http://{LONG}")
        for n, word in enumerate((LONG, SHORT, TOKEN)):
            for path in (f"/{word}", f"/worlds/1/requests?before={word}", f"/worlds/1?at={word}", f"/static/{word}"):
                found[f"{n} in {path.replace(word, '')}"] = asked.get(path)
            for form in (
                {"step": word},
                {"number": word, "rule": "{}"},
                {"rule": word},
                {"field": word, "value": word},
                {"operation": word},
            ):
                for action in ("advance", "rules", "change", "send"):
                    found[f"{n} {action} {'+'.join(form)}"] = asked.post(f"/worlds/1/{action}", form)
            found[f"{n} fault"] = asked.post(f"/worlds/1/faults/{word}", {})
        stream = server_sent(send, TOKEN)
    return {who: f"{reply.status} {reply.headers} {reply.body.decode()}" for who, reply in found.items()} | {
        "events": stream
    }


def server_sent(send: Send, token: str) -> str:
    """The events of a world that is deleted, to their end."""
    created = Caller(send, "").call("POST", "/_sim/worlds", {}, {"X-Pixazo-Control-Token": token}).json()
    Caller(send, created["key"]).call("DELETE", "/_sim/world", headers={"X-Pixazo-Control-Token": token})
    return send("GET", f"{BASE}/worlds/3/events", {"X-Pixazo-Control-Token": token}, b"").body.decode()


@pytest.mark.parametrize("what", PLANTED)
def test_nothing_that_is_secret_is_shown(shown: dict[str, str], what: str) -> None:
    """In no page of any world, no message, no header; no refusal quotes one either."""
    pattern = spelled(PLANTED[what])
    found = [
        f"{who}: …{text[max(0, at.start() - 80) : at.end() + 20]}…"
        for who, text in shown.items()
        for at in pattern.finditer(text)
    ]
    assert found == []


def test_the_secret_that_signs_webhooks_is_not_shown(shown: dict[str, str]) -> None:
    assert "webhook-signature" in shown["/worlds/1/webhooks/1"]
    assert not any("whsec_" in text for text in shown.values())


def test_something_was_there_to_be_shown(shown: dict[str, str]) -> None:
    """Else nothing was tried."""
    assert sum("[redacted]" in text for text in shown.values()) > 20
    assert sum("[hidden]" in text for text in shown.values()) > 3
    assert sum(text.startswith("200") for text in shown.values()) > 60
