"""ERR, WAL: HTTP errors, and the wallet."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from pixazo_contracts.trace import MODEL, Exchange, Trace, http_date, whole_number

from . import checks
from .clause import ACCOUNT, DOCUMENTED, EXAMPLE, FREE, FREE_IF_REFUSED, IMPLIED, NOT_OUTSIDE, SILENT, Group
from .remarks import (
    Observation,
    Remarks,
    Unseen,
    Violation,
    check,
    check_member,
    code_shown,
    code_word,
    member_names,
    show,
)

ERR = Group()
#: "Common status codes.": those of the list that say that a request was refused.
PRINTED_REFUSALS = frozenset({400, 401, 402, 403, 429, 500})
#: Status codes that refuse a submit for a reason other than its rate: key, wallet, route.
OTHER_REASONS = frozenset({401, 402, 404, 405})

#: The clauses that explain why no route answers.
ROUTES = "BASE-02 BASE-03"
INSUFFICIENT = 'Response Handling: "402 | Insufficient Balance"'
NOT_ENOUGH = 'Queue System Errors: "Your wallet does not have enough balance."'
NOT_CHARGED = 'Status Values: "ERROR | System error — not charged"'
QUEUED = 'Response Handling: "202 | Accepted — Request queued"'
SERVER_ERROR = 'Response Handling: "500 | Internal Server Error"'
TOO_MANY = 'Response Handling: "429 | Too Many Requests"'
#: Requests that began within this many seconds were sent together; none of them was sent again after a 429 by then.
TOGETHER = 1.0
#: Clauses that judge a 500 themselves.
JUDGE_500 = frozenset({"SUBMIT-16", "SUBMIT-17", "ERR-500-02"})

PRINTED_402 = {"error": "Insufficient Balance", "message": "Your wallet does not have enough balance."}
#: The member that a clause about parameters is about, by the second part of its id.
MEMBERS = {
    "PROMPT": "prompt", "DUR": "duration", "RES": "resolution", "IMG": "first_frame_image", "PO": "prompt_optimizer",
    "FP": "fast_pretreatment", "WM": "aigc_watermark", "CB": "callback_url",
}  # fmt: skip


def _parameter_probes(trace: Trace) -> Iterator[Exchange]:
    aimed = (e for e in trace.submits if any(aim.startswith(("T2V-", "I2V-")) for aim in e.aims))
    return (e for e in aimed if e.intent == "refuse" and e.status is not None)


@ERR.clause("ERR-ENV-01", EXAMPLE, FREE_IF_REFUSED, depends_on=ROUTES, core=True, drift_fails=True,
    section="Queue System Errors")  # fmt: skip
def err_env_01(trace: Trace) -> Remarks:
    """Queue-system errors are an object with string members `error` and `message`."""
    # The page prints two of them. It also announces model validation errors but prints none: ERR-ENV-02 judges those.
    models = [exchange for exchange in trace.aimed("ERR-400-02") if exchange.status == 400]
    for exchange in (*(submit for submit in trace.submits if submit.status == 402), *models):
        for name in ("error", "message"):
            yield check_member(exchange, name, checks.is_string, "a string")


@ERR.clause("ERR-ENV-02", SILENT, FREE_IF_REFUSED, depends_on="ERR-ENV-01 I2V-IMG-03",
    section='Error Responses: "Queue system errors and model validation errors."')  # fmt: skip
def err_env_02(trace: Trace) -> Remarks:
    """Model validation errors are announced in prose but never shown: record their shape and whether they name the member."""
    for exchange in _parameter_probes(trace):
        if exchange.status == 400:
            offending = MEMBERS.get(exchange.aims[0].split("-")[1], "\0")
            named = "names" if offending in (exchange.body or "") else "does not name"
            yield Observation(f"members {member_names(exchange)}; {named} the member", exchange)


@ERR.clause("ERR-400-01", DOCUMENTED, FREE_IF_REFUSED, depends_on=ROUTES, core=True,
    section='Response Handling: "400 | Bad Request"')  # fmt: skip
def err_400_01(trace: Trace) -> Remarks:
    """A violated parameter rule is 400, not another 4xx."""
    for exchange in _parameter_probes(trace):
        # The server may refuse an image that is too large for itself before it reaches the model's rules.
        too_large = exchange.status == 413 and "I2V-IMG-08" in exchange.aims
        if exchange.status in checks.REFUSALS and not too_large and not checks.is_no_evidence(trace, exchange):
            yield check(exchange.status == 400, exchange, f"status code ({exchange.case})", "400", exchange.status)


@ERR.clause("ERR-400-02", EXAMPLE, ACCOUNT, depends_on="BASE-02", drift_fails=True,
    section='Queue System Errors: "400 — Model not found"')  # fmt: skip
def err_400_02(trace: Trace) -> Remarks:
    """A model that is unknown or disabled accepts nothing and is 400; an unknown one may be no product of the caller's: 401, 403, 404, 405."""
    for exchange in trace.aimed("ERR-400-02", unanswered=True):
        codes = (400,) if exchange.account == "disabled" else (400, 401, 403, *checks.NO_ROUTE)
        holds, drifts = exchange.status in codes, not (exchange.succeeded or checks.shows_work(exchange))
        expected, got = "400, Model not found", code_word(exchange)
        yield check(holds, exchange, f"status code ({exchange.case})", expected, words=got, drifts=drifts)


@ERR.clause("ERR-400-03", EXAMPLE, ACCOUNT, depends_on="ERR-400-02",
    section="Queue System Errors: \"Model 'minimax-hailuo-ai' not found or is disabled\"")  # fmt: skip
def err_400_03(trace: Trace) -> Remarks:
    """That error's title is `Model not found` and its message quotes the model id and says it may be disabled."""
    for exchange in trace.aimed("ERR-400-02"):
        if exchange.status == 400:
            yield check_member(exchange, "error", checks.equals("Model not found"), '"Model not found"')
            model, message = MODEL if exchange.account == "disabled" else exchange.case, exchange.member("message")
            holds = isinstance(message, str) and model in message and "disabled" in message
            yield check(holds, exchange, "message", f"Model '{model}' not found or is disabled", message)


ERR.row("ERR-402-01", DOCUMENTED, ACCOUNT, partial(checks.answered, code=402), depends_on="BASE-02", needs="account:empty", core=True,
    section=INSUFFICIENT, demands="A submit the wallet cannot pay for is 402.")  # fmt: skip


@ERR.clause("ERR-402-02", EXAMPLE, ACCOUNT, needs="account:empty", section=NOT_ENOUGH)
def err_402_02(trace: Trace) -> Remarks:
    """The 402 title and sentence are the printed ones."""
    for exchange in trace.submits:
        if exchange.status == 402:
            for name, printed in PRINTED_402.items():
                yield check_member(exchange, name, checks.equals(printed), f'"{printed}"')


@ERR.clause("ERR-402-03", IMPLIED, ACCOUNT, needs="account:empty", section=INSUFFICIENT)
def err_402_03(trace: Trace) -> Remarks:
    """A submit that the wallet cannot pay for creates nothing."""
    for exchange in trace.aimed("ERR-402-03"):
        yield from checks.begins_nothing(trace, exchange)


ERR.row("ERR-402-04", SILENT, ACCOUNT, checks.noted(lambda e: f"{e.case}: {e.status}"),
    depends_on="BASE-04 AUTH-07 ERR-402-01 SUBMIT-13 STATUS-01 STATUS-10 STATUS-13", section="silence",
    demands="With an empty wallet earlier requests stay readable, and after a top-up the same body is accepted.")  # fmt: skip


@ERR.clause("ERR-429-01", DOCUMENTED, ACCOUNT, depends_on="BASE-02", needs="account:throttled", section=TOO_MANY)
def err_429_01(trace: Trace) -> Remarks:
    """Exceeding the rate is 429. The rate itself is not stated."""
    for exchange in trace.aimed("ERR-429-01"):
        # Until the rate is exceeded the account is served; an id that does not exist may be refused with any 4xx.
        refused = exchange.status is not None and exchange.status >= (400 if exchange.is_submit else 500)
        if exchange.status == 429 or (refused and exchange.status not in OTHER_REASONS):
            yield check(exchange.status == 429, exchange, "status code", "429", words=code_shown(exchange))


@ERR.clause("ERR-429-02", IMPLIED, ACCOUNT, needs="account:throttled",
    section="unacceptable to any caller: a throttled submit begins work, or the throttle of one account hits another")  # fmt: skip
def err_429_02(trace: Trace) -> Remarks:
    """A 429 has no side effects, and hits no other account."""
    for exchange in trace.aimed("ERR-429-02"):
        if exchange.account == "throttled" and not exchange.succeeded:
            yield from checks.begins_nothing(trace, exchange)
    others = [e for e in trace.exchanges if e.account == "other" and "ERR-429-02" in e.aims]
    for exchange in others:
        # This account sends too few requests to explain a 429, but one of them may come when the gateway is overloaded.
        beside = [e for e in others if abs(e.started - exchange.started) < TOGETHER]
        hit = all(each.status == 429 for each in beside)
        yield check(not hit, exchange, "status code", "no 429 for another account", words="429")


#: The description of a `Retry-After` in no form that HTTP defines.
UNREADABLE = "neither seconds nor a date"


def _retry_word(exchange: Exchange) -> str:
    value = exchange.header("retry-after")
    if value is None:
        return "absent"
    if re.fullmatch(r"\d+", value):
        return "seconds"
    stamp, date = http_date(value), http_date(exchange.header("date"))
    if stamp is None:
        return UNREADABLE
    return "a date in the past" if date is not None and stamp < date else "a date"


@ERR.clause("ERR-429-03", SILENT, ACCOUNT, section="silence")
def err_429_03(trace: Trace) -> Remarks:
    """Whether `Retry-After` is sent, in which form, and the body shape."""
    for exchange in trace.exchanges:
        if exchange.status == 429:
            yield Observation(f"Retry-After {_retry_word(exchange)}; members {member_names(exchange)}", exchange)


@ERR.clause("ERR-429-04", IMPLIED, ACCOUNT, section=TOO_MANY)
def err_429_04(trace: Trace) -> Remarks:
    """After the stated or configured wait the caller is served again."""
    # When the last request of an account that was throttled began, and the last that was not.
    last: dict[tuple[str, bool], float] = defaultdict(lambda: -math.inf)
    for exchange in trace.exchanges:
        if exchange.status:
            key = exchange.account, exchange.status == 429
            last[key] = max(last[key], exchange.started)
    for exchange in [exchange for exchange in trace.exchanges if exchange.status == 429]:
        value = exchange.header("retry-after")
        if _retry_word(exchange) == UNREADABLE:
            yield Violation(exchange, "Retry-After", "seconds or a date (RFC 9110)", show(value), drifts=True)
        wait = whole_number(value)
        if wait is not None and exchange.account != "throttled":
            due = exchange.finished + wait
            served = last[exchange.account, False] >= due
            if served or last[exchange.account, True] >= due:
                where = "status code after Retry-After"
                yield check(served, exchange, where, "served again", words="429 forever")


@ERR.clause("ERR-500-01", IMPLIED, FREE_IF_REFUSED, core=True, section=SERVER_ERROR)
def err_500_01(trace: Trace) -> Remarks:
    """No input of ours makes the gateway answer 5xx."""
    for exchange in trace.operation("generate", "imageToVideo", "status", "other"):
        unserved = trace.is_unserved(exchange)
        if exchange.account in {"broken", "throttled"} or (JUDGE_500 & set(exchange.aims) and not unserved):
            continue
        # The clauses that other submits are sent for judge them.
        odd = (exchange.is_submit and exchange.intent == "any") or {"STATUS-10", "STATUS-11"} & set(exchange.aims)
        if exchange.status is not None:
            # A server says 501 to a method that it does not have (RFC 9110, 15.6.2): the page mentions two.
            holds = exchange.status < 500 or (exchange.status == 501 and exchange.method not in {"GET", "POST"})
            yield check(holds, exchange, "status code", "no 5xx", words=f"{exchange.status} to {exchange.case}")
        elif odd and not unserved:
            got = f"{code_shown(exchange)} to {exchange.case}"
            yield Violation(exchange, "response", "one, whatever the input", got)


@ERR.clause("ERR-500-02", SILENT, NOT_OUTSIDE, depends_on="BASE-02", needs="account:broken", section="silence")
def err_500_02(trace: Trace) -> Remarks:
    """After a 500 on submit, did the request take effect? And what is the body?"""
    # The account `broken` is made to fail; any other valid submit that fails shows as much.
    failed = (e for e in trace.submits if e.intent == "accept" and e.status is not None and e.status >= 500)
    for exchange in (*trace.aimed("ERR-500-02"), *failed):
        has_effect = checks.callbacks_of(trace, exchange) or "request_id" in exchange.members
        effect = "took effect" if has_effect else "took no effect that shows"
        yield Observation(f"{code_word(exchange)}: members {member_names(exchange)}; {effect}", exchange)


@ERR.clause("ERR-SET-01", EXAMPLE, FREE, depends_on=f"{ROUTES} ERR-400-01",
    section='Response Handling: "Common status codes."')  # fmt: skip
def err_set_01(trace: Trace) -> Remarks:
    """Submit answers only with codes of the printed list (headed `common`, so an addition is drift)."""
    for exchange in trace.submits:
        status, elsewhere = exchange.status, {"SUBMIT-16", "SUBMIT-17"} & set(exchange.aims)
        # SUBMIT-01 and -02 judge a 2xx; HTTP itself defines status codes for the size and the type of a body.
        if status is None or exchange.succeeded or status in {413, 415} or status >= 500:
            continue
        if not elsewhere and "disabled" not in exchange.account:
            yield check(status in PRINTED_REFUSALS, exchange, "status code", "a code of the printed list", status)


ERR.row("ERR-PREC-01", SILENT, ACCOUNT, checks.noted(lambda e: f"{e.case}: {e.status}", unless=checks.NO_ROUTE), section="silence",
    depends_on="BASE-02 AUTH-01 AUTH-03 AUTH-09 ERR-402-01 ERR-429-01 T2V-PROMPT-01",
    demands="Which error wins when several apply (auth, rate, validation, wallet).")  # fmt: skip


# The API has no balance endpoint. An account that can pay for exactly one 6 s generation (role `one`) or two (role `two`)
# shows by its next submit whether it was debited: accepted, or 402.
WAL = Group()


def _of(trace: Trace, clause_id: str, case: str) -> Iterator[Exchange]:
    return (e for e in trace.aimed(clause_id, unanswered=True) if e.case == case and e.status != 429)


def _is_spent(trace: Trace) -> bool:
    """Whether an account with funds for two was refused its first submit for want of funds."""
    first = {submit.account: submit for submit in reversed(trace.submits)}
    return any(submit.status == 402 for account, submit in first.items() if account.partition(".")[0] == "two")


def _affordable(trace: Trace, clause_id: str, why: str, case: str = "after") -> Remarks:
    """The submit of that case is accepted, unless the accounts had been spent before this run."""
    for exchange in _of(trace, clause_id, case):
        if exchange.status == 402 and _is_spent(trace):
            yield Unseen(
                "accounts `two` could not pay for their first submit, as after an earlier run: give all of them funds"
            )
            continue
        yield check(exchange.succeeded, exchange, "status code", f"202: {why}", words=code_shown(exchange))


@WAL.clause("WAL-01", IMPLIED, NOT_OUTSIDE, depends_on="SUBMIT-10 BASE-02 ERR-402-01", needs="account:two",
    section=NOT_ENOUGH)  # fmt: skip
def wal_01(trace: Trace) -> Remarks:
    """One accepted request is debited exactly once."""
    yield from _affordable(trace, "WAL-01", "there are funds for two", "first")
    yield from _affordable(trace, "WAL-01", "the first of two paid generations was debited once", "second")
    for exchange in () if _is_spent(trace) else _of(trace, "WAL-01", "third"):
        yield check(exchange.status == 402, exchange, "status code", "402: two were debited", words=code_word(exchange))


WAL.row("WAL-02", DOCUMENTED, NOT_OUTSIDE, partial(_affordable, why="what was paid for ended in ERROR"),
    depends_on="WAL-05", needs="account:one prompt:error", core=True,
    section=NOT_CHARGED, demands="An ERROR request is not charged in the end.")  # fmt: skip


@WAL.clause("WAL-03", SILENT, NOT_OUTSIDE, depends_on="WAL-05", needs="account:one prompt:failed", section=NOT_CHARGED)
def wal_03(trace: Trace) -> Remarks:
    """Is FAILED charged? Only ERROR is exempted by name."""
    for exchange in _of(trace, "WAL-03", "after"):
        yield Observation("FAILED is not charged" if exchange.succeeded else "FAILED is charged", exchange)


@WAL.clause("WAL-04", IMPLIED, NOT_OUTSIDE, depends_on="BASE-02 BASE-03", needs="account:one", section=QUEUED)
def wal_04(trace: Trace) -> Remarks:
    """A refused submit costs nothing."""
    taken = [exchange for exchange in trace.aimed("WAL-04") if exchange.succeeded and exchange.intent == "refuse"]
    for exchange in taken:
        yield Violation(exchange, f"status code ({exchange.case})", "a refusal", "accepted")
    # An accepted submit is charged rightly.
    if not taken:
        yield from _affordable(trace, "WAL-04", "refused submits are free")


WAL.row("WAL-05", IMPLIED, NOT_OUTSIDE, partial(_affordable, why="reads are free"),
    depends_on="WAL-01", needs="account:one", section='Typical Workflow: "Poll every 5-10 seconds: GET /v2/requests/status/{request_id}"',
    demands="Reads and callbacks cost nothing.")  # fmt: skip


@WAL.clause("WAL-06", IMPLIED, NOT_OUTSIDE, depends_on="BASE-02 ERR-402-01", needs="account:one",
    section="unacceptable to any caller: the wallet is overdrawn")  # fmt: skip
def wal_06(trace: Trace) -> Remarks:
    """On funds for one, of several submits, at once and one after the other, at most one is accepted; unless it was refunded."""
    paid = 0
    for exchange in trace.aimed("WAL-06"):
        generation = trace.generation(exchange.accepted_id)
        paid += exchange.succeeded and (generation is None or generation.outcome not in {"FAILED", "ERROR"})
        holds = paid < 2 or not exchange.succeeded
        yield check(holds, exchange, "status code", "402: one was paid for", words="accepted")
