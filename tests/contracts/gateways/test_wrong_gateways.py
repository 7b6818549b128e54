"""Gateways wrong in one respect each: the clause concerned says so, and no clause that is not named beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
from tests.contracts.fake_run import ORIGIN, QUICK, Observed, full_target, observe, some
from tests.contracts.gateways.edits import (
    SUBMITS,
    accepted,
    cached,
    calling,
    coded,
    counted,
    decoded,
    dies_with_its_receiver,
    early,
    editing,
    envelope,
    first_url,
    having,
    headed,
    is_media,
    is_read,
    is_submit,
    key_in_polling_url,
    last_used_url,
    lax,
    members,
    moved,
    never_again,
    open_to,
    output,
    picky,
    reading,
    remembering,
    sent,
    throttling,
    without,
)
from tests.contracts.gateways.fake_gateway import (
    BASE,
    KEY,
    ONES,
    OTHERS,
    STATUS,
    TWO,
    Ask,
    Reply,
    Work,
    movie,
    refusal,
    stamp,
)

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.runner.session import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet
    from tests.contracts.gateways.edits import Change, Edit, Members
    from tests.contracts.gateways.fake_gateway import FakeGateway


@dataclass(frozen=True)
class Wrong:
    """One wrong gateway, and the ids of clauses that may fall with the one concerned."""

    clause: str
    edit: Edit = lambda _, reply: reply
    tell: Change = lambda body: body
    prepare: Callable[[FakeGateway], None] = lambda _: None
    beside: frozenset[str] = frozenset()
    name: str = ""


def _shown(gateway: FakeGateway, work: Work, age: float) -> Reply:
    return Reply(200, gateway.envelope(work, work.accepted + age))


def _image(ask: Ask) -> str:
    return str(sent(ask).get("first_frame_image", ""))


def _prompt(ask: Ask) -> str:
    return str(sent(ask)["prompt"])


def _account_and_body(ask: Ask) -> tuple[str, str, bytes]:
    return ask.headers["ocp-apim-subscription-key"], ask.path, ask.body


def _falls_back(gateway: FakeGateway, work: Work, reply: Reply) -> Reply:
    return _shown(gateway, work, 0) if 8 < gateway.now() - work.accepted < 11.5 else reply


def _fails_later(gateway: FakeGateway, work: Work, reply: Reply) -> Reply:
    late = gateway.now() - work.accepted > 25 and members(reply)["status"] == "COMPLETED"
    return Reply(200, gateway.envelope(replace(work, end="FAILED"), gateway.now())) if late else reply


def _not_found_yet(gateway: FakeGateway, work: Work, reply: Reply) -> Reply:
    young = gateway.now() - work.accepted < 0.5
    return refusal(404, "Request not found", "Not yet") if young else reply


def _other_url_each_read(gateway: FakeGateway, work: Work, number: int) -> Reply:
    body = gateway.envelope(work, gateway.now())
    changed = output(media_url=[f"{first_url(body)}?read={number}"])(body) if body["output"] else body
    return Reply(200, changed)


def _stale_every_second(gateway: FakeGateway, work: Work, number: int) -> Reply:
    return _shown(gateway, work, max(0, gateway.now() - work.accepted - 3 * (number % 2 == 0)))


def _without_fraction(body: Members) -> Members:
    return {k: re.sub(r"\.\d+Z", "Z", v) if k.endswith("_at") and isinstance(v, str) else v for k, v in body.items()}


def _short_movie(ask: Ask, reply: Reply) -> Reply:
    return replace(reply, raw=movie(6, 1366, 768)) if is_media(ask) and reply.raw == movie(10, 1366, 768) else reply


def _ending(operation: str, member: str, value: object) -> Callable[[FakeGateway], None]:
    """Requests with this value of a member are accepted, and end FAILED."""

    def prepare(gateway: FakeGateway) -> None:
        def plan(work: Work) -> Work:
            concerned = work.operation == operation and work.body.get(member) == value
            return replace(work, end="FAILED") if concerned else work

        gateway.plan = plan

    return prepare


def _shown_to_others(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
    other = ask.headers.get("ocp-apim-subscription-key") == OTHERS["other"]
    return (
        gateway.route(replace(ask, headers={**ask.headers, "ocp-apim-subscription-key": KEY}))
        if other and is_read(ask)
        else reply
    )


def _shown_while_it_runs(may: Callable[[str | None], bool]) -> Callable[[FakeGateway], None]:
    """A status that is QUEUED or PROCESSING is shown to callers with such keys, too."""

    def change(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        work = gateway.works.get(ask.path.removeprefix(STATUS)) if is_read(ask) else None
        if work is None or reply.code == 200 or not may(ask.headers.get("ocp-apim-subscription-key")):
            return reply
        shown = gateway.envelope(work, gateway.now())
        return Reply(200, shown) if shown["status"] in ("QUEUED", "PROCESSING") else reply

    return editing(change)


def _called_back_once_read(gateway: FakeGateway) -> None:
    """Callbacks are sent when a read has shown the end."""
    seen, held = set[str](), list[tuple[str, str, bytes]]()

    def change(_: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        if is_read(ask) and reply.code == 200 and members(reply)["status"] in ("COMPLETED", "FAILED", "ERROR"):
            seen.add(ask.path.removeprefix(STATUS))
        return reply

    def told(calls: list[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
        held.extend(calls)
        ready = [call for call in held if call[0] in seen or "member" in call[1] or "g4" in call[1]]
        held[:] = [call for call in held if call not in ready]
        return ready

    editing(change)(gateway)
    calling(told)(gateway)


def _begun_by_head(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
    if ask.method != "HEAD" or ask.path not in SUBMITS:
        return reply
    return replace(gateway.route(replace(ask, method="POST")), raw=b"")


def _deleted(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
    name = ask.path.removeprefix(STATUS)
    if ask.method == "DELETE" and name in gateway.works:
        gateway.works[name] = replace(gateway.works[name], end="ERROR")
    return reply


def _throttling_another(gateway: FakeGateway) -> None:
    """Once an account was throttled another one is."""
    hit: list[Ask] = []

    def change(_: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        hit.extend([ask] if reply.code == 429 else [])
        other = ask.headers.get("ocp-apim-subscription-key") == OTHERS["other"] and ask.method == "GET"
        return refusal(429, "Too Many Requests", "Slow down") if hit and other else reply

    editing(change)(gateway)


def _charged(when: Callable[[Ask, Reply], bool]) -> Callable[[FakeGateway, Ask, Reply], Reply]:
    """Such requests empty a wallet."""

    def change(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        key = ask.headers.get("ocp-apim-subscription-key", "")
        if key in gateway.funds and when(ask, reply):
            gateway.funds[key] = 0
        return reply

    return change


def _only(ids: str) -> frozenset[str]:
    return frozenset(ids.split())


def _twice(ask: Ask, reply: Reply) -> Reply:
    raw = reply.encoded().replace(b'"status":', b'"status": "QUEUED", "status":')
    return replace(reply, raw=raw) if is_read(ask) and reply.code == 200 else reply


NOT_THERE = refusal(404, "Not Found", "No such route")
WRONG = (
    Wrong("BASE-01", prepare=moved(BASE, "/hailuo/v1/"), beside=_only("STATUS-10 ERR-402-04")),
    Wrong("BASE-02", prepare=moved(f"{BASE}generate", f"{BASE}textToVideo"), beside=_only("FAIL-04 ERR-402-04")),
    Wrong("BASE-03", prepare=moved(f"{BASE}imageToVideo", f"{BASE}image-to-video"), beside=_only("AUTH-09 ERR-400-02 ERR-402-01")),
    Wrong("BASE-04", prepare=moved(STATUS, f"{BASE}result/")),
    Wrong("BASE-05", prepare=reading(lambda _, work, reply: reply if work.operation == "generate" else NOT_THERE)),
    Wrong("AUTH-01", prepare=open_to(lambda ask, key: is_submit(ask) and key is None), beside=_only("ERR-PREC-01")),
    Wrong("AUTH-02", prepare=open_to(lambda ask, key: is_read(ask) and key is None), beside=_only("AUTH-06")),
    Wrong("AUTH-03", prepare=open_to(lambda _, key: bool(key)), beside=_only("AUTH-08 AUTH-12 ERR-PREC-01")),
    Wrong("AUTH-02", prepare=_shown_while_it_runs(lambda key: key is None), name="while it runs"),
    Wrong("AUTH-03", prepare=_shown_while_it_runs(lambda key: bool(key) and key not in OTHERS.values()), name="while it runs"),
    Wrong("AUTH-10", prepare=_shown_while_it_runs(lambda key: key == OTHERS["other"]), name="while it runs"),
    Wrong("AUTH-04", prepare=open_to(lambda _, key: key == "")),
    Wrong("AUTH-06", prepare=open_to(lambda ask, _: "subscription-key=" in ask.target)),
    Wrong("AUTH-09", edit=coded(403, 401), beside=_only("ERR-PREC-01")),
    Wrong("AUTH-03", prepare=open_to(lambda _, key: key is not None and key.swapcase() == KEY), name="letter case"),
    Wrong("AUTH-03", prepare=open_to(lambda _, key: key is not None and key[:-1] == KEY), name="longer"),
    Wrong("AUTH-03", prepare=open_to(lambda _, key: bool(key) and KEY.startswith(str(key))), name="shorter"),
    Wrong("AUTH-10", prepare=editing(_shown_to_others)),
    Wrong("BASE-06", prepare=editing(_begun_by_head), beside=_only("WEBHOOK-02"), name="HEAD begins"),
    Wrong("BASE-06", prepare=editing(_deleted), name="DELETE ends"),
    Wrong("ERR-429-02", prepare=_throttling_another, beside=_only("ERR-429-03")),
    Wrong("WAL-04", prepare=editing(_charged(lambda ask, reply: is_submit(ask) and reply.code == 400))),
    Wrong("WAL-05", prepare=editing(_charged(lambda ask, _: ask.method == "HEAD"))),
    Wrong("WAL-06", prepare=lambda gateway: gateway.funds.update({ONES[3]: 2})),
    Wrong("ERR-400-02", prepare=editing(lambda gateway, ask, reply: gateway.route(replace(ask, target=f"{BASE}generate")) if "no-such-model" in ask.target else reply), name="accepted"),
    Wrong("AUTH-11", edit=accepted(key_in_polling_url)),
    Wrong("AUTH-12", edit=lambda _, reply: Reply(401, raw=b"") if reply.code == 401 else reply),
    Wrong("HDR-01", prepare=picky(lambda ask: "charset" in ask.headers.get("content-type", ""))),
    Wrong("HDR-03", prepare=picky(lambda ask: "cache-control" not in ask.headers)),
    Wrong(
        "HDR-04",
        edit=lambda _, reply: (
            Reply(reply.code, raw=b"<p>No</p>", headers={"Content-Type": "text/html"})
            if reply.code == 401
            else reply
        ),
        beside=_only("BASE-07"),
    ),
    Wrong("HDR-05", prepare=cached(30), name="silently cached", beside=_only("WEBHOOK-06")),
    Wrong("HDR-05", edit=headed("Cache-Control", "public, max-age=30", is_read), name="declared fresh"),
    Wrong("SUBMIT-01", edit=coded(202, 200, lambda ask: ask.path == f"{BASE}generate")),
    Wrong("SUBMIT-02", edit=coded(202, 201, lambda ask: ask.path == f"{BASE}imageToVideo")),
    Wrong("SUBMIT-03", edit=accepted(without("polling_url"))),
    Wrong("SUBMIT-04", edit=accepted(having(estimated_cost=0.35))),
    Wrong("SUBMIT-05", edit=accepted(having(status="PROCESSING"))),
    Wrong(
        "SUBMIT-11",
        prepare=remembering(
            lambda _: "any", lambda old, new: Reply(202, {**members(new), "polling_url": members(old)["polling_url"]})
        ),
    ),
    Wrong("SUBMIT-12", edit=accepted(lambda body: {**body, "polling_url": str(body["polling_url"]).removeprefix(ORIGIN)})),
    Wrong("SUBMIT-13", prepare=reading(_not_found_yet)),
    Wrong("SUBMIT-15", prepare=remembering(_account_and_body, lambda old, _: old)),
    Wrong(
        "SUBMIT-17",
        edit=lambda ask, reply: (
            refusal(500, "Error", "Oops") if is_submit(ask) and b"must be a JSON object" in reply.encoded() else reply
        ), beside=_only("ERR-500-01")
    ),
    Wrong("T2V-PROMPT-01", prepare=lax(lambda op, b: op == "generate" and b.get("prompt") is None, prompt="x"), beside=_only("ERR-PREC-01 WEBHOOK-15 SUBMIT-18 T2V-IMG-01")),
    Wrong("T2V-DUR-01", prepare=lax(lambda op, b: op == "generate" and b.get("duration") == "6", duration=6), beside=_only("WAL-04")),
    Wrong("T2V-DUR-02", prepare=lax(lambda op, b: op == "generate" and b.get("duration") == 7, duration=6)),
    Wrong("T2V-PO-01", prepare=lax(lambda op, b: op == "generate" and isinstance(b.get("prompt_optimizer"), str), prompt_optimizer=True)),
    Wrong("T2V-BODY-01", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and not ask.body.isascii()), beside=_only("T2V-PROMPT-02")),
    Wrong("T2V-BODY-02", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and "resolution" not in sent(ask)), beside=_only("SUBMIT-15 WEBHOOK-01")),
    Wrong("I2V-PROMPT-03", prepare=picky(lambda ask: len(_prompt(ask)) > 1999), beside=_only("I2V-PROMPT-05")),
    Wrong("I2V-PROMPT-04", prepare=lax(lambda op, b: op == "imageToVideo" and len(str(b.get("prompt"))) > 2000, prompt="x")),
    Wrong("I2V-PROMPT-05", prepare=picky(lambda ask: len(_prompt(ask).encode()) > 2000), beside=_only("ERR-500-01")),
    Wrong("I2V-PROMPT-06", prepare=picky(lambda ask: "[" in _prompt(ask))),
    Wrong(
        "I2V-IMG-03",
        prepare=picky(lambda ask: _image(ask).startswith("http")),
        beside=_only("I2V-PROMPT-03 I2V-PROMPT-05 I2V-PROMPT-06 I2V-DUR-02 I2V-RES-01 I2V-FP-02 I2V-IMG-13 I2V-COMBO-01 I2V-MODEL-01 T2V-IMG-01"),
    ),
    Wrong("I2V-IMG-04", prepare=picky(lambda ask: _image(ask).startswith("data:"))),
    Wrong("I2V-IMG-06", prepare=picky(lambda ask: _image(ask).startswith("data:image/webp"))),
    Wrong(
        "I2V-IMG-07",
        prepare=lax(
            lambda _, b: str(b.get("first_frame_image")).startswith("data:image/gif"),
            first_frame_image="https://example.com/first.jpg",
        ),
    ),
    Wrong("I2V-DUR-02", prepare=picky(lambda ask: sent(ask).get("duration") == 10), beside=_only("I2V-COMBO-01 T2V-DUR-02")),
    Wrong("I2V-DUR-03", prepare=lax(lambda op, b: op == "imageToVideo" and b.get("duration") in (5, 7, 9), duration=6)),
    Wrong("I2V-RES-01", prepare=picky(lambda ask: sent(ask).get("resolution") == "1080P"), beside=_only("I2V-COMBO-01 T2V-DUR-02 T2V-RES-02")),
    Wrong("I2V-RES-02", prepare=lax(lambda op, b: op == "imageToVideo" and b.get("resolution") == "720P", resolution="768P")),
    Wrong(
        "STATUS-01",
        edit=lambda ask, reply: (
            replace(reply, code=202)
            if is_read(ask) and reply.code == 200 and members(reply)["status"] in ("QUEUED", "PROCESSING")
            else reply
        ), beside=_only("SUBMIT-12")
    ),
    Wrong("T2V-PROMPT-02", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and "\n" in _prompt(ask))),
    Wrong("T2V-PO-01", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and sent(ask).get("prompt_optimizer") is False), name="false refused"),
    Wrong("T2V-WM-01", prepare=_ending("generate", "aigc_watermark", True), name="true fails", beside=_only("T2V-PROMPT-02")),
    Wrong("T2V-CB-01", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and "callback_url" in sent(ask)), name="URL refused"),
    Wrong("I2V-CB-01", prepare=picky(lambda ask: ask.path == f"{BASE}imageToVideo" and "callback_url" in sent(ask), 403), name="URL forbidden"),
    Wrong("I2V-PROMPT-05", prepare=picky(lambda ask: len(_prompt(ask).encode("utf-16-le")) > 4000), name="counted in UTF-16", beside=_only("ERR-500-01")),
    Wrong("I2V-PROMPT-04", prepare=lax(lambda op, b: op == "imageToVideo" and len(str(b.get("prompt"))) == 2001 and "\U0001f6a2" in str(b["prompt"]), prompt="x"), name="four bytes"),
    Wrong("I2V-IMG-05", prepare=lax(lambda _, b: str(b.get("first_frame_image")).startswith("ftp:"), first_frame_image="https://x/y")),
    Wrong("I2V-IMG-07", prepare=lax(lambda _, b: "png;base64,R0lG" in str(b.get("first_frame_image")), first_frame_image="https://x/y"), name="by its label"),
    Wrong("I2V-DUR-01", prepare=lax(lambda op, b: op == "imageToVideo" and b.get("duration") is False, duration=6)),
    Wrong("I2V-DUR-02", prepare=picky(lambda ask: sent(ask).get("duration") == 10, 0), name="hung up", beside=_only("ERR-500-01 T2V-DUR-02")),
    Wrong("I2V-DUR-02", prepare=picky(lambda ask: sent(ask).get("duration") == 10, 402), name="too expensive", beside=_only("ERR-402-02 T2V-DUR-02")),
    Wrong("I2V-RES-01", prepare=_ending("imageToVideo", "resolution", "1080P"), name="fails", beside=_only("I2V-COMBO-01 WEBHOOK-16")),
    Wrong("I2V-RES-02", prepare=lax(lambda op, b: op == "imageToVideo" and b.get("resolution") == "768p", resolution="768P"), name="letter case"),
    Wrong("SUBMIT-01", prepare=picky(lambda ask: "boat 1 of a fleet" in _prompt(ask), 0), name="one of many"),
    Wrong("SUBMIT-02", prepare=picky(lambda ask: sent(ask).get("duration") == 10 and len(_prompt(ask)) == 2000), name="long and long"),
    Wrong("T2V-DUR-01", edit=lambda ask, reply: Reply(0) if sent(ask).get("duration") == "6" else reply, name="no response", beside=_only("I2V-DUR-01")),
    Wrong("STATUS-02", edit=envelope(having(status="SUCCEEDED"), "COMPLETED")),
    Wrong("STATUS-03", edit=envelope(lambda b: {**b, "request_id": str(b["request_id"]).partition("_")[2]})),
    Wrong("STATUS-03", name="nothing in it", edit=envelope(lambda _: {}, "PROCESSING"), beside=_only("STATUS-02 STATUS-04 STATUS-08")),
    Wrong("HDR-04", name="member twice", edit=_twice),
    Wrong("STATUS-04", edit=envelope(having(model_id="MiniMax-Hailuo-2.3"))),
    Wrong("STATUS-05", edit=envelope(having(error=""), "QUEUED", "PROCESSING", "COMPLETED")),
    Wrong("STATUS-06", edit=envelope(having(output={"media_url": ["https://x/y"], "media_type": "video/mp4"}), "PROCESSING")),
    Wrong("STATUS-07", edit=envelope(having(polling_url="https://x/y"))),
    Wrong("STATUS-08", edit=envelope(lambda b: {k: v for k, v in b.items() if v is not None}, "QUEUED", "PROCESSING")),
    Wrong("STATUS-09", edit=envelope(without("updated_at")), beside=_only("FAIL-04")),
    Wrong(
        "STATUS-10",
        edit=lambda ask, reply: Reply(200, {"status": "QUEUED"}) if is_read(ask) and reply.code == 404 else reply,
        beside=_only("AUTH-10 ERR-402-04 STATUS-11"),
    ),
    Wrong("STATUS-12", prepare=counted(lambda gateway, work, number: _shown(gateway, work, {1: 0, 2: 3}.get(number, 20))), beside=_only("HDR-05 TIME-06 TIME-07")),
    Wrong("STATUS-13", prepare=throttling(3), beside=_only("ERR-429-04 FAIL-04 I2V-COMBO-01 I2V-IMG-13 T2V-DUR-02 T2V-RES-02")),
    Wrong("STATUS-14", prepare=counted(_other_url_each_read), beside=_only("WEBHOOK-04")),
    Wrong("STATUS-15", prepare=counted(_stale_every_second), beside=_only("FLOW-01 FLOW-03 HDR-05")),
    Wrong("FLOW-01", prepare=reading(_falls_back), beside=_only("STATUS-15")),
    Wrong(
        "FLOW-02",
        prepare=reading(
            lambda gateway, work, reply: _shown(gateway, work, 0) if members(reply)["status"] == "PROCESSING" else reply
        ),
        beside=_only("FLOW-04"),
    ),
    Wrong("FLOW-03", prepare=reading(_fails_later), beside=_only("BASE-06")),
    Wrong("FLOW-05", edit=envelope(having(status="PROCESSING", output=None, completed_at=None), "COMPLETED")),
    Wrong("OUT-01", edit=envelope(having(output=None), "COMPLETED")),
    Wrong("OUT-02", edit=envelope(lambda b: output(media_url=first_url(b))(b), "COMPLETED")),
    Wrong("OUT-03", edit=envelope(lambda b: output(media_url=[first_url(b).removeprefix(ORIGIN)])(b), "COMPLETED")),
    Wrong("OUT-04", edit=envelope(lambda b: output(media_url=[first_url(b).replace(ORIGIN, "https://cdn.example.com")])(b), "COMPLETED"), beside=_only("WEBHOOK-04")),
    Wrong("OUT-06", edit=envelope(output(media_type="mp4"), "COMPLETED"), beside=_only("OUT-07")),
    Wrong("OUT-07", edit=envelope(output(media_type="image/png"), "COMPLETED"), beside=_only("OUT-06 WEBHOOK-04")),
    Wrong("OUT-08", edit=lambda ask, reply: refusal(401, "No", "Key?") if is_media(ask) else reply, beside=_only("OUT-13")),
    Wrong("OUT-09", edit=lambda ask, reply: Reply(200, {"media": True}) if is_media(ask) else reply),
    Wrong("OUT-10", edit=_short_movie),
    Wrong("OUT-12", edit=envelope(lambda b: output(media_url=[first_url(b)] * 2)(b), "COMPLETED"), beside=_only("WEBHOOK-04")),
    Wrong("TIME-01", edit=envelope(_without_fraction)),
    Wrong("TIME-02", edit=envelope(lambda b: {**b, "updated_at": str(b["updated_at"]).replace("T10:", "T09:")})),
    Wrong("TIME-03", edit=envelope(having(completed_at="2026-03-31T09:00:00.000Z"), "COMPLETED")),
    Wrong("TIME-04", edit=envelope(lambda b: {**b, "updated_at": f"{str(b['updated_at'])[:-4]}999Z"}, "COMPLETED"), beside=_only("WEBHOOK-04")),
    Wrong(
        "TIME-05",
        prepare=reading(lambda gateway, _, reply: Reply(200, {**members(reply), "created_at": stamp(gateway.now())})),
        beside=_only("SUBMIT-09 TIME-02 TIME-03 TIME-08"),
    ),
    Wrong("TIME-05", name="not set", edit=envelope(without("created_at"), "COMPLETED"), beside=_only("STATUS-08")),
    Wrong("TIME-07", name="ahead", edit=envelope(having(completed_at="2099-01-01T00:00:00.000Z"), "COMPLETED"), beside=_only("TIME-04 WEBHOOK-04")),
    Wrong("TIME-06", edit=envelope(lambda b: {**b, "updated_at": b["created_at"]}), beside=_only("TIME-04 WEBHOOK-04")),
    Wrong("TIME-07", edit=envelope(having(completed_at="2026-03-31T11:00:00.000Z"), "PROCESSING")),
    Wrong("FAIL-01", edit=envelope(having(error=None), "FAILED")),
    Wrong("FAIL-02", edit=envelope(having(output={"media_url": []}), "FAILED")),
    Wrong("FAIL-03", edit=envelope(without("output"), "ERROR")),
    Wrong("ERR-ENV-01", edit=lambda _, reply: Reply(402, {"detail": "No"}) if reply.code == 402 else reply, beside=_only("ERR-402-02")),
    Wrong(
        "ERR-400-01",
        edit=lambda ask, reply: replace(reply, code=422) if is_submit(ask) and b"\"'" in reply.encoded() else reply,
        beside=_only("ERR-PREC-01 ERR-SET-01"),
    ),
    Wrong("ERR-400-02", edit=lambda _, reply: replace(reply, code=404) if b"Model not" in reply.encoded() else reply),
    Wrong("ERR-402-01", edit=coded(402, 403)),
    Wrong("ERR-402-02", edit=lambda _, reply: refusal(402, "No money", "Pay") if reply.code == 402 else reply),
    Wrong("ERR-429-01", edit=coded(429, 503), beside=_only("ERR-500-01 ERR-PREC-01")),
    Wrong("WAL-01", prepare=lambda gateway: gateway.funds.update({TWO: 1})),
    Wrong("WEBHOOK-01", prepare=picky(lambda ask: "x-webhook-url" in ask.headers), beside=_only("WAL-02 WEBHOOK-15")),
    Wrong("WEBHOOK-02", prepare=calling(lambda calls: [(i, url.partition("?")[0], body) for i, url, body in calls])),
    Wrong(
        "WEBHOOK-03",
        prepare=calling(
            lambda calls: [
                (i, url, body)
                for i, url, body in calls
                if decoded(body)["status"] != "COMPLETED" or "member" in url or "g4" in url
            ]
        ),
        beside=_only("WEBHOOK-20"),
    ),
    Wrong("WEBHOOK-03", prepare=_called_back_once_read, name="only once read", beside=_only("WEBHOOK-07")),
    Wrong("WEBHOOK-04", tell=lambda body: {"data": body}),
    Wrong("WEBHOOK-04", name="another end", tell=lambda body: {**body, "status": "FAILED"}),
    Wrong("WEBHOOK-05", tell=lambda body: {**body, "request_id": str(body["request_id"]).partition("_")[2]}),
    Wrong("WEBHOOK-06", prepare=early(2)),
    Wrong("WEBHOOK-07", prepare=calling(lambda calls: [call for call in calls if decoded(call[2])["status"] == "COMPLETED"]), beside=_only("WEBHOOK-19")),
    Wrong("WEBHOOK-09", prepare=last_used_url, beside=_only("WEBHOOK-12")),
    Wrong("WEBHOOK-11", prepare=never_again),
    Wrong("WEBHOOK-12", prepare=calling(lambda calls: [call for call in calls for _ in range(2)])),
    Wrong("WEBHOOK-16", prepare=dies_with_its_receiver),
    Wrong("WEBHOOK-19", prepare=calling(lambda calls: [call for call in calls if "member" not in call[1]]), beside=_only("WEBHOOK-20")),
    Wrong("WEBHOOK-22", tell=having(polling_url="https://x/y")),
)  # fmt: skip


@pytest.fixture(scope="module")
def faithful() -> Observed:
    return observe(probes=QUICK)


@pytest.mark.slow
@pytest.mark.parametrize(
    "clause", some({i: i for i in ("I2V-CB-01", "SUBMIT-02", "T2V-PO-01", "BASE-06", "WAL-06")}, 1)
)
def test_a_target_that_charges_is_judged_as_well(clause: str) -> None:
    """With a budget that suffices the last wrong gateway of each of these clauses is found, one request at a time."""
    wrong = [wrong for wrong in WRONG if wrong.clause == clause][-1]
    target, options = full_target(paid=True), RunOptions(run="testrun0", max_generations=200)
    observed = observe(target=target, options=options, edit=wrong.edit, prepare=wrong.prepare, probes=QUICK)
    assert clause in observed.outcomes("FAIL", "DRIFT")


CORE = [wrong for wrong in WRONG if BY_ID[wrong.clause].core]


def _row(wrong: Wrong) -> ParameterSet:
    """Every fortieth core clause is shown by the default run, the others by an exhaustive one."""
    marks = () if wrong in CORE[::40] else pytest.mark.exhaustive
    return pytest.param(wrong, id=f"{wrong.clause} {wrong.name}".strip(), marks=marks)


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [*map(_row, WRONG)])
def test_the_clause_concerned_falls_alone(wrong: Wrong, faithful: Observed) -> None:
    """A gateway wrong in one respect fails or drifts in that clause, and in no other but those it cannot spare."""
    observed = observe(
        edit=wrong.edit, tell=wrong.tell, prepare=wrong.prepare, probes=QUICK, baseline=faithful.observations
    )
    fallen = observed.outcomes("FAIL", "DRIFT", "ERROR")
    assert wrong.clause in fallen
    assert fallen - wrong.beside == {wrong.clause}
