"""Generated bodies keep the page's rules, or break the one that they say, as what reads the bodies of apps says, too."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Iterable
from typing import Literal, TypeVar

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from pixazo_contracts.clauses import BY_ID
from pixazo_contracts.suite.stateful import strategies
from pixazo_contracts.traffic import read_body

Operation = Literal["generate", "imageToVideo"]
OPERATIONS = pytest.mark.parametrize("operation", ["generate", "imageToVideo"])
IMAGE_TO_VIDEO = """I2V-PROMPT-02 I2V-PROMPT-03 I2V-PROMPT-05 I2V-PROMPT-06 I2V-IMG-03 I2V-IMG-04 I2V-IMG-06 I2V-IMG-10
    I2V-IMG-12 I2V-DUR-02 I2V-RES-01 I2V-PO-01 I2V-FP-01 I2V-WM-01"""
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@pytest.mark.slow
@OPERATIONS
@QUICK
@given(data=st.data())
def test_bodies_keep_every_rule(operation: Operation, data: st.DataObject) -> None:
    """A body breaks no rule, is JSON in UTF-8, and asks for nothing of which the page is silent."""
    body = data.draw(strategies.bodies(operation))
    encoded = json.dumps(body, ensure_ascii=False).encode()
    found = read_body(operation, encoded)
    assert (found.broken, found.left_open, found.unsure) == ([], [], False)
    assert json.loads(encoded) == body
    assert "callback_url" not in body
    if operation == "generate":
        assert len(str(body["prompt"])) <= 665


@OPERATIONS
@QUICK
@given(data=st.data())
@pytest.mark.exhaustive
def test_breaches_break_the_rule_that_they_say(operation: Operation, data: st.DataObject) -> None:
    """A breach breaks exactly one rule, that of its clause, whose id exists."""
    breach = data.draw(strategies.breaches(operation))
    assert breach.operation == operation
    found = read_body(operation, json.dumps(breach.body).encode())
    assume(found.left_open != ["ERR-500-01"])  # a number of 16 digits, which it does not judge
    if found.unsure:  # a ratio that rounding could explain, which it does not judge either
        assert (breach.clause, found.broken) == ("I2V-IMG-11", [])
    else:
        assert found.broken == [breach.clause]
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


def test_a_size_breaks_the_rule_of_its_list() -> None:
    """A short side of 300 or less, or a ratio beyond 2:5, and not both, however near to the bound."""

    def broken(sizes: Iterable[tuple[int, int]]) -> set[tuple[bool, bool]]:
        return {(min(size) <= 300, 2 * max(size) > 5 * min(size)) for size in sizes}

    assert broken(strategies.SIZES) == {(False, False)}
    assert broken(strategies.SMALL) == {(True, False)}
    assert broken(strategies.NARROW) == {(False, True)}


@settings(QUICK, max_examples=150)
@given(frame=strategies.frames())
def test_frames_are_what_they_say(frame: tuple[object, str]) -> None:
    """A frame decodes to the kind and size that it names."""
    data = base64.b64decode(str(frame[0]).partition(",")[2])
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        kind, (width, height) = Image.MIME[str(image.format)], image.size
    assert frame[1] == f"{kind} of {width} x {height}, {len(data)} bytes"


T = TypeVar("T")


def _all(strategy: st.SearchStrategy[T], examples: int = 60) -> list[T]:
    found: list[T] = []

    @settings(QUICK, max_examples=examples, database=None)
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return found


@pytest.mark.slow
@OPERATIONS
def test_valid_submits_aim_at_what_they_show(operation: Operation) -> None:
    """Together at every clause about what a body may have, but for callbacks and an image of 19 MB."""
    aims = {aim for step in _all(strategies.valid_submits(operation), examples=150) for aim in step.aims}
    ours = {"generate": "T2V-PROMPT-02 T2V-BODY-02 T2V-PO-01 T2V-FP-01 T2V-WM-01", "imageToVideo": IMAGE_TO_VIDEO}
    assert aims == {"HDR-01", *ours[operation].split()}


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
