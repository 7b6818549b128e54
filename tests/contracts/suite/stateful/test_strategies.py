"""Generated bodies keep the page's rules, or break the one that they say; the rules are spelled out once more here."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import TYPE_CHECKING, Literal, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.suite.stateful import strategies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Operation = Literal["generate", "imageToVideo"]
OPERATIONS = pytest.mark.parametrize("operation", ["generate", "imageToVideo"])
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)

STRINGS = {"prompt": "PROMPT-02", "resolution": "RES-", "callback_url": "CB-01", "first_frame_image": "IMG-02"}
BOOLEANS = {"prompt_optimizer": "PO-01", "fast_pretreatment": "FP-01", "aigc_watermark": "WM-01"}


def is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def types_broken(group: str, body: Mapping[str, object]) -> Iterator[str]:
    """Rules of the tables' Type column."""
    for name, value in body.items():
        if name in STRINGS and value is not None and not isinstance(value, str):
            clause = {"RES-": "RES-01" if group == "T2V" else "RES-03"}.get(STRINGS[name], STRINGS[name])
            yield f"{group}-{clause}"
        if name in BOOLEANS and not isinstance(value, bool):
            yield f"{group}-{BOOLEANS[name]}"


def text_to_video_broken(body: Mapping[str, object]) -> set[str]:
    broken = set(types_broken("T2V", body))
    if body.get("prompt") is None:
        broken.add("T2V-PROMPT-01")
    if "duration" in body and not is_number(body["duration"]):
        broken.add("T2V-DUR-01")
    return broken


def image_broken(value: str) -> str | None:
    """The rule about the image that a string breaks, by a decoder that is not ours."""
    if value.startswith("https://"):
        return None
    head, comma, payload = value.partition(",")
    if not re.fullmatch(r"data:image/[a-z+]+;base64", head) or not comma:
        return "I2V-IMG-05"
    try:
        data = base64.b64decode(payload, validate=True)
    except ValueError:
        return "I2V-IMG-05"
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except UnidentifiedImageError:
        return "I2V-IMG-07"
    if image.format not in {"JPEG", "PNG", "WEBP"} or head != f"data:image/{image.format.lower()};base64":
        return "I2V-IMG-07"
    short, long = sorted(image.size)
    if short <= 300:
        return "I2V-IMG-09"
    return "I2V-IMG-11" if long / short > 2.5 else None


def image_to_video_broken(body: Mapping[str, object]) -> set[str]:
    broken = set(types_broken("I2V", body))
    prompt, image = body.get("prompt"), body.get("first_frame_image")
    duration, resolution = body.get("duration", 6), body.get("resolution", "768P")
    if prompt is None:
        broken.add("I2V-PROMPT-01")
    if isinstance(prompt, str) and len(prompt) > 2000:
        broken.add("I2V-PROMPT-04")
    if image is None:
        broken.add("I2V-IMG-01")
    if isinstance(image, str) and (rule := image_broken(image)):
        broken.add(rule)
    if not isinstance(duration, int) or isinstance(duration, bool):
        broken.add("I2V-DUR-01")
    elif duration not in (6, 10):
        broken.add("I2V-DUR-03")
    if isinstance(resolution, str) and resolution not in ("768P", "1080P"):
        broken.add("I2V-RES-02")
    return broken


def rules_broken(operation: str, body: Mapping[str, object]) -> set[str]:
    return image_to_video_broken(body) if operation == "imageToVideo" else text_to_video_broken(body)


@pytest.mark.slow
@OPERATIONS
@QUICK
@given(data=st.data())
def test_bodies_keep_every_rule(operation: Operation, data: st.DataObject) -> None:
    """A body breaks no rule, is JSON in UTF-8, and asks for nothing of which the page is silent."""
    body = data.draw(strategies.bodies(operation))
    assert rules_broken(operation, body) == set()
    assert json.loads(json.dumps(body, ensure_ascii=False).encode()) == body
    assert str(body["prompt"]).strip()
    assert "callback_url" not in body
    if operation == "generate":
        assert len(str(body["prompt"])) <= 665
        assert body.get("duration", 6) == 6
        assert body.get("resolution", "768P") == "768P"
    else:
        assert (body.get("duration"), body.get("resolution")) != (10, "1080P")
        assert body.get("fast_pretreatment") is not True


@OPERATIONS
@QUICK
@given(data=st.data())
@pytest.mark.exhaustive
def test_breaches_break_the_rule_that_they_say(operation: Operation, data: st.DataObject) -> None:
    """A breach breaks exactly one rule, that of its clause, whose id exists."""
    breach = data.draw(strategies.breaches(operation))
    assert breach.operation == operation
    assert rules_broken(operation, breach.body) == {breach.clause}
    assert BY_ID[breach.clause].requirement
    assert breach.wrong


@pytest.mark.parametrize(
    ("operation", "clause"),
    [
        (operation, clause)
        for operation in ("generate", "imageToVideo")
        for clause in strategies.clauses_broken(operation)
    ],
)
@settings(QUICK, max_examples=10)
@given(data=st.data())
def test_every_rule_can_be_broken_alone(operation: Operation, clause: str, data: st.DataObject) -> None:
    """Asked for the breach of one clause, no other comes."""
    assert data.draw(strategies.breaches(operation, clause)).clause == clause


def test_the_rules_that_are_broken() -> None:
    """They are those of the two parameter tables, but for the one about 20 MB."""
    assert set(strategies.clauses_broken("generate")) == {
        *("T2V-PROMPT-01", "T2V-PROMPT-02", "T2V-DUR-01", "T2V-RES-01"),
        *("T2V-PO-01", "T2V-FP-01", "T2V-WM-01", "T2V-CB-01"),
    }
    assert set(strategies.clauses_broken("imageToVideo")) == {
        *("I2V-PROMPT-01", "I2V-PROMPT-02", "I2V-PROMPT-04", "I2V-IMG-01", "I2V-IMG-02", "I2V-IMG-05", "I2V-IMG-07"),
        *("I2V-IMG-09", "I2V-IMG-11", "I2V-DUR-01", "I2V-DUR-03", "I2V-RES-02", "I2V-RES-03"),
        *("I2V-PO-01", "I2V-FP-01", "I2V-WM-01", "I2V-CB-01"),
    }


def test_a_rule_that_nobody_stated() -> None:
    """A clause without a rule of that operation is named, with those that have one."""
    with pytest.raises(ValueError, match="no rule of generate is stated by 'I2V-IMG-07': known are T2V-PROMPT-01"):
        strategies.breaches("generate", "I2V-IMG-07")


@settings(QUICK, max_examples=150)
@given(frame=strategies.frames())
def test_frames_are_what_they_say(frame: strategies.Frame) -> None:
    """A frame decodes to the kind and size that it names."""
    assert image_broken(frame.url) is None
    data = base64.b64decode(frame.url.partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, Image.MIME[str(image.format)]) == ((frame.width, frame.height), frame.media_type)
    assert frame.size == len(data)


T = TypeVar("T")


def _all(strategy: st.SearchStrategy[T], examples: int = 60) -> list[T]:
    found: list[T] = []

    @settings(QUICK, max_examples=examples, database=None)
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


@pytest.mark.parametrize(
    ("prompt", "members", "clauses"),
    [
        ("a", {}, {"I2V-IMG-03"}),
        ("a" * 2000, {"duration": 10}, {"I2V-IMG-03", "I2V-PROMPT-03", "I2V-DUR-02"}),
        ("雨" * 2000, {"resolution": "1080P"}, {"I2V-IMG-03", "I2V-PROMPT-05", "I2V-RES-01"}),
        ("a [Pan left]", {}, {"I2V-IMG-03", "I2V-PROMPT-06"}),
    ],
    ids=["plain", "longest", "longest in three bytes", "camera"],
)
def test_what_an_acceptance_proves(prompt: str, members: dict[str, object], clauses: set[str]) -> None:
    """An accepted body bears out each feature that it has beyond the plainest."""
    body = {"prompt": prompt, "first_frame_image": "https://example.com/a.jpg", **members}
    assert set(strategies.proves("imageToVideo", body)) == clauses


def test_what_an_accepted_image_proves() -> None:
    """A data URL proves its format, a short side of 301 and a ratio at the bound prove those."""
    proved: dict[tuple[int, int], set[str]] = {}
    for frame in _all(strategies.frames(), examples=150):
        found = strategies.proves("imageToVideo", {"prompt": "a", "first_frame_image": frame.url})
        proved[frame.width, frame.height] = set(found)
    assert proved[640, 480] == {"I2V-IMG-04", "I2V-IMG-06"}
    assert proved[301, 301] == {"I2V-IMG-04", "I2V-IMG-06", "I2V-IMG-10"}
    assert proved[302, 755] == proved[755, 302] == {"I2V-IMG-04", "I2V-IMG-06", "I2V-IMG-12"}


def test_what_an_accepted_text_proves() -> None:
    """Of text-to-video only the prompt alone proves something by itself."""
    assert strategies.proves("generate", {"prompt": "a"}) == ("T2V-BODY-02",)
    assert strategies.proves("generate", {"prompt": "a", "duration": 6}) == ()


@pytest.mark.slow
@OPERATIONS
@QUICK
@given(data=st.data())
def test_malformed_documents_are_no_json(operation: Operation, data: st.DataObject) -> None:
    """No malformed document parses."""
    with pytest.raises(json.JSONDecodeError):
        json.loads(data.draw(strategies.malformed_documents(operation)))


@pytest.mark.slow
@QUICK
@given(strategies.not_objects())
def test_not_objects_are_no_objects(body: bytes) -> None:
    """What is not an object is empty or JSON of another kind."""
    assert body == b"" or not isinstance(json.loads(body), dict)


@pytest.mark.slow
@QUICK
@given(strategies.json_documents())
def test_json_documents_are_json(body: bytes) -> None:
    """A JSON document parses without the words that only Python knows."""
    json.loads(body, parse_constant=pytest.fail)


@pytest.mark.slow
@OPERATIONS
@QUICK
@given(data=st.data())
def test_near_bodies_never_call_back(operation: Operation, data: st.DataObject) -> None:
    """A body with odd members is an object, and names nobody to be called."""
    assert "callback_url" not in json.loads(data.draw(strategies.near_bodies(operation)))


@QUICK
@given(strategies.unknown_ids())
def test_unknown_ids_have_the_shape(request_id: str) -> None:
    """An unknown id is a version 7 UUID of 1970 behind the model's name."""
    assert re.fullmatch(r"minimax-hailuo-ai_00000000-0000-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}", request_id)


@QUICK
@given(strategies.malformed_ids())
def test_malformed_ids_have_another_shape(request_id: str) -> None:
    """A malformed id is one path segment, and no id."""
    assert not re.fullmatch(r"minimax-hailuo-ai_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", request_id)
    assert "/" not in request_id


@QUICK
@given(strategies.json_headers())
def test_json_headers_say_json(headers: tuple[tuple[str, str], ...]) -> None:
    """Headers name the JSON type once, and else at most the printed Cache-Control."""
    by_name = {name.lower(): value for name, value in headers}
    assert len(by_name) == len(headers)
    assert re.fullmatch(r"application/json(; ?charset=utf-8)?", by_name.pop("content-type"), re.IGNORECASE)
    assert by_name in ({}, {"cache-control": "no-cache"})


def test_letter_cases() -> None:
    """A header's name comes as printed, in lower case, in upper case and swapped."""
    wanted = {"X-Webhook-URL", "x-webhook-url", "X-WEBHOOK-URL", "x-wEBHOOK-url"}
    assert set(_all(strategies.letter_cases("X-Webhook-URL"))) == wanted


def test_receiver_urls() -> None:
    """Receivers work, fail at first, are slow, or redirect."""
    urls = _all(strategies.receiver_urls())
    assert {url.name for url in urls} == {"plain", "refusing", "slow", "redirecting"}
    assert {url.fails for url in urls} == {0, 1, 2}
