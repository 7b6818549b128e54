"""Renders a webhook without secrets: as JSON, as a line of text, and as a line of a file from which it is read to be posted again."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Literal, cast

import msgspec
from msgspec import UNSET, UnsetType

from pixazo_html import encode_json
from pixazo_simulator import spec
from pixazo_simulator.control import responses

from .callback import SIGNATURE, Answer, Callback, KeptCallback, Verdict

MOST_SHOWN = 64 * 1024
"""Characters of a body that are shown."""
_SHORT, _LONG = 80, 400
"""Characters of a request id or status, and of a target, that a line shows."""

Tone = Literal["plain", "good", "bad", "notable"]


class ShownAnswer(responses.Body, frozen=True):
    """The response to a webhook."""

    time: str
    status: int
    milliseconds: int
    problem: str | None
    headers: dict[str, str]
    body: str


class ShownCallback(responses.Body, frozen=True):
    """A webhook, with the verdict on its signature and its responses so far; `size` is in bytes."""

    number: int
    time: str
    method: str
    path: str
    request_id: str | None
    status: str | None
    size: int
    times: int
    signature: Verdict
    headers: dict[str, str]
    body: str
    answers: list[ShownAnswer]


class CallbackPage(responses.Body, frozen=True):
    """The webhooks that are kept, oldest first, and the number of all that were received."""

    total: int
    callbacks: list[ShownCallback]


def to_json(value: responses.Body) -> str:
    """A body as one line of JSON in printable ASCII."""
    return json.dumps(msgspec.to_builtins(value))


def shown(entry: KeptCallback, most: int = MOST_SHOWN) -> ShownCallback:
    """A webhook with at most this many characters of each body."""
    callback = entry.callback
    redactor = spec.Redactor().with_request_secrets(callback.headers, callback.target)
    others = [(name, value) for name, value in callback.headers if name != SIGNATURE]
    signature = {SIGNATURE.decode(): value.decode("latin-1") for name, value in callback.headers if name == SIGNATURE}
    request_id, status = (
        None if each is None else redactor.text(spec.beginning(each, _SHORT)) for each in callback.subject
    )
    return ShownCallback(
        number=entry.number,
        time=spec.timestamp(callback.at),
        method=callback.method,
        path=redactor.text(spec.beginning(callback.target, _LONG)),
        request_id=request_id,
        status=status,
        size=len(callback.body),
        times=entry.times,
        signature=entry.verdict,
        headers=redactor.headers(others) | signature,
        body=_body(redactor, callback.body, most),
        answers=[_answer(redactor, each, most) for each in entry.answers],
    )


def _body(redactor: spec.Redactor, body: bytes, most: int) -> str:
    # At most 4 bytes per character (UTF-8): a long body is not decoded as a whole.
    return redactor.text(spec.beginning(body[: 4 * most + 4].decode(errors="backslashreplace"), most))


def _answer(redactor: spec.Redactor, answer: Answer, most: int) -> ShownAnswer:
    return ShownAnswer(
        time=spec.timestamp(answer.at),
        status=answer.status,
        milliseconds=answer.milliseconds,
        problem=answer.problem and redactor.text(answer.problem),
        headers=redactor.headers(answer.headers),
        body=_body(redactor, answer.body, most),
    )


def text_line(entry: KeptCallback, *, forwards: bool) -> tuple[str, Tone] | None:
    """The latest event of an entry (it arrived, got a response, or was sent again), and the tone of the line.

    Where nothing is forwarded, arrival and response are one line. Strings of the sender may contain control characters, which the caller escapes.
    """
    view = shown(entry, most=0)
    if forwards and view.answers:
        return _answered(view)
    if not forwards and not view.answers:
        return None
    parts = [
        f"#{view.number}",
        f"{view.time[11:19]}Z",
        f"{view.method} {view.path}",
        " ".join(filter(None, (view.status, view.request_id))),
        f"{view.size} bytes",
        f"again, {ordinal(view.times)} time" if view.times > 1 else "",
        view.signature.reason,
        *(f"answered {each.status}" for each in view.answers),
    ]
    is_bad = view.signature.verdict in ("wrong", "missing")
    return "  ".join(filter(None, parts)), "bad" if is_bad else "notable" if view.times > 1 else "plain"


def _answered(view: ShownCallback) -> tuple[str, Tone]:
    *before, latest = view.answers
    again = "sent again: " if before else ""
    said = f": {latest.problem}" if latest.problem else f" in {latest.milliseconds} ms"
    tone: Tone = "good" if spec.is_success(latest.status) else "bad"
    return f"#{view.number}  {again}answered {latest.status}{said}", tone


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    is_teen = number // 10 % 10 == 1
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    """A line of a file, which users may edit; the body is a string, or Base64 where its bytes are not UTF-8."""

    time: str = ""
    method: Literal["POST", "PUT"] = "POST"
    path: str = "/"
    headers: dict[str, str] = {}
    body: str | UnsetType = UNSET
    body_base64: bytes | UnsetType = UNSET


def saved_line(callback: Callback) -> bytes:
    """A webhook as one line of JSON, without secret headers. Headers of one name are joined (RFC 9110, 5.3).

    The body keeps every byte: its signature is verified, and its media are downloaded, when it is posted again.
    """
    redactor, headers = spec.Redactor().with_request_secrets(callback.headers, callback.target), dict[str, str]()
    for raw_name, value in callback.headers:
        name, text = raw_name.decode("latin-1"), value.decode("latin-1")
        if raw_name == SIGNATURE or not spec.is_secret(name):
            text = text if raw_name == SIGNATURE else redactor.text(text)
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
    method, path = cast("Literal['POST', 'PUT']", callback.method), redactor.text(callback.target)
    saved = _Saved(spec.timestamp(callback.at), method, path, headers)
    try:
        saved.body = callback.body.decode()
    except UnicodeDecodeError:
        saved.body_base64 = callback.body
    return encode_json(saved) + b"\n"


def read_saved(lines: Iterable[bytes]) -> Iterator[Callback]:
    """The webhooks of a file; empty lines are skipped. Raises ValueError that begins with the number of an invalid line."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                yield _callback(line.strip())
            except (spec.InvalidDataError, ValueError) as error:
                raise ValueError(f"line {number}: {error}") from None


def _callback(line: bytes) -> Callback:
    saved = spec.read(line, _Saved)
    at = spec.read_instant(saved.time) if saved.time else 0
    if at is None:
        raise ValueError(f"time {saved.time!a} is not an instant such as 2026-03-31T10:00:00Z")
    if saved.body is not UNSET and saved.body_base64 is not UNSET:
        raise ValueError("it has body and body_base64: give one of them")
    for name, value in saved.headers.items():
        if not (name.isascii() and value == value.encode("latin-1", "ignore").decode("latin-1")):
            raise ValueError(
                f"header {name!a}: {value!a}: give ASCII as its name and characters of ISO 8859-1 as its value"
            )
    body = saved.body_base64 or (saved.body or "").encode()
    headers = tuple((name.lower().encode(), value.encode("latin-1")) for name, value in saved.headers.items())
    return Callback(at=at, method=saved.method, target=saved.path, headers=headers, body=body)
