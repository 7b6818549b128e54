"""A gateway that charges for every submit and lies about it: what it answers is drawn anew for each request."""

from __future__ import annotations

import gzip
import json
import threading
from random import Random
from typing import TYPE_CHECKING, Final

from tests.contracts.gateways.fake_server import listening

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from tests.contracts.gateways.fake_gateway import Answered, Ask

STATUS: Final = "/v2/requests/status/"
BAD: Final = {"error": "Bad Request", "message": "no"}
JSON: Final = {"Content-Type": "application/json"}


def _lie(name: str, request_id: str) -> Answered:
    """What is said of a submit that was accepted and charged."""
    refusal = json.dumps(BAD).encode()
    named = json.dumps({**BAD, "id": request_id}).encode()
    match name:
        case "hangs up":
            return None
        case "names it":
            return 400, JSON, named
        case "names it in gzip":
            return 400, {**JSON, "Content-Encoding": "gzip"}, gzip.compress(named)
        case "names it in text":
            return 404, {}, f"job-id={request_id}".encode()
        case "is cut":
            return 400, JSON, named[:-20]
        case "redirects":
            return 307, {"Location": "/minimax-hailuo-ai/v1/generate"}, b""
        case "is correct":
            accepted = {"request_id": request_id, "status": "QUEUED", "polling_url": f"{STATUS}{request_id}"}
            return 202, JSON, json.dumps(accepted).encode()
        case _:
            return int(name), {**JSON, "Retry-After": "0"}, refusal


LIES: Final = (
    *("408", "409", "425", "429", "500", "503", "200", "hangs up", "names it", "names it in gzip", "names it in text"),
    *("is cut", "redirects", "is correct"),
)


class LyingGateway:
    """Counts what it has created. A request with anything but a status path creates; reads are correct."""

    def __init__(self, seed: int, lies: Sequence[str] = LIES) -> None:
        self.created = 0
        self._random, self._lies = Random(seed), lies
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, ask: Ask) -> Answered:
        """The answer to one request."""
        with self._lock:
            if ask.method in {"GET", "HEAD"} and ask.path.startswith(STATUS):
                request_id = ask.path.removeprefix(STATUS)
                body = {"request_id": request_id, "status": "FAILED", "error": "x", "output": None}
                known = request_id in self._ids
                return (200, JSON, json.dumps(body).encode()) if known else (404, JSON, json.dumps(BAD).encode())
            self.created += 1
            request_id = f"minimax-hailuo-ai_{self.created:08x}-0000-7000-8000-000000000000"
            self._ids.add(request_id)
            return _lie(self._random.choice(self._lies), request_id)


def serve(gateway: LyingGateway) -> AbstractContextManager[str]:
    """The gateway on a free port: gives its origin."""
    return listening(gateway.answer)
