"""Wrong ways to take a submit: SUBMIT."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from random import Random
from urllib.parse import urlsplit

import msgspec

from pixazo_simulator.mutants.context import Scene
from pixazo_simulator.mutants.edits import (
    GENERATE,
    IMAGE_TO_VIDEO,
    Judge,
    accepted,
    answers,
    is_accepted,
    policy,
    refused_as,
    submits,
    swapped,
    unreadable,
    with_code,
)
from pixazo_simulator.mutants.members import Edit, amended, computed, drop, put
from pixazo_simulator.mutants.messages import Members, Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import MODEL_ID, PAGE_INSTANT, SECOND, Broken, Policy, http_date
from pixazo_simulator.world import REQUEST_ID_FORMS, Call

Identify = Callable[[Call, Policy, Random, int], str]
LONG_AGO = PAGE_INSTANT - 86_400 * SECOND
"""A day before the page's sample."""


def _of(operation: str) -> Judge:
    return lambda request, reply: is_accepted(request, reply) and submits(request, operation)


def _uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _named(text: Identify) -> Edits:
    """Name generations by another text after the model's name."""

    def identify(call: Call, policy: Policy, random: Random, now: int) -> str:
        return f"{MODEL_ID}_{text(call, policy, random, now)}"

    return swapped(identify=identify)


def _formed(_: Call, policy: Policy, random: Random, now: int) -> str:
    return REQUEST_ID_FORMS[policy.request_id](random, now)


def _upper_case(call: Call, policy: Policy, random: Random, now: int) -> str:
    return _formed(call, policy, random, now).upper()


def _long_ago(call: Call, policy: Policy, random: Random, _: int) -> str:
    return _formed(call, policy, random, LONG_AGO)


def _version_4(_: Call, __: Policy, random: Random, ___: int) -> str:
    digits = f"{random.getrandbits(128):032x}"
    return _uuid(f"{digits[:12]}4{digits[13:16]}{'89ab'[int(digits[16], 16) % 4]}{digits[17:]}")


def _hashed(call: Call, _: Policy, __: Random, ___: int) -> str:
    digits = hashlib.blake2b(call.body.data or b"", digest_size=16).hexdigest()
    return _uuid(f"{digits[:12]}7{digits[13:16]}a{digits[17:]}")


def _previous_url(told: Members, scene: Scene) -> str:
    own = told["polling_url"]
    previous: str = scene.memory.get("polling_url") or own
    scene.memory.put(own, "polling_url")
    return previous


def _relative(url: str) -> str:
    return urlsplit(url).path


def _first_read(request: Request, scene: Scene) -> bool:
    return scene.ends(request.read_id or "") is not None and scene.memory.count("read", request.read_id) == 1


def _held(request: Request, reply: Reply, scene: Scene) -> Reply:
    said = reply.members() if is_accepted(request, reply) else None
    ends = scene.ends(said["request_id"]) if said else None
    return reply if ends is None else msgspec.structs.replace(reply, until=ends)


def replayed(answer: Callable[[Reply, Scene], Reply]) -> Edits:
    """Answer a body that was accepted before without taking it again; `answer` makes the reply of the first one."""

    def heard(request: Request, scene: Scene) -> Request | Reply:
        first = scene.memory.get("accepted", request.path, request.body) if submits(request) and scene.known else None
        return answer(first.with_header("date", http_date(scene.now).decode()), scene) if first else request

    def told(request: Request, reply: Reply, scene: Scene) -> Reply:
        if is_accepted(request, reply):
            scene.memory.put(reply, "accepted", request.path, request.body)
        return reply

    return Edits(request=heard, reply=told)


def _malformed(request: Request, reply: Reply) -> bool:
    """Whether a body that is neither empty nor JSON was refused."""
    if reply.status != 400 or not submits(request) or not request.body.strip():
        return False
    try:
        msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
    return False


def _no_object(request: Request, reply: Reply) -> bool:
    """Whether an empty body or a JSON value that is no object was refused."""
    return reply.status == 400 and submits(request) and request.members() is None and not _malformed(request, reply)


def _without_prefix_in(member: str) -> Edit:
    return amended(member, lambda text: re.sub(rf"{MODEL_ID}_", "", text))


SUBMIT = (
    Mutant("200-on-generate", "SUBMIT-01", "An accepted text-to-video submit answers 200", answers(_of(GENERATE), with_code(200))),
    Mutant("201-on-image-to-video", "SUBMIT-02", "An accepted image-to-video submit answers 201",
           answers(_of(IMAGE_TO_VIDEO), with_code(201))),
    Mutant("no-polling-url", "SUBMIT-03", "The 202 has no polling_url", accepted(drop("polling_url")), ("SUBMIT-1[12]",)),
    Mutant("no-status-in-202", "SUBMIT-03", "The 202 has no status", accepted(drop("status")), ("SUBMIT-05",)),
    Mutant("estimated-cost-in-202", "SUBMIT-04", "The 202 also tells an estimated_cost", accepted(put("estimated_cost", 0.35))),
    Mutant("processing-in-202", "SUBMIT-05", "The 202 says PROCESSING already", accepted(put("status", "PROCESSING")), ("FLOW-01",)),
    Mutant("bare-uuid", "SUBMIT-06", "A request id is a UUID without the model's name", swapped(identify=_formed),
           ("SUBMIT-0[789]", "STATUS-04")),
    Mutant("upper-case-uuid", "SUBMIT-07", "The UUID of a request id is in upper case",
           _named(_upper_case), ("SUBMIT-06",)),
    Mutant("uuid-4", "SUBMIT-08", "The UUID of a request id is of version 4", _named(_version_4), ("SUBMIT-09",)),
    Mutant("uuid-7-of-one-instant", "SUBMIT-09", "The UUIDs of all request ids tell the same instant",
           _named(_long_ago)),
    Mutant("id-from-body", "SUBMIT-10", "A request id is a hash of the body, so that the same body gives the same id",
           _named(_hashed), ("SUBMIT-0[89]", "SUBMIT-15", "TIME-05")),
    Mutant("polling-url-of-previous", "SUBMIT-11", "The polling_url names the previous request of the account",
           accepted(computed("polling_url", _previous_url)), ("SUBMIT-12",)),
    Mutant("polling-url-without-prefix", "SUBMIT-11", "The polling_url names the request without the model's name",
           accepted(_without_prefix_in("polling_url")), ("SUBMIT-12",)),
    Mutant("relative-polling-url", "SUBMIT-12", "The polling_url is a path without scheme and host",
           accepted(amended("polling_url", _relative)), ("SUBMIT-11",)),
    Mutant("not-found-at-first", "SUBMIT-13", "A status is 404 for the first 500 ms", policy(read_delay="500"), ("STATUS-01",)),
    Mutant("first-read-not-found", "SUBMIT-13", "The first read of a status is 404", unreadable(_first_read), ("STATUS-01",)),
    Mutant("submit-waits-for-the-end", "SUBMIT-14", "A submit is answered only when the generation has ended",
           Edits(reply=_held), ("FLOW-0[12]", "SUBMIT-05", "WEBHOOK-*")),
    Mutant("repeated-body-is-one-request", "SUBMIT-15", "A body that was accepted before gets the first request id again",
           replayed(lambda reply, _: reply), ("SUBMIT-10",)),
    Mutant("malformed-json-is-500", "SUBMIT-16", "Malformed JSON is answered 500",
           refused_as(_malformed, lambda _: Broken()), ("ERR-500-01",)),
    Mutant("no-object-is-500", "SUBMIT-17", "An empty body, or JSON that is no object, is answered 500",
           refused_as(_no_object, lambda _: Broken()), ("ERR-500-01",)),
    Mutant("unknown-members-refused", "SUBMIT-18", "Members that the page does not list are refused",
           policy(unknown_members="refuse"), ("T2V-IMG-01", "I2V-MODEL-01")),
)  # fmt: skip
