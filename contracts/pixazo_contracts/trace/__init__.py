"""What one run observed: its target, exchanges and callbacks, and questions about them."""

from __future__ import annotations

from .exchange import MISSING, Callback, Exchange, Intent, JsonObject, MediaFacts, is_array, is_object, parse_json
from .instants import STAMP, STAMPS, GatewayClock, created, fit_clock, http_date, instant, whole_number
from .media import inspect_media
from .origin import canonical_origin, only_reads
from .target import (
    DOCUMENTED_ORIGIN,
    KEY_HEADER,
    MODEL,
    MODEL_BASE,
    SETTLE_POLLS,
    SHORTEST_SETTLE,
    STATUS_BASE,
    THROTTLED,
    Ceilings,
    ConfigurationError,
    Profile,
    ProfileFile,
    Target,
    capable,
    check_number,
    host_is_loopback,
    read_profile,
    read_toml,
)
from .trace import (
    RANK,
    STATES,
    TERMINAL,
    Footer,
    Generation,
    Header,
    InvalidTraceError,
    Trace,
    dump_record,
    find_generations,
    load_trace,
    receiver_token,
)

__all__ = [
    "DOCUMENTED_ORIGIN", "KEY_HEADER", "MISSING", "MODEL", "MODEL_BASE", "RANK", "SETTLE_POLLS", "SHORTEST_SETTLE", "STAMP", "STAMPS", "STATES", "STATUS_BASE", "TERMINAL", "THROTTLED", "Callback", "Ceilings", "ConfigurationError", "Exchange", "Footer", "GatewayClock", "Generation", "Header", "Intent", "InvalidTraceError", "JsonObject", "MediaFacts", "Profile", "ProfileFile", "Target", "Trace", "canonical_origin", "capable", "check_number", "created", "dump_record", "find_generations", "fit_clock", "host_is_loopback", "http_date", "inspect_media", "instant", "is_array", "is_object", "load_trace", "only_reads", "parse_json", "read_profile", "read_toml", "receiver_token", "whole_number",
]  # fmt: skip
