"""Gateways that keep the page, each in its own way: no clause may raise an alarm."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from tests.contracts.fake_run import ORIGIN, QUICK, Observed, full_target, observe, some
from tests.contracts.gateways.edits import (
    accepted,
    envelope,
    having,
    is_media,
    is_read,
    is_submit,
    lax,
    members,
    output,
    sent,
    throttling,
    throttling_later,
)
from tests.contracts.gateways.fake_gateway import (
    ACCOUNTS,
    KEY,
    ONES,
    OTHERS,
    TWO,
    Ask,
    Reply,
    Work,
    is_members,
    refusal,
)

from pixazo_contracts.clauses import select
from pixazo_contracts.judge import Result, Terms, evaluate, selection
from pixazo_contracts.judge.evaluation import Expectation
from pixazo_contracts.probes import PROBES, for_clauses
from pixazo_contracts.report import render_html, render_junit, render_terminal
from pixazo_contracts.runner.session import RunOptions
from pixazo_contracts.trace.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.contracts.gateways.edits import Change, Edit, Members
    from tests.contracts.gateways.fake_gateway import FakeGateway


@pytest.fixture(scope="module")
def observed() -> Observed:
    return observe()


@pytest.mark.slow
def test_a_faithful_gateway_raises_no_alarm(observed: Observed) -> None:
    """A gateway that keeps the page neither fails nor drifts anywhere, and the suite makes no mistake on it."""
    assert observed.outcomes("FAIL", "DRIFT", "BLOCKED", "ERROR") == set()


def test_all_but_one_clause_are_judged(observed: Observed) -> None:
    """With accounts, prompts and a receiver only plain HTTP stays unjudged on a local fake."""
    assert observed.outcomes("INCONCLUSIVE", "SKIPPED", "UNFUNDED") == {"BASE-08"}


@pytest.mark.slow
def test_a_url_and_a_key_judge_most_clauses() -> None:
    """Without accounts and bad prompts at least 150 clauses are judged."""
    bare = observe(target=Target(full_target().profile, {"default": (KEY,)}))
    assert bare.outcomes("FAIL", "DRIFT", "BLOCKED", "ERROR") == set()
    assert len(bare.outcomes("PASS", "OBSERVED")) >= 150


def result_of(observed: Observed, **terms: Any) -> Result:
    """What a run comes to."""
    return evaluate(observed.trace, selection(observed.trace), Terms(today=date(2026, 3, 31), **terms))


def test_every_report_says_why_a_deviation_is_excused() -> None:
    few = tuple(probe for probe in PROBES if probe.name in {"smoke", "g1"})
    known = Expectation(clause="STATUS-04", outcome="FAIL", reason="reported & known", expires=date(2026, 4, 1))
    observed = observe(edit=envelope(having(model_id="video-01")), probes=few)
    result = result_of(observed, expectations=(known,))
    assert "\n    until 2026-04-01: reported & known\n" in render_terminal(result)
    assert "<p>until 2026-04-01: reported &amp; known</p>" in render_html(result)
    (skipped,) = ET.fromstring(render_junit(result)).findall(".//testcase[@name='STATUS-04']/skipped")
    assert skipped.get("message") == "FAIL: until 2026-04-01: reported & known"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("budget", "glob"),
    [(0, "*"), *(pytest.param(each, "*", marks=pytest.mark.exhaustive) for each in (1, 8)), (3, "*"), (4, "WEBHOOK-*")],
)
def test_what_is_planned_for_a_budget_is_judged(budget: int, glob: str) -> None:
    """On a target that charges, too, whatever it may cost: all core clauses that a probe which was carried out feeds."""
    bare, chosen = Target(full_target(paid=True).profile, {"default": (KEY,)}), [each.id for each in select((glob,))]
    options = RunOptions(run="testrun0", max_generations=budget, selected=tuple(chosen))
    result = result_of(observe(target=bare, probes=for_clauses(chosen), options=options))
    assert [missing.clause for missing in result.summary.missing if missing.fails] == []
    assert result.summary.judged <= result.summary.planned
    assert (result.exit_code, result.meta.generations_spent) == (0, budget)


@pytest.mark.slow
def test_what_was_planned_and_not_judged_leads_the_summary() -> None:
    """A gateway that throttles one operation for ever is right, and its core clauses are not judged: exit 13, and every report says why."""

    def busy(ask: Ask, reply: Reply) -> Reply:
        return refusal(429, "Too Many Requests", "Later") if ask.path.endswith("imageToVideo") else reply

    chosen = ("SUBMIT-01", "SUBMIT-02", "I2V-RES-01")
    observed = observe(edit=busy, probes=for_clauses(chosen), options=RunOptions(run="testrun0", selected=chosen))
    result = result_of(observed)
    assert [(each.clause, each.fails) for each in result.summary.missing] == [
        ("SUBMIT-02", True),
        ("I2V-RES-01", False),
    ]
    assert (result.summary.planned, result.summary.judged, result.exit_code) == (3, 1, 13)
    totals = render_terminal(result).partition("\n\n")[2].splitlines()
    assert totals[0] == "planned and not judged: 2 clauses, of which 1 make the run fail"
    assert re.fullmatch(
        r"  ★ SUBMIT-02  INCONCLUSIVE: its probes? \(g2.*\) sent \d+ request\(s\) for it: 429 \(\d+\)", totals[1]
    )
    cases = {case.get("name"): [child.tag for child in case] for case in ET.fromstring(render_junit(result))}
    assert (cases["SUBMIT-02"], cases["I2V-RES-01"]) == (["error"], ["skipped"])
    assert "1 clause that this run must judge could not be judged" in render_html(result)
    strict = result_of(observed, strict=True)
    assert [each.fails for each in strict.summary.missing] == [True, True]


@pytest.mark.exhaustive
def test_no_key_enters_the_trace_file(tmp_path: Path) -> None:
    """A gateway that echoes the key everywhere is caught, and the key stands nowhere in the trace."""

    def echo(ask: Ask, reply: Reply) -> Reply:
        key = ask.headers.get("ocp-apim-subscription-key", "")
        headers = {**reply.headers, "X-Caller": key}
        value = {**members(reply), "caller": key} if is_members(reply.value) else reply.value
        return replace(reply, headers=headers, value=value)

    options = RunOptions(run="testrun0", trace_path=tmp_path / "trace.ndjson")
    observed = observe(edit=echo, tell=lambda body: {**body, "key": KEY}, probes=QUICK, options=options)
    kept = (tmp_path / "trace.ndjson").read_text()
    assert "AUTH-11" in observed.outcomes("FAIL")
    assert "WEBHOOK-14" in observed.outcomes("FAIL")
    assert [key for keys in full_target().keys.values() for key in keys if key in kept] == []


THROTTLE = tuple(probe for probe in PROBES if probe.name in {"smoke", "throttled account"})


def any_call(_: Ask) -> bool:
    return True


@pytest.mark.parametrize(
    ("served", "when", "paid", "sent", "judged"),
    [
        (0, any_call, False, 4, "PASS"),
        (3, any_call, False, 7, "PASS"),
        (3, is_submit, False, 10, "PASS"),
        (99, any_call, False, 10, "INCONCLUSIVE"),
        (3, any_call, True, 5, "PASS"),
        (3, is_submit, True, 8, "PASS"),
        (99, any_call, True, 10, "INCONCLUSIVE"),
    ],
    ids=["at once", "any", "submits", "never", "any, paid", "submits, paid", "never, paid"],
)
def test_a_throttle_that_begins_later(
    served: int, when: Callable[[Ask], bool], paid: bool, sent: int, judged: str
) -> None:
    """At most four reads and six submits are sent until one gets 429; what a 429 does is seen by two more, unless they cost."""
    options = RunOptions(run="testrun0", max_generations=10 if paid else 0)
    found = observe(
        target=full_target(paid=paid), probes=THROTTLE, prepare=throttling_later(served, when), options=options
    )
    asked = [
        ask for ask in found.gateway.asked if ask.headers.get("ocp-apim-subscription-key") == ACCOUNTS["throttled"]
    ]
    assert (len(asked), found.verdicts["ERR-429-01"].outcome.value) == (sent, judged)
    assert found.verdicts["ERR-429-02"].outcome.value == judged
    assert found.outcomes("FAIL", "DRIFT", "BLOCKED", "ERROR") == set()


def test_a_throttle_says_nothing_of_a_pace_that_was_not_kept() -> None:
    """Who polls five times a second may get a 429: the advised pace is another."""
    few = tuple(probe for probe in PROBES if probe.name in {"smoke", "g1"})
    observed = observe(target=full_target(pace=0.2), probes=few, prepare=throttling(3, seconds=2))
    assert observed.verdicts["STATUS-13"].outcome.value == "PASS"


@pytest.mark.parametrize("clause", ["WAL-01", "WAL-04", "WAL-05"])
def test_spent_accounts_say_nothing_about_debits(clause: str) -> None:
    """In a second run against one target nothing is known of wallets that the first one emptied."""
    few = for_clauses(("WAL-01", clause))
    observed = observe(probes=few, prepare=lambda gateway: gateway.funds.update(dict.fromkeys((TWO, *ONES), 0)))
    assert observed.verdicts[clause].outcome.value == "INCONCLUSIVE"
    assert "give all of them funds" in str(observed.verdicts[clause].reason)


@pytest.mark.slow
@pytest.mark.parametrize("stated", [{"retry-after": "600"}, {}], ids=["stated", "unstated"])
def test_a_gateway_that_throttles_everything_ends_the_run(stated: dict[str, str]) -> None:
    """Each wait may take a deadline: once waits are known to be in vain none is made for the hundreds of requests to come."""
    observed = observe(edit=lambda _, reply: replace(refusal(429, "Too Many Requests", "Slow down"), headers=stated))
    assert len(observed.trace.exchanges) > 150
    assert observed.trace.footer is not None
    assert observed.trace.footer.seconds < 20 * observed.trace.header.profile.deadline


@dataclass(frozen=True)
class Faithful:
    """One way to keep the page, where it is silent or where the difference is harmless."""

    name: str
    edit: Edit = lambda _, reply: reply
    tell: Change = lambda body: body
    prepare: Callable[[FakeGateway], None] = lambda _: None


def _api_management(_: Ask, reply: Reply) -> Reply:
    """401 and 429 in the shape of an API-management product."""
    if reply.code not in (401, 429):
        return reply
    headers = {**reply.headers, "WWW-Authenticate": 'AzureApiManagementKey realm="x"'}
    return Reply(reply.code, {"statusCode": reply.code, "message": "Access denied"}, headers=headers)


def _invalid(name: str, raw: bytes, kind: str) -> Faithful:
    """Validation errors of another shape, which the page announces and does not print."""

    def edit(_: Ask, reply: Reply) -> Reply:
        ours = reply.code == 400 and members(reply).get("error") != "Model not found"
        return replace(reply, raw=raw, headers={"Content-Type": kind}) if ours else reply

    return Faithful(f"validation errors: {name}", edit=edit)


def _no_nulls(body: Members) -> Members:
    return {name: value for name, value in body.items() if value is not None}


def _text_404(_: Ask, reply: Reply) -> Reply:
    unrouted = reply.code == 404 and members(reply).get("message") == "No such route"
    return Reply(404, raw=b"Not Found", headers={"Content-Type": "text/plain"}) if unrouted else reply


def _on_the_bucket(body: Members) -> Members:
    url = f"https://pub-582b7213209642b9b995c96c95a30381.r2.dev/v1/{body['request_id']}/output.ext"
    return output(media_url=[url], media_type="application/octet-stream")(body)


def _failing_images(gateway: FakeGateway) -> None:
    """Rules about the image are enforced later: accepted, then FAILED."""

    def edit(ask: Ask, reply: Reply) -> Reply:
        if is_submit(ask) and b"'first_frame_image' must have" in reply.encoded():
            key = ask.headers["ocp-apim-subscription-key"]
            return gateway.accept(ask, "imageToVideo", {**sent(ask), "prompt": "bad image"}, key)
        return reply

    def plan(work: Work) -> Work:
        return replace(work, end="FAILED") if work.body.get("prompt") == "bad image" else work

    gateway.edit, gateway.plan = edit, plan


def _cold(gateway: FakeGateway) -> None:
    """The first generations are processed for a minute, the others for two seconds and a half."""

    def plan(work: Work) -> Work:
        return replace(work, processing=60.0 if len(gateway.works) < 3 else 2.5)

    gateway.plan = plan


def _overloaded(gateway: FakeGateway) -> None:
    """One 429 for a read beside those of a throttled account, and one for the first read after a throttle."""
    hit, route = dict[str, int](), gateway.route

    def throttle(ask: Ask) -> Reply:
        reply, key = route(ask), ask.headers.get("ocp-apim-subscription-key", "")
        other = key == OTHERS["other"] and "throttled" in hit and is_read(ask)
        if reply.code == 429 and key == ACCOUNTS["throttled"]:
            hit["throttled"] = 1
        if (other or (key == OTHERS["recovering"] and reply.code != 429)) and key not in hit:
            hit[key] = 1
            headers = {"Content-Type": "application/json", "Retry-After": "1"}
            return replace(refusal(429, "Too Many Requests", "Slow down"), headers=headers)
        return reply

    gateway.route = throttle  # type: ignore[method-assign]  # this one gateway is overloaded


def _ten_submits(gateway: FakeGateway) -> None:
    """Ten submits of a key in twenty seconds; the others get a `Retry-After` that is too short."""
    served, route = list[float](), gateway.route

    def throttle(ask: Ask) -> Reply:
        if is_submit(ask) and ask.headers.get("ocp-apim-subscription-key") == KEY:
            if len(served) >= 10 and served[-10] > gateway.now() - 20:
                headers = {"Content-Type": "application/json", "Retry-After": "1"}
                return replace(refusal(429, "Too Many Requests", "Slow down"), headers=headers)
            served.append(gateway.now())
        return route(ask)

    gateway.route = throttle  # type: ignore[method-assign]  # this one gateway is throttled


def _five_at_once(gateway: FakeGateway) -> None:
    """Five unfinished generations of a key; a further submit gets a 429 that names no wait."""
    route = gateway.route

    def throttle(ask: Ask) -> Reply:
        shown = (gateway.envelope(work, gateway.now()) for work in gateway.works.values())
        full = sum(each["completed_at"] is None for each in shown) >= 5
        mine = is_submit(ask) and ask.headers.get("ocp-apim-subscription-key") == KEY
        return refusal(429, "Too Many Requests", "Five are running") if mine and full else route(ask)

    gateway.route = throttle  # type: ignore[method-assign]  # this one gateway is small


def _moved_media(ask: Ask, reply: Reply) -> Reply:
    """Media are elsewhere on the same host."""
    found = is_media(ask) and reply.code == 200 and not ask.target.endswith("?moved")
    return Reply(302, raw=b"", headers={"Location": f"{ask.target}?moved"}) if found else reply


SIGNATURES = count()


def _signed(body: Members) -> Members:
    """Media are at a URL that is signed for each response."""
    url = f"{ORIGIN}/media/{body['request_id']}/output.mp4?Expires={next(SIGNATURES)}&Signature=f00d"
    return output(media_url=[url])(body) if body["output"] else body


FAITHFUL = (
    Faithful("API-management errors", edit=_api_management),
    _invalid("an array", b'["duration must be 6"]', "application/json"),
    _invalid("another object", b'{"error": {"code": 17}, "message": null}', "application/problem+json"),
    _invalid("a page", b"<h1>Bad Request</h1>", "text/html"),
    _invalid("nothing", b"", "application/json"),
    Faithful("401 without a body", edit=lambda _, reply: Reply(401, raw=b"") if reply.code == 401 else reply),
    Faithful("nulls left out while running", edit=envelope(_no_nulls, "QUEUED", "PROCESSING")),
    Faithful("plain text for unknown routes", edit=_text_404),
    Faithful(
        "the documented origin in polling_url",
        edit=accepted(
            lambda b: {**b, "polling_url": str(b["polling_url"]).replace(ORIGIN, "https://gateway.pixazo.ai")}
        ),
    ),
    Faithful(
        "media on the documented bucket",
        edit=envelope(_on_the_bucket, "COMPLETED"),
        tell=lambda b: _on_the_bucket(b) if b["status"] == "COMPLETED" else b,
    ),
    Faithful("415 for other types", edit=lambda a, r: replace(r, code=415) if b"must be application" in r.encoded() else r),
    Faithful("403 for foreign ids", edit=lambda a, r: replace(r, code=403) if is_read(a) and b"No request" in r.encoded() else r),
    Faithful("media by way of a redirect", edit=_moved_media),
    Faithful("media at URLs signed for each response", edit=envelope(_signed, "COMPLETED"), tell=_signed),
    Faithful("images checked later", prepare=_failing_images),
    Faithful("a throttle with a Retry-After that is too short", prepare=_ten_submits),
    Faithful("five at once", prepare=_five_at_once),
    Faithful("a 429 now and then", prepare=_overloaded),
    Faithful("a cold start", prepare=_cold),
    Faithful(
        "null for an optional member is absence",
        prepare=lax(lambda _, b: b.get("prompt_optimizer", 0) is None, prompt_optimizer=True),
    ),
    Faithful(
        "any resolution of text to video",
        prepare=lax(lambda op, b: op == "generate" and isinstance(b.get("resolution"), str), resolution="768P"),
    ),
)  # fmt: skip


def test_what_refused_images_cost_is_judged_where_they_are_accepted_at_first() -> None:
    """An image that this gateway accepts is not sent with the account whose funds show the cost of refusals."""
    observed = observe(prepare=_failing_images, probes=for_clauses(["WAL-04"]))
    assert observed.verdicts["WAL-04"].outcome.value == "PASS"


@pytest.mark.slow
@pytest.mark.parametrize("faithful", some({faithful.name: faithful for faithful in FAITHFUL}, 1))
def test_a_harmless_difference_raises_no_alarm(faithful: Faithful) -> None:
    """Where the page is silent, or the difference cannot hurt a client, no clause fails or drifts, and the run is clean."""
    observed = observe(edit=faithful.edit, tell=faithful.tell, prepare=faithful.prepare, probes=QUICK)
    assert observed.outcomes("FAIL", "DRIFT", "BLOCKED", "ERROR") == set()
    assert observed.exit_code == 0
