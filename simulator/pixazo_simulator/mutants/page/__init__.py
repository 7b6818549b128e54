"""Gateways as a later version of the page would have them: the edits of one change of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from functools import reduce
from typing import Any, TypeGuard, cast
from urllib.parse import urlsplit

from pixazo_simulator import spec
from pixazo_simulator.mutants.access import moved, nowhere, relocated
from pixazo_simulator.mutants.catalogue import find_mutant, on_localhost
from pixazo_simulator.mutants.edits import *
from pixazo_simulator.mutants.mutant import *
from pixazo_simulator.mutants.submit import names_model
from pixazo_simulator.webhooks import WebhookRequest

from .parameters import PageChange, literal, parameter_edits

__all__ = ["PageChange", "edits_for"]

FORM = "multipart/form-data"
GONE = object()
"""No member; an edit that returns it leaves the member out."""
_ID = re.compile(r"\{[^}/]*\}|<[^>/]*>|(?<=/):\w+|[\w.-]+_[0-9a-fx]{4,}(?:-[0-9a-fx]{4,})*")
UNREADABLE = "the page no longer says it in a readable way"
WITHOUT_BODY = ("204", "205", "304")


def edits_for(change: PageChange) -> Edits | str:
    """The edits of a gateway after a change, or why there is nothing to try."""
    if change.part not in _PARTS:
        return _REASONS.get(change.part, "no response of the gateway depends on it")
    try:
        edits = _PARTS[change.part](change)
    except ValueError:  # such as a URL with a placeholder in brackets
        return UNREADABLE
    return edits if isinstance(edits, str) or not change.operation else _of(change.operation, edits)


def _of(operation: str, edits: Edits) -> Edits:
    """Edit replies and webhooks only about generations of one operation."""

    def reply(reply: Reply, context: Context) -> Reply:
        request = reply.request
        if is_accepted(reply):
            context.memory.put(submits(request, operation), "concerned", (reply.members() or {}).get("request_id"))
        known = context.memory.get("concerned", request.read_id or request.media_id)
        is_of_other = known is False or (submits(request) and not submits(request, operation))
        return reply if is_of_other else edits.reply(reply, context)

    def webhook(webhook: WebhookRequest, context: Context) -> tuple[WebhookRequest, ...]:
        known = context.memory.get("concerned", (members_of(webhook.body) or {}).get("request_id"))
        return (webhook,) if known is False else edits.webhook(webhook, context)

    return Edits(request=edits.request, reply=reply, webhook=webhook, policy=edits.policy, behaviour=edits.behaviour)


# Addresses


def around_id(path: str) -> tuple[str, str]:
    """What a path has before and after its id, without an extension."""
    before, _, after = _ID.sub("\0", path, count=1).partition("\0")
    return before, after.rpartition(".")[0] or after


def url_at(url: Any, old: tuple[str, str], new: tuple[str, str]) -> str:
    parts = urlsplit(str(url))
    return parts._replace(path=moved(parts.path, old, new) or parts.path).geturl()


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
            return UNREADABLE


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
    return edit_requests(
        when, lambda request, _: request.at(request.path, old) if request.method == new else nowhere(request)
    )


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
    if name.casefold() == spec.KEY_HEADER.casefold():
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


def other_code(old: str, new: str) -> Edits | str:
    if not re.fullmatch(r"[2-5]\d\d", old) or not re.fullmatch(r"[2-5]\d\d", new) or new in WITHOUT_BODY:
        return "it is not a status code that a response with a body can have"
    return edit_replies(is_accepted if old == "202" else has_status(int(old)), with_status(int(new)))


def _code(change: PageChange) -> Edits | str:
    why = "the page does not say when the gateway sends it, or what instead"
    return other_code(change.name, change.to) if change.to else why


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


# Members of bodies


def _keys(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+|\[\]", path)


def _found(value: Any, keys: list[str]) -> Any:
    """The first value at a path, or GONE."""
    if not keys:
        return value
    key, *rest = keys
    nexts = value if key == "[]" and is_list(value) else [members_in(value).get(key, GONE)]
    return next((each for inner in nexts if (each := _found(inner, rest)) is not GONE), GONE)


def _updated(value: Any, keys: list[str], edit: Callable[[Any], Any]) -> Any:
    if not keys:
        return edit(value)
    key, *rest = keys
    if key == "[]" and is_list(value):
        return [_updated(each, rest, edit) for each in value]
    members = members_in(value)
    if key not in members:
        return value
    changed = {**members, key: _updated(members[key], rest, edit)}
    return {name: member for name, member in changed.items() if member is not GONE}


def added(value: Any, path: str, new: object) -> Any:
    """The value with a member at a path; as it is where the object that would have it is null."""
    keys = _keys(path)
    is_null = len(keys) > 1 and members_in(value).get(keys[0], GONE) is None
    return value if is_null else _added(value, keys, new)


def _added(value: Any, keys: list[str], new: object) -> Any:
    if not keys:
        return new
    key, *rest = keys
    members = members_in(value)
    return [_added(None, rest, new)] if key == "[]" else {**members, key: _added(members.get(key), rest, new)}


def is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def members_in(value: Any) -> dict[str, Any]:
    """The members of a JSON value; none unless it is an object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def at(path: str, edit: Callable[[Any], Any]) -> Edit:
    return lambda members, _: _updated(members, _keys(path), edit)


def _moved_member(old: str, new: str) -> Edit:
    def edited(members: dict[str, Any], _: Context) -> dict[str, Any]:
        value = _found(members, _keys(old))
        if value is GONE:
            return members
        result: dict[str, Any] = added(_updated(members, _keys(old.removesuffix("[]")), lambda _: GONE), new, value)
        return result

    return edited


def field_edits(change: PageChange) -> Edits | str:
    def everywhere(edit: Edit) -> Edits:
        return in_accepted(edit) | in_envelopes(edit)

    name = change.name
    if change.to:
        return everywhere(_moved_member(name, change.to))
    if change.attribute == "type":
        return everywhere(at(name, lambda value: _retyped(value, str(change.after))))
    if change.attribute:
        return "a description is not a response of the gateway"
    if change.after is None:
        return everywhere(at(name, lambda _: GONE))
    of_type = str(change.after).split(" | ")[1:2]
    return in_envelopes(lambda members, _: added(members, name, _retyped("text", "".join(of_type))))


def _retyped(value: Any, types: str) -> Any:
    """A value as one of another type; null where that is among them."""
    if "null" in types:
        return None
    items = value if is_list(value) else [value]
    match re.sub(r"[^a-z].*", "", types.casefold()):
        case "string":
            first = items[0] if items else ""
            return first if isinstance(first, str) else json.dumps(first)
        case "array" | "list":
            return items
        case "object":
            return members_in(value) or {"value": value}
        case "integer" | "number" | "float" | "int":
            return 1
        case "boolean" | "bool":
            return bool(value)
        case _:
            return value


def sample_edits(change: PageChange) -> Edits | str:
    section, _, code = change.name.partition(" errors " if " errors " in change.name else " responses ")
    if code and not change.attribute:
        return other_code(code[:3], change.to[-3:]) if change.to else "the page does not say when the gateway sends it"
    wheres: dict[str, Callable[[Edit], Edits]] = {
        "accepted": in_accepted,
        "response (completed)": lambda edit: in_envelopes(edit, "COMPLETED"),
        "error via status/webhook": lambda edit: in_envelopes(edit, "FAILED", "ERROR"),
        "webhook": in_webhooks,
        "queue system": lambda edit: _in_errors(code, edit),
        "error": lambda edit: _in_errors(code, edit),
    }
    if section not in wheres or not change.attribute or (change.attribute == "label" and code):
        return "the page does not say which message it is a sample of"
    return _member(change, wheres[section])


def _in_errors(code: str, edit: Edit) -> Edits:
    """Of those with 400 the page prints the one about the model."""
    is_code = has_status(int(code[:3])) if re.fullmatch(r"\d{3}( \d+)?", code) else has_status()
    return edit_replies(names_model if code[:3] == "400" else is_code, in_members(edit))


def _member(change: PageChange, where_: Callable[[Edit], Edits]) -> Edits | str:
    path, before, after = change.attribute, change.before, change.after
    if change.to:
        return where_(_moved_member(path, change.to))
    if after is None:
        return where_(at(path.removesuffix("[]"), lambda _: GONE))
    if before is None:
        return where_(lambda members, _: added(members, path, literal(after)))
    if all(str(each).startswith(("http://", "https://")) for each in (before, after)):
        return _other_url(path, before, after, where_)
    if _is_timestamp(before):
        if not _is_timestamp(after):
            return "it has no format for a timestamp"
        return in_envelopes(at(path, lambda value: reformatted(value, after) if isinstance(value, str) else value))
    if around_id(before)[1:] == around_id(after)[1:] == ("",) and around_id(before)[0] == "":
        return "it follows from the model id"
    if path == "status":
        return where_(at(path, lambda value: after if value == before else value))
    return where_(at(path, lambda _: literal(after)))


def _other_url(path: str, before: str, after: str, where_: Callable[[Edit], Edits]) -> Edits | str:
    """URLs name another host or path. What is served at a new path is also served at the old one."""
    old, new = urlsplit(before), urlsplit(after)
    was, now = around_id(old.path), around_id(new.path)
    if old.netloc == new.netloc and was == now:
        return "it follows from the model id"

    def edited(url: Any) -> Any:
        if not isinstance(url, str):
            return url
        there = url_at(url, was, now)
        parts = urlsplit(there)
        if parts.netloc == old.netloc:
            return parts._replace(netloc=new.netloc).geturl()
        return there if old.netloc == new.netloc else on_localhost(there)

    return where_(at(path, edited)) | (relocated(was, now, both=True) if was != now else Edits())


def _is_timestamp(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) >= len("2026-03-31T10:00:00")


def reformatted(value: str, sample: str) -> str:
    """A timestamp in the form of a sample: with another number of decimals, or in another zone."""
    form = datetime.fromisoformat(sample)
    moment = datetime.fromisoformat(value).astimezone(form.tzinfo or UTC)
    decimals = re.search(r"\.\d+", sample)
    text = moment.replace(tzinfo=None).isoformat(sample[10], "microseconds" if decimals else "seconds")
    zone = "" if form.tzinfo is None else "Z" if sample.endswith("Z") else moment.isoformat()[-6:]
    return f"{text[: 19 + len(decimals[0]) if decimals else None]}{zone}"


_PARTS: dict[str, Callable[[PageChange], Edits | str]] = {
    "operation": _operation, "request": _request, "status route": _status_route, "status route header": _header, "header": _header, "authentication": _header,
    "webhook": _webhook, "code": _code, "status": _status, "status flow": _flow, "field": field_edits, "sample": sample_edits, "parameter": parameter_edits,
}  # fmt: skip
_REASONS = {
    "polling": "how often to poll is advice to callers", "price": "no response of the gateway has a price",
    "sentence": "a person must read what a sentence requires of the gateway", "not understood": "it was not understood",
}  # fmt: skip
