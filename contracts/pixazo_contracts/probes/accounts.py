"""Probes that need an account in a special state, or a prompt known to end badly."""

from __future__ import annotations

from typing import Final

from pixazo_contracts.trace import Exchange, whole_number

from .conversation import Conversation, Headers, Probe, ReceiverUrl, RunContext, await_callbacks, pause, probe, send
from .operations import PRINTED, PRINTED_HEADERS, PROMPT, poll, read, submit, submit_send, unknown_id, webhook_headers

#: A failing generation may be short, so it is read this many times as often as others.
QUICKER: Final = 4.0

#: The longest Retry-After that a run waits for, in seconds.
LONGEST_WAIT: Final = 60


def _bad_end(kind: str, *feeds: str) -> Probe:
    """A generation with a prompt known to end `failed` or `error`, with a callback if callbacks can reach us."""
    shared = ("FAIL-04", "FAIL-05", "FLOW-04", "WEBHOOK-07")

    @probe(f"{kind} prompt", *feeds, *shared, cost=1, needs={f"prompt:{kind}"})
    def bad_end(context: RunContext) -> Conversation[None]:
        headers = yield from webhook_headers(context, ReceiverUrl(kind))
        body = {"prompt": context.prompts[kind]}
        accepted = yield from submit("generate", body, case=f"{kind}-prompt", intent="accept", headers=headers)
        pace = context.profile.pace / QUICKER if not context.limited else None
        end = yield from poll(context, accepted, pace=pace)
        if end is not None and context.has_receiver:
            yield from await_callbacks(headers[-1][1], 1, context.profile.settle)
            yield from read(str(accepted.accepted_id), case="again")

    return bad_end


@probe("recovering account", "ERR-429-04", needs={"account:recovering"})
def _recovery(context: RunContext) -> Conversation[None]:
    """A throttle that ends: a read is refused, and sent again once the stated wait is over."""
    request_id = unknown_id(context.run, "recovering")
    refused = yield from read(request_id, case="throttled read", aims=("ERR-429-04",), account="recovering")
    wait = whole_number(refused.header("retry-after"))
    if refused.status == 429 and wait is not None and wait <= LONGEST_WAIT:
        yield from pause(wait + context.profile.pace)
        yield from read(request_id, case="read after the wait", aims=("ERR-429-04",), account="recovering")


def _valid(
    account: str, case: str, aims: tuple[str, ...], headers: Headers = PRINTED_HEADERS
) -> Conversation[Exchange]:
    """A valid submit: only the account gives a reason to refuse it."""
    body = {"prompt": PROMPT, **PRINTED}
    return submit("generate", body, case=case, aims=aims, intent="refuse", account=account, headers=headers)


def _refused(role: str, *aims: str, feeds: tuple[str, ...] = (), cost: int = 0) -> Probe:
    """Submits of an account that must not submit: a valid body, alone and with a webhook, and one without a prompt.

    The last of the aims is the one on which a webhook bears. `cost`: the refusal does not give a reservation back.
    """

    @probe(f"{role} account", *aims, *feeds, worst=1, cost=cost, needs={f"account:{role}"})
    def refused(context: RunContext) -> Conversation[None]:
        headers = yield from webhook_headers(context, ReceiverUrl(role))
        yield from _valid(role, f"{role} account", aims)
        if context.has_receiver:
            yield from _valid(role, f"{role} account, webhook", aims[-1:], headers)
        no_prompt = f"{role} account, no prompt"
        yield from submit("generate", PRINTED, case=no_prompt, aims=("ERR-PREC-01",), intent="refuse", account=role)

    return refused


@probe("empty wallet, reads", "ERR-402-04", needs={"account:empty"})
def _empty_reads(context: RunContext) -> Conversation[None]:
    request_id = unknown_id(context.run, "empty")
    yield from read(request_id, case="unknown id with an empty wallet", aims=("ERR-402-04",), account="empty")


@probe("precedence", "ERR-PREC-01", worst=1)
def _precedence(_: RunContext) -> Conversation[None]:
    for account, case in (("", "no key, no prompt"), ("unknown", "unknown key, no prompt")):
        yield from submit("generate", {}, case=case, aims=("ERR-PREC-01",), intent="refuse", account=account)


@probe("unknown model", "ERR-400-02", "ERR-400-03", worst=1)
def _unknown_model(_: RunContext) -> Conversation[None]:
    body, url = {"prompt": PROMPT, **PRINTED}, "/no-such-model/v1/generate"
    yield from send(submit_send("other", body, case="no-such-model", aims=("ERR-400-02",), intent="refuse", url=url))


@probe("disabled model", "ERR-400-02", "ERR-400-03", worst=1, needs={"account:disabled"})
def _disabled_model(_: RunContext) -> Conversation[None]:
    yield from _valid("disabled", "disabled model", ("ERR-400-02",))


PROBES: Final = (
    _bad_end("failed", "FAIL-01", "FAIL-02"),
    _bad_end("error", "FAIL-03"),
    _refused("empty", "ERR-402-01", "ERR-402-03", feeds=("ERR-402-02", "ERR-PREC-01")),
    _refused("throttled", "ERR-429-01", "ERR-429-02", feeds=("ERR-429-03", "ERR-429-04", "ERR-PREC-01"), cost=1),
    _recovery,
    _refused("broken", "ERR-500-02", cost=1),
    _refused("suspended", "AUTH-09", feeds=("ERR-PREC-01",)),
    _empty_reads,
    _precedence,
    _unknown_model,
    _disabled_model,
)
