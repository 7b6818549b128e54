"""Callers that submit, poll and let time pass at once, while servers are killed; they know what they were answered."""

from __future__ import annotations

import http.client
import random
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import cycle
from typing import Any

from tests.caller import Caller, Reply, over_http
from tests.patience import PATIENCE
from tests.receiver import Behaviour, Callback, Receiver

__all__ = ["Counting", "Load", "in_turn"]

PRICE = Decimal("0.35")
BALANCE = Decimal(1_000_000)
OPTIONS = ("--open-keys", "--balance", str(BALANCE), "--clock", "manual")
HOST = {"Host": "gateway.test"}
"""The servers name themselves alike, so that their bodies do not differ."""
_UNANSWERED = (OSError, http.client.HTTPException)


class Counting(Receiver):
    """A receiver that answers 204 after a moment; how often it got the webhook of each id."""

    def response_to(self, _callback: Callback) -> bytes | Behaviour:
        """A server is often killed while it waits for it."""
        self._closing.wait(0.01)
        return super().response_to(_callback)

    @property
    def arrived(self) -> Counter[str]:
        """By request id."""
        return Counter(_id_in(each.body) for each in list(self.received))


def _id_in(body: bytes) -> str:
    return body.split(b'"request_id":"', 1)[1].split(b'"', 1)[0].decode()


def in_turn(urls: Sequence[str]) -> Any:
    """Sends each request to the next of these servers that accepts a connection."""
    places = cycle([over_http(url) for url in urls])

    def send(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        for _ in urls[1:]:
            try:
                return next(places)(method, target, headers, body)
            except ConnectionRefusedError:
                continue
        return next(places)(method, target, headers, body)

    return send


class Load:
    """`with Load(urls, "key", hook) as load: ...`: callers of one world, until the end of the block; then `check` what there is."""

    def __init__(self, urls: Sequence[str], key: str, receiver: Counting) -> None:
        self.key = key
        self.accepted: list[str] = []
        self.codes: Counter[int] = Counter()
        self.unanswered = 0
        """Submissions of which nobody knows whether they were accepted."""
        self.cut = 0
        """Responses that ended early."""
        self.seen: dict[tuple[str, str], bytes] = {}
        """What was read of an id at an instant."""
        self.answered = threading.Semaphore(0)
        self._urls = urls
        self._receiver = receiver
        self._polled = threading.Semaphore(0)
        self._still: list[str] | None = (
            None  # the instant while no advance is under way, in a list of its own each time
        )
        self._over = threading.Event()
        self._problems: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._run, args=(each,))
            for each in (self._submit, self._submit, self._poll, self._advance)
        ]

    @property
    def caller(self) -> Caller:
        """A caller of this world."""
        return Caller(in_turn(self._urls), self.key)

    def _run(self, do: Any) -> None:
        caller, chance = self.caller, random.Random(str(do))
        try:
            while not self._over.is_set():
                do(caller, chance)
        except BaseException as error:  # noqa: BLE001 - for the thread of the test
            self._problems.append(error)

    def _submit(self, caller: Caller, _: random.Random) -> None:
        try:
            reply = caller.call(
                "POST",
                "/minimax-hailuo-ai/v1/generate",
                {"prompt": "A bear [[sim:after 3]]"},
                {**HOST, "X-Webhook-URL": self._receiver.url},
            )
        except ConnectionRefusedError:
            return
        except _UNANSWERED as error:
            self.unanswered += 1
            self._note(error)
            return
        self.codes[reply.status] += 1
        if reply.status == 202:
            self.accepted.append(reply.json()["request_id"])
            self.answered.release()

    def _poll(self, caller: Caller, chance: random.Random) -> None:
        if not self.accepted:
            return
        identity, still = chance.choice(self.accepted[-20:]), self._still
        try:
            reply = caller.call("GET", f"/v2/requests/status/{identity}", None, HOST)
        except _UNANSWERED as error:
            self._note(error)
            return
        self.codes[reply.status] += 1
        self._polled.release()
        if still and still is self._still and reply.status == 200:
            assert self.seen.setdefault((identity, still[0]), reply.body) == reply.body

    def _advance(self, caller: Caller, chance: random.Random) -> None:
        self._still = None
        try:
            reply = caller.call("POST", "/_sim/clock/advance", {"seconds": chance.choice([0.5, 1, 2])})
            self.codes[reply.status] += 1
            now = caller.sim("clock")["now"]
        except _UNANSWERED as error:
            self._note(error)
            return
        if reply.status == 200:
            self._still = [now]
            for _ in range(3):  # polls, of which the instant is known
                self._polled.acquire(timeout=PATIENCE if not self._over.is_set() else 0)

    def _note(self, error: Exception) -> None:
        self.cut += isinstance(error, http.client.IncompleteRead)

    def __enter__(self) -> Load:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._polled.release(3)
        for each in self._threads:
            each.join()
        if self._problems:
            raise self._problems[0]

    def check(self) -> None:
        """Everything that was acknowledged is there once, and is read as it was read before at the same instant."""
        caller = self.caller
        ids = [each["request_id"] for each in caller.sim("generations?limit=1000")["generations"]]
        assert len(set(ids)) == len(ids)
        assert set(self.accepted) <= set(ids)
        assert len(ids) - len(self.accepted) <= self.unanswered
        ledger = caller.sim("ledger?limit=1000")
        assert sorted(each["request_id"] for each in ledger["entries"] if each["kind"] == "debit") == sorted(ids)
        assert Decimal(ledger["balance"]) == BALANCE - PRICE * len(ids)
        now = caller.sim("clock")["now"]
        for (identity, instant), body in self.seen.items():
            if instant == now:
                assert caller.call("GET", f"/v2/requests/status/{identity}", None, HOST).body == body

    def check_webhooks(self) -> int:
        """Let everything end: each webhook arrived, more than once only after an interrupted attempt; returns how many there were of those."""
        caller = self.caller
        caller.advance(3600)
        wanted = len(caller.sim("generations?limit=1000")["generations"])
        waited = caller.call(
            "POST", "/_sim/wait", {"deliveries": {"delivered": True, "count": wanted}, "timeout": PATIENCE}
        )
        assert waited.status == 200, waited.body
        arrived, interrupted = self._receiver.arrived, 0
        for delivery in caller.sim("deliveries?limit=1000")["deliveries"]:
            statuses = [attempt["status"] for attempt in delivery["attempts"]]
            assert statuses == [None] * (len(statuses) - 1) + [204], delivery
            assert all(attempt["interrupted"] for attempt in delivery["attempts"][:-1]), delivery
            assert 1 <= arrived[delivery["request_id"]] <= len(statuses), delivery
            interrupted += len(statuses) - 1
        return interrupted
