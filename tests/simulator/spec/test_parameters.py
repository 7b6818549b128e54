"""The rules that well-typed parameters must obey."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.simulator.samples import data_url, jpeg, png, webp

from pixazo_simulator.spec.errors import Problem, Violation
from pixazo_simulator.spec.operations import url_problem
from pixazo_simulator.spec.parameters import (
    HAILUO,
    OPERATIONS,
    Findings,
    Parameters,
    check,
    parameters_of,
    unknown_member,
)
from pixazo_simulator.spec.policy import PROFILES, Policy
from pixazo_simulator.spec.responses import sentence


def image(violation: Violation, *values: str | int) -> Problem:
    """A problem with the first frame."""
    return Problem("first_frame_image", violation, values)


BIG = 20 * 1024 * 1024


def problems(operation: str, policy: dict[str, str] | None = None, **given: Any) -> list[Problem]:
    """Why some parameters are refused; a prompt and an image are put in unless they are given."""
    good: dict[str, Any] = {"prompt": "A bear", "first_frame_image": "https://a.test/b.png"}
    return check(
        Parameters(**good | given), OPERATIONS[operation], Policy().changed(policy or {}), {}, magic=True
    ).refused


BOTH = pytest.mark.parametrize("operation", ["generate", "imageToVideo"])


@BOTH
@pytest.mark.parametrize("duration", [6, 10, 6.0])
@pytest.mark.parametrize("resolution", ["768P", "1080P"])
def test_every_good_frame_is_taken(operation: str, duration: float, resolution: str) -> None:
    """All but 1080P for 10 s."""
    combo = (duration, resolution) == (10, "1080P")
    expected = [Problem("resolution", Violation.COMBO)] if combo else []
    assert problems(operation, duration=duration, resolution=resolution) == expected


@BOTH
@pytest.mark.parametrize(
    ("duration", "expected"), [(7, "7"), (0, "0"), (-6, "-6"), (6.5, "6.5"), (1e300, "1e+300"), (60000, "60000")]
)
def test_a_video_takes_6_or_10_seconds(operation: str, duration: float, expected: str) -> None:
    """Any other number is refused for its value."""
    wanted = Problem("duration", Violation.WANTED, ("one of 6, 10", f"the number {expected}"))
    assert problems(operation, duration=duration) == [wanted]


@BOTH
@pytest.mark.parametrize("resolution", ["768p", "", " 768P", "4K", "x" * 500])
def test_a_resolution_is_spelled_to_the_letter(operation: str, resolution: str) -> None:
    """It is repeated in the error, cut short."""
    came = resolution if len(resolution) < 41 else f"{resolution[:40]}[cut]"
    assert (
        str(problems(operation, resolution=resolution)[0])
        == f'resolution must be one of "768P", "1080P", not the string "{came}"'
    )


def test_open_limits_leave_text_to_video_its_types() -> None:
    """Any prompt, any positive duration, any resolution; image-to-video stays as the page says."""
    opened = {"t2v_limits": "open"}
    assert problems("generate", opened, prompt="x" * 5000, duration=0.5, resolution="8K") == []
    assert problems("generate", opened, duration=0) == [Problem("duration", Violation.WANTED, ("greater than 0", "0"))]
    assert [each.violation for each in problems("imageToVideo", opened, prompt="x" * 2001)] == [Violation.LENGTH]


@BOTH
@pytest.mark.parametrize(
    ("unit", "prompt", "count"),
    [
        ("code_points", "é" * 2000, None),
        ("code_points", "🐻" * 2001, 2001),
        ("utf16", "🐻" * 1000, None),
        ("utf16", "🐻" * 1000 + "x", 2001),
        ("bytes", "é" * 1000, None),
        ("bytes", "é" * 1000 + "x", 2001),
        ("bytes", "🐻" * 500, None),
        ("bytes", "🐻" * 501, 2004),
    ],
)
def test_a_prompt_is_counted_in_the_unit_of_the_policy(
    operation: str, unit: str, prompt: str, count: int | None
) -> None:
    """2000 of them are taken, one more is not."""
    expected = [] if count is None else [Problem("prompt", Violation.LENGTH, (2000, count))]
    assert problems(operation, {"prompt_unit": unit}, prompt=prompt) == expected


@pytest.mark.parametrize("prompt", ["", " ", "\n\t", "\u3000"])
def test_a_blank_prompt(prompt: str) -> None:
    """White space of any kind is blank."""
    assert problems("generate", prompt=prompt) == [Problem("prompt", Violation.BLANK)]
    assert problems("generate", {"blank_prompt": "accept"}, prompt=prompt) == []


def test_missing_members_are_reported_together() -> None:
    found = check(Parameters(), OPERATIONS["imageToVideo"], Policy(), {}, magic=True)
    assert found.refused == [Problem("prompt", Violation.REQUIRED), image(Violation.REQUIRED)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (data_url(png(301, 301)), []),
        (data_url(jpeg(301, 301), "jpeg"), []),
        (data_url(webp(301, 301), "webp"), []),
        (data_url(jpeg(301, 301), "png"), []),
        (data_url(jpeg(400, 1000), "jpeg"), []),
        (data_url(jpeg(1000, 400), "jpeg"), []),
        (data_url(jpeg(400, 1001), "jpeg"), [image(Violation.IMAGE_RATIO, 400, 1001)]),
        (data_url(jpeg(1001, 400), "jpeg"), [image(Violation.IMAGE_RATIO, 1001, 400)]),
        (data_url(jpeg(300, 400), "jpeg"), [image(Violation.IMAGE_SIDE, 300)]),
        (data_url(jpeg(400, 300), "jpeg"), [image(Violation.IMAGE_SIDE, 300)]),
        (data_url(b"GIF89a"), [image(Violation.IMAGE_FORMAT, "GIF")]),
        (data_url(b"\0\0\0 ftypheic"), [image(Violation.IMAGE_FORMAT, "HEIC or AVIF")]),
        (data_url(b"<svg/>"), [image(Violation.IMAGE_FORMAT, "SVG, XML or HTML")]),
        (data_url(b"abcdef"), [image(Violation.IMAGE_FORMAT, "data that begins with 61 62 63 64")]),
        (
            data_url(png(300, 1000)[:-8]),
            [image(Violation.IMAGE_DAMAGED), image(Violation.IMAGE_SIDE, 300), image(Violation.IMAGE_RATIO, 300, 1000)],
        ),
        (data_url(png(301, 301)[:-8]), [image(Violation.IMAGE_DAMAGED)]),
        (data_url(jpeg(0, 0), "jpeg"), [image(Violation.IMAGE_DAMAGED)]),
        (
            "data:image/gif;base64,R0lGODlh",
            [image(Violation.DATA_URL, 'its media type is "image/gif"'), image(Violation.IMAGE_FORMAT, "GIF")],
        ),
        ("", [image(Violation.IMAGE_URL, "it is empty")]),
        ("bear.png", [image(Violation.IMAGE_URL, "it has no scheme such as https")]),
        ("file:///etc/passwd", [image(Violation.IMAGE_URL, 'its scheme is "file"')]),
        ("iVBORw0KGgoAAAA=", [image(Violation.IMAGE_URL, "it is Base64 without data:image/png;base64, before it")]),
        ("http://a.test/b.png", []),
    ],
)  # fmt: skip
def test_the_image_rules(given: str, expected: list[Problem]) -> None:
    """Format, wholeness, short side, aspect ratio; what the type in the data URL says does not count."""
    assert problems("imageToVideo", first_frame_image=given) == expected


@pytest.mark.slow
def test_an_image_is_smaller_than_20_megabytes() -> None:
    """One byte less is taken; the file is filled up between header and end."""
    whole = png(301, 301)
    for size, reported in [(BIG - 1, []), (BIG, [image(Violation.IMAGE_SIZE, BIG, BIG)])]:
        filled = whole[:-12] + b"\0" * (size - len(whole)) + whole[-12:]
        assert problems("imageToVideo", first_frame_image=data_url(filled)) == reported


def test_magic_can_be_switched_off() -> None:
    """Then a mark is text, and a wrong one no trouble."""
    for prompt in ("[[sim:moderated]]", "[[sim:zebra]]"):
        found = check(Parameters(prompt=prompt), OPERATIONS["generate"], Policy(), {}, magic=False)
        assert found == Findings([], [])


def test_unknown_members_are_named_with_the_nearest_known_one() -> None:
    """Or with the operation that has it; in the order given, cut short, escaped, at most ten of a million."""
    given = {"prompt": 1, "durration": 2, "first_frame_image": 3, "\x1b[2J\nz": 4, "z" * 100: 5}
    assert unknown_member(given, OPERATIONS["generate"]) == [
        Problem("durration", Violation.UNKNOWN, (" (did you mean duration?)",)),
        Problem("first_frame_image", Violation.UNKNOWN, (" (but of imageToVideo)",)),
        Problem(r"\x1b[2J\nz", Violation.UNKNOWN, ("",)),
        Problem("z" * 40 + "[cut]", Violation.UNKNOWN, ("",)),
    ]
    assert len(unknown_member({f"z{number}": 0 for number in range(1000)}, OPERATIONS["generate"])) == 10


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/cb?x=1#f", "https://a.test", "HTTP://LOCALHOST/", "http://[::1]:80/", "http://u:p@a.test/"],
)
def test_usable_urls(url: str) -> None:
    """Absolute, http or https, with a host."""
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "it is empty"),
        ("a.test/cb", "it has no scheme such as https"),
        ("/cb", "it has no scheme such as https"),
        ("ftp://a.test/", 'its scheme is "ftp"'),
        *((url, "it has no host, or an invalid one") for url in ("http://", "http:///cb", "http://a!.test/")),
        ("http://a.test:0/", "its port is 0"),
        *(
            (url, "its host or port cannot be read")
            for url in ("http://a.test:99999/", "http://a.test:x/", "http://[::1/")
        ),
        ("http://a b.test/", "its character 9 is not allowed in a URL: percent-encode it"),
        *(
            (f"http://a.test/{each}", "its character 15 is not allowed in a URL: percent-encode it")
            for each in "\né\x7f"
        ),
    ],
)
def test_an_unusable_url_is_described_by_its_cause(url: str, why: str) -> None:
    """No scheme, no host, no port that exists, or characters that no URL has; nothing but the scheme is repeated."""
    assert url_problem(url) == why


@given(st.text() | st.text().map("http://".__add__))
def test_judging_a_url_never_raises(url: str) -> None:
    """Whatever the text, the cause is one short line."""
    why = url_problem(url) or ""
    assert len(why) < 100
    assert why.isprintable()


VALUES = st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | st.none()
SPECIAL = st.sampled_from(
    ["768P", "1080P", "data:image/png;base64,AAAA", "[[sim:after 1]]", "\u3000", "https://a.test"]
)
CHOICES = {
    "t2v_limits": ["i2v", "open"],
    "prompt_unit": ["code_points", "utf16", "bytes"],
    "image_urls": ["unseen", "table", "https"],
    "image_rules": ["refuse", "fail"],
    "image_type": ["listed", "match", "any"],
    "combo_1080p_10s": ["refuse", "accept", "fail"],
    "moderation": ["refuse", "fail"],
}


@pytest.mark.slow
@given(
    body=st.fixed_dictionaries({}, optional=dict.fromkeys(HAILUO[1].names, VALUES | SPECIAL)),
    policy=st.fixed_dictionaries({name: st.sampled_from(values) for name, values in CHOICES.items()}),
    operation=st.sampled_from(sorted(OPERATIONS)),
    profile=st.sampled_from(sorted(PROFILES)),
)
def test_judging_never_raises(body: dict[str, object], policy: dict[str, str], operation: str, profile: str) -> None:
    """Whatever a body of JSON decodes to, under any policy."""
    read = parameters_of(body, OPERATIONS[operation], PROFILES[profile])
    found = check(read.parameters, OPERATIONS[operation], PROFILES[profile].changed(policy), {}, magic=True)
    for each in (*read.problems, *found.refused, *found.fails):
        assert len(str(each)) < 500
        assert "\n" not in str(each)


def test_an_image_of_too_many_segments_is_reported_as_damaged() -> None:
    """No more of them are read."""
    given = data_url(b"\xff\xd8" + b"\xff\xe0\x00\x02" * 1001, "jpeg")
    assert problems("imageToVideo", first_frame_image=given) == [image(Violation.IMAGE_DAMAGED)]


def test_a_url_has_at_most_8000_characters() -> None:
    """As many as any program takes; an image's, too."""
    longest = "http://a.test/" + "b" * 7986
    assert url_problem(longest) is None
    why = url_problem(f"{longest}b")
    assert why == "it is longer than 8000 characters"
    assert problems("imageToVideo", first_frame_image=f"{longest}b") == [image(Violation.IMAGE_URL, why)]


def test_of_many_unknown_members_the_first_are_named() -> None:
    reported = sentence(unknown_member([f"m{number}" for number in range(13)], OPERATIONS["generate"]))
    assert reported.count("is not a parameter of this operation") == 10
    assert reported.endswith("; m9 is not a parameter of this operation, nor are 3 more.")
    assert "nor are" not in sentence(unknown_member([f"m{number}" for number in range(10)], OPERATIONS["generate"]))
