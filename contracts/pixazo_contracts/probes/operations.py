"""The steps from which probes are made: submit, read, poll, follow, download."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from pixazo_contracts.trace import MODEL_BASE, STATUS_BASE, TERMINAL, host_is_loopback, is_array, is_object

from .conversation import Send, pause, send, together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pixazo_contracts.trace import Exchange, Intent

    from .conversation import Placement, Setting, Talk


#: The headers of the samples, the key aside; and the one that a JSON body needs.
PRINTED_HEADERS: Final = (("Content-Type", "application/json"), ("Cache-Control", "no-cache"))
BODY_ONLY: Final = (("Content-Type", "application/json"),)

#: Polls that are given up: after so many refused for the key, and so many that find nothing.
MOST_REFUSED = 3
MOST_MISSING = 40


def encode(members: Mapping[str, object]) -> bytes:
    """A JSON body in UTF-8, non-ASCII characters as themselves."""
    return json.dumps(members, ensure_ascii=False).encode()


def submit_send(
    operation: str,
    body: Mapping[str, object] | bytes,
    *,
    case: str,
    aims: tuple[str, ...] = (),
    intent: Intent = "any",
    account: str = "default",
    headers: tuple[tuple[str, str], ...] = PRINTED_HEADERS,
) -> Send:
    """A submit that is not sent yet."""
    return Send(
        operation=operation,
        method="POST",
        url=f"{MODEL_BASE}/{operation}",
        case=case,
        aims=aims,
        intent=intent,
        account=account,
        headers=headers,
        body=body if isinstance(body, bytes) else encode(body),
    )


def submit(
    operation: str,
    body: Mapping[str, object] | bytes,
    *,
    case: str,
    aims: tuple[str, ...] = (),
    intent: Intent = "any",
    account: str = "default",
    headers: tuple[tuple[str, str], ...] = PRINTED_HEADERS,
) -> Talk[Exchange]:
    """Submit a body to `generate` or `imageToVideo`."""
    return send(submit_send(operation, body, case=case, aims=aims, intent=intent, account=account, headers=headers))


def read_send(
    request_id: str,
    *,
    case: str = "poll",
    aims: tuple[str, ...] = (),
    account: str = "default",
    placement: Placement = "header",
    reader: str = "",
) -> Send:
    """A status read that is not sent yet."""
    return Send(
        operation="status",
        url=f"{STATUS_BASE}{request_id}",
        case=case,
        aims=aims,
        account=account,
        placement=placement,
        reader=reader,
        request_id=request_id,
    )


def read(
    request_id: str,
    *,
    case: str = "poll",
    aims: tuple[str, ...] = (),
    account: str = "default",
    placement: Placement = "header",
) -> Talk[Exchange]:
    """Read a status once."""
    return send(read_send(request_id, case=case, aims=aims, account=account, placement=placement))


def _hopeless(reads: Sequence[Exchange]) -> bool:
    """Whether further reads would only say the same: the key is refused, or nothing is found."""
    refused = [read for read in reads[-MOST_REFUSED:] if read.status in {401, 403}]
    missing = [read for read in reads[-MOST_MISSING:] if read.status == 404]
    return len(refused) == MOST_REFUSED or len(missing) == MOST_MISSING


def poll(setting: Setting, accepted: Exchange, *, pace: float | None = None, readers: int = 1) -> Talk[Exchange | None]:
    """Read an accepted request until it ends or the deadline passes; answers the read that showed the end, or None.

    Several readers read at once, on connections of their own.
    """
    request_id = accepted.accepted_id
    history: list[Exchange] = []
    while request_id is not None:
        sends = [read_send(request_id, account=accepted.account, reader=f"reader {n + 1}") for n in range(readers)]
        reads = yield from together(*sends)
        history.extend(reads)
        for end in reads:
            if end.state in TERMINAL:
                return end
        if reads[-1].finished - accepted.finished >= setting.profile.deadline or _hopeless(history):
            return None
        yield from pause(setting.profile.pace if pace is None else pace)
    return None


def follow(setting: Setting, accepted: Sequence[Exchange], *, pace: float | None = None) -> Talk[dict[str, Exchange]]:
    """Poll several accepted requests side by side until all have ended; answers the ends by request id."""
    running = {exchange.accepted_id: exchange for exchange in accepted if exchange.accepted_id is not None}
    ends: dict[str, Exchange] = {}
    polls = 0
    while running:
        reads = yield from together(*(read_send(request_id, account=e.account) for request_id, e in running.items()))
        polls += 1
        for exchange in reads:
            request_id = str(exchange.request_id)
            late = exchange.finished - running[request_id].finished >= setting.profile.deadline
            lost = exchange.status in {401, 403, 404} and polls > MOST_MISSING
            if exchange.state in TERMINAL:
                ends[request_id] = exchange
            if exchange.state in TERMINAL or late or lost:
                del running[request_id]
        if running:
            yield from pause(setting.profile.pace if pace is None else pace)
    return ends


def media_urls(end: Exchange) -> list[str]:
    """The media URLs of a completed answer; a bare string counts as one."""
    output = end.members.get("output")
    value = output.get("media_url") if is_object(output) else None
    return [entry for entry in (value if is_array(value) else [value]) if isinstance(entry, str)]


def _may_fetch(setting: Setting, url: str) -> bool:
    """Whether a media URL may be fetched: a target on this machine never sends us elsewhere unless its profile says so."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or parts.hostname is None:
        return False
    if setting.profile.loopback:
        return host_is_loopback(parts.hostname) or parts.hostname in setting.profile.media_hosts
    return parts.scheme == "https"


def download_send(request_id: str, url: str, *, case: str = "download", aims: tuple[str, ...] = ()) -> Send:
    """A download without a key that is not sent yet."""
    return Send(operation="media", url=url, case=case, aims=aims, account="", request_id=request_id)


def download(setting: Setting, end: Exchange | None) -> Talk[list[Exchange]]:
    """Fetch every medium of a completed generation, without a key."""
    fetched: list[Exchange] = []
    if end is None or end.state != "COMPLETED" or end.request_id is None:
        return fetched
    for url in media_urls(end):
        absolute = urljoin(f"{setting.profile.origin}/", url) if setting.profile.loopback else url
        if _may_fetch(setting, absolute):
            fetched.append((yield from send(download_send(end.request_id, absolute))))
    return fetched
