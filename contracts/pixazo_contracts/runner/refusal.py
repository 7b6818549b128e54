"""Defines a clear refusal: a response after which no work can have begun, as far as a response can show.

In doubt a request counts as spent. Not clear refusals are: a status code after which a gateway may have begun work (408, 409,
425, 429, any 5xx), a response that was not read completely and as intended, and one in which anything looks like accepted work.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from pixazo_contracts.probes import Send
from pixazo_contracts.trace import MODEL, STATUS_BASE, is_array, split_url

from .transport import Reply

#: The status codes that refuse: a gateway may send any other after it has accepted the work.
REFUSING: Final = frozenset({400, 401, 402, 403, 404, 405, 413, 415, 422})

#: The longest refusal that is searched, in bytes.
LONGEST: Final = 256 * 1024

#: Names of members and headers that contain an id: `id`, `taskId`, `request_id`, `job-uuid`.
ID_NAME: Final = re.compile(r"(?:^|[_\-. ])(?:id|ids|uuid|guid)$|[a-z](?:Id|ID|Ids|IDs|Uuid|UUID)$")
WORK_NAME: Final = re.compile(
    r"task|job|generation|prediction|operation|ticket|poll|polling"
    r"|(?:request|task|job|generation|prediction|operation|video|run|order)(?:id|uuid)s?"
)
WORK_HEADER: Final = re.compile(
    r"location|polling|status|(?:^|-)(?:task|job|generation|prediction|operation|run|video)-id$"
)

#: Values that report progress, in any letter case; the two bad ends only as the page writes them.
PROGRESS: Final = re.compile(
    r"(?i)\s*(?:QUEUED|ENQUEUED|PENDING|PROCESSING|ACCEPTED|SUBMITTED|SCHEDULED|STARTED|RUNNING|IN.?PROGRESS"
    r"|COMPLETED|SUCCEEDED|SUCCESS|CREATED)\s*"
)
BAD_ENDS: Final = frozenset({"FAILED", "ERROR"})

#: What is found in running text: words of progress, a name with its id, ids by their shape, addresses.
WORDS: Final = re.compile(r"\b(?:QUEUED|PROCESSING|COMPLETED|IN_PROGRESS)\b|\b(?:[Ee]n)?queued\b")
NAMED: Final = re.compile(
    r"(?i)(?:\b|_)(?:id|uuid|guid|(?:request|task|job|generation)id)[\"']?\s{0,9}[:=]\s{0,9}[\"']?\w"
)
OURS: Final = re.compile(rf"{MODEL}_[\w-]+|{STATUS_BASE}[^\s\"'<>]*")
SHAPES: Final = re.compile(
    rf"{OURS.pattern}|(?i:[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})"
    r"|\b[0-9]{15,}\b|\b(?=[A-Za-z]{0,40}[0-9])[0-9A-Za-z]{20,}\b"
)
ADDRESS: Final = re.compile(r"(?i)\b(?:https?|wss?)://[^\s\"'<>\\]+")

#: Parts of a host or path that mark an address as documentation.
DOCUMENTATION: Final = re.compile(
    "docs?|documentation|developers?|reference|help|support|errors|problems|probs|ietf|rfc-editor"
)


class _Pairs(list[tuple[str, object]]):
    """The members of an object, including repeated ones: a decoder that keeps only the last hides the others."""


def is_clear_refusal(request: Send, reply: Reply) -> bool:
    """Whether a response shows, as far as a response can, that the request began no work."""
    if reply.status not in REFUSING or reply.error is not None or not reply.whole or len(reply.body) > LONGEST:
        return False
    try:
        text = value = reply.body.decode("utf-8-sig")
        if text.lstrip().startswith(("{", "[", '"')):
            value = json.loads(text, object_pairs_hook=_Pairs)  # ValueError also where it was cut
    except (ValueError, RecursionError):
        return False
    asked = request.text  # a refusal may repeat it
    in_headers = any(_header_shows_work(name, said, asked) for name, said in reply.headers)
    return not in_headers and not _shows_work(value, asked)


def _shows_work(value: object, asked: str, name: str = "") -> bool:
    """Whether a value, or anything in it, looks like accepted work."""
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False
    if ID_NAME.search(name) or ID_NAME.search(name.lower()) or WORK_NAME.fullmatch(name.lower()):
        return True
    if isinstance(value, _Pairs):
        return any(_text_shows_work(member, asked) or _shows_work(item, asked, member) for member, item in value)
    if is_array(value):
        return any(_shows_work(item, asked, name) for item in value)
    if isinstance(value, str):
        bad_end = name.lower() in {"status", "state"} and value in BAD_ENDS
        return bad_end or bool(PROGRESS.fullmatch(value)) or _text_shows_work(value, asked)
    return False


def _text_shows_work(text: str, asked: str) -> bool:
    """Whether running text looks like accepted work; what the request itself contains does not count."""
    if WORDS.search(text) or NAMED.search(text):
        return True
    return any(found not in asked for found in _shapes(text))


def _shapes(text: str) -> Iterator[str]:
    for match in SHAPES.finditer(text):
        yield match[0]
    for match in ADDRESS.finditer(text):
        parts = split_url(match[0])
        labels = (parts.hostname or "").split(".") + parts.path.lower().split("/")
        if not any(map(DOCUMENTATION.fullmatch, labels)):
            yield match[0].rstrip(".,;:)")


def _header_shows_work(name: str, value: str, asked: str) -> bool:
    """Whether a header looks like accepted work. An id by which a host traces requests does not: every response has one."""
    lower = name.lower()
    if lower == "content-encoding":
        # We did not ask for an encoding, so the bytes may not be readable as they are.
        return value.strip().lower() not in {"", "identity"}
    if WORK_HEADER.search(lower) or PROGRESS.fullmatch(value):
        return True
    return any(match[0] not in asked for match in OURS.finditer(value))
