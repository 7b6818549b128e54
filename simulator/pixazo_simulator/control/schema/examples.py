"""Examples of what the control routes take and return, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from . import responses as body
from .responses import Dollars, Instant

_START, _STARTED, _ENDED = map(
    Instant.fromisoformat, ("2026-03-31T10:00:00.000Z", "2026-03-31T10:00:02.000Z", "2026-03-31T10:00:15.000Z")
)
_ID = "minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
_SUBMIT = "/minimax-hailuo-ai/v1/generate"
_HOOK = "http://127.0.0.1:5000/hook"

BUSY: dict[str, Any] = {"when": "generate", "reply": {"status": 429, "retry_after": 2}, "times": 2}
NO_BEARS: dict[str, Any] = {
    "when": "generate", "match": {"prompt": {"contains": "bear"}}, "end": {"status": "FAILED", "error": "content policy"},
}  # fmt: skip
RESET: dict[str, Any] = {"when": "status", "faults": [{"fault": "connection_reset"}], "times": 1}
BUSY_THEN_REFUSED: dict[str, Any] = {"rules": [BUSY, NO_BEARS]}

HEALTH = body.Health("ok", worlds=1)
CLOCK = body.ClockState(_START, "manual", next_callback_at=_ENDED)
_STATE: dict[str, Any] = {
    "now": _START, "clock": "manual", "seed": 7, "balance": Dollars("0.50"), "suspended": False, "model_enabled": True,
    "generations": 0, "exchanges": 0, "webhook_secret": None, "policy": {"job_times": "1+4", "rate_limit": "off"},
}  # fmt: skip
WORLD = body.WorldState(**_STATE)
CREATED_WORLD = body.CreatedWorld(key="sim-71f9dd0c2b8d4a43", **_STATE)
ADVANCED = body.Advanced(
    _ENDED,
    [
        body.Event("transition", _STARTED, _ID, "PROCESSING"),
        body.Event("transition", _ENDED, _ID, "COMPLETED"),
        body.Event("webhook", _ENDED, _ID, 204, number=1, url=_HOOK, problem=None, rule=None, faults=()),
    ],
)
LEDGER = body.LedgerPage(
    balance=Dollars("99.65"),
    total=2,
    entries=[
        body.Entry(_START, "opening", Dollars("100.00"), request_id=None),
        body.Entry(_START, "debit", Dollars("-0.35"), _ID),
    ],
)
_GENERATION = body.Generation(
    _ID, "generate", duration=6, resolution="768P", status="QUEUED", accepted_at=_START, since=_START,
    plan=body.Plan(queued=2, processing=13, outcome="COMPLETED", error=None),
)  # fmt: skip
GENERATIONS = body.GenerationPage(1, [_GENERATION])
_EXCHANGE = body.Exchange(
    1, _START, "POST", _SUBMIT, 202, reason=f"accepted {_ID}", request_id=_ID, rule=None, faults=(), expected=True, hint=None,
    request=body.Request(
        headers={"content-type": "application/json", "ocp-apim-subscription-key": "[redacted]"},
        headers_left_out=0, body={"prompt": "A bear"}, length=19,
    ),
    response=body.Response(
        headers={"content-type": "application/json"},
        body={
            "request_id": _ID, "status": "QUEUED", "polling_url": f"http://127.0.0.1:8900/v2/requests/status/{_ID}",
        },
        length=199, cut=None,
    ),
)  # fmt: skip
JOURNAL = body.JournalPage(total=1, dropped=0, exchanges=[_EXCHANGE])
SUBMITS = body.WaitResult(exchanges=[_EXCHANGE])
SCRIPT = body.ScriptState(
    [
        body.ScriptRule(1, "rule 1: when generate", BUSY, used=[2], missed=None),
        body.ScriptRule(
            2, "rule 2: when generate, prompt contains 'bear'", NO_BEARS, used=[0],
            missed=["prompt is 'A cat', wanted: contains 'bear'"],
        ),
    ]
)  # fmt: skip
NUMBER = body.RuleNumber(1)
ATTEMPT = body.Attempt(_ENDED, 204, problem=None, rule=None, faults=())
DELIVERIES = body.DeliveryPage(
    total=1,
    deliveries=[
        body.Delivery(
            1, _ID, _HOOK, "X-Webhook-URL", "status", copy_of=None, due_at=_ENDED, delivered=True, rule=None, faults=(),
            attempts=(ATTEMPT,),
        )
    ],
)  # fmt: skip
EXPLANATION = body.Explanation(
    f"POST {_SUBMIT} is answered 202: accepted {_ID}", _EXCHANGE, rules=(), price=Dollars("0.35"), generation=_GENERATION,
    deliveries=(),
)  # fmt: skip
TLS_LISTENER = body.TlsListener(1, 41443, "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n")
