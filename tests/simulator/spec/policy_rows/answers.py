"""What accepted generations look like: ids, media, origins, members, timestamps, times."""

from __future__ import annotations

import json
import re
import struct

from tests.caller import GENERATE, KEY_HEADER, Caller
from tests.simulator.samples import data_url, png
from tests.simulator.spec.policy_rows.effects import NOT_FOUND, Effects, animate, ended, refused

__all__ = ["ROWS"]

ROWS = Effects()


@ROWS.shows("request_id", "uuid7", r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
@ROWS.shows("request_id", "thirteen", r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{13}")
def _(caller: Caller, form: str) -> None:
    assert re.fullmatch(f"minimax-hailuo-ai_{form}", caller.accepted())


@ROWS.shows("media", "mp4", "/output.mp4", "video/mp4")
@ROWS.shows("media", "placeholder", "/output.ext", "application/octet-stream")
def _(caller: Caller, name: str, media_type: str) -> None:
    output = ended(caller, caller.generate())["output"]
    (url,) = output["media_url"]
    assert url.endswith(name)
    assert output["media_type"] == media_type
    path = url[url.index("/v1/") :]
    reply = caller.call("GET", path)
    assert (reply.status, reply.headers["content-type"], reply.body[4:8]) == (200, media_type, b"ftyp")
    other = {"mp4": "ext", "ext": "mp4"}[path[-3:]]
    assert caller.call("GET", path[:-3] + other).status == 404


@ROWS.shows("public_origin", "caller", "http://sim.test:8900")
@ROWS.shows("public_origin", "forwarded", "https://gate.test")
@ROWS.shows("public_origin", "https://gateway.pixazo.ai", "https://gateway.pixazo.ai")
@ROWS.shows("public_origin", "https://a.test/pixazo/", "https://a.test/pixazo")
def _(caller: Caller, origin: str) -> None:
    headers = {"Host": "sim.test:8900", "X-Forwarded-Host": "gate.test, proxy.test", "X-Forwarded-Proto": "https, http"}
    reply = caller.call("POST", GENERATE, {"prompt": "A bear"}, headers)
    identity = reply.json()["request_id"]
    assert reply.json()["polling_url"] == f"{origin}/v2/requests/status/{identity}"
    caller.advance(15)
    envelope = caller.call("GET", f"/v2/requests/status/{identity}", headers=headers).json()
    assert envelope["output"]["media_url"] == [f"{origin}/v1/{identity}/output.mp4"]


ALL_MEMBERS = [
    "request_id", "status", "model_id", "error", "output", "created_at", "updated_at", "completed_at",
]  # fmt: skip


@ROWS.shows("status_members", "all", ALL_MEMBERS)
@ROWS.shows("status_members", "minimal_failure", ALL_MEMBERS[:5])
def _(caller: Caller, of_a_failure: list[str]) -> None:
    assert list(caller.read(caller.accepted()).json()) == ALL_MEMBERS
    assert list(ended(caller, caller.generate())) == ALL_MEMBERS
    assert list(ended(caller, caller.generate("[[sim:failed x]]"))) == of_a_failure


@ROWS.shows("timestamps", "rfc3339", "2026-03-31T10:00:15.000Z")
@ROWS.shows("timestamps", "mixed", "2026-03-31 10:00:15")
def _(caller: Caller, at_the_end: str) -> None:
    envelope = ended(caller, caller.generate())
    assert [envelope[name] for name in ALL_MEMBERS[5:]] == ["2026-03-31T10:00:00.000Z", at_the_end, at_the_end]


@ROWS.shows("job_times", "2+13")
def _(caller: Caller) -> None:
    identity = caller.accepted()
    seen = [caller.status(identity)]
    for seconds in (1.999, 0.001, 12.999, 0.001):
        caller.advance(seconds)
        seen.append(caller.status(identity))
    assert seen == ["QUEUED", "QUEUED", "PROCESSING", "PROCESSING", "COMPLETED"]


@ROWS.shows("job_times", "polls:2", ["QUEUED"] * 2 + ["PROCESSING"] * 2 + ["COMPLETED"])
@ROWS.shows("job_times", "polls:1+3", ["QUEUED"] + ["PROCESSING"] * 3 + ["COMPLETED"])
def _(caller: Caller, seen: list[str]) -> None:
    identity = caller.accepted()
    caller.advance(1000)
    assert [caller.status(identity) for _ in seen] == seen


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


@ROWS.shows("retention", "forever", (200, 200))
@ROWS.shows("retention", "media=86400", (200, 404))
@ROWS.shows("retention", "status=3600,media=86400", (404, 404))
def _(caller: Caller, a_day_and_a_second_later: tuple[int, int]) -> None:
    identity = caller.accepted()
    caller.advance(15)
    media = f"/v1/{identity}/output.mp4"
    assert (caller.read(identity).status, caller.call("GET", media).status) == (200, 200)
    caller.advance(86_401)
    assert (caller.read(identity).status, caller.call("GET", media).status) == a_day_and_a_second_later


@ROWS.shows("queued_to_end", "no", ["PROCESSING"])
@ROWS.shows("queued_to_end", "yes", [])
def _(caller: Caller, before_a_failure: list[str]) -> None:
    for prompt, way in (
        ("[[sim:error x]]", [*before_a_failure, "ERROR"]),
        ("[[sim:failed x]]", [*before_a_failure, "FAILED"]),
        ("A bear", ["PROCESSING", "COMPLETED"]),
    ):
        caller.accepted(prompt)
        assert [event["status"] for event in caller.advance(60)["events"]] == way


PRINTED = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev"


@ROWS.shows("media_origin", "same", "http://sim.test:8900")
@ROWS.shows("media_origin", "page", PRINTED)
@ROWS.shows("media_origin", "https://media.test", "https://media.test")
def _(caller: Caller, origin: str) -> None:
    reply = caller.call("POST", GENERATE, {"prompt": "A bear"}, {"Host": "sim.test:8900"})
    identity = reply.json()["request_id"]
    assert reply.json()["polling_url"].startswith("http://sim.test:8900/")
    caller.advance(15)
    envelope = caller.call("GET", f"/v2/requests/status/{identity}", headers={"Host": "sim.test:8900"}).json()
    (url,) = envelope["output"]["media_url"]
    assert url == f"{origin}/v1/{identity}/output.mp4"
    served = caller.call("GET", url.removeprefix(origin), headers={"Host": origin.partition("//")[2], KEY_HEADER: ""})
    assert (served.status, served.body[4:8]) == (200, b"ftyp")


def _media(caller: Caller) -> str:
    identity = caller.accepted()
    caller.advance(15)
    return f"/v1/{identity}/output.mp4"


@ROWS.shows("media_user_agents", "none", [200, 200])
@ROWS.shows("media_user_agents", "Python-urllib", [403, 200])
@ROWS.shows("media_user_agents", "python-URL,curl", [403, 403])
def _(caller: Caller, statuses: list[int]) -> None:
    path = _media(caller)
    agents = ("Python-urllib/3.11", "curl/8.5.0")
    replies = [caller.call("GET", path, headers={"User-Agent": agent}) for agent in agents]
    assert [reply.status for reply in replies] == statuses
    assert all(reply.body == b"error code: 1010" for reply in replies if reply.status == 403)
    assert caller.call("GET", path, headers={"User-Agent": "my app with Python-urllib"}).status == 200
    assert caller.generate().status == 202  # the gateway itself serves them


@ROWS.shows("video_aspect", "fixed", (1366, 768), (1, 1))
@ROWS.shows("video_aspect", "first_frame", (768, 1024), (768 * 768, 1024 * 1366))
def _(caller: Caller, shown: tuple[int, int], pixel: tuple[int, int]) -> None:
    reply = animate(caller, data_url(png(450, 600)))
    ended(caller, reply)
    content = caller.call("GET", f"/v1/{reply.json()['request_id']}/output.mp4").body
    track, shape = content.index(b"tkhd") + 80, content.index(b"pasp") + 4
    sizes = struct.unpack(">II", content[track : track + 8])
    assert (sizes[0] >> 16, sizes[1] >> 16) == shown
    assert struct.unpack(">II", content[shape : shape + 8]) == pixel


@ROWS.shows("cache_control", "media", ["public, max-age=3600", None, None])
@ROWS.shows("cache_control", "none", [None, None, None])
@ROWS.shows("cache_control", "no_store", ["public, max-age=3600", "no-store", "no-store"])
def _(caller: Caller, values: list[str | None]) -> None:
    replies = caller.call("GET", _media(caller)), caller.generate(), caller.read("x")
    assert [reply.headers.get("cache-control") for reply in replies] == values


@ROWS.shows("media_access", "open")
def _(caller: Caller) -> None:
    path, bare = _media(caller), {KEY_HEADER: ""}
    whole, head = caller.call("GET", path, headers=bare), caller.call("HEAD", path, headers=bare)
    part = caller.call("GET", path, headers=bare | {"Range": "bytes=4-7"})
    again = caller.call("GET", path, headers=bare | {"If-None-Match": whole.headers["etag"]})
    assert [reply.status for reply in (whole, head, part, again)] == [200, 200, 206, 304]
    assert part.body == b"ftyp"


@ROWS.shows("error_texts", "fixed")
def _(caller: Caller) -> None:
    texts = [ended(caller, caller.generate(f"[[sim:{outcome}]]"))["error"] for outcome in ("failed", "error")]
    assert texts == ["The model could not generate a video for this request.", "Description of the error"]


@ROWS.shows("json_form", "compact")
def _(caller: Caller) -> None:
    reply = caller.read(caller.accepted("Ein Bär"))
    assert reply.headers["content-type"] == "application/json"
    assert reply.body == json.dumps(reply.json(), separators=(",", ":"), ensure_ascii=False).encode()
    assert list(reply.json()) == ALL_MEMBERS


@ROWS.shows("frame_sizes", "upstream")
def _(caller: Caller) -> None:
    for members, coded in (({}, (1366, 768)), ({"resolution": "1080P"}, (1920, 1080))):
        reply = caller.generate(**members)
        ended(caller, reply)
        content = caller.call("GET", f"/v1/{reply.json()['request_id']}/output.mp4").body
        at = content.index(b"tkhd") + 80
        assert tuple(each >> 16 for each in struct.unpack(">II", content[at : at + 8])) == coded
