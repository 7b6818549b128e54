"""The static files of the pages of a server, and the headers of its responses."""

from __future__ import annotations

from importlib.resources import files

from .pages import STYLE

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; media-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of every page: no other origin, no inline script, no inline style."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""The headers of every page."""
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
STATIC: dict[str, tuple[str, bytes]] = {
    each.name: (_TYPES[kind], each.read_bytes())
    for each in files("pixazo_html").joinpath("static").iterdir()
    if (kind := each.name.rpartition(".")[2]) in _TYPES
} | {"style.css": (_TYPES["css"], STYLE.encode())}
"""Media type and content of each static file by name: stylesheet, htmx with its SSE extension, our script, an icon."""
