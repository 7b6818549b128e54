"""A change of the page, and what one of a sample or of the table of fields is: members by path, such as `output.media_url[]`, addresses, status codes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard, cast
from urllib.parse import urlsplit

from pixazo_simulator.mutants.edits import (
    edit_replies,
    in_accepted,
    in_envelopes,
    in_webhooks,
    with_members,
    with_status,
)
from pixazo_simulator.mutants.members import Edit
from pixazo_simulator.mutants.messages import Context, Request, has_status, is_accepted
from pixazo_simulator.mutants.mutant import Edits
from pixazo_simulator.mutants.submit import names_model

GONE = object()
"""No member; an edit that returns it leaves the member out."""
_ID = re.compile(r"\{[^}/]*\}|[\w.-]+_[0-9a-fx]{4,}(?:-[0-9a-fx]{4,})*")
NOWHERE = "/v0"
"""A path that begins with it has no route: no model has this name."""
WITHOUT_BODY = ("204", "205", "304")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageChange:
    """One change of meaning, as `pixazo_contracts.pages.Change` has it: of one operation, or of all if it is empty.

    Something renamed has its new name in `to`; in a sample it is the path of a member.
    """

    operation: str
    part: str
    name: str
    attribute: str = ""
    before: Any = None
    after: Any = None
    to: str = ""


# Members


def _keys(path: str) -> list[str]:
    return re.findall(r"[^.\[\]]+|\[\]", path)


def found(value: Any, path: str) -> Any:
    """The first value at a path, or GONE."""
    seen = list[Any]()
    updated(value, path, seen.append)
    return seen[0] if seen else GONE


def updated(value: Any, path: str, edit: Callable[[Any], Any]) -> Any:
    """The value with every member at a path edited."""
    return _updated(value, _keys(path), edit)


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
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def members_in(value: Any) -> dict[str, Any]:
    """The members of a JSON value; none unless it is an object."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def around_id(path: str) -> tuple[str, str]:
    """What a path has before and after its id, without an extension."""
    before, _, after = _ID.sub("\0", path, count=1).partition("\0")
    return before, after.rpartition(".")[0] or after


def moved(path: str, old: tuple[str, str], new: tuple[str, str]) -> str | None:
    """A path with another prefix and suffix around its id; None if it does not have the old one."""
    (before, after), (to, end) = old, new
    rest = path.removeprefix(before)
    if not path.startswith(before) or after not in rest:
        return None
    middle, _, extension = rest.rpartition(after) if after else (rest, "", "")
    return f"{to}{middle}{end}{extension}"


def is_url(text: object) -> bool:
    """Whether a string of the page is an absolute URL."""
    return isinstance(text, str) and urlsplit(text).scheme in ("http", "https")


# Addresses and status codes


def nowhere(request: Request) -> Request:
    return request.at(f"{NOWHERE}{request.path}")


def relocated(old: tuple[str, str], new: tuple[str, str] | None, *, both: bool = False) -> Edits:
    """Serve what has one path at another, or nowhere; `both`: at the old one, too."""

    def edited(request: Request, _: Context) -> Request:
        if new and (path := moved(request.path, new, old)):
            return request.at(path)
        return nowhere(request) if not both and moved(request.path, old, old) else request

    return Edits(request=edited)


def url_at(url: Any, old: tuple[str, str], new: tuple[str, str]) -> str:
    parts = urlsplit(str(url))
    return parts._replace(path=moved(parts.path, old, new) or parts.path).geturl()


def other_code(old: str, new: str) -> Edits | str:
    if not re.fullmatch(r"[2-5]\d\d", old) or not re.fullmatch(r"[2-5]\d\d", new) or new in WITHOUT_BODY:
        return "it is not a status code that a response with a body can have"
    return edit_replies(is_accepted if old == "202" else has_status(int(old)), with_status(int(new)))


# Samples and fields


def at(path: str, edit: Callable[[Any], Any]) -> Edit:
    return lambda members, _: updated(members, path, edit)


def _moved_member(old: str, new: str) -> Edit:
    def edited(members: dict[str, Any], _: Context) -> dict[str, Any]:
        value = found(members, old)
        if value is GONE:
            return members
        result: dict[str, Any] = added(updated(members, old.removesuffix("[]"), lambda _: GONE), new, value)
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
    section, _, code = (
        change.name.partition(" errors ") if " errors " in change.name else change.name.partition(" responses ")
    )
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
    return edit_replies(names_model if code[:3] == "400" else is_code, with_members(edit))


def _member(change: PageChange, where_: Callable[[Edit], Edits]) -> Edits | str:
    path, before, after = change.attribute, change.before, change.after
    if change.to:
        return where_(_moved_member(path, change.to))
    if after is None:
        return where_(at(path.removesuffix("[]"), lambda _: GONE))
    if before is None:
        return where_(lambda members, _: added(members, path, literal(after)))
    if is_url(before) and is_url(after):
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


def literal(text: str) -> Any:
    """The JSON value that this text encodes."""
    if text in ("None", "True", "False"):
        return {"None": None, "True": True, "False": False}[text]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _other_url(path: str, before: str, after: str, where_: Callable[[Edit], Edits]) -> Edits | str:
    """URLs name another host or path. What is served at a new path is also served at the old one."""
    old, new = urlsplit(before), urlsplit(after)
    was, now = around_id(old.path), around_id(new.path)
    if old.netloc == new.netloc and was == now:
        return "it follows from the model id"

    def edited(url: Any) -> Any:
        if not isinstance(url, str):
            return url
        parts = urlsplit(url_at(url, was, now))
        if old.netloc == new.netloc:
            return parts.geturl()
        # The simulator's own address gets another name, under which it also responds.
        own = f"localhost:{parts.port}" if parts.port else "localhost"
        return parts._replace(netloc=new.netloc if parts.netloc == old.netloc else own).geturl()

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
