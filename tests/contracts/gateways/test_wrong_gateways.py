"""Gateways wrong in one respect each: the clause concerned says so, and no clause that is not named beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from tests.contracts.fake_run import QUICK, Observed, full_target, observe, some
from tests.contracts.gateways.edits import (
    SUBMITS,
    calling,
    editing,
    envelope,
    is_read,
    is_submit,
    lax,
    members,
    open_to,
    picky,
    reading,
    sent,
)
from tests.contracts.gateways.fake_gateway import (
    BASE,
    KEY,
    ONES,
    OTHERS,
    STATUS,
    Ask,
    Reply,
    Work,
    refusal,
)

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.runner.session import RunOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet
    from tests.contracts.gateways.edits import Change, Edit
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


RUNNING = ("QUEUED", "PROCESSING")


def _prompt(ask: Ask) -> str:
    return str(sent(ask)["prompt"])


def _ending(operation: str, member: str, value: object) -> Callable[[FakeGateway], None]:
    """Requests with this value of a member are accepted, and end FAILED."""

    def prepare(gateway: FakeGateway) -> None:
        def plan(work: Work) -> Work:
            concerned = work.operation == operation and work.body.get(member) == value
            return replace(work, end="FAILED") if concerned else work

        gateway.plan = plan

    return prepare


def _shown(may: Callable[[str | None], bool], *states: str, operation: str = "") -> Callable[[FakeGateway], None]:
    """Such a status of requests to the operation, or to any, is shown to callers with such keys, too."""

    def change(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        work = gateway.works.get(ask.path.removeprefix(STATUS)) if is_read(ask) else None
        if work is None or reply.code == 200 or not may(ask.headers.get("ocp-apim-subscription-key")):
            return reply
        shown = gateway.envelope(work, gateway.now())
        return Reply(200, shown) if shown["status"] in states and work.operation.startswith(operation) else reply

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


def _begun_by(method: str, gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
    if ask.method != method or ask.path not in SUBMITS:
        return reply
    return replace(gateway.route(replace(ask, method="POST")), raw=b"")


def _ended_by(ends: Callable[[Ask], bool], gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
    name = ask.path.removeprefix(STATUS)
    work = gateway.works.get(name)
    if ends(ask) and work is not None and gateway.envelope(work, gateway.now())["completed_at"] is None:
        gateway.works[name] = replace(work, end="ERROR")
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


def _lost(gateway: FakeGateway, work: Work, reply: Reply) -> Reply:
    """Requests of 10 s are not found from PROCESSING on."""
    gone = work.body.get("duration") == 10 and work.state(gateway.now()) != "QUEUED"
    return refusal(404, "Request not found", "No request with this id") if gone else reply


def _media_of_another(gateway: FakeGateway) -> None:
    """The media of the first request of the same instant that asked for the same."""
    envelope = gateway.envelope

    def kind(work: Work) -> tuple[object, ...]:
        return (
            work.accepted,
            work.end,
            work.operation,
            work.body.get("duration", 6),
            work.body.get("resolution", "768P"),
        )

    def shown(work: Work, now: float) -> dict[str, object]:
        other = next(each for each in gateway.works.values() if kind(each) == kind(work))
        return {**envelope(work, now), "output": envelope(other, now)["output"]}

    gateway.envelope = shown  # type: ignore[method-assign]  # this one gateway is wrong


def _lenient(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
    """A trailing comma, or an array around it, is no fault of a body with an image."""
    body = ask.body.replace(b",}", b"}").strip(b"[]")
    lenient = is_submit(ask) and reply.code == 400 and b"first_frame_image" in body and body != ask.body
    return gateway.route(replace(ask, body=body)) if lenient else reply


def _overdrawn_with_image(gateway: FakeGateway, ask: Ask, reply: Reply) -> Reply:
    key = ask.headers.get("ocp-apim-subscription-key", "")
    if key != ONES[3] or reply.code != 402 or "first_frame_image" not in sent(ask):
        return reply
    gateway.funds[key] += 1
    return gateway.route(ask)


def _uncalled(operation: str, member: str, value: object) -> Callable[[FakeGateway], None]:
    """Requests of an operation with this value of a member are not called back at the URL in the header."""

    def plan(work: Work) -> Work:
        concerned = work.operation == operation and work.body.get(member) == value
        return (
            replace(work, hooks=tuple(url for url in work.hooks if "member" in url or "g4" in url))
            if concerned
            else work
        )

    def prepare(gateway: FakeGateway) -> None:
        gateway.plan = plan

    return prepare


def _refusal_called_back(gateway: FakeGateway) -> None:
    """Submits without an image are refused, and called back as well."""
    held = list[tuple[str, str, bytes]]()

    def change(_: FakeGateway, ask: Ask, reply: Reply) -> Reply:
        hook = ask.headers.get("x-webhook-url")
        if hook is not None and b"first_frame_image" in reply.encoded() and reply.code == 400:
            held.append(("", hook, b'{"status": "FAILED"}'))
        return reply

    def due(calls: list[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
        calls, held[:] = [*calls, *held], []
        return calls

    editing(change)(gateway)
    calling(due)(gateway)


def _crossed(calls: list[tuple[str, str, bytes]]) -> list[tuple[str, str, bytes]]:
    """The callbacks of requests that were sent at the same time go to the URLs of each other."""
    crossed = [call for call in calls if "at-once" in call[1]]
    others = crossed[1:] + crossed[:1]
    swapped = [(other[0], call[1], other[2]) for call, other in zip(crossed, others, strict=True)]
    return [call for call in calls if call not in crossed] + swapped


def _bad_end_not_called_back(gateway: FakeGateway) -> None:
    """An ERROR of image to video is not called back at the URL in the body."""

    def plan(work: Work) -> Work:
        concerned = (work.end, work.operation) == ("ERROR", "imageToVideo") and "callback_url" in work.body
        return replace(work, hooks=()) if concerned else work

    gateway.plan = plan


def _once_per_url(gateway: FakeGateway) -> None:
    """A URL in the header is called back for the first request that gives it."""
    first: dict[str, str] = {}
    calling(lambda calls: [call for call in calls if first.setdefault(call[1], call[0]) == call[0]])(gateway)


def _image(ask: Ask) -> str:
    return str(sent(ask).get("first_frame_image"))


def _only(ids: str) -> frozenset[str]:
    return frozenset(ids.split())


WRONG = (
    Wrong("AUTH-02", prepare=_shown(lambda key: key is None, *RUNNING), name="while it runs"),
    Wrong("AUTH-02", prepare=_shown(lambda key: key is None, "FAILED", "ERROR"), name="a bad end"),
    Wrong("AUTH-03", prepare=_shown(lambda key: bool(key) and key not in OTHERS.values(), *RUNNING), name="while it runs"),
    Wrong("AUTH-10", prepare=_shown(lambda key: key == OTHERS["other"], *RUNNING, operation="imageToVideo"), name="while it runs"),
    Wrong("AUTH-03", prepare=open_to(lambda _, key: key is not None and key.swapcase() == KEY), name="letter case"),
    Wrong("AUTH-03", prepare=open_to(lambda _, key: key is not None and key[:-1] == KEY), name="longer"),
    Wrong("AUTH-03", prepare=open_to(lambda _, key: bool(key) and KEY.startswith(str(key))), name="shorter"),
    Wrong("BASE-06", prepare=editing(partial(_begun_by, "HEAD")), beside=_only("WEBHOOK-02"), name="HEAD begins"),
    Wrong("BASE-06", prepare=editing(partial(_begun_by, "OPTIONS")), beside=_only("WEBHOOK-02"), name="OPTIONS begins"),
    Wrong("BASE-06", prepare=editing(partial(_ended_by, lambda ask: ask.method == "DELETE" and KEY not in ask.headers.values())), name="DELETE of another ends"),
    Wrong("BASE-06", prepare=editing(partial(_ended_by, lambda ask: ask.method == "DELETE")), name="DELETE ends"),
    Wrong("HDR-01", prepare=picky(lambda ask: ask.headers["content-type"] == "application/json;charset=UTF-8"), name="as Java writes it"),
    Wrong("ERR-429-02", prepare=_throttling_another, beside=_only("ERR-429-03")),
    Wrong("WAL-04", prepare=editing(_charged(lambda ask, reply: reply.code == 400 and len(str(sent(ask).get("prompt"))) > 2000)), name="long prompt"),
    Wrong("WAL-04", prepare=editing(_charged(lambda ask, reply: reply.code == 400 and ask.headers.get("content-type") == "text/plain")), name="text"),
    Wrong("WAL-04", prepare=editing(_charged(lambda ask, reply: reply.code == 400 and sent(ask).get("resolution") == 768)), name="resolution"),
    Wrong("WAL-04", prepare=editing(_charged(lambda ask, reply: reply.code == 400 and sent(ask).get("duration") == 1)), name="duration"),
    Wrong("WAL-04", prepare=editing(_charged(lambda _, reply: reply.code == 400 and b"aspect ratio" in reply.encoded())), name="image"),
    Wrong("WAL-05", prepare=editing(_charged(lambda ask, _: ask.method == "HEAD"))),
    Wrong("WAL-06", prepare=editing(_overdrawn_with_image), name="image to video"),
    Wrong("ERR-400-02", prepare=editing(lambda gateway, ask, reply: gateway.route(replace(ask, target=f"{BASE}generate")) if "no-such-model" in ask.target else reply), name="accepted"),
    Wrong("T2V-PROMPT-02", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and "\n" in _prompt(ask))),
    Wrong("T2V-PO-01", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and sent(ask).get("prompt_optimizer") is False), name="false refused"),
    Wrong("T2V-WM-01", prepare=_ending("generate", "aigc_watermark", True), name="true fails", beside=_only("T2V-PROMPT-02")),
    Wrong("T2V-CB-01", prepare=picky(lambda ask: ask.path == f"{BASE}generate" and "callback_url" in sent(ask)), name="URL refused"),
    Wrong("I2V-CB-01", prepare=picky(lambda ask: ask.path == f"{BASE}imageToVideo" and "callback_url" in sent(ask), 403), name="URL forbidden"),
    Wrong("I2V-PROMPT-05", prepare=picky(lambda ask: len(_prompt(ask).encode("utf-16-le")) > 4000), name="counted in UTF-16", beside=_only("ERR-500-01")),
    Wrong("I2V-PROMPT-04", prepare=lax(lambda op, b: op == "imageToVideo" and len(str(b.get("prompt"))) == 2001 and "\U0001f6a2" in str(b["prompt"]), prompt="x"), name="four bytes"),
    Wrong("I2V-IMG-05", prepare=lax(lambda _, b: str(b.get("first_frame_image")).startswith("ftp:"), first_frame_image="https://x/y")),
    Wrong("I2V-IMG-07", prepare=lax(lambda _, b: "png;base64,R0lG" in str(b.get("first_frame_image")), first_frame_image="https://x/y"), name="by its label"),
    Wrong("I2V-IMG-07", prepare=lax(lambda _, b: "base64,SUkq" in str(b.get("first_frame_image")) and len(str(b["first_frame_image"])) > 1000, first_frame_image="https://x/y"), name="TIFF"),
    Wrong("I2V-IMG-07", prepare=lax(lambda _, b: "AAAAHGZ0eXBhdmlm" in str(b.get("first_frame_image")) and len(str(b["first_frame_image"])) > 100, first_frame_image="https://x/y"), name="AVIF"),
    Wrong("I2V-IMG-03", prepare=picky(lambda ask: _image(ask).startswith("http") and "?" in _image(ask)), name="query refused"),
    Wrong("I2V-DUR-01", prepare=lax(lambda op, b: op == "imageToVideo" and b.get("duration") is False, duration=6)),
    Wrong("I2V-DUR-02", prepare=picky(lambda ask: sent(ask).get("duration") == 10, 0), name="hung up", beside=_only("ERR-500-01 T2V-DUR-02")),
    Wrong("I2V-DUR-02", prepare=picky(lambda ask: sent(ask).get("duration") == 10, 402), name="too expensive", beside=_only("ERR-402-02 T2V-DUR-02")),
    Wrong("I2V-RES-01", prepare=_ending("imageToVideo", "resolution", "1080P"), name="fails", beside=_only("I2V-COMBO-01 WEBHOOK-16")),
    Wrong("I2V-DUR-03", prepare=lax(lambda op, b: op == "imageToVideo" and "callback_url" in b and isinstance(b.get("duration"), int), duration=6), name="beside a URL", beside=_only("I2V-DUR-01")),
    Wrong("I2V-RES-02", prepare=lax(lambda op, b: op == "imageToVideo" and b.get("duration") == 10, resolution="768P"), name="of 10 s", beside=_only("I2V-RES-03")),
    Wrong("I2V-IMG-09", prepare=editing(lambda gateway, ask, reply: gateway.route(replace(ask, body=json.dumps({**sent(ask), "first_frame_image": "https://x/y"}).encode())) if "x-webhook-url" in ask.headers and b"short side" in reply.encoded() else reply), name="beside a URL"),
    Wrong("I2V-RES-02", prepare=lax(lambda op, b: op == "imageToVideo" and b.get("resolution") == "768p", resolution="768P"), name="letter case"),
    Wrong("SUBMIT-01", prepare=picky(lambda ask: "boat 1 of a fleet" in _prompt(ask), 0), name="one of many"),
    Wrong("SUBMIT-02", prepare=picky(lambda ask: sent(ask).get("duration") == 10 and len(_prompt(ask)) == 2000), name="long and long"),
    Wrong("STATUS-01", edit=lambda ask, reply: replace(reply, headers={"Content-Encoding": "gzip"}) if is_read(ask) and ask.headers["accept-encoding"] == "gzip" else reply, name="not gzip"),
    Wrong("SUBMIT-16", prepare=editing(_lenient), name="image to video", beside=_only("SUBMIT-17 ERR-500-01")),
    Wrong("STATUS-01", prepare=reading(_lost), name="lost while it runs", beside=_only("WEBHOOK-08")),
    Wrong("STATUS-12", prepare=editing(partial(_ended_by, lambda ask: ask.method == "HEAD")), name="ended by HEAD", beside=_only("BASE-06")),
    Wrong("STATUS-12", prepare=editing(partial(_ended_by, lambda ask: is_read(ask) and OTHERS["other"] in ask.headers.values())), beside=_only("T2V-BODY-01"), name="ended by another"),
    Wrong("OUT-05", prepare=_media_of_another, name="of another"),
    Wrong("STATUS-03", name="nothing in it", edit=envelope(lambda _: {}, "PROCESSING"), beside=_only("STATUS-02 STATUS-04 STATUS-08")),
    Wrong("WEBHOOK-03", prepare=_called_back_once_read, name="only once read", beside=_only("WEBHOOK-07")),
    Wrong("WEBHOOK-03", prepare=_once_per_url, name="once per URL"),
    Wrong("WEBHOOK-03", prepare=_uncalled("imageToVideo", "duration", 10), name="not of 10 s"),
    Wrong("WEBHOOK-03", prepare=_uncalled("generate", "aigc_watermark", True), name="not of marked ones", beside=_only("WEBHOOK-19")),
    Wrong("WEBHOOK-03", prepare=_uncalled("generate", "resolution", "1080P"), name="not of 1080P"),
    Wrong("WEBHOOK-04", prepare=calling(_crossed), beside=_only("WEBHOOK-03 WEBHOOK-12"), name="of one sent at the same time"),
    Wrong("WEBHOOK-19", prepare=_bad_end_not_called_back, name="not of a bad end"),
    Wrong("WEBHOOK-09", prepare=_refusal_called_back, name="without an image"),
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
    """The first core clause is shown by a slow run, the others by an exhaustive one."""
    marks = () if wrong in CORE[:1] else pytest.mark.exhaustive
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


def test_a_stamp_that_stands_still_for_a_part_of_a_second_is_found() -> None:
    closely = [probe for probe in QUICK if probe.name in {"smoke", "closely watched"}]
    still = envelope(lambda body: {**body, "updated_at": body["created_at"]}, "PROCESSING", "COMPLETED")
    observed = observe(
        target=full_target(pace=0.5), plan=lambda work: replace(work, processing=0.5), edit=still, probes=closely
    )
    assert observed.verdicts["TIME-06"].outcome.value == "FAIL"
