"""Renders a webhook as JSON and as a line of text, without secrets."""

from __future__ import annotations

import json
from typing import Any, Literal

from pixazo_simulator.spec import Header, Redactor, beginning, timestamp

from .callback import SIGNATURE, Answer
from .kept import Entry

MOST_SHOWN = 64 * 1024
"""Characters of a body that are shown."""
_SHORT, _LONG = 80, 400
"""Characters of a request id or status, and of a target, that a line shows."""
_TENS = 10

Tone = Literal["plain", "good", "bad", "notable"]


def shown(entry: Entry, most: int = MOST_SHOWN) -> dict[str, Any]:
    """An entry as JSON, with so many characters of its bodies."""
    callback, verdict = entry.callback, entry.verdict
    redactor = Redactor().with_request_secrets(callback.headers, callback.target)
    request_id, status = (None if each is None else redactor.text(beginning(each, _SHORT)) for each in callback.subject)
    return {
        "number": entry.number,
        "time": timestamp(callback.at),
        "method": callback.method,
        "path": redactor.text(beginning(callback.target, _LONG)),
        "request_id": request_id,
        "status": status,
        "size": len(callback.body),
        "times": entry.times,
        "signature": {"verdict": verdict.word, "age": verdict.age, "reason": verdict.reason},
        "headers": _headers(redactor, callback.headers),
        "body": _body(redactor, callback.body, most),
        "answers": [_answer(redactor, each, most) for each in entry.answers],
    }


def _headers(redactor: Redactor, headers: tuple[Header, ...]) -> dict[str, str]:
    shown = [(name, value) for name, value in headers if name != SIGNATURE]
    signature = {SIGNATURE.decode(): value.decode("latin-1") for name, value in headers if name == SIGNATURE}
    return redactor.headers(shown) | signature


def _body(redactor: Redactor, body: bytes, most: int) -> str:
    # At most 4 bytes a character (UTF-8): a long body is not decoded as a whole.
    return redactor.text(beginning(body[: 4 * most + 4].decode(errors="backslashreplace"), most))


def _answer(redactor: Redactor, answer: Answer, most: int) -> dict[str, Any]:
    return {
        "time": timestamp(answer.at),
        "status": answer.status,
        "milliseconds": answer.milliseconds,
        "problem": answer.problem and redactor.text(answer.problem),
        "headers": redactor.headers(answer.headers),
        "body": _body(redactor, answer.body, most),
    }


def json_line(entry: Entry) -> str:
    """An entry as one line of JSON in printable ASCII."""
    return json.dumps(shown(entry))


def text_line(entry: Entry, *, forwards: bool) -> tuple[str, Tone] | None:
    """The latest event of an entry (it came, was answered, or was sent again), and the tone of the line.

    Where nothing is forwarded, arrival and answer are one line. Texts of the sender may contain control characters, which the caller escapes.
    """
    view = shown(entry, most=0)
    if forwards and view["answers"]:
        return _answered(view)
    if not forwards and not view["answers"]:
        return None
    parts = [
        f"#{view['number']}",
        f"{view['time'][11:19]}Z",
        f"{view['method']} {view['path']}",
        " ".join(filter(None, (view["status"], view["request_id"]))),
        f"{view['size']} bytes",
        f"again, {ordinal(view['times'])} time" if view["times"] > 1 else "",
        view["signature"]["reason"],
        *(f"answered {each['status']}" for each in view["answers"]),
    ]
    is_bad = view["signature"]["verdict"] in ("wrong", "missing")
    return "  ".join(filter(None, parts)), "bad" if is_bad else "notable" if view["times"] > 1 else "plain"


def _answered(view: dict[str, Any]) -> tuple[str, Tone]:
    *before, latest = view["answers"]
    again = "sent again: " if before else ""
    said = f": {latest['problem']}" if latest["problem"] else f" in {latest['milliseconds']} ms"
    return f"#{view['number']}  {again}answered {latest['status']}{said}", "good" if is_taken(
        latest["status"]
    ) else "bad"


def is_taken(value: int) -> bool:
    """Whether the gateway considers a webhook with this status code delivered: any 2xx."""
    return 200 <= value < 300


def ordinal(number: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th, 21st."""
    is_teen = number // _TENS % _TENS == 1
    return f"{number}{'th' if is_teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % _TENS, 'th')}"
