"""What the page says about the body of a submit: rules that it breaks, questions that it leaves open, members that it shows to be allowed."""

from __future__ import annotations

import base64
import binascii
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pixazo_contracts.trace import JsonObject, host_is_loopback, is_object, repeated_names, split_url

#: The members of both operations, with the second part of the ids of their clauses.
BOOLEANS: Final = {"prompt_optimizer": "PO", "fast_pretreatment": "FP", "aigc_watermark": "WM"}
KNOWN: Final = frozenset({"prompt", "duration", "resolution", "callback_url", "first_frame_image", *BOOLEANS})

#: The longest prompt of image to video, in code points.
LONGEST_PROMPT: Final = 2000

#: Images below the first size in bytes are allowed, from the second on forbidden: the page does not say which megabyte it means.
FINE_SIZE: Final = 20_000_000
LARGE_SIZE: Final = 20 * 1024 * 1024

#: The longest short side in pixels that is forbidden, and by which share a ratio must be off before rounding cannot explain it.
SHORT_SIDE: Final = 300
ROUNDING: Final = 0.005

#: The allowed formats: their media type, how they begin and how they end.
FORMATS: Final = {
    "image/png": (re.compile(rb"\x89PNG\r\n\x1a\n"), b"IEND\xaeB`\x82"),
    "image/jpeg": (re.compile(rb"\xff\xd8\xff"), b"\xff\xd9"),
    "image/webp": (re.compile(rb"RIFF....WEBP", re.DOTALL), b""),
}
DATA_URL: Final = re.compile(r"(?is)data:(?P<type>[^;,]*)(?P<parameters>[^,]*?)(?P<coded>;base64)?,(?P<payload>.*)")


@dataclass(slots=True)
class Reading:
    """What the page says about a submit, by the ids of clauses: rules that it breaks, questions that it touches, what it shows.

    `unsure`: we cannot tell whether it may be refused, though no clause asks. `by_url`: it names an image that we have not seen.
    """

    broken: list[str] = field(default_factory=list[str])
    left_open: list[str] = field(default_factory=list[str])
    shown: list[str] = field(default_factory=list[str])
    unsure: bool = False
    by_url: bool = False


def _odd(name: str) -> float:
    raise ValueError(f"JSON parsers differ about {name}")


def _number(digits: str) -> float:
    return int(digits) if len(digits) < 16 else _odd(digits)


def read_body(operation: str, body: bytes) -> Reading:
    """What the page says about a body that is declared as JSON."""
    found = Reading()
    try:
        value: object = json.loads(body.decode(), parse_constant=_odd, parse_int=_number, strict=False)
        json.dumps(value, ensure_ascii=False).encode()  # an unpaired surrogate is not text
    except json.JSONDecodeError:
        if body.startswith(b"\xef\xbb\xbf"):
            found.left_open.append("ERR-500-01")
        else:
            found.broken.append("SUBMIT-16" if body.strip() else "SUBMIT-17")
    except (ValueError, RecursionError):
        found.left_open.append("ERR-500-01")
    else:
        text = body.decode()
        if not is_object(value):
            found.broken.append("SUBMIT-17")
        elif repeated_names(text) or any(letter < " " and letter not in "\r\n\t" for letter in text):
            found.unsure = True
        else:
            _read_members(operation, value, found)
    return found


def _read_members(operation: str, members: JsonObject, found: Reading) -> None:
    group = "T2V" if operation == "generate" else "I2V"
    _prompt(group, members, found)
    for name, check in (("duration", _duration), ("resolution", _resolution)):
        if name in members:
            check(group, members[name], found)
    for name, short in BOOLEANS.items():
        if name in members:
            value = members[name]
            which = found.left_open if value is None else found.shown if isinstance(value, bool) else found.broken
            which.append(f"{group}-{short}-01")
    if group == "I2V":
        _image(members.get("first_frame_image"), found)
        combination = members.get("resolution"), members.get("duration")
        found.left_open += ["I2V-FP-02"] if members.get("fast_pretreatment") is True else []
        found.left_open += ["I2V-COMBO-01"] if combination == ("1080P", 10) else []
        found.left_open += ["I2V-MODEL-01"] if "model" in members else []
    elif "first_frame_image" in members:
        # Whether an image may stand for the prompt is the same question.
        found.broken = [rule for rule in found.broken if rule != "T2V-PROMPT-01"]
        found.left_open.append("T2V-IMG-01")
    if "callback_url" in members:
        _callback(group, members["callback_url"], found)
    if set(members) - KNOWN - ({"model"} if group == "I2V" else set[str]()):
        found.left_open.append("SUBMIT-18")
    if group == "T2V" and set(members) == {"prompt"}:
        found.shown = ["T2V-BODY-02"]


def _prompt(group: str, members: JsonObject, found: Reading) -> None:
    prompt = members.get("prompt")
    if prompt is None:
        found.broken.append(f"{group}-PROMPT-01")
    elif not isinstance(prompt, str):
        found.broken.append(f"{group}-PROMPT-02")
    elif not prompt.strip() or "\0" in prompt:
        found.left_open += ["T2V-PROMPT-03"] if group == "T2V" and not prompt.strip() else []
        found.unsure = True
    elif len(prompt) > LONGEST_PROMPT:
        if group == "T2V":
            found.left_open.append("T2V-PROMPT-04")
        elif len(prompt.strip()) > LONGEST_PROMPT:
            found.broken.append("I2V-PROMPT-04")
        else:
            found.unsure = True
    else:
        found.shown.append(f"{group}-PROMPT-02")
        if group == "I2V":
            found.shown += ["I2V-PROMPT-03"] if len(prompt) == LONGEST_PROMPT else []
            found.shown += ["I2V-PROMPT-05"] if len(prompt.encode()) > LONGEST_PROMPT else []
            found.shown += ["I2V-PROMPT-06"] if re.search(r"\[[A-Z][a-z]+ [a-z]+", prompt) else []


def _duration(group: str, value: object, found: Reading) -> None:
    if value is None:
        found.unsure = True
    elif isinstance(value, bool) or not isinstance(value, int | float):
        found.broken.append(f"{group}-DUR-01")
    elif group == "T2V":
        found.left_open += [] if value == 6 else ["T2V-DUR-02"]
    elif value not in {6, 10}:
        found.broken.append("I2V-DUR-03" if float(value).is_integer() else "I2V-DUR-01")
    elif isinstance(value, float):  # 6.0 is an integer for some parsers
        found.unsure = True
    else:
        found.shown.append("I2V-DUR-02")


def _resolution(group: str, value: object, found: Reading) -> None:
    typed = "T2V-RES-01" if group == "T2V" else "I2V-RES-03"
    if value is None:
        found.left_open.append(typed)
    elif not isinstance(value, str):
        found.broken.append(typed)
    elif group == "T2V":
        found.left_open += [] if value == "768P" else ["T2V-RES-02"]
    elif value not in {"768P", "1080P"}:
        found.broken.append("I2V-RES-02")
    else:
        found.shown.append("I2V-RES-01")


def is_public(url: str) -> bool:
    """Whether every gateway can reach and accept a callback URL: https, and not a host of this machine."""
    parts = split_url(url)
    host = parts.hostname or ""
    name = "." in host and not re.fullmatch(r"[0-9.]+", host) and not host.endswith((".local", ".internal", ".invalid"))
    return parts.scheme == "https" and name and url.isprintable() and " " not in url and not host_is_loopback(host)


def _callback(group: str, value: object, found: Reading) -> None:
    clause = f"{group}-CB-01"
    if value is None:
        found.unsure = True
    elif not isinstance(value, str):
        found.broken.append(clause)
    elif re.match(r"https?://[^\s/]", value):
        found.unsure = found.unsure or not is_public(value)
        found.shown += [clause] if is_public(value) else []
    else:
        found.left_open.append(clause)


def _image(value: object, found: Reading) -> None:
    if value is None:
        found.broken.append("I2V-IMG-01")
    elif not isinstance(value, str):
        found.broken.append("I2V-IMG-02")
    elif re.match(r"https?://[^\s/?#]", value):
        found.by_url = True
        found.shown.append("I2V-IMG-03")
    elif (parts := DATA_URL.fullmatch(value)) is None or not parts["coded"]:
        if value == value.strip() or not value.strip():
            found.broken.append("I2V-IMG-05")
        else:
            found.unsure = True
    else:
        _data_url(parts.groupdict(), found)


def _data_url(parts: Mapping[str, str], found: Reading) -> None:
    payload, kind = parts["payload"], parts["type"].lower()
    if re.search(r"[\s_-]", payload) or len(payload) % 4 or parts["parameters"]:
        if re.fullmatch(r"[\w+/=\s-]*", payload, re.ASCII):  # lenient decoders accept it
            found.unsure = True
        else:
            found.broken.append("I2V-IMG-05")
        return
    try:
        data = base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    real = image_format(data)
    if real is None:
        found.broken.append("I2V-IMG-05" if not data or kind.startswith("text/") else "I2V-IMG-07")
    elif real != kind:
        found.left_open += ["I2V-IMG-06"] if (kind, real) == ("image/jpg", "image/jpeg") else []
        found.unsure = True
    else:
        _pixels(data, real, found)


def image_format(data: bytes) -> str | None:
    """The media type of an image, if the page allows it."""
    return next((kind for kind, (beginning, _) in FORMATS.items() if beginning.match(data)), None)


def image_size(data: bytes) -> tuple[int, int]:
    """Width and height of an image in pixels; -1 if they cannot be read."""
    import imagesize  # type: ignore[import-untyped]  # ships no type information; imports an HTTP client and an XML parser

    try:
        width, height = imagesize.get(io.BytesIO(data), exif_rotation=False)  # pyright: ignore[reportUnknownMemberType] - untyped library
    except (ValueError, LookupError, OSError, ArithmeticError):
        return -1, -1
    return int(width), int(height)


def _pixels(data: bytes, kind: str, found: Reading) -> None:
    short, long = sorted(image_size(data))
    found.broken += ["I2V-IMG-08"] if len(data) >= LARGE_SIZE else []
    found.broken += ["I2V-IMG-09"] if 0 < short <= SHORT_SIDE else []
    found.broken += ["I2V-IMG-11"] if short > 0 and long / short > 2.5 * (1 + ROUNDING) else []
    is_cut = kind == "image/webp" and int.from_bytes(data[4:8], "little") + 8 > len(data)
    if found.broken:
        return
    if short < 1 or is_cut or not data.endswith(FORMATS[kind][1]):
        found.left_open.append("I2V-IMG-13")
    elif len(data) >= FINE_SIZE or 2 * long > 5 * short:
        found.unsure = True
    else:
        found.shown += ["I2V-IMG-04", "I2V-IMG-06"]
        found.shown += ["I2V-IMG-10"] if short == SHORT_SIDE + 1 else []
        found.shown += ["I2V-IMG-12"] if 2 * long == 5 * short else []
