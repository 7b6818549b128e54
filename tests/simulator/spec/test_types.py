"""Reading a body: the parameters of the right types, and everything that is wrong with the others."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from pixazo_simulator.spec.errors import InvalidBody, InvalidParameters, Problem, Violation
from pixazo_simulator.spec.operations import Operation
from pixazo_simulator.spec.parameters import (
    HAILUO,
    OPERATIONS,
    Parameters,
    Read,
    has_too_many_values,
    members,
    parameters_of,
)
from pixazo_simulator.spec.policy import Policy

GENERATE, IMAGE_TO_VIDEO = OPERATIONS["generate"], OPERATIONS["imageToVideo"]


def decode(body: bytes, operation: Operation) -> Read | InvalidBody:
    """The parameters in a body, or what is wrong with it."""
    sent = members(body)
    return sent if isinstance(sent, InvalidBody) else parameters_of(sent, operation, Policy())


def test_a_good_body_is_read() -> None:
    """Members that were not sent are UNSET, unknown ones are left alone, the last of two counts."""
    read = decode(b'{"prompt":"a","prompt":"b","duration":6,"seed":{"deep":[1]}}', GENERATE)
    assert read == Read(Parameters(prompt="b", duration=6))
    assert isinstance(read, Read)
    assert read.parameters.resolution is UNSET


def test_image_to_video_reads_one_member_more() -> None:
    """To text-to-video it is an unknown one, of whatever type."""
    body = b'{"prompt":"a","first_frame_image":"http://a.test/b.png"}'
    assert decode(body, IMAGE_TO_VIDEO) == Read(Parameters(prompt="a", first_frame_image="http://a.test/b.png"))
    assert decode(b'{"prompt":"a","first_frame_image":1}', GENERATE) == Read(Parameters(prompt="a"))


@pytest.mark.parametrize(
    ("body", "fault", "detail"),
    [
        (b"", "empty", ""),
        (b" \r\n\t", "empty", ""),
        (b'\xef\xbb\xbf{"prompt":"a"}', "byte_order_mark", ""),
        (gzip.compress(b'{"prompt":"a"}', mtime=0), "compressed", "gzip"),
        (zlib.compress(b'{"prompt":"a"}'), "compressed", "zlib"),
        ('{"prompt":"a"}'.encode("utf-16"), "encoding", "it looks like UTF-16 or UTF-32"),
        ('{"prompt":"a"}'.encode("utf-16-le"), "encoding", "it looks like UTF-16 or UTF-32"),
        ('{"prompt":"a"}'.encode("utf-32-be"), "encoding", "it looks like UTF-16 or UTF-32"),
        (b'{"prompt":"\xe9t\xe9"}', "encoding", "byte E9 at offset 11"),
        (b'{"x":"\xff","prompt":"a"}', "encoding", "byte FF at offset 6"),
        (b"prompt=bear&duration=6", "form", ""),
        (b'--x\r\nContent-Disposition: form-data; name="prompt"\r\n', "form", ""),
        (b'{"prompt":"\\ud800"}', "malformed", "a string contains an unpaired surrogate"),
        (b'{"prompt":"a"} {}', "malformed", "Extra data at column 16"),
        (b'{"prompt":"a', "malformed", "Unterminated string starting at column 11"),
        (b"{\n'prompt':1}", "malformed", "Expecting property name enclosed in double quotes at line 2, column 1"),
        (b'{"prompt":NaN}', "malformed", "NaN is not a JSON number"),
        (b"[" * 100_000, "nested", ""),
        (b'{"x":' + b"[" * 100_000, "nested", ""),
        (b'{"prompt":"a","duration":1e999}', "number", ""),
        (b'{"seed":1' + b"0" * 5000 + b"}", "number", ""),
        (b"null", "object", "null"),
        (b"[]", "object", "an array"),
        (b'"prompt"', "object", 'the string "prompt"'),
        (b"6", "object", "the number 6"),
    ],
)
def test_what_is_no_json_object_is_reported_by_its_cause(body: bytes, fault: str, detail: str) -> None:
    """With what was found instead, or where."""
    assert decode(body, GENERATE) == InvalidBody(fault, detail)


def test_of_two_members_the_last_one_is_judged() -> None:
    assert decode(b'{"prompt":1,"prompt":"b"}', GENERATE) == Read(Parameters(prompt="b"))
    wrong = Problem("prompt", Violation.WANTED, ("a string", "the number 2"))
    assert decode(b'{"prompt":"a","prompt":2}', GENERATE) == Read(Parameters(), (wrong,))


def test_every_wrong_type_is_reported() -> None:
    """Errors come in the order of the page, each with what came; null is no value; a boolean is no number."""
    body: dict[str, object] = {
        "prompt": None,
        "duration": True,
        "resolution": 768,
        "prompt_optimizer": "yes",
        "fast_pretreatment": 0,
        "callback_url": [],
        "aigc_watermark": {},
    }
    wanted = [
        ("prompt", "a string", "null"),
        ("duration", "one of 6, 10", "true"),
        ("resolution", 'one of "768P", "1080P"', "the number 768"),
        ("prompt_optimizer", "true or false", 'the string "yes"'),
        ("fast_pretreatment", "true or false", "the number 0"),
        ("callback_url", "a string", "an array"),
        ("aigc_watermark", "true or false", "an object"),
    ]
    read = decode(json.dumps(body).encode(), IMAGE_TO_VIDEO)
    assert isinstance(read, Read)
    assert [(each.member, *each.values) for each in read.problems] == wanted
    assert read.parameters == Parameters()


@pytest.mark.parametrize(
    ("duration", "came"),
    [
        (b'"6"', 'the string "6"'),
        (b'"' + b"6" * 50 + b'"', f'the string "{"6" * 40}[cut]"'),
        (b'"data:image/png;base64,AAAA"', "a data URL"),
        (b"true", "true"),
        (b"null", "null"),
        (b"[6]", "an array"),
        (b"1" + b"0" * 400, "a number with very many digits"),
    ],
)
def test_a_duration_of_another_type_is_reported_with_what_came(duration: bytes, came: str) -> None:
    """Bounded; wanted is a number for text-to-video, 6 or 10 for image-to-video, as on the page."""
    body = b'{"prompt":"a","first_frame_image":"b","duration":%s}' % duration
    for operation, wanted in ((GENERATE, "a number"), (IMAGE_TO_VIDEO, "one of 6, 10")):
        read = decode(body, operation)
        assert isinstance(read, Read)
        assert read.problems == (Problem("duration", Violation.WANTED, (wanted, came)),)
        assert read.parameters.prompt == "a"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
NAMES = st.sampled_from(HAILUO[1].names)


@pytest.mark.slow
@settings(max_examples=50)
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
        assert isinstance(read, InvalidBody) == isinstance(members(body), InvalidBody)
        assert "\n" not in str(read if isinstance(read, InvalidBody) else InvalidParameters(read.problems))


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
    assert decode(body, GENERATE) == Read(Parameters(prompt="," * (64 * 1024 - 13)))
