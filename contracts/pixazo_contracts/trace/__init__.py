"""What one run observed: its target, exchanges and callbacks, and questions about them."""

from __future__ import annotations

from pixazo_html import encode_json, visible

from .exchange import (
    MISSING,
    Callback,
    Exchange,
    Intent,
    JsonObject,
    inspect_media,
    is_array,
    is_object,
    join_url,
    members_of,
    parse_json,
    repeated_names,
    split_url,
)
from .settings import ConfigurationError, read_settings
from .target import (
    DOCUMENTED_ORIGIN,
    KEY_HEADER,
    MODEL,
    MODEL_BASE,
    STATUS_BASE,
    THROTTLED,
    Ceilings,
    Profile,
    ProfileFile,
    Target,
    canonical_origin,
    capable,
    check_known,
    check_names,
    check_number,
    host_is_loopback,
    may_fetch,
    only_reads,
    read_profile,
)
from .trace import (
    RANK,
    STAMP,
    STAMPS,
    STATES,
    TERMINAL,
    WORST_MISFIT,
    Footer,
    GatewayClock,
    Generation,
    Header,
    InvalidTraceError,
    Record,
    Trace,
    created,
    decode_tagged,
    dump_record,
    find_generations,
    fit_clock,
    http_date,
    instant,
    load_trace,
    receiver_token,
    webhook_urls,
    whole_number,
)

__all__ = [
    "DOCUMENTED_ORIGIN", "KEY_HEADER", "MISSING", "MODEL", "MODEL_BASE", "RANK", "STAMP", "STAMPS", "STATES", "STATUS_BASE", "TERMINAL", "THROTTLED", "WORST_MISFIT", "Callback", "Ceilings", "ConfigurationError", "Exchange", "Footer", "GatewayClock", "Generation", "Header", "Intent", "InvalidTraceError", "JsonObject", "Profile", "ProfileFile", "Record", "Target", "Trace", "canonical_origin", "capable", "check_known", "check_names", "check_number", "created", "decode_tagged", "dump_record", "encode_json", "find_generations", "fit_clock", "host_is_loopback", "http_date", "inspect_media", "instant", "is_array", "is_object", "join_url", "load_trace", "may_fetch", "members_of", "only_reads", "parse_json", "read_profile", "read_settings", "receiver_token", "repeated_names", "split_url", "visible", "webhook_urls", "whole_number",
]  # fmt: skip
