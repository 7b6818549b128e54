"""BASE: the wrong addresses."""

from __future__ import annotations

from urllib.parse import parse_qsl

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import GENERATE, IMAGE_TO_VIDEO, hide_accepted, submits
from pixazo_simulator.mutants.messages import Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import STATUS_PATH, SUBMIT_PATHS

BASE = "/minimax-hailuo-ai/v1/"
READS = (
    "AUTH-*", "STATUS-*", "FLOW-*", "OUT-*", "TIME-*", "FAIL-*", "WAL-*", "ERR-*", "HDR-05", "SUBMIT-1[1234]", "WEBHOOK-*",
)  # fmt: skip
"""Clauses that cannot be observed without reading a status."""


def _moved(old: str, new: str) -> Edits:
    """Serve what is at or below one path at another instead."""

    def edited(request: Request, _: Context) -> Request:
        if request.path.startswith(new):
            return request.at(f"{old}{request.path.removeprefix(new)}")
        return request.at(f"/moved{request.path}") if request.path.startswith(old) else request

    return Edits(request=edited)


def _get_submits(request: Request, _: Context) -> Request:
    if request.method != "GET" or request.path not in SUBMIT_PATHS or not request.query:
        return request
    posted = request.at(request.path, "POST").with_header("content-type", "application/json")
    return posted.with_members(dict(parse_qsl(request.query.decode("latin-1"))))


def _put_submits(request: Request, _: Context) -> Request:
    return request.at(request.path, "POST") if request.method == "PUT" else request


def _any_case(request: Request, _: Context) -> Request:
    for path in SUBMIT_PATHS:
        if path.lower() == request.path.lower():
            return request.at(path)
    is_read = request.path.lower().startswith(STATUS_PATH)
    return request.at(STATUS_PATH + request.path[len(STATUS_PATH) :]) if is_read else request


def _without_slash(request: Request, _: Context) -> Request:
    return request.at(request.path.rstrip("/")) if request.path.rstrip("/") in SUBMIT_PATHS else request


ADDRESSING = (
    Mutant("base-path-renamed", "BASE-01", "The model API is served below /hailuo/v1", _moved(BASE, "/hailuo/v1/"), ("*",)),
    Mutant("generate-renamed", "BASE-02", "Text-to-video is served only at /textToVideo",
           _moved(f"{BASE}{GENERATE}", f"{BASE}textToVideo"), ("*",)),
    Mutant("image-to-video-in-kebab-case", "BASE-03", "Image-to-video is served only at /image-to-video",
           _moved(f"{BASE}{IMAGE_TO_VIDEO}", f"{BASE}image-to-video"), ("*",)),
    Mutant("status-below-the-model", "BASE-04", "A status is read only below the model's base path, as /result/{id}",
           _moved(STATUS_PATH, f"{BASE}result/"), ("BASE-05", *READS)),
    Mutant("status-of-text-only", "BASE-05", "The status route knows only ids issued by text-to-video",
           hide_accepted(lambda request: submits(request, IMAGE_TO_VIDEO)), ("STATUS-01", "SUBMIT-1[23]", "I2V-*")),
    Mutant("get-submits", "BASE-06", "GET on a submit path with query parameters queues a generation", Edits(request=_get_submits)),
    Mutant("put-submits", "BASE-06", "PUT on a submit path queues a generation", Edits(request=_put_submits)),
    Mutant("paths-in-any-case", "BASE-07", "Paths are matched without regard to letter case", Edits(request=_any_case)),
    Mutant("trailing-slash-accepted", "BASE-07", "A submit path may end in a slash", Edits(request=_without_slash)),
)  # fmt: skip
