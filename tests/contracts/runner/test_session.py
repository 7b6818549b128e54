"""Conversations carried out one after the other."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
import pytest
from tests.contracts.fake_run import ORIGIN, InProcess, fake_dialogue, full_target, observe, virtual_fake
from tests.contracts.gateways.fake_gateway import KEY, Answered, Ask, Reply, is_members, refusal

from pixazo_contracts.judge import Outcome
from pixazo_contracts.probes import PROBES, for_clauses
from pixazo_contracts.probes.conversation import (
    PRINTED_HEADERS,
    AwaitCallbacks,
    Conversation,
    Pause,
    ReceiverUrl,
    RunContext,
    Together,
    probe,
    read,
    submit,
)
from pixazo_contracts.runner.run_clock import RunClock, StandstillError
from pixazo_contracts.runner.session import ConversationError, RunOptions, run
from pixazo_contracts.runner.spend import BudgetExhaustedError
from pixazo_contracts.trace import STATUS_BASE, load_trace
from pixazo_contracts.trace.exchange import Exchange
from pixazo_contracts.trace.target import Profile, Target

if TYPE_CHECKING:
    from pathlib import Path

SUBMIT = submit("generate", {"prompt": "A paper boat"}, case="submit")


def test_a_conversation_gives_its_result() -> None:
    """`run` returns what the conversation returns, and the trace since the mark holds what it sent."""
    with fake_dialogue() as (dialogue, _):
        dialogue.run(iter(SUBMIT), "before")
        dialogue.mark()
        exchange = dialogue.run(iter(SUBMIT), "after")
        assert exchange.status == 202
        assert dialogue.trace().exchanges == (exchange,)
        assert dialogue.trace().footer is None
        assert dialogue.trace(ended=True).footer is not None
        assert dialogue.steps == [(SUBMIT, exchange)]


def test_callbacks_of_before_the_mark() -> None:
    """What arrives late at a URL that was opened before the mark is not of this trace."""
    with fake_dialogue() as (dialogue, _):
        url = dialogue.run(iter(ReceiverUrl("early")), "early")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        dialogue.run(iter(submit("generate", {"prompt": "A"}, case="early", headers=headers)), "early")
        dialogue.mark()
        other = dialogue.run(iter(ReceiverUrl("late")), "late")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", other))
        dialogue.run(iter(submit("generate", {"prompt": "B"}, case="late", headers=headers)), "late")
        dialogue.run(iter(AwaitCallbacks(url, 1, 30.0)), "late")
        dialogue.run(iter(AwaitCallbacks(other, 1, 30.0)), "late")
        assert ["-late" in callback.target for callback in dialogue.trace().callbacks] == [True]


def test_a_wait_that_ended_leaves_no_timer() -> None:
    """Once the callback has come, nothing waits for the end of the time that was allowed for it."""

    @probe("waits")
    def waits(_: RunContext) -> Conversation[None]:
        url = yield from ReceiverUrl("prompt")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        yield from submit("generate", {"prompt": "A"}, case="submit", headers=headers)
        assert len((yield from AwaitCallbacks(url, 1, 10_000.0))) == 1
        yield from Pause(100.0)

    footer = observe(probes=(waits,)).trace.footer
    assert footer is not None
    assert footer.probes == {"waits": "done"}
    assert footer.seconds < 10_000.0


def test_what_follows_an_accepted_submit_is_sent_first() -> None:
    """A state may last only for a moment: reads of it do not wait for what other probes begin."""

    @probe("begins")
    def begins(_: RunContext) -> Conversation[None]:
        accepted = yield from SUBMIT
        yield from read(str(accepted.accepted_id), case="first")

    @probe("floods")
    def floods(_: RunContext) -> Conversation[None]:
        yield from Together((read("minimax-hailuo-ai_0"),) * 200)

    def slowly(_: Ask, reply: Reply) -> Reply:
        time.sleep(0.001)
        return reply

    cases = [exchange.case for exchange in observe(probes=(begins, floods), edit=slowly).trace.exchanges]
    assert cases.index("first") < 100


@pytest.mark.parametrize(("code", "headers"), [(429, {}), (503, {"Retry-After": "1"})])
def test_g1_is_the_one_that_was_accepted(code: int, headers: dict[str, str]) -> None:
    """Its first submit gets a 429, or a 503 that states a wait, and is sent again: that one is followed."""
    throttled: list[Ask] = []

    def once(ask: Ask, reply: Reply) -> Reply:
        if reply.code != 202 or throttled:
            return reply
        throttled.append(ask)
        return replace(refusal(code, "Too Many Requests", "Later"), headers=headers)

    probes = [each for each in PROBES if each.name in {"smoke", "g1"}]
    assert any(each.probe == "g1" for each in observe(probes=probes, edit=once).trace.exchanges)


def test_a_run_in_which_nothing_is_accepted_waits_for_no_end() -> None:
    """Probes that wait as long as a generation takes have none to wait for."""

    def refuse(_: Ask, reply: Reply) -> Reply:
        return refusal(400, "Bad Request", "No") if reply.code == 202 else reply

    footer = observe(probes=for_clauses(["STATUS-12"]), edit=refuse).trace.footer
    assert footer is not None
    assert footer.seconds < full_target().profile.deadline


def test_no_budget() -> None:
    """Where generations cost money and none was granted, a submit is not sent; a read is."""
    target = Target(Profile(origin=ORIGIN, paid=True), {"default": (KEY,)})
    with fake_dialogue(target=target, options=RunOptions(run="dialogue", max_generations=0)) as (dialogue, gateway):
        with pytest.raises(BudgetExhaustedError, match="no generation is left to reserve"):
            dialogue.run(iter(SUBMIT), "submit")
        assert gateway.asked == []
        assert dialogue.run(iter(read("minimax-hailuo-ai_0")), "read").status == 404


def test_a_faulty_conversation() -> None:
    """A conversation that raises is an error that names it, and the next one is carried out all the same."""

    def faulty() -> object:
        yield from Pause(1.0)
        raise ZeroDivisionError

    with fake_dialogue() as (dialogue, _):
        with pytest.raises(ConversationError, match=r"faulty: error: ZeroDivisionError\(\)"):
            dialogue.run(faulty(), "faulty")  # type: ignore[arg-type]  # its type is right but for the fault
        assert dialogue.run(iter(SUBMIT), "sound").status == 202


@pytest.mark.parametrize(("after", "gone"), [(20, True), (10_000, False)])
def test_a_target_that_ends_during_the_run(after: int, gone: bool) -> None:
    """It is unusable, since it could be reached for none of the last requests, and no late probe is carried out."""
    gateway, clock = virtual_fake()

    def answer(ask: Ask) -> Answered:
        if len(gateway.asked) >= after:
            raise httpx2.ConnectError("refused")
        return gateway.answer(ask).answered()

    few = for_clauses(("STATUS-12", "STATUS-16"))
    trace = run(full_target(), few, RunOptions(run="testrun0"), clock=clock, network=InProcess(answer))
    assert trace.footer is not None
    assert (trace.footer.unusable is not None and "can no longer be reached" in trace.footer.unusable) is gone
    assert ("late" in {exchange.case for exchange in trace.exchanges}) is not gone


@pytest.mark.parametrize(
    "always",
    [pytest.param(True, id="for all"), pytest.param(False, id="but for unknown ids", marks=pytest.mark.slow)],
)
def test_a_target_that_hangs_ends_the_run(*, always: bool) -> None:
    """Once so many requests in a row timed out, and then a plain read, none of the hundreds to come waits for its own time-out."""
    gateway, clock = virtual_fake()

    def answer(ask: Ask) -> Answered:
        name = ask.path.removeprefix(STATUS_BASE)
        if len(gateway.asked) >= 20 and (always or name == ask.path or name in gateway.works):
            raise httpx2.ReadTimeout("hangs")
        return gateway.answer(ask).answered()

    trace = run(full_target(), PROBES, RunOptions(run="testrun0"), clock=clock, network=InProcess(answer))
    assert trace.footer is not None
    said = "the target no longer responds (timeout of 32 requests in a row): see why it hangs"
    assert trace.footer.unusable == (said if always else None)


QUEUED = '{"status": "QUEUED", "created_at": "2026-03-31T10:00:00.000Z"}'
MOVED = QUEUED.replace("00.000", "04.000")
ENDED = QUEUED.replace("QUEUED", "COMPLETED")


def watched(*seen: tuple[float, str, str, dict[str, str]]) -> bool:
    """Whether a run in real time takes a clock to stand still, by submits and reads: instant, id, body, headers."""
    clock = RunClock()
    try:
        for at, name, body, headers in seen:
            submit = {"operation": "generate", "method": "POST", "body": f'{{"request_id": "{name}"}}', "status": 202}
            read = {"operation": "status", "method": "GET", "body": body, "status": 200, "request_id": name}
            common = {"number": 1, "account": "default", "started": at, "finished": at}
            common |= dict.fromkeys(("probe", "case", "url"), "")
            clock.watch(Exchange(**common, headers=tuple(headers.items()), **(read if body else submit)))  # type: ignore[arg-type]
    except StandstillError:
        return True
    return False


@pytest.mark.parametrize(
    ("dates", "later", "other", "stands_still"),
    [
        (("10:00:00", "10:00:00"), QUEUED, QUEUED, True),
        (("", ""), QUEUED, QUEUED, True),
        (("10:00:00", "10:00:04"), QUEUED, QUEUED, True),
        (("10:00:00", "10:00:00"), QUEUED, "", True),
        (("10:00:00", "10:00:04"), QUEUED, "", False),
        (("", ""), QUEUED, "", False),
        (("10:00:00", "10:00:00"), ENDED, "", False),
        (("10:00:00", "10:00:00"), QUEUED.replace("QUEUED", "PROCESSING"), QUEUED, False),
        (("10:00:00", "10:00:00"), QUEUED, ENDED, False),
        (("10:00:00", "10:00:00"), QUEUED, MOVED, False),
        (("", ""), '{"status": "QUEUED"}', '{"status": "QUEUED"}', False),
    ],
)
def test_a_clock_that_stands_still(dates: tuple[str, str], later: str, other: str, stands_still: bool) -> None:
    """Two reads four seconds apart, and two of another generation, show it; a gateway that says less, or moves, is not accused."""
    first, second = ({"Date": date} if date else {} for date in dates)
    seen = [(0.0, "a", "", first), (0.1, "a", QUEUED if "created" in later else later, first)]
    seen += [(4.0, "b", "", second), (4.1, "b", other, second)] if other else []
    seen += [(4.2, "a", later, second)]
    seen += [(8.2, "b", other, second)] if other else []
    assert watched(*seen) is stands_still
    if "Date" in first and not other:
        aged = [(at, name, body, {**headers, "Age": "9"}) for at, name, body, headers in seen]
        assert not watched(*aged)


def test_callbacks_are_counted_until_the_run_ends() -> None:
    """One that comes long after what awaited it, to a path that nobody gave, or after a refusal, is in the trace."""

    @probe("forgets its callback")
    def forgets(_: RunContext) -> Conversation[None]:
        url = yield from ReceiverUrl("late")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        yield from submit("generate", {"prompt": 42}, case="refused", headers=headers)

    gateway, clock = virtual_fake()

    def answer(ask: Ask) -> Answered:
        url = ask.headers["x-webhook-url"]
        work = gateway.accept(ask, "generate", {"prompt": "A"}, KEY)
        assert is_members(work.value)
        elsewhere = f"{url.partition('/hook')[0]}/elsewhere"
        gateway.calls.append((gateway.now() + 29.0, str(work.value["request_id"]), elsewhere))
        return 400, {"Content-Type": "application/json"}, b"{}"

    target = full_target(settle=30.0)
    trace = run(target, (forgets,), RunOptions(run="testrun0"), clock=clock, network=InProcess(answer))
    paths = [callback.target.partition("?")[0] for callback in trace.callbacks]
    assert paths == ["/hook/testrun0-1-late", "/elsewhere"]


def test_the_signature_of_a_medium_is_used_but_not_written(tmp_path: Path) -> None:
    """Whoever has a trace cannot download by it, and is told the same as the run."""

    def edit(ask: Ask, reply: Reply) -> Reply:
        if ask.path.startswith("/media/"):
            return reply if ask.target.endswith("?X-Amz-Signature=f00d") else Reply(403, {})
        output = reply.value.get("output") if is_members(reply.value) else None
        if is_members(output) and is_members(reply.value):
            url = f"{ORIGIN}/media/{reply.value['request_id']}/output.mp4?X-Amz-Signature=f00d"
            reply.value["output"] = {**output, "media_url": [url]}
        return reply

    path = tmp_path / "trace.ndjson"
    seen = observe(probes=for_clauses(("OUT-08",)), options=RunOptions(run="testrun0", trace_path=path), edit=edit)
    assert seen.verdicts["OUT-08"].outcome is Outcome.PASS
    assert "f00d" not in path.read_text(encoding="utf-8")
    assert load_trace(path).exchanges == seen.trace.exchanges
