"""Wrong outputs and media: OUT."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from urllib.parse import urlsplit

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import answers, asks, bodies, envelopes, is_media, policy, refused_as
from pixazo_simulator.mutants.members import amended, drop, in_output, on, output_url, put, status_is
from pixazo_simulator.mutants.messages import Members, Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import KEY_HEADER, MODEL_ID, MissingKey

FOREIGN_HOST = "https://media.invalid"
"""A host outside the documented CDN; the top-level domain is reserved and resolves nowhere (RFC 2606)."""
DOWNLOADS = ("OUT-0[789]", "OUT-1[013]")
NOTHING = b'{"status":"ok"}'


def _object_key(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def _elsewhere(url: str) -> str:
    return f"{FOREIGN_HOST}{urlsplit(url).path}"


def _alias(request_id: str) -> str:
    return base64.urlsafe_b64encode(request_id.encode()).decode().rstrip("=")


def _aliased(url: str) -> str:
    origin, _, file = url.rpartition("/")
    before, _, request_id = origin.rpartition("/")
    return f"{before}/{_alias(request_id)}/{file}"


def _unaliased(request: Request, _: Context) -> Request:
    alias = request.media_id
    if not alias:
        return request
    try:
        request_id = base64.urlsafe_b64decode(f"{alias}{'=' * (-len(alias) % 4)}").decode()
    except (binascii.Error, ValueError):
        return request
    return request.at(request.path.replace(alias, request_id)) if request_id.startswith(MODEL_ID) else request


def _keyless(request: Request, reply: Reply) -> bool:
    return is_media(request, reply) and not request.header(KEY_HEADER)


def _without_video(reply: Reply, _: Context) -> Reply:
    bare = reply.without_header("content-range").without_header("etag").with_status(200)
    return bare.with_body(NOTHING).with_header("content-type", "application/json")


def _always(name: str, value: object, instead_of: object, unless: tuple[str, object]) -> Edits:
    """Make one value out of another, unless it was asked for together with a value that forbids both."""

    def asked(given: Members) -> bool:
        return given.get(name) == instead_of and given.get(unless[0]) != unless[1]

    return bodies(None, on(asked, put(name, value)))


def _first(urls: list[Any]) -> Any:
    return urls[0]


def _with_thumbnail(urls: list[Any]) -> list[Any]:
    return [*urls, f"{urls[0]}?thumbnail"]


OUTPUT = (
    Mutant("no-output-on-completed", "OUT-01", "The output is null on COMPLETED",
           envelopes(on(status_is("COMPLETED"), put("output", None))), ("OUT-*",)),
    Mutant("no-media-type", "OUT-01", "The output has no media_type", envelopes(in_output(drop("media_type"))), ("OUT-0[67]",)),
    Mutant("media-url-is-text", "OUT-02", "The media_url is one text", envelopes(in_output(amended("media_url", _first))), ("OUT-*",)),
    Mutant("media-url-is-empty", "OUT-02", "The media_url is an empty array", envelopes(in_output(put("media_url", []))),
           ("OUT-*", "I2V-*-04")),
    Mutant("media-url-is-object-key", "OUT-03", "A media URL is a path without scheme and host", envelopes(output_url(_object_key)),
           ("OUT-04", *DOWNLOADS, "I2V-*-04")),
    Mutant("other-media-host", "OUT-04", "The media are on another host than the documented CDN", envelopes(output_url(_elsewhere)),
           (*DOWNLOADS, "I2V-*-04")),
    Mutant("random-object-name", "OUT-05", "A media URL does not carry the request id",
           envelopes(output_url(_aliased)) | asks(_unaliased)),
    Mutant("media-type-mp4", "OUT-06", "The media_type says mp4", envelopes(in_output(put("media_type", "mp4"))), ("OUT-07",)),
    Mutant("media-type-png", "OUT-07", "The media_type says image/png", envelopes(in_output(put("media_type", "image/png")))),
    Mutant("download-needs-key", "OUT-08", "The media cannot be downloaded without a key",
           refused_as(_keyless, lambda _: MissingKey()), (*DOWNLOADS, "I2V-*-04")),
    Mutant("json-for-video", "OUT-09", "A JSON document is served for the video", answers(is_media, _without_video),
           ("OUT-07", "OUT-1[01]", "I2V-*-04")),
    Mutant("always-6-seconds", "OUT-10", "The video has 6 s whatever was asked for",
           _always("duration", 6, 10, ("resolution", "1080P"))),
    Mutant("always-768p", "OUT-11", "The video is 768P whatever was asked for",
           _always("resolution", "768P", "1080P", ("duration", 10))),
    Mutant("thumbnail-in-media-url", "OUT-12", "The media_url has a second entry",
           envelopes(in_output(amended("media_url", _with_thumbnail)))),
    Mutant("preview-in-output", "OUT-12", "The output has a third member", envelopes(in_output(put("preview_url", None)))),
    Mutant("media-gone-after-a-minute", "OUT-13", "The media cannot be downloaded after 60 s", policy(retention="media=60")),
)  # fmt: skip
