"""The spend guard: what may be sent to a target that charges, whatever that target does."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import pytest

from pixazo_contracts.conversation import Send
from pixazo_contracts.redaction import Redactor
from pixazo_contracts.runner import RunOptions
from pixazo_contracts.spend import BudgetExhaustedError, Ledger, SpendGuard, SpendStoppedError
from pixazo_contracts.target import Ceilings, Target
from pixazo_contracts.transport import Reply
from tests.contracts.fake_gateway import KEY, Ask, FakeGateway, refusal
from tests.contracts.fake_gateway import Reply as Answer
from tests.contracts.observing import Observed, full_target, observe
from tests.contracts.wrong import is_read

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pixazo_contracts.exchange import Intent

ORIGIN = "https://gateway.example"
SUBMIT = Send(
    operation="generate", method="POST", url=f"{ORIGIN}/minimax-hailuo-ai/v1/generate", case="submit", intent="refuse"
)
REFUSED = Reply(status=400, body=b'{"error": "Bad Request"}')
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
        Reply(status=408, body=b'{"error": "Request Timeout"}'),
        Reply(status=429),
        Reply(status=400, body=b'{"id": "0"}'),
        Reply(status=400, whole=False),
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
    """Any number of refused submits fits into a budget of one; how many there were is counted."""
    spending, wire = guard(REFUSED, 1)
    for _ in range(5):
        assert not spending.send(SUBMIT).spent
    assert (len(wire.sent), spending.spent, spending.released) == (5, 0, 5)


@pytest.mark.parametrize("intent", ["accept", "any"])
def test_only_what_was_meant_to_be_refused_is_given_back(intent: Intent) -> None:
    """A request that may well be accepted spends, even where the answer says that it was not."""
    spending, _ = guard(REFUSED, 1)
    assert spending.send(replace(SUBMIT, intent=intent)).spent
    with pytest.raises(BudgetExhaustedError):
        spending.send(SUBMIT)


def test_a_ceiling_on_refusals() -> None:
    """With `refused = 2` the third refusal is not believed."""
    wire = Wire(REFUSED)
    spending = SpendGuard(wire, ORIGIN, 1, Ledger(None, "run"), Ceilings(refused=2))
    for _ in range(3):
        spending.send(SUBMIT)
    assert (spending.released, spending.spent) == (2, 1)


CALL = b'{"request_id": "minimax-hailuo-ai_1", "status": "COMPLETED"}'
HOOKED = replace(SUBMIT, case="hooked", headers=(("X-Webhook-URL", "http://hooks.example/hook/run1-1-a?run=run1"),))


def stopped(spending: SpendGuard, reason: str, spent: int) -> None:
    """The guard sends nothing more, not even a read, and has counted one generation more."""
    assert spending.spent == spent
    with pytest.raises(SpendStoppedError, match=reason):
        spending.send(READ)


def watched(*replies: Reply, budget: int = 3) -> SpendGuard:
    """A guard whose wire answers one after the other."""
    answers = iter(replies)

    class Answering:
        def send(self, request: Send) -> Reply:
            return next(answers)

    return SpendGuard(Answering(), ORIGIN, budget, Ledger(None, "run1"), run="run1")


def test_a_callback_for_a_refused_request_ends_the_run() -> None:
    """A refused request that calls back was begun: the run ends, and the generation is counted."""
    spending = watched(REFUSED)
    spending.send(HOOKED)
    spending.called("POST", "/hook/run1-1-a?run=run1", b"{}")
    stopped(spending, "a callback came to the URL of 'hooked', which was refused", 1)


def test_a_callback_before_the_refusal_is_read() -> None:
    """It makes no difference which of the two comes first."""

    class Calling(Wire):
        def send(self, request: Send) -> Reply:
            spending.called("POST", "/hook/run1-1-a", CALL)
            return REFUSED

    spending = SpendGuard(Calling(REFUSED), ORIGIN, 3, Ledger(None, "run1"), run="run1")
    spending.send(HOOKED)
    stopped(spending, "a callback came to the URL of 'hooked'", 1)


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/hook/run1-1-a", b""),
        ("POST", "/hook/run1-1-a", b'{"challenge": "x"}'),
        ("POST", "/hook/run0-1-a", CALL),
        ("POST", "/wp-login.php", CALL),
    ],
)
def test_other_calls_mean_nothing(method: str, target: str, body: bytes) -> None:
    """A look, a challenge, what belongs to another run, and strangers end no run."""
    spending = watched(REFUSED, Reply(status=404))
    spending.send(HOOKED)
    spending.called(method, target, body)
    spending.send(READ)
    assert spending.stopped is None


def test_an_id_that_no_counted_request_was_answered_with() -> None:
    """A request id that is seen later, and that no accepted request got, is that of a refused one."""
    spending = watched(REFUSED, Reply(status=202, body=b'{"request_id": "minimax-hailuo-ai_0"}'))
    spending.send(SUBMIT)
    spending.send(replace(SUBMIT, intent="accept"))
    spending.called("POST", "/hook/run1-2-b", CALL.replace(b"_1", b"_0"))
    assert spending.stopped is None
    spending.called("POST", "/hook/run1-2-b", CALL)
    stopped(spending, "names the request 'minimax-hailuo-ai_1', which no counted request was answered with", 2)


def test_an_id_in_the_answer_to_a_read() -> None:
    """The same where a status names another request than the one that was asked for."""
    spending = watched(REFUSED, Reply(status=200, body=b'{"request_id": "x"}'), Reply(status=200, body=CALL))
    spending.send(SUBMIT)
    spending.send(READ)
    assert spending.stopped is None
    spending.send(READ)
    stopped(spending, "one of the 1 that were refused was begun", 1)


def test_an_id_that_a_lost_answer_may_have_held() -> None:
    """A counted request whose answer was lost explains one unknown id, and no second one."""
    spending = watched(REFUSED, Reply(status=None, error="timeout"))
    spending.send(SUBMIT)
    spending.send(SUBMIT)
    spending.called("POST", "/hook/run1-2-b", CALL)
    assert spending.stopped is None
    spending.called("POST", "/hook/run1-2-b", CALL.replace(b"_1", b"_2"))
    stopped(spending, "which no counted request was answered with", 2)


def test_no_key_is_told() -> None:
    """A gateway that gives a key for an id does not get it printed."""
    key = "canary-5f3a9c1e7b2d4086"
    wire = Wire(REFUSED)
    spending = SpendGuard(wire, ORIGIN, 1, Ledger(None, "run1"), run="run1", strike=Redactor([key]).text)
    spending.send(SUBMIT)
    spending.called("POST", "/hook/run1-1-a", f'{{"request_id": "{"x" * 70}{key}"}}'.encode())
    assert spending.stopped is not None
    assert "canary" not in spending.stopped


def test_a_ledger_that_fails_stops_the_run(tmp_path: Path) -> None:
    """Where a reservation cannot be noted the request does not leave, and nothing does after it."""
    path = tmp_path / "ledger.ndjson"
    spending, wire = guard(REFUSED, 9, Ledger(path, "run"))
    spending.send(SUBMIT)
    path.write_text("")
    with pytest.raises(SpendStoppedError, match="took it away"):
        spending.send(SUBMIT)
    with pytest.raises(SpendStoppedError):
        spending.send(READ)
    assert len(wire.sent) == 1


def test_an_answer_is_kept_though_its_settlement_cannot_be_noted(tmp_path: Path) -> None:
    """What was accepted is not lost with the ledger: the answer is given, then the run ends."""
    path = tmp_path / "ledger.ndjson"

    class Spoiling(Wire):
        def send(self, request: Send) -> Reply:
            path.write_text("")
            return self.reply

    spending = SpendGuard(Spoiling(Reply(status=202, body=CALL)), ORIGIN, 9, Ledger(path, "run"))
    assert spending.send(SUBMIT).body == CALL
    assert spending.stopped is not None


def test_parallel_requests_never_exceed_the_budget() -> None:
    """Sixteen threads, a wire that keeps all of them waiting until none more comes: as many leave as are paid for."""
    everybody = threading.Barrier(4)

    class Slow(Wire):
        def send(self, request: Send) -> Reply:
            super().send(request)
            everybody.wait(30)
            return Reply(status=202)

    wire = Slow(REFUSED)
    spending = SpendGuard(wire, ORIGIN, 4, Ledger(None, "run"))

    def submit(_: int) -> bool:
        try:
            return spending.send(SUBMIT).spent
        except BudgetExhaustedError:
            return False

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(submit, range(64))) == 4
    assert (len(wire.sent), spending.spent) == (4, 4)


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
