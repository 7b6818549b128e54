"""Talks held one after the other."""

from __future__ import annotations

import pytest
from tests.contracts.dialogues import talking
from tests.contracts.gateways.fake_gateway import KEY
from tests.contracts.observing import ORIGIN

from pixazo_contracts.probes.conversation import Hook, await_callbacks, hook, pause, send
from pixazo_contracts.probes.steps import PRINTED_HEADERS, read_send, submit_send
from pixazo_contracts.runner.dialogue import TalkError
from pixazo_contracts.runner.layers.spend import BudgetExhaustedError
from pixazo_contracts.runner.runner import RunOptions
from pixazo_contracts.trace.target import Profile, Target

SUBMIT = submit_send("generate", {"prompt": "A paper boat"}, case="submit")


def test_a_talk_gives_its_result() -> None:
    """`hold` returns what the talk returns, and the trace since the mark holds what it sent."""
    with talking() as (dialogue, _):
        dialogue.hold(send(SUBMIT), "before")
        mark = dialogue.mark()
        exchange = dialogue.hold(send(SUBMIT), "after")
        assert exchange.status == 202
        assert dialogue.trace().exchanges == (exchange,)
        assert dialogue.trace().footer is None
        assert dialogue.trace(ended=True).footer is not None
        assert mark.granted == [(SUBMIT, exchange)]


def test_callbacks_of_before_the_mark() -> None:
    """What arrives late at a URL that was opened before the mark is not of this trace."""
    with talking() as (dialogue, _):
        url = dialogue.hold(hook(Hook("early")), "early")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", url))
        dialogue.hold(send(submit_send("generate", {"prompt": "A"}, case="early", headers=headers)), "early")
        dialogue.mark()
        other = dialogue.hold(hook(Hook("late")), "late")
        headers = (*PRINTED_HEADERS, ("X-Webhook-URL", other))
        dialogue.hold(send(submit_send("generate", {"prompt": "B"}, case="late", headers=headers)), "late")
        dialogue.hold(await_callbacks(url, 1, 30.0), "late")
        dialogue.hold(await_callbacks(other, 1, 30.0), "late")
        assert ["-late" in callback.target for callback in dialogue.trace().callbacks] == [True]


def test_no_budget() -> None:
    """Where generations cost money and none was granted, a submit is not sent; a read is."""
    target = Target(Profile(origin=ORIGIN, paid=True), {"default": (KEY,)})
    with talking(target=target, options=RunOptions(run="talking0", max_generations=0)) as (dialogue, gateway):
        with pytest.raises(BudgetExhaustedError, match="no generation is left to reserve"):
            dialogue.hold(send(SUBMIT), "submit")
        assert gateway.asked == []
        assert dialogue.hold(send(read_send("minimax-hailuo-ai_0")), "read").status == 404


def test_a_faulty_talk() -> None:
    """A talk that raises is an error that names it, and the next talk is held all the same."""

    def faulty() -> object:
        yield from pause(1.0)
        raise ZeroDivisionError

    with talking() as (dialogue, _):
        with pytest.raises(TalkError, match=r"faulty: error: ZeroDivisionError\(\)"):
            dialogue.hold(faulty(), "faulty")  # type: ignore[arg-type]  # its type is right but for the fault
        assert dialogue.hold(send(SUBMIT), "sound").status == 202
