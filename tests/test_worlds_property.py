"""Many worlds, driven at random at the same time, keep their invariants and do not affect each other."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pixazo_simulator.server.simulator import Simulator
from tests.caller import GENERATE, IMAGE_TO_VIDEO, Caller, Reply, Send, over_http
from tests.inprocess import InProcess
from tests.patience import PATIENCE

MOST_WORLDS = 4
PRICES = {6: Decimal("0.35"), 10: Decimal("0.60")}
NEVER = float("inf")
PROMPTS = {
    "A bear": ("COMPLETED", 2, 15),
    "A bear [[sim:after 30]]": ("COMPLETED", 4, 30),
    "A bear [[sim:after 0]]": ("COMPLETED", 0, 0),
    "A bear [[sim:failed too wild]]": ("FAILED", 2, 15),
    "A bear [[sim:error disk full]]": ("ERROR", 2, 15),
    "A bear [[sim:error disk full]] [[sim:after 3]]": ("ERROR", 0.4, 3),
    "A bear [[sim:stuck]]": ("PROCESSING", 2, NEVER),
}
"""What a prompt asks for: the last status, and seconds until PROCESSING and until the end."""
REFUSED: list[tuple[str, Any]] = [
    (GENERATE, {}),
    (GENERATE, b""),
    (GENERATE, b'{"prompt": "A bear"'),
    (GENERATE, ["A bear"]),
    (GENERATE, {"prompt": 5}),
    (GENERATE, {"prompt": " "}),
    (GENERATE, {"prompt": "b" * 2001}),
    (GENERATE, {"prompt": "A bear", "duration": 7}),
    (GENERATE, {"prompt": "A bear", "duration": 10, "resolution": "1080P"}),
    (GENERATE, {"prompt": "A bear", "callback_url": "nowhere"}),
    (GENERATE, {"prompt": "A bear [[sim:faild]]"}),
    (IMAGE_TO_VIDEO, {"prompt": "A bear"}),
    (IMAGE_TO_VIDEO, {"prompt": "A bear", "first_frame_image": "data:image/png;base64,AAAA"}),
]
RANKS = {"QUEUED": 0, "PROCESSING": 1, "COMPLETED": 2, "FAILED": 2, "ERROR": 2}
NO_SUCH_REQUEST = b'{"error":"Request not found","message":"No request with this id was found."}'
ELSEWHERE = "http://192.0.2.1/hook"
"""A webhook URL (TEST-NET-1, RFC 5737) to which nothing is ever sent, since it is not loopback."""


class Tape:
    """Passes requests on and keeps them with their answers."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.requests: list[tuple[str, str, Mapping[str, str], bytes]] = []
        self.replies: list[Reply] = []

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Pass one request on."""
        self.requests.append((method, target, headers, body))
        self.replies.append(self._send(method, target, headers, body))
        return self.replies[-1]

    def replayed(self) -> list[Reply]:
        """What a new server answers to the same requests."""
        with InProcess() as send:
            return [send(*request) for request in self.requests]


@dataclass
class Account:
    """A model of one world; time is in seconds since it began. The model's own reads are not recorded."""

    caller: Caller
    onlooker: Caller
    tape: Tape
    balance: Decimal
    now: float = 0
    generations: list[Expected] = field(default_factory=list["Expected"])

    def settle(self) -> None:
        """Give back the price of what has ended in ERROR by now."""
        for each in self.generations:
            if each.outcome == "ERROR" and not each.refunded and self.now >= each.ends:
                each.refunded = True
                self.balance += each.price

    def state(self) -> list[Any]:
        """All that a refused submit must leave as it was."""
        world = self.onlooker.sim("world")
        del world["exchanges"]
        return [world, *map(self.onlooker.sim, ("ledger", "generations", "deliveries"))]


@dataclass
class Expected:
    """What must be read of one generation."""

    world: Account
    request_id: str
    price: Decimal
    outcome: str
    starts: float
    ends: float
    refunded: bool = False
    rank: int = 0
    last: bytes = b""

    def status(self) -> str:
        """The status word of this instant."""
        now = self.world.now
        return "QUEUED" if now < self.starts else "PROCESSING" if now < self.ends else self.outcome


class ManyWorlds(RuleBasedStateMachine):
    """Random calls by the holders of several keys of one server."""

    worlds: Bundle[Account] = Bundle("worlds")
    generations: Bundle[Expected] = Bundle("generations")
    happened: ClassVar[Counter[str]] = Counter()
    """How often what happened, over all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.server = InProcess()
        self.tape = Tape(self.server)
        self.accounts: list[Account] = []

    def open(self, balance: str) -> Account:
        """A fresh world of the server."""
        tape = Tape(self.tape)
        caller = Caller(tape, f"holder-{len(self.accounts)}")
        assert caller.call("POST", "/_sim/worlds", {"key": caller.key, "balance": balance}).status == 201
        self.accounts.append(Account(caller, Caller(self.server, caller.key), tape, Decimal(balance)))
        return self.accounts[-1]

    @initialize(target=worlds)
    def open_two_worlds(self) -> MultipleResults[Account]:
        """There are always several worlds."""
        return multiple(self.open("1.30"), self.open("100.00"))

    @precondition(lambda self: len(self.accounts) < MOST_WORLDS)
    @rule(target=worlds, balance=st.sampled_from(["0.00", "0.94", "5.00"]))
    def open_world(self, balance: str) -> Account:
        """A new key opens a new world."""
        self.happened["another world"] += 1
        return self.open(balance)

    @rule(
        target=generations,
        world=worlds,
        path=st.sampled_from([GENERATE, IMAGE_TO_VIDEO]),
        prompt=st.sampled_from(sorted(PROMPTS)),
        duration=st.sampled_from([6, 10]),
        webhook=st.booleans(),
    )
    def submit(
        self, world: Account, path: str, prompt: str, duration: int, webhook: bool
    ) -> Expected | MultipleResults[Expected]:
        """A valid request is accepted and charged, or refused for lack of funds without any change."""
        before = world.state()
        body = {"prompt": prompt, "duration": duration, "first_frame_image": "https://example.com/bear.png"}
        reply = world.caller.call("POST", path, body, {"X-Webhook-URL": ELSEWHERE} if webhook else {})
        if world.balance < PRICES[duration]:
            self.happened["402"] += 1
            assert reply.status == 402
            assert world.state() == before
            return multiple()
        assert reply.status == 202
        self.happened["202"] += 1
        world.balance -= PRICES[duration]
        outcome, starts, ends = PROMPTS[prompt]
        accepted = Expected(
            world, reply.json()["request_id"], PRICES[duration], outcome, world.now + starts, world.now + ends
        )
        world.generations.append(accepted)
        return accepted

    @rule(world=worlds, call=st.sampled_from(REFUSED))
    def submit_refused(self, world: Account, call: tuple[str, object]) -> None:
        """An invalid request is refused and changes nothing."""
        before = world.state()
        assert world.caller.call("POST", *call).status == 400
        assert world.state() == before
        self.happened["400"] += 1

    @rule(generation=generations)
    def read(self, generation: Expected) -> None:
        """The status is that of its instant, never goes back, and never changes once it is terminal."""
        reply = generation.world.caller.read(generation.request_id)
        word = reply.json()["status"]
        assert word == generation.status()
        assert RANKS[word] >= generation.rank
        assert generation.last in (b"", reply.body)
        generation.rank, generation.last = RANKS[word], reply.body if RANKS[word] == 2 else b""
        self.happened[f"read {word}"] += 1

    @rule(world=worlds, generation=generations)
    def read_foreign(self, world: Account, generation: Expected) -> None:
        """The generation of another world cannot be distinguished from one that never existed."""
        if generation.world is not world:
            reply = world.caller.read(generation.request_id)
            assert (reply.status, reply.body) == (404, NO_SUCH_REQUEST)
            self.happened["read foreign"] += 1

    @rule(world=worlds, seconds=st.sampled_from([0, 1, 2, 3, 12]))
    def advance(self, world: Account, seconds: int) -> None:
        """Time passes in one world only."""
        reported = world.caller.advance(seconds)
        world.now += seconds
        world.settle()
        self.happened["advance"] += 1
        self.happened["webhook attempt"] += any(event["kind"] == "webhook" for event in reported["events"])

    @rule(generation=generations)
    def read_the_end(self, generation: Expected) -> None:
        """A caller waits until a generation ends, and reads it."""
        self.advance(generation.world, 60)
        self.read(generation)

    @rule(world=worlds, balance=st.sampled_from(["0.34", "2.00", "20.00"]))
    def set_balance(self, world: Account, balance: str) -> None:
        """A wallet is topped up or emptied."""
        world.caller.change(balance=balance)
        world.balance = Decimal(balance)
        self.happened["adjust"] += 1

    @invariant()
    def the_books_are_right(self) -> None:
        """The ledger's entries add up to the balance; each generation was charged once, and refunded once if it ended in ERROR."""
        for world in self.accounts:
            ledger = world.onlooker.sim("ledger")
            amounts: dict[str | None, list[Decimal]] = {}
            for entry in ledger["entries"]:
                amounts.setdefault(entry["request_id"], []).append(Decimal(entry["amount"]))
            assert ledger["total"] == len(ledger["entries"])
            assert sum(sum(each) for each in amounts.values()) == Decimal(ledger["balance"]) == world.balance >= 0
            for each in world.generations:
                assert amounts[each.request_id] == ([-each.price, each.price] if each.refunded else [-each.price])
                self.happened["refund"] += each.refunded

    def teardown(self) -> None:
        """A new server answers the same calls with the same bytes, whether all of them are sent or those of one world."""
        for world in self.accounts:
            for what in ("world", "ledger", "generations", "deliveries", "journal"):
                world.caller.sim(what)
        with self.server:
            assert self.tape.replayed() == self.tape.replies
            for world in self.accounts:
                assert world.tape.replayed() == world.tape.replies


@pytest.mark.slow
def test_laws_of_many_worlds() -> None:
    """Every invariant holds in every run, and every kind of event happened in some run."""
    ManyWorlds.happened.clear()
    run_state_machine_as_test(ManyWorlds, settings=settings(max_examples=20, stateful_step_count=40))
    assert {what for what, times in ManyWorlds.happened.items() if times} == {
        "202", "400", "402", "adjust", "advance", "another world", "read COMPLETED", "read ERROR", "read FAILED",
        "read PROCESSING", "read QUEUED", "read foreign", "refund", "webhook attempt",
    }  # fmt: skip


def test_another_seed_gives_other_ids() -> None:
    """The seed is what the bytes depend on: with another one the same call is answered with another id."""
    ids = set[str]()
    for seed in (0, 0, 1):
        with InProcess() as send:
            caller = Caller(send, "holder")
            caller.call("POST", "/_sim/worlds", {"key": caller.key, "seed": seed})
            ids.add(caller.accepted())
    assert len(ids) == 2


@pytest.mark.parametrize(("balance", "callers", "winners"), [("0.35", 2, 1), ("0.69", 2, 1), ("1.05", 8, 3)])
def test_a_race_for_the_last_money(simulator: Simulator, balance: str, callers: int, winners: int) -> None:
    """Of callers that submit at the same moment, as many as the balance pays for get a 202, the others a 402."""
    for turn in range(10):
        caller = Caller(over_http(simulator.url), f"racer-{balance}-{turn}")
        caller.call("POST", "/_sim/worlds", {"key": caller.key, "balance": balance})
        statuses = together(callers, partial(submit, caller))
        assert sorted(statuses) == [202] * winners + [402] * (callers - winners)
        ledger = caller.sim("ledger")
        assert Decimal(ledger["balance"]) == Decimal(balance) - winners * Decimal("0.35")
        assert [entry["kind"] for entry in ledger["entries"]] == ["opening"] + ["debit"] * winners
        caller.call("DELETE", "/_sim/world")


def submit(caller: Caller) -> int:
    """The status of one submit."""
    return caller.generate().status


def together(count: int, act: Callable[[], int]) -> list[int]:
    """What `count` threads get that act at the same moment."""
    gate = threading.Barrier(count)

    def act_at_once(_: int) -> int:
        gate.wait(PATIENCE)
        return act()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(act_at_once, range(count)))
