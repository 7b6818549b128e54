"""What an app's request is: where its key is and what else may be a secret, its operation, the clauses that it can show kept or broken.

Of an app's request only the bytes on the wire are known, so it counts for a clause only if a gateway that follows the page has no
choice, whatever the app, its key and its balance are.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from pixazo_contracts.probes import Headers
from pixazo_contracts.runner import HIDDEN, KEPT_HEADERS, KEY, SECRET_NAME, is_distinctive
from pixazo_contracts.trace import KEY_HEADER, MODEL, MODEL_BASE, STATUS_BASE, Intent, split_url

from .bodies import BOOLEANS, Reading, is_public, read_body

#: Names of headers whose values are secrets: of what an app sends, and of what another tool has recorded, where the first
#: would redact too much: the signature of each callback, a session that is echoed, a token of each request.
SECRET: Final = re.compile(r"(?i)(?!idempotency-key$).*(key|auth|token|secret|cookie|session|signature|password)")
SECRET_HEADERS: Final = re.compile(rf"(?i){KEY_HEADER}|(?:proxy-)?authorization|(?:set-)?cookie|x-api-key")

#: A key in a query.
QUERY_NAMES: Final = ("subscription-key", KEY_HEADER.lower())
QUERY_KEY: Final = re.compile(rf"(?i)([?&])(?:{'|'.join(QUERY_NAMES)})=[^&#]*&?")

#: The headers of requests that are kept: those that clauses and the profile read. Any other may contain a secret of the app.
KEPT_OF_REQUESTS: Final = KEPT_HEADERS | {
    *("accept", "accept-encoding", "access-control-request-headers", "access-control-request-method"),
    *("content-encoding", "expect", "forwarded", "idempotency-key", "if-modified-since", "if-none-match", "origin"),
    *("range", "transfer-encoding", "user-agent"),
    *("x-forwarded-host", "x-forwarded-proto", "x-webhook-mode", "x-webhook-url"),
}

#: The paths of the two operations.
SUBMIT_PATHS: Final = {f"{MODEL_BASE}/{operation}": operation for operation in ("generate", "imageToVideo")}

#: An id as the page prints it, one that a gateway can have issued, and one that no gateway has issued.
WELL_FORMED: Final = re.compile(rf"{MODEL}_[0-9A-Za-z]+(-[0-9A-Za-z]+){{4}}")
ISSUABLE: Final = re.compile(rf"{MODEL}_(?!0{{8}})[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}")

#: Headers that ask for something other than the whole representation: the response is not evidence.
CONDITIONS: Final = {"range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"}

#: Methods that a path does not have; a server in front of the API may handle others, such as OPTIONS.
OTHER_METHODS: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "PATCH"})

#: Status codes about the key or the wallet, whose state we do not know.
OF_THE_ACCOUNT: Final = frozenset({401, 402, 403})

#: Why a submit that breaks no rule of the page may rightly be refused: the model, or the contents of its prompt or image.
OTHER_REASON: Final = re.compile(
    r"(?i)model not found|disabled|moderat|sensitive|safety|prohibited|content.?policy|nsfw"
)

#: Words about an image, and about another member of a submit.
IMAGE: Final = re.compile(r"(?i)image|frame|url|fetch|download")
PARAMETER: Final = re.compile(r"(?i)duration|resolution|prompt|aigc_watermark|fast_pretreatment")


def split_target(url: str) -> tuple[str, str]:
    """Path and query of a URL, or of a path whose query may contain a URL."""
    parts = split_url(f"//-{url}" if url.startswith("/") else url)
    return parts.path, parts.query


def key_of(url: str, headers: Headers) -> tuple[str, str] | None:
    """The key of a request and its placement: `header`, `lower-case`, `upper-case`, `bearer` or `query`; None without one."""
    bearer = None
    for name, value in headers:
        if name.lower() == KEY_HEADER.lower():
            return value.strip(), "lower-case" if name.islower() else "upper-case" if name.isupper() else "header"
        if name.lower() == "authorization":
            bearer = value.strip().rpartition(" ")[2]
    named = [value for name, value in parse_qsl(split_target(url)[1]) if name.lower() == QUERY_NAMES[0]]
    return (bearer, "bearer") if bearer else (named[0], "query") if named else None


def secrets_of(url: str, headers: Headers, *, words: bool) -> Iterator[tuple[str, str]]:
    """The texts of a message that may be secrets, some of them empty, and what replaces each.

    A cookie is not replaced as a key: a gateway, or a proxy before it, sets and repeats its own. The part of Set-Cookie after the
    first pair is not a secret. Without `words`, a cookie that is like a word is left out: that word would be redacted everywhere.
    """
    path, query = split_target(url)
    for name, value in parse_qsl(query):
        # The signature of a medium's URL is no key: the gateway itself names it.
        may_be = path.startswith((MODEL_BASE, STATUS_BASE)) and SECRET_NAME.fullmatch(name)
        if name.lower() in QUERY_NAMES or (may_be and (words or is_distinctive(value))):
            yield value, KEY
    for name, value in headers:
        whole, shown = value.strip(), KEY
        if "cookie" in name.lower():
            pairs, shown = value.split(";")[: 1 if name.lower() == "set-cookie" else None], HIDDEN
            cookies = (pair.partition("=")[2].strip().strip('"') for pair in pairs)
            parts = [cookie for cookie in cookies if words or is_distinctive(cookie)]
        else:
            parts = [whole.partition(" ")[2].strip(), whole.rpartition(" ")[2], *_password(whole)]
        yield from ((text, shown) for text in (whole, unquote(whole), *parts))


def _password(value: str) -> list[str]:
    scheme, _, coded = value.partition(" ")
    try:
        plain = base64.b64decode(coded, validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        return []
    return [plain, plain.partition(":")[2]]


def without_key(url: str) -> str:
    """A URL or request target without a key in its query."""
    return QUERY_KEY.sub(r"\1", url).rstrip("?&")


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """What an `Exchange` has in addition to what crossed the wire.

    `operation`: `generate`, `imageToVideo`, `status`, `media`, `head`, `other` (anything else below the API's paths), or
    `elsewhere`. `keyed`: a key was sent, at `placement`; `blank`: it was empty. `by_url`: see `Reading`.
    """

    operation: str
    request_id: str | None = None
    placement: str = "header"
    keyed: bool = False
    blank: bool = False
    aims: tuple[str, ...] = ()
    intent: Intent = "any"
    case: str = "in passing"
    by_url: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        """Those of its fields that an exchange also has."""
        names = ("operation", "request_id", "placement", "aims", "intent", "case")
        return {name: getattr(self, name) for name in names}

    def settled(self, status: int | None, body: bytes) -> Classified:
        """The same once the response is known: without clauses for which the response shows another reason."""
        neutral = replace(self, aims=(), intent="any")
        if self.keyed and status in OF_THE_ACCOUNT:
            return neutral
        if self.intent == "accept" and status is not None and status >= 500:
            return replace(self, aims=())  # ERR-500-01 judges it, whatever was sent
        accepted = status is not None and 200 <= status < 300
        if self.intent == "accept" and not accepted and status is not None and 400 <= status < 500:
            # The image at the URL may be at fault, unless only another member is named.
            text = body[:4096].decode("utf-8", "replace")
            unknown = self.by_url and (IMAGE.search(text) or not PARAMETER.search(text))
            return neutral if unknown or OTHER_REASON.search(text) else self
        # It may have been issued before the trace began.
        earlier = "STATUS-10" in self.aims and accepted and ISSUABLE.fullmatch(str(self.request_id))
        return neutral if earlier else self


def classify(
    method: str,
    url: str,
    headers: Headers,
    body: bytes | None,
    origin: str,
    *,
    issued: Container[str] | None = None,
    media: Mapping[str, str] | None = None,
) -> Classified:
    """What a request to the gateway at `origin` is, and what it is evidence for; `settled` goes on once its response is known.

    `issued` are the ids that the gateway is known to have issued; without them no id counts as unknown. `media` has the
    generation of each media URL that an envelope named, by the URL without its query.
    """
    path, _ = split_target(url)
    key, placement = key_of(url, headers) or (None, "header")
    said = Classified(operation="elsewhere", keyed=bool(key), blank=key == "", placement=placement)
    names = {name.lower() for name, _ in headers}
    absolute = (f"{origin}{url}" if url.startswith("/") else url).partition("?")[0]
    if media and absolute in media:
        whole = not names & CONDITIONS and method == "GET"
        return replace(said, operation="media" if whole else "other", request_id=media[absolute] if whole else None)
    if not (path.startswith((MODEL_BASE, STATUS_BASE)) or path.lower().replace("//", "/").startswith(MODEL_BASE)):
        return said
    said = replace(said, operation="head" if method == "HEAD" else "other")
    if path in SUBMIT_PATHS:
        if method == "POST":
            return _submit(replace(said, operation=SUBMIT_PATHS[path]), headers, body or b"")
        if method not in OTHER_METHODS or not said.keyed:
            return said
        return replace(said, aims=("BASE-06",), intent="refuse", case=f"{method} {SUBMIT_PATHS[path]}")
    if path.startswith(STATUS_BASE):
        read = method == "GET" and not names & CONDITIONS
        return _read(replace(said, operation="status"), path.removeprefix(STATUS_BASE), issued) if read else said
    near = path.replace("//", "/").rstrip("/").lower()
    if method == "POST" and near in map(str.lower, SUBMIT_PATHS):  # looks like an operation but is not one
        kind = "doubled slash" if "//" in path else "trailing slash" if path.endswith("/") else "other letter case"
        return replace(said, aims=("BASE-07",), case=kind)
    return said


def _keyless(said: Classified, aim: str) -> Classified:
    """A request without a usable key in its place, which is refused for that; the page does not say whether a key elsewhere counts."""
    if said.keyed:
        return replace(said, case="key elsewhere")
    return replace(said, aims=("AUTH-04" if said.blank else aim,), intent="refuse", case="no key")


def _read(said: Classified, request_id: str, issued: Container[str] | None) -> Classified:
    said = replace(said, request_id=request_id)
    formed = WELL_FORMED.fullmatch(request_id)
    if not said.keyed or said.placement in {"bearer", "query"}:
        return _keyless(said, "AUTH-02") if formed else said
    if issued is None or request_id in issued:
        return said
    # Ids of other models are also served here.
    malformed = not request_id or request_id.startswith(f"{MODEL}_")
    aims = ("STATUS-10",) if formed else ("STATUS-11",) if malformed else ()
    return replace(said, aims=aims, intent="refuse" if aims else "any", case="unknown id" if formed else "malformed id")


def _submit(said: Classified, headers: Headers, body: bytes) -> Classified:
    fields = {name.lower(): value for name, value in headers}
    kind = fields.get("content-type", "").lower().replace(" ", "")
    found = read_body(said.operation, body)
    typed = kind in {"application/json", "application/json;charset=utf-8"}
    plain = not fields.keys() & {"content-encoding", *CONDITIONS}
    hook = fields.get("x-webhook-url")
    if not typed:
        found = Reading(left_open=["HDR-02"], unsure=True) if not found.broken and plain else Reading(unsure=True)
    elif not plain:
        found = Reading(unsure=True)
    else:
        found.shown += ["HDR-01"] if found.shown != ["T2V-BODY-02"] or ";" in kind else []
        found.shown += [] if "cache-control" in fields else ["HDR-03"] if len(found.shown) > 1 else []
        if hook is not None:
            odd = not re.match(r"https?://[^\s/]", hook)
            found.left_open += ["WEBHOOK-15"] if odd else []
            found.unsure = found.unsure or not is_public(hook)
            found.shown += ["WEBHOOK-01"] if is_public(hook) else []
    if not said.keyed or said.placement in {"bearer", "query"}:
        # The page does not say whether the key or the body is checked first.
        if found.broken or found.left_open or found.unsure:
            return replace(said, aims=("AUTH-08",), intent="refuse", case="no key, another fault")
        return _keyless(said, "AUTH-01")
    said = replace(said, by_url=found.by_url)
    if found.broken:
        return replace(said, aims=tuple(dict.fromkeys(found.broken)), intent="refuse", case=_about(found.broken))
    if found.left_open or found.unsure:
        aims = tuple(dict.fromkeys(found.left_open))
        return replace(said, aims=aims, case=_about(aims))
    return replace(said, aims=tuple(dict.fromkeys(found.shown)), intent="accept", case="valid")


def _about(aims: Iterable[str]) -> str:
    shorts = {short: name for name, short in BOOLEANS.items()}
    words = {"PROMPT": "prompt", "DUR": "duration", "RES": "resolution", "IMG": "image", "CB": "callback_url", **shorts}
    return ", ".join(dict.fromkeys(words.get(aim.split("-")[1], aim) for aim in aims)) or "left open"
