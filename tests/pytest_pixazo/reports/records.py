"""Records made by hand, in seconds of the world's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pixazo_simulator.control import Delivery, Exchange, Generation, from_json
from pytest_pixazo.world.record import Record

__all__ = ["BEAR", "ID", "MEDIA", "Scenario"]

ID = "minimax-hailuo-ai_019d4355-f500-7000-8000-000000000001"
BEAR = {"prompt": "A bear"}
MEDIA = f"/v1/{ID}/output.mp4"
_START = datetime(2026, 3, 31, 10, tzinfo=UTC)


def instant(second: float) -> str:
    """The time `second` seconds after ten o'clock, as /_sim writes it."""
    return (_START + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Scenario:
    """Collects exchanges, callbacks and ends, in the order of the calls; each call returns the object itself."""

    def __init__(self, nodeid: str = "tests/test_app.py::test_bear") -> None:
        self._record = Record(nodeid=nodeid, seed=7)

    def call(
        self,
        second: float,
        method: str,
        target: str,
        status: int,
        *,
        body: object = None,
        response: object = None,
        headers: dict[str, str] | None = None,
        retry_after: str | None = None,
        request_id: str | None = None,
        rule: str | None = None,
        faults: tuple[str, ...] = (),
        cut: str | None = None,
        real: float = 0,
    ) -> Scenario:
        """Any exchange; `real` is its second in real time."""
        recorded: dict[str, Any] = {
            "number": len(self._record.exchanges) + 1, "at": instant(second), "method": method, "target": target,
            "status": status, "reason": "as scripted",
            "request": {"headers": headers or {}, "headers_left_out": 0, "body": body, "length": len(repr(body))},
            "response": {
                "headers": {} if retry_after is None else {"retry-after": retry_after}, "body": response, "length": 0, "cut": cut,
            },
            "rule": rule, "faults": list(faults), "request_id": request_id, "expected": True, "hint": None,
            "elapsed": real,
        }  # fmt: skip
        self._record.exchanges.append(from_json(recorded, Exchange))
        return self

    def submit(
        self, second: float = 0, status: int = 202, *, body: object = BEAR, request_id: str | None = ID, **more: Any
    ) -> Scenario:
        """A text-to-video submit; accepted unless it has no request id."""
        response = {"request_id": request_id, "status": "QUEUED"} if status < 300 else {"error": "Refused"}
        return self.call(
            second, "POST", "/minimax-hailuo-ai/v1/generate", status, body=body, response=response, request_id=request_id, **more
        )  # fmt: skip

    def read(self, second: float, word: str = "PROCESSING", *, request_id: str = ID, **more: Any) -> Scenario:
        """A status read that is answered 200 with this status."""
        response = {"request_id": request_id, "status": word}
        target = f"/v2/requests/status/{request_id}"
        return self.call(second, "GET", target, 200, response=response, request_id=request_id, **more)

    def refused_read(self, second: float, status: int, **more: Any) -> Scenario:
        """A status read with another status code."""
        return self.call(second, "GET", f"/v2/requests/status/{ID}", status, request_id=ID, **more)

    def download(self, second: float, status: int = 200, *, target: str = MEDIA, **more: Any) -> Scenario:
        """A download."""
        return self.call(second, "GET", target, status, request_id=ID, **more)

    def callback(
        self,
        second: float,
        code: int | None = 204,
        *,
        number: int = 1,
        attempts: int = 1,
        form: str = "status",
        faults: tuple[str, ...] = (),
        request_id: str = ID,
    ) -> Scenario:
        """A callback about the end, attempted `attempts` times with the same response, 5 s apart."""
        tries: list[dict[str, Any]] = [
            {"at": instant(second + 5 * each), "status": code, "problem": None, "rule": None, "faults": []}
            for each in range(attempts)
        ]
        recorded: dict[str, Any] = {
            "number": number, "request_id": request_id, "url": "http://127.0.0.1:1/", "channel": "X-Webhook-URL", "form": form,
            "due_at": instant(second), "delivered": code is not None and code < 300, "attempts": tries, "rule": None, "faults": list(faults), "copy_of": None,
        }  # fmt: skip
        self._record.deliveries.append(from_json(recorded, Delivery))
        return self

    def generation(self, status: str = "COMPLETED", since: float = 15, *, request_id: str = ID) -> Scenario:
        """A generation as it is at the end of the test."""
        recorded: dict[str, Any] = {
            "request_id": request_id, "operation": "generate", "duration": 6, "resolution": "768P", "status": status,
            "accepted_at": instant(0), "since": instant(since),
            "plan": {"queued": 2, "processing": 13, "outcome": "COMPLETED", "error": None},
        }  # fmt: skip
        self._record.generations.append(from_json(recorded, Generation))
        return self

    def record(self) -> Record:
        """All of it."""
        return self._record
