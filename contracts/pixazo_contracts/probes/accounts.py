"""Probes that need an account in a special state, or a prompt known to end badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pixazo_contracts.trace import whole_number

from .conversation import Hook, Probe, Send, await_callbacks, hook, pause, send
from .family import PRINTED, PROMPT
from .steps import PRINTED_HEADERS, encode, poll, read, submit
from .unknown_ids import unknown_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from pixazo_contracts.trace import Exchange

    from .conversation import Setting, Talk


#: A failing generation may be short, so it is read this many times as often as others.
QUICKER = 4.0

#: The longest Retry-After that a run sits out, in seconds.
LONGEST_WAIT = 60


def _hook_headers(setting: Setting, name: str) -> Talk[tuple[tuple[str, str], ...]]:
    """The printed headers, with a URL at our receiver where there is one."""
    if "receiver" not in setting.profile.capabilities:
        return PRINTED_HEADERS
    url = yield from hook(Hook(name))
    return (*PRINTED_HEADERS, ("X-Webhook-URL", url))


def _bad_prompt(kind: str) -> Callable[[Setting], Talk[None]]:
    """A generation known to end badly, called back where that is possible."""

    def talk(setting: Setting) -> Talk[None]:
        headers = yield from _hook_headers(setting, kind)
        body = {"prompt": setting.prompts[kind]}
        accepted = yield from submit("generate", body, case=f"{kind}-prompt", intent="accept", headers=headers)
        pace = setting.profile.pace / QUICKER if not setting.limited else None
        end = yield from poll(setting, accepted, pace=pace)
        if end is not None and len(headers) > len(PRINTED_HEADERS):
            yield from await_callbacks(headers[-1][1], 1, setting.profile.settle)
            yield from read(str(accepted.accepted_id), case="again")

    return talk


def _recovery(setting: Setting) -> Talk[None]:
    """A throttle that ends: refused, then asked again once the stated wait is over."""
    request_id = unknown_id(setting.run, "recovering")
    refused = yield from read(request_id, case="throttled read", aims=("ERR-429-04",), account="recovering")
    wait = whole_number(refused.header("retry-after"))
    if refused.status == 429 and wait is not None and wait <= LONGEST_WAIT:
        yield from pause(wait + setting.profile.pace)
        yield from read(request_id, case="read after the wait", aims=("ERR-429-04",), account="recovering")


def _valid(
    account: str, case: str, aims: tuple[str, ...], headers: tuple[tuple[str, str], ...] = PRINTED_HEADERS
) -> Talk[Exchange]:
    """A submit with which nothing is wrong but the account."""
    body = {"prompt": PROMPT, **PRINTED}
    return submit("generate", body, case=case, aims=aims, intent="refuse", account=account, headers=headers)


def _refused(account: str, aims: tuple[str, ...]) -> Callable[[Setting], Talk[None]]:
    """What an account in a bad state is told: about a valid body, alone and with a webhook, about one without a prompt.

    The last of the aims is the one on which a webhook bears.
    """

    def talk(setting: Setting) -> Talk[None]:
        headers = yield from _hook_headers(setting, account)
        yield from _valid(account, f"{account} account", aims)
        if len(headers) > len(PRINTED_HEADERS):
            yield from _valid(account, f"{account} account, webhook", aims[-1:], headers)
        no_prompt = f"{account} account, no prompt"
        yield from submit("generate", PRINTED, case=no_prompt, aims=("ERR-PREC-01",), intent="refuse", account=account)

    return talk


def _empty_reads(setting: Setting) -> Talk[None]:
    request_id = unknown_id(setting.run, "empty")
    yield from read(request_id, case="unknown id with an empty wallet", aims=("ERR-402-04",), account="empty")


def _precedence(_: Setting) -> Talk[None]:
    yield from submit("generate", {}, case="no key, no prompt", aims=("ERR-PREC-01",), intent="refuse", account="")
    yield from submit(
        "generate", {}, case="unknown key, no prompt", aims=("ERR-PREC-01",), intent="refuse", account="unknown"
    )


def _unknown_model(_: Setting) -> Talk[None]:
    yield from send(
        Send(
            operation="other",
            method="POST",
            url="/no-such-model/v1/generate",
            case="no-such-model",
            aims=("ERR-400-02",),
            intent="refuse",
            headers=PRINTED_HEADERS,
            body=encode({"prompt": PROMPT, **PRINTED}),
        )
    )


def _disabled_model(_: Setting) -> Talk[None]:
    yield from _valid("disabled", "disabled model", ("ERR-400-02",))


def _account(role: str, *aims: str, feeds: tuple[str, ...] = (), counted: int = 0) -> Probe:
    """`counted`: its refusal is none that gives a reservation back."""
    return Probe(
        name=f"{role} account",
        feeds=(*aims, *feeds),
        talk=_refused(role, aims),
        worst=1,
        expected=counted,
        needs=frozenset({f"account:{role}"}),
    )


PROBES = (
    Probe(
        name="failed prompt",
        feeds=("FAIL-01", "FAIL-02", "FAIL-04", "FAIL-05", "FLOW-04", "WEBHOOK-07"),
        talk=_bad_prompt("failed"),
        worst=1,
        expected=1,
        needs=frozenset({"prompt:failed"}),
    ),
    Probe(
        name="error prompt",
        feeds=("FAIL-03", "FAIL-04", "FAIL-05", "FLOW-04", "WEBHOOK-07"),
        talk=_bad_prompt("error"),
        worst=1,
        expected=1,
        needs=frozenset({"prompt:error"}),
    ),
    _account("empty", "ERR-402-01", "ERR-402-03", feeds=("ERR-402-02", "ERR-PREC-01")),
    _account("throttled", "ERR-429-01", "ERR-429-02", feeds=("ERR-429-03", "ERR-429-04", "ERR-PREC-01"), counted=1),
    Probe(name="recovering account", feeds=("ERR-429-04",), talk=_recovery, needs=frozenset({"account:recovering"})),
    _account("broken", "ERR-500-02", counted=1),
    _account("suspended", "AUTH-09", feeds=("ERR-PREC-01",)),
    Probe(name="empty wallet, reads", feeds=("ERR-402-04",), talk=_empty_reads, needs=frozenset({"account:empty"})),
    Probe(name="precedence", feeds=("ERR-PREC-01",), talk=_precedence, worst=1),
    Probe(name="unknown model", feeds=("ERR-400-02", "ERR-400-03"), talk=_unknown_model, worst=1),
    Probe(
        name="disabled model",
        feeds=("ERR-400-02", "ERR-400-03"),
        talk=_disabled_model,
        worst=1,
        needs=frozenset({"account:disabled"}),
    ),
)
