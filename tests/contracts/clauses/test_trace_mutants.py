"""Every clause can fail: the trace of a faithful gateway, rewritten by hand in one respect, alarms the clause concerned."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote

import pytest
from tests.contracts.clauses.rewriting import (
    HTML,
    LOST,
    NO_ID,
    Change,
    Edit,
    Members,
    Message,
    aim,
    aimed,
    answered,
    at,
    become,
    both,
    by,
    called,
    calls,
    case,
    clean,
    code,
    drop,
    envelope,
    everything,
    everywhere,
    facts,
    fetched,
    head,
    late_failure,
    later,
    lower,
    media,
    moved,
    nth,
    of,
    other_way,
    output,
    over_at_once,
    put,
    reads,
    same_id,
    single,
    slowly,
    status_twice,
    stranger,
    submits,
    taken,
    target,
    text,
    uncalled,
    unrepeated,
)
from tests.contracts.fake_run import ORIGIN

from pixazo_contracts.clauses import BY_ID, CATALOGUE
from pixazo_contracts.clauses.clause import EXAMPLE, SILENT
from pixazo_contracts.clauses.remarks import Evidence, Violation
from pixazo_contracts.judge.verdict import judge
from pixazo_contracts.trace.trace import STAMPS, STATES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pixazo_contracts.clauses import Clause
    from pixazo_contracts.trace import Exchange, Trace

REFUSED = """T2V-PROMPT-01 T2V-PROMPT-02 T2V-DUR-01 T2V-RES-01 T2V-PO-01 T2V-FP-01 T2V-WM-01 T2V-CB-01 I2V-PROMPT-01
    I2V-PROMPT-02 I2V-PROMPT-04 I2V-IMG-01 I2V-IMG-02 I2V-DUR-01 I2V-DUR-03 I2V-RES-02 I2V-RES-03 I2V-PO-01 I2V-FP-01
    I2V-WM-01 I2V-CB-01"""
IMAGES = "I2V-IMG-05 I2V-IMG-07 I2V-IMG-08 I2V-IMG-09 I2V-IMG-11"
ACCEPTED = """T2V-BODY-01 T2V-BODY-02 I2V-PROMPT-03 I2V-PROMPT-05 I2V-PROMPT-06 I2V-IMG-03 I2V-IMG-04 I2V-IMG-06
    I2V-IMG-10 I2V-IMG-12 I2V-DUR-02 I2V-RES-01 HDR-01 HDR-03"""
OPEN = """HDR-02 SUBMIT-18 T2V-PROMPT-03 T2V-PROMPT-04 T2V-DUR-02 T2V-RES-02 T2V-IMG-01 I2V-IMG-13 I2V-COMBO-01 I2V-FP-02
    I2V-MODEL-01"""

#: Clauses, and a rewriting that alarms each of them.
ROWS: tuple[tuple[str, Edit], ...] = (
    (REFUSED, at(nth(-1, aimed(status=400)), taken)),
    (REFUSED, at(nth(-1, aimed(status=400)), code(200), text("{}"))),
    (REFUSED, at(nth(-1, aimed(status=400)), LOST)),
    (IMAGES, at(nth(-1, aimed(status=400)), code(200), text("{}"))),
    (ACCEPTED, at(nth(-1, single(aimed(status=202))), other_way)),
    (ACCEPTED, at(nth(-1, single(aimed(status=202))), LOST)),
    (ACCEPTED, at(nth(0, single(aimed(status=202))), code(401))),
    (OPEN, at(nth(-1, aimed()), other_way)),
    # BASE, AUTH, HDR
    ("BASE-01", at(submits(), code(404))),
    ("BASE-01", moved("http://gateway.pixazo.ai")),
    ("BASE-02", at(submits("generate"), code(405))),
    ("BASE-03", at(submits("imageToVideo"), code(404))),
    ("BASE-04", at(reads(), code(404))),
    ("BASE-05", at(reads(made=by("imageToVideo")), code(404))),
    ("BASE-06", at(aimed("GET generate"), taken)),
    ("BASE-07", at(aimed("trailing slash"), taken)),
    ("BASE-08", at(aimed(), envelope)),
    ("AUTH-01 AUTH-03 AUTH-04", at(nth(-1, aimed()), taken)),
    ("AUTH-01 AUTH-02 AUTH-03 AUTH-04 AUTH-09 SUBMIT-16 SUBMIT-17 ERR-402-01 ERR-500-01", at(nth(-1, aimed()), LOST)),
    ("AUTH-01 AUTH-09 I2V-DUR-03", at(nth(-1, aimed()), put(request_id=NO_ID))),
    ("AUTH-01", at(aim("BASE-07"), taken)),
    ("AUTH-02 AUTH-10", at(nth(-1, aimed()), envelope, code(401))),
    ("AUTH-02 AUTH-06", at(nth(-1, aimed()), envelope)),
    ("AUTH-02", at(case("no key, generate, COMPLETED, trailing slash"), envelope)),
    ("AUTH-03", at(case("unknown key, generate, COMPLETED, trailing slash"), envelope)),
    ("AUTH-10", at(case("other key, generate, COMPLETED, trailing slash"), envelope)),
    ("AUTH-05 AUTH-09", at(nth(-1, aimed()), code(401))),
    ("AUTH-05", at(nth(3, aimed()), code(400))),
    ("AUTH-07", at(nth(-1, reads()), code(403))),
    ("AUTH-08", at(aimed(), code(400))),
    ("AUTH-10", at(aimed(), envelope, put(status="FAILED", output=None))),
    ("AUTH-10", at(nth(-1, aimed("other key, generate, COMPLETED")), put(message="no access to 'A high-energy scene of a ...'"))),
    ("AUTH-10", at(nth(0, aimed("other key, generate, COMPLETED")), put(message="it is PROCESSING, for another caller"))),
    ("AUTH-10", at(nth(-1, aimed("other key, generate, COMPLETED")), lambda m: put(message=f"not yours: {ORIGIN}/media/{cast('Exchange', m).request_id}/output.mp4")(m))),
    ("AUTH-11", at(media(), become(leaks=("header X-Request",)))),
    ("AUTH-12", at(aim("AUTH-01"), head("WWW-Authenticate", "Key"))),
    ("HDR-04", at(nth(-1, reads("PROCESSING")), HTML)),
    ("HDR-04", at(nth(-1, reads("PROCESSING")), status_twice)),
    ("HDR-04", at(nth(-1, reads("PROCESSING")), head("Content-Type", "application/json; charset=utf-16"))),
    ("HDR-04", at(submits(status=402), head("Content-Type", "text/plain"))),
    ("HDR-05", at(nth(-1, reads("PROCESSING")), head("Age", "30"))),
    # SUBMIT
    ("SUBMIT-01", at(nth(-1, submits("generate", 202)), code(200))),
    ("SUBMIT-01", at(lambda trace, _: (e for e in trace.submits if e.case == "quiet"), other_way)),
    ("SUBMIT-02", at(nth(-1, submits("imageToVideo", 202)), code(201))),
    ("SUBMIT-03", at(nth(-1, submits("", 202)), drop("polling_url"))),
    ("SUBMIT-04", at(nth(-1, submits("", 202)), put(estimated_cost=0.35))),
    ("SUBMIT-05", at(nth(-1, submits("", 202)), put(status="queued"))),
    ("SUBMIT-06", at(nth(-1, submits("", 202)), put(request_id="019d0000-0000-7000-8000-000000000000"))),
    ("SUBMIT-07", at(nth(-1, submits("", 202)), put(request_id=NO_ID.replace("019d", "019D")))),
    ("SUBMIT-08", at(nth(-1, submits("", 202)), put(request_id=NO_ID.replace("-7", "-4")))),
    ("SUBMIT-09", at(reads(made=of("prompt alone")), later(86_400, "created_at"))),
    ("SUBMIT-10", same_id(nth(-1, submits("imageToVideo", 202)))),
    ("SUBMIT-11", at(nth(-1, submits("", 202)), put(polling_url=f"{ORIGIN}/v2/requests/status/{NO_ID}"))),
    ("SUBMIT-12", at(nth(-1, submits("", 202)), put(polling_url=f"/v2/requests/status/{NO_ID}"))),
    ("SUBMIT-12", at(aimed(), code(404))),
    ("SUBMIT-13", at(nth(0, reads(made=of("burst-read"))), code(404))),
    ("SUBMIT-14", at(nth(0, reads(made=of("g1"))), put(status="COMPLETED", completed_at="2026-03-31T10:00:15.000Z"))),
    ("SUBMIT-15", at(nth(-1, aimed("again")), code(409))),
    ("SUBMIT-16 SUBMIT-17", at(nth(-1, aimed()), code(422))),
    # STATUS, FLOW
    ("STATUS-01", at(nth(-1, reads("PROCESSING")), code(202))),
    ("STATUS-01", at(nth(-1, reads("PROCESSING")), LOST)),
    ("STATUS-02 STATUS-03", at(nth(-1, reads("COMPLETED", made=of("quiet"))), text("{}"))),
    ("STATUS-02", at(nth(-1, reads("PROCESSING")), put(status="processing"))),
    ("STATUS-03", at(nth(-1, reads("PROCESSING")), put(request_id=NO_ID))),
    ("STATUS-04", at(nth(-1, reads("PROCESSING")), put(model_id="video-01"))),
    ("STATUS-05", at(nth(-1, reads("PROCESSING")), put(error="none so far"))),
    ("STATUS-06", at(nth(-1, reads("PROCESSING")), put(output={"media_url": ["http://127.0.0.1:8900/x"]}))),
    ("STATUS-07", at(nth(-1, reads("PROCESSING")), put(polling_url=None))),
    ("STATUS-08", at(nth(-1, reads("PROCESSING")), drop("error"))),
    ("STATUS-09", at(nth(-1, reads("COMPLETED")), drop("updated_at"))),
    ("STATUS-10 STATUS-11", at(nth(0, aimed()), envelope)),
    ("STATUS-10 STATUS-11", at(nth(0, aimed()), put(status="QUEUED"))),
    ("STATUS-12", at(nth(0, reads(case="poll", made=of("burst-read"))), put(status="PROCESSING"))),
    ("STATUS-13", at(nth(1, reads(case="alone")), code(429))),
    ("STATUS-14", at(nth(-1, reads(made=of("quiet"))), put(progress=100))),
    ("STATUS-14", at(nth(-1, reads(case="again")), code(404))),
    ("STATUS-15", at(nth(-1, reads(made=of("g1"))), become(reader="reader 2"), put(status="PROCESSING"))),
    ("STATUS-16", at(nth(-1, aimed()), code(404))),
    ("FLOW-01", at(nth(-1, reads("PROCESSING", made=of("prompt alone"))), put(status="QUEUED"))),
    ("FLOW-02", at(reads("PROCESSING"), put(status="QUEUED"))),
    ("FLOW-03", at(nth(-1, reads(made=of("quiet"))), put(status="FAILED"))),
    ("FLOW-03", late_failure(slow=slice(1))),
    ("FLOW-03", late_failure(slow=slice(99))),
    ("FLOW-04", at(reads("PROCESSING", made=of("failed-prompt")), put(status="FAILED"))),
    ("FLOW-05", at(reads("COMPLETED", made=of("quiet")), put(status="PROCESSING"), become(started=300.0, finished=300.0))),
    # OUT, TIME, FAIL
    ("OUT-01", at(nth(-1, reads("COMPLETED")), put(output=None))),
    ("OUT-02", at(nth(-1, reads("COMPLETED")), output(media_url="http://127.0.0.1:8900/x"))),
    ("OUT-03", at(nth(-1, reads("COMPLETED")), output(media_url=["/media/x"]))),
    ("OUT-03", at(nth(-1, reads("COMPLETED")), output(media_url=[f"{ORIGIN}/media/x\n"]))),
    ("OUT-04", moved("https://gateway.pixazo.ai")),
    ("OUT-05", at(nth(-1, reads("COMPLETED")), output(media_url=[f"{ORIGIN}/media/output.mp4"]))),
    ("OUT-06", at(nth(-1, reads("COMPLETED")), output(media_type="video"))),
    ("OUT-07", at(nth(-1, media()), head("Content-Type", "video/webm"))),
    ("OUT-08", at(nth(-1, media()), code(403))),
    ("OUT-08", at(nth(-1, media()), LOST)),
    ("OUT-08", at(media("download again"), code(503), become(media=None))),
    ("OUT-08", at(nth(-1, media("late")), facts(container=None))),
    ("OUT-09", at(nth(-1, media()), facts(container=None))),
    ("OUT-09", at(nth(-1, media()), facts(empty=True))),
    ("OUT-10", at(media(made=of("g4")), facts(seconds=4.0))),
    ("OUT-11", at(media(made=of("g4")), facts(width=640, height=480))),
    ("OUT-12", at(nth(-1, reads("COMPLETED")), output(thumbnail=None))),
    ("OUT-13", at(nth(-1, media("late")), code(404))),
    ("I2V-DUR-04", at(media(), facts(seconds=10.0))),
    ("I2V-RES-04", at(media(), facts(width=1920, height=1080))),
    ("TIME-01", at(nth(-1, reads("PROCESSING")), put(created_at="2026-03-31T10:00:00Z"))),
    ("TIME-02", at(nth(-1, reads("COMPLETED")), later(-86_400, "updated_at"))),
    ("TIME-03", at(nth(-1, reads("COMPLETED")), later(-86_400, "completed_at"))),
    ("TIME-04", at(reads("COMPLETED", made=of("quiet")), later(-1, "updated_at"))),
    ("TIME-05", at(nth(-1, reads("COMPLETED")), later(-86_400, "created_at"))),
    ("TIME-05", at(reads("COMPLETED"), drop("created_at"))),
    ("TIME-06", at(nth(-1, reads("COMPLETED", made=of("quiet"))), later(-1, "updated_at"))),
    ("TIME-07", at(nth(-1, reads("PROCESSING")), put(completed_at="2026-03-31T10:00:15.000Z"))),
    ("TIME-06", at(reads("COMPLETED", made=of("quiet")), later(86_400, "updated_at"))),
    ("TIME-07", at(reads("COMPLETED", made=of("quiet")), later(86_400, "completed_at"))),
    ("TIME-08", at(reads(made=of("again")), later(-3600, "created_at"))),
    ("TIME-08", at(reads(), put(created_at="2026-03-31T10:00:00.000Z"))),
    ("FAIL-01", at(reads("FAILED"), put(error=" "))),
    ("FAIL-02", at(nth(-1, reads("FAILED")), put(output={}))),
    ("FAIL-03", at(nth(-1, reads("ERROR")), drop("output"))),
    ("FAIL-04", at(reads("FAILED"), drop("updated_at"))),
    ("FAIL-05", at(reads("ERROR"), code(500))),
    # ERR, WAL
    ("ERR-ENV-01", at(submits(status=402), drop("message"))),
    ("ERR-ENV-02", at(nth(-1, aim("I2V-CB-01", status=400)), put(code=7))),
    ("ERR-400-01", at(nth(-1, aim("I2V-DUR-03")), code(422))),
    ("ERR-400-01", at(nth(-1, aim("T2V-DUR-01")), code(403))),
    ("ERR-400-02", at(aimed("disabled model"), taken)),
    ("ERR-400-02", at(aimed("no-such-model"), taken)),
    ("ERR-400-03", at(aim("ERR-400-02", "disabled model"), put(error="Not found"))),
    ("ERR-402-01", at(aimed(), code(400))),
    ("ERR-402-02", at(submits(status=402), put(message="No funds"))),
    ("ERR-402-03 ERR-429-02", at(aimed(), put(request_id=NO_ID))),
    ("ERR-402-03", at(nth(-1, aimed()), taken)),
    ("ERR-402-04", at(nth(-1, aimed()), code(402))),
    ("ERR-429-01", at(aimed("throttled account"), code(503))),
    ("ERR-429-03", at(aim("ERR-429-01"), head("Retry-After", "soon"))),
    ("ERR-429-04", at(aimed("read after the wait"), code(429))),
    ("ERR-500-01", at(nth(-1, reads("PROCESSING")), code(502))),
    ("ERR-500-01", at(nth(-1, aim("SUBMIT-16")), code(502))),
    ("ERR-500-01", at(nth(-1, aim("SUBMIT-17")), code(503))),
    ("ERR-500-01", at(lambda trace, _: (e for e in trace.exchanges if e.account == "other"), LOST)),
    ("ERR-500-02", at(submits(status=500), code(503))),
    ("ERR-500-02", at(aimed(), put(request_id=NO_ID))),
    ("ERR-SET-01", at(aim("AUTH-01"), code(409))),
    ("ERR-PREC-01", at(aimed("no key, no prompt"), code(400))),
    ("WAL-01", at(aimed("second"), code(402))),
    ("WAL-02 WAL-04 WAL-05", at(aimed("after"), code(402))),
    ("WAL-03 WAL-06", at(aimed(status=402), taken)),
    # WEBHOOK
    ("WEBHOOK-01", at(aimed("webhook alone"), put(webhook="registered"))),
    ("WEBHOOK-02", calls("alone", become(method="PUT"))),
    ("WEBHOOK-02", calls("alone", target(lambda url: url.partition("?")[0]))),
    ("WEBHOOK-02", calls("alone", target(unquote))),
    ("WEBHOOK-02", called("alone", target(lambda _: "/hook/nobody"), put(request_id=NO_ID))),
    ("WEBHOOK-03", uncalled("alone")),
    ("WEBHOOK-04", calls("alone", drop("output"))),
    ("WEBHOOK-04", calls("failed", text(""))),
    ("WEBHOOK-04", called("alone", put(status="PROCESSING"))),
    ("WEBHOOK-04", calls("alone", drop("created_at"))),
    ("WEBHOOK-04", calls("alone", put(status="DONE"))),
    ("WEBHOOK-04", called("alone", put(status="FAILED"))),
    ("WEBHOOK-05", calls("alone", put(request_id=NO_ID))),
    ("WEBHOOK-05", calls("member", put(request_id=NO_ID))),
    ("WEBHOOK-06", calls("failed", become(at=21.0))),
    ("WEBHOOK-07", uncalled("failed")),
    ("WEBHOOK-08", at(reads(made=lambda each: bool(each.webhook_urls)), code(404))),
    ("WEBHOOK-09", called("alone", stranger)),
    ("WEBHOOK-10", calls("alone", head("Content-Type", "text/plain"))),
    ("WEBHOOK-11", unrepeated),
    ("WEBHOOK-12", called("alone")),
    ("WEBHOOK-13", calls("alone", become(header_names=("X-Signature",)))),
    ("WEBHOOK-14", calls("alone", become(leaks=("header Authorization",)))),
    ("WEBHOOK-15", at(nth(-1, aimed()), code(500))),
    ("WEBHOOK-16", at(reads("COMPLETED", made=of("refusing receiver")), put(status="ERROR"))),
    ("WEBHOOK-17", called("redirecting", target(lambda url: url.replace("/hook/", "/redirected/")))),
    ("WEBHOOK-18", called("alone", put(status="PROCESSING"))),
    ("WEBHOOK-19", uncalled("member")),
    ("WEBHOOK-20", uncalled("g5-member")),
    ("WEBHOOK-21", called("member", put(challenge="1"))),
    ("WEBHOOK-22", calls("alone", put(polling_url=None))),
    ("I2V-IMG-14", fetched),
    ("I2V-IMG-15", same_id(nth(-1, aim("I2V-IMG-09")))),
)  # fmt: skip


#: Rewritings by which a clause that fails otherwise only drifts: a client that parses what the page prints is not hurt.
MILD: tuple[tuple[str, Edit], ...] = (
    ("TIME-01", at(nth(-1, reads("PROCESSING")), put(created_at="2026-03-31T10:00:00.000000Z"))),
    ("T2V-BODY-02", at(reads("COMPLETED", made=of("prompt alone")), put(status="FAILED"))),
    ("WEBHOOK-03", calls("g1", become(at=100_000.0))),
    ("WEBHOOK-04", calls("alone", drop("updated_at"))),
    ("STATUS-04", at(reads("QUEUED"), drop("model_id"))),
    ("STATUS-12", at(reads("COMPLETED", made=of("burst-read")), put(status="FAILED"))),
    ("AUTH-10", at(nth(0, aimed()), code(200), text("{}"))),
    ("OUT-06", at(reads("COMPLETED"), output(media_type="image/png"))),
    ("TIME-05", at(reads("PROCESSING"), drop("created_at"))),
    ("STATUS-10 STATUS-11", at(nth(0, aimed()), code(200))),
    ("STATUS-10", at(nth(0, aimed()), code(302))),
)  # fmt: skip


def on_bucket(members: Members) -> Members:
    """The same, its media on the documented host."""
    return cast("Members", json.loads(json.dumps(members).replace(f"{ORIGIN}/media", "https://pub-1.r2.dev/media")))


def both_reads_of_another(trace: Trace, _: str) -> Iterable[Exchange]:
    """What another account reads, of a request of ours and of nobody's."""
    return (e for e in trace.exchanges if e.account == "other" and e.method == "GET" and e.status == 404)


#: What a right gateway may do otherwise than the fake.
RIGHT: dict[str, Edit] = {
    "as it is": both(),
    "members in another order, and further ones": both(
        at(reads(*STATES), put(progress=1)), calls("", put(progress=1)), at(answered(402), put(id=7)),
        everything(lambda members: dict(reversed(members.items()))),
    ),
    "less in the body": both(
        at(reads(*STATES[:2]), drop("error", "output", "completed_at")),
        at(reads("FAILED", "ERROR"), drop(*STAMPS)), calls("failed", drop(*STAMPS)), calls("error", drop(*STAMPS)),
    ),
    "other headers": both(
        at(everywhere, head("X-Request-Id", "7")), calls("", head("X-Hook", "7")),
        at(answered(202, 401, 402, 403, 404, 429), head("Content-Type", 'application/json; charset="UTF-8"')),
        at(reads(*STATES), head("Cache-Control", "no-store, max-age=0"), head("Age", "0")),
        at(everywhere, lower),
    ),
    "other refusals": both(
        at(answered(401, 403, 404, 429), text('{"code": 7, "detail": "No", "error": null}')),
        at(
            lambda trace, clause: (e for e in submits("imageToVideo", 400)(trace, clause) if e.account != "disabled"),
            text('{"detail": [{"loc": ["body"]}]}'),
        ),
        at(aim("BASE-06 BASE-07", status=404), code(405)), at(aim("HDR-02"), code(415)),
        at(nth(0, submits(status=500)), text("<h1>Oops</h1>"), head("Content-Type", "text/html")),
        at(aim("BASE-08"), code(308), text("")), at(nth(0, aim("STATUS-11")), code(307), text("")),
        at(aim("STATUS-10", status=404), put(status="ERROR", request_id=NO_ID)),
        at(both_reads_of_another, put(hint="a status is QUEUED, PROCESSING, COMPLETED, FAILED or ERROR")),
        at(lambda trace, _: (e for e in trace.exchanges if e.method in ("PUT", "DELETE", "OPTIONS")), code(501)),
        at(answered(429), become(headers=(("Content-Type", "application/json"),))),
    ),
    "keys first": both(
        at(aim("BASE-06", status=404), code(403)), at(aim("BASE-07"), code(401)), at(aim("BASE-08"), LOST),
        at(aim("STATUS-10 STATUS-11 AUTH-10", status=404), code(403)),
        at(answered(429), head("Retry-After", "Tue, 31 Mar 2026 10:01:00 GMT")),
    ),
    "the other way where the page is silent": both(*(at(aim(clause), other_way) for clause in OPEN.split()), uncalled("header-generate")),
    "slower, and throttled now and then": both(
        at(everywhere, slowly(0.04)), at(nth(9, reads("PROCESSING")), code(429)), at(nth(50, reads()), code(429)),
        at(nth(0, media(made=of("g1"))), code(503), become(media=None)),
        at(nth(-1, media()), code(429), become(media=None)),
    ),
    "over at once": at(reads(made=of("quiet")), over_at_once),
    "callbacks twice, and late": lambda trace, _: replace(trace, callbacks=(*trace.callbacks, *(
        replace(each, number=each.number + 50, at=each.at + 20) for each in trace.callbacks
    ))),
    "no callback is repeated": unrepeated,
    "one failed by chance": both(
        at(reads("COMPLETED", made=of("refusing receiver")), put(status="FAILED", error="No", output=None)),
        calls("refusing", put(status="FAILED", error="No", output=None)),
    ),
    "one of an earlier run, behind a tunnel": called("alone", target(lambda _: "/t/hook/0a-3-g1?run=0a"), put(request_id=NO_ID)),
    "media on the documented bucket": everything(on_bucket),
    "refusals that say 200": at(case("no key, generate, COMPLETED, trailing slash"), code(200), text('{"status": "ERROR", "error": "No key"}')),
    "an id of each answer": at(
        lambda trace, _: (e for e in trace.exchanges if e.method in ("GET", "OPTIONS") and "BASE-06" in e.aims),
        code(200), text('{"request_id": "7f3a-01", "allow": "POST"}'),
    ),
    "a faster clock of its own": at(submits(status=202), head("Date", "Tue, 31 Mar 2026 09:45:00 GMT")),
    "an Expires that is now": at(reads(), head("Date", "Tue, 31 Mar 2026 10:00:00 GMT"), head("Expires", "Tue, 31 Mar 2026 10:00:01 GMT")),
}  # fmt: skip


def alarm(clause: Clause) -> str:
    """What a violation of the clause is called; of a clause about which the page is silent, a change."""
    drifts = clause.strength is SILENT or (clause.strength is EXAMPLE and not clause.drift_fails)
    return "DRIFT" if drifts else "FAIL"


@cache
def lineage(clause_id: str) -> tuple[Clause, ...]:
    """The clause and all that could explain its failure, in the order of the catalogue."""
    found, waiting = set[str](), [clause_id]
    while waiting:
        found.add(waiting[-1])
        waiting += set(BY_ID[waiting.pop()].depends_on) - found
    return tuple(clause for clause in CATALOGUE if clause.id in found)


@cache
def baseline() -> dict[str, str]:
    """What the unchanged trace shows where the page is silent."""
    return {each.clause: each.observation for each in judge(clean(), CATALOGUE) if each.observation is not None}


CASES = [
    pytest.param(clause, "DRIFT" if rows is MILD else alarm(BY_ID[clause]), edit, id=f"{clause}-{number}")
    for rows in (ROWS, MILD)
    for number, (ids, edit) in enumerate(rows)
    for clause in ids.split()
]


def test_every_clause_has_a_row() -> None:
    """No clause of the catalogue is without a rewriting that alarms it."""
    assert {clause for ids, _ in ROWS for clause in ids.split()} == set(BY_ID)


@pytest.mark.slow
@pytest.mark.parametrize(("clause", "outcome", "edit"), CASES)
def test_a_rewritten_trace_alarms_its_clause(clause: str, outcome: str, edit: Edit) -> None:
    """The clause concerned comes out FAIL, or DRIFT where only an example or an earlier run shows otherwise."""
    verdicts = judge(edit(clean(), clause), lineage(clause), baseline=lambda found: baseline().get(found.clause))
    assert [each.outcome.value for each in verdicts if each.clause == clause] == [outcome]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moves", "account"), [(True, "default"), (True, "other"), (False, "default")], ids=["moves", "shared", "stands"]
)
def test_a_queue_that_moves_is_no_failure(account: str, *, moves: bool) -> None:
    """A request that has not ended within the deadline is not accused while others, that came before it, still end.

    Accounts may share the queue.
    """
    trace = clean()
    mine = [g for g in trace.generations if g.ends and (account == "other" or g.submit.account == "default")]
    *_, witness, last = sorted(mine, key=lambda each: each.submit.finished)
    late = last.submit.finished + trace.profile.deadline + 1
    edits = [at(lambda _, __: last.ends, put(status="QUEUED", output=None, completed_at=None), become(finished=late))]
    edits += [at(lambda _, __: (last.submit, *last.reads), become(account=account))]
    if moves:
        edits += [at(lambda _, __: witness.ends, become(started=late - 1, finished=late - 1))]
    (verdict,) = [v for v in judge(both(*edits)(trace, ""), lineage("FLOW-05")) if v.clause == "FLOW-05"]
    assert verdict.outcome.value == ("PASS" if moves else "FAIL")


@pytest.mark.slow
def test_a_gateway_that_is_at_once_ready_shows_nothing_before_the_end() -> None:
    """STATUS-06 has no subject then."""
    trace = clean()
    instant = [e for e in trace.exchanges if e.state not in {"QUEUED", "PROCESSING"} or e.operation != "status"]
    verdicts = judge(replace(trace, exchanges=tuple(instant)), CATALOGUE)
    assert next(each.outcome.value for each in verdicts if each.clause == "STATUS-06") == "SKIPPED"


@pytest.mark.slow
@pytest.mark.parametrize(("lasted", "waits"), [(15.1, True), (40.0, False)], ids=["until the end", "much longer"])
@pytest.mark.parametrize("rate", [1, 10])
def test_submits_of_a_kind_that_wait_are_found_beside_a_slow_read(rate: int, lasted: float, *, waits: bool) -> None:
    """That all of a kind had ended before their 202, and no others, is seen on the gateway's own clock, at any rate."""
    trace = clean()
    slow = next(read for g in trace.generations for read in g.reads if g.submit.case == "quiet")
    held = [g for g in trace.generations if g.submit.sent.get("resolution") == "1080P" and g.ends]
    late = {g.submit.number: replace(g.submit, finished=g.submit.started + lasted) for g in held}
    early = {read.number for g in held for read in g.reads[:-1] if read.started < g.submit.started + lasted}
    late[slow.number] = replace(slow, started=held[0].submit.started, finished=held[0].submit.started + 10)
    real = replace(trace.header, profile=replace(trace.profile, virtual=False))
    exchanges = tuple(late.get(e.number, e) for e in trace.exchanges if e.number not in early - {slow.number})
    faster = tuple(replace(e, started=e.started / rate, finished=e.finished / rate) for e in exchanges)
    edited = replace(trace, header=real, exchanges=faster)
    found = [r.source for r in BY_ID["SUBMIT-14"].judge(edited) if isinstance(r, Violation)]
    assert {source.number for source in found} == ({g.submit.number for g in held} if waits else set())


@pytest.mark.parametrize(
    ("outage", "told"),
    [
        (code(502), {"ERR-500-01"}),
        (code(503), {"ERR-500-01"}),
        (become(status=None, error="connect"), {"STATUS-01"}),
        (become(status=None, error="lost"), {"STATUS-01"}),
    ],
    ids=["502", "503", "unreachable", "lost"],
)
def test_an_outage_is_the_fault_of_few_clauses(outage: Change, told: set[str]) -> None:
    """What never reached a gateway accuses none of the clauses that it was sent for."""
    missed = at(
        lambda trace, _: [e for e in trace.exchanges[50:250] if e.operation != "media" and e.account != "throttled"],
        outage,
    )
    verdicts = judge(missed(clean(), ""), CATALOGUE)
    assert {each.clause for each in verdicts if each.outcome.value in {"FAIL", "DRIFT"}} == told


@pytest.mark.slow
@pytest.mark.parametrize("edit", RIGHT.values(), ids=RIGHT)
def test_no_right_trace_is_accused(edit: Edit) -> None:
    """What the page leaves open alarms no clause of the catalogue."""
    verdicts = judge(edit(clean(), ""), CATALOGUE)
    unaccused = {"PASS", "OBSERVED", "INCONCLUSIVE", "SKIPPED"}
    assert [(v.clause, v.outcome, v.findings) for v in verdicts if v.outcome.value not in unaccused] == []


@pytest.mark.slow
def test_what_head_gets_is_not_what_a_read_gets() -> None:
    """A gateway that has no HEAD is as in a baseline for which none was sent."""
    edit = at(lambda trace, _: (e for e in trace.exchanges if e.method == "HEAD" and "AUTH-10" in e.aims), code(405))
    verdicts = judge(edit(clean(), ""), lineage("AUTH-10"))
    assert [each.observation for each in verdicts if each.clause == "AUTH-10"] == ["404"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("begun", "slowest", "found"),
    [(0.1, 0.1, [Violation]), (0.1, 0.8, [Evidence]), (0.7, 0.1, [])],
    ids=["reads are fast", "all stands still for a while", "reads come when that is over"],
)
def test_a_submit_under_load_is_compared_with_reads_of_the_same_time(
    begun: float, slowest: float, found: list[type]
) -> None:
    """A gateway that stands still, or is busy with large bodies, delays all that it got then."""
    trace = clean()
    mine = next(g for g in trace.generations if g.submit.case == "quiet")
    late = [replace(e, started=begun, finished=begun + slowest) for e in reads(made=of("g1"))(trace, "")]
    others = [replace(e, started=begun, finished=begun + 0.1) for e in reads(made=of("g2"))(trace, "")]
    submit, end = replace(mine.submit, started=0.0, finished=1.0), replace(mine.ends[0], started=1.1, finished=1.2)
    real = replace(trace.header, profile=replace(trace.profile, virtual=False))
    edited = replace(trace, header=real, exchanges=(submit, *late[:1], *others[:6], end))
    assert [type(each) for each in BY_ID["SUBMIT-14"].judge(edited)] == found


@pytest.mark.slow
@pytest.mark.parametrize("value", [{"a": 1}, -1], ids=["object", "number"])
@pytest.mark.parametrize(
    "name", ["request_id", "status", "model_id", "polling_url", "error", "output", "media_url", *STAMPS, "message"]
)
def test_a_member_of_another_type_is_judged(name: str, value: object) -> None:
    """Whatever stands in the place of a member, in every answer and callback, no clause ends in an error of its own."""

    def misfit(message: Message) -> Message:
        return put(**{name: value})(message) if name in message.members else message

    edit = (
        at(reads("COMPLETED"), output(media_url=value))
        if name == "media_url"
        else both(at(everywhere, misfit), calls("", misfit))
    )
    assert [each for each in judge(edit(clean(), ""), CATALOGUE) if each.outcome.value == "ERROR"] == []
