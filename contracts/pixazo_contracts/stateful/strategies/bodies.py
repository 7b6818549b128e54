"""Bodies that keep every rule of the page, the clauses that their acceptance proves, and first frames in and out of bounds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from hypothesis import strategies as st

from pixazo_contracts.probes import bmp, data_url, gif, jpeg, members, png, svg, webp

Operation = Literal["generate", "imageToVideo"]

#: The image-to-video limit; for text-to-video, whose table has no limit, the length of the printed example.
MOST_CHARACTERS: Final = 2000
PROVEN_CHARACTERS: Final = 665

#: Characters that no gateway can treat as formatting: letters, digits, punctuation, symbols, spaces.
VISIBLE: Final = st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])

#: One code point, one UTF-16 unit, one grapheme each, in one, two and three bytes: every way of counting gives the same number.
LETTERS: Final = "aé雨"

#: The page names camera movements only in general; these are the plainest.
CAMERA: Final = ("[Push in]", "[Pan left]", "[Static shot]", "[Truck left, Tilt up]")

#: Encoders by media type: each takes a width and a height in pixels.
Encoders = dict[str, Callable[[int, int], bytes]]

#: The page: JPG/JPEG/PNG/WebP.
FORMATS: Final[Encoders] = {"image/jpeg": jpeg, "image/png": png, "image/webp": webp}
OTHER_FORMATS: Final[Encoders] = {"image/gif": gif, "image/bmp": bmp, "image/svg+xml": svg}

#: Widths and heights that the page allows: short side above 300, 2:5 to 5:2; the plainest first.
SIZES: Final = ((640, 480), (301, 301), (301, 752), (752, 301), (302, 755), (755, 302), (1280, 720))

#: A short side of 300 or less, the ratio being right; a ratio just outside, the short side being right.
SMALL: Final = ((300, 400), (400, 300), (300, 300), (299, 310), (120, 300))
NARROW: Final = ((301, 753), (753, 301), (302, 756), (756, 302), (400, 1010), (1010, 400))


@dataclass(frozen=True, slots=True)
class Frame:
    """An image as a data URL, with the facts that a finding shows."""

    media_type: str
    width: int
    height: int
    size: int
    url: str

    @property
    def name(self) -> str:
        """Its kind and size in a few words."""
        return f"{self.media_type} of {self.width} x {self.height}, {self.size} bytes"


@lru_cache(maxsize=128)
def _frame(media_type: str, width: int, height: int) -> Frame:
    image = (FORMATS | OTHER_FORMATS)[media_type](width, height)
    return Frame(media_type, width, height, len(image), data_url(media_type, image))


def _drawn(media_types: Collection[str], sizes: Sequence[tuple[int, int]]) -> st.SearchStrategy[Frame]:
    pairs = st.tuples(st.sampled_from(tuple(media_types)), st.sampled_from(sizes))
    return pairs.map(lambda pair: _frame(pair[0], *pair[1]))


def frames() -> st.SearchStrategy[Frame]:
    """Images that the page allows, in all formats."""
    return _drawn(FORMATS, SIZES)


#: Images that break one rule, by the clause that states it.
FRAMES_OUTSIDE: Final = {
    "I2V-IMG-07": _drawn(OTHER_FORMATS, SIZES[:1]),
    "I2V-IMG-09": _drawn(FORMATS, SMALL),
    "I2V-IMG-11": _drawn(FORMATS, NARROW),
}


def prompts(operation: Operation) -> st.SearchStrategy[str]:
    """Prompts that the page allows: short ones in any script, some with camera movements, and the longest ones."""
    most = MOST_CHARACTERS if operation == "imageToVideo" else PROVEN_CHARACTERS
    short = st.text(VISIBLE, min_size=1, max_size=60).filter(str.strip)
    camera = st.tuples(short, st.sampled_from(CAMERA)).map(" ".join)
    longest = st.sampled_from(LETTERS).map(lambda letter: letter * most)
    return short | camera | longest


def bodies(operation: Operation) -> st.SearchStrategy[dict[str, object]]:
    """Bodies of `generate` or `imageToVideo` that keep every rule of the page, never with a `callback_url`."""
    optional: dict[str, st.SearchStrategy[object]] = {
        "prompt_optimizer": st.booleans(),
        # For image-to-video the page says: only for the Fast variant. It does not say whether true is refused elsewhere.
        "fast_pretreatment": st.booleans() if operation == "generate" else st.just(value=False),
        "aigc_watermark": st.booleans(),
    }
    required: dict[str, st.SearchStrategy[object]] = {"prompt": prompts(operation)}
    if operation == "imageToVideo":
        printed = st.just(members("image_to_video")["first_frame_image"])
        required["first_frame_image"] = printed | frames().map(lambda frame: frame.url)
    # Text to video: the page does not state the durations and resolutions; it shows only one of each.
    seconds, sizes = ((6, 10), ("768P", "1080P")) if operation == "imageToVideo" else ((6,), ("768P",))
    shapes = st.fixed_dictionaries(
        {}, optional={"duration": st.sampled_from(seconds), "resolution": st.sampled_from(sizes)}
    )
    # The page does not say whether 1080P may be asked for together with 10 s.
    shapes = shapes.filter(lambda shape: shape != {"duration": 10, "resolution": "1080P"})
    return st.tuples(st.fixed_dictionaries(required, optional=optional), shapes).map(
        lambda parts: {**parts[0], **parts[1]}
    )


def proves(operation: Operation, body: Mapping[str, object]) -> tuple[str, ...]:
    """The acceptance clauses that an accepted body proves and that its refusal breaks."""
    if operation == "generate":
        return ("T2V-BODY-02",) if set(body) == {"prompt"} else ()
    return tuple(_image_to_video(body))


def _image_to_video(body: Mapping[str, object]) -> Iterator[str]:
    prompt, image = str(body["prompt"]), str(body["first_frame_image"])
    if len(prompt) == MOST_CHARACTERS:
        yield "I2V-PROMPT-03" if prompt.isascii() else "I2V-PROMPT-05"
    if "[" in prompt:
        yield "I2V-PROMPT-06"
    yield from _image(image)
    if "duration" in body:
        yield "I2V-DUR-02"
    if "resolution" in body:
        yield "I2V-RES-01"


def _image(image: str) -> Iterator[str]:
    if not image.startswith("data:"):
        yield "I2V-IMG-03"
        return
    yield from ("I2V-IMG-04", "I2V-IMG-06")
    shown = next((size for size in SIZES for media_type in FORMATS if _frame(media_type, *size).url == image), None)
    if shown is not None:
        short, long = sorted(shown)
        if short == 301:
            yield "I2V-IMG-10"
        if 5 * short == 2 * long:
            yield "I2V-IMG-12"
