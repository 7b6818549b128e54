"""Probes of WAL: accounts that can pay for exactly one 6 s generation, or two, and what their next submit gets."""

from __future__ import annotations

from typing import Final

from pixazo_contracts.trace import Exchange, Intent

from .conversation import Conversation, Probe, RunContext, pause, probe, together
from .operations import PROMPT, poll, read, submit, submit_send, unknown_id

#: Which key of the role `one` each clause spends; with so many keys of that role all of these clauses are judged.
ACCOUNTS: Final = {"WAL-04": "one", "WAL-02": "one.1", "WAL-05": "one.2", "WAL-06": "one.3", "WAL-03": "one.4"}

#: So many reads would be expensive if a read cost anything.
READS: Final = 20


def _spend(
    account: str, case: str, aim: str, prompt: str | None = None, intent: Intent = "any"
) -> Conversation[Exchange]:
    """A submit for the price of one; its prompt is the case's own, since equal bodies may be treated as one request."""
    body = {"prompt": prompt or f"{PROMPT} ({case})", "duration": 6, "resolution": "768P"}
    return submit("generate", body, case=case, aims=(aim,), intent=intent, account=account)


@probe("debited once", "WAL-01", cost=3, needs={"account:two"})
def _debited_once(context: RunContext) -> Conversation[None]:
    """Only submits are sent with this account until it has bought two; another account's generation shows when to go on."""
    yield from _spend("two", "first", "WAL-01")
    sibling = yield from _spend("default", "sibling", "WAL-01")
    yield from poll(context, sibling)
    yield from pause(context.profile.pace)
    second = yield from _spend("two", "second", "WAL-01")
    yield from poll(context, second)
    yield from _spend("two", "third", "WAL-01", intent="refuse")


def _after_bad_end(name: str, kind: str, aim: str) -> Probe:
    @probe(name, aim, cost=2, needs={f"account:{ACCOUNTS[aim]}", f"prompt:{kind}"})
    def after_bad_end(context: RunContext) -> Conversation[None]:
        first = yield from _spend(ACCOUNTS[aim], kind, aim, context.prompts[kind])
        if (yield from poll(context, first)) is not None:
            yield from _spend(ACCOUNTS[aim], "after", aim)

    return after_bad_end


@probe("refusals are free", "WAL-04", cost=1, needs={"account:one"})
def _after_refusals(_: RunContext) -> Conversation[None]:
    account = ACCOUNTS["WAL-04"]
    for case, body in (("no prompt", {}), ("wrong type", {"prompt": 42}), ("wrong duration", {"duration": "6"})):
        yield from submit("generate", body, case=case, aims=("WAL-04",), intent="refuse", account=account)
    yield from _spend(account, "after", "WAL-04")


@probe("reads are free", "WAL-05", cost=1, needs={"account:one.2"})
def _after_reads(context: RunContext) -> Conversation[None]:
    account = ACCOUNTS["WAL-05"]
    for n in range(READS):
        yield from read(unknown_id(context.run, f"purse {n}"), case="read", account=account)
    yield from _spend(account, "after", "WAL-05")


@probe("reads of one's own are free", "WAL-05", cost=2, needs={"account:two.1"})
def _after_reads_of_one(_: RunContext) -> Conversation[None]:
    """Reads of a request that exists, between two submits that the account can pay for."""
    first = yield from _spend("two.1", "before", "WAL-05")
    for _n in range(READS if first.accepted_id is not None else 0):
        yield from read(str(first.accepted_id), case="read", account="two.1")
    yield from _spend("two.1", "after", "WAL-05")


@probe("two on funds for one", "WAL-06", "ERR-402-04", cost=2, needs={"account:one.3"})
def _at_once(context: RunContext) -> Conversation[None]:
    account, case = ACCOUNTS["WAL-06"], "earlier id, wallet empty now"
    bodies = [{"prompt": f"{PROMPT}, boat {n}", "duration": 6, "resolution": "768P"} for n in range(2)]
    sends = [submit_send("generate", body, case="at once", aims=("WAL-06",), account=account) for body in bodies]
    for exchange in (yield from together(*sends)):
        if exchange.accepted_id is not None:
            yield from read(exchange.accepted_id, case=case, aims=("ERR-402-04",), account=account)
            yield from poll(context, exchange)


PROBES: Final = (
    _debited_once,
    _after_refusals,
    _after_bad_end("ERROR is free", "error", "WAL-02"),
    _after_reads,
    _after_reads_of_one,
    _at_once,
    _after_bad_end("FAILED", "failed", "WAL-03"),
)
