"""Reading a body: one pass for a good one, another to tell everything that is wrong with a bad one."""

from __future__ import annotations

import json
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from pixazo_simulator.spec.errors import InvalidBody, InvalidParameters, Problem, Violation
from pixazo_simulator.spec.parameters import (
    OPERATIONS,
    ImageParameters,
    Operation,
    Parameters,
    has_too_many_values,
    members,
    parameters_of,
)

GENERATE, IMAGE_TO_VIDEO = OPERATIONS["generate"], OPERATIONS["imageToVideo"]


def decode(body: bytes, operation: Operation) -> Parameters | InvalidBody | InvalidParameters:
    """The parameters in a body, or what is wrong with it."""
    sent = members(body)
    return sent if isinstance(sent, InvalidBody) else parameters_of(sent, operation)


def test_a_good_body_is_read() -> None:
    """Members that were not sent are UNSET, unknown ones are left alone, the last of two counts."""
    read = decode(b'{"prompt":"a","prompt":"b","duration":6,"seed":{"deep":[1]}}', GENERATE)
    assert read == Parameters(prompt="b", duration=6)
    assert isinstance(read, Parameters)
    assert read.resolution is UNSET


def test_image_to_video_reads_one_member_more() -> None:
    """To text-to-video it is an unknown one, of whatever type."""
    body = b'{"prompt":"a","first_frame_image":"http://a.test/b.png"}'
    assert decode(body, IMAGE_TO_VIDEO) == ImageParameters(prompt="a", first_frame_image="http://a.test/b.png")
    assert decode(b'{"prompt":"a","first_frame_image":1}', GENERATE) == Parameters(prompt="a")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", "empty"),
        (b" \r\n\t", "empty"),
        (b"{", "malformed"),
        (b"prompt=bear", "malformed"),
        (b'{"prompt":"\xff"}', "malformed"),
        (b'{"prompt":"\\ud800"}', "malformed"),
        (b'{"prompt":"a","duration":1e400}', "malformed"),
        (b'{"prompt":"a"} {}', "malformed"),
        (b'{"prompt":NaN}', "malformed"),
        (b"[" * 100_000, "nested"),
        (b'{"x":' + b"[" * 100_000, "nested"),
        (b"null", "object"),
        (b"[]", "object"),
        (b'"prompt"', "object"),
    ],
)
def test_what_is_no_json_object_is_classified(body: bytes, fault: str) -> None:
    """The body is empty, malformed, nested too deeply, or some other value."""
    assert decode(body, GENERATE) == InvalidBody(fault)


def test_of_two_members_the_last_one_is_judged() -> None:
    """Whatever the first was."""
    assert decode(b'{"prompt":1,"prompt":"b"}', GENERATE) == Parameters(prompt="b")
    assert decode(b'{"prompt":"a","prompt":2}', GENERATE) == InvalidParameters((Problem("prompt", Violation.STRING),))


def test_every_wrong_type_is_reported() -> None:
    """Errors come in the order of the page; null is no value; a boolean is no number."""
    body = json.dumps(
        {
            "prompt": None,
            "duration": True,
            "resolution": 768,
            "prompt_optimizer": "yes",
            "fast_pretreatment": 0,
            "callback_url": [],
            "aigc_watermark": None,
        }
    ).encode()
    problems = (
        Problem("prompt", Violation.REQUIRED),
        Problem("first_frame_image", Violation.REQUIRED),
        Problem("duration", Violation.INTEGER),
        Problem("resolution", Violation.STRING),
        Problem("prompt_optimizer", Violation.BOOLEAN),
        Problem("fast_pretreatment", Violation.BOOLEAN),
        Problem("callback_url", Violation.STRING),
        Problem("aigc_watermark", Violation.BOOLEAN),
    )
    assert decode(body, IMAGE_TO_VIDEO) == InvalidParameters(problems)


@pytest.mark.parametrize("duration", [b'"6"', b"true", b"null", b"[6]", b"1" + b"0" * 400])
def test_the_word_for_a_duration_is_the_page_s(duration: bytes) -> None:
    """`number` for text-to-video, `integer` for image-to-video."""
    body = b'{"prompt":"a","first_frame_image":"b","duration":%s}' % duration
    assert decode(body, GENERATE) == InvalidParameters((Problem("duration", Violation.NUMBER),))
    assert decode(body, IMAGE_TO_VIDEO) == InvalidParameters((Problem("duration", Violation.INTEGER),))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
NAMES = st.sampled_from(ImageParameters.__struct_fields__)


@given(
    st.binary()
    | st.text().map(str.encode)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(NAMES, JSON).map(lambda value: json.dumps(value).encode())
)
def test_reading_never_raises(body: bytes) -> None:
    """Any bytes, any JSON, any value in any member: parameters, or a refusal that is not empty."""
    for operation in OPERATIONS.values():
        read = decode(body, operation)
        assert not isinstance(read, InvalidParameters) or read.problems
        assert isinstance(read, InvalidBody) == isinstance(members(body), InvalidBody)


@pytest.mark.parametrize(
    ("value", "too_many"),
    [
        (b'"' + b"," * 1_000 + b'"', False),
        (b'"' + b"," * 1_001 + b'"', True),
        (b'"' + b"[" * 100_000 + b'"', False),
        (b'"' + b"[" * 100_001 + b'"', True),
        (b'"' + b"{" * 100_001 + b'"', True),
    ],
)
def test_a_large_body_has_few_values(value: bytes, too_many: bool) -> None:
    """Whether its members are known or not: no body is read value by value for long."""
    for name in (b"prompt", b"x"):
        body = b'{"%s":%s}' % (name, value)
        body += b" " * (64 * 1024 + 1 - len(body))
        assert has_too_many_values(body) is too_many
        assert (decode(body, GENERATE) == InvalidBody("too_many_values")) is too_many
        assert (members(body) == InvalidBody("too_many_values")) is too_many


def test_a_body_of_64_kib_may_have_as_many_values_as_it_likes() -> None:
    """A prompt of commas that is too long is reported as just that."""
    body = b'{"prompt":"%s"}' % (b"," * (64 * 1024 - 13))
    assert len(body) == 64 * 1024
    assert decode(body, GENERATE) == Parameters(prompt="," * (64 * 1024 - 13))


def test_a_value_that_no_number_holds_is_read_past() -> None:
    """An unknown member may have one; a known one may not."""
    body = b'{"prompt":"a","x":%s,"y":{"z":[1e999]}}' % (b"9" * 5000)
    assert decode(body, GENERATE) == Parameters(prompt="a")
    assert list(cast("dict[str, object]", members(body))) == ["prompt", "x", "y"]
    assert decode(b'{"prompt":"a","duration":1e999}', GENERATE) == InvalidBody("malformed")
