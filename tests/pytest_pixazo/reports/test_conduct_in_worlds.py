"""In real worlds the bad example client fails each check once, and the reference client fails none in any of its flows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.examples.bad_client import BadClient
from tests.receiver import Receiver

from pixazo_client import (
    APIConnectionError,
    BadRequestError,
    GenerationFailedError,
    GenerationSystemError,
    InsufficientBalanceError,
    PixazoClient,
    WaitTimeoutError,
)
from pytest_pixazo import ConnectionReset, Duplicate, GarbledBody, HtmlPage, Pixazo, ReplyLost, Stuck, TruncatedBody
from pytest_pixazo.reports.conduct import CHECKS, judge


def hurries(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    bad.hurry("A bear")


def ignores_retry_after(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    pixazo.when("generate").reply(429, retry_after=30, times=1)
    bad.insist("A bear")


def repeats_400(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    bad.try_again("", times=3)


def misspells_a_parameter(_: Pixazo, bad: BadClient, __: Receiver) -> None:
    bad.submit("A bear", durations=10)


def pays_twice_for_a_lost_reply(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    pixazo.when("generate").fault(ReplyLost(), times=1)
    bad.make_sure("A bear")


def pays_twice_after_a_reset(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    pixazo.when("generate").fault(ConnectionReset(), times=1)
    bad.make_sure("A bear")


def gives_up(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    bad.give_up("A bear", looks=2)
    pixazo.clock.advance(60)


def overlooks_error(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    pixazo.when("generate").end("ERROR")
    bad.overlook_error("A bear", looks=6)


def gives_the_key_to_the_media_host(pixazo: Pixazo, bad: BadClient, _: Receiver) -> None:
    assert bad.download("A bear")


def writes_the_key_into_a_webhook_url(pixazo: Pixazo, bad: BadClient, receiver: Receiver) -> None:
    bad.submit("A bear", webhook_url=f"{receiver.url}?key={pixazo.api_key}")
    pixazo.clock.advance(15)


def downloads_for_each_callback(pixazo: Pixazo, bad: BadClient, receiver: Receiver) -> None:
    pixazo.when("webhook").fault(Duplicate())
    bad.submit("A bear", webhook_url=receiver.url)
    pixazo.clock.advance(15)
    for callback in receiver.wait(2):
        bad.on_webhook(json.loads(callback.body))


MISTAKES: dict[Callable[[Pixazo, BadClient, Receiver], None], str] = {
    hurries: "poll-too-fast",
    ignores_retry_after: "retry-after-ignored",
    repeats_400: "refusal-repeated",
    misspells_a_parameter: "unknown-parameter",
    pays_twice_for_a_lost_reply: "charged-twice",
    pays_twice_after_a_reset: "charged-twice",
    gives_up: "stopped-early",
    overlooks_error: "polled-after-end",
    gives_the_key_to_the_media_host: "key-given-away",
    writes_the_key_into_a_webhook_url: "key-given-away",
    downloads_for_each_callback: "duplicate-acted-on",
}


@pytest.mark.pixazo(allow_conduct=list(CHECKS))
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_the_bad_client_fails_each_check_once(
    mistake: Callable[[Pixazo, BadClient, Receiver], None], pixazo: Pixazo, receiver: Receiver
) -> None:
    """One misuse, one finding."""
    mistake(pixazo, BadClient(pixazo.url, pixazo.api_key, pixazo.clock.advance), receiver)
    assert [finding.check for finding in judge(pixazo.record())] == [MISTAKES[mistake]]


def test_every_check_is_failed() -> None:
    """The examples above cover every check."""
    assert set(MISTAKES.values()) == set(CHECKS)


def completes(_: Pixazo, client: PixazoClient, __: Receiver, ___: Path) -> None:
    assert client.generate("A bear").wait().succeeded


def fails(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    pixazo.when("generate").end("FAILED", error="content policy")
    with pytest.raises(GenerationFailedError):
        client.generate("A bear").wait()


def meets_a_system_error_and_submits_again(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    pixazo.when("generate").end("ERROR", times=1)
    with pytest.raises(GenerationSystemError):
        client.generate("A bear").wait()
    assert client.generate("A bear").wait().succeeded


def is_throttled(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    pixazo.when("generate").reply(429, retry_after=20, times=2)
    pixazo.when("status", after=1).reply(429, retry_after=30, times=1)
    assert client.generate("A bear").wait().succeeded


def is_refused(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    with pytest.raises(BadRequestError):
        client.generate("")
    pixazo.wallet.balance = "0.10"
    with pytest.raises(InsufficientBalanceError):
        client.generate("A bear")
    pixazo.wallet.balance = "10"
    assert client.generate("A bear").wait().succeeded


def loses_the_reply_of_a_submit(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    pixazo.when("generate").fault(ReplyLost())
    with pytest.raises(APIConnectionError):
        client.generate("A bear")
    pixazo.clock.advance(60)


def reads_over_a_bad_line(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    step = pixazo.when("status").fault(ConnectionReset(), times=1).then.reply(502, times=2)
    step.then.fault(GarbledBody(), times=1).then.fault(TruncatedBody(0.5), times=1)
    assert client.generate("A bear").wait().succeeded


def meets_the_front_door(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    pixazo.when("status").fault(HtmlPage(503), times=1)
    assert client.generate("A bear").wait().succeeded


def waits_in_vain(pixazo: Pixazo, client: PixazoClient, _: Receiver, __: Path) -> None:
    pixazo.when("generate").fault(Stuck())
    with pytest.raises(WaitTimeoutError):
        client.generate("A bear").wait(timeout=60)


def takes_a_wait_up_again(_: Pixazo, client: PixazoClient, __: Receiver, ___: Path) -> None:
    handle = client.generate("A bear")
    with pytest.raises(WaitTimeoutError):
        handle.wait(timeout=8)
    assert client.get_handle(handle.request_id).wait().succeeded
    assert handle.status().succeeded


def downloads(_: Pixazo, client: PixazoClient, __: Receiver, folder: Path) -> None:
    client.download(client.generate("A bear").wait(), folder / "bear.mp4")


def confirms_callbacks_that_come_twice(pixazo: Pixazo, client: PixazoClient, receiver: Receiver, folder: Path) -> None:
    pixazo.when("webhook").fault(Duplicate())
    client.generate("A bear", webhook_url=receiver.url)
    pixazo.clock.advance(15)
    first, second = (client.webhooks.confirm(callback.body) for callback in receiver.wait(2))
    assert first == second
    client.download(first, folder / "bear.mp4")


@pytest.mark.parametrize(
    "flow",
    [
        completes, fails, meets_a_system_error_and_submits_again, is_throttled, is_refused, loses_the_reply_of_a_submit,
        reads_over_a_bad_line, meets_the_front_door, waits_in_vain, takes_a_wait_up_again, downloads,
        confirms_callbacks_that_come_twice,
    ],
    ids=lambda flow: flow.__name__,
)  # fmt: skip
def test_the_reference_client_fails_no_check(
    flow: Callable[[Pixazo, PixazoClient, Receiver, Path], None],
    pixazo: Pixazo,
    pixazo_client: PixazoClient,
    receiver: Receiver,
    tmp_path: Path,
) -> None:
    """Its traffic has no findings."""
    flow(pixazo, pixazo_client, receiver, tmp_path)
    assert judge(pixazo.record()) == []
