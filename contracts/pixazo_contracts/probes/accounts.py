"""Probes that need an account in a special state, or a prompt known to end badly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pixazo_contracts.trace import Exchange, whole_number

from .conversation import Conversation, Headers, Probe, ReceiverUrl, RunContext, await_callbacks, pause, send
from .operations import PRINTED, PRINTED_HEADERS, PROMPT, poll, read, submit, submit_send, unknown_id, webhook_headers

#: A failing generation may be short, so it is read this many times as often as others.
QUICKER: Final = 4.0

#: The longest Retry-After that a run waits for, in seconds.
LONGEST_WAIT: Final = 60


def _ends_badly(kind: str) -> Callable[[RunContext], Conversation[None]]:
    """A generation with a prompt known to end `failed` or `error`, with a callback if callbacks can reach us."""

    def conversation(context: RunContext) -> Conversation[None]:
        headers = yield from webhook_headers(context, ReceiverUrl(kind))
        body = {"prompt": context.prompts[kind]}
        accepted = yield from submit("generate", body, case=f"{kind}-prompt", intent="accept", headers=headers)
        pace = context.profile.pace / QUICKER if not context.limited else None
        end = yield from poll(context, accepted, pace=pace)
        if end is not None and context.has_receiver:
            yield from await_callbacks(headers[-1][1], 1, context.profile.settle)
            yield from read(str(accepted.accepted_id), case="again")

    return conversation


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


def _refused(account: str, aims: tuple[str, ...]) -> Callable[[RunContext], Conversation[None]]:
    """Submits of an account that must not submit: a valid body, alone and with a webhook, and one without a prompt.

    The last of the aims is the one on which a webhook bears.
    """

    def conversation(context: RunContext) -> Conversation[None]:
        headers = yield from webhook_headers(context, ReceiverUrl(account))
        yield from _valid(account, f"{account} account", aims)
        if context.has_receiver:
            yield from _valid(account, f"{account} account, webhook", aims[-1:], headers)
        no_prompt = f"{account} account, no prompt"
        yield from submit("generate", PRINTED, case=no_prompt, aims=("ERR-PREC-01",), intent="refuse", account=account)

    return conversation


def _empty_reads(context: RunContext) -> Conversation[None]:
    request_id = unknown_id(context.run, "empty")
    yield from read(request_id, case="unknown id with an empty wallet", aims=("ERR-402-04",), account="empty")


def _precedence(_: RunContext) -> Conversation[None]:
    for account, case in (("", "no key, no prompt"), ("unknown", "unknown key, no prompt")):
        yield from submit("generate", {}, case=case, aims=("ERR-PREC-01",), intent="refuse", account=account)


def _unknown_model(_: RunContext) -> Conversation[None]:
    body, url = {"prompt": PROMPT, **PRINTED}, "/no-such-model/v1/generate"
    yield from send(submit_send("other", body, case="no-such-model", aims=("ERR-400-02",), intent="refuse", url=url))


def _disabled_model(_: RunContext) -> Conversation[None]:
    yield from _valid("disabled", "disabled model", ("ERR-400-02",))


def _account(role: str, *aims: str, feeds: tuple[str, ...] = (), counted: int = 0) -> Probe:
    """Submits of an account of that role; `counted`: its refusal does not give a reservation back."""
    return Probe(
        name=f"{role} account",
        feeds=(*aims, *feeds),
        conversation=_refused(role, aims),
        worst=1,
        expected=counted,
        needs=frozenset({f"account:{role}"}),
    )


def _bad_end(kind: str, *feeds: str) -> Probe:
    return Probe(
        name=f"{kind} prompt",
        feeds=(*feeds, "FAIL-04", "FAIL-05", "FLOW-04", "WEBHOOK-07"),
        conversation=_ends_badly(kind),
        worst=1,
        expected=1,
        needs=frozenset({f"prompt:{kind}"}),
    )


MODEL_NOT_FOUND: Final = ("ERR-400-02", "ERR-400-03")

PROBES: Final = (
    _bad_end("failed", "FAIL-01", "FAIL-02"),
    _bad_end("error", "FAIL-03"),
    _account("empty", "ERR-402-01", "ERR-402-03", feeds=("ERR-402-02", "ERR-PREC-01")),
    _account("throttled", "ERR-429-01", "ERR-429-02", feeds=("ERR-429-03", "ERR-429-04", "ERR-PREC-01"), counted=1),
    Probe(
        name="recovering account",
        feeds=("ERR-429-04",),
        conversation=_recovery,
        needs=frozenset({"account:recovering"}),
    ),
    _account("broken", "ERR-500-02", counted=1),
    _account("suspended", "AUTH-09", feeds=("ERR-PREC-01",)),
    Probe(
        name="empty wallet, reads",
        feeds=("ERR-402-04",),
        conversation=_empty_reads,
        needs=frozenset({"account:empty"}),
    ),
    Probe(name="precedence", feeds=("ERR-PREC-01",), conversation=_precedence, worst=1),
    Probe(name="unknown model", feeds=MODEL_NOT_FOUND, conversation=_unknown_model, worst=1),
    Probe(
        name="disabled model",
        feeds=MODEL_NOT_FOUND,
        conversation=_disabled_model,
        worst=1,
        needs=frozenset({"account:disabled"}),
    ),
)
