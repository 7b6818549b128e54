"""What happens to submits that are odd in one respect: an acceptance tolerates every oddity, a refusal refers to the only one.

An oddity is something that the page forbids (it has no policy point, and explains a refusal) or leaves open. Submits with two
faults show in which order a gateway checks for them.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from itertools import permutations
from typing import Final, NamedTuple

from pixazo_contracts.trace import Exchange, Trace, split_url, webhook_urls
from pixazo_contracts.traffic import bodies

from .messages import Finding, Sighting, grouped, has_known_key, named

#: Request Parameters of the page: the optional members by type.
TYPES: Final[dict[str, tuple[type, ...]]] = {
    "duration": (int, float),
    "resolution": (str,),
    "callback_url": (str,),
    **dict.fromkeys(("prompt_optimizer", "fast_pretreatment", "aigc_watermark"), (bool,)),
}
#: How a recorder shortens a string, and names of hosts that cannot exist (RFC 2606).
SHORTENED: Final = re.compile(r"(?s)(.{64})… \((\d+) characters\)")
NOWHERE: Final = re.compile(r"(.+\.)?(invalid|test|example)")

#: Status codes with which a gateway refuses what a submit says.
OF_A_BODY: Final = frozenset({400, 413, 415, 422})

#: The order of checks that is written unless the traffic contradicts it.
USUAL: Final = ("key", "suspended", "rate", "json", "model", "parameters", "funds")
#: What must be known first: see the simulator's policy.
NEEDED: Final = {("key", "suspended"), ("key", "rate"), ("key", "funds"), ("json", "parameters"), ("json", "funds")}
#: The checks of the account that a status code shows to have failed.
ACCOUNT_FAULTS: Final = {402: "funds", 403: "suspended"}


class Oddity(NamedTuple):
    """What is odd about a submit, and what each outcome shows, empty for nothing; `accepted` applies to any later end."""

    cause: str
    point: str = ""
    refused: str = ""
    accepted: str = ""
    completed: str = ""
    failed: str = ""


class FirstFrame(NamedTuple):
    """The stated type of a data URL, its real type (None for a format that the page does not allow), its size in pixels and in bytes."""

    declared: str
    format: str | None
    width: int
    height: int
    size: int


def first_frame(value: object) -> FirstFrame | None:
    """The image in a data URL, also if a recorder kept only its beginning; None if it cannot be read."""
    text = value if isinstance(value, str) else ""
    cut = SHORTENED.fullmatch(text)
    head, comma, data = (cut[1] if cut else text).partition(",")
    if not head.lower().startswith("data:") or not comma or not head.lower().endswith(";base64"):
        return None
    characters = int(cut[2]) - len(head) - 1 if cut else len(data.rstrip("="))
    try:
        content = base64.b64decode(data[: len(data) // 4 * 4] if cut else data, validate=True)
    except (binascii.Error, ValueError):
        return None
    declared = head[5:].partition(";")[0].lower().replace("image/jpg", "image/jpeg")
    return FirstFrame(declared, bodies.image_format(content), *bodies.image_size(content), characters * 3 // 4)


def _image(value: object) -> Iterator[Oddity]:
    if not isinstance(value, str):
        yield Oddity("image")
    elif value[:5].lower() == "data:":
        frame = first_frame(value)
        yield from [Oddity("image")] if frame is None else _data(frame)
    else:
        parts = split_url(value)
        if parts.scheme == "http" and parts.hostname:
            yield Oddity("http", "image_urls", "https", "unseen|table", "", "table")
        elif parts.scheme != "https" or not parts.hostname:
            yield Oddity("image")
        if parts.hostname and NOWHERE.fullmatch(parts.hostname):
            yield Oddity("nowhere", "image_urls", "", "", "unseen|https", "table")


def _data(frame: FirstFrame) -> Iterator[Oddity]:
    is_listed = frame.declared in bodies.FORMATS
    broken = Oddity("rule", "image_rules", "refuse", "", "", "fail")
    if frame.format is None:
        yield broken if is_listed else Oddity("image")
        return
    if not is_listed:
        yield Oddity("type", "image_type", "listed|match", "any")
    elif frame.declared != frame.format:
        yield Oddity("type", "image_type", "match", "", "listed|any", "match")
    short, long = sorted((frame.width, frame.height))
    if short > 0 and (short <= bodies.SHORT_SIDE or 2 * long > 5 * short or frame.size >= bodies.LARGE_SIZE):
        yield broken
    if bodies.FINE_SIZE <= frame.size < bodies.LARGE_SIZE:
        yield Oddity("megabyte", "image_megabyte", "mb", "", "mib", "mb")


def _prompt(submit: Exchange) -> Iterator[Oddity]:
    prompt, limited = submit.sent.get("prompt"), submit.operation == "imageToVideo"
    if not isinstance(prompt, str):
        yield Oddity("prompt")
        return
    if not prompt.strip():
        yield Oddity("blank", "blank_prompt", "refuse", "accept")
    cut = SHORTENED.fullmatch(prompt)
    counts = {"code_points": len(prompt), "utf16": len(prompt.encode("utf-16-le")) // 2, "bytes": len(prompt.encode())}
    beyond = [unit for unit, count in counts.items() if count > bodies.LONGEST_PROMPT]
    if cut or len(beyond) == len(counts):
        yield Oddity("long") if limited else Oddity("limits", "t2v_limits", "i2v", "open")
    elif beyond:
        within = "|".join(unit for unit in counts if unit not in beyond)
        yield Oddity("unit", "prompt_unit", "|".join(beyond), within if limited else "")
        if not limited:
            yield Oddity("unit", "t2v_limits", "i2v")


def _frame(submit: Exchange) -> Iterator[Oddity]:
    given, resolution = submit.sent.get("duration"), submit.sent.get("resolution")
    limited = submit.operation == "imageToVideo"
    duration = given if isinstance(given, int | float) and not isinstance(given, bool) else 6
    wrong = duration not in {6, 10} or (isinstance(resolution, str) and resolution not in {"768P", "1080P"})
    if wrong and (limited or duration <= 0):
        yield Oddity("frame")
    elif wrong:
        yield Oddity("limits", "t2v_limits", "i2v", "open")
    elif duration == 10 and resolution == "1080P":
        said = ("accept|fail", "accept", "fail") if limited else ("", "", "fail")
        yield Oddity("combo", "combo_1080p_10s", "refuse", *said)
        if not limited:
            yield Oddity("combo", "t2v_limits", "i2v", "", "", "i2v")


def _members(sent: Mapping[str, object], *, image: bool) -> Iterator[Oddity]:
    known = {"prompt", *TYPES, *(["first_frame_image"] if image else [])}
    if sent.keys() - known:
        yield Oddity("unknown", "unknown_members", "refuse", "ignore")
    for name, types in TYPES.items():
        value = sent.get(name)
        if name in sent and value is None:
            yield Oddity("null", "null_members", "refuse", "ignore")
        elif value is not None and (not isinstance(value, types) or (isinstance(value, bool) and bool not in types)):
            yield Oddity("type of a member")


def _webhooks(submit: Exchange) -> Iterator[Oddity]:
    header, member = submit.request_header("X-Webhook-URL"), submit.sent.get("callback_url")
    usable = webhook_urls(submit)
    if header is not None and ("header" not in usable or not split_url(header).hostname):
        yield Oddity("webhook", "bad_webhook_url", "refuse", "ignore")
    elif header is not None and header.startswith("http:"):
        yield Oddity("http webhook", "http_webhook_url", "refuse")
        yield Oddity("http webhook", "bad_webhook_url", "refuse")
    if member == "":
        yield Oddity("empty", "empty_callback_url", "refuse", "ignore")
        yield Oddity("empty", "bad_webhook_url", "refuse")
    elif isinstance(member, str) and ("member" not in usable or not split_url(member).hostname):
        yield Oddity("callback", "bad_webhook_url", "refuse")
    elif isinstance(member, str) and member.startswith("http:"):
        yield Oddity("http callback", "http_webhook_url", "refuse")


def oddities(submit: Exchange) -> Iterator[Oddity]:
    """Everything that is odd about a submit."""
    if not submit.sent:
        yield Oddity("body")
        return
    image = submit.operation == "imageToVideo"
    kind = (submit.request_header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        yield Oddity("content type", "content_type", str(submit.status), "ignore")
    yield from _prompt(submit)
    yield from _frame(submit)
    yield from _members(submit.sent, image=image)
    yield from _webhooks(submit)
    if image:
        yield from _image(submit.sent.get("first_frame_image"))


def seen_in_submits(trace: Trace) -> Iterator[Sighting]:
    """What the outcome of each submit shows: a refusal and a failure are explained by the only oddity, an acceptance by every one."""
    for submit in filter(has_known_key, trace.submits):
        generation = trace.generation(submit.accepted_id)
        refused = submit.status in OF_A_BODY and submit.members.get("error") != "Model not found"
        if not refused and submit.accepted_id is None:
            continue
        odd = [*oddities(submit)]
        single = len({each.cause for each in odd}) == 1
        for oddity in odd:
            if generation is None:
                shown = [oddity.refused if single else ""]
            else:
                ends = {"COMPLETED": oddity.completed, "FAILED": oddity.failed if single else ""}
                shown = [oddity.accepted, ends.get(generation.outcome or "", "")]
            yield from (Sighting(oddity.point, values, submit) for values in shown if values and oddity.point)


def _fault_of(submit: Exchange) -> str | None:
    if submit.status == 400:
        if submit.members.get("error") == "Model not found":
            return "model"
        return "parameters" if submit.sent else "json"
    return {401: "key", 429: "rate", **ACCOUNT_FAULTS}.get(submit.status or 0)


def _faults(submit: Exchange, neighbours: list[Exchange]) -> Iterator[str]:
    """The faults that a submit certainly has, whatever its response; those of the account are the same in the submits around it."""
    if not has_known_key(submit):
        yield "key"
    if submit.request_body is not None and not submit.sent:
        yield "parameters" if submit.request_body.strip() == "{}" else "json"
    elif any(not each.point for each in oddities(submit)):
        yield "parameters"
    around = [n for n in neighbours if n.number != submit.number and has_known_key(n)]
    beside = [[n.status for n in around if n.number < submit.number][-1:]]
    beside += [[n.status for n in around if n.number > submit.number][:1]]
    yield from (fault for status, fault in ACCOUNT_FAULTS.items() if beside == [[status], [status]])


def check_order(trace: Trace) -> Finding | None:
    """The usual order, changed as little as the submits with two faults require; none if they require no change."""
    pairs: dict[tuple[str, str], list[Exchange]] = {}
    for submits in grouped(trace.submits, lambda submit: submit.account).values():
        for submit in submits:
            refused = _fault_of(submit)
            for fault in _faults(submit, submits):
                if refused is not None and fault != refused:
                    pairs.setdefault((refused, fault), []).append(submit)
    lines = [f"{first} before {second} by {named(shown)}" for (first, second), shown in sorted(pairs.items())]
    if not pairs:
        return None
    if any(pair[::-1] in pairs for pair in pairs):
        return Finding(None, ("the traffic contradicts itself", *lines))
    if all(USUAL.index(first) < USUAL.index(second) for first, second in pairs):
        return Finding(None, ("; ".join(lines),))
    wanted = NEEDED | pairs.keys()
    fitting = [p for p in permutations(USUAL) if all(p.index(first) < p.index(second) for first, second in wanted)]
    if not fitting:
        return Finding(None, ("no order of the simulator fits", *lines))
    nearest = min(fitting, key=_moved)
    return Finding(",".join(nearest), (*lines, "the others are in their usual order"))


def _moved(order: tuple[str, ...]) -> tuple[int, tuple[int, ...]]:
    """In how many pairs an order differs from the usual one."""
    places = tuple(map(USUAL.index, order))
    return sum(a > b for n, a in enumerate(places) for b in places[n + 1 :]), places
