"""The self-check: for every kind of fault, its own example changes what a client sees on a real socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from tests.caller import GENERATE, STATUS, Caller, over_http
from tests.receiver import Callback, Receiver
from tests.simulator.mutants.observer import End, Seen, observe
from tests.simulator.samples import START
from tests.standard_webhooks import is_signed

from pixazo_simulator.script.builder import EXAMPLES
from pixazo_simulator.script.rule import FAULTS, Rule
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec.policy import PROFILES
from pixazo_simulator.world.registry import Settings

IMPATIENCE = 0.3
"""Seconds after which the client gives up on an answer that may never come."""


@dataclass
class Run:
    """One conversation as the client saw it: each answer, each callback in order of arrival, and the attempts to deliver them."""

    submit: Seen
    reads: list[Seen] = field(default_factory=list[Seen])
    media: list[Seen] = field(default_factory=list[Seen])
    arrivals: list[str] = field(default_factory=list[str])
    callbacks: list[bytes] = field(default_factory=list[bytes])
    problems: list[str | None] = field(default_factory=list[str | None])
    signatures: list[tuple[bool, int]] = field(default_factory=list[tuple[bool, int]])
    charged: str = ""

    @property
    def gist(self) -> object:
        """Everything that does not depend on the machine's speed."""
        responses = [seen.gist for seen in (self.submit, *self.reads, *self.media)]
        return responses, self.arrivals, self.callbacks, self.problems, self.signatures


def words(run: Run) -> list[str]:
    """The status words of the reads."""
    return [json.loads(seen.body)["status"] for seen in run.reads]


SIGNED = PROFILES["documented"].changed({"webhook_signature": "standard"})


@contextmanager
def served(*rules: Rule) -> Generator[tuple[Simulator, Caller]]:
    """A simulator with this script in its world, whose webhooks are signed."""
    with Simulator(Settings(script=rules, policy=SIGNED)) as simulator:
        yield simulator, Caller(over_http(simulator.url), simulator.api_key)


def called(rule: Rule | None) -> Run:
    """Submit, read at once, read twice when it must have ended, fetch the video twice."""
    with served(*([rule] if rule else [])) as (simulator, caller):
        submit = observe(simulator.port, "POST", GENERATE, b'{"prompt":"A bear"}', patience=patience(rule))
        run = Run(submit, charged=str(caller.sim("ledger")["balance"]))
        generations = caller.sim("generations")["generations"]
        request_id = generations[0]["request_id"] if generations else caller.accepted()
        run.reads.append(observe(simulator.port, "GET", STATUS + request_id, patience=patience(rule)))
        caller.advance(20)
        for _ in range(2):
            run.reads.append(observe(simulator.port, "GET", STATUS + request_id, patience=patience(rule)))
            run.media.append(
                observe(simulator.port, "GET", f"/v1/{request_id}/output.mp4", key="", patience=patience(rule))
            )
        return run


def called_back(rule: Rule | None) -> Run:
    """Submit two, the second a second later, each with a webhook, and let an hour pass."""
    with served(*([rule] if rule else [])) as (_, caller), Receiver() as receiver:
        arrivals: list[str] = []
        keep = receiver.keep

        def note(callback: Any) -> None:
            keep(callback)
            arrivals.append(f"callback {names.get(json.loads(callback.body)['request_id'], 'unknown')}")

        receiver.keep = note  # type: ignore[method-assign]  # the order of arrivals and answers is what is looked at
        names: dict[str, str] = {}
        for name in ("first", "second"):
            reply = caller.generate(webhook=receiver.url)
            names[reply.json()["request_id"]] = name
            arrivals.append(f"202 {name}")
            caller.advance(1)
        caller.advance(3600)
        attempts = [each["attempts"] for each in caller.sim("deliveries")["deliveries"]]
        seen = Seen(202, {}, b"", End.WHOLE, 0)
        secret = caller.sim("world")["webhook_secret"]
        signatures = [signature(each, secret) for each in receiver.received]
        problems = [attempt["problem"] for each in attempts for attempt in each]
        return Run(
            seen,
            arrivals=arrivals,
            callbacks=[each.body for each in receiver.received],
            problems=problems,
            signatures=signatures,
        )


def signature(callback: Callback, secret: str) -> tuple[bool, int]:
    """Whether the library of Standard Webhooks finds it rightly signed, and as how many seconds after the start."""
    seconds = int(callback.headers["webhook-timestamp"]) - START // 1000
    return is_signed(callback.body, callback.headers, secret), seconds


def patience(rule: Rule | None) -> float:
    """A client waits for ever, nearly, unless it is to see that nothing comes."""
    return IMPATIENCE if rule and "hang" in {each["fault"] for each in rule.as_json()["faults"]} else 10.0


def status_code(run: Run) -> None:
    assert (run.submit.status, run.submit.body) == (502, b'{"error":"Failed to reach upstream API","status":502}')
    assert run.charged == "100.00"


def html_page(run: Run) -> None:
    assert (run.reads[0].status, run.reads[0].headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert run.reads[0].body.startswith(b"<!DOCTYPE html>")
    assert run.reads[1].status == 200


def delay(run: Run) -> None:
    assert all(seen.seconds >= 0.2 for seen in run.reads)


def uniform_delay(run: Run) -> None:
    assert all(seen.seconds >= 0.1 for seen in run.reads)


def lognormal_delay(run: Run) -> None:
    assert run.submit.seconds >= 0.1 * 2.718 ** (-0.4 * 4)


def reply_lost(run: Run) -> None:
    assert (run.submit.status, run.submit.end) == (0, End.CLOSED)
    assert run.charged == "99.65"


def empty_reply(run: Run) -> None:
    assert (run.submit.status, run.submit.end) == (0, End.CLOSED)
    assert run.charged == "100.00"


def connection_reset(run: Run) -> None:
    assert [seen.end for seen in run.reads] == [End.RESET, End.WHOLE, End.WHOLE]


def hang(run: Run) -> None:
    assert [(seen.status, seen.end) for seen in run.reads] == [(0, End.SILENCE), (200, End.WHOLE), (200, End.WHOLE)]


def truncated_body(run: Run) -> None:
    cut, whole = run.media
    assert (cut.end, whole.end) == (End.CLOSED, End.WHOLE)
    assert cut.headers["content-length"] == whole.headers["content-length"] == str(len(whole.body))
    assert cut.body == whole.body[: len(whole.body) // 2]


def limit_data(run: Run) -> None:
    cut, whole = run.media
    assert (cut.end, whole.end) == (End.CLOSED, End.WHOLE)
    assert cut.headers["content-length"] == str(len(whole.body))
    assert cut.body == whole.body[:1000]


def garbage_before_head(run: Run) -> None:
    noisy, clean, _ = run.reads
    assert (noisy.status, noisy.end, clean.status) == (0, End.CLOSED, 200)
    assert noisy.body[:1] == b"\xff"
    assert noisy.body[32:].startswith(b"HTTP/1.1 200 OK\r\n")


def garbled_body(run: Run) -> None:
    garbled, *_ = run.reads
    assert garbled.headers["content-type"] == "application/json"
    assert len(garbled.body) == int(garbled.headers["content-length"])
    with pytest.raises(ValueError, match="decode"):
        json.loads(garbled.body)


def slow_drip(run: Run) -> None:
    dripping = run.media[0]
    assert dripping.end is End.WHOLE
    assert dripping.seconds >= 0.5
    assert len(dripping.arrivals) >= 5


def bandwidth(run: Run) -> None:
    slow = run.media[0]
    assert slow.end is End.WHOLE
    assert slow.seconds > 0.4  # 59,389 bytes at 120,000 a second, from the first of them on
    assert len(slow.arrivals) >= 5


def wrong_content_type(run: Run) -> None:
    assert {seen.headers["content-type"] for seen in run.reads} == {"text/html"}
    assert words(run) == ["QUEUED", "COMPLETED", "COMPLETED"]


def changed_members(run: Run) -> None:
    assert ["completed_at" in json.loads(seen.body) for seen in run.reads] == [False, True, True]


def completed_without_media(run: Run) -> None:
    assert [(json.loads(seen.body)["status"], json.loads(seen.body)["output"]) for seen in run.reads] == [
        ("QUEUED", None), ("COMPLETED", None), ("COMPLETED", None),
    ]  # fmt: skip


def unknown_status(run: Run) -> None:
    assert words(run) == ["ARCHIVED", "COMPLETED", "COMPLETED"]


def not_found_window(run: Run) -> None:
    assert [seen.status for seen in run.reads] == [404, 200, 200]
    assert json.loads(run.reads[0].body)["error"] == "Request not found"


def stuck(run: Run) -> None:
    assert words(run) == ["QUEUED", "PROCESSING", "PROCESSING"]


def media_gone(run: Run) -> None:
    assert [seen.status for seen in run.media] == [410, 410]


def drop(run: Run) -> None:
    assert run.arrivals == ["202 first", "202 second", "callback second"]
    assert run.problems == ["dropped by the script", None]


def duplicate(run: Run) -> None:
    assert run.arrivals == ["202 first", "202 second", *["callback first"] * 3, *["callback second"] * 3]
    assert len(set(run.callbacks)) == 2


def reorder(run: Run) -> None:
    assert run.arrivals == ["202 first", "202 second", "callback second", "callback first"]


def before_reply(run: Run) -> None:
    assert run.arrivals == ["callback unknown", "202 first", "callback unknown", "202 second"]


def dead_receiver(run: Run) -> None:
    assert run.arrivals == ["202 first", "202 second", "callback second", "callback first"]
    (refused, *rest) = run.problems
    assert "onnect" in str(refused)
    assert rest == [None, None]


def stale_signature(run: Run) -> None:
    assert run.signatures == [(True, 15 - 600), (True, 16)]


def bad_signature(run: Run) -> None:
    assert run.signatures == [(False, 15), (True, 16)]


def tampered_body(run: Run) -> None:
    assert run.signatures == [(False, 15), (True, 16)]
    assert [json.loads(each)["error"] for each in run.callbacks] == ["tampered with in transit", None]


PROOFS: Mapping[str, Callable[[Run], None]] = {name: proof for name, proof in globals().items() if name in FAULTS}
"""What the client must have seen of each example, by the functions above that are named like the faults."""

ONLY_LATE = frozenset({"delay", "uniform_delay", "lognormal_delay", "slow_drip", "bandwidth"})
"""Faults after which the same bytes arrive; their proofs look at the time."""


@cache
def plainly(converse: Callable[[None], Run]) -> Run:
    """The conversation without a fault, which is the same each time."""
    return converse(None)


def test_every_kind_has_an_example_and_a_proof() -> None:
    """A new kind of fault without either fails here."""
    assert set(EXAMPLES) == set(FAULTS)
    assert set(PROOFS) == set(FAULTS)


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_its_example_changes_what_a_client_sees(kind: str) -> None:
    """As the proof says, and otherwise than the same conversation without it."""
    rule = EXAMPLES[kind]
    converse = called_back if rule.when == "webhook" else called
    injected = converse(rule)
    PROOFS[kind](injected)
    assert (injected.gist == plainly(converse).gist) == (kind in ONLY_LATE)
