"""Asks for pages of the console, and posts its forms, as a browser does; and a world in which something of everything has happened."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from tests.caller import GENERATE, Caller, Reply, Send

__all__ = ["ACTIONS", "BASE", "HEADERS", "HOSTILE", "PAGES", "Visitor", "live"]

BASE = "/_sim/console"
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; media-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
"""What every response is sent with."""
HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)">'"&`$HOME`\x1b[2J\u202e\u2028{{ 7 * 7 }}</textarea>]]>\\ \U0001f600"""
PAGES = (
    "", "/", "?all", "/unmatched", "/unmatched/1", "/worlds/1", "/worlds/1/requests", "/worlds/1/requests/1", "/worlds/1/webhooks",
    "/worlds/1/webhooks/1", "/worlds/1/videos", "/worlds/1/script", "/worlds/1/policy", "/worlds/1/try", "/worlds/1/history",
)  # fmt: skip
"""Every page, with its query if it has one."""
ACTIONS: Mapping[str, Mapping[str, str]] = {
    "/open": {"key": "sim-key"},
    "/worlds/1/advance": {"step": "5"},
    "/worlds/1/change": {"balance": "1.00"},
    "/worlds/1/webhooks/1/resend": {},
    "/worlds/1/rules": {"rule": '{"when": "generate", "reply": {"status": 503}}'},
    "/worlds/1/rules/1": {"rule": '{"when": "generate", "reply": {"status": 502}}'},
    "/worlds/1/rules/1/remove": {},
    "/worlds/1/faults/status_code": {},
    "/worlds/1/send": {"operation": "generate", "body": '{"prompt": "A bear"}'},
}
"""Every form, filled in."""


class Visitor:
    """Somebody who looks at the console of a server; every request has these headers."""

    def __init__(self, send: Send, **headers: str) -> None:
        self._send = send
        self._headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def get(self, path: str, method: str = "GET", **headers: str) -> Reply:
        """A page; `path` begins below that of the console."""
        return self._send(method, BASE + path, self._headers | headers, b"")

    def post(self, path: str, form: Mapping[str, str] | bytes, **headers: str) -> Reply:
        """What a form says, sent by the script of a page."""
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        own = {"HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded"}
        return self._send("POST", BASE + path, self._headers | own | headers, body)


def live(caller: Caller) -> None:
    """Let the caller's world see good and bad ends, a refusal, rules, webhooks, and texts that mean harm."""
    rule = {
        "when": "generate",
        "name": HOSTILE,
        "match": {"prompt": {"contains": "storm"}},
        "end": {"status": "FAILED", "error": HOSTILE},
    }
    assert caller.call("POST", "/_sim/script/rules", rule).status == 201
    good = caller.accepted("A bear", webhook="http://127.0.0.1:9/hook")
    caller.accepted("A storm", webhook="http://127.0.0.1:9/hook?<script>")
    caller.advance(5)
    caller.status(good)
    caller.advance(11)
    caller.status(good)
    caller.call("POST", GENERATE, {"prompt": HOSTILE, "duration": 10, "resolution": "1080P"}, {"X-Note": "<b>note</b>"})
    caller.call("POST", GENERATE, b'{"prompt": "\\ud800", "<script>": NaN')
    caller.call("GET", "/nowhere/%00%1b<script>?a=%ff&a=2&<b>")
    caller.accepted(HOSTILE)
    caller.advance(1)
