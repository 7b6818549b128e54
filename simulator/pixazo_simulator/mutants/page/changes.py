"""What a gateway does differently once a change of the page is in force."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any
from urllib.parse import urlsplit

import msgspec

from pixazo_simulator import spec
from pixazo_simulator.mutants.catalogue import find_mutant
from pixazo_simulator.mutants.edits import (
    accept,
    edit_replies,
    edit_requests,
    edit_webhooks,
    in_accepted,
    in_envelopes,
    in_submitted,
    in_webhooks,
    refuse_submits,
    submit_instead,
    with_members,
    with_status,
)
from pixazo_simulator.mutants.errors import names_model
from pixazo_simulator.mutants.members import Edit, put, rename, status_is, where
from pixazo_simulator.mutants.messages import (
    Context,
    Reply,
    Request,
    has_status,
    is_accepted,
    members_of,
    reads,
    submits,
)
from pixazo_simulator.mutants.mutant import Edits
from pixazo_simulator.mutants.parameters import VALID_IMAGE
from pixazo_simulator.webhooks import WebhookRequest

from .paths import GONE, added, around_id, found, is_url, moved, updated
from .rules import RULES

NOWHERE = "/v0"
"""What leads to no route when a path begins with it: no model has this name."""
VALID = {"prompt": "A video", "first_frame_image": VALID_IMAGE, "duration": 6, "resolution": spec.RESOLUTIONS[0]}
KNOWN = {"duration": spec.DURATIONS, "resolution": spec.RESOLUTIONS}
"""Values that the simulator takes where the page has no rule."""
CLASHES = {"duration": ("resolution", "1080P"), "resolution": ("duration", 10)}
WITHOUT_BODY = ("204", "205", "304")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.(\d+))?(Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChange:
    """One change of meaning, as `pixazo_contracts.pages.Change` has it: of one operation, or of all if it is empty.

    What has another name has the new one in `to`; in a sample it is the path of a member.
    """

    operation: str
    part: str
    name: str
    attribute: str = ""
    before: Any = None
    after: Any = None
    to: str = ""


def edits_for(change: PageChange) -> Edits | str:
    """The edits of a gateway after a change, or why there is nothing to try."""
    if change.part not in _PARTS:
        return _REASONS.get(change.part, "no answer of the gateway depends on it")
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


def _nowhere(request: Request) -> Request:
    return request.at(f"{NOWHERE}{request.path}")


def _relocated(old: tuple[str, str], new: tuple[str, str] | None, *, both: bool = False) -> Edits:
    """Serve what has one path at another, or nowhere; `both`: at the old one, too."""

    def edited(request: Request, _: Context) -> Request:
        if new and (path := moved(request.path, new, old)):
            return request.at(path)
        return _nowhere(request) if not both and moved(request.path, old, old) else request

    return Edits(request=edited)


def _operation(change: PageChange) -> Edits | str:
    if change.after is not None:
        return "nobody calls a new operation yet"
    return _relocated((str(change.before).partition(" ")[2], ""), None)


def _request(change: PageChange) -> Edits | str:
    before, after = str(change.before), str(change.after)
    match change.name:
        case "path":
            return _relocated((before, ""), (after, ""))
        case "base URL" if urlsplit(before).path != urlsplit(after).path:
            return _relocated((f"{urlsplit(before).path}/", ""), (f"{urlsplit(after).path}/", ""))
        case "base URL" | "host":
            return _other_host(before, lambda request: submits(request, change.operation or None))
        case "method":
            paths = [path for path, each in spec.SUBMIT_PATHS.items() if change.operation in ("", each.name)]
            return _other_method(before, after, lambda request: request.path in paths)
        case "model id" if re.fullmatch(r"[\w.-]+", after):
            return _other_ids(f"{before}_", f"{after}_")
    return "the page no longer says it in a way that can be read"


def _status_route(change: PageChange) -> Edits | str:
    if change.name.startswith("header "):
        return _header(change)
    before, after = str(change.before), str(change.after)
    match change.name:
        case "path":
            old, new = around_id(before), around_id(after)
            return _relocated(old, new) | in_accepted(_at("polling_url", lambda url: _url_at(url, old, new)))
        case "host":
            return _other_host(before, reads)
        case _:
            return _other_method(before, after, lambda request: request.path.startswith(spec.STATUS_PATH))


def _other_host(old: str, when: Callable[[Request], bool]) -> Edits:
    """Serve nothing at the old host; the simulator's own address is no host of the page."""
    host = urlsplit(old).netloc.casefold()
    return edit_requests(
        lambda request: when(request) and (request.header("host") or "").casefold() == host,
        lambda request, _: _nowhere(request),
    )


def _other_method(old: str, new: str, when: Callable[[Request], bool]) -> Edits:
    def edited(request: Request, _: Context) -> Request:
        return request.at(request.path, old) if request.method == new else _nowhere(request)

    return edit_requests(when, edited)


def _other_ids(old: str, new: str) -> Edits:
    """Ids begin with another model id, in bodies and paths."""

    def body(body: bytes) -> bytes:
        return body.replace(old.encode(), new.encode())

    def path(request: Request, _: Context) -> Request:
        if not request.path.startswith((spec.STATUS_PATH, "/v1/")):
            return request
        return request.at(request.path.replace(new, old)) if new in request.path else _nowhere(request)

    def reply(_: Request, reply: Reply, __: Context) -> Reply:
        return reply.with_body(body(reply.body)) if reply.is_json else reply

    return Edits(request=path, reply=reply) | edit_webhooks(
        lambda webhook, _: msgspec.structs.replace(webhook, body=body(webhook.body))
    )


# Headers


def _header(change: PageChange) -> Edits | str:
    name = change.name.removeprefix("header ")
    operation = change.operation or None
    if change.to:
        scope = {"header": submits, "status route": reads}.get(change.part, lambda _: True)
        return edit_requests(scope, lambda request, _: _renamed(request, name, change.to))
    if change.after is None or change.part == "status route":
        return "what the gateway does with or without it is not said"
    if change.before is None:
        return refuse_submits(
            lambda request: submits(request, operation) and not request.header(name), f"{name} is missing."
        )
    if change.part == "authentication":
        return "what it asks for of a key is not said"
    old = str(change.before)
    return refuse_submits(
        lambda request: submits(request, operation) and (request.header(name) or "").startswith(old),
        f"{name} must be {change.after}.",
    )


def _renamed(request: Request, old: str, new: str) -> Request:
    """The request as if its header `new` were `old`; one that is called `old` counts as absent."""
    given = request.header(new)
    return request.without_header(old) if given is None else request.with_header(old, given)


def _webhook(change: PageChange) -> Edits | str:
    if change.before is None:
        return "no caller sends it yet"
    return edit_requests(submits, lambda request, _: _renamed(request, str(change.before), str(change.after)))


# Status codes and words


def _code(change: PageChange) -> Edits | str:
    if not change.to:
        return "when the gateway sends it, or what instead, is not said"
    return _other_code(change.name, change.to)


def _other_code(old: str, new: str) -> Edits | str:
    if not re.fullmatch(r"[2-5]\d\d", old) or not re.fullmatch(r"[2-5]\d\d", new) or new in WITHOUT_BODY:
        return "it is no status code that a response with a body can have"
    return edit_replies(is_accepted if old == "202" else has_status(int(old)), with_status(int(new)))


def _status(change: PageChange) -> Edits | str:
    if change.to:
        return _other_word(change.name, change.to)
    if change.before is None:
        return _other_word("PROCESSING" if change.attribute == "running" else "FAILED", change.name)
    if change.after is None:  # the state reads as its neighbour
        other = _NEIGHBOURS.get(change.name)
        return _other_word(change.name, other) if other else "what there is instead is not said"
    return "what it commits to is no answer of the gateway"


def _other_word(old: str, new: str) -> Edits:
    edit = where(status_is(old), put("status", new))
    return in_envelopes(edit) | (in_accepted(edit) if old == "QUEUED" else Edits())


def _flow(change: PageChange) -> Edits | str:
    """`before` has the arrows that are gone, `after` those that came."""
    gone, came = set(change.before), set(change.after)
    names = {name for arrow, name in _ARROWS.items() if arrow in came}
    names |= {"processing-skipped"} if ("QUEUED", "PROCESSING") in gone and came <= set(_ARROWS) else set()
    edits = [find_mutant(name).edits for name in sorted(names)]
    unreached = {word for _, word in gone} - {word for _, word in came}
    edits += [_other_word(word, _NEIGHBOURS[word]) for word in ("FAILED", "ERROR") if word in unreached]
    return reduce(or_, edits) if edits else "the status values say what is in its place"


_NEIGHBOURS = {"QUEUED": "PROCESSING", "PROCESSING": "QUEUED", "FAILED": "ERROR", "ERROR": "FAILED"}
_ARROWS = {
    ("QUEUED", "COMPLETED"): "processing-skipped", ("QUEUED", "FAILED"): "error-from-queued", ("QUEUED", "ERROR"): "error-from-queued",
    ("PROCESSING", "QUEUED"): "processing-falls-back", ("COMPLETED", "FAILED"): "completed-turns-failed",
}  # fmt: skip


# Members of envelopes and errors


def _at(path: str, edit: Callable[[Any], Any]) -> Edit:
    return lambda members, _: updated(members, path, edit)


def _moved_member(old: str, new: str) -> Edit:
    def edited(members: dict[str, Any], _: Context) -> dict[str, Any]:
        value = found(members, old)
        if value is GONE:
            return members
        result: dict[str, Any] = added(updated(members, old.removesuffix("[]"), lambda _: GONE), new, value)
        return result

    return edited


def _field(change: PageChange) -> Edits | str:
    def everywhere(edit: Edit) -> Edits:
        return in_accepted(edit) | in_envelopes(edit)

    name = change.name
    if change.to:
        return everywhere(_moved_member(name, change.to))
    if change.attribute == "type":
        return everywhere(_at(name, lambda value: _retyped(value, str(change.after))))
    if change.attribute:
        return "a description is no answer of the gateway"
    if change.after is None:
        return everywhere(_at(name, lambda _: GONE))
    of_type = str(change.after).split(" | ")[1:2]
    return in_envelopes(lambda members, _: added(members, name, _retyped("text", "".join(of_type))))


def _retyped(value: Any, types: str) -> Any:
    """A value as one of another type; null where that is among them."""
    if "null" in types:
        return None
    if value is None:
        return None if not types.strip() else _retyped("", types)
    match re.sub(r"[^a-z].*", "", types.casefold()):
        case "string":
            return (
                value
                if isinstance(value, str)
                else str(value[0])
                if isinstance(value, list) and value
                else json.dumps(value)
            )
        case "array" | "list":
            return value if isinstance(value, list) else [value]
        case "object":
            return value if isinstance(value, dict) else {"value": value}
        case "integer" | "number" | "float" | "int":
            return reformatted(value, "0") if isinstance(value, str) and _STAMP.fullmatch(value) else 1
        case "boolean" | "bool":
            return bool(value)
        case _:
            return value


def _sample(change: PageChange) -> Edits | str:
    section, _, code = (
        change.name.partition(" errors ") if " errors " in change.name else change.name.partition(" responses ")
    )
    if code and not change.attribute:
        return _other_code(code[:3], change.to[-3:]) if change.to else "when the gateway sends it is not said"
    wheres: dict[str, Callable[[Edit], Edits]] = {
        "accepted": in_accepted,
        "response (completed)": lambda edit: in_envelopes(where(status_is("COMPLETED"), edit)),
        "error via status/webhook": lambda edit: in_envelopes(where(status_is("FAILED", "ERROR"), edit)),
        "webhook": in_webhooks,
        "queue system": lambda edit: _in_errors(code, edit),
        "error": lambda edit: _in_errors(code, edit),
    }
    if section not in wheres or not change.attribute or (change.attribute == "label" and code):
        return "which message it is a sample of is not said"
    return _member(change, wheres[section])


def _in_errors(code: str, edit: Edit) -> Edits:
    """Of those with 400 the page prints the one about the model."""
    is_code = has_status(int(code[:3])) if re.fullmatch(r"\d{3}( \d+)?", code) else has_status()
    return edit_replies(names_model if code[:3] == "400" else is_code, with_members(edit))


def _member(change: PageChange, where_: Callable[[Edit], Edits]) -> Edits | str:
    path, before, after = change.attribute, change.before, change.after
    if change.to:
        return where_(_moved_member(path, change.to))
    if after is None:
        return where_(_at(path.removesuffix("[]"), lambda _: GONE))
    if before is None:
        return where_(lambda members, _: added(members, path, _literal(after)))
    if is_url(before) and is_url(after):
        return _other_url(path, before, after, where_)
    if _STAMP.fullmatch(before):
        return in_envelopes(_at(path, lambda value: reformatted(value, after) if isinstance(value, str) else value))
    if around_id(before)[1:] == around_id(after)[1:] == ("",) and around_id(before)[0] == "":
        return "it follows from the model id"
    if path == "status":
        return where_(_at(path, lambda value: after if value == before else value))
    return where_(_at(path, lambda _: _literal(after)))


def _literal(text: str) -> Any:
    """The JSON value whose text this is."""
    if text in ("None", "True", "False"):
        return {"None": None, "True": True, "False": False}[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _other_url(path: str, before: str, after: str, where_: Callable[[Edit], Edits]) -> Edits | str:
    """URLs name another host or path. What is served at a new path is served at the old one, too."""
    old, new = urlsplit(before), urlsplit(after)
    was, now = around_id(old.path), around_id(new.path)
    if old.netloc == new.netloc and was == now:
        return "it follows from the model id"

    def edited(url: Any) -> Any:
        if not isinstance(url, str):
            return url
        parts = urlsplit(_url_at(url, was, now))
        if old.netloc == new.netloc:
            return parts.geturl()
        # The simulator's own address gets another name under which it answers, too.
        own = f"localhost:{parts.port}" if parts.port else "localhost"
        return parts._replace(netloc=new.netloc if parts.netloc == old.netloc else own).geturl()

    return where_(_at(path, edited)) | (_relocated(was, now, both=True) if was != now else Edits())


def _url_at(url: Any, old: tuple[str, str], new: tuple[str, str]) -> str:
    parts = urlsplit(str(url))
    return parts._replace(path=moved(parts.path, old, new) or parts.path).geturl()


def reformatted(value: str, sample: str) -> Any:
    """A timestamp in the form of a sample: another number of decimals, another zone, or a number since 1970."""
    moment = datetime.fromisoformat(value)
    if re.fullmatch(r"\d+(\.\d+)?", sample):
        return round(moment.timestamp() * (1000 if float(sample) > 1e11 else 1))
    form = _STAMP.fullmatch(sample)
    if form is None:
        return sample
    if form[2] not in (None, "Z"):
        moment = moment.astimezone(datetime.fromisoformat(sample).tzinfo)
    text = moment.strftime(f"%Y-%m-%d{sample[10]}%H:%M:%S")
    decimals = f".{moment.microsecond:06}"[: len(form[1]) + 1] if form[1] else ""
    zone = moment.isoformat()[-6:] if form[2] not in (None, "Z") else form[2] or ""
    return f"{text}{decimals}{zone}"


# Parameters


def _parameter(change: PageChange) -> Edits | str:
    name, after = change.name, change.after
    match change.attribute:
        case "" if change.to:
            needs = _is_required(after)
            return (
                _refused(change, lambda given: name in given, f"{name} is not a parameter.")
                | _refused(
                    change,
                    lambda given: needs and name not in given and given.get(change.to) is None,
                    f"{change.to} is required.",
                )
                | in_submitted(change.operation or None, rename(change.to, name))
            )
        case "" if after is None:
            return _refused(change, lambda given: name in given, f"{name} is not a parameter.") | _filled(change)
        case "" | "required" if (change.attribute and after is True) or _is_required(after):
            return _refused(change, lambda given: given.get(name) is None, f"{name} is required.")
        case "":
            return "no caller has to send it"
        case "required":
            return _filled(change)
        case "default" if after is not None:
            return submit_instead(change.operation or None, name, _literal(after), unless=CLASHES.get(name, ("", "")))
        case attribute if attribute in RULES:
            return _ruled(change)
    return "what it says cannot be tried on the wire"


def _is_required(row: Any) -> bool:
    return isinstance(row, str) and row.split(" | ")[1:2] == ["Yes"]


def _refused(change: PageChange, when: Callable[[dict[str, Any]], bool], message: str) -> Edits:
    def concerns(request: Request) -> bool:
        given = request.members() if submits(request, change.operation or None) else None
        return given is not None and when(given)

    return refuse_submits(concerns, message)


def _filled(change: PageChange) -> Edits:
    """A parameter that is missing is not asked for."""
    name = change.name
    if name not in ("prompt", "first_frame_image"):
        return Edits()
    return in_submitted(change.operation or None, where(lambda given: given.get(name) is None, put(name, VALID[name])))


def _ruled(change: PageChange) -> Edits:
    """Refuse what breaks the new rule; accept what breaks the old one only."""
    name, before, after = change.name, change.before, change.after
    follows = RULES[change.attribute]
    valid = VALID.get(name)

    def breaks(value: Any) -> bool:
        return value is not None and after is not None and not follows(after, value)

    def is_new(value: Any) -> bool:
        if breaks(value) or (change.attribute != "type" and valid is not None and type(value) is not type(valid)):
            return False
        return value not in KNOWN.get(name, (value,)) if before is None else not follows(before, value)

    message = f"{name}: {change.attribute.replace('_', ' ')} must be {after}."

    def instead(value: Any) -> Any:
        return value[: spec.PROMPT_LIMIT] if name == "prompt" and isinstance(value, str) else valid

    return _refused(change, lambda given: breaks(given.get(name)), message) | accept(
        change.operation or None, name, is_new, instead
    )


_PARTS: dict[str, Callable[[PageChange], Edits | str]] = {
    "operation": _operation, "request": _request, "status route": _status_route, "header": _header, "authentication": _header,
    "webhook": _webhook, "code": _code, "status": _status, "status flow": _flow, "field": _field, "sample": _sample, "parameter": _parameter,
}  # fmt: skip
_REASONS = {
    "polling": "how often to poll is advice to callers", "price": "no answer of the gateway has a price",
    "sentence": "what a sentence asks of the gateway has to be read by a person", "not understood": "it was not understood",
}  # fmt: skip
