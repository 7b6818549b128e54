"""The effects of a few mutants in detail, and that they affect nothing else."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from tests.caller import KEY_HEADER, Caller, over_http
from tests.inprocess import InProcess

from pixazo_simulator.mutants import find_mutant, find_variant
from pixazo_simulator.mutants.mutant import UNKNOWN_ID
from pixazo_simulator.server.simulator import Simulator
from pixazo_simulator.spec import PAGE_INSTANT
from pixazo_simulator.world.clock import Clock
from pixazo_simulator.world.registry import Settings


def running(name: str, settings: Settings | None = None) -> Simulator:
    """A mutant, for a `with` block."""
    return Simulator(settings, change=find_mutant(name))


@contextmanager
def mutant(name: str, settings: Settings | None = None) -> Generator[Caller]:
    """A caller with the first key of a mutant."""
    with running(name, settings) as simulator:
        yield Caller(over_http(simulator.url), simulator.api_key)


def another(simulator: Simulator, key: str, **settings: object) -> Caller:
    """A caller with another key."""
    caller = Caller(over_http(simulator.url), key)
    assert caller.call("POST", "/_sim/worlds", {"key": key, **settings}).status == 201
    return caller


def test_a_mutant_changes_nothing_but_what_it_names() -> None:
    """Apart from 200 instead of 202 the reply is the same, and the generation completes."""
    with mutant("200-on-generate") as caller:
        reply = caller.generate()
        members = reply.json()
        assert (reply.status, sorted(members)) == (200, ["polling_url", "request_id", "status"])
        caller.advance(15)
        assert caller.status(members["request_id"]) == "COMPLETED"


def test_two_mutants_side_by_side_do_not_interfere() -> None:
    """Several servers in one process at the same time have only their own mutation."""
    with mutant("no-polling-url") as first, mutant("processing-skipped") as second, Simulator() as simulator:
        faithful = Caller(over_http(simulator.url), simulator.api_key)
        members = [caller.generate().json() for caller in (first, second, faithful)]
        assert ["polling_url" in each for each in members] == [False, True, True]
        for caller in (first, second, faithful):
            caller.advance(3)
        states = [
            caller.status(each["request_id"]) for caller, each in zip((first, second, faithful), members, strict=True)
        ]
        assert states == ["PROCESSING", "QUEUED", "PROCESSING"]


def test_worlds_of_one_mutant_have_separate_memories() -> None:
    """The polling_url of the previous request is that of the same account."""
    with running("polling-url-of-previous") as simulator:
        one, two = another(simulator, "account-one"), another(simulator, "account-two")
        first = one.generate().json()["polling_url"]
        assert two.generate().json()["polling_url"] != first
        assert one.generate().json()["polling_url"] == first


def test_a_policy_mutant_applies_in_every_world() -> None:
    """A profile chosen for a world, or a policy set later, does not undo the mutation."""
    with running("status-forgotten-in-10-minutes") as simulator:
        other = another(simulator, "observed", profile="observed")
        assert other.sim("world")["policy"]["retention"] == "status=600"
        assert other.change(policy={"retention": "forever"})["policy"]["retention"] == "status=600"


def test_a_submit_that_waits_takes_the_time_of_the_generation() -> None:
    """A manual clock is advanced by the wait: the 202 comes at the end of the generation, and its status is QUEUED."""
    with mutant("submit-waits-for-the-end") as caller:
        reply = caller.generate()
        assert (reply.status, reply.json()["status"]) == (202, "QUEUED")
        assert caller.sim("clock")["now"] == "2026-03-31T10:00:15.000Z"
        assert caller.status(reply.json()["request_id"]) == "COMPLETED"


def test_a_submit_that_waits_waits_on_a_running_clock() -> None:
    """On a running clock the response is late: another call overtakes it."""
    order: list[str] = []
    with mutant("submit-waits-for-the-end", Settings(clock=lambda: Clock.scaled(20))) as caller:
        waiting = threading.Thread(target=lambda: order.append(str(caller.generate().status)))
        waiting.start()
        seen = any(caller.sim("generations")["total"] for _ in range(1000))
        order.append("read")
        waiting.join()
    assert seen
    assert order == ["read", "202"]


def test_the_journal_has_the_edited_reply() -> None:
    """The journal also has the name of the mutant, even if the gateway did not receive the request."""
    with mutant("409-for-repeated-body") as caller:
        caller.generate()
        caller.generate()
        kept = caller.sim("journal?method=POST")["exchanges"]
        assert [each["status"] for each in kept] == [202, 409]
        assert kept[1]["reason"] == "edited by mutant 409-for-repeated-body"
        assert kept[1]["response"]["body"]["error"] == "Conflict"
    with mutant("202-while-running") as caller:
        caller.read(caller.accepted())
        last = caller.sim("journal")["exchanges"][-1]
        assert (last["status"], last["reason"]) == (202, "status; edited by mutant 202-while-running")


def test_the_video_is_there_as_soon_as_reads_have_completed_it() -> None:
    """On a manual clock: with Range and HEAD too, without a key too, and not one read earlier."""
    with mutant("reads-advance") as caller:
        identity = caller.accepted()
        video = f"/v1/{identity}/output.mp4"
        assert [caller.status(identity) for _ in range(3)] == ["QUEUED", "PROCESSING", "PROCESSING"]
        assert caller.call("GET", video).status == 404
        output = caller.read(identity).json()["output"]
        assert output["media_url"][0].endswith(video)
        found = caller.call("GET", video)
        assert (found.status, found.headers["content-type"], found.body[4:8]) == (200, "video/mp4", b"ftyp")
        part = caller.call("GET", video, headers={"Range": "bytes=4-7", KEY_HEADER: ""})
        assert (part.status, part.body) == (206, b"ftyp")
        assert caller.call("HEAD", video).headers["content-length"] == str(len(found.body))
        for other in (f"/v1/{UNKNOWN_ID}/output.mp4", f"/v1/{identity}/output.ext"):
            assert caller.call("GET", other).status == 404
        caller.advance(15)
        assert caller.call("GET", video).body == found.body


def test_an_edited_request_is_answered_by_the_clock_of_the_world_that_it_reaches() -> None:
    """The path names no generation of any world before it is edited; the video is there when its own world is at the end."""
    with running("random-object-name") as simulator:
        caller = another(simulator, "account-one")
        identity = caller.accepted()
        caller.advance(15)
        url: str = caller.read(identity).json()["output"]["media_url"][0]
        assert identity not in url
        assert caller.call("GET", urlsplit(url).path).status == 200


def test_an_editor_and_the_gateway_see_one_instant() -> None:
    """Even on a clock that moves by a second whenever it is read."""
    settings = Settings(clock=lambda: Clock(PAGE_INSTANT, 1, itertools.count().__next__))
    with InProcess(settings, find_mutant("created-at-is-now")) as send:
        caller = Caller(send, "sim-key")
        reply = caller.read(caller.accepted())
        assert datetime.fromisoformat(reply.json()["created_at"]) == parsedate_to_datetime(reply.headers["date"])


def test_our_own_routes_are_never_edited() -> None:
    """A mutant whose 404 is HTML does not change the control routes."""
    with mutant("errors-in-html") as caller:
        assert caller.call("GET", "/nowhere").headers["content-type"].startswith("text/html")
        assert caller.call("GET", "/_sim/nowhere").headers["content-type"] == "application/json"
    with Simulator(change=find_variant("json-indented")) as simulator:
        found = Caller(over_http(simulator.url), simulator.api_key).call("GET", "/.well-known/pixazo-target")
        assert (found.status, b"\n" in found.body) == (200, False)


def test_money_that_a_reply_costs_is_taken() -> None:
    """A refused submit costs 35 cents, each read a cent."""
    with mutant("refusal-is-charged") as caller:
        assert caller.generate(duration=7).status == 400
        assert caller.sim("ledger")["balance"] == "99.65"
    with mutant("read-is-charged") as caller:
        caller.read(caller.accepted())
        assert caller.sim("ledger")["balance"] == "99.64"


def test_a_refusal_that_queues_gives_the_money_back() -> None:
    """The generation of a 402 exists, and the balance is unchanged."""
    with mutant("queued-in-spite-of-402") as caller:
        caller.change(balance="0.10")
        reply = caller.generate()
        assert (reply.status, reply.json()["error"]) == (402, "Insufficient Balance")
        assert caller.status(reply.json()["request_id"]) == "QUEUED"
        assert caller.sim("ledger")["balance"] == "0.10"


def test_a_body_beyond_the_limit_is_refused() -> None:
    """With 413 and without reading more, whatever the mutant does with bodies."""
    with mutant("image-size-unlimited") as caller:
        caller.change(policy={"body_limit": 1000})
        assert caller.generate("b" * 2000).status == 413


def header_names(simulator: Simulator, spelled: str) -> tuple[int, list[str]]:
    """Status code and header names of the response to a read of an unknown id, with this name of the key header."""
    connection = http.client.HTTPConnection(urlsplit(simulator.url).netloc, timeout=10)
    connection.request("GET", "/v2/requests/status/x", headers={spelled: simulator.api_key})
    response = connection.getresponse()
    names = [name for name, _ in response.getheaders()]
    connection.close()
    return response.status, names


def test_the_key_header_in_exact_case() -> None:
    """Only the letter case of the page is found."""
    with Simulator(change=find_mutant("key-header-in-exact-case")) as simulator:
        assert header_names(simulator, KEY_HEADER)[0] == 404
        assert header_names(simulator, KEY_HEADER.lower())[0] == 401


def test_headers_in_title_case() -> None:
    """The variant changes only the letter case of names."""
    with Simulator(change=find_variant("headers-in-title-case")) as simulator:
        assert header_names(simulator, KEY_HEADER) == (404, ["Content-Type", "Content-Length", "Date"])


def test_a_mutant_that_needs_no_clock_works_on_a_running_one() -> None:
    """Such as the scaled clock of `serve --clock x20`."""
    with mutant("stuck-in-processing", Settings(clock=lambda: Clock.scaled(1000))) as caller:
        request_id = caller.accepted()
        caller.advance(3600)
        members: dict[str, Any] = json.loads(caller.read(request_id).body)
        assert (members["status"], members["completed_at"]) == ("PROCESSING", None)
