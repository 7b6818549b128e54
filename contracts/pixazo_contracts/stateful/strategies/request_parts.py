"""Submits that break no rule, and what surrounds a body: letter cases of header names, JSON content types, receivers of callbacks, request ids."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from pixazo_contracts.probes import Headers, ReceiverUrl, Send, submit_send
from pixazo_contracts.trace import MODEL

from .bodies import Operation, bodies, proves

#: The bare type of the page, and the same with a charset.
CONTENT_TYPES: Final = ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8")

#: How slow a receiver is, in seconds of real time.
DELAYS: Final = (0.0, 0.02)

MOST_FAILURES: Final = 2

_HEX = "0123456789abcdef"


def letter_cases(name: str) -> st.SearchStrategy[str]:
    """A header's name in any letter case, as printed first."""
    return st.sampled_from((name, name.lower(), name.upper(), name.swapcase()))


def json_headers() -> st.SearchStrategy[Headers]:
    """Request headers that the page allows, the key aside: a JSON type, `Cache-Control` or not, names in any letter case."""
    typed = st.tuples(letter_cases("Content-Type"), st.sampled_from(CONTENT_TYPES))
    cached = st.tuples(letter_cases("Cache-Control"), st.just("no-cache"))
    return st.tuples(typed) | st.tuples(typed, cached)


def valid_submits(operation: Operation) -> st.SearchStrategy[Send]:
    """Submits that break no rule, with headers in every way in which they may be written."""

    def make(body: dict[str, object], headers: Headers) -> Send:
        aims = proves(operation, body)
        content_type = next(value for name, value in headers if name.lower() == "content-type")
        aims += ("HDR-01",) if content_type != CONTENT_TYPES[0] else ()
        return submit_send(operation, body, case="valid", aims=aims, intent="accept", headers=headers)

    return st.builds(make, bodies(operation), json_headers())


def receiver_urls() -> st.SearchStrategy[ReceiverUrl]:
    """Receiver URLs that work, and ones that fail at first, are slow or redirect."""
    failing = st.integers(1, MOST_FAILURES).map(lambda fails: ReceiverUrl("refusing", fails=fails))
    slow = st.sampled_from(DELAYS).map(lambda delay: ReceiverUrl("slow", delay=delay))
    return st.just(ReceiverUrl("plain")) | failing | slow | st.just(ReceiverUrl("redirecting", redirects=True))


def unknown_ids() -> st.SearchStrategy[str]:
    """Request ids of the documented shape that no gateway has issued: by their timestamp they are from 1970."""
    digits = st.text(_HEX, min_size=19, max_size=19)
    return digits.map(lambda d: f"{MODEL}_00000000-0000-7{d[:3]}-8{d[3:6]}-{d[6:18]}")


def malformed_ids() -> st.SearchStrategy[str]:
    """Path segments of other shapes."""
    visible = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40)
    return (
        st.sampled_from((MODEL, f"{MODEL}_", "%00", "%2F", "a%2F..%2Fb"))
        | visible
        | visible.map(f"{MODEL}_{{}}".format)
    )
