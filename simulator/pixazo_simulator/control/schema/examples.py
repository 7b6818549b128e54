"""Examples of what the control routes take and return, for the OpenAPI document."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import msgspec

from pixazo_simulator.state import WorldLog
from pixazo_simulator.world import Begun, Row

from . import responses as body
from .responses import Instant

_START, _STARTED, _ENDED = map(
    Instant.fromisoformat, ("2026-03-31T10:00:00.000Z", "2026-03-31T10:00:02.000Z", "2026-03-31T10:00:15.000Z")
)
_ID = "minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
_SUBMIT = "/minimax-hailuo-ai/v1/generate"
_HOOK = "http://127.0.0.1:5000/hook"

_BUSY: dict[str, Any] = {"when": "generate", "reply": {"status": 429, "retry_after": 2}, "times": 2}
_NO_BEARS: dict[str, Any] = {
    "when": "generate", "match": {"prompt": {"contains": "bear"}}, "end": {"status": "FAILED", "error": "content policy"},
}  # fmt: skip
REQUESTS: dict[str, dict[str, Any]] = {
    "createWorld": {"balance": "0.50", "clock": "manual", "policy": {"job_times": "1+4"}, "seed": 7, "name": "nightly"},
    "changeWorld": {"balance": "0.00", "policy": {"rate_limit": "5/60"}},
    "advance": {"seconds": 15},
    "waitFor": {"exchanges": {"operation": "generate", "status": 202}, "timeout": 5},
    "verify": {"exchanges": {"operation": "status"}, "at_most": 30},
    "explain": {"method": "POST", "path": _SUBMIT, "body": {"prompt": "A bear"}},
    "setScript": {"rules": [_BUSY, _NO_BEARS]},
    "addRule": _NO_BEARS,
    "replaceRule": {"when": "status", "faults": [{"fault": "connection_reset"}], "times": 1},
    "rotateWebhookSecret": {"overlap": 86400},
    "openTlsListener": {"hosts": ["gateway.pixazo.ai"]},
}
"""The body of each route that takes one, by operationId."""

_BEGUN = Begun(1_774_951_200_000, 1_774_951_200_000)
_CLOCK = body.ClockState(_START, "manual", next_webhook_at=_ENDED)
_STATE: dict[str, Any] = {
    "now": _START, "clock": "manual", "seed": 7, "name": "nightly", "balance": Decimal("0.50"), "suspended": False, "model_enabled": True,
    "generations": 0, "exchanges": 0, "webhook_secret": None, "former_webhook_secrets": [], "policy": {"job_times": "1+4", "rate_limit": "off"},
}  # fmt: skip
_GENERATION = body.Generation(
    _ID, "generate", duration=6, resolution="768P", status="QUEUED", accepted_at=_START, since=_START,
    plan=body.Plan(queued=2, processing=13, outcome="COMPLETED", error=None),
)  # fmt: skip
_GENERATIONS = body.GenerationPage(total=1, generations=[_GENERATION])
_PRICE, _NOTHING = Decimal("0.35"), Decimal("0.00")
_BILLED = body.BilledGeneration(
    _ID, "generate", _START, _PRICE, _NOTHING, "COMPLETED", "delivered", waste=None, failed_before=0, curl=None
)
_QUEUED: dict[str, Any] = {
    "request_id": _ID, "status": "QUEUED", "model_id": "minimax-hailuo-ai", "error": None, "output": None,
    "created_at": "2026-03-31T10:00:00.000Z", "updated_at": "2026-03-31T10:00:00.000Z", "completed_at": None,
}  # fmt: skip
_EXCHANGE = body.Exchange(
    1, _START, "POST", _SUBMIT, 202, reason=f"accepted {_ID}", request_id=_ID, rule=None, faults=(), expected=True, hint=None,
    request=body.Request(
        headers={"content-type": "application/json", "ocp-apim-subscription-key": "[redacted]"},
        headers_left_out=0, body={"prompt": "A bear"}, length=19,
    ),
    response=body.Response(
        headers={"content-type": "application/json"},
        body={"request_id": _ID, "status": "QUEUED", "polling_url": f"http://127.0.0.1:8900/v2/requests/status/{_ID}"},
        length=199, cut=None,
    ),
)  # fmt: skip
_JOURNAL = body.JournalPage(total=1, dropped=0, exchanges=[_EXCHANGE])
_ATTEMPT = body.Attempt(_ENDED, 204, problem=None, rule=None, faults=())
_DELIVERY = body.Delivery(
    1, _ID, _HOOK, "X-Webhook-URL", "status", copy_of=None, due_at=_ENDED, delivered=True, rule=None, faults=(),
    attempts=(_ATTEMPT,),
)  # fmt: skip
_DELIVERIES = body.DeliveryPage(total=1, deliveries=[_DELIVERY])
_POSTED = {"request_id": _ID, "status": "COMPLETED"}
_DETAIL = body.DeliveryDetail(
    **msgspec.structs.asdict(_DELIVERY), method="POST", headers={"content-type": "application/json"},
    text=json.dumps(_POSTED, separators=(",", ":")), body=_POSTED, exact=True,
)  # fmt: skip
_EVENTS = [
    body.Event("transition", _STARTED, _ID, "PROCESSING"),
    body.Event("transition", _ENDED, _ID, "COMPLETED"),
    body.Event("webhook", _ENDED, _ID, 204, number=1, url=_HOOK, problem=None, rule=None, faults=()),
]
_UPCOMING = [
    body.UpcomingEvent("transition", _STARTED, _ID, "PROCESSING"),
    body.UpcomingEvent("transition", _ENDED, _ID, "COMPLETED"),
    body.UpcomingEvent("webhook", _ENDED, _ID, number=1, url=_HOOK, attempt=1, rule=None, faults=()),
]
_ENTRIES = [
    body.Entry(_START, "opening", Decimal("100.00"), request_id=None),
    body.Entry(_START, "debit", Decimal("-0.35"), _ID),
]
_SCRIPT = body.ScriptState([
    body.ScriptRule(1, "rule 1: when generate", _BUSY, used=[2], matched=2, missed=None),
    body.ScriptRule(
        2, "rule 2: when generate, prompt contains 'bear'", _NO_BEARS, used=[0], matched=0,
        missed=["prompt is 'A cat', expected: contains 'bear'"],
    ),
])  # fmt: skip
_SUMMARY = f"POST {_SUBMIT} gets 202: accepted {_ID}"

RESPONSES: dict[Any, object] = {
    dict[str, Any]: {"openapi": "3.1.0"},
    str: "# HELP pixazo_worlds Worlds that are open.\n# TYPE pixazo_worlds gauge\npixazo_worlds 1.0\n",
    **{
        type(each): each
        for each in (
            body.Health("ok", worlds=1),
            body.Ready("ready"),
            body.StateNumber(1),
            WorldLog(_BEGUN, (Row("turn", b"\xc0"),), (), "00112233445566778899aabbccddeeff"),
            _CLOCK,
            body.WorldState(**_STATE),
            body.CreatedWorld(key="sim-71f9dd0c2b8d4a43", request_ids=[], **_STATE),
            body.WorldList(1, [body.WorldSummary(1, "nightly", _START, "manual", Decimal("99.65"), 1, 1)]),
            body.History(1, [body.HistoryEntry(17, _START, f"POST {_SUBMIT}: 202")]),
            body.Deleted(deleted=True),
            body.Advanced(_ENDED, _EVENTS),
            body.Upcoming(_START, _ENDED, _UPCOMING, more=False),
            body.LedgerPage(Decimal("99.65"), total=2, entries=_ENTRIES),
            body.Bill(1, _PRICE, _NOTHING, _NOTHING, 0, 0, [_BILLED]),
            _GENERATIONS,
            body.StatusAnswer(_ID, _START, 200, json.dumps(_QUEUED, separators=(",", ":")), _QUEUED),
            _JOURNAL,
            body.WaitResult(exchanges=[_EXCHANGE]),
            _SCRIPT,
            body.WorldRecord(_CLOCK, _JOURNAL, body.JournalPage(0, 0, []), _GENERATIONS, _DELIVERIES, _SCRIPT),
            body.RuleNumber(1),
            _DELIVERIES,
            _DETAIL,
            _ATTEMPT,
            body.Explanation(_SUMMARY, _EXCHANGE, (), _PRICE, _GENERATION, deliveries=()),
            body.TlsListener(1, 41443, "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n"),
            body.Closed(closed=True),
        )
    },
}
"""Each response, by its type."""
