"""Wrong addresses: BASE."""

from __future__ import annotations

from urllib.parse import parse_qsl

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import GENERATE, IMAGE_TO_VIDEO, asks, is_accepted, unreadable
from pixazo_simulator.mutants.messages import Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import STATUS_PATH, SUBMIT_PATHS

BASE = "/minimax-hailuo-ai/v1/"
READS = (
    "AUTH-*",
    "STATUS-*",
    "FLOW-*",
    "OUT-*",
    "TIME-*",
    "FAIL-*",
    "WAL-*",
    "ERR-*",
    "HDR-05",
    "SUBMIT-1[1234]",
    "WEBHOOK-*",
)
"""What cannot be observed where a status cannot be read."""


def _moved(old: str, new: str) -> Edits:
    """Serve what is at or below one path at another, and only there."""

    def heard(request: Request, _: Context) -> Request:
        if request.path.startswith(new):
            return request.at(f"{old}{request.path.removeprefix(new)}")
        return request.at(f"/moved{request.path}") if request.path.startswith(old) else request

    return asks(heard)


def _remembering_image_ids() -> Edits:
    def told(request: Request, reply: Reply, context: Context) -> Reply:
        said = reply.members() if is_accepted(request, reply) else None
        if said and request.operation and request.operation.name == IMAGE_TO_VIDEO:
            context.memory.put(said["request_id"], "image id", said["request_id"])
        return reply

    return Edits(reply=told)


def _submits_by_get(request: Request, _: Context) -> Request:
    if request.method != "GET" or request.path not in SUBMIT_PATHS or not request.query:
        return request
    given = dict(parse_qsl(request.query.decode("latin-1")))
    posted = request.at(request.path, "POST").with_header("content-type", "application/json")
    return posted.with_members(given)


def _any_case(request: Request, _: Context) -> Request:
    lowered = request.path.lower()
    known = next((path for path in SUBMIT_PATHS if path.lower() == lowered), None)
    if known:
        return request.at(known)
    return request.at(STATUS_PATH + request.path[len(STATUS_PATH) :]) if lowered.startswith(STATUS_PATH) else request


def _slashed(request: Request, _: Context) -> Request:
    return request.at(request.path.rstrip("/")) if request.path.rstrip("/") in SUBMIT_PATHS else request


ADDRESSING = (
    Mutant("base-path-renamed", "BASE-01", "The model API is served below /hailuo/v1", _moved(BASE, "/hailuo/v1/"), ("*",)),
    Mutant("generate-renamed", "BASE-02", "Text-to-video answers only at /textToVideo",
           _moved(f"{BASE}{GENERATE}", f"{BASE}textToVideo"), ("*",)),
    Mutant("image-to-video-in-kebab-case", "BASE-03", "Image-to-video answers only at /image-to-video",
           _moved(f"{BASE}{IMAGE_TO_VIDEO}", f"{BASE}image-to-video"), ("*",)),
    Mutant("status-below-the-model", "BASE-04", "A status is read only below the model's base path, as /result/{id}",
           _moved(STATUS_PATH, f"{BASE}result/"), ("BASE-05", *READS)),
    Mutant("status-of-text-only", "BASE-05", "The status route knows only ids issued by text-to-video",
           _remembering_image_ids() | unreadable(lambda request, context: context.memory.get("image id", request.read_id) is not None),
           ("STATUS-01", "SUBMIT-1[23]", "I2V-*")),
    Mutant("get-submits", "BASE-06", "GET on a submit path with query parameters queues a generation", asks(_submits_by_get)),
    Mutant("put-submits", "BASE-06", "PUT on a submit path queues a generation",
           asks(lambda request, _: request.at(request.path, "POST") if request.method == "PUT" else request)),
    Mutant("paths-in-any-case", "BASE-07", "Paths are matched without regard to letter case", asks(_any_case)),
    Mutant("trailing-slash-accepted", "BASE-07", "A submit path with a trailing slash is an alias", asks(_slashed)),
)  # fmt: skip
