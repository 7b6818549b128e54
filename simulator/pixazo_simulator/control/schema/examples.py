"""What the control routes are asked and answer, by example, for their description."""

from __future__ import annotations

from typing import Any

from . import responses as shapes

_START, _STARTED, _ENDED = "2026-03-31T10:00:00.000Z", "2026-03-31T10:00:02.000Z", "2026-03-31T10:00:15.000Z"
_ID = "minimax-hailuo-ai_019d4355-f500-7eb3-9ee6-a9a84c50a6cd"
_SUBMIT = "/minimax-hailuo-ai/v1/generate"
_HOOK = "http://127.0.0.1:5000/hook"

BUSY: dict[str, Any] = {"when": "generate", "reply": {"status": 429, "retry_after": 2}, "times": 2}
NO_BEARS: dict[str, Any] = {
    "when": "generate", "match": {"prompt": {"contains": "bear"}}, "end": {"status": "FAILED", "error": "content policy"},
}  # fmt: skip
RESET: dict[str, Any] = {"when": "status", "faults": [{"fault": "connection_reset"}], "times": 1}
BUSY_THEN_REFUSED: dict[str, Any] = {"rules": [BUSY, NO_BEARS]}

HEALTH: shapes.Health = {"status": "ok", "worlds": 1}
DELETED: shapes.Deleted = {"deleted": True}
CLOCK: shapes.Clock = {"now": _START, "clock": "manual", "next_callback_at": _ENDED}
WORLD: shapes.World = {
    "now": _START, "clock": "manual", "seed": 7, "balance": "0.50", "suspended": False, "model_enabled": True,
    "generations": 0, "exchanges": 0, "webhook_secret": None, "policy": {"job_times": "1+4", "rate_limit": "off"},
}  # fmt: skip
CREATED_WORLD: shapes.CreatedWorld = {"key": "sim-71f9dd0c2b8d4a43", **WORLD}
ADVANCED: shapes.Advanced = {
    "now": _ENDED,
    "events": [
        {"kind": "transition", "at": _STARTED, "request_id": _ID, "status": "PROCESSING"},
        {"kind": "transition", "at": _ENDED, "request_id": _ID, "status": "COMPLETED"},
        {
            "kind": "webhook", "at": _ENDED, "number": 1, "request_id": _ID, "url": _HOOK, "status": 204, "problem": None,
            "rule": None, "faults": [],
        },
    ],
}  # fmt: skip
LEDGER: shapes.Ledger = {
    "balance": "99.65",
    "total": 2,
    "entries": [
        {"at": _START, "kind": "opening", "amount": "100.00", "request_id": None},
        {"at": _START, "kind": "debit", "amount": "-0.35", "request_id": _ID},
    ],
}
_GENERATION: shapes.Generation = {
    "request_id": _ID, "operation": "generate", "duration": 6, "resolution": "768P", "status": "QUEUED",
    "accepted_at": _START, "since": _START,
    "plan": {"queued": 2, "processing": 13, "outcome": "COMPLETED", "error": None},
}  # fmt: skip
GENERATIONS: shapes.Generations = {"total": 1, "generations": [_GENERATION]}
_EXCHANGE: shapes.Exchange = {
    "number": 1, "at": _START, "method": "POST", "target": _SUBMIT, "status": 202, "reason": f"accepted {_ID}", "request_id": _ID,
    "rule": None, "faults": [], "expected": True, "hint": None,
    "request": {
        "headers": {"content-type": "application/json", "ocp-apim-subscription-key": "[redacted]"},
        "headers_left_out": 0, "body": {"prompt": "A bear"}, "length": 19,
    },
    "response": {
        "headers": {"content-type": "application/json"},
        "body": {
            "request_id": _ID, "status": "QUEUED", "polling_url": f"http://127.0.0.1:8900/v2/requests/status/{_ID}",
        },
        "length": 199, "cut": None,
    },
}  # fmt: skip
JOURNAL: shapes.Journal = {"total": 1, "dropped": 0, "exchanges": [_EXCHANGE]}
SUBMITS: shapes.Arrived = {"exchanges": [_EXCHANGE]}
SCRIPT: shapes.Script = {
    "rules": [
        {"number": 1, "label": "rule 1: when generate", "rule": BUSY, "used": [2], "missed": None},
        {
            "number": 2, "label": "rule 2: when generate, prompt contains 'bear'", "rule": NO_BEARS, "used": [0],
            "missed": ["prompt is 'A cat', wanted: contains 'bear'"],
        },
    ]
}  # fmt: skip
NUMBER: shapes.RuleNumber = {"number": 1}
ATTEMPT: shapes.Attempt = {"at": _ENDED, "status": 204, "problem": None, "rule": None, "faults": []}
DELIVERIES: shapes.Deliveries = {
    "total": 1,
    "deliveries": [
        {
            "number": 1, "request_id": _ID, "url": _HOOK, "channel": "X-Webhook-URL", "form": "status", "copy_of": None,
            "due_at": _ENDED, "delivered": True, "rule": None, "faults": [], "attempts": [ATTEMPT],
        }
    ],
}  # fmt: skip
EXPLANATION: shapes.Explanation = {
    "summary": f"POST {_SUBMIT} is answered 202: accepted {_ID}", "exchange": _EXCHANGE, "rules": [], "price": "0.35",
    "generation": _GENERATION, "deliveries": [],
}  # fmt: skip

DOOR: shapes.TlsListener = {
    "number": 1,
    "port": 41443,
    "ca_pem": "-----BEGIN CERTIFICATE-----\nMIIB...\n-----END CERTIFICATE-----\n",
}
CLOSED: shapes.Closed = {"closed": True}
