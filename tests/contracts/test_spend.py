"""The spend guard: what may be sent to a target that charges, whatever that target does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pixazo_contracts.conversation import Send
from pixazo_contracts.runner import RunOptions
from pixazo_contracts.spend import BudgetExhaustedError, Ledger, SpendGuard
from pixazo_contracts.target import Ceilings, Target
from pixazo_contracts.transport import Reply
from tests.contracts.fake_gateway import KEY, Ask, FakeGateway, refusal
from tests.contracts.fake_gateway import Reply as Answer
from tests.contracts.observing import Observed, full_target, observe
from tests.contracts.wrong import is_read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ORIGIN = "https://gateway.example"
SUBMIT = Send(
    operation="generate", method="POST", url=f"{ORIGIN}/minimax-hailuo-ai/v1/generate", case="submit", intent="refuse"
)
READ = Send(operation="status", url=f"{ORIGIN}/v2/requests/status/x", case="read")


class Wire:
    """Answers every request alike and remembers what was sent."""

    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.sent: list[Send] = []

    def send(self, request: Send) -> Reply:
        self.sent.append(request)
        return self.reply


def guard(reply: Reply, budget: int | None, ledger: Ledger | None = None) -> tuple[SpendGuard, Wire]:
    wire = Wire(reply)
    return SpendGuard(wire, ORIGIN, budget, ledger or Ledger(None, "run")), wire


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=202, body=b"{}"),
        Reply(status=302),
        Reply(status=500),
        Reply(status=None, error="timeout"),
        Reply(status=400, body=b'{"request_id": "minimax-hailuo-ai_0"}'),
    ],
    ids=lambda reply: str(reply.status or reply.error),
)
def test_an_answer_that_is_no_clear_refusal_spends(reply: Reply) -> None:
    """After one acceptance, redirect, 5xx, silence, or a 4xx that names a request, a budget of one is gone."""
    spending, wire = guard(reply, 1)
    spending.send(SUBMIT)
    with pytest.raises(BudgetExhaustedError, match=r"'submit' was not sent: all 1 generations"):
        spending.send(SUBMIT)
    assert len(wire.sent) == 1


def test_a_refusal_gives_its_reservation_back() -> None:
    """Any number of refused submits fits into a budget of one."""
    spending, wire = guard(Reply(status=400, body=b'{"error": "Bad Request"}'), 1)
    for _ in range(5):
        spending.send(SUBMIT)
    assert (len(wire.sent), spending.spent) == (5, 0)


@pytest.mark.parametrize("method", ["POST", "GET", "PUT", "DELETE"])
def test_no_method_on_a_submit_path_is_free(method: str) -> None:
    """Without a budget nothing goes to a submit path, by whatever method and with whatever key."""
    spending, wire = guard(Reply(status=401), 0)
    with pytest.raises(BudgetExhaustedError):
        spending.send(replace(SUBMIT, method=method, account="", operation="other"))
    assert wire.sent == []


def test_reads_and_downloads_are_free() -> None:
    """Status reads and downloads need no budget."""
    spending, wire = guard(Reply(status=200), 0)
    spending.send(READ)
    spending.send(Send(operation="media", url="https://media.example/output.mp4", case="download"))
    assert len(wire.sent) == 2


def test_a_reservation_is_on_the_disk_before_the_request_leaves(tmp_path: Path) -> None:
    """A run that dies while a request is on the way has its reservation counted by the next one."""
    path = tmp_path / "ledger.ndjson"

    class Dying(Wire):
        def send(self, request: Send) -> Reply:
            assert '"event": "reserve"' in path.read_text()
            raise KeyboardInterrupt

    spending = SpendGuard(Dying(Reply(status=202)), ORIGIN, 1, Ledger(path, "first"))
    with pytest.raises(KeyboardInterrupt):
        spending.send(SUBMIT)
    assert Ledger(path, "second").spent() == 1


def test_ceilings_count_all_runs_of_the_day_and_the_month(tmp_path: Path) -> None:
    """What other runs spent on this day and in this month leaves so much less room."""
    path = tmp_path / "ledger.ndjson"
    for day, run in ((1, "first"), (30, "second"), (31, "third")):
        ledger = Ledger(path, run, partial(datetime, 2026, 3, day, 12, tzinfo=UTC))
        guard(Reply(status=202), 9, ledger)[0].send(SUBMIT)
    today = Ledger(path, "now", lambda: datetime(2026, 3, 31, 13, tzinfo=UTC))
    assert today.room(Ceilings(day=2)) == 1
    assert today.room(Ceilings(day=9, month=4)) == 1
    assert today.room(Ceilings(day=1)) == 0
    assert today.room(Ceilings()) is None


def _accepts_everything(gateway: FakeGateway) -> None:
    """202 to every request that does not read, with or without a key, whatever its body and path."""

    def edit(ask: Ask, reply: Answer) -> Answer:
        return reply if is_read(ask) else gateway.accept(ask, "generate", {"prompt": "anything"}, KEY)

    gateway.edit = edit


def _loses_the_answer(gateway: FakeGateway) -> None:
    """Every accepted submit is answered 500."""

    def edit(_: Ask, reply: Answer) -> Answer:
        return refusal(500, "Error", "Oops") if reply.code == 202 else reply

    gateway.edit = edit


def _faithful(_: FakeGateway) -> None: ...


CHARGING = [_faithful, _accepts_everything, _loses_the_answer]


def charged(prepare: Callable[[FakeGateway], None], budget: int) -> Observed:
    target = full_target(paid=True)
    bare = Target(target.profile, {"default": (KEY,)})
    return observe(prepare=prepare, target=bare, options=RunOptions(run="testrun0", max_generations=budget))


@pytest.mark.parametrize("prepare", CHARGING)
def test_without_a_budget_nothing_is_generated(prepare: Callable[[FakeGateway], None]) -> None:
    """On a target that charges not one generation begins unless a budget is given, even if it accepts everything."""
    observed = charged(prepare, 0)
    assert observed.gateway.works == {}
    assert observed.trace.footer is not None
    assert observed.trace.footer.unusable is None


@pytest.mark.parametrize("prepare", CHARGING)
def test_a_budget_of_two_is_two_at_most(prepare: Callable[[FakeGateway], None]) -> None:
    """With a budget of two exactly two generations begin, even where bad requests are accepted or answers lost."""
    assert len(charged(prepare, 2).gateway.works) == 2


def test_an_accidental_acceptance_ends_its_family_and_is_polled() -> None:
    """The first wrong acceptance fails its clause, is followed to its end, and is named as what stopped the run."""

    def accepts_numbers(gateway: FakeGateway) -> None:
        def edit(ask: Ask, reply: Answer) -> Answer:
            wrong = b'"prompt": 42' in ask.body
            return gateway.accept(ask, "generate", {"prompt": "42"}, KEY) if wrong else reply

        gateway.edit = edit

    observed = charged(accepts_numbers, 1)
    assert len(observed.gateway.works) == 1
    assert observed.trace.generations[0].outcome == "COMPLETED"
    assert "T2V-PROMPT-02" in observed.outcomes("FAIL")
    assert observed.trace.footer is not None
    assert "should have been refused" in str(observed.trace.footer.spend_stopped)


def test_a_faithful_gateway_refuses_all_families_before_the_packs_spend() -> None:
    """With a budget of one all families that are free if refused are judged, and one pack is bought."""
    observed = charged(_faithful, 1)
    passed = observed.outcomes("PASS")
    assert {"T2V-PROMPT-01", "I2V-DUR-03", "SUBMIT-16", "AUTH-01", "T2V-BODY-01"} <= passed
    assert "SUBMIT-02" in observed.outcomes("UNFUNDED")
