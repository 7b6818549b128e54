"""The spend guard: what may be sent to a target that charges, whatever that target does."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from tests.contracts.fake_run import QUICK, Observed, full_target, observe
from tests.contracts.gateways.edits import editing, is_read, is_submit
from tests.contracts.gateways.fake_gateway import KEY, Ask, FakeGateway, is_members, refusal
from tests.contracts.gateways.fake_gateway import Reply as Answer

from pixazo_contracts.clauses import CATALOGUE
from pixazo_contracts.probes import PROBES, Probe
from pixazo_contracts.probes.conversation import Send
from pixazo_contracts.runner import transport
from pixazo_contracts.runner.ledger import Ledger
from pixazo_contracts.runner.plan import in_order, make_plan
from pixazo_contracts.runner.redactor import Redactor
from pixazo_contracts.runner.session import RunOptions, run
from pixazo_contracts.runner.spend import BudgetExhaustedError, Releases, SpendGuard, SpendStoppedError
from pixazo_contracts.runner.transport import Reply
from pixazo_contracts.trace.target import Ceilings, Profile, Target, capable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pixazo_contracts.trace.exchange import Intent

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
    return SpendGuard(budget, ledger or Ledger(None, "run"), inner=wire, origin=ORIGIN), wire


@pytest.mark.parametrize(
    ("reply", "intent"),
    [
        (Reply(status=202, body=b"{}"), "refuse"),
        (Reply(status=302), "refuse"),
        (Reply(status=500), "refuse"),
        (Reply(status=None, error="timeout"), "refuse"),
        (Reply(status=408, body=b'{"error": "Request Timeout"}'), "refuse"),
        (Reply(status=429), "refuse"),
        (Reply(status=400, body=b'{"id": "0"}'), "refuse"),
        (Reply(status=400, whole=False), "refuse"),
        (REFUSED, "accept"),
        (REFUSED, "any"),
    ],
)
def test_a_response_that_is_no_clear_refusal_spends(reply: Reply, intent: Intent) -> None:
    """After one acceptance, redirect, 5xx, silence, or a 4xx that names a request, a budget of one is gone; so it is after a request that may be accepted, whatever its response."""
    spending, wire = guard(reply, 1)
    assert spending.send(replace(SUBMIT, intent=intent)).spent
    with pytest.raises(BudgetExhaustedError, match=r"'submit' was not sent: all 1 generations"):
        spending.send(SUBMIT)
    assert len(wire.sent) == 1


@pytest.mark.parametrize(("reply", "intent"), [(REFUSED, "refuse"), (Reply(status=None, error="connect"), "accept")])
def test_a_refusal_gives_its_reservation_back(reply: Reply, intent: Intent) -> None:
    """Any number of refused submits fits into a budget of one, or of those that found no gateway; how many there were is counted."""
    spending, wire = guard(reply, 1)
    for _ in range(5):
        assert not spending.send(replace(SUBMIT, intent=intent)).spent
    assert (len(wire.sent), spending.spent, spending.released) == (5, 0, 5)


def test_a_ceiling_on_refusals() -> None:
    """With `refused = 2` the third refusal is not believed; a request that was not sent is none."""
    wire = Wire(Reply(status=None, error="connect"))
    spending = SpendGuard(1, Ledger(None, "run"), Ceilings(refused=2), inner=wire, origin=ORIGIN)
    spending.send(SUBMIT)
    wire.reply = REFUSED
    for _ in range(3):
        spending.send(SUBMIT)
    assert (spending.released, spending.spent) == (3, 1)


CALL = b'{"request_id": "minimax-hailuo-ai_1", "status": "COMPLETED"}'
HOOKED = replace(SUBMIT, case="hooked", headers=(("X-Webhook-URL", "http://hooks.example/hook/run1-1-a?run=run1"),))


def stopped(spending: SpendGuard, reason: str, spent: int) -> None:
    """The guard sends nothing more, not even a read, and has counted one generation more."""
    assert spending.spent == spent
    with pytest.raises(SpendStoppedError, match=reason):
        spending.send(READ)


def watched(*replies: Reply, budget: int = 3) -> SpendGuard:
    """A guard whose wire answers one after the other."""
    responses = iter(replies)

    class Answering:
        def send(self, request: Send) -> Reply:
            return next(responses)

    return SpendGuard(budget, Ledger(None, "run1"), Ceilings(), Releases("run1"), inner=Answering(), origin=ORIGIN)


def test_a_callback_for_a_refused_request_ends_the_run() -> None:
    """A refused request that calls back was begun: the run ends, and the generation is counted."""
    spending = watched(REFUSED)
    spending.send(HOOKED)
    spending.callback_received("POST", "/hook/run1-1-a?run=run1", b"{}")
    stopped(spending, "a callback arrived at the URL of 'hooked', which was refused", 1)


def test_a_callback_before_the_refusal_is_read() -> None:
    """It makes no difference which of the two comes first."""

    class Calling(Wire):
        def send(self, request: Send) -> Reply:
            spending.callback_received("POST", "/hook/run1-1-a", CALL)
            return REFUSED

    spending = SpendGuard(3, Ledger(None, "run1"), Ceilings(), Releases("run1"), inner=Calling(REFUSED), origin=ORIGIN)
    spending.send(HOOKED)
    stopped(spending, "a callback arrived at the URL of 'hooked'", 1)


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
    """A look, a challenge, what belongs to another run, and unknown callers end no run."""
    spending = watched(REFUSED, Reply(status=404))
    spending.send(HOOKED)
    spending.callback_received(method, target, body)
    spending.send(READ)
    assert spending.stopped is None


def test_an_id_that_no_counted_request_was_answered_with() -> None:
    """A request id that is seen later, and that no accepted request got, is that of a refused one."""
    spending = watched(REFUSED, Reply(status=202, body=b'{"request_id": "minimax-hailuo-ai_0"}'))
    spending.send(SUBMIT)
    spending.send(replace(SUBMIT, intent="accept"))
    spending.callback_received("POST", "/hook/run1-2-b", CALL.replace(b"_1", b"_0"))
    assert spending.stopped is None
    spending.callback_received("POST", "/hook/run1-2-b", CALL)
    stopped(spending, "names the request 'minimax-hailuo-ai_1', which is in no response to a counted request", 2)


def test_an_id_in_the_response_to_a_read() -> None:
    """The same holds where a status names another request than the one that was asked for."""
    spending = watched(REFUSED, Reply(status=200, body=b'{"request_id": "x"}'), Reply(status=200, body=CALL))
    spending.send(SUBMIT)
    spending.send(READ)
    assert spending.stopped is None
    spending.send(READ)
    stopped(spending, "one of the 1 that were refused was begun", 1)


def test_an_id_that_a_lost_response_may_have_held() -> None:
    """A counted request whose response was lost explains one unknown id, and no second one."""
    spending = watched(REFUSED, Reply(status=None, error="timeout"))
    spending.send(SUBMIT)
    spending.send(SUBMIT)
    spending.callback_received("POST", "/hook/run1-2-b", CALL)
    assert spending.stopped is None
    spending.callback_received("POST", "/hook/run1-2-b", CALL.replace(b"_1", b"_2"))
    stopped(spending, "which is in no response to a counted request", 2)


def test_no_key_is_printed() -> None:
    """A gateway that sends a key in place of an id does not get it printed."""
    key = "canary-5f3a9c1e7b2d4086"
    wire = Wire(REFUSED)
    spending = SpendGuard(
        1, Ledger(None, "run1"), Ceilings(), Releases("run1", Redactor([key]).text), inner=wire, origin=ORIGIN
    )
    spending.send(SUBMIT)
    spending.callback_received("POST", "/hook/run1-1-a", f'{{"request_id": "{"x" * 70}{key}"}}'.encode())
    assert spending.stopped is not None
    assert "canary" not in spending.stopped


def test_a_ledger_that_fails_stops_the_run(tmp_path: Path) -> None:
    """Where a reservation cannot be noted the request does not leave, and nothing does after it."""
    path = tmp_path / "ledger.ndjson"
    spending, wire = guard(REFUSED, 9, Ledger(path, "run"))
    spending.send(SUBMIT)
    path.write_text("")
    with pytest.raises(SpendStoppedError, match="changed or removed it"):
        spending.send(SUBMIT)
    with pytest.raises(SpendStoppedError):
        spending.send(READ)
    assert len(wire.sent) == 1


def test_a_response_is_kept_though_its_settlement_cannot_be_noted(tmp_path: Path) -> None:
    """What was accepted is not lost with the ledger: the response is returned, then the run ends."""
    path = tmp_path / "ledger.ndjson"

    class Spoiling(Wire):
        def send(self, request: Send) -> Reply:
            path.write_text("")
            return self.reply

    spending = SpendGuard(9, Ledger(path, "run"), inner=Spoiling(Reply(status=202, body=CALL)), origin=ORIGIN)
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
    spending = SpendGuard(4, Ledger(None, "run"), inner=wire, origin=ORIGIN)

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

    spending = SpendGuard(1, Ledger(path, "first"), inner=Dying(Reply(status=202)), origin=ORIGIN)
    with pytest.raises(KeyboardInterrupt):
        spending.send(SUBMIT)
    assert Ledger(path, "second").spent() == 1


def test_ceilings_count_all_runs_of_the_day_and_the_month(tmp_path: Path) -> None:
    """What other runs spent on this day and in this month leaves so much less room."""
    path = tmp_path / "ledger.ndjson"
    for day, name in ((1, "first"), (30, "second"), (31, "third")):
        ledger = Ledger(path, name, partial(datetime, 2026, 3, day, 12, tzinfo=UTC))
        guard(Reply(status=202), 9, ledger)[0].send(SUBMIT)
    today = Ledger(path, "now", lambda: datetime(2026, 3, 31, 13, tzinfo=UTC))
    assert today.room(Ceilings(day=2)) == 1
    assert today.room(Ceilings(day=9, month=4)) == 1
    assert today.room(Ceilings(day=1)) == 0
    assert today.room(Ceilings()) is None


@editing
def _accepts_everything(gateway: FakeGateway, ask: Ask, reply: Answer) -> Answer:
    """202 to every request that does not read, with or without a key, whatever its body and path."""
    return reply if is_read(ask) else gateway.accept(ask, "generate", {"prompt": "anything"}, KEY)


@editing
def _loses_the_response(_: FakeGateway, _ask: Ask, reply: Answer) -> Answer:
    """Every accepted submit is answered 500."""
    return refusal(500, "Error", "Oops") if reply.code == 202 else reply


def _faithful(_: FakeGateway) -> None: ...


def charged(prepare: Callable[[FakeGateway], None], budget: int, probes: Sequence[Probe] = QUICK) -> Observed:
    target = full_target(paid=True)
    bare = Target(target.profile, {"default": (KEY,)})
    return observe(
        prepare=prepare, target=bare, probes=probes, options=RunOptions(run="testrun0", max_generations=budget)
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "prepare", [_faithful, _accepts_everything, _loses_the_response], ids=["faithful", "accepts all", "loses answers"]
)
@pytest.mark.parametrize("budget", [0, 2])
def test_as_many_generations_begin_as_the_budget_has(prepare: Callable[[FakeGateway], None], budget: int) -> None:
    """On a target that charges none without a budget, and two with two, even where all is accepted or answers are lost."""
    observed = charged(prepare, budget, PROBES)
    assert len(observed.gateway.works) == budget
    assert observed.trace.footer is not None
    unusable = budget > 0 and prepare is _loses_the_response
    assert ("the target accepts no submit (" in str(observed.trace.footer.unusable)) == unusable


@pytest.mark.slow
def test_a_target_on_which_no_submit_succeeds_is_not_paid_for_long() -> None:
    """After three valid submits to an operation that all failed, nothing more is spent on it; the reason counts their codes."""
    footer = charged(_loses_the_response, 50).trace.footer
    assert footer is not None
    assert footer.generations_spent == 6
    codes = "generate 500 (3 times), imageToVideo 500 (3 times)"
    assert footer.unusable == f"the target accepts no submit ({codes}): check its path, the wallet and the rate limit"


@pytest.mark.slow
@pytest.mark.parametrize("budget", [1, 2, 6])
def test_an_outage_is_no_matter_of_the_budget(budget: int) -> None:
    """Where each submit gets a 500 the target is unusable, even if the refused ones had spent all."""
    edit = editing(lambda _, ask, reply: refusal(500, "Error", "Down") if is_submit(ask) else reply)
    footer = charged(edit, budget).trace.footer
    assert footer is not None
    assert "the target accepts no submit (" in str(footer.unusable)


@pytest.mark.slow
def test_an_accidental_acceptance_ends_its_family_and_is_polled() -> None:
    """The first wrong acceptance fails its clause, is followed to its end, and is named as what stopped the run."""

    @editing
    def accepts_numbers(gateway: FakeGateway, ask: Ask, reply: Answer) -> Answer:
        wrong = b'"prompt": 42' in ask.body
        return gateway.accept(ask, "generate", {"prompt": "42"}, KEY) if wrong else reply

    observed = charged(accepts_numbers, 1)
    assert len(observed.gateway.works) == 1
    assert observed.trace.generations[0].outcome == "COMPLETED"
    assert "T2V-PROMPT-02" in observed.outcomes("FAIL")
    assert observed.trace.footer is not None
    assert "should have been refused" in str(observed.trace.footer.spend_stopped)


EVERYTHING = full_target(paid=True)


@cache
def rich(granted: int = 999) -> Observed:
    """A faithful gateway that charges, with every account and prompt, and by default a budget that is never reached."""
    return observe(target=EVERYTHING, options=RunOptions(run="testrun0", max_generations=granted))


@pytest.mark.slow
def test_what_is_declared_free_if_refused_is_free() -> None:
    """No probe that expects to cost nothing is counted as a generation by a gateway that keeps the page."""
    free = {probe.name for probe in PROBES if not probe.expected}
    assert [exchange for exchange in rich().trace.exchanges if exchange.spent and exchange.probe in free] == []


def test_what_is_planned_is_what_is_spent() -> None:
    """The plan expects at least what the guard then counts, probe by probe; a family may stop early."""
    profile = capable(EVERYTHING, receiver=True)
    spent = Counter(exchange.probe for exchange in rich().trace.exchanges if exchange.spent)
    plan = make_plan(PROBES, CATALOGUE, profile, 999)
    planned = {probe.name: probe.expected for probe, left_out in plan.lines if probe.expected and left_out is None}
    assert spent.keys() == planned.keys()
    assert {name: number for name, number in spent.items() if number > planned[name]} == {}
    assert all(probe.worst >= probe.expected for probe, _ in plan.lines)


@pytest.mark.slow
@pytest.mark.parametrize("granted", [*(pytest.param(each, marks=pytest.mark.exhaustive) for each in (0, 3)), 1])
def test_a_plan_leaves_out_what_a_run_does_not_reach(granted: int) -> None:
    """With a small budget as well."""
    observed = rich(granted)
    plan = make_plan(PROBES, CATALOGUE, capable(EVERYTHING, receiver=True), granted)
    assert observed.trace.footer is not None
    states = observed.trace.footer.probes
    left_out = {probe.name for probe, why in plan.lines if why == "the budget does not cover it"}
    assert left_out == {name for name, state in states.items() if state == "unfunded"}


@pytest.mark.slow
def test_the_first_generation_unlocks_most() -> None:
    """With every account and prompt and a budget of one the one generation is the printed example, after what is free."""
    observed = rich(1)
    (work,) = observed.gateway.works.values()
    assert (work.operation, work.key, len(work.hooks)) == ("generate", KEY, 1)
    free = {"T2V-PROMPT-01", "I2V-DUR-03", "SUBMIT-16", "AUTH-01"}
    assert free | {"T2V-BODY-01", "STATUS-03", "WEBHOOK-03", "OUT-01", "AUTH-02", "AUTH-10"} <= observed.outcomes(
        "PASS"
    )
    assert "SUBMIT-02" in observed.outcomes("UNFUNDED")


def test_the_first_generation_is_one_for_the_clauses_that_are_asked_for() -> None:
    """Where only clauses of image-to-video are selected the pack that feeds most of those comes first."""
    profile = capable(EVERYTHING, receiver=True)
    paid = [
        probe.name
        for probe in in_order(PROBES, profile, ["I2V-DUR-02", "I2V-PROMPT-05", "I2V-PROMPT-06"])
        if probe.expected
    ]
    assert paid[1] == "g4"


@pytest.mark.slow
def test_a_429_that_was_counted_is_not_sent_again() -> None:
    """A submit that is answered 429 spends, so it is not repeated; reads are."""
    again: list[str] = []

    @editing
    def throttles(_: FakeGateway, ask: Ask, _reply: Answer) -> Answer:
        again.append(ask.method)
        return refusal(429, "Too Many Requests", "Slow down")

    charged(throttles, 1)
    assert again.count("POST") == 1
    assert again.count("GET") > 1


@pytest.mark.slow
def test_a_hanging_read_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Statuses that drip without end are given up, the run comes to its end, and only submits were counted."""
    monkeypatch.setattr(transport, "SHORTEST_TIMEOUT", 0.2)
    over = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            with suppress(OSError):
                while not over.wait(0.05):
                    self.wfile.write(b"X")

        def do_POST(self) -> None:
            self.send_error(500)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of http.server
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target = Target(
            Profile(origin=f"http://127.0.0.1:{server.server_port}", paid=True, deadline=0.2), {"default": (KEY,)}
        )
        trace = run(target, PROBES, RunOptions(max_generations=1))
        over.set()
        server.shutdown()
    assert trace.footer is not None
    assert (trace.footer.unusable, trace.footer.generations_spent) == (
        "the target does not respond (timeout): check --target",
        0,
    )


@pytest.mark.slow
def test_a_hostile_polling_url_is_not_followed_to_a_submit() -> None:
    """A `polling_url` that leads to a submit path of the target is not fetched where that may cost."""

    @editing
    def lures(_: FakeGateway, ask: Ask, reply: Answer) -> Answer:
        if reply.code != 202 or not is_members(reply.value):
            return reply
        url = f"http://{ask.host}/v2/requests/status/../../../minimax-hailuo-ai/v1/generate?prompt=x"
        return replace(reply, value={**reply.value, "polling_url": url})

    observed = charged(lures, 2)
    assert len(observed.gateway.works) == 2
    assert [
        ask.target for ask in observed.gateway.asked if ask.method == "GET" and "generate?prompt=x" in ask.target
    ] == []
