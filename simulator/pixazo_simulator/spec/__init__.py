"""What the vendor's page specifies: endpoints, parameters, policy, errors, responses, lifecycle; and the redaction of secrets."""

from __future__ import annotations

from .addresses import LAST_PORT, IpAddress, is_loopback_ip, plain_ip
from .decoding import InvalidDataError, Path, fit, json_lines, read, read_toml, toml_lines
from .endpoints import (
    CALLBACK_MEMBER,
    CONTROL_PREFIX,
    DISCOVERY_PATH,
    KEY_HEADER,
    QUERY_KEY,
    STATUS_PATH,
    SUBMIT_PATHS,
    WEBHOOK_MODE_HEADER,
    WEBHOOK_URL_HEADER,
    Endpoint,
    Header,
    MediaRead,
    StatusRead,
    Submit,
    UnknownModel,
    Unrouted,
    classify,
)
from .errors import (
    HEAD_LIMIT,
    LONGEST_URL,
    SMALL_BODY,
    BodyTooLarge,
    Broken,
    InsufficientFunds,
    InvalidBody,
    InvalidKey,
    InvalidParameters,
    KeySuspended,
    MissingKey,
    ModelNotFound,
    Problem,
    Refusal,
    Throttled,
    TooManyBodies,
    TooManyPending,
    UnknownRequest,
    UnknownRoute,
    UnsupportedMediaType,
    Violation,
)
from .images import ImageFacts, image_facts, read_data_url
from .lifecycle import NEVER, TERMINAL, Plan, Snapshot, Status, finish, snapshot
from .parameters import (
    DEFAULT_DURATION,
    DEFAULT_RESOLUTION,
    DURATIONS,
    IMAGE_LIMIT,
    KEYS,
    MODEL_ID,
    OPERATIONS,
    PROMPT_LIMIT,
    PROMPTS,
    RESOLUTIONS,
    SHORT_SIDE,
    SUBMITS,
    Findings,
    ImageParameters,
    Magic,
    Operation,
    Parameters,
    check,
    has_too_many_values,
    members,
    parameters_of,
    read_key,
    unknown_member,
    url_problem,
)
from .policy import PROFILES, Policy, PolicyFields, RateLimit, points, rows
from .redaction import HIDDEN, REDACTED, Redactor, SecretFilter, is_secret, renamed
from .responses import (
    DEFAULT_ERRORS,
    NOT_PROCESSED,
    PHRASES,
    Answer,
    accepted_answer,
    html_answer,
    http_date,
    media_path,
    media_type,
    queue_error,
    refusal_answer,
    sentence,
    status_body,
    timestamp,
    upstream_body,
    upstream_challenge,
)
from .text import beginning, closest, nearest, raised_at, shortened, shown
from .units import LAST_INSTANT, PAGE_INSTANT, SECOND, dollars, micros

__all__ = [
    "CALLBACK_MEMBER", "CONTROL_PREFIX", "DEFAULT_DURATION", "DEFAULT_ERRORS", "DEFAULT_RESOLUTION", "DISCOVERY_PATH",
    "DURATIONS", "HEAD_LIMIT", "HIDDEN", "IMAGE_LIMIT", "KEYS", "KEY_HEADER", "LAST_INSTANT", "LAST_PORT",
    "LONGEST_URL", "MODEL_ID", "NEVER", "NOT_PROCESSED", "OPERATIONS", "PAGE_INSTANT", "PHRASES", "PROFILES", "PROMPTS",
    "PROMPT_LIMIT", "QUERY_KEY", "REDACTED", "RESOLUTIONS", "SECOND", "SHORT_SIDE", "SMALL_BODY", "STATUS_PATH",
    "SUBMITS", "SUBMIT_PATHS", "TERMINAL", "WEBHOOK_MODE_HEADER", "WEBHOOK_URL_HEADER", "Answer", "BodyTooLarge",
    "Broken", "Endpoint", "Findings", "Header", "ImageFacts", "ImageParameters", "InsufficientFunds", "InvalidBody",
    "InvalidDataError", "InvalidKey", "InvalidParameters", "IpAddress", "KeySuspended", "Magic", "MediaRead",
    "MissingKey", "ModelNotFound", "Operation", "Parameters", "Path", "Plan", "Policy", "PolicyFields", "Problem",
    "RateLimit", "Redactor", "Refusal", "SecretFilter", "Snapshot", "Status", "StatusRead", "Submit", "Throttled",
    "TooManyBodies", "TooManyPending", "UnknownModel", "UnknownRequest", "UnknownRoute", "Unrouted",
    "UnsupportedMediaType", "Violation", "accepted_answer", "beginning", "check", "classify", "closest", "dollars",
    "finish", "fit", "has_too_many_values", "html_answer", "http_date", "image_facts", "is_loopback_ip", "is_secret",
    "json_lines", "media_path", "media_type", "members", "micros", "nearest", "parameters_of", "plain_ip", "points",
    "queue_error", "raised_at", "read", "read_data_url", "read_key", "read_toml", "refusal_answer", "renamed", "rows",
    "sentence", "shortened", "shown", "snapshot", "status_body", "timestamp", "toml_lines", "unknown_member",
    "upstream_body", "upstream_challenge", "url_problem",
]  # fmt: skip
