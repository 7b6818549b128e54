"""Conversations carried out one after the other."""

from __future__ import annotations

import pytest
from tests.contracts.fake_run import ORIGIN, fake_dialogue, observe
from tests.contracts.gateways.fake_gateway import KEY

from pixazo_contracts.probes.conversation import (
    Conversation,
    ReceiverUrl,
    RunContext,
    await_callbacks,
    open_receiver_url,
    pause,
    probe,
    published,
    send,
)
from pixazo_contracts.probes.operations import PRINTED_HEADERS, read_send, submit_send
from pixazo_contracts.runner.session import ConversationError, RunOptions
from pixazo_contracts.runner.spend import BudgetExhaustedError
from pixazo_contracts.trace.target import Profile, Target

SUBMIT = submit_send("generate", {"prompt": "A paper boat"}, case="submit")


def test_a_conversation_gives_its_result() -> None:
    """`run` returns what the conversation returns, and the trace since the mark holds what it sent."""
    with fake_dialogue() as (dialogue, _):
        dialogue.run(send(SUBMIT), "before")
        dialogue.mark()
        exchange = dialogue.run(send(SUBMIT), "after")
        assert exchange.status == 202
        assert dialogue.trace().exchanges == (exchange,)
        assert dialogue.trace().footer is None
        assert dialogue.trace(ended=True).footer is not None
        assert dialogue.steps == [(SUBMIT, exchange)]


def test_callbacks_of_before_the_mark() -> None:
    """What arrives late at a URL that was opened before the mark is not of this trace."""
    with fake_dialogue() as (dialogue, _):
        url = dialogue.run(open_receiver_url(ReceiverUrl("early")), "early")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        dialogue.run(send(submit_send("generate", {"prompt": "A"}, case="early", headers=headers)), "early")
        dialogue.mark()
        other = dialogue.run(open_receiver_url(ReceiverUrl("late")), "late")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", other))
        dialogue.run(send(submit_send("generate", {"prompt": "B"}, case="late", headers=headers)), "late")
        dialogue.run(await_callbacks(url, 1, 30.0), "late")
        dialogue.run(await_callbacks(other, 1, 30.0), "late")
        assert ["-late" in callback.target for callback in dialogue.trace().callbacks] == [True]


def test_a_wait_that_ended_leaves_no_timer() -> None:
    """Once the callback has come, nothing waits for the end of the time that was allowed for it."""

    @probe("waits")
    def waits(_: RunContext) -> Conversation[None]:
        url = yield from open_receiver_url(ReceiverUrl("prompt"))
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        yield from send(submit_send("generate", {"prompt": "A"}, case="submit", headers=headers))
        assert len((yield from await_callbacks(url, 1, 10_000.0))) == 1
        assert (yield from published("what nobody publishes")) is None

    @probe("lets time pass")
    def lets_time_pass(_: RunContext) -> Conversation[None]:
        for _poll in range(10):
            yield from pause(10.0)

    footer = observe(probes=(waits, lets_time_pass)).trace.footer
    assert footer is not None
    assert footer.probes == {"waits": "done", "lets time pass": "done"}
    assert footer.seconds < 10_000.0


def test_no_budget() -> None:
    """Where generations cost money and none was granted, a submit is not sent; a read is."""
    target = Target(Profile(origin=ORIGIN, paid=True), {"default": (KEY,)})
    with fake_dialogue(target=target, options=RunOptions(run="dialogue", max_generations=0)) as (dialogue, gateway):
        with pytest.raises(BudgetExhaustedError, match="no generation is left to reserve"):
            dialogue.run(send(SUBMIT), "submit")
        assert gateway.asked == []
        assert dialogue.run(send(read_send("minimax-hailuo-ai_0")), "read").status == 404


def test_a_faulty_conversation() -> None:
    """A conversation that raises is an error that names it, and the next one is carried out all the same."""

    def faulty() -> object:
        yield from pause(1.0)
        raise ZeroDivisionError

    with fake_dialogue() as (dialogue, _):
        with pytest.raises(ConversationError, match=r"faulty: error: ZeroDivisionError\(\)"):
            dialogue.run(faulty(), "faulty")  # type: ignore[arg-type]  # its type is right but for the fault
        assert dialogue.run(send(SUBMIT), "sound").status == 202
