"""A page is read whole: each block of it is in what was read, or is listed as not understood."""

from __future__ import annotations

import json
import random
import re
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.page import PAGE

from pixazo_contracts.pages import InvalidPageError, compare_pages, own_page, read_page
from pixazo_contracts.pages.descriptions import read_rules
from pixazo_contracts.pages.meaning import atoms
from pixazo_contracts.pages.page import COLUMNS, Rules, kind_of
from pixazo_contracts.pages.sections import read_blocks

RENDERED = """\
### Model of a test
**Page:** https://www.pixazo.ai/models/test

by Somebody

Text to Video
**Request Code**
**Response**
#### Test v1 Text To Video API Documentation
https://gateway.pixazo.ai/test-video/v1
**Authentication**

All requests require an API key passed via header.

| Header | Type | Required | Description |
| Ocp-Apim-Subscription-Key | string | Yes | Your API subscription key |
Video Request - Test
**Request Code**
POST /video-request HTTP/1.1
Host: gateway.pixazo.ai
Content-Type: application/json

```json
{
"prompt": "A cat"
}
```
**Output**
{
"request_id": "test-video_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
"status": "QUEUED"
}
Webhook (Optional)

X-Webhook-URL: https://your-server.com/webhook/callback
Request Parameters - Video Request
| Field | Type | Required | Default | Description |
| --- | --- | --- | --- | --- |
| prompt | string | Yes | — | What is shown. Max 2,500 characters. |
| webhook | string | No | — | Callback URL. |
| duration | integer or null | No | 5 | Allowed values: 5, 10 |
| size | string | No | — | Available resolutions: "832*480", "1280*720" |
**Request Headers**
| Header | Value |
```
Content-Type	application/json
Ocp-Apim-Subscription-Key	YOUR_KEY
```
Endpoint
```http
GET https://gateway.pixazo.ai/v2/requests/status/{request_id}
Ocp-Apim-Subscription-Key: YOUR_API_KEY
cURL Example
curl -H "Ocp-Apim-Subscription-Key: YOUR_API_KEY" "https://gateway.pixazo.ai/v2/requests/status/x"
Response (Completed)
{
"status": "COMPLETED"
}
```
Response Fields
| Field | Type | Description |
| --- | --- | --- |
| error | string|null | Error message if failed |
Status Flow
QUEUED → PROCESSING → COMPLETED
→ FAILED
Test v1 Pricing
| Resolution | Price (USD) |
| All Resolution | $0.04 |
"""


def plain(text: str) -> str:
    """A text without its layout."""
    return re.sub(r"[\s`\\|]+", " ", text).strip()


def test_every_block_is_accounted_for() -> None:
    """Of the vendor's own page; headings and names of columns are the template's."""
    page = own_page()
    read = plain(
        json.dumps(msgspec.to_builtins(read_page(page)), ensure_ascii=False).replace('\\"', '"').replace("\\n", "\n")
    )
    lines = [
        line
        for block in read_blocks(page)
        if not kind_of(block.text) and block.text not in COLUMNS | {"Yes", "No"}
        for text in block.cells or (block.text,)
        for line in text.split("\n")
    ]
    missed = {line for line in lines if plain(line) not in read and plain(line.partition(": ")[2] or line) not in read}
    assert (
        missed
        == {
            "GET https://gateway.pixazo.ai/v2/requests/status/{request_id}",  # read as method and URL
            "X-Webhook-URL: https://your-server.com/webhook/callback",  # read as the name of a header: its value is an example
        }
    )


def test_it_is_the_page_that_the_tests_quote() -> None:
    """One copy."""
    assert PAGE.read_text(encoding="utf-8") == own_page()


def test_what_the_page_says() -> None:
    """Both operations, whole."""
    page = read_page(own_page())
    image, text = page.operations
    assert (page.title, page.source, page.provider) == (
        "Hailuo AI API",
        "https://www.pixazo.ai/models/hailuo",
        "MiniMax",
    )
    assert (image.path, text.path) == ("/minimax-hailuo-ai/v1/imageToVideo", "/minimax-hailuo-ai/v1/generate")
    assert (image.group, image.model_id, image.webhook_header) == (
        "Image to Video",
        "minimax-hailuo-ai",
        "X-Webhook-URL",
    )
    assert [each.name for each in text.parameters] == [
        "prompt", "duration", "resolution", "prompt_optimizer", "fast_pretreatment", "callback_url", "aigc_watermark",
    ]  # fmt: skip
    assert list(image.codes) == ["202", "400", "401", "402", "403", "429", "500"]
    assert len(image.fields) == 9
    assert list(image.statuses) == ["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "ERROR"]
    assert image.flow == (
        ("QUEUED", "PROCESSING"), ("PROCESSING", "COMPLETED"), ("PROCESSING", "FAILED"), ("PROCESSING", "ERROR"),
    )  # fmt: skip
    assert (image.polling, image.status_method, image.status_url) == (
        (5, 10), "GET", "https://gateway.pixazo.ai/v2/requests/status/{request_id}",
    )  # fmt: skip


def test_what_was_not_understood_is_listed() -> None:
    """Of the vendor's page it is one sentence, which docs/how-to/page.md names."""
    page = read_page(own_page())
    assert page.unread == ()
    assert [text for each in page.operations for parameter in each.parameters for text in parameter.unread] == [
        "Supports 15+ camera movement instructions for professional video control."
    ]


def test_a_rendered_page_is_read() -> None:
    """With pipe tables without a delimiter row, samples without a fence, and a fence that has swallowed the next sections."""
    page = read_page(RENDERED)
    (operation,) = page.operations
    assert page.unread == ()
    assert (operation.url, operation.model_id) == (
        "https://gateway.pixazo.ai/test-video/v1/video-request",
        "test-video",
    )
    prompt, webhook, duration, size = operation.parameters
    assert (prompt.required, prompt.rules.max_length, webhook.name) == (True, 2500, "webhook")
    assert (duration.type, duration.rules.default, duration.rules.enumeration) == ("integer or null", 5, (5, 10))
    assert size.rules.enumeration == ("832*480", "1280*720")
    assert operation.fields == {"error": ("string|null", "Error message if failed")}
    assert operation.headers["Ocp-Apim-Subscription-Key"] == "YOUR_KEY"
    assert operation.flow == (("QUEUED", "PROCESSING"), ("PROCESSING", "COMPLETED"), ("PROCESSING", "FAILED"))
    assert operation.status_url.endswith("{request_id}")
    assert operation.prices == {"All Resolution": "$0.04"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<h1>A page</h1>",
        "<html><body>502 Bad Gateway</body></html>",
        '{"error": "x"}',
        "# A page\n\nWithout anything.",
        "\0",
    ],
)
def test_what_is_no_page_is_refused(text: str) -> None:
    """It is never a page on which nothing changed."""
    with pytest.raises(InvalidPageError, match="no operation was found"):
        read_page(text)


def test_a_page_in_markdown_may_begin_with_html() -> None:
    """As the title of many a README that is in the middle."""
    assert len(read_page(f'<h1 align="center">Hailuo</h1>\n\n{own_page()}').operations) == 2


@pytest.mark.parametrize(
    ("written", "read"),
    [("Send <Key>.", "Send <Key>."), ("A <Tip>short</Tip> one", "A  short  one"), ('X<Icon name="a"/>Y', "X Y")],
)
def test_a_component_is_layout_and_a_name_in_its_place_is_not(written: str, read: str) -> None:
    """What nothing closes stands for a value."""
    assert [block.text for block in read_blocks(written)] == [read]


def test_what_an_operation_prints_itself_is_not_completed() -> None:
    """The only operation of a page is its first and its last one, too."""
    page = "# A\n\n## Request Code\n\n```\nPOST https://a.test/x\n```\n\n## cURL Example\n\n```\ncurl https://a.test/y\n```\n"
    assert [each.section for each in read_page(page).operations[0].samples] == ["request code", "curl example"]


LINES = own_page().splitlines(keepends=True)
OURS = read_page(own_page())


@pytest.mark.slow
@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.integers(0, len(LINES)), st.integers(0, 40)), min_size=1, max_size=6),
    st.randoms(use_true_random=False),
)
def test_a_damaged_page_is_read_or_refused(cuts: list[tuple[int, int]], chance: random.Random) -> None:
    """Without lines, or with lines in another place; and nothing else happens. What changed can be said in every case."""
    lines = list(LINES)
    for at, length in cuts:
        cut = lines[at : at + length]
        del lines[at : at + length]
        if chance.random() < 0.5:
            back = chance.randrange(len(lines) + 1)
            lines[back:back] = cut
    with suppress(InvalidPageError):
        compare_pages(OURS, read_page("".join(lines)))


@pytest.mark.parametrize(
    ("text", "kind", "rules"),
    [
        ("Max 2500 characters.", "string", {"max_length": 2500}),
        ("The length limit is less than 50,000 characters.", "string", {"max_length": 49999}),
        ("Cannot exceed 2500 characters", "string", {"max_length": 2500}),
        ("Between 3 and 2.000 characters", "string", {"min_length": 3, "max_length": 2000}),
        ("Maximum length: 2000", "string", {"max_length": 2000}),
        ("Up to 10MiB.", "string", {"max_bytes": 10_485_760}),
        ("Default: 768P.", "string", {"default": "768P"}),
        ("6s or 10s, default 6s.", "integer", {"default": 6, "enumeration": [6, 10]}),
        ("Default: 6. Valid values: 6, 8, 10", "integer", {"default": 6, "enumeration": [6, 8, 10]}),
        ('Supported: "1K", "2K" (default), "4K".', "string", {"default": "2K", "enumeration": ["1K", "2K", "4K"]}),
        ('Output format: "jpeg", "png", or "webp"', "string", {"enumeration": ["jpeg", "png", "webp"]}),
        ("Aspect ratio: 16:9, 9:16, adaptive.", "string", {"enumeration": ["16:9", "9:16", "adaptive"]}),
        ("Must be between 1 and 4.", "integer", {"minimum": 1, "maximum": 4}),
        ("Supported values: 1–4.", "integer", {"minimum": 1, "maximum": 4}),
        ("The range is (0,10], with higher values louder.", "number", {"minimum": 0, "maximum": 10, "exclusive_minimum": True}),
        ("Video length in seconds (4-15).", "integer", {"minimum": 4, "maximum": 15}),
        ("Array of 1-10 HTTPS URLs.", "array of strings", {"min_items": 1, "max_items": 10, "formats": ["url"]}),
        ("Input images (up to 14 images)", "array of URIs", {"max_items": 14}),
        ("Supported formats: JPEG, PNG. Max 20MB per image.", "string", {"formats": ["jpeg", "png"], "max_bytes": 20_000_000}),
        ("JPG/PNG, <20MB, short side >300px, aspect ratio 2:5 to 5:2.", "string",
         {"formats": ["jpeg", "png"], "max_bytes": 19_999_999, "short_side_above": 300, "aspect_ratio": ["2:5", "5:2"]}),
        ("Base64 encoded Data URLs are no longer accepted.", "string", {}),
        ("Higher values increase quality.", "number", {}),
        ('Text (e.g., "blurry, low quality").', "string", {}),
    ],
)  # fmt: skip
def test_a_description_says_rules(text: str, kind: str, rules: dict[str, object]) -> None:
    """In the words of the vendor's pages."""
    found, unread = read_rules(text, kind)
    assert (json.loads(msgspec.json.encode(found)), unread) == (rules, ())


def test_a_sentence_that_states_more_is_not_understood() -> None:
    """So nobody takes it for a rule that is checked."""
    _, unread = read_rules("Only .mp4 files, 3-10 seconds, 720-2160px. Describes the video.", "string")
    assert unread == ("Only .mp4 files, 3-10 seconds, 720-2160px.",)
    assert read_rules('Specify "512x512", "768x768", etc.', "string") == (
        Rules(),
        ('Specify "512x512", "768x768", etc.',),
    )


def test_synonyms_commit_to_the_same() -> None:
    """And other numbers to something else."""
    assert atoms("expires after 24h") == atoms("available for 24 hours") != atoms("expires after 12h")


@pytest.mark.slow
@pytest.mark.parametrize(
    "run",
    [
        "1" * 100_000,
        "1," * 50_000,
        '"' * 100_000,
        "a." * 50_000,
        "not " * 25_000,
        "# x\n\n" * 20_000,
        f"{' ' * 50_000}.",
        "\n" * 200_000 + "x",
        "## Status Flow\n\n" + "QUEUED → ERROR\n\n" * 2_000,
    ],
)
def test_no_text_takes_long(run: str) -> None:
    """A page with a long run of anything is read in a time that its length allows."""
    damaged = own_page().replace("maximum 2000 characters", f"maximum 2000 characters {run}", 1) + f"\n\n{run}\n"
    assert compare_pages(OURS, read_page(damaged)) != ()
    assert len(read_page(f"{own_page()}\n\n## Output\n\n```\n{{{run}\n```\n").operations) == 2


@pytest.mark.parametrize("below", ["---", "API \n---"])
def test_a_line_of_dashes_below_a_table_leaves_its_rows(below: str) -> None:
    """It makes no heading of them."""
    page = f"{own_page()}\n\n## Pricing\n| Resolution | Price (USD) |\n| --- | --- |\n| 768P | $0.28 |\n{below}\n"
    assert read_page(page).operations[-1].prices == {"768P": "$0.28"}


def test_a_price_may_depend_on_two_columns() -> None:
    """Also where their cells are paragraphs."""
    cells = ("Resolution", "Duration", "Price", "768P", "6s", "$0.28", "768P", "10s", "$0.56")
    page = "\n\n".join((own_page(), "## Pricing", *cells))
    assert read_page(page).operations[-1].prices == {"768P, 6s": "$0.28", "768P, 10s": "$0.56"}
