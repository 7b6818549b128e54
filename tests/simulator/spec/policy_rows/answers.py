"""What accepted generations look like: ids, media, origins, members, timestamps, times."""

from __future__ import annotations

import re

from tests.caller import GENERATE, Caller
from tests.simulator.spec.policy_rows.effects import NOT_FOUND, Effects, ended, refused

__all__ = ["ROWS"]

ROWS = Effects()


@ROWS.shows("request_id", "uuid7")
def _(caller: Caller) -> None:
    form = r"minimax-hailuo-ai_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(form, caller.accepted())


@ROWS.shows("request_id", "thirteen")
def _(caller: Caller) -> None:
    form = r"minimax-hailuo-ai_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{13}"
    assert re.fullmatch(form, caller.accepted())


def _media(caller: Caller, name: str, media_type: str) -> None:
    output = ended(caller, caller.generate())["output"]
    (url,) = output["media_url"]
    assert url.endswith(name)
    assert output["media_type"] == media_type
    path = url[url.index("/v1/") :]
    reply = caller.call("GET", path)
    assert (reply.status, reply.headers["content-type"], reply.body[4:8]) == (200, media_type, b"ftyp")
    other = {"mp4": "ext", "ext": "mp4"}[path[-3:]]
    assert caller.call("GET", path[:-3] + other).status == 404


@ROWS.shows("media", "mp4")
def _(caller: Caller) -> None:
    _media(caller, "/output.mp4", "video/mp4")


@ROWS.shows("media", "placeholder")
def _(caller: Caller) -> None:
    _media(caller, "/output.ext", "application/octet-stream")


def _origin(caller: Caller, origin: str) -> None:
    headers = {"Host": "sim.test:8900", "X-Forwarded-Host": "gate.test, proxy.test", "X-Forwarded-Proto": "https, http"}
    reply = caller.call("POST", GENERATE, {"prompt": "A bear"}, headers)
    identity = reply.json()["request_id"]
    assert reply.json()["polling_url"] == f"{origin}/v2/requests/status/{identity}"
    caller.advance(15)
    envelope = caller.call("GET", f"/v2/requests/status/{identity}", headers=headers).json()
    assert envelope["output"]["media_url"] == [f"{origin}/v1/{identity}/output.mp4"]


@ROWS.shows("public_origin", "caller")
def _(caller: Caller) -> None:
    _origin(caller, "http://sim.test:8900")


@ROWS.shows("public_origin", "forwarded")
def _(caller: Caller) -> None:
    _origin(caller, "https://gate.test")


@ROWS.shows("public_origin", "https://gateway.pixazo.ai")
def _(caller: Caller) -> None:
    _origin(caller, "https://gateway.pixazo.ai")


ALL_MEMBERS = [
    "request_id", "status", "model_id", "error", "output", "created_at", "updated_at", "completed_at",
]  # fmt: skip


def _members(caller: Caller) -> list[list[str]]:
    """Members of a status answer while it waits, of a completed one, of a failed one."""
    waiting = caller.read(caller.accepted()).json()
    return [
        list(waiting),
        list(ended(caller, caller.generate())),
        list(ended(caller, caller.generate("[[sim:failed x]]"))),
    ]


@ROWS.shows("status_members", "all")
def _(caller: Caller) -> None:
    assert _members(caller) == [ALL_MEMBERS] * 3


@ROWS.shows("status_members", "minimal_failure")
def _(caller: Caller) -> None:
    assert _members(caller) == [ALL_MEMBERS, ALL_MEMBERS, ALL_MEMBERS[:5]]


def _timestamps(caller: Caller) -> list[str]:
    envelope = ended(caller, caller.generate())
    return [envelope[name] for name in ALL_MEMBERS[5:]]


@ROWS.shows("timestamps", "rfc3339")
def _(caller: Caller) -> None:
    assert _timestamps(caller) == ["2026-03-31T10:00:00.000Z", "2026-03-31T10:00:15.000Z", "2026-03-31T10:00:15.000Z"]


@ROWS.shows("timestamps", "mixed")
def _(caller: Caller) -> None:
    assert _timestamps(caller) == ["2026-03-31T10:00:00.000Z", "2026-03-31 10:00:15", "2026-03-31 10:00:15"]


@ROWS.shows("job_times", "2+13")
def _(caller: Caller) -> None:
    identity = caller.accepted()
    seen = [caller.status(identity)]
    for seconds in (1.999, 0.001, 12.999, 0.001):
        caller.advance(seconds)
        seen.append(caller.status(identity))
    assert seen == ["QUEUED", "QUEUED", "PROCESSING", "PROCESSING", "COMPLETED"]


@ROWS.shows("job_times", "5-20+60-180")
def _(caller: Caller) -> None:
    for _ in range(20):
        caller.accepted()
    events = caller.advance(200)["events"]
    started, finished = (
        {event["request_id"]: event["at"] for event in events if event["status"] == word}
        for word in ("PROCESSING", "COMPLETED")
    )
    assert all("10:00:05.000Z" <= at[11:] <= "10:00:20.000Z" for at in started.values())
    assert all("10:01:05.000Z" <= at[11:] <= "10:03:20.000Z" for at in finished.values())
    assert len(set(started.values())) > 1
    assert len(started) == len(finished) == 20


@ROWS.shows("read_delay", "0")
def _(caller: Caller) -> None:
    assert caller.read(caller.accepted()).status == 200


@ROWS.shows("read_delay", "1500")
def _(caller: Caller) -> None:
    identity = caller.accepted()
    caller.advance(1.499)
    refused(caller.read(identity), 404, NOT_FOUND)
    caller.advance(0.001)
    assert caller.status(identity) == "QUEUED"


def _kept(caller: Caller) -> tuple[int, int]:
    """How status and media are answered a day and a second after the end."""
    identity = caller.accepted()
    caller.advance(15)
    media = f"/v1/{identity}/output.mp4"
    assert (caller.read(identity).status, caller.call("GET", media).status) == (200, 200)
    caller.advance(86_401)
    return caller.read(identity).status, caller.call("GET", media).status


@ROWS.shows("retention", "forever")
def _(caller: Caller) -> None:
    assert _kept(caller) == (200, 200)


@ROWS.shows("retention", "media=86400")
def _(caller: Caller) -> None:
    assert _kept(caller) == (200, 404)


@ROWS.shows("retention", "status=3600,media=86400")
def _(caller: Caller) -> None:
    assert _kept(caller) == (404, 404)


def _way(caller: Caller, prompt: str) -> list[str]:
    """The statuses that a generation passes."""
    caller.accepted(prompt)
    return [event["status"] for event in caller.advance(60)["events"]]


@ROWS.shows("queued_to_end", "no")
def _(caller: Caller) -> None:
    assert _way(caller, "[[sim:error x]]") == ["PROCESSING", "ERROR"]


@ROWS.shows("queued_to_end", "yes")
def _(caller: Caller) -> None:
    assert _way(caller, "[[sim:error x]]") == ["ERROR"]
    assert _way(caller, "[[sim:failed x]]") == ["FAILED"]
    assert _way(caller, "A bear") == ["PROCESSING", "COMPLETED"]
