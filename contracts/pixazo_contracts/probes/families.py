"""Families: requests to one operation, one after the other, each of them odd in one respect: it breaks or only just keeps a rule.

On a target that charges, a request counts as a generation unless the page says that it is refused, no matter whether it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from pixazo_contracts.trace import Exchange, Intent

from .conversation import (
    BODY_ONLY,
    PRINTED_HEADERS,
    PROMPT,
    About,
    Conversation,
    Headers,
    Probe,
    ReceiverUrl,
    RunContext,
    Way,
    download,
    encode,
    follow,
    follow_called,
    probe,
    sample_text,
    submit,
    submit_called,
    valid_body,
)
from .images import AVIF, bmp, data_url, gif, jpeg, png, svg, tiff, webp

__all__ = ["ABSENT", "RULES"]

#: The value of a member that a body must not have.
ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One request of a family: its name, its body, and what a gateway does with it according to the page.

    If a value is a function, it is called when the request is sent: an image may have 20 MB. `way`: how it asks for callbacks, if
    they can reach us.
    """

    operation: str
    name: str
    body: Mapping[str, object] | bytes
    intent: Intent = "refuse"
    headers: Headers = PRINTED_HEADERS
    way: Way = ""

    def encoded(self, **more: object) -> bytes:
        """The body, with further members unless it has them."""
        if isinstance(self.body, bytes):
            return self.body
        return encode({name: value() if callable(value) else value for name, value in {**more, **self.body}.items()})


def varied(operation: str, name: str, intent: Intent = "refuse", **changes: object) -> Case:
    """A valid request to an operation, with some members changed, added, or (`ABSENT`) left out."""
    body = valid_body(operation, name, **changes)
    left = {member: value for member, value in body.items() if value is not ABSENT}
    return Case(operation=operation, name=name, body=left, intent=intent)


t2v, i2v = partial(varied, "generate"), partial(varied, "imageToVideo")


def family(
    name: str, aim: str, *cases: Case, feeds: tuple[str, ...] = (), followed: bool = False, only_unlimited: bool = False
) -> Probe:
    """A probe that sends the cases one after the other.

    The first acceptance of a case that the page forbids ends the family; on a target that charges the accidental generation is polled for
    what it can still show. With `followed` accepted cases are followed to their ends afterwards, and their media downloaded.
    """
    counted = sum(case.intent != "refuse" for case in cases)

    @probe(name, aim, *feeds, worst=max(1, counted), cost=counted, only_unlimited=only_unlimited)
    def conversation(context: RunContext) -> Conversation[None]:
        accepted: list[Exchange] = []
        for case in cases:
            exchange = yield from _sent(context, case, aim)
            if exchange.succeeded:
                accepted.append(exchange)
                if case.intent == "refuse" and (context.limited or not followed):
                    break
        if followed or (context.limited and accepted):
            ends = yield from follow(context, accepted)
            for end in ends.values() if followed else ():
                yield from download(context, end)

    return conversation


def _sent(context: RunContext, case: Case, *aims: str) -> Conversation[Exchange]:
    about: About = {"aims": aims, "intent": case.intent}
    url = (yield from ReceiverUrl(f"{case.way}-{case.operation}")) if case.way and context.has_receiver else None
    headers = (*case.headers, ("X-Webhook-URL", url)) if url is not None and case.way == "header" else case.headers
    more = {"callback_url": url} if url is not None and case.way == "member" else {}
    return (yield from submit(case.operation, case.encoded(**more), case=case.name, headers=headers, **about))


#: How often a valid body is sent, where that costs nothing, until it completes: the page does not promise success.
MOST_TRIES: Final = 3


def values(aims: str, *cases: Case, name: str = "") -> Probe:
    """A probe that sends allowed requests for clauses (`aims`: ids with spaces between), follows each to its end, and downloads."""
    clauses = aims.split()
    codes = {"SUBMIT-01" if case.operation == "generate" else "SUBMIT-02" for case in cases}

    @probe(name or f"{aims}, allowed", *clauses, *sorted(codes), "OUT-10", "OUT-11", cost=len(cases))
    def conversation(context: RunContext) -> Conversation[None]:
        left = cases
        for _ in range(1 if context.limited else MOST_TRIES):
            sent: list[Exchange] = []
            for case in left:
                exchange = yield from _sent(context, case, *clauses)
                sent.append(exchange)
            ends = yield from follow(context, sent)
            for end in ends.values():
                yield from download(context, end)
            bad = {request_id for request_id, end in ends.items() if end.state != "COMPLETED"}
            left = tuple(case for case, exchange in zip(left, sent, strict=True) if exchange.accepted_id in bad)
            if not left:
                return

    return conversation


def _raw(
    operation: str, bodies: Mapping[str, bytes], intent: Intent = "refuse", headers: Headers = PRINTED_HEADERS
) -> tuple[Case, ...]:
    case = partial(Case, operation=operation, intent=intent, headers=headers)
    return tuple(case(name=name, body=body) for name, body in bodies.items())


def _with_image(bodies: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same for image to video, with an image: a gateway may look for the required members first."""
    image = rb"\1first_frame_image\1: \1https://example.com/first.jpg\1, \g<0>"
    return {name: re.sub(rb"""(['"])prompt\1: """, image, body) for name, body in bodies.items()}


MALFORMED: Final = {
    "truncated JSON": encode({"prompt": PROMPT})[:-2],
    "single quotes": b"{'prompt': 'A paper boat'}",
    "garbage": b"prompt=A paper boat",
    "trailing comma": b'{"prompt": "A paper boat",}',
    "trailing text": b'{"prompt": "A paper boat"} boat',
    "two documents": b'{"prompt": "A paper boat"}{"duration": 6}',
    "comment": b'{/* boat */ "prompt": "A paper boat"}',
}
NOT_OBJECTS: Final = {
    "empty body": b"",
    "null": b"null",
    "array": b'[{"prompt": "A paper boat"}]',
    "string": b'"A paper boat"',
    "number": b"6",
}

#: Input that breaks careless servers. This is fuzzing, so it is never sent to a target that charges.
ODD_INPUT: Final = {
    "NUL in the prompt": b'{"prompt": "A paper\\u0000boat"}',
    "lone surrogate in the prompt": b'{"prompt": "A paper boat \\ud800"}',
    "nesting 10,000 deep": b'{"prompt": "A paper boat", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "duration 1e400": b'{"prompt": "A paper boat", "duration": 1e400}',
    "duration of 5,000 digits": b'{"prompt": "A paper boat", "duration": ' + b"9" * 5_000 + b"}",
    "duration NaN": b'{"prompt": "A paper boat", "duration": NaN}',
    "doubled member": b'{"prompt": "A paper boat", "prompt": 6}',
    "invalid UTF-8": b'{"prompt": "A paper boat \xff\xfe"}',
    "UTF-16": '{"prompt": "A paper boat"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"prompt": "A paper boat"}',
    "empty member name": b'{"prompt": "A paper boat", "": ""}',
}


#: The changes that leave nothing but the required members.
ALONE: Final = {"duration": ABSENT, "resolution": ABSENT}

#: Bodies that are not declared as JSON: HDR-02 asks what a gateway does then.
OTHER_TYPES: Final = {"text/plain": "text/plain", "form": "application/x-www-form-urlencoded", "untyped": ""}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about one member: the clause that states it, values that the page forbids, leaves open, and allows.

    The values are keyed by the names of their cases; `also` are further changes in each. A `late` rule may be enforced by ending FAILED.
    """

    clause: str
    member: str
    forbidden: Mapping[str, object] = field(default_factory=dict[str, object])
    left_open: Mapping[str, object] = field(default_factory=dict[str, object])
    also: Mapping[str, object] = field(default_factory=dict[str, object])
    allowed: Mapping[str, object] = field(default_factory=dict[str, object])
    late: bool = False

    @property
    def operation(self) -> str:
        """The operation whose table of parameters states the rule."""
        return "generate" if self.clause.startswith("T2V") else "imageToVideo"

    def cases(self, values: Mapping[str, object], intent: Intent) -> tuple[Case, ...]:
        return tuple(
            varied(self.operation, name, intent, **{**self.also, self.member: value}) for name, value in values.items()
        )


IMAGE_URL: Final = "https://example.com/first.jpg"
NO_VALUE: Final = {"missing": ABSENT, "null": None}
NOT_STRINGS: Final = {"42": 42, "1.5": 1.5, "true": True, "false": False, "object": {"text": PROMPT}, "array": [PROMPT]}
NOT_RESOLUTIONS: Final = {"768": 768, "true": True, "object": {"height": 768}, "array": ["768P"]}
SITE: Final = "https://example.com/"
NOT_URLS: Final = {"42": 42, "true": True, "false": False, "object": {"url": SITE}, "array": [SITE]}
NOT_IMAGES: Final = {"42": 42, "true": True, "object": {"url": IMAGE_URL}, "array of URLs": [IMAGE_URL]}
NOT_SECONDS: Final = {"10.5": 10.5, "5.999": 5.999, "the string 10": "10", "the string 6s": "6s"}
NOT_NUMBERS: Final = {"the string 6": "6", "true": True, "false": False, "object": {"seconds": 6}, "array": [6]}

#: Text of any kind that a string may contain; and the longest prompts of image-to-video, with one, three and four bytes per character.
ANY_TEXT: Final = {
    "line breaks, quotes and other scripts": 'A "paper" boat,\n\ta cat\'s \\ shadow: סירה, 海, 🚢',
    "markup": "A boat <b>&amp; a cat</b>, 100% {calm} ${sea}; -- it's late",
    "a letter": "A",
}
LONGEST: Final = 2000
CHARACTERS: Final = {"three bytes": "海", "four bytes": "🚢"}
SHIP: Final = f"{PROMPT}\n🚢"
CAMERA: Final = "[Push in] A lighthouse keeper climbs the stairs, [Pan left] the sea below, [Zoom out]"

#: The page does not say whether null means absence, so a null is observed, not judged.
NULL: Final = {"null": None}

#: The values of a switch. For image-to-video the page names the variant that `fast_pretreatment` is for, so I2V-FP-02
#: observes what true does.
OFF: Final = {"false": False}
EITHER: Final = {**OFF, "true": True}
NOT_BOOLEANS: Final[dict[str, object]] = {
    "the string true": "true",
    "the string False": "False",
    "the empty string": "",
    "0": 0,
    "1.0": 1.0,
    "object": {},
    "array": [True],
}

LONG_ENOUGH: Final = {f"2000 characters of {name}": letter * LONGEST for name, letter in CHARACTERS.items()}
TOO_LONG: Final = {
    f"2001 characters of {name}": letter * (LONGEST + 1) for name, letter in {"one byte": "a", **CHARACTERS}.items()
}
OTHER_SECONDS: Final = (1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 15, 20, 30, 60, 0, -6, 10**12)
OTHER_RESOLUTIONS: Final = (
    *("480P", "512P", "540P", "720P", "1080i", "1440P", "2160P", "2K", "4K"),
    *("768", "1080", "768p", "1080p", " 768P", "768P ", ""),
)


def _png(width: int, height: int, *, padding: int = 0) -> str:
    return data_url("image/png", png(width, height, padding=padding))


def _sizes(*sizes: tuple[int, int]) -> dict[str, Callable[[], str]]:
    return {f"{width} x {height}": partial(_png, width, height) for width, height in sizes}


NO_IMAGE_URLS: Final = {
    "bare Base64": _png(640, 480).partition(",")[2],
    "data URL without Base64": "data:image/png,not an image",
    "empty payload": "data:image/png;base64,",
    "text as data": data_url("text/plain", PROMPT.encode()),
    "empty": "",
    "blank": " ",
    "no URL": "a paper boat",
    "no host": "https://",
    "payload that is not Base64": "data:image/png;base64,!!!not-base64!!!",
    "ftp": "ftp://example.com/first.jpg",
    "file": "file:///first.jpg",
    "javascript": "javascript:first.jpg",
    "relative path": "/first.jpg",
}
OTHER_FORMATS: Final[dict[str, Callable[[], str]]] = {
    "GIF": lambda: data_url("image/gif", gif(320, 320)),
    "BMP": lambda: data_url("image/bmp", bmp(640, 480)),
    "SVG": lambda: data_url("image/svg+xml", svg(640, 480)),
    "TIFF": lambda: data_url("image/tiff", tiff(640, 480)),
    "AVIF": lambda: data_url("image/avif", AVIF),
    "PDF": lambda: data_url("application/pdf", b"%PDF-1.4\n%%EOF\n"),
    "GIF called PNG": lambda: data_url("image/png", gif(320, 320)),
    "GIF called JPEG": lambda: data_url("image/jpeg", gif(320, 320)),
    "BMP called JPEG": lambda: data_url("image/jpeg", bmp(640, 480)),
    "SVG called WebP": lambda: data_url("image/webp", svg(640, 480)),
    "text called JPEG": lambda: data_url("image/jpeg", PROMPT.encode()),
}
FORMATS: Final[dict[str, Callable[[], str]]] = {
    "PNG with transparency": lambda: data_url("image/png", png(480, 640, alpha=True)),
    "progressive JPEG": lambda: data_url("image/jpeg", jpeg(640, 480, progressive=True)),
    "WebP": lambda: data_url("image/webp", webp(640, 480)),
}
TOO_SMALL: Final[dict[str, Callable[[], str]]] = {
    **_sizes((300, 400), (400, 300)),
    "JPEG, 300 x 400": lambda: data_url("image/jpeg", jpeg(300, 400)),
    "WebP, 400 x 300": lambda: data_url("image/webp", webp(400, 300)),
}
TOO_NARROW: Final[dict[str, Callable[[], str]]] = {
    **_sizes((400, 1010), (1010, 400)),
    "JPEG, 1010 x 400": lambda: data_url("image/jpeg", jpeg(1010, 400)),
    "WebP, 400 x 1010": lambda: data_url("image/webp", webp(400, 1010)),
}
#: Just below 20 MB, and not below it, whichever MB the page means.
SMALL_ENOUGH: Final = {"19 MB": partial(_png, 640, 480, padding=19_000_000)}
TOO_LARGE: Final = {"20 MiB": partial(_png, 640, 480, padding=20 * 1024 * 1024)}

_image: Final = partial(Rule, member="first_frame_image", also=ALONE, late=True)

#: The page, Parameters of both operations: 'Required', 'Type' and 'Description'.
RULES: Final = (
    Rule("T2V-PROMPT-01", "prompt", NO_VALUE),
    Rule("T2V-PROMPT-02", "prompt", NOT_STRINGS, allowed=ANY_TEXT),
    Rule("T2V-PROMPT-03", "prompt", {}, {"empty": "", "blank": "   "}),
    Rule("T2V-PROMPT-04", "prompt", {}, {"2001 characters": "a" * 2001}),
    Rule("T2V-DUR-01", "duration", NOT_NUMBERS),
    Rule("T2V-DUR-02", "duration", {}, {f"{value:g}": value for value in (0, -6, 7, 6.5, 1e9)}),
    Rule("T2V-RES-01", "resolution", NOT_RESOLUTIONS, NULL),
    Rule("T2V-RES-02", "resolution", {}, {value or "empty": value for value in ("768p", "720P", "4K", "")}),
    Rule("T2V-CB-01", "callback_url", NOT_URLS, {"no URL": "not a url"}),
    Rule("T2V-IMG-01", "first_frame_image", {}, {"image, no prompt": IMAGE_URL}, {"prompt": ABSENT}),
    Rule("T2V-PO-01", "prompt_optimizer", NOT_BOOLEANS, NULL, allowed=EITHER),
    Rule("T2V-FP-01", "fast_pretreatment", NOT_BOOLEANS, NULL, allowed=EITHER),
    Rule("T2V-WM-01", "aigc_watermark", NOT_BOOLEANS, NULL, allowed=EITHER),
    Rule("I2V-PROMPT-01", "prompt", NO_VALUE),
    Rule("I2V-PROMPT-02", "prompt", NOT_STRINGS, allowed=ANY_TEXT),
    Rule("I2V-PROMPT-03", "prompt", allowed={"2000 characters": "a" * LONGEST}),
    Rule("I2V-PROMPT-04", "prompt", {**TOO_LONG, "20,000 characters": "a" * (10 * LONGEST)}),
    Rule("I2V-PROMPT-05", "prompt", allowed=LONG_ENOUGH),
    Rule("I2V-PROMPT-06", "prompt", allowed={"camera movement": CAMERA}),
    Rule("I2V-IMG-01", "first_frame_image", NO_VALUE),
    Rule("I2V-IMG-02", "first_frame_image", NOT_IMAGES),
    Rule("I2V-DUR-01", "duration", {**NOT_SECONDS, **NOT_NUMBERS}),
    Rule("I2V-DUR-02", "duration", allowed={"6 s": 6, "10 s": 10, "none after 10 s": ABSENT}),
    Rule("I2V-DUR-03", "duration", {str(value): value for value in OTHER_SECONDS}),
    Rule("I2V-RES-01", "resolution", allowed={"768P": "768P", "1080P": "1080P", "none after 1080P": ABSENT}),
    Rule("I2V-RES-02", "resolution", {repr(value): value for value in OTHER_RESOLUTIONS}),
    Rule("I2V-RES-03", "resolution", NOT_RESOLUTIONS, NULL),
    Rule("I2V-CB-01", "callback_url", NOT_URLS),
    Rule("I2V-FP-02", "fast_pretreatment", {}, {"true": True}),
    Rule("I2V-MODEL-01", "model", {}, {"Fast variant": "MiniMax-Hailuo-2.3-Fast", "no such model": "no-such-model"}),
    Rule("I2V-PO-01", "prompt_optimizer", NOT_BOOLEANS, NULL, allowed=EITHER),
    Rule("I2V-FP-01", "fast_pretreatment", NOT_BOOLEANS, NULL, allowed=OFF),
    Rule("I2V-WM-01", "aigc_watermark", NOT_BOOLEANS, NULL, allowed=EITHER),
    _image("I2V-IMG-04", allowed={"data URL": partial(_png, 640, 480)}),
    _image("I2V-IMG-05", forbidden=NO_IMAGE_URLS),
    _image("I2V-IMG-06", allowed=FORMATS),
    _image("I2V-IMG-07", forbidden=OTHER_FORMATS),
    _image("I2V-IMG-08", forbidden=TOO_LARGE, allowed=SMALL_ENOUGH),
    _image("I2V-IMG-09", forbidden=TOO_SMALL),
    _image("I2V-IMG-10", allowed=_sizes((301, 600), (600, 301), (3840, 2160))),
    _image("I2V-IMG-11", forbidden=TOO_NARROW),
    _image("I2V-IMG-12", allowed=_sizes((640, 640), (755, 302), (302, 755))),
)


#: A body in ASCII, as most encoders write JSON, its members in another order; with all booleans true, or with an image.
ESCAPED: Final = b'{"resolution": "768P", %s"duration": 6, "prompt": "A \\"paper\\" boat \\u6d77 \\ud83d\\udea2"}'
BOOLEANS: Final = b'"prompt_optimizer": true, "fast_pretreatment": true, "aigc_watermark": true, '
ESCAPED_IMAGE: Final = f'"first_frame_image": "{_png(640, 480)}", '.replace("/", "\\/").encode()

#: An image given as data, so a gateway need not fetch it.
DATA_IMAGE: Final = {"first_frame_image": _png(640, 480)}


def _allowed(rule: Rule) -> Probe:
    image = DATA_IMAGE if rule.operation == "imageToVideo" else {}
    return values(rule.clause, *replace(rule, also={**image, **rule.also}).cases(rule.allowed, "accept"))


@probe("callback URLs", "T2V-CB-01", "I2V-CB-01", "WEBHOOK-01", "WEBHOOK-03", "WEBHOOK-19", cost=4, needs={"receiver"})
def _callback_urls(context: RunContext) -> Conversation[None]:
    """A URL in either place for one, with either operation; that of the header is the same, as an app has one for all."""
    called = list[tuple[Exchange, str]]()
    shared = yield from ReceiverUrl("header")
    for operation, image, member_aim in (("generate", {}, "T2V-CB-01"), ("imageToVideo", DATA_IMAGE, "I2V-CB-01")):
        ways: dict[Way, str] = {"member": member_aim, "header": "WEBHOOK-01"}
        for way, aim in ways.items():
            url = shared if way == "header" else (yield from ReceiverUrl(f"{way}-{operation}"))
            sent = yield from submit_called(operation, f"URL in the {way}", url, way, aim, **image)
            called.append((sent, url))
    yield from follow_called(context, called)


#: Public images in the other formats, which have been in WebP's own gallery for years: 400 x 301 and 550 x 368; one with a
#: query, as URLs of private buckets have.
GALLERY: Final = {
    "PNG": "https://www.gstatic.com/webp/gallery3/1.png?signature=none",
    "WebP": "https://www.gstatic.com/webp/gallery/1.webp",
}

#: Values at the ends of what the page allows for an image, a prompt and a video.
WIDE_JPEG: Final = data_url("image/jpeg", jpeg(600, 301))
LONG: Final = {"prompt": CHARACTERS["four bytes"] * LONGEST, "first_frame_image": WIDE_JPEG, "duration": 10}
LARGE: Final = {"prompt": SHIP, "first_frame_image": _png(302, 755), "resolution": "1080P"}

#: Requests that the page allows: several of its values at once, then each alone.
ALLOWED: Final = (
    values(
        "T2V-PROMPT-02 T2V-PO-01 T2V-FP-01 T2V-WM-01",
        t2v("other values", "accept", prompt=SHIP, prompt_optimizer=False, fast_pretreatment=True, aigc_watermark=True),
        name="other values",
    ),
    values(
        "I2V-PROMPT-05 I2V-DUR-02 I2V-PO-01 I2V-FP-01 I2V-WM-01 I2V-IMG-06 I2V-IMG-10",
        i2v("long", "accept", **LONG, prompt_optimizer=False, fast_pretreatment=False, aigc_watermark=False),
        name="long prompt and video",
    ),
    values(
        "I2V-PROMPT-02 I2V-RES-01 I2V-PO-01 I2V-WM-01 I2V-IMG-06 I2V-IMG-12",
        i2v("large", "accept", **LARGE, prompt_optimizer=False, aigc_watermark=True),
        name="large and upright video",
    ),
    _callback_urls,
    *(_allowed(rule) for rule in RULES if rule.allowed),
    *(
        values(clause, *(replace(make(case, "accept"), headers=headers) for make in (t2v, i2v)))
        for clause, case, headers in (
            # As some libraries write it; HTTP/2 has header names in lower case. Request g2 has it as others do.
            ("HDR-01", "charset", (("content-type", "application/json;charset=UTF-8"), PRINTED_HEADERS[1])),
            ("HDR-03", "no Cache-Control", BODY_ONLY),
        )
    ),
    values("T2V-PROMPT-02", *_raw("generate", {"escaped JSON": ESCAPED % BOOLEANS}, "accept"), name="escapes"),
    values(
        "I2V-PROMPT-02",
        *_raw("imageToVideo", {"escaped JSON": ESCAPED % ESCAPED_IMAGE}, "accept"),
        name="escapes, image to video",
    ),
    values("T2V-BODY-01", *_raw("generate", {"printed example": sample_text("text_to_video").encode()}, "accept")),
    values("T2V-BODY-02", t2v("prompt alone", "accept", **ALONE)),
    values("I2V-IMG-03", *_raw("imageToVideo", {"printed example": sample_text("image_to_video").encode()}, "accept")),
    values(
        "I2V-IMG-03",
        *(i2v(f"{kind} by URL", "accept", first_frame_image=url) for kind, url in GALLERY.items()),
        name="image URLs",
    ),
)

#: The clauses, besides its own, for which every family of broken rules is evidence.
REFUSAL_CLAUSES: Final = ("ERR-ENV-02", "ERR-400-01", "ERR-500-01", "ERR-SET-01")
BUCKET: Final = "https://pub-582b7213209642b9b995c96c95a30381.r2.dev"

NO_IMAGES: Final = (
    i2v("truncated PNG", "any", first_frame_image=data_url("image/png", png(640, 480)[:60]), **ALONE),
    i2v("URL of nothing", "any", first_frame_image=f"{BUCKET}/no-such-image.jpg"),
    i2v("host that does not resolve", "any", first_frame_image="https://image.invalid/first.jpg"),
)
#: The page names JPG/JPEG as a format, but does not say whether it may be a media type.
IMAGE_JPG: Final = data_url("image/jpg", jpeg(640, 480))
LARGE_AND_LONG: Final = i2v("1080P, 10 s", "any", resolution="1080P", duration=10)

#: A refused image shows that the member is read at all; a refused number shows what it is read as.
IMAGE_AND_PROMPT: Final = (
    t2v("image", "any", first_frame_image=IMAGE_URL),
    t2v("number as image", "any", first_frame_image=42),
)


#: What else a request that breaks a rule has, in turn: a member, what it adds to the name of the case, how it asks for callbacks,
#: the value of the member. None of it relaxes the rule.
BESIDE: Final[tuple[tuple[str, str, Way, object], ...]] = (
    ("", "", "", None),
    ("", " beside a URL in the header", "header", None),
    ("callback_url", " beside callback_url", "member", None),
    ("duration", " beside 10 s", "", 10),
    ("resolution", " beside 1080P", "", "1080P"),
)


def _forbidden(rule: Rule, first: int) -> Probe:
    """The values that a rule forbids, each beside something else, beginning with the `first` such thing."""
    beside = [each for each in BESIDE if each[0] != rule.member]
    cases = list[Case]()
    for number, (name, value) in enumerate(rule.forbidden.items(), first):
        member, label, way, other = beside[number % len(beside)]
        one = replace(rule, also=rule.also if other is None else {**rule.also, member: other})
        cases += [replace(case, way=way) for case in one.cases({f"{name}{label}": value}, "refuse")]
    if rule.clause.endswith("-PROMPT-01"):
        cases += _raw(rule.operation, {"empty object": b"{}"})
    further = ["I2V-IMG-15"] if rule.late else ["WEBHOOK-09"] if rule.forbidden is NO_VALUE else []
    return family(rule.clause, rule.clause, *cases, feeds=(*REFUSAL_CLAUSES, *further), followed=rule.late)


#: The families of requests that the page forbids.
PROBES: Final = (
    family("malformed JSON, text to video", "SUBMIT-16", *_raw("generate", MALFORMED), feeds=("BASE-02",)),
    family(
        "malformed JSON, image to video", "SUBMIT-16", *_raw("imageToVideo", _with_image(MALFORMED)), feeds=("BASE-03",)
    ),
    family("not an object, text to video", "SUBMIT-17", *_raw("generate", NOT_OBJECTS)),
    family("not an object, image to video", "SUBMIT-17", *_raw("imageToVideo", _with_image(NOT_OBJECTS))),
    family("unknown member, no prompt", "SUBMIT-18", t2v("no prompt", "any", prompt=ABSENT, seed=42)),
    family("odd input", "ERR-500-01", *_raw("generate", ODD_INPUT, "any", BODY_ONLY), only_unlimited=True),
    *(_forbidden(rule, n) for n, rule in enumerate(RULES) if rule.forbidden and not rule.late),
    *(_forbidden(rule, n) for n, rule in enumerate(RULES) if rule.forbidden and rule.late),
)

#: The families of requests that the page leaves open, so a gateway may accept them.
OPEN_QUESTIONS: Final = (
    family(
        "other content types",
        "HDR-02",
        *(
            replace(t2v(name, "any", **ALONE), headers=(("Content-Type", media_type),) if media_type else ())
            for name, media_type in OTHER_TYPES.items()
        ),
    ),
    family("unknown member", "SUBMIT-18", t2v("otherwise valid", "any", seed=42)),
    # The table of text to video names no values: these are the others of image to video, and what is accepted must be made.
    values(
        "T2V-DUR-02",
        *(
            replace(t2v(f"10 s, {size}", "any", duration=10, resolution=size), way="header")
            for size in ("768P", "1080P")
        ),
    ),
    values("T2V-RES-02", replace(t2v("1080P", "any", resolution="1080P"), way="header")),
    family("image/jpg", "I2V-IMG-06", i2v("image/jpg", "any", first_frame_image=IMAGE_JPG, **ALONE)),
    *(
        family(f"{rule.clause}, open question", rule.clause, *rule.cases(rule.left_open, "any"))
        for rule in RULES
        if rule.left_open
    ),
    family("I2V-IMG-13", "I2V-IMG-13", *NO_IMAGES, followed=True),
    family("I2V-COMBO-01", "I2V-COMBO-01", LARGE_AND_LONG, followed=True, only_unlimited=True),
    family("T2V-IMG-01, with a prompt", "T2V-IMG-01", *IMAGE_AND_PROMPT),
)
