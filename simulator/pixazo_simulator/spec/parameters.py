"""The parameters of the two operations: their types, the marks in a prompt, and the rules for their values.

Each rule is decided here, from the page or, where that is silent, from the policy.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, UnsetType

from .errors import (
    LONGEST_URL,
    MOST_BRACKETS,
    MOST_COMMAS,
    SMALL_BODY,
    InvalidBody,
    InvalidParameters,
    Problem,
    Violation,
)
from .images import MOST_SEGMENTS, ImageFacts, image_facts, read_data_url
from .lifecycle import Status
from .policy import Policy
from .text import beginning, nearest
from .units import SECOND

MODEL_ID = "minimax-hailuo-ai"  # page, Base URL and `model_id` of Response (Completed)


class Parameters(msgspec.Struct, gc=False):
    """The members that both operations share, UNSET when they were not sent (page, Request Parameters of text-to-video)."""

    prompt: str | UnsetType = UNSET
    duration: float | UnsetType = UNSET  # the page says integer; JSON has one type of number (policy `number_forms`)
    resolution: str | UnsetType = UNSET
    prompt_optimizer: bool | UnsetType = UNSET
    fast_pretreatment: bool | UnsetType = UNSET
    callback_url: str | UnsetType = UNSET
    aigc_watermark: bool | UnsetType = UNSET


class ImageParameters(Parameters, gc=False):
    """Image-to-video has one more member (page, Request Parameters of image-to-video)."""

    first_frame_image: str | UnsetType = UNSET


class Operation(msgspec.Struct, frozen=True):
    """An operation that is submitted: the last segment of its path, its parameters, and whether the page states their limits."""

    name: Literal["generate", "imageToVideo"]
    parameters: type[Parameters]
    required: tuple[str, ...]
    limited: bool


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation("generate", Parameters, ("prompt",), limited=False),
        Operation("imageToVideo", ImageParameters, ("prompt", "first_frame_image"), limited=True),
    )
}

SUBMITS = frozenset(OPERATIONS)
"""The names of the operations that submit."""

_RAW_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TYPE_RULES = {str: Violation.STRING, bool: Violation.BOOLEAN, float: Violation.NUMBER}


def members(body: bytes) -> dict[str, Any] | InvalidBody:
    """The members of a JSON object, whatever they are; where a name stands twice the last one counts.

    A value that JSON allows and Python has no number for (more digits or a larger exponent than fit) stays `msgspec.Raw`.
    """
    if not body.strip():
        return InvalidBody("empty")
    if has_too_many_values(body):
        return InvalidBody("too_many_values")
    try:
        value = msgspec.json.decode(body)
    except RecursionError:
        return InvalidBody("nested")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _members_with_unreadable_values(body)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else InvalidBody("object")


def _members_with_unreadable_values(body: bytes) -> dict[str, Any] | InvalidBody:
    try:
        raw = _RAW_MEMBERS.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return InvalidBody("malformed")
    return {name: _readable(value) for name, value in raw.items()}


def _readable(value: msgspec.Raw) -> Any:
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return value


def has_too_many_values(body: bytes, commas: int = MOST_COMMAS, brackets: int = MOST_BRACKETS) -> bool:
    """Whether it would take long to read each value of a body: it is large, and has more than so many of these marks."""
    marks = ((b",", commas), (b"[", brackets), (b"{", brackets))
    return len(body) > SMALL_BODY and any(_has_more(body, mark, most) for mark, most in marks)


def _has_more(body: bytes, mark: bytes, most: int) -> bool:
    at = -1
    for _ in range(most + 1):
        at = body.find(mark, at + 1)
        if at < 0:
            return False
    return True


def parameters_of(given: dict[str, Any], operation: Operation) -> Parameters | InvalidBody | InvalidParameters:
    """The parameters among the members of a body, or everything that is wrong with their types."""
    if any(isinstance(given.get(name), msgspec.Raw) for name in operation.parameters.__struct_fields__):
        return InvalidBody("malformed")
    try:
        return msgspec.convert(given, operation.parameters)
    except msgspec.ValidationError:
        return InvalidParameters(tuple(_type_problems(given, operation)))


def _type_problems(given: dict[str, Any], operation: Operation) -> Iterator[Problem]:
    missing = [name for name in operation.required if given.get(name) is None]
    yield from (Problem(name, Violation.REQUIRED) for name in missing)
    for field in msgspec.structs.fields(operation.parameters):
        if field.name in given and field.name not in missing and not _converts(given[field.name], field.type):
            yield Problem(field.name, _type_rule(field.type, operation))


def _converts(value: object, kind: object) -> bool:
    try:
        msgspec.convert(value, cast("type[object]", kind))
    except msgspec.ValidationError:
        return False
    return True


def _type_rule(kind: object, operation: Operation) -> Violation:
    found = next(rule for known, rule in _TYPE_RULES.items() if known in getattr(kind, "__args__", ()))
    return Violation.INTEGER if found is Violation.NUMBER and operation.limited else found


# Magic: what a prompt or a key chooses without the control API.

_OPEN, _CLOSE = "[[sim:", "]]"
_OPENING = re.compile(r"\[\[ {0,8}sim {0,8}:", re.IGNORECASE)
_LONGEST_WORD, _LONGEST_TEXT = 40, 2000
REACH = 20_000
"""Characters of a prompt in which marks are looked for: ten times the longest prompt that the page allows."""

PROMPTS = {
    "failed": ("[[sim:failed TEXT]]", "ends FAILED with TEXT as its error"),
    "error": ("[[sim:error TEXT]]", "ends ERROR with TEXT as its error, and is not charged"),
    "stuck": ("[[sim:stuck]]", "stays PROCESSING for ever"),
    "after": (
        "[[sim:after SECONDS]]",
        "ends SECONDS after it was accepted, queued and processing in the usual proportion",
    ),
    "moderated": ("[[sim:moderated]]", "is refused or ends FAILED, as policy `moderation` says"),
}
"""Marks that may be anywhere in a prompt, alone or together: word -> (how it is written, what the generation does)."""

KEYS = {
    "sim-empty-wallet": "has no money: a submission gets 402",
    "sim-one-video": "has money for one video of 6 s",
    "sim-two-videos": "has money for two videos of 6 s",
    "sim-suspended": "is suspended: every request gets 403",
    "sim-throttled": "is over its rate limit: every request gets 429",
    "sim-throttled-briefly": "is over its rate limit for 2 s, then served",
    "sim-broken": "meets a broken gateway: every request gets 500",
    "sim-disabled-model": "finds the model disabled: a submission gets 400",
    "sim-another-account": "is an ordinary one, beside the usual",
}
"""Keys that open a world of their own when they are first used: key -> what is special about it.

With `-SUFFIX` behind it a key opens one more such world for each suffix, so that tests can run in parallel.
"""


def read_key(key: str) -> str | None:
    """The magic key that this one is or begins with, the longest if there are several; None when there is none."""
    return max((name for name in KEYS if key == name or key.startswith(f"{name}-")), key=len, default=None)


@dataclass(frozen=True, slots=True)
class Magic:
    """The outcome that the marks of a prompt choose; None where they choose nothing."""

    outcome: Status | None = None
    error: str | None = None
    after: int | None = None
    stuck: bool = False
    moderated: bool = False


def read_magic(prompt: str) -> Magic | Problem:
    """Read every mark in the first 20,000 characters of a prompt, in letters of either case; the last one of a kind counts.

    A mark that means nothing is a problem, which names it and the remedy.
    """
    outcome, error, after, stuck, moderated = None, None, None, False, False
    for rest in _OPENING.split(prompt[:REACH])[1:]:
        word, text, closed = _mark(rest)
        if not closed:
            return Problem("prompt", Violation.MAGIC, (f"{_OPEN}{word}", _remedy(word)))
        if word in ("failed", "error"):
            outcome, error = Status(word.upper()), text or None
        elif word == "after" and re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text):
            after = round(float(text) * SECOND)
        elif word in ("stuck", "moderated") and not text:
            stuck, moderated = stuck or word == "stuck", moderated or word == "moderated"
        else:
            return Problem("prompt", Violation.MAGIC, (f"{_OPEN}{word}{_CLOSE}", _remedy(word)))
    return Magic(outcome, error, after, stuck, moderated)


def _mark(rest: str) -> tuple[str, str, bool]:
    """Word and text of the mark that `rest` is inside of, and whether it is ever closed."""
    inside, closed, _ = rest.partition(_CLOSE)
    word, text = (*inside.split(maxsplit=1), "", "")[:2]
    return word[:_LONGEST_WORD].lower(), text[:_LONGEST_TEXT].rstrip(), bool(closed)


def _remedy(word: str) -> str:
    if word in PROMPTS:
        return f"write {PROMPTS[word][0]}"
    near = nearest(word, tuple(PROMPTS))
    return f"known are {', '.join(form for form, _ in PROMPTS.values())}{near}"


# Rules

DURATIONS = (6, 10)
"""Seconds: "Must be 6 or 10 seconds" (page, Request Parameters of image-to-video)."""
RESOLUTIONS = ("768P", "1080P")  # page: "Must be '768P' or '1080P'"
DEFAULT_DURATION = 6  # page: "Default: 6"
DEFAULT_RESOLUTION = "768P"  # page: "Default: 768P"
PROMPT_LIMIT = 2000
"""Characters: "Video description, maximum 2000 characters" (page), counted in the unit of policy `prompt_unit`."""
IMAGE_LIMIT = 20 * 1024 * 1024
"""Bytes; an image must be smaller: "<20MB" (page). The page does not say which megabyte: the larger is assumed."""
SHORT_SIDE = 300
"""Pixels; the short side must be longer: "short side >300px" (page)."""
MOST_UNKNOWN = 10
"""Unknown members that one response names."""

Images = Mapping[str, ImageFacts]
"""The images behind URLs that a world knows (policy `image_urls`, value `table`)."""

_COUNT: Mapping[str, Callable[[str], int]] = {
    "code_points": len,
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
    "bytes": lambda text: len(text.encode()),
}
_HOST = re.compile(r"[A-Za-z0-9._:%\[\]-]+")


class Findings(msgspec.Struct):
    """What is wrong: problems for which the submission is refused, and problems for which the generation will end FAILED."""

    refused: list[Problem] = []
    fails: list[Problem] = []
    magic: Magic = Magic()


def check(parameters: Parameters, operation: Operation, policy: Policy, images: Images, *, magic: bool) -> Findings:
    """Judge parameters of the right types by every rule of the page, or of the policy where the page leaves a rule open.

    The page states limits for image-to-video only; policy `t2v_limits` applies them to text-to-video.
    """
    found = Findings([], [])
    limited = operation.limited or policy.t2v_limits == "i2v"
    _check_prompt(parameters, policy, found, limited=limited, magic=magic)
    found.refused += _frame_problems(parameters, operation, limited=limited)
    # Not on the page: MiniMax upstream has 1080P for 6 s only (policy `combo_1080p_10s`).
    if limited and policy.combo_1080p_10s != "accept" and (parameters.duration, parameters.resolution) == (10, "1080P"):
        problems = found.fails if policy.combo_1080p_10s == "fail" else found.refused
        problems.append(Problem("resolution", Violation.COMBO))
    if isinstance(parameters, ImageParameters):
        _check_image(parameters.first_frame_image, policy, images, found)
    return found


def _check_prompt(parameters: Parameters, policy: Policy, found: Findings, *, limited: bool, magic: bool) -> None:
    prompt = parameters.prompt
    if prompt is UNSET:
        found.refused.append(Problem("prompt", Violation.REQUIRED))
        return
    if policy.blank_prompt == "refuse" and not prompt.strip():
        found.refused.append(Problem("prompt", Violation.BLANK))
    # A code point has at most 4 bytes, so that a short prompt need not be counted.
    if limited and len(prompt) * 4 > PROMPT_LIMIT and (count := _COUNT[policy.prompt_unit](prompt)) > PROMPT_LIMIT:
        found.refused.append(Problem("prompt", Violation.LENGTH, (PROMPT_LIMIT, count)))
    read = read_magic(prompt) if magic else Magic()
    if isinstance(read, Problem):
        found.refused.append(read)
        return
    found.magic = read
    if read.moderated:
        (found.refused if policy.moderation == "refuse" else found.fails).append(Problem("prompt", Violation.MODERATED))


def _frame_problems(parameters: Parameters, operation: Operation, *, limited: bool) -> Iterator[Problem]:
    duration, resolution = parameters.duration, parameters.resolution
    if duration is not UNSET and duration not in DURATIONS:
        if limited and (not operation.limited or duration == int(duration)):
            given = f"{duration:g}" if abs(duration) < 1e15 else "more"
            yield Problem("duration", Violation.ONE_OF, ("6 or 10 (seconds)", given))
        elif limited:
            yield Problem("duration", Violation.INTEGER)
        elif duration <= 0:
            yield Problem("duration", Violation.POSITIVE)
    if limited and resolution is not UNSET and resolution not in RESOLUTIONS:
        yield Problem("resolution", Violation.ONE_OF, ("768P or 1080P", beginning(resolution, 40)))


def _check_image(given: object, policy: Policy, images: Images, found: Findings) -> None:
    name = "first_frame_image"
    if not isinstance(given, str):
        found.refused.append(Problem(name, Violation.REQUIRED))
    elif given[:5].lower() == "data:":
        data = read_data_url(given)
        problems = [Problem(name, Violation.DATA_URL)] if data is None else _image_problems(image_facts(data))
        (found.refused if data is None or policy.image_rules == "refuse" else found.fails).extend(problems)
    elif url_problem(given) or (policy.image_urls == "https" and not given.lower().startswith("https:")):
        found.refused.append(Problem(name, Violation.IMAGE_URL))
    elif policy.image_urls == "table":
        facts = images.get(given)
        found.fails += [Problem(name, Violation.UNREACHABLE)] if facts is None else _image_problems(facts)


def _image_problems(facts: ImageFacts | None) -> Iterator[Problem]:
    name = "first_frame_image"
    if facts is None:
        yield Problem(name, Violation.IMAGE_SEGMENTS, (MOST_SEGMENTS,))
        return
    if facts.format == "other":
        yield Problem(name, Violation.IMAGE_FORMAT)
        return
    if facts.size >= IMAGE_LIMIT:
        yield Problem(name, Violation.IMAGE_SIZE, (facts.size,))
    if not facts.whole or facts.width <= 0 or facts.height <= 0:
        yield Problem(name, Violation.IMAGE_DAMAGED)
        return
    if min(facts.width, facts.height) <= SHORT_SIDE:
        yield Problem(name, Violation.IMAGE_SIDE, (min(facts.width, facts.height),))
    if has_invalid_ratio(facts):
        yield Problem(name, Violation.IMAGE_RATIO, (facts.width, facts.height))


def has_invalid_ratio(facts: ImageFacts) -> bool:
    """Whether a frame is outside the page's "aspect ratio 2:5 to 5:2"."""
    return 5 * facts.width < 2 * facts.height or 2 * facts.width > 5 * facts.height


def unknown_member(given: Iterable[str], operation: Operation) -> list[Problem]:
    """The first of these members that the page does not list for this operation (policy `unknown_members`), and how many more."""
    known = operation.parameters.__struct_fields__
    unknown = [name for name in given if name not in known]
    remedies, more = [_meant(name, known) for name in unknown[:MOST_UNKNOWN]], len(unknown) - MOST_UNKNOWN
    if more > 0:
        remedies[-1] += f", nor are {more} more"
    pairs = zip(unknown, remedies, strict=False)
    # The journal and the log show the names as well, where a line feed or an escape sequence would do harm.
    return [Problem(_printable(beginning(name, 40)), Violation.UNKNOWN, (remedy,)) for name, remedy in pairs]


def _printable(name: str) -> str:
    return name if name.isprintable() else repr(name)[1:-1]


def _meant(name: str, known: tuple[str, ...]) -> str:
    """What a member that is not known probably means: a parameter of the other operation, or a known one that is near."""
    others = (other.name for other in OPERATIONS.values() if name in other.parameters.__struct_fields__)
    other = next(others, None)
    return f" (but of {other})" if other else nearest(name, known)


def url_problem(text: str) -> Violation | None:
    """Why `text` cannot be used as a URL, or None when it is an http or https URL with a host."""
    if len(text) > LONGEST_URL:
        return Violation.URL_LENGTH
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
    except ValueError:
        usable = None
    return None if usable and text.isascii() and text.isprintable() and " " not in text else Violation.URL
