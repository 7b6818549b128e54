"""Serves media over HTTP: GET and HEAD, one byte range, entity tags."""

from __future__ import annotations

import re

from starlette.requests import Request
from starlette.responses import Response

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def serve(request: Request, content: bytes, tag: str, media_type: str) -> Response:
    """Answer a GET or HEAD for `content` as RFC 9110 says; several ranges at once are answered in full, as it allows."""
    headers = {"etag": f'"{tag}"', "accept-ranges": "bytes", "cache-control": "public, max-age=3600"}
    if _matches(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    # RFC 9110, 14.2: ranges are defined for GET only.
    asked = _RANGE.fullmatch(request.headers.get("range", "").strip()) if request.method == "GET" else None
    unchanged = request.headers.get("if-range", headers["etag"]) == headers["etag"]
    if not (asked and unchanged and any(asked.groups())):
        return Response(content, media_type=media_type, headers=headers)
    span = _span(asked[1], asked[2], len(content))
    if span is None:
        return Response(status_code=416, headers=headers | {"content-range": f"bytes */{len(content)}"})
    first, last = span
    headers["content-range"] = f"bytes {first}-{last}/{len(content)}"
    return Response(content[first : last + 1], 206, headers, media_type)


def _matches(listed: str, tag: str) -> bool:
    tags = {each.strip().removeprefix("W/") for each in listed.split(",")}
    return "*" in tags or f'"{tag}"' in tags


def _span(first: str, last: str, length: int) -> tuple[int, int] | None:
    """The first and last byte asked for, or None when no byte of the content is."""
    if not first:
        wanted = min(int(last), length)
        return (length - wanted, length - 1) if wanted else None
    begin, end = int(first), min(int(last), length - 1) if last else length - 1
    return (begin, end) if begin <= end else None
