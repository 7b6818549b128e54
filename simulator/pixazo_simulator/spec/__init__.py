"""What the vendor's page specifies: endpoints, parameters, policy, errors, responses, lifecycle; and the redaction of secrets."""

# ruff: noqa: F403, F405 - what other wings may use stands once, in `__all__`

from __future__ import annotations

from .decoding import *
from .endpoints import *
from .errors import *
from .formats import *
from .images import *
from .lifecycle import *
from .models import *
from .parameters import *
from .policy import *
from .redaction import *
from .responses import *
from .text import *

__all__ = [
    "ANY_MODEL", "CALLBACK_MEMBER", "CONSOLE_PATH", "CONTROL_PREFIX", "DEFAULT_DURATION", "DEFAULT_ERRORS",
    "DEFAULT_RESOLUTION", "DISCOVERY_PATH", "DURATIONS", "FORMS", "HAILUO", "HEAD_LIMIT", "HIDDEN", "IMAGE_LIMITS", "KEYS",
    "KEY_HEADER", "LABELS", "LAST_INSTANT", "LAST_PORT", "LONGEST_BASE_PATH", "LONGEST_URL", "LOOPBACK_OF", "MEDIA_KINDS",
    "MODEL_ID", "MOST_REMEMBERED", "NEVER", "NOT_PROCESSED", "NO_MAGIC", "OPENAPI_PATH", "OPERATIONS", "OUTCOME_HEADER", "PAGE_INSTANT",
    "PHRASES", "PROFILES", "PROMPTS", "PROMPT_LIMIT", "QUERY_KEY", "REDACTED", "RESOLUTIONS", "SECOND", "SHORT_SIDE",
    "SMALL_BODY", "STATUS_PATH", "SUBMITS", "SUBMIT_PATHS", "TERMINAL", "TEXT_TO_VIDEO", "WEBHOOK_MODE_HEADER",
    "WEBHOOK_URL_HEADER", "Answer", "BodyTooLarge", "Broken", "Document", "Endpoint", "Findings", "Header", "ImageFacts",
    "ImageParameters", "InsufficientFunds", "InvalidBody", "InvalidDataError", "InvalidKey", "InvalidParameters", "InvalidTextError",
    "IpAddress", "JobTimes", "KeySuspended", "Label", "Magic", "MediaRead", "MissingKey", "ModelFile", "ModelNotFound", "Operation",
    "Parameter", "Parameters", "Path", "Plan", "Policy", "PolicyDecision", "Problem", "RateLimit", "Redactor", "Refusal",
    "SecretFilter", "Snapshot", "Status", "StatusRead", "Submit", "Throttled", "TooManyBodies", "TooManyPending",
    "TooManyUnfinished", "UnknownModel", "UnknownRequest", "UnknownRoute", "Unrouted", "UnsupportedMediaType", "Violation",
    "accepted_answer", "base_path", "beginning", "begun", "check", "classify", "closest", "covers", "description_of",
    "dollars", "finish", "fit", "has_invalid_ratio", "has_too_many_values", "html_answer", "http_date", "image_facts",
    "is_loopback_ip", "is_secret", "is_success", "left", "media_path", "media_type", "media_url", "members", "micros", "model_problems",
    "nearest", "not_unicode", "parameters_of", "plain_ip", "plain_parameters", "points", "problems_of", "problems_within", "queue_error", "raised_at", "read",
    "read_data_url", "read_instant", "read_key", "read_magic", "read_model", "read_text_as", "refusal_answer", "refused_agent",
    "regex", "renamed", "rows", "sentence", "shown", "snapshot", "status_body", "synchronous_answer",
    "timestamp", "unknown_member", "unknown_operation", "upstream_body", "upstream_challenge", "url_problem",
]  # fmt: skip
