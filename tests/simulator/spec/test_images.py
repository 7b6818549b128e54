"""What the header of an image says."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.simulator.samples import data_url, jpeg, png, webp

import pixazo_simulator.spec.images
from pixazo_simulator.spec.images import Format, ImageFacts, read_data_url

STARTS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\x00\x00\x00\x00WEBP", b"RIFF\x00\x00\x00\x00WEBPVP8 ", b""]


def saved(kind: str, size: tuple[int, int], **options: object) -> bytes:
    """A picture as another program writes it."""
    file = io.BytesIO()
    Image.new("RGB", size, "navy").save(file, kind, **options)
    return file.getvalue()


def facts_of(data: bytes) -> ImageFacts:
    """What the header of a file says."""
    return pixazo_simulator.spec.images.image_facts(data)


@pytest.mark.parametrize(
    ("kind", "options"),
    [("png", {}), ("jpeg", {}), ("jpeg", {"progressive": True}), ("webp", {}), ("webp", {"lossless": True})],
)
def test_pictures_of_another_program_are_read(kind: Format, options: dict[str, object]) -> None:
    """Format, frame, size and wholeness, of each coding."""
    data = saved(kind, (640, 360), **options)
    assert facts_of(data) == ImageFacts(kind, 640, 360, len(data), whole=True)


@pytest.mark.parametrize(("kind", "make"), [("png", png), ("jpeg", jpeg), ("webp", webp)])
def test_headers_built_by_hand_are_read(kind: Format, make: Callable[[int, int], bytes]) -> None:
    """Every byte of these is in this folder."""
    data = make(301, 700)
    assert facts_of(data) == ImageFacts(kind, 301, 700, len(data), whole=True)


def test_the_frame_is_the_stored_one() -> None:
    """An EXIF rotation does not swap the sides."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved("jpeg", (640, 360), exif=exif)
    assert (facts_of(data).width, facts_of(data).height) == (640, 360)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_picture_cut_short_is_not_whole(kind: str) -> None:
    """Its header may still be read."""
    data = saved(kind, (640, 360))
    facts = facts_of(data[: len(data) * 3 // 4])
    assert (facts.format, facts.whole) == (kind, False)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_picture_with_data_behind_it_is_whole(kind: str) -> None:
    """Some cameras append a film, for example."""
    facts = facts_of(saved(kind, (640, 360)) + b"\0" * 5000)
    assert (facts.format, facts.whole) == (kind, True)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_picture() -> None:
    """A JPEG may hold another, whole one in a segment of its own."""
    thumbnail = jpeg(160, 120)
    segment = b"\xff\xe1" + (2 + len(thumbnail)).to_bytes(2) + thumbnail
    data = b"\xff\xd8" + segment + saved("jpeg", (640, 360))[2:]
    assert facts_of(data).whole
    assert not facts_of(data[: len(data) // 2]).whole


@pytest.mark.parametrize("data", [b"", b"GIF89a" + b"\0" * 50, b"<svg/>", b"RIFF\x00\x00\x00\x00WAVE", b"\xff\xd8"])
def test_anything_else_is_other(data: bytes) -> None:
    assert facts_of(data) == ImageFacts("other", -1, -1, len(data), whole=False)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\xff\xd8\xff\xc0\x00\x01", "jpeg"),
        (b"\xff\xd8\xff\xc0\x00\x05ab", "jpeg"),
        (b"\xff\xd8\xff", "jpeg"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "png"),
        (b"RIFF\x08\x00\x00\x00WEBPVP8X", "webp"),
    ],
)
def test_a_damaged_header_gives_no_frame(data: bytes, kind: str) -> None:
    """Its format is still known."""
    facts = facts_of(data)
    assert facts.format == kind
    assert min(facts.width, facts.height) <= 0


@pytest.mark.parametrize(
    "head",
    [
        "data:image/png;base64", "DATA:IMAGE/JPEG;BASE64", "data:image/jpg;base64", "data:image/webp;base64", "data:image/png;charset=utf-8;base64",
        "data:image/jpeg;name=b%C3%A4r.jpg;base64", 'data:image/png;name="a b.png";x=;base64', "data:image/png;name=%22a%20b%22;base64",
    ],
)  # fmt: skip
@pytest.mark.parametrize("data", ["AP9iZWFyKw==", "AP9iZWFyKw%3D%3D", "AP9iZWFyKw%3d=", "%41P9iZWFyKw=="])
def test_a_data_url_gives_its_bytes(head: str, data: str) -> None:
    """Case, parameters and percent-encoded characters are as RFC 2397 allows them."""
    read = read_data_url(f"{head},{data}")
    assert (read.data, read.faults) == (b"\x00\xffbear+", ())


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("data:image/gif;base64,AAAA", ['its media type is "image/gif"']),
        ("data:;base64,AAAA", ["it has no media type: write data:image/png;base64,DATA"]),
        ("data:image/png,AAAA", ["base64 must come last before the comma: write data:image/png;base64,DATA"]),
        ("data:image/png;base64;a=b,AAAA", ["base64 must come last before the comma: write data:image/png;base64,DATA"]),
        ("data:image/png;bear;base64,AAAA", ['its parameter "bear" is not NAME=VALUE']),
        ("data:image/png;base64", ["no comma ends its type within 1000 characters: write data:image/png;base64,DATA"]),
        ("data:image/png;base64,", ["no data follows its comma"]),
        ("data:image/png;base64,AAA", ["its data ends in 0 padding characters (=) instead of 1"]),
        ("data:image/png;base64,====", ["its data ends in 4 padding characters (=) instead of 0"]),
        ("data:image/png;base64,AAAAA", ["its data is truncated: 5 Base64 digits do not make whole bytes"]),
        ("data:image/png;base64,AA==AA==", ["its data continues after the padding at character 4"]),
        ("data:image/png;base64,A A A", ['its data contains " ", which is not Base64, at character 2']),
        ("data:image/png;base64,AA\nAA", ['its data contains "\\n", which is not Base64, at character 3: write it in one line']),
        ("data:image/png;base64,A-_A", ['its data contains "-", which is not Base64, at character 2: write + for - and / for _']),
        ("data:image/png;base64,%4", ["its data contains a % not followed by two hex digits at character 1"]),
        ("data:image/png;base64,AAAé", ['its data contains "é", which is not Base64, at character 4']),
        (
            "data:text/plain,AAAé",
            [
                'its media type is "text/plain"',
                "base64 must come last before the comma: write data:image/png;base64,DATA",
                'its data contains "é", which is not Base64, at character 4',
            ],
        ),
    ],
)  # fmt: skip
def test_everything_that_is_wrong_with_a_data_url_is_reported_by_its_cause(text: str, faults: list[str]) -> None:
    """Type, coding, parameters, data: independent faults are named together."""
    assert list(read_data_url(text).faults) == faults


@given(st.text() | st.text().map("data:image/png;base64,".__add__))
def test_reading_a_data_url_never_raises(text: str) -> None:
    """Whatever the text: data or faults, which are short and in one line."""
    read = read_data_url(text)
    assert read.data is not None or read.faults
    assert all(len(each) < 150 and "\n" not in each for each in read.faults)


@given(st.binary(min_size=1))
def test_a_data_url_of_any_bytes_gives_those_bytes(data: bytes) -> None:
    """Reading and writing are inverse."""
    assert read_data_url(data_url(data)).data == data


@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_reading_a_header_never_raises(start: bytes, rest: bytes) -> None:
    facts = facts_of(start + rest)
    assert facts.size == len(start) + len(rest)


@given(kind=st.sampled_from([png(301, 301), jpeg(301, 301), webp(301, 301)]), data=st.data())
def test_a_damaged_header_never_raises(kind: bytes, data: st.DataObject) -> None:
    """A good picture, some bytes changed, cut somewhere."""
    damaged = bytearray(kind)
    for place, value in data.draw(st.dictionaries(st.integers(0, len(kind) - 1), st.integers(0, 255))).items():
        damaged[place] = value
    facts_of(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]))


@pytest.mark.parametrize("segment", [b"\xff\xe0\x00\x02", b"\xff\x01", b"\xff"])
def test_segments_before_the_picture_are_bounded(segment: bytes) -> None:
    """Empty segments, markers without one, and fill bytes: 1,000 in all with the two of the frame; of a further one nothing is read."""
    frame = jpeg(640, 360)
    most = frame[:2] + segment * 998 + frame[2:]
    assert facts_of(most) == ImageFacts("jpeg", 640, 360, len(most), whole=True)
    assert facts_of(frame[:2] + segment * 999 + frame[2:]).width == -1


@pytest.mark.parametrize("garbage", [b"\0", b"\xff\x01\xff\xff" + b"\0" * 65_533, b"\xff\xda" + b"\xff\xff"])
def test_the_library_is_given_the_header_only(monkeypatch: pytest.MonkeyPatch, garbage: bytes) -> None:
    """It reads what is no segment byte by byte, and would not come to an end soon."""
    lengths: list[int] = []

    def get(file: io.BytesIO, **_: object) -> tuple[int, int]:
        lengths.append(len(file.getvalue()))
        return 640, 360

    monkeypatch.setattr("imagesize.get", get)
    facts_of(jpeg(640, 360)[:-2] + garbage * 100)
    assert lengths[0] < 100


def test_the_head_of_a_data_url_is_bounded() -> None:
    """A thousand characters of type and parameters."""
    head = "data:image/png;name=" + "b" * 972 + ";base64,"
    assert len(head) == 1000
    assert read_data_url(f"{head}AAAA").data == b"\0\0\0"
    assert read_data_url(f"{head.replace('name', 'names')}AAAA").data is None


@given(st.text("AQg/+=\n -é", max_size=12) | st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode()))
def test_base64_is_read_as_the_standard_library_reads_it(text: str) -> None:
    """What it refuses is no data URL."""
    try:
        expected = base64.b64decode(text, validate=True) if text else None
    except ValueError:
        expected = None
    assert read_data_url(f"data:image/png;base64,{text}").data == expected
