"""The two files that are made from a trace: the script in JSON, and the tests in Python that use it."""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from pixazo_simulator.spec import PROFILES, read_instant, timestamp

from .records import Exchange, Trace
from .rules import AT_ONCE, Generation, Retold

SPEED = "x20"
"""The clock of an app's test: the same as that of `pixazo-sim exec`."""
_WIDTH = 110


class Files(NamedTuple):
    """Text by file: the script and the tests."""

    script: str
    tests: str


def files_of(trace: Trace, told: Retold, name: str, app: str | None, profile: str | None) -> Files:
    """The script and the tests of a trace; `app` is the command of the app, `profile` a name, or the path of a file from the tests."""
    started = read_instant(trace.started_at) or 0
    marker: dict[str, Any] = {"start": timestamp(started), "strict": False}
    policy: dict[str, str] = dict(told.policy)
    if app is None:
        seen = [str(each.members.get("status")) for one in told.generations for each in one.callbacks]
        last = max((each.at for each in trace.callbacks), default=0.0)
        body = {
            "CALLS": pprint.pformat(_calls(trace, told.generations), width=_WIDTH, sort_dicts=False),
            "CALLBACKS": json.dumps(sorted(seen)),
            "END": repr(round(max(last, trace.exchanges[-1].finished) + AT_ONCE, 3)),
        }
    else:
        marker["clock"] = SPEED
        policy["public_origin"] = "https://gateway.pixazo.ai"
        body = {"APP": repr(shlex.split(app))}
    if policy:
        marker["policy"] = policy
    arguments = {argument: _python(value) for argument, value in marker.items()}
    if profile:
        arguments["profile"] = _python(profile) if profile in PROFILES else f"str(SCRIPT.parent / {_python(profile)})"
    values = body | {"NAME": name, "MARKER": ", ".join(map("=".join, arguments.items()))}
    text = (
        files(__name__.rpartition(".")[0])
        .joinpath("templates", "calls.txt" if app is None else "app.txt")
        .read_text(encoding="utf-8")
    )
    for mark, value in values.items():
        text = text.replace(f"@{mark}@", value)
    script = msgspec.json.encode({"rules": [rule.as_json() for rule in told.rules]})
    return Files(f"{msgspec.json.format(script).decode()}\n", text)


def _python(value: object) -> str:
    """A string, a flag or a dict of strings, as ruff formats it."""
    return repr(value) if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def _calls(trace: Trace, generations: tuple[Generation, ...]) -> list[dict[str, Any]]:
    """What the app called, with the responses; ids are the numbers of their generations."""
    number_of = {one.request_id: one.number for one in generations if one.request_id}
    return [
        {"at": round(each.started, 3), **call, "answer": _answer(each)}
        for each in trace.exchanges
        if (call := _call(each, number_of)) is not None
    ]


def _call(each: Exchange, number_of: Mapping[str, int]) -> dict[str, Any] | None:
    if each.is_submit:
        body, in_body = each.body_again, each.sent.get("callback_url")
        if isinstance(in_body, str) and in_body in each.webhook_urls:
            body = body.replace(json.dumps(in_body), '"{webhook}"')
        return {"submit": each.path, "body": body, "webhook": each.webhook_header is not None}
    number = next(
        (number for known, number in number_of.items() if known and (known == each.request_id or known in each.url)),
        None,
    )
    if number is None or each.operation not in ("status", "media"):
        return None
    return {"read" if each.operation == "status" else "download": number}


def _answer(each: Exchange) -> dict[str, Any] | None:
    """What is compared: the status code, and for an object its members, its state and its error."""
    if each.status is None:
        return None
    answer: dict[str, Any] = {"code": each.status}
    if each.operation != "media" and each.succeeded and each.members:
        answer["members"] = sorted(each.members)
        answer |= {name: each.members[name] for name in ("status", "error") if name in each.members}
    return answer
