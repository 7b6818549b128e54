"""Gateways as a later version of the page would have them: the edits of one change of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from email import message_from_bytes
from functools import reduce
from typing import Any
from urllib.parse import urlsplit

from pixazo_simulator import spec
from pixazo_simulator.mutants.catalogue import find_mutant
from pixazo_simulator.mutants.edits import edit_requests, in_accepted, in_envelopes, in_json, refuse_submits
from pixazo_simulator.mutants.members import put
from pixazo_simulator.mutants.messages import Context, Reply, Request, is_accepted, members_of, reads, submits
from pixazo_simulator.mutants.mutant import Edits
from pixazo_simulator.spec import KEY_HEADER
from pixazo_simulator.webhooks import WebhookRequest

from .parameters import parameter_edits
from .samples import (
    PageChange,
    around_id,
    at,
    field_edits,
    literal,
    nowhere,
    other_code,
    relocated,
    sample_edits,
    url_at,
)

__all__ = ["PageChange", "edits_for"]

FORM = "multipart/form-data"


def edits_for(change: PageChange) -> Edits | str:
    """The edits of a gateway after a change, or why there is nothing to try."""
    if change.part not in _PARTS:
        return _REASONS.get(change.part, "no response of the gateway depends on it")
    edits = _PARTS[change.part](change)
    return edits if isinstance(edits, str) or not change.operation else _of(change.operation, edits)


def _of(operation: str, edits: Edits) -> Edits:
    """Edit replies and webhooks only about generations of one operation."""

    def reply(request: Request, reply: Reply, context: Context) -> Reply:
        if is_accepted(request, reply):
            context.memory.put(submits(request, operation), "concerned", (reply.members() or {}).get("request_id"))
        concerned = context.memory.get("concerned", request.read_id or request.media_id)
        return edits.reply(request, reply, context) if concerned is not False and not _of_other(request) else reply

    def _of_other(request: Request) -> bool:
        return submits(request) and not submits(request, operation)

    def webhook(webhook: WebhookRequest, context: Context) -> tuple[WebhookRequest, ...]:
        known = context.memory.get("concerned", (members_of(webhook.body) or {}).get("request_id"))
        return (webhook,) if known is False else edits.webhook(webhook, context)

    return Edits(request=edits.request, reply=reply, webhook=webhook, policy=edits.policy, behaviour=edits.behaviour)


# Addresses


def _operation(change: PageChange) -> Edits | str:
    if change.after is not None:
        return "no client calls a new operation yet"
    return relocated((str(change.before).partition(" ")[2], ""), None)


def _request(change: PageChange) -> Edits | str:
    before, after = str(change.before), str(change.after)
    match change.name:
        case "path":
            return relocated((before, ""), (after, ""))
        case "base URL" if urlsplit(before).path != urlsplit(after).path:
            return relocated((f"{urlsplit(before).path}/", ""), (f"{urlsplit(after).path}/", ""))
        case "base URL" | "host":
            return _other_host(before, lambda request: submits(request, change.operation))
        case "method":
            paths = [path for path, each in spec.SUBMIT_PATHS.items() if change.operation in ("", each.name)]
            return _other_method(before, after, lambda request: request.path in paths)
        case "model id" if re.fullmatch(r"[\w.-]+", after):
            return _other_ids(f"{before}_", f"{after}_")
        case _:
            return "the page no longer says it in a readable way"


def _status_route(change: PageChange) -> Edits | str:
    before, after = str(change.before), str(change.after)
    match change.name:
        case "path":
            old, new = around_id(before), around_id(after)
            return relocated(old, new) | in_accepted(at("polling_url", lambda url: url_at(url, old, new)))
        case "host":
            return _other_host(before, reads)
        case _:
            return _other_method(before, after, lambda request: request.path.startswith(spec.STATUS_PATH))


def _other_host(old: str, when: Callable[[Request], bool]) -> Edits:
    """Serve nothing at the old host; the simulator's own address is not a host of the page."""
    host = urlsplit(old).netloc.casefold()
    return edit_requests(
        lambda request: when(request) and (request.header("host") or "").casefold() == host,
        lambda request, _: nowhere(request),
    )


def _other_method(old: str, new: str, when: Callable[[Request], bool]) -> Edits:
    def edited(request: Request, _: Context) -> Request:
        return request.at(request.path, old) if request.method == new else nowhere(request)

    return edit_requests(when, edited)


def _other_ids(old: str, new: str) -> Edits:
    """Ids begin with another model id, in bodies and paths."""

    def path(request: Request, _: Context) -> Request:
        if not request.path.startswith((spec.STATUS_PATH, "/v1/")):
            return request
        return request.at(request.path.replace(new, old)) if new in request.path else nowhere(request)

    return Edits(request=path) | in_json(lambda body: body.replace(old.encode(), new.encode()))


# Headers


def _header(change: PageChange) -> Edits | str:
    name, operation = change.name, change.operation
    if change.to:
        scopes: dict[str, Callable[[Request], bool]] = {"header": submits, "status route header": reads}
        scheme = scheme_of(change.after) if change.part == "header" else ""
        return edit_requests(
            scopes.get(change.part, lambda _: True), lambda request, _: _renamed(request, name, change.to, scheme)
        )
    if change.after is None or change.part == "status route header":
        return "the page does not say what the gateway does with or without it"
    if change.before is None:
        return refuse_submits(
            lambda request: submits(request, operation) and not request.header(name), f"{name} is missing."
        )
    if change.part == "authentication":
        return "the page does not say what it requires of a key"
    if name.casefold() == KEY_HEADER.casefold():
        scheme = scheme_of(change.after)
        return edit_requests(submits, lambda request, _: _renamed(request, name, name, scheme))
    old, new = str(change.before), str(change.after)
    refusal = refuse_submits(
        lambda request: submits(request, operation) and (request.header(name) or "").startswith(old),
        f"{name} must be {new}.",
    )
    return refusal if name.casefold() != "content-type" else _other_type(new, refusal)


def _other_type(new: str, refusal: Edits) -> Edits | str:
    """Bodies have another type: those of the old one are refused, those of the new one are read."""
    if not new.casefold().startswith(FORM):
        return "how a body of this type is written is not said"
    return refusal | edit_requests(submits, lambda request, _: _as_json(request))


def _as_json(request: Request) -> Request:
    """A submit whose body is a form, as the same one in JSON; any other as it is."""
    kind, operation = request.header("content-type") or "", request.operation
    if not kind.casefold().startswith(FORM) or operation is None:
        return request
    types = {each.name: each.type for each in operation.parameters}
    form = message_from_bytes(b"Content-Type: %s\r\n\r\n%s" % (kind.encode("latin-1", "replace"), request.body))
    members: dict[str, Any] = {}
    for part in form.walk():
        name, value = part.get_param("name", header="content-disposition"), part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            text = value.decode(errors="replace")
            members[name] = text if types.get(name, "string") == "string" else literal(text)
    return request.with_members(members).with_header("content-type", "application/json")


def _renamed(request: Request, old: str, new: str, scheme: str = "") -> Request:
    """The request as if its header `new` were `old`, without the scheme that the page demands; one that is called `old` counts as absent."""
    given = request.header(new)
    if given is not None and new.casefold() == "authorization" and not scheme:
        given = re.sub(r"(?i)^bearer +", "", given)  # whether the page wants the scheme cannot be told
    elif given is not None and scheme:
        first, _, rest = given.partition(" ")
        given = rest.strip() if first.casefold() == scheme.casefold() else None
    return request.without_header(old) if given is None else request.with_header(old, given)


def scheme_of(value: object) -> str:
    """The scheme before the key in an example of a header: `Bearer` of `Bearer YOUR_API_KEY`."""
    first, _, rest = str(value).partition(" ")
    return first if rest.strip() else ""


def _webhook(change: PageChange) -> Edits | str:
    if change.before is None:
        return "no caller sends it yet"
    return edit_requests(submits, lambda request, _: _renamed(request, str(change.before), str(change.after)))


# Status codes and words


def _code(change: PageChange) -> Edits | str:
    if not change.to:
        return "the page does not say when the gateway sends it, or what instead"
    return other_code(change.name, change.to)


def _status(change: PageChange) -> Edits | str:
    if change.to:
        return _other_word(change.name, change.to)
    if change.before is None:
        return _other_word("PROCESSING" if change.attribute == "running" else "FAILED", change.name)
    if change.after is None:  # a read of this state shows the neighbouring one
        other = _NEIGHBOURS.get(change.name)
        return _other_word(change.name, other) if other else "the page does not say what replaces it"
    return "what it promises is not a response of the gateway"


def _other_word(old: str, new: str) -> Edits:
    edit = put("status", new)
    return in_envelopes(edit, old) | (in_accepted(edit) if old == "QUEUED" else Edits())


def _flow(change: PageChange) -> Edits | str:
    """`before` has the arrows that were removed, `after` those that were added."""
    gone, came = set[str](change.before), set[str](change.after)
    names = {name for arrow, name in _ARROWS.items() if arrow in came}
    names |= {"processing-skipped"} if "QUEUED → PROCESSING" in gone and came <= set(_ARROWS) else set()
    unreached = {arrow.rpartition(" ")[2] for arrow in gone} - {arrow.rpartition(" ")[2] for arrow in came}
    edits = [find_mutant(name).edits for name in sorted(names)]
    edits += [_other_word(word, _NEIGHBOURS[word]) for word in ("FAILED", "ERROR") if word in unreached]
    return reduce(Edits.__or__, edits) if edits else "the status values say what replaces it"


_NEIGHBOURS = {"QUEUED": "PROCESSING", "PROCESSING": "QUEUED", "FAILED": "ERROR", "ERROR": "FAILED"}
_ARROWS = {
    "QUEUED → COMPLETED": "processing-skipped", "QUEUED → FAILED": "error-from-queued", "QUEUED → ERROR": "error-from-queued",
    "PROCESSING → QUEUED": "processing-falls-back", "COMPLETED → FAILED": "completed-turns-failed",
}  # fmt: skip


_PARTS: dict[str, Callable[[PageChange], Edits | str]] = {
    "operation": _operation, "request": _request, "status route": _status_route, "status route header": _header, "header": _header, "authentication": _header,
    "webhook": _webhook, "code": _code, "status": _status, "status flow": _flow, "field": field_edits, "sample": sample_edits, "parameter": parameter_edits,
}  # fmt: skip
_REASONS = {
    "polling": "how often to poll is advice to callers", "price": "no response of the gateway has a price",
    "sentence": "a person must read what a sentence requires of the gateway", "not understood": "it was not understood",
}  # fmt: skip
