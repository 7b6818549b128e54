"""A test has a world of its own, and reads and changes it in Python."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import get_type_hints
from unittest.mock import Mock

import anyio
import httpx2
import pytest
from tests.patience import PATIENCE
from tests.receiver import Receiver

from pixazo_client import AuthenticationError, InsufficientBalanceError, PixazoClient, RateLimitError
from pixazo_simulator import ControlError
from pixazo_simulator.control.schema.requests import DeliveryCondition, ExchangeCondition, GenerationCondition, Matchers
from pixazo_simulator.webhooks import dispatcher
from pytest_pixazo import Clock, Pixazo, at_least, contains
from pytest_pixazo.world.conditions import DeliveryConditions, ExchangeConditions, GenerationConditions

PAGE_TIME = datetime(2026, 3, 31, 10, tzinfo=UTC)


def test_a_generation_from_submit_to_video(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """The client's pauses advance the clock, every status is seen, and the video can be had."""
    statuses: list[str] = []
    handle = pixazo_client.generate("A bear")
    done = handle.wait(on_update=lambda seen: statuses.append(seen.status))
    assert statuses == ["QUEUED", "PROCESSING", "COMPLETED"]
    assert [each.operation for each in pixazo.journal] == ["generate", *["status"] * len(pixazo.journal.polls)]
    assert httpx2.get(done.media_urls[0]).content[4:8] == b"ftyp"
    assert len(pixazo.journal.downloads) == 1
    assert pixazo.clock.now > PAGE_TIME + timedelta(seconds=10)


def test_the_clock(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """It starts at the page's instant, stands still, and tells what fell due when it is advanced."""
    assert (pixazo.clock.now, pixazo.clock.monotonic()) == (PAGE_TIME, PAGE_TIME.timestamp())
    request_id = pixazo_client.generate("A bear").request_id
    assert pixazo.clock.advance(0) == []
    events = pixazo.clock.advance(600)
    assert [event.kind for event in events] == ["transition", "transition"]
    assert [(event.request_id, event.status) for event in events] == [
        (request_id, "PROCESSING"),
        (request_id, "COMPLETED"),
    ]
    assert pixazo.clock.now == PAGE_TIME + timedelta(seconds=600)
    assert repr(pixazo.clock) == "<manual clock at 2026-03-31T10:10:00.000Z>"


def test_a_step_in_which_nothing_falls_due_takes_no_route(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """Loops that advance by a little do little else; what was accepted falls due later."""
    pixazo_client.generate("A bear")
    pixazo.control.advance = Mock(side_effect=AssertionError("by /_sim"))  # type: ignore[method-assign]  # a spy
    assert pixazo.clock.advance(0.5) == []
    assert pixazo.clock.now == PAGE_TIME + timedelta(seconds=0.5)


def test_an_advance_that_ends_early(
    pixazo: Pixazo, pixazo_client: PixazoClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is an error, also in the middle of `run_until`: no test goes on at an instant that it did not ask for."""
    monkeypatch.setattr(dispatcher, "MOST_ATTEMPTS", 1)
    for _ in range(2):
        pixazo_client.generate("A bear", webhook_url="http://10.0.0.7/")
    with pytest.raises(ControlError, match=r"the advance ended at 2026-03-31T10:00:15\.000Z, 0 s early") as caught:
        pixazo.clock.run_until(step=15)
    assert len(caught.value.body["events"]) == 5
    assert len(pixazo.clock.advance(0)) == 1


def test_run_until(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """The clock runs until a condition holds, by default until all has ended, and not beyond its limit."""
    pixazo_client.generate("A bear")
    seen = pixazo.clock.run_until(lambda: pixazo.generations[0].status == "PROCESSING")
    assert [event.status for event in seen] == ["PROCESSING"]
    pixazo.clock.run_until()
    assert [each.status for each in pixazo.generations] == ["COMPLETED"]
    stuck = pixazo_client.generate("[[sim:stuck]]").request_id
    with pytest.raises(TimeoutError) as caught:
        pixazo.clock.run_until(limit=120, step=60)
    assert (
        str(caught.value)
        == f"the condition does not hold after 120 s of the world's clock: {stuck} is PROCESSING and never ends"
    )


def test_run_until_a_coroutine_function(pixazo: Pixazo) -> None:
    """Is refused: a coroutine is true, so the clock would not move, and a test that waits for nothing would pass."""
    with pytest.raises(TypeError, match="run_until calls a plain function: read what it waits for with a blocking"):
        pixazo.clock.run_until(lambda: anyio.sleep(1))


@pytest.mark.pixazo(balance="0.50")
def test_the_wallet(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """The balance is exact, can be set, and folds from entries that name their generation."""
    first = pixazo_client.generate("A bear").request_id
    with pytest.raises(InsufficientBalanceError):
        pixazo_client.generate("A bear")
    assert pixazo.wallet.balance == Decimal("0.15")
    pixazo.wallet.balance = Decimal("0.35")
    second = pixazo_client.generate("A bear").request_id
    assert pixazo.wallet.balance == 0
    assert pixazo.wallet.spent == Decimal("0.70")
    assert [(each.kind, each.amount, each.request_id) for each in pixazo.wallet.entries] == [
        ("opening", Decimal("0.50"), None),
        ("debit", Decimal("-0.35"), first),
        ("adjustment", Decimal("0.20"), None),
        ("debit", Decimal("-0.35"), second),
    ]
    assert repr(pixazo.wallet) == "<wallet with 0.00 USD>"


def test_the_journal(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """It tells requests and answers in order, can be filtered, and is a snapshot."""
    before = pixazo.journal
    handle = pixazo_client.generate("A bear", duration=6)
    handle.status()
    journal = pixazo.journal
    assert (len(before), len(journal), len(journal.submits), len(journal.polls)) == (0, 2, 1, 1)
    assert journal.submits[0].request.body == {"prompt": "A bear", "duration": 6}
    assert journal.submits[0].response.body["request_id"] == handle.request_id
    assert journal.filter(method="get", status=200)[0].target == f"/v2/requests/status/{handle.request_id}"
    assert not journal.filter(path="/nowhere")
    assert repr(journal[1]) == f"<2: GET /v2/requests/status/{handle.request_id} -> 200 status>"
    assert repr(journal).splitlines()[1].split() == [
        "2", "10:00:00.000", "GET", f"/v2/requests/status/{handle.request_id}", "200", "status",
    ]  # fmt: skip
    assert repr(before) == "no request"


@pytest.mark.slow
def test_a_long_journal_comes_whole(pixazo: Pixazo) -> None:
    """More exchanges than one answer of /_sim lists are all there."""
    with httpx2.Client(headers={"Ocp-Apim-Subscription-Key": pixazo.api_key}) as app:
        for number in range(1005):
            app.get(f"{pixazo.url}/v2/requests/status/{number}")
    assert [each.number for each in pixazo.journal] == list(range(1, 1006))
    assert "... 945 more ..." in repr(pixazo.journal)


def test_callbacks(pixazo: Pixazo, pixazo_client: PixazoClient, receiver: Receiver) -> None:
    """What is posted is listed with every attempt, and can be posted once more."""
    handle = pixazo_client.generate("A bear", webhook_url=receiver.url)
    assert repr(pixazo.webhooks).endswith(f"POST {receiver.url}  about {handle.request_id}: not attempted yet")
    events = pixazo.clock.run_until()
    attempt = events[-1]
    assert attempt.kind == "webhook"
    assert (attempt.url, attempt.status, attempt.problem) == (receiver.url, 204, None)
    assert [each.number for each in pixazo.webhooks.delivered] == [1]
    assert pixazo.webhooks.resend(1).status == 204
    assert [each.delivered for each in pixazo.webhooks] == [True, True]
    with pytest.raises(ControlError, match="no delivery has the number 7"):
        pixazo.webhooks.resend(7)


def test_a_script(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """A rule is in force when its statement ends, and the journal says which rule decided."""
    pixazo.when("generate", prompt=contains("bear")).end("FAILED", error="content policy")
    pixazo.when("generate").reply(429, retry_after=2, times=3)
    with pytest.raises(RateLimitError):
        pixazo_client.generate("A cat")
    failed = pixazo_client.generate("A bear").wait(raise_on_failure=False)
    assert (failed.status, failed.error) == ("FAILED", "content policy")
    assert [each.rule for each in pixazo.journal.submits] == [
        *["rule 2: when generate"] * 3,
        "rule 1: when generate, prompt contains 'bear'",
    ]


def test_policy_of_a_running_world(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """A silent point can be changed while the test runs; a wrong one is refused with the nearest name."""
    assert pixazo.policy(submit_code=200)["submit_code"] == "200"
    pixazo_client.generate("A bear")
    assert pixazo.journal[0].status == 200
    with pytest.raises(Exception, match=r"^policy field 'submit_cod' does not exist \(did you mean submit_code\?\)"):
        pixazo.policy(submit_cod=200)  # type: ignore[call-arg]


def test_explain_is_a_dry_run(pixazo: Pixazo) -> None:
    """It tells answer, price and every rule's opinion, and changes nothing."""
    pixazo.when("generate", prompt=contains("bear")).reply(429, times=1)
    explanation = pixazo.explain("POST", "/minimax-hailuo-ai/v1/generate", body={"prompt": "A cat"})
    assert explanation.status == 202
    assert repr(explanation).splitlines()[1:] == [
        "  it would cost 0.35 USD",
        "  rule 1: when generate, prompt contains 'bear': prompt is 'A cat', expected: contains 'bear'",
    ]
    refused = pixazo.explain("POST", "/minimax-hailuo-ai/v1/generate", body={"prompt": "A bear"})
    assert (refused.status, refused.price) == (429, None)
    assert repr(refused).splitlines()[1:] == ["  rule 1: when generate, prompt contains 'bear': decides"]
    assert (len(pixazo.journal), pixazo.wallet.spent) == (0, Decimal(0))
    pixazo.control.clear_script()


def test_the_environment(pixazo_env: Pixazo, monkeypatch: pytest.MonkeyPatch) -> None:
    """An app that reads the usual variables reaches the world, past a proxy that the environment names."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with PixazoClient() as app:
        assert app.generate("A bear").request_id == pixazo_env.generations[0].request_id


@pytest.mark.pixazo(strict=False)
def test_no_other_key_opens_a_world(pixazo: Pixazo) -> None:
    """The usual key of a simulator is unknown here: an app that kept it by mistake gets a hint. Nothing of other tests is seen either."""
    with PixazoClient(api_key="sim-key", base_url=pixazo.url) as app, pytest.raises(AuthenticationError):
        app.generate("A bear")
    assert (len(pixazo.journal), len(pixazo.generations), pixazo.wallet.balance) == (0, 0, Decimal(100))


def test_wait_for_an_app_in_another_thread(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """What was waited for is returned as soon as it is there, typed as the journal's."""
    app = threading.Thread(target=lambda: pixazo_client.generate("A bear").wait())
    app.start()
    (submit,) = pixazo.wait_for("submit", operation="generate")
    polls = pixazo.wait_for("status", count=2, path=contains(str(submit.request_id)))
    (done,) = pixazo.wait_for("generation", status="COMPLETED")
    app.join(PATIENCE)
    assert submit.request.body == {"prompt": "A bear"}
    assert len(polls) >= 2
    assert done.request_id == submit.response.body["request_id"]


def test_wait_for_a_callback(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """A callback is there when it was attempted; one that will come only with time is listed with its time."""
    pixazo_client.generate("A bear", webhook_url="http://127.0.0.1:9/hook")
    with pytest.raises(TimeoutError, match=r"the next webhook is due at \+15 s: pixazo\.clock\.advance\(15\) or "):
        pixazo.wait_for("webhook", delivered=True, timeout=0)
    pixazo.clock.advance(20)
    (delivery,) = pixazo.wait_for("webhook", delivered=False)
    assert delivery.url == "http://127.0.0.1:9/hook"


def test_a_wait_that_runs_out_says_what_is_there(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """The error tells what was wanted, what came nearest, and all that is there."""
    handle = pixazo_client.generate("A bear")
    handle.status()
    with pytest.raises(TimeoutError) as caught:
        pixazo.wait_for("status", count=2, timeout=0.01)
    first, *rest = str(caught.value).splitlines()
    assert first.startswith("waited 0.01 s for 2 x status; 1 arrived; ")
    assert rest[-1].split() == ["2", "10:00:00.000", "GET", f"/v2/requests/status/{handle.request_id}", "200", "status"]
    with pytest.raises(TimeoutError) as caught:
        pixazo.wait_for("generation", status="FAILED", timeout=0)
    assert str(caught.value).splitlines()[-1].split() == ["10:00:00.000", handle.request_id, "QUEUED"]
    assert "status equals 'FAILED'" in str(caught.value)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (ExchangeConditions, ExchangeCondition),
        (DeliveryConditions, DeliveryCondition),
        (GenerationConditions, GenerationCondition),
    ],
)
def test_the_conditions_of_a_wait_are_those_of_the_control_api(written: type, read: type[Matchers]) -> None:
    """Type checkers know every condition that `/_sim/wait` takes, and no other."""
    assert [*get_type_hints(written)] == [name for name in read.__struct_fields__ if name != "count"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_wait_that_blocks_an_event_loop_says_so(pixazo: Pixazo, backend: str) -> None:
    """What it waited for may be a task there."""

    async def wait() -> None:
        with pytest.raises(
            TimeoutError, match=r"^waited .*; this call blocked the event loop, .*lambda: pixazo.wait_for\("
        ):
            pixazo.wait_for("submit", timeout=0)
        with pytest.raises(
            TimeoutError, match=r"ended; this call blocked the event loop, .*lambda: pixazo.clock.run_until\("
        ):
            pixazo.clock.run_until(lambda: False, limit=0)

    anyio.run(wait, backend=backend)


def test_a_rule_that_is_left_to_chance(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """It decides some of the calls, and is not blamed if the draw gave it none of those that came."""
    pixazo.when("generate", probability=0.000001).reply(503)
    pixazo.when("status", until=60).reply(404)
    pixazo_client.generate("A bear")
    with pytest.raises(AssertionError, match="rule 2: when status, until 60: never used"):
        pixazo.assert_clean()
    with pytest.raises(AssertionError, match="1 thing"):
        pixazo.assert_clean()
    pixazo.control.clear_script()


def test_what_must_have_happened(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """How often, never, and in which order; what holds is returned."""
    pixazo_client.generate("A bear", webhook_url="http://127.0.0.1:9/hook").wait()
    assert [each.status for each in pixazo.assert_called("submit", times=1, status=202)] == [202]
    assert len(pixazo.assert_called("status", at_least=2, at_most=9)) == len(pixazo.journal.polls)
    assert pixazo.assert_called("generation", status="COMPLETED")[0].operation == "generate"
    assert len(pixazo.assert_called("webhook", delivered=False)) == 1
    pixazo.assert_never("imageToVideo")
    pixazo.assert_never("status", status=at_least(400))
    called = pixazo.assert_sequence("submit", "status", ("status", {"status": 200}))
    assert [each.number for each in called] == [1, 2, 3]


Verify = Callable[[Pixazo], object]
FAILING: list[tuple[Verify, str]] = [
        (lambda pixazo: pixazo.assert_called("media"), r"exchanges \(operation equals 'media'\): expected at least 1, found 0; nearest"),
        (lambda pixazo: pixazo.assert_called("submit", times=2), "exchanges .*: expected exactly 2, found 1"),
        (lambda pixazo: pixazo.assert_called("request", at_most=0), "exchanges: expected at most 0, found 1"),
        (lambda pixazo: pixazo.assert_never("generate", status=202), "exchanges .*: expected at most 0, found 1; everything there is:\n1 .*POST"),
        (lambda pixazo: pixazo.assert_sequence("generate", "status"), "step 2 of 2 did not happen after exchange 1: there are no exchanges"),
]  # fmt: skip


@pytest.mark.parametrize(("verify", "message"), FAILING)
def test_what_did_not_happen_fails_the_test(
    pixazo: Pixazo, pixazo_client: PixazoClient, verify: Verify, message: str
) -> None:
    """The error says what did."""
    pixazo_client.generate("A bear")
    with pytest.raises(AssertionError, match=message):
        verify(pixazo)


@pytest.mark.parametrize("verb", ["wait_for", "assert_called", "assert_never", "assert_sequence"])
def test_a_misspelt_call_is_never_verified(pixazo: Pixazo, verb: str) -> None:
    """Otherwise it would never have happened."""
    with pytest.raises(ValueError, match=rf"{verb} 'genrate' is not one of .* \(did you mean generate\?\)"):
        getattr(pixazo, verb)("genrate")


WRONG: list[tuple[Callable[[Pixazo], object], type[Exception], str]] = [
    (lambda pixazo: pixazo.journal.filter(operation="genrate"), ValueError, r"journal.filter 'genrate' is not one of .* \(did you mean generate\?\)"),
    (lambda pixazo: pixazo.journal.filter(operation="webhook"), ValueError, "journal.filter 'webhook' is not one of generate, .*, request$"),
    (lambda pixazo: pixazo.journal.filter(status="202"), TypeError, "status '202' would never match: give a number, such as 202"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (lambda pixazo: pixazo.clock.advance(timedelta(seconds=5)), TypeError, r"seconds datetime.timedelta\(seconds=5\): give a number, such as its total_seconds\(\)"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (lambda pixazo: pixazo.assert_sequence(("generate", "status")), ValueError, r"assert_sequence \('generate', 'status'\) is not a call: give each as an argument"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (lambda pixazo: pixazo.wait_for("status", statu=200), ControlError, r"\(did you mean status\?\)"),  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    (lambda pixazo: pixazo.assert_called(5), ValueError, "assert_called 5 is not one of generate, "),  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    (lambda pixazo: pixazo.when("generate").end("failed"), ValueError, r"end 'failed' is not one of COMPLETED, FAILED, ERROR \(did you mean FAILED\?\)"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    (lambda pixazo: setattr(pixazo.wallet, "balanse", "1"), AttributeError, r"Wallet.balanse cannot be set \(did you mean balance\?\): set wallet.balance"),
    (lambda pixazo: setattr(pixazo, "strict", False), AttributeError, r"Pixazo.strict cannot be set: a world begins as @pytest.mark.pixazo\(...\) says"),
    (lambda pixazo: setattr(pixazo, "wallet", "5"), AttributeError, "Pixazo.wallet cannot be set: .* pixazo.wallet.balance change it"),
    (lambda pixazo: setattr(pixazo, "clock", Mock()), AttributeError, "Pixazo.clock cannot be set: "),
    (lambda pixazo: setattr(pixazo.clock, "now", 5), AttributeError, "Clock.now cannot be set: a clock is moved by pixazo.clock.advance"),
    (lambda pixazo: pixazo.when("generate", prompt=str.isupper).reply(503), TypeError, "isupper' of 'str' objects> cannot be sent: .* contains"),  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
]  # fmt: skip


@pytest.mark.pixazo(strict=False)
@pytest.mark.parametrize(("call", "kind", "says"), WRONG)
def test_a_wrong_value_is_named_with_the_remedy(
    pixazo: Pixazo, call: Callable[[Pixazo], object], kind: type[Exception], says: str
) -> None:
    """Whatever its type."""
    with pytest.raises(kind, match=says):
        call(pixazo)


def test_a_clock_may_be_subclassed(pixazo: Pixazo) -> None:
    """What it refuses to set again, it sets once."""

    class Counted(Clock):
        """A clock of a test."""

    assert Counted(pixazo.control, None).now == pixazo.clock.now


def test_the_clock_goes_to_the_next_event(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """Until nothing is to come; also under a spy."""
    pixazo.clock.advance = Mock(wraps=pixazo.clock.advance)  # type: ignore[method-assign]
    pixazo_client.generate("A bear")
    seen: list[object] = []
    while events := pixazo.clock.advance(until="next"):
        seen += [event.status for event in events]
    assert (seen, pixazo.clock.now) == (["PROCESSING", "COMPLETED"], PAGE_TIME + timedelta(seconds=15))


def test_a_progress_by_polls(pixazo: Pixazo, pixazo_client: PixazoClient) -> None:
    """The clock stands still; messages say what the generation waits for."""
    pixazo.when("generate").end("FAILED", error="no", progress="polls:2")
    handle = pixazo_client.generate("A bear")
    with pytest.raises(TimeoutError, match=r"is QUEUED, FAILED by status reads only$"):
        pixazo.clock.run_until(limit=1)
    assert [handle.status().status for _ in range(5)] == [*["QUEUED"] * 2, *["PROCESSING"] * 2, "FAILED"]
    assert pixazo.journal.filter(operation="submit", rule="rule 1: when generate")[0].status == 202
