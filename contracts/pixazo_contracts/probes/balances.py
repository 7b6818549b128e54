"""Probes of WAL: accounts that can pay for exactly one 6 s generation, or two, and what their next submit is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conversation import Probe, pause, together
from .family import PROMPT
from .steps import poll, read, submit, submit_send
from .unknown_ids import unknown_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.trace import Exchange, Intent

    from .conversation import Setting, Talk


#: Which key of the role `one` each clause spends; so many keys of that role make all of them judged.
PURSES = {"WAL-04": "one", "WAL-02": "one.1", "WAL-05": "one.2", "WAL-06": "one.3", "WAL-03": "one.4"}

#: Reads that would be dear if reading cost anything.
READS = 20


def _spend(purse: str, case: str, aim: str, prompt: str | None = None, intent: Intent = "any") -> Talk[Exchange]:
    """A submit for the price of one; its prompt is the case's own, since equal bodies may be taken for one request."""
    body = {"prompt": prompt or f"{PROMPT} ({case})", "duration": 6, "resolution": "768P"}
    return submit("generate", body, case=case, aims=(aim,), intent=intent, account=purse)


def _debited_once(setting: Setting) -> Talk[None]:
    """Nothing but submits is sent with this purse until it has bought two: another account's generation tells the time."""
    yield from _spend("two", "first", "WAL-01")
    sibling = yield from _spend("default", "sibling", "WAL-01")
    yield from poll(setting, sibling)
    yield from pause(setting.profile.pace)
    second = yield from _spend("two", "second", "WAL-01")
    yield from poll(setting, second)
    yield from _spend("two", "third", "WAL-01", intent="refuse")


def _after_bad_end(kind: str, aim: str) -> Callable[[Setting], Talk[None]]:
    def talk(setting: Setting) -> Talk[None]:
        first = yield from _spend(PURSES[aim], kind, aim, setting.prompts[kind])
        if (yield from poll(setting, first)) is not None:
            yield from _spend(PURSES[aim], "after", aim)

    return talk


def _after_refusals(_: Setting) -> Talk[None]:
    for case, body in (("no prompt", {}), ("wrong type", {"prompt": 42}), ("wrong duration", {"duration": "6"})):
        yield from submit("generate", body, case=case, aims=("WAL-04",), intent="refuse", account=PURSES["WAL-04"])
    yield from _spend(PURSES["WAL-04"], "after", "WAL-04")


def _after_reads(setting: Setting) -> Talk[None]:
    for n in range(READS):
        yield from read(unknown_id(setting.run, f"purse {n}"), case="read", account=PURSES["WAL-05"])
    yield from _spend(PURSES["WAL-05"], "after", "WAL-05")


def _after_reads_of_one(_: Setting) -> Talk[None]:
    """Reads of a request that exists, between two that the purse can pay for."""
    first = yield from _spend("two.1", "before", "WAL-05")
    for _n in range(READS if first.accepted_id is not None else 0):
        yield from read(str(first.accepted_id), case="read", account="two.1")
    yield from _spend("two.1", "after", "WAL-05")


def _at_once(setting: Setting) -> Talk[None]:
    purse = PURSES["WAL-06"]
    bodies = [{"prompt": f"{PROMPT}, boat {n}", "duration": 6, "resolution": "768P"} for n in range(2)]
    sends = [submit_send("generate", body, case="at once", aims=("WAL-06",), account=purse) for body in bodies]
    for exchange in (yield from together(*sends)):
        if exchange.accepted_id is not None:
            yield from read(
                exchange.accepted_id, case="earlier id, wallet empty now", aims=("ERR-402-04",), account=purse
            )
            yield from poll(setting, exchange)


def _probe(name: str, talk: Callable[[Setting], Talk[None]], needs: set[str], *feeds: str, cost: int = 1) -> Probe:
    return Probe(name=name, feeds=feeds, talk=talk, worst=cost, expected=cost, needs=frozenset(needs))


PROBES = (
    _probe("debited once", _debited_once, {"account:two"}, "WAL-01", cost=3),
    _probe("refusals are free", _after_refusals, {"account:one"}, "WAL-04"),
    _probe("ERROR is free", _after_bad_end("error", "WAL-02"), {"account:one.1", "prompt:error"}, "WAL-02", cost=2),
    _probe("reads are free", _after_reads, {"account:one.2"}, "WAL-05"),
    _probe("reads of one's own are free", _after_reads_of_one, {"account:two.1"}, "WAL-05", cost=2),
    _probe("two on funds for one", _at_once, {"account:one.3"}, "WAL-06", "ERR-402-04", cost=2),
    _probe("FAILED", _after_bad_end("failed", "WAL-03"), {"account:one.4", "prompt:failed"}, "WAL-03", cost=2),
)
