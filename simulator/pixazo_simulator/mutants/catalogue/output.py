"""OUT: wrong outputs and media."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

from pixazo_simulator.mutants.context import Context
from pixazo_simulator.mutants.edits import edit_replies, in_envelopes, in_submitted, is_media, policy, refuse
from pixazo_simulator.mutants.members import change, drop, in_media_urls, in_output, put, status_is, where
from pixazo_simulator.mutants.messages import Members, Reply, Request
from pixazo_simulator.mutants.mutant import Edits, Mutant
from pixazo_simulator.spec import KEY_HEADER, MODEL_ID, MissingKey

FOREIGN_HOST = "https://media.invalid"
"""A host outside the documented CDN; the top-level domain is reserved and never resolves (RFC 2606, 2)."""
DOWNLOADS = ("OUT-0[789]", "OUT-1[013]")
NOTHING = b'{"status":"ok"}'


def _elsewhere(url: str) -> str:
    return f"{FOREIGN_HOST}{urlsplit(url).path}"


def _aliased(url: str) -> str:
    """The URL with the request id in Base64."""
    *before, request_id, file = url.split("/")
    alias = base64.urlsafe_b64encode(request_id.encode()).decode().rstrip("=")
    return "/".join([*before, alias, file])


def _unaliased(request: Request, _: Context) -> Request:
    alias = request.media_id
    if not alias:
        return request
    try:
        request_id = base64.urlsafe_b64decode(f"{alias}{'=' * (-len(alias) % 4)}").decode()
    except (binascii.Error, ValueError):
        return request
    return request.at(request.path.replace(alias, request_id)) if request_id.startswith(MODEL_ID) else request


def _is_keyless_download(request: Request, reply: Reply) -> bool:
    return is_media(request, reply) and not request.header(KEY_HEADER)


def _without_video(reply: Reply, _: Context) -> Reply:
    bare = reply.without_header("content-range").without_header("etag").with_status(200)
    return bare.with_body(NOTHING).with_header("content-type", "application/json")


def _always(name: str, value: object, instead_of: object, unless: tuple[str, object]) -> Edits:
    """Submit one value instead of another, unless the other is invalid together with a third."""

    def asked(given: Members) -> bool:
        return given.get(name) == instead_of and given.get(unless[0]) != unless[1]

    return in_submitted(None, where(asked, put(name, value)))


OUTPUT = (
    Mutant("no-output-on-completed", "OUT-01", "The output is null on COMPLETED",
           in_envelopes(where(status_is("COMPLETED"), put("output", None))), ("OUT-*",)),
    Mutant("no-media-type", "OUT-01", "The output has no media_type", in_envelopes(in_output(drop("media_type"))), ("OUT-0[67]",)),
    Mutant("media-url-is-text", "OUT-02", "The media_url is a text instead of an array",
           in_envelopes(in_output(change("media_url", lambda urls: urls[0]))), ("OUT-*",)),
    Mutant("media-url-is-empty", "OUT-02", "The media_url is an empty array", in_envelopes(in_output(put("media_url", []))),
           ("OUT-*", "I2V-*-04")),
    Mutant("media-url-is-object-key", "OUT-03", "A media URL is a path without scheme and host",
           in_envelopes(in_media_urls(lambda url: urlsplit(url).path.removeprefix("/"))), ("OUT-04", *DOWNLOADS, "I2V-*-04")),
    Mutant("other-media-host", "OUT-04", "The media are on another host than the documented CDN", in_envelopes(in_media_urls(_elsewhere)),
           (*DOWNLOADS, "I2V-*-04")),
    Mutant("random-object-name", "OUT-05", "A media URL does not contain the request id",
           in_envelopes(in_media_urls(_aliased)) | Edits(request=_unaliased)),
    Mutant("media-type-mp4", "OUT-06", "The media_type is mp4", in_envelopes(in_output(put("media_type", "mp4"))), ("OUT-07",)),
    Mutant("media-type-png", "OUT-07", "The media_type is image/png", in_envelopes(in_output(put("media_type", "image/png")))),
    Mutant("download-needs-key", "OUT-08", "The media cannot be downloaded without a key",
           refuse(_is_keyless_download, MissingKey()), (*DOWNLOADS, "I2V-*-04")),
    Mutant("json-for-video", "OUT-09", "A JSON document is served instead of the video", edit_replies(is_media, _without_video),
           ("OUT-07", "OUT-1[01]", "I2V-*-04")),
    Mutant("always-6-seconds", "OUT-10", "The video has 6 s even if 10 s were requested",
           _always("duration", 6, 10, ("resolution", "1080P"))),
    Mutant("always-768p", "OUT-11", "The video is 768P even if 1080P was requested",
           _always("resolution", "768P", "1080P", ("duration", 10))),
    Mutant("thumbnail-in-media-url", "OUT-12", "The media_url has a second entry",
           in_envelopes(in_output(change("media_url", lambda urls: [*urls, f"{urls[0]}?thumbnail"])))),
    Mutant("preview-in-output", "OUT-12", "The output has a third member", in_envelopes(in_output(put("preview_url", None)))),
    Mutant("media-gone-after-a-minute", "OUT-13", "The media cannot be downloaded after 60 s", policy(retention="media=60")),
)  # fmt: skip
