"""The policy of a world as a request sets it."""

from __future__ import annotations

from typing import Literal, TypedDict


class PolicyFields(TypedDict, total=False):
    """What the fields of a policy can be set to, for type checkers: strings as on the command line, or numbers and lists.

    No type checker can derive it from `Policy`; tests/simulator/spec/test_policy.py keeps the two equal.
    """

    request_id: Literal["uuid7", "thirteen"]
    media: Literal["mp4", "placeholder"]
    public_origin: str
    t2v_limits: Literal["i2v", "open"]
    combo_1080p_10s: Literal["refuse", "accept", "fail"]
    prompt_unit: Literal["code_points", "utf16", "bytes"]
    blank_prompt: Literal["refuse", "accept"]
    unknown_members: Literal["ignore", "refuse"]
    validation_body: Literal["title_message", "sentence_status"]
    image_rules: Literal["refuse", "fail"]
    image_urls: Literal["unseen", "table", "https"]
    missing_key: Literal["apim", "queue"]
    unknown_key: Literal["apim", "queue"]
    query_key: Literal["refuse", "accept"]
    forbidden: Literal["queue", "apim_quota", "html_reads"]
    throttled: Literal["apim", "queue", "apim_bare"]
    rate_limit: str
    unknown_route: Literal["404", "405"] | int
    unknown_id: Literal["404", "403_foreign"]
    insufficient_balance: Literal["printed", "required"]
    check_order: str | list[str]
    content_type: Literal["400", "ignore", "415"] | int
    body_limit: str | int
    price: str
    refunds: Literal["error", "error_failed"]
    status_members: Literal["all", "minimal_failure"]
    timestamps: Literal["rfc3339", "mixed"]
    job_times: str
    webhook_events: Literal["terminal", "header"]
    webhook_retries: str | list[int]
    webhook_signature: Literal["none", "standard"]
    webhook_redirects: Literal["refuse", "follow"]
    callback_url: Literal["post", "ignore", "challenge"]
    both_channels: Literal["each", "header", "member"]
    bad_webhook_url: Literal["refuse", "ignore"]
    http_webhook_url: Literal["accept", "refuse"]
    webhook_allow: str | list[str]
    read_delay: str | int
    moderation: Literal["fail", "refuse"]
    retention: str
    queued_to_end: Literal["no", "yes"]
    cors: Literal["off", "on"] | bool
    submit_code: Literal["202", "200"] | int
    null_members: Literal["refuse", "ignore"]
    empty_callback_url: Literal["ignore", "refuse"]
    image_megabyte: Literal["mib", "mb"]
    image_type: Literal["listed", "match", "any"]
    media_origin: str
    callback_events: Literal["end", "updates"]
    media_user_agents: str | list[str]
    video_aspect: Literal["fixed", "first_frame"]
    status_head: Literal["refuse", "answer"]
    cache_control: Literal["media", "none", "no_store"]
    webhook_timeout: str | int
    concurrency: str | int
