"""ERR: HTTP errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pixazo_contracts.clauses.checks import UNDECIDED, answered, code_word
from pixazo_contracts.clauses.clause import Cost, Observation, Strength, Violation, check, clause
from pixazo_contracts.trace import MISSING, MODEL, http_date, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixazo_contracts.clauses.clause import Remarks
    from pixazo_contracts.trace import Exchange, Trace


#: Codes of a submit whose body is not the queue's: key and permission, route, size, type, rate.
NOT_QUEUE = frozenset({401, 403, 404, 405, 408, 411, 413, 414, 415, 429, 431})

#: The printed list, as far as it says that a request was refused.
PRINTED_REFUSALS = frozenset({400, 401, 402, 403, 429, 500})

ROUTES = ("BASE-02", "BASE-03")

#: Clauses whose own subject is a 500.
SPEAK_OF_500 = frozenset({"SUBMIT-16", "SUBMIT-17", "ERR-500-02"})

PRINTED_402 = {"error": "Insufficient Balance", "message": "Your wallet does not have enough balance."}


def _parameter_probes(trace: Trace) -> Iterator[Exchange]:
    """Submits with a key and one violated parameter rule, refused with a 4xx that speaks of the body."""
    for exchange in trace.submits:
        groups = {aim.partition("-")[0] for aim in exchange.aims}
        if groups & {"T2V", "I2V"} and exchange.intent == "refuse" and exchange.status is not None:
            yield exchange


@clause(
    "ERR-ENV-01",
    section="Queue System Errors",
    strength=Strength.EXAMPLE,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=ROUTES,
    core=True,
    drift_fails=True,
)
def err_env_01(trace: Trace) -> Remarks:
    """Queue-system errors are an object with string members `error` and `message`."""
    for exchange in trace.submits:
        if exchange.status is not None and 400 <= exchange.status < 500 and exchange.status not in NOT_QUEUE:
            for name in ("error", "message"):
                value = exchange.members.get(name, MISSING)
                yield check(isinstance(value, str), exchange, name, "a string", value)


def _offending_member(exchange: Exchange) -> str:
    """The member whose rule the clause aimed at is about."""
    names = {
        "PROMPT": "prompt",
        "DUR": "duration",
        "RES": "resolution",
        "IMG": "first_frame_image",
        "PO": "prompt_optimizer",
        "FP": "fast_pretreatment",
        "WM": "aigc_watermark",
        "CB": "callback_url",
    }
    return names.get(exchange.aims[0].split("-")[1], "\0")


@clause(
    "ERR-ENV-02",
    section="Error Responses",
    strength=Strength.SILENT,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=("ERR-ENV-01", "I2V-IMG-03"),
)
def err_env_02(trace: Trace) -> Remarks:
    """Model validation errors are announced in prose but never shown: record their shape and whether they name the member."""
    for exchange in _parameter_probes(trace):
        if exchange.status == 400:
            members = ", ".join(sorted(exchange.members)) or "none"
            named = "names" if _offending_member(exchange) in (exchange.body or "") else "does not name"
            yield Observation(f"members {members}; {named} the member", exchange)


@clause(
    "ERR-400-01",
    section="Response Handling",
    strength=Strength.DOCUMENTED,
    cost=Cost.FREE_IF_REFUSED,
    depends_on=ROUTES,
    core=True,
)
def err_400_01(trace: Trace) -> Remarks:
    """A violated parameter rule is 400, not another 4xx."""
    for exchange in _parameter_probes(trace):
        # An image too large for the server itself never reaches the model's rules.
        too_large = exchange.status == 413 and "I2V-IMG-08" in exchange.aims
        if exchange.status in range(400, 500) and exchange.status not in UNDECIDED and not too_large:
            yield check(exchange.status == 400, exchange, f"status code ({exchange.case})", "400", str(exchange.status))


def _model_errors(trace: Trace) -> Iterator[Exchange]:
    """Answers about a model that is unknown or disabled; where only the route is unknown, a 404 says nothing."""
    for exchange in trace.aimed("ERR-400-02"):
        if exchange.account == "disabled" or exchange.status == 400:
            yield exchange


@clause(
    "ERR-400-02", section="Queue System Errors", strength=Strength.EXAMPLE, cost=Cost.ACCOUNT, depends_on=("BASE-02",)
)
def err_400_02(trace: Trace) -> Remarks:
    """An unknown or disabled model is 400."""
    return answered(_model_errors(trace), 400)


@clause(
    "ERR-400-03",
    section="Queue System Errors",
    strength=Strength.EXAMPLE,
    cost=Cost.ACCOUNT,
    depends_on=("ERR-400-02",),
)
def err_400_03(trace: Trace) -> Remarks:
    """That error's title is `Model not found` and its message quotes the model id and says it may be disabled."""
    for exchange in _model_errors(trace):
        if exchange.status == 400:
            title, message = exchange.members.get("error", MISSING), exchange.members.get("message", MISSING)
            yield check(title == "Model not found", exchange, "error", '"Model not found"', title)
            model = MODEL if exchange.account == "disabled" else exchange.case
            text = message if isinstance(message, str) else ""
            holds = model in text and "disabled" in text
            yield check(holds, exchange, "message", f"Model '{model}' not found or is disabled", message)


@clause(
    "ERR-402-01",
    section="Response Handling; Queue errors",
    strength=Strength.DOCUMENTED,
    cost=Cost.ACCOUNT,
    needs=("account:empty",),
    depends_on=("BASE-02",),
    core=True,
)
def err_402_01(trace: Trace) -> Remarks:
    """A submit the wallet cannot pay for is 402."""
    return answered(trace.aimed("ERR-402-01"), 402)


@clause(
    "ERR-402-02", section="Queue System Errors", strength=Strength.EXAMPLE, cost=Cost.ACCOUNT, needs=("account:empty",)
)
def err_402_02(trace: Trace) -> Remarks:
    """The 402 title and sentence are the printed ones."""
    for exchange in trace.submits:
        if exchange.status == 402:
            for name, printed in PRINTED_402.items():
                value = exchange.members.get(name, MISSING)
                yield check(value == printed, exchange, name, f'"{printed}"', value)


def _creates_nothing(trace: Trace, clause_id: str) -> Remarks:
    """A refused submit names no request, and its receiver hears nothing."""
    for exchange in trace.aimed(clause_id):
        if exchange.succeeded:
            continue
        request_id = exchange.members.get("request_id", MISSING)
        yield check(request_id is MISSING, exchange, "request_id", "absent", request_id)
        hook = exchange.request_header("X-Webhook-URL")
        for callback in trace.callbacks:
            if hook is not None and callback.target.partition("?")[0] in hook:
                yield Violation(callback, "callback", "none for a refused submit", callback.method)


@clause(
    "ERR-402-03", section="Queue System Errors", strength=Strength.IMPLIED, cost=Cost.ACCOUNT, needs=("account:empty",)
)
def err_402_03(trace: Trace) -> Remarks:
    """A 402 creates nothing."""
    return _creates_nothing(trace, "ERR-402-03")


@clause(
    "ERR-402-04",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.ACCOUNT,
    depends_on=("BASE-04", "AUTH-07", "ERR-402-01", "SUBMIT-13", "STATUS-01", "STATUS-10", "STATUS-13"),
)
def err_402_04(trace: Trace) -> Remarks:
    """With an empty wallet earlier requests stay readable, and after a top-up the same body is accepted."""
    for exchange in trace.aimed("ERR-402-04"):
        yield Observation(f"{exchange.case}: {exchange.status}", exchange)


@clause(
    "ERR-429-01",
    section="Response Handling",
    strength=Strength.DOCUMENTED,
    cost=Cost.ACCOUNT,
    needs=("account:throttled",),
    depends_on=("BASE-02",),
)
def err_429_01(trace: Trace) -> Remarks:
    """Exceeding the rate is 429. The rate itself is not stated."""
    return answered(trace.aimed("ERR-429-01"), 429)


@clause(
    "ERR-429-02",
    section="Response Handling",
    strength=Strength.IMPLIED,
    cost=Cost.ACCOUNT,
    needs=("account:throttled",),
)
def err_429_02(trace: Trace) -> Remarks:
    """A 429 has no side effects."""
    return _creates_nothing(trace, "ERR-429-02")


def _throttled(trace: Trace) -> Iterator[Exchange]:
    return (exchange for exchange in trace.exchanges if exchange.status == 429)


def _retry_word(exchange: Exchange) -> str:
    value = exchange.header("retry-after")
    if value is None:
        return "absent"
    if re.fullmatch(r"\d+", value):
        return "seconds"
    stamp, date = http_date(value), http_date(exchange.header("date"))
    if stamp is None:
        return "neither seconds nor a date"
    return "a date in the past" if date is not None and stamp < date else "a date"


@clause("ERR-429-03", section="silence", strength=Strength.SILENT, cost=Cost.ACCOUNT)
def err_429_03(trace: Trace) -> Remarks:
    """Whether `Retry-After` is sent, in which form, and the body shape."""
    for exchange in _throttled(trace):
        members = ", ".join(sorted(exchange.members)) or "none"
        yield Observation(f"Retry-After {_retry_word(exchange)}; members {members}", exchange)


@clause("ERR-429-04", section="Response Handling", strength=Strength.IMPLIED, cost=Cost.ACCOUNT)
def err_429_04(trace: Trace) -> Remarks:
    """After the stated or configured wait the caller is served again."""
    for exchange in _throttled(trace):
        wait = whole_number(exchange.header("retry-after"))
        if wait is None or exchange.account == "throttled":
            continue
        due = exchange.finished + wait
        later = [e for e in trace.exchanges if e.account == exchange.account and e.started >= due and e.status]
        if later:
            served = any(e.status != 429 for e in later)
            yield check(served, exchange, "status code after Retry-After", "served again", "429 for ever")


@clause("ERR-500-01", section="Response Handling", strength=Strength.IMPLIED, cost=Cost.FREE_IF_REFUSED, core=True)
def err_500_01(trace: Trace) -> Remarks:
    """No input of ours makes the gateway answer 5xx."""
    for exchange in trace.operation("generate", "imageToVideo", "status", "other"):
        if exchange.status is None or exchange.account in {"broken", "throttled"} or SPEAK_OF_500 & set(exchange.aims):
            continue
        got = f"{exchange.status} to {exchange.case}"
        yield check(exchange.status < 500, exchange, "status code", "no 5xx", got)


@clause(
    "ERR-500-02",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.NOT_OUTSIDE,
    depends_on=("BASE-02",),
    needs=("account:broken",),
)
def err_500_02(trace: Trace) -> Remarks:
    """After a 500 on submit, did the request take effect? And what is the body?"""
    # A broken account is made to fail; any other valid submit that fails tells as much.
    failed = (e for e in trace.submits if e.intent == "accept" and e.status is not None and e.status >= 500)
    for exchange in (*trace.aimed("ERR-500-02"), *failed):
        hook = exchange.request_header("X-Webhook-URL") or "\0"
        called = any(callback.target.partition("?")[0] in hook for callback in trace.callbacks)
        members = ", ".join(sorted(exchange.members)) or "none"
        effect = "took effect" if called or "request_id" in exchange.members else "took no effect that shows"
        yield Observation(f"{code_word(exchange)}: members {members}; {effect}", exchange)


@clause(
    "ERR-SET-01",
    section="Response Handling",
    strength=Strength.EXAMPLE,
    cost=Cost.FREE,
    depends_on=(*ROUTES, "ERR-400-01"),
)
def err_set_01(trace: Trace) -> Remarks:
    """Submit answers only with codes of the printed list (headed `common`, so an addition is drift)."""
    for exchange in trace.submits:
        # A 2xx is the business of SUBMIT-01 and -02; size and type of a body are refused by codes of HTTP itself.
        if exchange.succeeded or exchange.status is None or exchange.status in {413, 415} or exchange.status >= 500:
            continue
        if "disabled" in exchange.account or "SUBMIT-16" in exchange.aims or "SUBMIT-17" in exchange.aims:
            continue
        listed = exchange.status in PRINTED_REFUSALS
        yield check(listed, exchange, "status code", "a code of the printed list", str(exchange.status))


@clause(
    "ERR-PREC-01",
    section="silence",
    strength=Strength.SILENT,
    cost=Cost.ACCOUNT,
    depends_on=(
        "BASE-02",
        "AUTH-01",
        "AUTH-03",
        "AUTH-09",
        "ERR-402-01",
        "ERR-429-01",
        "T2V-PROMPT-01",
    ),
)
def err_prec_01(trace: Trace) -> Remarks:
    """Which error wins when several apply (auth, rate, validation, wallet)."""
    for exchange in trace.aimed("ERR-PREC-01"):
        if exchange.status in {404, 405}:
            continue
        yield Observation(f"{exchange.case}: {exchange.status}", exchange)
