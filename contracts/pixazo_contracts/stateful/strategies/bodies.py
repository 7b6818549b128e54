"""Bodies that keep every rule of the page, and the clauses that the acceptance of one proves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

from hypothesis import strategies as st

from .frames import first_frame_images, frame_of

Operation = Literal["generate", "imageToVideo"]

#: The image-to-video limit; and for text-to-video, whose table has none, the length of the printed example.
MOST_CHARACTERS: Final = 2000
PROVEN_CHARACTERS: Final = 665

#: Characters that no gateway could treat as formatting: letters, digits, punctuation, symbols, spaces.
VISIBLE: Final = st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])

#: One code point, one UTF-16 unit, one grapheme each, in one, two and three bytes: every way of counting gives the same number.
LETTERS: Final = "aé雨"

#: The page names camera movements only in general; these are the plainest.
CAMERA: Final = ("[Push in]", "[Pan left]", "[Static shot]", "[Truck left, Tilt up]")

#: 1080P together with 10 s is not among them: the page does not say whether it may be asked for.
LENGTHS_AND_SIZES: Final[tuple[dict[str, object], ...]] = (
    {},
    {"duration": 6},
    {"duration": 10},
    {"resolution": "768P"},
    {"resolution": "1080P"},
    {"duration": 6, "resolution": "768P"},
    {"duration": 6, "resolution": "1080P"},
    {"duration": 10, "resolution": "768P"},
)

#: Text-to-video: which durations and resolutions there are is not stated; only one of each is shown.
PRINTED_LENGTH_AND_SIZE: Final[tuple[dict[str, object], ...]] = (
    {},
    {"duration": 6},
    {"resolution": "768P"},
    {"duration": 6, "resolution": "768P"},
)


def prompts(operation: Operation) -> st.SearchStrategy[str]:
    """Prompts that the page allows: short ones in any script, with camera movements, and of the greatest length."""
    most = MOST_CHARACTERS if operation == "imageToVideo" else PROVEN_CHARACTERS
    short = st.text(VISIBLE, min_size=1, max_size=60).filter(str.strip)
    camera = st.tuples(short, st.sampled_from(CAMERA)).map(" ".join)
    longest = st.sampled_from(LETTERS).map(lambda letter: letter * most)
    return short | camera | longest


def bodies(
    operation: Operation, *, callback_urls: st.SearchStrategy[str] | None = None, heavy: bool = False
) -> st.SearchStrategy[dict[str, object]]:
    """Bodies of `generate` or `imageToVideo` that keep every rule of the page.

    `callback_url` is given only if you say where callbacks may go; `heavy` adds an image just below 20 MB.
    """
    optional: dict[str, st.SearchStrategy[object]] = {
        "prompt_optimizer": st.booleans(),
        # Of image-to-video the page says: only for the Fast variant. Whether true is refused elsewhere it does not say.
        "fast_pretreatment": st.booleans() if operation == "generate" else st.just(value=False),
        "aigc_watermark": st.booleans(),
    }
    if callback_urls is not None:
        optional["callback_url"] = callback_urls
    required: dict[str, st.SearchStrategy[object]] = {"prompt": prompts(operation)}
    if operation == "imageToVideo":
        required["first_frame_image"] = first_frame_images(heavy=heavy)
    shapes = LENGTHS_AND_SIZES if operation == "imageToVideo" else PRINTED_LENGTH_AND_SIZE
    plain = st.fixed_dictionaries(required, optional=optional)
    return st.tuples(plain, st.sampled_from(shapes)).map(lambda parts: {**parts[0], **parts[1]})


def proves(operation: Operation, body: Mapping[str, object]) -> tuple[str, ...]:
    """The acceptance clauses that an accepted body proves, and that its refusal breaks."""
    if operation == "generate":
        return ("T2V-BODY-02",) if set(body) == {"prompt"} else ()
    return tuple(dict.fromkeys(_image_to_video(body)))


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
    frame = frame_of(image)
    if frame is not None:
        short, long = sorted((frame.width, frame.height))
        if short == 301:
            yield "I2V-IMG-10"
        if 5 * short == 2 * long:
            yield "I2V-IMG-12"
