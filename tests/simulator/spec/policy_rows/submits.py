"""What a submit may say."""

from __future__ import annotations

from tests.caller import GENERATE, IMAGE_TO_VIDEO, Caller
from tests.simulator.samples import data_url, jpeg, png
from tests.simulator.spec.policy_rows.effects import (
    Effects,
    animate,
    balance,
    completed,
    failed,
    invalid,
    judged,
    refused,
)

__all__ = ["ROWS"]

ROWS = Effects()

IMAGE = "https://images.test/bear.png"
SMALL_IMAGE = data_url(jpeg(300, 400), "jpeg")
SMALL_SIDE = "first_frame_image must have a short side of more than 300 px, not 300."
COMBO = "resolution 1080P is not available with a duration of 10 seconds."
MODERATED = "prompt was rejected by content moderation: it may contain sensitive content."


@ROWS.shows("t2v_limits", "i2v")
def _(caller: Caller) -> None:
    for members in ({"duration": 7}, {"resolution": "8K"}, {"prompt": "x" * 2001}):
        assert caller.call("POST", GENERATE, {"prompt": "A bear", **members}).status == 400


@ROWS.shows("t2v_limits", "open")
def _(caller: Caller) -> None:
    completed(caller, caller.generate("x" * 2001, duration=7.5, resolution="8K"))
    assert animate(caller, duration=7).status == 400


@ROWS.shows("number_forms", "integral")
def _(caller: Caller) -> None:
    for form, status in [(6, 202), (6.0, 202), (10.0, 202), ("6", 400), (True, 400), (6.5, 400), (None, 400)]:
        assert caller.generate(duration=form).status == status
        assert animate(caller, duration=form).status == status


@ROWS.shows("combo_1080p_10s", "refuse", "400", COMBO)
@ROWS.shows("combo_1080p_10s", "accept", "COMPLETED", None)
@ROWS.shows("combo_1080p_10s", "fail", "FAILED", COMBO)
def _(caller: Caller, status: str, error: str | None) -> None:
    judged(caller, caller.generate(duration=10, resolution="1080P"), status, error)


@ROWS.shows("prompt_unit", "code_points", 2000)
@ROWS.shows("prompt_unit", "utf16", 1000)
@ROWS.shows("prompt_unit", "bytes", 500)
def _(caller: Caller, most: int) -> None:
    assert [caller.generate("🐻" * count).status for count in (most, most + 1)] == [202, 400]


@ROWS.shows("blank_prompt", "refuse", "400", "prompt must not be blank.")
@ROWS.shows("blank_prompt", "accept", "COMPLETED", None)
def _(caller: Caller, status: str, error: str | None) -> None:
    judged(caller, caller.generate(" \n"), status, error)


UNKNOWN = "durration is not a parameter of this operation (did you mean duration?)."


@ROWS.shows("unknown_members", "ignore", "COMPLETED", None)
@ROWS.shows("unknown_members", "refuse", "400", UNKNOWN)
def _(caller: Caller, status: str, error: str | None) -> None:
    judged(caller, caller.generate(durration=7), status, error)


@ROWS.shows("validation_body", "title_message", {"error": "Invalid request", "message": "prompt is required."})
@ROWS.shows("validation_body", "sentence_status", {"error": "prompt is required.", "status": 400})
def _(caller: Caller, members: dict[str, object]) -> None:
    refused(caller.call("POST", GENERATE, {}), 400, members)


@ROWS.shows("image_rules", "refuse", "400")
@ROWS.shows("image_rules", "fail", "FAILED")
def _(caller: Caller, status: str) -> None:
    judged(caller, animate(caller, SMALL_IMAGE), status, SMALL_SIDE)


BIG = 20_000_000


@ROWS.shows("image_megabyte", "mib", [202, 202])
@ROWS.shows("image_megabyte", "mb", [202, 400])
def _(caller: Caller, statuses: list[int]) -> None:
    frame = jpeg(400, 400)
    for size, status in zip((BIG - 1, BIG), statuses, strict=True):
        assert animate(caller, data_url(frame[:-2] + b"\0" * (size - len(frame)) + frame[-2:], "jpeg")).status == status


PNG_AS_JPEG = data_url(png(400, 400), "jpeg")
PNG_AS_BYTES = PNG_AS_JPEG.replace("image/jpeg", "application/octet-stream")


@ROWS.shows("image_type", "listed", [202, 400])
@ROWS.shows("image_type", "match", [400, 400])
@ROWS.shows("image_type", "any", [202, 202])
def _(caller: Caller, statuses: list[int]) -> None:
    assert animate(caller, data_url(png(400, 400))).status == 202
    assert [animate(caller, image).status for image in (PNG_AS_JPEG, PNG_AS_BYTES)] == statuses


@ROWS.shows("null_members", "refuse", 400)
@ROWS.shows("null_members", "ignore", 202)
def _(caller: Caller, status: int) -> None:
    for name in ("duration", "resolution", "prompt_optimizer", "callback_url"):
        absent = {"prompt": "A bear", "first_frame_image": IMAGE, name: None}
        assert caller.call("POST", GENERATE, absent).status == status
        assert caller.call("POST", IMAGE_TO_VIDEO, absent).status == status
    assert caller.call("POST", GENERATE, {"prompt": None}).status == 400


@ROWS.shows("validation_detail", "all")
def _(caller: Caller) -> None:
    reply = caller.generate(" ", duration="6", resolution="", webhook="a.test")
    assert [each.split()[0] for each in reply.json()["message"].split("; ")] == [
        "duration", "prompt", "resolution", "X-Webhook-URL",
    ]  # fmt: skip


@ROWS.shows("repeated_names", "last")
def _(caller: Caller) -> None:
    typed = {"Content-Type": "application/json"}
    assert caller.call("POST", GENERATE, b'{"prompt":"A bear","duration":7,"duration":6}', typed).status == 202
    assert caller.call("POST", GENERATE, b'{"prompt":"A bear","duration":6,"duration":7}', typed).status == 400


@ROWS.shows("inert_members", "types")
def _(caller: Caller) -> None:
    switched = dict.fromkeys(("prompt_optimizer", "fast_pretreatment", "aigc_watermark"), True)
    completed(caller, caller.call("POST", GENERATE, {"prompt": "A bear [Zoom in] [no such move]", **switched}))
    for name in switched:
        assert caller.call("POST", GENERATE, {"prompt": "A bear", name: 1}).status == 400


@ROWS.shows("url_length", "8000")
def _(caller: Caller) -> None:
    longest = "https://a.test/".ljust(8000, "b")
    for url, status in ((longest, 202), (f"{longest}b", 400)):
        assert caller.generate(callback_url=url).status == animate(caller, url).status == status


@ROWS.shows("image_urls", "unseen")
def _(caller: Caller) -> None:
    completed(caller, animate(caller, "http://nowhere.test/bear.png"))


@ROWS.shows("image_urls", "table")
def _(caller: Caller) -> None:
    facts = {"format": "png", "height": 400, "size": 1000}
    caller.change(images={IMAGE: facts | {"width": 400}, f"{IMAGE}?small": facts | {"width": 300}})
    completed(caller, animate(caller, IMAGE))
    failed(caller, animate(caller, f"{IMAGE}?small"), SMALL_SIDE)
    failed(caller, animate(caller, "https://nowhere.test/bear.png"), "first_frame_image could not be fetched.")


@ROWS.shows("image_urls", "https")
def _(caller: Caller) -> None:
    completed(caller, animate(caller, IMAGE))
    invalid(animate(caller, "http://images.test/bear.png"), "first_frame_image must be an https URL.")


@ROWS.shows("malformed_body", "400")
def _(caller: Caller) -> None:
    typed = {"Content-Type": "application/json"}
    for body, reported in [
        (b"", "The request body is empty: a JSON object is expected."),
        (b'{"prompt":', "The request body is not valid JSON: Expecting value at column 11."),
        (b"[" * 100_000, "The request body is nested too deeply."),
        (b'["A bear"]', "The request body must be a JSON object, not an array."),
    ]:
        invalid(caller.call("POST", GENERATE, body, typed), reported)


@ROWS.shows("content_type", "400", 400, "Invalid request")
@ROWS.shows("content_type", "415", 415, "Unsupported Media Type")
@ROWS.shows("content_type", "ignore", 202, None)
def _(caller: Caller, status: int, error: str | None) -> None:
    reply = caller.call("POST", GENERATE, {"prompt": "A bear"}, {"Content-Type": "text/plain"})
    assert (reply.status, reply.json().get("error")) == (status, error)
    assert not error or reply.json()["message"] == "Content-Type must be application/json, it is 'text/plain'."


@ROWS.shows("body_limit", "29360128")
def _(caller: Caller) -> None:
    limit = 28 * 1024 * 1024
    assert caller.call("POST", GENERATE, b'{"prompt":"A bear"}'.ljust(limit)).status == 202
    announced = caller.call("POST", GENERATE, b"{", {"Content-Length": str(limit + 1)})
    expected = "The request body is larger than 29360128 bytes."
    refused(announced, 413, {"error": "Payload Too Large", "message": expected})


@ROWS.shows("body_limit", "20")
def _(caller: Caller) -> None:
    assert caller.call("POST", GENERATE, b'{"prompt":"A bears"}').status == 202
    reply = caller.call("POST", GENERATE, b'{"prompt":"A bears" }')
    refused(reply, 413, {"error": "Payload Too Large", "message": "The request body is larger than 20 bytes."})


@ROWS.shows("moderation", "fail", "FAILED")
@ROWS.shows("moderation", "refuse", "400")
def _(caller: Caller, status: str) -> None:
    judged(caller, caller.generate("[[sim:moderated]]"), status, MODERATED)


@ROWS.shows("repeated_submit", "two_requests")
def _(caller: Caller) -> None:
    once, again = (
        caller.call("POST", GENERATE, {"prompt": "A bear"}, {"Idempotency-Key": "same"}).json()["request_id"]
        for _ in range(2)
    )
    assert once != again
    assert balance(caller) == "99.30"


@ROWS.shows("submit_code", "202", 202)
@ROWS.shows("submit_code", "200", 200)
def _(caller: Caller, status: int) -> None:
    assert caller.generate().status == status
