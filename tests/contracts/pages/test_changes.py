"""Later versions of the page: a change of meaning is named with what was before and after; another wording is wording at most."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from pixazo_contracts.pages import Change, compare_pages, draft_model, own_page, read_page
from pixazo_contracts.pages.comparison import Fact, facts, is_about, operation_name, quotations
from pixazo_contracts.pages.sections import Row, read_blocks, rows, sections

PAGE = own_page()
OURS = read_page(PAGE)
IMAGE, TEXT = (PAGE.index(f"### {each} to Video") for each in ("Image", "Text"))
HANDLING = PAGE.index("## Response Handling")


def edited(*edits: tuple[str, str], once: bool = False) -> str:
    """The page with texts replaced, everywhere or where each stands first."""
    page = PAGE
    for old, new in edits:
        assert old in page, old
        page = page.replace(old, new, 1 if once else -1)
    return page


def changes(page: str) -> tuple[Change, ...]:
    """What changed since our page."""
    return compare_pages(OURS, read_page(page))


def row(*cells: str) -> str:
    """The cells of a row as the page prints them."""
    return "".join(f"{cell}\n\n" for cell in cells)


WATERMARK = row(
    "aigc\\_watermark", "No", "boolean", "Default: false. Whether to add AIGC watermark to the generated video."
)
MEDIA = '"media_url": [\n      "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/v1/minimax-hailuo-ai_019dxxxx-xxxx/output.ext"\n    ]'
I2V, T2V, BOTH = ("imageToVideo",), ("generate",), ("imageToVideo", "generate")
MEANING: dict[str, tuple[str, tuple[str, ...], tuple[str, str, str], Any, Any, str]] = {
    "a parameter more": (
        edited((WATERMARK, WATERMARK + row("seed", "No", "integer", "Random seed.")), once=True),
        I2V, ("parameter", "seed", ""), None, "seed | No | integer | Random seed.", "widening"),
    "a required parameter more": (
        edited((WATERMARK, WATERMARK + row("seed", "Yes", "integer", "Random seed.")), once=True),
        I2V, ("parameter", "seed", ""), None, "seed | Yes | integer | Random seed.", "breaking"),
    "a parameter less": (
        edited((WATERMARK, ""), once=True), I2V, ("parameter", "aigc_watermark", ""),
        "aigc_watermark | No | boolean | Default: false. Whether to add AIGC watermark to the generated video.", None, "breaking"),
    "required": (
        edited(("prompt\\_optimizer\n\nNo", "prompt\\_optimizer\n\nYes"), once=True),
        I2V, ("parameter", "prompt_optimizer", "required"), False, True, "breaking"),
    "optional": (
        edited(("first\\_frame\\_image\n\nYes", "first\\_frame\\_image\n\nNo")),
        I2V, ("parameter", "first_frame_image", "required"), True, False, "widening"),
    "a limit": (
        edited(("maximum 2000 characters", "maximum 1500 characters")),
        I2V, ("parameter", "prompt", "max_length"), 2000, 1500, "breaking"),
    "a wider limit": (
        edited(("maximum 2000 characters", "up to 4,000 characters")),
        I2V, ("parameter", "prompt", "max_length"), 2000, 4000, "widening"),
    "a value": (
        edited(("Must be 6 or 10 seconds", "Must be 5 or 10 seconds")),
        I2V, ("parameter", "duration", "enumeration"), ["10", "6"], ["10", "5"], "breaking"),
    "a value more": (
        edited(("Must be '768P' or '1080P'", "Must be '512P', '768P' or '1080P'")),
        I2V, ("parameter", "resolution", "enumeration"), ["1080P", "768P"], ["1080P", "512P", "768P"], "widening"),
    "a range in place of values": (
        edited(("Must be 6 or 10 seconds", "Must be between 6 and 10 seconds")),
        I2V, ("parameter", "duration", "minimum"), None, 6.0, "breaking"),
    "a format less": (
        edited(("JPG/JPEG/PNG/WebP", "JPG/JPEG/PNG")), I2V, ("parameter", "first_frame_image", "formats"),
        ["base64", "jpeg", "png", "url", "webp"], ["base64", "jpeg", "png", "url"], "breaking"),
    "no Base64": (
        edited(("or Base64 encoded Data URLs.", "only. Base64 encoded Data URLs are no longer accepted.")),
        I2V, ("parameter", "first_frame_image", "formats"),
        ["base64", "jpeg", "png", "url", "webp"], ["jpeg", "png", "url", "webp"], "breaking"),
    "a size": (edited(("<20MB", "<=20MB")), I2V, ("parameter", "first_frame_image", "max_bytes"), 19_999_999, 20_000_000, "widening"),
    "a wider aspect ratio": (
        edited(("2:5 to 5:2", "1:3 to 3:1")), I2V, ("parameter", "first_frame_image", "aspect_ratio"), ("2:5", "5:2"), ("1:3", "3:1"), "widening"),
    "another aspect ratio": (
        edited(("2:5 to 5:2", "1:3 to 2:1")), I2V, ("parameter", "first_frame_image", "aspect_ratio"), ("2:5", "5:2"), ("1:3", "2:1"), "breaking"),
    "one value left": (
        edited(("Must be 6 or 10 seconds", "Must be 6 seconds")), I2V, ("parameter", "duration", "enumeration"), ["10", "6"], ["6"], "breaking"),
    "one word left": (
        edited(("Must be '768P' or '1080P'", "Must be '768P' ('1080P' is no longer supported)")),
        I2V, ("parameter", "resolution", "enumeration"), ["1080P", "768P"], ["768P"], "breaking"),
    "a short side": (edited((">300px", ">512px")), I2V, ("parameter", "first_frame_image", "short_side_above"), 300, 512, "breaking"),
    "a condition less": (
        edited(("Must be 6 or 10 seconds for MiniMax-Hailuo-2.3-Fast model.", "Must be 6 or 10 seconds.")),
        I2V, ("parameter", "duration", "conditions"), "for MiniMax-Hailuo-2.3-Fast model", None, "unknown"),
    "no null": (
        edited((',\n  "output": null', "")), BOTH, ("sample", "error via status/webhook", "output"), "null", None, "breaking"),
    "a path": (
        edited(("/v1/imageToVideo", "/v1/image-to-video")),
        I2V, ("request", "path", ""), "/minimax-hailuo-ai/v1/imageToVideo", "/minimax-hailuo-ai/v1/image-to-video", "breaking"),
    "a host": (
        edited(("gateway.pixazo.ai", "api.pixazo.ai")),
        BOTH, ("request", "host", ""), "https://gateway.pixazo.ai", "https://api.pixazo.ai", "breaking"),
    "a status path": (
        edited(("/v2/requests/status/", "/v3/requests/status/")),
        BOTH, ("status route", "path", ""), "/v2/requests/status/{request_id}", "/v3/requests/status/{request_id}", "breaking"),
    "a status method": (
        edited(("GET https://gateway", "POST https://gateway")), BOTH, ("status route", "method", ""), "GET", "POST", "breaking"),
    "a header": (
        edited(("Ocp-Apim-Subscription-Key", "X-API-Key")), BOTH, ("authentication", "X-API-Key", ""),
        None, "X-API-Key | string | Yes | Your API subscription key", "breaking"),
    "a webhook header": (
        edited(("X-Webhook-URL", "X-Callback-URL")), BOTH, ("webhook", "header", ""), "X-Webhook-URL", "X-Callback-URL", "breaking"),
    "a code": (edited(("403\n\nForbidden\n\n", "")), BOTH, ("code", "403", ""), "Forbidden", None, "breaking"),
    "a code more": (
        edited(("429\n\nToo Many", "422\n\nUnprocessable\n\n429\n\nToo Many")), BOTH, ("code", "422", ""), None, "Unprocessable", "unknown"),
    "a polling interval": (
        edited(("every 5-10 seconds", "every 5-30 seconds")), BOTH, ("polling", "interval", ""), [5, 10], [5, 30], "unknown"),
    "a status": (
        edited(("PROCESSING", "IN_PROGRESS")), BOTH, ("status", "IN_PROGRESS", ""), None, "Being processed by the model", "unknown"),
    "the flow": (
        edited(("                    → ERROR\n", "QUEUED → ERROR\n")), BOTH, ("status flow", "", ""),
        "QUEUED → PROCESSING → COMPLETED\n                    → FAILED\n                    → ERROR",
        "QUEUED → PROCESSING → COMPLETED\n                    → FAILED\nQUEUED → ERROR", "unknown"),
    "a field more": (
        edited(("polling\\_url\n\nstring\n\nStatus", "progress\n\ninteger\n\nIn percent\n\npolling\\_url\n\nstring\n\nStatus")),
        BOTH, ("field", "progress", ""), None, "progress | integer | In percent", "unknown"),
    "a field less": (
        edited(("output.media\\_type\n\nstring\n\nMIME type of the output\n\n", "")), BOTH, ("field", "output.media_type", ""),
        "output.media_type | string | MIME type of the output", None, "breaking"),
    "a sample's shape": (
        edited((MEDIA, MEDIA.replace("[\n      ", "").replace("\n    ]", ""))), BOTH,
        ("sample", "response (completed)", "output.media_url[]"), MEDIA.split('"')[3], None, "breaking"),
    "where media are": (
        edited(("pub-582b7213209642b9b995c96c95a30381.r2.dev/v1", "media.pixazo.ai/v1")), BOTH,
        ("sample", "response (completed)", "output.media_url[]"), MEDIA.split('"')[3],
        "https://media.pixazo.ai/v1/minimax-hailuo-ai_019dxxxx-xxxx/output.ext", "unknown"),
    "the form of time": (
        edited(("2026-03-31T10:00:15.000Z", "2026-03-31T10:00:15+00:00")), BOTH,
        ("sample", "response (completed)", "completed_at"), "2026-03-31T10:00:15.000Z", "2026-03-31T10:00:15+00:00", "unknown"),
    "an operation less": (
        PAGE[:TEXT], T2V, ("operation", "generate", ""), "POST /minimax-hailuo-ai/v1/generate", None, "breaking"),
    "an operation more": (
        PAGE + "\n" + PAGE[TEXT:].replace("/v1/generate", "/v1/extend").replace("### Text to", "### Extend"),
        ("extend",), ("operation", "extend", ""), None, "POST /minimax-hailuo-ai/v1/extend", "widening"),
    "a section": (
        edited(("## Typical Workflow", "## Rate Limits\n\nA key may send 10 requests per minute.\n\n## Typical Workflow")),
        BOTH, ("sentence", "Rate Limits", ""), None, "A key may send 10 requests per minute.", "unknown"),
    "a price in a matrix": (
        edited(("## Typical Workflow", "## Pricing\n\nResolution\n\n6 s\n\n10 s\n\n768P\n\n$0.28\n\n$0.56\n\n1080P\n\n$0.49\n\n—\n\n## Typical Workflow")),
        BOTH, ("price", "768P, 10 s", ""), None, "$0.56", "unknown"),
    "a price in a line": (
        edited(("## Typical Workflow", "## Pricing\n\n768P 6s: $0.28\n\n## Typical Workflow")), BOTH, ("price", "768P 6s", ""), None, "$0.28", "unknown"),
    "a promise beside the same numbers": (
        edited(("**Tip:** Use", "Never poll more often than every 5 seconds. **Tip:** Use")), BOTH, ("sentence", "typical workflow", ""),
        None, "Never poll more often than every 5 seconds.", "unknown"),
    "a price below another heading": (
        edited(("## Typical Workflow", "## Rates\n\n| Price | Resolution |\n| --- | --- |\n| $0.28 | 768P |\n\n## Typical Workflow")),
        BOTH, ("price", "768P", ""), None, "$0.28", "unknown"),
    "a response that ended otherwise": (
        edited(("## Response Fields", '## Response (Failed)\n\n```\n{"request_id": "x", "status": "FAILED"}\n```\n\n## Response Fields')),
        BOTH, ("sample", "response 2", ""), None, '{"request_id": "x", "status": "FAILED"}', "unknown"),
    "a callback": (
        edited(("## Response Fields", '### Webhook Payload\n\n```\n{"event": "done", "status": "COMPLETED"}\n```\n\n## Response Fields')),
        BOTH, ("sample", "webhook", ""), None, '{"event": "done", "status": "COMPLETED"}', "unknown"),
    "a price": (
        edited(("## Typical Workflow", "## Pricing\n\nResolution\n\nPrice\n\n768P\n\n$0.28\n\n## Typical Workflow")),
        BOTH, ("price", "768P", ""), None, "$0.28", "unknown"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("page", "operations", "key", "before", "after", "effect"), MEANING.values(), ids=list(MEANING)
)
def test_a_change_of_meaning_is_named(
    page: str, operations: tuple[str, ...], key: tuple[str, str, str], before: object, after: object, effect: str
) -> None:
    """With its operation, part, name, both sides and what it means to callers, once for each operation."""
    found = [each for each in changes(page) if (each.part, each.name, each.attribute) == key]
    assert [(each.kind, each.operation, each.before, each.after, each.effect) for each in found] == [
        ("meaning", operation, before, after, effect) for operation in operations
    ]


SIDE, SIZE = ("parameter", "first_frame_image", "short_side_above"), "short side >300px"
FAST = " for MiniMax-Hailuo-2.3-Fast model."
SECONDS, DURATION = "Must be 6 or 10 seconds", ("parameter", "duration", "enumeration")
SIZES, RESOLUTION = "Must be '768P' or '1080P'", ("parameter", "resolution", "enumeration")
LIMIT, PROMPT = "maximum 2000 characters", ("parameter", "prompt", "max_length")
ERROR, DONE = ("status", "ERROR", ""), "Done — output contains the result"
OTHERWISE: tuple[tuple[str, str, tuple[str, str, str]], ...] = (
    (LIMIT, "maximum 2000 words", PROMPT),
    (LIMIT, "maximum 2000 tokens", PROMPT),
    (LIMIT, "recommended 2000 characters", PROMPT),
    (SIZE, "long side >300px", SIDE),
    (SIZE, "width >300px", SIDE),
    ("aspect ratio 2:5 to 5:2", "aspect ratio exactly 2:5 or 5:2", ("parameter", "first_frame_image", "aspect_ratio")),
    (SECONDS, "Must not be 6 or 10 seconds", DURATION),
    (SECONDS, "Must be 6 to 10 seconds", DURATION),
    (SECONDS, "Must be a multiple of 6 or 10 seconds", DURATION),
    (SECONDS, "Must be 6 seconds (10 seconds is no longer available)", DURATION),
    (SIZES, "Must not be '768P' or '1080P'", RESOLUTION),
    ('Default: "768P"', 'Default: "768p"', ("parameter", "resolution", "default")),
    ("maximum 2000 characters.", "maximum 2000 characters per line.", ("parameter", "prompt", "description")),
    ("Image URL to use", "Video URL to use", ("parameter", "first_frame_image", "description")),
    ("as the starting frame", "as the last frame", ("parameter", "first_frame_image", "description")),
    ("maximum 2000 characters.", "maximum 1500 characters, without emojis.", ("parameter", "prompt", "description")),
    ("402\n\nInsufficient Balance\n\n403\n\nForbidden", "402\n\nForbidden\n\n403\n\nInsufficient Balance", ("code", "402", "")),
    ("401\n\nUnauthorized", "401\n\nForbidden", ("code", "401", "")),
    ("429\n\nToo Many Requests", "429\n\nInsufficient Balance", ("code", "429", "")),
    ("Accepted — Request queued", "Request completed", ("code", "202", "")),
    (DONE, "Done — output does not contain the result", ("status", "COMPLETED", "")),
    (DONE, "Done — output doesn't contain the result", ("status", "COMPLETED", "")),
    ("Failed — check error field", "Failed — no error field", ("status", "FAILED", "")),
    ("(initial response only)", "(not in the initial response)", ("field", "polling_url", "description")),
    ("(initial response only)", "(status response only)", ("field", "polling_url", "description")),
    ("(initial response only)", "(all responses)", ("field", "polling_url", "description")),
    ("not charged", "not charged unless output exists", ERROR),
    ("not charged", "not charged twice", ERROR),
    ("Poll the universal status endpoint to check progress and retrieve results.",
     "Polling is no longer possible; results are only sent by webhook.", ("sentence", "retrieving results", "")),
    ("passed via header", "passed in the request body", ("sentence", "authentication", "")),
    ("optimizes the prompt", "translates the prompt", ("parameter", "prompt_optimizer", "description")),
    ("when video is ready.", "when video is ready or has failed.", ("parameter", "callback_url", "description")),
    ("download from `output.media_url`", "download from `output.media_url` with your key", ("sentence", "typical workflow", "")),
    ("### Text to Video", "### Text to Video (deprecated)", ("sentence", "headings", "")),
    ("# Hailuo AI API\n", "# Hailuo AI API (discontinued)\n", ("page", "title", "")),
    ("COMPLETED, FAILED, or ERROR", "COMPLETED, or ERROR", ("field", "status", "description")),
    ("when video is ready.\n\n", "when video is ready.\n\nDeprecated.\n\n", ("parameter", "callback_url", "description")),
    ("URL to receive callback notifications when video is ready.\n\n", "", ("parameter", "callback_url", "description")),
    ("Default: 6.", "Default: 10.", ("parameter", "duration", "default")),
    ("Default: false. Whether", "Default: true. Whether", ("parameter", "aigc_watermark", "default")),
    ("duration\n\nNo\n\nnumber", "duration\n\nNo\n\ninteger", ("parameter", "duration", "type")),
    ("error\n\nstring|null", "error\n\nobject|null", ("field", "error", "type")),
    ('"model_id": "minimax-hailuo-ai"', '"model_id": "hailuo-2.3"', ("sample", "response (completed)", "model_id")),
    ('"Insufficient Balance",', '"Payment Required",', ("sample", "queue system errors 402", "error")),
    ("video in seconds.\n", "video in milliseconds.\n", ("parameter", "duration", "description")),
    ("when video is ready.", "when video is ready (beta).", ("parameter", "callback_url", "description")),
    ("When request completed", "When request completed, null until then", ("field", "completed_at", "description")),
    ("All requests require", "Generate requests require", ("sentence", "authentication", "")),
    ("a callback instead of polling", "a callback in addition to polling", ("sentence", "typical workflow", "")),
    ("                    → ERROR\n", "       → ERROR\n", ("status flow", "", "")),
    ("not charged", "charged", ERROR),
    ("**Tip:** Use", "Send a single request at a time. **Tip:** Use", ("sentence", "typical workflow", "")),
    ("JavaScript cURL", "JavaScript cURL\n\nThis endpoint is deprecated.", ("sentence", "request code", "")),
    ("## Typical Workflow", "You can have three videos in progress at once.\n\n## Typical Workflow", ("sentence", "status flow", "")),
    ("watermark to the generated video.", "watermark. Its position follows your account settings.", ("parameter", "aigc_watermark", "description")),
    ("## Hailuo v2.3", "## 2.3 Fast", ("sentence", "headings", "")),
    ("## Hailuo v2.3", "## $0.28 per video", ("sentence", "headings", "")),
    ("## Generate Video Request -", "## Generate Video Request (Legacy) -", ("sentence", "headings", "")),
    ("prompt\n\nYes\n\nstring\n", "prompt\n\nYes\n\nstring (max 500)\n", ("parameter", "prompt", "description")),
    ("prompt\n\nYes\n\nstring\n", "prompt\n\nYes\n\nstring (deprecated)\n", ("parameter", "prompt", "description")),
    ("output.media\\_url\n\narray", "output.media\\_url\n\narray of integers", ("field", "output.media_url", "type")),
    ("callback\\_url\n", "callback\\_url (deprecated)\n", ("parameter", "callback_url", "description")),
    ("callback\\_url\n", "~~callback\\_url~~\n", ("parameter", "callback_url", "description")),
    ("output.media\\_url\n\narray", "output.media\\_url\n\narray of objects", ("field", "output.media_url", "type")),
    ("HTTP Python JavaScript cURL", "Deprecated: use POST /v2/generate instead", ("sentence", "request code", "")),
    ('"prompt_optimizer": true,\n  "f', '"seed": 42,\n  "f', ("sample", "request", "seed")),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "key"), OTHERWISE, ids=[each[1] for each in OTHERWISE])
def test_another_rule_or_promise_in_like_words_is_no_wording(old: str, new: str, key: tuple[str, str, str]) -> None:
    """A rule that is no longer found has changed, and is never called wider if something else is said in its place."""
    found = [each for each in changes(edited((old, new))) if (each.part, each.name, each.attribute) == key]
    assert {(each.kind, each.effect) for each in found} == {("meaning", "unknown")}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (WATERMARK, WATERMARK + row("seed", "No", "integer", "Random seed."), ("parameter", "seed", "widening")),
        ('"seed": 42,\n', "", ("sample", "request", "unknown")),
    ],
)
def test_a_member_that_only_a_sample_has(old: str, new: str, found: tuple[str, str, str]) -> None:
    """With a row of the table it is one more parameter; where it goes, nobody knows whether it was one."""
    page = edited(('"prompt_optimizer": true,', '"seed": 42,\n"prompt_optimizer": true,'))
    listed = compare_pages(read_page(page), read_page(page.replace(old, new)))
    assert {(each.part, each.name, each.effect) for each in listed if each.kind == "meaning"} == {found}


@pytest.mark.parametrize(
    ("before", "after", "is_changed"),
    [
        ("768P: up to 10 seconds, 1080P: up to 6 seconds.", "768P: up to 6 seconds, 1080P: up to 10 seconds.", True),
        ("A 768P video takes 60 seconds. A 1080P video takes 90 seconds.", "A 768P video takes 90 seconds. A 1080P video takes 60 seconds.", True),
        ("FAILED requests are charged. ERROR requests are not charged.", "FAILED requests are not charged. ERROR requests are charged.", True),
        ("A 1080P video takes 6 s and a 768P video takes 10 s.", "A 768P video takes 10 s and a 1080P video takes 6 s.", False),
        ("Use 768P or 1080P, PNG/WebP/JPEG.", "Use 1080P or 768P, WebP/JPEG/PNG.", False),
        ("To get a callback, use `X-Webhook-URL`.", "Use `X-Webhook-URL` to get a callback.", False),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["Duration of the video in seconds.", "Common status codes."])
def test_values_that_have_changed_places_are_a_change(before: str, after: str, place: str, *, is_changed: bool) -> None:
    """Though the words are the same; but not in a list."""
    old, new = (read_page(edited((place, each))) for each in (before, after))
    assert any(each.kind == "meaning" for each in compare_pages(old, new)) is is_changed


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("/callback\n```", "/callback\nX-Webhook-Secret: abc\n```", "X-Webhook-Secret: abc"),
        ("/callback\n```", "/callback\n```\n\n```\nX-Webhook-Secret: abc\n```", "X-Webhook-Secret: abc"),
        ("YOUR_API_KEY\n```", "YOUR_API_KEY\n```\n\n```\nDELETE https://gateway.pixazo.ai/v2/requests/{id}\n```", "DELETE https://gateway.pixazo.ai/v2/requests/{id}"),
    ],
)  # fmt: skip
def test_a_further_header_or_route_is_told_and_replaces_none(old: str, new: str, told: str) -> None:
    """The header that asks for callbacks and the status route stay as they are."""
    assert {(each.part, each.after) for each in changes(edited((old, new)))} == {("not understood", told)}


@pytest.mark.parametrize(
    ("page", "where"),
    [
        (PAGE[: PAGE.rindex('"output": null')], "within a sample"),
        (PAGE[: PAGE.rindex("## Response Fields")], "response (completed)"),
        (PAGE[: PAGE.index("## Response Fields")], "response (completed)"),
        (PAGE[: PAGE.rindex("resolution\n\nNo")], "request parameters"),
    ],
    ids=["within a sample", "in the last operation", "in the first operation", "in a table"],
)
def test_a_page_that_was_cut_off_says_so_first(page: str, where: str) -> None:
    """Before everything that is missing for that reason."""
    first = changes(page)[0]
    assert (first.part, first.name, first.kind) == ("page", "end", "meaning")
    assert where in str(first.after)


def test_a_fence_that_was_lost_is_no_end_within_a_sample() -> None:
    """What hides the sections behind it may be either."""
    page = edited(("```\n\n[Try Now]", "\n\n[Try Now]"), once=True)
    (end,) = [each for each in changes(page) if each.part == "page"]
    assert str(end.after).endswith("the page seems to be cut off, or the fence of a sample is missing.")


def test_a_page_without_its_last_operation_was_not_cut_off() -> None:
    """The operation before it is whole."""
    assert [each for each in changes(PAGE[:TEXT]) if each.part == "page"] == []


def test_a_rule_that_went_is_not_repeated_by_words_of_several_sentences() -> None:
    """Elsewhere stand all the words of it that count, but in sentences about other things."""
    before = edited(("passed via header.", "passed via header. A key works for 10 seconds."))
    assert any(each.kind == "meaning" for each in compare_pages(read_page(before), read_page(PAGE)))


def test_only_how_often_to_poll_is_an_interval() -> None:
    """Not every number of seconds in the section."""
    page = f"{PAGE}\nGive up after 600 seconds.\n\n[^1]: 10 seconds is only available at 768P.\n"
    assert [each.polling for each in read_page(page).operations] == [(5, 10), (5, 10)]


def rendered(table_of: Callable[[list[Row]], str]) -> str:
    """The page with its tables in another form."""
    lines = list[str]()
    for section in sections(read_blocks(PAGE)):
        table, rest = rows(section)
        others = [block for block in rest if block.kind != "text"]
        lines += [f"## {section.title}"] if section.title else []
        lines += [block.text for block in rest if block.kind == "text"]
        lines += [table_of(table)] if table else []
        lines += [f"* {each.text}" if each.kind == "item" else f"```\n{each.text}\n```" for each in others]
    return "\n\n".join(lines)


def piped(table: list[Row]) -> str:
    """A table with pipes."""
    names = [name.title() for name in table[0].cells]
    cells = (names, ["---"] * len(names), *(each.cells.values() for each in table))
    return "\n".join(f"| {' | '.join(each)} |" for each in cells)


def cells_apart(table: list[Row]) -> str:
    """A table whose cells are paragraphs."""
    cells = (map(str.capitalize, table[0].cells), *(each.cells.values() for each in table))
    return "\n\n".join(cell for each in cells for cell in each)


def cells_and_more(table: list[Row]) -> str:
    """The same, and a sentence below it."""
    return f"{cells_apart(table)}\n\nSee above."


def listed(table: list[Row]) -> str:
    """A list in place of a table."""
    items = list[str]()
    for found in table:
        name, *others = (cell for column, cell in found.cells.items() if column not in ("required", "type"))
        required = {"Yes": "required", "No": "optional"}.get(found.cells.get("required", ""), "")
        notes = ", ".join(each for each in (found.cells.get("type", ""), required) if each)
        items.append(f"- `{name}`{f' ({notes})' if notes else ''}: {others[0]}")
    return "\n\n".join(items)


@pytest.mark.parametrize(
    ("head", "column", "cells", "changed"),
    [
        ("Code | Meaning", "Charged", {"500": "Yes"}, ("code", "500", "Internal Server Error. Charged.")),
        ("Status | Description", "Charged", {"FAILED": "No"}, ("status", "FAILED", "Failed — check error field. Not charged.")),
        ("Field | Type", "Nullable", {"error": "Yes"}, ("field", "error", "Error message if failed. Nullable.")),
        ("Parameter | Type", "Allowed values", {"duration": "6, 10"}, ("parameter", "duration", ["10", "6"])),
        ("Header | Value", "Required", {"Cache-Control": "No"}, ("sentence", "request headers", "Cache-Control: Not required.")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("form", [piped, cells_apart, cells_and_more])
def test_a_further_column_is_read(
    form: Callable[[list[Row]], str], head: str, column: str, cells: dict[str, str], changed: tuple[str, str, object]
) -> None:
    """What it says is part of the description of its row; an empty cell or an example says nothing."""

    def with_column(table: list[Row]) -> str:
        is_it = " | ".join(map(str.title, table[0].cells)).startswith(head)
        more = (
            {"example": "x", column: cells.get(next(iter(row.cells.values())), "—")} if is_it else {} for row in table
        )
        return form([row._replace(cells=row.cells | each) for row, each in zip(table, more, strict=True)])

    found = {
        (each.part, each.name, str(each.after)) for each in changes(rendered(with_column)) if each.kind == "meaning"
    }
    assert (*changed[:2], str(changed[2])) in found
    assert {each[1] for each in found} == {changed[1]}


@pytest.mark.parametrize("name", ["image_urls[0]", "data[*].url", "In progress"])
def test_an_index_and_a_second_word_belong_to_a_name(name: str) -> None:
    """Marks and what is in parentheses do not."""
    page = read_page(edited(("\n\nPROCESSING\n\n", f"\n\n{name}\n\n")))
    assert name in page.operations[0].statuses


def test_an_example_is_no_description() -> None:
    """Also where the cell of the description is empty."""
    head = "| Parameter | Required | Type | Description | Example |\n| --- | --- | --- | --- | --- |\n| seed | No | integer | |"
    old, new = (read_page(edited(("## Example Request", f"{head} {each} |\n\n## Example Request"))) for each in "57")
    assert compare_pages(old, new) == ()


def wrapped(page: str) -> str:
    """The page with lines of at most 60 columns outside its samples."""
    parts = re.split(r"(^```\n.*?^```$)", page, flags=re.DOTALL | re.MULTILINE)
    return "".join(
        part if number % 2 else re.sub(r"(?m)^([A-Z][^\n]{40,60}?) ", r"\1\n", part)
        for number, part in enumerate(parts)
    )


CALLBACK = row("callback\\_url", "No", "string", "URL to receive task status update notifications.")
WORDING = {
    "pipe tables": rendered(piped),
    "wrapped lines": wrapped(PAGE),
    "the other operation first": PAGE[:IMAGE] + PAGE[TEXT:] + "\n\n" + PAGE[IMAGE:TEXT],
    "rows in another order": edited((CALLBACK + WATERMARK, WATERMARK + CALLBACK)),
    "other headings": edited(("## Base URL", "#### Base URL"), ("## Status Flow", "### Status flow")),
    "other bullets": re.sub(r"(?m)^\d\.  ", "*   ", PAGE),
    "bullets that Markdown does not know": re.sub(r"(?m)^\d\.  ", "• ", PAGE),
    "tags of layout": re.sub(r"(?m)^(#+ .+)$", r'<a id="x"></a>\n\n\1 <a name="y"></a>', edited(("Default: 6. ", "Default: 6.<br>"))),
    "a date": f"{PAGE}\n\nLast updated: 2026-05-03\n\n© 2026 Pixazo. All rights reserved.\n",
    "numbers in words": edited(("Default: 6.", "Default: six."), ("Must be 6 or 10", "Must be six or ten"), ("every 5-10 seconds", "every five to ten s")),
    "a default at its value": edited(('Default: "768P". Video', "Video"), ("'768P' or", "'768P' (default) or")),
    "the same formats": edited(("JPG/JPEG/PNG/WebP", ".jpg, .png or .webp")),
    "emphasis": re.sub(r"(?m)^(prompt|duration|QUEUED|string|202)$", r"**`\1`**", PAGE),
    "links": edited(("API key passed", "[API key](https://example.com/keys) passed")),
    "entities": edited(("<20MB", "&lt;20MB"), ("every 5-10 seconds", "every 5-10\u00a0seconds")),
    "typography": edited(("'768P' or '1080P'", "‘768P’ or ‘1080P’"), ('Default: "768P"', "Default: “768P”")),
    "a table of contents": edited(("## Hailuo v2.3", "## Contents\n\n- [Image to Video](#a)\n- [Base URL](#b)\n\n## Hailuo v2.3")),
    "other examples": edited(
        ("Man walked into winter cave with polar bear", "A cat on a beach"), ("2026-03-31", "2027-01-01"), ('"duration": 6', '"duration": 10'),
        ("019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "01a7yyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"),
    ),
    "other programs": edited(("import requests", "import httpx"), ("HTTP Python JavaScript cURL", "HTTP PHP Go")),
    "a limit in other words": edited(("Video description, maximum 2000 characters.", "What the video shows, at most 2,000 characters.")),
    "a charge in other words": edited(("System error — not charged", "Internal failure; nothing is billed, it is free of charge")),
    "the image in other words": edited((
        "Image requirements: JPG/JPEG/PNG/WebP, <20MB, short side >300px, aspect ratio 2:5 to 5:2.",
        "It has to be a JPG/JPEG, PNG or WebP of less than 20 MB, its shorter side must exceed 300 pixels, its ratio lie between 2:5 and 5:2.",
    )),
    "values in other words": edited((
        "Default: 6. Video duration in seconds. Must be 6 or 10 seconds for MiniMax-Hailuo-2.3-Fast model.",
        "Length of the video in seconds, 6 if left out. The MiniMax-Hailuo-2.3-Fast model accepts 6 and 10 only.",
    )),
    "sentences in other words": edited(
        ("All requests require an API key passed via header.", "Every request needs an API key in a header."),
        ("Use `X-Webhook-URL` header to get a callback instead of polling.", "If you would rather be called back than poll, use `X-Webhook-URL`."),
        ("**Poll** every 5-10 seconds:", "Ask again, leaving 5 to 10 seconds between polls:"),
        ("The narrative or scene description used to influence video generation.", "A text that describes the scene."),
    ),
    "lists in place of tables": rendered(listed),
    "other words in headings": edited(
        ("## Base URL", "## Where to Send Requests"), ("## Authentication", "## Signing In"), ("## Request Code", "## Sample Code"),
        ("## Response Fields", "## Fields of the Response"), ("## Status Values", "## Statuses"), ("## Status Flow", "## How the Status Moves"),
        ("## Retrieving Results", "## Getting Results"), ("## Request Headers", "## Headers to Send"),
    ),
    "an arrow a line": edited(
        ("                    → FAILED\n                    → ERROR", "QUEUED → PROCESSING → FAILED\nQUEUED → PROCESSING → ERROR"),
    ),
    "a comment as a sentence": edited(
        ("```\n// 402 — Insufficient balance\n", "If the balance is insufficient (402):\n\n```\n"),
        ("```\n// 400 — Model not found\n", "If the model is not found (400):\n\n```\n"),
    ),
    "two samples in one fence": edited(("```\n\n```\n// 400", "\n// 400")),
    "comments": edited(("## Webhook (Optional)", "<!-- 24 h TTL -->\n\n## Webhook (Optional)"), ("Common status", "Common <!-- 4 --> status")),
    "front matter": f"---\ntitle: Hailuo AI API\nlast_modified: 2026-11-28\ntags:\n  - video\n---\n\n{PAGE}",
    "CRLF, and a byte order mark": f"\ufeff{PAGE}".replace("\n", "\r\n"),
    "nested lists in place of tables": re.sub(r"(?m)^(- `\w+` \(.*?\)): ", r"\1\n  - ", rendered(listed)),
    "arrows of a diagram": edited(("→", "-->")),
    "hyphens and spaces": edited(("characters.", "char\u00adacters.")),
    "an aspect ratio the other way round": edited(("2:5 to 5:2", "5:2 to 2:5")),
    "the first response": edited(("(initial response only)", "(only in the first response)"), ("Must be '768P' or '1080P'", "One of '768P', '1080P'")),
    "bounds in other words": edited((">300px", "greater than 300 pixels"), ("short side", "shorter side"), ("<20MB", "smaller than 20 MB")),
    "codes in another order of words": edited(("Accepted — Request queued", "The request was accepted and is queued")),
    "parameters in two tables": edited((
        "\nfast\\_pretreatment\n\nNo\n", "\n### Advanced Parameters\n\nParameter\n\nRequired\n\nType\n\nDescription\n\nfast\\_pretreatment\n\nNo\n",
    )),
    "columns in another order": rendered(lambda table: piped([row._replace(cells=dict(reversed(row.cells.items()))) for row in table])),
    "a default without quotes": edited(('Default: "768P"', "Default: 768P")),
    "nullable types": edited(("error\n\nstring|null", "error\n\nstring (nullable)"), ("string|null", "nullable string")),
    "sentences that introduce": edited(("Common status codes.", "The following table lists the common status codes. See also the examples below.")),
    "numbers and pictures before headings": re.sub(r"(?m)^(##+) (?=[BR])", r"\1 🚀 2.1. ", re.sub(r"(?m)^(##+) (?=[SW])", r"\1 3.2 ", PAGE)),
    "paths in place of URLs": edited(
        ("POST https://gateway.pixazo.ai/minimax-hailuo-ai/v1/generate\n", "POST /minimax-hailuo-ai/v1/generate HTTP/1.1\nHost: gateway.pixazo.ai\n"),
        ("GET https://gateway.pixazo.ai/v2", "GET /v2"),
    ),
    "another placeholder": edited(("/status/{request_id}", "/status/:id")),
    "samples that are not quite JSON": edited(
        ('"output": null\n', "“output”: null, // none\n"), ('"completed_at": "2026-03-31T10:00:15.000Z"\n', '"completed_at":\u00a0"2026-03-31T10:00:15.000Z"\n  ...\n'),
    ),
    "switches": edited(
        ("Default: true. Auto", "Enabled by default. Auto"), ("Default: false. Short", "Not enabled by default. Short"), ("Whether to add AIGC", "If true, adds an AIGC"),
    ),
    "the model first": edited(("only for MiniMax-Hailuo-2.3-Fast model", "MiniMax-Hailuo-2.3-Fast model only")),
    "one of several targets": edited(("                    → FAILED\n                    → ERROR", "PROCESSING ➜ FAILED | ERROR")),
    **{f"requests for {curl}": re.sub(r"(?s)```\nPOST https.*?```\n\n", "", PAGE).replace("curl -v -X POST ", curl)
       for curl in ("curl -v -X POST ", "curl --location ", "curl --request POST \\\n  --url ")},
    "a program below a heading of its own": edited(("## Response (Completed)", "## Python Example\n\n```\nimport requests\n```\n\n## Response (Completed)")),
    "tables of HTML": rendered(lambda table: "\n".join(
        f"<TR><td>{'</td><TD>'.join(each)}</TD></TR>" for each in (map(str.title, table[0].cells), *(row.cells.values() for row in table)))),
    "remarks": edited(("**Tip:** Use", "> [!TIP]\n> Use")),
    "formats that must be": edited(("requirements: JPG/JPEG/PNG/WebP,", "must be JPG, PNG or WebP,"), ("Base64 encoded", "Base64-encoded")),
    "no default in a column": rendered(lambda table: piped([row._replace(cells={**row.cells, "default": "N/A"}) for row in table])),
    **{limit: edited((LIMIT, limit)) for limit in (
        "max. 2000 characters", "2000 characters max", "≤ 2000 characters", "no more than 2,000 chars", "maximum length: 2000 characters",
        "2.000 characters or fewer", "limited to 2000 characters", "must not exceed 2000 characters",
    )},
    **{f"{yes}, {no}": edited(("\n\nYes\n\n", f"\n\n{yes}\n\n"), ("\n\nNo\n\n", f"\n\n{no}\n\n"))
       for yes, no in (("true", "false"), ("✓", "✗"), ("Required", "Optional"))},
    "pipe tables without pipes at the ends": rendered(lambda table: re.sub(r"(?m)^\| | \|$", "", piped(table))),
    "sections printed once at the end": PAGE[:HANDLING] + PAGE[TEXT:],
    "sections printed once at the beginning": PAGE[: TEXT + len("### Text to Video\n\n")] + PAGE[PAGE.rindex("## Generate Video Request -") :],
    "capital headings": re.sub(r"(?m)^#.*", lambda found: found[0].upper(), PAGE),
    "bold headings of the template": re.sub(r"(?m)^##+ (?!.*(?:Hailuo|Video$))(.*)", r"**\1**", PAGE),
    "codes with their names": edited(("202\n", "202 Accepted\n"), ("402\n", "402 (Payment Required)\n")),
    "tables and headings of a section below others": edited(("## Authentication\n", "## Authentication\n\n### API Key\n"), ("## Response Fields\n", "## Response Fields\n\n### All\n")),
    "pipes without spaces": rendered(lambda table: re.sub(r" ?\| ?", "|", piped(table).replace("string|null", "string\\|null"))),
    "a head for each row": rendered(lambda table: "\n\n".join(piped([each]) for each in table)),
    "MDX": "import Tabs from '@theme/Tabs'\nexport const a = 1\n\n" + edited(
        ("**Tip:** Use", '{/* 24 h\nTTL */}\n\n<Callout type="info">\n**Tip:** Use'), ("of polling.\n\n### Text", "of polling.\n</Callout>\n\n### Text")),
    "headings of HTML": re.sub(r"(?m)^(#+) (.*)$", lambda found: f'<h{len(found[1])} id="x">{found[2]}</h{len(found[1])}>', PAGE),
    "other comments": edited(("// 402 — Insufficient balance", "# 402 — Insufficient balance\n"), ("// 400 — Model not found", "/* 400 — Model not found */"), ('"output": null\n', '"output": null # none\n'), ('"error": null,', '"error": null, /* none */')),
    "errors below headings": edited(("```\n// 402 — Insufficient balance\n", "#### 402: Insufficient balance\n\n```\n"), ("```\n// 400 — Model not found\n", "#### 400 Model not found\n\n```\n")),
    "other letters of names": edited(("Ocp-Apim-Subscription-Key", "ocp-apim-subscription-key"), ("\n\nstring\n\nYes", "\n\nString\n\nYes")),
    "a slash at the end": edited(("ai/v1\n```", "ai/v1/\n```")),
    "a tip less": edited(("**Tip:** Use `X-Webhook-URL` header to get a callback instead of polling.", "")),
    "centred columns": rendered(lambda table: piped(table).replace("| --- | ---", "| :-: | -")),
    "a key in words": edited(("YOUR_SUBSCRIPTION_KEY", "<your subscription key>"), ("YOUR\\_SUBSCRIPTION\\_KEY", "your subscription key")),
    "a URL of an image": edited(("Supports public URLs or", "Supports the URL of a public image or")),
    "a question mark and a mark": rendered(lambda table: piped(table).replace("| Required |", "| Required? |").replace("| prompt |", "| prompt* |").replace("| duration |", "| duration[^1] |")),
    "a question mark and marks among paragraphs": edited(("\nRequired\n", "\nRequired?\n"), ("\nmodel\\_id\n", "\nmodel\\_id\\*\n"), ("\nQUEUED\n", "\nQUEUED\\*\n")),
    "another name of the last column": rendered(lambda table: piped(table).replace("| Description |", "| Notes |")),
    "what MiniMax does": edited(("Advanced video, audio, and image generation by MiniMax.", "MiniMax makes videos.")),
}  # fmt: skip


@pytest.mark.parametrize("page", WORDING.values(), ids=list(WORDING))
def test_another_wording_is_no_change_of_meaning(page: str) -> None:
    """Nor is another order or layout, nor are other examples."""
    assert [each for each in changes(page) if each.kind == "meaning"] == []


def test_the_page_itself_has_not_changed() -> None:
    """Not even in its wording."""
    assert changes(PAGE) == ()


def test_what_rests_on_a_change_is_named() -> None:
    """The clauses and policy fields that quote it."""
    (found,) = [each for each in changes(edited((LIMIT, "maximum 1500 characters"))) if each.kind == "meaning"]
    assert "I2V-PROMPT-01" in found.clauses
    assert "prompt_unit" in found.policy
    assert not any(clause.startswith("I2V-IMG") for clause in found.clauses)


def test_every_quotation_is_found() -> None:
    """Each clause and each policy field that quotes the page is named when what it quotes changes."""
    places = [(operation, fact) for operation in OURS.operations for fact in facts(operation)]
    places += [
        (operation, Fact("sentence", each.section, "", None, each.text, each.section))
        for operation in OURS.operations
        for each in operation.sentences
    ]
    found = [(name, quote) for quoted in quotations().values() for name, quotes in quoted.items() for quote in quotes]
    assert [(name, quote) for name, quote in found if not any(is_about(quote, *place) for place in places)] == []
    assert len(found) > 200


def test_an_operation_goes_by_its_path() -> None:
    """Without its version; those of Hailuo by the last segment."""
    paths = ("/minimax-hailuo-ai/v1/generate", "/ltx-video/v1/text-to-video", "/veo/v1/veo-3.1/generate")
    assert [*map(operation_name, paths)] == ["generate", "ltx-video/text-to-video", "veo/veo-3.1/generate"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("<20MB", "<20MiB", [("max_bytes", 20 * 1024**2 - 1)]),
        ("duration\n\nNo\n\ninteger", "duration\n\nNo\n\nstring", [("type", "string")]),
        (SECONDS, f"{SECONDS}. With 1080P only 6 seconds", [("description", f"Default: 6. Video duration in seconds. {SECONDS}. With 1080P only 6 seconds{FAST}")]),
        ("only for MiniMax-Hailuo-2.3-Fast model", "only for M-1 and M-2 models", [("conditions", "(only for M-1 and M-2 models)")]),
        (SECONDS, "Must be 6 to 10 seconds", [("enumeration", None), ("not understood", f"Must be 6 to 10 seconds{FAST}")]),
        ("fast\\_pretreatment\n\nNo\n\nboolean\n\nDef", "fast\\_pretreatment\n\nIf\n\nboolean\n\nDef", [("required", None), ("not understood", "Required: If")]),
    ],
)  # fmt: skip
def test_a_change_is_told_once(old: str, new: str, told: list[tuple[str, object]]) -> None:
    """Neither by a description that says nothing else, nor by a default of another type; and what was not understood is told."""
    assert [(each.attribute, each.after) for each in changes(edited((old, new))) if each.kind == "meaning"] == told


@pytest.mark.parametrize(
    "row",
    [
        "6s | 768P | $0.28",
        "6 seconds | 768P | 0.28",
        *(f"6s | 768P | {price}" for price in ("US$0.28", "USD 0.28", "0.280 USD")),
    ],
)
def test_a_price_may_be_written_in_many_ways(row: str) -> None:
    """It is known by the cells beside it, in any order, and drafted from all of them."""
    tables = (
        "Resolution | Duration | Price (USD) |\n| 768P | 6s | $0.28",
        f"Duration | Resolution | Price (USD) |\n| {row}",
    )
    old, new = (read_page(f"{PAGE}\n\n## Pricing\n\n| {each} |\n") for each in tables)
    assert [each for each in compare_pages(old, new) if each.kind == "meaning"] == []
    assert 'price = "0.28' in draft_model(new, date(2026, 1, 1))


@pytest.mark.slow
def test_odd_values_are_changes() -> None:
    """They do not end the comparison: a host with a placeholder, a deep sample, numbers that are too large."""
    deep, large = f"{'[' * 5000}{']' * 5000}", "9" * 5000
    odd = [
        ("gateway.pixazo.ai", "[region].pixazo.ai"),
        ('"output": null', f'"output": {deep}'),
        ("<20MB", f"<{large}MB"),
    ]
    found = changes(edited(*odd, ("every 5-10 seconds", f"every {large} seconds")))
    assert {each.part for each in found if each.kind == "meaning"} >= {"request", "sample", "parameter", "polling"}


def test_a_member_of_another_name_is_an_id_too() -> None:
    """The model id is read from it, but from no id that is sent."""
    page = edited(('"request_id"', '"id"'), ('"duration": 6,', '"voice_id": "Wise_Woman",\n  "duration": 6,'))
    assert [each.model_id for each in read_page(page).operations] == ["minimax-hailuo-ai"] * 2


def test_a_second_table_never_silently_replaces_the_first() -> None:
    """Of prices the last counts, of parameters the first; the other is not understood."""
    prices = "\n\n".join(
        ("## Pricing", "Resolution", "Price", "768P", "$0.28", "## Pricing", "Resolution", "Price", "768P", "$0.30", "")
    )
    table = "## Request Parameters\n\n| Parameter | Type | Required | Description |\n| --- | --- | --- | --- |\n| prompt | string | No | - |\n"
    found = changes(f"{PAGE}\n\n{prices}\n{table}")
    assert [(each.part, each.name, each.after) for each in found] == [
        ("price", "768P", "$0.30"), ("not understood", "Pricing", "768P: $0.28"), ("not understood", "Request Parameters", "prompt | string | No | -"),
    ]  # fmt: skip


def test_what_cannot_be_read_any_more_is_a_change() -> None:
    """It is never left out silently."""
    found = changes(edited(("## Base URL", "## Base URL\n\n```\n<mystery/>\n```")))
    assert {(each.kind, each.part, each.after) for each in found} == {("meaning", "not understood", "<mystery/>")}
