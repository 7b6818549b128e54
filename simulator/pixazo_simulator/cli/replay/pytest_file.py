"""A trace becomes a failing test: a script in JSON, and the tests in Python that use it."""

from __future__ import annotations

import json
import os
import pprint
import re
import shlex
from collections.abc import Mapping
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pixazo_simulator.cli.exec import CLOCK
from pixazo_simulator.server import Simulator, read_profile
from pixazo_simulator.spec import PROFILES, read_instant, timestamp
from pixazo_simulator.world import Settings

from .trace import AT_ONCE, WEBHOOK_HEADER, Exchange, Generation, Retold, Trace, read_trace, retold

if TYPE_CHECKING:
    from pixazo_simulator.control import ControlClient

_WIDTH = 110


def write_tests(file: str, data: bytes, options: Mapping[str, Any], *, check: bool) -> bool:
    """Write script and tests of a trace, and report that; False for another kind of file. Raises ValueError or OSError with the reason."""
    trace = read_trace(data)
    if trace is None:
        return False
    if check:
        raise ValueError("--check compares the log of a world, but this is a trace: leave it out")
    name, script, tests = _names(options["name"] or Path(file).stem, Path(options["out"]), force=options["force"])
    profile = options["profile"]
    policy = read_profile(profile or "documented")
    with Simulator(Settings(policy=policy)) as simulator:
        told = retold(trace, partial(_natural_status, simulator.control()), policy)
    rules = msgspec.json.encode({"rules": [rule.as_json() for rule in told.rules]})
    text = _tests(trace, told, name, options["app"], _from(script.parent, profile))
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f"{msgspec.json.format(rules).decode()}\n", encoding="utf-8")
    tests.write_text(text, encoding="utf-8")
    values = "".join(f" --set {field}={value}" for field, value in told.policy.items())
    values += f" --profile {profile}" if profile else ""
    lines = [
        f"exchanges: {len(trace.exchanges)}, callbacks: {len(trace.callbacks)}, rules made of them: {len(told.rules)}",
        f"wrote {script}: pixazo-sim serve --script {script}{values}",
        f"wrote {tests}: pytest {tests}",
        *(f"not expressed: {note}" for note in told.notes),
    ]
    click.echo("\n".join(lines))
    return True


def _names(given: str, folder: Path, *, force: bool) -> tuple[str, Path, Path]:
    """The name of the replay, its script and its tests. Raises ValueError with the remedy."""
    name = re.sub(r"\W+", "_", given, flags=re.ASCII).strip("_").lower() or "trace"
    script, tests = folder / f"replay_{name}.json", folder / f"test_replay_{name}.py"
    if there := [str(each) for each in (script, tests) if each.exists() and not force]:
        raise ValueError(f"{' and '.join(there)} would be overwritten: give another --name or --out, or --force")
    return name, script, tests


def _from(folder: Path, profile: str | None) -> str | None:
    """A profile as files in a folder name it."""
    if profile is None or profile in PROFILES:
        return profile
    return Path(os.path.relpath(Path(profile).resolve(), folder.resolve())).as_posix()


def _natural_status(control: ControlClient, submission: Exchange) -> int:
    kind = submission.request.header("content-type")
    headers = {"Content-Type": kind} if kind else {}
    return control.explain("POST", submission.path, headers=headers, body=submission.body_again).status


def _tests(trace: Trace, told: Retold, name: str, app: str | None, profile: str | None) -> str:
    """The tests of a trace; `app` is the command of the app, `profile` a name, or the path of a file from the tests."""
    started = read_instant(trace.started_at) or 0
    marker: dict[str, Any] = {"start": timestamp(started), "strict": False}
    policy: dict[str, str] = dict(told.policy)
    if app is None:
        seen = [str(each.members.get("status")) for one in told.generations for each in one.callbacks]
        last = max((each.at for each in trace.callbacks), default=0.0)
        body = {
            "CALLS": pprint.pformat(_calls(trace, told.generations), width=_WIDTH, sort_dicts=False),
            "CALLBACKS": json.dumps(sorted(seen)) if trace.hears else "None",
            "END": repr(round(max(last, trace.exchanges[-1].finished) + AT_ONCE, 3)),
        }
    else:
        marker["clock"] = CLOCK
        policy["public_origin"] = "https://gateway.pixazo.ai"
        body = {"APP": repr(shlex.split(app))}
    if policy:
        marker["policy"] = policy
    arguments = {argument: _python(value) for argument, value in marker.items()}
    if profile:
        arguments["profile"] = _python(profile) if profile in PROFILES else f"str(SCRIPT.parent / {_python(profile)})"
    values = body | {"NAME": name, "MARKER": ", ".join(map("=".join, arguments.items()))}
    template = files("pixazo_simulator.cli.replay").joinpath("templates", "calls.txt" if app is None else "app.txt")
    text = template.read_text(encoding="utf-8")
    for mark, value in values.items():
        text = text.replace(f"@{mark}@", value)
    return text


def _python(value: object) -> str:
    """A string, a flag or a dict of strings, as ruff formats it."""
    return repr(value) if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


def _calls(trace: Trace, generations: tuple[Generation, ...]) -> list[dict[str, Any]]:
    number_of = {one.request_id: one.number for one in generations if one.request_id}
    return [
        {"at": round(each.started, 3), **call, "answer": _answer(each)}
        for each in trace.exchanges
        if (call := _call(each, number_of)) is not None
    ]


def _call(each: Exchange, number_of: Mapping[str, int]) -> dict[str, Any] | None:
    if each.is_submit:
        body, in_body = each.body_again, each.request.members.get("callback_url")
        if isinstance(in_body, str) and in_body in each.webhook_urls:
            again = json.dumps({**each.request.members, "callback_url": "{webhook}"})
            written = json.dumps(in_body)
            body = body.replace(written, '"{webhook}"') if written in body else again
        kind = each.request.header("content-type")
        typed = {} if kind == "application/json" else {"type": kind}
        return {"submit": each.path, "body": body, **typed, "webhook": each.request.header(WEBHOOK_HEADER) is not None}
    number = next(
        (number for known, number in number_of.items() if known and (known == each.request_id or known in each.url)),
        None,
    )
    if number is None or each.operation not in ("status", "media"):
        return None
    return {"read" if each.operation == "status" else "download": number}


def _answer(each: Exchange) -> dict[str, Any] | None:
    if each.status is None:
        return None
    answer: dict[str, Any] = {"code": each.status}
    if each.operation != "media" and each.succeeded and each.members:
        answer["members"] = sorted(each.members)
        answer |= {name: each.members[name] for name in ("status", "error") if name in each.members}
    return answer
