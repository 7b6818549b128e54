"""The points of the simulator's policy that traffic can decide: their values, and which traffic decides each.

The simulator has the same table (`pixazo-sim policy`), which the contracts do not import: a test compares the two.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Point(NamedTuple):
    """A field of the policy; `values` are its words, none where it is written in a form of its own. `decided_by` is said where it is open."""

    name: str
    values: tuple[str, ...]
    decided_by: str


def _point(name: str, values: str, decided_by: str) -> Point:
    return Point(name, tuple(values.split()), decided_by)


#: In the order of the simulator's table.
POINTS: Final = (
    _point("request_id", "uuid7 thirteen", "an accepted submit"),
    _point("media", "mp4 placeholder", "a read of a COMPLETED generation"),
    _point("public_origin", "", "an accepted submit with its polling_url"),
    _point("t2v_limits", "i2v open", "a generate with a duration, resolution or length that image-to-video forbids, and nothing else odd"),
    _point("combo_1080p_10s", "refuse accept fail", "an imageToVideo of 1080P and 10 s, read until it ends"),
    _point("prompt_unit", "code_points utf16 bytes", "an imageToVideo whose prompt has at most 2000 characters and more bytes or UTF-16 units"),
    _point("blank_prompt", "refuse accept", "a submit whose prompt is empty or white space"),
    _point("unknown_members", "ignore refuse", "a submit with a member that the page does not list"),
    _point("validation_body", "title_message sentence_status", "a submit refused for its body"),
    _point("image_rules", "refuse fail", "an image as data URL that is too small, too long or of a wrong format"),
    _point("image_urls", "unseen table https", "an image at a plain http URL, or at a host that cannot exist, read until it ends"),
    _point("missing_key", "apim queue", "a call without a key"),
    _point("unknown_key", "apim queue", "a call with an unknown key"),
    _point("query_key", "refuse accept", "a call with the key in the query only"),
    _point("forbidden", "queue apim_quota html_reads", "a submit, and a read, that are answered 403"),
    _point("throttled", "apim queue apim_bare", "a call that is answered 429"),
    _point("rate_limit", "", "two windows in which the same number of calls was answered before a 429"),
    _point("unknown_route", "404 405", "a wrong method on a known path"),
    _point("unknown_id", "404 403_foreign", "a read with another account's key"),
    _point("insufficient_balance", "printed required", "a submit that is answered 402"),
    _point("check_order", "", "a submit with two faults, answered for one that is usually looked for later"),
    _point("content_type", "400 ignore 415", "a valid submit that is not declared as application/json"),
    _point("body_limit", "", "nothing that traffic shows: measure it"),
    _point("price", "", "nothing that traffic shows: see the wallet"),
    _point("refunds", "error error_failed", "nothing that traffic shows: see the wallet"),
    _point("status_members", "all minimal_failure", "a read of a FAILED or ERROR generation"),
    _point("timestamps", "rfc3339 mixed", "a read that shows updated_at"),
    _point("job_times", "", "generations read until they are COMPLETED, at least once while PROCESSING"),
    _point("webhook_events", "terminal header", "a submit with X-Webhook-Mode: sync that is processed for more than 16 s"),
    _point("webhook_retries", "", "a webhook that the receiver refuses each time, and no further one for ten times the last pause (at least 600 s)"),
    _point("webhook_signature", "none standard", "a webhook"),
    _point("webhook_redirects", "refuse follow", "a webhook that the receiver answers with a redirect"),
    _point("callback_url", "post ignore challenge", "a generation with callback_url, read until it ends"),
    _point("both_channels", "each header member", "a generation with X-Webhook-URL and another callback_url, read until it ends"),
    _point("bad_webhook_url", "refuse ignore", "a submit whose X-Webhook-URL is no http or https URL"),
    _point("http_webhook_url", "accept refuse", "a submit whose X-Webhook-URL is http, and that is refused or called back"),
    _point("webhook_allow", "", "nothing: it is a safety rule of the simulator"),
    _point("read_delay", "", "a read at most a second after the submit, or reads that are answered 404 before others are not"),
    _point("moderation", "fail refuse", "a prompt that moderation rejects"),
    _point("retention", "", "a read, or a download, that was answered, and later is answered 404"),
    _point("queued_to_end", "no yes", "a FAILED or ERROR generation that was read often"),
    _point("cors", "off on", "a preflight of a browser"),
    _point("submit_code", "202 200", "an accepted submit"),
    _point("null_members", "refuse ignore", "a submit with an optional member that is null"),
    _point("empty_callback_url", "ignore refuse", "a submit with an empty callback_url, where bad webhook URLs are known to be refused"),
    _point("image_megabyte", "mib mb", "an image as data URL of 20,000,000 to 20,971,519 bytes"),
    _point("image_type", "listed match any", "an image as data URL whose media type is not that of its content"),
    _point("media_origin", "", "a read of a COMPLETED generation, whose polling_url is known"),
    _point("callback_events", "end updates", "a callback_url that is called for a generation that was read while PROCESSING"),
    _point("media_user_agents", "", "a download that is answered 403, with its User-Agent"),
    _point("video_aspect", "fixed first_frame", "a download of an imageToVideo whose image is a data URL of another aspect than 16:9"),
    _point("status_head", "refuse answer", "a HEAD on the status of one's own generation"),
    _point("cache_control", "media none no_store", "a download and any other response"),
    _point("webhook_timeout", "", "nothing that traffic shows: a receiver that is slow on purpose"),
    _point("concurrency", "", "two submits that are answered 429 while the same number of generations is unfinished"),
)  # fmt: skip
